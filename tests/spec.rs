//! SPEC.md agrees with the code: its tables are compared with the source, both ways, and so are the drawings and rules
//! that module heads quote from it. A change of only one of them fails here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use protocol::store::{Class, Table};

fn protocol() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../protocol")
}

fn spec() -> String {
    fs::read_to_string(protocol().join("SPEC.md")).expect("SPEC.md is there")
}

/// The sources: the product text of every file of protocol, without tests.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
                found.insert(path.display().to_string(), product);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&protocol().join("src"), &mut found);
    assert!(found.len() > 20, "the source text was not found");
    found
}

fn source(name: &str) -> String {
    fs::read_to_string(protocol().join("src").join(name)).expect("a file of protocol")
}

/// The cells of the rows of the table whose head begins with `head`, without backticks.
fn table(spec: &str, head: &str) -> Vec<Vec<String>> {
    let rows = spec.lines().skip_while(|line| !line.starts_with(&format!("| {head} |")));
    let cell = |cell: &str| cell.trim().replace('`', "");
    let rows: Vec<Vec<String>> = rows
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(cell).collect())
        .collect();
    assert!(!rows.is_empty(), "SPEC.md has no table that begins with {head}");
    rows
}

/// The limits in a source: the values of `pub const NAME: Kind = Kind(a * b);`.
fn limits_in(source: &str) -> BTreeSet<(String, String, String)> {
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": "));
    let limits = constants.filter_map(|(name, rest)| {
        let (kind, value) = rest.split_once(" = ")?;
        let factors = value.strip_prefix(kind)?.trim_start_matches('(').trim_end_matches(");");
        let product: usize = factors
            .split('*')
            .map(|factor| factor.trim().replace('_', "").parse::<usize>().expect("a number"))
            .product();
        Some((name.to_owned(), product.to_string(), kind.to_lowercase()))
    });
    limits.collect()
}

fn triple(row: &[String]) -> (String, String, String) {
    (row[0].clone(), row[1].clone(), row[2].clone())
}

#[test]
fn every_limit_is_in_the_table_with_its_value_and_kind() {
    let found = limits_in(&source("bytes/limits.rs"));
    assert!(found.contains(&("DEPS".to_owned(), "64".to_owned(), "wire".to_owned())), "{found:?}");
    let told: BTreeSet<_> = table(&spec(), "limit").iter().map(|row| triple(row)).collect();
    assert_eq!(told, found);
}

#[test]
fn a_limit_is_read_with_its_factors() {
    let read =
        limits_in("pub const A: Wire = Wire(8 * 1024);\npub const B: Resource = Resource(3);\npub const C: u8 = 1;");
    let limit = |name: &str, value: &str, kind: &str| (name.to_owned(), value.to_owned(), kind.to_owned());
    assert_eq!(read, [limit("A", "8192", "wire"), limit("B", "3", "resource")].into());
}

/// The quoted texts that begin with `prefix` and hold words only.
fn quoted(source: &str, prefix: &str) -> BTreeSet<String> {
    let opening = format!("\"{prefix}");
    let opened = source.match_indices(&opening).map(|(at, _)| &source[at + 1..]);
    let words = |text: &&str| text.bytes().all(|byte| byte.is_ascii_lowercase() || b" /1".contains(&byte));
    opened.filter_map(|text| text.split('"').next()).filter(words).map(str::to_owned).collect()
}

#[test]
fn every_hash_context_is_in_the_table() {
    // The hashes of the simulator need no agreement between implementations.
    let product = sources().into_iter().filter(|(name, _)| !name.contains("/sim/")).map(|(_, text)| text);
    let mut found: BTreeSet<_> = product.flat_map(|text| quoted(&text, "habeas 1 ")).collect();
    assert!(found.remove("habeas 1 grant"), "HPKE's info is told beside the table");
    let told: BTreeSet<_> = table(&spec(), "context").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, found);
}

#[test]
fn every_signature_domain_is_in_the_table_and_none_begins_another() {
    let found = quoted(&source("bytes/cose.rs"), "habeas/1/");
    let told: BTreeSet<_> = table(&spec(), "domain").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(told, found);
    let all: Vec<_> = told.iter().map(String::as_str).chain(["habeas/1/body"]).collect();
    for a in &all {
        let begun = all.iter().filter(|b| b.starts_with(a)).count();
        assert_eq!(begun, 1, "{a} begins another domain: a context could make up the difference");
    }
}

#[test]
fn every_kind_is_in_the_table_with_its_number() {
    let source = source("log/entry.rs");
    let kinds = source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": Self = Self("));
    let found: BTreeSet<_> =
        kinds.map(|(name, number)| (number.trim_end_matches(");").to_owned(), name.to_owned())).collect();
    assert!(found.contains(&("0".to_owned(), "ASSERTIONS".to_owned())), "{found:?}");
    let named = table(&spec(), "kind").into_iter().filter(|row| !row[1].is_empty());
    assert_eq!(named.map(|row| (row[0].clone(), row[1].clone())).collect::<BTreeSet<_>>(), found);
}

#[test]
fn every_table_of_the_store_is_told_with_its_number_and_class() {
    let class = |class| if class == Class::Carrier { "carrier" } else { "reader" };
    let found = Table::ALL
        .iter()
        .map(|table| ((*table as u8).to_string(), table.label().to_owned(), class(table.class()).to_owned()));
    let told: Vec<_> = table(&spec(), "number").iter().map(|row| triple(row)).collect();
    assert_eq!(told, found.collect::<Vec<_>>());
}

/// The wire files: those that draw bytes which travel or are handed over.
const WIRE: &[&str] = &[
    "log/body.rs",
    "membership/charter.rs",
    "membership/charter/card.rs",
    "membership/charter/founding.rs",
    "membership/charter/roster.rs",
    "membership/circle.rs",
    "membership/circle/grant.rs",
    "log/entry.rs",
    "record/section/assertion.rs",
    "replication/sync/frame.rs",
];

/// The lines of the drawings in module heads.
fn drawings(source: &str) -> Vec<&str> {
    let mut drawn = Vec::new();
    let mut inside = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        match line.trim() {
            "```text" => inside = true,
            "```" => inside = false,
            _ if inside => drawn.push(line.strip_prefix(' ').unwrap_or(line)),
            _ => {}
        }
    }
    drawn
}

#[test]
fn what_module_heads_draw_is_quoted_from_here() {
    let spec = spec();
    let lines: BTreeSet<_> = spec.lines().collect();
    let texts: Vec<_> = WIRE.iter().map(|name| (name, source(name))).collect();
    let drawn: Vec<_> =
        texts.iter().flat_map(|(name, text)| drawings(text).into_iter().map(move |line| (name, line))).collect();
    assert!(texts.iter().all(|(_, text)| !drawings(text).is_empty()), "each of them draws something");
    assert!(drawn.len() > 40, "{} lines were found", drawn.len());
    for (name, line) in drawn {
        assert!(lines.contains(line), "{name} draws what SPEC.md does not:\n{line}");
    }
}

#[test]
fn the_rules_of_acceptance_are_those_of_the_code_in_its_order() {
    let source = source("replication/replica.rs");
    let rules: Vec<_> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("// "))
        .filter(|line| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok()))
        .collect();
    assert!(rules.len() >= 4, "{rules:?}");
    let spec = spec();
    let mut rest = &spec[spec.find("### Acceptance").expect("the section is there")..];
    for rule in rules {
        let at = rest.find(rule).unwrap_or_else(|| panic!("SPEC.md lacks, in this place: {rule}"));
        rest = &rest[at..];
    }
}

#[test]
fn it_is_short() {
    let lines = spec().lines().count();
    assert!(lines <= 450, "{lines} lines");
}
