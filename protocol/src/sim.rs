//! The simulator: a federation in one process, on virtual time, from a seed.
//!
//! Seven nodes of three to five organisations write into their own circles, named circles and the commons while wires are
//! cut, the network falls apart for up to thirty days, power fails between any two effects, one node is restored from a
//! backup, one forks its feeds, one strips bodies or vandalises or swarms, one joins late, and no two clocks agree. Then it heals,
//! and the invariants below must hold. Frames pass as bytes through [`crate::replication::sync::frame::receive`]; the driver
//! keeps the contract of [`crate::replication::sync::Step`] and no other.

#[cfg(test)]
mod acceptance;
mod adversary;
#[cfg(test)]
mod budgets;
mod dice;
mod events;
mod federation;
mod invariants;
mod machine;
mod network;
mod script;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tests;
mod view;
mod world;

use std::fmt;

use crate::replication::{planted::Planted, replica::Bounds};
pub use invariants::Invariant;
pub use world::World;

/// What is to happen, apart from chance.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Nodes, at least 3.
    pub nodes: usize,
    /// Writes while it is rough; each makes one to three entries.
    pub writes: u64,
    /// Wires are cut, the network splits, power fails.
    pub breaks: bool,
    /// Of ten thousand turns of a node, how many end in a power cut.
    pub crashes_per_10_000: u64,
    /// Of a hundred wires, how many repeat and reorder frames while it is rough.
    pub relayed_percent: u64,
    /// One node is restored from a backup.
    pub restores: bool,
    /// A forker, and a vandal or a stripper, take part.
    pub mischief: bool,
    /// The last node joins late.
    pub joins: bool,
    /// It is rough for days, not minutes.
    pub days: bool,
    /// Machine images rolled back unnoticed.
    pub rollbacks: u64,
    /// Steps after which the run counts as endless.
    pub steps_max: u64,
    /// How many of the last happenings a failure tells.
    pub trail: usize,
    /// A mistake planted in every node.
    pub planted: Option<Planted>,
    /// Newly written entries of another organisation that a node takes at once; else as in the limits.
    pub authored: Option<u64>,
    /// How many incarnations of a key count in a circle, and entries of a feed without bodies: few, so that a run of a
    /// minute goes beyond them.
    pub bounds: Bounds,
}

impl Plan {
    /// Everything at once; every sixteenth seed lasts for days.
    #[must_use]
    pub const fn full(seed: u64) -> Self {
        Self {
            nodes: 7,
            writes: 40,
            breaks: true,
            crashes_per_10_000: 20,
            relayed_percent: if seed.is_multiple_of(4) { 15 } else { 0 },
            restores: !seed.is_multiple_of(3),
            mischief: true,
            joins: true,
            days: seed.is_multiple_of(16),
            rollbacks: 0,
            steps_max: 1_000_000,
            trail: 0,
            planted: None,
            authored: None,
            bounds: Bounds { incarnations: 5, bodiless: 3 },
        }
    }

    /// Three honest nodes, and only the network and the power fail.
    #[must_use]
    pub const fn plain(seed: u64) -> Self {
        Self {
            nodes: 3,
            mischief: false,
            joins: false,
            restores: false,
            relayed_percent: 0,
            days: false,
            ..Self::full(seed)
        }
    }
}

/// What happened in one run, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub seeds: u64,
    /// Entries that honest nodes called saved.
    pub entries: u64,
    /// Times an honest node proved a fork.
    pub forks: u64,
    /// Times an honest node refused an incarnation too many, or displaced one.
    pub overruns: u64,
    /// Times a root signed two links with one parent.
    pub roster_forks: u64,
    /// Times the network fell apart.
    pub partitions: u64,
    /// Times power failed.
    pub restarts: u64,
    /// Times a disk was put back.
    pub restores: u64,
    /// Connections made.
    pub connections: u64,
    /// Frames that are no honest node's.
    pub tricks: u64,
    /// Strikes by honest nodes.
    pub strikes: u64,
    /// Strangers turned away.
    pub strangers: u64,
    /// Frames in which honest nodes asked for bodies.
    pub wants: u64,
    /// Frames in which honest nodes looked for a fork.
    pub probes: u64,
    /// Frames that honest nodes sent.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            seeds: a.seeds + b.seeds,
            entries: a.entries + b.entries,
            forks: a.forks + b.forks,
            overruns: a.overruns + b.overruns,
            roster_forks: a.roster_forks + b.roster_forks,
            partitions: a.partitions + b.partitions,
            restarts: a.restarts + b.restarts,
            restores: a.restores + b.restores,
            connections: a.connections + b.connections,
            tricks: a.tricks + b.tricks,
            strikes: a.strikes + b.strikes,
            strangers: a.strangers + b.strangers,
            wants: a.wants + b.wants,
            probes: a.probes + b.probes,
            frames: a.frames + b.frames,
            bytes: a.bytes + b.bytes,
        })
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// The promise.
    pub invariant: Invariant,
    /// Where it showed.
    pub node: usize,
    /// At which event.
    pub step: u64,
    /// At which minute of virtual time.
    pub minute: u64,
    /// How.
    pub told: String,
    /// What happened before, if the plan asked for it.
    pub trail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, invariant, node, step, minute, told, trail } = self;
        trail.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(
            f,
            "seed {seed} breaks {invariant:?} at node {node}, step {step}, minute {minute}: {told}; replay with "
        )?;
        write!(f, "HABEAS_SIM_SEED={seed} cargo nextest run --release -p habeas-protocol one_seed_replays")
    }
}

impl std::error::Error for Failure {}

/// One run. The same seed and plan give the same run, step by step.
pub fn run(seed: u64, plan: Plan) -> Result<Totals, Failure> {
    World::found(seed, plan).play()
}
