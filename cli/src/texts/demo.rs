//! What the demonstration says.

use std::{io, path::Path, time::Duration};

use super::count;
use crate::commands::demo::{Event, Kept};

pub(crate) const INTERRUPTED: &str = "the demonstration was interrupted; its nodes were ended and its folder removed";
pub(crate) const NOT_APART: &str = "the cut did not hold: one node saw what the other wrote while they were apart";
pub(crate) const NOTHING_TO_DISPUTE: &str = "the file has no day or number that two sources could tell differently";
pub(crate) const FAULTS: &str = "something is not as it must be";
pub(crate) const FAULT_DIFFER: &str = "the copies are not equal";
pub(crate) const FAULT_ONE_SIDED: &str = "not every node shows both values side by side";
pub(crate) const FAULT_NO_CONFLICT: &str = "no disputed value is counted";
pub(crate) const FAULT_LEFT_HOME: &str = "a case file that is held back left the organisation it came from";
pub(crate) const FAULT_FOREIGN_CASES: &str = "an organisation shows case files that were not shared with it";
pub(crate) const FAULT_LOST: &str = "a case file is missing where it was brought in";
pub(crate) const FAULT_CASE_NOT_ARRIVED: &str = "a shared case file has not arrived everywhere";
pub(crate) const FAULT_NOT_ARRIVED: &str = "a docket has not arrived everywhere";
pub(crate) const WAIT_MET: &str = "the first two nodes to meet";
pub(crate) const WAIT_SHARED: &str = "what is shared to be written";
pub(crate) const WAIT_ARRIVED: &str = "what is shared to arrive everywhere";
pub(crate) const WAIT_CUT: &str = "the connections to be severed";
pub(crate) const WAIT_EQUAL: &str = "all copies to be equal again";
pub(crate) const SHOWN_ON: &str = "shown on";

pub(crate) fn opens(organisations: u8, folder: &Path) -> String {
    let who = count(organisations.into(), "organisation", "organisations");
    format!("{who} on this computer, invented data, everything in {}", folder.display())
}

/// One thing that happened.
pub(crate) fn told(event: &Event<'_>) -> String {
    let number = |number: usize, one, several| count(number as u64, one, several);
    match event {
        Event::Started { nodes } => {
            format!("{} run, each in a process with keys of its own", number(*nodes, "node", "nodes"))
        }
        Event::Founded { organisations, registry_words } => {
            let names: Vec<_> = organisations.iter().copied().collect();
            format!("founded a registry: {} (its words: {registry_words})", names.join(", "))
        }
        Event::Imported { by, case_files, dockets } => {
            let (cases, dockets) =
                (number(*case_files, "case file", "case files"), number(*dockets, "docket", "dockets"));
            format!("{by} brought in {cases} and {dockets}")
        }
        Event::Shared { case_files, organisations } => {
            let cases = number(*case_files, "case file", "case files");
            let others = number(*organisations, "organisation", "organisations");
            format!("shared {cases} with {others}, as far as consent goes; what stays, and why:")
        }
        Event::HeldBack { case, reason } => format!("{case}: {reason}"),
        Event::Arrived { dockets, organisations: 0, .. } => {
            format!("the other device has everything: the case files and {}", number(*dockets, "docket", "dockets"))
        }
        Event::Arrived { case_files, dockets, organisations } => {
            let (cases, dockets, others) = (
                number(*case_files, "case file", "case files"),
                number(*dockets, "docket", "dockets"),
                number(*organisations, "other organisation", "other organisations"),
            );
            format!("{cases} and {dockets} arrived at {others}")
        }
        Event::Cut { apart } => format!("cut a node of {apart} off from the others; the connections were severed"),
        Event::Corrected { label, field, values: [first, second] } => {
            format!("both sides correct {field} of {label} and cannot hear each other: {first}, {second}")
        }
        Event::Healed { nodes } => format!("joined again; {} have the same again", number(*nodes, "node", "nodes")),
        Event::Pausing { until, .. } => format!("waiting for {}", until.display()),
    }
}

pub(crate) fn checked(nodes: usize, held_back: usize) -> String {
    let (nodes, cases) = (count(nodes as u64, "node", "nodes"), count(held_back as u64, "case file", "case files"));
    format!("checked on {nodes}: equal copies, both values shown, {cases} stayed at home")
}

pub(crate) fn disputed(label: &str, field: &str) -> String {
    format!("What all of them now show of {field} in {label}:")
}

pub(crate) fn waited(what: &str, time_max: Duration) -> String {
    format!("waited {} seconds for {what}", time_max.as_secs())
}

pub(crate) fn no_port(error: &io::Error) -> String {
    format!("no free port on this computer: {error}")
}

pub(crate) fn next() -> Vec<(String, &'static str)> {
    vec![
        ("habeas demo --keep".into(), "the same, and look around in it"),
        ("habeas init".into(), "begin for real"),
        ("habeas help".into(), "everything else"),
    ]
}

/// How to talk to nodes that were left running.
pub(crate) fn kept(nodes: &[Kept]) -> String {
    let node = |node: &Kept| {
        let Kept { call_sign, data, passphrase_file } = node;
        let (data, file) = (data.display(), passphrase_file.display());
        format!("  {call_sign}: habeas --data {data} --passphrase-file {file} status")
    };
    let nodes: Vec<_> = nodes.iter().map(node).collect();
    format!(
        "\nThe nodes run on. In place of `status`: `docket list`, `case list`, `docket show WORDS`, `peers`, `lock`, \
         `unlock`; and `stop`, when you have seen enough.\n{}",
        nodes.join("\n")
    )
}

pub(crate) fn kept_logs(folder: &Path) -> String {
    format!("the nodes' folders and logs are in {}", folder.display())
}
