//! Sharing: what consent allows, and which values of a case file may go to which readers.

pub mod consent;
pub mod share;
