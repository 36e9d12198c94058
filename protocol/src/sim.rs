//! The simulator: a federation in one process, in virtual time, from a seed.
//!
//! Seven nodes of three to five organisations write into their own circles, named circles and the commons. Meanwhile
//! wires are cut, the network is partitioned for up to thirty days, power fails between any two effects, one node is
//! restored from a backup, one forks its feeds, one strips bodies, sends invalid frames or floods feeds, one joins
//! late, and no two clocks agree. Then the faults end, and the invariants below must hold. Frames pass as bytes through
//! [`crate::replication::sync::frame::receive`]; the driver keeps the contract of [`crate::replication::sync::Step`]
//! and no other.

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
mod people;
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

pub use crate::app::workspace::Mistake;
use crate::replication::{planted::Planted, replica::Bounds};
pub use invariants::Invariant;
pub use people::Acts;
pub use world::World;

/// The plan of a run: everything that is not chance.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of nodes, at least 3.
    pub nodes: usize,
    /// Number of writes during the fault period; each makes one to three entries.
    pub writes: u64,
    /// Whether wires are cut, the network is partitioned, and power fails.
    pub breaks: bool,
    /// Steps of a node out of ten thousand that end in a power cut.
    pub crashes_per_10_000: u64,
    /// Percentage of wires that repeat and reorder frames during the fault period.
    pub relayed_percent: u64,
    /// Whether one node is restored from a backup.
    pub restores: bool,
    /// Whether a forker, and a vandal or a stripper, take part.
    pub mischief: bool,
    /// Whether the last node joins late.
    pub joins: bool,
    /// Whether the fault period lasts days instead of minutes.
    pub days: bool,
    /// Number of machine images rolled back unnoticed.
    pub rollbacks: u64,
    /// Number of steps after which a run counts as endless.
    pub steps_max: u64,
    /// Number of the last events that a failure reports.
    pub trail: usize,
    /// Number of acts of people on case files; with any, the workspaces work.
    pub people: u64,
    /// A fault planted in every workspace.
    pub mistake: Option<Mistake>,
    /// A fault planted in every node.
    pub planted: Option<Planted>,
    /// Newly written entries of another organisation that a node accepts at once; the limit's value if `None`.
    pub authored: Option<u64>,
    /// Bounds on incarnations of a key in a circle, and on entries of a feed without bodies: small, so that a short run
    /// exceeds them.
    pub bounds: Bounds,
}

impl Plan {
    /// The plan with all faults; every sixteenth seed lasts for days.
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
            people: 0,
            mistake: None,
            planted: None,
            authored: None,
            bounds: Bounds { incarnations: 5, bodiless: 3 },
        }
    }

    /// The plan of four honest nodes whose people import, share and withdraw case files while power and wires fail.
    #[must_use]
    pub const fn sharing(seed: u64) -> Self {
        Self {
            nodes: 4,
            writes: 0,
            people: 60,
            crashes_per_10_000: 100,
            mischief: false,
            joins: false,
            relayed_percent: 0,
            days: false,
            ..Self::full(seed)
        }
    }

    /// The plan of three honest nodes, with faults of network and power only.
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

/// Counts of events in one run, or in many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of runs.
    pub seeds: u64,
    /// Entries that honest nodes reported as saved.
    pub entries: u64,
    /// Proofs of a fork by honest nodes.
    pub forks: u64,
    /// Incarnations refused or displaced by honest nodes because of too many.
    pub overruns: u64,
    /// Roster links signed with the parent of another.
    pub roster_forks: u64,
    /// Network partitions.
    pub partitions: u64,
    /// Power failures.
    pub restarts: u64,
    /// Disks restored from a backup.
    pub restores: u64,
    /// Connections made.
    pub connections: u64,
    /// Frames that no honest node would send.
    pub tricks: u64,
    /// Strikes given by honest nodes.
    pub strikes: u64,
    /// Strangers refused.
    pub strangers: u64,
    /// WANT frames of honest nodes.
    pub wants: u64,
    /// PROBE frames of honest nodes.
    pub probes: u64,
    /// Frames sent by honest nodes.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    /// Acts of people on case files.
    pub acts: Acts,
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
            acts: a.acts + b.acts,
        })
    }
}

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// The invariant that was violated.
    pub invariant: Invariant,
    /// The node at which it was found.
    pub node: usize,
    /// Number of the step.
    pub step: u64,
    /// Minute of virtual time.
    pub minute: u64,
    /// Details of the violation.
    pub detail: String,
    /// The events before it, if the plan asked for them.
    pub trail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, invariant, node, step, minute, detail, trail } = self;
        trail.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        write!(
            f,
            "seed {seed} breaks {invariant:?} at node {node}, step {step}, minute {minute}: {detail}; replay with "
        )?;
        write!(f, "HABEAS_SIM_SEED={seed} cargo nextest run --release -p habeas-protocol one_seed_replays")
    }
}

impl std::error::Error for Failure {}

/// Runs a plan from a seed. The same seed and plan give the same run, step by step.
///
/// # Errors
/// The first violation of an invariant.
pub fn run(seed: u64, plan: Plan) -> Result<Totals, Failure> {
    World::found(seed, plan).play()
}
