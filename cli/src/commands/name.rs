//! `habeas name`: what organisations are called on this computer, and nowhere else.

use protocol::control::{Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure, now, render::standing, texts};

const EXAMPLES: &str = "\
Examples:
  habeas name
  habeas name abandon-zoo Legal-aid-north
  habeas name --remove abandon-zoo";

/// Give an organisation a name of your own, which never leaves this computer; without arguments, list them.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Call-sign or id.
    #[arg(requires = "name", conflicts_with = "remove")]
    organisation: Option<String>,
    /// What you call it; in quotation marks if it has spaces.
    #[arg(requires = "organisation")]
    name: Option<String>,
    /// Forget the name of this organisation.
    #[arg(long, value_name = "ORGANISATION")]
    remove: Option<String>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = match (args.organisation, args.name, args.remove) {
        (Some(organisation), Some(petname), _) => Request::Name { organisation, petname },
        (_, _, Some(organisation)) => Request::Unname { organisation },
        _ => Request::Names,
    };
    let changed = !matches!(request, Request::Names);
    let reply = ask(context, &request).await?;
    let Reply::Names { names } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || standing::names(names, now()));
    if changed {
        context.screen.note(texts::names::STAYS_HERE);
    }
    Ok(())
}
