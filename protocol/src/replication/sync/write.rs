//! Own writing: sealing, signing, and what must be true before the first signature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Notice, State, Turn};
use crate::{
    bytes::{
        codec,
        cose::Signer,
        ids::{BodyRoot, CircleId, FeedKey, Incarnation},
        limits::BODY_BYTES,
        seal::{Entropy, ReadingSecret},
    },
    log::{
        body,
        entry::{self, FeedId, Header, Kind, Verified},
    },
    membership::{
        charter::roster::Purpose,
        circle::{Circle, Epoch, grant::Opening},
    },
    replication::replica::{Outcome, circle_row},
    store::{Batch, Row, Store, StoreError, Table},
};

/// With a peer reachable, what it says of our own feeds is awaited this long before the first signature: a machine
/// image rolled back by a day cannot notice alone.
const SETTLE_MS: u64 = 2_000;

/// The keys to write and read with.
#[derive(Debug)]
pub struct Pens {
    /// People write with it in the own circle.
    pub author: Signer,
    /// The organisation speaks with it elsewhere.
    pub desk: Signer,
    /// Opens grants.
    pub reading: ReadingSecret,
}

/// Something to be said.
#[derive(Debug)]
pub struct Write {
    /// The writer's own number for it.
    pub token: u64,
    /// One entry each, in order; all of them or none.
    pub entries: Vec<(CircleId, Content)>,
    /// Drawn from the system's random source for this write alone. What the write seals is hedged with it: neither a
    /// stream that repeats (a machine image resumed twice) nor a source that does makes two messages share a key.
    pub seed: [u8; 32],
}

/// What an entry is to hold.
#[derive(Clone, Debug)]
pub enum Content {
    /// Assertions about a section, sealed to the circle.
    Assertions(Vec<u8>),
    /// A grant of a circle's secrets to the devices that may read it.
    Grant(Vec<u8>),
}

/// Why a write did not happen.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The keys are locked away.
    #[error("locked")]
    Locked,
    /// This node does not hold the circle.
    #[error("this circle is not here")]
    NoCircle,
    /// No epoch key of the circle is here.
    #[error("no key of this circle is here")]
    NoEpoch,
    /// Larger than an entry may be.
    #[error("larger than one entry may be")]
    TooLarge,
    /// The own key may not write there.
    #[error("this device may not write there")]
    NotAllowed,
    /// As many incarnations of the own key count there as may: a new one would not.
    #[error("this device began anew as often as counts")]
    Overrun,
}

#[derive(Serialize, Deserialize)]
struct RunRow(FeedKey, Incarnation);

impl State {
    pub(super) fn write<S: Store>(&mut self, turn: &mut Turn<'_, S>, write: Write) -> Result<(), StoreError> {
        let others = self.replica.members.nodes().any(|(node, _)| *node != self.me);
        if !self.settled && others {
            let by = *self.settle_by.get_or_insert(turn.now.after(SETTLE_MS));
            if turn.now < by {
                self.waiting.push(write);
                return Ok(());
            }
        }
        let token = write.token;
        // All or nothing: everything that can refuse is asked before anything is staged.
        if let Some(refusal) = write.entries.iter().find_map(|(circle, content)| self.refuses(circle, content)) {
            turn.notice(Notice::Refused { token, refusal });
            return Ok(());
        }
        let mut written: Vec<(CircleId, Verified)> = Vec::new();
        for (circle, content) in write.entries {
            written.push((circle, self.sign(turn, circle, &content, &write.seed)?));
        }
        let entries: Vec<_> = written.iter().map(|(_, entry)| entry.id()).collect();
        turn.notice(Notice::Saved { token, entries: entries.clone() });
        self.learn(turn, &entries)?;
        turn.notice(Notice::Arrived(entries));
        let mut by_circle: BTreeMap<CircleId, Vec<Verified>> = BTreeMap::new();
        written.into_iter().for_each(|(circle, entry)| by_circle.entry(circle).or_default().push(entry));
        by_circle.iter().try_for_each(|(circle, entries)| self.live(turn, *circle, entries))
    }

    /// Whatever waited for a peer's word goes on.
    pub(super) fn settle<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), StoreError> {
        self.settle_by = None;
        self.settled = true;
        std::mem::take(&mut self.waiting).into_iter().try_for_each(|write| self.write(turn, write))
    }

    fn refuses(&self, circle: &CircleId, content: &Content) -> Option<Refusal> {
        let Some(pens) = &self.pens else { return Some(Refusal::Locked) };
        let Some(held) = self.replica.circle(circle) else { return Some(Refusal::NoCircle) };
        let key = FeedKey(pens.of(&held.circle).public());
        let allowed = self.replica.members.role(&key).is_some_and(|role| held.circle.may_write(&role, content.kind()));
        match content {
            _ if !allowed => Some(Refusal::NotAllowed),
            _ if self.replica.is_overrun(circle, &key, self.runs.get(&key).copied()) => Some(Refusal::Overrun),
            Content::Assertions(_) if self.epochs(circle).is_empty() => Some(Refusal::NoEpoch),
            Content::Assertions(bytes) | Content::Grant(bytes) if bytes.len() > BODY_BYTES.0 * 9 / 10 => {
                Some(Refusal::TooLarge)
            }
            _ => None,
        }
    }

    fn sign<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        circle: CircleId,
        content: &Content,
        fresh: &[u8; 32],
    ) -> Result<Verified, StoreError> {
        let registry = self.replica.members.registry();
        let pens = self.pens.as_ref().expect("refuses() asked");
        let signer = pens.of(&self.replica.circle(&circle).expect("refuses() asked").circle).clone();
        let secret = &pens.reading.0;
        let key = FeedKey(signer.public());
        let latest = self.replica.latest_run(&key);
        let run = *self.runs.entry(key).or_insert_with(|| {
            let run = run_after(latest, &mut self.entropy.hedged(secret, fresh, &[b"run", &key.0]));
            turn.staged.put(run_row(&key), codec::encode(&RunRow(key, run)));
            run
        });
        let feed = FeedId { circle, key, run };
        let role = self.replica.members.role(&key).expect("refuses() asked");
        let (counted, prev) =
            self.replica.line(&feed).map_or((0, role.certificate), |line| (line.counted(), line.tip()));
        let blank = Header {
            feed,
            seq: counted + 1,
            prev,
            charter: self.replica.members.charter(),
            kind: content.kind(),
            body_root: BodyRoot([0; 32]),
            body_len: 1,
        };
        let (header, body) = match content {
            Content::Assertions(plain) => {
                let known = self.epochs.get(&circle).and_then(|known| known.last());
                let Epoch(epoch, epoch_key) = known.expect("refuses() asked");
                let message = [&b"body"[..], &blank.encode_without_root(), &epoch.0, plain];
                let mut entropy = self.entropy.hedged(secret, fresh, &message);
                body::seal_for(&registry, blank, *epoch, epoch_key, plain, &mut entropy)
            }
            Content::Grant(grant) => body::clear_for(blank, grant),
        };
        let entry = entry::sign(&registry, &signer, header);
        let outcome = self.replica.accept(&mut turn.staged, entry.clone(), Some(body))?;
        assert_eq!(outcome, Outcome::New, "an own entry continues the own feed");
        Ok(entry)
    }
}

impl Pens {
    /// The key a circle is written with.
    #[must_use]
    pub fn of(&self, circle: &Circle) -> &Signer {
        match circle.pen() {
            Purpose::Author => &self.author,
            _ => &self.desk,
        }
    }
}

impl Content {
    const fn kind(&self) -> Kind {
        match self {
            Self::Assertions(_) => Kind::ASSERTIONS,
            Self::Grant(_) => Kind::MEMBERSHIP,
        }
    }
}

/// A fresh incarnation, larger than all that are known: when there are more than count, it is never an older one that goes.
fn run_after(latest: Option<Incarnation>, entropy: &mut Entropy) -> Incarnation {
    let chance = u64::from_be_bytes(entropy.bytes());
    let latest = latest.map_or(0, |run| u64::from_be_bytes(run.0));
    Incarnation(latest.checked_add(1 + (chance >> 16)).unwrap_or(chance).to_be_bytes())
}

fn run_row(key: &FeedKey) -> Row {
    Row::new(Table::Meta, [b"run", &key.0[..]].concat(), 0)
}

/// Never sign on the key's present run again.
pub(super) fn end_run<S: Store>(turn: &mut Turn<'_, S>, key: &FeedKey) {
    turn.staged.delete(run_row(key));
}

/// Keeps a circle, if it is new, and its epochs. A known circle's secret stays: a second grant cannot change it.
pub(super) fn remember<S: Store>(turn: &mut Turn<'_, S>, id: &CircleId, opening: &Opening, is_new: bool) {
    if is_new {
        let carried = Opening { epochs: vec![], ..opening.clone() };
        turn.staged.put(circle_row(id), carried.encode());
    }
    for epoch in &opening.epochs {
        let (row, value) = epoch_row(id, epoch);
        turn.staged.put(row, value);
    }
}

#[derive(Serialize, Deserialize)]
struct EpochRow(CircleId, Epoch);

/// The row of an epoch's key, and its value.
#[must_use]
pub fn epoch_row(circle: &CircleId, epoch: &Epoch) -> (Row, Vec<u8>) {
    let row = Row::new(Table::Epoch, [&circle.0[..], &epoch.0.0].concat(), 0);
    (row, codec::encode(&EpochRow(*circle, epoch.clone())))
}

/// The runs under which own feeds stand in a store.
pub fn runs(store: &impl Store, keys: &[FeedKey]) -> Result<BTreeMap<FeedKey, Incarnation>, StoreError> {
    let mut runs = BTreeMap::new();
    for key in keys {
        if let Some(value) = store.get(&run_row(key))? {
            let RunRow(key, run) =
                codec::decode("run", &value, 128).map_err(|_| StoreError::Altered { table: Table::Meta.label() })?;
            runs.insert(key, run);
        }
    }
    Ok(runs)
}

/// To be committed when a store may hold an old past (a restored backup, a copied folder): own feeds go on as new runs.
#[must_use]
pub fn renew(keys: &[FeedKey]) -> Batch {
    let mut batch = Batch::default();
    keys.iter().for_each(|key| batch.delete(run_row(key)));
    batch
}

/// The epoch keys in a store.
pub fn epochs(store: &impl Store) -> Result<BTreeMap<CircleId, Vec<Epoch>>, StoreError> {
    let (mut epochs, mut sound) = (BTreeMap::<_, Vec<_>>::new(), true);
    store.scan_table(Table::Epoch, &mut |_, value| {
        match codec::decode::<EpochRow>("epoch", &value, 256) {
            Ok(EpochRow(circle, epoch)) => epochs.entry(circle).or_default().push(epoch),
            Err(_) => sound = false,
        }
        sound
    })?;
    epochs.values_mut().for_each(|list| list.sort_by_key(|epoch| epoch.0));
    if sound { Ok(epochs) } else { Err(StoreError::Altered { table: Table::Epoch.label() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An older run of a key would take the place of a newer one where more are known than count; a run that is easily
    /// guessed is one that two copies of a machine begin alike.
    #[test]
    fn a_fresh_run_is_larger_than_all_that_are_known_and_two_copies_do_not_draw_the_same() {
        for seed in 0..32 {
            for latest in [0, 1, 1 << 62, u64::MAX - (1 << 49)] {
                let known = Incarnation(latest.to_be_bytes());
                let drawn = |seed: u8| run_after(Some(known), &mut Entropy::new([seed; 32]));
                assert!(drawn(seed) > known, "{latest}");
                assert_ne!(drawn(seed), drawn(seed + 32));
            }
        }
    }
}
