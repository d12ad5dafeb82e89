//! The outermost layer: which hosts and origins are ours, the request's id, the headers of every answer, the text of every error.
//!
//! It knows no route. Whatever a handler forgets, this does not.

use std::future::poll_fn;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use qd_wire::rest::{PROBLEM_MEDIA_TYPE, Problem};

use crate::config::GatewayConfig;
use crate::error::GatewayError;
use crate::problem::{ApiError, Unwritten};
use crate::retry::random_token;
use crate::state::AppState;

/// What a page of ours may load and do: its own scripts and styles, compiled programs, and nothing from anywhere else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self' data: blob:; style-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The request's id in every log line and answer, on both servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The client's own id if it is harmless, otherwise a new one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers
            .get("x-request-id")
            .and_then(|value| value.to_str().ok());
        let harmless = given.filter(|text| {
            (8..=64).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        Self(harmless.map_or_else(random_token, str::to_owned))
    }
}

/// Whether a text is scheme and host of a web address and nothing more, such as `https://desk.example`.
pub fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']))
}

/// Under which names the gateway is reached.
///
/// A page of another name that resolves to our address (rebinding) is refused by its `Host`, before anything else is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    /// Empty: any loopback name, with the scheme we speak.
    public: Vec<String>,
    scheme: &'static str,
}

impl Origins {
    pub(crate) fn new(config: &GatewayConfig) -> Result<Self, GatewayError> {
        if config.public_origins.is_empty() && !config.listen.ip().is_loopback() {
            return Err(GatewayError::NoPublicOrigin {
                listen: config.listen,
            });
        }
        let mut public = Vec::new();
        for origin in &config.public_origins {
            if !is_origin(origin) {
                return Err(GatewayError::BadPublicOrigin {
                    origin: origin.clone(),
                });
            }
            public.push(origin.to_ascii_lowercase());
        }
        Ok(Self {
            public,
            scheme: if config.tls.is_some() {
                "https"
            } else {
                "http"
            },
        })
    }

    /// Whether the request was addressed to one of our names.
    fn knows_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, &header::HOST) else {
            return false;
        };
        if self.public.is_empty() {
            return is_loopback_name(host);
        }
        self.public
            .iter()
            .filter_map(|origin| origin.split_once("://"))
            .any(|(_, ours)| ours.eq_ignore_ascii_case(host))
    }

    /// Whether `Origin` says that the request comes from a page of ours; without the header it does not.
    pub(crate) fn is_own(&self, headers: &HeaderMap) -> bool {
        let (Some(origin), Some(host)) =
            (text(headers, &header::ORIGIN), text(headers, &header::HOST))
        else {
            return false;
        };
        if headers.get_all(header::ORIGIN).iter().count() > 1 {
            return false;
        }
        let origin = origin.to_ascii_lowercase();
        if self.public.is_empty() {
            is_loopback_name(host)
                && origin == format!("{}://{}", self.scheme, host.to_ascii_lowercase())
        } else {
            self.public.contains(&origin)
        }
    }

    /// As [`Self::is_own`], but browsers that leave `Origin` out of a form's post may vouch with `Sec-Fetch-Site`.
    pub(crate) fn is_own_form(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return self.is_own(headers);
        }
        let site = headers
            .get("sec-fetch-site")
            .and_then(|value| value.to_str().ok());
        matches!(site, Some("same-origin" | "none"))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
            _ => return false,
        },
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Wraps every request: host, id, and what every answer carries.
pub(crate) async fn finish(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = state.now();
    let request_id = RequestId::of(request.headers());
    // The pattern, not the path: paths hold ids, and a label must not.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    request.extensions_mut().insert(request_id.clone());
    let mut response = if state.origins.knows_host(request.headers()) {
        let mut answering = std::pin::pin!(next.run(request));
        // Around each poll and not around the whole: a scope belongs to a thread, a request to none.
        poll_fn(|cx| {
            profiling::scope!("gateway_request");
            answering.as_mut().poll(cx)
        })
        .await
    } else {
        ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "unknown_host",
            "this gateway is not known under that name; add it to public_origins",
        )
        .into_response()
    };
    write_problem(&mut response, &request_id);
    set_headers(&state, &mut response, &request_id);
    let seconds = state.now().micros_since(started).max(0) as f64 / 1e6;
    state
        .metrics
        .answered(&route, response.status().as_u16(), seconds);
    response
}

/// Gives errors their one body, also those that the framework made in words of its own.
fn write_problem(response: &mut Response, request_id: &RequestId) {
    let status = response.status();
    let problem = if let Some(Unwritten(problem)) = response.extensions_mut().remove::<Unwritten>()
    {
        problem
    } else {
        let media_type = text(response.headers(), &header::CONTENT_TYPE).unwrap_or_default();
        let is_ours = !media_type.is_empty() && !media_type.starts_with("text/plain");
        if is_ours || !(status.is_client_error() || status.is_server_error()) {
            return;
        }
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "this path takes other methods")
            }
            StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "this path speaks WebSocket only"),
            _ if status.is_server_error() => ("internal", "something went wrong here"),
            _ => ("bad_request", "the request cannot be read"),
        };
        Problem::new(status.as_u16(), code, detail)
    };
    let body = problem.with_request_id(request_id.as_str()).to_json();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(PROBLEM_MEDIA_TYPE),
    );
    *response.body_mut() = Body::from(body);
}

fn set_headers(state: &AppState, response: &mut Response, request_id: &RequestId) {
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with that a browser sends `Origin: null` with the sign-in form, and the form is refused.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !is_upgrade && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // A browser would remember it for the whole of localhost, and for a year.
    if state.config.tls.is_some() && !state.config.listen.ip().is_loopback() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

/// The answer to a handler that panicked: the others go on.
pub(crate) fn panicked(_panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong here",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    fn loopback() -> Origins {
        Origins {
            public: Vec::new(),
            scheme: "http",
        }
    }

    #[test]
    fn on_loopback_any_loopback_name_is_ours_and_no_other() {
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "LOCALHOST:3",
        ] {
            assert!(loopback().knows_host(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evil.example:80",
            "[::2]:80",
            "[::1]evil",
            "10.0.0.1",
            "",
        ] {
            assert!(
                !loopback().knows_host(&headers(&[("host", host)])),
                "{host}"
            );
        }
        assert!(!loopback().knows_host(&headers(&[])));
    }

    #[test]
    fn the_origin_must_be_the_very_address_of_the_request() {
        let own = |origin: &str| {
            loopback().is_own(&headers(&[("host", "localhost:8080"), ("origin", origin)]))
        };
        assert!(own("http://localhost:8080"));
        assert!(own("HTTP://LOCALHOST:8080"));
        for origin in [
            "https://localhost:8080",
            "http://localhost",
            "http://localhost:80800",
            "http://localhost:8081",
            "http://127.0.0.1:8080",
            "http://localhost:8080.evil.example",
            "http://evil.example",
            "null",
            "",
        ] {
            assert!(!own(origin), "{origin}");
        }
        assert!(!loopback().is_own(&headers(&[("host", "localhost:8080")])));
        let rebound = [
            ("host", "evil.example:8080"),
            ("origin", "http://evil.example:8080"),
        ];
        assert!(!loopback().is_own(&headers(&rebound)));
    }

    #[test]
    fn public_origins_are_a_fixed_list() {
        let origins = Origins {
            public: vec!["https://desk.example".to_owned()],
            scheme: "http",
        };
        let own = |origin: &str| {
            origins.is_own(&headers(&[("host", "desk.example"), ("origin", origin)]))
        };
        assert!(own("https://desk.example"));
        for origin in [
            "http://desk.example",
            "https://desk.example.evil",
            "https://adesk.example",
            "https://desk.example:444",
        ] {
            assert!(!own(origin), "{origin}");
        }
        assert!(origins.knows_host(&headers(&[("host", "desk.example")])));
        assert!(!origins.knows_host(&headers(&[("host", "localhost")])));
    }

    #[test]
    fn a_form_without_an_origin_needs_the_browsers_word() {
        let form = |pairs: &[(&'static str, &str)]| {
            let mut all = vec![("host", "localhost:1")];
            all.extend_from_slice(pairs);
            loopback().is_own_form(&headers(&all))
        };
        assert!(form(&[("sec-fetch-site", "same-origin")]));
        assert!(form(&[("origin", "http://localhost:1")]));
        assert!(!form(&[]));
        assert!(!form(&[("sec-fetch-site", "cross-site")]));
        assert!(!form(&[("sec-fetch-site", "same-site")]));
        assert!(!form(&[
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "same-origin")
        ]));
    }

    #[test]
    fn only_harmless_request_ids_are_taken_over() {
        let id = |text: &str| RequestId::of(&headers(&[("x-request-id", text)])).0;
        assert_eq!(id("abc-DEF_123"), "abc-DEF_123");
        for bad in ["short", "has space in it", "a\"b\"c\"d\"e", &"x".repeat(65)] {
            assert_ne!(id(bad), bad);
            assert_eq!(id(bad).len(), 32);
        }
    }
}
