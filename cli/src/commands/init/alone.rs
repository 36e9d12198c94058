//! `habeas init --alone`: keys, a registry of one organisation, a running node. Each step first checks what exists, so
//! that after a failure, a kill or a power cut the same command resumes where it stopped.

use std::path::Path;

use habeas_texts::language;
use protocol::app::control::{NodeState, Passphrase, Reply, Request, Status, codes};
use serde::Serialize;

use super::{Chosen, Keys, choose, make};
use crate::{
    Context,
    client::{AskError, Client},
    commands::{ask_of, ready::Ready, serve::open},
    daemon::{has_keys, reach, status, unexpected},
    error::Failure,
    render::{indented, standing::good},
    secret::Which,
    texts,
    tongue::Tongue,
};

/// A step that this run of the command carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Keys were made.
    Keys,
    /// The registry was founded.
    Registry,
    /// A node was started.
    Node,
}

pub(super) async fn run(invented: bool, context: &mut Context<'_>) -> Result<(), Failure> {
    let data = context.data()?;
    let is_new = match has_keys(&data) {
        Ok(()) => false,
        Err(failure) if failure.is(codes::EMPTY) => true,
        Err(failure) => return Err(failure),
    };
    choose_language(context)?;
    // The person chooses before a node runs: an abort at this point leaves nothing running.
    let chosen = is_new.then(|| choose(Keys::Organisation, context)).transpose()?;
    let (client, started) = reach(context).await?;
    let mut steps: Vec<_> = started.iter().map(|_| Step::Node).collect();
    let finished = finish(invented, chosen, &client, &mut steps, context).await;
    match started {
        Some(node) if finished.is_ok() => node.leave(),
        Some(node) => node.stop().await,
        None => {}
    }
    conclude(&finished?, &data, &steps, context);
    Ok(())
}

/// Carries out the missing steps, until the node is open in a registry of one.
async fn finish(
    invented: bool,
    chosen: Option<Chosen>,
    client: &Client,
    steps: &mut Vec<Step>,
    context: &mut Context<'_>,
) -> Result<Status, Failure> {
    let (mut now, mut root_passphrase) = (status(client).await?, None);
    if now.state == NodeState::Empty {
        let chosen = chosen.map_or_else(|| choose(Keys::Organisation, context), Ok)?;
        let (made, chosen) = make(Keys::Organisation, invented, chosen, client, context).await?;
        (now, root_passphrase) = (made, chosen.root_passphrase);
        context.screen.note(&good(&texts::step_keys(now.call_sign.as_deref().unwrap_or_default())));
        steps.push(Step::Keys);
    }
    if matches!(now.state, NodeState::Sealed | NodeState::Wiped | NodeState::Locked) {
        if !context.can_have(Which::Device) {
            return Err(context.nobody_to_ask(Which::Device));
        }
        open(client, context).await?;
        now = status(client).await?;
    }
    if now.state == NodeState::Alone {
        let root_passphrase = root_passphrase.map_or_else(|| context.passphrase(Which::Root), Ok)?;
        now = found(root_passphrase, client, context).await?;
        context.screen.note(&good(&texts::step_registry()));
        steps.push(Step::Registry);
    }
    if now.peers.iter().any(|peer| !peer.own) {
        return Err(Failure::new(codes::JOINED, texts::not_alone()));
    }
    Ok(now)
}

async fn found(root_passphrase: Passphrase, client: &Client, context: &mut Context<'_>) -> Result<Status, Failure> {
    let request = Request::FoundAlone { root_passphrase };
    let reply = match ask_of(client, context, &request).await {
        // The node was open and has been locked since: it does not report that before it is asked.
        Err(AskError::Refused(problem)) if problem.code == codes::LOCKED => {
            let passphrase = context.passphrase(Which::Device)?;
            ask_of(client, context, &Request::Unlock { passphrase }).await?;
            ask_of(client, context, &request).await?
        }
        answered => answered?,
    };
    match reply {
        Reply::Status(status) => Ok(*status),
        other => Err(unexpected(&other)),
    }
}

fn conclude(status: &Status, data: &Path, steps: &[Step], context: &mut Context<'_>) {
    let [stop, again] = ["stop", "serve --background"].map(|rest| context.command(rest));
    Ready::of(status, data, steps).tell(&mut context.screen, || {
        let head = if steps.is_empty() { texts::ready_before() } else { texts::ready() };
        let [organisation, _, registry, ..] = texts::node_rows();
        let below = String::new;
        let rows = [
            [organisation, status.call_sign.clone().unwrap_or_default()],
            [below(), texts::say_call_sign()],
            [registry, status.registry_words.clone().unwrap_or_default()],
            [texts::row_folder(), data.display().to_string()],
            [below(), texts::log_in_folder()],
        ];
        let node = [(stop, texts::node_ends()), (again, texts::node_starts_again())];
        let parts =
            [good(&head), indented(rows.map(Vec::from)), String::new(), texts::commands(&texts::node_heading(), &node)];
        parts.join("\n")
    });
    let next = [
        (context.command("import FILE"), texts::next_import()),
        (context.command("case new"), texts::next_case()),
        (context.command("backup create FILE"), texts::next_backup()),
    ];
    context.screen.note(&format!("\n{}", texts::next(&next)));
}

/// Asks for a language if none is chosen and a person can answer; the commands shown from then on name it.
fn choose_language(context: &mut Context<'_>) -> Result<(), Failure> {
    if context.global.lang.is_some() || context.surroundings.speaks() || !context.may_question() {
        return Ok(());
    }
    let answer = context.answer(&Tongue::question())?;
    let tongue = Tongue::answered(&answer).unwrap_or(Tongue::En);
    language::set(tongue.into());
    context.asked = Some(tongue);
    Ok(())
}
