//! The program `habeas`: passes on the arguments and surroundings of the process.

use std::{
    alloc::System,
    env,
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::ExitCode,
};

use zeroizing_alloc::ZeroAlloc;

/// The allocator, which overwrites freed memory: without it passphrases and answers would stay in memory as long as the
/// program runs.
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
        // The zone comes from TZ or /etc/localtime; if neither names a zone, times are shown in UTC, with that name.
        zone: habeas::TimeZone::try_system().unwrap_or(habeas::TimeZone::UTC),
    };
    habeas::main(env::args_os().collect(), &surroundings)
}

/// The locale of messages, from the variables that POSIX names.
fn locale() -> Option<String> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set)
}
