//! Tests of whole commands in the language that is asked for, or that of the locale.

use protocol::app::control::{Answer, NodeState, Problem, Reply, codes};

use super::json;
use crate::{
    Surroundings,
    fake::{self, ok, says},
};

fn open() -> fake::FakeNode {
    fake::node(says(|_| ok(Reply::Status(Box::new(fake::status(NodeState::Open))))))
}

#[test]
fn the_language_is_that_of_the_flag_else_of_the_locale_else_english() {
    let check = |args: &[&str], locale: Option<&str>, expected: &str| {
        let node = open();
        let surroundings = Surroundings { locale: locale.map(str::to_owned), ..fake::surroundings() };
        let (exit, out, err) = node.run_in(&surroundings, &[&["status"], args].concat());
        assert_eq!(exit, 0, "{err}");
        assert!(out.starts_with(expected), "{args:?} {locale:?}: {out}");
    };
    check(&[], None, "Nothing on this");
    check(&[], Some("C.UTF-8"), "Nothing on this");
    check(&[], Some("ru_RU.UTF-8"), "С этого компьютера");
    check(&[], Some("uk_UA.UTF-8"), "З цього комп’ютера");
    check(&["--lang", "uk"], Some("ru_RU.UTF-8"), "З цього комп’ютера");
    check(&["--lang=en"], Some("uk_UA"), "Nothing on this");
}

#[test]
fn scripts_read_english_and_codes_whatever_the_locale() {
    let surroundings = Surroundings { locale: Some("uk_UA.UTF-8".into()), ..fake::surroundings() };
    let refusing = || {
        let problem = Problem::new(codes::NO_ORGANISATION, "«zoo» is no member's call-sign");
        let problem = problem.saying("name").with("name", "zoo");
        fake::node(says(move |_| Answer::Problem(problem.clone())))
    };
    let (exit, out, err) = refusing().run_in(&surroundings, &["hold", "zoo", "--json"]);
    assert_eq!((exit, out.as_str()), (2, ""));
    let problem = &json(&err)["problem"];
    assert_eq!(problem["message"], "«zoo» is no member's call-sign");
    assert!(problem["next"].as_str().is_some_and(|next| next.starts_with("run `habeas")), "{problem}");
    assert_eq!((&problem["about"], &problem["params"]["name"]), (&"name".into(), &"zoo".into()));
    let (_, _, err) = refusing().run_in(&surroundings, &["hold", "zoo"]);
    assert!(err.contains("немає учасника з позивним, назвою чи id «zoo»") && err.contains("HB4001"), "{err}");
}

#[test]
fn a_folder_that_was_named_is_in_the_next_step_of_every_language() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("vault"), "keys").expect("the folder is ours");
    let data = folder.path().to_str().expect("temporary folders have plain names");
    for (lang, verb) in [("en", "run"), ("ru", "выполните"), ("uk", "виконайте")] {
        let (exit, _, err) = fake::run(&["--data", data, "--lang", lang, "status"]);
        assert_eq!(exit, 11);
        assert!(err.contains(&format!("{verb} `habeas --data {data} serve`")), "{err}");
    }
}

#[test]
fn every_problem_of_the_node_is_told_in_every_language_with_its_code() {
    for lang in ["ru", "uk"] {
        for (code, exit, _) in codes::ALL {
            let node = fake::node(says(move |_| Answer::Problem(Problem::new(code, "what happened"))));
            let (status, out, err) = node.run(&["status", "--lang", lang]);
            assert_eq!((status, out.as_str()), (*exit, ""), "{code}");
            assert!(err.contains(code) && !err.contains("next:"), "{err}");
        }
    }
}

#[test]
fn every_fault_of_a_file_is_told_with_its_place_in_the_language_asked_for() {
    let finding = Problem::new(codes::UNKNOWN_CODE, "service_record.category: unknown code «mob»");
    let finding = finding.saying("code").with("field", "service_record.category").with("code", "mob");
    let finding = finding.with("line", 7_u64).with("path", "$.cases[0].category");
    let problem = Problem::new(codes::IMPORT, "the file has 1 errors").saying("errors").with("count", 1_u64);
    let problem =
        problem.with_details(vec!["line 7: $.cases[0].category: unknown".into()]).with_findings(vec![finding]);
    let check = |lang: &str, expected: [&str; 2]| {
        let problem = problem.clone();
        let node = fake::node(says(move |_| Answer::Problem(problem.clone())));
        let file = super::write(node.folder(), "cases.json", "{}");
        let (exit, _, err) = node.run(&["import", &file, "--lang", lang]);
        assert_eq!(exit, 2);
        assert!(expected.iter().all(|expected| err.contains(expected)), "{err}");
    };
    check("en", ["line 7: $.cases[0].category: service_record.category: unknown code «mob»", "errors"]);
    check("ru", ["строка 7: $.cases[0].category: service_record.category: кода «mob» нет", "в файле 1 ошибка"]);
    check("uk", ["рядок 7: $.cases[0].category: service_record.category: коду «mob» немає", "у файлі 1 помилка"]);
}
