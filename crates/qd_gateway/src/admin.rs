//! Health, figures and version, on a listener of their own that the public never reaches.
//!
//! Ready means that somebody could work now: the bus answers, messages arrive, the execution side is there.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::json;

use crate::state::AppState;

/// The admin listener's routes.
pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .with_state(state)
}

async fn live() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

async fn ready(State(state): State<AppState>) -> Response {
    let bus = state.bus.link().borrow().is_up();
    let hub = state.hub.link().borrow().is_up();
    let execution = state.backend.is_reachable().await;
    let draining = state.draining.is_cancelled();
    let is_ready = bus && hub && execution && !draining;
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({
        "status": if is_ready { "ok" } else { "unavailable" },
        "bus": bus,
        "hub": hub,
        "execution": execution,
        "draining": draining,
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(state): State<AppState>) -> Response {
    let is_bus_up = state.bus.link().borrow().is_up();
    let text = state
        .metrics
        .render(&state.counts(), &state.bus.counts(), is_bus_up);
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

async fn version(State(state): State<AppState>) -> Response {
    Json(json!({ "version": state.config.version, "node": state.config.node })).into_response()
}
