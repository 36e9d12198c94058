//! Failures of commands: a problem with a code, what to try next, and the exit status.

use std::{error::Error, fmt, path::Path};

use protocol::app::control::{self, Problem};

use crate::{files, texts};

/// A failure: the reason why a command did not do what it was asked, and its exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    pub(crate) exit: u8,
}

impl Failure {
    /// Creates a failure with one of the known codes; the message is in the current language.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        let exit = known().find(|(known, ..)| *known == code).map_or(1, |(_, exit, _)| exit);
        let problem = Problem { next: texts::next_of(code), ..Problem::new(code, message) };
        Self { exit, problem }
    }

    /// Sets what to try next, in place of the code's own step.
    pub(crate) fn try_next(mut self, next: impl Into<String>) -> Self {
        self.problem.next = next.into();
        self
    }

    /// Adds details, one line each.
    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        self.problem.details = details;
        self
    }

    /// Adds the folder to the commands in the next step, if a folder was named.
    pub(crate) fn in_folder(mut self, data: Option<&Path>) -> Self {
        if let Some(data) = data {
            self.problem.next =
                self.problem.next.replace("`habeas ", &format!("`habeas --data {} ", files::typed(data)));
        }
        self
    }

    /// Whether the failure has this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.problem.code == code
    }
}

/// An unfit value, one that an argument cannot have, with a code of its own: returned by the parsers of arguments.
#[derive(Clone, Debug)]
pub(crate) struct Unfit(pub(crate) Failure);

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.problem.message)
    }
}

impl Error for Unfit {}

/// A failure from a problem that the node reports, in the current language.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let (message, next) = (texts::sentence(&problem), texts::next_step(&problem));
        let details = texts::details(&problem);
        Self { exit: problem.exit_status(), problem: Problem { message, next, details, ..problem } }
    }
}

/// The known codes of the node and of this program: code, exit status, what to try next.
pub(crate) fn known() -> impl Iterator<Item = (&'static str, u8, &'static str)> {
    control::codes::ALL.iter().chain(codes::ALL).copied()
}

/// The codes of failures before a node is asked or after it answered. They never change their meaning.
pub(crate) mod codes {
    /// No input: a passphrase is needed and nobody can be asked.
    pub(crate) const NO_INPUT: &str = "HB6001";
    /// A file is unreadable.
    pub(crate) const UNREADABLE: &str = "HB6002";
    /// A file cannot be written.
    pub(crate) const UNWRITTEN: &str = "HB6003";
    /// The node's program does not exist.
    pub(crate) const NO_PROGRAM: &str = "HB6004";
    /// The node did not start: its program ended or did not answer.
    pub(crate) const NOT_STARTED: &str = "HB6005";
    /// The demonstration found a fault.
    pub(crate) const DEMO: &str = "HB6006";
    /// No home: no folder is named, and the user has no home folder.
    pub(crate) const NO_HOME: &str = "HB6007";
    /// The two typings of a new passphrase differ.
    pub(crate) const UNLIKE: &str = "HB6008";
    /// The help has no such topic.
    pub(crate) const NO_TOPIC: &str = "HB6009";
    /// The command was interrupted by a signal.
    pub(crate) const INTERRUPTED: &str = "HB6010";
    /// An action that cannot be undone was not confirmed.
    pub(crate) const CONFIRM: &str = "HB6011";
    /// A usage error: the typed text is no command, or lacks something.
    pub(crate) const USAGE: &str = "HB6012";
    /// The doctor found a fault to repair.
    pub(crate) const UNWELL: &str = "HB6020";

    /// All codes, each with its exit status and what to try next.
    pub(crate) const ALL: &[(&str, u8, &str)] = &[
        (NO_INPUT, 2, "name a file that holds it with --passphrase-file"),
        (UNREADABLE, 2, "check the name, and that you may read the file"),
        (UNWRITTEN, 1, "choose another file with -o; nothing is ever written over"),
        (NO_PROGRAM, 1, "install `habeas-node` beside `habeas`"),
        (NOT_STARTED, 1, "mend what the node says, then try again"),
        (DEMO, 1, "run it again with --keep and read the nodes' logs"),
        (NO_HOME, 2, "name a folder with --data"),
        (UNLIKE, 2, "try again, and type the same twice"),
        (NO_TOPIC, 2, "run `habeas help` for the list of commands"),
        (INTERRUPTED, 130, "nothing was left running; start again when you like"),
        (CONFIRM, 2, "repeat the command with --confirm"),
        (USAGE, 2, "run `habeas help` for the commands; each says with --help what it takes"),
        (UNWELL, 3, "run the command beside each finding, then `habeas doctor` again"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_codes_are_unique_follow_the_nodes_and_each_says_what_to_do_next() {
        let all: Vec<_> = known().collect();
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(all.iter().all(|(_, exit, next)| *exit != 0 && !next.is_empty()));
    }

    #[test]
    fn a_problem_of_the_node_keeps_its_exit_status_and_next_step() {
        for (code, exit, next) in control::codes::ALL {
            let failure = Failure::from(Problem::new(code, "what happened"));
            assert_eq!((failure.exit, failure.problem.next.as_str()), (*exit, *next), "{code}");
        }
    }

    #[test]
    fn a_named_folder_is_part_of_every_command_to_run_next() {
        let failure = Failure::new(control::codes::NOT_RUNNING, "no answer");
        let next = |data: Option<&str>| failure.clone().in_folder(data.map(Path::new)).problem.next;
        assert_eq!(next(None), "run `habeas serve`");
        assert_eq!(next(Some("/srv/x")), "run `habeas --data /srv/x serve`");
    }
}
