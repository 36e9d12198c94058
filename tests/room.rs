//! A disk that fills up: the node keeps a reserve, reports it, and resumes by itself once there is room.
//!
//! The disk is a file system in memory. Where the system does not allow a test to mount one, the test says so and ends;
//! the effects of a full disk on the store itself are tested without rights in `bad_input` and in the store's own
//! tests.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use protocol::{
    app::control::{NodeState, RecordKind, Request, Scope},
    bytes::limits::DISK_RESERVE,
};
use tests::daemons::{Daemons, eventually, fact};

use crate::NODE;

/// A small disk, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(place: &Path, bytes: usize) -> Option<Self> {
        fs::create_dir(place).expect("writable");
        let size = format!("size={bytes},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "habeas-test"]).arg(place).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(place.to_owned()))
    }

    /// Takes up space with a file of so many bytes.
    fn take(&self, name: &str, bytes: u64) {
        let file = File::create(self.0.join(name)).expect("writable");
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes).expect("there is room");
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.0).expect("mounted");
        disk.f_bavail * disk.f_frsize
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _it_ends_with_the_machine = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn docket() -> Request {
    Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] }
}

#[test]
fn a_disk_that_fills_up_is_told_takes_nothing_more_and_goes_on_by_itself_once_there_is_room() {
    let mut nodes = Daemons::found(NODE, 2);
    let first = nodes[0].save(docket());
    nodes.settle();
    nodes[0].stop();
    let place = nodes[0].folder().with_extension("disk");
    let Some(disk) = Disk::mount(&place, DISK_RESERVE.0 + (64 << 20)) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let folder = place.join("data");
    let copied = Command::new("cp").arg("-r").arg(nodes[0].folder()).arg(&folder).status();
    assert!(copied.expect("cp").success());
    let mut node = nodes[0].twin(&folder);
    node.resume();
    let before = node.save(docket());
    let settled = |node: &tests::daemons::Node| {
        eventually("both are equal", || node.status().peers.iter().all(|peer| peer.up_to_date).then_some(()));
    };
    settled(&node);

    disk.take("ballast", disk.free() - DISK_RESERVE.0 as u64 + (1 << 20));
    let problem = node.refused(&docket());
    assert_eq!((problem.code.as_str(), problem.next.contains("goes on by itself")), ("HB5001", true), "{problem:?}");
    assert!(node.alarms().iter().any(|alarm| alarm.code == "HB5001"));
    // Entries that the other node writes meanwhile are not taken, and nobody is blamed.
    let meanwhile = nodes[1].save(docket());
    let here = |node: &tests::daemons::Node| -> Vec<_> {
        node.list(RecordKind::Docket).iter().map(|docket| docket.record).collect()
    };
    assert_eq!(here(&node), [first, before]);
    // Everything that needs no room still works, even with none at all.
    disk.take("more ballast", disk.free());
    assert_eq!(node.refused(&docket()).code, "HB5001");
    assert_eq!(here(&node), [first, before]);
    assert_eq!(node.show(&first).record, first);
    node.done(Request::Lock);
    assert_eq!(node.status().state, NodeState::Locked);
    node.unlock();
    let to = folder.join("backup").to_str().expect("UTF-8").to_owned();
    assert_eq!(node.refused(&Request::BackupCreate { to }).code, "HB5001");
    assert_eq!(here(&node), [first, before]);

    for ballast in ["ballast", "more ballast"] {
        fs::remove_file(place.join(ballast)).expect("writable");
    }
    eventually("it goes on by itself", || node.alarms().is_empty().then_some(()));
    eventually("what was not taken comes", || here(&node).contains(&meanwhile).then_some(()));
    let after = node.save(docket());
    settled(&node);
    eventually("the other one has it", || here(&nodes[1]).contains(&after).then_some(()));
    assert_eq!(node.digest(Scope::Commons), nodes[1].digest(Scope::Commons));
    assert_eq!((node.alarms(), nodes[1].alarms()), (vec![], vec![]));

    // The keys can be destroyed without any room.
    disk.take("ballast", disk.free());
    node.wipe();
    assert!(!folder.join("vault").exists() && !folder.join("vault.copy").exists());
}
