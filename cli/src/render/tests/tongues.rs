//! The main tables in the other two languages.

use protocol::{
    control::{CasePreview, GoesField, HeldBack, HeldBackWhat, Reader, Share, SharePreview},
    schema::Language,
};

use super::*;
use crate::{error::Failure, tongue::speak};

const OTHERS: [(Language, &str); 2] = [(Language::Ru, "ru"), (Language::Uk, "uk")];

#[test]
fn how_things_stand_in_every_language() {
    for (language, tag) in OTHERS {
        speak(language);
        assert_snapshot!(format!("status_open_{tag}"), plain(&standing::status(&open(), false)));
        assert_snapshot!(format!("status_troubled_{tag}"), plain(&standing::status(&troubled(), false)));
        assert_snapshot!(format!("status_verbose_{tag}"), plain(&standing::status(&open(), true)));
        assert_snapshot!(format!("peers_{tag}"), plain(&standing::peers(&troubled().peers, NOW)));
    }
}

#[test]
fn records_in_every_language_with_the_labels_and_dates_of_that_language() {
    let dated = |mut record: Record| {
        let decided = cell("docket_decision.date", "agreed", vec![claim(json!("2025-04-15"), ONE)]);
        record.entities.insert(1, entity(4, "docket_decision", vec![decided]));
        record
    };
    for (language, tag) in OTHERS {
        speak(language);
        assert_snapshot!(format!("record_{tag}"), plain(&record::record(&dated(docket()), false)));
        assert_snapshot!(format!("record_provenance_{tag}"), plain(&record::record(&dated(docket()), true)));
        let cases = [summary(1, Some("SYN-01"), 0), summary(2, None, 2)];
        assert_snapshot!(format!("cases_{tag}"), plain(&record::records(RecordKind::Case, &cases, NOW)));
        assert_snapshot!(format!("no_cases_{tag}"), plain(&record::records(RecordKind::Case, &[], NOW)));
    }
}

fn preview() -> SharePreview {
    let reader = |number, call_sign: &str, country: Option<&str>| Reader {
        organisation: OrgId([number; 32]),
        call_sign: call_sign.into(),
        country: country.map(Into::into),
    };
    let held = |what, code: &str, reason: &str, next: &str| HeldBack {
        what,
        code: code.into(),
        reason: reason.into(),
        next: next.into(),
    };
    let case = |number, label: &str, goes: &[&str], held_back| CasePreview {
        record: SectionId([number; 16]),
        pseudonym: "able zone about zero above zoo".into(),
        label: Some(label.into()),
        goes: goes
            .iter()
            .map(|field| GoesField { field: (*field).into(), entity: EntityId([number; 16]), values: 1 })
            .collect(),
        held_back,
        notices: Vec::new(),
    };
    let whole = held(HeldBackWhat::Case, "consent_withdrawn", "consent was withdrawn", "stop");
    let field = HeldBackWhat::Field { entity: EntityId([1; 16]), field: "capture_episode.captor_unit".into() };
    let local = held(field, "local", "the field stays in the organisation", "nothing; it is never shared");
    let later = held(HeldBackWhat::Case, "of_a_newer_node", "in its own words", "and its own advice");
    let mut first = case(1, "SYN-01", &["case_file.year_of_return", "penalty.months"], vec![local]);
    first.notices.push("review_due".into());
    SharePreview {
        seen: "00".into(),
        readers: vec![reader(2, "cabin-yard", Some("GE")), reader(4, "dad-young", None)],
        cases: vec![first, case(2, "SYN-02", &[], vec![whole]), case(3, "SYN-03", &[], vec![later])],
        as_of: NOW,
    }
}

#[test]
fn what_would_go_and_what_stays_is_told_in_every_language() {
    let share = Share {
        share: "5f0c1d2e3a4b5c6d".into(),
        readers: vec!["cabin-yard".into()],
        records: vec![SectionId([1; 16])],
        due_at: NOW,
    };
    for (language, tag) in OTHERS.into_iter().chain([(Language::En, "en")]) {
        speak(language);
        assert_snapshot!(format!("preview_{tag}"), plain(&sharing::preview(&preview(), false)));
        assert_snapshot!(format!("preview_details_{tag}"), plain(&sharing::preview(&preview(), true)));
        assert_snapshot!(format!("waiting_{tag}"), plain(&sharing::waiting(std::slice::from_ref(&share))));
    }
}

#[test]
fn a_failure_in_every_language_names_what_was_typed_and_what_to_do() {
    let problem = Problem::new(codes::UNKNOWN_CODE, "docket_penalty.type: unknown code «fin»; did you mean fine?");
    let problem =
        problem.saying("nearest").with("field", "docket_penalty.type").with("code", "fin").with("nearest", "fine");
    for (language, tag) in OTHERS {
        speak(language);
        let failure = Failure::from(problem.clone());
        assert_snapshot!(format!("failure_{tag}"), plain(&texts::failure(&failure.problem)));
    }
}

#[test]
fn scripts_see_codes_and_never_labels() {
    let english =
        serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
    for (language, _) in OTHERS {
        speak(language);
        let other =
            serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
        assert_eq!(english, other);
    }
}
