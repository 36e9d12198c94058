//! How far long work is: told, a line of JSON each, before the answer, to whoever asks for lines.

use serde::{Deserialize, Serialize};

use super::SCHEMA;

/// The media type of an answer with lines before it: one JSON object a line, the answer last.
pub const LINES: &str = "application/x-ndjson";

/// How far long work is, as a share of all of it. Work in several parts starts again with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Version of the JSON.
    pub schema: u32,
    /// Which line this is.
    pub event: Event,
    /// What is counted.
    pub unit: Unit,
    /// How many are done.
    pub done: u64,
    /// How many there are.
    pub all: u64,
}

/// Which line of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// [`Progress`].
    Progress,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Case files and dockets looked at.
    Records,
    /// Of these, written out.
    Written,
    /// Bytes of a file.
    Bytes,
}

impl Progress {
    /// So many of all.
    #[must_use]
    pub const fn new(unit: Unit, done: u64, all: u64) -> Self {
        Self { schema: SCHEMA, event: Event::Progress, unit, done, all }
    }

    /// Whole hundredths; work that is nothing is done.
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
