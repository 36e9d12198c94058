//! A line of the catalogue: what a list and a search show of a record.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    app::question::Answers,
    bytes::{
        codec,
        ids::{CircleId, OrgId, SectionId},
    },
};

use super::{ROW_BYTES, SectionKey};

/// The code of dockets whose charges and arguments are too many for a line.
pub const TOO_MANY: &str = "too many";

/// A line: the summary of a record, and what it is found by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The circle of the section.
    pub circle: CircleId,
    /// The section.
    pub section: SectionId,
    /// Whose record it is.
    pub origin: Origin,
    /// Stage code.
    pub stage: String,
    /// Number of conflicts shown in the record.
    pub conflicts: u64,
    /// Time of the latest statement about the record, as claimed: UTC, seconds.
    pub changed: u64,
    /// Label of the record in the file it was imported from.
    pub label: Option<String>,
    /// Shared copies of an own case file that can be read.
    pub copies: Vec<SectionKey>,
    /// The withdrawals that the shared copies of an own case file were told to follow.
    pub followed: Followed,
    /// Charges and arguments of a docket; `None` for a case file, and for a docket that has too many for a line.
    pub answers: Option<Answers>,
    /// Whether the record is a docket that has too many charges and arguments for a line.
    pub is_large: bool,
}

/// Whose record a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// An own case file.
    Own,
    /// A case file of another organisation, received in a named circle.
    Received,
    /// A docket, or a case file's public part of another organisation.
    Commons,
}

/// Withdrawals of an own case file, as they were last followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Followed {
    /// Whether the case file is withdrawn in the own circle.
    pub at_home: bool,
    /// The other organisations that recorded a withdrawal in a shared copy.
    pub others: BTreeSet<OrgId>,
}

impl Followed {
    /// Whether the shared copies have to follow, after `before`: a withdrawal at home, or one of others while there is
    /// none at home, that was not there before.
    #[must_use]
    pub fn is_news(&self, before: &Self) -> bool {
        if self.at_home {
            !before.at_home
        } else {
            !self.others.is_empty() && (before.at_home || before.others != self.others)
        }
    }
}

/// Shows the section, never content.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?}, {:?})", self.section, self.origin)
    }
}

impl Line {
    /// The names of the parts in which two lines differ.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("origin", self.origin == other.origin),
            ("stage", self.stage == other.stage),
            ("conflicts", self.conflicts == other.conflicts),
            ("changed", self.changed == other.changed),
            ("label", self.label == other.label),
            ("copies", self.copies == other.copies),
            ("followed", self.followed == other.followed),
            ("answers", self.answers == other.answers),
        ];
        parts.into_iter().filter(|(_, equal)| !equal).map(|(name, _)| name).collect()
    }

    /// Bounds the line: a docket whose charges and arguments do not fit in half a row is folded for each question.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.answers.as_ref().is_some_and(|answers| codec::encode(answers).len() > ROW_BYTES / 2) {
            (self.answers, self.is_large) = (None, true);
        }
        self
    }

    /// The codes by which the record is found.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<String> {
        let mut codes = self.answers.as_ref().map(Answers::codes).unwrap_or_default();
        codes.insert(stage_code(&self.stage));
        if self.is_large {
            codes.insert(TOO_MANY.to_owned());
        }
        codes
    }

    /// Whether other organisations recorded a withdrawal that has no answer in the own circle.
    #[must_use]
    pub fn is_withdrawn_by_others(&self) -> bool {
        !self.followed.at_home && !self.followed.others.is_empty()
    }

    /// The line's share in the counts: lines, shared, received, conflicts.
    pub(super) fn counted(&self) -> [u64; 4] {
        let (shared, received) =
            (self.origin == Origin::Own && !self.copies.is_empty(), self.origin == Origin::Received);
        [1, u64::from(shared), u64::from(received), self.conflicts]
    }
}

/// The code of a stage.
#[must_use]
pub fn stage_code(stage: &str) -> String {
    format!("stage {stage}")
}
