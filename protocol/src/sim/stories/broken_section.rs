//! Regression tests of a section that cannot be folded: nothing else stops, now or after any number of starts.

use super::*;
use crate::{
    app::library::{FoldError, Library},
    bytes::ids::{EntityId, SectionId},
    record::{
        schema::Schema,
        section::{
            assertion::{ClaimedTime, Plain},
            sample,
        },
    },
    store::{Batch, Row, Table},
};

const SECTIONS: [SectionId; 3] = [SectionId([1; 16]), SectionId([2; 16]), SectionId([3; 16])];

/// Writes three sections of the commons at machine 0, and reads them.
fn sections(world: &mut World) -> CircleId {
    let commons = commons(world);
    let said = |section: SectionId| {
        let statements = vec![sample::says(section.0[0], "docket.docket_id", "d")];
        let claimed_time = ClaimedTime(1_750_032_000);
        let plain = Plain { schema: Schema::VERSION, section, claimed_time, deps: vec![], batch: None, statements };
        (commons, Content::Assertions(plain.encode().expect("in the form of a plaintext")))
    };
    let entries = SECTIONS.map(said).to_vec();
    apply_input(world, 0, Input::Write(Write { token: 1, entries, seed: [1; 32] }));
    let machine = &mut world.machines[0];
    let (state, unread) = (machine.state.as_ref().expect("on"), Library::unread(&machine.disk).expect("memory"));
    let read = Library::default().read(state, &machine.disk, Batch::default(), &unread).expect("memory");
    assert!(SECTIONS.iter().all(|section| read.changed.contains_key(&(commons, *section))), "{:?}", read.mute);
    machine.disk.commit(&read.batch).expect("memory");
    commons
}

/// The program panicked at one record: each start read it again, and ended there.
#[test]
fn a_section_that_cannot_be_made_is_set_aside_once_and_the_others_are_shown() {
    let mut world = idle_world(2);
    let commons = sections(&mut world);
    let machine = &mut world.machines[0];
    let state = machine.state.as_ref().expect("on");
    let mut panics = 0;
    for _ in 0..1000 {
        let mut library = Library::load(&machine.disk).expect("memory");
        library.trap = Some(SECTIONS[1]);
        for section in SECTIONS {
            let view = library.view(state, &machine.disk, &commons, &section);
            match view {
                Ok(view) => {
                    assert!(section != SECTIONS[1] && view.entities.contains_key(&EntityId([section.0[0]; 16])))
                }
                Err(FoldError::Broken { section: broken, .. }) => assert_eq!((broken, section), (SECTIONS[1], section)),
                Err(FoldError::Store(error)) => panic!("{error}"),
            }
        }
        let aside = library.set_aside();
        panics += aside.0.len();
        machine.disk.commit(&aside).expect("memory");
    }
    assert_eq!(panics, 1, "a start tried it again");
}

/// A section whose fold failed while cached is not used in that state, and one that another version could not fold is
/// tried again by this one.
#[test]
fn another_version_tries_what_was_set_aside() {
    let mut world = idle_world(2);
    let commons = sections(&mut world);
    let machine = &mut world.machines[0];
    let state = machine.state.as_ref().expect("on");
    let mut library = Library::load(&machine.disk).expect("memory");
    assert!(library.view(state, &machine.disk, &commons, &SECTIONS[1]).is_ok());
    library.trap = Some(SECTIONS[1]);
    for _ in 0..2 {
        assert!(library.view(state, &machine.disk, &commons, &SECTIONS[1]).is_err());
    }
    let mut rows = library.set_aside();
    assert_eq!(rows.0.len(), 1);
    machine.disk.commit(&rows).expect("memory");
    let retried = |disk: &Memory| {
        let view = Library::load(disk).expect("memory").view(state, disk, &commons, &SECTIONS[1]);
        view.is_ok()
    };
    assert!(!retried(&machine.disk));
    rows.0[0].1 = Some(codec::encode(&(commons, SECTIONS[1], "another version")));
    machine.disk.commit(&rows).expect("memory");
    assert!(retried(&machine.disk));
    // A row that cannot be decoded blocks nothing.
    machine.disk.commit(&Batch(vec![(Row::new(Table::Section, "broken", 7), Some(vec![0xff]))])).expect("memory");
    assert!(retried(&machine.disk));
}
