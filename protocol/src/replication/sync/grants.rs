//! Grants among new entries: secrets of circles and epochs for this device.
//!
//! A counted grant has a row under its author's organisation until it was tried. Its secrets are stored and its row is
//! deleted in one batch, whether it was for this device or not: no start and no unlocking tries it again. The number of
//! grants tried of one organisation within an hour is bounded; the others wait. Opening grants is local and decides
//! nothing about which entries count.

use std::collections::BTreeMap;

use super::{Notice, State, Step, Tick, Transaction, write};
use crate::{
    bytes::{
        ids::{CircleId, EntryId, FeedKey, OrgId},
        limits::{EPOCHS_OF_CIRCLE, GRANTS_TRIED, STEWARD_CIRCLES},
        seal::ReadingKey,
    },
    log::entry::{Kind, Verified},
    membership::circle::{
        Circle,
        grant::{self, Opening},
    },
    store::{Row, Store, StoreError, Table, staged::Staged},
};

/// Milliseconds after which more of an organisation's grants are tried.
const PACE_MS: u64 = 3_600_000;

/// Counts of tried grants per organisation in the current hour.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since: Tick,
    tried: BTreeMap<OrgId, usize>,
    /// Whether grants wait for the next hour.
    has_pending: bool,
}

impl Pace {
    /// The time at which waiting grants are due.
    pub(super) fn due(&self) -> Option<Tick> {
        self.has_pending.then(|| self.since.after(PACE_MS))
    }

    /// Whether one more grant of the organisation may be tried now; counts it if so.
    fn allows(&mut self, org: OrgId, now: Tick) -> bool {
        if now >= self.since.after(PACE_MS) {
            *self = Self { since: now, ..Self::default() };
        }
        let tried = self.tried.entry(org).or_default();
        let allows = *tried < GRANTS_TRIED.0;
        *tried += usize::from(allows);
        self.has_pending |= !allows;
        allows
    }
}

impl State {
    /// Records grants among new entries, and tries them.
    pub(super) fn remember_grants<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        ids: &[EntryId],
    ) -> Result<(), StoreError> {
        for id in ids {
            let Some((entry, author)) = self.grant(&transaction.staged, id)? else { continue };
            transaction.staged.put(grant_row(&author, id), id.0.to_vec());
            self.try_grant(transaction, &entry, author)?;
        }
        Ok(())
    }

    /// Tries grants that arrived while locked. Call after [`State::unlock`].
    ///
    /// # Errors
    /// The store cannot be read, or a row does not decode.
    pub fn relearn<S: Store>(&mut self, store: &S, now: Tick) -> Result<Step, StoreError> {
        let mut transaction = Transaction { staged: Staged::new(store), effects: Vec::new(), now };
        self.try_pending(&mut transaction, store)?;
        Ok(Step { persist: transaction.staged.into_batch(), effects: transaction.effects })
    }

    /// Tries the waiting grants, of each member as many as may be tried now.
    pub(super) fn try_pending<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        store: &S,
    ) -> Result<(), StoreError> {
        self.pace.has_pending = false;
        let members: Vec<_> = self.replica.members.organisations().map(|(org, _)| *org).collect();
        for org in members {
            // One more than may be tried, which shows whether any has to wait.
            let (mut ids, first) = (Vec::new(), grant_row(&org, &EntryId([0; 32])));
            store.scan(first.table, &first.prefix, 0, &mut |_, value| {
                ids.extend(value.try_into().map(EntryId));
                ids.len() <= GRANTS_TRIED.0
            })?;
            for id in ids {
                match self.grant(&transaction.staged, &id)? {
                    Some((entry, author)) if author == org => self.try_grant(transaction, &entry, author)?,
                    // The grant's feed forked below it, or its key is no longer certified.
                    _ => transaction.staged.delete(grant_row(&org, &id)),
                }
            }
        }
        Ok(())
    }

    /// Returns a counted grant and its author's organisation.
    fn grant<S: Store>(&self, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<(Verified, OrgId)>, StoreError> {
        let Some((feed, seq)) = self.replica.place(staged, id)? else { return Ok(None) };
        let entry = self.replica.entry(staged, &feed, seq)?.filter(|entry| entry.header().kind == Kind::MEMBERSHIP);
        Ok(entry.and_then(|entry| self.replica.author(&entry).map(|author| (entry, author))))
    }

    /// Opens a grant if it is for this device, and records that it was tried.
    fn try_grant<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        entry: &Verified,
        author: OrgId,
    ) -> Result<(), StoreError> {
        if self.reader.is_none() || !self.pace.allows(author, transaction.now) {
            return Ok(());
        }
        for mut opening in self.openings(transaction, entry, &author)? {
            let known = self.epochs(&opening.circle.id(&self.replica.members.registry())).len();
            opening.epochs.truncate(EPOCHS_OF_CIRCLE.0.saturating_sub(known));
            self.hold(transaction, &opening);
        }
        transaction.staged.delete(grant_row(&author, &entry.id()));
        Ok(())
    }

    /// Returns the secrets that a grant opens for this device. A grant that is malformed, for other devices, or about a
    /// circle that its author is not the steward of or that does not admit this organisation, yields none.
    fn openings<S: Store>(
        &self,
        transaction: &mut Transaction<'_, S>,
        entry: &Verified,
        author: &OrgId,
    ) -> Result<Vec<Opening>, StoreError> {
        let Some(body) = self.replica.body(&transaction.staged, &entry.id())? else { return Ok(vec![]) };
        let (Some(reader), Some(key)) = (&self.reader, self.reading_of(author, &entry.header().feed.key)) else {
            return Ok(vec![]);
        };
        let registry = self.replica.members.registry();
        let opened = body.clear().and_then(|grant| grant::open(&registry, &grant, reader, key));
        let mut openings = opened.ok().flatten().unwrap_or_default();
        openings.retain(|opening| {
            let stewards = matches!(&opening.circle, Circle::Named { steward, .. } if steward == author);
            stewards && opening.circle.admits(&self.org)
        });
        let mut circles = self.circles_of(author).count();
        openings.retain(|opening| {
            let is_new = self.replica.circle(&opening.circle.id(&registry)).is_none();
            circles += usize::from(is_new);
            !is_new || circles <= STEWARD_CIRCLES.0
        });
        if circles > STEWARD_CIRCLES.0 {
            transaction.notice(Notice::Crowded(*author));
        }
        Ok(openings)
    }

    /// The named circles held by this node whose steward is the organisation.
    pub fn circles_of(&self, org: &OrgId) -> impl Iterator<Item = &CircleId> {
        let stewards = move |circle: &Circle| matches!(circle, Circle::Named { steward, .. } if steward == org);
        self.replica.circles().filter(move |(_, held)| stewards(&held.circle)).map(|(id, _)| id)
    }

    /// The reading key of the device that writes with a key.
    fn reading_of(&self, org: &OrgId, key: &FeedKey) -> Option<&ReadingKey> {
        let mut devices = self.replica.members.devices(org);
        devices.find(|device| device.author == *key || device.desk == *key).map(|device| &device.reading)
    }

    pub(super) fn hold<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, opening: &Opening) {
        let id = opening.circle.id(&self.replica.members.registry());
        let is_new = self.replica.hold(opening);
        write::remember(transaction, &id, opening, is_new);
        let known = self.epochs.entry(id).or_default();
        let before = known.len();
        for epoch in &opening.epochs {
            if !known.iter().any(|held| held.0 == epoch.0) {
                known.push(epoch.clone());
            }
        }
        if known.len() > before {
            transaction.notice(Notice::Keys(id));
        }
        if is_new {
            transaction.notice(Notice::Circle(id));
            self.schedule_hello(id, None, transaction.now);
        }
    }
}

/// The row of a grant that was not tried yet.
fn grant_row(author: &OrgId, id: &EntryId) -> Row {
    let number = u64::from_be_bytes(*id.0.first_chunk().expect("an id has 32 bytes"));
    Row::new(Table::Control, [b"grant", &author.0[..]].concat(), number)
}
