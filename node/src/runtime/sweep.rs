//! Sweeps: work that looks at every record, one at a time between other jobs, so that nothing else waits for it.
//!
//! What is read into a section while a sweep goes on is looked at again, so that what it shows of each record is as new as
//! its end; but no more often than there were records, so that it ends however much arrives. Which records there are is
//! asked of the shelves in one go: that is cheap, the look at each is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    app::control::{Problem, Readers, RecordKind, Reply, Summary, Unit, codes},
    bytes::ids::{CircleId, SectionId},
    membership::circle::Circle,
};

use super::{
    Answerer, archiving,
    desk::Shelf,
    folder::{locked, store_problem},
    joined::Joined,
    sharing::{Look, Then},
};
use crate::archive::{Archive, Archived, Manner};

/// Where a section is.
pub(super) type At = (CircleId, SectionId);

/// Sections that may come to be looked at while the smallest sweep goes on.
const ROOM: u64 = 64;

/// What is under way, the next one first.
#[derive(Default)]
pub(super) struct Sweeps(VecDeque<Sweep>);

/// One of them.
struct Sweep {
    what: What,
    /// What is still to be looked at.
    due: BTreeSet<At>,
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
        found: BTreeMap<At, Archived>,
    },
    List {
        kind: RecordKind,
        found: BTreeMap<At, Summary>,
    },
    Figures,
    /// Case files that somebody means to share.
    Look(Box<Look>),
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
    fn new(what: What, due: BTreeSet<At>, answerer: Answerer) -> Self {
        let all = due.len() as u64;
        Self { what, due, all, room: all.max(ROOM), answerer }
    }
}

impl Sweeps {
    /// Something was read into these sections.
    pub(super) fn changed(&mut self, sections: &BTreeSet<At>) {
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
    pub(super) fn sweep_for_archive(&mut self, to: String, manner: Manner, answerer: Answerer) {
        self.begin_sweep(What::Archive { to, manner, found: BTreeMap::new() }, answerer);
    }

    /// Begins to list the records of a kind.
    pub(super) fn sweep_for_list(&mut self, kind: RecordKind, answerer: Answerer) {
        self.begin_sweep(What::List { kind, found: BTreeMap::new() }, answerer);
    }

    /// Begins to count what only a look at each record tells.
    pub(super) fn sweep_for_figures(&mut self, answerer: Answerer) {
        self.begin_sweep(What::Figures, answerer);
    }

    /// Begins to look at case files, to show what may go to whom, or to share it.
    pub(super) fn sweep_to_share(&mut self, records: &[String], with: &Readers, then: Then, answerer: Answerer) {
        if self.folder.pens().is_none() {
            return answerer.answer(Err(locked()));
        }
        match self.begin_look(records, with, then) {
            Ok(look) => self.begin_sweep(What::Look(Box::new(look)), answerer),
            Err(problem) => answerer.answer(Err(problem)),
        }
    }

    fn begin_sweep(&mut self, what: What, answerer: Answerer) {
        match self.sections_for(&what) {
            Ok(due) => self.sweeps.0.push_back(Sweep::new(what, due, answerer)),
            Err(problem) => answerer.answer(Err(problem)),
        }
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

    fn sections_for(&mut self, what: &What) -> Result<BTreeSet<At>, Problem> {
        if self.folder.pens().is_none() {
            return match what {
                // What only a reader can count is left out.
                What::Figures => Ok(BTreeSet::new()),
                What::Archive { .. } | What::List { .. } | What::Look(_) => Err(locked()),
            };
        }
        if let What::Look(look) = what {
            let home = self.state.circle_of(&Circle::Own(self.us()));
            return Ok(look.sections.iter().map(|section| (home, *section)).collect());
        }
        let mut due = BTreeSet::new();
        for circle in self.swept_circles() {
            for shelf in self.shelves(&circle)? {
                // What others say in a shared part is shown in the own case file, and counted where it stands.
                let is_seen = matches!(what, What::Figures) || self.own_case(&shelf)?.is_none();
                if is_seen && what.is_about(&shelf) {
                    due.insert((shelf.id, shelf.section));
                }
            }
        }
        Ok(due)
    }

    /// Whether no record is to be looked at.
    pub(super) fn is_swept(&self) -> bool {
        self.sweeps.0.is_empty() && self.elsewhere.is_idle()
    }

    /// Looks at one record; says what is to be done if that was the last one. What somebody waits for comes first.
    pub(super) fn sweep(&mut self) -> Option<Swept> {
        let Some(mut sweep) = self.sweeps.0.pop_front() else {
            self.look_elsewhere(1);
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
            What::Look(look) => Swept::Answer(Box::new(self.looked(*look)), answerer),
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
    fn sweep_over(&mut self, sweep: &mut Sweep, at: At) -> Result<bool, Problem> {
        if let What::Figures = sweep.what {
            return self.count_conflicts(at).map_err(|error| store_problem(&error));
        }
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        let Some(shelf) = self.shelf_at(&at)? else { return Ok(false) };
        if let Some(own) = self.own_case(&shelf)? {
            let home = self.state.circle_of(&Circle::Own(self.us()));
            sweep.due.insert((home, own));
            return Ok(false);
        }
        if !sweep.what.is_about(&shelf) {
            return Ok(false);
        }
        match &mut sweep.what {
            What::List { found, .. } => put(found, at, if_shown(self.listed(&shelf))?),
            What::Archive { found, .. } => put(found, at, if_shown(archiving::find(self, &shelf))?),
            What::Look(look) => self.glance(look, shelf.section)?,
            What::Figures => unreachable!("counted above"),
        }
        Ok(true)
    }

    /// The own case file whose shared part this is.
    fn own_case(&mut self, shelf: &Shelf) -> Result<Option<SectionId>, Problem> {
        let may_be = !matches!(shelf.circle, Circle::Own(_)) && shelf.kind == RecordKind::Case;
        if may_be { self.own_of(&shelf.section) } else { Ok(None) }
    }

    fn shelf_at(&self, (id, section): &At) -> Result<Option<Shelf>, Problem> {
        let Some(held) = self.state.replica().circle(id) else { return Ok(None) };
        let kind = self.library.shelf(&self.folder.store, id, section).map_err(|error| store_problem(&error))?;
        Ok(kind.map(|kind| Shelf { circle: held.circle.clone(), id: *id, section: *section, kind }))
    }

    /// What was found, circle by circle, in order of arrival.
    fn in_order<T>(&self, mut found: BTreeMap<At, T>) -> Result<Vec<T>, Problem> {
        let mut all = Vec::new();
        for circle in self.swept_circles() {
            let shelves = self.shelves(&circle)?;
            all.extend(shelves.into_iter().filter_map(|shelf| found.remove(&(shelf.id, shelf.section))));
        }
        Ok(all)
    }

    /// The own circle first.
    fn swept_circles(&self) -> Vec<Circle> {
        [vec![Circle::Own(self.us())], self.circles_with_others()].concat()
    }
}

impl What {
    fn is_about(&self, shelf: &Shelf) -> bool {
        match self {
            // Dockets are listed where they are public.
            Self::List { kind: RecordKind::Docket, .. } => {
                shelf.kind == RecordKind::Docket && shelf.circle == Circle::Commons
            }
            Self::List { kind: RecordKind::Case, .. } => shelf.kind == RecordKind::Case,
            Self::Look(look) => matches!(shelf.circle, Circle::Own(_)) && look.sections.contains(&shelf.section),
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
fn put<T>(found: &mut BTreeMap<At, T>, at: At, now: Option<T>) {
    match now {
        Some(now) => drop(found.insert(at, now)),
        None => drop(found.remove(&at)),
    }
}

#[cfg(test)]
mod tests {
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
        let due: BTreeSet<At> = (0..100).map(at).collect();
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
