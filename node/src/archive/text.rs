//! Rendering of untrusted text on the page: escaped by the page, with hidden and steering characters made visible here.

use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// First character of a script written from right to left: Hebrew (Unicode, blocks).
const FIRST_FROM_RIGHT: char = '\u{590}';

/// Renders a text, isolated from the writing direction around it. Control characters, marks that turn the writing
/// direction and invisible characters are shown by name, since two texts that look alike must not differ unseen. A text
/// of scripts that are all written from left to right needs no isolation.
pub(super) fn text(text: &str) -> Markup {
    if text.chars().all(|char| char < FIRST_FROM_RIGHT && (char == '\n' || !is_hidden(char))) {
        return html! { (text) };
    }
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for char in text.chars() {
        if char != '\n' && is_hidden(char) {
            pieces.push((std::mem::take(&mut plain), Some(char)));
        } else {
            plain.push(char);
        }
    }
    pieces.push((plain, None));
    html! {
        bdi {
            @for (plain, hidden) in pieces {
                (plain)
                @if let Some(hidden) = hidden { span.mark { (format!("U+{:04X}", u32::from(hidden))) } }
            }
        }
    }
}

/// Renders a time to the minute in a zone, with the offset from UTC (RFC 3339). A time that was recorded to the day is
/// rendered as that day in every zone. The machine-readable attribute is UTC.
pub(super) fn moment(seconds: u64, zone: &TimeZone) -> Markup {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let Some(time) = time else { return html! { time { "?" } } };
    if seconds.is_multiple_of(DAY) {
        return html! { time { (time.strftime("%Y-%m-%d")) } };
    }
    let form = if zone_name(zone).is_none() && zone.iana_name().is_some() {
        "%Y-%m-%d %H:%M UTC"
    } else {
        "%Y-%m-%d %H:%M %:z"
    };
    html! { time datetime=(time) { (time.to_zoned(zone.clone()).strftime(form)) } }
}

/// Returns the IANA name of a zone, if it has one and is not UTC.
pub(super) fn zone_name(zone: &TimeZone) -> Option<&str> {
    zone.iana_name().filter(|name| !matches!(*name, "UTC" | "UCT" | "Zulu" | "Etc/UTC" | "Etc/UCT" | "Etc/Zulu"))
}

/// Whether a character is hidden or steers: controls, bidirectional marks (Unicode TR 9), zero-width and invisible
/// characters, line separators, variation selectors and tags.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_hides_is_named_and_the_rest_stays() {
        let check = |given: &str, expected: &str| {
            assert_eq!(text(given).into_string(), format!("<bdi>{expected}</bdi>"));
        };
        for (given, expected) in [
            ("Берёзкин, їжак", "Берёзкин, їжак"),
            ("two\nlines", "two\nlines"),
            ("<b onclick='x'>\"&", "&lt;b onclick='x'&gt;&quot;&amp;"),
        ] {
            assert_eq!(text(given).into_string(), expected);
        }
        check("<שלום", "&lt;שלום");
        check("a\u{202e}b\u{200b}", r#"a<span class="mark">U+202E</span>b<span class="mark">U+200B</span>"#);
        let mark = |code: &str| format!(r#"<span class="mark">U+{code}</span>"#);
        check("\u{7}[31m\t", &format!("{}[31m{}", mark("0007"), mark("0009")));
    }

    #[test]
    fn a_time_is_no_finer_than_it_was_recorded() {
        let check = |seconds, zone: &TimeZone, expected: &str| {
            assert_eq!(moment(seconds, zone).into_string(), format!("<time{expected}</time>"));
        };
        let kyiv = TimeZone::get("Europe/Kyiv").expect("the zone is in the system's or the built-in database");
        for zone in [&TimeZone::UTC, &kyiv] {
            check(0, zone, ">1970-01-01");
            check(u64::MAX, zone, ">?");
        }
        let utc = " datetime=\"2026-11-23T23:30:00Z\">";
        check(1_795_476_600, &TimeZone::UTC, &format!("{utc}2026-11-23 23:30 UTC"));
        check(1_795_476_600, &kyiv, &format!("{utc}2026-11-24 01:30 +02:00"));
        check(1_795_476_600, &TimeZone::fixed(jiff::tz::offset(3)), &format!("{utc}2026-11-24 02:30 +03:00"));
        assert_eq!((zone_name(&kyiv), zone_name(&TimeZone::UTC)), (Some("Europe/Kyiv"), None));
    }
}
