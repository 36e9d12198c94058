//! What a lawyer asks of the dockets, and what answers.

use serde::{Deserialize, Serialize};

use super::Summary;

/// What is asked of the dockets: each part that is there narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// A code of `charge`, or one article as courts write it; it holds its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// A code of `defence_argument`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// A code of `capture_circumstance` that the court considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstance: Option<String>,
    /// Code of the court that answered; without a question about arguments, of any court of the docket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub court: Option<String>,
    /// A code of `court_response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// A docket that answers a question, and what in it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedent {
    /// As in a list.
    #[serde(flatten)]
    pub summary: Summary,
    /// What in it answers.
    #[serde(flatten)]
    pub found: Found,
}

/// What in a docket answers a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The charges asked for, else all: codes, and provisions as published.
    pub articles: Vec<String>,
    /// The arguments asked for, else all.
    pub arguments: Vec<Answered>,
}

/// An argument, and what a court answered: one code each, unless disputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Codes of `defence_argument`.
    pub argument: Vec<String>,
    /// Codes of `capture_circumstance`.
    pub circumstances: Vec<String>,
    /// Codes of `court_response`; none: not known.
    pub response: Vec<String>,
    /// Codes of courts.
    pub courts: Vec<String>,
}
