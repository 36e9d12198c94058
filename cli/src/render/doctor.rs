//! The findings of the doctor, one line each, with the command that repairs it below.

use super::{
    moment_and_zone,
    standing::{bad, care, good},
};
use crate::{
    commands::doctor::{Check, State},
    texts,
};

/// The checks, in the order in which they should be repaired.
pub(crate) fn checks(checks: &[Check], now: u64) -> String {
    let width = checks.iter().map(|found| texts::doctor::name(found.check).chars().count()).max().unwrap_or(0) + 2;
    let line = |found: &Check| {
        let text = format!("{:width$}{}", texts::doctor::name(found.check), found.cause);
        let line = match found.state {
            State::Ok => good(&text),
            State::Warn => care(&text),
            State::Fail => bad(&text),
        };
        found.command.iter().fold(line, |line, command| format!("{line}\n            {command}"))
    };
    let lines: Vec<_> = checks.iter().map(line).collect();
    format!("{}\n\n{}", lines.join("\n"), texts::as_of(&moment_and_zone(now)))
}
