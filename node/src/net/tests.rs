//! Tests of the network with nodes on loopback.

mod attacks;
mod comings;
mod names;

use std::time::Duration;

use protocol::bytes::limits::BULK_IN_FLIGHT;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::*;

/// Time after which a waiting test has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const NETWORK: u8 = 0xaa;

struct Node {
    net: Net,
    address: SocketAddr,
}

/// Limits without the rate of accepting: many nodes share 127.0.0.1.
fn limits() -> Limits {
    Limits { accept_every: Duration::ZERO, ..Limits::default() }
}

fn config(seed: u8, network: u8, limits: Limits) -> Config {
    let listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let names = Names::refused();
    Config { identity: Secret::new([seed; 32]), network_key: Secret::new([network; 32]), listen, names, limits }
}

impl Node {
    async fn start(seed: u8) -> Self {
        Self::with(config(seed, NETWORK, limits())).await
    }

    async fn with(config: Config) -> Self {
        let mut net = start(config).expect("loopback can be listened on");
        match net.events.recv().await {
            Some(Event::Listening(address)) => Self { net, address },
            other => panic!("not listening but {other:?}"),
        }
    }

    fn key(&self) -> NodeKey {
        self.net.key
    }

    fn contact(&self) -> Contact {
        self.contact_at(self.address)
    }

    fn contact_at(&self, address: SocketAddr) -> Contact {
        Contact { key: self.key(), addresses: vec![Address::Literal(address)] }
    }

    fn unaddressed(&self) -> Contact {
        Contact { key: self.key(), addresses: vec![] }
    }

    async fn tell(&self, command: Command) {
        self.net.commands.send(command).await.expect("the network runs");
    }

    async fn allow(&self, contacts: impl IntoIterator<Item = Contact>) {
        self.tell(Command::Allow(contacts.into_iter().collect())).await;
    }

    async fn send(&self, to: NodeKey, lane: Lane, frame: impl Into<Vec<u8>>) {
        self.tell(Command::Send { to, lane, frame: frame.into() }).await;
    }

    async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.net.events.recv()).await.expect("an event in time").expect("the network runs")
    }

    async fn frame(&mut self) -> (Lane, Vec<u8>) {
        loop {
            match self.event().await {
                Event::Frame { lane, frame, .. } => return (lane, frame),
                Event::Written { .. } => {}
                other => panic!("not a frame but {other:?}"),
            }
        }
    }

    async fn up(&mut self, peer: NodeKey) {
        assert_eq!(self.event().await, Event::Up(peer));
    }

    async fn down(&mut self, peer: NodeKey) -> String {
        loop {
            match self.event().await {
                Event::Down { peer: gone, reason } if gone == peer => return reason,
                Event::Written { .. } => {}
                other => panic!("not down but {other:?}"),
            }
        }
    }
}

/// Starts two nodes and connects them, the one with the smaller key first.
async fn pair(limits: Limits) -> (Node, Node) {
    let mut nodes =
        [Node::with(config(1, NETWORK, limits.clone())).await, Node::with(config(2, NETWORK, limits)).await];
    nodes.sort_by_key(Node::key);
    let [mut a, mut b] = nodes;
    a.allow([b.contact()]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    (a, b)
}

/// A relay between two nodes that counts connections and can freeze them without closing a socket.
struct Relay {
    address: SocketAddr,
    /// Numbers of open and closed connections.
    count: watch::Receiver<(usize, usize)>,
    frozen: watch::Sender<bool>,
    /// Number of frozen connections.
    still: watch::Receiver<usize>,
    _wire: JoinSet<()>,
}

impl Relay {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (counted, count) = watch::channel((0, 0));
        let (frozen, freeze) = watch::channel(false);
        let (stilled, still) = watch::channel(0);
        let mut wire = JoinSet::new();
        wire.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let (counted, mut freeze, stilled) = (counted.clone(), freeze.clone(), stilled.clone());
                connections.spawn(async move {
                    counted.send_modify(|(open, _)| *open += 1);
                    if let Ok(mut far) = TcpStream::connect(target).await {
                        let cut = tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => false,
                            frozen = freeze.wait_for(|frozen| *frozen) => frozen.is_ok(),
                        };
                        if cut {
                            stilled.send_modify(|still| *still += 1);
                            std::future::pending::<()>().await; // both sockets stay open, and nothing moves
                        }
                    }
                    counted.send_modify(|(open, closed)| (*open, *closed) = (*open - 1, *closed + 1));
                });
            }
        });
        Self { address, count, frozen, still, _wire: wire }
    }

    /// Freezes the relay and waits until it is frozen: otherwise a close right after it would still get through.
    async fn freeze(&mut self) {
        let open = self.count.borrow().0;
        self.frozen.send_replace(true);
        timeout(PATIENCE, self.still.wait_for(|still| *still >= open)).await.expect("in time").expect("the relay runs");
    }

    async fn until(&mut self, what: impl FnMut(&(usize, usize)) -> bool) {
        timeout(PATIENCE, self.count.wait_for(what)).await.expect("in time").expect("the relay runs");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_arrive_in_order_on_three_lanes_whoever_dials() {
    for (dialler, listener) in [(1, 2), (2, 1)] {
        let (mut a, mut b) = (Node::start(dialler).await, Node::start(listener).await);
        a.allow([b.contact()]).await;
        b.allow([a.unaddressed()]).await;
        a.up(b.key()).await;
        b.up(a.key()).await;
        let to = b.key();
        let send = async {
            for number in 0..100u8 {
                for lane in Lane::ALL {
                    a.send(to, lane, [lane as u8, number]).await;
                    assert!(matches!(a.event().await, Event::Written { .. }));
                }
            }
        };
        let receive = async {
            let mut next = [0u8; 3];
            while next != [100; 3] {
                let (lane, frame) = b.frame().await;
                assert_eq!(frame, [lane as u8, next[lane as usize]]);
                next[lane as usize] += 1;
            }
        };
        tokio::join!(send, receive);
        b.send(a.key(), Lane::Control, []).await;
        assert_eq!(a.frame().await, (Lane::Control, vec![]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_written_frame_is_told_once() {
    let (mut a, b) = pair(limits()).await;
    for lane in Lane::ALL {
        a.send(b.key(), lane, vec![7; FRAME_BYTES_MAX.min(100_000)]).await;
        assert_eq!(a.event().await, Event::Written { to: b.key(), lane });
    }
}

/// Regression: the outbox was set after `Up` was sent, and under load the first frames of a session were dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_sent_on_the_heels_of_up_arrives() {
    for round in 0..50u8 {
        let (a, mut b) = pair(limits()).await;
        a.send(b.key(), Lane::Control, [round]).await;
        assert_eq!(b.frame().await, (Lane::Control, vec![round]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_network_key_never_comes_up() {
    let limits = Limits { handshake: Duration::from_millis(200), ..limits() };
    let mut a = Node::with(config(1, NETWORK, limits.clone())).await;
    let mut b = Node::with(config(2, NETWORK + 1, limits)).await;
    let mut relay = Relay::to(b.address).await;
    a.allow([b.contact_at(relay.address)]).await;
    b.allow([a.contact()]).await;
    relay.until(|(_, closed)| *closed >= 2).await;
    assert!(a.net.events.try_recv().is_err() && b.net.events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_allowed_never_comes_up_on_either_side() {
    for (member, stranger) in [(1, 2), (2, 1)] {
        let (mut member, mut stranger) = (Node::start(member).await, Node::start(stranger).await);
        let mut relay = Relay::to(member.address).await;
        stranger.allow([member.contact_at(relay.address)]).await;
        stranger.send(member.key(), Lane::Control, *b"let me in").await;
        relay.until(|(_, closed)| *closed >= 2).await;
        assert!(member.net.events.try_recv().is_err() && stranger.net.events.try_recv().is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_than_the_expected_one_is_refused() {
    let (mut a, mut b, c) = (Node::start(1).await, Node::start(2).await, Node::start(3).await);
    let mut relay = Relay::to(b.address).await;
    a.allow([c.contact_at(relay.address), b.unaddressed()]).await;
    b.allow([a.unaddressed()]).await;
    relay.until(|(_, closed)| *closed >= 2).await;
    assert!(a.net.events.try_recv().is_err() && b.net.events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_no_longer_allowed_is_severed_and_comes_back_by_itself_when_allowed_again() {
    let (mut a, mut b) = pair(limits()).await;
    for _ in 0..3 {
        b.allow([]).await;
        assert_eq!(b.down(a.key()).await, "no longer allowed");
        a.down(b.key()).await;
        b.allow([a.contact()]).await;
        b.up(a.key()).await;
        a.up(b.key()).await;
    }
    a.send(b.key(), Lane::Live, *b"still here").await;
    assert_eq!(b.frame().await, (Lane::Live, b"still here".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_moved_is_dialled_at_its_new_address() {
    let (mut a, mut b) = (Node::start(1).await, Node::start(2).await);
    a.allow([b.contact()]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    b.tell(Command::Stop).await;
    a.down(b.key()).await;
    let mut b = Node::start(2).await;
    b.allow([a.unaddressed()]).await;
    a.allow([b.contact()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnected_peer_is_dialled_again_after_a_pause() {
    let (mut a, mut b) = pair(limits()).await;
    b.tell(Command::Disconnect { peer: a.key(), reason: "it broke a rule" }).await;
    assert_eq!(b.down(a.key()).await, "it broke a rule");
    a.down(b.key()).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_dial_each_other_keep_exactly_one_connection() {
    for round in 0..20 {
        let (mut a, mut b) = (Node::start(1).await, Node::start(2).await);
        let (mut to_a, mut to_b) = (Relay::to(a.address).await, Relay::to(b.address).await);
        tokio::join!(a.allow([b.contact_at(to_b.address)]), b.allow([a.contact_at(to_a.address)]));
        a.up(b.key()).await;
        b.up(a.key()).await;
        // Any other connection is closed again, and the link stays up.
        let opened = |relay: &Relay| relay.count.borrow().0;
        while opened(&to_a) + opened(&to_b) != 1 {
            let changed = async {
                tokio::select! { r = to_a.count.changed() => r, r = to_b.count.changed() => r }
            };
            timeout(PATIENCE, changed).await.unwrap_or_else(|_| panic!("round {round}")).expect("the relays run");
        }
        a.send(b.key(), Lane::Control, *b"one").await;
        assert_eq!(b.frame().await, (Lane::Control, b"one".to_vec()), "round {round}");
        b.send(a.key(), Lane::Control, *b"two").await;
        assert_eq!(a.frame().await, (Lane::Control, b"two".to_vec()), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_slow_reader_is_bounded_and_nothing_is_lost() {
    const FRAMES: usize = 1000;
    let (mut a, mut b) = pair(limits()).await;
    let frame = |number: usize| vec![number as u8; FRAME_BYTES_MAX];
    let (mut sent, mut written) = (0, 0);
    let mut send_what_fits = async |a: &mut Node, to, patience| {
        loop {
            while sent < FRAMES && sent - written < BULK_IN_FLIGHT.0 {
                a.send(to, Lane::Bulk, frame(sent)).await;
                sent += 1;
            }
            match timeout(patience, a.net.events.recv()).await {
                Ok(Some(Event::Written { .. })) => written += 1,
                Ok(other) => panic!("not written but {other:?}"),
                Err(_) => return written,
            }
            if written == FRAMES {
                return written;
            }
        }
    };
    // The events of b are not handled: the room of a connection, yamux's window and what is in flight, no more.
    let written = send_what_fits(&mut a, b.key(), Duration::from_secs(1)).await;
    assert!(written <= 40, "{written} frames of {FRAME_BYTES_MAX} bytes left for a peer that does not read");
    // The same peer still gets frames on another lane, and does not count as dead, once it reads again.
    let (all_written, ()) = tokio::join!(send_what_fits(&mut a, b.key(), PATIENCE), async {
        for number in 0..FRAMES {
            assert_eq!(b.frame().await, (Lane::Bulk, frame(number)));
        }
    });
    assert_eq!(all_written, FRAMES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_transfer_runs_at_the_speed_of_the_machine() {
    const FRAMES: usize = 256;
    const FRAME: usize = 256 * 1024;
    let (mut a, mut b) = pair(limits()).await;
    let began = Instant::now();
    let to = b.key();
    let send = async {
        for number in 0..FRAMES + BULK_IN_FLIGHT.0 {
            if number >= BULK_IN_FLIGHT.0 {
                assert_eq!(a.event().await, Event::Written { to, lane: Lane::Bulk });
            }
            if number < FRAMES {
                a.send(to, Lane::Bulk, vec![5; FRAME]).await;
            }
        }
    };
    let receive = async {
        let mut bytes = 0;
        while bytes < FRAMES * FRAME {
            match timeout(PATIENCE, b.net.events.recv()).await.expect("in time") {
                Some(Event::Frame { frame, .. }) => bytes += frame.len(),
                other => panic!("not a frame but {other:?}"),
            }
        }
        bytes
    };
    let ((), bytes) = tokio::join!(send, receive);
    assert_eq!(bytes, FRAMES * FRAME);
    println!("bulk: {:.0} MB/s", bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_falls_silent_is_noticed_and_an_idle_one_is_kept() {
    let silence = Duration::from_millis(1500);
    let limits = Limits { silence, ..limits() };
    let mut a = Node::with(config(1, NETWORK, limits.clone())).await;
    let mut b = Node::with(config(2, NETWORK, limits)).await;
    let mut relay = Relay::to(b.address).await;
    a.allow([b.contact_at(relay.address)]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    assert!(timeout(silence * 3, a.net.events.recv()).await.is_err(), "idle is not dead");
    relay.freeze().await;
    assert_eq!(a.down(b.key()).await, "nothing was heard for 1.5s");
    assert_eq!(b.down(a.key()).await, "nothing was heard for 1.5s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_came_back_unnoticed_is_taken_again_by_whichever_side_decides() {
    let limits = Limits { silence: Duration::from_secs(3), ..limits() };
    let node = |seed| Node::with(config(seed, NETWORK, limits.clone()));
    for (stays, returns) in [(1, 2), (2, 1)] {
        let (mut stays, mut gone) = (node(stays).await, node(returns).await);
        let mut relay = Relay::to(stays.address).await;
        stays.allow([gone.unaddressed()]).await;
        gone.allow([stays.contact_at(relay.address)]).await;
        stays.up(gone.key()).await;
        gone.up(stays.key()).await;

        relay.freeze().await;
        gone.tell(Command::Stop).await;
        gone.down(stays.key()).await;
        let mut back = node(returns).await;
        back.allow([stays.contact()]).await;
        let decides = stays.key() < back.key();
        let reason = if decides { "nothing was heard for 3s" } else { "replaced by a newer connection" };
        assert_eq!(stays.down(back.key()).await, reason);
        stays.up(back.key()).await;
        back.up(stays.key()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_wait_for_a_seat() {
    let mut hub = Node::with(config(1, NETWORK, Limits { established: 1, ..limits() })).await;
    let (mut b, mut c) = (Node::start(2).await, Node::start(3).await);
    hub.allow([b.unaddressed(), c.unaddressed()]).await;
    b.allow([hub.contact()]).await;
    hub.up(b.key()).await;
    b.up(hub.key()).await;
    let mut relay = Relay::to(hub.address).await;
    c.allow([hub.contact_at(relay.address)]).await;
    relay.until(|(_, closed)| *closed >= 1).await;
    b.tell(Command::Stop).await;
    hub.down(b.key()).await;
    hub.up(c.key()).await;
    c.up(hub.key()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_says_down_for_every_peer_and_then_ends() {
    let (mut a, mut b) = pair(limits()).await;
    a.tell(Command::Stop).await;
    assert_eq!(a.down(b.key()).await, "this node stopped");
    assert_eq!(a.net.events.recv().await, None);
    b.down(a.key()).await;
    TcpStream::connect(a.address).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn an_address_in_use_is_named_when_the_network_does_not_start() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = start(Config { listen: vec![address], ..config(1, NETWORK, limits()) }).expect_err("it is taken");
    assert!(matches!(error, StartError::Listen { address: named, .. } if named == address), "{error:?}");
}

#[test]
fn without_a_runtime_the_network_does_not_start() {
    assert!(matches!(start(config(1, NETWORK, limits())), Err(StartError::NoRuntime)));
}

#[test]
fn what_is_shown_of_a_configuration_holds_no_key() {
    let shown = format!("{:?}", config(0xd7, 0xd8, limits()));
    assert!(!shown.contains("215") && !shown.contains("216") && !shown.contains("d7d7"), "{shown}");
}
