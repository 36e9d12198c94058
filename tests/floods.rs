//! Floods: one member sends as much as it can. Entries of other members arrive, the node answers and its memory stays
//! small, its log stays readable, and no honest node is blamed.

use std::{fs, thread};

use protocol::{
    app::control::{Problem, Request, Scope},
    bytes::{
        ids::SectionId,
        limits::{AUTHORED, REPEATS, REPEATS_PER_STRIKE, STRIKES},
        seal::Entropy,
    },
    log::{body::Body, entry::Verified},
    record::schema::Value,
    replication::sync::frame::Frame,
};
use tests::{
    daemons::{Daemons, Digest, Node, eventually, fact},
    evil::{Evil, Member, docket, unchecked},
};

use crate::NODE;

/// The most lines of one subject in the log: those of one minute, and some for a minute that begins meanwhile.
const LINES: usize = 2 * 10;

/// A scene: two honest organisations, and a member connected to the first that floods it.
struct Scene {
    nodes: Daemons,
    member: Member,
    evil: Evil,
    before: Digest,
    entropy: Entropy,
}

impl Scene {
    fn new(seed: u8) -> Self {
        let mut entropy = Entropy::new([seed; 32]);
        let member = Member::new(&mut entropy);
        let (nodes, registry) = Daemons::found_with(NODE, 2, &[&member]);
        nodes.settle();
        let before = nodes.agree();
        let evil = member.meet(&registry, &nodes[0], &mut entropy);
        Self { nodes, member, evil, before, entropy }
    }

    /// Dockets as an honest desk writes them.
    fn dockets(&mut self, count: usize) -> Vec<(Verified, Body)> {
        let section = |entropy: &mut Entropy| SectionId(entropy.bytes());
        let plain = |section| unchecked(&docket(section, "docket.closed_trial", Value::Bool(true)));
        (0..count).map(|_| self.evil.commons.say(&plain(section(&mut self.entropy)))).collect()
    }

    /// Waits until the first node has taken `more` entries.
    fn taken(&self, more: u64) {
        eventually("all are taken", || {
            (self.nodes[0].digest(Scope::Commons).entries >= self.before.entries + more).then_some(())
        });
    }

    /// Asserts that the honest go on: a member writes, and the flooded node gets it.
    fn honest_goes_on(&self) {
        let record = self.nodes[1].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
        let request = Request::Show { record: record.to_string() };
        eventually("what an honest member wrote arrives", || self.nodes[0].ask(&request).ok());
    }

    fn alarms(&self, code: &str) -> Vec<Problem> {
        self.nodes.iter().flat_map(Node::alarms).filter(|alarm| alarm.code == code).collect()
    }

    /// Asserts that only the flooder is blamed.
    fn only_the_flooder_is_blamed(&self) {
        for alarm in self.nodes.iter().flat_map(Node::alarms) {
            assert!(alarm.message.contains(self.member.call_sign()), "{alarm:?}");
        }
    }
}

fn frames(entries: &[(Verified, Body)], each: usize) -> Vec<Frame> {
    let item = |(entry, body): &(Verified, Body)| (entry.envelope(), Some(body.bytes().to_vec()));
    entries.chunks(each).map(|chunk| Frame::Entries(chunk.iter().map(item).collect())).collect()
}

/// The peak memory of a node since its start, in bytes.
fn peak(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_thousand_entries_that_say_nothing_are_a_few_lines_of_the_log_and_one_alarm() {
    let mut scene = Scene::new(0xd1);
    let said: Vec<_> = (0..1_000).map(|_| scene.evil.commons.say(b"rubbish")).collect();
    assert!(scene.evil.flood(&frames(&said, 100)), "it is kept: its author signed it");
    scene.taken(1_000);
    let log = scene.nodes[0].log();
    let lines = log.lines().filter(|line| line.contains("an entry says nothing here") && !line.starts_with('…'));
    let lines = lines.count();
    assert!((1..=LINES).contains(&lines), "{lines} lines");
    eventually("one alarm at each node", || (scene.alarms("HB4006").len() == 2).then_some(()));
    scene.honest_goes_on();
    scene.only_the_flooder_is_blamed();
}

/// Known entries sent again without end change nothing and end the connection. 493,200 known entries were taken one by
/// one: no fault was recorded, and honest members waited for seconds.
#[test]
fn known_entries_sent_again_without_end_change_nothing_and_end_the_connection() {
    let mut scene = Scene::new(0xd2);
    let said = scene.dockets(300);
    assert!(scene.evil.flood(&frames(&said, 100)));
    scene.taken(300);
    let after = scene.nodes.agree();
    let again = frames(&said, 150);
    let most = REPEATS.0 + STRIKES.0 * REPEATS_PER_STRIKE.0 + 2 * said.len();
    // The number includes the frames that are on the wire when the connection ends.
    let rounds = most / said.len() + 200;
    let went = (0..rounds).take_while(|_| scene.evil.flood(&again)).count();
    assert!(went < rounds, "{went} rounds of {} entries", said.len());
    assert!(went * said.len() >= REPEATS.0, "an honest node may send {} again, and {went} rounds went", REPEATS.0);
    let fault = scene.alarms("HB4002");
    assert!(fault.iter().any(|alarm| alarm.message.contains("Repeat")), "{fault:?}");
    assert_eq!(scene.nodes.agree(), after, "nothing is taken twice");
    scene.honest_goes_on();
    scene.only_the_flooder_is_blamed();
}

/// A member that asks for the same bodies again and again is severed. 34 KB of requests made the node read 117 MB, each
/// time.
#[test]
fn whoever_asks_for_the_same_bodies_again_and_again_is_severed() {
    let mut scene = Scene::new(0xd3);
    let said = scene.dockets(50);
    assert!(scene.evil.flood(&frames(&said, 50)));
    scene.taken(50);
    let want = Frame::Want(said.iter().map(|(entry, _)| entry.id()).collect());
    let asked = vec![want; 1 + STRIKES.0 + 20];
    if scene.evil.flood(&asked) {
        scene.evil.severed();
    }
    scene.honest_goes_on();
    scene.only_the_flooder_is_blamed();
}

/// A flood of large entries with bad signatures ends after a few. Each bad signature costs as much to refuse as a good
/// one to accept.
#[test]
fn a_flood_of_large_entries_with_bad_signatures_ends_after_a_few() {
    let mut scene = Scene::new(0xd4);
    let large = vec![7; 60 * 1024];
    let said: Vec<_> = (0..4).map(|_| scene.evil.commons.say(&large)).collect();
    let spoilt = |(entry, body): &(Verified, Body)| {
        let mut envelope = entry.envelope();
        *envelope.last_mut().expect("a signature") ^= 1;
        (envelope, Some(body.bytes().to_vec()))
    };
    let frame = Frame::Entries(said.iter().map(spoilt).collect());
    let went = scene.evil.flood(&vec![frame; 200]);
    assert!(!went, "200 frames of bad signatures were taken");
    scene.honest_goes_on();
    scene.only_the_flooder_is_blamed();
    assert_eq!(scene.nodes[0].digest(Scope::Commons).entries, scene.before.entries + 1, "but for the honest one");
}

/// While one organisation floods the commons, entries of another are taken, and the rest of the flood comes later.
/// 30,000 valid dockets in two seconds had no limit, and an honest docket took as long as all of them.
#[test]
fn while_one_organisation_floods_the_commons_what_another_writes_is_taken_and_the_rest_comes_later() {
    const SAID: usize = 12_000;
    let mut scene = Scene::new(0xd5);
    let said = scene.dockets(SAID);
    let flood = frames(&said, 200);
    let Scene { nodes, member, mut evil, before, .. } = scene;
    let flooding = thread::spawn(move || {
        evil.flood(&flood);
        evil
    });
    let entries = || nodes[0].digest(Scope::Commons).entries - before.entries;
    eventually("the flood begins", || (entries() > 0).then_some(()));
    let record = nodes[1].save(Request::DocketNew { facts: vec![fact("docket_source.type", "court_card")] });
    let request = Request::Show { record: record.to_string() };
    eventually("what an honest member wrote arrives", || nodes[0].ask(&request).ok());
    drop(flooding.join().expect("it goes on"));
    let alarm = eventually("a person is told", || nodes[0].alarms().into_iter().find(|alarm| alarm.code == "HB4014"));
    assert!(alarm.message.contains(member.call_sign()), "{alarm:?}");
    // Two entries a second are taken besides, and the test may be slow.
    let taken = usize::try_from(entries()).expect("a small number");
    assert!((AUTHORED.0..AUTHORED.0 + SAID / 6).contains(&taken), "{taken} of {SAID} are taken");
    for alarm in nodes.iter().flat_map(Node::alarms) {
        assert!(["HB4014"].contains(&alarm.code.as_str()), "{alarm:?}");
    }
    // The memory of a node stays below half a gibibyte, whatever one member sends.
    for node in nodes.iter() {
        assert!(peak(node) < 512 * 1024 * 1024, "{} MiB", peak(node) >> 20);
    }
}

/// A record with the most statements in conflict, as large as its author may make it, is shown, and so is every other
/// record.
#[test]
fn a_record_of_the_most_statements_in_conflict_is_shown_and_the_others_too() {
    let mut scene = Scene::new(0xd9);
    let section = SectionId(scene.entropy.bytes());
    let mut plain = docket(section, "docket.closed_trial", Value::Bool(true));
    let last = plain.statements.pop().expect("a value");
    let protocol::record::section::assertion::Statement::Assert(value) = last else { unreachable!("it is stated") };
    // The values of one field alternate; there are as many as fit a body.
    plain.statements.extend((0..900).map(|nth| {
        let value =
            protocol::record::section::assertion::Assertion { value: Value::Bool(nth % 2 == 0), ..value.clone() };
        protocol::record::section::assertion::Statement::Assert(value)
    }));
    let said: Vec<_> = (0..5).map(|_| scene.evil.commons.say(&unchecked(&plain))).collect();
    assert!(scene.evil.flood(&frames(&said, 1)));
    scene.taken(5);
    drop(scene.nodes[0].show(&section));
    scene.honest_goes_on();
    assert!(peak(&scene.nodes[0]) < 512 * 1024 * 1024, "{} MiB", peak(&scene.nodes[0]) >> 20);
}
