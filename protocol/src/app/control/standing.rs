//! How a node stands: its state, its peers, its circles.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::bytes::ids::{CircleId, NodeKey, OrgId, RegistryId};

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it is ready for.
    pub state: NodeState,
    /// The registry, once joined.
    pub registry: Option<RegistryId>,
    /// Its six words.
    pub registry_words: Option<String>,
    /// The own organisation.
    pub organisation: Option<OrgId>,
    /// The own call-sign.
    pub call_sign: Option<String>,
    /// The own node.
    pub node: Option<NodeKey>,
    /// Where it listens.
    pub listening: Vec<String>,
    /// The peers.
    pub peers: Vec<Peer>,
    /// The circles held, with what they are.
    pub circles: Vec<CircleStatus>,
    /// Case files in the own circle.
    pub cases: u64,
    /// Dockets in the commons.
    pub dockets: u64,
    /// Of the case files, those that anyone else can read.
    pub shared_cases: u64,
    /// Case files of other organisations, shared with this one and not taken back.
    #[serde(default)]
    pub received_cases: u64,
    /// Bodies not yet received.
    pub wanted: u64,
    /// Things a person should look at, as codes with parameters.
    pub alarms: Vec<Alarm>,
    /// UTC, seconds.
    pub as_of: u64,
}

/// Something a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is.
    #[serde(flatten)]
    pub problem: Problem,
    /// When it was first seen: UTC, seconds. Nothing of what is seen anew at each look, and goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
}

/// What a node is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// No keys here yet: `init`.
    Empty,
    /// The keys were destroyed; nobody opens what lies here.
    Wiped,
    /// Keys are here, closed: `unlock`.
    Sealed,
    /// Open, in no registry yet: `found` or `join`.
    Alone,
    /// Replicating; reading keys are locked away.
    Locked,
    /// Open.
    Open,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its node.
    pub node: NodeKey,
    /// Its organisation.
    pub organisation: OrgId,
    /// The call-sign.
    pub call_sign: String,
    /// What it is called here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub petname: Option<String>,
    /// Whether a connection stands.
    pub connected: bool,
    /// Whether all that is shared with it is known to be equal.
    pub up_to_date: bool,
    /// Whether this node stopped exchanging with it.
    pub held: bool,
    /// When both were last known to be equal: UTC, seconds.
    pub equal_at: Option<u64>,
    /// A word made from the node's key, to tell an organisation's devices apart by.
    #[serde(default)]
    pub device: String,
    /// Whether it is another device of the own organisation.
    #[serde(default)]
    pub own: bool,
    /// Whether it can be dialled at host names alone, and names are not looked up here: it has to dial.
    #[serde(default)]
    pub by_name: bool,
}

/// A circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircleStatus {
    /// The circle.
    pub circle: CircleId,
    /// `own`, `named` or `commons`.
    pub kind: String,
    /// Call-signs of those who may read it.
    pub organisations: Vec<String>,
    /// Entries that count.
    pub entries: u64,
    /// Feeds that forked.
    pub forked: u64,
}
