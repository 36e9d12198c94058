//! A federation: organisations of one registry, each with its core over a store, and a counting wire between two of
//! them.

use std::collections::{BTreeMap, VecDeque};

use crate::written::Office;
use protocol::{
    bytes::{
        cose::Signer,
        ids::{CircleId, DatabaseEpoch, EntityId, EntryId, NodeKey, RegistryId, SectionId},
        limits::FRAME_BYTES,
        seal::Entropy,
    },
    membership::{
        charter::founding::{Draft, Founding},
        circle::{Circle, grant::Opening},
    },
    record::{
        schema::{Schema, Value},
        section::assertion::{Assertion, ClaimedTime, Plain, Statement},
    },
    replication::sync::{
        Content, Effect, Input, Lane, Notice, Pens, Start, State, Tick, Write,
        frame::{self, Arrival, Frame, Received},
    },
    store::{Memory, Store, staged::Staged},
};

/// The number of entries per write: as many as a large import has.
const PER_WRITE: usize = 5_000;

/// A seat: an organisation's node, with a core and a store.
pub struct Seat<S> {
    /// The core's state.
    pub state: State,
    /// The store.
    pub store: S,
    /// The key of the node.
    pub node: NodeKey,
    /// The time of the node.
    pub now: Tick,
}

/// A federation: the registry of so many organisations.
pub struct Federation {
    /// The id of the registry.
    pub registry: RegistryId,
    founding: Founding,
    offices: Vec<Office>,
    entropy: Entropy,
}

/// The traffic over a wire.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// The number of frames that compare frontiers.
    pub frames: u64,
    /// The bytes of these frames.
    pub bytes: u64,
    /// The number of parcels, that is, frames of entries.
    pub parcels: u64,
    /// The bytes of the parcels.
    pub parcel_bytes: u64,
    /// The most hops: messages that had to follow each other until both sides knew each other's feed heads.
    pub hops: u32,
}

impl Federation {
    /// A new federation, founded by `count` organisations.
    pub fn new(count: usize) -> Self {
        let mut entropy = Entropy::new([42; 32]);
        let offices: Vec<_> = (0..count).map(|_| Office::new(&mut entropy)).collect();
        let cards = offices.iter().map(|office| office.card.clone()).collect();
        let draft = Draft::new(Schema::VERSION, cards, &mut entropy).expect("sound cards");
        let consents: Vec<_> = offices.iter().map(|office| draft.sign(&office.root)).collect();
        let file = draft.complete(&consents, &offices[0].root, &mut entropy).expect("all have signed");
        let founding = Founding::parse(&file).expect("a sound file");
        Self { registry: founding.members.registry(), founding, offices, entropy }
    }

    /// The node of organisation `number` on an empty store.
    pub fn seat<S: Store>(&mut self, number: usize, store: S) -> Seat<S> {
        let (office, entropy) = (&self.offices[number], &mut self.entropy);
        let org = office.organisation();
        let mut openings = self.founding.start(&office.reading).expect("made for this device").openings;
        openings.push(Opening::fresh(Circle::Own(org), entropy));
        let start = Start {
            me: office.device().node,
            org,
            epoch: DatabaseEpoch(entropy.bytes()),
            members: self.founding.members.clone(),
            runs: BTreeMap::new(),
            seed: entropy.bytes(),
        };
        let state = State::load(start, &store).expect("an empty store");
        let mut seat = Seat { state, store, node: office.device().node, now: Tick(0) };
        let [author, desk] = office.pens.each_ref().map(Signer::new);
        seat.state.unlock(Pens { author, desk, reading: office.reading.clone() }, BTreeMap::new());
        for opening in openings {
            seat.handle(Input::Hold(opening));
        }
        seat
    }

    /// The circle of the commons.
    pub fn commons(&self) -> CircleId {
        Circle::Commons.id(&self.registry)
    }

    /// Writes `count` entries in the commons with the desk of `seat`, each a docket of its own.
    pub fn write(&mut self, seat: &mut Seat<Memory>, count: usize) -> Vec<Arrival> {
        let commons = self.commons();
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let some = PER_WRITE.min(count - ids.len());
            let docket = |_| (commons, Content::Assertions(docket(&mut self.entropy)));
            let entries = (0..some).map(docket).collect();
            let write = Write { token: 1, entries, seed: self.entropy.bytes() };
            let mut effects = seat.handle(Input::Write(write));
            // The first signature waits for a peer's answer, and there is no peer.
            seat.now = seat.now.after(2_000);
            effects.extend(seat.handle(Input::Tick));
            ids.extend(effects.into_iter().filter_map(saved).flatten());
        }
        let staged = Staged::new(&seat.store);
        let arrival = |id: EntryId| {
            let replica = seat.state.replica();
            let (feed, seq) = replica.place(&staged, &id).expect("memory").expect("written");
            let entry = replica.entry(&staged, &feed, seq).expect("memory").expect("written");
            Arrival { entry, body: replica.body(&staged, &id).expect("memory") }
        };
        ids.into_iter().map(arrival).collect()
    }
}

/// Frames of entries with their bodies, filled as a peer fills them.
pub fn frames(arrivals: &[Arrival]) -> Vec<Vec<u8>> {
    let item = |arrival: &Arrival| (arrival.entry.envelope(), arrival.body.as_ref().map(|body| body.bytes().to_vec()));
    let frame = |some: &[Arrival]| Frame::Entries(some.iter().map(item).collect()).encode();
    arrivals.chunks(FRAME_BYTES.0 / (size(&arrivals[0]) + 16)).map(frame).collect()
}

/// The size of an entry and its body, in bytes.
pub fn size(arrival: &Arrival) -> usize {
    arrival.entry.envelope().len() + arrival.body.as_ref().map_or(0, |body| body.bytes().len())
}

fn saved(effect: Effect) -> Option<Vec<EntryId>> {
    match effect {
        Effect::Notice(Notice::Saved { entries, .. }) => Some(entries),
        Effect::Notice(Notice::Refused { refusal, .. }) => panic!("{refusal}"),
        _ => None,
    }
}

/// The content that an import writes for a docket of one line.
fn docket(entropy: &mut Entropy) -> Vec<u8> {
    let (root, source) = (EntityId(entropy.bytes()), EntityId(entropy.bytes()));
    let says = |entity, field: &str, value, sources: &[EntityId]| {
        Statement::Assert(Assertion {
            entity,
            field: field.to_owned(),
            value,
            sources: sources.to_vec(),
            grade: (!sources.is_empty()).then(|| "B2".to_owned()),
            basis: None,
            reported_by: None,
        })
    };
    let statements = vec![
        says(root, "docket.docket_id", Value::Text(data_encoding::HEXLOWER.encode(&root.0)), &[]),
        says(root, "docket.accused_count", Value::Int(1), &[source]),
        says(source, "docket_source.type", Value::Text("media_ind".to_owned()), &[]),
        says(source, "docket_source.relation", Value::Text("third_party".to_owned()), &[]),
    ];
    let section = SectionId(root.0);
    let claimed_time = ClaimedTime(1_760_000_000);
    let plain = Plain { schema: Schema::VERSION, section, claimed_time, deps: vec![], batch: None, statements };
    plain.encode().expect("within the format")
}

impl<S: Store> Seat<S> {
    /// Handles an input, and makes its batch durable.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let step = self.state.handle(&self.store, input, self.now).expect("the store answers");
        if !step.persist.is_empty() {
            self.store.commit(&step.persist).expect("the store writes");
        }
        step.effects
    }

    /// Takes entries as if `peer`, which has a session, had sent them.
    pub fn take(&mut self, peer: NodeKey, arrivals: &[Arrival]) {
        for arrivals in arrivals.chunks(PER_WRITE) {
            let received = Received::Entries { arrivals: arrivals.to_vec(), faults: vec![], later: 0 };
            self.handle(Input::Received(peer, received));
        }
    }
}

/// Connects two nodes, and passes frames until both are silent.
pub fn connect<A: Store, B: Store>(registry: &RegistryId, a: &mut Seat<A>, b: &mut Seat<B>) -> Traffic {
    let (from_a, from_b) = (a.handle(Input::Up(b.node)), b.handle(Input::Up(a.node)));
    speak(registry, a, b, from_a, from_b)
}

/// Lets time pass until both nodes have compared, and passes frames.
pub fn compare<A: Store, B: Store>(registry: &RegistryId, a: &mut Seat<A>, b: &mut Seat<B>) -> Traffic {
    let due = a.state.due().into_iter().chain(b.state.due()).min().expect("a session stands");
    (a.now, b.now) = (due, due);
    let (from_a, from_b) = (a.handle(Input::Tick), b.handle(Input::Tick));
    speak(registry, a, b, from_a, from_b)
}

fn speak<A: Store, B: Store>(
    registry: &RegistryId,
    a: &mut Seat<A>,
    b: &mut Seat<B>,
    from_a: Vec<Effect>,
    from_b: Vec<Effect>,
) -> Traffic {
    let mut traffic = Traffic::default();
    let mut queue: VecDeque<(bool, u32, Effect)> = from_a.into_iter().map(|effect| (true, 1, effect)).collect();
    queue.extend(from_b.into_iter().map(|effect| (false, 1, effect)));
    loop {
        while let Some((is_a, hop, effect)) = queue.pop_front() {
            let Effect::Send { lane, frame, .. } = effect else { continue };
            let received = frame::receive(registry, &frame).expect("honest frames");
            traffic.count(&received, frame.len(), hop);
            let (answers, goes_on) = match is_a {
                true => turn(a, b, lane, received),
                false => turn(b, a, lane, received),
            };
            queue.extend(answers.into_iter().map(|effect| (!is_a, hop + 1, effect)));
            queue.extend(goes_on.into_iter().map(|effect| (is_a, hop, effect)));
        }
        // An exchange ends with a comparison, which is due at once.
        if a.state.due().is_some_and(|due| due <= a.now) {
            queue.extend(a.handle(Input::Tick).into_iter().map(|effect| (true, 1, effect)));
        } else if b.state.due().is_some_and(|due| due <= b.now) {
            queue.extend(b.handle(Input::Tick).into_iter().map(|effect| (false, 1, effect)));
        } else {
            return traffic;
        }
    }
}

/// A turn: a frame arrives, its receiver answers, and its sender goes on.
fn turn<A: Store, B: Store>(
    sender: &mut Seat<A>,
    receiver: &mut Seat<B>,
    lane: Lane,
    received: Received,
) -> (Vec<Effect>, Vec<Effect>) {
    let answers = receiver.handle(Input::Received(sender.node, received));
    let goes_on = match lane {
        Lane::Bulk => sender.handle(Input::Written(receiver.node)),
        Lane::Control | Lane::Live => vec![],
    };
    (answers, goes_on)
}

impl Traffic {
    fn count(&mut self, received: &Received, bytes: usize, hop: u32) {
        if matches!(received, Received::Entries { .. }) {
            self.parcels += 1;
            self.parcel_bytes += bytes as u64;
        } else {
            self.frames += 1;
            self.bytes += bytes as u64;
        }
        if matches!(received, Received::Plain(Frame::Frontier { .. })) {
            self.hops = self.hops.max(hop);
        }
    }
}
