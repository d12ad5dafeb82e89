//! The REST client: same-origin `fetch` in the browser, reqwest with our cookie on the desktop. One call, one answer.
//!
//! It never sends anything twice: who asks decides about asking again.

pub(crate) mod ask;
pub(crate) mod command;
mod page;

use std::sync::Arc;
use std::time::Duration;

use qd_wire::rest::Problem;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use thiserror::Error;

use crate::rt::Rt;
use crate::session::SessionKey;

/// A poll or a question is given up after this.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// A command is *unknown* after this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer read.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub(crate) enum RestError {
    /// 401: proof that there is no session.
    #[error("not signed in")]
    Unauthorized,
    /// The server says what is wrong.
    #[error("{}", said(.problem))]
    Refused {
        /// The status of the answer.
        status: u16,
        /// Its body; made up from the status when the body could not be read.
        problem: Box<Problem>,
        /// What `Retry-After` asks for.
        retry_after_millis: Option<u64>,
    },
    /// No answer in time: it may have been done.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The request did not get through, or the answer did not come back whole: it may have been done.
    #[error("no connection to the gateway: {0}")]
    Unreachable(String),
    /// It never left this machine.
    #[error("cannot be sent: {0}")]
    NotSent(String),
    /// An answer that cannot be read.
    #[error("unreadable answer: {0}")]
    Unreadable(String),
}

fn said(problem: &Problem) -> &str {
    if problem.detail.is_empty() {
        &problem.title
    } else {
        &problem.detail
    }
}

impl RestError {
    /// What the server asks for before the next try.
    pub(crate) fn retry_after_millis(&self) -> Option<u64> {
        match self {
            Self::Refused {
                retry_after_millis, ..
            } => *retry_after_millis,
            _ => None,
        }
    }
}

/// What came back from a call that was answered.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Calls one gateway as one session; cheap to clone.
#[derive(Clone)]
pub(crate) struct RestClient {
    http: reqwest::Client,
    rt: Rt,
    /// `https://host:port`, without a slash at the end.
    base_url: Arc<str>,
    session: Arc<SessionKey>,
}

impl RestClient {
    /// A client for the gateway at `base_url`.
    pub(crate) fn new(base_url: &str, session: Arc<SessionKey>, rt: Rt) -> Result<Self, RestError> {
        let builder = reqwest::Client::builder();
        #[cfg(not(target_arch = "wasm32"))]
        let builder = builder
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(4)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy of the environment must not see our cookie; the gateway is reached directly.
            .no_proxy();
        let http = builder
            .build()
            .map_err(|err| RestError::NotSent(err.to_string()))?;
        Ok(Self {
            http,
            rt,
            base_url: Arc::from(base_url.trim_end_matches('/')),
            session,
        })
    }

    /// The gateway's address, which is also the `Origin`.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Asks; changes nothing.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>, RestError> {
        let answer = self
            .call(Method::GET, path, HeaderMap::new(), None, ASK_TIMEOUT)
            .await?;
        answer.into_body()
    }

    /// Commands; `idempotency_key` makes the same command again the same command.
    pub(crate) async fn post_json(
        &self,
        path: &str,
        idempotency_key: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, RestError> {
        self.command_json(Method::POST, path, idempotency_key, body)
            .await
    }

    /// Commands that change what is there.
    pub(crate) async fn patch_json(
        &self,
        path: &str,
        idempotency_key: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, RestError> {
        self.command_json(Method::PATCH, path, idempotency_key, body)
            .await
    }

    async fn command_json(
        &self,
        method: Method,
        path: &str,
        idempotency_key: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, RestError> {
        let mut headers = HeaderMap::new();
        insert(&mut headers, "idempotency-key", idempotency_key)?;
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let answer = self
            .call(method, path, headers, Some(body), COMMAND_TIMEOUT)
            .await?;
        answer.into_body()
    }

    /// Signs in as a user of a development gateway; the cookie is kept in memory.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) async fn dev_sign_in(&self, user: &str) -> Result<(), RestError> {
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        // A user id needs no escaping: its alphabet has only unreserved characters.
        let form = format!("user={user}").into_bytes();
        let answer = self
            .call(
                Method::POST,
                "/auth/login",
                headers,
                Some(form),
                ASK_TIMEOUT,
            )
            .await?;
        if self.session.has_cookie() {
            return Ok(());
        }
        // A redirect back to the sign-in page is how a form says no.
        answer.into_body()?;
        Err(RestError::Unauthorized)
    }

    /// Ends the session on the server.
    pub(crate) async fn sign_out(&self) -> Result<(), RestError> {
        let answer = self
            .call(
                Method::POST,
                "/auth/logout",
                HeaderMap::new(),
                Some(Vec::new()),
                ASK_TIMEOUT,
            )
            .await?;
        answer.into_body().map(drop)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<Answer, RestError> {
        if method != Method::GET
            && let Some(csrf) = self.session.csrf()
        {
            insert(&mut headers, "x-csrf-token", &csrf)?;
        }
        headers.insert(
            "accept",
            HeaderValue::from_static("application/json, application/problem+json"),
        );
        #[cfg(not(target_arch = "wasm32"))]
        {
            if let Some(cookie) = self.session.cookie_header() {
                insert(&mut headers, "cookie", &cookie)?;
            }
            insert(&mut headers, "origin", &self.base_url)?;
        }
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .headers(headers);
        #[cfg(target_arch = "wasm32")]
        {
            request = request
                .fetch_credentials_same_origin()
                .fetch_cache_no_store();
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let request = request
            .build()
            .map_err(|err| RestError::NotSent(err.to_string()))?;
        self.rt
            .timeout(limit, self.exchange(request))
            .await
            .ok_or(RestError::Timeout(limit))?
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Answer, RestError> {
        let unreachable = |err: reqwest::Error| RestError::Unreachable(cause(&err));
        let response = self.http.execute(request).await.map_err(unreachable)?;
        #[cfg(not(target_arch = "wasm32"))]
        for header in response.headers().get_all("set-cookie") {
            self.session
                .take_set_cookie(header.to_str().unwrap_or_default());
        }
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            return Err(RestError::Unauthorized);
        }
        if response.content_length().unwrap_or_default() > MAX_ANSWER_BYTES {
            return Err(RestError::Unreadable(format!(
                "longer than {MAX_ANSWER_BYTES} bytes"
            )));
        }
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(unreachable)?.to_vec();
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

impl Answer {
    fn into_body(self) -> Result<Vec<u8>, RestError> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let problem = Problem::from_answer(self.status.as_u16(), &self.body);
        let seconds = self
            .headers
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        Err(RestError::Refused {
            status: self.status.as_u16(),
            retry_after_millis: problem
                .retry_after_ms
                .or_else(|| seconds.map(|seconds| seconds.saturating_mul(1000))),
            problem: Box::new(problem),
        })
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), RestError> {
    let value = HeaderValue::from_str(value)
        .map_err(|err| RestError::NotSent(format!("header {name}: {err}")))?;
    headers.insert(name, value);
    Ok(())
}

/// The innermost reason: reqwest's own text repeats the address and hides it.
fn cause(err: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = err;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
