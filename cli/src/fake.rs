//! Fakes for tests: a node that answers from a script, a program that starts it, and a screen whose output is kept.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write},
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
};

use clap::Parser as _;
use protocol::app::control::{Answer, NodeState, Problem, Progress, Reply, Request, Status, codes};
use tempfile::TempDir;

use crate::{
    Context, Surroundings, TimeZone,
    args::Cli,
    render::{Outlet, Screen},
};

/// The behaviour of a fake node on a request.
pub(crate) enum Behaviour {
    /// The node says the answer of this function.
    Says(Box<dyn FnMut(Request) -> Answer + Send>),
    /// The node tells its progress, then answers.
    Tells(Vec<Progress>, Answer),
    /// The node truncates the answer in the middle.
    Truncates,
    /// The node hangs up: it closes the connection without an answer.
    HangsUp,
    /// The node answers with something that is no answer.
    Babbles,
}

/// A behaviour that says the answers of `answer`.
pub(crate) fn says(answer: impl FnMut(Request) -> Answer + Send + 'static) -> Behaviour {
    Behaviour::Says(Box::new(answer))
}

/// A folder in which a fake node listens.
pub(crate) struct FakeNode(TempDir);

impl FakeNode {
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Runs a whole command against the fake node: exit status, standard output, standard error.
    pub(crate) fn run(&self, args: &[&str]) -> (u8, String, String) {
        let folder = self.folder().to_str().expect("temporary folders have plain names");
        run(&[&["--data", folder], args].concat())
    }

    /// Runs a whole command like [`Self::run`], in other surroundings.
    pub(crate) fn run_in(&self, surroundings: &Surroundings, args: &[&str]) -> (u8, String, String) {
        let folder = self.folder().to_str().expect("temporary folders have plain names");
        run_in(&[&["--data", folder], args].concat(), surroundings)
    }
}

pub(crate) fn node(behaviour: Behaviour) -> FakeNode {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    listen(folder.path(), "api.sock", behaviour);
    FakeNode(folder)
}

/// Runs a whole command: exit status, standard output, standard error.
pub(crate) fn run(args: &[&str]) -> (u8, String, String) {
    run_in(args, &surroundings())
}

pub(crate) fn run_in(args: &[&str], surroundings: &Surroundings) -> (u8, String, String) {
    let (out, err) = (Heard::default(), Heard::default());
    let outlet = Outlet::of(Box::new(out.clone()), Box::new(err.clone()));
    let args = std::iter::once("habeas").chain(args.iter().copied()).map(OsString::from).collect();
    let exit = crate::run(args, surroundings, outlet);
    (exit, out.text(), err.text())
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        program: PathBuf::from("/nowhere/habeas"),
        home: None,
        data_home: None,
        temporary: std::env::temp_dir(),
        plain: true,
        interactive: false,
        locale: None,
        zone: TimeZone::UTC,
    }
}

pub(crate) fn context(args: &[&str]) -> Context<'static> {
    static SURROUNDINGS: LazyLock<Surroundings> = LazyLock::new(surroundings);
    context_in(args, &SURROUNDINGS)
}

pub(crate) fn context_in<'a>(args: &[&str], surroundings: &'a Surroundings) -> Context<'a> {
    let cli = Cli::try_parse_from(std::iter::once(&"habeas").chain(args)).expect("the arguments are sound");
    let outlet = Outlet::of(Box::new(io::sink()), Box::new(io::sink()));
    let screen = Screen::new(outlet, &cli.global, true);
    Context { global: cli.global, surroundings, screen, asked: None }
}

/// A program that acts as a fake node, from its start for a folder until it is told to stop.
pub(crate) struct Program(TempDir);

impl Program {
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Runs a whole command that finds this program, with another folder for temporary files.
    pub(crate) fn run_in(&self, temporary: &Path, args: &[&str]) -> (u8, String, String) {
        let program = self.0.path().join("habeas");
        run_in(args, &Surroundings { program, temporary: temporary.to_owned(), ..surroundings() })
    }

    /// A context for a command that finds this program and a passphrase.
    pub(crate) fn context(&self, args: &[&str]) -> Context<'static> {
        let path =
            |name: &str| self.0.path().join(name).to_str().expect("temporary folders have plain names").to_owned();
        let (data, program, passphrase) = (path("data"), path("habeas-node"), path("passphrase"));
        let options = ["--data", &data, "--node-program", &program, "--passphrase-file", &passphrase];
        context(&[&options, args].concat())
    }
}

/// A program whose node is in this state until it is unlocked, then in [`NodeState::Alone`].
pub(crate) fn program(mut state: NodeState) -> Program {
    // The socket has another name until the program runs.
    let program = script("mv \"$2/waiting\" \"$2/api.sock\"\nuntil [ -e \"$2/stopped\" ]; do sleep 0.01; done\n");
    let data = program.data();
    let answer = move |request| match request {
        Request::Unlock { passphrase } if passphrase.expose() == "five plain words and more" => {
            state = NodeState::Alone;
            ok(Reply::Status(Box::new(status(state))))
        }
        Request::Unlock { .. } => Answer::Problem(Problem::new(codes::WRONG_PASSPHRASE, "this is not it")),
        Request::Stop => {
            fs::remove_file(data.join("api.sock")).expect("the socket was moved here");
            fs::write(data.join("stopped"), "").expect("the folder is ours");
            ok(Reply::Stopping)
        }
        _ => ok(Reply::Status(Box::new(status(state)))),
    };
    listen(&program.data(), "waiting", says(answer));
    program
}

/// A broken program, which prints a line and ends at once.
pub(crate) fn broken_program() -> Program {
    script("echo 'the header is damaged' >&2\nexit 13\n")
}

fn script(text: &str) -> Program {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("habeas-node");
    fs::write(&path, format!("#!/bin/sh\n{text}")).expect("the folder is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("the file is ours");
    fs::write(folder.path().join("passphrase"), "five plain words and more\n").expect("the folder is ours");
    fs::create_dir(folder.path().join("data")).expect("the folder is ours");
    fs::write(folder.path().join("data/vault"), "keys").expect("the folder is ours");
    Program(folder)
}

pub(crate) fn ok(reply: Reply) -> Answer {
    Answer::Ok(Box::new(reply))
}

/// The status of a node in no registry.
pub(crate) fn status(state: NodeState) -> Status {
    Status {
        state,
        registry: None,
        registry_words: None,
        organisation: None,
        call_sign: None,
        node: None,
        listening: Vec::new(),
        peers: Vec::new(),
        circles: Vec::new(),
        cases: 0,
        dockets: 0,
        shared_cases: 0,
        received_cases: 0,
        wanted: 0,
        alarms: Vec::new(),
        as_of: 1_795_478_400,
    }
}

fn listen(folder: &Path, name: &str, mut behaviour: Behaviour) {
    let listener = UnixListener::bind(folder.join(name)).expect("the folder is new and its name short");
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that only checks whether the node listens sends nothing.
            let _ = stream.and_then(|stream| serve(stream, &mut behaviour));
        }
    });
}

fn serve(stream: UnixStream, behaviour: &mut Behaviour) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a client of ours counts well");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = match behaviour {
        Behaviour::Says(answer) => {
            let request = serde_json::from_slice(&body).expect("a client of ours sends requests");
            serde_json::to_string(&answer(request)).expect("an answer is made of texts, numbers and lists")
        }
        Behaviour::Tells(lines, answer) => {
            let line = |line: &Progress| serde_json::to_string(line).expect("numbers and words") + "\n";
            let answer = serde_json::to_string(answer).expect("an answer is made of texts, numbers and lists");
            lines.iter().map(line).collect::<String>() + &answer + "\n"
        }
        Behaviour::Truncates => "{\"ok\":{\"is\":".to_owned(),
        Behaviour::Babbles => "<html>".to_owned(),
        Behaviour::HangsUp => return Ok(()),
    };
    let told = if matches!(behaviour, Behaviour::Truncates) { 4096 } else { answer.len() };
    write!(&stream, "HTTP/1.1 200 OK\r\ncontent-length: {told}\r\nconnection: close\r\n\r\n{answer}")
}

/// The output that was heard, that is, written to a screen.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("we write text")
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
