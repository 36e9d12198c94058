//! The node as a process: finding its program, starting it for a folder, and stopping it.

use std::{
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use protocol::app::control::{NodeState, Reply, Request, Status, codes as node_codes};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    Context,
    client::Client,
    commands::ask_of,
    error::{Failure, codes},
    secret::Which,
    texts,
};

/// The longest time until the socket of a started node answers: a large store replays its log first.
const START_TIME_MAX: Duration = Duration::from_secs(20);
/// The longest time for a node to stop by itself.
pub(crate) const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest pause between two looks at a condition that is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// The number of bytes at the end of a node's log that are read for its last lines.
const LAST_BYTES: u64 = 4096;
/// The number of last lines shown.
const LAST_LINES: usize = 5;

/// The options with which a node is launched.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program of the node.
    pub(crate) program: PathBuf,
    /// The folder of the node.
    pub(crate) data: PathBuf,
    /// The addresses where the node listens, as `host:port`.
    pub(crate) listen: Vec<String>,
    /// Whether the node looks up host names of peers.
    pub(crate) allow_names: bool,
    /// The log level.
    pub(crate) log: String,
    /// The lifetime of the process.
    pub(crate) lives: Lives,
}

/// The lifetime of a node that this program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lives {
    /// The node lives as long as this program.
    With,
    /// The node lives apart: signals to this program, such as Ctrl-C at the keyboard, do not reach it.
    Apart,
    /// The node lives on until it is told to stop, even after this program and its terminal have ended; its log is
    /// [`LOG`] in its folder.
    On,
}

/// The log file of a node that lives on, in its folder.
pub(crate) const LOG: &str = "node.log";

/// A node that this program started; killed when dropped, unless it was left running.
pub(crate) struct Node {
    child: Child,
    log: Option<File>,
    /// The offset in the log at which this node's output begins.
    begins: u64,
    pub(crate) client: Client,
}

impl Node {
    /// Starts the program. The log goes to the file, or, without one, to this program's standard error.
    pub(crate) fn start(launch: &Launch, log: Option<File>) -> Result<Self, Failure> {
        let Launch { program, data, listen, allow_names, log: level, lives } = launch;
        let absent = |error: io::Error| Failure::new(codes::NO_PROGRAM, texts::no_program(program, &error));
        let said = log.as_ref().map(File::try_clone).transpose().map_err(absent)?;
        let mut command = Command::new(program);
        command.arg("--data").arg(data).arg("--log").arg(level).stdin(Stdio::null()).kill_on_drop(true);
        listen.iter().for_each(|address| {
            command.arg("--listen").arg(address);
        });
        if *allow_names {
            command.arg("--allow-names");
        }
        if let Some(log) = said {
            command.stderr(Stdio::from(log)).stdout(Stdio::null()).env("NO_COLOR", "1");
        }
        match lives {
            Lives::With => {}
            Lives::Apart => {
                command.process_group(0);
            }
            Lives::On => {
                // The node works in its folder anyway; the folder in which this program was started may be unmounted
                // later.
                command.arg("--log-file").arg(data.join(LOG)).arg("--detached").current_dir(data);
            }
        }
        let begins = log.as_ref().and_then(|log| log.metadata().ok()).map_or(0, |metadata| metadata.len());
        let child = command.spawn().map_err(absent)?;
        Ok(Self { child, log, begins, client: Client::new(data) })
    }

    /// Waits until the node is ready to answer.
    pub(crate) async fn ready(&mut self) -> Result<(), Failure> {
        let answers = async {
            let mut pause = Duration::from_millis(1);
            while !self.client.connects().await {
                if let Ok(Some(status)) = self.child.try_wait() {
                    return Err(ended(status));
                }
                sleep(pause).await;
                pause = (pause * 2).min(LOOK_AGAIN);
            }
            Ok(())
        };
        let late = || Failure::new(codes::NOT_STARTED, texts::not_answering(START_TIME_MAX.as_secs()));
        let started = timeout(START_TIME_MAX, answers).await.unwrap_or_else(|_| Err(late()));
        started.map_err(|failure| failure.with_details(self.last_words()))
    }

    /// Stops the node, and waits for its end; a node that does not end in time is killed.
    pub(crate) async fn stop(mut self) {
        if self.client.ask(&Request::Stop).await.is_err() {
            self.signal(Signal::TERM);
        }
        if timeout(STOP_TIME_MAX, self.child.wait()).await.is_err() {
            // A kill loses nothing: what a node confirmed is on the disk. Dropping the child would kill it too, without
            // waiting.
            let _ = self.child.kill().await;
        }
    }

    /// Leaves the node running when this program ends.
    pub(crate) fn leave(self) {
        // A child cannot be taken out of its handle with `kill_on_drop`; not dropping the handle keeps the process.
        std::mem::forget(self.child);
    }

    /// Waits until the node ends by itself.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Sends the node a signal, if it still runs.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        // The only possible failure is that the process has just ended.
        pid.map(|pid| kill_process(pid, signal).ok());
    }

    /// The last lines of the node's log.
    pub(crate) fn last_words(&self) -> Vec<String> {
        let tail = self.log.as_ref().map(|log| tail(log, self.begins)).unwrap_or_default();
        let lines: Vec<_> = tail.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
    }
}

/// The failure for a node that ended early.
pub(crate) fn ended(status: ExitStatus) -> Failure {
    let failure = Failure::new(codes::NOT_STARTED, texts::node_ended(&status));
    let exit = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    Failure { exit: exit.unwrap_or(failure.exit), ..failure }
}

/// The needs of an errand: what must exist in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The folder needs keys; without them no node is started, and no folder created.
    Keys,
    /// The errand needs nothing in the folder.
    Nothing,
}

/// Visits the node of the folder: the running one, or one that is started for this errand and stopped afterwards.
pub(crate) async fn visit<T>(
    context: &mut Context<'_>,
    errand: impl AsyncFnOnce(&mut Context<'_>, &Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    visit_with(Needs::Keys, context, errand).await
}

/// Visits the node like [`visit`], for an errand with other needs than keys.
pub(crate) async fn visit_with<T>(
    needs: Needs,
    context: &mut Context<'_>,
    errand: impl AsyncFnOnce(&mut Context<'_>, &Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let data = context.data()?;
    let client = Client::new(&data);
    if client.connects().await {
        return errand(context, &client).await;
    }
    if needs == Needs::Keys {
        has_keys(&data)?;
    }
    let log = tempfile::tempfile_in(&context.surroundings.temporary);
    let log = log.map_err(|error| Failure::new(codes::UNWRITTEN, texts::unwritten(&data, &error)))?;
    let (program, level) = (context.node_program(), "warn".into());
    let launch = Launch { program, data, listen: Vec::new(), allow_names: false, log: level, lives: Lives::With };
    let mut node = Node::start(&launch, Some(log))?;
    node.ready().await?;
    let done = async {
        if status(&client).await?.state == NodeState::Sealed {
            let passphrase = context.passphrase(Which::Device)?;
            ask_of(&client, context, &Request::Unlock { passphrase }).await?;
        }
        errand(context, &client).await
    }
    .await;
    node.stop().await;
    done
}

/// Reaches the node of the folder: the running one, or one that is started to live on; a started one is returned too.
pub(crate) async fn reach(context: &Context<'_>) -> Result<(Client, Option<Node>), Failure> {
    let client = Client::new(&context.data()?);
    if client.connects().await {
        return Ok((client, None));
    }
    let node = start_to_live_on(Vec::new(), false, "info".to_owned(), context).await?;
    Ok((node.client.clone(), Some(node)))
}

/// Starts a node that lives on, and waits until it answers; a missing folder is created.
pub(crate) async fn start_to_live_on(
    listen: Vec<String>,
    allow_names: bool,
    level: String,
    context: &Context<'_>,
) -> Result<Node, Failure> {
    let whole = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let (data, program) = (whole(context.data()?), whole(context.node_program()));
    let log = data.join(LOG);
    let opened = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data)
        .and_then(|()| File::options().create(true).append(true).read(true).mode(0o600).open(&log));
    let opened = opened.map_err(|error| {
        Failure::new(codes::UNWRITTEN, texts::unwritten(&log, &error)).try_next(texts::other_folder())
    })?;
    let launch = Launch { program, data, listen, allow_names, log: level, lives: Lives::On };
    let mut node = Node::start(&launch, Some(opened))?;
    node.ready().await?;
    Ok(node)
}

/// Whether a folder has keys that a node could open. The error says why not: nothing was made there, or the keys were
/// destroyed.
pub(crate) fn has_keys(data: &Path) -> Result<(), Failure> {
    let holds = |name: &str| data.join(name).symlink_metadata().is_ok();
    if holds("wiped") {
        Err(Failure::new(node_codes::WIPED, texts::destroyed()))
    } else if holds("making") {
        // Keys that were only half made do not count: the next node that starts there removes them.
        Err(Failure::new(node_codes::EMPTY, texts::nothing_yet(data)))
    } else if holds("vault") || holds("vault.copy") {
        Ok(())
    } else if holds("store") {
        Err(Failure::new(node_codes::NO_KEYS, texts::keys_missing()))
    } else {
        Err(Failure::new(node_codes::EMPTY, texts::nothing_yet(data)))
    }
}

/// Whether the folder is held by a node: the lock is what an ending node releases last.
pub(crate) fn is_held(data: &Path) -> bool {
    File::open(data.join("lock")).is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// The status of the node.
pub(crate) async fn status(client: &Client) -> Result<Status, Failure> {
    match client.ask(&Request::Status).await? {
        Reply::Status(status) => Ok(*status),
        other => Err(unexpected(&other)),
    }
}

/// The failure for an unexpected reply, one that does not belong to its request: the node has another version.
pub(crate) fn unexpected(_reply: &Reply) -> Failure {
    Failure::new(node_codes::REQUEST, texts::other_reply())
}

/// Polls until a condition holds, with short pauses; `None` if it does not hold in time.
pub(crate) async fn until<T>(
    time_max: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<Option<T>, Failure> {
    let end = Instant::now() + time_max;
    loop {
        match look().await? {
            Some(found) => return Ok(Some(found)),
            None if Instant::now() >= end => return Ok(None),
            None => sleep(LOOK_AGAIN).await,
        }
    }
}

fn tail(log: &File, begins: u64) -> String {
    let from = log.metadata().map_or(0, |metadata| metadata.len()).saturating_sub(LAST_BYTES).max(begins);
    let mut bytes = vec![0; usize::try_from(LAST_BYTES).expect("a few thousand")];
    let read = log.read_at(&mut bytes, from).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// Opens the log file of a node.
pub(crate) fn log_file(path: &Path) -> Result<File, Failure> {
    let opened = File::options().create_new(true).append(true).read(true).open(path);
    opened.map_err(|error| Failure::new(codes::UNWRITTEN, texts::unwritten(path, &error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    #[tokio::test]
    async fn a_visit_starts_the_node_opens_it_asks_and_ends_it() {
        let folder = fake::program(NodeState::Sealed);
        let mut context = folder.context(&["card"]);
        let state = visit(&mut context, async |_, client| Ok(status(client).await?.state)).await;
        assert_eq!(state, Ok(NodeState::Alone), "it was unlocked first");
        assert!(!Client::new(&folder.data()).connects().await, "it was ended");
    }

    #[tokio::test]
    async fn where_there_are_no_keys_no_node_is_started_and_no_folder_made() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data = folder.path().join("data");
        let data_name = data.to_str().expect("temporary folders have plain names");
        let context = &mut fake::context(&["card", "--data", data_name, "--node-program", "/nowhere/habeas-node"]);
        let failure = visit(context, async |_, _| Ok(())).await.expect_err("there is nothing");
        assert!(failure.is(node_codes::EMPTY) && failure.problem.message.contains(data_name), "{failure:?}");
        assert!(!data.exists());
        std::fs::create_dir_all(data.join("making")).expect("the folder is ours");
        std::fs::write(data.join("vault"), "half of what init makes").expect("the folder is ours");
        let failure = visit(context, async |_, _| Ok(())).await.expect_err("what is there was never finished");
        assert!(failure.is(node_codes::EMPTY), "{failure:?}");
        std::fs::remove_file(data.join("vault")).expect("the folder is ours");
        std::fs::remove_dir(data.join("making")).expect("the folder is ours");
        std::fs::create_dir_all(data.join("store")).expect("the folder is ours");
        let failure = visit(context, async |_, _| Ok(())).await.expect_err("there are no keys");
        assert!(failure.is(node_codes::NO_KEYS), "{failure:?}");
        std::fs::write(data.join("wiped"), "").expect("the folder is ours");
        let failure = visit(context, async |_, _| Ok(())).await.expect_err("there are no keys");
        assert!(failure.is(node_codes::WIPED), "{failure:?}");
    }

    #[test]
    fn a_folder_is_held_as_long_as_somebody_has_its_lock() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        assert!(!is_held(folder.path()), "there is no lock yet");
        let lock = File::create(folder.path().join("lock")).expect("the folder is ours");
        assert!(!is_held(folder.path()), "a node was killed");
        lock.try_lock().expect("nobody has it");
        assert!(is_held(folder.path()));
        drop(lock);
        assert!(!is_held(folder.path()));
    }

    #[tokio::test]
    async fn a_visit_that_fails_ends_the_node_too() {
        let folder = fake::program(NodeState::Alone);
        let mut context = folder.context(&["card"]);
        let done: Result<(), Failure> = visit(&mut context, async |_, client| {
            assert!(client.connects().await);
            Err(Failure::new(codes::UNREADABLE, "no such file"))
        })
        .await;
        assert!(done.expect_err("the errand failed").is(codes::UNREADABLE));
        assert!(!Client::new(&folder.data()).connects().await, "it was ended");
    }

    #[tokio::test]
    async fn a_node_that_ends_at_once_is_reported_with_its_last_words_and_exit_status() {
        let folder = fake::broken_program();
        let failure = visit(&mut folder.context(&["card"]), async |_, _| Ok(())).await.expect_err("it ended");
        assert_eq!((failure.exit, failure.problem.code.as_str()), (13, codes::NOT_STARTED));
        assert_eq!(failure.problem.details, ["the header is damaged"]);
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let context = &mut fake::context(&["card", "--data", "/nowhere", "--node-program", "/nowhere/habeas-node"]);
        let failure = visit_with(Needs::Nothing, context, async |_, _| Ok(())).await.expect_err("there is no program");
        assert!(failure.is(codes::NO_PROGRAM) && failure.problem.message.contains("/nowhere/habeas-node"));
        assert!(!failure.is(node_codes::NOT_RUNNING));
    }

    #[tokio::test]
    async fn waiting_ends_when_it_is_so_and_gives_up_in_time() {
        let mut looks = 0;
        let counted = until(Duration::from_secs(60), async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(counted.await, Ok(Some(3)));
        assert_eq!(until::<()>(Duration::ZERO, async || Ok(None)).await, Ok(None));
    }
}
