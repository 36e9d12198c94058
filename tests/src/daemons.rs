//! Real nodes: processes on loopback, each with a folder of its own, asked over their sockets, killed and started
//! again.
//!
//! Every test has an address of 127/8 to itself, so that no other test takes a port while a node is down. Nothing
//! sleeps for a fixed time: [`eventually`] asks again until the condition holds. A test that fails keeps its folder and
//! prints its path.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::Ipv4Addr,
    ops::{Deref, DerefMut},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use protocol::{
    app::control::{
        Answer, Fact, Known, LINES, Page, Passphrase, Problem, Progress, Record, RecordKind, Reply, Request, Scope,
        Status, Summary,
    },
    bytes::ids::SectionId,
    membership::charter::founding::Founding,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::evil::Member;

/// The longest wait before a test gives up: far beyond what anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two requests.
const STEP: Duration = Duration::from_millis(10);
/// The passphrase that opens every node.
pub const PASSPHRASE: &str = "open this device of invented data";
/// The passphrase that opens every organisation's root key.
pub const ROOT_PASSPHRASE: &str = "sign for this invented organisation";

/// Asks until there is an answer; the panic after [`PATIENCE`] names `what` was waited for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        thread::park_timeout(STEP);
    }
}

/// The daemons: some nodes and the folder in which they are.
pub struct Daemons {
    nodes: Vec<Node>,
    folder: Option<TempDir>,
}

/// The digest of a circle that a node shows, as it answers [`Request::Digest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The digest of everything shown.
    pub digest: String,
    /// The number of records.
    pub records: u64,
    /// The number of entries that count.
    pub entries: u64,
    /// The number of conflicts shown.
    pub conflicts: u64,
}

/// A registry file and the founding in it.
pub struct Registry {
    /// The text of the file, as handed from person to person.
    pub text: String,
    /// The founding that was read from the file.
    pub founding: Founding,
}

impl Daemons {
    /// Starts `count` nodes in empty folders. `program` is `env!("CARGO_BIN_EXE_tests-node")`.
    #[must_use]
    pub fn start(program: &'static str, count: usize) -> Self {
        let folder = TempDir::with_prefix("habeas-").expect("a temporary folder");
        let address = own_address();
        let node = |number: usize| Node {
            program,
            folder: folder.path().join(number.to_string()),
            listen: format!("{address}:0"),
            process: None,
            surroundings: vec![],
        };
        let mut daemons = Self { nodes: (0..count).map(node).collect(), folder: Some(folder) };
        daemons.nodes.iter_mut().for_each(Node::spawn);
        daemons.nodes.iter_mut().for_each(Node::ready);
        daemons
    }

    /// Founds a registry of `count` organisations, each with one node, all connected.
    #[must_use]
    pub fn found(program: &'static str, count: usize) -> Self {
        Self::found_with(program, count, &[]).0
    }

    /// Founds a registry like [`Self::found`], with further members whose nodes are not processes of ours.
    #[must_use]
    pub fn found_with(program: &'static str, count: usize, members: &[&Member]) -> (Self, Registry) {
        Self::found_at(program, count, members, |node| vec![node.listen.clone()])
    }

    /// Founds a registry like [`Self::found_with`], with addresses of the test's choice in the card of each node.
    #[must_use]
    pub fn found_at(
        program: &'static str,
        count: usize,
        members: &[&Member],
        addresses: impl FnMut(&Node) -> Vec<String>,
    ) -> (Self, Registry) {
        let daemons = Self::start(program, count);
        daemons.each(Node::init);
        let addresses: Vec<_> = daemons.nodes.iter().map(addresses).collect();
        let card = |addresses| Request::Card { addresses, root_passphrase: passphrase(ROOT_PASSPHRASE) };
        let cards = daemons.nodes.iter().zip(addresses).map(|(node, addresses)| node.file(card(addresses)));
        let cards: Vec<_> = cards.chain(members.iter().map(|member| member.card())).collect();
        let draft = daemons[0].file(Request::Found { cards });
        let signatures = daemons.each(|node| node.sign(&draft)).into_iter();
        let signatures = signatures.chain(members.iter().map(|member| member.sign(&draft))).collect();
        let root_passphrase = passphrase(ROOT_PASSPHRASE);
        let text = daemons[0].file(Request::Complete { draft, signatures, root_passphrase });
        daemons.each(|node| node.done(Request::Join { registry: text.clone() }));
        daemons.settle();
        let file =
            protocol::bytes::armour::unwrap(protocol::bytes::armour::Kind::Registry, &text).expect("a registry file");
        let founding = Founding::parse(&file).expect("a sound founding");
        (daemons, Registry { text, founding })
    }

    /// Adds one more node, in an empty folder.
    pub fn add(&mut self) {
        let first = &self.nodes[0];
        let address = first.listen.rsplit_once(':').expect("an address has a port").0;
        let mut node = Node {
            program: first.program,
            folder: first.folder.with_file_name(self.nodes.len().to_string()),
            listen: format!("{address}:0"),
            process: None,
            surroundings: vec![],
        };
        node.start();
        self.nodes.push(node);
    }

    /// Waits until each node is connected with each other node here, and everything shared is equal.
    pub fn settle(&self) {
        eventually("all nodes are connected and equal", || {
            let all: Vec<_> = self.nodes.iter().map(Node::status).collect();
            let ours = |peer: &protocol::app::control::Peer| all.iter().any(|status| status.node == Some(peer.node));
            let settled = |status: &Status| {
                let mut peers = status.peers.iter().filter(|peer| ours(peer));
                peers.all(|peer| peer.connected && peer.up_to_date)
            };
            all.iter().all(settled).then_some(())
        });
    }

    /// Waits until all nodes agree, that is, show the same of the commons, and returns that.
    pub fn agree(&self) -> Digest {
        eventually("all nodes show the same of the commons", || {
            let first = self.nodes[0].digest(Scope::Commons);
            self.nodes[1..].iter().all(|node| node.digest(Scope::Commons) == first).then_some(first)
        })
    }

    /// Asks each node at the same time: deriving keys is most of the time that a test takes.
    fn each<T: Send>(&self, ask: impl Fn(&Node) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let asked: Vec<_> = self.nodes.iter().map(|node| scope.spawn(|| ask(node))).collect();
            asked.into_iter().map(|asked| asked.join().expect("the node answers")).collect()
        })
    }
}

impl Deref for Daemons {
    type Target = [Node];

    fn deref(&self) -> &[Node] {
        &self.nodes
    }
}

impl DerefMut for Daemons {
    fn deref_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }
}

impl Drop for Daemons {
    #[expect(clippy::print_stderr, reason = "whoever runs the tests reads it")]
    fn drop(&mut self) {
        self.nodes.clear();
        let folder = self.folder.take().expect("taken once");
        if thread::panicking() {
            eprintln!("kept for a look: {}", folder.keep().display());
        }
    }
}

/// The door of a node: the way to ask it, whether it runs or not.
#[derive(Clone)]
pub struct Door(PathBuf);

impl Door {
    /// The door of the node of a folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("api.sock"))
    }

    /// Tries to ask the node; an error if the answer does not arrive whole.
    pub fn try_ask(&self, request: &Request) -> io::Result<Result<Reply, Problem>> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        let answer = post(&self.0, &body)?;
        Ok(match serde_json::from_slice(&answer)? {
            Answer::Ok(reply) => Ok(*reply),
            Answer::Problem(problem) => Err(problem),
        })
    }

    /// Begins a long request, and returns when the node has reported progress for the first time.
    pub fn begin(&self, request: &Request) -> io::Result<Long> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        let accept = format!("accept: {LINES}\r\n");
        let mut long = Long { lines: BufReader::new(begin(&self.0, "POST /v1", &accept, &body)?), told: Vec::new() };
        while long.told.is_empty() {
            if let Some(Answer::Ok(_) | Answer::Problem(_)) = long.line()? {
                return Err(io::Error::other("it ended before it told anything"));
            }
        }
        Ok(long)
    }
}

/// A long request that a node is working on.
pub struct Long {
    lines: BufReader<UnixStream>,
    /// The progress told so far.
    pub told: Vec<Progress>,
}

impl Long {
    /// Waits until so many hundredths of the work are done, or it is over; returns whether it came that far.
    pub fn reaches(&mut self, percent: u64) -> io::Result<bool> {
        while self.told.last().is_none_or(|told| told.percent() < percent) {
            if self.line()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until the request has ended.
    pub fn ended(mut self) -> io::Result<(Result<Reply, Problem>, Vec<Progress>)> {
        loop {
            match self.line()? {
                Some(Answer::Ok(reply)) => return Ok((Ok(*reply), self.told)),
                Some(Answer::Problem(problem)) => return Ok((Err(problem), self.told)),
                None => {}
            }
        }
    }

    /// Reads the next line; returns it if it is the answer. The framing of the lines (RFC 9112, chunks) is no JSON, and
    /// skipped.
    fn line(&mut self) -> io::Result<Option<Answer>> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match serde_json::from_str(&line) {
            Ok(progress) => self.told.push(progress),
            Err(_) => return Ok(serde_json::from_str(&line).ok()),
        }
        Ok(None)
    }
}

/// A node with its folder.
pub struct Node {
    program: &'static str,
    folder: PathBuf,
    listen: String,
    process: Option<Child>,
    surroundings: Vec<(&'static str, PathBuf)>,
}

impl Node {
    /// Starts the node, and waits until it answers.
    pub fn start(&mut self) {
        self.spawn();
        self.ready();
    }

    /// A twin of the node on another folder, which may hold the same keys; not started.
    #[must_use]
    pub fn twin(&self, folder: &Path) -> Self {
        let address = self.listen.rsplit_once(':').expect("an address has a port").0;
        Self {
            program: self.program,
            folder: folder.to_owned(),
            listen: format!("{address}:0"),
            process: None,
            surroundings: vec![],
        }
    }

    fn spawn(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        self.process = Some(self.command().spawn().expect("the program is built with the tests"));
    }

    /// The command that starts the node, for a test that starts a second process.
    #[must_use]
    pub fn command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.folder.with_extension("log"));
        let mut command = Command::new(self.program);
        command.arg("--data").arg(&self.folder).args(["--listen", &self.listen]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.expect("a writable folder"));
        command.envs(self.surroundings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Sets a variable of the node's environment, from its next start on.
    pub fn surround(&mut self, name: &'static str, value: &Path) {
        self.surroundings.push((name, value.to_owned()));
    }

    fn ready(&mut self) {
        let status = eventually("the node answers", || match self.door().try_ask(&Request::Status) {
            Ok(Ok(Reply::Status(status))) => Some(*status),
            _ => {
                let ended = self.process.as_mut().expect("started").try_wait().expect("a child of ours");
                assert!(ended.is_none(), "the node ended: {ended:?}\n{}", self.log());
                None
            }
        });
        // After a restart the node is where the others look for it.
        self.listen.clone_from(&status.listening[0]);
    }

    /// Kills the node, as a power cut does, except for the disk.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().and_then(|()| process.wait()).expect("a child of ours");
    }

    /// Stops the node as a person does.
    pub fn stop(&mut self) {
        self.done(Request::Stop);
        self.ends();
    }

    /// Wipes the node's keys; then it ends.
    pub fn wipe(&mut self) {
        self.done(Request::Wipe);
        self.ends();
    }

    /// Waits until the node ends by itself, without an error.
    pub fn ends(&mut self) {
        let ended = self.ended();
        assert!(ended.success(), "{ended}");
    }

    fn ended(&mut self) -> ExitStatus {
        self.process.take().expect("it runs").wait().expect("a child of ours")
    }

    /// Resumes the node: starts it again and opens it.
    pub fn resume(&mut self) {
        self.start();
        self.unlock();
    }

    /// Unlocks the node.
    pub fn unlock(&self) {
        self.done(Request::Unlock { passphrase: passphrase(PASSPHRASE) });
    }

    /// The process id of the node.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// The folder of the node.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The log of the node so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default()
    }

    /// The door of the node.
    #[must_use]
    pub fn door(&self) -> Door {
        Door(self.folder.join("api.sock"))
    }

    /// Asks the node.
    pub fn ask(&self, request: &Request) -> Result<Reply, Problem> {
        self.door().try_ask(request).unwrap_or_else(|error| panic!("no answer: {error}\n{}", self.log()))
    }

    /// Sends a request that must be done.
    pub fn done(&self, request: Request) -> Reply {
        self.ask(&request).unwrap_or_else(|problem| panic!("{request:?}: {problem:?}"))
    }

    /// Sends a request that must be refused.
    #[must_use]
    pub fn refused(&self, request: &Request) -> Problem {
        match self.ask(request) {
            Err(problem) => problem,
            Ok(reply) => panic!("{request:?} was done: {reply:?}"),
        }
    }

    /// Initialises the node with a new organisation.
    pub fn init(&self) -> Reply {
        let root_passphrase = Some(passphrase(ROOT_PASSPHRASE));
        self.done(Request::Init { passphrase: passphrase(PASSPHRASE), root_passphrase, demo: true })
    }

    /// The card of the node's organisation.
    #[must_use]
    pub fn card(&self) -> String {
        self.file(Request::Card { addresses: vec![self.listen.clone()], root_passphrase: passphrase(ROOT_PASSPHRASE) })
    }

    /// Signs a draft with the organisation's root key.
    #[must_use]
    pub fn sign(&self, draft: &str) -> String {
        self.file(Request::Sign { draft: draft.to_owned(), root_passphrase: passphrase(ROOT_PASSPHRASE) })
    }

    /// The address where the node listens.
    #[must_use]
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// The text of the file that a request answers with.
    #[must_use]
    pub fn file(&self, request: Request) -> String {
        match self.done(request) {
            Reply::File { text, .. } => text,
            other => panic!("no file: {other:?}"),
        }
    }

    /// The status of the node.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.done(Request::Status) {
            Reply::Status(status) => *status,
            other => panic!("no status: {other:?}"),
        }
    }

    /// The digest of what the node shows of a circle.
    #[must_use]
    pub fn digest(&self, circle: Scope) -> Digest {
        match self.done(Request::Digest { circle }) {
            Reply::Digest { digest, records, entries, conflicts } => Digest { digest, records, entries, conflicts },
            other => panic!("no digest: {other:?}"),
        }
    }

    /// The digests of what the node shows of its own circle and of the commons.
    #[must_use]
    pub fn digests(&self) -> [Digest; 2] {
        [Scope::Own, Scope::Commons].map(|circle| self.digest(circle))
    }

    /// The record that the node shows.
    #[must_use]
    pub fn show(&self, record: &SectionId) -> Record {
        match self.done(Request::Show { record: record.to_string() }) {
            Reply::Record(record) => *record,
            other => panic!("no record: {other:?}"),
        }
    }

    /// The list of the node's records of a kind, the oldest first, once every record that changed is in it.
    #[must_use]
    pub fn list(&self, kind: RecordKind) -> Vec<Summary> {
        let (mut whole, mut page) = (Vec::new(), Page::default());
        loop {
            match self.done(Request::List { kind, stage: None, page }) {
                Reply::Records { behind: 1.., .. } => (whole, page) = (Vec::new(), Page::default()),
                Reply::Records { records, next, .. } => {
                    whole.extend(records);
                    page.after = next;
                    if next.is_none() {
                        whole.reverse();
                        return whole;
                    }
                }
                other => panic!("no records: {other:?}"),
            }
        }
    }

    /// Saves something, and returns the record.
    pub fn save(&self, request: Request) -> SectionId {
        match self.done(request) {
            Reply::Saved { record, .. } => record,
            other => panic!("not saved: {other:?}"),
        }
    }

    /// Imports many case files: those of the sample, over and over.
    pub fn import_many(&self, count: usize) {
        match self.done(Request::Import { file: many(count), dry_run: false, known: Known::Refuse }) {
            Reply::Imported { records, .. } => assert_eq!(records.len(), count + 2),
            other => panic!("not imported: {other:?}"),
        }
    }

    /// Imports the sample data: twelve case files and two dockets.
    pub fn import_sample(&self) {
        match self.done(Request::Import { file: sample(), dry_run: false, known: Known::Refuse }) {
            Reply::Imported { records, .. } => assert_eq!(records.len(), 14),
            other => panic!("not imported: {other:?}"),
        }
    }

    /// The metrics of the node, as a monitoring program reads them.
    #[must_use]
    pub fn metrics(&self) -> String {
        let answer = exchange(&self.folder.join("api.sock"), "GET /metrics", &[]).expect("it answers");
        String::from_utf8(answer).expect("OpenMetrics text is UTF-8")
    }

    /// One figure of the node, if it has a value now.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<u64> {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().expect("a number"))
    }

    /// The alarms that the node shows, each with code and next step.
    #[must_use]
    pub fn alarms(&self) -> Vec<Problem> {
        self.status().alarms.into_iter().map(|alarm| alarm.problem).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _it_may_have_ended = process.kill().and_then(|()| process.wait());
        }
    }
}

/// A passphrase as a request carries it.
#[must_use]
pub fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

/// A fact without source, grade or entity.
#[must_use]
pub fn fact(field: &str, value: &str) -> Fact {
    Fact { field: field.to_owned(), value: value.to_owned(), entity: None, source: None, grade: None }
}

/// The sample data.
#[must_use]
pub fn sample() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sample/cases.json");
    fs::read_to_string(path).expect("the sample data is part of the project")
}

/// A file of many case files, those of the sample over and over, and its two dockets.
#[must_use]
pub fn many(count: usize) -> String {
    let mut file: Value = serde_json::from_str(&sample()).expect("the sample is JSON");
    let sample = file["cases"].as_array().expect("a list of cases").clone();
    let case = |number: usize| {
        let case = &sample[number % sample.len()];
        let label = case["case_id"].as_str().expect("a label");
        let text = case.to_string().replace(label, &format!("MANY-{number}"));
        serde_json::from_str::<Value>(&text).expect("still JSON")
    };
    file["cases"] = (0..count).map(case).collect();
    file.to_string()
}

/// The own address of this process on loopback, which no other process has: 127.64/10 plus the process id, which is
/// below 2²².
fn own_address() -> Ipv4Addr {
    let [_, high, middle, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high & 0x3f, middle, low)
}

fn post(socket: &Path, body: &[u8]) -> io::Result<Vec<u8>> {
    exchange(socket, "POST /v1", body)
}

fn begin(socket: &Path, what: &str, headers: &str, body: &[u8]) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let headers = format!("host: localhost\r\nconnection: close\r\n{headers}content-length: {}", body.len());
    write!(stream, "{what} HTTP/1.1\r\n{headers}\r\n\r\n")?;
    stream.write_all(body)?;
    Ok(stream)
}

fn exchange(socket: &Path, what: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = begin(socket, what, "", body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    Ok(answer.split_off(head.ok_or(io::ErrorKind::UnexpectedEof)? + 4))
}
