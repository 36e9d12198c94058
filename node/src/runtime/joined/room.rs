//! The disk reserve: some space stays free, so that the disk never becomes full under the store.
//!
//! Below the reserve no entries are accepted from peers and nothing is written for a person; reading, serving peers,
//! locking and wiping go on. Entries that peers sent meanwhile are dropped, so once there is room again everything is
//! compared anew, as after a start. The free space is checked before each write and each frame of entries, and once a
//! second while it is short.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use protocol::{
    app::control::{Alarm, Problem, codes},
    bytes::limits::DISK_RESERVE,
    replication::sync::frame::Received,
    store::StoreError,
};

use super::Joined;
use crate::{net::Command, runtime::utc_now};

/// Interval of the checks while the disk is short of space.
const AGAIN: Duration = Duration::from_secs(1);

/// Result of the last check of the disk.
#[derive(Default)]
pub(super) struct Room {
    /// Alarm shown while there is too little space.
    short: Option<Alarm>,
    /// Time of the last check.
    looked: Option<Instant>,
}

impl Room {
    pub(super) fn alarm(&self) -> Option<&Alarm> {
        self.short.as_ref()
    }

    /// Returns the time until the next check; requests do not postpone it.
    pub(super) fn wait(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| AGAIN.saturating_sub(looked.elapsed()))
    }
}

impl Joined {
    /// Returns the problem that prevents writing, if there is one.
    pub(super) async fn obstacle(&mut self) -> Option<Problem> {
        self.look_for_room().await;
        self.broken.as_ref().or(self.room.alarm()).map(|alarm| alarm.problem.clone())
    }

    /// Whether a frame can be accepted. Frames without entries are small, and one may revoke a device.
    pub(super) async fn can_take(&mut self, received: &Received) -> bool {
        !matches!(received, Received::Entries { .. }) || self.obstacle().await.is_none()
    }

    /// Whether the disk has too little space, or had when the store last wrote.
    pub(in crate::runtime) fn is_short(&self) -> bool {
        self.room.short.is_some() || self.is_full()
    }

    /// Whether the disk was full under the store. Other failures last until the node is restarted: a disk that failed
    /// once may lose what it confirms.
    fn is_full(&self) -> bool {
        self.broken.as_ref().is_some_and(|alarm| alarm.problem.code == codes::DISK_FULL)
    }

    /// Checks the free space, and resumes if there is enough again.
    pub(super) async fn look_for_room(&mut self) {
        self.room.looked = Some(Instant::now());
        let free = match free(&self.folder.path) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the disk does not say how much room it has");
                return;
            }
        };
        let short = is_too_little(free);
        if short && self.room.short.is_none() {
            tracing::warn!(free, "the disk is nearly full: nothing is taken or written until there is room");
            let message = format!("the disk is nearly full: {} MiB are free", free >> 20);
            let problem = Problem::new(codes::DISK_FULL, message);
            self.room.short = Some(Alarm { problem, since: Some(utc_now()) });
        }
        if !short && self.is_short() {
            self.go_on().await;
        }
    }

    /// Resumes after there is space: reopens the store if the disk was full under it, and reconnects all peers.
    async fn go_on(&mut self) {
        // A compaction or a flush may have failed while nothing was written.
        if self.is_full() || matches!(self.folder.store.health(), Err(StoreError::Full)) {
            if let Err(error) = self.folder.store.reopen() {
                tracing::warn!(%error, "the store cannot go on yet");
                return;
            }
            self.broken = None;
        }
        self.room.short = None;
        self.tell(Command::Allow(vec![])).await;
        let loaded = match self.reload() {
            Ok(()) => Box::pin(self.open_readers()).await,
            failed => failed,
        };
        if let Err(problem) = loaded {
            tracing::error!(code = problem.code, reason = problem.message, "what is in the store cannot be read");
            self.broken = Some(Alarm { problem, since: Some(utc_now()) });
            return;
        }
        tracing::info!("the disk has room again");
        self.allow().await;
    }
}

/// Returns the free bytes for this user on the file system of `path`.
fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn is_too_little(free: u64) -> bool {
    free < DISK_RESERVE.0 as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_below_the_reserve_is_too_little() {
        let reserve = DISK_RESERVE.0 as u64;
        assert!(is_too_little(reserve - 1) && !is_too_little(reserve));
    }
}
