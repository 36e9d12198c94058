//! Logging to standard error or a file, for operators. Never a secret, a name or case text; no address at INFO.

mod lines;

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

use rustix::{fs::OFlags, stdio::dup2_stderr};
use tracing::Level;
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::durable;
use lines::Lines;

/// Maximum bytes of a log file, some forty thousand lines. A node keeps this file and one rotated file, nothing else.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// Starts logging at `level`: `error`, `warn`, `info`, `debug`, or levels by module (`info,habeas_node::net=debug`).
/// An unknown level counts as `info`. Logs go to standard error, or are appended to the file `path`; standard error
/// is then redirected to this file, so a panic message is written there too.
pub(crate) fn start(level: &str, path: Option<&Path>) {
    let filter = level.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    match path.map(|path| LogFile::open(path, LOG_BYTES, true)) {
        Some(Ok(file)) => begin(filter, Mutex::new(file)),
        Some(Err(error)) => {
            begin(filter, io::stderr);
            tracing::warn!(%error, "the log file cannot be written");
        }
        None => begin(filter, io::stderr),
    }
}

fn begin(filter: Targets, to: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) {
    let lines = fmt::layer().with_writer(to).with_ansi(false).event_format(Lines::new());
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// A log file that is rotated when it is full; the rotated file replaces the one before.
struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
    /// Whether standard error is redirected to this file.
    is_stderr: bool,
}

impl LogFile {
    fn open(path: &Path, bytes_max: u64, is_stderr: bool) -> io::Result<Self> {
        // The folder belongs to its owner alone; a symbolic link in it is a mistake, not a place for a log.
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let file = File::options().create(true).append(true).mode(0o600).custom_flags(no_link).open(path)?;
        if is_stderr {
            dup2_stderr(&file)?;
        }
        Ok(Self { path: path.into(), bytes: file.metadata()?.len(), file, bytes_max, is_stderr })
    }

    /// Rotates the file and begins a new one; if the rename fails, the file is truncated.
    fn turn(&mut self) -> io::Result<()> {
        match fs::rename(&self.path, durable::beside(&self.path, ".1")) {
            Ok(()) => *self = Self::open(&self.path, self.bytes_max, self.is_stderr)?,
            Err(_) => {
                self.file.set_len(0)?;
                self.bytes = 0;
            }
        }
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + line.len() as u64 > self.bytes_max {
            self.turn()?;
        }
        let written = self.file.write(line)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_full_log_is_set_aside_once_and_what_was_there_before_is_gone_on_with() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("node.log");
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            let mut log = LogFile::open(&path, 10, false).expect("a writable folder");
            log.write_all(line.as_bytes()).expect("a writable folder");
        }
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).expect("there");
        assert_eq!((text("node.log.1").as_str(), text("node.log").as_str()), ("three\n", "four\nfive\n"));
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 2);
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_log_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("node.log");
        symlink(folder.path().join("elsewhere"), &path).expect("a writable folder");
        assert!(LogFile::open(&path, 10, false).is_err());
    }
}
