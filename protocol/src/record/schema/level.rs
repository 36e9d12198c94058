//! Levels: whether a value may be written to the own circle, a named circle, the commons.
//!
//! A node refuses to write a value to a circle that its field's level does not allow. The commons holds only values in
//! the coarse form that the field's commons rule requires; only [`Schema::coarsened`] makes a coarse value.

use thiserror::Error;

use super::{Commons, Field, Kind, Level, Schema, Value};
use crate::record::date::{Date, Precision};

/// The kind of a circle, by its readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An own circle: one organisation, all its devices.
    Own,
    /// A named circle: a list of organisations.
    Named,
    /// The commons: all members.
    Commons,
}

/// Errors of writing a value to a circle.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LevelError {
    /// The field stays in the own circle.
    #[error("{field} stays in the organisation")]
    Local {
        /// The field.
        field: String,
    },
    /// The code stays in the own circle although its field may be shared.
    #[error("this code of {field} stays in the organisation: {}", advice(twin))]
    LocalTerm {
        /// The field.
        field: String,
        /// The local field that takes the code; none if the whole record stays.
        twin: Option<String>,
    },
    /// The value is only the name of an organisation, and such names are not shared.
    #[error("{field} names an organisation that is not in the address book; a name stays in the organisation")]
    NameOfOrganisation {
        /// The field.
        field: String,
    },
    /// The commons may not hold the field.
    #[error("{field} never goes to the commons")]
    NotForCommons {
        /// The field.
        field: String,
    },
    /// The commons holds a coarser value, or only some of the codes.
    #[error("{field}: the commons holds only {allowed}")]
    TooFine {
        /// The field.
        field: String,
        /// The form that the commons holds.
        allowed: &'static str,
    },
}

fn advice(twin: &Option<String>) -> String {
    match twin {
        Some(twin) => format!("write it to {twin}"),
        None => "so does the whole record".to_owned(),
    }
}

impl Schema {
    /// Checks that `value` of `field` may be written to a circle of kind `to`. Caps and consent restrict further (see
    /// sharing).
    ///
    /// # Errors
    /// See [`LevelError`].
    pub fn may_go(&self, field: &Field, value: &Value, to: Place) -> Result<(), LevelError> {
        if to == Place::Own {
            return Ok(());
        }
        let name = || field.name.clone();
        if field.level == Level::Local {
            return Err(LevelError::Local { field: name() });
        }
        if let Some(local) = self.rules.term_local(&field.name, value) {
            return Err(LevelError::LocalTerm { field: name(), twin: local.twin.clone() });
        }
        if field.kind == Kind::Org && !matches!(value, Value::Org(_)) {
            return Err(LevelError::NameOfOrganisation { field: name() });
        }
        if to == Place::Named {
            return Ok(());
        }
        let too_fine = |allowed| Err(LevelError::TooFine { field: name(), allowed });
        match &field.commons {
            Commons::None => Err(LevelError::NotForCommons { field: name() }),
            Commons::Year if !is_year(value) => too_fine("the year"),
            Commons::Group(map) if !self.is_group(map, value) => too_fine("the group"),
            Commons::Exact if !self.is_public_code(field, value) => too_fine("codes of public proceedings and sources"),
            Commons::Exact if !self.has_format(field, value) => too_fine("identifiers in their exact form"),
            Commons::Year | Commons::Group(_) | Commons::Exact => Ok(()),
        }
    }

    /// Returns the form of `value` that the commons may hold: its year, its group or itself; none if it cannot be made
    /// coarse enough.
    #[must_use]
    pub fn coarsened(&self, field: &Field, value: &Value) -> Option<Value> {
        let coarse = match &field.commons {
            Commons::None => return None,
            Commons::Exact => value.clone(),
            Commons::Year => {
                let date: Date = value.as_text()?.parse().ok()?;
                let (earliest, latest) = (date.earliest()?.year(), date.latest()?.year());
                (earliest == latest).then(|| Value::Text(format!("{earliest:04}")))?
            }
            Commons::Group(_) if self.may_go(field, value, Place::Commons).is_ok() => value.clone(),
            Commons::Group(map) => Value::Text(self.rules.commons_maps.get(map)?.get(value.as_text()?)?.clone()),
        };
        self.may_go(field, &coarse, Place::Commons).is_ok().then_some(coarse)
    }

    fn is_group(&self, map: &str, value: &Value) -> bool {
        let groups = self.rules.commons_maps.get(map);
        value.as_text().is_some_and(|text| groups.is_some_and(|map| map.values().any(|group| group == text)))
    }

    /// Whether `value` is a code that the commons may hold: one of the vocabulary or, if the field has one, of its
    /// list.
    fn is_public_code(&self, field: &Field, value: &Value) -> bool {
        let Some(vocabulary) = &field.vocabulary else { return true };
        let Some(code) = value.as_text() else { return false };
        match self.rules.commons_codes.get(&field.name) {
            Some(codes) => codes.contains(code),
            None => self.vocabularies[vocabulary].term(code).is_some(),
        }
    }

    /// Whether an identifier for the commons is one of the closed tokens or has the field's format.
    fn has_format(&self, field: &Field, value: &Value) -> bool {
        field.kind != Kind::Identifier || self.check(&field.name, value).is_ok()
    }
}

fn is_year(value: &Value) -> bool {
    let date = value.as_text().and_then(|text| text.parse::<Date>().ok());
    date.is_some_and(|date| date.precision() == Precision::Year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::ids::OrgId;

    fn go(field: &str, value: impl Into<Value>, to: Place) -> Result<(), LevelError> {
        let schema = Schema::current();
        schema.may_go(schema.field(field).expect(field), &value.into(), to)
    }

    #[test]
    fn a_local_field_goes_nowhere() {
        assert_eq!(go("person_name.full_name", "СИН Пример", Place::Own), Ok(()));
        for to in [Place::Named, Place::Commons] {
            let error = go("person_name.full_name", "СИН Пример", to);
            assert_eq!(error, Err(LevelError::Local { field: "person_name.full_name".into() }));
        }
    }

    #[test]
    fn a_sealed_field_goes_to_named_circles_only() {
        assert_eq!(go("capture_episode.date", "2022-10-04", Place::Named), Ok(()));
        let error = go("capture_episode.date", "2022", Place::Commons);
        assert_eq!(error, Err(LevelError::NotForCommons { field: "capture_episode.date".into() }));
    }

    #[test]
    fn a_local_code_names_its_twin() {
        let check = |field: &str, code: &str, twin: Option<&str>| {
            assert_eq!(go(field, code, Place::Own), Ok(()));
            let expected = LevelError::LocalTerm { field: field.into(), twin: twin.map(Into::into) };
            assert_eq!(go(field, code, Place::Named), Err(expected));
        };
        check("capture_episode.circumstances", "voluntary_hotline", Some("capture_episode.circumstances_local"));
        check("case_file.risk", "suicide", Some("case_file.risk_local"));
        check("captivity_statement.type", "witness_in_ua_case", Some("captivity_statement.type_local"));
        check("health_record.type", "suicide_risk", None);
        check("family_appeal.addressee", "ua_want_to_live", None);
        assert_eq!(go("capture_episode.circumstances", "wounded", Place::Named), Ok(()));
    }

    #[test]
    fn the_commons_holds_a_year_a_group_or_a_public_fact() {
        let check = |field: &str, value: &str, fits: bool| {
            assert_eq!(go(field, value, Place::Commons).is_ok(), fits, "{field} {value}");
        };
        check("case_file.year_of_return", "2024", true);
        check("case_file.year_of_return", "2024-01", false);
        check("case_file.year_of_return", "2024~", false);
        check("case_file.category_group", "called_up", true);
        check("case_file.category_group", "conscript", false);
        check("docket_event.type", "verdict", true);
        check("docket_event.type", "interrogation", false);
        check("docket_event.type", "of.a.newer.schema", false);
        check("docket_source.type", "court_card", true);
        check("docket_source.type", "family_interview", false);
        check("docket_statement.type", "job_loss", false);
        check("docket.court_id", "99GV0001", true);
        check("docket.court_id", "Ivanov", false);
        check("docket.court_number", "1-12/2025", true);
        check("docket.court_number", "1-12/25", false);
        check("docket_charge.status", "proven", true);
        check("docket_charge.status", "anything else", false);
        check("docket_argument.cited_act", "RU-SC-PLENUM-11/2023", true);
        check("docket_argument.cited_act", "as told by Ivanov", false);
    }

    #[test]
    fn a_coarser_value_is_made_by_one_function() {
        let check = |field: &str, value: &str, expected: Option<&str>| {
            let schema = Schema::current();
            let coarse = schema.coarsened(schema.field(field).expect(field), &value.into());
            assert_eq!(coarse, expected.map(Value::from), "{field} {value}");
        };
        check("case_file.year_of_return", "2024-01-15", Some("2024"));
        check("case_file.year_of_return", "2024-01~", Some("2024"));
        check("case_file.year_of_return", "2023-12-30/2024-01-02", None);
        check("case_file.year_of_return", "../2024-01-02", None);
        check("case_file.category_group", "conscript", Some("called_up"));
        check("case_file.category_group", "of_a_newer_schema", None);
        check("case_file.article_family", "RU-CC-205.2", Some("expression"));
        check("docket.court_number", "1-12/2025", Some("1-12/2025"));
        check("person.birth", "1990", None);
    }

    #[test]
    fn the_name_of_an_organisation_stays_at_home() {
        assert_eq!(go("referral.to_org", Value::Org(OrgId([1; 32])), Place::Named), Ok(()));
        let error = go("referral.to_org", "org:gamma", Place::Named);
        assert_eq!(error, Err(LevelError::NameOfOrganisation { field: "referral.to_org".into() }));
        assert_eq!(go("referral.to_org", "org:gamma", Place::Own), Ok(()));
    }
}
