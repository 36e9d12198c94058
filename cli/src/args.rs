//! The arguments: the global options and the list of commands. The arguments of each command are in its own file.

mod complaint;
mod translation;

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::{
    commands::{
        archive, backup, card, demo, device, doctor, found, help, import, init, join, lock, metrics, name, peers,
        record, serve, share, status,
    },
    error::Failure,
    tongue::Tongue,
};

const EXAMPLES: &str = "\
Examples:
  habeas demo
  habeas init
  habeas serve
  habeas status";

/// A case registry without a centre: each organisation keeps its own copy, and nothing is shared unless someone shares it.
#[derive(Debug, Parser)]
#[command(
    name = "habeas",
    bin_name = "habeas",
    version,
    before_help = EXAMPLES,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    infer_long_args = false,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "For every command")]
pub(crate) struct Global {
    /// The node's folder [default: habeas in your data folder].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Answer in JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Leave out messages; errors and what was asked for remain.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    /// The language of messages [default: that of your system].
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Tongue>,
    /// Never ask; fail where an answer is needed.
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// A file whose first line is the passphrase of this device.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file whose first line is the organisation's root passphrase.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) root_passphrase_file: Option<PathBuf>,
    /// Colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
    /// The node's program [default: habeas-node beside this one].
    #[arg(long, global = true, value_name = "FILE", hide = true)]
    pub(crate) node_program: Option<PathBuf>,
}

/// When colours are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Cli {
    /// Reads the typed arguments, with help in the current language.
    pub(crate) fn read(args: Vec<OsString>) -> Result<Self, clap::Error> {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(args)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The command with all subcommands, and help in the current language.
pub(crate) fn command() -> clap::Command {
    translation::translated(Cli::command())
}

/// The failure for wrong arguments; none if help or the version was asked for.
pub(crate) fn failure(error: &clap::Error) -> Option<Failure> {
    complaint::failure(error)
}

/// Whether a script asks for JSON, before the arguments are read: errors in them are then reported as JSON.
pub(crate) fn asks_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

#[cfg(test)]
pub(crate) use translation::needed_keys;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Args),
    Card(card::Args),
    Found(found::Args),
    Join(join::Args),
    Device(device::Args),
    Serve(serve::Args),
    Unlock(lock::UnlockArgs),
    Lock(lock::LockArgs),
    Stop(lock::StopArgs),
    Wipe(lock::WipeArgs),
    Backup(backup::Args),
    Archive(archive::Args),
    Status(status::Args),
    Metrics(metrics::Args),
    Peers(peers::Args),
    Hold(peers::HoldArgs),
    Release(peers::ReleaseArgs),
    Case(record::CaseArgs),
    Docket(record::DocketArgs),
    Name(name::Args),
    Doctor(doctor::Args),
    Import(import::Args),
    Share(share::Args),
    Demo(demo::Args),
    Help(help::Args),
    Completions(help::CompletionsArgs),
}

/// The leaves below a command, the commands without subcommands, each as its words.
pub(crate) fn leaves(command: &clap::Command, path: &[String]) -> Vec<Vec<String>> {
    let below = command.get_subcommands().flat_map(|sub| leaves(sub, &[path, &[sub.get_name().to_owned()]].concat()));
    let below: Vec<_> = below.collect();
    if below.is_empty() { vec![path.to_vec()] } else { below }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, CommandFactory as _, builder::ValueHint};

    use super::*;
    use crate::error::codes;

    /// Every command with its path, the program itself first.
    fn walk(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        found.push((path.to_owned(), command.clone()));
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }

    fn commands() -> Vec<(String, clap::Command)> {
        let mut root = Cli::command();
        root.build();
        let mut found = Vec::new();
        walk(&root, "habeas", &mut found);
        found
    }

    /// Whether an argument takes a secret as a value and not in a file, by its name.
    fn is_secret_value(arg: &Arg) -> bool {
        let name = format!("{} {}", arg.get_id(), arg.get_long().unwrap_or_default());
        let secret = ["pass", "secret", "pin", "token", "key", "credential"].iter().any(|word| name.contains(word));
        let is_file = arg.get_value_hint() == ValueHint::AnyPath && name.ends_with("file");
        secret && arg.get_action().takes_values() && !is_file
    }

    #[test]
    fn the_model_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_of_any_command_takes_a_secret_as_its_value() {
        for (path, command) in commands() {
            let secrets: Vec<_> = command.get_arguments().filter(|arg| is_secret_value(arg)).collect();
            assert!(secrets.is_empty(), "{path}: {secrets:?}");
        }
        assert!(is_secret_value(&Arg::new("passphrase").long("passphrase")));
        assert!(!is_secret_value(&Arg::new("passphrase_file").long("passphrase-file").value_hint(ValueHint::AnyPath)));
    }

    #[test]
    fn every_help_begins_with_examples_and_each_of_them_can_be_typed() {
        for (path, command) in commands().into_iter().filter(|(_, command)| command.get_subcommands().count() == 0) {
            let help = command.clone().render_long_help().to_string();
            let examples: Vec<_> = help
                .lines()
                .skip_while(|line| *line != "Examples:")
                .skip(1)
                .take_while(|line| line.starts_with("  "))
                .collect();
            assert!(help.starts_with("Examples:\n") && !examples.is_empty(), "{path}: {help}");
            for example in examples {
                assert!(example.trim().starts_with(&path), "{path}: {example}");
                let typed = example.split(" > ").next().expect("a split has a first part").split_whitespace();
                if let Err(error) = Cli::try_parse_from(typed) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn a_mistyped_command_or_option_is_answered_with_the_nearest_one() {
        let check = |args: &[&str], expected: &str| {
            let error = Cli::try_parse_from([&["habeas"], args].concat()).expect_err("it is mistyped");
            let failure = failure(&error).expect("it is a mistake");
            assert!(failure.exit == 2 && failure.is(codes::USAGE), "{failure:?}");
            assert!(failure.problem.details.iter().any(|hint| hint.contains(expected)), "{failure:?}");
        };
        check(&["statsu"], "`status`");
        check(&["case", "lst"], "`list`");
        check(&["status", "--verbos"], "`--verbose`");
        check(&["--passphrase", "x", "unlock"], "`--passphrase-file");
    }
}
