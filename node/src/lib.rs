//! The Habeas node: all access to disk, network, clock and process; the decisions are made in `protocol`.
//!
//! ```text
//! api      a request on the socket → a job for the runtime; passphrases are tried here, off the runtime's thread
//! runtime  jobs, frames and time, one by one → `protocol` decides → a batch to the store, then effects in order
//! net      frames between allowed peers         store    sealed rows          vault    keys behind passphrases
//! ```

pub mod api;
pub mod archive;
pub mod backup;
pub mod hardening;
pub mod net;
pub mod runtime;
pub mod store;
pub mod vault;

mod durable;
mod making;
mod metrics;
mod steps;
mod telemetry;
mod texts;

use std::{io, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;

/// The node: keeps a folder, replicates it with its peers, and answers on a socket in it.
#[derive(Debug, Parser)]
#[command(name = "habeas-node", version)]
struct Args {
    /// The folder. Made if it is missing.
    #[arg(long)]
    data: PathBuf,
    /// Address to listen on for peers; port 0: the system chooses.
    #[arg(long)]
    listen: Vec<SocketAddr>,
    /// Look up the host names of peers: tells a resolver who they are.
    #[arg(long)]
    allow_names: bool,
    /// How much is logged: error, warn, info, debug.
    #[arg(long, default_value = "info")]
    log: String,
    /// Log to this file, and to no terminal; a full one is set aside with `.1` behind its name.
    #[arg(long)]
    log_file: Option<PathBuf>,
    /// Leave the session of whoever started it: it stays when their terminal is closed.
    #[arg(long)]
    detached: bool,
}

/// Runs the node program: reads arguments, hardens the process, serves until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    main_hardened(hardening::harden)
}

/// Runs the node program without the protection against reading its memory, for tests that search the memory.
#[cfg(feature = "canary")]
#[must_use]
pub fn main_readable() -> ExitCode {
    main_hardened(hardening::harden_readable)
}

fn main_hardened(harden: fn() -> Vec<hardening::Gap>) -> ExitCode {
    let args = Args::parse();
    // `setsid` fails only for the leader of a process group, which no terminal's hang-up ends either.
    let _leads_already = args.detached.then(rustix::process::setsid);
    telemetry::start(&args.log, args.log_file.as_deref());
    for gap in harden() {
        tracing::warn!(?gap, "the process could not be hardened fully");
    }
    let names = if args.allow_names { net::Names::by_the_system() } else { net::Names::refused() };
    let exposure = runtime::Exposure { listen: args.listen, names };
    let served = run(api::serve(&args.data, exposure));
    let served = served.map_err(|source| api::ServeError::Io { attempted: "start", source }).flatten();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let problem = error.problem();
            let (code, reason, next) = (problem.code, problem.message, problem.next);
            tracing::error!(code, reason, next, "the node did not start or could not go on");
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` on a tokio runtime of its own and waits for nothing else: a thread may block on a place that does not
/// answer, such as a medium that was pulled out.
fn run<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = threads.block_on(work);
    threads.shutdown_background();
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: a node that read a backup on a medium that did not answer did not exit until it was killed.
    #[test]
    fn a_thread_that_waits_for_ever_does_not_keep_the_process() {
        let (held, waits) = std::sync::mpsc::channel::<()>();
        let done = run(async move {
            let _left_behind = tokio::task::spawn_blocking(move || waits.recv());
            7
        });
        assert_eq!(done.expect("there are threads to be had"), 7);
        drop(held);
    }
}
