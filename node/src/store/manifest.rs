//! RocksDB's list of its tables, as far as it is known to be synced: remembered outside it, to be held against it later.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The first bytes of a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Its number; 0: none is known.
    number: u64,
    /// So many bytes of it.
    length: u64,
    /// Their hash.
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

    /// The manifest of the database in `rows` as it is now. `known` is what it was: nothing is read if it did not grow.
    pub(super) fn now(rows: &Path, known: Self) -> io::Result<Self> {
        let (number, path) = current(rows)?;
        let length = path.metadata()?.len();
        if (number, length) == (known.number, known.length) {
            return Ok(known);
        }
        Ok(Self { number, length, hash: hash(&path, length)? })
    }

    /// Whether the database in `rows` goes by this manifest and less than this of it is there, or other bytes are. One that
    /// cannot be read is for RocksDB to refuse; a later one was made by an opening that went no further.
    pub(super) fn was_damaged(self, rows: &Path) -> bool {
        match current(rows) {
            Ok((number, path)) if number == self.number => hash(&path, self.length).ok() != Some(self.hash),
            _ => false,
        }
    }
}

/// The manifest that `CURRENT` names, and its number.
fn current(rows: &Path) -> io::Result<(u64, PathBuf)> {
    let named = std::fs::read_to_string(rows.join("CURRENT"))?;
    let name = named.trim_end();
    let number = name.strip_prefix("MANIFEST-").and_then(|number| number.parse().ok());
    Ok((number.ok_or(io::ErrorKind::InvalidData)?, rows.join(name)))
}

/// The hash of the first `length` bytes; an error if there are fewer.
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
        // Another manifest: an opening that went no further made it of everything.
        fs::write(rows.join("MANIFEST-000020"), "all tables").expect("writable");
        fs::write(rows.join("CURRENT"), "MANIFEST-000020\n").expect("writable");
        check(false);
        fs::write(rows.join("CURRENT"), "gibberish").expect("writable");
        check(false);
        assert!(!Manifest::default().was_damaged(rows));
    }
}
