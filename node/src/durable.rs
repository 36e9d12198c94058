//! Small files that must be whole after a power cut, and files that must be gone.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

/// Makes `folder` and its parents, for this user alone; one that exists is left as it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Puts `bytes` at `path`, for this user alone: after a power cut the old bytes are there or the new ones, never a mix.
/// The old bytes are then overwritten, so that a passphrase that was removed opens nothing that is left on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let old = OpenOptions::new().write(true).open(path);
    fs::rename(&fresh, path)?;
    sync_parent(path)?;
    match old {
        Ok(old) => overwrite(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives the whole and synced file or folder `fresh` its name. `AlreadyExists`, and both stay as they are, if something
/// has that name: a plain rename would put itself in the place of a file or an empty folder.
pub(crate) fn name(fresh: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // Not every file system can promise it in one step, NFS for one.
        Err(Errno::INVAL) if !path.try_exists()? => fs::rename(fresh, path)?,
        Err(Errno::INVAL) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(errno) => return Err(errno.into()),
    }
    sync_parent(path)
}

/// Overwrites `path` and removes it; one that is not there counts as removed.
pub(crate) fn shred(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => overwrite(file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    fs::remove_file(path)?;
    sync_parent(path)
}

/// `path` with `ending` added to its file name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn overwrite(mut file: File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.sync_all()
}

/// A rename or removal is durable once the folder is.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_replaced_bytes_are_overwritten_where_they_lay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        replace(&path, b"old secret").expect("a writable folder");
        let mut old = File::open(&path).expect("just written");
        replace(&path, b"new").expect("a writable folder");
        let mut left = Vec::new();
        old.read_to_end(&mut left).expect("an open file reads");
        assert_eq!(left, [0; 10]);
        assert_eq!(fs::read(&path).expect("just written"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    }

    #[test]
    fn a_name_is_given_once_and_never_taken_from_another() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let [first, second, file, named] = ["1", "2", "3", "named"].map(|name| root.path().join(name));
        for folder in [&first, &second] {
            make_folder(folder).expect("a writable folder");
        }
        replace(&file, b"file").expect("a writable folder");
        name(&first, &named).expect("the name is free");
        for late in [&second, &file] {
            let refused = name(late, &named).expect_err("the name is taken").kind();
            assert_eq!((refused, late.exists()), (io::ErrorKind::AlreadyExists, true));
        }
    }

    #[test]
    fn shredding_overwrites_and_removes_and_may_be_repeated() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        replace(&path, b"secret").expect("a writable folder");
        let mut kept = File::open(&path).expect("just written");
        shred(&path).expect("a writable folder");
        shred(&path).expect("gone is gone");
        let mut left = Vec::new();
        kept.read_to_end(&mut left).expect("an open file reads");
        assert_eq!((left, path.exists()), (vec![0; 6], false));
    }
}
