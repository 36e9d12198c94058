//! The counter of acknowledged batches, kept outside the write-ahead log of the store.
//!
//! RocksDB opens a log that was deleted, truncated or replaced by an older one without an error. So each batch carries
//! a mark with its number. After the batch is synced, the mark is written to a file beside the folder and synced too;
//! only then is the batch acknowledged. A store that holds fewer batches than the file says has lost some. The bound is
//! exact: after a crash at any point the file is at most one batch behind the store, and never ahead.
//!
//! ```text
//! mark                  count(8, big-endian) ‖ opening(16) ‖ opening before(16)
//! row of the mark       FF 02, outside every table; sealed like a row of table meta
//! FOLDER.acknowledged   slot 0 at byte 0, slot 1 at byte 4096; a mark goes to slot count mod 2
//! slot                  nonce(24) ‖ sealed(mark(40) ‖ manifest(32)), aad = database(16) ‖ FF 02 ‖ slot(1)
//! manifest              number(8) ‖ length(8) ‖ BLAKE3 of so many bytes [..16]; zeros: not known
//! ```
//!
//! The manifest is RocksDB's list of its tables. RocksDB does not detect a manifest that was truncated or has a zeroed
//! page: it forgets a table and reads the log after the gap. So the length and hash of the manifest that is known to be
//! synced are recorded as well.
//!
//! There are two slots, each on a page of its own: a torn write leaves the previous mark. Each opening of the store
//! draws a random name, so a history that continued elsewhere is told from this one even if it is longer.
//!
//! Not detected: store and file restored together, as a snapshot of the whole file system does. Then only a peer has
//! the newer state, and the node waits for it before the first signature (SPEC §7).

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use protocol::{
    bytes::{
        codec,
        seal::{Entropy, Secret},
    },
    store::{Row, Store, StoreError, Table},
};
use serde::{Deserialize, Serialize};

use super::{manifest::Manifest, seal::TableSeal};
use crate::{durable, vault::DatabaseId};

/// Row key of the mark, outside every table.
pub(super) const MARK: [u8; 2] = [0xFF, 2];
/// Bytes between the slots: a page of every disk, so that one torn write never reaches both.
const APART: usize = 4096;
/// Bytes of a mark.
const MARK_BYTES: usize = 40;
/// Bytes of what is recorded of a manifest.
const MANIFEST_BYTES: usize = 32;
/// Bytes of a slot.
const SLOT_BYTES: usize = protocol::bytes::seal::NONCE + MARK_BYTES + MANIFEST_BYTES + protocol::bytes::seal::TAG;

/// Reasons to doubt that a store holds every acknowledged batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// The store holds fewer batches than were acknowledged.
    Fewer {
        /// Number of missing batches.
        missing: u64,
    },
    /// The file is missing.
    Gone,
    /// The file, or the newer of its slots, does not open: damaged, or of another database.
    Unreadable,
    /// The file and the store disagree about the last batches: the file was replaced alone, or the store was replaced
    /// by a copy that was continued elsewhere.
    Apart,
}

impl Doubt {
    /// Combines this doubt with a `later` one into the doubt to report: a counted loss outweighs any other.
    fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::Fewer { missing: a }, Self::Fewer { missing: b }) => Self::Fewer { missing: a.saturating_add(b) },
            (Self::Fewer { .. }, _) => self,
            _ => later,
        }
    }
}

/// Reads the doubt that no alarm reports yet.
///
/// # Errors
///
/// The error of reading the row. A row that cannot be decoded counts as [`Doubt::Unreadable`].
pub fn doubt(store: &impl Store) -> Result<Option<Doubt>, StoreError> {
    let value = store.get(&doubt_row())?;
    // A row that cannot be decoded was written by a newer version: all it says is that there is a doubt.
    Ok(value.map(|value| codec::decode("doubt", &value, 64).unwrap_or(Doubt::Unreadable)))
}

/// Returns the row of the doubt; it is deleted in the batch that records the alarm.
#[must_use]
pub fn doubt_row() -> Row {
    Row::new(Table::Meta, "doubt", 0)
}

/// Encodes the value of the row after a `later` doubt: both combined.
pub(super) fn doubt_value(store: &impl Store, later: Doubt) -> Result<Vec<u8>, StoreError> {
    Ok(codec::encode(&doubt(store)?.map_or(later, |earlier| earlier.and(later))))
}

/// A mark: the position that a store has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Number of batches acknowledged since the store was made.
    pub(super) count: u64,
    /// Name of the opening that acknowledged the last batch.
    pub(super) opening: [u8; 16],
    /// Name of the opening before.
    pub(super) before: [u8; 16],
}

impl Mark {
    /// Returns the mark of the next batch of this opening.
    pub(super) fn next(self) -> Self {
        Self { count: self.count + 1, ..self }
    }

    /// Returns the mark of the first batch of a new opening.
    pub(super) fn reopened(self, opening: [u8; 16]) -> Self {
        Self { count: self.count + 1, opening, before: self.opening }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        [&self.count.to_be_bytes()[..], &self.opening, &self.before].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk()?;
        let (opening, before) = rest.split_first_chunk()?;
        Some(Self { count: u64::from_be_bytes(*count), opening: *opening, before: before.try_into().ok()? })
    }
}

/// Content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The file is missing.
    Nothing,
    /// No slot can be opened.
    Garbled,
    /// The newest mark that can be opened, whether the other slot cannot, and what is recorded of the manifest.
    Known { newest: Mark, torn: bool, manifest: Manifest },
}

/// Compares the mark of the store with the file. `None`: the store holds every acknowledged batch.
pub(super) fn compare(store: Option<Mark>, file: Found) -> Option<Doubt> {
    let (file, torn) = match file {
        Found::Nothing => return Some(Doubt::Gone),
        Found::Garbled => return Some(Doubt::Unreadable),
        Found::Known { newest, torn, .. } => (newest, torn),
    };
    let Some(store) = store else { return Some(Doubt::Fewer { missing: file.count }) };
    if store.count < file.count {
        return Some(Doubt::Fewer { missing: file.count - store.count });
    }
    let ahead = store.count - file.count;
    match (store.opening == file.opening, store.before == file.opening, ahead) {
        // If the slot that cannot be opened is the newer one, a batch is lost.
        (true, _, 0) if torn => Some(Doubt::Unreadable),
        (true, _, 0 | 1) | (false, true, 1) => None,
        _ => Some(Doubt::Apart),
    }
}

/// The file beside the folder of a store.
pub(super) struct Memory {
    path: PathBuf,
    seal: TableSeal,
    file: Option<File>,
    /// Record of the manifest, written with the next mark.
    pub(super) manifest: Manifest,
}

impl Memory {
    /// Creates the handle of the file for the store in `folder`; neither needs to exist.
    pub(super) fn of(folder: &Path, database: DatabaseId, carrier: &Secret) -> Self {
        let seal = TableSeal::new(Table::Meta, database, carrier);
        let path = durable::beside(folder, ".acknowledged");
        Self { path, seal, file: None, manifest: Manifest::default() }
    }

    /// Reads the file.
    pub(super) fn read(&self) -> io::Result<Found> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        let slot = |slot: u8| {
            let sealed = bytes.get(place(slot)..)?.get(..SLOT_BYTES)?;
            let opened = self.seal.open(&name(slot), sealed).ok()?;
            let (mark, manifest) = opened.split_at_checked(MARK_BYTES)?;
            Some((Mark::decode(mark)?, Manifest::decode(manifest)?))
        };
        let (torn, (newest, manifest)) = match (slot(0), slot(1)) {
            (None, None) => return Ok(Found::Garbled),
            (Some(newest), None) | (None, Some(newest)) => (true, newest),
            (Some(even), Some(odd)) => (false, if even.0.count > odd.0.count { even } else { odd }),
        };
        Ok(Found::Known { newest, torn, manifest })
    }

    /// Creates the file anew, with `mark` in both slots.
    pub(super) fn begin(&mut self, mark: Mark, entropy: &mut Entropy) -> io::Result<()> {
        let mut bytes = vec![0; APART + SLOT_BYTES];
        for slot in [0, 1] {
            bytes[place(slot)..][..SLOT_BYTES].copy_from_slice(&self.sealed(slot, mark, entropy));
        }
        self.file = None;
        durable::replace(&self.path, &bytes)
    }

    /// Writes `mark` durably: when this returns `Ok`, a power cut does not undo it.
    pub(super) fn note(&mut self, mark: Mark, entropy: &mut Entropy) -> io::Result<()> {
        let slot = u8::from(!mark.count.is_multiple_of(2));
        let sealed = self.sealed(slot, mark, entropy);
        let file = match self.file.take() {
            Some(file) => file,
            None => File::options().write(true).open(&self.path)?,
        };
        file.write_all_at(&sealed, place(slot) as u64)?;
        file.sync_data()?;
        self.file = Some(file);
        Ok(())
    }

    fn sealed(&self, slot: u8, mark: Mark, entropy: &mut Entropy) -> Vec<u8> {
        self.seal.seal(&name(slot), &[mark.encode(), self.manifest.encode()].concat(), entropy)
    }
}

/// Associated data of a slot.
fn name(slot: u8) -> [u8; 3] {
    [MARK[0], MARK[1], slot]
}

fn place(slot: u8) -> usize {
    usize::from(slot) * APART
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: [u8; 16] = [1; 16];
    const EARLIER: [u8; 16] = [2; 16];
    const THEIRS: [u8; 16] = [3; 16];

    fn mark(count: u64, opening: [u8; 16]) -> Mark {
        Mark { count, opening, before: EARLIER }
    }

    fn known(count: u64, opening: [u8; 16]) -> Found {
        Found::Known { newest: mark(count, opening), torn: false, manifest: Manifest::default() }
    }

    fn torn(count: u64) -> Found {
        Found::Known { newest: mark(count, OURS), torn: true, manifest: Manifest::default() }
    }

    fn check(store: Option<Mark>, file: Found, expected: Option<Doubt>) {
        assert_eq!(compare(store, file), expected, "{store:?} {file:?}");
    }

    #[test]
    fn only_what_a_crash_can_leave_is_beyond_doubt() {
        let store = Some(mark(7, OURS));
        // As left by a clean close, and by a crash between the two syncs.
        check(store, known(7, OURS), None);
        check(store, known(6, OURS), None);
        check(store, torn(6), None);
        // A crash in the first batch of an opening.
        check(store, known(6, EARLIER), None);

        check(store, known(8, OURS), Some(Doubt::Fewer { missing: 1 }));
        check(store, known(20, THEIRS), Some(Doubt::Fewer { missing: 13 }));
        check(None, known(20, OURS), Some(Doubt::Fewer { missing: 20 }));
        check(store, Found::Nothing, Some(Doubt::Gone));
        check(None, Found::Nothing, Some(Doubt::Gone));
        check(store, Found::Garbled, Some(Doubt::Unreadable));
        check(store, torn(7), Some(Doubt::Unreadable));
        check(store, known(5, OURS), Some(Doubt::Apart));
        check(store, known(4, EARLIER), Some(Doubt::Apart));
        check(store, known(7, THEIRS), Some(Doubt::Apart));
        check(store, known(7, EARLIER), Some(Doubt::Apart));
        check(store, known(1, THEIRS), Some(Doubt::Apart));
    }

    #[test]
    fn a_counted_loss_outweighs_a_doubt_and_losses_add_up() {
        let fewer = |missing| Doubt::Fewer { missing };
        assert_eq!(fewer(2).and(fewer(3)), fewer(5));
        assert_eq!(fewer(2).and(Doubt::Gone), fewer(2));
        assert_eq!(Doubt::Gone.and(fewer(2)), fewer(2));
        assert_eq!(Doubt::Gone.and(Doubt::Apart), Doubt::Apart);
    }

    struct Bench {
        root: tempfile::TempDir,
        entropy: Entropy,
    }

    impl Bench {
        fn new() -> Self {
            Self { root: tempfile::tempdir().expect("a temporary folder"), entropy: Entropy::new([7; 32]) }
        }

        fn memory(&self, database: u8) -> Memory {
            Memory::of(&self.root.path().join("store"), DatabaseId([database; 16]), &Secret::new([1; 32]))
        }

        fn file(&self) -> PathBuf {
            self.root.path().join("store.acknowledged")
        }
    }

    #[test]
    fn the_newest_mark_is_found_again_and_by_its_own_database_only() {
        let mut bench = Bench::new();
        let mut memory = bench.memory(1);
        assert_eq!(memory.read().expect("readable"), Found::Nothing);
        memory.begin(mark(4, OURS), &mut bench.entropy).expect("writable");
        assert_eq!(memory.read().expect("readable"), known(4, OURS));
        for count in 5..12 {
            memory.note(mark(count, OURS), &mut bench.entropy).expect("writable");
            assert_eq!(memory.read().expect("readable"), known(count, OURS));
        }
        assert_eq!(bench.memory(2).read().expect("readable"), Found::Garbled);
    }

    /// A power cut during the write of a slot leaves any mix of old and new bytes in it.
    #[test]
    fn a_torn_write_leaves_the_mark_before() {
        let mut bench = Bench::new();
        let mut memory = bench.memory(1);
        memory.begin(mark(4, OURS), &mut bench.entropy).expect("writable");
        memory.note(mark(5, OURS), &mut bench.entropy).expect("writable");
        let before = fs::read(bench.file()).expect("readable");
        memory.note(mark(6, OURS), &mut bench.entropy).expect("writable");
        let after = fs::read(bench.file()).expect("readable");
        for at in 1..SLOT_BYTES {
            fs::write(bench.file(), [&after[..at], &before[at..]].concat()).expect("writable");
            let found = memory.read().expect("readable");
            assert_eq!(found, torn(5), "torn at {at}");
            check(Some(mark(6, OURS)), found, None);
        }
    }

    #[test]
    fn a_file_cut_short_or_changed_anywhere_gives_no_wrong_mark() {
        let mut bench = Bench::new();
        let mut memory = bench.memory(1);
        memory.begin(mark(4, OURS), &mut bench.entropy).expect("writable");
        memory.note(mark(5, OURS), &mut bench.entropy).expect("writable");
        let whole = fs::read(bench.file()).expect("readable");
        for length in [0, 1, SLOT_BYTES - 1, SLOT_BYTES, APART, whole.len() - 1] {
            fs::write(bench.file(), &whole[..length]).expect("writable");
            let found = memory.read().expect("readable");
            assert!(matches!(found, Found::Garbled) || found == torn(4), "{length}: {found:?}");
        }
        for at in (0..SLOT_BYTES).chain(APART..APART + SLOT_BYTES) {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            fs::write(bench.file(), flipped).expect("writable");
            let expected = if at < APART { torn(5) } else { torn(4) };
            assert_eq!(memory.read().expect("readable"), expected, "byte {at}");
        }
    }
}
