//! The local protocol between a person's tools and the node: one request, one reply, over the node's own socket.
//!
//! `POST /v1` with a [`Request`] as JSON answers with an [`Answer`]. A client that accepts [`LINES`] gets lines of
//! [`Progress`] before the answer while long work goes on. Nothing here is trusted input for the rules: the node checks
//! every field again. Secrets travel only from the client to the node, only over the socket, and are not shown by
//! `Debug`.

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
    request::{Fact, Known, Page, Request, Scope},
    sharing::{CasePreview, GoesField, Guest, HeldBack, HeldBackWhat, Reader, Readers, Share, SharePreview},
    standing::{Alarm, CircleStatus, NodeState, Peer, Status},
};

/// Version of the JSON that scripts read.
pub const SCHEMA: u32 = 1;

/// The answer of a node to a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The request was carried out.
    Ok(Box<Reply>),
    /// The request was refused; nothing of it was carried out.
    Problem(Problem),
}
