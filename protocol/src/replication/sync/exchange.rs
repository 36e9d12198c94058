//! Reconciling a circle: FRONTIER, DONE, and the bisection that finds where two chains diverge.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use super::{
    Notice, State, Transaction,
    session::{self, BODIES_MAX, Differences, Exchange, OUTBOX_MAX, Outcome, Piece},
};
use crate::{
    bytes::{
        ids::{CircleId, EntryId, NodeKey, Prev},
        limits::{PROBE_MARKS, WANTS_IN_FLIGHT},
    },
    log::{
        entry::FeedId,
        feed::{FeedHead, FrontierEntry, Mark},
    },
    store::{Store, StoreError},
};

impl State {
    /// Starts an exchange, unless one is running or the last one ended with this same difference. `roots` are this
    /// node's root and the peer's blinded one.
    pub(super) fn begin_exchange<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
        roots: ([u8; 32], [u8; 16]),
        same_control: bool,
    ) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.exchanges.contains_key(&circle) {
            return;
        }
        let (ours, theirs) = roots;
        if let Some(outcome) = session.last_outcomes.get_mut(&circle)
            && outcome.ours == Some(ours)
            && outcome.theirs.is_none_or(|held| held == theirs)
            && session.probing.is_empty()
        {
            // If only the peer's root has changed since, the peer starts. A difference seen twice is final; different
            // rosters would explain it, and they are being sent.
            let again = outcome.theirs.replace(theirs).is_some();
            if again && same_control && !std::mem::replace(&mut outcome.reported, true) {
                let differences = outcome.differences.clone();
                let lines = self.differing(&circle, &differences);
                transaction.notice(Notice::Unequal { peer, circle, lines });
            }
            return;
        }
        session.exchanges.insert(circle, Exchange::default());
        session.outbox.push_back(Piece::Frontier(circle));
    }

    fn differing(&self, circle: &CircleId, differences: &Differences) -> Vec<FrontierEntry> {
        let Some(held) = self.replica.circle(circle) else { return vec![] };
        let ours = |name: &super::FeedName| {
            held.head(name).map(|line| line.frontier_entry(&FeedId { circle: *circle, key: name.0, run: name.1 }))
        };
        let still = differences.iter().filter(|(name, theirs)| ours(name) != **theirs);
        still.filter_map(|(name, theirs)| theirs.or_else(|| ours(name))).collect()
    }

    /// Joins an exchange that the peer started: this node's frontier goes out too.
    pub(super) fn join_exchange(&mut self, peer: NodeKey, circle: CircleId) {
        let session = self.sessions.get_mut(&peer).expect("it shares a circle");
        if let Entry::Vacant(vacant) = session.exchanges.entry(circle) {
            vacant.insert(Exchange::default());
            session.outbox.push_back(Piece::Frontier(circle));
        }
    }

    #[cfg(any(test, feature = "sim"))]
    pub(super) fn keeps_anchors(&self) -> bool {
        self.replica.planted == Some(crate::replication::replica::Planted::AnchorKeptAfterRestore)
    }

    #[cfg(not(any(test, feature = "sim")))]
    pub(super) const fn keeps_anchors(&self) -> bool {
        false
    }

    /// Compares this node's head of a feed with the peer's: entries and proofs that the peer lacks, or the range in
    /// which the chains diverge. The first piece must be sent first.
    pub(super) fn compare_heads<S: Store>(
        &self,
        transaction: &Transaction<'_, S>,
        feed: FeedId,
        ours: &FeedHead,
        theirs: &FrontierEntry,
    ) -> Result<(Option<Piece>, [Option<Piece>; 2]), StoreError> {
        // Where both count entries, the marks of the last common one must agree.
        let common = theirs.counted().min(ours.counted());
        if theirs.counted() == common
            && self.tip_at(transaction, &feed, common)?.map(|id| Mark::of(&id)) != Some(theirs.mark())
        {
            return Ok((Some(Piece::Probe { feed, low: 0, high: common }), [None, None]));
        }
        let proof = || Piece::Proof(feed);
        if theirs.counted() < ours.counted() && !theirs.is_forked() {
            let range = Piece::Range { feed, next: theirs.counted() + 1, to: ours.counted() };
            return Ok((None, [Some(range), ours.is_forked().then(proof)]));
        }
        Ok((proves_more(ours, theirs).then(proof), [None, None]))
    }

    /// Id of the counted entry at a number; of the certificate at 0.
    fn tip_at<S: Store>(
        &self,
        transaction: &Transaction<'_, S>,
        feed: &FeedId,
        seq: u64,
    ) -> Result<Option<Prev>, StoreError> {
        let line = self.replica.head(feed);
        match line {
            Some(line) if line.counted() == seq => Ok(Some(line.tip())),
            _ if seq == 0 => Ok(self.replica.members.role(&feed.key).map(|role| role.certificate)),
            _ => Ok(self.replica.entry(&transaction.staged, feed, seq)?.map(|entry| entry.id())),
        }
    }

    pub(super) fn handle_done<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
    ) -> Result<(), StoreError> {
        if let Some(exchange) = self.exchange(&peer, &circle) {
            exchange.done_got = true;
        }
        self.close_exchange(transaction, peer, circle)
    }

    pub(super) fn exchange(&mut self, peer: &NodeKey, circle: &CircleId) -> Option<&mut Exchange> {
        self.sessions.get_mut(peer)?.exchanges.get_mut(circle)
    }

    /// Ends an exchange when both sides have sent everything; one of them compares again.
    pub(super) fn close_exchange<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        circle: CircleId,
    ) -> Result<(), StoreError> {
        let me = self.me;
        let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
        if !session.exchanges.get(&circle).is_some_and(|exchange| exchange.done_sent && exchange.done_got) {
            return Ok(());
        }
        let Exchange { ours, differences, outdated, .. } =
            session.exchanges.remove(&circle).expect("looked up a line above");
        let left_out = self.left_out(&peer, &circle, transaction.now);
        let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
        if !outdated && left_out.is_none() {
            session.last_outcomes.insert(circle, Outcome { ours, theirs: None, differences, reported: false });
        }
        let (is_last, confirms) = (session.exchanges.is_empty(), session.probing.is_empty());
        let confirms = is_last && confirms;
        // Everything that this peer holds of this node's own feeds has come before its last DONE.
        if is_last {
            self.confirm_own_feeds(transaction)?;
        }
        let wait = left_out.unwrap_or(if me < peer && confirms { 0 } else { session::RETRY_MS });
        self.hello_within(peer, transaction.now, wait);
        Ok(())
    }

    /// Starts a bisection: the chains diverge somewhere in (low, high].
    pub(super) fn start_probe<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        feed: FeedId,
        low: u64,
        high: u64,
    ) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
        if session.probing.insert(feed) {
            session.outbox.push_front(Piece::Probe { feed, low, high });
        }
        self.pump(transaction, peer)
    }

    /// Marks of this node's chain: up to sixteen numbers, evenly down from `high`, above `low`.
    pub(super) fn marks<S: Store>(
        &self,
        transaction: &Transaction<'_, S>,
        feed: &FeedId,
        low: u64,
        high: u64,
    ) -> Result<Vec<(u64, Mark)>, StoreError> {
        let high = high.min(self.replica.head(feed).map_or(0, FeedHead::counted));
        let span = high.saturating_sub(low);
        let count = span.min(PROBE_MARKS.0 as u64);
        let mut marks = Vec::new();
        for nth in 1..=count {
            let seq = low + span * nth / count;
            if let Some(id) = self.tip_at(transaction, feed, seq)? {
                marks.push((seq, Mark::of(&id)));
            }
        }
        Ok(marks)
    }

    /// Handles a peer's marks: answers with a narrower range, or with the header at the first difference.
    pub(super) fn handle_probe<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        feed: FeedId,
        marks: &[(u64, Mark)],
    ) -> Result<(), StoreError> {
        if !self.shares(&peer, &feed.circle) {
            return Ok(());
        }
        let counted = self.replica.head(&feed).map_or(0, FeedHead::counted);
        let (mut low, mut high) = (0, None);
        for (seq, mark) in marks.iter().filter(|(seq, _)| *seq <= counted) {
            if self.tip_at(transaction, &feed, *seq)?.map(|id| Mark::of(&id)) == Some(*mark) {
                low = *seq;
            } else {
                high = Some(*seq);
                break;
            }
        }
        // This node's chain is shorter than the first difference: the fork may lie directly above it.
        let Some(high) = high else {
            self.end_probe(peer, &feed);
            return Ok(());
        };
        let session = self.sessions.get_mut(&peer).expect("it shares a circle");
        if session.outbox.len() >= OUTBOX_MAX {
            return Ok(());
        }
        session.probing.insert(feed);
        if high == low + 1 {
            // The parents are equal and the headers differ: this node sends its header as evidence, and the peer's
            // comes back.
            session.outbox.push_front(Piece::Range { feed, next: high, to: high });
        } else {
            session.outbox.push_front(Piece::Probe { feed, low, high });
        }
        self.pump(transaction, peer)
    }

    /// Ends a bisection.
    pub(super) fn end_probe(&mut self, peer: NodeKey, feed: &FeedId) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.probing.remove(feed);
        }
    }

    /// Handles a proven fork: the peer that caused the proof gets both headers, and every other peer compares.
    pub(super) fn prove<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        feed: FeedId,
    ) -> Result<(), StoreError> {
        self.end_probe(peer, &feed);
        if let Some(session) = self.sessions.get_mut(&peer)
            && session.outbox.len() < OUTBOX_MAX
            && !session.outbox.contains(&Piece::Proof(feed))
        {
            session.outbox.push_front(Piece::Proof(feed));
        }
        self.hello_within(peer, transaction.now, session::NEWS_MS);
        self.pump(transaction, peer)
    }

    /// Requests missing bodies, once per connection and change.
    pub(super) fn request_bodies(&mut self, peer: NodeKey) {
        let missing: Vec<EntryId> = {
            let Some(session) = self.sessions.get(&peer) else { return };
            let unasked = self.wanted_of(&peer).filter(|id| !session.asked.contains(id));
            unasked.take(WANTS_IN_FLIGHT.0).copied().collect()
        };
        let session = self.sessions.get_mut(&peer).expect("looked up above");
        if !missing.is_empty() {
            session.asked.extend(missing.iter().copied());
            session.outbox.push_back(Piece::Want(missing));
        }
    }

    /// Handles a WANT: queues the requested bodies that are here, in circles shared with the peer.
    pub(super) fn handle_want<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        ids: &[EntryId],
    ) -> Result<(), StoreError> {
        let Some(session) = self.sessions.get(&peer) else { return Ok(()) };
        let waiting = session.outbox.iter().map(|piece| if let Piece::Bodies(ids) = piece { ids.len() } else { 0 });
        if session.outbox.len() >= OUTBOX_MAX || waiting.sum::<usize>() >= BODIES_MAX {
            return Ok(());
        }
        let (mut bodies, mut pending_wants) = (VecDeque::new(), Vec::new());
        for id in ids {
            let place = self.replica.place(&transaction.staged, id)?;
            match place {
                Some((feed, _)) if !self.shares(&peer, &feed.circle) => {}
                Some((feed, seq)) if !self.replica.lacks(&feed, seq) => bodies.push_back(*id),
                _ => pending_wants.push(*id),
            }
        }
        let session = self.sessions.get_mut(&peer).expect("looked up above");
        pending_wants.truncate(WANTS_IN_FLIGHT.0.saturating_sub(session.pending_wants.len()));
        session.pending_wants.extend(pending_wants);
        session.outbox.extend((!bodies.is_empty()).then_some(Piece::Bodies(bodies)));
        self.pump(transaction, peer)
    }

    /// Sends bodies that arrived to the peers that wanted them.
    pub(super) fn serve_wants<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        ids: &[EntryId],
    ) -> Result<(), StoreError> {
        let mut due: BTreeMap<NodeKey, VecDeque<EntryId>> = BTreeMap::new();
        for id in ids {
            let Some((feed, _)) = self.replica.place(&transaction.staged, id)? else { continue };
            for (peer, session) in &self.sessions {
                if session.pending_wants.contains(id) && self.shares(peer, &feed.circle) {
                    due.entry(*peer).or_default().push_back(*id);
                }
            }
        }
        for (peer, bodies) in due {
            let session = self.sessions.get_mut(&peer).expect("listed above");
            bodies.iter().for_each(|id| _ = session.pending_wants.remove(id));
            session.outbox.push_back(Piece::Bodies(bodies));
            self.pump(transaction, peer)?;
        }
        Ok(())
    }
}

/// Whether this node's head reports a fork that the peer's does not.
fn proves_more(ours: &FeedHead, theirs: &FrontierEntry) -> bool {
    match ours {
        FeedHead::Forked { at, .. } => !theirs.is_forked() || *at < theirs.2,
        FeedHead::Open { .. } => false,
    }
}
