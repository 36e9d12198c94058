//! Benchmark of sections: the cost of folding a case file's entries into a view. Two branches of 1,200 entries.

use protocol::{
    app::import::{self, Draft, Imported, Kind},
    bytes::{
        ids::{EntityId, EntryId, FeedKey, Incarnation, OrgId, SectionId},
        seal::{Entropy, hash},
    },
    record::{
        date,
        schema::{Schema, Value},
        section::{
            Contribution, Section,
            assertion::{Assertion, ClaimedTime, Plain, Statement},
        },
    },
    sharing::share::{self, Audience},
};
use tests::bench::figures::{Figures, Sample, timed};

const SECTION: SectionId = SectionId([1; 16]);
const BRANCH: u64 = 1_200;
const RUNS: usize = 5;

fn main() {
    let mut figures = Figures::of("sections");
    let branches = |entries: u64| [0, 1].map(|writer| branch(writer, entries));
    let (half, whole) = (branches(BRANCH / 2), branches(BRANCH));
    let (mut halves, mut wholes, mut mixed, mut last, mut again) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        halves.push(folded(half.iter().flatten()).1);
        let (digest, took) = folded(whole.iter().flatten());
        wholes.push(took);
        let in_turn = whole[0].iter().zip(&whole[1]).flat_map(|(one, other)| [one, other]);
        let (other, took) = folded(in_turn);
        assert_eq!(digest, other, "same entries, same view");
        mixed.push(took);

        // One more entry on a section that is already folded, as it comes from a peer.
        let mut section = Section::new(SECTION);
        let mut all: Vec<_> = whole.iter().flatten().cloned().collect();
        let newest = all.pop().expect("a branch has entries");
        all.into_iter().for_each(|contribution| take(&mut section, contribution));
        section.view();
        last.push(
            timed(|| {
                take(&mut section, newest);
                section.view()
            })
            .1,
        );
        again.push(timed(|| section.view()).1);
    }
    let ms = |runs: Vec<f64>| runs.into_iter().map(|seconds| seconds * 1e3).collect::<Sample>();
    let [halves, wholes, mixed, last, again] = [halves, wholes, mixed, last, again].map(ms);
    figures.plain("two branches of 1200 entries, one after the other", &wholes, "ms");
    figures.plain("each entry", &wholes.map(|ms| ms * 1e3 / (2 * BRANCH) as f64), "µs");
    figures.ratio("two branches of 1200 entries", &wholes.ratio(&halves), "two branches of 600", None);
    figures.ratio("entries of both branches in turn", &mixed.ratio(&wholes), "one after the other", None);
    figures.ratio("one entry more on 2399, and the view", &last.ratio(&wholes), "all of it anew", None);
    figures.ratio("the view again, nothing new", &again.ratio(&wholes), "all of it anew", None);
    sample_cases(&mut figures);
    figures.show();
}

/// Measures the twelve case files of the sample: the view of each made anew, and the preview of a share with two
/// organisations.
fn sample_cases(figures: &mut Figures) {
    let mut entropy = Entropy::new([2; 32]);
    let read = import::import(include_bytes!("../../deploy/sample/cases.json"), &mut || EntityId(entropy.bytes()));
    let cases: Vec<_> = read.expect("it imports").into_iter().filter(|record| record.kind == Kind::CaseFile).collect();
    let statements: usize = cases.iter().map(|case| case.statements.len() + case.separate.len()).sum();
    let cases: Vec<(SectionId, Vec<Contribution>)> =
        cases.into_iter().map(|case| (SectionId(case.root.0), imported(case))).collect();
    let others = [1, 2].map(|number| (OrgId([number; 32]), None));
    let audience = Audience { own: OrgId([0; 32]), organisations: others.into() };
    let (mut viewed, mut previewed) = (vec![], vec![]);
    for _ in 0..RUNS {
        let fresh = cases.clone();
        let (views, took) = timed(|| {
            let view = |(id, entries): (SectionId, Vec<Contribution>)| {
                let mut section = Section::new(id);
                entries.into_iter().for_each(|contribution| take(&mut section, contribution));
                section.view()
            };
            fresh.into_iter().map(view).collect::<Vec<_>>()
        });
        viewed.push(took * 1e6 / cases.len() as f64);
        let preview = |view| share::preview(view, &audience, date::day(1_764_547_260));
        let (_, took) = timed(|| views.iter().map(preview).collect::<Vec<_>>());
        previewed.push(took * 1e6 / cases.len() as f64);
    }
    let [viewed, previewed] = [viewed, previewed].map(|runs| runs.into_iter().collect::<Sample>());
    let each = statements / cases.len();
    figures.plain(format!("a sample case file of {each} statements: its view anew"), &viewed, "µs");
    figures.ratio("what of it may go to two organisations", &previewed.ratio(&viewed), "its view anew", None);
}

/// An imported case file as its organisation writes it: one entry, and one for each value that somebody else reported.
fn imported(case: Imported) -> Vec<Contribution> {
    let said = |draft: Draft| {
        let Draft { entity, field, value, sources, grade, reported_by } = draft;
        Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by })
    };
    let together = case.statements.into_iter().map(said).collect();
    let apart = case.separate.into_iter().map(|draft| vec![said(draft)]);
    let entry = |(seq, statements): (u64, Vec<Statement>)| Contribution {
        id: EntryId(hash("habeas bench entry id", &[&case.root.0, &seq.to_be_bytes()])),
        feed: FeedKey([0; 32]),
        run: Incarnation([0; 8]),
        seq,
        org: OrgId([0; 32]),
        plain: Plain {
            schema: Schema::VERSION,
            section: SectionId(case.root.0),
            claimed_time: ClaimedTime(1_760_000_000),
            deps: vec![],
            batch: None,
            statements,
        },
    };
    (1..).zip(std::iter::once(together).chain(apart)).map(entry).collect()
}

fn folded<'a>(contributions: impl Iterator<Item = &'a Contribution>) -> ([u8; 32], f64) {
    let contributions: Vec<_> = contributions.cloned().collect();
    timed(|| {
        let mut section = Section::new(SECTION);
        contributions.into_iter().for_each(|contribution| take(&mut section, contribution));
        section.view().digest()
    })
}

fn take(section: &mut Section, contribution: Contribution) {
    section.insert(contribution).expect("one section, no fork");
}

/// A branch: the entries that one organisation wrote without knowing of the other, one capture after another.
fn branch(writer: u8, entries: u64) -> Vec<Contribution> {
    let entry = |seq: u64| {
        let says = Assertion {
            entity: EntityId([u8::try_from(seq % 40).expect("below 40"); 16]),
            field: "capture_episode.date".to_owned(),
            value: Value::Text(format!("2024-{:02}-{:02}", seq % 12 + 1, seq % 28 + 1)),
            sources: vec![],
            grade: Some("B2".to_owned()),
            basis: None,
            reported_by: None,
        };
        let plain = Plain {
            schema: Schema::VERSION,
            section: SECTION,
            claimed_time: ClaimedTime(1_760_000_000 + 60 * seq),
            deps: vec![],
            batch: None,
            statements: vec![Statement::Assert(says)],
        };
        Contribution {
            id: EntryId(hash("habeas bench entry id", &[&[writer], &seq.to_be_bytes()])),
            feed: FeedKey([writer; 32]),
            run: Incarnation([0; 8]),
            seq,
            org: OrgId([writer; 32]),
            plain,
        }
    };
    (1..=entries).map(entry).collect()
}
