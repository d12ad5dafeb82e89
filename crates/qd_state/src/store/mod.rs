//! The reducer: one total match over [`Event`], and the publication of what changed.

use std::sync::Arc;

use qd_types::{StreamName, StreamPos, UtcMicros, ZoneChoice};

use crate::effect::Effect;
use crate::event::Event;
use crate::snapshot::Snapshot;

/// What the reducer is told at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreConfig {
    /// The zone of the times on screen.
    pub zone: ZoneChoice,
    /// Whether the alerts stream is wanted.
    pub wants_alerts: bool,
}

/// The console's state. One writer: the ingest task.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
}

impl Store {
    /// A store that knows nothing.
    pub fn new(config: StoreConfig) -> Self {
        Self { config }
    }

    /// What `event` changes, and what is to be done about it; `now` is the client's clock.
    pub fn apply(&mut self, event: Event, now: UtcMicros) -> Vec<Effect> {
        let _ = (event, now, &self.config);
        Vec::new()
    }

    /// The next snapshot, if anything visible changed since the last: call at most once per frame interval.
    pub fn snapshot_if_changed(&mut self, now: UtcMicros) -> Option<Arc<Snapshot>> {
        let _ = now;
        None
    }

    /// The streams to ask for in a `hello`: none before the user is known.
    pub fn wanted(&self) -> Vec<StreamName> {
        Vec::new()
    }

    /// The places to resume from in a `hello`: one for each wanted stream that has a place.
    pub fn resume(&self) -> Vec<(StreamName, StreamPos)> {
        Vec::new()
    }

    /// When [`Event::Ticked`] is due at the latest; absent when nothing waits.
    pub fn next_wake_at(&self) -> Option<UtcMicros> {
        None
    }
}
