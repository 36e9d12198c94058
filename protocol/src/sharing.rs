//! Sharing: what consent allows, and what of a case file may go to whom.

pub mod consent;
pub mod share;
