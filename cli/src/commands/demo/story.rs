//! The story of the demonstration: for each event a plain line for people, or a line of JSON for scripts.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use protocol::app::control::{Claim, Record, SCHEMA};
use serde::Serialize;

use super::plan::Findings;
use crate::{
    render::{
        self, Screen,
        standing::{good, stays},
    },
    texts,
};

/// An event of the demonstration.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Started { nodes: usize },
    Founded { organisations: BTreeSet<&'a str>, registry_words: String },
    Imported { by: &'a str, case_files: usize, dockets: usize },
    Shared { case_files: usize, organisations: usize },
    HeldBack { case: &'a str, reason: &'a str },
    Arrived { case_files: usize, dockets: usize, organisations: usize },
    Cut { apart: &'a str },
    Corrected { label: &'a str, field: &'a str, values: &'a [String; 2] },
    Healed { nodes: usize },
    Asked { by: &'a str, article: &'a str, found: u64, dockets: u64 },
    Pausing { until: &'a Path, folders: Vec<PathBuf> },
}

/// The result of the demonstration, as scripts read it.
#[derive(Debug, Serialize)]
pub(super) struct Done<'a> {
    event: &'static str,
    /// The number of node processes.
    nodes: usize,
    /// The number of imported records.
    cases: usize,
    /// The number of them that every node of every other organisation shows.
    arrived: usize,
    /// The number of case files that no node of another organisation shows.
    held_back: usize,
    /// The number of counted entries that the first node shows.
    entries: u64,
    /// The digest of each node, read over its own socket; `null` where it could not be read.
    digests: Vec<Option<&'a str>>,
    converged: bool,
    /// The number of disputed values that the first node shows.
    conflicts_shown: u64,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    schema: u32,
}

/// The story: prints each event with the time since the start.
pub(super) struct Story<'a> {
    screen: &'a mut Screen,
    began: Instant,
}

impl<'a> Story<'a> {
    pub(super) fn new(screen: &'a mut Screen) -> Self {
        Self { screen, began: Instant::now() }
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Opens the story: the first line, before anything is waited for.
    pub(super) fn opens(&mut self, organisations: u8, folder: &Path) {
        self.screen.note(&texts::demo::opens(organisations.into(), folder));
        if organisations > 1 {
            self.screen.note(&texts::demo::explains());
        }
    }

    pub(super) fn tell(&mut self, event: &Event<'_>) {
        let at_ms = self.elapsed_ms();
        if self.screen.is_json() {
            self.screen.line(&Line { event, at_ms, schema: SCHEMA });
        } else {
            let line = texts::demo::told(event);
            let line = if matches!(event, Event::HeldBack { .. }) { stays(&line) } else { good(&line) };
            self.screen.data(&timed(at_ms, &line));
        }
    }

    /// Ends the story: the disputed value as all nodes show it, or all numbers in one line of JSON.
    pub(super) fn ends(&mut self, done: &Done<'_>, findings: &Findings, records: &[Record]) {
        if self.screen.is_json() {
            return self.screen.line(done);
        }
        if done.faults.is_empty() {
            self.screen.data(&timed(done.elapsed_ms, &good(&texts::demo::checked(done.nodes, done.held_back))));
        }
        if let Some(record) = records.first() {
            self.screen.data(&format!("\n{}", disagreement(findings, record, records)));
        }
    }
}

impl<'a> Done<'a> {
    pub(super) fn of(findings: &'a Findings, elapsed_ms: u64) -> Self {
        let (entries, conflicts_shown) = findings.entries_and_conflicts();
        Self {
            event: "done",
            nodes: findings.seen.len(),
            cases: findings.brought.case_files.len() + findings.brought.dockets.len(),
            arrived: findings.arrived(),
            held_back: findings.held_back(),
            entries,
            digests: findings.digests(),
            converged: findings.converged(),
            conflicts_shown,
            elapsed_ms,
            faults: findings.faults(),
            schema: SCHEMA,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    at_ms: u64,
    schema: u32,
}

/// The disagreement as a table, a row for each value: the value, who states it, when, from which source, and the number
/// of nodes that show it.
fn disagreement(findings: &Findings, record: &Record, records: &[Record]) -> String {
    let disputed = &findings.disputed;
    let claims = disputed.cell(record).map(|cell| &cell.claims[..]).unwrap_or_default();
    let row = |claim: &Claim| {
        // The own organisation records a claim to the minute, a shared copy to the day and in another entry: the claim
        // is the same.
        let same = |other: &Claim| (other.organisation, &other.value) == (claim.organisation, &claim.value);
        let shows = |record: &&Record| {
            disputed.cell(record).is_some_and(|cell| cell.claims.iter().any(same) && cell.shown == "conflict")
        };
        let on = texts::demo::of_nodes(records.iter().filter(shows).count(), findings.seen.len());
        let value = render::record::shown(&disputed.field, &claim.value);
        [vec![value], render::record::claim(record, claim), vec![on]].concat()
    };
    let header = [&[texts::column_value()][..], &texts::claim_columns(), &[texts::demo::column_shown_on()]].concat();
    let heading = texts::demo::disputed(&render::record::titled(&disputed.field), &disputed.label);
    format!("{heading}\n\n{}", render::table(&header, claims.iter().map(row)))
}

fn timed(at_ms: u64, line: &str) -> String {
    format!("{:>4}.{} s  {line}", at_ms / 1000, at_ms % 1000 / 100)
}
