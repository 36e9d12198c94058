//! Rate limit on newly written entries of one organisation: entries beyond it are requested later, never refused.
//!
//! A header has no trustworthy time. But once a circle was equal with a peer's on a standing connection, no old entry
//! of it is missing, so an entry that comes then was written, or released, since. Each other organisation has a token
//! bucket for such entries. Before that, while a copy catches up, there is no limit: a long history comes at full
//! speed.
//!
//! A peer that sends more gets LATER: it leaves that organisation's entries out for a while, and both compare again
//! afterwards. This is no strike, and the deliberate difference is no alarm.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    bytes::{
        ids::{CircleId, NodeKey, OrgId},
        limits::{AUTHORED, AUTHORED_PER_HOUR, LATER_SECONDS},
    },
    log::entry::{FeedId, Verified},
    replication::sync::{Lane, Notice, State, Tick, Transaction, budget::Bucket, frame::Frame, session::Session},
};

/// The longest time for which a peer can defer entries, in seconds.
const SECONDS_MAX: u64 = 3_600;
/// Extra time for which a node expects deferred entries to be missing: frames take time. In milliseconds.
const GRACE_MS: u64 = 60_000;

/// The remaining budget of each organisation.
#[derive(Debug)]
pub(super) struct Authored {
    size: u64,
    buckets: BTreeMap<OrgId, Bucket>,
    /// Circles that were equal with a peer's since this node has had a connection.
    synced: BTreeSet<CircleId>,
    /// Organisations whose delay was reported, and the time of their last delayed entry.
    delayed_since: BTreeMap<OrgId, Tick>,
}

impl Default for Authored {
    fn default() -> Self {
        Self {
            size: AUTHORED.0 as u64,
            buckets: BTreeMap::new(),
            synced: BTreeSet::new(),
            delayed_since: BTreeMap::new(),
        }
    }
}

impl Authored {
    /// Forgets the synced circles, after a time without connections: entries that come next may be old.
    pub(super) fn forget_synced(&mut self) {
        self.synced.clear();
    }

    /// Notes that a circle is equal with a peer's.
    pub(super) fn mark_synced(&mut self, circle: CircleId) {
        self.synced.insert(circle);
    }
}

/// Deferrals by LATER on a connection, in both directions.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Organisations whose entries the peer does not take, and until when.
    by_peer: BTreeMap<OrgId, Tick>,
    /// Organisations whose entries this node does not take, and until when the peer was told to wait.
    by_us: BTreeMap<OrgId, Tick>,
    /// Circles of which entries were left out since the last DONE.
    left_out: BTreeSet<CircleId>,
}

impl State {
    /// Sets the size of the buckets: a simulated federation writes little.
    #[cfg(any(test, feature = "sim"))]
    pub fn set_authored(&mut self, size: u64) {
        self.authored.size = size;
    }

    /// The organisations whose entries are being delayed.
    pub fn delayed(&self, now: Tick) -> impl Iterator<Item = &OrgId> {
        let lately = move |at: &Tick| now < at.after(LATER_SECONDS.0 as u64 * 1000 + GRACE_MS);
        self.authored.delayed_since.iter().filter(move |(_, at)| lately(at)).map(|(org, _)| org)
    }

    /// Whether an entry must come later because its organisation's bucket is empty. If so, the peer gets LATER.
    pub(super) fn delays<S>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey, entry: &Verified) -> bool {
        let (feed, seq) = (entry.header().feed, entry.header().seq);
        let Some(role) = self.replica.members.role(&feed.key) else { return false };
        let counted = self.replica.head(&feed).map_or(0, crate::log::feed::FeedHead::counted);
        if role.org == self.org || !self.authored.synced.contains(&feed.circle) || seq <= counted {
            return false;
        }
        let size = self.authored.size;
        let bucket = self.authored.buckets.entry(role.org).or_insert_with(|| Bucket::full(size, transaction.now));
        // An entry above a gap waits for those below; it costs nothing, and is not deferred again while they wait.
        let per_hour = AUTHORED_PER_HOUR.0 as u64;
        if seq > counted + 1 && bucket.holds(size, per_hour, transaction.now)
            || bucket.take(size, per_hour, transaction.now)
        {
            return false;
        }
        if self.authored.delayed_since.insert(role.org, transaction.now).is_none() {
            transaction.notice(Notice::Delayed(role.org));
        }
        let Some(session) = self.sessions.get_mut(&peer) else { return true };
        let until = session.deferred.by_us.get(&role.org).copied();
        if until.is_none_or(|until| until <= transaction.now) {
            let seconds = LATER_SECONDS.0 as u64;
            session.deferred.by_us.insert(role.org, transaction.now.after(seconds * 1000));
            transaction.send(peer, Lane::Control, &Frame::Later { organisation: role.org, seconds });
            self.hello_within(peer, transaction.now, seconds * 1000);
        }
        true
    }

    /// Forgets delays that are over, so that the next one is reported again.
    pub(super) fn forget_delays(&mut self, now: Tick) {
        let delayed: BTreeSet<_> = self.delayed(now).copied().collect();
        self.authored.delayed_since.retain(|org, _| delayed.contains(org));
    }

    /// Handles LATER: the peer takes no more entries of an organisation for now.
    pub(super) fn handle_later<S>(
        &mut self,
        transaction: &Transaction<'_, S>,
        peer: NodeKey,
        organisation: OrgId,
        seconds: u64,
    ) {
        if !self.replica.members.is_member(&organisation) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let until = transaction.now.after(seconds.min(SECONDS_MAX) * 1000);
        session.deferred.by_peer.insert(organisation, until);
    }

    /// Whether a peer does not take a feed's entries for now.
    pub(super) fn is_deferred(&self, peer: &NodeKey, feed: &FeedId, now: Tick) -> bool {
        let Some(role) = self.replica.members.role(&feed.key) else { return false };
        self.sessions.get(peer).is_some_and(|session| session.defers(&role.org, now))
    }

    /// Notes that entries of a circle which a peer lacks were left out.
    pub(super) fn leave_out(&mut self, peer: &NodeKey, circle: CircleId) {
        if let Some(session) = self.sessions.get_mut(peer) {
            session.deferred.left_out.insert(circle);
        }
    }

    /// Returns the wait before the next exchange, in milliseconds, if the one that ends left entries out on purpose. It
    /// is then no evidence of a remaining difference.
    pub(super) fn left_out(&mut self, peer: &NodeKey, circle: &CircleId, now: Tick) -> Option<u64> {
        let session = self.sessions.get_mut(peer)?;
        let by_us = session.deferred.by_us.values().any(|until| now < until.after(GRACE_MS));
        let left = session.deferred.left_out.remove(circle) || by_us;
        left.then_some(LATER_SECONDS.0 as u64 * 1000 / 2)
    }
}

impl Session {
    /// Whether the peer takes no entries of an organisation for now.
    pub(super) fn defers(&self, org: &OrgId, now: Tick) -> bool {
        self.deferred.by_peer.get(org).is_some_and(|until| now < *until)
    }
}
