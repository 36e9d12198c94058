//! Vectors of all other documents: links, cards, genesis, drafts, registry files, circles, grants, frames, ids, files
//! as text.

use bech32::{
    Bech32, Bech32m, Fe32, Hrp, encode,
    primitives::iter::{ByteIterExt, Fe32IterExt},
};
use protocol::{
    bytes::{
        armour::{self, Kind},
        codec,
        cose::{self, Domain, Signer},
        ids::{CircleId, DatabaseEpoch, DeviceId, EntryId, FeedKey, Incarnation, NodeKey, OrgId, RegistryId},
        limits::{FRONTIER_LINES, ROSTER_LINKS, WANTS},
        seal::{Entropy, ReadingSecret, Secret},
    },
    log::feed::{AnchoredEntry, FrontierEntry, Mark},
    membership::{
        charter::{
            Genesis,
            card::{Card, Reach},
            roster::{Device, DeviceKeys, Link, organisation},
        },
        circle::{
            Circle,
            grant::{self, Opening},
        },
    },
    replication::sync::frame::{Blinded, Frame, ShortRosterState},
};
use tests::written::{Office, Registry, device};

use super::{
    Vector,
    cbor::{NULL, array, bytes, text, uint},
    hex,
};

pub(super) fn vectors() -> Vec<Vector> {
    let world = Registry::new([21; 32], 1);
    [
        links(&world.offices[0]),
        cards(&world.offices[0]),
        foundings(&world),
        circles(),
        grants(&world),
        frames(),
        texts(),
    ]
    .concat()
}

fn links(office: &Office) -> Vec<Vector> {
    let mut entropy = Entropy::new([22; 32]);
    let vector = |name, verdict, why, envelope: &[u8]| {
        Vector::new("link", name, verdict, why, vec![("envelope", hex(envelope))])
    };
    let content = bytes(&codec::encode(office.device()));
    let signed = |items: &[Vec<u8>]| {
        let payload = array(items);
        cose::envelope(&payload, &office.root.sign(Domain::Link, &[], &payload))
    };
    let link = |version: u64, index: u64, prev: &[u8], change: u64, content: &[u8]| {
        let key = bytes(&office.root.public());
        signed(&[uint(version), key, uint(index), prev.to_vec(), uint(change), content.to_vec()])
    };
    let pens = [entropy.secret(), entropy.secret()];
    let reading = ReadingSecret(entropy.secret());
    let second_device = device(&office.organisation(), &pens, &reading, &mut entropy);
    let second = Link::certify(&office.root, Some(&office.roster), &second_device);
    // A first link whose device has these keys, one of them replaced.
    let (root, seeds) = (Secret::new([0x30; 32]), [1, 2, 3, 4, 5].map(|byte| Secret::new([byte; 32])));
    let with = |at: usize, key: &Secret| {
        let mut seeds = seeds.clone();
        seeds[at] = key.clone();
        let [author, desk, node, ballot, receipt] = seeds.each_ref().map(Signer::new);
        let (root, keys) = (Signer::new(&root), DeviceKeys { author, desk, node, ballot, receipt });
        let device = Device::new(&organisation(&root.public()), DeviceId([0x2d; 16]), &keys, reading.public());
        Link::certify(&root, None, &device).envelope().to_vec()
    };
    let stranger = Signer::new(&Secret::new([0x2e; 32]));
    let foreign = Link::certify(&stranger, None, office.device()).envelope().to_vec();
    let first = office.roster.link(0).expect("the first").envelope();
    let prev = bytes(&[1; 32]);
    let mut flipped = first.to_vec();
    *flipped.last_mut().expect("not empty") ^= 1;
    let payload = cose::unenvelope("link", first).expect("ours").0;
    let as_card = cose::envelope(payload, &office.root.sign(Domain::Card, &[], payload));
    vec![
        vector("first", "accepted", "the first link of a roster", first),
        vector("second", "accepted", "a further device", second.envelope()),
        vector(
            "change-of-tomorrow",
            "accepted",
            "a change of a newer version is carried",
            &link(1, 1, &prev, 9, &bytes(b"?")),
        ),
        vector("version-2", "later", "a link of a newer version is no fault", &link(2, 1, &prev, 0, &content)),
        vector("version-0", "malformed", "there is no version 0", &link(0, 1, &prev, 0, &content)),
        vector("first-with-prev", "malformed", "the first link has no predecessor", &link(1, 0, &prev, 0, &content)),
        vector("second-without-prev", "malformed", "every other link has one", &link(1, 1, &NULL, 0, &content)),
        vector(
            "too-many",
            "malformed",
            "the number is beyond the limit",
            &link(1, ROSTER_LINKS.0 as u64, &prev, 0, &content),
        ),
        vector(
            "device-cut",
            "malformed",
            "the device is cut off",
            &link(1, 0, &NULL, 0, &bytes(&codec::encode(office.device())[..100])),
        ),
        vector("keys-apart", "accepted", "a first link: five keys, none of them the root's", &with(0, &seeds[0])),
        vector("key-twice", "malformed", "a first link: author and desk are one key", &with(1, &seeds[0])),
        vector("key-twice-last", "malformed", "a first link: ballot and receipt are one key", &with(4, &seeds[3])),
        vector("key-twice-apart", "malformed", "a first link: author and receipt are one key", &with(4, &seeds[0])),
        vector("root-as-author", "malformed", "a first link: the root writes", &with(0, &root)),
        vector("root-as-desk", "malformed", "a first link: the root is the desk", &with(1, &root)),
        vector("root-as-node", "malformed", "a first link: the root is on the network", &with(2, &root)),
        vector("root-as-ballot", "malformed", "a first link: the root votes", &with(3, &root)),
        vector("root-as-receipt", "malformed", "a first link: the root gives receipts", &with(4, &root)),
        vector("possession", "bad signature", "a first link: the keys say that they serve another", &foreign),
        vector("other-domain", "bad signature", "signed as a card", &as_card),
        vector("flipped", "bad signature", "one bit of the signature is another", &flipped),
    ]
}

fn cards(office: &Office) -> Vec<Vector> {
    let vector = |name, verdict, why, card: &[u8]| Vector::new("card", name, verdict, why, vec![("card", hex(card))]);
    let card = Card::parse(&office.card).expect("ours");
    let reach =
        |count: usize, addresses: usize| vec![Reach(office.device().node, vec!["a:1".to_owned(); addresses]); count];
    let at = |address: &str| vec![Reach(office.device().node, vec![address.to_owned()])];
    let stranger = Signer::new(&Secret::new([23; 32]));
    let resigned = {
        let payload = cose::unenvelope("card", &office.card).expect("ours").0;
        cose::envelope(payload, &stranger.sign(Domain::Card, &[], payload))
    };
    let foreign = {
        let links: Vec<_> = card.roster.since(0).map(|link| bytes(link.envelope())).collect();
        let key = bytes(&stranger.public());
        let payload = array(&[uint(1), text(&card.call_sign), key, array(&links), array(&[])]);
        cose::envelope(&payload, &stranger.sign(Domain::Card, &[], &payload))
    };
    vec![
        vector("plain", "accepted", "a card", &office.card),
        vector(
            "named",
            "malformed",
            "a call-sign that is no two words of the list",
            &Card { call_sign: "some-organisation".to_owned(), ..card.clone() }.sign(&office.root),
        ),
        vector("nodes-9", "malformed", "nine nodes", &Card { reach: reach(9, 1), ..card.clone() }.sign(&office.root)),
        vector(
            "addresses-9",
            "malformed",
            "nine addresses of one node",
            &Card { reach: reach(1, 9), ..card.clone() }.sign(&office.root),
        ),
        vector(
            "address-long",
            "malformed",
            "an address of 257 bytes",
            &Card { reach: at(&format!("{}:1", "a".repeat(255))), ..card.clone() }.sign(&office.root),
        ),
        vector(
            "address-name",
            "accepted",
            "a host name: for who lets names be looked up",
            &Card { reach: at("a.example.org:4001"), ..card.clone() }.sign(&office.root),
        ),
        vector(
            "address-number",
            "malformed",
            "a name that some systems read as 127.0.0.1",
            &Card { reach: at("127.1:4001"), ..card.clone() }.sign(&office.root),
        ),
        vector(
            "address-multicast",
            "malformed",
            "an address that is no single host's",
            &Card { reach: at("224.0.0.1:4001"), ..card.clone() }.sign(&office.root),
        ),
        vector(
            "foreign-node",
            "foreign node",
            "it says where a node is that its roster does not certify",
            &Card { reach: vec![Reach(NodeKey([1; 32]), vec!["192.0.2.7:4100".to_owned()])], ..card }
                .sign(&office.root),
        ),
        vector("other-roster", "malformed", "another organisation's roster under an own key", &foreign),
        vector("other-key", "bad signature", "signed by another key than it names", &resigned),
    ]
}

fn foundings(world: &Registry) -> Vec<Vector> {
    let genesis =
        |name, verdict, why, bytes: &[u8]| Vector::new("genesis", name, verdict, why, vec![("genesis", hex(bytes))]);
    let founder = |key: u8, sign: &str| array(&[bytes(&[key; 32]), text(sign), bytes(&[3; 32])]);
    let of = |suite: u64, ruleset: u64, founders: &[Vec<u8>]| {
        array(&[uint(suite), uint(ruleset), uint(1), bytes(&[4; 16]), array(founders)])
    };
    let (one, two) = (founder(1, "abandon-zoo"), founder(2, "zoo-abandon"));
    let crowd: Vec<_> =
        (0..65_u8).map(|nth| founder(nth, &protocol::bytes::words::call_sign([nth, nth, nth, 0]))).collect();
    let sound = of(1, 1, &[one.clone(), two.clone()]);
    let consents: Vec<_> = world.offices.iter().map(|office| world.draft.sign(&office.root)).collect();
    let consent = |name, verdict, why, registry: &RegistryId, bytes: &[u8]| {
        let inputs = vec![
            ("registry", hex(&registry.0)),
            ("genesis", hex(world.draft.genesis.bytes())),
            ("consent", hex(bytes)),
        ];
        Vector::new("consent", name, verdict, why, inputs)
    };
    let other = Genesis::new(1, [9; 16], world.draft.genesis.founders().to_vec());
    let root = &world.offices[0].root;
    let signature = root.sign(Domain::Genesis, &world.id.0, world.draft.genesis.bytes());
    let moved = array(&[bytes(&other.id().0), bytes(&root.public()), bytes(&signature)]);
    vec![
        genesis("one", "accepted", "one founder is enough", &of(1, 1, std::slice::from_ref(&one))),
        genesis("two", "accepted", "two founders", &sound),
        genesis("none", "malformed", "no founder", &of(1, 1, &[])),
        genesis("crowd", "malformed", "65 founders", &of(1, 1, &crowd)),
        genesis("unsorted", "malformed", "founders not in the order of their keys", &of(1, 1, &[two, one.clone()])),
        genesis("twice", "malformed", "one founder twice", &of(1, 1, &[one.clone(), one.clone()])),
        genesis(
            "one-call-sign",
            "malformed",
            "two founders with one call-sign",
            &of(1, 1, &[one.clone(), founder(2, "abandon-zoo")]),
        ),
        genesis("named", "malformed", "a call-sign that is no two words of the list", &of(1, 1, &[founder(1, "acme")])),
        genesis("ruleset-2", "malformed", "founded under a newer ruleset: this version cannot join", &of(1, 2, &[one])),
        genesis("trailing", "malformed", "a byte after the end", &[&sound[..], &[0]].concat()),
        consent("founder", "accepted", "a founder's consent", &world.id, &consents[0]),
        consent("other-registry", "bad signature", "given to another registry", &other.id(), &moved),
        Vector::new("draft", "two", "accepted", "a draft of two", vec![("draft", hex(&world.draft.encode()))]),
        Vector::new(
            "registry",
            "two",
            "accepted",
            "a registry file of two",
            vec![("registry_file", hex(&world.file)), ("reading_secret", hex(world.offices[1].reading.0.expose()))],
        ),
    ]
}

fn circles() -> Vec<Vector> {
    let vector = |name, verdict, why, circle: &[u8]| {
        Vector::new("circle", name, verdict, why, vec![("registry", hex(&[8; 32])), ("circle", hex(circle))])
    };
    let org = |byte: u8| bytes(&[byte; 32]);
    let named = |steward: u8, list: &[u8]| {
        array(&[uint(1), org(steward), bytes(&[5; 16]), array(&list.iter().map(|nth| org(*nth)).collect::<Vec<_>>())])
    };
    let crowd: Vec<u8> = (0..65).collect();
    vec![
        vector("own", "accepted", "one organisation", &Circle::Own(OrgId([1; 32])).encode()),
        vector("named", "accepted", "a list", &named(2, &[1, 2, 3])),
        vector("commons", "accepted", "all members", &Circle::Commons.encode()),
        vector("unsorted", "malformed", "a list out of order", &named(2, &[2, 1])),
        vector("twice", "malformed", "an organisation named twice", &named(2, &[1, 2, 2])),
        vector("without-steward", "malformed", "the steward is not in the list", &named(9, &[1, 2])),
        vector("crowd", "malformed", "65 organisations", &named(1, &crowd)),
        vector(
            "commons-with-list",
            "malformed",
            "the commons has no list",
            &array(&[uint(2), NULL.to_vec(), NULL.to_vec(), array(&[org(1)])]),
        ),
        vector(
            "own-with-salt",
            "malformed",
            "an own circle has no salt",
            &array(&[uint(0), org(1), bytes(&[5; 16]), array(&[])]),
        ),
        vector(
            "form-3",
            "malformed",
            "a form nobody knows",
            &array(&[uint(3), NULL.to_vec(), NULL.to_vec(), array(&[])]),
        ),
    ]
}

fn grants(world: &Registry) -> Vec<Vector> {
    let mut entropy = Entropy::new([24; 32]);
    let opening = Opening::fresh(Circle::Commons, &mut entropy);
    let reader = &world.offices[0].device().reading;
    let author = &world.offices[1].reading;
    let grant = grant::seal(&world.id, &[opening], &[reader], &author.expand(), &mut entropy);
    let by = |author: &Secret, name, verdict, why, reader: usize, grant: &[u8]| {
        Vector::new(
            "grant",
            name,
            verdict,
            why,
            vec![
                ("registry", hex(&world.id.0)),
                ("reading_secret", hex(world.offices[reader].reading.0.expose())),
                ("author_secret", hex(author.expose())),
                ("grant", hex(grant)),
            ],
        )
    };
    let vector = |name, verdict, why, reader, grant: &[u8]| by(&author.0, name, verdict, why, reader, grant);
    let mut spoilt = grant.clone();
    *spoilt.last_mut().expect("not empty") ^= 1;
    vec![
        vector("reader", "accepted", "opens for the device it was made for", 0, &grant),
        vector("stranger", "not for this reader", "and for no other", 1, &grant),
        vector("spoilt", "not for this reader", "one bit of the ciphertext is another", 0, &spoilt),
        by(
            &Secret::new([25; 32]),
            "other-author",
            "not for this reader",
            "the hints are those of another author's device",
            0,
            &grant,
        ),
        vector("trailing", "malformed", "a byte after the end", 0, &[&grant[..], &[0]].concat()),
    ]
}

fn frames() -> Vec<Vector> {
    let vector =
        |name, verdict, why, frame: &[u8]| Vector::new("frame", name, verdict, why, vec![("frame", hex(frame))]);
    let frame = |name, frame: &Frame| vector(name, "accepted", "a frame of its kind", &frame.encode());
    let (circle, id) = (CircleId([1; 16]), EntryId([4; 32]));
    let feed = protocol::log::entry::FeedId { circle, key: FeedKey([2; 32]), run: Incarnation([3; 8]) };
    let line = |number: u64, sealed| FrontierEntry(feed.key, feed.run, number, Mark::of(&id), sealed);
    let later = |line: FrontierEntry| FrontierEntry(line.0, Incarnation([4; 8]), line.2, line.3, line.4);
    let near = |places: &[u64], number| {
        places.iter().map(|place| AnchoredEntry(*place, number, Mark::of(&id), None)).collect()
    };
    let frontier = |near, lines| Frame::Frontier { circle, part: 0, is_last: true, since: Some([6; 16]), near, lines };
    let probe = |marks: &[u64]| Frame::Probe { feed, marks: marks.iter().map(|seq| (*seq, Mark::of(&id))).collect() };
    let circles = vec![Blinded([1; 8].into(), [2; 16].into()); 8];
    vec![
        frame("open", &Frame::Open { format: 1, nonce: [1; 16], registry: [2; 8], epoch: DatabaseEpoch([3; 16]) }),
        frame("hello", &Frame::Hello { is_reply: false, control: [4; 16], circles, wanted: 300 }),
        frame("standing", &Frame::Standing(vec![ShortRosterState(OrgId([5; 32]), 2, Mark::of(&id), false)])),
        frame("links", &Frame::Links(vec![vec![1, 2, 3]])),
        frame("frontier", &frontier(near(&[0, 300], 7), vec![line(9, None), later(line(5, Some(0)))])),
        frame(
            "frontier-part",
            &Frame::Frontier { circle, part: 3, is_last: false, since: None, near: vec![], lines: vec![line(9, None)] },
        ),
        vector("lines-unsorted", "malformed", "lines out of order", &{
            frontier(vec![], vec![later(line(9, None)), line(5, None)]).encode()
        }),
        vector("line-twice", "malformed", "one feed twice", &{
            frontier(vec![], vec![line(9, None), line(5, Some(0))]).encode()
        }),
        vector("near-line-0", "malformed", "lines are numbered from 1", &frontier(near(&[1], 0), vec![]).encode()),
        vector("near-unsorted", "malformed", "places out of order", &frontier(near(&[2, 1], 7), vec![]).encode()),
        vector("near-twice", "malformed", "one place twice", &frontier(near(&[2, 2], 7), vec![]).encode()),
        vector("near-nothing", "malformed", "places of no agreed root", &{
            Frame::Frontier { circle, part: 0, is_last: true, since: None, near: near(&[1], 7), lines: vec![] }.encode()
        }),
        frame("entries", &Frame::Entries(vec![(vec![1], Some(vec![2])), (vec![3], None)])),
        frame("want", &Frame::Want(vec![id])),
        frame("probe", &probe(&[1, 24, 256])),
        frame("done", &Frame::Done(circle)),
        frame("full", &Frame::Full(circle)),
        frame("later", &Frame::Later { organisation: OrgId([5; 32]), seconds: 60 }),
        vector("kind-11", "malformed", "a frame that this format does not have", &array(&[uint(11), bytes(&circle.0)])),
        vector(
            "kind-long",
            "malformed",
            "the kind in two bytes",
            &[&[0x82, 0x18, 0x08][..], &bytes(&circle.0)].concat(),
        ),
        vector("line-0", "malformed", "lines are numbered from 1", &frontier(vec![], vec![line(0, None)]).encode()),
        vector("probe-none", "malformed", "no marks", &probe(&[]).encode()),
        vector("probe-17", "malformed", "17 marks", &probe(&(1..=17).collect::<Vec<_>>()).encode()),
        vector("probe-unsorted", "malformed", "marks out of order", &probe(&[2, 1]).encode()),
        vector("trailing", "malformed", "a byte after the end", &[&Frame::Done(circle).encode()[..], &[0]].concat()),
        vector("hello-number", "malformed", "1 in place of true", &{
            array(&[uint(1), uint(1), bytes(&[4; 16]), array(&[]), uint(0)])
        }),
    ]
}

fn texts() -> Vec<Vector> {
    let id = |name, verdict, why, text: &str| Vector::new("id", name, verdict, why, vec![("text", text.to_owned())]);
    let file = |name, verdict, why, text: String| Vector::new("file", name, verdict, why, vec![("text", text)]);
    let sound = EntryId([7; 32]).to_string();
    let card = armour::wrap(Kind::Card, &[5; 200]);
    let hrp = Hrp::parse("entry").expect("lower case");
    let mut symbols: Vec<_> = [7_u8; 32].into_iter().bytes_to_fes().collect();
    let last = symbols.pop().expect("52 of them");
    symbols.push(Fe32::try_from(last.to_u8() | 1).expect("below 32"));
    let filled: String = symbols.into_iter().with_checksum::<Bech32m>(&hrp).chars().collect();
    vec![
        id("entry", "accepted", "the id of an entry", &sound),
        id("upper-case", "accepted", "as a QR code has it", &sound.to_uppercase()),
        id("mixed-case", "garbled", "both cases at once", &sound.replacen('q', "Q", 1)),
        id("one-character", "garbled", "one character is another", &sound.replacen("entry1q", "entry1p", 1)),
        id("cut", "garbled", "the last character is missing", &sound[..sound.len() - 1]),
        id("bech32", "garbled", "a checksum of Bech32, not Bech32m", &encode::<Bech32>(hrp, &[7; 32]).expect("short")),
        id("filling-bits", "garbled", "the bits that fill the last character are not zero", &filled),
        id("short", "length", "an id of 31 bytes", &encode::<Bech32m>(hrp, &[7; 31]).expect("short")),
        id("other-kind", "other kind", "the id of an organisation", &OrgId([7; 32]).to_string()),
        file("card", "accepted", "a card as text", card.clone()),
        file(
            "card-reflowed",
            "accepted",
            "lines end differently, blank lines between",
            card.replace('\n', "\r\n\r\n  "),
        ),
        file("cut", "truncated", "the last line is missing", card[..card.len() - 21].to_owned()),
        file("edited", "changed", "one character is another", card.replacen("BQUF", "BQUG", 1)),
        file("more", "changed", "something follows the last line", format!("{card}end 0000000000000000\n")),
        file("other-kind", "other kind", "a draft", armour::wrap(Kind::Draft, &[5; 200])),
        file("foreign", "not ours", "no first line of ours", "hello\n".to_owned()),
    ]
}

#[test]
fn a_frame_with_one_item_too_many_is_refused() {
    let check = |frame: &dyn Fn(usize) -> Frame, limit: usize| {
        assert!(Frame::decode(&frame(limit).encode()).is_ok(), "{limit} items");
        assert!(Frame::decode(&frame(limit + 1).encode()).is_err(), "{} items", limit + 1);
    };
    let (circle, id) = (CircleId([1; 16]), EntryId([4; 32]));
    let line = |run: usize| FrontierEntry(FeedKey([2; 32]), Incarnation(run.to_be_bytes()), 9, Mark::of(&id), None);
    let lines = |count: usize| (0..count).map(line).collect::<Vec<_>>();
    let near = |count: usize| (0..count as u64).map(|place| AnchoredEntry(place, 9, Mark::of(&id), None)).collect();
    let frontier = |near, lines| Frame::Frontier { circle, part: 0, is_last: true, since: Some([6; 16]), near, lines };
    check(&|count| frontier(vec![], lines(count)), FRONTIER_LINES.0);
    check(&|count| frontier(near(count), vec![]), FRONTIER_LINES.0);
    check(&|count| frontier(near(count / 2), lines(count - count / 2)), FRONTIER_LINES.0);
    check(&|count| Frame::Want(vec![id; count]), WANTS.0);
}
