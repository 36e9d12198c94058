//! The hands of Habeas: everything that touches disk, network, clock and process, as `protocol` decides.

pub mod hardening;
pub mod net;
pub mod store;
pub mod vault;

mod durable;
