//! The folder of a store: its format file, its lock, and its state since the last opening.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use crate::durable;

/// Error of opening a store. Each variant keeps its meaning in all versions.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has the folder open.
    #[error("the store is in use by another process")]
    InUse,
    /// The store is sound and belongs to another vault or registry.
    #[error("the store belongs to another vault")]
    OtherDatabase,
    /// The folder holds something else; nothing was touched.
    #[error("the folder is not empty and is not a store of Habeas")]
    NotHabeas,
    /// The store was written by a newer Habeas; nothing was touched.
    #[error("the store has layout {found}, this version knows {known}")]
    NewerLayout {
        /// Layout of the folder.
        found: u32,
        /// Newest layout this program knows.
        known: u32,
    },
    /// The store is damaged: a part is missing or fails its checksum. Restore a backup, or fetch everything from peers.
    #[error("the store is damaged: {reason}")]
    Damaged {
        /// Description of the damage.
        reason: String,
    },
    /// The disk has no room to open the store: free some and try again.
    #[error("the disk is full")]
    Full,
    /// The system refused an operation.
    #[error("cannot {attempted}")]
    Io {
        /// The attempted operation, as a verb phrase.
        attempted: &'static str,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// Wraps an error of the system during `attempted`.
    pub(super) fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Self::Full,
            _ => Self::Io { attempted, source },
        }
    }
}

/// Newest layout that this program knows.
const LAYOUT: u32 = 1;

/// State of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The store is being created: nothing was ever acknowledged in it.
    Making,
    /// The store is as a clean close or a power cut left it.
    Whole,
    /// The write-ahead log was damaged and had to be cut: acknowledged batches may be missing.
    Cut,
}

impl State {
    const WORDS: [(Self, &'static str); 3] = [(Self::Making, "making"), (Self::Whole, "whole"), (Self::Cut, "cut")];
}

/// A locked folder: this process owns it until the value is dropped.
pub(super) struct Folder {
    path: PathBuf,
    state: State,
    _lock: File,
}

impl Folder {
    /// Enters `path`: takes the lock, and creates the folder if it is missing or empty.
    pub(super) fn enter(path: &Path) -> Result<Self, OpenError> {
        durable::make_folder(path).map_err(OpenError::io("make the folder of the store"))?;
        if !path.join("format").exists() && !holds_nothing(path)? {
            return Err(OpenError::NotHabeas);
        }
        let mut folder = Self { path: path.into(), state: State::Making, _lock: lock(&path.join("lock"))? };
        // Read under the lock: another process may just have created it.
        match fs::read_to_string(folder.format()) {
            Ok(text) => folder.state = parse(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.mark(State::Making)?,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(OpenError::NotHabeas),
            Err(error) => return Err(OpenError::io("read the format of the store")(error)),
        }
        Ok(folder)
    }

    /// Path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Current state of the folder.
    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Records `state` durably.
    pub(super) fn mark(&mut self, state: State) -> Result<(), OpenError> {
        write_format(&self.path, state)?;
        self.state = state;
        Ok(())
    }

    /// Path of RocksDB's files.
    pub(super) fn rows(&self) -> PathBuf {
        self.path.join("rows")
    }

    fn format(&self) -> PathBuf {
        self.path.join("format")
    }
}

/// Writes the format file of the folder at `path`.
pub(super) fn write_format(path: &Path, state: State) -> Result<(), OpenError> {
    let (_, word) = State::WORDS.into_iter().find(|(known, _)| *known == state).expect("every state has a word");
    let text = format!("habeas store {LAYOUT} {word}\n");
    durable::replace(&path.join("format"), text.as_bytes()).map_err(OpenError::io("write the format of the store"))
}

fn parse(text: &str) -> Result<State, OpenError> {
    let mut words = text.split_whitespace();
    if (words.next(), words.next()) != (Some("habeas"), Some("store")) {
        return Err(OpenError::NotHabeas);
    }
    let damaged = || OpenError::Damaged { reason: "its format file is garbled".into() };
    let found: u32 = words.next().and_then(|layout| layout.parse().ok()).ok_or_else(damaged)?;
    if found > LAYOUT {
        return Err(OpenError::NewerLayout { found, known: LAYOUT });
    }
    let word = words.next().ok_or_else(damaged)?;
    State::WORDS.into_iter().find(|(_, known)| *known == word).map(|(state, _)| state).ok_or_else(damaged)
}

/// Whether a folder is empty, except for the remains of an interrupted first opening.
fn holds_nothing(path: &Path) -> Result<bool, OpenError> {
    let ours = ["lock", "format.new"];
    let entries = fs::read_dir(path).map_err(OpenError::io("list the folder of the store"))?;
    for entry in entries {
        let name = entry.map_err(OpenError::io("list the folder of the store"))?.file_name();
        if !ours.iter().any(|known| name == *known) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(OpenError::io("open the lock of the store"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse),
        Err(errno) => Err(OpenError::io("lock the store")(errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<State, &str>) {
        match (parse(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error} lacks {part}"),
            (found, expected) => panic!("{text:?}: {found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn the_format_line_is_ours_newer_or_nothing_we_know() {
        check("habeas store 1 whole\n", Ok(State::Whole));
        check("habeas store 1 cut\n", Ok(State::Cut));
        check("habeas store 2 something new\n", Err("layout 2"));
        check("habeas store one whole\n", Err("garbled"));
        check("habeas store 1 hol\n", Err("garbled"));
        check("habeas store 1", Err("garbled"));
        check("", Err("not a store"));
        check("SQLite format 3", Err("not a store"));
    }
}
