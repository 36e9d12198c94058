//! What a person's tools and the node say to each other: one request, one reply, over the node's own socket.
//!
//! `POST /v1` with a [`Request`] as JSON answers with an [`Answer`]; whoever accepts [`LINES`] gets a line of [`Progress`]
//! now and then before it, while long work goes on. Nothing here is trusted input for the rules: the node
//! checks every field again. Secrets travel only in this direction, only over the socket, and show in no `Debug`.

mod dispute;
mod examination;
mod passphrase;
mod precedent;
mod problem;
mod progress;
mod record;
mod reply;
mod request;
mod sharing;
mod standing;

use serde::{Deserialize, Serialize};

pub use crate::record::section::root::RecordKind;

pub use self::{
    dispute::{At, By, Conflict, Heading, Past, Resolution, Retraction},
    examination::{Examination, Named},
    passphrase::Passphrase,
    precedent::{Answered, Found, Precedent, Question},
    problem::{Parameter, Problem, SITUATIONS, Situation, codes},
    progress::{Event, LINES, Progress, Unit},
    record::{Cell, Claim, Entity, ExportedEntry, Imported, Record, Stated, Summary, TakenBack},
    reply::Reply,
    request::{Fact, Known, Request, Scope},
    sharing::{CasePreview, GoesField, Guest, HeldBack, HeldBackWhat, Reader, Readers, Share, SharePreview},
    standing::{Alarm, CircleStatus, NodeState, Peer, Status},
};

/// Version of the JSON that people's scripts see.
pub const SCHEMA: u32 = 1;

/// What a node answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done.
    Ok(Box<Reply>),
    /// It was not; nothing of it was.
    Problem(Problem),
}
