//! The first backend: our own execution gateway over REST, one signed identity per request.
//!
//! It never follows a redirect and never repeats a request; whether an answer is good news is the console's to read.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use qd_auth::{Effect, Operation};
use qd_types::{Clock, StreamName};
use qd_wire::identity::{IDENTITY_HEADER, IdentityClaims, sha256_hex, sign};
use reqwest::{Client, Method, Response, Url, redirect};

use crate::backend::{
    BackendAnswer, BackendCall, BackendCapabilities, BackendError, BackendFuture, BackendParams,
    ExecutionBackend,
};
use crate::error::GatewayError;
use crate::retry::random_token;

const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Kept shorter than servers keep an idle connection, so that a command seldom meets one that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(4);
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Our own execution gateway.
pub struct RestBackend {
    client: Client,
    base: Url,
    key_id: String,
    key: Vec<u8>,
    clock: Arc<dyn Clock>,
}

impl RestBackend {
    /// A backend at `url`, whose identities are signed with `key`. Nothing is connected yet.
    pub fn new(
        url: &str,
        key_id: &str,
        key: &[u8],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, GatewayError> {
        let bad = |reason: String| GatewayError::BadExecutionUrl {
            url: url.to_owned(),
            reason,
        };
        if key.len() < 32 {
            return Err(GatewayError::ShortIdentityKey(key.len()));
        }
        let base = Url::parse(url).map_err(|err| bad(err.to_string()))?;
        if base.scheme() != "http" {
            return Err(bad(
                "only http is spoken to the execution side, on a private network".to_owned(),
            ));
        }
        if base.host_str().is_none() || !matches!(base.path(), "" | "/") || base.query().is_some() {
            return Err(bad("it is more, or less, than a host and a port".to_owned()));
        }
        // Never used over http, but the client wants a TLS configuration with an explicit provider.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .map_err(|err| bad(err.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .map_err(|err| bad(err.to_string()))?;
        Ok(Self {
            client,
            base,
            key_id: key_id.to_owned(),
            key: key.to_vec(),
            clock,
        })
    }

    async fn ask(&self, call: BackendCall) -> Result<BackendAnswer, BackendError> {
        let (method, path) =
            path_of(call.operation, &call.params).ok_or(BackendError::Unsupported {
                operation: call.operation.as_str(),
            })?;
        let mut url = self.base.clone();
        url.set_path(&path);
        if url.path() != path {
            // A symbol may be "..", and a step up would lead to another operation than the one that was permitted.
            return Err(BackendError::OtherPath {
                operation: call.operation.as_str(),
            });
        }
        url.set_query((!call.query.is_empty()).then_some(call.query.as_str()));
        let identity = &call.session.identity;
        let claims = IdentityClaims {
            sub: identity.user_id.clone(),
            roles: identity.roles.clone(),
            permissions: identity.permissions(),
            accounts: identity.accounts.clone(),
            session: call.session_name,
            request_id: call.request_id.clone(),
            method: method.as_str().to_owned(),
            // What is signed is what is sent: the address as the client library writes it.
            path: url.path().to_owned(),
            query_sha256: sha256_hex(url.query().unwrap_or_default().as_bytes()),
            body_sha256: sha256_hex(&call.body),
            mfa_at: call.session.mfa_at,
            iat: self.clock.now(),
            nonce: random_token(),
        };
        let mut request = self
            .client
            .request(method, url)
            .header(IDENTITY_HEADER, sign(&self.key_id, &self.key, &claims))
            .header("x-request-id", &call.request_id);
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if call.operation.effect() == Effect::Command {
            request = request
                .header("content-type", "application/json")
                .body(call.body);
        }
        let response = request.send().await.map_err(|err| tell_apart(&err))?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let content_type = header("content-type");
        let retry_after_seconds = header("retry-after").and_then(|text| text.parse().ok());
        let body = read_bounded(response).await?;
        if status == 401 {
            // Our own signature was refused: that is nobody's missing session.
            return Err(BackendError::BadAnswer {
                reason: "it refused the signed identity: do both sides have the same key and time?"
                    .to_owned(),
            });
        }
        if (300..400).contains(&status) {
            return Err(BackendError::BadAnswer {
                reason: format!("it answered {status}, and redirects are not followed"),
            });
        }
        Ok(BackendAnswer {
            status,
            content_type,
            body,
            retry_after_seconds,
        })
    }

    async fn answers(&self) -> bool {
        let mut url = self.base.clone();
        url.set_path("/health/ready");
        // Any answer will do: the question is whether somebody is there.
        self.client
            .get(url)
            .timeout(CONNECT_WITHIN)
            .send()
            .await
            .is_ok()
    }
}

impl ExecutionBackend for RestBackend {
    fn call(&self, call: BackendCall) -> BackendFuture<'_, Result<BackendAnswer, BackendError>> {
        Box::pin(self.ask(call))
    }

    fn is_reachable(&self) -> BackendFuture<'_, bool> {
        Box::pin(self.answers())
    }

    fn capabilities(&self) -> BackendCapabilities {
        BackendCapabilities {
            publishes: true,
            numbers: true,
            lists_per_minute: None,
        }
    }
}

/// Whether the request left this machine. When in doubt it did.
fn tell_apart(err: &reqwest::Error) -> BackendError {
    // The address may hold ids; the cause says enough.
    let mut reason = if err.is_timeout() {
        "timed out".to_owned()
    } else {
        "connection failed".to_owned()
    };
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    if err.is_connect() || err.is_builder() {
        BackendError::NotSent { reason }
    } else {
        BackendError::NoAnswer { reason }
    }
}

async fn read_bounded(mut response: Response) -> Result<Bytes, BackendError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|err| tell_apart(&err))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(BackendError::BadAnswer {
                reason: format!("it is over {MAX_ANSWER_BYTES} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Where our execution gateway has an operation; absent when a parameter is missing.
fn path_of(operation: Operation, params: &BackendParams) -> Option<(Method, String)> {
    let order = || params.client_order_id.as_ref();
    let (method, path) = match operation {
        Operation::Positions => (Method::GET, "positions".to_owned()),
        Operation::Orders => (Method::GET, "orders".to_owned()),
        Operation::OrderHistory => (Method::GET, "orders/history".to_owned()),
        Operation::Order => (Method::GET, format!("orders/{}", order()?)),
        Operation::RealtimePnl => (Method::GET, "realtime_pnl".to_owned()),
        Operation::Account => (Method::GET, "account".to_owned()),
        Operation::HaltStatus => (Method::GET, "kill_switch_status".to_owned()),
        Operation::Breakers => (Method::GET, "circuit_breakers".to_owned()),
        Operation::Alerts => (Method::GET, "alerts".to_owned()),
        Operation::Prices => (Method::GET, "market/prices".to_owned()),
        Operation::MarketClock => (Method::GET, "market/clock".to_owned()),
        Operation::Series => (Method::GET, "market/series".to_owned()),
        Operation::SystemHealth => (Method::GET, "system/health".to_owned()),
        Operation::DashboardStats => (Method::GET, "dashboard/stats".to_owned()),
        Operation::StreamLog => {
            let stream: &StreamName = params.stream.as_ref()?;
            (Method::GET, format!("streams/{stream}"))
        }
        Operation::ControlTape => (Method::POST, "market/tape".to_owned()),
        Operation::PlaceOrder => (Method::POST, "orders".to_owned()),
        Operation::ModifyOrder => (Method::PATCH, format!("orders/{}", order()?)),
        Operation::CancelOrder => (Method::POST, format!("orders/{}/cancel", order()?)),
        Operation::CancelAll => (Method::POST, "orders/cancel_all".to_owned()),
        Operation::ClosePosition => (
            Method::POST,
            format!("positions/{}/close", params.symbol.as_ref()?),
        ),
    };
    Some((method, format!("/api/v1/{path}")))
}
