//! What people see of a section: every field of every entity, with everything said about it and who said it.
//!
//! Nothing is chosen silently: claims that differ stand side by side, and what was superseded or taken back stays in
//! the history. What authors claim of time is shown, and orders nothing. Two nodes that can read the same entries have
//! the same view, and the same [`View::digest`].

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

/// A section, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The section.
    pub section: SectionId,
    /// Entities by id; of each, the fields spoken of by name (`entity.field`).
    #[serde(with = "pairs")]
    pub entities: BTreeMap<EntityId, BTreeMap<String, Cell>>,
    /// Statements that have no effect, in order of reference.
    pub ignored: Vec<Ignored>,
}

/// All that is said of one field of one entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// How the field's claims go together; `None`: this version does not know the field and shows it raw.
    #[serde(with = "policy_word")]
    pub policy: Option<Policy>,
    /// What stands, by reference.
    pub claims: Vec<Claim>,
    /// What they amount to.
    pub shown: Shown,
    /// The resolutions that stand, in force or not, by reference.
    pub resolutions: Vec<Resolution>,
    /// What no longer stands, by reference.
    pub history: Vec<Former>,
}

/// What the claims of a cell amount to under its policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Nothing stands.
    Nothing,
    /// All claims say the same.
    Agreed(Value),
    /// The claims differ and nobody has weighed all of them, or those who have disagree: show them side by side.
    Conflict,
    /// The claims were weighed.
    Resolved {
        /// The value to go by; `None`: none of those claimed.
        chosen: Option<Value>,
        /// The resolutions that say so.
        by: Vec<Reference>,
    },
    /// Each value claimed belongs to the whole.
    Union,
    /// The claims are a log.
    Log,
    /// Each organisation has its own.
    PerOrg,
    /// The most restrictive value holds.
    Strictest {
        /// That value.
        value: Value,
        /// The claims that make it hold.
        why: Vec<Reference>,
    },
}

/// Somebody's word that a field has a value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Where it is said.
    pub at: Reference,
    /// Who says so.
    pub org: OrgId,
    /// The value.
    pub value: Value,
    /// Source entities, in the author's order.
    pub sources: Vec<EntityId>,
    /// Admiralty grade.
    pub grade: Option<String>,
    /// Legal basis: a code.
    pub basis: Option<String>,
    /// Whose word it is, when the organisation only passes it on.
    pub reported_by: Option<String>,
    /// When, as the author says.
    pub claimed_time: ClaimedTime,
    /// The import it came with.
    pub batch: Option<BatchId>,
}

/// A claim that no longer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The claim.
    pub claim: Claim,
    /// Why it no longer stands.
    pub fate: Fate,
}

/// Why a claim no longer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its author, who knew it, said something else later.
    Superseded,
    /// Its organisation took it back; each time that was said, by reference.
    Retracted(Vec<Retraction>),
}

/// A claim taken back.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Retraction {
    /// Where it is said.
    pub at: Reference,
    /// Why: a code.
    pub reason: String,
    /// When, as the author says.
    pub claimed_time: ClaimedTime,
}

/// Somebody's weighing of claims that differ.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Where it is said.
    pub at: Reference,
    /// Who says so.
    pub org: OrgId,
    /// The claim to go by; `None`: none of them.
    pub chosen: Option<Reference>,
    /// The claims weighed.
    pub seen: Vec<Reference>,
    /// Why: a code.
    pub reason: String,
    /// When, as the author says.
    pub claimed_time: ClaimedTime,
}

/// A statement that has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ignored {
    /// Where it stands.
    pub at: Reference,
    /// Why it has none.
    pub why: Why,
}

/// Why a statement has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It asserts a field that is computed, never stored.
    Derived,
    /// It retracts what another organisation said.
    NotOwn,
    /// It retracts what is neither an assertion nor a resolution.
    NothingThere,
    /// It resolves a field whose claims cannot conflict; above all, a restriction is not resolved away.
    NoConflict,
}

impl View {
    /// The cell of a field, if anything was ever said of it.
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

    /// A name for this very view: equal views have equal digests, on every node.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        blake3::derive_key("habeas 1 view digest", &codec::encode(self))
    }
}

impl Cell {
    /// The value to go by where there is one: agreed, chosen, or the strictest.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match &self.shown {
            Shown::Agreed(value) | Shown::Strictest { value, .. } => Some(value),
            Shown::Resolved { chosen, .. } => chosen.as_ref(),
            Shown::Nothing | Shown::Conflict | Shown::Union | Shown::Log | Shown::PerOrg => None,
        }
    }

    /// The values to reckon with, each once: the one to go by, else all that stand.
    #[must_use]
    pub fn values(&self) -> BTreeSet<&Value> {
        match &self.shown {
            Shown::Resolved { chosen, .. } => chosen.iter().collect(),
            Shown::Strictest { value, .. } => BTreeSet::from([value]),
            _ => self.claims.iter().map(|claim| &claim.value).collect(),
        }
    }
}

/// Who and where, never what.
impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {:?}: {:?}", self.at, self.org, self.value)
    }
}

/// Where, never why.
impl fmt::Debug for Retraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by {:?}", self.at)
    }
}

/// Who, where, and between which claims; never why.
impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {:?}: {:?} of {:?}", self.at, self.org, self.chosen, self.seen)
    }
}

/// A map with ids for keys, as a list of pairs: DAG-CBOR knows only text keys.
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

/// A policy by the word the schema has for it.
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
