//! Sources, pollers, ingest loop, reconnect and command port of the console, the same native and in the browser.
//!
//! **Owns**: the connection to a gateway or a bus, the queues behind it, when what is asked, and the one task that
//! writes the store ([`Feed::start`]).
//! **Does not own**: what an event means (`qd_state`), byte formats (`qd_wire`), anything on screen.
//! **Threading**: one ingest task and one task per connection; on the desktop on the shell's tokio runtime, in the
//! browser in its loop. [`FeedHandle`] may be used from any thread and never waits.
//! **Failure**: nothing here ends the feed but its handle. A lost connection is tried again for ever, a failed
//! question is asked again by the store, an unanswered command is *unknown* until asked after; all of it is an event
//! and thereby on screen.

mod backoff;
mod clock_sync;
mod command;
mod config;
mod handle;
mod ingest;
mod lanes;
mod meter;
pub mod offline;
mod paint_log;
mod poller;
mod rest;
mod rt;
mod session;
mod signal;
mod socket;
mod translate;

pub use self::command::{FeedCommand, PortError};
pub use self::config::{FeedConfig, FeedSource, GatewaySource, SignIn};
pub use self::handle::{Feed, FeedHandle};
pub use self::meter::FeedMeter;
pub use self::paint_log::{PaintLog, PaintedPoint, PaintedStream};
pub use self::rt::{BoxFuture, MaybeSend, Rt, TaskCounters, TaskGuard, decision_id};
#[cfg(target_arch = "wasm32")]
pub use self::socket::EarlySocket;
