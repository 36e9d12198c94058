//! Regression tests of refusals: when a connection begins, after it has ended, and of writes that would not count.

use super::*;
use crate::{
    bytes::{
        ids::NodeKey,
        limits::{BODY_BYTES, STRIKES, WANTS, WANTS_IN_FLIGHT},
    },
    replication::sync::frame::{FORMAT, Fault},
    sim::serving::open_anew,
};

/// A connection from machine 1 to machine 0 stands, and nothing was said on it.
fn silent(world: &mut World) -> NodeKey {
    let peer = world.machines[1].name();
    apply_input(world, 0, Input::Down(peer));
    apply_input(world, 0, Input::Up(peer));
    peer
}

fn severed(step: &Step, peer: NodeKey) -> bool {
    let severs = |effect: &Effect| matches!(effect, Effect::Disconnect { peer: found, .. } if *found == peer);
    step.effects.iter().any(severs)
}

fn is_met(world: &World, peer: &NodeKey) -> bool {
    world.machines[0].state.as_ref().expect("on").peers().any(|(met, _)| met == peer)
}

/// HELLOs of a step to a peer: control root and number of circles.
fn hellos(step: &Step, peer: NodeKey) -> Vec<([u8; 16], usize)> {
    let sent = step.effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, frame, .. } if *to == peer => Frame::decode(frame).ok(),
        _ => None,
    });
    let hello = |frame| match frame {
        Frame::Hello { control, circles, .. } => Some((control, circles.len())),
        _ => None,
    };
    sent.filter_map(hello).collect()
}

fn question() -> Frame {
    Frame::Hello { is_reply: false, control: [0; 16], circles: vec![], wanted: 0 }
}

/// Nothing is told to who does not know the registry's name, speaks another format, or opens twice to have the nonces of its
/// liking.
#[test]
fn a_connection_is_opened_once_in_our_format_and_for_our_registry() {
    let nonce = [1; 16];
    let open = |world: &World, format, registry: Option<[u8; 8]>| {
        let registry = registry.unwrap_or_else(|| registry_tag(world, &nonce));
        Frame::Open { format, nonce, registry, epoch: DatabaseEpoch([1; 16]) }
    };
    let mut world = idle_world(3);
    let peer = silent(&mut world);
    for (format, registry) in [(FORMAT + 1, None), (FORMAT, Some([9; 8]))] {
        let frame = open(&world, format, registry);
        let step = send_frame(&mut world, 1, 0, &frame);
        assert!(severed(&step, peer) && hellos(&step, peer).is_empty(), "{:?}", step.effects);
        assert!(!is_met(&world, &peer));
        assert!(send_frame(&mut world, 1, 0, &question()).effects.is_empty(), "it is not answered any more");
        silent(&mut world);
    }
    let frame = open(&world, FORMAT, None);
    assert!(!severed(&send_frame(&mut world, 1, 0, &frame), peer));
    assert!(severed(&send_frame(&mut world, 1, 0, &frame), peer), "it has opened already");
    assert!(!is_met(&world, &peer));
}

/// The transport takes a moment to close. What still comes meanwhile is from nobody.
#[test]
fn whoever_was_struck_too_often_is_heard_no_more_at_once() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let peer = world.machines[1].name();
    for strike in 1..=STRIKES.0 {
        assert!(is_met(&world, &peer));
        let step = apply_input(&mut world, 0, Input::Garbage(peer));
        assert_eq!(severed(&step, peer), strike == STRIKES.0);
    }
    assert!(!is_met(&world, &peer));
    let entry = foreign(&world, 1, |header| header);
    for frame in [question(), without_bodies(&[entry])] {
        let step = send_frame(&mut world, 1, 0, &frame);
        assert!(step.persist.is_empty() && step.effects.is_empty(), "{:?}", step.effects);
    }
}

/// A HELLO of one connection must not count on another: whoever recorded it would pass for up to date.
#[test]
fn the_same_state_is_said_in_other_words_on_every_connection() {
    let mut world = idle_world(3);
    for (from, to) in [(1, 0), (0, 1)] {
        let peer = world.machines[from].name();
        let said = [(); 2].map(|()| {
            open_anew(&mut world, from, to, DatabaseEpoch([1; 16]));
            hellos(&send_frame(&mut world, from, to, &question()), peer)[0].0
        });
        // The peer's nonce is the same both times; ours is not.
        assert_ne!(said[0], said[1]);
    }
}

/// How many circles a node shares with others is told to nobody.
#[test]
fn a_hello_has_as_many_circles_whatever_we_share_with_others() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let peer = world.machines[1].name();
    let before = hellos(&send_frame(&mut world, 1, 0, &question()), peer);
    let (ours, third) = (world.machines[0].org, world.machines[2].org);
    let mut entropy = Entropy::new([1; 32]);
    for _ in 0..before[0].1 {
        let opening = Opening::fresh(Circle::named(ours, &[third], &mut entropy), &mut entropy);
        apply_input(&mut world, 0, Input::Hold(opening));
    }
    let after = hellos(&send_frame(&mut world, 1, 0, &question()), peer);
    assert_eq!(before[0].1, after[0].1);
}

/// All circles may be equal while the rosters are not: then nothing is equal yet.
#[test]
fn peers_with_other_rosters_are_not_equal_whatever_their_circles_say() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let step = send_frame(&mut world, 1, 0, &question());
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Equal(_)))));
    let peer = world.machines[1].name();
    let state = world.machines[0].state.as_ref().expect("on");
    assert_eq!(state.peers().find(|(met, _)| **met == peer).map(|(_, is_equal)| is_equal), Some(false));
}

#[test]
fn a_roster_link_that_is_no_link_is_a_strike() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let organisation = &world.organisations[1];
    let device = Keys::new(&mut world.dice).serving(&organisation.id);
    let link = Link::certify(&organisation.root, Some(&organisation.roster), &device);
    let mut spoilt = link.envelope().to_vec();
    *spoilt.last_mut().expect("a signature") ^= 1;
    let peer = world.machines[1].name();
    for (bytes, fault) in [(spoilt, Fault::BadSignature), (b"rubbish".to_vec(), Fault::Malformed)] {
        let step = send_frame(&mut world, 1, 0, &Frame::Links(vec![bytes]));
        assert!(step.persist.is_empty());
        assert!(step.effects.contains(&Effect::Notice(Notice::Struck { peer, fault })), "{:?}", step.effects);
    }
}

/// An entry and the proof that its feed forked come in one frame: it does not count, and nobody is told that it arrived.
#[test]
fn what_the_same_frame_sets_aside_again_has_not_arrived() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let (header, body) = crate::log::body::clear_for(foreign(&world, 1, |header| header).header().clone(), b"said");
    let desk = &world.machines[1].keys.desk;
    let first = entry::sign(&world.registry, desk, header.clone());
    let other = entry::sign(&world.registry, desk, Header { kind: Kind(77), ..header });
    let items = vec![(first.envelope(), Some(body.bytes().to_vec())), (other.envelope(), None)];
    let step = send_frame(&mut world, 1, 0, &Frame::Entries(items));
    assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Forked { .. }))));
    assert!(!step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Arrived(_)))));
}

/// A copy of this machine writes somewhere: under the run this one writes with, which it gives up at once, or under another
/// one, of which a person is told all the same.
#[test]
fn what_a_copy_of_this_machine_wrote_ends_the_run_at_once_and_is_told_once() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let chain =
        |world: &World| world.machines[0].state.as_ref().expect("on").chain(&Circle::Commons).expect("unlocked");
    let told_of = |step: &Step| {
        step.effects.iter().filter(|effect| matches!(effect, Effect::Notice(Notice::Elsewhere(_)))).count()
    };
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    // Under another run.
    let other = foreign(&world, 0, |header| header);
    assert_eq!(told_of(&send_frame(&mut world, 1, 0, &without_bodies(&[other]))), 1);
    let (key, run) = chain(&world);
    assert_eq!(Some(run), desk_incarnation(&world, 0), "the own run goes on");
    // Under this one.
    let feed = entry::FeedId { circle, key, run };
    let state = world.machines[0].state.as_ref().expect("on");
    let (seq, prev) = state.replica().head(&feed).map(|line| (line.counted() + 1, line.tip())).expect("it wrote");
    let next = foreign(&world, 0, |header| Header { feed, seq, prev, ..header });
    assert_eq!(told_of(&send_frame(&mut world, 1, 0, &without_bodies(&[next]))), 1);
    assert_eq!(
        (chain(&world).1, desk_incarnation(&world, 0)),
        (Incarnation([0; 8]), None),
        "in memory and on the disk"
    );
}

/// Smaller incarnations of the own key, more than count, take the place of the one that this node writes with. It is given
/// up, in memory and on the disk: what would be written under it would count nowhere.
#[test]
fn a_run_that_was_displaced_is_given_up() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let bounds = Bounds { incarnations: 1, bodiless: 8 };
    world.machines[0].state.as_mut().expect("on").replica_mut().set_bounds(bounds);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let smaller = foreign(&world, 0, |header| Header {
        feed: entry::FeedId { run: Incarnation([0; 8]), ..header.feed },
        ..header
    });
    send_frame(&mut world, 1, 0, &without_bodies(&[smaller]));
    let chain = world.machines[0].state.as_ref().expect("on").chain(&Circle::Commons).expect("unlocked");
    assert_eq!((chain.1, desk_incarnation(&world, 0)), (Incarnation([0; 8]), None));
}

/// The proof that a roster froze lay where its link had lain: after a restart the other link counted, and its device wrote.
#[test]
fn a_roster_that_froze_is_frozen_after_a_restart_with_nobody_else_there() {
    let mut world = idle_world(3);
    partition(&mut world, &[(0, 1), (1, 2), (2, 3)]);
    let (id, root) = (world.organisations[1].id, world.organisations[1].root.clone());
    let roster = world.organisations[1].roster.clone();
    let [one, other] = [(); 2].map(|()| {
        let device = Keys::new(&mut world.dice).serving(&id);
        Link::certify(&root, Some(&roster), &device)
    });
    apply_input(&mut world, 0, Input::Link(Box::new(one)));
    apply_input(&mut world, 0, Input::Link(Box::new(other)));
    let standing = |world: &World| {
        let members = &world.machines[0].state.as_ref().expect("on").replica().members;
        members.roster(&id).expect("a member").state()
    };
    let before = standing(&world);
    assert!(before.frozen && before.links == 1, "{before:?}");
    let plan = world.plan;
    world.machines[0].start(&mut world.dice, (None, plan.bounds)).expect("memory answers");
    assert_eq!(standing(&world), before);
}

/// A write that may not be made is refused before anything is signed: nobody would count the entry, or no frame hold it.
/// Of several entries that belong together all are written or none.
#[test]
fn what_may_not_be_written_is_refused_and_nothing_beside_it_is_written() {
    let mut world = idle_world(3);
    let mut entropy = Entropy::new([1; 32]);
    let ours = world.machines[0].org;
    let mut hold = |world: &mut World, epochs: usize| {
        let epochs = (0..epochs).map(|_| crate::membership::circle::Epoch::fresh(&mut entropy)).collect();
        let circle = Circle::named(ours, &[], &mut entropy);
        let opening = Opening { circle, secret: entropy.secret(), epochs };
        apply_input(world, 0, Input::Hold(opening.clone()));
        (opening.circle.id(&world.registry), opening)
    };
    let (named, opening) = hold(&mut world, 2);
    let (keyless, _) = hold(&mut world, 0);
    let said = |bytes: usize| Content::Assertions(vec![1; bytes]);
    let nowhere = CircleId([9; 16]);
    for (entry, refusal) in [
        ((nowhere, said(1)), Refusal::NoCircle),
        ((keyless, said(1)), Refusal::NoEpoch),
        ((named, said(BODY_BYTES.0)), Refusal::TooLarge),
        ((named, Content::Grant(vec![1])), Refusal::NotAllowed),
    ] {
        let entries = vec![(named, said(1)), entry];
        let step = apply_input(&mut world, 0, Input::Write(Write { token: 5, entries, seed: [1; 32] }));
        let refused = Effect::Notice(Notice::Refused { token: 5, refusal });
        assert_eq!((step.persist.is_empty(), step.effects), (true, vec![refused]));
    }
    // What may be is sealed under the newest key.
    let write = Write { token: 6, entries: vec![(named, said(1))], seed: [2; 32] };
    let step = apply_input(&mut world, 0, Input::Write(write));
    let saved = step.effects.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::Saved { token: 6, entries }) => Some(entries[0]),
        _ => None,
    });
    let (machine, id) = (&world.machines[0], saved.expect("it may"));
    let replica = machine.state.as_ref().expect("on").replica();
    let body = replica.body(&Staged::new(&machine.disk), &id).expect("memory answers").expect("here");
    assert_eq!(body.epoch().ok(), opening.epochs.last().map(|epoch| epoch.0));
}

/// Rows that a locked node needs to replicate hold no key that opens a body; those lie under the keys that a lock removes.
#[test]
fn no_key_that_opens_a_body_lies_where_a_locked_node_reads() {
    let mut world = idle_world(3);
    let mut entropy = Entropy::new([1; 32]);
    let circle = Circle::named(world.machines[0].org, &[], &mut entropy);
    let opening = Opening::fresh(circle, &mut entropy);
    apply_input(&mut world, 0, Input::Hold(opening.clone()));
    let row = crate::replication::replica::circle_row(&opening.circle.id(&world.registry));
    let kept = world.machines[0].disk.get(&row).expect("memory answers").expect("it is held");
    assert_eq!(Opening::decode(&kept), Ok(Opening { epochs: vec![], ..opening }));
}

/// After a restore each key of the device begins anew.
#[test]
fn in_a_restored_store_no_key_goes_on_with_its_run() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    world.write(0, &[own, commons(&world)]).expect("it may");
    agree(&mut world);
    let machine = &mut world.machines[0];
    let keys = machine.keys.feed_keys();
    assert_eq!(runs(&machine.disk, &keys).expect("memory answers").len(), 2);
    machine.disk.commit(&crate::replication::sync::renew(&keys)).expect("memory answers");
    assert!(runs(&machine.disk, &keys).expect("memory answers").is_empty());
}

/// Someone outside a circle who knew the name of a feed in it asked where it forks, and was sent its entries.
#[test]
fn nobody_outside_a_circle_is_answered_about_a_feed_in_it() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    world.write(0, &[own]).expect("it may");
    agree(&mut world);
    let key = world.machines[0].keys.device.author;
    let run = runs(&world.machines[0].disk, &[key]).expect("memory answers")[&key];
    let feed = entry::FeedId { circle: own, key, run };
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let probe = Frame::Probe { feed, marks: vec![(1, Mark::of(&EntryId([5; 32])))] };
    let step = send_frame(&mut world, 1, 0, &probe);
    assert!(step.effects.is_empty() && step.persist.is_empty(), "{:?}", step.effects);
    let frontier = Frame::Frontier { circle: own, part: 0, is_last: true, since: None, near: vec![], lines: vec![] };
    let step = send_frame(&mut world, 1, 0, &frontier);
    assert!(struck(&step) && !step.effects.iter().any(|effect| matches!(effect, Effect::Send { .. })));
}

/// A node asks nobody outside a circle for its bodies, and does not show how many it lacks.
#[test]
fn nobody_outside_a_circle_is_asked_for_its_bodies() {
    let mut world = idle_world(3);
    let own = Circle::Own(world.machines[0].org).id(&world.registry);
    let machine = &mut world.machines[0];
    let key = machine.keys.device.author;
    let state = machine.state.as_mut().expect("on");
    let prev = state.replica().members.role(&key).expect("certified").certificate;
    let feed = entry::FeedId { circle: own, key, run: Incarnation([7; 8]) };
    let charter = state.replica().members.charter();
    let header =
        Header { feed, seq: 1, prev, charter, kind: Kind::ASSERTIONS, body_root: BodyRoot([1; 32]), body_len: 600 };
    let entry = entry::sign(&world.registry, &machine.keys.author, header);
    let mut staged = Staged::new(&machine.disk);
    state.replica_mut().accept(&mut staged, entry, None).expect("memory answers");
    let batch = staged.into_batch();
    machine.disk.commit(&batch).expect("memory answers");
    assert_eq!(state.replica().wanted_len(), 1);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let step = send_frame(&mut world, 1, 0, &question());
    for effect in &step.effects {
        if let Effect::Send { frame, .. } = effect {
            match Frame::decode(frame).expect("ours") {
                Frame::Hello { wanted, .. } => assert_eq!(wanted, 0),
                Frame::Want(ids) => panic!("it asks for {ids:?}"),
                _ => {}
            }
        }
    }
}

/// Ids that are nowhere: what is owed to a peer has an end.
#[test]
fn bodies_asked_for_in_vain_are_remembered_up_to_a_limit() {
    let mut world = idle_world(3);
    open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
    let peer = world.machines[1].name();
    for frame in 0..4_u8 {
        let id = |nth: usize| {
            let mut id = [frame; 32];
            id[..8].copy_from_slice(&(nth as u64).to_be_bytes());
            EntryId(id)
        };
        assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want((0..WANTS.0).map(id).collect()))));
    }
    let kept = world.machines[0].state.as_ref().expect("on").kept_for(&peer);
    assert!(kept <= WANTS_IN_FLIGHT.0 + 16, "{kept} things kept");
}
