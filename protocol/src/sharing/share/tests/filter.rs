//! Tests of bad input: texts typed where they must not be shared.

use super::*;
use crate::record::section::sample::{refers, says};

const ROOT: u8 = 1;

/// A case with the person's consent to sharing, and the given statements.
fn case(said: &[Statement]) -> View {
    let mut own = Written::new(SectionId([ROOT; 16]));
    own.says([&consented()[..], said].concat());
    own.view()
}

fn consented() -> Vec<Statement> {
    vec![
        says(200, "consent_record.giver", "subject"),
        says(200, "consent_record.asked_on", "2025-03"),
        says(200, "consent_record.level", "C3"),
    ]
}

/// Checks the number of values of `field` that go, and the codes for which others do not.
fn check(said: &[Statement], field: &str, goes: usize, expected: &[&str]) {
    let preview = preview(&case(said), &three(), TODAY);
    assert_eq!(goes_of(&preview, field).count(), goes, "{field}");
    assert_eq!(codes(&preview, field), expected.iter().map(ToString::to_string).collect(), "{field}");
}

fn with(statement: Statement, change: impl FnOnce(&mut Assertion)) -> Statement {
    let Statement::Assert(mut assertion) = statement else { panic!("an assertion") };
    change(&mut assertion);
    Statement::Assert(assertion)
}

#[test]
fn a_note_where_a_code_is_due_does_not_travel() {
    let place = "capture_episode.place";
    check(&[says(2, place, "UA-14")], place, 1, &[]);
    check(&[says(2, place, "near the house of Ivan")], place, 0, &["not_canonical"]);
    check(
        &[says(2, "capture_episode.circumstances", "he told us")],
        "capture_episode.circumstances",
        0,
        &["not_canonical"],
    );
    check(
        &[says(2, "capture_episode.group_size", "three, I think")],
        "capture_episode.group_size",
        0,
        &["not_canonical"],
    );
    check(&[says(2, "spaceship.name", "of a newer schema")], "spaceship.name", 0, &["unknown_field"]);

    let noted = with(says(2, place, "UA-14"), |assertion| {
        assertion.grade = Some("Ivan is sure".into());
        assertion.basis = Some("he asked us to".into());
        assertion.reported_by = Some("Ivan".into());
    });
    let preview = preview(&case(&[noted]), &three(), TODAY);
    let goes = goes_of(&preview, place).next().expect("the place goes");
    assert_eq!((&goes.grade, &goes.basis), (&None, &None));
    assert_eq!(goes.reported_by, Some(Reporter::Unnamed("Ivan".into())), "known at home, unnamed elsewhere");
}

#[test]
fn an_organisation_is_named_only_by_id_and_only_to_whom_reads_it() {
    let org = "evaluation_status.org";
    check(&[says(2, org, Value::Org(SECOND))], org, 1, &[]);
    check(&[says(2, org, Value::Org(OWN))], org, 1, &[]);
    check(&[says(2, org, Value::Org(OrgId([9; 32])))], org, 0, &["organisation_outside"]);
    check(&[says(2, org, "org:gamma")], org, 0, &["name_of_organisation"]);
    let reporter = |org: OrgId| {
        let said = with(says(2, "capture_episode.place", "UA-14"), |said| said.reported_by = Some(org.to_string()));
        let preview = preview(&case(&[said]), &three(), TODAY);
        goes_of(&preview, "capture_episode.place").next().expect("it goes").reported_by.clone()
    };
    assert_eq!(reporter(SECOND), Some(Reporter::Reads(SECOND)));
    assert!(matches!(reporter(OrgId([9; 32])), Some(Reporter::Unnamed(_))));
}

#[test]
fn a_local_code_in_the_wrong_field_stays() {
    check(
        &[says(2, "capture_episode.circumstances", "voluntary_hotline")],
        "capture_episode.circumstances",
        0,
        &["local_term"],
    );
    let circumstances =
        [says(2, "capture_episode.circumstances", "wounded"), says(2, "capture_episode.circumstances", "drone_guided")];
    check(&circumstances, "capture_episode.circumstances", 1, &["local_term"]);
    let appeal = [says(2, "family_appeal.type", "asylum_ua"), says(2, "family_appeal.date", "2025-03")];
    check(&appeal, "family_appeal.date", 0, &["local_record"]);
}

#[test]
fn of_narratives_only_summaries_travel() {
    let paragraph = |at: u8, kind: Option<&str>| {
        let kind = kind.map(|kind| says(at, "paragraph.kind", kind));
        [says(at, "paragraph.text", "Он рассказал, как это было.")].into_iter().chain(kind).collect::<Vec<_>>()
    };
    check(&paragraph(2, Some("summary")), "paragraph.text", 1, &[]);
    check(&paragraph(2, Some("account")), "paragraph.text", 0, &["narrative", "personal_narrative"]);
    check(&paragraph(2, Some("note")), "paragraph.text", 0, &["narrative", "personal_narrative"]);
    check(&paragraph(2, Some("of a newer schema")), "paragraph.text", 0, &["narrative"]);
    check(&paragraph(2, None), "paragraph.text", 0, &["narrative"]);
    let both = [paragraph(2, Some("summary")), paragraph(3, Some("account"))].concat();
    check(&both, "paragraph.text", 1, &["narrative", "personal_narrative"]);
}

#[test]
fn a_reference_goes_with_what_it_leads_to() {
    let item = [
        refers(2, "capture_episode.document_evidence", 3),
        says(2, "capture_episode.place", "UA-14"),
        says(3, "evidence_item.graphic", Value::Bool(false)),
    ];
    check(&item, "capture_episode.document_evidence", 1, &[]);
    let local = [&item[..2], &[says(3, "evidence_item.original_name", "IMG_1")]].concat();
    check(&local, "capture_episode.document_evidence", 0, &["stays_behind"]);
    check(&item[..2], "capture_episode.document_evidence", 0, &["stays_behind"]);
    check(&[says(2, "source.type", "court_card"), refers(2, "source.contact", 4)], "source.contact", 0, &["local"]);
    check(&[refers(ROOT, "case_file.docket", 90)], "case_file.docket", 1, &[]);
    check(&[refers(ROOT, "case_file.merged_into", 91)], "case_file.merged_into", 0, &["stays_behind"]);
    let about = |target: u8| {
        let id = EntityId([target; 16]).to_string();
        [
            says(2, "paragraph.kind", "summary"),
            says(2, "paragraph.text", "…"),
            says(2, "paragraph.about", &*id),
            says(3, "penalty.months", Value::Int(3)),
        ]
    };
    check(&about(3), "paragraph.about", 1, &[]);
    check(&about(4), "paragraph.about", 0, &["stays_behind"]);
}

#[test]
fn what_an_entity_belongs_to_goes_with_it_and_an_empty_one_stays() {
    let penalty = [
        refers(4, "penalty.parent", 3),
        says(4, "penalty.months", Value::Int(3)),
        refers(3, "decision.parent", 2),
        refers(6, "captivity_statement.parent", 5),
        says(6, "captivity_statement.url", "https://example.org/"),
    ];
    check(&penalty, "penalty.parent", 1, &[]);
    check(&penalty, "decision.parent", 1, &[]);
    check(&penalty, "captivity_statement.parent", 0, &[]);
    check(&penalty, "captivity_statement.url", 0, &["local"]);
}

/// A record that stays as a whole stays, too, where something that goes hangs on it: not even that it is there is told.
#[test]
fn a_record_that_stays_whole_is_brought_along_by_nothing() {
    let account = [
        refers(4, "penalty.parent", 3),
        says(4, "penalty.months", Value::Int(3)),
        refers(3, "decision.parent", 2),
        says(3, "paragraph.text", "Он рассказал, как это было."),
    ];
    check(&account, "penalty.months", 1, &[]);
    check(&account, "penalty.parent", 0, &["stays_behind"]);
    check(&account, "decision.parent", 0, &[]);
    // Nor is told where it belongs, if something else that is said of it goes.
    let both = [&account[..], &[says(3, "decision.date", "2024")]].concat();
    check(&both, "decision.date", 1, &[]);
    check(&both, "decision.parent", 0, &[]);
}

/// The number an organisation files a case under is in its letters: it is nobody else's, and readers get another one.
#[test]
fn the_own_number_of_a_case_stays_at_home() {
    check(&[says(ROOT, "case_file.case_id", "0123456789abcdef0123456789abcdef")], "case_file.case_id", 0, &[]);
}

/// Only codes travel where a code is due: a note is no code, however small its letters are.
#[test]
fn a_sentence_in_small_letters_is_no_code() {
    assert!(is_code("error") && is_code("consent.withdrawn_2"));
    for note in ["he asked us to", "a-b", "Error", "ошибка", "a\n"] {
        assert!(!is_code(note), "{note:?}");
    }
}

#[test]
fn sources_travel_without_identity_and_only_with_what_goes() {
    let said = [
        with(says(2, "capture_episode.place", "UA-14"), |said| {
            said.sources = vec![EntityId([7; 16]), EntityId([8; 16])]
        }),
        says(7, "source.type", "victim_interview"),
        says(7, "source.identity", "СИН Пример"),
        says(8, "source.identity", "СИН Образец"),
    ];
    check(&said, "source.identity", 0, &["local"]);
    let preview = preview(&case(&said), &three(), TODAY);
    let goes = goes_of(&preview, "capture_episode.place").next().expect("it goes");
    assert_eq!(goes.sources, [EntityId([7; 16])], "of the other nothing is known but who it is");
}

#[test]
fn a_closed_trial_leaves_what_the_court_published_and_what_goes_to_counsel() {
    let from = |source: u8, statement: Statement| with(statement, |said| said.sources = vec![EntityId([source; 16])]);
    let mut said = vec![
        says(2, "proceeding.closed_trial", Value::Bool(true)),
        refers(3, "charge.parent", 2),
        from(7, says(3, "charge.code", "RU-CC-352.1")),
        from(8, says(3, "charge.form", "completed")),
        says(7, "source.type", "court_card"),
        says(8, "source.type", "lawyer_info"),
    ];
    check(&said, "charge.code", 1, &[]);
    check(&said, "charge.form", 0, &["closed_trial"]);
    check(&said, "charge.parent", 1, &[]);
    // A source that says nothing of itself is not the court's.
    let unknown = [&said[..2], &[from(9, says(3, "charge.code", "RU-CC-352.1"))]].concat();
    check(&unknown, "charge.code", 0, &["closed_trial"]);
    let engaged = |at: u8, org: OrgId, status: &str| {
        [says(at, "legal_aid_engagement.org", Value::Org(org)), says(at, "legal_aid_engagement.status", status)]
    };
    said.extend(engaged(20, SECOND, "active"));
    check(&said, "charge.form", 0, &["closed_trial"]);
    said.extend(engaged(21, THIRD, "conflict_blocked"));
    check(&said, "charge.form", 0, &["closed_trial"]);
    said.push(says(23, "legal_aid_engagement.org", Value::Org(THIRD)));
    check(&said, "charge.form", 0, &["closed_trial"]);
    said.extend(engaged(22, THIRD, "accepted"));
    check(&said, "charge.form", 1, &[]);
}

#[test]
fn every_cap_that_stays_at_home_holds_back_all_it_names() {
    let schema = Schema::current();
    let mut tried = 0;
    for cap in schema.rules().caps.iter().filter(|cap| cap.name != "personal_narrative") {
        let condition = cap.any.first().expect("a cap has conditions");
        let set = match &condition.test {
            crate::record::schema::Test::Is(answer) => Value::Bool(*answer),
            crate::record::schema::Test::Has(code) => code.as_str().into(),
            crate::record::schema::Test::In(codes) => codes.first().expect("a code").as_str().into(),
        };
        for field in schema.fields().filter(|field| cap.covers(&field.entity, &field.name)) {
            let value = match &field.kind {
                Kind::Bool => Value::Bool(true),
                Kind::Int => Value::Int(1),
                Kind::Code => schema.vocabulary(field.vocabulary.as_deref().expect("a vocabulary")).expect("it").terms
                    [0]
                .code
                .as_str()
                .into(),
                Kind::Date => "2024".into(),
                Kind::Text | Kind::Paragraph => "text".into(),
                _ => continue,
            };
            if field.level == Level::Local || field.policy == crate::record::schema::Policy::Drv {
                continue;
            }
            tried += 1;
            let said = [says(ROOT, &condition.field, set.clone()), says(30, &field.name, value)];
            let preview = preview(&case(&said), &three(), TODAY);
            assert!(codes(&preview, &field.name).contains(&cap.name), "{} {}", cap.name, field.name);
            assert!(
                !goes_of(&preview, &field.name).any(|goes| goes.entity == EntityId([30; 16])),
                "{} {}",
                cap.name,
                field.name
            );
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn the_whole_case_is_held_back_by_a_mark_a_raised_level_or_a_single_organisation_without_consent() {
    let held = |said: &[Statement], audience: &Audience| {
        let preview = preview(&case(said), audience, TODAY);
        assert_eq!(preview.goes.is_empty(), preview.case_held_back().next().is_some());
        preview.case_held_back().map(Reason::code).collect::<Vec<_>>()
    };
    let root = |field: &str, value: Value| vec![says(ROOT, field, value)];
    assert_eq!(held(&[], &three()), [""; 0]);
    assert_eq!(held(&root("case_file.do_not_share", Value::Bool(true)), &three()), ["do_not_share"]);
    assert_eq!(held(&root("case_file.do_not_share", Value::Bool(false)), &three()), [""; 0]);
    let unread = root("case_file.do_not_share", "of a newer schema".into());
    assert_eq!(held(&unread, &three()), ["do_not_share"], "only a plain no is a no");
    assert_eq!(held(&root("case_file.sensitivity_floor", "sealed".into()), &three()), [""; 0]);
    for level in ["local", "of a newer schema"] {
        assert_eq!(held(&root("case_file.sensitivity_floor", level.into()), &three()), ["raised_level"]);
    }
    let grant = |field: &str, value: Value| {
        vec![
            refers(201, "consent_grant.parent", 200),
            says(201, "consent_grant.purpose", SHARE_NAMED),
            says(201, "consent_grant.answer", "granted"),
            says(201, field, value),
        ]
    };
    let for_second = grant("consent_grant.audience_org", Value::Org(SECOND));
    assert_eq!(held(&for_second, &three()), ["consent_for_others"]);
    let two = Audience { own: OWN, organisations: BTreeMap::from([(SECOND, None)]) };
    assert_eq!(held(&for_second, &two), [""; 0]);
    let for_georgia = grant("consent_grant.audience_country", "GE".into());
    assert_eq!(held(&for_georgia, &three()), ["consent_for_others"]);
    assert_eq!(held(&for_georgia, &two), ["consent_for_others"], "its country is not known");
}

/// Readers act by what they are told of consent: a denial told as a permission would be a permission.
#[test]
fn of_consent_goes_what_is_permitted_and_what_is_denied_and_nothing_of_what_nobody_spoke_of() {
    let preview = preview(&case(&[]), &three(), TODAY);
    let permitted = |line: &EntityId| {
        let mut said = goes_of(&preview, "consent_grant.permitted").filter(|goes| goes.entity == *line);
        said.next().expect("each line says so").value.clone()
    };
    let told: BTreeMap<&str, Value> = goes_of(&preview, "consent_grant.purpose")
        .map(|goes| (goes.value.as_text().expect("a code"), permitted(&goes.entity)))
        .collect();
    let presets = &Schema::current().rules().consent_presets;
    let expected = presets["C6"].iter().map(|purpose| (&**purpose, Value::Bool(presets["C3"].contains(purpose))));
    assert_eq!(told, expected.collect());
}

#[test]
fn every_reason_has_a_code_a_sentence_and_a_next_step() {
    let refusals = [
        Refusal::Absent,
        Refusal::OtherReaders,
        Refusal::Incomplete,
        Refusal::Expired,
        Refusal::ProxyEnded,
        Refusal::BeyondProxy,
        Refusal::NotFree,
        Refusal::UnderAge,
        Refusal::Level("C2".into()),
        Refusal::Denied,
        Refusal::Withdrawn,
    ];
    let mut reasons: Vec<Reason> =
        refusals.into_iter().map(|refusal| Reason::Consent(refusal, BTreeSet::new())).collect();
    reasons.extend(Schema::current().rules().caps.iter().map(|cap| Reason::Cap(cap.name.clone())));
    reasons.extend([
        Reason::Recalled,
        Reason::DoNotShare,
        Reason::RaisedLevel,
        Reason::Local,
        Reason::LocalTerm { twin: "case_file.risk_local".into() },
        Reason::LocalRecord,
        Reason::Narrative,
        Reason::Health,
        Reason::NameOfOrganisation,
        Reason::OrganisationOutside,
        Reason::StaysBehind,
        Reason::NotCanonical,
        Reason::UnknownField,
        Reason::TooFine,
        Reason::Unresolved,
    ]);
    let codes: BTreeSet<_> = reasons.iter().map(Reason::code).collect();
    assert_eq!(codes, Reason::CODES.iter().copied().collect());
    let sentences: BTreeSet<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), reasons.len(), "no two reasons read alike");
    for reason in &reasons {
        assert!(reason.to_string().len() > 20 && reason.next_step().len() > 10, "{}", reason.code());
        assert!(reason.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
    // A level that is a typed note is not repeated.
    let typed = Reason::Consent(Refusal::Level("as Ivan said".into()), BTreeSet::new());
    assert!(!typed.to_string().contains("Ivan"));
}
