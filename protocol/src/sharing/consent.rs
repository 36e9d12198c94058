//! Consent: what a person allows, by purpose and reader, derived from the consent records of a case file.
//!
//! The verdict of one record on one purpose and reader is *silent*, *granted* or *denied*; of all records in force the
//! greatest counts, and silent is refused. So the order of records does not matter, and a further denial never permits
//! more.
//!
//! 1. A record is in force unless another replaces it. A record by a proxy does not replace one by the person or his
//!    counsel.
//! 2. A level grants the purposes of its preset and denies those of all higher ones. Grants add and limit: an answer
//!    that is not plainly *granted*, or a permission that is not plainly *true*, denies. A grant that names
//!    organisations or countries covers only these; a denial covers every reader that it may mean.
//! 3. A grant lapses when it has expired, when its giver was not free to speak or may have been under age, and, of a
//!    proxy, beyond C4 or three days after contact is restored. A lapsed grant no longer grants and still denies: time
//!    only restricts.
//! 4. A grant counts only if its giver and the date of asking are recorded: without these nobody can answer for it.
//! 5. A withdrawal overrides everything: newer records, concurrent edits, dates. Only its organisation can retract it.

mod current;

use std::collections::BTreeSet;

use jiff::{ToSpan, civil};

use self::current::{dates, is_plainly, refs};
pub(crate) use self::current::{is_set, of_kind, texts, values};
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{
        date::Date,
        schema::{Schema, Value},
        section::view::View,
    },
};

/// Purpose: show to named organisations.
pub const SHARE_NAMED: &str = "share_named";
/// Purpose: show coarse facts to all members.
pub const SHARE_ALL: &str = "share_all";

/// The highest level that a proxy may allow for a person who cannot be asked.
const PROXY_LEVEL: &str = "C4";
/// The highest level; its preset has every purpose that a level can grant or deny.
const HIGHEST_LEVEL: &str = "C6";
/// Days for which a proxy's consent stays valid after contact is restored.
const PROXY_DAYS: i64 = 3;
/// Age in years from which a person's own consent suffices.
const ADULT_YEARS: i16 = 18;

/// The reader that consent is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader<'a> {
    /// An organisation, in this country if it is known (ISO 3166-1 alpha-2).
    Organisation(&'a OrgId, Option<&'a str>),
    /// No particular reader: all members, or a purpose that names no reader, such as statistics.
    Anyone,
}

/// Reasons why a purpose is refused to a reader, the weakest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// No record grants it.
    Absent,
    /// The grant is for other organisations or countries.
    OtherReaders,
    /// The giver or the date of asking is not recorded.
    Incomplete,
    /// The grant has expired.
    Expired,
    /// The grant is a proxy's, and the person can be asked again.
    ProxyEnded,
    /// The grant is a proxy's, or an unknown giver's, beyond what a proxy may allow.
    BeyondProxy,
    /// The giver could not speak freely.
    NotFree,
    /// The person gave it and may have been under eighteen.
    UnderAge,
    /// The consent level does not include it.
    Level(String),
    /// The purpose was denied, or not plainly granted.
    Denied,
    /// Consent was withdrawn.
    Withdrawn,
}

/// Consent in a case file, derived from its consent records.
#[derive(Clone, Debug)]
pub struct Consent {
    in_force: Vec<Record>,
    /// Denials outside the records in force.
    standalone: Vec<Grant>,
    withdrawn: bool,
    contact_restored: BTreeSet<Option<civil::Date>>,
    born: Vec<Date>,
}

#[derive(Clone, Debug)]
struct Record {
    giver: Giver,
    /// Whether the giver is recorded, and a date of asking that can be parsed.
    complete: bool,
    levels: Vec<String>,
    grants: Vec<Grant>,
    asked: Vec<Date>,
    /// Expiry dates; `None` for one that cannot be parsed.
    expires: Vec<Option<Date>>,
    review: Vec<Date>,
    free: bool,
    conditions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Giver {
    /// The person, directly or through counsel.
    Person,
    Representative,
    /// A person other than counsel or legal representative, or an unknown giver.
    Proxy,
    /// No giver: nobody was asked.
    Nobody,
}

/// A grant: one line of a record about a purpose.
#[derive(Clone, Debug)]
struct Grant {
    purposes: BTreeSet<String>,
    /// Whether the line grants; otherwise it denies.
    grants: bool,
    /// Whether any claim says that it grants: then it limits, even if a denial has overruled it since.
    limits: bool,
    withdrawn: bool,
    organisations: BTreeSet<Value>,
    countries: BTreeSet<String>,
    /// Whether the line names an international body instead of an organisation.
    to_body: bool,
}

/// The verdict of one record on a purpose and a reader.
enum Verdict {
    Silent(BTreeSet<Refusal>),
    Granted,
    Denied(BTreeSet<Refusal>),
}

impl Consent {
    /// Reads the consent records of a case file.
    #[must_use]
    pub fn of(view: &View) -> Self {
        let grants: Vec<(BTreeSet<EntityId>, Grant)> = of_kind(view, "consent_grant")
            .into_iter()
            .map(|grant| (refs(view, &grant, "consent_grant.parent"), Grant::of(view, &grant)))
            .collect();
        let mut records = of_kind(view, "consent_record");
        records.extend(grants.iter().flat_map(|(parents, _)| parents));
        let replaced: BTreeSet<EntityId> = records.iter().flat_map(|record| replaced_by(view, record)).collect();
        let in_force: BTreeSet<&EntityId> = records.difference(&replaced).collect();
        let withdrawn = |record: &EntityId| {
            let lines = grants.iter().filter(|(parents, _)| parents.contains(record));
            is_withdrawn(view, record, lines.into_iter().any(|(_, grant)| grant.withdrawn))
        };
        let of_record = |record: &EntityId| {
            let lines = grants.iter().filter(|(parents, _)| parents.len() == 1 && parents.contains(record));
            Record::of(view, record, lines.map(|(_, grant)| grant.clone()).collect())
        };
        // A withdrawal stays in force whichever record replaces its own; a denial without a record denies.
        let is_standalone = |(parents, grant): &&(BTreeSet<EntityId>, Grant)| {
            grant.withdrawn || !grant.grants && (parents.is_empty() || parents.iter().any(|at| in_force.contains(at)))
        };
        Self {
            withdrawn: records.iter().any(withdrawn),
            standalone: grants.iter().filter(is_standalone).map(|(_, grant)| grant.clone()).collect(),
            in_force: in_force.into_iter().map(of_record).collect(),
            contact_restored: contact_restored(view),
            born: of_kind(view, "person").iter().flat_map(|person| dates(view, person, "person.birth")).collect(),
        }
    }

    /// The reasons why `purpose` is refused to `reader` on the day `as_of`; it is permitted exactly if there are none.
    #[must_use]
    pub fn refusals(&self, purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> BTreeSet<Refusal> {
        if self.withdrawn {
            return BTreeSet::from([Refusal::Withdrawn]);
        }
        let (mut granted, mut silent, mut denied) = (false, BTreeSet::new(), BTreeSet::new());
        denied.extend(self.standalone.iter().filter_map(|grant| grant.denial(purpose, reader)));
        for record in &self.in_force {
            match self.verdict(record, purpose, reader, as_of) {
                Verdict::Granted => granted = true,
                Verdict::Silent(why) => silent.extend(why),
                Verdict::Denied(why) => denied.extend(why),
            }
        }
        match (denied.is_empty(), granted) {
            (false, _) => denied,
            (true, true) => BTreeSet::new(),
            (true, false) if silent.is_empty() => BTreeSet::from([Refusal::Absent]),
            (true, false) => silent,
        }
    }

    /// Whether `purpose` is permitted to `reader` on the day `as_of`.
    #[must_use]
    pub fn permits(&self, purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> bool {
        self.refusals(purpose, reader, as_of).is_empty()
    }

    /// Whether consent was withdrawn as a whole.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Whether a record in force was to be reviewed before the day `as_of`. The record still counts; a person should
    /// ask.
    #[must_use]
    pub fn review_due(&self, as_of: civil::Date) -> bool {
        self.in_force.iter().flat_map(|record| &record.review).any(|date| date.latest().is_some_and(|day| day < as_of))
    }

    /// Number of conditions in words ("not before the verdict"), which a person must read before sharing.
    #[must_use]
    pub fn conditions(&self) -> usize {
        self.in_force.iter().map(|record| record.conditions).sum()
    }

    fn verdict(&self, record: &Record, purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> Verdict {
        let mut denied: BTreeSet<Refusal> =
            record.grants.iter().filter_map(|grant| grant.denial(purpose, reader)).collect();
        let spoken_of = in_preset(HIGHEST_LEVEL, purpose);
        let below = record.levels.iter().filter(|level| spoken_of && !in_preset(level, purpose));
        denied.extend(below.cloned().map(Refusal::Level));
        if !denied.is_empty() {
            return Verdict::Denied(denied);
        }
        let lines = || record.grants.iter().filter(|grant| grant.purposes.contains(purpose));
        let grants = || lines().filter(|grant| grant.grants);
        let by_level = record.levels.iter().any(|level| in_preset(level, purpose));
        let limited = lines().any(|grant| grant.limits && grant.is_limited());
        let covered = !limited || grants().any(|grant| grant.is_limited() && grant.covers(reader));
        match () {
            () if !by_level && grants().next().is_none() => Verdict::Silent(BTreeSet::new()),
            () if !covered => Verdict::Silent(BTreeSet::from([Refusal::OtherReaders])),
            () => {
                let lapsed = self.lapsed(record, purpose, as_of);
                if lapsed.is_empty() { Verdict::Granted } else { Verdict::Silent(lapsed) }
            }
        }
    }

    /// The reasons why a grant of this record does not count, or no longer does.
    fn lapsed(&self, record: &Record, purpose: &str, as_of: civil::Date) -> BTreeSet<Refusal> {
        let proxy = record.complete && record.giver == Giver::Proxy;
        let asked = record.asked.iter().filter_map(Date::earliest).min();
        let restored = |day: &Option<civil::Date>| {
            // Contact was restored before the proxy was asked: it was lost again.
            let before = day.zip(asked).is_some_and(|(restored, asked)| restored < asked);
            !before && day.is_none_or(|day| later(day, PROXY_DAYS.days()) < as_of)
        };
        let child = |born: &Date| {
            let grown = born.latest().map(|born| later(born, ADULT_YEARS.years()));
            grown.zip(asked).is_some_and(|(grown, asked)| asked < grown)
        };
        let expired = |date: &Option<Date>| date.and_then(|date| date.earliest()).is_none_or(|last| last < as_of);
        [
            (record.giver == Giver::Nobody, Refusal::Absent),
            (!record.complete, Refusal::Incomplete),
            (record.expires.iter().any(expired), Refusal::Expired),
            (proxy && !in_preset(PROXY_LEVEL, purpose), Refusal::BeyondProxy),
            (proxy && self.contact_restored.iter().any(restored), Refusal::ProxyEnded),
            (!record.free, Refusal::NotFree),
            (record.giver == Giver::Person && self.born.iter().any(child), Refusal::UnderAge),
        ]
        .into_iter()
        .filter_map(|(holds, why)| holds.then_some(why))
        .collect()
    }
}

impl Record {
    fn of(view: &View, record: &EntityId, grants: Vec<Grant>) -> Self {
        let asked = dates(view, record, "consent_record.asked_on");
        Self {
            giver: giver(view, record),
            complete: !asked.is_empty() && !texts(view, record, "consent_record.giver").is_empty(),
            levels: texts(view, record, "consent_record.level"),
            grants,
            asked,
            expires: texts(view, record, "consent_record.expires_on").iter().map(|text| text.parse().ok()).collect(),
            review: dates(view, record, "consent_record.review_on"),
            free: is_plainly(view, record, "consent_record.free_to_speak", &Value::Bool(true)) != Some(false),
            conditions: values(view, record, "consent_record.condition").len(),
        }
    }
}

impl Grant {
    fn of(view: &View, grant: &EntityId) -> Self {
        let answer = is_plainly(view, grant, "consent_grant.answer", &"granted".into());
        let permitted = is_plainly(view, grant, "consent_grant.permitted", &Value::Bool(true));
        let says = |field: &str, value: &Value| {
            let claims = view.cell(grant, field).map(|cell| &*cell.claims).unwrap_or_default();
            claims.iter().any(|claim| claim.value == *value)
        };
        Self {
            limits: says("consent_grant.answer", &"granted".into())
                || says("consent_grant.permitted", &Value::Bool(true)),
            purposes: texts(view, grant, "consent_grant.purpose").into_iter().collect(),
            grants: matches!((answer, permitted), (Some(true), None | Some(true)) | (None, Some(true))),
            withdrawn: !values(view, grant, "consent_grant.withdrawn_on").is_empty(),
            organisations: values(view, grant, "consent_grant.audience_org").into_iter().cloned().collect(),
            countries: texts(view, grant, "consent_grant.audience_country").into_iter().collect(),
            to_body: !values(view, grant, "consent_grant.audience_body").is_empty(),
        }
    }

    fn is_limited(&self) -> bool {
        self.to_body || !self.organisations.is_empty() || !self.countries.is_empty()
    }

    /// Whether the line is limited to this reader.
    fn covers(&self, reader: Reader<'_>) -> bool {
        let Reader::Organisation(org, country) = reader else { return !self.is_limited() };
        !self.to_body
            && self.organisations.iter().all(|named| *named == Value::Org(*org))
            && self.countries.iter().all(|named| Some(&**named) == country)
    }

    /// The denial of a purpose, if the line is one and may mean this reader: a name that is not an id may be anyone's.
    fn denial(&self, purpose: &str, reader: Reader<'_>) -> Option<Refusal> {
        if self.grants && !self.withdrawn || !(self.purposes.is_empty() || self.purposes.contains(purpose)) {
            return None;
        }
        let meant = match reader {
            Reader::Anyone => true,
            Reader::Organisation(org, country) => {
                let is_org = |named: &Value| !matches!(named, Value::Org(other) if other != org);
                let is_country = |named: &String| country.is_none_or(|country| country == named);
                let nobody = self.organisations.is_empty() && self.countries.is_empty() && self.to_body;
                !nobody
                    && (self.organisations.is_empty() || self.organisations.iter().any(is_org))
                    && (self.countries.is_empty() || self.countries.iter().any(is_country))
            }
        };
        meant.then_some(if self.withdrawn { Refusal::Withdrawn } else { Refusal::Denied })
    }
}

/// The giver of a record; the most cautious reading if claims differ.
fn giver(view: &View, record: &EntityId) -> Giver {
    let givers = texts(view, record, "consent_record.giver");
    let of = |giver: &String| match &**giver {
        "none_public_source" => Giver::Nobody,
        "subject" | "subject_via_lawyer" => Giver::Person,
        "legal_rep" => Giver::Representative,
        _ => Giver::Proxy,
    };
    let givers: Vec<_> = givers.iter().map(of).collect();
    let caution = [Giver::Nobody, Giver::Proxy, Giver::Person, Giver::Representative];
    caution.into_iter().find(|giver| givers.contains(giver)).unwrap_or(Giver::Proxy)
}

fn replaced_by(view: &View, record: &EntityId) -> BTreeSet<EntityId> {
    let mut replaced = refs(view, record, "consent_record.supersedes");
    let weak = |record: &EntityId| matches!(giver(view, record), Giver::Proxy | Giver::Nobody);
    replaced.retain(|other| !weak(record) || weak(other));
    replaced
}

/// Whether the record is withdrawn as a whole, and not only some lines by its scope.
fn is_withdrawn(view: &View, record: &EntityId, lines_tell: bool) -> bool {
    let scope = texts(view, record, "consent_record.withdrawal_scope");
    let partly = !scope.is_empty() && scope.iter().all(|scope| matches!(&**scope, "audience" | "purpose"));
    is_set(view, record, "consent_record.withdrawn") && !(partly && lines_tell)
}

/// The days on which contact was restored; `None` for an unknown day.
fn contact_restored(view: &View) -> BTreeSet<Option<civil::Date>> {
    let is_it =
        |event: &EntityId| texts(view, event, "procedural_event.type").iter().any(|code| code == "contact.restored");
    let mut restored = BTreeSet::new();
    for event in of_kind(view, "procedural_event").iter().filter(|event| is_it(event)) {
        let days = dates(view, event, "procedural_event.date");
        restored.extend(if days.is_empty() { vec![None] } else { days.iter().map(Date::earliest).collect() });
    }
    restored
}

fn in_preset(level: &str, purpose: &str) -> bool {
    Schema::current().rules().consent_presets.get(level).is_some_and(|preset| preset.contains(purpose))
}

/// The day `span` after `day`, saturating at the end of the calendar.
fn later(day: civil::Date, span: jiff::Span) -> civil::Date {
    day.checked_add(span).unwrap_or(civil::Date::MAX)
}

#[cfg(test)]
mod tests;
