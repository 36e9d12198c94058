//! The command line of Habeas: what a person types and reads.
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

/// The surroundings that the process was started in; only a program's `main` reads them from the system.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The file of this program; `habeas-node` is looked for beside it.
    pub program: PathBuf,
    /// The person's home folder.
    pub home: Option<PathBuf>,
    /// The folder for data of a person's programs, if it is not below the home folder (XDG base directories).
    pub data_home: Option<PathBuf>,
    /// The folder for temporary files.
    pub temporary: PathBuf,
    /// Whether output is plain: colours are not wanted, or the terminal has none.
    pub plain: bool,
    /// Whether a person sits at the keyboard, so that questions may be asked.
    pub interactive: bool,
    /// The locale of messages, such as `uk_UA.UTF-8`.
    pub locale: Option<String>,
    /// The time zone of shown times.
    pub zone: TimeZone,
}

impl Surroundings {
    /// Whether the locale names a language that messages are written in.
    fn speaks(&self) -> bool {
        self.locale.as_deref().is_some_and(|locale| tongue::spoken_in(locale).is_some())
    }
}

/// Runs the command named by `args` (the program's name first) and returns its exit status.
#[must_use]
pub fn main(args: Vec<OsString>, surroundings: &Surroundings) -> ExitCode {
    ExitCode::from(run(args, surroundings, Outlet::of_the_process()))
}

/// The commands that can be typed, each as its words: `["case", "list"]`.
#[must_use]
pub fn commands() -> Vec<Vec<String>> {
    args::leaves(&<Cli as clap::CommandFactory>::command(), &[])
}

/// The context of a command.
struct Context<'a> {
    global: Global,
    surroundings: &'a Surroundings,
    screen: Screen,
    /// The language that a person was asked for.
    asked: Option<Tongue>,
}

impl Context<'_> {
    /// The folder of the node's data.
    fn data(&self) -> Result<PathBuf, Failure> {
        let below_home = || self.surroundings.home.as_ref().map(|home| home.join(".local/share"));
        let standard = || self.surroundings.data_home.clone().or_else(below_home).map(|folder| folder.join("habeas"));
        self.global.data.clone().or_else(standard).ok_or_else(|| Failure::new(codes::NO_HOME, texts::no_home()))
    }

    /// The node's program: the named one, or the one beside this program.
    fn node_program(&self) -> PathBuf {
        let beside = || self.surroundings.program.with_file_name("habeas-node");
        self.global.node_program.clone().unwrap_or_else(beside)
    }

    /// Asks a person to confirm; `false` if nobody can be asked.
    fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        Ok(self.may_question() && texts::is_yes(&self.answer(question)?))
    }

    /// Whether a person can read questions and answer them.
    fn may_question(&self) -> bool {
        self.surroundings.interactive && !self.global.no_input && !self.global.json
    }

    /// Asks a question, and reads a line as the answer.
    fn answer(&mut self, question: &str) -> Result<String, Failure> {
        self.screen.ask(question);
        let mut answer = String::new();
        let typed = std::io::stdin().read_line(&mut answer);
        typed.map_err(|error| Failure::new(codes::NO_INPUT, error.to_string()))?;
        Ok(answer)
    }

    /// A command of this program as a person would type it for this folder, in the language that was asked for.
    fn command(&self, rest: &str) -> String {
        let data = self.global.data.as_ref().map(|data| format!("--data {} ", files::typed(data)));
        let language = self.asked.map(|tongue| format!("--lang {tongue} "));
        format!("habeas {}{}{rest}", data.unwrap_or_default(), language.unwrap_or_default())
    }
}

fn run(args: Vec<OsString>, surroundings: &Surroundings, outlet: Outlet) -> u8 {
    let json = args::asks_json(&args);
    // The output for scripts is the same on every machine, unless they ask for another language themselves.
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

/// Reports arguments that cannot be read. Help and version are data; everything else is a failure.
fn unread(error: &clap::Error, outlet: Outlet, json: bool, plain: bool) -> u8 {
    match args::failure(error) {
        None => render::help(error, outlet, plain),
        Some(failure) => {
            Screen::before_arguments(outlet, json, plain).failure(&failure);
            failure.exit
        }
    }
}

/// The time now: UTC, seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
