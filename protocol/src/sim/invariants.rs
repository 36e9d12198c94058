//! Invariants, checked at every step where that is cheap, and in full after the fault period.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    adversary::Conduct,
    machine::Machine,
    view::{self, Note, View},
};
use crate::{
    bytes::ids::{CircleId, EntryId, OrgId},
    log::{
        entry::{FeedId, Signed},
        feed::FeedHead,
    },
    replication::sync::{FeedName, State, frame::Frame},
    store::{Row, Store, StoreError, Table, staged::Staged},
};

/// The invariants, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Equal roots mean equal sets of accepted entries, and a head means the chain that it names.
    I1,
    /// After the fault period roots are equal, and every body that an honest node has is at every node that wants it.
    I2,
    /// An honest node never strikes an honest node.
    I3,
    /// An honest node never forks, and no entry that it reported as saved is lost.
    I4,
    /// The view equals that of the naive model.
    I5,
    /// No signed bytes leave before they are stored.
    I6,
    /// Only members with the network key connect, and no entry leaves its circle.
    I7,
    /// Nothing is shared above its level, without consent or after a cancel; a withdrawal reaches every holder; readers of
    /// one copy read the same.
    I8,
    /// The core neither panics nor sends without end.
    Calm,
}

/// A violated invariant, with details.
pub(super) type Broken = (Invariant, String);

/// Snapshot of a machine's replica, for checking that it changes by the rules only.
#[derive(Debug, Default)]
pub(super) struct Watch(BTreeMap<CircleId, Watched>);

#[derive(Debug, Default)]
struct Watched {
    root: [u8; 32],
    feeds: BTreeMap<FeedName, (FeedHead, Vec<EntryId>)>,
}

/// Facts about the whole federation that the invariants need.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The set of entries under each root when it first appeared, at any machine.
    roots: BTreeMap<(CircleId, [u8; 32]), u128>,
    /// Every entry that an honest node sent, by feed and number.
    signed: BTreeMap<(FeedId, u64), EntryId>,
    /// Entries that honest machines reported as saved: machine, circle, entry.
    pub(super) saved: Vec<(usize, CircleId, EntryId)>,
    /// Named circles that honest machines created, the entries that grant them, and the parties they were granted to.
    pub(super) granted: Vec<(CircleId, EntryId, Vec<usize>)>,
    /// WANT frames of honest machines.
    pub(super) wants: u64,
    /// PROBE frames of honest machines.
    pub(super) probes: u64,
}

impl Ledger {
    /// Forgets entries that only the replaced disk of a machine held, after an older one was restored.
    pub(super) fn forget(&mut self, at: usize, machine: &Machine) {
        let kept = |id: &EntryId| matches!(machine.disk.get(&Row::new(Table::Place, id, 0)), Ok(Some(_)));
        self.saved.retain(|(by, _, id)| *by != at || kept(id));
        self.signed.retain(|(feed, _), _| !machine.keys.feed_keys().contains(&feed.key));
    }

    /// Checks a frame that an honest machine is about to send to a node of `org`.
    pub(super) fn leaving(&mut self, machine: &Machine, org: &OrgId, frame: &[u8]) -> Result<(), Broken> {
        let frame = Frame::decode(frame).map_err(|error| (Invariant::Calm, format!("sends no frame: {error}")))?;
        self.wants += u64::from(matches!(frame, Frame::Want(_)));
        self.probes += u64::from(matches!(frame, Frame::Probe { .. }));
        match frame {
            Frame::Frontier { circle, .. } | Frame::Done(circle) | Frame::Full(circle) => {
                contained(machine, org, &circle)
            }
            Frame::Probe { feed, .. } => contained(machine, org, &feed.circle),
            Frame::Entries(items) => items.iter().try_for_each(|(entry, _)| self.entry_leaving(machine, org, entry)),
            _ => Ok(()),
        }
    }

    fn entry_leaving(&mut self, machine: &Machine, org: &OrgId, envelope: &[u8]) -> Result<(), Broken> {
        let signed = Signed::parse(envelope).map_err(|error| (Invariant::Calm, format!("sends no entry: {error}")))?;
        let (feed, seq) = (signed.claimed().feed, signed.claimed().seq);
        contained(machine, org, &feed.circle)?;
        if !machine.keys.feed_keys().contains(&feed.key) {
            return Ok(());
        }
        let stored = stored(machine.disk.get(&Row::new(Table::Header, feed.bytes(), seq)))?;
        if stored.as_deref() != Some(envelope) {
            return Err((Invariant::I6, format!("entry {seq} of {:?} leaves and is not on the disk", feed.key)));
        }
        let registry = machine.state.as_ref().expect("it sends").replica().members.registry();
        let id = signed.claimed_id(&registry);
        let first = *self.signed.entry((feed, seq)).or_insert(id);
        if first == id { Ok(()) } else { Err((Invariant::I4, format!("two entries {seq} of {:?} left", feed.key))) }
    }

    /// Checks the changes in a machine's replica after a step.
    pub(super) fn inspect(&mut self, machine: &mut Machine) -> Result<(), Broken> {
        let Some(state) = &machine.state else { return Ok(()) };
        for (id, held) in state.replica().circles() {
            let watched = machine.watch.0.entry(*id).or_default();
            if watched.root == held.root() {
                continue;
            }
            let heads: BTreeMap<_, _> = held.lines().map(|(name, head)| (*name, *head)).collect();
            for (name, head) in &heads {
                let feed = FeedId { circle: *id, key: name.0, run: name.1 };
                let before = watched.feeds.remove(name);
                let ids = match before {
                    Some((held, ids)) if held == *head => ids,
                    before => chain(state, &machine.disk, &feed, head, before)?,
                };
                watched.feeds.insert(*name, (*head, ids));
            }
            let gone = |name: &FeedName| !heads.contains_key(name);
            let counts = |name: &FeedName| {
                let certified = state.replica().members.role(&name.0).is_some();
                certified && !state.replica().is_overrun(id, &name.0, Some(name.1))
            };
            if let Some(name) = watched.feeds.keys().find(|name| gone(name) && counts(name)) {
                return Err((Invariant::I1, format!("the head of {:?} is gone, and its key still counts", name.0)));
            }
            watched.feeds.retain(|name, _| !gone(name));
            watched.root = held.root();
            let accepted = sum(watched.feeds.values().flat_map(|(_, ids)| ids));
            if *self.roots.entry((*id, watched.root)).or_insert(accepted) != accepted {
                return Err((Invariant::I1, format!("one root of {id:?} stands for two sets of entries")));
            }
        }
        Ok(())
    }
}

/// Sum over ids: equal for equal sets; the simulator's authors do not search for collisions.
fn sum<'a>(ids: impl Iterator<Item = &'a EntryId>) -> u128 {
    ids.fold(0, |sum, id| sum.wrapping_add(u128::from_be_bytes(*id.0.first_chunk().expect("an id has 32 bytes"))))
}

fn stored<T>(answer: Result<T, StoreError>) -> Result<T, Broken> {
    answer.map_err(|error| (Invariant::I1, format!("the store: {error}")))
}

fn contained(machine: &Machine, org: &OrgId, circle: &CircleId) -> Result<(), Broken> {
    let held = machine.state.as_ref().and_then(|state| state.replica().circle(circle));
    match held {
        Some(held) if held.circle.admits(org) => Ok(()),
        _ => Err((Invariant::I7, format!("speaks of {circle:?} to {org:?}, which is not in it"))),
    }
}

/// The ids of a feed up to its head, read from the disk and checked entry by entry.
fn chain(
    state: &State,
    disk: &impl Store,
    feed: &FeedId,
    head: &FeedHead,
    before: Option<(FeedHead, Vec<EntryId>)>,
) -> Result<Vec<EntryId>, Broken> {
    let broken = |what: &str| Err((Invariant::I1, format!("{what} in feed {:?} {:?}: {head:?}", feed.key, feed.run)));
    let replica = state.replica();
    let staged = Staged::new(disk);
    let Some(role) = replica.members.role(&feed.key) else { return broken("a key without a certificate") };
    let mut ids = match before {
        None => vec![],
        Some((FeedHead::Open { .. }, mut ids)) => {
            if matches!(head, FeedHead::Open { seq, .. } if usize::try_from(*seq).is_ok_and(|seq| seq < ids.len())) {
                return broken("an open head got shorter");
            }
            ids.truncate(usize::try_from(head.counted()).expect("a simulated feed is short"));
            ids
        }
        Some((FeedHead::Forked { at, .. }, mut ids)) => {
            if !matches!(head, FeedHead::Forked { at: now, .. } if *now <= at) {
                return broken("a fork was forgotten");
            }
            ids.truncate(usize::try_from(head.counted()).expect("a simulated feed is short"));
            ids
        }
    };
    for seq in ids.len() as u64 + 1..=head.counted() {
        let Some(entry) = stored(replica.entry(&staged, feed, seq))? else {
            return broken("a counted entry is missing");
        };
        let parent = ids.last().copied().unwrap_or(role.certificate);
        if (entry.header().feed, entry.header().seq, entry.header().prev) != (*feed, seq, parent) {
            return broken("a counted entry does not follow the one before it");
        }
        ids.push(entry.id());
    }
    if head.tip() != ids.last().copied().unwrap_or(role.certificate) {
        return broken("the tip is not the last entry");
    }
    if let FeedHead::Forked { at, trunk, .. } = head {
        let pair = stored(replica.proof(&staged, feed))?;
        let proves = |entry: &crate::log::entry::Verified| entry.header().seq == *at && entry.header().prev == *trunk;
        if pair.len() != 2 || pair[0].id() == pair[1].id() || !pair.iter().all(proves) {
            return broken("a fork without its proof");
        }
        if stored(replica.entry(&staged, feed, *at))?.is_some() {
            return broken("a contested entry still counts");
        }
    }
    Ok(ids)
}

/// A difference between honest machines that are switched on; `None` if there is none.
pub(super) fn difference(machines: &[Machine], ledger: &Ledger) -> Result<Option<String>, Broken> {
    let off = |machine: &Machine| machine.is_honest() && machine.founding.is_some() && machine.state.is_none();
    if let Some(at) = machines.iter().position(off) {
        return Ok(Some(format!("node {at} is switched off")));
    }
    let on: Vec<_> = machines
        .iter()
        .enumerate()
        .filter_map(|(at, machine)| {
            machine.state.as_ref().filter(|_| machine.is_honest()).map(|state| (at, machine, state))
        })
        .collect();
    let mut roots = BTreeMap::new();
    let mut bodies: BTreeMap<EntryId, usize> = BTreeMap::new();
    for (at, machine, state) in &on {
        let control = state.replica().members.control_root();
        let circles = state.replica().circles().map(|(id, held)| (Some(*id), held.root()));
        for (circle, root) in circles.chain([(None, control)]) {
            let (first, agreed) = *roots.entry(circle).or_insert((*at, root));
            if agreed != root {
                return Ok(Some(format!("{circle:?} differs between nodes {first} and {at}")));
            }
        }
        let staged = Staged::new(&machine.disk);
        for (by, circle, id) in &ledger.saved {
            let holds = state.replica().circle(circle).is_some();
            let counts = stored(state.replica().place(&staged, id))?.is_some();
            if holds && !counts && !machines[*by].uncertified {
                return Ok(Some(format!("node {at} lacks {id:?}, which was saved")));
            }
            if stored(state.replica().body(&staged, id))?.is_some() {
                bodies.insert(*id, *at);
            }
        }
        for (circle, id, parties) in &ledger.granted {
            let stands = ledger.saved.iter().any(|(by, _, saved)| saved == id && !machines[*by].uncertified);
            if stands && parties.contains(&machine.party) && state.replica().circle(circle).is_none() {
                return Ok(Some(format!("node {at} does not hold {circle:?}, which was opened for it")));
            }
        }
    }
    for (at, _, state) in &on {
        if let Some((id, _)) = state.replica().wanted().find(|(id, _)| bodies.contains_key(id)) {
            return Ok(Some(format!("node {at} lacks the body of {id:?}, which node {} has", bodies[id])));
        }
    }
    Ok(None)
}

/// Checks that the views of honest machines equal the naive model's, and each other's where their roots are equal.
pub(super) fn shown(machines: &[Machine], by_time: bool) -> Result<(), Broken> {
    let mut digests = BTreeMap::new();
    for (at, machine) in machines.iter().enumerate().filter(|(_, machine)| machine.conduct == Conduct::Honest) {
        let Some(state) = &machine.state else { continue };
        let rebuilt = stored(View::rebuild(state, &machine.disk))?;
        if let Some(id) = machine.view.differs(&rebuilt) {
            return Err((Invariant::I5, format!("node {at} shows {id:?} or not, depending on when it was started")));
        }
        for (circle, held) in state.replica().circles() {
            let order = machine.view.order(circle, by_time);
            let naive = naive(state, machine, circle)?;
            if order != naive {
                return Err((Invariant::I5, format!("node {at} shows {circle:?} in another order than the model")));
            }
            let complete = !state.replica().wanted().any(|(_, wanted)| wanted == circle);
            let digest = view::digest(&order);
            let reads = !state.epochs(circle).is_empty();
            if complete && reads && *digests.entry((*circle, held.root())).or_insert(digest) != digest {
                return Err((Invariant::I5, format!("node {at} shows {circle:?} differently under one root")));
            }
        }
    }
    Ok(())
}

/// The naive model: repeatedly takes the smallest id whose whole past was taken.
fn naive(state: &State, machine: &Machine, circle: &CircleId) -> Result<Vec<EntryId>, Broken> {
    let mut notes: BTreeMap<EntryId, Note> = BTreeMap::new();
    let staged = Staged::new(&machine.disk);
    for ((key, run), head) in state.replica().circle(circle).expect("it holds it").lines() {
        let feed = FeedId { circle: *circle, key: *key, run: *run };
        for seq in 1..=head.counted() {
            let Some(entry) = stored(state.replica().entry(&staged, &feed, seq))? else { continue };
            if let Some(note) = stored(view::note(state, &machine.disk, &entry.id()))? {
                notes.insert(entry.id(), note);
            }
        }
    }
    let (mut order, mut out) = (Vec::new(), BTreeSet::new());
    loop {
        let next = notes.iter().find(|(id, note)| {
            let same_feed = |other: &Note| other.feed == note.feed && other.seq < note.seq;
            let past = |other: &EntryId, what: &Note| same_feed(what) || note.plain.0.contains(other);
            !out.contains(*id) && notes.iter().all(|(other, what)| !past(other, what) || out.contains(other))
        });
        let Some((id, _)) = next else { return Ok(order) };
        out.insert(*id);
        order.push(*id);
    }
}
