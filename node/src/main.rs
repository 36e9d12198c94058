//! The binary of the node; everything else is in the library.

use std::{alloc::System, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// The allocator overwrites memory before it frees it: otherwise answers, imported files and texts that were read
/// would stay in memory.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    habeas_node::main()
}
