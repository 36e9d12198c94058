//! Sweeps: work that looks at every record, one at a time between other jobs, so that nothing else waits for it.
//!
//! What is read into a section while a sweep goes on is looked at again, so that what it shows of each record is as new as
//! its end; but no more often than there were records, so that it ends however much arrives. Which records there are is
//! asked of the shelves in one go: that is cheap, the look at each is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    app::{
        control::{Problem, Readers, RecordKind, Reply, Summary, Unit, codes},
        workspace::{RecordRef, ScanPurpose, SectionKey, ShareScan, locked},
    },
    membership::circle::Circle,
};

use super::{Answerer, archiving, dispatch::Outcome, joined::Joined};
use crate::archive::{Archive, Archived, Manner};

/// Sections that may come to be looked at while the smallest sweep goes on.
const ROOM: u64 = 64;

/// What is under way, the next one first.
#[derive(Default)]
pub(super) struct Sweeps(VecDeque<Sweep>);

/// One of them.
struct Sweep {
    what: What,
    /// What is still to be looked at.
    due: BTreeSet<SectionKey>,
    /// Sections in all.
    all: u64,
    /// How many more may come to be looked at while it goes on.
    room: u64,
    answerer: Answerer,
}

/// What is looked for.
enum What {
    Archive {
        to: String,
        manner: Manner,
        found: BTreeMap<SectionKey, Archived>,
    },
    List {
        kind: RecordKind,
        found: BTreeMap<SectionKey, Summary>,
    },
    Figures,
    /// Case files that somebody means to share.
    Share(Box<ShareScan>),
}

/// What is to be done when a sweep has seen everything.
pub(super) enum Swept {
    Answer(Box<Result<Reply, Problem>>, Answerer),
    /// To be written out beside the node's work.
    Archive(Box<Archive>, Manner, String, Answerer),
    /// What is counted is known.
    Figures(Answerer),
}

impl Sweep {
    fn new(what: What, due: BTreeSet<SectionKey>, answerer: Answerer) -> Self {
        let all = due.len() as u64;
        Self { what, due, all, room: all.max(ROOM), answerer }
    }
}

impl Sweeps {
    /// Something was read into these sections.
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
    /// Begins to write everything out.
    pub(super) fn sweep_for_archive(
        &mut self,
        to: String,
        manner: Manner,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        self.begin_sweep(What::Archive { to, manner, found: BTreeMap::new() }, answerer)
    }

    /// Begins to list the records of a kind.
    pub(super) fn sweep_for_list(
        &mut self,
        kind: RecordKind,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        self.begin_sweep(What::List { kind, found: BTreeMap::new() }, answerer)
    }

    /// Begins to count what only a look at each record tells.
    pub(super) fn sweep_for_figures(&mut self, answerer: &mut Option<Answerer>) -> Result<Outcome, Problem> {
        self.begin_sweep(What::Figures, answerer)
    }

    /// Begins to scan case files, to show what may go to whom, or to share it.
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

    /// What counts has shrunk: all of it is looked at again.
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

    /// The folder is locked: what reads records ends; figures tell what they can without.
    pub(super) fn end_sweeps(&mut self) {
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
                // What only a reader can count is left out.
                What::Figures => Ok(BTreeSet::new()),
                What::Archive { .. } | What::List { .. } | What::Share(_) => Err(locked()),
            };
        }
        self.workspace(|work| {
            if let What::Share(scan) = what {
                return Ok(scan.sections.iter().map(|section| work.own_case(*section).at()).collect());
            }
            let mut due = BTreeSet::new();
            for circle in work.readable_circles() {
                for record in work.records_of(&circle)? {
                    // What others say in a shared copy is shown in the own case file, and counted where it stands.
                    let is_shown = matches!(what, What::Figures) || work.case_of(&record)?.is_none();
                    if is_shown && what.is_about(&record) {
                        due.insert(record.at());
                    }
                }
            }
            Ok(due)
        })
    }

    /// Whether no record is to be looked at.
    pub(super) fn is_swept(&self) -> bool {
        self.sweeps.0.is_empty() && self.cache.received.is_idle()
    }

    /// Looks at one record; says what is to be done if that was the last one. What somebody waits for comes first.
    pub(super) fn sweep(&mut self) -> Option<Swept> {
        let Some(mut sweep) = self.sweeps.0.pop_front() else {
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
            What::Archive { to, manner, found } => {
                let archive = self.in_order(found).and_then(|found| archiving::archive(self, found));
                match archive {
                    Ok(archive) => Swept::Archive(Box::new(archive), manner, to, answerer),
                    Err(problem) => Swept::Answer(Box::new(Err(problem)), answerer),
                }
            }
        })
    }

    /// Whether it was work.
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
                What::Archive { found, .. } => put(found, at, if_shown(archiving::find(work, &record))?),
                What::Share(scan) => work.scan_case(scan, record.section)?,
                What::Figures => unreachable!("counted above"),
            }
            Ok(true)
        })
    }

    /// What was found, circle by circle, in order of arrival.
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
            Self::Archive { .. } | Self::Figures => true,
        }
    }
}

/// A record that cannot be made is left out, and an alarm says so: the others are shown.
fn if_shown<T>(found: Result<Option<T>, Problem>) -> Result<Option<T>, Problem> {
    match found {
        Err(problem) if problem.code == codes::BROKEN => Ok(None),
        found => found,
    }
}

/// Puts what was found now in the place of what was found before.
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

    /// During a first synchronisation a list took in all that arrived, and ended when the stream did.
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
            // Two arrive for each that is looked at.
            sweeps.changed(&arriving.by_ref().take(2).map(at).collect());
        }
        assert_eq!(looks, 200);
        // What changes meanwhile is looked at again, and once if it was not looked at yet.
        let (answerer, _awaited) = Answerer::new();
        let mut sweeps = Sweeps::default();
        sweeps.0.push_back(Sweep::new(What::Figures, (0..3).map(at).collect(), answerer));
        assert_eq!(sweeps.0[0].due.pop_first(), Some(at(0)));
        sweeps.changed(&BTreeSet::from([at(0), at(1)]));
        assert_eq!(sweeps.0[0].due, (0..3).map(at).collect());
    }
}
