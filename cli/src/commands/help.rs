//! `habeas help` and `habeas completions`: both work offline, from texts that are compiled in.

pub(crate) mod fields;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    Context,
    args::{self, Cli},
    error::{Failure, codes, known},
    render, texts,
};
use fields::Fields;

const EXAMPLES: &str = "\
Examples:
  habeas help
  habeas help HB1013
  habeas help case set
  habeas help fields
  habeas help fields capture_episode
  habeas help exit-codes";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  habeas completions bash > habeas.bash";
/// The topic that lists exit statuses.
const EXIT_CODES: &str = "exit-codes";
/// The similarity from which a topic is suggested for a mistyped one, from 0 to 1.
const ALIKE: f64 = 0.7;

/// Explain a command, a code, the fields of records, or the exit statuses.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// A command, a code such as HB1013, fields (and a part of a record, or a field), or exit-codes.
    topic: Vec<String>,
}

/// Write the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(before_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, context: &mut Context<'_>) -> Result<(), Failure> {
    if let Some((first, rest)) = args.topic.split_first()
        && first == fields::TOPIC
    {
        return fields(&args.topic, &fields::about(rest)?, context);
    }
    let text = explain(&args.topic)?;
    if context.screen.is_json() {
        let line = serde_json::json!({ "schema": protocol::app::control::SCHEMA, "topic": args.topic.join(" "), "text": text });
        context.screen.line(&line);
    } else {
        context.screen.data(&text);
    }
    Ok(())
}

fn fields(topic: &[String], found: &Fields, context: &mut Context<'_>) -> Result<(), Failure> {
    if context.screen.is_json() {
        let records = match found {
            Fields::Parts(parts) => parts.clone(),
            Fields::Part(part) => vec![part.clone()],
        };
        let topic = topic.join(" ");
        context
            .screen
            .line(&serde_json::json!({ "schema": protocol::app::control::SCHEMA, "topic": topic, "records": records }));
    } else {
        context.screen.data(&render::fields::fields(found));
    }
    Ok(())
}

pub(crate) fn completions(args: &CompletionsArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "habeas", &mut script);
    context.screen.file(&String::from_utf8_lossy(&script));
    Ok(())
}

fn explain(topic: &[String]) -> Result<String, Failure> {
    let named = topic.join(" ");
    if named == EXIT_CODES {
        return Ok(texts::exit_statuses());
    }
    let code = named.to_uppercase();
    if let (Some(cause), Some((_, exit, _))) = (texts::cause(&code), known().find(|(known, ..)| *known == code)) {
        return Ok(texts::explanation(&code, &cause, &texts::next_of(&code), exit.into()));
    }
    let unknown = || match nearest(&named) {
        Some(nearest) => texts::no_topic_but(&named, &nearest),
        None => texts::no_topic(&named),
    };
    command_help(topic).ok_or_else(|| Failure::new(codes::NO_TOPIC, unknown()))
}

fn command_help(path: &[String]) -> Option<String> {
    let mut root = args::command();
    root.build();
    let command = path.iter().try_fold(&mut root, |command, name| command.find_subcommand_mut(name))?;
    Some(command.render_long_help().to_string().trim_end().to_owned())
}

fn nearest(topic: &str) -> Option<String> {
    let commands = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect::<Vec<_>>();
    let own = [EXIT_CODES, fields::TOPIC].map(str::to_owned);
    let topics: Vec<_> = known().map(|(code, ..)| code.to_owned()).chain(own).chain(commands).collect();
    nearest_of(topic, topics.iter().map(|topic| &**topic)).map(str::to_owned)
}

/// The nearest known topic to the typed one, if one is similar enough.
fn nearest_of<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let like = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &typed.to_lowercase());
    let nearest = known.max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(nearest) >= ALIKE).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    fn check(topic: &[&str], expected: &str) {
        let topic: Vec<_> = topic.iter().map(|&word| word.to_owned()).collect();
        let text = explain(&topic).unwrap_or_else(|failure| failure.problem.message);
        assert!(text.contains(expected), "{topic:?}: {text}");
    }

    #[test]
    fn every_code_and_every_command_has_help() {
        for (code, exit, next) in known() {
            check(&[code], &format!("exit status: {exit}"));
            check(&[&code.to_lowercase()], next);
        }
        for command in Cli::command().get_subcommands() {
            check(&[command.get_name()], &format!("Usage: habeas {}", command.get_name()));
        }
        check(&["case", "set"], "Usage: habeas case set");
        check(&[], "Usage: habeas");
    }

    #[test]
    fn every_exit_status_of_a_code_is_in_the_list_of_them() {
        for (code, exit, _) in known() {
            assert!(texts::exit_statuses().contains(&format!("\n  {exit:<5}")), "{code}: {exit}");
        }
    }

    #[test]
    fn a_mistyped_topic_is_answered_with_the_nearest_one() {
        check(&["exit-code"], "`exit-codes`");
        check(&["HB10013"], "`HB100");
        check(&["statsu"], "`status`");
        let (exit, out, err) = fake::run(&["help", "zzzzzz"]);
        assert_eq!((exit, out.as_str()), (2, ""));
        assert!(err.contains("no help on `zzzzzz`") && !err.contains("did you mean"));
    }

    #[test]
    fn completions_are_written_for_every_shell() {
        for shell in ["bash", "zsh", "fish"] {
            let (exit, out, _) = fake::run(&["completions", shell]);
            assert_eq!(exit, 0);
            assert!(out.contains("provenance"), "{shell}");
        }
    }
}
