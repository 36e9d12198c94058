//! Texts of `habeas doctor`.

use super::count;

pub(crate) const NOT_LOOKED_AT: &str = "not looked at: no node runs";
pub(crate) const NO_FOLDER: &str = "there is no folder yet";
pub(crate) const NOT_OURS: &str = "the folder belongs to another user";
pub(crate) const FOLDER_CLOSED: &str = "nobody else on this computer may look into the folder";
pub(crate) const NO_KEYS: &str = "the folder holds no keys yet";
pub(crate) const KEYS_READABLE: &str = "the keys' file and its copy can be read";
pub(crate) const ONE_KEY_FILE: &str =
    "one of the two files that hold the keys is missing or cannot be read; the other one still opens the folder";
pub(crate) const KEYS_UNREADABLE: &str =
    "the files that hold the keys cannot be read; delete nothing, and restore a backup";
pub(crate) const STOPPED: &str = "no node runs: nothing arrives, and nothing can be read";
pub(crate) const NO_SPACE_KNOWN: &str = "how much space is left is not known";
pub(crate) const NO_BACKUP: &str = "no backup of this folder was made yet";
pub(crate) const TWO_CLOCKS: &str = "the clocks of the node and of this program differ: one was set while they ran";
pub(crate) const CLOCK_FITS: &str = "nothing here is dated later than this computer's clock";
pub(crate) const ALL_READ: &str = "everything that arrived is read";
pub(crate) const READ_LATER: &str = "what arrives is read once the node is unlocked";
pub(crate) const NO_ALARMS: &str = "nothing calls for a person";
pub(crate) const MEMORY_CLOSED: &str = "a crash writes no memory to the disk, and other programs may not read it";
pub(crate) const NO_SWAP: &str = "memory is not written to an unencrypted disk";

/// The check by its stable word, as people read it.
pub(crate) fn name(check: &str) -> &str {
    match check {
        "vault" => "keys",
        "peers" => "others",
        other => other,
    }
}

pub(crate) fn open_folder(mode: u32) -> String {
    format!("others on this computer may look into the folder (mode {mode:o})")
}

pub(crate) fn open_files(names: &str) -> String {
    format!("others on this computer may open: {names}")
}

pub(crate) fn other_version(node: &str, ours: &str) -> String {
    format!("the node runs version {node}, this program is {ours}")
}

pub(crate) fn runs(version: &str) -> String {
    format!("runs, version {version}")
}

pub(crate) fn free(bytes: u64) -> String {
    let size = if bytes < 1 << 30 { format!("{} MiB", bytes >> 20) } else { format!("{} GiB", bytes >> 30) };
    format!("{size} free")
}

pub(crate) fn backup(when: &str) -> String {
    format!("the last backup was made {when}")
}

pub(crate) fn old_backup(when: &str) -> String {
    format!("{}: what came since would be lost", backup(when))
}

pub(crate) fn future(latest: &str, now: &str) -> String {
    format!("something here is dated {latest}, and this clock says {now}: it is behind, or its author's was ahead")
}

pub(crate) fn reached(all: usize) -> String {
    format!("{} connected", count(all as u64, "other is", "others are"))
}

pub(crate) fn away(names: &str) -> String {
    format!("not reached: {names}. Being offline is normal; the copy is as old as `peers` says")
}

pub(crate) fn unread(pieces: u64) -> String {
    let pieces = count(pieces, "piece that arrived is", "pieces that arrived are");
    format!("{pieces} not read: the key for it has not come yet, or a newer version wrote it")
}

pub(crate) fn forked(keys: u64) -> String {
    format!("{} said two different things under one number", count(keys, "key", "keys"))
}

pub(crate) fn unprotected(gap: &str) -> String {
    match gap {
        "core_dump" => "a crash may write memory to the disk; the system refused to forbid it".to_owned(),
        "traceable" => "other programs of this user may read the node's memory".to_owned(),
        other => other.to_owned(),
    }
}

pub(crate) fn swap(areas: &str) -> String {
    format!("memory may be written to {areas}, which is not known to be encrypted: encrypt it, or turn swap off")
}

pub(crate) fn to_mend(findings: usize) -> String {
    format!("{} to mend", count(findings as u64, "thing is", "things are"))
}
