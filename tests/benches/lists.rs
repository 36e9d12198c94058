//! Benchmark of lists: the wait of a person for a first page, a search or a case file, with few and with many records.

#![expect(clippy::disallowed_methods, reason = "what is measured must not be disturbed by a look at every instant")]

use std::{
    env, fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use protocol::{
    app::control::{Known, Page, Question, RecordKind, Reply, Request},
    bytes::ids::SectionId,
    record::schema::Language,
};
use serde_json::Value;
use tests::{
    bench::{
        figures::{Bar, Figures, Sample, timed},
        process::memory,
    },
    daemons::{Daemons, Long, Node, eventually, many, sample},
};

/// Case files and dockets at each size.
const SIZES: [(usize, usize); 3] = [(1_000, 1_000), (10_000, 10_000), (50_000, 100_000)];
/// Largest number of case files of which an archive is written: a larger one takes many minutes and gigabytes.
const ARCHIVED: usize = 10_000;
/// Records in one imported file.
const AT_ONCE: usize = 2_500;
/// Number of times that a person asks.
const ASKED: usize = 20;
/// The pause between two looks at a case file during long work.
const LOOK: Duration = Duration::from_millis(5);
/// The longest wait in milliseconds that a person takes for an immediate answer.
const AT_ONCE_MS: f64 = 50.0;

fn main() {
    let mut figures = Figures::of("lists");
    let nodes = Daemons::found(env!("CARGO_BIN_EXE_tests-node"), 1);
    let (node, mut there, mut first) = (&nodes[0], (0, 0), Vec::new());
    // A look at the two smaller sizes takes some three minutes.
    let sizes = if env::var_os("HABEAS_LISTS_SMALL").is_some() { &SIZES[..2] } else { &SIZES[..] };
    for &(cases, dockets) in sizes {
        let size = format!("{cases} case files, {dockets} dockets");
        let (_, took) = timed(|| fill(node, there, (cases, dockets)));
        let new = (cases - there.0 + dockets - there.1) as f64;
        figures.plain(format!("{size}: records brought in"), &(new / took).into(), "/s");
        let [resident, peak] = memory(node.process());
        let is_large = cases == 50_000;
        let bar = |figures: &mut Figures, what: String, sample: &Sample, unit: &str, most: f64| match is_large {
            true => figures.barred(what, sample, unit, Bar::Most(most)),
            false => figures.plain(what, sample, unit),
        };
        bar(&mut figures, format!("{size}: resident after it"), &resident.into(), "MiB", 150.0);
        figures.plain(format!("{size}: resident at most"), &peak.into(), "MiB");
        for (at, (what, request)) in questions().into_iter().enumerate() {
            let sample: Sample = (0..ASKED).map(|_| timed(|| node.done(request.clone())).1 * 1e3).collect();
            bar(&mut figures, format!("{size}: {what}"), &sample, "ms", AT_ONCE_MS);
            match first.get(at) {
                None => first.push(sample),
                Some(few) => {
                    let (ratio, against) = ((sample.median() / few.median()).into(), "the same with 1000 of each");
                    figures.ratio(format!("{size}: {what}"), &ratio, against, is_large.then_some(Bar::Most(2.0)));
                }
            }
        }
        let shown = first_case(node);
        let during = waits(node, shown, || fill(node, (cases, dockets), (cases + AT_ONCE, dockets)));
        there = (cases + AT_ONCE, dockets);
        bar(
            &mut figures,
            format!("{size}: case show during an import, p99"),
            &during.quantile(0.99).into(),
            "ms",
            AT_ONCE_MS,
        );
        if cases > ARCHIVED {
            continue;
        }
        let to = node.folder().join(format!("archive-{cases}"));
        let archive = Request::Archive { to: to.display().to_string(), language: Language::Uk, zone: None };
        let [before, _] = memory(node.process());
        let during = waits(node, shown, || {
            let (reply, _) = node.door().begin(&archive).and_then(Long::ended).expect("it tells how far it is");
            assert!(matches!(reply, Ok(Reply::Archived { .. })), "{reply:?}");
        });
        let bar = Bar::Most(AT_ONCE_MS);
        figures.barred(format!("{size}: case show during an archive, p99"), &during.quantile(0.99).into(), "ms", bar);
        let [after, _] = memory(node.process());
        figures.barred(format!("{size}: resident after an archive"), &after.into(), "MiB", Bar::Most(300.0));
        figures.plain(format!("{size}: resident before it"), &before.into(), "MiB");
        fs::remove_dir_all(&to).expect("it was written");
    }
    figures.show();
}

/// The questions of a person, each with its name.
fn questions() -> Vec<(&'static str, Request)> {
    let page = Page { limit: Some(50), after: None };
    let list = |kind, stage: Option<&str>| Request::List { kind, stage: stage.map(str::to_owned), page };
    let ask = |question| Request::Ask { question, page };
    let article = || Some("352.1".to_owned());
    let answered =
        Question { argument: Some("ARG-ORDER".into()), response: Some("accepted".into()), ..Question::default() };
    vec![
        ("the first 50 case files", list(RecordKind::Case, None)),
        ("the first 50 at a stage", list(RecordKind::Case, Some("60-trial"))),
        ("the first 50 dockets", list(RecordKind::Docket, None)),
        ("the first 50 dockets with an article", ask(Question { article: article(), ..Question::default() })),
        ("the first 50 with an argument that was accepted", ask(answered.clone())),
        ("the first 50 with both", ask(Question { article: article(), ..answered })),
        ("the status", Request::Status),
        ("the metrics", Request::Metrics),
        ("what the doctor asks", Request::Examine),
    ]
}

/// Imports records until the node has `to` case files and dockets, and waits until all of them are in the lists.
fn fill(node: &Node, from: (usize, usize), to: (usize, usize)) {
    let mut at = from.0;
    while at < to.0 {
        let count = AT_ONCE.min(to.0 - at);
        let mut file: Value =
            serde_json::from_str(&many(count).replace("MANY-", &format!("MANY-{at}-"))).expect("JSON");
        file["dockets"] = Value::Array(vec![]);
        import(node, &file, count);
        at += count;
    }
    let mut at = from.1;
    while at < to.1 {
        let count = AT_ONCE.min(to.1 - at);
        import(node, &dockets(at, count), count);
        at += count;
    }
    let page = Page { limit: Some(1), after: None };
    eventually("all are in the lists", || {
        match node.done(Request::List { kind: RecordKind::Case, stage: None, page }) {
            Reply::Records { behind: 0, .. } => Some(()),
            _ => None,
        }
    });
}

fn import(node: &Node, file: &Value, count: usize) {
    match node.done(Request::Import { file: file.to_string(), dry_run: false, known: Known::Again }) {
        Reply::Imported { records, .. } => assert_eq!(records.len(), count),
        other => panic!("not imported: {other:?}"),
    }
}

/// A file of dockets, those of the sample over and over.
fn dockets(from: usize, count: usize) -> Value {
    let mut file: Value = serde_json::from_str(&sample()).expect("the sample is JSON");
    let sample = file["dockets"].as_array().expect("a list of dockets").clone();
    let docket = |number: usize| {
        let docket = &sample[number % sample.len()];
        let label = docket["label"].as_str().expect("a label");
        let text = docket.to_string().replace(label, &format!("D-{number}"));
        serde_json::from_str::<Value>(&text).expect("still JSON")
    };
    file["cases"] = Value::Array(vec![]);
    file["dockets"] = (from..from + count).map(docket).collect();
    file
}

fn first_case(node: &Node) -> SectionId {
    let page = Page { limit: Some(1), after: None };
    match node.done(Request::List { kind: RecordKind::Case, stage: None, page }) {
        Reply::Records { records, .. } => records[0].record,
        other => panic!("no records: {other:?}"),
    }
}

/// The waits for a case file in milliseconds while `work` goes on.
fn waits(node: &Node, case: SectionId, work: impl FnOnce()) -> Sample {
    let (door, ended) = (node.door(), AtomicBool::new(false));
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let show = Request::Show { record: case.to_string() };
            let mut waits = Vec::new();
            while !ended.load(Ordering::SeqCst) || waits.is_empty() {
                let (reply, took) = timed(|| door.try_ask(&show));
                assert!(matches!(reply, Ok(Ok(Reply::Record(_)))), "{reply:?}");
                waits.push(took * 1e3);
                thread::sleep(LOOK);
            }
            waits.into_iter().collect()
        });
        work();
        ended.store(true, Ordering::SeqCst);
        looking.join().expect("it ends when told")
    })
}
