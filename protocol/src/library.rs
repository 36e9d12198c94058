//! The library: from entries that count to the sections people read.
//!
//! Reading follows behind accepting: an accepted entry with a body stands in the table of unread ones, in the same batch,
//! so nothing is missed by a crash or a lock. Reading one opens its body, finds its section and adds it to the section's
//! index. Sections are folded when somebody asks, and a few are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    codec,
    control::RecordKind,
    entry::{Kind, Verified},
    ids::{CircleId, EntryId, FeedKey, SectionId},
    replica::{Replica, unread_row},
    section::{
        Contribution, Section,
        assertion::{Content, Plain, Statement, content},
    },
    staged::Staged,
    store::{Batch, Row, Store, StoreError, Table},
    sync::State,
};

/// Sections kept folded; beyond this the ones asked for longest ago go first.
const KEPT: usize = 256;

/// The sections of the circles this node can read.
#[derive(Default)]
pub struct Library {
    kept: BTreeMap<(CircleId, SectionId), (u64, Section)>,
    asked: u64,
}

#[derive(Serialize, Deserialize)]
struct Shelf(SectionId, u8);

/// How many entries were read, and what for.
#[derive(Debug, Default)]
pub struct Reading {
    /// Index rows to be made durable.
    pub batch: Batch,
    /// Sections that changed, with their circles.
    pub changed: Vec<(CircleId, SectionId)>,
    /// Entries that say nothing here, with their keys.
    pub mute: Vec<(FeedKey, Mute)>,
}

/// Why an entry that counts says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    /// A newer version wrote it: kept, and read by one.
    Newer,
    /// It is not in the form that any version writes: it counts as empty, for everyone and for ever.
    Bad,
}

impl Library {
    /// Entries that a crash, a lock or a missing key left unread: to be asked at the start and after unlocking.
    pub fn unread(store: &impl Store) -> Result<Vec<EntryId>, StoreError> {
        let mut unread = Vec::new();
        store.scan_table(Table::Unread, &mut |_, value| {
            unread.extend(value.try_into().map(EntryId));
            true
        })?;
        Ok(unread)
    }

    /// Reads entries into their sections. Commit the batch before reading more.
    ///
    /// An entry whose epoch key is not here stays unread; one that opens to rubbish, or to what a newer version wrote,
    /// is named in [`Reading::mute`] and left where it is: it still counts and replicates.
    pub fn read(&mut self, state: &State, store: &impl Store, ids: &[EntryId]) -> Result<Reading, StoreError> {
        let mut reading = Reading::default();
        let staged = Staged::new(store);
        let mut number = next_number(store)?;
        for id in ids {
            let id = *id;
            let Some(entry) = counted(state.replica(), &staged, &id)? else {
                // Its feed forked below it: it no longer counts.
                reading.batch.delete(unread_row(&id));
                continue;
            };
            let plain = match open(state, &staged, &entry)? {
                Opened::NoKey => continue,
                Opened::Control => {
                    reading.batch.delete(unread_row(&id));
                    continue;
                }
                Opened::Mute(why) => {
                    reading.mute.push((entry.header().feed.key, why));
                    reading.batch.delete(unread_row(&id));
                    continue;
                }
                Opened::Plain(plain) => *plain,
            };
            let (circle, section) = (entry.header().feed.circle, plain.section);
            if self.is_new(store, &reading, &circle, &section)? {
                let shelf = Shelf(section, kind_of(&plain) as u8);
                reading.batch.put(Row::new(Table::Section, shelf_of(&circle), number), codec::encode(&shelf));
                number += 1;
            }
            reading.batch.put(Row::new(Table::Section, place_of(&circle, &section), number), id.0.to_vec());
            reading.batch.delete(unread_row(&id));
            number += 1;
            reading.changed.push((circle, section));
            if let Some((_, kept)) = self.kept.get_mut(&(circle, section))
                && let Some(contribution) = contribution(state.replica(), &entry, plain)
            {
                // A contradiction within one feed cannot reach this point: the replica counts one of the two.
                let _known = kept.insert(contribution);
            }
        }
        if !reading.changed.is_empty() {
            reading.batch.put(number_row(), number.to_be_bytes().to_vec());
        }
        Ok(reading)
    }

    /// A section, made from the entries that count. Empty if nothing is known of it.
    pub fn section<'a>(
        &'a mut self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        id: &SectionId,
    ) -> Result<&'a mut Section, StoreError> {
        self.asked += 1;
        let key = (*circle, *id);
        if !self.kept.contains_key(&key) {
            let section = load(state, store, circle, id)?;
            if self.kept.len() >= KEPT
                && let Some(oldest) = self.kept.iter().min_by_key(|(_, (asked, _))| *asked).map(|(id, _)| *id)
            {
                self.kept.remove(&oldest);
            }
            self.kept.insert(key, (self.asked, section));
        }
        let (asked, section) = self.kept.get_mut(&key).expect("it was put there");
        *asked = self.asked;
        Ok(section)
    }

    /// The sections of a circle, in order of arrival.
    pub fn sections(&self, store: &impl Store, circle: &CircleId) -> Result<Vec<(SectionId, RecordKind)>, StoreError> {
        let (mut shelves, mut sound) = (Vec::new(), true);
        store.scan(Table::Section, &shelf_of(circle), 0, &mut |_, value| {
            match codec::decode::<Shelf>("shelf", &value, 64) {
                Ok(Shelf(section, kind)) => {
                    shelves.push((
                        section,
                        if kind == RecordKind::Docket as u8 { RecordKind::Docket } else { RecordKind::Case },
                    ));
                }
                Err(_) => sound = false,
            }
            sound
        })?;
        if sound { Ok(shelves) } else { Err(StoreError::Altered { table: Table::Section.label() }) }
    }

    /// Entries of a section, in order of arrival, as they are signed.
    pub fn entries(
        &self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        id: &SectionId,
    ) -> Result<Vec<Verified>, StoreError> {
        let staged = Staged::new(store);
        let mut entries = Vec::new();
        for id in ids_of(store, circle, id)? {
            entries.extend(counted(state.replica(), &staged, &id)?);
        }
        Ok(entries)
    }

    /// What counts has shrunk (a feed forked), or nothing may be read any more: folded sections are dropped.
    pub fn forget(&mut self) {
        self.kept.clear();
    }

    fn is_new(
        &self,
        store: &impl Store,
        reading: &Reading,
        circle: &CircleId,
        section: &SectionId,
    ) -> Result<bool, StoreError> {
        let seen = reading.changed.contains(&(*circle, *section));
        Ok(!seen && {
            let mut found = false;
            store.scan(Table::Section, &place_of(circle, section), 0, &mut |_, _| {
                found = true;
                false
            })?;
            !found
        })
    }
}

/// What a body opened to.
enum Opened {
    /// No key for it here.
    NoKey,
    /// Nothing that is folded: it was for the circle itself.
    Control,
    /// Nothing that this version folds.
    Mute(Mute),
    /// Statements.
    Plain(Box<Plain>),
}

fn open<S: Store>(state: &State, staged: &Staged<'_, S>, entry: &Verified) -> Result<Opened, StoreError> {
    let header = entry.header();
    if header.kind != Kind::ASSERTIONS {
        return Ok(if header.kind.is_control() { Opened::Control } else { Opened::Mute(Mute::Newer) });
    }
    let Some(body) = state.replica().body(staged, &entry.id())? else { return Ok(Opened::NoKey) };
    let Ok(epoch) = body.epoch() else { return Ok(Opened::Mute(Mute::Bad)) };
    let Some(key) = state.epochs(&header.feed.circle).iter().find(|held| held.0 == epoch) else {
        return Ok(Opened::NoKey);
    };
    let plain = body.open(&state.replica().members.registry(), header, &key.1);
    Ok(match plain.map(|plain| content(&plain)) {
        Ok(Content::Good(plain)) => Opened::Plain(Box::new(plain)),
        Ok(Content::Later) => Opened::Mute(Mute::Newer),
        Ok(Content::Bad(_)) | Err(_) => Opened::Mute(Mute::Bad),
    })
}

fn load(state: &State, store: &impl Store, circle: &CircleId, id: &SectionId) -> Result<Section, StoreError> {
    let staged = Staged::new(store);
    let mut section = Section::new(*id);
    for entry in ids_of(store, circle, id)? {
        if let Some(entry) = counted(state.replica(), &staged, &entry)?
            && let Opened::Plain(plain) = open(state, &staged, &entry)?
            && let Some(contribution) = contribution(state.replica(), &entry, *plain)
        {
            let _known = section.insert(contribution);
        }
    }
    Ok(section)
}

fn ids_of(store: &impl Store, circle: &CircleId, section: &SectionId) -> Result<Vec<EntryId>, StoreError> {
    let mut ids = Vec::new();
    store.scan(Table::Section, &place_of(circle, section), 0, &mut |_, value| {
        ids.extend(value.try_into().map(EntryId));
        true
    })?;
    Ok(ids)
}

fn counted<S: Store>(replica: &Replica, staged: &Staged<'_, S>, id: &EntryId) -> Result<Option<Verified>, StoreError> {
    match replica.place(staged, id)? {
        Some((feed, seq)) => replica.entry(staged, &feed, seq),
        None => Ok(None),
    }
}

fn contribution(replica: &Replica, entry: &Verified, plain: Plain) -> Option<Contribution> {
    let header = entry.header();
    let org = replica.author(entry)?;
    Some(Contribution { id: entry.id(), feed: header.feed.key, run: header.feed.run, seq: header.seq, org, plain })
}

/// What a section is, from the first thing said of it.
fn kind_of(plain: &Plain) -> RecordKind {
    let field = plain.statements.iter().find_map(|statement| match statement {
        Statement::Assert(assertion) => Some(&assertion.field),
        Statement::Retract { .. } | Statement::Resolve { .. } => None,
    });
    match field {
        Some(field) if field.starts_with("docket") => RecordKind::Docket,
        _ => RecordKind::Case,
    }
}

fn shelf_of(circle: &CircleId) -> Vec<u8> {
    [b"shelf", &circle.0[..]].concat()
}

/// A section is read in its circle only: the same id claimed in another circle is another section.
fn place_of(circle: &CircleId, section: &SectionId) -> Vec<u8> {
    [&circle.0[..], &section.0].concat()
}

fn number_row() -> Row {
    Row::new(Table::Section, "number", 0)
}

fn next_number(store: &impl Store) -> Result<u64, StoreError> {
    match store.get(&number_row())? {
        None => Ok(1),
        Some(bytes) => {
            bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Altered { table: Table::Section.label() })
        }
    }
}
