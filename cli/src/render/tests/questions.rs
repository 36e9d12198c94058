//! Tests of the output of questions about records: precedents, disputes, histories, petnames.

use protocol::app::control::{
    Alarm, Answered, At, By, Conflict, Found, Heading, Named, Past, Precedent, Resolution, Retraction,
};

use super::*;

fn precedent(arguments: Vec<Answered>) -> Precedent {
    let articles = vec!["RU-CC-352.1".to_owned(), "ст. 30 ч. 3, ст. 352.1".to_owned()];
    Precedent { summary: summary(1, None, 0), found: Found { articles, arguments } }
}

fn answered(argument: &str, circumstances: &[&str], response: &[&str]) -> Answered {
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    let courts = vec!["99OV0000".to_owned()];
    Answered {
        argument: vec![argument.to_owned()],
        circumstances: codes(circumstances),
        response: codes(response),
        courts,
    }
}

fn heading() -> Heading {
    Heading { record: SectionId([7; 16]), kind: RecordKind::Docket, pseudonym: docket().pseudonym, as_of: NOW }
}

fn resolution(chosen: Option<At>, holds: bool) -> Resolution {
    let by = By {
        organisation: OrgId([2; 32]),
        call_sign: Some("cabin-yard".into()),
        petname: Some("Legal aid".into()),
        time: DAY,
    };
    Resolution { at: At { entry: EntryId([8; 32]), index: 0 }, by, chosen, reason: "better_source".into(), holds }
}

fn conflict(settled: bool) -> Conflict {
    let other = Claim { petname: Some("Legal aid".into()), ..claim(json!(174), OTHER) };
    let own = Claim { chosen: settled, ..claim(json!(180), ONE) };
    let chosen = At { entry: own.entry, index: own.index };
    Conflict {
        entity: EntityId([2; 16]),
        field: "docket_penalty.months".into(),
        settled,
        resolutions: vec![resolution(Some(chosen), settled), resolution(None, false)],
        claims: vec![own, other],
    }
}

fn past(value: Value, fate: &str, retractions: Vec<Retraction>) -> Past {
    let claim = Claim { chosen: fate == "stands", ..claim(value, ONE) };
    Past { entity: EntityId([2; 16]), field: "docket_penalty.months".into(), claim, fate: fate.into(), retractions }
}

fn taken_back() -> Retraction {
    Retraction { at: At { entry: EntryId([8; 32]), index: 0 }, when: NOW, reason: "error".into() }
}

#[test]
fn precedents_are_shown_with_what_in_them_answers_and_nothing_found_is_said() {
    let some = [
        precedent(vec![
            answered("ARG-ORDER", &["wounded", "surrounded"], &["accepted"]),
            answered("ARG-RETRO", &[], &[]),
        ]),
        precedent(vec![]),
    ];
    assert_snapshot!("precedents", plain(&precedents::precedents(&some, &[], Some(2), whole(12), NOW)));
    let parts = [("--article 352.1".to_owned(), 2), ("--response accepted".to_owned(), 0)];
    assert_snapshot!("precedents_none", plain(&precedents::precedents(&[], &parts, None, whole(12), NOW)));
    assert_snapshot!("precedents_none_has", plain(&precedents::precedents(&[], &parts[..1], None, whole(12), NOW)));
    assert_snapshot!("precedents_no_dockets", plain(&precedents::precedents(&[], &parts, None, whole(0), NOW)));
}

#[test]
fn conflicts_stand_side_by_side_with_how_they_were_settled() {
    let record = Some(Box::new(docket()));
    let both = [conflict(false), conflict(true)];
    assert_snapshot!("conflicts", plain(&dispute::conflicts(&record, &heading(), &both)));
    assert_snapshot!("conflicts_none", plain(&dispute::conflicts(&record, &heading(), &[])));
}

#[test]
fn a_history_tells_what_became_of_every_claim() {
    let claims = [
        past(json!(180), "stands", vec![]),
        past(json!(170), "superseded", vec![]),
        past(json!(17), "retracted", vec![taken_back()]),
    ];
    assert_snapshot!("history", plain(&dispute::history(&Some(Box::new(docket())), &heading(), &claims)));
}

#[test]
fn every_list_is_a_sheet_with_all_there_is_and_times_in_one_form() {
    let some = [precedent(vec![answered("ARG-ORDER", &["wounded", "surrounded"], &["accepted"])]), precedent(vec![])];
    let claims = [past(json!(180), "stands", vec![]), past(json!(17), "retracted", vec![taken_back()])];
    let sheets = [
        sheet::records(RecordKind::Case, &[summary(1, Some("=SYN"), 0), summary(2, None, 2)]),
        sheet::precedents(&some),
        sheet::peers(&troubled().peers),
        sheet::conflicts(&[conflict(true)]),
        sheet::history(&claims),
    ];
    for sheet in &sheets {
        let csv = sheet.csv();
        let mut reader = csv.trim_start_matches('\u{feff}').split("\r\n");
        let columns = reader.next().expect("a header").split(',').count();
        assert!(columns > 5 && reader.all(|row| row.is_empty() || row.split(',').count() >= columns), "{csv}");
    }
    let text = sheets.map(|sheet| sheet.csv().replace("\r\n", "\n").replace('\u{feff}', ""));
    assert_snapshot!("sheets", text.join("\n"));
    assert_snapshot!("sheet_plain", sheet::peers(&troubled().peers).plain());
}

#[test]
fn a_name_of_ones_own_stands_beside_the_call_sign_wherever_a_person_reads() {
    let named =
        Named { organisation: OrgId([2; 32]), call_sign: Some("cabin-yard".into()), petname: "Legal aid".into() };
    assert_snapshot!("names", plain(&standing::names(std::slice::from_ref(&named), NOW)));
    assert_snapshot!("names_none", plain(&standing::names(&[], NOW)));
    let mut status = troubled();
    status.peers[0].petname = Some("Legal aid".into());
    let problem = Problem::new(codes::PEER_FAULT, "cabin-yard: not-cabin-yard, cabin-yard-able");
    status.alarms.push(Alarm { problem, since: Some(DAY) });
    assert_snapshot!("status_named", plain(&standing::status(&status, true)));
    let mut record = docket();
    record.entities[1].cells[1].claims[1].petname = Some("Legal aid".into());
    record.entities[3].cells[1].claims[1].petname = Some("Legal aid".into());
    for (provenance, times) in [(false, 2), (true, 3)] {
        let text = record::record(&record, Depth { provenance, ..Depth::default() });
        assert_eq!(text.matches("cabin-yard «Legal aid»").count(), times, "{text}");
    }
    // Scripts find the petname in a field of its own, or not at all.
    let mut values = vec![];
    let line = serde_json::to_value(versioned(&Reply::Record(Box::new(record)), NOW)).expect("JSON");
    let status = serde_json::to_value(versioned(&Reply::Status(Box::new(status)), NOW)).expect("JSON");
    for json in [line, status] {
        strings(&json, "", &mut values);
    }
    let named: Vec<_> = values.iter().filter(|(_, text)| text.contains("Legal aid")).collect();
    assert!(named.len() == 3 && named.iter().all(|(key, text)| key == "petname" && text == "Legal aid"), "{named:?}");
}

/// Collects the strings in a value, each with its key.
fn strings(value: &Value, key: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((key.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        Value::Object(map) => map.iter().for_each(|(key, value)| strings(value, key, found)),
        _ => {}
    }
}

#[test]
fn scripts_see_questions_answered_in_one_form() {
    let check = |name: &str, reply: Reply| assert_json_snapshot!(name, versioned(&reply, NOW));
    let found = vec![precedent(vec![answered("ARG-ORDER", &[], &["accepted"])])];
    check("json_precedents", Reply::Precedents { found, all: Some(1), next: None, asked: 12, behind: 0, as_of: NOW });
    check("json_conflicts", Reply::Conflicts { of: heading(), conflicts: vec![conflict(true)] });
    let claims = vec![past(json!(17), "retracted", vec![taken_back()])];
    check("json_history", Reply::History { of: heading(), claims });
}

#[test]
fn a_hostile_name_or_value_steers_no_terminal() {
    let hostile = "\u{1b}[2Jred\u{202e}";
    let mut conflict = conflict(true);
    conflict.claims[0].value = json!(hostile);
    conflict.claims[1].petname = Some(hostile.into());
    conflict.resolutions[0].reason = hostile.into();
    let mut precedent = precedent(vec![answered(hostile, &[hostile], &[hostile])]);
    precedent.summary.pseudonym = hostile.into();
    let texts = [
        dispute::conflicts(&None, &heading(), &[conflict]),
        precedents::precedents(&[precedent], &[], None, whole(1), NOW),
        dispute::history(&None, &heading(), &[past(json!(hostile), "stands", vec![])]),
    ];
    for text in texts {
        let shown = inked(&text, false);
        assert!(shown.contains("red") && !shown.chars().any(|char| char != '\n' && steers(char)), "{shown:?}");
    }
}

#[test]
fn questions_are_answered_in_everyday_words() {
    let texts = [
        dispute::conflicts(&None, &heading(), &[conflict(false)]),
        dispute::history(&None, &heading(), &[past(json!(1), "superseded", vec![])]),
        standing::names(&[], NOW),
        precedents::precedents(&[], &[], None, whole(3), NOW),
    ];
    texts.iter().for_each(|text| everyday(text));
}
