//! Tests of consent: permissions derived from consent records.

use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::section::{
    assertion::Statement,
    sample::{refers, says, view, view_of_one},
};

const ALPHA: OrgId = OrgId([201; 32]);
const GAMMA: OrgId = OrgId([202; 32]);
const RECORD: u8 = 1;
const NEWER: u8 = 2;
const GRANT: u8 = 11;
const TODAY: civil::Date = date(2025, 12, 1);

fn alpha() -> Reader<'static> {
    Reader::Organisation(&ALPHA, Some("GE"))
}

fn gamma() -> Reader<'static> {
    Reader::Organisation(&GAMMA, None)
}

/// A record with this giver and level, asked on 1 March 2025.
fn record(entity: u8, giver: &str, level: Option<&str>) -> Vec<Statement> {
    let mut said =
        vec![says(entity, "consent_record.giver", giver), says(entity, "consent_record.asked_on", "2025-03-01")];
    said.extend(level.map(|level| says(entity, "consent_record.level", level)));
    said
}

/// A line of a record.
fn line(entity: u8, record: u8, purpose: &str, answer: &str) -> Vec<Statement> {
    vec![
        refers(entity, "consent_grant.parent", record),
        says(entity, "consent_grant.purpose", purpose),
        says(entity, "consent_grant.answer", answer),
    ]
}

/// The refusals for a purpose, without counts.
fn refused(said: &[Vec<Statement>], purpose: &str, reader: Reader<'_>, as_of: civil::Date) -> Vec<Refusal> {
    Consent::of(&view_of_one(&[said.concat()])).refusals(purpose, reader, as_of).into_iter().collect()
}

fn check(said: &[Vec<Statement>], purpose: &str, expected: &[Refusal]) {
    assert_eq!(refused(said, purpose, alpha(), TODAY), expected, "{purpose}");
}

#[test]
fn what_nobody_allowed_is_refused() {
    check(&[], SHARE_NAMED, &[Refusal::Absent]);
    check(&[record(RECORD, "subject", None)], SHARE_NAMED, &[Refusal::Absent]);
    check(&[record(RECORD, "subject", Some("C3"))], "icc", &[Refusal::Absent]);
    check(&[record(RECORD, "none_public_source", Some("C3"))], SHARE_NAMED, &[Refusal::Absent]);
}

/// A caseworker set a level alone, and the case file was shared: nobody could have said who had agreed to that.
#[test]
fn a_level_without_who_gave_it_and_when_grants_nothing_and_what_it_denies_stays_denied() {
    let level = || says(RECORD, "consent_record.level", "C3");
    let giver = || says(RECORD, "consent_record.giver", "subject");
    let asked = || says(RECORD, "consent_record.asked_on", "2025-03-01");
    for incomplete in [vec![level()], vec![level(), giver()], vec![level(), asked()]] {
        check(std::slice::from_ref(&incomplete), SHARE_NAMED, &[Refusal::Incomplete]);
        check(&[incomplete], SHARE_ALL, &[Refusal::Level("C3".into())]);
    }
    check(&[vec![level(), giver(), asked()]], SHARE_NAMED, &[]);
}

#[test]
fn a_level_grants_its_preset_and_denies_the_rest() {
    for (level, granted) in &Schema::current().rules().consent_presets {
        let consent = Consent::of(&view_of_one(&[record(RECORD, "subject", Some(level))]));
        for purpose in Schema::current().vocabulary("consent_purpose").expect("there is one").terms.iter() {
            let permits = consent.permits(&purpose.code, Reader::Anyone, TODAY);
            assert_eq!(permits, granted.contains(&purpose.code), "{level} {}", purpose.code);
        }
    }
    check(&[record(RECORD, "subject", Some("C2"))], SHARE_NAMED, &[Refusal::Level("C2".into())]);
    let unknown = "C9 of a newer schema";
    check(&[record(RECORD, "subject", Some(unknown))], "store", &[Refusal::Level(unknown.into())]);
}

#[test]
fn a_line_adds_limits_or_denies() {
    let c3 = record(RECORD, "subject", Some("C3"));
    check(&[c3.clone(), line(GRANT, RECORD, "icc", "granted")], "icc", &[]);
    check(&[c3.clone(), line(GRANT, RECORD, SHARE_ALL, "granted")], SHARE_ALL, &[Refusal::Level("C3".into())]);
    for answer in ["denied", "not_asked", "of a newer schema"] {
        check(&[c3.clone(), line(GRANT, RECORD, SHARE_NAMED, answer)], SHARE_NAMED, &[Refusal::Denied]);
    }
    let mut forbidden = line(GRANT, RECORD, SHARE_NAMED, "granted");
    forbidden.push(says(GRANT, "consent_grant.permitted", Value::Bool(false)));
    check(&[c3.clone(), forbidden], SHARE_NAMED, &[Refusal::Denied]);
    // A denial without a record, or without a purpose, denies all the same.
    let stray = vec![says(GRANT, "consent_grant.answer", "denied")];
    check(&[c3, stray], "store", &[Refusal::Denied]);
}

/// A line that permits and yet was answered with a no: whoever reads one of the two alone shares against a person's word.
#[test]
fn a_line_grants_only_if_both_its_answer_and_its_permission_do() {
    let c3 = || record(RECORD, "subject", Some("C3"));
    let mut line = line(GRANT, RECORD, SHARE_NAMED, "denied");
    line.push(says(GRANT, "consent_grant.permitted", Value::Bool(true)));
    check(&[c3(), line], SHARE_NAMED, &[Refusal::Denied]);
    let permitted = |answer: bool| {
        vec![
            refers(GRANT, "consent_grant.parent", RECORD),
            says(GRANT, "consent_grant.purpose", "icc"),
            says(GRANT, "consent_grant.permitted", Value::Bool(answer)),
        ]
    };
    check(&[c3(), permitted(true)], "icc", &[]);
    check(&[c3(), permitted(false)], "icc", &[Refusal::Denied]);
}

/// Devices of one organisation put a line under different records. It counts for none of them as a grant: nobody knows
/// which person, and which day, it is of. As a denial it counts while one of them is in force.
#[test]
fn a_line_of_two_records_grants_for_neither_and_denies_for_both() {
    let said = |answer: &str| {
        let parents = view(&[
            [record(RECORD, "subject", Some("C3")), record(NEWER, "subject", Some("C3"))].concat(),
            line(GRANT, RECORD, "icc", answer),
            line(GRANT, NEWER, "icc", answer),
        ]);
        Consent::of(&parents).refusals("icc", alpha(), TODAY).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(said("granted"), [Refusal::Absent]);
    assert_eq!(said("denied"), [Refusal::Denied]);
}

#[test]
fn a_line_that_names_its_readers_limits_one_beside_it_that_names_none() {
    let mut named = line(GRANT, RECORD, SHARE_NAMED, "granted");
    named.push(says(GRANT, "consent_grant.audience_org", Value::Org(ALPHA)));
    let said = [record(RECORD, "subject", Some("C3")), line(12, RECORD, SHARE_NAMED, "granted"), named];
    assert_eq!(refused(&said, SHARE_NAMED, alpha(), TODAY), []);
    assert_eq!(refused(&said, SHARE_NAMED, gamma(), TODAY), [Refusal::OtherReaders]);
}

#[test]
fn a_grant_covers_the_organisations_and_countries_it_names() {
    let with = |field: &str, value: Value, answer: &str| {
        let mut limited = line(GRANT, RECORD, SHARE_NAMED, answer);
        limited.push(says(GRANT, field, value));
        [record(RECORD, "subject", Some("C3")), limited].concat()
    };
    let both = |said: &Vec<Statement>| {
        let said = [said.clone()];
        [alpha(), gamma()].map(|reader| refused(&said, SHARE_NAMED, reader, TODAY))
    };
    let (org, country, body) =
        ("consent_grant.audience_org", "consent_grant.audience_country", "consent_grant.audience_body");
    let others = || vec![Refusal::OtherReaders];
    let denied = || vec![Refusal::Denied];
    assert_eq!(both(&with(org, Value::Org(ALPHA), "granted")), [vec![], others()]);
    assert_eq!(both(&with(org, "org:alpha".into(), "granted")), [others(), others()], "a name is not an id");
    assert_eq!(both(&with(country, "GE".into(), "granted")), [vec![], others()], "an unknown country is not meant");
    assert_eq!(both(&with(country, "LT".into(), "granted")), [others(), others()]);
    assert_eq!(both(&with(body, "WGAD".into(), "granted")), [others(), others()]);
    assert_eq!(both(&with(org, Value::Org(ALPHA), "denied")), [denied(), vec![]]);
    assert_eq!(both(&with(org, "org:alpha".into(), "denied")), [denied(), denied()], "a name may be anyone's");
    assert_eq!(both(&with(country, "LT".into(), "denied")), [vec![], denied()], "an unknown country may be it");
    assert_eq!(both(&with(body, "WGAD".into(), "denied")), [vec![], vec![]]);
    let anyone = refused(&[with(org, Value::Org(ALPHA), "granted")], SHARE_NAMED, Reader::Anyone, TODAY);
    assert_eq!(anyone, others());
}

#[test]
fn a_newer_record_replaces_an_older_one_but_a_proxy_does_not_replace_the_person() {
    let replaces = || vec![refers(NEWER, "consent_record.supersedes", RECORD)];
    let level = |level: &str| vec![Refusal::Level(level.into())];
    let c2 = |giver| record(RECORD, giver, Some("C2"));
    let c3 = |giver| record(NEWER, giver, Some("C3"));
    check(&[c2("subject"), c3("subject")], SHARE_NAMED, &level("C2"));
    check(&[c2("subject"), c3("subject"), replaces()], SHARE_NAMED, &[]);
    check(&[c2("family_proxy"), c3("subject"), replaces()], SHARE_NAMED, &[]);
    check(&[c2("subject"), c3("family_proxy"), replaces()], SHARE_NAMED, &level("C2"));
    let circle = vec![refers(RECORD, "consent_record.supersedes", NEWER)];
    check(&[c3("subject"), record(RECORD, "subject", Some("C3")), replaces(), circle], SHARE_NAMED, &[Refusal::Absent]);
}

/// Whoever is not known to be the person, his counsel or his representative takes nothing of their word away: what they
/// denied stays denied.
#[test]
fn a_record_of_nobody_or_of_nobody_knows_whom_does_not_replace_the_persons_either() {
    let c2 = || record(RECORD, "subject", Some("C2"));
    let replaces = || vec![refers(NEWER, "consent_record.supersedes", RECORD)];
    let nameless =
        vec![says(NEWER, "consent_record.asked_on", "2025-03-01"), says(NEWER, "consent_record.level", "C3")];
    let expected = [Refusal::Level("C2".into())];
    check(&[c2(), nameless, replaces()], SHARE_NAMED, &expected);
    check(&[c2(), record(NEWER, "none_public_source", Some("C3")), replaces()], SHARE_NAMED, &expected);
}

/// Two said of one record who had given it. The reading that allows less counts.
#[test]
fn where_it_is_disputed_who_gave_a_record_the_most_cautious_reading_counts() {
    let given = |one: &str, other: &str, purpose: &str| {
        let more = vec![says(RECORD, "consent_record.giver", other), says(9, "person.birth", "2007-03-02")];
        let said = Consent::of(&view(&[record(RECORD, one, Some("C6")), more]));
        said.refusals(purpose, alpha(), TODAY).into_iter().collect::<Vec<_>>()
    };
    for [one, other] in [["subject", "legal_rep"], ["legal_rep", "subject"]] {
        assert_eq!(given(one, other, SHARE_NAMED), [Refusal::UnderAge], "{one}, {other}");
    }
    for other in ["subject", "legal_rep"] {
        assert_eq!(given("family_proxy", other, SHARE_ALL), [Refusal::BeyondProxy], "a proxy, {other}");
    }
    for other in ["subject", "legal_rep", "family_proxy"] {
        let refused = given(other, "none_public_source", SHARE_NAMED);
        assert_eq!(refused, [Refusal::Absent], "nobody was asked, {other}");
    }
}

#[test]
fn a_proxy_allows_at_most_c4_until_the_person_can_be_asked() {
    let proxy = record(RECORD, "family_proxy", Some("C6"));
    check(std::slice::from_ref(&proxy), "un_confidential", &[]);
    check(std::slice::from_ref(&proxy), SHARE_ALL, &[Refusal::BeyondProxy]);
    check(&[record(RECORD, "subject", Some("C6"))], SHARE_ALL, &[]);
    let unknown_giver = record(RECORD, "a giver of a newer schema", Some("C6"));
    check(&[unknown_giver], SHARE_ALL, &[Refusal::BeyondProxy]);

    let restored = |day: Option<&str>| {
        let event = says(20, "procedural_event.type", "contact.restored");
        let day = day.map(|day| says(20, "procedural_event.date", day));
        [proxy.clone(), std::iter::once(event).chain(day).collect()]
    };
    let on = |day: Option<&str>, as_of| refused(&restored(day), SHARE_NAMED, alpha(), as_of);
    assert_eq!(on(Some("2025-11-10"), date(2025, 11, 13)), []);
    assert_eq!(on(Some("2025-11-10"), date(2025, 11, 14)), [Refusal::ProxyEnded]);
    assert_eq!(on(Some("2025-11"), date(2025, 11, 5)), [Refusal::ProxyEnded], "from its earliest day");
    assert_eq!(on(None, TODAY), [Refusal::ProxyEnded]);
    assert_eq!(on(Some("2025-02-10"), TODAY), [], "before the proxy was asked: contact was lost again");
}

#[test]
fn a_grant_lapses_and_a_denial_does_not() {
    let with = |field: &str, value: Value| [record(RECORD, "subject", Some("C3")), vec![says(RECORD, field, value)]];
    let expires = with("consent_record.expires_on", "2025-06-30".into());
    assert_eq!(refused(&expires, SHARE_NAMED, alpha(), date(2025, 6, 30)), []);
    assert_eq!(refused(&expires, SHARE_NAMED, alpha(), date(2025, 7, 1)), [Refusal::Expired]);
    assert_eq!(refused(&expires, SHARE_ALL, alpha(), date(2025, 7, 1)), [Refusal::Level("C3".into())]);
    let in_june = with("consent_record.expires_on", "2025-06".into());
    assert_eq!(refused(&in_june, SHARE_NAMED, alpha(), date(2025, 6, 2)), [Refusal::Expired], "from its earliest day");
    check(&with("consent_record.expires_on", "when the trial is over".into()), SHARE_NAMED, &[Refusal::Expired]);
    check(&with("consent_record.free_to_speak", Value::Bool(false)), SHARE_NAMED, &[Refusal::NotFree]);
    let born = |born: &str, giver: &str| [record(RECORD, giver, Some("C3")), vec![says(9, "person.birth", born)]];
    check(&born("2007-03-01", "subject"), SHARE_NAMED, &[]);
    check(&born("2007-03-02", "subject"), SHARE_NAMED, &[Refusal::UnderAge]);
    check(&born("2007", "subject_via_lawyer"), SHARE_NAMED, &[Refusal::UnderAge]);
    check(&born("2007", "legal_rep"), SHARE_NAMED, &[]);
}

#[test]
fn a_review_that_is_due_and_a_condition_are_told_and_decide_nothing() {
    let said = [
        record(RECORD, "subject", Some("C3")),
        vec![
            says(RECORD, "consent_record.review_on", "2025-09-01"),
            says(RECORD, "consent_record.condition", "not before the verdict"),
        ],
    ];
    check(&said, SHARE_NAMED, &[]);
    let consent = Consent::of(&view_of_one(&[said.concat()]));
    assert_eq!((consent.review_due(date(2025, 9, 1)), consent.review_due(TODAY)), (false, true));
    assert_eq!(consent.conditions(), 1);
}

#[test]
fn a_withdrawal_beats_whatever_was_said_and_is_undone_by_taking_it_back_alone() {
    let c3 = record(RECORD, "subject", Some("C3"));
    let withdrawn = vec![says(RECORD, "consent_record.withdrawn", Value::Bool(true))];
    let again =
        [record(NEWER, "subject", Some("C6")), vec![refers(NEWER, "consent_record.supersedes", RECORD)]].concat();
    check(&[c3.clone(), withdrawn.clone(), again.clone()], SHARE_NAMED, &[Refusal::Withdrawn]);
    check(&[c3.clone(), withdrawn.clone(), again], "store", &[Refusal::Withdrawn]);
    let not = vec![says(RECORD, "consent_record.withdrawn", Value::Bool(false))];
    check(&[c3.clone(), withdrawn.clone(), not], SHARE_NAMED, &[Refusal::Withdrawn]);

    // Two concurrent statements: an edit and a withdrawal.
    let edit = vec![says(RECORD, "consent_record.level", "C6")];
    for said in [[withdrawn.clone(), edit.clone()], [edit, withdrawn.clone()]] {
        assert!(Consent::of(&view(&[std::slice::from_ref(&c3), &said[..]].concat())).is_withdrawn());
    }
    let seen = view_of_one(&[c3.clone(), withdrawn.clone()]);
    let [claim] = &seen.cell(&EntityId([RECORD; 16]), "consent_record.withdrawn").expect("it was said").claims[..]
    else {
        panic!("one withdrawal");
    };
    let back = vec![Statement::Retract { at: claim.at, reason: "error".into() }];
    assert!(Consent::of(&view_of_one(&[c3, withdrawn, back])).permits(SHARE_NAMED, alpha(), TODAY));
}

#[test]
fn a_partial_withdrawal_closes_the_lines_it_marks() {
    let mut marked = line(GRANT, RECORD, SHARE_NAMED, "granted");
    marked.push(says(GRANT, "consent_grant.withdrawn_on", "2025-10-01"));
    let record = || record(RECORD, "subject", Some("C3"));
    let withdrawn = |scope: &str| {
        vec![
            says(RECORD, "consent_record.withdrawn", Value::Bool(true)),
            says(RECORD, "consent_record.withdrawal_scope", scope),
        ]
    };
    let purpose = [record(), marked.clone(), withdrawn("purpose")];
    check(&purpose, SHARE_NAMED, &[Refusal::Withdrawn]);
    check(&purpose, "legal_aid", &[]);
    check(&[record(), marked.clone(), withdrawn("all")], "legal_aid", &[Refusal::Withdrawn]);
    check(&[record(), withdrawn("purpose")], "legal_aid", &[Refusal::Withdrawn]);
    let without_scope = vec![says(RECORD, "consent_record.withdrawn", Value::Bool(true))];
    check(&[record(), marked.clone(), without_scope], "legal_aid", &[Refusal::Withdrawn]);
    // Withdrawn without a statement about the record, and replaced: the withdrawal stays.
    let newer = [self::record(NEWER, "subject", Some("C3")), vec![refers(NEWER, "consent_record.supersedes", RECORD)]];
    check(&[record(), marked, newer.concat()], SHARE_NAMED, &[Refusal::Withdrawn]);
}

/// Any statement of a consent record, in any mixture.
fn statement() -> impl Strategy<Value = Statement> {
    let entity = || 1..4u8;
    let grant = || 11..15u8;
    let purpose = || select(vec![SHARE_NAMED, SHARE_ALL, "stat", "icc"]);
    prop_oneof![
        3 => (entity(), select(vec!["C0", "C2", "C3", "C5", "C6"])).prop_map(|(at, level)| says(at, "consent_record.level", level)),
        3 => (entity(), select(vec!["subject", "legal_rep", "family_proxy"])).prop_map(|(at, giver)| says(at, "consent_record.giver", giver)),
        1 => (entity(), select(vec!["2024-12", "2025-03-01"])).prop_map(|(at, day)| says(at, "consent_record.asked_on", day)),
        1 => (entity(), select(vec!["2025-06-30", "2026"])).prop_map(|(at, day)| says(at, "consent_record.expires_on", day)),
        1 => (entity(), entity()).prop_map(|(at, old)| refers(at, "consent_record.supersedes", old)),
        3 => (grant(), entity()).prop_map(|(at, record)| refers(at, "consent_grant.parent", record)),
        3 => (grant(), purpose()).prop_map(|(at, purpose)| says(at, "consent_grant.purpose", purpose)),
        3 => grant().prop_map(|at| says(at, "consent_grant.answer", "granted")),
        1 => (grant(), select(vec![ALPHA, GAMMA])).prop_map(|(at, org)| says(at, "consent_grant.audience_org", Value::Org(org))),
        1 => (grant(), select(vec!["GE", "LT"])).prop_map(|(at, country)| says(at, "consent_grant.audience_country", country)),
        1 => Just(says(20, "procedural_event.type", "contact.restored")),
        1 => Just(says(20, "procedural_event.date", "2025-11-10")),
        1 => Just(says(9, "person.birth", "2006")),
    ]
}

/// A mixture with one sound record, so that something is granted often.
fn statements() -> impl Strategy<Value = Vec<Statement>> {
    let sound = prop_oneof![1 => Just(vec![]), 3 => Just(record(RECORD, "subject", Some("C5")))];
    (sound, prop::collection::vec(statement(), 0..14)).prop_map(|(sound, more)| [sound, more].concat())
}

/// A statement that denies. (Adding the purpose to a denial without one is no denial: before, it denied all.)
fn denial() -> impl Strategy<Value = Vec<Statement>> {
    let purpose = || select(vec![SHARE_NAMED, SHARE_ALL, "stat", "icc"]);
    prop_oneof![
        (purpose(), 1..4u8).prop_map(|(purpose, record)| line(30, record, purpose, "denied")),
        (11..15u8).prop_map(|at| vec![says(at, "consent_grant.permitted", Value::Bool(false))]),
        (11..15u8).prop_map(|at| vec![says(at, "consent_grant.withdrawn_on", "2025-10-01")]),
        (1..4u8).prop_map(|at| vec![says(at, "consent_record.level", "C0")]),
        (1..4u8).prop_map(|at| vec![says(at, "consent_record.free_to_speak", Value::Bool(false))]),
        (1..4u8).prop_map(|at| vec![says(at, "consent_record.withdrawn", Value::Bool(true))]),
    ]
}

/// Consent from statements of several organisations, none of which knows another's.
fn said_apart(statements: &[Statement]) -> Consent {
    Consent::of(&view(&statements.iter().map(|statement| vec![statement.clone()]).collect::<Vec<_>>()))
}

/// The permitted pairs of purpose and reader, of all that the mixtures contain.
fn permitted(consent: &Consent, as_of: civil::Date) -> BTreeSet<(&'static str, usize)> {
    let readers = [alpha(), gamma(), Reader::Anyone];
    let pairs =
        [SHARE_NAMED, SHARE_ALL, "stat", "icc"].into_iter().flat_map(|purpose| (0..3).map(move |at| (purpose, at)));
    pairs.filter(|(purpose, at)| consent.permits(purpose, readers[*at], as_of)).collect()
}

proptest! {
    #[test]
    fn a_denial_more_opens_nothing(said in statements(), denial in denial()) {
        let before = permitted(&said_apart(&said), TODAY);
        let after = permitted(&said_apart(&[said, denial].concat()), TODAY);
        prop_assert!(after.is_subset(&before), "{after:?} opened, {before:?} before");
    }

    #[test]
    fn the_order_of_words_does_not_matter(
        (said, shuffled) in statements().prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
    ) {
        prop_assert_eq!(permitted(&said_apart(&said), TODAY), permitted(&said_apart(&shuffled), TODAY));
    }

    #[test]
    fn a_withdrawal_dominates(said in statements(), at in 1..4u8, place in 0..15usize) {
        let mut said = said;
        said.insert(place.min(said.len()), says(at, "consent_record.withdrawn", Value::Bool(true)));
        prop_assert_eq!(permitted(&said_apart(&said), TODAY), BTreeSet::new());
    }

    #[test]
    fn time_only_closes(said in statements(), days in 0..600i64) {
        let consent = said_apart(&said);
        let early = date(2025, 4, 1);
        prop_assert!(permitted(&consent, later(early, days.days())).is_subset(&permitted(&consent, early)));
    }
}

#[test]
fn the_mixtures_grant_often_enough_to_test_anything() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut granted = 0;
    for _ in 0..200 {
        let said = statements().new_tree(&mut runner).expect("a tree").current();
        granted += usize::from(!permitted(&said_apart(&said), TODAY).is_empty());
    }
    assert!(granted > 40, "{granted} of 200");
}
