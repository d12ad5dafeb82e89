//! What the feed counts about itself, readable from anywhere. It decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use qd_queue::Counters;
use qd_types::StreamName;

use crate::lanes::LanePort;

/// Counts since the feed was made.
#[derive(Debug, Default)]
pub struct FeedMeter {
    sockets_opened: AtomicU64,
    sockets_closed: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
    snapshots_published: AtomicU64,
    lanes: Mutex<Option<Arc<LanePort>>>,
}

impl FeedMeter {
    /// Sockets that were asked for, opened or not.
    pub fn sockets_opened(&self) -> u64 {
        self.sockets_opened.load(Ordering::SeqCst)
    }

    /// Sockets that are gone again.
    pub fn sockets_closed(&self) -> u64 {
        self.sockets_closed.load(Ordering::SeqCst)
    }

    /// Frames that came, readable or not.
    pub fn frames_received(&self) -> u64 {
        self.frames_received.load(Ordering::Relaxed)
    }

    /// Bytes of those frames.
    pub fn bytes_received(&self) -> u64 {
        self.bytes_received.load(Ordering::Relaxed)
    }

    /// Snapshots handed to the screen.
    pub fn snapshots_published(&self) -> u64 {
        self.snapshots_published.load(Ordering::Relaxed)
    }

    /// Counters of the queue behind each stream, in frames; none while nobody is signed in.
    pub fn queues(&self) -> Vec<(StreamName, Counters)> {
        let lanes = self.lanes.lock();
        lanes
            .as_ref()
            .map(|port| port.counters())
            .unwrap_or_default()
    }

    pub(crate) fn set_lanes(&self, port: Option<Arc<LanePort>>) {
        *self.lanes.lock() = port;
    }

    pub(crate) fn frame_received(&self, num_bytes: usize) {
        self.frames_received.fetch_add(1, Ordering::Relaxed);
        self.bytes_received
            .fetch_add(num_bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn snapshot_published(&self) {
        self.snapshots_published.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts a socket as closed however its task ends.
#[derive(Debug)]
pub(crate) struct CountedSocket(Arc<FeedMeter>);

impl CountedSocket {
    pub(crate) fn open(meter: Arc<FeedMeter>) -> Self {
        meter.sockets_opened.fetch_add(1, Ordering::SeqCst);
        Self(meter)
    }
}

impl Drop for CountedSocket {
    fn drop(&mut self) {
        self.0.sockets_closed.fetch_add(1, Ordering::SeqCst);
    }
}
