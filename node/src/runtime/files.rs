//! Files that people exchange: cards, drafts, signatures, registry files, device requests.

use protocol::{
    app::control::{Problem, Reply, codes},
    bytes::{
        address::Address,
        armour::{self, ArmourError, Kind},
        codec::{self, DecodeError},
        cose::Signer,
        ids::OrgId,
        limits::{ADDRESSES, CARD_BYTES},
        seal::Secret,
        words,
    },
    membership::{
        charter::{
            card::{Card, CardError, Reach},
            founding::{Draft, Founding, FoundingError, Whereabouts},
            link_row,
            roster::Device,
        },
        circle::{Circle, grant::Opening},
    },
    record::schema::Schema,
    replication::replica::circle_row,
    store::{Batch, Row, Store, Table},
};
use serde::{Deserialize, Serialize};

use super::folder::{Folder, founding_row};

/// Row with the network key and the addresses of members, which a locked node needs.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct NetworkRow(pub(super) Secret, pub(super) Whereabouts);

/// Request of a further device to its organisation: the device and its addresses.
#[derive(Serialize, Deserialize)]
pub(super) struct DeviceRequest(pub(super) Device, pub(super) Vec<String>);

/// Signs a draft with the organisation's root key.
pub(super) fn sign(draft: &str, root: &Signer) -> Result<Reply, Problem> {
    let draft = read_draft(draft)?;
    Ok(file(Kind::Signature, &draft.sign(root), &draft))
}

/// Completes a draft that every founder has signed into a registry file.
pub(super) fn complete(
    folder: &mut Folder,
    draft: &str,
    signatures: &[String],
    root: &Signer,
) -> Result<Reply, Problem> {
    let draft = read_draft(draft)?;
    let signatures = signatures.iter().map(|text| unwrap(Kind::Signature, text)).collect::<Result<Vec<_>, _>>()?;
    let registry = draft.complete(&signatures, root, folder.entropy()).map_err(|error| founding_problem(&error))?;
    Ok(file(Kind::Registry, &registry, &draft))
}

/// Makes the request of this device to its organisation.
pub(super) fn request_device(folder: &Folder, organisation: &OrgId, addresses: Vec<String>) -> Result<Reply, Problem> {
    let addresses = check_addresses(addresses)?;
    let device = folder.device_of(organisation)?;
    let words = words::fingerprint(&device.id.0);
    let text = armour::wrap(Kind::Device, &codec::encode(&DeviceRequest(device, addresses)));
    Ok(Reply::File { text, words, organisations: vec![] })
}

/// Makes a registry file for this organisation alone: its card, draft and signature in one.
pub(super) fn alone(folder: &mut Folder, root: &Signer) -> Result<String, Problem> {
    let card = own_card(folder, vec![])?.sign(root);
    let founded = Draft::new(Schema::VERSION, vec![card], folder.entropy()).and_then(|draft| {
        let signature = draft.sign(root);
        draft.complete(&[signature], root, folder.entropy())
    });
    founded.map(|registry| armour::wrap(Kind::Registry, &registry)).map_err(|error| founding_problem(&error))
}

/// Makes the card of this organisation, signed by its root key.
pub(super) fn card(folder: &Folder, addresses: Vec<String>, root: &Signer) -> Result<Reply, Problem> {
    let card = own_card(folder, check_addresses(addresses)?)?;
    let words = words::fingerprint(&card.organisation().0);
    let text = armour::wrap(Kind::Card, &card.sign(root));
    Ok(Reply::File { text, words, organisations: vec![card.call_sign] })
}

fn own_card(folder: &Folder, addresses: Vec<String>) -> Result<Card, Problem> {
    let call_sign = folder.call_sign().ok_or_else(super::folder::no_root)?;
    Ok(Card { call_sign, roster: folder.own_roster()?, reach: vec![Reach(folder.node(), addresses)] })
}

/// Makes a founding draft from the cards of all founders.
pub(super) fn found(folder: &mut Folder, cards: &[String]) -> Result<Reply, Problem> {
    let cards = cards.iter().map(|text| unwrap(Kind::Card, text)).collect::<Result<Vec<_>, _>>()?;
    let draft = Draft::new(Schema::VERSION, cards, folder.entropy()).map_err(|error| founding_problem(&error))?;
    Ok(file(Kind::Draft, &draft.encode(), &draft))
}

fn file(kind: Kind, bytes: &[u8], draft: &Draft) -> Reply {
    Reply::File {
        text: armour::wrap(kind, bytes),
        words: words::fingerprint(&draft.genesis.id().0),
        organisations: draft.cards.iter().map(|card| card.call_sign.clone()).collect(),
    }
}

fn read_draft(text: &str) -> Result<Draft, Problem> {
    Draft::decode(&unwrap(Kind::Draft, text)?).map_err(|error| founding_problem(&error))
}

pub(super) fn unwrap(kind: Kind, text: &str) -> Result<Vec<u8>, Problem> {
    armour::unwrap(kind, text).map_err(|error| {
        let code = match error {
            ArmourError::NotOurs { .. } | ArmourError::OtherKind { .. } => codes::FILE_KIND,
            ArmourError::Truncated { .. } | ArmourError::Changed { .. } => codes::FILE_DAMAGED,
        };
        let problem = Problem::new(code, error.to_string());
        match error {
            ArmourError::NotOurs { expected } => problem.saying("foreign").with("expected", expected.label()),
            ArmourError::OtherKind { expected, found } => {
                problem.saying("other").with("expected", expected.label()).with("found", found.label())
            }
            ArmourError::Truncated { expected } => problem.saying("truncated").with("expected", expected.label()),
            ArmourError::Changed { expected } => problem.saying("changed").with("expected", expected.label()),
        }
    })
}

/// Reads a device request.
pub(super) fn read_device(text: &str) -> Result<DeviceRequest, Problem> {
    let bytes = unwrap(Kind::Device, text)?;
    let DeviceRequest(device, addresses) = codec::decode("device request", &bytes, CARD_BYTES.0)
        .map_err(|error| Problem::new(codes::FILE_DAMAGED, error.to_string()))?;
    Ok(DeviceRequest(device, check_addresses(addresses)?))
}

/// Joins the registry of a registry file. All rows are written in one batch.
pub(super) fn join(folder: &mut Folder, text: &str) -> Result<(), Problem> {
    let bytes = unwrap(Kind::Registry, text)?;
    let founding = Founding::parse(&bytes).map_err(|error| founding_problem(&error))?;
    let reading = folder.reading()?;
    let start = founding.start(&reading).map_err(|error| founding_problem(&error))?;
    let members = &founding.members;
    let certified = members.role(&folder.device().author);
    let Some(org) = certified.map(|role| role.org) else {
        return Err(founding_problem(&FoundingError::NotForUs));
    };
    let mut batch = Batch::default();
    batch.put(founding_row(), bytes);
    for (org, _) in members.organisations() {
        for link in members.roster(org).into_iter().flat_map(|roster| roster.since(0)) {
            batch.put(link_row(org, link.index(), false), link.envelope().to_vec());
        }
    }
    batch.put(network_row(), codec::encode(&NetworkRow(start.network_key, start.whereabouts)));
    let mut openings = start.openings;
    if !openings.iter().any(|opening| opening.circle == Circle::Own(org)) {
        // The organisation's first device opens the own circle.
        openings.push(Opening::fresh(Circle::Own(org), folder.entropy()));
    }
    for opening in &openings {
        let id = opening.circle.id(&members.registry());
        batch.put(circle_row(&id), Opening { epochs: vec![], ..opening.clone() }.encode());
        for epoch in &opening.epochs {
            let (row, value) = protocol::replication::sync::epoch_row(&id, epoch);
            batch.put(row, value);
        }
    }
    Ok(folder.store.commit(&batch)?)
}

/// Returns the row of the network key and the members' addresses.
pub(super) fn network_row() -> Row {
    Row::new(Table::Network, "network", 0)
}

fn check_addresses(addresses: Vec<String>) -> Result<Vec<String>, Problem> {
    if addresses.len() > ADDRESSES.0 {
        let problem = Problem::new(codes::ADDRESS, format!("at most {} addresses", ADDRESSES.0));
        return Err(problem.saying("many").with("limit", ADDRESSES.0));
    }
    for address in &addresses {
        if Address::parse(address).is_none() {
            let message = format!("«{address}» is not the address of a host, with a port");
            return Err(Problem::new(codes::ADDRESS, message).saying("form").with("address", address));
        }
    }
    Ok(addresses)
}

/// Converts a founding error to a problem with its code.
pub(super) fn founding_problem(error: &FoundingError) -> Problem {
    let code = match error {
        FoundingError::Malformed(DecodeError::TooLong { .. }) => codes::FILE_DAMAGED,
        FoundingError::Signature(_) | FoundingError::Stranger | FoundingError::Card(CardError::Signature(_)) => {
            codes::FILE_SIGNATURE
        }
        FoundingError::Card(CardError::Foreign(_)) => codes::FOREIGN_ADDRESS,
        FoundingError::Unsigned { .. } => codes::UNSIGNED,
        FoundingError::NotForUs => codes::NOT_FOR_US,
        FoundingError::OtherDraft { .. } => codes::MIXED,
        FoundingError::Twice | FoundingError::Founders => codes::FILE_KIND,
        _ => codes::FILE_DAMAGED,
    };
    let problem = Problem::new(code, error.to_string());
    match error {
        FoundingError::Card(CardError::Signature(_)) => problem.saying("card"),
        FoundingError::Stranger => problem.saying("stranger"),
        FoundingError::OtherDraft { theirs, ours } => {
            let [theirs, ours] = [theirs, ours].map(|id| words::fingerprint(&id.0));
            problem.saying("signature").with("theirs", theirs).with("ours", ours)
        }
        FoundingError::Unsigned { missing } => {
            problem.saying("founders").with("count", missing.len()).with("names", missing.join(", "))
        }
        FoundingError::Twice => problem.saying("twice"),
        FoundingError::Founders => problem.saying("founders"),
        _ => problem,
    }
}

/// Returns the organisation that a device of this folder would join as.
pub(super) fn organisation_of(founding: &Founding, folder: &Folder) -> Option<OrgId> {
    founding.members.role(&folder.device().author).map(|role| role.org)
}
