//! Rules over fields, as data (`data/rules.json`): tokens, formats, groups for the commons, caps, consent presets.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Labels, Value};

/// The content of `rules.json`; names are checked against the tables when the schema is loaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Identifier fields that take one of a closed list of tokens.
    pub tokens: BTreeMap<String, Vec<String>>,
    /// The labels of each token.
    pub token_labels: BTreeMap<String, Labels>,
    /// Identifier fields whose text must have a format.
    pub formats: BTreeMap<Format, BTreeSet<String>>,
    /// Map name → code → group: the coarser value that the commons may hold.
    pub commons_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// Fields of the docket that take only these codes of their vocabulary in the commons.
    pub commons_codes: BTreeMap<String, BTreeSet<String>>,
    /// Consent level → purposes it grants; a denial subtracts, a purpose not named is denied.
    pub consent_presets: BTreeMap<String, BTreeSet<String>>,
    /// Fields whose dates may be in the future when they are stated: a hearing, an expiry. Every other date is of a
    /// past event.
    pub may_lie_ahead: BTreeSet<String>,
    /// Codes that stay in the own circle although their field may be shared.
    pub term_locals: Vec<TermLocal>,
    /// Caps: restrictions of a share by circumstances of the case. A cap never permits more.
    pub caps: Vec<Cap>,
}

/// Format of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A random id: 32 lower-case hex digits.
    RandomId,
    /// A court number, such as `1-117/2022`.
    CourtNumber,
    /// The code of a court, such as `27GV0008`.
    CourtId,
    /// A court UID, such as `27GV0008-01-2019-000081-20`.
    CourtUid,
    /// A norm or act, such as `RU-CC-69.3` or `RU-SC-PLENUM-11/2023`.
    Norm,
    /// A single article in the form of [`crate::record::citation::Article`].
    Provision,
    /// Court UID, court number or the number of a published text.
    Judgment,
    /// A lower-case ASCII domain name.
    Domain,
}

/// Codes that are local even where their field is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermLocal {
    /// The sealed field.
    pub field: String,
    /// The codes that stay local.
    pub codes: BTreeSet<String>,
    /// The local field that takes the codes; none if the whole record stays in the own circle.
    pub twin: Option<String>,
}

/// A cap: a circumstance of a case and the restriction that follows from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Stable name of the cap.
    #[serde(rename = "cap")]
    pub name: String,
    /// Conditions of the cap; it applies if any of them holds anywhere in the case.
    pub any: Vec<Condition>,
    /// The widest level of the capped entities and fields; never the commons.
    pub level: CapLevel,
    /// The only audience of material that stays sealed.
    pub audience: Option<Audience>,
    /// Entities capped as a whole.
    pub entities: BTreeSet<String>,
    /// Fields capped individually.
    pub fields: BTreeSet<String>,
    /// Types of source whose values are not capped.
    #[serde(default)]
    pub except_source_types: BTreeSet<String>,
    /// Whether even the existence of the capped entities stays local.
    #[serde(default)]
    pub existence_local: bool,
    /// Whether exports are forbidden, whatever the consent.
    #[serde(default)]
    pub export_never: bool,
    /// Whether a court pack omits receipts and certificates of the organisation concerned.
    #[serde(default)]
    pub court_pack_without_organisation: bool,
    /// The end of the cap, in words; none if it ends with its condition.
    pub until: Option<String>,
    /// The reason, in words.
    pub why: String,
}

/// A condition of a cap.
#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    /// The field that is tested.
    pub field: String,
    /// The test of its values.
    #[serde(flatten)]
    pub test: Test,
}

/// A test of one value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The boolean equals this one.
    Is(bool),
    /// The code equals this one.
    Has(String),
    /// The code is one of these.
    In(BTreeSet<String>),
}

/// The widest level of capped material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapLevel {
    /// The own circle only.
    Local,
    /// The audience of the cap.
    Sealed,
}

/// The audience of material that a cap leaves sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The organisation of the counsel in the case.
    CounselOrganisation,
}

impl Cap {
    /// Whether `field` of `entity` (`entity.field`) is capped.
    #[must_use]
    pub fn covers(&self, entity: &str, field: &str) -> bool {
        self.entities.contains(entity) || self.fields.contains(field)
    }

    /// Whether the value of the field triggers the cap.
    #[must_use]
    pub fn set_by(&self, field: &str, value: &Value) -> bool {
        self.any.iter().any(|condition| condition.field == field && condition.test.holds(value))
    }
}

impl Test {
    /// Whether `value` passes the test.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Is(expected), Value::Bool(answer)) => expected == answer,
            (Self::Has(code), Value::Text(text)) => code == text,
            (Self::In(codes), Value::Text(text)) => codes.contains(text),
            _ => false,
        }
    }
}

impl Rules {
    /// The rule that keeps `value` of `field` in the own circle, if there is one.
    #[must_use]
    pub fn term_local(&self, field: &str, value: &Value) -> Option<&TermLocal> {
        let code = value.as_text()?;
        self.term_locals.iter().find(|local| local.field == field && local.codes.contains(code))
    }

    /// The format of an identifier field, if it has one.
    #[must_use]
    pub fn format(&self, field: &str) -> Option<Format> {
        self.formats.iter().find(|(_, fields)| fields.contains(field)).map(|(format, _)| *format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::schema::Schema;

    #[test]
    fn caps_are_set_by_flags_and_codes() {
        let set = |field: &str, value: &Value| {
            let caps = Schema::current().rules().caps.iter();
            caps.filter(|cap| cap.set_by(field, value)).map(|cap| &*cap.name).collect::<Vec<_>>()
        };
        assert_eq!(set("proceeding.closed_trial", &Value::Bool(true)), ["closed_trial"]);
        assert!(set("proceeding.closed_trial", &Value::Bool(false)).is_empty());
        assert_eq!(set("case_file.risk", &"in_custody_rf".into()), ["anyone_in_russia"]);
        assert_eq!(set("case_file.risk_local", &"state_secret".into()), ["state_secret"]);
        assert_eq!(set("paragraph.kind", &"note".into()), ["personal_narrative"]);
        assert!(set("paragraph.kind", &"summary".into()).is_empty());
    }

    #[test]
    fn each_preset_grants_all_that_the_one_below_grants() {
        let presets: Vec<_> = Schema::current().rules().consent_presets.values().collect();
        assert_eq!(presets.len(), 7);
        assert!(presets.windows(2).all(|pair| pair[0].is_subset(pair[1])));
        assert!(presets.iter().all(|preset| !preset.contains("icc")), "icc is asked separately");
    }
}
