//! `habeas name`: petnames of organisations, which stay on this computer.

use std::collections::BTreeMap;

use protocol::app::control::{Reply, Request};

use super::ask;
use crate::{Context, daemon::unexpected, error::Failure, now, render::standing, texts};

const EXAMPLES: &str = "\
Examples:
  habeas name
  habeas name abandon-zoo Legal-aid-north
  habeas name --remove abandon-zoo";

/// Give an organisation a name of your own, which never leaves this computer; without arguments, list them.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Call-sign, id, or what you call it.
    #[arg(requires = "name", conflicts_with = "remove")]
    organisation: Option<String>,
    /// What you call it; in quotation marks if it has spaces.
    #[arg(requires = "organisation")]
    name: Option<String>,
    /// Forget the name of this organisation.
    #[arg(long, value_name = "ORGANISATION")]
    remove: Option<String>,
}

/// The petnames of organisations, by call-sign.
pub(super) struct Book(BTreeMap<String, String>);

impl Book {
    /// Loads the petnames for texts that name these organisations. The book is empty for scripts, which find a name in
    /// a field of its own or not at all, and if the node does not give the names: then the call-signs stand alone.
    pub(super) async fn to_name<'a>(
        organisations: impl IntoIterator<Item = &'a String>,
        context: &mut Context<'_>,
    ) -> Self {
        if context.screen.is_json() || organisations.into_iter().next().is_none() {
            return Self(BTreeMap::new());
        }
        let Ok(Reply::Names { names }) = ask(context, &Request::Names).await else { return Self(BTreeMap::new()) };
        Self(names.into_iter().filter_map(|named| Some((named.call_sign?, named.petname))).collect())
    }

    /// The call-signs, each followed by its petname.
    pub(super) fn called(&self, call_signs: &[String]) -> Vec<String> {
        call_signs.iter().map(|sign| self.one(sign)).collect()
    }

    /// One call-sign, followed by its petname.
    pub(super) fn one(&self, call_sign: &str) -> String {
        self.0.get(call_sign).map_or_else(|| call_sign.to_owned(), |name| texts::names::called(call_sign, name))
    }
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let request = match (args.organisation, args.name, args.remove) {
        (Some(organisation), Some(petname), _) => Request::Name { organisation, petname },
        (_, _, Some(organisation)) => Request::Unname { organisation },
        _ => Request::Names,
    };
    let changed = !matches!(request, Request::Names);
    let reply = ask(context, &request).await?;
    let Reply::Names { names } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || standing::names(names, now()));
    if changed {
        context.screen.note(&texts::names::stays_here());
    }
    Ok(())
}
