//! The one error body: whatever goes wrong leaves as `application/problem+json` with the request's id.
//!
//! Decides no status: handlers and the framework do, this gives the answer its form.

use std::any::Any;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use qd_wire::rest::{FieldError, LimitBreach, PROBLEM_MEDIA_TYPE, Problem};
use tracing::Instrument as _;

use crate::engine::EngineError;
use crate::ledger::{FieldProblem, LimitEvidence};

/// The header that carries a request's id, in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a handler did not do what it was asked.
#[derive(Clone, Debug)]
pub(super) struct ApiError(pub(super) Box<Problem>);

impl ApiError {
    pub(super) fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem::new(status, code, detail)))
    }

    /// Fields that break a rule; nothing was stored.
    pub(super) fn fields(problems: Vec<FieldProblem>) -> Self {
        let fields: Vec<FieldError> = problems
            .into_iter()
            .map(|problem| FieldError::new(problem.name, problem.code, problem.detail))
            .collect();
        let detail = fields
            .iter()
            .map(|field| format!("{}: {}", field.name, field.detail))
            .collect::<Vec<_>>()
            .join("; ");
        Self(Box::new(
            Problem::new(422, "invalid_fields", detail).with_fields(fields),
        ))
    }

    /// One field that breaks a rule.
    pub(super) fn field(name: &str, code: &str, detail: impl Into<String>) -> Self {
        let field = FieldError::new(name, code, detail);
        let detail = format!("{name}: {}", field.detail);
        Self(Box::new(
            Problem::new(422, "invalid_fields", detail).with_fields(vec![field]),
        ))
    }

    /// The engine's failure to answer a read.
    pub(super) fn of_read(err: EngineError) -> Self {
        let code = match err {
            EngineError::Stopped => "engine_down",
            EngineError::Busy => "engine_busy",
            EngineError::NoAnswer => "engine_no_answer",
        };
        Self(Box::new(
            Problem::new(503, code, err.to_string()).with_retry_after_ms(1000),
        ))
    }

    /// The engine's failure to answer a command about the order `client_order_id`.
    pub(super) fn of_command(err: EngineError, client_order_id: &str) -> Self {
        if err != EngineError::NoAnswer {
            return Self::of_read(err);
        }
        let detail =
            format!("no answer came; ask what became of {client_order_id} before trying again");
        Self::new(504, "outcome_unknown", detail)
    }
}

/// The evidence as far as it is a number; a state that refused has none.
pub(super) fn limit_breach(evidence: &LimitEvidence) -> Option<LimitBreach> {
    Some(LimitBreach {
        rule: evidence.rule.to_owned(),
        value: evidence.value.parse().ok()?,
        limit: evidence.limit.parse().ok()?,
        unit: evidence.unit.to_owned(),
    })
}

impl From<qd_wire::rest::CommandError> for ApiError {
    fn from(err: qd_wire::rest::CommandError) -> Self {
        Self(Box::new(err.to_problem()))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        // The body is written by [`finish`], which knows the request's id.
        response.extensions_mut().insert(self);
        response
    }
}

/// What a panic in a handler becomes.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
pub(super) fn panicked(payload: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let words = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    tracing::error!(panic = words, "a handler panicked");
    ApiError::new(
        500,
        "internal_error",
        "something broke here; it was logged with this request's id",
    )
    .into_response()
}

/// Gives the request an id, and every error the one form.
pub(super) async fn finish(request: Request, next: Next) -> Response<Body> {
    let request_id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|value| is_request_id(value))
        .map_or_else(fresh_request_id, str::to_owned);
    let span = tracing::info_span!("request", request_id, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let problem = match response.extensions_mut().remove::<ApiError>() {
        Some(err) => *err.0,
        // The framework's own refusals come without our body.
        None => Problem::new(
            status.as_u16(),
            framework_code(status),
            "the request was refused",
        ),
    };
    let problem = problem.with_request_id(request_id);
    if let Some(millis) = problem.retry_after_ms {
        response.headers_mut().insert(
            header::RETRY_AFTER,
            HeaderValue::from(millis.div_ceil(1000)),
        );
    }
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(PROBLEM_MEDIA_TYPE),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.body_mut() = Body::from(problem.to_json());
    response
}

fn framework_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "no_such_route",
        405 => "method_not_allowed",
        408 => "request_timeout",
        413 => "body_too_large",
        415 => "unsupported_media_type",
        500.. => "internal_error",
        _ => "bad_request",
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn fresh_request_id() -> String {
    // Only for finding log lines: without chance they all have the same id, and nothing else suffers.
    format!("{:016x}", getrandom::u64().unwrap_or(0))
}
