//! Events in virtual time: the clock jumps to the next event.

use std::collections::BTreeMap;

/// Milliseconds of virtual time since the start of the run.
pub(super) type Moment = u64;

/// One minute of virtual time.
pub(super) const MINUTE: Moment = 60_000;
/// One hour of virtual time.
pub(super) const HOUR: Moment = 60 * MINUTE;
/// One day of virtual time.
pub(super) const DAY: Moment = 24 * HOUR;

/// An event of the simulation.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A frame arrives at its end of a wire.
    Deliver { wire: u64, from: usize, to: usize, frame: Vec<u8> },
    /// A bulk frame was written.
    Written { wire: u64, at: usize, to: usize },
    /// A machine notices that a wire is cut.
    Lost { wire: u64, at: usize },
    /// Two parties try to connect.
    Dial { a: usize, b: usize },
    /// A timer of a machine expires.
    Wake { at: usize },
    /// A machine is switched on.
    Start { at: usize },
    /// A machine's share queue has something due.
    Queue { at: usize },
    /// Somebody unlocks a machine.
    Unlock { at: usize },
    /// The script acts.
    Act(Act),
}

/// An act of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A machine writes.
    Write,
    /// Somebody at a machine does something with case files.
    Deed,
    /// A given machine writes into the commons.
    WriteCommons(usize),
    /// A machine creates and grants a named circle.
    Grant,
    /// A wire is cut.
    Cut,
    /// The network is partitioned into two or three parts.
    Split,
    /// The partition ends.
    Mend,
    /// Power fails at a machine.
    Crash,
    /// Backups are made, to be restored later.
    Backup,
    /// A backup is restored.
    Restore,
    /// A device joins.
    Join,
    /// An organisation's root signs a second link with the parent of the joiner's.
    ForkRoster,
    /// The forker gets another face.
    Reface,
    /// The vandal sends an invalid frame.
    Mischief,
    /// A newer version writes an entry of an unknown kind.
    Newer,
    /// Strangers try to connect.
    Knock,
}

/// A queue of events, ordered by time and then by creation.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BTreeMap<(Moment, u64), Event>,
    made: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Moment, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    pub(super) fn pop_until(&mut self, end: Moment) -> Option<(Moment, Event)> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= end)?;
        let ((at, _), event) = first.remove_entry();
        Some((at, event))
    }
}
