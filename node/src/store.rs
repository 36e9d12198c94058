//! The disk store: rows in RocksDB with hidden names and values that are sealed to their place.
//!
//! Only this module uses RocksDB. RocksDB writes row keys in clear and has no encryption of its own, so everything is
//! sealed before it gets there: its log, tables and manifest hold keyed hashes and ciphertext. A locked folder still
//! shows that it is a store of Habeas, how many rows each table has, how long they are, and when files changed.
//!
//! ```text
//! FOLDER/format    one line of text: what the folder is, version of the layout, state
//! FOLDER/lock      held while a node has the folder open
//! FOLDER.acknowledged   how much was acknowledged, beside the folder: see `acknowledged`
//! FOLDER/rows/     RocksDB: one column family, rows sorted by table
//! row key          table(1) ‖ keyed-BLAKE3(row key of the table, prefix)[..16] ‖ number(8, big-endian)
//! value            nonce(24) ‖ XChaCha20-Poly1305(value key of the table, value, aad = database(16) ‖ row key)
//! ```
//!
//! There is one column family, not one per table: a single memtable and write-ahead log bound the memory by one number
//! and make a batch atomic as one log record, a new table needs no migration, and the leading table byte keeps the rows
//! of a table together anyway.

mod acknowledged;
mod folder;
mod keys;
mod log;
mod manifest;
mod rocks;
mod seal;
mod whereabouts;

#[cfg(any(test, feature = "canary"))]
pub mod canary;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod decay;
#[cfg(test)]
mod loss;
#[cfg(test)]
mod power;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod tests;

pub use acknowledged::{Doubt, doubt, doubt_row};
pub use folder::OpenError;
pub use rocks::Rocks;
pub use whereabouts::{Whereabouts, WhereaboutsError, whereabouts};
