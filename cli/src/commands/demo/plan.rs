//! The plan: the disputed value of the demonstration, and the conditions of success. Pure, so that every failure is
//! tested.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use protocol::{
    app::control::{Cell, Claim, Entity, Record},
    bytes::ids::{EntityId, SectionId},
};
use serde_json::Value;

use crate::{render::record::raw, texts};

/// Disputable fields: those on which two sources often differ, the best ones first.
const DISPUTABLE: &[&str] =
    &["capture_episode.date", "penalty.months", "docket_decision.date", "docket_penalty.months", "docket_event.date"];

/// A disagreement: one value that two sites correct differently while they are disconnected. The first side is the site
/// that imported the file. A shared case file has other ids than its original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Disagreement {
    /// The label in the imported file.
    pub(super) label: String,
    pub(super) field: String,
    pub(super) grade: Option<String>,
    /// The value that each side states.
    pub(super) values: [String; 2],
    /// The place of the value on each side.
    pub(super) places: [Place; 2],
}

/// The place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) record: SectionId,
    pub(super) entity: EntityId,
    pub(super) source: Option<EntityId>,
}

impl Disagreement {
    /// Chooses a disagreement about a single undisputed value that both sides read.
    pub(super) fn about(home: &Record, far: &Record, label: &str) -> Option<Self> {
        let of = |field: &&str| undisputed(far).find(|(_, cell)| cell.field == **field);
        DISPUTABLE.iter().filter_map(of).find_map(|(entity, cell)| {
            let claim = &cell.claims[0];
            let same = |(_, own): &(EntityId, &Cell)| own.field == cell.field && own.claims[0].value == claim.value;
            let (at_home, own) = undisputed(home).find(same)?;
            let place = |record: &Record, entity, claim: &Claim| Place {
                record: record.record,
                entity,
                source: claim.sources.first().copied(),
            };
            Some(Self {
                label: label.to_owned(),
                field: cell.field.clone(),
                grade: claim.grade.clone(),
                values: corrections(&claim.value)?,
                places: [place(home, at_home, &own.claims[0]), place(far, entity, claim)],
            })
        })
    }

    /// The cell in question, with the ids of either side.
    pub(super) fn cell<'a>(&self, record: &'a Record) -> Option<&'a Cell> {
        let is_it = |entity: &&Entity| self.places.iter().any(|place| place.entity == entity.entity);
        let entity = record.entities.iter().find(is_it)?;
        entity.cells.iter().find(|cell| cell.field == self.field)
    }

    /// The values stated in the cell.
    pub(super) fn said_in(&self, record: &Record) -> BTreeSet<String> {
        self.cell(record).into_iter().flat_map(|cell| &cell.claims).map(|claim| raw(&claim.value)).collect()
    }

    /// The values shown as disputed; none if the cell is not shown as disputed.
    pub(super) fn shown_in(&self, record: &Record) -> BTreeSet<String> {
        let disputed = self.cell(record).is_some_and(|cell| cell.shown == "conflict");
        if disputed { self.said_in(record) } else { BTreeSet::new() }
    }
}

fn undisputed(record: &Record) -> impl Iterator<Item = (EntityId, &Cell)> {
    let cells = record.entities.iter().flat_map(|entity| entity.cells.iter().map(move |cell| (entity.entity, cell)));
    cells.filter(|(_, cell)| cell.shown == "agreed" && cell.claims.len() == 1)
}

/// The two corrections of a value: the day before and the day after, or one less and one more.
fn corrections(value: &Value) -> Option<[String; 2]> {
    if let Some(number) = value.as_u64() {
        return Some([number.checked_sub(1)?.to_string(), number.checked_add(1)?.to_string()]);
    }
    let day: Date = value.as_str()?.trim_end_matches('~').parse().ok()?;
    Some([day.yesterday().ok()?.to_string(), day.tomorrow().ok()?.to_string()])
}

/// The state that one node shows at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether the node belongs to the organisation that imported the file.
    pub(super) home: bool,
    pub(super) case_files: BTreeSet<SectionId>,
    pub(super) dockets: BTreeSet<SectionId>,
    /// The values of the disputed field.
    pub(super) values: BTreeSet<String>,
    pub(super) digest: String,
    pub(super) entries: u64,
    pub(super) conflicts: u64,
}

/// The imported records, and what was shared or held back of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    pub(super) case_files: BTreeSet<SectionId>,
    pub(super) dockets: BTreeSet<SectionId>,
    /// The case files held back, with labels and reasons of the preview.
    pub(super) held_back: BTreeMap<SectionId, (String, String)>,
    /// The id of each shared case file at its readers.
    pub(super) parts: BTreeMap<SectionId, SectionId>,
}

/// The findings: the state of all nodes at the end, beside the imported records.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    pub(super) brought: Brought,
    pub(super) disputed: Disagreement,
    /// The state of each node, the importing one first; or the reason why it could not be read.
    pub(super) seen: Vec<Result<Seen, String>>,
}

impl Findings {
    /// The number of records that every node of every other organisation shows; none if there is no other organisation.
    pub(super) fn arrived(&self) -> usize {
        let others: Vec<_> = self.readable().filter(|seen| !seen.home).collect();
        let everywhere = |id: &&SectionId| others.iter().all(|seen| seen.holds(id));
        let records = self.brought.parts.values().chain(&self.brought.dockets);
        if others.is_empty() { 0 } else { records.filter(everywhere).count() }
    }

    /// The number of case files that no node of another organisation shows.
    pub(super) fn held_back(&self) -> usize {
        let shows = |seen: &Seen, id: &SectionId| {
            seen.holds(id) || self.brought.parts.get(id).is_some_and(|part| seen.holds(part))
        };
        let stayed = |id: &&SectionId| self.readable().all(|seen| seen.home || !shows(seen, id));
        self.brought.case_files.iter().filter(stayed).count()
    }

    /// The digest of each node; `None` where it could not be read.
    pub(super) fn digests(&self) -> Vec<Option<&str>> {
        self.seen.iter().map(|seen| seen.as_ref().ok().map(|seen| &*seen.digest)).collect()
    }

    /// Whether all nodes could be read and show the same.
    pub(super) fn converged(&self) -> bool {
        let digests = self.digests();
        digests.iter().all(|digest| digest.is_some() && *digest == digests[0])
    }

    /// The numbers of counted entries and of disputed values that the first node shows.
    pub(super) fn entries_and_conflicts(&self) -> (u64, u64) {
        self.seen.first().and_then(|seen| seen.as_ref().ok()).map_or((0, 0), |seen| (seen.entries, seen.conflicts))
    }

    /// The faults found, one line each.
    pub(super) fn faults(&self) -> Vec<String> {
        let unreadable = self.seen.iter().filter_map(|seen| seen.as_ref().err().cloned());
        let mut faults: Vec<String> = unreadable.collect();
        let mut must = |holds: bool, fault: String| (!holds).then(|| faults.push(fault));
        let both: BTreeSet<String> = self.disputed.values.iter().cloned().collect();
        let shared: BTreeSet<SectionId> = self.brought.parts.values().copied().collect();
        let others = || self.readable().filter(|seen| !seen.home);
        must(self.converged(), texts::demo::fault_differ());
        must(self.readable().all(|seen| seen.values == both), texts::demo::fault_one_sided());
        must(self.entries_and_conflicts().1 >= 1, texts::demo::fault_no_conflict());
        let stayed = self.brought.held_back.keys().all(|id| !self.brought.parts.contains_key(id));
        let own = &self.brought.case_files;
        must(stayed && others().all(|seen| seen.case_files.is_disjoint(own)), texts::demo::fault_left_home());
        must(others().all(|seen| seen.case_files.is_subset(&shared)), texts::demo::fault_foreign_cases());
        must(others().all(|seen| seen.case_files.is_superset(&shared)), texts::demo::fault_case_not_arrived());
        must(
            self.readable().filter(|seen| seen.home).all(|seen| seen.case_files.is_superset(own)),
            texts::demo::fault_lost(),
        );
        must(
            self.readable().all(|seen| seen.dockets.is_superset(&self.brought.dockets)),
            texts::demo::fault_not_arrived(),
        );
        faults
    }

    fn readable(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter_map(|seen| seen.as_ref().ok())
    }
}

impl Seen {
    fn holds(&self, id: &SectionId) -> bool {
        self.case_files.contains(id) || self.dockets.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        app::control::RecordKind,
        bytes::ids::{EntryId, OrgId},
    };
    use serde_json::json;

    use super::*;

    fn claim(value: Value) -> Claim {
        Claim {
            value,
            organisation: OrgId([1; 32]),
            call_sign: Some("abandon-zoo".into()),
            petname: None,
            reported_by: None,
            at: 1_795_478_400,
            grade: Some("B2".into()),
            sources: vec![EntityId([9; 16])],
            entry: EntryId([1; 32]),
            index: 0,
            chosen: false,
        }
    }

    fn record(cells: &[(&str, &str, &[Value])]) -> Record {
        let cell = |(field, shown, values): &(&str, &str, &[Value])| Cell {
            field: (*field).to_owned(),
            shown: (*shown).to_owned(),
            claims: values.iter().cloned().map(claim).collect(),
        };
        Record {
            record: SectionId([1; 16]),
            kind: RecordKind::Docket,
            taken_back: vec![],
            pseudonym: "abandon zoo able zone about zero".into(),
            stage: "70-verdict".into(),
            entities: vec![Entity {
                entity: EntityId([2; 16]),
                kind: "docket_decision".into(),
                cells: cells.iter().map(cell).collect(),
            }],
            readers: vec![],
            parts: vec![],
            digest: String::new(),
            as_of: 0,
        }
    }

    fn about(record: &Record) -> Option<Disagreement> {
        Disagreement::about(record, record, "DOC-1")
    }

    #[test]
    fn it_disagrees_about_the_first_field_of_which_two_days_or_numbers_can_be_said() {
        let check = |cells: &[(&str, &str, &[Value])], expected: Option<(&str, [&str; 2])>| {
            let found = about(&record(cells));
            let found = found.as_ref().map(|found| (&*found.field, found.values.each_ref().map(|value| &**value)));
            assert_eq!(found, expected);
        };
        let date = ("docket_decision.date", "agreed", &[json!("2025-04-15")][..]);
        let months = ("docket_penalty.months", "agreed", &[json!(180)][..]);
        let vague = ("docket_decision.date", "agreed", &[json!("2025-10")][..]);
        let disputed = ("docket_decision.date", "conflict", &[json!("2025-04-15"), json!("2025-04-16")][..]);
        check(&[months, date], Some(("docket_decision.date", ["2025-04-14", "2025-04-16"])));
        check(&[vague, months], Some(("docket_penalty.months", ["179", "181"])));
        check(&[disputed, months], Some(("docket_penalty.months", ["179", "181"])));
        check(
            &[("capture_episode.date", "agreed", &[json!("2023-06-10~")])],
            Some(("capture_episode.date", ["2023-06-09", "2023-06-11"])),
        );
        check(&[vague, ("docket.court_id", "agreed", &[json!("27GV0012")])], None);
        check(&[], None);
    }

    #[test]
    fn a_correction_rests_on_the_source_and_grade_of_what_it_corrects() {
        let found = about(&record(&[("docket_penalty.months", "agreed", &[json!(180)])]));
        let found = found.expect("months can be disputed");
        let place = Place { record: SectionId([1; 16]), entity: EntityId([2; 16]), source: Some(EntityId([9; 16])) };
        assert_eq!((found.places, found.grade.as_deref()), ([place, place], Some("B2")));
    }

    #[test]
    fn a_shared_case_file_is_found_at_home_by_what_it_says() {
        let months = |months: u64| record(&[("penalty.months", "agreed", &[json!(months)])]);
        let mut shared = months(180);
        shared.record = SectionId([5; 16]);
        shared.entities[0].entity = EntityId([6; 16]);
        let found = Disagreement::about(&months(180), &shared, "SYN-01").expect("both read it");
        assert_eq!(found.places.map(|place| place.entity), [EntityId([2; 16]), EntityId([6; 16])]);
        assert!(found.cell(&months(180)).is_some() && found.cell(&shared).is_some());
        assert_eq!(Disagreement::about(&months(96), &shared, "SYN-01"), None);
    }

    #[test]
    fn only_a_value_shown_as_disputed_counts_as_shown() {
        let disputed = about(&record(&[("docket_penalty.months", "agreed", &[json!(180)])]));
        let disputed = disputed.expect("months can be disputed");
        let shown = |shown: &str| {
            disputed.shown_in(&record(&[("docket_penalty.months", shown, &[json!(179), json!(181)])])).len()
        };
        assert_eq!((shown("conflict"), shown("agreed"), shown("resolved")), (2, 0, 0));
    }

    fn ids(numbers: &[u8]) -> BTreeSet<SectionId> {
        numbers.iter().map(|number| SectionId([*number; 16])).collect()
    }

    fn seen(home: bool) -> Seen {
        Seen {
            home,
            case_files: if home { ids(&[1, 2, 3]) } else { ids(&[11, 12]) },
            dockets: ids(&[8, 9]),
            values: ["179".to_owned(), "181".to_owned()].into(),
            digest: "aa".into(),
            entries: 40,
            conflicts: 1,
        }
    }

    /// Findings on three case files, two of them shared under other ids, and two dockets.
    fn findings(seen: Vec<Result<Seen, String>>) -> Findings {
        let months = record(&[("docket_penalty.months", "agreed", &[json!(180)])]);
        let disputed = about(&months).expect("months can be disputed");
        let id = |number: u8| SectionId([number; 16]);
        let brought = Brought {
            case_files: ids(&[1, 2, 3]),
            dockets: ids(&[8, 9]),
            held_back: [(id(3), ("SYN-03".to_owned(), "no consent".to_owned()))].into(),
            parts: [(id(1), id(11)), (id(2), id(12))].into(),
        };
        Findings { brought, disputed, seen }
    }

    #[test]
    fn all_is_good_when_copies_are_equal_both_values_show_and_what_is_held_back_stayed() {
        let several = findings(vec![Ok(seen(true)), Ok(seen(false)), Ok(seen(false))]);
        assert_eq!(several.faults(), Vec::<String>::new());
        assert_eq!((several.arrived(), several.held_back(), several.entries_and_conflicts()), (4, 1, (40, 1)));
        let mut alone = findings(vec![Ok(seen(true)), Ok(seen(true))]);
        alone.brought.parts.clear();
        assert_eq!(alone.faults(), Vec::<String>::new());
        assert_eq!((alone.arrived(), alone.held_back()), (0, 3));
    }

    #[test]
    fn each_thing_that_must_not_be_is_a_fault_of_its_own() {
        let check = |spoil: fn(&mut [Result<Seen, String>]), expected: &[&str]| {
            let mut all = vec![Ok(seen(true)), Ok(seen(false)), Ok(seen(false))];
            spoil(&mut all);
            assert_eq!(findings(all).faults(), expected);
        };
        check(|all| all[2].as_mut().expect("readable").digest = "bb".into(), &[&texts::demo::fault_differ()]);
        check(|all| all[2] = Err("altered".into()), &["altered", &texts::demo::fault_differ()]);
        check(|all| drop(all[1].as_mut().expect("readable").values.pop_last()), &[&texts::demo::fault_one_sided()]);
        check(|all| all[0].as_mut().expect("readable").conflicts = 0, &[&texts::demo::fault_no_conflict()]);
        check(
            |all| all[1].as_mut().expect("readable").case_files.extend(ids(&[2])),
            &[&texts::demo::fault_left_home(), &texts::demo::fault_foreign_cases()],
        );
        check(
            |all| all[1].as_mut().expect("readable").case_files.extend(ids(&[7])),
            &[&texts::demo::fault_foreign_cases()],
        );
        check(
            |all| all[1].as_mut().expect("readable").case_files = ids(&[11]),
            &[&texts::demo::fault_case_not_arrived()],
        );
        check(|all| all[0].as_mut().expect("readable").case_files = ids(&[1, 2]), &[&texts::demo::fault_lost()]);
        check(|all| all[2].as_mut().expect("readable").dockets = ids(&[8]), &[&texts::demo::fault_not_arrived()]);
        let mut told = findings(vec![Ok(seen(true)), Ok(seen(false))]);
        told.brought.held_back.insert(SectionId([2; 16]), ("SYN-02".into(), "no consent".into()));
        assert_eq!(told.faults(), [texts::demo::fault_left_home()]);
    }
}
