//! The log: what is signed and replicated. An entry, its sealed body, and the feed (hash chain) that entries form.

pub mod body;
pub mod entry;
pub mod feed;
