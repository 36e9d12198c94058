//! Tests of the rules of acceptance: one replica and many orders of arrival.

use std::collections::BTreeSet;

use super::{
    dice::Dice,
    machine::Keys,
    serving::open_anew,
    stories::{commons, foreign, idle_world, send_frame, without_bodies},
};
use crate::{
    bytes::{
        cose::Signer,
        ids::{BodyRoot, CircleId, DatabaseEpoch, EntryId, Incarnation, OrgId, RegistryId},
        limits::{BODILESS, INCARNATIONS, SHED_AT_ONCE},
        seal::Entropy,
    },
    log::{
        body::{self, Body},
        entry::{self, FeedId, Header, Kind, Verified},
        feed::FeedHead,
    },
    membership::{
        charter::{
            Role,
            roster::{Link, Purpose},
        },
        circle::{Circle, grant::Opening},
    },
    replication::{
        replica::{Outcome, Replica},
        sync::{Effect, Notice, frame::Fault},
    },
    store::{Memory, Row, Store, Table, staged::Staged},
};

/// A replica, and a desk key that writes into it freely.
struct Bench {
    replica: Replica,
    disk: Memory,
    registry: RegistryId,
    desk: Signer,
    blank: Header,
    body: Body,
}

impl Bench {
    fn new() -> Self {
        let world = idle_world(3);
        let state = world.machines[0].state.as_ref().expect("it is on");
        let header = foreign(&world, 1, |header| header).header().clone();
        let (blank, body) = body::clear_for(header, b"a word");
        Self {
            replica: Replica::load(state.replica().members.clone(), &world.machines[0].disk).expect("memory answers"),
            disk: world.machines[0].disk.clone(),
            registry: world.registry,
            desk: world.machines[1].keys.desk.clone(),
            blank,
            body,
        }
    }

    /// Makes an empty replica of the same registry.
    fn twin(&self) -> Self {
        Self { desk: self.desk.clone(), blank: self.blank.clone(), body: self.body.clone(), ..Self::new() }
    }

    fn feed(&self, run: u64) -> FeedId {
        FeedId { run: Incarnation(run.to_be_bytes()), ..self.blank.feed }
    }

    fn sign(&self, edit: impl Fn(Header) -> Header) -> Verified {
        entry::sign(&self.registry, &self.desk, edit(self.blank.clone()))
    }

    /// The first entry of an incarnation.
    fn first(&self, run: u64) -> Verified {
        self.sign(|header| Header { feed: self.feed(run), ..header })
    }

    /// A chain of entries of an incarnation.
    fn chain(&self, run: u64, length: u64) -> Vec<Verified> {
        let mut prev = self.blank.prev;
        let next = |seq| {
            let entry = self.sign(|header| Header { feed: self.feed(run), seq, prev, ..header });
            prev = entry.id();
            entry
        };
        (1..=length).map(next).collect()
    }

    fn take(&mut self, entry: &Verified, body: Option<&Body>) -> Outcome {
        self.take_counted(entry, body).0
    }

    /// The outcome of an entry, and the number of rows it changed.
    fn take_counted(&mut self, entry: &Verified, body: Option<&Body>) -> (Outcome, usize) {
        let mut staged = Staged::new(&self.disk);
        let outcome = self.replica.accept(&mut staged, entry.clone(), body.cloned()).expect("memory answers");
        let batch = staged.into_batch();
        self.disk.commit(&batch).expect("memory answers");
        (outcome, batch.0.len())
    }

    /// Takes many entries in one batch, as from a long frame.
    fn take_all(&mut self, entries: &[Verified], body: Option<&Body>) {
        let mut staged = Staged::new(&self.disk);
        for entry in entries {
            let outcome = self.replica.accept(&mut staged, entry.clone(), body.cloned()).expect("memory answers");
            assert_eq!(outcome, Outcome::New);
        }
        let batch = staged.into_batch();
        self.disk.commit(&batch).expect("memory answers");
    }

    fn shed(&mut self) -> usize {
        let mut staged = Staged::new(&self.disk);
        self.replica.shed(&mut staged).expect("memory answers");
        let batch = staged.into_batch();
        self.disk.commit(&batch).expect("memory answers");
        batch.0.len()
    }

    fn reload(&mut self) {
        self.replica = Replica::load(self.replica.members.clone(), &self.disk).expect("memory answers");
    }

    fn root(&self) -> [u8; 32] {
        self.replica.circle(&self.blank.feed.circle).expect("held").root()
    }

    fn incarnations(&self) -> BTreeSet<u64> {
        let held = self.replica.circle(&self.blank.feed.circle).expect("held");
        held.incarnations(&self.blank.feed.key).map(|run| u64::from_be_bytes(run.0)).collect()
    }

    fn rows(&self, table: Table) -> usize {
        let mut rows = 0;
        self.disk
            .scan_table(table, &mut |_, _| {
                rows += 1;
                true
            })
            .expect("memory answers");
        rows
    }

    fn place(&self, entry: &Verified) -> Option<(FeedId, u64)> {
        self.replica.place(&Staged::new(&self.disk), &entry.id()).expect("memory answers")
    }
}

fn shuffled<T: Clone>(items: &[T], dice: &mut Dice) -> Vec<T> {
    let mut items = items.to_vec();
    (1..items.len()).rev().for_each(|at| items.swap(at, dice.index(at + 1)));
    items
}

/// One member published 140,000 feeds of one entry each. Two honest nodes sent each other more frontier lines than a
/// peer might send, struck each other for it, and stayed unequal.
#[test]
fn the_smallest_256_incarnations_of_a_key_count_in_whatever_order_they_come() {
    let most = INCARNATIONS.0 as u64;
    let mut bench = Bench::new();
    let all: Vec<_> = (1..=most + 60).map(|run| bench.first(run)).collect();
    let mut expected = None;
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        bench = bench.twin();
        for entry in shuffled(&all, &mut dice) {
            let outcome = bench.take(&entry, None);
            assert!(matches!(outcome, Outcome::New | Outcome::Surplus), "{outcome:?}");
        }
        assert_eq!(bench.incarnations(), (1..=most).collect(), "seed {seed}");
        assert_eq!(*expected.get_or_insert(bench.root()), bench.root(), "seed {seed}");
        bench.reload();
        assert_eq!(expected, Some(bench.root()), "seed {seed}, after a restart");
        // Further entries of the other incarnations are surplus, too.
        assert!(all[most as usize..].iter().all(|entry| bench.take_counted(entry, None) == (Outcome::Surplus, 0)));
        assert_eq!(bench.replica.wanted_len(), most as usize);
    }
}

/// One node had the incarnations 1 to 256, another one 2 to 257: exchanging what each lacks makes them equal.
#[test]
fn two_nodes_that_saw_different_incarnations_end_with_the_same() {
    let most = INCARNATIONS.0 as u64;
    let (mut a, mut b) = (Bench::new(), Bench::new());
    (1..=most).for_each(|run| assert_eq!(a.take(&a.first(run), None), Outcome::New));
    (2..=most + 1).for_each(|run| assert_eq!(b.take(&b.first(run), None), Outcome::New));
    assert_ne!(a.root(), b.root());
    assert_eq!(a.take(&a.first(most + 1), None), Outcome::Surplus);
    assert_eq!(b.take(&b.first(1), None), Outcome::New);
    assert_eq!((a.root(), a.incarnations()), (b.root(), b.incarnations()));
    assert_eq!(b.replica.take_displaced(), [b.feed(most + 1)]);
}

/// Each key has its own incarnations, in each circle: another key displaces none.
#[test]
fn incarnations_of_another_key_displace_nothing() {
    let mut bench = Bench::new();
    (1..=INCARNATIONS.0 as u64).for_each(|run| assert_eq!(bench.take(&bench.first(run), None), Outcome::New));
    let world = idle_world(3);
    assert_eq!(world.registry, bench.registry, "one seed, one registry");
    let other =
        foreign(&world, 2, |header| Header { feed: FeedId { run: Incarnation([0; 8]), ..header.feed }, ..header });
    assert_eq!(bench.take(&other, None), Outcome::New);
    assert!(bench.replica.take_displaced().is_empty());
}

#[test]
fn the_rows_of_a_displaced_feed_are_deleted_a_few_at_a_time_and_a_restart_goes_on() {
    let (most, body) = (INCARNATIONS.0 as u64, Bench::new().body);
    let mut bench = Bench::new();
    let long = bench.chain(most + 9, 3 * SHED_AT_ONCE.0 as u64 + 10);
    bench.take_all(&long, Some(&body));
    (1..most).for_each(|run| assert_eq!(bench.take(&bench.first(run), None), Outcome::New));
    let headers = bench.rows(Table::Header);
    let (outcome, rows) = bench.take_counted(&bench.first(most), None);
    assert_eq!(outcome, Outcome::New);
    assert!(rows <= 8, "{rows} rows are changed to displace {} entries", long.len());
    assert_eq!(bench.rows(Table::Header), headers + 1, "none of them moved");
    assert!(long.iter().all(|entry| bench.place(entry).is_none()), "none of them counts");
    let root = bench.root();
    let mut steps = 0;
    while bench.replica.sheds() {
        let rows = bench.shed();
        assert!(rows <= 5 * SHED_AT_ONCE.0 + 1, "{rows} rows in a step");
        steps += 1;
        bench.reload();
    }
    assert_eq!(steps, 4);
    assert_eq!((bench.root(), bench.rows(Table::Shed)), (root, 0));
    assert_eq!((bench.rows(Table::Header), bench.rows(Table::Place)), (most as usize, most as usize));
    assert_eq!((bench.rows(Table::Body), bench.rows(Table::Unread)), (0, 0));
    assert_eq!(bench.take(&long[0], Some(&body)), Outcome::Surplus, "it never counts again");
}

/// A fork at number 1 below 200,000 entries moved each of them in one step: five seconds without an answer.
#[test]
fn a_fork_below_ten_thousand_entries_changes_as_many_rows_as_one_below_ten() {
    let rows = [10, 10_000].map(|length| {
        let mut bench = Bench::new();
        let (chain, body) = (bench.chain(5, length), bench.body.clone());
        bench.take_all(&chain, Some(&body));
        let fork = bench.sign(|header| Header { feed: bench.feed(5), kind: Kind(77), ..header });
        let (outcome, rows) = bench.take_counted(&fork, None);
        assert_eq!(outcome, Outcome::Forked);
        assert!(chain.iter().all(|entry| bench.place(entry).is_none()), "none of them counts");
        let staged = Staged::new(&bench.disk);
        assert_eq!(bench.replica.entry(&staged, &bench.feed(5), 1).expect("memory answers"), None);
        let (at, trunk) = (1, bench.blank.prev);
        assert_eq!(bench.replica.head(&bench.feed(5)), Some(&FeedHead::Forked { at, trunk, sealed: 0 }));
        assert_eq!(bench.take_counted(&chain[0], Some(&body)), (Outcome::Contested, 0));
        bench.reload();
        assert!(chain.iter().all(|entry| bench.place(entry).is_none()), "after a restart neither");
        rows
    });
    assert_eq!(rows, [1, 1]);
}

/// Bodies missing above a fork are no longer wanted, and their number is small.
#[test]
fn a_fork_ends_what_was_wanted_above_it() {
    let mut bench = Bench::new();
    let chain = bench.chain(5, BODILESS.0 as u64);
    bench.take_all(&chain, None);
    let prev = chain[3].id();
    let fork = bench.sign(|header| Header { feed: bench.feed(5), seq: 5, prev, kind: Kind(77), ..header });
    let (outcome, rows) = bench.take_counted(&fork, None);
    assert_eq!((outcome, rows), (Outcome::Forked, 1 + BODILESS.0 - 4));
    assert_eq!((bench.replica.wanted_len(), bench.rows(Table::Wanted)), (4, 4));
    bench.reload();
    assert_eq!(bench.replica.wanted_len(), 4);
}

/// An attacker proves many forks at one number: one proof is kept, and the others cost a look-up.
#[test]
fn ten_thousand_forks_of_one_number_leave_one_proof() {
    let mut bench = Bench::new();
    let (chain, body) = (bench.chain(5, 4), bench.body.clone());
    bench.take_all(&chain, Some(&body));
    let prev = chain[1].id();
    let branch = |bench: &Bench, kind: u64| {
        bench.sign(|header| Header { feed: bench.feed(5), seq: 3, prev, kind: Kind(100 + kind), ..header })
    };
    assert_eq!(bench.take(&branch(&bench, 0), None), Outcome::Forked);
    let (root, rows) = (bench.root(), Table::ALL.iter().map(|table| bench.rows(*table)).sum::<usize>());
    for kind in 1..10_000 {
        assert_eq!(bench.take_counted(&branch(&bench, kind), None), (Outcome::Contested, 0));
    }
    assert_eq!(bench.root(), root);
    assert_eq!(Table::ALL.iter().map(|table| bench.rows(*table)).sum::<usize>(), rows);
    let staged = Staged::new(&bench.disk);
    assert_eq!(bench.replica.proof(&staged, &bench.feed(5)).expect("memory answers").len(), 2);
    // A fork further down replaces the proof, whatever came first.
    let lower = bench.sign(|header| Header { feed: bench.feed(5), kind: Kind(99), ..header });
    assert_eq!(bench.take_counted(&lower, None), (Outcome::Forked, 1));
    assert_eq!(bench.rows(Table::Feed), 1);
}

/// An entry of 290 bytes without its body asked for one of 128 KiB: an author could make every node want bodies without
/// end.
#[test]
fn entries_without_bodies_wait_beyond_a_few_and_go_on_as_bodies_come() {
    let mut bench = Bench::new();
    let (chain, body) = (bench.chain(5, 200), bench.body.clone());
    let most = BODILESS.0;
    bench.take_all(&chain[..most], None);
    let root = bench.root();
    assert_eq!(bench.take_counted(&chain[most], None), (Outcome::Delayed, 0));
    assert_eq!(bench.take_counted(&chain[most + 1], None), (Outcome::Gap { next: most as u64 + 1 }, 0));
    assert_eq!((bench.root(), bench.replica.wanted_len()), (root, most));
    // An entry with its body is accepted, and any body that arrives counts.
    assert_eq!(bench.take(&chain[most], Some(&body)), Outcome::New);
    assert_eq!(bench.take(&chain[most + 1], None), Outcome::Delayed);
    assert_eq!(bench.take(&chain[7], Some(&body)), Outcome::Known { filled: true });
    assert_eq!(bench.take(&chain[most + 1], None), Outcome::New);
    bench.reload();
    assert_eq!(bench.take(&chain[most + 2], None), Outcome::Delayed);
    // Another feed, even of the same key, does not wait.
    assert_eq!(bench.take(&bench.first(6), None), Outcome::New);
}

/// Whoever sends a body again gives nothing new: it is not written again, and after a restart it is not wanted again.
#[test]
fn a_body_that_came_is_taken_once_and_wanted_no_more() {
    let mut bench = Bench::new();
    let (chain, body) = (bench.chain(5, 3), bench.body.clone());
    bench.take_all(&chain, None);
    assert_eq!((bench.replica.wanted_len(), bench.rows(Table::Wanted)), (3, 3));
    assert_eq!(bench.take(&chain[1], Some(&body)), Outcome::Known { filled: true });
    assert_eq!(bench.take_counted(&chain[1], Some(&body)), (Outcome::Known { filled: false }, 0));
    assert_eq!((bench.replica.wanted_len(), bench.rows(Table::Wanted)), (2, 2));
    bench.reload();
    assert_eq!((bench.replica.wanted_len(), bench.replica.wanted().count()), (2, 2));
}

/// Bodies that a displaced feed lacked are not asked for, now or after a restart.
#[test]
fn of_a_displaced_feed_and_of_a_key_that_nobody_certifies_nothing_is_wanted() {
    let most = INCARNATIONS.0 as u64;
    let mut bench = Bench::new();
    bench.take_all(&bench.chain(most + 9, 5), None);
    (1..most).for_each(|run| assert_eq!(bench.take(&bench.first(run), None), Outcome::New));
    assert_eq!(bench.replica.wanted_len() as u64, most - 1 + 5);
    assert_eq!(bench.take(&bench.first(most), None), Outcome::New);
    assert_eq!((bench.replica.wanted_len() as u64, bench.rows(Table::Wanted) as u64), (most, most));
    bench.reload();
    assert_eq!(bench.replica.wanted().count() as u64, most);
    // A key that a second organisation certifies is nobody's.
    let members = bench.replica.members.clone();
    let world = idle_world(3);
    let mut keys = Keys::new(&mut Dice::new(4));
    keys.signers.desk = bench.desk.clone();
    let author = members.role(&bench.blank.feed.key).map(|role| role.org);
    let thief = world.organisations.iter().find(|other| Some(other.id) != author).expect("there are three");
    let link = Link::certify(&thief.root, Some(&thief.roster), &keys.serving(&thief.id));
    bench.replica.members.take(link).expect("it follows");
    bench.replica.drop_uncertified();
    assert_eq!((bench.replica.wanted().count(), bench.replica.wanted_len()), (0, 0));
}

/// A device at the limit goes on under the run it has; only a new one would not count.
#[test]
fn a_key_that_began_anew_as_often_as_counts_goes_on_under_the_runs_it_has() {
    let mut bench = Bench::new();
    (1..=INCARNATIONS.0 as u64).for_each(|run| assert_eq!(bench.take(&bench.first(run), None), Outcome::New));
    let FeedId { circle, key, .. } = bench.blank.feed;
    let is_overrun =
        |run: Option<u64>| bench.replica.is_overrun(&circle, &key, run.map(|run| Incarnation(run.to_be_bytes())));
    assert!(is_overrun(None) && is_overrun(Some(INCARNATIONS.0 as u64 + 1)));
    assert!(!is_overrun(Some(1)) && !is_overrun(Some(INCARNATIONS.0 as u64)) && !is_overrun(Some(0)));
}

/// Peers know a circle by its secret. A second grant with another one would part those who heard of it from the others.
#[test]
fn a_circle_that_is_held_keeps_its_secret() {
    let mut bench = Bench::new();
    let mut entropy = Entropy::new([1; 32]);
    let first = Opening::fresh(Circle::named(OrgId([1; 32]), &[], &mut entropy), &mut entropy);
    let second = Opening { secret: entropy.secret(), ..first.clone() };
    assert!(bench.replica.hold(&first) && !bench.replica.hold(&second));
    let held = bench.replica.circle(&first.circle.id(&bench.registry)).expect("held");
    assert_eq!(held.secret, first.secret);
}

/// Both headers of a proof come without bodies. They prove the fork where neither would be taken as an entry.
#[test]
fn a_fork_is_proven_where_bodies_are_awaited() {
    let mut bench = Bench::new();
    let chain = bench.chain(5, BODILESS.0 as u64 + 1);
    bench.take_all(&chain[..BODILESS.0], None);
    let (seq, prev) = (BODILESS.0 as u64 + 1, chain[BODILESS.0 - 1].id());
    let other = bench.sign(|header| Header { feed: bench.feed(5), seq, prev, kind: Kind(77), ..header });
    assert_eq!(bench.take(&chain[BODILESS.0], None), Outcome::Delayed);
    assert_eq!(bench.take(&chain[BODILESS.0], None), Outcome::Delayed, "one entry twice is no proof");
    assert_eq!(bench.take(&other, None), Outcome::Forked);
    assert_eq!(bench.replica.head(&bench.feed(5)), Some(&FeedHead::Forked { at: seq, trunk: prev, sealed: 0 }));
    assert_eq!(bench.replica.wanted_len(), BODILESS.0);
}

/// Rule 2: the key is certified, by a member that the circle admits, for writing there.
#[test]
fn only_a_certified_key_of_a_member_in_the_circle_writes_and_only_for_its_purpose() {
    let world = idle_world(4);
    let members = world.machines[0].state.as_ref().expect("on").replica().members.clone();
    let [us, them, outsider] = [0, 1, 2].map(|at| world.machines[at].org);
    assert!(us != them && outsider != us && outsider != them);
    let mut entropy = Entropy::new([1; 32]);
    let named = Opening::fresh(Circle::named(us, &[them], &mut entropy), &mut entropy);
    let own = Opening::fresh(Circle::Own(us), &mut entropy);
    let all = Opening::fresh(Circle::Commons, &mut entropy);
    let mut replica = Replica::new(members.clone());
    for opening in [&named, &own, &all] {
        replica.hold(opening);
    }
    let disk = Memory::default();
    let mut check = |keys: &Keys, purpose, circle: &Circle, kind, expected| {
        let signer = if purpose == Purpose::Author { &keys.author } else { &keys.desk };
        let key = crate::bytes::ids::FeedKey(signer.public());
        let feed = FeedId { circle: circle.id(&world.registry), key, run: Incarnation([9; 8]) };
        let prev = members.role(&key).map_or(EntryId([0; 32]), |role| role.certificate);
        let (charter, body_root) = (members.charter(), BodyRoot([1; 32]));
        let header = Header { feed, seq: 1, prev, charter, kind, body_root, body_len: 600 };
        let entry = entry::sign(&world.registry, signer, header);
        let mut staged = Staged::new(&disk);
        let outcome = replica.accept(&mut staged, entry, None).expect("memory answers");
        assert_eq!(outcome, expected, "{purpose:?} in {circle:?}");
        assert_eq!(staged.into_batch().is_empty(), expected != Outcome::New, "what is not taken leaves nothing");
    };
    let [ours, theirs, outside] = [0, 1, 2].map(|at| &world.machines[at].keys);
    let stranger = Keys::new(&mut Dice::new(9));
    let (author, desk, said) = (Purpose::Author, Purpose::Desk, Kind::ASSERTIONS);
    for circle in [&named.circle, &own.circle, &all.circle] {
        check(&stranger, author, circle, said, Outcome::PendingRoster);
        check(&stranger, desk, circle, said, Outcome::PendingRoster);
    }
    check(theirs, desk, &named.circle, said, Outcome::New);
    check(theirs, author, &named.circle, said, Outcome::Invalid);
    check(theirs, desk, &named.circle, Kind::MEMBERSHIP, Outcome::Invalid);
    check(outside, desk, &named.circle, said, Outcome::Invalid);
    check(outside, author, &named.circle, said, Outcome::Invalid);
    check(ours, author, &own.circle, said, Outcome::New);
    check(ours, desk, &own.circle, said, Outcome::Invalid);
    check(theirs, author, &own.circle, said, Outcome::Invalid);
    check(theirs, desk, &own.circle, said, Outcome::Invalid);
    check(outside, desk, &all.circle, Kind::MEMBERSHIP, Outcome::New);
    check(outside, author, &all.circle, said, Outcome::Invalid);
}

/// The check of whether a key may write must include the circle's list, since own writing has no other check.
#[test]
fn nobody_outside_a_list_may_write_whatever_the_key_is_for() {
    let mut entropy = Entropy::new([1; 32]);
    let [us, them, outsider] = [1, 2, 3].map(|org| OrgId([org; 32]));
    let named = Circle::named(us, &[them], &mut entropy);
    let role = |org, purpose| Role { org, purpose, certificate: EntryId([0; 32]) };
    let check = |circle: &Circle, org, purpose, kind, expected| {
        assert_eq!(circle.may_write(&role(org, purpose), kind), expected, "{purpose:?} of {org:?} in {circle:?}");
    };
    for kind in [Kind::ASSERTIONS, Kind::EPOCH, Kind::WRAP, Kind::MEMBERSHIP, Kind(77)] {
        check(&named, outsider, Purpose::Desk, kind, false);
        check(&named, them, Purpose::Author, kind, false);
        check(&named, them, Purpose::Desk, kind, kind != Kind::MEMBERSHIP);
        check(&Circle::Own(us), us, Purpose::Author, kind, true);
        check(&Circle::Own(us), us, Purpose::Desk, kind, false);
        check(&Circle::Own(us), them, Purpose::Author, kind, false);
        check(&Circle::Commons, outsider, Purpose::Desk, kind, true);
        check(&Circle::Commons, outsider, Purpose::Author, kind, false);
    }
}

/// Known entries sent again a thousand times, in any order and mixture: nothing is written, sent or shown, and a peer
/// that continues is disconnected.
#[test]
fn what_is_known_changes_nothing_however_often_it_is_said() {
    let mut world = idle_world(3);
    let circle: CircleId = commons(&world);
    for at in 0..3 {
        world.write(at, &[circle; 3]).expect("it may");
    }
    super::stories::agree(&mut world);
    let state = world.machines[0].state.as_ref().expect("on");
    let (root, staged) = (state.replica().circle(&circle).expect("held").root(), Staged::new(&world.machines[0].disk));
    let mut known = Vec::new();
    for ((key, run), line) in state.replica().circle(&circle).expect("held").lines() {
        let feed = FeedId { circle, key: *key, run: *run };
        for seq in 1..=line.counted() {
            known.extend(state.replica().entry(&staged, &feed, seq).expect("memory answers"));
        }
    }
    assert_eq!(known.len(), 9);
    let (mut dice, before) = (Dice::new(5), world.machines[0].disk.clone());
    let (peer, mut strikes) = (world.machines[1].name(), 0);
    for round in 0..1_000 {
        let step = send_frame(&mut world, 1, 0, &without_bodies(&shuffled(&known, &mut dice)));
        assert!(step.persist.is_empty(), "round {round} writes something");
        let is_blame = |effect: &Effect| {
            let fault = Fault::Repeat;
            *effect == Effect::Notice(Notice::Struck { peer, fault }) || *effect == Effect::Disconnect { peer, fault }
        };
        assert!(step.effects.iter().all(is_blame), "round {round}: {:?}", step.effects);
        strikes += step.effects.len();
        if strikes > 0 && world.machines[0].state.as_ref().expect("on").peers().all(|(met, _)| *met != peer) {
            open_anew(&mut world, 1, 0, DatabaseEpoch([1; 16]));
        }
    }
    assert!(strikes >= 4, "who never ends is sent away: {strikes}");
    let replica = world.machines[0].state.as_ref().expect("on").replica();
    assert_eq!(replica.circle(&circle).expect("held").root(), root);
    let row = Row::new(Table::Feed, known[0].header().feed.bytes(), 0);
    assert_eq!(before.get(&row).expect("memory"), world.machines[0].disk.get(&row).expect("memory"));
    assert!(world.shown().is_ok());
}
