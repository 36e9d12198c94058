//! CBOR by hand. The writer is a second one, so that vectors can be wrong in ways that the product cannot write. The
//! reader is a second one, so that accepted bytes are checked against the rule itself (SPEC §2), not against the
//! product's own encoder.

/// The shortest head of a major type and its argument.
pub(crate) fn head(major: u8, argument: u64) -> Vec<u8> {
    let first = major << 5;
    let wide = |info: u8, from: usize| [&[first | info], &argument.to_be_bytes()[from..]].concat();
    match argument {
        0..=23 => vec![first | u8::try_from(argument).expect("below 24")],
        24..=0xff => wide(24, 7),
        0x100..=0xffff => wide(25, 6),
        0x1_0000..=0xffff_ffff => wide(26, 4),
        _ => wide(27, 0),
    }
}

pub(crate) fn uint(value: u64) -> Vec<u8> {
    head(0, value)
}

pub(crate) fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u64), value.to_vec()].concat()
}

pub(crate) fn text(value: &str) -> Vec<u8> {
    [head(3, value.len() as u64), value.as_bytes().to_vec()].concat()
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

pub(crate) const NULL: [u8; 1] = [0xf6];
pub(crate) const TRUE: [u8; 1] = [0xf5];

/// Whether these bytes are canonical: one item in the one form SPEC §2 allows, with shortest heads and definite
/// lengths, without maps, tags or floats, and nothing after the end.
pub(crate) fn is_canonical(input: &[u8]) -> bool {
    item(input, 0) == Some(&[])
}

/// The rest after the first item.
fn item(input: &[u8], depth: usize) -> Option<&[u8]> {
    let (first, rest) = input.split_first()?;
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        return matches!(info, 20..=22).then_some(rest);
    }
    let (argument, rest) = match info {
        0..=23 => (u64::from(info), rest),
        24..=27 => {
            let (wide, rest) = rest.split_at_checked(1 << (info - 24))?;
            let argument = wide.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
            (argument, rest)
        }
        _ => return None,
    };
    if !input.starts_with(&head(major, argument)) {
        return None;
    }
    match major {
        0 => Some(rest),
        2 => rest.get(usize::try_from(argument).ok()?..),
        3 => {
            let (text, rest) = rest.split_at_checked(usize::try_from(argument).ok()?)?;
            std::str::from_utf8(text).is_ok().then_some(rest)
        }
        4 if depth < 8 => (0..argument).try_fold(rest, |rest, _| item(rest, depth + 1)),
        _ => None,
    }
}

#[test]
fn the_second_reading_of_cbor_knows_the_one_form() {
    for sound in [&b"\x82\x01\x61a"[..], b"\x00", b"\x18\x18", b"\x19\x01\x00", b"\xf6", b"\x83\xf4\xf5\x41\x00"] {
        assert!(is_canonical(sound), "{sound:02x?}");
    }
    let unsound = [
        &b""[..],
        b"\x18\x17",
        b"\x19\x00\xff",
        b"\x9f\xff",
        b"\xa0",
        b"\xd2\x80",
        b"\xf9\x00\x00",
        b"\x81",
        b"\x80\x80",
        b"\x20",
        b"\x42\x00",
        b"\x61\xff",
    ];
    for bytes in unsound {
        assert!(!is_canonical(bytes), "{bytes:02x?}");
    }
}
