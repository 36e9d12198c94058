//! Vectors of entries: envelope, header, domain of the signature.

use protocol::bytes::{
    cose::{Domain, Signer, envelope},
    ids::RegistryId,
    limits::BODY_BYTES,
    seal::Secret,
};

use super::{
    Vector,
    cbor::{NULL, TRUE, array, bytes, head, text, uint},
    hex,
};

pub(super) const REGISTRY: RegistryId = RegistryId([8; 32]);
pub(super) const PROTECTED: [u8; 3] = [0xa1, 0x01, 0x27];

pub(super) fn author() -> Signer {
    Signer::new(&Secret::new([3; 32]))
}

/// The ten fields of a sound header, each encoded.
pub(super) fn fields(key: &[u8; 32]) -> Vec<Vec<u8>> {
    vec![
        uint(1),
        bytes(&[1; 16]),
        bytes(key),
        bytes(&[2; 8]),
        uint(7),
        bytes(&[4; 32]),
        bytes(&[5; 32]),
        uint(0),
        bytes(&[6; 32]),
        uint(700),
    ]
}

pub(super) const SEQ: usize = 4;
pub(super) const ROOT: usize = 8;
pub(super) const LEN: usize = 9;
const KIND: usize = 7;

fn header() -> Vec<u8> {
    array(&fields(&author().public()))
}

/// A sound header with one field replaced.
fn with(at: usize, item: Vec<u8>) -> Vec<u8> {
    let mut fields = fields(&author().public());
    fields[at] = item;
    array(&fields)
}

/// The inputs that an implementation gets: registry and envelope.
pub(super) fn inputs(envelope: &[u8]) -> Vec<(&'static str, String)> {
    vec![("registry", hex(&REGISTRY.0)), ("envelope", hex(envelope))]
}

pub(super) fn signature(header: &[u8]) -> [u8; 64] {
    author().sign(Domain::Entry, &REGISTRY.0, header)
}

/// A signed envelope whose signature is sound: the header is the only fault.
fn signed(header: &[u8]) -> Vec<u8> {
    envelope(header, &signature(header))
}

/// An envelope from its parts, which need not be sound.
fn parts(protected: &[u8], unprotected: &[u8], payload: Vec<u8>, signature: &[u8]) -> Vec<u8> {
    array(&[bytes(protected), unprotected.to_vec(), payload, bytes(signature)])
}

pub(super) fn vectors() -> Vec<Vector> {
    let entry = |name, verdict, why, envelope: Vec<u8>| Vector::new("entry", name, verdict, why, inputs(&envelope));
    let of_header = |name, verdict, why, header: Vec<u8>| entry(name, verdict, why, signed(&header));
    let number = |value: u64| uint(value);
    let mut list = vec![
        of_header("plain", "accepted", "a sound entry", header()),
        of_header("kind-of-tomorrow", "accepted", "an unknown kind is kept and carried", with(KIND, number(77))),
        of_header("kind-largest", "accepted", "kinds are any 64-bit number", with(KIND, number(u64::MAX))),
        of_header("seq-first", "accepted", "seq starts at 1", with(SEQ, number(1))),
        of_header("seq-last", "accepted", "the last number but one may be used", with(SEQ, number(u64::MAX - 1))),
        of_header("body-largest", "accepted", "body_len at its limit", with(LEN, number(BODY_BYTES.0 as u64))),
        of_header("suite-2", "later", "a suite of a newer version is no fault", with(0, number(2))),
        of_header("suite-24", "later", "a suite in two bytes", with(0, number(24))),
        of_header("suite-255", "later", "the last suite that one byte can name", with(0, number(255))),
        of_header("suite-0", "malformed", "there is no suite 0 and there will be none", with(0, number(0))),
        of_header("suite-256", "malformed", "suites are one byte", with(0, number(256))),
        of_header("suite-text", "malformed", "the suite is no number", with(0, text("1"))),
        of_header("seq-0", "malformed", "seq starts at 1", with(SEQ, number(0))),
        of_header("seq-beyond", "malformed", "seq never reaches the last number", with(SEQ, number(u64::MAX))),
        of_header("seq-float", "malformed", "1.0 in place of an integer", with(SEQ, vec![0xf9, 0x3c, 0x00])),
        of_header(
            "seq-double",
            "malformed",
            "7.0 in place of an integer",
            with(SEQ, [&[0xfb][..], &7_f64.to_be_bytes()].concat()),
        ),
        of_header("seq-bool", "malformed", "true in place of an integer", with(SEQ, TRUE.to_vec())),
        of_header("seq-null", "malformed", "null in place of an integer", with(SEQ, NULL.to_vec())),
        of_header("seq-negative", "malformed", "−1 in place of an unsigned integer", with(SEQ, head(1, 0))),
        of_header("seq-bignum", "malformed", "a tagged big number", with(SEQ, vec![0xc2, 0x41, 0x07])),
        of_header("seq-long", "malformed", "7 in two bytes", with(SEQ, vec![0x18, 0x07])),
        of_header("kind-text", "malformed", "a text in place of a kind", with(KIND, text("0"))),
        of_header("kind-bool", "malformed", "false in place of a kind", with(KIND, vec![0xf4])),
        of_header("body-0", "malformed", "no body is empty", with(LEN, number(0))),
        of_header("body-beyond", "malformed", "body_len beyond its limit", with(LEN, number(BODY_BYTES.0 as u64 + 1))),
        of_header("body-beyond-32-bits", "malformed", "body_len beyond 32 bits", with(LEN, number((1 << 32) + 700))),
        of_header("root-null", "malformed", "null stands only where a body is sealed", with(ROOT, NULL.to_vec())),
        of_header("root-text", "malformed", "a text in place of bytes", with(ROOT, text(&"r".repeat(32)))),
        of_header("root-short", "malformed", "body_root of 31 bytes", with(ROOT, bytes(&[6; 31]))),
        of_header("circle-short", "malformed", "circle of 15 bytes", with(1, bytes(&[1; 15]))),
        of_header("circle-long", "malformed", "circle of 17 bytes", with(1, bytes(&[1; 17]))),
        of_header("key-short", "malformed", "feed_key of 31 bytes", with(2, bytes(&[3; 31]))),
        of_header("incarnation-long", "malformed", "incarnation of 9 bytes", with(3, bytes(&[2; 9]))),
        of_header("prev-long", "malformed", "prev of 33 bytes", with(5, bytes(&[4; 33]))),
        of_header("charter-short", "malformed", "charter of 31 bytes", with(6, bytes(&[5; 31]))),
        of_header("fields-9", "malformed", "nine fields", array(&fields(&author().public())[..9])),
        of_header(
            "fields-11",
            "malformed",
            "eleven fields",
            array(&[fields(&author().public()), vec![uint(0)]].concat()),
        ),
        of_header("header-map", "malformed", "a map with integer keys", {
            let fields = fields(&author().public());
            [head(5, 10), (0..10).flat_map(|at| [uint(at as u64), fields[at].clone()].concat()).collect()].concat()
        }),
        of_header(
            "header-trailing",
            "malformed",
            "a byte after the header, signed with it",
            [header(), vec![0]].concat(),
        ),
        of_header("header-indefinite", "malformed", "a header of indefinite length", {
            [&[0x9f][..], &fields(&author().public()).concat(), &[0xff]].concat()
        }),
        of_header("header-empty", "malformed", "an empty payload", vec![]),
    ];
    let (sound, good) = (signed(&header()), signature(&header()));
    let long_payload = [&[0x59][..], &(header().len() as u16).to_be_bytes(), &header()].concat();
    let chunked = [&[0x5f][..], &bytes(&header()), &[0xff]].concat();
    list.extend([
        entry("trailing", "malformed", "a byte after the envelope", [&sound[..], &[0]].concat()),
        entry("truncated", "malformed", "one byte short", sound[..sound.len() - 1].to_vec()),
        entry("empty", "malformed", "nothing at all", vec![]),
        entry("tag-18", "malformed", "tag 18 is added on export only", [&[0xd2], &sound[..]].concat()),
        entry(
            "payload-long",
            "malformed",
            "a length in more bytes than it needs",
            parts(&PROTECTED, &[0xa0], long_payload, &good),
        ),
        entry(
            "payload-chunked",
            "malformed",
            "a payload of indefinite length",
            parts(&PROTECTED, &[0xa0], chunked, &good),
        ),
        entry("payload-detached", "malformed", "a detached payload", parts(&PROTECTED, &[0xa0], NULL.to_vec(), &good)),
        entry("indefinite", "malformed", "an envelope of indefinite length", [&[0x9f], &sound[1..], &[0xff]].concat()),
        entry("parts-5", "malformed", "five parts", [&[0x85], &sound[1..], &NULL].concat()),
        entry("unprotected", "malformed", "an unprotected header that is not empty", {
            parts(&PROTECTED, &[0xa1, 0x04, 0x41, 0x00], bytes(&header()), &good)
        }),
        entry("algorithm-es256", "malformed", "another algorithm", {
            parts(&[0xa1, 0x01, 0x26], &[0xa0], bytes(&header()), &good)
        }),
        entry("protected-empty", "malformed", "no algorithm", parts(&[], &[0xa0], bytes(&header()), &good)),
        entry("protected-more", "malformed", "the algorithm and a key id", {
            parts(&[0xa2, 0x01, 0x27, 0x04, 0x41, 0x00], &[0xa0], bytes(&header()), &good)
        }),
        entry("signature-65", "malformed", "a signature of 65 bytes", {
            parts(&PROTECTED, &[0xa0], bytes(&header()), &[&good[..], &[0]].concat())
        }),
        entry("signature-63", "malformed", "a signature of 63 bytes", {
            parts(&PROTECTED, &[0xa0], bytes(&header()), &good[..63])
        }),
        entry("other-registry", "bad signature", "signed for another registry", {
            envelope(&header(), &author().sign(Domain::Entry, &[9; 32], &header()))
        }),
        entry("other-domain", "bad signature", "signed as a genesis of the same registry", {
            envelope(&header(), &author().sign(Domain::Genesis, &REGISTRY.0, &header()))
        }),
        entry("other-key", "bad signature", "signed by another key than the header names", {
            envelope(&header(), &Signer::new(&Secret::new([4; 32])).sign(Domain::Entry, &REGISTRY.0, &header()))
        }),
        entry(
            "other-header",
            "bad signature",
            "the signature of the entry before",
            envelope(&with(SEQ, number(8)), &good),
        ),
    ]);
    list
}
