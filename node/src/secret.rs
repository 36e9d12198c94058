//! Values that must not outlive their use or show in a log: 32-byte keys and passphrases.

use std::fmt;

use rand_core::CryptoRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// 32 secret bytes: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Takes over 32 bytes; `bytes` of the caller are wiped.
    pub fn from_bytes(bytes: &mut [u8; 32]) -> Self {
        let secret = Self(Zeroizing::new(*bytes));
        bytes.zeroize();
        secret
    }

    /// A fresh secret.
    pub fn random(entropy: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// The secret for one purpose. `context` is a constant of the program: "habeas 1 …" (BLAKE3 derive-key).
    #[must_use]
    pub fn derive(&self, context: &'static str) -> Self {
        self.derive_for(context, &[])
    }

    /// The secret for one purpose and one thing of it.
    #[must_use]
    pub fn derive_for(&self, context: &'static str, thing: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.bytes()).update(thing);
        let secret = Self(Zeroizing::new(hasher.finalize().into()));
        hasher.zeroize();
        secret
    }

    /// The bytes, for the one call that needs them.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a person types: NFC, so that й typed on two keyboards is one passphrase (RFC 8265 OpaqueString).
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes over the typed text, whatever its length; the caller's copy is wiped. Surrounding white space, as a file's
    /// last line break, is not part of it.
    #[must_use]
    pub fn new(typed: String) -> Self {
        let typed = Zeroizing::new(typed);
        // Room for the longest normal form: growing would leave copies behind.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 3));
        normal.extend(typed.trim().nfc());
        Self(normal)
    }

    /// Bytes for the KDF.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_show() {
        let secret = Secret::from_bytes(&mut [0xAB; 32]);
        let shown = format!("{secret:?} {:?}", Passphrase::new("correct horse".into()));
        assert_eq!(shown, "Secret Passphrase");
    }

    #[test]
    fn purposes_part() {
        let secret = Secret::from_bytes(&mut [1; 32]);
        let derived = [secret.derive("a"), secret.derive("b"), secret.derive_for("a", b"x")];
        assert!(derived.windows(2).all(|pair| pair[0].bytes() != pair[1].bytes()));
        assert_eq!(secret.derive("a").bytes(), derived[0].bytes());
    }

    #[test]
    fn one_passphrase_on_every_keyboard() {
        let composed = Passphrase::new("пой\u{439}\n".into());
        let decomposed = Passphrase::new(" пой\u{438}\u{306}".into());
        assert_eq!(composed.bytes(), decomposed.bytes());
    }
}
