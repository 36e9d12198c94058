//! Tests of facts and statements: what is stated, and what is refused before it is written.

use super::*;
use crate::record::section::sample::{says, view, view_of_one};

const TODAY: civil::Date = civil::date(2026, 11, 24);
/// The organisation that makes the first statements of a sample view.
const US: OrgId = OrgId([1; 32]);

/// The context of an own case file.
fn stand(view: &View) -> Stand<'_> {
    Stand { kind: RecordKind::Case, section: &view.section, view: Some(view), place: Place::Own, today: TODAY, us: &US }
}

/// The result of stating `field=value` of entity 7 over `view`: the code of the refusal, if it is refused.
fn state_of(field: &str, value: &str, view: &View) -> Result<(), String> {
    let entity = Some(EntityId([7; 16]));
    let fact = Fact { entity, field: field.to_owned(), value: value.to_owned(), source: None, grade: None };
    let stated = state(&[fact], &stand(view), &mut Entropy::new([1; 32]));
    stated.map(drop).map_err(|problem| problem.code)
}

/// `consent_record.withdrawn=false` was reported as saved, and the case file stayed hidden in every circle it was
/// shared with.
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
    // A union takes every value, and a register takes the newest.
    check("case_file.risk", "still_pow".into(), "nda", Ok(()));
    check("person.region_home", "RU-PRI".into(), "RU-KHA", Ok(()));
}

/// A reader had recorded a withdrawal. The organisation that keeps the case wanted to record it too, and was asked to
/// choose between two consent records.
#[test]
fn a_withdrawal_is_never_asked_which_record_of_consent_it_means() {
    let giver = |entity, giver: &str| says(entity, "consent_record.giver", giver);
    let fact = |value: &str| Fact {
        entity: None,
        field: WITHDRAWN.to_owned(),
        value: value.to_owned(),
        source: None,
        grade: None,
    };
    let check = |view: &View, value: &str, expected: Result<EntityId, &str>| {
        let stated = state(&[fact(value)], &stand(view), &mut Entropy::new([1; 32]));
        let entity = stated.map(|statements| match statements.last() {
            Some(Statement::Assert(said)) => said.entity,
            other => panic!("{other:?}"),
        });
        assert_eq!(entity.map_err(|problem| problem.code), expected.map_err(str::to_owned));
    };
    let two = view(&[vec![giver(7, "subject")], vec![says(8, WITHDRAWN, Value::Bool(true))]]);
    check(&two, "true", Ok(EntityId([7; 16])));
    check(&view_of_one(&[vec![giver(7, "subject"), giver(8, "subject")]]), "true", Ok(EntityId([7; 16])));
    check(&two, "false", Err(codes::WHICH));
    // The record without a withdrawal is used, wherever it is; if all are withdrawn, one of them.
    check(
        &view(&[vec![giver(8, "subject")], vec![says(7, WITHDRAWN, Value::Bool(true))]]),
        "true",
        Ok(EntityId([8; 16])),
    );
    check(&view(&[vec![], vec![says(7, WITHDRAWN, Value::Bool(true))]]), "true", Ok(EntityId([7; 16])));
}

#[test]
fn what_another_organisation_said_more_strictly_outweighs_as_well() {
    let view = view(&[vec![], vec![says(7, "consent_record.withdrawn", Value::Bool(true))]]);
    assert_eq!(state_of("consent_record.withdrawn", "false", &view), Err(codes::OUTWEIGHED.to_owned()));
}

/// States facts in a new record.
fn say(facts: &[Fact]) -> Result<Vec<Stated>, Problem> {
    let section = SectionId([7; 16]);
    let stand =
        Stand { kind: RecordKind::Case, section: &section, view: None, place: Place::Own, today: TODAY, us: &US };
    state(facts, &stand, &mut Entropy::new([1; 32])).map(|statements| stated(facts, &statements))
}

fn fact(field: &str, value: &str) -> Fact {
    Fact { field: field.into(), value: value.into(), entity: None, source: None, grade: None }
}

#[test]
fn what_has_happened_lies_not_ahead_and_what_is_planned_may() {
    let ahead = |field: &str, value: &str| match say(&[fact(field, value)]) {
        Ok(_) => false,
        Err(problem) => {
            let situation = problem.situation.expect("it is about something");
            assert_eq!((&*problem.code, &*situation.about), (codes::BAD_VALUE, "ahead"), "{field} {value}");
            true
        }
    };
    for field in ["person.birth", "capture_episode.date", "transfer_episode.date", "consent_record.asked_on"] {
        assert!(ahead(field, "2027-03") && ahead(field, "26.11.2026") && ahead(field, "not earlier than 2030"));
        // East of UTC it may be tomorrow already, and a month or year that has begun may be meant.
        for value in ["25.11.2026", "November 2026", "2026", "not later than 2030", "2020", "2025/2027"] {
            assert!(!ahead(field, value), "{field} {value}");
        }
    }
    for field in ["procedural_event.date", "consent_record.expires_on", "task.due_on", "detention_episode.to"] {
        assert!(!ahead(field, "2027-03"), "{field}");
    }
    assert!(!ahead("source.publisher", "2030"), "a text is no date");
}

#[test]
fn what_was_stated_is_told_as_it_was_understood_in_the_order_it_was_typed() {
    let facts = [fact("penalty.months", "48"), fact("capture_episode.date", "около марта 2024")];
    let stated = |field: &str, value: serde_json::Value| Stated { field: field.into(), value };
    let expected = vec![stated("penalty.months", 48.into()), stated("capture_episode.date", "2024-03~".into())];
    assert_eq!(say(&facts).ok(), Some(expected));
}

/// The result of a fact in a new record: the code and the situation of the refusal, if it is refused.
fn refused(kind: RecordKind, place: Place, fact: Fact) -> Option<(String, String)> {
    let section = SectionId([7; 16]);
    let stand = Stand { kind, section: &section, view: None, place, today: TODAY, us: &US };
    let problem = state(&[fact], &stand, &mut Entropy::new([1; 32])).err()?;
    Some((problem.code, problem.situation.map(|situation| situation.about).unwrap_or_default()))
}

/// A field is never written below its level, for any caller.
#[test]
fn nothing_is_stated_where_its_field_may_not_go() {
    let stated =
        |place, field: &str, value: &str| refused(RecordKind::Case, place, fact(field, value)).map(|(code, _)| code);
    for (field, value) in [("source.identity", "somebody"), ("case_file.do_not_share", "yes")] {
        assert_eq!(stated(Place::Own, field, value), None);
        for place in [Place::Named, Place::Commons] {
            assert_eq!(stated(place, field, value).as_deref(), Some(codes::LEVEL), "{field} in {place:?}");
        }
    }
    assert_eq!(stated(Place::Named, "capture_episode.place", "UA-14"), None);
    assert_eq!(stated(Place::Commons, "capture_episode.place", "UA-14").as_deref(), Some(codes::LEVEL));
}

#[test]
fn a_docket_holds_the_public_side_alone_and_each_fact_of_it_has_a_source() {
    let source = Some(EntityId([9; 16]));
    let stated = |field: &str, value: &str, source| {
        refused(RecordKind::Docket, Place::Commons, Fact { source, ..fact(field, value) })
    };
    let of_case = stated("case_file.restricted", "yes", source);
    assert_eq!(of_case, Some((codes::LEVEL.into(), "case".into())));
    assert_eq!(stated("docket_event.type", "verdict", source), None);
    assert_eq!(stated("docket_event.type", "verdict", None).map(|(code, _)| code).as_deref(), Some(codes::NO_SOURCE));
}

/// A note in place of a grade would be signed, and could not be deleted.
#[test]
fn a_grade_is_a_letter_and_a_digit_and_nothing_else() {
    let graded = |grade: &str| {
        refused(
            RecordKind::Case,
            Place::Own,
            Fact { grade: Some(grade.into()), ..fact("capture_episode.place", "UA-14") },
        )
    };
    for grade in ["A1", "B2", "F6"] {
        assert_eq!(graded(grade), None, "{grade}");
    }
    for grade in ["", "B", "B0", "A7", "G1", "b2", "B2 ", "sure"] {
        assert_eq!(graded(grade), Some((codes::BAD_VALUE.into(), "grade".into())), "{grade:?}");
    }
}

#[test]
fn as_conflicts_count_those_that_nobody_has_settled() {
    let place = |value: &str| vec![says(7, "capture_episode.place", value)];
    assert_eq!(conflicts(&view(&[place("UA-14"), place("UA-14")])), 0);
    assert_eq!(conflicts(&view(&[place("UA-14"), place("UA-63")])), 1);
}

/// A person had approved a preview for one circle. The approval was accepted for another circle, and for values added
/// since.
#[test]
fn what_was_looked_at_has_another_name_for_other_readers_or_another_content() {
    use crate::{
        bytes::ids::{EntryId, OrgId},
        record::section::assertion::Reference,
        sharing::share::{Goes, Origin, Preview},
    };
    let section = SectionId([1; 16]);
    let named = |readers: &[OrgId], entity: u8, field: &str, value: &str| {
        let goes = Goes {
            origin: Origin::Claim(Reference(EntryId([1; 32]), 0)),
            entity: EntityId([entity; 16]),
            field: field.into(),
            value: value.into(),
            sources: vec![],
            grade: None,
            basis: None,
            reported_by: None,
        };
        let content = sharing::content(&Preview { goes: vec![goes], ..Preview::default() });
        sharing::seen(readers.iter(), [(&section, &content)].into_iter())
    };
    let [a, b] = [1, 2].map(|org| OrgId([org; 32]));
    let names = [
        named(&[a], 7, "capture_episode.place", "UA-14"),
        named(&[b], 7, "capture_episode.place", "UA-14"),
        named(&[a, b], 7, "capture_episode.place", "UA-14"),
        named(&[a], 8, "capture_episode.place", "UA-14"),
        named(&[a], 7, "person.region_home", "UA-14"),
        named(&[a], 7, "capture_episode.place", "UA-63"),
    ];
    assert_eq!(std::collections::BTreeSet::from(names.clone()).len(), names.len());
    assert_eq!(named(&[a], 7, "capture_episode.place", "UA-14"), names[0]);
}
