//! Frontiers: the lines of a circle, told and heard a part at a time.
//!
//! Lines go in the order of their names: first those of feeds that the pair's anchor has another line of, by their places
//! there, then those of all other feeds. So each part is weighed when it comes, and what is left out before a line is known
//! to be left out: neither side ever holds a whole frontier, however many lines one has. Parts leave like everything on the
//! bulk lane, when there is room.

use std::{
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use super::{
    FeedName, Lane, State, Turn,
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

/// How far our lines were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling {
    /// What the pair agreed on when the first part left.
    anchor: Option<Anchor>,
    /// Parts told.
    parts: u64,
    /// Lines of the anchor that were passed, and the name of the last one.
    places: u64,
    passed: Option<FeedName>,
    /// The last whole line that was told.
    whole: Option<FeedName>,
}

/// How far a peer's lines were heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Hearing {
    /// What the first part referred to.
    anchor: Option<(Arc<Heads>, [u8; 16])>,
    /// Parts heard.
    parts: u64,
    /// Lines of the anchor that were passed, and the name of the last one.
    places: u64,
    passed: Option<FeedName>,
    /// The last whole line that was heard.
    whole: Option<FeedName>,
}

/// What a part says: lines of the peer, said or left out because they stand as agreed; and stretches of names in which
/// it has no lines.
#[derive(Default)]
struct Heard {
    lines: Vec<FrontierEntry>,
    untold: Vec<(Option<FeedName>, Option<FeedName>)>,
}

/// A part that no honest node tells: out of order, or a place beyond what was agreed on.
struct Unsound;

impl Telling {
    /// The next part, and whether it is the last one.
    fn part(&mut self, held: &Held, circle: CircleId) -> (Vec<AnchoredEntry>, Vec<FrontierEntry>, bool) {
        let short =
            |name: &FeedName, line: &FeedHead| line.frontier_entry(&FeedId { circle, key: name.0, run: name.1 });
        let (mut near, mut lines) = (Vec::new(), Vec::new());
        let (agreed, passed) = (self.anchor.as_ref().map(|anchor| &*anchor.heads), self.passed);
        for (name, there) in agreed.into_iter().flat_map(|agreed| after(agreed, passed)) {
            if near.len() == FRONTIER_LINES.0 {
                return (near, lines, false);
            }
            let line = held.head(name).filter(|line| *line != there);
            near.extend(line.map(|line| AnchoredEntry::of(self.places, &short(name, line))));
            (self.places, self.passed) = (self.places + 1, Some(*name));
        }
        for (name, line) in held.heads_after(self.whole) {
            if near.len() + lines.len() == FRONTIER_LINES.0 {
                return (near, lines, false);
            }
            if agreed.is_none_or(|agreed| !agreed.contains_key(name)) {
                lines.push(short(name, line));
            }
            self.whole = Some(*name);
        }
        (near, lines, true)
    }
}

impl Hearing {
    fn new(anchor: Option<(Arc<Heads>, [u8; 16])>) -> Self {
        Self { anchor, ..Self::default() }
    }

    fn part(
        &mut self,
        circle: CircleId,
        is_last: bool,
        near: &[AnchoredEntry],
        lines: Vec<FrontierEntry>,
    ) -> Result<Heard, Unsound> {
        let mut heard = Heard::default();
        let anchor = self.anchor.as_ref().map(|(heads, _)| Arc::clone(heads));
        if let Some(agreed) = anchor {
            let short =
                |name: &FeedName, line: &FeedHead| line.frontier_entry(&FeedId { circle, key: name.0, run: name.1 });
            let (mut passing, mut told) = (after(&agreed, self.passed), near.iter().peekable());
            // What stands between the places told stands as agreed; after the first whole line, so does all the rest.
            while let Some(place) =
                told.peek().map(|line| line.0).or((is_last || !lines.is_empty()).then_some(u64::MAX))
            {
                if place < self.places {
                    return Err(Unsound);
                }
                let Some((name, line)) = passing.next() else { break };
                heard.lines.push(match told.next_if(|line| line.0 == self.places) {
                    Some(line) => line.named(*name),
                    None => short(name, line),
                });
                (self.places, self.passed) = (self.places + 1, Some(*name));
            }
            if told.peek().is_some() {
                return Err(Unsound);
            }
        }
        for line in lines {
            let name = (line.0, line.1);
            if self.whole.is_some_and(|whole| name <= whole) {
                return Err(Unsound);
            }
            heard.untold.push((self.whole, Some(name)));
            heard.lines.push(line);
            self.whole = Some(name);
        }
        heard.untold.extend(is_last.then_some((self.whole, None)));
        self.parts += 1;
        Ok(heard)
    }

    /// Whether the peer's lines of this feed are told by what was agreed on.
    fn is_agreed(&self, name: &FeedName) -> bool {
        self.anchor.as_ref().is_some_and(|(heads, _)| heads.contains_key(name))
    }
}

fn after(heads: &Heads, name: Option<FeedName>) -> impl Iterator<Item = (&FeedName, &FeedHead)> {
    heads.range((name.map_or(Unbounded, Excluded), Unbounded))
}

impl State {
    /// Sends the next part of our lines of a circle.
    pub(super) fn send_frontier<S: Store>(&mut self, turn: &mut Turn<'_, S>, peer: NodeKey, circle: CircleId) {
        let keeps = self.keeps_anchors();
        let Some(held) = self.replica.circle(&circle) else { return };
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let Some(exchange) = session.exchanges.get_mut(&circle) else { return };
        let telling = exchange.telling.get_or_insert_with(|| {
            let anchor = self.anchors.get(&(peer, circle));
            let anchor = anchor.filter(|anchor| keeps || Some(anchor.epoch) == session.epoch);
            Telling { anchor: anchor.cloned(), ..Telling::default() }
        });
        exchange.ours.get_or_insert_with(|| held.root());
        let part = telling.parts;
        let (near, lines, is_last) = telling.part(held, circle);
        telling.parts += 1;
        let since = telling.anchor.as_ref().map(|anchor| *anchor.root.first_chunk().expect("a root has 32 bytes"));
        if !is_last {
            session.outbox.push_front(Piece::Frontier(circle));
        }
        self.send_bulk(turn, peer, &Frame::Frontier { circle, part, is_last, since, near, lines });
    }

    /// The peer asks for all lines: it does not hold what ours referred to.
    pub(super) fn full<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        peer: NodeKey,
        circle: CircleId,
    ) -> Result<(), StoreError> {
        self.anchors.remove(&(peer, circle));
        if let Some(session) = self.sessions.get_mut(&peer)
            && let Some(exchange) = session.exchanges.get_mut(&circle)
            && exchange.telling.as_ref().is_none_or(|telling| telling.anchor.is_some())
        {
            exchange.telling = Some(Telling::default());
            if !session.outbox.contains(&Piece::Frontier(circle)) {
                session.outbox.push_front(Piece::Frontier(circle));
            }
        }
        self.pump(turn, peer)
    }

    /// A part of the peer's lines: what follows from it goes out at once, and nothing of it is kept but what differs.
    pub(super) fn frontier<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
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
            self.strike(turn, peer, Fault::OutOfPlace);
            return Ok(());
        }
        self.begin_forced(peer, circle);
        let begun = self.sessions[&peer].exchanges[&circle].hearing.as_ref().and_then(|hearing| hearing.anchor.clone());
        let anchor = since.map(|since| match begun {
            Some((heads, root)) if root == since => Some((heads, root)),
            _ => self.agreed(&peer, &circle, since).map(|heads| (heads, since)),
        });
        let exchange = self.exchange(&peer, &circle).expect("begun above");
        if anchor.as_ref().is_some_and(Option::is_none) {
            // We do not hold what this refers to (we were restored, or never agreed): ask for all of it, once.
            if !std::mem::replace(&mut exchange.asked_full, true) {
                turn.send(peer, Lane::Control, &Frame::Full(circle));
            }
            return self.pump(turn, peer);
        }
        let anchor = anchor.flatten();
        let places = anchor.as_ref().map_or(0, |(heads, _)| heads.len() as u64);
        if near.last().is_some_and(|line| line.0 >= places) {
            self.strike(turn, peer, Fault::OutOfPlace);
            return Ok(());
        }
        // A part that was heard already, or overtook another, which no lane allows: the exchange does without it.
        let expected = exchange.hearing.as_ref().map_or(0, |hearing| hearing.parts);
        if exchange.planned || part != expected {
            return self.pump(turn, peer);
        }
        let hearing = exchange.hearing.get_or_insert_with(|| Hearing::new(anchor));
        match hearing.part(circle, is_last, near, lines) {
            Ok(heard) => self.plan(turn, peer, circle, heard)?,
            Err(Unsound) => {
                self.strike(turn, peer, Fault::OutOfPlace);
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
        self.pump(turn, peer)
    }

    /// What a pair agreed on, if we hold it.
    fn agreed(&self, peer: &NodeKey, circle: &CircleId, since: [u8; 16]) -> Option<Arc<Heads>> {
        let anchor = self.anchors.get(&(*peer, *circle))?;
        let epoch = self.sessions.get(peer)?.epoch?;
        let holds = (anchor.epoch == epoch || self.keeps_anchors()) && anchor.root[..16] == since;
        holds.then(|| Arc::clone(&anchor.heads))
    }

    /// What does the peer lack, and where do we differ?
    fn plan<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        peer: NodeKey,
        circle: CircleId,
        heard: Heard,
    ) -> Result<(), StoreError> {
        let held = self.replica.circle(&circle).expect("it has an exchange");
        let (mut first, mut then, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        for line in heard.lines {
            let (name, feed) = ((line.0, line.1), line.feed(circle));
            match held.head(&name) {
                Some(ours) if ours.frontier_entry(&feed) == line => {}
                Some(ours) => {
                    let (before, after) = self.weigh(turn, feed, ours, &line)?;
                    first.extend(before);
                    then.extend(after.into_iter().flatten());
                    apart.push((name, line));
                }
                None => apart.push((name, line)),
            }
        }
        for (after, before) in heard.untold {
            let has_lines =
                held.heads_after(after).next().is_some_and(|(name, _)| before.is_none_or(|end| *name < end));
            then.extend(has_lines.then_some(Piece::Untold { circle, after, before }));
        }
        let session = self.sessions.get_mut(&peer).expect("it has an exchange");
        let exchange = session.exchanges.get_mut(&circle).expect("begun before this");
        apart.into_iter().for_each(|(name, line)| exchange.apart.note(name, Some(line)));
        first.retain(|piece| !matches!(piece, Piece::Probe { feed, .. } if !session.probing.insert(*feed)));
        session.outbox.extend(first.into_iter().chain(then));
        Ok(())
    }

    /// The next feed between two names of which the peer told nothing: all of it goes.
    pub(super) fn unroll(
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
            if exchange.hearing.as_ref().is_some_and(|hearing| hearing.is_agreed(name)) {
                continue;
            }
            exchange.apart.note(*name, None);
            let feed = FeedId { circle, key: name.0, run: name.1 };
            let range = Piece::Range { feed, next: 1, to: line.counted() };
            let proof = line.is_forked().then_some(Piece::Proof(feed));
            let pieces = [Some(range), proof, Some(Piece::Untold { circle, after, before })];
            pieces.into_iter().flatten().rev().for_each(|piece| session.outbox.push_front(piece));
            return;
        }
    }
}
