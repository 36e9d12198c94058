//! Request bodies: small ones are read at once, large ones one at a time, all with a time limit.
//!
//! A large request is in memory twice while it is read, and its content until the runtime is done. So the whole process
//! handles one of them at a time, from its first byte beyond the limit to its answer. A few may wait, each with no more
//! in memory than a small request.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt as _};
use protocol::{
    app::control::{Problem, codes},
    bytes::limits::{LARGE_REQUESTS_WAITING, REQUEST_BYTES, SMALL_REQUEST_BYTES},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Time limit for a small request, or the rest of a large one: it comes from a program on the same machine.
const READ_TIME_MAX: Duration = Duration::from_secs(30);

/// Permits for large requests: one to be in memory, and a few to wait.
#[derive(Clone)]
pub(super) struct Large {
    one: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Large {
    pub(super) fn new() -> Self {
        Self { one: Arc::new(Semaphore::new(1)), waiting: Arc::new(Semaphore::new(LARGE_REQUESTS_WAITING.0)) }
    }

    /// Waits for the other large requests; fails with a busy problem if too many wait.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let busy = |_| busy("large requests are read one at a time, and many wait already");
        let _waits = Arc::clone(&self.waiting).try_acquire_owned().map_err(busy)?;
        Ok(Arc::clone(&self.one).acquire_owned().await.expect("it is never closed"))
    }

    /// Reads a complete request body, and returns its turn with it if it is large.
    pub(super) async fn read(&self, body: Body) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Problem> {
        self.read_within(READ_TIME_MAX, body.into_data_stream()).await
    }

    async fn read_within<E>(
        &self,
        time_max: Duration,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Problem> {
        let late = |_| Problem::new(codes::REQUEST, "the request did not come whole in time");
        let (mut bytes, mut turn, mut deadline) = (Vec::new(), None, Instant::now() + time_max);
        while let Some(part) = timeout_at(deadline, body.next()).await.map_err(late)? {
            let part = part.map_err(|_| Problem::new(codes::REQUEST, "the request was cut off"))?;
            let length = bytes.len() + part.len();
            if length > REQUEST_BYTES.0 {
                let message = format!("a request has at most {} bytes", REQUEST_BYTES.0);
                return Err(Problem::new(codes::REQUEST, message));
            }
            if length > SMALL_REQUEST_BYTES.0 && turn.is_none() {
                turn = Some(self.turn().await?);
                deadline = Instant::now() + time_max;
            }
            bytes.extend_from_slice(&part);
        }
        Ok((bytes, turn))
    }
}

/// Problem for an operation that runs one at a time and is under way.
pub(super) fn busy(what: &str) -> Problem {
    Problem::new(codes::BUSY, what)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use tokio::sync::mpsc;

    use super::*;

    type Part = Result<Bytes, Infallible>;

    fn parts(bytes: usize) -> impl Stream<Item = Part> + Unpin {
        let part = 64 * 1024;
        stream::iter((0..bytes.div_ceil(part)).map(move |nth| Ok(Bytes::from(vec![7; part.min(bytes - nth * part)]))))
    }

    async fn read(large: &Large, bytes: usize) -> Result<(usize, bool), String> {
        let read = large.read_within(READ_TIME_MAX, parts(bytes)).await;
        read.map(|(bytes, turn)| (bytes.len(), turn.is_some())).map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_request_is_small_or_large_or_too_large_by_its_bytes() {
        let large = Large::new();
        for (bytes, expected) in [
            (0, Ok((0, false))),
            (SMALL_REQUEST_BYTES.0, Ok((SMALL_REQUEST_BYTES.0, false))),
            (SMALL_REQUEST_BYTES.0 + 1, Ok((SMALL_REQUEST_BYTES.0 + 1, true))),
            (REQUEST_BYTES.0, Ok((REQUEST_BYTES.0, true))),
            (REQUEST_BYTES.0 + 1, Err(codes::REQUEST.to_owned())),
        ] {
            assert_eq!(read(&large, bytes).await, expected, "{bytes} bytes");
        }
    }

    /// Regression: twelve concurrent requests of 60 MiB were all in memory: 764 MiB.
    #[tokio::test]
    async fn of_large_requests_one_is_in_memory_some_wait_with_little_and_the_others_are_told_so() {
        let large = Large::new();
        let (first, turn) = large.read_within(READ_TIME_MAX, parts(REQUEST_BYTES.0)).await.expect("the only one");
        let mut waiting = Vec::new();
        let mut taken = Vec::new();
        for _ in 0..LARGE_REQUESTS_WAITING.0 {
            let (count, counted) = mpsc::channel(1024);
            taken.push(counted);
            let counting = parts(REQUEST_BYTES.0).inspect(move |_| {
                let _counted = count.try_send(());
            });
            let large = large.clone();
            waiting.push(tokio::spawn(async move {
                large
                    .read_within(READ_TIME_MAX, counting)
                    .await
                    .map(|(bytes, _)| bytes.len())
                    .map_err(|error| error.code)
            }));
        }
        while large.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(read(&large, REQUEST_BYTES.0).await, Err(codes::BUSY.to_owned()));
        assert_eq!(read(&large, 1000).await, Ok((1000, false)), "small ones pass");
        for counted in &taken {
            assert!(counted.len() * 64 * 1024 <= SMALL_REQUEST_BYTES.0 + 64 * 1024, "{} parts", counted.len());
        }
        drop((first, turn));
        for waited in waiting {
            assert_eq!(waited.await.expect("no panic"), Ok(REQUEST_BYTES.0));
        }
    }

    #[tokio::test]
    async fn a_request_that_does_not_go_on_is_given_up_and_its_turn_with_it() {
        let large = Large::new();
        let stalls = parts(REQUEST_BYTES.0 / 2).chain(stream::pending());
        let given_up =
            large.read_within(Duration::from_millis(1), stalls).await.map(|_| ()).map_err(|error| error.code);
        assert_eq!(given_up, Err(codes::REQUEST.to_owned()));
        assert_eq!(read(&large, REQUEST_BYTES.0).await, Ok((REQUEST_BYTES.0, true)));
    }
}
