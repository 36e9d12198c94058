//! Adversaries: the forker's further faces, the stripper, and the vandal's invalid frames.

use super::{dice::Dice, machine::Machine};
use crate::{
    bytes::{
        codec, cose,
        ids::{BodyRoot, CharterHash, CircleId, EntryId, Incarnation, LinkId},
    },
    log::{
        body,
        entry::{self, FeedId, Header, Kind},
        feed::{FeedHead, FrontierEntry, Mark},
    },
    membership::circle::Circle,
    replication::sync::{
        Lane, State,
        frame::{Frame, ShortRosterState},
    },
    store::staged::Staged,
};

/// The conduct of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Keeps the protocol.
    Honest,
    /// Has several states under one key; each face continues its own history.
    Forker,
    /// Sends headers and withholds the bodies.
    Stripper,
    /// Sends anything that a member's key allows.
    Vandal,
}

/// Replaces a frame by those that a dishonest machine sends.
pub(super) fn warp(conduct: Conduct, dice: &mut Dice, frame: Vec<u8>) -> Vec<Vec<u8>> {
    let Ok(Frame::Entries(mut items)) = Frame::decode(&frame) else {
        return if conduct == Conduct::Vandal && dice.chance(5) { vec![frame.clone(), frame] } else { vec![frame] };
    };
    match conduct {
        Conduct::Honest | Conduct::Forker => return vec![frame],
        Conduct::Stripper => items.iter_mut().for_each(|item| item.1 = None),
        Conduct::Vandal => match dice.below(20) {
            0 => spoil_signature(&mut items, dice),
            1 => {
                let bodies = items.iter_mut().filter_map(|item| item.1.as_mut());
                bodies.for_each(|body| body.iter_mut().take(40).for_each(|byte| *byte ^= 0x55));
            }
            2 => items.reverse(),
            3 => items.extend(items.clone()),
            4..8 => items.iter_mut().for_each(|item| item.1 = None),
            8 => return vec![],
            _ => {}
        },
    }
    vec![Frame::Entries(items).encode()]
}

fn spoil_signature(items: &mut [(Vec<u8>, Option<Vec<u8>>)], dice: &mut Dice) {
    for (envelope, _) in items {
        let last = envelope.len() - 1 - dice.index(60);
        envelope[last] ^= 1;
    }
}

/// Makes a frame of entries with bad signatures: it affects a node that remembers failures by id.
pub(super) fn poison(machine: &Machine, state: &State, ids: &[EntryId], dice: &mut Dice) -> Option<Vec<u8>> {
    let staged = Staged::new(&machine.disk);
    let mut items = Vec::new();
    for id in ids {
        let (feed, seq) = state.replica().place(&staged, id).ok()??;
        items.push((state.replica().entry(&staged, &feed, seq).ok()??.envelope(), None));
    }
    spoil_signature(&mut items, dice);
    Some(Frame::Entries(items).encode())
}

/// Number of kinds of [`trick`].
pub(super) const TRICKS: u64 = 20;

/// Makes a frame that no honest node would send, and its lane. `heard` are frames sent earlier on some wire.
pub(super) fn trick(
    machine: &Machine,
    state: &State,
    victim: &Machine,
    heard: &[Vec<u8>],
    dice: &mut Dice,
) -> (Lane, Vec<u8>) {
    let registry = state.replica().members.registry();
    let commons = Circle::Commons.id(&registry);
    let known = known(state, &commons);
    let (feed, line) = dice.pick(&known).unwrap_or_else(|| unknown(machine, commons, dice));
    let blank = Header {
        feed: FeedId { circle: commons, key: machine.keys.device.desk, run: Incarnation(dice.bytes()) },
        seq: 1,
        prev: EntryId(dice.bytes()),
        charter: state.replica().members.charter(),
        kind: Kind::ASSERTIONS,
        body_root: BodyRoot([0; 32]),
        body_len: 1,
    };
    let (header, body) = body::clear_for(blank, b"nothing good");
    let signed = |signer, header: Header| {
        let envelope = entry::sign(&registry, signer, header).envelope();
        Frame::Entries(vec![(envelope, Some(body.bytes().to_vec()))]).encode()
    };
    let desk = &machine.keys.desk;
    match dice.below(TRICKS) {
        0 => (Lane::Bulk, dice.bytes::<40>().to_vec()),
        1 => (Lane::Control, mutated(heard, dice)),
        2 => (Lane::Live, dice.pick(heard).unwrap_or_default()),
        3 => {
            let ahead = FrontierEntry(
                feed.key,
                feed.run,
                line.counted() + dice.below(9),
                Mark::of(&EntryId(dice.bytes())),
                None,
            );
            let forked = FrontierEntry(feed.key, feed.run, dice.between(1, 9), ahead.3, Some(dice.below(2) * u64::MAX));
            let lines = vec![if dice.chance(50) { ahead } else { forked }];
            (
                Lane::Bulk,
                Frame::Frontier { circle: commons, part: 0, is_last: true, since: None, near: vec![], lines }.encode(),
            )
        }
        4 => {
            // Lines about the victim's own feeds, beyond its last entries.
            let own = known.iter().filter(|(feed, _)| victim.keys.feed_keys().contains(&feed.key));
            let mark = Mark::of(&EntryId(dice.bytes()));
            let lines =
                own.map(|(feed, line)| FrontierEntry(feed.key, feed.run, line.counted() + 3, mark, None)).collect();
            (
                Lane::Bulk,
                Frame::Frontier { circle: commons, part: 0, is_last: true, since: None, near: vec![], lines }.encode(),
            )
        }
        5 => {
            let marks = [1, 2, dice.between(3, 9), u64::MAX].map(|seq| (seq, Mark::of(&EntryId(dice.bytes()))));
            (Lane::Bulk, Frame::Probe { feed, marks: marks.to_vec() }.encode())
        }
        6 => (Lane::Bulk, Frame::Want(vec![line.tip(), EntryId(dice.bytes()), line.tip()]).encode()),
        7 => (Lane::Bulk, Frame::Done(commons).encode()),
        8 => (Lane::Control, Frame::Full(commons).encode()),
        9 => {
            let mut payload = header.encode();
            payload[1] = 2;
            let signature = desk.sign(cose::Domain::Entry, &registry.0, &payload);
            (Lane::Live, Frame::Entries(vec![(cose::envelope(&payload, &signature), None)]).encode())
        }
        10 => (
            Lane::Live,
            signed(
                &machine.keys.author,
                Header { feed: FeedId { key: machine.keys.device.author, ..header.feed }, ..header },
            ),
        ),
        11 => (Lane::Live, signed(desk, header)),
        12 => (Lane::Live, signed(desk, Header { charter: CharterHash(dice.bytes()), ..header })),
        13 => {
            let wrong =
                |org| ShortRosterState(org, dice.below(4), Mark::of(&EntryId(LinkId(dice.bytes()).0)), dice.chance(50));
            let orgs: Vec<_> = state.replica().members.organisations().map(|(org, _)| *org).collect();
            (Lane::Control, Frame::Standing(orgs.into_iter().map(wrong).collect()).encode())
        }
        14 | 15 => {
            // A chain whose second link is broken.
            let role = state.replica().members.role(&machine.keys.device.desk);
            let prev = role.map_or(header.prev, |role| role.certificate);
            let first = entry::sign(&registry, desk, Header { prev, ..header.clone() });
            let second = entry::sign(&registry, desk, Header { seq: 2, ..header });
            let items = [first, second].map(|entry| (entry.envelope(), Some(body.bytes().to_vec())));
            (Lane::Live, Frame::Entries(items.to_vec()).encode())
        }
        17 | 18 => {
            // A swarm: fresh incarnations of one entry each, some without bodies, different for each victim.
            let role = state.replica().members.role(&machine.keys.device.desk);
            let prev = role.map_or(header.prev, |role| role.certificate);
            let item = |dice: &mut Dice| {
                let feed = FeedId { run: Incarnation(dice.bytes()), ..header.feed };
                let entry = entry::sign(&registry, desk, Header { feed, prev, ..header.clone() });
                (entry.envelope(), dice.chance(50).then(|| body.bytes().to_vec()))
            };
            (Lane::Live, Frame::Entries((0..dice.between(2, 9)).map(|_| item(dice)).collect()).encode())
        }
        19 => {
            // A chain with most bodies withheld; it may fork at its end.
            let role = state.replica().members.role(&machine.keys.device.desk);
            let (mut prev, mut items) = (role.map_or(header.prev, |role| role.certificate), Vec::new());
            for seq in 1..=dice.between(3, 9) {
                let entry = entry::sign(&registry, desk, Header { seq, prev, ..header.clone() });
                items.push((entry.envelope(), dice.chance(20).then(|| body.bytes().to_vec())));
                if dice.chance(5) {
                    let other = Header { seq, prev, kind: Kind(78), ..header.clone() };
                    items.push((entry::sign(&registry, desk, other).envelope(), None));
                }
                prev = entry.id();
            }
            (Lane::Live, Frame::Entries(items).encode())
        }
        _ => (Lane::Control, Frame::Links(vec![dice.bytes::<90>().to_vec(), codec::encode(&7_u64)]).encode()),
    }
}

fn known(state: &State, circle: &CircleId) -> Vec<(FeedId, FeedHead)> {
    let held = state.replica().circle(circle);
    let feed = |name: &(_, _)| FeedId { circle: *circle, key: name.0, run: name.1 };
    held.into_iter().flat_map(|held| held.lines().map(|(name, line)| (feed(name), *line)).collect::<Vec<_>>()).collect()
}

fn unknown(machine: &Machine, circle: CircleId, dice: &mut Dice) -> (FeedId, FeedHead) {
    let feed = FeedId { circle, key: machine.keys.device.desk, run: Incarnation(dice.bytes()) };
    (feed, FeedHead::Open { seq: 1, id: EntryId(dice.bytes()) })
}

fn mutated(heard: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut frame = dice.pick(heard).unwrap_or_else(|| vec![0x82, 0x08]);
    for _ in 0..dice.between(1, 3) {
        let at = dice.index(frame.len());
        frame[at] ^= 1 << dice.below(8);
    }
    frame
}
