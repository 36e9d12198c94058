//! What Habeas promises, one module per promise. One test binary: linking the product takes longer than running this.

mod sample;
mod walls;
