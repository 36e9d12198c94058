//! The record of RocksDB's manifest, its list of tables: length and hash of what is known to be synced, for a later
//! check.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Number, length and hash of the beginning of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Number of the manifest file; 0: none is known.
    number: u64,
    /// Length in bytes.
    length: u64,
    /// Hash of these bytes.
    hash: [u8; 16],
}

impl Manifest {
    pub(super) fn encode(self) -> Vec<u8> {
        [&self.number.to_be_bytes()[..], &self.length.to_be_bytes(), &self.hash].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (length, hash) = rest.split_first_chunk()?;
        let (number, length) = (u64::from_be_bytes(*number), u64::from_be_bytes(*length));
        Some(Self { number, length, hash: hash.try_into().ok()? })
    }

    /// Reads the current manifest of the database in `rows`. `known` is the previous record: nothing is read if it did
    /// not grow.
    pub(super) fn now(rows: &Path, known: Self) -> io::Result<Self> {
        let (number, path) = current(rows)?;
        let length = path.metadata()?.len();
        if (number, length) == (known.number, known.length) {
            return Ok(known);
        }
        Ok(Self { number, length, hash: hash(&path, length)? })
    }

    /// Whether the database in `rows` uses this manifest and it is now shorter or has other bytes. An unreadable
    /// manifest is left for RocksDB to refuse; a later one was written by an opening that did not finish.
    pub(super) fn was_damaged(self, rows: &Path) -> bool {
        match current(rows) {
            Ok((number, path)) if number == self.number => hash(&path, self.length).ok() != Some(self.hash),
            _ => false,
        }
    }
}

/// Returns the number and path of the manifest that `CURRENT` names.
fn current(rows: &Path) -> io::Result<(u64, PathBuf)> {
    let named = std::fs::read_to_string(rows.join("CURRENT"))?;
    let name = named.trim_end();
    let number = name.strip_prefix("MANIFEST-").and_then(|number| number.parse().ok());
    Ok((number.ok_or(io::ErrorKind::InvalidData)?, rows.join(name)))
}

/// Hashes the first `length` bytes; an error if there are fewer.
fn hash(path: &Path, length: u64) -> io::Result<[u8; 16]> {
    let mut hasher = blake3::Hasher::new();
    let read = io::copy(&mut File::open(path)?.take(length), &mut hasher)?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_manifest_that_grew_is_sound_and_one_that_was_cut_or_changed_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (rows, path) = (folder.path(), folder.path().join("MANIFEST-000012"));
        let set = |bytes: &[u8]| fs::write(&path, bytes).expect("writable");
        set(b"first table, second table");
        fs::write(rows.join("CURRENT"), "MANIFEST-000012\n").expect("writable");
        let known = Manifest::now(rows, Manifest::default()).expect("readable");
        assert_eq!(Manifest::decode(&known.encode()), Some(known));
        let check = |damaged: bool| assert_eq!(known.was_damaged(rows), damaged);
        check(false);
        set(b"first table, second table, third table");
        check(false);
        assert_ne!(Manifest::now(rows, known).expect("readable"), known);
        set(b"first table");
        check(true);
        set(b"first table,\0\0\0\0\0\0\0\0\0\0\0\0\0");
        check(true);
        // Another manifest: an unfinished opening wrote it from all tables.
        fs::write(rows.join("MANIFEST-000020"), "all tables").expect("writable");
        fs::write(rows.join("CURRENT"), "MANIFEST-000020\n").expect("writable");
        check(false);
        fs::write(rows.join("CURRENT"), "gibberish").expect("writable");
        check(false);
        assert!(!Manifest::default().was_damaged(rows));
    }
}
