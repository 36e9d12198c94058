//! The runtime: one thread on which everything happens in order; the only place that reads the clock.
//!
//! Jobs from the socket, frames from the network and time arrive here one by one; `protocol::replication::sync` decides; the batch goes
//! to the disk and is synced; then the effects go out. Frames are read and verified on other threads before, in order.

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
use sweep::Swept;

pub use answerer::{Answerer, Awaited, Teller};

/// How long work beside the runtime may take when the node ends: it may wait for a place that does not answer.
const BESIDE_TIME_MAX: Duration = Duration::from_secs(3);

/// What the passphrases of a request opened.
#[derive(Debug, Default)]
pub struct Opened {
    /// The vault's keys.
    pub keys: Option<Keys>,
    /// The organisation's root key.
    pub root: Option<RootKey>,
    /// A backup that was unpacked, where, and the right to have it there.
    pub backup: Option<(backup::Summary, PathBuf, OwnedSemaphorePermit)>,
    /// A file that was read.
    pub import: Option<Result<Vec<Imported>, ImportErrors>>,
    /// The right to have a large request in memory, until it is done.
    pub turn: Option<OwnedSemaphorePermit>,
}

impl Opened {
    /// Whether there was a passphrase to try, or a file to read.
    pub(crate) fn is_anything(&self) -> bool {
        self.keys.is_some() || self.root.is_some() || self.backup.is_some() || self.import.is_some()
    }

    /// The root key, ready to sign.
    fn root(&self) -> Result<Signer, Problem> {
        self.root.as_ref().map(|root| Signer::new(root.seed())).ok_or_else(dispatch::not_opened)
    }
}

/// A request, what it opened, and where the answer goes.
#[derive(Debug)]
pub struct Job {
    /// What is asked.
    pub request: Request,
    /// What its passphrases opened.
    pub opened: Opened,
    /// Where the answer goes.
    pub reply: Answerer,
}

/// What of this node others can see.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// Whether and how it looks up the host names of its peers.
    pub names: net::Names,
}

/// Starts the runtime on its own thread. It ends when the last sender of jobs is gone.
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

/// How far the folder is open.
enum Phase {
    /// No keys in memory: never made, or sealed.
    Closed,
    /// Open, in no registry.
    NotJoined(Box<Folder>),
    /// In a registry, on the network.
    Joined(Box<Joined>),
}

impl Runtime {
    async fn run(&mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            // Only waiting can be cancelled; what was taken up is carried to its end.
            let job = match &mut self.phase {
                Phase::Joined(joined) => {
                    let sweeps = !joined.is_swept();
                    tokio::select! {
                        biased;
                        job = jobs.recv() => job,
                        Some(done) = self.beside.next() => {
                            done.tell();
                            continue;
                        }
                        event = joined.next() => {
                            joined.handle_event(event).await;
                            self.sweep();
                            continue;
                        }
                        () = std::future::ready(()), if sweeps => {
                            self.sweep();
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
            self.sweep();
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

    /// Goes on with what looks at every record: at one of them.
    fn sweep(&mut self) {
        let Phase::Joined(joined) = &mut self.phase else { return };
        match joined.sweep() {
            None => {}
            Some(Swept::Answer(answer, reply)) => reply.answer(*answer),
            Some(Swept::Archive(archive, manner, to, reply)) => {
                archiving::write(*archive, manner, to, reply, &mut self.beside);
            }
            Some(Swept::Figures(reply)) => {
                let text = self.phase.figures(&self.folder).text();
                reply.answer(Ok(Reply::Metrics { text }));
            }
        }
    }

    fn status(&mut self) -> Reply {
        Reply::Status(Box::new(self.phase.status(&self.folder, &self.exposure.listen)))
    }

    /// Drops everything that opens or says what people read here, also what work beside this thread holds of it.
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

    /// Destroys the keys first; everything else is useless without them. Whoever asked for it has done so already, off
    /// this thread, and here it is repeated: what failed then may go now.
    async fn wipe(&mut self) -> Result<Reply, Problem> {
        let wiped = vault::wipe(&self.folder);
        self.phase = Phase::Closed;
        // An archive under way is not finished; a backup under way looks for the marker itself.
        let _in_time = self.beside.revoke().await;
        match wiped {
            Ok(()) => {
                tracing::warn!("the keys of this folder were destroyed");
                Ok(Reply::Stopping)
            }
            Err(error) => Err(Problem::new(codes::DISK, error.to_string())),
        }
    }

    /// Keys that were derived before a wipe arrive after it: they open nothing any more.
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
            // What cannot be cleared away now is at the next start.
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

    /// The registry it is in.
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

/// What a folder holds that is not open.
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

/// Where it cannot be told, nothing is opened.
fn is_wiped(folder: &Path) -> bool {
    vault::is_wiped(folder).unwrap_or(true)
}

/// Why a folder that is not open does nothing.
pub(crate) fn closed(folder: &Path) -> Problem {
    match held(folder) {
        NodeState::Wiped => {
            Problem::new(codes::WIPED, "the keys of this folder were destroyed; nobody opens it any more")
        }
        NodeState::Empty => Problem::new(codes::EMPTY, "this folder has no keys yet"),
        _ => Problem::new(codes::SEALED, "this folder is closed"),
    }
}

/// Why a folder without keys is not opened.
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

/// Seconds UTC. The one reading of the calendar clock; it is claimed, never decided by.
fn utc_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
