//! The record: what entries say about persons and proceedings, and how statements fold into a case file or a docket.

pub mod case;
pub mod citation;
pub mod date;
pub mod docket;
pub mod schema;
pub mod section;
pub mod stage;
