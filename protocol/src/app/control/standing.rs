//! The status of a node: its state, its peers, its circles.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::bytes::ids::{CircleId, NodeKey, OrgId, RegistryId};

/// The status of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// State of the node.
    pub state: NodeState,
    /// Id of the registry, once joined.
    pub registry: Option<RegistryId>,
    /// The six words of the registry id.
    pub registry_words: Option<String>,
    /// The own organisation.
    pub organisation: Option<OrgId>,
    /// The own call-sign.
    pub call_sign: Option<String>,
    /// The own node.
    pub node: Option<NodeKey>,
    /// Addresses at which the node listens.
    pub listening: Vec<String>,
    /// The peers.
    pub peers: Vec<Peer>,
    /// The circles held, each with its status.
    pub circles: Vec<CircleStatus>,
    /// Number of case files in the own circle.
    pub cases: u64,
    /// Number of dockets in the commons.
    pub dockets: u64,
    /// Number of own case files that another organisation can read.
    pub shared_cases: u64,
    /// Number of case files that other organisations shared with this one and did not recall.
    #[serde(default)]
    pub received_cases: u64,
    /// Number of bodies not yet received.
    pub wanted: u64,
    /// Alarms for a person to look at, as codes with parameters.
    pub alarms: Vec<Alarm>,
    /// Time of reading: UTC, seconds.
    pub as_of: u64,
}

/// An alarm: a finding that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Problem that was found.
    #[serde(flatten)]
    pub problem: Problem,
    /// Time when the alarm was first found: UTC, seconds. None for a finding that is evaluated at each status and
    /// disappears by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

/// The state of a node: the requests that it is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// The folder has no keys yet: `init`.
    Empty,
    /// The keys were destroyed; nobody can open the records of the folder.
    Wiped,
    /// The folder has keys and is closed: `unlock`.
    Sealed,
    /// The folder is open and belongs to no registry yet: `found` or `join`.
    Alone,
    /// The node replicates; the reading keys are locked away.
    Locked,
    /// The folder is open, with the reading keys.
    Open,
}

/// A peer: a node of a member, and the state of the exchange with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Key of the peer's node.
    pub node: NodeKey,
    /// Organisation of the peer.
    pub organisation: OrgId,
    /// Call-sign of the organisation.
    pub call_sign: String,
    /// Petname of the organisation on this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// Whether a connection to the peer is open.
    pub connected: bool,
    /// Whether everything shared with the peer is known to be equal.
    pub up_to_date: bool,
    /// Whether this node stopped the exchange with the peer's organisation.
    pub held: bool,
    /// Time when both nodes were last known to be equal: UTC, seconds.
    pub equal_at: Option<u64>,
    /// Word derived from the peer's node key, to tell the devices of an organisation apart.
    #[serde(default)]
    pub device: String,
    /// Whether the peer is another device of the own organisation.
    #[serde(default)]
    pub own: bool,
    /// Whether all addresses of the peer are host names, and names are not looked up here, so that the peer has to
    /// dial.
    #[serde(default)]
    pub by_name: bool,
}

/// The status of a circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircleStatus {
    /// The circle.
    pub circle: CircleId,
    /// Kind of the circle: `own`, `named` or `commons`.
    pub kind: String,
    /// Call-signs of the organisations that may read the circle.
    pub organisations: Vec<String>,
    /// Number of entries that count.
    pub entries: u64,
    /// Number of feeds that forked.
    pub forked: u64,
}
