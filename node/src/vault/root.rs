//! The organisation's root key in a file of its own, under its own passphrase, often on another medium.
//!
//! ```text
//! file   magic(7) "habeas\0" ‖ "R" ‖ slot(109) ‖ BLAKE3 of all before(32)      slot: as in the vault, aad = the 8 first bytes
//! ```
//!
//! Beside it `root.attempts` remembers wrong passphrases, as the vault's does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use protocol::{
    control::Passphrase,
    seal::{Entropy, Secret},
};

use super::{
    Cost, VaultError,
    attempts::Attempts,
    slot::{SLOT, Slot},
};
use crate::durable;

const MAGIC: &[u8; 8] = b"habeas\0R";
/// Kind of the secret in the slot.
const SEED: u8 = b'R';

/// An organisation's root, opened. Keep it no longer than the signature takes.
#[derive(Debug)]
pub struct RootKey {
    path: PathBuf,
    seed: Secret,
}

impl RootKey {
    /// Makes a root key in the new file `path`.
    pub fn create(path: &Path, passphrase: &Passphrase, cost: Cost, entropy: &mut Entropy) -> Result<Self, VaultError> {
        if path.try_exists().map_err(VaultError::io("look for a root key"))? {
            return Err(VaultError::Exists);
        }
        let root = Self { path: path.into(), seed: entropy.secret() };
        root.change_passphrase(passphrase, cost, entropy)?;
        Ok(root)
    }

    /// Opens the root key in `path`. A wrong passphrase costs a derivation, and soon a wait.
    pub fn open(path: &Path, passphrase: &Passphrase, now: SystemTime) -> Result<Self, VaultError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(VaultError::Missing),
            Err(error) => return Err(VaultError::io("read the root key")(error)),
        };
        let rest = bytes.strip_prefix(MAGIC).ok_or(VaultError::NotHabeas)?;
        let (slot, sum) = rest.split_first_chunk::<SLOT>().ok_or(VaultError::Damaged)?;
        if blake3::hash(&bytes[..MAGIC.len() + SLOT]) != *sum {
            return Err(VaultError::Damaged);
        }
        let (slot, attempts) = (Slot::decode(slot)?, attempts(path));
        attempts.admit(now)?;
        match slot.open(passphrase, MAGIC)? {
            Some((SEED, seed)) => {
                attempts.clear()?;
                Ok(Self { path: path.into(), seed })
            }
            Some(_) => Err(VaultError::Damaged),
            None => Err(VaultError::WrongPassphrase),
        }
    }

    /// The Ed25519 seed (RFC 8032 private key).
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// Seals the file again under `new`.
    pub fn change_passphrase(&self, new: &Passphrase, cost: Cost, entropy: &mut Entropy) -> Result<(), VaultError> {
        let slot = Slot::seal(new, cost, SEED, &self.seed, MAGIC, entropy)?;
        let mut bytes = [&MAGIC[..], &slot.encode()].concat();
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        durable::replace(&self.path, &bytes).map_err(VaultError::io("write the root key"))
    }

    /// Overwrites and removes the file at `path`.
    pub fn destroy(path: &Path) -> Result<(), VaultError> {
        let attempts = durable::shred(&attempts(path).path);
        durable::shred(path).and(attempts).map_err(VaultError::io("destroy the root key"))
    }
}

fn attempts(path: &Path) -> Attempts {
    Attempts { path: durable::beside(path, ".attempts") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Opens it long after whatever was tried before.
    fn check(path: &Path, passphrase: &str, expected: Result<&RootKey, VaultError>) {
        let _forgotten = fs::remove_file(attempts(path).path);
        match (RootKey::open(path, &Passphrase::new(passphrase.into()), SystemTime::UNIX_EPOCH), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.seed(), expected.seed()),
            (Err(found), Err(expected)) => assert_eq!(found.to_string(), expected.to_string()),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_root_key_opens_with_its_passphrase_only_and_survives_a_change() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        let old = Passphrase::new("old".into());
        let root = RootKey::create(&path, &old, Cost::FLOOR, &mut entropy).expect("a writable folder");
        check(&path, "old", Ok(&root));
        check(&path, "new", Err(VaultError::WrongPassphrase));
        let again = RootKey::create(&path, &old, Cost::FLOOR, &mut entropy);
        assert!(matches!(again, Err(VaultError::Exists)));

        root.change_passphrase(&Passphrase::new("new".into()), Cost::FLOOR, &mut entropy).expect("a writable folder");
        check(&path, "new", Ok(&root));
        check(&path, "old", Err(VaultError::WrongPassphrase));
        RootKey::destroy(&path).expect("a writable folder");
        check(&path, "new", Err(VaultError::Missing));
    }

    #[test]
    fn wrong_passphrases_have_to_wait_and_the_right_one_ends_that() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        let right = Passphrase::new("right".into());
        RootKey::create(&path, &right, Cost::FLOOR, &mut entropy).expect("a writable folder");
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let open = |passphrase: &str, ms| RootKey::open(&path, &Passphrase::new(passphrase.into()), at(ms));
        assert!(matches!(open("wrong", 0), Err(VaultError::WrongPassphrase)));
        assert!(matches!(open("right", 999), Err(VaultError::TooSoon { .. })));
        assert!(open("right", 1000).is_ok() && open("right", 1000).is_ok());
        RootKey::destroy(&path).expect("a writable folder");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0);
    }

    #[test]
    fn a_damaged_or_foreign_file_says_so_before_any_derivation() {
        let (folder, mut entropy) = (tempfile::tempdir().expect("a temporary folder"), Entropy::new([1; 32]));
        let path = folder.path().join("root");
        RootKey::create(&path, &Passphrase::new("old".into()), Cost::FLOOR, &mut entropy).expect("a writable folder");
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
