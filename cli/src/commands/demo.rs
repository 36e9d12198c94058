//! `habeas demo`: several organisations on this computer, in real processes, with one registry, one partition, one
//! dispute.
//!
//! Every reported fact is checked: each node is asked over its own socket, and the exit status is 0 only if all copies
//! are equal, both corrections of one value are shown everywhere, and no case file that is held back left its
//! organisation.

mod founding;
mod plan;
mod site;
mod story;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use protocol::{
    app::control::{Imported, Record, RecordKind, Scope},
    bytes::ids::SectionId,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use crate::{
    Context,
    daemon::until,
    error::{Failure, codes},
    files, texts,
};
use plan::{Brought, Disagreement, Findings, Seen};
pub(crate) use site::Kept;
use site::{Site, Stage};
pub(crate) use story::Event;
use story::{Done, Story};

const EXAMPLES: &str = "\
Examples:
  habeas demo
  habeas demo --orgs 5
  habeas demo --keep
  habeas demo --orgs 3 --json";
/// The sample: invented case files and dockets, compiled in.
const SAMPLE: &str = include_str!("../../../deploy/sample/cases.json");
/// The article that the lawyer's question is about: voluntary surrender.
const ARTICLE: &str = "RU-CC-352.1";
/// The longest wait for each thing that the nodes must do: sixteen nodes on a small machine are slow.
const WAIT: Duration = Duration::from_secs(120);
/// The longest pause of `--pause-before-end`.
const PAUSE: Duration = Duration::from_secs(600);

/// Watch several organisations keep one registry on this computer, with invented data.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many organisations; one has two devices.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=16))]
    orgs: u8,
    /// The file to bring in [default: the invented cases that come with the program].
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Leave the nodes running, and say how to talk to them.
    #[arg(long)]
    keep: bool,
    /// Before the last checks, wait until this file is there.
    #[arg(long, value_name = "FILE", hide = true)]
    pause_before_end: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let cases = args.cases.as_deref().map_or_else(|| Ok(SAMPLE.to_owned()), files::read)?;
    let mut stage = Stage::build(context)?;
    let mut story = Story::new(&mut context.screen);
    let played = tokio::select! {
        played = play(&args, cases, &mut stage, &mut story) => played,
        () = interrupted() => Err(Failure::new(codes::INTERRUPTED, texts::demo::interrupted())),
    };
    match played {
        Ok(()) if args.keep => {
            let kept = stage.leave()?;
            context.screen.note(&texts::demo::kept(&kept));
            Ok(())
        }
        Ok(()) => {
            stage.strike(false).await;
            context.screen.note(&format!("\n{}", texts::next(&texts::demo::next())));
            Ok(())
        }
        Err(failure) => {
            let interrupted = failure.is(codes::INTERRUPTED);
            let said = stage.last_words();
            let kept = stage.strike(args.keep && !interrupted).await;
            if let Some(folder) = kept {
                context.screen.note(&texts::demo::kept_logs(&folder));
            }
            if interrupted {
                return Err(failure);
            }
            // A failed check reports its findings itself; for every other failure the last log lines of the nodes are
            // the details.
            let failure = if failure.problem.details.is_empty() { failure.with_details(said) } else { failure };
            Err(Failure { exit: 1, ..failure })
        }
    }
}

/// Plays the demonstration, from empty folders to the last check.
async fn play(args: &Args, cases: String, stage: &mut Stage, story: &mut Story<'_>) -> Result<(), Failure> {
    story.opens(args.orgs, stage.folder());
    // With one organisation, two of its devices disagree; with several, two organisations do.
    let alone = args.orgs == 1;
    stage.start(if alone { 2 } else { usize::from(args.orgs) }).await?;
    story.tell(&Event::Started { nodes: stage.sites.len() });
    let words = founding::found(&mut stage.sites, alone).await?;
    story.tell(&Event::Founded { organisations: call_signs(&stage.sites), registry_words: words });

    let sites = &stage.sites[..];
    let (home, far) = (&sites[0], &sites[1]);
    wait(texts::demo::wait_met(), async || Ok(home.meets(far).await? && far.meets(home).await?)).await?;
    let imported = home.import(cases).await?;
    let ids = |kind| imported.iter().filter(move |made| made.kind == kind).map(|made| made.record);
    let mut brought = Brought {
        case_files: ids(RecordKind::Case).collect(),
        dockets: ids(RecordKind::Docket).collect(),
        ..Brought::default()
    };
    let (case_files, dockets) = (brought.case_files.len(), brought.dockets.len());
    story.tell(&Event::Imported { by: &home.call_sign, case_files, dockets });
    if !alone {
        share(home, &sites[1..], &mut brought, story).await?;
    }

    let scopes: &[Scope] = if alone { &[Scope::Own, Scope::Commons] } else { &[Scope::Shared] };
    wait(texts::demo::wait_arrived(), async || {
        Ok(have(sites, &brought).await? && equal_digests(sites, scopes).await?.is_some())
    })
    .await?;
    let organisations = usize::from(args.orgs) - 1;
    story.tell(&Event::Arrived { case_files: brought.parts.len(), dockets, organisations });

    let disputed = choose(home, far, &imported, &brought).await?;
    cut(sites).await?;
    story.tell(&Event::Cut { apart: &far.call_sign });
    home.correct(&disputed, 0).await?;
    far.correct(&disputed, 1).await?;
    let [ours, theirs] = [home.values(&disputed, 0).await?, far.values(&disputed, 1).await?];
    let apart = !ours.contains(&disputed.values[1]) && !theirs.contains(&disputed.values[0]);
    if !apart {
        return Err(Failure::new(codes::DEMO, texts::demo::not_apart()));
    }
    story.tell(&Event::Corrected { label: &disputed.label, field: &disputed.field, values: &disputed.values });

    join_again(sites).await?;
    wait(texts::demo::wait_equal(), async || Ok(equal_digests(sites, scopes).await?.is_some())).await?;
    story.tell(&Event::Healed { nodes: sites.len() });
    ask(sites.last().expect("there are two at least"), story).await?;
    if let Some(file) = &args.pause_before_end {
        let folders = sites.iter().map(|site| site.data.clone()).collect();
        story.tell(&Event::Pausing { until: file, folders });
        let there = until(PAUSE, async || Ok(file.exists().then_some(()))).await?;
        there
            .ok_or_else(|| Failure::new(codes::DEMO, texts::demo::waited(&file.to_string_lossy(), PAUSE.as_secs())))?;
    }
    conclude(sites, scopes, disputed, brought, story).await
}

/// Shares what consent allows with all other nodes, and reports what is held back and why.
async fn share(home: &Site, others: &[Site], brought: &mut Brought, story: &mut Story<'_>) -> Result<(), Failure> {
    let preview = home.share(others).await?;
    wait(texts::demo::wait_shared(), async || home.has_shared().await).await?;
    brought.parts = home.parts().await?;
    story.tell(&Event::Shared { case_files: brought.parts.len(), organisations: others.len() });
    for case in preview.cases.iter().filter(|case| case.goes.is_empty()) {
        let label = case.label.as_ref().unwrap_or(&case.pseudonym);
        let reason = case.whole().map(texts::sharing::reason).collect::<Vec<_>>().join("; ");
        story.tell(&Event::HeldBack { case: label, reason: &reason });
        brought.held_back.insert(case.record, (label.clone(), reason));
    }
    Ok(())
}

/// Asks the last node a lawyer's question, which it answers from its own copy. A file without dockets answers no
/// question.
async fn ask(site: &Site, story: &mut Story<'_>) -> Result<(), Failure> {
    let (found, dockets) = site.ask(ARTICLE).await?;
    if dockets > 0 {
        story.tell(&Event::Asked { by: &site.call_sign, article: ARTICLE, found, dockets });
    }
    Ok(())
}

/// Checks every node once, reports the findings, and fails if one of them is wrong.
async fn conclude(
    sites: &[Site],
    scopes: &[Scope],
    disputed: Disagreement,
    brought: Brought,
    story: &mut Story<'_>,
) -> Result<(), Failure> {
    let (mut seen, mut records) = (Vec::new(), Vec::new());
    for (nth, site) in sites.iter().enumerate() {
        let place = disputed.places[nth.min(1)];
        match look(site, scopes, &disputed, &place.record, site.organisation == sites[0].organisation).await {
            Ok((found, record)) => {
                seen.push(Ok(found));
                records.push(record);
            }
            Err(failure) => seen.push(Err(format!("{}: {}", site.call_sign, failure.problem.message))),
        }
    }
    let findings = Findings { brought, disputed, seen };
    let faults = findings.faults();
    story.ends(&Done::of(&findings, story.elapsed_ms()), &findings, &records);
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(codes::DEMO, texts::demo::faults()).with_details(faults)) }
}

async fn look(
    site: &Site,
    scopes: &[Scope],
    disputed: &Disagreement,
    record: &SectionId,
    home: bool,
) -> Result<(Seen, Record), Failure> {
    let digest = site.digest(scopes).await?;
    let record = site.record(record).await?;
    let seen = Seen {
        home,
        case_files: site.list(RecordKind::Case).await?,
        dockets: site.list(RecordKind::Docket).await?,
        values: disputed.shown_in(&record),
        digest: digest.text,
        entries: digest.entries,
        conflicts: digest.conflicts,
    };
    Ok((seen, record))
}

/// Cuts the second node off from all others, on both sides, so that nothing passes through a third node either; then
/// waits until the open connections have ended.
async fn cut(sites: &[Site]) -> Result<(), Failure> {
    let far = &sites[1];
    for other in sites.iter().filter(|site| site.data != far.data) {
        far.hold(other).await?;
        other.hold(far).await?;
    }
    let gone = async || {
        for other in sites.iter().filter(|site| site.data != far.data) {
            if other.meets(far).await? || far.meets(other).await? {
                return Ok(false);
            }
        }
        Ok(sites[0].log_says(site::SEVERED) || far.log_says(site::SEVERED))
    };
    wait(texts::demo::wait_cut(), gone).await
}

async fn join_again(sites: &[Site]) -> Result<(), Failure> {
    let far = &sites[1];
    for other in sites.iter().filter(|site| site.data != far.data) {
        far.release(other).await?;
        other.release(far).await?;
    }
    Ok(())
}

/// Chooses the first record that both sides read and that has a value on which two people could honestly differ: a case
/// file if one was shared, or if both nodes are devices of one organisation.
async fn choose(home: &Site, far: &Site, imported: &[Imported], brought: &Brought) -> Result<Disagreement, Failure> {
    let alone = home.organisation == far.organisation;
    let there = |made: &Imported| match brought.parts.get(&made.record) {
        None if made.kind == RecordKind::Case && !alone => None,
        part => Some(part.copied().unwrap_or(made.record)),
    };
    let mut records: Vec<_> = imported.iter().filter_map(|made| Some((made, there(made)?))).collect();
    records.sort_by_key(|(made, _)| made.kind);
    for (made, there) in records {
        let (own, theirs) = (home.record(&made.record).await?, far.record(&there).await?);
        if let Some(found) = Disagreement::about(&own, &theirs, &made.label) {
            return Ok(found);
        }
    }
    Err(Failure::new(codes::DEMO, texts::demo::nothing_to_dispute()))
}

async fn have(sites: &[Site], brought: &Brought) -> Result<bool, Failure> {
    let parts: BTreeSet<SectionId> = brought.parts.values().copied().collect();
    for (nth, site) in sites.iter().enumerate() {
        let dockets = site.list(RecordKind::Docket).await?.is_superset(&brought.dockets);
        if !dockets || nth > 0 && !site.list(RecordKind::Case).await?.is_superset(&parts) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The digest of all nodes, if it is the same.
async fn equal_digests(sites: &[Site], scopes: &[Scope]) -> Result<Option<String>, Failure> {
    let mut digests = BTreeSet::new();
    for site in sites {
        digests.insert(site.digest(scopes).await?.text);
    }
    Ok(if digests.len() == 1 { digests.pop_first() } else { None })
}

async fn wait(what: String, mut look: impl AsyncFnMut() -> Result<bool, Failure>) -> Result<(), Failure> {
    let found = until(WAIT, async || Ok(look().await?.then_some(()))).await?;
    found.ok_or_else(|| Failure::new(codes::DEMO, texts::demo::waited(&what, WAIT.as_secs())))
}

fn call_signs(sites: &[Site]) -> BTreeSet<&str> {
    sites.iter().map(|site| &*site.call_sign).collect()
}

async fn interrupted() {
    let caught = |kind| signal(kind).expect("a process may handle its own signals");
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut interrupt, mut terminate, mut hangup] = kinds.map(caught);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Runs the same task for all nodes at once, and waits for the last.
async fn all<F: Future<Output = ()> + Send + 'static>(tasks: impl Iterator<Item = F>) {
    tasks.collect::<JoinSet<()>>().join_all().await;
}
