//! The node.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// What is freed is overwritten first: answers, imported files and what was read would else stand in memory long after.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    habeas_node::main()
}
