//! The application layer: requests of people and the replies to them, over all other layers. Requests and replies, the
//! library of sections, the catalogue of records, statements, lists, look-up, import, petnames, precedents.

pub mod catalogue;
pub mod control;
pub mod desk;
pub mod import;
pub mod library;
pub mod names;
pub mod question;
pub mod workspace;
