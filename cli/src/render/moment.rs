//! Times as people read them: always UTC, and no finer than they were recorded.

use jiff::Timestamp;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The minute, or the day alone for times that were recorded to the day.
pub(crate) fn moment(seconds: u64) -> String {
    let form = if seconds.is_multiple_of(DAY) { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M UTC" };
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_finely_as_it_was_recorded() {
        let check = |seconds, expected: &str| assert_eq!(moment(seconds), expected);
        check(1_795_478_400, "2026-11-24");
        check(1_795_478_460, "2026-11-24 00:01 UTC");
        check(0, "1970-01-01");
        check(u64::MAX, "?");
    }
}
