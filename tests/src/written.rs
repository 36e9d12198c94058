//! A registry written from a seed: two organisations found it and write in it through the core, as nodes do.

use std::collections::BTreeMap;

use protocol::{
    bytes::{
        cose::Signer,
        ids::{CircleId, DatabaseEpoch, DeviceId, OrgId, RegistryId},
        seal::{Entropy, ReadingSecret, Secret},
        words,
    },
    log::{body::Body, entry::Verified},
    membership::{
        charter::{
            card::{Card, Reach},
            founding::{Draft, Founding},
            roster::{Device, DeviceKeys, Link, Roster, organisation},
        },
        circle::{
            Circle,
            grant::{self, Opening},
        },
    },
    replication::sync::{Content, Effect, Input, Notice, Pens, Start, State, Tick, Write},
    store::{Memory, Store, staged::Staged},
};

/// An office: an organisation with one device, and all its secrets.
pub struct Office {
    /// The root key, which signs roster links, cards and consents.
    pub root: Signer,
    /// The pens: seeds of the author's and the desk's key.
    pub pens: [Secret; 2],
    /// The reading key, which opens what is sealed to the device.
    pub reading: ReadingSecret,
    /// The device's roster, of one link.
    pub roster: Roster,
    /// The signed card.
    pub card: Vec<u8>,
}

impl Office {
    /// Creates a new office.
    pub fn new(entropy: &mut Entropy) -> Self {
        let root = Signer::new(&entropy.secret());
        let (pens, reading) = ([entropy.secret(), entropy.secret()], ReadingSecret(entropy.secret()));
        let device = device(&organisation(&root.public()), &pens, &reading, entropy);
        let roster = Roster::start(Link::certify(&root, None, &device)).expect("a first link");
        let reach = vec![Reach(device.node, vec!["192.0.2.7:4100".to_owned()])];
        let card = Card { call_sign: words::call_sign(entropy.bytes()), roster: roster.clone(), reach }.sign(&root);
        Self { root, pens, reading, roster, card }
    }

    /// The id of the organisation.
    pub fn organisation(&self) -> OrgId {
        organisation(&self.root.public())
    }

    /// Device of the office; it has no other.
    pub fn device(&self) -> &Device {
        self.roster.devices().next().expect("an office has a device")
    }
}

/// A device of an organisation with these pens; its other keys are fresh.
pub fn device(org: &OrgId, pens: &[Secret; 2], reading: &ReadingSecret, entropy: &mut Entropy) -> Device {
    let [author, desk] = pens.each_ref().map(Signer::new);
    let [node, ballot, receipt] = [(); 3].map(|()| Signer::new(&entropy.secret()));
    let keys = DeviceKeys { author, desk, node, ballot, receipt };
    Device::new(org, DeviceId(entropy.bytes()), &keys, reading.public())
}

/// A written entry with its body.
pub struct Written {
    /// The entry.
    pub entry: Verified,
    /// The body of the entry.
    pub body: Body,
    /// The key of the epoch, if the body is sealed.
    pub epoch_key: Option<Secret>,
}

/// A registry, its founders, and the entries that they wrote.
pub struct Registry {
    /// The id of the registry.
    pub id: RegistryId,
    /// The offices of the founders.
    pub offices: [Office; 2],
    /// The draft they signed.
    pub draft: Draft,
    /// The file they join with.
    pub file: Vec<u8>,
    /// The entries of the founders: in the commons, in their own circles and in one between them, of many lengths.
    pub entries: Vec<Written>,
}

impl Registry {
    /// The registry of a seed, in which each of the two founders wrote `each` entries.
    pub fn new(seed: [u8; 32], each: usize) -> Self {
        let mut entropy = Entropy::new(seed);
        let offices = [Office::new(&mut entropy), Office::new(&mut entropy)];
        let cards = offices.each_ref().map(|office| office.card.clone());
        let draft = Draft::new(1, cards.to_vec(), &mut entropy).expect("two sound cards");
        let consents = offices.each_ref().map(|office| draft.sign(&office.root));
        let file = draft.complete(&consents, &offices[0].root, &mut entropy).expect("both have signed");
        let founding = Founding::parse(&file).expect("a sound file");
        let entries = offices.iter().flat_map(|office| write(office, &founding, each, &mut entropy)).collect();
        Self { id: draft.genesis.id(), offices, draft, file, entries }
    }
}

/// Lets an office write `count` entries and reads them back from its store.
fn write(office: &Office, founding: &Founding, count: usize, entropy: &mut Entropy) -> Vec<Written> {
    let (org, members) = (office.organisation(), founding.members.clone());
    let registry = members.registry();
    let everyone: Vec<_> = members.organisations().map(|(org, _)| *org).collect();
    let mut openings = founding.start(&office.reading).expect("made for this device").openings;
    openings.push(Opening::fresh(Circle::Own(org), entropy));
    openings.push(Opening::fresh(Circle::named(org, &everyone, entropy), entropy));
    let readers: Vec<_> = everyone.iter().flat_map(|org| members.devices(org)).map(|device| &device.reading).collect();
    let grant = grant::seal(&registry, &openings[2..], &readers, &office.reading.expand(), entropy);

    let epoch = DatabaseEpoch(entropy.bytes());
    let (me, seed) = (office.device().node, entropy.bytes());
    let start = Start { me, org, epoch, members: members.clone(), runs: BTreeMap::new(), seed };
    let mut store = Memory::default();
    let mut state = State::load(start, &store).expect("memory does not fail");
    let [author, desk] = office.pens.each_ref().map(Signer::new);
    state.unlock(Pens { author, desk, reading: office.reading.clone() }, BTreeMap::new());

    let circles: Vec<CircleId> = openings.iter().map(|opening| opening.circle.id(&registry)).collect();
    let mut entries: Vec<_> = (0..count - 1)
        .map(|nth| (circles[nth % 3], Content::Assertions(entropy.bytes::<1200>()[..nth * 37 % 1200].to_vec())))
        .collect();
    entries.push((circles[0], Content::Grant(grant)));
    let mut inputs: Vec<Input> = openings.into_iter().map(Input::Hold).collect();
    inputs.push(Input::Write(Write { token: 1, entries, seed: entropy.bytes() }));
    // There is no peer to answer: the first signature waits for two seconds.
    inputs.push(Input::Tick);
    let mut saved = Vec::new();
    for input in inputs {
        let now = Tick(if matches!(input, Input::Tick) { 2_000 } else { 0 });
        let step = state.handle(&store, input, now).expect("memory does not fail");
        store.commit(&step.persist).expect("memory does not fail");
        for effect in step.effects {
            if let Effect::Notice(Notice::Saved { entries, .. }) = effect {
                saved.extend(entries);
            }
        }
    }
    assert_eq!(saved.len(), count, "all of it was written");

    let (staged, replica) = (Staged::new(&store), state.replica());
    let read = |id| {
        let (feed, seq) = replica.place(&staged, &id).expect("memory").expect("written");
        let entry = replica.entry(&staged, &feed, seq).expect("memory").expect("written");
        let body = replica.body(&staged, &id).expect("memory").expect("written");
        let sealed_in = body.epoch().ok();
        let epochs = state.epochs(&feed.circle);
        let epoch_key = epochs.iter().find(|epoch| Some(epoch.0) == sealed_in).map(|epoch| epoch.1.clone());
        Written { entry, body, epoch_key }
    };
    saved.into_iter().map(read).collect()
}
