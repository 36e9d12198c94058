//! Other users of the same machine: they can read nothing of a node, and only its owner can ask it.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use protocol::{app::control::Request, record::schema::Language};
use rustix::process::geteuid;
use tests::daemons::{Daemons, PASSPHRASE, passphrase};

use crate::NODE;

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a folder of ours");
}

/// Everything at and below these paths.
fn everything(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = paths.to_vec();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("ours").map(|entry| entry.expect("readable").path()));
        }
        found.push(path);
    }
    found
}

/// The paths that are open to another user, who may read, write or look into them; `None` where no other user can be
/// tried: that takes root and setpriv(1).
fn open_to_another(paths: &[PathBuf]) -> Option<Vec<String>> {
    const LOOK: &str = r#"for f; do if [ -r "$f" ] || [ -w "$f" ] || [ -x "$f" ]; then echo "$f"; fi; done"#;
    if !geteuid().is_root() {
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", LOOK, "sh"]).args(paths);
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect())
}

#[test]
fn no_other_user_reads_a_file_of_a_node_or_reaches_its_socket() {
    let mut nodes = Daemons::found(NODE, 1);
    let node = &nodes[0];
    let all = node.folder().parent().expect("the folder of all of them").to_owned();
    // The folders around the node keep nobody out: the node's own modes must.
    open_to_all(&all);
    node.import_sample();
    let [backup, archive] = ["backup", "archive"].map(|name| node.folder().with_extension(name));
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    node.done(Request::BackupCreate { to: text(&backup) });
    node.done(Request::Archive { to: text(&archive), language: Language::En, zone: None });
    node.done(Request::Lock);
    drop(node.refused(&Request::Unlock { passphrase: passphrase(&format!("{PASSPHRASE}?")) }));
    let found = everything(&[node.folder().to_owned(), backup, archive]);
    assert!(found.len() > 15, "{found:?}");
    assert!(found.iter().any(|path| path.metadata().is_ok_and(|about| about.file_type().is_socket())), "no socket");
    for path in &found {
        let about = path.symlink_metadata().expect("there");
        let expected = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(about.permissions().mode() & 0o777, expected, "{}", path.display());
    }
    // The control file, which is open to everybody, shows whether another user can come this far at all.
    let control = all.join("control");
    fs::write(&control, "x").expect("writable");
    fs::set_permissions(&control, fs::Permissions::from_mode(0o644)).expect("ours");
    let looks = open_to_another(std::slice::from_ref(&control)) == Some(vec![control.display().to_string()]);
    if looks {
        assert_eq!(open_to_another(&found), Some(vec![]));
    }

    // In a folder that was open to everybody before, the names are readable, and nothing else is.
    nodes[0].stop();
    open_to_all(nodes[0].folder());
    nodes[0].start();
    let found: Vec<_> = everything(&[nodes[0].folder().to_owned()]).into_iter().filter(|path| !path.is_dir()).collect();
    if looks {
        assert_eq!(open_to_another(&found), Some(vec![]));
    }
    for path in &found {
        assert_eq!(path.symlink_metadata().expect("there").permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}
