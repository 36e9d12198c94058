//! Feeds and frontiers: the part of a chain that counts, and the proof of a fork.
//!
//! A feed's replicated state is a join-semilattice `Open(seq, id) < Forked(at, trunk)`, where the smaller `at` wins. A
//! fork is proven by two verified headers of one feed, one seq *and one `prev`*: an equal `prev` fixes everything
//! below, so two nodes with the same head accept the same entries. Headers that differ over different parents are no
//! proof yet; a bisection leads to the first difference, where the parents are equal.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    bytes::{
        codec,
        ids::{CircleId, EntryId, FeedKey, Incarnation, Prev},
        seal,
    },
    log::entry::{FeedId, Verified},
};

/// The head of a feed: how far its chain counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub enum FeedHead {
    /// An unforked chain up to entry `seq`, whose id is `id`.
    Open {
        /// The last entry's number, at least 1.
        seq: u64,
        /// The id of the last entry.
        id: EntryId,
    },
    /// A chain ended by two entries at `at`; entries above `max(at − 1, sealed)` are contested and do not count.
    Forked {
        /// The number that both entries have, at least 1.
        at: u64,
        /// The parent that both entries name: entry `at − 1`, or the key's certificate.
        trunk: Prev,
        /// End of the prefix that receipts seal; 0 without receipts.
        sealed: u64,
    },
}

/// Encoding of a head: `[seq, id, null]` open, `[at, trunk, sealed]` forked.
#[derive(Serialize, Deserialize)]
struct Wire(u64, EntryId, Option<u64>);

impl From<FeedHead> for Wire {
    fn from(head: FeedHead) -> Self {
        match head {
            FeedHead::Open { seq, id } => Self(seq, id, None),
            FeedHead::Forked { at, trunk, sealed } => Self(at, trunk, Some(sealed)),
        }
    }
}

impl TryFrom<Wire> for FeedHead {
    type Error = &'static str;
    fn try_from(Wire(number, id, sealed): Wire) -> Result<Self, Self::Error> {
        match (number, sealed) {
            (0, _) => Err("the number of a head starts at 1"),
            (seq, None) => Ok(Self::Open { seq, id }),
            (at, Some(sealed)) => Ok(Self::Forked { at, trunk: id, sealed }),
        }
    }
}

impl FeedHead {
    /// Number of entries that count.
    #[must_use]
    pub fn counted(&self) -> u64 {
        match *self {
            Self::Open { seq, .. } => seq,
            Self::Forked { at, sealed, .. } => (at - 1).max(sealed),
        }
    }

    /// Id of the last entry that counts, or of the certificate if none does.
    #[must_use]
    pub fn tip(&self) -> Prev {
        match *self {
            Self::Open { id, .. } => id,
            Self::Forked { trunk, .. } => trunk,
        }
    }

    /// Whether the feed forked.
    #[must_use]
    pub fn is_forked(&self) -> bool {
        matches!(self, Self::Forked { .. })
    }

    /// The frontier entry about `feed`, as sent to peers.
    #[must_use]
    pub fn frontier_entry(&self, feed: &FeedId) -> FrontierEntry {
        let (number, sealed) = match *self {
            Self::Open { seq, .. } => (seq, None),
            Self::Forked { at, sealed, .. } => (at, Some(sealed)),
        };
        FrontierEntry(feed.key, feed.run, number, Mark::of(&self.tip()), sealed)
    }
}

/// The mark of an id: its first eight bytes. They suffice to notice a difference; the headers prove it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark(ByteArray<8>);

impl Mark {
    /// The mark of an id.
    #[must_use]
    pub fn of(id: &EntryId) -> Self {
        Self(ByteArray::new(*id.0.first_chunk().expect("an id has 32 bytes")))
    }
}

/// A line of a FRONTIER frame: key, incarnation, seq or fork, mark of the tip or trunk, sealed end if forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontierEntry(pub FeedKey, pub Incarnation, pub u64, pub Mark, pub Option<u64>);

impl FrontierEntry {
    /// The id of the feed in `circle`.
    #[must_use]
    pub fn feed(&self, circle: CircleId) -> FeedId {
        FeedId { circle, key: self.0, run: self.1 }
    }

    /// Number of entries that the peer counts.
    #[must_use]
    pub fn counted(&self) -> u64 {
        match self.4 {
            None => self.2,
            Some(sealed) => self.2.saturating_sub(1).max(sealed),
        }
    }

    /// Whether the peer holds a proof that the feed forked.
    #[must_use]
    pub fn is_forked(&self) -> bool {
        self.4.is_some()
    }

    /// The mark of the last entry that the peer counts.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.3
    }
}

/// A line of a FRONTIER frame about a feed of the pair's anchor: the feed's place in the anchor, counted from 0 in the
/// order of names, replaces its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchoredEntry(pub u64, pub u64, pub Mark, pub Option<u64>);

impl AnchoredEntry {
    /// The line about the feed at `place`.
    #[must_use]
    pub const fn of(place: u64, line: &FrontierEntry) -> Self {
        Self(place, line.2, line.3, line.4)
    }

    /// The line with the feed's name in place of its position.
    #[must_use]
    pub const fn named(&self, (key, run): (FeedKey, Incarnation)) -> FrontierEntry {
        FrontierEntry(key, run, self.1, self.2, self.3)
    }
}

/// A proof of a fork: two entries of one feed with the same seq and the same parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof(Box<(Verified, Verified)>);

impl ForkProof {
    /// Makes a proof of two entries, if they are one. The entries are kept in the order of their ids.
    #[must_use]
    pub fn of(a: Verified, b: Verified) -> Option<Self> {
        let (x, y) = (a.header(), b.header());
        let forks = x.feed == y.feed && x.seq == y.seq && x.prev == y.prev && a.id() != b.id();
        forks.then(|| Self(Box::new(if a.id() < b.id() { (a, b) } else { (b, a) })))
    }

    /// The head of the feed that the proof ends.
    #[must_use]
    pub fn head(&self) -> FeedHead {
        let header = self.0.0.header();
        FeedHead::Forked { at: header.seq, trunk: header.prev, sealed: 0 }
    }

    /// The two entries of the proof.
    #[must_use]
    pub fn entries(&self) -> [&Verified; 2] {
        [&self.0.0, &self.0.1]
    }
}

/// Computes the root of a circle: a hash over the heads of all its feeds, in order.
#[must_use]
pub fn circle_root<'a>(heads: impl Iterator<Item = (&'a (FeedKey, Incarnation), &'a FeedHead)>) -> [u8; 32] {
    let heads: Vec<_> = heads.collect();
    seal::hash("habeas 1 circle root", &[&codec::encode(&heads)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bytes::{
            cose::Signer,
            ids::{BodyRoot, CharterHash, RegistryId},
            seal::Secret,
        },
        log::entry::{self, Header, Kind},
    };

    /// The entry of a feed, changed a little.
    fn entry(key: u8, edit: impl Fn(Header) -> Header) -> Verified {
        let signer = Signer::new(&Secret::new([key; 32]));
        let feed = FeedId { circle: CircleId([1; 16]), key: FeedKey(signer.public()), run: Incarnation([2; 8]) };
        let header = Header {
            feed,
            seq: 5,
            prev: EntryId([4; 32]),
            charter: CharterHash([5; 32]),
            kind: Kind::ASSERTIONS,
            body_root: BodyRoot([6; 32]),
            body_len: 700,
        };
        entry::sign(&RegistryId([8; 32]), &signer, edit(header))
    }

    /// A proof ends a feed for good, on every node: whatever is less would end what an honest author wrote.
    #[test]
    fn a_fork_is_two_entries_of_one_feed_one_number_and_one_parent_and_nothing_less() {
        let (ours, other) = (entry(3, |header| header), entry(3, |header| Header { kind: Kind(77), ..header }));
        let proof = ForkProof::of(ours.clone(), other.clone()).expect("they are two");
        assert_eq!(proof.head(), FeedHead::Forked { at: 5, trunk: EntryId([4; 32]), sealed: 0 });
        assert_eq!(ForkProof::of(other.clone(), ours.clone()), Some(proof), "whoever was heard of first");
        let run = |header: Header| Header { feed: FeedId { run: Incarnation([9; 8]), ..header.feed }, ..header };
        let circle = |header: Header| Header { feed: FeedId { circle: CircleId([9; 16]), ..header.feed }, ..header };
        let no_forks = [
            ours.clone(),
            entry(7, |header| header),
            entry(3, run),
            entry(3, circle),
            entry(3, |header| Header { seq: 6, ..header }),
            entry(3, |header| Header { prev: EntryId([9; 32]), ..header }),
        ];
        for no_fork in no_forks {
            assert_eq!(ForkProof::of(ours.clone(), no_fork.clone()), None, "{:?}", no_fork.header());
            assert_eq!(ForkProof::of(no_fork, ours.clone()), None);
        }
    }

    #[test]
    fn a_forked_line_counts_what_is_below_the_fork_and_what_receipts_sealed() {
        let line = |at, sealed| FeedHead::Forked { at, trunk: EntryId([4; 32]), sealed };
        let feed = entry(3, |header| header).header().feed;
        for (at, sealed, counted) in [(1, 0, 0), (5, 0, 4), (5, 4, 4), (5, 7, 7)] {
            assert_eq!(line(at, sealed).counted(), counted);
            assert_eq!(line(at, sealed).frontier_entry(&feed).counted(), counted, "as it is told");
        }
    }

    #[test]
    fn a_lines_number_starts_at_one() {
        for sealed in [None, Some(0)] {
            let bytes = |number: u64| codec::encode(&Wire(number, EntryId([4; 32]), sealed));
            assert!(codec::decode::<FeedHead>("line", &bytes(1), 64).is_ok());
            assert!(codec::decode::<FeedHead>("line", &bytes(0), 64).is_err());
        }
    }
}
