//! What the feed counts about itself, readable from anywhere. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the feed was made.
#[derive(Debug, Default)]
pub struct FeedMeter {
    sockets_opened: AtomicU64,
    sockets_closed: AtomicU64,
    frames_received: AtomicU64,
    bytes_received: AtomicU64,
    snapshots_published: AtomicU64,
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
pub(crate) struct CountedSocket(std::sync::Arc<FeedMeter>);

impl CountedSocket {
    pub(crate) fn open(meter: std::sync::Arc<FeedMeter>) -> Self {
        meter.sockets_opened.fetch_add(1, Ordering::SeqCst);
        Self(meter)
    }
}

impl Drop for CountedSocket {
    fn drop(&mut self) {
        self.0.sockets_closed.fetch_add(1, Ordering::SeqCst);
    }
}
