//! What must outlive a process: users, their second factors, and the audit log, in `SQLite` or `PostgreSQL` behind one type.
//!
//! **Owns**: the schema and its migrations, users, the audit record's canonical bytes, its chains and anchors, and the check of both (docs/specs/audit.md).
//! **Does not own**: sessions (those live on the bus), how a password is hashed or judged (`qd_auth`), who may do what, which events there are, a queue in front of the log, or a wall clock: instants come in as arguments. It must never hold HTTP, Redis, egui or a key.
//! **Threading**: [`Database`] is cheap to clone and `Send + Sync`; every operation is one future that ends. Give each to a task that lives on: a request that gives up halfway throws its connection away.
//! **Failure**: [`DbError`] says whether to wait, to give up or to call somebody; an unknown user and one that exists already are errors of their own ([`UserError`]).

mod audit;
mod database;
mod error;
mod factors;
mod migrations;
mod users;

pub use self::audit::{
    Anchor, Anchored, AuditChain, AuditCursor, AuditFilter, AuditPage, AuditRecord, Break,
    BreakKind, ChainHash, Head, MAX_DETAIL_BYTES, MAX_PAGE, MAX_TEXT_BYTES, NewRecord, Verdict,
};
pub use self::database::Database;
pub use self::error::{DbError, UserError};
pub use self::factors::Factor;
pub use self::users::{NewUser, User};
