//! Files that people hand over: read with a size limit, written as new files and never over another.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::{
    error::{Failure, codes},
    texts,
};

/// The largest file that is read, in bytes: an import of some ten thousand case files.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads the text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| Failure::new(codes::UNREADABLE, texts::unreadable(path, why));
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    if read as u64 > FILE_BYTES_MAX { Err(unreadable(&texts::too_large())) } else { Ok(text) }
}

/// Writes a new file that only its owner may read.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    written().map_err(|error| Failure::new(codes::UNWRITTEN, texts::unwritten(path, &error)))
}

/// A path as a person types it: in quotes if a shell (POSIX 2.2.2) would split it or expand something in it.
pub(crate) fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |char: char| char.is_alphanumeric() || "/._-+@%=:,".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The whole, absolute path of a file or folder, for the node, which has a working folder of its own.
pub(crate) fn whole(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| Failure::new(codes::UNREADABLE, texts::unreadable(path, why));
    let whole = std::path::absolute(path).map_err(|error| unreadable(&error))?;
    whole.into_os_string().into_string().map_err(|_| unreadable(&texts::not_utf8()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_path_is_typed_so_that_a_shell_reads_it_as_it_is() {
        let check = |path: &str, expected: &str| assert_eq!(typed(Path::new(path)), expected);
        check("/media/stick/monday.backup", "/media/stick/monday.backup");
        check("дело.backup", "дело.backup");
        check("my backups/a", "'my backups/a'");
        check("$HOME", "'$HOME'");
        check("it's", r"'it'\''s'");
        check("", "''");
    }

    #[test]
    fn a_file_is_for_its_owner_alone_and_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("a.card");
        write_new(&path, "one").expect("the file is new");
        assert_eq!(write_new(&path, "two").expect_err("the file is there").problem.code, codes::UNWRITTEN);
        assert_eq!(read(&path).as_deref(), Ok("one"));
        let mode = path.metadata().expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_missing_file_and_a_file_that_is_no_text_are_named() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("x");
        for content in [None, Some([0xff, 0xfe])] {
            if let Some(bytes) = content {
                std::fs::write(&path, bytes).expect("the folder is ours");
            }
            let failure = read(&path).expect_err("there is nothing to read");
            assert_eq!((failure.exit, failure.problem.code.as_str()), (2, codes::UNREADABLE));
            assert!(failure.problem.message.contains("/x"));
        }
    }
}
