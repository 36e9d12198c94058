//! Tests of the view against the reference model: any history, any order, any entries missing.

mod histories;

use proptest::prelude::*;

use super::assertion::{Assertion, ClaimedTime, Reference, Statement};
use super::view::{Fate, Shown, Why};
use super::*;
use crate::{
    bytes::ids::EntityId,
    record::schema::{Schema, Value},
};

const SECTION: SectionId = SectionId([1; 16]);
const PERSON: EntityId = EntityId([10; 16]);
const DATE: &str = "capture_episode.date";

/// A history under construction: entries named by number, in an order that respects causality.
#[derive(Default)]
struct History {
    entries: Vec<Contribution>,
}

impl History {
    /// Adds an entry of feed `feed`, whose organisation is `org`, with the deps `deps`. Returns its number.
    fn write(&mut self, feed: u8, org: u8, deps: &[usize], statements: Vec<Statement>) -> usize {
        let number = self.entries.len();
        let (feed, run) = (FeedKey([feed; 32]), Incarnation([0; 8]));
        let seq = self.entries.iter().filter(|entry| entry.feed == feed).map(|entry| entry.seq).max().unwrap_or(0) + 1;
        let deps: BTreeSet<EntryId> = deps.iter().map(|dep| self.entries[*dep].id).collect();
        let plain = Plain {
            schema: Schema::VERSION,
            section: SECTION,
            claimed_time: ClaimedTime(1_700_000_000 + 60 * (number as u64 % 3)),
            deps: deps.into_iter().collect(),
            batch: None,
            statements,
        };
        self.entries.push(Contribution { id: id(number), feed, run, seq, org: OrgId([org; 32]), plain });
        number
    }

    /// Makes a section that took in `order`, viewed only once.
    fn section(&self, order: &[usize]) -> Section {
        let mut section = Section::new(SECTION);
        for number in order {
            section.insert(self.entries[*number].clone()).expect("one section, no fork");
        }
        section
    }

    fn model(&self, numbers: &[usize]) -> View {
        let entries: Vec<_> = numbers.iter().map(|number| self.entries[*number].clone()).collect();
        model::view(SECTION, &entries)
    }

    fn all(&self) -> Vec<usize> {
        (0..self.entries.len()).collect()
    }
}

/// An id without meaningful order, like a hash.
fn id(number: usize) -> EntryId {
    EntryId(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

fn at(number: usize, index: u64) -> Reference {
    Reference(id(number), index)
}

fn says(field: &str, value: impl Into<Value>) -> Statement {
    sample::says(10, field, value)
}

fn reports(name: &str, value: &str) -> Statement {
    let Statement::Assert(assertion) = says(DATE, value) else { unreachable!("says asserts") };
    Statement::Assert(Assertion { reported_by: Some(name.to_owned()), ..assertion })
}

fn retracts(at: Reference) -> Statement {
    Statement::Retract { at, reason: "error".into() }
}

fn resolves(chosen: Option<Reference>, seen: &[Reference]) -> Statement {
    let seen: BTreeSet<_> = seen.iter().copied().collect();
    let seen = seen.into_iter().collect();
    Statement::Resolve { entity: PERSON, field: DATE.into(), chosen, seen, reason: "document".into() }
}

/// The shown value of `field` in the whole of `history`; the model must agree.
fn shown(history: &History, field: &str) -> Shown {
    let view = history.section(&history.all()).view();
    assert_eq!(view, history.model(&history.all()));
    view.cell(&PERSON, field).expect("it was spoken of").shown.clone()
}

/// The current values, sorted.
fn values(history: &History, field: &str) -> Vec<Value> {
    let view = history.section(&history.all()).view();
    let claims = &view.cell(&PERSON, field).expect("it was spoken of").claims;
    let mut values: Vec<_> = claims.iter().map(|claim| claim.value.clone()).collect();
    values.sort();
    values
}

fn agreed(value: &str) -> Shown {
    Shown::Agreed(Value::from(value))
}

#[test]
fn concurrent_edits_stand_side_by_side_until_all_agree() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-08-30")]);
    assert_eq!(shown(&history, DATE), agreed("2024-08-30"));
    let b = history.write(2, 2, &[], vec![says(DATE, "2024-09-02")]);
    assert_eq!(shown(&history, DATE), Shown::Conflict);
    let view = history.section(&[b, a]).view();
    let claims = &view.cell(&PERSON, DATE).expect("spoken of").claims;
    let sides: BTreeSet<_> = claims.iter().map(|claim| (claim.org, claim.value.clone())).collect();
    let both = [(OrgId([1; 32]), "2024-08-30".into()), (OrgId([2; 32]), "2024-09-02".into())];
    assert_eq!(sides, BTreeSet::from(both));

    // Knowing another's value does not overrule it; only its own author replaces a value by asserting another.
    history.write(1, 1, &[b], vec![says(DATE, "2024-08-31")]);
    assert_eq!(values(&history, DATE), ["2024-08-31".into(), "2024-09-02".into()]);
    history.write(2, 2, &[], vec![says(DATE, "2024-08-31")]);
    assert_eq!(shown(&history, DATE), agreed("2024-08-31"));
}

#[test]
fn two_devices_of_one_organisation_that_did_not_know_each_other_conflict() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-01")]);
    let b = history.write(2, 1, &[], vec![says(DATE, "2024-02")]);
    assert_eq!(shown(&history, DATE), Shown::Conflict);
    history.write(2, 1, &[a, b], vec![says(DATE, "2024-03")]);
    assert_eq!(shown(&history, DATE), agreed("2024-03"));
}

#[test]
fn two_values_passed_on_for_two_others_do_not_replace_each_other() {
    let mut history = History::default();
    history.write(1, 1, &[], vec![reports("alpha", "2024-01")]);
    history.write(1, 1, &[], vec![reports("beta", "2024-02")]);
    assert_eq!(shown(&history, DATE), Shown::Conflict);
    history.write(1, 1, &[], vec![reports("alpha", "2024-02")]);
    assert_eq!(shown(&history, DATE), agreed("2024-02"));
}

#[test]
fn a_resolution_settles_what_it_saw_and_nothing_else() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-01")]);
    let b = history.write(2, 2, &[], vec![says(DATE, "2024-02")]);
    let resolution = history.write(3, 3, &[a, b], vec![resolves(Some(at(a, 0)), &[at(a, 0), at(b, 0)])]);
    let resolved =
        |chosen: Option<&str>, by: usize| Shown::Resolved { chosen: chosen.map(Value::from), by: vec![at(by, 0)] };
    assert_eq!(shown(&history, DATE), resolved(Some("2024-01"), resolution));
    assert_eq!(values(&history, DATE).len(), 2, "the losing value stays visible");

    let c = history.write(4, 4, &[], vec![says(DATE, "2024-01")]);
    assert_eq!(shown(&history, DATE), Shown::Conflict, "a claim it had not seen, even of the same value");
    let seen = [at(a, 0), at(b, 0), at(c, 0)];
    let none = history.write(1, 1, &[resolution, c], vec![resolves(None, &seen)]);
    assert_eq!(shown(&history, DATE), resolved(None, none), "none of them, said by another who knew the first");
    history.write(2, 2, &[resolution, c], vec![resolves(Some(at(b, 0)), &seen)]);
    assert_eq!(shown(&history, DATE), Shown::Conflict, "two that did not know each other and differ");
    history.write(1, 1, &[], vec![retracts(at(none, 0))]);
    assert_eq!(shown(&history, DATE), resolved(Some("2024-02"), none + 1), "one of them was taken back");
    history.write(2, 2, &[], vec![retracts(at(b, 0))]);
    assert_eq!(shown(&history, DATE), agreed("2024-01"), "what was chosen is gone, and the rest agree");
}

#[test]
fn a_retraction_is_absolute_and_only_for_ones_own() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-01")]);
    let b = history.write(1, 1, &[], vec![says(DATE, "2024-02")]);
    history.write(2, 2, &[b], vec![retracts(at(b, 0))]);
    assert_eq!(shown(&history, DATE), agreed("2024-02"), "another organisation cannot unsay it");
    let own = history.write(3, 1, &[], vec![retracts(at(b, 0))]);
    assert_eq!(shown(&history, DATE), Shown::Nothing, "another device can, also without having seen it");
    let view = history.section(&history.all()).view();
    let fate = |at: Reference| {
        let history = &view.cell(&PERSON, DATE).expect("spoken of").history;
        history.iter().find(|former| former.claim.at == at).map(|former| &former.fate)
    };
    assert_eq!(fate(at(a, 0)), Some(&Fate::Superseded), "what it had superseded does not come back");
    assert!(matches!(fate(at(b, 0)), Some(Fate::Retracted(by)) if by[0].at == at(own, 0)));
    assert_eq!(view.ignored.iter().map(|ignored| ignored.why).collect::<Vec<_>>(), [Why::NotOwn]);
    history.write(1, 1, &[a], vec![retracts(at(own, 0)), retracts(at(a, 7)), retracts(Reference(EntryId([9; 32]), 0))]);
    let view = history.section(&history.all()).view();
    assert_eq!(view.ignored.iter().filter(|ignored| ignored.why == Why::NothingThere).count(), 2);
    assert_eq!(shown(&history, DATE), Shown::Nothing, "a retraction is not retracted: say it again");
}

#[test]
fn the_strictest_value_wins_over_later_ones_and_over_resolutions() {
    let check = |field: &str, values: &[Value], strictest: Value| {
        let mut history = History::default();
        for value in values {
            history.write(1, 1, &[], vec![says(field, value.clone())]);
        }
        let why = values
            .iter()
            .zip(0..)
            .filter(|(value, _)| **value == strictest)
            .map(|(_, n)| at(n, 0))
            .collect::<BTreeSet<_>>();
        let Shown::Strictest { value, why: found } = shown(&history, field) else { panic!("{field} is strict") };
        assert_eq!((value, found.into_iter().collect::<BTreeSet<_>>()), (strictest, why), "{field}");
    };
    let text = |text: &str| Value::from(text);
    check("case_file.urgency", &[text("24h"), text("low"), text("24h")], text("24h"));
    check("case_file.urgency", &[text("24h"), text("of-a-newer-schema"), text("low")], text("of-a-newer-schema"));
    check("case_file.do_not_share", &[Value::Bool(true), Value::Bool(false)], Value::Bool(true));
    check("consent_grant.permitted", &[Value::Bool(false), Value::Bool(true)], Value::Bool(false));
    check("case_file.retention_until", &[text("2027"), text("2026-05-01"), text("2026-06")], text("2026-05-01"));
    check("case_file.retention_until", &[text("2026-05-01"), text("mañana")], text("mañana"));

    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says("case_file.urgency", "24h")]);
    let b = history.write(2, 2, &[], vec![says("case_file.urgency", "low")]);
    let Statement::Resolve { entity, chosen, seen, reason, .. } = resolves(Some(at(b, 0)), &[at(a, 0), at(b, 0)])
    else {
        unreachable!("resolves resolves")
    };
    let field = "case_file.urgency".to_owned();
    history.write(2, 2, &[a], vec![Statement::Resolve { entity, field, chosen, seen, reason }]);
    assert!(matches!(shown(&history, "case_file.urgency"), Shown::Strictest { value, .. } if value == text("24h")));
    assert_eq!(history.section(&history.all()).view().ignored[0].why, Why::NoConflict);
}

#[test]
fn each_other_policy_keeps_what_it_must() {
    let check = |field: &str, count: usize, expected: Shown| {
        let mut history = History::default();
        history.write(1, 1, &[], vec![says(field, "one"), says(field, "two")]);
        history.write(2, 2, &[0], vec![says(field, "one")]);
        assert_eq!((shown(&history, field), values(&history, field).len()), (expected, count), "{field}");
    };
    check("case_file.current_need", 3, Shown::Union);
    check("case_file.risk", 3, Shown::Union);
    check("case_file.urgency_reason", 3, Shown::Log);
    check("source.reliability", 2, Shown::PerOrg);
    check("evidence_item.sha256", 3, Shown::Conflict); // set once: a second value does not replace the first
    check("person.shoe_size", 3, Shown::Union); // not in this schema: kept, shown raw

    let mut history = History::default();
    history.write(1, 1, &[], vec![says("person.age", Value::Int(30))]);
    let view = history.section(&history.all()).view();
    assert!(view.entities.is_empty());
    assert_eq!(view.ignored.iter().map(|ignored| ignored.why).collect::<Vec<_>>(), [Why::Derived]);
}

/// The scenario for every order of arrival: a branch and its join, a correction, a retraction, a resolution.
fn seven() -> History {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-01"), says("case_file.current_need", "money")]);
    let b = history.write(2, 2, &[a], vec![says(DATE, "2024-02"), says("case_file.urgency", "24h")]);
    let c = history.write(1, 1, &[], vec![says(DATE, "2024-03"), says("case_file.urgency", "low")]);
    let d = history.write(3, 1, &[a], vec![says(DATE, "2024-04"), retracts(at(a, 1))]);
    let e = history.write(2, 2, &[c, d], vec![resolves(Some(at(c, 0)), &[at(b, 0), at(c, 0), at(d, 0)])]);
    history.write(3, 1, &[c], vec![says(DATE, "2024-05")]);
    history.write(1, 1, &[e], vec![says("person.shoe_size", Value::Int(43)), says(DATE, "2024-03")]);
    history
}

#[test]
fn all_5040_orders_of_seven_entries_give_one_view_also_when_looked_at_in_between() {
    let history = seven();
    let expected = history.model(&history.all()).digest();
    let mut orders = 0;
    permute(&mut history.all(), 0, &mut |order| {
        orders += 1;
        assert_eq!(history.section(order).view().digest(), expected, "{order:?}");
        let mut section = Section::new(SECTION);
        for (count, number) in order.iter().enumerate() {
            section.insert(history.entries[*number].clone()).expect("one section, no fork");
            // Views are taken at different moments in each order, so that late parts of a past arrive at a document
            // already built.
            if orders % 7 == count {
                section.view();
            }
        }
        assert_eq!(section.view().digest(), expected, "{order:?}, looked at after {}", orders % 7);
    });
    assert_eq!(orders, 5040);
}

fn permute(items: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == items.len() {
        return visit(items);
    }
    for at in from..items.len() {
        items.swap(from, at);
        permute(items, from + 1, visit);
        items.swap(from, at);
    }
}

/// A fork of the document per entry made 2,400 entries in two branches take 4.8 s, one per branch 37 ms.
#[test]
fn branches_are_forked_once_however_long_and_however_interwoven() {
    let check = |name: &str, deps: &dyn Fn(usize) -> Vec<usize>, looks: usize, forks: usize| {
        let mut history = History::default();
        for number in 0..2400 {
            let feed = 1 + (number % 2) as u8;
            history.write(
                feed,
                feed,
                &deps(number),
                vec![says(DATE, "2024-01"), says("case_file.current_need", "money")],
            );
        }
        let mut section = Section::new(SECTION);
        for (number, entry) in history.entries.iter().enumerate() {
            section.insert(entry.clone()).expect("one section, no fork");
            if number % (2400 / looks) == 0 {
                section.view();
            }
        }
        let view = section.view();
        assert!(section.document.forks() <= forks, "{name}: {} forks", section.document.forks());
        assert_eq!(view.cell(&PERSON, DATE).expect("spoken of").claims.len(), 2, "{name}");
        assert_eq!(view.cell(&PERSON, "case_file.current_need").expect("spoken of").claims.len(), 2400, "{name}");
    };
    check("two branches", &|_| vec![], 1, 1);
    check("two branches, arriving in turns", &|_| vec![], 24, 2);
    check("each knows the other but for the last", &|number| number.checked_sub(3).into_iter().collect(), 24, 2);
    check("one line", &|number| number.checked_sub(1).into_iter().collect(), 24, 0);
}

#[test]
fn more_authors_at_once_than_branches_are_kept_change_nothing() {
    let mut history = History::default();
    let root = history.write(0, 1, &[], vec![says(DATE, "2024")]);
    for round in 0..3 {
        for feed in 1..=40 {
            let deps = if round == 0 { vec![root] } else { vec![] };
            history.write(feed, feed % 5, &deps, vec![says(DATE, format!("2024-{:02}", 1 + feed % 12).as_str())]);
        }
    }
    let mut section = history.section(&history.all());
    assert_eq!(section.view().digest(), history.model(&history.all()).digest());
    assert!(section.document.forks() >= 39);
}

#[test]
fn what_belongs_elsewhere_or_forks_its_feed_is_refused() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![says(DATE, "2024-01")]);
    let entry = history.entries[a].clone();
    let mut section = Section::new(SECTION);
    assert_eq!(section.insert(entry.clone()), Ok(true));
    assert_eq!(section.insert(entry.clone()), Ok(false), "known already");
    let forked = Contribution { id: EntryId([9; 32]), ..entry.clone() };
    assert_eq!(section.insert(forked.clone()), Err(InsertError::Forked { entry: forked.id, seq: 1, held: entry.id }));
    let mut elsewhere = forked.clone();
    elsewhere.plain.section = SectionId([2; 16]);
    assert!(matches!(section.insert(elsewhere), Err(InsertError::OtherSection { .. })));
    assert!(section.remove(&entry.id) && !section.remove(&entry.id));
    assert_eq!(section.insert(forked), Ok(true), "the place is free");
}

#[test]
fn the_heads_are_what_a_new_entry_must_name() {
    let mut history = History::default();
    let a = history.write(1, 1, &[], vec![]);
    let b = history.write(2, 2, &[a], vec![]);
    let c = history.write(1, 1, &[], vec![]);
    let section = history.section(&[a, b, c]);
    let chain = |feed: u8| (FeedKey([feed; 32]), Incarnation([0; 8]));
    assert_eq!(section.heads(chain(1)), [id(b)]);
    assert_eq!(section.heads(chain(2)), [id(c)]);
    assert_eq!(section.heads(chain(3)).len(), 2);
}

#[test]
fn a_view_survives_its_json_and_its_digest_tells_every_difference() {
    let history = seven();
    let view = history.section(&history.all()).view();
    let json = serde_json::to_string(&view).expect("a view is JSON");
    assert_eq!(serde_json::from_str::<View>(&json).expect("its own JSON"), view);
    let digests: BTreeSet<_> =
        (0..=7).map(|count| history.section(&(0..count).collect::<Vec<_>>()).view().digest()).collect();
    assert_eq!(digests.len(), 8, "each entry shows");
}

/// Raw choices that [`build`] turns into a history; small numbers, so that failures shrink to few and simple entries.
#[derive(Clone, Debug)]
struct Step {
    feed: u8,
    deps: Vec<u8>,
    statements: Vec<(u8, u8, u8, u8)>,
}

const FIELDS: [&str; 12] = [
    DATE,
    "capture_episode.place",
    "evidence_item.sha256",
    "case_file.current_need",
    "case_file.urgency_reason",
    "source.reliability",
    "case_file.urgency",
    "case_file.risk",
    "case_file.retention_until",
    "case_file.do_not_share",
    "person.age",
    "person.shoe_size",
];

fn step() -> impl Strategy<Value = Step> {
    let statement = (0u8..10, 0u8..16, 0u8..4, any::<u8>());
    (0u8..5, prop::collection::vec(any::<u8>(), 0..3), prop::collection::vec(statement, 0..4))
        .prop_map(|(feed, deps, statements)| Step { feed, deps, statements })
}

fn build(steps: &[Step]) -> History {
    let mut history = History::default();
    steps.iter().for_each(|step| continue_with(&mut history, step));
    history
}

fn continue_with(history: &mut History, step: &Step) {
    let count = history.entries.len();
    let deps: Vec<_> = step.deps.iter().filter(|_| count > 0).map(|dep| usize::from(*dep) % count).collect();
    let statements = step.statements.iter().map(|choice| statement(history, *choice)).collect();
    // Five feeds of three organisations: two of them have two devices.
    history.write(step.feed, step.feed % 3, &deps, statements);
}

/// A statement. Half of the fields drawn are the first, where conflicts and resolutions are.
fn statement(history: &History, (kind, field, value, pick): (u8, u8, u8, u8)) -> Statement {
    let field = FIELDS.get(usize::from(field)).copied().unwrap_or(DATE);
    let entity = EntityId([10 + pick % 2 * (pick / 2 % 2); 16]);
    let value = match field {
        "case_file.do_not_share" => Value::Bool(value % 2 == 0),
        "case_file.urgency" => ["low", "high", "24h", "new"][usize::from(value)].into(),
        "case_file.retention_until" => ["2027", "2026-05", "2026-05-01", "soon"][usize::from(value)].into(),
        "person.age" => Value::Int(u64::from(value)),
        _ => ["2024-01", "2024-02", "2024-03", "2024-04"][usize::from(value)].into(),
    };
    let said: Vec<Reference> = history
        .entries
        .iter()
        .flat_map(|entry| (0..entry.plain.statements.len() as u64).map(|index| Reference(entry.id, index)))
        .collect();
    let about: Vec<Reference> = (history.entries.iter().flat_map(|entry| {
        entry.plain.statements.iter().zip(0..).filter_map(move |(statement, index)| match statement {
            Statement::Assert(assertion) if assertion.entity == entity && assertion.field == field => {
                Some(Reference(entry.id, index))
            }
            _ => None,
        })
    }))
    .collect();
    match kind {
        0 | 1 if !said.is_empty() => retracts(said[usize::from(pick) % said.len()]),
        2 | 3 if !about.is_empty() => {
            // All claims, or all but one.
            let mut seen: BTreeSet<_> = about.iter().copied().collect();
            if pick % 4 == 0 && about.len() > 1 {
                seen.remove(&about[usize::from(pick / 4) % about.len()]);
            }
            let seen: Vec<_> = seen.into_iter().collect();
            let chosen = (pick % 5 != 0).then(|| seen[usize::from(pick) % seen.len()]);
            Statement::Resolve { entity, field: field.into(), chosen, seen, reason: "document".into() }
        }
        _ => Statement::Assert(Assertion {
            entity,
            field: field.into(),
            value,
            sources: vec![],
            grade: None,
            basis: None,
            reported_by: (kind == 9).then(|| ["alpha", "beta"][usize::from(pick % 2)].to_owned()),
        }),
    }
}

/// A history and events on it: numbers of entries to insert (above 127: to remove instead).
fn arrivals() -> impl Strategy<Value = (Vec<Step>, Vec<u8>)> {
    (prop::collection::vec(step(), 1..16), prop::collection::vec(any::<u8>(), 0..48))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_every_arrival_and_every_loss_the_view_is_the_models((steps, events) in arrivals()) {
        let history = build(&steps);
        let mut section = Section::new(SECTION);
        let mut here = BTreeSet::new();
        for event in events {
            let number = usize::from(event % 128) % history.entries.len();
            // One removal for every three insertions.
            if event >= 192 {
                prop_assert_eq!(section.remove(&history.entries[number].id), here.remove(&number));
            } else {
                prop_assert_eq!(section.insert(history.entries[number].clone()), Ok(here.insert(number)));
            }
            // Several events sometimes come between two views.
            if event % 3 > 0 {
                let present: Vec<_> = here.iter().copied().collect();
                let view = section.view();
                prop_assert_eq!(&view, &history.model(&present));
                prop_assert_eq!(view.digest(), history.section(&present).view().digest());
            }
        }
        let present: Vec<_> = here.into_iter().collect();
        prop_assert_eq!(section.view(), history.model(&present));
    }

    #[test]
    fn any_order_of_a_whole_history_gives_the_models_digest(
        steps in prop::collection::vec(step(), 1..20),
        keys in prop::collection::vec(any::<u16>(), 20),
    ) {
        let history = build(&steps);
        let mut order = history.all();
        order.sort_by_key(|number| keys[*number]);
        order.extend_from_within(..order.len() / 2);
        prop_assert_eq!(history.section(&order).view().digest(), history.model(&history.all()).digest());
    }
}
