//! Planted faults: deliberate mistakes that test the simulator. A simulator that misses them proves nothing.

/// A mistake to plant in one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// Accepts an entry although earlier entries are missing.
    GapAccepted,
    /// Accepts an entry whatever parent it names.
    PrevUnchecked,
    /// Sorts what is shown by the times that authors claim.
    SortedByClaimedTime,
    /// Keeps a pair's anchor after one of them was restored.
    AnchorKeptAfterRestore,
    /// Remembers a bad signature against the entry's id.
    BadSignatureRemembered,
    /// Counts the incarnations of a key that came first, instead of the smallest.
    FirstComeCounts,
    /// Judges an entry of an unknown kind invalid.
    UnknownKindInvalid,
}
