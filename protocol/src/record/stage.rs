//! The stage of a case and the state of the person: derived from events, never stored.
//!
//! * The latest dated event that maps to a stage wins; on one day the higher stage. An event without a date counts only
//!   when none has one. A return to the prosecutor moves backwards by design.
//! * Each proceeding has its own stage; the case shows the most advanced open one, and the others beside it.
//! * An asserted stage counts only when no event implies one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil;
use serde::Serialize;

use crate::{
    bytes::ids::EntityId,
    record::{
        schema::Value,
        section::{
            event::{self, Event, What},
            view::View,
        },
    },
};

/// A derived stage.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Code of the vocabulary `stage`.
    pub code: String,
    /// The basis of the stage.
    pub basis: Basis,
    /// Stage of each proceeding; more than one deserves a badge.
    pub proceedings: BTreeMap<EntityId, String>,
}

/// The basis of a derived stage or state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The record of this event.
    Event(EntityId),
    /// An assertion, without an event.
    Asserted,
    /// No information.
    Nothing,
}

/// A derived state of the person.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PersonState {
    /// Code of the vocabulary `person_state`.
    pub code: &'static str,
    /// The basis of the state.
    pub basis: Basis,
}

/// Shows the basis, never the stage.
impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stage from {:?}", self.basis)
    }
}

/// Shows the basis, never the state.
impl fmt::Debug for PersonState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonState from {:?}", self.basis)
    }
}

const UNKNOWN: &str = "XX-unknown";
const CLOSED: [&str; 3] = ["25-refused", "97-closed", "99-released"];

/// Derives the stage of a case file or docket.
#[must_use]
pub fn stage(view: &View) -> Stage {
    let reached: Vec<Reached> = event::timeline(view).iter().filter_map(Reached::of).collect();
    let ids: BTreeSet<EntityId> = reached.iter().filter_map(|reached| reached.proceeding).collect();
    let of = |proceeding: EntityId| reached.iter().filter(move |reached| reached.proceeding == Some(proceeding));
    let proceedings: BTreeMap<_, _> =
        ids.iter().filter_map(|id| Some((*id, latest(of(*id))?.stage.to_owned()))).collect();
    let open = proceedings.iter().filter(|(_, stage)| !CLOSED.contains(&stage.as_str())).map(|(id, _)| *id);
    // An event outside any proceeding (exchange, filtration, the way back to the front) moves each of them.
    let outside = || reached.iter().filter(|reached| reached.proceeding.is_none());
    let most_advanced = open.filter_map(|id| latest(outside().chain(of(id)))).max_by_key(|reached| reached.stage);
    let (code, basis) = match most_advanced.or_else(|| latest(reached.iter())) {
        Some(reached) => (reached.stage.to_owned(), Basis::Event(reached.entity)),
        None => match asserted(view) {
            Some(code) => (code, Basis::Asserted),
            None => (UNKNOWN.to_owned(), Basis::Nothing),
        },
    };
    Stage { code, basis, proceedings }
}

/// Derives the state of the person.
#[must_use]
pub fn person_state(view: &View) -> PersonState {
    let events: Vec<Event> = event::timeline(view).into_iter().filter(|event| !event.superseded).collect();
    let day = |event: &Event| event.date.and_then(|date| date.earliest());
    let is = |event: &Event, code: &str| matches!(&event.what, What::Event(found) if found == code);
    let restored = events.iter().filter(|event| is(event, "contact.restored")).map(day).max();
    let found = events
        .iter()
        .filter(|event| !(is(event, "contact.lost") && restored.is_some_and(|restored| restored >= day(event))))
        .filter_map(|event| Some((event.date.is_some(), day(event), state_of(view, event)?, event.entity)))
        .chain(left_captivity_without_exchange(view));
    // Death is final, whatever is dated later.
    let last = found.max_by_key(|(dated, day, state, _)| (*state == State::Dead, *dated, *day, *state));
    match last {
        Some((.., state, entity)) => PersonState { code: state.code(), basis: Basis::Event(entity) },
        None => PersonState { code: "unknown", basis: Basis::Nothing },
    }
}

/// A stage that an event implies.
struct Reached {
    entity: EntityId,
    proceeding: Option<EntityId>,
    /// Whether a date is known, and the earliest possible day.
    when: (bool, Option<civil::Date>),
    stage: &'static str,
}

impl Reached {
    fn of(event: &Event) -> Option<Self> {
        if event.superseded {
            return None;
        }
        Some(Self {
            entity: event.entity,
            proceeding: event.proceeding,
            when: (event.date.is_some(), event.date.and_then(|date| date.earliest())),
            stage: match &event.what {
                What::Event(code) => stage_of(code, event.court.as_deref())?,
                What::Decision(outcome) => stage_after(outcome)?,
            },
        })
    }
}

fn latest<'a>(reached: impl Iterator<Item = &'a Reached>) -> Option<&'a Reached> {
    reached.max_by_key(|reached| (reached.when, reached.stage))
}

fn stage_of(event: &str, court: Option<&str>) -> Option<&'static str> {
    Some(match event {
        "capture" => "00-captivity",
        "exchange.done" => "05-exchange",
        "filtration.start" => "10-filtration",
        "redeployed" => "15-redeployed",
        "check.registered" => "20-check",
        "check.refused" => "25-refused",
        "case.opened" => "30-opened",
        "arrest" => "35-suspect",
        "charge.brought" => "40-charged",
        "filereview.start" => "45-filereview",
        "indictment.approved" => "50-prosecutor",
        "court.received" => "55-incourt",
        "hearing" | "hearing.closed" => "60-trial",
        "verdict" => "65-verdict",
        "appeal.filed" => "70-appeal",
        "inforce" => "75-inforce",
        // Codes of cassation courts have a K after the two digits of the region; the next court above has none.
        "cassation.filed" => match court.and_then(|court| court.chars().nth(2)) {
            None | Some('K') => "80-cassation1",
            Some(_) => "85-cassation2",
        },
        "returned.237" => "95-returned",
        "release" => "99-released",
        _ => return None,
    })
}

fn stage_after(outcome: &str) -> Option<&'static str> {
    Some(match outcome {
        "refused_open" => "25-refused",
        // A quashed verdict returns the case to the court of first instance.
        "quashed_retrial" => "55-incourt",
        "convicted" | "convicted_reclassified" | "acquitted" | "compulsory_treatment" => "65-verdict",
        "suspended_contract" | "suspended_search" => "92-suspended",
        "returned_prosecutor" => "95-returned",
        "terminated_exempt_note"
        | "terminated_no_offence"
        | "terminated_nonrehab"
        | "quashed_terminated"
        | "pardoned"
        | "amnestied"
        | "exchanged_again"
        | "died" => "97-closed",
        _ => return None,
    })
}

/// The asserted stage, if assertions agree.
fn asserted(view: &View) -> Option<String> {
    let cell = view.cells().find(|(_, field, _)| *field == "case_file.asserted_stage").map(|(.., cell)| cell)?;
    cell.value().and_then(Value::as_text).map(str::to_owned)
}

/// Codes of `person_state`; on one day the later in this list takes precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Pow,
    ReturnedFree,
    Abroad,
    Released,
    ReturnedHeld,
    Pretrial,
    Serving,
    Redeployed,
    Missing,
    Dead,
}

impl State {
    fn code(self) -> &'static str {
        match self {
            Self::Pow => "pow",
            Self::ReturnedFree => "returned_free",
            Self::Abroad => "abroad",
            Self::Released => "released",
            Self::ReturnedHeld => "returned_held",
            Self::Pretrial => "pretrial",
            Self::Serving => "serving",
            Self::Redeployed => "redeployed",
            Self::Missing => "missing",
            Self::Dead => "dead",
        }
    }
}

fn state_of(view: &View, event: &Event) -> Option<State> {
    let code = match &event.what {
        What::Event(code) => code.as_str(),
        What::Decision(outcome) => {
            return match outcome.as_str() {
                "died" => Some(State::Dead),
                "pardoned" | "amnestied" => Some(State::Released),
                "acquitted" | "quashed_terminated" => Some(State::ReturnedFree),
                _ => stage_after(outcome).filter(|stage| *stage == "97-closed").map(|_| State::ReturnedFree),
            };
        }
    };
    Some(match code {
        "capture" => State::Pow,
        "exchange.done" | "filtration.end" => State::ReturnedFree,
        "filtration.start" => State::ReturnedHeld,
        "redeployed" => State::Redeployed,
        "arrest" => State::Pretrial,
        "contact.lost" => State::Missing,
        "release" => State::Released,
        "left_country" => State::Abroad,
        "death" => State::Dead,
        "detention.start" => held(detention_type(view, event)?)?,
        // The end of a stay in a camp is not a return: the exchange event is.
        "detention.end" if held(detention_type(view, event)?)? == State::Pow => return None,
        "detention.end" => State::ReturnedFree,
        _ => return None,
    })
}

fn detention_type<'a>(view: &'a View, event: &Event) -> Option<&'a str> {
    view.cell(&event.entity, "detention_episode.type")?.values().into_iter().find_map(Value::as_text)
}

fn held(detention: &str) -> Option<State> {
    Some(match detention {
        "pow_camp_ua" | "pretrial_ua" => State::Pow,
        "transit_by" | "filtration_unit" | "mil_hospital" | "unit_confinement" | "guardhouse" | "unofficial_site" => {
            State::ReturnedHeld
        }
        "ivs" | "sizo" | "sizo_fsb" | "house_arrest" | "psych_exam" => State::Pretrial,
        "psych_compulsory" | "transfer_etap" | "colony_settlement" | "colony_general" | "colony_strict"
        | "colony_special" | "prison" | "punitive_cell" | "disbat" => State::Serving,
        "front_guarded" => State::Redeployed,
        "unknown_location" => State::Missing,
        _ => return None,
    })
}

/// The end of a captivity without any exchange: the person did not return.
fn left_captivity_without_exchange(view: &View) -> Option<(bool, Option<civil::Date>, State, EntityId)> {
    let texts = |name: &'static str| {
        view.cells().filter(move |(_, field, _)| *field == name).flat_map(|(entity, _, cell)| {
            cell.values().into_iter().filter_map(move |value| Some((entity, value.as_text()?)))
        })
    };
    if texts("transfer_episode.route").any(|(_, route)| route != "NONE")
        || texts("transfer_episode.route").next().is_none()
    {
        return None;
    }
    let ends = texts("captivity_episode.to")
        .filter_map(|(entity, to)| Some((*entity, to.parse::<crate::record::date::Date>().ok()?)));
    let (entity, to) = ends.max_by_key(|(_, to)| *to)?;
    Some((true, to.earliest(), State::Abroad, entity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::section::assertion::{Assertion, Statement};
    use crate::record::section::sample::{self, refers, says};

    /// Makes a view of entities 1, 2, …, each with the fields given.
    fn view(entities: &[&[(&str, &str)]]) -> View {
        let statements = (1..).zip(entities).flat_map(|(entity, fields)| {
            fields.iter().map(move |(field, value)| {
                match field.ends_with("proceeding") || field.ends_with("supersedes") {
                    true => refers(entity, field, value.parse().expect("the number of an entity")),
                    false => says(entity, field, *value),
                }
            })
        });
        sample::view(&[statements.collect()])
    }

    fn check(entities: &[&[(&str, &str)]], expected_stage: &str, expected_state: &str) {
        let view = view(entities);
        assert_eq!((stage(&view).code.as_str(), person_state(&view).code), (expected_stage, expected_state));
    }

    macro_rules! event {
        ($type:literal) => {
            &[("procedural_event.type", $type)]
        };
        ($type:literal, $date:literal) => {
            &[("procedural_event.type", $type), ("procedural_event.date", $date)]
        };
        ($type:literal, $date:literal, in $proceeding:literal) => {
            &[
                ("procedural_event.type", $type),
                ("procedural_event.date", $date),
                ("procedural_event.proceeding", $proceeding),
            ]
        };
    }

    #[test]
    fn the_latest_dated_event_that_maps_to_a_stage_wins() {
        let capture = &[("capture_episode.date", "2023-06-10~")];
        let exchange = &[("transfer_episode.date", "2024-01-15"), ("transfer_episode.route", "BY-NOVAYA-GUTA")];
        let filtration = &[("detention_episode.type", "filtration_unit"), ("detention_episode.from", "2024-01-15")];
        check(&[], "XX-unknown", "unknown");
        check(&[capture], "00-captivity", "pow");
        check(&[capture, exchange], "05-exchange", "returned_free");
        check(&[capture, exchange, filtration], "10-filtration", "returned_held");
        check(&[exchange, event!("arrest", "2024-06-19"), event!("verdict", "2025-04-10")], "65-verdict", "pretrial");
        check(&[event!("verdict", "2025-04-10"), event!("verdict.copy_served", "2025-04-16")], "65-verdict", "unknown");
        check(&[event!("inforce", "2025-06-24"), event!("appeal.decided", "2025-06-24")], "75-inforce", "unknown");
        check(
            &[event!("court.received", "2024-12-20"), event!("returned.237", "2025-03-14")],
            "95-returned",
            "unknown",
        );
        check(&[event!("returned.237", "2025-03-14"), event!("court.received", "2025-05-20")], "55-incourt", "unknown");
        check(&[event!("hearing", "2025-03"), event!("court.received", "2025-03-01")], "60-trial", "unknown");
    }

    #[test]
    fn an_event_without_a_date_counts_only_when_none_has_one() {
        check(&[event!("verdict"), event!("arrest", "2024-06-19")], "35-suspect", "pretrial");
        check(&[event!("verdict"), event!("case.opened")], "65-verdict", "unknown");
        let undated = &[("capture_episode.place", "UA-14")];
        check(&[undated], "XX-unknown", "unknown");
    }

    #[test]
    fn a_decision_closes_suspends_or_returns_and_a_tie_goes_to_the_higher_stage() {
        let check = |outcome: &str, expected: &str| {
            let decision = &[("decision.outcome", outcome), ("decision.date", "2024-10-20")];
            check_stage(&[event!("check.refused", "2024-10-20"), decision], expected);
        };
        check("terminated_exempt_note", "97-closed");
        check("suspended_contract", "92-suspended");
        check("returned_prosecutor", "95-returned");
        check("convicted", "65-verdict");
        check("upheld", "25-refused");
    }

    fn check_stage(entities: &[&[(&str, &str)]], expected: &str) {
        assert_eq!(stage(&view(entities)).code, expected);
    }

    #[test]
    fn the_case_shows_the_most_advanced_open_proceeding_and_names_the_others() {
        let entities: [&[(&str, &str)]; 4] = [
            event!("check.refused", "2025-01-10", in "91"),
            event!("court.received", "2024-06-01", in "92"),
            event!("case.opened", "2024-09-01", in "93"),
            &[("capture_episode.date", "2023-01")],
        ];
        let stage = stage(&view(&entities));
        assert_eq!(stage.code, "55-incourt");
        assert_eq!(stage.basis, Basis::Event(EntityId([2; 16])));
        assert_eq!(stage.proceedings.into_values().collect::<Vec<_>>(), ["25-refused", "55-incourt", "30-opened"]);
        // All proceedings are closed: the latest event counts.
        check_stage(&[entities[0], event!("redeployed", "2025-02-01")], "15-redeployed");
        // An event outside the proceedings moves the open ones too.
        check_stage(&[entities[1], event!("redeployed", "2025-02-01")], "15-redeployed");
    }

    #[test]
    fn an_asserted_stage_counts_only_without_events_and_only_if_people_agree() {
        let asserted = |stage: &str| vec![says(1, "case_file.asserted_stage", stage)];
        let check = |organisations: &[Vec<Statement>], expected: (&str, Basis)| {
            let stage = stage(&sample::view(organisations));
            assert_eq!((stage.code.as_str(), stage.basis), expected);
        };
        check(&[asserted("60-trial")], ("60-trial", Basis::Asserted));
        check(&[asserted("60-trial"), asserted("65-verdict")], ("XX-unknown", Basis::Nothing));
        let capture = vec![says(2, "capture_episode.date", "2023")];
        check(&[asserted("60-trial"), capture], ("00-captivity", Basis::Event(EntityId([2; 16]))));
    }

    #[test]
    fn superseded_and_withdrawn_events_do_not_move_the_stage() {
        let verdict: &[(&str, &str)] = event!("verdict", "2025-04-10");
        let correction: &[(&str, &str)] = &[
            ("procedural_event.type", "hearing"),
            ("procedural_event.date", "2025-04-10"),
            ("procedural_event.supersedes", "1"),
        ];
        check_stage(&[verdict, correction], "60-trial");
        let withdrawn = [verdict[0], verdict[1], ("procedural_event.retracted_reason", "error")];
        check_stage(&[&withdrawn, event!("hearing", "2025-03-01")], "60-trial");
    }

    #[test]
    fn two_dates_claimed_for_one_event_count_from_the_earliest() {
        let says_verdict = |date: &str| vec![says(1, "decision.outcome", "convicted"), says(1, "decision.date", date)];
        let arrest =
            |date: &str| vec![says(2, "procedural_event.type", "returned.237"), says(2, "procedural_event.date", date)];
        let organisations = [says_verdict("2025-04-10"), says_verdict("2025-06-01"), arrest("2025-05-01")];
        assert_eq!(stage(&sample::view(&organisations)).code, "95-returned");
    }

    #[test]
    fn a_cassation_is_the_first_or_the_second_by_its_court() {
        let filed = |court: &'static str| -> Vec<(&'static str, &'static str)> {
            let mut event = event!("cassation.filed", "2025-09-01").to_vec();
            event.extend((!court.is_empty()).then_some(("procedural_event.court_id", court)));
            event
        };
        check_stage(&[&filed("")], "80-cassation1");
        check_stage(&[&filed("54KV0000")], "80-cassation1");
        check_stage(&[&filed("99VS0000")], "85-cassation2");
    }

    #[test]
    fn the_person_is_where_the_last_news_says() {
        let check =
            |entities: &[&[(&str, &str)]], expected: &str| assert_eq!(person_state(&view(entities)).code, expected);
        let held = |kind: &'static str| [("detention_episode.type", kind), ("detention_episode.from", "2024-02-01")];
        let lost: &[(&str, &str)] = event!("contact.lost", "2024-12");
        check(&[&held("sizo")], "pretrial");
        check(&[&held("colony_strict")], "serving");
        check(&[&held("front_guarded")], "redeployed");
        check(&[&held("unknown_location")], "missing");
        check(&[&held("none")], "unknown");
        check(&[&[held("sizo")[0], held("sizo")[1], ("detention_episode.to", "2024-03-01")]], "returned_free");
        check(&[&held("sizo"), lost], "missing");
        check(&[&held("sizo"), lost, event!("contact.restored", "2025-01")], "pretrial");
        check(&[&held("sizo"), lost, event!("contact.restored", "2024-11")], "missing");
        check(&[event!("death", "2024-01"), lost], "dead");
        check(&[event!("left_country", "2025-01"), &held("sizo")], "abroad");
        // Captivity ended without an exchange.
        let capture: &[(&str, &str)] = &[("capture_episode.date", "2022-09-09")];
        let captivity: &[(&str, &str)] = &[("captivity_episode.to", "2023-02")];
        check(&[capture, captivity, &[("transfer_episode.route", "NONE")]], "abroad");
        check(&[capture, captivity, &[("transfer_episode.route", "UNKNOWN")]], "pow");
        check(&[capture, captivity], "pow");
    }

    /// Checks the `expect` of the synthetic cases, from the file as it is imported.
    #[test]
    fn the_twelve_synthetic_cases_stand_where_they_are_expected_to() {
        let file = include_str!("../../../deploy/sample/cases.json");
        let mut ids = 0u128;
        let imported = crate::app::import::import(file.as_bytes(), &mut || {
            ids += 1;
            EntityId(ids.to_be_bytes())
        });
        let imported = imported.expect("the file imports");
        let json: serde_json::Value = serde_json::from_str(file).expect("JSON");
        let cases = json["cases"].as_array().expect("a list of cases");
        assert_eq!(cases.len(), 12);
        for case in cases {
            let label = case["case_id"].as_str().expect("each case has a name");
            let imported = imported.iter().find(|imported| imported.label == label).expect(label).clone();
            let says = |draft: crate::app::import::Draft| {
                let crate::app::import::Draft { entity, field, value, sources, grade, reported_by } = draft;
                Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by })
            };
            let mut entries = vec![imported.statements.into_iter().map(says).collect::<Vec<_>>()];
            entries.extend(imported.separate.into_iter().map(|draft| vec![says(draft)]));
            let view = sample::view_of_one(&entries);
            let expect = &case["expect"];
            assert_eq!(Some(stage(&view).code.as_str()), expect["stage"].as_str(), "{label}");
            if let Some(state) = expect["person_state"].as_str() {
                assert_eq!(person_state(&view).code, state, "{label}");
            }
        }
    }
}
