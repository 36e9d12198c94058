//! The disk store: RocksDB with sealed rows.
//!
//! * A batch is one synced write. After any error of a write, or any background error, nothing more is acknowledged
//!   until the store is opened again: RocksDB does not report that it has become read-only, and a retried fsync may
//!   report success for lost data.
//! * Recovery accepts a torn last record, which was never acknowledged, and nothing else. A damaged record before the
//!   end would silently take acknowledged batches with it: there the log is truncated on purpose.
//! * The number of acknowledged batches is recorded outside the log ([`acknowledged`](super::acknowledged)). A store
//!   that holds fewer, or may, records this doubt in a row until an alarm reports it, and forgets its place, both in
//!   one batch: so the node opens new incarnations and fetches the rest from its peers, rather than fork its own feeds.

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

/// The disk store of a node.
pub struct Rocks {
    // Fields drop in this order: RocksDB closes before the lock is released. `None` only where it could not be opened
    // again.
    db: Option<DB>,
    folder: Folder,
    database: DatabaseId,
    seals: Seals,
    entropy: Entropy,
    mark: Mark,
    memory: Memory,
    broken: Option<Broken>,
}

/// Reason why nothing is acknowledged any more.
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
    /// Opens the store in `folder` with the keys of its vault, and creates it if the folder is missing or empty.
    /// `entropy` is seeded by the operating system.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`]: the folder is in use, is not a store of this vault or this version, is damaged, or cannot be
    /// written.
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

    /// Reopens the store in place, once a full disk has room; keys and lock stay. If that fails, the store is opened
    /// read-only where possible, and nothing is acknowledged.
    ///
    /// # Errors
    ///
    /// The [`OpenError`] of opening RocksDB or of reading the acknowledged file.
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        // One database at a time: close the old one first.
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

    /// Begins a new opening after the rows were opened; `found` and `forgets` were read before.
    fn begin(&mut self, found: Found, forgets: bool) -> Result<(), OpenError> {
        let before = read_mark(self.rows().map_err(opening)?, &self.seals)?;
        self.look_at_manifest();
        self.remember(before, found, forgets)?;
        if self.folder.state() == State::Whole { Ok(()) } else { self.folder.mark(State::Whole) }
    }

    fn rows(&self) -> Result<&DB, StoreError> {
        self.db.as_ref().ok_or_else(|| failed("read", "it could not be opened again"))
    }

    /// Records the manifest, unless RocksDB is writing it now: then every byte of it is synced.
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

    /// Compares the store with what was acknowledged, and begins a new opening in both. `before` is the mark of the
    /// store, `found` the content of the file, `forgets` whether the manifest was damaged.
    fn remember(&mut self, before: Option<Mark>, found: Found, forgets: bool) -> Result<(), OpenError> {
        let name = self.mark.opening;
        let doubt = match (self.folder.state(), found) {
            // The mark is synced before the file is created: the rows were lost, not missing from the start.
            (State::Making, Found::Known { newest, .. }) if before.is_none() => {
                let reason = format!("it is empty, and {} batches were acknowledged", newest.count);
                return Err(OpenError::Damaged { reason });
            }
            (State::Making, _) => None,
            // The newest batch is there, and an earlier table may be forgotten.
            _ => acknowledged::compare(before, found).or(forgets.then_some(Doubt::Apart)),
        };
        // Backups and copies contain the store alone, so a missing file is no loss there.
        let is_copy = doubt == Some(Doubt::Gone) && before.is_some() && self.has_moved()?;
        let doubt = doubt.filter(|_| !is_copy);
        let file = match found {
            Found::Known { newest, .. } => Some(newest),
            Found::Nothing | Found::Garbled => None,
        };
        let last = match doubt {
            None => before,
            // Continue from the count in the file: a crash before the file is created anew must not raise the same
            // doubt again.
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
            // There is no doubt to record, and the rows can be read.
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

    /// Opens the reader tables.
    ///
    /// # Errors
    ///
    /// [`OpenError::OtherDatabase`] if the key belongs to another database, or the error of reading or writing the
    /// check row.
    pub fn unlock(&mut self, reader: &Secret) -> Result<(), OpenError> {
        claim(self.rows().map_err(opening)?, READER_CHECK, check_value(reader, self.database), true)?;
        self.seals.unlock(Class::Reader, reader);
        Ok(())
    }

    /// Forgets the keys of the reader tables; the carrier tables stay open.
    pub fn lock(&mut self) {
        self.seals.lock();
    }

    /// Checks whether batches are acknowledged. Call it regularly: RocksDB may fail in the background, without a write.
    ///
    /// # Errors
    ///
    /// The error after which nothing is acknowledged: `Full`, or the failure of RocksDB.
    pub fn health(&mut self) -> Result<(), StoreError> {
        if self.broken.is_none() {
            let errors = self.rows()?.property_int_value(properties::BACKGROUND_ERRORS);
            match errors.map_err(|error| failed("watch itself", error.as_ref()))? {
                Some(0) => {}
                // RocksDB reports the reason only for a write: make one that changes nothing.
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

    /// Rewrites all rows, so that nothing deleted or replaced is left in a file of the store. Takes as long as copying
    /// it.
    ///
    /// # Errors
    ///
    /// The error of flushing or compacting; nothing is acknowledged after it.
    pub fn purge(&mut self) -> Result<(), StoreError> {
        let flushed = self.rows()?.flush();
        self.acknowledge(flushed)?;
        let mut whole = CompactOptions::default();
        whole.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.rows()?.compact_range_opt(None::<&[u8]>, None::<&[u8]>, &whole);
        self.health()
    }

    /// Copies the current store into the new folder `to`: sealed under the same keys, with hard links where possible.
    ///
    /// # Errors
    ///
    /// [`OpenError::Full`] or [`OpenError::Io`] of making the copy.
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

    /// Records the outcome of a write, and any background error of RocksDB since.
    fn acknowledge(&mut self, outcome: Result<(), rocksdb::Error>) -> Result<(), StoreError> {
        if let Err(error) = outcome {
            self.give_up(Broken::of(&error));
        }
        self.health()
    }

    /// Stops acknowledging until the store is opened again.
    fn give_up(&mut self, broken: Broken) {
        tracing::warn!(?broken, "the store acknowledges nothing more until it is opened again");
        self.broken = Some(broken);
    }

    /// Opens the rows in `range` and passes them to `visit`.
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
        options.fill_cache(false); // rows that are read once must not evict others
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
            // The batch is durable, and was not acknowledged.
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

/// Opens RocksDB; truncates its log only if nothing else helps.
fn open_rows(folder: &mut Folder) -> Result<DB, OpenError> {
    let open = |folder: &Folder, recovery| {
        DB::open(&options(recovery, folder.state() == State::Making), folder.rows())
            .map_err(|error| open_error("open the rows", &error))
    };
    if folder.state() != State::Making {
        match log::look(&folder.rows()) {
            Ok(Some(Trap::Newest { path, end })) => {
                // Mark the state first, as below.
                folder.mark(State::Cut)?;
                log::cut(&path, end).map_err(OpenError::io("cut the log of the store"))?;
                tracing::warn!(end, "the log of the store was damaged and is cut: recent writes may be lost");
            }
            Ok(Some(Trap::Elsewhere)) => {
                return Err(OpenError::Damaged { reason: "a record of its lists of files and changes is none".into() });
            }
            // RocksDB reports missing and unreadable files better.
            Ok(None) | Err(_) => {}
        }
    }
    if folder.state() == State::Cut {
        return open(folder, DBRecoveryMode::PointInTime);
    }
    // A truncated last record is a write that was under way; everything else must be complete.
    match open(folder, DBRecoveryMode::TolerateCorruptedTailRecords) {
        Err(OpenError::Damaged { reason }) if folder.state() == State::Whole => {
            // Mark the state first: if the process ends after the cut, the next opening must still know of it.
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

/// Options of RocksDB: memory is the block cache and at most three memtables, whatever the number of rows. A process
/// that has just written a million entries has under 60 MB resident.
pub(super) fn options(recovery: DBRecoveryMode, create: bool) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_size(16 << 10);
    blocks.set_block_cache(&Cache::new_lru_cache(16 << 20));
    // Indexes and filters count towards the cache, so memory does not grow with the store.
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true); // a whole filter would be larger than a shard of the cache, and never stay
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_bloom_filter(10.0, false); // most reads are for one row, and most ids looked up are new

    // Only the text form has this option: RocksDB would write the host name into every table.
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
    // RocksDB's own log file would begin with the names of the host and the folder.
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

/// Compares a check row with the `value` of our keys; writes the row if it is missing and `may` be new.
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

/// Whether the manifest lost a part that was recorded.
fn forgets_tables(found: Found, rows: &Path) -> bool {
    matches!(found, Found::Known { manifest, .. } if manifest.was_damaged(rows))
}

/// Reads the mark of the store; `None` if it is missing or was altered.
fn read_mark(db: &DB, seals: &Seals) -> Result<Option<Mark>, OpenError> {
    let sealed = db.get_pinned(MARK).map_err(|error| open_error("read the mark of the store", &error))?;
    let seal = seals.of(Table::Meta).map_err(opening)?;
    Ok(sealed.and_then(|sealed| Mark::decode(&seal.open(&MARK, &sealed).ok()?)))
}

/// Converts an error of the store during its opening.
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
        // RocksDB has no error kind for a held lock: these are its two messages.
        ErrorKind::IOError if reason.contains("lock hold by") || reason.contains("While lock file") => OpenError::InUse,
        ErrorKind::IOError if !reason.contains("No such file") => {
            OpenError::Io { attempted, source: io::Error::other(error.clone()) }
        }
        _ => OpenError::Damaged { reason: reason.into() },
    }
}

/// Converts an error of reading a row: a failed checksum counts as altered, as a failed seal does.
fn row_error(table: Table, error: &rocksdb::Error) -> StoreError {
    match error.kind() {
        ErrorKind::Corruption => StoreError::Altered { table: table.label() },
        _ => failed("read", error.as_ref()),
    }
}

fn failed(attempted: &'static str, reason: &str) -> StoreError {
    StoreError::Failed { attempted, reason: reason.into() }
}

/// Whether the message is that of ENOSPC, EDQUOT or EFBIG: a full disk, a user's quota, a limit on file size.
fn is_full(error: &rocksdb::Error) -> bool {
    let words = ["No space left on device", "Disk quota exceeded", "File too large"];
    words.iter().any(|words| error.as_ref().contains(words))
}
