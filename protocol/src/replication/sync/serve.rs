//! Serving peers: pieces of the outbox become frames when the transport has room, never before.

use super::{Lane, State, Transaction, frame::Frame, session::Piece};
use crate::{
    bytes::{
        ids::{CircleId, NodeKey, OrgId},
        limits::{BULK_IN_FLIGHT, FRAME_BYTES},
    },
    log::{entry::Verified, feed::FeedHead},
    store::{Store, StoreError},
};

/// Overhead of an item beyond its entry and body, in bytes.
const ITEM: usize = 16;

/// Builder of an ENTRIES frame.
#[derive(Default)]
struct EntriesBuilder {
    items: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    bytes: usize,
}

impl EntriesBuilder {
    /// Adds an item if it fits; an empty frame takes any item, since the largest fits a frame.
    fn add(&mut self, item: (Vec<u8>, Option<Vec<u8>>)) -> Result<(), (Vec<u8>, Option<Vec<u8>>)> {
        let size = item.0.len() + item.1.as_ref().map_or(0, Vec::len) + ITEM;
        if !self.items.is_empty() && self.bytes + size > FRAME_BYTES.0 {
            return Err(item);
        }
        self.bytes += size;
        self.items.push(item);
        Ok(())
    }
}

impl State {
    /// Turns pieces of the outbox into frames while there is room.
    pub(super) fn pump<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
    ) -> Result<(), StoreError> {
        loop {
            let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
            if session.in_flight >= BULK_IN_FLIGHT.0 {
                return Ok(());
            }
            let Some(piece) = session.outbox.pop_front() else { return Ok(()) };
            match piece {
                Piece::Frontier(circle) => self.send_frontier(transaction, peer, circle),
                Piece::Links { org, from } => self.send_links(transaction, peer, org, from),
                Piece::Want(ids) => self.send_bulk(transaction, peer, &Frame::Want(ids)),
                Piece::Probe { feed, low, high } => {
                    let marks = self.marks(transaction, &feed, low, high)?;
                    if marks.is_empty() {
                        self.end_probe(peer, &feed);
                    } else {
                        self.send_bulk(transaction, peer, &Frame::Probe { feed, marks });
                    }
                }
                Piece::Done(circle) => {
                    self.send_bulk(transaction, peer, &Frame::Done(circle));
                    if let Some(exchange) = self.exchange(&peer, &circle) {
                        exchange.done_sent = true;
                    }
                    self.close_exchange(transaction, peer, circle)?;
                }
                Piece::Unlisted { circle, after, before } => self.queue_unlisted(peer, circle, after, before),
                entries @ (Piece::Range { .. } | Piece::Proof(_) | Piece::Bodies(_)) => {
                    session.outbox.push_front(entries);
                    self.send_entries(transaction, peer)?;
                }
            }
        }
    }

    pub(super) fn send_bulk<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey, frame: &Frame) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.in_flight += 1;
            transaction.send(peer, Lane::Bulk, frame);
        }
    }

    /// Sends one frame of an organisation's roster links from an index on. Links go before the entries they certify, on
    /// the same lane.
    fn send_links<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey, org: OrgId, from: u64) {
        let Some(roster) = self.replica.members.roster(&org) else { return };
        let (mut links, mut bytes, mut rest) = (Vec::new(), 0, false);
        for link in roster.since(from) {
            let envelope = link.envelope();
            rest = bytes + envelope.len() + ITEM > FRAME_BYTES.0;
            if rest {
                break;
            }
            bytes += envelope.len() + ITEM;
            links.push(envelope.to_vec());
        }
        if rest {
            self.put_back(peer, Piece::Links { org, from: from + links.len() as u64 });
        }
        if !links.is_empty() {
            self.send_bulk(transaction, peer, &Frame::Links(links));
        }
    }

    /// Sends one frame of entries from the front of the outbox.
    fn send_entries<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
    ) -> Result<(), StoreError> {
        let mut builder = EntriesBuilder::default();
        let mut full = false;
        while !full {
            let session = self.sessions.get_mut(&peer).expect("its outbox is being sent");
            match session.outbox.pop_front() {
                Some(Piece::Range { feed, .. }) if self.is_deferred(&peer, &feed, transaction.now) => {
                    self.leave_out(&peer, feed.circle);
                }
                Some(Piece::Range { feed, mut next, to }) => {
                    let to = to.min(self.replica.head(&feed).map_or(0, FeedHead::counted));
                    while next <= to && !full {
                        if let Some(entry) = self.replica.entry(&transaction.staged, &feed, next)? {
                            full = builder.add(self.item(transaction, &entry)?).is_err();
                        }
                        next += u64::from(!full);
                    }
                    if full {
                        self.put_back(peer, Piece::Range { feed, next, to });
                    }
                }
                Some(Piece::Proof(feed)) => {
                    for entry in self.replica.proof(&transaction.staged, &feed)? {
                        // Two headers without bodies always fit in addition, within the frame's slack.
                        builder.items.push((entry.envelope(), None));
                        builder.bytes += entry.envelope().len() + ITEM;
                    }
                    full = builder.bytes > FRAME_BYTES.0 - 4096;
                }
                Some(Piece::Bodies(mut ids)) => {
                    while let Some(id) = ids.front().copied() {
                        if let Some((feed, seq)) = self.replica.place(&transaction.staged, &id)?
                            && let Some(entry) = self.replica.entry(&transaction.staged, &feed, seq)?
                            && let item @ (_, Some(_)) = self.item(transaction, &entry)?
                        {
                            full = builder.add(item).is_err();
                            if full {
                                break;
                            }
                        }
                        ids.pop_front();
                    }
                    if full {
                        self.put_back(peer, Piece::Bodies(ids));
                    }
                }
                Some(Piece::Unlisted { circle, after, before }) => self.queue_unlisted(peer, circle, after, before),
                Some(other) => {
                    self.put_back(peer, other);
                    break;
                }
                None => break,
            }
        }
        if !builder.items.is_empty() {
            self.send_bulk(transaction, peer, &Frame::Entries(builder.items));
        }
        Ok(())
    }

    fn put_back(&mut self, peer: NodeKey, piece: Piece) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.outbox.push_front(piece);
        }
    }

    fn item<S: Store>(
        &self,
        transaction: &Transaction<'_, S>,
        entry: &Verified,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreError> {
        let body = self.replica.body(&transaction.staged, &entry.id())?;
        Ok((entry.envelope(), body.map(|body| body.bytes().to_vec())))
    }

    /// Sends new entries at once to every connected peer that shares their circle and is not being reconciled with.
    pub(super) fn live<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        circle: CircleId,
        entries: &[Verified],
    ) -> Result<(), StoreError> {
        let peers: Vec<_> = self.sessions.keys().copied().filter(|peer| self.shares(peer, &circle)).collect();
        let mut builder = EntriesBuilder::default();
        for entry in entries {
            if builder.add(self.item(transaction, entry)?).is_err() {
                // More than one frame is bulk data, which is sent at the pace of an exchange.
                peers.into_iter().for_each(|peer| self.hello_within(peer, transaction.now, 0));
                return Ok(());
            }
        }
        let (frame, org) = (Frame::Entries(builder.items), self.org);
        for peer in peers {
            let session = self.sessions.get_mut(&peer).expect("listed above");
            session.equal = false;
            if session.defers(&org, transaction.now) {
                continue; // it compares again by itself when it takes more
            }
            if session.theirs.is_some() && !session.exchanges.contains_key(&circle) {
                transaction.send(peer, Lane::Live, &frame);
            }
            self.hello_within(peer, transaction.now, super::session::NEWS_MS);
        }
        Ok(())
    }
}
