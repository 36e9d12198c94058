//! Unreadable entries are kept and read once they can be: when keys come later, or when a newer version is installed.

use std::collections::BTreeMap;

use protocol::{
    app::{
        control::{RecordKind, Request},
        library::{Library, Mute},
    },
    bytes::{
        codec,
        ids::{CircleId, SectionId},
        seal::Entropy,
    },
    log::{
        body::{self, Body},
        entry::{self, FeedId, Header, Kind, Verified},
    },
    membership::circle::{
        Circle, Epoch,
        grant::{self, Opening},
    },
    record::schema::{Schema, Value},
    replication::{
        replica::unread_row,
        sync::{Effect, Input, Notice},
    },
    store::{Batch, Memory, Row, Store, Table},
};
use tests::{
    bench::federation::{Federation, Seat},
    daemons::{Daemons, eventually},
    evil::{Member, docket, unchecked},
};

use crate::NODE;

fn read(library: &mut Library, seat: &mut Seat<Memory>) -> Vec<Mute> {
    let unread = Library::unread(&seat.store).expect("memory");
    let reading = library.read(&seat.state, &seat.store, Batch::default(), &unread).expect("memory");
    seat.store.commit(&reading.batch).expect("memory");
    reading.mute.into_iter().map(|(_, mute)| mute).collect()
}

/// An entry that an older version could not read is read after the upgrade and only then. It was kept by a version that
/// did not understand it; then this version was installed.
#[test]
fn what_an_older_version_could_not_read_is_read_after_the_upgrade_and_only_then() {
    let mut federation = Federation::new(1);
    let mut seat = federation.seat(0, Memory::default());
    let commons = federation.commons();
    let ids: Vec<_> = federation.write(&mut seat, 3).iter().map(|arrival| arrival.entry.id()).collect();
    let mut library = Library::default();
    // The first two entries are as a version before the first schema left them.
    let later = |id: &protocol::bytes::ids::EntryId| Row::new(Table::Later, id, 0);
    // As an older version wrote it: {"by": its number, "id": the entry}.
    let row = |id: &protocol::bytes::ids::EntryId, by: u64| {
        [&b"\xa2\x62by"[..], &codec::encode(&by), b"\x62id", &codec::encode(id)].concat()
    };
    let mut batch = Batch::default();
    for (id, by) in [(&ids[0], 0), (&ids[1], 0), (&ids[2], Schema::VERSION)] {
        batch.delete(unread_row(id));
        batch.put(later(id), row(id, by));
    }
    seat.store.commit(&batch).expect("memory");
    let dockets = |library: &Library, seat: &Seat<Memory>| {
        library.count(&seat.store, &commons, RecordKind::Docket).expect("memory")
    };
    read(&mut library, &mut seat);
    assert_eq!((dockets(&library, &seat), Library::later(&seat.store).expect("memory")), (0, 3));

    // After the upgrade the third entry waits on: this very version put it there.
    let overdue = Library::overdue(&seat.store).expect("memory");
    seat.store.commit(&overdue).expect("memory");
    assert_eq!(read(&mut library, &mut seat), []);
    assert_eq!((dockets(&library, &seat), Library::later(&seat.store).expect("memory")), (2, 1));
    assert!(Library::overdue(&seat.store).expect("memory").is_empty());
}

/// An entry of a newer version waits for that version: it is reported once, kept, and not tried again at every start.
#[test]
fn what_a_newer_version_wrote_waits_for_it() {
    let mut entropy = Entropy::new([0x17; 32]);
    let member = Member::new(&mut entropy);
    let (mut nodes, registry) = Daemons::found_with(NODE, 1, &[&member]);
    let mut evil = member.meet(&registry, &nodes[0], &mut entropy);
    let mut plain = docket(SectionId([8; 16]), "docket.closed_trial", Value::Bool(true));
    plain.schema = Schema::VERSION + 1;
    let (entry, body) = evil.commons.say(&unchecked(&plain));
    evil.send_entries(&[(&entry, Some(&body))]);
    let newer = |alarm: &protocol::app::control::Problem| alarm.code == "HB4007";
    eventually("it is named", || nodes[0].alarms().iter().any(newer).then_some(()));
    assert_eq!((nodes[0].list(RecordKind::Docket).len(), nodes[0].figure("habeas_unread")), (0, Some(0)));
    // A restart does not forget it; and once a person has acknowledged it, no restart reports it again.
    nodes[0].stop();
    nodes[0].resume();
    assert!(nodes[0].alarms().iter().any(newer));
    nodes[0].done(Request::Settle { code: "HB4007".into() });
    nodes[0].stop();
    nodes[0].resume();
    assert!(!nodes[0].alarms().iter().any(newer), "it was tried again for nothing");
}

/// An entry whose key comes later is read when the key comes. The entries are under an epoch whose key arrives with a
/// later grant while the node runs: nobody has to lock and unlock it.
#[test]
fn an_entry_whose_key_comes_later_is_read_when_the_key_comes() {
    let mut entropy = Entropy::new([0x1a; 32]);
    let member = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(NODE, 1, &[&member]);
    let evil = member.meet(&registry, &nodes[0], &mut entropy);
    let members = &registry.founding.members;
    let ours = nodes[0].status().organisation.expect("it has joined");
    let circle = Circle::named(member.organisation(), &[member.organisation(), ours], &mut entropy);
    let first = Opening::fresh(circle.clone(), &mut entropy);
    let second = Opening { epochs: vec![Epoch::fresh(&mut entropy)], ..first.clone() };
    let readers: Vec<_> = members.devices(&ours).map(|device| &device.reading).collect();
    let mut say = |header: Header, opening: &Opening| -> (Verified, Body) {
        let author = member.reading().expand();
        let grant = grant::seal(&members.registry(), std::slice::from_ref(opening), &readers, &author, &mut entropy);
        let (header, body) = body::clear_for(Header { kind: Kind::MEMBERSHIP, ..header }, &grant);
        (entry::sign(&members.registry(), member.desk(), header), body)
    };
    let start = evil.commons.next();
    let (opens, opens_body) = say(start.clone(), &first);
    let (adds, adds_body) = say(Header { seq: 2, prev: opens.id(), ..start.clone() }, &second);
    let id: CircleId = circle.id(&members.registry());
    let section = SectionId([9; 16]);
    let plain = unchecked(&docket(section, "docket.closed_trial", Value::Bool(true)));
    let Epoch(epoch, key) = &second.epochs[0];
    let header = Header { feed: FeedId { circle: id, ..start.feed }, ..start };
    let mut more = Entropy::new([0x1b; 32]);
    let (header, body) = body::seal_for(&members.registry(), header, *epoch, key, &plain, &mut more);
    let entry = entry::sign(&members.registry(), member.desk(), header);

    evil.send_entries(&[(&opens, Some(&opens_body))]);
    let held = || nodes[0].status().circles.into_iter().find(|held| held.circle == id);
    eventually("the circle is held", held);
    evil.send_entries(&[(&entry, Some(&body))]);
    eventually("the entry counts", || held().filter(|held| held.entries == 1));
    assert_eq!(nodes[0].figure("habeas_unread"), Some(1));
    assert!(nodes[0].ask(&Request::Show { record: section.to_string() }).is_err());

    evil.send_entries(&[(&adds, Some(&adds_body))]);
    eventually("nothing is unread", || (nodes[0].figure("habeas_unread") == Some(0)).then_some(()));
    assert_eq!(nodes[0].show(&section).record, section);
}

/// New keys of a circle are reported once. The core alone is tested: it reports a new key, and not a known one.
#[test]
fn new_keys_of_a_circle_are_told_of_once() {
    let mut federation = Federation::new(1);
    let mut seat = federation.seat(0, Memory::default());
    let mut entropy = Entropy::new([3; 32]);
    let circle = Circle::named(seat.state.organisation(), &[seat.state.organisation()], &mut entropy);
    let opening = Opening::fresh(circle, &mut entropy);
    let mut told = |opening: &Opening| {
        let effects = seat.handle(Input::Hold(opening.clone()));
        effects.iter().filter(|effect| matches!(effect, Effect::Notice(Notice::Keys(_)))).count()
    };
    let further = Opening { epochs: vec![Epoch::fresh(&mut entropy)], ..opening.clone() };
    let counts: BTreeMap<_, _> =
        [("first", told(&opening)), ("known", told(&opening)), ("further", told(&further))].into();
    assert_eq!(counts, [("first", 1), ("known", 0), ("further", 1)].into());
}
