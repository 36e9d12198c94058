//! Tests of host names among the addresses of peers: who resolves them, when, and on which thread.
//!
//! Regression: a founder's card that listed names made every node resolve them on its one thread, for members the
//! person had never met. The node stood still for seconds, and the system's resolver learned, in clear, who is a
//! member.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use futures::FutureExt;

use super::*;

/// A resolver that counts its queries and records their threads.
#[derive(Clone, Default)]
struct Asked {
    times: Arc<AtomicUsize>,
    threads: Arc<Mutex<Vec<Option<String>>>>,
}

impl Asked {
    /// Creates a resolver that answers every name with the current value of `place`; it never answers while that is
    /// empty.
    fn resolver(&self, place: watch::Receiver<Option<SocketAddr>>) -> Resolver {
        let asked = self.clone();
        Arc::new(move |_, _| {
            asked.times.fetch_add(1, Ordering::SeqCst);
            asked.threads.lock().expect("no panic").push(thread::current().name().map(str::to_owned));
            let place = *place.borrow();
            async move {
                match place {
                    Some(place) => Ok(vec![place]),
                    None => std::future::pending().await,
                }
            }
            .boxed()
        })
    }

    fn times(&self) -> usize {
        self.times.load(Ordering::SeqCst)
    }
}

fn name() -> Address {
    Address::parse("peer.example:4001").expect("a name")
}

async fn with_names(seed: u8, names: Names) -> Node {
    Node::with(Config { names, ..config(seed, NETWORK, limits()) }).await
}

#[test]
fn a_name_is_never_looked_up_on_the_thread_that_tells_of_it() {
    let asked = Asked::default();
    let pool = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let (places, place) = watch::channel(None);
    let named = Names::by_even_here(asked.resolver(place));
    let handle = pool.handle().clone();
    let runtime = thread::Builder::new().name("runtime".into()).spawn(move || {
        handle.block_on(async {
            let mut b = Node::start(2).await;
            places.send_replace(Some(b.address));
            let mut a = with_names(1, named).await;
            b.allow([a.unaddressed()]).await;
            a.allow([Contact { key: b.key(), addresses: vec![name()] }]).await;
            a.up(b.key()).await;
            b.up(a.key()).await;
        });
    });
    runtime.expect("a thread").join().expect("the peers meet");
    let threads = asked.threads.lock().expect("no panic").clone();
    assert!(!threads.is_empty() && !threads.contains(&Some("runtime".into())), "looked up on {threads:?}");
}

/// Regression: a peer whose address changed stayed lost until its organisation was held and released, since its name
/// was looked up only once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_name_leads_elsewhere_now_is_found_again_by_itself() {
    let asked = Asked::default();
    let mut b = Node::start(2).await;
    let (places, place) = watch::channel(Some(b.address));
    let mut a = with_names(1, Names::by_even_here(asked.resolver(place))).await;
    let key = b.key();
    a.allow([Contact { key, addresses: vec![name()] }]).await;
    b.allow([a.unaddressed()]).await;
    a.up(key).await;
    b.up(a.key()).await;
    let before = asked.times();

    let mut moved = Node::start(2).await;
    assert_ne!(moved.address, b.address);
    places.send_replace(Some(moved.address));
    b.tell(Command::Stop).await;
    a.down(key).await;
    moved.allow([a.unaddressed()]).await;
    a.up(key).await;
    moved.up(a.key()).await;
    assert!(before >= 1 && asked.times() > before, "{before}, then {} look-ups", asked.times());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_looked_up_for_a_literal() {
    let asked = Asked::default();
    let (_places, place) = watch::channel(None);
    let mut b = Node::start(2).await;
    let mut a = with_names(1, Names::by_even_here(asked.resolver(place))).await;
    a.allow([b.contact()]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    assert_eq!(asked.times(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_names_are_refused_the_next_literal_is_dialled_and_nobody_is_asked() {
    assert!(!Names::refused().are_allowed());
    let (mut a, mut b) = (Node::start(1).await, Node::start(2).await);
    let addresses = vec![name(), Address::Literal(b.address)];
    a.allow([Contact { key: b.key(), addresses }]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
}

/// A name that a stranger chose must not make this node dial services of its own machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_to_this_machine_is_not_dialled() {
    let asked = Asked::default();
    let mut b = Node::start(2).await;
    let relay = Relay::to(b.address).await;
    let (_places, place) = watch::channel(Some(relay.address));
    let mut a = with_names(1, Names::by(asked.resolver(place))).await;
    let addresses = vec![name(), Address::Literal(b.address)];
    a.allow([Contact { key: b.key(), addresses }]).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    assert!(asked.times() >= 1);
    assert_eq!(*relay.count.borrow(), (0, 0), "the wire that the name led to was used");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolver_that_never_answers_holds_up_no_other_peer_and_no_command() {
    let asked = Asked::default();
    let (_places, place) = watch::channel(None);
    let mut b = Node::start(2).await;
    let mut a = with_names(1, Names::by_even_here(asked.resolver(place))).await;
    let silent = |seed: u8| Contact { key: NodeKey([seed; 32]), addresses: vec![name(); 8] };
    let strangers = || (100..140).map(silent);
    for _ in 0..50 {
        a.allow(strangers()).await; // held and released, again and again
        a.allow([]).await;
    }
    a.allow(strangers().chain([b.contact()])).await;
    b.allow([a.unaddressed()]).await;
    a.up(b.key()).await;
    b.up(a.key()).await;
    let times = asked.times();
    assert!((1..=4).contains(&times), "{times} look-ups at a time for 40 peers, and each holds a thread");
}
