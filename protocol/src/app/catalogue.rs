//! The catalogue: one line for each record, counts, and which records have a code.
//!
//! Everything here is derived from sections and kept in rows under the reading keys, so a list, a count or a search
//! reads a range of rows, never a section. Lines are numbered in the order in which their records were first evaluated,
//! case files and dockets apart; the newest comes first. A row of codes tells for 1,024 lines which of them have the code.
//!
//! ```text
//! entry read ─▶ due row (same batch) ─▶ section folded ─▶ line, counts and codes replaced (one batch, due row deleted)
//! ```

mod due;
mod line;
mod postings;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    bytes::{
        codec,
        ids::{CircleId, SectionId},
    },
    record::section::root::RecordKind,
    store::{Row, Store, StoreError, Table, staged::Staged},
};

pub use due::{Due, again, mark, unmark};
pub use line::{Followed, Line, Origin, TOO_MANY, stage_code};
pub use postings::Filter;

/// Form of the rows. Rows of another form are not read: their prefixes differ.
const FORM: u8 = 1;
/// Largest row in bytes: beyond it a docket is folded for each question (see [`line::Line::new`]).
const ROW_BYTES: usize = 64 * 1024;

/// A section of a circle.
pub type SectionKey = (CircleId, SectionId);

/// Counts over the lines of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Number of the next line; lines of records that are no longer shown leave a gap.
    next: u64,
    /// Lines.
    pub lines: u64,
    /// Own case files with a shared copy.
    pub shared: u64,
    /// Case files of others, received in named circles.
    pub received: u64,
    /// Conflicts.
    pub conflicts: u64,
}

/// A line with its number.
pub type Numbered = (u64, Line);

/// Reads the counts of a kind.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn counts(store: &impl Store, kind: RecordKind) -> Result<Counts, StoreError> {
    read(&Staged::new(store), &counts_row(kind)).map(Option::unwrap_or_default)
}

/// Reads lines of a kind from the newest on, or from the one before `after`, at most `limit`.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn page(
    store: &impl Store,
    kind: RecordKind,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<Numbered>, StoreError> {
    let (mut lines, mut sound) = (Vec::new(), true);
    // No line comes after the oldest.
    let Some(from) = after.map_or(Some(0), |after| place(after).checked_add(1)) else { return Ok(lines) };
    store.scan(Table::Catalogue, &lines_of(kind), from, &mut |number, value| {
        match decode(&value) {
            Ok(line) => lines.push((place(number), line)),
            Err(_) => sound = false,
        }
        sound && lines.len() < limit
    })?;
    if sound { Ok(lines) } else { Err(altered()) }
}

/// Reads the line of a number.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn line(store: &impl Store, kind: RecordKind, number: u64) -> Result<Option<Line>, StoreError> {
    read(&Staged::new(store), &line_row(kind, number))
}

/// Reads the line of a section.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn line_at(store: &impl Store, kind: RecordKind, at: &SectionKey) -> Result<Option<Line>, StoreError> {
    match read(&Staged::new(store), &number_row(at))? {
        Some(number) => line(store, kind, number),
        None => Ok(None),
    }
}

/// Reads the own case files for which other organisations recorded a withdrawal that has no answer in the own circle.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn withdrawn(store: &impl Store) -> Result<Vec<Line>, StoreError> {
    let (mut numbers, mut lines) = (Vec::new(), Vec::new());
    store.scan(Table::Catalogue, &prefix("withdrawn", RecordKind::Case), 0, &mut |number, _| {
        numbers.push(place(number));
        true
    })?;
    for number in numbers {
        lines.extend(line(store, RecordKind::Case, number)?);
    }
    Ok(lines)
}

/// Replaces the line of a section, with its counts and codes; `None`: the record is not listed.
///
/// # Errors
/// The error of the store, or a row that does not decode.
pub fn replace<S: Store>(
    staged: &mut Staged<'_, S>,
    kind: RecordKind,
    at: &SectionKey,
    line: Option<&Line>,
) -> Result<(), StoreError> {
    let number_row = number_row(at);
    let known: Option<u64> = read(staged, &number_row)?;
    let before: Option<Line> = match known {
        Some(number) => read(staged, &line_row(kind, number))?,
        None => None,
    };
    if before.as_ref() == line {
        return Ok(());
    }
    let mut counts: Counts = read(staged, &counts_row(kind))?.unwrap_or_default();
    let number = known.unwrap_or(counts.next);
    if known.is_none() {
        counts.next += 1;
        staged.put(number_row, codec::encode(&number));
    }
    let (old, new) = (before.as_ref().map(Line::codes).unwrap_or_default(), line.map(Line::codes).unwrap_or_default());
    for code in old.difference(&new) {
        postings::set(staged, kind, code, number, false)?;
    }
    for code in new.difference(&old) {
        postings::set(staged, kind, code, number, true)?;
    }
    if let Some(before) = &before {
        counts.remove(before);
    }
    match line {
        Some(line) => {
            counts.add(line);
            staged.put(line_row(kind, number), codec::encode(line));
        }
        None => staged.delete(line_row(kind, number)),
    }
    let is_withdrawn = |line: Option<&Line>| line.is_some_and(Line::is_withdrawn_by_others);
    match (is_withdrawn(before.as_ref()), is_withdrawn(line)) {
        (false, true) => staged.put(withdrawn_row(number), vec![]),
        (true, false) => staged.delete(withdrawn_row(number)),
        _ => {}
    }
    staged.put(counts_row(kind), codec::encode(&counts));
    Ok(())
}

impl Counts {
    /// The number after that of the newest line. Lines of records that are no longer shown leave gaps.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.next
    }

    fn add(&mut self, line: &Line) {
        let [lines, shared, received, conflicts] = line.counted();
        self.lines += lines;
        self.shared += shared;
        self.received += received;
        self.conflicts += conflicts;
    }

    fn remove(&mut self, line: &Line) {
        let [lines, shared, received, conflicts] = line.counted();
        self.lines = self.lines.saturating_sub(lines);
        self.shared = self.shared.saturating_sub(shared);
        self.received = self.received.saturating_sub(received);
        self.conflicts = self.conflicts.saturating_sub(conflicts);
    }
}

/// The row number of the line with a number, and the reverse: the newest line has the smallest row number.
const fn place(number: u64) -> u64 {
    u64::MAX - number
}

fn prefix(word: &str, kind: RecordKind) -> Vec<u8> {
    [&[FORM, kind as u8], word.as_bytes()].concat()
}

fn lines_of(kind: RecordKind) -> Vec<u8> {
    prefix("line", kind)
}

fn line_row(kind: RecordKind, number: u64) -> Row {
    Row::new(Table::Catalogue, lines_of(kind), place(number))
}

fn counts_row(kind: RecordKind) -> Row {
    Row::new(Table::Catalogue, prefix("counts", kind), 0)
}

fn withdrawn_row(number: u64) -> Row {
    Row::new(Table::Catalogue, prefix("withdrawn", RecordKind::Case), place(number))
}

/// The row with the number of a section's line.
fn number_row((circle, section): &SectionKey) -> Row {
    Row::new(Table::Catalogue, [&[FORM], &circle.0[..], &section.0].concat(), 0)
}

fn read<T: Serialize + DeserializeOwned>(staged: &Staged<'_, impl Store>, row: &Row) -> Result<Option<T>, StoreError> {
    staged.get(row)?.map(|value| decode(&value)).transpose()
}

fn decode<T: Serialize + DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    codec::decode(Table::Catalogue.label(), value, ROW_BYTES).map_err(|_| altered())
}

fn altered() -> StoreError {
    StoreError::Altered { table: Table::Catalogue.label() }
}

#[cfg(test)]
mod tests;
