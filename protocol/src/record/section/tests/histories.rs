//! Recorded histories: their views stay the same across releases and versions of Automerge.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::*;
use crate::bytes::seal::Entropy;

const HISTORIES: u32 = 1000;

/// Generates a history from its number: up to 40 entries of five feeds, some of them concurrent.
fn recorded(number: u32) -> History {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    let mut entropy = Entropy::new(seed);
    let mut byte = || entropy.bytes::<1>()[0];
    let mut history = History::default();
    for _ in 0..1 + byte() % 40 {
        let deps = (0..byte() % 3).map(|_| byte()).collect();
        let statements = (0..byte() % 4).map(|_| (byte() % 10, byte() % 16, byte() % 4, byte())).collect();
        continue_with(&mut history, &Step { feed: byte() % 5, deps, statements });
    }
    history
}

/// Number, entries and digest of each history, one per line.
fn made() -> String {
    let mut lines = String::new();
    for number in 0..HISTORIES {
        let history = recorded(number);
        let view = history.section(&history.all()).view();
        let digest = data_encoding::HEXLOWER.encode(&view.digest()[..16]);
        writeln!(lines, "{number}\t{}\t{digest}", history.entries.len()).expect("a text takes lines");
    }
    lines
}

/// The digests were written by the previous release. A changed digest changes the view of existing records and needs a
/// reason in CHANGELOG.md. `HABEAS_VECTORS=write` writes them anew.
#[test]
fn a_thousand_recorded_histories_show_what_they_showed() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/histories.tsv");
    let made = made();
    if std::env::var("HABEAS_VECTORS").is_ok_and(|value| value == "write") {
        fs::write(&path, &made).expect("writable");
    }
    let recorded = fs::read_to_string(&path).expect("the recorded digests are there");
    assert_eq!(recorded.lines().count(), HISTORIES as usize);
    let differs = recorded.lines().zip(made.lines()).find(|(then, now)| then != now);
    assert_eq!(differs, None, "a history shows something else than it did");
}

#[test]
fn the_recorded_histories_have_conflicts_resolutions_and_branches() {
    let (mut conflicts, mut resolved, mut documents) = (0, 0, 0);
    for number in 0..100 {
        let history = recorded(number);
        let mut section = history.section(&history.all());
        let view = section.view();
        let cells = view.entities.values().flat_map(std::collections::BTreeMap::values);
        for cell in cells {
            conflicts += usize::from(cell.shown == Shown::Conflict);
            resolved += usize::from(matches!(cell.shown, Shown::Resolved { .. }));
        }
        documents += usize::from(section.document.forks() > 0);
    }
    assert!(conflicts > 50 && resolved > 10 && documents > 50, "{conflicts} {resolved} {documents}");
}
