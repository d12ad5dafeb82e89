//! The audit log: records, their canonical bytes, chains, anchors, the check, and pages for a viewer.
//!
//! Which events there are is not said here; docs/specs/audit.md says what the check proves and what it cannot.

mod chain;
mod record;
mod rows;
mod verify;
mod view;

pub use self::chain::{Anchored, AuditChain, Head};
pub use self::record::{AuditRecord, ChainHash, MAX_DETAIL_BYTES, MAX_TEXT_BYTES, NewRecord};
pub use self::verify::{Anchor, Break, BreakKind, Verdict};
pub use self::view::{AuditCursor, AuditFilter, AuditPage, MAX_PAGE};
