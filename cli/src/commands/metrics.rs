//! `habeas metrics`: the figures of the node, for a monitoring program.

use protocol::app::control::{Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure};

const EXAMPLES: &str = "\
Examples:
  habeas metrics";

/// Write the node's figures as OpenMetrics text: numbers of things, never which.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {}

pub(crate) async fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, &Request::Metrics).await?;
    let Reply::Metrics { text } = &reply else { return Err(unexpected(&reply)) };
    if context.screen.is_json() {
        context.screen.reply(&reply, String::new);
    } else {
        context.screen.file(text);
    }
    Ok(())
}
