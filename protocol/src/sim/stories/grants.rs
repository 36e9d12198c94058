//! Regression tests of grants: whom they open a circle for, and how much work they cause.

use super::*;
use crate::{
    bytes::{
        ids::OrgId,
        limits::{EPOCHS_OF_CIRCLE, GRANTS_TRIED, STEWARD_CIRCLES},
        seal::{ReadingKey, decapsulations},
    },
    membership::circle::Epoch,
    replication::sync::{Refusal, epochs},
    store::Table,
};

/// A grant of some openings by the device of machine `by`, for all machines.
fn sealed(world: &mut World, by: usize, openings: &[Opening]) -> Content {
    let readers: Vec<_> = world.machines.iter().map(|machine| machine.keys.device.reading.clone()).collect();
    sealed_for(world, by, openings, &readers.iter().collect::<Vec<_>>())
}

fn sealed_for(world: &mut World, by: usize, openings: &[Opening], readers: &[&ReadingKey]) -> Content {
    let mut entropy = Entropy::new(world.dice.bytes());
    let author = world.machines[by].keys.reading.expand();
    Content::Grant(grant::seal(&world.registry, openings, readers, &author, &mut entropy))
}

/// Writes contents in the commons at machine `by`, and waits until all machines have them.
fn publish(world: &mut World, by: usize, contents: Vec<Content>) {
    let commons = commons(world);
    let entries = contents.into_iter().map(|content| (commons, content)).collect();
    let write = Write { token: 1, entries, seed: world.dice.bytes() };
    world.feed(by, Input::Write(write)).expect("it may");
    wait(world, MINUTE);
}

fn of(world: &mut World, steward: usize, list: &[OrgId]) -> Opening {
    let mut entropy = Entropy::new(world.dice.bytes());
    Opening::fresh(Circle::named(world.machines[steward].org, list, &mut entropy), &mut entropy)
}

fn holds(world: &World, at: usize, opening: &Opening) -> bool {
    let replica = world.machines[at].state.as_ref().expect("on").replica();
    replica.circle(&opening.circle.id(&world.registry)).is_some()
}

/// Locks and unlocks a machine, and tries its waiting grants, as a host does.
fn unlock(world: &mut World, at: usize) -> Step {
    let machine = &mut world.machines[at];
    let tick = machine.clock.tick(world.now);
    let state = machine.state.as_mut().expect("on");
    state.lock();
    state.unlock(machine.keys.pens(), epochs(&machine.disk).expect("memory"));
    let step = state.relearn(&machine.disk, tick).expect("memory");
    machine.disk.commit(&step.persist).expect("memory");
    step
}

/// Number of grants that machine `at` has not tried yet.
fn waiting(world: &World, at: usize) -> usize {
    let mut count = 0;
    for machine in &world.machines {
        let prefix = [b"grant", &machine.org.0[..]].concat();
        let mut each = |_, _| {
            count += 1;
            true
        };
        world.machines[at].disk.scan(Table::Control, &prefix, 0, &mut each).expect("memory");
    }
    count
}

/// A member granted a circle of another steward: with a secret of its own, it could have separated the circle's members
/// before they had met.
#[test]
fn a_grant_by_another_than_the_steward_says_nothing() {
    let mut world = idle_world(3);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let theirs = of(&mut world, 0, &all);
    let grant = sealed(&mut world, 1, std::slice::from_ref(&theirs));
    publish(&mut world, 1, vec![grant]);
    assert!((0..3).all(|at| !holds(&world, at, &theirs)), "the author is not the steward");
    let others = [world.machines[0].org, world.machines[1].org];
    let without = of(&mut world, 0, &others);
    let foreign = [Circle::Commons, Circle::Own(all[0])].map(|circle| Opening { circle, ..without.clone() });
    let grant = sealed(&mut world, 0, &[&foreign[..], std::slice::from_ref(&without)].concat());
    publish(&mut world, 0, vec![grant]);
    assert_eq!([0, 1, 2].map(|at| holds(&world, at, &without)), [true, true, false], "the circle does not admit it");
    let own = world.organisations.iter().position(|org| org.id == all[0]).expect("there");
    let is_own = |at: usize| world.machines[at].org == world.organisations[own].id;
    assert!((0..3).all(|at| is_own(at) || !holds(&world, at, &foreign[1])), "an own circle is granted by nobody");
    // The steward itself grants it.
    let grant = sealed(&mut world, 0, std::slice::from_ref(&theirs));
    publish(&mut world, 0, vec![grant]);
    assert!((0..3).all(|at| holds(&world, at, &theirs)));
}

/// Each start and each unlocking tried every wrap of every grant again: 300 entries of one member cost twelve seconds,
/// for ever.
#[test]
fn a_grant_is_tried_once_whether_it_was_for_us_or_not() {
    let mut world = idle_world(3);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let ours = of(&mut world, 0, &all);
    let others = of(&mut world, 0, &[]);
    let first = world.machines[0].keys.device.reading.clone();
    let grants = vec![
        sealed(&mut world, 0, std::slice::from_ref(&ours)),
        sealed_for(&mut world, 0, std::slice::from_ref(&others), &[&first]),
        Content::Grant(b"rubbish".to_vec()),
    ];
    publish(&mut world, 0, grants);
    assert!(holds(&world, 1, &ours) && !holds(&world, 1, &others));
    let before = decapsulations();
    let step = unlock(&mut world, 1);
    assert!(step.persist.is_empty() && step.effects.is_empty(), "{:?}", step.effects);
    world.crash(1).expect("nothing is checked");
    wait(&mut world, MINUTE);
    unlock(&mut world, 1);
    assert_eq!((decapsulations() - before, waiting(&world, 1)), (0, 0));
    let id = ours.circle.id(&world.registry);
    assert_eq!(world.machines[1].state.as_ref().expect("on").epochs(&id), ours.epochs);
}

/// A grant that arrives while a node is locked waits for its keys, and is tried once.
#[test]
fn a_grant_that_came_while_locked_is_tried_when_unlocked_and_not_again() {
    let mut world = idle_world(3);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let ours = of(&mut world, 0, &all);
    let grant = sealed(&mut world, 0, std::slice::from_ref(&ours));
    world.machines[1].state.as_mut().expect("on").lock();
    publish(&mut world, 0, vec![grant]);
    assert_eq!((holds(&world, 1, &ours), waiting(&world, 1)), (false, 1));
    let before = decapsulations();
    unlock(&mut world, 1);
    assert_eq!((holds(&world, 1, &ours), waiting(&world, 1), decapsulations() - before), (true, 0, 1));
    unlock(&mut world, 1);
    assert_eq!(decapsulations() - before, 1);
}

/// A member publishes grants without end: an hour's allowance is tried, the rest waits, and none is lost.
#[test]
fn grants_beyond_an_hours_worth_wait_for_the_next_hour() {
    let mut world = idle_world(3);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let (none, last) = (sealed(&mut world, 0, &[]), of(&mut world, 0, &all));
    let grant = sealed(&mut world, 0, std::slice::from_ref(&last));
    let mut grants = vec![none; GRANTS_TRIED.0];
    grants.push(grant);
    for chunk in grants.chunks(32) {
        publish(&mut world, 0, chunk.to_vec());
    }
    assert_eq!((holds(&world, 1, &last), waiting(&world, 1)), (false, 1));
    // Grants of another organisation do not wait.
    let others = of(&mut world, 2, &all);
    let grant = sealed(&mut world, 2, std::slice::from_ref(&others));
    publish(&mut world, 2, vec![grant]);
    assert!(holds(&world, 1, &others));
    wait(&mut world, 120 * MINUTE);
    assert_eq!((holds(&world, 1, &last), waiting(&world, 1)), (true, 0));
}

/// HELLO lists every circle that two nodes share. A member that created ten thousand of them for two others made their
/// HELLOs longer than a frame, and each took the other's for garbage.
#[test]
fn a_steward_opens_so_many_circles_that_a_hello_still_holds_all() {
    let mut world = idle_world(3);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let openings: Vec<_> = (0..=STEWARD_CIRCLES.0).map(|_| of(&mut world, 0, &all)).collect();
    let write = |world: &mut World, openings: &[Opening]| {
        let grant = sealed(world, 0, openings);
        Input::Write(Write { token: 1, entries: vec![(commons(world), grant)], seed: world.dice.bytes() })
    };
    let crowded = |step: &Step| {
        let steward = |effect: &Effect| matches!(effect, Effect::Notice(Notice::Crowded(_)));
        step.effects.iter().any(steward)
    };
    let most = write(&mut world, &openings[..STEWARD_CIRCLES.0]);
    assert!(!crowded(&apply_input(&mut world, 0, most)));
    let more = write(&mut world, &openings[STEWARD_CIRCLES.0..]);
    assert!(crowded(&apply_input(&mut world, 0, more)));
    let held = world.machines[0].state.as_ref().expect("on").circles_of(&world.machines[0].org).count();
    assert_eq!((held, holds(&world, 0, &openings[STEWARD_CIRCLES.0])), (STEWARD_CIRCLES.0, false));
    let blinded = crate::replication::sync::frame::Blinded([1; 8].into(), [2; 16].into());
    let circles = vec![blinded; 2 + crate::bytes::limits::ORGANISATIONS.0 * STEWARD_CIRCLES.0];
    let hello = Frame::Hello { is_reply: true, control: [3; 16], circles, wanted: u64::MAX };
    assert!(hello.encode().len() <= crate::bytes::limits::FRAME_BYTES.0, "{}", hello.encode().len());
}

/// A steward may begin epochs; of endless epochs a bounded number is kept.
#[test]
fn of_one_circle_so_many_epochs_are_kept_and_no_more() {
    let mut world = idle_world(2);
    let all: Vec<_> = world.organisations.iter().map(|org| org.id).collect();
    let mut entropy = Entropy::new(world.dice.bytes());
    let mut epochs = |count: usize| (0..count).map(|_| Epoch::fresh(&mut entropy)).collect::<Vec<_>>();
    let first = of(&mut world, 0, &all);
    let most = Opening { epochs: epochs(EPOCHS_OF_CIRCLE.0), ..first.clone() };
    let more = Opening { epochs: epochs(10), ..first.clone() };
    let id = first.circle.id(&world.registry);
    let held = |world: &World| world.machines[1].state.as_ref().expect("on").epochs(&id).to_vec();
    for openings in [vec![most.clone(), more.clone()], vec![more], vec![most.clone()]] {
        let grant = sealed(&mut world, 0, &openings);
        publish(&mut world, 0, vec![grant]);
        assert_eq!(held(&world), most.epochs);
    }
}

/// After `lock` the keys of every epoch were still in memory, and arriving entries were read with them.
#[test]
fn a_locked_node_has_no_key_to_read_or_write_with() {
    let mut world = idle_world(3);
    let commons = commons(&world);
    let state = world.machines[1].state.as_mut().expect("on");
    assert!(!state.epochs(&commons).is_empty() && state.chain(&Circle::Commons).is_some());
    state.lock();
    assert!(state.epochs(&commons).is_empty() && state.chain(&Circle::Commons).is_none());
    let said = format!("{state:?}");
    assert!(said.contains("pens: None, reader: None") && said.contains("epochs: {}"), "a key is left in the state");
    let entries = vec![(commons, Content::Assertions(b"said".to_vec()))];
    let step = apply_input(&mut world, 1, Input::Write(Write { token: 3, entries, seed: [0; 32] }));
    assert!(step.persist.is_empty());
    let refused = Notice::Refused { token: 3, refusal: Refusal::Locked };
    assert!(step.effects.contains(&Effect::Notice(refused)), "{:?}", step.effects);
}
