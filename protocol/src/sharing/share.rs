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
//! section, under names of its own; [`joint`] reads both parts together; [`commons`] says what all members may read.

mod caps;
pub mod commons;
mod filter;
pub mod joint;
pub mod names;
mod permission;
mod reason;
pub mod recall;
pub mod restate;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil;

use self::filter::Sifted;
pub use self::reason::Reason;
use self::restate::Seen;
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{
        schema::{Field, Kind, Schema, Value},
        section::{assertion::Reference, root::root_of, view::View},
    },
    sharing::consent::{self, Consent, Reader, Refusal, is_set, values},
};

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

/// What a restated value comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The fields that would go, of which entity: what a person lets go who lets all of it go.
    #[must_use]
    pub fn fields(&self) -> Seen {
        self.goes.iter().map(|goes| (goes.entity, goes.field.clone())).collect()
    }

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
    let mut sifted = filter::sift(view, audience);
    sifted.drop_unsettled(view);
    let settled = settled(view, &sifted);
    sifted.goes.extend(permission::permissions(view, &consent, audience, as_of));
    Preview { goes: sifted.goes, settled, held_back: sifted.held_back.into_iter().collect(), notices }
}

/// What holds a case back whoever would read it.
fn whole_case(view: &View) -> BTreeSet<Reason> {
    let root = root_of(&view.section);
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
