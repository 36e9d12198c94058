//! Alarms: findings for a person, with their date, until they are acknowledged or end by themselves.
//!
//! Most alarms cannot be found again: a fork is reported once, and a peer's fault leaves no trace. So they are stored
//! as rows, and survive a restart. Some end by themselves: two copies that became equal, entries that a newer version
//! has read. A fault that recurs while it lasts, such as a full disk, is not stored.

use protocol::{
    app::{
        control::{Alarm, Problem, codes},
        library::Library,
    },
    store::{Batch, Row, Store, StoreError, Table},
};

use super::Joined;
use crate::{
    runtime::{folder::doubt_problem, utc_now},
    store::{doubt, doubt_row},
};

/// Maximum number of alarms shown; the oldest are removed first, and stay in the log.
const ALARMS: usize = 64;
/// Codes of stored alarms: nothing would find them again after a restart.
const KEPT: [&str; 11] = [
    codes::PEER_FAULT,
    codes::FORK,
    codes::OVERRUN,
    codes::UNEQUAL,
    codes::ELSEWHERE,
    codes::UNREADABLE,
    codes::NEWER,
    codes::CROWDED,
    codes::BROKEN,
    codes::LOST,
    codes::UNCERTAIN,
];
/// Codes of alarms that make no room for others: a key in other hands, or a loss.
const GRAVE: [&str; 5] = [codes::FORK, codes::OVERRUN, codes::ELSEWHERE, codes::LOST, codes::UNCERTAIN];

/// The current alarms, the oldest first.
#[derive(Default)]
pub(super) struct Alarms(Vec<Alarm>);

impl Alarms {
    /// Loads the stored alarms. A row that cannot be decoded was written by a newer version, and is left out.
    pub(super) fn load(store: &impl Store) -> Result<Self, StoreError> {
        let mut alarms = Vec::new();
        store.scan_table(Table::Alarm, &mut |_, value| {
            alarms.extend(serde_json::from_slice::<Alarm>(&value));
            true
        })?;
        alarms.sort_by(|a, b| (a.since, &a.problem.code).cmp(&(b.since, &b.problem.code)));
        Ok(Self(alarms))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Alarm> {
        self.0.iter()
    }

    /// Adds an alarm unless it exists already; returns the batch to commit.
    fn raise(&mut self, problem: Problem, now: u64) -> Batch {
        let mut batch = Batch::default();
        if self.0.iter().any(|alarm| is_same(&alarm.problem, &problem)) {
            return batch;
        }
        let alarm = Alarm { problem, since: Some(now) };
        if KEPT.contains(&alarm.problem.code.as_str()) {
            batch.put(row(&alarm.problem), json(&alarm));
        }
        self.0.push(alarm);
        while self.0.len() > ALARMS {
            // Alarms that a peer can cause at will make room for those that it cannot.
            let grave = |alarm: &Alarm| GRAVE.contains(&alarm.problem.code.as_str());
            let oldest = self.0.iter().position(|alarm| !grave(alarm)).unwrap_or(0);
            batch.delete(row(&self.0.remove(oldest).problem));
        }
        batch
    }

    /// Turns the store's doubt into an alarm: one batch stores the alarm and deletes the doubt.
    pub(super) fn take_doubt(&mut self, store: &mut impl Store) -> Result<(), StoreError> {
        let Some(doubt) = doubt(store)? else { return Ok(()) };
        let mut batch = self.raise(doubt_problem(doubt), utc_now());
        batch.delete(doubt_row());
        store.commit(&batch)
    }

    /// Removes the alarms that match; returns the batch to commit.
    fn settle(&mut self, is_settled: impl Fn(&Problem) -> bool) -> Batch {
        let mut batch = Batch::default();
        let settled = self.0.extract_if(.., |alarm| is_settled(&alarm.problem));
        settled.for_each(|alarm| batch.delete(row(&alarm.problem)));
        batch
    }
}

impl Joined {
    /// Raises an alarm.
    pub(in crate::runtime) fn alarm(&mut self, problem: Problem) {
        let batch = self.alarms.raise(problem, utc_now());
        self.note_alarms(&batch);
    }

    /// Removes all alarms of a code, as acknowledged by a person; `false` if there were none.
    pub(in crate::runtime) fn settle_alarms(&mut self, code: &str) -> Result<bool, Problem> {
        let batch = self.alarms.settle(|problem| problem.code == code);
        self.commit(&batch)?;
        Ok(!batch.is_empty())
    }

    /// Removes the alarms about differences from this peer, once both copies are equal.
    pub(super) fn settle_unequal(&mut self, peer: &str) {
        let is_of_peer = |problem: &Problem| {
            let params = problem.situation.as_ref().map(|situation| &situation.params);
            params.and_then(|params| params.get("peer")).is_some_and(|named| *named == peer.into())
        };
        let batch = self.alarms.settle(|problem| problem.code == codes::UNEQUAL && is_of_peer(problem));
        self.note_alarms(&batch);
    }

    /// Removes the alarms about delays, once nothing is delayed.
    pub(super) fn settle_delayed(&mut self) {
        let batch = self.alarms.settle(|problem| problem.code == codes::DELAYED);
        self.note_alarms(&batch);
    }

    /// Removes the alarms about a newer version, once this version reads all entries.
    pub(super) fn settle_newer(&mut self) -> Result<(), StoreError> {
        if Library::later(&self.folder.store)? > 0 {
            return Ok(());
        }
        let batch = self.alarms.settle(|problem| problem.code == codes::NEWER);
        self.commit(&batch)
    }

    /// Commits a batch of alarms. If that fails, the alarms are shown all the same, and the disk failure soon has its
    /// own.
    fn note_alarms(&mut self, batch: &Batch) {
        if let Err(error) = self.commit(batch) {
            tracing::error!(%error, "an alarm could not be kept");
        }
    }
}

/// Whether two problems are the same alarm: the number of differences from a peer's copy may change.
fn is_same(a: &Problem, b: &Problem) -> bool {
    let peer = |problem: &Problem| problem.situation.as_ref().and_then(|said| said.params.get("peer").cloned());
    a == b || a.code == codes::UNEQUAL && b.code == codes::UNEQUAL && peer(a) == peer(b)
}

/// Returns the row of an alarm; its date is not part of the key.
fn row(problem: &Problem) -> Row {
    Row::new(Table::Alarm, json(problem), 0)
}

fn json(what: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(what).expect("a problem is made of texts and numbers")
}

#[cfg(test)]
mod tests {
    use protocol::store::Memory;

    use super::*;

    fn problem(code: &str, number: u64) -> Problem {
        Problem::new(code, "what happened").saying("key").with("number", number)
    }

    fn codes_of(alarms: &Alarms) -> Vec<(String, u64)> {
        alarms.iter().map(|alarm| (alarm.problem.code.clone(), alarm.since.expect("it was raised"))).collect()
    }

    #[test]
    fn an_alarm_outlives_a_restart_with_its_first_date_and_goes_when_it_is_settled() {
        let (mut store, mut alarms) = (Memory::default(), Alarms::default());
        for (code, now) in [(codes::FORK, 10), (codes::PEER_FAULT, 20), (codes::FORK, 30), (codes::DISK_FULL, 40)] {
            let batch = alarms.raise(problem(code, 1), now);
            store.commit(&batch).expect("memory");
        }
        let [fork, fault] = [(codes::FORK.to_owned(), 10), (codes::PEER_FAULT.to_owned(), 20)];
        assert_eq!(codes_of(&alarms), [fork.clone(), fault.clone(), (codes::DISK_FULL.to_owned(), 40)]);
        let mut alarms = Alarms::load(&store).expect("memory");
        assert_eq!(codes_of(&alarms), [fork, fault.clone()], "what shows itself again is no row");
        let batch = alarms.settle(|problem| problem.code == codes::FORK);
        store.commit(&batch).expect("memory");
        assert_eq!(codes_of(&Alarms::load(&store).expect("memory")), [fault]);
    }

    #[test]
    fn of_too_many_alarms_the_oldest_go_from_the_store_too() {
        let (mut store, mut alarms) = (Memory::default(), Alarms::default());
        for number in 0..ALARMS as u64 + 3 {
            let batch = alarms.raise(problem(codes::PEER_FAULT, number), number);
            store.commit(&batch).expect("memory");
        }
        let kept = Alarms::load(&store).expect("memory");
        assert_eq!(codes_of(&kept), codes_of(&alarms));
        assert_eq!((kept.0.len(), kept.0[0].since), (ALARMS, Some(3)));
    }

    /// Regression: a peer that changed the number of differing feeds each time pushed a proven fork out of the list.
    #[test]
    fn what_a_peer_can_cause_at_will_pushes_no_fork_out_of_sight() {
        let mut alarms = Alarms::default();
        let unequal =
            |count: u64| Problem::new(codes::UNEQUAL, "x").saying("peer").with("peer", "p").with("count", count);
        drop(alarms.raise(problem(codes::FORK, 1), 1));
        for number in 0..200 {
            drop(alarms.raise(unequal(number), 2));
            drop(alarms.raise(problem(codes::PEER_FAULT, number), 3));
        }
        let told = codes_of(&alarms);
        assert_eq!((told.len(), &*told[0].0), (ALARMS, codes::FORK));
        assert!(told.iter().filter(|(code, _)| code == codes::UNEQUAL).count() <= 1);
    }

    #[test]
    fn a_row_of_a_newer_version_is_in_nobodys_way() {
        let mut store = Memory::default();
        let mut batch = Batch::default();
        batch.put(Row::new(Table::Alarm, "x", 0), b"\xa1".to_vec());
        store.commit(&batch).expect("memory");
        assert_eq!(codes_of(&Alarms::load(&store).expect("memory")), []);
    }
}
