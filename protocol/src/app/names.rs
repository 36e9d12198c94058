//! Names of organisations: call-signs and petnames. Petnames are typed on this node, stored under its reading keys, and
//! never sent: membership is an offence in some places, so what is signed and sent contains call-signs only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use crate::bytes::{
    codec::{self, DecodeError},
    ids::OrgId,
    limits::{ORGANISATIONS, PETNAME_CHARS},
    words,
};

/// Bytes of the largest address book: every organisation with a petname of the widest characters.
const BOOK_BYTES: usize = ORGANISATIONS.0 * (PETNAME_CHARS.0 * 4 + 64);

/// A petname: the name of an organisation on one node.
#[derive(Clone, PartialEq, Eq)]
pub struct Petname(String);

/// The reason why a text is refused as a petname. The text itself is not repeated.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PetnameError {
    /// The text is empty.
    #[error("a petname is not empty")]
    Empty,
    /// The text is longer than a table has room for.
    #[error("a petname has at most {limit} characters, this one has {found}")]
    TooLong {
        /// Characters found.
        found: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// The text has characters that steer a terminal, turn the direction of writing, or are invisible.
    #[error("a petname has only visible characters: none that steer a terminal or turn the direction of writing")]
    Invisible,
    /// The text looks like the call-sign of a member.
    #[error("a petname does not look like a call-sign: call-signs are the registry's to give")]
    CallSign,
    /// The name is in use for another member.
    #[error("another member has this name already")]
    Taken,
}

impl Petname {
    /// Parses a petname: composed characters (NFC), single spaces.
    ///
    /// # Errors
    /// A text that is empty, too long, has invisible characters or looks like a call-sign.
    pub fn parse(text: &str) -> Result<Self, PetnameError> {
        if text.chars().any(is_invisible) {
            return Err(PetnameError::Invisible);
        }
        let text: String = text.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        match text.chars().count() {
            0 => Err(PetnameError::Empty),
            found if found > PETNAME_CHARS.0 => Err(PetnameError::TooLong { found, limit: PETNAME_CHARS.0 }),
            _ if words::is_call_sign(&text) => Err(PetnameError::CallSign),
            _ => Ok(Self(text)),
        }
    }

    /// The petname as text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Shows the length of the petname, never its text.
impl fmt::Debug for Petname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Petname({} characters)", self.0.chars().count())
    }
}

/// The address book: call-signs, which all members know, and petnames, which only this node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressBook {
    call_signs: BTreeMap<OrgId, String>,
    petnames: BTreeMap<OrgId, Petname>,
}

impl AddressBook {
    /// Makes an address book of the members' call-signs, without petnames.
    pub fn new<'a>(members: impl Iterator<Item = (&'a OrgId, &'a str)>) -> Self {
        let call_signs = members.map(|(org, sign)| (*org, sign.to_owned())).collect();
        Self { call_signs, petnames: BTreeMap::new() }
    }

    /// Adds the petnames of a row that [`AddressBook::encode`] wrote.
    ///
    /// # Errors
    /// A row that does not decode.
    pub fn with(mut self, row: &[u8]) -> Result<Self, DecodeError> {
        let names: Vec<(OrgId, String)> = codec::decode("petnames", row, BOOK_BYTES)?;
        self.petnames = names.into_iter().map(|(org, name)| (org, Petname(name))).collect();
        Ok(self)
    }

    /// Makes an address book of these members' call-signs, with the same petnames.
    #[must_use]
    pub fn of_members<'a>(&self, members: impl Iterator<Item = (&'a OrgId, &'a str)>) -> Self {
        Self { petnames: self.petnames.clone(), ..Self::new(members) }
    }

    /// Makes an address book of the call-signs alone.
    #[must_use]
    pub fn without_petnames(&self) -> Self {
        Self { call_signs: self.call_signs.clone(), petnames: BTreeMap::new() }
    }

    /// Encodes the petnames as a row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(&self.petnames.iter().map(|(org, name)| (*org, name.text())).collect::<Vec<_>>())
    }

    /// Sets the petname of an organisation.
    ///
    /// # Errors
    /// A text that is no petname, or a name that is in use for another organisation.
    pub fn name(&mut self, org: OrgId, text: &str) -> Result<(), PetnameError> {
        let name = Petname::parse(text)?;
        if self.call_signs.iter().any(|(other, sign)| *other != org && *sign == alike(&name.0)) {
            return Err(PetnameError::CallSign);
        }
        let is_taken = self.petnames.iter().any(|(other, taken)| *other != org && alike(&taken.0) == alike(&name.0));
        if is_taken {
            return Err(PetnameError::Taken);
        }
        self.petnames.insert(org, name);
        Ok(())
    }

    /// Removes the petname of an organisation.
    pub fn unname(&mut self, org: &OrgId) {
        self.petnames.remove(org);
    }

    /// The call-sign of a member.
    #[must_use]
    pub fn call_sign(&self, org: &OrgId) -> Option<String> {
        self.call_signs.get(org).cloned()
    }

    /// The petname of an organisation.
    #[must_use]
    pub fn petname(&self, org: &OrgId) -> Option<String> {
        self.petnames.get(org).map(|name| name.0.clone())
    }

    /// The organisations that a text names: by call-sign of a member, by petname, or by id. The result has more than
    /// one only where a member's call-sign looks like the petname of another.
    #[must_use]
    pub fn find(&self, text: &str) -> BTreeSet<OrgId> {
        let named = alike(text);
        let by_sign = self.call_signs.iter().filter(|(_, sign)| **sign == named).map(|(org, _)| *org);
        let by_name = self.petnames.iter().filter(|(_, name)| alike(&name.0) == named).map(|(org, _)| *org);
        let known = |org: &OrgId| self.call_signs.contains_key(org) || self.petnames.contains_key(org);
        let by_id = text.trim().parse().ok().filter(known);
        by_sign.chain(by_name).chain(by_id).collect()
    }

    /// All petnames.
    pub fn petnames(&self) -> impl Iterator<Item = (&OrgId, &Petname)> {
        self.petnames.iter()
    }
}

/// Normalises a name for comparison: width, letter case and spacing are ignored.
fn alike(name: &str) -> String {
    let name = name.nfkc().collect::<String>().to_lowercase();
    let parts = name.split(|c: char| c.is_whitespace() || matches!(c, '-' | '‐' | '‑' | '–' | '—' | '_'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Whether a character is a control, a mark of direction (Unicode TR 9), without width, or private, which may look like
/// anything.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: OrgId = OrgId([1; 32]);
    const OTHER: OrgId = OrgId([2; 32]);

    fn book() -> AddressBook {
        AddressBook::new([(&ONE, "maple-river"), (&OTHER, "abandon-zoo")].into_iter())
    }

    #[test]
    fn a_name_is_kept_in_its_composed_form_and_returns_from_its_row() {
        let mut named = book();
        named.name(ONE, "  Група\u{a0}«Ї\u{308}»  допомоги ").expect("a name");
        assert_eq!(named.petname(&ONE).as_deref(), Some("Група «Ї\u{308}» допомоги"));
        named.name(ONE, "Центр").expect("another name for the same");
        assert_eq!(book().with(&named.encode()), Ok(named.clone()));
        assert_eq!(named.call_sign(&ONE).as_deref(), Some("maple-river"));
        assert!(!format!("{named:?}").contains("Центр"));
        named.unname(&ONE);
        assert_eq!(named, book());
    }

    #[test]
    fn what_could_mislead_is_refused() {
        let check = |text: &str, expected| assert_eq!(Petname::parse(text), Err(expected), "{text:?}");
        check("", PetnameError::Empty);
        check(" \u{a0} ", PetnameError::Empty);
        check(&"ю".repeat(49), PetnameError::TooLong { found: 49, limit: 48 });
        assert!(Petname::parse(&"ю".repeat(48)).is_ok());
        for hidden in ["\u{1b}[31m", "\n", "\t", "\u{202e}", "\u{2066}", "\u{200d}", "\u{f8f0}", "\u{e0041}", "\u{ad}"]
        {
            check(&format!("Центр{hidden}"), PetnameError::Invisible);
        }
        check("zoo-abandon", PetnameError::CallSign);
        for sign in ["Abandon Zoo", "ABANDON_ZOO", "ａbandon–zoo"] {
            assert_eq!(book().name(ONE, sign), Err(PetnameError::CallSign), "{sign} is another member's");
        }
        book().name(ONE, "another one").expect("two words of the list are no call-sign by themselves");
    }

    #[test]
    fn an_organisation_is_found_by_call_sign_by_petname_and_by_id() {
        let mut named = book();
        named.name(OTHER, "Legal Aid: «North»").expect("a name");
        let check = |text: &str, expected: &[OrgId]| {
            assert_eq!(named.find(text).into_iter().collect::<Vec<_>>(), expected, "{text}");
        };
        check("maple-river", &[ONE]);
        check("Maple River", &[ONE]);
        check("Legal Aid: «North»", &[OTHER]);
        check("legal  aid: «north»", &[OTHER]);
        check(&OTHER.to_string(), &[OTHER]);
        check("Legal Aid", &[]);
        check("", &[]);
        check(&OrgId([9; 32]).to_string(), &[]);
    }

    #[test]
    fn a_call_sign_that_came_later_and_looks_like_a_petname_makes_both_meant() {
        let mut before = AddressBook::new([(&ONE, "maple-river")].into_iter());
        before.name(ONE, "Abandon Zoo").expect("nobody has it yet");
        let now = before.of_members([(&ONE, "maple-river"), (&OTHER, "abandon-zoo")].into_iter());
        assert_eq!(now.find("abandon-zoo").into_iter().collect::<Vec<_>>(), [ONE, OTHER]);
        assert_eq!(now.find("maple-river").into_iter().collect::<Vec<_>>(), [ONE]);
    }

    #[test]
    fn two_organisations_have_no_name_that_looks_the_same() {
        let mut book = book();
        book.name(ONE, "Legal Aid").expect("a name");
        for alike in ["Legal Aid", "legal  aid", "LEGAL-AID", "ｌegal aid"] {
            assert_eq!(book.name(OTHER, alike), Err(PetnameError::Taken), "{alike}");
        }
        book.name(ONE, "legal aid").expect("its own name in other letters");
        book.name(OTHER, "Legal Aid North").expect("another name");
    }
}
