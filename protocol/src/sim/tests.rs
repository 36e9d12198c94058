//! Tests over many seeds: invariants, seven planted faults, and lower bounds on the totals.

use super::*;

/// Number of seeds in a plain check; `HABEAS_SIM_SEEDS=10000` plays more.
const SEEDS: u64 = 500;
const PARTS: u64 = 10;
const SHARING_PARTS: u64 = 5;
/// Fewest seeds of sharing: the lower bounds on its totals are averages, which fewer runs miss by chance.
const SHARING_SEEDS_MIN: u64 = 250;

/// Runs a seed; a panic of the core is a failure with a seed, too.
fn play(seed: u64, plan: Plan) -> Result<Totals, Failure> {
    std::panic::catch_unwind(|| run(seed, plan)).unwrap_or_else(|_| {
        let detail = "the core panicked".to_owned();
        Err(Failure { seed, invariant: Invariant::Calm, node: 0, step: 0, minute: 0, detail, trail: vec![] })
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn plays(seeds: std::ops::Range<u64>, plan: impl Fn(u64) -> Plan) -> Totals {
    let runs: Vec<_> = seeds.map(|seed| play(seed, plan(seed))).collect();
    let failures: Vec<_> = runs.iter().filter_map(|run| run.as_ref().err()).collect();
    failures.iter().for_each(|failure| println!("{failure}"));
    assert!(failures.is_empty(), "{} of {} seeds break a promise", failures.len(), runs.len());
    runs.into_iter().flatten().sum()
}

/// Plays a tenth of the seeds; a run with few events proves little, so the totals have lower bounds.
fn part(nth: u64) {
    let seeds = number("HABEAS_SIM_SEEDS").unwrap_or(SEEDS).div_ceil(PARTS);
    let totals = plays(nth * seeds..(nth + 1) * seeds, Plan::full);
    println!("{totals:?}");
    let floor = |what: &str, found: u64, per_hundred: u64| {
        assert!(found * 100 >= totals.seeds * per_hundred, "only {found} {what} in {} runs", totals.seeds);
    };
    floor("entries", totals.entries, 3_500);
    floor("proofs of forks", totals.forks, 150);
    floor("overruns", totals.overruns, 100);
    floor("partitions", totals.partitions, 100);
    floor("restarts", totals.restarts, 800);
    floor("restores", totals.restores, 50);
    floor("connections", totals.connections, 8_000);
    floor("tricks", totals.tricks, 500);
    floor("strikes", totals.strikes, 1_000);
    floor("frames that ask for bodies", totals.wants, 200);
    floor("frames that look for forks", totals.probes, 10);
    floor("strangers", totals.strangers, 150);
}

macro_rules! parts {
    ($($name:ident = $nth:literal;)*) => {$(
        #[test]
        fn $name() {
            part($nth);
        }
    )*};
}

parts! {
    seven_nodes_keep_every_promise_0 = 0;
    seven_nodes_keep_every_promise_1 = 1;
    seven_nodes_keep_every_promise_2 = 2;
    seven_nodes_keep_every_promise_3 = 3;
    seven_nodes_keep_every_promise_4 = 4;
    seven_nodes_keep_every_promise_5 = 5;
    seven_nodes_keep_every_promise_6 = 6;
    seven_nodes_keep_every_promise_7 = 7;
    seven_nodes_keep_every_promise_8 = 8;
    seven_nodes_keep_every_promise_9 = 9;
}

/// Plays a fifth of the seeds in which people share case files.
fn sharing_part(nth: u64) {
    let seeds = number("HABEAS_SIM_SEEDS").unwrap_or(SEEDS).max(SHARING_SEEDS_MIN).div_ceil(SHARING_PARTS);
    let totals = plays(nth * seeds..(nth + 1) * seeds, Plan::sharing);
    println!("{totals:?}");
    let floor = |what: &str, found: u64, per_hundred: u64| {
        assert!(found * 100 >= totals.seeds * per_hundred, "only {found} {what} in {} runs", totals.seeds);
    };
    let acts = totals.acts;
    floor("imports", acts.imports, 500);
    floor("shares", acts.shares, 200);
    floor("cancels", acts.cancels, 20);
    floor("withdrawals", acts.withdrawals, 100);
    floor("restated entries", acts.restated, 200);
    floor("copies", acts.copies, 150);
    floor("copies of withdrawn cases", acts.hidden, 30);
    floor("restarts", totals.restarts, 400);
}

macro_rules! sharing_parts {
    ($($name:ident = $nth:literal;)*) => {$(
        #[test]
        fn $name() {
            sharing_part($nth);
        }
    )*};
}

sharing_parts! {
    what_is_shared_keeps_every_promise_0 = 0;
    what_is_shared_keeps_every_promise_1 = 1;
    what_is_shared_keeps_every_promise_2 = 2;
    what_is_shared_keeps_every_promise_3 = 3;
    what_is_shared_keeps_every_promise_4 = 4;
}

/// Checks that the simulator finds a mistake of the workspace within some seeds.
fn finds(mistake: Mistake, seeds: u64) {
    let plan = |seed| Plan { mistake: Some(mistake), ..Plan::sharing(seed) };
    let failure = (1..=seeds).find_map(|seed| play(seed, plan(seed)).err());
    let failure = failure.unwrap_or_else(|| panic!("{mistake:?} is not found in {seeds} seeds"));
    println!("{mistake:?}: {failure}");
    assert_eq!(failure.invariant, Invariant::I8, "{failure}");
}

#[test]
fn a_cancelled_share_that_comes_back_is_found() {
    finds(Mistake::CancelledShareKept, 60);
}

#[test]
fn a_change_that_its_copies_never_follow_is_found() {
    finds(Mistake::ChangeForgotten, 30);
}

#[test]
fn a_withdrawal_of_another_that_is_ignored_is_found() {
    finds(Mistake::WithdrawalElsewhereIgnored, 60);
}

#[test]
fn a_local_field_that_is_restated_is_found() {
    finds(Mistake::LocalFieldRestated, 10);
}

#[test]
fn a_line_that_does_not_follow_a_shared_copy_is_found() {
    finds(Mistake::CopyNotDue, 20);
}

#[test]
fn a_case_shared_without_consent_is_found() {
    finds(Mistake::ConsentIgnored, 10);
}

#[test]
fn three_honest_nodes_agree_whatever_wires_and_power_do() {
    let totals = plays(0..20, Plan::plain);
    assert!(totals.entries >= 1_000 && totals.restarts >= 60 && totals.partitions >= 20, "{totals:#?}");
    assert_eq!(totals.strikes, 0);
}

#[test]
fn one_seed_replays_step_by_step() {
    let seed = number("HABEAS_SIM_SEED").unwrap_or(16);
    let trail = number("HABEAS_SIM_TRAIL").and_then(|lines| lines.try_into().ok()).unwrap_or(50);
    for plan in [Plan::full(seed), Plan::sharing(seed)] {
        let plan = Plan { trail, ..plan };
        let (first, second) = (play(seed, plan), play(seed, plan));
        assert_eq!(first, second);
        if let Err(failure) = first {
            panic!("{failure}");
        }
    }
}

/// Checks that the simulator finds a planted fault within some seeds.
fn found(bug: Planted, seeds: u64, expected: &[Invariant]) {
    found_under(bug, seeds, expected, Plan::full);
}

fn found_under(bug: Planted, seeds: u64, expected: &[Invariant], plan: impl Fn(u64) -> Plan) {
    let plan = |seed| Plan { planted: Some(bug), ..plan(seed) };
    let failure = (1..=seeds).find_map(|seed| play(seed, plan(seed)).err());
    let failure = failure.unwrap_or_else(|| panic!("{bug:?} is not found in {seeds} seeds"));
    println!("{bug:?}: {failure}");
    assert!(expected.contains(&failure.invariant), "{failure}");
}

#[test]
fn an_accepted_gap_is_found() {
    found(Planted::GapAccepted, 20, &[Invariant::I1]);
}

#[test]
fn an_unchecked_parent_is_found() {
    found(Planted::PrevUnchecked, 20, &[Invariant::I1]);
}

#[test]
fn a_view_sorted_by_claimed_time_is_found() {
    found(Planted::SortedByClaimedTime, 5, &[Invariant::I5]);
}

#[test]
fn an_anchor_kept_after_a_restore_is_found() {
    // A restart among the peers would heal it: the fault shows only when nothing else breaks.
    let calm = |seed| Plan { breaks: false, crashes_per_10_000: 0, restores: true, ..Plan::plain(seed) };
    found_under(Planted::AnchorKeptAfterRestore, 20, &[Invariant::I2], calm);
}

#[test]
fn a_remembered_bad_signature_is_found() {
    found(Planted::BadSignatureRemembered, 30, &[Invariant::I2, Invariant::I5]);
}

#[test]
fn an_unknown_kind_called_invalid_is_found() {
    found(Planted::UnknownKindInvalid, 10, &[Invariant::I3]);
}
