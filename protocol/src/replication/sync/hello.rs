//! Comparing states: OPEN, HELLO, and the rosters.

use std::sync::Arc;

use super::{
    Effect, Lane, Notice, State, Tick, Transaction,
    frame::{Blinded, FORMAT, Fault, Frame, ShortRosterState},
    session::{self, Anchor, Piece, Session},
};
use crate::{
    bytes::{
        ids::{CircleId, DatabaseEpoch, EntryId, LinkId, NodeKey, RegistryId},
        limits::HELLO_CIRCLES,
        seal,
    },
    log::feed::Mark,
    membership::charter::roster::RosterState,
    replication::replica::Held,
    store::{Store, StoreError},
};

impl State {
    pub(super) fn connected<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey) {
        let Some(org) = self.replica.members.node(&peer) else {
            transaction.effects.push(Effect::Disconnect { peer, fault: Fault::OutOfPlace });
            return;
        };
        let nonce = self.entropy.bytes();
        if self.sessions.is_empty() {
            self.authored.forget_synced();
        }
        self.sessions.insert(peer, Session::new(org, nonce, self.accepted));
        let registry = registry_tag(&self.replica.members.registry(), &nonce);
        transaction.send(peer, Lane::Control, &Frame::Open { format: FORMAT, nonce, registry, epoch: self.epoch });
    }

    pub(super) fn handle_open<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        format: u64,
        nonce: [u8; 16],
        registry: [u8; 8],
        epoch: DatabaseEpoch,
    ) {
        let ours = registry_tag(&self.replica.members.registry(), &nonce);
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.theirs.is_some() || format != FORMAT || registry != ours {
            self.sessions.remove(&peer);
            transaction.effects.push(Effect::Disconnect { peer, fault: Fault::OutOfPlace });
            return;
        }
        session.theirs = Some(nonce);
        session.epoch = Some(epoch);
        // One side asks: two crossing HELLOs would cost two more messages and bring no more information.
        let first = if self.me < peer { 0 } else { session::RETRY_MS };
        session.hello_due = Some(transaction.now.after(first));
        if first == 0 {
            self.hello(transaction, peer, false);
        }
    }

    /// Schedules a HELLO to a peer within `ms` milliseconds.
    pub(super) fn hello_within(&mut self, peer: NodeKey, now: Tick, ms: u64) {
        if let Some(session) = self.sessions.get_mut(&peer).filter(|session| session.theirs.is_some()) {
            session.idle_ms = session::IDLE_MS;
            let due = now.after(ms);
            session.hello_due = Some(session.hello_due.map_or(due, |held| held.min(due)));
        }
    }

    /// Schedules a HELLO to every peer that shares a changed circle, except the source of the change.
    pub(super) fn schedule_hello(&mut self, circle: CircleId, source: Option<NodeKey>, now: Tick) {
        let peers: Vec<_> = self.sessions.keys().copied().filter(|peer| self.shares(peer, &circle)).collect();
        for peer in peers {
            if let Some(session) = self.sessions.get_mut(&peer) {
                session.equal = false;
            }
            if source != Some(peer) {
                self.hello_within(peer, now, session::NEWS_MS);
            }
        }
    }

    pub(super) fn handle_tick<S: Store>(&mut self, transaction: &mut Transaction<'_, S>) -> Result<(), StoreError> {
        let due = |due: Option<Tick>| due.is_some_and(|due| due <= transaction.now);
        let peers: Vec<_> =
            self.sessions.iter().filter(|(_, session)| due(session.hello_due)).map(|(peer, _)| *peer).collect();
        let confirms = due(self.confirm_by);
        if self.replica.sheds() && self.shed_at <= transaction.now {
            self.replica.shed(&mut transaction.staged)?;
            self.shed_at = transaction.now.after(session::SHED_MS);
        }
        for peer in peers {
            let session = self.sessions.get_mut(&peer).expect("listed a line above");
            if session.exchanges.is_empty() && session.probing.is_empty() {
                self.hello(transaction, peer, false);
            } else {
                // An exchange ends with a comparison of its own; an unanswered bisection is given up.
                session.probing.clear();
                session.hello_due = Some(transaction.now.after(session::RETRY_MS));
            }
        }
        if confirms { self.confirm_own_feeds(transaction) } else { Ok(()) }
    }

    fn hello<S: Store>(&mut self, transaction: &mut Transaction<'_, S>, peer: NodeKey, is_reply: bool) {
        let Some(context) = self.context(&peer) else { return };
        let mut circles: Vec<_> = self.shared(&peer).map(|(_, held)| context.blind(held, &self.me)).collect();
        while circles.is_empty() || !circles.len().is_multiple_of(HELLO_CIRCLES.0) {
            circles.push(Blinded(self.entropy.bytes().into(), self.entropy.bytes().into()));
        }
        let control = context.control(&self.replica.members.control_root(), &self.me);
        let wanted = self.wanted_of(&peer).count() as u64;
        let session = self.sessions.get_mut(&peer).expect("it has a context");
        // The side that answered asks later than the side that asked, so that HELLOs do not cross.
        let wait = if is_reply { session.idle_ms + session::RETRY_MS } else { session.idle_ms };
        session.hello_due = Some(transaction.now.after(wait));
        session.idle_ms = (session.idle_ms * 2).min(session::IDLE_MS_MAX);
        transaction.send(peer, Lane::Control, &Frame::Hello { is_reply, control, circles, wanted });
    }

    pub(super) fn handle_hello<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        is_reply: bool,
        control: [u8; 16],
        theirs: &[Blinded],
        wanted: u64,
    ) -> Result<(), StoreError> {
        let Some(context) = self.context(&peer) else { return Ok(()) };
        if !is_reply {
            self.hello(transaction, peer, true);
        }
        let same_control = context.control(&self.replica.members.control_root(), &peer) == control;
        if !same_control {
            let states = self.replica.members.roster_states().map(|(org, state)| short_state(org, &state)).collect();
            transaction.send(peer, Lane::Control, &Frame::Standing(states));
        }
        let mut unequal = Vec::new();
        let mut equal = Vec::new();
        for (id, held) in self.shared(&peer) {
            let same = context.blind(held, &peer);
            // A circle whose tag the peer does not show is one that the peer does not hold (yet).
            match theirs.iter().find(|blinded| blinded.0 == same.0) {
                Some(theirs) if *theirs == same => equal.push((*id, held.root())),
                Some(theirs) => unequal.push((*id, held.root(), theirs.1.into_array())),
                None => {}
            }
        }
        let session = self.sessions.get_mut(&peer).expect("it has a context");
        session.peer_wanted = wanted;
        session.equal = same_control && unequal.is_empty();
        let agreed = session.equal;
        let epoch = session.epoch;
        for (circle, root) in equal {
            self.anchor(peer, circle, root, epoch);
            self.authored.mark_synced(circle);
        }
        for (circle, ours, theirs) in unequal {
            self.begin_exchange(transaction, peer, circle, (ours, theirs), same_control);
        }
        if agreed {
            self.own_feeds_confirmed = true;
            self.confirm_own_feeds(transaction)?;
            self.forget_delays(transaction.now);
            transaction.notice(Notice::Equal(peer));
        }
        // A difference that an exchange is about to resolve comes first; a difference that remains delays no bodies.
        if self.sessions.get(&peer).is_some_and(|session| session.exchanges.is_empty()) {
            self.request_bodies(peer);
        }
        self.pump(transaction, peer)
    }

    /// Missing bodies in circles shared with a peer.
    pub(super) fn wanted_of(&self, peer: &NodeKey) -> impl Iterator<Item = &EntryId> {
        self.replica.wanted().filter(|(_, circle)| self.shares(peer, circle)).map(|(id, _)| id)
    }

    /// Stores the anchor of a pair: the frontier that both agreed on.
    fn anchor(&mut self, peer: NodeKey, circle: CircleId, root: [u8; 32], epoch: Option<DatabaseEpoch>) {
        let (Some(epoch), Some(held)) = (epoch, self.replica.circle(&circle)) else { return };
        if self.anchors.get(&(peer, circle)).is_some_and(|anchor| anchor.root == root && anchor.epoch == epoch) {
            return;
        }
        let shared = self.anchors.values().find(|anchor| anchor.root == root).map(|anchor| anchor.heads.clone());
        let heads = shared.unwrap_or_else(|| Arc::new(held.lines().map(|(feed, head)| (*feed, *head)).collect()));
        self.anchors.insert((peer, circle), Anchor { epoch, root, heads });
    }

    /// Handles the peer's roster states: the links it lacks go first in the outbox, at the pace of bulk frames.
    pub(super) fn handle_standing<S: Store>(
        &mut self,
        transaction: &mut Transaction<'_, S>,
        peer: NodeKey,
        theirs: &[ShortRosterState],
    ) -> Result<(), StoreError> {
        let mut lacked = Vec::new();
        for (org, state) in self.replica.members.roster_states() {
            let roster = self.replica.members.roster(&org).expect("it has a state");
            let held = theirs.iter().find(|held| held.0 == org);
            let from = match held {
                Some(held) if *held == short_state(org, &state) => continue,
                // The peer's chain is longer, and it sees whether this one is part of it. A fork proof held here is
                // sent.
                Some(held) if held.1 > state.links => state.links,
                // The peer's head is part of this chain: it lacks the links after it.
                Some(held) if roster.link(held.1.saturating_sub(1)).is_some_and(|link| mark(&link.id()) == held.2) => {
                    held.1
                }
                // The chains diverge somewhere below: all links are sent, and the first link that differs is the proof.
                _ => 0,
            };
            lacked.push((org, from));
        }
        let Some(session) = self.sessions.get_mut(&peer) else { return Ok(()) };
        for (org, from) in lacked.into_iter().rev() {
            // A peer that repeats its state while links are queued gets them once.
            let waits = |piece: &Piece| matches!(piece, Piece::Links { org: waiting, .. } if *waiting == org);
            if !session.outbox.iter().any(waits) {
                session.outbox.push_front(Piece::Links { org, from });
            }
        }
        self.pump(transaction, peer)
    }

    fn context(&self, peer: &NodeKey) -> Option<Context> {
        let session = self.sessions.get(peer)?;
        let theirs = session.theirs?;
        let (low, high) = ((self.me, session.ours), (*peer, theirs));
        let (low, high) = if low.0 < high.0 { (low, high) } else { (high, low) };
        let bytes = [&low.1[..], &high.1, &low.0.0, &high.0.0].concat();
        Some(Context { registry: self.replica.members.registry(), bytes })
    }
}

fn registry_tag(registry: &RegistryId, nonce: &[u8; 16]) -> [u8; 8] {
    *seal::hash("habeas 1 registry tag", &[&registry.0, nonce]).first_chunk().expect("a hash has 32 bytes")
}

fn short_state(org: crate::bytes::ids::OrgId, state: &RosterState) -> ShortRosterState {
    ShortRosterState(org, state.links, mark(&state.head), state.frozen)
}

fn mark(link: &LinkId) -> Mark {
    Mark::of(&EntryId(link.0))
}

/// The context of blinded roots: both nonces and both keys bind a value to this connection. Roots are bound to their
/// sender, so that a peer cannot pass for equal by repeating the other's values.
struct Context {
    registry: RegistryId,
    bytes: Vec<u8>,
}

impl Context {
    fn blind(&self, held: &Held, speaker: &NodeKey) -> Blinded {
        let tag = seal::keyed(&held.secret, &[b"habeas 1 circle tag", &self.bytes]);
        let root = seal::keyed(&held.secret, &[b"habeas 1 root", &self.bytes, &speaker.0, &held.root()]);
        let first = |hash: &[u8; 32]| *hash.first_chunk::<16>().expect("a hash has 32 bytes");
        Blinded((*tag.first_chunk::<8>().expect("a hash has 32 bytes")).into(), first(&root).into())
    }

    fn control(&self, root: &[u8; 32], speaker: &NodeKey) -> [u8; 16] {
        let parts: [&[u8]; 4] = [&self.registry.0, &self.bytes, &speaker.0, root];
        let hash = seal::hash("habeas 1 blinded control root", &parts);
        *hash.first_chunk().expect("a hash has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides sent the same bytes when they were equal: a peer that held nothing could repeat what the other had
    /// sent, and passed for up to date.
    #[test]
    fn nobody_passes_for_equal_by_saying_after_us_what_we_said() {
        let context = Context { registry: RegistryId([1; 32]), bytes: vec![2; 96] };
        let said = |speaker: u8| context.control(&[3; 32], &NodeKey([speaker; 32]));
        assert_eq!(said(4), said(4));
        assert_ne!(said(4), said(5));
        let held = Held::new(crate::membership::circle::Circle::Commons, crate::bytes::seal::Secret::new([7; 32]));
        let said = |speaker: u8| context.blind(&held, &NodeKey([speaker; 32]));
        assert_eq!(said(4), said(4));
        assert_eq!(said(4).0, said(5).0, "both name the circle alike");
        assert_ne!(said(4).1, said(5).1, "each says its root as its own");
        let elsewhere = Context { registry: RegistryId([1; 32]), bytes: vec![9; 96] };
        let there = elsewhere.blind(&held, &NodeKey([4; 32]));
        assert!(there.0 != said(4).0 && there.1 != said(4).1, "on another connection both are others");
        let control = |context: &Context| context.control(&[3; 32], &NodeKey([4; 32]));
        assert_ne!(control(&elsewhere), control(&context));
    }
}
