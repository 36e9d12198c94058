//! `habeas peers`, `habeas hold`, `habeas release`: lists the peers of this node, stops and resumes exchange with them.

use protocol::app::control::{Reply, Request};

use super::{Listing, ask};
use crate::{
    Context,
    daemon::unexpected,
    error::Failure,
    now,
    render::{Form, sheet, standing},
};

const EXAMPLES: &str = "\
Examples:
  habeas peers
  habeas peers --format csv";
const HOLD_EXAMPLES: &str = "\
Examples:
  habeas hold abandon-zoo";
const RELEASE_EXAMPLES: &str = "\
Examples:
  habeas release abandon-zoo";

/// See the other nodes.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    listing: Listing,
}

/// Stop exchanging with an organisation, at once and without a vote, until released.
#[derive(Debug, clap::Args)]
#[command(before_help = HOLD_EXAMPLES)]
pub(crate) struct HoldArgs {
    /// Call-sign, id, or what you call it.
    organisation: String,
}

/// Exchange with an organisation again.
#[derive(Debug, clap::Args)]
#[command(before_help = RELEASE_EXAMPLES)]
pub(crate) struct ReleaseArgs {
    /// Call-sign, id, or what you call it.
    organisation: String,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Peers, args.listing.format, context).await
}

pub(crate) async fn hold(args: HoldArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Hold { organisation: args.organisation }, Form::Table, context).await
}

pub(crate) async fn release(args: ReleaseArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    show(&Request::Release { organisation: args.organisation }, Form::Table, context).await
}

async fn show(request: &Request, form: Form, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, request).await?;
    let Reply::Peers { peers } = &reply else { return Err(unexpected(&reply)) };
    context.screen.list(&reply, form, || sheet::peers(peers), || standing::peers(peers, now()));
    Ok(())
}
