//! The replica: the set of entries that this node counts, circle by circle, and the rules by which it grows.
//!
//! [`Replica::accept`] is the only way to add an entry. It takes a [`Verified`] entry, so an unverified one does not
//! compile; it needs no plaintext; and its result depends on the set of entries taken, never on their order, the clock,
//! or the peer. The rules are numbered as in SPEC.md §Acceptance.
//!
//! The head of a feed, or its absence, decides which of its entries count. No row moves when they stop counting: a fork
//! below a million entries costs as much as one below ten.

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

/// The outcome of accepting an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The entry counts now.
    New,
    /// The entry counted already; `filled` if its missing body came with it.
    Known {
        /// Whether a wanted body arrived.
        filled: bool,
    },
    /// Earlier entries are missing; `next` is the number that would fit.
    Gap {
        /// The number that would fit.
        next: u64,
    },
    /// The entry names another parent than the chain held here: the difference lies at or below `upto`.
    Misfit {
        /// The highest number that both sides can compare.
        upto: u64,
    },
    /// The entry proves that its feed forked.
    Forked,
    /// The entry lies at or above a fork of its feed and does not count.
    Contested,
    /// The entry does not count: as many smaller incarnations of its key as may count do.
    Surplus,
    /// The entry is not taken now: too many entries of its feed count without bodies. It is taken once bodies came.
    Delayed,
    /// The entry may count once a roster link arrives that certifies its key.
    PendingRoster,
    /// The entry may count once a charter version arrives.
    PendingCharter,
    /// The entry is in a circle that this node does not hold.
    OtherCircle,
    /// The entry can never count: its author had no right to write it.
    Invalid,
}

/// The replica: everything that this node counts.
#[derive(Clone, Debug)]
pub struct Replica {
    /// The members: charter and rosters.
    pub members: Members,
    circles: BTreeMap<CircleId, Held>,
    wanted: Wanted,
    /// Displaced feeds whose rows still exist, with the first number that may still have rows.
    shedding: BTreeMap<FeedId, u64>,
    /// Feeds displaced since [`Self::take_displaced`] was last called.
    displaced: Vec<FeedId>,
    /// The header that was delayed last: another one with the same number and parent proves a fork.
    delayed: Option<Verified>,
    bounds: Bounds,
    /// A planted fault, for testing the simulator.
    #[cfg(any(test, feature = "sim"))]
    pub planted: Option<Planted>,
}

/// Bounds on incarnations of a key in a circle, and on entries of a feed that count without bodies.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Value of [`INCARNATIONS`]; smaller in the simulator.
    pub incarnations: usize,
    /// Value of [`BODILESS`]; smaller in the simulator.
    pub bodiless: usize,
}

#[derive(Serialize, Deserialize)]
struct FeedRow(CircleId, FeedKey, Incarnation, FeedHead, Option<(ByteBuf, ByteBuf)>);

#[derive(Serialize, Deserialize)]
struct PlaceRow(CircleId, FeedKey, Incarnation, u64);

#[derive(Serialize, Deserialize)]
struct WantedRow(EntryId, CircleId, FeedKey, Incarnation, u64);

impl Replica {
    /// Makes an empty replica.
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

    /// Loads the replica from a store. Cost: one pass over the feeds, not over the entries.
    ///
    /// # Errors
    /// The store cannot be read, or a row does not decode.
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
        replica.drop_uncertified();
        Ok(replica)
    }

    /// Stops counting feeds whose keys are no longer certified, and wanting their bodies; resumes feeds whose keys are
    /// certified again. The result is the same on nodes that took the entries before and after the rosters changed.
    pub fn drop_uncertified(&mut self) {
        for held in self.circles.values_mut() {
            held.park_uncertified(|key| self.members.role(key).is_some());
        }
    }

    /// Starts holding a circle; a known one is not changed. Returns whether it is new.
    pub fn hold(&mut self, opening: &Opening) -> bool {
        let id = opening.circle.id(&self.members.registry());
        let new = !self.circles.contains_key(&id);
        self.circles.entry(id).or_insert_with(|| Held::new(opening.circle.clone(), opening.secret.clone()));
        new
    }

    /// The circles held by this node.
    pub fn circles(&self) -> impl Iterator<Item = (&CircleId, &Held)> {
        self.circles.iter()
    }

    /// A circle held by this node.
    #[must_use]
    pub fn circle(&self, id: &CircleId) -> Option<&Held> {
        self.circles.get(id)
    }

    /// The head of a feed.
    #[must_use]
    pub fn head(&self, feed: &FeedId) -> Option<&FeedHead> {
        self.circles.get(&feed.circle)?.head(&(feed.key, feed.run))
    }

    /// Whether the entry of a feed at a number counts.
    #[must_use]
    fn counts(&self, feed: &FeedId, seq: u64) -> bool {
        self.head(feed).is_some_and(|head| seq <= head.counted())
    }

    /// Missing bodies of counted entries, with their circles.
    pub fn wanted(&self) -> impl Iterator<Item = (&EntryId, &CircleId)> {
        let counted = self.wanted.feeds().filter(|(feed, _)| self.head(feed).is_some());
        counted.flat_map(|(feed, missing)| missing.values().map(|id| (id, &feed.circle)))
    }

    /// Number of missing bodies of counted entries.
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

    /// Takes the feeds displaced by smaller incarnations of their keys since the last call.
    pub fn take_displaced(&mut self) -> Vec<FeedId> {
        std::mem::take(&mut self.displaced)
    }

    /// Whether an entry of a key under incarnation `run` would not count in a circle, since as many smaller
    /// incarnations as may count do. `None` stands for a new, largest incarnation.
    #[must_use]
    pub fn is_overrun(&self, circle: &CircleId, key: &FeedKey, run: Option<Incarnation>) -> bool {
        let Some(held) = self.circles.get(circle) else { return false };
        let known = run.is_some_and(|run| held.head(&(*key, run)).is_some());
        let run = run.unwrap_or(Incarnation([0xff; 8]));
        !known && held.room(key, run, self.bounds.incarnations) == Room::Full
    }

    /// The largest incarnation of a key that counts in any circle.
    #[must_use]
    pub fn latest_incarnation(&self, key: &FeedKey) -> Option<Incarnation> {
        self.circles.values().filter_map(|held| held.incarnations(key).next_back()).max()
    }

    /// Sets other bounds for the simulator, so that few entries reach them.
    #[cfg(any(test, feature = "sim"))]
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// The organisation that wrote an accepted entry.
    #[must_use]
    pub fn author(&self, entry: &Verified) -> Option<OrgId> {
        self.members.role(&entry.header().feed.key).map(|role| role.org)
    }

    /// Adds an entry to the replica, with its body if it came along.
    ///
    /// # Errors
    /// The store cannot be read, or a stored row is altered.
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
        // 5. The incarnation is among the smallest of its key in its circle, up to INCARNATIONS.
        let head = held.head(&(feed.key, feed.run)).copied();
        let room = match head {
            Some(_) => Room::Free,
            None => held.room(&feed.key, feed.run, self.bounds.incarnations),
        };
        if room == Room::Full || self.is_planted_order() && room != Room::Free {
            return Ok(Outcome::Surplus);
        }
        // 6. The entry extends the chain, is held already, or proves a fork.
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
            Some(body) => store_body(staged, &entry.id(), &body),
            None => {
                let row = WantedRow(entry.id(), feed.circle, feed.key, feed.run, header.seq);
                staged.put(wanted_row(&entry.id()), codec::encode(&row));
                self.wanted.insert(feed, header.seq, entry.id());
            }
        }
        Ok(Outcome::New)
    }

    /// Judges an entry at a number that already counts: it is known, or evidence of a fork.
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
                    store_body(staged, &entry.id(), &body);
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
        self.end_feed(staged, &proof);
        Ok(Outcome::Forked)
    }

    /// Ends a feed at the number where two entries fork it. The rows above stay, and no longer count.
    fn end_feed<S: Store>(&mut self, staged: &mut Staged<'_, S>, proof: &ForkProof) {
        let header = proof.entries()[0].header();
        for id in self.wanted.cut(&header.feed, header.seq) {
            staged.delete(wanted_row(&id));
        }
        self.set(staged, &header.feed, proof.head(), Some(proof));
    }

    /// Delays an entry that would be one too many without its body. The two headers of a fork proof arrive one after
    /// the other.
    fn delay<S: Store>(&mut self, staged: &mut Staged<'_, S>, entry: Verified) -> Outcome {
        let proof = self.delayed.take().and_then(|other| ForkProof::of(other, entry.clone()));
        let Some(proof) = proof else {
            self.delayed = Some(entry);
            return Outcome::Delayed;
        };
        self.end_feed(staged, &proof);
        Outcome::Forked
    }

    /// Removes a feed whose incarnation is no longer among those of its key that count. Final: smaller incarnations
    /// stay.
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

    /// Returns the counted entry of a feed at a number.
    ///
    /// # Errors
    /// The store cannot be read, or the header does not decode.
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

    /// Returns the feed and number of a counted entry.
    ///
    /// # Errors
    /// The store cannot be read, or the row does not decode.
    pub fn place<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<(FeedId, u64)>, StoreError> {
        let Some(value) = staged.get(&place_row(id))? else { return Ok(None) };
        let PlaceRow(circle, key, run, seq) = decode(Table::Place, &value)?;
        let feed = FeedId { circle, key, run };
        Ok(self.counts(&feed, seq).then_some((feed, seq)))
    }

    /// Returns the body of a counted entry, if it is here.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn body<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<Body>, StoreError> {
        Ok(staged.get(&body_row(id))?.map(Body::restore))
    }

    /// Returns the two entries that prove a feed's fork; nothing for a feed that did not fork.
    ///
    /// # Errors
    /// The store cannot be read, or the proof does not decode.
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

/// Stores a body, and marks its entry as not yet folded into its section.
fn store_body<S: Store>(staged: &mut Staged<'_, S>, id: &EntryId, body: &Body) {
    staged.put(body_row(id), body.bytes().to_vec());
    staged.put(unread_row(id), id.0.to_vec());
}

/// The row that marks an entry as not yet folded into its section.
#[must_use]
pub fn unread_row(id: &EntryId) -> Row {
    Row::new(Table::Unread, id, 0)
}

/// The row of a circle's definition and secret.
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
