//! Regression tests of hedged randomness: a machine image resumed twice, and a random source that repeats.

use std::collections::BTreeSet;

use super::*;
use crate::bytes::ids::EpochId;
use serde_bytes::{ByteArray, ByteBuf};

/// The parts of a segment: epoch, nonce, wrapped key, commitment (to key and nonce), ciphertext.
type Segment = (EpochId, ByteArray<24>, ByteArray<48>, ByteArray<32>, ByteBuf);

/// Nonce, wrapped key and commitment of what machine 0 seals for the content `said`, from the same start each time.
fn seals(fresh: [u8; 32], said: &[u8]) -> Vec<(ByteArray<24>, ByteArray<48>, ByteArray<32>)> {
    let mut world = idle_world(2);
    let commons = commons(&world);
    let entries = [said, b"and more"].map(|said| (commons, Content::Assertions(said.to_vec()))).to_vec();
    let step = apply_input(&mut world, 0, Input::Write(Write { token: 1, entries, seed: fresh }));
    let saved = step.effects.iter().find_map(|effect| match effect {
        Effect::Notice(Notice::Saved { entries, .. }) => Some(entries.clone()),
        _ => None,
    });
    let machine = &world.machines[0];
    let (staged, replica) = (Staged::new(&machine.disk), machine.state.as_ref().expect("on").replica());
    let seal = |id: &EntryId| {
        let body = replica.body(&staged, id).expect("memory").expect("written");
        let ((_, nonce, wrapped, commitment, _),): (Segment,) =
            codec::decode("body", body.bytes(), usize::MAX).expect("ours");
        (nonce, wrapped, commitment)
    };
    saved.expect("it is saved").iter().map(seal).collect()
}

/// Body keys and nonces came from one stream seeded at the start: a machine image resumed twice continued both, and
/// sealed different things with one key and nonce.
#[test]
fn two_copies_of_one_machine_never_seal_two_things_with_one_key_or_nonce() {
    let base = seals([1; 32], b"what one copy says");
    assert_eq!(base, seals([1; 32], b"what one copy says"), "everything replays from a seed");
    // The system gives both copies different bytes; or it is broken and gives both the same.
    let fresh = seals([2; 32], b"what one copy says");
    let broken = seals([1; 32], b"what another copy says");
    let all = [&base[..], &fresh, &broken[..1]].concat();
    let nonces: BTreeSet<_> = all.iter().map(|(nonce, ..)| **nonce).collect();
    let wrapped: BTreeSet<_> = all.iter().map(|(_, wrapped, _)| wrapped.to_vec()).collect();
    let commitments: BTreeSet<_> = all.iter().map(|(.., commitment)| **commitment).collect();
    assert_eq!((nonces.len(), wrapped.len(), commitments.len()), (5, 5, 5), "five seals, five keys, five nonces");
    // The second entry has the same content in both, but another first one before it.
    assert_ne!(base[1], broken[1]);
}
