//! The commons: information that would do no harm in print in a state newspaper.
//!
//! It holds two things: dockets, each value of which rests on a public source; and of a case file, with consent for it,
//! a *stub*: year of return, category group, article family, and one bit. Only this module makes stubs; [`printable`]
//! checks that a whole section, history included, holds nothing more.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil;

use super::caps::Caps;
use super::restate::Seen;
use super::{HeldBack, Reason, What, case_reasons, is_code, kind_of};
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

/// Fields of a stub, with the fields that they are derived from.
const COARSE: [(&str, [&str; 2]); 3] = [
    ("case_file.year_of_return", ["case_file.year_of_return", "transfer_episode.date"]),
    ("case_file.category_group", ["case_file.category_group", "service_record.category"]),
    ("case_file.article_family", ["case_file.article_family", "charge.code"]),
];
/// The field of the single bit.
const RESTRICTED: &str = "case_file.restricted";

/// A stub: what the commons may hold of a case file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stub {
    /// Statements of the stub; none if the whole case is held back.
    pub statements: Vec<Statement>,
    /// Fields held back from the stub, with the reasons.
    pub held_back: Vec<HeldBack>,
}

/// A statement in a section of the commons that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The reference of the statement.
    pub at: Reference,
    /// The field of the statement; none for a statement without effect.
    pub field: Option<String>,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// A rule for every statement in the commons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Field and value may go to the commons, in exactly this form.
    MayGo,
    /// A claim in a docket has sources, and all of them are public.
    PublicSource,
    /// A claim in a stub has no source, grade, basis or reporter.
    Bare,
    /// Grade, basis and reason are codes; a reporter is the id of an organisation.
    Codes,
    /// The statement is not about a computed field.
    Stored,
}

impl Stub {
    /// The entities and fields of the stub.
    #[must_use]
    pub fn fields(&self) -> Seen {
        let field = |statement: &Statement| match statement {
            Statement::Assert(assertion) => Some((assertion.entity, assertion.field.clone())),
            Statement::Retract { .. } | Statement::Resolve { .. } => None,
        };
        self.statements.iter().filter_map(field).collect()
    }
}

/// Makes the stub of the case file in `view`, for the section `stub` of the commons.
#[must_use]
pub fn stub(view: &View, stub: &SectionId, as_of: civil::Date) -> Stub {
    let mut whole = case_reasons(view);
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

/// The coarse values of a stub's field. A value derived from a capped one is capped. A field with a single value needs
/// agreement of all, and one value that cannot be made coarse holds back the others: otherwise the missing one would
/// show.
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

/// Checks that everything in a section of the commons, superseded and retracted statements included, follows the rules.
///
/// # Errors
/// Each statement that breaks a rule, with the rule, in order.
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

/// References of statements about a cell whose reason is no code.
fn notes(cell: &Cell) -> impl Iterator<Item = Reference> {
    let resolved = cell.resolutions.iter().map(|resolution| (resolution.at, &resolution.reason));
    let retracted = cell.history.iter().flat_map(|former| match &former.fate {
        Fate::Superseded => &[][..],
        Fate::Retracted(retractions) => retractions,
    });
    let retracted = retracted.map(|retraction| (retraction.at, &retraction.reason));
    resolved.chain(retracted).filter(|(_, reason)| !is_code(reason)).map(|(at, _)| at)
}

/// Whether everyone can look up the source.
fn is_public(view: &View, source: &EntityId) -> bool {
    let public = Schema::current().rules().commons_codes.get("docket_source.type");
    let types = texts(view, source, "docket_source.type");
    !types.is_empty() && types.iter().all(|code| public.is_some_and(|public| public.contains(code)))
}

/// Describes the violation of the rule.
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
