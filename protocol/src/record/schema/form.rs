//! Canonical forms of text: lines, paragraphs, addresses, amounts, and the formats of identifiers.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::Format;
use crate::record::citation::{Article, CourtNumber, CourtUid, is_court_id};

/// Length limit of a perceptual hash in hex digits.
const PHASH_DIGITS: usize = 72;
/// Length limit of a media type in bytes (RFC 6838 allows 127 + 127).
const MEDIA_BYTES: usize = 127;

pub(super) fn has_format(format: Format, text: &str) -> bool {
    let is_number = |text: &str| text.parse::<CourtNumber>().is_ok_and(|number| number.to_string() == text);
    let is_uid = |text: &str| text.parse::<CourtUid>().is_ok_and(|uid| uid.to_string() == text);
    match format {
        Format::RandomId => text.len() == 32 && text.bytes().all(is_lower_hex),
        Format::CourtNumber => is_number(text),
        Format::CourtId => is_court_id(text),
        Format::CourtUid => is_uid(text),
        Format::Norm => is_norm(text),
        Format::Provision => matches!(Article::read_all(text).as_deref(), Ok([article]) if article.to_string() == text),
        Format::Judgment => {
            is_number(text) || is_uid(text) || text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
        }
        Format::Domain => is_domain(text) && text.contains('.'),
    }
}

pub(super) fn example(format: Format) -> &'static str {
    match format {
        Format::RandomId => "32 lower-case hex digits",
        Format::CourtNumber => "a court number such as 1-117/2022",
        Format::CourtId => "the code of a court, such as 27GV0008",
        Format::CourtUid => "a UID such as 27GV0008-01-2019-000081-20",
        Format::Norm => "a norm such as RU-CPC-241.2.1 or RU-SC-PLENUM-11/2023",
        Format::Provision => "one article, such as ст. 158 ч. 3 п. в",
        Format::Judgment => "a UID, a court number or the number of a published text",
        Format::Domain => "a domain name such as example.org",
    }
}

/// Whether `text` is a norm, such as `RU-CPC-241.2.1` or `RU-SC-PLENUM-11/2023`: capitals, then numbers, which leaves
/// no room for a name or a sentence.
fn is_norm(text: &str) -> bool {
    let (norm, year) = text.split_once('/').map_or((text, None), |(norm, year)| (norm, Some(year)));
    let Some((act, article)) = norm.rsplit_once('-') else { return false };
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    act.split('-').all(word)
        && article.split('.').all(|part| digits(part, 4))
        && year.is_none_or(|year| digits(year, 4))
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

pub(super) fn is_hash(text: &str) -> bool {
    match text.split_once(':') {
        Some(("sha256" | "blake3", hex)) => hex.len() == 64 && hex.bytes().all(is_lower_hex),
        Some(("phash", hex)) => (1..=PHASH_DIGITS).contains(&hex.len()) && hex.bytes().all(is_lower_hex),
        _ => false,
    }
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

pub(super) fn is_media_type(media: &str) -> bool {
    let name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&-^_.+".contains(&byte))
    };
    media.len() <= MEDIA_BYTES && media.split_once('/').is_some_and(|(kind, subtype)| name(kind) && name(subtype))
}

/// Normalises a line: composed (NFC), one line, single spaces, no bidirectional control characters.
pub(super) fn one_line(text: &str) -> String {
    let visible: String =
        composed(text).chars().filter(|c| !is_bidi(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Normalises a paragraph: composed (NFC), LF only, trimmed, no bidirectional control characters.
pub(super) fn paragraph(text: &str) -> String {
    let text = composed(text).replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let visible = text.chars().filter(|c| !is_bidi(*c)).map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    visible.collect::<String>().trim().to_owned()
}

fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { text.into() } else { text.nfc().collect::<String>().into() }
}

/// Whether `c` is a bidirectional control (embedding, override, isolate or mark), which can show text in another order
/// than it is written.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

pub(super) fn whole(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Parses «195 000,50 руб.» as whole roubles, half up from kopecks.
pub(super) fn roubles(text: &str) -> Option<u64> {
    let text = text.to_lowercase();
    let text = text.trim_end_matches(['₽', 'р', 'у', 'б', 'л', 'е', 'й', 'я', 'ь', '.', ' ']);
    let text = text.strip_suffix("rub").unwrap_or(text).trim();
    match text.split_once([',', '.']) {
        None => whole(text),
        Some((roubles, kopecks)) if (1..=2).contains(&kopecks.len()) => {
            let up = kopecks.bytes().all(|byte| byte.is_ascii_digit()).then(|| kopecks.as_bytes()[0] >= b'5')?;
            whole(roubles)?.checked_add(u64::from(up))
        }
        Some(_) => None,
    }
}

/// Serialises an address as the WHATWG URL standard does; none for an address that is not accepted: another scheme, a
/// user part, a host that is not ASCII. The fragment never leaves a browser and is dropped.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.split('#').next().expect("a split has a first part");
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match &*scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let port_fits = port.is_none_or(|port| {
        !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    if !is_domain(name) || !port_fits {
        return None;
    }
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    if path.contains('\\') || path.split('/').any(|part| part == "." || part == "..") {
        return None;
    }
    let path = if path.is_empty() { "/" } else { path };
    let query = query.map(|query| format!("?{}", escaped(query))).unwrap_or_default();
    Some(format!("{scheme}://{host}{}{query}", escaped(path)))
}

/// Percent-encodes characters that a path or query may not contain.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>`{}^|'\\".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
