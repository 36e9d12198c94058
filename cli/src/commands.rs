//! The commands, one file for each verb or family of verbs: first the arguments, then `run`, then its helpers.

pub(crate) mod archive;
pub(crate) mod backup;
pub(crate) mod card;
pub(crate) mod demo;
pub(crate) mod device;
mod dispute;
pub(crate) mod doctor;
pub(crate) mod found;
pub(crate) mod help;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod join;
pub(crate) mod lock;
pub(crate) mod metrics;
pub(crate) mod name;
mod pages;
pub(crate) mod peers;
mod precedents;
mod ready;
pub(crate) mod record;
pub(crate) mod serve;
pub(crate) mod share;
pub(crate) mod status;

use std::{
    cell::RefCell,
    path::Path,
    pin::pin,
    time::{Duration, Instant},
};

use protocol::app::control::{Reply, Request};

use tokio::time::timeout;

use crate::{
    Context,
    args::Command,
    client::{AskError, Client},
    daemon::unexpected,
    error::Failure,
    files,
    render::Form,
    texts,
};

/// In which form a list is wanted.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Listing {
    /// A table to read, plain lines with tabs, or CSV for spreadsheets.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Form,
}

/// The interval at which a waiting person is shown that the work goes on.
const MOMENT: Duration = Duration::from_secs(1);

/// Carries a command out.
pub(crate) async fn run(command: Command, context: &mut Context<'_>) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init::run(args, context).await,
        Command::Card(args) => card::run(args, context).await,
        Command::Found(args) => found::run(args, context).await,
        Command::Join(args) => join::run(args, context).await,
        Command::Device(args) => device::run(args, context).await,
        Command::Serve(args) => serve::run(args, context).await,
        Command::Unlock(_) => lock::unlock(context).await,
        Command::Lock(_) => lock::lock(context).await,
        Command::Stop(_) => lock::stop(context).await,
        Command::Wipe(args) => lock::wipe(args, context).await,
        Command::Backup(args) => backup::run(args, context).await,
        Command::Archive(args) => archive::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Metrics(_) => metrics::run(context).await,
        Command::Peers(args) => peers::run(args, context).await,
        Command::Hold(args) => peers::hold(args, context).await,
        Command::Release(args) => peers::release(args, context).await,
        Command::Case(args) => record::case(args, context).await,
        Command::Docket(args) => record::docket(args, context).await,
        Command::Name(args) => name::run(args, context).await,
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::Import(args) => import::run(args, context).await,
        Command::Share(args) => share::run(args, context).await,
        Command::Demo(args) => demo::run(args, context).await,
        Command::Help(args) => help::run(&args, context),
        Command::Completions(args) => help::completions(&args, context),
    }
}

/// Asks the node that runs for the folder of the context.
async fn ask(context: &mut Context<'_>, request: &Request) -> Result<Reply, Failure> {
    let client = Client::new(&context.data()?);
    Ok(ask_of(&client, context, request).await?)
}

/// Asks the node of `client` and shows a waiting person the progress, or, if the node reports none, the time elapsed.
pub(crate) async fn ask_of(client: &Client, context: &mut Context<'_>, request: &Request) -> Result<Reply, AskError> {
    let screen = RefCell::new(&mut context.screen);
    if tries_a_passphrase(request) {
        screen.borrow_mut().doing(&texts::trying());
    }
    let begun = Instant::now();
    let told = |progress| screen.borrow_mut().progress(progress, begun.elapsed());
    let mut asked = pin!(client.ask_telling(request, told));
    loop {
        match timeout(MOMENT, asked.as_mut()).await {
            Ok(answer) => {
                screen.borrow_mut().settle();
                return answer;
            }
            Err(_) => screen.borrow_mut().working(begun.elapsed()),
        }
    }
}

/// Whether a request makes the node try a passphrase. Deriving a key takes most of a second, and after a wrong
/// passphrase eight times that, so the person is shown that the work goes on.
const fn tries_a_passphrase(request: &Request) -> bool {
    matches!(
        request,
        Request::Unlock { .. }
            | Request::BackupVerify { .. }
            | Request::Card { .. }
            | Request::Sign { .. }
            | Request::Complete { .. }
            | Request::FoundAlone { .. }
            | Request::DeviceAdd { .. }
    )
}

/// Hands over a file: to standard output, or to a new file. Words that people must compare are printed beside it.
fn hand_over(reply: &Reply, output: Option<&Path>, context: &mut Context<'_>) -> Result<(), Failure> {
    let Reply::File { text, words, organisations } = reply else { return Err(unexpected(reply)) };
    if let Some(path) = output {
        files::write_new(path, text)?;
        context.screen.note(&texts::written(path));
    }
    if context.screen.is_json() {
        context.screen.reply(reply, String::new);
    } else if output.is_none() {
        context.screen.file(text);
    }
    if !organisations.is_empty() {
        context.screen.note(&texts::names_organisations(&organisations.join(", ")));
    }
    if !words.is_empty() {
        context.screen.note(&texts::compare(words));
    }
    Ok(())
}
