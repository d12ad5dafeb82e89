//! Configuration: one table of keys, three places, every mistake at once.

pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod rules;
