//! An open folder: the store, this device's keys, and its registry, if it has joined one.

use std::path::Path;

use protocol::{
    app::{
        control::{Alarm, Problem, codes},
        workspace::locked,
    },
    bytes::{
        codec,
        cose::Signer,
        ids::{DeviceId, NodeKey, OrgId, RegistryId},
        seal::{Entropy, ReadingSecret, Secret},
        words,
    },
    membership::charter::{
        founding::Founding,
        link_row,
        roster::{Device, DeviceKeys, Link, Roster, organisation},
    },
    replication::{replica::Replica, sync::Pens},
    store::{Batch, Row, Store, Table},
};
use serde::{Deserialize, Serialize};

use crate::{
    api,
    store::{Doubt, OpenError, Rocks, doubt},
    vault::{Keys, RootKey},
};

/// An open folder: store and keys.
pub(super) struct Folder {
    pub(super) path: Box<Path>,
    pub(super) store: Rocks,
    entropy: Entropy,
    public: Public,
    secrets: Option<Secrets>,
}

/// Public data of this device, and the node key, which a locked node needs.
#[derive(Clone, Serialize, Deserialize)]
struct Public {
    device: Device,
    /// The organisation and its call-sign, if this device was made with the root key.
    organisation: Option<OrgId>,
    call_sign: Option<String>,
    node: Secret,
}

/// Secret keys of this device, except the node key.
#[derive(Clone, Serialize, Deserialize)]
struct Secrets {
    author: Secret,
    desk: Secret,
    ballot: Secret,
    receipt: Secret,
    reading: Secret,
}

impl Secrets {
    fn device(&self, org: &OrgId, id: DeviceId, node: &Secret) -> Device {
        let keys = DeviceKeys {
            author: Signer::new(&self.author),
            desk: Signer::new(&self.desk),
            node: Signer::new(node),
            ballot: Signer::new(&self.ballot),
            receipt: Signer::new(&self.receipt),
        };
        Device::new(org, id, &keys, ReadingSecret(self.reading.clone()).public())
    }
}

/// Organisation id of a device that has none yet.
const NOBODY: OrgId = OrgId([0; 32]);

impl Folder {
    /// Makes the first device of an organisation (with a root key) or a further one (without) in an empty folder.
    pub(super) fn make(path: &Path, keys: Keys, root: Option<&RootKey>) -> Result<Self, Problem> {
        let mut entropy = api::entropy()?;
        let mut store = open_store(path, &keys)?;
        let node = entropy.secret();
        let secrets = Secrets {
            author: entropy.secret(),
            desk: entropy.secret(),
            ballot: entropy.secret(),
            receipt: entropy.secret(),
            reading: entropy.secret(),
        };
        let mut batch = Batch::default();
        let root = root.map(|root| Signer::new(root.seed()));
        // A further device has no organisation yet; its request names one.
        let org = root.as_ref().map(|root| organisation(&root.public()));
        let device = secrets.device(&org.unwrap_or(NOBODY), DeviceId(entropy.bytes()), &node);
        if let Some(root) = &root {
            let link = Link::certify(root, None, &device);
            batch.put(link_row(&link.organisation(), 0, false), link.envelope().to_vec());
        }
        let call_sign = org.map(|_| words::call_sign(entropy.bytes()));
        let public = Public { device, organisation: org, call_sign, node };
        batch.put(public_row(), codec::encode(&public));
        batch.put(secrets_row(), codec::encode(&secrets));
        store.commit(&batch)?;
        Ok(Self { path: path.into(), store, entropy, public, secrets: Some(secrets) })
    }

    /// Opens a folder with the keys of its vault.
    pub(super) fn open(path: &Path, keys: Keys) -> Result<Self, Problem> {
        let entropy = api::entropy()?;
        let store = open_store(path, &keys)?;
        let public = store.get(&public_row())?;
        let public =
            public.ok_or_else(|| Problem::new(codes::VAULT, "the folder was never finished").saying("unfinished"))?;
        let public = codec::decode("device", &public, 8192).map_err(|_| altered())?;
        let mut folder = Self { path: path.into(), store, entropy, public, secrets: None };
        if keys.reader.is_some() {
            folder.read_secrets()?;
        }
        Ok(folder)
    }

    /// Unlocks the reader tables and loads the device's secrets.
    pub(super) fn unlock(&mut self, keys: &Keys) -> Result<(), Problem> {
        if let Some(reader) = &keys.reader {
            self.store.unlock(reader).map_err(|error| open_problem(&error))?;
            self.read_secrets()?;
        }
        Ok(())
    }

    /// Locks the folder: forgets the reader keys, and reseeds the random generator that keys were drawn from since the
    /// start, since they could be derived from its state.
    pub(super) fn lock(&mut self) {
        self.secrets = None;
        self.store.lock();
        match api::entropy() {
            Ok(fresh) => self.entropy = fresh,
            Err(problem) => tracing::error!(reason = problem.message, "the source of chance stays the one it was"),
        }
    }

    fn read_secrets(&mut self) -> Result<(), Problem> {
        let row = self.store.get(&secrets_row())?.ok_or_else(altered)?;
        self.secrets = Some(codec::decode("keys", &row, 1024).map_err(|_| altered())?);
        Ok(())
    }

    /// Whether this folder has joined a registry.
    pub(super) fn is_joined(&self) -> Result<bool, Problem> {
        Ok(self.founding()?.is_some())
    }

    /// Reads the founding of the registry, with the current rosters of the store.
    pub(super) fn founding(&self) -> Result<Option<Founding>, Problem> {
        let row = self.store.get(&founding_row())?;
        let Some(row) = row else { return Ok(None) };
        let mut founding = Founding::parse(&row).map_err(|_| altered())?;
        founding.members = founding.members.load(&self.store)?;
        Ok(Some(founding))
    }

    /// Returns the id of the registry, if the folder has joined one.
    pub(super) fn registry(&self) -> Result<Option<RegistryId>, Problem> {
        Ok(self.founding()?.map(|founding| founding.members.registry()))
    }

    /// Counts the entries that count in this folder.
    pub(super) fn entries(&self) -> Result<u64, Problem> {
        let Some(founding) = self.founding()? else { return Ok(0) };
        let replica = Replica::load(founding.members, &self.store)?;
        Ok(replica.circles().flat_map(|(_, held)| held.lines()).map(|(_, line)| line.counted()).sum())
    }

    /// Returns this device.
    pub(super) fn device(&self) -> &Device {
        &self.public.device
    }

    /// Returns this device, with its keys' signatures that it serves `org`.
    pub(super) fn device_of(&self, org: &OrgId) -> Result<Device, Problem> {
        let secrets = self.secrets.as_ref().ok_or_else(locked)?;
        Ok(secrets.device(org, self.public.device.id, &self.public.node))
    }

    /// Returns this node's network key.
    pub(super) fn node(&self) -> NodeKey {
        self.public.device.node
    }

    /// Returns the seed of this node's network key.
    pub(super) fn node_seed(&self) -> &Secret {
        &self.public.node
    }

    /// Returns the organisation, if this device was made with its root key.
    pub(super) fn organisation(&self) -> Option<OrgId> {
        self.public.organisation
    }

    /// Returns the call-sign, if this device was made with its root key.
    pub(super) fn call_sign(&self) -> Option<String> {
        self.public.call_sign.clone()
    }

    /// Reads the organisation's roster as it is before joining.
    pub(super) fn own_roster(&self) -> Result<Roster, Problem> {
        let org = self.organisation().ok_or_else(no_root)?;
        let row = self.store.get(&link_row(&org, 0, false))?.ok_or_else(altered)?;
        Roster::start(Link::parse(&row).map_err(|_| altered())?).map_err(|_| altered())
    }

    /// Returns the random generator, with fresh bytes of the system's source mixed in at every call: a machine image
    /// that is resumed twice does not draw the same stream twice.
    pub(super) fn entropy(&mut self) -> &mut Entropy {
        let mut fresh = [0; 32];
        if let Err(error) = getrandom::fill(&mut fresh) {
            // Encryption is hedged: the seed of the folder's opening and the message itself still make nonces differ.
            tracing::error!(%error, "the system gives no randomness");
        }
        self.entropy.stir(&fresh);
        &mut self.entropy
    }

    /// Borrows the store and the random generator at once.
    pub(super) fn store_and_entropy(&mut self) -> (&mut Rocks, &mut Entropy) {
        self.entropy();
        (&mut self.store, &mut self.entropy)
    }

    /// Returns the store's doubt as an alarm, for a folder in no registry; a joined node keeps it as a row.
    pub(super) fn doubt(&self) -> Option<Alarm> {
        let doubt = doubt(&self.store).ok().flatten()?;
        Some(Alarm { problem: doubt_problem(doubt), since: None })
    }

    /// Returns the keys to write and read with; `None` while locked.
    pub(super) fn pens(&self) -> Option<Pens> {
        self.secrets.as_ref().map(|secrets| Pens {
            author: Signer::new(&secrets.author),
            desk: Signer::new(&secrets.desk),
            reading: ReadingSecret(secrets.reading.clone()),
        })
    }

    /// Returns the reading key; fails while locked.
    pub(super) fn reading(&self) -> Result<ReadingSecret, Problem> {
        let secrets = self.secrets.as_ref();
        secrets.map(|secrets| ReadingSecret(secrets.reading.clone())).ok_or_else(locked)
    }
}

fn open_store(path: &Path, keys: &Keys) -> Result<Rocks, Problem> {
    Rocks::open(&path.join("store"), keys, api::entropy()?).map_err(|error| open_problem(&error))
}

fn public_row() -> Row {
    Row::new(Table::Network, "device", 0)
}

fn secrets_row() -> Row {
    Row::new(Table::Key, "device", 0)
}

/// Returns the row of the registry file that this folder joined with.
pub(super) fn founding_row() -> Row {
    Row::new(Table::Control, "founding", 0)
}

pub(super) fn no_root() -> Problem {
    Problem::new(codes::NO_ROOT, "this device was made without an organisation's root key")
}

fn altered() -> Problem {
    Problem::new(codes::ALTERED, "a row of the store was altered outside Habeas")
}

pub(super) fn open_problem(error: &OpenError) -> Problem {
    let code = match error {
        OpenError::InUse => codes::IN_USE,
        OpenError::OtherDatabase | OpenError::NotHabeas => codes::OTHER_FOLDER,
        OpenError::Full => codes::DISK_FULL,
        OpenError::Damaged { .. } => codes::ALTERED,
        OpenError::NewerLayout { .. } => codes::NEWER_STORE,
        OpenError::Io { .. } => codes::DISK,
    };
    Problem::new(code, error.to_string())
}

/// Converts a doubt about acknowledged batches to a problem.
pub(super) fn doubt_problem(doubt: Doubt) -> Problem {
    let uncertain =
        |why| Problem::new(codes::UNCERTAIN, format!("it is not certain that everything saved is here: {why}"));
    match doubt {
        Doubt::Fewer { missing } => {
            let message = format!("{missing} steps that were confirmed as saved are missing");
            Problem::new(codes::LOST, message).saying("count").with("count", missing)
        }
        Doubt::Gone => uncertain("the file that remembers it is gone").saying("gone"),
        Doubt::Unreadable => uncertain("the file that remembers it cannot be read").saying("unreadable"),
        Doubt::Apart => uncertain("the store and the file that remembers it are not of one time").saying("apart"),
    }
}
