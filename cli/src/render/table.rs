//! The layout of every table.

use comfy_table::{ContentArrangement, Table};

/// The number of spaces between two columns.
const BETWEEN: u16 = 2;
/// The indent of the lines of a part.
const INDENT: &str = "  ";

/// A table with two spaces between columns and no rules, no wider than the terminal. A column without values is left
/// out.
pub(crate) fn table(header: &[impl AsRef<str>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    within(room(), header, rows)
}

/// The indented rows of a part.
pub(crate) fn indented(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let narrower = room().map(|width| width.saturating_sub(BETWEEN));
    let lines = within(narrower, &[""], rows);
    lines.lines().map(|line| format!("{INDENT}{line}")).collect::<Vec<_>>().join("\n")
}

/// Stacked rows, for lines that do not fit: the first cells in one line, the others below it.
pub(crate) fn stacked(rows: &[Vec<String>], first: usize) -> String {
    let said = |cells: &[String], between: &str| {
        cells.iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join(between)
    };
    let row = |row: &Vec<String>| {
        let (above, below) = row.split_at(first.min(row.len()));
        // A row that continues the row above it is indented.
        let before = if row.first().is_some_and(String::is_empty) { INDENT } else { "" };
        format!("{before}{}\n{INDENT}{INDENT}{}", said(above, "  "), said(below, " · "))
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

fn within(room: Option<u16>, header: &[impl AsRef<str>], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let said: Vec<bool> =
        (0..columns).map(|at| rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty()))).collect();
    let kept = |at: &usize| said.get(*at).copied().unwrap_or(rows.is_empty());
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if cfg!(test) {
        table.force_no_tty();
    }
    if let Some(room) = room {
        table.set_width(room);
    }
    if header.iter().any(|title| !title.as_ref().is_empty()) {
        let titles = header.iter().enumerate().filter(|(at, _)| kept(at));
        table.set_header(titles.map(|(_, title)| title.as_ref().to_uppercase()));
    }
    for row in rows {
        let cells = row.into_iter().enumerate();
        table.add_row(cells.filter(|(at, _)| said[*at]).map(|(_, cell)| cell));
    }
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, BETWEEN));
    });
    table.trim_fmt()
}

/// Whether a table fits the terminal, so that each row stands in one line.
pub(crate) fn fits(header: &[impl AsRef<str>], rows: &[Vec<String>]) -> bool {
    let Some(room) = room() else { return true };
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).flat_map(|cell| cell.lines());
        let cells = cells.map(|line| line.chars().count()).max().unwrap_or(0);
        let title = header.get(at).map_or(0, |title| title.as_ref().chars().count());
        if cells == 0 { 0 } else { cells.max(title) + usize::from(BETWEEN) }
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns).map(widest).sum::<usize>() <= usize::from(room)
}

/// The room: the columns of the terminal; none without a terminal.
#[cfg(not(test))]
pub(crate) fn room() -> Option<u16> {
    Table::new().width()
}

#[cfg(test)]
pub(crate) fn room() -> Option<u16> {
    tests::WIDTH.get()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The width of the terminal that a test simulates.
        pub(crate) static WIDTH: Cell<Option<u16>> = const { Cell::new(None) };
    }

    /// Sets the columns of the terminal that this test simulates.
    pub(crate) fn narrowed(columns: u16) {
        WIDTH.set(Some(columns));
    }

    #[test]
    fn a_column_in_which_nothing_stands_is_left_out() {
        let rows =
            [vec!["a".to_owned(), String::new(), "c".to_owned()], vec!["d".into(), String::new(), String::new()]];
        assert_eq!(table(&["one", "two", "three"], rows), "ONE  THREE\na    c\nd");
    }

    #[test]
    fn cyrillic_and_latin_take_the_same_room() {
        let rows = || [vec!["дело".to_owned(), "x".to_owned()], vec!["case".into(), "y".into()]];
        assert_eq!(table(&["вид", ""], rows()), "ВИД\nдело  x\ncase  y");
        WIDTH.set(Some(9));
        assert!(fits(&["вид", ""], &rows()));
        WIDTH.set(Some(8));
        assert!(!fits(&["вид", ""], &rows()));
    }
}
