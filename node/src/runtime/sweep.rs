//! Sweeps: scans of the case files that a person intends to share, one at a time between other jobs, so that no other
//! job waits for them; and the lines of the catalogue, made in the same way.
//!
//! A section that changes during a sweep is read again, so that the result is as new as the end of the sweep. There are
//! at most as many rereads as there were records, so a sweep ends however much arrives.

use std::collections::{BTreeSet, VecDeque};

use protocol::{
    app::{
        control::{Problem, Readers, Reply, Unit, codes},
        workspace::{AT_ONCE, ScanPurpose, SectionKey, ShareScan, locked},
    },
    membership::circle::Circle,
};

use super::{Answerer, dispatch::Outcome, joined::Joined};

/// Minimum number of sections that may be added to a sweep under way.
const ROOM: u64 = 64;

/// Sweeps under way, the next one first.
#[derive(Default)]
pub(super) struct Sweeps(VecDeque<Sweep>);

/// A sweep under way.
struct Sweep {
    scan: Box<ShareScan>,
    due: Due,
    answerer: Answerer,
}

/// Sections that are still to be read.
struct Due {
    sections: BTreeSet<SectionKey>,
    /// Number of sections in all.
    all: u64,
    /// Number of sections that may still be added.
    room: u64,
}

/// Result of a completed sweep, and the sender for it.
pub(super) type Swept = (Result<Reply, Problem>, Answerer);

impl Due {
    fn new(sections: BTreeSet<SectionKey>) -> Self {
        let all = sections.len() as u64;
        Self { sections, all, room: all.max(ROOM) }
    }

    /// Adds sections that changed, as far as there is room.
    fn changed<'a>(&mut self, sections: impl Iterator<Item = &'a SectionKey>) {
        for at in sections {
            if self.room > 0 && self.sections.insert(*at) {
                self.room -= 1;
            }
        }
    }

    /// Number of sections that were read.
    fn done(&self) -> u64 {
        self.all.saturating_sub(self.sections.len() as u64)
    }
}

impl Sweeps {
    /// Adds changed sections to every sweep.
    pub(super) fn changed<'a>(&mut self, sections: impl Iterator<Item = &'a SectionKey> + Clone) {
        for sweep in &mut self.0 {
            sweep.due.changed(sections.clone());
        }
    }
}

impl Joined {
    /// Begins a scan of case files, to preview what sharing would show, or to share them.
    pub(super) fn sweep_to_share(
        &mut self,
        records: &[String],
        with: &Readers,
        purpose: ScanPurpose,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        let scan = Box::new(self.workspace(|work| work.begin_scan(records, with, purpose))?);
        let due = self.sections_of(&scan);
        if let Some(answerer) = answerer.take() {
            self.sweeps.0.push_back(Sweep { scan, due, answerer });
        }
        Ok(Outcome::Later)
    }

    /// Restarts all sweeps, after fewer entries count.
    pub(super) fn sweep_again(&mut self) {
        self.archives.begin_again();
        for mut sweep in std::mem::take(&mut self.sweeps.0) {
            sweep.due = self.sections_of(&sweep.scan);
            self.sweeps.0.push_back(sweep);
        }
    }

    /// Ends all sweeps, since the folder is locked.
    pub(super) fn end_sweeps(&mut self) {
        self.archives.end();
        for sweep in std::mem::take(&mut self.sweeps.0) {
            sweep.answerer.answer(Err(locked()));
        }
    }

    fn sections_of(&mut self, scan: &ShareScan) -> Due {
        Due::new(self.workspace(|work| scan.sections.iter().map(|section| work.own_case(*section).at()).collect()))
    }

    /// Whether no record is to be read now.
    pub(super) fn is_swept(&self) -> bool {
        let is_evaluated = self.cache.due.is_empty() || self.is_broken() || self.folder.pens().is_none();
        self.sweeps.0.is_empty() && self.imports.is_empty() && !self.archives.are_ready() && is_evaluated
    }

    /// Makes some lines of the catalogue.
    pub(super) async fn evaluate(&mut self) {
        if self.is_broken() {
            return;
        }
        match self.workspace(|work| work.evaluate(AT_ONCE)) {
            Ok(None) => {}
            Ok(Some(problem)) => tracing::warn!(code = problem.code, "a record cannot be put into the catalogue"),
            Err(error) => self.fail(&error).await,
        }
    }

    /// Reads one record for a sweep or an archive; returns the result of a sweep if it was the last one.
    pub(super) fn sweep(&mut self) -> Option<Swept> {
        let Some(mut sweep) = self.sweeps.0.pop_front() else {
            self.read_for_archive();
            return None;
        };
        if sweep.answerer.is_alone() {
            return None;
        }
        while let Some(at) = sweep.due.sections.pop_first() {
            match self.scan(&mut sweep, at) {
                Ok(false) => {}
                Ok(true) => {
                    sweep.answerer.teller.tell(Unit::Records, sweep.due.done(), sweep.due.all);
                    if !sweep.due.sections.is_empty() {
                        self.sweeps.0.push_back(sweep);
                        return None;
                    }
                }
                Err(problem) => return Some((Err(problem), sweep.answerer)),
            }
        }
        let Sweep { scan, answerer, .. } = sweep;
        Some((self.workspace(|work| work.end_scan(*scan)), answerer))
    }

    /// Scans one case file. Returns `false` if there was nothing to do.
    fn scan(&mut self, sweep: &mut Sweep, at: SectionKey) -> Result<bool, Problem> {
        self.workspace(|work| {
            work.readable()?;
            let Some(record) = work.record_at(&at)? else { return Ok(false) };
            if let Some(own) = work.case_of(&record)? {
                sweep.due.sections.insert(work.own_case(own).at());
                return Ok(false);
            }
            let is_meant = matches!(record.circle, Circle::Own(_)) && sweep.scan.sections.contains(&record.section);
            if is_meant {
                work.scan_case(&mut sweep.scan, record.section)?;
            }
            Ok(is_meant)
        })
    }
}

/// Leaves out a record that cannot be built, which an alarm reports; other problems are kept.
pub(super) fn if_shown<T>(found: Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
    match found {
        Err(problem) if problem.code == codes::BROKEN => Ok(None),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use protocol::bytes::ids::{CircleId, SectionId};

    use super::*;

    /// Regression: during a first synchronisation a sweep included everything that arrived, and ended only with the
    /// stream.
    #[test]
    fn a_sweep_ends_however_much_arrives() {
        let at = |number: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            (CircleId([1; 16]), SectionId(id))
        };
        let mut due = Due::new((0..100).map(at).collect());
        let mut looks = 0;
        let mut arriving = 100..;
        while due.sections.pop_first().is_some() {
            looks += 1;
            // Two arrive for each one that is read.
            let arrived: Vec<_> = arriving.by_ref().take(2).map(at).collect();
            due.changed(arrived.iter());
        }
        assert_eq!((looks, due.done()), (200, 100));
        // A section that changes during the sweep is read again, and only once if it was not read yet.
        let mut due = Due::new((0..3).map(at).collect());
        assert_eq!(due.sections.pop_first(), Some(at(0)));
        due.changed([at(0), at(1)].iter());
        assert_eq!(due.sections, (0..3).map(at).collect());
    }
}
