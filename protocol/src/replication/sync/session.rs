//! The session of one connection, and the anchor of a pair of nodes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    bytes::{
        ids::{CircleId, DatabaseEpoch, EntryId, OrgId},
        limits::LINES_APART,
    },
    log::{
        entry::FeedId,
        feed::{FeedHead, FrontierEntry},
    },
    replication::sync::{
        FeedName, Tick,
        authored::Deferred,
        frontier::{FrontierReceiver, FrontierSender},
    },
};

/// Delay of a HELLO after a change, in milliseconds: a burst of changes costs one comparison.
pub(super) const NEWS_MS: u64 = 1_000;
/// Delay of a HELLO after something could not be accepted yet, in milliseconds.
pub(super) const RETRY_MS: u64 = 2_000;
/// Interval between comparisons of an idle pair at first, in milliseconds; it doubles up to [`IDLE_MS_MAX`].
pub(super) const IDLE_MS: u64 = 60_000;
/// Longest interval between comparisons of an idle pair, in milliseconds.
pub(super) const IDLE_MS_MAX: u64 = 3_600_000;

/// Number of queued pieces above which a peer's requests are dropped: a peer that requests faster than it reads has to
/// ask again.
pub(super) const OUTBOX_MAX: usize = 4_096;
/// Number of bodies queued for a peer above which its requests are dropped, for the same reason.
pub(super) const BODIES_MAX: usize = 16_384;
/// Interval between two deletions of rows of displaced feeds, in milliseconds: everything else goes first.
pub(super) const SHED_MS: u64 = 50;

/// Heads of the feeds of a circle.
pub(super) type Heads = BTreeMap<FeedName, FeedHead>;

/// The session of one connection.
#[derive(Debug)]
pub(super) struct Session {
    /// The peer's organisation.
    pub(super) org: OrgId,
    /// The nonce of this node.
    pub(super) ours: [u8; 16],
    /// The peer's nonce, after its OPEN.
    pub(super) theirs: Option<[u8; 16]>,
    /// The peer's database epoch, after its OPEN.
    pub(super) epoch: Option<DatabaseEpoch>,
    /// Time of the next HELLO.
    pub(super) hello_due: Option<Tick>,
    /// Interval after which an idle pair compares again, in milliseconds.
    pub(super) idle_ms: u64,
    /// Whether the last comparison found everything equal.
    pub(super) equal: bool,
    /// Running exchanges by circle.
    pub(super) exchanges: BTreeMap<CircleId, Exchange>,
    /// Outcome of the last exchange of a circle, with the differences that remained.
    pub(super) last_outcomes: BTreeMap<CircleId, Outcome>,
    /// Queue of the bulk lane, in order; pieces become frames when there is room.
    pub(super) outbox: VecDeque<Piece>,
    /// Number of bulk frames handed over and not yet written.
    pub(super) in_flight: usize,
    /// Number of bodies that the peer lacks, by its last HELLO.
    pub(super) peer_wanted: u64,
    /// Bodies requested on this connection: the peer sends each when it has it.
    pub(super) asked: BTreeSet<EntryId>,
    /// Bodies that the peer requested and that this node lacks, too.
    pub(super) pending_wants: BTreeSet<EntryId>,
    /// Feeds being bisected.
    pub(super) probing: BTreeSet<FeedId>,
    /// Number of faults so far.
    pub(super) strikes: usize,
    /// Number of entries accepted before this connection.
    pub(super) accepted_before: u64,
    /// Number of known entries that the peer sent.
    pub(super) repeated: u64,
    /// Bodies that the peer requested.
    pub(super) wants: BTreeSet<EntryId>,
    /// Organisations whose entries are left out for now, in both directions.
    pub(super) deferred: Deferred,
}

impl Session {
    pub(super) fn new(org: OrgId, ours: [u8; 16], accepted_before: u64) -> Self {
        Self {
            org,
            ours,
            theirs: None,
            epoch: None,
            hello_due: None,
            idle_ms: IDLE_MS,
            equal: false,
            exchanges: BTreeMap::new(),
            last_outcomes: BTreeMap::new(),
            outbox: VecDeque::new(),
            in_flight: 0,
            peer_wanted: 0,
            asked: BTreeSet::new(),
            pending_wants: BTreeSet::new(),
            probing: BTreeSet::new(),
            strikes: 0,
            accepted_before,
            repeated: 0,
            wants: BTreeSet::new(),
            deferred: Deferred::default(),
        }
    }

    /// Whether the last comparison was equal, nothing has happened since, and the peer lacks nothing.
    pub(super) fn is_equal(&self) -> bool {
        self.equal && self.exchanges.is_empty() && self.peer_wanted == 0
    }
}

/// An exchange: a circle being reconciled. Each side sends its frontier, then what the other lacks, then DONE.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The root of this node's circle when its frontier was sent: later entries are not part of this exchange.
    pub(super) ours: Option<[u8; 32]>,
    /// Whether a roster changed meanwhile: entries refused under the old one may be accepted now, so that the outcome
    /// is open.
    pub(super) outdated: bool,
    /// Progress of sending this node's frontier.
    pub(super) sender: Option<FrontierSender>,
    /// Progress of receiving the peer's frontier.
    pub(super) receiver: Option<FrontierReceiver>,
    /// Whether the peer was asked for its full frontier.
    pub(super) asked_full: bool,
    /// Feeds whose heads differ.
    pub(super) differences: Differences,
    /// Whether this node's DONE is queued or sent.
    pub(super) planned: bool,
    /// Whether this node's DONE was sent.
    pub(super) done_sent: bool,
    /// Whether the peer's DONE arrived.
    pub(super) done_got: bool,
}

/// Feeds whose heads differ, up to a limit, with the peer's line if it has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Differences(BTreeMap<FeedName, Option<FrontierEntry>>);

impl Differences {
    pub(super) fn note(&mut self, name: FeedName, theirs: Option<FrontierEntry>) {
        if self.0.len() < LINES_APART.0 {
            self.0.insert(name, theirs);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&FeedName, &Option<FrontierEntry>)> {
        self.0.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The outcome of an exchange.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The root of this node's circle when its frontier was sent.
    pub(super) ours: Option<[u8; 32]>,
    /// The peer's blinded root at the first comparison afterwards.
    pub(super) theirs: Option<[u8; 16]>,
    /// Feeds whose heads differed.
    pub(super) differences: Differences,
    /// Whether the difference has been reported.
    pub(super) reported: bool,
}

/// A piece of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The next part of this node's frontier of a circle.
    Frontier(CircleId),
    /// Roster links of an organisation, from an index on.
    Links { org: OrgId, from: u64 },
    /// Feeds between two names that the peer did not list.
    Unlisted { circle: CircleId, after: Option<FeedName>, before: Option<FeedName> },
    /// Entries of a feed, with their bodies.
    Range { feed: FeedId, next: u64, to: u64 },
    /// The two entries that prove a fork.
    Proof(FeedId),
    /// Bodies that the peer requested.
    Bodies(VecDeque<EntryId>),
    /// A request for bodies.
    Want(Vec<EntryId>),
    /// Marks of this node's chain, from `high` down to above `low`.
    Probe { feed: FeedId, low: u64, high: u64 },
    /// DONE: everything of the exchange has been sent.
    Done(CircleId),
}

/// An anchor: the frontier that a pair agreed on, valid while both database epochs last.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    /// The peer's database epoch.
    pub(super) epoch: DatabaseEpoch,
    /// The circle's root at the time.
    pub(super) root: [u8; 32],
    /// The heads behind the root; shared between all pairs that agreed on the same root.
    pub(super) heads: Arc<Heads>,
}
