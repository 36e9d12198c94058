//! The node.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::main()
}
