//! The first paint's one request: the session and every part of the dashboard, asked for at once and put together unread.
//!
//! A part that fails fails the whole: a dashboard with a silent hole would be worse than a second try.

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::future::try_join_all;
use qd_auth::Operation;
use qd_wire::rest::{BootstrapParts, Problem, bootstrap_json};

use crate::backend::{BackendAnswer, BackendParams};
use crate::current_session::CurrentSession;
use crate::finish::RequestId;
use crate::problem::ApiError;
use crate::proxy::{call_of, refused};
use crate::state::AppState;

/// The parts in the order of the answer, with the query each is asked with.
const PARTS: [(Operation, &str); 8] = [
    (Operation::Positions, ""),
    (Operation::Orders, "status=open"),
    (Operation::RealtimePnl, ""),
    (Operation::HaltStatus, ""),
    (Operation::Breakers, ""),
    (Operation::MarketClock, ""),
    (Operation::DashboardStats, ""),
    (Operation::OrderHistory, ""),
];

/// `GET /api/v1/bootstrap`.
pub(crate) async fn bootstrap(
    State(state): State<AppState>,
    CurrentSession(session): CurrentSession,
    Extension(request_id): Extension<RequestId>,
) -> Result<Response, ApiError> {
    let now = state.now();
    for (operation, _) in PARTS {
        operation.check(&session.record, now)?;
    }
    let calls = PARTS.map(|(operation, query)| {
        let call = call_of(
            operation,
            BackendParams::default(),
            query,
            Bytes::new(),
            &session,
            &request_id,
            None,
        );
        let (backend, request_id) = (&state.backend, &request_id);
        async move {
            let answer = backend
                .call(call)
                .await
                .map_err(|err| refused(operation, &err, request_id))?;
            good_part(operation, answer)
        }
    });
    let bodies = try_join_all(calls).await?;
    let [
        positions,
        orders,
        pnl,
        halt,
        breakers,
        clock,
        stats,
        history,
    ] = bodies.as_slice()
    else {
        return Err(bad_part("bootstrap"));
    };
    let parts = BootstrapParts {
        positions,
        orders,
        pnl,
        halt,
        breakers,
        clock,
        stats,
        history,
    };
    let info = state.sessions.info(&session);
    let json = bootstrap_json(&info, state.config.environment, &state.server_info(), &parts)
        .map_err(|err| {
            tracing::warn!(request_id = request_id.as_str(), error = %err, "a part of the bootstrap is no JSON");
            bad_part("bootstrap")
        })?;
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

fn good_part(operation: Operation, answer: BackendAnswer) -> Result<Bytes, ApiError> {
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let problem = Problem::from_answer(answer.status, &answer.body);
    tracing::warn!(
        operation = operation.as_str(),
        status = answer.status,
        code = problem.code,
        "a part of the bootstrap was refused"
    );
    match StatusCode::from_u16(answer.status) {
        Ok(StatusCode::SERVICE_UNAVAILABLE) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            &problem.code,
            problem.detail,
        )
        .retry(problem.retry_after_ms.unwrap_or(1000))),
        _ => Err(bad_part(operation.as_str())),
    }
}

fn bad_part(part: &str) -> ApiError {
    ApiError::new(
        StatusCode::BAD_GATEWAY,
        "execution_bad_answer",
        format!("the execution side's {part} cannot be passed on"),
    )
}
