//! What the process gives up at its start, so that a crash, a swap area or another user does not get what is in its memory.
//!
//! Keys lie on pages of their own that are always kept in memory. Texts lie wherever the allocator puts them: they are kept
//! in memory too where the system allows all of it (`RLIMIT_MEMLOCK` without a bound, as the unit of systemd sets it).
//! With a bound everything would be refused beyond it, also what is only for a moment, and the process would end: then
//! texts may be swapped out while they are read, and a warning says so if there is a swap area.

use std::{fs, io, sync::OnceLock};

use protocol::bytes::seal;
use rustix::{
    fs::Mode,
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask},
};

/// A protection the system refused: worth a warning, never a reason not to start.
#[derive(Debug)]
pub struct Gap {
    /// What is missing, for the operator.
    pub missing: &'static str,
    /// The system's reason.
    pub reason: io::Error,
}

/// Hardens this process and those it starts: no core dump, no tracing by other processes of the same user, files readable
/// by this user alone, keys never in a swap area. Answers what could not be done.
pub fn harden() -> Vec<Gap> {
    let mut gaps = harden_readable();
    if let Err(errno) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        let missing = "other processes of this user may read memory (PR_SET_DUMPABLE)";
        gaps.push(Gap { missing, reason: errno.into() });
    }
    gaps
}

/// The same, but that other processes of this user may read what is in memory.
pub(crate) fn harden_readable() -> Vec<Gap> {
    // 077: what the store writes is sealed, but sizes and times are nobody's business either.
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let mut gaps = Vec::new();
    if let Err(errno) = setrlimit(Resource::Core, none) {
        gaps.push(Gap { missing: "a crash may write memory to disk (RLIMIT_CORE)", reason: errno.into() });
    }
    gaps.extend(keep_in_memory());
    gaps
}

/// Overwrites what calls that have returned left on the stack of this thread: bytes of keys and texts among it.
#[inline(never)]
pub(crate) fn overwrite_stack() {
    let mut dead = [0_u8; STACK];
    std::hint::black_box(&mut dead);
}

/// Bytes of stack that are overwritten: a quarter of what a thread has, and more than any call here goes down.
const STACK: usize = 512 << 10;

/// Whether all of this process is kept in memory, texts too.
pub(crate) fn is_kept_in_memory() -> bool {
    KEPT.get().is_some_and(|kept| *kept)
}

static KEPT: OnceLock<bool> = OnceLock::new();

/// Keeps all of the process in memory, or at least the keys.
fn keep_in_memory() -> Vec<Gap> {
    let most = getrlimit(Resource::Memlock).maximum;
    // Without a bound if we may, else as much as we may.
    let _bounded = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None })
        .or_else(|_| setrlimit(Resource::Memlock, Rlimit { current: most, maximum: most }));
    let everything: io::Result<()> = match getrlimit(Resource::Memlock).current {
        // What is mapped now and later, when it is first touched.
        None => mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).map_err(Into::into),
        Some(bytes) => Err(io::Error::other(format!("at most {bytes} bytes may be locked"))),
    };
    let is_everything = *KEPT.get_or_init(|| everything.is_ok());
    // The first page: whether it can be kept is known before there are keys.
    let _first = seal::Secret::filled(|_| ());
    let kept = seal::keep_in_memory(|page, bytes| region::lock(page, bytes).map(std::mem::forget).is_ok());
    let mut gaps = Vec::new();
    if kept.swappable > 0 {
        let reason = io::Error::other(format!("{} of {} pages were refused", kept.swappable, kept.pages));
        gaps.push(Gap { missing: "keys may be written to a swap area (RLIMIT_MEMLOCK)", reason });
    }
    if let Err(reason) = everything
        && !is_everything
        && swaps()
    {
        gaps.push(Gap { missing: "what is read here may be written to a swap area (RLIMIT_MEMLOCK)", reason });
    }
    gaps
}

/// Whether there is a swap area (proc(5)) that is not memory itself.
fn swaps() -> bool {
    let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
    table.lines().skip(1).any(|area| !area.starts_with("/dev/zram"))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn after_hardening_there_is_no_core_no_tracing_and_no_group_access() {
        let gaps = harden();
        // Whether there is a swap area is the machine's affair.
        let gaps: Vec<_> = gaps.iter().filter(|gap| !gap.missing.starts_with("what is read here")).collect();
        assert!(gaps.is_empty(), "{gaps:?}");
        let _secret = seal::Secret::new([1; 32]);
        let kept = seal::kept();
        assert!(kept.pages > 0 && kept.swappable == 0, "{kept:?}");
        let locked = fs::read_to_string("/proc/self/status").expect("Linux tells");
        let locked = locked.lines().find_map(|line| line.strip_prefix("VmLck:")?.trim().strip_suffix(" kB"));
        let locked: usize = locked.and_then(|kib| kib.parse().ok()).expect("a number");
        assert!(locked >= 4 * kept.pages, "{locked} KiB");
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior().expect("Linux answers"), DumpableBehavior::NotDumpable);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, b"x").expect("a writable folder");
        assert_eq!(fs::metadata(&file).expect("just written").permissions().mode() & 0o777, 0o600);
    }
}
