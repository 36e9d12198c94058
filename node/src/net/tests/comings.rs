//! Tests of reconnection: peers that come and go, change address, or disappear during a transfer.

use tokio::runtime::Handle;

use super::*;

/// A line that breaks again and again leaves no task or socket behind, and frames still arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_comes_and_goes_two_hundred_times_leaves_no_task_and_no_socket_behind() {
    let (mut a, mut b) = (Node::start(1).await, Node::start(2).await);
    let mut counts = Vec::new();
    for round in 0..200_u32 {
        b.allow([a.unaddressed()]).await;
        a.allow([b.contact()]).await;
        a.up(b.key()).await;
        b.up(a.key()).await;
        a.send(b.key(), Lane::Live, round.to_be_bytes()).await;
        assert_eq!(b.frame().await, (Lane::Live, round.to_be_bytes().to_vec()));
        counts.push((Handle::current().metrics().num_alive_tasks(), sockets()));
        b.allow([]).await;
        b.down(a.key()).await;
        a.down(b.key()).await;
        a.allow([]).await; // its pauses would grow
    }
    let most = |counts: &[(usize, usize)]| (counts.iter().map(|c| c.0).max(), counts.iter().map(|c| c.1).max());
    let ((tasks, sockets), (tasks_then, sockets_then)) = (most(&counts[..50]), most(&counts[150..]));
    assert!(tasks_then <= tasks.map(|tasks| tasks + 8), "{tasks:?} tasks, then {tasks_then:?}");
    assert!(sockets_then <= sockets.map(|sockets| sockets + 8), "{sockets:?} sockets, then {sockets_then:?}");
}

/// Counts the descriptors of this process; other tests run at the same time only under a runner that shares processes.
fn sockets() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// The line breaks in the middle of a transfer, and the peer is found at its other address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_line_dies_in_a_transfer_is_met_at_its_other_address_and_only_with_its_own_key() {
    let limits = Limits { silence: Duration::from_millis(500), ..limits() };
    let mut a = Node::with(config(1, NETWORK, limits.clone())).await;
    let (mut b, stranger) = (Node::with(config(2, NETWORK, limits)).await, Node::start(3).await);
    let mut first = Relay::to(b.address).await;
    // Another node, with another key, took over the old address.
    let literal = |address| Address::Literal(address);
    let addresses = vec![literal(first.address), literal(stranger.address), literal(b.address)];
    a.allow([Contact { key: b.key(), addresses }]).await;
    b.allow([a.unaddressed()]).await;
    stranger.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    a.send(b.key(), Lane::Bulk, vec![7; FRAME_BYTES_MAX]).await;
    first.freeze().await;
    a.down(b.key()).await;
    while !matches!(b.event().await, Event::Down { .. }) {}
    drop(first); // the old address does not answer any more
    a.up(b.key()).await;
    b.up(a.key()).await;
    a.send(b.key(), Lane::Bulk, [8]).await;
    assert_eq!(b.frame().await, (Lane::Bulk, vec![8]));
}

/// Two nodes that have only IPv6 addresses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_ipv6_alone_meet() {
    let on_ipv6 = |seed| Config {
        listen: vec![SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))],
        ..config(seed, NETWORK, limits())
    };
    let (mut a, mut b) = (Node::with(on_ipv6(1)).await, Node::with(on_ipv6(2)).await);
    assert!(a.address.is_ipv6() && b.address.is_ipv6());
    a.allow([b.contact()]).await;
    b.allow([a.contact()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    a.send(b.key(), Lane::Live, [6]).await;
    assert_eq!(b.frame().await, (Lane::Live, vec![6]));
}
