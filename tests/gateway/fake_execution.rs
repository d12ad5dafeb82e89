//! An execution side that checks every signature, remembers what it was asked, and misbehaves on demand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use parking_lot::Mutex;
use qd_types::Clock;
use qd_wire::identity::{IDENTITY_HEADER, IdentityClaims, verify};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) const IDENTITY_KEY_ID: &str = "i1";
pub(crate) const IDENTITY_KEY: [u8; 32] = [7; 32];

/// What the next requests get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// 200 and a body that names the path.
    #[default]
    Good,
    /// This status, media type and body.
    Says(u16, &'static str, &'static str),
    /// Nothing, until the test ends.
    Silent,
    /// The connection breaks after the request was read.
    HangsUp,
}

/// One request as it came in, with the claims that its signature vouched for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) claims: IdentityClaims,
}

struct Inner {
    clock: Arc<dyn Clock>,
    mood: Mutex<Mood>,
    asked: Mutex<Vec<Asked>>,
    nonces: Mutex<BTreeSet<String>>,
    refused: Mutex<Vec<String>>,
}

/// The server; it stops with its last clone.
#[derive(Clone)]
pub(crate) struct FakeExecution {
    inner: Arc<Inner>,
    url: String,
    stop: CancellationToken,
}

impl FakeExecution {
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
        let inner = Arc::new(Inner {
            clock,
            mood: Mutex::default(),
            asked: Mutex::default(),
            nonces: Mutex::default(),
            refused: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        let stop = CancellationToken::new();
        tokio::spawn(qd_execution::serve(listener, router, stop.clone()));
        Self { inner, url, stop }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.inner.mood.lock() = mood;
    }

    /// Everything asked so far whose signature was good.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        assert_eq!(
            *self.inner.refused.lock(),
            Vec::<String>::new(),
            "signatures were refused"
        );
        self.inner.asked.lock().clone()
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.uri.path().starts_with("/health/") {
        return StatusCode::OK.into_response();
    }
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let (path, query) = (
        parts.uri.path().to_owned(),
        parts.uri.query().unwrap_or("").to_owned(),
    );
    let header = parts
        .headers
        .get(IDENTITY_HEADER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let keys = |key_id: &str| (key_id == IDENTITY_KEY_ID).then(|| IDENTITY_KEY.to_vec());
    let now = inner.clock.now();
    let claims = match verify(
        header,
        &keys,
        now,
        parts.method.as_str(),
        &path,
        &query,
        &body,
    ) {
        Ok(claims) => claims,
        Err(err) => {
            inner.refused.lock().push(err.to_string());
            return StatusCode::UNAUTHORIZED.into_response();
        }
    };
    if !inner.nonces.lock().insert(claims.nonce.clone()) {
        inner.refused.lock().push("a nonce came twice".to_owned());
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let method = parts.method.to_string();
    let reply = format!(r#"{{"method":"{method}","path":"{path}","query":"{query}"}}"#);
    inner.asked.lock().push(Asked {
        method,
        path,
        query,
        body,
        headers: parts.headers,
        claims,
    });
    let mood = inner.mood.lock().clone();
    match mood {
        Mood::Good => ([("content-type", "application/json")], reply).into_response(),
        Mood::Says(status, media_type, body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if status == 307 {
                response
                    .headers_mut()
                    .insert("location", "http://127.0.0.1:1/".parse().unwrap());
            }
            response
                .headers_mut()
                .insert("content-type", media_type.parse().unwrap());
            response
        }
        Mood::Silent => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            StatusCode::OK.into_response()
        }
        // A panic in the connection's task is a connection that breaks without an answer.
        Mood::HangsUp => panic!("hanging up on purpose"),
    }
}
