//! `habeas docket list`: all dockets, or those that match a question: article × circumstance × argument × court →
//! response.

use protocol::app::control::{Question, RecordKind, Reply};

use super::{
    Listing,
    pages::{self, Part},
    record::list,
};
use crate::{
    Context,
    daemon::unexpected,
    error::Failure,
    render::{Form, precedents, record::Extent, sheet},
    texts,
};

pub(super) const EXAMPLES: &str = "\
Examples:
  habeas docket list
  habeas docket list --article RU-CC-352.1 --argument ARG-ORDER
  habeas docket list --article 352.1 --response accepted --court 99OV0000
  habeas docket list --stage 70-appeal --limit 20
  habeas docket list --format csv > dockets.csv";

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
    /// Only those at this stage.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["article", "argument", "circumstance", "court", "response"])]
    stage: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    listing: Listing,
}

pub(super) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { article, argument, circumstance, court, response, stage, part, listing } = args;
    let question = Question { article, argument, circumstance, court, response };
    if question == Question::default() {
        return list(RecordKind::Docket, stage, part, listing, context).await;
    }
    let reply = pages::precedents(&question, part, listing, context).await?;
    let Reply::Precedents { found, all, next, asked, behind, as_of } = &reply else { return Err(unexpected(&reply)) };
    let parts = parts(question);
    let asked_again: String = parts.iter().map(|(typed, _)| format!(" {typed}")).collect();
    // Scripts are not shown how many dockets each part of the question finds alone.
    let alone = match found.is_empty() && *asked > 0 && parts.len() > 1 && !context.screen.is_json() {
        true => each_alone(parts, context).await?,
        false => parts.into_iter().map(|(typed, _)| (typed, 0)).collect(),
    };
    let form = listing.format;
    context.screen.list(
        &reply,
        form,
        || sheet::precedents(found),
        || precedents::precedents(found, &alone, *all, Extent { all: *asked, behind: *behind }, *as_of),
    );
    if form == Form::Table && !found.is_empty() {
        let show = (context.command("docket show DOCKET"), texts::next_show());
        let more = next.map(|next| context.command(&format!("docket list{asked_again} --after {next}")));
        let more = more.map(|command| (command, texts::next_part()));
        context.screen.note(&texts::next(&[show].into_iter().chain(more).collect::<Vec<_>>()));
    }
    Ok(())
}

/// The parts of a question, each as it is typed and as a question of its own.
fn parts(question: Question) -> Vec<(String, Question)> {
    let Question { article, argument, circumstance, court, response } = question;
    let none = Question::default;
    let parts = [
        ("--article", article.clone(), Question { article, ..none() }),
        ("--argument", argument.clone(), Question { argument, ..none() }),
        ("--circumstance", circumstance.clone(), Question { circumstance, ..none() }),
        ("--court", court.clone(), Question { court, ..none() }),
        ("--response", response.clone(), Question { response, ..none() }),
    ];
    let part = |(option, value, alone): (&str, Option<String>, Question)| Some((format!("{option} {}", value?), alone));
    parts.into_iter().filter_map(part).collect()
}

/// The number of dockets that each part finds alone.
async fn each_alone(parts: Vec<(String, Question)>, context: &mut Context<'_>) -> Result<Vec<(String, u64)>, Failure> {
    let mut found = Vec::new();
    for (typed, question) in parts {
        found.push((typed, pages::number(&question, context).await?));
    }
    Ok(found)
}
