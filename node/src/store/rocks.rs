//! The disk store: RocksDB beneath, sealed rows above.
//!
//! * A batch is one synced write. After any error of a write, or any background error, nothing more is acknowledged until
//!   the store is opened again: RocksDB tells nobody when it turns read-only, and a retried fsync may lie.
//! * Recovery accepts a torn last record, which was never acknowledged, and nothing else. A damaged record before the end
//!   would silently take acknowledged batches with it: then the log is cut there on purpose.
//! * What was acknowledged is remembered outside the log ([`acknowledged`](super::acknowledged)). A store that holds less,
//!   or may, keeps that as a row until an alarm tells of it, and forgets where it lay, both in one batch: so the node opens
//!   new incarnations and fetches the rest from its peers instead of forking itself.

use std::{io, path::Path};

use protocol::{
    bytes::seal::{Entropy, Secret},
    store::{Batch, Class, Row, Store, StoreError, Table, Visit},
};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, BottommostLevelCompaction, Cache, CompactOptions, DB, DBCompressionType,
    DBRecoveryMode, ErrorKind, InfoLogger, LogLevel, Options, ReadOptions, WriteBatch, WriteOptions,
    checkpoint::Checkpoint, properties,
};

use super::{
    acknowledged::{self, Doubt, Found, MARK, Mark, Memory},
    folder::{Folder, OpenError, State, write_format},
    keys::{CARRIER_CHECK, NO_ROW, READER_CHECK, check_value, number_of, rows_from, rows_of},
    log::{self, Trap},
    manifest::Manifest,
    seal::Seals,
    whereabouts::{self, Whereabouts},
};
use crate::{
    durable,
    vault::{DatabaseId, Keys},
};

/// The store of a node.
pub struct Rocks {
    // Dropped in this order: RocksDB closes before the folder is free. `None` only where it could not be opened again.
    db: Option<DB>,
    folder: Folder,
    database: DatabaseId,
    seals: Seals,
    entropy: Entropy,
    mark: Mark,
    memory: Memory,
    broken: Option<Broken>,
}

/// Why nothing is acknowledged any more.
#[derive(Clone, Debug)]
enum Broken {
    Full,
    Failed(String),
}

impl Broken {
    fn of(error: &rocksdb::Error) -> Self {
        if is_full(error) { Self::Full } else { Self::Failed(error.as_ref().to_owned()) }
    }
}

impl Rocks {
    /// Opens the store in `folder` with the keys of its vault, and makes it if the folder is missing or empty.
    /// `entropy` is seeded by the operating system.
    pub fn open(path: &Path, keys: &Keys, mut entropy: Entropy) -> Result<Self, OpenError> {
        let mut folder = Folder::enter(path)?;
        let memory = Memory::of(path, keys.database, &keys.carrier);
        let found = memory.read().map_err(OpenError::io("read what was acknowledged"))?;
        let forgets = forgets_tables(found, &folder.rows());
        let db = open_rows(&mut folder)?;
        claim(&db, CARRIER_CHECK, check_value(&keys.carrier, keys.database), folder.state() == State::Making)?;
        let seals = Seals::new(keys.database, &keys.carrier);
        let mark = Mark { count: 0, opening: entropy.bytes(), before: [0; 16] };
        let mut rocks =
            Self { db: Some(db), folder, database: keys.database, seals, entropy, mark, memory, broken: None };
        rocks.begin(found, forgets)?;
        if let Some(reader) = &keys.reader {
            rocks.unlock(reader)?;
        }
        Ok(rocks)
    }

    /// Opens the store again in place, once a full disk has room: keys and lock stay as they are. Where that fails, reading
    /// goes on as far as it can, and nothing is acknowledged still.
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        // One database at a time: the old one ends first.
        self.db = None;
        let found = self.memory.read().map_err(OpenError::io("read what was acknowledged"))?;
        let forgets = forgets_tables(found, &self.folder.rows());
        match open_rows(&mut self.folder) {
            Ok(db) => self.db = Some(db),
            Err(error) => {
                let recovery = DBRecoveryMode::TolerateCorruptedTailRecords;
                self.db = DB::open_for_read_only(&options(recovery, false), self.folder.rows(), false).ok();
                return Err(error);
            }
        }
        let broken = self.broken.take();
        self.mark.opening = self.entropy.bytes();
        let again = self.begin(found, forgets);
        if again.is_err() {
            self.broken = self.broken.take().or(broken);
        }
        again?;
        self.health().map_err(opening)
    }

    /// Begins a new opening of rows that were just opened; `found` and `forgets` are from before.
    fn begin(&mut self, found: Found, forgets: bool) -> Result<(), OpenError> {
        let before = read_mark(self.rows().map_err(opening)?, &self.seals)?;
        self.look_at_manifest();
        self.remember(before, found, forgets)?;
        if self.folder.state() == State::Whole { Ok(()) } else { self.folder.mark(State::Whole) }
    }

    fn rows(&self) -> Result<&DB, StoreError> {
        self.db.as_ref().ok_or_else(|| failed("read", "it could not be opened again"))
    }

    /// Takes note of the manifest, if RocksDB is not writing it now: then every byte of it is synced.
    fn look_at_manifest(&mut self) {
        let is_written = |db: &DB| {
            let running = [properties::NUM_RUNNING_FLUSHES, properties::NUM_RUNNING_COMPACTIONS];
            running.iter().any(|property| !matches!(db.property_int_value(*property), Ok(Some(0))))
        };
        let Ok(db) = self.rows() else { return };
        if is_written(db) {
            return;
        }
        let now = Manifest::now(&self.folder.rows(), self.memory.manifest);
        if !is_written(db)
            && let Ok(now) = now
        {
            self.memory.manifest = now;
        }
    }

    /// Holds what is here against what was acknowledged, and begins a new opening in both places. `before` is the mark of
    /// the store, `found` what the file says, `forgets` whether the manifest was damaged.
    fn remember(&mut self, before: Option<Mark>, found: Found, forgets: bool) -> Result<(), OpenError> {
        let name = self.mark.opening;
        let doubt = match (self.folder.state(), found) {
            // The mark is on the disk before the file is made: rows that are gone, not rows that never were.
            (State::Making, Found::Known { newest, .. }) if before.is_none() => {
                let reason = format!("it is empty, and {} batches were acknowledged", newest.count);
                return Err(OpenError::Damaged { reason });
            }
            (State::Making, _) => None,
            // The newest batch is there, and a table from before may be forgotten.
            _ => acknowledged::compare(before, found).or(forgets.then_some(Doubt::Apart)),
        };
        // A backup and a copy hold the store alone: what they do not know was never theirs.
        let is_copy = doubt == Some(Doubt::Gone) && before.is_some() && self.has_moved()?;
        let doubt = doubt.filter(|_| !is_copy);
        let file = match found {
            Found::Known { newest, .. } => Some(newest),
            Found::Nothing | Found::Garbled => None,
        };
        let last = match doubt {
            None => before,
            // Goes on from what the file knows: a crash before it is made anew raises the same doubt no second time.
            Some(_) => {
                file.or(before).map(|last| Mark { count: last.count.max(before.map_or(0, |mark| mark.count)), ..last })
            }
        };
        let mark = last.unwrap_or(self.mark).reopened(name);
        let anew = doubt.is_some() || file.is_none();
        if let (false, Some(last)) = (anew, last)
            && file != Some(last)
        {
            // A crash between the two syncs left the file one behind.
            self.memory.note(last, &mut self.entropy).map_err(OpenError::io("write what was acknowledged"))?;
        }
        let mut batch = Batch::default();
        if let Some(doubt) = doubt {
            tracing::warn!(?doubt, "it is not certain that everything acknowledged is in the store");
            batch.put(acknowledged::doubt_row(), acknowledged::doubt_value(self, doubt).map_err(opening)?);
        }
        if doubt.is_some() || self.folder.state() == State::Cut {
            batch.delete(whereabouts::row());
        }
        let noted = match self.write(&batch, mark) {
            Ok(()) if anew => self.memory.begin(mark, &mut self.entropy),
            Ok(()) => self.memory.note(mark, &mut self.entropy),
            // Nothing has to be told, and what is here can be read.
            Err(StoreError::Full) if batch.is_empty() && !anew => return Ok(()),
            Err(error) => return Err(opening(error)),
        };
        self.mark = mark;
        noted.map_err(OpenError::io("write what was acknowledged"))
    }

    /// Whether the folder lies elsewhere than where it last signed.
    fn has_moved(&self) -> Result<bool, OpenError> {
        match whereabouts::whereabouts(self.folder.path(), self) {
            Ok(found) => Ok(found != Whereabouts::Same),
            Err(whereabouts::WhereaboutsError::Io(error)) => Err(OpenError::io("read the identity file")(error)),
            Err(whereabouts::WhereaboutsError::Store(error)) => Err(opening(error)),
        }
    }

    /// Opens the reader tables; `OtherDatabase` if the key is not theirs.
    pub fn unlock(&mut self, reader: &Secret) -> Result<(), OpenError> {
        claim(self.rows().map_err(opening)?, READER_CHECK, check_value(reader, self.database), true)?;
        self.seals.unlock(Class::Reader, reader);
        Ok(())
    }

    /// Forgets the keys of the reader tables; the carrier tables go on.
    pub fn lock(&mut self) {
        self.seals.lock();
    }

    /// Whether batches are acknowledged. Poll it: RocksDB may fail in the background, without a write.
    pub fn health(&mut self) -> Result<(), StoreError> {
        if self.broken.is_none() {
            let errors = self.rows()?.property_int_value(properties::BACKGROUND_ERRORS);
            match errors.map_err(|error| failed("watch itself", error.as_ref()))? {
                Some(0) => {}
                // RocksDB says why only to a write: one that changes nothing.
                _ => {
                    let why = self.rows()?.delete_opt(NO_ROW, &synced());
                    let unknown = || Broken::Failed("an earlier background write failed".into());
                    self.give_up(why.err().map_or_else(unknown, |error| Broken::of(&error)));
                }
            }
        }
        match &self.broken {
            None => Ok(()),
            Some(Broken::Full) => Err(StoreError::Full),
            Some(Broken::Failed(reason)) => Err(failed("write", reason)),
        }
    }

    /// Rewrites all rows, so that nothing deleted or replaced is left in a file of the store. Takes as long as copying it.
    pub fn purge(&mut self) -> Result<(), StoreError> {
        let flushed = self.rows()?.flush();
        self.acknowledge(flushed)?;
        let mut whole = CompactOptions::default();
        whole.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.rows()?.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &whole);
        self.health()
    }

    /// A copy of the store as it is now, in the new folder `to`: sealed under the same keys, hard links where possible.
    pub fn copy_to(&self, to: &Path) -> Result<(), OpenError> {
        durable::make_folder(to).map_err(OpenError::io("make the folder of the copy"))?;
        let copied =
            Checkpoint::new(self.rows().map_err(opening)?).and_then(|now| now.create_checkpoint(to.join("rows")));
        copied.map_err(|error| open_error("copy the rows", &error))?;
        write_format(to, State::Whole)
    }

    /// Writes a batch with its mark: durable when this returns `Ok`, and not yet acknowledged.
    fn write(&mut self, batch: &Batch, mark: Mark) -> Result<(), StoreError> {
        let mut sealed = WriteBatch::default();
        for (row, value) in &batch.0 {
            let seal = self.seals.of(row.table)?;
            let key = seal.row(&row.prefix, row.number);
            match value {
                Some(value) => sealed.put(key, seal.seal(&key, value, &mut self.entropy)),
                None => sealed.delete(key),
            }
        }
        sealed.put(MARK, self.seals.of(Table::Meta)?.seal(&MARK, &mark.encode(), &mut self.entropy));
        let outcome = self.rows()?.write_opt(sealed, &synced());
        self.acknowledge(outcome)
    }

    /// The outcome of a write, and of everything RocksDB did meanwhile.
    fn acknowledge(&mut self, outcome: Result<(), rocksdb::Error>) -> Result<(), StoreError> {
        if let Err(error) = outcome {
            self.give_up(Broken::of(&error));
        }
        self.health()
    }

    /// From here on nothing is acknowledged.
    fn give_up(&mut self, broken: Broken) {
        tracing::warn!(?broken, "the store acknowledges nothing more until it is opened again");
        self.broken = Some(broken);
    }

    /// Opens and hands over the rows in `range`.
    fn visit(&self, table: Table, options: ReadOptions, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let seal = self.seals.of(table)?;
        let mut rows = self.rows()?.raw_iterator_opt(options);
        rows.seek_to_first();
        while let Some((key, sealed)) = rows.item() {
            let number = number_of(key).ok_or(StoreError::Altered { table: table.label() })?;
            if !visit(number, seal.open(key, sealed)?) {
                return Ok(());
            }
            rows.next();
        }
        rows.status().map_err(|error| row_error(table, &error))
    }
}

impl Store for Rocks {
    fn get(&self, row: &Row) -> Result<Option<Vec<u8>>, StoreError> {
        let seal = self.seals.of(row.table)?;
        let key = seal.row(&row.prefix, row.number);
        let sealed = self.rows()?.get_pinned(key).map_err(|error| row_error(row.table, &error))?;
        sealed.map(|sealed| seal.open(&key, &sealed)).transpose()
    }

    fn scan(&self, table: Table, prefix: &[u8], from: u64, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(rows_from(self.seals.of(table)?.row(prefix, from)));
        self.visit(table, options, visit)
    }

    fn scan_table(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_range(rows_of(table));
        options.fill_cache(false); // read once: what is asked for often stays cached
        self.visit(table, options, visit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.health()?;
        if batch.is_empty() {
            return Ok(());
        }
        let mark = self.mark.next();
        self.write(batch, mark)?;
        self.look_at_manifest();
        if let Err(error) = self.memory.note(mark, &mut self.entropy) {
            // The batch is there, and nobody was told.
            self.give_up(match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Broken::Full,
                _ => Broken::Failed(format!("what was acknowledged cannot be noted: {error}")),
            });
            return self.health();
        }
        self.mark = mark;
        Ok(())
    }
}

/// Opens RocksDB, cutting its log if that is the only way.
fn open_rows(folder: &mut Folder) -> Result<DB, OpenError> {
    let open = |folder: &Folder, recovery| {
        DB::open(&options(recovery, folder.state() == State::Making), folder.rows())
            .map_err(|error| open_error("open the rows", &error))
    };
    if folder.state() != State::Making {
        match log::look(&folder.rows()) {
            Ok(Some(Trap::Newest { path, end })) => {
                // Marked first, as below.
                folder.mark(State::Cut)?;
                log::cut(&path, end).map_err(OpenError::io("cut the log of the store"))?;
                tracing::warn!(end, "the log of the store was damaged and is cut: recent writes may be lost");
            }
            Ok(Some(Trap::Elsewhere)) => {
                return Err(OpenError::Damaged { reason: "a record of its lists of files and changes is none".into() });
            }
            // What is missing or cannot be read RocksDB says better.
            Ok(None) | Err(_) => {}
        }
    }
    if folder.state() == State::Cut {
        return open(folder, DBRecoveryMode::PointInTime);
    }
    // A truncated last record is a write that was under way; everything else must be whole.
    match open(folder, DBRecoveryMode::TolerateCorruptedTailRecords) {
        Err(OpenError::Damaged { reason }) if folder.state() == State::Whole => {
            // Marked first: if we stop after the cut, the next opening must still know of it.
            folder.mark(State::Cut)?;
            match open(folder, DBRecoveryMode::PointInTime) {
                Ok(db) => {
                    tracing::warn!(reason, "the log of the store was damaged and is cut: recent writes may be lost");
                    Ok(db)
                }
                Err(error) => folder.mark(State::Whole).and(Err(error)), // not the log, so nothing was cut
            }
        }
        opened => opened,
    }
}

/// How RocksDB is run: memory is the cache and at most three memtables, whatever the number of rows. A process
/// that has just written a million entries has under 60 MB resident.
pub(super) fn options(recovery: DBRecoveryMode, create: bool) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_size(16 << 10);
    blocks.set_block_cache(&Cache::new_lru_cache(16 << 20));
    // Indexes and filters count towards the cache: memory does not grow with the store.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true); // a whole filter would be larger than a shard of the cache, and never stay
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_bloom_filter(10.0, false); // most questions are about one row, and most ids asked for are new

    // Only the text form reaches this option: RocksDB would write the machine's name into every table.
    let nameless = Options::default().get_options_from_string("db_host_id=habeas");
    let mut options = nameless.expect("RocksDB knows its own option");
    options.set_block_based_table_factory(&blocks);
    options.create_if_missing(create);
    options.set_wal_recovery_mode(recovery);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_compression_type(DBCompressionType::None); // ciphertext does not shrink
    options.set_write_buffer_size(16 << 20);
    options.set_max_write_buffer_number(3);
    options.set_max_background_jobs(2);
    options.set_max_open_files(128); // a process may have as few as 256
    // No file of its own for log lines: it would begin with the machine's name and the folder's.
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, |level, line| {
        if matches!(level, LogLevel::Warn | LogLevel::Error | LogLevel::Fatal) {
            tracing::warn!(target: "rocksdb", "{line}");
        }
    }));
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

fn synced() -> WriteOptions {
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    synced
}

/// Compares a check row with the `value` our keys give; writes it where it `may` be new.
fn claim(db: &DB, row: [u8; 2], value: [u8; 32], may: bool) -> Result<(), OpenError> {
    match db.get_pinned(row).map_err(|error| open_error("read the check of the store", &error))? {
        Some(found) if *found == value => Ok(()),
        Some(_) => Err(OpenError::OtherDatabase),
        None if may => {
            db.put_opt(row, value, &synced()).map_err(|error| open_error("write the check of the store", &error))
        }
        None => Err(OpenError::Damaged { reason: "its check row is missing".into() }),
    }
}

/// Whether less of the manifest is there than was known of it.
fn forgets_tables(found: Found, rows: &Path) -> bool {
    matches!(found, Found::Known { manifest, .. } if manifest.was_damaged(rows))
}

/// The mark of the store; one that is not there, or was altered, says nothing.
fn read_mark(db: &DB, seals: &Seals) -> Result<Option<Mark>, OpenError> {
    let sealed = db.get_pinned(MARK).map_err(|error| open_error("read the mark of the store", &error))?;
    let seal = seals.of(Table::Meta).map_err(opening)?;
    Ok(sealed.and_then(|sealed| Mark::decode(&seal.open(&MARK, &sealed).ok()?)))
}

/// An error of the store while it is being opened.
fn opening(error: StoreError) -> OpenError {
    match error {
        StoreError::Full => OpenError::Full,
        StoreError::Failed { attempted, reason } => OpenError::Io { attempted, source: io::Error::other(reason) },
        StoreError::Altered { .. } | StoreError::Locked { .. } => OpenError::Damaged { reason: error.to_string() },
    }
}

fn open_error(attempted: &'static str, error: &rocksdb::Error) -> OpenError {
    let reason = error.as_ref();
    match error.kind() {
        _ if is_full(error) => OpenError::Full,
        // RocksDB has no kind for a lock held: these are its two sentences.
        ErrorKind::IOError if reason.contains("lock hold by") || reason.contains("While lock file") => OpenError::InUse,
        ErrorKind::IOError if !reason.contains("No such file") => {
            OpenError::Io { attempted, source: io::Error::other(error.clone()) }
        }
        _ => OpenError::Damaged { reason: reason.into() },
    }
}

/// A row could not be read: what fails the checksum is as altered as what fails its seal.
fn row_error(table: Table, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Altered { table: table.label() },
        _ => failed("read", error.as_ref()),
    }
}

fn failed(attempted: &'static str, reason: &str) -> StoreError {
    StoreError::Failed { attempted, reason: reason.into() }
}

/// ENOSPC, EDQUOT and EFBIG in the system's words: a full disk, a person's share of it, a limit on the size of files.
fn is_full(error: &rocksdb::Error) -> bool {
    let words = ["No space left on device", "Disk quota exceeded", "File too large"];
    words.iter().any(|words| error.as_ref().contains(words))
}
