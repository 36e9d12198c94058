//! Virtual time: what happens next happens now.

use std::collections::BTreeMap;

/// Milliseconds since the run began.
pub(super) type Moment = u64;

/// One minute of virtual time.
pub(super) const MINUTE: Moment = 60_000;
/// One hour of virtual time.
pub(super) const HOUR: Moment = 60 * MINUTE;
/// One day of virtual time.
pub(super) const DAY: Moment = 24 * HOUR;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A frame reaches its end of a wire.
    Deliver { wire: u64, from: usize, to: usize, frame: Vec<u8> },
    /// A bulk frame has left.
    Written { wire: u64, at: usize, to: usize },
    /// A machine notices that a wire is cut.
    Lost { wire: u64, at: usize },
    /// Two parties try to connect.
    Dial { a: usize, b: usize },
    /// A machine asked to be woken.
    Wake { at: usize },
    /// A machine is switched on.
    Start { at: usize },
    /// The script goes on.
    Act(Act),
}

/// What the script can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Someone writes.
    Write,
    /// This machine writes into the commons.
    Tell(usize),
    /// Someone opens a named circle.
    Grant,
    /// A wire is cut.
    Cut,
    /// The network falls into two or three parts.
    Split,
    /// The parts find each other.
    Mend,
    /// Power fails somewhere.
    Crash,
    /// Someone makes a backup, to be restored later.
    Backup,
    /// The backup is put back.
    Restore,
    /// A device joins.
    Join,
    /// An organisation's root signs a second link with the parent of the joiner's.
    ForkRoster,
    /// The forker grows another face.
    Reface,
    /// The vandal does something.
    Mischief,
    /// A newer version writes a kind nobody here knows.
    Newer,
    /// Strangers knock.
    Knock,
}

/// Events in the order of their moments, and of their making within one.
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
