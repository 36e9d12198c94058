//! An import file becomes statements: JSON of case files and dockets, mapped key by key to fields.
//!
//! The file is `{note, courts, cases: […], dockets: […]}`; each value may stand alone or as
//! `{"v": …, "src": "s1", "grade": "B2", "org": …}`. Every key is mapped by `data/import_map.tsv`; every key that is not,
//! every value that does not fit and every unknown code is an error with its line, path and field. All errors of a file
//! are listed (beyond [`ERRORS`], counted), and nothing is imported if there is one. Codes that must stay at home go to their local twin at once.

mod consent;
mod json;
mod map;
mod refusal;
mod said;
mod walk;

use std::fmt;

use thiserror::Error;

use crate::{
    bytes::ids::EntityId,
    record::schema::{Value, ValueError},
};

/// Largest file in bytes.
pub const FILE_BYTES: usize = 64 << 20;
/// Errors of a file that are listed; of further ones only the number is told.
pub const ERRORS: usize = 1000;
/// Characters of a path that an error shows: keys of a file may be as long as the file.
const PATH_CHARS: usize = 200;

/// One case file or docket of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Imported {
    /// What the file calls it; stays in the import batch, it may be a name.
    pub label: String,
    /// What it is.
    pub kind: Kind,
    /// Its root entity.
    pub root: EntityId,
    /// What the importing organisation states, in the order of the file.
    pub statements: Vec<Draft>,
    /// Conflicting values, each reported by somebody: each becomes an entry of its own without dependencies among them.
    pub separate: Vec<Draft>,
}

/// What an imported section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One person's path.
    CaseFile,
    /// The public side of a proceeding.
    Docket,
}

/// One statement, canonical and checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// What it says. An organisation not given by its id is the text of the file, which never leaves the own circle.
    pub value: Value,
    /// The sources it rests on, entities of the same section.
    pub sources: Vec<EntityId>,
    /// Grade of the information, such as `B2`.
    pub grade: Option<String>,
    /// The organisation that reports it, as the file names it, if not the importing one.
    pub reported_by: Option<String>,
}

/// Everything wrong with a file; never empty.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("nothing imported: {}", list(.0))]
pub struct ImportErrors(pub Vec<ImportError>);

/// One thing wrong with a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {path}: {problem}")]
pub struct ImportError {
    /// Line, from 1.
    pub line: usize,
    /// JSON path, such as `$.cases[0].capture.date`.
    pub path: String,
    /// The field the key maps to, if it is mapped.
    pub field: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong at one place of a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// Larger than an import may be.
    #[error("the file has {found} bytes, at most {FILE_BYTES} are read")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// Not JSON.
    #[error("not JSON: {reason}")]
    NotJson {
        /// The parser's words.
        reason: String,
    },
    /// A key that is mapped to nothing.
    #[error("the key is not mapped{}", nearest.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default())]
    UnmappedKey {
        /// The nearest key of the map at this place.
        nearest: Option<String>,
    },
    /// A key that stands twice in one object.
    #[error("the key stands twice")]
    RepeatedKey,
    /// Another type of JSON value than the key holds.
    #[error("expected {expected}")]
    Type {
        /// What it holds.
        expected: &'static str,
    },
    /// A value its field does not take.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A label that nothing in the same case (for a docket: in the file) has.
    #[error("nothing in the file has the label «{label}»{}", nearest.as_ref().map(|label| format!("; did you mean {label}?")).unwrap_or_default())]
    UnknownLabel {
        /// The label, at most 40 characters.
        label: String,
        /// The nearest label.
        nearest: Option<String>,
    },
    /// A label given twice.
    #[error("the label stands twice")]
    RepeatedLabel,
    /// Not a grade.
    #[error("a grade is a letter A–F and a digit 1–6, such as B2")]
    Grade,
    /// More than are listed.
    #[error("{count} more errors, which are not listed")]
    More {
        /// How many.
        count: usize,
    },
    /// A conflicting value without the organisation that reports it.
    #[error("a conflicting value names the organisation that reports it (org)")]
    NoReporter,
}

/// Reads a file into statements; `new_id` gives a fresh random id at each call.
///
/// # Errors
/// Everything that is wrong with the file; nothing of it is imported then.
pub fn import(bytes: &[u8], new_id: &mut dyn FnMut() -> EntityId) -> Result<Vec<Imported>, ImportErrors> {
    import_telling(bytes, new_id, &mut |_, _| {})
}

/// The same, and `told` hears how many case files and dockets are read, of how many.
///
/// # Errors
/// As [`import`].
pub fn import_telling(
    bytes: &[u8],
    new_id: &mut dyn FnMut() -> EntityId,
    told: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Imported>, ImportErrors> {
    let whole_file =
        |line, problem| ImportErrors(vec![ImportError { line, path: "$".to_owned(), field: None, problem }]);
    if bytes.len() > FILE_BYTES {
        return Err(whole_file(1, Problem::TooLong { found: bytes.len() }));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        whole_file(line, Problem::NotText)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = json::Node::file(text)
        .map_err(|error| whole_file(error.line(), Problem::NotJson { reason: syntax(&error).to_owned() }))?;
    walk::file(text, file, new_id, told)
}

/// The parser's complaint by class: its own words may quote content.
fn syntax(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        _ => "a comma, quote or bracket is missing or too many",
    }
}

fn list(errors: &[ImportError]) -> String {
    errors.iter().map(|error| format!("\n{error}")).collect()
}

impl fmt::Debug for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (statements, separate) = (self.statements.len(), self.separate.len());
        write!(f, "{:?}({:?}, {statements} statements, {separate} separate)", self.kind, self.root)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}: {:?}", self.field, self.entity, self.value)
    }
}

#[cfg(test)]
mod tests;
