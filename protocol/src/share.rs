//! Sharing: what of a case file may go to whom, what is held back, and why.
//!
//! Pure: a folded view, an audience and a day go in, a [`Preview`] comes out. Questions are asked in this order:
//! 1. the whole case: is it recalled, not to be shared, raised to local, and does consent cover every organisation?
//! 2. each value: is it known and canonical, may its field and its code leave, does its record stay as a whole, is it
//!    capped, does it name an organisation that would not read it?
//! 3. what is left: references to what stays behind are dropped, sources travel as far as they may themselves, and who
//!    reported something is named only if he reads it.
//!
//! Consent records stay at home; the permission they amount to travels. [`restate`] writes what goes to the shared
//! section, under ids of its own; [`commons`] says what all members may read.

mod caps;
pub mod commons;
mod reason;
pub mod recall;
pub mod restate;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil;

use self::caps::Caps;
pub use self::reason::Reason;
use crate::consent::{self, Consent, Reader, Refusal, is_set, values};
use crate::desk;
use crate::ids::{EntityId, OrgId};
use crate::schema::{Field, Kind, LevelError, Place, Schema, Value};
use crate::seal;
use crate::section::assertion::Reference;
use crate::section::view::{Claim, View};

/// Who would read: the organisations of a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The organisation that shares. It reads already, so consent is not asked for it.
    pub own: OrgId,
    /// The others, each with its country (ISO 3166-1 alpha-2) if it is known.
    pub organisations: BTreeMap<OrgId, Option<String>>,
}

/// What would go, and what would not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// What goes, in ids of the own section; nothing if the case is held back whole.
    pub goes: Vec<Goes>,
    /// Who settled what, of claims that may go.
    pub settled: Vec<Settled>,
    /// What does not, each with its reasons, in order.
    pub held_back: Vec<HeldBack>,
    /// What a person should know before sharing; it decides nothing.
    pub notices: Vec<Notice>,
}

/// One value that goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Goes {
    /// What it comes from.
    pub origin: Origin,
    /// The entity, by its own id.
    pub entity: EntityId,
    /// The field, `entity.field`.
    pub field: String,
    /// The value, canonical; references by own ids.
    pub value: Value,
    /// Its sources that go too, by own ids.
    pub sources: Vec<EntityId>,
    /// Admiralty grade.
    pub grade: Option<String>,
    /// Legal basis, a code of the vocabulary.
    pub basis: Option<String>,
    /// Whose word it is, if not the organisation's own.
    pub reported_by: Option<Reporter>,
}

/// What a restated value comes from: the same origin is restated once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Origin {
    /// A claim or resolution of the own section.
    Said(Reference),
    /// Computed: this value of this field of this entity.
    Computed(EntityId, String, Value),
}

/// Whose word a value is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reporter {
    /// An organisation that reads it.
    Reads(OrgId),
    /// Somebody else, by the name used at home, which stays there: readers see that it is one reporter, not which.
    Unnamed(String),
}

/// A resolution of claims of one field.
#[derive(Clone, PartialEq, Eq)]
pub struct Settled {
    /// The resolution, in the own section.
    pub at: Reference,
    /// The entity, by its own id.
    pub entity: EntityId,
    /// The field.
    pub field: String,
    /// The claim to go by, if one of them.
    pub chosen: Option<Reference>,
    /// The claims weighed.
    pub seen: Vec<Reference>,
    /// Why: a code.
    pub reason: String,
}

/// Something that does not go, with one reason; several reasons are several lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldBack {
    /// What does not go.
    pub what: What,
    /// Why.
    pub reason: Reason,
}

/// How much is held back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The whole case file.
    Case,
    /// A record, with all its fields.
    Record(EntityId, String),
    /// Values of one field.
    Field(EntityId, String),
}

/// What a person should know before sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// Consent was to be reviewed before this day.
    ReviewDue,
    /// Consent has this many conditions in words; read them.
    Conditions(usize),
}

impl Preview {
    /// Why the whole case is held back; nothing if it is not.
    pub fn case_held_back(&self) -> impl Iterator<Item = &Reason> {
        self.held_back.iter().filter(|held| held.what == What::Case).map(|held| &held.reason)
    }
}

impl Audience {
    fn reads(&self, org: &OrgId) -> bool {
        *org == self.own || self.organisations.contains_key(org)
    }

    fn readers(&self) -> impl Iterator<Item = Reader<'_>> {
        self.organisations.iter().map(|(org, country)| Reader::Organisation(org, country.as_deref()))
    }
}

/// What of the case file in `view` may go to `audience` on the day `as_of`.
#[must_use]
pub fn preview(view: &View, audience: &Audience, as_of: civil::Date) -> Preview {
    let consent = Consent::of(view);
    let mut notices = Vec::new();
    notices.extend(consent.review_due(as_of).then_some(Notice::ReviewDue));
    notices.extend(Some(consent.conditions()).filter(|count| *count > 0).map(Notice::Conditions));
    let mut whole = whole_case(view);
    whole.extend(consent_reasons(&consent, audience, as_of));
    if !whole.is_empty() {
        let held_back = whole.into_iter().map(|reason| HeldBack { what: What::Case, reason }).collect();
        return Preview { held_back, notices, ..Preview::default() };
    }
    let filter = Filter { view, audience, caps: Caps::of(view, Some(audience)) };
    let mut sifted = filter.values();
    filter.add_parents(&mut sifted);
    filter.links(&mut sifted);
    let settled = settled(view, &sifted);
    let going = std::mem::take(&mut sifted.going);
    for goes in &mut sifted.goes {
        goes.sources.retain(|source| going.contains(source));
    }
    sifted.goes.extend(permissions(view, &consent, audience, as_of));
    Preview { goes: sifted.goes, settled, held_back: sifted.held_back.into_iter().collect(), notices }
}

/// What holds a case back whoever would read it.
fn whole_case(view: &View) -> BTreeSet<Reason> {
    let root = desk::root(&view.section);
    let raised = values(view, &root, "case_file.sensitivity_floor");
    let mild = |level: &&Value| matches!(level.as_text(), Some("fed" | "sealed"));
    [
        (recall::recall(view).is_some(), Reason::Recalled),
        (is_set(view, &root, "case_file.do_not_share"), Reason::DoNotShare),
        (!raised.iter().all(mild), Reason::RaisedLevel),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}

/// Why consent does not cover the audience: each refusal with the organisations it concerns.
fn consent_reasons(consent: &Consent, audience: &Audience, as_of: civil::Date) -> Vec<Reason> {
    let mut refused: BTreeMap<Refusal, BTreeSet<OrgId>> = BTreeMap::new();
    for (org, country) in &audience.organisations {
        let reader = Reader::Organisation(org, country.as_deref());
        for refusal in consent.refusals(consent::SHARE_NAMED, reader, as_of) {
            refused.entry(refusal).or_default().insert(*org);
        }
    }
    refused.into_iter().map(|(refusal, organisations)| Reason::Consent(refusal, organisations)).collect()
}

/// Where a case file is looked through for what may go.
struct Filter<'a> {
    view: &'a View,
    audience: &'a Audience,
    caps: Caps,
}

/// What the filter has found so far.
#[derive(Default)]
struct Sifted {
    goes: Vec<Goes>,
    held_back: BTreeSet<HeldBack>,
    /// Entities that will exist in the shared section.
    going: BTreeSet<EntityId>,
    /// Entities that will not, whatever refers to them.
    staying: BTreeSet<EntityId>,
}

impl Filter<'_> {
    /// Everything that is not a reference.
    fn values(&self) -> Sifted {
        let mut sifted = Sifted::default();
        sifted.going.insert(desk::root(&self.view.section));
        for (entity, fields) in &self.view.entities {
            let said = || fields.iter().filter(|(_, cell)| !cell.claims.is_empty());
            let kinds: BTreeSet<&str> = said().map(|(name, _)| kind_of(name)).collect();
            let staying: BTreeMap<&str, BTreeSet<Reason>> =
                kinds.into_iter().map(|kind| (kind, self.whole_record(entity, kind))).collect();
            for (kind, reasons) in staying.iter().filter(|(_, reasons)| !reasons.is_empty()) {
                let what = || What::Record(*entity, (*kind).to_owned());
                sifted.staying.insert(*entity);
                sifted.held_back.extend(reasons.iter().cloned().map(|reason| HeldBack { what: what(), reason }));
            }
            for (name, cell) in said().filter(|(name, _)| staying[kind_of(name)].is_empty()) {
                for claim in cell.claims.iter().filter(|claim| !is_link(name, &claim.value)) {
                    self.sift(&mut sifted, entity, name, claim);
                }
            }
        }
        sifted
    }

    fn sift(&self, sifted: &mut Sifted, entity: &EntityId, name: &str, claim: &Claim) {
        let reasons = self.reasons(entity, name, claim);
        if reasons.is_empty() && !is_ours_alone(name) {
            sifted.going.insert(*entity);
            sifted.goes.push(self.goes(entity, name, claim));
        }
        let what = || What::Field(*entity, name.to_owned());
        sifted.held_back.extend(reasons.into_iter().map(|reason| HeldBack { what: what(), reason }));
    }

    /// What an entity that goes belongs to goes with it, unless it stays as a whole.
    fn add_parents(&self, sifted: &mut Sifted) {
        let mut open: Vec<EntityId> = sifted.going.iter().copied().collect();
        while let Some(entity) = open.pop() {
            let fields = self.view.entities.get(&entity).into_iter().flatten();
            let parents = fields.filter(|(name, _)| is_parent(name)).flat_map(|(_, cell)| cell.values());
            for parent in parents {
                if let Value::Ref(parent) = parent
                    && !sifted.staying.contains(parent)
                    && sifted.going.insert(*parent)
                {
                    open.push(*parent);
                }
            }
        }
    }

    /// References from what goes to what goes. A reference to a docket stands: the docket is public, the link is not.
    fn links(&self, sifted: &mut Sifted) {
        for (entity, name, cell) in self.view.cells() {
            if !sifted.going.contains(entity) || sifted.staying.contains(entity) {
                continue;
            }
            for claim in cell.claims.iter().filter(|claim| is_link(name, &claim.value)) {
                let arrives =
                    leads_out(name) || linked(&claim.value).is_some_and(|target| sifted.going.contains(&target));
                if !arrives && (is_parent(name) || self.reasons(entity, name, claim).is_empty()) {
                    let what = What::Field(*entity, name.to_owned());
                    sifted.held_back.insert(HeldBack { what, reason: Reason::StaysBehind });
                } else if is_parent(name) {
                    // Where an entity belongs is no statement of its own: it goes exactly with the entity.
                    sifted.goes.push(self.goes(entity, name, claim));
                } else {
                    self.sift(sifted, entity, name, claim);
                }
            }
        }
    }

    /// Why a record stays at home as a whole.
    fn whole_record(&self, entity: &EntityId, kind: &str) -> BTreeSet<Reason> {
        let mut reasons: BTreeSet<Reason> =
            self.caps.on_record(entity, kind).map(|cap| Reason::Cap(cap.into())).collect();
        let rules = Schema::current().rules();
        let local_code = |name: &str, value: &Value| {
            let rule = value.as_text().and_then(|code| rules.term_local(name, code));
            rule.is_some_and(|rule| rule.twin.is_none())
        };
        let cells = self.view.entities.get(entity).into_iter().flatten();
        let mut cells = cells.filter(|(name, _)| kind_of(name) == kind);
        if cells.any(|(name, cell)| cell.claims.iter().any(|claim| local_code(name, &claim.value))) {
            reasons.insert(Reason::LocalRecord);
        }
        let summary = Value::from("summary");
        if kind == "paragraph" && values(self.view, entity, "paragraph.kind") != BTreeSet::from([&summary]) {
            reasons.insert(Reason::Narrative);
        }
        if kind == "health_record" && !self.caps.is_counsel() {
            reasons.insert(Reason::Health);
        }
        reasons
    }

    /// Why a value does not go.
    fn reasons(&self, entity: &EntityId, name: &str, claim: &Claim) -> BTreeSet<Reason> {
        let schema = Schema::current();
        let Some(field) = schema.field(name) else { return BTreeSet::from([Reason::UnknownField]) };
        let mut reasons = BTreeSet::new();
        reasons.extend(schema.may_go(field, &claim.value, Place::Named).err().map(|error| match error {
            LevelError::LocalTerm { twin: Some(twin), .. } => Reason::LocalTerm { twin },
            LevelError::LocalTerm { twin: None, .. } => Reason::LocalRecord,
            LevelError::NameOfOrganisation { .. } => Reason::NameOfOrganisation,
            LevelError::Local { .. } | LevelError::NotForCommons { .. } | LevelError::TooFine { .. } => Reason::Local,
        }));
        // What is local is not looked at further: one reason is enough for what never was to go.
        if reasons.is_empty() {
            let value = &claim.value;
            reasons.extend(schema.check(name, value).is_err().then_some(Reason::NotCanonical));
            reasons.extend(
                matches!(value, Value::Org(org) if !self.audience.reads(org)).then_some(Reason::OrganisationOutside),
            );
            let capped = self.caps.on_value(self.view, entity, &field.entity, name, &claim.sources);
            reasons.extend(capped.map(|cap| Reason::Cap(cap.into())));
        }
        reasons
    }

    fn goes(&self, entity: &EntityId, name: &str, claim: &Claim) -> Goes {
        let is_basis = |basis: &String| {
            Schema::current().vocabulary("legal_basis").is_some_and(|codes| codes.term(basis).is_some())
        };
        let reporter = |name: &String| match name.parse() {
            Ok(org) if self.audience.reads(&org) => Reporter::Reads(org),
            _ => Reporter::Unnamed(name.clone()),
        };
        Goes {
            origin: Origin::Said(claim.at),
            entity: *entity,
            field: name.to_owned(),
            value: claim.value.clone(),
            sources: claim.sources.clone(),
            // Where a code is due a typed note may stand: only codes travel.
            grade: claim.grade.clone().filter(|grade| desk::is_grade(grade)),
            basis: claim.basis.clone().filter(is_basis),
            reported_by: claim.reported_by.as_ref().map(reporter),
        }
    }
}

/// What was weighed, of fields that go. Whether it can be restated depends on which claims have been.
fn settled(view: &View, sifted: &Sifted) -> Vec<Settled> {
    let fields: BTreeSet<(&EntityId, &str)> = sifted.goes.iter().map(|goes| (&goes.entity, &*goes.field)).collect();
    let cells = view.cells().filter(|(entity, field, _)| fields.contains(&(*entity, *field)));
    let settled = cells.flat_map(|(entity, field, cell)| {
        cell.resolutions.iter().map(move |resolution| Settled {
            at: resolution.at,
            entity: *entity,
            field: field.to_owned(),
            chosen: resolution.chosen,
            seen: resolution.seen.clone(),
            reason: resolution.reason.clone(),
        })
    });
    settled.collect()
}

/// What consent amounts to for this audience: a record without particulars, and each purpose that is permitted or denied.
fn permissions(view: &View, consent: &Consent, audience: &Audience, as_of: civil::Date) -> Vec<Goes> {
    let root = desk::root(&view.section);
    let purposes = Schema::current().vocabulary("consent_purpose").expect("the schema names purposes");
    let mut goes = Vec::new();
    for purpose in &purposes.terms {
        let refused: BTreeSet<_> =
            audience.readers().flat_map(|reader| consent.refusals(&purpose.code, reader, as_of)).collect();
        if refused == BTreeSet::from([Refusal::Absent]) {
            continue;
        }
        let line = computed_id(&root, &purpose.code);
        goes.push(computed(line, "consent_grant.parent", Value::Ref(permission(&root))));
        goes.push(computed(line, "consent_grant.purpose", (&*purpose.code).into()));
        goes.push(computed(line, "consent_grant.permitted", Value::Bool(refused.is_empty())));
    }
    goes
}

/// The record that permissions hang on.
fn permission(root: &EntityId) -> EntityId {
    computed_id(root, "consent_record")
}

fn computed(entity: EntityId, field: &str, value: Value) -> Goes {
    Goes {
        origin: Origin::Computed(entity, field.to_owned(), value.clone()),
        entity,
        field: field.to_owned(),
        value,
        sources: vec![],
        grade: None,
        basis: None,
        reported_by: None,
    }
}

/// An own id for something that has none at home; like all own ids it stays there.
fn computed_id(root: &EntityId, what: &str) -> EntityId {
    let hash = seal::hash("habeas 1 computed entity", &[&root.0, what.as_bytes()]);
    EntityId(*hash.first_chunk().expect("a hash has 32 bytes"))
}

/// Fields that may leave and yet do not: consent travels as the permission it amounts to, and our ids are ours.
fn is_ours_alone(name: &str) -> bool {
    matches!(kind_of(name), "consent_record" | "consent_grant" | "tombstone") || name == "case_file.case_id"
}

fn is_parent(name: &str) -> bool {
    name.ends_with(".parent") && !is_ours_alone(name)
}

/// The entity a value leads to: a reference, or the text of an id.
fn linked(value: &Value) -> Option<EntityId> {
    match value {
        Value::Ref(target) => Some(*target),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_link(name: &str, value: &Value) -> bool {
    linked(value).is_some() || matches!(field(name).map(|field| &field.kind), Some(Kind::Ref(_)))
}

/// Whether its references lead to a docket: that is public and keeps its id; only the link is not.
fn leads_out(name: &str) -> bool {
    matches!(field(name).map(|field| &field.kind), Some(Kind::Ref(kind)) if kind == "docket")
}

/// Lower-case words, as all our codes are: anything else may be a note.
fn is_code(reason: &str) -> bool {
    reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.'))
}

fn kind_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(kind, _)| kind)
}

fn field(name: &str) -> Option<&'static Field> {
    Schema::current().field(name)
}

/// Where, never what.
impl fmt::Debug for Goes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?} = {:?} from {:?}", self.field, self.entity, self.value, self.origin)
    }
}

/// Where, never what.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said(at) => write!(f, "{at:?}"),
            Self::Computed(entity, field, _) => write!(f, "{field} of {entity:?}, computed"),
        }
    }
}

/// An id, never a name.
impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reads(org) => write!(f, "{org:?}"),
            Self::Unnamed(_) => f.write_str("unnamed"),
        }
    }
}

/// Which claims, never why.
impl fmt::Debug for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}: {:?} of {:?}", self.field, self.entity, self.chosen, self.seen)
    }
}

#[cfg(test)]
mod tests;
