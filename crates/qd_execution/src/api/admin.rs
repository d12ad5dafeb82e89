//! Health, metrics and version. Every verdict comes from evidence of the last seconds; nothing is green by itself.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, header};
use axum::response::IntoResponse as _;
use qd_bus::BusCounts;
use qd_types::{MarketPhase, Permission, StreamName, UtcMicros};
use qd_wire::rest::{FeedCounter, HealthResponse, ServiceHealth, ServiceStatus};
use serde::Serialize;

use super::identity::Caller;
use super::problem::ApiError;
use super::query::Params;
use super::reads::json;
use super::{Api, metrics as page};
use crate::engine::ExecutionHandle;

/// Longest wait for the bus when its health is asked for.
const BUS_DUE: Duration = Duration::from_millis(500);

type Answer = Result<Response<Body>, ApiError>;

/// `Ok` up to `ok_millis` of age, `Degraded` up to `degraded_millis`, then `Down`.
fn by_age(age_millis: i64, ok_millis: i64, degraded_millis: i64) -> ServiceStatus {
    if age_millis <= ok_millis {
        ServiceStatus::Ok
    } else if age_millis <= degraded_millis {
        ServiceStatus::Degraded
    } else {
        ServiceStatus::Down
    }
}

/// The engine's verdict: it steps, its books are whole, its jobs do not pile up.
fn engine_health(handle: &ExecutionHandle, now: UtcMicros) -> ServiceHealth {
    let status = handle.status();
    let age = now.millis_since(status.stepped_at()).max(0);
    let mut verdict = by_age(age, 1_000, 5_000);
    if !handle.is_running() {
        verdict = ServiceStatus::Down;
    } else if verdict == ServiceStatus::Ok && (status.anomalies() > 0 || status.num_queued() > 512)
    {
        verdict = ServiceStatus::Degraded;
    }
    ServiceHealth {
        name: "execution".to_owned(),
        status: verdict,
        detail: format!(
            "last step {} ago, {} jobs waiting, {} anomalies",
            qd_types::fmt::age(age),
            status.num_queued(),
            status.anomalies()
        ),
        latency_micros: Some(status.step_micros()),
    }
}

fn market_health(
    handle: &ExecutionHandle,
    phase: Option<MarketPhase>,
    now: UtcMicros,
) -> ServiceHealth {
    let age = now.millis_since(handle.status().quoted_at()).max(0);
    let (status, detail) = match phase {
        Some(MarketPhase::Open) => (
            by_age(age, 2_000, 10_000),
            format!("newest quote {} ago", qd_types::fmt::age(age)),
        ),
        // A closed market is quiet, not broken.
        Some(phase) => (
            ServiceStatus::Ok,
            format!("market {}: no quotes expected", phase.as_str()),
        ),
        None => (
            ServiceStatus::Unknown,
            "the engine does not answer".to_owned(),
        ),
    };
    ServiceHealth {
        name: "market_data".to_owned(),
        status,
        detail,
        latency_micros: None,
    }
}

fn venue_health(handle: &ExecutionHandle, engine: ServiceStatus) -> ServiceHealth {
    let status = handle.status();
    // The venue lives in the engine's steps: when those stop, nobody knows about the venue.
    let verdict = match engine {
        ServiceStatus::Down => ServiceStatus::Unknown,
        _ if status.num_unknown() > 0 => ServiceStatus::Degraded,
        _ => ServiceStatus::Ok,
    };
    ServiceHealth {
        name: "venue".to_owned(),
        status: verdict,
        detail: format!(
            "paper, {} open orders, {} unknown, {} events",
            status.num_open(),
            status.num_unknown(),
            status.venue_events()
        ),
        latency_micros: Some(status.ack_micros()).filter(|micros| *micros > 0),
    }
}

async fn bus_health(handle: &ExecutionHandle) -> ServiceHealth {
    let began = handle.now();
    let asked = tokio::time::timeout(BUS_DUE, handle.bus().position(&StreamName::KillSwitch)).await;
    let micros = u64::try_from(handle.now().micros_since(began)).unwrap_or(0);
    let (status, detail, latency_micros) = match asked {
        Ok(Ok(Some(position))) => (
            ServiceStatus::Ok,
            format!("answers; halts at {}", position.seq),
            Some(micros),
        ),
        Ok(Ok(None)) => (
            ServiceStatus::Degraded,
            "answers, but does not hold this gateway's streams".to_owned(),
            Some(micros),
        ),
        Ok(Err(err)) => (ServiceStatus::Down, err.to_string(), None),
        Err(_elapsed) => (ServiceStatus::Down, "no answer in time".to_owned(), None),
    };
    ServiceHealth {
        name: "bus".to_owned(),
        status,
        detail,
        latency_micros,
    }
}

/// The bus's counters by name, in a fixed order.
pub(super) fn bus_counts(counts: &BusCounts) -> impl Iterator<Item = (&'static str, u64)> + use<> {
    [
        ("published", counts.published),
        ("mismatches", counts.mismatches),
        ("refills", counts.refills),
        ("failed_operations", counts.failed_operations),
        ("received", counts.received),
        ("log_messages_read", counts.log_messages_read),
        ("routed", counts.routed),
        ("routed_unnumbered", counts.routed_unnumbered),
        ("duplicates", counts.duplicates),
        ("dropped", counts.dropped),
        ("gaps", counts.gaps),
        ("resubscribes", counts.resubscribes),
        ("log_reads", counts.log_reads),
        ("reconnects", counts.reconnects),
        ("hub_reconnects", counts.hub_reconnects),
        ("unreadable", counts.unreadable),
    ]
    .into_iter()
}

pub(super) async fn system_health(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
) -> Answer {
    caller.must(Permission::HealthView)?;
    params.finish()?;
    let handle = &api.handle;
    let phase = handle
        .read(|desk, now| desk.market_clock(now).phase)
        .await
        .ok();
    let now = handle.now();
    let engine = engine_health(handle, now);
    let venue = venue_health(handle, engine.status);
    let services = vec![
        engine,
        market_health(handle, phase, now),
        venue,
        bus_health(handle).await,
    ];
    let feed = handle
        .stream_counts()
        .into_iter()
        .chain(bus_counts(&handle.bus().counts()))
        .map(|(name, value)| FeedCounter {
            name: name.to_owned(),
            value,
        })
        .collect();
    Ok(json(
        200,
        &HealthResponse {
            services,
            feed,
            as_of: now,
        },
    ))
}

#[derive(Serialize)]
struct LiveBody {
    status: &'static str,
}

/// The process answers: nothing more is said.
pub(super) async fn live() -> Response<Body> {
    json(200, &LiveBody { status: "ok" })
}

/// Ready when the engine steps and the bus answers: otherwise no order event would reach anybody.
pub(super) async fn ready(State(api): State<Api>) -> Answer {
    let engine = engine_health(&api.handle, api.handle.now());
    let bus = bus_health(&api.handle).await;
    for service in [&engine, &bus] {
        if service.status == ServiceStatus::Down {
            let mut err = ApiError::new(
                503,
                "not_ready",
                format!("{}: {}", service.name, service.detail),
            );
            err.0.retry_after_ms = Some(1000);
            return Err(err);
        }
    }
    Ok(json(200, &LiveBody { status: "ready" }))
}

#[derive(Serialize)]
struct VersionBody<'a> {
    name: &'static str,
    version: &'a str,
    environment: &'static str,
    started_at: String,
}

pub(super) async fn version(State(api): State<Api>) -> Response<Body> {
    json(
        200,
        &VersionBody {
            name: "quarterdeck-execution",
            version: api.handle.version(),
            environment: api.handle.environment().as_str(),
            started_at: api.handle.status().started_at().to_rfc3339(),
        },
    )
}

pub(super) async fn metrics(State(api): State<Api>) -> Answer {
    let text = page::page(&api)
        .await
        .map_err(|err| ApiError::new(500, "internal_error", err.to_string()))?;
    let headers = [(
        header::CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    Ok((headers, text).into_response())
}
