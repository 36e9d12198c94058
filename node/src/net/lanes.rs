//! Frames on the streams of a connection.
//!
//! ```text
//! stream │ multistream "/habeas/1" │ name (1 byte: 0 control, 1 bulk, 2 live, 3 pulse) │ frames
//! frame  │ length (u32, big endian) │ bytes                       the pulse stream carries single bytes instead
//! ```
//!
//! Each side opens its own four streams and writes only on those. The side that decides opens first, the other answers,
//! and the link is open when all eight are: so a connection that the other side refuses never counts as one.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{
    AsyncReadExt, AsyncWriteExt,
    future::{pending, poll_fn},
};
use multistream_select::{Negotiated, NegotiationError, Version, dialer_select_proto, listener_select_proto};
use protocol::{
    ids::NodeKey,
    limits::{BULK_IN_FLIGHT, FRAME_BYTES},
};
use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, interval, sleep_until, timeout},
};

use super::{
    Event,
    admission::Limits,
    transport::{Connection, Heard, Socket},
};

/// Bytes of the longest frame: [`FRAME_BYTES`] and 64 KiB for what closes a frame that just passed it.
pub const FRAME_BYTES_MAX: usize = FRAME_BYTES.0 + 64 * 1024;
/// Bytes a lane to a peer holds unwritten: [`BULK_IN_FLIGHT`] of the longest frames.
pub const LANE_BYTES: usize = BULK_IN_FLIGHT.0 * FRAME_BYTES_MAX;
/// Frames a lane to a peer holds unwritten, however short they are.
pub const LANE_FRAMES: usize = 1024;

const PROTOCOL: &str = "/habeas/1";
/// Streams of one direction: three lanes and the pulse.
const STREAMS: usize = 4;
const PULSE: u8 = 3;
/// Streams a peer may open in the life of a connection: its four, and a few that ask for a protocol of another time.
const STREAMS_EVER: usize = 16;

/// What a frame is for: each lane has its own stream, so none waits behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Greetings, charter, fork proofs, withdrawals: small, first.
    Control = 0,
    /// History: large, whenever there is room.
    Bulk = 1,
    /// What was just written: small, at once.
    Live = 2,
}

/// Why a link ended. Holds no address and no content: it is shown, and logged at INFO.
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

/// An open connection at work.
pub(super) struct Link {
    /// Moving bytes, reading, writing. The first that ends says why the link ended.
    tasks: JoinSet<LinkError>,
    announced: Arc<AtomicBool>,
    pub(super) since: Instant,
    _seat: OwnedSemaphorePermit,
}

/// What waits to be written, by lane.
pub(super) struct Outbox([Queue; 3]);

/// A lane has no room for a frame.
pub(super) struct Full;

struct Queue {
    frames: mpsc::Sender<(Vec<u8>, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

type Queued = mpsc::Receiver<(Vec<u8>, OwnedSemaphorePermit)>;

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 3] = [Self::Control, Self::Bulk, Self::Live];
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Bulk => "bulk",
            Self::Live => "live",
        })
    }
}

impl Outbox {
    fn new() -> (Self, [Queued; 3]) {
        let pairs = Lane::ALL.map(|_| {
            let (frames, queued) = mpsc::channel(LANE_FRAMES);
            (Queue { frames, room: Arc::new(Semaphore::new(LANE_BYTES)) }, queued)
        });
        let [(control, c), (bulk, b), (live, l)] = pairs;
        (Self([control, bulk, live]), [c, b, l])
    }

    /// Queues a frame, or says that there is no room. A link that is ending takes frames and drops them.
    pub(super) fn push(&self, lane: Lane, frame: Vec<u8>) -> Result<(), Full> {
        let queue = &self.0[lane as usize];
        // A frame too long to send takes the whole room; the writer then ends the link over it.
        let bytes = u32::try_from(frame.len().min(LANE_BYTES)).map_err(|_| Full)?;
        let permit = Arc::clone(&queue.room).try_acquire_many_owned(bytes).map_err(|_| Full)?;
        match queue.frames.try_send((frame, permit)) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(Full),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// Opens the streams of a connection. The side that does not decide waits here to be chosen. Time is the caller's to limit.
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
    /// Starts reading and writing; the reader announces the peer before its first frame.
    pub(super) fn start(open: Open, peer: NodeKey, events: &mpsc::Sender<Event>, limits: &Limits) -> (Self, Outbox) {
        let Open { mut tasks, ours, theirs, heard, seat } = open;
        let (outbox, queued) = Outbox::new();
        let announced = Arc::new(AtomicBool::new(false));
        tasks.spawn(hear(peer, theirs, heard, events.clone(), Arc::clone(&announced), limits.silence));
        tasks.spawn(speak(peer, ours, queued, events.clone(), limits.clone()));
        (Self { tasks, announced, since: Instant::now(), _seat: seat }, outbox)
    }

    /// Waits for the end. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> LinkError {
        match self.tasks.join_next().await {
            Some(Ok(reason)) => reason,
            // A panic on a peer's bytes costs that peer its connection, nobody else anything.
            Some(Err(_)) | None => LinkError::Fault,
        }
    }

    /// Closes the socket; when this returns nothing more of the link comes. True if its peer was announced.
    pub(super) async fn close(mut self) -> bool {
        self.tasks.shutdown().await;
        self.announced.load(Ordering::Acquire)
    }
}

/// Keeps the bytes of a connection moving and hands over the streams that the peer opens.
async fn drive(mut muxer: yamux::Connection<Socket>, incoming: mpsc::Sender<yamux::Stream>) -> LinkError {
    for _ in 0..STREAMS_EVER {
        match poll_fn(|cx| muxer.poll_next_inbound(cx)).await {
            Some(Ok(stream)) => drop(incoming.try_send(stream)), // nobody waits for it: dropped, which resets it
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
        // A peer of another time may ask for what we do not know; it is told so and goes on.
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

/// Everything that comes from a peer.
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
    tokio::select! {
        reason = read(peer, Lane::Control, control, &events) => reason,
        reason = read(peer, Lane::Bulk, bulk, &events) => reason,
        reason = read(peer, Lane::Live, live, &events) => reason,
        reason = feel(pulse) => reason,
        reason = miss(&heard, silence) => reason,
    }
}

/// Everything that goes to a peer.
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
        // A peer busy with history may take its time: what waits for it is bounded.
        reason = write(peer, Lane::Bulk, bulk, for_bulk, &events, None) => reason,
        reason = write(peer, Lane::Live, live, for_live, &events, Some(limits.stall)) => reason,
        reason = beat(pulse, limits.silence / 3) => reason,
    }
}

async fn read(from: NodeKey, lane: Lane, mut stream: Stream, events: &mpsc::Sender<Event>) -> LinkError {
    loop {
        let mut frame = Vec::new();
        if let Err(reason) = read_frame(&mut stream, lane, &mut frame).await {
            return reason;
        }
        // While the events are full this lane is not read, and the peer's window closes.
        if events.send(Event::Frame { from, lane, frame }).await.is_err() {
            return LinkError::Stopped;
        }
    }
}

async fn write(
    to: NodeKey,
    lane: Lane,
    mut stream: Stream,
    mut queued: Queued,
    events: &mpsc::Sender<Event>,
    stall: Option<Duration>,
) -> LinkError {
    while let Some((frame, room)) = queued.recv().await {
        if let Err(reason) = write_frame(&mut stream, lane, &frame, stall).await {
            return reason;
        }
        drop((frame, room)); // before its reader is told that there is room
        if events.send(Event::Written { to, lane }).await.is_err() {
            return LinkError::Stopped;
        }
    }
    pending().await // the outbox is gone: the link is being closed
}

/// Reads a frame into an empty buffer, which grows with the bytes that come, never with the length that is claimed.
async fn read_frame(
    stream: &mut (impl futures::AsyncRead + Unpin),
    lane: Lane,
    frame: &mut Vec<u8>,
) -> Result<(), LinkError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.map_err(end_or_error)?;
    let length = u32::from_be_bytes(length);
    match usize::try_from(length) {
        Ok(found) if found <= FRAME_BYTES_MAX => {}
        found => return Err(LinkError::TooLong { lane, found: found.unwrap_or(usize::MAX) }),
    }
    let read = stream.take(u64::from(length)).read_to_end(frame).await?;
    if read as u64 == u64::from(length) { Ok(()) } else { Err(LinkError::Closed) }
}

async fn write_frame(stream: &mut Stream, lane: Lane, frame: &[u8], stall: Option<Duration>) -> Result<(), LinkError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(LinkError::TooLong { lane, found: frame.len() });
    }
    let length = u32::try_from(frame.len()).expect("the longest frame has fewer than 2³² bytes").to_be_bytes();
    for mut rest in [&length[..], frame] {
        while !rest.is_empty() {
            let written = match stall {
                None => stream.write(rest).await,
                Some(limit) => {
                    timeout(limit, stream.write(rest)).await.map_err(|_| LinkError::Stalled { lane, limit })?
                }
            };
            match written.map_err(end_or_error)? {
                0 => return Err(LinkError::Closed),
                written => rest = &rest[written..],
            }
        }
    }
    Ok(stream.flush().await?)
}

/// Says that this node lives. Its own stream, since a lane may be held up by a peer that does not read it.
async fn beat(mut pulse: Stream, every: Duration) -> LinkError {
    let mut ticks = interval(every);
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

/// Ends when no byte of any kind came for so long.
async fn miss(heard: &Heard, silence: Duration) -> LinkError {
    loop {
        let deadline = heard.last() + silence;
        if deadline <= Instant::now() {
            return LinkError::Silent(silence);
        }
        sleep_until(deadline).await;
    }
}

/// A stream that ends between frames is a peer that left.
fn end_or_error(error: io::Error) -> LinkError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero | io::ErrorKind::BrokenPipe => LinkError::Closed,
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};

    use super::*;

    fn read_from(bytes: &[u8]) -> (Result<(), LinkError>, Vec<u8>) {
        let mut frame = Vec::new();
        (block_on(read_frame(&mut Cursor::new(bytes), Lane::Bulk, &mut frame)), frame)
    }

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        let (outcome, frame) = read_from(b"\0\0\0\x05hello, and more");
        assert!(outcome.is_ok());
        assert_eq!(frame, b"hello");
        let (outcome, frame) = read_from(b"\0\0\0\0");
        assert!(outcome.is_ok() && frame.is_empty());
    }

    #[test]
    fn a_length_beyond_the_longest_frame_is_refused_before_a_byte_is_held() {
        for found in [FRAME_BYTES_MAX as u32 + 1, u32::MAX] {
            let (outcome, frame) = read_from(&[&found.to_be_bytes()[..], &[7; 100]].concat());
            assert!(matches!(outcome, Err(LinkError::TooLong { found: n, .. }) if n == found as usize), "{outcome:?}");
            assert_eq!(frame.capacity(), 0);
        }
    }

    #[test]
    fn a_claimed_length_allocates_only_what_came() {
        let (outcome, frame) = read_from(&[&(FRAME_BYTES_MAX as u32).to_be_bytes()[..], &[7; 100]].concat());
        assert!(matches!(outcome, Err(LinkError::Closed)), "{outcome:?}");
        assert!(frame.capacity() <= 1024, "{} bytes held for 100", frame.capacity());
    }

    #[test]
    fn a_lane_takes_its_bytes_and_no_more() {
        let (outbox, _queued) = Outbox::new();
        for _ in 0..BULK_IN_FLIGHT.0 {
            assert!(outbox.push(Lane::Bulk, vec![0; FRAME_BYTES_MAX]).is_ok());
        }
        assert!(outbox.push(Lane::Bulk, vec![0]).is_err());
        assert!(outbox.push(Lane::Live, vec![0]).is_ok(), "lanes have their own room");
    }

    #[test]
    fn a_lane_takes_its_number_of_frames_and_no_more() {
        let (outbox, _queued) = Outbox::new();
        for _ in 0..LANE_FRAMES {
            assert!(outbox.push(Lane::Live, Vec::new()).is_ok());
        }
        assert!(outbox.push(Lane::Live, Vec::new()).is_err());
    }
}
