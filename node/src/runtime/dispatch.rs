//! Dispatch of requests: one exhaustive match. The workspace (`protocol::app::workspace`) decides what records say and
//! who may read them; the node provides store, keys, time and randomness.

use protocol::app::{
    control::{Problem, RecordKind, Reply, Request, codes},
    desk::settling::Weighed,
    workspace::ScanPurpose,
};

use super::{Answerer, Opened, Phase, Runtime, archiving, closed, files, folder::Folder, joined::Joined, saving};

/// Outcome of dispatching a request.
pub(super) enum Outcome {
    /// The answer.
    Reply(Reply),
    /// The request is answered later, by a write that is not durable yet, or by work that reads every record.
    Later,
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl Runtime {
    /// Handles a request and answers it, now or later.
    pub(super) async fn handle_request(&mut self, request: Request, opened: Opened, answerer: Answerer) {
        let mut answerer = Some(answerer);
        let outcome = self.dispatch(request, opened, &mut answerer).await;
        if let Phase::Joined(joined) = &mut self.phase {
            joined.run_queue().await;
        }
        match (outcome, answerer) {
            (Ok(Outcome::Reply(reply)), Some(answerer)) => answerer.answer(Ok(reply)),
            (Err(problem), Some(answerer)) => answerer.answer(Err(problem)),
            // The holder of the answerer answers.
            (_, None) | (Ok(Outcome::Later), Some(_)) => {}
        }
    }

    /// Dispatches a request. A handler that answers later takes the answerer.
    async fn dispatch(
        &mut self,
        request: Request,
        opened: Opened,
        answerer: &mut Option<Answerer>,
    ) -> Result<Outcome, Problem> {
        Ok(match request {
            // Requests in any state.
            Request::Stop => Reply::Stopping.into(),
            Request::Status => self.status().into(),
            Request::Examine => self.phase.examine().into(),
            Request::Metrics => Reply::Metrics { text: self.phase.figures(&self.folder).text() }.into(),
            Request::Wipe => self.wipe().await?.into(),
            Request::BackupVerify { .. } => saving::verify(&self.folder, opened, self.phase.registry())?.into(),

            // Requests about the keys of the folder.
            Request::Init { .. } => match &self.phase {
                Phase::Closed => self.init(opened).await?.into(),
                _ => return Err(Problem::new(codes::NOT_EMPTY, "this folder has its keys already")),
            },
            Request::Unlock { .. } => self.unlock(opened).await?.into(),
            Request::Lock => match &self.phase {
                Phase::Closed => return Err(closed(&self.folder)),
                _ => self.lock().await?.into(),
            },
            Request::BackupCreate { to } => match self.phase.folder() {
                Some(folder) => saving::create(&self.folder, &folder.store, to, answerer, &mut self.beside)?,
                None => return Err(closed(&self.folder)),
            },
            Request::BackupRestore { .. } => match &self.phase {
                Phase::Closed => saving::restore(&self.folder, opened)?.into(),
                _ => {
                    let message = "a backup is restored into an empty folder, never over an open one";
                    return Err(Problem::new(codes::NOT_EMPTY, message).saying("restore"));
                }
            },

            // Requests to a folder in no registry.
            Request::Card { addresses, .. } => files::card(self.unjoined()?, addresses, &opened.root()?)?.into(),
            Request::Found { cards } => files::found(self.unjoined()?, &cards)?.into(),
            Request::Sign { draft, .. } => {
                self.unjoined()?;
                files::sign(&draft, &opened.root()?)?.into()
            }
            Request::Complete { draft, signatures, .. } => {
                files::complete(self.unjoined()?, &draft, &signatures, &opened.root()?)?.into()
            }
            Request::DeviceRequest { organisation, addresses } => {
                files::request_device(self.unjoined()?, &organisation, addresses)?.into()
            }
            Request::Join { registry } => {
                self.unjoined()?;
                self.join(&registry).await?.into()
            }
            Request::FoundAlone { .. } => {
                let registry = files::alone(self.unjoined()?, &opened.root()?)?;
                self.join(&registry).await?.into()
            }

            // Requests to a node in its registry: members and peers.
            Request::Settle { code } => self.joined()?.acknowledge(&code)?.into(),
            Request::Peers => Reply::Peers { peers: self.joined()?.peers() }.into(),
            Request::Hold { organisation } => self.joined()?.hold(&organisation, true).await?.into(),
            Request::Release { organisation } => self.joined()?.hold(&organisation, false).await?.into(),
            Request::DeviceAdd { request, .. } => {
                let root = opened.root()?;
                self.joined()?.add_device(&request, &root).await?.into()
            }
            Request::Name { organisation, petname } => {
                self.joined()?.workspace(|work| work.name_organisation(&organisation, Some(&petname)))?.into()
            }
            Request::Unname { organisation } => {
                self.joined()?.workspace(|work| work.name_organisation(&organisation, None))?.into()
            }
            Request::Names => self.joined()?.workspace(|work| work.named())?.into(),

            // Requests that write statements.
            Request::CaseNew { facts } => {
                self.joined()?.write(answerer, |work| work.new_record(RecordKind::Case, &facts)).await?
            }
            Request::DocketNew { facts } => {
                self.joined()?.write(answerer, |work| work.new_record(RecordKind::Docket, &facts)).await?
            }
            Request::Set { record, facts } => self.joined()?.write(answerer, |work| work.set(&record, &facts)).await?,
            Request::Resolve { record, entity, field, chosen, seen, reason } => {
                let weighed = Weighed { entity, field: &field, chosen, seen: &seen, reason: &reason };
                self.joined()?.write(answerer, |work| work.resolve(&record, &weighed)).await?
            }
            Request::Retract { record, at, reason } => {
                self.joined()?.write(answerer, |work| work.retract(&record, at, &reason)).await?
            }
            Request::Import { dry_run, known, .. } => {
                let read = opened.import.ok_or_else(not_opened)?;
                self.joined()?.begin_import(read, dry_run, known, opened.turn, answerer).await?
            }

            // Requests about sharing.
            Request::SharePreview { records, with } => {
                self.joined()?.sweep_to_share(&records, &with, ScanPurpose::Show, answerer)?
            }
            Request::Share { records, with, seen, hold_s } => {
                self.joined()?.sweep_to_share(&records, &with, ScanPurpose::Share { seen, hold_s }, answerer)?
            }
            Request::Shares => self.joined()?.workspace(|work| work.shares())?.into(),
            Request::ShareCancel { share } => self.joined()?.workspace(|work| work.cancel_share(&share))?.into(),

            // Questions about records.
            Request::Show { record } => self.joined()?.workspace(|work| work.show(&record))?.into(),
            Request::Ask { question, page } => {
                self.joined()?.workspace(|work| work.precedents(&question, page))?.into()
            }
            Request::Conflicts { record } => self.joined()?.workspace(|work| work.conflicts(&record))?.into(),
            Request::History { record } => self.joined()?.workspace(|work| work.history(&record))?.into(),
            Request::Digest { circle } => self.joined()?.workspace(|work| work.digest(circle))?.into(),
            Request::Export { record } => self.joined()?.workspace(|work| work.export(&record))?.into(),
            Request::List { kind, stage, page } => {
                self.joined()?.workspace(|work| work.list(kind, stage.as_deref(), page))?.into()
            }
            Request::Archive { to, language, zone } => {
                let steps = self.joined()?.begin_archive()?;
                if let Some(reply) = answerer.take() {
                    let manner = archiving::manner(language, zone.as_deref());
                    archiving::write(steps, manner, to.into(), reply, &mut self.beside);
                }
                Outcome::Later
            }
        })
    }

    /// Returns the node in its registry, or the problem that there is none.
    fn joined(&mut self) -> Result<&mut Joined, Problem> {
        match &mut self.phase {
            Phase::Closed => Err(closed(&self.folder)),
            Phase::NotJoined(_) => Err(Problem::new(codes::ALONE, "this folder is in no registry yet")),
            Phase::Joined(joined) => Ok(joined),
        }
    }

    /// Returns the open folder in no registry, or the problem that there is none.
    fn unjoined(&mut self) -> Result<&mut Folder, Problem> {
        match &mut self.phase {
            Phase::Closed => Err(closed(&self.folder)),
            Phase::NotJoined(folder) => Ok(folder),
            Phase::Joined(_) => Err(Problem::new(codes::JOINED, "this folder belongs to a registry already")),
        }
    }
}

/// Problem of a request that arrived without what its passphrase or its file opens.
pub(super) fn not_opened() -> Problem {
    Problem::new(codes::INTERNAL, "the request came without what its passphrase opens")
}
