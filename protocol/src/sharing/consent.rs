//! Consent: what a person allows, purpose by purpose and reader by reader, as the records of a case file amount to.
//!
//! What a record says of one purpose to one reader is *silent*, *granted* or *denied*; of all records in force the
//! greatest counts, and silent is refused. So the order of records does not matter, and a denial more opens nothing.
//!
//! 1. A record is in force unless another replaces it. A proxy does not replace the word of the person or his counsel.
//! 2. A level grants the purposes of its preset and denies those of all higher ones. Grants add and limit: an answer
//!    that is not plainly *granted*, or a permission that is not plainly *true*, denies. A grant that names
//!    organisations or countries covers these alone; a denial covers whoever it may mean.
//! 3. A grant lapses when it has expired, when its giver was not free to speak or may have been under age, and, of a
//!    proxy, beyond C4 or three days after contact is restored. What has lapsed no longer grants and still denies: time
//!    only closes.
//! 4. A grant counts only if it is recorded who gave it and when he was asked: without these nobody can answer for it.
//! 5. A withdrawal beats everything: newer records, edits it did not know, dates. Only its organisation can take it back.

mod said;

use std::collections::BTreeSet;

use jiff::{ToSpan, civil};

use self::said::{dates, is_plainly, refs};
pub(crate) use self::said::{is_set, of_kind, texts, values};
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

/// The most that somebody may allow for a person who cannot be asked.
const PROXY_LEVEL: &str = "C4";
/// The preset of presets: what any level can speak of.
const HIGHEST_LEVEL: &str = "C6";
/// Days a proxy's consent outlives the silence it stood in for.
const PROXY_DAYS: i64 = 3;
/// Years until a person's own word is enough.
const ADULT_YEARS: i16 = 18;

/// Who would read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader<'a> {
    /// One organisation, in this country if it is known (ISO 3166-1 alpha-2).
    Organisation(&'a OrgId, Option<&'a str>),
    /// No one in particular: all members, or a purpose that names no reader, such as statistics.
    Anyone,
}

/// Why a purpose is refused to a reader; the least come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Nobody granted it.
    Absent,
    /// It was granted to other organisations, or for other countries.
    OtherReaders,
    /// It is not recorded who granted it, or when he was asked.
    Incomplete,
    /// The grant has expired.
    Expired,
    /// A proxy's grant, and the person can be asked again.
    ProxyEnded,
    /// A proxy's grant, or a grant of nobody knows whom, beyond what a proxy may allow.
    BeyondProxy,
    /// The giver could not speak freely.
    NotFree,
    /// The person gave it and may have been under eighteen.
    UnderAge,
    /// The consent level does not include it.
    Level(String),
    /// It was denied, or not plainly granted.
    Denied,
    /// Consent was withdrawn.
    Withdrawn,
}

/// What the records of a case file amount to.
#[derive(Clone, Debug)]
pub struct Consent {
    in_force: Vec<Record>,
    /// Denials that stand outside the records in force.
    loose: Vec<Grant>,
    withdrawn: bool,
    contact_restored: BTreeSet<Option<civil::Date>>,
    born: Vec<Date>,
}

#[derive(Clone, Debug)]
struct Record {
    giver: Giver,
    /// Whether it says who gave it, and on a day that can be read.
    complete: bool,
    levels: Vec<String>,
    grants: Vec<Grant>,
    asked: Vec<Date>,
    /// None: a date nobody here can read.
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
    /// Or nobody knows who.
    Proxy,
    /// Nobody was asked.
    Nobody,
}

/// One line of a record: what is said of a purpose.
#[derive(Clone, Debug)]
struct Grant {
    purposes: BTreeSet<String>,
    /// Whether it grants; otherwise it denies.
    grants: bool,
    /// Whether somebody says that it grants: then it limits, even if a denial has overruled it since.
    limits: bool,
    withdrawn: bool,
    organisations: BTreeSet<Value>,
    countries: BTreeSet<String>,
    /// It speaks of an international body, not of an organisation.
    to_body: bool,
}

/// What one record says of a purpose to a reader.
enum Word {
    Silent(BTreeSet<Refusal>),
    Granted,
    Denied(BTreeSet<Refusal>),
}

impl Consent {
    /// Reads the records of a case file.
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
        // What is withdrawn stays so whichever record takes the place of its own; a denial without a record denies.
        let is_loose = |(parents, grant): &&(BTreeSet<EntityId>, Grant)| {
            grant.withdrawn || !grant.grants && (parents.is_empty() || parents.iter().any(|at| in_force.contains(at)))
        };
        Self {
            withdrawn: records.iter().any(withdrawn),
            loose: grants.iter().filter(is_loose).map(|(_, grant)| grant.clone()).collect(),
            in_force: in_force.into_iter().map(of_record).collect(),
            contact_restored: contact_restored(view),
            born: of_kind(view, "person").iter().flat_map(|person| dates(view, person, "person.birth")).collect(),
        }
    }

    /// Why `purpose` is refused to `reader` on the day `as_of`; it is permitted exactly if nothing is returned.
    #[must_use]
    pub fn refusals(&self, purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> BTreeSet<Refusal> {
        if self.withdrawn {
            return BTreeSet::from([Refusal::Withdrawn]);
        }
        let (mut granted, mut silent, mut denied) = (false, BTreeSet::new(), BTreeSet::new());
        denied.extend(self.loose.iter().filter_map(|grant| grant.denial(purpose, reader)));
        for record in &self.in_force {
            match self.word(record, purpose, reader, as_of) {
                Word::Granted => granted = true,
                Word::Silent(why) => silent.extend(why),
                Word::Denied(why) => denied.extend(why),
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

    /// Whether somebody withdrew consent as a whole.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Whether a record in force was to be reviewed before the day `as_of`. It goes on counting; a person should ask.
    #[must_use]
    pub fn review_due(&self, as_of: civil::Date) -> bool {
        self.in_force.iter().flat_map(|record| &record.review).any(|date| date.latest().is_some_and(|day| day < as_of))
    }

    /// Conditions in words ("not before the verdict") that no program can weigh: a person reads them before sharing.
    #[must_use]
    pub fn conditions(&self) -> usize {
        self.in_force.iter().map(|record| record.conditions).sum()
    }

    fn word(&self, record: &Record, purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> Word {
        let mut denied: BTreeSet<Refusal> =
            record.grants.iter().filter_map(|grant| grant.denial(purpose, reader)).collect();
        let spoken_of = in_preset(HIGHEST_LEVEL, purpose);
        let below = record.levels.iter().filter(|level| spoken_of && !in_preset(level, purpose));
        denied.extend(below.cloned().map(Refusal::Level));
        if !denied.is_empty() {
            return Word::Denied(denied);
        }
        let lines = || record.grants.iter().filter(|grant| grant.purposes.contains(purpose));
        let grants = || lines().filter(|grant| grant.grants);
        let by_level = record.levels.iter().any(|level| in_preset(level, purpose));
        let limited = lines().any(|grant| grant.limits && grant.is_limited());
        let covered = !limited || grants().any(|grant| grant.is_limited() && grant.covers(reader));
        match () {
            () if !by_level && grants().next().is_none() => Word::Silent(BTreeSet::new()),
            () if !covered => Word::Silent(BTreeSet::from([Refusal::OtherReaders])),
            () => {
                let lapsed = self.lapsed(record, purpose, as_of);
                if lapsed.is_empty() { Word::Granted } else { Word::Silent(lapsed) }
            }
        }
    }

    /// Why a grant of this record no longer counts, or never did.
    fn lapsed(&self, record: &Record, purpose: &str, as_of: civil::Date) -> BTreeSet<Refusal> {
        let proxy = record.complete && record.giver == Giver::Proxy;
        let asked = record.asked.iter().filter_map(Date::earliest).min();
        let restored = |day: &Option<civil::Date>| {
            // Restored before the proxy was asked: contact was lost again.
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

    /// Whether all it names is this reader.
    fn covers(&self, reader: Reader<'_>) -> bool {
        let Reader::Organisation(org, country) = reader else { return !self.is_limited() };
        !self.to_body
            && self.organisations.iter().all(|named| *named == Value::Org(*org))
            && self.countries.iter().all(|named| Some(&**named) == country)
    }

    /// The denial of a purpose, if it is one and may mean this reader: a name that is not an id may be anyone's.
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

/// Who gave it; the most cautious reading where that is disputed.
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

/// Withdrawn as a whole, unless the scope says that its lines tell what is.
fn is_withdrawn(view: &View, record: &EntityId, lines_tell: bool) -> bool {
    let scope = texts(view, record, "consent_record.withdrawal_scope");
    let partly = !scope.is_empty() && scope.iter().all(|scope| matches!(&**scope, "audience" | "purpose"));
    is_set(view, record, "consent_record.withdrawn") && !(partly && lines_tell)
}

/// The days on which contact was restored; `None`: on a day nobody knows.
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

/// Saturates: years end at 2101, and so does the calendar's room above them.
fn later(day: civil::Date, span: jiff::Span) -> civil::Date {
    day.checked_add(span).unwrap_or(civil::Date::MAX)
}

#[cfg(test)]
mod tests;
