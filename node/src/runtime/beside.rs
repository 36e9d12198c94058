//! Work that goes on beside the runtime's thread, such as writing a backup out, and who waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use protocol::app::control::{Problem, Reply};
use tokio::{task::JoinSet, time::timeout};

use super::{Answerer, Teller};

/// How long a lock waits for work that reads to end: far longer than one record takes to be written, on any disk that
/// answers.
const END: Duration = Duration::from_secs(5);

/// The work under way.
#[derive(Default)]
pub(super) struct Beside {
    work: JoinSet<Done>,
    started: u64,
    /// Handed to work that holds what was read.
    permit: Permit,
    /// No longer standing, and perhaps held still.
    revoked: Vec<Permit>,
}

/// May hold what was read in a folder, until the folder is locked. Asked for each record.
#[derive(Clone, Default)]
pub(super) struct Permit(Arc<AtomicBool>);

impl Permit {
    /// Whether it still stands.
    pub(super) fn stands(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }
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

    /// For work that is started now and holds what was read; to be dropped after all of that.
    pub(super) fn permit(&self) -> Permit {
        self.permit.clone()
    }

    /// Ends the work that holds what was read, and waits for it: `false` if it did not end, and holds it still. A disk that
    /// does not answer cannot be made to.
    pub(super) async fn revoke(&mut self) -> bool {
        self.revoke_within(END).await
    }

    async fn revoke_within(&mut self, time: Duration) -> bool {
        let permit = std::mem::take(&mut self.permit);
        permit.0.store(true, Ordering::Release);
        self.revoked.push(permit);
        let ended = async {
            while self.is_held() {
                match self.next().await {
                    Some(done) => done.tell(),
                    None => break,
                }
            }
        };
        let _in_time = timeout(time, ended).await;
        !self.is_held()
    }

    /// Whether work goes on that may not.
    fn is_held(&mut self) -> bool {
        self.revoked.retain(|permit| Arc::strong_count(&permit.0) > 1);
        !self.revoked.is_empty()
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use protocol::app::control::codes;

    use super::*;

    /// An archive that was being written when the folder was locked went on to its end, with all names in memory.
    #[tokio::test]
    async fn work_that_reads_ends_with_the_lock_and_other_work_goes_on() {
        let mut beside = Beside::default();
        let (permit, later) = (beside.permit(), beside.permit());
        drop(later);
        let (answerer, awaited) = Answerer::new();
        beside.start(answerer, move |_| {
            while permit.stands() {
                std::thread::yield_now();
            }
            Err(Problem::new(codes::LOCKED, "ended"))
        });
        let (goes_on, waits) = mpsc::channel::<()>();
        let (answerer, saved) = Answerer::new();
        beside.start(answerer, move |_| {
            let _until_told = waits.recv();
            Ok(Reply::Stopping)
        });
        assert!(beside.revoke().await);
        assert_eq!(awaited.reply.await.expect("answered").expect_err("ended").code, codes::LOCKED);
        drop(goes_on);
        assert!(beside.permit().stands(), "after the lock comes another day");
        beside.next().await.expect("it ends").tell();
        assert!(matches!(saved.reply.await, Ok(Ok(Reply::Stopping))));
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_not_waited_for_and_not_forgotten() {
        let mut beside = Beside::default();
        let permit = beside.permit();
        let (goes_on, waits) = mpsc::channel::<()>();
        let (answerer, _awaited) = Answerer::new();
        beside.start(answerer, move |_| {
            let _held = permit;
            let _until_told = waits.recv();
            Ok(Reply::Stopping)
        });
        assert!(!beside.revoke_within(Duration::ZERO).await);
        assert!(!beside.revoke_within(Duration::ZERO).await, "a second lock says the same");
        drop(goes_on);
        assert!(beside.revoke().await);
    }
}
