//! What a running node tells of itself to whoever looks for the cause of a trouble.

use serde::{Deserialize, Serialize};

use crate::bytes::ids::OrgId;

/// What a running node tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examination {
    /// Version of its program.
    pub version: String,
    /// Entries that have arrived and are not read yet; none while the folder is closed.
    pub unread: Option<u64>,
    /// The latest time that anything in the newest records is claimed to be written at: UTC, seconds.
    pub latest_claim: Option<u64>,
    /// The clock it goes by: UTC, seconds.
    pub clock: u64,
    /// Protections of its memory that are missing, in English.
    pub unprotected: Vec<String>,
    /// Whether the system keeps all of its memory out of swap areas, what is read too. Keys are kept out of them in any
    /// case, or `unprotected` says so.
    #[serde(default)]
    pub kept_in_memory: bool,
}

/// What an organisation is called here, and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The organisation.
    pub organisation: OrgId,
    /// Its call-sign, if it is a member.
    pub call_sign: Option<String>,
    /// What it is called here.
    pub petname: String,
}

/// Who, never what they are called.
impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a petname of {:?}", self.organisation)
    }
}
