//! Locking: everything that opens or says what people read here is dropped; what keeps up with the peers stays.

use protocol::app::workspace::locked;

use super::Joined;

impl Joined {
    /// Drops the reading keys and all that was read with them. Whoever waits for some of it is told that it is locked.
    pub(in crate::runtime) fn lock(&mut self) {
        self.state.lock();
        for (_, (_, reply)) in std::mem::take(&mut self.pending) {
            reply.answer(Err(locked()));
        }
        self.end_sweeps();
        self.cache.lock();
        self.tally.forget();
        self.folder.lock();
        tracing::info!("locked; replication goes on");
    }
}
