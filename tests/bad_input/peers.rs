//! Messages of a member that breaks the rules: an alarm with a code where a person must be told, and never another
//! digest.

use node::net::Lane;
use protocol::{
    bytes::{
        cose::Signer,
        ids::{EntryId, FeedKey, Incarnation, RegistryId, SectionId},
        seal::Entropy,
    },
    log::entry::{self, FeedId, Header, Verified},
    record::schema::{Schema, Value},
    replication::sync::frame::Frame,
};
use tests::{
    daemons::{Daemons, Digest, Node, eventually},
    evil::{Evil, Member, docket, unchecked},
};

use super::*;

const PEER_FAULT: (&str, &str) = ("HB4002", "if it goes on, hold that organisation and call them");
const OVERRUN: (&str, &str) =
    ("HB4011", "call that organisation: a key may be in other hands, or a machine is reset again and again");
const UNREADABLE: (&str, &str) = ("HB4006", "ask that organisation which program wrote it");
const NEWER: (&str, &str) = ("HB4007", "install the newest version; what they wrote is kept and will be shown then");

/// A scene: two honest organisations with two dockets between them, and a dishonest one, connected to the first.
struct Scene {
    nodes: Daemons,
    member: Member,
    evil: Evil,
    /// The digest of the honest nodes before anything happens.
    before: Digest,
    entropy: Entropy,
}

impl Scene {
    fn new() -> Self {
        let mut entropy = Entropy::new([0xe1; 32]);
        let member = Member::new(&mut entropy);
        let (nodes, registry) = Daemons::found_with(NODE, 2, &[&member]);
        nodes[0].import_sample();
        nodes.settle();
        let before = eventually("both dockets arrive", || Some(nodes.agree()).filter(|digest| digest.records == 2));
        let evil = member.meet(&registry, &nodes[0], &mut entropy);
        Self { nodes, member, evil, before, entropy }
    }

    /// A plaintext that an honest member could write: a docket that nobody else has.
    fn plain(&mut self) -> Vec<u8> {
        self.plain_of("docket.closed_trial", Value::Bool(true))
    }

    fn plain_of(&mut self, field: &str, value: Value) -> Vec<u8> {
        unchecked(&docket(SectionId(self.entropy.bytes()), field, value))
    }

    /// Waits until the first node raises this alarm about the dishonest member.
    fn alarmed(&self, (code, next): (&str, &str), words: &str) {
        let alarm = eventually("an alarm is raised", || {
            self.nodes[0].alarms().into_iter().find(|alarm| alarm.code == code && alarm.message.contains(words))
        });
        assert_eq!(alarm.next, next);
        assert!(alarm.message.contains(self.member.call_sign()), "{alarm:?}");
    }

    /// Waits until the first node has handled everything sent so far: a docket that was sent last has arrived.
    fn handled(&mut self) -> Digest {
        let records = self.nodes[0].digest(Scope::Commons).records;
        let plain = self.plain();
        let (entry, body) = self.evil.commons.say(&plain);
        self.evil.send_entries(&[(&entry, Some(&body))]);
        eventually("the last docket arrives", || {
            Some(self.nodes[0].digest(Scope::Commons)).filter(|digest| digest.records == records + 1)
        })
    }

    /// Asserts that nothing is shown or counted, and that the honest nodes go on.
    fn unchanged(&self) {
        assert_eq!(self.nodes.agree(), self.before);
        let record = self.nodes[1].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
        eventually("the honest go on", || {
            self.nodes[0].list(RecordKind::Docket).iter().any(|docket| docket.record == record).then_some(())
        });
    }

    /// Asserts that no alarm blames the dishonest member: an honest peer could have sent the same.
    fn unblamed(&self) {
        assert_eq!(self.nodes[0].alarms(), []);
    }
}

#[test]
fn a_code_and_a_field_of_a_newer_schema_are_kept_and_shown_raw() {
    let mut scene = Scene::new();
    let code = scene.plain_of("docket_charge.form", Value::from("instigated_by_machine"));
    let field = scene.plain_of("docket.verdict_read_by", Value::from("machine"));
    for plain in [code, field] {
        let (entry, body) = scene.evil.commons.say(&plain);
        scene.evil.send_entries(&[(&entry, Some(&body))]);
    }
    eventually("both arrive", || Some(scene.nodes.agree()).filter(|digest| digest.records == 4));
    for node in scene.nodes.iter() {
        let mut raw = Vec::new();
        for docket in node.list(RecordKind::Docket) {
            let record = node.show(&docket.record);
            raw.extend(record.entities.into_iter().flat_map(|entity| entity.cells).flat_map(|cell| {
                cell.claims.into_iter().map(move |claim| (cell.field.clone(), claim.value)).collect::<Vec<_>>()
            }));
        }
        for (field, value) in [("docket_charge.form", "instigated_by_machine"), ("docket.verdict_read_by", "machine")] {
            assert!(raw.iter().any(|(found, shown)| found == field && shown == value), "{field}: {raw:?}");
        }
    }
    scene.unblamed();
}

#[test]
fn an_entry_of_a_newer_schema_is_kept_passed_on_and_said_to_be_newer() {
    let mut scene = Scene::new();
    let section = SectionId(scene.entropy.bytes());
    let mut plain = docket(section, "docket.closed_trial", Value::Bool(true));
    plain.schema = Schema::VERSION + 1;
    let (entry, body) = scene.evil.commons.say(&unchecked(&plain));
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    scene.alarmed(NEWER, "newer version");
    let now = eventually("it is passed on", || {
        Some(scene.nodes.agree()).filter(|digest| digest.entries == scene.before.entries + 1)
    });
    assert_eq!((&now.digest, now.records), (&scene.before.digest, scene.before.records));
}

#[test]
fn garbage_is_told_and_the_third_time_ends_the_connection() {
    let mut scene = Scene::new();
    scene.evil.send_bytes(Lane::Live, b"garbage".to_vec());
    scene.alarmed(PEER_FAULT, "Garbage");
    scene.evil.send_bytes(Lane::Bulk, vec![0x9f; 100_000]);
    scene.evil.send_bytes(Lane::Control, vec![]);
    scene.evil.severed();
    scene.unchanged();
}

#[test]
fn a_valid_entry_of_another_registry_does_not_count_here() {
    let mut scene = Scene::new();
    let plain = scene.plain();
    let (entry, body) = scene.evil.commons.say_at(scene.evil.commons.next(), &plain);
    let elsewhere = entry::sign(&RegistryId([7; 32]), scene.member.desk(), entry.header().clone());
    scene.evil.send_entries(&[(&elsewhere, Some(&body))]);
    scene.alarmed(PEER_FAULT, "BadSignature");
    scene.unchanged();
}

#[test]
fn a_first_entry_with_another_certificate_is_invalid_and_a_later_wrong_prev_starts_a_search_and_no_blame() {
    let mut scene = Scene::new();
    let plain = scene.plain();
    let header = Header { prev: EntryId([9; 32]), ..scene.evil.commons.next() };
    let (entry, body) = scene.evil.commons.say_at(header, &plain);
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    scene.alarmed(PEER_FAULT, "Invalid");
    scene.unchanged();

    let mut scene = Scene::new();
    scene.before = scene.handled();
    let header = Header { prev: EntryId([9; 32]), ..scene.evil.commons.next() };
    let (entry, body) = scene.evil.commons.say_at(header, &plain);
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    let feed = entry.header().feed;
    scene.evil.hear(|frame| matches!(frame, Frame::Probe { feed: asked, .. } if *asked == feed).then_some(()));
    scene.unblamed();
    scene.unchanged();
}

#[test]
fn an_entry_after_a_gap_does_not_count_until_the_gap_is_filled() {
    let mut scene = Scene::new();
    let said: Vec<_> = (0..3)
        .map(|_| {
            let plain = scene.plain();
            scene.evil.commons.say(&plain)
        })
        .collect();
    let [first, second, third] = &said[..] else { unreachable!("three were said") };
    scene.evil.send_entries(&[(&third.0, Some(&third.1)), (&second.0, Some(&second.1))]);
    scene.evil.hear(|frame| matches!(frame, Frame::Hello { is_reply: false, .. }).then_some(()));
    assert_eq!(scene.nodes.agree(), scene.before);
    scene.unblamed();
    let all = [first, second, third].map(|(entry, body)| (entry, Some(body)));
    scene.evil.send_entries(&all);
    eventually("all three count", || {
        Some(scene.nodes.agree()).filter(|digest| digest.records == scene.before.records + 3)
    });
}

#[test]
fn an_entry_by_a_key_that_no_roster_certifies_does_not_count() {
    let mut scene = Scene::new();
    let signer = Signer::new(&scene.entropy.secret());
    let plain = scene.plain();
    let mut header = scene.evil.commons.next();
    header.feed.key = FeedKey(signer.public());
    let (entry, body) = scene.evil.commons.say_at_by(&signer, header, &plain);
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    scene.evil.hear(|frame| matches!(frame, Frame::Hello { is_reply: false, .. }).then_some(()));
    // The certificate may still be on its way, so nobody is blamed.
    scene.unblamed();
    scene.unchanged();
}

#[test]
fn a_bad_signature_over_a_true_header_does_not_keep_the_true_entry_out() {
    let mut scene = Scene::new();
    let plain = scene.plain();
    let (entry, body) = scene.evil.commons.say(&plain);
    let mut spoilt = entry.envelope();
    *spoilt.last_mut().expect("a signature") ^= 1;
    scene.evil.send(Lane::Live, &Frame::Entries(vec![(spoilt, Some(body.bytes().to_vec()))]));
    scene.alarmed(PEER_FAULT, "BadSignature");
    assert_eq!(scene.nodes.agree(), scene.before);
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    eventually("the true entry counts", || {
        Some(scene.nodes.agree()).filter(|digest| digest.records == scene.before.records + 1)
    });
}

/// Asserts that an entry with a body that its author may not write counts as empty; it replicates, so that all nodes
/// agree on that.
fn counts_as_empty(mut scene: Scene, entry: &Verified, body: &protocol::log::body::Body) {
    scene.evil.send_entries(&[(entry, Some(body))]);
    scene.alarmed(UNREADABLE, "counts as empty");
    let now = eventually("it is passed on", || {
        Some(scene.nodes.agree()).filter(|digest| digest.entries == scene.before.entries + 1)
    });
    assert_eq!((&now.digest, now.records), (&scene.before.digest, scene.before.records));
    scene.before = scene.handled();
    scene.unchanged();
}

#[test]
fn an_entry_with_sixty_five_deps_counts_as_empty() {
    let mut scene = Scene::new();
    let mut plain = docket(SectionId(scene.entropy.bytes()), "docket.closed_trial", Value::Bool(true));
    plain.deps = (0..65).map(|number| EntryId([number; 32])).collect();
    let (entry, body) = scene.evil.commons.say(&unchecked(&plain));
    counts_as_empty(scene, &entry, &body);
}

#[test]
fn a_header_without_its_body_is_wanted_and_shows_nothing() {
    let mut scene = Scene::new();
    let plain = scene.plain();
    let (entry, body) = scene.evil.commons.say(&plain);
    scene.evil.send_entries(&[(&entry, None)]);
    let wanted = |node: &Node, number: u64| (node.status().wanted == number).then_some(());
    eventually("both want the body", || scene.nodes.iter().try_for_each(|node| wanted(node, 1)));
    let now = scene.nodes.agree();
    assert_eq!((&now.digest, now.records), (&scene.before.digest, scene.before.records));
    let up_to_date = |node: &Node| node.status().peers.iter().any(|peer| peer.up_to_date);
    assert!(!scene.nodes.iter().any(up_to_date), "a copy that lacks a body passes for complete");
    scene.unblamed();

    // A spoilt body does not take the place of the true one.
    let mut spoilt = body.bytes().to_vec();
    *spoilt.last_mut().expect("not empty") ^= 1;
    scene.evil.send(Lane::Live, &Frame::Entries(vec![(entry.envelope(), Some(spoilt))]));
    scene.alarmed(PEER_FAULT, "SpoiledBody");
    scene.evil.send_entries(&[(&entry, Some(&body))]);
    eventually("nothing is wanted", || scene.nodes.iter().try_for_each(|node| wanted(node, 0)));
    assert_eq!(scene.nodes.agree().records, scene.before.records + 1);
}

#[test]
fn a_body_that_opens_to_rubbish_counts_as_empty() {
    let mut scene = Scene::new();
    let (entry, body) = scene.evil.commons.say(b"rubbish");
    counts_as_empty(scene, &entry, &body);
}

#[test]
fn an_author_whose_clock_is_an_hour_wrong_is_read_like_any_other_and_decides_nothing_by_it() {
    let mut scene = Scene::new();
    let section = SectionId(scene.entropy.bytes());
    let now = scene.nodes[0].status().as_of;
    let mut last = None;
    // The first entry claims a time an hour from now, the second one of the same desk an hour ago: the entry written
    // later stands, not the one with the later time.
    for (claimed, closed) in [(now + 3600, false), (now - 3600, true)] {
        let mut plain = docket(section, "docket.closed_trial", Value::Bool(closed));
        plain.claimed_time.0 = claimed;
        let (entry, body) = scene.evil.commons.say(&unchecked(&plain));
        scene.evil.send_entries(&[(&entry, Some(&body))]);
        last = Some(entry.id());
    }
    eventually("both count", || Some(scene.nodes.agree()).filter(|digest| digest.entries == scene.before.entries + 2));
    for node in scene.nodes.iter() {
        let record = node.show(&section);
        let cells = record.entities.iter().flat_map(|entity| &entity.cells);
        let cell = cells.into_iter().find(|cell| cell.field == "docket.closed_trial").expect("it was said");
        let stands: Vec<_> = cell.claims.iter().map(|claim| (Some(claim.entry), claim.at, &claim.value)).collect();
        assert_eq!(stands, [(last, now - 3600, &serde_json::Value::Bool(true))]);
        assert_eq!(cell.shown, "agreed");
    }
    scene.unblamed();
}

/// Feeds without end raise an alarm about their author and separate no honest nodes. One member published 140,000 feeds
/// of one entry each. Two honest nodes recorded faults against each other for passing them on, stayed disconnected even
/// after a restart, and the alarm named the honest one.
#[test]
fn feeds_without_end_are_an_alarm_about_their_author_and_part_nobody() {
    let mut scene = Scene::new();
    let (next, plain) = (scene.evil.commons.next(), scene.plain());
    for first in [0, 200, 400_u64] {
        let runs = (first..first + 200).map(|nth| Incarnation((1_000 - nth).to_be_bytes()));
        let said: Vec<_> = runs
            .map(|run| {
                let feed = FeedId { run, ..next.feed };
                scene.evil.commons.say_at(Header { feed, ..next.clone() }, &plain)
            })
            .collect();
        scene.evil.send_entries(&said.iter().map(|(entry, _)| (entry, None)).collect::<Vec<_>>());
    }
    scene.alarmed(OVERRUN, "began anew");
    let counted = |node: &Node| (node.status().wanted == 256).then_some(());
    eventually("256 of them count on both", || scene.nodes.iter().try_for_each(counted));
    let now = scene.nodes.agree();
    assert_eq!((&now.digest, now.records), (&scene.before.digest, scene.before.records));
    for node in scene.nodes.iter() {
        let alarms = node.alarms();
        assert!(alarms.iter().all(|alarm| alarm.message.contains(scene.member.call_sign())), "{alarms:?}");
    }
}
