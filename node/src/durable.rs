//! Durable small files: atomic replacement, exclusive creation, and overwriting before removal.
//!
//! An attacker who can write into a folder can plant a symbolic link, a pipe or a device under a name that is about
//! to be written or read. So a new file is created with `O_EXCL`, only a regular file that is no link is overwritten,
//! and `open` never blocks.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, OFlags, RenameFlags, renameat_with},
    io::Errno,
};

use crate::steps::step;

/// Flags of open(2) that follow no symbolic link (`O_NOFOLLOW`) and do not block on a pipe (`O_NONBLOCK`).
pub(crate) const AS_IT_LIES: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();
/// Flags of open(2) that do not block on a pipe or a terminal (`O_NONBLOCK`, `O_NOCTTY`).
const AT_ONCE: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// Creates `folder` and its parents with mode 0700; an existing folder is left as it is.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Creates the single folder `folder` with mode 0700. Fails with `AlreadyExists` if anything has the name, a link
/// too.
pub(crate) fn make_new_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// Creates the new file `path` with mode 0600. Fails with `AlreadyExists` if anything has the name, a link too.
pub(crate) fn make_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(AS_IT_LIES).open(path)
}

/// Replaces the content of `path` with `bytes`, mode 0600: after a power cut the old bytes are there or the new ones,
/// never a mix. The old bytes are then overwritten, so that a removed passphrase opens nothing that is left on the
/// disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = beside(path, ".new");
    step("remove what a crash left");
    remove(&fresh)?;
    step("make the new file");
    let mut file = make_file(&fresh)?;
    step("write the new file");
    file.write_all(bytes)?;
    step("sync the new file");
    file.sync_all()?;
    let old = open_to_overwrite(path)?;
    step("name the new file");
    fs::rename(&fresh, path)?;
    step("sync the folder");
    sync_parent(path)?;
    step("overwrite the old file");
    old.map_or(Ok(()), overwrite)
}

/// Renames the complete and synced file or folder `fresh` to `path`, without replacing anything. Fails with
/// `AlreadyExists` if something has that name, and both stay as they are: a plain rename would replace a file or an
/// empty folder.
pub(crate) fn name(fresh: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // Not every file system supports `RENAME_NOREPLACE`; NFS does not.
        Err(Errno::INVAL) if !is_taken(path)? => fs::rename(fresh, path)?,
        Err(Errno::INVAL) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(errno) => return Err(errno.into()),
    }
    sync_parent(path)
}

/// Whether anything has this name, a dangling link too.
pub(crate) fn is_taken(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Overwrites `path` and removes it; a missing file counts as removed. A link is removed, not followed.
pub(crate) fn shred(path: &Path) -> io::Result<()> {
    step("open what is to be overwritten");
    if let Some(file) = open_to_overwrite(path)? {
        step("overwrite");
        overwrite(file)?;
    } else if !is_taken(path)? {
        return Ok(());
    }
    step("remove");
    remove(path)?;
    step("sync the folder");
    sync_parent(path)
}

/// Opens the regular file `path` for reading. A pipe, a socket or a device is `InvalidInput`, a folder
/// `IsADirectory`: opening a pipe waits for its other end, and reading a device may block for ever.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(AT_ONCE).open(path)?;
    let about = file.metadata()?;
    if about.is_file() {
        Ok(file)
    } else if about.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Reads the bytes of the regular file `path`. Fails with `FileTooLarge` if there are more than `most`.
pub(crate) fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Opens the regular file `path` for writing in place and creates it if it is missing. Anything else that has the
/// name is removed.
pub(crate) fn open_in_place(path: &Path) -> io::Result<File> {
    match open_to_overwrite(path)? {
        Some(file) => Ok(file),
        None => {
            remove(path)?;
            make_file(path)
        }
    }
}

/// Appends `ending` to the file name of `path`.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Syncs the parent folder of `path`: a rename or removal is durable only after that.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Removes the file or link `path`, if there is one.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens the regular file `path` for overwriting; `None` if it is missing or not a regular file.
fn open_to_overwrite(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().write(true).custom_flags(AS_IT_LIES).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A link (`ELOOP`), or a pipe or socket without a reader (`ENXIO`): see open(2).
        Err(error)
            if [Errno::LOOP, Errno::NXIO].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn overwrite(mut file: File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{FileType, Mode, mknodat};

    use super::*;

    fn pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a writable folder");
    }

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

    /// Regression: a link planted at `vault.new`, or at `vault` itself, made the node overwrite the link's target.
    #[test]
    fn a_planted_link_is_never_written_through() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [victim, path, fresh] = ["victim", "file", "file.new"].map(|name| folder.path().join(name));
        fs::write(&victim, "of somebody").expect("a writable folder");
        let untouched = || assert_eq!(fs::read(&victim).expect("there"), b"of somebody");
        symlink(&victim, &fresh).expect("a writable folder");
        replace(&path, b"new").expect("the link made way");
        untouched();
        fs::remove_file(&path).expect("there");
        symlink(&victim, &path).expect("a writable folder");
        replace(&path, b"newer").expect("the link made way");
        untouched();
        fs::remove_file(&path).expect("there");
        symlink(&victim, &path).expect("a writable folder");
        shred(&path).expect("the link goes");
        untouched();
        assert!(!is_taken(&path).expect("readable"));
        symlink(&victim, &path).expect("a writable folder");
        open_in_place(&path).and_then(|mut file| file.write_all(b"in place")).expect("the link made way");
        untouched();
        symlink(&victim, &fresh).expect("a writable folder");
        assert_eq!(make_file(&fresh).expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        symlink(folder.path().join("nowhere"), folder.path().join("dangling")).expect("a writable folder");
        let named = name(&path, &folder.path().join("dangling")).expect_err("taken").kind();
        assert_eq!(named, io::ErrorKind::AlreadyExists);
    }

    /// Regression: a pipe in the place of a file blocked the opening thread until somebody opened its other end.
    #[test]
    fn a_pipe_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        pipe(&path);
        assert_eq!(open_regular(&path).expect_err("a pipe").kind(), io::ErrorKind::InvalidInput);
        assert_eq!(read_small(&path, 1).expect_err("a pipe").kind(), io::ErrorKind::InvalidInput);
        replace(&path, b"new").expect("the pipe made way");
        fs::remove_file(&path).expect("there");
        pipe(&path);
        open_in_place(&path).expect("the pipe made way");
        fs::remove_file(&path).expect("there");
        pipe(&path);
        shred(&path).expect("the pipe goes");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0);
        let found = open_regular(folder.path()).expect_err("a folder").kind();
        assert_eq!(found, io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_file_larger_than_it_may_be_is_not_read_into_memory() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        fs::write(&path, [7; 10]).expect("a writable folder");
        assert_eq!(read_small(&path, 10).expect("ten bytes"), [7; 10]);
        assert_eq!(read_small(&path, 9).expect_err("ten bytes").kind(), io::ErrorKind::FileTooLarge);
    }
}
