//! Circles: sets of organisations that may read something; the unit of replication and of encryption.
//!
//! ```text
//! circle = [0, organisation 32, null, []] own | [1, steward 32, salt 16, [organisation 32 …]] named
//!        | [2, null, null, []] commons
//! id     = BLAKE3 derive-key("habeas 1 circle id", registry id ‖ circle)[..16]
//! ```
//!
//! A circle has one *secret*, fixed at its creation, that keys the tags peers compare; and *epochs*, each with a random
//! id and a key that seals bodies. What a circle is follows from its id alone, so its list can never change under it.

pub mod grant;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    bytes::{
        codec::{self, DecodeError},
        ids::{CircleId, EpochId, OrgId, RegistryId},
        limits::ORGANISATIONS,
        seal::{self, Entropy, Secret},
    },
    log::entry::Kind,
    membership::charter::{Role, roster::Purpose},
};

/// What a circle is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Circle {
    /// One organisation, all its devices.
    Own(OrgId),
    /// A list of organisations, fixed at its creation by its steward.
    Named {
        /// The organisation that opened it.
        steward: OrgId,
        /// Makes two circles of one list two circles.
        salt: [u8; 16],
        /// Its organisations, sorted, the steward among them.
        organisations: Vec<OrgId>,
    },
    /// All members.
    Commons,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, Option<OrgId>, Option<ByteArray<16>>, Vec<OrgId>);

impl Circle {
    /// A named circle; the list is sorted and the steward added.
    #[must_use]
    pub fn named(steward: OrgId, organisations: &[OrgId], entropy: &mut Entropy) -> Self {
        let mut organisations = [organisations, &[steward]].concat();
        organisations.sort_unstable();
        organisations.dedup();
        Self::Named { steward, salt: entropy.bytes(), organisations }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&match self {
            Self::Own(org) => Wire(0, Some(*org), None, vec![]),
            Self::Named { steward, salt, organisations } => {
                Wire(1, Some(*steward), Some((*salt).into()), organisations.clone())
            }
            Self::Commons => Wire(2, None, None, vec![]),
        })
    }

    /// Reads one, strictly.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "circle";
        let list = ORGANISATIONS.0 * (OrgId::LEN + 2) + 64;
        let circle = match codec::decode(what, bytes, list)? {
            Wire(0, Some(org), None, list) if list.is_empty() => Self::Own(org),
            Wire(1, Some(steward), Some(salt), organisations)
                if organisations.contains(&steward)
                    && organisations.len() <= ORGANISATIONS.0
                    && organisations.is_sorted_by(|a, b| a < b) =>
            {
                Self::Named { steward, salt: salt.into_array(), organisations }
            }
            Wire(2, None, None, list) if list.is_empty() => Self::Commons,
            _ => return Err(DecodeError::Rule { what, rule: "own, named with a sorted list, or commons" }),
        };
        Ok(circle)
    }

    /// Its name in `registry`.
    #[must_use]
    pub fn id(&self, registry: &RegistryId) -> CircleId {
        let hash = seal::hash("habeas 1 circle id", &[&registry.0, &self.encode()]);
        CircleId(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    /// Whether this organisation, a member, may hold and read what is in it.
    #[must_use]
    pub fn admits(&self, org: &OrgId) -> bool {
        match self {
            Self::Own(owner) => owner == org,
            Self::Named { organisations, .. } => organisations.binary_search(org).is_ok(),
            Self::Commons => true,
        }
    }

    /// Whether a key with this role may write this kind of entry here. Unknown kinds follow the rule of assertions.
    #[must_use]
    pub fn may_write(&self, role: &Role, kind: Kind) -> bool {
        match self {
            Self::Own(owner) => *owner == role.org && role.purpose == Purpose::Author,
            Self::Named { .. } => self.admits(&role.org) && role.purpose == Purpose::Desk && kind != Kind::MEMBERSHIP,
            Self::Commons => role.purpose == Purpose::Desk,
        }
    }

    /// The purpose a device writes here with.
    #[must_use]
    pub fn pen(&self) -> Purpose {
        match self {
            Self::Own(_) => Purpose::Author,
            Self::Named { .. } | Self::Commons => Purpose::Desk,
        }
    }
}

/// An epoch of a circle's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch(pub EpochId, pub Secret);

impl Epoch {
    /// A fresh one.
    #[must_use]
    pub fn fresh(entropy: &mut Entropy) -> Self {
        Self(EpochId(entropy.bytes()), entropy.secret())
    }

    /// What is published of the key, so that a wrong wrap can be told.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        seal::hash("habeas 1 epoch commitment", &[&self.0.0, self.1.expose()])
    }
}
