//! Targets for what travels: entries, bodies, statements, frames.

use protocol::{
    bytes::{
        codec,
        cose::{self, Domain, Signer},
        ids::{EntityId, EntryId, Incarnation, OrgId, RegistryId, SectionId},
        seal::Secret,
    },
    log::{
        body::Body,
        entry::Signed,
        feed::{FrontierEntry, Mark},
    },
    record::{
        schema::Value,
        section::assertion::{Assertion, ClaimedTime, Content, Plain, Reference, Statement, content},
    },
    replication::sync::frame::{self, Fault, Frame, Received, ShortRosterState},
};
use tests::written::Registry;

use super::fuzz;
use crate::vectors::cbor;

fn world() -> Registry {
    Registry::new([3; 32], 12)
}

#[test]
fn entries() {
    let world = world();
    let examples = world.entries.iter().map(|written| written.entry.envelope()).collect();
    fuzz!(rounds 4000, signed false, examples, |bytes: &[u8]| {
        let Ok(signed) = Signed::parse(bytes) else { return false };
        let (payload, signature) = cose::unenvelope("entry", bytes).expect("it was parsed");
        assert_eq!(cose::envelope(&signed.claimed().encode(), signature), bytes, "one entry, one form");
        assert!(cbor::is_canonical(payload));
        assert_eq!(signed.claimed_id(&world.id), signed.claimed().id(&world.id));
        true
    });
}

#[test]
fn signed_entries() {
    let world = world();
    let examples = world.entries.iter().map(|written| written.entry.envelope()).collect();
    fuzz!(rounds 2000, signed true, examples, |bytes: &[u8]| {
        let verified = Signed::parse(bytes).ok().and_then(|signed| signed.verify(&world.id).ok());
        let Some(entry) = verified else { return false };
        assert_eq!(entry.envelope(), bytes, "received bytes are kept");
        assert!(world.entries.iter().any(|written| written.entry == entry), "only what was signed is accepted");
        true
    });
}

/// Signed headers: a key really signed them, whatever their content.
#[test]
fn headers() {
    let signer = Signer::new(&Secret::new([4; 32]));
    let registry = RegistryId([5; 32]);
    let examples = world().entries.iter().map(|written| written.entry.header().encode()).collect();
    fuzz!(rounds 2000, signed false, examples, |header: &[u8]| {
        let envelope = cose::envelope(header, &signer.sign(Domain::Entry, &registry.0, header));
        let Ok(signed) = Signed::parse(&envelope) else { return false };
        assert_eq!(signed.claimed().encode(), header, "one header, one form");
        let named = signed.claimed().feed.key.0 == signer.public();
        assert_eq!(signed.verify(&registry).is_ok(), named, "the key named is the key that signed");
        true
    });
}

#[test]
fn body_segments() {
    let world = world();
    let sealed = world.entries.iter().filter(|written| written.epoch_key.is_some());
    let examples = sealed.map(|written| written.body.bytes().to_vec()).collect();
    let header = world.entries[0].entry.header();
    fuzz!(rounds 4000, signed false, examples, |bytes: &[u8]| {
        let body = Body::restore(bytes.to_vec());
        let accepted = body.epoch().is_ok();
        assert!(body.open(&world.id, header, &Secret::new([0; 32])).is_err(), "no key, no content");
        assert!(!accepted || cbor::is_canonical(bytes));
        accepted
    });
}

#[test]
fn control_bodies() {
    let world = world();
    let control = world.entries.iter().filter(|written| written.epoch_key.is_none());
    let mut examples: Vec<_> = control.map(|written| written.body.bytes().to_vec()).collect();
    examples.push(cbor::array(&[cbor::array(&[cbor::bytes(b"short")])]));
    fuzz!(rounds 2000, signed false, examples, |bytes: &[u8]| {
        let Ok(content) = Body::restore(bytes.to_vec()).clear() else { return false };
        assert_eq!(cbor::array(&[cbor::array(&[cbor::bytes(&content)])]), bytes, "one content, one form");
        true
    });
}

#[test]
fn statements() {
    let (entity, field) = (EntityId([5; 16]), "capture_episode.date".to_owned());
    let (first, second) = (Reference(EntryId([1; 32]), 0), Reference(EntryId([1; 32]), 1));
    let reason = "typing_error".to_owned();
    let assertion = Assertion {
        entity,
        field: field.clone(),
        value: Value::from("2023-06-10~"),
        sources: vec![EntityId([7; 16])],
        grade: Some("B2".to_owned()),
        basis: None,
        reported_by: Some("maple-river".to_owned()),
    };
    let statements = vec![
        Statement::Assert(assertion),
        Statement::Retract { at: first, reason: reason.clone() },
        Statement::Resolve { entity, field, chosen: Some(second), seen: vec![first, second], reason },
    ];
    let (section, claimed_time) = (SectionId([1; 16]), ClaimedTime(1_700_000_040));
    let deps = vec![EntryId([1; 32]), EntryId([2; 32])];
    let plain = Plain { schema: 1, section, claimed_time, deps, batch: None, statements };
    let example = plain.encode().expect("a sound example");
    fuzz!(rounds 4000, signed false, vec![example], |bytes: &[u8]| {
        let Content::Good(plain) = content(bytes) else { return false };
        assert_eq!(plain.encode().as_deref(), Ok(bytes), "one plaintext, one form");
        true
    });
}

#[test]
fn frames() {
    let world = world();
    let items = world.entries.iter().take(3);
    let items = items.map(|written| (written.entry.envelope(), Some(written.body.bytes().to_vec()))).collect();
    let links = world.offices.iter().map(|office| office.roster.link(0).expect("one").envelope().to_vec()).collect();
    let (feed, mark) = (world.entries[0].entry.header().feed, Mark::of(&world.entries[0].entry.id()));
    let lines = (1..5_u64)
        .map(|number| {
            FrontierEntry(feed.key, Incarnation(number.to_be_bytes()), number, mark, (number > 2).then_some(0))
        })
        .collect();
    let examples = [
        Frame::Entries(items),
        Frame::Links(links),
        Frame::Frontier { circle: feed.circle, part: 0, is_last: true, since: None, near: vec![], lines },
        Frame::Standing(vec![ShortRosterState(OrgId([5; 32]), 2, mark, false)]),
        Frame::Want(vec![EntryId([1; 32]); 3]),
        Frame::Probe { feed, marks: vec![(1, mark), (300, mark)] },
        Frame::Done(feed.circle),
    ];
    fuzz!(rounds 2000, signed false, examples.iter().map(Frame::encode).collect(), |bytes: &[u8]| {
        let Ok(frame) = Frame::decode(bytes) else {
            assert!(frame::receive(&world.id, bytes).is_err());
            return false;
        };
        assert_eq!(frame.encode(), bytes, "one frame, one form");
        assert!(cbor::is_canonical(bytes));
        match (frame, frame::receive(&world.id, bytes).expect("it was decoded")) {
            (Frame::Entries(items), Received::Entries { arrivals, faults, later }) => {
                let spoiled = faults.iter().filter(|fault| **fault == Fault::SpoiledBody).count();
                assert_eq!(arrivals.len() + later + faults.len() - spoiled, items.len(), "every item is accounted for");
                for arrival in arrivals {
                    let written = world.entries.iter().find(|written| written.entry == arrival.entry);
                    let written = written.expect("only what was signed arrives");
                    assert!(arrival.body.is_none_or(|body| body == written.body), "only its own body arrives with it");
                }
            }
            (Frame::Links(items), Received::Links { links, faults }) => {
                assert!(links.len() + faults.len() <= items.len());
            }
            (frame, received) => assert_eq!(received, Received::Plain(frame)),
        }
        true
    });
}

/// Bytes are canonical or refused, for every type that is read from them.
#[test]
fn canonical_bytes() {
    type Shape = (u64, Option<EntryId>, Vec<(bool, String)>);
    let example = codec::encode::<Shape>(&(7, Some(EntryId([1; 32])), vec![(true, "a text".to_owned())]));
    fuzz!(rounds 8000, signed false, vec![example], |bytes: &[u8]| {
        let Ok(value) = codec::decode::<Shape>("shape", bytes, 256) else { return false };
        assert_eq!(codec::encode(&value), bytes);
        assert!(cbor::is_canonical(bytes));
        true
    });
}
