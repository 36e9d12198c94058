//! Pages of lists: asks the node for part after part until there are as many records as were asked for.

use protocol::app::control::{Page, Question, RecordKind, Reply, Request};

use super::{Listing, ask};
use crate::{Context, daemon::unexpected, error::Failure, render::Form};

/// Number of records in a table for people, unless they ask for another.
const SHOWN: u64 = 50;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Part {
    /// How many at most [default: 50 in a table, else all].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Only those after this place, which the end of the part before names.
    #[arg(long, value_name = "PLACE")]
    after: Option<u64>,
    /// All of them.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Part {
    /// The number of records wanted: other programs get all, unless they name a number.
    fn wanted(self, listing: Listing, context: &Context<'_>) -> u64 {
        let for_people = matches!(listing.format, Form::Table) && !context.screen.is_json();
        match self.limit {
            Some(limit) => limit,
            None if for_people && !self.all => SHOWN,
            None => u64::MAX,
        }
    }
}

/// Asks for the records of a list: [`Reply::Records`] with as many as are wanted.
pub(super) async fn records(
    kind: RecordKind,
    stage: Option<String>,
    part: Part,
    listing: Listing,
    context: &mut Context<'_>,
) -> Result<Reply, Failure> {
    let (wanted, mut page, mut whole) = (part.wanted(listing, context), part.after, Vec::new());
    loop {
        let page_of = Page { limit: Some(wanted - whole.len() as u64), after: page };
        let reply = ask(context, &Request::List { kind, stage: stage.clone(), page: page_of }).await?;
        let Reply::Records { records, all, next, behind } = reply else { return Err(unexpected(&reply)) };
        whole.extend(records);
        if next.is_none() || whole.len() as u64 >= wanted {
            return Ok(Reply::Records { records: whole, all, next, behind });
        }
        page = next;
    }
}

/// Asks for the dockets that answer a question: [`Reply::Precedents`] with as many as are wanted.
pub(super) async fn precedents(
    question: &Question,
    part: Part,
    listing: Listing,
    context: &mut Context<'_>,
) -> Result<Reply, Failure> {
    let (wanted, mut page, mut whole) = (part.wanted(listing, context), part.after, Vec::new());
    loop {
        let page_of = Page { limit: Some(wanted - whole.len() as u64), after: page };
        let reply = ask(context, &Request::Ask { question: question.clone(), page: page_of }).await?;
        let Reply::Precedents { found, all, next, asked, behind, as_of } = reply else {
            return Err(unexpected(&reply));
        };
        whole.extend(found);
        if next.is_none() || whole.len() as u64 >= wanted {
            // Whoever read all of them has counted them.
            let all = all.or_else(|| (next.is_none() && part.after.is_none()).then_some(whole.len() as u64));
            return Ok(Reply::Precedents { found: whole, all, next, asked, behind, as_of });
        }
        page = next;
    }
}

/// The number of dockets that answer a question of one part.
pub(super) async fn number(question: &Question, context: &mut Context<'_>) -> Result<u64, Failure> {
    let one = Page { limit: Some(1), after: None };
    let reply = ask(context, &Request::Ask { question: question.clone(), page: one }).await?;
    match reply {
        Reply::Precedents { all: Some(all), .. } => Ok(all),
        Reply::Precedents { .. } => {
            let every = Part { limit: None, after: None, all: true };
            let listing = Listing { format: Form::Table };
            match precedents(question, every, listing, context).await? {
                Reply::Precedents { found, .. } => Ok(found.len() as u64),
                other => Err(unexpected(&other)),
            }
        }
        other => Err(unexpected(&other)),
    }
}
