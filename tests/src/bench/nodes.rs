//! Nodes as processes on loopback, asked over their sockets: what a benchmark of the whole needs, and nothing else.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use protocol::control::{Answer, Passphrase, Problem, Reply, Request, Status};
use tempfile::TempDir;

/// How long anything may take: a busy machine brings in 100,000 entries in less.
const PATIENCE: Duration = Duration::from_secs(900);
const STEP: Duration = Duration::from_millis(20);

/// Organisations of one registry, each with one node.
pub struct Nodes {
    /// The nodes.
    pub nodes: Vec<Node>,
    _folder: TempDir,
}

/// A node.
pub struct Node {
    program: &'static str,
    folder: PathBuf,
    listen: String,
    process: Child,
}

/// Asks until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(STEP);
    }
}

impl Nodes {
    /// `count` running nodes below `folder`, in a registry they founded.
    pub fn found(program: &'static str, folder: &str, count: usize) -> Self {
        let folder = TempDir::new_in(folder).expect("a folder for temporary files");
        let start = |number: usize| Node::start(program, folder.path().join(number.to_string()), "127.0.0.1:0");
        let nodes: Vec<_> = (0..count).map(start).collect();
        let root = |node: &Node| passphrase(&format!("root key of {}", node.folder.display()));
        for node in &nodes {
            let root_passphrase = Some(root(node));
            node.done(&Request::Init { passphrase: opens(), root_passphrase, demo: true });
        }
        let card = |node: &Node| {
            node.file(&Request::Card { addresses: vec![node.listen.clone()], root_passphrase: root(node) })
        };
        let draft = nodes[0].file(&Request::Found { cards: nodes.iter().map(card).collect() });
        let sign = |node: &Node| node.file(&Request::Sign { draft: draft.clone(), root_passphrase: root(node) });
        let signatures = nodes.iter().map(sign).collect();
        let complete = Request::Complete { draft: draft.clone(), signatures, root_passphrase: root(&nodes[0]) };
        let registry = nodes[0].file(&complete);
        for node in &nodes {
            node.done(&Request::Join { registry: registry.clone() });
        }
        Self { nodes, _folder: folder }
    }
}

impl Node {
    fn start(program: &'static str, folder: PathBuf, listen: &str) -> Self {
        let process = spawn(program, &folder, listen);
        let mut node = Self { program, folder, listen: listen.to_owned(), process };
        node.answers();
        node
    }

    fn answers(&mut self) {
        let request = Request::Status;
        let status = until("the node answers", || match self.ask(&request) {
            Ok(Ok(Reply::Status(status))) => Some(status),
            _ => None,
        });
        self.listen.clone_from(&status.listening[0]);
    }

    /// Ends it and starts it again, closed.
    pub fn restart(&mut self) {
        self.done(&Request::Stop);
        self.process.wait().expect("a child of ours");
        self.process = spawn(self.program, &self.folder, &self.listen);
        self.answers();
    }

    /// Opens it.
    pub fn unlock(&self) {
        self.done(&Request::Unlock { passphrase: opens() });
    }

    /// Asks it something; an error if no answer comes.
    pub fn ask(&self, request: &Request) -> io::Result<Result<Reply, Problem>> {
        let body = serde_json::to_vec(request).expect("a request has a JSON form");
        Ok(match serde_json::from_slice(&post(&self.folder.join("api.sock"), &body)?)? {
            Answer::Ok(reply) => Ok(*reply),
            Answer::Problem(problem) => Err(problem),
        })
    }

    /// Asks for something that must be done.
    pub fn done(&self, request: &Request) -> Reply {
        let answer = self.ask(request).expect("the node answers");
        answer.unwrap_or_else(|problem| panic!("refused: {problem:?}"))
    }

    fn file(&self, request: &Request) -> String {
        match self.done(request) {
            Reply::File { text, .. } => text,
            other => panic!("no file: {other:?}"),
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        match self.done(&Request::Status) {
            Reply::Status(status) => status,
            other => panic!("no status: {other:?}"),
        }
    }

    /// Entries it counts in the commons.
    pub fn commons(&self) -> u64 {
        self.status().circles.iter().filter(|circle| circle.kind == "commons").map(|circle| circle.entries).sum()
    }

    /// Stops exchanging with the organisation of another node, or goes on.
    pub fn hold(&self, other: &Self, holds: bool) {
        let organisation = other.status().call_sign.expect("it has joined");
        self.done(&match holds {
            true => Request::Hold { organisation },
            false => Request::Release { organisation },
        });
    }

    /// MiB resident: now and at most.
    pub fn memory(&self) -> [f64; 2] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("a Linux system");
        ["VmRSS:", "VmHWM:"].map(|field| {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a Linux system");
            let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kib / 1024.0
        })
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _it_may_have_ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Seconds of processor time that a process has used.
pub fn cpu(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a Linux system");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    // utime and stime, in hundredths.
    fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0).sum()
}

fn spawn(program: &str, folder: &Path, listen: &str) -> Child {
    let log = File::options().create(true).append(true).open(folder.with_extension("log"));
    let mut command = Command::new(program);
    command.arg("--data").arg(folder).args(["--listen", listen]).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(log.expect("a writable folder")).spawn().expect("the node is built with the benchmarks")
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn opens() -> Passphrase {
    passphrase("open this device of invented data")
}

fn post(socket: &Path, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(stream, "POST /v1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n")?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
    Ok(answer.split_off(head.ok_or(io::ErrorKind::UnexpectedEof)? + 4))
}
