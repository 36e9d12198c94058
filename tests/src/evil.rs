//! A member that breaks the rules: its keys belong to the test, and it sends whatever frame the test makes.
//!
//! The member is certified and on the allow-list like any other, so its frames get as far as those of a dishonest
//! organisation would.

use node::net::{self, Command, Config, Contact, Event, Lane, Limits, Names, Net};
use protocol::{
    bytes::{
        address::Address,
        armour::{self, Kind as File},
        codec,
        cose::Signer,
        ids::{
            BodyRoot, CircleId, DatabaseEpoch, DeviceId, EntityId, FeedKey, Incarnation, NodeKey, OrgId, RegistryId,
            SectionId,
        },
        seal::{self, Entropy, ReadingSecret, Secret},
        words,
    },
    log::{
        body::{self, Body},
        entry::{self, FeedId, Header, Kind, Verified},
    },
    membership::{
        charter::{
            card::{Card, Reach},
            founding::{Draft, Start},
            roster::{Device, DeviceKeys, Link, Roster, organisation},
        },
        circle::{Circle, Epoch, grant::Opening},
    },
    record::{
        schema::{Schema, Value},
        section::assertion::{Assertion, ClaimedTime, Plain, Statement},
    },
    replication::sync::frame::{Blinded, FORMAT, Frame},
};
use tokio::{runtime::Runtime, time::timeout};

use crate::daemons::{Node, PATIENCE, Registry};

/// The keys of an organisation with one device.
pub struct Member {
    root: Signer,
    desk: Signer,
    node: Secret,
    reading: ReadingSecret,
    device: Device,
    call_sign: String,
    roster: Roster,
    reach: Vec<Reach>,
}

impl Member {
    /// Creates a new member.
    #[must_use]
    pub fn new(entropy: &mut Entropy) -> Self {
        let root = Signer::new(&entropy.secret());
        let (desk, node, reading) = (entropy.secret(), entropy.secret(), ReadingSecret(entropy.secret()));
        let [author, ballot, receipt] = [(); 3].map(|()| Signer::new(&entropy.secret()));
        let keys = DeviceKeys { author, desk: Signer::new(&desk), node: Signer::new(&node), ballot, receipt };
        let device = Device::new(&organisation(&root.public()), DeviceId(entropy.bytes()), &keys, reading.public());
        let roster = Roster::start(Link::certify(&root, None, &device)).expect("a first link");
        let call_sign = words::call_sign(entropy.bytes());
        let reach = vec![Reach(device.node, vec![])];
        Self { root, desk: keys.desk, node, reading, device, call_sign, roster, reach }
    }

    /// Puts these addresses of the member's node into its card, so that it can be reached.
    #[must_use]
    pub fn reached_at(self, addresses: Vec<String>) -> Self {
        Self { reach: vec![Reach(self.device.node, addresses)], ..self }
    }

    /// Puts addresses of some node into the member's card; the node may be another member's.
    #[must_use]
    pub fn saying_of(self, node: NodeKey, addresses: Vec<String>) -> Self {
        Self { reach: vec![Reach(node, addresses)], ..self }
    }

    /// The member's card. By default it has no addresses: the member dials.
    #[must_use]
    pub fn card(&self) -> String {
        let reach = self.reach.clone();
        let card = Card { call_sign: self.call_sign.clone(), roster: self.roster.clone(), reach };
        armour::wrap(File::Card, &card.sign(&self.root))
    }

    /// Signs a draft with the member's root key.
    #[must_use]
    pub fn sign(&self, draft: &str) -> String {
        let draft = Draft::decode(&armour::unwrap(File::Draft, draft).expect("a draft file")).expect("a sound draft");
        armour::wrap(File::Signature, &draft.sign(&self.root))
    }

    /// The id of the organisation.
    #[must_use]
    pub fn organisation(&self) -> OrgId {
        self.roster.organisation()
    }

    /// The call-sign of the organisation.
    #[must_use]
    pub fn call_sign(&self) -> &str {
        &self.call_sign
    }

    /// The desk key, with which the member may write in the commons.
    #[must_use]
    pub fn desk(&self) -> &Signer {
        &self.desk
    }

    /// The reading key of the member's device.
    #[must_use]
    pub fn reading(&self) -> &ReadingSecret {
        &self.reading
    }

    /// Meets a node: connects and opens as the protocol says; from then on the connection sends only what the test
    /// says.
    #[must_use]
    pub fn meet(&self, registry: &Registry, node: &Node, entropy: &mut Entropy) -> Evil {
        let start = registry.founding.start(&self.reading).expect("the file is made for it");
        let runtime = Runtime::new().expect("threads can be started");
        let config = Config {
            identity: self.node.clone(),
            network_key: start.network_key.clone(),
            listen: vec![],
            names: Names::refused(),
            limits: Limits::default(),
        };
        let entered = runtime.enter();
        let net = net::start(config).expect("the network needs no port to dial");
        drop(entered);
        let peer = node.status().node.expect("it has joined");
        let addresses = vec![Address::parse(node.listen()).expect("an address")];
        let mut evil = Evil { runtime, net, peer, commons: Commons::new(self, registry, &start, entropy) };
        evil.tell(Command::Allow(vec![Contact { key: peer, addresses }]));
        evil.await_event(|event| matches!(event, Event::Up(_)).then_some(()));
        let nonce = entropy.bytes();
        let hash = seal::hash("habeas 1 registry tag", &[&registry.founding.members.registry().0, &nonce]);
        let tag = *hash.first_chunk().expect("a hash has 32 bytes");
        let epoch = DatabaseEpoch(entropy.bytes());
        evil.send(Lane::Control, &Frame::Open { format: FORMAT, nonce, registry: tag, epoch });
        // Lanes may overtake each other: later frames are only read once the opening was. The reply shows that.
        let circles = vec![Blinded(entropy.bytes().into(), entropy.bytes().into())];
        evil.send(Lane::Control, &Frame::Hello { is_reply: false, control: entropy.bytes(), circles, wanted: 0 });
        evil.hear(|frame| matches!(frame, Frame::Hello { is_reply: true, .. }).then_some(()));
        evil
    }
}

/// A connection of the member to one node.
pub struct Evil {
    runtime: Runtime,
    net: Net,
    peer: NodeKey,
    /// The desk in the commons: what it may write, with what it needs for that.
    pub commons: Commons,
}

impl Evil {
    /// Sends a frame.
    pub fn send(&self, lane: Lane, frame: &Frame) {
        self.send_bytes(lane, frame.encode());
    }

    /// Sends bytes that need not be a frame.
    pub fn send_bytes(&self, lane: Lane, frame: Vec<u8>) {
        self.tell(Command::Send { to: self.peer, lane, frame });
    }

    /// Sends entries, each with a body or without, as they would come live.
    pub fn send_entries(&self, entries: &[(&Verified, Option<&Body>)]) {
        let item =
            |(entry, body): &(&Verified, Option<&Body>)| (entry.envelope(), body.map(|body| body.bytes().to_vec()));
        self.send(Lane::Live, &Frame::Entries(entries.iter().map(item).collect()));
    }

    /// Floods the node with frames on the bulk lane, as fast as it takes them: `false` if the node ends the connection
    /// before the last.
    pub fn flood(&mut self, frames: &[Frame]) -> bool {
        frames.iter().all(|frame| {
            self.send(Lane::Bulk, frame);
            self.await_event(|event| match event {
                Event::Written { lane: Lane::Bulk, .. } => Some(true),
                Event::Down { .. } => Some(false),
                _ => None,
            })
        })
    }

    /// Waits until it hears a frame that answers.
    pub fn hear<T>(&mut self, mut answers: impl FnMut(&Frame) -> Option<T>) -> T {
        self.await_event(|event| match event {
            Event::Frame { frame, .. } => answers(&Frame::decode(frame).expect("an honest node sends frames")),
            _ => None,
        })
    }

    /// Waits until the node has severed the connection.
    pub fn severed(&mut self) {
        self.await_event(|event| matches!(event, Event::Down { .. }).then_some(()));
    }

    /// Waits until the connection is up again.
    pub fn until_up(&mut self) {
        self.await_event(|event| matches!(event, Event::Up(_)).then_some(()));
    }

    /// The overheard events: what happened on the network and was not waited for.
    pub fn overheard(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Ok(event) = self.net.events.try_recv() {
            events.push(event);
        }
        events
    }

    /// Fetches everything of the commons that the node has, as any member may ask for it.
    pub fn fetch(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let circle = self.commons.circle;
        self.send(
            Lane::Bulk,
            &Frame::Frontier { circle, part: 0, is_last: true, since: None, near: vec![], lines: vec![] },
        );
        let mut fetched = Vec::new();
        self.hear(|frame| match frame {
            Frame::Entries(entries) => {
                fetched.extend(entries.clone());
                None
            }
            Frame::Done(done) => (*done == circle).then_some(()),
            _ => None,
        });
        fetched
    }

    fn tell(&self, command: Command) {
        self.runtime.block_on(self.net.commands.send(command)).expect("the network runs");
    }

    fn await_event<T>(&mut self, mut answers: impl FnMut(&Event) -> Option<T>) -> T {
        let events = &mut self.net.events;
        let answer = async {
            loop {
                let event = events.recv().await.expect("the network runs");
                if let Some(answer) = answers(&event) {
                    return answer;
                }
            }
        };
        let heard = self.runtime.block_on(async { timeout(PATIENCE, answer).await });
        heard.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?} that answers"))
    }
}

/// A desk in the commons: makes entries, sound or with one fault.
pub struct Commons {
    /// The id of the registry.
    pub registry: RegistryId,
    /// The circle id of the commons.
    pub circle: CircleId,
    epoch: Epoch,
    signer: Signer,
    next: Header,
    entropy: Entropy,
}

impl Commons {
    fn new(member: &Member, registry: &Registry, start: &Start, entropy: &mut Entropy) -> Self {
        let members = &registry.founding.members;
        let is_commons = |opening: &&Opening| opening.circle == Circle::Commons;
        let opening = start.openings.iter().find(is_commons).expect("every member starts with the commons");
        let circle = Circle::Commons.id(&members.registry());
        let key = FeedKey(member.desk.public());
        let next = Header {
            feed: FeedId { circle, key, run: Incarnation(entropy.bytes()) },
            seq: 1,
            prev: members.role(&key).expect("the file certifies it").certificate,
            charter: members.charter(),
            kind: Kind::ASSERTIONS,
            body_root: BodyRoot([0; 32]),
            body_len: 1,
        };
        let epoch = opening.epochs.last().expect("the commons has an epoch").clone();
        let entropy = Entropy::new(entropy.bytes());
        Self { registry: members.registry(), circle, epoch, signer: member.desk.clone(), next, entropy }
    }

    /// The header of the next entry, before its body exists.
    #[must_use]
    pub fn next(&self) -> Header {
        self.next.clone()
    }

    /// Says something as an honest desk would, and continues the chain from there.
    pub fn say(&mut self, plain: &[u8]) -> (Verified, Body) {
        let said = self.say_at(self.next.clone(), plain);
        self.next.seq += 1;
        self.next.prev = said.0.id();
        said
    }

    /// Says something at any place of any chain of the desk's key.
    pub fn say_at(&mut self, header: Header, plain: &[u8]) -> (Verified, Body) {
        let signer = self.signer.clone();
        self.say_at_by(&signer, header, plain)
    }

    /// Says something at any place of any chain of any signer.
    pub fn say_at_by(&mut self, signer: &Signer, header: Header, plain: &[u8]) -> (Verified, Body) {
        let Epoch(epoch, key) = &self.epoch;
        let (header, body) = body::seal_for(&self.registry, header, *epoch, key, plain, &mut self.entropy);
        (entry::sign(&self.registry, signer, header), body)
    }

    /// Reads a body of the commons; `None` if it does not open.
    #[must_use]
    pub fn read(&self, entry: &Verified, body: &Body) -> Option<Vec<u8>> {
        body.open(&self.registry, entry.header(), &self.epoch.1).ok()
    }
}

/// A docket's beginning and one value in it, as an honest desk writes it but with any field and value.
#[must_use]
pub fn docket(section: SectionId, field: &str, value: Value) -> Plain {
    let said = |entity: EntityId, field: &str, value: Value, sources: Vec<EntityId>| {
        let (field, grade) = (field.to_owned(), (!sources.is_empty()).then(|| "B2".to_owned()));
        Statement::Assert(Assertion { entity, field, value, sources, grade, basis: None, reported_by: None })
    };
    let (root, source) = (EntityId(section.0), EntityId([0x50; 16]));
    let id = Value::Text(data_encoding::HEXLOWER.encode(&section.0));
    Plain {
        schema: Schema::VERSION,
        section,
        claimed_time: ClaimedTime(1_750_032_000),
        deps: vec![],
        batch: None,
        statements: vec![
            said(root, "docket.docket_id", id, vec![]),
            said(source, "docket_source.type", Value::from("court_card"), vec![]),
            said(root, field, value, vec![source]),
        ],
    }
}

/// The unchecked bytes of a plaintext, whether or not it keeps the rules of the format.
#[must_use]
pub fn unchecked(plain: &Plain) -> Vec<u8> {
    codec::encode(plain)
}
