//! Circles: sets of organisations that may read something; the unit of replication and of encryption.
//!
//! ```text
//! circle = [0, organisation 32, null, []] own | [1, steward 32, salt 16, [organisation 32 …]] named
//!        | [2, null, null, []] commons
//! id     = BLAKE3 derive-key("habeas 1 circle id", registry id ‖ circle)[..16]
//! ```
//!
//! A circle has one *secret*, fixed at its creation, which keys the tags that peers compare; and *epochs*, each with a
//! random id and a key that seals bodies. The id is a hash of the definition, so the list of a circle can never change.

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

/// The definition of a circle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Circle {
    /// The own circle of one organisation: all its devices.
    Own(OrgId),
    /// A named circle: a list of organisations, fixed at its creation by its steward.
    Named {
        /// The organisation that created the circle.
        steward: OrgId,
        /// Random salt that distinguishes two circles with the same list.
        salt: [u8; 16],
        /// The organisations of the circle, sorted, the steward among them.
        organisations: Vec<OrgId>,
    },
    /// The commons: all members.
    Commons,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, Option<OrgId>, Option<ByteArray<16>>, Vec<OrgId>);

impl Circle {
    /// Defines a named circle; the list is sorted and the steward added.
    #[must_use]
    pub fn named(steward: OrgId, organisations: &[OrgId], entropy: &mut Entropy) -> Self {
        let mut organisations = [organisations, &[steward]].concat();
        organisations.sort_unstable();
        organisations.dedup();
        Self::Named { steward, salt: entropy.bytes(), organisations }
    }

    /// The canonical bytes of the definition.
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

    /// Decodes a definition strictly.
    ///
    /// # Errors
    /// The bytes are malformed, or the list is unsorted, too long, or lacks the steward.
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

    /// The id of the circle in `registry`.
    #[must_use]
    pub fn id(&self, registry: &RegistryId) -> CircleId {
        let hash = seal::hash("habeas 1 circle id", &[&registry.0, &self.encode()]);
        CircleId(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    /// Whether the organisation, a member, may hold and read the circle.
    #[must_use]
    pub fn admits(&self, org: &OrgId) -> bool {
        match self {
            Self::Own(owner) => owner == org,
            Self::Named { organisations, .. } => organisations.binary_search(org).is_ok(),
            Self::Commons => true,
        }
    }

    /// Whether a key with this role may write this kind of entry in the circle. Unknown kinds follow the rule of
    /// assertions.
    #[must_use]
    pub fn may_write(&self, role: &Role, kind: Kind) -> bool {
        match self {
            Self::Own(owner) => *owner == role.org && role.purpose == Purpose::Author,
            Self::Named { .. } => self.admits(&role.org) && role.purpose == Purpose::Desk && kind != Kind::MEMBERSHIP,
            Self::Commons => role.purpose == Purpose::Desk,
        }
    }

    /// The purpose of the key with which a device writes in the circle.
    #[must_use]
    pub fn writing_purpose(&self) -> Purpose {
        match self {
            Self::Own(_) => Purpose::Author,
            Self::Named { .. } | Self::Commons => Purpose::Desk,
        }
    }
}

/// An epoch of a circle: its id and the key that seals bodies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch(pub EpochId, pub Secret);

impl Epoch {
    /// Generates a fresh epoch.
    #[must_use]
    pub fn fresh(entropy: &mut Entropy) -> Self {
        Self(EpochId(entropy.bytes()), entropy.secret())
    }

    /// The public commitment to the key, which identifies a wrong wrap.
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        seal::hash("habeas 1 epoch commitment", &[&self.0.0, self.1.expose()])
    }
}
