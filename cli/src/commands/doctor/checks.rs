//! The checks: one pure function each, from facts to a finding, in the order in which people should repair them.

use std::path::PathBuf;

use protocol::app::control::{Alarm, Examination, NodeState, Status};

use super::{Access, Check, Facts, KeyFile, Node, Space, State};
use crate::{
    render::{moment, standing},
    texts::{self, doctor},
};

/// The most that a claimed time may be ahead of this clock: clocks of honest computers differ, and minutes are rounded.
const CLOCK_SECS_MAX: u64 = 2 * 60;
/// The age of a backup after which a new one is due: a week.
const BACKUP_SECS_MAX: u64 = 7 * 24 * 60 * 60;
/// The free bytes below which writing soon fails.
const FREE_BYTES_MIN: u64 = 128 << 20;
/// The free bytes below which it is time to make room; or a tenth of the disk.
const FREE_BYTES_LOW: u64 = 1 << 30;

/// The command that restores a folder whose keys were destroyed: nothing else works there.
const RESTORE: &str = "habeas --data NEW backup restore FILE";

/// A function that writes a command as a person would type it for this folder.
type Typed<'a> = &'a dyn Fn(&str) -> String;

/// Runs all checks.
pub(super) fn all(facts: &Facts, typed: Typed<'_>) -> Vec<Check> {
    let mut checks =
        vec![folder(facts, typed), vault(facts, typed), node(facts, typed), disk(facts), backup(facts, typed)];
    match &facts.node {
        Node::Runs(told) => {
            let (status, examined) = &**told;
            checks.extend([clock(examined, facts.now), peers(status, typed), unread(status, examined, typed)]);
            checks.extend(alarms(status, typed));
            checks.extend([memory(examined, typed)]);
        }
        Node::Stopped | Node::Odd(_) => checks.extend(
            ["clock", "peers", "unread", "alarms", "memory"]
                .map(|check| warn(check, doctor::not_looked_at(), begin(facts, typed, "serve"))),
        ),
    }
    checks.push(swap(facts));
    checks
}

fn folder(facts: &Facts, typed: Typed<'_>) -> Check {
    let path = facts.folder.display();
    match &facts.access {
        None => fail("folder", doctor::no_folder(), typed("init")),
        Some(Access { is_ours: false, .. }) => fail("folder", doctor::not_ours(), format!("chown -R \"$USER\" {path}")),
        Some(Access { mode, .. }) if mode & 0o077 != 0 => {
            fail("folder", doctor::open_folder(*mode), format!("chmod 700 {path}"))
        }
        Some(Access { open_files, .. }) if !open_files.is_empty() => {
            let names: Vec<_> = open_files.iter().filter_map(|path| path.file_name()).collect();
            let names: Vec<_> = names.into_iter().map(|name| name.to_string_lossy()).collect();
            fail("folder", doctor::open_files(&names.join(", ")), format!("chmod go-rwx {}", joined(open_files)))
        }
        Some(_) => ok("folder", doctor::folder_closed()),
    }
}

/// The command, if there are keys that it can use; otherwise the command that makes keys or restores them.
fn begin(facts: &Facts, typed: Typed<'_>, command: &str) -> String {
    match facts.vault {
        _ if facts.wiped => RESTORE.to_owned(),
        [KeyFile::Missing, KeyFile::Missing] if facts.store => RESTORE.to_owned(),
        [KeyFile::Missing, KeyFile::Missing] => typed("init"),
        _ => typed(command),
    }
}

fn joined(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn vault(facts: &Facts, typed: Typed<'_>) -> Check {
    match facts.vault {
        _ if facts.wiped => fail("vault", texts::destroyed(), RESTORE.to_owned()),
        [KeyFile::Missing, KeyFile::Missing] if facts.store => fail("vault", texts::keys_missing(), RESTORE.to_owned()),
        [KeyFile::Missing, KeyFile::Missing] => fail("vault", doctor::folder_empty(), typed("init")),
        [KeyFile::Readable, KeyFile::Readable] => ok("vault", doctor::keys_readable()),
        [KeyFile::Readable, _] | [_, KeyFile::Readable] => {
            warn("vault", doctor::one_key_file(), typed("backup create FILE"))
        }
        _ => fail("vault", doctor::keys_unreadable(), typed("backup restore FILE")),
    }
}

fn node(facts: &Facts, typed: Typed<'_>) -> Check {
    match &facts.node {
        Node::Stopped => fail("node", doctor::nobody_runs(), begin(facts, typed, "serve")),
        Node::Odd(failure) => fail("node", failure.problem.message.clone(), typed("stop")),
        Node::Runs(told) => match (&told.1.version, told.0.state) {
            (version, _) if version != facts.version => {
                warn("node", doctor::other_version(version, facts.version), again(typed))
            }
            (_, state @ (NodeState::Empty | NodeState::Wiped)) => {
                fail("node", texts::state(state), begin(facts, typed, "init"))
            }
            (_, state @ (NodeState::Sealed | NodeState::Locked)) => warn("node", texts::state(state), typed("unlock")),
            (version, _) => ok("node", doctor::runs(version)),
        },
    }
}

fn disk(facts: &Facts) -> Check {
    let look = format!("df -h {}", facts.folder.display());
    match facts.space {
        None => warn("disk", doctor::no_space_known(), look),
        Some(Space { free, .. }) if free < FREE_BYTES_MIN => fail("disk", doctor::free(free), look),
        Some(Space { free, all }) if free < FREE_BYTES_LOW || free < all / 10 => warn("disk", doctor::free(free), look),
        Some(Space { free, .. }) => ok("disk", doctor::free(free)),
    }
}

fn backup(facts: &Facts, typed: Typed<'_>) -> Check {
    let create = || begin(facts, typed, "backup create FILE");
    match facts.backup {
        None => warn("backup", doctor::no_backup(), create()),
        Some(at) if facts.now.saturating_sub(at) > BACKUP_SECS_MAX => {
            warn("backup", doctor::old_backup(&moment(at)), create())
        }
        Some(at) => ok("backup", doctor::last_backup(&moment(at))),
    }
}

/// Checks the clock. A node learns the time of others only from the times that they claim: an entry from the future
/// shows that this clock is behind or theirs is ahead.
fn clock(examined: &Examination, now: u64) -> Check {
    let set = "timedatectl".to_owned();
    match examined.latest_claim {
        _ if examined.clock.abs_diff(now) > CLOCK_SECS_MAX => fail("clock", doctor::two_clocks(), set),
        Some(latest) if latest > now + CLOCK_SECS_MAX => {
            fail("clock", doctor::future(&moment(latest), &moment(now)), set)
        }
        _ => ok("clock", doctor::clock_fits()),
    }
}

fn peers(status: &Status, typed: Typed<'_>) -> Check {
    let away: Vec<_> = status.peers.iter().filter(|peer| !peer.connected && !peer.held).collect();
    let mut names: Vec<_> = away.iter().map(|peer| peer.call_sign.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let names = standing::with_petnames(&names.join(", "), &standing::petnames(&status.peers));
    match (status.peers.len(), away.len()) {
        (0, _) => ok("peers", texts::no_peers()),
        (all, 0) => ok("peers", doctor::reached(all)),
        (_, _) => warn("peers", doctor::away(&names), typed("peers")),
    }
}

fn unread(status: &Status, examined: &Examination, typed: Typed<'_>) -> Check {
    match (status.state, examined.unread, status.wanted) {
        (_, _, wanted) if wanted > 0 => warn("unread", texts::wanted(wanted), typed("peers")),
        (NodeState::Open, Some(unread), _) if unread > 0 => {
            warn("unread", doctor::unread(unread), typed("status --verbose"))
        }
        (NodeState::Open, ..) => ok("unread", doctor::all_read()),
        _ => ok("unread", doctor::read_later()),
    }
}

fn alarms(status: &Status, typed: Typed<'_>) -> Vec<Check> {
    let petnames = standing::petnames(&status.peers);
    let told = status.alarms.iter().map(|alarm| {
        let Alarm { problem, since } = alarm;
        let sentence = standing::with_petnames(&texts::sentence(problem), &petnames);
        let Some(since) = since else {
            // An alarm without a time ends by itself when its cause is gone, so there is nothing to acknowledge.
            let cause = format!("{sentence} ({})", problem.code);
            return fail("alarms", cause, typed(&format!("help {}", problem.code)));
        };
        let cause = doctor::alarm_since(&moment(*since), &sentence, &problem.code);
        let (look, settle) = (format!("help {}", problem.code), format!("doctor --settled {}", problem.code));
        fail("alarms", cause, format!("{} ; {}", typed(&look), typed(&settle)))
    });
    let checks: Vec<_> = told.collect();
    match (checks.is_empty(), status.state) {
        (false, _) => checks,
        (true, NodeState::Locked) => vec![ok("alarms", doctor::no_alarms_locked())],
        (true, _) => vec![ok("alarms", doctor::no_alarms())],
    }
}

fn memory(examined: &Examination, typed: Typed<'_>) -> Check {
    match examined.unprotected.first() {
        None => ok("memory", doctor::memory_closed()),
        Some(gap) => fail("memory", doctor::unprotected(gap), again(typed)),
    }
}

fn swap(facts: &Facts) -> Check {
    let is_kept = matches!(&facts.node, Node::Runs(told) if told.1.kept_in_memory);
    match facts.swap.as_slice() {
        [] => ok("swap", doctor::no_swap()),
        _ if is_kept => ok("swap", doctor::kept_in_memory()),
        areas => warn("swap", doctor::swap(&areas.join(", ")), "swapoff -a".to_owned()),
    }
}

/// The command that starts the node again.
fn again(typed: Typed<'_>) -> String {
    format!("{} && {}", typed("stop"), typed("serve"))
}

fn ok(check: &'static str, cause: impl Into<String>) -> Check {
    Check { check, state: State::Ok, cause: cause.into(), command: None }
}

fn warn(check: &'static str, cause: impl Into<String>, command: String) -> Check {
    Check { check, state: State::Warn, cause: cause.into(), command: Some(command) }
}

fn fail(check: &'static str, cause: impl Into<String>, command: String) -> Check {
    Check { check, state: State::Fail, cause: cause.into(), command: Some(command) }
}
