//! Tests of whole commands against a fake node: requests, output and exit status.

mod tongues;

use std::{fs, path::Path};

use protocol::{
    app::control::{Answer, NodeState, Problem, Reply, Request, Stated, codes},
    bytes::ids::SectionId,
};
use serde_json::Value;

use crate::{
    Surroundings,
    error::known,
    fake::{self, ok, says},
};

mod questions;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_problem_of_the_node_ends_the_command_with_its_exit_status() {
    for (code, exit, next) in codes::ALL {
        let node = fake::node(says(move |_| Answer::Problem(Problem::new(code, "what happened"))));
        let (status, out, err) = node.run(&["status"]);
        assert_eq!((status, out.as_str()), (*exit, ""), "{code}");
        let first_words = next.split('`').next().expect("a split has a first part");
        assert!(err.contains("what happened") && err.contains(code) && err.contains(first_words), "{err}");
        let (status, out, err) = node.run(&["status", "--json"]);
        assert_eq!((status, out.as_str()), (*exit, ""), "{code}");
        let problem = json(&err);
        assert_eq!(problem["schema"], 1);
        assert_eq!(problem["problem"]["code"], *code);
        assert_eq!(problem["exit_status"], *exit);
    }
    assert!(known().count() > codes::ALL.len());
}

/// Every exit status in the list of `help exit-codes` is that of some command, and every status that a command ends
/// with is in the list. Status 130 needs a signal: `tests/demo.rs` sends one.
#[test]
fn every_exit_status_that_help_lists_is_one_that_a_command_ends_with() {
    let (exit, listed, _) = fake::run(&["help", "exit-codes"]);
    let ended_with = codes::ALL.iter().map(|(code, ..)| {
        let node = fake::node(says(move |_| Answer::Problem(Problem::new(code, "what happened"))));
        node.run(&["peers"]).0
    });
    let empty = tempfile::tempdir().expect("a temporary folder can be made");
    let nobody = empty.path().to_str().expect("temporary folders have plain names");
    let own = [exit, fake::run(&["statsu"]).0, fake::run(&["--data", nobody, "doctor"]).0, 130];
    let mut ended_with: Vec<u8> = ended_with.chain(own).collect();
    ended_with.sort_unstable();
    ended_with.dedup();
    let statuses = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()?.parse::<u8>().ok());
    assert_eq!(statuses.collect::<Vec<_>>(), ended_with, "{listed}");
}

#[test]
fn commands_that_need_a_running_node_say_how_to_run_one() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("vault"), "keys").expect("the folder is ours");
    let data = folder.path().to_str().expect("temporary folders have plain names");
    let commands: &[&[&str]] = &[
        &["status"],
        &["unlock"],
        &["lock"],
        &["stop"],
        &["archive", "x"],
        &["metrics"],
        &["peers"],
        &["hold", "abandon-zoo"],
        &["release", "abandon-zoo"],
        &["case", "list"],
        &["docket", "show", "abandon-zoo-able-zone-about-zero"],
        &["docket", "set", "x", "docket_penalty.months=1"],
        &["docket", "list", "--article", "352.1"],
        &["docket", "conflicts", "x"],
        &["case", "resolve", "x", "penalty.months", "--choose", "1", "--reason", "document"],
        &["case", "retract", "x", "entry1qp/0", "--reason", "error"],
        &["case", "history", "x"],
        &["name"],
    ];
    for command in commands {
        let (exit, out, err) = fake::run(&[&["--data", data], *command].concat());
        assert_eq!((exit, out.as_str()), (11, ""), "{command:?}: {err}");
        assert!(err.contains(&format!("run `habeas --data {data} serve`")) && err.contains("HB1013"), "{err}");
    }
}

#[test]
fn without_a_home_a_folder_must_be_named() {
    let (exit, _, err) = fake::run(&["status"]);
    assert_eq!(exit, 2);
    assert!(err.contains("--data") && err.contains("HB6007"), "{err}");
}

#[test]
fn a_usage_error_exits_2_and_help_and_version_are_data() {
    let (exit, out, err) = fake::run(&["statsu"]);
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.starts_with("✗ there is no command `statsu`\n    did you mean `status`?\n"), "{err}");
    assert!(err.contains("next: run `habeas help`") && err.contains("HB6012: `habeas help HB6012`"), "{err}");
    let (exit, out, err) = fake::run(&["case", "set", "x", "capture_epsode.date=2023"]);
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(err.contains("capture_episode.date") && err.contains("HB3002"), "{err}");
    for asked in [&["--help"][..], &["--version"], &["case", "list", "--help"]] {
        let (exit, out, err) = fake::run(asked);
        assert_eq!((exit, err.as_str()), (0, ""));
        assert!(!out.is_empty());
    }
}

/// A script gets the same object for a usage error as for every other problem: one object with a code.
#[test]
fn a_script_is_told_of_a_usage_error_as_of_every_problem() {
    let check = |args: &[&str], code: &str, detail: &str| {
        let uk = Surroundings { locale: Some("uk_UA.UTF-8".into()), ..fake::surroundings() };
        let (exit, out, err) = fake::run_in(args, &uk);
        assert_eq!((exit, out.as_str()), (2, ""), "{args:?}: {err}");
        let told = json(&err);
        assert_eq!((&told["schema"], &told["exit_status"]), (&1.into(), &2.into()));
        assert_eq!(told["problem"]["code"], code, "{err}");
        let problem = &told["problem"];
        let all = [problem["message"].to_string(), problem["details"].to_string(), problem["next"].to_string()];
        assert!(all.iter().any(|text| text.contains(detail)), "{detail}: {err}");
        assert!(!err.contains("команд"), "scripts read English: {err}");
    };
    check(&["--json", "statsu"], "HB6012", "`status`");
    check(&["status", "--json", "--verbos"], "HB6012", "`--verbose`");
    check(&["join", "--json"], "HB6012", "Usage: habeas join");
    check(&["case", "--json"], "HB6012", "is missing");
    check(&["--json"], "HB6012", "is missing");
    check(&["demo", "--orgs", "99", "--json"], "HB6012", "within 1–16");
    check(&["share", "x", "--with", "y", "--hold", "soon", "--json"], "HB6012", "whole number");
    check(&["case", "list", "--format", "xls", "--json"], "HB6012", "table, plain, csv");
    check(&["case", "new", "capture_epsode.date=1", "--json"], "HB3002", "`habeas help fields capture_episode`");
    check(&["case", "new", "capture_episode.date", "--json"], "HB6012", "FIELD=VALUE");
}

/// A node that makes files of a kind, whose text names the parts of the request.
fn files_of(kind: &'static str) -> fake::FakeNode {
    fake::node(says(move |request| match request {
        Request::Status => ok(Reply::Status(Box::new(fake::status(NodeState::Alone)))),
        Request::Found { cards } => ok(file(&format!("{kind} of {}", cards.join("+")))),
        Request::Sign { draft, root_passphrase } => {
            ok(file(&format!("{kind} of {draft} by {}", root_passphrase.expose())))
        }
        Request::Complete { draft, signatures, .. } => ok(file(&format!("{kind} of {draft} {}", signatures.join("+")))),
        other => panic!("{other:?}"),
    }))
}

fn file(text: &str) -> Reply {
    Reply::File { text: format!("{text}\n"), words: "able zone".into(), organisations: vec!["abandon-zoo".into()] }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("the folder is ours");
    path.to_str().expect("temporary folders have plain names").to_owned()
}

#[test]
fn a_file_goes_to_standard_output_alone_and_words_to_compare_beside_it() {
    let node = files_of("draft");
    let (a, b) = (write(node.folder(), "a.card", "A"), write(node.folder(), "b.card", "B"));
    let (exit, out, err) = node.run(&["found", &a, &b]);
    assert_eq!((exit, out.as_str()), (0, "draft of A+B\n"));
    assert!(err.contains("able zone") && err.contains("abandon-zoo") && err.contains("found --sign draft"), "{err}");
    let (exit, out, err) = node.run(&["found", &a, &b, "--quiet"]);
    assert_eq!((exit, out.as_str(), err.as_str()), (0, "draft of A+B\n", ""));
    let (_, out, err) = node.run(&["found", &a, &b, "--json"]);
    assert_eq!((json(&out)["text"].as_str(), err.as_str()), (Some("draft of A+B\n"), ""));
}

#[test]
fn a_file_is_written_where_it_is_wanted_and_never_over_another() {
    let node = files_of("draft");
    let card = write(node.folder(), "a.card", "A");
    let path = node.folder().join("draft");
    let output = path.to_str().expect("temporary folders have plain names");
    let (exit, out, _) = node.run(&["found", &card, "-o", output]);
    assert_eq!((exit, out.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("draft of A\n"));
    let (exit, _, err) = node.run(&["found", &card, "-o", output]);
    assert_eq!(exit, 1);
    assert!(err.contains("HB6003"), "{err}");
}

#[test]
fn a_draft_is_signed_with_the_root_passphrase_and_completed_with_all_signatures() {
    let node = files_of("file");
    let [draft, one, two, passphrase] = [("draft", "D"), ("a.sig", "S"), ("b.sig", "T"), ("root", "root words\n")]
        .map(|(name, text)| write(node.folder(), name, text));
    let root = ["--root-passphrase-file", &passphrase];
    let (_, out, _) = node.run(&[&["found", "--sign", &draft][..], &root].concat());
    assert_eq!(out, "file of D by root words\n");
    let (_, out, _) = node.run(&[&["found", "--complete", &draft, &one, &two][..], &root].concat());
    assert_eq!(out, "file of D S+T\n");
    let (exit, _, err) = node.run(&["found", "--sign", &draft]);
    assert_eq!(exit, 2);
    assert!(err.contains("--root-passphrase-file"), "{err}");
}

#[test]
fn init_asks_for_both_passphrases_a_further_device_for_one() {
    let node = fake::node(says(|request| match request {
        Request::Init { root_passphrase, demo, .. } => {
            let mut status = fake::status(NodeState::Alone);
            status.call_sign = root_passphrase.map(|root| format!("{}-{demo}", root.expose().replace(' ', "-")));
            ok(Reply::Status(Box::new(status)))
        }
        other => panic!("{other:?}"),
    }));
    let (own, root) = (write(node.folder(), "own", "own words"), write(node.folder(), "root", "root words"));
    let (exit, out, err) = node.run(&["init", "--passphrase-file", &own, "--root-passphrase-file", &root]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("root-words-false"), "{out}");
    assert_eq!(err.matches("habeas --data").count(), 3, "three commands to run next: {err}");
    let (exit, out, err) = node.run(&["init", "--device", "--invented", "--passphrase-file", &own]);
    assert!(exit == 0 && out.contains("further device") && err.contains("device request"), "{out}{err}");
}

#[test]
fn what_is_stated_reaches_the_node_with_what_it_rests_on() {
    let node = fake::node(says(|request| {
        let Request::Set { record, facts } = request else { panic!("{request:?}") };
        assert_eq!(record, "able-zone-about-zero-above-zoo");
        let said: Vec<_> = facts.iter().map(|fact| (fact.value.as_str(), fact.grade.as_deref())).collect();
        assert_eq!(said, [("180", Some("B2")), ("strict", Some("B2"))]);
        let pseudonym = "able zone about zero above zoo".into();
        let stated = vec![
            Stated { field: "docket_penalty.months".into(), value: 180.into() },
            Stated { field: "docket_penalty.regime".into(), value: "strict".into() },
        ];
        ok(Reply::Saved { record: SectionId([7; 16]), pseudonym, entries: Vec::new(), stated })
    }));
    let facts = ["docket_penalty.months=180", "docket_penalty.regime=strict"];
    let args = [&["docket", "set", "able-zone-about-zero-above-zoo"], &facts[..], &["--grade", "B2"]].concat();
    let (exit, out, err) = node.run(&args);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("able zone about zero above zoo") && err.contains("docket show section1"), "{out}{err}");
    assert!(out.contains("\n  Penalty (public): Term, months: 180\n") && out.contains("Strict"), "{out}");
}

#[test]
fn an_answer_to_another_question_is_a_problem_and_not_a_reply() {
    let node = fake::node(says(|_| ok(Reply::Stopping)));
    for command in [&["status"][..], &["peers"], &["case", "list"], &["docket", "show", "x"]] {
        let (exit, out, err) = node.run(command);
        assert_eq!((exit, out.as_str()), (2, ""), "{command:?}");
        assert!(err.contains("HB5004"), "{err}");
    }
}

#[test]
fn a_node_that_runs_already_is_not_started_again() {
    let node = fake::node(says(|_| ok(Reply::Status(Box::new(fake::status(NodeState::Open))))));
    let (exit, _, err) = node.run(&["serve"]);
    assert_eq!(exit, 1);
    assert!(err.contains("HB1009"), "{err}");
}

#[test]
fn the_demo_leaves_nothing_behind_when_a_node_does_not_start() {
    let temporary = tempfile::tempdir().expect("a temporary folder can be made");
    let program = fake::broken_program();
    let (exit, out, err) = program.run_in(temporary.path(), &["demo", "--json"]);
    assert_eq!(exit, 1, "{err}");
    assert!(!out.contains("done"), "{out}");
    assert!(json(&err)["problem"]["details"].to_string().contains("the header is damaged"), "{err}");
    assert_eq!(fs::read_dir(temporary.path()).expect("it is there").count(), 0);
}

#[test]
fn an_archive_goes_to_the_whole_path_in_the_language_asked_for_and_says_that_it_is_not_encrypted() {
    let node = fake::node(says(|request| {
        let Request::Archive { to, language, zone } = request else { panic!("{request:?}") };
        assert!(Path::new(&to).is_absolute() && to.ends_with("/way-out"), "{to}");
        assert_eq!((language, zone.as_deref()), (protocol::record::schema::Language::Uk, Some("UTC")));
        ok(Reply::Archived { records: 14, bytes: 2_000, unread: 1 })
    }));
    let (exit, out, err) = node.run(&["archive", "way-out", "--language", "uk"]);
    assert_eq!(exit, 0, "{err}");
    assert!(
        out.contains("14 records") && err.contains("1 entry could not be read") && err.contains("not encrypted"),
        "{err}"
    );
    let (exit, out, _) = node.run(&["archive", "way-out", "--language", "uk", "--json"]);
    assert_eq!((exit, &json(&out)["unread"]), (0, &Value::from(1)));
    // The language of the page is that of the messages, unless another is asked for.
    assert_eq!(node.run(&["archive", "way-out", "--lang", "uk"]).0, 0);
}

#[test]
fn figures_are_written_as_they_are() {
    let node = fake::node(says(|_| ok(Reply::Metrics { text: "habeas_unlocked 1\n# EOF\n".into() })));
    assert_eq!(node.run(&["metrics"]), (0, "habeas_unlocked 1\n# EOF\n".into(), String::new()));
}
