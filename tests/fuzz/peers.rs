//! Targets for a peer that breaks the rules: whole conversations with a core, and the proofs and frontiers in them.
//!
//! A script is a list of acts, four bytes each. For any acts, the core does not panic, and the rows and frames of one
//! step are bounded, and so is the state that it keeps for the peer.

use std::collections::BTreeMap;

use protocol::{
    bytes::{
        cose::Signer,
        ids::{BodyRoot, CircleId, DatabaseEpoch, EntryId, FeedKey, Incarnation, NodeKey, OrgId},
        limits::{BODILESS, DEVICES, INCARNATIONS},
        seal,
    },
    log::{
        body::{self, Body},
        entry::{self, FeedId, Header, Kind, Verified},
        feed::{AnchoredEntry, FeedHead, ForkProof, FrontierEntry, Mark},
    },
    membership::{
        charter::{Members, founding::Founding},
        circle::Circle,
    },
    replication::sync::{
        Effect, Input, Start, State, Tick,
        frame::{self, Blinded, Frame, ShortRosterState},
    },
    store::{Memory, Store, staged::Staged},
};
use tests::written::Registry;

use super::{edited, fuzz};

/// The most items kept for one peer: feed heads that differ, twice, requested bodies, and frames waiting to go out.
const KEPT: usize = 32_768;
/// The most rows that one act changes: a frame of entries has a few, and shedding removes some of a feed.
const ROWS: usize = 2_048;

/// A conversation of a core with a member.
struct Conversation {
    state: State,
    disk: Memory,
    members: Members,
    peer: NodeKey,
    desk: Signer,
    blank: Header,
    body: Body,
    commons: CircleId,
    /// The entries that the member signed.
    signed: Vec<Verified>,
    /// Examples of frames that honest nodes could have sent.
    examples: Vec<Vec<u8>>,
    now: Tick,
}

impl Conversation {
    fn new(world: &Registry, founding: &Founding) -> Self {
        let [ours, theirs] = &world.offices;
        let members = founding.members.clone();
        let start = Start {
            me: ours.device().node,
            org: ours.organisation(),
            epoch: DatabaseEpoch([1; 16]),
            members: members.clone(),
            runs: BTreeMap::new(),
            seed: [2; 32],
        };
        let disk = Memory::default();
        let state = State::load(start, &disk).expect("memory does not fail");
        let (desk, commons) = (Signer::new(&theirs.pens[1]), Circle::Commons.id(&world.id));
        let key = FeedKey(desk.public());
        let blank = Header {
            feed: FeedId { circle: commons, key, run: Incarnation([0; 8]) },
            seq: 1,
            prev: members.role(&key).expect("certified").certificate,
            charter: members.charter(),
            kind: Kind::ASSERTIONS,
            body_root: BodyRoot([0; 32]),
            body_len: 1,
        };
        let (blank, body) = body::clear_for(blank, b"a word");
        let items = world.entries.iter().take(4);
        let items = items.map(|written| (written.entry.envelope(), Some(written.body.bytes().to_vec()))).collect();
        let examples = [
            Frame::Entries(items),
            Frame::Links(vec![theirs.roster.link(0).expect("one").envelope().to_vec()]),
            Frame::Hello { is_reply: false, control: [0; 16], circles: vec![], wanted: 9 },
        ];
        let mut talk = Self {
            state,
            disk,
            members,
            peer: theirs.device().node,
            desk,
            blank,
            body,
            commons,
            signed: Vec::new(),
            examples: examples.iter().map(Frame::encode).collect(),
            now: Tick(1),
        };
        for opening in founding.start(&ours.reading).expect("made for this device").openings {
            talk.give(Input::Hold(opening));
        }
        talk
    }

    fn give(&mut self, input: Input) {
        let step = self.state.handle(&self.disk, input, self.now).expect("memory does not fail");
        assert!(step.persist.0.len() <= ROWS, "{} rows in a step", step.persist.0.len());
        assert!(step.effects.len() <= 512, "{} effects of a step", step.effects.len());
        self.disk.commit(&step.persist).expect("memory does not fail");
        for effect in step.effects {
            if let Effect::Send { frame, .. } = effect {
                frame::receive(&self.members.registry(), &frame).expect("what a core sends are frames");
            }
        }
        let kept = self.state.kept_for(&self.peer);
        assert!(kept <= KEPT, "{kept} things are kept for a peer");
    }

    fn hear(&mut self, bytes: &[u8]) {
        match frame::receive(&self.members.registry(), bytes) {
            Ok(received) => self.give(Input::Received(self.peer, received)),
            Err(_) => self.give(Input::Garbage(self.peer)),
        }
    }

    /// Meets the core: opens a connection, if none is open.
    fn meet(&mut self, anew: bool, epoch: u8) {
        if anew {
            self.give(Input::Down(self.peer));
        }
        if self.state.peers().any(|(peer, _)| *peer == self.peer) {
            return;
        }
        self.give(Input::Up(self.peer));
        let nonce = [epoch; 16];
        let hash = seal::hash("habeas 1 registry tag", &[&self.members.registry().0, &nonce]);
        let registry = *hash.first_chunk().expect("a hash has 32 bytes");
        let epoch = DatabaseEpoch([epoch; 16]);
        self.hear(&Frame::Open { format: frame::FORMAT, nonce, registry, epoch }.encode());
    }

    fn run(&self, number: u64) -> FeedId {
        FeedId { run: Incarnation(number.to_be_bytes()), ..self.blank.feed }
    }

    fn known(&self, number: u8) -> EntryId {
        let at = usize::from(number) % self.signed.len().max(1);
        self.signed.get(at).map_or(EntryId([number; 32]), Verified::id)
    }

    /// A frame of entries of one of the member's chains, which continues what it signed before, or forks it.
    fn entries(&mut self, [a, b, c]: [u8; 3]) -> Frame {
        let mut items = Vec::new();
        for nth in 0..=u64::from(b % 8) {
            let more = if c.is_multiple_of(3) { nth } else { 0 };
            let feed = self.run(u64::from(a) + 256 * u64::from(c % 2) + more);
            let last = self.signed.iter().rev().find(|entry| entry.header().feed == feed);
            let (seq, prev) = match last.filter(|_| !c.is_multiple_of(7)) {
                Some(last) => (last.header().seq + u64::from(c.is_multiple_of(11)), last.id()),
                None => (1, self.blank.prev),
            };
            let seq = if c.is_multiple_of(5) { seq } else { seq + u64::from(last.is_some() && !c.is_multiple_of(7)) };
            let kind = Kind(u64::from(c / 64));
            let header = Header { feed, seq: seq.max(1), prev, kind, ..self.blank.clone() };
            let entry = entry::sign(&self.members.registry(), &self.desk, header);
            items.push((entry.envelope(), (b >= 128).then(|| self.body.bytes().to_vec())));
            self.signed.push(entry);
        }
        Frame::Entries(items)
    }

    fn frontier(&self, [a, b, c]: [u8; 3]) -> Frame {
        let line = |number: u8| {
            let (feed, sealed) = (self.run(u64::from(number)), (c % 4 == 0).then_some(u64::from(c)));
            FrontierEntry(feed.key, feed.run, 1 + u64::from(b % 9), Mark::of(&self.known(number)), sealed)
        };
        let root = self.state.replica().circle(&self.commons).map(|held| *held.root().first_chunk().expect("32 bytes"));
        let since = root.filter(|_| c >= 128);
        let near = if since.is_some() {
            vec![AnchoredEntry(u64::from(a % 3), 1, Mark::of(&self.known(a)), None)]
        } else {
            vec![]
        };
        let lines = (a..a.saturating_add(b % 5)).map(line).collect();
        Frame::Frontier { circle: self.commons, part: u64::from(c % 3), is_last: b % 2 == 0, since, near, lines }
    }

    fn act(&mut self, [what, a, b, c]: [u8; 4]) {
        self.meet(what == 255, a);
        let frame = match what % 14 {
            0..4 => self.entries([a, b, c]),
            4 | 5 => self.frontier([a, b, c]),
            6 => Frame::Want((0..=b % 40).map(|nth| self.known(a.wrapping_add(nth))).collect()),
            7 => {
                let mut marks: Vec<_> = [a, b, c].map(|seq| (u64::from(seq), Mark::of(&self.known(seq)))).into();
                marks.sort_unstable();
                marks.dedup_by_key(|(seq, _)| *seq);
                Frame::Probe { feed: self.run(a.into()), marks }
            }
            8 if a < 128 => Frame::Done(self.commons),
            8 => Frame::Full(self.commons),
            9 => {
                let circles = vec![Blinded([a; 8].into(), [b; 16].into()); usize::from(c % 9)];
                Frame::Hello { is_reply: a < 128, control: [c; 16], circles, wanted: u64::from(b) }
            }
            10 => Frame::Standing(vec![ShortRosterState(
                OrgId([a; 32]),
                u64::from(b),
                Mark::of(&EntryId([c; 32])),
                a < 9,
            )]),
            11 => return (0..=a % 4).for_each(|_| self.give(Input::Written(self.peer))),
            12 => {
                self.now = self.now.after(u64::from(a) * 40);
                return self.give(Input::Tick);
            }
            _ => return self.hear(&edited(&self.examples, &[a, 0, b, 0, c, a])),
        };
        self.hear(&frame.encode());
    }

    /// Checks the core after the conversation: what counts is consistent, and within the bounds.
    fn check(&self) {
        let (replica, staged) = (self.state.replica(), Staged::new(&self.disk));
        let held = replica.circle(&self.commons).expect("every member holds it");
        assert!(held.incarnations(&self.blank.feed.key).count() <= INCARNATIONS.0);
        assert!(
            replica.wanted_len() <= held.lines().count() * BODILESS.0 && held.lines().count() <= 2 * DEVICES.0 * 256
        );
        for ((key, run), line) in held.lines() {
            let feed = FeedId { circle: self.commons, key: *key, run: *run };
            let entry = |seq| replica.entry(&staged, &feed, seq).expect("memory does not fail");
            for seq in 1..=line.counted() {
                let found = entry(seq).expect("what counts is here");
                assert_eq!((found.header().feed, found.header().seq), (feed, seq));
                let here = replica.body(&staged, &found.id()).expect("memory does not fail").is_some();
                assert_ne!(here, replica.lacks(&feed, seq), "a body is here or wanted");
            }
            assert_eq!(entry(line.counted() + 1), None);
            assert_eq!(replica.proof(&staged, &feed).expect("memory").len(), if line.is_forked() { 2 } else { 0 });
        }
        let again = protocol::replication::replica::Replica::load(self.members.clone(), &self.disk)
            .expect("memory does not fail");
        assert_eq!(
            again.circle(&self.commons).map(protocol::replication::replica::Held::root),
            Some(held.root()),
            "after a restart"
        );
        assert_eq!(again.wanted_len(), replica.wanted_len());
    }
}

#[test]
fn conversations() {
    let world = Registry::new([9; 32], 4);
    let founding = Founding::parse(&world.file).expect("a sound file");
    let examples: Vec<Vec<u8>> = vec![
        [[0, 1, 4, 1], [4, 1, 3, 2], [8, 0, 0, 0], [6, 1, 9, 0], [1, 1, 4, 5], [12, 90, 0, 0]].concat(),
        [1, 2].iter().flat_map(|side| (0..=255).flat_map(move |run| [0, run, 0, *side])).collect(),
        (0..60).flat_map(|_| [0, 7, 7, 1]).chain([0, 7, 0, 7, 7, 7, 1, 2]).collect(),
    ];
    fuzz!(rounds 100, signed false, examples, |script: &[u8]| {
        let mut talk = Conversation::new(&world, &founding);
        let (acts, rest) = script.as_chunks::<4>();
        acts.iter().take(1_500).for_each(|act| talk.act(*act));
        talk.check();
        // A script without a whole number of acts counts as refused, so that both outcomes occur.
        rest.is_empty() && !acts.is_empty()
    });
}

/// Two entries prove a fork if and only if they are different, of one feed, with one number and one parent; the proof
/// is the same in either order.
#[test]
fn fork_proofs() {
    let signer = Signer::new(&protocol::bytes::seal::Secret::new([4; 32]));
    let registry = protocol::bytes::ids::RegistryId([5; 32]);
    let header = |[run, seq, prev, kind]: [u8; 4]| Header {
        feed: FeedId { circle: CircleId([1; 16]), key: FeedKey(signer.public()), run: Incarnation([run % 2; 8]) },
        seq: 1 + u64::from(seq % 2),
        prev: EntryId([prev % 2; 32]),
        charter: protocol::bytes::ids::CharterHash([0; 32]),
        kind: Kind(u64::from(kind % 3)),
        body_root: BodyRoot([6; 32]),
        body_len: 7,
    };
    let (proven, refuted) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let check = |script: &[u8]| {
        let ([one, other], []) = script.as_chunks::<4>() else { return false };
        let [a, b] = [one, other].map(|bytes| entry::sign(&registry, &signer, header(*bytes)));
        let (x, y) = (a.header(), b.header());
        let forks = x != y && (x.feed, x.seq, x.prev) == (y.feed, y.seq, y.prev);
        let (first, second) = (ForkProof::of(a.clone(), b.clone()), ForkProof::of(b.clone(), a.clone()));
        assert_eq!(first, second, "whichever came first");
        assert_eq!(first.is_some(), forks);
        if let Some(proof) = first {
            assert_eq!(proof.head(), FeedHead::Forked { at: x.seq, trunk: x.prev, sealed: 0 });
            proven.set(proven.get() + 1);
        } else {
            refuted.set(refuted.get() + 1);
        }
        true
    };
    for bits in 0..=u8::MAX {
        let fields = |bits: u8| [bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1];
        assert!(check(&[fields(bits), fields(bits >> 4)].concat()));
    }
    assert!(proven.get() >= 16 && refuted.get() >= 200, "{} proven, {} refuted", proven.get(), refuted.get());
}
