//! Passphrases: typed without echo, or read from a file. There is no other source: no flag's value, no environment.

use std::{
    io,
    path::{Path, PathBuf},
};

use protocol::app::control::{Passphrase, Problem};
use zeroize::Zeroizing;

use crate::{
    Context,
    error::{Failure, codes},
    files, texts,
};

/// The kind of a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The passphrase of the device, which opens its folder.
    Device,
    /// The passphrase of the organisation's root key.
    Root,
}

impl Which {
    /// The flag that names a file with the passphrase.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Device => "--passphrase-file",
            Self::Root => "--root-passphrase-file",
        }
    }
}

impl Context<'_> {
    /// Gets a passphrase that exists.
    pub(crate) fn passphrase(&self, which: Which) -> Result<Passphrase, Failure> {
        match self.file(which) {
            Some(path) => from_file(path),
            None => self.typed(which, &texts::prompt(which)),
        }
    }

    /// Gets a new passphrase, which is typed twice.
    pub(crate) fn new_passphrase(&self, which: Which) -> Result<Passphrase, Failure> {
        if let Some(path) = self.file(which) {
            return from_file(path);
        }
        let first = self.typed(which, &texts::new_prompt(which))?;
        let again = self.typed(which, &texts::prompt_again())?;
        let same = first.expose() == again.expose();
        if same { Ok(first) } else { Err(Failure::new(codes::UNLIKE, texts::unlike())) }
    }

    /// Whether a passphrase can be had at all.
    pub(crate) fn can_have(&self, which: Which) -> bool {
        self.file(which).is_some() || self.may_ask()
    }

    /// Whether a person may type the passphrase, and type it again after a mistake.
    pub(crate) fn may_type(&self, which: Which) -> bool {
        self.file(which).is_none() && self.may_ask()
    }

    fn may_ask(&self) -> bool {
        self.surroundings.interactive && !self.global.no_input
    }

    fn file(&self, which: Which) -> Option<&PathBuf> {
        match which {
            Which::Device => self.global.passphrase_file.as_ref(),
            Which::Root => self.global.root_passphrase_file.as_ref(),
        }
    }

    fn typed(&self, which: Which, prompt: &str) -> Result<Passphrase, Failure> {
        if !self.may_ask() {
            return Err(self.nobody_to_ask(which));
        }
        let typed = rpassword::prompt_password(prompt);
        typed.map(Passphrase::new).map_err(|error: io::Error| {
            let nobody = self.nobody_to_ask(which);
            let message = texts::not_typed(&nobody.problem.message, &error);
            Failure { problem: Problem { message, ..nobody.problem }, ..nobody }
        })
    }

    /// The failure when a passphrase is needed and there is nobody to ask.
    pub(crate) fn nobody_to_ask(&self, which: Which) -> Failure {
        Failure::new(codes::NO_INPUT, texts::nobody_to_ask(which)).try_next(texts::name_a_file_with(which.flag()))
    }
}

/// Reads a passphrase from a file: its first line, without the line end.
fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let text = Zeroizing::new(files::read(path)?);
    Ok(Passphrase::new(text.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake;

    #[test]
    fn the_first_line_of_the_file_is_the_passphrase() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let check = |content: &str, expected: &str| {
            let path = folder.path().join("p");
            std::fs::write(&path, content).expect("the folder is ours");
            assert_eq!(from_file(&path).expect("the file is there").expose(), expected);
        };
        check("five plain words and more", "five plain words and more");
        check("with spaces at the end  \n", "with spaces at the end  ");
        check("from another system\r\nsecond line", "from another system");
        check("", "");
    }

    #[test]
    fn without_a_person_the_error_names_the_flag_that_would_answer() {
        for (which, flag) in [(Which::Device, "--passphrase-file"), (Which::Root, "--root-passphrase-file")] {
            let failure = fake::context(&["unlock"]).passphrase(which).expect_err("nobody can be asked");
            assert_eq!((failure.exit, failure.problem.code.as_str()), (2, codes::NO_INPUT));
            assert!(failure.problem.next.contains(&format!("{flag} ")), "{}", failure.problem.next);
        }
    }

    #[test]
    fn no_input_forbids_to_ask_even_at_a_terminal() {
        let asks = |args: &[&str]| {
            let mut surroundings = fake::surroundings();
            surroundings.interactive = true;
            fake::context_in(args, &surroundings).may_ask()
        };
        assert!(asks(&["unlock"]));
        assert!(!asks(&["unlock", "--no-input"]));
    }
}
