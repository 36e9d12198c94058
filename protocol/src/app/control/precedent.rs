//! Precedent search: the question that is put to the dockets, and the answer.

use serde::{Deserialize, Serialize};

use super::Summary;

/// A question to the dockets. Each part that is given narrows the result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// A code of `charge`, or one article as courts write it. An article includes its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<String>,
    /// A code of `defence_argument`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// A code of `capture_circumstance` that the court considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstance: Option<String>,
    /// Code of the court that gave the response. Without a question about arguments: code of any court of the docket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub court: Option<String>,
    /// A code of `court_response`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// A docket that answers a question, with the matching charges and arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedent {
    /// Summary of the docket, as in a list.
    #[serde(flatten)]
    pub summary: Summary,
    /// The matching charges and arguments.
    #[serde(flatten)]
    pub found: Found,
}

/// The charges and arguments of a docket that answer a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The charges asked for, or all if none was: codes, and provisions as published.
    pub articles: Vec<String>,
    /// The arguments asked for, or all if none was.
    pub arguments: Vec<Answered>,
}

/// An argument and the response of a court: one code each, unless disputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Codes of `defence_argument`.
    pub argument: Vec<String>,
    /// Codes of `capture_circumstance`.
    pub circumstances: Vec<String>,
    /// Codes of `court_response`; empty if the response is not known.
    pub response: Vec<String>,
    /// Codes of courts.
    pub courts: Vec<String>,
}
