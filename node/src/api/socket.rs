//! The Unix socket: whose connections are accepted, how many at a time, their time limits, and shutdown.
//!
//! One connection is one request. An idle connection is closed after a while. Connections beyond a limit get a refusal,
//! and beyond a further limit are dropped. Shutdown takes bounded time, whatever a request in flight waits for.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::bytes::limits::{CONNECTIONS, CONNECTIONS_REFUSED};
use rustix::process::geteuid;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_service::Service as _;

/// Time limit for the head of a request: it is a few hundred bytes from a program on the same machine.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Time limit for the head of a request that is refused.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(2);
/// Time limit for answers in flight at shutdown.
const LAST_TIME_MAX: Duration = Duration::from_secs(3);
/// Pause after a failed accept, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a connection's buffer.
const BUFFER: usize = 64 * 1024;

/// Permits of a socket: for served and for refused connections.
struct Places {
    served: Arc<Semaphore>,
    refused: Arc<Semaphore>,
}

/// Serves `router` at `listener` until `until` completes, and `refusal` to connections beyond the limit.
pub(super) async fn serve<End>(
    listener: UnixListener,
    router: Router,
    refusal: fn() -> Response,
    until: impl Future<Output = End>,
) -> End {
    let places = Places {
        served: Arc::new(Semaphore::new(CONNECTIONS.0)),
        refused: Arc::new(Semaphore::new(CONNECTIONS_REFUSED.0)),
    };
    let (ends, ending) = watch::channel(false);
    let (mut connections, mut refuses) = (JoinSet::new(), false);
    tokio::pin!(until);
    let end = loop {
        tokio::select! {
            biased;
            end = &mut until => break end,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accept(&listener, &mut refuses) => {
                let Some(stream) = accepted else { continue };
                if let Ok(place) = Arc::clone(&places.served).try_acquire_owned() {
                    connections.spawn(answer(stream, router.clone(), place, ending.clone()));
                } else if let Ok(place) = Arc::clone(&places.refused).try_acquire_owned() {
                    connections.spawn(refuse(stream, refusal, place));
                }
            }
        }
    };
    drop((listener, router));
    let _nobody_is_connected = ends.send(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(LAST_TIME_MAX, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "answers that did not come in time are given up");
    }
    end
}

/// Accepts the next connection of this node's own user. `None` for another user's, or if the system refuses; the first
/// of several refusals in a row is logged.
async fn accept(listener: &UnixListener, refuses: &mut bool) -> Option<UnixStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            if std::mem::take(refuses) {
                tracing::info!("connections are accepted again");
            }
            is_ours(&stream).ok()?.then_some(stream)
        }
        Err(error) => {
            if !std::mem::replace(refuses, true) {
                tracing::warn!(%error, "no connection can be accepted now; it is tried again and again");
            }
            sleep(PAUSE).await;
            None
        }
    }
}

/// Whether a connection is from this user or root. The modes of folder and socket keep other users out already; this
/// holds even if somebody changed them.
fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    let user = stream.peer_cred()?.uid();
    Ok(user == geteuid().as_raw() || user == 0)
}

/// Serves one request. At shutdown, a request that has begun may still be answered.
async fn answer(stream: UnixStream, router: Router, _place: OwnedSemaphorePermit, mut ending: watch::Receiver<bool>) {
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        begins.store(true, Relaxed);
        router.clone().call(request)
    });
    let connection = head(HEAD_TIME_MAX).serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _whoever_asked_may_be_gone = &mut connection => return,
        _ = ending.wait_for(|ends| *ends) => {}
    }
    if begun.load(Relaxed) {
        let _whoever_asked_may_be_gone = connection.await;
    }
}

async fn refuse(stream: UnixStream, refusal: fn() -> Response, _place: OwnedSemaphorePermit) {
    let service =
        service_fn(move |_: hyper::Request<Incoming>| async move { Ok::<_, std::convert::Infallible>(refusal()) });
    let refused = head(REFUSED_TIME_MAX).serve_connection(TokioIo::new(stream), service);
    let _whoever_asked_may_be_gone = timeout(REFUSED_TIME_MAX, refused).await;
}

fn head(time_max: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(time_max).keep_alive(false).max_buf_size(BUFFER);
    http
}
