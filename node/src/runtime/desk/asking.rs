//! What people ask of the record beyond one record or a list: precedents, disputes, what became of each claim.

use protocol::{
    app::{
        control::{Heading, Precedent, Problem, Question, RecordKind, Reply, codes},
        desk::{self, settling},
        question::Sought,
    },
    bytes::words,
    membership::circle::Circle,
    record::docket::Docket,
};

use super::{Joined, Shelf, utc_now};

/// Newest records of a circle whose claims are compared with the clock.
const NEWEST: usize = 64;

impl Joined {
    /// The dockets that answer a question.
    pub(super) fn precedents(&mut self, question: &Question) -> Result<Reply, Problem> {
        let sought = Sought::read(question)?;
        let (mut found, mut asked) = (Vec::new(), 0);
        let dockets = self.shelves(&Circle::Commons)?.into_iter().filter(|shelf| shelf.kind == RecordKind::Docket);
        for shelf in dockets {
            asked += 1;
            let whole = match self.whole(&shelf) {
                Err(problem) if problem.code == codes::BROKEN => continue,
                whole => whole?,
            };
            if let Some(answer) = sought.found_in(&Docket::new(&whole.view)) {
                found.push(Precedent { summary: self.summary(&shelf, whole)?, found: answer });
            }
        }
        Ok(Reply::Precedents { found, asked, as_of: utc_now() })
    }

    /// Where claims about a record differ.
    pub(super) fn conflicts(&mut self, record: &str) -> Result<Reply, Problem> {
        let shelf = self.find(record)?;
        let view = self.whole(&shelf)?.view;
        Ok(Reply::Conflicts { of: heading(&shelf), conflicts: settling::conflicts(&view, &self.names) })
    }

    /// Every claim about a record.
    pub(super) fn history(&mut self, record: &str) -> Result<Reply, Problem> {
        let shelf = self.find(record)?;
        let view = self.correctable(&shelf)?;
        Ok(Reply::History { of: heading(&shelf), claims: settling::history(&view, &self.names) })
    }

    /// The latest time that anything in the newest records is claimed to be written at.
    pub(in crate::runtime) fn latest_claim(&mut self) -> Result<Option<u64>, Problem> {
        let mut latest = None;
        for kind in [RecordKind::Case, RecordKind::Docket] {
            for shelf in self.shelves(&self.home(kind))?.iter().rev().take(NEWEST) {
                match self.alone(shelf) {
                    Err(problem) if problem.code == codes::BROKEN => {}
                    view => latest = latest.max(Some(desk::changed(&view?))),
                }
            }
        }
        Ok(latest)
    }
}

fn heading(shelf: &Shelf) -> Heading {
    Heading { record: shelf.section, kind: shelf.kind, pseudonym: words::pseudonym(&shelf.section.0), as_of: utc_now() }
}
