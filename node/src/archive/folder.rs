//! The folder of an archive: the names in it, and removal of a folder that holds only what an archive holds.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::durable;

/// Name of the file that says what the archive is, for programs.
pub(super) const JSON: &str = "archive.json";
/// Name of the page to begin with.
pub(super) const PAGE: &str = "archive.html";
/// Name of the file with the look of the pages.
pub(super) const STYLE: &str = "style.css";
const LINES: &str = "json";
const INDEX: &str = "index";
const RECORDS: &str = "records";

/// Greatest number of pages of records in one folder.
pub(super) const FOLDER_MAX: u64 = 1_000;

/// Path of a file of records in JSON; they are counted from 1.
pub(super) fn lines(part: usize) -> String {
    format!("{LINES}/{part:04}.jsonl")
}

/// Path of a part of the list of records; they are counted from 1.
pub(super) fn index(part: usize) -> String {
    if part == 1 { PAGE.to_owned() } else { format!("{INDEX}/{part:04}.html") }
}

/// Path of the page of a record; records are counted from 1.
pub(super) fn page(number: u64) -> String {
    let folder = number.saturating_sub(1) / FOLDER_MAX + 1;
    format!("{RECORDS}/{folder:04}/{number:06}.html")
}

/// Path to `to` from the page `from`, both in the archive.
pub(super) fn link(from: &str, to: &str) -> String {
    "../".repeat(from.matches('/').count()) + to
}

/// Folder of an archive that is being written: counts the bytes of its files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    bytes: u64,
}

impl Folder {
    /// Makes the folder, readable by this user alone.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        durable::make_new_folder(path)?;
        durable::make_new_folder(&path.join(RECORDS))?;
        Ok(Self { path: path.to_owned(), bytes: 0 })
    }

    /// Writes a whole file. The folder of the file is made if it is missing.
    pub(super) fn write(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.create(name)?.write_all(text.as_bytes())?;
        self.count(text.len() as u64);
        Ok(())
    }

    /// Creates a file. The folder of the file is made if it is missing.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        match durable::make_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                durable::make_new_folder(path.parent().unwrap_or(&self.path))?;
                durable::make_file(&path)
            }
            made => made,
        }
    }

    /// Counts bytes that were written to a file.
    pub(super) const fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Number of bytes in all files.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Syncs all files to the disk (syncfs(2)): a sync for each of them would take longer than writing them.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.path)?)?)
    }
}

/// Removes a folder that holds only files of an archive. Links are not followed: a link to such a folder is not one that
/// a crash left. Fails if anything else is in the folder, and leaves that.
pub(super) fn discard(folder: &Path) -> io::Result<()> {
    check_folder(folder)?;
    discard_files(&folder.join(LINES), "jsonl")?;
    discard_files(&folder.join(INDEX), "html")?;
    let records = folder.join(RECORDS);
    for name in numbered(&records, None)? {
        discard_files(&records.join(name), "html")?;
    }
    remove_folder(&records)?;
    for name in [JSON, PAGE, STYLE] {
        if_there(fs::remove_file(folder.join(name)))?;
    }
    fs::remove_dir(folder)
}

/// Removes a folder of numbered files with this ending.
fn discard_files(folder: &Path, ending: &str) -> io::Result<()> {
    for name in numbered(folder, Some(ending))? {
        fs::remove_file(folder.join(name))?;
    }
    remove_folder(folder)
}

/// Names in a folder that are a number with this ending; none if there is no such folder.
fn numbered(folder: &Path, ending: Option<&str>) -> io::Result<Vec<PathBuf>> {
    match check_folder(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        checked => checked?,
    }
    let is_number = |name: &Path| {
        let stem = name.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit())
    };
    let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())));
    let ours = |name: &PathBuf| is_number(name) && name.extension().and_then(|found| found.to_str()) == ending;
    names.filter(|name| name.as_ref().map_or(true, ours)).collect()
}

fn check_folder(folder: &Path) -> io::Result<()> {
    if folder.symlink_metadata()?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    if_there(fs::remove_dir(folder))
}

fn if_there(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
