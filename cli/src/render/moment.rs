//! Times as people read them: in the form of the language, always UTC, and no finer than they were recorded.

use jiff::{Timestamp, civil};
use protocol::schema::Language;

use crate::{texts::dates, tongue::spoken};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The minute, or the day alone for times that were recorded to the day.
pub(crate) fn moment(seconds: u64) -> String {
    let form = match (spoken(), seconds.is_multiple_of(DAY)) {
        (Language::En, true) => "%Y-%m-%d",
        (Language::En, false) => "%Y-%m-%d %H:%M UTC",
        (Language::Ru | Language::Uk, true) => "%d.%m.%Y",
        (Language::Ru | Language::Uk, false) => "%d.%m.%Y %H:%M UTC",
    };
    in_form(seconds, form)
}

/// The same as tables for other programs have it: ISO 8601 in every language.
pub(crate) fn iso(seconds: u64) -> String {
    let form = if seconds.is_multiple_of(DAY) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    in_form(seconds, form)
}

/// The day alone.
pub(crate) fn only_day(seconds: u64) -> String {
    moment(seconds - seconds % DAY)
}

/// A date of the record in the language spoken, as exactly as it is known; what is no date stays as it is. What is said
/// here can be typed.
pub(crate) fn day(text: &str) -> String {
    date(text).unwrap_or_else(|| text.to_owned())
}

fn in_form(seconds: u64, form: &str) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime(form).to_string())
}

/// `A`, `A/B`, `../B`, `A/..`.
fn date(text: &str) -> Option<String> {
    Some(match text.split_once('/') {
        None => point(text, false)?,
        Some(("..", to)) => dates::date_until(&point(to, true)?),
        Some((from, "..")) => dates::date_since(&point(from, true)?),
        Some((from, to)) => format!("{} – {}", point(from, false)?, point(to, false)?),
    })
}

/// A day, month, season, quarter or year, perhaps approximate; after a preposition, in the case that it asks for.
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
            let form = if spoken() == Language::En { "%Y-%m-%d" } else { "%d.%m.%Y" };
            Some(day.strftime(form).to_string())
        }
        _ => None,
    }
}

/// Months 1 to 12, seasons 21 to 24, quarters 33 to 36 (ISO 8601-2).
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
    use protocol::date::Date;

    use super::*;
    use crate::tongue::speak;

    #[test]
    fn a_time_is_shown_as_finely_as_it_was_recorded() {
        let check = |seconds, expected: &str| assert_eq!(moment(seconds), expected);
        check(1_795_478_400, "2026-11-24");
        check(1_795_478_460, "2026-11-24 00:01 UTC");
        check(0, "1970-01-01");
        check(u64::MAX, "?");
        for language in [Language::Ru, Language::Uk] {
            speak(language);
            check(1_795_478_400, "24.11.2026");
            check(1_795_478_460, "24.11.2026 00:01 UTC");
            check(u64::MAX, "?");
        }
    }

    #[test]
    fn a_date_is_said_as_exactly_as_it_is_known() {
        let check = |language, text: &str, expected: &str| {
            speak(language);
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
            speak(language);
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
        speak(Language::Uk);
        assert_eq!((&*iso(1_795_478_400), &*iso(1_795_478_460)), ("2026-11-24", "2026-11-24 00:01"));
        assert_eq!(only_day(1_795_515_600), "24.11.2026");
    }
}
