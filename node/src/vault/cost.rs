//! The cost of a passphrase attempt: Argon2id parameters (RFC 9106), bounded from below and above.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use protocol::{app::control::Passphrase, bytes::seal::Secret};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::VaultError;
use crate::steps::step;

/// Memory, passes and lanes of one Argon2id derivation, always within the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Default cost: 256 MiB, 3 passes, 4 lanes; 0.7 s on one core of a machine of 2024.
    pub const DEFAULT: Self = Self { memory_kib: 256 * 1024, passes: 3, lanes: 4 };
    /// Minimum cost (OWASP Password Storage Cheat Sheet): a header below it was tampered with.
    pub const FLOOR: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// Maximum cost: a header must not be able to exhaust the machine on which it is opened.
    pub const CEILING: Self = Self { memory_kib: 1024 * 1024, passes: 10, lanes: 8 };

    /// Creates a cost of `memory_kib` KiB, `passes` over it and `lanes`.
    ///
    /// # Errors
    ///
    /// [`VaultError::AbsurdParameters`] outside the bounds [`Cost::FLOOR`] and [`Cost::CEILING`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, VaultError> {
        let (least, most) = (Self::FLOOR, Self::CEILING);
        let within = (least.memory_kib..=most.memory_kib).contains(&memory_kib)
            && (least.passes..=most.passes).contains(&passes)
            && (least.lanes..=most.lanes).contains(&lanes);
        let cost = Self { memory_kib, passes, lanes };
        if within { Ok(cost) } else { Err(cost.absurd()) }
    }

    /// Reports this cost as out of bounds.
    pub(super) const fn absurd(self) -> VaultError {
        VaultError::AbsurdParameters { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }

    /// Derives a key with Argon2id. Fails with `NoMemory` if the memory cannot be allocated; the memory is zeroed
    /// afterwards.
    pub(super) fn derive(self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<Secret, VaultError> {
        step("derive");
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).expect("a cost is within bounds");
        let mut memory: Zeroizing<Vec<Block>> = Zeroizing::default();
        let blocks = params.block_count();
        memory.try_reserve_exact(blocks).map_err(|_| VaultError::NoMemory { memory_kib: self.memory_kib })?;
        memory.resize(blocks, Block::new());
        Ok(Secret::filled(|key| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into_with_memory(normal(passphrase).as_bytes(), salt, key, &mut memory[..])
                .expect("salt and key have lengths Argon2 takes, a passphrase is shorter than 4 GiB");
        }))
    }

    /// Encodes the parameters as in the header.
    pub(super) fn encode(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.memory_kib.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.passes.to_be_bytes());
        bytes[8..].copy_from_slice(&self.lanes.to_be_bytes());
        bytes
    }

    /// Decodes the parameters; `AbsurdParameters` outside the bounds.
    pub(super) fn decode(bytes: [u8; 12]) -> Result<Self, VaultError> {
        let [memory_kib, passes, lanes] =
            [0, 4, 8].map(|at| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four of twelve bytes")));
        Self::new(memory_kib, passes, lanes)
    }
}

/// Normalises a passphrase to NFC, so that й typed on two keyboards is one passphrase (RFC 8265 OpaqueString).
pub(super) fn normal(passphrase: &Passphrase) -> Zeroizing<String> {
    let typed = passphrase.expose();
    // Capacity of the longest normal form: reallocation would leave copies in memory.
    let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 3));
    normal.extend(typed.nfc());
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passphrase_on_every_keyboard() {
        let [composed, decomposed] = ["пой\u{439}", "пой\u{438}\u{306}"].map(|text| Passphrase::new(text.into()));
        assert_ne!(composed.expose(), decomposed.expose());
        assert_eq!(normal(&composed), normal(&decomposed));
    }

    #[test]
    fn costs_outside_the_bounds_do_not_exist() {
        let mib = |mib: u32| mib * 1024;
        for (memory, passes, lanes, expected) in [
            (mib(19), 2, 1, true),
            (mib(256), 3, 4, true),
            (mib(1024), 10, 8, true),
            (mib(19) - 1, 2, 1, false),
            (mib(1024) + 1, 3, 4, false),
            (u32::MAX, 3, 4, false),
            (mib(256), 1, 4, false),
            (mib(256), 11, 4, false),
            (mib(256), 3, 0, false),
            (mib(256), 3, 9, false),
            (0, 0, 0, false),
        ] {
            assert_eq!(Cost::new(memory, passes, lanes).is_ok(), expected, "{memory} KiB, {passes}, {lanes}");
        }
    }

    /// The known answer comes from the reference implementation: `echo -n passphrase | argon2 0123456789abcdef -id -t 2
    /// -k 19456 -p 1`.
    #[test]
    fn the_derivation_is_argon2id_version_13() {
        let key = Cost::FLOOR.derive(&Passphrase::new("passphrase".into()), b"0123456789abcdef").expect("19 MiB");
        let hex = data_encoding::HEXLOWER.encode(key.expose());
        assert_eq!(hex, "acf59c5bba2739aa33831afcab921715b17ca964c256e44f32ea504bb4bac804");
    }
}
