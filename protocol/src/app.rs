//! The application layer: what people ask and are told, over everything below. Requests and replies, the library of
//! sections, statements, lists, look-up, import, petnames, precedents.

pub mod control;
pub mod desk;
pub mod import;
pub mod library;
pub mod names;
pub mod question;
pub mod workspace;
