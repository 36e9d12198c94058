//! `habeas import`: imports case files and dockets from a file.

use std::path::PathBuf;

use protocol::app::control::{Known, Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure, files, render::record};

const EXAMPLES: &str = "\
Examples:
  habeas import cases.json --dry-run
  habeas import cases.json
  habeas import cases.json --new";

/// Bring case files and dockets in from a file.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// Only say what would be brought in.
    #[arg(long)]
    dry_run: bool,
    /// Bring in only what was not brought in before, by the labels of the file.
    #[arg(long, conflicts_with = "again")]
    new: bool,
    /// Bring in everything, also what was brought in before: as new records beside the old ones.
    #[arg(long)]
    again: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let file = files::read(&args.file)?;
    let known = match (args.new, args.again) {
        (true, _) => Known::Skip,
        (_, true) => Known::Again,
        (false, false) => Known::Refuse,
    };
    let reply = ask(context, &Request::Import { file, dry_run: args.dry_run, known }).await?;
    let Reply::Imported { records, entries } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || record::imported(records, *entries, args.dry_run));
    Ok(())
}
