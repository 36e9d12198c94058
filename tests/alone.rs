//! `habeas init --alone`: one command makes keys, a registry and a running node for an organisation. If it is killed at
//! any moment, the same command resumes where it stopped. The list of processes and the log of the node contain no
//! passphrase and no name.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use protocol::app::control::{NodeState, Page, RecordKind, Reply, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tests::daemons::{Daemons, Door, PASSPHRASE, ROOT_PASSPHRASE, eventually, sample};

use crate::{
    NODE,
    kill::{LIFE_MS, chance},
};

const HABEAS: &str = env!("CARGO_BIN_EXE_tests-habeas");
/// The typed command: the program as people start it, which asks questions and reads the environment.
const TYPED: &str = env!("CARGO_BIN_EXE_tests-typed");
/// Looks in a row that must find nothing before a folder counts as cut off.
const LOOKS: usize = 5;
/// The steps of `init`: the names that it creates in the folder, in order, as far as they are visible from outside.
const STEPS: &[&str] = &["node.log", "lock", "api.sock", "making", "vault", "vault.copy", "root", "store"];

/// A home: a data folder that does not exist yet, and files with both passphrases. Dropping it ends its node.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = TempDir::with_prefix("alone-").expect("a temporary folder");
        fs::write(home.path().join("own"), PASSPHRASE).expect("writable");
        fs::write(home.path().join("root"), ROOT_PASSPHRASE).expect("writable");
        Self(home)
    }

    /// The data folder, which does not exist yet, nor does its parent.
    fn data(&self) -> PathBuf {
        self.0.path().join("not/there/yet")
    }

    fn habeas(&self, args: &[&str]) -> Command {
        let mut command = Command::new(HABEAS);
        command.arg("--data").arg(self.data()).args(["--no-input", "--node-program", NODE]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn alone(&self, more: &[&str]) -> Command {
        let mut command = self.habeas(&["init", "--alone", "--invented"]);
        command.arg("--passphrase-file").arg(self.0.path().join("own"));
        command.arg("--root-passphrase-file").arg(self.0.path().join("root")).args(more);
        command
    }

    /// Runs the command like [`Self::ready`], after the wait that a passphrase attempt costs if it was cut off.
    fn ready_after_a_cut(&self) -> Value {
        eventually("no attempt has to be waited for", || {
            let output = self.alone(&["--json"]).output().expect("the program built with the tests starts");
            (output.status.code() != Some(75)).then_some(())
        });
        self.ready()
    }

    /// Runs the command to its end, and returns the line that says that everything is ready.
    fn ready(&self) -> Value {
        let output = self.alone(&["--json"]).output().expect("the program built with the tests starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{err}\n{}", self.log());
        let ready: Value = serde_json::from_str(out.lines().last().expect("a last line")).expect("JSON");
        assert_eq!((&ready["event"], &ready["state"], &ready["schema"]), (&"ready".into(), &"open".into(), &1.into()));
        ready
    }

    fn log(&self) -> String {
        fs::read_to_string(self.data().join("node.log")).unwrap_or_default()
    }

    fn door(&self) -> Door {
        Door::of(&self.data())
    }

    /// The processes that name this folder in their command line.
    fn processes(&self) -> Vec<Pid> {
        let ours = self.data().display().to_string();
        let processes =
            fs::read_dir("/proc").expect("Linux").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let pids = processes.filter_map(|name| name.parse().ok().and_then(Pid::from_raw));
        pids.filter(|pid| about(*pid, "cmdline").split('\0').any(|word| word == ours)).collect()
    }

    /// The processes of the nodes that run for this folder.
    fn nodes(&self) -> Vec<Pid> {
        self.processes().into_iter().filter(|pid| about(*pid, "cmdline").starts_with(NODE)).collect()
    }

    /// Cuts off what runs, as a power cut does, except for the disk. A node that a killed command had just begun to start has
    /// the command line of that command; one that is ending has none, while its socket still accepts connections. So nothing
    /// may be found in several looks, and the socket is checked too.
    fn cut(&self) {
        let socket = self.data().join("api.sock");
        let (mut killed, mut quiet) = (Vec::new(), 0);
        eventually("nothing runs for the folder", || {
            let running = self.processes();
            for pid in &running {
                let _ended_already = kill_process(*pid, Signal::KILL);
            }
            let is_quiet = running.is_empty() && UnixStream::connect(&socket).is_err();
            killed.extend(running);
            quiet = if is_quiet && killed.iter().all(|pid| is_gone(*pid)) { quiet + 1 } else { 0 };
            (quiet == LOOKS).then_some(())
        });
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.cut();
    }
}

/// A file of `/proc` about a process.
fn about(pid: Pid, what: &str) -> String {
    let bytes = fs::read(format!("/proc/{}/{what}", pid.as_raw_nonzero())).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a process is gone and has released everything: each of its threads has ended (proc(5)). The first thread may
/// have ended while others still hold the socket.
fn is_gone(pid: Pid) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return true };
    let ended =
        |stat: String| stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with(['Z', 'X']));
    threads.flatten().all(|thread| ended(fs::read_to_string(thread.path().join("stat")).unwrap_or_default()))
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[test]
fn one_command_leaves_an_organisation_that_works_and_running_it_again_says_so() {
    let home = Home::new();
    let ready = home.ready();
    assert_eq!(ready["did"], serde_json::json!(["node", "keys", "registry"]));
    for key in ["call_sign", "organisation", "registry_words", "registry", "node"] {
        assert!(ready[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {ready}");
    }
    assert_eq!(ready["data"].as_str().map(Path::new), Some(&*home.data()));

    // The contract with tools: after the command has ended, a node answers.
    let output = home.habeas(&["status", "--json"]).output().expect("it starts");
    let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&status["state"], &status["call_sign"]), (&"open".into(), &ready["call_sign"]));
    let imported = home.door().try_ask(&Request::Import {
        file: sample(),
        dry_run: false,
        known: protocol::app::control::Known::Refuse,
    });
    assert!(matches!(imported, Ok(Ok(Reply::Imported { .. }))), "{imported:?}");

    let same = |again: &Value, did: Value| {
        assert_eq!(again["did"], did);
        for key in ["call_sign", "organisation", "registry_words", "registry", "node"] {
            assert_eq!(again[key], ready[key], "{key}");
        }
    };
    same(&home.ready(), serde_json::json!([]));
    let stopped = home.habeas(&["stop"]).status().expect("it starts");
    assert!(stopped.success());
    eventually("the node has ended", || home.nodes().is_empty().then_some(()));
    same(&home.ready(), serde_json::json!(["node"]));
    let Ok(Ok(Reply::Records { records, .. })) =
        home.door().try_ask(&Request::List { kind: RecordKind::Case, stage: None, page: Page::default() })
    else {
        panic!("no list")
    };
    assert_eq!(records.len(), 12);
}

/// The list of processes and the log do not reveal a passphrase or the organisation. Another person can see both: a
/// list of processes on the screen, and a log in the folder.
#[test]
fn neither_the_list_of_processes_nor_the_log_tells_a_passphrase_or_who_it_is() {
    let home = Home::new();
    let ready = home.ready();
    let [node] = home.nodes()[..] else { panic!("one node runs: {:?}", home.nodes()) };
    let call_sign = ready["call_sign"].as_str().expect("a text");
    let words = ready["registry_words"].as_str().expect("a text");
    let seen = ["cmdline", "environ", "comm"].map(|what| about(node, what)).join("\n") + &home.log();
    assert!(home.log().contains("ready"), "{}", home.log());
    for secret in [PASSPHRASE, ROOT_PASSPHRASE, call_sign, words] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    // The node leads a session of its own, so it does not end with the terminal in which it was started.
    let session = about(node, "stat").rsplit(") ").next().and_then(|rest| rest.split(' ').nth(3).map(str::to_owned));
    assert_eq!(session, Some(node.as_raw_nonzero().to_string()));
    let log = home.data().join("node.log");
    let mode = std::os::unix::fs::PermissionsExt::mode(&log.metadata().expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

/// `init` resumes after a kill at each step. The command and its node are killed as soon as a step is visible; the
/// folder is then one that `init` never wrote to, or one that it finished. The same command completes it, and
/// everything that was reported before still holds.
#[test]
fn killed_at_each_step_it_goes_on_where_it_stopped() {
    let (_, mut draw) = chance();
    for step in STEPS.iter().copied().chain(["finished", "registry", "anywhere", "anywhere", "anywhere"]) {
        let home = Home::new();
        let mut running = home.alone(&[]).spawn().expect("the program built with the tests starts");
        let life = Duration::from_millis(draw(4 * LIFE_MS));
        reached(step, &home, &mut running, life);
        let _ended_already = running.kill();
        let mut told = String::new();
        let _status = running.wait().expect("a child of ours");
        running.stderr.take().expect("piped").read_to_string(&mut told).expect("UTF-8");
        home.cut();

        let half = ["vault", "root"].iter().any(|name| is_there(&home.data().join(name)));
        let unfinished = is_there(&home.data().join("making"));
        let before = home.habeas(&["status", "--json"]).output().expect("it starts");
        let said = String::from_utf8_lossy(&before.stderr);
        let code = if half && !unfinished { "HB1013" } else { "HB1001" };
        assert!(said.contains(code), "{step}: {code} in {said}");

        let ready = home.ready_after_a_cut();
        if let Some(call_sign) = told.lines().find_map(|line| line.split("for the organisation ").nth(1)) {
            assert_eq!(ready["call_sign"], call_sign, "{step}: what was told still holds");
        }
        assert!(!is_there(&home.data().join("making")), "{step}");
        let Ok(Ok(Reply::Status(status))) = home.door().try_ask(&Request::Status) else { panic!("{step}: no status") };
        assert_eq!((status.state, status.peers.len(), status.alarms.len()), (NodeState::Open, 0, 0), "{step}");
    }
}

/// Waits until the step is reached, that is, visible, or the command has ended.
fn reached(step: &str, home: &Home, running: &mut Child, life: Duration) {
    let data = home.data();
    let finished = || is_there(&data.join("vault")) && !is_there(&data.join("making"));
    let begun = std::time::Instant::now();
    loop {
        let seen = match step {
            "finished" => finished(),
            // The row is one batch, so no state between before and after it can be seen.
            "registry" => finished() && home.door().try_ask(&Request::Status).is_ok(),
            "anywhere" => begun.elapsed() > life,
            name => is_there(&data.join(name)),
        };
        if seen || running.try_wait().expect("a child of ours").is_some() {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn a_folder_in_a_registry_with_others_is_not_taken_for_one_alone() {
    let nodes = Daemons::found(NODE, 2);
    let output = Command::new(HABEAS)
        .arg("--data")
        .arg(nodes[0].folder())
        .args(["--no-input", "--json", "init", "--alone"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("HB1006") && said.contains("other organisations"), "{said}");
    assert_eq!(nodes[0].status().state, NodeState::Open, "its node runs on");
}

#[test]
fn what_was_begun_by_hand_is_finished_by_the_one_command() {
    let nodes = Daemons::start(NODE, 1);
    nodes[0].init();
    nodes[0].done(Request::Lock);
    let home = Home::new();
    let files = ["own", "root"].map(|name| home.0.path().join(name));
    let output = Command::new(HABEAS)
        .arg("--data")
        .arg(nodes[0].folder())
        .args(["--no-input", "--json", "init", "--alone", "--passphrase-file"])
        .arg(&files[0])
        .arg("--root-passphrase-file")
        .arg(&files[1])
        .output()
        .expect("it starts");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ready: Value = serde_json::from_str(out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(ready["did"], serde_json::json!(["registry"]));
    assert_eq!(nodes[0].status().state, NodeState::Open);
}

/// A terminal with a person at it: the output shown, and a way to type.
struct Terminal {
    shown: Arc<Mutex<Vec<u8>>>,
    program: Child,
    /// The number of bytes seen before the text that was waited for last.
    seen: usize,
}

impl Terminal {
    /// Types a command at a terminal whose locale names no language.
    fn new(home: &Home, command: &str) -> Self {
        let habeas = format!("{TYPED} --data {} --node-program {NODE} {command}", home.data().display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &habeas, "/dev/null"]);
        script.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C").env("TERM", "dumb").env("TZ", "Mars/Phobos");
        let mut program = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1) of util-linux");
        let (shown, mut out) = (Arc::new(Mutex::new(Vec::new())), program.stdout.take().expect("piped"));
        let hears = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = out.read(&mut bytes) {
                hears.lock().expect("nobody panicked").extend_from_slice(&bytes[..read]);
            }
        });
        Self { shown, program, seen: 0 }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("nobody panicked")).into_owned()
    }

    /// Waits until the terminal shows a text.
    fn shows(&mut self, what: &str) {
        eventually(what, || {
            let text = self.text();
            let at = text.get(self.seen..)?.find(what)?;
            self.seen += at + what.len();
            Some(())
        });
    }

    /// Waits until the question is asked, and types the answer.
    fn answers(&mut self, question: &str, answer: &str) {
        self.shows(question);
        let stdin = self.program.stdin.as_mut().expect("piped");
        stdin.write_all(format!("{answer}\n").as_bytes()).expect("it reads");
    }
}

#[test]
fn a_person_at_a_terminal_is_asked_for_a_language_and_two_passphrases_and_may_choose_again() {
    let home = Home::new();
    let mut terminal = Terminal::new(&home, "init --alone --invented");
    terminal.answers("Мова:", "3");
    terminal.shows("Забуту фразу не відновить ніхто.");
    let device = |terminal: &mut Terminal, typed: &str, again: &str| {
        terminal.answers("Нова парольна фраза цього пристрою:", typed);
        terminal.answers("Ще раз те саме:", again);
    };
    let root = |terminal: &mut Terminal, typed: &str| {
        terminal.answers("Нова головна парольна фраза, інша:", typed);
        terminal.answers("Ще раз те саме:", typed);
    };
    // First the two typings differ; then the passphrase is too short; then one is given for both, which the node
    // refuses.
    device(&mut terminal, PASSPHRASE, "something else");
    terminal.shows("виберіть ще раз");
    device(&mut terminal, "short", "short");
    root(&mut terminal, ROOT_PASSPHRASE);
    terminal.shows("виберіть ще раз");
    device(&mut terminal, PASSPHRASE, PASSPHRASE);
    root(&mut terminal, PASSPHRASE);
    terminal.shows("виберіть ще раз");
    device(&mut terminal, PASSPHRASE, PASSPHRASE);
    root(&mut terminal, ROOT_PASSPHRASE);
    terminal.shows("готово");
    terminal.shows("--lang uk backup create");
    let status = terminal.program.wait().expect("a child of ours");
    assert!(status.success(), "{}", terminal.text());
    assert!(!terminal.text().contains(PASSPHRASE) && !terminal.text().contains(ROOT_PASSPHRASE), "{}", terminal.text());

    // The zone does not exist: times are shown in UTC, with that name.
    let mut terminal = Terminal::new(&home, "--lang uk status");
    terminal.shows("станом на");
    terminal.shows(" UTC");
    assert!(terminal.program.wait().expect("a child of ours").success());
}
