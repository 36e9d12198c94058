//! Sharing between real processes: what a person shares arrives, what is held back does not, what is withdrawn is
//! hidden.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use node::{store::Rocks, vault::Vault};
use protocol::{
    app::control::{
        At, Fact, Guest, HeldBackWhat, Page, Readers, Record, RecordKind, Reply, Request, Scope, SharePreview, codes,
    },
    bytes::{
        ids::{EntityId, RegistryId, SectionId},
        seal::Entropy,
    },
    log::{body::Body, entry::Signed},
    record::schema::{Kind, Level, Schema, Value},
    replication::sync,
    store::{Row, Store, Table},
};
use tests::{
    daemons::{Daemons, Node, PASSPHRASE, eventually, fact, passphrase},
    evil::{Member, docket, unchecked},
};

use crate::{
    NODE,
    kill::{Deed, LIFE_MS, chance, kill_during},
};

/// Nodes with shared case files: the first shared its sample with the second and the third, who have it.
fn shared() -> Daemons {
    let nodes = Daemons::found(NODE, 3);
    nodes[0].import_sample();
    share(&nodes[0], &[], &[&nodes[1], &nodes[2]]);
    arrive(&nodes, 8);
    nodes
}

fn with(guests: &[&Node]) -> Readers {
    let guest = |node: &&Node| Guest { organisation: node.status().call_sign.expect("joined"), country: None };
    Readers::Organisations(guests.iter().map(guest).collect())
}

fn preview(home: &Node, records: &[SectionId], with: &Readers) -> SharePreview {
    let records = records.iter().map(ToString::to_string).collect();
    match home.done(Request::SharePreview { records, with: with.clone() }) {
        Reply::SharePreview(preview) => preview,
        other => panic!("no preview: {other:?}"),
    }
}

fn share_held(home: &Node, records: &[SectionId], with: &Readers, hold_s: u64) -> Vec<protocol::app::control::Share> {
    let seen = preview(home, records, with).seen;
    let records = records.iter().map(ToString::to_string).collect();
    match home.done(Request::Share { records, with: with.clone(), seen, hold_s }) {
        Reply::Shares { shares } => shares,
        other => panic!("not shared: {other:?}"),
    }
}

fn share(home: &Node, records: &[SectionId], guests: &[&Node]) {
    share_held(home, records, &with(guests), 0);
    eventually("it has gone", || waiting(home).is_empty().then_some(()));
}

fn waiting(home: &Node) -> Vec<protocol::app::control::Share> {
    match home.done(Request::Shares) {
        Reply::Shares { shares } => shares,
        other => panic!("no list: {other:?}"),
    }
}

fn arrive(nodes: &Daemons, cases: usize) {
    eventually("shared case files arrive", || {
        let there = |node: &Node| node.list(RecordKind::Case).len() == cases;
        let digests: BTreeSet<_> = nodes.iter().map(|node| node.digest(Scope::Shared).digest).collect();
        (nodes[1..].iter().all(there) && digests.len() == 1).then_some(())
    });
}

/// The id of an own case file, by the label of the sample.
fn case(home: &Node, label: &str) -> SectionId {
    let cases = home.list(RecordKind::Case);
    cases.iter().find(|case| case.label.as_deref() == Some(label)).expect(label).record
}

fn part(home: &Node, label: &str) -> SectionId {
    home.show(&case(home, label)).parts[0]
}

fn values(record: &Record, field: &str) -> BTreeSet<String> {
    let cells = record.entities.iter().flat_map(|entity| &entity.cells).filter(|cell| cell.field == field);
    cells.flat_map(|cell| &cell.claims).map(|claim| claim.value.to_string()).collect()
}

fn set(node: &Node, record: &SectionId, facts: Vec<Fact>) {
    node.done(Request::Set { record: record.to_string(), facts });
}

fn entity_of(record: &Record, field: &str) -> EntityId {
    let has = |entity: &&protocol::app::control::Entity| entity.cells.iter().any(|cell| cell.field == field);
    record.entities.iter().find(has).expect(field).entity
}

fn of(entity: EntityId, field: &str, value: &str) -> Fact {
    Fact { entity: Some(entity), ..fact(field, value) }
}

/// The local texts that can be recognised in bytes, as the home node shows them: names, notes, contacts, reporters,
/// ids, and dates more exact than they are shared.
fn local(home: &Node) -> BTreeSet<String> {
    let mut local = BTreeSet::new();
    for case in home.list(RecordKind::Case) {
        let record = home.show(&case.record);
        local.insert(case.record.to_string());
        local.extend(case.label);
        for entity in &record.entities {
            local.insert(entity.entity.to_string());
            for cell in &entity.cells {
                let field = Schema::current().field(&cell.field).expect("a field of ours");
                for claim in
                    cell.claims.iter().filter(|claim| Some(&claim.organisation) == home.status().organisation.as_ref())
                {
                    local.extend(claim.reported_by.clone());
                    let is_text = matches!(field.kind, Kind::Text | Kind::Paragraph | Kind::Org | Kind::Url);
                    let text = claim.value.as_str().filter(|text| text.len() > 5);
                    local.extend(text.filter(|_| field.level == Level::Local && is_text).map(str::to_owned));
                }
            }
        }
    }
    local
}

#[test]
fn a_members_view_holds_nothing_local_and_nothing_held_back() {
    let mut nodes = shared();
    let secrets = local(&nodes[0]);
    assert!(secrets.len() > 300, "only {} things to look for", secrets.len());
    let held: Vec<_> = {
        let preview = preview(&nodes[0], &[], &with(&[&nodes[1], &nodes[2]]));
        preview.cases.into_iter().filter(|case| case.goes.is_empty()).collect()
    };
    assert_eq!(held.len(), 4);
    let parts: BTreeSet<SectionId> =
        nodes[0].list(RecordKind::Case).iter().flat_map(|case| case.parts.clone()).collect();

    // First every JSON that the third node can be made to return is searched.
    let third = &nodes[2];
    let mut said = vec![serde_json::to_string(&third.status()).expect("JSON")];
    let mut ask = |request: Request| match third.ask(&request) {
        Ok(reply) => said.push(serde_json::to_string(&reply).expect("JSON")),
        Err(problem) => said.push(serde_json::to_string(&problem).expect("JSON")),
    };
    for kind in [RecordKind::Case, RecordKind::Docket] {
        ask(Request::List { kind, stage: None, page: Page::default() });
        for record in third.list(kind) {
            assert!(kind == RecordKind::Docket || parts.contains(&record.record));
            ask(Request::Show { record: record.record.to_string() });
            ask(Request::Export { record: record.record.to_string() });
        }
    }
    let mut fields = BTreeSet::new();
    for record in third.list(RecordKind::Case) {
        let record = third.show(&record.record);
        fields.extend(record.entities.iter().flat_map(|entity| &entity.cells).map(|cell| cell.field.clone()));
    }
    for field in &fields {
        let known = Schema::current().field(field).expect("a field of ours");
        assert_eq!(known.level, Level::Sealed, "{field}");
    }
    assert!(!fields.contains("consent_record.giver") && fields.iter().all(|field| !field.starts_with("contact.")));

    // Then every body that its keys open is searched.
    let registry = nodes[2].status().registry.expect("joined");
    nodes[2].stop();
    let bodies = open_bodies(&nodes[2], &registry);
    assert!(bodies.len() >= 10, "8 case files and 2 dockets are in at least so many bodies, not {}", bodies.len());
    for secret in &secrets {
        for text in &said {
            assert!(!text.contains(secret.as_str()), "the third shows something local");
        }
        for body in &bodies {
            let found = body.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the third holds something local");
        }
    }
}

/// Opens every body in the folder of a stopped node that its passphrase leads to.
fn open_bodies(node: &Node, registry: &RegistryId) -> Vec<Vec<u8>> {
    let (_, keys) = Vault::open(node.folder(), &passphrase(PASSPHRASE), SystemTime::now()).expect("its passphrase");
    let store = Rocks::open(&node.folder().join("store"), &keys, Entropy::new([1; 32])).expect("its store");
    let epochs = sync::epochs(&store).expect("readable");
    let mut bodies = Vec::new();
    store
        .scan_table(Table::Header, &mut |_, envelope| {
            let entry = Signed::parse(&envelope).expect("an entry").verify(registry).expect("verified before");
            let row = Row::new(Table::Body, entry.id().0, 0);
            let Some(body) = store.get(&row).expect("readable") else { return true };
            let body = Body::check(entry.header(), body).expect("its own body");
            let keys = epochs.get(&entry.header().feed.circle).into_iter().flatten();
            let opened = keys.filter_map(|epoch| body.open(registry, entry.header(), &epoch.1).ok());
            bodies.extend(opened);
            true
        })
        .expect("readable");
    bodies
}

#[test]
fn a_share_can_be_cancelled_while_it_waits_and_goes_when_its_time_has_come_over_a_restart() {
    let mut nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let case = case(&nodes[0], "SYN-01");
    let shares = share_held(&nodes[0], &[case], &with(&[&nodes[1]]), 600);
    assert_eq!((shares.len(), &shares[0].records), (1, &vec![case]));
    nodes[0].stop();
    nodes[0].resume();
    assert_eq!(waiting(&nodes[0]), shares, "it waits on after a restart");
    let cancel = Request::ShareCancel { share: shares[0].share.clone() };
    nodes[0].done(cancel.clone());
    assert_eq!(nodes[0].refused(&cancel).code, codes::NO_SHARE);
    nodes.settle();
    assert_eq!((waiting(&nodes[0]), nodes[1].list(RecordKind::Case)), (vec![], vec![]));
    assert_eq!(nodes[0].status().shared_cases, 0);
    assert!(nodes[1].status().circles.iter().all(|circle| circle.kind != "named"), "not even the circle was made");

    share_held(&nodes[0], &[case], &with(&[&nodes[1]]), 1);
    nodes[0].kill();
    nodes[0].resume();
    eventually("it goes by itself", || (nodes[1].list(RecordKind::Case).len() == 1).then_some(()));
    assert_eq!(nodes[0].status().shared_cases, 1);
}

#[test]
fn an_edit_of_a_shared_field_travels_in_the_same_act_and_a_new_field_does_not() {
    let nodes = shared();
    let (own, part) = (case(&nodes[0], "SYN-01"), part(&nodes[0], "SYN-01"));
    let record = nodes[0].show(&own);
    let capture = entity_of(&record, "capture_episode.date");
    assert!(values(&record, "capture_episode.date").len() == 1);
    set(&nodes[0], &own, vec![of(capture, "capture_episode.date", "2023-06-12")]);
    eventually("the correction is everywhere", || {
        let there = |node: &Node| values(&node.show(&part), "capture_episode.date") == ["\"2023-06-12\"".into()].into();
        (there(&nodes[1]) && there(&nodes[2])).then_some(())
    });
    // A field that was never previewed waits, whatever else is edited.
    let unseen = "case_file.last_contact_on";
    assert_eq!(values(&nodes[1].show(&part), unseen), BTreeSet::new());
    set(&nodes[0], &own, vec![fact(unseen, "2025-02"), of(capture, "capture_episode.date", "2023-06-13")]);
    eventually("the second correction is there", || {
        (values(&nodes[1].show(&part), "capture_episode.date") == ["\"2023-06-13\"".into()].into()).then_some(())
    });
    assert_eq!(values(&nodes[1].show(&part), unseen), BTreeSet::new());
    share(&nodes[0], &[own], &[&nodes[1], &nodes[2]]);
    eventually("now it is there", || {
        (values(&nodes[1].show(&part), unseen) == ["\"2025-02\"".into()].into()).then_some(())
    });
    assert_eq!(nodes[0].show(&own).parts, [part], "it is the same part");
}

#[test]
fn what_two_organisations_say_of_a_shared_case_stands_side_by_side_at_home_too() {
    let nodes = shared();
    let (own, part) = (case(&nodes[0], "SYN-01"), part(&nodes[0], "SYN-01"));
    let there = nodes[1].show(&part);
    let listed = || {
        let cases = nodes[0].list(RecordKind::Case);
        cases.into_iter().find(|case| case.record == own).expect("it is listed").conflicts
    };
    let before = listed();
    set(&nodes[1], &part, vec![of(entity_of(&there, "capture_episode.date"), "capture_episode.date", "2023-06-20")]);
    eventually("home sees both", || {
        let record = nodes[0].show(&own);
        let cells = record.entities.iter().flat_map(|entity| &entity.cells);
        let disputed = cells.filter(|cell| cell.field == "capture_episode.date" && cell.shown == "conflict");
        disputed.into_iter().next().map(|cell| assert_eq!(cell.claims.len(), 2))
    });
    assert_eq!(listed(), before + 1, "a line that was remembered is made anew");
    assert_eq!(nodes[0].show(&part).record, own, "the part of an own case file leads to it");
    arrive(&nodes, 8);
    assert_eq!(nodes[0].list(RecordKind::Case).len(), 12, "no case file is listed twice");
}

#[test]
fn a_withdrawal_hides_the_case_everywhere_whatever_was_edited_meanwhile() {
    let nodes = shared();
    let (own, part) = (case(&nodes[0], "SYN-01"), part(&nodes[0], "SYN-01"));
    let there = nodes[1].show(&part);
    let consent = entity_of(&nodes[0].show(&own), "consent_record.giver");
    for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
        let organisation = nodes[b].status().call_sign.expect("joined");
        nodes[a].done(Request::Hold { organisation });
    }
    set(&nodes[0], &own, vec![of(consent, "consent_record.withdrawn", "true")]);
    set(&nodes[1], &part, vec![of(entity_of(&there, "capture_episode.date"), "capture_episode.date", "2023-06-20")]);
    assert_eq!(nodes[1].list(RecordKind::Case).len(), 8, "the second has not heard of it");
    for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
        let organisation = nodes[b].status().call_sign.expect("joined");
        nodes[a].done(Request::Release { organisation });
    }
    arrive(&nodes, 7);
    for node in &nodes[1..] {
        let problem = node.refused(&Request::Show { record: part.to_string() });
        assert_eq!(problem.code, codes::TAKEN_BACK);
        assert!(!problem.next.is_empty());
    }
    let home = nodes[0].show(&own);
    assert_eq!((home.parts, home.readers), (vec![], vec![]), "nobody can read it any more");
    // The readers until then are still listed: they have read it.
    let sign = |node: &Node| node.status().call_sign.expect("joined");
    let mut had: Vec<String> = nodes[1..].iter().map(sign).collect();
    had.sort_unstable();
    let [taken] = &home.taken_back[..] else { panic!("{:?}", home.taken_back) };
    assert_eq!((&taken.from, &taken.by[..]), (&had, &[sign(&nodes[0])][..]));
    assert_eq!(nodes[0].status().alarms, [], "it was withdrawn at home");
    let received: Vec<u64> = nodes.iter().map(|node| node.status().received_cases).collect();
    assert_eq!(received, [0, 7, 7]);
    let again = preview(&nodes[0], &[own], &with(&[&nodes[1]]));
    assert_eq!(again.cases[0].whole().map(|held| &*held.code).collect::<Vec<_>>(), ["consent_withdrawn"]);

    // A retraction of the withdrawal shares nothing again: that takes a share, with its own preview.
    let withdrawal = nodes[0].show(&own).entities.into_iter().flat_map(|entity| entity.cells);
    let withdrawal = withdrawal.filter(|cell| cell.field == "consent_record.withdrawn").flat_map(|cell| cell.claims);
    let at = withdrawal.map(|claim| At { entry: claim.entry, index: claim.index }).next().expect("it stands");
    nodes[0].done(Request::Retract { record: own.to_string(), at, reason: "error".into() });
    nodes.settle();
    assert_eq!(nodes[1].list(RecordKind::Case).len(), 7);
    share(&nodes[0], &[own], &[&nodes[1], &nodes[2]]);
    arrive(&nodes, 8);
}

#[test]
fn whoever_learns_first_that_consent_is_withdrawn_stops_the_sharing_for_all() {
    let nodes = shared();
    let (own, part) = (case(&nodes[0], "SYN-01"), part(&nodes[0], "SYN-01"));
    set(&nodes[1], &part, vec![fact("consent_record.withdrawn", "true")]);
    arrive(&nodes, 7);
    assert!(nodes[0].show(&own).readers.is_empty());
    let again = preview(&nodes[0], &[own], &with(&[&nodes[1], &nodes[2]]));
    assert_eq!(again.cases[0].whole().map(|held| &*held.code).collect::<Vec<_>>(), ["consent_withdrawn"]);

    // The organisation whose case it is gets an alarm, until it has recorded the withdrawal itself; a member that
    // merely has the case does not.
    let codes = |node: &Node| node.alarms().into_iter().map(|alarm| alarm.code).collect::<Vec<_>>();
    assert_eq!(codes(&nodes[0]), [codes::WITHDRAWN_ELSEWHERE]);
    assert!(codes(&nodes[1]).is_empty() && codes(&nodes[2]).is_empty());
    let alarm = nodes[0].alarms().remove(0);
    assert!(alarm.message.contains(&nodes[1].status().call_sign.expect("joined")), "{}", alarm.message);
    // Nobody can retract another's claim; and a contrary statement would change nothing, so it is not reported as
    // saved.
    let facts = vec![fact("consent_record.withdrawn", "false")];
    assert_eq!(nodes[2].refused(&Request::Show { record: part.to_string() }).code, codes::TAKEN_BACK);
    let home = nodes[0].show(&own);
    let withdrawn = home.entities.iter().find(|entity| {
        entity.cells.iter().any(|cell| cell.field == "consent_record.withdrawn" && !cell.claims.is_empty())
    });
    let entity = withdrawn.expect("their word stands beside ours").entity;
    let facts = facts.into_iter().map(|fact| Fact { entity: Some(entity), ..fact }).collect();
    assert_eq!(nodes[0].refused(&Request::Set { record: own.to_string(), facts }).code, codes::OUTWEIGHED);
    let consent = entity_of(&home, "consent_record.giver");
    set(&nodes[0], &own, vec![of(consent, "consent_record.withdrawn", "true")]);
    assert!(codes(&nodes[0]).is_empty());
}

/// A reader who withdrew a case by mistake retracts that himself. He could not take it back, since the case was hidden
/// from him too, and nobody else can: the case was lost to everybody.
#[test]
fn a_reader_who_withdrew_by_mistake_takes_it_back_himself() {
    let nodes = shared();
    let (own, part) = (case(&nodes[0], "SYN-01"), part(&nodes[0], "SYN-01"));
    set(&nodes[1], &part, vec![fact("consent_record.withdrawn", "true")]);
    arrive(&nodes, 7);
    let history = |node: &Node| node.ask(&Request::History { record: part.to_string() });
    // Of the hidden case he sees his own withdrawal and nothing else; another reader sees who withdrew it.
    let Ok(Reply::History { claims, .. }) = history(&nodes[1]) else { panic!("he may take it back") };
    let [said] = &claims[..] else { panic!("{} claims", claims.len()) };
    assert_eq!(said.field, "consent_record.withdrawn");
    let problem = history(&nodes[2]).expect_err("it is hidden");
    assert_eq!(problem.code, codes::TAKEN_BACK);
    assert!(problem.message.contains(&nodes[1].status().call_sign.expect("joined")), "{}", problem.message);
    let at = At { entry: said.claim.entry, index: said.claim.index };
    let theirs = nodes[2].refused(&Request::Retract { record: part.to_string(), at, reason: "error".into() });
    assert_eq!(theirs.code, codes::TAKEN_BACK);
    nodes[1].done(Request::Retract { record: part.to_string(), at, reason: "error".into() });
    arrive(&nodes, 8);
    assert_eq!(nodes[0].alarms(), []);
    assert_eq!(nodes[0].show(&own).readers.len(), 2);
}

#[test]
fn sharing_the_same_once_more_takes_the_place_of_what_waits() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let case = case(&nodes[0], "SYN-01");
    share_held(&nodes[0], &[case], &with(&[&nodes[1]]), 600);
    let shares = share_held(&nodes[0], &[case], &with(&[&nodes[1]]), 600);
    assert_eq!(shares.len(), 1, "cancelling it cancels all of it");
    nodes[0].done(Request::ShareCancel { share: shares[0].share.clone() });
    assert_eq!(waiting(&nodes[0]), []);
}

#[test]
fn a_case_shared_with_another_list_leaves_the_first() {
    let nodes = Daemons::found(NODE, 3);
    nodes[0].import_sample();
    let case = case(&nodes[0], "SYN-01");
    share(&nodes[0], &[case], &[&nodes[1]]);
    eventually("the second has it", || (nodes[1].list(RecordKind::Case).len() == 1).then_some(()));
    let circles = |node: &Node| node.status().circles.iter().filter(|circle| circle.kind == "named").count();
    assert_eq!((circles(&nodes[1]), circles(&nodes[2])), (1, 0));
    share(&nodes[0], &[case], &[&nodes[2]]);
    eventually("the third has it and the second no more", || {
        (nodes[2].list(RecordKind::Case).len() == 1 && nodes[1].list(RecordKind::Case).is_empty()).then_some(())
    });
    assert_eq!(nodes[0].show(&case).readers, [nodes[2].status().call_sign.expect("joined")]);
    // The first list again: the same circle is opened again.
    share(&nodes[0], &[case], &[&nodes[1]]);
    eventually("the second has it again", || {
        (nodes[1].list(RecordKind::Case).len() == 1 && nodes[2].list(RecordKind::Case).is_empty()).then_some(())
    });
    assert_eq!(circles(&nodes[1]), 1);
}

#[test]
fn a_share_whose_consent_goes_while_it_waits_neither_goes_nor_takes_the_case_from_those_who_have_it() {
    let nodes = Daemons::found(NODE, 3);
    nodes[0].import_sample();
    let own = case(&nodes[0], "SYN-12");
    let georgia = Guest { organisation: nodes[1].status().call_sign.expect("joined"), country: Some("GE".into()) };
    share_held(&nodes[0], &[own], &Readers::Organisations(vec![georgia]), 0);
    eventually("the second has it", || (nodes[1].list(RecordKind::Case).len() == 1).then_some(()));
    share_held(&nodes[0], &[own], &with(&[&nodes[2]]), 2);
    // Meanwhile it turns out that consent names a country, and only the second organisation works there.
    let consent = entity_of(&nodes[0].show(&own), "consent_record.giver");
    let grant = |field: &str, value: &str| of(EntityId([5; 16]), &format!("consent_grant.{field}"), value);
    let facts = vec![
        grant("parent", &consent.to_string()),
        grant("purpose", "share_named"),
        grant("answer", "granted"),
        grant("audience_country", "GE"),
    ];
    set(&nodes[0], &own, facts);
    eventually("its time has come", || waiting(&nodes[0]).is_empty().then_some(()));
    nodes.settle();
    assert_eq!((nodes[1].list(RecordKind::Case).len(), nodes[2].list(RecordKind::Case).len()), (1, 0));
    assert_eq!(nodes[0].show(&own).readers, [nodes[1].status().call_sign.expect("joined")]);
}

#[test]
fn everyone_reads_a_year_a_group_a_family_and_one_bit_and_no_more() {
    let nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let preview = preview(&nodes[0], &[], &Readers::Everyone);
    let going: Vec<_> = preview.cases.iter().filter(|case| !case.goes.is_empty()).collect();
    assert!(!going.is_empty() && going.len() < 12, "{} of 12", going.len());
    let stubs = going.len();
    share_held(&nodes[0], &[], &Readers::Everyone, 0);
    eventually("the stubs arrive", || (nodes[1].list(RecordKind::Case).len() == stubs).then_some(()));
    let allowed =
        ["case_file.year_of_return", "case_file.category_group", "case_file.article_family", "case_file.restricted"];
    for case in nodes[1].list(RecordKind::Case) {
        let record = nodes[1].show(&case.record);
        let cells: Vec<_> = record.entities.iter().flat_map(|entity| &entity.cells).collect();
        assert!(cells.iter().all(|cell| allowed.contains(&&*cell.field)), "{cells:?}");
        assert!(
            cells.iter().flat_map(|cell| &cell.claims).all(|claim| claim.at % 86_400 == 0 && claim.sources.is_empty())
        );
    }
    assert_eq!(nodes[0].list(RecordKind::Case).len(), 12);

    // A withdrawal retracts every statement; undoing it restates none before a person shares.
    let own = nodes[0].list(RecordKind::Case).into_iter().find(|case| !case.parts.is_empty()).expect("one has a stub");
    let said = |node: &Node| {
        let record = node.show(&own.parts[0]);
        record.entities.iter().flat_map(|entity| &entity.cells).map(|cell| cell.claims.len()).sum::<usize>()
    };
    assert!(said(&nodes[1]) > 0);
    let consent = entity_of(&nodes[0].show(&own.record), "consent_record.giver");
    set(&nodes[0], &own.record, vec![of(consent, "consent_record.withdrawn", "true")]);
    eventually("every word is taken back", || (said(&nodes[1]) == 0).then_some(()));
    let record = nodes[0].show(&own.record);
    let cells = record.entities.iter().flat_map(|entity| &entity.cells);
    let claim = cells.filter(|cell| cell.field == "consent_record.withdrawn").flat_map(|cell| &cell.claims).next();
    let at = claim.map(|claim| At { entry: claim.entry, index: claim.index }).expect("it stands");
    nodes[0].done(Request::Retract { record: own.record.to_string(), at, reason: "error".into() });
    nodes.settle();
    assert_eq!(said(&nodes[1]), 0, "nothing comes back by itself");
    share_held(&nodes[0], &[own.record], &Readers::Everyone, 0);
    eventually("it is shared again", || (said(&nodes[1]) > 0).then_some(()));
}

/// A member who calls another's case withdrawn in the commons changes nothing by it. Any member can write about a
/// section in the commons; that hides nothing, and stops nobody's sharing.
#[test]
fn a_member_who_calls_the_case_of_another_withdrawn_in_the_commons_says_nothing_by_it() {
    let mut entropy = Entropy::new([0xd5; 32]);
    let member = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(NODE, 1, &[&member]);
    nodes[0].import_sample();
    share_held(&nodes[0], &[], &Readers::Everyone, 0);
    let own = eventually("a case has a stub", || {
        nodes[0].list(RecordKind::Case).into_iter().find(|case| !case.parts.is_empty())
    });
    let mut wire = member.meet(&registry, &nodes[0], &mut entropy);
    let before = nodes[0].digest(Scope::Commons).entries;
    let plain = docket(own.parts[0], "consent_record.withdrawn", Value::Bool(true));
    let (entry, body) = wire.commons.say(&unchecked(&plain));
    wire.send_entries(&[(&entry, Some(&body))]);
    eventually("it arrives", || (nodes[0].digest(Scope::Commons).entries == before + 1).then_some(()));
    let record = nodes[0].show(&own.record);
    assert_eq!((record.parts, record.readers.len()), (own.parts, 1));
    let again = preview(&nodes[0], &[own.record], &Readers::Everyone);
    assert_eq!(again.cases[0].whole().count(), 0);
}

#[test]
fn sharing_that_may_not_be_is_refused_with_its_reasons_and_writes_nothing() {
    let nodes = Daemons::found(NODE, 3);
    nodes[0].import_sample();
    let before = nodes.iter().map(|node| node.digest(Scope::Shared)).collect::<Vec<_>>();
    let others = with(&[&nodes[1], &nodes[2]]);
    let attempt = |label: &str| {
        let case = case(&nodes[0], label);
        let seen = preview(&nodes[0], &[case], &others);
        let request =
            Request::Share { records: vec![case.to_string()], with: others.clone(), seen: seen.seen, hold_s: 0 };
        let problem = nodes[0].refused(&request);
        assert_eq!(problem.code, codes::NOTHING_GOES, "{label}");
        assert!(!problem.next.is_empty() && !problem.details.is_empty(), "{label}");
        seen.cases[0].whole().map(|held| held.code.clone()).collect::<Vec<_>>()
    };
    // These have no consent, or one that was withdrawn and restored.
    assert_eq!(attempt("SYN-05"), ["consent_level"]);
    assert_eq!(attempt("SYN-11"), ["recalled", "consent_withdrawn"]);
    // This one has consent for other organisations, or other countries.
    let own = case(&nodes[0], "SYN-12");
    let record = nodes[0].show(&own);
    let consent = entity_of(&record, "consent_record.giver");
    let grant = |field: &str, value: &str| of(EntityId([5; 16]), &format!("consent_grant.{field}"), value);
    set(
        &nodes[0],
        &own,
        vec![
            of(EntityId([5; 16]), "consent_grant.parent", &consent.to_string()),
            grant("purpose", "share_named"),
            grant("answer", "granted"),
            grant("audience_country", "GE"),
        ],
    );
    assert_eq!(attempt("SYN-12"), ["consent_for_others"]);
    let in_georgia =
        |node: &Node| Guest { organisation: node.status().call_sign.expect("joined"), country: Some("ge".into()) };
    let georgia = Readers::Organisations(vec![in_georgia(&nodes[1])]);
    assert_eq!(
        preview(&nodes[0], &[own], &georgia).cases[0].whole().count(),
        0,
        "the country is the one that was told"
    );
    let mixed = preview(&nodes[0], &[own], &others);
    assert!(mixed.readers.iter().all(|reader| reader.country.is_none()), "looking remembers nothing");
    assert_eq!(mixed.cases[0].whole().map(|held| &*held.code).collect::<Vec<_>>(), ["consent_for_others"]);
    // A cap applies: values that the court did not publish stay.
    let capped = preview(&nodes[0], &[case(&nodes[0], "SYN-01")], &others);
    let of_the_trial = |what: &HeldBackWhat| match what {
        HeldBackWhat::Case => false,
        HeldBackWhat::Record { .. } => true,
        HeldBackWhat::Field { field, .. } => field.starts_with("charge.") || field.starts_with("procedural_event."),
    };
    let is_capped = |held: &&protocol::app::control::HeldBack| held.code == "cap" && of_the_trial(&held.what);
    assert!(capped.cases[0].held_back.iter().any(|held| is_capped(&held)));
    assert!(capped.cases[0].goes.iter().all(|goes| !goes.field.starts_with("charge.")));
    // The lists of readers to refuse: none, oneself, a stranger, no country.
    let refused = |records: Vec<String>, with: Readers| {
        let problem = nodes[0].refused(&Request::SharePreview { records, with });
        assert!(!problem.next.is_empty());
        problem.code
    };
    let named = |organisation: &str, country: Option<&str>| {
        Readers::Organisations(vec![Guest { organisation: organisation.into(), country: country.map(Into::into) }])
    };
    let second = nodes[1].status().call_sign.expect("joined");
    assert_eq!(refused(vec![], Readers::Organisations(vec![])), codes::NO_READERS);
    assert_eq!(refused(vec![], with(&[&nodes[0]])), codes::NO_READERS);
    assert_eq!(refused(vec![], named("no-such", None)), codes::NO_ORGANISATION);
    assert_eq!(refused(vec![], named(&second, Some("Georgia"))), codes::UNKNOWN_CODE);
    let docket = nodes[0].list(RecordKind::Docket)[0].record.to_string();
    assert_eq!(refused(vec![docket], others.clone()), codes::NOT_OWN_CASE);
    assert_eq!(refused(vec!["no such words".into()], others.clone()), codes::NO_RECORD);
    // The case file changed after the preview.
    let one = case(&nodes[0], "SYN-02");
    let looked = preview(&nodes[0], &[one], &others);
    set(&nodes[0], &one, vec![fact("person.minor_children", "4")]);
    let request = Request::Share { records: vec![one.to_string()], with: others, seen: looked.seen, hold_s: 0 };
    assert_eq!(nodes[0].refused(&request).code, codes::SHARE_CHANGED);
    let after = nodes.iter().map(|node| node.digest(Scope::Shared)).collect::<Vec<_>>();
    assert_eq!(before, after);
    assert_eq!(waiting(&nodes[0]), []);
}

/// A node killed while sharing resumes where it stopped. It shares and edits without pause and is killed in the middle:
/// acknowledged values stand, they reach the readers in the end, nothing that is held back ever leaves, and no node
/// seems to have forked.
#[test]
fn a_node_killed_while_sharing_goes_on_where_it_stopped() {
    const DATE: &str = "capture_episode.date";
    let (kills, mut draw) = chance();
    let mut nodes = Daemons::found(NODE, 2);
    nodes[0].import_sample();
    let own = case(&nodes[0], "SYN-01");
    let capture = entity_of(&nodes[0].show(&own), DATE);
    let readers = with(&[&nodes[1]]);
    // The value acknowledged last, and the one that was asked for and not answered.
    let (mut told, mut asked) = (None, None);
    for kill in 0..kills {
        let (told_now, asked_now, readers) = (&mut told, &mut asked, &readers);
        let deed: Deed<'_> = Box::new(move |door, time| {
            if time % 3 == 1 {
                let preview = Request::SharePreview { records: vec![], with: readers.clone() };
                let Ok(Reply::SharePreview(preview)) = door.try_ask(&preview)? else { panic!("no preview") };
                let (records, with) = (vec![], readers.clone());
                return match door.try_ask(&Request::Share { records, with, seen: preview.seen, hold_s: 0 })? {
                    Ok(Reply::Shares { .. }) => Ok(()),
                    other => panic!("{other:?}"),
                };
            }
            let value = format!("2023-{:02}-{:02}", kill % 12 + 1, time % 28 + 1);
            *asked_now = Some(value.clone());
            let facts = vec![of(capture, DATE, &value)];
            match door.try_ask(&Request::Set { record: own.to_string(), facts })? {
                Ok(Reply::Saved { .. }) => (*told_now, *asked_now) = (asked_now.take(), None),
                other => panic!("{other:?}"),
            }
            Ok(())
        });
        let idle: Deed<'_> = Box::new(|door, _| door.try_ask(&Request::Status).map(drop));
        kill_during(&mut nodes, 0, Duration::from_millis(draw(LIFE_MS)), vec![deed, idle]);
        nodes[0].resume();
        let stands = values(&nodes[0].show(&own), DATE);
        let known = [&told, &asked].into_iter().flatten().any(|value| stands == [format!("\"{value}\"")].into());
        assert!(known || told.is_none(), "acknowledged {told:?}, asked for {asked:?}, stands {stands:?}");
        // A value that was asked for and not answered may have become durable: then the next kill must find it.
        let durable = asked.take().filter(|value| stands == [format!("\"{value}\"")].into());
        told = durable.or(told);
    }
    share(&nodes[0], &[], &[&nodes[1]]);
    arrive(&nodes, 8);
    let part = nodes[0].show(&own).parts[0];
    assert_eq!(values(&nodes[0].show(&own), DATE), values(&nodes[1].show(&part), DATE), "what was told follows");
    let parts: BTreeSet<SectionId> =
        nodes[0].list(RecordKind::Case).iter().flat_map(|case| case.parts.clone()).collect();
    let there: BTreeSet<SectionId> = nodes[1].list(RecordKind::Case).iter().map(|case| case.record).collect();
    assert_eq!(parts, there, "nothing that is held back has left");
    assert!(nodes[1].status().circles.iter().filter(|circle| circle.kind == "named").count() <= 2);
    for node in nodes.iter() {
        assert_eq!(node.alarms(), []);
        assert_eq!(node.status().circles.iter().map(|circle| circle.forked).sum::<u64>(), 0);
    }
}
