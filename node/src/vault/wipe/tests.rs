//! Tests of the wipe: at every step of everything that writes keys, and interrupted at every step of its own.

use std::{
    cell::Cell,
    io::Read as _,
    panic,
    rc::Rc,
    thread::{self, JoinHandle},
    time::SystemTime,
};

use protocol::{app::control::Passphrase, bytes::seal::Entropy};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::{
    backup,
    steps::watched,
    vault::{Cost, NewSlot, Role, RootKey, SlotNumber, Vault, header::Header},
};

/// Maximum number of steps of a wipe: each is a system call, or a sync of a small file.
const STEPS: usize = 160;

/// A template folder: a vault that the passphrase "first" opens, a root key, and a backup of both beside it. Made once
/// and copied for each test case, since a derivation takes most of a case's time.
struct Model {
    _root: TempDir,
    folder: PathBuf,
    backup: PathBuf,
}

impl Model {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let [folder, store, backup] = ["folder", "checkpoint", "backup"].map(|name| root.path().join(name));
        let mut entropy = Entropy::new([7; 32]);
        Vault::create(&folder, &typed("first"), Cost::FLOOR, &mut entropy).expect("a writable folder");
        RootKey::create(&folder.join("root"), &typed("root"), Cost::FLOOR, &mut entropy).expect("a writable folder");
        fs::create_dir_all(store.join("rows")).expect("a writable folder");
        fs::write(store.join("format"), "f").expect("a writable folder");
        backup::create(&folder, &store, 0, &backup, &mut |_, _| {}).expect("a backup");
        Self { _root: root, folder, backup }
    }

    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a temporary folder");
        for name in ["vault", "vault.copy", "root"] {
            fs::copy(self.folder.join(name), copy.path().join(name)).expect("a writable folder");
        }
        copy
    }

    /// Copies the template as a crash between the two copies leaves it: the next open repairs the second.
    fn torn(&self) -> TempDir {
        let copy = self.copy();
        fs::write(copy.path().join("vault.copy"), "torn").expect("a writable folder");
        copy
    }
}

fn typed(passphrase: &str) -> Passphrase {
    Passphrase::new(format!("an invented passphrase, {passphrase}"))
}

fn entropy() -> Entropy {
    Entropy::new([9; 32])
}

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// Starts a wipe on another thread, as another process would run it; killed at its step `cut`. The receiver hears when
/// the wipe waits for the lock.
fn wiper(folder: &Path, cut: Option<usize>) -> (JoinHandle<bool>, mpsc::Receiver<()>) {
    let (waits, waiting) = mpsc::channel(1);
    let folder = folder.to_owned();
    let wiper = thread::spawn(move || {
        let watch = move |number, name: &str| {
            if Some(number) == cut {
                // As a kill would: nothing is reported, and the lock is released.
                panic::resume_unwind(Box::new("killed"));
            }
            if name == "wait for the lock" {
                let _nobody_listens = waits.try_send(());
            }
        };
        watched(watch, || wipe(&folder)).0.is_ok()
    });
    (wiper, waiting)
}

fn ended(wiper: JoinHandle<bool>) -> bool {
    wiper.join().unwrap_or(false)
}

/// Whether a writer of keys holds the lock.
fn is_held(folder: &Path) -> bool {
    let lock = OpenOptions::new().write(true).open(folder.join(LOCK));
    lock.is_ok_and(|lock| lock.try_lock().is_err())
}

/// Runs `work` and wipes `folder` before its step `at`: to the end, or, while the work holds the gate, up to the wait
/// for the lock and to the end afterwards. Returns the number of steps of the work, and whether the wipe reported
/// success.
fn wiped_at(folder: &Path, at: usize, cut: Option<usize>, work: impl FnOnce()) -> (usize, bool) {
    let done = Rc::new(Cell::new(false));
    let waiting = Rc::new(Cell::new(None::<JoinHandle<bool>>));
    let (done_now, waiting_now, path) = (Rc::clone(&done), Rc::clone(&waiting), folder.to_owned());
    let watch = move |number, _: &str| {
        if number != at {
            return;
        }
        let held = is_held(&path);
        let (wiper, mut waits) = wiper(&path, cut);
        if held {
            let _it_waits_or_was_killed = waits.blocking_recv();
            waiting_now.set(Some(wiper));
        } else {
            done_now.set(ended(wiper));
        }
    };
    let ((), steps) = watched(watch, work);
    (steps, waiting.take().map_or(done.get(), ended))
}

/// Lists the files with keys in `folder`.
fn left(folder: &Path) -> Vec<PathBuf> {
    files(folder).filter(|path| !path.to_string_lossy().ends_with("attempts") && path.exists()).collect()
}

/// Checks a wiped folder: the next start completes the wipe, and nothing opens or can be made there.
fn check_wiped(folder: &Path, when: &str) {
    assert!(complete(folder).expect("a writable folder"), "{when}: there is no marker");
    assert_eq!(left(folder), Vec::<PathBuf>::new(), "{when}");
    for passphrase in ["first", "second"] {
        let opened = Vault::open(folder, &typed(passphrase), NOW);
        assert!(matches!(opened, Err(VaultError::Wiped)), "{when}: {opened:?}");
    }
}

/// Wipes at each step of `work`, run in a folder that `make` creates anew. The work may fail.
fn check_every_step(what: &str, make: impl Fn() -> TempDir, work: impl Fn(&Path)) -> usize {
    for at in 0.. {
        let folder = make();
        let (steps, done) = wiped_at(folder.path(), at, None, || work(folder.path()));
        if at >= steps {
            assert!(steps > 0, "{what} has no steps");
            return steps;
        }
        let when = format!("wiped at step {at} of {what}");
        assert!(done, "{when}: the wipe failed");
        assert_eq!(left(folder.path()), Vec::<PathBuf>::new(), "{when}");
        check_wiped(folder.path(), &when);
    }
    unreachable!("the work ends")
}

/// Regression: an unlock in flight wrote both copies of the vault back, and after a restart its passphrase opened them.
#[test]
fn no_step_of_an_unlock_or_of_a_change_of_slots_brings_back_what_was_wiped() {
    let model = Model::new();
    let unlock = |folder: &Path| drop(Vault::open(folder, &typed("first"), NOW));
    let steps = check_every_step("an unlock that mends", || model.torn(), unlock);
    assert!(steps > 12, "{steps} steps: the vault was not mended");
    check_every_step(
        "an unlock with a wrong passphrase",
        || model.copy(),
        |folder| {
            drop(Vault::open(folder, &typed("second"), NOW));
        },
    );
    let vault = |folder: &Path| Vault::of(folder);
    check_every_step(
        "a new slot",
        || model.copy(),
        |folder| {
            let new = NewSlot { passphrase: &typed("second"), role: Role::Reader, cost: Cost::FLOOR };
            drop(vault(folder).add_slot(&typed("first"), new, NOW, &mut entropy()));
        },
    );
    check_every_step(
        "a change of passphrase",
        || model.copy(),
        |folder| {
            let (old, new) = (typed("first"), typed("second"));
            drop(vault(folder).change_passphrase(&old, &new, Cost::FLOOR, NOW, &mut entropy()));
        },
    );
    check_every_step(
        "a slot given up",
        || model.copy(),
        |folder| {
            drop(vault(folder).remove_slot(&typed("first"), SlotNumber(0), NOW, &mut entropy()));
        },
    );
}

#[test]
fn no_step_of_an_init_or_of_a_use_of_the_root_key_brings_back_what_was_wiped() {
    let model = Model::new();
    let empty = || tempfile::tempdir().expect("a temporary folder");
    check_every_step("an init", empty, |folder| {
        let made = Vault::create(folder, &typed("second"), Cost::FLOOR, &mut entropy());
        if made.is_ok() {
            drop(RootKey::create(&folder.join("root"), &typed("root"), Cost::FLOOR, &mut entropy()));
        }
    });
    check_every_step(
        "a root key opened and sealed again",
        || model.copy(),
        |folder| {
            if let Ok(root) = RootKey::open(&folder.join("root"), &typed("root"), NOW) {
                drop(root.change_passphrase(&typed("new root"), Cost::FLOOR, &mut entropy()));
            }
        },
    );
}

#[test]
fn no_step_of_a_restore_or_of_a_look_at_a_backup_brings_back_what_was_wiped() {
    let model = Model::new();
    let empty = || tempfile::tempdir().expect("a temporary folder");
    check_every_step("a restore", empty, |folder| {
        if backup::prepare(&model.backup, folder, &mut |_, _| {}).is_ok() {
            drop(backup::restore(folder));
        }
    });
    check_every_step(
        "a look at a backup",
        || model.copy(),
        |folder| {
            let unpacked = folder.join("verifying");
            if backup::unpack(&model.backup, &unpacked, &mut |_, _| {}).is_ok() {
                drop(Vault::open_copy(&unpacked, &folder.join("backup.attempts"), &typed("first"), NOW));
            }
        },
    );
}

#[test]
fn a_backup_under_way_does_not_carry_the_keys_out_after_a_wipe() {
    let model = Model::new();
    let place = tempfile::tempdir().expect("a temporary folder");
    let to = place.path().join("late");
    check_every_step(
        "a backup",
        || model.copy(),
        |folder| {
            let _earlier = fs::remove_file(&to);
            let store = place.path().join("checkpoint");
            fs::create_dir_all(store.join("rows")).expect("a writable folder");
            fs::write(store.join("format"), "f").expect("a writable folder");
            let made = backup::create(folder, &store, 0, &to, &mut |_, _| {});
            assert_eq!(made.is_ok(), !is_wiped(folder).expect("readable"), "{made:?}");
            assert_eq!(to.exists(), made.is_ok());
            assert_eq!(
                fs::read_dir(place.path()).expect("there").count(),
                usize::from(made.is_ok()),
                "something is left"
            );
        },
    );
}

/// A wipe that is interrupted at any of its steps, with a write at any step in between, is completed by the next start;
/// or nothing was wiped and nothing was reported.
#[test]
fn a_wipe_that_is_cut_at_any_step_is_completed_by_the_next_start() {
    let model = Model::new();
    let header = |folder: &Path| Header::decode(&fs::read(folder.join("vault")).expect("there")).expect("sound");
    let mend = |folder: &Path, header: &Header| drop(Vault::of(folder).mend(header));
    let torn = model.torn();
    let (_, writes) = watched(|_, _| {}, || mend(torn.path(), &header(torn.path())));
    let (wiped, steps) = watched(|_, _| {}, || wipe(torn.path()));
    wiped.expect("a writable folder");
    let (mut untouched, mut completed) = (0, 0);
    for cut in 0..steps {
        for at in 0..writes {
            let folder = model.torn();
            let header = header(folder.path());
            let (_, done) = wiped_at(folder.path(), at, Some(cut), || mend(folder.path(), &header));
            assert!(!done, "it was cut");
            let when = format!("cut at step {cut} of the wipe, before step {at} of a write");
            if is_wiped(folder.path()).expect("readable") {
                check_wiped(folder.path(), &when);
                completed += 1;
            } else {
                assert!(!complete(folder.path()).expect("readable"), "{when}");
                assert_eq!(left(folder.path()).len(), 3, "{when}");
                untouched += 1;
            }
        }
    }
    assert!(untouched > 0 && completed > untouched, "{untouched} untouched, {completed} completed");
}

#[test]
fn a_wipe_overwrites_what_it_removes_in_so_many_steps_whatever_there_is() {
    let model = Model::new();
    let folder = model.copy();
    let mut open = left(folder.path()).into_iter().map(|path| File::open(path).expect("there")).collect::<Vec<_>>();
    assert_eq!(open.len(), 3);
    fs::create_dir(folder.path().join("store")).expect("a writable folder");
    for number in 0..200 {
        fs::write(folder.path().join("store").join(number.to_string()), [7; 4096]).expect("a writable folder");
    }
    let (wiped, steps) = watched(|_, _| {}, || wipe(folder.path()));
    wiped.expect("a writable folder");
    assert!(steps < STEPS, "{steps} steps");
    for file in &mut open {
        let mut left = Vec::new();
        file.read_to_end(&mut left).expect("an open file reads");
        assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0));
    }
    wipe(folder.path()).expect("a wipe may be repeated");
    check_wiped(folder.path(), "repeated");
    // An empty folder: an `init` under way must find the marker.
    let empty = tempfile::tempdir().expect("a temporary folder");
    wipe(empty.path()).expect("a writable folder");
    check_wiped(empty.path(), "empty");
}

#[test]
fn a_wipe_goes_on_past_what_it_cannot_remove() {
    let model = Model::new();
    let folder = model.copy();
    let [first, second, root] = ["vault", "vault.copy", "root"].map(|name| folder.path().join(name));
    fs::remove_file(&first).expect("there");
    fs::create_dir(&first).expect("a folder where a file should be");
    assert!(wipe(folder.path()).is_err());
    assert!(!second.exists() && !root.exists());
    let opened = Vault::open(folder.path(), &typed("first"), NOW);
    assert!(matches!(opened, Err(VaultError::Wiped)), "{opened:?}");
}

/// A process that holds the lock for ever does not save the keys.
#[test]
fn a_wipe_destroys_before_it_waits_for_anybody() {
    let folder = Model::new().copy();
    let gate = Gate::enter(folder.path()).expect("a writable folder");
    let (wiper, mut waits) = wiper(folder.path(), None);
    waits.blocking_recv().expect("it comes to the lock");
    assert_eq!(left(folder.path()), Vec::<PathBuf>::new());
    drop(gate);
    assert!(ended(wiper));
}
