//! Own case files and their shared parts: which belongs to which, and what both together say.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    circle::Circle,
    control::{Problem, RecordKind, TakenBack, codes},
    ids::{CircleId, OrgId, RegistryId, SectionId},
    section::view::View,
    share::{joint::joint, names::Names, recall},
    words,
};

use super::{
    desk::Shelf,
    folder::{locked, store_problem},
    joined::Joined,
};

/// Whose shared part a section is: remembered, since the names of parts lead in one direction only.
#[derive(Default)]
pub(super) struct Mine {
    parts: BTreeMap<SectionId, SectionId>,
    cases: BTreeSet<SectionId>,
    circles: BTreeSet<CircleId>,
    /// Of how many case files in each circle how many own ones are shared.
    shared: Option<(Vec<u64>, u64)>,
    /// What others did with what is shared.
    elsewhere: Elsewhere,
}

/// What others share with this organisation, and what they withdrew of its own: kept as it changes, since status is
/// asked often.
#[derive(Default)]
struct Elsewhere {
    /// Case files of others that can be read.
    received: BTreeSet<SectionId>,
    /// Own case files that somebody else withdrew, while at home nothing is withdrawn.
    withdrawn: BTreeMap<SectionId, BTreeSet<OrgId>>,
    /// Sections into which something was read since; `None` until all were looked at once.
    changed: Option<BTreeSet<(CircleId, SectionId)>>,
}

impl Mine {
    /// Something was read into these sections.
    pub(super) fn changed<'a>(&mut self, sections: impl IntoIterator<Item = &'a (CircleId, SectionId)>) {
        if let Some(changed) = &mut self.elsewhere.changed {
            changed.extend(sections);
        }
    }

    /// What counts has shrunk: everything is looked at once more.
    pub(super) fn forget(&mut self) {
        self.elsewhere = Elsewhere::default();
    }
}

/// A record as this organisation reads it.
pub(super) struct Whole {
    /// Of an own case file: what others said in its shared parts stands beside what is kept at home.
    pub(super) view: View,
    /// Call-signs of the others that can read it, or its shared part.
    pub(super) readers: Vec<String>,
    /// What its shared parts are called.
    pub(super) parts: Vec<SectionId>,
    /// Those that were taken back.
    pub(super) taken_back: Vec<TakenBack>,
}

/// Whether those who share a section have taken it back. In the commons nobody hides what another organisation says:
/// there it takes back its own words one by one.
fn is_hidden(circle: &Circle, view: &View) -> bool {
    matches!(circle, Circle::Named { .. }) && recall::is_hidden(view)
}

impl Joined {
    /// This organisation.
    pub(super) fn us(&self) -> OrgId {
        self.state.organisation()
    }

    /// The registry.
    pub(super) fn registry(&self) -> RegistryId {
        self.state.replica().members.registry()
    }

    pub(super) fn call_sign(&self, org: &OrgId) -> String {
        self.state.replica().members.call_sign(org).unwrap_or_default().to_owned()
    }

    /// What an own case file is called in a circle.
    pub(super) fn names(&self, section: &SectionId, circle: &CircleId) -> Result<Names, Problem> {
        let own = self.state.circle_of(&Circle::Own(self.us()));
        let own = self.state.replica().circle(&own).ok_or_else(locked)?;
        Ok(Names::new(&own.secret, *section, circle))
    }

    /// Where the part of an own case file lies in a circle, or would lie.
    pub(super) fn part(&self, section: &SectionId, circle: &Circle) -> Result<Shelf, Problem> {
        let id = self.state.circle_of(circle);
        let section = self.names(section, &id)?.shared();
        Ok(Shelf { circle: circle.clone(), id, section, kind: RecordKind::Case })
    }

    /// The shared parts of an own case file.
    pub(super) fn parts(&self, section: &SectionId) -> Result<Vec<Shelf>, Problem> {
        let mut parts = Vec::new();
        for circle in self.circles_with_others() {
            let part = self.part(section, &circle)?;
            let there = self.library.shelf(&self.folder.store, &part.id, &part.section);
            if there.map_err(|error| store_problem(&error))?.is_some() {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    /// The circles that this organisation reads together with others.
    pub(super) fn circles_with_others(&self) -> Vec<Circle> {
        let us = self.us();
        let circles = self.state.replica().circles().map(|(_, held)| &held.circle);
        circles.filter(|circle| !matches!(circle, Circle::Own(_)) && circle.admits(&us)).cloned().collect()
    }

    /// The own case file whose part in this circle a section is.
    pub(super) fn own_of(&mut self, part: &SectionId) -> Result<Option<SectionId>, Problem> {
        let own = self.state.circle_of(&Circle::Own(self.us()));
        let circles: BTreeSet<CircleId> =
            self.circles_with_others().iter().map(|circle| self.state.circle_of(circle)).collect();
        let count = self.library.count(&self.folder.store, &own, RecordKind::Case);
        let count = count.map_err(|error| store_problem(&error))?;
        if self.mine.circles != circles {
            // A circle more: what is read there is looked at with the rest.
            let elsewhere = std::mem::take(&mut self.mine.elsewhere);
            self.mine = Mine { circles, elsewhere, ..Mine::default() };
        }
        if self.mine.cases.len() as u64 != count {
            let sections = self.library.sections(&self.folder.store, &own).map_err(|error| store_problem(&error))?;
            for (section, _) in sections.into_iter().filter(|(_, kind)| *kind == RecordKind::Case) {
                if !self.mine.cases.insert(section) {
                    continue;
                }
                for circle in self.mine.circles.clone() {
                    let names = self.names(&section, &circle)?;
                    self.mine.parts.insert(names.shared(), section);
                }
            }
        }
        Ok(self.mine.parts.get(part).copied())
    }

    /// A section as it stands in its circle, nothing added, nothing withheld.
    pub(super) fn alone(&mut self, shelf: &Shelf) -> Result<View, Problem> {
        let section = self.library.section(&self.state, &self.folder.store, &shelf.id, &shelf.section);
        Ok(section.map_err(|error| store_problem(&error))?.view())
    }

    /// An own case file without what others said of it.
    pub(super) fn own_view(&mut self, section: &SectionId) -> Result<View, Problem> {
        let circle = Circle::Own(self.us());
        let shelf = Shelf { id: self.state.circle_of(&circle), circle, section: *section, kind: RecordKind::Case };
        self.alone(&shelf)
    }

    /// A record as this organisation reads it; not one that was taken back by those who shared it.
    pub(super) fn whole(&mut self, shelf: &Shelf) -> Result<Whole, Problem> {
        let mut view = self.alone(shelf)?;
        let (mut readers, mut parts, mut taken_back) = (BTreeSet::new(), Vec::new(), Vec::new());
        match &shelf.circle {
            Circle::Own(us) if shelf.kind == RecordKind::Case => {
                for part in self.parts(&shelf.section)? {
                    let shared = self.alone(&part)?;
                    if is_hidden(&part.circle, &shared) {
                        taken_back.extend(recall::hidden_since(&shared).map(|since| TakenBack {
                            from: BTreeSet::from_iter(self.others_in(&part.circle)).into_iter().collect(),
                            by: recall::hidden_by(&shared).iter().map(|org| self.call_sign(org)).collect(),
                            since,
                        }));
                    } else {
                        readers.extend(self.others_in(&part.circle));
                        parts.push(part.section);
                    }
                    view = joint(&view, &shared, &self.names(&shelf.section, &part.id)?, us);
                }
            }
            circle => {
                if is_hidden(circle, &view) {
                    let message = "this case file was taken back by those who shared it";
                    return Err(Problem::new(codes::TAKEN_BACK, message));
                }
                readers.extend(self.others_in(circle));
            }
        }
        Ok(Whole { view, readers: readers.into_iter().collect(), parts, taken_back })
    }

    fn others_in(&self, circle: &Circle) -> Vec<String> {
        let us = self.us();
        let members = self.state.replica().members.organisations();
        members.filter(|(org, _)| **org != us && circle.admits(org)).map(|(_, sign)| sign.to_owned()).collect()
    }

    /// How many own case files others can read, or could. Counted anew only when one of the counts it rests on changed:
    /// status is asked often, and a circle may hold very many dockets.
    pub(super) fn shared_cases(&mut self) -> Result<u64, Problem> {
        let circles = self.circles_with_others();
        let own = Circle::Own(self.us());
        let mut counts = Vec::new();
        for circle in circles.iter().chain([&own]) {
            let count = self.library.count(&self.folder.store, &self.state.circle_of(circle), RecordKind::Case);
            counts.push(count.map_err(|error| store_problem(&error))?);
        }
        if let Some((known, shared)) = &self.mine.shared
            && *known == counts
        {
            return Ok(*shared);
        }
        let mut shared = BTreeSet::new();
        for (circle, count) in circles.iter().zip(&counts) {
            if *count == 0 {
                continue;
            }
            for part in self.shelves(circle)?.into_iter().filter(|shelf| shelf.kind == RecordKind::Case) {
                shared.extend(self.own_of(&part.section)?);
            }
        }
        let number = shared.len() as u64;
        self.mine.shared = Some((counts, number));
        Ok(number)
    }

    /// How many case files of others can be read here.
    pub(super) fn received_cases(&mut self) -> Result<u64, Problem> {
        self.look_elsewhere()?;
        Ok(self.mine.elsewhere.received.len() as u64)
    }

    /// The own case files for which somebody else was told that consent is withdrawn, one alarm each.
    pub(super) fn withdrawn_by_others(&mut self) -> Result<Vec<Problem>, Problem> {
        self.look_elsewhere()?;
        let alarm = |(section, orgs): (&SectionId, &BTreeSet<OrgId>)| {
            let (case, who) = (words::pseudonym(&section.0), orgs.iter().map(|org| self.call_sign(org)));
            let who = who.collect::<Vec<_>>().join(", ");
            let message = format!("{who} withdrew consent for «{case}»: it is hidden wherever it was shared");
            let problem = Problem::new(codes::WITHDRAWN_ELSEWHERE, message).saying("case");
            problem.with("case", case).with("organisation", who)
        };
        Ok(self.mine.elsewhere.withdrawn.iter().map(alarm).collect())
    }

    /// Looks again at the sections that changed: all of them the first time, or after a failure.
    fn look_elsewhere(&mut self) -> Result<(), Problem> {
        let changed = self.mine.elsewhere.changed.replace(BTreeSet::new());
        self.look_at(changed).inspect_err(|_| self.mine.forget())
    }

    fn look_at(&mut self, changed: Option<BTreeSet<(CircleId, SectionId)>>) -> Result<(), Problem> {
        let us = self.us();
        let mut circles: Vec<Circle> = self.circles_with_others();
        circles.retain(|circle| matches!(circle, Circle::Named { .. }));
        let named: BTreeMap<CircleId, Circle> =
            circles.into_iter().map(|circle| (self.state.circle_of(&circle), circle)).collect();
        let home = self.state.circle_of(&Circle::Own(us));
        let changed = match changed {
            Some(changed) => changed,
            None => {
                let mut all = BTreeSet::new();
                for (id, circle) in &named {
                    all.extend(self.shelves(circle)?.into_iter().map(|shelf| (*id, shelf.section)));
                }
                all
            }
        };
        let mut own = BTreeSet::new();
        for (id, section) in changed {
            let Some(circle) = named.get(&id) else {
                own.extend((id == home).then_some(section));
                continue;
            };
            if let Some(case) = self.own_of(&section)? {
                own.insert(case);
                continue;
            }
            let shelf = Shelf { circle: circle.clone(), id, section, kind: RecordKind::Case };
            if is_hidden(circle, &self.alone(&shelf)?) {
                self.mine.elsewhere.received.remove(&section);
            } else {
                self.mine.elsewhere.received.insert(section);
            }
        }
        for case in own {
            let mut orgs = BTreeSet::new();
            for part in self.parts(&case)?.into_iter().filter(|part| matches!(part.circle, Circle::Named { .. })) {
                orgs.extend(recall::hidden_by(&self.alone(&part)?));
            }
            orgs.remove(&us);
            if orgs.is_empty() || recall::is_hidden(&self.own_view(&case)?) {
                self.mine.elsewhere.withdrawn.remove(&case);
            } else {
                self.mine.elsewhere.withdrawn.insert(case, orgs);
            }
        }
        Ok(())
    }
}
