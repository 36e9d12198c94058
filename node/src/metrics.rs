//! Metrics of a node for a monitoring program, as OpenMetrics text.
//!
//! Only counts: the labels are codes of alarms and reasons of refusals, both from fixed lists. A reader of the
//! monitoring system learns no case, no organisation and no address.

use std::{collections::BTreeMap, fs, io, path::Path};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The media type of OpenMetrics text.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics of a folder, open or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Whether the reader keys are in memory.
    pub(crate) unlocked: bool,
    /// Bytes of the store on disk.
    pub(crate) store_bytes: u64,
    /// Seconds since the last backup, if one was ever made and the folder is open.
    pub(crate) backup_age: Option<u64>,
    /// Metrics of the registry, if the node has joined one.
    pub(crate) joined: Option<Joined>,
}

/// Metrics of a node in a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Nodes of the other members and other devices of this one.
    pub(crate) peers: u64,
    /// Peers with a connection.
    pub(crate) connected: u64,
    /// Peers known to hold the same entries.
    pub(crate) equal: u64,
    /// Entries that count.
    pub(crate) entries: u64,
    /// Bodies not yet received.
    pub(crate) wanted: u64,
    /// Entries not yet read.
    pub(crate) unread: u64,
    /// Feeds that forked.
    pub(crate) forks: u64,
    /// Disputed fields without a resolution; only an unlocked node knows the number.
    pub(crate) conflicts: Option<u64>,
    /// Alarms shown, by code.
    pub(crate) alarms: BTreeMap<String, u64>,
    /// Frames refused since the start, by reason.
    pub(crate) rejected: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Encodes the metrics as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut registry = Registry::with_prefix("habeas");
        gauge(&mut registry, "unlocked", "Whether the reading keys are in memory", u64::from(self.unlocked));
        gauge(&mut registry, "store_bytes", "Bytes of the store on disk", self.store_bytes);
        if let Some(age) = self.backup_age {
            gauge(&mut registry, "backup_age_seconds", "Seconds since the last backup", age);
        }
        if let Some(joined) = &self.joined {
            joined.register(&mut registry);
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("a String takes whatever is written to it");
        text
    }
}

impl Joined {
    fn register(&self, registry: &mut Registry) {
        let help = "Nodes of the other members, and other devices of this one";
        gauge(registry, "peers", help, self.peers);
        gauge(registry, "peers_connected", "Peers with a connection", self.connected);
        gauge(registry, "peers_equal", "Peers known to hold the same", self.equal);
        gauge(registry, "entries", "Entries that count", self.entries);
        gauge(registry, "wanted", "Bodies not yet received", self.wanted);
        gauge(registry, "unread", "Entries held and not yet read", self.unread);
        gauge(registry, "forks", "Feeds that forked", self.forks);
        if let Some(conflicts) = self.conflicts {
            gauge(registry, "conflicts", "Fields disputed and not settled", conflicts);
        }
        let alarms = Family::<[(&str, String); 1], Gauge>::default();
        for (code, count) in &self.alarms {
            alarms.get_or_create(&[("code", code.clone())]).set(signed(*count));
        }
        registry.register("alarms", "Things a person should look at, by code", alarms);
        let rejected = Family::<[(&str, &str); 1], Counter>::default();
        for (reason, count) in &self.rejected {
            rejected.get_or_create(&[("reason", *reason)]).inc_by(*count);
        }
        registry.register("rejected_frames", "Frames from peers refused since the start, by reason", rejected);
    }
}

/// Sums the bytes of all files below a folder; a file that vanishes meanwhile counts as 0.
pub(crate) fn bytes_below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += bytes_below(&entry.path()).unwrap_or(0),
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    Ok(bytes)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(signed(value));
    registry.register(name, help, gauge);
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_openmetrics_with_every_figure() {
        let joined = Joined {
            peers: 4,
            connected: 3,
            equal: 2,
            entries: 1_000_000,
            wanted: 7,
            unread: 1,
            forks: 0,
            conflicts: Some(5),
            alarms: [("HB4003".to_owned(), 2)].into(),
            rejected: [("bad_signature", 9), ("garbage", 1)].into(),
        };
        let figures = Figures { unlocked: true, store_bytes: 1 << 40, backup_age: Some(86_400), joined: Some(joined) };
        insta::assert_snapshot!(sorted(&figures.text()));
    }

    #[test]
    fn a_closed_folder_tells_its_size_and_that_it_is_closed() {
        insta::assert_snapshot!(sorted(&Figures { store_bytes: 10, ..Figures::default() }.text()));
    }

    /// Sorts the samples of each family, which come in the order of a hash map.
    fn sorted(text: &str) -> String {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_by_key(|line| line.split('{').next().map(|name| (!name.starts_with('#'), (*line).to_owned())));
        lines.join("\n")
    }
}
