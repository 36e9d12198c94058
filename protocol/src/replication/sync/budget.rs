//! What a peer may have this node do again: take in what it has, and send what it sent.
//!
//! Both are bounded by what the protocol makes an honest peer do. On one connection it asks for a body once. It sends an
//! entry that is here already at most twice after it became new here (as it was written, and in an exchange whose lines
//! were told before); what came before the connection was told of or compared, and is not sent again. Races at the
//! connection's edge are paid from a bucket that belongs to the peer, not to the connection: who reconnects gets no more.

use crate::{
    bytes::{
        ids::{EntryId, NodeKey},
        limits::{REPEATS, REPEATS_PER_HOUR, REPEATS_PER_STRIKE, WANTS_REMEMBERED},
    },
    replication::sync::{State, Tick, Turn, frame::Fault},
    store::Store,
};

/// Times an honest peer sends an entry that became new here while it was connected.
const HONEST: u64 = 2;

const HOUR_MS: u64 = 3_600_000;

/// A token bucket on virtual time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    left: u64,
    at: Tick,
}

impl Bucket {
    /// A full one.
    pub(super) const fn full(size: u64, now: Tick) -> Self {
        Self { left: size, at: now }
    }

    /// Whether there is one to take.
    pub(super) fn holds(&mut self, size: u64, per_hour: u64, now: Tick) -> bool {
        let gained = now.0.saturating_sub(self.at.0).saturating_mul(per_hour) / HOUR_MS;
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(size);
            // What is not yet a whole one goes on counting.
            self.at = self.at.after(gained * HOUR_MS / per_hour);
        }
        self.left > 0
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, size: u64, per_hour: u64, now: Tick) -> bool {
        let has = self.holds(size, per_hour, now);
        self.left = self.left.saturating_sub(1);
        has
    }
}

/// What is left of a peer's bucket, and what it sent beyond.
#[derive(Debug)]
pub(super) struct Repeats {
    bucket: Bucket,
    paid: u64,
    beyond: u64,
}

impl State {
    /// An entry or body became new here: each peer that is connected may still send it.
    pub(super) const fn took(&mut self) {
        self.taken += 1;
    }

    /// A peer sent what is here already.
    pub(super) fn repeated<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        session.repeated += 1;
        if session.repeated <= HONEST.saturating_mul(self.taken - session.taken_before) {
            return;
        }
        let size = REPEATS.0 as u64;
        let repeats =
            self.repeats.entry(peer).or_insert(Repeats { bucket: Bucket::full(size, turn.now), paid: 0, beyond: 0 });
        repeats.paid += 1;
        if !repeats.bucket.take(size, REPEATS_PER_HOUR.0 as u64, turn.now) {
            repeats.beyond += 1;
            if repeats.beyond.is_multiple_of(REPEATS_PER_STRIKE.0 as u64) {
                self.strike(turn, peer, Fault::Repeat);
            }
        }
    }

    /// For the simulator: how often a peer's bucket was drawn on.
    #[cfg(any(test, feature = "sim"))]
    #[must_use]
    pub fn paid(&self, peer: &NodeKey) -> u64 {
        self.repeats.get(peer).map_or(0, |repeats| repeats.paid)
    }

    /// The bodies a peer asks for that it has not asked for on this connection. Asking twice is no honest peer's.
    pub(super) fn first_wants<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        peer: NodeKey,
        ids: Vec<EntryId>,
    ) -> Vec<EntryId> {
        let Some(session) = self.sessions.get_mut(&peer) else { return vec![] };
        // What is forgotten may be asked for once more: that bounds the memory, not what an honest peer may ask.
        if session.wants.len() + ids.len() > WANTS_REMEMBERED.0 {
            session.wants.clear();
        }
        let asked = ids.len();
        let first: Vec<_> = ids.into_iter().filter(|id| session.wants.insert(*id)).collect();
        if first.len() < asked {
            self.strike(turn, peer, Fault::Repeat);
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
