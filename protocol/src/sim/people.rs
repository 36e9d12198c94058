//! People at the machines: they import, state, share, cancel, withdraw, retract, resolve and lock, and the workspace
//! decides what comes of it. The driver here carries out what a node's runtime does, so that power may fail between any
//! two steps of a share.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Failure,
    events::{Event, MINUTE, Moment},
    invariants::Invariant,
    machine::Machine,
    world::World,
};
use crate::{
    app::{
        control::{At, Fact, Guest, Known, Problem, Readers, Reply},
        desk::settling::Weighed,
        import,
        library::Library,
        workspace::{
            Cache, ImportStep, Mistake, PendingWrite, Prepared, QueueStep, ScanPurpose, ShareQueue, Workspace,
            made_again,
        },
    },
    bytes::{
        ids::{CircleId, EntityId, OrgId, SectionId},
        seal::Entropy,
    },
    membership::circle::Circle,
    record::{
        schema::{Level, Place, Schema},
        section::{
            assertion::{self, Statement},
            view::View,
        },
    },
    replication::sync::{Content, Effect, Input, Notice, State, Step, Write, epochs},
    sharing::share::recall,
    store::{Batch, Memory, Store},
};

const CASES: &[u8] = include_bytes!("../../../deploy/sample/cases.json");
/// Sample cases whose consent does not cover sharing with named organisations.
const NOT_TO_BE_SHARED: [&str; 4] = ["SYN-03", "SYN-05", "SYN-07", "SYN-11"];
/// Fields that people state or change, with values of every kind of permission.
const STATED: [(&str, &str); 6] = [
    ("case_file.do_not_share", "true"),
    ("case_file.do_not_share", "false"),
    ("case_file.sensitivity_floor", "fed"),
    ("charge.code", "338.3"),
    ("charge.code", "352.1"),
    ("case_file.sensitivity_floor", "sealed"),
];
/// Beginnings of the fields that close a shared copy.
const CLOSING: [&str; 3] = ["consent_", "case_file.", "tombstone."];
/// Shortest text of a local field that is searched for elsewhere: a shorter one occurs by chance.
const TEXT_MIN: usize = 8;

/// Counts of what people did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// Case files imported.
    pub imports: u64,
    /// Facts stated.
    pub facts: u64,
    /// Shares queued.
    pub shares: u64,
    /// Shares cancelled.
    pub cancels: u64,
    /// Withdrawals of consent, at home or by a reader.
    pub withdrawals: u64,
    /// Statements retracted.
    pub retractions: u64,
    /// Disputes resolved.
    pub resolutions: u64,
    /// Folders locked.
    pub locks: u64,
    /// Entries that shares and changes wrote into shared copies.
    pub restated: u64,
    /// Shared copies compared at the end.
    pub copies: u64,
    /// Of them, those of cases that were withdrawn.
    pub hidden: u64,
}

impl std::ops::Add for Acts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            imports: self.imports + other.imports,
            facts: self.facts + other.facts,
            shares: self.shares + other.shares,
            cancels: self.cancels + other.cancels,
            withdrawals: self.withdrawals + other.withdrawals,
            retractions: self.retractions + other.retractions,
            resolutions: self.resolutions + other.resolutions,
            locks: self.locks + other.locks,
            restated: self.restated + other.restated,
            copies: self.copies + other.copies,
            hidden: self.hidden + other.hidden,
        }
    }
}

/// Memory of a machine for its people.
pub(super) struct Memories {
    pub(super) cache: Cache,
    pending: BTreeMap<u64, PendingWrite>,
    entropy: Entropy,
    /// The moment for which a step of the queue is scheduled.
    due: Option<Moment>,
}

impl Memories {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { cache: Cache::default(), pending: BTreeMap::new(), entropy: Entropy::new(seed), due: None }
    }
}

impl fmt::Debug for Memories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memories").finish_non_exhaustive()
    }
}

/// Facts about the whole federation, whichever machine crashed.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// The sample case that a case file was imported from.
    labels: BTreeMap<SectionId, String>,
    /// Case files that somebody shared with exactly these readers and did not cancel.
    shared: BTreeSet<(SectionId, Vec<OrgId>)>,
    pub(super) acts: Acts,
}

/// Acts of a person.
#[derive(Clone, Copy)]
enum Deed {
    Import,
    State,
    Share,
    Cancel,
    Withdraw,
    Retract,
    Resolve,
    Lock,
}

const DEEDS: [Deed; 14] = [
    Deed::Import,
    Deed::Import,
    Deed::State,
    Deed::State,
    Deed::Share,
    Deed::Share,
    Deed::Share,
    Deed::Cancel,
    Deed::Cancel,
    Deed::Withdraw,
    Deed::Withdraw,
    Deed::Retract,
    Deed::Resolve,
    Deed::Lock,
];

/// Lends a machine's workspace; `None` while it is off.
pub(super) fn work<T>(
    machine: &mut Machine,
    now: Moment,
    work: impl FnOnce(&mut Workspace<'_, Memory>) -> T,
) -> Option<T> {
    let now = machine.clock.claimed(now);
    let memories = &mut machine.memories;
    let (cache, entropy) = (&mut memories.cache, &mut memories.entropy);
    let state = machine.state.as_ref()?;
    Some(work(&mut Workspace { state, store: &mut machine.disk, cache, entropy, now }))
}

/// Loads what an unlocked machine remembers, from its disk.
pub(super) fn load(machine: &mut Machine, now: Moment, mistake: Option<Mistake>) -> Result<(), Problem> {
    machine.memories.cache.mistake = mistake;
    machine.memories.cache.library = Library::load(&machine.disk)?;
    let overdue = Library::overdue(&machine.disk)?;
    machine.disk.commit(&overdue)?;
    read_unread(machine, now)?;
    work(machine, now, |work| work.read_names().and_then(|()| work.load_due())).unwrap_or(Ok(()))?;
    if let Some(state) = &machine.state {
        machine.memories.cache.queue = ShareQueue::load(&mut machine.disk, state)?;
    }
    Ok(())
}

fn read_unread(machine: &mut Machine, now: Moment) -> Result<(), Problem> {
    let unread = Library::unread(&machine.disk)?;
    let read = work(machine, now, |work| work.read(Batch::default(), &unread));
    if let Some(reading) = read.transpose()? {
        machine.disk.commit(&reading.batch)?;
    }
    Ok(())
}

/// Adds to a step what becomes durable with it: what its write brings, and the entries that it makes readable.
pub(super) fn complete(machine: &mut Machine, now: Moment, step: &mut Step) -> Result<(), Problem> {
    let mut arrived = Vec::new();
    made_again(&step.effects, &mut step.persist);
    for effect in &step.effects {
        match effect {
            Effect::Notice(Notice::Saved { token, .. }) => {
                if let Some(mut pending) = machine.memories.pending.remove(token) {
                    work(machine, now, |work| work.complete(&mut pending, &mut step.persist)).unwrap_or(Ok(()))?;
                }
            }
            Effect::Notice(Notice::Arrived(ids)) => arrived.extend(ids.iter().copied()),
            _ => {}
        }
    }
    let persist = std::mem::take(&mut step.persist);
    if let Some(reading) = work(machine, now, |work| work.read(persist.clone(), &arrived)).transpose()? {
        step.persist = reading.batch;
    }
    Ok(())
}

/// Takes in a notice of a step that is on the disk.
pub(super) fn notice(machine: &mut Machine, now: Moment, notice: &Notice) -> Result<(), Problem> {
    match notice {
        Notice::Saved { token, .. } | Notice::Refused { token, .. } => {
            machine.memories.cache.queue.ended(*token);
            machine.memories.pending.remove(token);
        }
        Notice::Forked { feed, .. } | Notice::Overrun { feed, .. } => machine.memories.cache.make_again(feed.circle),
        Notice::Members => work(machine, now, |work| work.read_names()).unwrap_or(Ok(()))?,
        Notice::Keys(_) => read_unread(machine, now)?,
        _ => {}
    }
    Ok(())
}

impl World {
    /// Somebody at some machine does something.
    pub(super) fn deed(&mut self) -> Result<(), Failure> {
        let on = |machine: &Machine| machine.is_honest() && machine.state.is_some();
        let Some(at) = self.someone(on) else { return Ok(()) };
        let deed = self.dice.pick(&DEEDS).expect("there are some");
        if let Deed::Lock = deed {
            return self.lock(at);
        }
        let prepared = match deed {
            Deed::Import => self.import(at),
            Deed::State => self.state_a_fact(at),
            Deed::Share => return self.share(at),
            Deed::Cancel => return self.cancel(at),
            Deed::Withdraw => self.withdraw(at),
            Deed::Retract => self.retract(at),
            Deed::Resolve => self.resolve(at),
            Deed::Lock => unreachable!("returned above"),
        };
        // What a person may not do is refused, and nothing follows.
        let Some(Ok(Prepared::Write(pending, entries))) = prepared else { return Ok(()) };
        let acts = &mut self.truth.acts;
        match deed {
            Deed::Import => acts.imports += 1,
            Deed::State => acts.facts += 1,
            Deed::Withdraw => acts.withdrawals += 1,
            Deed::Retract => acts.retractions += 1,
            Deed::Resolve => acts.resolutions += 1,
            Deed::Share | Deed::Cancel | Deed::Lock => {}
        }
        self.tokens += 1;
        self.machines[at].memories.pending.insert(self.tokens, pending);
        let seed = self.dice.bytes();
        self.feed(at, Input::Write(Write { token: self.tokens, entries, seed }))
    }

    fn import(&mut self, at: usize) -> Option<Result<Prepared, Problem>> {
        let which = self.dice.below(u64::MAX);
        let labels = &mut self.truth.labels;
        work(&mut self.machines[at], self.now, |work| {
            let read = import::import(CASES, &mut || EntityId(work.entropy.bytes()));
            let mut cases: Vec<_> = read.expect("the sample").into_iter().collect();
            cases.retain(|imported| imported.kind == import::Kind::CaseFile);
            let nth = usize::try_from(which % cases.len() as u64).expect("small");
            let case = cases.swap_remove(nth);
            labels.insert(SectionId(case.root.0), case.label.clone());
            let mut run = work.begin_import(Ok(vec![case]), false, Known::Again)?;
            loop {
                match work.import_step(&mut run)? {
                    ImportStep::Checked => {}
                    ImportStep::Write(pending, entries) => return Ok(Prepared::Write(pending, entries)),
                    ImportStep::Done(reply) => return Ok(Prepared::Answer(reply)),
                }
            }
        })
    }

    fn state_a_fact(&mut self, at: usize) -> Option<Result<Prepared, Problem>> {
        let record = self.any_record(at, false)?;
        let (field, value) = self.dice.pick(&STATED).expect("there are some");
        self.set(at, record, field, value)
    }

    fn withdraw(&mut self, at: usize) -> Option<Result<Prepared, Problem>> {
        let received = self.dice.chance(40);
        let record = self.any_record(at, received)?;
        self.set(at, record, "consent_record.withdrawn", "true")
    }

    fn set(&mut self, at: usize, record: SectionId, field: &str, value: &str) -> Option<Result<Prepared, Problem>> {
        let fact = Fact { field: field.to_owned(), value: value.to_owned(), entity: None, source: None, grade: None };
        work(&mut self.machines[at], self.now, |work| work.set(&record.to_string(), &[fact]))
    }

    fn retract(&mut self, at: usize) -> Option<Result<Prepared, Problem>> {
        let record = self.any_record(at, false)?.to_string();
        let chosen = self.dice.below(u64::MAX);
        work(&mut self.machines[at], self.now, |work| {
            let Reply::History { claims, .. } = work.history(&record)? else { unreachable!("the reply to a history") };
            let us = work.us();
            let own: Vec<_> =
                claims.iter().filter(|past| past.fate == "stands" && past.claim.organisation == us).collect();
            let past = own.get(usize::try_from(chosen % own.len().max(1) as u64).expect("small"));
            let past = past.ok_or_else(|| Problem::new("none", "nothing to retract"))?;
            let at = At { entry: past.claim.entry, index: past.claim.index };
            work.retract(&record, at, "error")
        })
    }

    fn resolve(&mut self, at: usize) -> Option<Result<Prepared, Problem>> {
        let received = self.dice.chance(50);
        let record = self.any_record(at, received)?.to_string();
        work(&mut self.machines[at], self.now, |work| {
            let Reply::Conflicts { conflicts, .. } = work.conflicts(&record)? else {
                unreachable!("the reply to a question for conflicts")
            };
            let conflict = conflicts.into_iter().find(|conflict| !conflict.settled);
            let conflict = conflict.ok_or_else(|| Problem::new("none", "nothing to resolve"))?;
            let seen: Vec<_> =
                conflict.claims.iter().map(|claim| At { entry: claim.entry, index: claim.index }).collect();
            let weighed = Weighed {
                entity: conflict.entity,
                field: &conflict.field,
                chosen: seen.first().copied(),
                seen: &seen,
                reason: "better_source",
            };
            work.resolve(&record, &weighed)
        })
    }

    /// A case file at a machine: an own one, or one that others shared.
    fn any_record(&mut self, at: usize, received: bool) -> Option<SectionId> {
        let records = work(&mut self.machines[at], self.now, |work| {
            let circles = if received { work.shared_circles() } else { vec![Circle::Own(work.us())] };
            let named = circles.into_iter().filter(|circle| *circle != Circle::Commons);
            named.filter_map(|circle| work.records_of(&circle).ok()).flatten().map(|record| record.section).collect()
        });
        self.dice.pick(&records.unwrap_or_else(Vec::new))
    }

    /// Looks at a preview, and shares what it shows.
    fn share(&mut self, at: usize) -> Result<(), Failure> {
        let Some(record) = self.any_record(at, false) else { return Ok(()) };
        let us = self.machines[at].org;
        let others: Vec<_> = self.organisations.iter().map(|org| org.id).filter(|org| *org != us).collect();
        let mut readers: Vec<_> = others.iter().copied().filter(|_| self.dice.chance(50)).collect();
        readers.sort_unstable();
        let hold_s = self.dice.below(600);
        let with = match readers.as_slice() {
            [] => Readers::Everyone,
            readers => Readers::Organisations(
                readers.iter().map(|org| Guest { organisation: org.to_string(), country: Some("GE".into()) }).collect(),
            ),
        };
        let records = [record.to_string()];
        let shared = work(&mut self.machines[at], self.now, |work| {
            let mut scan = work.begin_scan(&records, &with, ScanPurpose::Show)?;
            work.scan_case(&mut scan, record)?;
            let Reply::SharePreview(preview) = work.end_scan(scan)? else { unreachable!("the reply to a preview") };
            let mut scan = work.begin_scan(&records, &with, ScanPurpose::Share { seen: preview.seen, hold_s })?;
            work.scan_case(&mut scan, record)?;
            work.end_scan(scan)
        });
        if let Some(Ok(Reply::Shares { .. })) = shared {
            self.truth.acts.shares += 1;
            self.truth.shared.insert((record, readers));
        }
        self.schedule_queue(at)
    }

    /// Cancels a share that waits.
    fn cancel(&mut self, at: usize) -> Result<(), Failure> {
        let Some(Ok(Reply::Shares { shares })) = work(&mut self.machines[at], self.now, |work| work.shares()) else {
            return Ok(());
        };
        let Some(share) = self.dice.pick(&shares) else { return Ok(()) };
        let cancelled = work(&mut self.machines[at], self.now, |work| {
            let mut begun = Vec::new();
            for record in &share.records {
                begun.extend(work.copies(record)?.into_iter().map(|copy| (*record, copy.circle)));
            }
            let members = &work.state.replica().members;
            let orgs: BTreeMap<_, _> = members.organisations().map(|(org, sign)| (sign.to_owned(), *org)).collect();
            let mut readers: Vec<_> = share.readers.iter().filter_map(|sign| orgs.get(sign).copied()).collect();
            readers.sort_unstable();
            work.cancel_share(&share.share).map(|_| (begun, readers))
        });
        if let Some(Ok((begun, cancelled))) = cancelled {
            self.truth.acts.cancels += 1;
            // What had gone before stays; the rest must never go.
            let us = self.machines[at].org;
            let has_gone = |record: &SectionId, readers: &[OrgId]| {
                begun.iter().any(|(case, circle)| case == record && others(circle, &us) == readers)
            };
            self.truth.shared.retain(|(record, readers)| {
                !share.records.contains(record) || *readers != cancelled || has_gone(record, readers)
            });
        }
        Ok(())
    }

    /// Locks a machine, and unlocks it some minutes later.
    fn lock(&mut self, at: usize) -> Result<(), Failure> {
        let machine = &mut self.machines[at];
        if let Some(state) = machine.state.as_mut().filter(|state| state.is_unlocked()) {
            state.lock();
            machine.memories.cache.lock();
            machine.memories.pending.clear();
            self.truth.acts.locks += 1;
            let wait = self.dice.between(1, 10) * MINUTE;
            self.queue.push(self.now + wait, Event::Unlock { at });
        }
        Ok(())
    }

    /// Unlocks a machine: what arrived meanwhile is read.
    pub(super) fn unlock(&mut self, at: usize) -> Result<(), Failure> {
        let machine = &mut self.machines[at];
        if machine.state.as_ref().is_none_or(State::is_unlocked) {
            return Ok(());
        }
        let epochs = epochs(&machine.disk).map_err(|error| self.store_failed(at, &error))?;
        let machine = &mut self.machines[at];
        let pens = machine.keys.pens();
        if let Some(state) = &mut machine.state {
            state.unlock(pens, epochs);
        }
        self.remember(at)
    }

    /// Opens the grants that came while the keys were away, and loads what people at an unlocked machine work with.
    pub(super) fn remember(&mut self, at: usize) -> Result<(), Failure> {
        let (now, mistake) = (self.now, self.plan.mistake);
        let machine = &mut self.machines[at];
        // What was in memory before a power cut or a lock is gone.
        let seed = machine.memories.entropy.bytes();
        machine.memories = Memories::new(seed);
        let Some(state) = machine.state.as_mut().filter(|_| self.plan.people > 0) else { return Ok(()) };
        let step = state.relearn(&machine.disk, machine.clock.tick(now));
        let step = step.map_err(|error| self.store_failed(at, &error))?;
        self.carry_out(at, step)?;
        if self.machines[at].state.is_some() {
            let loaded = load(&mut self.machines[at], now, mistake);
            loaded.map_err(|problem| self.people_failed(at, &problem))?;
            self.schedule_queue(at)?;
        }
        Ok(())
    }

    /// Evaluates the sections that changed, and schedules the next step of a machine's queue.
    pub(super) fn schedule_queue(&mut self, at: usize) -> Result<(), Failure> {
        let now = self.now;
        let machine = &mut self.machines[at];
        if machine.state.as_ref().is_none_or(|state| !state.is_unlocked()) {
            return Ok(());
        }
        let evaluated = work(machine, now, |work| {
            while !work.cache.due.is_empty() {
                if let Some(problem) = work.evaluate(usize::MAX)? {
                    return Err(problem);
                }
            }
            Ok(())
        });
        evaluated.unwrap_or(Ok(())).map_err(|problem| self.people_failed(at, &problem))?;
        let machine = &mut self.machines[at];
        let due = machine.memories.cache.queue.due_at();
        let due = due.map(|due| self.now.max(due.saturating_sub(machine.clock.claimed(0)) * 1_000) + 1);
        if let Some(due) = due.filter(|due| machine.memories.due.is_none_or(|known| known <= self.now || *due < known))
        {
            machine.memories.due = Some(due);
            self.queue.push(due, Event::Queue { at });
        }
        Ok(())
    }

    /// Takes the next step of a machine's queue.
    pub(super) fn queue_step(&mut self, at: usize) -> Result<(), Failure> {
        let now = self.now;
        self.machines[at].memories.due = None;
        let Some(step) = work(&mut self.machines[at], now, |work| work.next_queue_step()) else { return Ok(()) };
        match step {
            Ok(QueueStep::Idle) => {}
            Ok(QueueStep::Done) => self.schedule_queue(at)?,
            Ok(QueueStep::Write(entries)) => {
                self.may_leave(at, &entries)?;
                self.truth.acts.restated += entries.len() as u64;
                self.tokens += 1;
                let began = self.machines[at].memories.cache.queue.began(self.tokens);
                began.map_err(|problem| self.people_failed(at, &problem))?;
                let seed = self.dice.bytes();
                self.feed(at, Input::Write(Write { token: self.tokens, entries, seed }))?;
                self.schedule_queue(at)?;
            }
            Err(problem) => return Err(self.people_failed(at, &problem)),
        }
        Ok(())
    }

    /// Checks entries before they are written into shared copies: nothing in them is above its level or a text of a local
    /// field, and nothing is said of a case whose consent is withdrawn but that it is.
    fn may_leave(&mut self, at: usize, entries: &[(CircleId, Content)]) -> Result<(), Failure> {
        let now = self.now;
        for (circle, content) in entries {
            let Content::Assertions(bytes) = content else { continue };
            let assertion::Content::Good(plain) = assertion::content(bytes) else {
                return Err(self.failure(at, (Invariant::I8, "a share wrote what nobody can read".to_owned())));
            };
            let found = work(&mut self.machines[at], now, |work| -> Result<_, Problem> {
                let place = match work.state.replica().circle(circle).map(|held| &held.circle) {
                    Some(Circle::Commons) => Place::Commons,
                    _ => Place::Named,
                };
                let Some(case) = work.own_case_of(&(*circle, plain.section))? else { return Ok(None) };
                let (view, withdrawn) = (work.own_view(&case)?, !work.hidden_by_others(&case)?.is_empty());
                Ok(Some((case, place, recall::is_hidden(&view) || withdrawn, view)))
            });
            let Some(Ok(Some((case, place, withdrawn, view)))) = found else { continue };
            let local = local_texts(&view);
            for statement in &plain.statements {
                let Statement::Assert(said) = statement else { continue };
                let field = Schema::current().field(&said.field);
                let too_high = field.is_some_and(|field| Schema::current().may_go(field, &said.value, place).is_err());
                let is_local = said.value.as_text().is_some_and(|text| local.contains(text));
                let is_late = withdrawn && !CLOSING.iter().any(|start| said.field.starts_with(start));
                if too_high || is_local || is_late {
                    let detail = format!(
                        "{} of {case} leaves (level {too_high}, local {is_local}, withdrawn {is_late})",
                        said.field
                    );
                    return Err(self.failure(at, (Invariant::I8, detail)));
                }
            }
        }
        Ok(())
    }

    /// Checks, once nothing is in flight and no queue has work, what every machine can read of every case file.
    pub(super) fn sharing_holds(&mut self) -> Result<(), Failure> {
        for at in 0..self.machines.len() {
            let now = self.now;
            let cases = work(&mut self.machines[at], now, |work| -> Result<_, Problem> {
                let mut cases = Vec::new();
                for record in work.records_of(&Circle::Own(work.us()))? {
                    let view = work.own_view(&record.section)?;
                    let withdrawn = recall::is_hidden(&view) || !work.hidden_by_others(&record.section)?.is_empty();
                    cases.push((record.section, withdrawn, work.copies(&record.section)?));
                }
                Ok(cases)
            });
            let Some(cases) = cases else { return Err(self.failure(at, (Invariant::Calm, "it is off".to_owned()))) };
            let stale = work(&mut self.machines[at], now, |work| work.stale_line()).unwrap_or(Ok(None));
            if let Some(stale) = stale.map_err(|problem| self.people_failed(at, &problem))? {
                return Err(self.failure(at, (Invariant::I8, stale)));
            }
            let cases = cases.map_err(|problem| self.people_failed(at, &problem))?;
            for (case, withdrawn, copies) in cases {
                for copy in copies {
                    self.truth.acts.copies += 1;
                    self.truth.acts.hidden += u64::from(withdrawn);
                    self.copy_holds(at, case, withdrawn, &copy)?;
                }
            }
        }
        Ok(())
    }

    fn copy_holds(
        &mut self,
        owner: usize,
        case: SectionId,
        withdrawn: bool,
        copy: &crate::app::workspace::RecordRef,
    ) -> Result<(), Failure> {
        let us = self.machines[owner].org;
        let wrong = |world: &Self, at: usize, detail: &str| {
            Err(world.failure(at, (Invariant::I8, format!("{detail}: {case} of node {owner}"))))
        };
        if let Circle::Named { .. } = &copy.circle {
            if self.truth.labels.get(&case).is_some_and(|label| NOT_TO_BE_SHARED.contains(&label.as_str())) {
                return wrong(self, owner, "shared without consent");
            }
            let readers = others(&copy.circle, &us);
            if !self.truth.shared.contains(&(case, readers)) {
                return wrong(self, owner, "shared with whom nobody shared it");
            }
        }
        let place = if copy.circle == Circle::Commons { Place::Commons } else { Place::Named };
        let mut digests = BTreeSet::new();
        for at in 0..self.machines.len() {
            let org = self.machines[at].org;
            if !copy.circle.admits(&org) || !self.machines[at].is_honest() {
                continue;
            }
            let now = self.now;
            let read = work(&mut self.machines[at], now, |work| (work.view_of(copy), work.merged(copy).map(drop)));
            let Some((Ok(shared), merged)) = read else { return wrong(self, at, "a shared copy cannot be read") };
            digests.insert(shared.digest());
            if withdrawn && place == Place::Named && org != us && merged.is_ok() {
                return wrong(self, at, "a withdrawal did not reach a holder");
            }
            for (_, name, cell) in shared.cells() {
                for claim in cell.claims.iter().filter(|claim| claim.org == us) {
                    let field = Schema::current().field(name);
                    if field.is_some_and(|field| Schema::current().may_go(field, &claim.value, place).is_err()) {
                        return wrong(self, at, &format!("a value of {name}, above its level, is held"));
                    }
                }
            }
        }
        if digests.len() > 1 {
            return wrong(self, owner, "readers of one copy read different things");
        }
        Ok(())
    }

    /// Whether a machine's queue has work that is due, or one is locked or off.
    pub(super) fn people_are_busy(&self) -> bool {
        self.machines.iter().any(|machine| match &machine.state {
            None => true,
            Some(state) => !state.is_unlocked() || machine.memories.cache.queue.due_at().is_some(),
        })
    }

    pub(super) fn people_failed(&self, at: usize, problem: &Problem) -> Failure {
        self.failure(at, (Invariant::I8, format!("{}: {}", problem.code, problem.message)))
    }
}

/// The organisations of a list but one.
fn others(circle: &Circle, us: &OrgId) -> Vec<OrgId> {
    match circle {
        Circle::Named { organisations, .. } => organisations.iter().copied().filter(|org| org != us).collect(),
        Circle::Own(_) | Circle::Commons => vec![],
    }
}

/// Texts of local fields of a case file that no field contains which may leave.
fn local_texts(view: &View) -> BTreeSet<&str> {
    let level = |name: &str| Schema::current().field(name).map(|field| field.level);
    let texts = |local: bool| {
        view.cells()
            .filter(move |(_, name, _)| (level(name) == Some(Level::Local)) == local)
            .flat_map(|(_, _, cell)| cell.claims.iter().filter_map(|claim| claim.value.as_text()))
    };
    let open: BTreeSet<&str> = texts(false).collect();
    texts(true).filter(|text| text.len() >= TEXT_MIN && !open.contains(text)).collect()
}
