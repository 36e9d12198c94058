//! Alarms: what a person should look at, with its date, until it is settled.
//!
//! Most cannot be found again by looking: a fork is told once, and a peer's fault leaves no trace. So they are rows, and a
//! restart shows them still. Some settle themselves: two copies that became equal, entries that a newer version read.
//! A trouble that shows itself again while it lasts, such as a full disk, is no row.

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

/// Alarms shown; the oldest go first, and stay in the log.
const ALARMS: usize = 64;
/// What nothing would find again after a restart.
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
/// What makes no room for others: a key is in other hands, or something is gone.
const GRAVE: [&str; 5] = [codes::FORK, codes::OVERRUN, codes::ELSEWHERE, codes::LOST, codes::UNCERTAIN];

/// What is shown, the oldest first.
#[derive(Default)]
pub(super) struct Alarms(Vec<Alarm>);

impl Alarms {
    /// What was not settled before. A row that does not read was written by a newer version, and says nothing here.
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

    /// Adds one, unless it stands already: what is to be made durable.
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
            // What a peer can cause as often as it likes makes room for what it cannot.
            let grave = |alarm: &Alarm| GRAVE.contains(&alarm.problem.code.as_str());
            let oldest = self.0.iter().position(|alarm| !grave(alarm)).unwrap_or(0);
            batch.delete(row(&self.0.remove(oldest).problem));
        }
        batch
    }

    /// Takes over what the store found out when it was opened: one batch keeps the alarm and forgets the doubt.
    pub(super) fn take_doubt(&mut self, store: &mut impl Store) -> Result<(), StoreError> {
        let Some(doubt) = doubt(store)? else { return Ok(()) };
        let mut batch = self.raise(doubt_problem(doubt), utc_now());
        batch.delete(doubt_row());
        store.commit(&batch)
    }

    /// Takes away those that are settled: what is to be made durable.
    fn settle(&mut self, is_settled: impl Fn(&Problem) -> bool) -> Batch {
        let mut batch = Batch::default();
        let settled = self.0.extract_if(.., |alarm| is_settled(&alarm.problem));
        settled.for_each(|alarm| batch.delete(row(&alarm.problem)));
        batch
    }
}

impl Joined {
    /// Something a person should look at.
    pub(in crate::runtime) fn alarm(&mut self, problem: Problem) {
        let batch = self.alarms.raise(problem, utc_now());
        self.note_alarms(&batch);
    }

    /// A person has looked at all alarms of a code: whether there were any.
    pub(in crate::runtime) fn settle_alarms(&mut self, code: &str) -> Result<bool, Problem> {
        let batch = self.alarms.settle(|problem| problem.code == code);
        self.commit(&batch)?;
        Ok(!batch.is_empty())
    }

    /// Both copies are equal: what was said of differences is over.
    pub(super) fn settle_unequal(&mut self, peer: &str) {
        let is_of_peer = |problem: &Problem| {
            let params = problem.situation.as_ref().map(|situation| &situation.params);
            params.and_then(|params| params.get("peer")).is_some_and(|named| *named == peer.into())
        };
        let batch = self.alarms.settle(|problem| problem.code == codes::UNEQUAL && is_of_peer(problem));
        self.note_alarms(&batch);
    }

    /// Nothing is delayed any more.
    pub(super) fn settle_delayed(&mut self) {
        let batch = self.alarms.settle(|problem| problem.code == codes::DELAYED);
        self.note_alarms(&batch);
    }

    /// Nothing waits for a newer version any more: this one reads it.
    pub(super) fn settle_newer(&mut self) -> Result<(), StoreError> {
        if Library::later(&self.folder.store)? > 0 {
            return Ok(());
        }
        let batch = self.alarms.settle(|problem| problem.code == codes::NEWER);
        self.commit(&batch)
    }

    /// An alarm that cannot be kept is shown all the same; and that the disk failed shows soon enough.
    fn note_alarms(&mut self, batch: &Batch) {
        if let Err(error) = self.commit(batch) {
            tracing::error!(%error, "an alarm could not be kept");
        }
    }
}

/// Whether two tell of one trouble: how much differs from a peer's copy changes, and is the same trouble still.
fn is_same(a: &Problem, b: &Problem) -> bool {
    let peer = |problem: &Problem| problem.situation.as_ref().and_then(|said| said.params.get("peer").cloned());
    a == b || a.code == codes::UNEQUAL && b.code == codes::UNEQUAL && peer(a) == peer(b)
}

/// One row for each alarm, whenever it is raised.
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

    /// A peer that made the copies differ in another number of feeds each time pushed a proven fork out of sight.
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
