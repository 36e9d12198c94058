//! Tests of archives as they are written, and of the page as people see it. All data is invented.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use protocol::{
    bytes::ids::{EntityId, EntryId},
    record::{
        schema::{Policy, Value},
        section::{
            assertion::{ClaimedTime, Reference},
            view::{Cell, Claim, Fate, Former, Resolution, Retraction, Shown},
        },
    },
};

use super::*;

const DAY: u64 = 1_795_478_400;
const OURS: OrgId = OrgId([1; 32]);
const THEIRS: OrgId = OrgId([2; 32]);
const SOURCE: EntityId = EntityId([9; 16]);
/// Text that must appear on the page only as text.
const HOSTILE: &str = "</style><script>alert('1')</script><img src=x onerror=\"y\">&amp;\u{202e}gpj.exe\u{200b}\u{0}";

fn claim(org: OrgId, value: impl Into<Value>) -> Claim {
    Claim {
        at: Reference(EntryId([org.0[0]; 32]), 3),
        org,
        value: value.into(),
        sources: vec![SOURCE],
        grade: Some("B2".into()),
        basis: None,
        reported_by: None,
        claimed_time: ClaimedTime(DAY),
        batch: None,
    }
}

fn cell(policy: Policy, shown: Shown, claims: Vec<Claim>) -> Cell {
    Cell { policy: Some(policy), claims, shown, resolutions: vec![], history: vec![] }
}

fn agreed(value: impl Into<Value> + Clone) -> Cell {
    cell(Policy::Mvr, Shown::Agreed(value.clone().into()), vec![claim(OURS, value)])
}

/// A docket with agreed, disputed, resolved, replaced and retracted values, and an unknown field.
fn docket(text: &str) -> View {
    let root = EntityId([7; 16]);
    let reported =
        Claim { reported_by: Some(text.into()), grade: None, sources: vec![], ..claim(THEIRS, Value::Int(174)) };
    let settled = Cell {
        resolutions: vec![Resolution {
            at: Reference(EntryId([5; 32]), 0),
            org: OURS,
            chosen: Some(claim(OURS, "plea").at),
            seen: vec![],
            reason: text.into(),
            claimed_time: ClaimedTime(DAY + 60),
        }],
        ..cell(
            Policy::Mvr,
            Shown::Resolved { chosen: Some("ignored".into()), by: vec![] },
            vec![claim(OURS, "ignored"), claim(THEIRS, "rejected")],
        )
    };
    let again = Retraction { at: Reference(EntryId([6; 32]), 0), reason: text.into(), claimed_time: ClaimedTime(DAY) };
    let history = vec![
        Former { claim: claim(OURS, "RU-KHA"), fate: Fate::Superseded },
        Former { claim: claim(THEIRS, text), fate: Fate::Retracted(vec![again]) },
    ];
    let region = Cell { history, ..agreed("RU-SAK") };
    let months = cell(Policy::Mvr, Shown::Conflict, vec![claim(OURS, Value::Int(180)), reported]);
    let fields = |fields: Vec<(&str, Cell)>| -> BTreeMap<String, Cell> {
        fields.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
    };
    View {
        section: SectionId([7; 16]),
        entities: [
            (root, fields(vec![("docket.asserted_court_region", region), ("docket.unheard_of", agreed(text))])),
            (
                EntityId([8; 16]),
                fields(vec![
                    ("docket_penalty.type", agreed("imprisonment")),
                    ("docket_penalty.months", months),
                    ("docket_penalty.parent", agreed(Value::Ref(root))),
                ]),
            ),
            (
                SOURCE,
                fields(vec![
                    ("docket_source.type", agreed("court_card")),
                    ("docket_source.publisher", agreed(Value::Org(THEIRS))),
                ]),
            ),
            (EntityId([10; 16]), fields(vec![("docket_argument.response", settled)])),
            (EntityId([11; 16]), fields(vec![("docket_decision.date", agreed("2026-03-02"))])),
        ]
        .into(),
        ignored: vec![],
    }
}

fn archived(view: View, kind: RecordKind, label: Option<&str>, circle: u8) -> Archived {
    Archived {
        record: view.section,
        kind,
        pseudonym: "able zone about zero above zoo".into(),
        label: label.map(str::to_owned),
        circle: CircleId([circle; 16]),
        readers: vec![],
        stage: "65-verdict".into(),
        digest: data_encoding::HEXLOWER.encode(&view.digest()),
        view,
    }
}

fn archive(text: &str) -> Archive {
    let case = View {
        section: SectionId([3; 16]),
        entities: [(
            EntityId([3; 16]),
            [("person_name.full_name".to_owned(), agreed("СИН Берёзкин Тест Примерович"))].into(),
        )]
        .into(),
        ignored: vec![],
    };
    let held = |circle, kind: &str, organisations: &[OrgId]| Held {
        circle: CircleId([circle; 16]),
        kind: kind.into(),
        organisations: organisations.to_vec(),
    };
    let member = |organisation, call_sign: &str| Member { organisation, call_sign: call_sign.into(), name: None };
    let [ours, theirs] = [member(OURS, "abandon-zoo"), member(THEIRS, "cabin-yard")];
    Archive {
        schema: Archive::SCHEMA,
        as_of: DAY + 60,
        registry: RegistryId([4; 32]),
        registry_words: "one two three four five six".into(),
        organisation: OURS,
        organisations: vec![ours, Member { name: Some("Lawyers of the coast".into()), ..theirs }],
        circles: vec![held(1, "own", &[OURS]), held(2, "commons", &[OURS, THEIRS])],
        unread: 2,
        records: vec![
            archived(case, RecordKind::Case, Some("CASE-1"), 1),
            Archived {
                readers: vec!["cabin-yard".into()],
                ..archived(docket(text), RecordKind::Docket, Some(text), 2)
            },
        ],
    }
}

/// Presentation in this language, in UTC.
fn told(language: Language) -> Manner {
    Manner { language, zone: TimeZone::UTC }
}

#[test]
fn the_page_shows_every_value_with_who_said_it_and_what_is_disputed_first() {
    let html = page(&archive("one reason"), &told(Language::En), &mut || true);
    let (_, body) = html.split_once("</head>").expect("a head");
    insta::assert_snapshot!(body.replace('>', ">\n").replace("\n\n", "\n"));
}

#[test]
fn the_page_speaks_three_languages() {
    for (language, lang, region, dispute) in [
        (Language::En, "en", "Sakhalin", "Disputed"),
        (Language::Ru, "ru", "Сахалин", "Расхождения"),
        (Language::Uk, "uk", "Сахалін", "Розбіжності"),
    ] {
        let html = page(&archive("x"), &told(language), &mut || true);
        assert!(html.starts_with(&format!("<!DOCTYPE html><html lang=\"{lang}\">")), "{lang}");
        assert!(html.contains(region) && html.contains(dispute), "{lang}: {region}, {dispute}");
    }
}

#[test]
fn the_times_of_the_page_are_in_the_zone_asked_for_which_is_named_once_and_its_days_are_not_moved() {
    let zone = TimeZone::get("Asia/Vladivostok").expect("the zone is in the system's or the built-in database");
    let html = page(&archive("x"), &Manner { language: Language::Uk, zone }, &mut || true);
    assert_eq!(html.matches("(Asia/Vladivostok)").count(), 1);
    assert!(html.contains(r#"<time datetime="2026-11-24T00:01:00Z">2026-11-24 10:01 +10:00</time>"#), "{html}");
    assert!(html.contains("<time>2026-11-24</time>") && !html.contains("UTC"), "{html}");
}

#[test]
fn a_case_file_with_a_shared_part_does_not_pass_for_unshared() {
    let mut archive = archive("x");
    let says = |archive: &Archive, words: &str| page(archive, &told(Language::En), &mut || true).contains(words);
    assert!(says(&archive, "Case file · own organisation only"));
    archive.records[0].readers.push("cabin-yard".into());
    assert!(!says(&archive, "own organisation only") && says(&archive, "Case file · shared with named organisations"));
}

/// Labels, values, reasons, and the names of unknown fields and of persons reported for come from others.
#[test]
fn hostile_text_stays_text_and_its_marks_are_seen() {
    let mut archive = archive(HOSTILE);
    let cells = archive.records[1].view.entities.values_mut().next().expect("an entity");
    cells.insert(HOSTILE.to_owned(), agreed(HOSTILE));
    archive.organisations[1].call_sign = HOSTILE.to_owned();
    archive.organisations[1].name = Some(HOSTILE.to_owned());
    archive.records[1].readers.push(HOSTILE.to_owned());
    for language in [Language::En, Language::Ru, Language::Uk] {
        let html = page(&archive, &told(language), &mut || true);
        for tag in ["<script", "<img", "onerror=\"", "http://", "https://", "url(", "javascript:"] {
            assert!(!html.contains(tag), "{tag}");
        }
        assert!(!html.contains(['\u{202e}', '\u{200b}', '\u{0}']), "a mark that is not seen");
        let shown = "&lt;/style&gt;&lt;script&gt;alert('1')&lt;/script&gt;&lt;img src=x onerror=&quot;y&quot;&gt;&amp;amp;\
                     <span class=\"mark\">U+202E</span>gpj.exe<span class=\"mark\">U+200B</span>\
                     <span class=\"mark\">U+0000</span>";
        assert!(html.matches(shown).count() >= 8, "{}", html.matches(shown).count());
        assert_eq!((html.matches("<style>").count(), html.matches("</style>").count()), (1, 1));
    }
}

#[test]
fn every_link_on_the_page_leads_to_one_place_on_it() {
    let html = page(&archive("x"), &told(Language::En), &mut || true);
    let after = |mark: &str| -> Vec<String> {
        html.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let places = after(" id=\"");
    let links = after("href=\"");
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        let target = link.strip_prefix('#').expect("nothing leads out of the page");
        assert_eq!(places.iter().filter(|place| *place == target).count(), 1, "{target}");
    }
}

#[test]
fn what_is_written_reads_back_and_is_for_its_owner_alone() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (to, archive) = (root.path().join("archive"), archive("x"));
    let summary = archive.write(&told(Language::En), &to, &mut |_| true).expect("a new folder");
    let json = fs::read(to.join(JSON)).expect("written");
    assert_eq!(serde_json::from_slice::<Archive>(&json).expect("our own form"), archive);
    for record in &archive.records {
        assert_eq!(data_encoding::HEXLOWER.encode(&record.view.digest()), record.digest);
    }
    let html = fs::read(to.join(PAGE)).expect("written");
    assert_eq!(summary, Summary { records: 2, bytes: (json.len() + html.len()) as u64 });
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!([mode(&to), mode(&to.join(JSON)), mode(&to.join(PAGE))], [0o700, 0o600, 0o600]);
    assert_eq!(fs::read_dir(root.path()).expect("readable").count(), 1, "nothing else is left");
}

#[test]
fn nothing_is_written_over_and_what_a_crash_left_is_in_nobodys_way() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let archive = archive("x");
    let check = |name: &str, make: &dyn Fn(&Path)| {
        let to = root.path().join(name);
        make(&to);
        assert!(matches!(archive.write(&told(Language::En), &to, &mut |_| true), Err(ArchiveError::Exists)), "{name}");
    };
    check("empty folder", &|to| fs::create_dir(to).expect("writable"));
    check("file", &|to| fs::write(to, "x").expect("writable"));
    check("link", &|to| symlink("nowhere", to).expect("writable"));
    // Another's folder that only looks like ours.
    let theirs = root.path().join("new.unfinished");
    fs::create_dir(&theirs).and_then(|()| fs::write(theirs.join("letter"), "x")).expect("writable");
    assert!(matches!(
        archive.write(&told(Language::En), &root.path().join("new"), &mut |_| true),
        Err(ArchiveError::Exists)
    ));
    assert!(theirs.join("letter").exists());
    fs::remove_file(theirs.join("letter")).and_then(|()| fs::write(theirs.join(JSON), "{\"sch")).expect("writable");
    archive
        .write(&told(Language::En), &root.path().join("new"), &mut |_| true)
        .expect("only half an archive was there");
    assert!(!theirs.exists());
}

/// Regression: with a link planted at `DIR.unfinished`, the files of the archive that it led to were removed.
#[test]
fn a_link_in_the_place_of_an_unfinished_archive_is_not_followed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let [to, other] = ["new", "other"].map(|name| root.path().join(name));
    let archive = archive("x");
    archive.write(&told(Language::En), &other, &mut |_| true).expect("a new folder");
    symlink(&other, root.path().join("new.unfinished")).expect("writable");
    assert!(matches!(archive.write(&told(Language::En), &to, &mut |_| true), Err(ArchiveError::Exists)));
    assert!(other.join(JSON).exists() && other.join(PAGE).exists() && !to.exists());
}
