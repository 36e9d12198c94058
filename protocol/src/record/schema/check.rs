//! Checking values before writing, and parsing what people type: each value has one canonical form.

use thiserror::Error;

use super::form::{address, example, has_format, is_hash, is_media_type, one_line, paragraph, roubles, whole};
use super::{Field, Format, Kind, Policy, Schema, Value, region};
use crate::record::{
    citation::{Article, CourtNumber},
    date::{DATE_BYTES, Date, DateError},
};

/// Length limit of a line in characters.
const TEXT_CHARS: usize = 200;
/// Length limit of a paragraph in characters.
const PARAGRAPH_CHARS: usize = 4000;
/// Length limit of a code in bytes.
const CODE_BYTES: usize = 40;
/// Length limit of an identifier in characters.
const IDENTIFIER_CHARS: usize = 64;
/// Length limit of a URL in bytes.
const URL_BYTES: usize = 2048;
/// Size limit of an attachment in bytes.
const FILE_BYTES: u64 = 4 << 30;
/// Largest integer that every reader of JSON represents exactly.
const INT_MAX: u64 = (1 << 53) - 1;
/// Country codes of ISO 3166-1 alpha-2, as of 2024.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT \
    MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA \
    SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US \
    UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

const YES: &[&str] = &["true", "yes", "y", "1", "да", "так", "есть", "є", "+"];
const NO: &[&str] = &["false", "no", "n", "0", "нет", "ні", "немає", "-"];

/// A value in the canonical form of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical(Value);

impl Canonical {
    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The value.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }
}

/// Errors of checking or parsing a value for a field.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// The schema has no such field.
    #[error("unknown field {field}{}", suggestion(nearest))]
    UnknownField {
        /// The name that was asked for.
        field: String,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// The field is computed and never written.
    #[error("{field} is computed from other fields and never written")]
    Computed {
        /// The field.
        field: String,
    },
    /// The value is of another type.
    #[error("{field}: expected {expected}")]
    Type {
        /// The field.
        field: String,
        /// The type of the field's values.
        expected: &'static str,
    },
    /// The schema does not list this code, token, region or country.
    #[error("{field}: unknown code «{code}»{}", suggestion(near))]
    UnknownCode {
        /// The field.
        field: String,
        /// The text given, at most 40 characters.
        code: String,
        /// Similar codes, the most similar first.
        near: Vec<String>,
    },
    /// The text does not have the field's form.
    #[error("{field}: expected {expected}")]
    Form {
        /// The field.
        field: String,
        /// The form, with an example.
        expected: &'static str,
    },
    /// The date cannot be parsed.
    #[error("{field}: {source}")]
    Date {
        /// The field.
        field: String,
        /// The reason.
        source: DateError,
    },
    /// The value is longer than the field allows.
    #[error("{field}: {found} {unit}, at most {limit} are allowed")]
    TooLong {
        /// The field.
        field: String,
        /// Length found.
        found: usize,
        /// Length allowed.
        limit: usize,
        /// Unit of the length.
        unit: &'static str,
    },
    /// The number is above the field's limit.
    #[error("{field}: at most {limit}")]
    TooLarge {
        /// The field.
        field: String,
        /// Largest number allowed.
        limit: u64,
    },
    /// The value is empty: an unknown value is left out.
    #[error("{field} is empty; leave it out if it is not known")]
    Empty {
        /// The field.
        field: String,
    },
}

fn suggestion<'a>(near: impl IntoIterator<Item = &'a String>) -> String {
    let near: Vec<_> = near.into_iter().map(|name| &**name).collect();
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) }
}

impl Schema {
    /// Checks that `value` may be written to `field`: its type, limits and canonical form.
    ///
    /// # Errors
    /// See [`ValueError`].
    pub fn check(&self, field: &str, value: &Value) -> Result<Canonical, ValueError> {
        let field = self.writable(field)?;
        let name = || field.name.clone();
        match (&field.kind, value) {
            (Kind::Bool, Value::Bool(_)) | (Kind::Ref(_), Value::Ref(_)) | (Kind::Org, Value::Org(_)) => {}
            (Kind::Int | Kind::MoneyRub | Kind::DurationDays | Kind::Percent, Value::Int(number)) => {
                let limit = largest(&field.kind);
                if *number > limit {
                    return Err(ValueError::TooLarge { field: name(), limit });
                }
            }
            (Kind::File, Value::File { bytes, media, .. }) => {
                if *bytes > FILE_BYTES {
                    return Err(ValueError::TooLarge { field: name(), limit: FILE_BYTES });
                }
                if !is_media_type(media) {
                    return Err(ValueError::Form { field: name(), expected: "a media type such as image/jpeg" });
                }
            }
            (kind, Value::Text(text)) if is_textual(kind) => self.check_text(field, text)?,
            (kind, _) => return Err(ValueError::Type { field: name(), expected: kind.expected() }),
        }
        Ok(Canonical(value.clone()))
    }

    /// Parses what a person typed into the canonical value of `field`; the field's kind determines the syntax.
    ///
    /// # Errors
    /// See [`ValueError`].
    pub fn parse(&self, field: &str, text: &str) -> Result<Value, ValueError> {
        let field = self.writable(field)?;
        let name = || field.name.clone();
        let text = if field.kind == Kind::Paragraph { paragraph(text) } else { one_line(text) };
        let form = |expected| ValueError::Form { field: name(), expected };
        if text.is_empty() {
            return Err(ValueError::Empty { field: name() });
        }
        let value = match &field.kind {
            Kind::Code | Kind::Region => Value::Text(self.code_of(field, &text).unwrap_or(text)),
            Kind::Text | Kind::Paragraph | Kind::Hash => Value::Text(text),
            Kind::Country => Value::Text(text.to_uppercase()),
            Kind::Language => Value::Text(text.to_lowercase()),
            Kind::Identifier => Value::Text(self.identifier(field, text)),
            Kind::Url => Value::Text(address(&text).ok_or_else(|| form(Kind::Url.expected()))?),
            Kind::Date => match Date::read(&text) {
                Ok(Some(date)) => Value::Text(date.to_string()),
                Ok(None) => return Err(ValueError::Empty { field: name() }),
                Err(source) => return Err(ValueError::Date { field: name(), source }),
            },
            Kind::Bool => {
                let word = text.to_lowercase();
                let answer = YES.contains(&&*word);
                if !answer && !NO.contains(&&*word) {
                    return Err(form("yes or no"));
                }
                Value::Bool(answer)
            }
            Kind::Int | Kind::DurationDays | Kind::Percent => {
                Value::Int(whole(text.trim_end_matches([' ', '%'])).ok_or_else(|| form("a whole number"))?)
            }
            Kind::MoneyRub => Value::Int(roubles(&text).ok_or_else(|| form("an amount in roubles, such as 195 000"))?),
            Kind::Ref(_) => Value::Ref(text.parse().map_err(|_| form("the id of an entity (entity1…)"))?),
            Kind::Org => text.parse().map_or(Value::Text(text), Value::Org),
            Kind::File => return Err(form("an attachment; it cannot be typed")),
        };
        self.check(&field.name, &value).map(Canonical::into_value)
    }

    /// Returns the code for a typed code, a label, or (for charges) an article as courts write it.
    fn code_of(&self, field: &Field, text: &str) -> Option<String> {
        if field.kind == Kind::Region {
            return self.regions.code_of(text).map(str::to_owned).or_else(|| Some(text.to_uppercase()));
        }
        let vocabulary = self.vocabulary(field.vocabulary.as_deref()?)?;
        let article = || match Article::read_all(text).ok()?.as_slice() {
            [article] if field.vocabulary.as_deref() == Some("charge") && article.form.is_none() => {
                Some(article.charge_code())
            }
            _ => None,
        };
        vocabulary.code_of(text).map(str::to_owned).or_else(article)
    }

    fn identifier(&self, field: &Field, text: String) -> String {
        if let Some(tokens) = self.tokens_of(field) {
            return tokens.code_of(&text).map_or(text, str::to_owned);
        }
        match self.rules.format(&field.name) {
            Some(Format::CourtNumber) => text.parse().map_or(text, |number: CourtNumber| number.to_string()),
            Some(Format::CourtUid | Format::CourtId) => text.to_uppercase(),
            Some(Format::Domain | Format::RandomId) => text.to_lowercase(),
            Some(Format::Provision) => match Article::read_all(&text).as_deref() {
                Ok([article]) => article.to_string(),
                _ => text,
            },
            Some(Format::Norm | Format::Judgment) | None => text,
        }
    }

    fn writable(&self, name: &str) -> Result<&Field, ValueError> {
        let Some(field) = self.field(name) else {
            let nearest = self.nearest_field(name).map(str::to_owned);
            return Err(ValueError::UnknownField { field: name.to_owned(), nearest });
        };
        if field.policy == Policy::Drv {
            return Err(ValueError::Computed { field: field.name.clone() });
        }
        Ok(field)
    }

    /// Checks the canonical form of textual kinds.
    fn check_text(&self, field: &Field, text: &str) -> Result<(), ValueError> {
        let name = || field.name.clone();
        let form = |holds, expected| if holds { Ok(()) } else { Err(ValueError::Form { field: name(), expected }) };
        let at_most = |limit, found, unit| {
            if found <= limit { Ok(()) } else { Err(ValueError::TooLong { field: name(), found, limit, unit }) }
        };
        let unknown = |near: Vec<&str>| {
            let code = text.chars().take(CODE_BYTES).collect();
            Err(ValueError::UnknownCode { field: name(), code, near: near.into_iter().map(str::to_owned).collect() })
        };
        if text.is_empty() {
            return Err(ValueError::Empty { field: name() });
        }
        match &field.kind {
            Kind::Code => {
                let vocabulary = field.vocabulary.as_deref().and_then(|id| self.vocabulary(id));
                let vocabulary = vocabulary.expect("a loaded code field has a vocabulary");
                let is_group = || self.is_group_of(field, text);
                if vocabulary.term(text).is_some() || is_group() { Ok(()) } else { unknown(vocabulary.near(text)) }
            }
            Kind::Text | Kind::Org => {
                at_most(TEXT_CHARS, text.chars().count(), "characters")?;
                form(text == one_line(text), "one line of composed text without extra spaces or invisible characters")
            }
            Kind::Paragraph => {
                at_most(PARAGRAPH_CHARS, text.chars().count(), "characters")?;
                form(text == paragraph(text), "composed text without control or direction-changing characters")
            }
            Kind::Date => {
                at_most(DATE_BYTES, text.len(), "bytes")?;
                let read = text.parse::<Date>().map(drop);
                read.map_err(|source| ValueError::Date { field: name(), source })
            }
            Kind::Region => {
                form(region::well_formed(text), "a region of ISO 3166-2, such as RU-PRI or UA-14")?;
                let known = !region::is_listed(text) || self.regions.term(text).is_some();
                if known { Ok(()) } else { unknown(self.regions.near(text)) }
            }
            Kind::Country => {
                let known = text.len() == 2 && COUNTRIES.split_whitespace().any(|country| country == text);
                if known { Ok(()) } else { unknown(Vec::new()) }
            }
            Kind::Language => {
                let letters = text.bytes().all(|byte| byte.is_ascii_lowercase());
                form(letters && (2..=3).contains(&text.len()), "a language of ISO 639, such as ru or uk")
            }
            Kind::Hash => form(is_hash(text), "sha256:, blake3: or phash: and lower-case hex digits"),
            Kind::Url => {
                at_most(URL_BYTES, text.len(), "bytes")?;
                form(address(text).as_deref() == Some(text), Kind::Url.expected())
            }
            Kind::Identifier => {
                at_most(IDENTIFIER_CHARS, text.chars().count(), "characters")?;
                form(text == one_line(text), "printable text without extra spaces or line breaks")?;
                if let Some(tokens) = self.tokens_of(field)
                    && tokens.term(text).is_none()
                {
                    return unknown(tokens.near(text));
                }
                match self.rules.format(&field.name) {
                    Some(format) => form(has_format(format, text), example(format)),
                    None => Ok(()),
                }
            }
            _ => unreachable!("only textual kinds are checked as text"),
        }
    }

    fn is_group_of(&self, field: &Field, text: &str) -> bool {
        let super::Commons::Group(map) = &field.commons else { return false };
        self.rules.commons_maps.get(map).is_some_and(|map| map.values().any(|group| group == text))
    }
}

/// Whether values of the kind are text. An organisation outside the address book is a line of text; [`Schema::may_go`]
/// keeps it in the own circle.
fn is_textual(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Bool | Kind::Ref(_) | Kind::Int | Kind::MoneyRub | Kind::DurationDays | Kind::Percent | Kind::File
    )
}

fn largest(kind: &Kind) -> u64 {
    match kind {
        Kind::MoneyRub => 1_000_000_000_000,
        Kind::DurationDays => 36_525,
        Kind::Percent => 100,
        _ => INT_MAX,
    }
}

#[cfg(test)]
mod tests;
