//! How much of what one organisation newly writes is taken at a time: the rest is asked for later, never refused.
//!
//! A header says nothing trustworthy about when it was written. But a circle that was equal with a peer's while a connection
//! stood holds nothing old that is still to come, so what comes then was written, or let out, since. Of that each other
//! organisation has a bucket. Before, while a copy catches up, there is no limit: a long history comes at full speed.
//!
//! Who brings more is told LATER: it leaves that organisation's entries out for a while, and both compare again after it.
//! Nobody is struck for it, and a difference that is left on purpose is no alarm.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    bytes::{
        ids::{CircleId, NodeKey, OrgId},
        limits::{AUTHORED, AUTHORED_PER_HOUR, LATER_SECONDS},
    },
    log::entry::{FeedId, Verified},
    replication::sync::{Lane, Notice, State, Tick, Turn, budget::Bucket, frame::Frame, session::Session},
};

/// The longest that a peer can have us leave something out.
const SECONDS_MAX: u64 = 3_600;
/// How much longer than it asked for a node expects something to be left out: frames take time.
const GRACE_MS: u64 = 60_000;

/// What each organisation may still have taken.
#[derive(Debug)]
pub(super) struct Authored {
    size: u64,
    buckets: BTreeMap<OrgId, Bucket>,
    /// Circles that were equal with some peer's since a connection stands.
    level: BTreeSet<CircleId>,
    /// Organisations of which a person was told, and when something of theirs was last delayed.
    late: BTreeMap<OrgId, Tick>,
}

impl Default for Authored {
    fn default() -> Self {
        Self { size: AUTHORED.0 as u64, buckets: BTreeMap::new(), level: BTreeSet::new(), late: BTreeMap::new() }
    }
}

impl Authored {
    /// This node was alone: what comes next may be old.
    pub(super) fn alone(&mut self) {
        self.level.clear();
    }

    /// A circle is equal with a peer's.
    pub(super) fn level(&mut self, circle: CircleId) {
        self.level.insert(circle);
    }
}

/// LATER as it was said on a connection, either way.
#[derive(Debug, Default)]
pub(super) struct Spared {
    /// Organisations whose entries the peer does not take, until when.
    by_peer: BTreeMap<OrgId, Tick>,
    /// Organisations whose entries we do not take, until when the peer was told to wait.
    by_us: BTreeMap<OrgId, Tick>,
    /// Circles of which something was left out since the last DONE.
    left_out: BTreeSet<CircleId>,
}

impl State {
    /// Sets the size of the buckets: a simulated federation writes little.
    #[cfg(any(test, feature = "sim"))]
    pub fn set_authored(&mut self, size: u64) {
        self.authored.size = size;
    }

    /// Organisations of which something is being delayed.
    pub fn delayed(&self, now: Tick) -> impl Iterator<Item = &OrgId> {
        let lately = move |at: &Tick| now < at.after(LATER_SECONDS.0 as u64 * 1000 + GRACE_MS);
        self.authored.late.iter().filter(move |(_, at)| lately(at)).map(|(org, _)| org)
    }

    /// Whether an entry is left for later: its organisation's bucket is empty. If so its peer is told.
    pub(super) fn delays<S>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey, entry: &Verified) -> bool {
        let (feed, seq) = (entry.header().feed, entry.header().seq);
        let Some(role) = self.replica.members.role(&feed.key) else { return false };
        let counted = self.replica.head(&feed).map_or(0, crate::log::feed::FeedHead::counted);
        if role.org == self.org || !self.authored.level.contains(&feed.circle) || seq <= counted {
            return false;
        }
        let size = self.authored.size;
        let bucket = self.authored.buckets.entry(role.org).or_insert_with(|| Bucket::full(size, turn.now));
        // An entry further up waits for those below; it takes nothing, and is not asked for anew while they wait.
        let per_hour = AUTHORED_PER_HOUR.0 as u64;
        if seq > counted + 1 && bucket.holds(size, per_hour, turn.now) || bucket.take(size, per_hour, turn.now) {
            return false;
        }
        if self.authored.late.insert(role.org, turn.now).is_none() {
            turn.notice(Notice::Delayed(role.org));
        }
        let Some(session) = self.sessions.get_mut(&peer) else { return true };
        let until = session.spared.by_us.get(&role.org).copied();
        if until.is_none_or(|until| until <= turn.now) {
            let seconds = LATER_SECONDS.0 as u64;
            session.spared.by_us.insert(role.org, turn.now.after(seconds * 1000));
            turn.send(peer, Lane::Control, &Frame::Later { organisation: role.org, seconds });
            self.hello_within(peer, turn.now, seconds * 1000);
        }
        true
    }

    /// Nothing is delayed any more: a person is told anew next time.
    pub(super) fn forget_delays(&mut self, now: Tick) {
        let delayed: BTreeSet<_> = self.delayed(now).copied().collect();
        self.authored.late.retain(|org, _| delayed.contains(org));
    }

    /// A peer takes no more of an organisation for now.
    pub(super) fn later<S>(&mut self, turn: &Turn<'_, S>, peer: NodeKey, organisation: OrgId, seconds: u64) {
        if !self.replica.members.is_member(&organisation) {
            return;
        }
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let until = turn.now.after(seconds.min(SECONDS_MAX) * 1000);
        session.spared.by_peer.insert(organisation, until);
    }

    /// Whether a peer does not take a feed's entries for now.
    pub(super) fn is_spared(&self, peer: &NodeKey, feed: &FeedId, now: Tick) -> bool {
        let Some(role) = self.replica.members.role(&feed.key) else { return false };
        self.sessions.get(peer).is_some_and(|session| session.spares(&role.org, now))
    }

    /// Notes that something of a circle was left out of what a peer lacks.
    pub(super) fn leave_out(&mut self, peer: &NodeKey, circle: CircleId) {
        if let Some(session) = self.sessions.get_mut(peer) {
            session.spared.left_out.insert(circle);
        }
    }

    /// Whether an exchange that ends left something out on purpose: then it settles nothing, and how long to wait before
    /// the next.
    pub(super) fn left_out(&mut self, peer: &NodeKey, circle: &CircleId, now: Tick) -> Option<u64> {
        let session = self.sessions.get_mut(peer)?;
        let by_us = session.spared.by_us.values().any(|until| now < until.after(GRACE_MS));
        let left = session.spared.left_out.remove(circle) || by_us;
        left.then_some(LATER_SECONDS.0 as u64 * 1000 / 2)
    }
}

impl Session {
    /// Whether the peer takes nothing of an organisation for now.
    pub(super) fn spares(&self, org: &OrgId, now: Tick) -> bool {
        self.spared.by_peer.get(org).is_some_and(|until| now < *until)
    }
}
