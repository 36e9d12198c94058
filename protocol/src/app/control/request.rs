//! Requests of people's tools to a node.

use serde::{Deserialize, Serialize};

use super::{At, Passphrase, Question, Readers};
use crate::{
    bytes::ids::{EntityId, OrgId},
    record::{schema::Language, section::root::RecordKind},
};

/// A request to a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Returns the status of the node. Answered in every state.
    Status,
    /// Returns data for finding the cause of a fault. Answered in every state.
    Examine,
    /// Acknowledges all alarms of a code: they are not shown any more. Answers with the status.
    Settle {
        /// Code of the alarms, such as `HB4003`.
        code: String,
    },
    /// Makes keys and an empty store in this folder. With a root passphrase, a new organisation is made; without one,
    /// one more device of an existing organisation.
    Init {
        /// Passphrase of this device.
        passphrase: Passphrase,
        /// Passphrase of the organisation's root key.
        root_passphrase: Option<Passphrase>,
        /// Whether the folder will hold invented data only: the key derivation is cheap then.
        demo: bool,
    },
    /// Opens the folder, and the reading keys too if the key slot has them.
    Unlock {
        /// Passphrase of this device.
        passphrase: Passphrase,
    },
    /// Locks the node: forgets the reading keys, while replication goes on.
    Lock,
    /// Stops the node.
    Stop,
    /// Destroys the keys of this folder for good, so that nobody can open it any more. Stops the node.
    Wipe,

    /// Writes a backup: everything in this folder, encrypted as it is stored, into a new file.
    BackupCreate {
        /// Absolute path of the file.
        to: String,
    },
    /// Verifies a backup: unpacks it in another place, opens it and counts.
    BackupVerify {
        /// Absolute path of the file.
        from: String,
        /// Passphrase of the backup.
        passphrase: Passphrase,
    },
    /// Restores a backup into this empty folder.
    BackupRestore {
        /// Absolute path of the file.
        from: String,
    },

    /// Writes an archive: everything that can be read here, into a new folder, for readers without Habeas.
    Archive {
        /// Absolute path of the folder.
        to: String,
        /// Language of the archive's page.
        language: Language,
        /// Time zone of the archive's page, by its name in the IANA database; that of the node's system if none is
        /// named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// Returns metrics of this node for monitoring. Answered in every state.
    Metrics,

    /// Makes the card of this organisation, to hand to the other founders.
    Card {
        /// Addresses at which this node can be reached, as `host:port`.
        addresses: Vec<String>,
        /// Passphrase of the root key.
        root_passphrase: Passphrase,
    },
    /// Makes a founding draft from cards.
    Found {
        /// Texts of the card files of all founders, the own one among them.
        cards: Vec<String>,
    },
    /// Signs a draft for this organisation.
    Sign {
        /// Text of the draft file.
        draft: String,
        /// Passphrase of the root key.
        root_passphrase: Passphrase,
    },
    /// Makes the registry file, once every founder has signed.
    Complete {
        /// Text of the draft file.
        draft: String,
        /// Texts of the signature files.
        signatures: Vec<String>,
        /// Passphrase of the root key.
        root_passphrase: Passphrase,
    },
    /// Founds a registry of this organisation alone and joins it. Nothing of it is on the disk before all of it is.
    FoundAlone {
        /// Passphrase of the root key.
        root_passphrase: Passphrase,
    },
    /// Joins the registry of a registry file; the network starts.
    Join {
        /// Text of the registry file.
        registry: String,
    },
    /// Makes the request of a new device to its organisation.
    DeviceRequest {
        /// The organisation, as `habeas status` on its other device shows it.
        organisation: OrgId,
        /// Addresses at which this node can be reached, as `host:port`.
        addresses: Vec<String>,
    },
    /// Certifies a device of this organisation; answers with a registry file for it.
    DeviceAdd {
        /// Text of the device file.
        request: String,
        /// Passphrase of the root key.
        root_passphrase: Passphrase,
    },

    /// Lists the peers.
    Peers,
    /// Stops the exchange with an organisation until it is released: its connections are closed. Local, without a vote.
    Hold {
        /// Call-sign or id.
        organisation: String,
    },
    /// Releases an organisation: ends a hold.
    Release {
        /// Call-sign or id.
        organisation: String,
    },

    /// Sets the petname of an organisation, used on this node only.
    Name {
        /// Call-sign or id.
        organisation: String,
        /// Petname to set.
        petname: String,
    },
    /// Removes the petname of an organisation.
    Unname {
        /// Call-sign or id.
        organisation: String,
    },
    /// Lists the petnames.
    Names,

    /// Begins a new case file in the own circle.
    CaseNew {
        /// First facts.
        facts: Vec<Fact>,
    },
    /// Begins a new docket in the commons.
    DocketNew {
        /// First facts; each needs a public source.
        facts: Vec<Fact>,
    },
    /// States facts about a case file or docket.
    Set {
        /// Id or pseudonym words of the section.
        record: String,
        /// The facts to state.
        facts: Vec<Fact>,
    },
    /// Shows one case file or docket, folded, with conflicts and provenance.
    Show {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Lists the case files or dockets, the newest first.
    List {
        /// Kind of the records.
        kind: RecordKind,
        /// Stage of the records; any, if none is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
        /// Part of the list.
        #[serde(default)]
        page: Page,
    },
    /// Finds the dockets that answer a question, the newest first.
    Ask {
        /// The question.
        question: Question,
        /// Part of the answer.
        #[serde(default)]
        page: Page,
    },
    /// Shows the conflicts of a record, resolved or not.
    Conflicts {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Resolves a conflict between exactly the claims in `seen`; any other claim opens it again.
    Resolve {
        /// Id or pseudonym words of the section.
        record: String,
        /// The entity.
        entity: EntityId,
        /// `entity.field`.
        field: String,
        /// The chosen claim, one of `seen`; `None` if the author chose none of them.
        chosen: Option<At>,
        /// The claims that were weighed.
        seen: Vec<At>,
        /// A code of `resolution_reason`.
        reason: String,
    },
    /// Retracts a statement of the own organisation.
    Retract {
        /// Id or pseudonym words of the section.
        record: String,
        /// Place of the statement.
        at: At,
        /// A code of `recall_reason`.
        reason: String,
    },
    /// Shows every claim about a record, with its status.
    History {
        /// Id or pseudonym words of the section.
        record: String,
    },
    /// Imports cases and dockets from a file.
    Import {
        /// Text of the file.
        file: String,
        /// Whether to report the result only, without importing.
        dry_run: bool,
        /// Treatment of records that were imported under the same label before.
        #[serde(default)]
        known: Known,
    },
    /// Shows which parts of case files may go to which readers, and which not. Writes nothing.
    SharePreview {
        /// Ids or pseudonym words; if empty, all case files of this organisation.
        records: Vec<String>,
        /// The readers to share with.
        with: Readers,
    },
    /// Shares the content of a preview when the hold is over.
    Share {
        /// The records of the preview.
        records: Vec<String>,
        /// The readers of the preview.
        with: Readers,
        /// Digest of the preview that a person has read: [`super::SharePreview::seen`].
        seen: String,
        /// Length of the hold in seconds: how long the share waits and can be cancelled.
        hold_s: u64,
    },
    /// Lists the shares that wait.
    Shares,
    /// Cancels a share that waits.
    ShareCancel {
        /// Name of the share: [`super::Share::share`].
        share: String,
    },
    /// Computes a hash over everything shown from a circle, to compare nodes.
    Digest {
        /// The circle.
        circle: Scope,
    },
    /// Exports the signed entries of a record as COSE, for other programs to verify.
    Export {
        /// Id or pseudonym words of the section.
        record: String,
    },
}

/// A part of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Largest number of records, at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Where the part begins: [`Reply::Records::next`](super::Reply::Records) of the part before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A circle, as named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The organisation's own circle.
    Own,
    /// The commons: the circle of all members.
    Commons,
    /// All circles that are read together with others: the commons and the named circles.
    Shared,
}

/// The treatment of records that were imported under the same label before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Import nothing, and report the known records.
    #[default]
    Refuse,
    /// Import only the other records.
    Skip,
    /// Import the known records once more, as new records.
    Again,
}

/// A fact that a person states: one field has one value, from one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// `entity.field`, as in the schema; `+entity.field` of another entity of the kind; `entity#2.field` of the second.
    pub field: String,
    /// Value as people write it; the node brings it into canonical form.
    pub value: String,
    /// The entity, if there are several of its kind; `None`: the only one, or a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Source of the fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<EntityId>,
    /// Admiralty grade, such as `B2`.
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
