//! Benchmark of floods: the wait of a person while a member sends as much as it can.

#![expect(clippy::disallowed_methods, reason = "what is measured must not be disturbed by a look at every instant")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use protocol::{
    app::control::Request,
    bytes::{ids::SectionId, seal::Entropy},
    log::{body::Body, entry::Verified},
    record::schema::Value,
    replication::sync::frame::Frame,
};
use tests::{
    bench::{
        figures::{Bar, Figures, Sample, seconds, timed},
        process::memory,
    },
    daemons::{Daemons, Node, Registry, fact},
    evil::{Member, docket, unchecked},
};

/// The number of entries said by the flooder beforehand.
const SAID: usize = 30_000;
const PER_FRAME: usize = 200;
/// The number of writes by an honest member: dockets, one after the other.
const WRITES: usize = 60;
const LOOK: Duration = Duration::from_micros(200);
/// The longest wait for one docket.
const PATIENCE: Duration = Duration::from_secs(60);

/// A flood: makes frames from entries of the flooder's own.
type Flood = dyn Fn(&[(Verified, Body)]) -> Vec<Frame> + Sync;

fn main() {
    let mut figures = Figures::of("floods");
    let new = |said: &[(Verified, Body)]| frames(said);
    measure("valid dockets nobody has", &new, &mut figures);
    let known = |said: &[(Verified, Body)]| frames(&said[..PER_FRAME]).into_iter().cycle().take(1_000).collect();
    measure("the same 200 dockets again and again", &known, &mut figures);
    let wants = |said: &[(Verified, Body)]| {
        let ids = said[..1_000].iter().map(|(entry, _)| entry.id()).collect();
        let want = Frame::Want(ids);
        frames(&said[..1_000]).into_iter().chain(vec![want; 1_000]).collect()
    };
    measure("questions for the same 1000 bodies", &wants, &mut figures);
    let spoilt = |said: &[(Verified, Body)]| {
        let mut frames = frames(said);
        for frame in &mut frames {
            if let Frame::Entries(items) = frame {
                items.iter_mut().for_each(|item| *item.0.last_mut().expect("a signature") ^= 1);
            }
        }
        frames
    };
    measure("bad signatures", &spoilt, &mut figures);
    figures.show();
}

fn frames(said: &[(Verified, Body)]) -> Vec<Frame> {
    let item = |(entry, body): &(Verified, Body)| (entry.envelope(), Some(body.bytes().to_vec()));
    said.chunks(PER_FRAME).map(|chunk| Frame::Entries(chunk.iter().map(item).collect())).collect()
}

/// Measures one flood: two honest nodes, of which one is flooded for as long as the other writes. A flooder that is
/// severed connects again.
fn measure(what: &str, flood: &Flood, figures: &mut Figures) {
    let mut entropy = Entropy::new([0xf7; 32]);
    let member = Member::new(&mut entropy);
    let (nodes, registry) = Daemons::found_with(env!("CARGO_BIN_EXE_tests-node"), 2, &[&member]);
    nodes.settle();
    let [idle_seen, idle_answered] = wait_for(&nodes[1], &nodes[0]);

    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let flooding = scope.spawn(|| press(&member, &registry, &nodes[0], &mut entropy, flood, &stop, &sent));
        // The flood has to be on its way before anything is measured under it.
        until(|| sent.load(Ordering::SeqCst) > 0);
        let before = sent.load(Ordering::SeqCst);
        let [seen, answered] = wait_for(&nodes[1], &nodes[0]);
        let went = sent.load(Ordering::SeqCst) - before;
        stop.store(true, Ordering::SeqCst);
        for (of, idle, flooded) in
            [("written elsewhere to visible", &idle_seen, &seen), ("a status", &idle_answered, &answered)]
        {
            let p99 = flooded.quantile(0.99).into();
            figures.barred(format!("{what}: {of}, p99"), &p99, "ms", Bar::Most(500.0));
            let ratio = (flooded.median() / idle.median()).into();
            figures.ratio(format!("{what}: {of}, p50"), &ratio, "the same without a flood", None);
        }
        figures.plain(format!("{what}: frames that went in the time"), &(went as f64).into(), "");
        flooding.join().expect("it ends when told");
    });
    let [_, peak] = memory(nodes[0].process());
    figures.barred(format!("{what}: resident at most"), &peak.into(), "MiB", Bar::Most(512.0));
}

/// Presses frames on the node until it is told to stop, and counts in `sent` those that went.
fn press(
    member: &Member,
    registry: &Registry,
    node: &Node,
    entropy: &mut Entropy,
    flood: &Flood,
    stop: &AtomicBool,
    sent: &AtomicUsize,
) {
    let mut evil = member.meet(registry, node, entropy);
    let said: Vec<_> = (0..SAID)
        .map(|_| {
            let plain = docket(SectionId(entropy.bytes()), "docket.closed_trial", Value::Bool(true));
            evil.commons.say(&unchecked(&plain))
        })
        .collect();
    let frames = flood(&said);
    loop {
        for frame in &frames {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            if !evil.flood(std::slice::from_ref(frame)) {
                // After the node severed the connection, the flooder connects again as soon as it is let in: a node keeps
                // one out for longer each time, and an attempt that is not answered ends with a panic.
                let met = catch_unwind(AssertUnwindSafe(|| member.meet(registry, node, entropy)));
                match met {
                    Ok(again) => evil = again,
                    Err(_) if stop.load(Ordering::SeqCst) => return,
                    Err(_) => {}
                }
            }
            sent.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The wait for each of several dockets, in milliseconds: until another node shows one that was saved, and until it
/// answers.
fn wait_for(source: &Node, receiver: &Node) -> [Sample; 2] {
    let facts = vec![fact("docket_source.type", "media_ind"), fact("docket.accused_count", "2")];
    let (mut seen, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..WRITES {
        let record = source.save(Request::DocketNew { facts: facts.clone() });
        let start = Instant::now();
        let request = Request::Show { record: record.to_string() };
        while receiver.ask(&request).is_err() {
            assert!(start.elapsed() < PATIENCE, "a docket did not arrive");
            thread::sleep(LOOK);
        }
        seen.push(seconds(start.elapsed()) * 1e3);
        answered.push(timed(|| receiver.status()).1 * 1e3);
    }
    [seen, answered].map(|waits| waits.into_iter().collect())
}

fn until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
}
