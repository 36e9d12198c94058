//! The replica: the set of entries this node counts, circle by circle, and the rules by which it grows.
//!
//! `accept` is the only way in. It takes a [`Verified`] entry, so "forgot to verify" does not compile; it needs no
//! plaintext; and its result depends on the set of entries taken, never on their order, the clock, or who brought them.
//! The rules are numbered as in SPEC.md §Acceptance.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    body::Body,
    charter::Members,
    circle::{Circle, grant::Opening},
    codec,
    entry::{FeedId, Verified},
    feed::{ForkProof, Line, circle_root},
    ids::{CircleId, EntryId, FeedKey, Incarnation, OrgId},
    limits::BODY_BYTES,
    seal::Secret,
    staged::Staged,
    store::{Row, Store, StoreError, Table},
};

#[cfg(any(test, feature = "sim"))]
pub use crate::sim::planted::Planted;

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
    /// It may count once a roster link arrives that certifies its key.
    PendingRoster,
    /// It may count once a charter version arrives.
    PendingCharter,
    /// It is in a circle this node does not hold.
    OtherCircle,
    /// It can never count: its author had no right to write it.
    Invalid,
}

/// A circle this node holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// What it is.
    pub circle: Circle,
    /// Keys its tags and roots on the wire.
    pub secret: Secret,
    feeds: BTreeMap<(FeedKey, Incarnation), Line>,
    /// Computed when asked for: a batch of entries costs one pass over the lines, not one each.
    root: OnceCell<[u8; 32]>,
}

impl Held {
    fn new(circle: Circle, secret: Secret) -> Self {
        Self { circle, secret, feeds: BTreeMap::new(), root: OnceCell::new() }
    }

    /// Hash over its frontier.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        *self.root.get_or_init(|| circle_root(self.feeds.iter()))
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = (&(FeedKey, Incarnation), &Line)> {
        self.feeds.iter()
    }

    fn set(&mut self, feed: &FeedId, line: Line) {
        self.feeds.insert((feed.key, feed.run), line);
        self.root.take();
    }
}

/// Everything this node counts.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Charter and rosters.
    pub members: Members,
    circles: BTreeMap<CircleId, Held>,
    wanted: BTreeMap<EntryId, CircleId>,
    /// A deliberate mistake, for the simulator to find.
    #[cfg(any(test, feature = "sim"))]
    pub planted: Option<Planted>,
}

#[derive(Serialize, Deserialize)]
struct FeedRow(CircleId, FeedKey, Incarnation, Line, Option<(ByteBuf, ByteBuf)>);

#[derive(Serialize, Deserialize)]
struct PlaceRow(CircleId, FeedKey, Incarnation, u64);

#[derive(Serialize, Deserialize)]
struct WantedRow(EntryId, CircleId);

impl Replica {
    /// An empty replica.
    #[must_use]
    pub fn new(members: Members) -> Self {
        Self {
            members,
            circles: BTreeMap::new(),
            wanted: BTreeMap::new(),
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
            let FeedRow(circle, key, run, line, _) = decode(Table::Feed, &row)?;
            if let Some(held) = replica.circles.get_mut(&circle) {
                held.feeds.insert((key, run), line);
            }
        }
        store.scan_table(Table::Wanted, &mut |_, value| {
            rows.push(value);
            true
        })?;
        for row in rows {
            let WantedRow(id, circle) = decode(Table::Wanted, &row)?;
            replica.wanted.insert(id, circle);
        }
        replica.disown(&Staged::new(store))?;
        Ok(replica)
    }

    /// Feeds whose keys are certified no longer stop counting, and nothing of them is wanted. Which nodes took their
    /// entries in before the roster froze must not matter.
    pub fn disown<S: Store>(&mut self, staged: &Staged<'_, S>) -> Result<(), StoreError> {
        for held in self.circles.values_mut() {
            held.feeds.retain(|(key, _), _| self.members.role(key).is_some());
            held.root.take();
        }
        let wanted: Vec<_> = self.wanted.keys().copied().collect();
        for id in wanted {
            let place = self.place(staged, &id)?;
            if place.is_none_or(|(feed, _)| self.line(&feed).is_none()) {
                self.wanted.remove(&id);
            }
        }
        Ok(())
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
    pub fn line(&self, feed: &FeedId) -> Option<&Line> {
        self.circles.get(&feed.circle)?.feeds.get(&(feed.key, feed.run))
    }

    /// Bodies missing, with their circles.
    pub fn wanted(&self) -> impl Iterator<Item = (&EntryId, &CircleId)> {
        self.wanted.iter()
    }

    /// Number of bodies missing.
    #[must_use]
    pub fn wanted_len(&self) -> usize {
        self.wanted.len()
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
        // 5. It stands where the chain ends, or stands there already, or proves a fork.
        let line = held.feeds.get(&(feed.key, feed.run)).copied();
        let (counted, tip) = line.map_or((0, role.certificate), |line| (line.counted(), line.tip()));
        if header.seq <= counted {
            return self.accept_below(staged, entry, body, tip, counted);
        }
        if line.is_some_and(|line| line.is_forked()) {
            return Ok(Outcome::Contested);
        }
        if header.seq > counted + 1 && !self.is_planted_gap() {
            return Ok(Outcome::Gap { next: counted + 1 });
        }
        if header.prev != tip && !self.is_planted_prev() {
            return Ok(Outcome::Misfit { upto: counted });
        }
        let line = Line::Open { seq: header.seq, id: entry.id() };
        staged.put(Row::new(Table::Header, feed.bytes(), header.seq), entry.envelope());
        staged.put(place_row(&entry.id()), codec::encode(&PlaceRow(feed.circle, feed.key, feed.run, header.seq)));
        self.set(staged, &feed, line, None);
        match body {
            Some(body) => keep(staged, &entry.id(), &body),
            None => {
                staged.put(wanted_row(&entry.id()), codec::encode(&WantedRow(entry.id(), feed.circle)));
                self.wanted.insert(entry.id(), feed.circle);
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
                Some(body) if self.wanted.remove(&entry.id()).is_some() => {
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
        let (feed, seq) = (header.feed, header.seq);
        let Some(proof) = ForkProof::of(held, entry) else { return Ok(Outcome::Misfit { upto: seq - 1 }) };
        for seq in seq..=counted {
            self.contest(staged, &feed, seq)?;
        }
        self.set(staged, &feed, proof.line(), Some(&proof));
        Ok(Outcome::Forked)
    }

    /// Moves an entry that no longer counts aside.
    fn contest<S: Store>(&mut self, staged: &mut Staged<'_, S>, feed: &FeedId, seq: u64) -> Result<(), StoreError> {
        let Some(entry) = self.entry(staged, feed, seq)? else { return Ok(()) };
        staged.delete(Row::new(Table::Header, feed.bytes(), seq));
        staged.delete(place_row(&entry.id()));
        staged.delete(wanted_row(&entry.id()));
        staged.put(Row::new(Table::Contested, entry.id(), seq), entry.envelope());
        self.wanted.remove(&entry.id());
        Ok(())
    }

    fn set<S: Store>(&mut self, staged: &mut Staged<'_, S>, feed: &FeedId, line: Line, proof: Option<&ForkProof>) {
        let pair = proof.map(|proof| proof.entries().map(|entry| ByteBuf::from(entry.envelope())).into());
        let row = FeedRow(feed.circle, feed.key, feed.run, line, pair);
        staged.put(Row::new(Table::Feed, feed.bytes(), 0), codec::encode(&row));
        if let Some(held) = self.circles.get_mut(&feed.circle) {
            held.set(feed, line);
        }
    }

    /// The counted entry of a feed at a number.
    pub fn entry<S: Store>(
        &self,
        staged: &Staged<'_, S>,
        feed: &FeedId,
        seq: u64,
    ) -> Result<Option<Verified>, StoreError> {
        let stored = staged.get(&Row::new(Table::Header, feed.bytes(), seq))?;
        stored.map(|bytes| self.restore(&bytes)).transpose()
    }

    /// Where a counted entry stands.
    pub fn place<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<(FeedId, u64)>, StoreError> {
        let Some(value) = staged.get(&place_row(id))? else { return Ok(None) };
        let PlaceRow(circle, key, run, seq) = decode(Table::Place, &value)?;
        Ok(Some((FeedId { circle, key, run }, seq)))
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

    /// Feeds of `key` that this node counts, in any circle.
    #[must_use]
    pub fn runs_of(&self, key: &FeedKey) -> BTreeSet<Incarnation> {
        let keys = self.circles.values().flat_map(|held| held.feeds.keys());
        keys.filter(|(feed_key, _)| feed_key == key).map(|(_, run)| *run).collect()
    }

    fn restore(&self, stored: &[u8]) -> Result<Verified, StoreError> {
        Verified::restore(&self.members.registry(), stored).map_err(|_| altered(Table::Header))
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
