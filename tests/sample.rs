//! The sample data: invented persons only, and public proceedings in which every value names its source.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

/// The keys that a docket may have: none of them can hold a name.
const DOCKET_KEYS: &[&str] = &[
    "label",
    "court_id",
    "asserted_court_region",
    "closed_trial",
    "charges",
    "code",
    "form",
    "events",
    "type",
    "date",
    "decisions",
    "instance",
    "outcome",
    "penalties",
    "months",
    "regime",
    "sources",
];

fn sample() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sample/cases.json");
    let text = fs::read_to_string(path).expect("the sample data is part of the project");
    serde_json::from_str(&text).expect("the sample data is JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list"))
}

#[test]
fn every_person_in_the_sample_is_invented_and_marked_so() {
    let sample = sample();
    let cases = list(&sample, "cases");
    assert_eq!(cases.len(), 12);
    for case in cases {
        let id = case["case_id"].as_str().expect("a case has an id");
        assert!(id.starts_with("SYN-") && case["synthetic"] == Value::Bool(true), "{id}");
        let name = case["person"]["local_name"].as_str().unwrap_or("[recalled]");
        assert!(name.starts_with("СИН ") || name == "[recalled]", "{id}: the name does not show that it is invented");
        for proceeding in case["proceedings"].as_array().into_iter().flatten() {
            let court = proceeding["court_id"].as_str().unwrap_or("99");
            assert!(court.starts_with("99"), "{id}: {court} is a court that exists");
        }
    }
}

#[test]
fn every_value_of_a_docket_has_a_source_and_a_grade_and_nobody_is_named() {
    let sample = sample();
    let dockets = list(&sample, "dockets");
    assert_eq!(dockets.len(), 2);
    for docket in dockets {
        assert_eq!(faults(docket), Vec::<String>::new(), "{}", docket["label"]);
    }
}

#[test]
fn a_value_without_source_or_grade_and_a_key_for_a_name_are_found() {
    let sound = list(&sample(), "dockets")[0].clone();
    let check = |pointer: &str, value: Value| {
        let mut docket = sound.clone();
        *docket.pointer_mut(pointer).expect("the planted place exists") = value;
        assert_eq!(faults(&docket).len(), 1, "{pointer}: {:?}", faults(&docket));
    };
    check("/court_id", "27GV0012".into());
    check("/charges/0/code/src", "s9".into());
    check("/charges/0/code/grade", "B7".into());
    check("/charges/0/code", serde_json::json!({ "v": "x", "src": "s1" }));
    check("/sources/0/grade", "G1".into());
    check("/events/0", serde_json::json!({ "accused": { "v": "x", "src": "s1", "grade": "B2" } }));
}

/// The faults of a docket.
fn faults(docket: &Value) -> Vec<String> {
    let sources = list(docket, "sources");
    let known: BTreeSet<&str> = sources.iter().filter_map(|source| source["id"].as_str()).collect();
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !is_grade(&source["grade"])) {
        faults.push(format!("source {} has no grade", source["id"]));
    }
    let claims = docket.as_object().expect("a docket is an object").iter().filter(|(key, _)| *key != "sources");
    for (key, value) in claims.filter(|(key, _)| *key != "label") {
        claim(key, value, &known, &mut faults);
    }
    faults
}

fn claim(key: &str, value: &Value, sources: &BTreeSet<&str>, faults: &mut Vec<String>) {
    if !DOCKET_KEYS.contains(&key) {
        faults.push(format!("{key}: no key of a docket"));
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| claim(key, item, sources, faults)),
        Value::Object(fields) if !fields.contains_key("v") => {
            fields.iter().for_each(|(key, value)| claim(key, value, sources, faults));
        }
        _ => {
            let sourced = value["src"].as_str().is_some_and(|source| sources.contains(source));
            let only = value.as_object().is_some_and(|fields| fields.len() == 3);
            if !(sourced && only && is_grade(&value["grade"])) {
                faults.push(format!("{key}: a value without source and grade"));
            }
        }
    }
}

/// Whether a value is a grade: reliability of the source A to F, credibility of the information 1 to 6.
fn is_grade(value: &Value) -> bool {
    matches!(value.as_str().map(str::as_bytes), Some([b'A'..=b'F', b'1'..=b'6']))
}
