//! The allow-list of the network: nodes of members, except those on hold.

use std::collections::BTreeSet;

use protocol::{
    app::control::{Problem, Reply},
    bytes::{
        ids::{NodeKey, OrgId},
        seal,
    },
    store::{Batch, Row, Store, StoreError, Table},
};

use super::Joined;
use crate::net::{Command, Contact};

impl Joined {
    /// Sends the allow-list to the network: the members' nodes, without those of organisations on hold.
    pub(in crate::runtime) async fn allow(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let me = self.folder.node();
        let members = &self.state.replica().members;
        let nodes = members.nodes().filter(|(node, org)| **node != me && !self.held.contains(*org));
        self.addresses = self.network.1.addresses(members);
        let contacts = nodes
            .map(|(node, _)| Contact { key: *node, addresses: self.addresses.get(node).cloned().unwrap_or_default() });
        let contacts: Vec<_> = contacts.collect();
        self.tell(Command::Allow(contacts)).await;
    }

    pub(in crate::runtime) async fn hold(&mut self, organisation: &str, holds: bool) -> Result<Reply, Problem> {
        let org = self.workspace(|work| work.find_organisation(organisation))?;
        let row = Row::new(Table::Network, [b"hold", &org.0[..]].concat(), 0);
        let index = Row::new(Table::Network, "holds", self.hold_number(&org));
        let mut batch = Batch::default();
        if holds {
            self.held.insert(org);
            batch.put(row, vec![1]);
            batch.put(index, org.0.to_vec());
        } else {
            self.held.remove(&org);
            batch.delete(row);
            batch.delete(index);
        }
        self.folder.store.commit(&batch)?;
        self.allow().await;
        Ok(Reply::Peers { peers: self.peers() })
    }

    /// The number of the row of a hold. Numbers of rows are in clear on the disk, and who is on hold is not: this node's key
    /// keys the hash.
    fn hold_number(&self, org: &OrgId) -> u64 {
        let hash = seal::keyed(&self.folder.node_seed().derive("habeas 1 hold"), &[&org.0]);
        u64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    pub(in crate::runtime) fn name(&self, peer: &NodeKey) -> String {
        let members = &self.state.replica().members;
        let org = members.node(peer);
        org.and_then(|org| members.call_sign(&org)).unwrap_or("an unknown node").to_owned()
    }

    pub(in crate::runtime) async fn tell(&self, command: Command) {
        // The network ends only with the node; a command after its end is dropped.
        let _ended = self.commands.send(command).await;
    }
}

pub(super) fn read_holds(store: &impl Store) -> Result<BTreeSet<OrgId>, StoreError> {
    let mut held = BTreeSet::new();
    store.scan(Table::Network, b"holds", 0, &mut |_, value| {
        held.extend(value.try_into().map(OrgId));
        true
    })?;
    Ok(held)
}
