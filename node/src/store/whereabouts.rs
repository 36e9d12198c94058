//! The place of the folder, compared with the place where it last signed.
//!
//! A copied or restored folder continues a history that another copy may have continued differently. The store records
//! the machine, the device and the inode of a file beside it; if they differ, or are not recorded, the node opens new
//! incarnations of its feeds before it signs anything.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use protocol::store::{Batch, Row, Store, StoreError, Table};
use thiserror::Error;

/// Place of the folder, compared with the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The folder is where it was.
    Same,
    /// The folder is elsewhere, or no place is recorded: new, moved, copied, restored, or its log was cut.
    Moved {
        /// Batch that records the new place. Commit it together with the new incarnations: before them, a crash would
        /// forget that they are needed; after them, they would be opened twice.
        remember: Batch,
    },
}

/// Error of comparing the place.
#[derive(Debug, Error)]
pub enum WhereaboutsError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The identity file cannot be read or created.
    #[error("cannot read the identity file")]
    Io(#[from] io::Error),
}

/// Compares the place of `folder` with the one that `store` recorded. The file `identity` in `folder`, created if it is
/// missing, is empty: only its inode counts.
///
/// # Errors
///
/// [`WhereaboutsError::Store`] or [`WhereaboutsError::Io`].
pub fn whereabouts(folder: &Path, store: &impl Store) -> Result<Whereabouts, WhereaboutsError> {
    let mut identity = OpenOptions::new();
    let identity = identity.write(true).create(true).truncate(false).mode(0o600).open(folder.join("identity"))?;
    let here = fingerprint(&machine()?, &identity.metadata()?);
    if store.get(&row())?.as_deref() == Some(&here[..]) {
        return Ok(Whereabouts::Same);
    }
    let mut remember = Batch::default();
    remember.put(row(), here.to_vec());
    Ok(Whereabouts::Moved { remember })
}

/// Row that records the place.
pub(super) fn row() -> Row {
    Row::new(Table::Meta, "whereabouts", 0)
}

/// Reads the id of this installation of the system (machine-id(5)); empty where there is none, as in some containers.
fn machine() -> io::Result<Vec<u8>> {
    match fs::read("/etc/machine-id") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        answer => answer,
    }
}

/// Hashes the place, so that an opened store does not show which machine it was on before.
fn fingerprint(machine: &[u8], identity: &fs::Metadata) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("habeas 1 whereabouts");
    hasher.update(&identity.dev().to_be_bytes()).update(&identity.ino().to_be_bytes()).update(machine);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use protocol::store::Memory;

    use super::*;

    fn settle(folder: &Path, store: &mut Memory) {
        match whereabouts(folder, store).expect("a readable folder") {
            Whereabouts::Moved { remember } => store.commit(&remember).expect("memory commits"),
            Whereabouts::Same => panic!("nothing new to remember"),
        }
    }

    #[test]
    fn a_new_place_is_moved_until_it_is_remembered() {
        let (folder, mut store) = (tempfile::tempdir().expect("a temporary folder"), Memory::default());
        for _ in 0..2 {
            let found = whereabouts(folder.path(), &store).expect("a readable folder");
            assert!(matches!(found, Whereabouts::Moved { .. }));
        }
        settle(folder.path(), &mut store);
        assert_eq!(whereabouts(folder.path(), &store).expect("a readable folder"), Whereabouts::Same);
    }

    #[test]
    fn a_renamed_folder_is_the_same_and_a_copied_one_is_not() {
        let (root, mut store) = (tempfile::tempdir().expect("a temporary folder"), Memory::default());
        let [first, renamed, copied] = ["first", "renamed", "copied"].map(|name| root.path().join(name));
        fs::create_dir(&first).expect("a writable folder");
        settle(&first, &mut store);
        fs::rename(&first, &renamed).expect("a writable folder");
        assert_eq!(whereabouts(&renamed, &store).expect("a readable folder"), Whereabouts::Same);

        fs::create_dir(&copied).expect("a writable folder");
        fs::copy(renamed.join("identity"), copied.join("identity")).expect("a writable folder");
        let found = whereabouts(&copied, &store).expect("a readable folder");
        assert!(matches!(found, Whereabouts::Moved { .. }));
    }

    #[test]
    fn another_machine_is_another_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let metadata = fs::metadata(folder.path()).expect("there");
        assert_ne!(fingerprint(b"one", &metadata), fingerprint(b"two", &metadata));
    }
}
