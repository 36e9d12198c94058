//! The program `habeas`: hands over what the process was started with.

use std::{
    alloc::System,
    env,
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::ExitCode,
};

use zeroizing_alloc::ZeroAlloc;

/// What is freed is overwritten first: passphrases and answers would else stand in memory as long as the program runs.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let surroundings = habeas::Surroundings {
        program: env::current_exe().unwrap_or_default(),
        home: folder("HOME"),
        data_home: folder("XDG_DATA_HOME"),
        temporary: env::temp_dir(),
        plain: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|value| value == "dumb"),
        interactive: io::stdin().is_terminal(),
        locale: locale(),
        // As TZ or /etc/localtime says; where that is no zone, times are told in UTC, and say so.
        zone: habeas::TimeZone::try_system().unwrap_or(habeas::TimeZone::UTC),
    };
    habeas::main(env::args_os().collect(), &surroundings)
}

/// What messages are written in, as POSIX looks for it.
fn locale() -> Option<String> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set)
}
