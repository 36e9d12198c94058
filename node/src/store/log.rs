//! A check of RocksDB's logs for damage that RocksDB itself does not handle.
//!
//! RocksDB 11.8.1 mishandles two kinds of damage. A record with a "recycled" type in a log that is not recycled is read
//! again in an endless loop, so one flipped bit keeps the owner out. Eight zero bytes where a record begins make it
//! skip the rest of the block without an error and read on after the gap. Both are found here first.
//!
//! ```text
//! log      blocks of 32 KiB; a record never crosses the end of one, fewer than 7 bytes there are zeros
//! record   checksum(4) ‖ length(2, little-endian) ‖ type(1) ‖ as many bytes
//! ```

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

const BLOCK: usize = 32 << 10;
const HEAD: usize = 7;
/// Record types of recycled logs; this store recycles none.
const RECYCLED: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Damage that was found in the files of a database.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trap {
    /// The newest log is readable up to the byte `end`.
    Newest { path: PathBuf, end: u64 },
    /// Another log, or the manifest: a cut there would leave a gap.
    Elsewhere,
}

/// Checks the manifest and the logs in `rows`.
pub(super) fn look(rows: &Path) -> io::Result<Option<Trap>> {
    let mut logs = Vec::new();
    for entry in std::fs::read_dir(rows)? {
        let path = entry?.path();
        let is_manifest = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST-"));
        if is_manifest && trap(&mut File::open(&path)?)?.is_some() {
            return Ok(Some(Trap::Elsewhere));
        }
        if path.extension().is_some_and(|ending| ending == "log") {
            logs.push(path);
        }
    }
    logs.sort();
    let newest = logs.pop();
    for log in logs {
        if trap(&mut File::open(log)?)?.is_some() {
            return Ok(Some(Trap::Elsewhere));
        }
    }
    let Some(path) = newest else { return Ok(None) };
    let end = trap(&mut File::open(&path)?)?;
    Ok(end.map(|end| Trap::Newest { path, end }))
}

/// Truncates a log to `end` bytes, durably.
pub(super) fn cut(path: &Path, end: u64) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(end)?;
    file.sync_all()
}

/// Finds the offset of the first record that RocksDB must not read.
fn trap(log: &mut impl Read) -> io::Result<Option<u64>> {
    let (mut block, mut offset, mut zeros) = (Vec::with_capacity(BLOCK), 0_u64, None);
    loop {
        block.clear();
        log.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        let mut at = 0;
        while let Some(head) = block.get(at..at + HEAD) {
            let (length, kind) = (usize::from(u16::from_le_bytes([head[4], head[5]])), head[6]);
            if zeros.is_some() {
                break;
            }
            if RECYCLED.contains(&kind) {
                return Ok(Some(offset + at as u64));
            }
            if kind == 0 && length == 0 {
                // A file may end in zeros after a power cut. Anything after them is a gap.
                zeros = Some(offset + at as u64);
                break;
            }
            at += HEAD + length;
        }
        if zeros.is_some() && block[at.min(block.len())..].iter().any(|byte| *byte != 0) {
            return Ok(zeros);
        }
        if block.len() < BLOCK {
            return Ok(None);
        }
        offset += BLOCK as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let length_bytes = u16::try_from(length).expect("below a block").to_le_bytes();
        [&[9; 4][..], &length_bytes, &[kind], &vec![1; length]].concat()
    }

    fn check(log: &[u8], expected: Option<u64>) {
        assert_eq!(trap(&mut &log[..]).expect("memory"), expected);
    }

    #[test]
    fn a_recycled_record_and_a_gap_are_found_and_an_end_of_zeros_is_none() {
        let two = [record(1, 50), record(1, 70)].concat();
        check(&[], None);
        check(&two, None);
        check(&two[..80], None);
        check(&[&two[..], &[0; 600]].concat(), None);
        check(&[&two[..], &[0; 600], &record(1, 5)].concat(), Some(two.len() as u64));
        for kind in RECYCLED {
            check(&[&two[..], &record(kind, 5)].concat(), Some(two.len() as u64));
        }
        // A block that ends in three zeros, and a record in the next block.
        let full = [record(1, BLOCK - HEAD - 3), vec![0; 3]].concat();
        check(&[&full[..], &two].concat(), None);
        check(&[&full[..], &record(5, 4)].concat(), Some(BLOCK as u64));
        // Zeros to the end of a block are a gap if a record follows.
        let zeros = vec![0; BLOCK - two.len()];
        check(&[&two[..], &zeros, &two].concat(), Some(two.len() as u64));
        check(&[&two[..], &zeros, &zeros].concat(), None);
    }
}
