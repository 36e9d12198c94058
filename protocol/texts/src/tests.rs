//! Tests that the three languages are complete, have the same content, and decline nouns after numbers as people do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{keys::contents, *};

/// The keys of a language, in every area.
fn all_keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    keys(areas::all(), language)
}

#[test]
fn every_file_is_read_without_a_fault_and_no_message_hides_another() {
    for language in language::ALL {
        for (path, text) in areas::all().filter_map(|area| area.file(language)) {
            let resource = FluentResource::try_new(text.to_owned());
            assert!(resource.is_ok(), "{path}: {:?}", resource.err().map(|(_, errors)| errors));
        }
        bundle(language);
    }
}

/// Every file belongs to one area. A file that no area names would be in the tree, translated and never shown.
#[test]
fn every_file_in_the_folders_belongs_to_one_area() {
    let lang = Path::new(env!("CARGO_MANIFEST_DIR")).join("lang");
    for language in language::ALL {
        let tag = language::tag(language);
        let entries = fs::read_dir(lang.join(tag)).expect("a folder of each language");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("our names are UTF-8"))
            .map(|name| format!("{tag}/{name}"))
            .collect();
        let mut named: Vec<_> = areas::all().filter_map(|area| area.file(language)).map(|(path, _)| path).collect();
        files.sort();
        named.sort();
        assert_eq!(files, named);
    }
}

#[test]
fn the_languages_have_the_same_keys_with_the_same_parameters() {
    let [en, ru, uk] = language::ALL.map(all_keys);
    assert_eq!(ru, uk);
    for (key, named) in en {
        assert_eq!(ru.get(&key), Some(&named), "{key}");
    }
}

#[test]
fn every_text_that_this_package_names_exists_and_none_of_its_texts_is_unused() {
    let parameters = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let named = answers::KEYS.iter().map(|(key, names)| ((*key).to_owned(), parameters(names))).collect();
    for language in language::ALL {
        assert_eq!(keys(areas::SHARED, language), named, "{language:?}");
    }
}

#[test]
fn no_text_has_a_word_of_the_trade() {
    let never = [
        "crdt",
        "epoch",
        "epochs",
        "frontier",
        "incarnation",
        "replica",
        "digest",
        "heads",
        "peer-to-peer",
        "p2p",
        "эпоха",
        "эпохи",
        "реплика",
        "реплики",
        "фронтир",
        "хеш",
        "хэш",
        "пир",
        "пиры",
        "епоха",
        "епохи",
        "репліка",
        "репліки",
        "піри",
        "геш",
    ];
    // This label stands before the digest itself, beside the id of a record.
    let excepted = ["page_digest"];
    for language in language::ALL {
        for (key, content) in contents(areas::all(), language) {
            let text = content.text;
            // Text in backticks is typed, not read.
            let shown: String = text.split('`').step_by(2).collect();
            let lower = shown.to_lowercase();
            let words = lower.split(|char: char| !(char.is_alphanumeric() || char == '-'));
            let found: Vec<_> = words.filter(|word| never.contains(word)).collect();
            let clean = found.is_empty() || excepted.contains(&&*key);
            assert!(clean && !shown.contains("DID"), "{key}: {found:?} in {text}");
        }
    }
}

#[test]
fn no_text_of_one_language_stands_in_another() {
    let russian = |char| "ёъыэЁЪЫЭ".contains(char);
    let ukrainian = |char| "іїєґІЇЄҐ".contains(char);
    let cyrillic = |char| ('\u{400}'..='\u{4ff}').contains(&char);
    let check = |language, foreign: &dyn Fn(char) -> bool| {
        for (key, content) in contents(areas::all(), language) {
            assert!(!content.text.contains(foreign), "{key}: {}", content.text);
        }
    };
    check(Language::En, &cyrillic);
    check(Language::Ru, &ukrainian);
    check(Language::Uk, &russian);
    let ukrainian_texts = contents(areas::all(), Language::Uk);
    for (key, content) in contents(areas::all(), Language::Ru) {
        let text = content.text;
        let letters = text.chars().filter(|char| cyrillic(*char)).count();
        assert!(letters < 24 || ukrainian_texts[&key].text != text, "{key} is the same in both: {text}");
    }
}

/// A noun after a number takes the form that people use, for the numbers 0 to 25 and 100 to 125.
#[test]
fn numbers_take_the_form_of_the_noun_that_people_use() {
    let noun = |language, count: u64| {
        let saved = || text("saved", &[("pseudonym", "x".into()), ("entries", count.into())]);
        language::within(language, saved)
            .split_whitespace()
            .find(|word| word.starts_with("запис") || word.starts_with("entr"))
            .expect("a noun")
            .trim_matches(['(', ')'])
            .to_owned()
    };
    for count in (0..=25).chain(100..=125) {
        let (one, few) = (
            count % 10 == 1 && count % 100 != 11,
            (2..=4).contains(&(count % 10)) && !(12..=14).contains(&(count % 100)),
        );
        let expected = |forms: [&'static str; 3]| {
            if one {
                forms[0]
            } else if few {
                forms[1]
            } else {
                forms[2]
            }
        };
        assert_eq!(noun(Language::Ru, count), expected(["запись", "записи", "записей"]), "{count}");
        assert_eq!(noun(Language::Uk, count), expected(["запис", "записи", "записів"]), "{count}");
        assert_eq!(noun(Language::En, count), if count == 1 { "entry" } else { "entries" }, "{count}");
    }
}

#[test]
fn cases_are_counted_as_people_count_them() {
    let check = |language, cases: u64, expected: &str| {
        let checked = || text("checked", &[("nodes", 3.into()), ("cases", cases.into())]);
        let text = language::within(language, checked);
        assert!(text.ends_with(expected), "{text}");
    };
    for (cases, ru, uk) in [
        (1, "вышло 1 дело", "вийшла 1 справа"),
        (2, "вышли 2 дела", "вийшли 2 справи"),
        (5, "вышли 5 дел", "вийшли 5 справ"),
        (11, "вышли 11 дел", "вийшли 11 справ"),
        (21, "вышло 21 дело", "вийшла 21 справа"),
        (122, "вышли 122 дела", "вийшли 122 справи"),
    ] {
        check(Language::Ru, cases, ru);
        check(Language::Uk, cases, uk);
    }
}

#[test]
fn a_parameter_stands_as_it_is_without_marks_of_direction() {
    for language in language::ALL {
        let text = language::within(language, || text("written", &[("path", "a{ $b }.card".into())]));
        assert!(text.ends_with("a{ $b }.card"), "{text}");
        assert!(!text.contains(['\u{2068}', '\u{2069}']), "{text}");
    }
}

#[test]
fn a_text_whose_parameter_is_missing_is_not_shown_in_part() {
    language::set(Language::Ru);
    assert_eq!(find("HB4001-name", None, &[]), None);
    assert!(find("HB4001-name", None, &[("name", "x".into())]).is_some_and(|text| text.contains("«x»")));
}
