//! Work that goes on beside the runtime's thread, such as writing a backup out, and who waits for it.

use protocol::control::{Problem, Reply};
use tokio::task::JoinSet;

use super::{Answerer, Teller};

/// The work under way.
#[derive(Default)]
pub(super) struct Beside {
    work: JoinSet<Done>,
    started: u64,
}

/// Work that has ended: what it came to, and who waits for it.
pub(super) struct Done(Result<Reply, Problem>, Answerer);

impl Done {
    /// Answers.
    pub(super) fn tell(self) {
        self.1.answer(self.0);
    }
}

impl Beside {
    /// Starts work.
    pub(super) fn start(
        &mut self,
        mut reply: Answerer,
        work: impl FnOnce(&mut Teller) -> Result<Reply, Problem> + Send + 'static,
    ) {
        self.started += 1;
        self.work.spawn_blocking(move || Done(work(&mut reply.teller), reply));
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// How much was started: a number for the next that no other has.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// Waits for the next work that ends; `None` if there is none. Dropping it loses nothing.
    pub(super) async fn next(&mut self) -> Option<Done> {
        loop {
            // Work that panicked has dropped its answerer: whoever waits for it is told so.
            if let Ok(done) = self.work.join_next().await? {
                return Some(done);
            }
        }
    }
}
