//! The wipe of a folder: final, even against concurrent writes of keys, in this process or another.
//!
//! ```text
//! FOLDER/wiped        the marker. Its existence counts, not its content: nothing in this folder opens any more
//! FOLDER/vault.lock   flock(2), held by each writer of keys, from its check for the marker to its last rename
//! ```
//!
//! A wipe has four steps: **mark** (the marker is created and synced, with its folder), **destroy** (each file with
//! keys is overwritten, synced and removed), **wait** for the lock, **destroy** again. A writer of keys takes the lock,
//! checks for the marker, and only then touches a file. So a writer that checked before the marker was created has
//! finished when the wipe destroys for the second time, and a later writer finds the marker. This holds for threads and
//! processes alike. The first destruction waits for no lock.
//!
//! A wipe that is interrupted before the marker is durable has done nothing and reported nothing. A wipe that
//! is interrupted later is completed at the next start of a node ([`complete`]); until then the marker alone keeps the
//! folder closed.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::VaultError;
use crate::{durable, steps::step};

const MARKER: &str = "wiped";
const LOCK: &str = "vault.lock";
/// Places of keys, below the folder: the folder itself, and the folders into which a backup is unpacked.
const PLACES: [&str; 4] = ["", "verifying", ".unfinished", ".restored"];
/// Names of files with keys.
const KEYS: [&str; 3] = ["vault", "vault.copy", "root"];
/// Names of files that record failed attempts, with their time.
const COUNTS: [&str; 3] = ["vault.attempts", "root.attempts", "backup.attempts"];

/// Guard of the lock that a writer of keys holds in a folder; dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct Gate {
    _lock: File,
}

impl Gate {
    /// Waits for the lock and checks for the marker. Fails with `Wiped` if it exists.
    pub(crate) fn enter(folder: &Path) -> Result<Self, VaultError> {
        step("wait for the lock");
        let gate = Self { _lock: locked(folder).map_err(VaultError::io("lock the vault"))? };
        step("look for the marker");
        refuse(folder).map(|()| gate)
    }
}

/// Whether the keys of this folder were destroyed.
///
/// # Errors
///
/// The I/O error of looking for the marker.
pub fn is_wiped(folder: &Path) -> io::Result<bool> {
    durable::is_taken(&folder.join(MARKER))
}

/// Refuses a wiped folder: fails with `Wiped` if the keys of this folder were destroyed.
pub(crate) fn refuse(folder: &Path) -> Result<(), VaultError> {
    match is_wiped(folder) {
        Ok(false) => Ok(()),
        Ok(true) => Err(VaultError::Wiped),
        Err(error) => Err(VaultError::io("look whether the folder was wiped")(error)),
    }
}

/// Destroys the keys in `folder` for ever. Goes on after an error, and may be repeated. Takes no passphrase; the number
/// of steps does not depend on what is in the store.
///
/// # Errors
///
/// The first [`VaultError::Io`] that the second attempt of its step did not clear.
pub fn wipe(folder: &Path) -> Result<(), VaultError> {
    let marked = mark(folder);
    let _once_more_below = destroy(folder);
    // On a full disk there was no room for the marker; the first destruction has freed some.
    let marked = marked.or_else(|_| mark(folder));
    step("wait for the lock");
    let lock = locked(folder);
    let destroyed = destroy(folder);
    let outcome = marked.and(destroyed).and(lock.map(|_held_until_here| ()));
    outcome.map_err(VaultError::io("destroy the keys"))
}

/// Completes an interrupted wipe; `true` if the folder was wiped.
///
/// # Errors
///
/// [`VaultError::Io`] if the marker cannot be looked for, or the error of [`wipe`].
pub fn complete(folder: &Path) -> Result<bool, VaultError> {
    let wiped = is_wiped(folder).map_err(VaultError::io("look whether the folder was wiped"))?;
    if wiped { wipe(folder).map(|()| true) } else { Ok(false) }
}

/// Destroys the keys of an unfinished `init`, without a marker: they were never reported as made, and the folder may be
/// used again.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    let _until_they_are_gone = locked(folder)?;
    destroy(folder)
}

fn mark(folder: &Path) -> io::Result<()> {
    let marker = folder.join(MARKER);
    step("make the marker");
    match durable::make_file(&marker) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // The folder has no room for another name: rename the file of failed attempts, which holds little.
        Err(error) => fs::rename(folder.join(COUNTS[0]), &marker).map_err(|_| error)?,
    }
    step("sync the folder");
    durable::sync_parent(&marker)
}

/// Overwrites and removes every file with keys, and the temporary files of their writes.
fn destroy(folder: &Path) -> io::Result<()> {
    let mut outcome = Ok(());
    for path in files(folder) {
        let destroyed = match durable::shred(&path) {
            // A missing folder has no keys.
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(()),
            destroyed => destroyed,
        };
        outcome = outcome.and(destroyed);
    }
    outcome
}

/// Lists every path that may hold keys, the vault first, then the files of failed attempts.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let within = move |place: &'static str| KEYS.iter().map(move |key| folder.join(place).join(key));
    let keys = PLACES.into_iter().flat_map(within);
    let keys = keys.flat_map(|path| [durable::beside(&path, ".new"), path].into_iter().rev());
    keys.chain(COUNTS.iter().map(move |name| folder.join(name)))
}

/// Takes the lock for this thread: two opens of one file are two owners of the lock (flock(2)).
fn locked(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let lock = options.write(true).create(true).truncate(false).mode(0o600).custom_flags(durable::AS_IT_LIES);
    let lock = lock.open(folder.join(LOCK))?;
    lock.lock()?;
    Ok(lock)
}

#[cfg(test)]
mod tests;
