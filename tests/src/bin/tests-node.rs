//! The node, built with the tests: a process test that started another binary could be starting a stale one.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::main()
}
