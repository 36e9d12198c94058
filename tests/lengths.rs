//! Lengths of bodies: they reveal one of a few steps, and nothing about the kind of case.
//!
//! An observer of the network or a disk sees when somebody writes and how much, in steps of Padmé. A person who states
//! a fact or two writes the same number of bytes, whatever the facts are. The size of an imported file does show, in
//! steps.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    app::import,
    bytes::{
        ids::{
            BodyRoot, CharterHash, CircleId, EntityId, EntryId, EpochId, FeedKey, Incarnation, RegistryId, SectionId,
        },
        seal::{Entropy, Secret, TAG},
    },
    log::{
        body,
        entry::{FeedId, Header, Kind},
    },
    record::{
        schema::{Schema, Value},
        section::assertion::{Assertion, ClaimedTime, Plain, Statement},
    },
};
use serde_json::json;

const SEED: [u8; 32] = [0x15; 32];
/// The number of case files.
const CASES: usize = 10_000;
/// The kinds of case files, all of the same frequency, with texts of different lengths.
const KINDS: [&str; 4] = ["mobilised", "conscript", "contract_coerced", "pmc"];

/// A number below `end`.
fn below(entropy: &mut Entropy, end: usize) -> usize {
    let number = u64::from_be_bytes(entropy.bytes());
    usize::try_from(number % end as u64).expect("below a length")
}

/// A case file of a kind, with a random amount of content.
fn case(number: usize, kind: &str, entropy: &mut Entropy) -> serde_json::Value {
    let places = ["filtration_unit", "sizo", "transfer_etap", "colony_strict", "mil_hospital"];
    let detention: Vec<_> = (0..below(entropy, 30))
        .map(|_| json!({ "type": places[below(entropy, places.len())], "from": "2024-01-15", "contact_family": false }))
        .collect();
    json!({
        "case_id": format!("LEN-{number:05}"),
        "origin_org": "org:alpha",
        "person": { "birth": "1986", "sex": "m" },
        "service": { "category": kind },
        "detention": detention,
    })
}

/// The length of the body with these statements.
fn length(statements: Vec<Statement>, section: SectionId, entropy: &mut Entropy) -> usize {
    let claimed_time = ClaimedTime(1_795_515_600);
    let plain = Plain { schema: Schema::VERSION, section, claimed_time, deps: vec![], batch: None, statements };
    let header = Header {
        feed: FeedId { circle: CircleId([1; 16]), key: FeedKey([2; 32]), run: Incarnation([3; 8]) },
        seq: 5,
        prev: EntryId([4; 32]),
        charter: CharterHash([5; 32]),
        kind: Kind::ASSERTIONS,
        body_root: BodyRoot([0; 32]),
        body_len: 1,
    };
    let plain = plain.encode().expect("far below the limit");
    let epoch_key = Secret::new([7; 32]);
    let (header, body) = body::seal_for(&RegistryId([8; 32]), header, EpochId([9; 16]), &epoch_key, &plain, entropy);
    assert_eq!(header.body_len, body.bytes().len() as u64);
    body.bytes().len()
}

/// Whether a length is one of Padmé (PURBs, PoPETs 2019): as many low bits of a length are zero as it has bits to
/// spare.
fn is_padme(length: usize) -> bool {
    let (mut exponent, mut left) = (0, length);
    while left > 1 {
        (exponent, left) = (exponent + 1, left / 2);
    }
    let (mut kept, mut left) = (0, exponent);
    while left > 0 {
        (kept, left) = (kept + 1, left / 2);
    }
    length.is_multiple_of(1 << (exponent - kept))
}

#[test]
fn the_length_of_a_case_file_is_a_step_of_padme_and_does_not_tell_its_kind() {
    println!("seed {SEED:02x?}");
    let mut entropy = Entropy::new(SEED);
    let kinds: Vec<usize> = (0..CASES).map(|_| below(&mut entropy, KINDS.len())).collect();
    let cases: Vec<_> =
        kinds.iter().enumerate().map(|(number, kind)| case(number, KINDS[*kind], &mut entropy)).collect();
    let mut ids = Entropy::new([0x16; 32]);
    // The case files are imported in groups: a file has at most so many.
    let mut seen = Vec::new();
    for (cases, kinds) in cases.chunks(500).zip(kinds.chunks(500)) {
        let file = json!({ "cases": cases }).to_string();
        let read = import::import_telling(file.as_bytes(), &mut || EntityId(ids.bytes()), &mut |_, _| ());
        for (imported, kind) in read.expect("a sound file").into_iter().zip(kinds) {
            let section = SectionId(imported.root.0);
            let statements = imported.statements.into_iter().map(|draft| {
                let import::Draft { entity, field, value, sources, grade, reported_by } = draft;
                Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by })
            });
            seen.push((length(statements.collect(), section, &mut entropy), *kind));
        }
    }
    assert_eq!(seen.len(), CASES);

    // SPEC §Bodies: around the padded text are two arrays of one byte, four fields of 17, 26, 50 and 34, three bytes of
    // length, and a tag.
    let lengths: BTreeSet<_> = seen.iter().map(|(length, _)| *length).collect();
    assert!((4..120).contains(&lengths.len()), "{} lengths", lengths.len());
    let padded = lengths.iter().map(|length| length - (2 + 17 + 26 + 50 + 34 + 3) - TAG);
    let odd: Vec<_> = padded.filter(|padded| !is_padme(*padded)).collect();
    assert!(odd.is_empty(), "no steps of Padmé: {odd:?}");

    // An observer learns from half of the lengths which kind goes with which, and guesses the other half.
    let (learnt, guessed) = seen.split_at(CASES / 2);
    let mut counts: BTreeMap<usize, [usize; KINDS.len()]> = BTreeMap::new();
    learnt.iter().for_each(|(length, kind)| counts.entry(*length).or_default()[*kind] += 1);
    let guess = |length: &usize| {
        let counts = counts.get(length).copied().unwrap_or_default();
        (0..KINDS.len()).max_by_key(|kind| counts[*kind]).expect("there are kinds")
    };
    let right = guessed.iter().filter(|(length, kind)| guess(length) == *kind).count();
    let most = (0..KINDS.len()).map(|kind| guessed.iter().filter(|(_, is)| *is == kind).count()).max();
    let (right, chance) = (right as f64 / guessed.len() as f64, most.unwrap_or(0) as f64 / guessed.len() as f64);
    println!("{} lengths; {:.2} % guessed, chance is {:.2} %", lengths.len(), right * 100.0, chance * 100.0);
    assert!(right <= chance + 0.02, "{right} of the kinds are guessed from lengths; chance is {chance}");
}

/// A fact or two have one length, whatever they are. An observer of a connection sees that somebody wrote, but not
/// what, nor in which of the fields that people use every day.
#[test]
fn a_fact_or_two_have_one_length_whatever_they_are() {
    let mut entropy = Entropy::new(SEED);
    let fact = |field: &str, value: &str, entropy: &mut Entropy| {
        let (entity, value) = (EntityId(entropy.bytes()), Value::Text(value.to_owned()));
        let (sources, grade) = (vec![EntityId(entropy.bytes())], Some("B2".to_owned()));
        let field = field.to_owned();
        Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by: None })
    };
    let mut lengths = BTreeSet::new();
    for kind in KINDS {
        for field in ["service_record.category", "capture_episode.date", "detention_episode.type", "person.phone"] {
            for count in 1..=2 {
                let facts = (0..count).map(|_| fact(field, kind, &mut entropy)).collect();
                lengths.insert(length(facts, SectionId(entropy.bytes()), &mut entropy));
            }
        }
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}
