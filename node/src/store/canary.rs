//! Search for known texts (canaries) in the files of a folder, in every encoding that may hide them.
//!
//! Nothing that was stored may be found while the folder is closed: canaries are stored, and every file is searched.
//! The tests first show that the search finds each canary in each encoding in an unsealed store. For tests only.

use std::{
    fs, io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

#[cfg(test)]
mod tests;

/// Returns twenty invented strings, in three scripts.
#[must_use]
pub fn canaries() -> Vec<String> {
    ["canary yellow finch", "канарейка жёлтая", "канарка жовта співоча", "KANARIE-2034-0017"]
        .iter()
        .flat_map(|word| (0..5).map(move |number| format!("{word} {number}")))
        .collect()
}

/// Encodes a string in every form that may hide it: plain, hex, UTF-16 in both byte orders, Base64 at its three
/// offsets.
#[must_use]
pub fn codings(canary: &str) -> Vec<Vec<u8>> {
    let bytes = canary.as_bytes();
    let utf16 = |order: fn(u16) -> [u8; 2]| canary.encode_utf16().flat_map(order).collect();
    let mut forms = vec![
        bytes.to_vec(),
        HEXLOWER.encode(bytes).into_bytes(),
        HEXUPPER.encode(bytes).into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ];
    // Base64 of a longer text shows the string at one of three offsets, except the characters it shares with
    // neighbours.
    forms.extend((0..3).map(|offset| {
        let text = BASE64.encode(&[&vec![0; offset], bytes].concat());
        text.as_bytes()[if offset == 0 { 0 } else { 4 }..text.len() - 4].to_vec()
    }));
    forms
}

/// Counts the occurrences of each canary, by encoding, in the files below `folder` and in their names.
///
/// # Errors
///
/// The I/O error of listing or reading the files.
pub fn search(folder: &Path, canaries: &[String]) -> io::Result<Vec<Vec<usize>>> {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for file in files(folder)? {
        texts.push(file.as_os_str().as_encoded_bytes().to_vec());
        texts.push(fs::read(file)?);
    }
    let count = |form: &[u8]| texts.iter().map(|text| occurrences(text, form)).sum::<usize>();
    Ok(canaries.iter().map(|canary| codings(canary).iter().map(|form| count(form)).collect()).collect())
}

/// A row as stored on the disk: its hidden key and its sealed value.
pub type RawRow = (Vec<u8>, Vec<u8>);

/// Reads all rows of the store in `folder` without its keys.
///
/// # Errors
///
/// The error of RocksDB.
pub fn rows(folder: &Path) -> Result<Vec<RawRow>, rocksdb::Error> {
    let db = rocksdb::DB::open_for_read_only(&rocksdb::Options::default(), folder.join("rows"), false)?;
    let rows = db.iterator(rocksdb::IteratorMode::Start);
    rows.map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec()))).collect()
}

/// Lists all files below `folder`, except sockets.
///
/// # Errors
///
/// The I/O error of listing the folders.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if !kind.is_socket() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn occurrences(text: &[u8], form: &[u8]) -> usize {
    text.windows(form.len()).filter(|window| *window == form).count()
}
