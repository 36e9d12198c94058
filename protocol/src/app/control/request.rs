//! What is asked of a node.

use serde::{Deserialize, Serialize};

use super::{At, Passphrase, Question, Readers};
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{schema::Language, section::root::RecordKind},
};

/// What is asked of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How things stand. Answered in every state.
    Status,
    /// What a node can tell of itself to find the cause of a trouble. Answered in every state.
    Examine,
    /// All alarms of a code were looked at: they are not shown any more. Answers with the status.
    Settle {
        /// As `HB4003`.
        code: String,
    },
    /// Makes keys and an empty store in this folder. With a root passphrase: a new organisation; without: one more
    /// device of an existing one.
    Init {
        /// Opens this device.
        passphrase: Passphrase,
        /// Opens the organisation's root key.
        root_passphrase: Option<Passphrase>,
        /// The folder will hold invented data only: key derivation is cheap.
        demo: bool,
    },
    /// Opens the folder; reading keys too, if the slot has them.
    Unlock {
        /// Opens this device.
        passphrase: Passphrase,
    },
    /// Forgets the reading keys; replication goes on.
    Lock,
    /// Ends the node.
    Stop,
    /// Destroys the keys of this folder for good: nobody opens it any more. Ends the node.
    Wipe,

    /// Writes everything of this folder, sealed as it lies there, to a new file.
    BackupCreate {
        /// Absolute path of the file.
        to: String,
    },
    /// Unpacks a backup elsewhere, opens it and counts.
    BackupVerify {
        /// Absolute path of the file.
        from: String,
        /// Opens the backup.
        passphrase: Passphrase,
    },
    /// Restores a backup into this empty folder.
    BackupRestore {
        /// Absolute path of the file.
        from: String,
    },

    /// Writes everything that can be read here to a new folder, for whoever has no Habeas.
    Archive {
        /// Absolute path of the folder.
        to: String,
        /// The language of its page.
        language: Language,
        /// The time zone of its page, by its name in the IANA database; that of the node's system if none is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// How this node does, for whoever watches it. Answered in every state.
    Metrics,

    /// This organisation's card, to be handed to the others.
    Card {
        /// Where this node can be reached, as `host:port`.
        addresses: Vec<String>,
        /// Opens the root key.
        root_passphrase: Passphrase,
    },
    /// A founding draft from cards.
    Found {
        /// The texts of all founders' card files, the own one among them.
        cards: Vec<String>,
    },
    /// This organisation's signature of a draft.
    Sign {
        /// Text of the draft file.
        draft: String,
        /// Opens the root key.
        root_passphrase: Passphrase,
    },
    /// The registry file, once every founder has signed.
    Complete {
        /// Text of the draft file.
        draft: String,
        /// Texts of the signature files.
        signatures: Vec<String>,
        /// Opens the root key.
        root_passphrase: Passphrase,
    },
    /// Founds a registry of this organisation alone and joins it: nothing of it is on the disk before all of it is.
    FoundAlone {
        /// Opens the root key.
        root_passphrase: Passphrase,
    },
    /// Joins the registry of a registry file; the network starts.
    Join {
        /// Text of the registry file.
        registry: String,
    },
    /// A new device's request to its organisation.
    DeviceRequest {
        /// The organisation, as `habeas status` on its other device shows it.
        organisation: OrgId,
        /// Where this node can be reached, as `host:port`.
        addresses: Vec<String>,
    },
    /// Certifies a device of this organisation; answers with a registry file for it.
    DeviceAdd {
        /// Text of the device file.
        request: String,
        /// Opens the root key.
        root_passphrase: Passphrase,
    },

    /// The peers.
    Peers,
    /// Stops exchanging with an organisation until released: its connections are severed. Local, needs nobody's vote.
    Hold {
        /// Call-sign or id.
        organisation: String,
    },
    /// Ends a hold.
    Release {
        /// Call-sign or id.
        organisation: String,
    },

    /// What an organisation is called on this node, and nowhere else.
    Name {
        /// Call-sign or id.
        organisation: String,
        /// As people here call it.
        petname: String,
    },
    /// Forgets what an organisation is called here.
    Unname {
        /// Call-sign or id.
        organisation: String,
    },
    /// What organisations are called here.
    Names,

    /// A new case file in the own circle.
    CaseNew {
        /// First facts.
        facts: Vec<Fact>,
    },
    /// A new docket in the commons.
    DocketNew {
        /// First facts; each needs a public source.
        facts: Vec<Fact>,
    },
    /// States facts about a case file or docket.
    Set {
        /// Id or pseudonym words of the section.
        record: String,
        /// What is stated.
        facts: Vec<Fact>,
    },
    /// One case file or docket, folded, with conflicts and provenance.
    Show {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Case files or dockets.
    List {
        /// Which.
        kind: RecordKind,
    },
    /// The dockets that answer a question.
    Ask {
        /// What is asked.
        question: Question,
    },
    /// Where claims about a record differ, settled or not.
    Conflicts {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Settles a conflict between exactly the claims seen; any other opens it again.
    Resolve {
        /// Id or pseudonym words of the section.
        record: String,
        /// The entity.
        entity: EntityId,
        /// `entity.field`.
        field: String,
        /// The claim to go by, one of `seen`; `None`: none of them.
        chosen: Option<At>,
        /// The claims that were weighed.
        seen: Vec<At>,
        /// A code of `resolution_reason`.
        reason: String,
    },
    /// Takes back what the own organisation said.
    Retract {
        /// Id or pseudonym words of the section.
        record: String,
        /// What is taken back.
        at: At,
        /// A code of `recall_reason`.
        reason: String,
    },
    /// Every claim about a record, with what became of it.
    History {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Brings cases and dockets in from a file.
    Import {
        /// Text of the file.
        file: String,
        /// Only says what would happen.
        dry_run: bool,
        /// What becomes of records that were brought in under the same label before.
        #[serde(default)]
        known: Known,
    },
    /// What of case files may go to whom, and what not. Writes nothing.
    SharePreview {
        /// Ids or pseudonym words; none: all case files of this organisation.
        records: Vec<String>,
        /// Who would read.
        with: Readers,
    },
    /// Shares what a preview showed, when the hold is over.
    Share {
        /// As in the preview.
        records: Vec<String>,
        /// As in the preview.
        with: Readers,
        /// [`super::SharePreview::seen`] of the preview that a person has looked at.
        seen: String,
        /// How long it waits and can be cancelled, seconds.
        hold_s: u64,
    },
    /// What is shared and has not gone yet.
    Shares,
    /// Cancels what has not gone yet.
    ShareCancel {
        /// [`super::Share::share`].
        share: String,
    },
    /// A hash over everything shown from a circle, to compare nodes by.
    Digest {
        /// Which circle.
        circle: Scope,
    },
    /// Signed entries of a record as COSE, for other programs to verify.
    Export {
        /// Id or pseudonym words of the section.
        record: String,
    },
}

/// A circle as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The organisation's own.
    Own,
    /// All members'.
    Commons,
    /// All that is read together with others: the commons and the circles shared with.
    Shared,
}

/// What becomes of records that were brought in under the same label before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Nothing is brought in, and a person is told.
    #[default]
    Refuse,
    /// The others are brought in.
    Skip,
    /// They are brought in once more, as new records.
    Again,
}

/// One statement a person makes: this field has this value, from this source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// `entity.field`, as in the schema.
    pub field: String,
    /// As people write it; the node brings it into canonical form.
    pub value: String,
    /// Which one, if there are several of this kind; `None`: the only one, or a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// The source it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<EntityId>,
    /// Admiralty grade, as `B2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_an_unknown_field_is_refused_and_no_secret_shows() {
        assert!(serde_json::from_str::<Request>(r#"{"do":"lock"}"#).is_ok());
        assert!(serde_json::from_str::<Request>(r#"{"do":"unlock","passphrase":"x","pass":"y"}"#).is_err());
        let request = Request::Unlock { passphrase: Passphrase::new("correct horse".into()) };
        assert!(!format!("{request:?}").contains("horse"));
    }
}
