//! `habeas case|docket conflicts`, `resolve`, `retract`, `history`: shows where claims differ, resolves and retracts
//! them.

use protocol::{
    app::control::{self, At, Conflict, Past, Record, RecordKind, Reply, Request, codes},
    bytes::ids::{EntityId, OrgId},
    record::schema::{Policy, Schema},
};

use super::{Listing, ask, record::save};
use crate::{
    Context,
    daemon::unexpected,
    error::{Failure, Unfit, codes as own},
    render::{self, Form, dispute, dispute::Left, record::shown, sheet},
    texts::{self, typed},
};

/// The fates of a claim, as the node names them.
const STANDS: &str = "stands";
const SUPERSEDED: &str = "superseded";

/// The word for a resolution that chooses none of the values.
const NONE: &str = "none";

/// Which record.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// Its words, or its id.
    record: String,
    #[command(flatten)]
    listing: Listing,
}

/// Which conflict, and how it is settled.
#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    /// Its words, or its id.
    record: String,
    /// The disputed field.
    #[arg(value_parser = field)]
    field: String,
    /// The value to go by, as it is shown; `none`: none of them.
    #[arg(long, value_name = "VALUE")]
    choose: String,
    /// Why: a code such as document, first_hand or better_source. It is signed, so it is never a note.
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// Which person, charge, penalty …, if the field is disputed in several.
    #[arg(long, value_name = "ID")]
    entity: Option<EntityId>,
}

/// What is taken back.
#[derive(Debug, clap::Args)]
pub(super) struct Retract {
    /// Its words, or its id.
    record: String,
    /// The field; or, if several claims stand there, the entry and the place in it as `history` shows them: the beginning
    /// of the entry's id is enough.
    #[arg(value_name = "FIELD|ENTRY/INDEX", value_parser = target)]
    what: Target,
    /// Why: a code such as error, duplicate or safety. It is signed, so it is never a note.
    #[arg(long, value_name = "CODE")]
    reason: String,
}

/// The target of a retraction: the organisation's only claim on a field, or the claim or resolution at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Field(String),
    Place(String, u64),
}

pub(super) async fn conflicts(which: Which, context: &mut Context<'_>) -> Result<(), Failure> {
    let (record, reply) = beside(&which.record, Request::Conflicts { record: which.record.clone() }, context).await?;
    let Reply::Conflicts { of, conflicts } = &reply else { return Err(unexpected(&reply)) };
    let form = which.listing.format;
    context.screen.list(&reply, form, || sheet::conflicts(conflicts), || dispute::conflicts(&record, of, conflicts));
    let kind = verb(of.kind);
    if form == Form::Table && conflicts.iter().any(|conflict| !conflict.settled) {
        let mut open = conflicts.iter().filter(|conflict| !conflict.settled);
        let field = match (open.next(), open.next()) {
            (Some(only), None) => &only.field,
            _ => "FIELD",
        };
        let settle = format!("{kind} resolve {} {field} --choose VALUE --reason CODE", of.record);
        context.screen.note(&texts::next(&[(context.command(&settle), texts::dispute::next_resolve())]));
    }
    Ok(())
}

pub(super) async fn history(which: Which, context: &mut Context<'_>) -> Result<(), Failure> {
    let (record, reply) = beside(&which.record, Request::History { record: which.record.clone() }, context).await?;
    let Reply::History { of, claims } = &reply else { return Err(unexpected(&reply)) };
    let form = which.listing.format;
    context.screen.list(&reply, form, || sheet::history(claims), || dispute::history(&record, of, claims));
    Ok(())
}

/// Resolves exactly the claims that the node shows now: a claim that arrives before the resolution is written opens the
/// conflict again.
pub(super) async fn resolve(args: Resolve, verb: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    let Resolve { record, field, choose, reason, entity } = args;
    let reply = ask(context, &Request::Conflicts { record: record.clone() }).await?;
    let Reply::Conflicts { conflicts, .. } = &reply else { return Err(unexpected(&reply)) };
    let conflict = the_one(conflicts, &field, entity)?;
    let chosen = choice(conflict, &choose)?;
    let (entity, seen) = (conflict.entity, conflict.claims.iter().map(at).collect());
    save(&Request::Resolve { record, entity, field, chosen, seen, reason }, verb, context).await
}

pub(super) async fn retract(args: Retract, verb: &str, context: &mut Context<'_>) -> Result<(), Failure> {
    let Retract { record, what, reason } = args;
    let reply = ask(context, &Request::History { record: record.clone() }).await?;
    let Reply::History { of, claims } = &reply else { return Err(unexpected(&reply)) };
    let taken = match &what {
        Target::Field(field) => said_of(claims, field, us(context).await?)?,
        Target::Place(entry, index) => {
            let settled = ask(context, &Request::Conflicts { record: record.clone() }).await?;
            let Reply::Conflicts { conflicts, .. } = &settled else { return Err(unexpected(&settled)) };
            said_at(claims, conflicts, entry, *index)?
        }
    };
    save(&Request::Retract { record, at: taken, reason }, verb, context).await?;
    if let Some((past, left)) = left(claims, taken) {
        context.screen.note(&dispute::left(&past.claim.value, &past.field, &left));
        if let Left::Nothing(Some(before)) = left {
            let again = format!("{verb} set {} {}", of.record, stating(&past.field, &before.value));
            context.screen.note(&texts::next(&[(context.command(&again), texts::dispute::next_again())]));
        }
    }
    Ok(())
}

/// The id of this organisation.
async fn us(context: &mut Context<'_>) -> Result<Option<OrgId>, Failure> {
    match ask(context, &Request::Status).await? {
        Reply::Status(status) => Ok(status.organisation),
        other => Err(unexpected(&other)),
    }
}

/// The only claim on a field that still stands; if other organisations have claims too, the only one of this
/// organisation.
fn said_of(claims: &[Past], field: &str, us: Option<OrgId>) -> Result<At, Failure> {
    let stands: Vec<_> = claims.iter().filter(|past| past.field == field && past.fate == STANDS).collect();
    let ours: Vec<_> = stands.iter().copied().filter(|past| Some(past.claim.organisation) == us).collect();
    match (ours.as_slice(), stands.as_slice()) {
        ([one], _) | ([], [one]) => Ok(at(&one.claim)),
        ([], []) => Err(Failure::new(codes::NOTHING_THERE, texts::dispute::nothing_of(field))),
        (several, _) => {
            let several = if several.is_empty() { &stands } else { several };
            let line = |past: &&Past| {
                format!("{}/{}  {}", past.claim.entry, past.claim.index, shown(field, &past.claim.value))
            };
            let details = several.iter().map(line).collect();
            Err(Failure::new(codes::WHICH, texts::dispute::several_claims(field))
                .try_next(texts::dispute::which_claim())
                .with_details(details))
        }
    }
}

/// The claim or resolution at a place.
fn said_at(claims: &[Past], conflicts: &[Conflict], entry: &str, index: u64) -> Result<At, Failure> {
    let claims = claims.iter().map(|past| at(&past.claim));
    let resolutions = conflicts.iter().flat_map(|conflict| &conflict.resolutions).map(|resolution| resolution.at);
    let mut said: Vec<At> = claims.chain(resolutions).collect();
    said.retain(|at| at.index == index && at.entry.to_string().starts_with(entry));
    match said.as_slice() {
        [at] => Ok(*at),
        [] => Err(Failure::new(codes::NOTHING_THERE, texts::dispute::nothing_said())),
        several => {
            let details = several.iter().map(|at| format!("{}/{}", at.entry, at.index)).collect();
            Err(Failure::new(codes::WHICH, texts::dispute::several_entries())
                .try_next(texts::dispute::whole_id())
                .with_details(details))
        }
    }
}

/// The claims that a field is left with after a retraction. A value that the retracted claim had replaced does not
/// return by itself.
fn left(claims: &[Past], taken: At) -> Option<(&Past, Left<'_>)> {
    let past = claims.iter().find(|past| at(&past.claim) == taken)?;
    // In a field with the strict policy every claim in the record counts: a withdrawal hides the whole record.
    let strict = Schema::current().field(&past.field).is_some_and(|field| field.policy == Policy::Strict);
    let there = |other: &&Past| strict || other.entity == past.entity;
    let same = |other: &&Past| there(other) && other.field == past.field && at(&other.claim) != taken;
    let stands: Vec<_> =
        claims.iter().filter(same).filter(|other| other.fate == STANDS).map(|past| &past.claim).collect();
    if !stands.is_empty() {
        return Some((past, Left::Claims(stands)));
    }
    let ours = |other: &&Past| {
        other.claim.organisation == past.claim.organisation && other.claim.reported_by == past.claim.reported_by
    };
    let before = claims.iter().filter(same).filter(ours).find(|other| other.fate == SUPERSEDED);
    Some((past, Left::Nothing(before.map(|past| &past.claim))))
}

/// A fact as a person types it to state this value.
fn stating(field: &str, value: &serde_json::Value) -> String {
    let said = format!("{field}={}", render::record::raw(value));
    if said.chars().any(char::is_whitespace) { format!("\"{said}\"") } else { said }
}

/// Asks the node, and fetches the record beside it, from which people are shown the kinds of sources. Scripts see ids
/// and do not need the record.
async fn beside(
    record: &str,
    request: Request,
    context: &mut Context<'_>,
) -> Result<(Option<Box<Record>>, Reply), Failure> {
    let reply = ask(context, &request).await?;
    if context.screen.is_json() {
        return Ok((None, reply));
    }
    match ask(context, &Request::Show { record: record.to_owned() }).await? {
        Reply::Record(record) => Ok((Some(record), reply)),
        other => Err(unexpected(&other)),
    }
}

/// Finds the conflict about a field; refuses if there is none, or several.
fn the_one<'a>(conflicts: &'a [Conflict], field: &str, entity: Option<EntityId>) -> Result<&'a Conflict, Failure> {
    let is_it = |conflict: &&Conflict| conflict.field == field && entity.is_none_or(|entity| conflict.entity == entity);
    let found: Vec<_> = conflicts.iter().filter(is_it).collect();
    let open: Vec<_> = found.iter().copied().filter(|conflict| !conflict.settled).collect();
    match (open.as_slice(), found.as_slice()) {
        ([one], _) | ([], [one]) => Ok(one),
        ([], []) => Err(Failure::new(codes::NOT_DISPUTED, texts::dispute::not_disputed(field))),
        _ => {
            let line = |conflict: &&Conflict| format!("{}  {}", conflict.entity, dispute::values(conflict).join(" ≠ "));
            let details = found.iter().map(line).collect();
            Err(Failure::new(codes::WHICH, texts::dispute::several_places(field)).with_details(details))
        }
    }
}

/// The claim with the chosen value, given as people read it or as it is stored; none if no value is chosen.
fn choice(conflict: &Conflict, choose: &str) -> Result<Option<At>, Failure> {
    if choose == NONE {
        return Ok(None);
    }
    let says = |claim: &&control::Claim| {
        shown(&conflict.field, &claim.value) == choose || render::record::raw(&claim.value) == choose
    };
    conflict.claims.iter().find(says).map(|claim| Some(at(claim))).ok_or_else(|| {
        let failure = Failure::new(codes::BAD_VALUE, texts::dispute::not_said(&conflict.field));
        failure.try_next(texts::dispute::choose_one()).with_details(dispute::values(conflict))
    })
}

const fn at(claim: &control::Claim) -> At {
    At { entry: claim.entry, index: claim.index }
}

const fn verb(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Case => "case",
        RecordKind::Docket => "docket",
    }
}

/// Reads a field that exists; for a mistyped name the error suggests the nearest field, before the node is asked.
pub(super) fn field(name: &str) -> Result<String, Unfit> {
    let schema = Schema::current();
    if schema.field(name).is_some() {
        return Ok(name.to_owned());
    }
    let entity =
        |name: &str| name.split_once('.').and_then(|(entity, _)| schema.entity(entity)).map(|found| &*found.name);
    let nearest = schema.nearest_field(name);
    let message = nearest.map_or_else(|| typed::no_such_field(name), |nearest| typed::no_such_field_but(name, nearest));
    let failure = Failure::new(codes::NO_FIELD, message);
    Err(Unfit(match entity(name).or_else(|| entity(nearest?)) {
        Some(entity) => failure.try_next(typed::next_fields(entity)),
        None => failure,
    }))
}

/// Reads a target: a field, or `entry1qpzry9x8g…/0`, with or without the ellipsis that marks a shortened id.
fn target(text: &str) -> Result<Target, Unfit> {
    let form = |form: String| Unfit(Failure::new(own::USAGE, form));
    if !text.contains('/') {
        return if text.starts_with("entry1") {
            Err(form(texts::dispute::entry_form()))
        } else {
            field(text).map(Target::Field)
        };
    }
    let (entry, index) = text.rsplit_once('/').ok_or_else(|| form(texts::dispute::entry_form()))?;
    let index = index.parse().map_err(|_| form(texts::dispute::index_form()))?;
    Ok(Target::Place(entry.trim_end_matches(['…', '.']).to_owned(), index))
}

#[cfg(test)]
mod tests {
    use protocol::bytes::ids::{EntryId, OrgId};
    use serde_json::json;

    use super::*;

    fn conflict(entity: u8, values: &[serde_json::Value]) -> Conflict {
        let claim = |(index, value): (u64, &serde_json::Value)| control::Claim {
            value: value.clone(),
            organisation: OrgId([1; 32]),
            call_sign: None,
            petname: None,
            reported_by: None,
            at: 0,
            grade: None,
            sources: vec![],
            entry: EntryId([entity; 32]),
            index,
            chosen: false,
        };
        Conflict {
            entity: EntityId([entity; 16]),
            field: "penalty.type".into(),
            settled: false,
            claims: (0..).zip(values).map(claim).collect(),
            resolutions: vec![],
        }
    }

    #[test]
    fn a_value_is_chosen_as_it_is_shown_or_as_it_is_stored() {
        let conflict = conflict(1, &[json!("imprisonment"), json!("suspended"), json!(7)]);
        let check = |choose: &str, expected: Option<u64>| {
            assert_eq!(choice(&conflict, choose).expect("it is said").map(|at| at.index), expected, "{choose}");
        };
        check("imprisonment", Some(0));
        check(&shown("penalty.type", &json!("suspended")), Some(1));
        check("7", Some(2));
        check("none", None);
        let failure = choice(&conflict, "life").expect_err("nobody says so");
        assert_eq!((failure.problem.code.as_str(), failure.problem.details.len()), (codes::BAD_VALUE, 3));
    }

    #[test]
    fn a_field_disputed_in_several_places_needs_one_of_them_named() {
        let both = [conflict(1, &[json!(1)]), conflict(2, &[json!(2)])];
        let check = |conflicts: &[Conflict], entity: Option<u8>, expected: Result<u8, &str>| {
            let found = the_one(conflicts, "penalty.type", entity.map(|byte| EntityId([byte; 16])));
            let found = found.map(|conflict| conflict.entity.0[0]).map_err(|failure| failure.problem.code);
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(&both, None, Err(codes::WHICH));
        check(&both, Some(2), Ok(2));
        check(&both, Some(3), Err(codes::NOT_DISPUTED));
        check(&both[..1], None, Ok(1));
        check(&[], None, Err(codes::NOT_DISPUTED));
        let settled = Conflict { settled: true, ..both[0].clone() };
        check(&[settled.clone(), both[1].clone()], None, Ok(2));
        check(&[settled], None, Ok(1));
    }

    fn past(field: &str, value: &str, organisation: u8, fate: &str, index: u64) -> Past {
        let claim = conflict(1, &[json!(value)]).claims.remove(0);
        let organisation = OrgId([organisation; 32]);
        let claim = control::Claim { organisation, index, ..claim };
        Past { entity: EntityId([1; 16]), field: field.to_owned(), claim, fate: fate.to_owned(), retractions: vec![] }
    }

    #[test]
    fn a_field_is_taken_back_where_one_claim_is_meant() {
        let check = |claims: &[Past], expected: Result<u64, &str>| {
            let found = said_of(claims, "penalty.months", Some(OrgId([1; 32])));
            assert_eq!(
                found.map(|at| at.index).map_err(|failure| failure.problem.code),
                expected.map_err(str::to_owned)
            );
        };
        let said = |organisation, fate, index| past("penalty.months", "48", organisation, fate, index);
        check(&[said(1, STANDS, 3), said(1, SUPERSEDED, 2)], Ok(3));
        check(&[said(1, STANDS, 3), said(2, STANDS, 4)], Ok(3));
        check(&[said(2, STANDS, 4)], Ok(4));
        check(&[said(1, STANDS, 3), said(1, STANDS, 5)], Err(codes::WHICH));
        check(&[said(1, SUPERSEDED, 2), past("penalty.type", "fine", 1, STANDS, 1)], Err(codes::NOTHING_THERE));
    }

    /// A retraction reports what the field says now. A caseworker retracted a claim by mistake and found the field
    /// empty: the value before it had been replaced for good.
    #[test]
    fn after_a_retraction_it_is_said_what_stands_and_what_stood_before() {
        let newest = past("penalty.months", "84", 1, STANDS, 3);
        let taken = at(&newest.claim);
        let before = past("penalty.months", "48", 1, SUPERSEDED, 2);
        let theirs = past("penalty.months", "60", 2, STANDS, 7);
        let claims = [newest.clone(), before.clone()];
        let Some((_, Left::Nothing(Some(found)))) = left(&claims, taken) else { panic!("48 stood before") };
        assert_eq!(found.value, json!("48"));
        let claims = [newest.clone(), theirs, before];
        let Some((_, Left::Claims(stands))) = left(&claims, taken) else { panic!("60 stands") };
        assert_eq!(stands.iter().map(|claim| claim.index).collect::<Vec<_>>(), [7]);
        assert!(matches!(left(&[newest], taken), Some((_, Left::Nothing(None)))));
    }

    #[test]
    fn what_is_taken_back_is_a_field_or_a_place_in_an_entry() {
        let place = |entry: &str, index| Some(Target::Place(entry.to_owned(), index));
        assert_eq!(target("entry1qpzry9x8g…/12").ok(), place("entry1qpzry9x8g", 12));
        assert_eq!(target("entry1qp/0").ok(), place("entry1qp", 0));
        assert!(target("entry1qp").is_err() && target("entry1qp/x").is_err());
        assert_eq!(target("penalty.months").ok(), Some(Target::Field("penalty.months".to_owned())));
        assert!(target("penalty.month").is_err());
        let Unfit(failure) = field("penalty.monhts").expect_err("mistyped");
        assert!(failure.is(codes::NO_FIELD) && failure.problem.message.contains("`penalty.months`"), "{failure:?}");
        assert!(failure.problem.next.contains("`habeas help fields penalty`"), "{failure:?}");
        let Unfit(failure) = field("zzzzzz").expect_err("nothing like it");
        assert!(failure.problem.next.contains("`habeas help fields`"), "{failure:?}");
    }
}
