//! Budgets for repeated work that a peer may cause: entries it sends again, and bodies it requests again.
//!
//! Both are bounded by the most that the protocol makes an honest peer do. On one connection it requests a body once.
//! It sends an entry that is here already at most twice after it became new here (as it was written, and in an exchange
//! whose frontier was sent before); entries that came before the connection were announced or compared, and are not
//! sent again. Races at the start of a connection draw on a bucket of the peer, not of the connection: reconnecting
//! does not refill it.

use crate::{
    bytes::{
        ids::{EntryId, NodeKey},
        limits::{REPEATS, REPEATS_PER_HOUR, REPEATS_PER_STRIKE, WANTS_REMEMBERED},
    },
    replication::sync::{State, Tick, Transaction, frame::Fault},
    store::Store,
};

/// Number of times an honest peer sends an entry that became new here while it was connected.
const HONEST_REPEATS: u64 = 2;

const HOUR_MS: u64 = 3_600_000;

/// A token bucket on virtual time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    left: u64,
    at: Tick,
}

impl Bucket {
    /// Makes a full bucket.
    pub(super) const fn full(size: u64, now: Tick) -> Self {
        Self { left: size, at: now }
    }

    /// Whether the bucket holds a token.
    pub(super) fn holds(&mut self, size: u64, per_hour: u64, now: Tick) -> bool {
        let gained = now.0.saturating_sub(self.at.0).saturating_mul(per_hour) / HOUR_MS;
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(size);
            // A fraction of a token keeps accumulating.
            self.at = self.at.after(gained * HOUR_MS / per_hour);
        }
        self.left > 0
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, size: u64, per_hour: u64, now: Tick) -> bool {
        let has = self.holds(size, per_hour, now);
        self.left = self.left.saturating_sub(1);
        has
    }
}

/// A peer's bucket for repeated entries, and the number it sent beyond it.
#[derive(Debug)]
pub(super) struct Repeats {
    bucket: Bucket,
    drawn: u64,
    excess: u64,
}

impl State {
    /// Counts a newly accepted entry or body: each connected peer may still send it.
    pub(super) const fn count_accepted(&mut self) {
        self.accepted += 1;
    }

    /// Handles an entry from a peer that is here already.
    pub(super) fn repeated<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        session.repeated += 1;
        if session.repeated <= HONEST_REPEATS.saturating_mul(self.accepted - session.accepted_before) {
            return;
        }
        let size = REPEATS.0 as u64;
        let repeats = self.repeats.entry(peer).or_insert(Repeats {
            bucket: Bucket::full(size, transaction.now),
            drawn: 0,
            excess: 0,
        });
        repeats.drawn += 1;
        if !repeats.bucket.take(size, REPEATS_PER_HOUR.0 as u64, transaction.now) {
            repeats.excess += 1;
            if repeats.excess.is_multiple_of(REPEATS_PER_STRIKE.0 as u64) {
                self.record_fault(transaction, peer, Fault::Repeat);
            }
        }
    }

    /// Number of draws on a peer's bucket, for the simulator.
    #[cfg(any(test, feature = "sim"))]
    #[must_use]
    pub fn repeats_drawn(&self, peer: &NodeKey) -> u64 {
        self.repeats.get(peer).map_or(0, |repeats| repeats.drawn)
    }

    /// Returns the requested bodies that the peer has not requested before on this connection. Repeated requests are a
    /// fault.
    pub(super) fn first_wants<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        ids: Vec<EntryId>,
    ) -> Vec<EntryId> {
        let Some(session) = self.sessions.get_mut(&peer) else { return vec![] };
        // Forgotten ids may be requested once more: this bounds the memory, not the requests of an honest peer.
        if session.wants.len() + ids.len() > WANTS_REMEMBERED.0 {
            session.wants.clear();
        }
        let asked = ids.len();
        let first: Vec<_> = ids.into_iter().filter(|id| session.wants.insert(*id)).collect();
        if first.len() < asked {
            self.record_fault(transaction, peer, Fault::Repeat);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_size_and_fills_with_time() {
        let mut bucket = Bucket::full(3, Tick(0));
        let mut taken = |at| (0..10).filter(|_| bucket.take(3, 7_200, Tick(at))).count();
        assert_eq!(taken(0), 3);
        assert_eq!(taken(499), 0);
        assert_eq!(taken(500), 1);
        assert_eq!(taken(1_000), 1);
        assert_eq!(taken(1_000_000), 3, "never more than its size");
    }
}
