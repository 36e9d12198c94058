//! A roster: the linear chain of device certificates, signed by an organisation's root key.
//!
//! ```text
//! link = COSE_Sign1(root key, "habeas/1/link") over [1, root_key 32, index, prev 32|null, change, content]
//! id   = BLAKE3 derive-key("habeas 1 link id", payload)
//! change 0 = a device is certified, content = device; any other number is a newer version's: carried, not understood
//! device = [id 16, author 32, desk 32, node 32, ballot 32, receipt 32, reading 1216, [possession 64 x 5]]
//! possession = Ed25519(each key, "habeas/1/possession" ‖ organisation) over [id 16, purpose, key 32]
//! cert   = BLAKE3 derive-key("habeas 1 certificate id", organisation ‖ device id ‖ purpose u8 ‖ key)
//! organisation = BLAKE3 derive-key("habeas 1 organisation id", root_key)
//! ```
//!
//! Rosters are an input of validity: they replicate as control data and are part of the control root. Two links with
//! one parent prove that the root key signed two histories; the roster then freezes at the common link, whatever the
//! order of arrival.
//!
//! Each key of a device signs a proof of possession for its organisation: otherwise a member could certify another's
//! keys as its own, and the other's entries would count for nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use thiserror::Error;

use crate::bytes::{
    codec::{self, DecodeError},
    cose::{self, BadSignature, Domain, SIGNATURE, Signer},
    ids::{CertificateId, DeviceId, FeedKey, LinkId, NodeKey, OrgId},
    limits::{DEVICES, LINK_BYTES, ROSTER_LINKS},
    seal::{self, ReadingKey},
};

/// Returns the organisation of a root key.
#[must_use]
pub fn organisation(root_key: &[u8; 32]) -> OrgId {
    OrgId(seal::hash("habeas 1 organisation id", &[root_key]))
}

/// The purpose of a certified key; one key has one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Signs entries of the organisation's people in the own circle.
    Author = 0,
    /// Signs entries of the organisation in other circles.
    Desk = 1,
    /// Identifies the device's node on the network.
    Node = 2,
    /// Votes on the charter.
    Ballot = 3,
    /// Signs receipts.
    Receipt = 4,
}

/// The signing keys of a device, on the machine that holds them.
#[derive(Clone, Debug)]
pub struct DeviceKeys {
    /// Signing key for [`Purpose::Author`].
    pub author: Signer,
    /// Signing key for [`Purpose::Desk`].
    pub desk: Signer,
    /// Signing key for [`Purpose::Node`].
    pub node: Signer,
    /// Signing key for [`Purpose::Ballot`].
    pub ballot: Signer,
    /// Signing key for [`Purpose::Receipt`].
    pub receipt: Signer,
}

/// A certified device: its keys and their proofs of possession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The id of the device.
    pub id: DeviceId,
    /// Key for [`Purpose::Author`].
    pub author: FeedKey,
    /// Key for [`Purpose::Desk`].
    pub desk: FeedKey,
    /// Key for [`Purpose::Node`].
    pub node: NodeKey,
    /// Key for [`Purpose::Ballot`].
    pub ballot: [u8; 32],
    /// Key for [`Purpose::Receipt`].
    pub receipt: [u8; 32],
    /// Key that epoch keys are wrapped to.
    pub reading: ReadingKey,
    /// Proofs of possession in the order of purposes: each key's signature that it serves the organisation as this
    /// device's key.
    possession: [[u8; SIGNATURE]; 5],
}

type Five<T> = (T, T, T, T, T);

#[derive(Serialize, Deserialize)]
struct DeviceWire(
    DeviceId,
    FeedKey,
    FeedKey,
    NodeKey,
    ByteArray<32>,
    ByteArray<32>,
    ReadingKey,
    Five<ByteArray<SIGNATURE>>,
);

impl Serialize for Device {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (ballot, receipt) = (self.ballot.into(), self.receipt.into());
        let [a, b, c, d, e] = self.possession.map(ByteArray::new);
        let possession = (a, b, c, d, e);
        DeviceWire(self.id, self.author, self.desk, self.node, ballot, receipt, self.reading.clone(), possession)
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Device {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DeviceWire(id, author, desk, node, ballot, receipt, reading, (a, b, c, d, e)) =
            DeviceWire::deserialize(deserializer)?;
        let (ballot, receipt) = (ballot.into_array(), receipt.into_array());
        let possession = [a, b, c, d, e].map(ByteArray::into_array);
        Ok(Self { id, author, desk, node, ballot, receipt, reading, possession })
    }
}

impl Device {
    /// Makes a device of an organisation and signs the proofs of possession.
    #[must_use]
    pub fn new(org: &OrgId, id: DeviceId, keys: &DeviceKeys, reading: ReadingKey) -> Self {
        let DeviceKeys { author, desk, node, ballot, receipt } = keys;
        let mut purpose = 0;
        let possession = [author, desk, node, ballot, receipt].map(|key| {
            let signature = key.sign(Domain::Possession, &org.0, &claim(&id, purpose, &key.public()));
            purpose += 1;
            signature
        });
        Self {
            id,
            author: FeedKey(author.public()),
            desk: FeedKey(desk.public()),
            node: NodeKey(node.public()),
            ballot: ballot.public(),
            receipt: receipt.public(),
            reading,
            possession,
        }
    }

    /// Checks that every key of the device signed its proof of possession for the organisation.
    ///
    /// # Errors
    /// [`BadSignature`] if a proof does not verify.
    pub fn serves(&self, org: &OrgId) -> Result<(), BadSignature> {
        (0..).zip(self.keys().into_iter().zip(&self.possession)).try_for_each(|(purpose, (key, signature))| {
            cose::check(key, Domain::Possession, &org.0, &claim(&self.id, purpose, key), signature)
        })
    }

    /// The certificate of the key with this purpose: `prev` of its feeds' first entries.
    #[must_use]
    pub fn certificate(&self, org: &OrgId, purpose: Purpose) -> CertificateId {
        let key = match purpose {
            Purpose::Author => &self.author.0,
            Purpose::Desk => &self.desk.0,
            Purpose::Node => &self.node.0,
            Purpose::Ballot => &self.ballot,
            Purpose::Receipt => &self.receipt,
        };
        CertificateId(seal::hash("habeas 1 certificate id", &[&org.0, &self.id.0, &[purpose as u8], key]))
    }

    /// The signing keys in the order of purposes.
    fn keys(&self) -> [&[u8; 32]; 5] {
        [&self.author.0, &self.desk.0, &self.node.0, &self.ballot, &self.receipt]
    }

    /// Whether each key has one purpose only: none appears twice here or in a device certified `before`, or is the root
    /// key.
    fn has_distinct_keys<'a>(&self, root_key: &[u8; 32], mut before: impl Iterator<Item = &'a Self>) -> bool {
        let keys: BTreeSet<_> = self.keys().into_iter().collect();
        let shares = |other: &Self| other.reading == self.reading || other.keys().iter().any(|key| keys.contains(key));
        keys.len() == self.keys().len() && !keys.contains(root_key) && !before.any(shares)
    }
}

/// The payload of a proof of possession: device, purpose, key.
fn claim(id: &DeviceId, purpose: u8, key: &[u8; 32]) -> Vec<u8> {
    codec::encode(&(id, purpose, ByteArray::new(*key)))
}

/// The change that a link makes to a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Certification of a device.
    Certify(Box<Device>),
    /// A change of a newer version, with its number.
    Later(u64),
}

/// A roster link with a verified signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    id: LinkId,
    org: OrgId,
    index: u64,
    prev: Option<LinkId>,
    change: Change,
    envelope: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, ByteArray<32>, u64, Option<LinkId>, u64, ByteBuf);

const VERSION: u8 = 1;
const CERTIFY: u64 = 0;

/// Errors of parsing or adding a roster link.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LinkError {
    /// The bytes are not a link.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The signature does not verify.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The link was written by a newer version: no strike.
    #[error("a roster link of a newer version ({version})")]
    Later {
        /// The version that the link names.
        version: u8,
    },
    /// The link's index is not the next one of the chain.
    #[error("the link is number {found}, number {expected} is next")]
    Gap {
        /// The next index of the chain.
        expected: u64,
        /// The index of the link.
        found: u64,
    },
    /// The link names another predecessor than the chain has there: a fork lies below.
    #[error("the link does not follow the one before it")]
    Prev,
    /// A link of another organisation.
    #[error("the link is another organisation's")]
    OtherOrganisation,
    /// The link certifies one device too many, or a key that already has a purpose.
    #[error("the organisation has its {} devices, or a key serves twice", DEVICES.0)]
    Devices,
    /// The roster is frozen: its chain forked, and waits for a decision of the members.
    #[error("the roster is frozen at link {at}: its root signed two links with one parent")]
    Frozen {
        /// The index of the last link that counts.
        at: u64,
    },
}

impl Link {
    /// Parses a link and verifies its signatures.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub fn parse(envelope: &[u8]) -> Result<Self, LinkError> {
        let what = "roster link";
        if envelope.len() > LINK_BYTES.0 {
            return Err(DecodeError::TooLong { what, found: envelope.len(), limit: LINK_BYTES.0 }.into());
        }
        let (payload, signature) = cose::unenvelope(what, envelope)?;
        if let Some(version) = codec::version_of(payload).filter(|version| *version > VERSION) {
            return Err(LinkError::Later { version });
        }
        let Wire(version, root_key, index, prev, change, content) = codec::decode(what, payload, LINK_BYTES.0)?;
        let rule = |rule| LinkError::from(DecodeError::Rule { what, rule });
        if version != u64::from(VERSION) || (index == 0) != prev.is_none() {
            return Err(rule("version 1; only the first link has no predecessor"));
        }
        if index >= ROSTER_LINKS.0 as u64 {
            return Err(rule("a roster has no more links"));
        }
        let change = match change {
            CERTIFY => Change::Certify(Box::new(codec::decode("device", &content, LINK_BYTES.0)?)),
            later => Change::Later(later),
        };
        cose::check(&root_key, Domain::Link, &[], payload, signature)?;
        if let Change::Certify(device) = &change {
            device.serves(&organisation(&root_key))?;
            if !device.has_distinct_keys(&root_key, std::iter::empty()) {
                return Err(LinkError::Devices);
            }
        }
        let id = LinkId(seal::hash("habeas 1 link id", &[payload]));
        Ok(Self { id, org: organisation(&root_key), index, prev, change, envelope: envelope.to_vec() })
    }

    /// Certifies a device as the next link of `roster` (`None`: the first link of a new organisation).
    #[must_use]
    pub fn certify(root: &Signer, roster: Option<&Roster>, device: &Device) -> Self {
        let (index, prev) = roster.map_or((0, None), |roster| (roster.links(), Some(roster.head())));
        let content = ByteBuf::from(codec::encode(device));
        let payload = codec::encode(&Wire(VERSION.into(), root.public().into(), index, prev, CERTIFY, content));
        let envelope = cose::envelope(&payload, &root.sign(Domain::Link, &[], &payload));
        let id = LinkId(seal::hash("habeas 1 link id", &[&payload]));
        let change = Change::Certify(Box::new(device.clone()));
        Self { id, org: organisation(&root.public()), index, prev, change, envelope }
    }

    /// The organisation whose root key signed the link.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.org
    }

    /// The index of the link in the chain, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The id of the link.
    #[must_use]
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// The envelope of the link on the wire.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }
}

/// The state of a roster: join-semilattice `Open(links) < Forked(p)`, smaller p wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RosterState {
    /// Number of links that count.
    pub links: u64,
    /// The id of the last link that counts.
    pub head: LinkId,
    /// Whether two links with one parent end the chain there.
    pub frozen: bool,
}

/// The outcome of adding a valid link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The link extended the chain.
    Grown,
    /// The link was known already.
    Known,
    /// The link proves a fork: the chain now ends before it.
    Froze,
}

/// A roster: one organisation's chain of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    root_key: [u8; 32],
    links: Vec<Link>,
    /// The two links with one parent that end the chain.
    fork: Option<Box<(Link, Link)>>,
}

impl Roster {
    /// Starts a roster with its first link.
    ///
    /// # Errors
    /// [`LinkError::Gap`] for any other link.
    pub fn start(first: Link) -> Result<Self, LinkError> {
        if first.index != 0 {
            return Err(LinkError::Gap { expected: 0, found: first.index });
        }
        let payload = cose::unenvelope("roster link", &first.envelope)?.0;
        let Wire(_, root_key, ..) = codec::decode("roster link", payload, LINK_BYTES.0)?;
        Ok(Self { root_key: root_key.into_array(), links: vec![first], fork: None })
    }

    /// The organisation of the roster.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.links[0].org
    }

    /// The root key.
    #[must_use]
    pub fn root_key(&self) -> &[u8; 32] {
        &self.root_key
    }

    /// Number of links that count; the first link always does.
    #[must_use]
    pub fn links(&self) -> u64 {
        self.links.len() as u64
    }

    /// The last link that counts.
    #[must_use]
    pub fn head(&self) -> LinkId {
        self.links.last().expect("a roster has a first link").id
    }

    /// The state of the roster, which is part of the control root.
    #[must_use]
    pub fn state(&self) -> RosterState {
        RosterState { links: self.links(), head: self.head(), frozen: self.fork.is_some() }
    }

    /// The links from `from` on, and the fork proof if the roster is frozen: what a peer lacks.
    pub fn since(&self, from: u64) -> impl Iterator<Item = &Link> {
        let counted = self.links.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
        counted.chain(self.fork.iter().flat_map(|pair| [&pair.0, &pair.1]))
    }

    /// The link at `index`, if it counts.
    #[must_use]
    pub fn link(&self, index: u64) -> Option<&Link> {
        usize::try_from(index).ok().and_then(|index| self.links.get(index))
    }

    /// The certified devices, in the order of their links.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.links.iter().filter_map(|link| match &link.change {
            Change::Certify(device) => Some(&**device),
            Change::Later(_) => None,
        })
    }

    /// Adds a link.
    ///
    /// # Errors
    /// The link is of another organisation, leaves a gap, names another parent, follows a freeze, or breaks the rules
    /// on devices and keys.
    pub fn take(&mut self, link: Link) -> Result<Taken, LinkError> {
        if link.org != self.organisation() {
            return Err(LinkError::OtherOrganisation);
        }
        if let Some(held) = self.link(link.index) {
            if held.id == link.id {
                return Ok(Taken::Known);
            }
            if held.prev != link.prev {
                return Err(LinkError::Prev);
            }
            let held = held.clone();
            // The first link defines the organisation and always counts: a second first link is only evidence.
            let end = usize::try_from(link.index).expect("held").max(1);
            self.links.truncate(end);
            self.fork = Some(Box::new((held, link)));
            return Ok(Taken::Froze);
        }
        if let Some(fork) = &self.fork {
            let known = link.id == fork.0.id || link.id == fork.1.id;
            return if known { Ok(Taken::Known) } else { Err(LinkError::Frozen { at: self.links() - 1 }) };
        }
        if link.index != self.links() {
            return Err(LinkError::Gap { expected: self.links(), found: link.index });
        }
        if link.prev != Some(self.head()) {
            return Err(LinkError::Prev);
        }
        if let Change::Certify(device) = &link.change
            && (self.devices().count() >= DEVICES.0 || !device.has_distinct_keys(&self.root_key, self.devices()))
        {
            return Err(LinkError::Devices);
        }
        self.links.push(link);
        Ok(Taken::Grown)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bytes::seal::{Entropy, ReadingSecret, Secret};

    /// A device of the organisation of `root`.
    pub(crate) fn device(root: &Signer, entropy: &mut Entropy) -> Device {
        let mut key = || Signer::new(&entropy.secret());
        let keys = DeviceKeys { author: key(), desk: key(), node: key(), ballot: key(), receipt: key() };
        let reading = ReadingSecret(entropy.secret()).public();
        Device::new(&organisation(&root.public()), DeviceId(entropy.bytes()), &keys, reading)
    }

    fn grown(root: &Signer, entropy: &mut Entropy, links: usize) -> Roster {
        let mut roster = Roster::start(Link::certify(root, None, &device(root, entropy))).expect("a first link");
        for _ in 1..links {
            let link = Link::certify(root, Some(&roster), &device(root, entropy));
            roster.take(Link::parse(link.envelope()).expect("ours")).expect("fits");
        }
        roster
    }

    #[test]
    fn a_roster_grows_link_by_link_and_takes_each_once() {
        let mut entropy = Entropy::new([1; 32]);
        let root = Signer::new(&entropy.secret());
        let mut roster = grown(&root, &mut entropy, 3);
        assert_eq!((roster.links(), roster.devices().count()), (3, 3));
        let known = roster.link(1).expect("held").clone();
        assert_eq!(roster.take(known), Ok(Taken::Known));
    }

    #[test]
    fn a_link_with_a_gap_another_root_or_a_wrong_parent_is_not_taken() {
        let mut entropy = Entropy::new([2; 32]);
        let (root, other) = (Signer::new(&entropy.secret()), Signer::new(&entropy.secret()));
        let long = grown(&root, &mut entropy, 4);
        let mut short = Roster::start(long.link(0).expect("held").clone()).expect("a first link");
        let third = long.link(2).expect("held").clone();
        assert_eq!(short.take(third), Err(LinkError::Gap { expected: 1, found: 2 }));
        let foreign = grown(&other, &mut entropy, 1).link(0).expect("held").clone();
        assert_eq!(short.take(foreign), Err(LinkError::OtherOrganisation));
        let elsewhere = grown(&root, &mut entropy, 2);
        let astray = Link::certify(&root, Some(&elsewhere), &device(&root, &mut entropy));
        let mut two = grown(&root, &mut entropy, 2);
        assert_eq!(two.take(astray), Err(LinkError::Prev));
    }

    #[test]
    fn two_links_with_one_parent_freeze_the_roster_at_the_common_link_in_any_order() {
        let mut entropy = Entropy::new([3; 32]);
        let root = Signer::new(&entropy.secret());
        let base = grown(&root, &mut entropy, 2);
        let mut left = base.clone();
        let mut right = base.clone();
        left.take(Link::certify(&root, Some(&base), &device(&root, &mut entropy))).expect("fits");
        left.take(Link::certify(&root, Some(&left.clone()), &device(&root, &mut entropy))).expect("fits");
        right.take(Link::certify(&root, Some(&base), &device(&root, &mut entropy))).expect("fits");
        let (l, r) = (left.link(2).expect("held").clone(), right.link(2).expect("held").clone());
        assert_eq!(left.take(r), Ok(Taken::Froze));
        assert_eq!(right.take(l), Ok(Taken::Froze));
        assert_eq!(left.state(), right.state());
        assert_eq!(left.state(), RosterState { links: 2, head: base.head(), frozen: true });
        let more = Link::certify(&root, Some(&base), &device(&root, &mut entropy));
        assert_eq!(left.take(more), Err(LinkError::Frozen { at: 1 }));
    }

    #[test]
    fn a_link_of_a_newer_version_is_later_and_nobody_is_blamed() {
        let root = Signer::new(&Secret::new([6; 32]));
        let payload = codec::encode(&(2_u64, "whatever a newer version says"));
        let envelope = cose::envelope(&payload, &root.sign(Domain::Link, &[], &payload));
        assert_eq!(Link::parse(&envelope), Err(LinkError::Later { version: 2 }));
    }

    #[test]
    fn every_flipped_bit_of_a_link_is_refused() {
        let mut entropy = Entropy::new([4; 32]);
        let root = Signer::new(&entropy.secret());
        let link = Link::certify(&root, None, &device(&root, &mut entropy));
        for bit in 0..link.envelope().len() * 8 {
            let mut bytes = link.envelope().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Link::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    /// The rules on keys were applied to every link but the first: an organisation began with a device whose desk key
    /// was its author key, or its root key.
    #[test]
    fn no_key_serves_twice_or_is_the_roots_from_the_first_link_on() {
        let mut entropy = Entropy::new([5; 32]);
        let root = Signer::new(&entropy.secret());
        let org = organisation(&root.public());
        let mut made = |shared: &[(usize, Signer)]| {
            let mut keys = [(); 5].map(|()| Signer::new(&entropy.secret()));
            shared.iter().for_each(|(at, key)| keys[*at] = key.clone());
            let [author, desk, node, ballot, receipt] = keys;
            let keys = DeviceKeys { author, desk, node, ballot, receipt };
            Device::new(&org, DeviceId(entropy.bytes()), &keys, ReadingSecret(entropy.secret()).public())
        };
        let twin = Signer::new(&Secret::new([7; 32]));
        let sound = made(&[]);
        let roster = Roster::start(Link::certify(&root, None, &sound)).expect("sound");
        for one in 0..5 {
            for device in (0..one).map(|other| made(&[(one, twin.clone()), (other, twin.clone())])) {
                let first = Link::certify(&root, None, &device);
                assert_eq!(Link::parse(first.envelope()), Err(LinkError::Devices), "key {one} serves twice");
                let next = Link::certify(&root, Some(&roster), &device);
                assert_eq!(roster.clone().take(next), Err(LinkError::Devices), "key {one} serves twice");
            }
            let device = made(&[(one, root.clone())]);
            let first = Link::certify(&root, None, &device);
            assert_eq!(Link::parse(first.envelope()), Err(LinkError::Devices), "key {one} is the root's");
        }
        let reading = Device { reading: sound.reading.clone(), ..made(&[]) };
        let next = Link::certify(&root, Some(&roster), &reading);
        assert_eq!(roster.clone().take(next), Err(LinkError::Devices), "one reading key on two devices");
        let next = Link::certify(&root, Some(&roster), &made(&[]));
        assert_eq!(roster.clone().take(next), Ok(Taken::Grown));
    }

    #[test]
    fn an_organisation_has_at_most_eight_devices() {
        let mut entropy = Entropy::new([8; 32]);
        let root = Signer::new(&entropy.secret());
        let mut roster = grown(&root, &mut entropy, DEVICES.0);
        let ninth = Link::certify(&root, Some(&roster), &device(&root, &mut entropy));
        assert_eq!(roster.take(ninth), Err(LinkError::Devices));
    }

    /// The first entry of a feed follows the certificate of its key: what makes two certificates one makes two feeds one.
    #[test]
    fn a_certificate_is_of_one_key_for_one_purpose_on_one_device_of_one_organisation() {
        let mut entropy = Entropy::new([10; 32]);
        let root = Signer::new(&entropy.secret());
        let (ours, theirs) = (organisation(&root.public()), OrgId([1; 32]));
        let device = device(&root, &mut entropy);
        let moved = Device { id: DeviceId([2; 16]), ..device.clone() };
        let rekeyed = Device { author: FeedKey([3; 32]), ..device.clone() };
        let twice = Device { desk: device.author, ..device.clone() };
        let certificates = [
            device.certificate(&ours, Purpose::Author),
            device.certificate(&theirs, Purpose::Author),
            moved.certificate(&ours, Purpose::Author),
            rekeyed.certificate(&ours, Purpose::Author),
            twice.certificate(&ours, Purpose::Desk),
        ];
        assert_eq!(BTreeSet::from(certificates.map(|found| found.0)).len(), certificates.len());
    }

    #[test]
    fn no_key_of_one_device_serves_on_another() {
        let mut entropy = Entropy::new([11; 32]);
        let root = Signer::new(&entropy.secret());
        let first = device(&root, &mut entropy);
        let roster = Roster::start(Link::certify(&root, None, &first)).expect("a first link");
        for at in 0..5 {
            let mut second = device(&root, &mut entropy);
            // Whatever it serves as there, and whatever it serves as here.
            match at {
                0 => second.author = first.author,
                1 => second.desk = first.author,
                2 => second.node = NodeKey(first.desk.0),
                3 => second.ballot = first.node.0,
                _ => second.receipt = first.ballot,
            }
            let link = Link::certify(&root, Some(&roster), &second);
            assert_eq!(roster.clone().take(link), Err(LinkError::Devices), "key {at}");
        }
    }

    #[test]
    fn a_roster_starts_with_its_first_link() {
        let mut entropy = Entropy::new([12; 32]);
        let root = Signer::new(&entropy.secret());
        let second = grown(&root, &mut entropy, 2).link(1).expect("held").clone();
        assert_eq!(Roster::start(second), Err(LinkError::Gap { expected: 0, found: 1 }));
    }

    /// Two links of one number are proof of a fork only if they have one parent: with two, the fork lies further down, and
    /// nodes that froze here and there would stand at different places.
    #[test]
    fn two_links_with_different_parents_freeze_nothing() {
        let mut entropy = Entropy::new([13; 32]);
        let root = Signer::new(&entropy.secret());
        let base = grown(&root, &mut entropy, 1);
        let mut long = || {
            let mut roster = base.clone();
            for _ in 0..2 {
                let link = Link::certify(&root, Some(&roster), &device(&root, &mut entropy));
                roster.take(link).expect("fits");
            }
            roster
        };
        let (mut ours, theirs) = (long(), long());
        let before = ours.state();
        assert_eq!(ours.take(theirs.link(2).expect("held").clone()), Err(LinkError::Prev));
        assert_eq!(ours.state(), before);
        assert_eq!(ours.take(theirs.link(1).expect("held").clone()), Ok(Taken::Froze));
        assert_eq!(ours.state(), RosterState { links: 1, head: base.head(), frozen: true });
    }

    /// Without its first link an organisation would have no name to freeze under.
    #[test]
    fn a_second_first_link_freezes_the_roster_and_the_first_one_still_counts() {
        let mut entropy = Entropy::new([14; 32]);
        let root = Signer::new(&entropy.secret());
        let mut roster = grown(&root, &mut entropy, 3);
        let (first, org) = (roster.link(0).expect("held").id(), roster.organisation());
        let other = Link::certify(&root, None, &device(&root, &mut entropy));
        assert_eq!(roster.take(other), Ok(Taken::Froze));
        assert_eq!(roster.state(), RosterState { links: 1, head: first, frozen: true });
        assert_eq!((roster.organisation(), roster.devices().count()), (org, 1));
    }

    #[test]
    fn nobody_certifies_the_keys_of_somebody_else() {
        let mut entropy = Entropy::new([9; 32]);
        let (root, thief) = (Signer::new(&entropy.secret()), Signer::new(&entropy.secret()));
        let device = device(&root, &mut entropy);
        assert!(Link::parse(Link::certify(&root, None, &device).envelope()).is_ok());
        let stolen = Link::certify(&thief, None, &device);
        assert_eq!(Link::parse(stolen.envelope()), Err(LinkError::Signature(BadSignature)));
    }
}
