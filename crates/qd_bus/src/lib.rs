//! Numbered streams, publish and subscribe, key-value with expiry: embedded or Redis behind one type.
//!
//! **Owns**: the one atomic step (check, number, log, publish), the publishers of state and event streams, the hub that
//! routes to a node's sinks, keys with expiry, and the counters of all of it.
//! **Does not own**: domain rules, byte formats (`qd_wire`: of a message only its head is read here), sockets of clients,
//! lanes (`qd_gateway`), or anything durable.
//! **Threading**: everything public is `Send + Sync` and takes short locks only; tasks run on the caller's tokio runtime
//! and end with the handle that started them. The cores ([`StatePublisherCore`], [`EventOutbox`], [`StreamLog`],
//! [`HubChannelCore`]) are plain values without tokio or clocks, and model-tested together with the console's store.
//! **Failure**: every command has a deadline and fails with a [`BusError`] that says whether it may have been carried
//! out. Connections are made anew for ever, with jitter; [`Bus::link`] and [`Hub::link`] say how they are. Unreadable
//! messages are counted, sampled in the log, and never stop a stream.
//!
//! The contract is the project's page on streams; where the two differ, one of them has a mistake.

mod bus;
mod counters;
mod embedded;
mod error;
mod event_core;
mod hub;
mod hub_core;
mod hub_driver;
mod link;
mod log;
mod publishers;
mod redis_link;
mod redis_store;
mod redis_subscriber;
mod state_core;
mod subscriber;

pub use self::bus::Bus;
pub use self::counters::BusCounts;
pub use self::error::BusError;
pub use self::event_core::{
    EVENT_LOOK_EVERY_MILLIS, EventCounts, EventOutbox, EventStep, EventTooLarge,
};
pub use self::hub::{Hub, HubConfig, RouteSink, Routed, SubscriptionGuard};
pub use self::hub_core::{
    EMPTY_READS_MAX, HELD_MAX_BYTES, HELD_MAX_MESSAGES, HubAction, HubChannelCore, HubCounts,
};
pub use self::link::LinkState;
pub use self::log::{
    AppendOutcome, AppendRequest, EVENT_LOG_MAX_BYTES, EVENT_LOG_MAX_ENTRIES, LogEntry, LogPage,
    SNAPSHOT_MAX_BYTES, STATE_LOG_MAX_DELTA_BYTES, StreamLog,
};
pub use self::publishers::{EventPublisher, StatePublisher, fresh_epoch};
pub use self::redis_link::RedisConfig;
pub use self::state_core::{
    LOOK_EVERY_MILLIS, SNAPSHOT_EVERY_MILLIS, StateCounts, StatePublisherCore, StateSource,
    StateStep, THROTTLE_MILLIS,
};
