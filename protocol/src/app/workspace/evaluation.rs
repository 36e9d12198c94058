//! Evaluation: makes the lines of the catalogue for sections that are due, a few at a time between other jobs.
//!
//! The line of an own case file is that of the view merged with its shared copies, so an entry in a shared copy makes
//! the own case file due, and a shared copy has no line. A withdrawal that is news is followed by the shared copies: the
//! mark for that is in the batch with the line.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::{
        catalogue::{self, Due, Followed, Line, Origin},
        control::{Problem, RecordKind, codes},
        desk,
        question::Answers,
    },
    bytes::ids::CircleId,
    membership::circle::Circle,
    record::{docket::Docket, stage},
    replication::sync::{Effect, Notice},
    sharing::share::recall,
    store::{Batch, Store, StoreError, staged::Staged},
};

use super::{MergedRecord, RecordRef, SectionKey, Workspace};

/// Number of sections that are evaluated between two jobs, and before a list is read: a few milliseconds.
pub const AT_ONCE: usize = 16;

/// Lines to be replaced, in order of arrival: each section once.
#[derive(Default)]
struct Lines {
    lines: Vec<(SectionKey, RecordKind, Option<Line>)>,
    known: BTreeSet<SectionKey>,
}

impl Lines {
    fn push(&mut self, at: SectionKey, kind: RecordKind, line: Option<Line>) {
        if self.known.insert(at) {
            self.lines.push((at, kind, line));
        }
    }
}

impl<S: Store> Workspace<'_, S> {
    /// Loads the due sections, after unlocking.
    ///
    /// # Errors
    /// An error of the store.
    pub fn load_due(&mut self) -> Result<(), Problem> {
        let circles: Vec<CircleId> = self.state.replica().circles().map(|(id, _)| *id).collect();
        self.cache.due = Due::load(self.store, &self.own_circle(), &circles)?;
        Ok(())
    }

    /// Evaluates at most `most` due sections. A section that cannot be read is left out until it changes again or the
    /// folder is unlocked again; a request for it returns the cause. Returns the problem of the first one.
    ///
    /// # Errors
    /// The store cannot write the lines: the sections stay due.
    pub fn evaluate(&mut self, most: usize) -> Result<Option<Problem>, StoreError> {
        if self.cache.due.is_empty() || !self.state.is_unlocked() {
            return Ok(None);
        }
        let own = self.own_circle();
        let taken = self.cache.due.take(most);
        let mut batch = Batch::default();
        let mut sections: Vec<SectionKey> = taken.iter().map(|(_, at)| *at).collect();
        if taken.len() < most
            && let Some((circle, from)) = self.cache.due.circle()
        {
            let (found, next) = self.cache.library.some_sections(self.store, &circle, from, most - taken.len())?;
            sections.extend(found.into_iter().map(|section| (circle, section)));
            self.cache.due.reached(&circle, next, &mut batch);
        }
        let (mut lines, mut failed, mut unread) = (Lines::default(), None, BTreeSet::new());
        for at in sections {
            if let Err(problem) = self.evaluate_section(at, &mut lines, &mut batch) {
                failed = failed.or(Some(problem));
                unread.insert(at);
            }
        }
        for (arrival, _) in taken.iter().filter(|(_, at)| !unread.contains(at)) {
            catalogue::unmark(*arrival, &mut batch);
        }
        let written = self.replace(lines, batch);
        if written.is_err() {
            self.cache.due.give_back(&own, &taken);
        }
        written.map(|()| failed)
    }

    /// Replaces lines in one batch.
    fn replace(&mut self, lines: Lines, batch: Batch) -> Result<(), StoreError> {
        let mut staged = Staged::over(self.store, batch);
        for (at, kind, line) in lines.lines {
            catalogue::replace(&mut staged, kind, &at, line.as_ref())?;
        }
        let batch = staged.into_batch();
        if batch.is_empty() { Ok(()) } else { self.store.commit(&batch) }
    }

    /// Evaluates one section: adds its line, and those of the sections that it replaces.
    fn evaluate_section(&mut self, at: SectionKey, lines: &mut Lines, batch: &mut Batch) -> Result<(), Problem> {
        let Some(record) = self.record_at(&at)? else { return Ok(()) };
        match record.kind {
            // Dockets are listed where they are public.
            RecordKind::Docket if record.circle != Circle::Commons => return Ok(()),
            RecordKind::Docket => {}
            RecordKind::Case => {
                let own = match record.circle {
                    Circle::Own(_) => Some(record.section),
                    Circle::Named { .. } | Circle::Commons => self.own_case_of(&at)?,
                };
                #[cfg(any(test, feature = "sim"))]
                if self.cache.mistake == Some(super::Mistake::CopyNotDue) && own.is_some_and(|own| own != at.1) {
                    return Ok(());
                }
                if let Some(own) = own {
                    return self.evaluate_own_case(&self.own_case(own), lines, batch);
                }
            }
        }
        let line = self.line(&record)?;
        lines.push(at, record.kind, line);
        Ok(())
    }

    /// Evaluates an own case file. A withdrawal that is news marks its shared copies: they have to follow.
    fn evaluate_own_case(&mut self, case: &RecordRef, lines: &mut Lines, batch: &mut Batch) -> Result<(), Problem> {
        if lines.known.contains(&case.at()) {
            return Ok(());
        }
        for copy in self.copies(&case.section)? {
            lines.push(copy.at(), RecordKind::Case, None);
        }
        let line = match self.line(case)? {
            None => None,
            Some(line) => {
                let followed = Followed {
                    at_home: recall::is_hidden(&self.own_view(&case.section)?),
                    others: self.hidden_by_others(&case.section)?,
                };
                let before = catalogue::line_at(self.store, RecordKind::Case, &case.at())?;
                if followed.is_news(&before.map(|before| before.followed).unwrap_or_default()) {
                    self.note_changed(case.section, batch)?;
                }
                Some(Line { followed, ..line })
            }
        };
        lines.push(case.at(), RecordKind::Case, line);
        Ok(())
    }

    /// Makes the line of a record; `None` for one that was recalled, or that this version cannot fold.
    fn line(&mut self, record: &RecordRef) -> Result<Option<Line>, Problem> {
        match self.merged(record) {
            Err(problem) if [codes::TAKEN_BACK, codes::BROKEN].contains(&&*problem.code) => Ok(None),
            merged => self.line_of(record, &merged?).map(Some),
        }
    }

    /// Makes the line of a record that was read already, without the withdrawals that were followed.
    pub(super) fn line_of(&self, record: &RecordRef, merged: &MergedRecord) -> Result<Line, Problem> {
        let view = &merged.view;
        let line = Line {
            circle: record.id,
            section: record.section,
            origin: match record.circle {
                Circle::Own(_) => Origin::Own,
                Circle::Named { .. } => Origin::Received,
                Circle::Commons => Origin::Commons,
            },
            stage: stage::stage(view).code,
            conflicts: desk::conflicts(view),
            changed: desk::changed(view),
            label: self.label(&record.section)?,
            copies: merged.copies.iter().map(RecordRef::at).collect(),
            followed: Followed::default(),
            answers: (record.kind == RecordKind::Docket).then(|| Answers::of(&Docket::new(view))),
            is_large: false,
        };
        Ok(line.bounded())
    }

    fn own_circle(&self) -> CircleId {
        self.state.circle_of(&Circle::Own(self.us()))
    }
}

/// Adds to the batch of a step the marks of the circles in which entries stop counting, so that no crash keeps their
/// old lines.
pub fn made_again(effects: &[Effect], batch: &mut Batch) {
    let circle = |effect: &Effect| match effect {
        Effect::Notice(Notice::Forked { feed, .. } | Notice::Overrun { feed, .. }) => Some(feed.circle),
        _ => None,
    };
    for circle in effects.iter().filter_map(circle) {
        catalogue::again(&circle, batch);
    }
}

#[cfg(any(test, feature = "sim"))]
impl<S: Store> Workspace<'_, S> {
    /// Compares the whole catalogue with its sections, once nothing is due; returns the first difference.
    ///
    /// # Errors
    /// A section that cannot be read, or an error of the store.
    pub fn stale_line(&mut self) -> Result<Option<String>, Problem> {
        let mut lines = Lines::default();
        for circle in self.readable_circles() {
            for record in self.records_of(&circle)? {
                self.evaluate_section(record.at(), &mut lines, &mut Batch::default())?;
            }
        }
        for kind in [RecordKind::Case, RecordKind::Docket] {
            let of_kind = lines.lines.iter().filter(|(_, of, _)| *of == kind).filter_map(|(.., line)| line.as_ref());
            let expected: BTreeMap<SectionKey, &Line> =
                of_kind.map(|line| ((line.circle, line.section), line)).collect();
            let found = catalogue::page(self.store, kind, None, usize::MAX)?;
            let counts = catalogue::counts(self.store, kind)?;
            if found.len() != expected.len() || counts.lines != expected.len() as u64 {
                let (found, counted) = (found.len(), counts.lines);
                return Ok(Some(format!("{} records, {found} lines, {counted} counted", expected.len())));
            }
            for (number, line) in &found {
                match expected.get(&(line.circle, line.section)) {
                    None => return Ok(Some(format!("{line:?} is listed and has no line"))),
                    Some(expected) if expected == &line => {}
                    Some(expected) => {
                        let parts = expected.differences(line).join(", ");
                        return Ok(Some(format!("{line:?} is stale: {parts}")));
                    }
                }
                for code in line.codes() {
                    let (filter, mut is_found) =
                        (catalogue::Filter { codes: vec![code.clone()], instead: None }, false);
                    filter.visit::<Problem>(self.store, kind, None, |found| {
                        is_found |= found == *number;
                        Ok(true)
                    })?;
                    if !is_found {
                        return Ok(Some(format!("{:?} is not found by «{code}»", line.section)));
                    }
                }
            }
            let conflicts: u64 = expected.values().map(|line| line.conflicts).sum();
            let shared = expected.values().filter(|line| line.origin == Origin::Own && !line.copies.is_empty()).count();
            let received = expected.values().filter(|line| line.origin == Origin::Received).count();
            if (counts.conflicts, counts.shared, counts.received) != (conflicts, shared as u64, received as u64) {
                return Ok(Some(format!("{counts:?} counted, {conflicts}, {shared}, {received} found")));
            }
        }
        Ok(None)
    }
}

impl super::Cache {
    /// Marks sections as due, in the batch with the entries that were read into them. `arrivals`: the number of each
    /// section in the order of arrival.
    pub(super) fn mark(&mut self, own: &CircleId, arrivals: &BTreeMap<SectionKey, u64>, batch: &mut Batch) {
        for (at, arrival) in arrivals {
            catalogue::mark(*arrival, at, batch);
            self.due.insert(own, *arrival, *at);
        }
    }

    /// Drops what rests on entries of a circle that stopped counting.
    pub fn make_again(&mut self, circle: CircleId) {
        self.forget();
        self.due.insert_circle(circle);
    }
}
