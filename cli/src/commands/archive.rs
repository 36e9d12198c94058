//! `habeas archive`: writes everything readable in a folder, for readers who do not have Habeas.

use std::path::PathBuf;

use habeas_texts::language;
use protocol::app::control::{Reply, Request};

use super::ask;
use crate::{
    Context,
    daemon::unexpected,
    error::Failure,
    files,
    render::{
        standing::{care, good},
        zone_name,
    },
    texts,
    tongue::Tongue,
};

const EXAMPLES: &str = "\
Examples:
  habeas archive /media/stick/archive
  habeas archive archive-2026 --language uk";

/// Write everything that can be read here to a new folder: pages for any browser, and JSON for programs.
///
/// Begin with archive.html, which lists the records; each has a page of its own. archive.json names the files with the
/// records, one JSON object a line. The archive is not encrypted. A backup is: `habeas backup create`. Each record is
/// as it was when it was read; what comes while the archive is written is not in it. The times of the pages are in your
/// time zone, which they name: with TZ=UTC before the command they do not tell where you are. Those of the JSON are in UTC.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to make.
    folder: PathBuf,
    /// The language of the pages [default: that of the messages].
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Tongue>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let Args { folder, language } = args;
    let (to, language) = (files::whole(&folder)?, language.map_or_else(language::current, Into::into));
    let request = Request::Archive { to, language, zone: zone_name() };
    let reply = ask(context, &request).await?;
    let Reply::Archived { records, bytes, unread } = reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || good(&texts::archived(&folder, records, bytes)));
    if unread > 0 {
        context.screen.note(&care(&texts::archive_unread(unread)));
    }
    context.screen.note(&texts::archive_open(&folder));
    Ok(())
}
