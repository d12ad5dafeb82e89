//! The execution gateway: orders, halts, P&L, a simulated market, the paper venue and the REST API over them.
//!
//! **Owns**: the life of every order, the accepting step with its rails and halts, positions and totals, the alerts, what
//! is published about them, and the REST of the execution side.
//! **Does not own**: sessions and sign-in (`qd_auth`, `qd_gateway`), byte formats (`qd_wire`), numbering and delivery
//! (`qd_bus`), formulas (`qd_types`). It keeps nothing on disk yet: a restart begins a new ledger in new epochs.
//! **Threading**: one tokio task owns the [`desk::Desk`]; everybody else sends it jobs through bounded lanes and reads
//! answers. The desk itself is plain single-threaded code over handed-in instants, the same for the same seed and jobs.
//! **Failure**: what is refused is a value with its evidence; a dead engine answers 503, an unanswered command 504; a
//! store that is away delays publishing and never an order; a report of the venue that fits no order is counted and
//! turns the health page's `execution` yellow.

pub mod alerts;
mod api;
mod chance;
pub mod config;
pub mod desk;
mod engine;
pub mod ledger;
mod limits;
pub mod market;
pub mod strategies;
pub mod tape;
#[cfg(test)]
mod testing;
pub mod venue;

pub use self::api::{IdentityKeys, MAX_BODY_BYTES, router, serve};
pub use self::config::{AccountConfig, ExecutionConfig, Holding, UserConfig};
pub use self::engine::{
    EngineError, EngineStatus, Execution, ExecutionError, ExecutionHandle, Lane,
};
pub use self::market::{MAX_SPEED, Replay, ReplayEnd, ReplayRefusal, ReplayStatus, Session};
