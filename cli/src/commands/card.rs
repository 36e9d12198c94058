//! `habeas card`: makes the card that an organisation gives to the others before it is a member.

use std::path::PathBuf;

use protocol::app::control::Request;

use super::{ask_of, hand_over};
use crate::{Context, daemon::visit, error::Failure, secret::Which};

const EXAMPLES: &str = "\
Examples:
  habeas card --address 203.0.113.5:4001 > a.card
  habeas card --address 203.0.113.5:4001 --address a.example.org:4001 -o a.card";

/// Make this organisation's card: call-sign, public keys, addresses; no name.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the others reach this node; may be given several times.
    #[arg(long = "address", value_name = "HOST:PORT")]
    addresses: Vec<String>,
    /// Write to this new file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { addresses, output } = args;
    let reply = visit(context, async |context, client| {
        let root_passphrase = context.passphrase(Which::Root)?;
        Ok(ask_of(client, context, &Request::Card { addresses, root_passphrase }).await?)
    })
    .await?;
    hand_over(&reply, output.as_deref(), context)
}
