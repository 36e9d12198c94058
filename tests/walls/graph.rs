//! The walls on dependencies, from `cargo tree`: what is really built here, not what the lock file could build.

use std::{collections::BTreeSet, env, process::Command};

use super::Violation;

/// Our own packages, and the rooms they lie in.
const OURS: &[(&str, &str)] = &[
    ("habeas-protocol", "protocol"),
    ("habeas-texts", "protocol/texts"),
    ("habeas-node", "node"),
    ("habeas", "cli"),
    ("tests", "tests"),
];

/// The packages forbidden to a room: it must not reach them, directly or through others.
pub(super) struct Forbidden {
    pub(super) room: &'static str,
    /// The names of the packages; `x*` is any package whose name starts with x.
    packages: &'static [&'static str],
}

pub(super) const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        room: "habeas-protocol",
        packages: &[
            "tokio*",
            "async-std",
            "mio",
            "libp2p*",
            "*rocksdb*",
            "tantivy*",
            "axum*",
            "hyper*",
            "fluent-bundle",
            "habeas-texts",
            "habeas-node",
            "habeas",
        ],
    },
    Forbidden {
        room: "habeas-texts",
        packages: &["tokio*", "mio", "libp2p*", "*rocksdb*", "axum*", "hyper*", "clap*", "habeas-node", "habeas"],
    },
    Forbidden { room: "habeas", packages: &["habeas-node", "libp2p*", "*rocksdb*"] },
    Forbidden { room: "habeas-node", packages: &["habeas"] },
];

/// A reached package, one line of the tree, and the packages through which it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    name: String,
    version: String,
    /// The source of the package, if it is not the registry.
    source: Option<String>,
    licence: String,
    features: String,
    through: Vec<String>,
}

/// The tree that `cargo tree` prints for this machine's target, with all features of our own packages, build scripts
/// included.
pub(super) fn tree_of(selection: &[&str]) -> Vec<Reached> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--all-features", "--edges", "normal,build"])
        .args(["--prefix", "depth", "--format", ";{p};{l};{f}"])
        .args(selection)
        .output()
        .expect("cargo, which runs this test, can be started");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8(output.stdout).expect("cargo prints UTF-8"))
}

/// Parses lines `depth;name vVERSION [(source or remark)];licence;features`, with ` (*)` behind a package seen before.
fn parse(text: &str) -> Vec<Reached> {
    let mut through: Vec<String> = Vec::new();
    let mut tree = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let [depth, package, licence, features] = line.split(';').collect::<Vec<_>>()[..] else {
            panic!("cargo tree printed a line of another form: {line}");
        };
        let mut words = package.splitn(3, ' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let source = words.next().filter(|remark| *remark != "(proc-macro)");
        through.truncate(depth.parse().expect("cargo prints the depth as a number"));
        tree.push(Reached {
            name: name.to_owned(),
            version: version.to_owned(),
            source: source.map(str::to_owned),
            licence: licence.to_owned(),
            features: features.trim_end_matches(" (*)").to_owned(),
            through: through.clone(),
        });
        through.push(name.to_owned());
    }
    tree
}

impl Reached {
    fn violates(&self, rule: impl Into<String>) -> Violation {
        let path: Vec<&str> = self.through.iter().chain([&self.name]).map(String::as_str).collect();
        let room = OURS.iter().find(|(package, _)| path.len() > 1 && path.first() == Some(package));
        let folder = room.map_or_else(String::new, |(_, room)| format!("{room}/"));
        Violation { file: format!("{folder}Cargo.toml"), line: 1, found: path.join(" → "), rule: rule.into() }
    }
}

impl Forbidden {
    /// The forbidden packages that `tree`, the room's own, reaches; each once.
    pub(super) fn reached_in(&self, tree: &[Reached]) -> Vec<Violation> {
        assert_eq!(tree.first().map(|root| root.name.as_str()), Some(self.room), "the tree of another package");
        let mut seen = BTreeSet::new();
        tree[1..]
            .iter()
            .filter(|reached| self.packages.iter().any(|pattern| fits(pattern, &reached.name)))
            .filter(|reached| seen.insert(reached.name.clone()))
            .map(|reached| reached.violates(format!("{} must not depend on {}", self.room, reached.name)))
            .collect()
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    let word = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, _) => name.contains(word),
        (false, true) => name.starts_with(word),
        (false, false) => name == word,
    }
}

/// The packages from foreign sources: neither a room of ours nor from the registry.
pub(super) fn foreign_sources(tree: &[Reached]) -> Vec<Violation> {
    let ours = |reached: &Reached| OURS.iter().any(|(package, _)| reached.name == *package);
    tree.iter()
        .filter(|reached| reached.source.is_some() && !ours(reached))
        .map(|reached| reached.violates("every dependency comes from the registry, with a checksum in Cargo.lock"))
        .collect()
}

/// The violations about curves: more than one curve25519-dalek, or an ed25519-dalek that can verify in batches.
pub(super) fn curves(tree: &[Reached]) -> Vec<Violation> {
    let named = |name: &'static str| tree.iter().filter(move |reached| reached.name == name);
    let first = &named("curve25519-dalek").next().expect("signatures need the curve").version;
    let others = named("curve25519-dalek")
        .filter(|reached| reached.version != *first)
        .map(|reached| reached.violates(format!("one curve25519-dalek: {first} and {} are built", reached.version)));
    let batches = named("ed25519-dalek")
        .filter(|reached| reached.features.split(',').any(|feature| feature == "batch"))
        .map(|reached| reached.violates("no `batch` feature: it accepts what verify_strict refuses"));
    others.chain(batches).collect()
}

/// The licences that deny.toml allows.
pub(super) fn licences_allowed(deny: &str) -> Vec<String> {
    let deny: toml::Table = deny.parse().expect("deny.toml is TOML");
    let allow = deny["licenses"]["allow"].as_array().expect("licenses.allow is a list");
    allow.iter().map(|licence| licence.as_str().expect("a licence is a text").to_owned()).collect()
}

/// The packages whose licence does not allow us to use them under the licences allowed.
pub(super) fn licences(tree: &[Reached], allowed: &[String]) -> Vec<Violation> {
    tree.iter()
        .filter(|reached| !permits(&reached.licence, allowed))
        .map(|reached| reached.violates(format!("deny.toml does not allow the licence {:?}", reached.licence)))
        .collect()
}

/// Whether an SPDX expression permits use under these licences. `/` is the old way to write OR.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let permitted = any_of(&words, &mut at, allowed);
    permitted && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut permitted = all_of(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        permitted |= all_of(words, at, allowed);
    }
    permitted
}

fn all_of(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut permitted = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        permitted &= one(words, at, allowed);
    }
    permitted
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let permitted = any_of(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return permitted && closed;
    }
    let mut licence = (*word).to_owned();
    if let (Some(&"WITH"), Some(exception)) = (words.get(*at), words.get(*at + 1)) {
        licence = format!("{licence} WITH {exception}");
        *at += 2;
    }
    allowed.contains(&licence)
}

#[test]
fn a_forbidden_package_is_found_however_deep_and_the_way_to_it_is_told() {
    let tree = parse(
        "0;habeas-protocol v1 (/x);MIT;\n1;a v1;MIT;\n2;tokio-util v1;MIT;\n1;b v1;MIT;\n2;tokio-util v1;MIT; (*)\n",
    );
    let found = FORBIDDEN[0].reached_in(&tree);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "protocol/Cargo.toml:1: `habeas-protocol → a → tokio-util` — habeas-protocol must not depend on tokio-util"
    );
    for forbidden in FORBIDDEN {
        for pattern in forbidden.packages {
            let planted = format!("0;{} v1;MIT;\n1;{} v1;MIT;\n", forbidden.room, pattern.replace('*', "x"));
            assert_eq!(forbidden.reached_in(&parse(&planted)).len(), 1, "{planted}");
        }
        let harmless = format!("0;{} v1;MIT;\n1;client v1;MIT;\n1;nodes v1;MIT;\n", forbidden.room);
        assert_eq!(forbidden.reached_in(&parse(&harmless)), []);
    }
}

#[test]
fn a_second_curve_a_batch_feature_and_a_foreign_source_are_found() {
    let tree = "0;habeas-node v1 (/x);MIT;\n1;curve25519-dalek v5;MIT;\n1;ed25519-dalek v3;MIT;fast\n1;m v1 (proc-macro);MIT;\n";
    assert_eq!(curves(&parse(tree)), []);
    assert_eq!(foreign_sources(&parse(tree)), []);
    assert_eq!(curves(&parse(&format!("{tree}1;curve25519-dalek v4;MIT;\n"))).len(), 1);
    assert_eq!(curves(&parse(&tree.replace("fast", "batch (*)"))).len(), 1);
    assert_eq!(foreign_sources(&parse(&format!("{tree}1;x v1 (https://example.org/x#1);MIT;\n"))).len(), 1);
}

#[test]
fn a_licence_expression_is_satisfied_by_what_is_allowed_and_by_nothing_less() {
    let allowed = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    let check = |expression: &str, expected| assert_eq!(permits(expression, &allowed), expected, "{expression}");
    check("MIT", true);
    check("MIT OR GPL-3.0", true);
    check("GPL-3.0/MIT", true);
    check("GPL-3.0", false);
    check("MIT AND GPL-3.0", false);
    check("MIT OR GPL-3.0 AND GPL-2.0", true);
    check("(MIT OR GPL-3.0) AND Unicode-3.0", true);
    check("(MIT OR Unicode-3.0) AND GPL-3.0", false);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("MIT WITH LLVM-exception", false);
    check("", false);
    check("MIT MIT", false);
    let tree = parse("0;habeas-node v1;MIT;\n1;x v1;GPL-3.0;\n");
    assert_eq!(licences(&tree, &allowed).len(), 1);
}
