//! `habeas init`: makes keys and an empty store; with `--alone` also a registry and a running node for one
//! organisation.

mod alone;

use protocol::app::control::{Passphrase, Reply, Request, Status, codes as node_codes};

use crate::{
    Context,
    client::Client,
    daemon::{Needs, unexpected, visit_with},
    error::{Failure, codes},
    render::standing::care,
    secret::Which,
    texts,
};

pub(super) use alone::Step;

const EXAMPLES: &str = "\
Examples:
  habeas init --alone
  habeas init
  habeas init --device";
/// The number of attempts at choosing acceptable passphrases.
const TRIES: usize = 3;

/// Make the keys of a new organisation, or of one more device of yours.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// All that one organisation by itself needs: keys, a registry of its own, and a node that goes on running.
    #[arg(long, conflicts_with = "device")]
    alone: bool,
    /// This is one more device of an organisation that exists.
    #[arg(long)]
    device: bool,
    /// Only invented data will be in this folder: keys are derived cheaply.
    #[arg(long)]
    invented: bool,
}

/// The kind of keys to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// The keys of a new organisation, including its root key.
    Organisation,
    /// The keys of a further device.
    Device,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    if args.alone {
        return alone::run(args.invented, context).await;
    }
    let keys = if args.device { Keys::Device } else { Keys::Organisation };
    let status = visit_with(Needs::Nothing, context, async |context, client| {
        let chosen = choose(keys, context)?;
        Ok(make(keys, args.invented, chosen, client, context).await?.0)
    })
    .await?;
    let data = context.data()?;
    let node = status.node.as_ref().map(ToString::to_string).unwrap_or_default();
    let call_sign = status.call_sign.clone();
    context.screen.reply(&Reply::Status(Box::new(status)), || texts::made(&data, call_sign.as_deref(), &node));
    let next = match keys {
        Keys::Device => vec![
            (context.command("device request --organisation ID > new.device"), texts::next_device_id()),
            ("habeas device add new.device > for-new.habeas".to_owned(), texts::next_device_add()),
            (context.command("join for-new.habeas"), texts::next_device_join()),
        ],
        Keys::Organisation => vec![
            (context.command("serve"), texts::next_serve_first()),
            (context.command("card > mine.card"), texts::next_card_first()),
            (context.command("found mine.card > draft"), texts::next_found()),
        ],
    };
    context.screen.note(&texts::next(&next));
    Ok(())
}

/// The chosen passphrases, for keys that do not exist yet.
#[derive(Clone)]
struct Chosen {
    passphrase: Passphrase,
    root_passphrase: Option<Passphrase>,
}

/// Explains the passphrases, and lets a person choose them.
fn choose(keys: Keys, context: &mut Context<'_>) -> Result<Chosen, Failure> {
    if context.may_type(Which::Device) {
        let explained = match keys {
            Keys::Organisation => texts::choose_two(),
            Keys::Device => texts::choose_passphrase(),
        };
        context.screen.note(&format!("\n{explained}\n"));
    }
    choose_until_alike(keys, context)
}

/// Chooses passphrases; a person who types two that differ may start again.
fn choose_until_alike(keys: Keys, context: &mut Context<'_>) -> Result<Chosen, Failure> {
    let mut tries = 1;
    loop {
        match chosen(keys, context) {
            Err(failure) if failure.is(codes::UNLIKE) && tries < TRIES => say_again(&failure, context),
            ended => return ended,
        }
        tries += 1;
    }
}

fn chosen(keys: Keys, context: &Context<'_>) -> Result<Chosen, Failure> {
    let passphrase = context.new_passphrase(Which::Device)?;
    let root_passphrase = match keys {
        Keys::Organisation => Some(context.new_passphrase(Which::Root)?),
        Keys::Device => None,
    };
    Ok(Chosen { passphrase, root_passphrase })
}

/// Makes the keys. If the node refuses the passphrases, a person at a keyboard may choose again. Returns those that
/// were accepted.
async fn make(
    keys: Keys,
    demo: bool,
    mut chosen: Chosen,
    client: &Client,
    context: &mut Context<'_>,
) -> Result<(Status, Chosen), Failure> {
    let mut tries = 1;
    loop {
        context.screen.doing(&texts::making_keys());
        let Chosen { passphrase, root_passphrase } = chosen.clone();
        let answered = client.ask(&Request::Init { passphrase, root_passphrase, demo }).await;
        context.screen.settle();
        let failure = match answered.map_err(Failure::from) {
            Ok(Reply::Status(status)) => return Ok((*status, chosen)),
            Ok(other) => return Err(unexpected(&other)),
            Err(failure) => failure,
        };
        let may_choose = context.may_type(Which::Device) || context.may_type(Which::Root);
        let will_not_do = failure.is(node_codes::WEAK_PASSPHRASE) || failure.is(node_codes::SAME_PASSPHRASE);
        if !will_not_do || !may_choose || tries == TRIES {
            return Err(failure);
        }
        say_again(&failure, context);
        chosen = choose_until_alike(keys, context)?;
        tries += 1;
    }
}

fn say_again(failure: &Failure, context: &mut Context<'_>) {
    context.screen.note(&care(&texts::choose_again(&failure.problem.message)));
}
