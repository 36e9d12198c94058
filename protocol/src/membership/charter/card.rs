//! A card: the introduction of an organisation before it is a member. Call-sign, root key, roster and addresses; no
//! name.
//!
//! ```text
//! card = COSE_Sign1(root key, "habeas/1/card") over [1, call_sign, root_key 32, [link …], [[node 32, [address …]] …]]
//! ```
//!
//! A card gives addresses of its own organisation's nodes only: an address for another organisation's node could
//! redirect that node's connections, and every name look-up, to a place of the card author's choice.

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

/// Addresses of a node, as texts that [`Address::parse`] reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reach(pub NodeKey, pub Vec<String>);

/// A card with verified signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The call-sign: two generated words.
    pub call_sign: String,
    /// The roster of the organisation's devices.
    pub roster: Roster,
    /// Addresses of the organisation's nodes; passed on only by hand or encrypted to the members.
    pub reach: Vec<Reach>,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, String, ByteArray<32>, Vec<ByteBuf>, Vec<Reach>);

/// Errors of parsing a card.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CardError {
    /// The bytes are not a card.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The card's signature does not verify.
    #[error("the card's signature does not fit: it was changed by someone without the organisation's root key")]
    Signature(#[from] BadSignature),
    /// A device in the card is not certified properly.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The card gives an address of a node that its own roster does not certify.
    #[error("it says where the node {0} is, which is not this organisation's")]
    Foreign(NodeKey),
}

impl Card {
    /// The organisation of the card.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.roster.organisation()
    }

    /// The founder's entry for the genesis.
    #[must_use]
    pub fn founder(&self) -> Founder {
        Founder((*self.roster.root_key()).into(), self.call_sign.clone(), self.roster.head())
    }

    /// Signs and encodes the card.
    #[must_use]
    pub fn sign(&self, root: &Signer) -> Vec<u8> {
        let links = self.roster.since(0).map(|link| ByteBuf::from(link.envelope())).collect();
        let wire = Wire(1, self.call_sign.clone(), (*self.roster.root_key()).into(), links, self.reach.clone());
        let payload = codec::encode(&wire);
        cose::envelope(&payload, &root.sign(Domain::Card, &[], &payload))
    }

    /// Parses a card and verifies its signatures.
    ///
    /// # Errors
    /// See [`CardError`].
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
    /// Whether the list is within the limit and every text is an address.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.1.len() <= ADDRESSES.0 && self.1.iter().all(|address| Address::parse(address).is_some())
    }
}

/// Checks that all addresses belong to nodes of one roster.
pub(super) fn check_own(reach: &[Reach], roster: &Roster) -> Result<(), CardError> {
    let own = |node: &NodeKey| roster.devices().any(|device| device.node == *node);
    match reach.iter().find(|reach| !own(&reach.0)) {
        Some(Reach(node, _)) => Err(CardError::Foreign(*node)),
        None => Ok(()),
    }
}

/// Builds a roster from the envelopes of its links, in order.
pub(super) fn roster_of<'a>(mut links: impl Iterator<Item = &'a [u8]>) -> Result<Roster, LinkError> {
    let empty = DecodeError::Rule { what: "roster", rule: "a roster has a first link" };
    let mut roster = Roster::start(Link::parse(links.next().ok_or(empty)?)?)?;
    for link in links {
        roster.take(Link::parse(link)?)?;
    }
    Ok(roster)
}
