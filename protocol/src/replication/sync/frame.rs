//! Frames: the messages between peers, and the only code that reads their bytes.
//!
//! [`receive`] is pure and costly (it checks every signature), so the node runs it on worker threads; its result holds
//! only verified entries. A failed signature is a fact about the frame: the item is dropped and counted against the
//! sender, and nothing is remembered about its id.
//!
//! ```text
//! open     = [0, format, nonce 16, registry tag 8, database epoch 16]
//! hello    = [1, is_reply, control root 16, [[circle tag 8, circle root 16] … padded to 8], bodies wanted]
//! standing = [2, [[organisation 32, links, mark of head 8, frozen] …]]
//! links    = [3, [roster link …]]
//! frontier = [4, circle 16, part, is_last, agreed root 16|null, [near line …], [line …]]
//! entries  = [5, [[entry, body|null] …]]
//! want     = [6, [entry id 32 …]]
//! probe    = [7, circle 16, key 32, incarnation 8, [[seq, mark 8] …]]
//! done     = [8, circle 16]
//! full     = [9, circle 16]
//! later    = [10, organisation 32, seconds]
//! ```

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::{
    bytes::{
        codec::{self, DecodeError},
        ids::{CircleId, DatabaseEpoch, EntryId, FeedKey, Incarnation, OrgId, RegistryId},
        limits::{FRAME_BYTES, FRAME_SLACK, FRONTIER_LINES, PROBE_MARKS, WANTS},
    },
    log::{
        body::Body,
        entry::{FeedId, ParseError, Signed, Verified},
        feed::{AnchoredEntry, FrontierEntry, Mark},
    },
    membership::charter::roster::{Link, LinkError},
};

/// Version of the frame format.
pub const FORMAT: u64 = 1;

/// The state of a roster on the wire: organisation, links, mark of the head, frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortRosterState(pub OrgId, pub u64, pub Mark, pub bool);

/// A circle's blinded tag and root, keyed with its secret, both nonces and both node keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blinded(pub ByteArray<8>, pub ByteArray<16>);

/// A frame in its parsed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame on a connection.
    Open {
        /// Version of the format.
        format: u64,
        /// Nonce, fresh for this connection.
        nonce: [u8; 16],
        /// Tag of the registry, keyed with the nonce.
        registry: [u8; 8],
        /// Database epoch, renewed whenever this node may have lost state that it had sent.
        epoch: DatabaseEpoch,
    },
    /// Roots of this node's control data and circles; the only frame that compares states.
    Hello {
        /// Whether the HELLO answers one.
        is_reply: bool,
        /// Blinded root of charter and rosters.
        control: [u8; 16],
        /// Blinded tags and roots of circles, padded.
        circles: Vec<Blinded>,
        /// Number of bodies missing in circles shared with the peer.
        wanted: u64,
    },
    /// The states of all rosters.
    Standing(Vec<ShortRosterState>),
    /// Roster links, as envelopes.
    Links(Vec<Vec<u8>>),
    /// A part of the frontier of a circle.
    Frontier {
        /// The circle.
        circle: CircleId,
        /// Number of the part, from 0.
        part: u64,
        /// Whether no more parts follow.
        is_last: bool,
        /// Root of the anchor; feeds whose heads are unchanged since are left out.
        since: Option<[u8; 16]>,
        /// Lines of feeds of the anchor whose heads changed.
        near: Vec<AnchoredEntry>,
        /// Lines of all other feeds.
        lines: Vec<FrontierEntry>,
    },
    /// Entries with their bodies, as bytes.
    Entries(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    /// Requested bodies, by entry id.
    Want(Vec<EntryId>),
    /// Marks of a feed, to find where two chains diverge.
    Probe {
        /// The feed.
        feed: FeedId,
        /// Ascending numbers with the sender's marks.
        marks: Vec<(u64, Mark)>,
    },
    /// End of an exchange: everything that the frontier showed missing has been sent.
    Done(CircleId),
    /// Request for a frontier without an anchor: the sender does not hold the one that the peer's frontier refers to.
    Full(CircleId),
    /// Request to leave out an organisation's entries for a time, and to compare again afterwards.
    Later {
        /// The organisation.
        organisation: OrgId,
        /// Duration of the deferral in seconds.
        seconds: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct OpenWire(u64, u64, ByteArray<16>, ByteArray<8>, DatabaseEpoch);
#[derive(Serialize, Deserialize)]
struct HelloWire(u64, bool, ByteArray<16>, Vec<Blinded>, u64);
#[derive(Serialize, Deserialize)]
struct List<T>(u64, Vec<T>);
#[derive(Serialize, Deserialize)]
struct FrontierWire(u64, CircleId, u64, bool, Option<ByteArray<16>>, Vec<AnchoredEntry>, Vec<FrontierEntry>);
#[derive(Serialize, Deserialize)]
struct Item(ByteBuf, Option<ByteBuf>);
#[derive(Serialize, Deserialize)]
struct ProbeWire(u64, CircleId, FeedKey, Incarnation, Vec<(u64, Mark)>);
#[derive(Serialize, Deserialize)]
struct CircleWire(u64, CircleId);
#[derive(Serialize, Deserialize)]
struct LaterWire(u64, OrgId, u64);

impl Frame {
    /// Encodes the frame in canonical form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Open { format, nonce, registry, epoch } => {
                codec::encode(&OpenWire(0, *format, (*nonce).into(), (*registry).into(), *epoch))
            }
            Self::Hello { is_reply, control, circles, wanted } => {
                codec::encode(&HelloWire(1, *is_reply, (*control).into(), circles.clone(), *wanted))
            }
            Self::Standing(standings) => codec::encode(&List(2, standings.clone())),
            Self::Links(links) => codec::encode(&List(3, links.iter().map(|link| ByteBuf::from(&link[..])).collect())),
            Self::Frontier { circle, part, is_last, since, near, lines } => {
                let since = since.map(Into::into);
                codec::encode(&FrontierWire(4, *circle, *part, *is_last, since, near.clone(), lines.clone()))
            }
            Self::Entries(items) => {
                let item = |(entry, body): &(Vec<u8>, Option<Vec<u8>>)| {
                    Item(ByteBuf::from(entry.as_slice()), body.as_deref().map(ByteBuf::from))
                };
                codec::encode(&List(5, items.iter().map(item).collect()))
            }
            Self::Want(ids) => codec::encode(&List(6, ids.clone())),
            Self::Probe { feed, marks } => codec::encode(&ProbeWire(7, feed.circle, feed.key, feed.run, marks.clone())),
            Self::Done(circle) => codec::encode(&CircleWire(8, *circle)),
            Self::Full(circle) => codec::encode(&CircleWire(9, *circle)),
            Self::Later { organisation, seconds } => codec::encode(&LaterWire(10, *organisation, *seconds)),
        }
    }

    /// Decodes a frame strictly. Nothing in it is verified yet.
    ///
    /// # Errors
    /// The bytes are too long, malformed, not canonical, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let limit = FRAME_BYTES.0 + FRAME_SLACK.0;
        let what = "frame";
        let rule = |rule| DecodeError::Rule { what, rule };
        let kind = match bytes {
            [0x80..=0x97, kind @ 0..=0x17, ..] => *kind,
            _ => return Err(rule("an array led by a small integer")),
        };
        Ok(match kind {
            0 => {
                let OpenWire(_, format, nonce, registry, epoch) = codec::decode("open", bytes, limit)?;
                Self::Open { format, nonce: nonce.into_array(), registry: registry.into_array(), epoch }
            }
            1 => {
                let HelloWire(_, is_reply, control, circles, wanted) = codec::decode("hello", bytes, limit)?;
                Self::Hello { is_reply, control: control.into_array(), circles, wanted }
            }
            2 => Self::Standing(codec::decode::<List<_>>("standing", bytes, limit)?.1),
            3 => {
                let List(_, links) = codec::decode::<List<ByteBuf>>("links", bytes, limit)?;
                Self::Links(links.into_iter().map(ByteBuf::into_vec).collect())
            }
            4 => {
                let FrontierWire(_, circle, part, is_last, since, near, lines) =
                    codec::decode("frontier", bytes, limit)?;
                let numbers = near.iter().map(|line| line.1).chain(lines.iter().map(|line| line.2));
                if near.len() + lines.len() > FRONTIER_LINES.0 || numbers.into_iter().any(|number| number == 0) {
                    return Err(rule("at most 2,048 lines, each numbered from 1"));
                }
                if !near.is_sorted_by(|a, b| a.0 < b.0) || since.is_none() && !near.is_empty() {
                    return Err(rule("places of an agreed root, ascending"));
                }
                if !lines.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)) {
                    return Err(rule("lines in the order of their feeds, each feed once"));
                }
                Self::Frontier { circle, part, is_last, since: since.map(ByteArray::into_array), near, lines }
            }
            5 => {
                let List(_, items) = codec::decode::<List<Item>>("entries", bytes, limit)?;
                let item = |Item(entry, body)| (ByteBuf::into_vec(entry), body.map(ByteBuf::into_vec));
                Self::Entries(items.into_iter().map(item).collect())
            }
            6 => {
                let List(_, ids) = codec::decode::<List<_>>("want", bytes, limit)?;
                if ids.len() > WANTS.0 {
                    return Err(rule("at most 1,024 ids"));
                }
                Self::Want(ids)
            }
            7 => {
                let ProbeWire(_, circle, key, run, marks) = codec::decode("probe", bytes, limit)?;
                if marks.is_empty() || marks.len() > PROBE_MARKS.0 || !marks.is_sorted_by(|a, b| a.0 < b.0) {
                    return Err(rule("1 to 16 marks, ascending"));
                }
                Self::Probe { feed: FeedId { circle, key, run }, marks }
            }
            8 => Self::Done(codec::decode::<CircleWire>("done", bytes, limit)?.1),
            9 => Self::Full(codec::decode::<CircleWire>("full", bytes, limit)?.1),
            10 => {
                let LaterWire(_, organisation, seconds) = codec::decode("later", bytes, limit)?;
                Self::Later { organisation, seconds }
            }
            _ => return Err(rule("a frame of a newer version")),
        })
    }
}

/// An entry that arrived in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The entry.
    pub entry: Verified,
    /// The body of the entry, if a matching one came.
    pub body: Option<Body>,
}

/// A frame with verified entries and links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A frame without signed content.
    Plain(Frame),
    /// Verified entries, and the faults of the others.
    Entries {
        /// The verified entries, in order.
        arrivals: Vec<Arrival>,
        /// Faults of the sender: bad signatures, malformed entries, bodies that do not match.
        faults: Vec<Fault>,
        /// Number of entries of a newer version: kept apart, no strike.
        later: usize,
    },
    /// Verified roster links, and the faults of the others; links of a newer version are left out without a fault.
    Links {
        /// The verified links, in order.
        links: Vec<Link>,
        /// Faults of the sender.
        faults: Vec<Fault>,
    },
}

/// A fault of a peer: a short stable list, never content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The bytes are no frame.
    Garbage,
    /// The frame is out of place (before OPEN, or about a circle that the peer is not in).
    OutOfPlace,
    /// An entry or link is malformed.
    Malformed,
    /// A signature does not verify, or is for another registry.
    BadSignature,
    /// A body does not match its header.
    SpoiledBody,
    /// An entry was written without the right to write it.
    Invalid,
    /// Entries were sent or requested again, more often than any honest node does.
    Repeat,
}

/// Reads and verifies a frame. Cost: 34 µs per entry on the build machine, nearly all of it the signature.
///
/// # Errors
/// The bytes are no frame; faults of single items are part of the result.
pub fn receive(registry: &RegistryId, bytes: &[u8]) -> Result<Received, DecodeError> {
    let mut faults = Vec::new();
    Ok(match Frame::decode(bytes)? {
        Frame::Entries(items) => {
            let (mut arrivals, mut later) = (Vec::with_capacity(items.len()), 0);
            for (entry, body) in items {
                let entry = match Signed::parse(&entry) {
                    Ok(signed) => signed.verify(registry).map_err(|_| Fault::BadSignature),
                    Err(ParseError::Later { .. }) => {
                        later += 1;
                        continue;
                    }
                    Err(ParseError::Malformed(_)) => Err(Fault::Malformed),
                };
                match entry {
                    Ok(entry) => {
                        let body = body.and_then(|body| match Body::check(entry.header(), body) {
                            Ok(body) => Some(body),
                            Err(_) => {
                                faults.push(Fault::SpoiledBody);
                                None
                            }
                        });
                        arrivals.push(Arrival { entry, body });
                    }
                    Err(fault) => faults.push(fault),
                }
            }
            Received::Entries { arrivals, faults, later }
        }
        Frame::Links(links) => {
            let mut good = Vec::with_capacity(links.len());
            for link in links {
                match Link::parse(&link) {
                    Ok(link) => good.push(link),
                    Err(LinkError::Later { .. }) => {}
                    Err(LinkError::Signature(_)) => faults.push(Fault::BadSignature),
                    Err(_) => faults.push(Fault::Malformed),
                }
            }
            Received::Links { links: good, faults }
        }
        plain => Received::Plain(plain),
    })
}
