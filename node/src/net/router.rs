//! The router: one task that holds the allow-list and passes commands and authenticated connections to the peer tasks.
//!
//! The router waits only for its own inputs, so a slow peer or a full event channel never delays a command.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use protocol::bytes::{address::Address, ids::NodeKey};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};

use super::{
    Command, Contact, Event, Lane,
    admission::{self, Limits},
    lanes::Full,
    names::Names,
    peer::{self, Handle, Shared},
    transport::{Connection, Transport},
};

/// Runs the router until it is told to stop, or until its command channel closes.
pub(super) async fn run(
    transport: Transport,
    names: Names,
    limits: Limits,
    listeners: Vec<TcpListener>,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) {
    let transport = Arc::new(transport);
    let (to_router, mut secured) = mpsc::channel(limits.pending.max(1));
    let ours = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let mut listening = JoinSet::new(); // dropped with this task, and the listeners with it
    listening.spawn(admission::accept(listeners, Arc::clone(&transport), limits.clone(), events.clone(), to_router));
    let seats = Arc::new(Semaphore::new(limits.established));
    let shared = Arc::new(Shared { transport, names, ours, limits, seats, events });
    let mut router = Router { shared, peers: BTreeMap::new(), leaving: BTreeMap::new() };
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Allow(contacts)) => router.allow(contacts),
                Some(Command::Send { to, lane, frame }) => router.send(to, lane, frame),
                Some(Command::Disconnect { peer, reason }) => router.bar(peer, reason),
                Some(Command::Stop) | None => break,
            },
            Some(connection) = secured.recv() => router.hand_over(connection),
        }
    }
}

struct Router {
    shared: Arc<Shared>,
    peers: BTreeMap<NodeKey, Handle>,
    /// Tasks of peers that are no longer allowed and have not yet sent `Down`.
    leaving: BTreeMap<NodeKey, JoinHandle<()>>,
}

impl Router {
    fn allow(&mut self, contacts: Vec<Contact>) {
        self.leaving.retain(|_, task| !task.is_finished());
        let allowed = contacts.iter().map(|contact| contact.key).collect::<BTreeSet<_>>();
        for (key, peer) in std::mem::take(&mut self.peers) {
            if allowed.contains(&key) {
                self.peers.insert(key, peer);
            } else {
                self.leaving.insert(key, peer.dismiss("no longer allowed"));
            }
        }
        for Contact { key, addresses } in contacts {
            if key != self.shared.transport.key {
                self.meet(key, addresses);
            }
        }
    }

    fn meet(&mut self, key: NodeKey, addresses: Vec<Address>) {
        match self.peers.get(&key) {
            Some(peer) => peer.moved(addresses),
            None => {
                let before = self.leaving.remove(&key);
                self.peers.insert(key, peer::start(key, addresses, Arc::clone(&self.shared), before));
            }
        }
    }

    fn send(&self, to: NodeKey, lane: Lane, frame: Vec<u8>) {
        let Some(peer) = self.peers.get(&to) else { return };
        if let Err(Full) = peer.send(lane, frame) {
            peer.sever("it does not read what it is sent");
        }
    }

    fn bar(&self, peer: NodeKey, reason: &'static str) {
        if let Some(peer) = self.peers.get(&peer) {
            peer.bar(reason);
        }
    }

    /// Applies the allow-list to an inbound connection, before any of its streams is read.
    fn hand_over(&self, connection: Connection) {
        match self.peers.get(&connection.key) {
            Some(peer) => peer.arrived(connection),
            None => tracing::debug!(peer = ?connection.key, "refused: not allowed"),
        }
    }
}
