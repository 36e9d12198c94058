//! Tests of the socket in front of replaced runtimes: one that breaks, one that never ends.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    thread,
};

use protocol::{
    app::control::Passphrase,
    bytes::limits::{CONNECTIONS, CONNECTIONS_REFUSED},
};
use tempfile::TempDir;

use super::*;
use crate::net::Names;

/// A served socket, and the outcome of its serving.
struct Served {
    folder: TempDir,
    ended: tokio::task::JoinHandle<Result<(), ServeError>>,
}

/// Serves a runtime that does `work` with each job.
async fn served(work: impl Fn(Job) + Send + 'static) -> Served {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_owned();
    let ended = tokio::spawn(async move {
        let exposure = Exposure { listen: vec![], names: Names::refused() };
        serve_with(&path, exposure, move |_, _, mut jobs| {
            thread::Builder::new().spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    work(job);
                }
            })
        })
        .await
    });
    let socket = folder.path().join("api.sock");
    while UnixStream::connect(&socket).is_err() {
        tokio::task::yield_now().await;
    }
    Served { folder, ended }
}

impl Served {
    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.folder.path().join("api.sock")).expect("it is served")
    }

    /// Sends a request and returns the answer.
    async fn ask(&self, request: &Request) -> Answer {
        let (mut stream, body) = (self.connect(), serde_json::to_vec(request).expect("a request has a JSON form"));
        tokio::task::spawn_blocking(move || {
            write!(stream, "POST /v1 HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len())
                .expect("it listens");
            stream.write_all(&body).expect("it listens");
            answer_of(&mut stream)
        })
        .await
        .expect("it answers")
    }
}

fn answer_of(stream: &mut UnixStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers, and closes");
    serde_json::from_str(text.split("\r\n\r\n").nth(1).expect("a body")).expect("an answer")
}

fn code(answer: Answer) -> String {
    match answer {
        Answer::Problem(problem) => problem.code,
        Answer::Ok(reply) => panic!("it was done: {reply:?}"),
    }
}

fn stopping(job: Job) {
    job.reply.answer(Ok(Reply::Stopping));
}

/// Regression: after a panic of the runtime, the process answered "stopping" for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_breaks_ends_the_process_with_an_error_and_says_so_to_whoever_asked() {
    let served = served(|_| std::panic::resume_unwind(Box::new("a mistake of ours"))).await;
    assert_eq!(code(served.ask(&Request::Status).await), codes::INTERNAL);
    let ended = served.ended.await.expect("no panic here");
    assert!(matches!(ended, Err(ServeError::Broken)), "{ended:?}");
    assert_eq!(ended.expect_err("broken").problem().code, codes::INTERNAL);
    assert!(!served.folder.path().join("api.sock").exists(), "whoever is started next has the place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_does_not_end_is_left_behind_with_an_error() {
    let (held, holds) = std::sync::mpsc::channel::<()>();
    let holds = Mutex::new(holds);
    let served = served(move |job| {
        stopping(job);
        let _until_the_test_is_over = holds.lock().expect("no panic").recv();
    })
    .await;
    assert!(matches!(served.ask(&Request::Stop).await, Answer::Ok(_)));
    let ended = served.ended.await.expect("no panic here");
    assert!(matches!(ended, Err(ServeError::Stuck)), "{ended:?}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_so_many_connections_the_next_ones_are_told_so_and_stopping_waits_for_none_of_them() {
    let served = served(stopping).await;
    let idle: Vec<_> = (0..CONNECTIONS.0).map(|_| served.connect()).collect();
    // Connections are accepted in order, so this one is over the limit.
    assert_eq!(code(served.ask(&Request::Status).await), codes::BUSY);
    drop(idle);
    // The closed connections made room.
    let mut answer = served.ask(&Request::Status).await;
    while let Answer::Problem(problem) = answer {
        assert_eq!(problem.code, codes::BUSY);
        answer = served.ask(&Request::Status).await;
    }
    let idle: Vec<_> = (0..CONNECTIONS.0 - 1).map(|_| served.connect()).collect();
    while let Answer::Problem(problem) = served.ask(&Request::Stop).await {
        assert_eq!(problem.code, codes::BUSY);
    }
    assert!(matches!(served.ended.await.expect("no panic here"), Ok(())));
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_above_so_many_connections_the_next_ones_are_dropped_and_the_first_ones_served() {
    let served = served(stopping).await;
    let mut first = served.connect();
    let idle: Vec<_> = (0..CONNECTIONS.0 + CONNECTIONS_REFUSED.0 - 1).map(|_| served.connect()).collect();
    let mut dropped = served.connect();
    let dropped = tokio::task::spawn_blocking(move || dropped.read(&mut [0]).unwrap_or(0));
    assert_eq!(dropped.await.expect("no panic"), 0);
    let answered = tokio::task::spawn_blocking(move || {
        let body = serde_json::to_vec(&Request::Stop).expect("a request has a JSON form");
        write!(first, "POST /v1 HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len()).expect("it listens");
        first.write_all(&body).expect("it listens");
        answer_of(&mut first)
    });
    assert!(matches!(answered.await.expect("no panic"), Answer::Ok(_)));
    assert!(matches!(served.ended.await.expect("no panic here"), Ok(())));
    drop(idle);
}

fn porter() -> (TempDir, Porter) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let porter = Porter {
        folder: Arc::from(folder.path()),
        trying: Mutex::new(()),
        unpacking: Arc::new(Semaphore::new(1)),
        texts: RwLock::new(()),
    };
    (folder, porter)
}

fn open(porter: &Porter, request: &Request) -> Result<Opened, String> {
    let (answerer, _awaited) = Answerer::new();
    porter.open(request, &mut answerer.teller.clone()).map_err(|problem| problem.code)
}

fn typed(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

#[test]
fn an_init_takes_two_passphrases_that_are_strong_and_not_one_and_makes_nothing_before() {
    let (folder, porter) = porter();
    let strong = "an invented passphrase";
    let check = |device: &str, root: Option<&str>, expected: &str| {
        let request = Request::Init { passphrase: typed(device), root_passphrase: root.map(typed), demo: true };
        assert_eq!(open(&porter, &request).expect_err("refused"), expected, "{device} and {root:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0, "something was made");
    };
    check("short", None, codes::WEAK_PASSPHRASE);
    check("short", Some(strong), codes::WEAK_PASSPHRASE);
    check(strong, Some("short"), codes::WEAK_PASSPHRASE);
    check(strong, Some("aaaaaaaaaaaaaaaaaaaa"), codes::WEAK_PASSPHRASE);
    check(strong, Some(strong), codes::SAME_PASSPHRASE);
    // The same word, with й typed on two keyboards.
    check("выдуманный кл\u{439}", Some("выдуманный кл\u{438}\u{306}"), codes::SAME_PASSPHRASE);
    let request =
        Request::Init { passphrase: typed(strong), root_passphrase: Some(typed("another invented one")), demo: true };
    assert!(open(&porter, &request).expect("both are strong").root.is_some());
}

/// Regression: verifying a backup on a medium that did not answer blocked the owner's passphrase for ever.
#[test]
fn a_look_at_a_backup_that_takes_long_holds_up_another_look_and_no_passphrase() {
    let (folder, porter) = porter();
    let passphrase = || typed("an invented passphrase");
    open(&porter, &Request::Init { passphrase: passphrase(), root_passphrase: None, demo: true }).expect("empty");
    making::end(folder.path()).expect("as the runtime does");
    let _long = porter.unpacks().expect("the first one");
    let from = || folder.path().join("none").display().to_string();
    let verify = Request::BackupVerify { from: from(), passphrase: passphrase() };
    assert_eq!(open(&porter, &verify).expect_err("the second one"), codes::BUSY);
    assert_eq!(open(&porter, &Request::BackupRestore { from: from() }).expect_err("the second one"), codes::BUSY);
    assert!(open(&porter, &Request::Unlock { passphrase: passphrase() }).is_ok());
}

#[test]
fn a_folder_that_lost_its_keys_says_so_and_is_not_said_to_be_wiped() {
    let (folder, porter) = porter();
    let unlock =
        || open(&porter, &Request::Unlock { passphrase: typed("an invented passphrase") }).expect_err("no keys");
    assert_eq!(unlock(), codes::EMPTY);
    fs::create_dir(folder.path().join("store")).expect("writable");
    assert_eq!(unlock(), codes::NO_KEYS);
    open(&porter, &Request::Wipe).expect("writable");
    assert_eq!(unlock(), codes::WIPED);
    let request = Request::Init { passphrase: typed("an invented passphrase"), root_passphrase: None, demo: true };
    assert_eq!(open(&porter, &request).expect_err("wiped"), codes::WIPED);
}
