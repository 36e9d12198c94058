//! The inbox: frames are read and verified on other threads, in order for each peer, with fair turns among peers.
//!
//! ```text
//! events of all peers ─▶ a queue for each peer ─▶ a turn to verify ─▶ a turn to be handled ─▶ the runtime
//! ```
//!
//! The bytes of a peer on their way are bounded where they are read from the wire (`net`), so no queue here fills up
//! for other peers. Turns are given first come, first served, and a peer waits for one at a time. So a frame waits for
//! a few frames of another peer, never for all of them. A frame of many entries is handled in slices.

use std::{collections::BTreeMap, sync::Arc, thread};

use futures::{StreamExt, stream::FuturesOrdered};
use protocol::{
    bytes::ids::{NodeKey, RegistryId},
    replication::sync::frame::{self, Received},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinSet, spawn_blocking},
};

use super::Incoming;
use crate::net::{self, Event, INBOX_FRAMES, Room};

/// Number of frames of one peer that are verified concurrently; their order is kept.
const AHEAD: usize = 2;
/// Entries in a slice: between two slices other events have their turn.
const SLICE: usize = 512;
/// Capacity of the channel to the runtime, beyond the senders that wait.
const WAITING: usize = 1;

/// Starts verifying frames. The returned receiver ends after the events.
pub(super) fn verify(registry: RegistryId, events: mpsc::Receiver<Event>) -> mpsc::Receiver<Incoming> {
    // One core is left for the runtime's thread.
    let turns = thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1));
    let (verified, incoming) = mpsc::channel(WAITING);
    tokio::spawn(sort(Reader { registry, turns: Arc::new(Semaphore::new(turns)), verified }, events));
    incoming
}

#[derive(Clone)]
struct Reader {
    registry: RegistryId,
    turns: Arc<Semaphore>,
    verified: mpsc::Sender<Incoming>,
}

/// Dispatches each event to its peer's queue.
async fn sort(reader: Reader, mut events: mpsc::Receiver<Event>) {
    let mut queues: BTreeMap<NodeKey, mpsc::Sender<Event>> = BTreeMap::new();
    let mut peers = JoinSet::new();
    while let Some(event) = events.recv().await {
        let peer = match &event {
            Event::Listening(_) => continue,
            Event::Written { lane, .. } if *lane != net::Lane::Bulk => continue,
            Event::Up(peer) | Event::Down { peer, .. } => *peer,
            Event::Frame { from: peer, .. } | Event::Written { to: peer, .. } => *peer,
        };
        let queue = queues.entry(peer).or_insert_with(|| {
            let (queue, queued) = mpsc::channel(2 * INBOX_FRAMES);
            peers.spawn(read(reader.clone(), queued));
            queue
        });
        if queue.send(event).await.is_err() {
            return; // the runtime is gone
        }
    }
    drop(queues);
    while peers.join_next().await.is_some() {}
}

/// Verifies the frames of a peer and passes them on in order.
async fn read(reader: Reader, mut queued: mpsc::Receiver<Event>) {
    let mut working = FuturesOrdered::new();
    let mut open = true;
    while open || !working.is_empty() {
        tokio::select! {
            event = queued.recv(), if open && working.len() < AHEAD => match event {
                None => open = false,
                Some(event) => working.push_back(open_up(reader.clone(), event)),
            },
            Some((inputs, room)) = working.next(), if !working.is_empty() => {
                for input in inputs {
                    if reader.verified.send(input).await.is_err() {
                        return;
                    }
                }
                drop(room);
            }
        }
    }
}

/// Verifies an event. Returns its inputs to the runtime, and the room that it takes until they are handled.
async fn open_up(reader: Reader, event: Event) -> (Vec<Incoming>, Option<Room>) {
    match event {
        Event::Listening(_) => (vec![], None),
        Event::Up(peer) => (vec![Incoming::Up(peer)], None),
        Event::Down { peer, reason } => (vec![Incoming::Down(peer, reason)], None),
        Event::Written { to, .. } => (vec![Incoming::Written(to)], None),
        Event::Frame { from, frame, room, .. } => {
            let turn = reader.turns.acquire().await;
            let registry = reader.registry;
            let received = spawn_blocking(move || frame::receive(&registry, &frame)).await;
            drop(turn);
            let inputs = match received {
                Ok(Ok(received)) => slices(received).map(|slice| Incoming::Received(from, slice)).collect(),
                // A panic in the reader is our bug, but the bytes that caused it are the peer's.
                Ok(Err(_)) | Err(_) => vec![Incoming::Garbage(from)],
            };
            (inputs, Some(room))
        }
    }
}

/// Splits a frame into slices, in order; the last one holds the faults.
fn slices(received: Received) -> impl Iterator<Item = Received> {
    let (mut rest, last) = match received {
        Received::Entries { mut arrivals, faults, later } if arrivals.len() > SLICE => {
            let last = arrivals.split_off((arrivals.len() - 1) / SLICE * SLICE);
            (arrivals, Received::Entries { arrivals: last, faults, later })
        }
        whole => (vec![], whole),
    };
    let mut first = Vec::new();
    while !rest.is_empty() {
        let after = rest.split_off(rest.len().min(SLICE));
        first.push(Received::Entries { arrivals: std::mem::replace(&mut rest, after), faults: vec![], later: 0 });
    }
    first.into_iter().chain([last])
}

#[cfg(test)]
mod tests {
    use protocol::{bytes::ids::CircleId, replication::sync::frame::Frame};

    use super::*;

    const REGISTRY: RegistryId = RegistryId([1; 32]);

    fn frame(from: u8) -> Event {
        let frame = Frame::Done(CircleId([from; 16])).encode();
        Event::Frame { from: NodeKey([from; 32]), lane: net::Lane::Bulk, frame, room: Room::unlimited() }
    }

    fn from(incoming: &Incoming) -> u8 {
        match incoming {
            Incoming::Up(peer) | Incoming::Down(peer, _) | Incoming::Garbage(peer) | Incoming::Written(peer) => {
                peer.0[0]
            }
            Incoming::Received(peer, _) => peer.0[0],
        }
    }

    /// Regression: a frame of an honest member waited for all frames of a flood by another.
    #[tokio::test]
    async fn a_frame_waits_for_a_few_frames_of_another_peer_never_for_all_of_them() {
        let (events, happened) = mpsc::channel(1024);
        for _ in 0..500 {
            events.send(frame(1)).await.expect("there is room");
        }
        events.send(frame(2)).await.expect("there is room");
        let mut incoming = verify(REGISTRY, happened);
        let mut before = 0;
        while from(&incoming.recv().await.expect("all are to come")) != 2 {
            before += 1;
        }
        assert!(before < 16, "{before} frames of the flood came first");
        drop(events);
        let mut after = 0;
        while incoming.recv().await.is_some() {
            after += 1;
        }
        assert_eq!(before + after, 500, "none is lost");
    }

    #[tokio::test]
    async fn what_a_peer_sends_and_how_its_connection_goes_keeps_its_order() {
        let (events, happened) = mpsc::channel(64);
        let peer = NodeKey([3; 32]);
        events.send(Event::Up(peer)).await.expect("there is room");
        for nth in 0..20 {
            let frame = if nth % 3 == 0 { b"no frame".to_vec() } else { Frame::Done(CircleId([nth; 16])).encode() };
            let frame = Event::Frame { from: peer, lane: net::Lane::Bulk, frame, room: Room::unlimited() };
            events.send(frame).await.expect("there is room");
        }
        events.send(Event::Down { peer, reason: "gone".into() }).await.expect("there is room");
        drop(events);
        let mut incoming = verify(REGISTRY, happened);
        assert!(matches!(incoming.recv().await, Some(Incoming::Up(up)) if up == peer));
        for nth in 0..20 {
            match incoming.recv().await {
                Some(Incoming::Garbage(_)) => assert_eq!(nth % 3, 0),
                Some(Incoming::Received(_, Received::Plain(Frame::Done(circle)))) => assert_eq!(circle.0[0], nth),
                other => panic!("{other:?} in place of frame {nth}"),
            }
        }
        assert!(matches!(incoming.recv().await, Some(Incoming::Down(down, _)) if down == peer));
        assert!(incoming.recv().await.is_none());
    }
}
