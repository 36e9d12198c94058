//! What organisations are called on this node. Petnames lie among the things typed here, under the reading keys; they
//! are shown to whoever asks this node, and nothing that is signed, sent or logged has them.

use protocol::{
    app::{
        control::{Named, Problem, Reply, codes},
        names::{AddressBook, Petname},
    },
    bytes::ids::OrgId,
    store::{Batch, Row, Store, Table},
};

use super::{
    folder::{locked, store_problem},
    joined::Joined,
};

impl Joined {
    /// Call-signs, and petnames while they can be read.
    pub(super) fn read_names(&mut self) -> Result<(), Problem> {
        let book = AddressBook::new(self.state.replica().members.organisations());
        self.names = match self.folder.pens().is_some() {
            false => book,
            true => match self.folder.store.get(&names_row()).map_err(|error| store_problem(&error))? {
                None => book,
                Some(row) => book
                    .with(&row)
                    .map_err(|_| Problem::new(codes::ALTERED, "the row of petnames was altered outside Habeas"))?,
            },
        };
        Ok(())
    }

    /// Calls an organisation so, or no longer anything.
    pub(super) fn name_organisation(&mut self, organisation: &str, petname: Option<&str>) -> Result<Reply, Problem> {
        self.readable()?;
        let org =
            self.find_organisation(organisation).or_else(|unknown| self.find_former(organisation).ok_or(unknown))?;
        let mut book = self.names.clone();
        match petname {
            Some(text) => {
                let named = book.name(org, text);
                named.map_err(|error| Problem::new(codes::PETNAME, error.to_string()))?;
            }
            None => book.unname(&org),
        }
        let mut batch = Batch::default();
        batch.put(names_row(), book.encode());
        self.folder.store.commit(&batch).map_err(|error| store_problem(&error))?;
        self.names = book;
        self.named()
    }

    /// What organisations are called here.
    pub(super) fn named(&self) -> Result<Reply, Problem> {
        self.readable()?;
        let named = |(org, petname): (&OrgId, &Petname)| Named {
            organisation: *org,
            call_sign: self.names.call_sign(org),
            petname: petname.text().to_owned(),
        };
        Ok(Reply::Names { names: self.names.petnames().map(named).collect() })
    }

    /// An organisation that has a petname here and is no member any more.
    fn find_former(&self, organisation: &str) -> Option<OrgId> {
        self.names.find(organisation).into_iter().find(|org| self.names.petname(org).is_some())
    }

    fn readable(&self) -> Result<(), Problem> {
        if self.folder.pens().is_some() { Ok(()) } else { Err(locked()) }
    }
}

fn names_row() -> Row {
    Row::new(Table::Desk, "petnames", 0)
}
