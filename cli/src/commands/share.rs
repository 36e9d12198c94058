//! `habeas share`: previews a share, schedules it with a hold, cancels it while it waits.

use protocol::app::control::{Guest, Reader, Readers, Reply, Request, Share, SharePreview, codes};

use super::{ask, name::Book};
use crate::{
    Context,
    daemon::unexpected,
    error::{Failure, codes as own},
    render::sharing,
    texts,
};

const EXAMPLES: &str = "\
Examples:
  habeas share --with brave-otter:GE,calm-heron:LT --dry-run
  habeas share abandon-zoo-able-zone-about-zero --with brave-otter:GE
  habeas share abandon-zoo-able-zone-about-zero --with everyone
  habeas share --waiting
  habeas share --cancel 5f0c1d2e3a4b5c6d";
/// The word that names all members as readers.
const EVERYONE: &str = "everyone";
const MINUTE_S: u64 = 60;

/// Share case files with organisations you name, as far as consent goes.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which case files, by their words or ids [default: all of your organisation].
    #[arg(value_name = "CASE")]
    cases: Vec<String>,
    /// Call-sign, id or your name of each organisation, with its country if that is to be told; or `everyone`.
    #[arg(long, value_name = "ORGANISATION[:COUNTRY]", required_unless_present_any = ["waiting", "cancel"])]
    with: Vec<String>,
    /// Only say what would go, and what would not.
    #[arg(long)]
    dry_run: bool,
    /// Name every field that goes and every reason.
    #[arg(long)]
    details: bool,
    /// How long it waits and can be cancelled.
    #[arg(long, value_name = "MINUTES", default_value_t = 10)]
    hold: u64,
    /// Share what the preview shows without being asked.
    #[arg(long)]
    yes: bool,
    /// What waits.
    #[arg(long, conflicts_with_all = ["cases", "with", "cancel"])]
    waiting: bool,
    /// Cancel what waits.
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["cases", "with"])]
    cancel: Option<String>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    if args.waiting {
        let reply = ask(context, &Request::Shares).await?;
        return waiting(&reply, context).await;
    }
    if let Some(share) = args.cancel {
        let reply = ask(context, &Request::ShareCancel { share }).await?;
        context.screen.note(&texts::sharing::cancelled());
        return waiting(&reply, context).await;
    }
    let with = named(&args.with, context).await;
    let with = readers(&with)?;
    let request = Request::SharePreview { records: args.cases.clone(), with: with.clone() };
    let reply = ask(context, &request).await?;
    let Reply::SharePreview(preview) = &reply else { return Err(unexpected(&reply)) };
    let book = Book::to_name(preview.readers.iter().map(|reader| &reader.call_sign), context).await;
    let named = |reader: &Reader| Reader { call_sign: book.one(&reader.call_sign), ..reader.clone() };
    let shown = SharePreview { readers: preview.readers.iter().map(named).collect(), ..preview.clone() };
    context.screen.reply(&reply, || sharing::preview(&shown, args.details));
    if args.dry_run {
        return Ok(());
    }
    if preview.cases.iter().all(|case| case.goes.is_empty()) {
        return Err(Failure::new(codes::NOTHING_GOES, texts::sharing::nothing_goes()));
    }
    if !args.yes && !confirmed(preview, context)? {
        return Err(Failure::new(own::CONFIRM, texts::sharing::not_shared()).try_next(texts::sharing::confirm_share()));
    }
    let (seen, hold_s) = (preview.seen.clone(), args.hold.saturating_mul(MINUTE_S));
    let reply = ask(context, &Request::Share { records: args.cases, with, seen, hold_s }).await?;
    let Reply::Shares { shares } = &reply else { return Err(unexpected(&reply)) };
    let cancel =
        |share: &Share| (context.command(&format!("share --cancel {}", share.share)), texts::sharing::next_cancel());
    let cancellable = if hold_s == 0 { &[] } else { &shares[..] };
    let next: Vec<_> =
        cancellable.iter().map(cancel).chain([(context.command("case list"), texts::sharing::next_list())]).collect();
    context.screen.reply(&reply, || texts::sharing::waits(args.hold));
    context.screen.note(&texts::next(&next));
    Ok(())
}

async fn waiting(reply: &Reply, context: &mut Context<'_>) -> Result<(), Failure> {
    let Reply::Shares { shares } = reply else { return Err(unexpected(reply)) };
    let book = Book::to_name(shares.iter().flat_map(|share| &share.readers), context).await;
    let named = |share: &Share| Share { readers: book.called(&share.readers), ..share.clone() };
    let shares: Vec<_> = shares.iter().map(named).collect();
    context.screen.reply(reply, || sharing::waiting(&shares));
    Ok(())
}

/// The organisations named, one string each. They are separated by commas, but a petname may contain a comma too.
async fn named(with: &[String], context: &mut Context<'_>) -> Vec<String> {
    if !with.iter().any(|list| list.contains(',')) {
        return with.to_vec();
    }
    // If the petnames cannot be had, every comma separates.
    let petnames: Vec<_> = match ask(context, &Request::Names).await {
        Ok(Reply::Names { names }) => names.into_iter().map(|named| named.petname.to_lowercase()).collect(),
        _ => Vec::new(),
    };
    with.iter().flat_map(|list| split(list, &petnames)).collect()
}

/// Splits a list at its commas; parts that together are a petname stay together.
fn split(list: &str, petnames: &[String]) -> Vec<String> {
    let parts: Vec<_> = list.split(',').collect();
    let (mut names, mut at) = (Vec::new(), 0);
    while at < parts.len() {
        let is_petname =
            |end: &usize| petnames.contains(&guest(parts[at..*end].join(",").trim()).organisation.to_lowercase());
        let end = (at + 2..=parts.len()).rev().find(is_petname).unwrap_or(at + 1);
        names.push(parts[at..end].join(",").trim().to_owned());
        at = end;
    }
    names
}

fn readers(names: &[String]) -> Result<Readers, Failure> {
    let everyone = names.iter().filter(|name| *name == EVERYONE).count();
    match (everyone, names.len()) {
        (0, _) => Ok(Readers::Organisations(names.iter().map(|name| guest(name)).collect())),
        (1, 1) => Ok(Readers::Everyone),
        _ => Err(Failure::new(codes::NO_READERS, texts::sharing::everyone_alone())),
    }
}

/// Reads a guest: `ORGANISATION` or `ORGANISATION:COUNTRY`. Two letters are a country; a petname may contain a colon.
fn guest(name: &str) -> Guest {
    let is_country = |country: &str| country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    match name.rsplit_once(':').filter(|(_, country)| is_country(country)) {
        Some((organisation, country)) => {
            Guest { organisation: organisation.to_owned(), country: Some(country.to_owned()) }
        }
        None => Guest { organisation: name.to_owned(), country: None },
    }
}

/// Whether the person confirms the share; if nobody can be asked, it is not confirmed.
fn confirmed(preview: &SharePreview, context: &mut Context<'_>) -> Result<bool, Failure> {
    let going = preview.cases.iter().filter(|case| !case.goes.is_empty()).count();
    context.confirm(&texts::sharing::ask(going, preview.readers.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_is_named_with_or_without_its_country() {
        let check = |name: &str, organisation: &str, country: Option<&str>| {
            let expected = Guest { organisation: organisation.into(), country: country.map(Into::into) };
            assert_eq!(guest(name), expected);
        };
        check("brave-otter", "brave-otter", None);
        check("brave-otter:GE", "brave-otter", Some("GE"));
        check("Legal aid: north", "Legal aid: north", None);
        check("Legal aid: north:LT", "Legal aid: north", Some("LT"));
    }

    #[test]
    fn a_comma_within_a_name_of_ones_own_separates_nothing() {
        let petnames = ["legal aid, tbilisi".to_owned()];
        let check = |list: &str, expected: &[&str]| assert_eq!(split(list, &petnames), expected, "{list}");
        check("brave-otter:GE,calm-heron:LT", &["brave-otter:GE", "calm-heron:LT"]);
        check("Legal aid, Tbilisi", &["Legal aid, Tbilisi"]);
        check("calm-heron, Legal aid, Tbilisi:GE,brave-otter", &["calm-heron", "Legal aid, Tbilisi:GE", "brave-otter"]);
        check("Legal aid, Batumi", &["Legal aid", "Batumi"]);
    }

    #[test]
    fn everyone_is_named_alone() {
        let named = |names: &[&str]| readers(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&["everyone"]), Ok(Readers::Everyone));
        assert!(named(&["everyone", "brave-otter"]).expect_err("both").is(codes::NO_READERS));
        assert!(matches!(named(&["brave-otter:GE"]), Ok(Readers::Organisations(guests)) if guests.len() == 1));
    }
}
