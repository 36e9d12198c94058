//! The pages under `tests/pages`: prose for people, with sessions that are typed into a shell exactly as they are
//! written.
//!
//! A block ` ```console ` is a session: `$ command`, then its output, both streams together. In the output, `[..]`
//! stands for anything within a line, and a line `...` for any lines; a last line `[exit 3]` names an exit status other
//! than 0. A command that ends with `&` runs on, and the page waits until it answers. A block ` ```file NAME ` is a
//! file of that name. Each page has a folder of its own, which is its home.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use snapbox::{Assert, IntoData};
use tempfile::TempDir;
use tests::daemons::eventually;

use crate::NODE;

const HABEAS: &str = env!("CARGO_BIN_EXE_tests-typed");

macro_rules! pages {
    ($($name:ident = $file:literal;)*) => {
        $(#[test]
        fn $name() {
            Stage::new().play($file);
        })*

        #[test]
        fn every_page_is_played() {
            let played = [$($file),*];
            let mut pages: Vec<_> = fs::read_dir(folder()).expect("it is there").map(|page| page.expect("readable").file_name()).collect();
            pages.sort();
            assert_eq!(pages, played);
        }
    };
}

pages! {
    correcting = "correcting.md";
    first_day = "first-day.md";
    loss = "loss.md";
    precedents = "precedents.md";
    sharing = "sharing.md";
}

/// The stage on which a page is played: a home folder and the commands that run on.
struct Stage {
    home: TempDir,
    running: Vec<Child>,
}

/// A part of a page: a file, or a command with its expected output.
enum Part {
    File { name: String, text: String },
    Step { line: usize, command: String, expected: String },
}

impl Stage {
    fn new() -> Self {
        let home = TempDir::with_prefix("page-").expect("a temporary folder");
        let programs = home.path().join("bin");
        fs::create_dir(&programs).expect("the folder is ours");
        // Both programs are those built with the tests, wherever they are.
        let habeas = format!("#!/bin/sh\nexec '{HABEAS}' --node-program '{NODE}' \"$@\"\n");
        fs::write(programs.join("habeas"), habeas).expect("the folder is ours");
        fs::set_permissions(programs.join("habeas"), fs::Permissions::from_mode(0o755)).expect("ours");
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy"), home.path().join("deploy")).expect("ours");
        Self { home, running: Vec::new() }
    }

    fn play(mut self, page: &str) {
        let text = fs::read_to_string(folder().join(page)).expect("it is there");
        let mut steps = 0;
        for part in parts(&text) {
            match part {
                Part::File { name, text } => fs::write(self.home.path().join(name), text).expect("the folder is ours"),
                Part::Step { line, command, expected } => {
                    steps += 1;
                    let said = match command.strip_suffix(" &") {
                        Some(command) => self.start(command),
                        None => self.run(&command),
                    };
                    let place = format!("{page}:{line}: {command}");
                    let same =
                        Assert::new().action_env("PAGES").try_eq(Some(&place), said.into_data(), expected.into_data());
                    if let Err(error) = same {
                        panic!("{error}");
                    }
                }
            }
        }
        assert!(steps > 0, "{page} has no session");
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        let path = format!("{}:/usr/bin:/bin", self.home.path().join("bin").display());
        shell.args(["-c", command]).current_dir(self.home.path()).env_clear();
        shell.env("HOME", self.home.path()).env("PATH", path).env("LANG", "C.UTF-8").stdin(Stdio::null());
        shell
    }

    /// Runs a command: its output, and its exit status if it is not 0.
    fn run(&self, command: &str) -> String {
        let Output { status, stdout, .. } =
            self.shell(&format!("{{ {command}\n}} 2>&1")).output().expect("there is a shell");
        let mut said = String::from_utf8(stdout).expect("text");
        match status.code() {
            Some(0) => {}
            Some(code) => said.push_str(&format!("[exit {code}]\n")),
            None => said.push_str("[killed]\n"),
        }
        said
    }

    /// Starts a command that runs on; returns once a node answers for its folder.
    fn start(&mut self, command: &str) -> String {
        let log = fs::File::create(self.home.path().join(format!("{}.log", self.running.len()))).expect("ours");
        let mut shell = self.shell(&format!("exec {command}"));
        self.running.push(shell.stdout(Stdio::null()).stderr(log).spawn().expect("there is a shell"));
        let data = command.split_whitespace().skip_while(|word| *word != "--data").nth(1);
        let data =
            data.map_or_else(|| self.home.path().join(".local/share/habeas"), |data| self.home.path().join(data));
        eventually("the node is open", || {
            UnixStream::connect(data.join("api.sock")).ok()?;
            let status = self.run(&format!("habeas --data {} status --json", data.display()));
            (status.contains(r#""state":"open""#) || status.contains(r#""state":"alone""#)).then_some(())
        });
        String::new()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A node that a page left in the background is no child of the test.
        let _none_runs = self.run("habeas stop");
        for child in &mut self.running {
            // The command passes the signal on to its node; then both end.
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _gone_already = kill_process(pid, Signal::TERM);
            }
            let _status = child.wait();
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pages")
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines().enumerate().map(|(number, line)| (number + 1, line));
    while let Some((_, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        if let Some(name) = kind.strip_prefix("file ") {
            let text = block.iter().map(|(_, line)| format!("{line}\n")).collect();
            parts.push(Part::File { name: name.to_owned(), text });
        } else if kind == "console" {
            for (number, line) in block {
                match (line.strip_prefix("$ "), parts.last_mut()) {
                    (Some(command), _) => {
                        parts.push(Part::Step { line: number, command: command.to_owned(), expected: String::new() })
                    }
                    (None, Some(Part::Step { expected, .. })) => {
                        expected.push_str(line);
                        expected.push('\n');
                    }
                    (None, _) => panic!("line {number} of a session has no command before it"),
                }
            }
        } else {
            panic!("a block of kind `{kind}`: a page has sessions and files");
        }
    }
    parts
}

#[test]
fn a_page_is_files_and_steps_with_what_they_print() {
    let found = parts("Text.\n\n```file a.txt\none\n```\n\n```console\n$ cat a.txt\none\n$ true\n```\n");
    let shown: Vec<_> = found
        .iter()
        .map(|part| match part {
            Part::File { name, text } => format!("{name}: {text}"),
            Part::Step { line, command, expected } => format!("{line}: {command}: {expected}"),
        })
        .collect();
    assert_eq!(shown, ["a.txt: one\n", "8: cat a.txt: one\n", "10: true: "]);
}
