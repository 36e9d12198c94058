//! The view of a section: every field of every entity, with all claims about it and their authors.
//!
//! Nothing is chosen silently: differing claims are shown side by side, and superseded or retracted ones stay in the
//! history. Claimed times are shown, and order nothing. Two nodes that can read the same entries have the same view,
//! and the same [`View::digest`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::assertion::{BatchId, ClaimedTime, Reference};
use crate::{
    bytes::{
        codec,
        ids::{EntityId, OrgId, SectionId},
    },
    record::schema::{Policy, Value},
};

/// The view of a section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The section.
    pub section: SectionId,
    /// Entities by id; of each, its stated fields by name (`entity.field`).
    #[serde(with = "pairs")]
    pub entities: BTreeMap<EntityId, BTreeMap<String, Cell>>,
    /// Statements that have no effect, in order of reference.
    pub ignored: Vec<Ignored>,
}

/// All claims about one field of one entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The policy of the field; `None`: this version does not know the field and shows it raw.
    #[serde(with = "policy_word")]
    pub policy: Option<Policy>,
    /// The current claims, by reference.
    pub claims: Vec<Claim>,
    /// The shown value, by the policy.
    pub shown: Shown,
    /// The current resolutions, in force or not, by reference.
    pub resolutions: Vec<Resolution>,
    /// The former claims, by reference.
    pub history: Vec<Former>,
}

/// The shown value of a cell under its policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// The cell has no current claims.
    Nothing,
    /// All claims agree.
    Agreed(Value),
    /// The claims differ, and no resolution covers all of them or the resolutions differ: shown side by side.
    Conflict,
    /// A resolution covers all claims.
    Resolved {
        /// The chosen value; `None`: none of those claimed.
        chosen: Option<Value>,
        /// The resolutions in force.
        by: Vec<Reference>,
    },
    /// All values together.
    Union,
    /// The claims are a log.
    Log,
    /// A value for each organisation.
    PerOrg,
    /// The most restrictive value counts.
    Strictest {
        /// The most restrictive value.
        value: Value,
        /// The claims for that value.
        why: Vec<Reference>,
    },
}

/// A claim: an organisation's assertion that a field has a value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The reference of the assertion.
    pub at: Reference,
    /// The organisation that made it.
    pub org: OrgId,
    /// The value.
    pub value: Value,
    /// Source entities, in the author's order.
    pub sources: Vec<EntityId>,
    /// Admiralty grade.
    pub grade: Option<String>,
    /// Legal basis, as a code.
    pub basis: Option<String>,
    /// The name of whoever said it, if the organisation only reports it.
    pub reported_by: Option<String>,
    /// The time that the author claims.
    pub claimed_time: ClaimedTime,
    /// The import batch of the entry.
    pub batch: Option<BatchId>,
}

/// A claim that is no longer current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The claim.
    pub claim: Claim,
    /// The reason why it is no longer current.
    pub fate: Fate,
}

/// The reason why a claim is no longer current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The author, knowing it, asserted another value later.
    Superseded,
    /// The organisation retracted it; all retractions, by reference.
    Retracted(Vec<Retraction>),
}

/// A retraction of a claim.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Retraction {
    /// The reference of the retraction.
    pub at: Reference,
    /// The reason, as a code.
    pub reason: String,
    /// The time that the author claims.
    pub claimed_time: ClaimedTime,
}

/// A resolution of a dispute between claims.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The reference of the resolution.
    pub at: Reference,
    /// The organisation that made it.
    pub org: OrgId,
    /// The chosen claim; `None`: none of them.
    pub chosen: Option<Reference>,
    /// The claims that were compared.
    pub seen: Vec<Reference>,
    /// The reason, as a code.
    pub reason: String,
    /// The time that the author claims.
    pub claimed_time: ClaimedTime,
}

/// A statement that has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ignored {
    /// The reference of the statement.
    pub at: Reference,
    /// The reason why it has no effect.
    pub why: Why,
}

/// The reason why a statement has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The statement asserts a field that is computed, never stored.
    Derived,
    /// The statement retracts a statement of another organisation.
    NotOwn,
    /// The statement retracts what is neither an assertion nor a resolution.
    NothingThere,
    /// The statement resolves a field whose claims cannot conflict; restrictions in particular cannot be resolved away.
    NoConflict,
}

impl View {
    /// The cell of a field, if it was ever stated.
    #[must_use]
    pub fn cell(&self, entity: &EntityId, field: &str) -> Option<&Cell> {
        self.entities.get(entity)?.get(field)
    }

    /// All cells, with their entity and field.
    pub fn cells(&self) -> impl Iterator<Item = (&EntityId, &str, &Cell)> {
        self.entities
            .iter()
            .flat_map(|(entity, fields)| fields.iter().map(move |(field, cell)| (entity, field.as_str(), cell)))
    }

    /// The digest of the view: equal views have equal digests, on every node.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        blake3::derive_key("habeas 1 view digest", &codec::encode(self))
    }
}

impl Cell {
    /// The single value of the cell, if there is one: agreed, chosen, or the strictest.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match &self.shown {
            Shown::Agreed(value) | Shown::Strictest { value, .. } => Some(value),
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            Shown::Nothing | Shown::Conflict | Shown::Union | Shown::Log | Shown::PerOrg => None,
        }
    }

    /// The values that count, each once: the single value if there is one, else all current ones.
    #[must_use]
    pub fn values(&self) -> BTreeSet<&Value> {
        match &self.shown {
            Shown::Resolved { chosen, .. } => chosen.iter().collect(),
            Shown::Strictest { value, .. } => BTreeSet::from([value]),
            _ => self.claims.iter().map(|claim| &claim.value).collect(),
        }
    }
}

/// Shows author and reference, never content.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {:?}: {:?}", self.at, self.org, self.value)
    }
}

/// Shows the reference, never the reason.
impl fmt::Debug for Retraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {:?}", self.at)
    }
}

/// Shows author, reference and claims, never the reason.
impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {:?}: {:?} of {:?}", self.at, self.org, self.chosen, self.seen)
    }
}

/// Serialisation of a map with ids for keys, as a list of pairs: DAG-CBOR allows only text keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

/// Serialisation of a policy as its word in the schema.
mod policy_word {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::record::schema::Policy;

    const WORDS: [(Policy, &str); 7] = [
        (Policy::Imm, "imm"),
        (Policy::Mvr, "mvr"),
        (Policy::Set, "set"),
        (Policy::Log, "log"),
        (Policy::Org, "org"),
        (Policy::Strict, "strict"),
        (Policy::Drv, "drv"),
    ];

    pub(super) fn serialize<S: Serializer>(policy: &Option<Policy>, serializer: S) -> Result<S::Ok, S::Error> {
        let word = |policy: Policy| WORDS.iter().find(|(known, _)| *known == policy).map(|(_, word)| *word);
        policy.and_then(word).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Policy>, D::Error> {
        let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let policy = WORDS.iter().find(|(_, known)| *known == word).map(|(policy, _)| *policy);
        policy.map(Some).ok_or_else(|| D::Error::custom("not a policy"))
    }
}
