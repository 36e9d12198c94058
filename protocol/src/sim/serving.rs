//! Tests of serving peers: a single state, and frames that no honest node would send.

use super::{
    adversary::Conduct,
    events::MINUTE,
    stories::{
        agree, apply_input, commons, foreign, idle_world, mend, partition, registry_tag, send_frame, struck, wait,
        without_bodies,
    },
    world::World,
};
use crate::{
    bytes::{
        ids::{CircleId, DatabaseEpoch, EntryId, FeedKey, Incarnation, NodeKey},
        limits::{BODILESS, BULK_IN_FLIGHT, FRONTIER_LINES, INCARNATIONS, LINES_APART},
    },
    log::{
        body,
        entry::{FeedId, Header, Kind, Verified},
        feed::{FeedHead, FrontierEntry, Mark},
    },
    membership::circle::Circle,
    replication::{
        planted::Planted,
        replica::Bounds,
        sync::{
            Content, Effect, Input, Lane, Notice, Refusal, Step, Write,
            frame::{Blinded, Frame},
        },
    },
    store::{Store, staged::Staged},
};

/// Frames of a step to a peer.
fn sent(step: &Step, to: &NodeKey) -> Vec<Frame> {
    let frames = step.effects.iter().filter_map(|effect| match effect {
        Effect::Send { to: peer, frame, .. } if peer == to => Some(Frame::decode(frame).expect("ours")),
        _ => None,
    });
    frames.collect()
}

/// Reconnects one machine to another, which receives OPEN.
pub(super) fn open_anew(world: &mut World, from: usize, to: usize, epoch: DatabaseEpoch) {
    let peer = world.machines[from].name();
    apply_input(world, to, Input::Down(peer));
    apply_input(world, to, Input::Up(peer));
    let nonce = [1; 16];
    send_frame(world, from, to, &Frame::Open { format: 1, nonce, registry: registry_tag(world, &nonce), epoch });
}

/// Sends a frame on the wire between two machines.
fn deliver(world: &mut World, from: usize, to: usize, frame: &Frame) {
    let session = world.machines[from].session(&world.machines[to].name()).expect("connected");
    let route = (session.wire, from, to, Lane::Live);
    world.network.send(route, frame.encode(), world.now, &mut world.dice, &mut world.queue);
}

fn frontier(circle: CircleId, part: u64, is_last: bool, lines: Vec<FrontierEntry>) -> Frame {
    Frame::Frontier { circle, part, is_last, since: None, near: vec![], lines }
}

fn run(number: u64) -> Incarnation {
    Incarnation(number.to_be_bytes())
}

/// The first entries of fresh incarnations of machine 1's desk key.
fn swarm(world: &World, runs: impl Iterator<Item = u64>) -> Vec<Verified> {
    let one =
        |number| foreign(world, 1, |header| Header { feed: FeedId { run: run(number), ..header.feed }, ..header });
    runs.map(one).collect()
}

/// Makes a world in which machine 1 is the attacker's.
fn attacked(nodes: usize) -> World {
    let mut world = idle_world(nodes);
    world.machines[1].conduct = Conduct::Vandal;
    set_bounds(&mut world, Bounds { incarnations: INCARNATIONS.0, bodiless: BODILESS.0 });
    world
}

fn set_bounds(world: &mut World, bounds: Bounds) {
    world.plan.bounds = bounds;
    world.machines.iter_mut().for_each(|machine| {
        machine.state.as_mut().expect("on").replica_mut().set_bounds(bounds);
    });
}

/// A body is served to organisations of its circle only.
#[test]
fn a_body_is_served_to_nobody_outside_its_circle() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    world.write(0, &[own]).expect("it may");
    world.write(0, &[commons(&world)]).expect("it may");
    agree(&mut world);
    let [secret, common] = [world.ledger.saved[0].2, world.ledger.saved[1].2];
    let asker = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    assert_eq!(sent(&send_frame(&mut world, 1, 0, &Frame::Want(vec![secret])), &asker), []);
    let served = sent(&send_frame(&mut world, 1, 0, &Frame::Want(vec![secret, common])), &asker);
    let [Frame::Entries(items)] = &served[..] else { panic!("{served:?}") };
    assert_eq!(items.len(), 1, "what it may have it gets");
}

/// The request came before the entry: the body is not served then, either.
#[test]
fn a_body_that_comes_later_is_served_to_nobody_outside_its_circle_either() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    let machine = &world.machines[0];
    let members = machine.state.as_ref().expect("on").replica().members.clone();
    let key = machine.keys.device.author;
    let blank = foreign(&world, 0, |header| header).header().clone();
    let feed = FeedId { circle: own, key, run: run(7) };
    let (header, body) = body::clear_for(
        Header { feed, prev: members.role(&key).expect("certified").certificate, ..blank },
        b"ours alone",
    );
    let entry = crate::log::entry::sign(&world.registry, &machine.keys.author, header);
    let asker = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    assert_eq!(sent(&send_frame(&mut world, 1, 0, &Frame::Want(vec![entry.id()])), &asker), []);
    // A second device of the organisation would bring it. Here the node itself does.
    let me = world.machines[0].name();
    apply_input(&mut world, 0, Input::Up(me));
    let nonce = [2; 16];
    let open = Frame::Open { format: 1, nonce, registry: registry_tag(&world, &nonce), epoch: DatabaseEpoch([2; 16]) };
    send_frame(&mut world, 0, 0, &open);
    let frame = Frame::Entries(vec![(entry.envelope(), Some(body.bytes().to_vec()))]);
    let step = send_frame(&mut world, 0, 0, &frame);
    assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Arrived(_)))));
    assert_eq!(sent(&step, &asker), []);
}

/// Both sides once sent the same bytes when they were equal. A peer that held nothing could repeat them.
#[test]
fn nobody_passes_for_equal_by_repeating_our_circles() {
    let mut world = idle_world(3);
    world.write(0, &[commons(&world)]).expect("it may");
    agree(&mut world);
    let peer = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let ask = |circles: Vec<Blinded>| Frame::Hello { is_reply: false, control: [0; 16], circles, wanted: 0 };
    let answers = sent(&send_frame(&mut world, 1, 0, &ask(vec![])), &peer);
    let said = answers.iter().find_map(|frame| match frame {
        Frame::Hello { circles, control, .. } => Some((circles.clone(), *control)),
        _ => None,
    });
    let (circles, control) = said.expect("a question is answered");
    let step = send_frame(&mut world, 1, 0, &Frame::Hello { is_reply: false, control, circles, wanted: 0 });
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Equal(_)))));
    let replies = sent(&step, &peer);
    assert!(
        replies.iter().any(|frame| matches!(frame, Frame::Frontier { .. })),
        "it is told what it lacks: {replies:?}"
    );
    assert!(replies.iter().all(|frame| !matches!(frame, Frame::Want(_))));
}

/// An anchor with one database is worthless for another: a node neither refers to it, nor accepts a reference to it.
#[test]
fn what_was_agreed_on_with_a_database_is_not_believed_of_another() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let peer = world.machines[1].name();
    let held = world.machines[1].state.as_ref().expect("on").replica().circle(&circle).expect("all hold it");
    let agreed = *held.root().first_chunk().expect("32 bytes");
    open_anew(&mut world, 1, 0, DatabaseEpoch([77; 16]));
    let lines = Frame::Frontier { circle, part: 0, is_last: true, since: Some(agreed), near: vec![], lines: vec![] };
    let answers = sent(&send_frame(&mut world, 1, 0, &lines), &peer);
    assert!(answers.contains(&Frame::Full(circle)), "{answers:?}");
    let ours = answers.iter().find_map(|frame| match frame {
        Frame::Frontier { since, lines, .. } => Some((*since, lines.len())),
        _ => None,
    });
    assert_eq!(ours, Some((None, 1)), "all lines, referring to nothing");
    let again = sent(&send_frame(&mut world, 1, 0, &lines), &peer);
    assert!(!again.contains(&Frame::Full(circle)), "asked for once");
}

/// The number of lines was a fault. A peer that relayed another member's feeds was struck for it.
#[test]
fn many_lines_are_no_fault_and_take_no_room() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let peer = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    for part in 0..80_u64 {
        let line = |nth: u64| {
            let number = part * FRONTIER_LINES.0 as u64 + nth;
            FrontierEntry(FeedKey([3; 32]), run(number), 1 + number, Mark::of(&EntryId([4; 32])), None)
        };
        let lines = (0..FRONTIER_LINES.0 as u64).map(line).collect();
        let step = send_frame(&mut world, 1, 0, &frontier(circle, part, part == 79, lines));
        assert!(!struck(&step), "part {part}");
        let kept = world.machines[0].state.as_ref().expect("on").kept_for(&peer);
        assert!(kept <= LINES_APART.0 + 16, "{kept} things kept after {part} parts");
    }
}

/// Lines are ordered and each comes once: else a peer could have one line compared any number of times.
#[test]
fn lines_out_of_order_are_a_fault_and_a_part_out_of_turn_is_not() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    let line = |number| vec![FrontierEntry(FeedKey([3; 32]), run(number), 1, Mark::of(&EntryId([4; 32])), None)];
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    assert!(!struck(&send_frame(&mut world, 1, 0, &frontier(circle, 1, true, line(1)))), "its beginning was lost");
    assert!(!struck(&send_frame(&mut world, 1, 0, &frontier(circle, 0, false, line(5)))));
    assert!(!struck(&send_frame(&mut world, 1, 0, &frontier(circle, 0, false, line(5)))), "the same part again");
    assert!(struck(&send_frame(&mut world, 1, 0, &frontier(circle, 1, false, line(5)))));
    let unsorted = frontier(circle, 0, true, [line(2), line(1)].concat());
    assert!(Frame::decode(&unsorted.encode()).is_err());
}

/// All parts of a frontier left at once: a lane full of them ended the connection.
#[test]
fn a_frontier_leaves_part_by_part_as_there_is_room() {
    let mut world = attacked(3);
    let circle = commons(&world);
    set_bounds(&mut world, Bounds { incarnations: 100_000, bodiless: 1 });
    let parts = 6;
    let many = swarm(&world, 0..(parts * FRONTIER_LINES.0) as u64);
    let machine = &mut world.machines[0];
    let (mut staged, state) = (Staged::new(&machine.disk), machine.state.as_mut().expect("on"));
    for entry in many {
        state.replica_mut().accept(&mut staged, entry, None).expect("memory answers");
    }
    let batch = staged.into_batch();
    machine.disk.commit(&batch).expect("memory answers");
    let peer = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let mut frames = sent(&send_frame(&mut world, 1, 0, &frontier(circle, 0, false, vec![])), &peer);
    let at_once = frames.len();
    assert!(at_once <= BULK_IN_FLIGHT.0, "{at_once} frames at once");
    for _ in 0..2 * parts {
        let more = sent(&apply_input(&mut world, 0, Input::Written(peer)), &peer);
        assert!(more.len() <= 1, "one leaves when one has left");
        frames.extend(more);
    }
    let seen: Vec<_> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Frontier { part, is_last, lines, .. } => Some((*part, *is_last, lines.len())),
            _ => None,
        })
        .collect();
    let full = (0..parts as u64).map(|part| (part, part == parts as u64 - 1, FRONTIER_LINES.0)).collect::<Vec<_>>();
    assert_eq!(seen, full);
}

/// Machine 1 sends each of three nodes, while they are partitioned, other incarnations of its key, more than count.
fn swarmed(planted: Option<Planted>) -> World {
    let mut world = attacked(4);
    world.plan.planted = planted;
    world.machines.iter_mut().for_each(|machine| {
        machine.state.as_mut().expect("on").replica_mut().planted = planted;
    });
    partition(&mut world, &[(0, 1), (2, 2), (3, 3)]);
    let most = INCARNATIONS.0 as u64;
    for (at, runs) in [(0, 1_000..1_000 + most), (2, 900..900 + most + 200), (3, 1_100..1_100 + 2 * most)] {
        let entries = swarm(&world, runs);
        let peer = world.machines[1].name();
        apply_input(&mut world, at, Input::Up(peer));
        let nonce = [1; 16];
        let open =
            Frame::Open { format: 1, nonce, registry: registry_tag(&world, &nonce), epoch: DatabaseEpoch([1; 16]) };
        send_frame(&mut world, 1, at, &open);
        let step = send_frame(&mut world, 1, at, &without_bodies(&entries));
        assert!(!struck(&step));
        apply_input(&mut world, at, Input::Down(peer));
        let is_overrun = |effect: &&Effect| matches!(effect, Effect::Notice(Notice::Overrun { .. }));
        let expected = usize::from(entries.len() > INCARNATIONS.0);
        assert_eq!(step.effects.iter().filter(is_overrun).count(), expected, "once, at node {at}");
    }
    mend(&mut world);
    world
}

/// A member publishes endless feeds and sends each node others of them. Nobody is struck for relaying them, all end
/// with the same set, and each node reports whose key it is.
#[test]
fn a_swarm_of_feeds_parts_nobody_and_honest_nodes_strike_no_honest_node() {
    let mut world = swarmed(None);
    let (circle, most) = (commons(&world), INCARNATIONS.0 as u64);
    agree(&mut world);
    for at in [0, 2, 3] {
        let held = world.machines[at].state.as_ref().expect("on").replica().circle(&circle).expect("held");
        let runs: Vec<_> = held.incarnations(&world.machines[1].keys.device.desk).collect();
        assert_eq!(runs, (900..900 + most).map(run).collect::<Vec<_>>(), "node {at}");
    }
    // Afterwards the network is quiet, and displaced feeds are deleted from the disks.
    let before = world.network.frames;
    wait(&mut world, 180 * MINUTE);
    assert!(world.network.frames - before < 6 * 30, "{} frames", world.network.frames - before);
    assert!(world.machines.iter().all(|machine| !machine.state.as_ref().expect("on").replica().sheds()));
}

/// The simulator must find a planted fault: here the incarnations that came first count.
#[test]
fn incarnations_that_count_because_they_came_first_are_found() {
    let mut world = swarmed(Some(Planted::FirstComeCounts));
    wait(&mut world, 15 * MINUTE);
    let difference = world.difference().expect("no other promise is broken");
    assert!(difference.is_some_and(|detail| detail.contains("differs between nodes")));
}

/// Entries whose bodies the author withholds stop every node at the same entry; bodies that one node got spread, and
/// all continue up to the same entry.
#[test]
fn nodes_that_wait_for_bodies_wait_at_the_same_entry_and_go_on_together() {
    let mut world = attacked(4);
    let most = BODILESS.0 as u64;
    let (mut prev, mut chain) = (foreign(&world, 1, |header| header).header().prev, Vec::new());
    let (blank, body) = body::clear_for(foreign(&world, 1, |header| header).header().clone(), b"late");
    for seq in 1..=2 * most {
        let header = Header { seq, prev, ..blank.clone() };
        chain.push(crate::log::entry::sign(&world.registry, &world.machines[1].keys.desk, header));
        prev = chain[chain.len() - 1].id();
    }
    let line = |world: &World, at: usize| {
        world.machines[at].state.as_ref().expect("on").replica().head(&blank.feed).map(FeedHead::counted)
    };
    deliver(&mut world, 1, 0, &without_bodies(&chain));
    agree(&mut world);
    assert_eq!([0, 2, 3].map(|at| line(&world, at)), [Some(most); 3]);
    // Ten bodies arrive, at one node.
    let bodies = chain.iter().take(10).map(|entry| (entry.envelope(), Some(body.bytes().to_vec()))).collect();
    deliver(&mut world, 1, 2, &Frame::Entries(bodies));
    agree(&mut world);
    let wanted = |at: usize| world.machines[at].state.as_ref().expect("on").replica().wanted_len();
    assert_eq!([0, 2, 3].map(wanted), [BODILESS.0 - 10; 3]);
    deliver(&mut world, 1, 3, &without_bodies(&chain));
    agree(&mut world);
    assert_eq!([0, 2, 3].map(|at| line(&world, at)), [Some(most + 10); 3]);
}

/// A device with as many incarnations as count refuses to write entries that would not count, and reports it. Its
/// earlier entries stay, since a later incarnation is a larger one.
#[test]
fn a_device_that_began_anew_too_often_is_told_and_loses_nothing() {
    let mut world = idle_world(3);
    world.plan.rollbacks = 1;
    set_bounds(&mut world, Bounds { incarnations: 3, bodiless: 3 });
    let circle = commons(&world);
    for _ in 0..3 {
        world.write(0, &[circle]).expect("it may");
        agree(&mut world);
        let keys = world.machines[0].keys.feed_keys();
        world.machines[0].disk.commit(&crate::replication::sync::renew(&keys)).expect("memory answers");
        world.crash(0).expect("nothing is checked");
        agree(&mut world);
    }
    let root =
        |world: &World| world.machines[0].state.as_ref().expect("on").replica().circle(&circle).map(|held| held.root());
    let before = root(&world);
    let write = Write { token: 7, entries: vec![(circle, Content::Assertions(vec![1]))], seed: [5; 32] };
    let step = apply_input(&mut world, 0, Input::Write(write));
    let refused = Effect::Notice(Notice::Refused { token: 7, refusal: Refusal::Overrun });
    assert!(step.effects.contains(&refused), "{:?}", step.effects);
    assert_eq!(root(&world), before);
    let replica = world.machines[2].state.as_ref().expect("on").replica();
    assert_eq!(replica.circle(&circle).expect("held").incarnations(&world.machines[0].keys.device.desk).count(), 3);
}

/// Rosters requested repeatedly filled the control lane, and ended connections.
#[test]
fn roster_links_leave_as_there_is_room() {
    let mut world = idle_world(3);
    let peer = world.machines[1].name();
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let step = send_frame(&mut world, 1, 0, &Frame::Standing(vec![]));
    let frames = step.effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, lane, frame } if *to == peer => Frame::decode(frame).ok().map(|frame| (*lane, frame)),
        _ => None,
    });
    let links = |(lane, frame): &(Lane, Frame)| matches!(frame, Frame::Links(_)).then_some(*lane);
    let lanes: Vec<_> = frames.filter_map(|sent| links(&sent)).collect();
    assert_eq!(lanes, [Lane::Bulk; 3], "one frame for each of three rosters");
    // Requested again while they are being sent, they are sent once more, and never more than a few at once.
    let more =
        (0..50).map(|_| sent(&send_frame(&mut world, 1, 0, &Frame::Standing(vec![])), &peer).len()).sum::<usize>();
    assert!(more <= BULK_IN_FLIGHT.0, "{more} frames");
    let kept = world.machines[0].state.as_ref().expect("on").kept_for(&peer);
    assert!(kept <= 8, "{kept} things kept");
}

/// A fork is proven whatever the kinds of its entries.
#[test]
fn a_fork_between_kinds_is_a_fork() {
    let mut world = attacked(3);
    let first = foreign(&world, 1, |header| header);
    let other = foreign(&world, 1, |header| Header { kind: Kind(77), ..header });
    send_frame(&mut world, 1, 0, &without_bodies(&[first, other]));
    agree(&mut world);
    let held = world.machines[2].state.as_ref().expect("on").replica().circle(&commons(&world)).expect("held");
    assert!(held.lines().any(|(_, line)| matches!(line, FeedHead::Forked { at: 1, .. })));
}
