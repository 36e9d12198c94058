//! Translation of help. English stands beside the arguments themselves; another language replaces it, message by
//! message, before anything is parsed.

use clap::{Arg, ArgAction, Command};
use habeas_texts::{find, language};
use protocol::record::schema::Language;

use crate::texts::{typed, usage};

/// The layout of help that clap has, except for the one word that clap has in English only.
fn layout() -> String {
    format!("{{before-help}}{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}", typed::heading_usage())
}

/// The translated command.
pub(super) fn translated(command: Command) -> Command {
    if language::current() == Language::En { command } else { self::command(command, "command") }
}

/// Translates the command at `path`, which is also the key of its description.
fn command(command: Command, path: &str) -> Command {
    let examples = command.get_before_help().map(|help| help.to_string().replacen("Examples:", &usage::examples(), 1));
    let heading = usage::heading_options();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).help(usage::help_flag());
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version).help(usage::version_flag());
    let has_version = command.get_version().is_some();
    let command = match find(path, None, &[]) {
        Some(about) => command.about(about).long_about(None),
        None => command,
    };
    let command = match examples {
        Some(examples) => command.before_help(examples),
        None => command,
    };
    let command = command
        .help_template(layout())
        .subcommand_help_heading(usage::heading_commands())
        .subcommand_value_name(usage::word_command())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_args(|arg| argument(arg, path))
        .arg(help.help_heading(heading.clone()))
        .mut_subcommands(|sub| {
            let path = format!("{path}_{}", sub.get_name().replace('-', "_"));
            self::command(sub, &path)
        });
    if has_version { command.arg(version.help_heading(heading)) } else { command }
}

fn argument(arg: Arg, path: &str) -> Arg {
    let help = keys_of(&arg, path).into_iter().find_map(|key| find(&key, None, &[]));
    let name = find(&value_key(&arg), None, &[]);
    let heading = match arg.get_help_heading() {
        Some(_) => usage::heading_global(),
        None if arg.is_positional() => usage::heading_arguments(),
        None => usage::heading_options(),
    };
    let takes_values = arg.get_action().takes_values();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let possible: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let more = [
        (takes_values && !possible.is_empty()).then(|| typed::possible_values(&possible.join(", "))),
        (takes_values && !defaults.is_empty()).then(|| usage::default_value(&defaults.join(", "))),
    ];
    let help = help.map(|help| std::iter::once(help).chain(more.into_iter().flatten()).collect::<Vec<_>>().join(" "));
    let arg = arg.help_heading(heading).hide_default_value(true).hide_possible_values(true);
    let arg = match help {
        Some(help) => arg.help(help).long_help(None),
        None => arg,
    };
    match name {
        Some(name) if takes_values => arg.value_name(name),
        _ => arg,
    }
}

/// The keys of an argument's help: for this command, or for every command that has the argument.
fn keys_of(arg: &Arg, path: &str) -> [String; 2] {
    let id = arg.get_id().as_str();
    [format!("argument{}_{id}", path.trim_start_matches("command")), format!("argument_{id}")]
}

/// The key of the name of an argument's value.
fn value_key(arg: &Arg) -> String {
    let name =
        arg.get_value_names().and_then(|names| names.first()).map_or(arg.get_id().as_str(), |name| name.as_str());
    let words: Vec<_> =
        name.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!("value_{}", words.join("_").to_lowercase())
}

#[cfg(test)]
pub(crate) use tests::needed_keys;

#[cfg(test)]
mod tests;
