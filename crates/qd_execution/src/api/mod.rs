//! The REST side: routes, and what every request passes through on its way to them.
//!
//! From the outside in: a request id and the one error body, panics caught, then for everything but health, metrics and
//! version the signed identity. Handlers read the desk through the engine's lanes and never hold it.

mod account;
mod admin;
mod commands;
mod identity;
mod market;
mod metrics;
mod named;
mod nonces;
mod problem;
mod query;
mod reads;
mod serve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use parking_lot::Mutex;
use tower_http::catch_panic::CatchPanicLayer;

use self::metrics::Metrics;
use self::nonces::NonceCache;
use self::problem::ApiError;
pub use self::serve::serve;
use crate::engine::ExecutionHandle;

/// Largest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Nonces of reads that are remembered within the window.
const READ_NONCES: usize = 200_000;
/// Nonces of commands that are remembered within the window: apart, so that no flood of reads can lock commands out.
const COMMAND_NONCES: usize = 50_000;

/// The keys that identities may be signed with, by key id; two at a time while they rotate.
#[derive(Clone, Default)]
pub struct IdentityKeys(BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for IdentityKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl IdentityKeys {
    /// Keys by their ids.
    pub fn new(keys: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(keys.into_iter().collect())
    }

    fn get(&self, key_id: &str) -> Option<Vec<u8>> {
        self.0.get(key_id).cloned()
    }
}

/// What the handlers share.
pub(crate) struct ApiState {
    handle: ExecutionHandle,
    keys: IdentityKeys,
    read_nonces: Mutex<NonceCache>,
    /// Of what places orders.
    command_nonces: Mutex<NonceCache>,
    /// Of [`REDUCES_RISK`].
    safety_nonces: Mutex<NonceCache>,
    metrics: Metrics,
}

type Api = Arc<ApiState>;

const ORDER: &str = "/api/v1/orders/{client_order_id}";
const CANCEL: &str = "/api/v1/orders/{client_order_id}/cancel";
const CANCEL_ALL: &str = "/api/v1/orders/cancel_all";
const CLOSE: &str = "/api/v1/positions/{symbol}/close";
/// Routes that only ever lower risk: a flood of orders must not use up their room.
pub(crate) const REDUCES_RISK: &[&str] = &[CANCEL, CANCEL_ALL, CLOSE];

/// Every route of the execution gateway.
pub fn router(handle: ExecutionHandle, keys: IdentityKeys) -> Router {
    let state: Api = Arc::new(ApiState {
        handle,
        keys,
        read_nonces: Mutex::new(NonceCache::new(READ_NONCES)),
        command_nonces: Mutex::new(NonceCache::new(COMMAND_NONCES)),
        safety_nonces: Mutex::new(NonceCache::new(COMMAND_NONCES)),
        metrics: Metrics::default(),
    });
    let signed = Router::new()
        .route("/api/v1/positions", get(reads::positions))
        .route(CLOSE, post(commands::close))
        .route("/api/v1/orders", get(reads::orders).post(commands::place))
        .route("/api/v1/orders/history", get(reads::history))
        .route(ORDER, get(reads::order).patch(commands::modify))
        .route(CANCEL, post(commands::cancel))
        .route(CANCEL_ALL, post(commands::cancel_all))
        .route("/api/v1/realtime_pnl", get(reads::realtime_pnl))
        .route("/api/v1/account", get(account::account))
        .route("/api/v1/kill_switch_status", get(reads::kill_switch_status))
        .route("/api/v1/circuit_breakers", get(reads::circuit_breakers))
        .route("/api/v1/alerts", get(reads::alerts))
        .route("/api/v1/market/prices", get(market::prices))
        .route("/api/v1/market/series", get(market::series))
        .route("/api/v1/market/clock", get(market::clock))
        .route("/api/v1/market/tape", post(market::control_tape))
        .route("/api/v1/system/health", get(admin::system_health))
        .route("/api/v1/dashboard/stats", get(account::stats))
        .route("/api/v1/streams/{name}", get(reads::stream_log))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(
            Arc::clone(&state),
            identity::require_identity,
        ));
    let open = Router::new()
        .route("/health/live", get(admin::live))
        .route("/health/ready", get(admin::ready))
        .route("/metrics", get(admin::metrics))
        .route("/version", get(admin::version))
        .method_not_allowed_fallback(no_such_method);
    signed
        .merge(open)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(Arc::clone(&state), metrics::measure))
        .layer(from_fn(problem::finish))
        .with_state(state)
}

async fn no_such_route(uri: Uri) -> ApiError {
    ApiError::new(
        404,
        "no_such_route",
        format!("there is nothing at {}", uri.path()),
    )
}

async fn no_such_method(uri: Uri) -> ApiError {
    let detail = format!("{} does not answer to this method", uri.path());
    ApiError::new(405, "method_not_allowed", detail)
}
