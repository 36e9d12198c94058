//! Serving: pieces of the outbox become frames when the transport has room, never before.

use super::{Lane, State, Turn, frame::Frame, session::Piece};
use crate::{
    bytes::{
        ids::{CircleId, NodeKey, OrgId},
        limits::{BULK_IN_FLIGHT, FRAME_BYTES},
    },
    log::{entry::Verified, feed::FeedHead},
    store::{Store, StoreError},
};

/// Bytes an item costs beyond its entry and body.
const ITEM: usize = 16;

/// Items of an ENTRIES frame being filled.
#[derive(Default)]
struct Parcel {
    items: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    bytes: usize,
}

impl Parcel {
    /// Adds an item if it fits; an empty parcel takes any item, since the largest fits a frame.
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
    /// Makes frames of the outbox while there is room.
    pub(super) fn pump<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey) -> Result<(), StoreError> {
        loop {
            let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
            if session.in_flight >= BULK_IN_FLIGHT.0 {
                return Ok(());
            }
            let Some(piece) = session.outbox.pop_front() else { return Ok(()) };
            match piece {
                Piece::Frontier(circle) => self.send_frontier(turn, peer, circle),
                Piece::Links { org, from } => self.send_links(turn, peer, org, from),
                Piece::Want(ids) => self.send_bulk(turn, peer, &Frame::Want(ids)),
                Piece::Probe { feed, low, high } => {
                    let marks = self.marks(turn, &feed, low, high)?;
                    if marks.is_empty() {
                        self.end_probe(peer, &feed);
                    } else {
                        self.send_bulk(turn, peer, &Frame::Probe { feed, marks });
                    }
                }
                Piece::Done(circle) => {
                    self.send_bulk(turn, peer, &Frame::Done(circle));
                    if let Some(exchange) = self.exchange(&peer, &circle) {
                        exchange.done_sent = true;
                    }
                    self.close(turn, peer, circle)?;
                }
                Piece::Untold { circle, after, before } => self.unroll(peer, circle, after, before),
                entries @ (Piece::Range { .. } | Piece::Proof(_) | Piece::Bodies(_)) => {
                    session.outbox.push_front(entries);
                    self.send_entries(turn, peer)?;
                }
            }
        }
    }

    pub(super) fn send_bulk<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey, frame: &Frame) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.in_flight += 1;
            turn.send(peer, Lane::Bulk, frame);
        }
    }

    /// One frame of roster links of an organisation, from an index on. They go before what they certify, on its lane.
    fn send_links<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey, org: OrgId, from: u64) {
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
            self.send_bulk(turn, peer, &Frame::Links(links));
        }
    }

    /// One frame of entries from the front of the outbox.
    fn send_entries<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey) -> Result<(), StoreError> {
        let mut parcel = Parcel::default();
        let mut full = false;
        while !full {
            let session = self.sessions.get_mut(&peer).expect("its outbox is being sent");
            match session.outbox.pop_front() {
                Some(Piece::Range { feed, .. }) if self.is_spared(&peer, &feed, turn.now) => {
                    self.leave_out(&peer, feed.circle);
                }
                Some(Piece::Range { feed, mut next, to }) => {
                    let to = to.min(self.replica.head(&feed).map_or(0, FeedHead::counted));
                    while next <= to && !full {
                        if let Some(entry) = self.replica.entry(&turn.staged, &feed, next)? {
                            full = parcel.add(self.item(turn, &entry)?).is_err();
                        }
                        next += u64::from(!full);
                    }
                    if full {
                        self.put_back(peer, Piece::Range { feed, next, to });
                    }
                }
                Some(Piece::Proof(feed)) => {
                    for entry in self.replica.proof(&turn.staged, &feed)? {
                        // Two headers without bodies: they always fit beside what is there, within the frame's slack.
                        parcel.items.push((entry.envelope(), None));
                        parcel.bytes += entry.envelope().len() + ITEM;
                    }
                    full = parcel.bytes > FRAME_BYTES.0 - 4096;
                }
                Some(Piece::Bodies(mut ids)) => {
                    while let Some(id) = ids.front().copied() {
                        if let Some((feed, seq)) = self.replica.place(&turn.staged, &id)?
                            && let Some(entry) = self.replica.entry(&turn.staged, &feed, seq)?
                            && let item @ (_, Some(_)) = self.item(turn, &entry)?
                        {
                            full = parcel.add(item).is_err();
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
                Some(Piece::Untold { circle, after, before }) => self.unroll(peer, circle, after, before),
                Some(other) => {
                    self.put_back(peer, other);
                    break;
                }
                None => break,
            }
        }
        if !parcel.items.is_empty() {
            self.send_bulk(turn, peer, &Frame::Entries(parcel.items));
        }
        Ok(())
    }

    fn put_back(&mut self, peer: NodeKey, piece: Piece) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.outbox.push_front(piece);
        }
    }

    fn item<S: Store>(&self, turn: &Turn<'_, S>, entry: &Verified) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreError> {
        let body = self.replica.body(&turn.staged, &entry.id())?;
        Ok((entry.envelope(), body.map(|body| body.bytes().to_vec())))
    }

    /// New entries go at once to everyone connected who shares their circle and is not being reconciled with.
    pub(super) fn live<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        circle: CircleId,
        entries: &[Verified],
    ) -> Result<(), StoreError> {
        let peers: Vec<_> = self.sessions.keys().copied().filter(|peer| self.shares(peer, &circle)).collect();
        let mut parcel = Parcel::default();
        for entry in entries {
            if parcel.add(self.item(turn, entry)?).is_err() {
                // More than a frame is bulk: it goes the paced way.
                peers.into_iter().for_each(|peer| self.hello_within(peer, turn.now, 0));
                return Ok(());
            }
        }
        let (frame, org) = (Frame::Entries(parcel.items), self.org);
        for peer in peers {
            let session = self.sessions.get_mut(&peer).expect("listed above");
            session.equal = false;
            if session.spares(&org, turn.now) {
                continue; // it compares again by itself when it takes more
            }
            if session.theirs.is_some() && !session.exchanges.contains_key(&circle) {
                turn.send(peer, Lane::Live, &frame);
            }
            self.hello_within(peer, turn.now, super::session::RUMOUR_MS);
        }
        Ok(())
    }
}
