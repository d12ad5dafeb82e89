//! What the engine says about itself in plain atomics, so that health can be told even when the engine hangs.
//!
//! Judges nothing: thresholds are the health page's.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use qd_types::{OrderStatus, UtcMicros};

use crate::desk::Desk;
use crate::ledger::Changes;

/// Figures of the last step; written by the engine, read by anybody.
#[derive(Debug, Default)]
pub struct EngineStatus {
    started_at: AtomicI64,
    stepped_at: AtomicI64,
    quoted_at: AtomicI64,
    step_micros: AtomicU64,
    num_steps: AtomicU64,
    num_queued: AtomicU64,
    num_open: AtomicU64,
    num_unknown: AtomicU64,
    anomalies: AtomicU64,
    venue_events: AtomicU64,
    ack_micros: AtomicU64,
    fills: AtomicU64,
    order_changes: AtomicU64,
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

impl EngineStatus {
    pub(super) fn new(now: UtcMicros) -> Self {
        Self {
            started_at: AtomicI64::new(now.0),
            stepped_at: AtomicI64::new(now.0),
            quoted_at: AtomicI64::new(now.0),
            ..Self::default()
        }
    }

    pub(super) fn note_queued(&self, num_queued: usize) {
        self.num_queued.store(count(num_queued), Ordering::Relaxed);
    }

    pub(super) fn note_step(&self, desk: &Desk, began: UtcMicros, ended: UtcMicros) {
        self.stepped_at.store(ended.0, Ordering::Relaxed);
        let took = u64::try_from(ended.micros_since(began)).unwrap_or(0);
        self.step_micros.store(took, Ordering::Relaxed);
        self.num_steps.fetch_add(1, Ordering::Relaxed);
        if let Some(newest) = desk.market().quotes().map(|quote| quote.at).max() {
            self.quoted_at.store(newest.0, Ordering::Relaxed);
        }
        let (mut num_open, mut num_unknown) = (0, 0);
        for record in desk.ledger().open_orders() {
            num_open += 1;
            num_unknown += u64::from(record.order.status == OrderStatus::Unknown);
        }
        self.num_open.store(num_open, Ordering::Relaxed);
        self.num_unknown.store(num_unknown, Ordering::Relaxed);
        self.anomalies
            .store(desk.ledger().counters().anomalies, Ordering::Relaxed);
        self.venue_events
            .store(desk.venue().num_events(), Ordering::Relaxed);
    }

    pub(super) fn note_changes(&self, changes: &Changes) {
        for change in &changes.orders {
            self.order_changes.fetch_add(1, Ordering::Relaxed);
            if change.fill.is_some() {
                self.fills.fetch_add(1, Ordering::Relaxed);
            } else if change.order.status == OrderStatus::Working {
                let waited = change
                    .order
                    .updated_at
                    .micros_since(change.order.created_at);
                self.ack_micros
                    .store(u64::try_from(waited).unwrap_or(0), Ordering::Relaxed);
            }
        }
    }

    /// When the engine was started.
    pub fn started_at(&self) -> UtcMicros {
        UtcMicros(self.started_at.load(Ordering::Relaxed))
    }

    /// When the last step ended.
    pub fn stepped_at(&self) -> UtcMicros {
        UtcMicros(self.stepped_at.load(Ordering::Relaxed))
    }

    /// When the newest quote was made.
    pub fn quoted_at(&self) -> UtcMicros {
        UtcMicros(self.quoted_at.load(Ordering::Relaxed))
    }

    /// Microseconds that the last step took.
    pub fn step_micros(&self) -> u64 {
        self.step_micros.load(Ordering::Relaxed)
    }

    /// Steps since the start.
    pub fn num_steps(&self) -> u64 {
        self.num_steps.load(Ordering::Relaxed)
    }

    /// Jobs that waited after the last thing the engine did.
    pub fn num_queued(&self) -> u64 {
        self.num_queued.load(Ordering::Relaxed)
    }

    /// Open orders after the last step.
    pub fn num_open(&self) -> u64 {
        self.num_open.load(Ordering::Relaxed)
    }

    /// Orders whose answer is missing after the last step.
    pub fn num_unknown(&self) -> u64 {
        self.num_unknown.load(Ordering::Relaxed)
    }

    /// Reports of the venue that the books refused.
    pub fn anomalies(&self) -> u64 {
        self.anomalies.load(Ordering::Relaxed)
    }

    /// Reports of the venue so far, the simulated past included.
    pub fn venue_events(&self) -> u64 {
        self.venue_events.load(Ordering::Relaxed)
    }

    /// Microseconds from recording to acknowledgement of the order that was acknowledged last; zero before the first.
    pub fn ack_micros(&self) -> u64 {
        self.ack_micros.load(Ordering::Relaxed)
    }

    /// Fills published since the start.
    pub fn fills(&self) -> u64 {
        self.fills.load(Ordering::Relaxed)
    }

    /// Order changes published since the start.
    pub fn order_changes(&self) -> u64 {
        self.order_changes.load(Ordering::Relaxed)
    }
}
