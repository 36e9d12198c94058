//! The list of the records of an archive, in parts of bounded size; the first stands on the page to begin with.
//!
//! A part is complete once a record comes that has no room in it, so that each part knows whether another follows.

use maud::{Markup, PreEscaped, html};
use protocol::app::{control::RecordKind, desk};

use super::{
    Archived, folder,
    page::{Page, name_within, whole},
    text::{moment, text},
};
use crate::texts::archive as texts;

/// Greatest number of records in one part.
pub(super) const LINES_MAX: usize = 500;
/// Size in bytes from which a part takes no further line.
pub(super) const BYTES_MAX: usize = 512 << 10;
/// Greatest number of parts that the first page names; of more, every second or third is named, and so on.
const NAMED_MAX: usize = 500;
/// Greatest number of characters of a label in the list.
const NAME_MAX: usize = 100;
/// Greatest number of readers that a line names.
const READERS_MAX: usize = 8;

/// List of the records written so far.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Lines of the first part, once it is complete.
    first: Vec<Line>,
    /// Lines of the part under way.
    lines: Vec<Line>,
    /// Size of those lines in bytes.
    bytes: usize,
    /// Spans of all parts, of the one under way too.
    parts: Vec<Span>,
    /// Part in which the dockets begin.
    dockets: Option<usize>,
}

/// Line of a record.
#[derive(Debug)]
struct Line {
    kind: RecordKind,
    html: String,
}

/// Span of a part: its first and last record, by number and name.
#[derive(Debug)]
struct Span {
    numbers: [u64; 2],
    names: [String; 2],
}

impl Index {
    /// Adds a record. Returns a part that is complete by that: its path and its page.
    pub(super) fn add(&mut self, number: u64, record: &Archived, page: &Page<'_>) -> Option<(String, String)> {
        let is_full = self.lines.len() >= LINES_MAX || self.bytes >= BYTES_MAX;
        let full = if is_full { self.close() } else { None };
        let name = name_within(record, NAME_MAX).into_string();
        match self.parts.last_mut() {
            Some(span) if !self.lines.is_empty() => (span.numbers[1], span.names[1]) = (number, name),
            _ => self.parts.push(Span { numbers: [number; 2], names: [name.clone(), name] }),
        }
        if record.kind == RecordKind::Docket && self.dockets.is_none() {
            self.dockets = Some(self.parts.len());
        }
        let html = line(number, record, page, &folder::index(self.parts.len())).into_string();
        self.bytes += html.len();
        self.lines.push(Line { kind: record.kind, html });
        full
    }

    /// Path and place of the line of the record that was added last.
    pub(super) fn place(&self, number: u64) -> String {
        format!("{}#r{number}", folder::index(self.parts.len()))
    }

    /// Completes the list. Returns the last part and the page to begin with, each with its path. `counts`: how many case
    /// files and dockets there are.
    pub(super) fn end(&mut self, counts: [u64; 2], page: &Page<'_>) -> Vec<(String, String)> {
        let last = self.parts.len();
        let lines = std::mem::take(&mut self.lines);
        let mut written = Vec::new();
        if last > 1 {
            written.push((folder::index(last), part(last, &lines, false)));
        } else {
            self.first = lines;
        }
        written.push((folder::index(1), self.front(counts, page)));
        written
    }

    /// Completes the part under way, which another follows. Returns its page, except of the first part.
    fn close(&mut self) -> Option<(String, String)> {
        self.bytes = 0;
        let lines = std::mem::take(&mut self.lines);
        let at = self.parts.len();
        if at == 1 {
            self.first = lines;
            return None;
        }
        Some((folder::index(at), part(at, &lines, true)))
    }

    /// Renders the page to begin with.
    fn front(&self, counts: [u64; 2], page: &Page<'_>) -> String {
        let body = html! {
            (page.header())
            nav #contents aria-labelledby="contents-heading" {
                h2 #contents-heading { (texts::page_contents()) }
                @for (kind, count) in [RecordKind::Case, RecordKind::Docket].into_iter().zip(counts) {
                    h3 { (heading(kind)) " (" (count) ")" }
                    (self.front_lines(kind, count))
                }
                @if self.parts.len() > 1 { (self.spans()) }
            }
        };
        whole(folder::PAGE, &texts::page_title(), &body)
    }

    fn front_lines(&self, kind: RecordKind, count: u64) -> Markup {
        let mut lines = self.first.iter().filter(|line| line.kind == kind).peekable();
        html! {
            @if count == 0 { p.soft { (texts::page_nothing()) } }
            @else if lines.peek().is_some() { ol { @for line in lines { (PreEscaped(&line.html)) } } }
            @else if let Some(at) = self.dockets { p { (to_part(1, at)) } }
        }
    }

    fn spans(&self) -> Markup {
        let step = self.parts.len().div_ceil(NAMED_MAX).max(1);
        html! {
            h3 { (texts::page_parts()) }
            ol.parts { @for (nth, Span { numbers: [from, to], names: [first, last] }) in self.parts.iter().enumerate().skip(1).step_by(step) {
                li {
                    (to_part(1, nth + 1))
                    span.soft { (from) "–" (to) }
                    span.soft { (PreEscaped(first)) " — " (PreEscaped(last)) }
                }
            } }
        }
    }
}

/// Renders a part of the list other than the first.
fn part(at: usize, lines: &[Line], is_followed: bool) -> String {
    let ways = html! {
        p.back {
            a href=(folder::link(&folder::index(at), folder::PAGE)) { (texts::page_title()) }
            " · ← " (to_part(at, at - 1))
            @if is_followed { " · " (to_part(at, at + 1)) " →" }
        }
    };
    let body = html! {
        (ways)
        nav #contents aria-labelledby="contents-heading" {
            h2 #contents-heading { (texts::page_contents()) " · " (texts::page_part(at as u64)) }
            @for lines in lines.chunk_by(|line, next| line.kind == next.kind) {
                h3 { (heading(lines[0].kind)) }
                ol { @for line in lines { (PreEscaped(&line.html)) } }
            }
        }
        (ways)
    };
    whole(&folder::index(at), &texts::page_title(), &body)
}

/// Renders the line of a record for the page `from`.
fn line(number: u64, record: &Archived, page: &Page<'_>, from: &str) -> Markup {
    let disputed = desk::conflicts(&record.view);
    html! {
        li id={ "r" (number) } {
            a href=(folder::link(from, &folder::page(number))) { (name_within(record, NAME_MAX)) }
            span.soft { (page.stage(record)) }
            span.flag { @if disputed > 0 { (texts::page_disputed()) ": " (disputed) } }
            span.soft { (moment(desk::changed(&record.view), page.zone)) }
            (readers(record, page))
        }
    }
}

/// Renders who can read a record: the level of its circle, or the organisations that it is shared with.
fn readers(record: &Archived, page: &Page<'_>) -> Markup {
    if record.readers.is_empty() || page.is_commons(record) {
        return html! { @if let Some(level) = page.level(record) { span.readers { (level) } } };
    }
    let more = record.readers.len().saturating_sub(READERS_MAX);
    html! {
        span.readers {
            (texts::page_read_by()) ": "
            @for (nth, reader) in record.readers.iter().take(READERS_MAX).enumerate() {
                @if nth > 0 { ", " } (text(reader))
            }
            @if more > 0 { ", … +" (more) }
        }
    }
}

fn to_part(from: usize, to: usize) -> Markup {
    html! { a href=(folder::link(&folder::index(from), &folder::index(to))) { (texts::page_part(to as u64)) } }
}

fn heading(kind: RecordKind) -> String {
    match kind {
        RecordKind::Case => texts::page_case_files(),
        RecordKind::Docket => texts::page_dockets(),
    }
}
