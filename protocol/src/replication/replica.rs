//! The replica: the set of entries this node counts, circle by circle, and the rules by which it grows.
//!
//! `accept` is the only way in. It takes a [`Verified`] entry, so "forgot to verify" does not compile; it needs no
//! plaintext; and its result depends on the set of entries taken, never on their order, the clock, or who brought them.
//! The rules are numbered as in SPEC.md §Acceptance.
//!
//! What no longer counts is said by the line of its feed, or by its having none. No row moves for it: a fork below a
//! million entries costs as much as one below ten.

mod held;
mod shed;
mod wanted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    bytes::{
        codec,
        ids::{CircleId, EntryId, FeedKey, Incarnation, OrgId},
        limits::{BODILESS, BODY_BYTES, INCARNATIONS},
    },
    log::{
        body::Body,
        entry::{FeedId, Verified},
        feed::{FeedHead, ForkProof},
    },
    membership::{charter::Members, circle::grant::Opening},
    store::{Row, Store, StoreError, Table, staged::Staged},
};
pub use held::Held;
use held::Room;
use wanted::Wanted;

#[cfg(any(test, feature = "sim"))]
pub use crate::replication::planted::Planted;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It counts now.
    New,
    /// It counted already; `filled` if its missing body came with it.
    Known {
        /// Whether a wanted body arrived.
        filled: bool,
    },
    /// Entries before it are missing; `next` is the number that would fit.
    Gap {
        /// The number that would fit.
        next: u64,
    },
    /// It does not follow what we hold: the difference lies below, somewhere up to `upto`.
    Misfit {
        /// The highest number both sides can compare.
        upto: u64,
    },
    /// It proves that its feed forked.
    Forked,
    /// Its feed forked at or below it: it does not count.
    Contested,
    /// As many smaller incarnations of its key as may count do: it does not.
    Surplus,
    /// It would count without its body, as too many entries of its feed do already: it is taken once bodies came.
    Delayed,
    /// It may count once a roster link arrives that certifies its key.
    PendingRoster,
    /// It may count once a charter version arrives.
    PendingCharter,
    /// It is in a circle this node does not hold.
    OtherCircle,
    /// It can never count: its author had no right to write it.
    Invalid,
}

/// Everything this node counts.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Charter and rosters.
    pub members: Members,
    circles: BTreeMap<CircleId, Held>,
    wanted: Wanted,
    /// Displaced feeds whose rows are still here, and the number from which on.
    shedding: BTreeMap<FeedId, u64>,
    /// Feeds displaced since they were last asked for.
    displaced: Vec<FeedId>,
    /// The header delayed last: another one with its number and parent proves a fork.
    delayed: Option<Verified>,
    bounds: Bounds,
    /// A deliberate mistake, for the simulator to find.
    #[cfg(any(test, feature = "sim"))]
    pub planted: Option<Planted>,
}

/// How many incarnations of a key count in a circle, and entries of a feed without bodies.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// [`INCARNATIONS`], but for the simulator.
    pub incarnations: usize,
    /// [`BODILESS`], but for the simulator.
    pub bodiless: usize,
}

#[derive(Serialize, Deserialize)]
struct FeedRow(CircleId, FeedKey, Incarnation, FeedHead, Option<(ByteBuf, ByteBuf)>);

#[derive(Serialize, Deserialize)]
struct PlaceRow(CircleId, FeedKey, Incarnation, u64);

#[derive(Serialize, Deserialize)]
struct WantedRow(EntryId, CircleId, FeedKey, Incarnation, u64);

impl Replica {
    /// An empty replica.
    #[must_use]
    pub fn new(members: Members) -> Self {
        Self {
            members,
            circles: BTreeMap::new(),
            wanted: Wanted::default(),
            shedding: BTreeMap::new(),
            displaced: Vec::new(),
            delayed: None,
            bounds: Bounds { incarnations: INCARNATIONS.0, bodiless: BODILESS.0 },
            #[cfg(any(test, feature = "sim"))]
            planted: None,
        }
    }

    /// The replica that a store holds. Cost: one pass over the feeds, not over the entries.
    pub fn load(members: Members, store: &impl Store) -> Result<Self, StoreError> {
        let mut replica = Self::new(members);
        let mut rows = Vec::new();
        store.scan_table(Table::Circle, &mut |_, value| {
            rows.push(value);
            true
        })?;
        for row in rows.drain(..) {
            let opening = Opening::decode(&row).map_err(|_| altered(Table::Circle))?;
            replica.hold(&opening);
        }
        store.scan_table(Table::Feed, &mut |_, value| {
            rows.push(value);
            true
        })?;
        for row in rows.drain(..) {
            let FeedRow(circle, key, run, head, _) = decode(Table::Feed, &row)?;
            if let Some(held) = replica.circles.get_mut(&circle) {
                held.set((key, run), head);
            }
        }
        store.scan_table(Table::Wanted, &mut |_, value| {
            rows.push(value);
            true
        })?;
        for row in rows {
            let WantedRow(id, circle, key, run, seq) = decode(Table::Wanted, &row)?;
            replica.wanted.insert(FeedId { circle, key, run }, seq, id);
        }
        replica.load_shedding(store)?;
        replica.disown();
        Ok(replica)
    }

    /// Feeds whose keys are certified no longer stop counting, and nothing of them is wanted; those whose keys are
    /// certified again go on. Which nodes took their entries in before the rosters changed must not matter.
    pub fn disown(&mut self) {
        for held in self.circles.values_mut() {
            held.sort_by_certificate(|key| self.members.role(key).is_some());
        }
    }

    /// Starts holding a circle; known ones stay as they are. Returns whether it is new.
    pub fn hold(&mut self, opening: &Opening) -> bool {
        let id = opening.circle.id(&self.members.registry());
        let new = !self.circles.contains_key(&id);
        self.circles.entry(id).or_insert_with(|| Held::new(opening.circle.clone(), opening.secret.clone()));
        new
    }

    /// The circles held.
    pub fn circles(&self) -> impl Iterator<Item = (&CircleId, &Held)> {
        self.circles.iter()
    }

    /// A circle held.
    #[must_use]
    pub fn circle(&self, id: &CircleId) -> Option<&Held> {
        self.circles.get(id)
    }

    /// How far a feed counts.
    #[must_use]
    pub fn head(&self, feed: &FeedId) -> Option<&FeedHead> {
        self.circles.get(&feed.circle)?.head(&(feed.key, feed.run))
    }

    /// Whether the entry of a feed at a number counts.
    #[must_use]
    fn counts(&self, feed: &FeedId, seq: u64) -> bool {
        self.head(feed).is_some_and(|head| seq <= head.counted())
    }

    /// Bodies missing, with their circles.
    pub fn wanted(&self) -> impl Iterator<Item = (&EntryId, &CircleId)> {
        let counted = self.wanted.feeds().filter(|(feed, _)| self.head(feed).is_some());
        counted.flat_map(|(feed, missing)| missing.values().map(|id| (id, &feed.circle)))
    }

    /// Number of bodies missing.
    #[must_use]
    pub fn wanted_len(&self) -> usize {
        self.wanted.feeds().filter(|(feed, _)| self.head(feed).is_some()).map(|(_, missing)| missing.len()).sum()
    }

    /// Whether the body of a counted entry is missing.
    #[must_use]
    pub fn lacks(&self, feed: &FeedId, seq: u64) -> bool {
        self.wanted.lacks(feed, seq)
    }

    /// Whether as many entries of a feed count without their bodies as may.
    #[must_use]
    pub fn awaits_bodies(&self, feed: &FeedId) -> bool {
        self.wanted.of(feed) >= self.bounds.bodiless
    }

    /// Feeds that smaller incarnations of their keys displaced since this was last asked.
    pub fn take_displaced(&mut self) -> Vec<FeedId> {
        std::mem::take(&mut self.displaced)
    }

    /// Whether nothing new of a key counts in a circle, unless it is of one of these runs or of a smaller one.
    #[must_use]
    pub fn is_overrun(&self, circle: &CircleId, key: &FeedKey, run: Option<Incarnation>) -> bool {
        let Some(held) = self.circles.get(circle) else { return false };
        let known = run.is_some_and(|run| held.head(&(*key, run)).is_some());
        let run = run.unwrap_or(Incarnation([0xff; 8]));
        !known && held.room(key, run, self.bounds.incarnations) == Room::Full
    }

    /// The largest incarnation of a key that counts in any circle.
    #[must_use]
    pub fn latest_run(&self, key: &FeedKey) -> Option<Incarnation> {
        self.circles.values().filter_map(|held| held.runs(key).next_back()).max()
    }

    /// For the simulator: other bounds, so that few entries reach them.
    #[cfg(any(test, feature = "sim"))]
    pub fn bind(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// The organisation that wrote an accepted entry.
    #[must_use]
    pub fn author(&self, entry: &Verified) -> Option<OrgId> {
        self.members.role(&entry.header().feed.key).map(|role| role.org)
    }

    /// Takes an entry in, with its body if it came along.
    pub fn accept<S: Store>(
        &mut self,
        staged: &mut Staged<'_, S>,
        entry: Verified,
        body: Option<Body>,
    ) -> Result<Outcome, StoreError> {
        let header = entry.header();
        let feed = header.feed;
        // 1. The circle is held.
        let Some(held) = self.circles.get(&feed.circle) else { return Ok(Outcome::OtherCircle) };
        // 2. The key is certified, by a member that the circle admits, for writing there.
        let Some(role) = self.members.role(&feed.key) else { return Ok(Outcome::PendingRoster) };
        if !held.circle.admits(&role.org) || !held.circle.may_write(&role, header.kind) {
            return Ok(Outcome::Invalid);
        }
        #[cfg(any(test, feature = "sim"))]
        if self.planted == Some(Planted::UnknownKindInvalid) && header.kind.0 > 16 {
            return Ok(Outcome::Invalid);
        }
        // 3. The charter version is known.
        if header.charter != self.members.charter() {
            return Ok(Outcome::PendingCharter);
        }
        // 4. A first entry's parent is the key's certificate, which we know: another one can never fit.
        if header.seq == 1 && header.prev != role.certificate {
            return Ok(Outcome::Invalid);
        }
        // 5. Its incarnation is among the smallest of its key in its circle, up to INCARNATIONS.
        let head = held.head(&(feed.key, feed.run)).copied();
        let room = match head {
            Some(_) => Room::Free,
            None => held.room(&feed.key, feed.run, self.bounds.incarnations),
        };
        if room == Room::Full || self.is_planted_order() && room != Room::Free {
            return Ok(Outcome::Surplus);
        }
        // 6. It stands where the chain ends, or stands there already, or proves a fork.
        let (counted, tip) = head.map_or((0, role.certificate), |head| (head.counted(), head.tip()));
        if header.seq <= counted {
            return self.accept_below(staged, entry, body, tip, counted);
        }
        if head.is_some_and(|head| head.is_forked()) {
            return Ok(Outcome::Contested);
        }
        if header.seq > counted + 1 && !self.is_planted_gap() {
            return Ok(Outcome::Gap { next: counted + 1 });
        }
        if header.prev != tip && !self.is_planted_prev() {
            return Ok(Outcome::Misfit { upto: counted });
        }
        if body.is_none() && self.awaits_bodies(&feed) {
            return Ok(self.delay(staged, entry));
        }
        if let Room::InPlaceOf(run) = room {
            self.displace(staged, FeedId { run, ..feed });
        }
        let head = FeedHead::Open { seq: header.seq, id: entry.id() };
        staged.put(Row::new(Table::Header, feed.bytes(), header.seq), entry.envelope());
        staged.put(place_row(&entry.id()), codec::encode(&PlaceRow(feed.circle, feed.key, feed.run, header.seq)));
        self.set(staged, &feed, head, None);
        match body {
            Some(body) => keep(staged, &entry.id(), &body),
            None => {
                let row = WantedRow(entry.id(), feed.circle, feed.key, feed.run, header.seq);
                staged.put(wanted_row(&entry.id()), codec::encode(&row));
                self.wanted.insert(feed, header.seq, entry.id());
            }
        }
        Ok(Outcome::New)
    }

    /// An entry at a number that already counts: known, or evidence.
    fn accept_below<S: Store>(
        &mut self,
        staged: &mut Staged<'_, S>,
        entry: Verified,
        body: Option<Body>,
        tip: EntryId,
        counted: u64,
    ) -> Result<Outcome, StoreError> {
        let header = entry.header();
        if header.seq == counted && entry.id() == tip || self.place(staged, &entry.id())?.is_some() {
            let filled = match body {
                Some(body) if self.wanted.remove(&header.feed, header.seq) => {
                    keep(staged, &entry.id(), &body);
                    staged.delete(wanted_row(&entry.id()));
                    true
                }
                _ => false,
            };
            return Ok(Outcome::Known { filled });
        }
        let held = self
            .entry(staged, &header.feed, header.seq)?
            .ok_or(StoreError::Altered { table: Table::Header.label() })?;
        let seq = header.seq;
        let Some(proof) = ForkProof::of(held, entry) else { return Ok(Outcome::Misfit { upto: seq - 1 }) };
        self.end(staged, &proof);
        Ok(Outcome::Forked)
    }

    /// Where two entries fork their feed it ends. What stands above stays where it is, and does not count.
    fn end<S: Store>(&mut self, staged: &mut Staged<'_, S>, proof: &ForkProof) {
        let header = proof.entries()[0].header();
        for id in self.wanted.cut(&header.feed, header.seq) {
            staged.delete(wanted_row(&id));
        }
        self.set(staged, &header.feed, proof.head(), Some(proof));
    }

    /// An entry that would be one too many without its body. The two that prove a fork come one after the other.
    fn delay<S: Store>(&mut self, staged: &mut Staged<'_, S>, entry: Verified) -> Outcome {
        let proof = self.delayed.take().and_then(|other| ForkProof::of(other, entry.clone()));
        let Some(proof) = proof else {
            self.delayed = Some(entry);
            return Outcome::Delayed;
        };
        self.end(staged, &proof);
        Outcome::Forked
    }

    /// A feed whose incarnation is no longer among those of its key that count. For good: what displaced it never goes.
    fn displace<S: Store>(&mut self, staged: &mut Staged<'_, S>, feed: FeedId) {
        for id in self.wanted.cut(&feed, 0) {
            staged.delete(wanted_row(&id));
        }
        staged.delete(Row::new(Table::Feed, feed.bytes(), 0));
        if let Some(held) = self.circles.get_mut(&feed.circle) {
            held.remove(&(feed.key, feed.run));
        }
        self.shed_from(staged, feed, 1);
        self.displaced.push(feed);
    }

    fn set<S: Store>(&mut self, staged: &mut Staged<'_, S>, feed: &FeedId, head: FeedHead, proof: Option<&ForkProof>) {
        let pair = proof.map(|proof| proof.entries().map(|entry| ByteBuf::from(entry.envelope())).into());
        let row = FeedRow(feed.circle, feed.key, feed.run, head, pair);
        staged.put(Row::new(Table::Feed, feed.bytes(), 0), codec::encode(&row));
        if let Some(held) = self.circles.get_mut(&feed.circle) {
            held.set((feed.key, feed.run), head);
        }
    }

    /// The counted entry of a feed at a number.
    pub fn entry<S: Store>(
        &self,
        staged: &Staged<'_, S>,
        feed: &FeedId,
        seq: u64,
    ) -> Result<Option<Verified>, StoreError> {
        if !self.counts(feed, seq) {
            return Ok(None);
        }
        let stored = staged.get(&Row::new(Table::Header, feed.bytes(), seq))?;
        stored.map(|bytes| self.restore(&bytes)).transpose()
    }

    /// Where a counted entry stands.
    pub fn place<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<(FeedId, u64)>, StoreError> {
        let Some(value) = staged.get(&place_row(id))? else { return Ok(None) };
        let PlaceRow(circle, key, run, seq) = decode(Table::Place, &value)?;
        let feed = FeedId { circle, key, run };
        Ok(self.counts(&feed, seq).then_some((feed, seq)))
    }

    /// The body of a counted entry, if it is here.
    pub fn body<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<Body>, StoreError> {
        Ok(staged.get(&body_row(id))?.map(Body::restore))
    }

    /// The two entries that prove a feed's fork.
    pub fn proof<S: Store>(&self, staged: &Staged<'_, S>, feed: &FeedId) -> Result<Vec<Verified>, StoreError> {
        let Some(value) = staged.get(&Row::new(Table::Feed, feed.bytes(), 0))? else { return Ok(vec![]) };
        let FeedRow(.., pair) = decode(Table::Feed, &value)?;
        pair.into_iter().flat_map(|(a, b)| [a, b]).map(|bytes| self.restore(&bytes)).collect()
    }

    fn restore(&self, stored: &[u8]) -> Result<Verified, StoreError> {
        Verified::restore(&self.members.registry(), stored).map_err(|_| altered(Table::Header))
    }

    #[cfg(any(test, feature = "sim"))]
    fn is_planted_order(&self) -> bool {
        self.planted == Some(Planted::FirstComeCounts)
    }

    #[cfg(not(any(test, feature = "sim")))]
    const fn is_planted_order(&self) -> bool {
        false
    }

    #[cfg(any(test, feature = "sim"))]
    fn is_planted_gap(&self) -> bool {
        self.planted == Some(Planted::GapAccepted)
    }

    #[cfg(not(any(test, feature = "sim")))]
    const fn is_planted_gap(&self) -> bool {
        false
    }

    #[cfg(any(test, feature = "sim"))]
    fn is_planted_prev(&self) -> bool {
        self.planted.is_some_and(|bug| matches!(bug, Planted::PrevUnchecked | Planted::GapAccepted))
    }

    #[cfg(not(any(test, feature = "sim")))]
    const fn is_planted_prev(&self) -> bool {
        false
    }
}

/// Keeps a body, and that it is still to be read.
fn keep<S: Store>(staged: &mut Staged<'_, S>, id: &EntryId, body: &Body) {
    staged.put(body_row(id), body.bytes().to_vec());
    staged.put(unread_row(id), id.0.to_vec());
}

/// The row that says an entry is still to be read into its section.
#[must_use]
pub fn unread_row(id: &EntryId) -> Row {
    Row::new(Table::Unread, id, 0)
}

/// The row of a circle's opening.
#[must_use]
pub fn circle_row(id: &CircleId) -> Row {
    Row::new(Table::Circle, id, 0)
}

fn place_row(id: &EntryId) -> Row {
    Row::new(Table::Place, id, 0)
}

fn body_row(id: &EntryId) -> Row {
    Row::new(Table::Body, id, 0)
}

fn wanted_row(id: &EntryId) -> Row {
    Row::new(Table::Wanted, id, 0)
}

fn altered(table: Table) -> StoreError {
    StoreError::Altered { table: table.label() }
}

fn decode<T: Serialize + serde::de::DeserializeOwned>(table: Table, bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(table.label(), bytes, BODY_BYTES.0).map_err(|_| altered(table))
}
