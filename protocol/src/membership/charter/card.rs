//! A card: what an organisation hands over before it is a member. Call-sign, root key, roster and addresses; no name.
//!
//! ```text
//! card = COSE_Sign1(root key, "habeas/1/card") over [1, call_sign, root_key 32, [link …], [[node 32, [address …]] …]]
//! ```
//!
//! A card says where its own nodes are, and nobody else's: an address of another organisation's node would send its
//! connections, and whoever resolves names, to wherever the card's maker likes.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use thiserror::Error;

use super::{
    Founder,
    roster::{Link, LinkError, Roster},
};
use crate::bytes::{
    address::Address,
    codec::{self, DecodeError},
    cose::{self, BadSignature, Domain, Signer},
    ids::{NodeKey, OrgId},
    limits::{ADDRESSES, CARD_BYTES, DEVICES},
    words,
};

/// Where a node can be reached, as texts that [`Address::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reach(pub NodeKey, pub Vec<String>);

/// A card whose signatures are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Two generated words.
    pub call_sign: String,
    /// The devices.
    pub roster: Roster,
    /// Addresses of its nodes; only ever handed over by hand or encrypted to the members.
    pub reach: Vec<Reach>,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, String, ByteArray<32>, Vec<ByteBuf>, Vec<Reach>);

/// Why a card is not taken.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CardError {
    /// Not a card.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// Its signature does not fit.
    #[error("the card's signature does not fit: it was changed by someone without the organisation's root key")]
    Signature(#[from] BadSignature),
    /// A device in it is not certified properly.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It says where a node is that its own roster does not certify.
    #[error("it says where the node {0} is, which is not this organisation's")]
    Foreign(NodeKey),
}

impl Card {
    /// The organisation.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.roster.organisation()
    }

    /// As the genesis names it.
    #[must_use]
    pub fn founder(&self) -> Founder {
        Founder((*self.roster.root_key()).into(), self.call_sign.clone(), self.roster.head())
    }

    /// The signed bytes.
    #[must_use]
    pub fn sign(&self, root: &Signer) -> Vec<u8> {
        let links = self.roster.since(0).map(|link| ByteBuf::from(link.envelope())).collect();
        let wire = Wire(1, self.call_sign.clone(), (*self.roster.root_key()).into(), links, self.reach.clone());
        let payload = codec::encode(&wire);
        cose::envelope(&payload, &root.sign(Domain::Card, &[], &payload))
    }

    /// Parses and verifies.
    pub fn parse(bytes: &[u8]) -> Result<Self, CardError> {
        let what = "card";
        if bytes.len() > CARD_BYTES.0 {
            return Err(DecodeError::TooLong { what, found: bytes.len(), limit: CARD_BYTES.0 }.into());
        }
        let (payload, signature) = cose::unenvelope(what, bytes)?;
        let Wire(version, call_sign, root_key, links, reach) = codec::decode(what, payload, CARD_BYTES.0)?;
        cose::check(&root_key, Domain::Card, &[], payload, signature)?;
        let rule = |rule| CardError::from(DecodeError::Rule { what, rule });
        if version != 1 || !words::is_call_sign(&call_sign) {
            return Err(rule("version 1, and a call-sign of two words of the list"));
        }
        if reach.len() > DEVICES.0 || !reach.iter().all(Reach::is_sound) {
            return Err(rule("at most eight nodes with eight addresses each, an address being IP:port or name:port"));
        }
        let roster = roster_of(links.iter().map(|link| &link[..]))?;
        if roster.root_key() != &*root_key {
            return Err(rule("the roster is signed by the card's own root key"));
        }
        check_own(&reach, &roster)?;
        Ok(Self { call_sign, roster, reach })
    }
}

impl Reach {
    /// Whether the addresses are few, and addresses.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.1.len() <= ADDRESSES.0 && self.1.iter().all(|address| Address::parse(address).is_some())
    }
}

/// Checks that addresses are of the nodes of one roster.
pub(super) fn check_own(reach: &[Reach], roster: &Roster) -> Result<(), CardError> {
    let own = |node: &NodeKey| roster.devices().any(|device| device.node == *node);
    match reach.iter().find(|reach| !own(&reach.0)) {
        Some(Reach(node, _)) => Err(CardError::Foreign(*node)),
        None => Ok(()),
    }
}

/// A roster from the envelopes of its links, in order.
pub(super) fn roster_of<'a>(mut links: impl Iterator<Item = &'a [u8]>) -> Result<Roster, LinkError> {
    let empty = DecodeError::Rule { what: "roster", rule: "a roster has a first link" };
    let mut roster = Roster::start(Link::parse(links.next().ok_or(empty)?)?)?;
    for link in links {
        roster.take(Link::parse(link)?)?;
    }
    Ok(roster)
}
