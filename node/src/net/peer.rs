//! Peer tasks: one per allowed peer, which dials it, chooses among connections, and runs at most one link at a time.
//!
//! Both sides dial, so two connections may come up at once. If each side chose independently, they could choose
//! differently. So the node with the smaller key decides alone: it takes the first connection that proves the peer's
//! key, opens lanes only on that one, and closes any other while it lives. The other side offers every connection it
//! has and waits for the lanes to open on one. So both use the same connection, and it does not flap. A peer that
//! reconnects before its old connection was found dead is refused until then (`silence`).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, pending},
    stream::FuturesUnordered,
};
use protocol::bytes::{address::Address, ids::NodeKey};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    Event, Lane,
    admission::Limits,
    lanes::{Full, Outbox},
    link::{self, Link, LinkError, Open},
    names::Names,
    transport::{Connection, Transport},
};

/// Maximum connections to one peer at a time: the one in use, and one that may replace it.
const CONNECTIONS: usize = 2;
/// Shortest and longest pause before dialling again; each pause is twice the one before, less up to half at random.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Duration of a link after which earlier failures are forgotten.
const STEADY: Duration = Duration::from_secs(30);
/// Shortest and longest time for which a peer is barred after it was severed for what it sent; doubled each time.
const BAR: Duration = Duration::from_secs(1);
const BAR_MAX: Duration = Duration::from_secs(900);
/// Duration of a link after which earlier bars are forgotten.
const FORGIVEN: Duration = Duration::from_secs(3600);

/// State that all peer tasks of a node share.
pub(super) struct Shared {
    pub(super) transport: Arc<Transport>,
    pub(super) names: Names,
    /// Addresses at which this node listens.
    pub(super) ours: Vec<SocketAddr>,
    pub(super) limits: Limits,
    /// Semaphore with one permit per established connection.
    pub(super) seats: Arc<Semaphore>,
    pub(super) events: mpsc::Sender<Event>,
}

/// An order to sever the connection.
struct Order {
    reason: &'static str,
    /// Whether the peer is barred for a while.
    bars: bool,
}

/// The router's handle to a peer task; dropping it ends the task.
pub(super) struct Handle {
    addresses: watch::Sender<Vec<Address>>,
    orders: mpsc::Sender<Order>,
    arrivals: mpsc::Sender<Connection>,
    outbox: watch::Receiver<Option<Outbox>>,
    task: JoinHandle<()>,
}

struct Peer {
    key: NodeKey,
    decides: bool,
    shared: Arc<Shared>,
    addresses: watch::Receiver<Vec<Address>>,
    orders: mpsc::Receiver<Order>,
    arrivals: mpsc::Receiver<Connection>,
    outbox: watch::Sender<Option<Outbox>>,

    link: Option<Link>,
    offers: FuturesUnordered<BoxFuture<'static, Result<Open, LinkError>>>,
    dialling: Option<BoxFuture<'static, Option<Connection>>>,
    failures: u32,
    /// Number of times that the peer was barred, and the end of the current bar.
    bars: u32,
    barred_until: Option<Instant>,
}

/// Starts the task of a peer, after its previous task has sent its last event.
pub(super) fn start(
    key: NodeKey,
    addresses: Vec<Address>,
    shared: Arc<Shared>,
    before: Option<JoinHandle<()>>,
) -> Handle {
    let (to_addresses, addresses) = watch::channel(addresses);
    let (to_orders, orders) = mpsc::channel(1);
    let (to_arrivals, arrivals) = mpsc::channel(CONNECTIONS);
    let (outbox, from_outbox) = watch::channel(None);
    let peer = Peer {
        key,
        decides: shared.transport.key < key,
        shared,
        addresses,
        orders,
        arrivals,
        outbox,
        link: None,
        offers: FuturesUnordered::new(),
        dialling: None,
        failures: 0,
        bars: 0,
        barred_until: None,
    };
    let task = tokio::spawn(async move {
        if let Some(before) = before {
            before.await.ok();
        }
        peer.run().await;
    });
    Handle { addresses: to_addresses, orders: to_orders, arrivals: to_arrivals, outbox: from_outbox, task }
}

impl Handle {
    pub(super) fn moved(&self, addresses: Vec<Address>) {
        self.addresses.send_if_modified(|known| {
            let moved = *known != addresses;
            *known = addresses;
            moved
        });
    }

    pub(super) fn send(&self, lane: Lane, frame: Vec<u8>) -> Result<(), Full> {
        self.outbox.borrow().as_ref().map_or(Ok(()), |outbox| outbox.push(lane, frame))
    }

    /// Severs the current connection. If an order is already waiting, that one severs it.
    pub(super) fn sever(&self, reason: &'static str) {
        self.orders.try_send(Order { reason, bars: false }).ok();
    }

    /// Severs the current connection and bars the peer: for a second, doubled each time.
    pub(super) fn bar(&self, reason: &'static str) {
        self.orders.try_send(Order { reason, bars: true }).ok();
    }

    /// Severs the connection for good; the returned task ends when it has sent `Down`.
    pub(super) fn dismiss(self, reason: &'static str) -> JoinHandle<()> {
        self.sever(reason);
        self.task
    }

    /// Passes on an inbound connection of the peer; closed if there are too many.
    pub(super) fn arrived(&self, connection: Connection) {
        drop(self.arrivals.try_send(connection));
    }
}

impl Peer {
    async fn run(mut self) {
        loop {
            self.dial();
            tokio::select! {
                biased; // an order to sever comes before anything else on the connection
                order = self.orders.recv() => match order {
                    Some(order) => self.sever(order).await,
                    None => return self.down(LinkError::Stopped).await,
                },
                Ok(()) = self.addresses.changed() => {
                    self.dialling = None;
                    self.failures = 0;
                }
                reason = end_of(&mut self.link) => self.down(reason).await,
                Some(connection) = self.arrivals.recv() => self.offer(connection),
                dialled = end_of_dialling(&mut self.dialling) => {
                    self.dialling = None;
                    match dialled {
                        Some(connection) => self.offer(connection),
                        None => self.failures = self.failures.saturating_add(1),
                    }
                }
                Some(opened) = self.offers.next() => match opened {
                    Ok(open) => self.up(open).await,
                    Err(reason) => {
                        tracing::debug!(peer = ?self.key, %reason, "not connected");
                        self.failures = self.failures.saturating_add(1);
                    }
                },
            }
        }
    }

    /// Starts dialling, unless a dial, a link or an offer exists.
    fn dial(&mut self) {
        if self.dialling.is_some() || self.link.is_some() || !self.offers.is_empty() {
            return;
        }
        let addresses = self.addresses.borrow().clone();
        let dialable = |address: &Address| !address.is_name() || self.shared.names.are_allowed();
        if !addresses.iter().any(dialable) {
            return;
        }
        let barred = self.barred_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let (shared, key, pause) = (Arc::clone(&self.shared), self.key, pause(self.failures).max(barred));
        self.dialling = Some(dial(shared, key, addresses, pause).boxed());
    }

    /// Opens the lanes of a connection, or waits for the peer to do so; a connection beyond the limit is closed.
    fn offer(&mut self, connection: Connection) {
        if self.barred_until.is_some_and(|until| Instant::now() < until) {
            return tracing::debug!(peer = ?self.key, "kept away for what it sent");
        }
        let others = self.offers.len() + usize::from(self.link.is_some());
        if others >= if self.decides { 1 } else { CONNECTIONS } {
            return tracing::debug!(peer = ?self.key, "one connection too many");
        }
        let Ok(seat) = Arc::clone(&self.shared.seats).try_acquire_owned() else {
            return tracing::warn!(peer = ?self.key, limit = self.shared.limits.established, "no room for a connection");
        };
        if self.decides {
            self.dialling = None;
        }
        let (decides, limit) = (self.decides, self.shared.limits.handshake);
        let opening = async move {
            let opened = timeout(limit, link::open(connection, decides, seat)).await;
            opened.unwrap_or(Err(LinkError::Opening(limit)))
        };
        self.offers.push(opening.boxed());
    }

    async fn up(&mut self, open: Open) {
        self.down(LinkError::Replaced).await;
        self.dialling = None;
        tracing::info!(peer = ?self.key, "connected");
        // Set before `Up` is sent: its reader may send at once.
        let (outbox, queued) = Outbox::new();
        self.outbox.send_replace(Some(outbox));
        self.link = Some(Link::start(open, self.key, queued, &self.shared.events, &self.shared.limits));
    }

    async fn sever(&mut self, Order { reason, bars }: Order) {
        if bars {
            self.barred_until = Some(Instant::now() + bar(self.bars));
            self.bars = self.bars.saturating_add(1);
        }
        self.offers.clear();
        self.dialling = None;
        while self.arrivals.try_recv().is_ok() {}
        self.down(LinkError::Ordered(reason)).await;
    }

    async fn down(&mut self, reason: LinkError) {
        let Some(link) = self.link.take() else { return };
        self.outbox.send_replace(None);
        if link.since.elapsed() >= FORGIVEN {
            self.bars = 0;
        }
        self.failures = if link.since.elapsed() < STEADY { self.failures.saturating_add(1) } else { 1 };
        let announced = link.close().await;
        tracing::info!(peer = ?self.key, %reason, "disconnected");
        if announced {
            // An error means that the events are no longer read: the commands have ended too, and this task with them.
            drop(self.shared.events.send(Event::Down { peer: self.key, reason: reason.to_string() }).await);
        }
    }
}

async fn dial(shared: Arc<Shared>, key: NodeKey, addresses: Vec<Address>, pause: Duration) -> Option<Connection> {
    sleep(pause).await;
    let limit = shared.limits.handshake;
    for address in addresses {
        for place in shared.names.to_dial(&address, &shared.ours, limit).await {
            match timeout(limit, shared.transport.dial(place, key)).await {
                Ok(Ok(connection)) => return Some(connection),
                Ok(Err(error)) => tracing::debug!(peer = ?key, %address, %error, "dialled in vain"),
                Err(_) => tracing::debug!(peer = ?key, %address, "dialled in vain: no answer in time"),
            }
        }
    }
    None
}

async fn end_of(link: &mut Option<Link>) -> LinkError {
    match link {
        Some(link) => link.ended().await,
        None => pending().await,
    }
}

async fn end_of_dialling(dialling: &mut Option<BoxFuture<'static, Option<Connection>>>) -> Option<Connection> {
    match dialling {
        Some(dialling) => dialling.await,
        None => pending().await,
    }
}

fn bar(bars: u32) -> Duration {
    BAR_MAX.min(BAR.saturating_mul(2u32.saturating_pow(bars.min(16))))
}

fn pause(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
    let whole = PAUSE_MAX.min(PAUSE * 2u32.saturating_pow(doublings.min(16)));
    // Random, so that nodes that lost one line together do not all reconnect at the same moment.
    let chance = getrandom::u32().map_or(0.0, |chance| f64::from(chance) / f64::from(u32::MAX));
    whole.mul_f64(1.0 - chance / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_severed_for_what_it_sent_stays_away_twice_as_long_each_time_and_at_most_a_quarter_of_an_hour() {
        let bars = [0, 1, 5, 9, 10, u32::MAX].map(|bars| bar(bars).as_secs());
        assert_eq!(bars, [1, 2, 32, 512, 900, 900]);
    }

    #[test]
    fn pauses_double_from_half_a_second_to_a_minute_less_up_to_half() {
        assert_eq!(pause(0), Duration::ZERO);
        for (failures, whole) in [(1, 0.5), (2, 1.0), (5, 8.0), (8, 60.0), (u32::MAX, 60.0)] {
            let pause = pause(failures).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&pause), "{failures} failures: {pause} s");
        }
    }
}
