//! Texts of the demonstration.

use std::{fmt::Display, path::Path};

use super::messages;
use crate::{
    commands::demo::{Event, Kept},
    files::typed,
    render::record::{shown, titled},
};

messages! {
    interrupted();
    not_apart();
    nothing_to_dispute();
    faults();
    fault_differ();
    fault_one_sided();
    fault_no_conflict();
    fault_left_home();
    fault_foreign_cases();
    fault_lost();
    fault_case_not_arrived();
    fault_not_arrived();
    wait_met();
    wait_shared();
    wait_arrived();
    wait_cut();
    wait_equal();
    waited(what: &str, seconds: u64);
    no_port(why: &dyn Display);
    said_by_node(number: usize, line: &str);
    opens(organisations: u64, folder: &Path);
    explains();
    told_started(nodes: usize);
    told_founded(names: &str, words: &str);
    told_imported(by: &str, cases: usize, dockets: usize);
    told_arrived_device(dockets: usize);
    told_shared(cases: usize, organisations: usize);
    told_arrived(cases: usize, dockets: usize, organisations: usize);
    told_cut(apart: &str);
    told_corrected(field: &str, label: &str, first: &str, second: &str);
    told_healed(nodes: usize);
    told_asked(by: &str, article: &str, found: u64, dockets: u64);
    told_pausing(until: &Path);
    checked(nodes: usize, cases: usize);
    disputed(field: &str, label: &str);
    column_shown_on();
    of_nodes(shown: usize, all: usize);
    next_keep();
    next_init();
    next_help();
    kept_running();
    kept_end();
    kept_logs(folder: &Path);
}

/// The text of one event.
pub(crate) fn told(event: &Event<'_>) -> String {
    match event {
        Event::Started { nodes } => told_started(*nodes),
        Event::Founded { organisations, registry_words } => {
            let names: Vec<_> = organisations.iter().copied().collect();
            told_founded(&names.join(", "), registry_words)
        }
        Event::Imported { by, case_files, dockets } => told_imported(by, *case_files, *dockets),
        Event::Shared { case_files, organisations } => told_shared(*case_files, *organisations),
        Event::HeldBack { case, reason } => format!("{case}: {reason}"),
        Event::Arrived { dockets, organisations: 0, .. } => told_arrived_device(*dockets),
        Event::Arrived { case_files, dockets, organisations } => told_arrived(*case_files, *dockets, *organisations),
        Event::Cut { apart } => told_cut(apart),
        Event::Corrected { label, field, values } => {
            let [first, second] = values.each_ref().map(|value| shown(field, &value.as_str().into()));
            told_corrected(&titled(field), label, &first, &second)
        }
        Event::Healed { nodes } => told_healed(*nodes),
        Event::Asked { by, article, found, dockets } => {
            told_asked(by, &shown("docket_charge.code", &(*article).into()), *found, *dockets)
        }
        Event::Pausing { until, .. } => told_pausing(until),
    }
}

pub(crate) fn next() -> Vec<(String, String)> {
    vec![
        ("habeas demo --keep".into(), next_keep()),
        ("habeas init --alone".into(), next_init()),
        ("habeas help".into(), next_help()),
    ]
}

/// The commands to ask nodes that were kept running.
pub(crate) fn kept(nodes: &[Kept]) -> String {
    let node = |node: &Kept| {
        let Kept { call_sign, data, passphrase_file } = node;
        let (data, file) = (typed(data), typed(passphrase_file));
        format!("  {call_sign}: habeas --data {data} --passphrase-file {file} status")
    };
    let shown: Vec<_> = nodes.iter().map(node).collect();
    let stop = |node: &Kept| format!("habeas --data {} stop", typed(&node.data));
    let stops: Vec<_> = nodes.iter().map(stop).collect();
    let folder = nodes.first().and_then(|node| node.data.parent()).unwrap_or(Path::new("."));
    let end = format!("  {} && rm -r {}", stops.join(" && "), typed(folder));
    format!("\n{}\n{}\n{}\n{end}", kept_running(), shown.join("\n"), kept_end())
}
