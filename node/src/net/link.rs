//! A link: an open connection with its streams both ways, which are read, written and checked for silence.
//!
//! ```text
//! stream │ multistream "/habeas/1" │ name (1 byte: 0 control, 1 bulk, 2 live, 3 pulse) │ frames, or bytes of pulse
//! ```
//!
//! Each side opens its own four streams and writes only on those. The side that decides opens first, the other answers,
//! and the link is open when all eight are: so a connection that the other side refuses never counts as one.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{AsyncReadExt, AsyncWriteExt, future::poll_fn};
use multistream_select::{Negotiated, NegotiationError, Version, dialer_select_proto, listener_select_proto};
use protocol::bytes::ids::NodeKey;
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
    time::{Instant, interval, sleep_until},
};

use super::{
    Event,
    admission::Limits,
    lanes::{FRAME_BYTES_MAX, Inbox, Lane, Queued, end_or_error, read, write},
    transport::{Connection, Heard, Socket},
};

const PROTOCOL: &str = "/habeas/1";
/// Streams of one direction: three lanes and the pulse.
const STREAMS: usize = 4;
const PULSE: u8 = 3;
/// Maximum streams that a peer may open on a connection: its four, and a few for protocols of other versions.
const STREAMS_EVER: usize = 16;

/// Reason why a link ended. Holds no address and no content: it is shown, and logged at INFO.
#[derive(Debug, Error)]
pub(super) enum LinkError {
    #[error("the peer closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Socket(#[from] io::Error),
    #[error("the connection broke: {0}")]
    Muxer(#[from] yamux::ConnectionError),
    #[error("the peer does not speak {PROTOCOL}: {0}")]
    Negotiation(#[from] NegotiationError),
    #[error("the peer opened a stream twice or under an unknown name")]
    Stream,
    #[error("the peer opened more than {STREAMS_EVER} streams")]
    Streams,
    #[error("the lanes were not open within {0:?}")]
    Opening(Duration),
    #[error("a frame of {found} bytes on the {lane} lane exceeds {FRAME_BYTES_MAX}")]
    TooLong { lane: Lane, found: usize },
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    #[error("the peer has not read its {lane} lane for {limit:?}")]
    Stalled { lane: Lane, limit: Duration },
    #[error("replaced by a newer connection")]
    Replaced,
    #[error("{0}")]
    Ordered(&'static str),
    #[error("this node stopped")]
    Stopped,
    #[error("an internal fault")]
    Fault,
}

pub(super) type Stream = Negotiated<yamux::Stream>;

/// A connection whose streams are open both ways.
pub(super) struct Open {
    tasks: JoinSet<LinkError>,
    pub(super) ours: [Stream; STREAMS],
    pub(super) theirs: [Stream; STREAMS],
    heard: Heard,
    seat: OwnedSemaphorePermit,
}

/// A link in use.
pub(super) struct Link {
    /// Tasks that drive the muxer, read and write. The result of the first that ends is the reason why the link ended.
    tasks: JoinSet<LinkError>,
    announced: Arc<AtomicBool>,
    pub(super) since: Instant,
    _seat: OwnedSemaphorePermit,
}

/// Opens the streams of a connection. The side that does not decide waits here to be chosen. The caller sets a time
/// limit.
pub(super) async fn open(connection: Connection, decides: bool, seat: OwnedSemaphorePermit) -> Result<Open, LinkError> {
    let Connection { mut muxer, heard, .. } = connection;
    let mut unnamed = Vec::with_capacity(STREAMS);
    for _ in 0..STREAMS {
        unnamed.push(poll_fn(|cx| muxer.poll_new_outbound(cx)).await?); // nothing is sent before the first byte
    }
    let (incoming, mut streams) = mpsc::channel(STREAMS_EVER);
    let mut tasks = JoinSet::new();
    tasks.spawn(drive(muxer, incoming));
    let (ours, theirs) = if decides {
        let ours = name_ours(unnamed).await?;
        (ours, name_theirs(&mut streams).await?)
    } else {
        let theirs = name_theirs(&mut streams).await?;
        (name_ours(unnamed).await?, theirs)
    };
    Ok(Open { tasks, ours, theirs, heard, seat })
}

impl Link {
    /// Starts reading and writing the queued frames; the reader sends `Up` before the first frame.
    pub(super) fn start(
        open: Open,
        peer: NodeKey,
        queued: [Queued; 3],
        events: &mpsc::Sender<Event>,
        limits: &Limits,
    ) -> Self {
        let Open { mut tasks, ours, theirs, heard, seat } = open;
        let announced = Arc::new(AtomicBool::new(false));
        tasks.spawn(hear(peer, theirs, heard, events.clone(), Arc::clone(&announced), limits.silence));
        tasks.spawn(speak(peer, ours, queued, events.clone(), limits.clone()));
        Self { tasks, announced, since: Instant::now(), _seat: seat }
    }

    /// Waits for the end of the link. Cancel-safe.
    pub(super) async fn ended(&mut self) -> LinkError {
        match self.tasks.join_next().await {
            Some(Ok(reason)) => reason,
            // A panic on a peer's bytes ends that peer's connection only.
            Some(Err(_)) | None => LinkError::Fault,
        }
    }

    /// Closes the socket; when it returns, no event of the link follows. Returns `true` if `Up` was sent for its peer.
    pub(super) async fn close(mut self) -> bool {
        self.tasks.shutdown().await;
        self.announced.load(Ordering::Acquire)
    }
}

/// Drives the muxer of a connection and passes on the streams that the peer opens.
async fn drive(mut muxer: yamux::Connection<Socket>, incoming: mpsc::Sender<yamux::Stream>) -> LinkError {
    for _ in 0..STREAMS_EVER {
        match poll_fn(|cx| muxer.poll_next_inbound(cx)).await {
            Some(Ok(stream)) => drop(incoming.try_send(stream)), // no room: the stream is dropped, which resets it
            Some(Err(error)) => return error.into(),
            None => return LinkError::Closed,
        }
    }
    LinkError::Streams
}

async fn name_ours(unnamed: Vec<yamux::Stream>) -> Result<[Stream; STREAMS], LinkError> {
    let named = unnamed.into_iter().zip(0u8..).map(|(stream, name)| async move {
        let (_, mut stream) = dialer_select_proto(stream, [PROTOCOL], Version::V1).await?;
        stream.write_all(&[name]).await?;
        stream.flush().await?;
        Ok::<_, LinkError>(stream)
    });
    let named = futures::future::try_join_all(named).await?;
    Ok(named.try_into().unwrap_or_else(|_| unreachable!("as many are named as were opened")))
}

async fn name_theirs(streams: &mut mpsc::Receiver<yamux::Stream>) -> Result<[Stream; STREAMS], LinkError> {
    let mut named = [const { None }; STREAMS];
    while named.iter().any(Option::is_none) {
        let stream = streams.recv().await.ok_or(LinkError::Closed)?;
        // A peer of another version may ask for an unknown protocol; it gets a refusal and goes on.
        let Ok((_, mut stream)) = listener_select_proto(stream, [PROTOCOL]).await else { continue };
        let mut name = [0];
        stream.read_exact(&mut name).await?;
        match named.get_mut(usize::from(name[0])) {
            Some(place @ None) => *place = Some(stream),
            _ => return Err(LinkError::Stream),
        }
    }
    Ok(named.map(|stream| stream.expect("the loop ends when all are named")))
}

/// Reads all streams of a peer.
async fn hear(
    peer: NodeKey,
    theirs: [Stream; STREAMS],
    heard: Heard,
    events: mpsc::Sender<Event>,
    announced: Arc<AtomicBool>,
    silence: Duration,
) -> LinkError {
    let Ok(place) = events.reserve().await else { return LinkError::Stopped };
    announced.store(true, Ordering::Release);
    place.send(Event::Up(peer));
    let [control, bulk, live, pulse] = theirs;
    let inbox = Inbox::new();
    tokio::select! {
        reason = read(peer, Lane::Control, control, &inbox, &events) => reason,
        reason = read(peer, Lane::Bulk, bulk, &inbox, &events) => reason,
        reason = read(peer, Lane::Live, live, &inbox, &events) => reason,
        reason = feel(pulse) => reason,
        reason = miss(&heard, silence) => reason,
    }
}

/// Writes all streams to a peer.
async fn speak(
    peer: NodeKey,
    ours: [Stream; STREAMS],
    queued: [Queued; 3],
    events: mpsc::Sender<Event>,
    limits: Limits,
) -> LinkError {
    let [control, bulk, live, pulse] = ours;
    let [for_control, for_bulk, for_live] = queued;
    tokio::select! {
        reason = write(peer, Lane::Control, control, for_control, &events, Some(limits.stall)) => reason,
        // A peer that is busy with history may be slow: the queue for it is bounded.
        reason = write(peer, Lane::Bulk, bulk, for_bulk, &events, None) => reason,
        reason = write(peer, Lane::Live, live, for_live, &events, Some(limits.stall)) => reason,
        reason = beat(pulse, limits.silence / 3) => reason,
    }
}

/// Sends keep-alive bytes. They have a stream of their own, since a peer may leave a lane unread.
async fn beat(mut pulse: Stream, every: Duration) -> LinkError {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        if let Err(error) = async { pulse.write_all(&[PULSE]).await.and(pulse.flush().await) }.await {
            return end_or_error(error);
        }
    }
}

async fn feel(mut pulse: Stream) -> LinkError {
    let mut beats = [0; 64];
    loop {
        match pulse.read(&mut beats).await {
            Ok(0) => return LinkError::Closed,
            Ok(_) => {}
            Err(error) => return end_or_error(error),
        }
    }
}

/// Waits until no byte of any kind came for `silence`.
async fn miss(heard: &Heard, silence: Duration) -> LinkError {
    loop {
        let deadline = heard.last() + silence;
        if deadline <= Instant::now() {
            return LinkError::Silent(silence);
        }
        sleep_until(deadline).await;
    }
}
