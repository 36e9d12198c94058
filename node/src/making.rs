//! Creation of a folder by `init`: it counts only when all of it is on the disk.
//!
//! A marker file is written before the first key. It is removed, durably, after the last row is written and before
//! anybody gets an answer. While it exists the folder counts as empty; a node that starts on such a folder removes
//! what the unfinished `init` left, which was never reported as done. So a kill or a power cut at any moment leaves a
//! folder that is empty or finished.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{durable, vault::wipe};

/// Name of the marker file; `cli` checks it too.
const MARK: &str = "making";
/// Files and folders that `init` creates beside the marker. A folder that has one of them is not empty.
const MADE: &[&str] = &["vault", "vault.copy", "root", "store"];

/// Whether the creation of this folder was begun and not finished.
pub(crate) fn is_unfinished(folder: &Path) -> bool {
    mark(folder).exists()
}

/// Begins the creation of a folder: writes the marker. Fails with `AlreadyExists` where anything that `init` creates
/// exists, or another `init` is under way: of several that begin at once, one succeeds.
pub(crate) fn begin(folder: &Path) -> io::Result<()> {
    durable::make_folder(folder)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(mark(folder))?;
    let lies = MADE.iter().any(|name| folder.join(name).symlink_metadata().is_ok());
    if lies {
        fs::remove_file(mark(folder))?;
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

/// Ends the creation: removes the marker, and the folder is finished.
pub(crate) fn end(folder: &Path) -> io::Result<()> {
    fs::remove_file(mark(folder))?;
    File::open(folder)?.sync_all()
}

/// Clears the remains of an unfinished creation; does nothing if there are none.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    if !is_unfinished(folder) {
        return Ok(());
    }
    wipe::clear(folder)?;
    match fs::remove_dir_all(folder.join("store")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A leftover counter of acknowledged batches would look like a loss to the next store.
    durable::shred(&durable::beside(&folder.join("store"), ".acknowledged"))?;
    end(folder)
}

fn mark(folder: &Path) -> PathBuf {
    folder.join(MARK)
}

#[cfg(test)]
mod tests {
    use protocol::{app::control::Passphrase, bytes::seal::Entropy};

    use super::*;
    use crate::vault::{Cost, RootKey, Vault};

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("there").map(|entry| entry.expect("readable").file_name());
        let names = names.map(|name| name.into_string().expect("our names are plain"));
        // The lock file of the vault holds nothing and stays.
        names.filter(|name| name != "vault.lock").collect()
    }

    #[test]
    fn what_was_begun_and_not_ended_is_cleared_away_whole() {
        let (root, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let (folder, passphrase) = (root.path().join("new"), Passphrase::new("any invented passphrase".into()));
        begin(&folder).expect("a writable folder");
        assert!(is_unfinished(&folder));
        Vault::create(&folder, &passphrase, Cost::FLOOR, &mut entropy).expect("a writable folder");
        RootKey::create(&folder.join("root"), &passphrase, Cost::FLOOR, &mut entropy).expect("a writable folder");
        durable::make_folder(&folder.join("store/rows")).expect("a writable folder");
        fs::write(folder.join("store.acknowledged"), "one batch").expect("a writable folder");
        clear(&folder).expect("a writable folder");
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn nothing_is_begun_where_something_lies_and_nothing_finished_is_cleared_away() {
        for name in MADE {
            let folder = tempfile::tempdir().expect("a temporary folder");
            fs::write(folder.path().join(name), "somebody's").expect("a writable folder");
            let refused = begin(folder.path()).expect_err("something lies there");
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            clear(folder.path()).expect("nothing was begun");
            assert_eq!(names(folder.path()), [*name]);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        begin(folder.path()).expect("a writable folder");
        let second = begin(folder.path()).expect_err("the first one is at it");
        assert_eq!((second.kind(), is_unfinished(folder.path())), (io::ErrorKind::AlreadyExists, true));
        fs::write(folder.path().join("vault"), "finished").expect("a writable folder");
        end(folder.path()).expect("a writable folder");
        clear(folder.path()).expect("it was ended");
        assert_eq!(names(folder.path()), ["vault"]);
    }
}
