//! Backups: one file that holds everything of a folder, as sealed as it lies there.
//!
//! A tar archive (POSIX.1-2001) of the vault, the root key, a checkpoint of the store and when all this was saved, and
//! last a `manifest` with the BLAKE3 of each file. Nothing is opened to make it, nothing is compressed, and it opens with
//! the same passphrases. A restored folder lies elsewhere than the one that was saved, so it starts new incarnations of
//! its feeds: the old folder, started by mistake, forks nothing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Component, Path, PathBuf},
};

use thiserror::Error;

use crate::durable;

const MANIFEST: &str = "manifest";
/// First line of the manifest.
const HEAD: &str = "habeas backup 1";
/// The file that says when the last backup was made: seconds UTC. It is read while no node runs, too; and it comes back
/// with the backup, so that a restored folder knows what it came from.
const LAST: &str = "last-backup";
/// Where a backup is unpacked within the folder that it is restored into.
const UNFINISHED: &str = ".unfinished";
/// Files of the folder itself that a backup holds, where they are there.
const KEYS: [&str; 3] = ["vault", "vault.copy", "root"];

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Why there is no backup, or none that can be used.
#[derive(Debug, Error)]
pub enum BackupError {
    /// There is a file already: a backup is never written over another.
    #[error("there is a file already")]
    Exists,
    /// Not a backup.
    #[error("this is not a backup of Habeas")]
    NotHabeas,
    /// It ends before its manifest.
    #[error("the backup is cut off: its end is missing")]
    Truncated,
    /// A file in it is not the one that was saved.
    #[error("the backup was changed: {path} is not what was saved")]
    Changed {
        /// Which one.
        path: String,
    },
    /// The folder to restore to holds something.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The system refused.
    #[error("cannot {attempted}: {source}")]
    Io {
        /// What was attempted, as a verb.
        attempted: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { attempted, source }
    }
}

/// Hears how many bytes are done, of how many.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// Writes a backup of `folder`, as it was `at` (UTC, seconds), to the new file `to`. `checkpoint` is a copy of its store;
/// it is removed afterwards.
pub fn create(folder: &Path, checkpoint: &Path, at: u64, to: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    if to.exists() {
        let _left_for_the_next_backup = fs::remove_dir_all(checkpoint);
        return Err(BackupError::Exists);
    }
    let fresh = durable::beside(to, ".unfinished");
    let written = write(folder, checkpoint, at, &fresh, told);
    let _left_for_the_next_backup = fs::remove_dir_all(checkpoint);
    let named = written.and_then(|summary| match durable::name(&fresh, to) {
        Ok(()) => Ok(summary),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists),
        Err(error) => Err(BackupError::io("name the backup")(error)),
    });
    if named.is_err() {
        let _left_behind = fs::remove_file(&fresh);
    }
    named
}

/// When the last backup of a folder was made: UTC, seconds. Of a restored folder, the one it came from.
pub fn last(folder: &Path) -> Option<u64> {
    fs::read_to_string(folder.join(LAST)).ok()?.trim().parse().ok()
}

/// Notes when the last backup was made.
pub fn note(folder: &Path, at: u64) -> io::Result<()> {
    durable::replace(&folder.join(LAST), stamp(at).as_bytes())
}

fn stamp(at: u64) -> String {
    format!("{at}\n")
}

fn write(folder: &Path, checkpoint: &Path, at: u64, to: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(to);
    let file = file.map_err(BackupError::io("make the backup"))?;
    let mut archive = tar::Builder::new(BufWriter::new(file));
    archive.mode(tar::HeaderMode::Deterministic);
    let mut files: Vec<(String, PathBuf)> =
        KEYS.iter().map(|name| ((*name).to_owned(), folder.join(name))).filter(|(_, path)| path.exists()).collect();
    collect(checkpoint, "store", &mut files).map_err(BackupError::io("list the store"))?;
    let lengths = files.iter().map(|(_, path)| path.metadata().map(|about| about.len()));
    let all = lengths.sum::<io::Result<u64>>().map_err(BackupError::io("read the folder"))?;
    let stamp = stamp(at);
    let mut manifest = format!("{HEAD}\n{} {LAST}\n", blake3::hash(stamp.as_bytes()).to_hex());
    let mut bytes = stamp.len() as u64;
    append(&mut archive, LAST, &stamp).map_err(BackupError::io("write the backup"))?;
    for (name, path) in &files {
        let hash = hash(File::open(path).map_err(BackupError::io("read the folder"))?)
            .map_err(BackupError::io("read the folder"))?;
        archive.append_path_with_name(path, name).map_err(BackupError::io("write the backup"))?;
        bytes += path.metadata().map_err(BackupError::io("read the folder"))?.len();
        manifest.push_str(&format!("{hash} {name}\n"));
        told(bytes.min(all), all);
    }
    append(&mut archive, MANIFEST, &manifest)
        .and_then(|()| archive.into_inner())
        .and_then(|mut file| file.flush().map(|()| file))
        .and_then(|file| file.get_ref().sync_all())
        .map_err(BackupError::io("write the backup"))?;
    Ok(Summary { files: files.len() as u64 + 1, bytes })
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, text: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, text.as_bytes())
}

/// Unpacks a backup into the missing or empty folder `into`: all of it, beside where [`restore`] puts it, or nothing.
pub fn prepare(from: &Path, into: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    if holds_anything(into).map_err(BackupError::io("look into the folder"))? {
        return Err(BackupError::NotEmpty);
    }
    let fresh = into.join(UNFINISHED);
    // What a crash left there holds nothing that the backup does not.
    let _nothing_there = fs::remove_dir_all(&fresh);
    let unpacked = unpack(from, &fresh, told);
    if unpacked.is_err() {
        let _left_behind = fs::remove_dir_all(&fresh);
    }
    unpacked
}

/// Puts in place what [`prepare`] unpacked, if nothing has come there since.
pub fn restore(into: &Path) -> Result<(), BackupError> {
    let fresh = into.join(UNFINISHED);
    if holds_anything(into).map_err(BackupError::io("look into the folder"))? {
        let _left_behind = fs::remove_dir_all(&fresh);
        return Err(BackupError::NotEmpty);
    }
    for entry in fs::read_dir(&fresh).map_err(BackupError::io("look into the folder"))? {
        let entry = entry.map_err(BackupError::io("look into the folder"))?;
        fs::rename(entry.path(), into.join(entry.file_name())).map_err(BackupError::io("restore a file"))?;
    }
    fs::remove_dir(&fresh).map_err(BackupError::io("finish the folder"))
}

/// Unpacks a backup into the new folder `into` and holds every file against the manifest.
pub fn unpack(from: &Path, into: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    durable::make_folder(into).map_err(BackupError::io("make the folder"))?;
    let file = File::open(from).map_err(BackupError::io("open the backup"))?;
    let all = file.metadata().map_err(BackupError::io("open the backup"))?.len();
    let mut archive = tar::Archive::new(BufReader::new(file));
    let (mut found, mut manifest, mut bytes) = (BTreeMap::new(), None, 0);
    let torn = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Truncated,
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::IsADirectory => {
            BackupError::io("unpack the backup")(error)
        }
        _ => BackupError::NotHabeas,
    };
    for entry in archive.entries().map_err(torn)? {
        let mut entry = entry.map_err(torn)?;
        let name = entry.path().map_err(torn)?.into_owned();
        // A name that leads out of the folder is nobody's honest backup.
        if !name.components().all(|part| matches!(part, Component::Normal(_))) || !entry.header().entry_type().is_file()
        {
            return Err(BackupError::NotHabeas);
        }
        if name == Path::new(MANIFEST) {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(torn)?;
            manifest = Some(text);
            continue;
        }
        let path = into.join(&name);
        durable::make_folder(path.parent().unwrap_or(into)).map_err(BackupError::io("make the folder"))?;
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.map_err(BackupError::io("unpack the backup"))?;
        let expected = entry.header().size().map_err(torn)?;
        let copied = io::copy(&mut entry, &mut file).map_err(torn)?;
        if copied != expected {
            return Err(BackupError::Truncated);
        }
        file.sync_all().map_err(BackupError::io("unpack the backup"))?;
        bytes += copied;
        told(bytes.min(all), all);
        let hash = hash(File::open(&path).map_err(BackupError::io("read back the backup"))?)
            .map_err(BackupError::io("read back the backup"))?;
        found.insert(name.to_string_lossy().into_owned(), hash);
    }
    let manifest = manifest.ok_or(BackupError::Truncated)?;
    let mut lines = manifest.lines();
    if lines.next() != Some(HEAD) {
        return Err(BackupError::NotHabeas);
    }
    let files = found.len() as u64;
    for line in lines {
        let (hash, path) = line.split_once(' ').ok_or(BackupError::NotHabeas)?;
        if found.remove(path).as_deref() != Some(hash) {
            return Err(BackupError::Changed { path: path.to_owned() });
        }
    }
    match found.into_keys().next() {
        None => Ok(Summary { files, bytes }),
        Some(path) => Err(BackupError::Changed { path }),
    }
}

fn holds_anything(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            // Lock and socket of the node that is asked to restore are there already, its log, and what it counts.
            let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
            let ours = ["api.sock", "lock", "backup.attempts", "node.log", "node.log.1", UNFINISHED];
            names.try_fold(false, |any, name| name.map(|name| any || !ours.iter().any(|ours| name == *ours)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &name, files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

fn hash(mut file: File) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Five files and the time.
    const SAVED: Summary = Summary { files: 6, bytes: 100_015 };

    fn back(from: &Path, into: &Path) -> Result<Summary, BackupError> {
        let summary = prepare(from, into, &mut |_, _| {})?;
        restore(into).map(|()| summary)
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().expect("a temporary folder");
        let (folder, checkpoint) = (root.path().join("folder"), root.path().join("checkpoint"));
        fs::create_dir_all(checkpoint.join("rows")).expect("writable");
        fs::create_dir(&folder).expect("writable");
        for (path, content) in
            [(folder.join("vault"), "v"), (folder.join("vault.copy"), "v"), (folder.join("root"), "r")]
        {
            fs::write(path, content).expect("writable");
        }
        fs::write(checkpoint.join("format"), "f").expect("writable");
        fs::write(checkpoint.join("rows/000004.log"), vec![7; 100_000]).expect("writable");
        let backup = root.path().join("backup");
        let mut told = Vec::new();
        let summary = create(&folder, &checkpoint, 1_795_478_400, &backup, &mut |done, all| told.push((done, all)));
        assert_eq!(summary.expect("a backup"), SAVED);
        assert!(told.is_sorted() && told.last() == Some(&(100_004, 100_004)), "{told:?}");
        assert!(!checkpoint.exists(), "the checkpoint is gone");
        (root, backup)
    }

    #[test]
    fn what_was_saved_comes_back() {
        let (root, backup) = folder();
        let into = root.path().join("restored");
        assert_eq!(back(&backup, &into).expect("sound"), SAVED);
        let mode = fs::metadata(into.join("vault")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for this user alone");
        assert_eq!(last(&into), Some(1_795_478_400), "it knows what it came from");
        assert_eq!(fs::read(into.join("store/rows/000004.log")).expect("there"), vec![7; 100_000]);
        assert_eq!(fs::read(into.join("root")).expect("there"), b"r");
        assert!(matches!(back(&backup, &into), Err(BackupError::NotEmpty)));
    }

    #[test]
    fn a_backup_cut_off_anywhere_restores_nothing() {
        let (root, backup) = folder();
        let bytes = fs::read(&backup).expect("there");
        // The last two blocks of an archive are zeros and say nothing: without them it is still whole.
        for at in (0..bytes.len() - 2048).step_by(3571) {
            let (cut, into) = (root.path().join("cut"), root.path().join("into"));
            fs::write(&cut, &bytes[..at]).expect("writable");
            assert!(back(&cut, &into).is_err(), "{at} of {}", bytes.len());
            assert!(!into.exists() || fs::read_dir(&into).expect("readable").next().is_none(), "{at}");
        }
    }

    #[test]
    fn a_changed_backup_restores_nothing_and_is_never_overwritten() {
        let (root, backup) = folder();
        let mut bytes = fs::read(&backup).expect("there");
        let at = bytes.windows(8).position(|window| window == [7; 8]).expect("the log is in it") + 50_000;
        bytes[at] ^= 1;
        let changed = root.path().join("changed");
        fs::write(&changed, &bytes).expect("writable");
        let error = back(&changed, &root.path().join("into")).expect_err("changed");
        assert!(matches!(error, BackupError::Changed { ref path } if path == "store/rows/000004.log"), "{error}");
        let missing = root.path().join("missing");
        let over = create(root.path(), &missing, 0, &backup, &mut |_, _| {});
        assert!(matches!(over, Err(BackupError::Exists)));
    }

    #[test]
    fn what_came_into_the_folder_while_a_backup_was_unpacked_stays_and_nothing_is_restored() {
        let (root, backup) = folder();
        let into = root.path().join("into");
        prepare(&backup, &into, &mut |_, _| {}).expect("sound");
        fs::write(into.join("vault"), "another").expect("writable");
        assert!(matches!(restore(&into), Err(BackupError::NotEmpty)));
        assert_eq!(fs::read(into.join("vault")).expect("there"), b"another");
        assert_eq!(fs::read_dir(&into).expect("there").count(), 1, "what was unpacked is gone");
    }

    #[test]
    fn what_a_crash_left_half_unpacked_is_in_nobodys_way() {
        let (root, backup) = folder();
        let into = root.path().join("into");
        fs::create_dir_all(into.join(UNFINISHED)).expect("writable");
        fs::write(into.join(UNFINISHED).join("root"), "half").expect("writable");
        assert_eq!(back(&backup, &into).expect("sound"), SAVED);
        assert_eq!(fs::read(into.join("root")).expect("there"), b"r");
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let evil = root.path().join("evil");
        let mut archive = tar::Builder::new(File::create(&evil).expect("writable"));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.as_old_mut().name[..9].copy_from_slice(b"../escape");
        header.set_cksum();
        archive.append(&header, &b"x"[..]).expect("writable");
        archive.into_inner().expect("writable");
        assert!(matches!(back(&evil, &root.path().join("into")), Err(BackupError::NotHabeas)));
        assert!(!root.path().join("escape").exists());
    }
}
