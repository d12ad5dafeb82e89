//! The one error body: handlers say what is wrong, the outermost layer gives it the request's id and writes it.
//!
//! It decides nothing: which status a trouble is stands where the trouble is met.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use qd_auth::Refusal;
use qd_bus::BusError;
use qd_wire::rest::Problem;

/// A failed request on its way out.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    // Boxed, so that every handler's result stays small.
    problem: Box<Problem>,
    clears_cookie: bool,
}

/// In the extensions of an answer whose body is still to be written.
#[derive(Clone, Debug)]
pub(crate) struct Unwritten(pub(crate) Problem);

impl ApiError {
    /// A failure with a status, a stable code and a sentence.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem::new(status.as_u16(), code, detail)),
            clears_cookie: false,
        }
    }

    /// A failure that is worth another try.
    pub(crate) fn retry(mut self, retry_after_ms: u64) -> Self {
        self.problem.retry_after_ms = Some(retry_after_ms);
        self
    }

    /// Takes the cookie away: only for a session that is proven not to be.
    pub(crate) fn clearing_cookie(mut self) -> Self {
        self.clears_cookie = true;
        self
    }

    /// The store is away: nothing is known, so nobody is signed out.
    pub(crate) fn from_bus(err: &BusError) -> Self {
        tracing::warn!(error = %err, "a request met a bus that is away");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "bus_unavailable",
            "the session store does not answer; you are still signed in, try again in a moment",
        )
        .retry(1000)
    }

    /// Nobody is signed in.
    pub(crate) fn no_session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "no_session", "sign in first")
    }

    /// No such path.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path",
        )
    }

    /// The method does not go with the path.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path takes other methods",
        )
    }

    /// The request did not come from our own pages.
    pub(crate) fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "the Origin header is missing or names another site",
        )
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Forbidden(_) => "forbidden",
            Refusal::StepUpRequired(_) => "step_up_required",
        };
        Self::new(StatusCode::FORBIDDEN, code, refusal.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(millis) = self.problem.retry_after_ms {
            let seconds = HeaderValue::from(millis.div_ceil(1000).max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.clears_cookie
            && let Ok(cookie) = HeaderValue::from_str(&qd_auth::clear_cookie())
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response.extensions_mut().insert(Unwritten(*self.problem));
        response
    }
}
