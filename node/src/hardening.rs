//! Process hardening at start: nothing in memory reaches a core dump, a swap area or another user.
//!
//! Keys lie on pages of their own that are always locked in memory (mlock(2)). Texts lie wherever the allocator puts
//! them; they are locked too where the system allows the whole process (`RLIMIT_MEMLOCK` unlimited, as the systemd
//! unit sets it). Under a limit, every allocation beyond it would fail, short-lived ones too, and the process would
//! end. There, texts may be swapped out while they are read, and a warning says so if a swap area exists.

use std::{fs, io, sync::OnceLock};

use protocol::bytes::seal;
use rustix::{
    fs::Mode,
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask},
};

/// A protection that the system refused: worth a warning, never a reason not to start.
#[derive(Debug)]
pub struct Gap {
    /// The missing protection, for the operator.
    pub missing: &'static str,
    /// The error of the system.
    pub reason: io::Error,
}

/// Hardens this process and its children: no core dump, no tracing by other processes of the same user, files
/// readable by this user alone, keys never in a swap area. Returns the protections that are missing.
pub fn harden() -> Vec<Gap> {
    let mut gaps = harden_readable();
    if let Err(errno) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        let missing = "other processes of this user may read memory (PR_SET_DUMPABLE)";
        gaps.push(Gap { missing, reason: errno.into() });
    }
    gaps
}

/// Hardens as [`harden`] does, but other processes of this user may still read the memory.
pub(crate) fn harden_readable() -> Vec<Gap> {
    // Mask 077: the store is sealed, but file sizes and times are private too.
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let mut gaps = Vec::new();
    if let Err(errno) = setrlimit(Resource::Core, none) {
        gaps.push(Gap { missing: "a crash may write memory to disk (RLIMIT_CORE)", reason: errno.into() });
    }
    gaps.extend(keep_in_memory());
    gaps
}

/// Overwrites the dead part of this thread's stack, where calls that have returned left bytes of keys and texts.
#[inline(never)]
pub(crate) fn overwrite_stack() {
    let mut dead = [0_u8; STACK];
    std::hint::black_box(&mut dead);
}

/// Bytes of stack that are overwritten: a quarter of a thread's stack, and more than any call here uses.
const STACK: usize = 512 << 10;

/// Whether the whole process is locked in memory, texts too.
pub(crate) fn is_kept_in_memory() -> bool {
    KEPT.get().is_some_and(|kept| *kept)
}

static KEPT: OnceLock<bool> = OnceLock::new();

/// Locks the whole process in memory, or at least the keys.
fn keep_in_memory() -> Vec<Gap> {
    let most = getrlimit(Resource::Memlock).maximum;
    // Unlimited if allowed, else the hard limit.
    let _bounded = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None })
        .or_else(|_| setrlimit(Resource::Memlock, Rlimit { current: most, maximum: most }));
    let everything: io::Result<()> = match getrlimit(Resource::Memlock).current {
        // Current and future mappings, each page when it is first touched.
        None => mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).map_err(Into::into),
        Some(bytes) => Err(io::Error::other(format!("at most {bytes} bytes may be locked"))),
    };
    let is_everything = *KEPT.get_or_init(|| everything.is_ok());
    // The first page shows whether locking works, before there are keys.
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

/// Whether there is a swap area (proc(5)) other than compressed memory.
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
        // Whether a swap area exists depends on the machine.
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
