//! The walls on manifests: each dependency is used where it is listed, and each entry of the workspace's table by a
//! package.

use std::collections::BTreeSet;

use super::{
    Violation,
    files::{PACKAGES, Tree},
    source::{Source, read_all},
};

/// The unused dependencies: those that a package lists and does not name in its code, and entries of the table that no
/// package lists.
pub(super) fn unused(tree: &Tree) -> Vec<Violation> {
    let sources = read_all(&tree.rust());
    let mut found = Vec::new();
    let mut listed = BTreeSet::new();
    for folder in PACKAGES {
        let manifest = format!("{folder}/Cargo.toml");
        let names = named_in(&sources, folder, &bins(tree, &manifest));
        for dependency in listed_in(tree, &manifest) {
            if !names.contains(dependency.replace('-', "_").as_str()) {
                found.push(says(&manifest, &dependency, "a package lists only what its code names"));
            }
            listed.insert(dependency);
        }
    }
    let table = keys(&parsed(tree, "Cargo.toml"), &["workspace", "dependencies"]);
    let idle = table.into_iter().filter(|name| !listed.contains(name));
    found.extend(idle.map(|name| says("Cargo.toml", &name, "the table holds only what a package lists")));
    found
}

fn says(file: &str, found: &str, rule: &str) -> Violation {
    Violation { file: file.into(), line: 1, found: found.into(), rule: rule.into() }
}

fn parsed(tree: &Tree, path: &str) -> toml::Table {
    tree.text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn keys(table: &toml::Table, path: &[&str]) -> Vec<String> {
    let mut table = Some(table);
    for key in path {
        table = table.and_then(|table| table.get(*key)?.as_table());
    }
    table.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn listed_in(tree: &Tree, manifest: &str) -> BTreeSet<String> {
    let manifest = parsed(tree, manifest);
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .flat_map(|kind| keys(&manifest, &[kind]))
        .collect()
}

/// The sources outside the package of which one of its binaries is made.
fn bins(tree: &Tree, manifest: &str) -> Vec<String> {
    let manifest = parsed(tree, manifest);
    let bins = manifest.get("bin").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let paths = bins.iter().filter_map(|bin| bin.get("path")?.as_str()?.strip_prefix("../").map(str::to_owned));
    paths.collect()
}

/// The first words of every path that the package's code names.
fn named_in<'a>(sources: &'a [Source], folder: &str, bins: &[String]) -> BTreeSet<&'a str> {
    let is_ours = |source: &&Source| package_of(&source.path) == Some(folder) || bins.contains(&source.path);
    let names = sources.iter().filter(is_ours).flat_map(|source| &source.names);
    names.filter_map(|name| name.segments.first().map(String::as_str)).collect()
}

/// The package that a file belongs to: the innermost, where one lies in the folder of another.
fn package_of(path: &str) -> Option<&'static str> {
    let around = PACKAGES.iter().filter(|folder| path.starts_with(&format!("{folder}/")));
    around.max_by_key(|folder| folder.len()).copied()
}

#[test]
fn a_dependency_that_nothing_names_is_found_in_a_room_and_in_the_table() {
    let check = |root: &str, room: &str, code: &str, count: usize| {
        let root = format!("[workspace.dependencies]\n{root}");
        let room = format!("[dependencies]\n{room}");
        let files = [("Cargo.toml", root.as_str()), ("node/Cargo.toml", &room), ("node/src/x.rs", code)];
        let others =
            ["protocol", "protocol/texts", "cli", "tests"].map(|room| (format!("{room}/Cargo.toml"), String::new()));
        let mut files: Vec<(&str, &str)> = files.to_vec();
        files.extend(others.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        assert_eq!(unused(&super::files::planted(&files)).len(), count, "{root} {room} {code}");
    };
    check("a-b = \"1\"\n", "a-b.workspace = true\n", "use a_b::c;", 0);
    check("a-b = \"1\"\n", "a-b.workspace = true\n", "fn f() { a_b::c(); }", 0);
    check("a-b = \"1\"\n", "a-b.workspace = true\n", "// a_b::c", 1);
    check("a-b = \"1\"\nc = \"1\"\n", "a-b.workspace = true\n", "use a_b::c;", 1);
}

#[test]
fn a_file_belongs_to_the_innermost_package_around_it() {
    let check = |path: &str, expected| assert_eq!(package_of(path), expected, "{path}");
    check("protocol/src/lib.rs", Some("protocol"));
    check("protocol/texts/src/lib.rs", Some("protocol/texts"));
    check("protocol/texts.rs", Some("protocol"));
    check("deploy/x.rs", None);
}
