//! Tests of conflicts: two organisations disagree, and a third claim arrives while somebody weighs the two.

use super::*;
use crate::{
    bytes::ids::{EntryId, FeedKey, Incarnation, SectionId},
    record::section::{Contribution, Section, assertion::Plain, sample::says},
};

const MONTHS: &str = "penalty.months";
const ENTITY: EntityId = EntityId([7; 16]);
const OWN: OrgId = OrgId([1; 32]);
const OTHER: OrgId = OrgId([2; 32]);

/// A section to which organisations write one after the other.
struct Talk(Section, u64);

impl Talk {
    fn new() -> Self {
        Self(Section::new(SectionId([1; 16])), 0)
    }

    /// Writes an entry whose author had read everything (`knows`) or nothing of the other organisations.
    fn says(&mut self, org: OrgId, knows: bool, statements: Vec<Statement>) -> EntryId {
        self.1 += 1;
        let (feed, run) = (FeedKey(org.0), Incarnation([0; 8]));
        let deps = if knows { self.0.heads((feed, run)) } else { vec![] };
        let claimed_time = ClaimedTime(self.1 * 60);
        let plain =
            Plain { schema: Schema::VERSION, section: self.0.id(), claimed_time, deps, batch: None, statements };
        let mut id = org.0;
        id[31] = u8::try_from(self.1).expect("a short talk");
        self.0.insert(Contribution { id: EntryId(id), feed, run, seq: self.1, org, plain }).expect("a new place");
        EntryId(id)
    }

    fn view(&mut self) -> View {
        self.0.view()
    }

    fn shown(&mut self) -> Shown {
        self.view().cell(&ENTITY, MONTHS).expect("it was spoken of").shown.clone()
    }
}

fn names() -> AddressBook {
    AddressBook::new([(&OWN, "maple-river"), (&OTHER, "abandon-zoo")].into_iter())
}

fn disputed() -> Talk {
    let mut talk = Talk::new();
    talk.says(OWN, false, vec![says(7, MONTHS, crate::record::schema::Value::Int(48))]);
    talk.says(OTHER, false, vec![says(7, MONTHS, crate::record::schema::Value::Int(42))]);
    talk
}

fn months(value: u64) -> Vec<Statement> {
    vec![says(7, MONTHS, crate::record::schema::Value::Int(value))]
}

/// All claims of the one conflict.
fn all_seen(view: &View) -> Vec<At> {
    let conflicts = conflicts(view, &names());
    conflicts[0].claims.iter().map(|claim| At { entry: claim.entry, index: claim.index }).collect()
}

fn weigh<'a>(seen: &'a [At], chosen: Option<usize>, reason: &'a str) -> Weighed<'a> {
    Weighed { entity: ENTITY, field: MONTHS, chosen: chosen.map(|nth| seen[nth]), seen, reason }
}

/// A claim that was not weighed cannot be chosen, although it is live.
#[test]
fn what_is_chosen_is_one_of_what_was_seen() {
    let view = disputed().view();
    let seen = all_seen(&view);
    let chosen = |weighed: Weighed<'_>| resolve(&view, &weighed).map(drop).map_err(|problem| problem.code);
    assert_eq!(chosen(weigh(&seen, Some(1), "document")), Ok(()));
    let unseen = Weighed { seen: &seen[..1], ..weigh(&seen, Some(1), "document") };
    assert_eq!(chosen(unseen), Err(codes::CHANGED.into()));
}

#[test]
fn what_was_weighed_is_settled_and_a_claim_that_came_meanwhile_opens_it_again() {
    let mut talk = disputed();
    let seen = all_seen(&talk.view());
    // A third claim arrives while a person reads the two claims.
    talk.says(OrgId([3; 32]), false, months(36));
    let settled = resolve(&talk.view(), &weigh(&seen, Some(0), "document")).expect("it is disputed");
    let Statement::Resolve { seen: named, .. } = &settled else { panic!("it settles") };
    assert_eq!(named.len(), 2, "exactly what was seen");
    talk.says(OWN, true, vec![settled]);
    assert_eq!(talk.shown(), Shown::Conflict);
    let open = &conflicts(&talk.view(), &names())[0];
    assert_eq!((open.settled, open.claims.len(), open.resolutions[0].holds), (false, 3, false));

    let all = all_seen(&talk.view());
    let settled = resolve(&talk.view(), &weigh(&all, None, "unreliable")).expect("it is disputed again");
    talk.says(OTHER, true, vec![settled]);
    assert!(matches!(talk.shown(), Shown::Resolved { chosen: None, .. }));
    let calm = &conflicts(&talk.view(), &names())[0];
    assert_eq!((calm.settled, calm.claims.len(), calm.resolutions[0].holds), (true, 3, true), "nothing is lost");
    assert_eq!(calm.resolutions[0].by.call_sign.as_deref(), Some("abandon-zoo"));
    talk.says(OrgId([3; 32]), true, months(60));
    assert_eq!(talk.shown(), Shown::Conflict);
}

#[test]
fn the_value_chosen_is_gone_by_and_the_others_stay_in_sight() {
    let mut talk = disputed();
    let seen = all_seen(&talk.view());
    let settled = resolve(&talk.view(), &weigh(&seen, Some(1), "Так в документе")).expect("a label is a code too");
    let Statement::Resolve { reason, .. } = &settled else { panic!("it settles") };
    assert_eq!(reason, "document");
    talk.says(OWN, true, vec![settled]);
    let conflicts = conflicts(&talk.view(), &names());
    let said: Vec<_> = conflicts[0].claims.iter().map(|claim| (claim.value.as_u64(), claim.chosen)).collect();
    assert_eq!(said, [(Some(48), false), (Some(42), true)]);
}

#[test]
fn what_cannot_be_settled_is_refused_with_its_code() {
    let mut talk = disputed();
    talk.says(OWN, true, vec![says(8, MONTHS, crate::record::schema::Value::Int(1)), says(9, "case_file.risk", "nda")]);
    let view = talk.view();
    let seen = all_seen(&view);
    let check = |weighed: &Weighed<'_>, code: &str| {
        let problem = resolve(&view, weighed).expect_err("it cannot be settled");
        assert_eq!(problem.code, code, "{}", problem.message);
        assert!(!problem.message.contains("friends"), "a typed note is not repeated");
    };
    let sound = weigh(&seen, Some(0), "document");
    check(&Weighed { field: "penalty.month", ..sound.clone() }, codes::NO_FIELD);
    check(&Weighed { field: "penalty.type", ..sound.clone() }, codes::NOT_DISPUTED);
    check(&Weighed { entity: EntityId([9; 16]), field: "case_file.risk", ..sound.clone() }, codes::NOT_DISPUTED);
    check(&Weighed { seen: &[], chosen: None, ..sound.clone() }, codes::CHANGED);
    let stranger = At { entry: EntryId([9; 32]), index: 0 };
    check(&Weighed { chosen: Some(stranger), ..sound.clone() }, codes::CHANGED);
    check(&Weighed { seen: &[seen[0], stranger], ..sound.clone() }, codes::CHANGED);
    // A note is refused where only a code is allowed: it would be signed, and read by everyone in the circle.
    check(&Weighed { reason: "our friends in the centre say so", ..sound.clone() }, codes::REASON);
    let eight = view.cell(&EntityId([8; 16]), MONTHS).expect("it is there").claims[0].at;
    check(
        &Weighed { entity: EntityId([8; 16]), chosen: None, seen: &[eight.into()], ..sound.clone() },
        codes::NOT_DISPUTED,
    );

    // The chosen claim is replaced by its author before the resolution is made.
    talk.says(OWN, true, months(50));
    let problem = resolve(&talk.view(), &sound).expect_err("the choice is gone");
    assert_eq!((problem.code.as_str(), problem.exit_status()), (codes::CHANGED, 6));
}

#[test]
fn an_organisation_takes_back_its_own_word_and_no_other() {
    let mut talk = disputed();
    let seen = all_seen(&talk.view());
    let check = |view: &View, at: At, reason: &str, code: &str| {
        assert_eq!(retract(view, &OWN, at, reason).expect_err("it must not").code, code);
    };
    check(&talk.view(), seen[1], "error", codes::NOT_OWN);
    // An own value does not help either where the strictest value counts.
    let withdrawal =
        talk.says(OTHER, false, vec![says(9, "consent_record.withdrawn", crate::record::schema::Value::Bool(true))]);
    check(&talk.view(), At { entry: withdrawal, index: 0 }, "error", codes::OUTWEIGHED);
    check(&talk.view(), At { index: 5, ..seen[0] }, "error", codes::NOTHING_THERE);
    check(&talk.view(), seen[0], "we were told otherwise", codes::REASON);
    let back = retract(&talk.view(), &OWN, seen[0], "error").expect("its own");
    talk.says(OWN, true, vec![back]);
    assert!(matches!(talk.shown(), Shown::Agreed(_)));
    check(&talk.view(), seen[0], "error", codes::NOTHING_THERE);

    let past = history(&talk.view(), &names());
    let fates: Vec<_> = past.iter().map(|past| (&*past.fate, past.retractions.len())).collect();
    assert_eq!(fates, [("stands", 0), ("stands", 0), ("retracted", 1)]);
    assert_eq!(past[2].retractions[0].reason, "error");
}

#[test]
fn a_settlement_can_be_taken_back_by_whoever_made_it() {
    let mut talk = disputed();
    let settled = resolve(&talk.view(), &weigh(&all_seen(&talk.view()), Some(0), "document")).expect("it is disputed");
    talk.says(OWN, true, vec![settled]);
    let at = conflicts(&talk.view(), &names())[0].resolutions[0].at;
    let back = retract(&talk.view(), &OWN, at, "error").expect("its own");
    talk.says(OWN, true, vec![back]);
    assert_eq!(talk.shown(), Shown::Conflict);
}

#[test]
fn the_history_has_every_claim_newest_first() {
    let mut talk = disputed();
    talk.says(OWN, true, months(50));
    talk.says(OWN, true, months(52));
    let said: Vec<_> = history(&talk.view(), &names())
        .iter()
        .map(|past| (past.claim.value.as_u64().unwrap_or_default(), past.fate.clone()))
        .collect();
    let expected = [(52, "stands"), (50, "superseded"), (42, "stands"), (48, "superseded")];
    assert_eq!(said, expected.map(|(value, fate)| (value, fate.to_owned())));
}
