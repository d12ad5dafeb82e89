//! The auth gateway: who may come in, what they hear, what they may ask for, and the program they run.
//!
//! **Owns**: the accept loop, sessions and their cookie, the socket with its lanes, the way to the execution side, the static app, health and metrics.
//! **Does not own**: auth decisions (`qd_auth`), byte formats (`qd_wire`), numbering and delivery between nodes (`qd_bus`), any trading rule.
//! **Threading**: one task per connection and one per socket on the caller's tokio runtime; the hub hands messages to a lane under a short lock and never waits.
//! **Failure**: a dependency that is down is 503 with `Retry-After` and forgets nothing; a command whose answer did not come is 504 `outcome_unknown`; a reader that is too slow loses its socket, never anybody else's time; a panic in a handler is one 500.
//!
//! Life: [`Gateway::build`] checks and binds, [`BoundGateway::serve`] runs until told to stop and drains.

mod admin;
mod auth_routes;
mod backend;
mod backend_rest;
mod bootstrap;
mod config;
mod counts;
mod current_session;
mod error;
mod finish;
pub mod lane;
mod metrics;
mod problem;
mod proxy;
mod registry;
mod retry;
mod routes;
mod server;
mod sessions;
mod shared_lane;
mod sign_in_page;
mod socket;
mod socket_session;
mod socket_task;
mod state;
mod static_app;
mod tls;
mod transport;

pub use self::backend::{
    BackendAnswer, BackendCall, BackendCapabilities, BackendError, BackendFuture, BackendParams,
    ExecutionBackend,
};
pub use self::backend_rest::RestBackend;
pub use self::config::{GatewayConfig, GatewayLimits, GatewayTiming, SignIn, TlsFiles};
pub use self::counts::GatewayCounts;
pub use self::error::GatewayError;
pub use self::finish::{CONTENT_SECURITY_POLICY, is_origin};
pub use self::routes::{ROUTES, Route};
pub use self::server::{BoundGateway, DrainReport, Gateway, GatewayHandle};
