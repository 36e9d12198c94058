//! The organisation's root key: a file of its own, under its own passphrase, often on another medium.
//!
//! ```text
//! file   magic(7) "habeas\0" ‖ "R" ‖ slot(109) ‖ BLAKE3 of all before(32)
//!        slot: as in the vault, aad = the first 8 bytes
//! ```
//!
//! The file `root.attempts` beside it records wrong passphrases, as the vault's does.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use protocol::{
    app::control::Passphrase,
    bytes::seal::{Entropy, Secret},
};

use super::{
    Cost, VaultError,
    attempts::Attempts,
    slot::{SLOT, Slot},
    strength::strong,
    wipe::{self, Gate},
};
use crate::durable;

const MAGIC: &[u8; 8] = b"habeas\0R";
/// Bytes of the file.
const LENGTH: u64 = (MAGIC.len() + SLOT + 32) as u64;
/// Kind of the secret in the slot.
const SEED: u8 = b'R';

/// The root key of an organisation, opened. Keep it no longer than the signature takes.
#[derive(Debug)]
pub struct RootKey {
    path: PathBuf,
    seed: Secret,
}

impl RootKey {
    /// Creates a root key in the new file `path`.
    ///
    /// # Errors
    ///
    /// [`VaultError::Weak`] for a passphrase that is too easy to guess, [`VaultError::Exists`] if anything has the
    /// name, [`VaultError::Wiped`] in a wiped folder, [`VaultError::NoMemory`], [`VaultError::Io`].
    pub fn create(path: &Path, passphrase: &Passphrase, cost: Cost, entropy: &mut Entropy) -> Result<Self, VaultError> {
        let root = Self { path: path.into(), seed: entropy.secret() };
        let file = root.sealed(passphrase, cost, entropy)?;
        let _until_it_is_there = Gate::enter(folder(path))?;
        if durable::is_taken(path).map_err(VaultError::io("look for a root key"))? {
            return Err(VaultError::Exists);
        }
        root.put(&file)?;
        Ok(root)
    }

    /// Opens the root key in `path`. A wrong passphrase costs a derivation, and repeated ones a growing wait.
    ///
    /// # Errors
    ///
    /// [`VaultError::Missing`], [`VaultError::Wiped`], [`VaultError::NotHabeas`], [`VaultError::Damaged`],
    /// [`VaultError::AbsurdParameters`], [`VaultError::TooSoon`], [`VaultError::WrongPassphrase`],
    /// [`VaultError::NoMemory`], [`VaultError::Io`].
    pub fn open(path: &Path, passphrase: &Passphrase, now: SystemTime) -> Result<Self, VaultError> {
        wipe::refuse(folder(path))?;
        let bytes = match durable::read_small(path, LENGTH) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(VaultError::Missing),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(VaultError::NotHabeas),
            Err(error) => return Err(VaultError::io("read the root key")(error)),
        };
        let rest = bytes.strip_prefix(MAGIC).ok_or(VaultError::NotHabeas)?;
        let (slot, sum) = rest.split_first_chunk::<SLOT>().ok_or(VaultError::Damaged)?;
        if blake3::hash(&bytes[..MAGIC.len() + SLOT]) != *sum {
            return Err(VaultError::Damaged);
        }
        let (slot, attempts) = (Slot::decode(slot)?, attempts(path));
        attempts.admit(now)?;
        match slot.open(&slot.stretch(passphrase)?, MAGIC)? {
            Some((SEED, seed)) => {
                attempts.clear()?;
                Ok(Self { path: path.into(), seed })
            }
            Some(_) => Err(VaultError::Damaged),
            None => Err(VaultError::WrongPassphrase),
        }
    }

    /// Returns the Ed25519 seed (RFC 8032 private key).
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// Changes the passphrase: seals the file again under `new`.
    ///
    /// # Errors
    ///
    /// [`VaultError::Weak`] for `new`, [`VaultError::Wiped`] in a wiped folder, [`VaultError::NoMemory`],
    /// [`VaultError::Io`].
    pub fn change_passphrase(&self, new: &Passphrase, cost: Cost, entropy: &mut Entropy) -> Result<(), VaultError> {
        let file = self.sealed(new, cost, entropy)?;
        let _until_it_is_there = Gate::enter(folder(&self.path))?;
        self.put(&file)
    }

    /// Seals the seed and encodes the file.
    fn sealed(&self, passphrase: &Passphrase, cost: Cost, entropy: &mut Entropy) -> Result<Vec<u8>, VaultError> {
        strong(passphrase)?;
        let slot = Slot::dummy(cost, entropy);
        let stretched = slot.stretch(passphrase)?;
        let mut bytes = [&MAGIC[..], &slot.fill(&stretched, SEED, &self.seed, MAGIC).encode()].concat();
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        Ok(bytes)
    }

    /// Writes the file. The caller holds the gate.
    fn put(&self, file: &[u8]) -> Result<(), VaultError> {
        durable::replace(&self.path, file).map_err(VaultError::io("write the root key"))
    }
}

/// Returns the folder of a root key: once it is wiped, the key does not open.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn attempts(path: &Path) -> Attempts {
    Attempts { path: durable::beside(path, ".attempts") }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn typed(passphrase: &str) -> Passphrase {
        Passphrase::new(format!("an invented passphrase, {passphrase}"))
    }

    /// Opens the root key with the record of failed attempts removed, and checks the result.
    fn check(path: &Path, passphrase: &str, expected: Result<&RootKey, VaultError>) {
        let _forgotten = fs::remove_file(attempts(path).path);
        match (RootKey::open(path, &typed(passphrase), SystemTime::UNIX_EPOCH), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.seed(), expected.seed()),
            (Err(found), Err(expected)) => assert_eq!(found.to_string(), expected.to_string()),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_root_key_opens_with_its_passphrase_only_and_survives_a_change() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        let old = typed("old");
        let root = RootKey::create(&path, &old, Cost::FLOOR, &mut entropy).expect("a writable folder");
        check(&path, "old", Ok(&root));
        check(&path, "new", Err(VaultError::WrongPassphrase));
        let again = RootKey::create(&path, &old, Cost::FLOOR, &mut entropy);
        assert!(matches!(again, Err(VaultError::Exists)));

        root.change_passphrase(&typed("new"), Cost::FLOOR, &mut entropy).expect("a writable folder");
        check(&path, "new", Ok(&root));
        check(&path, "old", Err(VaultError::WrongPassphrase));
        let weak = root.change_passphrase(&Passphrase::new("short".into()), Cost::FLOOR, &mut entropy);
        assert!(matches!(weak, Err(VaultError::Weak)), "{weak:?}");
        check(&path, "new", Ok(&root));
        wipe::wipe(folder.path()).expect("a writable folder");
        check(&path, "new", Err(VaultError::Wiped));
    }

    #[test]
    fn wrong_passphrases_have_to_wait_and_the_right_one_ends_that() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        let right = typed("right");
        RootKey::create(&path, &right, Cost::FLOOR, &mut entropy).expect("a writable folder");
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let open = |passphrase: &str, ms| RootKey::open(&path, &typed(passphrase), at(ms));
        assert!(matches!(open("wrong", 0), Err(VaultError::WrongPassphrase)));
        assert!(matches!(open("right", 999), Err(VaultError::TooSoon { .. })));
        assert!(open("right", 1000).is_ok() && open("right", 1000).is_ok());
    }

    #[test]
    fn a_damaged_or_foreign_file_says_so_before_any_derivation() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        RootKey::create(&path, &typed("old"), Cost::FLOOR, &mut entropy).expect("a writable folder");
        let sound = fs::read(&path).expect("just written");
        for at in MAGIC.len()..sound.len() {
            let mut wrong = sound.clone();
            wrong[at] ^= 1;
            fs::write(&path, &wrong).expect("a writable folder");
            check(&path, "old", Err(VaultError::Damaged));
        }
        fs::write(&path, b"-----BEGIN PGP").expect("a writable folder");
        check(&path, "old", Err(VaultError::NotHabeas));
    }
}
