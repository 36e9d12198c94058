//! `habeas join`: joins the registry of a registry file.

use std::path::PathBuf;

use protocol::app::control::{Reply, Request};

use crate::{
    Context,
    daemon::{unexpected, visit},
    error::Failure,
    files, texts,
};

const EXAMPLES: &str = "\
Examples:
  habeas join registry.habeas";

/// Join the registry of a registry file.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The registry file.
    #[arg(value_name = "FILE")]
    registry: PathBuf,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let registry = files::read(&args.registry)?;
    let reply = visit(context, async |_, client| Ok(client.ask(&Request::Join { registry }).await?)).await?;
    let Reply::Status(status) = &reply else { return Err(unexpected(&reply)) };
    let words = status.registry_words.clone().unwrap_or_default();
    context.screen.reply(&reply, || texts::joined(&words));
    let next = [
        (context.command("serve"), texts::next_serve()),
        (context.command("status"), texts::next_status()),
        (context.command("import FILE"), texts::next_import()),
    ];
    context.screen.note(&texts::next(&next));
    Ok(())
}
