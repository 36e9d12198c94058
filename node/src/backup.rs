//! Backups: one file with everything of a folder, still sealed.
//!
//! A tar archive (POSIX.1-2001) of the vault, the root key, a checkpoint of the store and the time of the backup, and
//! last a `manifest` with the BLAKE3 of each file. Making it decrypts nothing and compresses nothing, and it opens with
//! the same passphrases. A restored folder lies elsewhere than the saved one, so it starts new incarnations of its
//! feeds: the old folder, started by mistake, forks nothing.
//!
//! A backup is untrusted input. So only a regular file is read, each name in it is one that backups contain (`is_ours`)
//! and occurs once, and nothing of a size that the file chooses is held in memory. In a wiped folder nothing is
//! restored, and a backup of it that was under way is not finished.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    durable,
    steps::step,
    vault::{
        VaultError,
        wipe::{self, Gate},
    },
};

const MANIFEST: &str = "manifest";
/// First line of the manifest.
const HEAD: &str = "habeas backup 1";
/// File with the time of the last backup: seconds UTC. It can be read while no node runs, and it is part of the backup,
/// so that a restored folder has the time of its backup.
const LAST: &str = "last-backup";
/// Maximum bytes of that file.
const LAST_BYTES: u64 = 32;
/// Folder into which a backup is unpacked, within the folder that it is restored into.
const UNFINISHED: &str = ".unfinished";
/// Folder with a complete unpacked backup: once it has this name, the restore is completed even after a crash.
const RESTORED: &str = ".restored";
/// Files of the folder itself that a backup contains, if they exist.
const KEYS: [&str; 3] = ["vault", "vault.copy", "root"];
/// Maximum bytes of such a file.
const KEY_BYTES: u64 = 64 * 1024;
/// Files of the store that a backup contains, beside its rows.
const STORE: [&str; 1] = ["format"];
/// Maximum number of files in a backup: a store of a terabyte has fewer.
const FILES: usize = 20_000;
/// Maximum bytes of the manifest.
const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes overwritten at the start of a discarded backup: the keys are its first files.
const HEAD_BYTES: u64 = 64 * 1024;

/// Size of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Number of files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// Error of making, reading or restoring a backup.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The target exists already: a backup never overwrites a file.
    #[error("there is a file already")]
    Exists,
    /// The file is not a backup.
    #[error("this is not a backup of Habeas")]
    NotHabeas,
    /// The path is a pipe, a socket or a device: nothing was read from it.
    #[error("this is not a regular file")]
    NotAFile,
    /// The backup ends before its manifest.
    #[error("the backup is cut off: its end is missing")]
    Truncated,
    /// A file in the backup differs from the manifest.
    #[error("the backup was changed: {path} is not what was saved")]
    Changed {
        /// Path of the file in the backup.
        path: String,
    },
    /// The folder to restore into is not empty.
    #[error("the folder is not empty")]
    NotEmpty,
    /// The keys of the folder were destroyed.
    #[error("the keys of this folder were destroyed")]
    Wiped,
    /// The system refused an operation.
    #[error("cannot {attempted}: {source}")]
    Io {
        /// The attempted operation, as a verb phrase.
        attempted: &'static str,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { attempted, source }
    }
}

impl From<VaultError> for BackupError {
    /// Converts an error of entering the gate.
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Io { attempted, source } => Self::Io { attempted, source },
            _ => Self::Wiped,
        }
    }
}

/// Callback for progress: bytes done, bytes in all.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// Creates a backup of `folder`, dated `at` (UTC, seconds), in the new file `to`. `checkpoint` is a copy of the store;
/// it is removed afterwards.
///
/// # Errors
///
/// [`BackupError::Exists`] if anything has the name `to` or the name of the unfinished file, [`BackupError::Wiped`],
/// [`BackupError::Io`]. An unfinished backup is removed.
pub fn create(folder: &Path, checkpoint: &Path, at: u64, to: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    let made = make(folder, checkpoint, at, to, told);
    let _left_for_the_next_backup = fs::remove_dir_all(checkpoint);
    made
}

fn make(folder: &Path, checkpoint: &Path, at: u64, to: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    if durable::is_taken(to).map_err(BackupError::io("look for a file"))? {
        return Err(BackupError::Exists);
    }
    let fresh = durable::beside(to, ".unfinished");
    make_way(&fresh)?;
    let file = durable::make_file(&fresh).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists,
        _ => BackupError::io("make the backup")(error),
    })?;
    let named = write(folder, checkpoint, at, file, told).and_then(|summary| {
        let _until_it_is_named = Gate::enter(folder)?;
        match durable::name(&fresh, to) {
            Ok(()) => Ok(summary),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists),
            Err(error) => Err(BackupError::io("name the backup")(error)),
        }
    });
    if named.is_err() {
        let _left_behind = give_up(&fresh);
    }
    named
}

/// Returns the time of the last backup of a folder (UTC, seconds); in a restored folder, the time of the backup that it
/// came from.
pub fn last(folder: &Path) -> Option<u64> {
    let text = durable::read_small(&folder.join(LAST), LAST_BYTES).ok()?;
    String::from_utf8(text).ok()?.trim().parse().ok()
}

/// Records the time of the last backup (UTC, seconds).
///
/// # Errors
///
/// The I/O error of replacing the file.
pub fn note(folder: &Path, at: u64) -> io::Result<()> {
    durable::replace(&folder.join(LAST), stamp(at).as_bytes())
}

fn stamp(at: u64) -> String {
    format!("{at}\n")
}

/// Removes an unfinished backup that a crash left. Anything else of that name is kept.
fn make_way(fresh: &Path) -> Result<(), BackupError> {
    let about = match fresh.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        about => about.map_err(BackupError::io("look for a file"))?,
    };
    let begins = || -> io::Result<bool> {
        let mut head = Vec::new();
        durable::open_regular(fresh)?.take(LAST.len() as u64).read_to_end(&mut head)?;
        Ok(LAST.as_bytes().starts_with(&head))
    };
    if about.is_file() && begins().is_ok_and(|begins| begins) {
        give_up(fresh).map_err(BackupError::io("remove what a crash left"))
    } else {
        Err(BackupError::Exists)
    }
}

/// Removes a discarded backup, after overwriting the keys in it.
fn give_up(fresh: &Path) -> io::Result<()> {
    if let Ok(mut file) = durable::open_in_place(fresh) {
        let length = file.metadata()?.len().min(HEAD_BYTES);
        io::copy(&mut io::repeat(0).take(length), &mut file)?;
        file.sync_data()?;
    }
    fs::remove_file(fresh)
}

/// A file to back up.
enum Part {
    /// Content in memory, read while its writers were locked out.
    Held(Vec<u8>),
    /// Path and length of a file of the checkpoint, which nothing changes.
    Lying(PathBuf, u64),
}

fn write(folder: &Path, checkpoint: &Path, at: u64, to: File, told: Told<'_>) -> Result<Summary, BackupError> {
    let mut archive = tar::Builder::new(BufWriter::new(to));
    let mut parts = vec![(LAST.to_owned(), Part::Held(stamp(at).into_bytes()))];
    parts.extend(keys(folder)?);
    collect(checkpoint, "store", &mut parts).map_err(BackupError::io("list the store"))?;
    let length = |part: &Part| match part {
        Part::Held(bytes) => bytes.len() as u64,
        Part::Lying(_, length) => *length,
    };
    let all = parts.iter().map(|(_, part)| length(part)).sum();
    let (mut manifest, mut bytes) = (format!("{HEAD}\n"), 0);
    for (name, part) in &parts {
        if !is_ours(name) {
            // Our bug if it happens: a restore would refuse the name.
            return Err(BackupError::io("give a file of the store a place in the backup")(
                io::ErrorKind::InvalidData.into(),
            ));
        }
        step("write a file of the backup");
        wipe::refuse(folder)?;
        let hash = match part {
            Part::Held(held) => append(&mut archive, name, held.len() as u64, &held[..]),
            Part::Lying(path, length) => {
                durable::open_regular(path).and_then(|file| append(&mut archive, name, *length, file))
            }
        };
        let hash = hash.map_err(BackupError::io("write the backup"))?;
        bytes += length(part);
        manifest.push_str(&format!("{hash} {name}\n"));
        told(bytes, all);
    }
    append(&mut archive, MANIFEST, manifest.len() as u64, manifest.as_bytes())
        .and_then(|_| archive.into_inner())
        .and_then(|mut file| file.flush().map(|()| file))
        .and_then(|file| file.get_ref().sync_all())
        .map_err(BackupError::io("write the backup"))?;
    Ok(Summary { files: parts.len() as u64, bytes })
}

/// Reads the files with keys, while their writers are locked out.
fn keys(folder: &Path) -> Result<Vec<(String, Part)>, BackupError> {
    let _while_they_are_read = Gate::enter(folder)?;
    let mut parts = Vec::new();
    for name in KEYS {
        match durable::read_small(&folder.join(name), KEY_BYTES) {
            Ok(bytes) => parts.push((name.to_owned(), Part::Held(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::io("read the folder")(error)),
        }
    }
    Ok(parts)
}

/// Appends a file of exactly `length` bytes to the archive and returns its BLAKE3 in hex.
fn append(archive: &mut tar::Builder<impl Write>, name: &str, length: u64, from: impl Read) -> io::Result<String> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    let mut from = Hashing { from: from.take(length), hasher: blake3::Hasher::new(), bytes: 0 };
    archive.append_data(&mut header, name, &mut from)?;
    if from.bytes != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(from.hasher.finalize().to_hex().to_string())
}

/// A reader that hashes what it reads.
struct Hashing<R> {
    from: R,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Unpacks a backup into the folder `into`, missing or empty, to the place from which [`restore`] moves it: all of it
/// or nothing.
///
/// # Errors
///
/// [`BackupError::NotEmpty`] if the folder holds anything, and the errors of [`unpack`].
pub fn prepare(from: &Path, into: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    durable::make_folder(into).map_err(BackupError::io("make the folder"))?;
    wipe::refuse(into)?;
    if holds_anything(into).map_err(BackupError::io("look into the folder"))? {
        return Err(BackupError::NotEmpty);
    }
    let fresh = into.join(UNFINISHED);
    // The remains of an earlier crash hold nothing that the backup does not.
    let _nothing_there = fs::remove_dir_all(&fresh);
    let unpacked = unpack(from, &fresh, told);
    if unpacked.is_err() {
        let _left_behind = fs::remove_dir_all(&fresh);
    }
    unpacked
}

/// Restores a folder: moves the files that [`prepare`] unpacked to their places, if the folder is still empty. A
/// restore that was begun and interrupted is [`complete`]d at the next start.
///
/// # Errors
///
/// [`BackupError::NotEmpty`], [`BackupError::Wiped`], [`BackupError::Io`].
pub fn restore(into: &Path) -> Result<(), BackupError> {
    let fresh = into.join(UNFINISHED);
    let entered = Gate::enter(into).map_err(BackupError::from).and_then(|gate| match holds_anything(into) {
        Ok(false) => Ok(gate),
        Ok(true) => Err(BackupError::NotEmpty),
        Err(error) => Err(BackupError::io("look into the folder")(error)),
    });
    let _until_it_is_there = match entered {
        Ok(gate) => gate,
        Err(refused) => {
            let _left_behind = fs::remove_dir_all(&fresh);
            return Err(refused);
        }
    };
    step("begin to restore");
    fs::rename(&fresh, into.join(RESTORED))
        .and_then(|()| durable::sync_parent(&fresh))
        .map_err(BackupError::io("restore the folder"))?;
    put(into)
}

/// Completes an interrupted restore; `true` if there was one.
///
/// # Errors
///
/// [`BackupError::Wiped`], [`BackupError::Io`].
pub fn complete(folder: &Path) -> Result<bool, BackupError> {
    if !durable::is_taken(&folder.join(RESTORED)).map_err(BackupError::io("look into the folder"))? {
        return Ok(false);
    }
    let _until_it_is_there = Gate::enter(folder)?;
    put(folder).map(|()| true)
}

/// Moves the restored files to their places. The caller holds the gate.
fn put(into: &Path) -> Result<(), BackupError> {
    let restored = into.join(RESTORED);
    for entry in fs::read_dir(&restored).map_err(BackupError::io("look into the folder"))? {
        let entry = entry.map_err(BackupError::io("look into the folder"))?;
        step("put a file in its place");
        fs::rename(entry.path(), into.join(entry.file_name())).map_err(BackupError::io("restore a file"))?;
    }
    step("finish the restored folder");
    fs::remove_dir(&restored)
        .and_then(|()| durable::sync_parent(&restored))
        .map_err(BackupError::io("finish the folder"))
}

/// Unpacks a backup into the new folder `into`, which lies in the folder to restore, and verifies every file against
/// the manifest.
///
/// # Errors
///
/// [`BackupError::NotAFile`], [`BackupError::NotHabeas`] for anything that no backup contains,
/// [`BackupError::Truncated`], [`BackupError::Changed`] with the path, [`BackupError::Wiped`], [`BackupError::Io`].
pub fn unpack(from: &Path, into: &Path, told: Told<'_>) -> Result<Summary, BackupError> {
    let file = durable::open_regular(from).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => BackupError::NotAFile,
        _ => BackupError::io("open the backup")(error),
    })?;
    let all = file.metadata().map_err(BackupError::io("open the backup"))?.len();
    durable::make_new_folder(into).map_err(BackupError::io("make the folder"))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let (mut found, mut manifest, mut bytes) = (BTreeMap::new(), None, 0);
    // Raw entries: backups have no extension headers, whose names and sizes would be read into memory.
    for entry in archive.entries().map_err(torn)?.raw(true) {
        let mut entry = entry.map_err(torn)?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8(name).map_err(|_| BackupError::NotHabeas)?;
        let length = entry.header().size().map_err(torn)?;
        let is_over = manifest.is_some() || found.len() >= FILES;
        if is_over || !entry.header().entry_type().is_file() {
            return Err(BackupError::NotHabeas);
        }
        if name == MANIFEST {
            let mut text = String::new();
            let read = entry.take(MANIFEST_BYTES).read_to_string(&mut text).map_err(torn)?;
            if read as u64 != length {
                return Err(if length > MANIFEST_BYTES { BackupError::NotHabeas } else { BackupError::Truncated });
            }
            manifest = Some(text);
            continue;
        }
        if !is_ours(&name) || found.contains_key(&name) {
            return Err(BackupError::NotHabeas);
        }
        let hash = extract(&mut entry, length, into, &name)?;
        bytes += length;
        told(bytes.min(all), all);
        found.insert(name, hash);
    }
    check(found, &manifest.ok_or(BackupError::Truncated)?, bytes)
}

fn torn(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BackupError::Truncated,
        io::ErrorKind::StorageFull | io::ErrorKind::FileTooLarge | io::ErrorKind::IsADirectory => {
            BackupError::io("unpack the backup")(error)
        }
        _ => BackupError::NotHabeas,
    }
}

/// Extracts one file and returns the BLAKE3 of its content on the disk, in hex.
fn extract(entry: &mut impl Read, length: u64, into: &Path, name: &str) -> Result<String, BackupError> {
    let path = into.join(name);
    durable::make_folder(path.parent().unwrap_or(into)).map_err(BackupError::io("make the folder"))?;
    let is_key = KEYS.contains(&name);
    if is_key && length > KEY_BYTES {
        return Err(BackupError::NotHabeas);
    }
    // Files with keys are never written into a wiped folder, not for a moment.
    let _while_keys_are_written = is_key.then(|| Gate::enter(into.parent().unwrap_or(into))).transpose()?;
    step("unpack a file");
    let mut file = durable::make_file(&path).map_err(BackupError::io("unpack the backup"))?;
    if io::copy(entry, &mut file).map_err(torn)? != length {
        return Err(BackupError::Truncated);
    }
    file.sync_all().map_err(BackupError::io("unpack the backup"))?;
    let mut hasher = blake3::Hasher::new();
    durable::open_regular(&path)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .map_err(BackupError::io("read back the backup"))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Verifies the hashes of the extracted files against the manifest.
fn check(mut found: BTreeMap<String, String>, manifest: &str, bytes: u64) -> Result<Summary, BackupError> {
    let mut lines = manifest.lines();
    if lines.next() != Some(HEAD) || !KEYS[..2].iter().any(|vault| found.contains_key(*vault)) {
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

/// Whether backups contain a file of this name. Any other name could be one that a folder is opened or locked with,
/// such as a socket, or a path out of the folder.
fn is_ours(name: &str) -> bool {
    let row = |name: &str| {
        let number =
            |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        let numbered = [".sst", ".log"].iter().filter_map(|end| name.strip_suffix(end));
        let listed = ["MANIFEST-", "OPTIONS-"].iter().filter_map(|start| name.strip_prefix(start));
        ["CURRENT", "IDENTITY"].contains(&name) || numbered.chain(listed).any(number)
    };
    let in_store = |name: &str| STORE.contains(&name) || name.strip_prefix("rows/").is_some_and(row);
    name == LAST || KEYS.contains(&name) || name.strip_prefix("store/").is_some_and(in_store)
}

fn holds_anything(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            // Files that exist already: lock, socket and log of the node that restores, and its count of failed
            // attempts.
            let mut names = entries.map(|entry| entry.map(|entry| entry.file_name()));
            let ours = ["api.sock", "lock", "vault.lock", "backup.attempts", "node.log", "node.log.1", UNFINISHED];
            names.try_fold(false, |any, name| name.map(|name| any || !ours.iter().any(|ours| name == *ours)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn collect(folder: &Path, name: &str, parts: &mut Vec<(String, Part)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &name, parts)?;
        } else {
            let length = entry.metadata()?.len();
            parts.push((name, Part::Lying(entry.path(), length)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
