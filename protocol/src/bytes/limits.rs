//! Every maximum, with its unit and reason.
//!
//! *Wire* limits are part of the ruleset: beyond them bytes are invalid for everyone, for ever, so both sides must agree.
//! *Resource* limits are local: they may only delay or make a peer ask again, never decide what counts.

/// A limit that is part of the ruleset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire(pub usize);

/// A limit of this node alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(pub usize);

/// Bytes of an encoded header: ten fields of at most 34 + 9 bytes; below 256 so that COSE's length is one byte.
pub const HEADER_BYTES: Wire = Wire(255);
/// Bytes of a body: what one entry may carry in all segments together. Attachments travel elsewhere.
pub const BODY_BYTES: Wire = Wire(128 * 1024);
/// Segments of a body; one for now.
pub const SEGMENTS: Wire = Wire(1);
/// Dependencies an entry may name.
pub const DEPS: Wire = Wire(64);
/// Assertions in one body: materialising one entry stays below a few milliseconds.
pub const ASSERTIONS: Wire = Wire(4096);
/// Smallest padded plaintext in bytes: a short note and a long one look the same.
pub const PADDING_FLOOR: Wire = Wire(512);
/// Organisations of a registry: a full mesh stays practical.
pub const ORGANISATIONS: Wire = Wire(64);
/// Devices of one organisation: each costs a 1,168-byte wrap per epoch and circle.
pub const DEVICES: Wire = Wire(8);
/// Incarnations of one key that count in one circle: a machine restored every day for eight months. Beyond them the
/// smallest count, so that one key never makes a frontier of more than 256 lines.
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

/// Bytes of a frame on the wire: what a peer may make us hold before we have verified anything.
pub const FRAME_BYTES: Wire = Wire(256 * 1024);
/// Bytes a frame may have above that: the last item is added while there is room, and lists have a head.
pub const FRAME_SLACK: Wire = Wire(64 * 1024);
/// Circles a HELLO is padded to a multiple of: their number is not told.
pub const HELLO_CIRCLES: Wire = Wire(8);
/// Frontier lines in one frame.
pub const FRONTIER_LINES: Wire = Wire(2048);
/// Ids in one WANT frame.
pub const WANTS: Wire = Wire(1024);
/// Marks in one PROBE: sixteen-way bisection finds a fork among 2³² entries in eight rounds.
pub const PROBE_MARKS: Wire = Wire(16);

/// Entries of one feed that count without their bodies; further ones wait until a body comes. With [`INCARNATIONS`] at
/// most 8,192 of a key in a circle, about a megabyte of memory.
pub const BODILESS: Resource = Resource(32);
/// Lines that differ from a peer's and are remembered, so that a difference nothing settles can be named.
pub const LINES_APART: Resource = Resource(1024);
/// Entries of a displaced feed that are deleted in one step: a few milliseconds.
pub const SHED_AT_ONCE: Resource = Resource(256);
/// Bulk frames handed to the transport and not yet written, per peer.
pub const BULK_IN_FLIGHT: Resource = Resource(4);
/// Bodies asked for at a time, per peer.
pub const WANTS_IN_FLIGHT: Resource = Resource(1024);
/// Ids a peer asked for that are remembered while it is connected; an honest one asks for each once.
pub const WANTS_REMEMBERED: Resource = Resource(65536);
/// Entries a peer may send that were here before it could have brought them: what honest peers do in races is far below.
pub const REPEATS: Resource = Resource(4096);
/// Further ones each hour.
pub const REPEATS_PER_HOUR: Resource = Resource(57600);
/// Entries beyond those that are one strike.
pub const REPEATS_PER_STRIKE: Resource = Resource(256);
/// Newly written entries of one other organisation taken at once: an import of a year's dockets.
pub const AUTHORED: Resource = Resource(5000);
/// Further ones each hour; the others come later, none is refused.
pub const AUTHORED_PER_HOUR: Resource = Resource(7200);
/// Seconds for which a peer is asked to leave an organisation's entries out.
pub const LATER_SECONDS: Resource = Resource(60);
/// Strikes before a peer is disconnected.
pub const STRIKES: Resource = Resource(3);
/// Entries that a share writes at a time: one sync of the disk for all of them.
pub const SHARED_AT_ONCE: Resource = Resource(64);
/// Devices one grant is sealed for: more of them get a second grant, since a body holds no more wraps.
pub const GRANTED_AT_ONCE: Resource = Resource(80);
/// Slots of a grant that are tried because their hint fits: one is ours, a second one is chance once in 2²⁶ grants, and
/// whoever makes more of them fit wants our time.
pub const SLOTS_TRIED: Resource = Resource(2);
/// Grants of one organisation that are tried within an hour; the others wait for the next.
pub const GRANTS_TRIED: Resource = Resource(256);
/// Named circles held that have one steward: with 64 stewards their tags still fit one HELLO.
pub const STEWARD_CIRCLES: Resource = Resource(128);
/// Epochs kept of one circle.
pub const EPOCHS_OF_CIRCLE: Resource = Resource(256);
/// Characters of a petname: it stands beside a call-sign in a table. Petnames never leave the node.
pub const PETNAME_CHARS: Resource = Resource(48);
/// Bytes kept free on the disk of the store: what is in memory finds room, and so do merges of files, alarms and a purge.
/// Below it nothing is taken from peers and nothing is written for a person.
pub const DISK_RESERVE: Resource = Resource(128 * 1024 * 1024);
/// Characters of a passphrase in NFC, at least: five words, or what a machine does not try through.
pub const PASSPHRASE_CHARS: Resource = Resource(12);
/// Different characters of a passphrase, at least: one key held down is no passphrase.
pub const PASSPHRASE_LETTERS: Resource = Resource(6);
/// Connections at the node's socket that are served at a time: a person and some programs.
pub const CONNECTIONS: Resource = Resource(64);
/// Connections above those that are told so; the rest is dropped.
pub const CONNECTIONS_REFUSED: Resource = Resource(32);
/// Bytes of a request: an import file of some ten thousand cases.
pub const REQUEST_BYTES: Resource = Resource(64 * 1024 * 1024);
/// Bytes of a request that is read at once; a larger one waits for its turn.
pub const SMALL_REQUEST_BYTES: Resource = Resource(256 * 1024);
/// Large requests that wait while one is read and done; the next one is told to try again.
pub const LARGE_REQUESTS_WAITING: Resource = Resource(8);
