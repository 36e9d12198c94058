//! A folder in the making: what `init` writes counts as nothing before all of it is on the disk.
//!
//! A mark is there before the first key, and goes, durably, when the last row is written and before anybody is told. While
//! it is there the folder counts as empty; a node that starts on one clears away what an `init` before it left, which
//! nobody was told of. So a kill or a power cut at any moment leaves a folder that is empty or finished.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{durable, vault::wipe};

/// Its name; `cli` looks for it too.
const MARK: &str = "making";
/// What `init` makes beside the mark. Where one of these lies the folder is not empty.
const MADE: &[&str] = &["vault", "vault.copy", "root", "store"];

/// Whether what lies in the folder was never finished.
pub(crate) fn is_unfinished(folder: &Path) -> bool {
    mark(folder).exists()
}

/// Begins. `AlreadyExists` where something lies that `init` makes, or is being made: of several that begin at once one
/// does.
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

/// Ends: the folder is finished.
pub(crate) fn end(folder: &Path) -> io::Result<()> {
    fs::remove_file(mark(folder))?;
    File::open(folder)?.sync_all()
}

/// Clears away what was begun and not ended; nothing where nothing was begun.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    if !is_unfinished(folder) {
        return Ok(());
    }
    wipe::clear(folder)?;
    match fs::remove_dir_all(folder.join("store")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // What is left of one store's count would be a loss to the next.
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
        // The lock of the vault says nothing and stays.
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
