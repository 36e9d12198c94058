//! The node with readable memory: the user who started it may read it, so that a test can search it for texts of a
//! folder.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    node::main_readable()
}
