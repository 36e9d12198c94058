//! The figures of peers, from their program (`tests/benches/peers`). It is a package of its own, since nothing that is
//! shipped may contain what it measures. Without `HABEAS_PEERS`, the path of that program, there are none.

use std::{env, path::Path, process::Command};

/// Ed25519's batch verification, 256 at a time, on one thread: microseconds per signature.
pub fn batch() -> Option<f64> {
    Some(ask(&["batch"])?[0])
}

/// Negentropy's messages and bytes to find the ids of `all` that are not in `some`: files of 8 bytes time, 32 id.
pub fn negentropy(all: &Path, some: &Path) -> Option<[f64; 2]> {
    let [all, some] = [all, some].map(|path| path.to_str().expect("a path of ours"));
    ask(&["negentropy", all, some])?.try_into().ok()
}

fn ask(arguments: &[&str]) -> Option<Vec<f64>> {
    let output = Command::new(env::var_os("HABEAS_PEERS")?).args(arguments).output().expect("the program of peers");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("numbers");
    Some(text.split_whitespace().map(|number| number.parse().expect("a number")).collect())
}
