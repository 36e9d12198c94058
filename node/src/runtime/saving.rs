//! Backups of this folder: made while it is open, verified anywhere, restored into an empty one.

use std::{fs, path::Path};

use protocol::control::{Problem, Reply, codes};

use super::{Answerer, Opened, folder::Folder, utc_now};
use crate::{
    backup::{self, BackupError, Summary},
    durable,
    store::Rocks,
};

/// The file that says when the last backup was made: seconds UTC. It is read while no node runs, too.
const LAST: &str = "last-backup";

/// Makes a backup. The checkpoint is taken here, between two steps; writing it out goes on beside the node's work.
pub(super) fn create(
    folder: &Path,
    store: &mut Rocks,
    to: String,
    reply: Answerer,
) -> Option<(Result<Reply, Problem>, Answerer)> {
    let checkpoint = folder.join("checkpoint");
    // One that a crash left behind holds nothing that the store does not.
    let _nothing_there = fs::remove_dir_all(&checkpoint);
    if let Err(error) = store.copy_to(&checkpoint) {
        return Some((Err(Problem::new(codes::DISK, error.to_string())), reply));
    }
    let (folder, at) = (folder.to_path_buf(), utc_now());
    tokio::task::spawn_blocking(move || {
        let made = backup::create(&folder, &checkpoint, Path::new(&to));
        if made.is_ok()
            && let Err(error) = durable::replace(&folder.join(LAST), format!("{at}\n").as_bytes())
        {
            tracing::warn!(%error, "when the last backup was made could not be noted");
        }
        let _nobody_waits = reply.send(made.map(|summary| told(summary, None)).map_err(|error| problem(&error)));
    });
    None
}

/// Unpacks a backup beside the folder, opens it with what its passphrase gave, and counts.
pub(super) fn verify(folder: &Path, opened: Opened) -> Result<Reply, Problem> {
    let Opened { keys, backup: Some((summary, unpacked)), .. } = opened else {
        return Err(Problem::new(codes::INTERNAL, "the backup was not unpacked"));
    };
    debug_assert!(unpacked.starts_with(folder), "backups are unpacked inside the folder");
    let counted = keys
        .ok_or_else(|| Problem::new(codes::INTERNAL, "the backup was not opened"))
        .and_then(|keys| Folder::open(&unpacked, keys))
        .and_then(|open| open.entries());
    let _left_behind = fs::remove_dir_all(&unpacked);
    counted.map(|entries| told(summary, Some(entries)))
}

/// Restores a backup into a folder that holds nothing.
pub(super) fn restore(folder: &Path, from: &Path) -> Result<Reply, Problem> {
    backup::restore(from, folder).map(|summary| told(summary, None)).map_err(|error| problem(&error))
}

fn told(Summary { files, bytes }: Summary, entries: Option<u64>) -> Reply {
    Reply::Backup { files, bytes, entries }
}

/// A backup error as a problem with its code.
pub(crate) fn problem(error: &BackupError) -> Problem {
    let code = match error {
        BackupError::Exists => codes::FILE_EXISTS,
        BackupError::NotHabeas => codes::NOT_A_BACKUP,
        BackupError::Truncated | BackupError::Changed { .. } => codes::BACKUP_DAMAGED,
        BackupError::NotEmpty => codes::NOT_EMPTY,
        BackupError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => codes::DISK_FULL,
        BackupError::Io { .. } => codes::DISK,
    };
    Problem::new(code, error.to_string())
}
