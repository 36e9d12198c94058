//! Limits: every maximum, with its unit and reason.
//!
//! *Wire* limits are part of the ruleset: bytes beyond them are invalid for every node of every version of it, so all
//! must agree. *Resource* limits are local: they may delay something or make a peer ask again, but never decide which
//! entries count.

/// A limit that is part of the ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire(pub usize);

/// A limit of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(pub usize);

/// Bytes of an encoded header: ten fields of at most 34 + 9 bytes; below 256 so that COSE's length is one byte.
pub const HEADER_BYTES: Wire = Wire(255);
/// Bytes of a body: the content of one entry in all segments together. Attachments are transferred separately.
pub const BODY_BYTES: Wire = Wire(128 * 1024);
/// Segments of a body; one for now.
pub const SEGMENTS: Wire = Wire(1);
/// Dependencies an entry may name.
pub const DEPS: Wire = Wire(64);
/// Statements in one body: folding one entry into its section takes at most a few milliseconds.
pub const ASSERTIONS: Wire = Wire(4096);
/// Smallest padded plaintext in bytes: short and long notes have the same length.
pub const PADDING_FLOOR: Wire = Wire(512);
/// Organisations of a registry: a full mesh stays practical.
pub const ORGANISATIONS: Wire = Wire(64);
/// Devices of one organisation: each costs a 1,168-byte wrap per epoch and circle.
pub const DEVICES: Wire = Wire(8);
/// Incarnations of one key that count in one circle: a machine restored every day for eight months. Of more, the
/// smallest count, so that one key contributes at most 256 feeds to a frontier.
pub const INCARNATIONS: Wire = Wire(256);
/// Links of one roster.
pub const ROSTER_LINKS: Wire = Wire(1024);
/// Bytes of a roster link: one device with all its certificates is 1.6 KB.
pub const LINK_BYTES: Wire = Wire(16 * 1024);
/// Bytes of a founding document or a later charter version.
pub const CHARTER_BYTES: Wire = Wire(64 * 1024);
/// Bytes of a card file.
pub const CARD_BYTES: Wire = Wire(64 * 1024);
/// Bytes of a registry or draft file: 64 cards, wraps for 512 devices.
pub const REGISTRY_FILE_BYTES: Wire = Wire(8 * 1024 * 1024);
/// Bytes of one address in a card's annex.
pub const ADDRESS_BYTES: Wire = Wire(256);
/// Addresses in a card's annex.
pub const ADDRESSES: Wire = Wire(8);

/// Bytes of a frame on the wire: the memory that a peer can make a node use before anything is verified.
pub const FRAME_BYTES: Wire = Wire(256 * 1024);
/// Bytes by which a frame may exceed [`FRAME_BYTES`]: the last item is added while there is room, and lists have a
/// head.
pub const FRAME_SLACK: Wire = Wire(64 * 1024);
/// Circles to whose multiple a HELLO is padded, which hides their number.
pub const HELLO_CIRCLES: Wire = Wire(8);
/// Lines in one FRONTIER frame.
pub const FRONTIER_LINES: Wire = Wire(2048);
/// Ids in one WANT frame.
pub const WANTS: Wire = Wire(1024);
/// Marks in one PROBE: sixteen-way bisection finds a fork among 2³² entries in eight rounds.
pub const PROBE_MARKS: Wire = Wire(16);

/// Entries of one feed that count without their bodies; further ones wait until a body comes. With [`INCARNATIONS`] at
/// most 8,192 for each key in a circle, about a megabyte of memory.
pub const BODILESS: Resource = Resource(32);
/// Differing frontier lines that are remembered, so that a difference which an exchange did not resolve can be
/// reported.
pub const LINES_APART: Resource = Resource(1024);
/// Entries of a displaced feed that are deleted in one step: a few milliseconds.
pub const SHED_AT_ONCE: Resource = Resource(256);
/// Bulk frames handed to the transport and not yet written, per peer.
pub const BULK_IN_FLIGHT: Resource = Resource(4);
/// Bodies requested at a time, per peer.
pub const WANTS_IN_FLIGHT: Resource = Resource(1024);
/// Ids requested by a peer that are remembered while it is connected; an honest peer requests each once.
pub const WANTS_REMEMBERED: Resource = Resource(65536);
/// Entries that a peer may send although the node already holds them: races of honest peers cause far fewer.
pub const REPEATS: Resource = Resource(4096);
/// Further repeated entries that a peer may send each hour, beyond [`REPEATS`].
pub const REPEATS_PER_HOUR: Resource = Resource(57600);
/// Repeated entries above the allowance that count as one strike.
pub const REPEATS_PER_STRIKE: Resource = Resource(256);
/// Newly written entries of one other organisation accepted at once: an import of a year's dockets.
pub const AUTHORED: Resource = Resource(5000);
/// Further newly written entries accepted each hour, beyond [`AUTHORED`]; the rest is accepted later, none is refused.
pub const AUTHORED_PER_HOUR: Resource = Resource(7200);
/// Seconds for which a peer is asked to leave an organisation's entries out.
pub const LATER_SECONDS: Resource = Resource(60);
/// Strikes before a peer is disconnected.
pub const STRIKES: Resource = Resource(3);
/// Entries that a share writes at a time: one sync of the disk covers all of them.
pub const SHARED_AT_ONCE: Resource = Resource(64);
/// Devices that one grant is sealed for: more of them need a second grant, since a body holds no more wraps.
pub const GRANTED_AT_ONCE: Resource = Resource(80);
/// Slots of a grant that are tried because their hint matches: one is the reader's, and a second one matches by chance
/// once in 2²⁶ grants. More of them are an attempt to waste the reader's time.
pub const SLOTS_TRIED: Resource = Resource(2);
/// Grants of one organisation that are tried within an hour; the rest waits for the next hour.
pub const GRANTS_TRIED: Resource = Resource(256);
/// Named circles of one steward that a node holds: with 64 stewards their tags still fit one HELLO.
pub const STEWARD_CIRCLES: Resource = Resource(128);
/// Epochs kept of one circle.
pub const EPOCHS_OF_CIRCLE: Resource = Resource(256);
/// Characters of a petname: a table shows it next to a call-sign. Petnames never leave the node.
pub const PETNAME_CHARS: Resource = Resource(48);
/// Bytes kept free on the store's disk: room for writing out memory, merging files, alarms and a purge. Below it
/// nothing is accepted from peers and nothing is written for a person.
pub const DISK_RESERVE: Resource = Resource(128 * 1024 * 1024);
/// Minimum length of a passphrase, in characters of NFC: five words, or more than a machine can search.
pub const PASSPHRASE_CHARS: Resource = Resource(12);
/// Minimum number of different characters of a passphrase: one repeated key is no passphrase.
pub const PASSPHRASE_LETTERS: Resource = Resource(6);
/// Connections at the node's socket that are served at a time: one person and some programs.
pub const CONNECTIONS: Resource = Resource(64);
/// Connections above [`CONNECTIONS`] that get a refusal; further ones are dropped.
pub const CONNECTIONS_REFUSED: Resource = Resource(32);
/// Bytes of a request: an import file of some ten thousand cases.
pub const REQUEST_BYTES: Resource = Resource(64 * 1024 * 1024);
/// Bytes of a request that is read at once; a larger one waits in a queue.
pub const SMALL_REQUEST_BYTES: Resource = Resource(256 * 1024);
/// Large requests that wait while one is read and handled; the next one is refused and may be sent again.
pub const LARGE_REQUESTS_WAITING: Resource = Resource(8);
