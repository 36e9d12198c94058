//! Tests of `docket list` with a question, `conflicts`, `resolve`, `retract`, `history`, `name`, against a fake node.

use protocol::{
    app::control::{At, Claim, Conflict, Found, Heading, Named, Past, Precedent, Question, RecordKind, Summary},
    bytes::ids::{EntityId, EntryId, OrgId},
};

use super::*;

const FIELD: &str = "docket_penalty.months";

fn claim(entry: u8, value: u64) -> Claim {
    Claim {
        value: value.into(),
        organisation: OrgId([entry; 32]),
        call_sign: Some("cabin-yard".into()),
        petname: None,
        reported_by: None,
        at: 0,
        grade: None,
        sources: vec![],
        entry: EntryId([entry; 32]),
        index: 0,
        chosen: false,
    }
}

fn heading() -> Heading {
    Heading { record: SectionId([7; 16]), kind: RecordKind::Docket, pseudonym: "able zone".into(), as_of: 0 }
}

fn conflict() -> Conflict {
    let claims = vec![claim(1, 180), claim(2, 168)];
    Conflict { entity: EntityId([2; 16]), field: FIELD.into(), settled: false, claims, resolutions: vec![] }
}

/// A node with one disputed field; other requests are answered by `last`.
fn disputed(mut last: impl FnMut(Request) -> Answer + Send + 'static) -> fake::FakeNode {
    fake::node(says(move |request| match request {
        Request::Conflicts { .. } => ok(Reply::Conflicts { of: heading(), conflicts: vec![conflict()] }),
        Request::History { .. } => {
            let past = |claim| Past {
                entity: EntityId([2; 16]),
                field: FIELD.into(),
                claim,
                fate: "stands".into(),
                retractions: vec![],
            };
            ok(Reply::History { of: heading(), claims: conflict().claims.into_iter().map(past).collect() })
        }
        other => last(other),
    }))
}

fn saved() -> Answer {
    ok(Reply::Saved { record: SectionId([7; 16]), pseudonym: "able zone".into(), entries: vec![], stated: vec![] })
}

fn summary(readers: &[&str]) -> Summary {
    Summary {
        record: SectionId([7; 16]),
        pseudonym: "able zone".into(),
        stage: "65-verdict".into(),
        conflicts: 0,
        changed: 0,
        label: None,
        readers: readers.iter().map(|reader| (*reader).to_owned()).collect(),
        parts: vec![],
    }
}

fn precedent() -> Precedent {
    Precedent { summary: summary(&[]), found: Found::default() }
}

fn at(entry: u8) -> At {
    At { entry: EntryId([entry; 32]), index: 0 }
}

#[test]
fn a_question_reaches_the_node_as_it_was_asked_and_nothing_found_is_no_failure() {
    let node = fake::node(says(|request| match request {
        Request::Ask { question, .. } if question.article.is_none() || question.argument.is_none() => {
            let found = if question.response.is_some() { vec![] } else { vec![precedent()] };
            let all = Some(found.len() as u64);
            ok(Reply::Precedents { found, all, next: None, asked: 12, behind: 0, as_of: 1_795_515_600 })
        }
        Request::Ask { question, .. } => {
            let expected = Question {
                article: Some("352.1".into()),
                argument: Some("ARG-ORDER".into()),
                circumstance: None,
                court: Some("99OV0000".into()),
                response: Some("accepted".into()),
            };
            assert_eq!(question, expected);
            ok(Reply::Precedents { found: vec![], all: None, next: None, asked: 12, behind: 0, as_of: 1_795_515_600 })
        }
        Request::List { kind: RecordKind::Docket, .. } => {
            ok(Reply::Records { records: vec![], all: 0, next: None, behind: 0 })
        }
        other => panic!("{other:?}"),
    }));
    let question = ["--article", "352.1", "--argument", "ARG-ORDER", "--court", "99OV0000", "--response", "accepted"];
    let (exit, out, err) = node.run(&[&["docket", "list"], &question[..]].concat());
    assert_eq!((exit, err.as_str()), (0, ""));
    assert!(out.contains("None of 12 dockets") && out.contains("as of 2026-11-24 10:20 UTC"), "{out}");
    // The message names exactly the question, with the number that each part finds alone.
    for (typed, alone) in [
        ("--article 352.1", "1 docket"),
        ("--argument ARG-ORDER", "1 docket"),
        ("--court 99OV0000", "1 docket"),
        ("--response accepted", "nothing: leave it out"),
    ] {
        assert!(out.lines().any(|line| line.contains(typed) && line.contains(alone)), "{typed}: {out}");
    }
    assert!(!out.contains("--circumstance"), "{out}");
    let (_, out, _) = node.run(&["docket", "list", "--response", "accepted"]);
    assert!(out.contains("None of 12 dockets here has `--response accepted`."), "{out}");
    let (_, out, _) = node.run(&[&["docket", "list", "--json"], &question[..]].concat());
    assert_eq!((json(&out)["asked"].as_u64(), json(&out)["found"].as_array().map(Vec::len)), (Some(12), Some(0)));
    let (exit, out, _) = node.run(&["docket", "list"]);
    assert!(exit == 0 && out.contains("No dockets yet"), "{out}");
}

#[test]
fn a_settlement_names_exactly_the_claims_that_were_shown() {
    let node = disputed(|request| {
        let Request::Resolve { entity, field, chosen, seen, reason, .. } = request else { panic!("{request:?}") };
        assert_eq!((entity, field.as_str(), reason.as_str()), (EntityId([2; 16]), FIELD, "document"));
        assert_eq!((chosen, seen), (Some(at(2)), vec![at(1), at(2)]));
        saved()
    });
    let settle =
        |choose: &str| node.run(&["docket", "resolve", "x", FIELD, "--choose", choose, "--reason", "document"]);
    let (exit, out, err) = settle("168");
    assert!(exit == 0 && out.contains("able zone") && err.contains("docket show section1"), "{out}{err}");
    let (exit, out, err) = settle("167");
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.contains("HB3003") && err.contains("\n    168\n    180\n") && err.contains("or `none`"), "{err}");
    let (exit, _, err) = node.run(&["case", "resolve", "x", "penalty.months", "--choose", "1", "--reason", "document"]);
    assert!(exit == 1 && err.contains("HB3020"), "{err}");
    let (exit, _, err) =
        node.run(&["docket", "resolve", "x", "penalty.month", "--choose", "1", "--reason", "document"]);
    assert!(exit == 2 && err.contains("`penalty.months`"), "{err}");
}

#[test]
fn none_of_them_can_be_chosen() {
    let node = disputed(|request| {
        assert!(matches!(request, Request::Resolve { chosen: None, .. }));
        saved()
    });
    let (exit, _, err) = node.run(&["docket", "resolve", "x", FIELD, "--choose", "none", "--reason", "unreliable"]);
    assert_eq!(exit, 0, "{err}");
}

#[test]
fn what_is_taken_back_is_named_by_the_beginning_of_its_entry() {
    let node = disputed(|request| {
        assert!(
            matches!(&request, Request::Retract { at, reason, .. } if *at == self::at(2) && reason == "error"),
            "{request:?}"
        );
        saved()
    });
    let [one, two] = [1, 2].map(|byte| EntryId([byte; 32]).to_string());
    let retract = |place: &str| node.run(&["docket", "retract", "x", place, "--reason", "error"]);
    for place in [format!("{}…/0", &two[..14]), format!("{two}/0")] {
        let (exit, _, err) = retract(&place);
        assert_eq!(exit, 0, "{place}: {err}");
    }
    let (exit, _, err) = retract("entry1/0");
    assert!(exit == 2 && err.contains("HB3006") && err.contains(&one) && err.contains(&two), "{err}");
    let (exit, _, err) = retract(&format!("{two}/1"));
    assert!(exit == 2 && err.contains("HB3023"), "{err}");
}

#[test]
fn a_name_is_given_listed_and_forgotten() {
    let node = fake::node(says(|request| {
        let petname = match request {
            Request::Name { organisation, petname } if organisation == "cabin-yard" => petname,
            Request::Unname { organisation } if organisation == "cabin-yard" => "gone".into(),
            Request::Names => "as it was".into(),
            other => panic!("{other:?}"),
        };
        ok(Reply::Names { names: vec![Named { organisation: OrgId([2; 32]), call_sign: None, petname }] })
    }));
    let check = |args: &[&str], expected: &str, note: bool| {
        let (exit, out, err) = node.run(&[&["name"], args].concat());
        assert!(exit == 0 && out.contains(expected), "{out}{err}");
        assert_eq!(err.contains("stay on this computer"), note, "{err}");
    };
    check(&["cabin-yard", "Legal aid"], "Legal aid", true);
    check(&["--remove", "cabin-yard"], "gone", true);
    check(&[], "as it was", false);
    for wrong in [&["cabin-yard"][..], &["cabin-yard", "x", "--remove", "cabin-yard"]] {
        assert_eq!(node.run(&[&["name"], wrong].concat()).0, 2);
    }
}

#[test]
fn a_name_stands_beside_the_call_sign_of_whoever_can_read_a_case_file() {
    let node = fake::node(says(|request| match request {
        Request::List { kind, .. } => {
            let record = summary(&["cabin-yard", "dad-young"]);
            assert_eq!(kind, RecordKind::Case);
            ok(Reply::Records { records: vec![record], all: 1, next: None, behind: 0 })
        }
        Request::Names => {
            let named = Named {
                organisation: OrgId([2; 32]),
                call_sign: Some("cabin-yard".into()),
                petname: "Legal aid".into(),
            };
            ok(Reply::Names { names: vec![named] })
        }
        other => panic!("{other:?}"),
    }));
    let (_, out, err) = node.run(&["case", "list"]);
    assert!(out.contains("cabin-yard «Legal aid», dad-young"), "{out}{err}");
    let (_, out, _) = node.run(&["case", "list", "--json"]);
    assert!(out.contains("cabin-yard") && !out.contains("Legal aid"), "{out}");
    let (exit, out, err) = node.run(&["case", "list", "--format", "csv"]);
    assert!(
        exit == 0 && out.contains(",\"cabin-yard «Legal aid»; dad-young\",") && out.ends_with("\r\n"),
        "{out}{err}"
    );
    let (exit, out, _) = node.run(&["case", "list", "--format", "plain"]);
    assert!(exit == 0 && out.contains("\table zone\t"), "{out}");
}
