//! Words for people: call-signs, pseudonyms, and fingerprints to compare by voice.
//!
//! The word list is BIP 39's English one (2,048 words, unique in their first four letters): eleven bits a word.

use std::sync::LazyLock;

use crate::bytes::seal;

static LIST: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("words/english.txt").lines().collect());

/// Bits that one word encodes.
const BITS: usize = 11;

/// Encodes the leading bits of `bytes` as `count` words.
fn spell(bytes: &[u8], count: usize) -> Vec<&'static str> {
    let bit = |at: usize| usize::from(bytes[at / 8] >> (7 - at % 8) & 1);
    let word = |nth: usize| (0..BITS).fold(0, |index, at| index << 1 | bit(nth * BITS + at));
    (0..count).map(|nth| LIST[word(nth)]).collect()
}

/// A call-sign: two generated words without meaning.
#[must_use]
pub fn call_sign(random: [u8; 4]) -> String {
    spell(&random, 2).join("-")
}

/// Whether a text has the form of a call-sign: two words of the list.
#[must_use]
pub fn is_call_sign(text: &str) -> bool {
    let mut words = text.split('-');
    let known = |word: Option<&str>| word.is_some_and(|word| LIST.binary_search(&word).is_ok());
    known(words.next()) && known(words.next()) && words.next().is_none()
}

/// A pseudonym of an id: five words and a check word, which catches a mistake in reading aloud.
#[must_use]
pub fn pseudonym(id: &[u8]) -> String {
    spell(&seal::hash("habeas 1 pseudonym", &[id]), 6).join(" ")
}

/// A fingerprint of an id: six words to compare by voice. Another registry or card has the same with probability 2⁻⁶⁶.
#[must_use]
pub fn fingerprint(id: &[u8]) -> String {
    spell(&seal::hash("habeas 1 fingerprint", &[id]), 6).join(" ")
}

/// A word that distinguishes the few devices of an organisation: the first bits of a node's key, which are random.
#[must_use]
pub fn device(node: &[u8; 32]) -> String {
    spell(node, 1).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_unique_and_complete() {
        assert_eq!(LIST.len(), 1 << BITS);
        assert!(LIST.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_call_sign_is_two_words_of_the_list() {
        assert!(is_call_sign(&call_sign([0x12, 0x34, 0x56, 0x78])));
        assert_eq!(call_sign([0; 4]), "abandon-abandon");
        assert_eq!(call_sign([0xff; 4]), "zoo-zoo");
        for wrong in ["abandon", "abandon-abandon-zoo", "memorial-centre", "Abandon-zoo", ""] {
            assert!(!is_call_sign(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_device_has_one_word() {
        assert_eq!((device(&[0; 32]), device(&[0xff; 32])), ("abandon".to_owned(), "zoo".to_owned()));
    }

    #[test]
    fn fingerprints_differ_where_ids_do() {
        assert_ne!(fingerprint(&[1]), fingerprint(&[2]));
        assert_ne!(fingerprint(&[1]), pseudonym(&[1]));
    }
}
