//! Regression tests: each begins with the story of its bug.

mod broken_section;
mod charter;
mod grants;
mod hedge;
mod reading;
mod refused;

use super::{
    Plan,
    events::{Act, MINUTE, Moment},
    machine::Keys,
    run,
    view::Plain,
    world::World,
};
use crate::{
    bytes::{
        codec,
        ids::{BodyRoot, CircleId, DatabaseEpoch, EntryId, Incarnation},
        seal::{Entropy, Secret},
    },
    log::{
        entry::{self, Header, Kind, Verified},
        feed::{AnchoredEntry, FeedHead, FrontierEntry, Mark},
    },
    membership::{
        charter::roster::Link,
        circle::{
            Circle,
            grant::{self, Opening},
        },
    },
    replication::{
        replica::Bounds,
        sync::{
            Content, Effect, Input, Lane, Notice, Refusal, Step, Write,
            frame::{Frame, receive},
            runs,
        },
    },
    store::{Memory, Store, staged::Staged},
};

/// A world of honest nodes, each its own organisation up to five, in which nothing happens by itself.
pub(super) fn idle_world(nodes: usize) -> World {
    let plan = Plan { nodes, breaks: false, crashes_per_10_000: 0, ..Plan::plain(1) };
    let mut world = World::found(7, plan);
    world.faults_active = false;
    world.run_until(MINUTE).expect("they find each other");
    world
}

pub(super) fn commons(world: &World) -> CircleId {
    Circle::Commons.id(&world.registry)
}

pub(super) fn wait(world: &mut World, time: Moment) {
    world.run_until(world.now + time).expect("no promise is broken");
}

pub(super) fn agree(world: &mut World) {
    wait(world, 5 * MINUTE);
    match world.difference().and_then(|difference| world.shown().map(|()| difference)) {
        Ok(None) => {}
        Ok(Some(difference)) => panic!("{difference}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// Cuts the wires between parties in different partitions and keeps them disconnected.
pub(super) fn partition(world: &mut World, parts: &[(usize, u64)]) {
    world.network.parts = parts.iter().copied().collect();
    let wires: Vec<_> = world.network.wires.iter().map(|(wire, found)| (*wire, found.ends)).collect();
    for (wire, (a, b)) in wires {
        if world.network.are_apart(a, b) {
            world.network.cut(wire, world.now, &mut world.dice, &mut world.queue);
        }
    }
    wait(world, 5_000);
}

/// Starts an older image of a machine, which does not know it is one.
pub(super) fn roll_back(world: &mut World, at: usize, image: Memory) {
    world.machines[at].disk = image;
    world.machines[at].watch = super::invariants::Watch::default();
    let machine = &world.machines[at];
    world.ledger.forget(at, machine);
    world.crash(at).expect("nothing is checked");
}

/// Grants a circle of the first machine to all machines, and waits until they hold it.
pub(super) fn open(world: &mut World, opening: &Opening) -> CircleId {
    let mut entropy = Entropy::new(world.dice.bytes());
    let readers: Vec<_> = world.machines.iter().map(|machine| &machine.keys.device.reading).collect();
    let author = world.machines[0].keys.reading.expand();
    let grant = grant::seal(&world.registry, std::slice::from_ref(opening), &readers, &author, &mut entropy);
    let entries = vec![(commons(world), Content::Grant(grant))];
    let write = Write { token: 1, entries, seed: world.dice.bytes() };
    world.feed(0, Input::Write(write)).expect("it may");
    agree(world);
    opening.circle.id(&world.registry)
}

pub(super) fn opening(world: &mut World) -> Opening {
    let mut entropy = Entropy::new(world.dice.bytes());
    let orgs: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    Opening::fresh(Circle::named(world.machines[0].org, &orgs, &mut entropy), &mut entropy)
}

pub(super) fn mend(world: &mut World) {
    world.act(Act::Mend).expect("nothing is written");
}

/// Gives a machine an input and returns the step, without carrying out its effects.
pub(super) fn apply_input(world: &mut World, at: usize, input: Input) -> Step {
    let machine = &mut world.machines[at];
    let tick = machine.clock.tick(world.now);
    let step = machine.state.as_mut().expect("it is on").handle(&machine.disk, input, tick).expect("memory answers");
    machine.disk.commit(&step.persist).expect("memory answers");
    step
}

pub(super) fn send_frame(world: &mut World, from: usize, to: usize, frame: &Frame) -> Step {
    let received = receive(&world.registry, &frame.encode()).expect("a frame");
    let peer = world.machines[from].name();
    apply_input(world, to, Input::Received(peer, received))
}

pub(super) fn struck(step: &Step) -> bool {
    step.effects
        .iter()
        .any(|effect| matches!(effect, Effect::Notice(Notice::Struck { .. }) | Effect::Disconnect { .. }))
}

/// The incarnation of a machine's desk key, as on its disk.
pub(super) fn desk_incarnation(world: &World, at: usize) -> Option<Incarnation> {
    let machine = &world.machines[at];
    let key = machine.keys.device.desk;
    runs(&machine.disk, &[key]).expect("memory answers").get(&key).copied()
}

/// A first entry in the commons by a machine's desk key, unknown to its own core.
pub(super) fn foreign(world: &World, at: usize, edit: impl Fn(Header) -> Header) -> Verified {
    let machine = &world.machines[at];
    let members = &machine.state.as_ref().expect("it is on").replica().members;
    let key = machine.keys.device.desk;
    let header = Header {
        feed: entry::FeedId { circle: commons(world), key, run: Incarnation([9; 8]) },
        seq: 1,
        prev: members.role(&key).expect("certified").certificate,
        charter: members.charter(),
        kind: Kind::ASSERTIONS,
        body_root: BodyRoot([1; 32]),
        body_len: 600,
    };
    entry::sign(&world.registry, &machine.keys.desk, edit(header))
}

pub(super) fn without_bodies(entries: &[Verified]) -> Frame {
    Frame::Entries(entries.iter().map(|entry| (entry.envelope(), None)).collect())
}

#[test]
fn nothing_new_costs_two_messages_and_less_than_640_bytes() {
    let mut world = idle_world(3);
    for at in 0..3 {
        world.write(at, &[commons(&world)]).expect("it may");
    }
    agree(&mut world);
    let (a, b) = (world.machines[0].name(), world.machines[1].name());
    let (asks, answers) = if a < b { (0, 1) } else { (1, 0) };
    let wake = world.machines[asks].clock.tick(world.now + 120 * MINUTE);
    let machine = &mut world.machines[asks];
    let step = machine.state.as_mut().expect("on").handle(&machine.disk, Input::Tick, wake).expect("memory answers");
    let to_b = |step: &Step, to| {
        let sent = step.effects.iter().filter_map(|effect| match effect {
            Effect::Send { to: peer, frame, .. } if *peer == to => Some(frame.clone()),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let (asker, answerer) = (world.machines[asks].name(), world.machines[answers].name());
    let asked = to_b(&step, answerer);
    assert_eq!(asked.len(), 1, "one question");
    let received = receive(&world.registry, &asked[0]).expect("a frame");
    let answered = to_b(&apply_input(&mut world, answers, Input::Received(asker, received)), asker);
    assert_eq!(answered.len(), 1, "one answer");
    let received = receive(&world.registry, &answered[0]).expect("a frame");
    let rest = apply_input(&mut world, asks, Input::Received(answerer, received));
    assert_eq!(to_b(&rest, answerer).len(), 0, "and that is all");
    let bytes = asked[0].len() + answered[0].len();
    assert!(bytes <= 640, "{bytes} bytes");
}

/// A machine image was rolled back unnoticed. The node received its own later entry from a peer and retired the
/// incarnation, but only in memory; a restart before the next write used the incarnation again and forked the feed.
#[test]
fn a_run_given_up_is_given_up_after_a_restart_too() {
    let mut world = idle_world(3);
    world.plan.rollbacks = 1;
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let image = world.machines[0].disk.clone();
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    partition(&mut world, &[(1, 1)]);
    world.write(0, &[circle]).expect("it may");
    wait(&mut world, 2 * MINUTE);
    // Only node 2 has the third entry; the image has the first one; node 1 sends the second.
    partition(&mut world, &[(2, 1)]);
    roll_back(&mut world, 0, image);
    wait(&mut world, 5 * MINUTE);
    assert_eq!(desk_incarnation(&world, 0), None, "the run is given up on the disk");
    world.crash(0).expect("nothing is checked");
    wait(&mut world, 5 * MINUTE);
    world.write(0, &[circle]).expect("it may");
    mend(&mut world);
    agree(&mut world);
    let state = world.machines[1].state.as_ref().expect("on");
    assert!(state.replica().circle(&circle).expect("held").lines().all(|(_, line)| !line.is_forked()));
}

/// OPEN travels on one lane and live entries on another. A node whose live entry overtook its OPEN was struck.
#[test]
fn a_live_entry_that_overtakes_open_is_no_fault() {
    let mut world = idle_world(3);
    let entry = foreign(&world, 1, |header| header);
    let peer = world.machines[1].name();
    apply_input(&mut world, 0, Input::Down(peer));
    apply_input(&mut world, 0, Input::Up(peer));
    assert!(!struck(&send_frame(&mut world, 1, 0, &without_bodies(&[entry]))));
}

/// A new device's entries came before its certificate and were recorded as a permanent difference; when the certificate
/// came, the roots were unchanged, and the nodes stopped comparing.
#[test]
fn entries_that_overtake_their_authors_certificate_are_taken_in_later() {
    for seed in 0..40 {
        let plan = Plan { nodes: 3, joins: true, breaks: false, crashes_per_10_000: 0, ..Plan::plain(seed) };
        let mut world = World::found(seed, plan);
        world.faults_active = false;
        wait(&mut world, MINUTE);
        let (joiner, sponsor) = (2, usize::from(world.machines[2].org == world.machines[1].org));
        partition(&mut world, &[(1 - sponsor, 1)]);
        world.act(Act::Join).expect("someone certifies it");
        wait(&mut world, 2 * MINUTE);
        world.write(joiner, &[commons(&world)]).expect("it may");
        wait(&mut world, MINUTE);
        // Entries and certificate reach the other node by one wire only, on two lanes.
        partition(&mut world, &[(joiner, 1)]);
        world.redial(0, 1, 0, 10);
        agree(&mut world);
    }
}

/// A roster froze below a device. Nodes that had accepted the device's entries went on counting them, the others never
/// accepted them, and they never agreed. The device's node also stayed connected and was served.
#[test]
fn a_roster_that_freezes_ends_what_its_device_wrote_everywhere() {
    let plan = Plan { nodes: 5, joins: true, breaks: false, crashes_per_10_000: 0, ..Plan::plain(3) };
    let mut world = World::found(3, plan);
    world.faults_active = false;
    wait(&mut world, MINUTE);
    world.act(Act::Join).expect("someone certifies it");
    wait(&mut world, 2 * MINUTE);
    partition(&mut world, &[(0, 1)]);
    world.write(4, &[commons(&world)]).expect("it may");
    wait(&mut world, 2 * MINUTE);
    world.act(Act::ForkRoster).expect("its root signs twice");
    mend(&mut world);
    agree(&mut world);
    let joiner = world.machines[4].name();
    assert!((0..4).all(|at| world.machines[at].session(&joiner).is_none()), "it is served no more");
    world.crash(1).expect("nothing is checked");
    agree(&mut world);
}

/// Two chains of roster links diverged two links below their ends: each side sent its last link, neither fitted, and
/// the rosters stayed different.
#[test]
fn rosters_that_part_far_below_their_heads_freeze_where_they_part() {
    let mut world = idle_world(3);
    partition(&mut world, &[(1, 1), (2, 2)]);
    for (at, links) in [(1, 3), (2, 2)] {
        let mut roster = world.organisations[0].roster.clone();
        for _ in 0..links {
            let device = Keys::new(&mut world.dice).serving(&world.organisations[0].id);
            let link = Link::certify(&world.organisations[0].root, Some(&roster), &device);
            roster.take(link.clone()).expect("it follows");
            world.feed(at, Input::Link(Box::new(link))).expect("no promise is broken");
        }
    }
    // The first node, which has neither chain, takes no part.
    partition(&mut world, &[(0, 1)]);
    world.redial(1, 2, 0, 10);
    wait(&mut world, 5 * MINUTE);
    let (id, pinned) = (world.organisations[0].id, world.organisations[0].roster.head());
    for at in [1, 2] {
        let members = &world.machines[at].state.as_ref().expect("on").replica().members;
        let standing = members.roster(&id).expect("a member").state();
        assert!(standing.frozen && standing.head == pinned, "{standing:?}");
    }
    mend(&mut world);
    agree(&mut world);
}

/// The only node that had a body got it after the request. It forgot the request, its number of missing bodies did not
/// change, and nobody requested it again.
#[test]
fn a_body_asked_for_in_vain_is_sent_when_it_comes() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    partition(&mut world, &[(2, 1)]);
    world.write(0, &[circle]).expect("it may");
    wait(&mut world, MINUTE);
    let (_, _, id) = world.ledger.saved[0];
    let source = world.machines[0].state.as_ref().expect("on").replica().clone();
    let staged = Staged::new(&world.machines[0].disk);
    let (feed, seq) = source.place(&staged, &id).expect("memory answers").expect("counted");
    let entry = source.entry(&staged, &feed, seq).expect("memory answers").expect("counted");
    let body = source.body(&staged, &id).expect("memory answers").expect("here");
    let asker = world.machines[1].name();
    apply_input(&mut world, 2, Input::Up(asker));
    let (nonce, epoch) = ([1; 16], DatabaseEpoch([1; 16]));
    let open = Frame::Open { format: 1, nonce, registry: registry_tag(&world, &nonce), epoch };
    send_frame(&mut world, 1, 2, &open);
    send_frame(&mut world, 1, 2, &Frame::Want(vec![id]));
    let frame = Frame::Entries(vec![(entry.envelope(), Some(body.bytes().to_vec()))]);
    let step = send_frame(&mut world, 1, 2, &frame);
    let is_served = |effect: &Effect| match effect {
        Effect::Send { to, lane: Lane::Bulk, frame: sent } => *to == asker && *sent == frame.encode(),
        _ => false,
    };
    assert!(step.effects.iter().any(is_served));
}

pub(super) fn registry_tag(world: &World, nonce: &[u8; 16]) -> [u8; 8] {
    let hash = crate::bytes::seal::hash("habeas 1 registry tag", &[&world.registry.0, nonce]);
    *hash.first_chunk().expect("a hash has 32 bytes")
}

/// A peer outside a circle sent an entry of it that did not fit, and was answered with marks of the circle's chain.
#[test]
fn nobody_outside_a_circle_learns_from_it_by_speaking_of_it() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    world.write(0, &[own]).expect("it may");
    agree(&mut world);
    let keys = &world.machines[0].keys;
    let run = runs(&world.machines[0].disk, &[keys.device.author]).expect("memory answers")[&keys.device.author];
    let feed = entry::FeedId { circle: own, key: keys.device.author, run };
    let header = foreign(&world, 0, |header| header).header().clone();
    let entry = entry::sign(&world.registry, &keys.author, Header { feed, seq: 2, ..header });
    let step = send_frame(&mut world, 1, 0, &without_bodies(&[entry]));
    assert!(struck(&step));
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Send { .. })));
    assert!(step.persist.is_empty());
}

/// A frontier is not signed. A liar named a number beyond the victim's last entry, and the victim began a new
/// incarnation for every entry it wrote: one lie, one more feed for everybody, for ever.
#[test]
fn a_claim_about_our_own_feed_is_believed_only_with_its_entries() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let run = desk_incarnation(&world, 0).expect("it wrote");
    let key = world.machines[0].keys.device.desk;
    let lines = vec![FrontierEntry(key, run, 40, Mark::of(&EntryId([5; 32])), None)];
    let frame = Frame::Frontier { circle, part: 0, is_last: true, since: None, near: vec![], lines }.encode();
    let session = world.machines[1].session(&world.machines[0].name()).expect("connected");
    let route = (session.wire, 1, 0, Lane::Bulk);
    world.network.send(route, frame, world.now, &mut world.dice, &mut world.queue);
    wait(&mut world, MINUTE);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    assert_eq!(desk_incarnation(&world, 0), Some(run));
}

/// A pair with an anchor names feeds by their places. A place beyond the anchor's feeds is a strike; for a root that
/// was never agreed on, the full frontier is requested.
#[test]
fn a_place_beyond_what_was_agreed_on_is_a_strike_and_a_root_never_agreed_on_is_answered_by_full() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let held = world.machines[1].state.as_ref().expect("on").replica().circle(&circle).expect("all hold it").clone();
    let feeds = held.lines().count() as u64;
    let frontier = |since: [u8; 16], place| {
        let near = vec![AnchoredEntry(place, 1, Mark::of(&EntryId([5; 32])), None)];
        Frame::Frontier { circle, part: 0, is_last: true, since: Some(since), near, lines: vec![] }
    };
    let agreed = *held.root().first_chunk().expect("32 bytes");
    assert!(!struck(&send_frame(&mut world, 1, 0, &frontier(agreed, feeds - 1))));
    assert!(struck(&send_frame(&mut world, 1, 0, &frontier(agreed, feeds))));
    assert!(struck(&send_frame(&mut world, 1, 0, &frontier(agreed, u64::MAX))));
    let step = send_frame(&mut world, 1, 0, &frontier([9; 16], 0));
    assert!(!struck(&step));
    let full = Frame::Full(circle).encode();
    assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Send { frame, .. } if *frame == full)));
}

/// A steward granted its circle a second time with another secret. The node kept the first one in memory and the second
/// one on its disk: after a restart it and its peers no longer recognised each other's circle.
#[test]
fn a_second_grant_does_not_change_a_circles_secret() {
    let mut world = idle_world(3);
    let first = opening(&mut world);
    let second = Opening { secret: Secret::new([8; 32]), ..first.clone() };
    let id = open(&mut world, &first);
    open(&mut world, &second);
    for at in 0..3 {
        world.crash(at).expect("nothing is checked");
    }
    agree(&mut world);
    for machine in &world.machines {
        let held = machine.state.as_ref().expect("on").replica().circle(&id).expect("granted").clone();
        assert_eq!(held.secret, first.secret);
    }
}

/// The outcome of a first entry with a wrong parent depended on whether the feed had entries already.
#[test]
fn a_first_entry_with_a_strange_parent_never_counts_whatever_is_known() {
    let mut world = idle_world(3);
    let strange = foreign(&world, 1, |header| Header { prev: EntryId([7; 32]), ..header });
    let sound = foreign(&world, 1, |header| header);
    assert!(struck(&send_frame(&mut world, 1, 0, &without_bodies(std::slice::from_ref(&strange)))));
    assert!(!struck(&send_frame(&mut world, 1, 2, &without_bodies(&[sound]))));
    assert!(struck(&send_frame(&mut world, 1, 2, &without_bodies(&[strange]))));
}

/// The end of an exchange about one circle released writes in another, whose exchange was still running: a rolled-back
/// node forked its feed there.
#[test]
fn a_writing_waits_until_a_peer_has_told_everything() {
    let mut world = idle_world(3);
    world.plan.rollbacks = 1;
    let opening = opening(&mut world);
    let mut circles = [open(&mut world, &opening), commons(&world)];
    circles.sort_unstable();
    world.write(0, &circles).expect("it may");
    agree(&mut world);
    let image = world.machines[0].disk.clone();
    // The circle compared first has another node's news, and the node's own lost entry is in the other circle.
    world.write(1, &circles[..1]).expect("it may");
    world.write(0, &circles[1..]).expect("it may");
    agree(&mut world);
    roll_back(&mut world, 0, image);
    while world.machines[0].sessions.is_empty() {
        wait(&mut world, 10);
    }
    world.write(0, &circles[1..]).expect("it may");
    agree(&mut world);
    let replica = world.machines[1].state.as_ref().expect("on").replica();
    let mut lines = circles.iter().flat_map(|circle| replica.circle(circle).expect("held").lines());
    assert!(lines.all(|(_, line)| !line.is_forked()));
}

/// Two organisations' roots certified one key, and its holder had signed for both. The first one received decided whose
/// the key was: nodes judged the same entries differently and struck each other for them.
#[test]
fn a_key_that_two_organisations_certify_is_nobodys_everywhere() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    partition(&mut world, &[(2, 1)]);
    let thief = &world.organisations[1];
    let mut keys = Keys::new(&mut world.dice);
    keys.signers.desk = world.machines[0].keys.desk.clone();
    let link = Link::certify(&thief.root, Some(&thief.roster), &keys.serving(&thief.id));
    world.machines[0].uncertified = true;
    world.feed(2, Input::Link(Box::new(link))).expect("no promise is broken");
    world.write(0, &[circle]).expect("it may still");
    mend(&mut world);
    agree(&mut world);
    let replica = |at: usize| world.machines[at].state.as_ref().expect("on").replica();
    assert!((0..3).all(|at| replica(at).circle(&circle).expect("held").lines().count() == 0));
}

/// A fork far below the ends of two long chains is found by bisection, not by sending the chains.
#[test]
fn a_fork_far_below_is_found_in_a_few_rounds() {
    let mut world = idle_world(3);
    world.plan.rollbacks = 1;
    world.machines[0].conduct = super::adversary::Conduct::Forker;
    let circle = commons(&world);
    world.write(0, &vec![circle; 37]).expect("it may");
    agree(&mut world);
    let image = world.machines[0].disk.clone();
    partition(&mut world, &[(2, 1)]);
    world.write(0, &vec![circle; 400]).expect("it may");
    wait(&mut world, MINUTE);
    partition(&mut world, &[(1, 1)]);
    roll_back(&mut world, 0, image);
    wait(&mut world, 3 * MINUTE);
    world.write(0, &vec![circle; 500]).expect("it may");
    wait(&mut world, MINUTE);
    partition(&mut world, &[(0, 1)]);
    let frames = world.network.frames;
    world.redial(1, 2, 0, 10);
    agree(&mut world);
    for at in [1, 2] {
        let replica = world.machines[at].state.as_ref().expect("on").replica();
        let lines: Vec<_> = replica.circle(&circle).expect("held").lines().map(|(_, line)| *line).collect();
        assert!(matches!(lines[..], [FeedHead::Forked { at: 38, .. }]), "{lines:?}");
    }
    assert!(world.ledger.probes <= 8, "{} probes", world.ledger.probes);
    assert!(world.network.frames - frames < 60, "{} frames", world.network.frames - frames);
}

/// A frontier longer than a frame is sent in parts and complete with its last part.
#[test]
fn a_frontier_of_several_frames_is_one_frontier() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.machines.iter_mut().for_each(|machine| {
        machine.state.as_mut().expect("on").replica_mut().set_bounds(Bounds { incarnations: 2_500, bodiless: 1 });
    });
    partition(&mut world, &[(1, 1), (2, 2)]);
    let entries: Vec<_> = (0..2_500_u64)
        .map(|run| {
            foreign(&world, 0, |header| {
                let run = Incarnation(run.to_be_bytes());
                Header { feed: entry::FeedId { run, ..header.feed }, ..header }
            })
        })
        .collect();
    for at in [0, 1] {
        let machine = &mut world.machines[at];
        let (mut staged, state) = (Staged::new(&machine.disk), machine.state.as_mut().expect("on"));
        for entry in entries.iter().skip(at * 100) {
            state.replica_mut().accept(&mut staged, entry.clone(), None).expect("memory answers");
        }
        let batch = staged.into_batch();
        machine.disk.commit(&batch).expect("memory answers");
    }
    mend(&mut world);
    agree(&mut world);
    let replica = world.machines[2].state.as_ref().expect("on").replica();
    assert_eq!(replica.circle(&circle).expect("held").lines().count(), 2_500);
}

/// A permanent difference (here one node refuses an entry; in practice, a newer version's suite). Each side took the
/// other's exchange for a change and started the next one: the pair exchanged frames every two seconds, for ever.
#[test]
fn a_difference_that_cannot_be_settled_is_named_once_and_then_there_is_quiet() {
    let mut world = idle_world(3);
    world.plan.trail = 100_000;
    let circle = commons(&world);
    partition(&mut world, &[(1, 1)]);
    world.write(0, &[circle, circle]).expect("it may");
    wait(&mut world, MINUTE);
    let (_, _, refused) = world.ledger.saved[0];
    world.machines[1].state.as_mut().expect("on").remembered.insert(refused);
    mend(&mut world);
    wait(&mut world, 10 * MINUTE);
    let failure = world.failure(1, (super::Invariant::I2, String::new()));
    for node in [0, 2] {
        let notice = format!(" {node}: Unequal");
        assert_eq!(failure.trail.iter().filter(|line| line.contains(&notice)).count(), 1, "node {node}");
    }
    let before = world.network.frames;
    wait(&mut world, 180 * MINUTE);
    let frames = world.network.frames - before;
    assert!(frames <= 3 * 24, "{frames} frames on three wires in three hours");
}

/// An exchange was judged by the root at its end. Entries of a third node that arrived meanwhile were in that root and
/// in no exchange, and the pair took the difference for a permanent one.
#[test]
fn what_a_third_node_tells_during_an_exchange_is_told_on() {
    assert_eq!(run(113, Plan::full(113)).map(|totals| totals.seeds), Ok(1));
    for seed in 0..60 {
        let plan = Plan { nodes: 4, breaks: false, crashes_per_10_000: 0, ..Plan::plain(seed) };
        let mut world = World::found(seed, plan);
        world.faults_active = false;
        wait(&mut world, MINUTE);
        let circle = commons(&world);
        partition(&mut world, &[(0, 0), (1, 1), (2, 2), (3, 3)]);
        (0..4).for_each(|at| world.write(at, &[circle]).expect("it may"));
        wait(&mut world, MINUTE);
        mend(&mut world);
        agree(&mut world);
    }
}

/// A body of the simulator decodes to the note it was encoded from.
#[test]
fn a_note_survives_its_encoding() {
    let plain = Plain(vec![EntryId([1; 32])], 5, 6);
    assert_eq!(codec::decode("note", &codec::encode(&plain), 1_000), Ok(plain));
}

/// A mutant whose lock kept the keys of epochs passed every test, and so would one that wrote the waiting writes.
#[test]
fn a_locked_core_has_no_key_to_read_or_write_with_and_forgets_what_waited() {
    let mut world = idle_world(2);
    let id = commons(&world);
    let state = world.machines[0].state.as_mut().expect("it is on");
    assert!(!state.epochs(&id).is_empty() && state.chain(&Circle::Commons).is_some());
    state.lock();
    let own = Circle::Own(state.organisation());
    for circle in [Circle::Commons, own] {
        let id = state.circle_of(&circle);
        assert!(state.epochs(&id).is_empty() && state.chain(&circle).is_none(), "{circle:?}");
    }
    let write = |token| Write { token, entries: vec![(id, Content::Assertions(vec![1]))], seed: [5; 32] };
    let refused = |step: &Step| {
        step.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Notice(Notice::Refused { refusal: Refusal::Locked, .. })))
    };
    let step = apply_input(&mut world, 0, Input::Write(write(1)));
    assert!(refused(&step) && step.persist.is_empty(), "{step:?}");

    // A core that has just started waits for a peer's view of its feeds before it signs, and is locked meanwhile.
    world.machines[1].start(&mut world.dice, (None, world.plan.bounds)).expect("memory answers");
    let step = apply_input(&mut world, 1, Input::Write(write(2)));
    assert!(step.persist.is_empty() && !refused(&step), "it waits: {step:?}");
    let machine = &mut world.machines[1];
    machine.state.as_mut().expect("it is on").lock();
    let due = machine.state.as_ref().expect("it is on").due().expect("it waits until then");
    let step =
        machine.state.as_mut().expect("it is on").handle(&machine.disk, Input::Tick, due).expect("memory answers");
    assert!(step.persist.is_empty(), "what waited is not written: {step:?}");
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Saved { .. }))));
}
