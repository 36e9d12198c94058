//! Admission of inbound connections: limits that hold before a peer has proved its key.
//!
//! Strangers occupy at most `pending` sockets and handshakes at a time. When all places are taken, a newcomer replaces
//! the oldest handshake of the source that holds the most: one source cannot keep the others out, however slow it is.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures::future::poll_fn;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use super::{
    Event,
    transport::{Connection, End, Transport},
};

/// Maximum number of sources with a recent connection; beyond it, new sources wait until some are forgotten.
const SOURCES: usize = 4096;
/// Pause after the system refuses a socket, for instance for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// Connection limits of this node. They only delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time between two connections from one source (an IPv4 address, an IPv6 /64); zero: no limit.
    pub accept_every: Duration,
    /// Connections that a source may make at once before that limit applies.
    pub accept_burst: u32,
    /// Maximum inbound connections that have not yet proved their key.
    pub pending: usize,
    /// Maximum connections that have, of all peers.
    pub established: usize,
    /// Time limit of a handshake: from the socket to the key, and again from the key to the open lanes.
    pub handshake: Duration,
    /// Time without any byte after which a peer counts as dead; the keep-alive interval is a third of it.
    pub silence: Duration,
    /// Time that a peer may leave its control or live lane unread while a frame waits.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            accept_every: Duration::from_secs(1),
            accept_burst: 5,
            pending: 16,
            established: 128,
            handshake: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            stall: Duration::from_secs(60),
        }
    }
}

/// Accepts connections for ever; each one that proves a key, allowed or not, goes to `secured`.
pub(super) async fn accept(
    listeners: Vec<TcpListener>,
    transport: Arc<Transport>,
    limits: Limits,
    events: mpsc::Sender<Event>,
    secured: mpsc::Sender<Connection>,
) {
    for listener in &listeners {
        match listener.local_addr() {
            Ok(address) => drop(events.send(Event::Listening(address)).await),
            Err(error) => tracing::warn!(%error, "a listener has no address"),
        }
    }
    let mut pace = Pace::new(&limits);
    let mut places = Places::new(limits.pending);
    let mut handshakes = JoinSet::new();
    loop {
        let (socket, address) = tokio::select! {
            accepted = next(&listeners) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    sleep(BREATH).await;
                    continue;
                }
            },
            Some(_) = handshakes.join_next() => continue,
        };
        let source = source(address.ip());
        if !pace.admits(source, Instant::now()) {
            tracing::debug!(%address, "too many connections from there");
            continue;
        }
        places.clear_one();
        let (transport, secured, limit) = (Arc::clone(&transport), secured.clone(), limits.handshake);
        places.take(
            source,
            handshakes.spawn(async move {
                match timeout(limit, transport.secure(socket, End::Listener)).await {
                    Ok(Ok(connection)) => drop(secured.send(connection).await),
                    Ok(Err(error)) => tracing::debug!(%address, %error, "handshake failed"),
                    Err(_) => tracing::debug!(%address, "handshake took too long"),
                }
            }),
        );
    }
}

async fn next(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    poll_fn(|cx| {
        let ready = listeners.iter().map(|listener| listener.poll_accept(cx)).find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    })
    .await
}

/// Maps an address to its source: an IPv4 address, or the /64 of IPv6 that a household has.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Rate limit of connections per source: the generic cell rate algorithm (ITU-T I.371), one instant per source.
struct Pace {
    every: Duration,
    burst: u32,
    /// Theoretical arrival time of each source: when its connections so far are paid off.
    due: BTreeMap<IpAddr, Instant>,
}

impl Pace {
    fn new(limits: &Limits) -> Self {
        Self { every: limits.accept_every, burst: limits.accept_burst.max(1), due: BTreeMap::new() }
    }

    fn admits(&mut self, source: IpAddr, now: Instant) -> bool {
        if self.due.len() >= SOURCES && !self.due.contains_key(&source) {
            self.due.retain(|_, due| *due > now);
            if self.due.len() >= SOURCES {
                return false;
            }
        }
        let due = self.due.entry(source).or_insert(now);
        let after = (*due).max(now) + self.every;
        let admitted = after <= now + self.every * self.burst;
        if admitted {
            *due = after;
        }
        admitted
    }
}

/// Handshakes under way, oldest first.
struct Places {
    number: usize,
    taken: Vec<(IpAddr, AbortHandle)>,
}

impl Places {
    fn new(number: usize) -> Self {
        Self { number: number.max(1), taken: Vec::new() }
    }

    fn take(&mut self, source: IpAddr, handshake: AbortHandle) {
        self.taken.push((source, handshake));
    }

    /// Frees a place if none is free.
    fn clear_one(&mut self) {
        self.taken.retain(|(_, handshake)| !handshake.is_finished());
        if self.taken.len() < self.number {
            return;
        }
        let held = |source| self.taken.iter().filter(|(other, _)| *other == source).count();
        let most = self.taken.iter().map(|(source, _)| held(*source)).max();
        if let Some(oldest) = self.taken.iter().position(|(source, _)| Some(held(*source)) == most) {
            self.taken.remove(oldest).1.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        source(text.parse().expect("an address"))
    }

    #[test]
    fn a_source_has_its_burst_and_then_one_a_second() {
        let mut pace = Pace::new(&Limits::default());
        let start = Instant::now();
        let admitted = |pace: &mut Pace, from: &str, at: u64| {
            (0..10).filter(|_| pace.admits(address(from), start + Duration::from_secs(at))).count()
        };
        assert_eq!(admitted(&mut pace, "192.0.2.1", 0), 5);
        assert_eq!(admitted(&mut pace, "192.0.2.2", 0), 5, "another source has its own");
        assert_eq!(admitted(&mut pace, "192.0.2.1", 1), 1);
        assert_eq!(admitted(&mut pace, "192.0.2.1", 3), 2);
        assert_eq!(admitted(&mut pace, "192.0.2.1", 60), 5, "never more than the burst");
    }

    #[test]
    fn a_source_is_an_ipv4_address_however_written_or_an_ipv6_64() {
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
    }

    #[test]
    fn sources_are_forgotten_when_paid_off_and_never_more_than_the_table_holds() {
        let mut pace = Pace::new(&Limits::default());
        let now = Instant::now();
        let sources = (0..10_000u32).map(|n| IpAddr::V4(n.into()));
        let admitted = sources.filter(|source| pace.admits(*source, now)).count();
        assert_eq!((admitted, pace.due.len()), (SOURCES, SOURCES));
        assert!(pace.admits(address("192.0.2.1"), now + Duration::from_secs(2)));
        assert_eq!(pace.due.len(), 1);
    }

    #[tokio::test]
    async fn when_all_places_are_taken_the_greediest_source_loses_its_oldest() {
        let mut tasks = JoinSet::new();
        let mut places = Places::new(4);
        let mut take = |places: &mut Places, from: &str| {
            places.clear_one();
            let handshake = tasks.spawn(std::future::pending::<()>());
            places.take(address(from), handshake);
            places.taken.iter().map(|(source, _)| source.to_string()).collect::<Vec<_>>()
        };
        for from in ["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.1"] {
            take(&mut places, from);
        }
        assert_eq!(take(&mut places, "192.0.2.2"), ["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.2"]);
    }
}
