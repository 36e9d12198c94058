//! The library: folds the entries that count into the sections that people read.
//!
//! Reading follows accepting: an accepted entry with a body is put in the table of unread entries, in the same batch,
//! so a crash or a lock loses none. Reading an entry opens its body, finds its section and adds it to the section's
//! index. Sections are folded on request, and a few are cached. The index row of a section is found by a hash of its
//! pseudonym, and the number of sections is a row of its own, so neither costs more with more sections.

mod broken;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    panic::catch_unwind,
};

use serde::{Deserialize, Serialize};

use crate::{
    app::control::RecordKind,
    bytes::{
        codec,
        ids::{CircleId, EntryId, FeedKey, SectionId},
        seal::{self, Secret},
        words,
    },
    log::entry::{Kind, Verified},
    record::{
        schema::Schema,
        section::{
            Chain, Contribution, Section,
            assertion::{Content, Plain, Statement, content},
            view::View,
        },
    },
    replication::{
        replica::{Replica, unread_row},
        sync::State,
    },
    store::{Batch, Row, Store, StoreError, Table, staged::Staged},
};
use broken::Broken;
pub use broken::FoldError;

/// Version of what this program reads: raised with the schema, and with each further kind of entry that is folded.
/// Entries that an older version could not read are read again.
const READS: u64 = Schema::VERSION;
/// Number of leading words of a pseudonym that name a record, if no other pseudonym begins with them.
const NAMING_WORDS: usize = 2;
/// Number of sections that are looked at for the leading words of a pseudonym: whoever chooses ids can have many with the
/// same words.
const NAMESAKES: usize = 64;
/// Number of sections cached; beyond it the least recently used one is dropped.
const KEPT: usize = 256;

/// The sections of the circles that this node can read.
#[derive(Default)]
pub struct Library {
    kept: BTreeMap<(CircleId, SectionId), (u64, Section)>,
    asked: u64,
    broken: Broken,
    /// A section for which folding fails, for tests.
    #[cfg(any(test, feature = "sim"))]
    pub trap: Option<SectionId>,
}

/// The index row of a section: its id, its kind, and its number in the order of arrival.
#[derive(Serialize, Deserialize)]
struct Shelf {
    section: SectionId,
    kind: u8,
    number: u64,
}

/// Numbers of case files and dockets of a circle.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Counts {
    cases: u64,
    dockets: u64,
}

/// An entry that a newer version wrote, and the reading version that could not read it.
#[derive(Serialize, Deserialize)]
struct Later {
    id: EntryId,
    by: u64,
}

/// The result of reading entries.
#[derive(Debug, Default)]
pub struct Reading {
    /// Index rows to commit.
    pub batch: Batch,
    /// Sections that changed, with their circles, and the number of each in the order of arrival.
    pub changed: BTreeMap<(CircleId, SectionId), u64>,
    /// Entries that cannot be read, each as the key of its feed and the reason.
    pub mute: Vec<(FeedKey, Mute)>,
}

/// The reason why an entry that counts cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    /// The entry was written by a newer version: it is kept until such a version reads it.
    Newer,
    /// The entry is not in the form of any version: it counts as empty, for everyone and permanently.
    Bad,
}

impl Library {
    /// Loads the library, with the sections that this version cannot fold. Called at the start and after unlocking.
    ///
    /// # Errors
    /// The error of the store.
    pub fn load(store: &impl Store) -> Result<Self, StoreError> {
        Ok(Self { broken: Broken::load(store)?, ..Self::default() })
    }

    /// Entries that a crash, a lock or a missing key left unread. Called at the start and after unlocking.
    ///
    /// # Errors
    /// The error of the store.
    pub fn unread(store: &impl Store) -> Result<Vec<EntryId>, StoreError> {
        let mut unread = Vec::new();
        store.scan_table(Table::Unread, &mut |_, value| {
            unread.extend(value.try_into().map(EntryId));
            true
        })?;
        Ok(unread)
    }

    /// Marks the entries as unread that an older version of this program could not read. The batch is committed at the
    /// start, before [`Self::unread`] is called.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn overdue(store: &impl Store) -> Result<Batch, StoreError> {
        let (mut batch, mut sound) = (Batch::default(), true);
        store.scan_table(Table::Later, &mut |_, value| {
            match codec::decode::<Later>(Table::Later.label(), &value, 64) {
                Ok(Later { id, by }) if by < READS => {
                    batch.put(unread_row(&id), id.0.to_vec());
                    batch.delete(later_row(&id));
                }
                Ok(_) => {}
                Err(_) => sound = false,
            }
            sound
        })?;
        if sound { Ok(batch) } else { Err(StoreError::Altered { table: Table::Later.label() }) }
    }

    /// Number of entries that wait for a newer version of this program.
    ///
    /// # Errors
    /// The error of the store.
    pub fn later(store: &impl Store) -> Result<u64, StoreError> {
        let mut later = 0;
        store.scan_table(Table::Later, &mut |_, _| {
            later += 1;
            true
        })?;
        Ok(later)
    }

    /// Reads entries into their sections. `pending` is the batch that accepted them and is not committed yet: it is
    /// returned with the rows of the index, so that the entries and their index reach the disk together. Commit it
    /// before the next read.
    ///
    /// An entry whose epoch key is not here stays unread. One that a newer version wrote waits for that version. One
    /// that opens to malformed content stays empty permanently. The last two are listed in [`Reading::mute`]; they
    /// still count and replicate.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn read(
        &mut self,
        state: &State,
        store: &impl Store,
        pending: Batch,
        ids: &[EntryId],
    ) -> Result<Reading, StoreError> {
        let mut reading = Reading::default();
        let mut staged = Staged::over(store, pending);
        let mut number = next_number(store)?;
        let mut counts = BTreeMap::new();
        for id in ids {
            let id = *id;
            let Some(entry) = counted(state.replica(), &staged, &id)? else {
                // The feed forked below the entry, which no longer counts.
                staged.unstage(unread_row(&id))?;
                continue;
            };
            let plain = match open(state, &staged, &entry)? {
                Opened::NoKey => continue,
                Opened::Control => {
                    staged.unstage(unread_row(&id))?;
                    continue;
                }
                Opened::Mute(why) => {
                    reading.mute.push((entry.header().feed.key, why));
                    staged.unstage(unread_row(&id))?;
                    if why == Mute::Newer {
                        staged.put(later_row(&id), codec::encode(&Later { id, by: READS }));
                    }
                    continue;
                }
                Opened::Plain(plain) => *plain,
            };
            let (circle, section) = (entry.header().feed.circle, plain.section);
            let name = words::pseudonym(&section.0);
            if !reading.changed.contains_key(&(circle, section))
                && let Some(held) = state.replica().circle(&circle)
            {
                let (row, shelf) = shelf_at(&staged, &held.secret, &circle, &name, |found| *found == section)?;
                reading.changed.insert((circle, section), shelf.as_ref().map_or(number, |shelf| shelf.number));
                if shelf.is_none() {
                    let kind = kind_of(&plain);
                    let shelf = codec::encode(&Shelf { section, kind: kind as u8, number });
                    staged.put(Row::new(Table::Section, begins(&circle, first_words(&name)), number), shelf.clone());
                    staged.put(row, shelf);
                    number += 1;
                    match counts.entry(circle) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(unknown) => unknown.insert(counts_of(store, &circle)?),
                    }
                    .add(kind);
                }
            }
            staged.put(Row::new(Table::Section, place_of(&circle, &section), number), id.0.to_vec());
            staged.unstage(unread_row(&id))?;
            number += 1;
            if let Some((_, kept)) = self.kept.get_mut(&(circle, section))
                && let Some(contribution) = contribution(state.replica(), &entry, plain)
            {
                // Contradictions within one feed cannot reach this point: the replica counts one of the two.
                let _known = kept.insert(contribution);
            }
        }
        for (circle, counts) in counts {
            staged.put(counts_row(&circle), codec::encode(&counts));
        }
        if !reading.changed.is_empty() {
            staged.put(number_row(), number.to_be_bytes().to_vec());
        }
        reading.batch = staged.into_batch();
        Ok(reading)
    }

    /// The view of a section, folded from the entries that count. Empty if the section is not known.
    ///
    /// # Errors
    /// The error of the store, or a section that this version cannot fold.
    pub fn view(
        &mut self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        id: &SectionId,
    ) -> Result<View, FoldError> {
        self.with(state, store, (*circle, *id), Section::view)
    }

    /// The entries that a new entry of a section depends on, `chain` being the author's own.
    ///
    /// # Errors
    /// The error of the store, or a section that this version cannot fold.
    pub fn heads(
        &mut self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        id: &SectionId,
        chain: Chain,
    ) -> Result<Vec<EntryId>, FoldError> {
        self.with(state, store, (*circle, *id), |section| section.heads(chain))
    }

    /// Folds a section, unless it is cached, and calls `work` with it.
    fn with<T>(
        &mut self,
        state: &State,
        store: &impl Store,
        at: (CircleId, SectionId),
        work: impl FnOnce(&mut Section) -> T,
    ) -> Result<T, FoldError> {
        self.asked += 1;
        #[cfg(any(test, feature = "sim"))]
        let trap = self.trap;
        // The section is taken out of the cache, so that it does not stay there if `work` fails.
        let kept = self.kept.remove(&at).map(|(_, section)| section);
        let (section, done) = self.broken.guard(at, || {
            let mut section = kept.map_or_else(|| load(state, store, &at.0, &at.1), Ok)?;
            #[cfg(any(test, feature = "sim"))]
            assert_ne!(trap, Some(at.1), "a test makes this section fail");
            let done = work(&mut section);
            Ok((section, done))
        })?;
        if self.kept.len() >= KEPT
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, (asked, _))| *asked).map(|(id, _)| *id)
        {
            self.kept.remove(&oldest);
        }
        self.kept.insert(at, (self.asked, section));
        Ok(done)
    }

    /// Rows of the sections that failed to fold since the last call, to commit. No later start with this version tries
    /// to fold them again.
    pub fn set_aside(&mut self) -> Batch {
        self.broken.rows()
    }

    /// The sections of a circle, in order of arrival.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn sections(&self, store: &impl Store, circle: &CircleId) -> Result<Vec<(SectionId, RecordKind)>, StoreError> {
        let (mut shelves, mut sound) = (Vec::new(), true);
        store.scan(Table::Section, &shelf_of(circle), 0, &mut |_, value| {
            match decode::<Shelf>(&value) {
                Ok(Shelf { section, kind, number }) => shelves.push((number, section, kind_from(kind))),
                Err(_) => sound = false,
            }
            sound
        })?;
        shelves.sort_unstable_by_key(|(number, ..)| *number);
        if sound { Ok(shelves.into_iter().map(|(_, section, kind)| (section, kind)).collect()) } else { Err(altered()) }
    }

    /// Some sections of a circle, at most `most`, from the place `from` on, and the place of the next; `None`: these
    /// were the last. The order is that of hashes.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn some_sections(
        &self,
        store: &impl Store,
        circle: &CircleId,
        from: u64,
        most: usize,
    ) -> Result<(Vec<SectionId>, Option<u64>), StoreError> {
        let (mut sections, mut next, mut sound) = (Vec::new(), None, true);
        store.scan(Table::Section, &shelf_of(circle), from, &mut |place, value| {
            if sections.len() == most {
                next = Some(place);
                return false;
            }
            match decode::<Shelf>(&value) {
                Ok(shelf) => sections.push(shelf.section),
                Err(_) => sound = false,
            }
            sound
        })?;
        if sound { Ok((sections, next)) } else { Err(altered()) }
    }

    /// The sections of a circle whose pseudonyms begin with these words, at least two, separated by single spaces; at
    /// most 64 of them.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn beginning(
        &self,
        store: &impl Store,
        circle: &CircleId,
        text: &str,
    ) -> Result<Vec<(SectionId, RecordKind)>, StoreError> {
        let (mut found, mut sound) = (Vec::new(), true);
        if text.split(' ').count() < NAMING_WORDS {
            return Ok(found);
        }
        let mut looked_at = 0;
        store.scan(Table::Section, &begins(circle, first_words(text)), 0, &mut |_, value| {
            looked_at += 1;
            match decode::<Shelf>(&value) {
                Ok(shelf) if words::pseudonym(&shelf.section.0).starts_with(&format!("{text} ")) => {
                    found.push((shelf.section, kind_from(shelf.kind)));
                }
                Ok(_) => {}
                Err(_) => sound = false,
            }
            sound && looked_at < NAMESAKES
        })?;
        if sound { Ok(found) } else { Err(altered()) }
    }

    /// Number of sections of a kind in a circle.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn count(&self, store: &impl Store, circle: &CircleId, kind: RecordKind) -> Result<u64, StoreError> {
        let Counts { cases, dockets } = counts_of(store, circle)?;
        Ok(match kind {
            RecordKind::Case => cases,
            RecordKind::Docket => dockets,
        })
    }

    /// The kind of a section of a circle; `None` if no entry of it was read.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn kind(
        &self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        section: &SectionId,
    ) -> Result<Option<RecordKind>, StoreError> {
        let Some(held) = state.replica().circle(circle) else { return Ok(None) };
        let name = words::pseudonym(&section.0);
        let (_, shelf) = shelf_at(&Staged::new(store), &held.secret, circle, &name, |found| found == section)?;
        Ok(shelf.map(|shelf| kind_from(shelf.kind)))
    }

    /// The section of a circle with this pseudonym: five words and a check word, separated by single spaces.
    ///
    /// # Errors
    /// The error of the store, or a row that does not decode.
    pub fn named(
        &self,
        state: &State,
        store: &impl Store,
        circle: &CircleId,
        pseudonym: &str,
    ) -> Result<Option<(SectionId, RecordKind)>, StoreError> {
        let Some(held) = state.replica().circle(circle) else { return Ok(None) };
        let is_named = |found: &SectionId| words::pseudonym(&found.0) == pseudonym;
        let (_, shelf) = shelf_at(&Staged::new(store), &held.secret, circle, pseudonym, is_named)?;
        Ok(shelf.map(|shelf| (shelf.section, kind_from(shelf.kind))))
    }

    /// The signed entries of a section, in order of arrival.
    ///
    /// # Errors
    /// The error of the store.
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

    /// Drops the cached sections: entries stopped counting (a feed forked), or nothing may be read any more.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}

/// The content of an opened body.
enum Opened {
    /// The epoch key is not here.
    NoKey,
    /// A control entry, meant for the circle itself and not folded.
    Control,
    /// An entry that this version cannot fold.
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
    Ok(match plain.map(|plain| catch_unwind(|| content(&plain))) {
        Ok(Ok(Content::Good(plain))) => Opened::Plain(Box::new(plain)),
        // A panic is a fault of this program: a version without it reads the entry.
        Ok(Ok(Content::Later) | Err(_)) => Opened::Mute(Mute::Newer),
        Ok(Ok(Content::Bad(_))) | Err(_) => Opened::Mute(Mute::Bad),
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

/// The kind of a section, from the first statement about it.
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

impl Counts {
    fn add(&mut self, kind: RecordKind) {
        match kind {
            RecordKind::Case => self.cases += 1,
            RecordKind::Docket => self.dockets += 1,
        }
    }
}

fn counts_of(store: &impl Store, circle: &CircleId) -> Result<Counts, StoreError> {
    store.get(&counts_row(circle))?.map_or(Ok(Counts::default()), |value| decode(&value))
}

const fn kind_from(number: u8) -> RecordKind {
    if number == RecordKind::Docket as u8 { RecordKind::Docket } else { RecordKind::Case }
}

fn decode<T: Serialize + serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    codec::decode(Table::Section.label(), value, 64).map_err(|_| altered())
}

fn altered() -> StoreError {
    StoreError::Altered { table: Table::Section.label() }
}

fn later_row(id: &EntryId) -> Row {
    Row::new(Table::Later, id, 0)
}

fn counts_row(circle: &CircleId) -> Row {
    Row::new(Table::Section, [b"count", &circle.0[..]].concat(), 0)
}

/// The index row of the section with this pseudonym for which `is_it` holds, or the free row where it belongs. Another
/// section may have the same hash, by chance or on purpose: then the next free row is used. Numbers of rows are in clear on
/// the disk: the circle's secret keys the hash, so that nobody who knows the pseudonym can look for the record.
fn shelf_at<S: Store>(
    staged: &Staged<'_, S>,
    secret: &Secret,
    circle: &CircleId,
    name: &str,
    is_it: impl Fn(&SectionId) -> bool,
) -> Result<(Row, Option<Shelf>), StoreError> {
    let hash = seal::keyed(&secret.derive("habeas 1 shelf"), &[name.as_bytes()]);
    let mut number = u64::from_be_bytes(*hash.first_chunk().expect("a hash has 32 bytes"));
    loop {
        let row = Row::new(Table::Section, shelf_of(circle), number);
        let Some(value) = staged.get(&row)? else { return Ok((row, None)) };
        let shelf: Shelf = decode(&value)?;
        if is_it(&shelf.section) {
            return Ok((row, Some(shelf)));
        }
        number = number.wrapping_add(1);
    }
}

fn shelf_of(circle: &CircleId) -> Vec<u8> {
    [b"shelf", &circle.0[..]].concat()
}

/// The index prefix of the sections whose pseudonyms begin with these two words.
fn begins(circle: &CircleId, words: &str) -> Vec<u8> {
    [b"words", &circle.0[..], words.as_bytes()].concat()
}

/// The first [`NAMING_WORDS`] words of a text.
fn first_words(text: &str) -> &str {
    text.match_indices(' ').nth(NAMING_WORDS - 1).map_or(text, |(end, _)| &text[..end])
}

/// The index prefix of a section in its circle. The same id in another circle is another section.
fn place_of(circle: &CircleId, section: &SectionId) -> Vec<u8> {
    [&circle.0[..], &section.0].concat()
}

fn number_row() -> Row {
    Row::new(Table::Section, "number", 0)
}

fn next_number(store: &impl Store) -> Result<u64, StoreError> {
    match store.get(&number_row())? {
        None => Ok(1),
        Some(bytes) => bytes.try_into().map(u64::from_be_bytes).map_err(|_| altered()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Memory;

    /// A section id can be searched for until its hash equals that of another section: both sections stay readable.
    #[test]
    fn sections_with_one_hash_lie_side_by_side() {
        let (store, circle, secret) = (Memory::default(), CircleId([1; 16]), Secret::new([1; 32]));
        let [first, second] = [SectionId([2; 16]), SectionId([3; 16])];
        let mut staged = Staged::new(&store);
        let mut rows = Vec::new();
        for section in [first, second] {
            let (row, shelf) =
                shelf_at(&staged, &secret, &circle, "one name", |found| *found == section).expect("memory");
            assert!(shelf.is_none());
            staged.put(row.clone(), codec::encode(&Shelf { section, kind: RecordKind::Docket as u8, number: 1 }));
            rows.push((section, row));
        }
        assert_ne!(rows[0].1, rows[1].1);
        let (other, _) = shelf_at(&staged, &Secret::new([2; 32]), &circle, "one name", |_| true).expect("memory");
        assert_ne!(other, rows[0].1, "only who has the circle's secret knows the row of a name");
        for (section, row) in rows {
            let (found, shelf) =
                shelf_at(&staged, &secret, &circle, "one name", |found| *found == section).expect("memory");
            assert_eq!((found, shelf.map(|shelf| shelf.section)), (row, Some(section)));
        }
    }
}
