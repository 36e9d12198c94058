//! The face of Habeas: what a person types and reads.
//!
//! A command is one request to the node that runs for a folder, over the node's own socket, and its reply shown as a
//! table or as JSON. This room never links the node; where a node must be started, it starts the program beside it.

mod args;
mod client;
mod commands;
mod daemon;
mod error;
#[cfg(test)]
mod fake;
mod files;
mod render;
mod secret;
mod texts;
mod tongue;

use std::{
    ffi::OsString,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use habeas_texts::language;
use protocol::record::schema::Language;

pub use jiff::tz::TimeZone;

use args::{Cli, Global};
use error::{Failure, codes};
use render::{Outlet, Screen};
use tongue::Tongue;

/// What the process was started with; only a program's `main` looks at it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// This program's own file; `habeas-node` is looked for beside it.
    pub program: PathBuf,
    /// The person's home folder.
    pub home: Option<PathBuf>,
    /// Where data of a person's programs lies, if it is not below the home folder (XDG base directories).
    pub data_home: Option<PathBuf>,
    /// Where temporary folders go.
    pub temporary: PathBuf,
    /// Colours are not wanted, or the terminal has none.
    pub plain: bool,
    /// A person sits at the keyboard: questions may be asked.
    pub interactive: bool,
    /// The locale that messages are wanted in, such as `uk_UA.UTF-8`.
    pub locale: Option<String>,
    /// The zone that times are told in.
    pub zone: TimeZone,
}

impl Surroundings {
    /// Whether the locale names a language that messages are written in.
    fn speaks(&self) -> bool {
        self.locale.as_deref().is_some_and(|locale| tongue::spoken_in(locale).is_some())
    }
}

/// Runs the command named by `args` (the program's name first) and says how it ended.
#[must_use]
pub fn main(args: Vec<OsString>, surroundings: &Surroundings) -> ExitCode {
    ExitCode::from(run(args, surroundings, Outlet::of_the_process()))
}

/// Every command that can be typed, as its words: `["case", "list"]`.
#[must_use]
pub fn commands() -> Vec<Vec<String>> {
    args::leaves(&<Cli as clap::CommandFactory>::command(), &[])
}

/// What every command has at hand.
struct Context<'a> {
    global: Global,
    surroundings: &'a Surroundings,
    screen: Screen,
    /// The language that a person was asked for.
    asked: Option<Tongue>,
}

impl Context<'_> {
    /// The folder of the node.
    fn data(&self) -> Result<PathBuf, Failure> {
        let below_home = || self.surroundings.home.as_ref().map(|home| home.join(".local/share"));
        let standard = || self.surroundings.data_home.clone().or_else(below_home).map(|folder| folder.join("habeas"));
        self.global.data.clone().or_else(standard).ok_or_else(|| Failure::new(codes::NO_HOME, texts::no_home()))
    }

    /// The node's program: named, or the one beside this program.
    fn node_program(&self) -> PathBuf {
        let beside = || self.surroundings.program.with_file_name("habeas-node");
        self.global.node_program.clone().unwrap_or_else(beside)
    }

    /// Asks a question; `false` where nobody can be asked.
    fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        Ok(self.may_question() && texts::is_yes(&self.answer(question)?))
    }

    /// Whether somebody reads questions and answers them.
    fn may_question(&self) -> bool {
        self.surroundings.interactive && !self.global.no_input && !self.global.json
    }

    /// Asks a question, and reads a line.
    fn answer(&mut self, question: &str) -> Result<String, Failure> {
        self.screen.ask(question);
        let mut answer = String::new();
        let typed = std::io::stdin().read_line(&mut answer);
        typed.map_err(|error| Failure::new(codes::NO_INPUT, error.to_string()))?;
        Ok(answer)
    }

    /// A command of ours as a person would type it for this folder, in the language that was asked for.
    fn command(&self, rest: &str) -> String {
        let data = self.global.data.as_ref().map(|data| format!("--data {} ", files::typed(data)));
        let language = self.asked.map(|tongue| format!("--lang {tongue} "));
        format!("habeas {}{}{rest}", data.unwrap_or_default(), language.unwrap_or_default())
    }
}

fn run(args: Vec<OsString>, surroundings: &Surroundings, outlet: Outlet) -> u8 {
    let json = args::asks_json(&args);
    // Scripts read the same on every machine, unless they ask for something else themselves.
    let surrounding = || surroundings.locale.as_deref().filter(|_| !json).map(tongue::of_locale);
    render::tell_times_in(surroundings.zone.clone());
    language::set(tongue::asked_for(&args).or_else(surrounding).unwrap_or(Language::En));
    let cli = match Cli::read(args) {
        Ok(cli) => cli,
        Err(error) => return unread(&error, outlet, json, surroundings.plain),
    };
    let screen = Screen::new(outlet, &cli.global, surroundings.plain);
    let mut context = Context { global: cli.global, surroundings, screen, asked: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime of one thread needs nothing but memory and a few file handles");
    match runtime.block_on(commands::run(cli.command, &mut context)) {
        Ok(()) => 0,
        Err(failure) => {
            let failure = failure.in_folder(context.global.data.as_deref());
            context.screen.failure(&failure);
            failure.exit
        }
    }
}

/// What was typed is no command: help and version are data, the rest is a failure.
fn unread(error: &clap::Error, outlet: Outlet, json: bool, plain: bool) -> u8 {
    match args::failure(error) {
        None => render::help(error, outlet, plain),
        Some(failure) => {
            Screen::before_arguments(outlet, json, plain).failure(&failure);
            failure.exit
        }
    }
}

/// UTC, seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
