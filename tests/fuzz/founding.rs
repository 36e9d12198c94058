//! Targets for files that people hand over: links, cards, genesis, drafts, registry files, circles, grants.

use protocol::{
    bytes::{
        cose::{self, Domain},
        ids::{OrgId, RegistryId},
        seal::{Entropy, ReadingSecret},
    },
    membership::{
        charter::{
            Genesis,
            card::Card,
            founding::{Draft, Founding},
            roster::{Link, Roster},
        },
        circle::{
            Circle,
            grant::{self, Opening},
        },
    },
};
use tests::written::Registry;

use super::fuzz;
use crate::vectors::cbor;

fn world() -> Registry {
    Registry::new([4; 32], 1)
}

fn payload(envelope: &[u8]) -> Vec<u8> {
    cose::unenvelope("example", envelope).expect("ours").0.to_vec()
}

#[test]
fn links() {
    let office = &world().offices[0];
    let first = office.roster.link(0).expect("one").envelope().to_vec();
    fuzz!(rounds 3000, signed true, vec![first.clone()], |bytes: &[u8]| {
        let Ok(link) = Link::parse(bytes) else { return false };
        assert_eq!(link.envelope(), first, "only what was signed is accepted");
        true
    });
}

/// Signed links: a root really signed them, whatever their content.
#[test]
fn signed_links() {
    let world = world();
    let office = &world.offices[0];
    let examples = vec![payload(office.roster.link(0).expect("one").envelope())];
    fuzz!(rounds 3000, signed false, examples, |payload: &[u8]| {
        let envelope = cose::envelope(payload, &office.root.sign(Domain::Link, &[], payload));
        let Ok(link) = Link::parse(&envelope) else { return false };
        assert!(cbor::is_canonical(payload));
        assert_eq!((link.organisation(), link.envelope()), (office.organisation(), &envelope[..]));
        let started = Roster::start(link.clone());
        assert_eq!(started.is_ok(), link.index() == 0);
        let mut roster = office.roster.clone();
        let before = roster.state();
        if roster.take(link).is_err() {
            assert_eq!(roster.state(), before, "what is not taken changes nothing");
        }
        true
    });
}

#[test]
fn cards() {
    let world = world();
    let office = &world.offices[0];
    fuzz!(rounds 1000, signed true, vec![office.card.clone()], |bytes: &[u8]| {
        let Ok(card) = Card::parse(bytes) else { return false };
        assert_eq!(card.sign(&office.root), bytes, "one card, one form");
        true
    });
}

#[test]
fn signed_cards() {
    let world = world();
    let office = &world.offices[0];
    fuzz!(rounds 2000, signed false, vec![payload(&office.card)], |payload: &[u8]| {
        let envelope = cose::envelope(payload, &office.root.sign(Domain::Card, &[], payload));
        let Ok(card) = Card::parse(&envelope) else { return false };
        assert_eq!(card.sign(&office.root), envelope, "one card, one form");
        assert_eq!(card.organisation(), office.organisation());
        true
    });
}

#[test]
fn geneses() {
    let example = world().draft.genesis.bytes().to_vec();
    fuzz!(rounds 8000, signed false, vec![example], |bytes: &[u8]| {
        let Ok(genesis) = Genesis::decode(bytes) else { return false };
        assert_eq!(genesis.bytes(), bytes);
        assert!(cbor::is_canonical(bytes));
        let keys: Vec<_> = genesis.founders().iter().map(|founder| founder.0).collect();
        assert!(keys.is_sorted_by(|a, b| a < b) && !keys.is_empty());
        true
    });
}

#[test]
fn drafts() {
    let example = world().draft.encode();
    fuzz!(rounds 1000, signed true, vec![example], |bytes: &[u8]| {
        let Ok(draft) = Draft::decode(bytes) else { return false };
        assert_eq!(draft.encode(), bytes, "one draft, one form");
        true
    });
}

#[test]
fn registry_files() {
    let Registry { id, file, .. } = world();
    fuzz!(rounds 1000, signed true, vec![file], |bytes: &[u8]| {
        let Ok(founding) = Founding::parse(bytes) else { return false };
        assert!(cbor::is_canonical(bytes));
        assert_eq!(founding.genesis.id(), id, "only the registry that was signed is accepted");
        true
    });
}

#[test]
fn circles() {
    let mut entropy = Entropy::new([5; 32]);
    let named = Circle::named(OrgId([1; 32]), &[OrgId([2; 32]), OrgId([3; 32])], &mut entropy);
    let examples = [Circle::Own(OrgId([1; 32])), named, Circle::Commons].iter().map(Circle::encode).collect();
    fuzz!(rounds 8000, signed false, examples, |bytes: &[u8]| {
        let Ok(circle) = Circle::decode(bytes) else { return false };
        assert_eq!(circle.encode(), bytes, "one circle, one form");
        assert!(cbor::is_canonical(bytes));
        true
    });
}

#[test]
fn openings() {
    let mut entropy = Entropy::new([6; 32]);
    let example = Opening::fresh(Circle::Own(OrgId([1; 32])), &mut entropy).encode();
    fuzz!(rounds 8000, signed false, vec![example], |bytes: &[u8]| {
        let Ok(opening) = Opening::decode(bytes) else { return false };
        assert_eq!(opening.encode(), bytes, "one opening, one form");
        true
    });
}

#[test]
fn grants() {
    let mut entropy = Entropy::new([7; 32]);
    let [author, reader] = [(); 2].map(|()| ReadingSecret(entropy.secret()));
    let (registry, reading) = (RegistryId([8; 32]), reader.expand());
    let opening = Opening::fresh(Circle::Commons, &mut entropy);
    let readers = [&reader.public()];
    let example = grant::seal(&registry, std::slice::from_ref(&opening), &readers, &author.expand(), &mut entropy);
    let author = author.public();
    fuzz!(rounds 400, signed true, vec![example], |bytes: &[u8]| {
        let Ok(Some(openings)) = grant::open(&registry, bytes, &reading, &author) else { return false };
        assert!(cbor::is_canonical(bytes));
        assert_eq!(openings, std::slice::from_ref(&opening), "only what was sealed opens");
        true
    });
}
