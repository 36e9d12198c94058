//! Queries: requests that read records. None of them writes entries.

use crate::{
    app::{
        control::{ExportedEntry, Heading, Precedent, Problem, Question, Record, RecordKind, Reply, Scope, codes},
        desk::{self, settling},
        question::Sought,
    },
    bytes::{
        cose::{self, Domain},
        seal::hash,
        words,
    },
    membership::circle::Circle,
    record::docket::Docket,
    store::Store,
};

use super::{MergedRecord, RecordRef, Workspace};

/// Number of the newest records of a circle whose claimed times are compared with the clock.
const NEWEST: usize = 64;

impl<S: Store> Workspace<'_, S> {
    /// Shows one record, folded, with its readers.
    ///
    /// # Errors
    /// A record that is not found or was recalled.
    pub fn show(&mut self, record: &str) -> Result<Reply, Problem> {
        self.readable()?;
        let record = self.find(record)?;
        let MergedRecord { view, readers, copies, taken_back } = self.merged(&record)?;
        let shown = desk::record(&view, record.kind, &self.cache.names, self.now);
        Ok(Reply::Record(Box::new(Record { readers, parts: copies, taken_back, ..shown })))
    }

    /// Finds the dockets that answer a question.
    ///
    /// # Errors
    /// A question with a code that the schema does not know.
    pub fn precedents(&mut self, question: &Question) -> Result<Reply, Problem> {
        self.readable()?;
        let sought = Sought::read(question)?;
        let (mut found, mut asked) = (Vec::new(), 0);
        let dockets = self.records_of(&Circle::Commons)?.into_iter().filter(|record| record.kind == RecordKind::Docket);
        for record in dockets {
            asked += 1;
            let merged = match self.merged(&record) {
                Err(problem) if problem.code == codes::BROKEN => continue,
                merged => merged?,
            };
            if let Some(answer) = sought.found_in(&Docket::new(&merged.view)) {
                found.push(Precedent { summary: self.summary(&record, merged)?, found: answer });
            }
        }
        Ok(Reply::Precedents { found, asked, as_of: self.now })
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

    /// The latest claimed time in the newest records: UTC, seconds.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn latest_claim(&mut self) -> Result<Option<u64>, Problem> {
        let mut latest = None;
        for kind in [RecordKind::Case, RecordKind::Docket] {
            for record in self.records_of(&self.home(kind))?.iter().rev().take(NEWEST) {
                match self.view_of(record) {
                    Err(problem) if problem.code == codes::BROKEN => {}
                    view => latest = latest.max(Some(desk::changed(&view?))),
                }
            }
        }
        Ok(latest)
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
