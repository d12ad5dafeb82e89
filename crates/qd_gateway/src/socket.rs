//! `GET /ws` up to the upgrade: our own page, the subprotocol, who it is; everything later is `socket_task`'s.
//!
//! A foreign page is refused before the upgrade. What a page of ours must be able to read is said after it, with a close code, because browsers hide every other answer.

use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use qd_bus::BusError;
use qd_wire::frame::{MAX_CLIENT_FRAME_BYTES, SUBPROTOCOL};

use crate::current_session::cookie_of;
use crate::problem::ApiError;
use crate::sessions::{LiveSession, Lookup};
use crate::socket_task;
use crate::state::AppState;
use crate::transport::Transport;

/// The default of 128 KiB, for every idle socket, would be most of its memory.
const READ_BUFFER_BYTES: usize = 4096;
/// Room for the largest message with its frame; more than one never waits.
const MAX_WRITE_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// What is known of somebody who opens a socket.
pub(crate) enum Admission {
    /// A live session.
    Session(Box<LiveSession>),
    /// Proven: none, or one that ended.
    NoSession,
    /// The store does not answer, so nothing is known.
    Unknown,
}

/// `GET /ws`.
pub(crate) async fn upgrade(
    State(state): State<AppState>,
    transport: Option<Extension<Arc<Transport>>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    if !state.origins.is_own(&headers) {
        tracing::warn!(
            origin = headers
                .get("origin")
                .and_then(|value| value.to_str().ok())
                .unwrap_or("none"),
            "a socket was refused for its origin"
        );
        return Err(ApiError::foreign_origin());
    }
    let upgrade = upgrade.map_err(|err| {
        tracing::debug!(error = %err, "no upgrade");
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this path speaks WebSocket only",
        )
    })?;
    if !upgrade
        .requested_protocols()
        .any(|protocol| protocol == SUBPROTOCOL)
    {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "subprotocol_wanted",
            "this socket speaks the subprotocol quarterdeck.v1",
        ));
    }
    if state.draining.is_cancelled() {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "restarting",
            "this node is stopping",
        )
        .retry(1000));
    }
    let admission = admit(&state, &headers).await;
    // Taken before the upgrade, so that a drain never misses a socket in between.
    let task = state.tasks.token();
    Ok(upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_CLIENT_FRAME_BYTES)
        .max_frame_size(MAX_CLIENT_FRAME_BYTES)
        .on_upgrade(move |socket| async move {
            let transport = transport.map(|Extension(transport)| transport);
            Box::pin(socket_task::run(socket, state, admission, transport)).await;
            drop(task);
        }))
}

async fn admit(state: &AppState, headers: &HeaderMap) -> Admission {
    let Ok(session_id) = cookie_of(headers, state) else {
        return Admission::NoSession;
    };
    match state.sessions.look_up(&session_id).await {
        Ok(Lookup::Live(session)) => Admission::Session(session),
        Ok(Lookup::Ended(_) | Lookup::Absent) => Admission::NoSession,
        Err(err) => {
            log_unknown(&err);
            Admission::Unknown
        }
    }
}

fn log_unknown(err: &BusError) {
    tracing::warn!(error = %err, "a socket met a bus that is away");
}
