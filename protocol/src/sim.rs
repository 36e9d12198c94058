//! The simulator: a federation in one process, on virtual time, from a seed.

pub mod planted;
