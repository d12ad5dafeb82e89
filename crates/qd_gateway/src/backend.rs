//! The execution side as the gateway sees it: operations with parameters in, bodies or a reason out.
//!
//! No path, no signature, no error body of any particular backend is assumed here; what a backend cannot do it says through its capabilities.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use qd_auth::{Operation, SessionRecord};
use qd_types::{ClientOrderId, StreamName, Symbol};

/// What an operation is about, besides its query and body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendParams {
    /// Of an order.
    pub client_order_id: Option<ClientOrderId>,
    /// Of a position.
    pub symbol: Option<Symbol>,
    /// Of a log.
    pub stream: Option<StreamName>,
}

/// One thing asked on behalf of one person.
#[derive(Clone, Debug)]
pub struct BackendCall {
    /// What is asked.
    pub operation: Operation,
    /// What it is about.
    pub params: BackendParams,
    /// The query as the console wrote it, without the question mark; empty when there is none.
    pub query: String,
    /// The body; empty when there is none.
    pub body: Bytes,
    /// The console's idempotency key, if it sent one.
    pub idempotency_key: Option<String>,
    /// Who asks.
    pub session: SessionRecord,
    /// The session's public name, for the audit.
    pub session_name: String,
    /// The request's id in both servers' logs.
    pub request_id: String,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct BackendAnswer {
    /// The HTTP status for the console.
    pub status: u16,
    /// The body's media type; absent without a body.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
    /// When it is worth another try, in seconds, if the backend said so.
    pub retry_after_seconds: Option<u64>,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It was never sent: nothing happened.
    #[error("the execution side could not be reached: {reason}")]
    NotSent {
        /// What the attempt ended with.
        reason: String,
    },
    /// It was sent, and whether it was done is unknown.
    #[error("no answer came from the execution side: {reason}")]
    NoAnswer {
        /// What the wait ended with.
        reason: String,
    },
    /// It answered something that cannot be passed on.
    #[error("the execution side's answer cannot be passed on: {reason}")]
    BadAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// The path of the request would name something else than what was checked; nothing was sent.
    #[error("the path of {operation} would name something else")]
    OtherPath {
        /// What was asked.
        operation: &'static str,
    },
    /// It cannot do this at all.
    #[error("this execution side cannot do {operation}")]
    Unsupported {
        /// What was asked.
        operation: &'static str,
    },
}

/// What a backend can do beyond answering, so that the console can show what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendCapabilities {
    /// It publishes changes on the bus.
    pub publishes: bool,
    /// Its messages carry numbers.
    pub numbers: bool,
    /// How often a minute lists may be asked for; absent: as often as wanted.
    pub lists_per_minute: Option<u32>,
}

/// An answer on its way.
pub type BackendFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The execution side.
pub trait ExecutionBackend: Send + Sync {
    /// Asks for one thing, once: a command is never repeated.
    fn call(&self, call: BackendCall) -> BackendFuture<'_, Result<BackendAnswer, BackendError>>;

    /// Whether it can be reached at present.
    fn is_reachable(&self) -> BackendFuture<'_, bool>;

    /// What it can do.
    fn capabilities(&self) -> BackendCapabilities;
}
