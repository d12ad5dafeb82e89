//! A lane that the hub fills and a socket's task empties, under one short lock.
//!
//! It adds two things to the pure lane: a wake-up, and the lifting of events out of another producer's displaced messages.

use std::sync::Arc;

use parking_lot::Mutex;
use qd_bus::{RouteSink, Routed};
use tokio::sync::Notify;

use crate::lane::Lane;

/// One lane between two tasks.
pub(crate) struct SharedLane {
    lane: Mutex<Lane>,
    wake: Arc<Notify>,
    /// Where events go that are lifted out of a displaced unnumbered message; absent when the socket hears no orders.
    lifted_to: Option<Arc<Self>>,
}

impl SharedLane {
    pub(crate) fn new(lane: Lane, wake: Arc<Notify>, lifted_to: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            lane: Mutex::new(lane),
            wake,
            lifted_to,
        })
    }

    /// Does something with the lane; to be kept short, for the hub waits.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Lane) -> T) -> T {
        act(&mut self.lane.lock())
    }
}

impl RouteSink for SharedLane {
    fn route(&self, routed: &Arc<Routed>) {
        profiling::function_scope!();
        let displaced = self.with(|lane| lane.on_routed(routed));
        // What is sent keeps its event, and the client lifts it there; only a displaced message would take it along.
        if let Some(bytes) = displaced
            && let Some(orders) = &self.lifted_to
        {
            match qd_wire::message::lift_event(&bytes) {
                Ok(Some(event)) => {
                    orders.with(|lane| lane.on_lifted(event.into(), routed.routed_at));
                }
                Ok(None) => {}
                Err(err) => {
                    tracing::debug!(stream = %routed.stream, error = %err, "a displaced message has no readable event");
                }
            }
        }
        self.wake.notify_one();
    }
}
