//! Times as people read them: in the form of the language, always UTC, and no finer than they were recorded.

use jiff::{Timestamp, civil};
use protocol::schema::Language;

use crate::tongue::spoken;

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
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime(form).to_string())
}

/// A date of the record; one that is no plain day stays in the form it was recorded in.
pub(crate) fn day(text: &str) -> String {
    match (spoken(), text.parse::<civil::Date>()) {
        (Language::Ru | Language::Uk, Ok(day)) if text.len() == "2026-11-24".len() => {
            day.strftime("%d.%m.%Y").to_string()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
    fn a_date_is_shown_in_the_form_of_the_language_and_one_that_is_no_day_as_recorded() {
        let check = |language, text: &str, expected: &str| {
            speak(language);
            assert_eq!(day(text), expected);
        };
        check(Language::En, "2025-04-15", "2025-04-15");
        check(Language::Ru, "2025-04-15", "15.04.2025");
        check(Language::Uk, "2025-04-15", "15.04.2025");
        for text in ["2025-04", "2025", "2025-04-15~", "../2025-04-15", "2022-21"] {
            check(Language::Ru, text, text);
        }
    }
}
