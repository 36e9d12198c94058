//! A node in its registry: the core, its store, its network, and the requests that need them.

mod alarms;
mod devices;
mod inbox;
mod locking;
mod network;
mod notices;
mod room;
mod standing;
mod tally;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use protocol::{
    app::{
        control::{Alarm, Problem, Reply, Request, Stated, codes},
        library::{Library, Mute},
        names::AddressBook,
    },
    bytes::{
        address::Address,
        cose::Signer,
        ids::{CircleId, DatabaseEpoch, EntryId, NodeKey, OrgId, SectionId},
        words,
    },
    membership::{charter::founding::Founding, circle::Circle},
    replication::sync::{self, Content, Effect, Input, Lane, Notice, State, Step, Tick, Write, frame::Received},
    store::{Batch, Store, StoreError},
};
use tokio::{sync::mpsc, time};

use super::{
    Answerer, Exposure, Opened,
    elsewhere::Elsewhere,
    files::{self, NetworkRow},
    folder::{Folder, store_problem},
    listing::Listing,
    parts::Mine,
    sharing::{Agenda, Then},
    sweep::Sweeps,
    utc_now,
};
use crate::{
    net::{self, Command},
    store::{Whereabouts, whereabouts},
    vault::Keys,
};
use alarms::Alarms;
use inbox::verify;
use network::read_holds;
use room::Room;
use tally::Tally;

/// What the network brought, read and verified.
#[derive(Debug)]
pub(super) enum Incoming {
    Up(NodeKey),
    Down(NodeKey, String),
    Received(NodeKey, Received),
    Garbage(NodeKey),
    Written(NodeKey),
}

/// Something to take up.
#[derive(Debug)]
pub(super) enum Happening {
    Incoming(Incoming),
    Due,
    NetworkEnded,
}

/// What a write answers when it is on the disk.
#[derive(Debug)]
pub(super) enum Pending {
    /// [`Reply::Saved`] about a record, with what was stated.
    Saved(SectionId, Vec<Stated>),
    /// [`Reply::Imported`], and the labels that become durable with the entries.
    Imported(Vec<protocol::app::control::Imported>, Batch),
}

/// A node in its registry.
pub(super) struct Joined {
    pub(super) folder: Folder,
    pub(super) state: State,
    pub(super) library: Library,
    pub(super) names: AddressBook,
    founding: Founding,
    network: NetworkRow,
    /// Where the members' nodes are.
    addresses: BTreeMap<NodeKey, Vec<Address>>,
    /// Whether their host names are looked up.
    names_allowed: bool,
    commands: mpsc::Sender<Command>,
    incoming: mpsc::Receiver<Incoming>,
    held: BTreeSet<OrgId>,
    connected: BTreeSet<NodeKey>,
    equal_at: BTreeMap<NodeKey, u64>,
    alarms: Alarms,
    tally: Tally,
    /// Why nothing more is acknowledged, once the disk failed.
    broken: Option<Alarm>,
    /// How much room the disk has.
    room: Room,
    pending: BTreeMap<u64, (Pending, Answerer)>,
    /// What is to be shared, and when.
    pub(super) agenda: Agenda,
    /// Whose shared parts are whose.
    pub(super) mine: Mine,
    /// What others share, and withdrew.
    pub(super) elsewhere: Elsewhere,
    /// Lines of lists.
    pub(super) listing: Listing,
    /// What looks at every record.
    pub(super) sweeps: Sweeps,
    token: u64,
    since: Instant,
}

impl Joined {
    /// Loads what the folder holds and goes on the network.
    pub(super) async fn start(mut folder: Folder, exposure: Exposure) -> Result<Self, Problem> {
        let founding = folder.founding()?.expect("the folder has joined");
        let org = files::organisation_of(&founding, &folder)
            .ok_or_else(|| Problem::new(codes::NOT_FOR_US, "this device is in no roster of the registry"))?;
        let row = folder.store.get(&files::network_row()).map_err(|error| store_problem(&error))?;
        let network: NetworkRow = row
            .and_then(|row| protocol::bytes::codec::decode("network", &row, 1 << 20).ok())
            .ok_or_else(|| Problem::new(codes::ALTERED, "the network key is not in the store"))?;
        let state = core(&mut folder, &founding, org)?;
        let config = net::Config {
            identity: folder.node_seed().clone(),
            network_key: network.0.clone(),
            listen: exposure.listen,
            names: exposure.names.clone(),
            limits: net::Limits::default(),
        };
        let net = net::start(config).map_err(|error| Problem::new(codes::ADDRESS, error.to_string()))?;
        let incoming = verify(founding.members.registry(), net.events);
        let held = read_holds(&folder.store).map_err(|error| store_problem(&error))?;
        let mut alarms = Alarms::load(&folder.store).map_err(|error| store_problem(&error))?;
        alarms.take_doubt(&mut folder.store).map_err(|error| store_problem(&error))?;
        let mut joined = Self {
            folder,
            state,
            library: Library::default(),
            names: AddressBook::default(),
            founding,
            network,
            addresses: BTreeMap::new(),
            names_allowed: exposure.names.are_allowed(),
            commands: net.commands,
            incoming,
            held,
            connected: BTreeSet::new(),
            equal_at: BTreeMap::new(),
            alarms,
            tally: Tally::default(),
            broken: None,
            room: Room::default(),
            pending: BTreeMap::new(),
            agenda: Agenda::default(),
            mine: Mine::default(),
            elsewhere: Elsewhere::default(),
            listing: Listing::default(),
            sweeps: Sweeps::default(),
            token: 0,
            since: Instant::now(),
        };
        joined.read_names()?;
        joined.open_readers().await?;
        joined.allow().await;
        Ok(joined)
    }

    /// Reading keys, if the folder is unlocked: what arrived while it was locked is read.
    async fn open_readers(&mut self) -> Result<(), Problem> {
        if !self.give_pens()? {
            return Ok(());
        }
        self.library = Library::load(&self.folder.store).map_err(|error| store_problem(&error))?;
        let now = self.now();
        let step = self.state.relearn(&self.folder.store, now).map_err(|error| store_problem(&error))?;
        self.carry_out(step).await;
        let overdue = Library::overdue(&self.folder.store).and_then(|batch| self.commit(&batch));
        let read = overdue.and_then(|()| self.read_unread()).and_then(|()| self.settle_newer());
        read.map_err(|error| store_problem(&error))?;
        self.look_elsewhere_again()?;
        self.agenda = Agenda::load(&self.folder.store)?;
        self.run_agenda().await;
        Ok(())
    }

    /// Reads what is here and was not read yet, as far as its keys are here.
    fn read_unread(&mut self) -> Result<(), StoreError> {
        let unread = Library::unread(&self.folder.store)?;
        let batch = self.read(Batch::default(), &unread)?;
        self.commit(&batch)
    }

    /// Hands the keys to write and read with to the core, if the folder is unlocked.
    fn give_pens(&mut self) -> Result<bool, Problem> {
        let Some(pens) = self.folder.pens() else { return Ok(false) };
        let epochs = sync::epochs(&self.folder.store).map_err(|error| store_problem(&error))?;
        self.state.unlock(pens, epochs);
        Ok(true)
    }

    /// Opens the reading keys again.
    pub(super) async fn unlock(&mut self, keys: &Keys) -> Result<(), Problem> {
        self.folder.unlock(keys)?;
        self.read_names()?;
        self.open_readers().await
    }

    /// Waits for something to take up. Dropping it loses nothing.
    pub(super) async fn next(&mut self) -> Happening {
        let due = self.state.due().map(|due| Duration::from_millis(due.0));
        let core = due.map(|due| due.saturating_sub(self.since.elapsed()));
        // What cannot be written now is not due now.
        let agenda = self.agenda.due_at().filter(|_| !self.is_broken());
        let agenda = agenda.map(|due| Duration::from_secs(due.saturating_sub(utc_now())));
        let room = self.is_short().then(|| self.room.wait());
        let wait = core.into_iter().chain(agenda).chain(room).min();
        tokio::select! {
            incoming = self.incoming.recv() => incoming.map_or(Happening::NetworkEnded, Happening::Incoming),
            () = time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => Happening::Due,
        }
    }

    /// Takes it up.
    pub(super) async fn take(&mut self, happening: Happening) {
        let input = match happening {
            Happening::Due => {
                if self.is_short() {
                    self.look_for_room().await;
                }
                Input::Tick
            }
            Happening::NetworkEnded => {
                // Without a network the folder can still be read and written; do not spin on the closed channel.
                time::sleep(Duration::from_secs(1)).await;
                return;
            }
            Happening::Incoming(Incoming::Up(peer)) => {
                self.connected.insert(peer);
                tracing::info!(?peer, "connected");
                Input::Up(peer)
            }
            Happening::Incoming(Incoming::Down(peer, reason)) => {
                self.connected.remove(&peer);
                tracing::info!(?peer, reason, "severed");
                Input::Down(peer)
            }
            Happening::Incoming(Incoming::Received(peer, received)) => {
                if !self.can_take(&received).await {
                    return;
                }
                Input::Received(peer, received)
            }
            Happening::Incoming(Incoming::Garbage(peer)) => Input::Garbage(peer),
            Happening::Incoming(Incoming::Written(peer)) => Input::Written(peer),
        };
        self.handle(input).await;
        self.run_agenda().await;
    }

    pub(super) async fn handle(&mut self, input: Input) {
        let now = self.now();
        match self.state.handle(&self.folder.store, input, now) {
            Ok(step) => self.carry_out(step).await,
            Err(error) => self.fail(&error).await,
        }
    }

    /// First the batch, durably; then the effects, in order.
    async fn carry_out(&mut self, mut step: Step) {
        if let Err(problem) = self.with_what_it_brings(&mut step) {
            tracing::error!(
                code = problem.code,
                reason = problem.message,
                "what a write brings with it cannot be read"
            );
        }
        let arrived = step.effects.iter().filter_map(|effect| match effect {
            Effect::Notice(Notice::Arrived(ids)) => Some(ids),
            _ => None,
        });
        let arrived: Vec<EntryId> = arrived.flatten().copied().collect();
        let persist = self.read(step.persist, &arrived);
        if let Err(error) = persist.and_then(|persist| self.commit(&persist)) {
            self.fail(&error).await;
            return;
        }
        for effect in step.effects {
            match effect {
                Effect::Send { to, lane, frame } => {
                    let lane = match lane {
                        Lane::Control => net::Lane::Control,
                        Lane::Bulk => net::Lane::Bulk,
                        Lane::Live => net::Lane::Live,
                    };
                    self.tell(Command::Send { to, lane, frame }).await;
                }
                Effect::Disconnect { peer, fault } => {
                    tracing::warn!(?peer, ?fault, "disconnecting a peer");
                    self.tell(Command::Disconnect { peer, reason: "it sent what no honest node sends" }).await;
                }
                Effect::Notice(notice) => self.notice(notice).await,
            }
        }
    }

    /// What becomes durable with a write: labels of an import, and that the shared parts of a case file are to follow.
    fn with_what_it_brings(&mut self, step: &mut Step) -> Result<(), Problem> {
        for effect in &step.effects {
            let Effect::Notice(Notice::Saved { token, .. }) = effect else { continue };
            match self.pending.get_mut(token) {
                Some((Pending::Imported(_, labels), _)) => step.persist.append(std::mem::take(labels)),
                Some((Pending::Saved(section, _), _)) => {
                    let section = *section;
                    self.note_changed(section, &mut step.persist)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The disk failed: nothing more is acknowledged, what stands is loaded anew, and a person is told.
    async fn fail(&mut self, error: &StoreError) {
        let problem = store_problem(error);
        tracing::error!(code = problem.code, reason = problem.message, "the store failed; nothing more is confirmed");
        for (_, (_, reply)) in std::mem::take(&mut self.pending) {
            reply.answer(Err(problem.clone()));
        }
        self.broken = Some(Alarm { problem, since: Some(utc_now()) });
        self.tell(Command::Allow(vec![])).await;
        if let Err(problem) = self.reload() {
            tracing::error!(code = problem.code, reason = problem.message, "the store cannot be read either");
        }
    }

    /// Memory is ahead of the disk by what could not be written: goes on from what is on the disk.
    fn reload(&mut self) -> Result<(), Problem> {
        let founding = self.folder.founding()?.expect("the folder has joined");
        self.state = core(&mut self.folder, &founding, self.state.organisation())?;
        self.library.forget();
        self.mine = Mine::default();
        self.sweep_again();
        self.look_again();
        self.give_pens().map(drop)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() { Ok(()) } else { self.folder.store.commit(batch) }
    }

    /// Reads entries into their sections, if their keys are here: what accepted them, with the rows of the index.
    fn read(&mut self, pending: Batch, ids: &[EntryId]) -> Result<Batch, StoreError> {
        if self.folder.pens().is_none() || ids.is_empty() {
            return Ok(pending);
        }
        let reading = self.library.read(&self.state, &self.folder.store, pending, ids)?;
        self.tally.changed(&reading.changed);
        self.sweeps.changed(&reading.changed);
        // What all members read is public: nobody withdraws it for another.
        let commons = self.state.circle_of(&Circle::Commons);
        self.elsewhere.changed(reading.changed.iter().copied().filter(|(circle, _)| *circle != commons));
        self.listing.changed(&reading.changed);
        for (key, mute) in reading.mute {
            let members = &self.state.replica().members;
            let org = members.role(&key).map(|role| role.org);
            let known = org.and_then(|org| members.call_sign(&org));
            let who = known.unwrap_or("an unknown key");
            tracing::warn!(?key, ?mute, "an entry says nothing here");
            let problem = match mute {
                Mute::Newer => Problem::new(codes::NEWER, format!("{who} writes with a newer version")),
                Mute::Bad => {
                    Problem::new(codes::UNREADABLE, format!("what {who} wrote cannot be read; it counts as empty"))
                }
            };
            self.alarm(match known {
                Some(known) => problem.saying("organisation").with("organisation", known),
                None => problem,
            });
        }
        Ok(reading.batch)
    }

    /// Carries a request out. `None`: the answer comes when what was written is on the disk.
    pub(super) async fn carry(
        &mut self,
        request: Request,
        opened: Opened,
        reply: Answerer,
    ) -> Option<(Result<Reply, Problem>, Answerer)> {
        let answer = match request {
            Request::Settle { code } => match self.settle_alarms(&code) {
                Ok(true) => Ok(Reply::Status(Box::new(self.status(vec![])))),
                Ok(false) => {
                    let message = format!("no alarm has the code «{code}»");
                    Err(Problem::new(codes::NO_ALARM, message).saying("code").with("code", code))
                }
                Err(problem) => Err(problem),
            },
            Request::Peers => Ok(Reply::Peers { peers: self.peers() }),
            Request::Hold { organisation } => self.hold(&organisation, true).await,
            Request::Release { organisation } => self.hold(&organisation, false).await,
            Request::Name { organisation, petname } => self.name_organisation(&organisation, Some(&petname)),
            Request::Unname { organisation } => self.name_organisation(&organisation, None),
            Request::Names => self.named(),
            Request::DeviceAdd { request, .. } => {
                let root = opened.root.expect("the passphrase opened it");
                self.add_device(&request, &Signer::new(root.seed())).await
            }
            Request::Card { .. }
            | Request::Found { .. }
            | Request::Sign { .. }
            | Request::Complete { .. }
            | Request::FoundAlone { .. }
            | Request::DeviceRequest { .. } => {
                Err(Problem::new(codes::JOINED, "this folder belongs to a registry already"))
            }
            Request::CaseNew { .. }
            | Request::DocketNew { .. }
            | Request::Set { .. }
            | Request::Import { .. }
            | Request::Resolve { .. }
            | Request::Retract { .. } => {
                let prepared = match self.obstacle().await {
                    Some(problem) => Err(problem),
                    None => self.prepare(request, opened),
                };
                match prepared {
                    Ok(Prepared::Answer(reply)) => Ok(*reply),
                    Ok(Prepared::Write(pending, entries)) => {
                        self.write(pending, entries, reply).await;
                        self.run_agenda().await;
                        return None;
                    }
                    Err(problem) => Err(problem),
                }
            }
            Request::SharePreview { records, with } => {
                self.sweep_to_share(&records, &with, Then::Show, reply);
                return None;
            }
            Request::Share { records, with, seen, hold_s } => {
                self.sweep_to_share(&records, &with, Then::Share { seen, hold_s }, reply);
                return None;
            }
            Request::List { kind } => {
                self.sweep_for_list(kind, reply);
                return None;
            }
            request => self.look(request),
        };
        self.run_agenda().await;
        Some((answer, reply))
    }

    async fn write(&mut self, pending: Pending, entries: Vec<(CircleId, Content)>, reply: Answerer) {
        let token = self.next_token();
        self.pending.insert(token, (pending, reply));
        let seed = self.folder.entropy().bytes();
        self.handle(Input::Write(Write { token, entries, seed })).await;
    }

    pub(super) fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    /// Whether the disk failed, or has too little room.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some() || self.is_short()
    }

    fn saved(&mut self, token: u64, entries: Vec<EntryId>) {
        let Some((pending, reply)) = self.pending.remove(&token) else { return };
        let answer = match pending {
            Pending::Saved(record, stated) => {
                Reply::Saved { record, pseudonym: words::pseudonym(&record.0), entries, stated }
            }
            Pending::Imported(records, _) => Reply::Imported { records, entries: entries.len() as u64 },
        };
        reply.answer(Ok(answer));
    }

    fn now(&self) -> Tick {
        Tick(u64::try_from(self.since.elapsed().as_millis()).expect("a process does not run for 500 million years"))
    }

    /// Ends the network.
    pub(super) async fn stop(&mut self) {
        self.tell(Command::Stop).await;
        while self.incoming.recv().await.is_some() {}
    }
}

/// The core on top of what the store holds.
fn core(folder: &mut Folder, founding: &Founding, org: OrgId) -> Result<State, Problem> {
    let keys = [folder.device().author, folder.device().desk];
    // A folder that was copied or restored starts new runs: what it last said may have gone on elsewhere.
    let moved = whereabouts(&folder.path.join("store"), &folder.store);
    let runs = match moved.map_err(|error| Problem::new(codes::DISK, error.to_string()))? {
        Whereabouts::Same => sync::runs(&folder.store, &keys).map_err(|error| store_problem(&error))?,
        Whereabouts::Moved { remember } => {
            let mut batch = remember;
            batch.append(sync::renew(&keys));
            folder.store.commit(&batch).map_err(|error| store_problem(&error))?;
            BTreeMap::new()
        }
    };
    let start = sync::Start {
        me: folder.node(),
        org,
        epoch: DatabaseEpoch(folder.entropy().bytes()),
        members: founding.members.clone(),
        runs,
        seed: folder.entropy().bytes(),
    };
    State::load(start, &folder.store).map_err(|error| store_problem(&error))
}

/// What a request comes to.
pub(super) enum Prepared {
    /// An answer at once.
    Answer(Box<Reply>),
    /// Entries to write, and what to answer then.
    Write(Pending, Vec<(CircleId, Content)>),
}
