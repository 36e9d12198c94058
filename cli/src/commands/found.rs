//! `habeas found`: makes a draft from cards, each founder's signature of it, and the registry file from both.

use std::path::{Path, PathBuf};

use protocol::app::control::Request;

use super::{ask_of, hand_over};
use crate::{Context, daemon::visit, error::Failure, files, secret::Which, texts};

const EXAMPLES: &str = "\
Examples:
  habeas found a.card b.card c.card > draft
  habeas found --sign draft > a.sig
  habeas found --complete draft a.sig b.sig c.sig > registry.habeas";

/// Found a registry: draft it from cards, sign the draft, complete it.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Sign this draft.
    #[arg(long, value_name = "DRAFT", conflicts_with_all = ["complete", "files"])]
    sign: Option<PathBuf>,
    /// Make the registry file from this draft and all signatures.
    #[arg(long, value_name = "DRAFT")]
    complete: Option<PathBuf>,
    /// The cards of all founders, your own among them; with --complete, all signatures.
    #[arg(value_name = "FILE", required_unless_present = "sign")]
    files: Vec<PathBuf>,
    /// Write to this new file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { sign, complete, files, output } = args;
    let texts_of = |paths: &[PathBuf]| paths.iter().map(|path| files::read(path)).collect::<Result<Vec<_>, _>>();
    let given = texts_of(&files)?;
    let draft = sign.as_deref().or(complete.as_deref()).map(files::read).transpose()?;
    let reply = visit(context, async |context, client| {
        let request = match draft {
            None => Request::Found { cards: given },
            Some(draft) => {
                let root_passphrase = context.passphrase(Which::Root)?;
                match sign {
                    Some(_) => Request::Sign { draft, root_passphrase },
                    None => Request::Complete { draft, signatures: given, root_passphrase },
                }
            }
        };
        Ok(ask_of(client, context, &request).await?)
    })
    .await?;
    hand_over(&reply, output.as_deref(), context)?;
    let name = |fallback: &str| output.as_deref().unwrap_or(Path::new(fallback)).display().to_string();
    let next = match (&sign, &complete) {
        (Some(draft), _) => vec![(format!("found --complete {} SIGNATURE…", draft.display()), texts::next_complete())],
        (None, Some(_)) => vec![(format!("join {}", name("registry.habeas")), texts::next_join())],
        (None, None) => vec![
            (format!("found --sign {} > mine.sig", name("draft")), texts::next_sign()),
            (format!("found --complete {} SIGNATURE… > registry.habeas", name("draft")), texts::next_complete()),
        ],
    };
    let next: Vec<_> = next.into_iter().map(|(rest, what)| (context.command(&rest), what)).collect();
    context.screen.note(&texts::next(&next));
    Ok(())
}
