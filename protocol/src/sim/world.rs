//! The world: machines, wires, and the driver that keeps the core's contract.

use std::collections::VecDeque;

use super::{
    Failure, Plan, Totals,
    adversary::{self, Conduct},
    dice::Dice,
    events::{Act, Event, MINUTE, Moment, Queue},
    invariants::{self, Broken, Invariant, Ledger},
    machine::{Machine, Session},
    network::{Network, describe},
    people,
};
use crate::{
    bytes::{
        cose::Signer,
        ids::{NodeKey, OrgId, RegistryId},
    },
    log::entry::Signed,
    membership::{charter::roster::Roster, circle::grant::Opening},
    replication::{
        planted::Planted,
        sync::{Effect, Input, Notice, Step, frame},
    },
    store::Store,
};

/// An organisation apart from its machines: the root key is on another medium.
pub(super) struct Organisation {
    pub(super) id: OrgId,
    pub(super) root: Signer,
    pub(super) roster: Roster,
    pub(super) own: Opening,
}

/// A simulated federation and its pending events.
pub struct World {
    pub(super) plan: Plan,
    seed: u64,
    pub(super) dice: Dice,
    pub(super) now: Moment,
    pub(super) step: u64,
    pub(super) queue: Queue,
    pub(super) network: Network,
    pub(super) registry: RegistryId,
    pub(super) organisations: Vec<Organisation>,
    pub(super) machines: Vec<Machine>,
    /// Number of parties: machines without counting further faces.
    pub(super) parties: usize,
    pub(super) ledger: Ledger,
    pub(super) totals: Totals,
    pub(super) truth: people::Truth,
    /// Whether power, wires and disks may still fail at random.
    pub(super) faults_active: bool,
    pub(super) tokens: u64,
    /// The roster before the joiner's link.
    pub(super) before_join: Option<(usize, Roster)>,
    /// The last events, if the plan asks for them.
    trail: VecDeque<String>,
}

impl World {
    pub(super) fn found(seed: u64, plan: Plan) -> Self {
        let mut dice = Dice::new(seed);
        let federation = super::federation::Federation::new(&mut dice, &plan);
        let mut world = Self {
            plan,
            seed,
            dice,
            now: 0,
            step: 0,
            queue: Queue::default(),
            network: Network::default(),
            registry: federation.registry,
            organisations: federation.organisations,
            parties: federation.machines.len(),
            machines: federation.machines,
            ledger: Ledger::default(),
            totals: Totals { seeds: 1, ..Totals::default() },
            truth: people::Truth::default(),
            faults_active: true,
            tokens: 0,
            before_join: None,
            trail: VecDeque::new(),
        };
        for at in 0..world.parties {
            if world.machines[at].founding.is_some() {
                world.queue.push(at as u64, Event::Start { at });
            }
        }
        world
    }

    /// Handles all events up to `end`.
    pub(super) fn run_until(&mut self, end: Moment) -> Result<(), Failure> {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = self.now.max(at);
            self.step += 1;
            if self.step > self.plan.steps_max {
                return Err(self.failure(0, (Invariant::Calm, format!("no end after {} steps", self.step))));
            }
            self.handle_event(event)?;
        }
        self.now = self.now.max(end);
        Ok(())
    }

    fn handle_event(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Deliver { wire, from, to, frame } => self.deliver(wire, from, to, &frame),
            Event::Written { wire, at, to } => {
                let peer = self.machines[to].name();
                let current = self.machines[at].session(&peer).is_some_and(|session| session.wire == wire);
                if current { self.feed(at, Input::Written(peer)) } else { Ok(()) }
            }
            Event::Lost { wire, at } => self.lost(wire, at),
            Event::Dial { a, b } => self.dial(a, b),
            Event::Wake { at } => {
                let machine = &mut self.machines[at];
                if machine.wake != Some(self.now) {
                    return Ok(());
                }
                machine.wake = None;
                self.feed(at, Input::Tick)
            }
            Event::Start { at } => self.start(at),
            Event::Queue { at } => self.queue_step(at),
            Event::Unlock { at } => self.unlock(at),
            Event::Act(act) => {
                self.record(|| format!("{act:?}"));
                self.act(act)
            }
        }
    }

    /// Delivers a frame: its bytes are read and verified as a node does.
    fn deliver(&mut self, wire: u64, from: usize, to: usize, bytes: &[u8]) -> Result<(), Failure> {
        if !self.network.wires.contains_key(&wire) || self.machines[to].state.is_none() {
            return Ok(());
        }
        let peer = self.machines[from].name();
        self.record(|| format!("{from} → {to}  {}", describe(bytes)));
        self.remember_bad_signatures(to, bytes);
        match frame::receive(&self.registry, bytes) {
            Ok(received) => {
                self.feed(to, Input::Received(peer, received))?;
                self.is_within_its_budget(to, &peer)
            }
            Err(_) => self.feed(to, Input::Garbage(peer)),
        }
    }

    /// The planted fault: an entry whose signature failed once is refused for good.
    fn remember_bad_signatures(&mut self, to: usize, bytes: &[u8]) {
        if self.plan.planted != Some(Planted::BadSignatureRemembered) {
            return;
        }
        let (Some(state), Ok(frame::Frame::Entries(items))) =
            (&mut self.machines[to].state, frame::Frame::decode(bytes))
        else {
            return;
        };
        for signed in items.iter().filter_map(|(entry, _)| Signed::parse(entry).ok()) {
            let id = signed.claimed_id(&self.registry);
            if signed.verify(&self.registry).is_err() {
                state.remembered.insert(id);
            }
        }
    }

    /// Runs one step of a machine by the contract: first the batch, durably, then the effects in order. Power may fail
    /// before the batch and after each effect.
    pub(super) fn feed(&mut self, at: usize, input: Input) -> Result<(), Failure> {
        let tick = self.machines[at].clock.tick(self.now);
        let machine = &mut self.machines[at];
        let Some(state) = &mut machine.state else { return Ok(()) };
        let step = state.handle(&machine.disk, input, tick).map_err(|error| self.store_failed(at, &error))?;
        self.carry_out(at, step)
    }

    /// Carries a step out.
    pub(super) fn carry_out(&mut self, at: usize, mut step: Step) -> Result<(), Failure> {
        if self.plan.people > 0 {
            let completed = people::complete(&mut self.machines[at], self.now, &mut step);
            completed.map_err(|problem| self.people_failed(at, &problem))?;
        }
        let fails = self.faults_active && self.dice.below(10_000) < self.plan.crashes_per_10_000;
        let fails_at = if fails { self.dice.index(step.effects.len() + 2) } else { usize::MAX };
        if fails_at == 0 {
            return self.crash(at);
        }
        self.machines[at].disk.commit(&step.persist).map_err(|error| self.store_failed(at, &error))?;
        for (nth, effect) in step.effects.into_iter().enumerate() {
            if fails_at == nth + 1 {
                return self.crash(at);
            }
            self.apply_effect(at, effect)?;
        }
        if fails_at != usize::MAX {
            return self.crash(at);
        }
        if self.machines[at].conduct == Conduct::Honest {
            let inspected = self.ledger.inspect(&mut self.machines[at]);
            inspected.map_err(|broken| self.failure(at, broken))?;
        }
        self.set_alarm(at);
        if self.plan.people > 0 {
            self.schedule_queue(at)?;
        }
        Ok(())
    }

    fn set_alarm(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        let due = machine.state.as_ref().and_then(crate::replication::sync::State::due);
        let due = due.map(|due| machine.clock.moment(due).max(self.now));
        if machine.wake != due {
            machine.wake = due;
            due.into_iter().for_each(|due| self.queue.push(due, Event::Wake { at }));
        }
    }

    fn apply_effect(&mut self, at: usize, effect: Effect) -> Result<(), Failure> {
        match effect {
            Effect::Send { to, lane, frame } => {
                let machine = &self.machines[at];
                let Some(session) = machine.session(&to) else { return Ok(()) };
                if machine.conduct == Conduct::Honest {
                    let org = self.machines[session.machine].org;
                    let checked = self.ledger.leaving(machine, &org, &frame);
                    checked.map_err(|broken| self.failure(at, broken))?;
                    self.totals.frames += 1;
                    self.totals.bytes += frame.len() as u64;
                }
                let conduct = self.machines[at].conduct;
                for frame in adversary::warp(conduct, &mut self.dice, frame) {
                    let route = (session.wire, at, session.machine, lane);
                    self.network.send(route, frame, self.now, &mut self.dice, &mut self.queue);
                }
                Ok(())
            }
            Effect::Disconnect { peer, .. } => {
                self.blame(at, &peer, "disconnects")?;
                if let Some(session) = self.machines[at].sessions.remove(&peer) {
                    self.network.cut(session.wire, self.now, &mut self.dice, &mut self.queue);
                    self.redial(at, session.machine, 30_000, 120_000);
                }
                Ok(())
            }
            Effect::Notice(notice) => self.notice(at, notice),
        }
    }

    fn notice(&mut self, at: usize, notice: Notice) -> Result<(), Failure> {
        self.record(|| format!("{at}: {notice:?}"));
        if self.plan.people > 0 {
            let taken = people::notice(&mut self.machines[at], self.now, &notice);
            taken.map_err(|problem| self.people_failed(at, &problem))?;
        }
        let is_honest = self.machines[at].conduct == Conduct::Honest;
        match notice {
            Notice::Struck { peer, fault } => {
                self.totals.strikes += u64::from(is_honest);
                self.blame(at, &peer, &format!("strikes ({fault:?})"))
            }
            Notice::Saved { entries, .. } if is_honest => {
                self.totals.entries += entries.len() as u64;
                for id in entries {
                    let circle = self.counted(at, &id)?;
                    self.ledger.saved.push((at, circle, id));
                }
                Ok(())
            }
            Notice::Forked { feed, .. } if is_honest => {
                self.totals.forks += 1;
                let author = self.machines.iter().position(|machine| machine.keys.feed_keys().contains(&feed.key));
                match author.filter(|author| self.machines[*author].conduct == Conduct::Honest) {
                    Some(author) => {
                        let detail = format!("honest node {author} forked its feed {:?} {:?}", feed.key, feed.run);
                        Err(self.failure(at, (Invariant::I4, detail)))
                    }
                    None => self.prune_view(at),
                }
            }
            Notice::Overrun { .. } => {
                self.totals.overruns += u64::from(is_honest);
                self.prune_view(at)
            }
            // A restored node receives the entries that it wrote after its backup.
            Notice::Elsewhere(feed) if is_honest && self.plan.rollbacks == 0 && self.machines[at].restores == 0 => {
                Err(self.failure(at, (Invariant::I4, format!("its own key wrote elsewhere: {:?}", feed.run))))
            }
            Notice::Members => {
                self.prune_view(at)?;
                (0..self.parties).for_each(|party| self.redial(at, party, 0, 2_000));
                Ok(())
            }
            Notice::Arrived(ids) => {
                let machine = &mut self.machines[at];
                let Some(state) = &machine.state else { return Ok(()) };
                if machine.conduct == Conduct::Vandal {
                    let frame = adversary::poison(machine, state, &ids, &mut self.dice);
                    let poisons = self.faults_active && self.dice.chance(30);
                    return self.spread(at, frame.filter(|_| poisons));
                }
                let arrived = machine.view.arrived(state, &machine.disk, &ids);
                arrived.map_err(|error| self.store_failed(at, &error))
            }
            _ => Ok(()),
        }
    }

    /// The circle of an entry that is on the disk and counts.
    fn counted(&self, at: usize, id: &crate::bytes::ids::EntryId) -> Result<crate::bytes::ids::CircleId, Failure> {
        let machine = &self.machines[at];
        let state = machine.state.as_ref().expect("it speaks");
        let place = state.replica().place(&crate::store::staged::Staged::new(&machine.disk), id);
        match place.map_err(|error| self.store_failed(at, &error))? {
            Some((feed, _)) => Ok(feed.circle),
            None => Err(self.failure(at, (Invariant::I6, format!("{id:?} is called saved and is not on the disk")))),
        }
    }

    fn prune_view(&mut self, at: usize) -> Result<(), Failure> {
        let machine = &mut self.machines[at];
        if let Some(state) = &machine.state {
            machine.view.prune(state);
        }
        Ok(())
    }

    fn spread(&mut self, at: usize, frame: Option<Vec<u8>>) -> Result<(), Failure> {
        let Some(frame) = frame else { return Ok(()) };
        let sessions: Vec<_> = self.machines[at].sessions.values().copied().collect();
        for session in sessions {
            let route = (session.wire, at, session.machine, crate::replication::sync::Lane::Live);
            self.network.send(route, frame.clone(), self.now, &mut self.dice, &mut self.queue);
        }
        Ok(())
    }

    /// Fails if an honest node acted against an honest one, on a wire that keeps its order.
    fn blame(&mut self, at: usize, peer: &NodeKey, how: &str) -> Result<(), Failure> {
        let Some(session) = self.machines[at].session(peer) else { return Ok(()) };
        let relayed = self.network.wires.get(&session.wire).is_some_and(|wire| wire.relayed);
        let both = self.machines[at].is_honest() && self.machines[session.machine].is_honest();
        if both && !relayed {
            let detail = format!("{how} honest node {}", session.machine);
            return Err(self.failure(at, (Invariant::I3, detail)));
        }
        Ok(())
    }

    /// Checks that honest nodes send again only what the protocol requires: the bucket for races stays nearly full.
    fn is_within_its_budget(&mut self, at: usize, peer: &NodeKey) -> Result<(), Failure> {
        if self.plan.relayed_percent > 0 {
            return Ok(()); // what a relay repeated stays on its sender's account
        }
        let drawn = self.machines[at].state.as_ref().map_or(0, |state| state.repeats_drawn(peer));
        if drawn > crate::bytes::limits::REPEATS.0 as u64 / 64 {
            self.blame(at, peer, &format!("took {drawn} entries again from"))?;
        }
        Ok(())
    }

    fn start(&mut self, at: usize) -> Result<(), Failure> {
        let machine = &mut self.machines[at];
        if machine.state.is_some() {
            return Ok(());
        }
        let started = machine.start(&mut self.dice, (self.plan.planted, self.plan.bounds));
        if let (Some(size), Some(state)) = (self.plan.authored, &mut machine.state) {
            state.set_authored(size);
        }
        started.map_err(|error| self.store_failed(at, &error))?;
        let openings = self.machines[at].openings.clone();
        for opening in openings {
            let id = opening.circle.id(&self.registry);
            let known = self.machines[at].state.as_ref().is_some_and(|state| state.replica().circle(&id).is_some());
            if !known {
                self.feed(at, Input::Hold(opening))?;
            }
        }
        self.remember(at)?;
        (0..self.parties).for_each(|party| self.redial(at, party, 0, 1_000));
        Ok(())
    }

    /// Power fails: everything not on the disk is lost.
    pub(super) fn crash(&mut self, at: usize) -> Result<(), Failure> {
        let machine = &mut self.machines[at];
        if machine.state.take().is_none() {
            return Ok(());
        }
        machine.wake = None;
        let sessions = std::mem::take(&mut machine.sessions);
        self.totals.restarts += 1;
        self.record(|| format!("{at}: power fails"));
        for session in sessions.into_values() {
            self.network.cut(session.wire, self.now, &mut self.dice, &mut self.queue);
        }
        let off = self.dice.between(100, 2 * MINUTE);
        self.queue.push(self.now + off, Event::Start { at });
        Ok(())
    }

    /// Schedules an attempt of two parties to connect.
    pub(super) fn redial(&mut self, a: usize, b: usize, soonest: Moment, latest: Moment) {
        let (a, b) = (self.machines[a].party, self.machines[b].party);
        if a != b {
            let wait = self.dice.between(soonest, latest);
            self.queue.push(self.now + wait, Event::Dial { a: a.min(b), b: a.max(b) });
        }
    }

    /// Picks one of a party's machines: a forker answers with any of its faces.
    fn face(&mut self, party: usize) -> Option<usize> {
        let on = |at: &usize| self.machines[*at].party == party && self.machines[*at].state.is_some();
        let faces: Vec<_> = (0..self.machines.len()).filter(on).collect();
        self.dice.pick(&faces)
    }

    fn dial(&mut self, a: usize, b: usize) -> Result<(), Failure> {
        let (Some(a), Some(b)) = (self.face(a), self.face(b)) else { return Ok(()) };
        let (name_a, name_b) = (self.machines[a].name(), self.machines[b].name());
        if self.network.are_apart(self.machines[a].party, self.machines[b].party) || !self.may_connect(a, b) {
            return Ok(());
        }
        for (at, peer) in [(a, name_b), (b, name_a)] {
            if let Some(session) = self.machines[at].session(&peer) {
                if self.network.wires.contains_key(&session.wire) {
                    return Ok(());
                }
                // The machine still has a session on a cut wire: the new one replaces it.
                self.lost(session.wire, at)?;
            }
        }
        let relayed = self.faults_active && self.dice.chance(self.plan.relayed_percent);
        let wire = self.network.connect(a, b, relayed);
        self.totals.connections += 1;
        self.record(|| format!("{a} = {b}  wire {wire}{}", if relayed { ", relayed" } else { "" }));
        self.machines[a].sessions.insert(name_b, Session { machine: b, wire });
        self.machines[b].sessions.insert(name_a, Session { machine: a, wire });
        self.feed(a, Input::Up(name_b))?;
        self.feed(b, Input::Up(name_a))
    }

    /// Whether the handshake succeeds: both have the network key, and each finds the other's key among its members'
    /// nodes (I7).
    pub(super) fn may_connect(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.machines[a], &self.machines[b]);
        let knows = |one: &Machine, other: &Machine| {
            one.state.as_ref().is_some_and(|state| state.replica().members.node(&other.name()).is_some())
        };
        a.network_key == b.network_key && knows(a, b) && knows(b, a)
    }

    fn lost(&mut self, wire: u64, at: usize) -> Result<(), Failure> {
        let found = self.machines[at].sessions.iter().find(|(_, session)| session.wire == wire);
        let Some((peer, session)) = found.map(|(peer, session)| (*peer, *session)) else { return Ok(()) };
        self.machines[at].sessions.remove(&peer);
        self.redial(at, session.machine, 500, 20_000);
        self.feed(at, Input::Down(peer))
    }

    /// Compares what honest machines hold, once nothing is in flight that could still change it.
    pub(super) fn difference(&self) -> Result<Option<String>, Failure> {
        invariants::difference(&self.machines, &self.ledger).map_err(|broken| self.failure(0, broken))
    }

    pub(super) fn shown(&self) -> Result<(), Failure> {
        let by_time = self.plan.planted == Some(Planted::SortedByClaimedTime);
        invariants::shown(&self.machines, by_time).map_err(|broken| self.failure(0, broken))
    }

    pub(super) fn failure(&self, node: usize, (invariant, detail): Broken) -> Failure {
        let trail = self.trail.iter().cloned().collect();
        Failure { seed: self.seed, invariant, node, step: self.step, minute: self.now / MINUTE, detail, trail }
    }

    /// Records an event in the trail, for replaying a failure.
    fn record(&mut self, what: impl FnOnce() -> String) {
        if self.plan.trail > 0 {
            if self.trail.len() >= self.plan.trail {
                self.trail.pop_front();
            }
            self.trail.push_back(format!("{:>9} {}", self.now, what()));
        }
    }

    pub(super) fn store_failed(&self, at: usize, error: &crate::store::StoreError) -> Failure {
        self.failure(at, (Invariant::I1, format!("the store: {error}")))
    }

    /// Adds an act to the script.
    pub(super) fn script(&mut self, at: Moment, act: Act) {
        self.queue.push(at, Event::Act(act));
    }
}
