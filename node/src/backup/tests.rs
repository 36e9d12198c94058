//! Tests of backup files: complete, truncated, changed, and forged.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// Size of the test backup: five files and the time.
const SAVED: Summary = Summary { files: 6, bytes: 100_015 };

fn back(from: &Path, into: &Path) -> Result<Summary, BackupError> {
    let summary = prepare(from, into, &mut |_, _| {})?;
    restore(into).map(|()| summary)
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (folder, checkpoint) = (root.path().join("folder"), root.path().join("checkpoint"));
    fs::create_dir_all(checkpoint.join("rows")).expect("writable");
    fs::create_dir(&folder).expect("writable");
    for (path, content) in [(folder.join("vault"), "v"), (folder.join("vault.copy"), "v"), (folder.join("root"), "r")] {
        fs::write(path, content).expect("writable");
    }
    fs::write(checkpoint.join("format"), "f").expect("writable");
    fs::write(checkpoint.join("rows/000004.log"), vec![7; 100_000]).expect("writable");
    let backup = root.path().join("backup");
    let mut told = Vec::new();
    let summary = create(&folder, &checkpoint, 1_795_478_400, &backup, &mut |done, all| told.push((done, all)));
    assert_eq!(summary.expect("a backup"), SAVED);
    assert!(told.is_sorted() && told.last() == Some(&(100_015, 100_015)), "{told:?}");
    assert!(!checkpoint.exists(), "the checkpoint is gone");
    (root, backup)
}

#[test]
fn what_was_saved_comes_back() {
    let (root, backup) = folder();
    let into = root.path().join("restored");
    assert_eq!(back(&backup, &into).expect("sound"), SAVED);
    let mode = fs::metadata(into.join("vault")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for this user alone");
    assert_eq!(last(&into), Some(1_795_478_400), "it knows what it came from");
    assert_eq!(fs::read(into.join("store/rows/000004.log")).expect("there"), vec![7; 100_000]);
    assert_eq!(fs::read(into.join("root")).expect("there"), b"r");
    assert!(matches!(back(&backup, &into), Err(BackupError::NotEmpty)));
}

#[test]
fn a_backup_cut_off_anywhere_restores_nothing() {
    let (root, backup) = folder();
    let bytes = fs::read(&backup).expect("there");
    // The last two blocks of a tar archive are zeros: without them it is still complete.
    for at in (0..bytes.len() - 2048).step_by(3571) {
        let (cut, into) = (root.path().join("cut"), root.path().join("into"));
        fs::write(&cut, &bytes[..at]).expect("writable");
        assert!(back(&cut, &into).is_err(), "{at} of {}", bytes.len());
        assert_eq!(names(&into), [""; 0], "{at}");
    }
}

#[test]
fn a_changed_backup_restores_nothing_and_is_never_overwritten() {
    let (root, backup) = folder();
    let mut bytes = fs::read(&backup).expect("there");
    let at = bytes.windows(8).position(|window| window == [7; 8]).expect("the log is in it") + 50_000;
    bytes[at] ^= 1;
    let changed = root.path().join("changed");
    fs::write(&changed, &bytes).expect("writable");
    let error = back(&changed, &root.path().join("into")).expect_err("changed");
    assert!(matches!(error, BackupError::Changed { ref path } if path == "store/rows/000004.log"), "{error}");
    let missing = root.path().join("missing");
    let over = create(root.path(), &missing, 0, &backup, &mut |_, _| {});
    assert!(matches!(over, Err(BackupError::Exists)));
}

#[test]
fn what_came_into_the_folder_while_a_backup_was_unpacked_stays_and_nothing_is_restored() {
    let (root, backup) = folder();
    let into = root.path().join("into");
    prepare(&backup, &into, &mut |_, _| {}).expect("sound");
    fs::write(into.join("vault"), "another").expect("writable");
    assert!(matches!(restore(&into), Err(BackupError::NotEmpty)));
    assert_eq!(fs::read(into.join("vault")).expect("there"), b"another");
    assert_eq!(names(&into), ["vault"], "what was unpacked is gone");
}

#[test]
fn what_a_crash_left_half_unpacked_is_in_nobodys_way() {
    let (root, backup) = folder();
    let into = root.path().join("into");
    fs::create_dir_all(into.join(UNFINISHED)).expect("writable");
    fs::write(into.join(UNFINISHED).join("root"), "half").expect("writable");
    assert_eq!(back(&backup, &into).expect("sound"), SAVED);
    assert_eq!(fs::read(into.join("root")).expect("there"), b"r");
}

/// Lists the names in a folder, without its lock.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).map(|entries| entries.map(|entry| entry.expect("readable").file_name()));
    let names = entries.into_iter().flatten().map(|name| name.into_string().expect("plain"));
    names.filter(|name| name != "vault.lock").collect()
}

/// Forges a backup of these files, with a manifest that fits them.
fn forged(root: &Path, files: &[(&str, &str)]) -> PathBuf {
    forged_with(root, files, |_| {})
}

fn forged_with(root: &Path, files: &[(&str, &str)], more: impl FnOnce(&mut tar::Builder<File>)) -> PathBuf {
    let path = root.join("forged");
    let mut archive = tar::Builder::new(File::create(&path).expect("writable"));
    let mut manifest = format!("{HEAD}\n");
    for (name, content) in files {
        entry(&mut archive, name, content, tar::EntryType::Regular);
        manifest.push_str(&format!("{} {name}\n", blake3::hash(content.as_bytes()).to_hex()));
    }
    entry(&mut archive, MANIFEST, &manifest, tar::EntryType::Regular);
    more(&mut archive);
    archive.into_inner().expect("writable");
    path
}

/// Appends an entry that the tar library would refuse to write.
fn entry(archive: &mut tar::Builder<File>, name: &str, content: &str, kind: tar::EntryType) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    archive.append(&header, content.as_bytes()).expect("writable");
}

/// Regression: a backup whose manifest listed `api.sock` was accepted, and no node could start in the restored folder.
#[test]
fn only_names_that_a_backup_writes_come_out_of_one() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let check = |names: &[&str], sound: bool| {
        let into = root.path().join("into");
        let _earlier = fs::remove_dir_all(&into);
        let files: Vec<_> = [LAST, "vault"].iter().chain(names).map(|name| (*name, "x")).collect();
        let found = back(&forged(root.path(), &files), &into);
        assert_eq!(found.is_ok(), sound, "{names:?}: {found:?}");
        assert!(sound || matches!(found, Err(BackupError::NotHabeas)), "{names:?}: {found:?}");
        assert!(sound || self::names(&into).is_empty(), "{names:?} left something");
        assert!(!root.path().join("escape").exists());
    };
    let rows = ["store/rows/CURRENT", "store/rows/MANIFEST-000005", "store/rows/OPTIONS-7", "store/rows/000012.sst"];
    check(&[], true);
    check(&rows, true);
    check(&["root", "vault.copy", "store/format", "store/rows/000004.log"], true);
    for name in [
        "api.sock",
        "lock",
        "wiped",
        "vault.lock",
        "vault.attempts",
        ".restored/vault",
        "../escape",
        "/escape",
        "store/../../escape",
        "store",
        "store/",
        "store/lock",
        "store/rows/",
        "store/rows/LOCK",
        "store/rows/.sst",
        "store/rows/1.sst/x",
        "store/rows/x.sst",
        "store/rows/../format",
        "store/rows/MANIFEST-",
        "store/./format",
        "./vault.copy",
        "Vault",
    ] {
        check(&[name], false);
    }
    check(&["root", "root"], false);
    check(&["vault"], false);
    let without_keys = forged(root.path(), &[(LAST, "x"), ("store/format", "f")]);
    assert!(matches!(unpack(&without_keys, &root.path().join("out"), &mut |_, _| {}), Err(BackupError::NotHabeas)));
}

#[test]
fn links_long_names_and_whatever_follows_the_manifest_are_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut number = 0;
    let mut check = |kind, after: bool| {
        number += 1;
        let path = root.path().join("forged");
        let into = root.path().join(number.to_string());
        if after {
            forged_with(root.path(), &[("vault", "v")], |archive| entry(archive, "vault.copy", "v", kind));
        } else {
            let mut archive = tar::Builder::new(File::create(&path).expect("writable"));
            entry(&mut archive, "vault", "v", kind);
            archive.into_inner().expect("writable");
        }
        let found = unpack(&path, &into, &mut |_, _| {});
        assert!(matches!(found, Err(BackupError::NotHabeas)), "{kind:?}: {found:?}");
    };
    use tar::EntryType as Type;
    for kind in [
        Type::Symlink,
        Type::Link,
        Type::Fifo,
        Type::Char,
        Type::Block,
        Type::Directory,
        Type::GNULongName,
        Type::GNULongLink,
        Type::GNUSparse,
        Type::XHeader,
        Type::XGlobalHeader,
    ] {
        check(kind, false);
        check(kind, true);
    }
    check(Type::Regular, true);
}

#[test]
fn sizes_that_a_backup_claims_are_not_believed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let mut number = 0;
    let mut check = |name: &str, length: u64, expected: BackupError| {
        number += 1;
        let path = root.path().join("forged");
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        let file = File::create(&path).expect("writable");
        (&file).write_all(header.as_bytes()).expect("writable");
        file.set_len(512 + length.min(8 * 1024 * 1024)).expect("a file of holes");
        let found = unpack(&path, &root.path().join(number.to_string()), &mut |_, _| {}).expect_err("forged");
        assert_eq!(found.to_string(), expected.to_string(), "{name} of {length} bytes");
    };
    check(MANIFEST, MANIFEST_BYTES + 1, BackupError::NotHabeas);
    check(MANIFEST, MANIFEST_BYTES, BackupError::NotHabeas);
    check("vault", KEY_BYTES + 1, BackupError::NotHabeas);
    check("vault", KEY_BYTES, BackupError::Truncated);
    check("store/format", 1 << 40, BackupError::Truncated);
}

/// Regression: verifying a pipe or a device as a backup locked the owner out, since opening it waits for its other end.
#[test]
fn a_pipe_is_no_backup_and_holds_nobody_up() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let [pipe, into, to] = ["pipe", "into", "to"].map(|name| root.path().join(name));
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("writable");
    assert!(matches!(back(&pipe, &into), Err(BackupError::NotAFile)));
    assert!(matches!(unpack(Path::new("/dev/zero"), &into, &mut |_, _| {}), Err(BackupError::NotAFile)));
    assert!(matches!(unpack(root.path(), &into, &mut |_, _| {}), Err(BackupError::Io { .. })));
    assert_eq!(names(&into), [""; 0]);
    // A pipe in the place of the file with the time of the last backup, too.
    let folder = root.path().join("node");
    fs::create_dir(&folder).expect("writable");
    mknodat(CWD, folder.join(LAST), FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("writable");
    assert_eq!(last(&folder), None);
    mknodat(CWD, &to, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("writable");
    assert!(matches!(create(&folder, &root.path().join("none"), 0, &to, &mut |_, _| {}), Err(BackupError::Exists)));
}

/// Regression: a link planted at `FILE.unfinished` made the node overwrite the link's target.
#[test]
fn what_is_planted_at_the_name_of_an_unfinished_backup_is_neither_followed_nor_removed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let [folder, victim, to, fresh] = ["folder", "victim", "to", "to.unfinished"].map(|name| root.path().join(name));
    fs::create_dir(&folder).expect("writable");
    fs::write(folder.join("vault"), "v").expect("writable");
    fs::write(&victim, "of somebody").expect("writable");
    let make = || {
        let checkpoint = root.path().join("checkpoint");
        fs::create_dir(&checkpoint).expect("writable");
        fs::write(checkpoint.join("format"), "f").expect("writable");
        create(&folder, &checkpoint, 0, &to, &mut |_, _| {})
    };
    let refused = || {
        let found = make();
        assert!(matches!(found, Err(BackupError::Exists)), "{found:?}");
        assert_eq!(fs::read(&victim).expect("there"), b"of somebody");
        assert!(fresh.symlink_metadata().is_ok() && !to.exists());
    };
    symlink(&victim, &fresh).expect("writable");
    refused();
    fs::remove_file(&fresh).expect("writable");
    symlink(root.path().join("nowhere"), &fresh).expect("writable");
    refused();
    assert!(!root.path().join("nowhere").exists());
    fs::remove_file(&fresh).expect("writable");
    fs::write(&fresh, "notes of a person, unfinished").expect("writable");
    refused();
    fs::remove_file(&fresh).expect("writable");
    // The remains of a crash are removed: they begin as our backups do, or are empty.
    for left in ["", "last-backup\0\0"] {
        fs::write(&fresh, left).expect("writable");
        make().expect("nothing in the way");
        assert!(!fresh.exists());
        fs::remove_file(&to).expect("writable");
    }
    // A link at the final name is not followed either.
    symlink(&victim, &to).expect("writable");
    assert!(matches!(make(), Err(BackupError::Exists)));
    assert_eq!(fs::read(&victim).expect("there"), b"of somebody");
}

/// Regression: a restore that was interrupted between two files left a folder with a store and no keys.
#[test]
fn a_restore_that_is_cut_at_any_step_is_completed_by_the_next_start() {
    let (root, backup) = folder();
    for at in 0.. {
        let into = root.path().join(format!("into {at}"));
        prepare(&backup, &into, &mut |_, _| {}).expect("sound");
        let cut = std::panic::AssertUnwindSafe(|| {
            let watch = move |number, _: &str| {
                if number == at {
                    std::panic::resume_unwind(Box::new("killed"));
                }
            };
            crate::steps::watched(watch, || restore(&into))
        });
        let Err(_killed) = std::panic::catch_unwind(cut) else {
            assert!(at > 5, "{at} steps");
            return;
        };
        if !complete(&into).expect("writable") {
            prepare(&backup, &into, &mut |_, _| {}).expect("nothing is there yet");
            restore(&into).expect("writable");
        }
        let mut found = names(&into);
        found.sort();
        assert_eq!(found, ["last-backup", "root", "store", "vault", "vault.copy"], "cut at step {at}");
    }
}
