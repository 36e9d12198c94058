//! The walls inside `protocol`: its folders are layers, and a layer uses only the layers that are listed for it here.

use std::collections::BTreeSet;

use super::{
    Violation,
    source::{Source, read_all},
};

/// A folder of `protocol/src`, and the layers that its product code may use.
type Layer = (&'static str, &'static [&'static str]);

/// The layers, each with what it may use. A layer uses only layers above it; an arrow that is no longer used is
/// removed.
pub(super) const LAYERS: &[Layer] = &[
    ("bytes", &[]),
    ("store", &[]),
    ("log", &["bytes"]),
    ("membership", &["bytes", "store", "log"]),
    ("replication", &["bytes", "store", "log", "membership"]),
    ("record", &["bytes"]),
    ("sharing", &["bytes", "record"]),
    ("app", &["bytes", "store", "log", "membership", "replication", "record", "sharing"]),
    ("sim", &["bytes", "store", "log", "membership", "replication", "record", "sharing", "app"]),
];

/// An arrow: a use of one layer by another, with the place in the source.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrow {
    from: String,
    to: String,
    file: String,
    line: usize,
}

/// The layer that a file belongs to.
fn layer_of(path: &str) -> Option<&str> {
    let first = path.strip_prefix("protocol/src/")?.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first)).filter(|layer| *layer != "lib")
}

/// The arrows between layers in product code.
fn arrows(sources: &[Source]) -> BTreeSet<Arrow> {
    let mut found = BTreeSet::new();
    for source in sources {
        let Some(from) = layer_of(&source.path) else { continue };
        for name in source.names.iter().filter(|name| !name.in_test) {
            let [root, to, ..] = &name.segments[..] else { continue };
            // An exported macro is at the crate's root, whatever layer defines it.
            if root == "crate" && to != from && !to.ends_with('!') {
                found.insert(Arrow {
                    from: from.to_owned(),
                    to: to.clone(),
                    file: source.path.clone(),
                    line: name.line,
                });
            }
        }
    }
    found
}

/// The broken arrows: those that the table does not allow, and those of the table that nothing uses.
pub(super) fn broken(layers: &[Layer], sources: &[Source]) -> Vec<Violation> {
    let arrows = arrows(sources);
    let allows = |arrow: &Arrow| layers.iter().any(|(from, to)| arrow.from == *from && to.contains(&&*arrow.to));
    let wrong = arrows.iter().filter(|arrow| !allows(arrow)).map(|arrow| Violation {
        file: arrow.file.clone(),
        line: arrow.line,
        found: format!("crate::{}", arrow.to),
        rule: format!("the layer `{}` does not use the layer `{}`", arrow.from, arrow.to),
    });
    let used = |from: &str, to: &str| arrows.iter().any(|arrow| arrow.from == from && arrow.to == to);
    let idle = layers.iter().flat_map(|(from, tos)| tos.iter().map(move |to| (*from, *to)));
    let idle = idle.filter(|(from, to)| !used(from, to)).map(|(from, to)| Violation {
        file: "tests/walls/layers.rs".into(),
        line: 1,
        found: format!("{from} → {to}"),
        rule: "an arrow of the table is one that the code has".into(),
    });
    wrong.chain(idle).collect()
}

/// The folders that are no layer, and layers that may use themselves or one below them.
pub(super) fn unordered(layers: &[Layer], sources: &[Source]) -> Vec<String> {
    let unknown = sources.iter().filter_map(|source| layer_of(&source.path));
    let unknown = unknown.filter(|found| !layers.iter().any(|(layer, _)| layer == found)).map(str::to_owned);
    let upward = layers.iter().enumerate().flat_map(|(at, (from, tos))| {
        let above = &layers[..at];
        let stray = tos.iter().filter(move |to| !above.iter().any(|(layer, _)| layer == *to));
        stray.map(move |to| format!("{from} → {to}"))
    });
    unknown.chain(upward).collect()
}

fn planted(path: &str, text: &str) -> Vec<String> {
    let layers: &[Layer] = &[("bytes", &[]), ("log", &["bytes"])];
    let good = ("protocol/src/log/x.rs".to_owned(), "use crate::bytes::ids;".to_owned());
    let sources = read_all(&[good, (path.to_owned(), text.to_owned())]);
    broken(layers, &sources).into_iter().map(|violation| violation.to_string()).collect()
}

#[test]
fn an_arrow_that_the_table_lacks_is_found_wherever_it_is_written() {
    let found =
        ["protocol/src/bytes/ids.rs:2: `crate::log` — the layer `bytes` does not use the layer `log`".to_owned()];
    for text in [
        "\nuse crate::log::entry;",
        "\nuse crate::{bytes::x, log};",
        "\nfn f() { crate::log::f() }",
        "\npub use crate::log::*;",
    ] {
        assert_eq!(planted("protocol/src/bytes/ids.rs", text), found, "{text}");
    }
    assert_eq!(planted("protocol/src/bytes.rs", "\nuse crate::log::x;").len(), 1, "the file of the layer is bound too");
}

#[test]
fn a_remark_a_test_and_an_arrow_that_is_allowed_do_no_harm() {
    for text in ["// crate::log", "#[cfg(test)] mod tests { use crate::log::x; }", "use crate::bytes::limits;"] {
        assert_eq!(planted("protocol/src/bytes/ids.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn an_arrow_that_nothing_uses_and_one_that_runs_upward_are_found() {
    let layers: &[Layer] = &[("bytes", &["log"]), ("log", &["bytes", "log"])];
    let sources = read_all(&[("protocol/src/new.rs".to_owned(), "x".to_owned())]);
    assert_eq!(broken(layers, &sources).len(), 3);
    assert_eq!(unordered(layers, &sources), ["new", "bytes → log", "log → log"]);
}
