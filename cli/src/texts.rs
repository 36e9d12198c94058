//! Texts that people read, by name: each function is a message of `protocol/texts/lang`, and its parameters are the
//! message's, so that a missing parameter does not compile. Texts of several messages are composed here.

mod codes;
pub(crate) mod dates;
pub(crate) mod demo;
pub(crate) mod dispute;
pub(crate) mod doctor;
pub(crate) mod fields;
pub(crate) mod names;
pub(crate) mod precedents;
mod record;
mod setup;
pub(crate) mod sharing;
pub(crate) mod sheet;
mod standing;
pub(crate) mod typed;
pub(crate) mod usage;

use std::{fmt::Display, path::Path};

use habeas_texts::messages;
use protocol::{
    app::control::{Problem, Progress, Unit},
    bytes::ids::IdError,
};

use crate::render::room;

pub(crate) use habeas_texts::yes_no;

pub(crate) use self::{codes::*, record::*, setup::*, standing::*};

messages! {
    as_of(moment: &str);
    working(seconds: u64);
    trying();
    progress_records(done: u64, all: u64, percent: u64);
    progress_written(done: u64, all: u64, percent: u64);
    progress_bytes(done: u64, all: u64, percent: u64);
    no_home();
    too_large();
    not_utf8();
    other_reply();
    unreadable(path: &Path, why: &dyn Display);
    unwritten(path: &Path, why: &dyn Display);
    written(path: &Path);
    next_heading();
    next_line(step: &str);
    more_on(code: &str);
    no_topic(topic: &str);
    no_topic_but(topic: &str, nearest: &str);
    explanation(code: &str, cause: &str, next: &str, exit: usize);
    exit_statuses();
    id_garbled(expected: &str);
    id_of_other_kind(expected: &str, found: &str);
    no_node(folder: &Path);
    node_cut();
    node_late(seconds: u64);
    answer_large(bytes: u64);
    answer_foreign(status: usize);
}

/// The text of a failure: what happened and why, details, what to try next, and the code.
pub(crate) fn failure(problem: &Problem) -> String {
    use crate::render::standing::bad;
    let Problem { code, message, next, details, .. } = problem;
    let mut lines = vec![bad(message)];
    lines.extend(details.iter().map(|detail| format!("    {detail}")));
    if !next.is_empty() {
        lines.push(format!("  {}", next_line(next)));
    }
    lines.push(format!("  {}", more_on(code)));
    lines.join("\n")
}

/// The progress of work, as a share of the whole.
pub(crate) fn progress(progress: &Progress) -> String {
    /// The unit of shown bytes: a million.
    const MB: u64 = 1_000_000;
    let (done, all, percent) = (progress.done, progress.all, progress.percent());
    match progress.unit {
        Unit::Records => progress_records(done, all, percent),
        Unit::Written => progress_written(done, all, percent),
        Unit::Bytes => progress_bytes(done.div_ceil(MB), all.div_ceil(MB), percent),
    }
}

/// The reason why a text is a wrong id.
pub(crate) fn wrong_id(error: &IdError) -> String {
    match error {
        IdError::Garbled { expected } | IdError::Length { expected, .. } => id_garbled(expected),
        IdError::OtherKind { expected, found } => id_of_other_kind(expected, found),
    }
}

/// The commands to run next.
pub(crate) fn next<W: AsRef<str>>(these: &[(String, W)]) -> String {
    commands(&next_heading(), these)
}

/// The commands under a heading, one a line; if a line has no room for the purpose of a command, it stands below.
pub(crate) fn commands<W: AsRef<str>>(heading: &str, commands: &[(String, W)]) -> String {
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let line = |(command, what): &(String, W)| format!("  {command:width$}  {}", what.as_ref());
    let below = |(command, what): &(String, W)| format!("  {command}\n      {}", what.as_ref());
    let lines: Vec<_> = commands.iter().map(line).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let has_room = room().is_none_or(|room| longest <= usize::from(room));
    let lines = if has_room { lines } else { commands.iter().map(below).collect() };
    format!("{heading}\n{}", lines.join("\n"))
}

/// Whether an answer to a question is a yes, in any of the languages; every other answer is a no.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "д" | "да" | "т" | "так")
}

#[cfg(test)]
mod tests;
