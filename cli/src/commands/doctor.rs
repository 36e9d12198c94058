//! `habeas doctor`: reports what is wrong, why, and the command that repairs it; whether a node runs or not.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use protocol::app::control::{Examination, Reply, Request, SCHEMA, Status};
use rustix::{fs::statvfs, process::geteuid};
use serde::Serialize;

use super::ask;
use crate::{
    Context,
    client::{AskError, Client},
    daemon::unexpected,
    error::{Failure, codes},
    now,
    render::{doctor, standing::good},
    texts,
};

mod checks;

const EXAMPLES: &str = "\
Examples:
  habeas doctor
  habeas doctor --json
  habeas doctor --settled HB4005";

/// The file in which the node notes the time of its last backup: seconds UTC.
const LAST_BACKUP: &str = "last-backup";

/// Look for what is wrong, and say what mends it; also while no node runs.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Alarms of this code were looked at: show them no more.
    #[arg(long, value_name = "CODE")]
    settled: Option<String>,
}

/// A check: its name and its finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// The name of the check, as one stable word.
    pub(crate) check: &'static str,
    pub(crate) state: State,
    /// The cause: what was found, and why it matters.
    pub(crate) cause: String,
    /// The command that repairs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
}

/// The state that a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    /// A warning: worth a look.
    Warn,
    /// A fault to repair.
    Fail,
}

/// The facts that the checks use.
#[derive(Clone, Debug)]
struct Facts {
    folder: PathBuf,
    /// Access rights and owner of the folder, and of every file in it that other users may open.
    access: Option<Access>,
    /// The file of the keys and its copy: readable and not empty.
    vault: [KeyFile; 2],
    /// Whether there is a store that the keys open.
    store: bool,
    wiped: bool,
    node: Node,
    space: Option<Space>,
    /// The time of the last backup: UTC, seconds.
    backup: Option<u64>,
    /// Swap devices to which memory may be written unencrypted.
    swap: Vec<String>,
    now: u64,
    version: &'static str,
}

#[derive(Clone, Debug)]
struct Access {
    mode: u32,
    is_ours: bool,
    open_files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyFile {
    Missing,
    Unreadable,
    Readable,
}

#[derive(Clone, Copy, Debug)]
struct Space {
    free: u64,
    all: u64,
}

#[derive(Clone, Debug)]
enum Node {
    Runs(Box<(Status, Examination)>),
    Stopped,
    /// A node answers, but not as expected.
    Odd(Failure),
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    if let Some(code) = args.settled {
        let reply = ask(context, &Request::Settle { code: code.to_uppercase() }).await?;
        context.screen.reply(&reply, || good(&texts::doctor::alarm_settled(&code.to_uppercase())));
        return Ok(());
    }
    let folder = context.data()?;
    let facts = Facts {
        access: access(&folder),
        vault: ["vault", "vault.copy"].map(|name| key_file(&folder.join(name))),
        store: folder.join("store").exists(),
        wiped: folder.join("wiped").symlink_metadata().is_ok(),
        node: node(&folder).await,
        space: space(&folder),
        backup: fs::read_to_string(folder.join(LAST_BACKUP)).ok().and_then(|text| text.trim().parse().ok()),
        swap: swap(Path::new("/proc/swaps"), Path::new("/sys/class/block")),
        now: now(),
        version: env!("CARGO_PKG_VERSION"),
        folder,
    };
    let checks = checks::all(&facts, &|rest| context.command(rest));
    if context.screen.is_json() {
        context.screen.line(&serde_json::json!({ "schema": SCHEMA, "checks": checks, "as_of": facts.now }));
    } else {
        context.screen.data(&doctor::checks(&checks, facts.now));
    }
    match checks.iter().filter(|check| check.state == State::Fail).count() {
        0 => Ok(()),
        count => Err(Failure::new(codes::UNWELL, texts::doctor::to_mend(count))),
    }
}

async fn node(folder: &Path) -> Node {
    let client = Client::new(folder);
    let asked = async {
        let status = match client.ask(&Request::Status).await? {
            Reply::Status(status) => Ok(*status),
            other => Err(other),
        };
        let examined = match client.ask(&Request::Examine).await? {
            Reply::Examined(examined) => Ok(examined),
            other => Err(other),
        };
        Ok::<_, AskError>((status, examined))
    };
    match asked.await {
        Ok((Ok(status), Ok(examined))) => Node::Runs(Box::new((status, examined))),
        Ok((Err(reply), _) | (_, Err(reply))) => Node::Odd(unexpected(&reply)),
        Err(AskError::NoNode { .. }) => Node::Stopped,
        Err(error) => Node::Odd(error.into()),
    }
}

/// The access rights of the folder; `None` if there is no such folder.
fn access(folder: &Path) -> Option<Access> {
    let about = fs::metadata(folder).ok().filter(fs::Metadata::is_dir)?;
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_open = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|about| about.mode() & 0o077 != 0);
    let mut open_files: Vec<_> = files.filter(is_open).collect();
    open_files.sort();
    Some(Access { mode: about.mode() & 0o777, is_ours: about.uid() == geteuid().as_raw(), open_files })
}

fn key_file(path: &Path) -> KeyFile {
    if path.symlink_metadata().is_err() {
        return KeyFile::Missing;
    }
    if !path.is_file() {
        // A pipe is never opened: the call would wait for its other end.
        return KeyFile::Unreadable;
    }
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut [0]));
    if read.is_ok() { KeyFile::Readable } else { KeyFile::Unreadable }
}

/// The space on the folder's file system, or on the one in which the folder would be created.
fn space(folder: &Path) -> Option<Space> {
    let found = folder.ancestors().find_map(|folder| statvfs(folder).ok())?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Space { free: bytes(found.f_bavail), all: bytes(found.f_blocks) })
}

/// Swap areas (proc(5)) that are neither in memory (zram) nor behind dm-crypt. A swap file lies on some file system,
/// and whether that is encrypted cannot be seen from here.
fn swap(table: &Path, devices: &Path) -> Vec<String> {
    let table = fs::read_to_string(table).unwrap_or_default();
    let areas = table.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let is_plain = |area: &&str| {
        let device = fs::canonicalize(area).unwrap_or_else(|_| PathBuf::from(area));
        let name = device.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mapped = fs::read_to_string(devices.join(&name).join("dm/uuid")).unwrap_or_default();
        !name.starts_with("zram") && !mapped.starts_with("CRYPT-")
    };
    areas.filter(is_plain).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
