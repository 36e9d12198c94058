//! Progress reports of long work: one line of JSON each, sent before the answer to clients that accept lines.

use serde::{Deserialize, Serialize};

use super::SCHEMA;

/// Media type of an answer that is preceded by progress lines: one JSON object per line, the answer last.
pub const LINES: &str = "application/x-ndjson";

/// The progress of long work, as a share of all of it. Work in several parts starts again from zero with each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Version of the JSON.
    pub schema: u32,
    /// Event of the line.
    pub event: Event,
    /// Unit of `done` and `all`.
    pub unit: Unit,
    /// Number of units done.
    pub done: u64,
    /// Number of units in all.
    pub all: u64,
}

/// The event that a line of an answer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A [`Progress`] line.
    Progress,
}

/// The unit in which progress is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Case files and dockets that were examined.
    Records,
    /// Case files and dockets that were written out.
    Written,
    /// Bytes of a file.
    Bytes,
}

impl Progress {
    /// Makes a progress report of `done` units out of `all`.
    #[must_use]
    pub const fn new(unit: Unit, done: u64, all: u64) -> Self {
        Self { schema: SCHEMA, event: Event::Progress, unit, done, all }
    }

    /// The progress in whole per cent; 100 if there is nothing to do.
    #[must_use]
    pub fn percent(&self) -> u64 {
        self.done.saturating_mul(100).checked_div(self.all).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_version_and_what_it_is_and_is_no_answer() {
        let line = serde_json::to_string(&Progress::new(Unit::Records, 1_240, 10_000)).expect("numbers and words");
        assert_eq!(line, r#"{"schema":1,"event":"progress","unit":"records","done":1240,"all":10000}"#);
        assert!(serde_json::from_str::<super::super::Answer>(&line).is_err());
    }

    #[test]
    fn a_share_is_counted_in_hundredths_and_never_divides_by_nothing() {
        let check = |done, all, expected| assert_eq!(Progress::new(Unit::Bytes, done, all).percent(), expected);
        check(0, 3, 0);
        check(2, 3, 66);
        check(3, 3, 100);
        check(0, 0, 100);
        check(1_240, 10_000, 12);
    }
}
