//! Fixtures shared by the test binaries: a desk with known figures, servers on free ports, bounded waits.
//!
//! It knows every layer because tests do; nothing that ships may use it.
#![expect(clippy::unwrap_used, reason = "a broken fixture should fail loudly")]

pub mod channels;
pub mod desk;
