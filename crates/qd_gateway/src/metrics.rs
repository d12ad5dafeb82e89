//! The figures for Prometheus, named as the specification says; no label ever names a person or a session.
//!
//! It measures nothing itself: the places where things happen tell it, and gauges are filled in when somebody looks.

use std::fmt::Write as _;
use std::fs;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use qd_bus::BusCounts;
use qd_types::{StreamClass, StreamName};
use qd_wire::frame::ClientStats;

use crate::counts::GatewayCounts;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CodeLabel {
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SignInLabel {
    method: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabel {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct QueueLabel {
    queue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct GapLabel {
    stream_kind: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct HopLabel {
    hop: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EventLabel {
    event: &'static str,
}

/// The stretches of a message's way that consoles report.
const HOPS: [&str; 6] = [
    "made_to_published",
    "published_to_routed",
    "routed_to_received",
    "received_to_applied",
    "applied_to_painted",
    "published_to_painted",
];

type NewHistogram = fn() -> Histogram;

/// Every figure of the gateway.
pub(crate) struct Metrics {
    registry: Registry,
    sockets: Gauge,
    subscriptions: Gauge,
    socket_closes: Family<CodeLabel, Counter>,
    sign_in_failures: Family<SignInLabel, Counter>,
    sessions_created: Counter,
    request_seconds: Family<RequestLabel, Histogram, NewHistogram>,
    queue_depth: Family<QueueLabel, Gauge>,
    queue_dropped: Family<QueueLabel, Counter>,
    queue_skipped: Family<QueueLabel, Counter>,
    gaps: Family<GapLabel, Counter>,
    push_seconds: Family<HopLabel, Histogram, NewHistogram>,
    bus_events: Family<EventLabel, Counter>,
    bus_up: Gauge,
    resident_bytes: Gauge,
    bytes_per_user: Gauge,
}

fn request_histogram() -> Histogram {
    Histogram::new([
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ])
}

fn push_histogram() -> Histogram {
    Histogram::new([
        0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0,
    ])
}

const LANES: QueueLabel = QueueLabel { queue: "lanes" };
const CLIENT: QueueLabel = QueueLabel { queue: "client" };

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            socket_closes: Family::default(),
            sign_in_failures: Family::default(),
            sessions_created: Counter::default(),
            request_seconds: Family::new_with_constructor(request_histogram),
            queue_depth: Family::default(),
            queue_dropped: Family::default(),
            queue_skipped: Family::default(),
            gaps: Family::default(),
            push_seconds: Family::new_with_constructor(push_histogram),
            bus_events: Family::default(),
            bus_up: Gauge::default(),
            resident_bytes: Gauge::default(),
            bytes_per_user: Gauge::default(),
        };
        // The library adds `_total` to counters by itself.
        let registry = &mut metrics.registry;
        registry.register(
            "qd_gateway_sockets",
            "Open sockets",
            metrics.sockets.clone(),
        );
        registry.register(
            "qd_gateway_subscriptions",
            "Open lanes",
            metrics.subscriptions.clone(),
        );
        registry.register(
            "qd_gateway_socket_closes",
            "Sockets closed by the server, by close code",
            metrics.socket_closes.clone(),
        );
        registry.register(
            "qd_gateway_sign_in_failures",
            "Sign-ins refused",
            metrics.sign_in_failures.clone(),
        );
        registry.register(
            "qd_gateway_sessions_created",
            "Sessions created",
            metrics.sessions_created.clone(),
        );
        registry.register(
            "qd_gateway_request_seconds",
            "Time to answer a request",
            metrics.request_seconds.clone(),
        );
        registry.register(
            "qd_queue_depth",
            "Messages waiting",
            metrics.queue_depth.clone(),
        );
        registry.register(
            "qd_queue_dropped",
            "Messages lost at a bound or with a socket",
            metrics.queue_dropped.clone(),
        );
        registry.register(
            "qd_queue_skipped",
            "Messages that a newer snapshot stands for",
            metrics.queue_skipped.clone(),
        );
        registry.register("qd_stream_gaps", "Holes in streams", metrics.gaps.clone());
        registry.register(
            "qd_push_seconds",
            "Time from publishing to a hop, 99th percentiles as clients report them",
            metrics.push_seconds.clone(),
        );
        registry.register(
            "qd_bus_events",
            "What the bus did, by kind",
            metrics.bus_events.clone(),
        );
        registry.register(
            "qd_bus_up",
            "Whether the bus answers",
            metrics.bus_up.clone(),
        );
        registry.register(
            "qd_process_resident_bytes",
            "Memory of the process",
            metrics.resident_bytes.clone(),
        );
        registry.register(
            "qd_gateway_memory_per_user_bytes",
            "Memory of the process by open socket",
            metrics.bytes_per_user.clone(),
        );
        metrics
    }

    pub(crate) fn socket_closed(&self, code: u16) {
        self.socket_closes.get_or_create(&CodeLabel { code }).inc();
    }

    pub(crate) fn sign_in_refused(&self, method: &'static str, reason: &'static str) {
        self.sign_in_failures
            .get_or_create(&SignInLabel { method, reason })
            .inc();
    }

    pub(crate) fn session_created(&self) {
        self.sessions_created.inc();
    }

    /// `route` is a pattern of ours, never a path of the client's.
    pub(crate) fn answered(&self, route: &str, status: u16, seconds: f64) {
        let label = RequestLabel {
            route: route.to_owned(),
            status,
        };
        self.request_seconds.get_or_create(&label).observe(seconds);
    }

    pub(crate) fn resync_asked(&self, stream: &StreamName) {
        let label = GapLabel {
            stream_kind: kind_of(stream),
            reason: "client_resync",
        };
        self.gaps.get_or_create(&label).inc();
    }

    pub(crate) fn told_gone(&self, stream: &StreamName) {
        let label = GapLabel {
            stream_kind: kind_of(stream),
            reason: "log_trimmed",
        };
        self.gaps.get_or_create(&label).inc();
    }

    /// What a client says of itself is believed only as far as it can be true.
    pub(crate) fn client_reported(&self, stats: &ClientStats) {
        const MOST: u64 = 1_000_000;
        self.queue_dropped
            .get_or_create(&CLIENT)
            .inc_by(stats.dropped.min(MOST));
        self.queue_skipped
            .get_or_create(&CLIENT)
            .inc_by(stats.skipped.min(MOST));
        for hop in stats.hops.iter().take(16) {
            // A name that is not known here makes no label.
            let known = HOPS.into_iter().find(|known| *known == hop.hop);
            if let Some(known) = known
                && (0.0..60_000.0).contains(&hop.p99_ms)
            {
                self.push_seconds
                    .get_or_create(&HopLabel { hop: known })
                    .observe(hop.p99_ms / 1000.0);
            }
        }
    }

    /// Everything as text, with the gauges filled in.
    pub(crate) fn render(
        &self,
        counts: &GatewayCounts,
        bus: &BusCounts,
        is_bus_up: bool,
    ) -> String {
        let as_gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.sockets.set(as_gauge(counts.sockets));
        self.subscriptions.set(as_gauge(counts.subscriptions));
        self.bus_up.set(i64::from(is_bus_up));
        self.queue_depth
            .get_or_create(&LANES)
            .set(i64::try_from(counts.lanes.queued).unwrap_or(i64::MAX));
        raise_to(
            &self.queue_dropped.get_or_create(&LANES),
            counts.lanes.dropped,
        );
        raise_to(
            &self.queue_skipped.get_or_create(&LANES),
            counts.lanes.told_skipped,
        );
        for (event, value) in bus_events(bus) {
            raise_to(&self.bus_events.get_or_create(&EventLabel { event }), value);
        }
        let resident = resident_bytes();
        self.resident_bytes.set(resident);
        self.bytes_per_user
            .set(resident / as_gauge(counts.sockets.max(1)));
        let mut out = String::new();
        if let Err(err) = text::encode(&mut out, &self.registry) {
            tracing::error!(error = %err, "metrics could not be written");
            write!(out, "# {err}").ok();
        }
        out
    }
}

/// Sets a counter that is counted elsewhere; it never goes back.
fn raise_to(counter: &Counter, value: u64) {
    counter.inc_by(value.saturating_sub(counter.get()));
}

fn kind_of(stream: &StreamName) -> &'static str {
    match stream.class() {
        StreamClass::State => "state",
        StreamClass::Event => "event",
    }
}

fn bus_events(bus: &BusCounts) -> [(&'static str, u64); 5] {
    [
        ("published", bus.published),
        ("routed", bus.routed),
        ("gaps", bus.gaps),
        ("unreadable", bus.unreadable),
        ("failed_operations", bus.failed_operations),
    ]
}

/// Resident memory as the kernel counts it; zero where there is no such file.
fn resident_bytes() -> i64 {
    fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<i64>().ok())
        .unwrap_or(0)
        .saturating_mul(4096)
}

#[cfg(test)]
mod tests {
    use qd_wire::frame::HopStats;

    use super::*;

    // covers: RT-7
    #[test]
    fn what_consoles_say_of_the_way_is_counted_by_stretch() {
        let metrics = Metrics::new();
        let said = |hop: &str, p99_ms| HopStats {
            stream: StreamName::KillSwitch,
            hop: hop.to_owned(),
            p50_ms: 1.0,
            p99_ms,
            error_ms: 0.0,
        };
        let mut hops: Vec<_> = HOPS.iter().map(|hop| said(hop, 4.0)).collect();
        hops.extend([
            said("by_pigeon", 4.0),
            said(HOPS[0], -1.0),
            said(HOPS[0], 1e9),
        ]);
        metrics.client_reported(&ClientStats {
            hops,
            ..ClientStats::default()
        });
        let text = metrics.render(&GatewayCounts::default(), &BusCounts::default(), true);
        for hop in HOPS {
            let line = format!("qd_push_seconds_count{{hop=\"{hop}\"}} 1");
            assert!(text.contains(&line), "{line} in\n{text}");
        }
        assert!(!text.contains("pigeon"));
    }

    // covers: RT-4
    #[test]
    fn the_names_are_those_of_the_specification() {
        let metrics = Metrics::new();
        metrics.socket_closed(4401);
        metrics.sign_in_refused("dev", "unknown_user");
        metrics.session_created();
        metrics.answered("/api/v1/positions", 200, 0.004);
        metrics.resync_asked(&StreamName::KillSwitch);
        metrics.client_reported(&ClientStats {
            dropped: u64::MAX,
            ..ClientStats::default()
        });
        let counts = GatewayCounts {
            sockets: 3,
            ..GatewayCounts::default()
        };
        let text = metrics.render(&counts, &BusCounts::default(), true);
        for line in [
            "qd_gateway_sockets 3",
            "qd_gateway_socket_closes_total{code=\"4401\"} 1",
            "qd_gateway_sign_in_failures_total{method=\"dev\",reason=\"unknown_user\"} 1",
            "qd_gateway_sessions_created_total 1",
            "qd_gateway_request_seconds_count{route=\"/api/v1/positions\",status=\"200\"} 1",
            "qd_stream_gaps_total{stream_kind=\"state\",reason=\"client_resync\"} 1",
            "qd_queue_dropped_total{queue=\"client\"} 1000000",
            "qd_queue_depth{queue=\"lanes\"} 0",
            "qd_bus_up 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(text.contains("qd_process_resident_bytes "));
    }
}
