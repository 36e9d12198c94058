//! The log: signed, replicated entries, their sealed bodies, and the feeds (hash chains) that they form.

pub mod body;
pub mod entry;
pub mod feed;
