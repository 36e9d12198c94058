//! The writer of an archive: takes one record after another and keeps none of them.
//!
//! In memory are the record that is being written, the lines of the first part of the list and of the part under way
//! (at most 500 and 512 KiB each), and some words about each further part. An archive that is begun again loses what was
//! written of it; one that is not ended is removed.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use habeas_texts::language;
use protocol::app::control::RecordKind;

use super::{
    Archive, ArchiveError, Archived, Head, Manner, Part, Summary,
    folder::{self, Folder},
    index::Index,
    page::{self, Page},
};
use crate::durable;

/// Greatest number of records in a file of JSON lines.
pub(super) const PART_MAX: u64 = 1_000;
/// Size in bytes from which a file of JSON lines takes no further record: an editor opens it, and so does FAT32.
const PART_BYTES: u64 = 64 << 20;

/// Writer of one archive. It is removed unless it is [ended](Writer::end).
#[derive(Debug)]
pub struct Writer {
    manner: Manner,
    to: PathBuf,
    /// The folder while it is incomplete.
    fresh: PathBuf,
    book: Option<Book>,
    is_named: bool,
}

/// An archive that was begun.
#[derive(Debug)]
struct Book {
    head: Head,
    folder: Folder,
    index: Index,
    lines: Option<BufWriter<File>>,
    files: Vec<Part>,
    case_files: u64,
    dockets: u64,
}

impl Writer {
    /// Makes the unfinished folder of an archive that is to have the name `to`, readable by this user alone.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Exists`] if anything has the name `to` or the name of the unfinished folder, [`ArchiveError::Io`].
    pub fn new(manner: Manner, to: &Path) -> Result<Self, ArchiveError> {
        if durable::is_taken(to).map_err(ArchiveError::io("look for a file"))? {
            return Err(ArchiveError::Exists);
        }
        let fresh = durable::beside(to, ".unfinished");
        // The unfinished archive of an earlier crash is removed; anything else of that name is kept.
        let _not_ours = folder::discard(&fresh);
        durable::make_new_folder(&fresh).map_err(ArchiveError::io("make the folder"))?;
        Ok(Self { manner, to: to.to_owned(), fresh, book: None, is_named: false })
    }

    /// Begins the archive, or begins it again with nothing in it.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Io`].
    pub fn begin(&mut self, head: Head) -> Result<(), ArchiveError> {
        self.book = None;
        self.book = Some(Book::begin(head, &self.fresh).map_err(ArchiveError::io("make the folder"))?);
        Ok(())
    }

    /// Writes a record. Case files come before dockets.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Io`].
    ///
    /// # Panics
    ///
    /// If the archive was not begun.
    pub fn add(&mut self, record: &Archived) -> Result<(), ArchiveError> {
        let Self { manner, book, .. } = self;
        let book = book.as_mut().expect("an archive is begun before its first record");
        let added = language::within(manner.language, || book.add(record, manner));
        added.map_err(ArchiveError::io("write the archive"))
    }

    /// Completes the archive and gives it its name.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Exists`] if anything has its name by now, [`ArchiveError::Io`].
    ///
    /// # Panics
    ///
    /// If the archive was not begun.
    pub fn end(&mut self) -> Result<Summary, ArchiveError> {
        let book = self.book.take().expect("an archive is begun before its end");
        let ended = language::within(self.manner.language, || book.end(&self.manner));
        let summary = ended.map_err(ArchiveError::io("write the archive"))?;
        durable::name(&self.fresh, &self.to).map_err(ArchiveError::io("name the archive"))?;
        self.is_named = true;
        Ok(summary)
    }

    /// Drops all texts of the archive. What was written is removed when the writer is dropped, which may take long.
    pub fn drop_texts(&mut self) {
        self.book = None;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.drop_texts();
        if !self.is_named {
            let _left_behind = folder::discard(&self.fresh);
        }
    }
}

impl Book {
    fn begin(head: Head, fresh: &Path) -> io::Result<Self> {
        folder::discard(fresh)?;
        let mut folder = Folder::make(fresh)?;
        folder.write(folder::STYLE, page::STYLE)?;
        let (lines, files, index) = (None, Vec::new(), Index::default());
        Ok(Self { head, folder, index, lines, files, case_files: 0, dockets: 0 })
    }

    fn add(&mut self, record: &Archived, manner: &Manner) -> io::Result<()> {
        match record.kind {
            RecordKind::Case => self.case_files += 1,
            RecordKind::Docket => self.dockets += 1,
        }
        let number = self.case_files + self.dockets;
        let page = Page::new(&self.head, &manner.zone);
        let full = self.index.add(number, record, &page);
        if let Some((name, text)) = full {
            self.folder.write(&name, &text)?;
        }
        let own = folder::page(number);
        self.folder.write(&own, &page.record(record, &own, &self.index.place(number)))?;
        self.add_line(record)?;
        // Data that waits to be written is bounded, and a full disk is found early.
        if number.is_multiple_of(folder::FOLDER_MAX) { self.folder.sync() } else { Ok(()) }
    }

    fn add_line(&mut self, record: &Archived) -> io::Result<()> {
        if self.files.last().is_some_and(|part| part.records >= PART_MAX || part.bytes >= PART_BYTES) {
            self.end_lines()?;
        }
        if self.lines.is_none() {
            let file = folder::lines(self.files.len() + 1);
            self.lines = Some(BufWriter::new(self.folder.create(&file)?));
            self.files.push(Part { file, ..Part::default() });
        }
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let (Some(to), Some(part)) = (&mut self.lines, self.files.last_mut()) else { return Ok(()) };
        to.write_all(&line)?;
        part.records += 1;
        part.bytes += line.len() as u64;
        self.folder.count(line.len() as u64);
        Ok(())
    }

    /// Closes the file of JSON lines.
    fn end_lines(&mut self) -> io::Result<()> {
        match self.lines.take() {
            Some(lines) => lines.into_inner().map(drop).map_err(io::IntoInnerError::into_error),
            None => Ok(()),
        }
    }

    fn end(mut self, manner: &Manner) -> io::Result<Summary> {
        self.end_lines()?;
        let page = Page::new(&self.head, &manner.zone);
        for (name, text) in self.index.end([self.case_files, self.dockets], &page) {
            self.folder.write(&name, &text)?;
        }
        let Self { head, mut folder, files, case_files, dockets, .. } = self;
        let archive = Archive { schema: Archive::SCHEMA, head, case_files, dockets, files };
        folder.write(folder::JSON, &(serde_json::to_string(&archive)? + "\n"))?;
        folder.sync()?;
        Ok(Summary { records: case_files + dockets, bytes: folder.bytes() })
    }
}
