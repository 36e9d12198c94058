//! The HTTP API on the node's Unix socket: one request and one answer per connection, for users who may open the
//! folder.
//!
//! Trying a passphrase takes most of a second, and a large file takes time to read. So both are done here, on a
//! blocking thread, and the runtime gets the result. A client that accepts lines gets progress before the answer. The
//! socket is in the folder (0700) and belongs to its user (0600).
//!
//! A wipe does not wait for the runtime: the keys are destroyed here, and keys that were derived before are refused
//! there. Every operation ends in bounded time, whatever a thread waits for. If the runtime ends by itself, the process
//! ends too, with an exit status that says so.

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{Stream, stream};
use protocol::{
    app::{
        control::{Answer, LINES, Passphrase, Problem, Progress, Reply, Request, Unit, codes},
        import,
    },
    bytes::{
        ids::EntityId,
        limits::{PASSPHRASE_CHARS, PASSPHRASE_LETTERS},
        seal::Entropy,
    },
};
use rustix::process::Signal;
use serde::Serialize;
use thiserror::Error;
use tokio::{
    net::UnixListener,
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, RwLock, Semaphore, mpsc, oneshot},
    time::timeout,
};

use crate::{
    backup, durable, hardening, making,
    metrics::MEDIA_TYPE,
    runtime::{self, Answerer, Awaited, Exposure, Job, Opened, Teller},
    vault::{self, Cost, Keys, RootKey, Vault, VaultError},
};

mod body;
mod socket;

use body::{Large, busy};

/// Capacity of the runtime's job channel.
const JOBS: usize = 64;
/// Time limit for the runtime to end, once no job can reach it any more.
const END_TIME_MAX: Duration = Duration::from_secs(5);
/// Time limit of a wipe for the runtime to drop its keys: on the disk they are gone before.
const WIPE_TIME_MAX: Duration = Duration::from_secs(1);
const LISTEN: &str = "listen on the address given";

/// Error of serving a folder.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The system refused an operation.
    #[error("cannot {attempted}: {source}")]
    Io {
        /// The attempted operation, as a verb phrase.
        attempted: &'static str,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// Another node uses the folder.
    #[error("another node uses this folder")]
    InUse,
    /// The runtime ended by itself. Nothing that was confirmed is lost, and the node may be started again.
    #[error("the node broke: a mistake of ours; nothing that was confirmed is lost, and it may be started again")]
    Broken,
    /// The runtime did not end in time. Nothing that was confirmed is lost.
    #[error("the node did not end in time; nothing that was confirmed is lost")]
    Stuck,
}

impl ServeError {
    fn io(attempted: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { attempted, source }
    }

    /// Converts the error to a problem with its code.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let code = match self {
            Self::InUse => codes::IN_USE,
            Self::Io { attempted: LISTEN, .. } => codes::ADDRESS,
            Self::Io { .. } | Self::Stuck => codes::DISK,
            Self::Broken => codes::INTERNAL,
        };
        Problem::new(code, self.to_string())
    }
}

#[derive(Clone)]
struct Door {
    porter: Arc<Porter>,
    large: Large,
    jobs: mpsc::Sender<Job>,
    stop: mpsc::Sender<()>,
    /// Whether a stop was requested.
    ends: Arc<AtomicBool>,
}

/// Reason for the end of serving.
enum End {
    /// A stop was requested.
    Asked,
    /// The runtime has ended by itself.
    Broken,
}

/// Receiver of the answer.
type Replied = oneshot::Receiver<Result<Reply, Problem>>;

/// Opener of what a request needs: tries passphrases, reads files.
struct Porter {
    folder: Arc<Path>,
    /// Lock on trying passphrases, one at a time: many concurrent attempts would all pass before the first wrong one
    /// causes a wait.
    trying: Mutex<()>,
    /// Permit to unpack a backup, one at a time, since all use the same folder. Separate from `trying`: a source that
    /// does not answer must not block passphrases.
    unpacking: Arc<Semaphore>,
    /// Lock held for reading by an import while its text is in memory: locking the folder waits for it.
    texts: RwLock<()>,
}

/// Serves a folder until it is told to stop.
///
/// # Errors
///
/// [`ServeError::InUse`] if another node uses the folder, [`ServeError::Io`] if it cannot start, [`ServeError::Broken`]
/// or [`ServeError::Stuck`] if the runtime did not end properly.
pub async fn serve(folder: &Path, exposure: Exposure) -> Result<(), ServeError> {
    durable::make_folder(folder).map_err(ServeError::io("make the folder"))?;
    let _until_the_end = claim(folder)?;
    complete(folder)?;
    making::clear(folder).map_err(ServeError::io("clear away what was never finished"))?;
    serve_with(folder, exposure, runtime::spawn).await
}

/// Completes an interrupted wipe or restore.
fn complete(folder: &Path) -> Result<(), ServeError> {
    match vault::complete(folder) {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!("the keys of this folder were destroyed; nothing in it opens any more");
            return Ok(());
        }
        // The marker alone keeps the folder closed.
        Err(error) => tracing::error!(%error, "a wipe could not be completed"),
    }
    // The lock file exists from the start, so that a refused request leaves no new file in the folder.
    drop(vault::wipe::Gate::enter(folder));
    match backup::complete(folder) {
        Ok(false) => Ok(()),
        Ok(true) => {
            tracing::info!("a restore that was cut is completed");
            Ok(())
        }
        Err(backup::BackupError::Io { attempted, source }) => Err(ServeError::io(attempted)(source)),
        Err(_wiped_meanwhile) => Ok(()),
    }
}

/// Serves a claimed folder with the runtime that `spawn` starts.
async fn serve_with(
    folder: &Path,
    exposure: Exposure,
    spawn: impl FnOnce(Arc<Path>, Exposure, mpsc::Receiver<Job>) -> io::Result<JoinHandle<()>>,
) -> Result<(), ServeError> {
    // Exceeding the file size limit (setrlimit(2)) then is an error of the write, not the end of the process.
    let _never_read =
        signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map_err(ServeError::io("listen for signals"))?;
    let socket = folder.join("api.sock");
    let listener = bind(&socket)?;
    let exposure = Exposure { listen: settle(exposure.listen).map_err(ServeError::io(LISTEN))?, ..exposure };
    let (jobs, queue) = mpsc::channel(JOBS);
    let (stop, mut stopping) = mpsc::channel(1);
    let folder: Arc<Path> = Arc::from(folder);
    let core = spawn(folder.clone(), exposure, queue).map_err(ServeError::io("start a thread"))?;
    let porter =
        Porter { folder, trying: Mutex::new(()), unpacking: Arc::new(Semaphore::new(1)), texts: RwLock::new(()) };
    let (alive, ends) = (jobs.clone(), Arc::new(AtomicBool::new(false)));
    let door = Door { porter: Arc::new(porter), large: Large::new(), jobs, stop, ends: Arc::clone(&ends) };
    let router = Router::new().route("/v1", post(answer)).route("/metrics", get(metrics)).with_state(door);
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate()).map_err(ServeError::io("listen for signals"))?,
        signal(SignalKind::interrupt()).map_err(ServeError::io("listen for signals"))?,
    );
    tracing::info!("ready");
    let until = async move {
        let end = tokio::select! {
            _ = stopping.recv() => End::Asked,
            _ = terminate.recv() => End::Asked,
            _ = interrupt.recv() => End::Asked,
            () = alive.closed() => End::Broken,
        };
        ends.store(matches!(end, End::Asked), Relaxed);
        end
    };
    let end = socket::serve(listener, router, too_many, until).await;
    let _ = fs::remove_file(&socket);
    // The router is dropped and with it the last sender of jobs: the runtime ends after its last job.
    let joined = timeout(END_TIME_MAX, tokio::task::spawn_blocking(move || core.join())).await;
    let ended = match (end, joined) {
        (End::Asked, Ok(Ok(Ok(())))) => Ok(()),
        (_, Err(_late)) => Err(ServeError::Stuck),
        _ => Err(ServeError::Broken),
    };
    tracing::info!(clean = ended.is_ok(), "stopped");
    ended
}

/// Claims the folder with a lock. Of several nodes that start on it one succeeds, and may then replace files that an
/// earlier one left. A test whether the old socket answers would let two that start at once both succeed.
fn claim(folder: &Path) -> Result<File, ServeError> {
    let mut options = File::options();
    let lock = options.write(true).create(true).truncate(false).mode(0o600).custom_flags(durable::AS_IT_LIES);
    let lock = lock.open(folder.join("lock"));
    let lock = lock.map_err(ServeError::io("open the lock of the folder"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse),
        Err(TryLockError::Error(error)) => Err(ServeError::io("lock the folder")(error)),
    }
}

/// Binds the socket, and replaces one that a killed node left.
fn bind(socket: &Path) -> Result<UnixListener, ServeError> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ServeError::io("replace the old socket")(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(ServeError::io("make the socket"))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).map_err(ServeError::io("close the socket"))?;
    Ok(listener)
}

/// Binds port 0 addresses to ports chosen by the system, so that a card can name them before the network starts.
fn settle(listen: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let choose = |address: SocketAddr| match address.port() {
        0 => TcpListener::bind(address)?.local_addr(),
        _ => Ok(address),
    };
    listen.into_iter().map(choose).collect()
}

/// Response to a connection beyond the limit.
fn too_many() -> Response {
    let problem = busy("too many connections at once");
    (StatusCode::SERVICE_UNAVAILABLE, Json(Answer::Problem(problem))).into_response()
}

async fn answer(State(door): State<Door>, headers: HeaderMap, body: Body) -> Response {
    let read = match door.large.read(body).await {
        Ok(read) => read,
        Err(problem) => return Json(Answer::Problem(problem)).into_response(),
    };
    let (answerer, Awaited { reply, progress }) = Answerer::new();
    let in_lines = headers.get(ACCEPT).is_some_and(|accepted| accepted == LINES);
    if in_lines {
        let answer = door.answer(read, answerer, reply);
        ([(CONTENT_TYPE, LINES)], Body::from_stream(lines(progress, answer))).into_response()
    } else {
        Json(door.answer(read, answerer, reply).await).into_response()
    }
}

/// Streams the progress and then the answer, one line each.
fn lines(
    progress: mpsc::Receiver<Progress>,
    answer: impl Future<Output = Answer> + Send + 'static,
) -> impl Stream<Item = serde_json::Result<String>> {
    stream::unfold(Some((progress, Box::pin(answer))), async |state| {
        let (mut progress, mut answer) = state?;
        tokio::select! {
            biased;
            Some(progressed) = progress.recv() => Some((line(&progressed), Some((progress, answer)))),
            answer = &mut answer => Some((line(&answer), None)),
        }
    })
}

fn line(what: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(what).map(|line| line + "\n")
}

/// Answers a request for metrics. It needs no body and no version, since OpenMetrics is a standard.
async fn metrics(State(door): State<Door>) -> Response {
    let (answerer, awaited) = Answerer::new();
    match door.carry(Request::Metrics, None, answerer, awaited.reply).await {
        Ok(Reply::Metrics { text }) => ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Door {
    async fn answer(
        self,
        (body, turn): (Vec<u8>, Option<OwnedSemaphorePermit>),
        answerer: Answerer,
        reply: Replied,
    ) -> Answer {
        let request = match serde_json::from_slice::<Request>(&body) {
            Ok(request) => request,
            Err(error) => {
                // The parser's message may quote the request, so only the position is reported.
                let message = format!("not a request this node understands (column {})", error.column());
                return Answer::Problem(Problem::new(codes::REQUEST, message));
            }
        };
        drop(body);
        match self.carry(request, turn, answerer, reply).await {
            Ok(reply) => Answer::Ok(Box::new(reply)),
            Err(problem) => Answer::Problem(problem),
        }
    }

    /// Carries out a request. The turn of a large one ends with it, even if the client has disconnected.
    async fn carry(
        &self,
        request: Request,
        turn: Option<OwnedSemaphorePermit>,
        answerer: Answerer,
        reply: Replied,
    ) -> Result<Reply, Problem> {
        let wipes = matches!(request, Request::Wipe);
        let stops = wipes || matches!(request, Request::Stop);
        let done = self.have_done(request, turn, answerer, reply);
        let answer = match wipes {
            // The keys are gone from the disk before the runtime gets the request, however busy it is.
            true => timeout(WIPE_TIME_MAX, done).await.unwrap_or(Ok(Reply::Stopping)),
            false => done.await,
        };
        if stops {
            let _already_stopping = self.stop.try_send(());
        }
        answer
    }

    async fn have_done(
        &self,
        request: Request,
        turn: Option<OwnedSemaphorePermit>,
        answerer: Answerer,
        reply: Replied,
    ) -> Result<Reply, Problem> {
        let locks = matches!(request, Request::Lock);
        let _text = if let Request::Import { .. } = request { Some(self.porter.texts.read().await) } else { None };
        let (porter, mut teller) = (Arc::clone(&self.porter), answerer.teller.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let opened = porter.open(&request, &mut teller);
            if opened.as_ref().is_ok_and(Opened::is_anything) || opened.is_err() {
                hardening::overwrite_stack();
            }
            opened.map(|opened| (request, Opened { turn, ..opened }))
        });
        let opened = opened.await.map_err(|_| Problem::new(codes::INTERNAL, "opening the vault failed"))?;
        let (request, opened) = opened?;
        self.jobs.send(Job { request, opened, reply: answerer }).await.map_err(|_| self.gone())?;
        let answer = reply.await.map_err(|_| self.gone())?;
        if locks {
            // Imports that were being read are refused by now, and their text is dropped.
            let _no_text = self.porter.texts.write().await;
        }
        answer
    }

    /// Returns the problem to report when the runtime gave no answer.
    fn gone(&self) -> Problem {
        match self.ends.load(Relaxed) {
            true => Problem::new(codes::NOT_RUNNING, "the node is stopping"),
            false => Problem::new(codes::INTERNAL, "the node broke while it did this"),
        }
    }
}

impl Porter {
    /// Opens what a request names: keys, root key, backup or file.
    fn open(&self, request: &Request, teller: &mut Teller) -> Result<Opened, Problem> {
        let mut opened = Opened::default();
        match request {
            Request::Init { passphrase, root_passphrase, demo } => {
                let cost = if *demo { Cost::FLOOR } else { Cost::DEFAULT };
                if root_passphrase.as_ref().is_some_and(|root| vault::same(root, passphrase)) {
                    let message = "the root key needs a passphrase of its own: whoever gets the one must not have both";
                    return Err(Problem::new(codes::SAME_PASSPHRASE, message));
                }
                // Check both before anything is made.
                for passphrase in [Some(passphrase), root_passphrase.as_ref()].into_iter().flatten() {
                    vault::strong(passphrase).map_err(|error| vault_problem(&error))?;
                }
                let _alone = self.alone();
                let found = runtime::closed(&self.folder);
                if found.code == codes::WIPED {
                    return Err(found);
                }
                making::begin(&self.folder).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => vault_problem(&VaultError::Exists),
                    _ => runtime::saving::disk_problem(&error),
                })?;
                let made = self.make_keys(passphrase, root_passphrase.as_ref(), cost);
                (opened.keys, opened.root) = made.inspect_err(|_| {
                    // Remains that cannot be removed now are removed at the next start.
                    let _at_the_next_start = making::clear(&self.folder);
                })?;
            }
            Request::Unlock { passphrase } => {
                let _alone = self.alone();
                let is_there = self.folder.join("vault").exists() || self.folder.join("vault.copy").exists();
                if !is_there || making::is_unfinished(&self.folder) {
                    return Err(runtime::without_keys(&self.folder));
                }
                let (_, keys) =
                    Vault::open(&self.folder, passphrase, SystemTime::now()).map_err(|error| vault_problem(&error))?;
                opened.keys = Some(keys);
            }
            Request::Wipe => vault::wipe(&self.folder).map_err(|error| vault_problem(&error))?,
            Request::BackupVerify { from, passphrase } => {
                let unpacking = self.unpacks()?;
                let unpacked = self.folder.join("verifying");
                // The remains of an earlier crash hold nothing that the backup does not.
                let _nothing_there = fs::remove_dir_all(&unpacked);
                let mut told = |done, all| teller.tell(Unit::Bytes, done, all);
                let looked = backup::unpack(Path::new(from), &unpacked, &mut told)
                    .map_err(|error| runtime::saving::problem(&error))
                    .and_then(|summary| {
                        // Attempts are counted in this folder: the unpacked copy is removed, and a count in it would be
                        // lost.
                        let _alone = self.alone();
                        let attempts = self.folder.join("backup.attempts");
                        let opened = Vault::open_copy(&unpacked, &attempts, passphrase, SystemTime::now());
                        opened.map(|(_, keys)| (summary, keys)).map_err(|error| vault_problem(&error))
                    });
                match looked {
                    Ok((summary, keys)) => {
                        (opened.keys, opened.backup) = (Some(keys), Some((summary, unpacked, unpacking)));
                    }
                    Err(problem) => {
                        let _left_behind = fs::remove_dir_all(&unpacked);
                        return Err(problem);
                    }
                }
            }
            Request::BackupRestore { from } => {
                let unpacking = self.unpacks()?;
                let mut told = |done, all| teller.tell(Unit::Bytes, done, all);
                let prepared = backup::prepare(Path::new(from), &self.folder, &mut told);
                let summary = prepared.map_err(|error| runtime::saving::problem(&error))?;
                opened.backup = Some((summary, self.folder.to_path_buf(), unpacking));
            }
            Request::Import { file, .. } => {
                let mut entropy = entropy()?;
                let mut told = |done, all| teller.tell(Unit::Records, done as u64, all as u64);
                let read = import::import_telling(file.as_bytes(), &mut || EntityId(entropy.bytes()), &mut told);
                opened.import = Some(read);
            }
            Request::Card { root_passphrase, .. }
            | Request::Sign { root_passphrase, .. }
            | Request::Complete { root_passphrase, .. }
            | Request::FoundAlone { root_passphrase }
            | Request::DeviceAdd { root_passphrase, .. } => {
                let _alone = self.alone();
                if !self.folder.join("vault").exists() {
                    return Err(runtime::closed(&self.folder));
                }
                let root = RootKey::open(&self.folder.join("root"), root_passphrase, SystemTime::now());
                opened.root = Some(root.map_err(|error| match error {
                    VaultError::Missing => {
                        Problem::new(codes::NO_ROOT, "the organisation's root key is not on this device")
                    }
                    error => vault_problem(&error),
                })?);
            }
            _ => {}
        }
        Ok(opened)
    }

    /// Creates the vault and, with a root passphrase, the root key.
    fn make_keys(
        &self,
        passphrase: &Passphrase,
        root_passphrase: Option<&Passphrase>,
        cost: Cost,
    ) -> Result<(Option<Keys>, Option<RootKey>), Problem> {
        let mut entropy = entropy()?;
        let made = Vault::create(&self.folder, passphrase, cost, &mut entropy);
        let (_, keys) = made.map_err(|error| vault_problem(&error))?;
        let root = root_passphrase
            .map(|passphrase| RootKey::create(&self.folder.join("root"), passphrase, cost, &mut entropy))
            .transpose()
            .map_err(|error| vault_problem(&error))?;
        Ok((Some(keys), root))
    }

    /// Returns the permit to unpack a backup, held until the runtime has finished with it.
    fn unpacks(&self) -> Result<OwnedSemaphorePermit, Problem> {
        vault::wipe::refuse(&self.folder).map_err(|error| vault_problem(&error))?;
        let busy = |_| busy("another backup is being looked at or restored");
        Arc::clone(&self.unpacking).try_acquire_owned().map_err(busy)
    }

    /// Waits for the lock on trying passphrases; read the clock only after it.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.trying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seeds a random generator from the system.
pub(crate) fn entropy() -> Result<Entropy, Problem> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| Problem::new(codes::INTERNAL, "the system gives no randomness"))?;
    Ok(Entropy::new(seed))
}

fn vault_problem(error: &VaultError) -> Problem {
    let code = match error {
        VaultError::WrongPassphrase => codes::WRONG_PASSPHRASE,
        VaultError::TooSoon { .. } => codes::WAIT,
        VaultError::Missing => codes::EMPTY,
        VaultError::Wiped => codes::WIPED,
        VaultError::Weak => codes::WEAK_PASSPHRASE,
        VaultError::Exists => codes::NOT_EMPTY,
        VaultError::Io { .. } => codes::DISK,
        _ => codes::VAULT,
    };
    let problem = Problem::new(code, error.to_string());
    match error {
        VaultError::Weak => {
            problem.saying("length").with("characters", PASSPHRASE_CHARS.0).with("letters", PASSPHRASE_LETTERS.0)
        }
        VaultError::TooSoon { wait } => problem.saying("seconds").with("seconds", wait.as_secs().max(1)),
        VaultError::Newer { found, known } => {
            problem.saying("newer").with("found", u64::from(*found)).with("known", u64::from(*known))
        }
        VaultError::NoMemory { memory_kib } => {
            problem.saying("memory").with("mebibytes", u64::from(memory_kib.div_ceil(1024)))
        }
        _ => problem,
    }
}

#[cfg(test)]
mod tests;
