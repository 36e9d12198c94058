//! Names in a shared section: made from own ids, and telling nothing of them.
//!
//! ```text
//! section  = BLAKE3 keyed(k, "section" ‖ circle 16 ‖ own section 16)[..16]      k = derive(secret of the own circle)
//! entity   = BLAKE3 keyed(k, "entity"  ‖ shared section 16 ‖ own entity 16)[..16]
//! reporter = "reporter-" ‖ hex of BLAKE3 keyed(k, "reporter" ‖ shared section 16 ‖ name)[..3]
//! ```
//!
//! Every device of the organisation finds the same names without asking another; whoever lacks the secret cannot tell
//! them from random ones, and the same case in two circles has nothing in common.

use super::{Goes, Reporter, leads_out, linked};
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
    /// Of the case file in section `own`, in `circle`; `secret` is the own circle's.
    #[must_use]
    pub fn new(secret: &Secret, own: SectionId, circle: &CircleId) -> Self {
        let key = secret.derive("habeas 1 names in shared sections");
        let hash = keyed(&key, &[b"section", &circle.0, &own.0]);
        Self { key, own, shared: SectionId(*hash.first_chunk().expect("a hash has 32 bytes")) }
    }

    /// The own section.
    #[must_use]
    pub const fn own(&self) -> SectionId {
        self.own
    }

    /// The shared section.
    #[must_use]
    pub const fn shared(&self) -> SectionId {
        self.shared
    }

    /// What an own entity is called there. The case file itself goes by the section's id, as everywhere.
    #[must_use]
    pub fn entity(&self, own: &EntityId) -> EntityId {
        if *own == root_of(&self.own) {
            return root_of(&self.shared);
        }
        let hash = keyed(&self.key, &[b"entity", &self.shared.0, &own.0]);
        EntityId(*hash.first_chunk().expect("a hash has 32 bytes"))
    }

    /// The reporter as readers see him: the id of one of them, or a name that means nothing elsewhere.
    #[must_use]
    pub fn reporter(&self, reporter: &Reporter) -> String {
        match reporter {
            Reporter::Reads(org) => org.to_string(),
            Reporter::Unnamed(name) => self.spelled(name),
        }
    }

    /// What stands for a name that stays at home.
    pub(super) fn spelled(&self, name: &str) -> String {
        let hash = keyed(&self.key, &[b"reporter", &self.shared.0, name.as_bytes()]);
        format!("reporter-{}", data_encoding::HEXLOWER.encode(&hash[..3]))
    }

    /// What a value leads to there, if it leads to an entity of the case.
    pub(super) fn target(&self, goes: &Goes) -> Option<EntityId> {
        linked(&goes.value).filter(|_| !leads_out(&goes.field)).map(|own| self.entity(&own))
    }

    /// What goes, as it is said there.
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
