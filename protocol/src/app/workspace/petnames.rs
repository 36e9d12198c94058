//! Petnames: the names of organisations on this node. They are stored under the reading keys and shown to any client of
//! this node; nothing that is signed, sent or logged contains them.

use crate::{
    app::{
        control::{Named, Problem, Reply, codes},
        names::{AddressBook, Petname},
    },
    bytes::ids::OrgId,
    store::{Batch, Row, Store, Table},
};

use super::Workspace;

impl<S: Store> Workspace<'_, S> {
    /// Loads the call-signs of the members, and the petnames while unlocked.
    ///
    /// # Errors
    /// [`codes::ALTERED`], or the error of the store.
    pub fn read_names(&mut self) -> Result<(), Problem> {
        let book = AddressBook::new(self.state.replica().members.organisations());
        self.cache.names = match self.state.is_unlocked() {
            false => book,
            true => match self.store.get(&names_row())? {
                None => book,
                Some(row) => book
                    .with(&row)
                    .map_err(|_| Problem::new(codes::ALTERED, "the row of petnames was altered outside Habeas"))?,
            },
        };
        Ok(())
    }

    /// Sets the petname of an organisation, or removes it.
    ///
    /// # Errors
    /// An organisation that is not found, or a text that is not allowed as a petname.
    pub fn name_organisation(&mut self, organisation: &str, petname: Option<&str>) -> Result<Reply, Problem> {
        self.readable()?;
        let org =
            self.find_organisation(organisation).or_else(|unknown| self.find_former(organisation).ok_or(unknown))?;
        let mut book = self.cache.names.clone();
        match petname {
            Some(text) => {
                let named = book.name(org, text);
                named.map_err(|error| Problem::new(codes::PETNAME, error.to_string()))?;
            }
            None => book.unname(&org),
        }
        let mut batch = Batch::default();
        batch.put(names_row(), book.encode());
        self.store.commit(&batch)?;
        self.cache.names = book;
        self.named()
    }

    /// Lists all petnames.
    ///
    /// # Errors
    /// [`codes::LOCKED`].
    pub fn named(&self) -> Result<Reply, Problem> {
        self.readable()?;
        let named = |(org, petname): (&OrgId, &Petname)| Named {
            organisation: *org,
            call_sign: self.cache.names.call_sign(org),
            petname: petname.text().to_owned(),
        };
        Ok(Reply::Names { names: self.cache.names.petnames().map(named).collect() })
    }

    /// Finds a former member that still has a petname here.
    fn find_former(&self, organisation: &str) -> Option<OrgId> {
        self.cache.names.find(organisation).into_iter().find(|org| self.cache.names.petname(org).is_some())
    }
}

fn names_row() -> Row {
    Row::new(Table::Desk, "petnames", 0)
}
