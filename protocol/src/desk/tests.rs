//! What a person states, and what is refused before it is written.

use super::*;
use crate::section::sample::{says, view, view_of_one};

/// What stating `field=value` of entity 7 comes to, where `view` stands: the code of the refusal, if it is one.
fn state_of(field: &str, value: &str, view: &View) -> Result<(), String> {
    let entity = Some(EntityId([7; 16]));
    let fact = Fact { entity, field: field.to_owned(), value: value.to_owned(), source: None, grade: None };
    let mut entropy = Entropy::new([1; 32]);
    let stated = state(&[fact], RecordKind::Case, &view.section, Some(view), Place::Own, &mut entropy);
    stated.map(drop).map_err(|problem| problem.code)
}

/// `consent_record.withdrawn=false` was said to be saved, and the case file stayed hidden wherever it had been shared.
#[test]
fn what_a_stricter_value_outweighs_is_refused_instead_of_being_saved_for_nothing() {
    let check = |field: &str, standing: Value, value: &str, expected: Result<(), &str>| {
        let view = view_of_one(&[vec![says(7, field, standing)]]);
        assert_eq!(state_of(field, value, &view), expected.map_err(str::to_owned), "{field} {value}");
    };
    let refused = Err(codes::OUTWEIGHED);
    check("consent_record.withdrawn", Value::Bool(true), "false", refused);
    check("consent_record.withdrawn", Value::Bool(false), "true", Ok(()));
    check("consent_record.withdrawn", Value::Bool(true), "true", Ok(()));
    check("consent_record.level", "C1".into(), "C3", refused);
    check("consent_record.level", "C3".into(), "C1", Ok(()));
    check("consent_record.level", "C9 of a newer schema".into(), "C1", refused);
    check("case_file.urgency", "24h".into(), "normal", refused);
    check("case_file.retention_until", "2027".into(), "2030", refused);
    check("case_file.retention_until", "2030".into(), "2027", Ok(()));
    // A union takes every value, and a register the newest.
    check("case_file.risk", "still_pow".into(), "nda", Ok(()));
    check("person.region_home", "RU-PRI".into(), "RU-KHA", Ok(()));
}

#[test]
fn what_another_organisation_said_more_strictly_outweighs_as_well() {
    let view = view(&[vec![], vec![says(7, "consent_record.withdrawn", Value::Bool(true))]]);
    assert_eq!(state_of("consent_record.withdrawn", "false", &view), Err(codes::OUTWEIGHED.to_owned()));
}
