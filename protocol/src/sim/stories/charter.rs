//! The charter version that an entry acts under.

use super::*;
use crate::bytes::ids::CharterHash;

/// What acted under a charter that nobody had counted all the same, and no test missed the check.
#[test]
fn an_entry_under_another_charter_waits_and_is_nobodys_fault() {
    let mut world = still(3);
    let unknown = foreign(&world, 1, |header| Header { charter: CharterHash([9; 32]), ..header });
    let lines = |world: &World| {
        let replica = world.machines[0].state.as_ref().expect("on").replica();
        replica.head(&unknown.header().feed).map(FeedHead::counted)
    };
    let before = lines(&world);
    let step = told(&mut world, 1, 0, &bare(std::slice::from_ref(&unknown)));
    assert!(!struck(&step), "it may be a version that did not come yet");
    assert_eq!(lines(&world), before, "it does not count");
    let known = foreign(&world, 1, |header| header);
    assert_eq!(known.header().seq, unknown.header().seq);
    told(&mut world, 1, 0, &bare(&[known]));
    assert_eq!(lines(&world), Some(before.unwrap_or(0) + 1), "the charter is all that was wrong with it");
}
