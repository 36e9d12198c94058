//! The node, built with the tests: a process test that started another binary could be starting a stale one.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    node::main()
}
