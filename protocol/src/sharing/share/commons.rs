//! The commons: what would do no harm printed in a state newspaper tomorrow.
//!
//! Two things stand in it: dockets, each value of which rests on a public source; and of a case file, with consent for
//! it, a *stub*: year of return, category group, article family, and one bit. The stub is made here and nowhere else;
//! [`printable`] asks of a whole section, history included, whether it holds nothing more.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil;

use super::caps::Caps;
use super::restate::Seen;
use super::{HeldBack, Reason, What, is_code, kind_of, whole_case};
use crate::{
    bytes::ids::{EntityId, OrgId, SectionId},
    record::{
        schema::{Kind, Place, Schema, Value},
        section::{
            assertion::{Assertion, Reference, Statement, is_grade},
            root::root_of,
            view::{Cell, Claim, Fate, View, Why},
        },
    },
    sharing::consent::{Consent, Reader, SHARE_ALL, is_set, texts, values},
};

/// Field of a stub, and the fields it is made from.
const COARSE: [(&str, [&str; 2]); 3] = [
    ("case_file.year_of_return", ["case_file.year_of_return", "transfer_episode.date"]),
    ("case_file.category_group", ["case_file.category_group", "service_record.category"]),
    ("case_file.article_family", ["case_file.article_family", "charge.code"]),
];
/// The one bit.
const RESTRICTED: &str = "case_file.restricted";

/// What the commons may hold of a case file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stub {
    /// Its statements; nothing if the case is held back whole.
    pub statements: Vec<Statement>,
    /// What is not in it, and why.
    pub held_back: Vec<HeldBack>,
}

/// Something in a section of the commons that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where it is said.
    pub at: Reference,
    /// The field it is said of; none for a statement without effect.
    pub field: Option<String>,
    /// The rule it breaks.
    pub rule: Rule,
}

/// What holds of every statement in the commons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Its field and value may go to the commons, in exactly this form.
    MayGo,
    /// In a docket it rests on sources, all of them public.
    PublicSource,
    /// In a stub it names no source, grade, basis or reporter.
    Bare,
    /// Where a code is due stands a code: grade, basis, reason; a reporter is an organisation's id.
    Codes,
    /// Nothing is stated that is computed.
    Stored,
}

impl Stub {
    /// The fields it has, of which entity.
    #[must_use]
    pub fn fields(&self) -> Seen {
        let field = |statement: &Statement| match statement {
            Statement::Assert(said) => Some((said.entity, said.field.clone())),
            Statement::Retract { .. } | Statement::Resolve { .. } => None,
        };
        self.statements.iter().filter_map(field).collect()
    }
}

/// The stub of the case file in `view`, for the section `stub` of the commons.
#[must_use]
pub fn stub(view: &View, stub: &SectionId, as_of: civil::Date) -> Stub {
    let mut whole = whole_case(view);
    let own_root = root_of(&view.section);
    // A record raised above the federation is raised above the commons.
    let raised = values(view, &own_root, "case_file.sensitivity_floor");
    whole.extend(raised.iter().any(|level| level.as_text() != Some("fed")).then_some(Reason::RaisedLevel));
    let refused = Consent::of(view).refusals(SHARE_ALL, Reader::Anyone, as_of);
    whole.extend(refused.into_iter().map(|refusal| Reason::Consent(refusal, BTreeSet::new())));
    if !whole.is_empty() {
        let held_back = whole.into_iter().map(|reason| HeldBack { what: What::Case, reason }).collect();
        return Stub { held_back, ..Stub::default() };
    }
    let caps = Caps::of(view, None);
    let root = root_of(stub);
    let mut made = Stub::default();
    for (field, inputs) in COARSE {
        match coarse(view, &caps, field, &inputs) {
            Ok(values) => made.statements.extend(values.into_iter().map(|value| says(root, field, value))),
            Err(reason) => {
                made.held_back.push(HeldBack { what: What::Field(own_root, field.to_owned()), reason });
            }
        }
    }
    let at_risk =
        ["case_file.risk", "case_file.risk_local"].iter().any(|risk| !values(view, &own_root, risk).is_empty());
    let restricted = at_risk || caps.any() || is_set(view, &own_root, RESTRICTED);
    made.statements.push(says(root, RESTRICTED, Value::Bool(restricted)));
    made
}

/// The coarse values of a stub's field. A value made from a capped one is capped; one that stands for several holds only
/// if all agree, and one that cannot be made coarse spoils the rest: else what is missing would show.
fn coarse(view: &View, caps: &Caps, name: &str, inputs: &[&str]) -> Result<BTreeSet<Value>, Reason> {
    let schema = Schema::current();
    let field = schema.field(name).expect("a stub's fields are in the schema");
    let mut made = BTreeSet::new();
    for (_, input, cell) in view.cells().filter(|(_, input, _)| inputs.contains(input)) {
        for value in cell.values() {
            if let Some(cap) = caps.over(input) {
                return Err(Reason::Cap(cap.to_owned()));
            }
            made.insert(schema.coarsened(field, value).ok_or(Reason::TooFine)?);
        }
    }
    let several = matches!(field.policy, crate::record::schema::Policy::Set);
    if made.len() > 1 && !several { Err(Reason::TooFine) } else { Ok(made) }
}

fn says(entity: EntityId, field: &str, value: Value) -> Statement {
    let (field, sources) = (field.to_owned(), vec![]);
    Statement::Assert(Assertion { entity, field, value, sources, grade: None, basis: None, reported_by: None })
}

/// Whether everything in a section of the commons, what was superseded or taken back included, may stand in print.
///
/// # Errors
/// Each statement that may not, with the rule it breaks, in order.
pub fn printable(view: &View) -> Result<(), Vec<Violation>> {
    let mut violations = BTreeSet::new();
    for (_, field, cell) in view.cells() {
        let claims = cell.claims.iter().chain(cell.history.iter().map(|former| &former.claim));
        for claim in claims {
            let broken = broken(view, field, claim);
            violations.extend(broken.map(|rule| Violation { at: claim.at, field: Some(field.to_owned()), rule }));
        }
        violations.extend(notes(cell).map(|at| Violation { at, field: Some(field.to_owned()), rule: Rule::Codes }));
    }
    let computed = view.ignored.iter().filter(|ignored| ignored.why == Why::Derived);
    violations.extend(computed.map(|ignored| Violation { at: ignored.at, field: None, rule: Rule::Stored }));
    if violations.is_empty() { Ok(()) } else { Err(violations.into_iter().collect()) }
}

fn broken<'a>(view: &'a View, name: &'a str, claim: &'a Claim) -> impl Iterator<Item = Rule> {
    let schema = Schema::current();
    let field = schema.field(name);
    let goes = field.is_some_and(|field| schema.may_go(field, &claim.value, Place::Commons).is_ok());
    let canonical = schema.check(name, &claim.value).is_ok();
    let docket = name.starts_with("docket");
    let bare = claim.sources.is_empty()
        && [&claim.grade, &claim.basis, &claim.reported_by].into_iter().all(|detail| detail.is_none());
    let structure = name == "docket.docket_id"
        || kind_of(name) == "docket_source"
        || field.is_some_and(|field| matches!(field.kind, Kind::Ref(_)));
    let sourced = !claim.sources.is_empty() || structure;
    let public = claim.sources.iter().all(|source| is_public(view, source));
    let is_basis = |basis: &String| schema.vocabulary("legal_basis").is_some_and(|codes| codes.term(basis).is_some());
    let codes = claim.grade.as_ref().is_none_or(|grade| is_grade(grade))
        && claim.basis.as_ref().is_none_or(is_basis)
        && claim.reported_by.as_ref().is_none_or(|reporter| reporter.parse::<OrgId>().is_ok());
    let rules = [
        (goes && canonical, Rule::MayGo),
        (!docket || sourced && public, Rule::PublicSource),
        (docket || bare, Rule::Bare),
        (codes, Rule::Codes),
    ];
    rules.into_iter().filter_map(|(kept, rule)| (!kept).then_some(rule))
}

/// Statements about a cell whose reason is no code.
fn notes(cell: &Cell) -> impl Iterator<Item = Reference> {
    let settled = cell.resolutions.iter().map(|resolution| (resolution.at, &resolution.reason));
    let taken_back = cell.history.iter().flat_map(|former| match &former.fate {
        Fate::Superseded => &[][..],
        Fate::Retracted(retractions) => retractions,
    });
    let taken_back = taken_back.map(|retraction| (retraction.at, &retraction.reason));
    settled.chain(taken_back).filter(|(_, reason)| !is_code(reason)).map(|(at, _)| at)
}

/// A source that everyone can look up.
fn is_public(view: &View, source: &EntityId) -> bool {
    let public = Schema::current().rules().commons_codes.get("docket_source.type");
    let types = texts(view, source, "docket_source.type");
    !types.is_empty() && types.iter().all(|code| public.is_some_and(|public| public.contains(code)))
}

/// The rule, in words.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MayGo => "this does not belong in the commons",
            Self::PublicSource => "it does not rest on public sources alone",
            Self::Bare => "a case in the commons names no source, grade, basis or reporter",
            Self::Codes => "something stands where only a code may stand",
            Self::Stored => "it states what is computed",
        })
    }
}
