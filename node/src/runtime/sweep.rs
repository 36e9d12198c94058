//! Sweeps: work that reads every record, one at a time between other jobs, so that no other job waits for it.
//!
//! A section that changes during a sweep is read again, so that the result is as new as the end of the sweep. There are
//! at most as many rereads as there were records, so a sweep ends however much arrives. The list of records comes from
//! the section index at once: that is cheap, reading each record is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    app::{
        control::{Problem, Readers, Reply, Unit, codes},
        workspace::{AT_ONCE, RecordRef, ScanPurpose, SectionKey, ShareScan, locked},
    },
    membership::circle::Circle,
};

use super::{Answerer, archiving, dispatch::Outcome, joined::Joined};
use crate::archive::{Archive, Archived, Manner};

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
    Archive {
        to: String,
        manner: Manner,
        found: BTreeMap<SectionKey, Archived>,
    },
    /// Scan of case files that a person intends to share.
    Share(Box<ShareScan>),
}

/// Result of a completed sweep.
pub(super) enum Swept {
    Answer(Box<Result<Reply, Problem>>, Answerer),
    /// An archive to write out as background work.
    Archive(Box<Archive>, Manner, String, Answerer),
}

impl Sweep {
    fn new(what: What, due: BTreeSet<SectionKey>, answerer: Answerer) -> Self {
        let all = due.len() as u64;
        Self { what, due, all, room: all.max(ROOM), answerer }
    }
}

impl Sweeps {
    /// Adds changed sections to every sweep.
    pub(super) fn changed<'a>(&mut self, sections: impl Iterator<Item = &'a SectionKey> + Clone) {
        for sweep in &mut self.0 {
            for at in sections.clone() {
                if sweep.room > 0 && sweep.due.insert(*at) {
                    sweep.room -= 1;
                }
            }
        }
    }
}

impl Joined {
    /// Begins a sweep for an archive.
    pub(super) fn sweep_for_archive(
        &mut self,
        to: String,
        manner: Manner,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        self.begin_sweep(What::Archive { to, manner, found: BTreeMap::new() }, answerer)
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

    /// Ends all sweeps, since the folder is locked.
    pub(super) fn end_sweeps(&mut self) {
        for sweep in std::mem::take(&mut self.sweeps.0) {
            sweep.answerer.answer(Err(locked()));
        }
    }

    fn sections_for(&mut self, what: &What) -> Result<BTreeSet<SectionKey>, Problem> {
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        self.workspace(|work| {
            if let What::Share(scan) = what {
                return Ok(scan.sections.iter().map(|section| work.own_case(*section).at()).collect());
            }
            let mut due = BTreeSet::new();
            for circle in work.readable_circles() {
                for record in work.records_of(&circle)? {
                    // Claims of others in a shared copy are shown in the own case file.
                    if work.case_of(&record)?.is_none() && what.is_about(&record) {
                        due.insert(record.at());
                    }
                }
            }
            Ok(due)
        })
    }

    /// Whether no record is left to read.
    pub(super) fn is_swept(&self) -> bool {
        self.sweeps.0.is_empty()
            && self.imports.is_empty()
            && (self.cache.due.is_empty() || self.is_broken() || self.folder.pens().is_none())
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

    /// Reads one record; returns the result if it was the last one.
    pub(super) fn sweep(&mut self) -> Option<Swept> {
        let mut sweep = self.sweeps.0.pop_front()?;
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
            What::Share(scan) => Swept::Answer(Box::new(self.workspace(|work| work.end_scan(*scan))), answerer),
            What::Archive { to, manner, found } => {
                let archive = self.in_order(found).and_then(|found| archiving::archive(self, found));
                match archive {
                    Ok(archive) => Swept::Archive(Box::new(archive), manner, to, answerer),
                    Err(problem) => Swept::Answer(Box::new(Err(problem)), answerer),
                }
            }
        })
    }

    /// Reads one record for a sweep. Returns `false` if there was nothing to do.
    fn sweep_over(&mut self, sweep: &mut Sweep, at: SectionKey) -> Result<bool, Problem> {
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
                What::Archive { found, .. } => put(found, at, if_shown(archiving::find(work, &record))?),
                What::Share(scan) => work.scan_case(scan, record.section)?,
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
            Self::Share(scan) => matches!(record.circle, Circle::Own(_)) && scan.sections.contains(&record.section),
            Self::Archive { .. } => true,
        }
    }
}

/// Leaves out a record that cannot be built, which an alarm reports; other problems are kept.
fn if_shown<T>(found: Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
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
    use jiff::tz::TimeZone;
    use protocol::{
        bytes::ids::{CircleId, SectionId},
        record::schema::Language,
    };

    use super::*;

    fn everything() -> What {
        let manner = Manner { language: Language::En, zone: TimeZone::UTC };
        What::Archive { to: String::new(), manner, found: BTreeMap::new() }
    }

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
        sweeps.0.push_back(Sweep::new(everything(), due, answerer));
        let mut looks = 0;
        let mut arriving = 100..;
        while sweeps.0[0].due.pop_first().is_some() {
            looks += 1;
            // Two arrive for each one that is read.
            let arrived: Vec<_> = arriving.by_ref().take(2).map(at).collect();
            sweeps.changed(arrived.iter());
        }
        assert_eq!(looks, 200);
        // A section that changes during the sweep is read again, and only once if it was not read yet.
        let (answerer, _awaited) = Answerer::new();
        let mut sweeps = Sweeps::default();
        sweeps.0.push_back(Sweep::new(everything(), (0..3).map(at).collect(), answerer));
        assert_eq!(sweeps.0[0].due.pop_first(), Some(at(0)));
        sweeps.changed([at(0), at(1)].iter());
        assert_eq!(sweeps.0[0].due, (0..3).map(at).collect());
    }
}
