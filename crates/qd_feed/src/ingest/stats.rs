//! What the server is told every thirty seconds about what this console saw. Figures only, from the last snapshot.

use qd_state::{FeedView, HopLatency, Snapshot};
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

/// Every stretch of the way. The store measures all streams together; positions make up nearly all of it.
fn hops(snapshot: &Snapshot) -> Vec<HopStats> {
    let Some(session) = &snapshot.session else {
        return Vec::new();
    };
    let of_stretch = |latency: &HopLatency| HopStats {
        stream: StreamName::Positions(session.user_id.clone()),
        hop: latency.hop.name().to_owned(),
        p50_ms: millis(latency.p50_micros),
        p99_ms: millis(latency.p99_micros),
        error_ms: latency.error_micros.map_or(0.0, millis),
    };
    snapshot.feed.hops.iter().map(of_stretch).collect()
}

fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use qd_state::Hop;

    use super::*;

    // covers: RT-7
    #[test]
    fn every_stretch_of_the_way_is_told() {
        let latency = |hop| HopLatency {
            hop,
            p50_micros: 1_000,
            p99_micros: 2_500,
            error_micros: None,
            num_samples: 7,
        };
        let mut snapshot = Snapshot::default();
        Arc::make_mut(&mut snapshot.feed).hops = Hop::ALL.map(latency).into();
        let mut report = StatsReport::default();
        assert!(report.make(&snapshot, 0).hops.is_empty(), "nobody's");
        snapshot.session = Some(Arc::new(qd_state::Session {
            user_id: qd_types::UserId::new("alice").unwrap(),
            name: String::new(),
            roles: Vec::new(),
            permissions: qd_types::Role::Trader.permissions(),
            accounts: Vec::new(),
            idle_at: None,
            absolute_at: None,
        }));
        let told = report.make(&snapshot, 0).hops;
        let names: Vec<_> = told.iter().map(|hop| hop.hop.as_str()).collect();
        assert_eq!(names, Hop::ALL.map(Hop::name));
        assert!(told.iter().all(|hop| hop.p99_ms > 2.0 && hop.p99_ms < 3.0));
    }
}
