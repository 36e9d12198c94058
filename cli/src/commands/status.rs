//! `habeas status`: the status of the node.

use protocol::app::control::{Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure, render::standing};

const EXAMPLES: &str = "\
Examples:
  habeas status
  habeas status --verbose
  habeas status --json";

/// See how things stand.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// With ids, addresses and counts.
    #[arg(long)]
    verbose: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, &Request::Status).await?;
    let Reply::Status(status) = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || standing::status(status, args.verbose));
    Ok(())
}
