//! Tests of a shared section through its life: shared, corrected, retracted, hidden.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::record::section::{
    assertion::Reference,
    root::root_of,
    sample::{refers, says},
    view::Shown,
};

const ROOT: u8 = 1;
const CAPTURE: u8 = 2;
const DATE: &str = "capture_episode.date";
const PLACE: &str = "capture_episode.place";
const RISK: &str = "case_file.risk";

/// An organisation that keeps a case and shares it.
struct Desk {
    own: Written,
    shared: Written,
    names: Names,
}

/// The scope of a batch.
#[derive(Clone, Copy)]
enum Act {
    /// A person has approved the whole preview.
    Share,
    /// The own section has changed.
    Follow,
}

impl Desk {
    /// A case with consent to sharing.
    fn new() -> Self {
        let own = SectionId([ROOT; 16]);
        let names = Names::new(&Entropy::new([9; 32]).secret(), own, &CIRCLE);
        let mut own = Written::new(own);
        own.says(vec![
            says(200, "consent_record.giver", "subject"),
            says(200, "consent_record.asked_on", "2025-03"),
            says(200, "consent_record.level", "C3"),
        ]);
        Self { own, shared: Written::new(names.shared()), names }
    }

    fn preview(&mut self) -> Preview {
        preview(&self.own.view(), &three(), TODAY)
    }

    /// Writes batches until none is left; returns the number of statements.
    fn acts(&mut self, act: Act) -> usize {
        let preview = self.preview();
        let seen = match act {
            Act::Share => preview.fields(),
            Act::Follow => Seen::new(),
        };
        let mut said = 0;
        loop {
            let act = restate(&self.names, &preview, &self.shared.view(), &OWN, &seen);
            if act.is_empty() {
                return said;
            }
            said += act.len();
            assert!(said < 10_000, "it does not come to an end");
            let plain = self.shared.plain(act);
            assert!(plain.encode().is_ok(), "an act is one entry");
            self.shared.enters(OWN, plain);
        }
    }

    /// The current values of a field of the shared section, as texts.
    fn reads(&mut self, field: &str) -> Vec<String> {
        let view = self.shared.view();
        let cells = view.cells().filter(|(_, name, _)| *name == field);
        let values = cells.flat_map(|(_, _, cell)| &cell.claims).filter_map(|claim| claim.value.as_text());
        let mut values: Vec<String> = values.map(str::to_owned).collect();
        values.sort();
        values
    }

    /// The first current claim of a field in the own section.
    fn claim(&mut self, entity: u8, field: &str) -> Reference {
        self.own.view().cell(&EntityId([entity; 16]), field).expect("it was said").claims[0].at
    }

    fn retracts(&mut self, at: Reference) {
        self.own.says(vec![Statement::Retract { at, reason: "error".into() }]);
    }
}

#[test]
fn a_correction_travels_in_the_same_act_and_a_new_field_waits() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, DATE, "2024-08")]);
    assert_eq!(desk.acts(Act::Follow), 0, "nothing is shared by itself");
    assert!(desk.acts(Act::Share) > 0);
    assert_eq!((desk.reads(DATE), desk.acts(Act::Share)), (vec!["2024-08".into()], 0));

    desk.own.says(vec![says(CAPTURE, DATE, "2024-09-02"), says(CAPTURE, PLACE, "UA-14"), says(3, DATE, "2025")]);
    assert_eq!(desk.acts(Act::Follow), 1, "the corrected date; not the new field, not the new capture");
    assert_eq!((desk.reads(DATE), desk.reads(PLACE)), (vec!["2024-09-02".into()], vec![]));
    assert!(goes_of(&desk.preview(), PLACE).next().is_some(), "it previews");
    assert_eq!(desk.acts(Act::Share), 2);
    assert_eq!((desk.reads(DATE).len(), desk.reads(PLACE)), (2, vec!["UA-14".into()]));
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-63")]);
    assert_eq!((desk.acts(Act::Follow), desk.reads(PLACE)), (1, vec!["UA-63".into()]));
    let view = desk.shared.view();
    assert!(view.cells().all(|(_, _, cell)| cell.shown != Shown::Conflict), "no correction reads as a conflict");
}

#[test]
fn what_is_taken_back_at_home_is_taken_back_in_the_circle() {
    let mut desk = Desk::new();
    desk.own.says(vec![
        says(ROOT, RISK, "in_custody_rf"),
        says(ROOT, RISK, "reprisal_reported"),
        says(CAPTURE, PLACE, "UA-14"),
    ]);
    desk.acts(Act::Share);
    assert_eq!(desk.reads(RISK), ["in_custody_rf", "reprisal_reported"]);
    let risk = desk.claim(ROOT, RISK);
    desk.retracts(risk);
    assert_eq!((desk.acts(Act::Follow), desk.reads(RISK)), (1, vec!["reprisal_reported".into()]));
    let place = desk.claim(CAPTURE, PLACE);
    desk.retracts(place);
    assert_eq!((desk.acts(Act::Follow), desk.reads(PLACE)), (1, vec![]));
    // A retraction is final; the field stays covered, so the new value follows.
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-63")]);
    assert_eq!((desk.acts(Act::Follow), desk.reads(PLACE)), (1, vec!["UA-63".into()]));
    let view = desk.shared.view();
    let reasons = view.cells().flat_map(|(_, _, cell)| &cell.history).filter_map(|former| match &former.fate {
        crate::record::section::view::Fate::Retracted(retractions) => Some(retractions[0].reason.clone()),
        crate::record::section::view::Fate::Superseded => None,
    });
    assert_eq!(reasons.collect::<BTreeSet<_>>(), BTreeSet::from(["withdrawn".into()]), "why is told to nobody");
}

#[test]
fn a_cap_that_comes_later_takes_back_what_it_covers() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, "capture_episode.circumstances", "wounded"), says(CAPTURE, PLACE, "UA-14")]);
    desk.acts(Act::Share);
    desk.own.says(vec![says(ROOT, "case_file.risk_local", "incommunicado")]);
    assert_eq!(desk.acts(Act::Follow), 1);
    assert_eq!((desk.reads("capture_episode.circumstances"), desk.reads(PLACE)), (vec![], vec!["UA-14".into()]));
}

#[test]
fn reporters_stay_side_by_side_without_a_name() {
    let mut desk = Desk::new();
    let reported = |date: &str, by: &str| {
        let Statement::Assert(mut said) = says(CAPTURE, DATE, date) else { unreachable!("says asserts") };
        said.reported_by = Some(by.to_owned());
        Statement::Assert(said)
    };
    desk.own.says(vec![reported("2024-08-30", "org:alpha")]);
    desk.own.says(vec![reported("2024-09-02", "org:gamma")]);
    desk.acts(Act::Share);
    assert_eq!(desk.reads(DATE), ["2024-08-30", "2024-09-02"]);
    let view = desk.shared.view();
    let (_, _, cell) = view.cells().find(|(_, name, _)| *name == DATE).expect("it is there");
    assert_eq!(cell.shown, Shown::Conflict);
    desk.own.says(vec![reported("2024-09-01", "org:gamma")]);
    assert_eq!((desk.acts(Act::Follow), desk.reads(DATE)), (1, vec!["2024-08-30".into(), "2024-09-01".into()]));
}

#[test]
fn who_settled_a_conflict_is_restated_with_the_claims_it_weighed() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    let theirs = Plain {
        schema: Schema::VERSION,
        section: desk.own.section.id(),
        claimed_time: ClaimedTime(0),
        deps: vec![],
        batch: None,
        statements: vec![says(CAPTURE, PLACE, "UA-63")],
    };
    // In the own section another device of the organisation claimed another value, through another reporter.
    let mut theirs = theirs;
    if let Some(Statement::Assert(said)) = theirs.statements.first_mut() {
        said.reported_by = Some("org:gamma".into());
    }
    desk.own.enters(OWN, theirs);
    desk.acts(Act::Share);
    let claims: Vec<Reference> = {
        let view = desk.own.view();
        view.cell(&EntityId([CAPTURE; 16]), PLACE).expect("said").claims.iter().map(|claim| claim.at).collect()
    };
    let resolve = |reason: &str| Statement::Resolve {
        entity: EntityId([CAPTURE; 16]),
        field: PLACE.into(),
        chosen: Some(claims[0]),
        seen: claims.clone(),
        reason: reason.into(),
    };
    let settled = desk.own.says(vec![resolve("a note of Ivan's")]);
    assert_eq!(desk.acts(Act::Follow), 1);
    let view = desk.shared.view();
    let (_, _, cell) = view.cells().find(|(_, name, _)| *name == PLACE).expect("it is there");
    assert!(matches!(cell.shown, Shown::Resolved { chosen: Some(_), .. }), "{:?}", cell.shown);
    assert_eq!(cell.resolutions[0].reason, "resolved", "a note does not travel");
    desk.retracts(Reference(settled, 0));
    assert_eq!(desk.acts(Act::Follow), 1);
    let view = desk.shared.view();
    assert_eq!(view.cells().find(|(_, name, _)| *name == PLACE).expect("it is there").2.shown, Shown::Conflict);
}

#[test]
fn a_withdrawal_is_one_statement_that_hides_all_and_is_undone_by_sharing_again() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14"), says(ROOT, RISK, "in_custody_rf")]);
    desk.acts(Act::Share);
    assert!(!recall::is_hidden(&desk.shared.view()));
    desk.own.says(vec![says(200, "consent_record.withdrawn", Value::Bool(true))]);
    assert_eq!(desk.acts(Act::Follow), 1);
    assert!(recall::is_hidden(&desk.shared.view()));
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-63")]);
    assert_eq!(desk.acts(Act::Share), 0, "nothing goes any more");
    let withdrawal = desk.claim(200, "consent_record.withdrawn");
    desk.retracts(withdrawal);
    assert_eq!(desk.acts(Act::Follow), 0, "to undo a withdrawal is to share: somebody looks at a preview first");
    assert!(recall::is_hidden(&desk.shared.view()));
    assert_eq!(desk.acts(Act::Share), 2, "the withdrawal, and the correction made meanwhile");
    assert!(!recall::is_hidden(&desk.shared.view()));
    assert_eq!(desk.reads(PLACE), ["UA-63"]);
}

#[test]
fn consent_that_has_run_out_stops_and_hides_nothing() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    desk.acts(Act::Share);
    desk.own.says(vec![says(200, "consent_record.expires_on", "2025-06"), says(CAPTURE, PLACE, "UA-63")]);
    assert_eq!((desk.acts(Act::Follow), desk.acts(Act::Share), desk.reads(PLACE)), (0, 0, vec!["UA-14".into()]));
    assert!(!recall::is_hidden(&desk.shared.view()));
    desk.own.says(vec![says(200, "consent_record.level", "C1")]);
    assert_eq!(desk.acts(Act::Follow), 1);
    assert!(recall::is_hidden(&desk.shared.view()), "the level was lowered: that is a will, not a date");
}

#[test]
fn a_case_that_was_never_shared_is_withdrawn_without_a_word_to_others() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14"), says(200, "consent_record.withdrawn", Value::Bool(true))]);
    assert_eq!((desk.acts(Act::Follow), desk.acts(Act::Share)), (0, 0));
}

/// Somebody looked at a preview, and consent was withdrawn before he said yes: what he let go goes nowhere, and who was
/// never told of the case is not told of its withdrawal either.
#[test]
fn what_was_let_go_before_a_withdrawal_does_not_go_after_it() {
    let withdrawn = || vec![says(200, "consent_record.withdrawn", Value::Bool(true))];
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    let seen = desk.preview().fields();
    desk.own.says(withdrawn());
    let act = |desk: &mut Desk| {
        let (preview, shared) = (desk.preview(), desk.shared.view());
        restate(&desk.names, &preview, &shared, &OWN, &seen)
    };
    assert_eq!(act(&mut desk), []);

    let mut told = Desk::new();
    told.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    told.acts(Act::Share);
    told.own.says(withdrawn());
    let hides = act(&mut told);
    assert_eq!(hides.len(), 1, "it is hidden");
    let plain = told.shared.plain(hides);
    told.shared.enters(OWN, plain);
    assert_eq!(act(&mut told), [], "and hidden once");
}

/// A case is shared with another circle instead: the part here is closed by one statement, and nothing follows into it
/// until somebody shares it here again.
#[test]
fn a_part_that_another_one_took_the_place_of_is_closed_once_and_stays_closed() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    let close = |desk: &mut Desk| {
        let shared = desk.shared.view();
        super::super::restate::close(&desk.names, &shared, &OWN)
    };
    assert_eq!(close(&mut desk), [], "nobody was told of it");
    desk.acts(Act::Share);
    let closes = close(&mut desk);
    assert_eq!(closes.len(), 1);
    let plain = desk.shared.plain(closes);
    desk.shared.enters(OWN, plain);
    assert!(recall::is_hidden(&desk.shared.view()));
    assert_eq!(close(&mut desk), [], "it is closed");
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-63")]);
    assert_eq!((desk.acts(Act::Follow), desk.reads(PLACE)), (0, vec!["UA-14".into()]));
    assert!(desk.acts(Act::Share) > 0);
    assert!(!recall::is_hidden(&desk.shared.view()));
    assert_eq!(desk.reads(PLACE), ["UA-63"]);
}

/// A correction that follows by itself named a source that nobody had let go: an entity that readers had not been told of.
#[test]
fn what_follows_by_itself_names_no_source_that_readers_do_not_know() {
    let mut desk = Desk::new();
    let sourced = |place: &str, source: u8| {
        let Statement::Assert(mut said) = says(CAPTURE, PLACE, place) else { unreachable!("says asserts") };
        said.sources = vec![EntityId([source; 16])];
        vec![Statement::Assert(said), says(source, "source.type", "court_card")]
    };
    desk.own.says(sourced("UA-14", 7));
    desk.acts(Act::Share);
    let known = desk.names.entity(&EntityId([7; 16]));
    let sources = |desk: &mut Desk| {
        let view = desk.shared.view();
        let (_, _, cell) = view.cells().find(|(_, name, _)| *name == PLACE).expect("it was shared");
        cell.claims[0].sources.clone()
    };
    assert_eq!(sources(&mut desk), [known]);
    desk.own.says(sourced("UA-63", 8));
    assert_eq!((desk.acts(Act::Follow), desk.reads(PLACE)), (1, vec!["UA-63".into()]));
    assert_eq!(sources(&mut desk), []);
}

/// The claim that was chosen stays at home. Told without it, the resolution would say that none of the others is right.
#[test]
fn a_resolution_is_told_only_with_the_claim_it_chose_and_with_one_it_weighed() {
    for (chooses, weighs_both) in [(true, true), (false, false)] {
        let mut desk = Desk::new();
        let Statement::Assert(mut local) = says(CAPTURE, PLACE, "near the house") else { unreachable!("says asserts") };
        local.reported_by = Some("org:gamma".into());
        desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
        desk.own.says(vec![Statement::Assert(local)]);
        desk.acts(Act::Share);
        assert_eq!(desk.reads(PLACE), ["UA-14"]);
        let view = desk.own.view();
        let claims = &view.cell(&EntityId([CAPTURE; 16]), PLACE).expect("said").claims;
        let stays = claims.iter().find(|claim| claim.value.as_text() != Some("UA-14")).expect("two claims").at;
        let all = claims.iter().map(|claim| claim.at).collect();
        desk.own.says(vec![Statement::Resolve {
            entity: EntityId([CAPTURE; 16]),
            field: PLACE.into(),
            chosen: chooses.then_some(stays),
            seen: if weighs_both { all } else { vec![stays] },
            reason: "error".into(),
        }]);
        assert_eq!(desk.acts(Act::Follow), 0);
    }
}

/// A docket is public and keeps its id: under another name nobody would find it.
#[test]
fn a_reference_to_a_docket_leads_to_the_docket() {
    let mut desk = Desk::new();
    desk.own.says(vec![refers(ROOT, "case_file.docket", 90)]);
    desk.acts(Act::Share);
    let view = desk.shared.view();
    let (_, _, cell) = view.cells().find(|(_, name, _)| *name == "case_file.docket").expect("it goes");
    assert_eq!(cell.claims[0].value, Value::Ref(EntityId([90; 16])));
}

/// A resolution that another organisation made in a shared copy is its own to retract. Vain retractions went on for ever.
#[test]
fn what_others_settled_in_the_circle_is_left_to_them() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    desk.acts(Act::Share);
    let there = desk.names.entity(&EntityId([CAPTURE; 16]));
    let at = desk.shared.view().cell(&there, PLACE).expect("shared").claims[0].at;
    let Statement::Assert(mut theirs) = says(CAPTURE, PLACE, "UA-63") else { unreachable!("says asserts") };
    theirs.entity = there;
    let plain = desk.shared.plain(vec![Statement::Assert(theirs)]);
    let second = Reference(desk.shared.enters(SECOND, plain), 0);
    let mut seen = vec![at, second];
    seen.sort_unstable();
    let resolve =
        Statement::Resolve { entity: there, field: PLACE.into(), chosen: Some(at), seen, reason: "error".into() };
    let plain = desk.shared.plain(vec![resolve]);
    desk.shared.enters(SECOND, plain);
    assert_eq!((desk.acts(Act::Follow), desk.acts(Act::Share)), (0, 0));
}

#[test]
fn a_withdrawal_that_races_an_edit_wins_everywhere() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    desk.acts(Act::Share);
    desk.own.says(vec![says(200, "consent_record.withdrawn", Value::Bool(true))]);
    desk.acts(Act::Follow);
    // Another organisation of the circle adds a hearing and asserts that consent stands, concurrently with the
    // withdrawal.
    let (line, _) = {
        let view = desk.shared.view();
        let (line, ..) = view.cells().find(|(_, name, _)| *name == "consent_record.withdrawn").expect("withdrawn");
        (*line, ())
    };
    let mut not_withdrawn = says(7, "consent_record.withdrawn", Value::Bool(false));
    if let Statement::Assert(said) = &mut not_withdrawn {
        said.entity = line;
    }
    let edit = Plain {
        schema: Schema::VERSION,
        section: desk.names.shared(),
        claimed_time: ClaimedTime(1_800_000_000),
        deps: vec![],
        batch: None,
        statements: vec![says(7, "procedural_event.type", "hearing"), not_withdrawn],
    };
    desk.shared.enters(SECOND, edit);
    let entries: Vec<Contribution> = desk.shared.section.entries().cloned().collect();
    assert_eq!(entries.len(), 3);
    let mut digests = BTreeSet::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut section = Section::new(desk.names.shared());
        for at in order {
            section.insert(entries[at].clone()).expect("one section, no fork");
            let _looked_at_in_between = section.view();
        }
        let view = section.view();
        assert!(recall::is_hidden(&view));
        digests.insert(view.digest());
    }
    assert_eq!(digests.len(), 1);
}

#[test]
fn a_long_case_goes_in_several_acts() {
    let mut desk = Desk::new();
    let text = "Сводка о положении дела. ".repeat(100);
    let summaries =
        (10..60).flat_map(|at| [says(at, "paragraph.kind", "summary"), says(at, "paragraph.text", text.trim())]);
    for chunk in summaries.collect::<Vec<_>>().chunks(20) {
        desk.own.says(chunk.to_vec());
    }
    desk.acts(Act::Share);
    assert!(desk.shared.section.entries().count() > 2);
    assert_eq!(desk.reads("paragraph.text").len(), 50);
}

#[test]
fn what_follows_by_itself_leads_to_nothing_that_readers_do_not_know() {
    let mut desk = Desk::new();
    let item = |at: u8| says(at, "evidence_item.graphic", Value::Bool(false));
    let evidence = "capture_episode.document_evidence";
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14"), refers(CAPTURE, evidence, 4), item(4)]);
    desk.acts(Act::Share);
    desk.own.says(vec![refers(CAPTURE, evidence, 5), item(5)]);
    assert_eq!(desk.acts(Act::Follow), 0, "the new item has not been previewed");
    assert_eq!(desk.acts(Act::Share), 2);
}

#[test]
fn what_two_devices_say_differently_waits_until_it_is_settled_at_home() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14"), says(CAPTURE, DATE, "2024-08")]);
    desk.acts(Act::Share);
    let plain = desk.own.plain(vec![says(CAPTURE, PLACE, "UA-63")]);
    desk.own.enters_from(FeedKey([77; 32]), OWN, plain);
    assert_eq!(codes(&desk.preview(), PLACE), BTreeSet::from(["unsettled".into()]));
    assert_eq!((desk.acts(Act::Follow), desk.acts(Act::Share)), (0, 0), "what is told stays as it is");
    assert_eq!(desk.reads(PLACE), ["UA-14"]);
    let claims: Vec<(Reference, Value)> = {
        let view = desk.own.view();
        let cell = view.cell(&EntityId([CAPTURE; 16]), PLACE).expect("said");
        cell.claims.iter().map(|claim| (claim.at, claim.value.clone())).collect()
    };
    let chosen = claims.iter().find(|(_, value)| value.as_text() == Some("UA-63")).map(|(at, _)| *at);
    let seen = claims.iter().map(|(at, _)| *at).collect();
    let (entity, field) = (EntityId([CAPTURE; 16]), PLACE.to_owned());
    desk.own.says(vec![Statement::Resolve { entity, field, chosen, seen, reason: "error".into() }]);
    assert_eq!(codes(&desk.preview(), PLACE), BTreeSet::new(), "it is settled");
    desk.acts(Act::Follow);
    assert_eq!(desk.reads(PLACE), ["UA-63"]);
    assert_eq!(desk.acts(Act::Follow), 0);
}

#[test]
fn at_home_the_word_of_others_stands_beside_the_own_and_can_be_weighed() {
    let mut desk = Desk::new();
    desk.own.says(vec![says(CAPTURE, PLACE, "UA-14")]);
    desk.acts(Act::Share);
    let there = desk.names.entity(&EntityId([CAPTURE; 16]));
    let mut theirs = says(CAPTURE, PLACE, "UA-63");
    if let Statement::Assert(said) = &mut theirs {
        said.entity = there;
    }
    let plain = desk.shared.plain(vec![theirs, says(9, DATE, "2025")]);
    desk.shared.enters(SECOND, plain);
    let whole = joint::joint(&desk.own.view(), &desk.shared.view(), &desk.names, &OWN);
    let cell = whole.cell(&EntityId([CAPTURE; 16]), PLACE).expect("both speak of it");
    assert_eq!((&cell.shown, cell.claims.len()), (&Shown::Conflict, 2));
    assert_eq!(whole.cell(&EntityId([9; 16]), DATE).expect("what only they speak of").claims[0].org, SECOND);
    assert_eq!(
        desk.own.view().cell(&EntityId([CAPTURE; 16]), PLACE).expect("said").shown,
        Shown::Agreed("UA-14".into())
    );
    // A resolution in the own section becomes one in the circle: the other's claim is chosen by its reference there.
    let seen: Vec<Reference> = cell.claims.iter().map(|claim| claim.at).collect();
    let chosen = cell.claims.iter().find(|claim| claim.org == SECOND).map(|claim| claim.at);
    let (entity, field) = (EntityId([CAPTURE; 16]), PLACE.to_owned());
    desk.own.says(vec![Statement::Resolve { entity, field, chosen, seen, reason: "error".into() }]);
    assert_eq!(desk.acts(Act::Follow), 1);
    let view = desk.shared.view();
    let shown = &view.cell(&there, PLACE).expect("said").shown;
    assert!(
        matches!(shown, Shown::Resolved { chosen: Some(value), .. } if value.as_text() == Some("UA-63")),
        "{shown:?}"
    );
    let whole = joint::joint(&desk.own.view(), &view, &desk.names, &OWN);
    let shown = &whole.cell(&EntityId([CAPTURE; 16]), PLACE).expect("said").shown;
    assert!(
        matches!(shown, Shown::Resolved { chosen: Some(value), .. } if value.as_text() == Some("UA-63")),
        "{shown:?}"
    );
    assert_eq!(desk.acts(Act::Follow), 0);
}

#[test]
fn whoever_lacks_the_own_circles_secret_cannot_tell_shared_names_from_random_ones() {
    let secret = |byte| Entropy::new([byte; 32]).secret();
    let (own, entity) = (SectionId([1; 16]), EntityId([2; 16]));
    let names = |byte, circle| Names::new(&secret(byte), own, &CircleId([circle; 16]));
    let (a, again, other, elsewhere) = (names(1, 1), names(1, 1), names(2, 1), names(1, 2));
    assert_eq!((a.shared(), a.entity(&entity)), (again.shared(), again.entity(&entity)), "every device finds the same");
    for stranger in [other, elsewhere] {
        assert_ne!(a.shared(), stranger.shared());
        assert_ne!(a.entity(&entity), stranger.entity(&entity));
        assert_ne!(a.pseudonym("org:alpha"), stranger.pseudonym("org:alpha"));
    }
    // Two cases of one circle are two sections.
    let sibling = Names::new(&secret(1), SectionId([3; 16]), &CircleId([1; 16]));
    assert!(sibling.shared() != a.shared() && sibling.entity(&entity) != a.entity(&entity));
    assert_eq!(a.entity(&root_of(&own)), root_of(&a.shared()));
    // Whoever has the secret computes the own section; in another circle, or with another secret, it is another one.
    let own_of = |byte, circle| Names::own_of(&secret(byte), a.shared(), &CircleId([circle; 16]));
    assert_eq!(own_of(1, 1), own);
    assert!(own_of(1, 2) != own && own_of(2, 1) != own);
}

/// A change that an organisation may make in the own section.
fn step() -> impl Strategy<Value = Vec<Statement>> {
    let capture = || 2..5u8;
    prop_oneof![
        4 => (capture(), select(vec!["2024", "2024-08", "2025"])).prop_map(|(at, date)| vec![says(at, DATE, date)]),
        4 => (capture(), select(vec!["UA-14", "UA-63", "no region"])).prop_map(|(at, place)| vec![says(at, PLACE, place)]),
        3 => select(vec!["in_custody_rf", "reprisal_reported", "incommunicado"]).prop_map(|risk| vec![says(ROOT, RISK, risk)]),
        3 => (capture(), select(vec!["wounded", "lost", "drone_guided"])).prop_map(|(at, code)| vec![says(at, "capture_episode.circumstances", code)]),
        1 => select(vec!["C2", "C4"]).prop_map(|level| vec![says(200, "consent_record.level", level)]),
        1 => Just(vec![says(200, "consent_record.withdrawn", Value::Bool(true))]),
    ]
}

/// A history of the own section: a step, or the retraction of a current claim (by number), and the batch that follows.
fn history() -> impl Strategy<Value = Vec<(Option<Vec<Statement>>, usize, bool)>> {
    prop::collection::vec((prop::option::weighted(0.7, step()), 0..64usize, any::<bool>()), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A shared section holds exactly what may go, or is hidden, whatever its history; and follow-ups add nothing to
    /// that.
    #[test]
    fn a_shared_section_converges_on_what_may_go(history in history()) {
        let mut desk = Desk::new();
        desk.own.says(vec![says(CAPTURE, DATE, "2024")]);
        desk.acts(Act::Share);
        for (step, number, shares) in history {
            match step {
                Some(statements) => { desk.own.says(statements); }
                None => {
                    let view = desk.own.view();
                    let claims: Vec<Reference> =
                        view.cells().flat_map(|(_, _, cell)| cell.claims.iter().map(|claim| claim.at)).collect();
                    if let Some(at) = claims.get(number % claims.len().max(1)) {
                        desk.retracts(*at);
                    }
                }
            }
            let before = desk.shared.view().digest();
            desk.acts(if shares { Act::Share } else { Act::Follow });
            let (preview, view) = (desk.preview(), desk.shared.view());
            prop_assert!(view.ignored.is_empty());
            if let Some(hides) = preview.case_held_back().map(Reason::hides).max() {
                let follows = if hides { recall::is_hidden(&view) } else { view.digest() == before };
                prop_assert!(follows, "what no longer may be read is hidden; what has merely lapsed stays as it was");
                continue;
            }
            if recall::is_hidden(&view) {
                prop_assert!(!shares, "what is hidden is shown again by sharing, and by nothing else");
                continue;
            }
            let mut told: Vec<(EntityId, String, Value)> = Vec::new();
            for (entity, field, cell) in view.cells().filter(|(_, field, _)| !matches!(*field, "case_file.case_id" | "consent_grant.parent")) {
                told.extend(cell.claims.iter().map(|claim| (*entity, field.to_owned(), claim.value.clone())));
            }
            let mut goes: Vec<(EntityId, String, Value)> = preview.goes.iter().filter(|goes| goes.field != "consent_grant.parent")
                .map(|goes| (desk.names.entity(&goes.entity), goes.field.clone(), goes.value.clone())).collect();
            told.sort();
            goes.sort();
            if shares {
                prop_assert!(told == goes, "{} told, {} go", told.len(), goes.len());
            } else {
                prop_assert!(told.iter().all(|told| goes.contains(told)), "something stands that may not go");
            }
        }
    }
}
