//! The client: one request to the node and one answer from it, over the socket in the node's folder.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method,
    body::Bytes,
    client::conn::http1,
    header::{ACCEPT, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use protocol::app::control::{Answer, LINES, Problem, Progress, Reply, Request, codes};
use thiserror::Error;
use tokio::{net::UnixStream, time::timeout};

use crate::{daemon::has_keys, error::Failure, texts};

/// The largest answer accepted, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The longest time to wait for the next line of an answer: during long work the node sends a progress report now and
/// then.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(600);

/// The client of one node, which it reaches over a socket.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    socket: PathBuf,
}

/// The reasons why a request got no reply.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// The node refused the request and says why.
    #[error("{}", .0.message)]
    Refused(Problem),
    /// No process listens at the socket.
    #[error("no node runs for the folder {}", folder.display())]
    NoNode { folder: PathBuf },
    /// The connection ended before the answer was complete.
    #[error("the node ended or was ended before it had answered")]
    Cut(#[source] hyper::Error),
    /// The answer did not come within [`ANSWER_TIME_MAX`].
    #[error("the node has not answered for {} seconds", ANSWER_TIME_MAX.as_secs())]
    Late,
    /// The answer is larger than [`ANSWER_BYTES_MAX`].
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    Large,
    /// The answer has a form that this version does not know.
    #[error("the answer (HTTP {status}) is not one that this version understands")]
    Foreign { status: u16 },
}

impl Client {
    /// Creates a client for the node of the folder `data`.
    pub(crate) fn new(data: &Path) -> Self {
        Self { socket: data.join("api.sock") }
    }

    /// Whether the socket accepts a connection.
    pub(crate) async fn connects(&self) -> bool {
        UnixStream::connect(&self.socket).await.is_ok()
    }

    /// Asks the node, and waits for the reply.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(crate) async fn ask(&self, request: &Request) -> Result<Reply, AskError> {
        self.ask_telling(request, |_| {}).await
    }

    /// Asks the node like [`Self::ask`], and passes each progress report to `told`.
    ///
    /// # Errors
    /// See [`AskError`].
    pub(crate) async fn ask_telling(&self, request: &Request, told: impl Fn(Progress)) -> Result<Reply, AskError> {
        let folder = || self.socket.parent().map(Path::to_owned).unwrap_or_default();
        let stream = UnixStream::connect(&self.socket).await.map_err(|_| AskError::NoNode { folder: folder() })?;
        match exchange(stream, request, told).await? {
            Answer::Ok(reply) => Ok(*reply),
            Answer::Problem(problem) => Err(AskError::Refused(problem)),
        }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let (code, message) = match error {
            AskError::Refused(problem) => return problem.into(),
            // A folder without keys is reported as such: no node can run there.
            AskError::NoNode { folder } => match has_keys(&folder) {
                Ok(()) => (codes::NOT_RUNNING, texts::no_node(&folder)),
                Err(failure) => return failure,
            },
            AskError::Cut(_) => (codes::NOT_RUNNING, texts::node_cut()),
            AskError::Late => (codes::NOT_RUNNING, texts::node_late(ANSWER_TIME_MAX.as_secs())),
            AskError::Large => (codes::REQUEST, texts::answer_large(ANSWER_BYTES_MAX as u64)),
            AskError::Foreign { status } => (codes::REQUEST, texts::answer_foreign(status.into())),
        };
        Self::new(code, message)
    }
}

async fn exchange(stream: UnixStream, request: &Request, told: impl Fn(Progress)) -> Result<Answer, AskError> {
    let body = serde_json::to_vec(request).expect("a request is made of texts, numbers and lists");
    let posted = hyper::Request::builder()
        .method(Method::POST)
        .uri("/v1")
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, LINES)
        .body(Full::new(Bytes::from(body)))
        .expect("the parts of the request are constants");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(AskError::Cut)?;
    let driven = tokio::spawn(connection);
    let answered = async {
        let response = in_time(sender.send_request(posted)).await?.map_err(AskError::Cut)?;
        answer(response, told).await
    };
    let answered = answered.await;
    driven.abort();
    answered
}

/// Reads an answer: lines of progress, then the answer itself as the last line.
async fn answer(response: hyper::Response<hyper::body::Incoming>, told: impl Fn(Progress)) -> Result<Answer, AskError> {
    let status = response.status().as_u16();
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        if error.is::<LengthLimitError>() {
            return AskError::Large;
        }
        error.downcast::<hyper::Error>().map_or(AskError::Foreign { status }, |cut| AskError::Cut(*cut))
    };
    let (mut body, mut unread) = (Limited::new(response.into_body(), ANSWER_BYTES_MAX), Vec::new());
    while let Some(frame) = in_time(body.frame()).await? {
        let frame = frame.map_err(failed)?;
        unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        // Only the bytes received last can contain the end of a line. The answer is the one line that is no progress
        // report.
        while let Some(end) = unread.iter().position(|byte| *byte == b'\n')
            && let Ok(progress) = serde_json::from_slice(&unread[..end])
        {
            told(progress);
            unread.drain(..=end);
        }
    }
    serde_json::from_slice(&unread).map_err(|_| AskError::Foreign { status })
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, AskError> {
    timeout(ANSWER_TIME_MAX, work).await.map_err(|_| AskError::Late)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use protocol::app::control::Unit;

    use super::*;
    use crate::fake;

    async fn check(behaviour: fake::Behaviour, code: &str, exit: u8) {
        let node = fake::node(behaviour);
        let failure = Failure::from(Client::new(node.folder()).ask(&Request::Lock).await.expect_err("it fails"));
        assert_eq!((failure.problem.code.as_str(), failure.exit), (code, exit));
        assert!(!failure.problem.message.is_empty() && !failure.problem.next.is_empty());
    }

    #[tokio::test]
    async fn a_reply_arrives_and_the_request_reached_the_node_as_it_was() {
        let node = fake::node(fake::says(|request| {
            assert!(matches!(request, Request::Hold { organisation } if organisation == "abandon-zoo"));
            Answer::Ok(Box::new(Reply::Stopping))
        }));
        let request = Request::Hold { organisation: "abandon-zoo".into() };
        let reply = Client::new(node.folder()).ask(&request).await.expect("the fake node answers");
        assert!(matches!(reply, Reply::Stopping));
    }

    #[tokio::test]
    async fn a_problem_keeps_its_code() {
        let sealed = |_| Answer::Problem(Problem::new(codes::SEALED, "the folder is closed"));
        check(fake::says(sealed), codes::SEALED, 4).await;
    }

    #[tokio::test]
    async fn lines_of_progress_come_before_the_answer() {
        let halves = [1, 2].map(|done| Progress::new(Unit::Records, done, 2));
        let node = fake::node(fake::Behaviour::Tells(halves.to_vec(), Answer::Ok(Box::new(Reply::Stopping))));
        let heard = RefCell::new(Vec::new());
        let reply = Client::new(node.folder()).ask_telling(&Request::Stop, |told| heard.borrow_mut().push(told)).await;
        assert!(matches!(reply, Ok(Reply::Stopping)));
        assert_eq!(heard.into_inner(), halves);
    }

    #[tokio::test]
    async fn no_socket_a_truncated_answer_and_a_foreign_one_are_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for (made, code, exit) in [
            ("", codes::EMPTY, 10),
            ("store", codes::NO_KEYS, 13),
            ("vault", codes::NOT_RUNNING, 11),
            ("wiped", codes::WIPED, 10),
        ] {
            std::fs::create_dir_all(folder.path().join(made)).expect("the folder is ours");
            let asked = Client::new(folder.path()).ask(&Request::Status).await;
            let failure = Failure::from(asked.expect_err("nobody is there"));
            assert_eq!((failure.problem.code.as_str(), failure.exit), (code, exit));
        }
        check(fake::Behaviour::Truncates, codes::NOT_RUNNING, 11).await;
        check(fake::Behaviour::HangsUp, codes::NOT_RUNNING, 11).await;
        check(fake::Behaviour::Babbles, codes::REQUEST, 2).await;
    }
}
