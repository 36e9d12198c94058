//! Sweeps: work that reads every record, one at a time between other jobs, so that no other job waits for it.
//!
//! A section that changes during a sweep is read again, so that the result is as new as the end of the sweep. There are
//! at most as many rereads as there were records, so a sweep ends however much arrives. The list of records comes from
//! the section index at once: that is cheap, reading each record is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    app::{
        control::{Problem, Readers, RecordKind, Reply, Summary, Unit, codes},
        workspace::{RecordRef, ScanPurpose, SectionKey, ShareScan, locked},
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
    what: What,
    /// Sections that are still to be read.
    due: BTreeSet<SectionKey>,
    /// Number of sections in all.
    all: u64,
    /// Number of sections that may still be added.
    room: u64,
    answerer: Answerer,
}

/// Purpose of a sweep.
enum What {
    List {
        kind: RecordKind,
        found: BTreeMap<SectionKey, Summary>,
    },
    Figures,
    /// Scan of case files that a person intends to share.
    Share(Box<ShareScan>),
}

/// Result of a completed sweep.
pub(super) enum Swept {
    Answer(Box<Result<Reply, Problem>>, Answerer),
    /// The counters are up to date.
    Figures(Answerer),
}

impl Sweep {
    fn new(what: What, due: BTreeSet<SectionKey>, answerer: Answerer) -> Self {
        let all = due.len() as u64;
        Self { what, due, all, room: all.max(ROOM), answerer }
    }
}

impl Sweeps {
    /// Adds changed sections to every sweep.
    pub(super) fn changed(&mut self, sections: &BTreeSet<SectionKey>) {
        for sweep in &mut self.0 {
            for at in sections {
                if sweep.room > 0 && sweep.due.insert(*at) {
                    sweep.room -= 1;
                }
            }
        }
    }
}

impl Joined {
    /// Begins a sweep for the list of records of a kind.
    pub(super) fn sweep_for_list(
        &mut self,
        kind: RecordKind,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        self.begin_sweep(What::List { kind, found: BTreeMap::new() }, answerer)
    }

    /// Begins a sweep for the metrics that need every record.
    pub(super) fn sweep_for_figures(&mut self, answerer: &mut Option<Answerer>) -> Result<Outcome, Problem> {
        self.begin_sweep(What::Figures, answerer)
    }

    /// Begins a scan of case files, to preview what sharing would show, or to share them.
    pub(super) fn sweep_to_share(
        &mut self,
        records: &[String],
        with: &Readers,
        purpose: ScanPurpose,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        let scan = self.workspace(|work| work.begin_scan(records, with, purpose))?;
        self.begin_sweep(What::Share(Box::new(scan)), answerer)
    }

    fn begin_sweep(&mut self, what: What, answerer: &mut Option<Answerer>) -> Result<Outcome, Problem> {
        let due = self.sections_for(&what)?;
        if let Some(answerer) = answerer.take() {
            self.sweeps.0.push_back(Sweep::new(what, due, answerer));
        }
        Ok(Outcome::Later)
    }

    /// Restarts all sweeps, after fewer entries count.
    pub(super) fn sweep_again(&mut self) {
        self.archives.begin_again();
        for mut sweep in std::mem::take(&mut self.sweeps.0) {
            match self.sections_for(&sweep.what) {
                Ok(due) => {
                    (sweep.all, sweep.due) = (due.len() as u64, due);
                    self.sweeps.0.push_back(sweep);
                }
                Err(problem) => sweep.answerer.answer(Err(problem)),
            }
        }
    }

    /// Ends the sweeps that read records, since the folder is locked; metrics continue without them.
    pub(super) fn end_sweeps(&mut self) {
        self.archives.end();
        for mut sweep in std::mem::take(&mut self.sweeps.0) {
            if let What::Figures = sweep.what {
                sweep.due.clear();
                self.sweeps.0.push_back(sweep);
            } else {
                sweep.answerer.answer(Err(locked()));
            }
        }
    }

    fn sections_for(&mut self, what: &What) -> Result<BTreeSet<SectionKey>, Problem> {
        if self.folder.pens().is_none() {
            return match what {
                // Locked: counters that need the reader keys are left out.
                What::Figures => Ok(BTreeSet::new()),
                What::List { .. } | What::Share(_) => Err(locked()),
            };
        }
        self.workspace(|work| {
            if let What::Share(scan) = what {
                return Ok(scan.sections.iter().map(|section| work.own_case(*section).at()).collect());
            }
            let mut due = BTreeSet::new();
            for circle in work.readable_circles() {
                for record in work.records_of(&circle)? {
                    // Claims of others in a shared copy are shown in the own case file, but counted in the copy.
                    let is_shown = matches!(what, What::Figures) || work.case_of(&record)?.is_none();
                    if is_shown && what.is_about(&record) {
                        due.insert(record.at());
                    }
                }
            }
            Ok(due)
        })
    }

    /// Whether no record is to be read now.
    pub(super) fn is_swept(&self) -> bool {
        self.sweeps.0.is_empty() && !self.archives.are_ready() && self.cache.received.is_idle()
    }

    /// Reads one record; returns the result if it was the last one. Sweeps with a waiting client come first.
    pub(super) fn sweep(&mut self) -> Option<Swept> {
        let Some(mut sweep) = self.sweeps.0.pop_front() else {
            if self.read_for_archive() {
                return None;
            }
            if let Err(problem) = self.workspace(|work| work.scan_received(1)) {
                tracing::warn!(code = problem.code, "a shared case file cannot be read");
            }
            return None;
        };
        if sweep.answerer.is_alone() {
            return None;
        }
        while let Some(at) = sweep.due.pop_first() {
            match self.sweep_over(&mut sweep, at) {
                Ok(false) => {}
                Ok(true) => {
                    let done = sweep.all.saturating_sub(sweep.due.len() as u64);
                    sweep.answerer.teller.tell(Unit::Records, done, sweep.all);
                    if !sweep.due.is_empty() {
                        self.sweeps.0.push_back(sweep);
                        return None;
                    }
                }
                Err(problem) => return Some(Swept::Answer(Box::new(Err(problem)), sweep.answerer)),
            }
        }
        let Sweep { what, answerer, .. } = sweep;
        Some(match what {
            What::Figures => Swept::Figures(answerer),
            What::Share(scan) => Swept::Answer(Box::new(self.workspace(|work| work.end_scan(*scan))), answerer),
            What::List { found, .. } => {
                let records = self.in_order(found).map(|records| Reply::Records { records });
                Swept::Answer(Box::new(records), answerer)
            }
        })
    }

    /// Reads one record for a sweep. Returns `false` if there was nothing to do.
    fn sweep_over(&mut self, sweep: &mut Sweep, at: SectionKey) -> Result<bool, Problem> {
        if let What::Figures = sweep.what {
            return Ok(self.count_conflicts(at)?);
        }
        self.workspace(|work| {
            work.readable()?;
            let Some(record) = work.record_at(&at)? else { return Ok(false) };
            if let Some(own) = work.case_of(&record)? {
                sweep.due.insert(work.own_case(own).at());
                return Ok(false);
            }
            if !sweep.what.is_about(&record) {
                return Ok(false);
            }
            match &mut sweep.what {
                What::List { found, .. } => put(found, at, if_shown(work.listed(&record))?),
                What::Share(scan) => work.scan_case(scan, record.section)?,
                What::Figures => unreachable!("counted above"),
            }
            Ok(true)
        })
    }

    /// Sorts what was found by circle, then by order of arrival.
    fn in_order<T>(&mut self, mut found: BTreeMap<SectionKey, T>) -> Result<Vec<T>, Problem> {
        self.workspace(|work| {
            let mut all = Vec::new();
            for circle in work.readable_circles() {
                all.extend(work.records_of(&circle)?.into_iter().filter_map(|record| found.remove(&record.at())));
            }
            Ok(all)
        })
    }
}

impl What {
    fn is_about(&self, record: &RecordRef) -> bool {
        match self {
            // Dockets are listed where they are public.
            Self::List { kind: RecordKind::Docket, .. } => {
                record.kind == RecordKind::Docket && record.circle == Circle::Commons
            }
            Self::List { kind: RecordKind::Case, .. } => record.kind == RecordKind::Case,
            Self::Share(scan) => matches!(record.circle, Circle::Own(_)) && scan.sections.contains(&record.section),
            Self::Figures => true,
        }
    }
}

/// Leaves out a record that cannot be built, which an alarm reports; other problems are kept.
pub(super) fn if_shown<T>(found: Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
    match found {
        Err(problem) if problem.code == codes::BROKEN => Ok(None),
        found => found,
    }
}

/// Replaces the entry of `at` by the newer result, or removes it.
fn put<T>(found: &mut BTreeMap<SectionKey, T>, at: SectionKey, now: Option<T>) {
    match now {
        Some(now) => drop(found.insert(at, now)),
        None => drop(found.remove(&at)),
    }
}

#[cfg(test)]
mod tests {
    use protocol::bytes::ids::{CircleId, SectionId};

    use super::*;

    /// Regression: during a first synchronisation a list included everything that arrived, and ended only with the
    /// stream.
    #[test]
    fn a_sweep_ends_however_much_arrives() {
        let at = |number: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            (CircleId([1; 16]), SectionId(id))
        };
        let (answerer, _awaited) = Answerer::new();
        let due: BTreeSet<SectionKey> = (0..100).map(at).collect();
        let mut sweeps = Sweeps::default();
        sweeps.0.push_back(Sweep::new(What::Figures, due, answerer));
        let mut looks = 0;
        let mut arriving = 100..;
        while sweeps.0[0].due.pop_first().is_some() {
            looks += 1;
            // Two arrive for each one that is read.
            sweeps.changed(&arriving.by_ref().take(2).map(at).collect());
        }
        assert_eq!(looks, 200);
        // A section that changes during the sweep is read again, and only once if it was not read yet.
        let (answerer, _awaited) = Answerer::new();
        let mut sweeps = Sweeps::default();
        sweeps.0.push_back(Sweep::new(What::Figures, (0..3).map(at).collect(), answerer));
        assert_eq!(sweeps.0[0].due.pop_first(), Some(at(0)));
        sweeps.changed(&BTreeSet::from([at(0), at(1)]));
        assert_eq!(sweeps.0[0].due, (0..3).map(at).collect());
    }
}
