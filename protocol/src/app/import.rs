//! Import: converts a JSON file of case files and dockets into statements, key by key.
//!
//! The file is `{note, courts, cases: […], dockets: […]}`; each value is given directly or as `{"v": …, "src": "s1",
//! "grade": "B2", "org": …}`. Every key is mapped by `data/import_map.tsv`. Every key that is not mapped, every value
//! that does not fit and every unknown code is an error with its line, path and field. All errors of a file are listed
//! (errors beyond [`ERRORS`] are counted), and nothing is imported if there is one. Codes that must stay in the own
//! circle are written to the local twin of their field.

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
/// Number of errors of a file that are listed; the others are only counted.
pub const ERRORS: usize = 1000;
/// Characters of a path that an error shows: keys of a file may be as long as the file.
const PATH_CHARS: usize = 200;

/// One case file or docket of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Imported {
    /// Label of the section in the file. It stays in the import batch, since it may be a name.
    pub label: String,
    /// Kind of the section.
    pub kind: Kind,
    /// Root entity of the section.
    pub root: EntityId,
    /// Statements of the importing organisation, in the order of the file.
    pub statements: Vec<Draft>,
    /// Conflicting values, each with a reporter: each becomes an entry of its own, without dependencies among them.
    pub separate: Vec<Draft>,
}

/// The kind of an imported section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A case file: the path of one person.
    CaseFile,
    /// A docket: the public side of a proceeding.
    Docket,
}

/// One statement, canonical and checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Entity of the statement.
    pub entity: EntityId,
    /// `entity.field`.
    pub field: String,
    /// Value of the statement. An organisation that is not given by its id stays the text of the file, which never
    /// leaves the own circle.
    pub value: Value,
    /// Sources of the statement, entities of the same section.
    pub sources: Vec<EntityId>,
    /// Grade of the information, such as `B2`.
    pub grade: Option<String>,
    /// Reporter of the statement, as the file names it, if it is not the importing organisation.
    pub reported_by: Option<String>,
}

/// All errors of a file; never empty.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("nothing imported: {}", list(.0))]
pub struct ImportErrors(pub Vec<ImportError>);

/// An error in a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {path}: {problem}")]
pub struct ImportError {
    /// Line, from 1.
    pub line: usize,
    /// JSON path, such as `$.cases[0].capture.date`.
    pub path: String,
    /// The field the key maps to, if it is mapped.
    pub field: Option<String>,
    /// Problem at that place.
    pub problem: Problem,
}

/// The problem at one place of a file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// The file is larger than an import may be.
    #[error("the file has {found} bytes, at most {FILE_BYTES} are read")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// The file is not UTF-8.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// The file is not JSON.
    #[error("not JSON: {reason}")]
    NotJson {
        /// Reason why the text is not JSON.
        reason: String,
    },
    /// The key is not mapped.
    #[error("the key is not mapped{}", nearest.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default())]
    UnmappedKey {
        /// The nearest key of the map at this place.
        nearest: Option<String>,
    },
    /// The key occurs twice in one object.
    #[error("the key stands twice")]
    RepeatedKey,
    /// The JSON value is of another type than the key takes.
    #[error("expected {expected}")]
    Type {
        /// Type that the key takes.
        expected: &'static str,
    },
    /// The field does not take the value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The label is unknown: nothing in the same case (for a docket: in the file) has it.
    #[error("nothing in the file has the label «{label}»{}", nearest.as_ref().map(|label| format!("; did you mean {label}?")).unwrap_or_default())]
    UnknownLabel {
        /// The label, at most 40 characters.
        label: String,
        /// The nearest label.
        nearest: Option<String>,
    },
    /// The label is given twice.
    #[error("the label stands twice")]
    RepeatedLabel,
    /// The text is not a grade.
    #[error("a grade is a letter A–F and a digit 1–6, such as B2")]
    Grade,
    /// The file has more errors than are listed.
    #[error("{count} more errors, which are not listed")]
    More {
        /// Number of errors that are not listed.
        count: usize,
    },
    /// The conflicting value has no reporter.
    #[error("a conflicting value names the organisation that reports it (org)")]
    NoReporter,
}

/// Reads a file into statements; `new_id` returns a fresh random id at each call.
///
/// # Errors
/// All errors of the file; nothing of it is imported then.
pub fn import(bytes: &[u8], new_id: &mut dyn FnMut() -> EntityId) -> Result<Vec<Imported>, ImportErrors> {
    import_telling(bytes, new_id, &mut |_, _| {})
}

/// Reads a file like [`import`], and reports progress to `told`: the number of case files and dockets read so far, and
/// the number of all.
///
/// # Errors
/// The errors of [`import`].
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

/// The class of a JSON syntax error. The parser's own message is not used, since it may quote content.
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
