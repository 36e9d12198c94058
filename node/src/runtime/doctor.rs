//! Diagnosis: what this node reports about itself to a person who looks for a fault.

use protocol::{
    app::{
        control::{Examination, Reply},
        library::Library,
    },
    bytes::seal,
};
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use super::{Phase, utc_now};
use crate::hardening;

/// Code: a crash may write the memory to the disk.
const CORE_DUMP: &str = "core_dump";
/// Code: other processes of the same user may read the memory.
const TRACEABLE: &str = "traceable";
/// Code: keys may be written to a swap area.
const SWAPPABLE_KEYS: &str = "swappable_keys";

impl Phase {
    /// Examines this node in every state; facts that are unknown in that state are left out.
    pub(super) fn examine(&mut self) -> Reply {
        let unread = match self {
            Self::Closed => None,
            Self::NotJoined(folder) => Library::unread(&folder.store).ok(),
            Self::Joined(joined) => Library::unread(&joined.folder.store).ok(),
        };
        let latest_claim = match self {
            Self::Joined(joined) if joined.folder.pens().is_some() => {
                joined.workspace(|work| work.latest_claim()).ok().flatten()
            }
            _ => None,
        };
        Reply::Examined(Examination {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            unread: unread.map(|unread| unread.len() as u64),
            latest_claim,
            clock: utc_now(),
            unprotected: unprotected(),
            kept_in_memory: hardening::is_kept_in_memory(),
        })
    }
}

fn unprotected() -> Vec<String> {
    let dumps = getrlimit(Resource::Core).current != Some(0);
    let traceable = dumpable_behavior() != Ok(DumpableBehavior::NotDumpable);
    let swappable = seal::kept().swappable > 0;
    let gaps = [(dumps, CORE_DUMP), (traceable, TRACEABLE), (swappable, SWAPPABLE_KEYS)];
    gaps.into_iter().filter(|(open, _)| *open).map(|(_, gap)| gap.to_owned()).collect()
}
