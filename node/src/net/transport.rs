//! The transport: turns a socket into an authenticated, multiplexed connection with pnet, then Noise XX, then yamux.
//!
//! ```text
//! TCP │ nonce(24) each way, then XSalsa20 under the network key            (libp2p pnet)
//!     │ multistream "/noise", Noise XX, each side's Ed25519 key signs its static key
//!     │ multistream "/yamux/1.0.0", streams
//! ```
//!
//! Any byte stream can take the place of TCP, such as that of an onion service or a WebSocket.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p_core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p_identity::{Keypair, PeerId, PublicKey};
use libp2p_noise as noise;
use libp2p_pnet::{PnetConfig, PnetError, PreSharedKey};
use multistream_select::{NegotiationError, Version, dialer_select_proto, listener_select_proto};
use protocol::bytes::{ids::NodeKey, seal::Secret};
use thiserror::Error;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::{compat::TokioAsyncReadCompatExt, io::InspectReader};

use super::StartError;

/// Maximum streams of a connection at a time, both directions: four each way are used.
const STREAMS: usize = 16;
/// Receive window of a connection: bytes that all its streams may have received and not yet read. Each stream is
/// entitled to 256 KiB; the other half lets a lane's window grow on long paths (4 MiB at 200 ms round trip are 20
/// MB/s).
const WINDOW: usize = 2 * STREAMS * yamux::DEFAULT_CREDIT as usize;
const NOISE: &str = "/noise";
const YAMUX: &str = "/yamux/1.0.0";

/// Network keys of this node.
pub(super) struct Transport {
    pub(super) key: NodeKey,
    noise: noise::Config,
    network_key: Secret,
}

/// An authenticated peer and its multiplexer. Dropping it closes the socket.
pub(super) struct Connection {
    pub(super) key: NodeKey,
    pub(super) muxer: yamux::Connection<Socket>,
    pub(super) heard: Heard,
}

/// A byte stream that can be sent to a task.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Bytes for S {}
pub(super) type Socket = Pin<Box<dyn Bytes>>;

/// Time of the last byte from a peer, on any stream: a slow line is not a dead one.
#[derive(Clone)]
pub(super) struct Heard(Arc<Mutex<Instant>>);

/// End of a socket that this node is.
#[derive(Clone, Copy)]
pub(super) enum End {
    Dialler,
    Listener,
}

/// Error of a handshake.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    #[error("no connection: {0}")]
    Socket(#[from] io::Error),
    #[error("no private network: {0}")]
    Network(#[from] PnetError),
    #[error("no common protocol: {0}")]
    Negotiation(#[from] NegotiationError),
    #[error("no proof of a key: {0}")]
    Noise(#[from] noise::Error),
    #[error("its key is not an Ed25519 key")]
    NotEd25519,
    #[error("{found:?} answered instead")]
    OtherKey { found: NodeKey },
}

impl Transport {
    pub(super) fn new(identity: &Secret, network_key: Secret) -> Result<Self, StartError> {
        let refused = |reason: String| StartError::Identity { reason };
        let mut seed = *identity.expose(); // overwritten by the next call
        let pair = Keypair::ed25519_from_bytes(&mut seed[..]).map_err(|error| refused(error.to_string()))?;
        let noise = noise::Config::new(&pair).map_err(|error| refused(error.to_string()))?;
        let key = ed25519(pair.public()).ok_or_else(|| refused("it is not an Ed25519 key".into()))?;
        Ok(Self { key, noise, network_key })
    }

    /// Connects to an address and requires the peer's key to be `key`.
    pub(super) async fn dial(&self, address: SocketAddr, key: NodeKey) -> Result<Connection, HandshakeError> {
        let connection = self.secure(TcpStream::connect(address).await?, End::Dialler).await?;
        match connection.key {
            found if found == key => Ok(connection),
            found => Err(HandshakeError::OtherKey { found }),
        }
    }

    /// Secures a socket with all layers. The caller sets a time limit.
    pub(super) async fn secure(&self, socket: TcpStream, end: End) -> Result<Connection, HandshakeError> {
        let (key, socket, heard) = self.authenticate(socket, end).await?;
        let mode = match end {
            End::Dialler => yamux::Mode::Client,
            End::Listener => yamux::Mode::Server,
        };
        Ok(Connection { key, muxer: yamux::Connection::new(socket, streams(), mode), heard })
    }

    /// Runs the layers below the streams: returns the peer's key, and a byte stream that only this key can read and
    /// write.
    pub(super) async fn authenticate(
        &self,
        socket: TcpStream,
        end: End,
    ) -> Result<(NodeKey, Socket, Heard), HandshakeError> {
        socket.set_nodelay(true)?;
        let heard = Heard::now();
        let socket = InspectReader::new(socket, heard.ear()).compat();
        let network = PnetConfig::new(PreSharedKey::new(*self.network_key.expose()));
        let socket = network.handshake(socket).await?;

        let noise = self.noise.clone();
        let (peer, socket) = match end {
            End::Dialler => {
                let (name, socket) = dialer_select_proto(socket, [NOISE], Version::V1Lazy).await?;
                noise.upgrade_outbound(socket, name).await?
            }
            End::Listener => {
                let (name, socket) = listener_select_proto(socket, [NOISE]).await?;
                noise.upgrade_inbound(socket, name).await?
            }
        };
        let key = node_key(peer).ok_or(HandshakeError::NotEd25519)?;

        let (_, socket) = match end {
            End::Dialler => dialer_select_proto(socket, [YAMUX], Version::V1Lazy).await?,
            End::Listener => listener_select_proto(socket, [YAMUX]).await?,
        };
        Ok((key, Box::pin(socket), heard))
    }
}

impl Heard {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Returns the time of the last byte.
    pub(super) fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ear(&self) -> impl FnMut(&[u8]) + Send + Unpin + use<> {
        let heard = self.clone();
        move |bytes| {
            if !bytes.is_empty() {
                *heard.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
        }
    }
}

fn streams() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(STREAMS);
    config.set_max_connection_receive_window(Some(WINDOW));
    config
}

/// Extracts the key that a peer id inlines; `None` if the id only hashes a key, or holds one of another kind.
fn node_key(peer: PeerId) -> Option<NodeKey> {
    const IDENTITY: u64 = 0;
    let hash = peer.as_ref();
    (hash.code() == IDENTITY).then(|| PublicKey::try_decode_protobuf(hash.digest()).ok()).flatten().and_then(ed25519)
}

fn ed25519(key: PublicKey) -> Option<NodeKey> {
    key.try_into_ed25519().ok().map(|key| NodeKey(key.to_bytes()))
}

#[cfg(test)]
mod tests {
    use libp2p_core::multihash::Multihash;

    use super::*;

    #[test]
    fn a_node_key_is_the_key_inlined_in_the_peer_id() {
        let pair = Keypair::generate_ed25519();
        let key = ed25519(pair.public()).expect("an Ed25519 key");
        assert_eq!(node_key(pair.public().to_peer_id()), Some(key));
    }

    #[test]
    fn a_peer_id_that_hashes_its_key_names_no_node() {
        let hashed = Multihash::wrap(0x12, &[7; 32]).expect("fits");
        assert_eq!(node_key(PeerId::from_multihash(hashed).expect("SHA-256 is a peer id")), None);
    }

    #[test]
    fn a_peer_id_with_a_key_of_another_kind_names_no_node() {
        let secp256k1 = [&[8, 2, 0x12, 33, 2][..], &[7; 32]].concat();
        let inlined = Multihash::wrap(0, &secp256k1).expect("fits");
        assert_eq!(node_key(PeerId::from_multihash(inlined).expect("short enough to inline")), None);
    }
}
