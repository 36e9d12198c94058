//! Founding a registry: cards → draft → signatures → registry file → members.
//!
//! ```text
//! draft     = [genesis, [card …]]
//! signature = [registry id 32, root_key 32, signature 64]
//! registry  = [genesis, [[link …] …], [signature …], annex, root_key 32, signature 64]
//! annex     = the form of a grant, over [network key 32, grant, [[card …], [[node 32, [address …]] …]]], padded
//! ```
//!
//! The registry file holds, sealed to each founder's devices, what they need to start: the network key, the secrets of
//! the circles that admit them, and the founders' cards with the addresses of their nodes. The organisation that
//! completes the file signs that part with its root key, and may add addresses of its own nodes only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use thiserror::Error;

use super::{
    Genesis, Members,
    card::{Card, CardError, Reach, check_own, roster_of},
    roster::{LinkError, Roster},
};
use crate::{
    bytes::{
        address::Address,
        codec::{self, DecodeError},
        cose::{self, BadSignature, Domain, SIGNATURE, Signer},
        ids::{NodeKey, OrgId, RegistryId},
        limits::{DEVICES, ORGANISATIONS, REGISTRY_FILE_BYTES},
        seal::{Entropy, ReadingKey, ReadingSecret, Secret},
        words,
    },
    membership::circle::{
        Circle,
        grant::{self, Opening},
    },
};

/// Errors of reading or completing a founding file.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FoundingError {
    /// The bytes are not a file of this kind.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A card in the file is not sound.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A roster in the file is not sound.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The cards and the genesis name different founders.
    #[error("the cards in the file are not those of the founders it names")]
    Founders,
    /// The signature of a founder is missing.
    #[error("{} of the founders have not signed: {}", missing.len(), missing.join(", "))]
    Unsigned {
        /// Call-signs of the founders without a signature.
        missing: Vec<String>,
    },
    /// A signature is by no founder, or for another registry.
    #[error("a signature is for another registry or by none of its founders")]
    Stranger,
    /// A signature is for another draft than the one to be completed.
    #[error(
        "a signature is for the draft «{}», and this one is «{}»",
        words::fingerprint(&theirs.0),
        words::fingerprint(&ours.0)
    )]
    OtherDraft {
        /// The registry of the signature.
        theirs: RegistryId,
        /// The registry of the draft.
        ours: RegistryId,
    },
    /// A signature does not verify.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The device is not among those that the file was made for.
    #[error("this registry file was not made for this device")]
    NotForUs,
    /// Two cards are of one organisation.
    #[error("two cards are of one organisation")]
    Twice,
}

/// A draft: the genesis and the cards that founders inspect and sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The genesis of the draft.
    pub genesis: Genesis,
    /// The cards of the founders.
    pub cards: Vec<Card>,
    envelopes: Vec<ByteBuf>,
}

#[derive(Serialize, Deserialize)]
struct DraftWire(ByteBuf, Vec<ByteBuf>);

impl Draft {
    /// Makes a draft from encoded cards.
    ///
    /// # Errors
    /// A card is not sound, an organisation has two cards, or the founders break a rule of the genesis.
    pub fn new(schema: u64, cards: Vec<Vec<u8>>, entropy: &mut Entropy) -> Result<Self, FoundingError> {
        let parsed = cards.iter().map(|card| Card::parse(card)).collect::<Result<Vec<_>, _>>()?;
        let genesis = Genesis::new(schema, entropy.bytes(), parsed.iter().map(Card::founder).collect());
        if !genesis.founders().is_sorted_by(|a, b| a.0 < b.0) {
            return Err(FoundingError::Twice);
        }
        Genesis::decode(genesis.bytes())?;
        Ok(Self { genesis, cards: parsed, envelopes: cards.into_iter().map(ByteBuf::from).collect() })
    }

    /// Encodes the draft.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&DraftWire(ByteBuf::from(self.genesis.bytes()), self.envelopes.clone()))
    }

    /// Decodes a draft strictly.
    ///
    /// # Errors
    /// The bytes are malformed, or the cards are not those of the founders that the genesis names.
    pub fn decode(bytes: &[u8]) -> Result<Self, FoundingError> {
        let DraftWire(genesis, envelopes) = codec::decode("draft", bytes, REGISTRY_FILE_BYTES.0)?;
        let genesis = Genesis::decode(&genesis)?;
        let cards = envelopes.iter().map(|card| Card::parse(card)).collect::<Result<Vec<_>, _>>()?;
        let mut founders: Vec<_> = cards.iter().map(Card::founder).collect();
        founders.sort_by_key(|founder| founder.0);
        if founders != genesis.founders() {
            return Err(FoundingError::Founders);
        }
        Ok(Self { genesis, cards, envelopes })
    }

    /// Signs the genesis as a founder.
    #[must_use]
    pub fn sign(&self, root: &Signer) -> Vec<u8> {
        let id = self.genesis.id();
        let signature = root.sign(Domain::Genesis, &id.0, self.genesis.bytes());
        codec::encode(&Consent(id, root.public().into(), signature.into()))
    }

    /// Completes the draft into a registry file, from all founders' signatures. `root` is the root key of the
    /// organisation that completes it.
    ///
    /// # Errors
    /// A signature is malformed, missing, wrong, or for another draft.
    pub fn complete(
        &self,
        signatures: &[Vec<u8>],
        root: &Signer,
        entropy: &mut Entropy,
    ) -> Result<Vec<u8>, FoundingError> {
        let decode = |bytes: &Vec<u8>| codec::decode::<Consent>("signature", bytes, 1024);
        let consents = signatures.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let ours = self.genesis.id();
        if let Some(Consent(theirs, ..)) = consents.iter().find(|consent| consent.0 != ours) {
            return Err(FoundingError::OtherDraft { theirs: *theirs, ours });
        }
        check_consents(&self.genesis, &consents)?;
        let start = Start {
            network_key: entropy.secret(),
            openings: vec![Opening::fresh(Circle::Commons, entropy)],
            whereabouts: Whereabouts(self.envelopes.clone(), vec![]),
        };
        let rosters: Vec<_> = self.cards.iter().map(|card| card.roster.clone()).collect();
        let readers: Vec<_> = rosters.iter().flat_map(Roster::devices).map(|device| &device.reading).collect();
        Ok(registry_file(&self.genesis, &rosters, consents, &start, &readers, root, entropy))
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Consent(RegistryId, ByteArray<32>, ByteArray<SIGNATURE>);

fn check_consents(genesis: &Genesis, consents: &[Consent]) -> Result<(), FoundingError> {
    let mut missing: BTreeMap<_, _> = genesis.founders().iter().map(|founder| (founder.0, founder.1.clone())).collect();
    for Consent(registry, root_key, signature) in consents {
        if *registry != genesis.id() || !genesis.founders().iter().any(|founder| founder.0 == *root_key) {
            return Err(FoundingError::Stranger);
        }
        cose::check(root_key, Domain::Genesis, &registry.0, genesis.bytes(), signature)?;
        missing.remove(root_key);
    }
    if missing.is_empty() { Ok(()) } else { Err(FoundingError::Unsigned { missing: missing.into_values().collect() }) }
}

/// The secrets and addresses that a device needs to start, besides the public part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The key of the private network, which keeps strangers' bytes from the parsers; it authorises no one.
    pub network_key: Secret,
    /// The circles that admit the device's organisation.
    pub openings: Vec<Opening>,
    /// Addresses of the members' nodes.
    pub whereabouts: Whereabouts,
}

/// Addresses of the members' nodes, each given by its own organisation: the founders' signed cards, and addresses of
/// nodes of the organisation that made the file, or that owns the folder. The latter precede those of its card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts(pub Vec<ByteBuf>, pub Vec<Reach>);

impl Whereabouts {
    /// Checks that the cards are members', and that the separate addresses are of nodes of `org` only.
    ///
    /// # Errors
    /// [`FoundingError::Founders`] or the error of a card.
    pub fn check(&self, members: &Members, org: &OrgId) -> Result<(), FoundingError> {
        let Self(cards, own) = self;
        if cards.len() > ORGANISATIONS.0 || own.len() > DEVICES.0 || !own.iter().all(Reach::is_sound) {
            return Err(FoundingError::Founders);
        }
        for card in cards {
            if !members.is_member(&Card::parse(card)?.organisation()) {
                return Err(FoundingError::Founders);
            }
        }
        Ok(members.roster(org).map_or(Ok(()), |roster| check_own(own, roster))?)
    }

    /// Returns the addresses of the members' nodes, each in its organisation's order. A node counts only for the
    /// organisation that certifies it now, and an unreadable card is skipped.
    #[must_use]
    pub fn addresses(&self, members: &Members) -> BTreeMap<NodeKey, Vec<Address>> {
        let mut addresses = BTreeMap::new();
        let Self(cards, own) = self;
        let cards = cards.iter().filter_map(|card| Card::parse(card).ok());
        let said = cards.flat_map(|card| {
            let org = card.organisation();
            card.reach.into_iter().filter(move |reach| members.node(&reach.0) == Some(org))
        });
        let parsed = |Reach(node, texts): Reach| (node, texts.iter().filter_map(|text| Address::parse(text)).collect());
        addresses.extend(said.map(parsed));
        addresses.extend(own.iter().cloned().map(parsed));
        addresses
    }
}

#[derive(Serialize, Deserialize)]
struct StartWire(Secret, ByteBuf, Whereabouts);

#[derive(Serialize, Deserialize)]
struct RegistryWire(ByteBuf, Vec<Vec<ByteBuf>>, Vec<Consent>, ByteBuf, ByteArray<32>, ByteArray<SIGNATURE>);

/// Encodes a registry file for the devices of `readers`.
fn registry_file(
    genesis: &Genesis,
    rosters: &[Roster],
    consents: Vec<Consent>,
    start: &Start,
    readers: &[&ReadingKey],
    root: &Signer,
    entropy: &mut Entropy,
) -> Vec<u8> {
    let registry = genesis.id();
    let openings = grant::seal_bytes(&registry, &grant::encode(&start.openings), readers, None, entropy);
    let content = StartWire(start.network_key.clone(), ByteBuf::from(openings), start.whereabouts.clone());
    let annex = grant::seal_bytes(&registry, &codec::encode(&content), readers, None, entropy);
    let signature = root.sign(Domain::Annex, &registry.0, &annex);
    let rosters =
        rosters.iter().map(|roster| roster.since(0).map(|link| ByteBuf::from(link.envelope())).collect()).collect();
    codec::encode(&RegistryWire(
        ByteBuf::from(genesis.bytes()),
        rosters,
        consents,
        ByteBuf::from(annex),
        root.public().into(),
        signature.into(),
    ))
}

/// The public part of a registry file, verified.
#[derive(Clone, Debug)]
pub struct Founding {
    /// The genesis of the registry.
    pub genesis: Genesis,
    /// The members, with the rosters of the file.
    pub members: Members,
    /// The organisation that completed the file.
    pub completed_by: OrgId,
    consents: Vec<Vec<u8>>,
    annex: Vec<u8>,
}

impl Founding {
    /// Reads a registry file and checks every signature in it.
    ///
    /// # Errors
    /// See [`FoundingError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FoundingError> {
        let RegistryWire(genesis, rosters, consents, annex, root_key, signature) =
            codec::decode("registry", bytes, REGISTRY_FILE_BYTES.0)?;
        let genesis = Genesis::decode(&genesis)?;
        check_consents(&genesis, &consents)?;
        let roster = |links: &Vec<ByteBuf>| roster_of(links.iter().map(|link| &link[..]));
        let members = Members::new(&genesis, rosters.iter().map(roster).collect::<Result<_, _>>()?)?;
        let completed_by = super::organisation(&root_key);
        if !members.is_member(&completed_by) {
            return Err(FoundingError::Stranger);
        }
        cose::check(&root_key, Domain::Annex, &genesis.id().0, &annex, &signature)?;
        let consents = consents.iter().map(codec::encode).collect();
        Ok(Self { genesis, members, completed_by, consents, annex: annex.into_vec() })
    }

    /// Opens the sealed part with a device's reading key.
    ///
    /// # Errors
    /// [`FoundingError::NotForUs`], or the content of the sealed part is malformed.
    pub fn start(&self, reader: &ReadingSecret) -> Result<Start, FoundingError> {
        let (registry, reader) = (self.genesis.id(), reader.expand());
        let open = |sealed: &[u8]| grant::open_bytes(&registry, sealed, &reader, None);
        let content = open(&self.annex)?.ok_or(FoundingError::NotForUs)?;
        let StartWire(network_key, openings, whereabouts) = codec::decode("annex", &content, REGISTRY_FILE_BYTES.0)?;
        let openings = grant::decode(&open(&openings)?.ok_or(FoundingError::NotForUs)?)?;
        whereabouts.check(&self.members, &self.completed_by)?;
        Ok(Start { network_key, openings, whereabouts })
    }

    /// Makes a registry file for one more device of an organisation: the same founding, the present rosters, and the
    /// secrets that `start` names. `root` is the organisation's root key.
    ///
    /// # Errors
    /// A founder's signature in this file is malformed.
    pub fn extend(
        &self,
        members: &Members,
        start: &Start,
        reader: &ReadingKey,
        root: &Signer,
        entropy: &mut Entropy,
    ) -> Result<Vec<u8>, FoundingError> {
        let decode = |bytes: &Vec<u8>| codec::decode::<Consent>("signature", bytes, 1024);
        let consents = self.consents.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let rosters: Vec<_> = members.organisations().filter_map(|(org, _)| members.roster(org).cloned()).collect();
        Ok(registry_file(&self.genesis, &rosters, consents, start, &[reader], root, entropy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bytes::words,
        membership::charter::roster::{Link, tests::device},
    };

    struct Org {
        root: Signer,
        reading: ReadingSecret,
        card: Vec<u8>,
    }

    fn org(entropy: &mut Entropy) -> Org {
        let (root, reading) = (Signer::new(&entropy.secret()), ReadingSecret(entropy.secret()));
        let mut device = device(&root, entropy);
        device.reading = reading.public();
        let roster = Roster::start(Link::certify(&root, None, &device)).expect("a first link");
        let reach = vec![Reach(device.node, vec!["127.0.0.1:4001".into()])];
        let card = Card { call_sign: words::call_sign(entropy.bytes()), roster, reach }.sign(&root);
        Org { root, reading, card }
    }

    fn founded(entropy: &mut Entropy) -> (Vec<Org>, Draft, Vec<u8>) {
        let orgs: Vec<_> = (0..3).map(|_| org(entropy)).collect();
        let draft = Draft::new(1, orgs.iter().map(|org| org.card.clone()).collect(), entropy).expect("sound cards");
        let draft = Draft::decode(&draft.encode()).expect("our own draft");
        let signatures: Vec<_> = orgs.iter().map(|org| draft.sign(&org.root)).collect();
        let file = draft.complete(&signatures, &orgs[1].root, entropy).expect("all signed");
        (orgs, draft, file)
    }

    #[test]
    fn three_founders_start_from_one_file_with_the_same_secrets() {
        let mut entropy = Entropy::new([1; 32]);
        let (orgs, draft, file) = founded(&mut entropy);
        let founding = Founding::parse(&file).expect("sound");
        assert_eq!(founding.genesis, draft.genesis);
        assert_eq!(founding.members.organisations().count(), 3);
        let starts: Vec<_> = orgs.iter().map(|org| founding.start(&org.reading).expect("a founder")).collect();
        assert!(starts.iter().all(|start| *start == starts[0]));
        assert_eq!((starts[0].openings[0].circle.clone(), starts[0].whereabouts.0.len()), (Circle::Commons, 3));
        let stranger = ReadingSecret(entropy.secret());
        assert_eq!(founding.start(&stranger), Err(FoundingError::NotForUs));
    }

    #[test]
    fn a_missing_signature_is_named_by_its_call_sign() {
        let mut entropy = Entropy::new([2; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let two: Vec<_> = orgs[..2].iter().map(|org| draft.sign(&org.root)).collect();
        let missing = vec![draft.cards[2].call_sign.clone()];
        assert_eq!(draft.complete(&two, &orgs[0].root, &mut entropy), Err(FoundingError::Unsigned { missing }));
        let stranger = draft.sign(&org(&mut entropy).root);
        assert_eq!(draft.complete(&[stranger], &orgs[0].root, &mut entropy), Err(FoundingError::Stranger));
        let cards = orgs.iter().map(|org| org.card.clone()).collect();
        let again = Draft::new(1, cards, &mut entropy).expect("the same founders, drafted again");
        let mixed = draft.complete(&[again.sign(&orgs[0].root)], &orgs[0].root, &mut entropy);
        let (theirs, ours) = (again.genesis.id(), draft.genesis.id());
        assert_eq!(mixed, Err(FoundingError::OtherDraft { theirs, ours }));
    }

    #[test]
    fn an_edited_file_is_refused_wherever_it_was_edited() {
        let mut entropy = Entropy::new([3; 32]);
        let (orgs, _, file) = founded(&mut entropy);
        for at in (0..file.len()).step_by(17) {
            let mut bytes = file.clone();
            bytes[at] ^= 1;
            assert!(Founding::parse(&bytes).is_err(), "byte {at}");
        }
        for at in 0..orgs[0].card.len() {
            let mut bytes = orgs[0].card.clone();
            bytes[at] ^= 1;
            assert!(Card::parse(&bytes).is_err(), "byte {at}");
        }
    }

    /// A coerced or infiltrated founder completes the file: it cannot change the addresses of another member's nodes.
    #[test]
    fn whoever_completes_the_file_cannot_say_where_another_members_node_is() {
        let mut entropy = Entropy::new([5; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let consents: Vec<Consent> =
            (orgs.iter()).map(|org| codec::decode("signature", &draft.sign(&org.root), 1024).expect("ours")).collect();
        let rosters: Vec<_> = draft.cards.iter().map(|card| card.roster.clone()).collect();
        let readers: Vec<_> = rosters.iter().flat_map(Roster::devices).map(|device| &device.reading).collect();
        let mut start = |whereabouts| {
            let start = Start {
                network_key: entropy.secret(),
                openings: vec![Opening::fresh(Circle::Commons, &mut entropy)],
                whereabouts,
            };
            let file = registry_file(
                &draft.genesis,
                &rosters,
                consents.clone(),
                &start,
                &readers,
                &orgs[1].root,
                &mut entropy,
            );
            let founding = Founding::parse(&file).expect("every signature fits");
            founding.start(&orgs[0].reading).map(|start| start.whereabouts.addresses(&founding.members))
        };
        let cards = draft.envelopes.clone();
        let node = |nth: usize| draft.cards[nth].reach[0].0;
        let lure = |nth| vec![Reach(node(nth), vec!["lure.example:443".into()])];

        let foreign = start(Whereabouts(cards.clone(), lure(0)));
        assert_eq!(foreign, Err(FoundingError::Card(CardError::Foreign(node(0)))));
        // Addresses of the completing organisation's own nodes may be newer than its card, and take precedence.
        let own = start(Whereabouts(cards.clone(), lure(1))).expect("its own word");
        assert_eq!(own[&node(1)], [Address::parse("lure.example:443").expect("a name")]);
        assert_eq!(own[&node(0)], [Address::parse("127.0.0.1:4001").expect("a literal")]);
        // A card that was changed, and a card of an organisation that is no member.
        let mut changed = cards.clone();
        *changed[0].last_mut().expect("a signature") ^= 1;
        assert!(start(Whereabouts(changed, vec![])).is_err());
        let stranger = org(&mut Entropy::new([6; 32])).card;
        let crowd = [cards.clone(), vec![ByteBuf::from(stranger)]].concat();
        assert_eq!(start(Whereabouts(crowd, vec![])), Err(FoundingError::Founders));
        // What is no address, more nodes than an organisation has devices, and more cards than there are members.
        let unsound = vec![Reach(node(1), vec!["no address".into()])];
        assert_eq!(start(Whereabouts(cards.clone(), unsound)), Err(FoundingError::Founders));
        let nodes = |count| lure(1).into_iter().cycle().take(count).collect();
        assert!(start(Whereabouts(cards.clone(), nodes(DEVICES.0))).is_ok());
        assert_eq!(start(Whereabouts(cards.clone(), nodes(DEVICES.0 + 1))), Err(FoundingError::Founders));
        let many = cards.iter().cycle().take(ORGANISATIONS.0 + 1).cloned().collect();
        assert_eq!(start(Whereabouts(many, vec![])), Err(FoundingError::Founders));
    }

    /// The sealed part holds every secret of the registry: a stranger who knows a founding's public part could hand out one
    /// of his own.
    #[test]
    fn a_file_completed_by_nobody_of_the_founders_founds_nothing() {
        let mut entropy = Entropy::new([8; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let signatures: Vec<_> = orgs.iter().map(|org| draft.sign(&org.root)).collect();
        let stranger = org(&mut entropy);
        let file = draft.complete(&signatures, &stranger.root, &mut entropy).expect("all signed");
        assert_eq!(Founding::parse(&file).map(|founding| founding.completed_by), Err(FoundingError::Stranger));
    }

    /// A genesis names each founder's root, call-sign and roster. A card beside it that says otherwise would be looked at by
    /// people, and not be what they sign.
    #[test]
    fn a_draft_shows_the_cards_of_those_it_names_and_no_others() {
        let mut entropy = Entropy::new([9; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let wire = |cards: Vec<&Vec<u8>>| {
            let cards = cards.into_iter().map(|card| ByteBuf::from(card.as_slice())).collect();
            Draft::decode(&codec::encode(&DraftWire(ByteBuf::from(draft.genesis.bytes()), cards)))
        };
        let [a, b, c] = [0, 1, 2].map(|nth: usize| &orgs[nth].card);
        let other = org(&mut entropy).card;
        assert!(wire(vec![a, b, c]).is_ok());
        for cards in [vec![a, b], vec![a, b, &other], vec![a, b, c, &other], vec![a, b, c, c]] {
            assert_eq!(wire(cards), Err(FoundingError::Founders));
        }
        let renamed =
            Card { call_sign: draft.cards[1].call_sign.clone(), ..draft.cards[0].clone() }.sign(&orgs[0].root);
        assert_eq!(wire(vec![&renamed, b, c]), Err(FoundingError::Founders));
        // Nor does a draft begin that everybody would refuse to read.
        let cards = vec![renamed, b.clone(), c.clone()];
        assert!(matches!(Draft::new(1, cards, &mut entropy), Err(FoundingError::Malformed(_))));
    }

    /// A roster that grew from another link than the one all founders signed is another organisation's past.
    #[test]
    fn members_are_the_founders_with_the_rosters_the_genesis_pins() {
        let mut entropy = Entropy::new([10; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let rosters: Vec<_> = draft.cards.iter().map(|card| card.roster.clone()).collect();
        assert!(Members::new(&draft.genesis, rosters.clone()).is_ok());
        let other = Roster::start(Link::certify(&orgs[0].root, None, &device(&orgs[0].root, &mut entropy)));
        let [_, b, c] = &rosters[..] else { panic!("three founders") };
        let mut refused = vec![vec![other.expect("a first link"), b.clone(), c.clone()], vec![b.clone(), c.clone()]];
        let stranger = Card::parse(&org(&mut entropy).card).expect("sound").roster;
        refused.push([rosters.clone(), vec![stranger]].concat());
        for rosters in refused {
            assert!(Members::new(&draft.genesis, rosters).is_err());
        }
    }

    /// A roster may freeze at its last link: nothing that counts changes, and peers must hear of it all the same.
    #[test]
    fn a_roster_that_froze_is_another_control_root() {
        let mut entropy = Entropy::new([11; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let rosters: Vec<_> = draft.cards.iter().map(|card| card.roster.clone()).collect();
        let mut members = Members::new(&draft.genesis, rosters).expect("the founders");
        let before = members.control_root();
        let second = Link::certify(&orgs[0].root, None, &device(&orgs[0].root, &mut entropy));
        assert_eq!(members.take(second), Ok(crate::membership::charter::roster::Taken::Froze));
        let standing = members.roster(&draft.cards[0].organisation()).expect("a member").state();
        assert_eq!((standing.links, standing.head, standing.frozen), (1, draft.cards[0].roster.head(), true));
        assert_ne!(members.control_root(), before);
    }

    /// A node that a second organisation certifies is nobody's: what the first one's card says of it is said of nobody.
    #[test]
    fn where_a_node_is_counts_while_it_is_its_organisations() {
        let mut entropy = Entropy::new([12; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let mut key = || Signer::new(&entropy.secret());
        let [author, desk, node, ballot, receipt] = [(); 5].map(|()| key());
        let keys = crate::membership::charter::roster::DeviceKeys { author, desk, node, ballot, receipt };
        let mut rosters: Vec<_> = draft.cards.iter().map(|card| card.roster.clone()).collect();
        let mut certify = |nth: usize| {
            let (org, id) = (rosters[nth].organisation(), crate::bytes::ids::DeviceId([nth as u8; 16]));
            let reading = ReadingSecret(entropy.secret()).public();
            let device = crate::membership::charter::roster::Device::new(&org, id, &keys, reading);
            let link = Link::certify(&orgs[nth].root, Some(&rosters[nth]), &device);
            rosters[nth].take(link.clone()).expect("it follows");
            (link, rosters[nth].clone())
        };
        let (first, roster) = certify(0);
        let (second, _) = certify(1);
        let reach = vec![Reach(NodeKey(keys.node.public()), vec!["127.0.0.1:4001".into()])];
        let card = Card { call_sign: draft.cards[0].call_sign.clone(), roster, reach }.sign(&orgs[0].root);
        let whereabouts = Whereabouts(vec![ByteBuf::from(card)], vec![]);
        let rosters: Vec<_> = draft.cards.iter().map(|card| card.roster.clone()).collect();
        let mut members = Members::new(&draft.genesis, rosters).expect("the founders");
        members.take(first).expect("it follows");
        assert_eq!(whereabouts.addresses(&members).len(), 1);
        members.take(second).expect("it follows");
        assert_eq!(whereabouts.addresses(&members).len(), 0);
    }

    #[test]
    fn a_card_that_says_where_another_organisations_node_is_founds_nothing() {
        let mut entropy = Entropy::new([7; 32]);
        let (orgs, draft, _) = founded(&mut entropy);
        let node = draft.cards[1].reach[0].0;
        let mut card = draft.cards[0].clone();
        card.reach.push(Reach(node, vec!["lure.example:443".into()]));
        let foreign = card.sign(&orgs[0].root);
        assert_eq!(Card::parse(&foreign), Err(CardError::Foreign(node)));
        let cards = vec![foreign, orgs[1].card.clone()];
        assert_eq!(Draft::new(1, cards, &mut entropy), Err(FoundingError::Card(CardError::Foreign(node))));
    }

    #[test]
    fn one_card_twice_founds_nothing() {
        let mut entropy = Entropy::new([4; 32]);
        let card = org(&mut entropy).card;
        assert_eq!(Draft::new(1, vec![card.clone(), card], &mut entropy), Err(FoundingError::Twice));
    }
}
