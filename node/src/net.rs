//! Frames between nodes that know each other: the only room that names libp2p.
//!
//! The layers and their bytes are libp2p's: TCP, pnet under the network key, Noise XX with the node's Ed25519 key, yamux,
//! multistream names. The swarm above them is left out on purpose: it opens streams on whichever connection it likes and
//! waits for a closing handshake that a silent peer can withhold; here a connection belongs to one task, and dropping it
//! closes the socket. No discovery, no identify, no relay: who may connect, and where they are, is told by [`Command::Allow`].
//! Host names are looked up only if [`Config::names`] says so, at each dial.
//!
//! * Nothing is heard from a key that is not allowed, and a key no longer allowed is severed at once.
//! * A pair has one connection. Of two that meet, the node with the smaller key chooses, alone (`peer`).
//! * Every [`Event::Up`] is followed by one [`Event::Down`] of that peer before its next `Up`; its frames lie between.
//! * No queue is unbounded: outbound by [`Lane::room`], inbound by the yamux window and the [`Room`] of each connection,
//!   so that what one peer sends fills no queue of another's.

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

/// Events waiting for their reader, of all peers together; beyond them no lane is read.
pub const EVENTS: usize = 64;
/// Commands waiting for the network; they never wait for a peer.
pub const COMMANDS: usize = 64;

/// What a node needs to be on the network.
#[derive(Debug)]
pub struct Config {
    /// Ed25519 seed of the node key.
    pub identity: Secret,
    /// Key of the private network, fixed at founding: keeps strangers' bytes from the parsers, authorises nobody.
    pub network_key: Secret,
    /// Where to listen; port 0 lets the system choose, none at all means only dialling.
    pub listen: Vec<SocketAddr>,
    /// Whether and how host names among the addresses of peers are looked up.
    pub names: Names,
    /// Limits of this node.
    pub limits: Limits,
}

/// A peer that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its key.
    pub key: NodeKey,
    /// Where it can be dialled, tried in order; none: it dials us.
    pub addresses: Vec<Address>,
}

/// What the node asks of the network.
#[derive(Debug)]
pub enum Command {
    /// The whole new list of peers that may connect. Connections of keys not in it are severed at once, new ones are
    /// dialled at once; a contact whose addresses changed is dialled there if it is not connected.
    Allow(Vec<Contact>),
    /// Sends a frame. Frames of one lane arrive in order or the connection goes down. For a peer that is down the frame
    /// is dropped; one given before its `Down` was read may still reach the connection that came after. A lane holds
    /// [`Lane::room`] bytes and [`LANE_FRAMES`] frames not yet written; who sends beyond that severs the connection, so
    /// count what [`Event::Written`] gives back.
    Send {
        /// The peer.
        to: NodeKey,
        /// The lane.
        lane: Lane,
        /// The frame, at most [`FRAME_BYTES_MAX`].
        frame: Vec<u8>,
    },
    /// Severs the connection. The peer stays allowed and is met again after a pause: a second, each time twice as long, at
    /// most a quarter of an hour. To keep it away for good, allow a list without it.
    Disconnect {
        /// The peer.
        peer: NodeKey,
        /// Why, as told in [`Event::Down`].
        reason: &'static str,
    },
    /// Severs everything and ends; after the last [`Event::Down`] the events end too.
    Stop,
}

/// What happens on the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// Connections are accepted here.
    Listening(SocketAddr),
    /// A peer is connected: all lanes are open, both ways.
    Up(NodeKey),
    /// A peer is no longer connected.
    Down {
        /// The peer.
        peer: NodeKey,
        /// Why, for a person; holds no address and no content.
        reason: String,
    },
    /// A frame came.
    Frame {
        /// From this peer.
        from: NodeKey,
        /// On this lane.
        lane: Lane,
        /// The frame.
        frame: Vec<u8>,
        /// Its part of what the connection may have on its way here; dropped when the frame is dealt with.
        room: Room,
    },
    /// The oldest frame of this lane not yet written has left for the transport: there is room for the next.
    Written {
        /// The peer it went to.
        to: NodeKey,
        /// Its lane.
        lane: Lane,
    },
}

/// The node's end of the network. Dropping `commands` stops it.
#[derive(Debug)]
pub struct Net {
    /// Key of this node: the public half of [`Config::identity`].
    pub key: NodeKey,
    /// Takes commands; holds [`COMMANDS`].
    pub commands: mpsc::Sender<Command>,
    /// Gives events; holds [`EVENTS`]. Not reading it stops reading from all peers, and keeping a [`Room`] from its peer.
    pub events: mpsc::Receiver<Event>,
}

/// Why the network did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no tokio runtime to start its tasks on.
    #[error("the network can only be started inside a tokio runtime")]
    NoRuntime,
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address, as configured.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The identity does not make a Noise key.
    #[error("the node key cannot be used: {reason}")]
    Identity {
        /// The library's words.
        reason: String,
    },
}

/// Starts the network on the current tokio runtime: listens when this returns, and knows nobody yet.
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
