//! Regression test of the charter version that an entry names.

use super::*;
use crate::bytes::ids::CharterHash;

/// Entries under an unknown charter counted all the same, and no test noticed that the check was missing.
#[test]
fn an_entry_under_another_charter_waits_and_is_nobodys_fault() {
    let mut world = idle_world(3);
    let unknown = foreign(&world, 1, |header| Header { charter: CharterHash([9; 32]), ..header });
    let lines = |world: &World| {
        let replica = world.machines[0].state.as_ref().expect("on").replica();
        replica.head(&unknown.header().feed).map(FeedHead::counted)
    };
    let before = lines(&world);
    let step = send_frame(&mut world, 1, 0, &without_bodies(std::slice::from_ref(&unknown)));
    assert!(!struck(&step), "it may be a version that did not come yet");
    assert_eq!(lines(&world), before, "it does not count");
    let known = foreign(&world, 1, |header| header);
    assert_eq!(known.header().seq, unknown.header().seq);
    send_frame(&mut world, 1, 0, &without_bodies(&[known]));
    assert_eq!(lines(&world), Some(before.unwrap_or(0) + 1), "the charter is all that was wrong with it");
}
