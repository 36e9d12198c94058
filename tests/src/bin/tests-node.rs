//! The node, built with the tests: a process test that starts another binary may start a stale one.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    node::main()
}
