//! Locking: drops the reader keys and everything that was read with them; replication goes on.

use protocol::app::workspace::locked;

use super::Joined;

impl Joined {
    /// Locks the folder: drops the reader keys and everything that was read with them. Requests that need it get the
    /// problem that the folder is locked.
    pub(in crate::runtime) fn lock(&mut self) {
        self.state.lock();
        for reply in std::mem::take(&mut self.pending).into_values().filter_map(|(_, reply)| reply) {
            reply.answer(Err(locked()));
        }
        self.imports.end(&locked());
        self.end_sweeps();
        self.cache.lock();
        self.folder.lock();
        tracing::info!("locked; replication goes on");
    }
}
