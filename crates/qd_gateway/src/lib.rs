//! The auth gateway: who may come in, what they hear, what they may ask for, and the program they run.

pub mod lane;
