//! `habeas peers`, `habeas hold`, `habeas release`: whom this node exchanges with.

use protocol::control::{Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure, now, render::standing};

const EXAMPLES: &str = "\
Examples:
  habeas peers";
const HOLD_EXAMPLES: &str = "\
Examples:
  habeas hold abandon-zoo";
const RELEASE_EXAMPLES: &str = "\
Examples:
  habeas release abandon-zoo";

/// See the other nodes.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {}

/// Stop exchanging with an organisation, at once and without a vote, until released.
#[derive(Debug, clap::Args)]
#[command(before_help = HOLD_EXAMPLES)]
pub(crate) struct HoldArgs {
    /// Call-sign or id.
    organisation: String,
}

/// Exchange with an organisation again.
#[derive(Debug, clap::Args)]
#[command(before_help = RELEASE_EXAMPLES)]
pub(crate) struct ReleaseArgs {
    /// Call-sign or id.
    organisation: String,
}

pub(crate) async fn run(context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Peers, context).await
}

pub(crate) async fn hold(args: HoldArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Hold { organisation: args.organisation }, context).await
}

pub(crate) async fn release(args: ReleaseArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Release { organisation: args.organisation }, context).await
}

async fn show(request: &Request, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, request).await?;
    let Reply::Peers { peers } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || standing::peers(peers, now()));
    Ok(())
}
