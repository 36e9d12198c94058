//! Tests of help and usage errors in three languages.

use std::{collections::BTreeSet, ffi::OsString};

use clap::CommandFactory as _;
use habeas_texts::{areas, keys};

use super::*;
use crate::{
    args::{self, Cli},
    fake,
};

const OTHERS: [Language; 2] = [Language::Ru, Language::Uk];

/// The needed keys: those of the commands, their arguments and the values of these in other languages than English.
pub(crate) fn needed_keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    needed(&Cli::command(), "command", &keys(areas::CLI, Language::Ru).into_keys().collect(), &mut found);
    found
}

fn needed(command: &Command, path: &str, there: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let [own, shared] = keys_of(arg, path);
        found.insert(if there.contains(&own) { own } else { shared });
        found.extend(arg.get_action().takes_values().then(|| value_key(arg)));
    }
    for sub in command.get_subcommands() {
        needed(sub, &format!("{path}_{}", sub.get_name().replace('-', "_")), there, found);
    }
}

fn helps(command: &mut Command, found: &mut Vec<String>) {
    found.push(command.render_long_help().to_string());
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        helps(command.find_subcommand_mut(&name).expect("it was just listed"), found);
    }
}

#[test]
fn no_help_of_any_command_has_a_line_of_english_left() {
    for language in OTHERS {
        language::set(language);
        let mut root = args::command();
        root.build();
        let mut all = Vec::new();
        helps(&mut root, &mut all);
        assert!(all.len() > 20);
        for help in all {
            let head = typed::heading_usage();
            for line in help.lines().filter(|line| !line.trim_start().starts_with("habeas") && !line.starts_with(&head))
            {
                let english =
                    [" the ", " of ", " a ", "Options", "Commands", "Arguments", "default:", "possible", "Print"];
                assert!(!english.iter().any(|word| line.contains(word)), "{language:?}: {line}\nin\n{help}");
            }
        }
    }
}

#[test]
fn what_can_be_typed_is_the_same_in_every_language() {
    let typed = ["docket", "set", "x", "docket_penalty.months=1", "--grade", "B2", "--json"];
    for language in [Language::En, Language::Ru, Language::Uk] {
        language::set(language);
        args::command().debug_assert();
        let args = std::iter::once("habeas").chain(typed).map(OsString::from).collect();
        assert!(Cli::read(args).is_ok_and(|cli| cli.global.json), "{language:?}");
    }
}

#[test]
fn help_is_given_in_the_language_asked_for() {
    let check = |args: &[&str], expected: &[&str]| {
        let (exit, out, err) = fake::run(args);
        assert_eq!((exit, err.as_str()), (0, ""), "{args:?}");
        assert!(expected.iter().all(|expected| out.contains(expected)), "{args:?}: {out}");
    };
    let russian = ["Примеры:\n", "Использование: habeas case set", "Параметры:", "<ЗАПИСЬ>", "Для каждой команды:"];
    check(&["--lang", "ru", "help", "case", "set"], &russian);
    check(&["case", "set", "--help", "--lang=ru"], &russian);
    check(&["--lang", "uk", "--help"], &["Використання: habeas", "Команди:", "Завантажити справи й публічні картки"]);
    check(&["--lang", "uk", "help", "HB1003"], &["HB1003: Теку закрито.", "що робити: виконайте `habeas unlock`"]);
    check(&["--lang", "ru", "help", "exit-codes"], &["Коды завершения:", "\n  130"]);
    check(&["--lang", "en", "help", "case", "set"], &["Usage: habeas case set"]);
}

#[test]
fn what_is_wrong_with_what_was_typed_is_said_in_the_language_asked_for() {
    let check = |args: &[&str], expected: &[&str]| {
        let (exit, out, err) = fake::run(args);
        assert_eq!((exit, out.as_str()), (2, ""), "{args:?}");
        assert!(expected.iter().all(|expected| err.contains(expected)), "{args:?}: {err}");
        assert!(err.starts_with('✗') && err.contains("`habeas help HB"), "{err}");
        assert!(!err.contains("error:") && !err.contains("Usage:") && !err.contains("next:"), "{err}");
    };
    check(&["--lang", "ru", "statsu"], &["команды `statsu` нет", "может быть, `status`?", "HB6012"]);
    check(&["--lang", "uk", "status", "--verbos"], &["параметра `--verbos` немає", "`--verbose`"]);
    check(&["--lang", "ru", "case", "show", "able", "zone"], &["лишнее слово: `zone`", "в кавычки"]);
    check(&["--lang", "ru", "join"], &["не хватает: <ФАЙЛ>", "Использование: habeas join"]);
    check(&["--lang", "ru", "status", "--color", "blue"], &["значение `blue` не подходит", "auto, always, never"]);
    check(&["--lang", "uk", "status", "--color"], &["`--color <КОЛИ>` не має значення"]);
    check(&["--lang", "uk", "demo", "--orgs", "99"], &["`99` не підходить для `--orgs <ЧИСЛО>`", "в межах 1–16"]);
    check(&["--lang", "ru", "demo", "--orgs", "many"], &["нужно целое число"]);
    check(
        &["--lang", "ru", "case", "new", "capture_epsode.date=2023"],
        &["может быть, `capture_episode.date`?", "`habeas help fields capture_episode`", "HB3002"],
    );
    check(&["--lang", "uk", "case", "new", "capture_episode.date"], &["ПОЛЕ=ЗНАЧЕННЯ", "HB6012"]);
    check(
        &["--lang", "uk", "case", "set", "x", "penalty.months=1", "--entity", "entity1zz"],
        &["це не id виду entity"],
    );
    check(&["--lang", "uk", "status", "--quiet", "--quiet"], &["можна вказати лише один раз"]);
    check(&["--lang", "ru", "found", "--sign", "a", "--complete", "b", "c"], &["вместе не используются"]);
}
