//! Frontiers: the heads of a circle's feeds, sent and received in parts.
//!
//! Lines go in the order of their feeds' names: first the changed feeds of the pair's anchor, by their places in it,
//! then all other feeds. So each part is compared on arrival, and a feed that the order has passed is known to be left
//! out: neither side ever holds a whole frontier, however long. Parts leave like everything on the bulk lane, when
//! there is room.

use std::{
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use super::{
    FeedName, Lane, State, Transaction,
    frame::{Fault, Frame},
    session::{Anchor, Heads, Piece},
};
use crate::{
    bytes::{
        ids::{CircleId, NodeKey},
        limits::FRONTIER_LINES,
    },
    log::{
        entry::FeedId,
        feed::{AnchoredEntry, FeedHead, FrontierEntry},
    },
    replication::replica::Held,
    store::{Store, StoreError},
};

/// Progress of sending this node's frontier.
#[derive(Clone, Debug, Default)]
pub(super) struct FrontierSender {
    /// The anchor of the pair when the first part left.
    anchor: Option<Anchor>,
    /// Number of parts sent.
    parts: u64,
    /// Number of feeds of the anchor passed so far, and the name of the last one.
    places: u64,
    last_anchored: Option<FeedName>,
    /// The last feed that was sent by name.
    last_named: Option<FeedName>,
}

/// Progress of receiving a peer's frontier.
#[derive(Clone, Debug, Default)]
pub(super) struct FrontierReceiver {
    /// The anchor that the first part referred to, with its root.
    anchor: Option<(Arc<Heads>, [u8; 16])>,
    /// Number of parts received.
    parts: u64,
    /// Number of feeds of the anchor passed so far, and the name of the last one.
    places: u64,
    last_anchored: Option<FeedName>,
    /// The last feed that was received by name.
    last_named: Option<FeedName>,
}

/// Content of a received part: the peer's lines, sent or implied by the anchor; and ranges of names in which it has no
/// feeds.
#[derive(Default)]
struct ReceivedPart {
    lines: Vec<FrontierEntry>,
    unlisted: Vec<(Option<FeedName>, Option<FeedName>)>,
}

/// Error of a part that no honest node sends: out of order, or with a place outside the anchor.
struct OutOfOrder;

impl FrontierSender {
    /// Returns the next part, and whether it is the last one.
    fn part(&mut self, held: &Held, circle: CircleId) -> (Vec<AnchoredEntry>, Vec<FrontierEntry>, bool) {
        let entry_of =
            |name: &FeedName, head: &FeedHead| head.frontier_entry(&FeedId { circle, key: name.0, run: name.1 });
        let (mut near, mut lines) = (Vec::new(), Vec::new());
        let (agreed, last_anchored) = (self.anchor.as_ref().map(|anchor| &*anchor.heads), self.last_anchored);
        for (name, there) in agreed.into_iter().flat_map(|agreed| after(agreed, last_anchored)) {
            if near.len() == FRONTIER_LINES.0 {
                return (near, lines, false);
            }
            let head = held.head(name).filter(|head| *head != there);
            near.extend(head.map(|head| AnchoredEntry::of(self.places, &entry_of(name, head))));
            (self.places, self.last_anchored) = (self.places + 1, Some(*name));
        }
        for (name, head) in held.heads_after(self.last_named) {
            if near.len() + lines.len() == FRONTIER_LINES.0 {
                return (near, lines, false);
            }
            if agreed.is_none_or(|agreed| !agreed.contains_key(name)) {
                lines.push(entry_of(name, head));
            }
            self.last_named = Some(*name);
        }
        (near, lines, true)
    }
}

impl FrontierReceiver {
    fn new(anchor: Option<(Arc<Heads>, [u8; 16])>) -> Self {
        Self { anchor, ..Self::default() }
    }

    fn part(
        &mut self,
        circle: CircleId,
        is_last: bool,
        near: &[AnchoredEntry],
        lines: Vec<FrontierEntry>,
    ) -> Result<ReceivedPart, OutOfOrder> {
        let mut received = ReceivedPart::default();
        let anchor = self.anchor.as_ref().map(|(heads, _)| Arc::clone(heads));
        if let Some(agreed) = anchor {
            let entry_of =
                |name: &FeedName, head: &FeedHead| head.frontier_entry(&FeedId { circle, key: name.0, run: name.1 });
            let (mut anchored, mut near) = (after(&agreed, self.last_anchored), near.iter().peekable());
            // Feeds between the places of a part are unchanged since the anchor; after the first named line, so are all
            // the rest.
            while let Some(place) =
                near.peek().map(|line| line.0).or((is_last || !lines.is_empty()).then_some(u64::MAX))
            {
                if place < self.places {
                    return Err(OutOfOrder);
                }
                let Some((name, head)) = anchored.next() else { break };
                received.lines.push(match near.next_if(|line| line.0 == self.places) {
                    Some(line) => line.named(*name),
                    None => entry_of(name, head),
                });
                (self.places, self.last_anchored) = (self.places + 1, Some(*name));
            }
            if near.peek().is_some() {
                return Err(OutOfOrder);
            }
        }
        for line in lines {
            let name = (line.0, line.1);
            if self.last_named.is_some_and(|last_named| name <= last_named) {
                return Err(OutOfOrder);
            }
            received.unlisted.push((self.last_named, Some(name)));
            received.lines.push(line);
            self.last_named = Some(name);
        }
        received.unlisted.extend(is_last.then_some((self.last_named, None)));
        self.parts += 1;
        Ok(received)
    }

    /// Whether the anchor covers the peer's line of this feed.
    fn is_agreed(&self, name: &FeedName) -> bool {
        self.anchor.as_ref().is_some_and(|(heads, _)| heads.contains_key(name))
    }
}

fn after(heads: &Heads, name: Option<FeedName>) -> impl Iterator<Item = (&FeedName, &FeedHead)> {
    heads.range((name.map_or(Unbounded, Excluded), Unbounded))
}

impl State {
    /// Sends the next part of this node's frontier of a circle.
    pub(super) fn send_frontier<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
    ) {
        let keeps = self.keeps_anchors();
        let Some(held) = self.replica.circle(&circle) else { return };
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let Some(exchange) = session.exchanges.get_mut(&circle) else { return };
        let sender = exchange.sender.get_or_insert_with(|| {
            let anchor = self.anchors.get(&(peer, circle));
            let anchor = anchor.filter(|anchor| keeps || Some(anchor.epoch) == session.epoch);
            FrontierSender { anchor: anchor.cloned(), ..FrontierSender::default() }
        });
        exchange.ours.get_or_insert_with(|| held.root());
        let part = sender.parts;
        let (near, lines, is_last) = sender.part(held, circle);
        sender.parts += 1;
        let since = sender.anchor.as_ref().map(|anchor| *anchor.root.first_chunk().expect("a root has 32 bytes"));
        if !is_last {
            session.outbox.push_front(Piece::Frontier(circle));
        }
        self.send_bulk(transaction, peer, &Frame::Frontier { circle, part, is_last, since, near, lines });
    }

    /// Handles FULL: the peer does not hold the anchor that this node's frontier referred to.
    pub(super) fn handle_full<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
    ) -> Result<(), StoreError> {
        self.anchors.remove(&(peer, circle));
        if let Some(session) = self.sessions.get_mut(&peer)
            && let Some(exchange) = session.exchanges.get_mut(&circle)
            && exchange.sender.as_ref().is_none_or(|sender| sender.anchor.is_some())
        {
            exchange.sender = Some(FrontierSender::default());
            if !session.outbox.contains(&Piece::Frontier(circle)) {
                session.outbox.push_front(Piece::Frontier(circle));
            }
        }
        self.pump(transaction, peer)
    }

    /// Handles a part of the peer's frontier: the answer is queued at once, and only the differences are kept.
    pub(super) fn handle_frontier<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
        (part, is_last): (u64, bool),
        (since, near): (Option<[u8; 16]>, &[AnchoredEntry]),
        lines: Vec<FrontierEntry>,
    ) -> Result<(), StoreError> {
        if self.replica.circle(&circle).is_none() {
            return Ok(());
        }
        if !self.shares(&peer, &circle) {
            self.record_fault(transaction, peer, Fault::OutOfPlace);
            return Ok(());
        }
        self.join_exchange(peer, circle);
        let begun =
            self.sessions[&peer].exchanges[&circle].receiver.as_ref().and_then(|receiver| receiver.anchor.clone());
        let anchor = since.map(|since| match begun {
            Some((heads, root)) if root == since => Some((heads, root)),
            _ => self.agreed(&peer, &circle, since).map(|heads| (heads, since)),
        });
        let exchange = self.exchange(&peer, &circle).expect("begun above");
        if anchor.as_ref().is_some_and(Option::is_none) {
            // This node does not hold the anchor (it was restored, or never agreed): ask for the full frontier, once.
            if !std::mem::replace(&mut exchange.asked_full, true) {
                transaction.send(peer, Lane::Control, &Frame::Full(circle));
            }
            return self.pump(transaction, peer);
        }
        let anchor = anchor.flatten();
        let places = anchor.as_ref().map_or(0, |(heads, _)| heads.len() as u64);
        if near.last().is_some_and(|line| line.0 >= places) {
            self.record_fault(transaction, peer, Fault::OutOfPlace);
            return Ok(());
        }
        // A part that was received already or is out of sequence, which no lane allows: the exchange ignores it.
        let expected = exchange.receiver.as_ref().map_or(0, |receiver| receiver.parts);
        if exchange.planned || part != expected {
            return self.pump(transaction, peer);
        }
        let receiver = exchange.receiver.get_or_insert_with(|| FrontierReceiver::new(anchor));
        match receiver.part(circle, is_last, near, lines) {
            Ok(received) => self.plan(transaction, peer, circle, received)?,
            Err(OutOfOrder) => {
                self.record_fault(transaction, peer, Fault::OutOfPlace);
                return Ok(());
            }
        }
        if is_last
            && let Some(session) = self.sessions.get_mut(&peer)
            && let Some(exchange) = session.exchanges.get_mut(&circle)
        {
            exchange.planned = true;
            session.outbox.push_back(Piece::Done(circle));
        }
        self.pump(transaction, peer)
    }

    /// The anchor of a pair, if this node holds it.
    fn agreed(&self, peer: &NodeKey, circle: &CircleId, since: [u8; 16]) -> Option<Arc<Heads>> {
        let anchor = self.anchors.get(&(*peer, *circle))?;
        let epoch = self.sessions.get(peer)?.epoch?;
        let holds = (anchor.epoch == epoch || self.keeps_anchors()) && anchor.root[..16] == since;
        holds.then(|| Arc::clone(&anchor.heads))
    }

    /// Plans the answer to a part: queues what the peer lacks and records the differences.
    fn plan<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
        received: ReceivedPart,
    ) -> Result<(), StoreError> {
        let held = self.replica.circle(&circle).expect("it has an exchange");
        let (mut first, mut then, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for line in received.lines {
            let (name, feed) = ((line.0, line.1), line.feed(circle));
            match held.head(&name) {
                Some(ours) if ours.frontier_entry(&feed) == line => {}
                Some(ours) => {
                    let (before, after) = self.compare_heads(transaction, feed, ours, &line)?;
                    first.extend(before);
                    then.extend(after.into_iter().flatten());
                    differences.push((name, line));
                }
                None => differences.push((name, line)),
            }
        }
        for (after, before) in received.unlisted {
            let has_lines =
                held.heads_after(after).next().is_some_and(|(name, _)| before.is_none_or(|end| *name < end));
            then.extend(has_lines.then_some(Piece::Unlisted { circle, after, before }));
        }
        let session = self.sessions.get_mut(&peer).expect("it has an exchange");
        let exchange = session.exchanges.get_mut(&circle).expect("begun before this");
        differences.into_iter().for_each(|(name, line)| exchange.differences.note(name, Some(line)));
        first.retain(|piece| !matches!(piece, Piece::Probe { feed, .. } if !session.probing.insert(*feed)));
        session.outbox.extend(first.into_iter().chain(then));
        Ok(())
    }

    /// Queues the next feed between two names that the peer did not list: all of its entries are sent.
    pub(super) fn queue_unlisted(
        &mut self,
        peer: NodeKey,
        circle: CircleId,
        mut after: Option<FeedName>,
        before: Option<FeedName>,
    ) {
        let Some(held) = self.replica.circle(&circle) else { return };
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let Some(exchange) = session.exchanges.get_mut(&circle) else { return };
        for (name, line) in held.heads_after(after) {
            if before.is_some_and(|before| *name >= before) {
                return;
            }
            after = Some(*name);
            if exchange.receiver.as_ref().is_some_and(|receiver| receiver.is_agreed(name)) {
                continue;
            }
            exchange.differences.note(*name, None);
            let feed = FeedId { circle, key: name.0, run: name.1 };
            let range = Piece::Range { feed, next: 1, to: line.counted() };
            let proof = line.is_forked().then_some(Piece::Proof(feed));
            let pieces = [Some(range), proof, Some(Piece::Unlisted { circle, after, before })];
            pieces.into_iter().flatten().rev().for_each(|piece| session.outbox.push_front(piece));
            return;
        }
    }
}
