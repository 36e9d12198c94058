//! The hands of Habeas: carries out what `protocol` decides.

pub mod net;
