//! Metrics in the text form that Prometheus reads. Counts requests itself; everything else is read when asked for.

use std::sync::atomic::AtomicU64;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Response;
use axum::middleware::Next;
use parking_lot::Mutex;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use qd_types::{BreakerState, HaltState};

use super::Api;
use crate::engine::ExecutionHandle;

type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram>;

/// Upper bounds of the request times' buckets, in seconds.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// What this crate counts as requests pass.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    requests: Histograms,
}

impl Default for Metrics {
    fn default() -> Self {
        let requests: Histograms = Family::new_with_constructor(histogram as fn() -> Histogram);
        let mut registry = Registry::default();
        registry.register(
            "qd_execution_request_seconds",
            "Time from a request's head to its answer",
            requests.clone(),
        );
        Self {
            registry: Mutex::new(registry),
            requests,
        }
    }
}

/// Measures every request; the path is the route's pattern, so that ids make no series of their own.
pub(super) async fn measure(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Response<axum::body::Body> {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let began = api.handle.now();
    let mut answering = std::pin::pin!(next.run(request));
    // Around each poll and not around the whole: a scope belongs to a thread, a request to none.
    let response = std::future::poll_fn(|cx| {
        profiling::scope!("execution_request");
        answering.as_mut().poll(cx)
    })
    .await;
    let seconds = api.handle.now().micros_since(began).max(0) as f64 / 1e6;
    let labels = vec![
        ("route", route),
        ("status", response.status().as_u16().to_string()),
    ];
    api.metrics.requests.get_or_create(&labels).observe(seconds);
    response
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64, AtomicU64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counters(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (String, u64)>,
) {
    let family = Family::<Labels, Counter>::default();
    for (word, value) in values {
        family.get_or_create(&vec![(label, word)]).inc_by(value);
    }
    registry.register(name, help, family);
}

fn gauges(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (String, i64)>,
) {
    let family = Family::<Labels, Gauge>::default();
    for (word, value) in values {
        family.get_or_create(&vec![(label, word)]).set(value);
    }
    registry.register(name, help, family);
}

/// What can only be read in turn with the engine.
struct DeskFigures {
    final_orders: Vec<(String, u64)>,
    refusals: Vec<(String, u64)>,
    halts: Vec<(String, i64)>,
    breakers: Vec<(String, i64)>,
}

async fn desk_figures(handle: &ExecutionHandle) -> Option<DeskFigures> {
    let words = |counts: &std::collections::BTreeMap<&'static str, u64>| {
        counts
            .iter()
            .map(|(word, count)| ((*word).to_owned(), *count))
            .collect()
    };
    let figures = handle.read(move |desk, _| {
        let ledger = desk.ledger();
        DeskFigures {
            final_orders: words(&ledger.counters().final_orders),
            refusals: words(&ledger.counters().refusals),
            halts: vec![(
                "firm".to_owned(),
                match ledger.halt().state {
                    HaltState::Active => 0,
                    HaltState::ReduceOnly => 1,
                    HaltState::Halted => 2,
                    HaltState::Unknown => 3,
                },
            )],
            breakers: ledger
                .breakers()
                .iter()
                .map(|breaker| {
                    let state = match breaker.state {
                        BreakerState::Open => 0,
                        BreakerState::Tripped => 1,
                        BreakerState::QuietPeriod => 2,
                    };
                    (breaker.name.clone(), state)
                })
                .collect(),
        }
    });
    figures.await.ok()
}

/// The whole page.
pub(super) async fn page(api: &super::ApiState) -> Result<String, std::fmt::Error> {
    let handle = &api.handle;
    let status = handle.status();
    let mut now = Registry::default();
    let registry = &mut now;
    gauge(
        registry,
        "qd_execution_open_orders",
        "Orders that can still change",
        status.num_open(),
    );
    gauge(
        registry,
        "qd_execution_unknown_orders",
        "Orders whose answer is missing",
        status.num_unknown(),
    );
    gauge(
        registry,
        "qd_tie_out_breaks",
        "Reports of the venue that the books refused",
        status.anomalies(),
    );
    gauge(
        registry,
        "qd_execution_queued_jobs",
        "Jobs that wait for the engine",
        status.num_queued(),
    );
    gauge(
        registry,
        "qd_execution_step_micros",
        "Time that the engine's last step took",
        status.step_micros(),
    );
    counter(
        registry,
        "qd_execution_steps",
        "Steps of the engine",
        status.num_steps(),
    );
    counter(
        registry,
        "qd_execution_fills",
        "Fills published",
        status.fills(),
    );
    counter(
        registry,
        "qd_execution_order_changes",
        "Order changes published",
        status.order_changes(),
    );
    counter(
        registry,
        "qd_execution_venue_events",
        "Reports of the venue",
        status.venue_events(),
    );
    counters(
        registry,
        "qd_execution_publisher",
        "What the publishers did",
        "kind",
        handle
            .stream_counts()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let bus = handle.bus().counts();
    counters(
        registry,
        "qd_bus_messages",
        "What passed through this process's bus",
        "kind",
        super::admin::bus_counts(&bus).map(|(name, value)| (name.to_owned(), value)),
    );
    let link_up = i64::from(handle.bus().link().borrow().is_up());
    gauges(
        registry,
        "qd_bus_link_up",
        "Whether commands reach the bus",
        "bus",
        [("main".to_owned(), link_up)],
    );
    // Without the engine the page still says what is left: that it does not run.
    gauge(
        registry,
        "qd_execution_engine_running",
        "Whether the engine runs",
        u64::from(handle.is_running()),
    );
    if let Some(figures) = desk_figures(handle).await {
        counters(
            registry,
            "qd_execution_orders",
            "Orders that reached a final state",
            "status",
            figures.final_orders,
        );
        counters(
            registry,
            "qd_execution_rail_refusals",
            "Orders refused",
            "rule",
            figures.refusals,
        );
        gauges(
            registry,
            "qd_halt_state",
            "0 active, 1 reduce only, 2 engaged, 3 unknown",
            "scope",
            figures.halts,
        );
        gauges(
            registry,
            "qd_breaker_state",
            "0 open, 1 tripped, 2 quiet period",
            "name",
            figures.breakers,
        );
    }
    let mut text = String::new();
    encode_registry(&mut text, &api.metrics.registry.lock())?;
    encode_registry(&mut text, &now)?;
    encode_eof(&mut text)?;
    Ok(text)
}
