//! Membership: who the organisations are, which devices speak for them, and which circles of them may read what.

pub mod charter;
pub mod circle;
