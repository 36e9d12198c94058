//! Background work on blocking threads, such as writing a backup, with the senders of its answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use protocol::app::control::{Problem, Reply};
use tokio::{task::JoinSet, time::timeout};

use super::Answerer;

/// Time limit of a lock for background work that holds texts: far longer than one record takes to be written, on any
/// disk that answers.
const END: Duration = Duration::from_secs(5);

/// Background work under way.
#[derive(Default)]
pub(super) struct Beside {
    work: JoinSet<Done>,
    started: u64,
    /// Permit for work that holds texts.
    permit: Permit,
    /// Revoked permits that work may still hold.
    revoked: Vec<Permit>,
}

/// A permit to hold texts of a folder, until the folder is locked. Work checks it for each record.
#[derive(Clone, Default)]
pub(super) struct Permit(Arc<AtomicBool>);

impl Permit {
    /// Whether the permit is still valid.
    pub(super) fn stands(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }
}

/// Finished work: its result and the sender of its answer.
pub(super) struct Done(Result<Reply, Problem>, Answerer);

impl Done {
    /// Sends the answer.
    pub(super) fn tell(self) {
        self.1.answer(self.0);
    }
}

impl Beside {
    /// Starts work on a blocking thread. The work can tell how far it is, and see whether somebody waits for it.
    pub(super) fn start(
        &mut self,
        mut reply: Answerer,
        work: impl FnOnce(&mut Answerer) -> Result<Reply, Problem> + Send + 'static,
    ) {
        self.started += 1;
        self.work.spawn_blocking(move || Done(work(&mut reply), reply));
    }

    /// Returns a permit for work that holds texts; the work must drop it after all of them.
    pub(super) fn permit(&self) -> Permit {
        self.permit.clone()
    }

    /// Revokes the permit and waits for the work that holds it. Returns `false` if the work did not end in time and
    /// still holds texts: a disk that does not answer blocks it.
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

    /// Whether work still holds a revoked permit.
    fn is_held(&mut self) -> bool {
        self.revoked.retain(|permit| Arc::strong_count(&permit.0) > 1);
        !self.revoked.is_empty()
    }

    /// Whether no work is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// Number of works started so far: a unique number for the next.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// Waits for the next work that ends; `None` if there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Done> {
        loop {
            // Work that panicked has dropped its answerer, so the client gets an error.
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

    /// Regression: an archive being written when the folder was locked was written to its end, with all names in
    /// memory.
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
