//! What Habeas promises, one module per promise. One test binary: linking the product takes longer than running this.

mod fuzz;
mod rosters;
mod sample;
mod spec;
mod vectors;
mod walls;
