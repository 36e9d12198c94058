//! The node, but that whoever started it may read its memory: how much of a folder stands there is what a test looks for.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    node::main_readable()
}
