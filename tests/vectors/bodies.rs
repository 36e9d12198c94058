//! Vectors of bodies: whether a body is the one its header names, and whether it opens.

use protocol::bytes::{
    cose::{self, Domain},
    seal::{self, NONCE, Secret},
};

use super::{
    Vector,
    cbor::{array, bytes, uint},
    entries::{LEN, REGISTRY, ROOT, SEQ, author, fields},
    hex,
};

const EPOCH_KEY: [u8; 32] = [11; 32];
const SEGMENT_KEY: [u8; 32] = [12; 32];
const NONCE_BYTES: [u8; NONCE] = [13; NONCE];

/// The recipe of a sealed body; each field can be wrong alone.
struct Recipe {
    padded: Vec<u8>,
    epoch_key: [u8; 32],
    committed: [u8; 32],
    bound_seq: u64,
    extra: bool,
}

impl Recipe {
    fn of(content: &[u8]) -> Self {
        let padded = seal::pad(content);
        Self { padded, epoch_key: EPOCH_KEY, committed: SEGMENT_KEY, bound_seq: 7, extra: false }
    }

    fn body(&self) -> Vec<u8> {
        let (epoch_key, key) = (Secret::new(self.epoch_key), Secret::new(SEGMENT_KEY));
        let commitment = seal::hash("habeas 1 segment commitment", &[&self.committed, &NONCE_BYTES]);
        let wrapped = seal::seal(&epoch_key, &NONCE_BYTES, &commitment, &SEGMENT_KEY);
        let segment = |ciphertext: &[u8]| {
            let parts = [bytes(&[9; 16]), bytes(&NONCE_BYTES), bytes(&wrapped), bytes(&commitment), bytes(ciphertext)];
            let parts = if self.extra { [&parts[..], &[uint(0)]].concat() } else { parts.to_vec() };
            array(&[array(&parts)])
        };
        let length = segment(&vec![0; self.padded.len() + seal::TAG]).len();
        let mut bound = fields(&author().public());
        (bound[SEQ], bound[ROOT], bound[LEN]) = (uint(self.bound_seq), vec![0xf6], uint(length as u64));
        let aad = [b"habeas/1/body", &REGISTRY.0[..], &array(&bound), &[0; 4]].concat();
        segment(&seal::seal(&key, &NONCE_BYTES, &aad, &self.padded))
    }
}

/// The entry of a body whose only segment is all but the first byte, with this length.
fn entry(body: &[u8], length: usize, kind: u64) -> Vec<u8> {
    let leaf = seal::hash("habeas 1 segment leaf", &[&[0; 4], body.get(1..).unwrap_or_default()]);
    let root = seal::hash("habeas 1 body root", &[&[0, 0, 0, 1], &leaf]);
    let mut header = fields(&author().public());
    (header[7], header[ROOT], header[LEN]) = (uint(kind), bytes(&root), uint(length as u64));
    let header = array(&header);
    cose::envelope(&header, &author().sign(Domain::Entry, &REGISTRY.0, &header))
}

pub(super) fn vectors() -> Vec<Vector> {
    let made = |name, verdict, why, entry: Vec<u8>, body: &[u8]| {
        let inputs = vec![
            ("registry", hex(&REGISTRY.0)),
            ("envelope", hex(&entry)),
            ("body", hex(body)),
            ("epoch_key", hex(&EPOCH_KEY)),
        ];
        Vector::new("body", name, verdict, why, inputs)
    };
    let own = |name, verdict, why, body: Vec<u8>| made(name, verdict, why, entry(&body, body.len(), 0), &body);
    let recipe = |name, verdict, why, recipe: Recipe| own(name, verdict, why, recipe.body());
    let said = b"what was said";
    let sound = Recipe::of(said).body();
    let named = entry(&sound, sound.len(), 0);
    let control = |content: &[u8]| array(&[array(&[bytes(content)])]);
    let flipped = |at: usize| {
        let mut body = sound.clone();
        body[at] ^= 1;
        body
    };
    let mut long_pad = Recipe::of(said);
    long_pad.padded.extend([0; 64]);
    let mut dirty_pad = Recipe::of(said);
    *dirty_pad.padded.last_mut().expect("padded") = 1;
    let mut lying_pad = Recipe::of(said);
    lying_pad.padded[..4].copy_from_slice(&600_u32.to_be_bytes());
    let mut no_pad = Recipe::of(said);
    no_pad.padded = said.to_vec();
    vec![
        recipe("sealed", "accepted", "a sealed body", Recipe::of(said)),
        recipe("sealed-empty", "accepted", "nothing said, padded like the rest", Recipe::of(b"")),
        recipe("sealed-508", "accepted", "the most that fits the smallest bucket", Recipe::of(&[7; 508])),
        recipe("sealed-509", "accepted", "one byte more: the next bucket", Recipe::of(&[7; 509])),
        made(
            "control",
            "accepted",
            "a control body, readable by every holder",
            entry(&control(said), control(said).len(), 3),
            &control(said),
        ),
        made("length-more", "length", "the header says one byte more", entry(&sound, sound.len() + 1, 0), &sound),
        made("length-less", "length", "the header says one byte less", entry(&sound, sound.len() - 1, 0), &sound),
        made("truncated", "length", "the last byte is missing", named.clone(), &sound[..sound.len() - 1]),
        made("first-byte", "root", "the array's head is another", named.clone(), &flipped(0)),
        made("second-byte", "root", "the segment's head is another", named.clone(), &flipped(1)),
        made("last-byte", "root", "one bit of the ciphertext is another", named.clone(), &flipped(sound.len() - 1)),
        own("segments-2", "root", "two segments", [&[0x82], &sound[1..], &sound[1..]].concat()),
        own("segments-0", "root", "no segment", vec![0x80]),
        own("indefinite", "root", "an array of indefinite length", [&[0x9f], &sound[1..], &[0xff]].concat()),
        recipe("parts-6", "shape", "a segment of six parts", Recipe { extra: true, ..Recipe::of(said) }),
        made(
            "sealed-as-control",
            "shape",
            "a sealed body under a kind that is readable",
            entry(&sound, sound.len(), 3),
            &sound,
        ),
        made(
            "control-as-sealed",
            "shape",
            "a readable body under a kind that is sealed",
            entry(&control(said), control(said).len(), 0),
            &control(said),
        ),
        recipe("other-epoch", "key", "the segment key is wrapped under another epoch's key", {
            Recipe { epoch_key: [14; 32], ..Recipe::of(said) }
        }),
        recipe("commitment", "commitment", "the commitment is to another segment key", {
            Recipe { committed: [15; 32], ..Recipe::of(said) }
        }),
        recipe("other-header", "ciphertext", "sealed for another place in the feed", {
            Recipe { bound_seq: 8, ..Recipe::of(said) }
        }),
        recipe("padding-bucket", "padding", "64 zeros more than the bucket has", long_pad),
        recipe("padding-dirty", "padding", "the last byte of the padding is not zero", dirty_pad),
        recipe("padding-lie", "padding", "the content is said to be longer than the plaintext", lying_pad),
        recipe("padding-none", "padding", "no padding at all", no_pad),
    ]
}
