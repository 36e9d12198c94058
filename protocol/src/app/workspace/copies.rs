//! Shared copies: the sections in which an own case file is restated for others, and the view of the case file merged
//! with the statements of others in these copies.

use std::collections::BTreeSet;

use crate::{
    app::control::{Problem, RecordKind, TakenBack, codes},
    bytes::ids::{CircleId, OrgId, SectionId},
    membership::circle::Circle,
    record::section::view::View,
    sharing::share::{joint::joint, names::Names, recall},
    store::Store,
};

use super::{RecordRef, SectionKey, Workspace, locked};

/// A record as this organisation reads it.
pub struct MergedRecord {
    /// View of the record. For an own case file, merged with the statements of others in its shared copies.
    pub view: View,
    /// Call-signs of the others that can read the record, or its shared copy.
    pub readers: Vec<String>,
    /// The shared copies that can be read.
    pub copies: Vec<RecordRef>,
    /// Shared copies that were recalled.
    pub taken_back: Vec<TakenBack>,
}

/// Whether a shared copy was recalled. In the commons no organisation hides the statements of another: each
/// organisation retracts its own statements.
pub fn is_hidden(circle: &Circle, view: &View) -> bool {
    matches!(circle, Circle::Named { .. }) && recall::is_hidden(view)
}

impl<S: Store> Workspace<'_, S> {
    /// The names that an own case file and its entities have in a circle.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn names(&self, section: &SectionId, circle: &CircleId) -> Result<Names, Problem> {
        let own = self.state.circle_of(&Circle::Own(self.us()));
        let own = self.state.replica().circle(&own).ok_or_else(locked)?;
        Ok(Names::new(&own.secret, *section, circle))
    }

    /// The shared copy of an own case file in a circle, whether or not it exists.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn copy(&self, section: &SectionId, circle: &Circle) -> Result<RecordRef, Problem> {
        let id = self.state.circle_of(circle);
        let section = self.names(section, &id)?.shared();
        Ok(RecordRef { circle: circle.clone(), id, section, kind: RecordKind::Case })
    }

    /// The shared copies of an own case file that exist.
    ///
    /// # Errors
    /// [`codes::LOCKED`], or an error of the store.
    pub fn copies(&self, section: &SectionId) -> Result<Vec<RecordRef>, Problem> {
        let mut copies = Vec::new();
        for circle in self.shared_circles() {
            let copy = self.copy(section, &circle)?;
            if self.cache.library.kind(self.state, self.store, &copy.id, &copy.section)?.is_some() {
                copies.push(copy);
            }
        }
        Ok(copies)
    }

    /// The own case file of which a section is the shared copy, if it is one.
    ///
    /// # Errors
    /// [`codes::LOCKED`], or an error of the store.
    pub fn own_case_of(&self, (circle, copy): &SectionKey) -> Result<Option<SectionId>, Problem> {
        let own = self.state.circle_of(&Circle::Own(self.us()));
        let secret = &self.state.replica().circle(&own).ok_or_else(locked)?.secret;
        let case = Names::own_of(secret, *copy, circle);
        let kind = self.cache.library.kind(self.state, self.store, &own, &case)?;
        Ok(kind.filter(|kind| *kind == RecordKind::Case).map(|_| case))
    }

    /// The own case file of which a record is the shared copy, if it is one.
    ///
    /// # Errors
    /// [`codes::LOCKED`], or an error of the store.
    pub fn case_of(&self, record: &RecordRef) -> Result<Option<SectionId>, Problem> {
        let may_be = !matches!(record.circle, Circle::Own(_)) && record.kind == RecordKind::Case;
        if may_be { self.own_case_of(&record.at()) } else { Ok(None) }
    }

    /// The view of one section of one circle, without shared copies and without regard to recalls.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn view_of(&mut self, record: &RecordRef) -> Result<View, Problem> {
        let view = self.cache.library.view(self.state, self.store, &record.id, &record.section);
        view.map_err(|error| self.not_shown(error))
    }

    /// The view of an own case file without the statements of others.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn own_view(&mut self, section: &SectionId) -> Result<View, Problem> {
        let circle = Circle::Own(self.us());
        let record = RecordRef { id: self.state.circle_of(&circle), circle, section: *section, kind: RecordKind::Case };
        self.view_of(&record)
    }

    /// The record as this organisation reads it.
    ///
    /// # Errors
    /// [`codes::TAKEN_BACK`] once the organisations that shared the record recalled it, [`codes::LOCKED`], or a section
    /// that cannot be read.
    pub fn merged(&mut self, record: &RecordRef) -> Result<MergedRecord, Problem> {
        let mut view = self.view_of(record)?;
        let (mut readers, mut copies, mut taken_back) = (BTreeSet::new(), Vec::new(), Vec::new());
        match &record.circle {
            Circle::Own(us) if record.kind == RecordKind::Case => {
                for copy in self.copies(&record.section)? {
                    let shared = self.view_of(&copy)?;
                    if is_hidden(&copy.circle, &shared) {
                        taken_back.extend(recall::hidden_since(&shared).map(|since| TakenBack {
                            from: BTreeSet::from_iter(self.others_in(&copy.circle)).into_iter().collect(),
                            by: recall::hidden_by(&shared).iter().map(|org| self.call_sign(org)).collect(),
                            since,
                        }));
                    } else {
                        readers.extend(self.others_in(&copy.circle));
                        copies.push(copy.clone());
                    }
                    view = joint(&view, &shared, &self.names(&record.section, &copy.id)?, us);
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
        Ok(MergedRecord { view, readers: readers.into_iter().collect(), copies, taken_back })
    }

    /// The other organisations that recorded a withdrawal in a shared copy of an own case file. The commons do not
    /// count.
    ///
    /// # Errors
    /// [`codes::LOCKED`], or a section that cannot be read.
    pub fn hidden_by_others(&mut self, section: &SectionId) -> Result<BTreeSet<OrgId>, Problem> {
        let mut hidden = BTreeSet::new();
        for copy in self.copies(section)?.into_iter().filter(|copy| copy.circle != Circle::Commons) {
            hidden.extend(recall::hidden_by(&self.view_of(&copy)?));
        }
        hidden.remove(&self.us());
        Ok(hidden)
    }

    /// The view that this organisation may still correct. For a case file that it recalled itself, that is the view of
    /// the recall. Otherwise a mistake of one reader would keep the case from everybody permanently.
    ///
    /// # Errors
    /// [`codes::TAKEN_BACK`] for a record that others recalled, [`codes::LOCKED`], or a section that cannot be read.
    pub fn correctable(&mut self, record: &RecordRef) -> Result<View, Problem> {
        match self.merged(record) {
            Err(problem) if problem.code == codes::TAKEN_BACK => {
                let view = self.view_of(record)?;
                if recall::hidden_by(&view).contains(&self.us()) {
                    Ok(recall::hiding_alone(view))
                } else {
                    Err(problem)
                }
            }
            merged => merged.map(|merged| merged.view),
        }
    }

    fn others_in(&self, circle: &Circle) -> Vec<String> {
        let us = self.us();
        let members = self.state.replica().members.organisations();
        members.filter(|(org, _)| **org != us && circle.admits(org)).map(|(_, sign)| sign.to_owned()).collect()
    }
}
