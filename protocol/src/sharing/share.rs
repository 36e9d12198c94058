//! Sharing a case file: which values go to which readers, which are held back, and why.
//!
//! Pure: a folded view, an audience and a day go in, a [`Preview`] comes out. The checks, in order:
//! 1. the whole case: is it recalled, not to be shared, raised to local, and does consent cover every organisation?
//! 2. each value: is it known and canonical, may its field and its code leave, does its record stay as a whole, is it
//!    capped, does it name an organisation that would not read it?
//! 3. the rest: references to what stays behind are dropped, sources go as far as they may themselves, and a reporter
//!    is named only if it is an organisation of the audience.
//!
//! Consent records stay in the own circle; only the resulting permissions go. [`restate`] writes the shared section,
//! with names of its own; [`joint`] merges both sections for reading; [`commons`] derives what all members may read.

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

use self::filter::Filtered;
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

/// The readers of a share: the organisations of a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The organisation that shares. It reads already, so consent is not checked for it.
    pub own: OrgId,
    /// The organisations that would read, apart from the own one, each with its country (ISO 3166-1 alpha-2) if it is
    /// known.
    pub organisations: BTreeMap<OrgId, Option<String>>,
}

/// The preview of a share: what would go, and what would not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The values that go, with ids of the own section; none if the whole case is held back.
    pub goes: Vec<Goes>,
    /// The resolutions of claims that may go.
    pub resolutions: Vec<SharedResolution>,
    /// The values held back, each with its reasons, in order.
    pub held_back: Vec<HeldBack>,
    /// Notices for the person who shares; they decide nothing.
    pub notices: Vec<Notice>,
}

/// A value that goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Goes {
    /// The origin of the value.
    pub origin: Origin,
    /// The entity, by its own id.
    pub entity: EntityId,
    /// The field, `entity.field`.
    pub field: String,
    /// The value, canonical; references by own ids.
    pub value: Value,
    /// The sources that go too, by own ids.
    pub sources: Vec<EntityId>,
    /// Admiralty grade.
    pub grade: Option<String>,
    /// Legal basis, as a code of the vocabulary.
    pub basis: Option<String>,
    /// The reporter, if the value is not the organisation's own claim.
    pub reported_by: Option<Reporter>,
}

/// The origin of a restated value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A claim or resolution of the own section.
    Claim(Reference),
    /// A computed value: entity, field, value.
    Computed(EntityId, String, Value),
}

/// The reporter of a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reporter {
    /// An organisation in the audience.
    Reads(OrgId),
    /// A reporter outside the audience, by the name in the own section, which stays there: readers see that it is one
    /// reporter, not which.
    Unnamed(String),
}

/// A resolution of claims of one field.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedResolution {
    /// The resolution, in the own section.
    pub at: Reference,
    /// The entity, by its own id.
    pub entity: EntityId,
    /// The field.
    pub field: String,
    /// The chosen claim, if it is one of them.
    pub chosen: Option<Reference>,
    /// The claims that were compared.
    pub seen: Vec<Reference>,
    /// The reason, as a code.
    pub reason: String,
}

/// A part of a case file held back for one reason; several reasons are several of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldBack {
    /// The part that is held back.
    pub what: What,
    /// The reason.
    pub reason: Reason,
}

/// The part of a case file that is held back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The whole case file.
    Case,
    /// A record, with all its fields.
    Record(EntityId, String),
    /// Values of one field.
    Field(EntityId, String),
}

/// A notice for the person who shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// Consent was to be reviewed before this day.
    ReviewDue,
    /// Consent has this many conditions in words, to be read before sharing.
    Conditions(usize),
}

impl Preview {
    /// The entities and fields that would go; a person who approves the whole preview approves these.
    #[must_use]
    pub fn fields(&self) -> Seen {
        self.goes.iter().map(|goes| (goes.entity, goes.field.clone())).collect()
    }

    /// The reasons why the whole case is held back; none if it is not.
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

/// Decides which values of the case file in `view` may go to `audience` on the day `as_of`.
#[must_use]
pub fn preview(view: &View, audience: &Audience, as_of: civil::Date) -> Preview {
    let consent = Consent::of(view);
    let mut notices = Vec::new();
    notices.extend(consent.review_due(as_of).then_some(Notice::ReviewDue));
    notices.extend(Some(consent.conditions()).filter(|count| *count > 0).map(Notice::Conditions));
    let mut whole = case_reasons(view);
    whole.extend(consent_reasons(&consent, audience, as_of));
    if !whole.is_empty() {
        let held_back = whole.into_iter().map(|reason| HeldBack { what: What::Case, reason }).collect();
        return Preview { held_back, notices, ..Preview::default() };
    }
    let mut filtered = filter::filter(view, audience);
    filtered.drop_unresolved(view);
    let resolutions = resolutions(view, &filtered);
    filtered.goes.extend(permission::permissions(view, &consent, audience, as_of));
    Preview { goes: filtered.goes, resolutions, held_back: filtered.held_back.into_iter().collect(), notices }
}

/// The planted mistake: a preview for which no consent is asked.
#[cfg(any(test, feature = "sim"))]
pub(crate) fn preview_without_consent(view: &View, audience: &Audience) -> Preview {
    let filtered = filter::filter(view, audience);
    Preview { goes: filtered.goes, held_back: filtered.held_back.into_iter().collect(), ..Preview::default() }
}

/// The reasons that hold a case back from every audience.
fn case_reasons(view: &View) -> BTreeSet<Reason> {
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

/// The reasons why consent does not cover the audience: each refusal with its organisations.
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

/// The resolutions of fields that go. Whether one can be restated depends on which of its claims were.
fn resolutions(view: &View, filtered: &Filtered) -> Vec<SharedResolution> {
    let fields: BTreeSet<(&EntityId, &str)> = filtered.goes.iter().map(|goes| (&goes.entity, &*goes.field)).collect();
    let cells = view.cells().filter(|(entity, field, _)| fields.contains(&(*entity, *field)));
    let resolutions = cells.flat_map(|(entity, field, cell)| {
        cell.resolutions.iter().map(move |resolution| SharedResolution {
            at: resolution.at,
            entity: *entity,
            field: field.to_owned(),
            chosen: resolution.chosen,
            seen: resolution.seen.clone(),
            reason: resolution.reason.clone(),
        })
    });
    resolutions.collect()
}

/// Whether a field stays in the own section although its level would let it go: consent is shared as permissions, and
/// own ids stay.
fn is_own_only(name: &str) -> bool {
    matches!(kind_of(name), "consent_record" | "consent_grant" | "tombstone") || name == "case_file.case_id"
}

fn is_parent(name: &str) -> bool {
    name.ends_with(".parent") && !is_own_only(name)
}

/// The entity that a value refers to, by reference or by the text of an id.
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

/// Whether the field refers to a docket, which is public and keeps its id; only the reference is not public.
fn refers_to_docket(name: &str) -> bool {
    matches!(field(name).map(|field| &field.kind), Some(Kind::Ref(kind)) if kind == "docket")
}

/// Whether a reason is a code, in lower-case words: any other text may be a note.
fn is_code(reason: &str) -> bool {
    reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.'))
}

fn kind_of(name: &str) -> &str {
    name.split_once('.').map_or(name, |(kind, _)| kind)
}

fn field(name: &str) -> Option<&'static Field> {
    Schema::current().field(name)
}

/// Shows subject and origin, never content.
impl fmt::Debug for Goes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?} = {:?} from {:?}", self.field, self.entity, self.value, self.origin)
    }
}

/// Shows the reference, never content.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(at) => write!(f, "{at:?}"),
            Self::Computed(entity, field, _) => write!(f, "{field} of {entity:?}, computed"),
        }
    }
}

/// Shows an id, never a name.
impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reads(org) => write!(f, "{org:?}"),
            Self::Unnamed(_) => f.write_str("unnamed"),
        }
    }
}

/// Shows the claims, never the reason.
impl fmt::Debug for SharedResolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {:?}: {:?} of {:?}", self.field, self.entity, self.chosen, self.seen)
    }
}

#[cfg(test)]
mod tests;
