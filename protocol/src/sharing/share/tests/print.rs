//! Tests of stubs and of the printable commons.

use super::commons::{Rule, Violation, printable, stub};
use super::*;
use crate::record::section::sample::{says, view_of_one};

const STUB: SectionId = SectionId([77; 16]);

/// The stub of a view: field and value, as texts.
fn stubbed(view: &View) -> Vec<(String, String)> {
    let shown = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Bool(answer) => answer.to_string(),
        _ => panic!("a stub holds texts and a bit"),
    };
    let of = |statement: &Statement| match statement {
        Statement::Assert(said) => {
            assert_eq!(said.entity, EntityId(STUB.0), "one entity, with the id of its section");
            (said.field.trim_start_matches("case_file.").to_owned(), shown(&said.value))
        }
        _ => panic!("a stub asserts"),
    };
    stub(view, &STUB, TODAY).statements.iter().map(of).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

/// A case with consent to be shown to all.
fn case(said: &[Statement]) -> View {
    let mut own = Written::new(SectionId([1; 16]));
    own.says(
        [
            &[
                says(200, "consent_record.giver", "subject"),
                says(200, "consent_record.asked_on", "2025-03"),
                says(200, "consent_record.level", "C5"),
            ],
            said,
        ]
        .concat(),
    );
    own.view()
}

#[test]
fn a_stub_holds_a_year_a_group_a_family_and_one_bit() {
    let expected = [
        ("year_of_return", "2022"),
        ("category_group", "contract"),
        ("article_family", "military_service"),
        ("restricted", "true"),
    ];
    assert_eq!(stubbed(&super::case("SYN-09")), pairs(&expected));
    // The trial of SYN-01 was closed: values derived from its charges stay with counsel.
    let expected = [("year_of_return", "2024"), ("category_group", "called_up"), ("restricted", "true")];
    assert_eq!(stubbed(&super::case("SYN-01")), pairs(&expected));
    let held = stub(&super::case("SYN-01"), &STUB, TODAY).held_back;
    assert_eq!(held.iter().map(|held| held.reason.clone()).collect::<Vec<_>>(), [Reason::Cap("closed_trial".into())]);
}

#[test]
fn only_consent_to_be_shown_to_all_makes_a_stub() {
    for (label, view) in cases() {
        let stub = stub(&view, &STUB, TODAY);
        assert_eq!(!stub.statements.is_empty(), matches!(&*label, "SYN-01" | "SYN-09"), "{label}");
    }
    let held = |said: &[Statement]| {
        let stub = stub(&case(said), &STUB, TODAY);
        stub.held_back
            .into_iter()
            .filter(|held| held.what == What::Case)
            .map(|held| held.reason.code())
            .collect::<Vec<_>>()
    };
    assert_eq!(held(&[]), [""; 0]);
    assert_eq!(held(&[says(1, "case_file.sensitivity_floor", "sealed")]), ["raised_level"]);
    assert_eq!(held(&[says(1, "case_file.do_not_share", Value::Bool(true))]), ["do_not_share"]);
}

#[test]
fn what_is_not_coarse_enough_is_left_out() {
    let check = |said: &[Statement], expected: &[(&str, &str)]| assert_eq!(stubbed(&case(said)), pairs(expected));
    check(&[], &[("restricted", "false")]);
    check(&[says(2, "transfer_episode.date", "2023-12-30/2024-01-02")], &[("restricted", "false")]);
    let twice = [says(2, "transfer_episode.date", "2023-05"), says(3, "transfer_episode.date", "2024-05")];
    check(&twice, &[("restricted", "false")]);
    check(&[says(2, "service_record.category", "of a newer schema")], &[("restricted", "false")]);
    check(&[says(1, "case_file.risk", "reprisal_reported")], &[("restricted", "true")]);
    check(&[says(1, "case_file.risk_local", "suicide")], &[("restricted", "true")]);
    check(&[says(2, "proceeding.closed_trial", Value::Bool(true))], &[("restricted", "true")]);
    check(&[says(1, "case_file.restricted", Value::Bool(true))], &[("restricted", "true")]);
    // What cannot be made coarse spoils the rest: else what is missing would show.
    let one_too_fine = [says(4, "charge.code", "RU-CC-275"), says(5, "charge.code", "of a newer schema")];
    check(&one_too_fine, &[("restricted", "false")]);
    let charges = [says(4, "charge.code", "RU-CC-275"), says(5, "charge.code", "RU-CC-205.5")];
    check(
        &charges,
        &[("article_family", "state_security"), ("article_family", "terrorism_armed_groups"), ("restricted", "false")],
    );
}

#[test]
fn the_dockets_and_the_stubs_are_printable_and_a_case_file_is_not() {
    let mut dockets = 0;
    for (label, kind, mut record) in records() {
        let view = record.view();
        if kind == import::Kind::Docket {
            dockets += 1;
            assert_eq!(printable(&view), Ok(()), "{label}");
        } else {
            assert!(printable(&view).is_err(), "{label}");
        }
    }
    assert_eq!(dockets, 2);
    for label in ["SYN-01", "SYN-09"] {
        let mut printed = Written::new(STUB);
        printed.says(stub(&super::case(label), &STUB, TODAY).statements);
        assert_eq!(printable(&printed.view()), Ok(()), "{label}");
    }
}

#[test]
fn everything_else_is_found() {
    let broken = |said: &[Statement]| match printable(&view_of_one(&[said.to_vec()])) {
        Ok(()) => vec![],
        Err(violations) => violations.into_iter().map(|Violation { rule, .. }| rule).collect::<Vec<_>>(),
    };
    let sourced = |statement: Statement, change: fn(&mut Assertion)| {
        let Statement::Assert(mut said) = statement else { panic!("an assertion") };
        said.sources = vec![EntityId([9; 16])];
        change(&mut said);
        [Statement::Assert(said), says(9, "docket_source.type", "court_card")]
    };
    let verdict = || says(2, "docket_event.type", "verdict");
    assert_eq!(broken(&sourced(verdict(), |_| {})), []);
    assert_eq!(broken(&[verdict()]), [Rule::PublicSource]);
    let private = [sourced(verdict(), |_| {})[0].clone(), says(9, "docket_source.type", "family_interview")];
    assert_eq!(broken(&private), [Rule::PublicSource, Rule::MayGo]);
    let second = sourced(verdict(), |said| said.sources.push(EntityId([10; 16])));
    assert_eq!(broken(&second), [Rule::PublicSource], "of the other source nothing is known");
    assert_eq!(broken(&sourced(verdict(), |said| said.grade = Some("sure".into()))), [Rule::Codes]);
    assert_eq!(broken(&sourced(verdict(), |said| said.basis = Some("he asked".into()))), [Rule::Codes]);
    assert_eq!(broken(&sourced(verdict(), |said| said.reported_by = Some("org:alpha".into()))), [Rule::Codes]);
    assert_eq!(broken(&sourced(says(2, "docket_event.type", "interrogation"), |_| {})), [Rule::MayGo]);
    assert_eq!(broken(&sourced(says(2, "docket.court_number", "Ivanov"), |_| {})), [Rule::MayGo]);
    assert_eq!(broken(&sourced(says(2, "docket.stage", "65-verdict"), |_| {})), [Rule::Stored]);
    assert_eq!(broken(&[says(1, "case_file.year_of_return", "2024")]), []);
    assert_eq!(broken(&[says(1, "case_file.year_of_return", "2024-01")]), [Rule::MayGo]);
    assert_eq!(broken(&[says(1, "case_file.risk", "nda")]), [Rule::MayGo]);
    assert_eq!(broken(&[says(1, "spaceship.name", "x")]), [Rule::MayGo]);
    let graded = sourced(says(1, "case_file.year_of_return", "2024"), |said| said.grade = Some("B2".into()));
    assert_eq!(broken(&graded), [Rule::Bare]);
    let mut grade_alone = says(1, "case_file.year_of_return", "2024");
    if let Statement::Assert(said) = &mut grade_alone {
        said.grade = Some("B2".into());
    }
    assert_eq!(broken(&[grade_alone]), [Rule::Bare]);
    assert_eq!(broken(&sourced(says(2, "docket_event.date", "some day in March"), |_| {})), [Rule::MayGo]);
    let source_alone = sourced(says(1, "case_file.year_of_return", "2024"), |_| {});
    assert_eq!(broken(&source_alone), [Rule::Bare]);
}

#[test]
fn what_was_corrected_or_taken_back_stands_in_print_too() {
    let region = |value: &str| vec![says(1, "capture_episode.place", value)];
    let year = |value: &str| vec![says(1, "case_file.year_of_return", value)];
    let corrected = view_of_one(&[year("2024-01"), year("2024")]);
    let found = printable(&corrected).expect_err("the month is in the history");
    assert_eq!(found.len(), 1);
    let seen = view_of_one(&[region("UA-14")]);
    let at = seen.cell(&EntityId([1; 16]), "capture_episode.place").expect("said").claims[0].at;
    let back = |reason: &str| vec![Statement::Retract { at, reason: reason.into() }];
    let settled = |reason: &str| {
        let (entity, field) = (EntityId([1; 16]), "capture_episode.place".to_owned());
        vec![Statement::Resolve { entity, field, chosen: None, seen: vec![at], reason: reason.into() }]
    };
    let rules = |view: &View| -> Vec<Rule> {
        printable(view).expect_err("it was said").into_iter().map(|violation| violation.rule).collect()
    };
    assert_eq!(rules(&view_of_one(&[region("UA-14"), back("error")])), [Rule::MayGo]);
    assert_eq!(rules(&view_of_one(&[region("UA-14"), back("Ivan was wrong")])), [Rule::MayGo, Rule::Codes]);
    assert_eq!(rules(&view_of_one(&[region("UA-14"), settled("error")])), [Rule::MayGo]);
    assert_eq!(rules(&view_of_one(&[region("UA-14"), settled("Ivan was wrong")])), [Rule::MayGo, Rule::Codes]);
}
