//! Own case files and their shared parts: which belongs to which, and what both together say.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::control::{Problem, RecordKind, TakenBack, codes},
    bytes::ids::{CircleId, OrgId, RegistryId, SectionId},
    membership::circle::Circle,
    record::section::view::View,
    sharing::share::{joint::joint, names::Names, recall},
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
pub(super) fn is_hidden(circle: &Circle, view: &View) -> bool {
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
            self.mine = Mine { circles, ..Mine::default() };
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
        let view = self.library.view(&self.state, &self.folder.store, &shelf.id, &shelf.section);
        view.map_err(|error| self.not_shown(&error))
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
                    let by: Vec<_> = recall::hidden_by(&view).iter().map(|org| self.call_sign(org)).collect();
                    let message = format!("this case file was taken back by {}", by.join(", "));
                    let problem = Problem::new(codes::TAKEN_BACK, message).saying("by");
                    return Err(problem.with("organisation", by.join(", ")));
                }
                readers.extend(self.others_in(circle));
            }
        }
        Ok(Whole { view, readers: readers.into_iter().collect(), parts, taken_back })
    }

    /// The other organisations that hid an own case file where it is shared. In the commons nobody hides it.
    pub(super) fn hidden_by_others(&mut self, section: &SectionId) -> Result<BTreeSet<OrgId>, Problem> {
        let mut hidden = BTreeSet::new();
        for part in self.parts(section)?.into_iter().filter(|part| part.circle != Circle::Commons) {
            hidden.extend(recall::hidden_by(&self.alone(&part)?));
        }
        hidden.remove(&self.us());
        Ok(hidden)
    }

    /// A record as far as this organisation can still correct it: of a case file that it hid itself, what hides it. Else
    /// a slip of one reader would keep the case from everybody for ever.
    pub(super) fn correctable(&mut self, shelf: &Shelf) -> Result<View, Problem> {
        match self.whole(shelf) {
            Err(problem) if problem.code == codes::TAKEN_BACK => {
                let view = self.alone(shelf)?;
                if recall::hidden_by(&view).contains(&self.us()) {
                    Ok(recall::hiding_alone(view))
                } else {
                    Err(problem)
                }
            }
            whole => whole.map(|whole| whole.view),
        }
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
}
