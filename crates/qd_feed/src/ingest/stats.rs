//! What the server is told every thirty seconds about what this console saw. Figures only, from the last snapshot.

use qd_state::{FeedView, Hop, Snapshot};
use qd_types::StreamName;
use qd_wire::frame::{ClientStats, HopStats};

/// Between two reports.
const INTERVAL_MICROS: i64 = 30_000_000;

/// When the next report is due, and what the last one said.
#[derive(Debug, Default)]
pub(super) struct StatsReport {
    due_at: i64,
    dropped: u64,
    skipped: u64,
    gaps: u64,
    resyncs: u64,
}

impl StatsReport {
    /// When the next report is due.
    pub(super) fn due_at(&self) -> i64 {
        self.due_at
    }

    /// A connection begins: the first report is an interval away.
    pub(super) fn connected(&mut self, now: i64) {
        self.due_at = now.saturating_add(INTERVAL_MICROS);
    }

    /// What happened since the last report.
    pub(super) fn make(&mut self, snapshot: &Snapshot, now: i64) -> ClientStats {
        self.due_at = now.saturating_add(INTERVAL_MICROS);
        let feed: &FeedView = &snapshot.feed;
        // Counters start again with a new session; a report must not go below zero then.
        let since = |last: &mut u64, total: u64| {
            let since = total.saturating_sub(*last);
            *last = total;
            since
        };
        ClientStats {
            hops: hops(snapshot),
            dropped: since(&mut self.dropped, feed.num_dropped),
            skipped: since(&mut self.skipped, feed.num_skipped),
            gaps: since(&mut self.gaps, feed.num_gaps),
            resyncs: since(&mut self.resyncs, feed.num_resyncs),
            frame_ms_p99: feed.frame_p99_micros.map_or(0.0, millis),
        }
    }
}

/// The store measures all streams together; positions make up nearly all of it.
fn hops(snapshot: &Snapshot) -> Vec<HopStats> {
    let session = snapshot.session.as_ref();
    let hop = snapshot
        .feed
        .hops
        .iter()
        .find(|latency| latency.hop == Hop::PublishedToPainted);
    session
        .zip(hop)
        .map(|(session, latency)| HopStats {
            stream: StreamName::Positions(session.user_id.clone()),
            p50_ms: millis(latency.p50_micros),
            p99_ms: millis(latency.p99_micros),
            error_ms: latency.error_micros.map_or(0.0, millis),
        })
        .into_iter()
        .collect()
}

fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}
