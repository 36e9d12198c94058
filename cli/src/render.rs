//! Rendering, in the only file that prints. Data goes to standard output, messages to standard error.
//!
//! Texts of other organisations pass through here on their way to a terminal, so nothing that controls a terminal gets
//! out: every control character and every mark that changes the direction of writing is shown as `�`. Colours come from
//! this program alone: texts carry [`Ink`] marks, which become escape sequences, or nothing, in the last step.

pub(crate) mod dispute;
pub(crate) mod doctor;
pub(crate) mod fields;
mod json;
mod moment;
pub(crate) mod precedents;
pub(crate) mod record;
pub(crate) mod sharing;
pub(crate) mod sheet;
pub(crate) mod standing;
mod table;

use std::{
    io::{self, IsTerminal as _, Write},
    time::Duration,
};

use protocol::app::control::{Progress, Reply, SCHEMA, Unit};
use serde::Serialize;

use crate::{
    args::{Colour, Global},
    error::Failure,
    now, texts,
};

use json::versioned;
pub(crate) use moment::{day, in_utc, iso, moment, moment_and_zone, only_day, tell_times_in, zone_name};
pub(crate) use sheet::{Form, Sheet};
#[cfg(test)]
pub(crate) use table::tests::narrowed;
pub(crate) use table::{fits, indented, room, stacked, table};

/// The duration from which work is long: shorter work shows no progress, except to a person at a terminal.
const LONG: Duration = Duration::from_secs(2);

/// The outlet: where output goes.
pub(crate) struct Outlet {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    out_is_terminal: bool,
    err_is_terminal: bool,
}

impl Outlet {
    /// An outlet to standard output and standard error.
    pub(crate) fn of_the_process() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let (out_is_terminal, err_is_terminal) = (out.is_terminal(), err.is_terminal());
        Self { out: Box::new(out), err: Box::new(err), out_is_terminal, err_is_terminal }
    }

    /// An outlet to two writers, of which messages go to a terminal.
    #[cfg(test)]
    pub(crate) fn at_a_terminal(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { out, err, out_is_terminal: false, err_is_terminal: true }
    }

    /// An outlet to two writers that are no terminals.
    #[cfg(test)]
    pub(crate) fn of(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { out, err, out_is_terminal: false, err_is_terminal: false }
    }
}

/// The screen: what a person or a script sees.
pub(crate) struct Screen {
    outlet: Outlet,
    json: bool,
    quiet: bool,
    paint_out: bool,
    paint_err: bool,
    /// Whether the last line shows that something is waited for.
    waits: bool,
    /// The progress shown last: the unit, and tenths.
    shown: Option<(Unit, u64)>,
}

impl Screen {
    pub(crate) fn new(outlet: Outlet, global: &Global, plain: bool) -> Self {
        let paint = |is_terminal| match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => is_terminal && !plain,
        };
        let (paint_out, paint_err) = (paint(outlet.out_is_terminal), paint(outlet.err_is_terminal));
        Self { outlet, json: global.json, quiet: global.quiet, paint_out, paint_err, waits: false, shown: None }
    }

    /// A screen for the time before the arguments are read.
    pub(crate) fn before_arguments(outlet: Outlet, json: bool, plain: bool) -> Self {
        let (paint_out, paint_err) = (outlet.out_is_terminal && !plain, outlet.err_is_terminal && !plain);
        Self { outlet, json, quiet: false, paint_out, paint_err, waits: false, shown: None }
    }

    /// Whether output is JSON, for scripts.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a reply: the text for people, or the whole reply as one line of JSON.
    pub(crate) fn reply(&mut self, reply: &Reply, text: impl FnOnce() -> String) {
        if self.json { self.line(&versioned(reply, now())) } else { self.data(&text()) }
    }

    /// Prints a reply that is a list: a table for people, a sheet for other programs, or the whole reply as one line of
    /// JSON.
    pub(crate) fn list(
        &mut self,
        reply: &Reply,
        form: Form,
        sheet: impl FnOnce() -> Sheet,
        text: impl FnOnce() -> String,
    ) {
        match form {
            _ if self.json => self.reply(reply, text),
            Form::Table => self.data(&text()),
            Form::Plain => print(&mut self.outlet.out, &sheet().plain()),
            Form::Csv => {
                let _gone = write!(self.outlet.out, "{}", sheet().csv()).and_then(|()| self.outlet.out.flush());
            }
        }
    }

    /// Prints one line of JSON.
    pub(crate) fn line(&mut self, line: &impl Serialize) {
        let json = serde_json::to_string(line).expect("what is shown is made of texts, numbers and lists");
        print(&mut self.outlet.out, &json);
    }

    /// Prints text on standard output.
    pub(crate) fn data(&mut self, text: &str) {
        print(&mut self.outlet.out, &inked(text, self.paint_out));
    }

    /// Prints a file on standard output, unchanged.
    pub(crate) fn file(&mut self, text: &str) {
        print(&mut self.outlet.out, text.trim_end_matches('\n'));
    }

    /// Prints a message for people on standard error.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet && !self.json {
            print(&mut self.outlet.err, &inked(text, self.paint_err));
        }
    }

    /// Shows that work goes on and for how long; always in the same line of a terminal, and nowhere else.
    pub(crate) fn working(&mut self, since: Duration) {
        if self.shown.is_none() {
            self.doing(&texts::working(since.as_secs()));
        }
    }

    /// Shows what is being done, in one line of a terminal until something else is printed; nowhere else.
    pub(crate) fn doing(&mut self, what: &str) {
        if self.outlet.err_is_terminal && !self.quiet && !self.json {
            let _ = write!(self.outlet.err, "\r\u{1b}[2K{what}").and_then(|()| self.outlet.err.flush());
            self.waits = true;
        }
    }

    /// Shows progress. On a terminal always in the same line; elsewhere a line for each tenth, once the work has taken
    /// long.
    pub(crate) fn progress(&mut self, progress: Progress, since: Duration) {
        let now = (progress.unit, progress.percent() / 10);
        if self.outlet.err_is_terminal && !self.json {
            self.doing(&texts::progress(&progress));
        } else if self.quiet || since < LONG || self.shown == Some(now) {
            return;
        } else if self.json {
            let line = serde_json::to_string(&progress).expect("numbers and words");
            print(&mut self.outlet.err, &line);
        } else {
            print(&mut self.outlet.err, &texts::progress(&progress));
        }
        self.shown = Some(now);
    }

    /// Clears the line of [`Self::doing`].
    pub(crate) fn settle(&mut self) {
        self.shown = None;
        if std::mem::take(&mut self.waits) {
            let _ = write!(self.outlet.err, "\r\u{1b}[2K").and_then(|()| self.outlet.err.flush());
        }
    }

    /// Prints a question; the answer is typed behind it.
    pub(crate) fn ask(&mut self, question: &str) {
        let _ = write!(self.outlet.err, "{}", inked(question, self.paint_err)).and_then(|()| self.outlet.err.flush());
    }

    /// Prints a failure: what happened, why, what to try next, and the code.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if self.json {
            let line = serde_json::json!({ "schema": SCHEMA, "problem": failure.problem, "exit_status": failure.exit });
            return print(&mut self.outlet.err, &line.to_string());
        }
        print(&mut self.outlet.err, &inked(&texts::failure(&failure.problem), self.paint_err));
    }
}

/// Prints help or version: as data if they were asked for, as a message if nothing was typed.
pub(crate) fn help(error: &clap::Error, mut outlet: Outlet, plain: bool) -> u8 {
    let asked_for = !error.use_stderr();
    let is_terminal = if asked_for { outlet.out_is_terminal } else { outlet.err_is_terminal };
    let text = error.render();
    let text = if is_terminal && !plain { text.ansi().to_string() } else { text.to_string() };
    print(if asked_for { &mut outlet.out } else { &mut outlet.err }, text.trim_end());
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// Ink: marks for colours within a text. They are private-use characters, so no foreign text can hold an escape
/// sequence.
pub(crate) struct Ink;

impl Ink {
    pub(crate) const GOOD: char = '\u{f8f0}';
    pub(crate) const CARE: char = '\u{f8f1}';
    pub(crate) const BAD: char = '\u{f8f2}';
    pub(crate) const STRONG: char = '\u{f8f3}';
    pub(crate) const OFF: char = '\u{f8f4}';

    const fn escape(mark: char) -> Option<&'static str> {
        Some(match mark {
            Self::GOOD => "\u{1b}[32m",
            Self::CARE => "\u{1b}[33m",
            Self::BAD => "\u{1b}[31m",
            Self::STRONG => "\u{1b}[1m",
            Self::OFF => "\u{1b}[0m",
            _ => return None,
        })
    }
}

/// The inked text as it is written out: with escape sequences, or without any marks.
fn inked(text: &str, paint: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match Ink::escape(char) {
            Some(escape) if paint => out.push_str(escape),
            Some(_) => {}
            None if char != '\n' && steers(char) => out.push('\u{fffd}'),
            None => out.push(char),
        }
    }
    out
}

/// Whether a character steers the terminal or turns the direction of writing (Unicode TR 9, explicit marks).
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn print(place: &mut Box<dyn Write>, text: &str) {
    // A closed pipe cannot be reported to anybody; the exit status still tells.
    let _ = writeln!(place, "{text}").and_then(|()| place.flush());
}

#[cfg(test)]
mod tests;
