//! The charter: the founders of a registry, and from them the keys that may write and read.
//!
//! ```text
//! genesis = [1 (suite), 1 (ruleset), schema, salt 16, [[root_key 32, call_sign, roster_head 32] …] sorted by root_key]
//! id      = BLAKE3 derive-key("habeas 1 registry id", genesis): the registry's name, and the hash of charter version 1
//! ```
//!
//! Nothing signed names an organisation or a person: a call-sign is two generated words. [`Members`] alone answers
//! which organisation a key belongs to and what it may do; it holds the charter's head and every roster.

pub mod card;
pub mod founding;
pub mod roster;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{
    bytes::{
        codec::{self, DecodeError},
        ids::{CharterHash, FeedKey, LinkId, NodeKey, OrgId, Prev, RegistryId},
        limits::{CHARTER_BYTES, ORGANISATIONS},
        seal, words,
    },
    store::{Row, Store, StoreError, Table},
};
use roster::{Device, Link, LinkError, Purpose, Roster, RosterState, Taken, organisation};

/// The ruleset of this version: limits and validity rules.
pub const RULESET: u64 = 1;

/// A founder's entry in the genesis: root key, call-sign, pinned roster link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founder(pub ByteArray<32>, pub String, pub LinkId);

impl Founder {
    /// The founder's organisation id.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        organisation(&self.0)
    }
}

/// The genesis: the founding document of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    founders: Vec<Founder>,
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Wire(u64, u64, u64, ByteArray<16>, Vec<Founder>);

impl Genesis {
    /// Makes the founding document for `founders`; `salt` distinguishes two registries of the same founders.
    #[must_use]
    pub fn new(schema: u64, salt: [u8; 16], mut founders: Vec<Founder>) -> Self {
        founders.sort_by_key(|founder| founder.0);
        let bytes = codec::encode(&Wire(1, RULESET, schema, salt.into(), founders.clone()));
        Self { founders, bytes }
    }

    /// Decodes a genesis strictly.
    ///
    /// # Errors
    /// Malformed bytes, a newer suite or ruleset, or founders that break the rules of SPEC.md §4.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let what = "genesis";
        let rule = |rule| Err(DecodeError::Rule { what, rule });
        let Wire(suite, ruleset, _, _, founders) = codec::decode(what, bytes, CHARTER_BYTES.0)?;
        if suite != 1 || ruleset != RULESET {
            return rule("founded under a suite or ruleset of a newer version");
        }
        if founders.is_empty() || founders.len() > ORGANISATIONS.0 {
            return rule("a registry has 1 to 64 founders");
        }
        if !founders.is_sorted_by(|a, b| a.0 < b.0) {
            return rule("founders are sorted and each is named once");
        }
        if !founders.iter().all(|founder| words::is_call_sign(&founder.1)) {
            return rule("a call-sign is two words of the list");
        }
        if founders.iter().map(|founder| &founder.1).collect::<BTreeSet<_>>().len() != founders.len() {
            return rule("no two founders have one call-sign");
        }
        Ok(Self { founders, bytes: bytes.to_vec() })
    }

    /// The id of the registry.
    #[must_use]
    pub fn id(&self) -> RegistryId {
        RegistryId(seal::hash("habeas 1 registry id", &[&self.bytes]))
    }

    /// The hash that entries name as the charter they act under.
    #[must_use]
    pub fn hash(&self) -> CharterHash {
        CharterHash(self.id().0)
    }

    /// The founders, sorted by root key.
    #[must_use]
    pub fn founders(&self) -> &[Founder] {
        &self.founders
    }

    /// The canonical bytes of the genesis.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The role of a key that signs entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The organisation that certified the key.
    pub org: OrgId,
    /// The purpose of the key.
    pub purpose: Purpose,
    /// The certificate of the key, as `prev` of a first entry.
    pub certificate: Prev,
}

/// The members of a registry: charter head and rosters, and the roles of keys that follow from them.
#[derive(Clone, Debug)]
pub struct Members {
    registry: RegistryId,
    charter: CharterHash,
    call_signs: BTreeMap<OrgId, String>,
    rosters: BTreeMap<OrgId, Roster>,
    roles: BTreeMap<FeedKey, Role>,
    nodes: BTreeMap<NodeKey, OrgId>,
}

impl Members {
    /// Builds the members of a registry from its genesis and the founders' rosters.
    ///
    /// # Errors
    /// The rosters are not those of the founders, or one lacks the link that the genesis pins.
    pub fn new(genesis: &Genesis, rosters: Vec<Roster>) -> Result<Self, DecodeError> {
        let rosters: BTreeMap<_, _> = rosters.into_iter().map(|roster| (roster.organisation(), roster)).collect();
        let pinned = |founder: &Founder| {
            let roster = rosters.get(&founder.organisation());
            roster.is_some_and(|roster| roster.since(0).any(|link| link.id() == founder.2))
        };
        if rosters.len() != genesis.founders.len() || !genesis.founders.iter().all(pinned) {
            let rule = "every founder's roster is there and holds the link the genesis pins";
            return Err(DecodeError::Rule { what: "registry", rule });
        }
        let call_signs = genesis.founders.iter().map(|founder| (founder.organisation(), founder.1.clone())).collect();
        let (roles, nodes) = (BTreeMap::new(), BTreeMap::new());
        let mut members = Self { registry: genesis.id(), charter: genesis.hash(), call_signs, rosters, roles, nodes };
        members.index();
        Ok(members)
    }

    /// Adds the roster links that a store has received since to the members of a registry file.
    ///
    /// # Errors
    /// The store cannot be read, or a stored link is not valid.
    pub fn load(mut self, store: &impl Store) -> Result<Self, StoreError> {
        let orgs: Vec<_> = self.rosters.keys().copied().collect();
        for org in orgs {
            for evidence in [false, true] {
                let (mut links, first) = (Vec::new(), link_row(&org, 0, evidence));
                store.scan(first.table, &first.prefix, 0, &mut |_, envelope| {
                    links.push(envelope);
                    true
                })?;
                for envelope in links {
                    let link =
                        Link::parse(&envelope).map_err(|_| StoreError::Altered { table: Table::Control.label() })?;
                    // A fork proof above an already proven fork adds nothing.
                    match self.take(link) {
                        Ok(_) | Err(LinkError::Frozen { .. }) => {}
                        Err(_) => return Err(StoreError::Altered { table: Table::Control.label() }),
                    }
                }
            }
        }
        Ok(self)
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> RegistryId {
        self.registry
    }

    /// The hash of the charter version in force.
    #[must_use]
    pub fn charter(&self) -> CharterHash {
        self.charter
    }

    /// Whether the organisation is a member.
    #[must_use]
    pub fn is_member(&self, org: &OrgId) -> bool {
        self.call_signs.contains_key(org)
    }

    /// The members, with their call-signs.
    pub fn organisations(&self) -> impl Iterator<Item = (&OrgId, &str)> {
        self.call_signs.iter().map(|(org, sign)| (org, sign.as_str()))
    }

    /// The call-sign of a member.
    #[must_use]
    pub fn call_sign(&self, org: &OrgId) -> Option<&str> {
        self.call_signs.get(org).map(String::as_str)
    }

    /// The devices of a member.
    pub fn devices(&self, org: &OrgId) -> impl Iterator<Item = &Device> {
        self.rosters.get(org).into_iter().flat_map(Roster::devices)
    }

    /// The role of a key that a roster certifies for signing entries.
    #[must_use]
    pub fn role(&self, key: &FeedKey) -> Option<Role> {
        self.roles.get(key).copied()
    }

    /// The organisation that a node belongs to.
    #[must_use]
    pub fn node(&self, node: &NodeKey) -> Option<OrgId> {
        self.nodes.get(node).copied()
    }

    /// All nodes of members, with their organisations.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeKey, &OrgId)> {
        self.nodes.iter()
    }

    /// The state of every roster: a part of the control root, and compared between peers.
    pub fn roster_states(&self) -> impl Iterator<Item = (OrgId, RosterState)> {
        self.rosters.iter().map(|(org, roster)| (*org, roster.state()))
    }

    /// The roster of an organisation.
    #[must_use]
    pub fn roster(&self, org: &OrgId) -> Option<&Roster> {
        self.rosters.get(org)
    }

    /// Hash over everything of the charter that replicates.
    #[must_use]
    pub fn control_root(&self) -> [u8; 32] {
        let state = |(org, at): (OrgId, RosterState)| (org, at.links, at.head, at.frozen);
        let states: Vec<_> = self.roster_states().map(state).collect();
        seal::hash("habeas 1 control root", &[&self.charter.0, &codec::encode(&states)])
    }

    /// Adds a roster link.
    ///
    /// # Errors
    /// The link is of no member, or does not fit its roster: see [`Roster::take`].
    pub fn take(&mut self, link: Link) -> Result<Taken, LinkError> {
        let roster = self.rosters.get_mut(&link.organisation()).ok_or(LinkError::OtherOrganisation)?;
        let taken = roster.take(link)?;
        if taken != Taken::Known {
            self.index();
        }
        Ok(taken)
    }

    /// Rebuilds the lookup tables. A key certified by two organisations belongs to neither, whichever link came first:
    /// otherwise nodes that received the links in different order would judge the same entry differently, and blame
    /// each other.
    fn index(&mut self) {
        let (mut roles, mut nodes) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (org, roster) in &self.rosters {
            for device in roster.devices() {
                for (key, purpose) in [(device.author, Purpose::Author), (device.desk, Purpose::Desk)] {
                    let certificate = device.certificate(org, purpose).into();
                    roles.entry(key).or_default().push(Role { org: *org, purpose, certificate });
                }
                nodes.entry(device.node).or_default().push(*org);
            }
        }
        self.roles = roles.into_iter().filter_map(only).collect();
        self.nodes = nodes.into_iter().filter_map(only).collect();
    }
}

fn only<K, V>((key, values): (K, Vec<V>)) -> Option<(K, V)> {
    let [value] = <[V; 1]>::try_from(values).ok()?;
    Some((key, value))
}

/// The row of a roster link: links of the chain and fork proofs are kept apart, each under its index.
#[must_use]
pub fn link_row(org: &OrgId, index: u64, evidence: bool) -> Row {
    Row::new(Table::Control, [if evidence { &b"fork"[..] } else { b"link" }, &org.0].concat(), index)
}
