//! Tests that every text named in the code exists, that every existing text is named, and that every problem has a
//! text.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use habeas_texts::{areas, find, keys, language};
use protocol::{
    app::control::{Parameter, SITUATIONS},
    record::schema::{Language, Schema},
    sharing::share::Reason,
};

use super::*;
use crate::{
    args,
    error::{Failure, known},
};

const OTHERS: [Language; 2] = [Language::Ru, Language::Uk];

/// The keys named in the code as functions, in all languages.
fn named() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    let finding: (_, &[_]) = ("finding", &["line", "path", "sentence"]);
    let running = [KEYS, standing::KEYS, setup::KEYS, doctor::KEYS, demo::KEYS];
    let reading =
        [record::KEYS, fields::KEYS, dates::KEYS, sharing::KEYS, dispute::KEYS, names::KEYS, precedents::KEYS];
    running.into_iter().chain(reading).chain([sheet::KEYS, typed::KEYS]).flatten().copied().chain([finding])
}

fn in_the_files(language: Language) -> BTreeSet<String> {
    keys(areas::CLI, language).into_keys().collect()
}

#[test]
fn every_text_named_in_the_code_exists_and_names_just_its_parameters() {
    for language in [Language::En, Language::Ru, Language::Uk] {
        let known = keys(areas::CLI, language);
        let usage = usage::KEYS.iter().copied().filter(|_| language != Language::En);
        for (key, parameters) in named().chain(usage) {
            let expected: BTreeSet<_> = parameters.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(known.get(key), Some(&expected), "{language:?}: {key}");
        }
    }
}

#[test]
fn every_text_that_exists_is_named_in_the_code() {
    let causes = known().map(|(code, ..)| format!("{code}.cause"));
    let mut english: BTreeSet<_> = named().map(|(key, _)| key.to_owned()).chain(causes).collect();
    assert_eq!(in_the_files(Language::En), english);
    english.extend(usage::KEYS.iter().map(|(key, _)| (*key).to_owned()));
    english.extend(known().map(|(code, ..)| format!("{code}.next")));
    english.extend(protocol::app::control::codes::ALL.iter().map(|(code, ..)| (*code).to_owned()));
    english.extend(SITUATIONS.iter().map(|(code, about, _)| format!("{code}-{about}")));
    english.extend(args::needed_keys());
    let held = Reason::CODES.iter().map(|code| sharing::held_key(code));
    english.extend(held.flat_map(|key| [format!("{key}.next"), key]));
    english.extend(Schema::current().rules().caps.iter().map(|cap| sharing::cap_key(&cap.name)));
    english.extend(["held_consent_level_named", "held_local_term_named"].map(str::to_owned));
    for language in OTHERS {
        let found = in_the_files(language);
        let (missing, unused): (Vec<_>, Vec<_>) =
            (english.difference(&found).collect(), found.difference(&english).collect());
        assert!(missing.is_empty() && unused.is_empty(), "{language:?}: missing {missing:#?}, unused {unused:#?}");
    }
}

#[test]
fn every_code_has_a_cause_a_sentence_and_a_next_step_in_three_languages() {
    for language in [Language::En, Language::Ru, Language::Uk] {
        language::set(language);
        for (code, _, in_english) in known() {
            let problem = Problem::new(code, "what happened");
            let (sentence, next) = (codes::sentence(&problem), codes::next_of(code));
            assert!(!sentence.is_empty() && !next.is_empty(), "{language:?}: {code}");
            assert!(cause(code).is_some_and(|cause| cause.ends_with('.')), "{language:?}: {code}");
            assert_eq!(next == in_english, language == Language::En, "{language:?}: {code}: {next}");
        }
    }
}

#[test]
fn every_situation_has_a_sentence_that_its_parameters_complete() {
    for language in OTHERS {
        language::set(language);
        let known = keys(areas::CLI, language);
        for (code, about, parameters) in SITUATIONS {
            let named = &known[&format!("{code}-{about}")];
            let given: BTreeSet<_> = parameters.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(named, &given, "{language:?}: {code}-{about}");
            let problem = Problem::new(code, "what happened").saying(about);
            let value = |name: &str| match name {
                "count" | "limit" | "seconds" | "characters" | "found" => Parameter::Number(3),
                _ => Parameter::Text("x".into()),
            };
            let problem = parameters.iter().fold(problem, |problem, name| problem.with(name, value(name)));
            let (general, exact) = (codes::sentence(&Problem::new(code, "what happened")), codes::sentence(&problem));
            assert!(exact != general && exact != "what happened", "{language:?}: {code}-{about}: {exact}");
        }
    }
}

#[test]
fn a_code_of_a_newer_node_is_told_in_its_own_words() {
    language::set(Language::Uk);
    let failure = Failure::from(Problem { next: "do it".into(), ..Problem::new("HB9999", "what happened") });
    assert_eq!((&*failure.problem.message, &*failure.problem.next), ("what happened", "do it"));
    let failure = Failure::from(Problem::new("HB3001", "x").saying("later").with("name", "y"));
    assert!(failure.problem.message.starts_with("такої справи"), "{}", failure.problem.message);
}

/// The situations in the table are those that the code reports. A table that differed would have texts for situations
/// that never occur, and none for some that do.
#[test]
fn the_situations_in_the_table_are_those_that_the_code_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut said = BTreeSet::new();
    for room in ["protocol/src", "node/src"] {
        for file in rust_files(&root.join(room)) {
            let text = fs::read_to_string(&file).expect("a file of ours is text");
            let text = text.split("#[cfg(test)]\nmod tests {").next().expect("a split has a first part").to_owned();
            let literals = |mark: &str| -> Vec<String> {
                let after = text.split(mark).skip(1);
                after.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
            };
            said.extend(literals(".saying(\""));
            // These two files give the word in functions of their own.
            if file.ends_with("import/refusal.rs") {
                said.extend(literals("of_file(\""));
            }
            if file.ends_with("desk/refusal.rs") {
                said.extend(literals("bad(\""));
                said.extend(
                    literals("=> \"")
                        .into_iter()
                        .filter(|word| ["date", "no-such-day", "year", "reversed"].contains(&&**word)),
                );
            }
        }
    }
    let table: BTreeSet<_> = SITUATIONS.iter().map(|(_, about, _)| (*about).to_owned()).collect();
    assert_eq!(said, table);
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a room of ours").map(|entry| entry.expect("it can be listed").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    here.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

#[test]
fn what_follows_a_problem_is_found_in_every_language() {
    for language in OTHERS {
        language::set(language);
        assert!(find("HB1003", Some("next"), &[]).is_some_and(|next| next.contains("`habeas unlock`")), "{language:?}");
    }
}

#[test]
fn where_a_line_has_no_room_what_a_command_is_for_stands_below_it() {
    let commands = [("habeas status".to_owned(), "see"), ("habeas import FILE".to_owned(), "bring cases in")];
    assert_eq!(next(&commands), "Next:\n  habeas status       see\n  habeas import FILE  bring cases in");
    crate::render::narrowed(30);
    assert_eq!(next(&commands), "Next:\n  habeas status\n      see\n  habeas import FILE\n      bring cases in");
}
