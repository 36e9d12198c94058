//! The command line, built with the tests; it starts the node named by `--node-program` and knows no home folder.

use std::{alloc::System, env, process::ExitCode};

use zeroizing_alloc::ZeroAlloc;

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let surroundings = habeas::Surroundings {
        program: env::current_exe().unwrap_or_default(),
        home: None,
        data_home: None,
        temporary: env::temp_dir(),
        plain: true,
        interactive: false,
        locale: None,
        zone: habeas::TimeZone::UTC,
    };
    habeas::main(env::args_os().collect(), &surroundings)
}
