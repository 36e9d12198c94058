//! Room on the disk: a reserve stays free, so that the disk is never full under the store.
//!
//! Below the reserve nothing is taken from peers and nothing is written for a person; reading, serving others, locking and
//! wiping go on. What peers sent meanwhile is dropped, so once there is room again everything is compared anew, as after
//! a start. The disk is asked before each write and each frame of entries, and once a second while it is short of room.

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

/// How often the disk is asked while it is short of room.
const AGAIN: Duration = Duration::from_secs(1);

/// How the disk stands.
#[derive(Default)]
pub(super) struct Room {
    /// What a person is told while there is too little.
    short: Option<Alarm>,
    /// When the disk was asked last.
    looked: Option<Instant>,
}

impl Room {
    pub(super) fn alarm(&self) -> Option<&Alarm> {
        self.short.as_ref()
    }

    /// How long until the disk is asked again: requests that come meanwhile put it off no further.
    pub(super) fn wait(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| AGAIN.saturating_sub(looked.elapsed()))
    }
}

impl Joined {
    /// Why nothing can be written now.
    pub(super) async fn obstacle(&mut self) -> Option<Problem> {
        self.look_for_room().await;
        self.broken.as_ref().or(self.room.alarm()).map(|alarm| alarm.problem.clone())
    }

    /// Whether what a peer sent can be taken. What is no entry is small, and may end a device.
    pub(super) async fn can_take(&mut self, received: &Received) -> bool {
        !matches!(received, Received::Entries { .. }) || self.obstacle().await.is_none()
    }

    /// Whether the disk has too little room, or had when the store last wrote.
    pub(in crate::runtime) fn is_short(&self) -> bool {
        self.room.short.is_some() || self.is_full()
    }

    /// Whether the disk was full under the store. Other failures last until the node is started again: a disk that
    /// failed once may lose what it confirms.
    fn is_full(&self) -> bool {
        self.broken.as_ref().is_some_and(|alarm| alarm.problem.code == codes::DISK_FULL)
    }

    /// Asks the disk, and goes on if there is room again.
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

    /// There is room: opens the store again if the disk was full under it, and meets everybody anew.
    async fn go_on(&mut self) {
        // A merge or a flush may have failed where no write was under way.
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

/// Bytes that this user may still write where `path` lies.
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
