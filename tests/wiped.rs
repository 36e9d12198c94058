//! A wipe is final, whatever was under way: real processes, killed at any moment.

use std::{fs, path::Path, thread};

use protocol::app::control::{NodeState, Problem, Reply, Request};
use tests::daemons::{Daemons, Node, PASSPHRASE, ROOT_PASSPHRASE, eventually, fact, passphrase};

use crate::NODE;

const WIPED: (&str, &str) =
    ("HB1015", "name another folder with --data, and restore a backup into it or run init there");
const KEYS: [&str; 3] = ["vault", "vault.copy", "root"];

fn unlock() -> Request {
    Request::Unlock { passphrase: passphrase(PASSPHRASE) }
}

fn keys(folder: &Path) -> Vec<&'static str> {
    KEYS.into_iter().filter(|name| folder.join(name).symlink_metadata().is_ok()).collect()
}

/// Checks that the wipe is final for a person who starts the node again, with the passphrase and a backup.
fn check_final(node: &mut Node, backup: Option<&Path>) {
    node.start();
    assert_eq!(keys(node.folder()), [""; 0], "the start did not complete the wipe");
    assert_eq!(node.status().state, NodeState::Wiped);
    let init = Request::Init {
        passphrase: passphrase(PASSPHRASE),
        root_passphrase: Some(passphrase(ROOT_PASSPHRASE)),
        demo: true,
    };
    let from = backup.map(|backup| backup.to_str().expect("UTF-8").to_owned());
    let restore = from.clone().map(|from| Request::BackupRestore { from });
    let verify = from.map(|from| Request::BackupVerify { from, passphrase: passphrase(PASSPHRASE) });
    for request in [Some(unlock()), Some(init), restore, verify].into_iter().flatten() {
        let Problem { code, next, .. } = node.refused(&request);
        assert_eq!((code.as_str(), next.as_str()), WIPED, "{request:?}");
    }
    assert_eq!(keys(node.folder()), [""; 0], "something brought keys back");
    node.stop();
}

/// An unlock under way does not undo a wipe. The keys of an unlock that was deriving them while the folder was wiped
/// were written back: after a restart its passphrase opened every case.
#[test]
fn an_unlock_under_way_does_not_undo_a_wipe() {
    let mut nodes = Daemons::start(NODE, 1);
    // These keys are expensive: deriving them takes most of a second.
    nodes[0].done(Request::Init {
        passphrase: passphrase(PASSPHRASE),
        root_passphrase: Some(passphrase(ROOT_PASSPHRASE)),
        demo: false,
    });
    let backup = nodes[0].folder().with_extension("backup");
    nodes[0].done(Request::BackupCreate { to: backup.to_str().expect("UTF-8").to_owned() });
    nodes[0].stop();
    // A copy of the vault is torn: the unlock then writes both copies.
    fs::write(nodes[0].folder().join("vault.copy"), "torn").expect("writable");
    nodes[0].start();
    let door = nodes[0].door();
    let unlocking = thread::spawn(move || door.try_ask(&unlock()));
    let attempts = nodes[0].folder().join("vault.attempts");
    eventually("the unlock derives", || fs::read(&attempts).is_ok_and(|count| count[3] == 1).then_some(()));
    nodes[0].wipe();
    assert!(!matches!(unlocking.join().expect("no panic"), Ok(Ok(_))), "it was unlocked after the wipe");
    assert_eq!(keys(nodes[0].folder()), [""; 0]);
    check_final(&mut nodes[0], Some(&backup));

    // The backup can be opened elsewhere.
    nodes.add();
    nodes[1].done(Request::BackupRestore { from: backup.to_str().expect("UTF-8").to_owned() });
    nodes[1].unlock();
}

/// Whether a folder is in the state in which its node is killed.
type IsTime<'a> = &'a (dyn Fn(&Path) -> bool + Sync);

/// A wipe under load that is cut anywhere leaves no keys. The power is cut in the middle of a wipe, or right after it,
/// while writes, unlocks and a backup go on.
#[test]
fn a_wipe_under_load_that_is_cut_anywhere_leaves_no_keys() {
    let all_gone = |folder: &Path| keys(folder).is_empty();
    let marked = |folder: &Path| folder.join("wiped").exists();
    let some_gone = |folder: &Path| marked(folder) && keys(folder).len() < KEYS.len();
    let cuts: [(&str, IsTime<'_>); 3] =
        [("marked", &marked), ("some keys are gone", &some_gone), ("all keys are gone", &all_gone)];
    for (number, (when, is_time)) in cuts.into_iter().enumerate() {
        let mut nodes = Daemons::found(NODE, 1);
        nodes[0].save(Request::CaseNew { facts: vec![fact("service_record.category", "mobilised")] });
        let (door, folder) = (nodes[0].door(), nodes[0].folder().to_owned());
        let to = folder.with_extension(format!("backup{number}"));
        let backup = || Request::BackupCreate { to: to.to_str().expect("UTF-8").to_owned() };
        let asks: [&(dyn Fn() -> Request + Sync); 3] = [&|| Request::CaseNew { facts: vec![] }, &unlock, &backup];
        thread::scope(|scope| {
            for ask in asks {
                // The requests go on until the node no longer answers.
                scope.spawn(|| while door.try_ask(&ask()).is_ok() {});
            }
            scope.spawn(|| drop(door.try_ask(&Request::Wipe)));
            // The loop has no pause: the time is short.
            while !is_time(&folder) {
                std::hint::spin_loop();
            }
            nodes[0].kill();
        });
        assert!(marked(&folder), "killed when {when}");
        check_final(&mut nodes[0], to.exists().then_some(&to));
    }
}

/// A wipe of a busy node is answered, and the node ends. The keys are destroyed before anything else is waited for.
#[test]
fn a_wipe_is_answered_and_the_node_ended_while_it_is_busy() {
    let mut nodes = Daemons::found(NODE, 1);
    let file = tests::daemons::many(200);
    let import = Request::Import { file, dry_run: false, known: protocol::app::control::Known::Refuse };
    let busy = nodes[0].door().begin(&import).expect("it tells how far it is");
    assert!(matches!(nodes[0].ask(&Request::Wipe), Ok(Reply::Stopping)));
    assert_eq!(keys(nodes[0].folder()), [""; 0]);
    drop(busy);
    nodes[0].ends();
    check_final(&mut nodes[0], None);
}
