//! Sharing: a share waits in the queue, where it can be cancelled, and then becomes entries that restate in a circle
//! the values that may go there.
//!
//! The remaining work is in the store until it is done. Each step compares the values that may go now with those stated
//! in the circle, and writes the difference, so that a crash between any two steps loses nothing and repeats nothing.
//! Only values go that a person read in a preview or that were stated there before; consent is evaluated again at the
//! last moment.

use crate::{
    app::control::{Problem, Reply, SharePreview, codes},
    bytes::{
        codec,
        ids::{CircleId, EntityId, OrgId, SectionId},
        limits::{GRANTED_AT_ONCE, SHARED_AT_ONCE, STEWARD_CIRCLES},
        seal::Entropy,
    },
    membership::circle::{
        Circle,
        grant::{self, Opening},
    },
    record::section::assertion::{Assertion, Statement},
    replication::sync::Content,
    sharing::share::{
        Audience, recall,
        restate::{self, Seen},
    },
    store::{Batch, Store},
};

#[cfg(any(test, feature = "sim"))]
use super::Mistake;
use super::{
    RecordRef, Workspace, locked,
    queue::{QueueStep, QueuedShare, SharedCase, changed_row, incarnation, share_row},
};

/// Number of case files of a share that one step compares before other work gets a turn.
const COMPARED_AT_ONCE: usize = 16;

impl<S: Store> Workspace<'_, S> {
    /// Puts a share into the queue, if the preview is still the one that was read.
    pub(super) fn enqueue_share(
        &mut self,
        fields: Vec<(SectionId, Seen)>,
        preview: &SharePreview,
        mut batch: Batch,
        seen: &str,
        hold_s: u64,
    ) -> Result<Reply, Problem> {
        if preview.seen != seen {
            return Err(Problem::new(codes::SHARE_CHANGED, "what would go is no longer what the preview showed"));
        }
        if fields.is_empty() {
            let details = preview.cases.iter().flat_map(|case| {
                let name = case.label.as_ref().unwrap_or(&case.pseudonym).clone();
                case.whole().map(move |held| format!("{name}: {}", held.reason))
            });
            let problem = Problem::new(codes::NOTHING_GOES, "none of these case files may go to them");
            return Err(problem.with_details(details.collect()));
        }
        let readers: Vec<_> = preview.readers.iter().map(|reader| reader.organisation).collect();
        if !readers.is_empty() && self.circle_with(&readers).is_none() {
            self.may_open()?;
        }
        let cases =
            fields.into_iter().map(|(section, fields)| SharedCase { section, fields: fields.into_iter().collect() });
        let by = incarnation(self.state);
        let share = QueuedShare { by, readers, due_at: self.now.saturating_add(hold_s), cases: cases.collect() };
        let number = u64::from_be_bytes(self.entropy.bytes());
        // A share replaces waiting ones for the same readers whose case files it contains: cancelling it cancels them.
        let replaced = self.cache.queue.replaced_by(&share);
        replaced.iter().for_each(|number| batch.delete(share_row(*number)));
        batch.put(share_row(number), codec::encode(&share));
        self.commit(&batch)?;
        self.cache.queue.shares.retain(|number, _| !replaced.contains(number));
        self.cache.queue.shares.insert(number, share);
        self.shares()
    }

    /// Lists the shares in the queue.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn shares(&self) -> Result<Reply, Problem> {
        self.readable()?;
        Ok(Reply::Shares { shares: self.cache.queue.listed(|org| self.call_sign(org)) })
    }

    /// Takes a share out of the queue. Entries that were written already remain.
    ///
    /// # Errors
    /// [`codes::NO_SHARE`], or the error of the store.
    pub fn cancel_share(&mut self, share: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let number = u64::from_str_radix(share, 16).ok();
        let number = number.filter(|number| self.cache.queue.shares.contains_key(number));
        let number = number.ok_or_else(|| Problem::new(codes::NO_SHARE, format!("no share «{share}» waits")))?;
        self.dequeue(number)?;
        self.shares()
    }

    fn dequeue(&mut self, number: u64) -> Result<(), Problem> {
        let mut batch = Batch::default();
        batch.delete(share_row(number));
        #[cfg(any(test, feature = "sim"))]
        if self.cache.mistake == Some(Mistake::CancelledShareKept) {
            batch = Batch::default();
        }
        self.commit(&batch)?;
        self.cache.queue.shares.remove(&number);
        self.cache.queue.reached.remove(&number);
        Ok(())
    }

    /// Queues the shared copies of a case file that a write changes; the row is durable together with the write.
    ///
    /// # Errors
    /// The error of the store.
    pub fn note_changed(&mut self, section: SectionId, batch: &mut Batch) -> Result<(), Problem> {
        #[cfg(any(test, feature = "sim"))]
        if self.cache.mistake == Some(Mistake::ChangeForgotten) {
            return Ok(());
        }
        if !self.copies(&section)?.is_empty() {
            batch.put(changed_row(self.row_number(&section)), section.0.to_vec());
            self.cache.queue.changed.insert(section);
        }
        Ok(())
    }

    /// Takes the next step of the queue. Other work gets a turn between two steps.
    ///
    /// # Errors
    /// A section that cannot be read, a circle that may not be opened, or the error of the store. The queue is dropped
    /// from memory then, and loaded again at the next unlock.
    pub fn next_queue_step(&mut self) -> Result<QueueStep, Problem> {
        if !self.state.is_unlocked() || self.cache.queue.due_at().is_none_or(|due_at| due_at > self.now) {
            return Ok(QueueStep::Idle);
        }
        let entries = match self.cache.queue.changed.first().copied() {
            Some(section) => self.follow_change(section)?,
            None => self.go_on_with_a_share()?,
        };
        if entries.is_empty() {
            self.cache.queue.came_to_rest();
            return Ok(QueueStep::Done);
        }
        Ok(QueueStep::Write(entries))
    }

    /// Makes the entries that update the shared copies of a changed case file, in the fields that the copies stated
    /// before. Without such entries, the case file leaves the queue.
    fn follow_change(&mut self, section: SectionId) -> Result<Vec<(CircleId, Content)>, Problem> {
        let mut entries = Vec::new();
        for copy in self.copies(&section)? {
            let statements = self.due_in(section, &copy, &Seen::new())?;
            if !statements.is_empty() {
                entries.push(self.entry(&copy, statements, None)?);
            }
        }
        if entries.is_empty() {
            let mut batch = Batch::default();
            batch.delete(changed_row(self.row_number(&section)));
            self.commit(&batch)?;
            self.cache.queue.changed.remove(&section);
        }
        Ok(entries)
    }

    /// Makes the entries of the next slice of a share that is due. The share leaves the queue once none of its case
    /// files needs entries.
    fn go_on_with_a_share(&mut self) -> Result<Vec<(CircleId, Content)>, Problem> {
        let due = self.cache.queue.shares.iter().find(|(_, share)| share.due_at <= self.now);
        let Some((number, share)) = due.map(|(number, share)| (*number, share.clone())) else { return Ok(vec![]) };
        let from = self.cache.queue.reached.remove(&number).unwrap_or_default();
        let (entries, reached) = self.slice_of(&share, from)?;
        if reached < share.cases.len() {
            self.cache.queue.reached.insert(number, reached);
        } else if entries.is_empty() {
            self.dequeue(number)?;
        }
        Ok(entries)
    }

    /// Makes the entries of a slice of a share, beginning with case file number `from`: the circle if it is new, then
    /// some case files. Also returns the number to continue with: that of the first case file that had entries to
    /// write, until none has.
    fn slice_of(&mut self, share: &QueuedShare, from: usize) -> Result<(Vec<(CircleId, Content)>, usize), Problem> {
        let circle = match share.readers.as_slice() {
            [] => Circle::Commons,
            readers => match self.circle_with(readers) {
                Some(circle) => circle,
                None => {
                    self.may_open()?;
                    return Ok((self.open_circle(readers)?, 0));
                }
            },
        };
        let (mut entries, mut reached) = (Vec::new(), share.cases.len());
        for (nth, SharedCase { section, fields }) in share.cases.iter().enumerate().skip(from) {
            if nth >= from + COMPARED_AT_ONCE {
                reached = reached.min(nth);
                break;
            }
            let copy = self.copy(section, &circle)?;
            let statements = self.due_in(*section, &copy, &fields.iter().cloned().collect())?;
            let before = entries.len();
            if !statements.is_empty() {
                entries.push(self.entry(&copy, statements, None)?);
            } else if circle != Circle::Commons {
                entries.extend(self.close_other_copies(*section, &copy)?);
            }
            if entries.len() > before {
                reached = reached.min(nth);
            }
            if entries.len() >= SHARED_AT_ONCE.0 {
                break;
            }
        }
        Ok((entries, reached))
    }

    /// Makes the entries that close the shared copies in other named circles: a case file is shared in at most one
    /// named circle.
    fn close_other_copies(
        &mut self,
        section: SectionId,
        copy: &RecordRef,
    ) -> Result<Vec<(CircleId, Content)>, Problem> {
        let (mut entries, copies) = (Vec::new(), self.copies(&section)?);
        // Without a copy here (consent may have ended while the share waited), the other copies are not closed.
        if !copies.iter().any(|stated| stated.id == copy.id) {
            return Ok(entries);
        }
        for other in copies.into_iter().filter(|other| other.id != copy.id && other.circle != Circle::Commons) {
            let (view, names, us) = (self.view_of(&other)?, self.names(&section, &other.id)?, self.us());
            let statements = restate::close(&names, &view, &us);
            if !statements.is_empty() {
                entries.push(self.entry(&other, statements, None)?);
            }
        }
        Ok(entries)
    }

    /// The statements that a shared copy still needs from its case file. Fields that were never stated there are
    /// included only if a person read them in a preview.
    fn due_in(&mut self, section: SectionId, copy: &RecordRef, seen: &Seen) -> Result<Vec<Statement>, Problem> {
        match &copy.circle {
            Circle::Commons => self.due_in_commons(section, copy, seen),
            circle => {
                let audience = self.audience_of(circle)?;
                self.due_in_circle(section, copy, &audience, seen)
            }
        }
    }

    fn due_in_circle(
        &mut self,
        section: SectionId,
        copy: &RecordRef,
        audience: &Audience,
        seen: &Seen,
    ) -> Result<Vec<Statement>, Problem> {
        let (shared, names) = (self.view_of(copy)?, self.names(&section, &copy.id)?);
        // A withdrawal recorded by any organisation stops sharing for all: nothing more is stated in a copy that
        // another organisation hid.
        if self.heeds_others() && recall::hidden_by(&shared).iter().any(|org| *org != self.us()) {
            return Ok(vec![]);
        }
        let preview = self.preview(section, audience)?;
        #[cfg(any(test, feature = "sim"))]
        if self.cache.mistake == Some(Mistake::LocalFieldRestated) {
            return self.everything(section, copy);
        }
        Ok(restate::restate(&names, &preview, &shared, &self.us(), seen))
    }

    /// Whether withdrawals recorded by others count: always, except with a planted mistake.
    pub(super) fn heeds_others(&self) -> bool {
        #[cfg(any(test, feature = "sim"))]
        if self.cache.mistake == Some(Mistake::WithdrawalElsewhereIgnored) {
            return false;
        }
        true
    }

    /// The statements of a planted mistake: values of the case file that a shared copy lacks.
    #[cfg(any(test, feature = "sim"))]
    fn everything(&mut self, section: SectionId, copy: &RecordRef) -> Result<Vec<Statement>, Problem> {
        let (own, shared) = (self.own_view(&section)?, self.view_of(copy)?);
        let claims =
            own.cells().flat_map(|(entity, field, cell)| cell.claims.iter().map(move |claim| (entity, field, claim)));
        let missing = claims.filter(|(entity, field, _)| shared.cell(entity, field).is_none());
        let asserted = missing.map(|(entity, field, claim)| {
            Statement::Assert(Assertion {
                entity: *entity,
                field: field.to_owned(),
                value: claim.value.clone(),
                sources: vec![],
                grade: None,
                basis: None,
                reported_by: None,
            })
        });
        Ok(asserted.take(10).collect())
    }

    fn due_in_commons(&mut self, section: SectionId, copy: &RecordRef, seen: &Seen) -> Result<Vec<Statement>, Problem> {
        let (stub, shared, us) = (self.stub(section, copy)?, self.view_of(copy)?, self.us());
        let stands = |entity: &EntityId, field: &str| {
            shared.cell(entity, field).is_some_and(|cell| cell.claims.iter().any(|claim| claim.org == us))
        };
        let due = stub.statements.into_iter().filter_map(|statement| match statement {
            Statement::Assert(said) => {
                let goes = stands(&said.entity, &said.field) || seen.contains(&(said.entity, said.field.clone()));
                goes.then_some(said)
            }
            Statement::Retract { .. } | Statement::Resolve { .. } => None,
        });
        let due: Vec<Assertion> = due.collect();
        Ok(restate::converge(due, &shared, &us))
    }

    /// Finds a circle of exactly these organisations and this one, opened by any of them.
    fn circle_with(&self, readers: &[OrgId]) -> Option<Circle> {
        let mut list = [readers, &[self.us()]].concat();
        list.sort_unstable();
        let is_list = |circle: &Circle| matches!(circle, Circle::Named { organisations, .. } if *organisations == list);
        let circles = self.state.replica().circles().map(|(_, held)| &held.circle);
        circles.into_iter().find(|circle| is_list(circle)).cloned()
    }

    /// Refuses to open a circle if this organisation has opened as many as other nodes hold.
    fn may_open(&self) -> Result<(), Problem> {
        if self.state.circles_of(&self.us()).count() < STEWARD_CIRCLES.0 {
            return Ok(());
        }
        let message =
            format!("{} combinations of organisations have a circle of ours: no more are held", STEWARD_CIRCLES.0);
        Err(Problem::new(codes::CROWDED, message).saying("own").with("count", STEWARD_CIRCLES.0))
    }

    /// Makes the entries that open a circle: its secrets, for every device of its organisations.
    fn open_circle(&mut self, readers: &[OrgId]) -> Result<Vec<(CircleId, Content)>, Problem> {
        let author = self.state.reader().ok_or_else(locked)?;
        let us = self.us();
        let mut entropy = Entropy::new(self.entropy.bytes());
        let opening = Opening::fresh(Circle::named(us, readers, &mut entropy), &mut entropy);
        let members = &self.state.replica().members;
        let devices: Vec<_> = readers.iter().chain([&us]).flat_map(|org| members.devices(org)).collect();
        let commons = self.state.circle_of(&Circle::Commons);
        let grants = devices.chunks(GRANTED_AT_ONCE.0).map(|devices| {
            let keys: Vec<_> = devices.iter().map(|device| &device.reading).collect();
            let grant = grant::seal(&members.registry(), std::slice::from_ref(&opening), &keys, author, &mut entropy);
            (commons, Content::Grant(grant))
        });
        Ok(grants.collect())
    }
}
