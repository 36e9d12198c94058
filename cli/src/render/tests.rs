//! Tests of the output that people and scripts see, from hand-made replies.

use habeas_texts::language;
use insta::{assert_json_snapshot, assert_snapshot};
use protocol::{
    app::control::{
        Alarm, CasePreview, Cell, CircleStatus, Claim, Entity, Examination, ExportedEntry, GoesField, HeldBack,
        HeldBackWhat, Imported, Named, NodeState, Peer, Problem, Reader, Record, RecordKind, Share, SharePreview,
        Stated, Status, Summary, codes,
    },
    bytes::ids::{CircleId, EntityId, EntryId, NodeKey, OrgId, RegistryId, SectionId},
    record::schema::Language,
};
use serde_json::{Value, json};

use super::{
    record::{Depth, Extent},
    *,
};
use crate::fake;

mod progress;
mod questions;
mod tongues;

/// The depth with provenance.
const PROVENANCE: Depth = Depth { provenance: true, fields: false };
/// The time now in these tests: 2026-11-24 10:20 UTC.
const NOW: u64 = 1_795_515_600;
/// The day of [`NOW`], as it is recorded outside the own organisation.
const DAY: u64 = 1_795_478_400;

fn peer(number: u8, call_sign: &str) -> Peer {
    Peer {
        node: NodeKey([number; 32]),
        organisation: OrgId([number; 32]),
        call_sign: call_sign.into(),
        petname: None,
        connected: true,
        up_to_date: true,
        held: false,
        equal_at: Some(NOW),
        device: "olive".into(),
        own: false,
        by_name: false,
    }
}

fn open() -> Status {
    Status {
        state: NodeState::Open,
        registry: Some(RegistryId([3; 32])),
        registry_words: Some("able zone about zero above zoo".into()),
        organisation: Some(OrgId([1; 32])),
        call_sign: Some("abandon-zoo".into()),
        node: Some(NodeKey([1; 32])),
        listening: vec!["127.0.0.1:4001".into()],
        peers: vec![peer(2, "cabin-yard"), peer(4, "dad-young")],
        circles: vec![CircleStatus {
            circle: CircleId([5; 16]),
            kind: "commons".into(),
            organisations: vec!["abandon-zoo".into(), "cabin-yard".into(), "dad-young".into()],
            entries: 40,
            forked: 0,
        }],
        cases: 12,
        dockets: 2,
        shared_cases: 0,
        received_cases: 0,
        wanted: 0,
        alarms: Vec::new(),
        as_of: NOW,
    }
}

fn troubled() -> Status {
    let cut = Peer { connected: false, up_to_date: false, held: true, equal_at: None, ..peer(2, "cabin-yard") };
    let away = Peer { connected: false, up_to_date: false, ..peer(4, "dad-young") };
    let problem = Problem::new(codes::FORK, "two statements of dad-young carry one number");
    let alarm = Alarm { problem, since: Some(DAY) };
    let ours = Peer { own: true, device: "plum".into(), ..peer(7, "abandon-zoo") };
    Status {
        peers: vec![cut, away, peer(6, "eager-wolf"), ours],
        shared_cases: 3,
        received_cases: 2,
        wanted: 2,
        alarms: vec![alarm],
        state: NodeState::Locked,
        ..open()
    }
}

fn claim(value: Value, organisation: (u8, &str)) -> Claim {
    Claim {
        value,
        organisation: OrgId([organisation.0; 32]),
        call_sign: Some(organisation.1.into()),
        petname: None,
        reported_by: None,
        at: DAY,
        grade: Some("B2".into()),
        sources: vec![EntityId([9; 16])],
        entry: EntryId([organisation.0; 32]),
        index: 1,
        chosen: false,
    }
}

fn cell(field: &str, shown: &str, claims: Vec<Claim>) -> Cell {
    Cell { field: field.into(), shown: shown.into(), claims }
}

fn entity(number: u8, kind: &str, cells: Vec<Cell>) -> Entity {
    Entity { entity: EntityId([number; 16]), kind: kind.into(), cells }
}

const ONE: (u8, &str) = (1, "abandon-zoo");
const OTHER: (u8, &str) = (2, "cabin-yard");

fn docket() -> Record {
    let reported = Claim { reported_by: Some("a lawyer".into()), grade: None, ..claim(json!(174), OTHER) };
    let own = |claims: &[Claim]| claims.iter().map(|claim| Claim { sources: Vec::new(), ..claim.clone() }).collect();
    Record {
        record: SectionId([7; 16]),
        kind: RecordKind::Docket,
        taken_back: vec![],
        pseudonym: "able zone about zero above zoo".into(),
        stage: "65-verdict".into(),
        entities: vec![
            entity(
                1,
                "docket",
                vec![
                    cell("docket.asserted_court_region", "agreed", vec![claim(json!("RU-SAK"), ONE)]),
                    cell("docket.closed_trial", "agreed", vec![claim(json!(true), ONE), claim(json!(true), OTHER)]),
                ],
            ),
            entity(
                2,
                "docket_penalty",
                vec![
                    cell("docket_penalty.type", "agreed", vec![claim(json!("imprisonment"), ONE)]),
                    cell("docket_penalty.months", "conflict", vec![claim(json!(180), ONE), reported]),
                    cell("docket_penalty.regime", "nothing", vec![]),
                ],
            ),
            entity(
                3,
                "docket_argument",
                vec![cell(
                    "docket_argument.response",
                    "resolved",
                    vec![Claim { chosen: true, ..claim(json!("rej_formal"), ONE) }, claim(json!("ignored"), OTHER)],
                )],
            ),
            entity(
                9,
                "docket_source",
                vec![
                    cell("docket_source.type", "agreed", own(&[claim(json!("media_ind"), ONE)])),
                    cell(
                        "docket_source.reliability",
                        "per_organisation",
                        own(&[claim(json!("B"), ONE), claim(json!("C"), OTHER)]),
                    ),
                ],
            ),
        ],
        readers: vec![],
        parts: vec![],
        digest: "00".into(),
        as_of: NOW,
    }
}

/// The extent of a list that is shown whole.
fn whole(shown: impl TryInto<u64, Error: std::fmt::Debug>) -> Extent {
    Extent { all: shown.try_into().expect("a small number"), behind: 0 }
}

fn summary(number: u8, label: Option<&str>, conflicts: u64) -> Summary {
    Summary {
        record: SectionId([number; 16]),
        pseudonym: "able zone about zero above zoo".into(),
        stage: "65-verdict".into(),
        conflicts,
        changed: DAY,
        label: label.map(str::to_owned),
        readers: if number == 2 { vec!["cabin-yard".into(), "dad-young".into()] } else { vec![] },
        parts: vec![],
    }
}

fn held(what: HeldBackWhat, code: &str, reason: &str, next: &str) -> HeldBack {
    HeldBack { what, code: code.into(), about: None, organisations: None, reason: reason.into(), next: next.into() }
}

fn previewed() -> SharePreview {
    let reader = |number, call_sign: &str, country: Option<&str>| Reader {
        organisation: OrgId([number; 32]),
        call_sign: call_sign.into(),
        country: country.map(str::to_owned),
    };
    let entity = EntityId([3; 16]);
    let field = |field: &str| HeldBackWhat::Field { entity, field: field.into() };
    let local =
        |name: &str| held(field(name), "local", "the field stays in the organisation", "nothing; it is never shared");
    let goes = |field: &str, values| GoesField { field: field.into(), entity, values };
    let case = |number, label: &str, goes: Vec<GoesField>, held_back, notices: &[&str]| CasePreview {
        record: SectionId([number; 16]),
        pseudonym: "able zone about zero above zoo".into(),
        label: Some(label.into()),
        goes,
        held_back,
        notices: notices.iter().map(|&notice| notice.into()).collect(),
    };
    let level = HeldBack {
        about: Some("C1".into()),
        organisations: Some(2),
        ..held(
            HeldBackWhat::Case,
            "consent_level",
            "the consent level C1 does not include this (2 organisations)",
            "respect it; a later consent can replace this record if the person changes his mind",
        )
    };
    SharePreview {
        seen: "00".into(),
        readers: vec![reader(2, "cabin-yard", Some("GE")), reader(4, "dad-young", None)],
        cases: vec![
            case(
                1,
                "SYN-01",
                vec![goes("capture_episode.date", 1), goes("case_file.risk", 2)],
                vec![local("contact.phone"), local("contact.email")],
                &["review_due"],
            ),
            case(2, "SYN-05", vec![], vec![level], &[]),
        ],
        as_of: NOW,
    }
}

#[test]
fn a_preview_says_how_much_goes_to_whom_and_why_the_rest_stays() {
    assert_snapshot!("share_preview", plain(&sharing::preview(&previewed(), false)));
    assert_snapshot!("share_details", plain(&sharing::preview(&previewed(), true)));
    let share = Share {
        share: "5f0c1d2e3a4b5c6d".into(),
        readers: vec!["cabin-yard".into()],
        records: vec![SectionId([1; 16])],
        due_at: NOW + 600,
    };
    assert_snapshot!("share_waiting", plain(&sharing::waiting(std::slice::from_ref(&share))));
    assert_snapshot!("share_none_waiting", plain(&sharing::waiting(&[])));
    assert_json_snapshot!("json_share_preview", versioned(&Reply::SharePreview(previewed()), NOW));
    assert_json_snapshot!("json_shares", versioned(&Reply::Shares { shares: vec![share] }, NOW));
}

/// The text in plain characters, without colours.
fn plain(text: &str) -> String {
    inked(text, false)
}

#[test]
fn status_says_first_what_is_shared_then_what_needs_a_person() {
    assert_snapshot!("status_open", plain(&standing::status(&open(), false)));
    assert_snapshot!("status_troubled", plain(&standing::status(&troubled(), false)));
    assert_snapshot!("status_verbose", plain(&standing::status(&open(), true)));
    assert_snapshot!("status_empty", plain(&standing::status(&fake::status(NodeState::Empty), false)));
}

#[test]
fn peers_are_shown_with_what_is_known_of_them() {
    assert_snapshot!("peers", plain(&standing::peers(&troubled().peers, NOW)));
    assert_snapshot!("peers_none", plain(&standing::peers(&[], NOW)));
}

#[test]
fn a_record_shows_what_is_disputed_first_and_side_by_side() {
    assert_snapshot!("record", plain(&record::record(&docket(), Depth::default())));
}

/// A record with several parts of one kind, consents among them, in the order in which they arrive: by their ids.
fn consents() -> Record {
    let of = |number, field: &str, value: Value| {
        entity(number, field.split('.').next().expect("a kind"), vec![cell(field, "agreed", vec![claim(value, ONE)])])
    };
    let both = |number, kind: &str, what: (&str, &str), when: (&str, &str)| {
        let cells = [what, when]
            .map(|(field, value)| cell(&format!("{kind}.{field}"), "agreed", vec![claim(json!(value), ONE)]));
        entity(number, kind, cells.into())
    };
    let entities = vec![
        both(1, "detention_episode", ("type", "sizo"), ("from", "2024-06-20")),
        both(2, "detention_episode", ("type", "transfer_etap"), ("from", "2023-11~")),
        of(3, "consent_grant.purpose", json!("share_named")),
        of(4, "consent_grant.purpose", json!("stat")),
        of(5, "transfer_leg.sequence", json!(2)),
        of(6, "transfer_leg.sequence", json!(1)),
    ];
    Record { kind: RecordKind::Case, entities, ..docket() }
}

#[test]
fn parts_of_one_kind_are_told_apart_by_what_they_are_and_stand_in_their_order() {
    let text = plain(&record::record(&consents(), Depth { fields: true, ..Depth::default() }));
    assert_snapshot!("record_parts", text);
}

/// The text on a terminal of this width.
fn at_width(columns: u16, show: impl FnOnce() -> String) -> String {
    table::tests::WIDTH.set(Some(columns));
    let shown = plain(&show());
    table::tests::WIDTH.set(None);
    shown
}

#[test]
fn a_hundred_case_files_have_a_line_each_on_a_small_terminal() {
    for language in [Language::En, Language::Ru, Language::Uk] {
        language::set(language);
        let cases: Vec<_> = (0..100).map(|number| summary(number, Some(&format!("СИН-{number:02}")), 0)).collect();
        let text = at_width(80, || record::records(RecordKind::Case, None, &cases, whole(cases.len()), NOW));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.lines().count(), 100 + 3, "{text}");
        assert!(text.contains("  able zone …  "), "{text}");
    }
    language::set(Language::Ru);
    let cases = [summary(1, Some("СИН-01"), 0), summary(2, Some("SYN-2"), 2)];
    assert_snapshot!(
        "cases_narrow",
        at_width(80, || record::records(RecordKind::Case, None, &cases, whole(cases.len()), NOW))
    );
}

#[test]
fn what_has_no_room_side_by_side_stands_below() {
    assert_snapshot!("record_narrow", at_width(60, || record::record(&docket(), Depth::default())));
    assert_snapshot!("record_provenance_narrow", at_width(80, || record::record(&docket(), PROVENANCE)));
}

#[test]
fn what_was_stated_is_repeated_as_it_was_understood() {
    let stated = |field: &str, value: Value| Stated { field: field.into(), value };
    let said = [
        stated("capture_episode.date", json!("2024-03~")),
        stated("captivity_episode.from", json!("2024")),
        stated("person.sex", json!("m")),
        stated("service_record.category", json!("mobilised")),
    ];
    let check = |language, expected: &[&str]| {
        language::set(language);
        assert_eq!(record::stated(&said).lines().map(str::trim).collect::<Vec<_>>(), expected);
    };
    check(
        Language::En,
        &[
            "Date of capture: about March 2024",
            "Captivity: From: 2024",
            "Sex: male",
            "Service category at capture: Mobilised (partial mobilisation 21.09.2022)",
        ],
    );
    check(
        Language::Ru,
        &[
            "Дата пленения: около марта 2024",
            "Нахождение в плену: С: 2024",
            "Пол: мужской",
            "Категория службы на момент пленения: Мобилизованный",
        ],
    );
}

#[test]
fn provenance_stands_beside_every_value() {
    let text = plain(&record::record(&docket(), PROVENANCE));
    assert_snapshot!("record_provenance", text);
}

#[test]
fn lists_and_imports_are_tables_and_an_empty_list_says_what_to_do() {
    let cases = [summary(1, Some("SYN-01"), 0), summary(2, None, 2)];
    assert_snapshot!("cases", plain(&record::records(RecordKind::Case, None, &cases, whole(cases.len()), NOW)));
    assert_snapshot!(
        "dockets",
        plain(&record::records(RecordKind::Docket, None, &[summary(1, None, 0)], whole(1), NOW))
    );
    let part = record::records(RecordKind::Case, None, &cases, Extent { all: 12_345, behind: 3 }, NOW);
    assert_snapshot!("cases_part", plain(&part));
    let none = record::records(RecordKind::Case, Some("60-trial"), &[], whole(0), NOW);
    assert_snapshot!("cases_none_at_stage", plain(&none));
    assert_snapshot!("no_cases", plain(&record::records(RecordKind::Case, None, &[], whole(0), NOW)));
    let made = Imported {
        label: "DOC-1".into(),
        kind: RecordKind::Docket,
        record: SectionId([1; 16]),
        pseudonym: "able zone about zero above zoo".into(),
        statements: 21,
    };
    assert_snapshot!("imported", plain(&record::imported(std::slice::from_ref(&made), 3, false)));
    assert_snapshot!("imported_dry", plain(&record::imported(&[made], 0, true)));
}

#[test]
fn a_failure_says_what_why_what_next_and_its_code() {
    let problem = Problem::new(codes::IMPORT, "2 places of the file are wrong").with_details(vec![
        "line 3, cases[0].capture.date: not a date".into(),
        "line 9, cases[1].risk: unknown code «nad»; did you mean «nda»?".into(),
    ]);
    assert_snapshot!("failure", plain(&texts::failure(&problem)));
}

#[test]
fn scripts_see_every_reply_with_the_version_of_its_form_and_its_time() {
    let check = |name: &str, reply: Reply| {
        assert_eq!(snapshot_of(&reply), name);
        assert_json_snapshot!(name, versioned(&reply, NOW));
    };
    check("json_backup", Reply::Backup { files: 12, bytes: 176_769, entries: Some(21) });
    check("json_archived", Reply::Archived { records: 14, bytes: 1_333_300, unread: 0 });
    check("json_metrics", Reply::Metrics { text: "habeas_unlocked 1\n# EOF\n".into() });
    let (text, words) = ("-----BEGIN HABEAS CARD-----".into(), "river moral ivory property humble depart".into());
    check("json_file", Reply::File { text, words, organisations: vec!["abandon-zoo".into()] });
    let (organisation, call_sign) = (OrgId([2; 32]), Some("cabin-yard".into()));
    check("json_names", Reply::Names { names: vec![Named { organisation, call_sign, petname: "Legal aid".into() }] });
    let (record, entry) = (SectionId([7; 16]), EntryId([1; 32]));
    let pseudonym = || "able zone about zero above zoo".to_owned();
    let stated = vec![Stated { field: "capture_episode.date".into(), value: json!("2024-03~") }];
    check("json_saved", Reply::Saved { record, pseudonym: pseudonym(), entries: vec![entry], stated });
    let (label, kind) = ("SYN-01".to_owned(), RecordKind::Case);
    let made = Imported { label, kind, record, pseudonym: pseudonym(), statements: 258 };
    check("json_imported", Reply::Imported { records: vec![made], entries: 3 });
    check("json_digest", Reply::Digest { digest: "00".into(), records: 2, entries: 13, conflicts: 1 });
    let [cose, key, aad, registry, id] = ["d2", "01", "02", "03", "04"].map(str::to_owned);
    check("json_exported", Reply::Exported { entries: vec![ExportedEntry { cose, key, aad, registry, id }] });
    let unprotected = vec!["core_dump".to_owned()];
    let examination = Examination {
        version: "0.1.0".into(),
        unread: Some(0),
        latest_claim: Some(DAY),
        clock: NOW,
        unprotected,
        kept_in_memory: true,
    };
    check("json_examined", Reply::Examined(examination));
    check("json_status", Reply::Status(Box::new(open())));
    check("json_record", Reply::Record(Box::new(docket())));
    check(
        "json_records",
        Reply::Records { records: vec![summary(1, Some("SYN-01"), 0)], all: 7, next: Some(6), behind: 2 },
    );
    check("json_peers", Reply::Peers { peers: vec![peer(2, "cabin-yard")] });
    check("json_stopping", Reply::Stopping);
}

/// The snapshot of each reply: a new variant of the reply does not compile before it has a name here.
fn snapshot_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Status(_) => "json_status",
        Reply::Stopping => "json_stopping",
        Reply::Backup { .. } => "json_backup",
        Reply::Archived { .. } => "json_archived",
        Reply::Metrics { .. } => "json_metrics",
        Reply::File { .. } => "json_file",
        Reply::Peers { .. } => "json_peers",
        Reply::Names { .. } => "json_names",
        Reply::Examined(_) => "json_examined",
        Reply::Saved { .. } => "json_saved",
        Reply::Record(_) => "json_record",
        Reply::Records { .. } => "json_records",
        Reply::Precedents { .. } => "json_precedents",
        Reply::Conflicts { .. } => "json_conflicts",
        Reply::History { .. } => "json_history",
        Reply::Imported { .. } => "json_imported",
        Reply::SharePreview(_) => "json_share_preview",
        Reply::Shares { .. } => "json_shares",
        Reply::Digest { .. } => "json_digest",
        Reply::Exported { .. } => "json_exported",
    }
}

#[test]
fn colours_only_where_wanted_and_never_the_only_sign() {
    let text = standing::status(&troubled(), false);
    let (with, without) = (inked(&text, true), inked(&text, false));
    assert!(with.contains("\u{1b}[31m✗\u{1b}[0m") && with.contains("\u{1b}[33m!\u{1b}[0m"));
    assert!(!without.contains('\u{1b}') && without.contains('✗') && without.contains('!'));
    let painted = |args: &[&str], terminal: bool, plain: bool| {
        let outlet = Outlet {
            out: Box::new(std::io::sink()),
            err: Box::new(std::io::sink()),
            out_is_terminal: terminal,
            err_is_terminal: terminal,
        };
        Screen::new(outlet, &fake::context(args).global, plain).paint_out
    };
    assert!(painted(&["status"], true, false));
    assert!(!painted(&["status"], true, true), "NO_COLOR or a dumb terminal");
    assert!(!painted(&["status"], false, false), "a pipe");
    assert!(painted(&["status", "--color", "always"], false, true));
    assert!(!painted(&["status", "--color", "never"], true, false));
}

#[test]
fn nothing_that_others_wrote_steers_the_terminal() {
    let hostile = "\u{1b}]0;x\u{7}\u{1b}[2Jred\u{202e}txet\u{9b}31m\r\u{2066}";
    let mut record = docket();
    record.pseudonym = hostile.into();
    record.entities[0].cells[0].claims[0].value = json!(hostile);
    record.entities[0].kind = hostile.into();
    record.entities[1].cells[1].claims[0].call_sign = Some(hostile.into());
    let mut status = open();
    status.peers[0].call_sign = hostile.into();
    let failure = Problem::new(codes::BAD_VALUE, hostile).with_details(vec![hostile.into()]);
    let provenance = record::record(&record, PROVENANCE);
    for text in [
        record::record(&record, Depth::default()),
        provenance,
        standing::status(&status, true),
        texts::failure(&failure),
    ] {
        let shown = inked(&text, false);
        assert!(shown.contains("red") && shown.contains('\u{fffd}'));
        assert!(!shown.chars().any(|char| char != '\n' && steers(char)), "{shown:?}");
    }
}

#[test]
fn people_read_everyday_words() {
    let shown = [
        standing::status(&open(), false),
        standing::status(&troubled(), false),
        standing::peers(&troubled().peers, NOW),
        record::record(&docket(), Depth::default()),
        record::records(RecordKind::Case, None, &[], whole(0), NOW),
    ];
    shown.iter().for_each(|text| everyday(text));
}

/// Asserts that a text has only everyday words, none of the technical ones.
fn everyday(text: &str) {
    let odd =
        ["head", "epoch", "crdt", "frontier", "incarnation", "feed", "fork", "digest", "circle", "peer", "replica"];
    let lower = text.to_lowercase();
    let found: Vec<_> = lower.split(|char: char| !char.is_alphanumeric()).filter(|word| odd.contains(word)).collect();
    assert!(found.is_empty(), "{found:?} in\n{text}");
}
