//! Byte formats against golden files, malformed input and random input.
//!
//! The golden files under `tests/data/v1` are the contract: what stands there is written byte for byte (but for line
//! breaks) and read back. `QD_WIRE_BLESS=1` rewrites them and the examples in `docs/specs/wire.md`; look at the diff.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

mod bodies;
mod commands;
mod foreign;
mod frames;
mod golden;
mod identity;
mod malformed;
mod messages;
mod properties;
mod samples;
