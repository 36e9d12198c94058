//! Attacks: strangers, and members that break the protocol.

use std::sync::Arc;

use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    super::{
        link::{self, Open},
        transport::{End, Transport},
    },
    *,
};

/// Connects a misbehaving member to the node: it holds valid keys, and the test holds its streams.
async fn rogue(node: &mut Node, seed: u8) -> (NodeKey, Open) {
    let transport = Transport::new(&Secret::new([seed; 32]), Secret::new([NETWORK; 32])).expect("a seed is a key");
    let key = transport.key;
    node.allow([Contact { key, addresses: vec![] }]).await;
    let connection = transport.dial(node.address, node.key()).await.expect("the node answers");
    let seat = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one seat");
    let open = link::open(connection, key < node.key(), seat).await.expect("it is allowed");
    node.up(key).await;
    (key, open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_claims_a_frame_too_long_is_disconnected() {
    let mut node = Node::start(1).await;
    let (key, mut open) = rogue(&mut node, 9).await;
    open.ours[Lane::Bulk as usize].write_all(&u32::MAX.to_be_bytes()).await.expect("it is still connected");
    let reason = node.down(key).await;
    assert_eq!(reason, format!("a frame of {} bytes on the bulk lane exceeds {FRAME_BYTES_MAX}", u32::MAX));
    let closed = open.theirs[Lane::Bulk as usize].read(&mut [0]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_read_its_live_lane_is_disconnected() {
    let mut node = Node::with(config(1, NETWORK, Limits { stall: Duration::from_millis(300), ..limits() })).await;
    let (key, _unread) = rogue(&mut node, 9).await;
    for _ in 0..4 {
        node.send(key, Lane::Live, vec![0; FRAME_BYTES_MAX]).await;
    }
    assert_eq!(node.down(key).await, "the peer has not read its live lane for 300ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_beyond_the_room_of_a_lane_sever_instead_of_piling_up() {
    let mut node = Node::start(1).await;
    let (key, _unread) = rogue(&mut node, 9).await;
    for _ in 0..12 {
        node.send(key, Lane::Bulk, vec![0; FRAME_BYTES_MAX]).await;
    }
    assert_eq!(node.down(key).await, "it does not read what it is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_that_send_garbage_or_nothing_do_not_keep_a_peer_out() {
    let (mut a, mut b) = (Node::start(1).await, Node::start(2).await);
    let mut strangers = Vec::new();
    for number in 0..2 * limits().pending {
        let mut stranger = TcpStream::connect(a.address).await.expect("it listens");
        // The nonce of the private network shows that this one has a place.
        stranger.read_exact(&mut [0; 24]).await.expect("a place for every newcomer");
        if number % 2 == 0 {
            stranger.write_all(&[number as u8; 1000]).await.expect("it is still open");
        }
        strangers.push(stranger);
    }
    let began = Instant::now();
    a.allow([b.unaddressed()]).await;
    b.allow([a.contact()]).await;
    b.up(a.key()).await;
    a.up(b.key()).await;
    assert!(began.elapsed() < Limits::default().handshake, "it had to wait for a stranger's time to run out");
    // The first strangers lost their places to later ones; none is served.
    let first = timeout(PATIENCE, strangers[1].read(&mut [0])).await.expect("closed, not kept");
    assert!(matches!(first, Ok(0) | Err(_)), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_connects_too_fast_is_turned_away() {
    let a = Node::with(config(1, NETWORK, Limits::default())).await;
    let mut served = 0;
    for _ in 0..20 {
        let mut stranger = TcpStream::connect(a.address).await.expect("it listens");
        served += usize::from(stranger.read_exact(&mut [0; 24]).await.is_ok());
    }
    assert!((5..=7).contains(&served), "{served} of 20 at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_stream_frames_cost_their_sender_the_connection_and_nobody_else_anything() {
    const SYN: u8 = 1;
    const RST: u8 = 8;
    let header = |kind: u8, flags: u8, stream: u32, length: u32| {
        [&[0, kind, 0, flags][..], &stream.to_be_bytes(), &length.to_be_bytes()].concat()
    };
    let too_many = (0..20).flat_map(|n| header(1, SYN, 2 * n + 1, 0)).collect::<Vec<_>>();
    let endless =
        (0..200).flat_map(|n| [header(1, SYN, 2 * n + 1, 0), header(1, RST, 2 * n + 1, 0)]).flatten().collect();
    let attacks = [
        ("a first frame beyond the window", [header(0, SYN, 1, 300 * 1024), vec![0; 300 * 1024]].concat()),
        ("a window beyond 2³²", [header(1, SYN, 1, 1), header(1, 0, 1, u32::MAX)].concat()),
        ("a window beyond 2³² at once", header(1, SYN, 1, u32::MAX)),
        ("an unknown kind", header(9, 0, 1, 0)),
        ("an unknown version", vec![7; 12]),
        ("a length of 2³² − 1", header(0, SYN, 1, u32::MAX)),
        ("a stream the other side should open", header(0, SYN, 2, 0)),
        ("a pong nobody asked for", header(2, 2, 0, 77)),
        ("more streams than there are", too_many),
        ("streams opened and dropped without end", endless),
    ];
    let mut node = Node::start(1).await;
    let transport = Transport::new(&Secret::new([9; 32]), Secret::new([NETWORK; 32])).expect("a seed is a key");
    let rogue = Contact { key: transport.key, addresses: vec![] };
    let mut peer = Node::start(2).await;
    peer.allow([node.contact()]).await;
    node.allow([rogue, peer.unaddressed()]).await;
    node.up(peer.key()).await;
    peer.up(node.key()).await;
    for (what, bytes) in attacks {
        let socket = TcpStream::connect(node.address).await.expect("it listens");
        let (_, mut socket, _) = transport.authenticate(socket, End::Dialler).await.expect("the key is allowed");
        socket.write_all(&bytes).await.and(socket.flush().await).ok();
        let refused = async {
            let (mut answer, mut piece) = (Vec::new(), [0; 1024]);
            while let Ok(read @ 1..) = socket.read(&mut piece).await {
                answer.extend_from_slice(&piece[..read]);
                if says_go_away(&answer) {
                    break;
                }
            }
        };
        timeout(PATIENCE / 6, refused).await.unwrap_or_else(|_| panic!("{what}: neither closed nor told to go away"));
    }
    peer.send(node.key(), Lane::Control, *b"all well").await;
    assert_eq!(node.frame().await, (Lane::Control, b"all well".to_vec()));
}

/// Whether yamux's GoAway frame is among `frames`: yamux leaves the closing to its receiver, and drops invalid frames
/// until then.
fn says_go_away(mut frames: &[u8]) -> bool {
    while let Some(([_, kind, _, _, _, _, _, _, length @ ..], rest)) = frames.split_first_chunk::<12>() {
        let body = if *kind == 0 { u32::from_be_bytes(*length) as usize } else { 0 };
        if *kind == 3 {
            return true;
        }
        frames = rest.get(body..).unwrap_or_default();
    }
    false
}
