//! Signing in and out: the `dev` way, the session's own answer, and which ways there are.
//!
//! Decisions about lifetimes and tokens are `qd_auth`'s; a store that is away is 503 and takes nobody's cookie.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use qd_auth::{SessionId, SignInMethod};

use crate::config::SignIn;
use crate::current_session::{CurrentSession, cookie_of};
use crate::problem::ApiError;
use crate::proxy::{check_forgery, read_body};
use crate::sessions::Lookup;
use crate::sign_in_page::{CSS, sign_in_html};
use crate::state::AppState;

/// Where people without a session are sent.
pub(crate) const SIGN_IN_PATH: &str = "/auth/sign_in";

/// `GET /auth/sign_in`.
pub(crate) async fn sign_in_page(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Ok(session_id) = cookie_of(&headers, &state)
        && let Ok(Lookup::Live(_)) = state.sessions.look_up(&session_id).await
    {
        return Ok(see_other("/"));
    }
    let SignIn::Dev { users } = &state.config.sign_in;
    Ok(html(
        StatusCode::OK,
        sign_in_html(users, state.config.environment, state.app.first_load()),
    ))
}

/// `GET /auth/sign_in.css`.
pub(crate) async fn sign_in_css() -> Response {
    let mut response = Response::new(Body::from(CSS));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/css; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `POST /auth/login`: the form of the page above.
pub(crate) async fn login(
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    // There is no session yet that a token could belong to: the browser's word on where the form stood must do.
    if !state.origins.is_own_form(&parts.headers) {
        state.metrics.sign_in_refused("dev", "foreign_origin");
        return Err(ApiError::foreign_origin());
    }
    let is_form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| {
            value
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "form_wanted",
            "sign-in is a form",
        ));
    }
    let body = read_body(&state, body).await?;
    let SignIn::Dev { users } = &state.config.sign_in;
    // User ids need no percent signs, so an id that has one is nobody's.
    let chosen = std::str::from_utf8(&body)
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("user="));
    let user = users
        .iter()
        .find(|user| Some(user.user_id.as_str()) == chosen);
    let Some(user) = user else {
        state.metrics.sign_in_refused("dev", "unknown_user");
        tracing::warn!("a sign-in named no user of the list");
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "unknown_user",
            "there is no such user",
        ));
    };

    let session_id = SessionId::random().map_err(|err| {
        tracing::error!(error = %err, "no session id could be made");
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_randomness",
            "try again",
        )
        .retry(1000)
    })?;
    let session = state
        .sessions
        .create(session_id, user.clone(), SignInMethod::Dev)
        .await
        .map_err(|err| ApiError::from_bus(&err))?;
    // A browser has one session: the one it came with ends, so that a planted one is worth nothing.
    if let Ok(former) = cookie_of(&parts.headers, &state) {
        if let Err(err) = state.sessions.end(&former).await {
            tracing::warn!(error = %err, "the former session could not be ended; it ends by itself");
        }
        state.sockets.revoke(&former.store_key());
    }
    state.metrics.session_created();
    tracing::info!(
        user_id = %user.user_id,
        session = session.session_id.public_name(),
        method = "dev",
        "signed in"
    );
    let mut response = see_other("/");
    set_cookie(
        &mut response,
        &qd_auth::set_cookie(state.sessions.keys(), &session.session_id),
    );
    Ok(response)
}

/// `POST /auth/logout`.
pub(crate) async fn logout(
    State(state): State<AppState>,
    CurrentSession(session): CurrentSession,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    check_forgery(&state, &headers, &session)?;
    state
        .sessions
        .end(&session.session_id)
        .await
        .map_err(|err| ApiError::from_bus(&err))?;
    let num_sockets = state.sockets.revoke(&session.session_id.store_key());
    tracing::info!(
        user_id = %session.record.identity.user_id,
        session = session.session_id.public_name(),
        num_sockets,
        "signed out"
    );
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, &qd_auth::clear_cookie());
    Ok(response)
}

/// `GET /auth/session`.
pub(crate) async fn session(
    State(state): State<AppState>,
    CurrentSession(session): CurrentSession,
) -> Response {
    Json(state.sessions.info(&session)).into_response()
}

/// `GET /auth/methods`.
pub(crate) async fn methods(State(state): State<AppState>) -> Response {
    let SignIn::Dev { .. } = &state.config.sign_in;
    Json(serde_json::json!({ "methods": ["dev"] })).into_response()
}

/// A redirect that turns into GET.
pub(crate) fn see_other(path: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static(path));
    response
}

/// A page.
pub(crate) fn html(status: StatusCode, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    match HeaderValue::from_str(cookie) {
        Ok(value) => {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        Err(err) => tracing::error!(error = %err, "a cookie could not be written"),
    }
}
