//! Tests of budgets: the repeated work that a member can cause, and its bounds.

use super::{
    stories::{agree, apply_input, commons, idle_world, registry_tag, send_frame, struck},
    world::World,
};
use crate::{
    bytes::{
        ids::{DatabaseEpoch, EntryId, NodeKey},
        limits::{REPEATS, REPEATS_PER_STRIKE, STRIKES, WANTS, WANTS_REMEMBERED},
    },
    replication::sync::{
        Effect, Input, Lane, Step,
        frame::{Fault, Frame},
    },
    store::staged::Staged,
};

fn severed(step: &Step) -> bool {
    step.effects.iter().any(|effect| matches!(effect, Effect::Disconnect { fault: Fault::Repeat, .. }))
}

/// Number of entries in bulk frames of a step.
fn served(step: &Step) -> usize {
    let entries = |effect: &Effect| match effect {
        Effect::Send { lane: Lane::Bulk, frame, .. } => match Frame::decode(frame) {
            Ok(Frame::Entries(items)) => items.len(),
            _ => 0,
        },
        _ => 0,
    };
    step.effects.iter().map(entries).sum()
}

/// An entry and its body, as in a frame.
type Item = (Vec<u8>, Option<Vec<u8>>);

/// The entries of the commons at a machine, as items of a frame.
fn items(world: &World, at: usize) -> Vec<(EntryId, Item)> {
    let machine = &world.machines[at];
    let (replica, staged) = (machine.state.as_ref().expect("on").replica(), Staged::new(&machine.disk));
    let ids = world.ledger.saved.iter().filter(|(_, circle, _)| *circle == commons(world)).map(|(_, _, id)| *id);
    let item = |id: EntryId| {
        let (feed, seq) = replica.place(&staged, &id).expect("memory answers").expect("counted");
        let entry = replica.entry(&staged, &feed, seq).expect("memory answers").expect("counted");
        let body = replica.body(&staged, &id).expect("memory answers").map(|body| body.bytes().to_vec());
        (id, (entry.envelope(), body))
    };
    ids.map(item).collect()
}

/// Reconnects one machine to another, from the other's point of view.
fn reconnect(world: &mut World, from: usize, to: usize) {
    let peer: NodeKey = world.machines[from].name();
    apply_input(world, to, Input::Down(peer));
    apply_input(world, to, Input::Up(peer));
    let nonce = [3; 16];
    let registry = registry_tag(world, &nonce);
    send_frame(world, from, to, &Frame::Open { format: 1, nonce, registry, epoch: DatabaseEpoch([3; 16]) });
}

/// 34 KB of WANT cost 117 MB of reads, any number of times.
#[test]
fn a_body_is_served_once_on_a_connection_and_asking_again_is_a_strike() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    world.write(0, &[circle]).expect("it may");
    agree(&mut world);
    let ids: Vec<_> = items(&world, 0).into_iter().map(|(id, _)| id).collect();
    let step = send_frame(&mut world, 1, 0, &Frame::Want(ids.clone()));
    assert_eq!((served(&step), struck(&step)), (ids.len(), false));
    for repeat in 1..=STRIKES.0 {
        let step = send_frame(&mut world, 1, 0, &Frame::Want(ids.clone()));
        assert_eq!((served(&step), struck(&step), severed(&step)), (0, true, repeat == STRIKES.0));
    }
    // On another connection the peer may have lost them.
    reconnect(&mut world, 1, 0);
    let step = send_frame(&mut world, 1, 0, &Frame::Want(ids.clone()));
    assert_eq!((served(&step), struck(&step)), (ids.len(), false));
    let twice = [ids[0], ids[0]].to_vec();
    reconnect(&mut world, 1, 0);
    let step = send_frame(&mut world, 1, 0, &Frame::Want(twice));
    assert_eq!((served(&step), struck(&step)), (1, true), "nor twice in one frame");
}

/// The memory for requested ids is bounded; a forgotten id may be requested once more without a strike.
#[test]
fn questions_are_remembered_up_to_their_limit() {
    let mut world = idle_world(3);
    let mut asked = (0_u32..).map(|nth| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&nth.to_be_bytes());
        EntryId(id)
    });
    let first: Vec<_> = asked.by_ref().take(WANTS.0).collect();
    assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want(first.clone()))));
    for _ in 2..WANTS_REMEMBERED.0 / WANTS.0 {
        let ids = asked.by_ref().take(WANTS.0).collect();
        assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want(ids))));
    }
    assert!(struck(&send_frame(&mut world, 1, 0, &Frame::Want(vec![first[0]]))), "below the limit");
    let ids = asked.by_ref().take(WANTS.0).collect();
    assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want(ids))), "at the limit");
    let ids = asked.by_ref().take(WANTS.0).collect();
    assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want(ids))), "beyond it: all before are forgotten");
    assert!(!struck(&send_frame(&mut world, 1, 0, &Frame::Want(first))));
}

/// 493,200 known entries were sent again: no strike, and entries of honest members waited for seconds.
#[test]
fn whoever_sends_what_is_known_again_is_severed_after_a_bounded_number_and_has_no_more_by_connecting_again() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    (0..5).for_each(|_| world.write(0, &[circle]).expect("it may"));
    agree(&mut world);
    let known: Vec<_> = items(&world, 2).into_iter().map(|(_, item)| item).collect();
    let frame = Frame::Entries(known.iter().cycle().take(100).cloned().collect());
    let flood = |world: &mut World| {
        for sent in 1_usize.. {
            let step = send_frame(world, 1, 2, &frame);
            assert!(step.persist.is_empty(), "nothing is taken in twice");
            if severed(&step) {
                return sent * 100;
            }
            assert!(sent < 1_000, "no end");
        }
        unreachable!("it returns or fails")
    };
    let beyond = STRIKES.0 * REPEATS_PER_STRIKE.0;
    let first = flood(&mut world);
    assert!((REPEATS.0..=REPEATS.0 + beyond + 2 * known.len() + 200).contains(&first), "{first} entries");
    reconnect(&mut world, 1, 2);
    let second = flood(&mut world);
    assert!(second <= beyond + 200, "{second} entries more");
}

/// Several peers send one history at once, and each sends all of it, as the protocol requires.
#[test]
fn a_history_that_every_peer_brings_at_once_is_nobodys_fault() {
    let mut world = idle_world(5);
    let circle = commons(&world);
    super::stories::partition(&mut world, &[(4, 1)]);
    (0..40).for_each(|nth| world.write(nth % 4, &[circle]).expect("it may"));
    super::stories::wait(&mut world, super::events::MINUTE);
    super::stories::mend(&mut world);
    agree(&mut world);
    let state = world.machines[4].state.as_ref().expect("on");
    let drawn: u64 = (0..4).map(|at| state.repeats_drawn(&world.machines[at].name())).sum();
    assert_eq!(drawn, 0);
}

/// 30,000 dockets in two seconds met no limit, and everything that others wrote waited. With the author's bucket empty,
/// nobody is struck, entries of others come at once, and the rest comes later.
#[test]
fn what_one_organisation_writes_beyond_its_bucket_comes_later_and_holds_up_nobody_else() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    for machine in &mut world.machines {
        machine.state.as_mut().expect("on").set_authored(10);
    }
    agree(&mut world);
    // The author's own node is honest and offers all it wrote; a flood needs no malice.
    (0..60).for_each(|_| world.write(0, &[circle]).expect("it may"));
    world.write(1, &[circle]).expect("it may");
    super::stories::wait(&mut world, 10_000);
    let written = |world: &World, by: usize| world.ledger.saved.iter().filter(|(at, ..)| *at == by).count();
    let held = |world: &World, at: usize, by: usize| {
        let (machine, key) = (&world.machines[at], world.machines[by].keys.device.desk);
        let held = machine.state.as_ref().expect("on").replica().circle(&circle).expect("held");
        held.lines().filter(|((feed, _), _)| *feed == key).map(|(_, line)| line.counted()).sum::<u64>() as usize
    };
    assert!(written(&world, 0) >= 60);
    for at in [1, 2] {
        let taken = held(&world, at, 0);
        assert!((10..=40).contains(&taken), "{taken} of {} at once", written(&world, 0));
    }
    assert_eq!(held(&world, 2, 1), written(&world, 1), "what another organisation wrote is there");
    // A bucket of ten holds ten, however long the wait: ten a minute.
    super::stories::wait(&mut world, 30 * super::events::MINUTE);
    agree(&mut world);
    assert_eq!((held(&world, 1, 0), held(&world, 2, 0)), (written(&world, 0), written(&world, 0)));
}

/// A node that was away gets the whole history at once, however long it is.
#[test]
fn a_history_longer_than_the_bucket_comes_at_full_speed() {
    let mut world = idle_world(3);
    let circle = commons(&world);
    super::stories::partition(&mut world, &[(2, 1)]);
    (0..60).for_each(|_| world.write(0, &[circle]).expect("it may"));
    super::stories::wait(&mut world, super::events::MINUTE);
    world.machines[2].state.as_mut().expect("on").set_authored(10);
    super::stories::mend(&mut world);
    super::stories::wait(&mut world, super::events::MINUTE);
    let entries = |at: usize| {
        let held = world.machines[at].state.as_ref().expect("on").replica().circle(&circle).expect("held");
        held.lines().map(|(_, line)| line.counted()).sum::<u64>()
    };
    assert!(entries(0) >= 60);
    assert_eq!(entries(2), entries(0));
}

/// Every invariant holds with buckets that are empty all the time: no honest node is struck, and all agree in the end.
#[test]
fn federations_whose_buckets_are_tiny_keep_every_promise() {
    for seed in 0..40 {
        let plan = super::Plan { authored: Some(3), ..super::Plan::full(seed) };
        if let Err(failure) = super::run(seed, plan) {
            panic!("{failure}");
        }
    }
}
