//! The vault: derives the keys of the store from a passphrase; a wipe destroys it.
//!
//! Two class keys open the store, the carrier key and the reader key. Both are derived from the master secret, and
//! neither leads back to it. So a person's slot holds one secret: the master secret for a reader, the carrier key for
//! an administrator, who can run the node and never read.
//!
//! ```text
//! FOLDER/vault, FOLDER/vault.copy     the header, twice; the sound one with the higher generation counts
//! header   magic(7) "habeas\0" ‖ version(1) 2 ‖ generation(8) ‖ database(16) ‖ salt(16) ‖ slots(8 × 109) ‖ roles(48) ‖
//!          mac(32) ‖ sum(32)
//! slot     salt(16) ‖ memory KiB(4) ‖ passes(4) ‖ lanes(4) ‖ wrapped(49) ‖ commitment(32)
//! stretched  Argon2id(passphrase in NFC, the vault's salt, memory, passes, lanes): once for all slots of one cost
//! kek      keyed BLAKE3(stretched "slot", the slot's salt)
//! wrapped  XChaCha20-Poly1305(kek "wrap", nonce 0, role(1) ‖ secret(32), aad = magic ‖ version ‖ database)
//! roles    nonce(24) ‖ XChaCha20-Poly1305(carrier "roles", one byte per slot, aad = database)
//! mac      keyed BLAKE3(carrier "mac", everything before)
//! sum      BLAKE3(everything before): shows a torn write without a key
//! FOLDER/vault.attempts, backup.attempts   failures(4) ‖ last attempt in ms(8) ‖ check(4)
//! ```
//!
//! Integers are big-endian. There are always eight slots, of at most two costs; a free one is random bytes with the
//! cost of its neighbours. A slot's salt is never used twice, so the wrapping key seals one secret only, and equal
//! passphrases of two persons do not show.
//!
//! **One salt for all derivations.** A passphrase is stretched once and tried on all eight slots, so a wrong one costs
//! what a right one costs: one derivation, not eight. In return, an attacker who holds the header tests each guess on
//! all slots with one derivation too. That gains at most three bits, and only if eight persons' passphrases are equally
//! hard to guess; the person who made the vault has the first slot, and guessing at that one costs as much as before.
//! One more word in a passphrase adds eleven bits.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use protocol::{
    app::control::Passphrase,
    bytes::{
        limits::{PASSPHRASE_CHARS, PASSPHRASE_LETTERS},
        seal::{Entropy, Secret},
    },
};
use thiserror::Error;

use crate::{durable, steps::step};

mod attempts;
mod cost;
mod header;
mod root;
mod slot;
mod strength;
pub(crate) mod wipe;

#[cfg(test)]
mod tests;

pub use cost::Cost;
pub use header::{Header, SLOTS};
pub use root::RootKey;
pub use strength::{same, strong};
pub use wipe::{complete, is_wiped, wipe};

use attempts::Attempts;
use header::Roles;
use slot::Slot;
use wipe::Gate;

/// Id of a database: random, made with its vault, constant, and bound into every sealed value of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseId(pub [u8; 16]);

/// Keys that a vault opens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The database that these keys open.
    pub database: DatabaseId,
    /// Class key of the carrier tables: enough to replicate.
    pub carrier: Secret,
    /// Class key of the reader tables; an administrator's slot does not give it.
    pub reader: Option<Secret>,
}

/// Role of a slot: the tables that its passphrase opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens all tables.
    Reader,
    /// Opens the carrier tables: starting, stopping, backing up.
    Administrator,
}

/// Number of a slot in the header, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotNumber(pub usize);

/// Options of a new slot.
#[derive(Debug)]
pub struct NewSlot<'a> {
    /// Passphrase that will open the slot.
    pub passphrase: &'a Passphrase,
    /// Role that the slot will give.
    pub role: Role,
    /// Cost of each attempt.
    pub cost: Cost,
}

/// Error of a vault operation. Each variant keeps its meaning in all versions.
#[derive(Debug, Error)]
pub enum VaultError {
    /// No slot opens with this passphrase.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// An attempt came too soon after wrong passphrases; nothing was tried.
    #[error("too many wrong passphrases: wait {} s", wait.as_secs().max(1))]
    TooSoon {
        /// Time to wait.
        wait: Duration,
    },
    /// The folder has no vault.
    #[error("there is no vault here")]
    Missing,
    /// The keys of the folder were destroyed; nothing in it opens any more, and nothing can be made in it.
    #[error("the keys of this folder were destroyed")]
    Wiped,
    /// The passphrase is too easy to guess by machine; nothing was made.
    #[error(
        "a passphrase has at least {} characters, of at least {} kinds",
        PASSPHRASE_CHARS.0,
        PASSPHRASE_LETTERS.0
    )]
    Weak,
    /// The vault exists already; nothing was touched.
    #[error("there is a vault here already")]
    Exists,
    /// The file is not a vault.
    #[error("this is not a vault of Habeas")]
    NotHabeas,
    /// The vault was written by a newer Habeas.
    #[error("the vault has version {found}, this program knows {known}")]
    Newer {
        /// Version of the file.
        found: u8,
        /// Newest version this program knows.
        known: u8,
    },
    /// The two copies are both torn or altered.
    #[error("the vault is damaged: restore it from a backup")]
    Damaged,
    /// The header names a cost that no honest vault has: the file was altered to exhaust memory or to weaken the keys.
    /// Nothing was allocated.
    #[error("the vault asks for {memory_kib} KiB, {passes} passes, {lanes} lanes: outside what is allowed")]
    AbsurdParameters {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
    /// The machine cannot allocate the memory that the derivation needs.
    #[error("opening the vault needs {memory_kib} KiB of free memory")]
    NoMemory {
        /// Memory in KiB.
        memory_kib: u32,
    },
    /// The vault has no free slot.
    #[error("all {SLOTS} slots of the vault are taken")]
    NoFreeSlot,
    /// The slot is free.
    #[error("slot {} is free", .0.0)]
    NoSuchSlot(SlotNumber),
    /// An administrator tried to give more than it has, or to remove another slot.
    #[error("an administrator's passphrase cannot do this")]
    NotAReader,
    /// The last reader's slot cannot be removed: nobody could read any more.
    #[error("the last reader's slot cannot be removed")]
    LastReader,
    /// The system refused an operation.
    #[error("cannot {attempted}")]
    Io {
        /// The attempted operation, as a verb phrase.
        attempted: &'static str,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

impl VaultError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { attempted, source }
    }
}

/// The vault in a folder. Holds no secret: each change of slots asks for a passphrase.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    /// File that records failed attempts.
    attempts: PathBuf,
    /// Whether this is a temporary copy that is only read: nothing in the folder is repaired.
    is_copy: bool,
}

/// A header opened with a passphrase.
struct Opened {
    header: Header,
    roles: Roles,
    slot: SlotNumber,
    role: Role,
    secret: Secret,
    keys: Keys,
}

impl Vault {
    /// Creates a vault in `folder`, with one reader's slot. The folder is created if it is missing.
    ///
    /// # Errors
    ///
    /// [`VaultError::Exists`] where a vault exists, [`VaultError::Wiped`] in a wiped folder, [`VaultError::Weak`] for a
    /// passphrase that is too easy to guess, [`VaultError::NoMemory`], [`VaultError::Io`].
    pub fn create(
        folder: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        entropy: &mut Entropy,
    ) -> Result<(Self, Keys), VaultError> {
        durable::make_folder(folder).map_err(VaultError::io("make the folder of the vault"))?;
        let vault = Self::of(folder);
        wipe::refuse(folder)?;
        vault.refuse_another()?;
        let (database, master) = (DatabaseId(entropy.bytes()), entropy.secret());
        let keys = keys_of(database, Role::Reader, &master);

        let mut header = Header::empty(database, cost, entropy);
        let mut roles = Roles::default();
        header.put(SlotNumber(0), passphrase, Role::Reader, cost, &master, entropy)?;
        roles.0[0] = Some(Role::Reader);
        header.seal(&roles, &keys.carrier, entropy);

        let _until_it_is_there = Gate::enter(folder)?;
        vault.refuse_another()?;
        vault.attempts().clear()?;
        vault.put(&header)?;
        Ok((vault, keys))
    }

    /// Opens the vault in `folder`. An attempt costs one derivation, right or wrong (two in a vault whose slots have
    /// two costs); repeated wrong passphrases cost a growing wait.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongPassphrase`], [`VaultError::TooSoon`] with the time to wait, and every error of reading the
    /// header: [`VaultError::Missing`], [`VaultError::Wiped`], [`VaultError::NotHabeas`], [`VaultError::Newer`],
    /// [`VaultError::Damaged`], [`VaultError::AbsurdParameters`], [`VaultError::NoMemory`], [`VaultError::Io`].
    pub fn open(folder: &Path, passphrase: &Passphrase, now: SystemTime) -> Result<(Self, Keys), VaultError> {
        Self::of(folder).opened(passphrase, now)
    }

    /// Opens the vault in `folder`, a temporary copy, and records failed attempts in the file `attempts`.
    ///
    /// # Errors
    ///
    /// The errors of [`Vault::open`].
    pub fn open_copy(
        folder: &Path,
        attempts: &Path,
        passphrase: &Passphrase,
        now: SystemTime,
    ) -> Result<(Self, Keys), VaultError> {
        Self { attempts: attempts.into(), is_copy: true, ..Self::of(folder) }.opened(passphrase, now)
    }

    fn of(folder: &Path) -> Self {
        Self { folder: folder.into(), attempts: folder.join("vault.attempts"), is_copy: false }
    }

    fn opened(self, passphrase: &Passphrase, now: SystemTime) -> Result<(Self, Keys), VaultError> {
        let vault = self;
        let opened = vault.enter(passphrase, now)?;
        Ok((vault, opened.keys))
    }

    /// Lists the slots with their roles; a free slot is `None`. The roles are sealed under the carrier key.
    ///
    /// # Errors
    ///
    /// [`VaultError::Damaged`] if the header was altered, or any error of reading it.
    pub fn slots(&self, keys: &Keys) -> Result<[Option<Role>; SLOTS], VaultError> {
        Ok(self.read()?.roles(&keys.carrier)?.0)
    }

    /// Adds the slot `new`, authorised by the passphrase `by`: a reader may add anyone, an administrator only
    /// administrators.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoFreeSlot`], [`VaultError::NotAReader`] if an administrator adds a reader, [`VaultError::Weak`]
    /// for the new passphrase, [`VaultError::AbsurdParameters`] for a third cost, and the errors of [`Vault::open`] for
    /// `by`.
    pub fn add_slot(
        &self,
        by: &Passphrase,
        new: NewSlot<'_>,
        now: SystemTime,
        entropy: &mut Entropy,
    ) -> Result<SlotNumber, VaultError> {
        let mut opened = self.enter(by, now)?;
        let free = opened.roles.0.iter().position(Option::is_none).ok_or(VaultError::NoFreeSlot)?;
        let secret = match (opened.role, new.role) {
            (_, Role::Administrator) => &opened.keys.carrier,
            (Role::Reader, Role::Reader) => &opened.secret,
            (Role::Administrator, Role::Reader) => return Err(VaultError::NotAReader),
        };
        opened.header.put(SlotNumber(free), new.passphrase, new.role, new.cost, secret, entropy)?;
        opened.roles.0[free] = Some(new.role);
        self.write(&mut opened.header, &opened.roles, &opened.keys.carrier, entropy)?;
        Ok(SlotNumber(free))
    }

    /// Removes `slot`, authorised by the passphrase `by`: a reader may remove any but the last reader's, an
    /// administrator only its own. An old copy of the header still opens with the removed passphrase.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoSuchSlot`] if the slot is free, [`VaultError::NotAReader`], [`VaultError::LastReader`], and the
    /// errors of [`Vault::open`] for `by`.
    pub fn remove_slot(
        &self,
        by: &Passphrase,
        slot: SlotNumber,
        now: SystemTime,
        entropy: &mut Entropy,
    ) -> Result<(), VaultError> {
        let mut opened = self.enter(by, now)?;
        let role = opened.roles.0.get(slot.0).copied().flatten().ok_or(VaultError::NoSuchSlot(slot))?;
        if opened.role == Role::Administrator && slot != opened.slot {
            return Err(VaultError::NotAReader);
        }
        if role == Role::Reader && opened.roles.0.iter().filter(|role| **role == Some(Role::Reader)).count() == 1 {
            return Err(VaultError::LastReader);
        }
        opened.header.slots[slot.0] = Slot::dummy(opened.header.slots[slot.0].cost, entropy);
        opened.roles.0[slot.0] = None;
        self.write(&mut opened.header, &opened.roles, &opened.keys.carrier, entropy)
    }

    /// Replaces the passphrase `old` by `new`, in the same slot.
    ///
    /// # Errors
    ///
    /// [`VaultError::Weak`] for `new`, [`VaultError::AbsurdParameters`] for a third cost, and the errors of
    /// [`Vault::open`] for `old`.
    pub fn change_passphrase(
        &self,
        old: &Passphrase,
        new: &Passphrase,
        cost: Cost,
        now: SystemTime,
        entropy: &mut Entropy,
    ) -> Result<(), VaultError> {
        let mut opened = self.enter(old, now)?;
        opened.header.put(opened.slot, new, opened.role, cost, &opened.secret, entropy)?;
        self.write(&mut opened.header, &opened.roles, &opened.keys.carrier, entropy)
    }

    fn copies(&self) -> [PathBuf; 2] {
        [self.folder.join("vault"), self.folder.join("vault.copy")]
    }

    fn attempts(&self) -> Attempts {
        Attempts { path: self.attempts.clone() }
    }

    fn refuse_another(&self) -> Result<(), VaultError> {
        for copy in self.copies() {
            if durable::is_taken(&copy).map_err(VaultError::io("look for a vault"))? {
                return Err(VaultError::Exists);
            }
        }
        Ok(())
    }

    /// Reads the sound copy with the higher generation. Errors of one copy count only if the other is not sound either;
    /// a cost out of bounds always counts.
    fn read(&self) -> Result<Header, VaultError> {
        wipe::refuse(&self.folder)?;
        step("read the vault");
        let [first, second] = self.copies().map(|copy| match durable::read_small(&copy, Header::LENGTH) {
            Ok(bytes) => Header::decode(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::Missing),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(VaultError::NotHabeas),
            Err(error) => Err(VaultError::io("read the vault")(error)),
        });
        match (first, second) {
            (Ok(first), Ok(second)) => Ok(if second.generation > first.generation { second } else { first }),
            // A torn or lost copy is an accident; a cost out of bounds under a valid sum is an attack.
            (Err(error @ VaultError::AbsurdParameters { .. }), _)
            | (_, Err(error @ VaultError::AbsurdParameters { .. })) => Err(error),
            (Ok(sound), Err(_)) | (Err(_), Ok(sound)) => Ok(sound),
            (Err(VaultError::Missing), Err(error)) | (Err(error), _) => Err(error),
        }
    }

    /// Tries all slots. An opened header is then verified as a whole, and a copy that differs is brought up to date.
    fn enter(&self, passphrase: &Passphrase, now: SystemTime) -> Result<Opened, VaultError> {
        let header = self.read()?;
        let attempts = self.attempts();
        attempts.admit(now)?;
        let Some((slot, role, secret)) = header.open(passphrase)? else { return Err(VaultError::WrongPassphrase) };
        let keys = keys_of(header.database, role, &secret);
        let roles = header.roles(&keys.carrier)?;
        attempts.clear()?;
        if !self.is_copy {
            self.mend(&header)?;
        }
        Ok(Opened { roles, slot, role, secret, keys, header })
    }

    /// Writes the next generation to both copies, one after the other: one of them is whole at any moment.
    fn write(
        &self,
        header: &mut Header,
        roles: &Roles,
        carrier: &Secret,
        entropy: &mut Entropy,
    ) -> Result<(), VaultError> {
        header.seal(roles, carrier, entropy);
        self.mend(header)
    }

    /// Brings both copies up to date, unless the folder was wiped meanwhile.
    fn mend(&self, header: &Header) -> Result<(), VaultError> {
        let _until_it_is_done = Gate::enter(&self.folder)?;
        self.put(header)
    }

    /// Writes the copies that differ from `header`. The caller holds the gate.
    fn put(&self, header: &Header) -> Result<(), VaultError> {
        let bytes = header.encode();
        for copy in self.copies() {
            if durable::read_small(&copy, Header::LENGTH).ok().as_deref() != Some(&bytes) {
                durable::replace(&copy, &bytes).map_err(VaultError::io("write the vault"))?;
            }
        }
        Ok(())
    }
}

impl Role {
    const fn byte(self) -> u8 {
        match self {
            Self::Reader => 1,
            Self::Administrator => 2,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Reader),
            2 => Some(Self::Administrator),
            _ => None,
        }
    }
}

/// Derives the class keys from a slot's secret, one way: master → carrier key, master → reader key.
fn keys_of(database: DatabaseId, role: Role, secret: &Secret) -> Keys {
    match role {
        Role::Reader => Keys {
            database,
            carrier: secret.derive("habeas 1 carrier class key"),
            reader: Some(secret.derive("habeas 1 reader class key")),
        },
        Role::Administrator => Keys { database, carrier: secret.clone(), reader: None },
    }
}
