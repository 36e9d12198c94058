//! Judges a vector: reads its inputs as the product reads them, and returns the outcome.

use protocol::{
    bytes::{
        armour::{self, ArmourError, Kind},
        codec,
        cose::{self, Domain},
        ids::{EntryId, IdError, RegistryId},
        seal::{ReadingSecret, Secret},
    },
    log::{
        body::{Body, BodyError, OpenError},
        entry::{ParseError, Signed, Verified},
    },
    membership::{
        charter::{
            Genesis,
            card::{Card, CardError},
            founding::{Draft, Founding},
            roster::{Link, LinkError},
        },
        circle::{Circle, grant},
    },
    replication::sync::frame::{self, Received},
};
use serde_bytes::ByteArray;
use serde_json::{Value, json};

use super::hex;

/// Judges some inputs: the verdict and, if they are accepted, what follows from them.
pub(super) fn judge(what: &str, inputs: &Value) -> Value {
    let given = Inputs(inputs);
    let judged = match what {
        "entry" => {
            entry(&given).map(|entry| json!({"id": hex(&entry.id().0), "header": hex(&entry.header().encode())}))
        }
        "body" => body(&given),
        "link" => link(&given),
        "card" => card(&given),
        "genesis" => {
            let read = Genesis::decode(&given.bytes("genesis")).map_err(|_| "malformed");
            read.map(|genesis| json!({"registry": hex(&genesis.id().0), "text": genesis.id().to_string()}))
        }
        "consent" => consent(&given),
        "draft" => {
            let read = Draft::decode(&given.bytes("draft")).map_err(|_| "malformed");
            read.map(|draft| json!({"registry": hex(&draft.genesis.id().0)}))
        }
        "registry" => registry(&given),
        "circle" => {
            let read = Circle::decode(&given.bytes("circle")).map_err(|_| "malformed");
            read.map(|circle| json!({"id": hex(&circle.id(&given.registry()).0)}))
        }
        "grant" => grant_of(&given),
        "frame" => {
            let read = frame::receive(&RegistryId([8; 32]), &given.bytes("frame")).map_err(|_| "malformed");
            read.map(|received| match received {
                Received::Plain(_) => json!({}),
                Received::Entries { faults, .. } | Received::Links { faults, .. } => json!({"faults": faults.len()}),
            })
        }
        "id" => match given.text("text").parse::<EntryId>() {
            Ok(id) => Ok(json!({"id": hex(&id.0)})),
            Err(IdError::Garbled { .. }) => Err("garbled"),
            Err(IdError::OtherKind { .. }) => Err("other kind"),
            Err(IdError::Length { .. }) => Err("length"),
        },
        "file" => match armour::unwrap(Kind::Card, given.text("text")) {
            Ok(bytes) => Ok(json!({"bytes": hex(&bytes)})),
            Err(ArmourError::NotOurs { .. }) => Err("not ours"),
            Err(ArmourError::OtherKind { .. }) => Err("other kind"),
            Err(ArmourError::Truncated { .. }) => Err("truncated"),
            Err(ArmourError::Changed { .. }) => Err("changed"),
        },
        other => panic!("no reader for {other}"),
    };
    match judged {
        Err(verdict) => json!({"verdict": verdict}),
        Ok(more) => {
            let mut expected = json!({"verdict": "accepted"});
            let fields = more.as_object().expect("an object").clone();
            expected.as_object_mut().expect("an object").extend(fields);
            expected
        }
    }
}

type Judged = Result<Value, &'static str>;

struct Inputs<'a>(&'a Value);

impl Inputs<'_> {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("the input {name} is missing"))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(self.text(name).as_bytes()).expect("inputs are hex")
    }

    fn thirty_two(&self, name: &str) -> [u8; 32] {
        self.bytes(name).try_into().expect("32 bytes")
    }

    fn registry(&self) -> RegistryId {
        RegistryId(self.thirty_two("registry"))
    }
}

fn entry(given: &Inputs<'_>) -> Result<Verified, &'static str> {
    match Signed::parse(&given.bytes("envelope")) {
        Ok(signed) => signed.verify(&given.registry()).map_err(|_| "bad signature"),
        Err(ParseError::Later { .. }) => Err("later"),
        Err(ParseError::Malformed(_)) => Err("malformed"),
    }
}

fn body(given: &Inputs<'_>) -> Judged {
    let entry = entry(given)?;
    let body = Body::check(entry.header(), given.bytes("body")).map_err(|error| match error {
        BodyError::Length { .. } => "length",
        BodyError::Root => "root",
    })?;
    let content = if entry.header().kind.is_control() {
        body.clear().map_err(|_| "shape")?
    } else {
        let key = Secret::new(given.thirty_two("epoch_key"));
        body.open(&given.registry(), entry.header(), &key).map_err(|error| match error {
            OpenError::Shape(_) => "shape",
            OpenError::Key => "key",
            OpenError::Commitment => "commitment",
            OpenError::Ciphertext => "ciphertext",
            OpenError::Padding => "padding",
        })?
    };
    Ok(json!({"content": hex(&content)}))
}

fn link(given: &Inputs<'_>) -> Judged {
    match Link::parse(&given.bytes("envelope")) {
        Ok(link) => {
            Ok(json!({"id": hex(&link.id().0), "organisation": hex(&link.organisation().0), "index": link.index()}))
        }
        Err(LinkError::Later { .. }) => Err("later"),
        Err(LinkError::Signature(_)) => Err("bad signature"),
        Err(_) => Err("malformed"),
    }
}

fn card(given: &Inputs<'_>) -> Judged {
    match Card::parse(&given.bytes("card")) {
        Ok(card) => Ok(json!({"organisation": hex(&card.organisation().0), "call_sign": card.call_sign})),
        Err(CardError::Signature(_)) => Err("bad signature"),
        Err(CardError::Foreign(_)) => Err("foreign node"),
        Err(CardError::Malformed(_) | CardError::Link(_)) => Err("malformed"),
    }
}

/// Judges a consent. It travels in a registry file; alone it is three byte strings and a signature in a domain.
fn consent(given: &Inputs<'_>) -> Judged {
    type Consent = (RegistryId, ByteArray<32>, ByteArray<64>);
    let (registry, key, signature): Consent =
        codec::decode("signature", &given.bytes("consent"), 1024).map_err(|_| "malformed")?;
    let checked = cose::check(&key, Domain::Genesis, &registry.0, &given.bytes("genesis"), &signature);
    checked.map(|()| json!({})).map_err(|_| "bad signature")
}

fn registry(given: &Inputs<'_>) -> Judged {
    let founding = Founding::parse(&given.bytes("registry_file")).map_err(|_| "malformed")?;
    let reading = ReadingSecret(Secret::new(given.thirty_two("reading_secret")));
    let start = founding.start(&reading).map_err(|_| "not for this reader")?;
    let circles: Vec<_> = start.openings.iter().map(|opening| hex(&opening.encode())).collect();
    Ok(json!({
        "registry": hex(&founding.genesis.id().0),
        "network_key": hex(start.network_key.expose()),
        "openings": circles,
        "control_root": hex(&founding.members.control_root()),
    }))
}

fn grant_of(given: &Inputs<'_>) -> Judged {
    let reading = ReadingSecret(Secret::new(given.thirty_two("reading_secret")));
    let author = ReadingSecret(Secret::new(given.thirty_two("author_secret"))).public();
    let opened = grant::open(&given.registry(), &given.bytes("grant"), &reading.expand(), &author);
    let opened = opened.map_err(|_| "malformed")?;
    let openings = opened.ok_or("not for this reader")?;
    Ok(json!({"openings": openings.iter().map(|opening| hex(&opening.encode())).collect::<Vec<_>>()}))
}
