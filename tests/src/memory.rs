//! The memory of a process, as seen by a person who seizes a running computer: all of it, in use or freed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
};

use memchr::memmem::Finder;

/// The size of a chunk that is read at once.
const CHUNK: usize = 1 << 20;
/// The length of the longest needle with its tail.
const LONGEST: usize = 128;

/// A needle: bytes to look for.
pub struct Needle {
    what: String,
    bytes: Vec<u8>,
    /// The length of the tail: bytes behind the needle that distinguish its occurrences.
    tail: usize,
}

impl Needle {
    /// A needle of bytes that are one thing.
    #[must_use]
    pub fn of(what: impl Into<String>, bytes: &[u8]) -> Self {
        assert!((12..=LONGEST / 2).contains(&bytes.len()), "too short to be told from chance, or too long");
        Self { what: what.into(), bytes: bytes.to_vec(), tail: 0 }
    }

    /// Whether the needle is in these bytes.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        Finder::new(&self.bytes).find(bytes).is_some()
    }

    /// A needle that is the beginning of many things, distinguished by the `tail` bytes behind it.
    #[must_use]
    pub fn beginning(what: impl Into<String>, bytes: &[u8], tail: usize) -> Self {
        Self { tail, ..Self::of(what, bytes) }
    }
}

/// Debug output of a needle: its description, never its bytes.
impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.what, self.bytes.len())
    }
}

/// The occurrences found of a needle.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The number of times that it was found.
    pub times: usize,
    /// The number of different things, if the needle is the beginning of many.
    pub different: usize,
    /// The places of the first few.
    pub places: Vec<String>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} times, {} different, {:?}", self.times, self.different, self.places)
    }
}

/// Scans the memory of a process for needles; those that were not found are left out.
///
/// The process must let itself be read: see `node::main_readable`.
pub fn scan(process: u32, needles: &[&Needle]) -> io::Result<BTreeMap<String, Found>> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let finders: Vec<_> = needles.iter().map(|needle| Finder::new(&needle.bytes)).collect();
    let mut found: BTreeMap<String, (Found, BTreeSet<Vec<u8>>)> = BTreeMap::new();
    let mut buffer = vec![0; CHUNK + LONGEST];
    let mut read = 0;
    for (from, to, name) in maps.lines().filter_map(region) {
        let mut at = from;
        while at < to {
            let wanted = buffer.len().min(usize::try_from(to - at).unwrap_or(usize::MAX));
            // A region may have been unmapped since the list was made.
            let Ok(length) = memory.read_at(&mut buffer[..wanted], at) else { break };
            if length == 0 {
                break;
            }
            read += length;
            let bytes = &buffer[..length];
            // An occurrence that begins in the overlap is found with the next chunk.
            let own = if at + length as u64 >= to { length } else { length.min(CHUNK) };
            for (needle, finder) in needles.iter().zip(&finders) {
                for start in finder.find_iter(bytes).filter(|start| *start < own) {
                    let (found, different) = found.entry(needle.what.clone()).or_default();
                    found.times += 1;
                    let end = start + needle.bytes.len();
                    different.insert(bytes[end..(end + needle.tail).min(length)].to_vec());
                    if found.places.len() < 6 {
                        let place = at + start as u64;
                        found.places.push(format!("{name} {from:x}+{:x} of {:x}", place - from, to - from));
                    }
                }
            }
            at += own as u64;
        }
    }
    if read < CHUNK {
        return Err(io::Error::other("hardly anything could be read"));
    }
    let told = |(what, (found, different)): (String, (Found, BTreeSet<_>))| {
        (what, Found { different: different.len(), ..found })
    };
    Ok(found.into_iter().map(told).collect())
}

/// A memory region that a process can write, from a line of `/proc/PID/maps` (proc(5)).
fn region(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split_whitespace();
    let (range, permissions) = (words.next()?, words.next()?);
    let name = words.nth(3).unwrap_or("anonymous");
    let (from, to) = range.split_once('-')?;
    let parse = |text| u64::from_str_radix(text, 16).ok();
    let is_written = permissions.starts_with("rw");
    is_written.then_some((parse(from)?, parse(to)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_holds_is_found_also_across_chunks() {
        // The needle is put together here, so that the program's own text does not contain it whole.
        let needle = ["Quincunx".as_bytes(), b"Zeppelin"].concat();
        let mut large = vec![0; 3 * CHUNK];
        for at in [0, CHUNK - 7, 2 * CHUNK + 5] {
            large[at..at + 16].copy_from_slice(&needle);
            large[at + 16] = u8::try_from(at % 251).expect("below 251");
        }
        let (canary, other) = (Needle::beginning("canary", &needle, 1), Needle::of("other", b"never put anywhere"));
        // The buffer is read nowhere else, and the compiler may leave out a write that nothing reads.
        std::hint::black_box(&large);
        let found = scan(std::process::id(), &[&canary, &other]).expect("a process reads itself");
        // The needle itself, and its copy in the finder, are in memory too.
        assert!(found["canary"].times >= 4 && found["canary"].different >= 3, "{found:?}");
        drop(large);
    }
}
