//! Backups of this folder: made while it is open, verified anywhere, restored into an empty folder.

use std::{fs, io, path::Path};

use protocol::{
    app::control::{Problem, Reply, Unit, codes},
    bytes::{ids::RegistryId, words},
};

use super::{
    Answerer, Opened,
    beside::Beside,
    dispatch::Outcome,
    folder::{Folder, open_problem},
    utc_now,
};
use crate::{
    backup::{self, BackupError, Summary},
    store::Rocks,
};

/// Makes a backup. The checkpoint is taken here, between two steps; writing it out is background work.
pub(super) fn create(
    folder: &Path,
    store: &Rocks,
    to: String,
    answerer: &mut Option<Answerer>,
    beside: &mut Beside,
) -> Result<Outcome, Problem> {
    let checkpoints = folder.join("checkpoint");
    if beside.is_idle() {
        // The remains of an earlier crash hold nothing that the store does not.
        let _nothing_there = fs::remove_dir_all(&checkpoints);
    }
    let checkpoint = checkpoints.join(beside.started().to_string());
    if let Err(error) = store.copy_to(&checkpoint) {
        let _left_behind = fs::remove_dir_all(&checkpoint);
        return Err(open_problem(&error));
    }
    let Some(reply) = answerer.take() else { return Ok(Outcome::Later) };
    let (folder, at) = (folder.to_path_buf(), utc_now());
    beside.start(reply, move |reply| {
        let mut tell = |done, all| reply.teller.tell(Unit::Bytes, done, all);
        let made = backup::create(&folder, &checkpoint, at, Path::new(&to), &mut tell);
        let made = made.map_err(|error| problem(&error))?;
        if let Err(error) = backup::note(&folder, at) {
            tracing::warn!(%error, "when the last backup was made could not be noted");
        }
        Ok(told(made, None))
    });
    Ok(Outcome::Later)
}

/// Verifies an unpacked backup: opens it with the keys that its passphrase gave, and counts its entries. A node in a
/// registry verifies backups of that registry only: one of another would be taken for a backup of this folder.
pub(super) fn verify(folder: &Path, opened: Opened, registry: Option<RegistryId>) -> Result<Reply, Problem> {
    let Opened { keys, backup: Some((summary, unpacked, _until_it_is_gone)), .. } = opened else {
        return Err(Problem::new(codes::INTERNAL, "the backup was not unpacked"));
    };
    debug_assert!(unpacked.starts_with(folder), "backups are unpacked inside the folder");
    let counted = keys
        .ok_or_else(|| Problem::new(codes::INTERNAL, "the backup was not opened"))
        .and_then(|keys| Folder::open(&unpacked, keys))
        .and_then(|open| match (open.registry()?, registry) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                let words = words::fingerprint(&theirs.0);
                let message = format!("the backup is whole and opens, and it is one of another registry: {words}");
                Err(Problem::new(codes::OTHER_BACKUP, message).saying("registry").with("words", words))
            }
            _ => open.entries(),
        });
    let _left_behind = fs::remove_dir_all(&unpacked);
    counted.map(|entries| told(summary, Some(entries)))
}

/// Restores an unpacked backup into this empty folder.
pub(super) fn restore(folder: &Path, opened: Opened) -> Result<Reply, Problem> {
    let Some((summary, _, _until_it_is_there)) = opened.backup else {
        return Err(Problem::new(codes::INTERNAL, "the backup was not unpacked"));
    };
    backup::restore(folder).map(|()| told(summary, None)).map_err(|error| problem(&error))
}

fn told(Summary { files, bytes }: Summary, entries: Option<u64>) -> Reply {
    Reply::Backup { files, bytes, entries }
}

/// Converts a backup error to a problem with its code.
pub(crate) fn problem(error: &BackupError) -> Problem {
    let code = match error {
        BackupError::Exists => codes::FILE_EXISTS,
        BackupError::NotHabeas => codes::NOT_A_BACKUP,
        BackupError::Truncated | BackupError::Changed { .. } => codes::BACKUP_DAMAGED,
        BackupError::NotEmpty => codes::NOT_EMPTY,
        BackupError::NotAFile => codes::NOT_A_FILE,
        BackupError::Wiped => codes::WIPED,
        BackupError::Io { source, .. } => disk_code(source),
    };
    let problem = Problem::new(code, error.to_string());
    match error {
        BackupError::Truncated => problem.saying("truncated"),
        BackupError::Changed { path } => problem.saying("changed").with("path", path),
        BackupError::NotEmpty => problem.saying("restore"),
        _ => problem,
    }
}

/// Converts an error of the disk to a problem with its code.
pub(crate) fn disk_problem(error: &io::Error) -> Problem {
    Problem::new(disk_code(error), error.to_string())
}

/// Chooses the code of a disk error: full (in any of the system's ways), unreachable, or failing.
pub(super) fn disk_code(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => codes::DISK_FULL,
        Kind::NotFound | Kind::NotADirectory | Kind::IsADirectory | Kind::PermissionDenied => codes::PLACE,
        Kind::ReadOnlyFilesystem => codes::PLACE,
        _ => codes::DISK,
    }
}
