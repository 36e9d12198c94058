//! Texts of keys, founding, joining, running and backups.

use std::{fmt::Display, path::Path};

use super::messages;
use crate::secret::Which;

messages! {
    making_keys();
    choose_two();
    choose_passphrase();
    choose_again(why: &str);
    step_keys(call_sign: &str);
    step_registry();
    ready();
    ready_before();
    say_call_sign();
    row_folder();
    log_in_folder();
    node_heading();
    node_ends();
    node_starts_again();
    other_folder();
    not_alone();
    serving_on(stop: &str);
    next_case();
    next_backup();
    made_organisation(call_sign: &str, folder: &Path, node: &str);
    made_device(folder: &Path, node: &str);
    prompt_device();
    prompt_root();
    new_prompt_device();
    new_prompt_root();
    prompt_again();
    unlike();
    name_a_file_with(flag: &str);
    nobody_to_ask_device();
    nobody_to_ask_root();
    not_typed(nobody: &str, why: &dyn Display);
    no_program(program: &Path, why: &dyn Display);
    node_ended(status: &dyn Display);
    not_answering(seconds: u64);
    next_found();
    next_serve();
    next_serve_first();
    next_card_first();
    next_device_id();
    next_verify();
    next_restore();
    old_folder();
    destroyed();
    keys_missing();
    nothing_yet(folder: &Path);
    only_a_call_sign(typed: &str);
    next_status();
    next_import();
    next_sign();
    next_complete();
    next_join();
    next_device_add();
    next_device_join();
    next_show();
    compare(words: &str);
    names_organisations(organisations: &str);
    joined(words: &str);
    opened();
    locked();
    stopped();
    wiped();
    not_confirmed();
    confirm_wipe();
    running_already();
    no_keys();
    stays_closed();
    wrong_again();
    ending();
    serving(folder: &Path, status: &str);
    where_organisation();
    backup_written(file: &Path, bytes: u64);
    backup_sound(file: &Path, bytes: u64, entries: u64);
    backup_restored(file: &Path, bytes: u64);
    archived(folder: &Path, records: u64, bytes: u64);
    archive_unread(unread: u64);
    archive_read(page: &Path);
}

/// The instruction to open an archive.
pub(crate) fn archive_open(folder: &Path) -> String {
    archive_read(&folder.join("archive.html"))
}

/// The text about the keys that `init` made.
pub(crate) fn made(folder: &Path, call_sign: Option<&str>, node: &str) -> String {
    call_sign.map_or_else(|| made_device(folder, node), |call_sign| made_organisation(call_sign, folder, node))
}

pub(crate) fn prompt(which: Which) -> String {
    match which {
        Which::Device => prompt_device(),
        Which::Root => prompt_root(),
    }
}

pub(crate) fn new_prompt(which: Which) -> String {
    match which {
        Which::Device => new_prompt_device(),
        Which::Root => new_prompt_root(),
    }
}

pub(crate) fn nobody_to_ask(which: Which) -> String {
    match which {
        Which::Device => nobody_to_ask_device(),
        Which::Root => nobody_to_ask_root(),
    }
}
