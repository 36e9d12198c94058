//! Tests of the import: accepted files, refused files, and the places of errors.

mod hostile;

use super::*;

const CASES: &str = include_str!("../../../../deploy/sample/cases.json");

/// Imports a text with the ids 1, 2, 3 …
fn read(text: &str) -> Result<Vec<Imported>, ImportErrors> {
    let mut last = 0u128;
    import(text.as_bytes(), &mut || {
        last += 1;
        EntityId(last.to_be_bytes())
    })
}

fn case(label: &str) -> Imported {
    let all = read(CASES).expect("the cases import");
    all.into_iter().find(|case| case.label == label).expect(label)
}

/// All values of a field, in order.
fn values(drafts: &[Draft], field: &str) -> Vec<Value> {
    drafts.iter().filter(|draft| draft.field == field).map(|draft| draft.value.clone()).collect()
}

fn texts(drafts: &[Draft], field: &str) -> Vec<String> {
    let text = |value: Value| value.as_text().expect("a text").to_owned();
    values(drafts, field).into_iter().map(text).collect()
}

/// Checks the one error of the file with `from` replaced once by `to`: its place, field and message.
fn check(from: &str, to: &str, path: &str, field: Option<&str>, words: &str) {
    assert!(CASES.contains(from), "{from}");
    let changed = CASES.replacen(from, to, 1);
    let ImportErrors(errors) = read(&changed).expect_err("must be refused");
    assert_eq!(errors.len(), 1, "{errors:?}");
    let error = &errors[0];
    assert_eq!((&*error.path, error.field.as_deref()), (path, field), "{error}");
    assert!(error.to_string().contains(words), "{error} lacks {words}");
    let line = changed.lines().nth(error.line - 1).expect("the line exists");
    let key = path.rsplit(['.', '[']).next().expect("a path has a last part").trim_end_matches(']');
    assert!(line.contains(key) || key.parse::<usize>().is_ok(), "line {} is «{line}»", error.line);
}

#[test]
fn the_twelve_cases_import_whole() {
    let all = read(CASES).expect("the cases import");
    let cases = all.iter().filter(|case| case.kind == Kind::CaseFile);
    let counts: Vec<_> = cases.map(|case| (&*case.label, case.statements.len(), case.separate.len())).collect();
    let expected = [
        ("SYN-01", 258, 0),
        ("SYN-02", 134, 2),
        ("SYN-03", 141, 0),
        ("SYN-04", 181, 0),
        ("SYN-05", 100, 0),
        ("SYN-06", 125, 0),
        ("SYN-07", 134, 0),
        ("SYN-08", 161, 0),
        ("SYN-09", 157, 0),
        ("SYN-10", 164, 0),
        ("SYN-11", 70, 1),
        ("SYN-12", 168, 4),
    ];
    assert_eq!(counts, expected);
    assert_eq!(all.len(), 14, "twelve cases, two dockets");
}

#[test]
fn every_statement_is_canonical_and_every_reference_leads_somewhere() {
    for case in read(CASES).expect("the cases import") {
        let about = |entity: EntityId| case.statements.iter().filter(move |draft| draft.entity == entity);
        for draft in case.statements.iter().chain(&case.separate) {
            let schema = crate::record::schema::Schema::current();
            assert!(schema.check(&draft.field, &draft.value).is_ok(), "{draft:?}");
            let kind = &schema.field(&draft.field).expect("checked above").kind;
            if let (crate::record::schema::Kind::Ref(entity), Value::Ref(target)) = (kind, &draft.value) {
                let prefix = format!("{entity}.");
                assert!(about(*target).all(|draft| draft.field.starts_with(&prefix)), "{draft:?}");
                // Some entities have no values: only their existence is known.
                assert!(about(*target).next().is_some() || draft.field.ends_with(".parent"), "{draft:?}");
            }
            let is_source = |source: &EntityId| about(*source).any(|draft| draft.field.ends_with("source.type"));
            assert!(draft.sources.iter().all(is_source), "{draft:?}");
        }
    }
}

#[test]
fn a_case_becomes_linked_entities() {
    let case = case("SYN-01");
    let of = |field: &str| texts(&case.statements, field);
    assert_eq!(of("capture_episode.date"), ["2023-06-10~"]);
    assert_eq!(of("proceeding.court_number"), ["1-12/2025"]);
    assert_eq!(of("charge.code"), ["RU-CC-352.1", "RU-CC-352.1", "RU-CC-338.3"]);
    assert_eq!(of("transfer_leg.region"), ["UA-74", "BY-HO", "RU-MOS"]);
    assert_eq!(values(&case.statements, "transfer_leg.sequence"), [1, 2, 3].map(Value::Int));
    assert_eq!(values(&case.statements, "penalty.months"), [Value::Int(180)]);
    assert_eq!(of("source.reliability"), ["B", "B", "C"]);
    assert_eq!(of("source.credibility"), ["2", "1", "3"]);
    assert_eq!(of("person_name.full_name"), ["СИН Берёзкин Тест Примерович"]);
    assert_eq!(of("case_file.case_id")[0].len(), 32);
    // Each charge, argument, decision and event knows its proceeding; each penalty its decision.
    let proceeding = case.statements.iter().find(|draft| draft.field == "proceeding.court_id").expect("one").entity;
    assert_eq!(values(&case.statements, "charge.parent"), vec![Value::Ref(proceeding); 3]);
    assert_eq!(values(&case.statements, "procedural_event.proceeding"), vec![Value::Ref(proceeding); 14]);
    let decision = case.statements.iter().find(|draft| draft.field == "decision.outcome").expect("two").entity;
    assert_eq!(values(&case.statements, "penalty.parent"), vec![Value::Ref(decision); 2]);
    // The grade is that of the organisation of origin.
    let grade = case.statements.iter().find(|draft| draft.field == "source.reliability").expect("three");
    assert_eq!(grade.reported_by.as_deref(), Some("org:alpha"));
}

#[test]
fn a_preset_expands_to_grants_and_a_denial_subtracts() {
    let granted = |label: &str| {
        let case = case(label);
        let entity = |field: &str, value: &Value| {
            let drafts = case.statements.iter().filter(|draft| draft.field == field && draft.value == *value);
            drafts.map(|draft| draft.entity).collect::<Vec<_>>()
        };
        let purpose = |grants: Vec<EntityId>| {
            let of =
                |grant| case.statements.iter().find(|draft| draft.entity == grant && draft.field.ends_with("purpose"));
            grants
                .into_iter()
                .map(|grant| of(grant).expect("a purpose").value.as_text().expect("a code").to_owned())
                .collect()
        };
        let permitted: Vec<String> = purpose(entity("consent_grant.permitted", &Value::Bool(true)));
        let denied: Vec<String> = purpose(entity("consent_grant.answer", &"denied".into()));
        (permitted, denied)
    };
    let (permitted, denied) = granted("SYN-05"); // C1 without stat, match …
    assert_eq!(permitted, ["legal_aid", "store"]);
    assert_eq!(denied.len(), 6);
    let (permitted, denied) = granted("SYN-07"); // C2 without refer …
    assert_eq!((permitted, denied.len()), (vec!["legal_aid".into(), "stat".into(), "store".into()], 4));
    let (permitted, denied) = granted("SYN-11"); // withdrawn
    assert_eq!((permitted.len(), denied.len()), (0, 7));
    assert_eq!(granted("SYN-09").0.len(), 9); // C5, nothing denied
}

#[test]
fn conflicting_values_are_separate_and_name_their_reporter() {
    let case = case("SYN-02");
    let reports: Vec<_> = case
        .separate
        .iter()
        .map(|draft| (&*draft.field, &draft.value, draft.reported_by.as_deref(), draft.grade.as_deref()))
        .collect();
    assert_eq!(
        reports,
        [
            ("penalty.months", &Value::Int(48), Some("org:beta"), Some("B2")),
            ("penalty.months", &Value::Int(42), Some("org:gamma"), Some("D4")),
        ]
    );
    assert_eq!(case.separate[0].entity, case.separate[1].entity);
    assert_eq!(values(&case.statements, "penalty.months"), [Value::Int(18)]);
    let source = |label: usize| {
        case.statements.iter().filter(|draft| draft.field == "source.type").nth(label).expect("two").entity
    };
    assert_eq!(case.separate[0].sources, [source(0)]);
    assert_eq!(case.separate[1].sources, [source(1)]);
}

#[test]
fn a_deciding_body_that_is_no_court_is_a_body() {
    let case = case("SYN-03");
    assert_eq!(texts(&case.statements, "decision.body"), ["sk_vsu"]);
    assert!(texts(&case.statements, "decision.instance").is_empty());
    assert_eq!(texts(&case.statements, "charge.status"), ["checked_only"]);
    assert_eq!(texts(&case.statements, "procedural_event.type").len(), 5);
    assert_eq!(
        values(&case.statements, "procedural_event.proceeding").len(),
        3,
        "two events stand outside any proceeding"
    );
    assert!(texts(&case.statements, "proceeding.court_number").is_empty());
}

#[test]
fn local_codes_go_to_their_twin() {
    let stated = |label: &str, field: &str| texts(&case(label).statements, field);
    assert!(stated("SYN-05", "capture_episode.circumstances").is_empty());
    assert_eq!(stated("SYN-05", "capture_episode.circumstances_local"), ["voluntary_hotline", "fragging_risk"]);
    assert_eq!(stated("SYN-09", "capture_episode.circumstances"), ["overrun"]);
    assert_eq!(stated("SYN-10", "captivity_statement.type_local"), ["witness_in_ua_case"]);
    assert_eq!(stated("SYN-02", "case_file.risk_local"), ["state_secret"]);
    assert_eq!(stated("SYN-08", "case_file.risk"), ["family_in_rf"]);
}

#[test]
fn special_forms_are_understood() {
    let case_of = |label| case(label).statements;
    assert_eq!(texts(&case_of("SYN-04"), "proceeding.previous_court_number"), ["2-61/2024"]);
    assert_eq!(values(&case_of("SYN-07"), "preventive_measure.in_absentia"), [Value::Bool(true)]);
    assert_eq!(texts(&case_of("SYN-12"), "referral.decline_code"), ["conflict_blocked"]);
    assert_eq!(values(&case_of("SYN-12"), "person_name.is_alias"), vec![Value::Bool(true); 3]);
    let withdrawn = case("SYN-11");
    assert_eq!(texts(&withdrawn.statements, "consent_record.asked_on"), ["2025-05-20", "2024-06-01"]);
    assert_eq!(texts(&withdrawn.statements, "consent_record.withdrawn_on"), ["2025-05-20"]);
    assert_eq!(values(&withdrawn.statements, "consent_record.supersedes").len(), 2);
    assert_eq!(texts(&withdrawn.statements, "tombstone.case_id"), texts(&withdrawn.statements, "case_file.case_id"));
    let acknowledged: Vec<_> =
        withdrawn.separate.iter().map(|draft| (&*draft.field, draft.reported_by.as_deref())).collect();
    assert_eq!(acknowledged, [("tombstone.acknowledged_on", Some("org:alpha"))], "who has not answered says nothing");
}

#[test]
fn an_unmapped_key_names_its_path_and_the_nearest() {
    check(r#""region_home""#, r#""region_hom""#, "$.cases[0].person.region_hom", None, "did you mean region_home?");
    check(r#""case_id""#, r#""shoe_size""#, "$.cases[0].shoe_size", None, "not mapped");
    check(r#""courts""#, r#""court""#, "$.court", None, "did you mean courts?");
}

#[test]
fn a_wrong_value_names_path_and_field() {
    let date = "capture_episode.date";
    check(r#""2023-06-10~""#, r#""2023-06-31""#, "$.cases[0].capture.date", Some(date), "no such day");
    check(r#""2023-06-10~""#, "20230610", "$.cases[0].capture.date", Some(date), "expected a date as text");
    check(
        r#""wounded","#,
        r#""woundet","#,
        "$.cases[0].capture.circumstances[0]",
        Some("capture_episode.circumstances"),
        "did you mean wounded?",
    );
    check(
        r#""minor_children": 2"#,
        r#""minor_children": "two""#,
        "$.cases[0].person.minor_children",
        Some("person.minor_children"),
        "expected a whole number",
    );
    check(
        r#""minor_children": 2"#,
        r#""minor_children": -2"#,
        "$.cases[0].person.minor_children",
        Some("person.minor_children"),
        "expected a whole number",
    );
    check(
        r#""asked_not_to_be_exchanged": false"#,
        r#""asked_not_to_be_exchanged": "no""#,
        "$.cases[0].transfer.asked_not_to_be_exchanged",
        Some("transfer_episode.asked_not_to_be_exchanged"),
        "expected yes or no",
    );
    check(
        r#""RU-PRI""#,
        r#""RU-PRY""#,
        "$.cases[0].person.region_home",
        Some("person.region_home"),
        "did you mean RU-PRI or RU-BRY?",
    );
    check(
        r#""grade": "B2""#,
        r#""grade": "G2""#,
        "$.cases[0].sources[0].grade",
        Some("source.reliability"),
        "such as B2",
    );
    check(
        r#""1-12/2025""#,
        r#""12 of 2025""#,
        "$.cases[0].proceedings[0].case_number",
        Some("proceeding.court_number"),
        "1-117/2022",
    );
    check(
        r#""instance": "garrison""#,
        r#""instance": "garison""#,
        "$.cases[0].proceedings[0].decisions[0].instance",
        Some("decision.instance"),
        "did you mean garrison?",
    );
    check(
        r#""action": "withdrawn""#,
        r#""action": "widthrawn""#,
        "$.cases[10].consent.history[1].action",
        Some("consent_record.withdrawn"),
        "did you mean withdrawn?",
    );
}

#[test]
fn a_wrong_shape_names_its_path() {
    check(r#""family_appeals": []"#, r#""family_appeals": {}"#, "$.cases[0].family_appeals", None, "expected a list");
    check(r#""case_id": "SYN-01""#, r#""case_id": 1"#, "$.cases[0].case_id", None, "expected a label");
    check(r#""case_id": "SYN-02""#, r#""case_id": "SYN-01""#, "$.cases[1].case_id", None, "the label stands twice");
    check(r#""sex": "m","#, r#""sex": "m", "sex": "f","#, "$.cases[0].person.sex", None, "the key stands twice");
    check(r#""sex": "m","#, r#""sex": ["m"],"#, "$.cases[0].person.sex", Some("person.sex"), "expected an identifier");
}

#[test]
fn a_value_may_carry_source_grade_and_reporter() {
    let told = CASES.replacen(
        r#""birth": "1986""#,
        r#""birth": {"v": "1986", "src": ["s1", "s3"], "grade": "C3", "org": "org:gamma"}"#,
        1,
    );
    let case = &read(&told).expect("it imports")[0];
    let birth = case.statements.iter().find(|draft| draft.field == "person.birth").expect("one");
    assert_eq!(
        (birth.sources.len(), birth.grade.as_deref(), birth.reported_by.as_deref()),
        (2, Some("C3"), Some("org:gamma"))
    );
    let birth = r#""birth": "1986""#;
    let field = Some("person.birth");
    check(birth, r#""birth": {"v": "1986", "src": "s4"}"#, "$.cases[0].person.birth.src", field, "has the label «s4»");
    check(birth, r#""birth": {"v": "1986", "grade": "x"}"#, "$.cases[0].person.birth.grade", field, "such as B2");
    check(birth, r#""birth": {"v": "1986", "source": "s1"}"#, "$.cases[0].person.birth.source", field, "not mapped");
    let unknown = CASES.replacen(birth, r#""birth": {"v": null, "src": "s1"}"#, 1);
    assert!(values(&read(&unknown).expect("it imports")[0].statements, "person.birth").is_empty());
    check(birth, r#""birth": {"grade": "B2"}"#, "$.cases[0].person.birth", field, "expected a date");
    check(
        r#""org": "org:gamma","#,
        "",
        "$.cases[1].proceedings[0].decisions[0].penalties[0].months_conflict[1]",
        Some("penalty.months"),
        "(org)",
    );
}

#[test]
fn all_errors_of_a_file_are_listed_in_its_order() {
    let wrong = CASES
        .replacen("\"male\"", "", 1)
        .replace(r#""sex": "m""#, r#""sex": "xy""#)
        .replace(r#""wounded","#, r#""woundet","#);
    let ImportErrors(errors) = read(&wrong).expect_err("must be refused");
    let wounded = CASES.matches(r#""wounded","#).count();
    assert_eq!(errors.len(), 11 + wounded);
    assert!(errors.is_sorted_by_key(|error| error.line));
    assert_eq!(ImportErrors(errors).to_string().lines().count(), 12 + wounded);
}

#[test]
fn what_is_not_a_file_of_ours_is_refused_with_its_line() {
    let refuse = |bytes: &[u8], line: usize, words: &str| {
        let ImportErrors(errors) = import(bytes, &mut || EntityId([0; 16])).expect_err("must be refused");
        assert_eq!((errors.len(), errors[0].line), (1, line));
        assert!(errors[0].to_string().contains(words), "{} lacks {words}", errors[0]);
    };
    refuse(b"", 1, "ends too early");
    refuse(b"{\n\"cases\": [\n", 3, "ends too early");
    refuse(b"{\n\"cases\": [}", 2, "missing or too many");
    refuse(b"[]", 1, "expected an object");
    refuse(b"{\"cases\":\n{}}", 2, "expected a list");
    refuse(b"{\n\n\"note\": \"\xff\"}", 3, "not UTF-8");
    assert_eq!(read("\u{feff}{}"), Ok(vec![]));
}

#[test]
fn a_docket_holds_public_facts_and_a_case_may_name_it() {
    let file = r#"{
        "cases": [{"case_id": "SYN-01", "proceedings": [{"id": "p1", "docket": "d1"}]}],
        "dockets": [{
            "docket_id": "d1", "court_id": "99GV0001", "court_number": "1-5/2025 (1-205/2024;)", "closed_trial": true,
            "charges": [{"id": "c1", "code": "ст. 352.1", "provision": "ст.352.1 ч.1", "form": "completed"}],
            "events": [{"type": "verdict", "date": {"v": "2025-04-10", "src": "s1"}}],
            "decisions": [{"instance": "garrison", "outcome": "convicted", "date": "10.04.2025",
                "penalties": [{"type": "imprisonment", "months": 180, "regime": "strict", "charge": "c1"}]}],
            "arguments": [{"code": "ARG-HELPLESS", "response": "rej_voluntary_found", "circumstance": ["wounded"]}],
            "statements": [{"type": "official_statement", "quote": "Вымышленная цитата.", "quote_language": "ru"}],
            "sources": [{"id": "s1", "type": "court_card", "relation": "record", "publisher_domain": "example.org", "grade": "A1"}]
        }]
    }"#;
    let imported = read(file).expect("it imports");
    let [case, docket] = imported.as_slice() else { panic!("one case, one docket") };
    assert_eq!((docket.kind, &*docket.label), (Kind::Docket, "d1"));
    assert_eq!(values(&case.statements, "proceeding.docket"), [Value::Ref(docket.root)]);
    let of = |field: &str| texts(&docket.statements, field);
    assert_eq!(of("docket.previous_court_number"), ["1-205/2024"]);
    assert_eq!(of("docket_charge.provision"), ["ст. 352.1 ч. 1"]);
    assert_eq!(of("docket_decision.date"), ["2025-04-10"]);
    let charge = docket.statements.iter().find(|draft| draft.field == "docket_charge.code").expect("one").entity;
    assert_eq!(values(&docket.statements, "docket_penalty.charge"), [Value::Ref(charge)]);
    assert_eq!(of("docket.docket_id")[0].len(), 32);
    all_for_the_commons(docket);
    let ImportErrors(errors) =
        read(&file.replace(r#""docket": "d1""#, r#""docket": "d2""#)).expect_err("must be refused");
    // One equal letter of two is not near enough: nothing is suggested.
    assert!(errors[0].to_string().ends_with("has the label «d2»"), "{}", errors[0]);
}

#[test]
fn the_sample_dockets_may_go_to_the_commons() {
    let dockets: Vec<_> =
        read(CASES).expect("it imports").into_iter().filter(|section| section.kind == Kind::Docket).collect();
    assert_eq!(dockets.iter().map(|docket| &*docket.label).collect::<Vec<_>>(), ["DOC-1", "DOC-2"]);
    dockets.iter().for_each(all_for_the_commons);
    let stated = dockets[0].statements.iter().find(|draft| draft.field == "docket.court_id").expect("one");
    assert_eq!((stated.sources.len(), stated.grade.as_deref()), (1, Some("B2")));
}

fn all_for_the_commons(docket: &Imported) {
    let schema = crate::record::schema::Schema::current();
    for draft in &docket.statements {
        let field = schema.field(&draft.field).expect("a field");
        assert_eq!(schema.may_go(field, &draft.value, crate::record::schema::Place::Commons), Ok(()), "{draft:?}");
    }
}

#[test]
fn errors_and_debug_show_no_names() {
    let case = case("SYN-01");
    let shown = format!("{case:?} {:?}", case.statements);
    assert!(!shown.contains("СИН") && !shown.contains("SYN") && !shown.contains("alpha"), "{shown}");
    let broken = CASES.replacen("СИН Берёзкин Тест Примерович\",", "СИН Берёзкин Тест Примерович\"", 1);
    assert!(!read(&broken).expect_err("must be refused").to_string().contains("СИН"));
}

#[test]
fn damaged_files_are_refused_and_never_panic() {
    // Each byte in turn is replaced by each of the structural characters of JSON, and by one that is never valid.
    let small = r#"{"cases":[{"case_id":"a","person":{"birth":{"v":"1986","src":["s1"]}},"sources":[{"id":"s1"}]}]}"#;
    assert_eq!(read(small).map(|all| all.len()), Ok(1));
    let mut refused = 0;
    for at in 0..small.len() {
        for with in *b"{}[]\":,0-\\\xff" {
            let mut bytes = small.as_bytes().to_vec();
            bytes[at] = with;
            refused += u32::from(import(&bytes, &mut || EntityId([7; 16])).is_err());
        }
    }
    assert!(refused > 900, "{refused}");
}
