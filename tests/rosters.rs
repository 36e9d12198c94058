//! Rosters: two nodes that hold different ends of one agree again, whichever links were signed.

use std::collections::{BTreeMap, VecDeque};

use protocol::{
    bytes::{
        ids::{DatabaseEpoch, NodeKey, OrgId},
        seal::{Entropy, ReadingSecret},
    },
    membership::charter::{
        founding::Founding,
        roster::{Link, Roster},
    },
    replication::sync::{Effect, Input, Notice, Start, State, Tick, frame},
    store::{Memory, Store},
};
use tests::written::{Office, Registry, device};

/// A pair of nodes, and the frames under way between them.
struct Pair {
    registry: Registry,
    nodes: [(State, Memory); 2],
    under_way: VecDeque<(usize, NodeKey, Vec<u8>)>,
    struck: usize,
}

impl Pair {
    fn new() -> Self {
        let registry = Registry::new([31; 32], 1);
        let members = Founding::parse(&registry.file).expect("a sound file").members;
        let node = |office: &Office| {
            let (me, org) = (office.device().node, office.organisation());
            let start = Start {
                me,
                org,
                epoch: DatabaseEpoch([1; 16]),
                members: members.clone(),
                runs: BTreeMap::new(),
                seed: me.0,
            };
            let store = Memory::default();
            (State::load(start, &store).expect("memory does not fail"), store)
        };
        let nodes = registry.offices.each_ref().map(node);
        Self { registry, nodes, under_way: VecDeque::new(), struck: 0 }
    }

    fn key(&self, side: usize) -> NodeKey {
        self.registry.offices[side].device().node
    }

    fn give(&mut self, side: usize, input: Input, now: u64) {
        let (state, store) = &mut self.nodes[side];
        let step = state.handle(store, input, Tick(now)).expect("memory does not fail");
        store.commit(&step.persist).expect("memory does not fail");
        for effect in step.effects {
            match effect {
                Effect::Send { frame, .. } => self.under_way.push_back((1 - side, self.key(side), frame)),
                Effect::Notice(Notice::Struck { .. }) => self.struck += 1,
                _ => {}
            }
        }
    }

    /// Lets the two meet, that is, connects them, and lets an hour pass.
    fn meet(&mut self) {
        for side in [0, 1] {
            self.give(side, Input::Up(self.key(1 - side)), 0);
        }
        for minute in 0..60 {
            while let Some((side, from, bytes)) = self.under_way.pop_front() {
                let received = frame::receive(&self.registry.id, &bytes).expect("an honest frame");
                self.give(side, Input::Received(from, received), minute * 60_000);
            }
            [0, 1].iter().for_each(|side| self.give(*side, Input::Tick, (minute + 1) * 60_000));
        }
    }

    fn roster(&self, side: usize, org: &OrgId) -> &Roster {
        self.nodes[side].0.replica().members.roster(org).expect("a member")
    }

    /// Checks that both hold the same control data, with this many links of the first office's roster, frozen or not.
    fn check(&self, links: u64, frozen: bool) {
        let org = self.registry.offices[0].organisation();
        let states = [0, 1].map(|side| self.roster(side, &org).state());
        assert_eq!(states[0], states[1]);
        assert_eq!((states[0].links, states[0].frozen), (links, frozen));
        let roots = self.nodes.each_ref().map(|(state, _)| state.replica().members.control_root());
        assert_eq!((roots[0], self.struck), (roots[1], 0), "equal, and nobody was blamed");
    }
}

/// Grows an office's roster by `count` links, from a seed.
fn grow(office: &Office, count: usize, seed: u8) -> Vec<Link> {
    let mut entropy = Entropy::new([seed; 32]);
    let mut roster = office.roster.clone();
    let next = |_| {
        let pens = [entropy.secret(), entropy.secret()];
        let reading = ReadingSecret(entropy.secret());
        let device = device(&office.organisation(), &pens, &reading, &mut entropy);
        let link = Link::certify(&office.root, Some(&roster), &device);
        roster.take(link.clone()).expect("it fits");
        link
    };
    (0..count).map(next).collect()
}

fn met(left: Vec<Link>, right: Vec<Link>) -> Pair {
    let mut pair = Pair::new();
    for (side, links) in [left, right].into_iter().enumerate() {
        links.into_iter().for_each(|link| pair.give(side, Input::Link(Box::new(link)), 0));
    }
    pair.meet();
    pair
}

fn office() -> Office {
    let [office, _] = Registry::new([31; 32], 1).offices;
    office
}

#[test]
fn who_lacks_links_gets_them() {
    met(grow(&office(), 3, 1), vec![]).check(4, false);
    met(grow(&office(), 3, 1), grow(&office(), 3, 1)[..1].to_vec()).check(4, false);
}

#[test]
fn a_fork_at_the_heads_freezes_both() {
    met(grow(&office(), 1, 1), grow(&office(), 1, 2)).check(1, true);
}

/// A fork below the heads is found too. Nodes sent each other only the links above the shorter chain. Where two chains
/// had parted further down, no link that came had the parent of one held, so none proved the fork, and the pair stayed
/// unequal for ever.
#[test]
fn a_fork_that_lies_below_the_heads_is_found_too() {
    met(grow(&office(), 3, 1), grow(&office(), 3, 2)).check(1, true);
    met(grow(&office(), 4, 1), grow(&office(), 2, 2)).check(1, true);
    met(grow(&office(), 2, 1), grow(&office(), 4, 2)).check(1, true);
}
