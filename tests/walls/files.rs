//! The walls on files: the names at the top level, the heads of modules, lints, and no path of somebody's machine.

use std::{fs, path::Path};

use super::Violation;

/// The required names at the top level.
const REQUIRED: &[&str] = &[
    ".ci",
    ".config",
    ".gitignore",
    "ARCHITECTURE.md",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "GLOSSARY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "cli",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "node",
    "protocol",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];
/// The other allowed names there, besides documents: what git, cargo and an editor's settings leave.
const ALLOWED: &[&str] = &[".cargo", ".editorconfig", ".git", ".gitattributes", "target"];
const ROOMS: &[&str] = &["protocol", "node", "cli", "tests"];
/// The folders of our packages: each room is one, and a room may hold others.
pub(super) const PACKAGES: &[&str] = &["protocol", "protocol/texts", "node", "cli", "tests"];
/// The skipped names, which hold no text of ours; `.git` is a file in a second worktree.
const SKIPPED: &[&str] = &[".cargo", ".git", "target", "node_modules", "__pycache__"];
/// The private roots: first folders of an absolute path that only one machine has.
const PRIVATE_ROOTS: &[&str] = &["tmp", "root", "home", "work", "Users", "mnt"];

/// The tree of the project: its text files with path from the root and content, in order of path; and the top-level
/// names.
pub(super) struct Tree {
    top: Vec<String>,
    files: Vec<(String, String)>,
}

impl Tree {
    pub(super) fn of_the_project() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the project");
        let mut files = Vec::new();
        read_into(&mut files, root, "");
        files.sort();
        Self { top: names_in(root), files }
    }

    /// The Rust files of our own rooms.
    pub(super) fn rust(&self) -> Vec<(String, String)> {
        let ours = |path: &str| path.ends_with(".rs") && ROOMS.iter().any(|room| path.starts_with(&format!("{room}/")));
        self.files.iter().filter(|(path, _)| ours(path)).cloned().collect()
    }

    pub(super) fn text(&self, path: &str) -> String {
        let file = self.files.iter().find(|(found, _)| found == path);
        file.unwrap_or_else(|| panic!("{path} is missing")).1.clone()
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("a folder can be read to its end"))).collect();
    names.sort();
    names
}

fn read_into(files: &mut Vec<(String, String)>, folder: &Path, prefix: &str) {
    for name in names_in(folder).into_iter().filter(|name| !SKIPPED.contains(&name.as_str())) {
        let (path, below) = (folder.join(&name), format!("{prefix}{name}"));
        if path.is_dir() {
            read_into(files, &path, &format!("{below}/"));
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push((below, text));
        }
    }
}

/// The top-level names that are missing or not allowed.
pub(super) fn top_level(tree: &Tree) -> Vec<Violation> {
    let says = |name: &str, rule: &str| Violation { file: name.into(), line: 1, found: name.into(), rule: rule.into() };
    let known = |name: &str| REQUIRED.contains(&name) || ALLOWED.contains(&name) || name.ends_with(".md");
    let too_much = tree.top.iter().filter(|name| !known(name)).map(|name| says(name, "the top level has no such room"));
    let missing = REQUIRED.iter().filter(|name| !tree.top.iter().any(|found| found == *name));
    too_much.chain(missing.map(|name| says(name, "the top level lacks it"))).collect()
}

/// The modules without a head: a first line that says what they are for.
pub(super) fn heads(tree: &Tree) -> Vec<Violation> {
    let headless =
        |text: &str| text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_none_or(str::is_empty);
    let says = |path: String, text: &str| Violation {
        file: path,
        line: 1,
        found: text.lines().next().unwrap_or_default().to_owned(),
        rule: "the first line of a module says in `//!` what it is for".into(),
    };
    tree.rust().into_iter().filter(|(_, text)| headless(text)).map(|(path, text)| says(path, &text)).collect()
}

/// First words of a doc comment that name nothing: whoever reads it in rustdoc, alone, does not know what it is about.
const NAMELESS: &[&str] = &[
    "It", "Its", "They", "Their", "He", "She", "This", "These", "Those", "What", "Who", "Whom", "Which", "The same",
    "The one",
];
/// Sources with doc comments that people read as the help of a command.
const HELP: &[&str] = &["cli/src/args", "cli/src/commands/"];

/// Doc comments that begin with a pronoun or a question word.
pub(super) fn nameless(tree: &Tree) -> Vec<Violation> {
    let text = |line: &str| {
        line.trim_start().strip_prefix("//").and_then(|rest| rest.strip_prefix(['/', '!']).map(str::to_owned))
    };
    let is_nameless = |comment: &str| {
        let rest = |words: &str| comment.trim_start().strip_prefix(words).map(str::to_owned);
        NAMELESS.iter().any(|words| rest(words).is_some_and(|rest| rest.starts_with(' ')))
    };
    let mut found = Vec::new();
    for (path, source) in tree.rust().into_iter().filter(|(path, _)| !HELP.iter().any(|help| path.starts_with(help))) {
        let lines: Vec<&str> = source.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let begins = at == 0 || text(lines[at - 1]).is_none();
            if let Some(comment) = text(line).filter(|comment| begins && is_nameless(comment)) {
                let rule =
                    "a doc comment begins with the noun or verb of its item, not with a pronoun or a question word";
                found.push(Violation {
                    file: path.clone(),
                    line: at + 1,
                    found: comment.trim().into(),
                    rule: rule.into(),
                });
            }
        }
    }
    found
}

/// Manifests that do not take the workspace's lints, or a workspace that does not forbid unsafe code.
pub(super) fn lints(tree: &Tree) -> Vec<Violation> {
    let table =
        |path: &str| -> toml::Table { tree.text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}")) };
    let is = |table: &toml::Table, keys: &[&str], expected: toml::Value| {
        let mut value = Some(toml::Value::Table(table.clone()));
        for key in keys {
            value = value.and_then(|value| value.get(key).cloned());
        }
        value == Some(expected)
    };
    let says =
        |file: &str, rule: &str| Violation { file: file.into(), line: 1, found: "lints".into(), rule: rule.into() };
    let root = table("Cargo.toml");
    let mut found = Vec::new();
    if !is(&root, &["workspace", "lints", "rust", "unsafe_code"], "forbid".into()) {
        found.push(says("Cargo.toml", "workspace.lints.rust.unsafe_code is \"forbid\""));
    }
    if !is(&root, &["workspace", "members"], PACKAGES.to_vec().into()) {
        found.push(says("Cargo.toml", "the workspace has our packages as members"));
    }
    let manifests = PACKAGES.iter().map(|folder| format!("{folder}/Cargo.toml"));
    let free = manifests.filter(|manifest| !is(&table(manifest), &["lints", "workspace"], true.into()));
    found.extend(free.map(|manifest| says(&manifest, "lints.workspace is true")));
    found
}

/// The machine paths: absolute paths that only one machine has.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path != "Cargo.lock") {
        for (number, line) in text.lines().enumerate() {
            found.extend(machine_path(line).map(|machine_path| Violation {
                file: path.clone(),
                line: number + 1,
                found: machine_path.to_owned(),
                rule: "the product names no path of the machine it was made on".into(),
            }));
        }
    }
    found
}

/// The first machine path in a line: not one below another folder, a variable, or a web address.
fn machine_path(line: &str) -> Option<&str> {
    let starts = line.match_indices('/').filter(|(at, _)| {
        let before = line[..*at].chars().next_back();
        before.is_none_or(|sign| !(sign.is_alphanumeric() || "._-~}$*/)".contains(sign)))
    });
    starts.map(|(at, _)| &line[at..]).find(|path| {
        let mut folders = path[1..].split('/');
        let root = folders.next().is_some_and(|root| PRIVATE_ROOTS.contains(&root));
        root && folders.next().is_some_and(|next| next.starts_with(|sign: char| sign.is_alphanumeric()))
    })
}

pub(super) fn planted(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Tree { top: Vec::new(), files }
}

#[test]
fn a_comment_that_names_nothing_is_found_where_it_begins() {
    let lines = |text: &str| {
        nameless(&planted(&[("node/src/x.rs", text)])).iter().map(|violation| violation.line).collect::<Vec<_>>()
    };
    assert_eq!(lines("//! A file.\n\n/// It is gone.\nfn a() {}\n/// What was said.\nfn b() {}"), [3, 5]);
    assert_eq!(lines("//! It is a file."), [1]);
    assert_eq!(
        lines("//! A file:\n//! It is read.\n/// Items of a list.\n/// It is sorted.\n// It is a remark."),
        Vec::<usize>::new()
    );
    assert!(nameless(&planted(&[("cli/src/args.rs", "/// What to do.")])).is_empty(), "a help text");
}

#[test]
fn a_stranger_at_the_top_level_and_a_missing_room_are_found() {
    let with = |more: &[&str], less: &str| {
        let names = REQUIRED.iter().filter(|name| **name != less).chain(more).map(|name| (*name).to_owned());
        top_level(&Tree { top: names.collect(), files: Vec::new() })
    };
    assert_eq!(with(&["README.md"], ""), []);
    assert_eq!(with(&["SECURITY.md"], ""), []);
    assert_eq!(with(&["docs"], "").len(), 1);
    assert_eq!(with(&[], "protocol").len(), 1);
}

#[test]
fn a_module_without_a_head_is_found() {
    let check =
        |text: &str, count: usize| assert_eq!(heads(&planted(&[("node/src/x.rs", text)])).len(), count, "{text}");
    check("//! What it is for.\n", 0);
    check("", 1);
    check("//! \n", 1);
    check("// What it is for.\n", 1);
    check("\n//! What it is for.\n", 1);
}

#[test]
fn a_room_without_the_lints_is_found() {
    let check = |unsafe_code: &str, members: &str, room: &str, count: usize| {
        let root =
            format!("[workspace]\nmembers = [{members}]\n[workspace.lints.rust]\nunsafe_code = \"{unsafe_code}\"\n");
        let mut files = vec![("Cargo.toml", root.as_str()), ("protocol/Cargo.toml", room)];
        let others = ["protocol/texts/Cargo.toml", "node/Cargo.toml", "cli/Cargo.toml", "tests/Cargo.toml"];
        files.extend(others.map(|path| (path, "lints.workspace = true")));
        assert_eq!(lints(&planted(&files)).len(), count, "{unsafe_code} {members} {room}");
    };
    let members = r#""protocol", "protocol/texts", "node", "cli", "tests""#;
    check("forbid", members, "lints.workspace = true", 0);
    check("deny", members, "lints.workspace = true", 1);
    check("forbid", r#""protocol""#, "lints.workspace = true", 1);
    check("forbid", members, "lints.workspace = false", 1);
    check("forbid", members, "", 1);
}

#[test]
fn a_machine_path_is_found_and_a_path_that_everyone_has_is_not() {
    for root in PRIVATE_ROOTS {
        let check = |before: &str, after: &str, found: bool| {
            let line = format!("{before}/{root}{after}");
            assert_eq!(
                machine_paths(&planted(&[("deploy/x", &format!("first\n{line}\n"))])).len(),
                usize::from(found),
                "{line}"
            );
        };
        check("", "/someone", true);
        check("cd ", "/someone/x", true);
        check("\"", "/x", true);
        check("file:", "/x", true);
        check("src", "/x", false);
        check("$HOME", "/x", false);
        check("${X}", "/x", false);
        check("https://example.org", "/x", false);
        check(" ", "", false);
        check(" ", "/", false);
        check(" ", "/$X", false);
    }
}
