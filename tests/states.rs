//! The states of a node: in each of them every command that can be typed either does its work or gives a code.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use protocol::app::control::{NodeState, Reply, Request};
use serde_json::Value;
use tests::daemons::{Daemons, Door, PASSPHRASE, ROOT_PASSPHRASE, eventually};

use crate::NODE;

const HABEAS: &str = env!("CARGO_BIN_EXE_tests-habeas");

/// The states, in the order of a row's expectations.
const STATES: [State; 7] =
    [State::Nowhere, State::Wiped, State::Stopped, State::Empty, State::Sealed, State::Alone, State::Locked];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The folder does not exist, and no node runs.
    Nowhere,
    /// The keys of the folder were destroyed (wiped), and no node runs.
    Wiped,
    /// The folder has a registry, and its node is stopped.
    Stopped,
    /// The folder is empty, that is, has no keys, and a node runs.
    Empty,
    /// The node was started and not opened: its keys are sealed.
    Sealed,
    /// The node is open and in no registry.
    Alone,
    /// The node is in a registry, and its reading keys are locked.
    Locked,
}

/// The result of a command that has done its work.
const DONE: &str = "";
/// The result of a command that runs until it is ended.
const RUNS: &str = "runs";

/// The rows: a command; its arguments, `@name` being a file; and its result in each state, done or a code.
const ROWS: &[(&str, &[&str], [&str; 7])] = &[
    (
        "init",
        &["--invented", "--passphrase-file", "@own", "--root-passphrase-file", "@root"],
        [DONE, "HB1015", "HB1002", DONE, "HB1002", "HB1002", "HB1002"],
    ),
    (
        "init",
        &["--alone", "--invented", "--passphrase-file", "@own", "--root-passphrase-file", "@root"],
        [DONE, "HB1015", DONE, DONE, DONE, DONE, DONE],
    ),
    ("init", &["--alone"], ["HB6001", "HB1015", "HB6001", "HB6001", "HB6001", "HB6001", "HB6001"]),
    ("card", &["--root-passphrase-file", "@root"], ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", DONE, "HB1006"]),
    ("found", &["@junk"], ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", "HB2001", "HB1006"]),
    ("join", &["@junk"], ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", "HB2001", "HB1006"]),
    (
        "device request",
        &["--organisation", ORGANISATION],
        ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", DONE, "HB1006"],
    ),
    (
        "device add",
        &["@junk", "--root-passphrase-file", "@root"],
        ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", "HB1005", "HB1004"],
    ),
    ("serve", &[], ["HB1001", "HB1015", RUNS, "HB1009", "HB1009", "HB1009", "HB1009"]),
    ("serve", &["--background"], ["HB1001", "HB1015", DONE, "HB1009", "HB1009", "HB1009", "HB1009"]),
    ("unlock", &["--passphrase-file", "@own"], ["HB1001", "HB1015", "HB1013", "HB1001", DONE, DONE, DONE]),
    ("lock", &[], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", DONE, DONE]),
    ("status", &[], ["HB1001", "HB1015", "HB1013", DONE, DONE, DONE, DONE]),
    ("archive", &["@archive"], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", "HB1004"]),
    ("metrics", &[], ["HB1001", "HB1015", "HB1013", DONE, DONE, DONE, DONE]),
    ("doctor", &[], ["HB6020", "HB6020", "HB6020", "HB6020", DONE, DONE, DONE]),
    ("doctor", &["--settled", "HB4005"], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", "HB4008"]),
    ("peers", &[], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", DONE]),
    ("hold", &["nobody"], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", "HB4001"]),
    ("release", &["nobody"], ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", "HB4001"]),
    ("name", &[], ASKS),
    ("name", &["nobody", "Somebody"], ASKS),
    ("name", &["--remove", "nobody"], ASKS),
    ("case new", &[], ASKS),
    ("case set", &["x", "penalty.months=1"], ASKS),
    ("case show", &["x"], ASKS),
    ("case list", &[], ASKS),
    ("case conflicts", &["x"], ASKS),
    ("case resolve", &["x", "penalty.months", "--choose", "1", "--reason", "document"], ASKS),
    ("case retract", &["x", "entry1qp/0", "--reason", "error"], ASKS),
    ("case history", &["x"], ASKS),
    ("docket new", &["docket_source.type=court_card"], ASKS),
    ("docket set", &["x", "docket_penalty.months=1"], ASKS),
    ("docket show", &["x"], ASKS),
    ("docket list", &[], ASKS),
    ("docket list", &["--article", "352.1"], ASKS),
    ("docket conflicts", &["x"], ASKS),
    ("docket resolve", &["x", "docket_penalty.months", "--choose", "1", "--reason", "document"], ASKS),
    ("docket retract", &["x", "entry1qp/0", "--reason", "error"], ASKS),
    ("docket history", &["x"], ASKS),
    ("share", &["--with", "nobody", "--dry-run"], ASKS),
    ("share", &["--waiting"], ASKS),
    ("share", &["--cancel", "x"], ASKS),
    ("import", &["@junk"], ASKS),
    ("backup create", &["@new"], ["HB1001", "HB1015", "HB6001", "HB1001", "HB1003", DONE, DONE]),
    (
        "backup verify",
        &["@junk", "--passphrase-file", "@own"],
        ["HB2008", "HB1015", "HB2008", "HB2008", "HB2008", "HB2008", "HB2008"],
    ),
    ("backup restore", &["@junk"], ["HB2008", "HB1015", "HB6001", "HB2008", "HB1002", "HB1002", "HB1002"]),
    ("stop", &[], ["HB1001", "HB1015", "HB1013", DONE, DONE, DONE, DONE]),
    ("wipe", &["--confirm", "destroy"], ["HB1001", "HB1015", "HB1013", DONE, DONE, DONE, DONE]),
    ("help", &[], [DONE; 7]),
    ("help", &["fields", "capture_episode"], [DONE; 7]),
    ("help", &["exit-codes"], [DONE; 7]),
    // These arguments are no command: scripts get the same error object in every state.
    ("help", &["--no-such-option"], ["HB6012"; 7]),
    ("case new", &["no.such_field=1"], ["HB3002"; 7]),
    ("completions", &["bash"], [DONE; 7]),
];

/// The results of every request that asks to read or write records.
const ASKS: [&str; 7] = ["HB1001", "HB1015", "HB1013", "HB1001", "HB1003", "HB1005", "HB1004"];
/// The commands that are tested apart (`demo.rs`), because they use no folder.
const APART: &[&str] = &["demo"];
/// The commands that end the node.
const ENDS: &[&str] = &["stop", "wipe"];
/// The id of some organisation.
const ORGANISATION: &str = "org1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqsgeexm8";

#[test]
fn every_command_has_a_row() {
    let commands: Vec<_> = habeas::commands().iter().map(|words| words.join(" ")).collect();
    let rows: Vec<_> = ROWS.iter().map(|(command, ..)| *command).chain(APART.iter().copied()).collect();
    let without: Vec<_> = commands.iter().filter(|command| !rows.contains(&command.as_str())).collect();
    assert!(without.is_empty(), "say in ROWS how these end in each state: {without:?}");
    let unknown: Vec<_> = rows.iter().filter(|row| !commands.iter().any(|command| command == *row)).collect();
    assert!(unknown.is_empty(), "no such commands: {unknown:?}");
}

#[test]
fn every_command_in_every_state_does_its_work_or_says_by_a_code_why_not() {
    let checked: Vec<_> = thread::scope(|scope| {
        let checks = STATES.map(|state| scope.spawn(move || check(state)));
        checks.into_iter().map(|check| check.join().expect("a state is checked")).collect()
    });
    let wrong: Vec<String> = checked.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Checks all rows in a state; returns the results that differ from the rows. A command that changed the state is
/// followed by a fresh node in it.
fn check(state: State) -> Vec<String> {
    let files = Files::new();
    let place = STATES.iter().position(|known| *known == state).expect("every state is listed");
    let (mut wrong, mut nodes) = (Vec::new(), made(state));
    for (command, args, expected) in ROWS {
        let args: Vec<_> =
            command.split(' ').map(str::to_owned).chain(args.iter().map(|arg| files.named(arg))).collect();
        let ended = match expected[place] {
            RUNS => serves(nodes[0].folder(), &args),
            _ => run(nodes[0].folder(), &args),
        };
        if ended != expected[place] {
            wrong.push(format!("{state:?}: habeas {}: {ended:?} instead of {:?}", args.join(" "), expected[place]));
        }
        // A node that a command left running is no child of the test.
        if matches!(state, State::Nowhere | State::Wiped | State::Stopped) {
            let _none_runs = Door::of(nodes[0].folder()).try_ask(&Request::Stop);
            let lock = nodes[0].folder().join("lock");
            eventually("no node runs", || fs::File::open(&lock).map_or(Some(()), |lock| lock.try_lock().ok()));
        }
        // A node that a command unlocked is locked again for the next one.
        if state == State::Locked {
            let _ended_perhaps = Door::of(nodes[0].folder()).try_ask(&Request::Lock);
        }
        // A node that was told to end may still answer for a moment.
        if ENDS.contains(command) || found(nodes[0].folder()) != state {
            nodes = made(state);
        }
    }
    wrong
}

/// A node made for this state.
fn made(state: State) -> Daemons {
    let mut nodes = match state {
        State::Stopped | State::Locked | State::Wiped => Daemons::found(NODE, 1),
        State::Nowhere | State::Empty | State::Sealed | State::Alone => Daemons::start(NODE, 1),
    };
    match state {
        State::Empty => {}
        State::Stopped => nodes[0].stop(),
        State::Wiped => nodes[0].wipe(),
        State::Nowhere => {
            nodes[0].stop();
            fs::remove_dir_all(nodes[0].folder()).expect("the folder is ours");
        }
        State::Locked => drop(nodes[0].done(Request::Lock)),
        State::Alone | State::Sealed => drop(nodes[0].init()),
    }
    if state == State::Sealed {
        nodes[0].stop();
        nodes[0].start();
    }
    assert_eq!(found(nodes[0].folder()), state);
    nodes
}

fn found(folder: &Path) -> State {
    match Door::of(folder).try_ask(&Request::Status) {
        Ok(Ok(Reply::Status(status))) => match status.state {
            NodeState::Empty => State::Empty,
            NodeState::Wiped => panic!("a node was started in a folder that is no use to it"),
            NodeState::Sealed => State::Sealed,
            NodeState::Alone => State::Alone,
            NodeState::Locked | NodeState::Open => State::Locked,
        },
        Ok(other) => panic!("no status: {other:?}"),
        Err(_) if folder.join("wiped").exists() => State::Wiped,
        Err(_) if folder.join("vault").exists() => State::Stopped,
        Err(_) => State::Nowhere,
    }
}

fn habeas(folder: &Path, args: &[String]) -> Command {
    let mut command = Command::new(HABEAS);
    command.arg("--data").arg(folder).args(["--no-input", "--node-program", NODE]).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end; returns the code of its failure.
fn run(folder: &Path, args: &[String]) -> String {
    let output = habeas(folder, args).arg("--json").output().expect("the program built with the tests starts");
    match output.status.code() {
        Some(0) => DONE.to_owned(),
        status => code(&String::from_utf8_lossy(&output.stderr)).unwrap_or_else(|| {
            format!("status {status:?} without a code: {}", String::from_utf8_lossy(&output.stderr))
        }),
    }
}

/// The code in the last message of the program; a node that it started writes its log there too.
fn code(err: &str) -> Option<String> {
    let line = err.lines().rfind(|line| line.starts_with('{'))?;
    serde_json::from_str::<Value>(line).ok()?["problem"]["code"].as_str().map(str::to_owned)
}

/// Whether the program serves, that is, runs a node until it is told to stop.
fn serves(folder: &Path, args: &[String]) -> String {
    let mut child = habeas(folder, args).spawn().expect("the program built with the tests starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    // The program's own message comes after it has opened what it could; the node logs before and after it.
    let serves = said.by_ref().any(|line| line.is_ok_and(|line| line.contains("Ctrl-C ends it")));
    assert!(serves, "it ended without serving");
    let ended = Door::of(folder).try_ask(&Request::Stop).expect("it answers");
    assert!(ended.is_ok(), "{ended:?}");
    let _rest = said.count();
    let status = child.wait().expect("a child of ours");
    if status.success() { RUNS.to_owned() } else { format!("{status}") }
}

/// Files for arguments: the passphrases, a file that is nothing of ours, and an unused name.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a temporary folder"));
        for (name, text) in [("own", PASSPHRASE), ("root", ROOT_PASSPHRASE), ("junk", "nothing of ours")] {
            fs::write(files.path(name), text).expect("writable");
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn named(&self, arg: &str) -> String {
        match arg.strip_prefix('@') {
            Some("new") => {
                let _not_there = fs::remove_file(self.path("new"));
                self.path("new").display().to_string()
            }
            Some(name) => self.path(name).display().to_string(),
            None => arg.to_owned(),
        }
    }
}
