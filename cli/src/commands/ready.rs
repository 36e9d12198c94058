//! What is said when a node runs in the background: for scripts one line that ends a command and begins their work.

use std::path::{Path, PathBuf};

use protocol::{
    app::control::{NodeState, SCHEMA, Status},
    bytes::ids::{NodeKey, OrgId, RegistryId},
};
use serde::Serialize;

use super::init::Step;
use crate::{daemon::LOG, render::Screen};

/// The last line of a command that leaves a running node.
#[derive(Debug, Serialize)]
pub(super) struct Ready<'a> {
    schema: u32,
    event: &'static str,
    /// What this run of the command did; the rest was there already.
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

    /// The line for scripts, or the text for people.
    pub(super) fn tell(&self, screen: &mut Screen, text: impl FnOnce() -> String) {
        if screen.is_json() { screen.line(self) } else { screen.data(&text()) }
    }
}
