//! Further devices of this organisation.

use protocol::{
    app::{
        control::{Problem, Reply, codes},
        workspace::locked,
    },
    bytes::{armour, codec, cose::Signer, seal::Entropy, words},
    membership::{
        charter::{
            card::Reach,
            founding::{Start, Whereabouts},
            roster::Link,
        },
        circle::grant::Opening,
    },
    replication::sync::Input,
    store::{Batch, Store},
};

use super::Joined;
use crate::runtime::files;

impl Joined {
    /// Certifies a device of this organisation and makes the registry file that it starts from.
    pub(in crate::runtime) async fn add_device(&mut self, request: &str, root: &Signer) -> Result<Reply, Problem> {
        if self.folder.pens().is_none() {
            return Err(locked());
        }
        let files::DeviceRequest(device, addresses) = files::read_device(request)?;
        let org = self.state.organisation();
        if device.serves(&org).is_err() {
            let message = "the request was made for another organisation, or not by the device itself";
            return Err(Problem::new(codes::FILE_SIGNATURE, message).saying("device"));
        }
        let link = {
            let roster = self.state.replica().members.roster(&org).expect("the own roster is there");
            Link::certify(root, Some(roster), &device)
        };
        self.state
            .replica()
            .members
            .clone()
            .take(link.clone())
            .map_err(|error| Problem::new(codes::FILE_SIGNATURE, error.to_string()))?;
        let Whereabouts(_, own) = &mut self.network.1;
        own.retain(|reach| reach.0 != device.node);
        own.push(Reach(device.node, addresses));
        let mut batch = Batch::default();
        batch.put(files::network_row(), codec::encode(&self.network));
        self.folder.store.commit(&batch)?;
        self.handle(Input::Link(Box::new(link))).await;
        let openings = self.state.replica().circles().map(|(id, held)| Opening {
            circle: held.circle.clone(),
            secret: held.secret.clone(),
            epochs: self.state.epochs(id).to_vec(),
        });
        let start = Start {
            network_key: self.network.0.clone(),
            openings: openings.collect(),
            whereabouts: self.network.1.clone(),
        };
        let members = &self.state.replica().members;
        let mut entropy = Entropy::new(self.folder.entropy().bytes());
        let file = self.founding.extend(members, &start, &device.reading, root, &mut entropy);
        let file = file.map_err(|error| files::founding_problem(&error))?;
        Ok(Reply::File {
            text: armour::wrap(armour::Kind::Registry, &file),
            words: words::fingerprint(&members.registry().0),
            organisations: members.organisations().map(|(_, sign)| sign.to_owned()).collect(),
        })
    }
}
