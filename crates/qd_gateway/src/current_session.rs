//! Who is asking, as handlers take it: without a session a handler that wants one does not run.
//!
//! A store that does not answer is 503; only a session that is proven not to be is 401 and loses its cookie.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use qd_auth::{CookieError, SessionId};

use crate::problem::ApiError;
use crate::sessions::{LiveSession, Lookup};
use crate::state::AppState;

/// The session of a request.
#[derive(Clone, Debug)]
pub(crate) struct CurrentSession(pub(crate) LiveSession);

/// What the cookie says, before the store is asked.
pub(crate) fn cookie_of(
    parts: &axum::http::HeaderMap,
    state: &AppState,
) -> Result<SessionId, CookieError> {
    let cookies = parts
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    qd_auth::read_cookie(state.sessions.keys(), cookies)
}

impl FromRequestParts<AppState> for CurrentSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let session_id = match cookie_of(&parts.headers, state) {
            Ok(session_id) => session_id,
            Err(CookieError::Absent) => return Err(ApiError::no_session()),
            Err(CookieError::Malformed | CookieError::BadSignature) => {
                return Err(ApiError::no_session().clearing_cookie());
            }
        };
        match state.sessions.look_up(&session_id).await {
            Ok(Lookup::Live(session)) => Ok(Self(*session)),
            Ok(Lookup::Ended(_) | Lookup::Absent) => Err(ApiError::no_session().clearing_cookie()),
            Err(err) => Err(ApiError::from_bus(&err)),
        }
    }
}
