//! `habeas docket list`: all dockets, or those that answer a question: article × circumstance × argument × court → response.

use protocol::control::{Question, RecordKind, Reply, Request};

use super::{ask, record::list};
use crate::{Context, daemon::unexpected, error::Failure, render::precedents, texts};

pub(super) const EXAMPLES: &str = "\
Examples:
  habeas docket list
  habeas docket list --article RU-CC-352.1 --argument ARG-ORDER
  habeas docket list --article 352.1 --response accepted --court 99OV0000";

/// Which dockets.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Article charged: its code, or as courts write it; an article holds its parts.
    #[arg(long, value_name = "ARTICLE")]
    article: Option<String>,
    /// Argument of the defence, such as ARG-ORDER.
    #[arg(long, value_name = "CODE")]
    argument: Option<String>,
    /// Circumstance of the capture that the court considered, such as wounded.
    #[arg(long, value_name = "CODE")]
    circumstance: Option<String>,
    /// Code of the court that answered.
    #[arg(long, value_name = "ID")]
    court: Option<String>,
    /// The court's response, such as accepted.
    #[arg(long, value_name = "CODE")]
    response: Option<String>,
}

pub(super) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { article, argument, circumstance, court, response } = args;
    let question = Question { article, argument, circumstance, court, response };
    if question == Question::default() {
        return list(RecordKind::Docket, context).await;
    }
    let reply = ask(context, &Request::Ask { question }).await?;
    let Reply::Precedents { found, asked, as_of } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || precedents::precedents(found, *asked, *as_of));
    if !found.is_empty() {
        context.screen.note(&texts::next(&[(context.command("docket show DOCKET"), texts::next_show())]));
    }
    Ok(())
}
