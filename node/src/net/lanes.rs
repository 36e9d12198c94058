//! Lanes: the format of their frames, their bounded queues, and reading without trusting a claimed length.
//!
//! ```text
//! frame │ length (u32, big endian) │ bytes
//! ```

use std::{fmt, io, sync::Arc, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, future::pending};
use protocol::bytes::{
    ids::NodeKey,
    limits::{BULK_IN_FLIGHT, FRAME_BYTES},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::{Event, link::LinkError};

/// Maximum bytes of a frame: [`FRAME_BYTES`], and 64 KiB for what ends a frame that has just passed that size.
pub const FRAME_BYTES_MAX: usize = FRAME_BYTES.0 + 64 * 1024;
/// Maximum unwritten frames of a lane to a peer, however short they are.
pub const LANE_FRAMES: usize = 8192;

/// Maximum bytes of a connection's frames that were read and are not yet handled.
const INBOX_BYTES: usize = 1024 * 1024;
/// Minimum number of bytes that a frame counts for.
const FRAME_BYTES_LEAST: usize = 2048;
/// Maximum number of a connection's frames that were read and are not yet handled.
pub const INBOX_FRAMES: usize = INBOX_BYTES / FRAME_BYTES_LEAST;

/// A frame's share of the inbound bytes of its connection. While none are left, the connection is not read.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

#[cfg(test)]
impl Room {
    /// Creates a room for an event that came from no connection.
    pub(crate) fn unlimited() -> Self {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one is free");
        Self { _permit: permit }
    }
}

/// Rooms are not part of an event's content, so all are equal.
impl PartialEq for Room {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Room {}

/// Limit on the inbound bytes of a connection, for all lanes together.
#[derive(Clone)]
pub(super) struct Inbox(Arc<Semaphore>);

impl Inbox {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(INBOX_BYTES)))
    }

    async fn room(&self, frame: usize) -> Option<Room> {
        let bytes = u32::try_from(frame.clamp(FRAME_BYTES_LEAST, INBOX_BYTES)).ok()?;
        let permit = Arc::clone(&self.0).acquire_many_owned(bytes).await.ok()?;
        Some(Room { _permit: permit })
    }
}

/// Purpose of a frame: each lane has its own stream, so none waits behind another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Greetings, charter, fork proofs, withdrawals: small, first.
    Control = 0,
    /// History: large, whenever there is room.
    Bulk = 1,
    /// Entries that were just written: small, sent at once.
    Live = 2,
}

/// Queues of unwritten frames, by lane.
pub(super) struct Outbox([Queue; 3]);

/// Error: the lane has no room for the frame.
pub(super) struct Full;

struct Queue {
    frames: mpsc::Sender<(Vec<u8>, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// Receiver of the frames of a lane, each with its share of the lane's room.
pub(super) type Queued = mpsc::Receiver<(Vec<u8>, OwnedSemaphorePermit)>;

impl Lane {
    /// Lanes in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Control, Self::Bulk, Self::Live];

    /// Maximum bytes of this lane that a peer may leave unread. Bulk is paced by [`Event::Written`]; the other lanes
    /// are not, and have room for every version of a charter at once. A peer that leaves these unread is severed after
    /// a minute.
    #[must_use]
    pub const fn room(self) -> usize {
        match self {
            Self::Bulk => BULK_IN_FLIGHT.0 * FRAME_BYTES_MAX,
            Self::Control | Self::Live => 8 * 1024 * 1024,
        }
    }
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
    /// Creates an empty outbox, and the receivers for its writers.
    pub(super) fn new() -> (Self, [Queued; 3]) {
        let pairs = Lane::ALL.map(|lane| {
            let (frames, queued) = mpsc::channel(LANE_FRAMES);
            (Queue { frames, room: Arc::new(Semaphore::new(lane.room())) }, queued)
        });
        let [(control, c), (bulk, b), (live, l)] = pairs;
        (Self([control, bulk, live]), [c, b, l])
    }

    /// Queues a frame; fails with `Full` if the lane has no room. A link that is ending takes frames and drops them.
    pub(super) fn push(&self, lane: Lane, frame: Vec<u8>) -> Result<(), Full> {
        let queue = &self.0[lane as usize];
        // A frame that is too long is queued too: the writer ends the link with that reason.
        let bytes = u32::try_from(frame.len().min(lane.room())).map_err(|_| Full)?;
        let permit = Arc::clone(&queue.room).try_acquire_many_owned(bytes).map_err(|_| Full)?;
        match queue.frames.try_send((frame, permit)) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(Full),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// Reads the frames of a lane until the link ends.
pub(super) async fn read(
    from: NodeKey,
    lane: Lane,
    mut stream: impl AsyncRead + Unpin,
    inbox: &Inbox,
    events: &mpsc::Sender<Event>,
) -> LinkError {
    loop {
        let mut frame = Vec::new();
        if let Err(reason) = read_frame(&mut stream, lane, &mut frame).await {
            return reason;
        }
        // Without room this connection is not read, and the peer's window closes.
        let Some(room) = inbox.room(frame.len()).await else { return LinkError::Stopped };
        if events.send(Event::Frame { from, lane, frame, room }).await.is_err() {
            return LinkError::Stopped;
        }
    }
}

/// Writes the queued frames of a lane until the link ends.
pub(super) async fn write(
    to: NodeKey,
    lane: Lane,
    mut stream: impl AsyncWrite + Unpin,
    mut queued: Queued,
    events: &mpsc::Sender<Event>,
    stall: Option<Duration>,
) -> LinkError {
    while let Some((frame, room)) = queued.recv().await {
        if let Err(reason) = write_frame(&mut stream, lane, &frame, stall).await {
            return reason;
        }
        drop((frame, room)); // before the event that reports room
        if events.send(Event::Written { to, lane }).await.is_err() {
            return LinkError::Stopped;
        }
    }
    pending().await // the outbox is gone: the link is being closed
}

/// Reads a frame into an empty buffer, which grows with the received bytes, never with the claimed length.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin), lane: Lane, frame: &mut Vec<u8>) -> Result<(), LinkError> {
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

async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    lane: Lane,
    frame: &[u8],
    stall: Option<Duration>,
) -> Result<(), LinkError> {
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

/// Converts an error of reading: a stream that ends between frames means that the peer closed the connection.
pub(super) fn end_or_error(error: io::Error) -> LinkError {
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
        for lane in Lane::ALL {
            for _ in 0..lane.room() / FRAME_BYTES_MAX {
                assert!(outbox.push(lane, vec![0; FRAME_BYTES_MAX]).is_ok());
            }
            assert!(outbox.push(lane, vec![0; FRAME_BYTES_MAX]).is_err());
        }
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
