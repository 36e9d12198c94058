//! The status of this node and its peers.

use std::collections::BTreeMap;

use protocol::{
    app::control::{Alarm, CircleStatus, NodeState, Peer, RecordKind, Status},
    bytes::{
        address::Address,
        ids::{NodeKey, OrgId},
        words,
    },
    membership::circle::Circle,
};

use super::Joined;
use crate::runtime::utc_now;

impl Joined {
    pub(in crate::runtime) fn peers(&self) -> Vec<Peer> {
        let (me, us) = (self.folder.node(), self.state.organisation());
        let members = &self.state.replica().members;
        let equal: BTreeMap<_, _> = self.state.peers().collect();
        let peer = |(node, org): (&NodeKey, &OrgId)| Peer {
            node: *node,
            organisation: *org,
            call_sign: members.call_sign(org).unwrap_or_default().to_owned(),
            petname: self.cache.names.petname(org),
            connected: self.connected.contains(node),
            up_to_date: equal.get(node).copied().unwrap_or(false) && self.state.replica().wanted_len() == 0,
            held: self.held.contains(org),
            equal_at: self.equal_at.get(node).copied(),
            device: words::device(&node.0),
            own: *org == us,
            by_name: self.is_known_by_name_alone(node),
        };
        members.nodes().filter(|(node, _)| **node != me).map(peer).collect()
    }

    /// Whether a node has only host names as addresses, and names are not looked up here.
    fn is_known_by_name_alone(&self, node: &NodeKey) -> bool {
        let names = |all: &Vec<Address>| !all.is_empty() && all.iter().all(Address::is_name);
        !self.names_allowed && self.addresses.get(node).is_some_and(names)
    }

    /// Builds the status of this node.
    pub(in crate::runtime) fn status(&mut self, listening: Vec<String>) -> Status {
        let replica = self.state.replica();
        let members = &replica.members;
        let org = self.state.organisation();
        let circles = replica.circles().map(|(id, held)| CircleStatus {
            circle: *id,
            kind: match held.circle {
                Circle::Own(_) => "own",
                Circle::Named { .. } => "named",
                Circle::Commons => "commons",
            }
            .to_owned(),
            organisations: members
                .organisations()
                .filter(|(org, _)| held.circle.admits(org))
                .map(|(_, sign)| sign.to_owned())
                .collect(),
            entries: held.lines().map(|(_, line)| line.counted()).sum(),
            forked: held.lines().filter(|(_, line)| line.is_forked()).count() as u64,
        });
        let circles: Vec<CircleStatus> = circles.collect();
        let unlocked = self.folder.pens().is_some();
        // A locked node cannot read these numbers; they are shown as 0 or left out.
        let shared_cases = if unlocked { self.workspace(|work| work.shared_cases()).unwrap_or(0) } else { 0 };
        let received_cases = if unlocked { self.workspace(|work| work.received_cases()).unwrap_or(0) } else { 0 };
        let withdrawn =
            if unlocked { self.workspace(|work| work.withdrawn_by_others()).unwrap_or_default() } else { vec![] };
        let withdrawn = withdrawn.into_iter().map(|problem| Alarm { problem, since: None });
        let replica = self.state.replica();
        let members = &replica.members;
        let count = |circle: &Circle, kind| {
            self.cache.library.count(&self.folder.store, &self.state.circle_of(circle), kind).unwrap_or(0)
        };
        Status {
            state: if unlocked { NodeState::Open } else { NodeState::Locked },
            registry: Some(members.registry()),
            registry_words: Some(words::fingerprint(&members.registry().0)),
            organisation: Some(org),
            call_sign: members.call_sign(&org).map(str::to_owned),
            node: Some(self.folder.node()),
            listening,
            circles,
            peers: self.peers(),
            cases: count(&Circle::Own(org), RecordKind::Case),
            dockets: count(&Circle::Commons, RecordKind::Docket),
            shared_cases,
            received_cases,
            wanted: replica.wanted_len() as u64,
            alarms: self
                .alarms
                .iter()
                .chain(self.broken.as_ref().or(self.room.alarm()))
                .cloned()
                .chain(withdrawn)
                .collect(),
            as_of: utc_now(),
        }
    }
}
