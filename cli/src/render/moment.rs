//! Times as people read them: in the form of the language, in the person's time zone, no finer than they were recorded.
//!
//! A time is followed by the zone's difference from UTC (RFC 3339), so that it is unambiguous in other zones; the
//! zone's name is given once, in the line that says as of when. A time recorded to the day is that day everywhere. Like
//! the language, the zone is a property of the thread: one command has one.

use std::cell::RefCell;

use habeas_texts::language;
use jiff::{Timestamp, Zoned, civil, tz::TimeZone};
use protocol::record::schema::Language;

use crate::texts::dates;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

thread_local! {
    static ZONE: RefCell<TimeZone> = const { RefCell::new(TimeZone::UTC) };
}

/// Tells times in this zone from now on.
pub(crate) fn tell_times_in(zone: TimeZone) {
    ZONE.set(zone);
}

/// Runs `say` with times in UTC, for the output to other programs.
pub(crate) fn in_utc<T>(say: impl FnOnce() -> T) -> T {
    let zone = ZONE.replace(TimeZone::UTC);
    let said = say();
    ZONE.set(zone);
    said
}

/// The name of the zone, by which the node, a program of the same machine, finds it; none for a zone that has only
/// rules.
pub(crate) fn zone_name() -> Option<String> {
    ZONE.with_borrow(|zone| zone.iana_name().map(str::to_owned))
}

/// The moment to the minute, or the day alone for times that were recorded to the day.
pub(crate) fn moment(seconds: u64) -> String {
    if seconds.is_multiple_of(DAY) {
        only_day(seconds)
    } else {
        in_form(seconds, &format!("{} %H:%M {{zone}}", day_form()))
    }
}

/// The moment and the zone's name: for the line that says as of when.
pub(crate) fn moment_and_zone(seconds: u64) -> String {
    let name = ZONE.with_borrow(|zone| zone.iana_name().filter(|name| !is_utc(name)).map(|name| format!(" ({name})")));
    let name = name.filter(|_| !seconds.is_multiple_of(DAY)).unwrap_or_default();
    moment(seconds) + &name
}

/// The moment in ISO 8601, UTC, in every language: for tables that other programs read.
pub(crate) fn iso(seconds: u64) -> String {
    let form = if seconds.is_multiple_of(DAY) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    in_utc(|| in_form(seconds, form))
}

/// The day alone.
pub(crate) fn only_day(seconds: u64) -> String {
    let say = || in_form(seconds, day_form());
    // A recorded day is no moment that could lie in another day of another zone.
    if seconds.is_multiple_of(DAY) { in_utc(say) } else { say() }
}

const fn is_utc(name: &str) -> bool {
    matches!(name.as_bytes(), b"UTC" | b"UCT" | b"Zulu" | b"Etc/UTC" | b"Etc/UCT" | b"Etc/Zulu")
}

fn day_form() -> &'static str {
    if language::current() == Language::En { "%Y-%m-%d" } else { "%d.%m.%Y" }
}

/// The time in a form of strftime(3), in which `{zone}` stands for the difference from UTC.
fn in_form(seconds: u64, form: &str) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let said = |time: Timestamp| {
        let time: Zoned = ZONE.with_borrow(|zone| time.to_zoned(zone.clone()));
        let zone = if time.time_zone().iana_name().is_some_and(is_utc) { "UTC" } else { "%:z" };
        time.strftime(&form.replace("{zone}", zone)).to_string()
    };
    time.map_or_else(|| "?".to_owned(), said)
}

/// A day or other date of the record in the current language, as exactly as it is known; a text that is no date stays
/// unchanged. The result can be typed as a value.
pub(crate) fn day(text: &str) -> String {
    date(text).unwrap_or_else(|| text.to_owned())
}

/// A date: `A`, `A/B`, `../B`, `A/..`.
fn date(text: &str) -> Option<String> {
    Some(match text.split_once('/') {
        None => point(text, false)?,
        Some(("..", to)) => dates::date_until(&point(to, true)?),
        Some((from, "..")) => dates::date_since(&point(from, true)?),
        Some((from, to)) => format!("{} – {}", point(from, false)?, point(to, false)?),
    })
}

/// A point in time: a day, month, season, quarter or year, perhaps approximate; with `after`, in the grammatical case
/// that follows a preposition.
fn point(text: &str, after: bool) -> Option<String> {
    match text.strip_suffix('~') {
        Some(text) => unit(text, true).map(|unit| dates::date_about(&unit)),
        None => unit(text, after),
    }
}

fn unit(text: &str, after: bool) -> Option<String> {
    if text.bytes().any(|byte| byte != b'-' && !byte.is_ascii_digit()) {
        return None;
    }
    let parts: Vec<_> = text.split('-').collect();
    match *parts {
        [year] if year.len() == 4 => Some(if after { dates::date_year_of(year) } else { year.to_owned() }),
        [year, part] if year.len() == 4 => part_of_year(year, part.parse().ok()?, after),
        [_, _, _] => {
            let day: civil::Date = text.parse().ok()?;
            Some(day.strftime(day_form()).to_string())
        }
        _ => None,
    }
}

/// A part of a year: months 1 to 12, seasons 21 to 24, quarters 33 to 36 (ISO 8601-2).
fn part_of_year(year: &str, part: u64, after: bool) -> Option<String> {
    Some(match (part, after) {
        (1..=12, false) => dates::date_month(part, year),
        (1..=12, true) => dates::date_month_of(part, year),
        (21..=24, false) => dates::date_season(part - 20, year),
        (21..=24, true) => dates::date_season_of(part - 20, year),
        (33..=36, false) => dates::date_quarter(part - 32, year),
        (33..=36, true) => dates::date_quarter_of(part - 32, year),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use protocol::record::date::Date;

    use super::*;

    #[test]
    fn a_time_is_shown_as_finely_as_it_was_recorded() {
        let check = |seconds, expected: &str| assert_eq!(moment(seconds), expected);
        check(1_795_478_400, "2026-11-24");
        check(1_795_478_460, "2026-11-24 00:01 UTC");
        check(0, "1970-01-01");
        check(u64::MAX, "?");
        for language in [Language::Ru, Language::Uk] {
            language::set(language);
            check(1_795_478_400, "24.11.2026");
            check(1_795_478_460, "24.11.2026 00:01 UTC");
            check(u64::MAX, "?");
        }
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("the zone is in the system's or the built-in database")
    }

    #[test]
    fn a_time_is_shown_in_the_persons_zone_and_a_day_is_the_same_day_everywhere() {
        let check = |name: &str, seconds, expected: &str, as_of: &str| {
            tell_times_in(zone(name));
            assert_eq!((&*moment(seconds), &*moment_and_zone(seconds)), (expected, as_of));
        };
        // The cases: winter and summer; across midnight; half an hour; a zone equal to UTC that still has a name of its
        // own.
        check("Europe/Kyiv", 1_795_516_200, "2026-11-24 12:30 +02:00", "2026-11-24 12:30 +02:00 (Europe/Kyiv)");
        check("Europe/Kyiv", 1_783_334_400, "2026-07-06 13:40 +03:00", "2026-07-06 13:40 +03:00 (Europe/Kyiv)");
        check(
            "Asia/Vladivostok",
            1_795_532_400,
            "2026-11-25 01:00 +10:00",
            "2026-11-25 01:00 +10:00 (Asia/Vladivostok)",
        );
        check(
            "America/St_Johns",
            1_795_478_460,
            "2026-11-23 20:31 -03:30",
            "2026-11-23 20:31 -03:30 (America/St_Johns)",
        );
        check("Europe/London", 1_795_478_460, "2026-11-24 00:01 +00:00", "2026-11-24 00:01 +00:00 (Europe/London)");
        for utc in ["UTC", "Etc/UTC"] {
            check(utc, 1_795_478_460, "2026-11-24 00:01 UTC", "2026-11-24 00:01 UTC");
        }
        for name in ["Europe/Kyiv", "America/St_Johns"] {
            check(name, 1_795_478_400, "2026-11-24", "2026-11-24");
        }
        tell_times_in(zone("Asia/Vladivostok"));
        assert_eq!((&*only_day(1_795_532_400), &*only_day(1_795_478_400)), ("2026-11-25", "2026-11-24"));
        assert_eq!(
            (&*iso(1_795_532_400), &*in_utc(|| moment(1_795_532_400))),
            ("2026-11-24 15:00", "2026-11-24 15:00 UTC")
        );
        language::set(Language::Uk);
        assert_eq!(moment_and_zone(1_795_532_400), "25.11.2026 01:00 +10:00 (Asia/Vladivostok)");
    }

    #[test]
    fn a_zone_that_has_rules_and_no_name_is_told_by_its_difference() {
        tell_times_in(TimeZone::posix("EET-2EEST,M3.5.0/3,M10.5.0/4").expect("rules of POSIX"));
        assert_eq!((&*moment_and_zone(1_795_516_200), zone_name()), ("2026-11-24 12:30 +02:00", None));
    }

    #[test]
    fn a_date_is_said_as_exactly_as_it_is_known() {
        let check = |language, text: &str, expected: &str| {
            language::set(language);
            assert_eq!(day(text), expected);
        };
        check(Language::En, "2025-04-15", "2025-04-15");
        check(Language::En, "2024-03~", "about March 2024");
        check(Language::En, "../2022-10", "not later than October 2022");
        check(Language::En, "2024-34", "Q2 2024");
        check(Language::Ru, "2025-04-15", "15.04.2025");
        check(Language::Ru, "2024-03", "март 2024");
        check(Language::Ru, "2024-03~", "около марта 2024");
        check(Language::Ru, "2023/..", "не ранее 2023 года");
        check(Language::Ru, "2024-23", "осень 2024");
        check(Language::Uk, "2024-03~", "близько березня 2024");
        check(Language::Uk, "2024-03-01/2024-04", "01.03.2024 – квітень 2024");
        check(Language::Uk, "../2024-36", "не пізніше IV кварталу 2024");
        check(Language::Uk, "of a newer version", "of a newer version");
        check(Language::Uk, "2025-04-15T10", "2025-04-15T10");
        check(Language::Ru, "2025-13", "2025-13");
    }

    #[test]
    fn every_date_as_it_is_said_can_be_typed_and_means_the_same() {
        let months = (1..=12).map(|month| format!("2024-{month:02}"));
        let parts = (21..=24).chain(33..=36).map(|part| format!("2024-{part}"));
        let points: Vec<_> = months.chain(parts).chain(["2024".into(), "2024-03-05".into()]).collect();
        for language in [Language::En, Language::Ru, Language::Uk] {
            language::set(language);
            for point in &points {
                let forms = ["{}", "{}~", "../{}", "{}/..", "2023-02/{}", "{}/2025-11"];
                for text in forms.map(|form| form.replace("{}", point)) {
                    let read = Date::read(&day(&text)).ok().flatten().map(|date| date.to_string());
                    assert_eq!(read.as_deref(), Some(&*text), "{language:?}: {}", day(&text));
                }
            }
        }
    }

    #[test]
    fn other_programs_read_times_in_one_form() {
        language::set(Language::Uk);
        assert_eq!((&*iso(1_795_478_400), &*iso(1_795_478_460)), ("2026-11-24", "2026-11-24 00:01"));
        assert_eq!(only_day(1_795_515_600), "24.11.2026");
    }
}
