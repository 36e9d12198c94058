//! Regression tests of reading: each counted entry is read once, with the key it was sealed under, into the section of
//! its circle.

use std::collections::BTreeMap;

use super::*;
use crate::{
    app::library::{Library, Mute, Reading},
    bytes::ids::SectionId,
    membership::circle::Epoch,
    record::{
        schema::Schema,
        section::{
            assertion::{ClaimedTime, Plain},
            sample,
        },
    },
    replication::sync::epochs,
    store::Batch,
};

const SECTION: SectionId = SectionId([1; 16]);

fn says(entity: u8, field: &str) -> Content {
    let statements = vec![sample::says(entity, field, "d")];
    let claimed_time = ClaimedTime(1_750_032_000);
    let plain =
        Plain { schema: Schema::VERSION, section: SECTION, claimed_time, deps: vec![], batch: None, statements };
    Content::Assertions(plain.encode().expect("in the form of a plaintext"))
}

fn write(world: &mut World, entries: Vec<(CircleId, Content)>) {
    let step = apply_input(world, 0, Input::Write(Write { token: 1, entries, seed: [1; 32] }));
    assert!(step.effects.iter().any(|effect| matches!(effect, Effect::Notice(Notice::Saved { .. }))));
}

/// Reads what is unread, as a host does; what it came to, and what is unread still.
fn read(world: &mut World) -> (Reading, usize) {
    let machine = &mut world.machines[0];
    let unread = Library::unread(&machine.disk).expect("memory");
    let state = machine.state.as_ref().expect("on");
    let read = Library::default().read(state, &machine.disk, Batch::default(), &unread).expect("memory");
    machine.disk.commit(&read.batch).expect("memory");
    (read, Library::unread(&machine.disk).expect("memory").len())
}

/// Opened with a wrong key an entry is rubbish, and what is rubbish says nothing for ever: it would have been lost.
#[test]
fn an_entry_whose_key_is_not_here_is_read_when_it_comes_and_not_again() {
    let mut world = idle_world(2);
    let commons = commons(&world);
    write(&mut world, vec![(commons, says(1, "docket.docket_id"))]);
    let machine = &mut world.machines[0];
    let state = machine.state.as_mut().expect("on");
    let other = Epoch::fresh(&mut Entropy::new([1; 32]));
    state.lock();
    state.unlock(machine.keys.pens(), BTreeMap::from([(commons, vec![other])]));
    let (reading, unread) = read(&mut world);
    assert_eq!((reading.changed.len(), reading.mute.len(), unread), (0, 0, 1));
    let machine = &mut world.machines[0];
    let known = epochs(&machine.disk).expect("memory");
    machine.state.as_mut().expect("on").unlock(machine.keys.pens(), known);
    let (reading, unread) = read(&mut world);
    assert_eq!((reading.changed.into_keys().collect::<Vec<_>>(), unread), (vec![(commons, SECTION)], 0));
    assert!(read(&mut world).0.batch.is_empty());
}

/// Rubbish is rubbish for every version, what a newer version wrote waits for one, and a grant is for the circle itself.
#[test]
fn only_what_a_newer_version_wrote_waits_for_it() {
    let mut world = idle_world(2);
    let commons = commons(&world);
    write(&mut world, vec![(commons, Content::Assertions(b"rubbish".to_vec())), (commons, Content::Grant(vec![1]))]);
    let later = foreign(&world, 1, |header| Header { kind: Kind(77), ..header }).header().clone();
    let (header, body) = crate::log::body::clear_for(later, b"of a newer version");
    let entry = entry::sign(&world.registry, &world.machines[1].keys.desk, header);
    send_frame(&mut world, 1, 0, &Frame::Entries(vec![(entry.envelope(), Some(body.bytes().to_vec()))]));
    let (reading, unread) = read(&mut world);
    let [ours, theirs] = [0, 1].map(|at: usize| world.machines[at].keys.device.desk);
    let mut mute = reading.mute;
    mute.sort_by_key(|(key, _)| *key != ours);
    assert_eq!(mute, [(ours, Mute::Bad), (theirs, Mute::Newer)]);
    assert_eq!((reading.changed.len(), unread), (0, 0));
    let disk = &world.machines[0].disk;
    assert_eq!(Library::later(disk).expect("memory"), 1);
    assert!(Library::overdue(disk).expect("memory").is_empty(), "this version could not read it");
}

/// Anybody may name any section in his own circle: what he says there is said there alone.
#[test]
fn one_section_in_two_circles_is_two_sections() {
    let mut world = idle_world(2);
    let (commons, own) = (commons(&world), Circle::Own(world.machines[0].org).id(&world.registry));
    write(&mut world, vec![(commons, says(1, "docket.docket_id")), (own, says(2, "person.region_home"))]);
    read(&mut world);
    let machine = &world.machines[0];
    let mut library = Library::load(&machine.disk).expect("memory");
    for (circle, field) in [(commons, "docket.docket_id"), (own, "person.region_home")] {
        let state = machine.state.as_ref().expect("on");
        let view = library.view(state, &machine.disk, &circle, &SECTION).expect("it is made");
        assert_eq!(view.cells().map(|(_, name, _)| name).collect::<Vec<_>>(), [field]);
    }
}
