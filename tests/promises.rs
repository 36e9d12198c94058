//! The promises of Habeas, one module each, in one test binary: linking the product takes longer than running the
//! tests.

mod alone;
mod archive;
mod bad_input;
mod commons;
mod crowd;
mod demo;
mod disk;
mod disputes;
mod faults;
mod federation;
mod figures;
mod floods;
mod fuzz;
mod kill;
mod laptop;
mod later;
mod lengths;
mod lists;
mod long;
mod lost;
mod memory;
mod mixed;
mod others;
mod pages;
mod petnames;
mod room;
mod rosters;
mod sample;
mod search;
mod sharing;
mod shelves;
mod spec;
mod states;
mod vectors;
mod walls;
mod wiped;
mod wire;

/// The node under test, built with the tests.
const NODE: &str = env!("CARGO_BIN_EXE_tests-node");
/// The readable node: the same program, but its memory may be read.
const READABLE: &str = env!("CARGO_BIN_EXE_tests-readable-node");
