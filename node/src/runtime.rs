//! The runtime: one thread that handles all jobs, frames and timers in order, and reads the clock for the core.
//!
//! Jobs from the socket, frames from the network and timers arrive here one by one; `protocol::replication::sync`
//! decides; the batch is written to the disk and synced; then the effects are carried out. Frames are read and verified
//! on other threads before, in order.

mod answerer;
mod archiving;
mod beside;
mod dispatch;
mod doctor;
mod files;
mod folder;
mod joined;
pub(crate) mod saving;
mod sweep;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use protocol::{
    app::{
        control::{NodeState, Problem, Reply, Request, Status, codes},
        import::{ImportErrors, Imported},
    },
    bytes::{cose::Signer, ids::RegistryId},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};

use crate::{
    backup, hardening, making,
    metrics::{self, Figures},
    net,
    vault::{self, Keys, RootKey},
};
use beside::Beside;
use folder::Folder;
use joined::Joined;

pub use answerer::{Answerer, Awaited, Teller};

/// Time limit for background work at the end of the node: it may wait for a place that does not answer.
const BESIDE_TIME_MAX: Duration = Duration::from_secs(3);

/// Keys, files and permits that the api opened for a request, by passphrases or by reading files.
#[derive(Debug, Default)]
pub struct Opened {
    /// Keys of the vault.
    pub keys: Option<Keys>,
    /// Root key of the organisation.
    pub root: Option<RootKey>,
    /// An unpacked backup: its size, its folder, and the permit to use the folder.
    pub backup: Option<(backup::Summary, PathBuf, OwnedSemaphorePermit)>,
    /// Content of an imported file.
    pub import: Option<Result<Vec<Imported>, ImportErrors>>,
    /// Permit to have a large request in memory, until it is done.
    pub turn: Option<OwnedSemaphorePermit>,
}

impl Opened {
    /// Whether anything was opened: keys, a backup or a file.
    pub(crate) fn is_anything(&self) -> bool {
        self.keys.is_some() || self.root.is_some() || self.backup.is_some() || self.import.is_some()
    }

    /// Returns the signer of the root key.
    fn root(&self) -> Result<Signer, Problem> {
        self.root.as_ref().map(|root| Signer::new(root.seed())).ok_or_else(dispatch::not_opened)
    }
}

/// A request for the runtime, with what was opened for it and the sender for its answer.
#[derive(Debug)]
pub struct Job {
    /// The request.
    pub request: Request,
    /// Keys and files opened for the request.
    pub opened: Opened,
    /// Sender of the answer.
    pub reply: Answerer,
}

/// Network exposure of this node.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// Whether and how host names of peers are looked up.
    pub names: net::Names,
}

/// Starts the runtime on its own thread. The runtime ends when the last sender of jobs is dropped.
///
/// # Errors
///
/// The I/O error of starting the thread.
pub fn spawn(folder: Arc<Path>, exposure: Exposure, jobs: mpsc::Receiver<Job>) -> std::io::Result<JoinHandle<()>> {
    let threads = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("runtime".into()).spawn(move || {
        let mut runtime = Runtime { folder, exposure, phase: Phase::Closed, beside: Beside::default() };
        threads.block_on(runtime.run(jobs));
    })
}

struct Runtime {
    folder: Arc<Path>,
    exposure: Exposure,
    phase: Phase,
    beside: Beside,
}

/// State of the folder.
enum Phase {
    /// Closed: no keys in memory.
    Closed,
    /// Open, in no registry.
    NotJoined(Box<Folder>),
    /// Open, in a registry, on the network.
    Joined(Box<Joined>),
}

impl Runtime {
    async fn run(&mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            // Only waiting is cancelled; a received job or event is always completed.
            let job = match &mut self.phase {
                Phase::Joined(joined) => {
                    let sweeps = !joined.is_swept();
                    let (archives, room) = (joined.archives.are_under_way(), joined.archives.room());
                    tokio::select! {
                        biased;
                        job = jobs.recv() => job,
                        Some(done) = self.beside.next() => {
                            done.tell();
                            continue;
                        }
                        event = joined.next() => {
                            joined.handle_event(event).await;
                            self.sweep().await;
                            continue;
                        }
                        () = std::future::ready(()), if sweeps => {
                            self.sweep().await;
                            continue;
                        }
                        () = room.notified(), if archives => {
                            self.sweep().await;
                            continue;
                        }
                    }
                }
                _ => tokio::select! {
                    biased;
                    job = jobs.recv() => job,
                    Some(done) = self.beside.next() => {
                        done.tell();
                        continue;
                    }
                },
            };
            let Some(Job { request, opened, reply }) = job else { break };
            self.handle_request(request, opened, reply).await;
            self.sweep().await;
        }
        if let Phase::Joined(joined) = &mut self.phase {
            joined.archives.end();
        }
        let beside = async {
            while let Some(done) = self.beside.next().await {
                done.tell();
            }
        };
        if timeout(BESIDE_TIME_MAX, beside).await.is_err() {
            tracing::warn!("a backup or an archive that did not end in time is given up");
        }
        if let Phase::Joined(joined) = &mut self.phase {
            joined.stop().await;
        }
    }

    /// Runs one step of the work that goes on between requests: a few lines of the catalogue, one record of a sweep, a
    /// few records of an import.
    async fn sweep(&mut self) {
        let Phase::Joined(joined) = &mut self.phase else { return };
        joined.go_on_importing().await;
        joined.evaluate().await;
        if let Some((answer, reply)) = joined.sweep() {
            reply.answer(answer);
        }
    }

    fn status(&mut self) -> Reply {
        Reply::Status(Box::new(self.phase.status(&self.folder, &self.exposure.listen)))
    }

    /// Locks the folder: drops the reader keys and everything that was read with them, in background work too.
    async fn lock(&mut self) -> Result<Reply, Problem> {
        match &mut self.phase {
            Phase::Closed => {}
            Phase::NotJoined(folder) => folder.lock(),
            Phase::Joined(joined) => joined.lock(),
        }
        let is_ended = self.beside.revoke().await;
        hardening::overwrite_stack();
        if is_ended {
            Ok(self.status())
        } else {
            let message =
                "locked; but an archive is being written to a place that does not answer, and is still in memory";
            Err(Problem::new(codes::STILL_READING, message))
        }
    }

    /// Wipes the folder: destroys the keys first, since everything else is useless without them. The api has done so
    /// already, off this thread; the repetition retries what failed.
    async fn wipe(&mut self) -> Result<Reply, Problem> {
        let wiped = vault::wipe(&self.folder);
        self.phase = Phase::Closed;
        // An archive under way is cancelled; a backup under way checks the marker itself.
        let _in_time = self.beside.revoke().await;
        match wiped {
            Ok(()) => {
                tracing::warn!("the keys of this folder were destroyed");
                Ok(Reply::Stopping)
            }
            Err(error) => Err(Problem::new(codes::DISK, error.to_string())),
        }
    }

    /// Refuses a wiped folder: keys that were derived before a wipe may arrive after it.
    fn refuse_if_wiped(&self) -> Result<(), Problem> {
        if is_wiped(&self.folder) { Err(closed(&self.folder)) } else { Ok(()) }
    }

    async fn init(&mut self, opened: Opened) -> Result<Reply, Problem> {
        self.refuse_if_wiped()?;
        let keys = opened.keys.ok_or_else(dispatch::not_opened)?;
        let made = Folder::make(&self.folder, keys, opened.root.as_ref()).and_then(|folder| {
            making::end(&self.folder).map(|()| folder).map_err(|error| saving::disk_problem(&error))
        });
        let folder = made.inspect_err(|_| {
            // Remains that cannot be removed now are removed at the next start.
            let _at_the_next_start = making::clear(&self.folder);
        })?;
        self.phase = Phase::NotJoined(Box::new(folder));
        Ok(self.status())
    }

    async fn unlock(&mut self, opened: Opened) -> Result<Reply, Problem> {
        self.refuse_if_wiped()?;
        let keys = opened.keys.ok_or_else(dispatch::not_opened)?;
        match &mut self.phase {
            Phase::Closed => {
                let folder = Folder::open(&self.folder, keys)?;
                self.phase = match folder.is_joined()? {
                    true => Phase::Joined(Box::new(Joined::start(folder, self.exposure.clone()).await?)),
                    false => Phase::NotJoined(Box::new(folder)),
                };
            }
            Phase::NotJoined(folder) => folder.unlock(&keys)?,
            Phase::Joined(joined) => joined.unlock(&keys).await?,
        }
        Ok(self.status())
    }

    async fn join(&mut self, registry: &str) -> Result<Reply, Problem> {
        let Phase::NotJoined(mut folder) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            unreachable!("matched a line above");
        };
        match files::join(&mut folder, registry) {
            Ok(()) => {
                self.phase = Phase::Joined(Box::new(Joined::start(*folder, self.exposure.clone()).await?));
                Ok(self.status())
            }
            Err(problem) => {
                self.phase = Phase::NotJoined(folder);
                Err(problem)
            }
        }
    }
}

impl Phase {
    fn folder(&mut self) -> Option<&mut Folder> {
        match self {
            Self::Closed => None,
            Self::NotJoined(folder) => Some(folder),
            Self::Joined(joined) => Some(&mut joined.folder),
        }
    }

    /// Id of the registry, once joined.
    fn registry(&self) -> Option<RegistryId> {
        match self {
            Self::Closed | Self::NotJoined(_) => None,
            Self::Joined(joined) => Some(joined.registry()),
        }
    }

    fn figures(&mut self, folder: &Path) -> Figures {
        let made = backup::last(folder);
        Figures {
            unlocked: self.folder().is_some_and(|open| open.pens().is_some()),
            store_bytes: metrics::bytes_below(&folder.join("store")).unwrap_or(0),
            backup_age: made.map(|made| utc_now().saturating_sub(made)),
            joined: match self {
                Self::Joined(joined) => Some(joined.figures()),
                _ => None,
            },
        }
    }

    fn status(&mut self, folder: &Path, listen: &[SocketAddr]) -> Status {
        let listening = listen.iter().map(ToString::to_string).collect();
        match self {
            Self::Joined(joined) => joined.status(listening),
            Self::NotJoined(open) => Status {
                organisation: open.organisation(),
                call_sign: open.call_sign(),
                node: Some(open.node()),
                alarms: open.doubt().into_iter().collect(),
                ..blank(NodeState::Alone, listening)
            },
            Self::Closed => blank(held(folder), listening),
        }
    }
}

/// Determines the state of a folder that is not open.
fn held(folder: &Path) -> NodeState {
    let holds = |name: &str| folder.join(name).symlink_metadata().is_ok();
    if is_wiped(folder) {
        NodeState::Wiped
    } else if making::is_unfinished(folder) {
        NodeState::Empty
    } else if ["vault", "vault.copy", "store"].into_iter().any(holds) {
        NodeState::Sealed
    } else {
        NodeState::Empty
    }
}

/// Whether the folder was wiped; if this cannot be determined, it counts as wiped.
fn is_wiped(folder: &Path) -> bool {
    vault::is_wiped(folder).unwrap_or(true)
}

/// Problem of a request to a folder that is not open.
pub(crate) fn closed(folder: &Path) -> Problem {
    match held(folder) {
        NodeState::Wiped => {
            Problem::new(codes::WIPED, "the keys of this folder were destroyed; nobody opens it any more")
        }
        NodeState::Empty => Problem::new(codes::EMPTY, "this folder has no keys yet"),
        _ => Problem::new(codes::SEALED, "this folder is closed"),
    }
}

/// Problem of opening a folder without key files.
pub(crate) fn without_keys(folder: &Path) -> Problem {
    match held(folder) {
        NodeState::Sealed => {
            let message = "the folder has records, and the files that hold its keys are missing";
            Problem::new(codes::NO_KEYS, message)
        }
        _ => closed(folder),
    }
}

fn blank(state: NodeState, listening: Vec<String>) -> Status {
    Status {
        state,
        registry: None,
        registry_words: None,
        organisation: None,
        call_sign: None,
        node: None,
        listening,
        peers: vec![],
        circles: vec![],
        cases: 0,
        dockets: 0,
        shared_cases: 0,
        received_cases: 0,
        wanted: 0,
        alarms: vec![],
        as_of: utc_now(),
    }
}

/// Returns the time of the calendar clock in seconds UTC: a claimed time, by which no rule decides.
fn utc_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
