//! Tests of sharing the twelve sample cases with a circle of three, and of what a filter must never let through.

mod circle;
mod filter;
mod print;

use jiff::civil::date;

use super::names::Names;
use super::restate::restate;
use super::*;
use crate::{
    app::import::{self, Imported},
    bytes::{
        ids::{CircleId, EntryId, FeedKey, Incarnation, SectionId},
        seal::{self, Entropy},
    },
    record::{
        schema::{Level, Place},
        section::{
            Contribution, Section,
            assertion::{Assertion, ClaimedTime, Plain, Statement},
        },
    },
    sharing::consent::{SHARE_ALL, SHARE_NAMED},
};

const CASES: &[u8] = include_bytes!("../../../../deploy/sample/cases.json");
const OWN: OrgId = OrgId([1; 32]);
const SECOND: OrgId = OrgId([2; 32]);
const THIRD: OrgId = OrgId([3; 32]);
const CIRCLE: CircleId = CircleId([4; 16]);
const TODAY: civil::Date = date(2025, 12, 1);

/// A circle of three: the own organisation and two others.
fn three() -> Audience {
    Audience { own: OWN, organisations: BTreeMap::from([(SECOND, Some("GE".into())), (THIRD, Some("LT".into()))]) }
}

/// A section under construction, written by its own organisation unless another is named.
struct Written {
    section: Section,
    entries: u64,
}

impl Written {
    fn new(id: SectionId) -> Self {
        Self { section: Section::new(id), entries: 0 }
    }

    fn says(&mut self, statements: Vec<Statement>) -> EntryId {
        let plain = self.plain(statements);
        self.enters(OWN, plain)
    }

    fn plain(&self, statements: Vec<Statement>) -> Plain {
        Plain {
            schema: Schema::VERSION,
            section: self.section.id(),
            claimed_time: ClaimedTime(1_764_547_260),
            deps: vec![],
            batch: None,
            statements,
        }
    }

    /// Writes the next entry of this organisation, which knows its own earlier ones and its deps.
    fn enters(&mut self, org: OrgId, plain: Plain) -> EntryId {
        self.enters_from(FeedKey(org.0), org, plain)
    }

    /// Writes the next entry from one of the organisation's devices.
    fn enters_from(&mut self, feed: FeedKey, org: OrgId, plain: Plain) -> EntryId {
        self.entries += 1;
        let id = EntryId(seal::hash("test entry", &[&self.section.id().0, &self.entries.to_be_bytes()]));
        let run = Incarnation([0; 8]);
        let contribution = Contribution { id, feed, run, seq: self.entries, org, plain };
        self.section.insert(contribution).expect("one section, no fork");
        id
    }

    fn view(&mut self) -> View {
        self.section.view()
    }
}

/// The own section of an imported record, as the desk writes it.
fn imported(record: Imported) -> Written {
    let mut own = Written::new(SectionId(record.root.0));
    let said = |draft: import::Draft| {
        let import::Draft { entity, field, value, sources, grade, reported_by } = draft;
        Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by })
    };
    own.says(record.statements.into_iter().map(said).collect());
    for draft in record.separate {
        own.says(vec![said(draft)]);
    }
    own
}

fn records() -> Vec<(String, import::Kind, Written)> {
    let mut entropy = Entropy::new([7; 32]);
    let read = import::import(CASES, &mut || EntityId(entropy.bytes())).expect("the cases import");
    read.into_iter().map(|record| (record.label.clone(), record.kind, imported(record))).collect()
}

/// The twelve cases, as views of the own circle.
fn cases() -> Vec<(String, View)> {
    let cases = records().into_iter().filter(|(_, kind, _)| *kind == import::Kind::CaseFile);
    cases.map(|(label, _, mut own)| (label, own.view())).collect()
}

fn case(label: &str) -> View {
    cases().into_iter().find(|(found, _)| found == label).expect(label).1
}

fn goes_of<'a>(preview: &'a Preview, field: &'a str) -> impl Iterator<Item = &'a Goes> {
    preview.goes.iter().filter(move |goes| goes.field == field)
}

/// The codes of reasons for holding back this field, or its whole record.
fn codes(preview: &Preview, field: &str) -> BTreeSet<String> {
    let concerns = |what: &What| match what {
        What::Case => true,
        What::Record(_, kind) => kind == kind_of(field),
        What::Field(_, name) => name == field,
    };
    let of = |reason: &Reason| match reason {
        Reason::Cap(name) => name.clone(),
        other => other.code().to_owned(),
    };
    preview.held_back.iter().filter(|held| concerns(&held.what)).map(|held| of(&held.reason)).collect()
}

#[test]
fn of_twelve_cases_eight_may_go_to_a_circle_of_three_and_four_are_held_back() {
    let held: Vec<(String, Vec<String>)> = cases()
        .into_iter()
        .map(|(label, view)| {
            let preview = preview(&view, &three(), TODAY);
            let reasons: Vec<String> = preview.case_held_back().map(ToString::to_string).collect();
            assert_eq!(reasons.is_empty(), !preview.goes.is_empty(), "{label}");
            (label, reasons)
        })
        .collect();
    let expected: [(&str, &[&str]); 12] = [
        ("SYN-01", &[]),
        ("SYN-02", &[]),
        ("SYN-03", &["the consent level C2 does not include this (2 organisations)"]),
        ("SYN-04", &[]),
        ("SYN-05", &["the consent level C1 does not include this (2 organisations)"]),
        ("SYN-06", &[]),
        ("SYN-07", &["the consent level C2 does not include this (2 organisations)"]),
        ("SYN-08", &[]),
        ("SYN-09", &[]),
        ("SYN-10", &[]),
        ("SYN-11", &["the case was taken back", "consent was withdrawn (2 organisations)"]),
        ("SYN-12", &[]),
    ];
    let expected =
        expected.map(|(label, reasons)| (label.to_owned(), reasons.iter().map(ToString::to_string).collect()));
    assert_eq!(held, expected);
}

#[test]
fn consent_records_of_the_cases_come_to_what_their_levels_say() {
    let permitted = |label: &str| {
        let consent = Consent::of(&case(label));
        let purposes = Schema::current().vocabulary("consent_purpose").expect("there is one").terms.iter();
        let permitted = purposes.filter(|purpose| consent.permits(&purpose.code, Reader::Anyone, TODAY));
        permitted.map(|purpose| purpose.code.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        permitted("SYN-01"),
        "store legal_aid refer share_named share_all match stat un_confidential publish_anon"
    );
    assert_eq!(permitted("SYN-02"), "store legal_aid refer share_named match stat");
    assert_eq!(permitted("SYN-03"), "store legal_aid stat");
    assert_eq!(permitted("SYN-05"), "store legal_aid", "not even counted");
    assert_eq!(permitted("SYN-06"), "store legal_aid refer share_named match stat un_confidential");
    assert_eq!(permitted("SYN-07"), "store legal_aid stat");
    assert_eq!(permitted("SYN-11"), "");
}

#[test]
fn caps_take_away_what_the_circumstances_of_a_case_say() {
    let check = |label: &str, field: &str, expected: &[&str]| {
        let preview = preview(&case(label), &three(), TODAY);
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(codes(&preview, field), expected, "{label} {field}");
        assert_eq!(goes_of(&preview, field).count() == 0, !expected.is_empty(), "{label} {field}");
    };
    check("SYN-01", "charge.code", &["closed_trial"]);
    check("SYN-01", "procedural_event.date", &["closed_trial"]);
    check("SYN-01", "international_action.body", &["anyone_in_russia"]);
    check("SYN-01", "capture_episode.circumstances", &[]);
    check("SYN-02", "penalty.months", &["closed_trial"]);
    check("SYN-02", "source.type", &["state_secret"]);
    check("SYN-02", "captivity_statement.type", &["cooperation_evidence"]);
    check("SYN-02", "capture_episode.circumstances", &["cooperation_evidence"]);
    check("SYN-06", "family_appeal.date", &["incommunicado"]);
    check("SYN-06", "capture_episode.circumstances", &["incommunicado"]);
    check("SYN-06", "international_action.body", &["anyone_in_russia"]);
    check("SYN-08", "charge.code", &[]);
    check("SYN-08", "procedural_event.type", &[]);
    check("SYN-09", "capture_episode.circumstances_local", &["local"]);
    check("SYN-10", "family_appeal.date", &["family_occupied", "local_record"]);
    check("SYN-10", "person.region_home", &["family_occupied"]);
    check("SYN-10", "legal_aid_engagement.status", &["org_undesirable"]);
    check("SYN-10", "captivity_statement.type_local", &["local"]);
}

#[test]
fn what_the_cases_expect_of_visibility_holds() {
    let to_three = |label: &str| preview(&case(label), &three(), TODAY);
    // Nothing of SYN-05 may leave, anonymous counts included; nothing of SYN-11 either.
    for label in ["SYN-05", "SYN-11"] {
        let view = case(label);
        assert!(to_three(label).goes.is_empty(), "{label}");
        assert!(commons::stub(&view, &SectionId([9; 16]), TODAY).statements.is_empty(), "{label}");
        for purpose in ["stat", "publish_anon", "un_confidential", SHARE_NAMED, SHARE_ALL] {
            assert!(!Consent::of(&view).permits(purpose, Reader::Anyone, TODAY), "{label} {purpose}");
        }
    }
    // The health of SYN-08 is visible at its own organisation only; both records stay, the milder one too.
    let preview = to_three("SYN-08");
    let health = || {
        preview.held_back.iter().filter(|held| matches!(&held.what, What::Record(_, kind) if kind == "health_record"))
    };
    assert_eq!(health().filter(|held| held.reason == Reason::Health).count(), 2);
    assert_eq!(health().filter(|held| held.reason == Reason::LocalRecord).count(), 1);
    assert!(!preview.goes.iter().any(|goes| goes.field.starts_with("health_record")));
    // SYN-10: a violation by the Ukrainian side is shown beside the others.
    assert_eq!(goes_of(&to_three("SYN-10"), "violation_finding.code").count(), 3);
    // SYN-12: both dates and both years go, each with its own reporter.
    for field in ["capture_episode.date", "person.birth"] {
        let preview = to_three("SYN-12");
        let reporters: BTreeSet<_> = goes_of(&preview, field).map(|goes| goes.reported_by.clone()).collect();
        assert_eq!((goes_of(&preview, field).count(), reporters.len()), (2, 2), "{field}");
    }
    // A due review is a notice, and decides nothing.
    assert_eq!(to_three("SYN-09").notices, [Notice::ReviewDue]);
    assert_eq!(to_three("SYN-01").notices, []);
}

#[test]
fn a_recall_names_who_has_not_answered() {
    let recall = recall::recall(&case("SYN-11")).expect("it was taken back");
    assert_eq!(recall.on, Some("2025-05-20".parse().expect("a date")));
    assert_eq!(recall.notified, BTreeSet::from(["org:alpha".into(), "org:gamma".into()]));
    assert_eq!(recall.unacknowledged, BTreeSet::from(["org:gamma".into()]));
    assert_eq!(recall::recall(&case("SYN-01")), None);
}

/// Of a hidden section as much is shown as it takes to undo that, and whoever said that it is not to be hidden did not hide it.
#[test]
fn of_a_hidden_section_nothing_is_left_but_what_hides_it_and_who_did() {
    use crate::record::section::sample::says;
    for field in ["consent_record.withdrawn", "tombstone.withdrawn"] {
        let mut section = Written::new(SectionId([1; 16]));
        section.says(vec![says(2, field, Value::Bool(true)), says(3, "capture_episode.place", "UA-14")]);
        assert_eq!(recall::hidden_since(&section.view()), Some(1_764_547_260));
        let contradicts =
            Plain { claimed_time: ClaimedTime(7), ..section.plain(vec![says(2, field, Value::Bool(false))]) };
        section.enters(SECOND, contradicts);
        let view = section.view();
        assert!(recall::is_hidden(&view), "{field}");
        assert_eq!(
            (recall::hidden_by(&view), recall::hidden_since(&view)),
            (BTreeSet::from([OWN]), Some(1_764_547_260))
        );
        let left = recall::hiding_alone(view);
        assert_eq!(left.cells().map(|(_, name, _)| name).collect::<Vec<_>>(), [field]);
    }
    let mut open = Written::new(SectionId([1; 16]));
    open.says(vec![says(2, "consent_record.withdrawn", Value::Bool(false))]);
    assert!(!recall::is_hidden(&open.view()));
}

/// Local values that can be recognised in bytes: free text, and identifiers that are no common words.
fn secrets(view: &View) -> BTreeSet<Vec<u8>> {
    let mut secrets: BTreeSet<Vec<u8>> = view.entities.keys().map(|own| own.0.to_vec()).collect();
    for (_, name, cell) in view.cells() {
        let field = field(name).expect("the cases are of this schema");
        for claim in &cell.claims {
            secrets.extend(claim.reported_by.as_ref().map(|name| name.as_bytes().to_vec()));
            if field.level == Level::Local
                && matches!(field.kind, Kind::Text | Kind::Paragraph | Kind::Org | Kind::Url)
                && let Some(text) = claim.value.as_text().filter(|text| text.len() > 5)
            {
                secrets.insert(text.as_bytes().to_vec());
            }
            if let (Kind::Org, Some(name)) = (&field.kind, claim.value.as_text()) {
                secrets.insert(name.as_bytes().to_vec());
            }
        }
    }
    secrets
}

#[test]
fn a_members_view_holds_nothing_local_nothing_held_back_and_no_id_of_ours() {
    let mut entropy = Entropy::new([8; 32]);
    let (mut shared_cases, mut searched) = (0, 0);
    for (label, own) in cases() {
        let preview = preview(&own, &three(), TODAY);
        if preview.goes.is_empty() {
            continue;
        }
        shared_cases += 1;
        let names = Names::new(&entropy.secret(), own.section, &CIRCLE);
        let mut shared = Written::new(names.shared());
        let mut bytes = Vec::new();
        loop {
            let act = restate(&names, &preview, &shared.view(), &OWN, &preview.fields());
            if act.is_empty() {
                break;
            }
            let plain = shared.plain(act);
            bytes.extend(plain.encode().expect("within the limits of a body"));
            shared.enters(OWN, plain);
        }
        let own_entities: BTreeMap<EntityId, EntityId> =
            own.entities.keys().map(|id| (names.entity(id), *id)).collect();
        // A member reads only fields that may be shared, and each value is one that goes.
        let view = shared.view();
        assert_eq!(view.ignored, [], "{label}");
        let held: BTreeSet<_> = preview
            .held_back
            .iter()
            .filter_map(|held| match &held.what {
                What::Record(entity, kind) => Some((*entity, kind.clone())),
                _ => None,
            })
            .collect();
        for (entity, name, cell) in view.cells() {
            let field = field(name).expect("a field we know");
            assert_eq!(field.level, Level::Sealed, "{label} {name}");
            let own_entity = own_entities.get(entity).copied();
            let held = own_entity.is_some_and(|own| held.contains(&(own, field.entity.clone())));
            assert!(!held, "{label} {name} is of a record held back");
            for claim in &cell.claims {
                assert_eq!(Schema::current().may_go(field, &claim.value, Place::Named), Ok(()), "{label} {name}");
                assert!(claim.reported_by.as_ref().is_none_or(|name| name.starts_with("reporter-")), "{label}");
                let by_value = |goes: &&Goes| {
                    names.entity(&goes.entity) == *entity && (goes.value == claim.value || is_link(name, &goes.value))
                };
                assert!(
                    name == "case_file.case_id" || goes_of(&preview, name).any(|goes| by_value(&goes)),
                    "{label} {name}"
                );
            }
        }
        for kind in ["contact", "person_name", "identity_document", "health_record", "international_action", "task"] {
            assert!(crate::sharing::consent::of_kind(&view, kind).is_empty(), "{label} {kind}");
        }
        let consent: BTreeSet<&str> =
            view.cells().map(|(_, name, _)| name).filter(|name| name.starts_with("consent")).collect();
        assert!(
            consent.is_subset(&["consent_grant.parent", "consent_grant.permitted", "consent_grant.purpose"].into()),
            "{consent:?}"
        );
        // No byte of what stays: names, units, reporters, own ids.
        for secret in secrets(&own) {
            searched += 1;
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{label}: {} bytes", secret.len());
        }
        // Everything that goes arrives.
        let standing: usize = view.cells().map(|(_, _, cell)| cell.claims.len()).sum();
        assert_eq!(standing, preview.goes.len() + 1, "{label}: and its id");
    }
    assert_eq!(shared_cases, 8);
    assert!(searched > 300, "{searched}");
}
