//! Who asks: the gateway's signed identity, checked against the very request it came with.
//!
//! No sessions and no cookies here: whoever holds the key is the gateway.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use qd_types::{AccountId, Permission, UserId};
use qd_wire::identity::{IDENTITY_HEADER, IdentityClaims, verify};

use super::nonces::NonceVerdict;
use super::problem::ApiError;
use super::{Api, ApiState, MAX_BODY_BYTES, REDUCES_RISK};

/// Longest wait for the whole body of a request.
const BODY_DUE: Duration = Duration::from_secs(10);

/// The one who asks, proven. A handler without it cannot know whom it serves.
#[derive(Clone, Debug)]
pub(super) struct Caller(Arc<IdentityClaims>);

impl Caller {
    /// The user.
    pub(super) fn user(&self) -> &UserId {
        &self.0.sub
    }

    /// Accounts granted to the user.
    pub(super) fn accounts(&self) -> &[AccountId] {
        &self.0.accounts
    }

    /// Refuses unless the user has the permission, both by the signed list and by the table of roles.
    pub(super) fn must(&self, permission: Permission) -> Result<(), ApiError> {
        let by_role = self.0.roles.iter().any(|role| role.allows(permission));
        if by_role && self.0.permissions.contains(&permission) {
            return Ok(());
        }
        let detail = format!("this needs the permission {permission}");
        Err(ApiError::new(403, "permission_denied", detail))
    }

    /// Refuses unless the account was granted to the user.
    pub(super) fn must_have(&self, account: &AccountId) -> Result<(), ApiError> {
        if self.accounts().contains(account) {
            return Ok(());
        }
        let detail = format!("account {account} is not granted to {}", self.user());
        Err(ApiError::new(403, "account_not_granted", detail))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unproven)
    }
}

fn unproven() -> ApiError {
    ApiError::new(
        401,
        "identity_required",
        "this needs a signed identity that fits the request",
    )
}

/// Lets a request through only with an identity that is fresh, unused, and signed for exactly this request.
pub(super) async fn require_identity(
    State(state): State<Api>,
    request: Request,
    next: Next,
) -> Response<Body> {
    match identify(&state, request).await {
        Ok(request) => next.run(request).await,
        Err(err) => err.into_response(),
    }
}

async fn identify(state: &ApiState, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let header = parts
        .headers
        .get(IDENTITY_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(unproven)?
        .to_owned();
    let body = read_body(&parts, body).await?;
    let now = state.handle.now();
    let claims = verify(
        &header,
        &|key_id| state.keys.get(key_id),
        now,
        parts.method.as_str(),
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
        &body,
    )
    .map_err(|err| {
        tracing::warn!(reason = %err, "an identity was refused");
        unproven()
    })?;
    let reduces_risk = parts
        .extensions
        .get::<MatchedPath>()
        .is_some_and(|route| REDUCES_RISK.contains(&route.as_str()));
    let nonces = if parts.method == Method::GET {
        &state.read_nonces
    } else if reduces_risk {
        &state.safety_nonces
    } else {
        &state.command_nonces
    };
    let verdict = nonces.lock().check(&claims.nonce, now);
    match verdict {
        NonceVerdict::Fresh => {}
        NonceVerdict::Replayed => {
            tracing::warn!(user = %claims.sub, session = claims.session, "an identity was used twice");
            return Err(unproven());
        }
        NonceVerdict::Full => {
            let mut err = ApiError::new(
                503,
                "too_many_requests",
                "more requests than can be told apart",
            );
            err.0.retry_after_ms = Some(5_000);
            return Err(err);
        }
    }
    parts.extensions.insert(Caller(Arc::new(claims)));
    Ok(Request::from_parts(parts, Body::from(body)))
}

async fn read_body(parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            413,
            "body_too_large",
            format!("at most {MAX_BODY_BYTES} bytes"),
        )
    };
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_DUE, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Either it was longer than it said, or the peer went away and reads no answer.
        Ok(Err(_)) => Err(too_large()),
        Err(_elapsed) => Err(ApiError::new(
            408,
            "request_timeout",
            "the body did not come in time",
        )),
    }
}

/// A command's body; JSON by its media type.
pub(super) struct CommandBody(pub(super) Bytes);

impl FromRequest<Api> for CommandBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Api) -> Result<Self, ApiError> {
        let media_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| {
                value
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase()
            });
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_rejection| {
                ApiError::new(413, "body_too_large", "the body cannot be read")
            })?;
        // A command without a body needs no media type.
        if !bytes.is_empty() && media_type.as_deref() != Some("application/json") {
            return Err(ApiError::new(
                415,
                "unsupported_media_type",
                "send application/json",
            ));
        }
        Ok(Self(bytes))
    }
}
