//! A machine: a core, a disk that survives it, a clock of its own, and its view of connections.

use std::collections::BTreeMap;

use super::{adversary::Conduct, dice::Dice, events::Moment, invariants::Watch, people::Memories, view::View};
use crate::{
    bytes::{
        cose::Signer,
        ids::{DatabaseEpoch, DeviceId, FeedKey, NodeKey, OrgId},
        seal::{ReadingSecret, Secret},
    },
    membership::{
        charter::{
            Members,
            roster::{Device, DeviceKeys, Purpose},
        },
        circle::{Circle, grant::Opening},
    },
    replication::{
        planted::Planted,
        replica::Bounds,
        sync::{Pens, Start, State, Tick, epochs, runs},
    },
    store::{Memory, StoreError},
};

/// The private keys of a device.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) author: Signer,
    pub(super) desk: Signer,
    pub(super) reading: ReadingSecret,
    pub(super) device: Device,
    pub(super) signers: DeviceKeys,
}

impl Keys {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let mut signer = || Signer::new(&Secret::new(dice.bytes()));
        let (author, desk) = (signer(), signer());
        let signers = DeviceKeys {
            author: author.clone(),
            desk: desk.clone(),
            node: signer(),
            ballot: signer(),
            receipt: signer(),
        };
        let reading = ReadingSecret(Secret::new(dice.bytes()));
        let device = Device::new(&OrgId([0; 32]), DeviceId(dice.bytes()), &signers, reading.public());
        Self { author, desk, reading, device, signers }
    }

    /// The device, certified for this organisation.
    pub(super) fn serving(&self, org: &OrgId) -> Device {
        Device::new(org, self.device.id, &self.signers, self.reading.public())
    }

    pub(super) fn pens(&self) -> Pens {
        Pens { author: self.author.clone(), desk: self.desk.clone(), reading: self.reading.clone() }
    }

    pub(super) fn pen(&self, circle: &Circle) -> &Signer {
        if circle.writing_purpose() == Purpose::Author { &self.author } else { &self.desk }
    }

    pub(super) fn feed_keys(&self) -> [FeedKey; 2] {
        [self.device.author, self.device.desk]
    }
}

/// A machine's clock, with any start and a rate of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) offset: u64,
    pub(super) percent: u64,
    /// Error of the machine's calendar, in seconds.
    pub(super) skew: i64,
}

impl Clock {
    pub(super) fn tick(&self, now: Moment) -> Tick {
        Tick(self.offset + now * self.percent / 100)
    }

    /// The first moment at which [`Self::tick`] is at least `due`.
    pub(super) fn moment(&self, due: Tick) -> Moment {
        (due.0.saturating_sub(self.offset) * 100).div_ceil(self.percent)
    }

    /// The time that people at this machine claim, in seconds.
    pub(super) fn claimed(&self, now: Moment) -> u64 {
        (1_800_000_000 + now / 1000).saturating_add_signed(self.skew)
    }
}

/// A connection from this machine's point of view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) machine: usize,
    pub(super) wire: u64,
}

#[derive(Debug)]
pub(super) struct Machine {
    /// The node that the machine belongs to; a forker's faces are several machines of one party.
    pub(super) party: usize,
    pub(super) org: OrgId,
    pub(super) keys: Keys,
    pub(super) network_key: Secret,
    /// The members of the registry file.
    pub(super) founding: Option<Members>,
    pub(super) openings: Vec<Opening>,
    pub(super) conduct: Conduct,
    pub(super) clock: Clock,
    pub(super) disk: Memory,
    pub(super) backup: Option<Memory>,
    /// The core; `None` while switched off.
    pub(super) state: Option<State>,
    pub(super) sessions: BTreeMap<NodeKey, Session>,
    pub(super) wake: Option<Moment>,
    pub(super) view: View,
    pub(super) memories: Memories,
    pub(super) watch: Watch,
    /// Whether the machine's certificate no longer counts, since its organisation's root signed twice.
    pub(super) uncertified: bool,
    pub(super) restores: usize,
}

impl Machine {
    pub(super) fn name(&self) -> NodeKey {
        self.keys.device.node
    }

    /// Whether the machine is honest and certified.
    pub(super) fn is_honest(&self) -> bool {
        self.conduct == Conduct::Honest && !self.uncertified
    }

    /// Starts the core from the disk.
    pub(super) fn start(
        &mut self,
        dice: &mut Dice,
        (planted, bounds): (Option<Planted>, Bounds),
    ) -> Result<(), StoreError> {
        let founding = self.founding.clone().expect("only machines with a registry file are started");
        let start = Start {
            me: self.name(),
            org: self.org,
            epoch: DatabaseEpoch(dice.bytes()),
            members: founding.load(&self.disk)?,
            runs: runs(&self.disk, &self.keys.feed_keys())?,
            seed: dice.bytes(),
        };
        let mut state = State::load(start, &self.disk)?;
        state.unlock(self.keys.pens(), epochs(&self.disk)?);
        state.replica_mut().planted = planted;
        state.replica_mut().set_bounds(bounds);
        self.view = View::rebuild(&state, &self.disk)?;
        self.state = Some(state);
        Ok(())
    }

    /// The session with a peer.
    pub(super) fn session(&self, name: &NodeKey) -> Option<Session> {
        self.sessions.get(name).copied()
    }
}
