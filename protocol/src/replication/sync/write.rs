//! Writing own entries: sealing, signing, and the conditions before the first signature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Notice, State, Transaction};
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

/// Time to wait for a reachable peer's view of the own feeds before the first signature, in milliseconds: a machine
/// image rolled back by a day cannot notice that by itself.
const CONFIRM_MS: u64 = 2_000;

/// The keys for writing and reading.
#[derive(Debug)]
pub struct Pens {
    /// Signs entries of the organisation's people in the own circle.
    pub author: Signer,
    /// Signs entries of the organisation in other circles.
    pub desk: Signer,
    /// Opens grants.
    pub reading: ReadingSecret,
}

/// A request to write entries.
#[derive(Debug)]
pub struct Write {
    /// The writer's own number for the request.
    pub token: u64,
    /// Circle and content of each entry, in order; all are written or none.
    pub entries: Vec<(CircleId, Content)>,
    /// Fresh bytes of the system's random source for this request only. They hedge its encryption: neither a stream
    /// that repeats (a machine image resumed twice) nor a source that does makes two messages share a key.
    pub seed: [u8; 32],
}

/// The content of an entry to write.
#[derive(Clone, Debug)]
pub enum Content {
    /// Statements about a section, sealed to the circle.
    Assertions(Vec<u8>),
    /// A grant of a circle's secrets to the devices that may read it.
    Grant(Vec<u8>),
}

/// Reasons for refusing a write.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// The keys are not in memory, since the node is locked.
    #[error("locked")]
    Locked,
    /// The circle is not held by this node.
    #[error("this circle is not here")]
    NoCircle,
    /// No epoch key of the circle is held by this node.
    #[error("no key of this circle is here")]
    NoEpoch,
    /// The content is larger than an entry may be.
    #[error("larger than one entry may be")]
    TooLarge,
    /// The own key may not write in the circle.
    #[error("this device may not write there")]
    NotAllowed,
    /// As many incarnations of the own key as may count do: entries of a new one would not count.
    #[error("this device began anew as often as counts")]
    Overrun,
}

#[derive(Serialize, Deserialize)]
struct IncarnationRow(FeedKey, Incarnation);

impl State {
    pub(super) fn handle_write<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        write: Write,
    ) -> Result<(), StoreError> {
        let others = self.replica.members.nodes().any(|(node, _)| *node != self.me);
        if !self.own_feeds_confirmed && others {
            let by = *self.confirm_by.get_or_insert(transaction.now.after(CONFIRM_MS));
            if transaction.now < by {
                self.waiting.push(write);
                return Ok(());
            }
        }
        let token = write.token;
        // All or nothing: every reason for refusal is checked before anything is staged.
        if let Some(refusal) = write.entries.iter().find_map(|(circle, content)| self.refuses(circle, content)) {
            transaction.notice(Notice::Refused { token, refusal });
            return Ok(());
        }
        let mut written: Vec<(CircleId, Verified)> = Vec::new();
        for (circle, content) in write.entries {
            written.push((circle, self.sign(transaction, circle, &content, &write.seed)?));
        }
        let entries: Vec<_> = written.iter().map(|(_, entry)| entry.id()).collect();
        transaction.notice(Notice::Saved { token, entries: entries.clone() });
        self.remember_grants(transaction, &entries)?;
        transaction.notice(Notice::Arrived(entries));
        let mut by_circle: BTreeMap<CircleId, Vec<Verified>> = BTreeMap::new();
        written.into_iter().for_each(|(circle, entry)| by_circle.entry(circle).or_default().push(entry));
        by_circle.iter().try_for_each(|(circle, entries)| self.live(transaction, *circle, entries))
    }

    /// Confirms the own feeds, and handles the writes that waited for it.
    pub(super) fn confirm_own_feeds<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
    ) -> Result<(), StoreError> {
        self.confirm_by = None;
        self.own_feeds_confirmed = true;
        std::mem::take(&mut self.waiting).into_iter().try_for_each(|write| self.handle_write(transaction, write))
    }

    fn refuses(&self, circle: &CircleId, content: &Content) -> Option<Refusal> {
        let Some(pens) = &self.pens else { return Some(Refusal::Locked) };
        let Some(held) = self.replica.circle(circle) else { return Some(Refusal::NoCircle) };
        let key = FeedKey(pens.of(&held.circle).public());
        let allowed = self.replica.members.role(&key).is_some_and(|role| held.circle.may_write(&role, content.kind()));
        match content {
            _ if !allowed => Some(Refusal::NotAllowed),
            _ if self.replica.is_overrun(circle, &key, self.incarnations.get(&key).copied()) => Some(Refusal::Overrun),
            Content::Assertions(_) if self.epochs(circle).is_empty() => Some(Refusal::NoEpoch),
            Content::Assertions(bytes) | Content::Grant(bytes) if bytes.len() > BODY_BYTES.0 * 9 / 10 => {
                Some(Refusal::TooLarge)
            }
            _ => None,
        }
    }

    fn sign<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        circle: CircleId,
        content: &Content,
        fresh: &[u8; 32],
    ) -> Result<Verified, StoreError> {
        let registry = self.replica.members.registry();
        let pens = self.pens.as_ref().expect("refuses() asked");
        let signer = pens.of(&self.replica.circle(&circle).expect("refuses() asked").circle).clone();
        let secret = &pens.reading.0;
        let key = FeedKey(signer.public());
        let latest = self.replica.latest_incarnation(&key);
        let run = *self.incarnations.entry(key).or_insert_with(|| {
            let run = next_incarnation(latest, &mut self.entropy.hedged(secret, fresh, &[b"run", &key.0]));
            transaction.staged.put(incarnation_row(&key), codec::encode(&IncarnationRow(key, run)));
            run
        });
        let feed = FeedId { circle, key, run };
        let role = self.replica.members.role(&key).expect("refuses() asked");
        let (counted, prev) =
            self.replica.head(&feed).map_or((0, role.certificate), |line| (line.counted(), line.tip()));
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
        let outcome = self.replica.accept(&mut transaction.staged, entry.clone(), Some(body))?;
        assert_eq!(outcome, Outcome::New, "an own entry continues the own feed");
        Ok(entry)
    }
}

impl Pens {
    /// The key for writing in a circle.
    #[must_use]
    pub fn of(&self, circle: &Circle) -> &Signer {
        match circle.writing_purpose() {
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

/// Generates an incarnation larger than all that are known: when there are more than count, no older one is displaced.
fn next_incarnation(latest: Option<Incarnation>, entropy: &mut Entropy) -> Incarnation {
    let chance = u64::from_be_bytes(entropy.bytes());
    let latest = latest.map_or(0, |incarnation| u64::from_be_bytes(incarnation.0));
    Incarnation(latest.checked_add(1 + (chance >> 16)).unwrap_or(chance).to_be_bytes())
}

fn incarnation_row(key: &FeedKey) -> Row {
    Row::new(Table::Meta, [b"run", &key.0[..]].concat(), 0)
}

/// Deletes the key's present incarnation: it is never signed with again.
pub(super) fn retire_incarnation<S: Store>(transaction: &mut Transaction<'_, S>, key: &FeedKey) {
    transaction.staged.delete(incarnation_row(key));
}

/// Stores a circle, if it is new, and its epochs. The secret of a known circle stays: a second grant cannot change it.
pub(super) fn remember<S: Store>(transaction: &mut Transaction<'_, S>, id: &CircleId, opening: &Opening, is_new: bool) {
    if is_new {
        let carried = Opening { epochs: vec![], ..opening.clone() };
        transaction.staged.put(circle_row(id), carried.encode());
    }
    for epoch in &opening.epochs {
        let (row, value) = epoch_row(id, epoch);
        transaction.staged.put(row, value);
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

/// Reads the incarnations under which own feeds continue.
///
/// # Errors
/// The store cannot be read, or a row does not decode.
pub fn runs(store: &impl Store, keys: &[FeedKey]) -> Result<BTreeMap<FeedKey, Incarnation>, StoreError> {
    let mut runs = BTreeMap::new();
    for key in keys {
        if let Some(value) = store.get(&incarnation_row(key))? {
            let IncarnationRow(key, run) =
                codec::decode("run", &value, 128).map_err(|_| StoreError::Altered { table: Table::Meta.label() })?;
            runs.insert(key, run);
        }
    }
    Ok(runs)
}

/// Returns the batch to commit when a store may be outdated (a restored backup, a copied folder): own feeds then
/// continue under new incarnations.
#[must_use]
pub fn renew(keys: &[FeedKey]) -> Batch {
    let mut batch = Batch::default();
    keys.iter().for_each(|key| batch.delete(incarnation_row(key)));
    batch
}

/// Reads all epoch keys of a store.
///
/// # Errors
/// The store cannot be read, or a row does not decode.
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
                let drawn = |seed: u8| next_incarnation(Some(known), &mut Entropy::new([seed; 32]));
                assert!(drawn(seed) > known, "{latest}");
                assert_ne!(drawn(seed), drawn(seed + 32));
            }
        }
    }
}
