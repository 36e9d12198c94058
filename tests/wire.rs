//! The wire: what others can see on it and do with it, and who is asked for a member's address.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use protocol::{
    app::control::{Request, Scope},
    bytes::seal::Entropy,
};
use tests::{
    daemons::{Daemons, PATIENCE, ROOT_PASSPHRASE, eventually, fact, passphrase},
    evil::Member,
    tap::{Recording, Tap},
};

use crate::NODE;

/// Two tapped nodes, which reach each other only through a listener, with a case file and a docket each.
fn tapped() -> (Daemons, Vec<Tap>, Vec<String>) {
    let mut taps = Vec::new();
    let (nodes, _) = Daemons::found_at(NODE, 2, &[], |node| {
        let tap = Tap::to(node.listen().parse().expect("an address"));
        let address = tap.address.to_string();
        taps.push(tap);
        vec![address]
    });
    let words = node::store::canary::canaries();
    for (node, words) in nodes.iter().zip(words.chunks(10)) {
        let facts = vec![fact("person_name.full_name", &words[0]), fact("contact.note", &words[1])];
        node.save(Request::CaseNew { facts });
        for word in &words[2..] {
            node.save(Request::DocketNew {
                facts: vec![fact("docket_source.type", "court_card"), fact("docket_argument.court_wording", word)],
            });
        }
    }
    nodes.settle();
    nodes.agree();
    let signs = nodes.iter().filter_map(|node| node.status().call_sign);
    let told = words.into_iter().chain(signs).collect();
    (nodes, taps, told)
}

/// A recorded connection that is played again is refused at the handshake: its keys were made for the first connection.
#[test]
fn what_was_recorded_on_a_connection_is_refused_on_another_and_nothing_is_taken_in_twice() {
    let (nodes, taps, _) = tapped();
    let shown = || nodes.iter().map(|node| (node.digests(), node.alarms())).collect::<Vec<_>>();
    let before = shown();
    let mut played = 0;
    for (node, tap) in nodes.iter().zip(&taps) {
        for Recording { sent, answered } in tap.recordings().into_iter().filter(|wire| wire.sent.len() > 1000).take(2) {
            let mut stream = TcpStream::connect(node.listen()).expect("it listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
            let _it_may_hang_up_before_all_is_said = stream.write_all(&sent);
            let mut again = Vec::new();
            let ended = stream.read_to_end(&mut again);
            assert!(ended.is_ok() || again.len() < 4096, "the node neither hung up nor answered: {ended:?}");
            assert!(again.len() < 4096 && !again.windows(32).any(|part| answered.windows(32).any(|old| old == part)));
            played += 1;
        }
    }
    assert!(played >= 1, "nothing was recorded");
    assert_eq!(shown(), before);
    nodes[0].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
    eventually("the connection goes on", || {
        let [one, other] = [0, 1].map(|nth| nodes[nth].digest(Scope::Commons).records);
        (one == other && one == before[0].0[1].records + 1).then_some(())
    });
}

/// Nothing typed and no call-sign is on the wire. A recording of everything between two nodes looks like random bytes.
#[test]
fn nothing_typed_and_no_call_sign_is_on_the_wire_and_its_bytes_look_like_chance() {
    let (nodes, taps, told) = tapped();
    let folder = nodes[0].folder().with_file_name("wire");
    fs::create_dir_all(&folder).expect("writable");
    let recordings: Vec<_> = taps.iter().flat_map(Tap::recordings).collect();
    for (nth, wire) in recordings.iter().enumerate() {
        fs::write(folder.join(format!("{nth}-sent")), &wire.sent).expect("writable");
        fs::write(folder.join(format!("{nth}-answered")), &wire.answered).expect("writable");
    }
    for (canary, found) in told.iter().zip(node::store::canary::search(&folder, &told).expect("readable")) {
        assert!(found.iter().all(|times| *times == 0), "{canary} is on the wire");
    }
    for bytes in recordings.iter().flat_map(|wire| [&wire.sent, &wire.answered]).filter(|bytes| bytes.len() >= 4096) {
        let chi = chi_squared(bytes);
        // There are 255 degrees of freedom: mean 255, deviation 23. Random streams exceed 480 once in 10¹⁴.
        assert!(chi < 480.0, "{chi} over {} bytes", bytes.len());
    }
    assert!(recordings.iter().any(|wire| wire.sent.len().max(wire.answered.len()) >= 4096), "hardly anything was said");
}

/// Chi-squared: how far the frequencies of byte values are from those of random bytes.
fn chi_squared(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let expected = f64::from(u32::try_from(bytes.len()).expect("a small file")) / 256.0;
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

/// A member known only by a host name is not looked up, and `peers` says so. A founder's card that listed host names
/// had every node look them up on its one thread: it stood still for seconds, and the system's resolver learned who is
/// a member.
#[test]
fn a_member_known_by_a_name_alone_is_not_looked_up_and_whoever_asks_about_peers_is_told_so() {
    let mut entropy = Entropy::new([0xf1; 32]);
    let names = (0..8).map(|nth| format!("{nth}.member.example:4001")).collect();
    let member = Member::new(&mut entropy).reached_at(names);
    let (nodes, registry) = Daemons::found_with(NODE, 2, &[&member]);
    for node in nodes.iter() {
        let peers = node.status().peers;
        let by_name: Vec<_> = peers.iter().filter(|peer| peer.by_name).map(|peer| &*peer.call_sign).collect();
        assert_eq!(by_name, [member.call_sign()]);
    }
    nodes[0].done(Request::Hold { organisation: member.call_sign().into() });
    nodes[0].done(Request::Release { organisation: member.call_sign().into() });
    // The member has to dial; then it is a peer like any other.
    let _evil = member.meet(&registry, &nodes[0], &mut entropy);
    let met = |peer: &protocol::app::control::Peer| peer.by_name && peer.connected;
    eventually("it is met", || nodes[0].status().peers.iter().any(met).then_some(()));
}

/// A card with the address of another organisation's node is refused at the founding. A founder made such a card to see
/// who connects to the other organisation.
#[test]
fn a_card_that_says_where_another_organisations_node_is_is_refused_by_whoever_founds_with_it() {
    let nodes = Daemons::start(NODE, 2);
    nodes.iter().for_each(|node| drop(node.init()));
    let mut entropy = Entropy::new([0xf2; 32]);
    let other = nodes[1].status().node.expect("it has keys");
    let member = Member::new(&mut entropy).saying_of(other, vec!["lure.example:443".into()]);
    let cards = vec![nodes[0].card(), nodes[1].card(), member.card()];
    let problem = nodes[0].refused(&Request::Found { cards });
    assert_eq!(problem.code, "HB2014", "{problem:?}");
    for address in ["127.1:4001", "0.0.0.0:4001", "a.example", "224.0.0.1:1"] {
        let addresses = vec![address.to_owned()];
        let problem = nodes[0].refused(&Request::Card { addresses, root_passphrase: passphrase(ROOT_PASSPHRASE) });
        assert_eq!(problem.code, "HB2006", "{problem:?}");
    }
    // Making a card looks up no host name.
    let addresses = vec!["no-such-host.invalid:4001".to_owned()];
    drop(nodes[0].file(Request::Card { addresses, root_passphrase: passphrase(ROOT_PASSPHRASE) }));
}

/// An organisation on hold is severed at once and gets nothing that is written meanwhile. It still has its keys and the
/// network key, and goes on dialling.
#[test]
fn an_organisation_on_hold_is_severed_at_once_and_gets_nothing_that_is_written_meanwhile() {
    let mut entropy = Entropy::new([0xf3; 32]);
    let member = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(NODE, 2, &[&member]);
    let mut evil = member.meet(&registry, &nodes[0], &mut entropy);
    nodes.iter().for_each(|node| drop(node.done(Request::Hold { organisation: member.call_sign().into() })));
    evil.severed();
    nodes[0].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
    nodes.agree();
    let heard = evil.overheard();
    let frame = |event: &node::net::Event| matches!(event, node::net::Event::Frame { .. } | node::net::Event::Up(_));
    assert!(!heard.iter().any(frame), "{heard:?}");
    nodes.iter().for_each(|node| drop(node.done(Request::Release { organisation: member.call_sign().into() })));
    evil.until_up();
}
