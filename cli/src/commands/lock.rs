//! `habeas unlock`, `habeas lock`, `habeas stop`, `habeas wipe`: opens, locks and ends the running node, destroys its
//! keys.

use protocol::app::control::{Reply, Request};

use super::ask;
use crate::{
    Context,
    daemon::{STOP_TIME_MAX, is_held, unexpected, until},
    error::{Failure, codes},
    render::standing::good,
    secret::Which,
    texts,
};

const UNLOCK_EXAMPLES: &str = "\
Examples:
  habeas unlock
  habeas unlock --passphrase-file /run/credentials/habeas/passphrase";
const LOCK_EXAMPLES: &str = "\
Examples:
  habeas lock";
const STOP_EXAMPLES: &str = "\
Examples:
  habeas stop";

const WIPE_EXAMPLES: &str = "\
Examples:
  habeas wipe --confirm destroy";

/// Destroy the keys of the folder, for good: nobody opens it any more, on this computer or a copy of it.
#[derive(Debug, clap::Args)]
#[command(before_help = WIPE_EXAMPLES)]
pub(crate) struct WipeArgs {
    /// The word `destroy`: nothing happens without it.
    #[arg(long, value_name = "WORD")]
    confirm: Option<String>,
}

/// Open the folder of the running node.
#[derive(Debug, clap::Args)]
#[command(before_help = UNLOCK_EXAMPLES)]
pub(crate) struct UnlockArgs {}

/// Forget the keys to read; the node goes on exchanging with the others.
#[derive(Debug, clap::Args)]
#[command(before_help = LOCK_EXAMPLES)]
pub(crate) struct LockArgs {}

/// End the running node.
#[derive(Debug, clap::Args)]
#[command(before_help = STOP_EXAMPLES)]
pub(crate) struct StopArgs {}

pub(crate) async fn unlock(context: &mut Context<'_>) -> Result<(), Failure> {
    // A person is not asked for a passphrase if no node runs.
    ask(context, &Request::Status).await?;
    let passphrase = context.passphrase(Which::Device)?;
    let reply = ask(context, &Request::Unlock { passphrase }).await?;
    done(&reply, &texts::opened(), context)
}

pub(crate) async fn lock(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, &Request::Lock).await?;
    done(&reply, &texts::locked(), context)
}

pub(crate) async fn stop(context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, &Request::Stop).await?;
    done(&reply, &texts::stopped(), context)?;
    ended(context).await
}

/// Wipes without asking for a passphrase: a person who must wipe in a hurry has no time to type one.
pub(crate) async fn wipe(args: WipeArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    if args.confirm.as_deref() != Some("destroy") {
        let failure = Failure::new(codes::CONFIRM, texts::not_confirmed());
        return Err(failure.try_next(texts::confirm_wipe()));
    }
    let reply = ask(context, &Request::Wipe).await?;
    done(&reply, &texts::wiped(), context)?;
    ended(context).await
}

/// Waits until the node has ended, so that the next command finds none; a node that is slow to end does not delay the
/// command any longer.
async fn ended(context: &Context<'_>) -> Result<(), Failure> {
    let data = context.data()?;
    let _takes_its_time = until(STOP_TIME_MAX, async || Ok((!is_held(&data)).then_some(()))).await?;
    Ok(())
}

fn done(reply: &Reply, text: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    match reply {
        Reply::Status(_) | Reply::Stopping => context.screen.reply(reply, || good(text)),
        other => return Err(unexpected(other)),
    }
    Ok(())
}
