//! The status of a node and its peers: first what needs a person, then the rest, always with "as of".

use std::collections::BTreeMap;

use protocol::{
    app::control::{Alarm, CircleStatus, Named, NodeState, Peer, Status},
    bytes::words,
};

use super::{Ink, moment, moment_and_zone, record::who, table};
use crate::texts;

/// The status. `verbose` adds ids, addresses and counts.
pub(crate) fn status(status: &Status, verbose: bool) -> String {
    let health = health(status).join("\n");
    // A locked node does not know what is shared, and must not say that nothing is.
    let readable = !matches!(status.state, NodeState::Locked | NodeState::Sealed);
    let shared = if readable { texts::shared(status.shared_cases, status.cases) } else { texts::shared_unknown() };
    let mut parts = vec![shared, health, node(status, verbose)];
    if !status.peers.is_empty() {
        parts.push(peer_rows(&status.peers, verbose));
    }
    if verbose && !status.circles.is_empty() {
        parts.push(circles(&status.circles, &petnames(&status.peers)));
    }
    if verbose && let Some(organisation) = status.organisation {
        parts.push(texts::another_device(&format!("habeas device request --organisation {organisation} > new.device")));
    }
    parts.push(texts::as_of(&moment_and_zone(status.as_of)));
    parts.join("\n\n")
}

/// The list of peers.
pub(crate) fn peers(peers: &[Peer], now: u64) -> String {
    let as_of = texts::as_of(&moment_and_zone(now));
    if peers.is_empty() {
        return format!("{}\n\n{as_of}", texts::no_peers());
    }
    let by_name = call_signs(peers.iter().filter(|peer| peer.by_name && !peer.connected && !peer.held));
    let mut parts = vec![peer_rows(peers, false)];
    if !by_name.is_empty() {
        parts.push(care(&texts::by_name(&with_petnames(&by_name.join(", "), &petnames(peers)))));
    }
    parts.push(as_of);
    parts.join("\n\n")
}

/// The petnames of organisations.
pub(crate) fn names(names: &[Named], now: u64) -> String {
    let as_of = texts::as_of(&moment_and_zone(now));
    if names.is_empty() {
        return format!("{}\n\n{as_of}", texts::names::no_names());
    }
    let row = |named: &Named| {
        let call_sign = named.call_sign.clone().unwrap_or_else(texts::names::no_member);
        vec![call_sign, named.petname.clone(), named.organisation.to_string()]
    };
    format!("{}\n\n{as_of}", table(&texts::names::columns(), names.iter().map(row)))
}

/// A text of the node, with the petname of the organisation beside each call-sign in it.
pub(crate) fn with_petnames(text: &str, petnames: &BTreeMap<&str, &str>) -> String {
    let is_part = |char: char| char.is_ascii_lowercase() || char == '-';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|char| !is_part(char)).unwrap_or(from.len()));
        out.push_str(before);
        out.push_str(
            &petnames.get(word).map_or_else(|| word.to_owned(), |petname| texts::names::called(word, petname)),
        );
        rest = after;
    }
    out + rest
}

/// The petnames of peers, by call-sign.
pub(crate) fn petnames(peers: &[Peer]) -> BTreeMap<&str, &str> {
    peers.iter().filter_map(|peer| Some((&*peer.call_sign, peer.petname.as_deref()?))).collect()
}

/// A line that reports a good state, by a sign, a word and a colour.
pub(crate) fn good(text: &str) -> String {
    format!("{}✓{} {text}", Ink::GOOD, Ink::OFF)
}

/// A line that asks for care, that is, attention.
pub(crate) fn care(text: &str) -> String {
    format!("{}!{} {text}", Ink::CARE, Ink::OFF)
}

/// A line about something that stays where it is.
pub(crate) fn stays(text: &str) -> String {
    format!("– {text}")
}

/// A line that reports a bad state.
pub(crate) fn bad(text: &str) -> String {
    format!("{}✗{} {text}", Ink::BAD, Ink::OFF)
}

fn health(status: &Status) -> Vec<String> {
    let petnames = petnames(&status.peers);
    let alarm =
        |alarm: &Alarm| bad(&with_petnames(&texts::alarm_line(&alarm.problem, alarm.since.map(moment)), &petnames));
    let state = match status.state {
        NodeState::Open => good(&texts::state(status.state)),
        _ => care(&texts::state(status.state)),
    };
    let mut lines: Vec<_> = status.alarms.iter().map(alarm).chain([state]).collect();
    if matches!(status.state, NodeState::Open | NodeState::Locked) {
        lines.push(freshness(status));
    }
    let held: Vec<_> = call_signs(status.peers.iter().filter(|peer| peer.held));
    if !held.is_empty() {
        lines.push(care(&texts::held(&with_petnames(&held.join(", "), &petnames))));
    }
    lines
}

/// The freshness of this copy. Being offline is no error: the line says how old the copy is.
fn freshness(status: &Status) -> String {
    let all = status.peers.len();
    let equal = status.peers.iter().filter(|peer| peer.up_to_date).count();
    match (all, status.wanted) {
        (0, _) => good(&texts::no_peers()),
        (_, 0) if equal == all => good(&texts::up_to_date(all)),
        (_, 0) => care(&texts::partly_up_to_date(equal, all)),
        (_, wanted) => care(&texts::wanted(wanted)),
    }
}

fn call_signs<'a>(peers: impl Iterator<Item = &'a Peer>) -> Vec<&'a str> {
    let mut names: Vec<_> = peers.map(|peer| &*peer.call_sign).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn node(status: &Status, verbose: bool) -> String {
    let said = |title: String, value: Option<String>| Some(vec![title, value?]);
    let text = |id: &dyn std::fmt::Display| id.to_string();
    let [organisation, device, registry, cases, received, dockets, organisation_id, registry_id, node_id, listening] =
        texts::node_rows();
    // A locked node does not know how many there are.
    let readable = !matches!(status.state, NodeState::Locked | NodeState::Sealed);
    let mut rows = vec![
        said(organisation, status.call_sign.clone()),
        said(device, status.node.as_ref().map(|node| words::device(&node.0))),
        said(registry, status.registry_words.clone()),
        said(cases, readable.then(|| texts::case_count(status.cases, status.shared_cases))),
        said(received, (readable && status.received_cases > 0).then(|| status.received_cases.to_string())),
        said(dockets, readable.then(|| status.dockets.to_string())),
    ];
    if verbose {
        rows.extend([
            said(organisation_id, status.organisation.as_ref().map(|id| text(id))),
            said(registry_id, status.registry.as_ref().map(|id| text(id))),
            said(node_id, status.node.as_ref().map(|id| text(id))),
            said(listening, Some(status.listening.join(", "))),
        ]);
    }
    table(&[""], rows.into_iter().flatten())
}

fn peer_rows(peers: &[Peer], verbose: bool) -> String {
    let row = |peer: &Peer| {
        let equal_at = peer.equal_at.map_or_else(texts::never, moment);
        let (connection, copy) = (texts::connection(peer.connected, peer.held), texts::copy(peer.up_to_date));
        let who = who(Some(&peer.call_sign), peer.petname.as_deref(), &peer.organisation);
        // The devices of one organisation differ only by their words.
        let who = if peer.own { texts::of_yours(&who) } else { who };
        let mut row = vec![who, peer.device.clone(), connection, copy, equal_at];
        row.extend(verbose.then(|| peer.node.to_string()));
        row
    };
    let columns = texts::peer_columns();
    table(if verbose { &columns } else { &columns[..5] }, peers.iter().map(row))
}

fn circles(circles: &[CircleStatus], petnames: &BTreeMap<&str, &str>) -> String {
    let row = |circle: &CircleStatus| {
        let names = with_petnames(&circle.organisations.join(", "), petnames);
        let [entries, forked] = [circle.entries, circle.forked].map(|count| count.to_string());
        vec![texts::circle_kind(&circle.kind), names, entries, forked, circle.circle.to_string()]
    };
    table(&texts::circle_columns(), circles.iter().map(row))
}
