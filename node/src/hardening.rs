//! What the process gives up at its start, so that a crash or another user does not get what is in its memory.

use std::io;

use rustix::{
    fs::Mode,
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask},
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
/// by this user alone. Answers what could not be done.
pub fn harden() -> Vec<Gap> {
    // 077: what the store writes is sealed, but sizes and times are nobody's business either.
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    [
        ("a crash may write memory to disk (RLIMIT_CORE)", setrlimit(Resource::Core, none)),
        (
            "other processes of this user may read memory (PR_SET_DUMPABLE)",
            set_dumpable_behavior(DumpableBehavior::NotDumpable),
        ),
    ]
    .into_iter()
    .filter_map(|(missing, done)| done.err().map(|errno| Gap { missing, reason: errno.into() }))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn after_hardening_there_is_no_core_no_tracing_and_no_group_access() {
        let gaps = harden();
        assert!(gaps.is_empty(), "{gaps:?}");
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior().expect("Linux answers"), DumpableBehavior::NotDumpable);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, b"x").expect("a writable folder");
        assert_eq!(fs::metadata(&file).expect("just written").permissions().mode() & 0o777, 0o600);
    }
}
