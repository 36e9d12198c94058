//! Summaries: one line of a list for each record. Summaries of case files are cached until one of their sections
//! changes.

use std::collections::BTreeMap;

use crate::{
    app::{
        control::{Problem, RecordKind, Summary, codes},
        desk,
    },
    bytes::words,
    membership::circle::Circle,
    record::stage,
    store::Store,
};

use super::{RecordRef, SectionKey, Workspace, copies::MergedRecord};

/// The cache of summaries, each valid until its record changes.
#[derive(Default)]
pub struct SummaryCache {
    /// Summaries by section; `None` for a case file that was recalled, and for the shared copy of an own one.
    lines: BTreeMap<SectionKey, Option<Summary>>,
    /// Own case file of each shared copy, which is part of its summary.
    copies: BTreeMap<SectionKey, SectionKey>,
}

impl SummaryCache {
    /// Drops the summaries of sections that entries were read into.
    pub fn changed<'a>(&mut self, sections: impl IntoIterator<Item = &'a SectionKey>) {
        for at in sections {
            self.lines.remove(at);
            if let Some(own) = self.copies.get(at) {
                self.lines.remove(own);
            }
        }
    }
}

impl<S: Store> Workspace<'_, S> {
    /// The summary of a record; `None` for a recalled one, and for the shared copy of a case file that is listed
    /// itself.
    ///
    /// # Errors
    /// A section that cannot be read.
    pub fn listed(&mut self, record: &RecordRef) -> Result<Option<Summary>, Problem> {
        let at = (record.id, record.section);
        if let Some(line) = self.cache.summaries.lines.get(&at) {
            return Ok(line.clone());
        }
        let line = self.line(record)?;
        if record.kind == RecordKind::Case {
            if matches!(record.circle, Circle::Own(_)) {
                for circle in self.shared_circles() {
                    let copy = self.copy(&record.section, &circle)?;
                    self.cache.summaries.copies.insert((copy.id, copy.section), at);
                }
            }
            self.cache.summaries.lines.insert(at, line.clone());
        }
        Ok(line)
    }

    fn line(&mut self, record: &RecordRef) -> Result<Option<Summary>, Problem> {
        let theirs = !matches!(record.circle, Circle::Own(_)) && record.kind == RecordKind::Case;
        if theirs && self.own_case_of(&record.section)?.is_some() {
            return Ok(None);
        }
        match self.merged(record) {
            Err(problem) if problem.code == codes::TAKEN_BACK => Ok(None),
            read => self.summary(record, read?).map(Some),
        }
    }

    /// Makes the summary of a record that was read already.
    ///
    /// # Errors
    /// An error of the store.
    pub fn summary(&self, record: &RecordRef, merged: MergedRecord) -> Result<Summary, Problem> {
        let MergedRecord { view, readers, copies, .. } = merged;
        Ok(Summary {
            record: record.section,
            pseudonym: words::pseudonym(&record.section.0),
            stage: stage::stage(&view).code,
            conflicts: desk::conflicts(&view),
            changed: desk::changed(&view),
            label: self.label(&record.section)?,
            readers,
            parts: copies,
        })
    }
}
