//! Rate limit of passphrase attempts, kept on disk. An attempt is counted before it is made, so killing the program
//! between attempts gains nothing. The limit holds off callers of the socket only: an attacker who has this file has
//! the header too.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{VaultError, wipe};
use crate::{durable, steps::step};

/// Failures after which the wait is still one second: people mistype.
const PATIENCE: u32 = 5;
/// The longest wait: a longer one would only lock out the owner.
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// Errors of reading the file that count as an empty record: missing, no regular file, or too long.
const GARBLED: [io::ErrorKind; 3] = [io::ErrorKind::NotFound, io::ErrorKind::InvalidInput, io::ErrorKind::FileTooLarge];

/// The file that records failed attempts.
pub(super) struct Attempts {
    pub(super) path: PathBuf,
}

/// Content of the file: number of failures, and the time of the last attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Failures {
    count: u32,
    last_ms: u64,
}

impl Attempts {
    /// Admits an attempt and counts it as failed in advance; fails with `TooSoon` and the time to wait.
    pub(super) fn admit(&self, now: SystemTime) -> Result<(), VaultError> {
        let now_ms = milliseconds(now);
        let failures = self.read()?;
        let wait = failures.wait();
        if now_ms < failures.last_ms {
            // The clock was set back: restart the wait, rather than wait until the old time returns.
            self.write(Failures { last_ms: now_ms, ..failures })?;
            if failures.count > 0 {
                return Err(VaultError::TooSoon { wait });
            }
        }
        let since = Duration::from_millis(now_ms.saturating_sub(failures.last_ms));
        if since < wait {
            return Err(VaultError::TooSoon { wait: wait - since });
        }
        self.write(Failures { count: failures.count.saturating_add(1), last_ms: now_ms })
    }

    /// Clears the record of failures.
    pub(super) fn clear(&self) -> Result<(), VaultError> {
        self.write(Failures::default())
    }

    /// Reads the record. A missing or garbled file counts as empty: an accident must not lock out the owner.
    fn read(&self) -> Result<Failures, VaultError> {
        match durable::read_small(&self.path, 16) {
            Ok(bytes) => Ok(Failures::decode(&bytes).unwrap_or_default()),
            Err(error) if GARBLED.contains(&error.kind()) => Ok(Failures::default()),
            Err(error) => Err(VaultError::io("read the file of attempts")(error)),
        }
    }

    /// Writes the record in place and always with one length, so that it works on a full disk. Fails in a wiped folder.
    fn write(&self, failures: Failures) -> Result<(), VaultError> {
        step("note the attempt");
        wipe::refuse(self.path.parent().unwrap_or(Path::new(".")))?;
        durable::open_in_place(&self.path)
            .and_then(|mut file| {
                file.write_all(&failures.encode())?;
                file.sync_data()
            })
            .map_err(VaultError::io("write the file of attempts"))
    }
}

impl Failures {
    /// Returns the wait after so many failures: none, then one second a few times, then doubled each time.
    fn wait(self) -> Duration {
        match self.count {
            0 => Duration::ZERO,
            1..=PATIENCE => Duration::from_secs(1),
            count => Duration::from_secs(1 << (count - PATIENCE).min(16)).min(WAIT_MAX),
        }
    }

    fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&self.count.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.last_ms.to_be_bytes());
        let sum = blake3::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&sum.as_bytes()[..4]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let failures = Self {
            count: u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?),
            last_ms: u64::from_be_bytes(bytes.get(4..12)?.try_into().ok()?),
        };
        (failures.encode() == bytes).then_some(failures)
    }
}

/// Milliseconds since 1970; an earlier time counts as 1970.
fn milliseconds(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn check(attempts: &Attempts, now: u64, expected: Option<u64>) {
        let found = match attempts.admit(at(now)) {
            Ok(()) => None,
            Err(VaultError::TooSoon { wait }) => Some(wait.as_secs()),
            Err(error) => panic!("at {now} s: {error}"),
        };
        assert_eq!(found, expected, "at {now} s");
    }

    #[test]
    fn waits_grow_from_a_second_to_a_quarter_of_an_hour() {
        let waits = [0, 1, 5, 6, 7, 8, 14, 15, 16, 1000, u32::MAX].map(|count| Failures { count, last_ms: 0 }.wait());
        assert_eq!(waits.map(|wait| wait.as_secs()), [0, 1, 1, 2, 4, 8, 512, 900, 900, 900, 900]);
    }

    #[test]
    fn failures_are_remembered_by_whoever_asks_next() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let attempts = || Attempts { path: folder.path().join("attempts") };
        check(&attempts(), 1000, None);
        check(&attempts(), 1000, Some(1));
        for second in 1001..1006 {
            check(&attempts(), second, None);
        }
        check(&attempts(), 1006, Some(1));
        check(&attempts(), 1007, None);
        check(&attempts(), 1010, Some(1));
        check(&attempts(), 1011, None);
        attempts().clear().expect("a writable folder");
        check(&attempts(), 1011, None);
    }

    #[test]
    fn a_clock_set_back_neither_frees_nor_locks_for_years() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let attempts = Attempts { path: folder.path().join("attempts") };
        for second in 0..7 {
            check(&attempts, 1_000_000_000 + second * 1000, None);
        }
        check(&attempts, 500, Some(4));
        check(&attempts, 502, Some(2));
        check(&attempts, 504, None);
    }

    #[test]
    fn a_garbled_file_locks_nobody_out() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let attempts = Attempts { path: folder.path().join("attempts") };
        fs::write(&attempts.path, [0xFF; 16]).expect("a writable folder");
        check(&attempts, 5, None);
        check(&attempts, 5, Some(1));
    }
}
