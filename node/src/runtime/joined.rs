//! A node in its registry: the core, its store, its network, and the requests that need them.

mod alarms;
mod devices;
mod importing;
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
        control::{Alarm, Problem, Reply, codes},
        library::{Library, Mute},
        workspace::{Cache, PendingWrite, Prepared, QueueStep, ShareQueue, Workspace, made_again},
    },
    bytes::{
        address::Address,
        ids::{CircleId, DatabaseEpoch, EntryId, NodeKey, OrgId, RegistryId},
    },
    membership::charter::founding::Founding,
    replication::sync::{self, Content, Effect, Input, Lane, Notice, State, Step, Tick, Write, frame::Received},
    store::{Batch, Store, StoreError},
};
use tokio::{sync::mpsc, time};

use super::{
    Answerer, Exposure,
    archiving::Archives,
    dispatch::Outcome,
    files::{self, NetworkRow},
    folder::Folder,
    sweep::Sweeps,
    utc_now,
};
use crate::{
    net::{self, Command},
    store::{Rocks, Whereabouts, whereabouts},
    vault::Keys,
};
use alarms::Alarms;
use importing::Imports;
use inbox::verify;
use network::read_holds;
use room::Room;
use tally::Tally;

/// Input from the network, read and verified.
#[derive(Debug)]
pub(super) enum Incoming {
    Up(NodeKey),
    Down(NodeKey, String),
    Received(NodeKey, Received),
    Garbage(NodeKey),
    Written(NodeKey),
}

/// Event that the runtime handles.
#[derive(Debug)]
pub(super) enum Event {
    Incoming(Incoming),
    Due,
    NetworkEnded,
}

/// State of a node in its registry.
pub(super) struct Joined {
    pub(super) folder: Folder,
    pub(super) state: State,
    /// Cache of what was read in records.
    pub(super) cache: Cache,
    founding: Founding,
    network: NetworkRow,
    /// Addresses of the members' nodes.
    addresses: BTreeMap<NodeKey, Vec<Address>>,
    /// Whether host names of peers may be looked up.
    names_allowed: bool,
    commands: mpsc::Sender<Command>,
    incoming: mpsc::Receiver<Incoming>,
    held: BTreeSet<OrgId>,
    connected: BTreeSet<NodeKey>,
    equal_at: BTreeMap<NodeKey, u64>,
    alarms: Alarms,
    tally: Tally,
    /// The alarm of a disk failure, after which nothing is acknowledged.
    broken: Option<Alarm>,
    /// Free space of the disk.
    room: Room,
    pending: BTreeMap<u64, (PendingWrite, Option<Answerer>)>,
    /// Imports under way, the first one being written.
    pub(super) imports: Imports,
    /// Work that reads every record.
    pub(super) sweeps: Sweeps,
    /// Archives that are being read.
    pub(super) archives: Archives,
    token: u64,
    since: Instant,
}

impl Joined {
    /// Loads the state of the folder and starts the network.
    pub(super) async fn start(mut folder: Folder, exposure: Exposure) -> Result<Self, Problem> {
        let founding = folder.founding()?.expect("the folder has joined");
        let org = files::organisation_of(&founding, &folder)
            .ok_or_else(|| Problem::new(codes::NOT_FOR_US, "this device is in no roster of the registry"))?;
        let row = folder.store.get(&files::network_row())?;
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
        let held = read_holds(&folder.store)?;
        let mut alarms = Alarms::load(&folder.store)?;
        alarms.take_doubt(&mut folder.store)?;
        let mut joined = Self {
            folder,
            state,
            cache: Cache::default(),
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
            imports: Imports::default(),
            sweeps: Sweeps::default(),
            archives: Archives::default(),
            token: 0,
            since: Instant::now(),
        };
        joined.open_readers().await?;
        joined.allow().await;
        Ok(joined)
    }

    /// Loads the members' petnames and, if the folder is unlocked, the reader keys, and reads the entries that arrived
    /// while it was locked.
    async fn open_readers(&mut self) -> Result<(), Problem> {
        let is_open = self.give_pens()?;
        self.workspace(|work| work.read_names())?;
        if !is_open {
            return Ok(());
        }
        self.cache.library = Library::load(&self.folder.store)?;
        let now = self.now();
        let step = self.state.relearn(&self.folder.store, now)?;
        self.carry_out(step).await;
        let overdue = Library::overdue(&self.folder.store).and_then(|batch| self.commit(&batch));
        let read = overdue.and_then(|()| self.read_unread()).and_then(|()| self.settle_newer());
        read?;
        self.workspace(|work| work.load_due())?;
        self.cache.queue = ShareQueue::load(&mut self.folder.store, &self.state)?;
        self.run_queue().await;
        Ok(())
    }

    /// Reads the entries that are not read yet and whose keys are here.
    fn read_unread(&mut self) -> Result<(), StoreError> {
        let unread = Library::unread(&self.folder.store)?;
        let batch = self.read(Batch::default(), &unread)?;
        self.commit(&batch)
    }

    /// Gives the signing and reading keys to the core; `false` if the folder is locked.
    fn give_pens(&mut self) -> Result<bool, Problem> {
        let Some(pens) = self.folder.pens() else { return Ok(false) };
        let epochs = sync::epochs(&self.folder.store)?;
        self.state.unlock(pens, epochs);
        Ok(true)
    }

    /// Unlocks the folder with its keys.
    pub(super) async fn unlock(&mut self, keys: &Keys) -> Result<(), Problem> {
        self.folder.unlock(keys)?;
        self.open_readers().await
    }

    /// Waits for the next event. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        let due = self.state.due().map(|due| Duration::from_millis(due.0));
        let core = due.map(|due| due.saturating_sub(self.since.elapsed()));
        // While nothing can be written, the queue is not due.
        let queue = self.cache.queue.due_at().filter(|_| !self.is_broken());
        let queue = queue.map(|due| Duration::from_secs(due.saturating_sub(utc_now())));
        let room = self.is_short().then(|| self.room.wait());
        let wait = core.into_iter().chain(queue).chain(room).min();
        tokio::select! {
            incoming = self.incoming.recv() => incoming.map_or(Event::NetworkEnded, Event::Incoming),
            () = time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => Event::Due,
        }
    }

    /// Handles an event.
    pub(super) async fn handle_event(&mut self, event: Event) {
        let input = match event {
            Event::Due => {
                if self.is_short() {
                    self.look_for_room().await;
                }
                Input::Tick
            }
            Event::NetworkEnded => {
                // Without a network the folder can still be read and written; do not spin on the closed channel.
                time::sleep(Duration::from_secs(1)).await;
                return;
            }
            Event::Incoming(Incoming::Up(peer)) => {
                self.connected.insert(peer);
                tracing::info!(?peer, "connected");
                Input::Up(peer)
            }
            Event::Incoming(Incoming::Down(peer, reason)) => {
                self.connected.remove(&peer);
                tracing::info!(?peer, reason, "severed");
                Input::Down(peer)
            }
            Event::Incoming(Incoming::Received(peer, received)) => {
                if !self.can_take(&received).await {
                    return;
                }
                Input::Received(peer, received)
            }
            Event::Incoming(Incoming::Garbage(peer)) => Input::Garbage(peer),
            Event::Incoming(Incoming::Written(peer)) => Input::Written(peer),
        };
        self.handle(input).await;
        self.run_queue().await;
    }

    pub(super) async fn handle(&mut self, input: Input) {
        let now = self.now();
        match self.state.handle(&self.folder.store, input, now) {
            Ok(step) => self.carry_out(step).await,
            Err(error) => self.fail(&error).await,
        }
    }

    /// Carries out a step: first commits its batch durably, then applies its effects in order.
    async fn carry_out(&mut self, mut step: Step) {
        if let Err(problem) = self.complete_writes(&mut step) {
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
        made_again(&step.effects, &mut step.persist);
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

    /// Adds to a step what must become durable with its write: labels of an import, and updates of shared copies to
    /// come.
    fn complete_writes(&mut self, step: &mut Step) -> Result<(), Problem> {
        for effect in &step.effects {
            let Effect::Notice(Notice::Saved { token, .. }) = effect else { continue };
            if let Some((mut pending, answerer)) = self.pending.remove(token) {
                let completed = self.workspace(|work| work.complete(&mut pending, &mut step.persist));
                self.pending.insert(*token, (pending, answerer));
                completed?;
            }
        }
        Ok(())
    }

    /// Handles a failure of the disk: nothing more is acknowledged, the state is reloaded, and an alarm is set.
    pub(super) async fn fail(&mut self, error: &StoreError) {
        let problem = Problem::from(error);
        tracing::error!(code = problem.code, reason = problem.message, "the store failed; nothing more is confirmed");
        for reply in std::mem::take(&mut self.pending).into_values().filter_map(|(_, reply)| reply) {
            reply.answer(Err(problem.clone()));
        }
        self.imports.end(&problem);
        self.broken = Some(Alarm { problem, since: Some(utc_now()) });
        self.tell(Command::Allow(vec![])).await;
        if let Err(problem) = self.reload() {
            tracing::error!(code = problem.code, reason = problem.message, "the store cannot be read either");
        }
    }

    /// Reloads the state from the disk, since memory is ahead of it by what could not be written.
    fn reload(&mut self) -> Result<(), Problem> {
        let founding = self.folder.founding()?.expect("the folder has joined");
        self.state = core(&mut self.folder, &founding, self.state.organisation())?;
        self.cache.forget();
        self.sweep_again();
        if self.give_pens()? {
            self.workspace(|work| work.load_due())?;
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() { Ok(()) } else { self.folder.store.commit(batch) }
    }

    /// Folds entries into their sections, if their keys are here. Returns the batch that accepted them, with the rows
    /// of the section index.
    fn read(&mut self, pending: Batch, ids: &[EntryId]) -> Result<Batch, StoreError> {
        let reading = self.workspace(|work| work.read(pending, ids))?;
        self.sweeps.changed(reading.changed.keys());
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

    /// Runs `work` with the workspace, and raises the alarms that it found.
    pub(super) fn workspace<T>(&mut self, work: impl FnOnce(&mut Workspace<'_, Rocks>) -> T) -> T {
        let (store, entropy) = self.folder.store_and_entropy();
        let done = work(&mut Workspace { state: &self.state, store, cache: &mut self.cache, entropy, now: utc_now() });
        for problem in self.cache.take_alarms() {
            self.alarm(problem);
        }
        done
    }

    /// Prepares a write and begins it. Its request is answered once it is durable.
    pub(super) async fn write(
        &mut self,
        answerer: &mut Option<Answerer>,
        prepare: impl FnOnce(&mut Workspace<'_, Rocks>) -> Result<Prepared, Problem>,
    ) -> Result<Outcome, Problem> {
        if let Some(problem) = self.obstacle().await {
            return Err(problem);
        }
        match self.workspace(prepare)? {
            Prepared::Answer(reply) => Ok(Outcome::Reply(*reply)),
            Prepared::Write(pending, entries) => {
                let token = self.next_token();
                self.pending.insert(token, (pending, answerer.take()));
                self.append(token, entries).await;
                Ok(Outcome::Later)
            }
        }
    }

    async fn append(&mut self, token: u64, entries: Vec<(CircleId, Content)>) {
        let seed = self.folder.entropy().bytes();
        self.handle(Input::Write(Write { token, entries, seed })).await;
    }

    /// Runs the next step of the share queue that is due. The step after it waits until other events had their turn.
    pub(super) async fn run_queue(&mut self) {
        if self.folder.pens().is_none() || self.is_broken() {
            return;
        }
        let step = match self.workspace(|work| work.next_queue_step()) {
            Ok(QueueStep::Idle | QueueStep::Done) => return,
            Ok(QueueStep::Write(entries)) => {
                let token = self.next_token();
                self.cache.queue.began(token).map(|()| (token, entries))
            }
            Err(problem) => Err(problem),
        };
        match step {
            Ok((token, entries)) => self.append(token, entries).await,
            Err(problem) => {
                tracing::warn!(code = problem.code, "sharing stopped until the folder is unlocked again");
                self.alarm(problem);
                self.cache.queue = ShareQueue::default();
            }
        }
    }

    /// Acknowledges the alarms with this code.
    pub(super) fn acknowledge(&mut self, code: &str) -> Result<Reply, Problem> {
        if self.settle_alarms(code)? {
            return Ok(Reply::Status(Box::new(self.status(vec![]))));
        }
        let message = format!("no alarm has the code «{code}»");
        Err(Problem::new(codes::NO_ALARM, message).saying("code").with("code", code))
    }

    /// Returns the id of the registry.
    pub(super) fn registry(&self) -> RegistryId {
        self.state.replica().members.registry()
    }

    pub(super) fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    /// Whether nothing can be written: the disk failed, or has too little room.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some() || self.is_short()
    }

    fn saved(&mut self, token: u64, entries: Vec<EntryId>) {
        self.imports.saved(token);
        let Some((pending, reply)) = self.pending.remove(&token) else { return };
        if let (Some(reply), Some(answer)) = (reply, pending.reply(entries)) {
            reply.answer(Ok(answer));
        }
    }

    fn now(&self) -> Tick {
        Tick(u64::try_from(self.since.elapsed().as_millis()).expect("a process does not run for 500 million years"))
    }

    /// Stops the network.
    pub(super) async fn stop(&mut self) {
        self.tell(Command::Stop).await;
        while self.incoming.recv().await.is_some() {}
    }
}

/// Loads the core from the store.
fn core(folder: &mut Folder, founding: &Founding, org: OrgId) -> Result<State, Problem> {
    let keys = [folder.device().author, folder.device().desk];
    // A folder that was copied or restored starts new incarnations: its last entries may have been continued elsewhere.
    let moved = whereabouts(&folder.path.join("store"), &folder.store);
    let runs = match moved.map_err(|error| Problem::new(codes::DISK, error.to_string()))? {
        Whereabouts::Same => sync::runs(&folder.store, &keys)?,
        Whereabouts::Moved { remember } => {
            let mut batch = remember;
            batch.append(sync::renew(&keys));
            folder.store.commit(&batch)?;
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
    Ok(State::load(start, &folder.store)?)
}
