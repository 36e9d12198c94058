//! Lists: a line for each record. Those of case files are remembered until something of them changes.

use std::collections::BTreeMap;

use protocol::{
    app::{
        control::{Problem, RecordKind, Summary, codes},
        desk,
    },
    bytes::words,
    membership::circle::Circle,
    record::stage,
};

use super::{desk::Shelf, joined::Joined, parts::Whole, sweep::At};

/// Lines made already.
#[derive(Default)]
pub(super) struct Listing {
    /// None: a case file that was taken back, or the shared part of an own one.
    lines: BTreeMap<At, Option<Summary>>,
    /// Where the shared parts of own case files are, or would be: what is said there shows in their lines.
    parts: BTreeMap<At, At>,
}

impl Listing {
    /// Something was read into these sections.
    pub(super) fn changed<'a>(&mut self, sections: impl IntoIterator<Item = &'a At>) {
        for at in sections {
            self.lines.remove(at);
            if let Some(own) = self.parts.get(at) {
                self.lines.remove(own);
            }
        }
    }
}

impl Joined {
    /// A line of a list; none for the shared part of a case file that is listed itself, or for one taken back.
    pub(super) fn listed(&mut self, shelf: &Shelf) -> Result<Option<Summary>, Problem> {
        let at = (shelf.id, shelf.section);
        if let Some(line) = self.listing.lines.get(&at) {
            return Ok(line.clone());
        }
        let line = self.line(shelf)?;
        if shelf.kind == RecordKind::Case {
            if matches!(shelf.circle, Circle::Own(_)) {
                for circle in self.circles_with_others() {
                    let part = self.part(&shelf.section, &circle)?;
                    self.listing.parts.insert((part.id, part.section), at);
                }
            }
            self.listing.lines.insert(at, line.clone());
        }
        Ok(line)
    }

    fn line(&mut self, shelf: &Shelf) -> Result<Option<Summary>, Problem> {
        let theirs = !matches!(shelf.circle, Circle::Own(_)) && shelf.kind == RecordKind::Case;
        if theirs && self.own_of(&shelf.section)?.is_some() {
            return Ok(None);
        }
        match self.whole(shelf) {
            Err(problem) if problem.code == codes::TAKEN_BACK => Ok(None),
            read => self.summary(shelf, read?).map(Some),
        }
    }

    pub(super) fn summary(&self, shelf: &Shelf, Whole { view, readers, parts, .. }: Whole) -> Result<Summary, Problem> {
        Ok(Summary {
            record: shelf.section,
            pseudonym: words::pseudonym(&shelf.section.0),
            stage: stage::stage(&view).code,
            conflicts: desk::conflicts(&view),
            changed: desk::changed(&view),
            label: self.label(&shelf.section)?,
            readers,
            parts,
        })
    }
}
