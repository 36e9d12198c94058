//! Who may connect: members, holds, and frames on their way in.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::ToSocketAddrs,
};

use futures::{StreamExt, stream::FuturesOrdered};
use protocol::{
    control::{Problem, Reply, codes},
    ids::{NodeKey, OrgId, RegistryId},
    store::{Batch, Row, Store, StoreError, Table},
    sync::frame,
};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{Incoming, Joined};
use crate::{
    net::{self, Command, Contact, Event},
    runtime::folder::store_problem,
};

/// Frames being verified at a time; their order is kept.
pub(super) const VERIFYING: usize = 4;

impl Joined {
    /// Tells the network who may connect: the members' nodes, less those of organisations on hold.
    pub(in crate::runtime) async fn allow(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let me = self.folder.node();
        let members = &self.state.replica().members;
        let nodes = members.nodes().filter(|(node, org)| **node != me && !self.held.contains(*org));
        let reach: BTreeMap<_, _> = self.network.1.iter().map(|reach| (reach.0, &reach.1)).collect();
        let resolve = |address: &String| address.to_socket_addrs().ok().into_iter().flatten();
        let contacts = nodes.map(|(node, _)| Contact {
            key: *node,
            addresses: reach.get(node).into_iter().flat_map(|all| all.iter()).flat_map(resolve).collect(),
        });
        let contacts: Vec<_> = contacts.collect();
        self.tell(Command::Allow(contacts)).await;
    }

    pub(in crate::runtime) async fn hold(&mut self, organisation: &str, holds: bool) -> Result<Reply, Problem> {
        let org = self.find_organisation(organisation)?;
        let row = Row::new(Table::Network, [b"hold", &org.0[..]].concat(), 0);
        let index = Row::new(Table::Network, "holds", u64::from_be_bytes(*org.0.first_chunk().expect("32 bytes")));
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
        self.folder.store.commit(&batch).map_err(|error| store_problem(&error))?;
        self.allow().await;
        Ok(Reply::Peers { peers: self.peers() })
    }

    pub(in crate::runtime) fn find_organisation(&self, text: &str) -> Result<OrgId, Problem> {
        let members = &self.state.replica().members;
        let mut found = self.names.find(text);
        found.retain(|org| members.is_member(org));
        match found.pop_first() {
            Some(org) if found.is_empty() => Ok(org),
            None => {
                let message = format!("no member has the call-sign, name or id «{text}»");
                Err(Problem::new(codes::NO_ORGANISATION, message).saying("name").with("name", text))
            }
            Some(org) => {
                let ids: Vec<_> = std::iter::once(org).chain(found).map(|org| org.to_string()).collect();
                let (names, message) = (ids.join(", "), format!("«{text}» names {} members", ids.len()));
                let problem = Problem::new(codes::NO_ORGANISATION, message).saying("several");
                Err(problem.with("name", text).with("names", names))
            }
        }
    }

    pub(in crate::runtime) fn name(&self, peer: &NodeKey) -> String {
        let members = &self.state.replica().members;
        let org = members.node(peer);
        org.and_then(|org| members.call_sign(&org)).unwrap_or("an unknown node").to_owned()
    }

    pub(in crate::runtime) async fn tell(&self, command: Command) {
        // The network ends only with the node; what is said to it then is said to nobody.
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

/// Reads and verifies frames on other threads, a few at a time, and keeps their order.
pub(super) fn verify(registry: RegistryId, mut events: mpsc::Receiver<Event>) -> mpsc::Receiver<Incoming> {
    let (verified, incoming) = mpsc::channel(VERIFYING);
    tokio::spawn(async move {
        let mut working = FuturesOrdered::new();
        let mut open = true;
        while open || !working.is_empty() {
            tokio::select! {
                event = events.recv(), if open && working.len() < VERIFYING => match event {
                    None => open = false,
                    Some(event) => working.push_back(async move {
                        match event {
                            Event::Listening(_) => None,
                            Event::Up(peer) => Some(Incoming::Up(peer)),
                            Event::Down { peer, reason } => Some(Incoming::Down(peer, reason)),
                            Event::Written { to, lane: net::Lane::Bulk } => Some(Incoming::Written(to)),
                            Event::Written { .. } => None,
                            Event::Frame { from, frame, .. } => {
                                let received = spawn_blocking(move || frame::receive(&registry, &frame)).await;
                                Some(match received {
                                    Ok(Ok(received)) => Incoming::Received(from, received),
                                    // A panic in the reader is our bug, and the bytes that caused it are the peer's.
                                    Ok(Err(_)) | Err(_) => Incoming::Garbage(from),
                                })
                            }
                        }
                    }),
                },
                Some(done) = working.next(), if !working.is_empty() => {
                    if let Some(done) = done
                        && verified.send(done).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    });
    incoming
}
