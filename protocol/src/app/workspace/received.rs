//! Received case files: the case files of others that can be read, and the own ones for which others recorded a
//! withdrawal.
//!
//! Updated one section at a time between other jobs: status is requested often, and folding a section is expensive.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::control::{Problem, RecordKind, codes},
    bytes::{
        ids::{OrgId, SectionId},
        words,
    },
    membership::circle::Circle,
    sharing::share::recall,
    store::{Batch, Store},
};

use super::{RecordRef, SectionKey, Workspace, copies::is_hidden};

/// Number of sections that a status request evaluates itself, so that it shows what a person did a moment ago.
const AT_ONCE: usize = 64;

/// Result of the sections evaluated so far.
#[derive(Default)]
pub struct Received {
    /// Case files of others that can be read.
    received: BTreeSet<SectionId>,
    /// Own case files that others withdrew, with these organisations, while there is no withdrawal in the own circle.
    withdrawn: BTreeMap<SectionId, BTreeSet<OrgId>>,
    /// Own case files that are withdrawn in the own circle, and whose shared copies were queued to follow.
    closed: BTreeSet<SectionId>,
    /// Sections that are still to be evaluated.
    due: BTreeSet<SectionKey>,
}

impl Received {
    /// Whether every changed section was evaluated.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// Marks sections that entries were read into.
    pub fn changed(&mut self, sections: impl IntoIterator<Item = SectionKey>) {
        self.due.extend(sections);
    }
}

impl<S: Store> Workspace<'_, S> {
    /// Number of case files of others that can be read here.
    pub fn received_cases(&mut self) -> u64 {
        self.scan_a_few();
        self.cache.received.received.len() as u64
    }

    /// The alarms: one for each own case file for which another organisation recorded a withdrawal of consent.
    pub fn withdrawn_by_others(&mut self) -> Vec<Problem> {
        self.scan_a_few();
        let alarm = |(section, orgs): (&SectionId, &BTreeSet<OrgId>)| {
            let (case, who) = (words::pseudonym(&section.0), orgs.iter().map(|org| self.call_sign(org)));
            let who = who.collect::<Vec<_>>().join(", ");
            let message = format!("{who} withdrew consent for «{case}»: it is hidden wherever it was shared");
            let problem = Problem::new(codes::WITHDRAWN_ELSEWHERE, message).saying("case");
            problem.with("case", case).with("organisation", who)
        };
        self.cache.received.withdrawn.iter().map(alarm).collect()
    }

    /// Evaluates a few sections. A section that cannot be read is not counted.
    fn scan_a_few(&mut self) {
        for _ in 0..AT_ONCE {
            let _unreadable = self.scan_received(1);
        }
    }

    /// Marks every shared section, after unlocking or when entries stopped counting.
    ///
    /// # Errors
    /// An error of the store.
    pub fn rescan_received(&mut self) -> Result<(), Problem> {
        self.cache.received = Received::default();
        for circle in self.shared_circles().iter().filter(|circle| matches!(circle, Circle::Named { .. })) {
            self.cache
                .received
                .due
                .extend(self.records_of(circle)?.into_iter().map(|record| (record.id, record.section)));
        }
        Ok(())
    }

    /// Evaluates at most `most` of the sections that changed. A section that cannot be read is left out until it
    /// changes again or the folder is unlocked again; a request for it returns the cause.
    ///
    /// # Errors
    /// The problem of the first section that cannot be read; the next call continues after it.
    pub fn scan_received(&mut self, most: usize) -> Result<(), Problem> {
        for _ in 0..most {
            let Some(at) = self.cache.received.due.pop_first() else { break };
            self.scan_section(at)?;
        }
        Ok(())
    }

    fn scan_section(&mut self, (id, section): SectionKey) -> Result<(), Problem> {
        let Some(held) = self.state.replica().circle(&id) else { return Ok(()) };
        match held.circle.clone() {
            Circle::Own(_) => self.scan_own_case(section),
            Circle::Commons => Ok(()),
            circle @ Circle::Named { .. } => {
                if let Some(case) = self.own_case_of(&section)? {
                    self.cache.received.received.remove(&section);
                    return self.scan_own_case(case);
                }
                let record = RecordRef { circle, id, section, kind: RecordKind::Case };
                let view = self.view_of(&record)?;
                if is_hidden(&record.circle, &view) {
                    self.cache.received.received.remove(&section);
                } else {
                    self.cache.received.received.insert(section);
                }
                Ok(())
            }
        }
    }

    /// Evaluates an own case file. A withdrawal holds for all shared copies. The shared copies are queued to follow if
    /// another organisation hid the case file in one of them, or if it is withdrawn in the own circle, by any author:
    /// another device, or this device before it was restored.
    fn scan_own_case(&mut self, case: SectionId) -> Result<(), Problem> {
        let (by_others, at_home) = (self.hidden_by_others(&case)?, recall::is_hidden(&self.own_view(&case)?));
        let received = &mut self.cache.received;
        let is_new = if at_home {
            received.withdrawn.remove(&case);
            received.closed.insert(case)
        } else if by_others.is_empty() {
            received.withdrawn.remove(&case);
            received.closed.remove(&case);
            false
        } else {
            received.closed.remove(&case);
            received.withdrawn.insert(case, by_others.clone()) != Some(by_others)
        };
        if is_new {
            let mut batch = Batch::default();
            self.note_changed(case, &mut batch)?;
            self.commit(&batch)?;
        }
        Ok(())
    }
}
