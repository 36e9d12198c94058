//! Fuzz targets, one per decoder: no bytes cause a panic, and accepted bytes are the one canonical form of their
//! content.
//!
//! Each target runs a bounded number of rounds here, on stable Rust, from random scripts: a script is tried as it is,
//! and as a list of edits to a sound example, so that the code deep in a decoder is reached too. The command
//! `cargo bolero test NAME` runs the same targets for any length of time.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

mod founding;
mod peers;
mod records;
mod texts;
mod vault;

/// The tally of the rounds of one target: accepted and refused.
#[derive(Default)]
struct Tally {
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Tally {
    fn count(&self, accepted: bool) {
        if accepted { &self.accepted } else { &self.refused }.fetch_add(1, Relaxed);
    }

    /// Checks that both outcomes occurred. A target that refuses everything has tested little: unsigned input must
    /// sometimes be accepted after edits.
    fn check(&self, rounds: usize, signed: bool) {
        let (accepted, refused) = (self.accepted.load(Relaxed), self.refused.load(Relaxed));
        assert!(accepted + refused >= rounds, "{accepted} accepted, {refused} refused of {rounds} rounds");
        assert!(refused > rounds / 4 && (signed || accepted > rounds / 100), "{accepted} accepted, {refused} refused");
    }
}

/// Fuzzes with `$read` over sound examples, random bytes and edited examples; it returns whether it accepted them.
macro_rules! fuzz {
    (rounds $rounds:literal, signed $signed:literal, $examples:expr, $read:expr) => {{
        let (examples, read): (Vec<Vec<u8>>, _) = ($examples, $read);
        for example in &examples {
            assert!(read(example), "an example is refused");
        }
        let tally = $crate::fuzz::Tally::default();
        bolero::check!().with_iterations($rounds).for_each(|script: &[u8]| {
            read(script);
            tally.count(read(&$crate::fuzz::edited(&examples, script)));
        });
        tally.check($rounds, $signed);
    }};
}
pub(crate) use fuzz;

/// An edited example: the script says which one, how many edits, and each edit in four bytes.
fn edited(examples: &[Vec<u8>], script: &[u8]) -> Vec<u8> {
    let [which, count, edits @ ..] = script else { return script.to_vec() };
    let mut bytes = examples[usize::from(*which) % examples.len()].clone();
    let (edits, _) = edits.as_chunks::<4>();
    for [what, high, low, value] in edits.iter().take(1 + usize::from(count % 3)) {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len().max(1);
        match what % 6 {
            _ if bytes.is_empty() => bytes.push(*value),
            0 => bytes[at] = *value,
            1 => bytes[at] ^= 1 << (value % 8),
            2 => bytes.insert(at, *value),
            3 => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().take(usize::from(*value)).copied().collect();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[test]
fn a_script_edits_an_example_in_every_way() {
    let examples = vec![vec![1, 2, 3, 4], vec![9]];
    let check = |script: &[u8], expected: &[u8]| assert_eq!(edited(&examples, script), expected, "{script:?}");
    check(&[0, 0], &[1, 2, 3, 4]);
    check(&[1, 0], &[9]);
    check(&[0, 0, 0, 0, 1, 7], &[1, 7, 3, 4]);
    check(&[0, 0, 1, 0, 1, 0], &[1, 3, 3, 4]);
    check(&[0, 0, 2, 0, 1, 7], &[1, 7, 2, 3, 4]);
    check(&[0, 0, 3, 0, 1, 7], &[1, 3, 4]);
    check(&[0, 0, 4, 0, 1, 7], &[1]);
    check(&[0, 0, 5, 0, 1, 2], &[1, 2, 3, 2, 3, 4]);
    check(&[0, 1, 4, 0, 0, 0, 0, 0, 0, 7], &[7]);
}
