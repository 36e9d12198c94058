//! A case file for reading: one person's captivity, return and prosecution.

use serde::Serialize;

use crate::{
    bytes::ids::EntityId,
    record::{
        schema::Value,
        section::{
            sheet::{Record, Sheet},
            view::View,
        },
        stage::{self, PersonState, Stage},
    },
};

/// A case file, or the part of one that lives in one circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseFile {
    /// The sheet: records, timeline, conflicts, provenance.
    pub sheet: Sheet,
    /// The stage of the case.
    pub stage: Stage,
    /// The state of the person.
    pub person: PersonState,
    /// The dockets linked to the case.
    pub dockets: Vec<EntityId>,
}

impl CaseFile {
    /// Builds a case file from a view.
    #[must_use]
    pub fn new(view: &View) -> Self {
        let linked = view.cells().filter(|(_, field, _)| matches!(*field, "case_file.docket" | "proceeding.docket"));
        let mut dockets: Vec<EntityId> = linked
            .flat_map(|(.., cell)| cell.values())
            .filter_map(|value| match value {
                Value::Ref(docket) => Some(*docket),
                _ => None,
            })
            .collect();
        dockets.sort_unstable();
        dockets.dedup();
        Self { sheet: Sheet::new(view), stage: stage::stage(view), person: stage::person_state(view), dockets }
    }

    /// The root record of the case: ids, urgency, needs, risks.
    #[must_use]
    pub fn header(&self) -> Option<&Record> {
        self.sheet.records.iter().find(|record| record.kind == "case_file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::ids::OrgId;
    use crate::record::section::assertion::{Assertion, Statement};
    use crate::record::section::event::What;
    use crate::record::section::sample::{self, refers, says};

    const CASE: u8 = 1;

    fn case(organisations: &[Vec<Statement>]) -> CaseFile {
        CaseFile::new(&sample::view(organisations))
    }

    /// Adds source 200 with grade B2 to an assertion.
    fn sourced(statement: Statement) -> Statement {
        let Statement::Assert(assertion) = statement else { panic!("only assertions rest on sources") };
        let sources = vec![EntityId([200; 16])];
        Statement::Assert(Assertion { sources, grade: Some("B2".into()), ..assertion })
    }

    #[test]
    fn a_case_reads_as_a_tree_in_the_schemas_order() {
        let case = case(&[vec![
            says(7, "penalty.months", Value::Int(48)),
            refers(7, "penalty.parent", 6),
            says(6, "decision.outcome", "convicted"),
            refers(6, "decision.parent", 5),
            says(5, "proceeding.court_number", "1-12/2025"),
            refers(5, "proceeding.docket", 90),
            says(3, "capture_episode.place", "UA-14"),
            says(3, "capture_episode.date", "2023-06-10~"),
            says(CASE, "case_file.urgency", "high"),
            says(9, "person.shoe_size", Value::Int(43)),
            refers(8, "penalty.parent", 7),
            says(4, "spaceship.name", "of a newer schema"),
        ]]);
        let kinds: Vec<_> = case.sheet.records.iter().map(|record| record.kind.as_str()).collect();
        assert_eq!(kinds, ["case_file", "person", "capture_episode", "proceeding", "penalty", "spaceship"]);
        let capture: Vec<_> = case.sheet.records[2].fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(capture, ["capture_episode.date", "capture_episode.place"]);
        let decision = &case.sheet.records[3].children[0];
        assert_eq!((decision.kind.as_str(), decision.children[0].kind.as_str()), ("decision", "penalty"));
        assert_eq!(
            case.sheet.of_kind("penalty").len(),
            2,
            "a penalty cannot belong to a penalty: it stands at the top"
        );
        assert_eq!(case.header().and_then(|header| header.cell("urgency")?.value()), Some(&"high".into()));
        assert_eq!(case.dockets, [EntityId([90; 16])]);
        assert!(serde_json::to_string(&case).expect("JSON").contains("\"2023-06-10~\""));
    }

    #[test]
    fn records_that_belong_to_each_other_are_still_shown() {
        let case = case(&[vec![
            refers(5, "decision.parent", 5),
            says(5, "proceeding.court_number", "1-12/2025"),
            refers(6, "penalty.parent", 66),
        ]]);
        assert_eq!(case.sheet.of_kind("decision").len(), 1);
        assert_eq!(case.sheet.of_kind("proceeding").len(), 1);
        assert_eq!(case.sheet.of_kind("penalty").len(), 1, "its parent is not here");
    }

    #[test]
    fn the_timeline_joins_implied_and_written_events_and_marks_what_is_disputed() {
        let case = case(&[
            vec![
                says(2, "capture_episode.date", "2024-08-30"),
                says(3, "detention_episode.type", "filtration_unit"),
                says(3, "detention_episode.from", "2025-01-15"),
                says(4, "procedural_event.type", "contact.lost"),
                says(5, "decision.outcome", "convicted"),
                says(5, "decision.date", "2025-10"),
            ],
            vec![says(2, "capture_episode.date", "2024-09-02")],
        ]);
        let lines: Vec<_> = case
            .sheet
            .timeline
            .iter()
            .map(|event| {
                (event.what.clone(), event.date.map(|date| date.to_string()).unwrap_or_default(), event.disputed)
            })
            .collect();
        let event = |code: &str, date: &str, disputed| (What::Event(code.into()), date.to_owned(), disputed);
        assert_eq!(
            lines,
            [
                event("capture", "2024-08-30", true),
                event("filtration.start", "2025-01-15", false),
                (What::Decision("convicted".into()), "2025-10".to_owned(), false),
                event("contact.lost", "", false),
            ]
        );
    }

    #[test]
    fn a_conflict_shows_both_sides_and_provenance_whose_word_it_is() {
        let case = case(&[
            vec![sourced(says(7, "penalty.months", Value::Int(48))), says(CASE, "case_file.urgency", "high")],
            vec![sourced(says(7, "penalty.months", Value::Int(42)))],
        ]);
        assert_eq!(case.sheet.conflicts.len(), 1);
        let conflict = &case.sheet.conflicts[0];
        let sides: Vec<_> = conflict.claims.iter().map(|claim| (claim.org, claim.value.clone())).collect();
        assert_eq!(sides, [(OrgId([1; 32]), Value::Int(48)), (OrgId([2; 32]), Value::Int(42))]);
        assert!(!conflict.settled);
        let provenance = &case.sheet.provenance;
        let claims: Vec<_> = provenance.organisations.values().map(|share| share.claims).collect();
        assert_eq!((claims, provenance.unsourced), (vec![2, 1], 1));
        let source = &provenance.sources[&EntityId([200; 16])];
        assert_eq!(source.claims, 2);
        assert_eq!(source.grades.len(), 2, "B2 by one, B2 by the other");
    }

    #[test]
    fn a_case_in_a_log_shows_no_content() {
        let case = case(&[
            vec![
                sourced(says(2, "capture_episode.date", "2023-06-10~")),
                says(3, "procedural_event.type", "check.registered"),
                says(4, "decision.outcome", "terminated_nonrehab"),
                says(5, "captivity_episode.to", "2024-01"),
            ],
            vec![says(2, "capture_episode.date", "2023-06-11")],
        ]);
        let shown = format!("{case:?}");
        for content in ["2023", "check", "terminated", "97", "B2", "pow", "returned"] {
            assert!(!shown.contains(content), "{content}: {shown}");
        }
    }
}
