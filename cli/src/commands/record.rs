//! `habeas case` and `habeas docket`: begins a record, states facts about it, shows one, lists all.

use protocol::{
    app::{
        control::{Fact, Record, RecordKind, Reply, Request, Summary},
        desk::target,
    },
    bytes::ids::EntityId,
};

use super::{
    Listing, ask, dispute,
    name::Book,
    pages::{self, Part},
    precedents,
};
use crate::{
    Context,
    daemon::unexpected,
    error::{Failure, Unfit, codes as own},
    now,
    render::{
        Form,
        record::{self, Depth, Extent},
        sheet,
    },
    texts::{self, typed},
};

const CASE_NEW: &str = "\
Examples:
  habeas case new
  habeas case new service_record.category=mobilised capture_episode.date=2023-06";
const CASE_SET: &str = "\
Examples:
  habeas case set abandon-zoo-able-zone-about-zero capture_episode.date=2023-06-10 --grade B2
  habeas case set SYN-01 +charge.code=338.3 charge.form=attempt
  habeas case set SYN-01 charge#2.code=352.1";
const CASE_SHOW: &str = "\
Examples:
  habeas case show abandon-zoo-able-zone-about-zero
  habeas case show abandon-zoo-able-zone-about-zero --provenance
  habeas case show SYN-01 --fields";
const CASE_LIST: &str = "\
Examples:
  habeas case list
  habeas case list --stage 60-trial --limit 20
  habeas case list --json
  habeas case list --format csv > cases.csv";
const DOCKET_NEW: &str = "\
Examples:
  habeas docket new docket_source.type=court_card docket.court_id=27GV0012 --grade B2";
const DOCKET_SET: &str = "\
Examples:
  habeas docket set abandon-zoo-able-zone-about-zero docket_decision.date=2025-04-15 --grade B2";
const DOCKET_SHOW: &str = "\
Examples:
  habeas docket show abandon-zoo-able-zone-about-zero --provenance";
const CASE_CONFLICTS: &str = "\
Examples:
  habeas case conflicts abandon-zoo-able-zone-about-zero";
const CASE_RESOLVE: &str = "\
Examples:
  habeas case resolve abandon-zoo-able-zone-about-zero penalty.months --choose 48 --reason document
  habeas case resolve abandon-zoo-able-zone-about-zero penalty.months --choose none --reason slip";
const CASE_RETRACT: &str = "\
Examples:
  habeas case retract abandon-zoo-able-zone-about-zero capture_episode.date --reason error
  habeas case retract abandon-zoo-able-zone-about-zero entry1qpzry9x8g/0 --reason error";
const CASE_HISTORY: &str = "\
Examples:
  habeas case history abandon-zoo-able-zone-about-zero";
const DOCKET_CONFLICTS: &str = "\
Examples:
  habeas docket conflicts abandon-zoo-able-zone-about-zero";
const DOCKET_RESOLVE: &str = "\
Examples:
  habeas docket resolve abandon-zoo-able-zone-about-zero docket.body --choose none --reason slip";
const DOCKET_RETRACT: &str = "\
Examples:
  habeas docket retract abandon-zoo-able-zone-about-zero entry1qpzry9x8g/0 --reason error";
const DOCKET_HISTORY: &str = "\
Examples:
  habeas docket history abandon-zoo-able-zone-about-zero";

/// Case files: one person's path, kept in your organisation.
#[derive(Debug, clap::Args)]
pub(crate) struct CaseArgs {
    #[command(subcommand)]
    what: Case,
}

/// Dockets: what courts and the press made public, read by every member.
#[derive(Debug, clap::Args)]
pub(crate) struct DocketArgs {
    #[command(subcommand)]
    what: Docket,
}

#[derive(Debug, clap::Subcommand)]
enum Case {
    /// Begin a case file.
    #[command(before_help = CASE_NEW)]
    New(New),
    /// State facts about a case file.
    #[command(before_help = CASE_SET)]
    Set(Set),
    /// Read a case file.
    #[command(before_help = CASE_SHOW)]
    Show(Show),
    /// List the case files, the newest first.
    #[command(before_help = CASE_LIST)]
    List(List),
    /// See where claims about a case file differ, side by side.
    #[command(before_help = CASE_CONFLICTS)]
    Conflicts(dispute::Which),
    /// Settle what is disputed; the other values stay in sight.
    #[command(before_help = CASE_RESOLVE)]
    Resolve(dispute::Resolve),
    /// Take back what your organisation said.
    #[command(before_help = CASE_RETRACT)]
    Retract(dispute::Retract),
    /// See every claim ever made about a case file, and what became of it.
    #[command(before_help = CASE_HISTORY)]
    History(dispute::Which),
}

#[derive(Debug, clap::Subcommand)]
enum Docket {
    /// Begin a docket.
    #[command(before_help = DOCKET_NEW)]
    New(New),
    /// State facts about a docket.
    #[command(before_help = DOCKET_SET)]
    Set(Set),
    /// Read a docket.
    #[command(before_help = DOCKET_SHOW)]
    Show(Show),
    /// List the dockets, or those that answer a question, the newest first.
    #[command(before_help = precedents::EXAMPLES)]
    List(precedents::Args),
    /// See where claims about a docket differ, side by side.
    #[command(before_help = DOCKET_CONFLICTS)]
    Conflicts(dispute::Which),
    /// Settle what is disputed; the other values stay in sight.
    #[command(before_help = DOCKET_RESOLVE)]
    Resolve(dispute::Resolve),
    /// Take back what your organisation said.
    #[command(before_help = DOCKET_RETRACT)]
    Retract(dispute::Retract),
    /// See every claim ever made about a docket, and what became of it.
    #[command(before_help = DOCKET_HISTORY)]
    History(dispute::Which),
}

#[derive(Debug, clap::Args)]
struct New {
    /// First facts.
    #[arg(value_name = "FIELD=VALUE", value_parser = stated)]
    facts: Vec<Fact>,
    #[command(flatten)]
    basis: Basis,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// Its words, or its id.
    record: String,
    /// What is stated.
    #[arg(value_name = "FIELD=VALUE", value_parser = stated, required = true)]
    facts: Vec<Fact>,
    #[command(flatten)]
    basis: Basis,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its words, or its id.
    record: String,
    /// With who said what, when, from which source, beside every value.
    #[arg(long)]
    provenance: bool,
    /// With each value's field, as `set` and `resolve` take it.
    #[arg(long)]
    fields: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those at this stage.
    #[arg(long, value_name = "CODE")]
    stage: Option<String>,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    listing: Listing,
}

/// What the facts rest on; for all facts of the command.
#[derive(Debug, clap::Args)]
struct Basis {
    /// Which person, charge, episode …, if the record has several of the kind.
    #[arg(long, value_name = "ID")]
    entity: Option<EntityId>,
    /// The source in the record that they come from.
    #[arg(long, value_name = "ID")]
    source: Option<EntityId>,
    /// Reliability of the source and credibility of what it says, such as B2.
    #[arg(long)]
    grade: Option<String>,
}

pub(crate) async fn case(args: CaseArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.what {
        Case::New(new) => save(&Request::CaseNew { facts: new.basis.under(new.facts) }, "case", context).await,
        Case::Set(set) => save(&set.request(), "case", context).await,
        Case::Show(args) => show(args, context).await,
        Case::List(List { stage, part, listing }) => list(RecordKind::Case, stage, part, listing, context).await,
        Case::Conflicts(which) => dispute::conflicts(which, context).await,
        Case::Resolve(args) => dispute::resolve(args, "case", context).await,
        Case::Retract(args) => dispute::retract(args, "case", context).await,
        Case::History(which) => dispute::history(which, context).await,
    }
}

pub(crate) async fn docket(args: DocketArgs, context: &mut Context<'_>) -> Result<(), Failure> {
    match args.what {
        Docket::New(new) => save(&Request::DocketNew { facts: new.basis.under(new.facts) }, "docket", context).await,
        Docket::Set(set) => save(&set.request(), "docket", context).await,
        Docket::Show(args) => show(args, context).await,
        Docket::List(args) => precedents::run(args, context).await,
        Docket::Conflicts(which) => dispute::conflicts(which, context).await,
        Docket::Resolve(args) => dispute::resolve(args, "docket", context).await,
        Docket::Retract(args) => dispute::retract(args, "docket", context).await,
        Docket::History(which) => dispute::history(which, context).await,
    }
}

impl Set {
    fn request(self) -> Request {
        Request::Set { record: self.record, facts: self.basis.under(self.facts) }
    }
}

impl Basis {
    fn under(&self, facts: Vec<Fact>) -> Vec<Fact> {
        let Self { entity, source, grade } = self;
        facts.into_iter().map(|fact| Fact { entity: *entity, source: *source, grade: grade.clone(), ..fact }).collect()
    }
}

pub(super) async fn save(request: &Request, verb: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, request).await?;
    let Reply::Saved { record: id, pseudonym, entries, stated } = &reply else { return Err(unexpected(&reply)) };
    context.screen.reply(&reply, || {
        let saved = texts::saved(pseudonym, entries.len());
        if stated.is_empty() { saved } else { format!("{saved}\n{}", record::stated(stated)) }
    });
    if withdraws(request) {
        context.screen.note(&texts::sharing::withdrawn_everywhere());
    }
    let next = [(context.command(&format!("{verb} show {id}")), texts::next_show())];
    context.screen.note(&texts::next(&next));
    Ok(())
}

/// Whether the request withdraws a case file, which hides it from all its readers.
fn withdraws(request: &Request) -> bool {
    let Request::Set { facts, .. } = request else { return false };
    facts.iter().any(|fact| target::split(&fact.field).1 == "consent_record.withdrawn")
}

async fn show(args: Show, context: &mut Context<'_>) -> Result<(), Failure> {
    let reply = ask(context, &Request::Show { record: args.record }).await?;
    let Reply::Record(shown) = &reply else { return Err(unexpected(&reply)) };
    let book = Book::to_name(&shown.readers, context).await;
    let shown = Record { readers: book.called(&shown.readers), ..(**shown).clone() };
    let depth = Depth { provenance: args.provenance, fields: args.fields };
    context.screen.reply(&reply, || record::record(&shown, depth));
    Ok(())
}

pub(super) async fn list(
    kind: RecordKind,
    stage: Option<String>,
    part: Part,
    listing: Listing,
    context: &mut Context<'_>,
) -> Result<(), Failure> {
    let reply = pages::records(kind, stage.clone(), part, listing, context).await?;
    let Reply::Records { records, all, next, behind } = &reply else { return Err(unexpected(&reply)) };
    let book = Book::to_name(records.iter().flat_map(|record| &record.readers), context).await;
    let named = |record: &Summary| Summary { readers: book.called(&record.readers), ..record.clone() };
    let records: Vec<_> = records.iter().map(named).collect();
    let sheet = || sheet::records(kind, &records);
    context.screen.list(&reply, listing.format, sheet, || {
        record::records(kind, stage.as_deref(), &records, Extent { all: *all, behind: *behind }, now())
    });
    if let (Form::Table, Some(next)) = (listing.format, next) {
        let verb = match kind {
            RecordKind::Case => "case",
            RecordKind::Docket => "docket",
        };
        let stage = stage.map(|stage| format!(" --stage {stage}")).unwrap_or_default();
        let command = context.command(&format!("{verb} list{stage} --after {next}"));
        context.screen.note(&texts::next(&[(command, texts::next_part())]));
    }
    Ok(())
}

/// Reads a stated fact, `FIELD=VALUE`; for a field that does not exist the error suggests the nearest, before the node
/// is asked.
fn stated(text: &str) -> Result<Fact, Unfit> {
    let form = || Unfit(Failure::new(own::USAGE, typed::field_value_form()));
    let (field, value) = text.split_once('=').ok_or_else(form)?;
    dispute::field(&target::split(field).1)?;
    Ok(Fact { field: field.to_owned(), value: value.to_owned(), entity: None, source: None, grade: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_a_field_and_all_that_follows_the_first_equals_sign() {
        let fact = stated("docket_source.url=https://example.org/?a=b").expect("the field exists");
        assert_eq!((fact.field.as_str(), fact.value.as_str()), ("docket_source.url", "https://example.org/?a=b"));
        let empty = Fact { value: String::new(), ..stated("capture_episode.date=x").expect("the field exists") };
        assert_eq!(stated("capture_episode.date=").ok(), Some(empty));
    }

    #[test]
    fn a_mistyped_field_is_answered_with_the_nearest_one() {
        let error = stated("capture_epsode.date=2023").expect_err("there is no such field").to_string();
        assert!(error.contains("`capture_episode.date`"), "{error}");
        assert!(stated("capture_episode.date").expect_err("no value").to_string().contains("FIELD=VALUE"));
    }

    #[test]
    fn what_facts_rest_on_goes_with_each_of_them() {
        let basis =
            Basis { entity: Some(EntityId([1; 16])), source: Some(EntityId([2; 16])), grade: Some("B2".into()) };
        let facts =
            ["docket_penalty.months=1", "docket_penalty.regime=strict"].map(|text| stated(text).expect("a field"));
        for fact in basis.under(facts.to_vec()) {
            assert_eq!((fact.entity, fact.source), (basis.entity, basis.source));
            assert_eq!(fact.grade.as_deref(), Some("B2"));
        }
    }
}
