//! Deliberate mistakes. A simulator that does not find them finds nothing.

/// A mistake to plant in one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// An entry is taken though entries before it are missing.
    GapAccepted,
    /// An entry is taken whatever parent it names.
    PrevUnchecked,
    /// What is shown is ordered by the time authors claim.
    SortedByClaimedTime,
    /// What a pair agreed on survives the restore of one of them.
    AnchorKeptAfterRestore,
    /// A bad signature is remembered against the entry's id.
    BadSignatureRemembered,
    /// Of more incarnations of a key than count, those count that came first.
    FirstComeCounts,
    /// A kind this version does not know is called invalid.
    UnknownKindInvalid,
}
