//! Tests of archives as they are written, and of the pages as people see them. All data is invented.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use habeas_texts::language;

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

use super::{
    folder::{FOLDER_MAX, JSON, PAGE, STYLE},
    index::{BYTES_MAX, LINES_MAX},
    page::Page,
    writer::PART_MAX,
    *,
};

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
        as_of: DAY + 60,
        pseudonym: "able zone about zero above zoo".into(),
        label: label.map(str::to_owned),
        circle: CircleId([circle; 16]),
        readers: vec![],
        stage: "65-verdict".into(),
        digest: data_encoding::HEXLOWER.encode(&view.digest()),
        view,
    }
}

/// A case file with one name.
fn case(number: u64) -> Archived {
    let mut id = [3; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let view = View {
        section: SectionId(id),
        entities: [(
            EntityId([3; 16]),
            [("person_name.full_name".to_owned(), agreed("СИН Берёзкин Тест Примерович"))].into(),
        )]
        .into(),
        ignored: vec![],
    };
    archived(view, RecordKind::Case, Some(&format!("CASE-{number}")), 1)
}

fn head() -> Head {
    let held = |circle, kind: &str, organisations: &[OrgId]| Held {
        circle: CircleId([circle; 16]),
        kind: kind.into(),
        organisations: organisations.to_vec(),
    };
    let member = |organisation, call_sign: &str| Member { organisation, call_sign: call_sign.into(), name: None };
    let [ours, theirs] = [member(OURS, "abandon-zoo"), member(THEIRS, "cabin-yard")];
    Head {
        as_of: DAY + 60,
        registry: RegistryId([4; 32]),
        registry_words: "one two three four five six".into(),
        organisation: OURS,
        organisations: vec![ours, Member { name: Some("Lawyers of the coast".into()), ..theirs }],
        circles: vec![held(1, "own", &[OURS]), held(2, "commons", &[OURS, THEIRS])],
        unread: 2,
    }
}

/// A case file, and a docket with this text.
fn records(text: &str) -> Vec<Archived> {
    let readers = vec!["cabin-yard".into()];
    vec![case(1), Archived { readers, ..archived(docket(text), RecordKind::Docket, Some(text), 2) }]
}

/// Writes an archive.
fn write(to: &Path, manner: Manner, head: &Head, records: &[Archived]) -> Result<Summary, ArchiveError> {
    let mut writer = Writer::new(manner, to)?;
    writer.begin(head.clone())?;
    records.iter().try_for_each(|record| writer.add(record))?;
    writer.end()
}

/// The page of a record.
fn page(head: &Head, record: &Archived, manner: &Manner) -> String {
    language::within(manner.language, || {
        Page::new(head, &manner.zone).record(record, &folder::page(1), "archive.html#r1")
    })
}

/// The pages of an archive of these records by their paths in it.
fn pages(head: &Head, records: &[Archived], manner: &Manner) -> BTreeMap<String, String> {
    let root = tempfile::tempdir().expect("a temporary folder");
    let to = root.path().join("archive");
    write(&to, manner.clone(), head, records).expect("a new folder");
    let html = files(&to).into_iter().filter(|name| name.ends_with(".html"));
    html.map(|name| (name.clone(), fs::read_to_string(to.join(&name)).expect("written"))).collect()
}

/// The paths of the files in a folder and its folders.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut open = vec![PathBuf::new()];
    let mut found = BTreeSet::new();
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(folder.join(&at)).expect("readable") {
            let path = at.join(entry.expect("readable").file_name());
            match folder.join(&path).is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.to_str().expect("UTF-8").to_owned())),
            }
        }
    }
    found
}

/// The values of an attribute on a page.
fn after<'a>(html: &'a str, mark: &str) -> Vec<&'a str> {
    html.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

/// Presentation in this language, in UTC.
fn told(language: Language) -> Manner {
    Manner { language, zone: TimeZone::UTC }
}

#[test]
fn the_page_shows_every_value_with_who_said_it_and_what_is_disputed_first() {
    let html = page(&head(), &records("one reason")[1], &told(Language::En));
    let (_, body) = html.split_once("</head>").expect("a head");
    insta::assert_snapshot!(body.replace('>', ">\n").replace("\n\n", "\n"));
}

#[test]
fn the_first_page_lists_every_record_with_stage_readers_and_time() {
    let pages = pages(&head(), &records("one reason"), &told(Language::En));
    let (_, body) = pages[PAGE].split_once("</head>").expect("a head");
    insta::assert_snapshot!(body.replace('>', ">\n").replace("\n\n", "\n"));
}

#[test]
fn the_pages_speak_three_languages() {
    for (language, lang, region, dispute) in [
        (Language::En, "en", "Sakhalin", "Disputed"),
        (Language::Ru, "ru", "Сахалин", "Расхождения"),
        (Language::Uk, "uk", "Сахалін", "Розбіжності"),
    ] {
        let pages = pages(&head(), &records("x"), &told(language));
        assert_eq!(pages.len(), 3);
        for html in pages.values() {
            assert!(html.starts_with(&format!("<!DOCTYPE html><html lang=\"{lang}\">")), "{lang}");
        }
        let html = &pages[&folder::page(2)];
        assert!(html.contains(region) && html.contains(dispute), "{lang}: {region}, {dispute}");
    }
}

#[test]
fn the_times_of_a_page_are_in_the_zone_asked_for_which_is_named_once_and_its_days_are_not_moved() {
    let zone = TimeZone::get("Asia/Vladivostok").expect("the zone is in the system's or the built-in database");
    let pages = pages(&head(), &records("x"), &Manner { language: Language::Uk, zone });
    for html in pages.values() {
        assert_eq!(html.matches("(Asia/Vladivostok)").count(), 1);
        assert!(html.contains(r#"<time datetime="2026-11-24T00:01:00Z">2026-11-24 10:01 +10:00</time>"#), "{html}");
        assert!(html.contains("<time>2026-11-24</time>") && !html.contains("UTC"), "{html}");
    }
}

#[test]
fn a_case_file_with_a_shared_part_does_not_pass_for_unshared() {
    let mut record = case(1);
    let says = |record: &Archived, words: &str| page(&head(), record, &told(Language::En)).contains(words);
    assert!(says(&record, "Case file · own organisation only"));
    record.readers.push("cabin-yard".into());
    assert!(!says(&record, "own organisation only") && says(&record, "Case file · shared with named organisations"));
    let pages = pages(&head(), &[record], &told(Language::En));
    assert!(pages[PAGE].contains("Read by: cabin-yard") && !pages[PAGE].contains("own organisation only"));
}

/// Statements stand once for the values of an entity that share them, and at each value that differs or is disputed.
#[test]
fn who_said_a_value_stands_once_for_an_entity_and_at_each_value_that_another_said() {
    let mut record = case(1);
    let name = record.view.entities.values_mut().next().expect("an entity");
    name.insert("person_name.type".to_owned(), agreed("legal"));
    let both = vec![claim(OURS, "one"), claim(THEIRS, "other")];
    name.insert("person_name.note".to_owned(), cell(Policy::Mvr, Shown::Conflict, both.clone()));
    name.insert(
        "person_name.source_note".to_owned(),
        cell(Policy::Mvr, Shown::Agreed("x".into()), vec![claim(THEIRS, "x")]),
    );
    let html = page(&head(), &record, &told(Language::En));
    let entity = html.split_once("class=\"entity\"").expect("an entity").1;
    // Once for three values, and once at the disputed value.
    assert_eq!(entity.matches("abandon-zoo").count(), 2, "{entity}");
    assert_eq!(entity.matches("Lawyers of the coast (cabin-yard)").count(), 2, "{entity}");
}

/// Labels, values, reasons, and the names of unknown fields and of persons reported for come from others.
#[test]
fn hostile_text_stays_text_and_its_marks_are_seen() {
    let (mut head, mut records) = (head(), records(HOSTILE));
    let cells = records[1].view.entities.values_mut().next().expect("an entity");
    cells.insert(HOSTILE.to_owned(), agreed(HOSTILE));
    head.organisations[1].call_sign = HOSTILE.to_owned();
    head.organisations[1].name = Some(HOSTILE.to_owned());
    records[1].readers.push(HOSTILE.to_owned());
    records[1].stage = HOSTILE.to_owned();
    for language in [Language::En, Language::Ru, Language::Uk] {
        let pages = pages(&head, &records, &told(language));
        for (name, html) in &pages {
            for tag in ["<script", "<img", "<style", "onerror=\"", "http://", "https://", "url(", "javascript:"] {
                assert!(!html.contains(tag), "{name}: {tag}");
            }
            assert!(!html.contains(['\u{202e}', '\u{200b}', '\u{0}']), "{name}: a mark that is not seen");
        }
        let shown = "&lt;/style&gt;&lt;script&gt;alert('1')&lt;/script&gt;&lt;img src=x onerror=&quot;y&quot;&gt;&amp;amp;\
                     <span class=\"mark\">U+202E</span>gpj.exe<span class=\"mark\">U+200B</span>\
                     <span class=\"mark\">U+0000</span>";
        let seen = |name: &str| pages[name].matches(shown).count();
        assert!(seen(PAGE) >= 3 && seen(&folder::page(2)) >= 8, "{} {}", seen(PAGE), seen(&folder::page(2)));
    }
}

/// An archive of 10,000 case files was one page of 370 MB, which no browser opened.
#[test]
fn every_part_is_within_its_limit_and_every_link_leads_to_one_place() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let to = root.path().join("archive");
    let mut writer = Writer::new(told(Language::En), &to).expect("a new folder");
    writer.begin(head()).expect("writable");
    let cases = FOLDER_MAX + 300;
    for number in 1..=cases {
        // Long labels fill parts of the list before their lines are 500.
        let label = if number > 600 { "\u{200b}".repeat(5_000) } else { format!("CASE-{number}") };
        writer.add(&Archived { label: Some(label), ..case(number) }).expect("writable");
    }
    writer.add(&records("x")[1]).expect("writable");
    assert_eq!(writer.end().expect("writable").records, cases + 1);

    let found = files(&to);
    let read = |name: &str| fs::read_to_string(to.join(name)).expect("written");
    let (mut listed, mut parts) = (0, 0);
    for name in found.iter().filter(|name| name.ends_with(".html")) {
        let html = read(name);
        let lines = html.matches("<li id=\"r").count();
        (listed, parts) = (listed + lines, parts + usize::from(lines > 0));
        assert!(lines <= LINES_MAX && html.len() < BYTES_MAX + (100 << 10), "{name}: {lines}, {}", html.len());
        for link in after(&html, "href=\"") {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let at = Path::new(name).parent().expect("a folder");
            let target = if file.is_empty() { to.join(name) } else { to.join(at).join(file) };
            let target = fs::canonicalize(&target).expect("a link leads to a file");
            assert!(target.starts_with(fs::canonicalize(&to).expect("there")), "{link} leads out of the archive");
            if !place.is_empty() {
                let text = fs::read_to_string(&target).expect("readable");
                assert_eq!(after(&text, " id=\"").iter().filter(|id| **id == place).count(), 1, "{name}: {link}");
            }
        }
    }
    assert_eq!(listed as u64, cases + 1);
    assert!(parts > 3, "{parts}");
    for folder in fs::read_dir(to.join("records")).expect("there") {
        let pages = fs::read_dir(folder.expect("readable").path()).expect("there").count() as u64;
        assert!((1..=FOLDER_MAX).contains(&pages), "{pages}");
    }
    let archive: Archive = serde_json::from_str(&read(JSON)).expect("our own form");
    assert_eq!((archive.case_files, archive.dockets), (cases, 1));
    assert_eq!(archive.files.iter().map(|part| part.records).sum::<u64>(), cases + 1);
    for part in &archive.files {
        let text = read(&part.file);
        assert_eq!((text.lines().count() as u64, text.len() as u64), (part.records, part.bytes));
        assert!(part.records <= PART_MAX && found.contains(&part.file));
    }
}

#[test]
fn what_is_written_reads_back_and_is_for_its_owner_alone() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let (to, records) = (root.path().join("archive"), records("x"));
    let summary = write(&to, told(Language::En), &head(), &records).expect("a new folder");
    let json = fs::read(to.join(JSON)).expect("written");
    let archive: Archive = serde_json::from_slice(&json).expect("our own form");
    assert_eq!((archive.schema, archive.head, archive.case_files, archive.dockets), (2, head(), 1, 1));
    let lines = fs::read_to_string(to.join(&archive.files[0].file)).expect("written");
    let read: Vec<Archived> = lines.lines().map(|line| serde_json::from_str(line).expect("our own form")).collect();
    assert_eq!(read, records);
    for record in &read {
        assert_eq!(data_encoding::HEXLOWER.encode(&record.view.digest()), record.digest);
    }
    let found = files(&to);
    let expected = [PAGE, JSON, "json/0001.jsonl", "records/0001/000001.html", "records/0001/000002.html", STYLE];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let bytes = found.iter().map(|name| fs::metadata(to.join(name)).expect("there").len()).sum();
    assert_eq!(summary, Summary { records: 2, bytes });
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    for name in &found {
        let file = to.join(name);
        assert_eq!([mode(&file), mode(file.parent().expect("a folder"))], [0o600, 0o700], "{name}");
    }
    assert_eq!(fs::read_dir(root.path()).expect("readable").count(), 1, "nothing else is left");
}

#[test]
fn an_archive_that_is_begun_again_holds_nothing_of_before_and_one_that_is_not_ended_is_removed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let to = root.path().join("archive");
    let mut writer = Writer::new(told(Language::En), &to).expect("a new folder");
    writer.begin(head()).expect("writable");
    for number in 1..=LINES_MAX as u64 + 2 {
        writer.add(&case(number)).expect("writable");
    }
    writer.begin(head()).expect("writable");
    writer.add(&case(9_999)).expect("writable");
    writer.end().expect("writable");
    let pages = files(&to).into_iter().filter(|name| name.ends_with(".html"));
    assert_eq!(pages.collect::<Vec<_>>(), [PAGE, "records/0001/000001.html"]);
    assert!(fs::read_to_string(to.join("json/0001.jsonl")).expect("written").contains("CASE-9999"));

    let mut writer = Writer::new(told(Language::En), &root.path().join("other")).expect("a new folder");
    writer.begin(head()).expect("writable");
    writer.add(&case(1)).expect("writable");
    drop(writer);
    assert_eq!(fs::read_dir(root.path()).expect("readable").count(), 1, "something is left");
}

#[test]
fn nothing_is_written_over_and_what_a_crash_left_is_in_nobodys_way() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let written = |to: &Path| write(to, told(Language::En), &head(), &records("x"));
    let check = |name: &str, make: &dyn Fn(&Path)| {
        let to = root.path().join(name);
        make(&to);
        assert!(matches!(written(&to), Err(ArchiveError::Exists)), "{name}");
    };
    check("empty folder", &|to| fs::create_dir(to).expect("writable"));
    check("file", &|to| fs::write(to, "x").expect("writable"));
    check("link", &|to| symlink("nowhere", to).expect("writable"));
    // Another's folder that only looks like ours.
    let theirs = root.path().join("new.unfinished");
    fs::create_dir(&theirs).and_then(|()| fs::write(theirs.join("letter"), "x")).expect("writable");
    assert!(matches!(written(&root.path().join("new")), Err(ArchiveError::Exists)));
    assert!(theirs.join("letter").exists());
    fs::remove_file(theirs.join("letter")).expect("there");
    for name in [JSON, "json/0001.jsonl", "index/0002.html", "records/0001/000001.html"] {
        fs::create_dir_all(theirs.join(name).parent().expect("a folder")).expect("writable");
        fs::write(theirs.join(name), "{\"sch").expect("writable");
    }
    written(&root.path().join("new")).expect("only half an archive was there");
    assert!(!theirs.exists());
}

/// Regression: with a link planted at `DIR.unfinished`, the files of the archive that it led to were removed.
#[test]
fn a_link_in_the_place_of_an_unfinished_archive_or_in_it_is_not_followed() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let [to, other, fresh] = ["new", "other", "new.unfinished"].map(|name| root.path().join(name));
    write(&other, told(Language::En), &head(), &records("x")).expect("a new folder");
    let before = files(&other);
    let check = |make: &dyn Fn()| {
        make();
        let refused = write(&to, told(Language::En), &head(), &records("x"));
        assert!(matches!(refused, Err(ArchiveError::Exists)));
        assert!(files(&other) == before && !to.exists());
    };
    check(&|| symlink(&other, &fresh).expect("writable"));
    check(&|| {
        fs::remove_file(&fresh).and_then(|()| fs::create_dir(&fresh)).expect("writable");
        symlink(other.join("json"), fresh.join("json")).expect("writable");
    });
    check(&|| {
        fs::remove_file(fresh.join("json")).and_then(|()| fs::create_dir(fresh.join("records"))).expect("writable");
        symlink(other.join("records/0001"), fresh.join("records/0001")).expect("writable");
    });
}
