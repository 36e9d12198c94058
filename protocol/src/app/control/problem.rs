//! Problems: the reason why a request was not carried out, with codes, exit statuses and next steps.

use std::collections::BTreeMap;

use crate::store::StoreError;
use serde::{Deserialize, Serialize};

/// The problem that kept a request from being carried out: a code that help explains in three languages, and the
/// parameters of its sentence there.
///
/// A parameter is never content of a case and never a secret. Parameters are names of fields, codes, counts, and text
/// that the person typed in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Code, such as `HB2003`; the table is in [`codes`].
    pub code: String,
    /// The situation within the code, if the code has several: `about` and `params` in JSON. Boxed, since problems are
    /// returned through every function that can fail.
    #[serde(flatten)]
    pub situation: Option<Box<Situation>>,
    /// The event and its cause, in English, for logs and scripts.
    pub message: String,
    /// The next step to try, in English.
    pub next: String,
    /// Further findings, one line each: an import lists every bad cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// The situation that a problem is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Situation {
    /// Name of the situation; the table is [`SITUATIONS`].
    pub about: String,
    /// Parameters of the situation's sentence, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Parameter>,
    /// The details as problems of their own, in the same order; `line` and `path` give the place in a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Problem>,
}

/// A parameter of a problem's sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameter {
    /// A count. Languages choose the form of the noun by it.
    Number(u64),
    /// A name, a code, or text that was typed.
    Text(String),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let code = match error {
            StoreError::Full => codes::DISK_FULL,
            StoreError::Altered { .. } => codes::ALTERED,
            StoreError::Locked { .. } => codes::LOCKED,
            StoreError::Failed { .. } => codes::DISK,
        };
        Self::new(code, error.to_string())
    }
}

impl Problem {
    /// Makes a problem with the next step of its code.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let next = codes::ALL.iter().find(|(known, ..)| *known == code).map_or("", |(_, _, next)| next);
        Self {
            code: code.to_owned(),
            situation: None,
            message: message.into(),
            next: next.to_owned(),
            details: Vec::new(),
        }
    }

    /// Sets the situation within the code.
    #[must_use]
    pub fn saying(mut self, about: &'static str) -> Self {
        about.clone_into(&mut self.situation.get_or_insert_default().about);
        self
    }

    /// Adds a parameter of the situation's sentence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Parameter>) -> Self {
        self.situation.get_or_insert_default().params.insert(name.to_owned(), value.into());
        self
    }

    /// Adds findings as details.
    #[must_use]
    pub fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// Adds findings that are problems themselves; the details contain the same findings in English.
    #[must_use]
    pub fn with_findings(mut self, findings: Vec<Self>) -> Self {
        self.situation.get_or_insert_default().findings = findings;
        self
    }

    /// The exit status of a command that ends with this problem.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        codes::ALL.iter().find(|(known, ..)| *known == self.code).map_or(1, |(_, exit, _)| *exit)
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Parameter {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<u64> for Parameter {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Parameter {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

/// The codes of problems. A code never changes its meaning: scripts and support notes name it.
pub mod codes {
    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $code:literal, $exit:literal, $next:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $code;)*

            /// All codes, each with its exit status and its next step.
            pub const ALL: &[(&str, u8, &str)] = &[$(($code, $exit, $next)),*];
        };
    }

    codes! {
        /// The folder holds no keys.
        EMPTY = "HB1001", 10, "run `habeas init --alone`, or `habeas init` to begin with others";
        /// The folder holds keys already.
        NOT_EMPTY = "HB1002", 1, "choose another folder with --data, or use the one that is there";
        /// The folder is closed.
        SEALED = "HB1003", 4, "run `habeas unlock`";
        /// The reading keys are locked away.
        LOCKED = "HB1004", 4, "run `habeas unlock`";
        /// The folder belongs to no registry yet.
        ALONE = "HB1005", 10, "run `habeas init --alone` to go on alone, or `habeas found` with others, or `habeas join`";
        /// The folder belongs to a registry already.
        JOINED = "HB1006", 1, "a folder belongs to one registry; choose another folder with --data";
        /// The passphrase is wrong.
        WRONG_PASSPHRASE = "HB1007", 12, "type it again; after several failures the wait grows";
        /// The wait after too many wrong passphrases is not over.
        WAIT = "HB1008", 75, "wait as long as it says, then try again";
        /// The folder is in use by another process.
        IN_USE = "HB1009", 1, "stop the other node, or talk to it: `habeas status`";
        /// The vault header was edited or damaged.
        VAULT = "HB1010", 1, "restore the folder from a backup; do not delete anything in it";
        /// The folder belongs to another vault or registry.
        OTHER_FOLDER = "HB1011", 1, "choose the right folder with --data";
        /// The organisation's root key is not on this device.
        NO_ROOT = "HB1012", 1, "run this on the device that holds the root key";
        /// The node does not answer.
        NOT_RUNNING = "HB1013", 11, "run `habeas serve`";
        /// The passphrase is too short.
        WEAK_PASSPHRASE = "HB1014", 2, "use at least twelve characters, or five words";
        /// The keys of the folder were destroyed.
        WIPED = "HB1015", 10, "name another folder with --data, and restore a backup into it or run init there";
        /// The folder has records and no keys, and was not wiped.
        NO_KEYS = "HB1016", 13, "restore a backup into another folder, and delete nothing in this one: the missing files may be found";
        /// The node has too many requests or too much data at once.
        BUSY = "HB1017", 75, "try again in a moment";
        /// The device and the root key have the same passphrase.
        SAME_PASSPHRASE = "HB1018", 2, "choose another passphrase for the root key";

        /// Files of two foundings are mixed.
        MIXED = "HB1020", 2, "give the signatures of this draft: each command that writes or takes a file prints its six words";

        /// The file is of another kind than the one asked for.
        FILE_KIND = "HB2001", 2, "give the file that the command names";
        /// The file was cut off or changed in transit.
        FILE_DAMAGED = "HB2002", 13, "ask for the file again";
        /// A signature in a file does not verify.
        FILE_SIGNATURE = "HB2003", 13, "do not use it; ask its sender by voice";
        /// Signatures of founders are missing.
        UNSIGNED = "HB2004", 3, "collect the missing signatures, then complete again";
        /// The file was made for another device.
        NOT_FOR_US = "HB2005", 13, "ask for a file made from this device's card";
        /// An address is not `host:port`.
        ADDRESS = "HB2006", 2, "write it as 203.0.113.5:4001";

        /// The backup is cut off or was changed.
        BACKUP_DAMAGED = "HB2007", 13, "use another backup; nothing was restored";
        /// The file is not a backup.
        NOT_A_BACKUP = "HB2008", 2, "give a file that `habeas backup create` wrote";
        /// A file or folder of that name exists already.
        FILE_EXISTS = "HB2009", 1, "choose another name; nothing is ever written over what is there";
        /// The node cannot read or create the named file or folder.
        PLACE = "HB2010", 2, "name a place that is there, and that the node's user may read and write";
        /// The backup is sound, but of another registry than the folder's.
        OTHER_BACKUP = "HB2011", 13, "verify a backup of this folder, or verify this one where its registry is";
        /// The path names a pipe, a socket or a device; a regular file is needed.
        NOT_A_FILE = "HB2012", 2, "name a regular file: copy what it is to be read from into one";
        /// The file contains an address of another organisation's node.
        FOREIGN_ADDRESS = "HB2014", 13, "do not use it; ask its sender by voice";

        /// The record does not exist.
        NO_RECORD = "HB3001", 1, "run `habeas case list` or `habeas docket list`";
        /// The field does not exist.
        NO_FIELD = "HB3002", 2, "run `habeas help fields`: it lists every field";
        /// The value is not of the kind of its field.
        BAD_VALUE = "HB3003", 2, "write the value as the message says";
        /// The vocabulary has no such code.
        UNKNOWN_CODE = "HB3004", 2, "run `habeas help fields FIELD`: it lists the codes";
        /// The field may not be written at this level.
        LEVEL = "HB3005", 1, "leave it in the case file; a docket holds public facts only";
        /// The record has several entities of the kind, and the request does not name one.
        WHICH = "HB3006", 2, "KIND#2.FIELD=… is about the second, +KIND.FIELD=… about one more";
        /// A fact of a docket has no public source.
        NO_SOURCE = "HB3007", 2, "name a public source with --source";
        /// The import file has errors; nothing was imported.
        IMPORT = "HB3008", 2, "mend the places listed and import again";
        /// The content is larger than one entry may be.
        TOO_LARGE = "HB3009", 1, "split it into smaller parts";
        /// A stricter value is in force: the new value would change nothing.
        OUTWEIGHED = "HB3012", 1, "take back what stands: `habeas case retract RECORD FIELD --reason CODE`; what another organisation said only they can take back: call them";
        /// Records of the file were imported before.
        KNOWN_LABELS = "HB3013", 6, "bring in the others with --new, or all of them as new records with --again";
        /// The reason is not a code.
        REASON = "HB3014", 2, "use one of the codes listed";
        /// The claims in the field to be resolved do not differ.
        NOT_DISPUTED = "HB3020", 1, "run `habeas case conflicts` or `habeas docket conflicts` on the record";
        /// A claim that was chosen or weighed is no longer live.
        CHANGED = "HB3021", 6, "look at the conflict again: something was said meanwhile";
        /// The statement was made by another organisation.
        NOT_OWN = "HB3022", 1, "state your own value with `set`, or settle the conflict with `resolve`";
        /// The place contains no live statement to retract.
        NOTHING_THERE = "HB3023", 2, "run `habeas case history` or `habeas docket history` on the record";

        /// None of the cases may be shared.
        NOTHING_GOES = "HB3030", 1, "read the reasons: `habeas share CASE --with ORGANISATION --dry-run`";
        /// The content that would be shared is not the content of the preview that was seen.
        SHARE_CHANGED = "HB3031", 6, "look at the preview again, then share";
        /// The share does not exist: no share of that name is waiting.
        NO_SHARE = "HB3032", 1, "run `habeas share --waiting`; what has gone can only be withdrawn";
        /// The request names no readers to share with.
        NO_READERS = "HB3033", 2, "name other organisations with --with";
        /// The record was shared with this organisation and then recalled.
        TAKEN_BACK = "HB3034", 1, "keep no copy of it; call whoever took it back. If it was you, by mistake: `habeas case retract CASE consent_record.withdrawn --reason error`";
        /// The case file is kept by another organisation; only own case files are shared.
        NOT_OWN_CASE = "HB3035", 1, "ask the organisation that keeps the case file";
        /// Consent for an own case file was withdrawn by another organisation.
        WITHDRAWN_ELSEWHERE = "HB3036", 1, "ask the person; if it is so, record it: `habeas case set CASE consent_record.withdrawn=true`; if not, call that organisation: only they can take it back";

        /// The organisation is not among the members.
        NO_ORGANISATION = "HB4001", 2, "run `habeas peers`";
        /// A peer sent a message that no honest node sends.
        PEER_FAULT = "HB4002", 1, "if it goes on, hold that organisation and call them";
        /// A feed forked: two entries with the same number.
        FORK = "HB4003", 1, "call that organisation: a key may be in other hands, or an old copy is running";
        /// A difference remains after everything was exchanged.
        UNEQUAL = "HB4004", 1, "run `habeas status --verbose` on both sides and compare";
        /// The own key was used to write somewhere else.
        ELSEWHERE = "HB4005", 1, "if a backup was restored here, or HB5007 is shown, it is what was written after it; else look for an old copy of this folder that is running, and if there is none, the key was taken";
        /// An entry of an author is in a form that cannot be read.
        UNREADABLE = "HB4006", 1, "ask that organisation which program wrote it";
        /// An entry was written by a newer version.
        NEWER = "HB4007", 1, "install the newest version; what they wrote is kept and will be shown then";

        /// The alarm to acknowledge does not exist: no alarm with this code is shown.
        NO_ALARM = "HB4008", 2, "run `habeas doctor`: it names the code of each alarm";

        /// The text is not allowed as a petname.
        PETNAME = "HB4010", 2, "choose another name: short, printable, and no other member's";
        /// A key of an organisation began new incarnations more often than the limit that counts.
        OVERRUN = "HB4011", 1, "call that organisation: a key may be in other hands, or a machine is reset again and again";
        /// The device began as many incarnations as count.
        BEGAN_ANEW = "HB4012", 1, "certify a new device: `habeas device request` there, `habeas device add` here; and find out what sets this one back again and again";

        /// An organisation writes more than is accepted at a time.
        DELAYED = "HB4014", 1, "wait: the rest comes by itself; if nobody there is bringing in a file, call them";
        /// One organisation opened as many circles as an organisation may open.
        CROWDED = "HB4017", 1, "share with organisations that something was shared with before, in the same combination; if it names another organisation, call them: nobody needs that many";
        /// The record cannot be folded from its entries by this version.
        BROKEN = "HB4018", 1, "install the newest version, which tries it again; report it, without names. Everything else goes on";

        /// The disk is full.
        DISK_FULL = "HB5001", 1, "free space: the node goes on by itself; nothing that was confirmed is lost";
        /// The disk cannot be read or written.
        DISK = "HB5002", 1, "check the disk; restore from a backup if it stays";
        /// A row was altered outside the program.
        ALTERED = "HB5003", 13, "restore the folder from a backup; what others hold comes back by itself";
        /// The request is malformed.
        REQUEST = "HB5004", 2, "use a command of the same version as the node";
        /// An internal error: a fault of this program.
        INTERNAL = "HB5005", 1, "please report what you did, without names";
        /// The node is locked, while work that does not end still holds what it read.
        STILL_READING = "HB5006", 1, "stop the node with `habeas stop`; if it does not end, end its process";
        /// The store holds less than was acknowledged.
        LOST = "HB5007", 13, "see what is missing and enter it again; what others hold comes back by itself. Then find the cause: a disk that fails, or files that somebody deleted or put back";
        /// The node cannot tell whether everything acknowledged is in the store.
        UNCERTAIN = "HB5008", 13, "compare the newest records with what you remember; what others hold comes back by itself. Ask who deleted or put back files of this folder";
        /// The store has a layout of a newer version.
        NEWER_STORE = "HB5009", 1, "install the newest version; nothing in the folder was changed";
    }
}

/// The situations that have a sentence of their own: code, name of the situation, names of the parameters. In all other
/// situations the general sentence of the code is shown.
pub const SITUATIONS: &[(&str, &str, &[&str])] = &[
    (codes::NOT_EMPTY, "restore", &[]),
    (codes::WAIT, "seconds", &["seconds"]),
    (codes::VAULT, "newer", &["found", "known"]),
    (codes::VAULT, "memory", &["mebibytes"]),
    (codes::VAULT, "unfinished", &[]),
    (codes::WEAK_PASSPHRASE, "length", &["characters", "letters"]),
    (codes::MIXED, "signature", &["theirs", "ours"]),
    (codes::FILE_KIND, "foreign", &["expected"]),
    (codes::FILE_KIND, "other", &["expected", "found"]),
    (codes::FILE_KIND, "twice", &[]),
    (codes::FILE_KIND, "founders", &[]),
    (codes::FILE_DAMAGED, "truncated", &["expected"]),
    (codes::FILE_DAMAGED, "changed", &["expected"]),
    (codes::FILE_SIGNATURE, "stranger", &[]),
    (codes::FILE_SIGNATURE, "card", &[]),
    (codes::FILE_SIGNATURE, "device", &[]),
    (codes::UNSIGNED, "founders", &["count", "names"]),
    (codes::ADDRESS, "many", &["limit"]),
    (codes::ADDRESS, "form", &["address"]),
    (codes::BACKUP_DAMAGED, "truncated", &[]),
    (codes::BACKUP_DAMAGED, "changed", &["path"]),
    (codes::OTHER_BACKUP, "registry", &["words"]),
    (codes::NO_RECORD, "name", &["name"]),
    (codes::NO_FIELD, "field", &["field"]),
    (codes::NO_FIELD, "nearest", &["field", "nearest"]),
    (codes::NO_FIELD, "computed", &["field"]),
    (codes::BAD_VALUE, "type", &["field", "form"]),
    (codes::BAD_VALUE, "form", &["field", "form"]),
    (codes::BAD_VALUE, "date", &["field"]),
    (codes::BAD_VALUE, "no-such-day", &["field"]),
    (codes::BAD_VALUE, "year", &["field"]),
    (codes::BAD_VALUE, "reversed", &["field"]),
    (codes::BAD_VALUE, "ahead", &["field"]),
    (codes::BAD_VALUE, "long", &["field", "found", "limit", "unit"]),
    (codes::BAD_VALUE, "large", &["field", "limit"]),
    (codes::BAD_VALUE, "empty", &["field"]),
    (codes::BAD_VALUE, "grade", &[]),
    (codes::UNKNOWN_CODE, "code", &["field", "code"]),
    (codes::UNKNOWN_CODE, "nearest", &["field", "code", "nearest"]),
    (codes::LEVEL, "own", &["field"]),
    (codes::LEVEL, "own-code", &["field"]),
    (codes::LEVEL, "own-code-field", &["field", "twin"]),
    (codes::LEVEL, "name", &["field"]),
    (codes::LEVEL, "commons", &["field"]),
    (codes::LEVEL, "fine", &["field", "allowed"]),
    (codes::LEVEL, "case", &["field"]),
    (codes::LEVEL, "device", &[]),
    (codes::WHICH, "entity", &["entity", "count"]),
    (codes::WHICH, "another", &["field"]),
    (codes::NO_SOURCE, "field", &["field"]),
    (codes::OUTWEIGHED, "field", &["field"]),
    (codes::OUTWEIGHED, "others", &["field"]),
    (codes::KNOWN_LABELS, "some", &["count", "known"]),
    (codes::REASON, "nearest", &["nearest"]),
    (codes::TAKEN_BACK, "by", &["organisation"]),
    (codes::WITHDRAWN_ELSEWHERE, "case", &["case", "organisation"]),
    (codes::IMPORT, "errors", &["count"]),
    (codes::NOT_DISPUTED, "field", &["field"]),
    (codes::IMPORT, "large", &["found", "limit"]),
    (codes::IMPORT, "text", &[]),
    (codes::IMPORT, "json", &[]),
    (codes::IMPORT, "key", &[]),
    (codes::IMPORT, "key-nearest", &["nearest"]),
    (codes::IMPORT, "key-twice", &[]),
    (codes::IMPORT, "type", &["form"]),
    (codes::IMPORT, "label", &["label"]),
    (codes::IMPORT, "label-nearest", &["label", "nearest"]),
    (codes::IMPORT, "label-twice", &[]),
    (codes::IMPORT, "more", &["count"]),
    (codes::IMPORT, "reporter", &[]),
    (codes::TOO_LARGE, "statements", &["count", "limit"]),
    (codes::NO_ORGANISATION, "name", &["name"]),
    (codes::NO_ORGANISATION, "several", &["name", "names"]),
    (codes::PEER_FAULT, "peer", &["peer"]),
    (codes::FORK, "key", &["organisation", "number"]),
    (codes::OVERRUN, "organisation", &["organisation"]),
    (codes::UNEQUAL, "peer", &["peer", "count"]),
    (codes::UNREADABLE, "organisation", &["organisation"]),
    (codes::NEWER, "organisation", &["organisation"]),
    (codes::DELAYED, "organisation", &["organisation"]),
    (codes::CROWDED, "own", &["count"]),
    (codes::CROWDED, "organisation", &["organisation"]),
    (codes::BROKEN, "record", &["record"]),
    (codes::NO_ALARM, "code", &["code"]),
    (codes::LOST, "count", &["count"]),
    (codes::UNCERTAIN, "gone", &[]),
    (codes::UNCERTAIN, "unreadable", &[]),
    (codes::UNCERTAIN, "apart", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn situations_are_unique_and_belong_to_a_code() {
        for (at, (code, about, _)) in SITUATIONS.iter().enumerate() {
            assert!(codes::ALL.iter().any(|(known, ..)| known == code), "{code}");
            assert!(SITUATIONS[at + 1..].iter().all(|later| (&later.0, &later.1) != (code, about)), "{code} {about}");
        }
    }

    #[test]
    fn a_problem_of_an_older_version_is_read_and_one_without_parameters_looks_as_it_did() {
        let old =
            r#"{"code":"HB3004","message":"unknown code","next":"run `habeas help fields FIELD`: it lists the codes"}"#;
        let problem: Problem = serde_json::from_str(old).expect("an older node's problem");
        assert_eq!(problem, Problem::new(codes::UNKNOWN_CODE, "unknown code"));
        assert_eq!(serde_json::to_string(&problem).ok().as_deref(), Some(old));
    }

    #[test]
    fn parameters_travel_as_numbers_and_texts() {
        let problem = Problem::new(codes::UNEQUAL, "x").saying("peer").with("peer", "able-zoo").with("count", 3_u64);
        let json = serde_json::to_value(&problem).expect("texts and numbers");
        assert_eq!(json["about"], "peer");
        assert_eq!(json["params"], serde_json::json!({ "peer": "able-zoo", "count": 3 }));
        assert_eq!(serde_json::from_value::<Problem>(json).ok(), Some(problem));
    }

    #[test]
    fn codes_are_unique_and_each_says_what_to_do_next() {
        for (at, (code, _, next)) in codes::ALL.iter().enumerate() {
            assert!(codes::ALL[at + 1..].iter().all(|(later, ..)| later > code), "{code}");
            assert!(!next.is_empty(), "{code}");
        }
    }
}
