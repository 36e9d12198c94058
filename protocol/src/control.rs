//! What a person's tools and the node say to each other: one request, one reply, over the node's own socket.
//!
//! `POST /v1` with a [`Request`] as JSON answers with an [`Answer`]. Nothing here is trusted input for the rules: the node
//! checks every field again. Secrets travel only in this direction, only over the socket, and show in no `Debug`.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::{CircleId, EntityId, EntryId, NodeKey, OrgId, RegistryId, SectionId};

/// Version of the JSON that people's scripts see.
pub const SCHEMA: u32 = 1;

/// A passphrase on its way: overwritten when dropped, never shown.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Passphrase(String);

impl Passphrase {
    /// Takes the text over.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the key derivation.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// What is asked of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How things stand. Answered in every state.
    Status,
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
    /// Brings cases and dockets in from a file.
    Import {
        /// Text of the file.
        file: String,
        /// Only says what would happen.
        dry_run: bool,
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
}

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// A case file.
    Case,
    /// A docket.
    Docket,
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

/// What a node answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Ok(Box<Reply>),
    /// It was not; nothing of it was.
    Problem(Problem),
}

/// Why something was not done: a code that help explains in three languages, and the parameters its text needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// As `HB2003`; the table is in [`codes`].
    pub code: String,
    /// What happened and why, in English, for logs and scripts.
    pub message: String,
    /// What to try next, in English.
    pub next: String,
    /// Further findings, one line each: an import lists every bad cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The answer to a request that was carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one at a time, and boxed in Answer")]
pub enum Reply {
    /// To [`Request::Status`], [`Request::Init`], [`Request::Unlock`], [`Request::Lock`], [`Request::Join`].
    Status(Status),
    /// To [`Request::Stop`].
    Stopping,
    /// To [`Request::BackupCreate`], [`Request::BackupVerify`], [`Request::BackupRestore`].
    Backup {
        /// Files in it.
        files: u64,
        /// Bytes in it.
        bytes: u64,
        /// Entries that count, if it was opened.
        entries: Option<u64>,
    },
    /// A file to hand to others.
    File {
        /// Its text.
        text: String,
        /// Words to compare by voice: of the card, the draft or the registry.
        words: String,
        /// The organisations it names, by call-sign.
        organisations: Vec<String>,
    },
    /// To [`Request::Peers`], [`Request::Hold`], [`Request::Release`].
    Peers {
        /// One for each node of a member but this one.
        peers: Vec<Peer>,
    },
    /// To [`Request::CaseNew`], [`Request::DocketNew`], [`Request::Set`].
    Saved {
        /// The record.
        record: SectionId,
        /// Its five words and a check word.
        pseudonym: String,
        /// The entries written, durable.
        entries: Vec<EntryId>,
    },
    /// To [`Request::Show`].
    Record(Box<Record>),
    /// To [`Request::List`].
    Records {
        /// One line each.
        records: Vec<Summary>,
    },
    /// To [`Request::Import`].
    Imported {
        /// The records made, with the labels of the file.
        records: Vec<Imported>,
        /// Entries written.
        entries: u64,
    },
    /// To [`Request::Digest`].
    Digest {
        /// Lower-case hex.
        digest: String,
        /// Records in it.
        records: u64,
        /// Entries that count in the circle.
        entries: u64,
        /// Conflicts shown.
        conflicts: u64,
    },
    /// To [`Request::Export`].
    Exported {
        /// One for each entry.
        entries: Vec<ExportedEntry>,
    },
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What it is ready for.
    pub state: NodeState,
    /// The registry, once joined.
    pub registry: Option<RegistryId>,
    /// Its six words.
    pub registry_words: Option<String>,
    /// The own organisation.
    pub organisation: Option<OrgId>,
    /// The own call-sign.
    pub call_sign: Option<String>,
    /// The own node.
    pub node: Option<NodeKey>,
    /// Where it listens.
    pub listening: Vec<String>,
    /// The peers.
    pub peers: Vec<Peer>,
    /// The circles held, with what they are.
    pub circles: Vec<CircleStatus>,
    /// Case files in the own circle.
    pub cases: u64,
    /// Dockets in the commons.
    pub dockets: u64,
    /// Of the case files, those that anyone else can read.
    pub shared_cases: u64,
    /// Bodies not yet received.
    pub wanted: u64,
    /// Things a person should look at, as codes with parameters.
    pub alarms: Vec<Problem>,
    /// UTC, seconds.
    pub as_of: u64,
}

/// What a node is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// No keys here yet: `init`.
    Empty,
    /// Keys are here, closed: `unlock`.
    Sealed,
    /// Open, in no registry yet: `found` or `join`.
    Alone,
    /// Replicating; reading keys are locked away.
    Locked,
    /// Open.
    Open,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its node.
    pub node: NodeKey,
    /// Its organisation.
    pub organisation: OrgId,
    /// The call-sign.
    pub call_sign: String,
    /// Whether a connection stands.
    pub connected: bool,
    /// Whether all that is shared with it is known to be equal.
    pub up_to_date: bool,
    /// Whether this node stopped exchanging with it.
    pub held: bool,
    /// When both were last known to be equal: UTC, seconds.
    pub equal_at: Option<u64>,
}

/// A circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircleStatus {
    /// The circle.
    pub circle: CircleId,
    /// `own`, `named` or `commons`.
    pub kind: String,
    /// Call-signs of those who may read it.
    pub organisations: Vec<String>,
    /// Entries that count.
    pub entries: u64,
    /// Feeds that forked.
    pub forked: u64,
}

/// A record in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The record.
    pub record: SectionId,
    /// Its words.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// Conflicts shown in it.
    pub conflicts: u64,
    /// When anything about it was last stated: UTC, seconds, as claimed.
    pub changed: u64,
    /// The file label it was imported under, kept in the own circle only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A record made by an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The label in the file.
    pub label: String,
    /// Which kind.
    pub kind: RecordKind,
    /// The record.
    pub record: SectionId,
    /// Its words.
    pub pseudonym: String,
    /// Statements made.
    pub statements: u64,
}

/// A case file or docket as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The record.
    pub record: SectionId,
    /// Which kind.
    pub kind: RecordKind,
    /// Its words.
    pub pseudonym: String,
    /// Stage code.
    pub stage: String,
    /// The entities, in schema order, each with its cells.
    pub entities: Vec<Entity>,
    /// Hash over the folded view.
    pub digest: String,
    /// UTC, seconds.
    pub as_of: u64,
}

/// An entity of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its id.
    pub entity: EntityId,
    /// Its kind, as `capture_episode`.
    pub kind: String,
    /// Its fields.
    pub cells: Vec<Cell>,
}

/// A field of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// `entity.field`.
    pub field: String,
    /// `agreed`, `conflict`, `union`, `log`, `per_organisation`, `strictest`, `resolved`.
    pub shown: String,
    /// Every live value with who said so and when.
    pub claims: Vec<Claim>,
}

/// Who said what, when, and how sure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The value, in JSON's own types.
    pub value: serde_json::Value,
    /// The organisation that says so.
    pub organisation: OrgId,
    /// Its call-sign, if it is a member.
    pub call_sign: Option<String>,
    /// On whose behalf, if it was reported by someone else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// When, as claimed: UTC, seconds.
    pub at: u64,
    /// Admiralty grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Source entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<EntityId>,
    /// The entry and the place in it.
    pub entry: EntryId,
    /// Place in the entry, from 0.
    pub index: u64,
    /// Whether a resolution chose this one.
    pub chosen: bool,
}

/// A signed entry for other programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedEntry {
    /// COSE_Sign1 with tag 18, lower-case hex.
    pub cose: String,
    /// Ed25519 public key, hex.
    pub key: String,
    /// External aad, hex.
    pub aad: String,
    /// Registry id, hex.
    pub registry: String,
    /// Entry id, hex.
    pub id: String,
}

/// The codes of problems. Stable for ever: scripts and support notes name them.
pub mod codes {
    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $code:literal, $exit:literal, $next:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $code;)*

            /// All codes, each with its exit status and what to try next.
            pub const ALL: &[(&str, u8, &str)] = &[$(($code, $exit, $next)),*];
        };
    }

    codes! {
        /// The folder holds no keys.
        EMPTY = "HB1001", 10, "run `habeas init`";
        /// The folder holds keys already.
        NOT_EMPTY = "HB1002", 1, "choose another folder with --data, or use the one that is there";
        /// The folder is closed.
        SEALED = "HB1003", 4, "run `habeas unlock`";
        /// The reading keys are locked away.
        LOCKED = "HB1004", 4, "run `habeas unlock`";
        /// In no registry yet.
        ALONE = "HB1005", 10, "run `habeas found` or `habeas join`";
        /// In a registry already.
        JOINED = "HB1006", 1, "a folder belongs to one registry; choose another folder with --data";
        /// Wrong passphrase.
        WRONG_PASSPHRASE = "HB1007", 12, "type it again; after several failures the wait grows";
        /// Too many wrong passphrases.
        WAIT = "HB1008", 75, "wait as long as it says, then try again";
        /// Another process uses the folder.
        IN_USE = "HB1009", 1, "stop the other node, or talk to it: `habeas status`";
        /// The vault header was edited or damaged.
        VAULT = "HB1010", 1, "restore the folder from a backup; do not delete anything in it";
        /// The folder belongs to another vault or registry.
        OTHER_FOLDER = "HB1011", 1, "choose the right folder with --data";
        /// The organisation's root key is not on this device.
        NO_ROOT = "HB1012", 1, "run this on the device that holds the root key";
        /// No answer from the node.
        NOT_RUNNING = "HB1013", 11, "run `habeas serve`";
        /// Passphrase too short.
        WEAK_PASSPHRASE = "HB1014", 2, "use at least twelve characters, or five words";

        /// A file is not the kind asked for.
        FILE_KIND = "HB2001", 2, "give the file that the command names";
        /// A file was cut off or changed on its way.
        FILE_DAMAGED = "HB2002", 13, "ask for the file again";
        /// A signature in a file does not fit.
        FILE_SIGNATURE = "HB2003", 13, "do not use it; ask its sender by voice";
        /// Founders are missing.
        UNSIGNED = "HB2004", 3, "collect the missing signatures, then complete again";
        /// Not made for this device.
        NOT_FOR_US = "HB2005", 13, "ask for a file made from this device's card";
        /// An address is not `host:port`.
        ADDRESS = "HB2006", 2, "write it as 203.0.113.5:4001";

        /// A backup is cut off or was changed.
        BACKUP_DAMAGED = "HB2007", 13, "use another backup; nothing was restored";
        /// Not a backup.
        NOT_A_BACKUP = "HB2008", 2, "give a file that `habeas backup create` wrote";
        /// A file is there already.
        FILE_EXISTS = "HB2009", 1, "choose another name; a backup is never written over another";

        /// No such record.
        NO_RECORD = "HB3001", 1, "run `habeas case list` or `habeas docket list`";
        /// No such field.
        NO_FIELD = "HB3002", 2, "use the field suggested";
        /// A value is not of its field's kind.
        BAD_VALUE = "HB3003", 2, "write the value as the message says";
        /// Unknown vocabulary code.
        UNKNOWN_CODE = "HB3004", 2, "use the code suggested";
        /// The field may not be written at this level.
        LEVEL = "HB3005", 1, "leave it in the case file; a docket holds public facts only";
        /// Several entities of the kind: which?
        WHICH = "HB3006", 2, "name one with --entity";
        /// A docket's fact without a public source.
        NO_SOURCE = "HB3007", 2, "name a public source with --source";
        /// The import file has errors; nothing was brought in.
        IMPORT = "HB3008", 2, "mend the places listed and import again";
        /// Larger than one entry may be.
        TOO_LARGE = "HB3009", 1, "split it into smaller parts";

        /// No such organisation among the members.
        NO_ORGANISATION = "HB4001", 2, "run `habeas peers`";
        /// A peer sent what no honest node sends.
        PEER_FAULT = "HB4002", 1, "if it goes on, hold that organisation and call them";
        /// A feed forked: two entries with one number.
        FORK = "HB4003", 1, "call that organisation: a key may be in other hands, or an old copy is running";
        /// After everything was exchanged something still differs.
        UNEQUAL = "HB4004", 1, "run `habeas status --verbose` on both sides and compare";
        /// The own key wrote elsewhere.
        ELSEWHERE = "HB4005", 1, "look for an old copy of this folder that is running; if there is none, the key was taken";
        /// What an author wrote is not in a form that can be read.
        UNREADABLE = "HB4006", 1, "ask that organisation which program wrote it";
        /// Written by a newer version.
        NEWER = "HB4007", 1, "install the newest version; what they wrote is kept and will be shown then";

        /// The disk is full.
        DISK_FULL = "HB5001", 1, "free space, then stop the node and start it again; nothing that was confirmed is lost";
        /// The disk does not read or write.
        DISK = "HB5002", 1, "check the disk; restore from a backup if it stays";
        /// A row was altered outside the program.
        ALTERED = "HB5003", 13, "restore the folder from a backup; what others hold comes back by itself";
        /// The request is not one.
        REQUEST = "HB5004", 2, "use a command of the same version as the node";
        /// A mistake of ours.
        INTERNAL = "HB5005", 1, "please report what you did, without names";
    }
}

impl Problem {
    /// A problem with its code's next step.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let next = codes::ALL.iter().find(|(known, ..)| *known == code).map_or("", |(_, _, next)| next);
        Self { code: code.to_owned(), message: message.into(), next: next.to_owned(), details: Vec::new() }
    }

    /// Adds findings.
    #[must_use]
    pub fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// The exit status of a command that ends with it.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        codes::ALL.iter().find(|(known, ..)| *known == self.code).map_or(1, |(_, exit, _)| *exit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_each_says_what_to_do_next() {
        for (at, (code, _, next)) in codes::ALL.iter().enumerate() {
            assert!(codes::ALL[at + 1..].iter().all(|(later, ..)| later > code), "{code}");
            assert!(!next.is_empty(), "{code}");
        }
    }

    #[test]
    fn a_request_with_an_unknown_field_is_refused_and_no_secret_shows() {
        assert!(serde_json::from_str::<Request>(r#"{"do":"lock"}"#).is_ok());
        assert!(serde_json::from_str::<Request>(r#"{"do":"unlock","passphrase":"x","pass":"y"}"#).is_err());
        let request = Request::Unlock { passphrase: Passphrase::new("correct horse".into()) };
        assert!(!format!("{request:?}").contains("horse"));
    }
}
