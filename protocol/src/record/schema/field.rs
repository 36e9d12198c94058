//! Fields: the form of their values, who may see them, and how several values combine.

use super::{Labels, Value};

/// A kind of entity that records describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Name of the entity, such as `capture_episode`.
    pub name: String,
    /// The parent entity; none for the roots `case_file` and `docket` and for records of no case.
    pub parent: Option<String>,
    /// Whether the parent may have several of them.
    pub many: bool,
    /// Labels of the entity.
    pub labels: Labels,
}

/// A field of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name of the field, `entity.field`, such as `capture_episode.date`.
    pub name: String,
    /// The entity part of the name.
    pub entity: String,
    /// Kind of its values.
    pub kind: Kind,
    /// Vocabulary of its codes, for [`Kind::Code`].
    pub vocabulary: Option<String>,
    /// Whether the field may hold several values at once.
    pub many: bool,
    /// Whether a complete record has the field; a draft may lack it.
    pub required: bool,
    /// The most public circle that the field may be written to, the commons aside.
    pub level: Level,
    /// The form of the value that the commons may hold.
    pub commons: Commons,
    /// The policy for several values.
    pub policy: Policy,
    /// The order that decides which value wins, for [`Policy::Strict`].
    pub order: Order,
    /// Input fields of a computed field, for [`Policy::Drv`].
    pub derived_from: Vec<String>,
    /// Labels of the field.
    pub labels: Labels,
}

/// Kind of a field's values. [`super::Schema::check`] defines limits and canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A code of the field's vocabulary.
    Code,
    /// A line of text, at most 200 characters.
    Text,
    /// A paragraph of a narrative, at most 4,000 characters.
    Paragraph,
    /// A yes or a no.
    Bool,
    /// A count, 0 to 2⁵³ − 1.
    Int,
    /// Whole roubles, 0 to 10¹².
    MoneyRub,
    /// A date with its precision ([`crate::record::date::Date`]).
    Date,
    /// A region of ISO 3166-2.
    Region,
    /// A country of ISO 3166-1 alpha-2, upper case.
    Country,
    /// A language of ISO 639-1, else ISO 639-3, lower case.
    Language,
    /// A reference to an entity of the named kind.
    Ref(String),
    /// An organisation of the registry.
    Org,
    /// A hash: `sha256:…`, `blake3:…` or `phash:…` in lower-case hex.
    Hash,
    /// An absolute http or https address without user or fragment.
    Url,
    /// Whole days, 0 to 36,525.
    DurationDays,
    /// A percentage, 0 to 100.
    Percent,
    /// An attachment of at most 4 GiB.
    File,
    /// A number of a register, a rule id or a closed token, at most 64 characters.
    Identifier,
}

/// The level of a field: how far its values may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shared in the case's named circle, if the case is shared.
    Sealed,
    /// Kept in the own circle.
    Local,
}

/// The commons rule of a field: the form of the value that the commons may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commons {
    /// No value.
    None,
    /// The year only.
    Year,
    /// The group of the code, in the named map ([`super::Rules::commons_maps`]).
    Group(String),
    /// The exact value.
    Exact,
}

/// The policy for several values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Set once; a correction is a new record that supersedes.
    Imm,
    /// A single value if all agree, otherwise all side by side (multi-value register).
    Mvr,
    /// Union; removal is a statement of its own.
    Set,
    /// Append-only.
    Log,
    /// A value for each organisation.
    Org,
    /// The most restrictive wins, also over concurrent writes ([`Order`]).
    Strict,
    /// Computed, never written.
    Drv,
}

/// The order that ranks values of a [`Policy::Strict`] field by restriction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The field is not strict.
    None,
    /// Every value counts: the union is the most restrictive.
    Union,
    /// From the mildest to the most restrictive, which wins.
    Ranked(Vec<String>),
    /// The earliest date wins.
    LatestEarliest,
}

impl Order {
    /// Rank of `value` in a ranked order, higher wins; none for a value of a newer schema, which must not count as
    /// mild.
    #[must_use]
    pub fn rank(&self, value: &Value) -> Option<usize> {
        let Self::Ranked(values) = self else { return None };
        let text = match value {
            Value::Text(text) => text,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            _ => return None,
        };
        values.iter().position(|value| value == text)
    }
}

impl Kind {
    /// Description of a value of this kind, for an error text.
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        match self {
            Self::Code => "a code",
            Self::Text => "a line of text",
            Self::Paragraph => "a paragraph",
            Self::Bool => "yes or no (true or false)",
            Self::Int => "a whole number",
            Self::MoneyRub => "an amount in whole roubles",
            Self::Date => "a date as text",
            Self::Region => "a region",
            Self::Country => "a country",
            Self::Language => "a language",
            Self::Ref(_) => "a reference to an entity",
            Self::Org => "an organisation",
            Self::Hash => "a hash as text",
            Self::Url => "an http or https address without user part or fragment",
            Self::DurationDays => "a number of days",
            Self::Percent => "a number from 0 to 100",
            Self::File => "an attachment",
            Self::Identifier => "an identifier as text",
        }
    }

    /// The kind's word in the table; a reference without its entity.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Text => "text",
            Self::Paragraph => "paragraph",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::MoneyRub => "money_rub",
            Self::Date => "date",
            Self::Region => "region",
            Self::Country => "country",
            Self::Language => "language",
            Self::Ref(_) => "ref",
            Self::Org => "org",
            Self::Hash => "hash",
            Self::Url => "url",
            Self::DurationDays => "duration_days",
            Self::Percent => "percent",
            Self::File => "file",
            Self::Identifier => "identifier",
        }
    }

    /// The kind of a word in the table.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "code" => Self::Code,
            "text" => Self::Text,
            "paragraph" => Self::Paragraph,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "money_rub" => Self::MoneyRub,
            "date" => Self::Date,
            "region" => Self::Region,
            "country" => Self::Country,
            "language" => Self::Language,
            "org" => Self::Org,
            "hash" => Self::Hash,
            "url" => Self::Url,
            "duration_days" => Self::DurationDays,
            "percent" => Self::Percent,
            "file" => Self::File,
            "identifier" => Self::Identifier,
            _ => Self::Ref(word.strip_prefix("ref:")?.to_owned()),
        })
    }
}

impl Level {
    /// The level of a word in the table.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "local" => Some(Self::Local),
            "sealed" => Some(Self::Sealed),
            _ => None,
        }
    }
}

impl Commons {
    /// The commons rule of a word in the table.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::None,
            "year" => Self::Year,
            "exact" => Self::Exact,
            _ => Self::Group(word.strip_prefix("group:")?.to_owned()),
        })
    }
}

impl Policy {
    /// The policy of a word in the table.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "imm" => Self::Imm,
            "mvr" => Self::Mvr,
            "set" => Self::Set,
            "log" => Self::Log,
            "org" => Self::Org,
            "strict" => Self::Strict,
            "drv" => Self::Drv,
            _ => return None,
        })
    }
}

impl Order {
    /// The order of a word in the table.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "-" => Self::None,
            "union" => Self::Union,
            "latest,earliest" => Self::LatestEarliest,
            _ if word.contains(',') => Self::Ranked(word.split(',').map(str::to_owned).collect()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::schema::Schema;

    #[test]
    fn the_last_of_a_ranked_order_is_the_most_restrictive() {
        let order = |field: &str| &Schema::current().field(field).expect(field).order;
        let urgency = order("case_file.urgency");
        assert!(urgency.rank(&"24h".into()) > urgency.rank(&"high".into()));
        let cleared = order("referral.conflict_cleared");
        assert!(cleared.rank(&Value::Bool(false)) > cleared.rank(&Value::Bool(true)));
        assert_eq!(urgency.rank(&"of a newer schema".into()), None);
        assert_eq!(order("case_file.retention_until"), &Order::LatestEarliest);
        assert_eq!(order("case_file.risk"), &Order::Union);
    }
}
