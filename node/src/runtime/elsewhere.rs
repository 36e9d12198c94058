//! What others share with this organisation, and what they withdrew of its own.
//!
//! Kept as it changes, one record at a time between other jobs: status is asked often, and a look at a record costs.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::control::{Problem, RecordKind, codes},
    bytes::{
        ids::{OrgId, SectionId},
        words,
    },
    membership::circle::Circle,
    sharing::share::recall,
};

use super::{desk::Shelf, joined::Joined, parts::is_hidden, sweep::At};

/// Records that status looks at itself: what a person did a moment ago is in it.
const AT_ONCE: usize = 64;

/// What is known so far.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Case files of others that can be read.
    received: BTreeSet<SectionId>,
    /// Own case files that somebody else withdrew, while at home nothing is withdrawn.
    withdrawn: BTreeMap<SectionId, BTreeSet<OrgId>>,
    /// Sections that are still to be looked at.
    due: BTreeSet<At>,
}

impl Elsewhere {
    pub(super) fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// Something was read into these sections.
    pub(super) fn changed(&mut self, sections: impl IntoIterator<Item = At>) {
        self.due.extend(sections);
    }
}

impl Joined {
    /// How many case files of others can be read here.
    pub(super) fn received_cases(&mut self) -> u64 {
        self.look_elsewhere(AT_ONCE);
        self.elsewhere.received.len() as u64
    }

    /// The own case files for which somebody else was told that consent is withdrawn, one alarm each.
    pub(super) fn withdrawn_by_others(&mut self) -> Vec<Problem> {
        self.look_elsewhere(AT_ONCE);
        let alarm = |(section, orgs): (&SectionId, &BTreeSet<OrgId>)| {
            let (case, who) = (words::pseudonym(&section.0), orgs.iter().map(|org| self.call_sign(org)));
            let who = who.collect::<Vec<_>>().join(", ");
            let message = format!("{who} withdrew consent for «{case}»: it is hidden wherever it was shared");
            let problem = Problem::new(codes::WITHDRAWN_ELSEWHERE, message).saying("case");
            problem.with("case", case).with("organisation", who)
        };
        self.elsewhere.withdrawn.iter().map(alarm).collect()
    }

    /// Everything shared is to be looked at: the folder was opened, or what counts has shrunk.
    pub(super) fn look_elsewhere_again(&mut self) -> Result<(), Problem> {
        self.elsewhere = Elsewhere::default();
        for circle in self.circles_with_others().iter().filter(|circle| matches!(circle, Circle::Named { .. })) {
            self.elsewhere.due.extend(self.shelves(circle)?.into_iter().map(|shelf| (shelf.id, shelf.section)));
        }
        Ok(())
    }

    /// Looks at so many of the sections that changed. What cannot be read is left out until it changes again, or the
    /// folder is opened again; whoever asks for it is told why.
    pub(super) fn look_elsewhere(&mut self, most: usize) {
        for _ in 0..most {
            let Some(at) = self.elsewhere.due.pop_first() else { return };
            if let Err(problem) = self.look_at(at) {
                tracing::warn!(code = problem.code, "a shared case file cannot be looked at");
            }
        }
    }

    fn look_at(&mut self, (id, section): At) -> Result<(), Problem> {
        let Some(held) = self.state.replica().circle(&id) else { return Ok(()) };
        match held.circle.clone() {
            Circle::Own(_) => self.look_at_own(section),
            Circle::Commons => Ok(()),
            circle @ Circle::Named { .. } => {
                if let Some(case) = self.own_of(&section)? {
                    self.elsewhere.received.remove(&section);
                    return self.look_at_own(case);
                }
                let shelf = Shelf { circle, id, section, kind: RecordKind::Case };
                let view = self.alone(&shelf)?;
                if is_hidden(&shelf.circle, &view) {
                    self.elsewhere.received.remove(&section);
                } else {
                    self.elsewhere.received.insert(section);
                }
                Ok(())
            }
        }
    }

    fn look_at_own(&mut self, case: SectionId) -> Result<(), Problem> {
        let orgs = self.hidden_by_others(&case)?;
        if orgs.is_empty() || recall::is_hidden(&self.own_view(&case)?) {
            self.elsewhere.withdrawn.remove(&case);
        } else {
            self.elsewhere.withdrawn.insert(case, orgs);
        }
        Ok(())
    }
}
