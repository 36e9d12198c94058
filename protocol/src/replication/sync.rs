//! The core: one state, inputs in, one step out. No clock, no socket, no disk of its own.
//!
//! A [`Step`] is a batch and effects. The contract with whoever drives it: *make the batch durable, then carry out the
//! effects in order*. So nothing signed leaves before it is on the disk, a person is told "saved" after the same sync,
//! and a crash between the two loses nothing anybody was told.
//!
//! How peers agree (SPEC §Sync): OPEN once a connection; HELLO compares roots, two messages if nothing changed; for an
//! unequal circle both send FRONTIER, then ENTRIES of what the other lacks, then DONE; a HELLO confirms. Chains that do
//! not fit are bisected by PROBE down to two headers that prove the fork.

mod authored;
mod budget;
mod exchange;
pub mod frame;
mod frontier;
mod grants;
mod hello;
mod serve;
mod session;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    bytes::{
        ids::{CircleId, DatabaseEpoch, EntryId, FeedKey, Incarnation, NodeKey, OrgId},
        seal::{Entropy, Reader},
    },
    log::{entry::FeedId, feed::FrontierEntry},
    membership::{
        charter::{
            Members, link_row,
            roster::{Link, Taken},
        },
        circle::{Circle, Epoch, grant::Opening},
    },
    replication::replica::{Held, Outcome, Replica},
    store::{Batch, Store, StoreError, staged::Staged},
};
use frame::{Arrival, Fault, Frame, Received};
use session::Session;
pub use write::{Content, Pens, Refusal, Write, epoch_row, epochs, renew, runs};

/// Milliseconds on a clock that never goes back; its zero means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// This much later.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        Self(self.0 + ms)
    }
}

/// A feed within its circle: key and incarnation.
pub type FeedName = (FeedKey, Incarnation);

/// Which of a connection's three substreams a frame travels on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Comparisons, rosters: small, first.
    Control,
    /// Reconciliation, in order, paced by [`Input::Written`].
    Bulk,
    /// Entries as they are written.
    Live,
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A connection to an allowed peer stands.
    Up(NodeKey),
    /// It is gone.
    Down(NodeKey),
    /// A frame came, read and verified by [`frame::receive`].
    Received(NodeKey, Received),
    /// Bytes came that are no frame.
    Garbage(NodeKey),
    /// A bulk frame to this peer has left: there is room for the next.
    Written(NodeKey),
    /// Time has passed; due whenever [`State::due`] says.
    Tick,
    /// Someone at this organisation writes.
    Write(Write),
    /// A roster link was signed here.
    Link(Box<Link>),
    /// A circle was opened here, or its secrets were learned.
    Hold(Opening),
}

/// What follows: first the batch, durably, then the effects in order.
#[derive(Debug, Default)]
pub struct Step {
    /// To be made durable before any effect.
    pub persist: Batch,
    /// To be carried out in order.
    pub effects: Vec<Effect>,
}

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hand a frame to the transport.
    Send {
        /// To whom.
        to: NodeKey,
        /// On which lane.
        lane: Lane,
        /// The bytes.
        frame: Vec<u8>,
    },
    /// End a connection.
    Disconnect {
        /// Whose.
        peer: NodeKey,
        /// Why.
        fault: Fault,
    },
    /// Tell the layers above.
    Notice(Notice),
}

/// Something the layers above may want to know.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// A write is durable.
    Saved {
        /// The writer's own number for it.
        token: u64,
        /// The entries, in order.
        entries: Vec<EntryId>,
    },
    /// A write did not happen; nothing of it did.
    Refused {
        /// The writer's own number for it.
        token: u64,
        /// Why.
        refusal: Refusal,
    },
    /// Entries became readable: they count and their bodies are here.
    Arrived(Vec<EntryId>),
    /// A feed forked: what it said from this number on no longer counts.
    Forked {
        /// The feed.
        feed: FeedId,
        /// The first number that does not count.
        at: u64,
        /// The organisation whose key it is.
        org: Option<OrgId>,
    },
    /// A key has more incarnations in a circle than count. Told when an incarnation is displaced by a smaller one: what it
    /// said no longer counts; and once when a larger one was offered.
    Overrun {
        /// The feed that does not count.
        feed: FeedId,
        /// The organisation whose key it is.
        org: Option<OrgId>,
    },
    /// Members or devices changed.
    Members,
    /// This node holds a circle it did not hold before.
    Circle(CircleId),
    /// Keys of a circle's epochs arrived: what was written under them and came earlier can be read now.
    Keys(CircleId),
    /// An organisation writes more than is taken at a time: the rest is asked for later.
    Delayed(OrgId),
    /// An organisation opened more circles than one may open for us: the last one is not held.
    Crowded(OrgId),
    /// Everything this pair shares is equal.
    Equal(NodeKey),
    /// Something is missing or differs after everything was exchanged.
    Unequal {
        /// With whom.
        peer: NodeKey,
        /// In which circle.
        circle: CircleId,
        /// The peer's lines that differ from ours.
        lines: Vec<FrontierEntry>,
    },
    /// A peer did something wrong.
    Struck {
        /// Who.
        peer: NodeKey,
        /// What.
        fault: Fault,
    },
    /// A key of this node wrote something that this node does not know: after the backup it was restored from, or in a
    /// copy of it. It goes on under a new incarnation, and a person should look.
    Elsewhere(FeedId),
}

/// Everything the core knows.
#[derive(Debug)]
pub struct State {
    me: NodeKey,
    org: OrgId,
    epoch: DatabaseEpoch,
    replica: Replica,
    sessions: BTreeMap<NodeKey, Session>,
    anchors: BTreeMap<(NodeKey, CircleId), session::Anchor>,
    pens: Option<Pens>,
    /// The reading key of the pens, ready to open grants.
    reader: Option<Reader>,
    pace: grants::Pace,
    epochs: BTreeMap<CircleId, Vec<Epoch>>,
    runs: BTreeMap<FeedKey, Incarnation>,
    /// The keys this node writes with, once it was unlocked.
    own: BTreeSet<FeedKey>,
    /// Feeds of them of which it was said that they were written elsewhere.
    told: BTreeSet<FeedId>,
    /// Whether a peer has told us where our own feeds stand, or none can.
    settled: bool,
    waiting: Vec<Write>,
    settle_by: Option<Tick>,
    /// Entries and bodies that became new here since the start.
    taken: u64,
    /// What may be taken of each organisation.
    authored: authored::Authored,
    /// What peers sent again.
    repeats: BTreeMap<NodeKey, budget::Repeats>,
    /// When rows of displaced feeds are deleted next, if there are any.
    shed_at: Tick,
    /// Keys of which it was said that they have more incarnations than count.
    overrun: BTreeSet<(CircleId, FeedKey)>,
    entropy: Entropy,
    /// Ids whose signature failed once: only the planted mistake writes here.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) remembered: BTreeSet<EntryId>,
}

/// Who this node is and how it starts.
#[derive(Debug)]
pub struct Start {
    /// The node's key.
    pub me: NodeKey,
    /// Its organisation.
    pub org: OrgId,
    /// Fresh for each start of the process.
    pub epoch: DatabaseEpoch,
    /// Charter and rosters.
    pub members: Members,
    /// Own feeds go on under these runs; a key not named starts a new one.
    pub runs: BTreeMap<FeedKey, Incarnation>,
    /// Randomness for this run of the process.
    pub seed: [u8; 32],
}

impl State {
    /// The core on top of what a store holds.
    pub fn load(start: Start, store: &impl Store) -> Result<Self, StoreError> {
        Ok(Self {
            me: start.me,
            org: start.org,
            epoch: start.epoch,
            replica: Replica::load(start.members, store)?,
            sessions: BTreeMap::new(),
            anchors: BTreeMap::new(),
            pens: None,
            reader: None,
            pace: grants::Pace::default(),
            epochs: BTreeMap::new(),
            runs: start.runs,
            own: BTreeSet::new(),
            told: BTreeSet::new(),
            settled: false,
            waiting: Vec::new(),
            settle_by: None,
            taken: 0,
            authored: authored::Authored::default(),
            repeats: BTreeMap::new(),
            shed_at: Tick::default(),
            overrun: BTreeSet::new(),
            entropy: Entropy::new(start.seed),
            #[cfg(any(test, feature = "sim"))]
            remembered: BTreeSet::new(),
        })
    }

    /// What this node counts.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// For the simulator: the replica with a mistake in it.
    #[cfg(any(test, feature = "sim"))]
    pub fn replica_mut(&mut self) -> &mut Replica {
        &mut self.replica
    }

    /// For the simulator: what pairs agreed on outlives a restore, which is the mistake.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn keep_anchors_of(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.anchors, &mut old.anchors);
    }

    /// This node's organisation.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.org
    }

    /// Peers connected, and whether all that is shared with them is known to be equal.
    pub fn peers(&self) -> impl Iterator<Item = (&NodeKey, bool)> {
        self.sessions.iter().map(|(peer, session)| (peer, session.is_equal()))
    }

    /// How many things a peer makes this node keep in memory: what waits to go out, what is asked for, what differs.
    #[must_use]
    pub fn kept_for(&self, peer: &NodeKey) -> usize {
        let Some(session) = self.sessions.get(peer) else { return 0 };
        let exchanges = session.exchanges.values().map(|exchange| exchange.apart.len());
        let settled = session.settled.values().map(|outcome| outcome.apart.len());
        let bodies = |piece: &session::Piece| match piece {
            session::Piece::Bodies(ids) => ids.len(),
            session::Piece::Want(ids) => ids.len(),
            _ => 1,
        };
        let outbox: usize = session.outbox.iter().map(bodies).sum();
        let sets = session.asked.len() + session.owed.len() + session.probing.len();
        exchanges.chain(settled).sum::<usize>() + outbox + sets
    }

    /// Hands over the keys to sign and read with.
    pub fn unlock(&mut self, pens: Pens, epochs: BTreeMap<CircleId, Vec<Epoch>>) {
        self.own = [&pens.author, &pens.desk].map(|pen| FeedKey(pen.public())).into();
        self.reader = Some(pens.reading.expand());
        self.pens = Some(pens);
        self.epochs = epochs;
    }

    /// Forgets the keys to sign and read with, and what waited to be written; replication goes on. No notice tells of
    /// those writes any more.
    pub fn lock(&mut self) {
        self.pens = None;
        self.reader = None;
        self.epochs.clear();
        self.waiting = Vec::new();
    }

    /// The keys of a circle's epochs, while unlocked.
    #[must_use]
    pub fn epochs(&self, circle: &CircleId) -> &[Epoch] {
        self.epochs.get(circle).map_or(&[], Vec::as_slice)
    }

    /// The circle of this shape, if it is held.
    #[must_use]
    pub fn circle_of(&self, circle: &Circle) -> CircleId {
        circle.id(&self.replica.members.registry())
    }

    /// The chain this device writes in a circle with; a run of zeros before its first entry.
    #[must_use]
    pub fn chain(&self, circle: &Circle) -> Option<FeedName> {
        let key = FeedKey(self.pens.as_ref()?.of(circle).public());
        Some((key, self.runs.get(&key).copied().unwrap_or(Incarnation([0; 8]))))
    }

    /// When [`Input::Tick`] is next due.
    #[must_use]
    pub fn due(&self) -> Option<Tick> {
        let hellos = self.sessions.values().filter_map(|session| session.hello_due);
        let shed = self.replica.sheds().then_some(self.shed_at);
        hellos.chain(self.settle_by).chain(self.pace.due()).chain(shed).min()
    }

    /// The one verb.
    pub fn handle<S: Store>(&mut self, store: &S, input: Input, now: Tick) -> Result<Step, StoreError> {
        let mut turn = Turn { staged: Staged::new(store), effects: Vec::new(), now };
        match input {
            Input::Up(peer) => self.up(&mut turn, peer),
            Input::Down(peer) => {
                self.sessions.remove(&peer);
            }
            Input::Garbage(peer) => self.strike(&mut turn, peer, Fault::Garbage),
            Input::Received(peer, received) => self.received(&mut turn, peer, received)?,
            Input::Written(peer) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.in_flight = session.in_flight.saturating_sub(1);
                }
                self.pump(&mut turn, peer)?;
            }
            Input::Tick => {
                self.tick(&mut turn)?;
                if self.pace.due().is_some_and(|due| due <= now) {
                    self.try_waiting(&mut turn, store)?;
                }
            }
            Input::Write(write) => self.write(&mut turn, write)?,
            Input::Link(link) => self.link(&mut turn, *link)?,
            Input::Hold(opening) => self.hold(&mut turn, &opening),
        }
        Ok(Step { persist: turn.staged.into_batch(), effects: turn.effects })
    }

    fn received<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        peer: NodeKey,
        received: Received,
    ) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get(&peer) else { return Ok(()) };
        let greeted = session.theirs.is_some();
        match received {
            Received::Plain(Frame::Open { format, nonce, registry, epoch }) => {
                self.opened(turn, peer, format, nonce, registry, epoch);
            }
            // A live entry may overtake our peer's OPEN, which travels on another lane; the comparison brings it again.
            Received::Entries { .. } if !greeted => {}
            _ if !greeted => self.strike(turn, peer, Fault::OutOfPlace),
            Received::Plain(Frame::Hello { is_reply, control, circles, wanted }) => {
                self.compared(turn, peer, is_reply, control, &circles, wanted)?;
            }
            Received::Plain(Frame::Standing(standings)) => self.stand(turn, peer, &standings)?,
            Received::Plain(Frame::Frontier { circle, part, is_last, since, near, lines }) => {
                self.frontier(turn, peer, circle, (part, is_last), (since, &near), lines)?;
            }
            Received::Plain(Frame::Full(circle)) => self.full(turn, peer, circle)?,
            Received::Plain(Frame::Want(ids)) => {
                let ids = self.first_wants(turn, peer, ids);
                self.want(turn, peer, &ids)?;
            }
            Received::Plain(Frame::Probe { feed, marks }) => self.probed(turn, peer, feed, &marks)?,
            Received::Plain(Frame::Done(circle)) => self.done(turn, peer, circle)?,
            Received::Plain(Frame::Later { organisation, seconds }) => self.later(turn, peer, organisation, seconds),
            Received::Plain(Frame::Entries(_) | Frame::Links(_)) => {
                unreachable!("frame::receive turns these into their verified forms")
            }
            Received::Entries { arrivals, faults, later: _ } => {
                self.arrived(turn, peer, arrivals)?;
                faults.into_iter().for_each(|fault| self.strike(turn, peer, fault));
            }
            Received::Links { links, faults } => {
                links.into_iter().try_for_each(|link| self.link(turn, link))?;
                faults.into_iter().for_each(|fault| self.strike(turn, peer, fault));
            }
        }
        Ok(())
    }

    /// Takes entries from a peer.
    fn arrived<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        peer: NodeKey,
        arrivals: Vec<Arrival>,
    ) -> Result<(), StoreError> {
        let (mut readable, mut changed, mut released) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for Arrival { entry, body } in arrivals {
            let (id, feed, seq) = (entry.id(), entry.header().feed, entry.header().seq);
            #[cfg(any(test, feature = "sim"))]
            if self.remembered.contains(&id) {
                continue;
            }
            // Nobody learns from us what stands in a circle by telling us of it.
            if self.replica.circle(&feed.circle).is_some() && !self.shares(&peer, &feed.circle) {
                self.strike(turn, peer, Fault::OutOfPlace);
                continue;
            }
            let bodied = body.is_some();
            let awaits_bodies = self.replica.awaits_bodies(&feed);
            // What waits for bodies takes nothing of its author's share, however often somebody brings it.
            if (bodied || !awaits_bodies) && self.delays(turn, peer, &entry) {
                continue;
            }
            match self.replica.accept(&mut turn.staged, entry, body)? {
                Outcome::New => {
                    self.took();
                    changed.insert(feed.circle);
                    if bodied {
                        readable.push(id);
                    }
                    self.watch_own(turn, feed);
                }
                Outcome::Known { filled: true } => {
                    self.took();
                    readable.push(id);
                    if awaits_bodies {
                        released.insert(feed.circle);
                    }
                }
                Outcome::Known { filled: false } => self.repeated(turn, peer),
                Outcome::Surplus => self.tell_overrun(turn, feed),
                Outcome::Contested | Outcome::Delayed | Outcome::OtherCircle => {}
                Outcome::Forked => {
                    changed.insert(feed.circle);
                    self.watch_own(turn, feed);
                    let org = self.replica.members.role(&feed.key).map(|role| role.org);
                    turn.notice(Notice::Forked { feed, at: seq, org });
                    self.prove(turn, peer, feed)?;
                }
                Outcome::Misfit { upto } => self.probe(turn, peer, feed, 0, upto)?,
                Outcome::Gap { .. } | Outcome::PendingRoster | Outcome::PendingCharter => {
                    self.hello_within(peer, turn.now, session::RETRY_MS);
                }
                Outcome::Invalid => self.strike(turn, peer, Fault::Invalid),
            }
        }
        self.drop_displaced(turn);
        for circle in changed {
            self.rumour(circle, Some(peer), turn.now);
        }
        for circle in released {
            self.compare_again(circle, turn.now);
        }
        self.arrive(turn, readable)
    }

    /// Feeds that smaller incarnations displaced count no longer. An own one is never written to again.
    fn drop_displaced<S: Store>(&mut self, turn: &mut Turn<'_, S>) {
        let mut keys = BTreeSet::new();
        for feed in self.replica.take_displaced() {
            if self.runs.get(&feed.key) == Some(&feed.run) {
                self.runs.remove(&feed.key);
                write::end_run(turn, &feed.key);
            }
            if keys.insert((feed.circle, feed.key)) {
                self.overrun.remove(&(feed.circle, feed.key));
                self.tell_overrun(turn, feed);
            }
        }
    }

    fn tell_overrun<S: Store>(&mut self, turn: &mut Turn<'_, S>, feed: FeedId) {
        if self.overrun.insert((feed.circle, feed.key)) {
            let org = self.replica.members.role(&feed.key).map(|role| role.org);
            turn.notice(Notice::Overrun { feed, org });
        }
    }

    /// Entries that were delayed for want of bodies may be taken now: what an exchange could not settle is open again.
    fn compare_again(&mut self, circle: CircleId, now: Tick) {
        let peers: Vec<_> = self.sessions.keys().copied().filter(|peer| self.shares(peer, &circle)).collect();
        for peer in peers {
            if let Some(session) = self.sessions.get_mut(&peer) {
                session.settled.remove(&circle);
                session.exchanges.get_mut(&circle).into_iter().for_each(|exchange| exchange.outdated = true);
            }
            self.hello_within(peer, now, session::RUMOUR_MS);
        }
    }

    /// Entries became readable: those that still count are learned from, told of, and handed to whoever asked for them.
    fn arrive<S: Store>(&mut self, turn: &mut Turn<'_, S>, ids: Vec<EntryId>) -> Result<(), StoreError> {
        let mut readable = Vec::new();
        for id in ids {
            // A fork proven by the same frame may have set it aside again.
            if self.replica.place(&turn.staged, &id)?.is_some() {
                readable.push(id);
            }
        }
        if readable.is_empty() {
            return Ok(());
        }
        self.learn(turn, &readable)?;
        let pumped = self.pay(turn, &readable);
        turn.notice(Notice::Arrived(readable));
        pumped
    }

    /// An entry of our own key that we did not write: someone restored an old copy. Never sign on that run again.
    fn watch_own<S: Store>(&mut self, turn: &mut Turn<'_, S>, feed: FeedId) {
        if self.runs.get(&feed.key) == Some(&feed.run) {
            self.runs.remove(&feed.key);
            // On the disk too: a restart before the next writing would otherwise go on with the old run, and fork it.
            write::end_run(turn, &feed.key);
        } else if !self.own.contains(&feed.key) {
            return;
        }
        if self.told.insert(feed) {
            turn.notice(Notice::Elsewhere(feed));
        }
    }

    fn link<S: Store>(&mut self, turn: &mut Turn<'_, S>, link: Link) -> Result<(), StoreError> {
        let (org, index) = (link.organisation(), link.index());
        let envelope = link.envelope().to_vec();
        let evidence = self.replica.members.roster(&org).is_some_and(|roster| roster.link(index).is_some());
        // Links arrive in order from honest peers; one that does not fit now comes again with the next comparison.
        let Ok(Taken::Grown | Taken::Froze) = self.replica.members.take(link) else { return Ok(()) };
        turn.staged.put(link_row(&org, index, evidence), envelope);
        // A roster that froze ends devices; a link that certifies another organisation's key ends what that key says.
        self.replica.disown();
        self.dismiss(turn);
        turn.notice(Notice::Members);
        // What could not be settled under the rosters as they were may be settled now.
        for session in self.sessions.values_mut() {
            session.settled.clear();
            session.exchanges.values_mut().for_each(|exchange| exchange.outdated = true);
        }
        let peers: Vec<_> = self.sessions.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.hello_within(peer, turn.now, 0));
        Ok(())
    }

    /// Ends the connections of nodes whose certificates no longer count.
    fn dismiss<S: Store>(&mut self, turn: &mut Turn<'_, S>) {
        let members = &self.replica.members;
        let strangers: Vec<_> = self.sessions.keys().copied().filter(|peer| members.node(peer).is_none()).collect();
        for peer in strangers {
            self.sessions.remove(&peer);
            turn.effects.push(Effect::Disconnect { peer, fault: Fault::OutOfPlace });
        }
    }

    fn strike<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey, fault: Fault) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        session.strikes += 1;
        turn.notice(Notice::Struck { peer, fault });
        if session.strikes >= crate::bytes::limits::STRIKES.0 {
            self.sessions.remove(&peer);
            turn.effects.push(Effect::Disconnect { peer, fault });
        }
    }

    /// The circles this node shares with a peer.
    fn shared(&self, peer: &NodeKey) -> impl Iterator<Item = (&CircleId, &Held)> {
        let org = self.sessions.get(peer).map(|session| session.org);
        self.replica.circles().filter(move |(_, held)| org.is_some_and(|org| held.circle.admits(&org)))
    }

    fn shares(&self, peer: &NodeKey, circle: &CircleId) -> bool {
        let org = self.sessions.get(peer).map(|session| session.org);
        self.replica.circle(circle).is_some_and(|held| org.is_some_and(|org| held.circle.admits(&org)))
    }
}

/// What one call of `handle` gathers.
struct Turn<'a, S> {
    staged: Staged<'a, S>,
    effects: Vec<Effect>,
    now: Tick,
}

impl<S> Turn<'_, S> {
    fn send(&mut self, to: NodeKey, lane: Lane, frame: &Frame) {
        self.effects.push(Effect::Send { to, lane, frame: frame.encode() });
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }
}
