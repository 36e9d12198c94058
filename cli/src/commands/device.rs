//! `habeas device`: a new device of an organisation makes a request, and another device adds it.

use std::path::PathBuf;

use protocol::{
    app::control::{Request, codes},
    bytes::{ids::IdError, words::is_call_sign},
};

use super::{ask_of, hand_over};
use crate::{Context, daemon::visit, error::Failure, files, secret::Which, texts};

const REQUEST_EXAMPLES: &str = "\
Examples:
  habeas device request --organisation ORGANISATION --address 203.0.113.6:4001 > laptop.device";
const ADD_EXAMPLES: &str = "\
Examples:
  habeas device add new.device > for-new.habeas";

/// Bring one more device into your organisation.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, clap::Subcommand)]
enum Step {
    /// On the new device: ask to be taken in.
    #[command(before_help = REQUEST_EXAMPLES)]
    Request {
        /// Your organisation's id: `habeas status --verbose` on the other device prints this command with it.
        #[arg(long, value_name = "ID")]
        organisation: String,
        /// Where the others reach the new device; may be given several times.
        #[arg(long = "address", value_name = "HOST:PORT")]
        addresses: Vec<String>,
        /// Write to this new file instead of standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// On the device with the root key: take the new one in; answers with a registry file for it.
    #[command(before_help = ADD_EXAMPLES)]
    Add {
        /// The new device's request.
        #[arg(value_name = "FILE")]
        request: PathBuf,
        /// Write to this new file instead of standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.step {
        Step::Request { organisation, addresses, output } => {
            let organisation = organisation.parse().map_err(|error: IdError| {
                // This device is in no registry yet, so only other devices know the organisation that has this
                // call-sign.
                let said = if is_call_sign(&organisation) {
                    texts::only_a_call_sign(&organisation)
                } else {
                    texts::wrong_id(&error)
                };
                Failure::new(codes::NO_ORGANISATION, said).try_next(texts::where_organisation())
            })?;
            let request = Request::DeviceRequest { organisation, addresses };
            let reply = visit(context, async |_, client| Ok(client.ask(&request).await?)).await?;
            hand_over(&reply, output.as_deref(), context)?;
            let next = [("habeas device add new.device > for-new.habeas".to_owned(), texts::next_device_add())];
            context.screen.note(&texts::next(&next));
        }
        Step::Add { request, output } => {
            let request = files::read(&request)?;
            let reply = visit(context, async |context, client| {
                let root_passphrase = context.passphrase(Which::Root)?;
                Ok(ask_of(client, context, &Request::DeviceAdd { request, root_passphrase }).await?)
            })
            .await?;
            hand_over(&reply, output.as_deref(), context)?;
            let next = [("habeas join for-new.habeas".to_owned(), texts::next_device_join())];
            context.screen.note(&texts::next(&next));
        }
    }
    Ok(())
}
