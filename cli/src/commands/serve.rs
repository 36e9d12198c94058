//! `habeas serve`: runs the node in the foreground, opens it, and passes on signals to end.

use protocol::app::control::{NodeState, Request, codes};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::{ask_of, init::Step, ready::Ready};
use crate::{
    Context,
    client::{AskError, Client},
    daemon::{Launch, Lives, Node, ended, has_keys, start_to_live_on, status},
    error::{self, Failure},
    render::standing::{care, good},
    secret::Which,
    texts,
};

const EXAMPLES: &str = "\
Examples:
  habeas serve
  habeas serve --listen 0.0.0.0:4001
  habeas serve --background
  habeas serve --no-input --passphrase-file /run/credentials/habeas/passphrase";
/// The number of attempts at the passphrase before the node stays closed.
const TRIES: usize = 3;

/// Run the node: until Ctrl-C, or in the background.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the node listens for the others; may be given several times.
    #[arg(long, value_name = "IP:PORT")]
    listen: Vec<String>,
    /// Look up the host names of the others: whoever answers learns whom you exchange with.
    #[arg(long)]
    allow_names: bool,
    /// How much the node logs: error, warn, info, debug.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
    /// Leave the node running and end; its log is node.log in the folder.
    #[arg(long)]
    background: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let data = context.data()?;
    if Client::new(&data).connects().await {
        return Err(Failure::new(codes::IN_USE, texts::running_already()));
    }
    has_keys(&data)?;
    let mut node = if args.background {
        start_to_live_on(args.listen, args.allow_names, args.log, context).await?
    } else {
        let program = context.node_program();
        let (data, listen, log) = (data.clone(), args.listen, args.log);
        let launch = Launch { program, data, listen, allow_names: args.allow_names, log, lives: Lives::With };
        let mut node = Node::start(&launch, None)?;
        node.ready().await?;
        node
    };
    if let Err(failure) = open(&node.client, context).await {
        node.stop().await;
        return Err(failure);
    }
    if args.background {
        let status = status(&node.client).await?;
        node.leave();
        let stop = context.command("stop");
        Ready::of(&status, &data, &[Step::Node]).tell(&mut context.screen, || good(&texts::serving_on(&stop)));
        return Ok(());
    }
    context.screen.note(&texts::serving(&data, &context.command("status")));
    until_ended(&mut node, context).await
}

/// Opens the node, if it is closed and a passphrase can be had.
pub(super) async fn open(client: &Client, context: &mut Context<'_>) -> Result<(), Failure> {
    match status(client).await?.state {
        NodeState::Empty => return Err(Failure::new(codes::EMPTY, texts::no_keys())),
        NodeState::Wiped => return Err(Failure::new(codes::WIPED, texts::destroyed())),
        NodeState::Sealed | NodeState::Locked => {}
        NodeState::Alone | NodeState::Open => return Ok(()),
    }
    if !context.can_have(Which::Device) {
        context.screen.note(&care(&texts::stays_closed()));
        return Ok(());
    }
    let mut tries = 1;
    loop {
        let passphrase = context.passphrase(Which::Device)?;
        match ask_of(client, context, &Request::Unlock { passphrase }).await {
            Ok(_) => {
                context.screen.note(&good(&texts::opened()));
                return Ok(());
            }
            Err(AskError::Refused(problem))
                if problem.code == codes::WRONG_PASSPHRASE && tries < TRIES && context.may_type(Which::Device) =>
            {
                context.screen.note(&care(&texts::wrong_again()));
            }
            Err(error) => return Err(error.into()),
        }
        tries += 1;
    }
}

/// Waits until the node has ended. Ctrl-C or a signal to end is passed on to it; a second one kills it.
async fn until_ended(node: &mut Node, context: &mut Context<'_>) -> Result<(), Failure> {
    let caught = |kind| signal(kind).expect("a process may handle its own signals");
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut interrupt, mut terminate, mut hangup] = kinds.map(caught);
    let mut asked = false;
    let status = loop {
        tokio::select! {
            status = node.wait() => break status,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        node.signal(if asked { Signal::KILL } else { Signal::TERM });
        if !asked {
            context.screen.note(&texts::ending());
        }
        asked = true;
    };
    match status {
        Ok(status) if status.success() || asked => Ok(()),
        Ok(status) => Err(ended(status)),
        Err(error) => Err(Failure::new(error::codes::NOT_STARTED, error.to_string())),
    }
}
