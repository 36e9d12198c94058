//! The network between machines: wires with three ordered lanes, latency, cuts, and partitions.
//!
//! A wire is a TCP connection with Noise on it: each lane keeps its order, lanes overtake each other, and frames in
//! flight are lost when it is cut. A *relayed* wire also repeats and reorders whole frames, which no real one does:
//! over it honest nodes must stay sound and agree afterwards; that they do not strike each other (I3) is required on
//! other wires only.

use std::collections::BTreeMap;

use super::{
    dice::Dice,
    events::{Event, Moment, Queue},
};
use crate::replication::sync::{Lane, frame::Frame};

#[derive(Debug)]
pub(super) struct Wire {
    pub(super) ends: (usize, usize),
    pub(super) relayed: bool,
    latest: BTreeMap<(usize, Lane), Moment>,
}

#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) wires: BTreeMap<u64, Wire>,
    made: u64,
    /// Partition of each party; the first one if absent.
    pub(super) parts: BTreeMap<usize, u64>,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// Frames sent earlier on some wire, which a vandal may repeat.
    pub(super) heard: Vec<Vec<u8>>,
}

/// Number of frames that a vandal remembers.
const HEARD: usize = 32;

impl Network {
    /// Connects two machines by a wire.
    pub(super) fn connect(&mut self, a: usize, b: usize, relayed: bool) -> u64 {
        self.made += 1;
        self.wires.insert(self.made, Wire { ends: (a, b), relayed, latest: BTreeMap::new() });
        self.made
    }

    /// Cuts a wire: frames in flight are lost, and each end notices after a delay of its own.
    pub(super) fn cut(&mut self, wire: u64, now: Moment, dice: &mut Dice, queue: &mut Queue) {
        if let Some(Wire { ends: (a, b), .. }) = self.wires.remove(&wire) {
            for at in [a, b] {
                queue.push(now + dice.below(3_000), Event::Lost { wire, at });
            }
        }
    }

    pub(super) fn are_apart(&self, a: usize, b: usize) -> bool {
        let part = |party| self.parts.get(&party).copied().unwrap_or_default();
        part(a) != part(b)
    }

    /// Sends a frame; a bulk frame is written some time before it arrives.
    pub(super) fn send(
        &mut self,
        (wire, from, to, lane): (u64, usize, usize, Lane),
        frame: Vec<u8>,
        now: Moment,
        dice: &mut Dice,
        queue: &mut Queue,
    ) {
        self.frames += 1;
        self.bytes += frame.len() as u64;
        if dice.chance(10) {
            if self.heard.len() < HEARD {
                self.heard.push(frame.clone())
            } else {
                self.heard[dice.index(HEARD)] = frame.clone()
            }
        }
        if lane == Lane::Bulk {
            queue.push(now + dice.below(40), Event::Written { wire, at: from, to });
        }
        let Some(found) = self.wires.get_mut(&wire) else { return };
        let slow = if dice.chance(3) { 5_000 } else { 150 };
        let latency = 1 + dice.below(slow);
        if found.relayed && dice.chance(30) {
            for _ in 0..dice.between(1, 2) {
                queue.push(now + 1 + dice.below(9_000), Event::Deliver { wire, from, to, frame: frame.clone() });
            }
            return;
        }
        let latest = found.latest.entry((to, lane)).or_default();
        *latest = (*latest).max(now + latency);
        queue.push(*latest, Event::Deliver { wire, from, to, frame });
    }
}

/// Describes a frame in one line, for replaying a failure.
pub(super) fn describe(bytes: &[u8]) -> String {
    match Frame::decode(bytes) {
        Ok(Frame::Entries(items)) => {
            let item = |(envelope, body): &(Vec<u8>, Option<Vec<u8>>)| match crate::log::entry::Signed::parse(envelope)
            {
                Ok(signed) => {
                    let header = signed.claimed();
                    let bare = if body.is_some() { "" } else { " without body" };
                    format!("{:?}/{:?}/{}{bare}", header.feed.key, header.feed.run, header.seq)
                }
                Err(error) => error.to_string(),
            };
            format!("ENTRIES {}", items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Ok(Frame::Frontier { circle, part, is_last, since, near, lines }) => {
            let line =
                |line: &crate::log::feed::FrontierEntry| format!("{:?}/{:?}/{}{:?}", line.0, line.1, line.2, line.4);
            let near = near.iter().map(|line| format!("{}:{}{:?}", line.0, line.1, line.3));
            let lines: Vec<_> = near.chain(lines.iter().map(line)).collect();
            format!("FRONTIER {circle:?} part {part} last {is_last} since {} {}", since.is_some(), lines.join(", "))
        }
        Ok(Frame::Hello { is_reply, wanted, .. }) => format!("HELLO reply {is_reply} wanted {wanted}"),
        Ok(Frame::Links(links)) => format!("LINKS {}", links.len()),
        Ok(Frame::Open { .. }) => "OPEN".to_owned(),
        Ok(frame) => format!("{frame:?}"),
        Err(_) => format!("{} bytes of garbage", bytes.len()),
    }
}
