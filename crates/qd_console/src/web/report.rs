//! What the test handle says, as JSON. Instants are microseconds since 1970, durations are milliseconds.

use std::collections::BTreeMap;

use qd_feed::{FeedHandle, PaintLog};
use serde::Serialize;

use crate::App;
use crate::access_tree::AccessTree;

fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

pub(super) fn tree(tree: &AccessTree) -> Option<String> {
    json(&tree.in_order())
}

pub(super) fn painted(log: &PaintLog, num_frames: u64) -> Option<String> {
    #[derive(Serialize)]
    struct PaintedWire<'a> {
        /// Frames drawn so far.
        frame: u64,
        streams: BTreeMap<String, PlaceWire<'a>>,
        /// Per stream `[seq, published_at, painted_at]`, oldest first.
        points: BTreeMap<String, Vec<(u64, i64, i64)>>,
    }
    #[derive(Serialize)]
    struct PlaceWire<'a> {
        epoch: &'a str,
        seq: u64,
        published_at: Option<i64>,
        painted_at: Option<i64>,
    }

    let mut wire = PaintedWire {
        frame: num_frames,
        streams: BTreeMap::new(),
        points: BTreeMap::new(),
    };
    for (stream, painted) in log.painted() {
        let last = painted.points.back();
        wire.streams.insert(
            stream.to_string(),
            PlaceWire {
                epoch: painted.pos.epoch.as_str(),
                seq: painted.pos.seq.0,
                published_at: last.map(|point| point.published_at.0),
                painted_at: last.map(|point| point.painted_at.0),
            },
        );
        let points = painted.points.iter();
        wire.points.insert(
            stream.to_string(),
            points
                .map(|point| (point.seq.0, point.published_at.0, point.painted_at.0))
                .collect(),
        );
    }
    json(&wire)
}

pub(super) fn frame_stats(app: &App, feed: &FeedHandle) -> Option<String> {
    #[derive(Serialize)]
    struct FrameStatsWire {
        frames: u64,
        p50_ms: Option<f32>,
        p99_ms: Option<f32>,
        max_ms: Option<f32>,
        /// Per stretch of the way, in order: its name, p50 and p99 in milliseconds, and how many samples.
        hops: Vec<(&'static str, f64, f64, usize)>,
        clock_offset_micros: Option<i64>,
        clock_error_micros: Option<i64>,
        frames_received: u64,
        bytes_received: u64,
        snapshots_published: u64,
        dropped: u64,
        gaps: u64,
        resyncs: u64,
        unreadable: u64,
    }

    let (stats, snapshot, meter) = (app.frame_stats(), app.snapshot(), feed.meter());
    let clock = snapshot.connection.clock;
    json(&FrameStatsWire {
        frames: stats.total(),
        p50_ms: stats.p50(),
        p99_ms: stats.p99(),
        max_ms: stats.max(),
        hops: snapshot
            .feed
            .hops
            .iter()
            .map(|hop| {
                let millis = |micros: i64| micros as f64 / 1000.0;
                (
                    hop.hop.as_str(),
                    millis(hop.p50_micros),
                    millis(hop.p99_micros),
                    hop.num_samples,
                )
            })
            .collect(),
        clock_offset_micros: clock.map(|clock| clock.offset_micros),
        clock_error_micros: clock.map(|clock| clock.error_micros),
        frames_received: meter.frames_received(),
        bytes_received: meter.bytes_received(),
        snapshots_published: meter.snapshots_published(),
        dropped: snapshot.feed.num_dropped,
        gaps: snapshot.feed.num_gaps,
        resyncs: snapshot.feed.num_resyncs,
        unreadable: snapshot.feed.num_unreadable,
    })
}
