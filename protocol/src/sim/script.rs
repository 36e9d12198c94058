//! The script: acts of people, power and the network on the machines during the fault period.

use super::{
    Failure, Plan, Totals,
    adversary::{self, Conduct},
    events::{Act, DAY, Event, HOUR, MINUTE, Moment},
    invariants::{Invariant, Watch},
    machine::{Keys, Machine, Session},
    view::Plain,
    world::World,
};
use crate::{
    bytes::{
        codec,
        ids::{BodyRoot, CircleId, EntryId, NodeKey},
        seal::{Entropy, Secret},
    },
    log::{
        body,
        entry::{self, FeedId, Header, Kind},
    },
    membership::{
        charter::roster::Link,
        circle::{
            Circle,
            grant::{self, Opening},
        },
    },
    replication::{
        planted::Planted,
        sync::{Content, Effect, Input, Write, renew, runs},
    },
    store::{Store, staged::Staged},
};

/// Longest time until the nodes agree after the fault period.
const HEALING: Moment = 15 * MINUTE;
/// Time of observation afterwards, without events.
const QUIET: Moment = 3 * HOUR;
/// Frames that an idle wire may carry in that time: comparisons at 1, 2, 4 … 60 minutes, on clocks that may run fast.
const IDLE_FRAMES: u64 = 40;

impl World {
    /// Plays the whole run: faults, healing, quiet.
    pub(super) fn play(mut self) -> Result<Totals, Failure> {
        let fault_period =
            if self.plan.days { self.dice.between(2, 35) * DAY } else { self.dice.between(20, 90) * MINUTE };
        self.prepare(fault_period);
        self.run_until(fault_period)?;
        self.heal()?;
        let healed = self.now;
        loop {
            self.run_until(self.now + MINUTE / 2)?;
            match self.difference()? {
                None if self.plan.people > 0 && self.people_are_busy() && self.now <= healed + HEALING => {}
                None => break,
                Some(detail) if self.now > healed + HEALING => return Err(self.failure(0, (Invariant::I2, detail))),
                Some(_) => {}
            }
        }
        self.shown()?;
        if self.plan.people > 0 {
            self.sharing_holds()?;
        }
        // All frames in flight have arrived by now; from here on only idle comparisons are left.
        self.run_until(self.now + 10 * MINUTE)?;
        self.stay_equal()?;
        let before = self.totals.frames;
        self.run_until(self.now + QUIET)?;
        let (frames, wires) = (self.totals.frames - before, self.network.wires.len() as u64);
        if frames > wires * IDLE_FRAMES {
            return Err(self.failure(0, (Invariant::Calm, format!("{frames} frames on {wires} idle wires"))));
        }
        self.stay_equal()?;
        self.shown()?;
        let (wants, probes, acts) = (self.ledger.wants, self.ledger.probes, self.truth.acts);
        Ok(Totals { wants, probes, acts, ..self.totals })
    }

    fn stay_equal(&mut self) -> Result<(), Failure> {
        match self.difference()? {
            Some(detail) => Err(self.failure(0, (Invariant::I2, format!("agreed and parted again: {detail}")))),
            None => Ok(()),
        }
    }

    fn prepare(&mut self, fault_period: Moment) {
        let Plan { writes, mischief, joins, .. } = self.plan;
        self.scatter(Act::Write, writes, fault_period);
        self.scatter(Act::Deed, self.plan.people, fault_period);
        // Circles of a sharing run are opened by shares.
        self.scatter(Act::Grant, if self.plan.people > 0 { 0 } else { 2 }, fault_period / 2);
        self.scatter(Act::Newer, 1, fault_period);
        self.scatter(Act::Knock, 1, fault_period);
        if self.plan.breaks {
            self.scatter(Act::Cut, 12, fault_period);
            self.scatter(Act::Crash, 4, fault_period);
            for _ in 0..self.dice.between(1, 2) {
                let split = self.dice.below(fault_period);
                let mend = split + self.dice.below(fault_period);
                self.script(split, Act::Split);
                self.script(mend, Act::Mend);
            }
        }
        if self.plan.restores {
            self.script(fault_period / 4, Act::Backup);
            self.scatter_late(Act::Restore, 1, fault_period);
        }
        if mischief {
            self.scatter(Act::Reface, 3, fault_period);
            self.scatter(Act::Mischief, 40, fault_period);
        }
        if joins {
            let at = self.dice.below(fault_period / 2);
            self.script(at, Act::Join);
            if mischief && self.dice.chance(30) {
                self.scatter_late(Act::ForkRoster, 1, fault_period);
            }
        }
    }

    fn scatter(&mut self, act: Act, times: u64, fault_period: Moment) {
        for _ in 0..times {
            let at = self.dice.below(fault_period);
            self.script(at, act);
        }
    }

    fn scatter_late(&mut self, act: Act, times: u64, fault_period: Moment) {
        for _ in 0..times {
            let at = fault_period / 2 + self.dice.below(fault_period / 2);
            self.script(at, act);
        }
    }

    pub(super) fn act(&mut self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Write => self.write_somewhere(),
            Act::Deed => self.deed(),
            Act::WriteCommons(at) => self.write(at, &[Circle::Commons.id(&self.registry)]),
            Act::Grant => self.grant(),
            Act::Cut => {
                let wires: Vec<_> = self.network.wires.keys().copied().collect();
                if let Some(wire) = self.dice.pick(&wires) {
                    self.network.cut(wire, self.now, &mut self.dice, &mut self.queue);
                }
                Ok(())
            }
            Act::Split => {
                self.split();
                Ok(())
            }
            Act::Mend => {
                self.mend();
                Ok(())
            }
            Act::Crash => match self.someone(|machine| machine.state.is_some()) {
                Some(at) => self.crash(at),
                None => Ok(()),
            },
            Act::Backup => {
                for machine in self.machines.iter_mut().filter(|machine| machine.founding.is_some()) {
                    machine.backup = Some(machine.disk.clone());
                }
                Ok(())
            }
            Act::Restore => match self.someone(|machine| machine.is_honest() && machine.backup.is_some()) {
                Some(at) => self.restore(at),
                None => Ok(()),
            },
            Act::Join => self.join(),
            Act::ForkRoster => self.fork_roster(),
            Act::Reface => self.reface(),
            Act::Mischief => self.mischief(),
            Act::Newer => self.newer(),
            Act::Knock => self.knock(),
        }
    }

    pub(super) fn someone(&mut self, fits: impl Fn(&Machine) -> bool) -> Option<usize> {
        let all: Vec<_> = (0..self.machines.len()).filter(|at| fits(&self.machines[*at])).collect();
        self.dice.pick(&all)
    }

    /// Ends all faults, and switches every machine on that can be.
    fn heal(&mut self) -> Result<(), Failure> {
        self.faults_active = false;
        self.mend();
        let relayed: Vec<_> =
            self.network.wires.iter().filter(|(_, wire)| wire.relayed).map(|(wire, _)| *wire).collect();
        for wire in relayed {
            self.network.cut(wire, self.now, &mut self.dice, &mut self.queue);
        }
        Ok(())
    }

    fn split(&mut self) {
        self.totals.partitions += 1;
        let parts = self.dice.between(2, 3);
        self.network.parts = (0..self.parties).map(|party| (party, self.dice.below(parts))).collect();
        let apart: Vec<_> = self
            .network
            .wires
            .iter()
            .filter(|(_, wire)| {
                self.network.are_apart(self.machines[wire.ends.0].party, self.machines[wire.ends.1].party)
            })
            .map(|(wire, _)| *wire)
            .collect();
        for wire in apart {
            self.network.cut(wire, self.now, &mut self.dice, &mut self.queue);
        }
    }

    fn mend(&mut self) {
        self.network.parts.clear();
        for a in 0..self.parties {
            (0..a).for_each(|b| self.redial(a, b, 0, 20_000));
        }
    }

    fn write_somewhere(&mut self) -> Result<(), Failure> {
        let writes = |machine: &Machine| machine.state.is_some() && machine.conduct != Conduct::Vandal;
        let Some(at) = self.someone(writes) else { return Ok(()) };
        let state = self.machines[at].state.as_ref().expect("it is on");
        let circles: Vec<_> =
            state.replica().circles().map(|(id, _)| *id).filter(|id| !state.epochs(id).is_empty()).collect();
        let mut circles: Vec<_> = (0..self.dice.between(1, 3)).filter_map(|_| self.dice.pick(&circles)).collect();
        circles.sort_unstable();
        self.write(at, &circles)
    }

    /// Writes a note in each of `circles`, at machine `at`.
    pub(super) fn write(&mut self, at: usize, circles: &[CircleId]) -> Result<(), Failure> {
        let mut entries = Vec::new();
        for circle in circles {
            let known: Vec<_> = self.machines[at].view.notes(circle).map(|(id, _)| *id).collect();
            let mut deps: Vec<EntryId> = (0..self.dice.below(4)).filter_map(|_| self.dice.pick(&known)).collect();
            deps.sort_unstable();
            deps.dedup();
            let plain = Plain(deps, self.machines[at].clock.claimed(self.now), self.dice.roll() >> 1);
            entries.push((*circle, Content::Assertions(codec::encode(&plain))));
        }
        self.tokens += 1;
        let write = Write { token: self.tokens, entries, seed: self.dice.bytes() };
        self.feed(at, Input::Write(write))
    }

    /// Creates a circle for some organisations and grants it to their devices.
    fn grant(&mut self) -> Result<(), Failure> {
        let Some(at) = self.someone(|machine| machine.state.is_some() && machine.is_honest()) else { return Ok(()) };
        let mut entropy = Entropy::new(self.dice.bytes());
        let all: Vec<_> = self.organisations.iter().map(|org| org.id).collect();
        let list: Vec<_> = all.into_iter().filter(|_| self.dice.chance(50)).collect();
        let opening = Opening::fresh(Circle::named(self.machines[at].org, &list, &mut entropy), &mut entropy);
        let members = &self.machines[at].state.as_ref().expect("it is on").replica().members;
        let devices: Vec<_> = members
            .organisations()
            .filter(|(org, _)| opening.circle.admits(org))
            .flat_map(|(org, _)| members.devices(org))
            .collect();
        let readers: Vec<_> = devices.iter().map(|device| &device.reading).collect();
        let author = self.machines[at].keys.reading.expand();
        let sealed = grant::seal(&self.registry, std::slice::from_ref(&opening), &readers, &author, &mut entropy);
        let named: Vec<NodeKey> = devices.iter().map(|device| device.node).collect();
        let parties = (0..self.parties).filter(|party| named.contains(&self.machines[*party].name())).collect();
        self.tokens += 1;
        let before = self.ledger.saved.len();
        let entries = vec![(Circle::Commons.id(&self.registry), Content::Grant(sealed))];
        let write = Write { token: self.tokens, entries, seed: self.dice.bytes() };
        self.feed(at, Input::Write(write))?;
        if let Some((_, _, id)) = self.ledger.saved.get(before) {
            self.ledger.granted.push((opening.circle.id(&self.registry), *id, parties));
        }
        Ok(())
    }

    /// Restores an older copy of a disk. The node knows that entries written since may exist elsewhere, so it begins
    /// new incarnations.
    fn restore(&mut self, at: usize) -> Result<(), Failure> {
        let mut old = self.machines[at].state.take();
        self.machines[at].state = None;
        self.totals.restores += 1;
        let sessions = std::mem::take(&mut self.machines[at].sessions);
        for session in sessions.into_values() {
            self.network.cut(session.wire, self.now, &mut self.dice, &mut self.queue);
        }
        let machine = &mut self.machines[at];
        machine.disk = machine.backup.clone().expect("chosen because it has one");
        machine.watch = Watch::default();
        machine.wake = None;
        machine.restores += 1;
        machine.disk.commit(&renew(&machine.keys.feed_keys())).map_err(|error| self.store_failed(at, &error))?;
        // Entries that only this disk held are lost, as the person who restored it knows.
        let machine = &mut self.machines[at];
        self.ledger.forget(at, machine);
        let started = machine.start(&mut self.dice, (self.plan.planted, self.plan.bounds));
        if let (Some(old), Some(state)) = (&mut old, &mut machine.state)
            && self.plan.planted == Some(Planted::AnchorKeptAfterRestore)
        {
            state.keep_anchors_of(old);
        }
        started.map_err(|error| self.store_failed(at, &error))?;
        // The root's medium keeps the links it signed, and a restored node gets them again.
        let org = self.organisations.iter().find(|org| org.id == self.machines[at].org).expect("its organisation");
        let links: Vec<_> = org.roster.since(0).cloned().collect();
        links.into_iter().try_for_each(|link| self.feed(at, Input::Link(Box::new(link))))?;
        self.remember(at)?;
        (0..self.parties).for_each(|party| self.redial(at, party, 0, 1_000));
        Ok(())
    }

    /// Certifies a device, which starts with the data that its organisation's node provides.
    fn join(&mut self) -> Result<(), Failure> {
        let joiner = self.parties - 1;
        let org = self.machines[joiner].org;
        let sponsor = self.someone(|machine| machine.org == org && machine.is_honest() && machine.state.is_some());
        let Some(sponsor) = sponsor else {
            self.script(self.now + MINUTE, Act::Join);
            return Ok(());
        };
        let nth = self.organisations.iter().position(|known| known.id == org).expect("its organisation");
        let known = &mut self.organisations[nth];
        let link = Link::certify(&known.root, Some(&known.roster), &self.machines[joiner].keys.serving(&known.id));
        self.before_join = Some((nth, known.roster.clone()));
        known.roster.take(link.clone()).expect("it follows");
        self.feed(sponsor, Input::Link(Box::new(link)))?;
        let Some(state) = self.machines[sponsor].state.as_ref() else {
            // Power failed at this moment: the link is signed again later.
            let (nth, roster) = self.before_join.take().expect("set above");
            self.organisations[nth].roster = roster;
            self.script(self.now + 3 * MINUTE, Act::Join);
            return Ok(());
        };
        let founding = state.replica().members.clone();
        let openings = state.replica().circles().map(|(id, held)| Opening {
            circle: held.circle.clone(),
            secret: held.secret.clone(),
            epochs: state.epochs(id).to_vec(),
        });
        let openings = openings.collect();
        let machine = &mut self.machines[joiner];
        (machine.founding, machine.openings) = (Some(founding), openings);
        self.queue.push(self.now + 100, Event::Start { at: joiner });
        Ok(())
    }

    /// Signs a second link with the parent of the joiner's, by the same root.
    fn fork_roster(&mut self) -> Result<(), Failure> {
        let Some((nth, roster)) = self.before_join.clone() else { return Ok(()) };
        let joiner = self.parties - 1;
        let target = self.someone(|machine| machine.is_honest() && machine.party != joiner && machine.state.is_some());
        let Some(target) = target else { return Ok(()) };
        let other = Keys::new(&mut self.dice);
        let link =
            Link::certify(&self.organisations[nth].root, Some(&roster), &other.serving(&self.organisations[nth].id));
        self.machines[joiner].uncertified = true;
        self.totals.roster_forks += 1;
        self.feed(target, Input::Link(Box::new(link)))
    }

    /// Adds a face of the forker, from its disk as it is or was, and redirects some wires to it.
    fn reface(&mut self) -> Result<(), Failure> {
        let Some(at) = self.someone(|machine| machine.conduct == Conduct::Forker && machine.state.is_some()) else {
            return Ok(());
        };
        let original = &self.machines[at];
        let old = original.backup.clone().filter(|_| self.dice.chance(30));
        let face = Machine {
            party: original.party,
            org: original.org,
            keys: original.keys.clone(),
            network_key: original.network_key.clone(),
            founding: original.founding.clone(),
            openings: original.openings.clone(),
            conduct: Conduct::Forker,
            clock: original.clock,
            disk: old.unwrap_or_else(|| original.disk.clone()),
            backup: Some(original.disk.clone()),
            state: None,
            sessions: std::collections::BTreeMap::new(),
            wake: None,
            view: super::view::View::default(),
            memories: super::people::Memories::new(self.dice.bytes()),
            watch: Watch::default(),
            uncertified: false,
            restores: 0,
        };
        let sessions: Vec<Session> = original.sessions.values().copied().collect();
        self.machines.push(face);
        let face = self.machines.len() - 1;
        self.queue.push(self.now, Event::Start { at: face });
        // Each face continues its own history.
        for wait in [3, 30, 90] {
            let writer = self.dice.pick(&[at, face]).expect("two of them");
            self.queue.push(self.now + wait * 1_000, Event::Act(Act::WriteCommons(writer)));
        }
        for session in sessions {
            if self.dice.chance(60) {
                self.network.cut(session.wire, self.now, &mut self.dice, &mut self.queue);
            }
        }
        Ok(())
    }

    fn mischief(&mut self) -> Result<(), Failure> {
        let Some(at) = self.someone(|machine| machine.conduct == Conduct::Vandal && machine.state.is_some()) else {
            return Ok(());
        };
        let sessions: Vec<Session> = self.machines[at].sessions.values().copied().collect();
        let Some(session) = self.dice.pick(&sessions) else { return Ok(()) };
        let (machine, victim) = (&self.machines[at], &self.machines[session.machine]);
        let state = machine.state.as_ref().expect("it is on");
        let (lane, frame) = adversary::trick(machine, state, victim, &self.network.heard, &mut self.dice);
        self.totals.tricks += 1;
        let route = (session.wire, at, session.machine, lane);
        self.network.send(route, frame, self.now, &mut self.dice, &mut self.queue);
        Ok(())
    }

    /// Writes an entry of an unknown kind at an honest organisation, as a newer version would.
    fn newer(&mut self) -> Result<(), Failure> {
        let Some(at) = self.someone(|machine| machine.state.is_some() && machine.is_honest()) else { return Ok(()) };
        let machine = &mut self.machines[at];
        let commons = Circle::Commons.id(&self.registry);
        let key = machine.keys.device.desk;
        let Some(run) = runs(&machine.disk, &[key]).ok().and_then(|runs| runs.get(&key).copied()) else {
            return Ok(());
        };
        let state = machine.state.as_mut().expect("it is on");
        let feed = FeedId { circle: commons, key, run };
        let (Some(epoch), Some(role)) = (state.epochs(&commons).last().cloned(), state.replica().members.role(&key))
        else {
            return Ok(());
        };
        let line = state.replica().head(&feed);
        let (seq, prev) = line.map_or((1, role.certificate), |line| (line.counted() + 1, line.tip()));
        let charter = state.replica().members.charter();
        let header = Header { feed, seq, prev, charter, kind: Kind(77), body_root: BodyRoot([0; 32]), body_len: 1 };
        let mut entropy = Entropy::new(self.dice.bytes());
        let (header, body) = body::seal_for(&self.registry, header, epoch.0, &epoch.1, b"tomorrow", &mut entropy);
        let entry = entry::sign(&self.registry, machine.keys.pen(&Circle::Commons), header);
        let mut staged = Staged::new(&machine.disk);
        let planted = state.replica_mut().planted.take();
        let taken = state.replica_mut().accept(&mut staged, entry, Some(body));
        state.replica_mut().planted = planted;
        let batch = staged.into_batch();
        taken.and_then(|_| machine.disk.commit(&batch)).map_err(|error| self.store_failed(at, &error))?;
        let inspected = self.ledger.inspect(&mut self.machines[at]);
        inspected.map_err(|broken| self.failure(at, broken))
    }

    /// Lets strangers try to connect: one without the network key, one without a certificate. Neither gets an answer
    /// (I7).
    fn knock(&mut self) -> Result<(), Failure> {
        let Some(at) = self.someone(|machine| machine.state.is_some() && machine.is_honest()) else { return Ok(()) };
        let stranger = Keys::new(&mut self.dice).device.node;
        let machine = &mut self.machines[at];
        let tick = machine.clock.tick(self.now);
        let state = machine.state.as_mut().expect("it is on");
        let step = state.handle(&machine.disk, Input::Up(stranger), tick);
        let step = step.map_err(|error| self.store_failed(at, &error))?;
        let refused = matches!(&step.effects[..], [Effect::Disconnect { peer, .. }] if *peer == stranger);
        if !refused || !step.persist.is_empty() {
            return Err(self.failure(at, (Invariant::I7, "a stranger got a word".to_owned())));
        }
        let held = std::mem::replace(&mut self.machines[at].network_key, Secret::new(self.dice.bytes()));
        let others: Vec<_> = (0..self.machines.len()).filter(|other| *other != at).collect();
        let connects = others.iter().any(|other| self.may_connect(at, *other));
        self.machines[at].network_key = held;
        self.totals.strangers += 2;
        if connects {
            Err(self.failure(at, (Invariant::I7, "a wrong network key connects".to_owned())))
        } else {
            Ok(())
        }
    }
}
