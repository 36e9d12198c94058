//! Reasons for holding back: a small stable list of codes, each with a sentence and a next step.

use std::collections::BTreeSet;
use std::fmt;

use crate::{bytes::ids::OrgId, record::schema::Schema, sharing::consent::Refusal};

/// The reason why something is held back. Field names, cap names and ids only, never content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The case was recalled.
    Recalled,
    /// The case is marked not to be shared.
    DoNotShare,
    /// The case is raised to a level that stays in the own circle.
    RaisedLevel,
    /// Consent does not cover these organisations; all members, if none is named.
    Consent(Refusal, BTreeSet<OrgId>),
    /// The field stays in the own circle.
    Local,
    /// The code stays in the own circle and belongs in another field.
    LocalTerm {
        /// The local field for the code.
        twin: String,
    },
    /// A code of the record keeps the whole record in the own circle.
    LocalRecord,
    /// A cap applies.
    Cap(String),
    /// The paragraph is a narrative that is not a summary.
    Narrative,
    /// The value is about health, which only counsel of the person may read.
    Health,
    /// The value names an organisation that is not in the address book.
    NameOfOrganisation,
    /// The value names an organisation outside the audience.
    OrganisationOutside,
    /// The value refers to an entity that stays behind.
    StaysBehind,
    /// The value is not in canonical form, such as a note in place of a code.
    NotCanonical,
    /// The field belongs to a newer version.
    UnknownField,
    /// The value cannot be made coarse enough.
    TooFine,
    /// The organisation's own devices differ, without a resolution.
    Unresolved,
}

impl Reason {
    /// All codes.
    pub const CODES: &[&str] = &[
        "recalled",
        "do_not_share",
        "raised_level",
        "no_consent",
        "consent_for_others",
        "consent_incomplete",
        "consent_expired",
        "proxy_ended",
        "beyond_proxy",
        "not_free",
        "under_age",
        "consent_level",
        "consent_denied",
        "consent_withdrawn",
        "local",
        "local_term",
        "local_record",
        "cap",
        "narrative",
        "health",
        "name_of_organisation",
        "organisation_outside",
        "stays_behind",
        "not_canonical",
        "unknown_field",
        "too_fine",
        "unsettled",
    ];

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Recalled => "recalled",
            Self::DoNotShare => "do_not_share",
            Self::RaisedLevel => "raised_level",
            Self::Consent(refusal, _) => match refusal {
                Refusal::Absent => "no_consent",
                Refusal::OtherReaders => "consent_for_others",
                Refusal::Incomplete => "consent_incomplete",
                Refusal::Expired => "consent_expired",
                Refusal::ProxyEnded => "proxy_ended",
                Refusal::BeyondProxy => "beyond_proxy",
                Refusal::NotFree => "not_free",
                Refusal::UnderAge => "under_age",
                Refusal::Level(_) => "consent_level",
                Refusal::Denied => "consent_denied",
                Refusal::Withdrawn => "consent_withdrawn",
            },
            Self::Local => "local",
            Self::LocalTerm { .. } => "local_term",
            Self::LocalRecord => "local_record",
            Self::Cap(_) => "cap",
            Self::Narrative => "narrative",
            Self::Health => "health",
            Self::NameOfOrganisation => "name_of_organisation",
            Self::OrganisationOutside => "organisation_outside",
            Self::StaysBehind => "stays_behind",
            Self::NotCanonical => "not_canonical",
            Self::UnknownField => "unknown_field",
            Self::TooFine => "too_fine",
            Self::Unresolved => "unsettled",
        }
    }

    /// The subject of the reason, as a name that can be translated: a cap, a consent level, a field.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        match self {
            Self::Cap(name) => Some(name),
            Self::LocalTerm { twin } => Some(twin),
            Self::Consent(Refusal::Level(level), _) => Some(code(level)).filter(|known| *known == level),
            _ => None,
        }
    }

    /// Number of organisations that consent is refused for; none if it is refused for all members, or the reason is
    /// another.
    #[must_use]
    pub fn organisations(&self) -> Option<u64> {
        match self {
            Self::Consent(_, organisations) if !organisations.is_empty() => Some(organisations.len() as u64),
            _ => None,
        }
    }

    /// The next step for a person.
    #[must_use]
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Recalled => "leave it; what others still hold is listed with the recall",
            Self::DoNotShare => "ask whoever set the mark; it is taken back by a retraction",
            Self::RaisedLevel => "ask whoever raised the level; it is taken back by a retraction",
            Self::Consent(refusal, _) => match refusal {
                Refusal::Absent => "ask the person, and record the answer as a consent record",
                Refusal::OtherReaders => {
                    "share with the organisations the consent names, or ask again and name these and their countries"
                }
                Refusal::Incomplete => {
                    "record who consented and when he was asked: consent_record.giver, consent_record.asked_on"
                }
                Refusal::Expired => "ask again, and record a consent that replaces the expired one",
                Refusal::ProxyEnded => {
                    "the person can be reached: ask him, and record a consent that replaces the proxy's"
                }
                Refusal::BeyondProxy => {
                    "only the person, his counsel or his representative can allow this; record who gave it"
                }
                Refusal::NotFree => "ask again when the giver can speak freely",
                Refusal::UnderAge => "record the consent of the legal representative, or the exact date of birth",
                Refusal::Level(_) | Refusal::Denied => {
                    "respect it; a later consent can replace this record if the person changes his mind"
                }
                Refusal::Withdrawn => "stop; only the organisation that recorded the withdrawal can take it back",
            },
            Self::Local | Self::LocalRecord => "nothing; it is never shared",
            Self::LocalTerm { .. } => "move the code to the field named",
            Self::Cap(_) => "nothing while the circumstance lasts; retract the flag when it no longer holds",
            Self::Narrative => "write a summary that may be read by others",
            Self::Health => "share it with the organisations that stand by the person as counsel alone",
            Self::NameOfOrganisation => "enter the organisation by its id",
            Self::OrganisationOutside => "share with that organisation too, or leave it out",
            Self::StaysBehind => "nothing; it stays with what it refers to",
            Self::NotCanonical => "correct the value; the field says its form",
            Self::UnknownField => "update Habeas, then share again",
            Self::TooFine => "nothing; the commons holds only what is coarse enough",
            Self::Unresolved => "settle it with `habeas case resolve`, then share again",
        }
    }

    /// Whether a shared section must be hidden for this reason. An expired consent, a proxy's ended one, or one with an
    /// incomplete record only stops further sharing; nothing is taken back.
    #[must_use]
    pub fn hides(&self) -> bool {
        !matches!(self, Self::Consent(Refusal::Incomplete | Refusal::Expired | Refusal::ProxyEnded, _))
    }
}

/// Describes the reason in plain English.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recalled => "the case was taken back",
            Self::DoNotShare => "the case is marked not to be shared",
            Self::RaisedLevel => "the case is raised to a level that stays in the organisation",
            Self::Consent(refusal, organisations) => {
                match refusal {
                    Refusal::Absent => f.write_str("nobody consented to this"),
                    Refusal::OtherReaders => f.write_str("consent was given for other organisations or countries"),
                    Refusal::Incomplete => f.write_str("it is not recorded who consented, or when he was asked"),
                    Refusal::Expired => f.write_str("the consent has expired"),
                    Refusal::ProxyEnded => {
                        f.write_str("a relative consented while the person could not be reached; now he can be asked")
                    }
                    Refusal::BeyondProxy => f.write_str("this is more than a relative may allow"),
                    Refusal::NotFree => f.write_str("the giver of the consent was not free to speak"),
                    Refusal::UnderAge => f.write_str("the person may have been under eighteen when he consented"),
                    Refusal::Level(level) => write!(f, "the consent level {} does not include this", code(level)),
                    Refusal::Denied => f.write_str("consent to this was denied"),
                    Refusal::Withdrawn => f.write_str("consent was withdrawn"),
                }?;
                return match organisations.len() {
                    0 => Ok(()),
                    1 => f.write_str(" (1 organisation)"),
                    count => write!(f, " ({count} organisations)"),
                };
            }
            Self::Local => "the field stays in the organisation",
            Self::LocalTerm { twin } => return write!(f, "this code stays in the organisation; it belongs in {twin}"),
            Self::LocalRecord => "a code of this record keeps the whole record in the organisation",
            Self::Cap(name) => {
                let why = Schema::current().rules().caps.iter().find(|cap| cap.name == *name).map(|cap| &*cap.why);
                return f.write_str(why.unwrap_or("a circumstance of the case does not allow it"));
            }
            Self::Narrative => "accounts and notes stay in the organisation; only summaries travel",
            Self::Health => "health is shown to those who stand by the person as counsel, and to nobody else",
            Self::NameOfOrganisation => "it names an organisation that is not in the address book",
            Self::OrganisationOutside => "it names an organisation that would not read it",
            Self::StaysBehind => "it refers to something that stays behind",
            Self::NotCanonical => "the value is not in the form its field allows",
            Self::UnknownField => "the field belongs to a newer version",
            Self::TooFine => "nothing coarse enough can be made of it",
            Self::Unresolved => "your own organisation says two different things of it",
        })
    }
}

/// The level, if it is one of the schema: a record may hold any text in its place.
fn code(level: &str) -> &str {
    let known = Schema::current().rules().consent_presets.contains_key(level);
    if known { level } else { "recorded" }
}
