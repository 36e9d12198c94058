//! Notices of the core: they answer waiting requests and raise alarms.

use protocol::{
    app::{
        control::{Problem, codes},
        workspace::{ShareQueue, locked},
    },
    bytes::ids::CircleId,
    replication::sync::{Notice, Refusal},
};

use super::Joined;
use crate::runtime::utc_now;

impl Joined {
    /// Drops everything that rests on entries of a circle which no longer count.
    fn evaluate_again(&mut self, circle: CircleId) {
        self.cache.make_again(circle);
        self.sweep_again();
    }

    /// Handles a notice of a step that is durable.
    pub(super) async fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Saved { token, entries } => {
                self.cache.queue.ended(token);
                self.saved(token, entries);
            }
            Notice::Refused { token, refusal } => {
                if self.cache.queue.ended(token) {
                    self.cache.queue = ShareQueue::default();
                    self.alarm(refused(refusal));
                }
                self.imports.refused(token, &refused(refusal));
                if let Some((_, Some(reply))) = self.pending.remove(&token) {
                    reply.answer(Err(refused(refusal)));
                }
            }
            // Arrived entries were read with the batch that accepted them.
            Notice::Arrived(_) => {}
            Notice::Forked { feed, at, org } => {
                self.evaluate_again(feed.circle);
                let known = org.and_then(|org| self.founding.members.call_sign(&org));
                let who = known.unwrap_or("an unknown key");
                tracing::warn!(?feed, at, "a feed forked");
                let message = format!("a key of {who} wrote two different entries with number {at}; neither counts");
                let problem = Problem::new(codes::FORK, message);
                self.alarm(match known {
                    Some(known) => problem.saying("key").with("organisation", known).with("number", at),
                    None => problem,
                });
            }
            Notice::Crowded(org) => {
                let who = self.founding.members.call_sign(&org).unwrap_or("an unknown organisation").to_owned();
                let message = format!("{who} opened more circles than one organisation may; the last is not held");
                self.alarm(Problem::new(codes::CROWDED, message).saying("organisation").with("organisation", who));
            }
            Notice::Overrun { feed, org } => {
                // If a feed was displaced, its entries no longer count.
                self.evaluate_again(feed.circle);
                let known = org.and_then(|org| self.founding.members.call_sign(&org));
                let who = known.unwrap_or("an unknown key");
                tracing::warn!(?feed, "a key began anew more often than counts");
                let message =
                    format!("a key of {who} began anew more often than counts; what is beyond does not count");
                let problem = Problem::new(codes::OVERRUN, message);
                self.alarm(match known {
                    Some(known) => problem.saying("organisation").with("organisation", known),
                    None => problem,
                });
            }
            Notice::Elsewhere(feed) => {
                tracing::warn!(?feed, "the own key wrote elsewhere");
                let message = "something was written with this device's key that this folder does not know";
                self.alarm(Problem::new(codes::ELSEWHERE, message));
            }
            Notice::Struck { peer, fault } => {
                tracing::warn!(?peer, ?fault, "a peer sent what no honest node sends");
                self.tally.struck(fault);
                let name = self.name(&peer);
                let problem = Problem::new(codes::PEER_FAULT, format!("{name}: {fault:?}"));
                self.alarm(problem.saying("peer").with("peer", name));
            }
            // Differences that the lack of room causes raise no alarm of their own.
            Notice::Unequal { .. } if self.is_short() => {}
            Notice::Unequal { peer, circle, lines } => {
                tracing::warn!(?peer, ?circle, lines = lines.len(), "something still differs");
                let name = self.name(&peer);
                let message = format!("{name}: {} feeds still differ after everything was exchanged", lines.len());
                let problem = Problem::new(codes::UNEQUAL, message).saying("peer");
                self.alarm(problem.with("peer", name).with("count", lines.len()));
            }
            Notice::Delayed(org) => {
                let known = self.founding.members.call_sign(&org).unwrap_or("an unknown key").to_owned();
                tracing::warn!(key = ?org, "an organisation writes more than is taken at a time");
                let message = format!("{known} writes more than is taken at a time; the rest is taken later");
                let problem = Problem::new(codes::DELAYED, message).saying("organisation");
                self.alarm(problem.with("organisation", known));
            }
            Notice::Equal(peer) => {
                if self.state.delayed(self.now()).next().is_none() {
                    self.settle_delayed();
                }
                self.equal_at.insert(peer, utc_now());
                let name = self.name(&peer);
                self.settle_unequal(&name);
            }
            Notice::Members => {
                self.cache.names = self.cache.names.of_members(self.state.replica().members.organisations());
                self.allow().await;
            }
            Notice::Circle(circle) => tracing::info!(?circle, "a circle is held"),
            Notice::Keys(_) => {
                if let Err(error) = self.read_unread() {
                    Box::pin(self.fail(&error)).await;
                }
            }
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Locked => locked(),
        Refusal::Overrun => Problem::new(
            codes::BEGAN_ANEW,
            "this device began anew as often as counts: what it writes now would not count",
        ),
        Refusal::TooLarge => Problem::new(codes::TOO_LARGE, "this is larger than one entry may be"),
        Refusal::NoCircle | Refusal::NoEpoch | Refusal::NotAllowed => {
            Problem::new(codes::LEVEL, format!("this device may not write there: {refusal}")).saying("device")
        }
    }
}
