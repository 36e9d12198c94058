//! Locking: everything that opens or says what people read here is dropped; what keeps up with the peers stays.

use super::{Agenda, Elsewhere, Joined, Listing, Mine};
use crate::runtime::folder::locked;

impl Joined {
    /// Drops the reading keys and all that was read with them. Whoever waits for some of it is told that it is locked.
    pub(in crate::runtime) fn lock(&mut self) {
        self.state.lock();
        for (_, (_, reply)) in std::mem::take(&mut self.pending) {
            reply.answer(Err(locked()));
        }
        self.end_sweeps();
        self.library.forget();
        self.agenda = Agenda::default();
        self.mine = Mine::default();
        self.elsewhere = Elsewhere::default();
        self.listing = Listing::default();
        self.names = self.names.without_petnames();
        self.tally.forget();
        self.folder.lock();
        tracing::info!("locked; replication goes on");
    }
}
