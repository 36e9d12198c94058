//! Disputes between real processes: any copy answers a lawyer's question; conflicts are resolved, opened again, and no
//! claim is lost.

use std::collections::BTreeSet;

use protocol::{
    app::control::{At, Claim, Conflict, Fact, Page, Past, Precedent, Problem, Question, Reply, Request, codes},
    bytes::ids::{EntityId, SectionId},
};
use tests::daemons::{Daemons, Node, eventually, fact};

use crate::NODE;

const MONTHS: &str = "docket_penalty.months";

#[test]
fn a_lawyers_question_is_answered_by_the_third_copy() {
    let nodes = Daemons::found(NODE, 3);
    let arguments = |code: &str, response: &str| {
        let facts = [
            ("docket_source.type", "court_card"),
            ("docket.court_id", "99GV0002"),
            ("docket_charge.code", "RU-CC-352.1"),
            ("docket_charge.provision", "ч.1 ст.30, ст.352.1"),
            ("docket_argument.code", code),
            ("docket_argument.response", response),
        ];
        facts.map(|(field, value)| Fact { grade: Some("A2".into()), ..fact(field, value) }).to_vec()
    };
    let order = nodes[0].save(Request::DocketNew { facts: arguments("ARG-ORDER", "accepted") });
    let retro = nodes[1].save(Request::DocketNew { facts: arguments("ARG-RETRO", "rej_formal") });
    eventually("both dockets are at the third", || (nodes[2].digest_records() == 2).then_some(()));

    let ask = |article: &str, argument: Option<&str>, response: Option<&str>| {
        let text = |text: &str| Some(text.to_owned());
        let (argument, response) = (argument.and_then(text), response.and_then(text));
        let question = Question { article: text(article), argument, response, ..Question::default() };
        precedents(&nodes[2], question)
    };
    let both: BTreeSet<_> = ask("352.1", None, None).iter().map(|found| found.summary.record).collect();
    assert_eq!(both, BTreeSet::from([order, retro]));
    let [one] = ask("RU-CC-352.1", Some("ARG-ORDER"), None).try_into().expect("one docket");
    assert_eq!(one.summary.record, order);
    assert_eq!(one.found.articles, ["RU-CC-352.1", "ст. 30 ч. 1, ст. 352.1"]);
    let answered = &one.found.arguments[0];
    assert_eq!((&answered.argument[0][..], &answered.response[0][..]), ("ARG-ORDER", "accepted"));
    assert_eq!(answered.courts, ["99GV0002"]);
    assert_eq!(ask("352.1", Some("ARG-ORDER"), Some("rej_formal")), []);
    assert_eq!(ask("337", None, None), []);

    let question = Question { argument: Some("ARG-ORDR".into()), ..Question::default() };
    let problem = nodes[2].refused(&Request::Ask { question, page: Page::default() });
    assert!(problem.code == codes::UNKNOWN_CODE && problem.message.contains("ARG-ORDER"), "{problem:?}");
}

#[test]
fn a_claim_that_came_while_somebody_weighed_opens_the_dispute_again_and_what_is_settled_is_so_everywhere() {
    let nodes = Daemons::found(NODE, 3);
    let (record, penalty) = disputed(&nodes);
    let seen = claims(&nodes[0], &record);
    let values: Vec<_> = seen.iter().map(|claim| claim.value.as_u64()).collect();
    assert_eq!(values.len(), 2, "{values:?}");

    // While the first node reads two claims, a third one arrives; the resolution covers only the two.
    say(&nodes[2], &record, penalty, "36");
    let arrived =
        eventually("the third claim is there", || Some(claims(&nodes[0], &record)).filter(|all| all.len() == 3));
    let settle = |node: &Node, seen: &[Claim], value: u64| {
        let chosen = seen.iter().find(|claim| claim.value == value).map(at);
        let (record, seen, field) = (record.to_string(), seen.iter().map(at).collect(), MONTHS.to_owned());
        node.ask(&Request::Resolve { record, entity: penalty, field, chosen, seen, reason: "document".into() })
    };
    settle(&nodes[0], &seen, 48).expect("it is disputed");
    let open = &conflicts(&nodes[0], &record)[0];
    assert!(!open.settled && open.claims.len() == 3 && !open.resolutions[0].holds, "{open:?}");

    settle(&nodes[0], &arrived, 48).expect("it is disputed still");
    for node in nodes.iter() {
        let settled = eventually("it is settled everywhere", || {
            conflicts(node, &record).into_iter().find(|conflict| conflict.settled && conflict.resolutions.len() == 1)
        });
        assert_eq!(settled.claims.len(), 3, "nothing is lost");
        let chosen: Vec<_> =
            settled.claims.iter().filter(|claim| claim.chosen).map(|claim| claim.value.as_u64()).collect();
        assert_eq!(chosen, [Some(48)]);
        assert_eq!(settled.resolutions[0].by.call_sign, nodes[0].status().call_sign);
    }
    nodes.agree();

    // A node that has not received the resolution makes a new claim: the conflict is open again, on every copy.
    say(&nodes[1], &record, penalty, "60");
    for node in nodes.iter() {
        eventually("it is disputed everywhere", || (!conflicts(node, &record)[0].settled).then_some(()));
    }
    let stale = settle(&nodes[1], &arrived, 42).expect_err("its author replaced it");
    assert_eq!((stale.code.as_str(), stale.exit_status()), (codes::CHANGED, 6));
}

#[test]
fn each_organisation_takes_back_its_own_word_and_the_history_keeps_it() {
    let nodes = Daemons::found(NODE, 3);
    let (record, _) = disputed(&nodes);
    let said = |node: &Node, value: u64| {
        let past = history(node, &record);
        past.into_iter().find(|past| past.field == MONTHS && past.claim.value == value).expect("it was said")
    };
    let retract = |node: &Node, at: At, reason: &str| -> Result<Reply, Problem> {
        node.ask(&Request::Retract { record: record.to_string(), at, reason: reason.into() })
    };
    let own = at(&said(&nodes[0], 48).claim);
    let refused = |node: &Node, at: At, reason: &str, code: &str| {
        assert_eq!(retract(node, at, reason).expect_err("it must not be").code, code);
    };
    refused(&nodes[1], own, "error", codes::NOT_OWN);
    refused(&nodes[0], own, "somebody called us", codes::REASON);
    refused(&nodes[0], At { index: 99, ..own }, "error", codes::NOTHING_THERE);
    retract(&nodes[0], own, "error").expect("its own");
    refused(&nodes[0], own, "error", codes::NOTHING_THERE);
    for node in nodes.iter() {
        let past =
            eventually("it is taken back everywhere", || Some(said(node, 48)).filter(|past| past.fate == "retracted"));
        assert_eq!((past.retractions.len(), past.retractions[0].reason.as_str()), (1, "error"));
        assert_eq!(said(node, 42).fate, "stands");
        assert_eq!(conflicts(node, &record), []);
        let times: Vec<_> = history(node, &record).iter().map(|past| past.claim.at).collect();
        assert!(times.is_sorted_by(|later, earlier| later >= earlier), "newest first");
    }
}

/// A disputed docket: the first two nodes claim different penalties, and all nodes have both claims.
fn disputed(nodes: &Daemons) -> (SectionId, EntityId) {
    let facts = [("docket_source.type", "court_card"), ("docket_penalty.type", "imprisonment")];
    let facts = facts.map(|(field, value)| Fact { grade: Some("A2".into()), ..fact(field, value) }).to_vec();
    let record = nodes[0].save(Request::DocketNew { facts });
    eventually("the docket is everywhere", || nodes.iter().all(|node| node.digest_records() == 1).then_some(()));
    let shown = nodes[0].show(&record);
    let penalty = shown.entities.iter().find(|entity| entity.kind == "docket_penalty").expect("a penalty").entity;
    say(&nodes[0], &record, penalty, "48");
    say(&nodes[1], &record, penalty, "42");
    for node in nodes.iter() {
        eventually("both lengths are known", || (conflicts(node, &record).len() == 1).then_some(()));
    }
    (record, penalty)
}

fn say(node: &Node, record: &SectionId, penalty: EntityId, months: &str) {
    let shown = node.show(record);
    let source = shown.entities.iter().find(|entity| entity.kind == "docket_source").map(|entity| entity.entity);
    let fact = Fact { entity: Some(penalty), source, grade: Some("B2".into()), ..fact(MONTHS, months) };
    node.save(Request::Set { record: record.to_string(), facts: vec![fact] });
}

fn precedents(node: &Node, question: Question) -> Vec<Precedent> {
    match node.done(Request::Ask { question, page: Page::default() }) {
        Reply::Precedents { found, asked: 2, .. } => found,
        other => panic!("no precedents: {other:?}"),
    }
}

fn conflicts(node: &Node, record: &SectionId) -> Vec<Conflict> {
    match node.done(Request::Conflicts { record: record.to_string() }) {
        Reply::Conflicts { of, conflicts } if of.record == *record => conflicts,
        other => panic!("no conflicts: {other:?}"),
    }
}

fn claims(node: &Node, record: &SectionId) -> Vec<Claim> {
    conflicts(node, record).swap_remove(0).claims
}

fn history(node: &Node, record: &SectionId) -> Vec<Past> {
    match node.done(Request::History { record: record.to_string() }) {
        Reply::History { of, claims } if of.record == *record => claims,
        other => panic!("no history: {other:?}"),
    }
}

fn at(claim: &Claim) -> At {
    At { entry: claim.entry, index: claim.index }
}

trait DigestRecords {
    /// The number of dockets that the node shows.
    fn digest_records(&self) -> u64;
}

impl DigestRecords for Node {
    fn digest_records(&self) -> u64 {
        self.digest(protocol::app::control::Scope::Commons).records
    }
}
