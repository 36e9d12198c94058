//! A wipe is final: nothing that began before it puts keys back, not even after it.
//!
//! ```text
//! FOLDER/wiped        the marker. Its being there counts, not what is in it: nothing in this folder opens any more
//! FOLDER/vault.lock   flock(2), held by whoever puts keys in place: from its look for the marker to its last rename
//! ```
//!
//! A wipe is four steps: **mark** (the marker is made and synced, with its folder), **destroy** (each file with keys is
//! overwritten, synced and removed), **wait** for the lock, **destroy** again. A write of keys takes the lock, looks for
//! the marker, and only then touches a file. So one that looked before the mark is over when the wipe destroys for the
//! second time, and one that looks later finds the marker; threads and processes alike. The first destruction waits for
//! nobody.
//!
//! Cut before the marker is durable, a wipe has done nothing, and nobody was told otherwise. Cut at any later step it is
//! completed by the next start of a node ([`complete`]); until then, too, the marker alone keeps the folder closed.

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
/// Where keys lie, below the folder: in itself, and where a backup is unpacked.
const PLACES: [&str; 4] = ["", "verifying", ".unfinished", ".restored"];
/// Files with keys.
const KEYS: [&str; 3] = ["vault", "vault.copy", "root"];
/// Files that say when and how often somebody tried to open them.
const COUNTS: [&str; 3] = ["vault.attempts", "root.attempts", "backup.attempts"];

/// The right to put keys in place in a folder, until it is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    _lock: File,
}

impl Gate {
    /// Waits for whoever else puts keys in place, and looks for the marker. `Wiped` if it is there.
    pub(crate) fn enter(folder: &Path) -> Result<Self, VaultError> {
        step("wait for the lock");
        let gate = Self { _lock: locked(folder).map_err(VaultError::io("lock the vault"))? };
        step("look for the marker");
        refuse(folder).map(|()| gate)
    }
}

/// Whether the keys of this folder were destroyed.
pub fn is_wiped(folder: &Path) -> io::Result<bool> {
    durable::is_taken(&folder.join(MARKER))
}

/// `Wiped` if the keys of this folder were destroyed.
pub(crate) fn refuse(folder: &Path) -> Result<(), VaultError> {
    match is_wiped(folder) {
        Ok(false) => Ok(()),
        Ok(true) => Err(VaultError::Wiped),
        Err(error) => Err(VaultError::io("look whether the folder was wiped")(error)),
    }
}

/// Destroys the keys in `folder`, for ever. Goes on after an error and answers the first that stayed; may be repeated.
/// Takes no passphrase, and as many steps whatever is in the store.
pub fn wipe(folder: &Path) -> Result<(), VaultError> {
    let marked = mark(folder);
    let _once_more_below = destroy(folder);
    // On a full disk the marker found no room; now there is some.
    let marked = marked.or_else(|_| mark(folder));
    step("wait for the lock");
    let lock = locked(folder);
    let destroyed = destroy(folder);
    let outcome = marked.and(destroyed).and(lock.map(|_held_until_here| ()));
    outcome.map_err(VaultError::io("destroy the keys"))
}

/// Completes a wipe that was cut: whether there was one.
pub fn complete(folder: &Path) -> Result<bool, VaultError> {
    let wiped = is_wiped(folder).map_err(VaultError::io("look whether the folder was wiped"))?;
    if wiped { wipe(folder).map(|()| true) } else { Ok(false) }
}

/// Destroys keys that were never finished, without a mark: nobody was told of them, and others may be made in their place.
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
        // No room for one more name: a file that says little makes way for it.
        Err(error) => fs::rename(folder.join(COUNTS[0]), &marker).map_err(|_| error)?,
    }
    step("sync the folder");
    durable::sync_parent(&marker)
}

/// Overwrites and removes every file with keys, and what was about to become one.
fn destroy(folder: &Path) -> io::Result<()> {
    let mut outcome = Ok(());
    for path in files(folder) {
        let destroyed = match durable::shred(&path) {
            // No folder, no keys.
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => Ok(()),
            destroyed => destroyed,
        };
        outcome = outcome.and(destroyed);
    }
    outcome
}

/// Every file that may hold keys, the vault first, then what was counted.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let within = move |place: &'static str| KEYS.iter().map(move |key| folder.join(place).join(key));
    let keys = PLACES.into_iter().flat_map(within);
    let keys = keys.flat_map(|path| [durable::beside(&path, ".new"), path].into_iter().rev());
    keys.chain(COUNTS.iter().map(move |name| folder.join(name)))
}

/// The lock, taken by this thread: two openings of one file are two owners of the lock (flock(2)).
fn locked(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let lock = options.write(true).create(true).truncate(false).mode(0o600).custom_flags(durable::AS_IT_LIES);
    let lock = lock.open(folder.join(LOCK))?;
    lock.lock()?;
    Ok(lock)
}

#[cfg(test)]
mod tests;
