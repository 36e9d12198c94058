//! Membership: the organisations, the devices certified for them, and the circles of organisations that may read
//! something.

pub mod charter;
pub mod circle;
