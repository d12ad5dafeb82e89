//! From the console's request to the execution side and back: session, origin, token, permission, then one call.
//!
//! It reads no body: what it means is the execution side's to say. A command is sent once, whatever happens.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use qd_auth::{Effect, Operation};
use qd_types::{ClientOrderId, StreamName, Symbol};

use crate::backend::{BackendAnswer, BackendCall, BackendError, BackendParams};
use crate::current_session::CurrentSession;
use crate::finish::RequestId;
use crate::problem::ApiError;
use crate::sessions::LiveSession;
use crate::state::{AppState, Shared};

/// The largest body that is passed on.
const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_QUERY_BYTES: usize = 2048;
const MAX_KEY_BYTES: usize = 128;

/// The parameters of a path, by the names in the table.
pub(crate) type PathParams = Path<BTreeMap<String, String>>;

/// Answers one request of the table.
pub(crate) async fn forward(
    operation: Operation,
    State(state): State<AppState>,
    CurrentSession(mut session): CurrentSession,
    Path(params): PathParams,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let is_command = operation.effect() == Effect::Command;
    if is_command {
        check_forgery(&state, &parts.headers, &session)?;
    }
    operation.check(&session.record, state.now())?;
    let params = read_params(&params)?;
    if let Some(stream) = &params.stream
        && !session.record.identity.may_hear(stream)
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "only your own streams can be read",
        ));
    }
    let idempotency_key = if is_command {
        idempotency_key(&parts.headers)?
    } else {
        None
    };
    let query = parts.uri.query().unwrap_or_default();
    if query.len() > MAX_QUERY_BYTES {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "query_too_long",
            "at most 2048 bytes of query",
        ));
    }
    let body = if is_command {
        check_media_type(&parts.headers)?;
        read_body(&state, body).await?
    } else {
        Bytes::new()
    };
    if is_command && let Err(err) = state.sessions.touch(&mut session).await {
        // The command goes on: only the idle time is not extended, and the next action tries again.
        tracing::debug!(error = %err, "an action could not be noted");
    }
    let request_id = parts
        .extensions
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    let call = call_of(
        operation,
        params,
        query,
        body,
        &session,
        &request_id,
        idempotency_key,
    );
    let session_name = call.session_name.clone();
    match state.backend.call(call).await {
        Ok(answer) => {
            if is_command {
                tracing::info!(
                    request_id = request_id.as_str(),
                    session = session_name,
                    user_id = %session.record.identity.user_id,
                    operation = operation.as_str(),
                    status = answer.status,
                    "a command was answered"
                );
            }
            Ok(pass_on(answer))
        }
        Err(err) => Err(refused(operation, &err, &request_id)),
    }
}

/// A call with everything but what it is about.
pub(crate) fn call_of(
    operation: Operation,
    params: BackendParams,
    query: &str,
    body: Bytes,
    session: &LiveSession,
    request_id: &RequestId,
    idempotency_key: Option<String>,
) -> BackendCall {
    BackendCall {
        operation,
        params,
        query: query.to_owned(),
        body,
        idempotency_key,
        session: session.record.clone(),
        session_name: session.session_id.public_name(),
        request_id: request_id.as_str().to_owned(),
    }
}

/// The key that makes the same command again the same command. One that cannot be passed on is refused: without it a
/// second try would be a second command.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if key.len() <= MAX_KEY_BYTES => Ok(Some(key.to_owned())),
        _ => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "bad_idempotency_key",
            "Idempotency-Key is at most 128 characters of ASCII",
        )),
    }
}

/// Our own page, and the token that only our own page can have.
pub(crate) fn check_forgery(
    state: &Shared,
    headers: &HeaderMap,
    session: &LiveSession,
) -> Result<(), ApiError> {
    if !state.origins.is_own(headers) {
        return Err(ApiError::foreign_origin());
    }
    let token = headers
        .get("x-csrf-token")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    if qd_auth::verify_csrf(state.sessions.keys(), &session.session_id, token) {
        Ok(())
    } else {
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "bad_csrf_token",
            "X-CSRF-Token is missing or belongs to another session; reload the page",
        ))
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
    if is_json {
        Ok(())
    } else {
        Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json_wanted",
            "commands are sent as application/json",
        ))
    }
}

/// The body within its bounds of size and time.
pub(crate) async fn read_body(state: &Shared, body: Body) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(state.config.timing.body_within, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(err)) if err.is::<LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "at most 64 KiB of body",
        )),
        Ok(Err(_)) => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "body_broken",
            "the body broke off",
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body did not come in time",
        )),
    }
}

fn read_params(params: &BTreeMap<String, String>) -> Result<BackendParams, ApiError> {
    // An id that cannot be one names nothing.
    let absent = |_| ApiError::not_found();
    let get = |name: &str| params.get(name);
    Ok(BackendParams {
        client_order_id: get("client_order_id")
            .map(|text| ClientOrderId::new(text))
            .transpose()
            .map_err(absent)?,
        symbol: get("symbol")
            .map(|text| Symbol::new(text))
            .transpose()
            .map_err(absent)?,
        stream: get("stream")
            .map(|text| StreamName::parse(text))
            .transpose()
            .map_err(absent)?,
    })
}

fn pass_on(answer: BackendAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    if let Some(value) = answer
        .content_type
        .and_then(|text| HeaderValue::try_from(text).ok())
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Some(seconds) = answer.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What it means to the console that nothing came back.
pub(crate) fn refused(
    operation: Operation,
    err: &BackendError,
    request_id: &RequestId,
) -> ApiError {
    tracing::warn!(
        request_id = request_id.as_str(),
        operation = operation.as_str(),
        error = %err,
        "the execution side gave no answer"
    );
    let is_command = operation.effect() == Effect::Command;
    match err {
        BackendError::NoAnswer { .. } | BackendError::BadAnswer { .. } if is_command => {
            ApiError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "outcome_unknown",
                "the command was sent and no answer came: look it up by its id, do not send it again",
            )
        }
        BackendError::NotSent { .. } => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "execution_unavailable",
            "the execution side cannot be reached; nothing was sent",
        )
        .retry(1000),
        BackendError::NoAnswer { .. } => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "execution_silent",
            "the execution side does not answer",
        )
        .retry(1000),
        BackendError::BadAnswer { .. } => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "execution_bad_answer",
            "the execution side answered something that cannot be passed on",
        ),
        BackendError::OtherPath { .. } => ApiError::not_found(),
        BackendError::Unsupported { .. } => ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "unsupported",
            "this execution side cannot do that",
        ),
    }
}

/// Turns a handler's outcome into an answer, for the closures that the table's routes are made of.
pub(crate) fn answer(outcome: Result<Response, ApiError>) -> Response {
    outcome.unwrap_or_else(IntoResponse::into_response)
}
