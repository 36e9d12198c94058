//! Queries: requests that read records. None of them writes entries.

use crate::{
    app::{
        control::{ExportedEntry, Heading, Problem, Record, Reply, Scope},
        desk::{self, settling},
    },
    bytes::{
        cose::{self, Domain},
        seal::hash,
        words,
    },
    membership::circle::Circle,
    store::Store,
};

use super::{MergedRecord, RecordRef, Workspace};

impl<S: Store> Workspace<'_, S> {
    /// Shows one record, folded, with its readers.
    ///
    /// # Errors
    /// A record that is not found or was recalled.
    pub fn show(&mut self, record: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let MergedRecord { view, readers, copies, taken_back } = self.merged(&record)?;
        let parts = copies.into_iter().map(|copy| copy.section).collect();
        let shown = desk::record(&view, record.kind, &self.cache.names, self.now);
        Ok(Reply::Record(Box::new(Record { readers, parts, taken_back, ..shown })))
    }

    /// Shows the fields of a record for which claims differ.
    ///
    /// # Errors
    /// A record that is not found or was recalled.
    pub fn conflicts(&mut self, record: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let view = self.merged(&record)?.view;
        Ok(Reply::Conflicts { of: self.heading(&record), conflicts: settling::conflicts(&view, &self.cache.names) })
    }

    /// Shows every claim about a record, with its status.
    ///
    /// # Errors
    /// A record that is not found or that others recalled.
    pub fn history(&mut self, record: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let view = self.correctable(&record)?;
        Ok(Reply::History { of: self.heading(&record), claims: settling::history(&view, &self.cache.names) })
    }

    /// Hashes everything read of some circles: equal on every node that reads the same.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn digest(&mut self, scope: Scope) -> Result<Reply, Problem> {
        self.readable()?;
        let circles = match scope {
            Scope::Own => vec![Circle::Own(self.us())],
            Scope::Commons => vec![Circle::Commons],
            Scope::Shared => self.shared_circles(),
        };
        let (mut digests, mut conflicts, mut entries) = (Vec::new(), 0, 0);
        for circle in circles {
            for record in self.records_of(&circle)? {
                let view = self.view_of(&record)?;
                conflicts += desk::conflicts(&view);
                digests.push((record.section, view.digest()));
            }
            let held = self.state.replica().circle(&self.state.circle_of(&circle));
            entries += held.map_or(0, |held| held.lines().map(|(_, line)| line.counted()).sum::<u64>());
        }
        digests.sort_unstable();
        let bytes: Vec<u8> = digests.iter().flat_map(|(section, digest)| [&section.0[..], digest].concat()).collect();
        Ok(Reply::Digest {
            digest: data_encoding::HEXLOWER.encode(&hash("habeas 1 circle digest", &[&bytes])),
            records: digests.len() as u64,
            entries,
            conflicts,
        })
    }

    /// Exports the signed entries of a record, for other programs to verify.
    ///
    /// # Errors
    /// A record that is not found.
    pub fn export(&mut self, record: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let registry = self.registry();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let entries = self.cache.library.entries(self.state, self.store, &record.id, &record.section)?;
        let exported = entries.into_iter().map(|entry| ExportedEntry {
            cose: hex(&cose::tagged(&entry.envelope())),
            key: hex(&entry.header().feed.key.0),
            aad: hex(&Domain::Entry.aad(&registry.0)),
            registry: hex(&registry.0),
            id: hex(&entry.id().0),
        });
        Ok(Reply::Exported { entries: exported.collect() })
    }

    fn heading(&self, record: &RecordRef) -> Heading {
        Heading {
            record: record.section,
            kind: record.kind,
            pseudonym: words::pseudonym(&record.section.0),
            as_of: self.now,
        }
    }
}
