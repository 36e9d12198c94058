//! The examination of a running node: data for finding the cause of a fault.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::OrgId;

/// The data that a running node reports about itself for an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// Version of the node's program.
    pub version: String,
    /// Number of entries that have arrived and are not read yet; none while the folder is closed.
    pub unread: Option<u64>,
    /// The latest claimed time of any claim in the newest records: UTC, seconds.
    pub latest_claim: Option<u64>,
    /// Time of the node's clock: UTC, seconds.
    pub clock: u64,
    /// Memory protections that are missing, in English.
    pub unprotected: Vec<String>,
    /// Whether the operating system keeps all memory of the node out of swap areas, including the records that were
    /// read. Keys are kept out of swap in any case, or `unprotected` says so.
    #[serde(default)]
    pub kept_in_memory: bool,
}

/// The petname of an organisation, used on this node only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The organisation.
    pub organisation: OrgId,
    /// Call-sign of the organisation, if it is a member.
    pub call_sign: Option<String>,
    /// Petname of the organisation on this node.
    pub petname: String,
}

/// Shows the organisation, never its petname.
impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a petname of {:?}", self.organisation)
    }
}
