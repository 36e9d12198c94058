//! The header of the vault: eight slots, their roles, and its integrity checks. The layout is in
//! [`vault`](crate::vault).

use protocol::{
    app::control::Passphrase,
    bytes::seal::{self, Entropy, NONCE, Secret, TAG},
};
use subtle::ConstantTimeEq;

use super::{
    Cost, DatabaseId, Role, SlotNumber, VaultError,
    slot::{SLOT, Slot},
    strength::strong,
};

/// Number of slots of every vault, so that the header does not show how many persons open it.
pub const SLOTS: usize = 8;

const MAGIC: &[u8; 7] = b"habeas\0";
const VERSION: u8 = 2;
/// Maximum number of costs among the slots of one vault: an old one and the one that replaces it, person by person.
/// Each is one more derivation for a wrong passphrase.
const COSTS: usize = 2;
/// Bytes of the sealed roles.
const ROLES: usize = NONCE + SLOTS + TAG;

const SALT_AT: usize = 7 + 1 + 8 + 16;
const SLOTS_AT: usize = SALT_AT + 16;
const ROLES_AT: usize = SLOTS_AT + SLOTS * SLOT;
const MAC_AT: usize = ROLES_AT + ROLES;
const SUM_AT: usize = MAC_AT + 32;
const LENGTH: usize = SUM_AT + 32;

/// Roles of all slots; `None` for a free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles(pub(super) [Option<Role>; SLOTS]);

/// A header with a valid sum and costs within bounds; not yet authenticated by a key.
#[derive(Clone)]
pub struct Header {
    pub(super) generation: u64,
    pub(super) database: DatabaseId,
    salt: [u8; 16],
    pub(super) slots: [Slot; SLOTS],
    roles: [u8; ROLES],
    mac: [u8; 32],
}

impl Header {
    /// Bytes of a header.
    pub(super) const LENGTH: u64 = LENGTH as u64;

    /// Creates a header of generation 0 with all slots free. Must be sealed before it is written.
    pub(super) fn empty(database: DatabaseId, cost: Cost, entropy: &mut Entropy) -> Self {
        let salt = entropy.bytes();
        let slots = std::array::from_fn(|_| Slot::dummy(cost, entropy));
        Self { generation: 0, database, salt, slots, roles: [0; ROLES], mac: [0; 32] }
    }

    /// Puts `secret` into a slot that `passphrase` opens, with `role`. The header must be sealed before it is written.
    /// Fails with `Weak` for a passphrase that is too easy to guess, with `AbsurdParameters` for a third cost.
    pub(super) fn put(
        &mut self,
        slot: SlotNumber,
        passphrase: &Passphrase,
        role: Role,
        cost: Cost,
        secret: &Secret,
        entropy: &mut Entropy,
    ) -> Result<(), VaultError> {
        strong(passphrase)?;
        let stretched = cost.derive(passphrase, &self.salt)?;
        let aad = slot_aad(self.database);
        let mut slots = self.slots.clone();
        slots[slot.0] = Slot::dummy(cost, entropy).fill(&stretched, role.byte(), secret, &aad);
        check_costs(&slots)?;
        self.slots = slots;
        Ok(())
    }

    /// Finds the slot that `passphrase` opens, with its role and its secret. Takes one derivation for each cost.
    pub(super) fn open(&self, passphrase: &Passphrase) -> Result<Option<(SlotNumber, Role, Secret)>, VaultError> {
        let aad = slot_aad(self.database);
        let mut tried: Vec<Cost> = Vec::with_capacity(COSTS);
        for Slot { cost, .. } in &self.slots {
            if tried.contains(cost) {
                continue;
            }
            tried.push(*cost);
            let stretched = cost.derive(passphrase, &self.salt)?;
            for (at, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.cost == *cost) {
                let Some((role, secret)) = slot.open(&stretched, &aad)? else { continue };
                return Ok(Some((SlotNumber(at), Role::of(role).ok_or(VaultError::Damaged)?, secret)));
            }
        }
        Ok(None)
    }

    /// Advances the generation and seals the header with these roles.
    pub(super) fn seal(&mut self, roles: &Roles, carrier: &Secret, entropy: &mut Entropy) {
        let (nonce, plain) = (entropy.bytes(), roles.0.map(|role| role.map_or(0, Role::byte)));
        self.roles[..NONCE].copy_from_slice(&nonce);
        self.roles[NONCE..].copy_from_slice(&seal::seal(&roles_key(carrier), &nonce, &self.database.0, &plain));
        self.generation += 1;
        self.mac = self.mac_under(carrier);
    }

    /// Opens the roles of all slots; `Damaged` if anything in the header was altered.
    pub(super) fn roles(&self, carrier: &Secret) -> Result<Roles, VaultError> {
        if !bool::from(self.mac_under(carrier).ct_eq(&self.mac)) {
            return Err(VaultError::Damaged);
        }
        let (nonce, sealed) = self.roles.split_first_chunk().expect("sealed roles begin with a nonce");
        let plain = seal::open(&roles_key(carrier), nonce, &self.database.0, sealed).ok_or(VaultError::Damaged)?;
        let plain: [u8; SLOTS] = plain.try_into().expect("one byte per slot");
        Ok(Roles(plain.map(Role::of)))
    }

    /// Encodes the header as the bytes of a copy.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.before_mac();
        bytes.extend_from_slice(&self.mac);
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        bytes
    }

    /// Decodes a copy. Runs no derivation and allocates nothing of a size that the file chose. The encoding is
    /// canonical; the header is authentic only once a passphrase has opened it.
    ///
    /// # Errors
    ///
    /// [`VaultError::NotHabeas`], [`VaultError::Newer`], [`VaultError::Damaged`] for a wrong length or sum,
    /// [`VaultError::AbsurdParameters`] for a cost out of bounds or a third cost.
    pub fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        match bytes.strip_prefix(MAGIC) {
            None if bytes.len() >= MAGIC.len() => return Err(VaultError::NotHabeas),
            None | Some([]) => return Err(VaultError::Damaged),
            Some([VERSION, ..]) => {}
            // Versions from before the first release.
            Some([older, ..]) if *older < VERSION => return Err(VaultError::NotHabeas),
            Some([found, ..]) => return Err(VaultError::Newer { found: *found, known: VERSION }),
        }
        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| VaultError::Damaged)?;
        if blake3::hash(&bytes[..SUM_AT]) != bytes[SUM_AT..] {
            return Err(VaultError::Damaged);
        }
        let (slots, _) = bytes[SLOTS_AT..ROLES_AT].as_chunks::<SLOT>();
        let slots = slots.iter().map(Slot::decode).collect::<Result<Vec<_>, _>>()?;
        check_costs(&slots)?;
        Ok(Self {
            generation: u64::from_be_bytes(bytes[8..16].try_into().expect("eight bytes of generation")),
            database: DatabaseId(bytes[16..SALT_AT].try_into().expect("sixteen bytes of database id")),
            salt: bytes[SALT_AT..SLOTS_AT].try_into().expect("sixteen bytes of salt"),
            slots: slots.try_into().unwrap_or_else(|_| unreachable!("the length holds eight slots")),
            roles: bytes[ROLES_AT..MAC_AT].try_into().expect("the sealed roles"),
            mac: bytes[MAC_AT..SUM_AT].try_into().expect("32 bytes of MAC"),
        })
    }

    fn before_mac(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.database.0);
        bytes.extend_from_slice(&self.salt);
        self.slots.iter().for_each(|slot| bytes.extend_from_slice(&slot.encode()));
        bytes.extend_from_slice(&self.roles);
        bytes
    }

    fn mac_under(&self, carrier: &Secret) -> [u8; 32] {
        seal::keyed(&carrier.derive("habeas 1 vault header mac"), &[&self.before_mac()])
    }
}

/// Checks that the slots have at most [`COSTS`] costs: a header with many was made to hold up its owner, one derivation
/// each.
fn check_costs(slots: &[Slot]) -> Result<(), VaultError> {
    let mut costs = Vec::with_capacity(COSTS);
    for Slot { cost, .. } in slots {
        match costs.contains(cost) {
            true => {}
            false if costs.len() < COSTS => costs.push(*cost),
            false => return Err(cost.absurd()),
        }
    }
    Ok(())
}

/// Associated data of a slot: a slot that is moved into another vault does not open.
fn slot_aad(database: DatabaseId) -> [u8; 24] {
    let mut aad = [0; 24];
    aad[..7].copy_from_slice(MAGIC);
    aad[7] = VERSION;
    aad[8..].copy_from_slice(&database.0);
    aad
}

fn roles_key(carrier: &Secret) -> Secret {
    carrier.derive("habeas 1 vault roles")
}
