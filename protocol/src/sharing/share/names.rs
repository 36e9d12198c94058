//! Names in a shared section: derived from own ids without revealing them.
//!
//! ```text
//! section  = AES-128 under BLAKE3 keyed(k, "section" ‖ circle 16)[..16] of own section 16
//! entity   = BLAKE3 keyed(k, "entity"  ‖ shared section 16 ‖ own entity 16)[..16]
//! reporter = "reporter-" ‖ hex of BLAKE3 keyed(k, "reporter" ‖ shared section 16 ‖ name)[..3]
//! k        = derive(secret of the own circle)
//! ```
//!
//! Every device of the organisation derives the same names by itself; without the secret they cannot be told from
//! random ones, and the same case has unrelated names in two circles. The name of a section is a permutation of the own
//! id, so the own section of a shared one is computed, not looked up.

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit},
};

use super::{Goes, Reporter, linked, refers_to_docket};
use crate::{
    bytes::{
        ids::{CircleId, EntityId, SectionId},
        seal::{Secret, keyed},
    },
    record::{
        schema::Value,
        section::{assertion::Assertion, root::root_of},
    },
};

/// The names of one case file in one circle.
pub struct Names {
    key: Secret,
    own: SectionId,
    shared: SectionId,
}

impl Names {
    /// Derives the names of the case file in section `own`, in `circle`; `secret` is the own circle's.
    #[must_use]
    pub fn new(secret: &Secret, own: SectionId, circle: &CircleId) -> Self {
        let key = secret.derive("habeas 1 names in shared sections");
        let mut block = own.0.into();
        permutation(&key, circle).encrypt_block(&mut block);
        Self { key, own, shared: SectionId(block.into()) }
    }

    /// Computes the own section of which `shared` would be the name in `circle`. Any id has such a section: whether
    /// the own circle has it tells whether `shared` is a shared copy.
    #[must_use]
    pub fn own_of(secret: &Secret, shared: SectionId, circle: &CircleId) -> SectionId {
        let mut block = shared.0.into();
        permutation(&secret.derive("habeas 1 names in shared sections"), circle).decrypt_block(&mut block);
        SectionId(block.into())
    }

    /// The id of the own section.
    #[must_use]
    pub const fn own(&self) -> SectionId {
        self.own
    }

    /// The id of the shared section.
    #[must_use]
    pub const fn shared(&self) -> SectionId {
        self.shared
    }

    /// The id of an own entity in the shared section. The root entity has the section's id, as everywhere.
    #[must_use]
    pub fn entity(&self, own: &EntityId) -> EntityId {
        if *own == root_of(&self.own) {
            return root_of(&self.shared);
        }
        let hash = keyed(&self.key, &[b"entity", &self.shared.0, &own.0]);
        EntityId(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    /// The reporter as readers see it: the id of an organisation in the audience, or a pseudonym.
    #[must_use]
    pub fn reporter(&self, reporter: &Reporter) -> String {
        match reporter {
            Reporter::Reads(org) => org.to_string(),
            Reporter::Unnamed(name) => self.pseudonym(name),
        }
    }

    /// The pseudonym of a reporter's name, which stays in the own section.
    pub(super) fn pseudonym(&self, name: &str) -> String {
        let hash = keyed(&self.key, &[b"reporter", &self.shared.0, name.as_bytes()]);
        format!("reporter-{}", data_encoding::HEXLOWER.encode(&hash[..3]))
    }

    /// The entity of the shared section that a value refers to, if it refers to an entity of the case.
    pub(super) fn target(&self, goes: &Goes) -> Option<EntityId> {
        linked(&goes.value).filter(|_| !refers_to_docket(&goes.field)).map(|own| self.entity(&own))
    }

    /// The assertion in the shared section for a value that goes.
    pub(super) fn assertion(&self, goes: &Goes) -> Assertion {
        let value = match (self.target(goes), &goes.value) {
            (Some(shared), Value::Text(_)) => Value::Text(shared.to_string()),
            (Some(shared), _) => Value::Ref(shared),
            (None, value) => value.clone(),
        };
        Assertion {
            entity: self.entity(&goes.entity),
            field: goes.field.clone(),
            value,
            sources: goes.sources.iter().map(|own| self.entity(own)).collect(),
            grade: goes.grade.clone(),
            basis: goes.basis.clone(),
            reported_by: goes.reported_by.as_ref().map(|reporter| self.reporter(reporter)),
        }
    }
}

/// The permutation between own and shared ids of sections, for one circle.
fn permutation(key: &Secret, circle: &CircleId) -> Aes128 {
    let hash = keyed(key, &[b"section", &circle.0]);
    Aes128::new_from_slice(&hash[..16]).expect("AES-128 has keys of 16 bytes")
}
