//! Tests of the main tables in Russian and Ukrainian.

use protocol::{
    app::control::{CasePreview, GoesField, HeldBack, HeldBackWhat, Reader, Share, SharePreview},
    record::schema::{Language, Schema},
    sharing::share::Reason,
};

use super::*;
use crate::error::Failure;

const OTHERS: [(Language, &str); 2] = [(Language::Ru, "ru"), (Language::Uk, "uk")];

#[test]
fn how_things_stand_in_every_language() {
    for (language, tag) in OTHERS {
        language::set(language);
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
        language::set(language);
        assert_snapshot!(format!("record_{tag}"), plain(&record::record(&dated(docket()), Depth::default())));
        assert_snapshot!(format!("record_provenance_{tag}"), plain(&record::record(&dated(docket()), PROVENANCE)));
        let cases = [summary(1, Some("SYN-01"), 0), summary(2, None, 2)];
        assert_snapshot!(
            format!("cases_{tag}"),
            plain(&record::records(RecordKind::Case, None, &cases, Extent { all: 21, behind: 1 }, NOW))
        );
        assert_snapshot!(
            format!("no_cases_{tag}"),
            plain(&record::records(RecordKind::Case, None, &[], whole(0), NOW))
        );
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
        about: None,
        organisations: None,
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
    let whole = held(HeldBackWhat::Case, "consent_withdrawn", "consent was withdrawn (1 organisation)", "stop");
    let whole = HeldBack { organisations: Some(1), ..whole };
    let field = HeldBackWhat::Field { entity: EntityId([1; 16]), field: "capture_episode.captor_unit".into() };
    let local = held(field, "local", "the field stays in the organisation", "nothing; it is never shared");
    let later = held(HeldBackWhat::Case, "of_a_newer_node", "in its own words", "and its own advice");
    let record = HeldBackWhat::Record { entity: EntityId([2; 16]), kind: "health_record".into() };
    let cap = held(record, "cap", "whoever is in Russia can be charged for the contact", "nothing while it lasts");
    let cap = HeldBack { about: Some("anyone_in_russia".into()), ..cap };
    let mut first = case(1, "SYN-01", &["case_file.year_of_return", "penalty.months"], vec![local, cap]);
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
        language::set(language);
        assert_snapshot!(format!("preview_{tag}"), plain(&sharing::preview(&preview(), false)));
        assert_snapshot!(format!("preview_details_{tag}"), plain(&sharing::preview(&preview(), true)));
        assert_snapshot!(format!("waiting_{tag}"), plain(&sharing::waiting(std::slice::from_ref(&share))));
    }
}

/// No reason names a circumstance by its code or in English. A reason comes with English words; every other language
/// needs words of its own.
#[test]
fn no_reason_names_a_circumstance_by_its_code_or_is_told_in_english() {
    let caps = Schema::current().rules().caps.iter().map(|cap| ("cap", cap.name.clone()));
    let others = Reason::CODES.iter().map(|code| (*code, "capture_episode.date".to_owned()));
    let reasons: Vec<_> = caps.chain(others).collect();
    for (language, _) in OTHERS {
        language::set(language);
        let untold: Vec<_> = reasons
            .iter()
            .filter(|(code, about)| {
                let held = HeldBack {
                    what: HeldBackWhat::Case,
                    code: (*code).to_owned(),
                    about: Some(about.clone()),
                    organisations: None,
                    reason: "in English".into(),
                    next: "in English".into(),
                };
                let said = texts::sharing::reason(&held);
                let level = *code == "consent_level";
                let raw = said.contains("English") || !level && said.contains('_');
                raw || texts::sharing::remedy(&held).contains("English")
            })
            .collect();
        assert_eq!(untold.len(), 0, "{language:?}: {untold:?}");
    }
}

#[test]
fn a_failure_in_every_language_names_what_was_typed_and_what_to_do() {
    let problem = Problem::new(codes::UNKNOWN_CODE, "docket_penalty.type: unknown code «fin»; did you mean fine?");
    let problem =
        problem.saying("nearest").with("field", "docket_penalty.type").with("code", "fin").with("nearest", "fine");
    for (language, tag) in OTHERS {
        language::set(language);
        let failure = Failure::from(problem.clone());
        assert_snapshot!(format!("failure_{tag}"), plain(&texts::failure(&failure.problem)));
    }
}

#[test]
fn scripts_see_codes_and_never_labels() {
    let english =
        serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
    for (language, _) in OTHERS {
        language::set(language);
        let other =
            serde_json::to_string(&versioned(&Reply::Record(Box::new(docket())), NOW)).expect("texts and numbers");
        assert_eq!(english, other);
    }
}

#[test]
fn what_can_be_stated_is_told_in_every_language() {
    let about = |topic: &[&str]| {
        let (exit, out, err) = fake::run(&[&["help", "fields"], topic].concat());
        assert_eq!((exit, err.as_str()), (0, ""), "{topic:?}");
        out
    };
    assert_snapshot!("fields", about(&[]));
    for tag in ["en", "ru", "uk"] {
        assert_snapshot!(format!("fields_consent_grant_{tag}"), about(&["consent_grant", "--lang", tag]));
        assert_snapshot!(format!("fields_sex_{tag}"), about(&["person.sex", "--lang", tag]));
    }
    let json: Value = serde_json::from_str(&about(&["person.sex", "--json"])).expect("one object");
    assert_json_snapshot!("json_fields", json);
}
