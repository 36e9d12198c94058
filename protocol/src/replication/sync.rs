//! The sync core: one state; each input yields one step. It has no clock, no socket and no disk of its own.
//!
//! A [`Step`] is a batch and effects. The contract of the caller: *make the batch durable, then carry out the effects
//! in order*. So nothing signed leaves before it is on the disk, a write is reported as saved after the same sync, and
//! a crash between the two loses nothing that was reported.
//!
//! Reconciliation (SPEC §Sync): OPEN once a connection; HELLO compares roots, two messages if nothing changed; for an
//! unequal circle both send FRONTIER, then ENTRIES that the other lacks, then DONE; a HELLO confirms. Chains that do
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

/// Milliseconds on a monotonic clock with an arbitrary zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// The time `ms` milliseconds later.
    #[must_use]
    pub const fn after(self, ms: u64) -> Self {
        Self(self.0 + ms)
    }
}

/// The name of a feed within its circle: key and incarnation.
pub type FeedName = (FeedKey, Incarnation);

/// The lane of a frame: one of a connection's three substreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Comparisons and rosters: small frames, sent first.
    Control,
    /// Reconciliation, in order, paced by [`Input::Written`].
    Bulk,
    /// New entries as they are written.
    Live,
}

/// An input of the core.
#[derive(Debug)]
pub enum Input {
    /// A connection to an allowed peer was established.
    Up(NodeKey),
    /// A connection ended.
    Down(NodeKey),
    /// A frame arrived, read and verified by [`frame::receive`].
    Received(NodeKey, Received),
    /// Bytes arrived that are no frame.
    Garbage(NodeKey),
    /// A bulk frame to this peer was written: there is room for the next.
    Written(NodeKey),
    /// Time has passed; due at [`State::due`].
    Tick,
    /// A request to write entries.
    Write(Write),
    /// A roster link was signed on this node.
    Link(Box<Link>),
    /// A circle was created here, or its secrets were received.
    Hold(Opening),
}

/// A step of the core: a batch to make durable, then effects to carry out in order.
#[derive(Debug, Default)]
pub struct Step {
    /// The batch to make durable before any effect.
    pub persist: Batch,
    /// The effects to carry out in order.
    pub effects: Vec<Effect>,
}

/// An effect to carry out.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hands a frame to the transport.
    Send {
        /// The receiving node.
        to: NodeKey,
        /// The lane of the frame.
        lane: Lane,
        /// The encoded frame.
        frame: Vec<u8>,
    },
    /// Ends a connection.
    Disconnect {
        /// The peer to disconnect.
        peer: NodeKey,
        /// The reason.
        fault: Fault,
    },
    /// Reports an event to the layers above.
    Notice(Notice),
}

/// A notice to the layers above.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice {
    /// A write is durable.
    Saved {
        /// The writer's own number for the write.
        token: u64,
        /// The ids of the entries, in order.
        entries: Vec<EntryId>,
    },
    /// A write was refused as a whole.
    Refused {
        /// The writer's own number for the write.
        token: u64,
        /// The reason.
        refusal: Refusal,
    },
    /// Entries became readable: they count and their bodies are here.
    Arrived(Vec<EntryId>),
    /// A feed forked: its entries from this number on no longer count.
    Forked {
        /// The feed.
        feed: FeedId,
        /// The first number that does not count.
        at: u64,
        /// The organisation of the key.
        org: Option<OrgId>,
    },
    /// A key has more incarnations in a circle than count. Reported when a smaller incarnation displaced this one,
    /// whose entries no longer count; and once when a larger one was offered.
    Overrun {
        /// The feed that does not count.
        feed: FeedId,
        /// The organisation of the key.
        org: Option<OrgId>,
    },
    /// Members or devices changed.
    Members,
    /// A circle is newly held by this node.
    Circle(CircleId),
    /// Keys of a circle's epochs arrived: entries sealed under them that came earlier can be read now.
    Keys(CircleId),
    /// An organisation writes more than is accepted at a time: the rest is requested later.
    Delayed(OrgId),
    /// An organisation created more circles than this node holds of one steward: the last one is not held.
    Crowded(OrgId),
    /// All circles shared with this peer are equal.
    Equal(NodeKey),
    /// A circle still differs after everything was exchanged.
    Unequal {
        /// The peer.
        peer: NodeKey,
        /// The circle.
        circle: CircleId,
        /// The peer's frontier entries that differ from this node's.
        lines: Vec<FrontierEntry>,
    },
    /// A peer was struck for a fault.
    Struck {
        /// The peer.
        peer: NodeKey,
        /// The fault.
        fault: Fault,
    },
    /// A key of this node wrote entries that this node does not know: after the backup it was restored from, or in a
    /// copy of it. The key continues under a new incarnation, and a person should look.
    Elsewhere(FeedId),
}

/// The state of the sync core.
#[derive(Debug)]
pub struct State {
    me: NodeKey,
    org: OrgId,
    epoch: DatabaseEpoch,
    replica: Replica,
    sessions: BTreeMap<NodeKey, Session>,
    anchors: BTreeMap<(NodeKey, CircleId), session::Anchor>,
    pens: Option<Pens>,
    /// The reading key, expanded for opening grants.
    reader: Option<Reader>,
    pace: grants::Pace,
    epochs: BTreeMap<CircleId, Vec<Epoch>>,
    incarnations: BTreeMap<FeedKey, Incarnation>,
    /// The keys that this node writes with, once it was unlocked.
    own: BTreeSet<FeedKey>,
    /// Own feeds whose reuse elsewhere was reported.
    reported_reuse: BTreeSet<FeedId>,
    /// Whether a peer has confirmed the heads of this node's own feeds, or none can.
    own_feeds_confirmed: bool,
    waiting: Vec<Write>,
    confirm_by: Option<Tick>,
    /// Number of entries and bodies accepted since the start.
    accepted: u64,
    /// Budgets for newly written entries of each organisation.
    authored: authored::Authored,
    /// Budgets for entries that a peer sends again.
    repeats: BTreeMap<NodeKey, budget::Repeats>,
    /// Time of the next deletion of rows of displaced feeds, if there are any.
    shed_at: Tick,
    /// Keys whose overrun of incarnations was reported.
    reported_overruns: BTreeSet<(CircleId, FeedKey)>,
    entropy: Entropy,
    /// Ids whose signature failed once: written by the planted fault only.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) remembered: BTreeSet<EntryId>,
}

/// The identity of a node and the inputs of its start.
#[derive(Debug)]
pub struct Start {
    /// The node's network key.
    pub me: NodeKey,
    /// The node's organisation.
    pub org: OrgId,
    /// The database epoch, fresh for each start of the process.
    pub epoch: DatabaseEpoch,
    /// The members: charter and rosters.
    pub members: Members,
    /// The incarnations under which own feeds continue; a key without one starts a new incarnation.
    pub runs: BTreeMap<FeedKey, Incarnation>,
    /// Random seed for this run of the process.
    pub seed: [u8; 32],
}

impl State {
    /// Loads the state of the core from a store.
    ///
    /// # Errors
    /// The store cannot be read, or a row does not decode.
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
            incarnations: start.runs,
            own: BTreeSet::new(),
            reported_reuse: BTreeSet::new(),
            own_feeds_confirmed: false,
            waiting: Vec::new(),
            confirm_by: None,
            accepted: 0,
            authored: authored::Authored::default(),
            repeats: BTreeMap::new(),
            shed_at: Tick::default(),
            reported_overruns: BTreeSet::new(),
            entropy: Entropy::new(start.seed),
            #[cfg(any(test, feature = "sim"))]
            remembered: BTreeSet::new(),
        })
    }

    /// The replica of this node.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The replica, for planting a fault in the simulator.
    #[cfg(any(test, feature = "sim"))]
    pub fn replica_mut(&mut self) -> &mut Replica {
        &mut self.replica
    }

    /// Takes over the anchors of another state, for the simulator: the planted fault of keeping them after a restore.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn keep_anchors_of(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.anchors, &mut old.anchors);
    }

    /// The organisation of this node.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.org
    }

    /// The connected peers, and whether everything shared with each is known to be equal.
    pub fn peers(&self) -> impl Iterator<Item = (&NodeKey, bool)> {
        self.sessions.iter().map(|(peer, session)| (peer, session.is_equal()))
    }

    /// Number of items that a peer makes this node keep in memory: queued pieces, requested bodies, differences.
    #[must_use]
    pub fn kept_for(&self, peer: &NodeKey) -> usize {
        let Some(session) = self.sessions.get(peer) else { return 0 };
        let exchanges = session.exchanges.values().map(|exchange| exchange.differences.len());
        let outcomes = session.last_outcomes.values().map(|outcome| outcome.differences.len());
        let bodies = |piece: &session::Piece| match piece {
            session::Piece::Bodies(ids) => ids.len(),
            session::Piece::Want(ids) => ids.len(),
            _ => 1,
        };
        let outbox: usize = session.outbox.iter().map(bodies).sum();
        let sets = session.asked.len() + session.pending_wants.len() + session.probing.len();
        exchanges.chain(outcomes).sum::<usize>() + outbox + sets
    }

    /// Provides the keys for signing and reading.
    pub fn unlock(&mut self, pens: Pens, epochs: BTreeMap<CircleId, Vec<Epoch>>) {
        self.own = [&pens.author, &pens.desk].map(|pen| FeedKey(pen.public())).into();
        self.reader = Some(pens.reading.expand());
        self.pens = Some(pens);
        self.epochs = epochs;
    }

    /// Drops the keys for signing and reading, and the waiting writes; replication continues. No notice reports those
    /// writes.
    pub fn lock(&mut self) {
        self.pens = None;
        self.reader = None;
        self.epochs.clear();
        self.waiting = Vec::new();
    }

    /// Whether the keys to sign and read with are here.
    #[must_use]
    pub fn is_unlocked(&self) -> bool {
        self.pens.is_some()
    }

    /// The reading key of this device, while unlocked.
    #[must_use]
    pub fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// The keys of a circle's epochs, while unlocked.
    #[must_use]
    pub fn epochs(&self, circle: &CircleId) -> &[Epoch] {
        self.epochs.get(circle).map_or(&[], Vec::as_slice)
    }

    /// The id of a circle with this definition, held or not.
    #[must_use]
    pub fn circle_of(&self, circle: &Circle) -> CircleId {
        circle.id(&self.replica.members.registry())
    }

    /// The feed in which this device writes to a circle; an incarnation of zeros before its first entry.
    #[must_use]
    pub fn chain(&self, circle: &Circle) -> Option<FeedName> {
        let key = FeedKey(self.pens.as_ref()?.of(circle).public());
        Some((key, self.incarnations.get(&key).copied().unwrap_or(Incarnation([0; 8]))))
    }

    /// The time at which [`Input::Tick`] is next due.
    #[must_use]
    pub fn due(&self) -> Option<Tick> {
        let hellos = self.sessions.values().filter_map(|session| session.hello_due);
        let shed = self.replica.sheds().then_some(self.shed_at);
        hellos.chain(self.confirm_by).chain(self.pace.due()).chain(shed).min()
    }

    /// Handles one input and returns the step that follows from it.
    ///
    /// # Errors
    /// The store cannot be read, or a row does not decode; the state must then be loaded again.
    pub fn handle<S: Store>(&mut self, store: &S, input: Input, now: Tick) -> Result<Step, StoreError> {
        let mut transaction = Transaction { staged: Staged::new(store), effects: Vec::new(), now };
        match input {
            Input::Up(peer) => self.connected(&mut transaction, peer),
            Input::Down(peer) => {
                self.sessions.remove(&peer);
            }
            Input::Garbage(peer) => self.record_fault(&mut transaction, peer, Fault::Garbage),
            Input::Received(peer, received) => self.handle_frame(&mut transaction, peer, received)?,
            Input::Written(peer) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.in_flight = session.in_flight.saturating_sub(1);
                }
                self.pump(&mut transaction, peer)?;
            }
            Input::Tick => {
                self.handle_tick(&mut transaction)?;
                if self.pace.due().is_some_and(|due| due <= now) {
                    self.try_pending(&mut transaction, store)?;
                }
            }
            Input::Write(write) => self.handle_write(&mut transaction, write)?,
            Input::Link(link) => self.handle_link(&mut transaction, *link)?,
            Input::Hold(opening) => self.hold(&mut transaction, &opening),
        }
        Ok(Step { persist: transaction.staged.into_batch(), effects: transaction.effects })
    }

    fn handle_frame<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        received: Received,
    ) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get(&peer) else { return Ok(()) };
        let greeted = session.theirs.is_some();
        match received {
            Received::Plain(Frame::Open { format, nonce, registry, epoch }) => {
                self.handle_open(transaction, peer, format, nonce, registry, epoch);
            }
            // A live entry may overtake the peer's OPEN, which travels on another lane; the comparison brings the entry
            // again.
            Received::Entries { .. } if !greeted => {}
            _ if !greeted => self.record_fault(transaction, peer, Fault::OutOfPlace),
            Received::Plain(Frame::Hello { is_reply, control, circles, wanted }) => {
                self.handle_hello(transaction, peer, is_reply, control, &circles, wanted)?;
            }
            Received::Plain(Frame::Standing(standings)) => self.handle_standing(transaction, peer, &standings)?,
            Received::Plain(Frame::Frontier { circle, part, is_last, since, near, lines }) => {
                self.handle_frontier(transaction, peer, circle, (part, is_last), (since, &near), lines)?;
            }
            Received::Plain(Frame::Full(circle)) => self.handle_full(transaction, peer, circle)?,
            Received::Plain(Frame::Want(ids)) => {
                let ids = self.first_wants(transaction, peer, ids);
                self.handle_want(transaction, peer, &ids)?;
            }
            Received::Plain(Frame::Probe { feed, marks }) => self.handle_probe(transaction, peer, feed, &marks)?,
            Received::Plain(Frame::Done(circle)) => self.handle_done(transaction, peer, circle)?,
            Received::Plain(Frame::Later { organisation, seconds }) => {
                self.handle_later(transaction, peer, organisation, seconds)
            }
            Received::Plain(Frame::Entries(_) | Frame::Links(_)) => {
                unreachable!("frame::receive turns these into their verified forms")
            }
            Received::Entries { arrivals, faults, later: _ } => {
                self.handle_entries(transaction, peer, arrivals)?;
                faults.into_iter().for_each(|fault| self.record_fault(transaction, peer, fault));
            }
            Received::Links { links, faults } => {
                links.into_iter().try_for_each(|link| self.handle_link(transaction, link))?;
                faults.into_iter().for_each(|fault| self.record_fault(transaction, peer, fault));
            }
        }
        Ok(())
    }

    /// Handles entries received from a peer.
    fn handle_entries<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
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
            // A peer outside the circle must not learn its content by sending entries of it.
            if self.replica.circle(&feed.circle).is_some() && !self.shares(&peer, &feed.circle) {
                self.record_fault(transaction, peer, Fault::OutOfPlace);
                continue;
            }
            let bodied = body.is_some();
            let awaits_bodies = self.replica.awaits_bodies(&feed);
            // An entry that waits for bodies costs its author no budget, however often a peer sends it.
            if (bodied || !awaits_bodies) && self.delays(transaction, peer, &entry) {
                continue;
            }
            match self.replica.accept(&mut transaction.staged, entry, body)? {
                Outcome::New => {
                    self.count_accepted();
                    changed.insert(feed.circle);
                    if bodied {
                        readable.push(id);
                    }
                    self.check_own_feed(transaction, feed);
                }
                Outcome::Known { filled: true } => {
                    self.count_accepted();
                    readable.push(id);
                    if awaits_bodies {
                        released.insert(feed.circle);
                    }
                }
                Outcome::Known { filled: false } => self.repeated(transaction, peer),
                Outcome::Surplus => self.report_overrun(transaction, feed),
                Outcome::Contested | Outcome::Delayed | Outcome::OtherCircle => {}
                Outcome::Forked => {
                    changed.insert(feed.circle);
                    self.check_own_feed(transaction, feed);
                    let org = self.replica.members.role(&feed.key).map(|role| role.org);
                    transaction.notice(Notice::Forked { feed, at: seq, org });
                    self.prove(transaction, peer, feed)?;
                }
                Outcome::Misfit { upto } => self.start_probe(transaction, peer, feed, 0, upto)?,
                Outcome::Gap { .. } | Outcome::PendingRoster | Outcome::PendingCharter => {
                    self.hello_within(peer, transaction.now, session::RETRY_MS);
                }
                Outcome::Invalid => self.record_fault(transaction, peer, Fault::Invalid),
            }
        }
        self.drop_displaced(transaction);
        for circle in changed {
            self.schedule_hello(circle, Some(peer), transaction.now);
        }
        for circle in released {
            self.compare_again(circle, transaction.now);
        }
        self.publish_readable(transaction, readable)
    }

    /// Handles feeds displaced by smaller incarnations: they no longer count, and an own one is never written again.
    fn drop_displaced<S: Store>(&mut self, transaction: &mut Transaction<'_, S>) {
        let mut keys = BTreeSet::new();
        for feed in self.replica.take_displaced() {
            if self.incarnations.get(&feed.key) == Some(&feed.run) {
                self.incarnations.remove(&feed.key);
                write::retire_incarnation(transaction, &feed.key);
            }
            if keys.insert((feed.circle, feed.key)) {
                self.reported_overruns.remove(&(feed.circle, feed.key));
                self.report_overrun(transaction, feed);
            }
        }
    }

    fn report_overrun<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, feed: FeedId) {
        if self.reported_overruns.insert((feed.circle, feed.key)) {
            let org = self.replica.members.role(&feed.key).map(|role| role.org);
            transaction.notice(Notice::Overrun { feed, org });
        }
    }

    /// Reopens the comparison of a circle: entries delayed for missing bodies may be accepted now.
    fn compare_again(&mut self, circle: CircleId, now: Tick) {
        let peers: Vec<_> = self.sessions.keys().copied().filter(|peer| self.shares(peer, &circle)).collect();
        for peer in peers {
            if let Some(session) = self.sessions.get_mut(&peer) {
                session.last_outcomes.remove(&circle);
                session.exchanges.get_mut(&circle).into_iter().for_each(|exchange| exchange.outdated = true);
            }
            self.hello_within(peer, now, session::NEWS_MS);
        }
    }

    /// Handles entries that became readable: grants among them are read, a notice reports them, and peers that wanted
    /// them get them.
    fn publish_readable<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        ids: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let mut readable = Vec::new();
        for id in ids {
            // A fork proven by the same frame may have removed it again.
            if self.replica.place(&transaction.staged, &id)?.is_some() {
                readable.push(id);
            }
        }
        if readable.is_empty() {
            return Ok(());
        }
        self.remember_grants(transaction, &readable)?;
        let pumped = self.serve_wants(transaction, &readable);
        transaction.notice(Notice::Arrived(readable));
        pumped
    }

    /// Handles an entry of an own key that this node did not write: an old copy was restored. The incarnation is never
    /// signed with again.
    fn check_own_feed<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, feed: FeedId) {
        if self.incarnations.get(&feed.key) == Some(&feed.run) {
            self.incarnations.remove(&feed.key);
            // Deleted from the disk too: after a restart the next write would otherwise continue the old incarnation,
            // and fork it.
            write::retire_incarnation(transaction, &feed.key);
        } else if !self.own.contains(&feed.key) {
            return;
        }
        if self.reported_reuse.insert(feed) {
            transaction.notice(Notice::Elsewhere(feed));
        }
    }

    fn handle_link<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, link: Link) -> Result<(), StoreError> {
        let (org, index) = (link.organisation(), link.index());
        let envelope = link.envelope().to_vec();
        let evidence = self.replica.members.roster(&org).is_some_and(|roster| roster.link(index).is_some());
        // Honest peers send links in order; a link that does not fit now comes again with the next comparison.
        let Ok(Taken::Grown | Taken::Froze) = self.replica.members.take(link) else { return Ok(()) };
        transaction.staged.put(link_row(&org, index, evidence), envelope);
        // A frozen roster loses devices; a link that certifies another organisation's key invalidates that key's
        // entries.
        self.replica.drop_uncertified();
        self.disconnect_uncertified(transaction);
        transaction.notice(Notice::Members);
        // Differences that remained under the old rosters may be resolved under the new ones.
        for session in self.sessions.values_mut() {
            session.last_outcomes.clear();
            session.exchanges.values_mut().for_each(|exchange| exchange.outdated = true);
        }
        let peers: Vec<_> = self.sessions.keys().copied().collect();
        peers.into_iter().for_each(|peer| self.hello_within(peer, transaction.now, 0));
        Ok(())
    }

    /// Disconnects nodes that are no longer certified.
    fn disconnect_uncertified<S: Store>(&mut self, transaction: &mut Transaction<'_, S>) {
        let members = &self.replica.members;
        let strangers: Vec<_> = self.sessions.keys().copied().filter(|peer| members.node(peer).is_none()).collect();
        for peer in strangers {
            self.sessions.remove(&peer);
            transaction.effects.push(Effect::Disconnect { peer, fault: Fault::OutOfPlace });
        }
    }

    fn record_fault<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey, fault: Fault) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        session.strikes += 1;
        transaction.notice(Notice::Struck { peer, fault });
        if session.strikes >= crate::bytes::limits::STRIKES.0 {
            self.sessions.remove(&peer);
            transaction.effects.push(Effect::Disconnect { peer, fault });
        }
    }

    /// The circles that this node shares with a peer.
    fn shared(&self, peer: &NodeKey) -> impl Iterator<Item = (&CircleId, &Held)> {
        let org = self.sessions.get(peer).map(|session| session.org);
        self.replica.circles().filter(move |(_, held)| org.is_some_and(|org| held.circle.admits(&org)))
    }

    fn shares(&self, peer: &NodeKey, circle: &CircleId) -> bool {
        let org = self.sessions.get(peer).map(|session| session.org);
        self.replica.circle(circle).is_some_and(|held| org.is_some_and(|org| held.circle.admits(&org)))
    }
}

/// The transaction of one call of [`State::handle`]: staged changes and effects.
struct Transaction<'a, S> {
    staged: Staged<'a, S>,
    effects: Vec<Effect>,
    now: Tick,
}

impl<S> Transaction<'_, S> {
    fn send(&mut self, to: NodeKey, lane: Lane, frame: &Frame) {
        self.effects.push(Effect::Send { to, lane, frame: frame.encode() });
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }
}
