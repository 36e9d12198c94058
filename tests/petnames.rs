//! Petnames of organisations stay on the computer where they were given: in some places membership is an offence.

use std::{fs, path::Path};

use protocol::{
    app::control::{Fact, Guest, Named, Readers, RecordKind, Reply, Request, codes},
    bytes::seal::Entropy,
    log::{body::Body, entry::Signed},
    replication::sync::frame::Frame,
};
use tests::{
    daemons::{Daemons, Node, eventually, fact},
    evil::Member,
};

use crate::NODE;

/// The petname, a name that no other bytes contain.
const NAME: &str = "Quincunx Zeppelin Юридический центр";
/// The parts of the name, each of which would reveal it.
const PARTS: [&str; 3] = ["Quincunx", "Zeppelin", "Юридический"];

fn names(node: &Node) -> Vec<Named> {
    match node.done(Request::Names) {
        Reply::Names { names } => names,
        other => panic!("no names: {other:?}"),
    }
}

fn name(organisation: &str, petname: &str) -> Request {
    Request::Name { organisation: organisation.to_owned(), petname: petname.to_owned() }
}

/// Asserts that bytes do not tell the name, in one-byte or two-byte characters.
fn tells_nothing(what: &str, bytes: &[u8]) {
    let wide = |part: &str| part.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for part in PARTS {
        for needle in [part.as_bytes().to_vec(), part.to_lowercase().into_bytes(), wide(part)] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{what} tells {part}");
        }
    }
}

fn scan(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("it can be read to its end").path();
        match path.is_dir() {
            true => scan(&path),
            // The socket cannot be read, and files of a running store may disappear.
            false => tells_nothing(&path.display().to_string(), &fs::read(&path).unwrap_or_default()),
        }
    }
}

#[test]
fn a_petname_is_shown_here_and_never_sent_stored_in_clear_logged_or_written_into_the_record() {
    let mut entropy = Entropy::new([0x9e; 32]);
    let reader = Member::new(&mut entropy);
    let (mut nodes, registry) = Daemons::found_with(NODE, 2, &[&reader]);
    let other = nodes[1].status().call_sign.expect("a member has a call-sign");
    assert_eq!(names(&nodes[0]), []);
    nodes[0].done(name(&other, NAME));
    nodes[0].done(name(reader.call_sign(), "another one"));

    // The petname is in a field of its own, beside the call-sign.
    let peers = nodes[0].status().peers;
    let named: Vec<_> =
        peers.iter().filter(|peer| peer.call_sign == other).map(|peer| peer.petname.as_deref()).collect();
    assert_eq!(named, [Some(NAME)]);

    // The node writes in the own circle and in the commons, and the other one answers.
    nodes[0].import_sample();
    let docket =
        eventually("the dockets arrive", || nodes[1].list(RecordKind::Docket).first().map(|found| found.record));
    let penalty =
        nodes[1].show(&docket).entities.iter().find(|entity| entity.kind == "docket_decision").expect("one").entity;
    let source =
        nodes[1].show(&docket).entities.iter().find(|entity| entity.kind == "docket_source").expect("one").entity;
    let said = Fact {
        entity: Some(penalty),
        source: Some(source),
        grade: Some("B2".into()),
        ..fact("docket_decision.credit_days", "17")
    };
    nodes[1].save(Request::Set { record: docket.to_string(), facts: vec![said] });
    let claim = eventually("the answer is here", || {
        let shown = nodes[0].show(&docket);
        let claims = shown.entities.into_iter().flat_map(|entity| entity.cells).flat_map(|cell| cell.claims);
        claims.into_iter().find(|claim| claim.call_sign.as_deref() == Some(&other))
    });
    assert_eq!(claim.petname.as_deref(), Some(NAME));

    // Everything that the node sends to a member is checked, as it is sent and as the member can open it.
    let mut wire = reader.meet(&registry, &nodes[0], &mut entropy);
    let circle = wire.commons.circle;
    wire.send(
        node::net::Lane::Bulk,
        &Frame::Frontier { circle, part: 0, is_last: true, since: None, near: vec![], lines: vec![] },
    );
    let (mut frames, mut opened, mut entries) = (0, 0, Vec::new());
    wire.hear(|frame| {
        frames += 1;
        tells_nothing("a frame", &frame.encode());
        if let Frame::Entries(some) = frame {
            entries.extend(some.clone());
        }
        matches!(frame, Frame::Done(done) if *done == circle).then_some(())
    });
    for (entry, body) in entries {
        let entry = Signed::parse(&entry).expect("an entry").verify(&wire.commons.registry).expect("its author's");
        let body = Body::check(entry.header(), body.expect("with its body")).expect("its own body");
        tells_nothing("an entry", &wire.commons.read(&entry, &body).expect("a member can open it"));
        opened += 1;
    }
    assert!(frames >= 2 && opened >= 3, "{frames} frames, {opened} entries: too few to show anything");

    // Everything that the other node shows, keeps and logs is checked; and everything that this one keeps and logs.
    let record = docket.to_string();
    for request in [
        Request::Status,
        Request::Peers,
        Request::Names,
        Request::Show { record: record.clone() },
        Request::History { record },
    ] {
        let answer = serde_json::to_vec(&nodes[1].done(request)).expect("JSON");
        tells_nothing("the other node", &answer);
    }
    for node in nodes.iter() {
        tells_nothing("the log", node.log().as_bytes());
        scan(node.folder());
    }

    // The petname is locked with the reading keys, survives a restart, and can be removed.
    nodes[0].done(Request::Lock);
    assert_eq!(nodes[0].refused(&Request::Names).code, codes::LOCKED);
    tells_nothing("a locked node", &serde_json::to_vec(&nodes[0].status()).expect("JSON"));
    nodes[0].stop();
    scan(nodes[0].folder());
    nodes[0].resume();
    assert_eq!(names(&nodes[0]).len(), 2);
    nodes[0].done(Request::Unname { organisation: other });
    let left: Vec<_> = names(&nodes[0]).into_iter().map(|named| named.petname).collect();
    assert_eq!(left, ["another one"]);
}

#[test]
fn a_misleading_name_is_refused_and_a_name_is_none_of_the_codes() {
    let nodes = Daemons::found(NODE, 2);
    let [own, other] = [0, 1].map(|number: usize| nodes[number].status().call_sign.expect("a member"));
    let check = |organisation: &str, petname: &str, code: &str| {
        let problem = nodes[0].refused(&name(organisation, petname));
        assert!(problem.code == code && !problem.message.contains(petname.trim()), "{problem:?}");
    };
    for petname in [&*own, &own.to_uppercase(), "Центр\u{202e}", "a\u{1b}[2J", &"x".repeat(49)] {
        check(&other, petname, codes::PETNAME);
    }
    check("abandon-nobody", "Centre", codes::NO_ORGANISATION);
    assert_eq!(names(&nodes[0]), [], "nothing of it was kept");
    nodes[0].done(name(&other, NAME));
    check(&own, &NAME.to_uppercase(), codes::PETNAME);

    // An organisation can be named by its petname wherever an organisation is named.
    let held = |request: Request| match nodes[0].done(request) {
        Reply::Peers { peers } => peers.iter().any(|peer| peer.call_sign == other && peer.held),
        reply => panic!("no peers: {reply:?}"),
    };
    assert!(held(Request::Hold { organisation: NAME.to_lowercase() }));
    assert!(!held(Request::Release { organisation: NAME.to_owned() }));
    let guest = Guest { organisation: NAME.to_owned(), country: None };
    let with = Readers::Organisations(vec![guest]);
    match nodes[0].done(Request::SharePreview { records: vec![], with }) {
        Reply::SharePreview(preview) => assert_eq!(preview.readers[0].call_sign, other),
        reply => panic!("no preview: {reply:?}"),
    }
    check("Quincunx", "Centre", codes::NO_ORGANISATION);

    // A field that takes a code is signed and read by others: a petname is refused there.
    let source = || fact("docket_source.type", "court_card");
    let refused = |facts: Vec<Fact>, code: &str| {
        assert_eq!(nodes[0].refused(&Request::DocketNew { facts }).code, code);
    };
    refused(vec![source(), fact("docket_argument.code", NAME)], codes::UNKNOWN_CODE);
    refused(vec![source(), Fact { grade: Some(NAME.into()), ..fact("docket.closed_trial", "yes") }], codes::BAD_VALUE);
    let record = nodes[0].save(Request::CaseNew { facts: vec![fact("capture_episode.date", "2023-06-10")] });
    let shown = nodes[0].show(&record);
    let claim =
        shown.entities.iter().flat_map(|entity| &entity.cells).flat_map(|cell| &cell.claims).next().expect("one");
    let at = protocol::app::control::At { entry: claim.entry, index: claim.index };
    let retract = Request::Retract { record: record.to_string(), at, reason: NAME.into() };
    assert_eq!(nodes[0].refused(&retract).code, codes::REASON);
}
