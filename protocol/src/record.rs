//! The record: statements about persons and proceedings, and their fold into case files and dockets.

pub mod case;
pub mod citation;
pub mod date;
pub mod docket;
pub mod schema;
pub mod section;
pub mod stage;
