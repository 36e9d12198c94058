//! What Habeas promises, one module per promise. One test binary: linking the product takes longer than running this.

mod bad_input;
mod commons;
mod demo;
mod disputes;
mod federation;
mod fuzz;
mod kill;
mod petnames;
mod rosters;
mod sample;
mod sharing;
mod spec;
mod states;
mod vectors;
mod walls;

/// The node under test, built with the tests.
const NODE: &str = env!("CARGO_BIN_EXE_tests-node");
