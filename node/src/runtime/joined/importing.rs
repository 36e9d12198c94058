//! Imports: carried out a few records at a time between other jobs, one import after the other.

use std::collections::VecDeque;

use protocol::app::{
    control::{Known, Problem, Unit},
    import::{ImportErrors, Imported},
    workspace::{ImportRun, ImportStep},
};
use tokio::sync::OwnedSemaphorePermit;

use super::Joined;
use crate::runtime::{Answerer, dispatch::Outcome};

/// Imports under way, the first one being written.
#[derive(Default)]
pub(in crate::runtime) struct Imports(VecDeque<Import>);

/// An import under way.
struct Import {
    run: ImportRun,
    answerer: Answerer,
    /// Permit to have a large request in memory.
    _turn: Option<OwnedSemaphorePermit>,
    /// Token of the write that is not durable yet.
    writing: Option<u64>,
}

impl Imports {
    /// Whether none is under way.
    pub(in crate::runtime) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that a write is durable.
    pub(super) fn saved(&mut self, token: u64) {
        if let Some(import) = self.0.front_mut().filter(|import| import.writing == Some(token)) {
            import.writing = None;
        }
    }

    /// Ends the import whose write was refused.
    pub(super) fn refused(&mut self, token: u64, problem: &Problem) {
        if self.0.front().is_some_and(|import| import.writing == Some(token))
            && let Some(import) = self.0.pop_front()
        {
            import.end(problem.clone());
        }
    }

    /// Ends all imports.
    pub(super) fn end(&mut self, problem: &Problem) {
        for import in std::mem::take(&mut self.0) {
            import.end(problem.clone());
        }
    }
}

impl Import {
    fn end(self, problem: Problem) {
        self.answerer.answer(Err(self.run.ended_by(problem)));
    }
}

impl Joined {
    /// Begins an import. It is answered when all records are durable.
    pub(in crate::runtime) async fn begin_import(
        &mut self,
        read: Result<Vec<Imported>, ImportErrors>,
        dry_run: bool,
        known: Known,
        turn: Option<OwnedSemaphorePermit>,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        if let Some(problem) = self.obstacle().await {
            return Err(problem);
        }
        let run = self.workspace(|work| work.begin_import(read, dry_run, known))?;
        if let Some(answerer) = answerer.take() {
            self.imports.0.push_back(Import { run, answerer, _turn: turn, writing: None });
        }
        Ok(Outcome::Later)
    }

    /// Takes the next step of the first import. An import whose client is gone ends.
    pub(in crate::runtime) async fn go_on_importing(&mut self) {
        if self.imports.is_empty() {
            return;
        }
        let obstacle = self.obstacle().await;
        let Some(mut import) = self.imports.0.pop_front() else { return };
        if import.writing.is_some() {
            self.imports.0.push_front(import);
            return;
        }
        if import.answerer.is_alone() {
            return;
        }
        if let Some(problem) = obstacle {
            import.end(problem);
            return;
        }
        if let Some((done, all)) = import.run.progress() {
            import.answerer.teller.tell(Unit::Written, done, all);
        }
        match self.workspace(|work| work.import_step(&mut import.run)) {
            Ok(ImportStep::Checked) => self.imports.0.push_front(import),
            Ok(ImportStep::Write(pending, entries)) => {
                let token = self.next_token();
                import.writing = Some(token);
                self.imports.0.push_front(import);
                self.pending.insert(token, (pending, None));
                self.append(token, entries).await;
            }
            Ok(ImportStep::Done(reply)) => import.answerer.answer(Ok(*reply)),
            Err(problem) => import.end(problem),
        }
    }
}
