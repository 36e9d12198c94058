//! The peer-to-peer network: frames between nodes that know each other. Only this module uses libp2p.
//!
//! The protocol layers and their bytes are libp2p's: TCP, pnet under the network key, Noise XX with the node's Ed25519
//! key, yamux, multistream names. The libp2p swarm is left out on purpose: it opens streams on whichever connection it
//! likes and waits for a closing handshake that a silent peer can withhold. Here a connection belongs to one task, and
//! dropping it closes the socket. There is no discovery, no identify and no relay: [`Command::Allow`] says who may
//! connect, and at which addresses. Host names are looked up only if [`Config::names`] allows it, at each dial.
//!
//! * Frames from a key that is not allowed are never read, and a key that is no longer allowed is disconnected at once.
//! * A pair of nodes has one connection. Of two concurrent ones, the node with the smaller key chooses alone (`peer`).
//! * Every [`Event::Up`] is followed by one [`Event::Down`] of that peer before its next `Up`; its frames come between.
//! * No queue is unbounded: outbound by [`Lane::room`], inbound by the yamux window and the [`Room`] of each
//!   connection, so that what one peer sends fills no queue of another's.

mod admission;
mod lanes;
mod link;
mod names;
mod peer;
mod router;
mod transport;

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use protocol::bytes::{address::Address, ids::NodeKey, seal::Secret};
use thiserror::Error;
use tokio::sync::mpsc;

pub use self::{
    admission::Limits,
    lanes::{FRAME_BYTES_MAX, INBOX_FRAMES, LANE_FRAMES, Lane, Room},
    names::{Names, Resolver},
};

/// Capacity of the event channel, for all peers together; while it is full, no lane is read.
pub const EVENTS: usize = 64;
/// Capacity of the command channel; commands never wait for a peer.
pub const COMMANDS: usize = 64;

/// Configuration of a node's network.
#[derive(Debug)]
pub struct Config {
    /// Ed25519 seed of the node key.
    pub identity: Secret,
    /// Key of the private network, fixed at founding: keeps strangers' bytes from the parsers, authorises nobody.
    pub network_key: Secret,
    /// Addresses to listen on; with port 0 the system chooses the port, with no address the node only dials.
    pub listen: Vec<SocketAddr>,
    /// Whether and how host names among the addresses of peers are looked up.
    pub names: Names,
    /// Connection limits of this node.
    pub limits: Limits,
}

/// A peer that may connect, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Key of the peer.
    pub key: NodeKey,
    /// Addresses to dial, in order; with none, the peer dials this node.
    pub addresses: Vec<Address>,
}

/// Commands to the network.
#[derive(Debug)]
pub enum Command {
    /// Replaces the list of peers that may connect. Connections of keys that are not in it are severed at once, new
    /// ones are dialled at once; a contact whose addresses changed is dialled there if it is not connected.
    Allow(Vec<Contact>),
    /// Sends a frame. Frames of one lane arrive in order, or the connection goes down. A frame for a peer that is down
    /// is dropped; one that is sent before its `Down` was read may still reach the next connection. A lane holds
    /// [`Lane::room`] bytes and [`LANE_FRAMES`] frames that are not yet written; sending more severs the connection, so
    /// count what [`Event::Written`] returns.
    Send {
        /// Key of the peer.
        to: NodeKey,
        /// Lane of the frame.
        lane: Lane,
        /// The frame, at most [`FRAME_BYTES_MAX`].
        frame: Vec<u8>,
    },
    /// Disconnects a peer. It stays allowed, and is connected again after a pause: a second, doubled each time, at most
    /// a quarter of an hour. To keep it away for good, allow a list without it.
    Disconnect {
        /// Key of the peer.
        peer: NodeKey,
        /// Reason, as reported in [`Event::Down`].
        reason: &'static str,
    },
    /// Severs all connections and ends; after the last [`Event::Down`] the events end too.
    Stop,
}

/// Events of the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The node accepts connections at this address.
    Listening(SocketAddr),
    /// A peer is connected: all lanes are open, both ways.
    Up(NodeKey),
    /// A peer is no longer connected.
    Down {
        /// Key of the peer.
        peer: NodeKey,
        /// Reason, for a person; holds no address and no content.
        reason: String,
    },
    /// A frame arrived.
    Frame {
        /// Key of its sender.
        from: NodeKey,
        /// Lane of the frame.
        lane: Lane,
        /// The frame.
        frame: Vec<u8>,
        /// Share of the connection's inbound bytes that the frame takes; drop it when the frame is handled.
        room: Room,
    },
    /// The oldest unwritten frame of this lane was passed to the transport: there is room for the next.
    Written {
        /// Key of the receiver.
        to: NodeKey,
        /// Lane of the frame.
        lane: Lane,
    },
}

/// A handle to the network. Dropping `commands` stops it.
#[derive(Debug)]
pub struct Net {
    /// Key of this node: the public half of [`Config::identity`].
    pub key: NodeKey,
    /// Sender of commands, with a capacity of [`COMMANDS`].
    pub commands: mpsc::Sender<Command>,
    /// Receiver of events, with a capacity of [`EVENTS`]. While it is not read, no peer is read; while a [`Room`] is
    /// kept, its peer has less.
    pub events: mpsc::Receiver<Event>,
}

/// Error of starting the network.
#[derive(Debug, Error)]
pub enum StartError {
    /// No tokio runtime is running.
    #[error("the network can only be started inside a tokio runtime")]
    NoRuntime,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address, as configured.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The identity cannot be converted to a Noise key.
    #[error("the node key cannot be used: {reason}")]
    Identity {
        /// The error of the library.
        reason: String,
    },
}

/// Starts the network on the current tokio runtime. When it returns, it listens, and no peer is allowed yet.
///
/// # Errors
///
/// [`StartError::NoRuntime`] outside a tokio runtime, [`StartError::Listen`] with the address,
/// [`StartError::Identity`].
pub fn start(config: Config) -> Result<Net, StartError> {
    let runtime = tokio::runtime::Handle::try_current().map_err(|_| StartError::NoRuntime)?;
    let transport = transport::Transport::new(&config.identity, config.network_key)?;
    let listeners = config.listen.into_iter().map(listen).collect::<Result<Vec<_>, _>>()?;
    let (commands, orders) = mpsc::channel(COMMANDS);
    let (happened, events) = mpsc::channel(EVENTS);
    let key = transport.key;
    runtime.spawn(router::run(transport, config.names, config.limits, listeners, orders, happened));
    Ok(Net { key, commands, events })
}

fn listen(address: SocketAddr) -> Result<tokio::net::TcpListener, StartError> {
    let listener = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    };
    listener().map_err(|source| StartError::Listen { address, source })
}

#[cfg(test)]
mod tests;
