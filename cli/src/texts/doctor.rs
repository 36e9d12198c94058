//! Texts of `habeas doctor`.

use super::messages;

messages! {
    not_looked_at();
    no_folder();
    not_ours();
    folder_closed();
    folder_empty();
    keys_readable();
    one_key_file();
    keys_unreadable();
    nobody_runs();
    no_space_known();
    no_backup();
    two_clocks();
    clock_fits();
    all_read();
    read_later();
    no_alarms();
    no_alarms_locked();
    alarm_since(when: &str, sentence: &str, code: &str);
    alarm_settled(code: &str);
    memory_closed();
    no_swap();
    kept_in_memory();
    check_folder();
    check_vault();
    check_node();
    check_disk();
    check_backup();
    check_clock();
    check_peers();
    check_unread();
    check_alarms();
    check_memory();
    check_swap();
    folder_open(mode: &str);
    open_files(names: &str);
    other_version(node: &str, ours: &str);
    runs(version: &str);
    free_mebibytes(size: u64);
    free_gibibytes(size: u64);
    last_backup(when: &str);
    old_backup(when: &str);
    future(latest: &str, now: &str);
    reached(all: usize);
    away(names: &str);
    unread(pieces: u64);
    core_dump();
    traceable();
    swappable_keys();
    swap(areas: &str);
    to_mend(findings: usize);
}

/// The name of a check, as people read it, by its stable word.
pub(crate) fn name(check: &str) -> String {
    match check {
        "folder" => check_folder(),
        "vault" => check_vault(),
        "node" => check_node(),
        "disk" => check_disk(),
        "backup" => check_backup(),
        "clock" => check_clock(),
        "peers" => check_peers(),
        "unread" => check_unread(),
        "alarms" => check_alarms(),
        "memory" => check_memory(),
        "swap" => check_swap(),
        other => other.to_owned(),
    }
}

pub(crate) fn open_folder(mode: u32) -> String {
    folder_open(&format!("{mode:o}"))
}

pub(crate) fn free(bytes: u64) -> String {
    if bytes < 1 << 30 { free_mebibytes(bytes >> 20) } else { free_gibibytes(bytes >> 30) }
}

/// An unprotected part of memory; one of a newer version unchanged.
pub(crate) fn unprotected(gap: &str) -> String {
    match gap {
        "core_dump" => core_dump(),
        "traceable" => traceable(),
        "swappable_keys" => swappable_keys(),
        other => other.to_owned(),
    }
}
