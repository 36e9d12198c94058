//! The report that a node is ready in the background: for scripts one line, the last of the command.

use std::path::{Path, PathBuf};

use protocol::{
    app::control::{NodeState, SCHEMA, Status},
    bytes::ids::{NodeKey, OrgId, RegistryId},
};
use serde::Serialize;

use super::init::Step;
use crate::{daemon::LOG, render::Screen};

/// The last line of a command that leaves a node running and ready.
#[derive(Debug, Serialize)]
pub(super) struct Ready<'a> {
    schema: u32,
    event: &'static str,
    /// The steps that this run of the command carried out; the rest was done before.
    did: &'a [Step],
    state: NodeState,
    call_sign: Option<&'a str>,
    organisation: Option<OrgId>,
    registry_words: Option<&'a str>,
    registry: Option<RegistryId>,
    node: Option<NodeKey>,
    data: PathBuf,
    log: PathBuf,
}

impl<'a> Ready<'a> {
    pub(super) fn of(status: &'a Status, data: &Path, did: &'a [Step]) -> Self {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        Self {
            schema: SCHEMA,
            event: "ready",
            did,
            state: status.state,
            call_sign: status.call_sign.as_deref(),
            organisation: status.organisation,
            registry_words: status.registry_words.as_deref(),
            registry: status.registry,
            node: status.node,
            log: data.join(LOG),
            data,
        }
    }

    /// Prints the line for scripts, or the text for people.
    pub(super) fn tell(&self, screen: &mut Screen, text: impl FnOnce() -> String) {
        if screen.is_json() { screen.line(self) } else { screen.data(&text()) }
    }
}
