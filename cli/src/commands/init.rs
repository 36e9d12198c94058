//! `habeas init`: makes keys and an empty store.

use protocol::control::{Reply, Request};

use crate::{
    Context,
    daemon::{Needs, unexpected, visit_with},
    error::Failure,
    secret::Which,
    texts,
};

const EXAMPLES: &str = "\
Examples:
  habeas init
  habeas init --device";

/// Make the keys of a new organisation, or of one more device of yours.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// This is one more device of an organisation that exists.
    #[arg(long)]
    device: bool,
    /// Only invented data will be in this folder: keys are derived cheaply.
    #[arg(long)]
    invented: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = visit_with(Needs::Nothing, context, async |context, client| {
        context.screen.note(&texts::choose_passphrases());
        let passphrase = context.new_passphrase(Which::Device)?;
        let root_passphrase = if args.device { None } else { Some(context.new_passphrase(Which::Root)?) };
        context.screen.note(&texts::making_keys());
        Ok(client.ask(&Request::Init { passphrase, root_passphrase, demo: args.invented }).await?)
    })
    .await?;
    let Reply::Status(status) = &reply else { return Err(unexpected(&reply)) };
    let data = context.data()?;
    let node = status.node.as_ref().map(ToString::to_string).unwrap_or_default();
    context.screen.reply(&reply, || texts::made(&data, status.call_sign.as_deref(), &node));
    let next = if args.device {
        vec![
            (context.command("device request --organisation ID > new.device"), texts::next_device_id()),
            ("habeas device add new.device > for-new.habeas".to_owned(), texts::next_device_add()),
            (context.command("join for-new.habeas"), texts::next_device_join()),
        ]
    } else {
        vec![
            (context.command("serve"), texts::next_serve_first()),
            (context.command("card > mine.card"), texts::next_card_first()),
            (context.command("found mine.card > draft"), texts::next_found()),
        ]
    };
    context.screen.note(&texts::next(&next));
    Ok(())
}
