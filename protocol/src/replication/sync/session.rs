//! What is remembered of one connection, and what a pair agreed on.

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
        authored::Spared,
        frontier::{Hearing, Telling},
    },
};

/// After news: others are asked to compare within this time, so that a burst costs one comparison.
pub(super) const RUMOUR_MS: u64 = 1_000;
/// After something that could not be taken yet.
pub(super) const RETRY_MS: u64 = 2_000;
/// An idle pair compares after one minute, then backs off to an hour.
pub(super) const IDLE_MS: u64 = 60_000;
/// The longest an idle pair goes without comparing.
pub(super) const IDLE_MS_MAX: u64 = 3_600_000;

/// Pieces waiting to go out beyond which a peer's requests are dropped: who asks faster than it reads asks again.
pub(super) const OUTBOX_MAX: usize = 4_096;
/// Bodies that wait to go to a peer beyond which it asks in vain, for the same reason.
pub(super) const BODIES_MAX: usize = 16_384;
/// Between two steps that delete rows of displaced feeds: everything else comes first.
pub(super) const SHED_MS: u64 = 50;

/// Lines of a circle.
pub(super) type Heads = BTreeMap<FeedName, FeedHead>;

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    /// The peer's organisation.
    pub(super) org: OrgId,
    /// Our nonce.
    pub(super) ours: [u8; 16],
    /// The peer's, once it has opened.
    pub(super) theirs: Option<[u8; 16]>,
    /// The peer's database, once it has opened.
    pub(super) epoch: Option<DatabaseEpoch>,
    /// When to compare next.
    pub(super) hello_due: Option<Tick>,
    /// The time after which an idle pair compares again.
    pub(super) idle_ms: u64,
    /// Whether the last comparison found nothing to do.
    pub(super) equal: bool,
    /// Exchanges under way.
    pub(super) exchanges: BTreeMap<CircleId, Exchange>,
    /// The last exchange of a circle and what it could not settle.
    pub(super) settled: BTreeMap<CircleId, Outcome>,
    /// What goes out on the bulk lane, in order; frames are made when there is room.
    pub(super) outbox: VecDeque<Piece>,
    /// Bulk frames handed over and not yet written.
    pub(super) in_flight: usize,
    /// Bodies the peer said it lacks.
    pub(super) peer_wanted: u64,
    /// Bodies asked for on this connection: the peer sends each when it has it.
    pub(super) asked: BTreeSet<EntryId>,
    /// Bodies the peer asked for and we lack, too.
    pub(super) owed: BTreeSet<EntryId>,
    /// Feeds being bisected.
    pub(super) probing: BTreeSet<FeedId>,
    /// Faults so far.
    pub(super) strikes: usize,
    /// What had become new here before this connection.
    pub(super) taken_before: u64,
    /// Entries the peer sent that were here already.
    pub(super) repeated: u64,
    /// Bodies the peer asked for.
    pub(super) wants: BTreeSet<EntryId>,
    /// What is left out for now, either way.
    pub(super) spared: Spared,
}

impl Session {
    pub(super) fn new(org: OrgId, ours: [u8; 16], taken_before: u64) -> Self {
        Self {
            org,
            ours,
            theirs: None,
            epoch: None,
            hello_due: None,
            idle_ms: IDLE_MS,
            equal: false,
            exchanges: BTreeMap::new(),
            settled: BTreeMap::new(),
            outbox: VecDeque::new(),
            in_flight: 0,
            peer_wanted: 0,
            asked: BTreeSet::new(),
            owed: BTreeSet::new(),
            probing: BTreeSet::new(),
            strikes: 0,
            taken_before,
            repeated: 0,
            wants: BTreeSet::new(),
            spared: Spared::default(),
        }
    }

    /// Whether the last comparison was equal, nothing has happened since, and the peer lacks nothing.
    pub(super) fn is_equal(&self) -> bool {
        self.equal && self.exchanges.is_empty() && self.peer_wanted == 0
    }
}

/// A circle being reconciled: each side sends its lines, then what the other lacks, then DONE.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Our root when our lines were told: what came later, from whomever, is not part of this exchange.
    pub(super) ours: Option<[u8; 32]>,
    /// A roster changed in the meantime: what was refused under the old one may be taken now, so this settles nothing.
    pub(super) outdated: bool,
    /// How far our lines were told.
    pub(super) telling: Option<Telling>,
    /// How far the peer's lines were heard.
    pub(super) hearing: Option<Hearing>,
    /// The peer was asked for all its lines.
    pub(super) asked_full: bool,
    /// Feeds whose lines differ.
    pub(super) apart: Apart,
    /// Our DONE is in the outbox or gone.
    pub(super) planned: bool,
    /// Our DONE has left.
    pub(super) done_sent: bool,
    /// The peer's DONE has come.
    pub(super) done_got: bool,
}

/// Feeds whose lines differed, as far as a few are remembered, with the peer's line if it has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Apart(BTreeMap<FeedName, Option<FrontierEntry>>);

impl Apart {
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

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Our root when our lines were told.
    pub(super) ours: Option<[u8; 32]>,
    /// The peer's blinded root at the first comparison after that.
    pub(super) theirs: Option<[u8; 16]>,
    /// Feeds whose lines differed.
    pub(super) apart: Apart,
    /// Whether this difference has been reported.
    pub(super) reported: bool,
}

/// Something to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The next part of our lines of a circle.
    Frontier(CircleId),
    /// Roster links of an organisation, from an index on.
    Links { org: OrgId, from: u64 },
    /// What we have of feeds between two names of which the peer told nothing.
    Untold { circle: CircleId, after: Option<FeedName>, before: Option<FeedName> },
    /// Entries of a feed, with their bodies.
    Range { feed: FeedId, next: u64, to: u64 },
    /// The two entries that prove a fork.
    Proof(FeedId),
    /// Bodies the peer asked for.
    Bodies(VecDeque<EntryId>),
    /// Bodies we ask for.
    Want(Vec<EntryId>),
    /// Where our chain stands at some numbers: down from `high`, above `low`.
    Probe { feed: FeedId, low: u64, high: u64 },
    /// All of it has been sent.
    Done(CircleId),
}

/// What a pair agreed on: valid while both databases are the ones that agreed.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    /// The peer's database.
    pub(super) epoch: DatabaseEpoch,
    /// The circle's root at the time.
    pub(super) root: [u8; 32],
    /// Its lines; shared between all pairs that agreed on the same root.
    pub(super) heads: Arc<Heads>,
}
