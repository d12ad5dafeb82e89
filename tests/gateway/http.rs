//! What every answer carries, which hosts are known, and the static app.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qd_gateway::CONTENT_SECURITY_POLICY;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::app::{App, PATIENCE, eventually, problem_code};
use crate::fake_execution::Mood;

/// A folder of its own that goes with the test.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("qd-gateway-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn check_headers(what: &str, headers: &HeaderMap) {
    let expected = [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // With `no-referrer` a browser would send `Origin: null` with the sign-in form.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(
            headers.get(name).map(|value| value.to_str().unwrap()),
            Some(value),
            "{name} of {what}"
        );
    }
    assert!(headers.contains_key("x-request-id"), "{what}");
    assert!(headers.contains_key("cache-control"), "{what}");
    // Over plain HTTP on loopback it would poison every other program on localhost.
    assert!(!headers.contains_key("strict-transport-security"), "{what}");
    assert!(!headers.contains_key("server"), "{what}");
    assert!(
        !headers
            .keys()
            .any(|name| name.as_str().starts_with("access-control-")),
        "{what}"
    );
}

#[test]
fn the_policy_is_the_one_that_was_agreed() {
    assert_eq!(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; img-src 'self' data: blob:; style-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
}

#[tokio::test]
async fn every_answer_carries_the_headers_and_every_error_the_one_body() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let cases = [
        (Method::GET, "/", 303),
        (Method::GET, "/auth/sign_in", 200),
        (Method::GET, "/auth/sign_in.css", 200),
        (Method::GET, "/auth/methods", 200),
        (Method::GET, "/auth/session", 401),
        (Method::GET, "/api/v1/positions", 401),
        (Method::GET, "/api/v1/bootstrap", 401),
        (Method::GET, "/nothing/here", 404),
        (Method::GET, "/app/nothing.js", 404),
        (Method::GET, "/app/../Cargo.toml", 404),
        (Method::GET, "/app/%2e%2e/%2e%2e/etc/passwd", 404),
        (Method::GET, "/metrics", 404),
        (Method::GET, "/health/live", 404),
        (Method::DELETE, "/api/v1/positions", 405),
        (Method::PUT, "/auth/login", 405),
        (Method::TRACE, "/", 405),
        (Method::POST, "/auth/login", 403),
        (Method::GET, "/ws", 403),
    ];
    for (method, path, status) in cases {
        let what = format!("{method} {path}");
        let response = app
            .client
            .request(method, app.url(path))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status, "{what}");
        check_headers(&what, response.headers());
        if status >= 400 {
            problem_code(response).await;
        }
    }
    for (path, status) in [
        ("/auth/session", 200),
        ("/api/v1/positions", 200),
        ("/", 503),
        ("/auth/sign_in", 303),
    ] {
        let response = app.get_as(&alice, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        check_headers(path, response.headers());
    }
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_whatever_it_resolves_to() {
    let app = App::start().await;
    for host in ["evil.example", "localhost.evil.example", "169.254.169.254"] {
        let response = app
            .get("/auth/sign_in")
            .header("host", host)
            .send()
            .await
            .unwrap();
        check_headers(host, response.headers());
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(problem_code(response).await, "unknown_host");
    }
    let response = app
        .get("/auth/sign_in")
        .header("host", "localhost:1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn request_ids_of_the_client_are_kept_when_harmless() {
    let app = App::start().await;
    let send = |id: &'static str| app.get("/auth/methods").header("x-request-id", id).send();
    assert_eq!(
        send("trace-0123456789").await.unwrap().headers()["x-request-id"],
        "trace-0123456789"
    );
    assert_ne!(send("a b").await.unwrap().headers()["x-request-id"], "a b");
}

#[tokio::test]
async fn the_program_is_served_in_the_form_the_browser_likes_best() {
    let dir = TempDir::new("static");
    let app_dir = dir.path().join("app");
    fs::create_dir_all(&app_dir).unwrap();
    fs::write(
        dir.path().join("index.html"),
        "<!doctype html><title>Q</title>",
    )
    .unwrap();
    for (name, text) in [
        ("qd-0a1b2c3d4e5f.wasm", "plain wasm"),
        ("qd-0a1b2c3d4e5f.wasm.br", "brotli"),
        ("qd-0a1b2c3d4e5f.wasm.gz", "gzip"),
        ("loader.js", "let x;"),
        (".secret", "no"),
    ] {
        fs::write(app_dir.join(name), text).unwrap();
    }
    fs::write(dir.path().join("outside.txt"), "no").unwrap();
    let app = App::start_with(|config| config.app_dir = Some(dir.path().to_owned())).await;
    let alice = app.sign_in("alice").await;

    let wasm = "/app/qd-0a1b2c3d4e5f.wasm";
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", Some("br"), "brotli"),
        ("gzip", Some("gzip"), "gzip"),
        ("identity", None, "plain wasm"),
    ] {
        let response = app
            .get(wasm)
            .header("accept-encoding", accepted)
            .send()
            .await
            .unwrap();
        let headers = response.headers().clone();
        assert_eq!(
            headers
                .get("content-encoding")
                .map(|value| value.to_str().unwrap()),
            encoding
        );
        assert_eq!(headers["content-type"], "application/wasm");
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers["vary"], "Accept-Encoding");
        check_headers(accepted, &headers);
        assert_eq!(response.text().await.unwrap(), body);
        let again = app
            .get(wasm)
            .header("accept-encoding", accepted)
            .header("if-none-match", headers["etag"].clone())
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
    let loader = app.get("/app/loader.js").send().await.unwrap();
    assert_eq!(loader.headers()["cache-control"], "no-cache");
    assert_eq!(
        loader.headers()["content-type"],
        "text/javascript; charset=utf-8"
    );
    for path in [
        "/app/.secret",
        "/outside.txt",
        "/app/../outside.txt",
        "/app/qd-0a1b2c3d4e5f.wasm.br",
    ] {
        assert_eq!(
            app.get(path).send().await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }

    let index = app.get_as(&alice, "/").send().await.unwrap();
    assert_eq!(index.headers()["cache-control"], "no-cache");
    assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    assert!(index.text().await.unwrap().contains("<title>Q</title>"));
    let index = app.get("/").send().await.unwrap();
    assert_eq!(index.status(), StatusCode::SEE_OTHER);
    assert_eq!(index.headers()["location"], "/auth/sign_in");
}

/// The paths that the sign-in page has the browser fetch, in its order.
async fn fetched_ahead(app: &App) -> Vec<String> {
    let page = app.get("/auth/sign_in").send().await.unwrap();
    check_headers("sign-in", page.headers());
    let page = page.text().await.unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix(r#"<link rel="prefetch" href=""#))
        .map(|rest| rest.strip_suffix(r#"">"#).unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_sign_in_page_has_the_program_fetched_ahead() {
    let dir = TempDir::new("ahead");
    let app_dir = dir.path().join("app");
    fs::create_dir_all(&app_dir).unwrap();
    fs::write(
        dir.path().join("index.html"),
        r#"<link rel="stylesheet" href="/app/style-00112233.css"><link href="/app/qd-0a1b2c3d4e5f.wasm">
        <script src="/app/loader-99887766.js"></script><script src="/app/plain.js"></script><a href="/app/gone-12345678.js">"#,
    )
    .unwrap();
    // One that no page names, one whose name says nothing of its content, and a packed form.
    for name in [
        "loader-99887766.js",
        "qd-0a1b2c3d4e5f.wasm",
        "qd-0a1b2c3d4e5f.wasm.br",
        "style-00112233.css",
        "plain.js",
        "former-55667788.wasm",
    ] {
        fs::write(app_dir.join(name), name).unwrap();
    }
    let app = App::start_with(|config| config.app_dir = Some(dir.path().to_owned())).await;

    let ahead = fetched_ahead(&app).await;
    let expected = [
        "/app/style-00112233.css",
        "/app/qd-0a1b2c3d4e5f.wasm",
        "/app/loader-99887766.js",
    ];
    assert_eq!(ahead, expected);
    for path in ahead {
        let response = app.get(&path).send().await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "{path}: without a session"
        );
        let cache = &response.headers()["cache-control"];
        assert_eq!(cache, "public, max-age=31536000, immutable", "{path}");
    }

    let bare = App::start_with(|config| config.app_dir = Some("does-not-exist".into())).await;
    assert_eq!(fetched_ahead(&bare).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_a_bundle_the_page_says_so() {
    let app = App::start_with(|config| config.app_dir = Some("does-not-exist".into())).await;
    let alice = app.sign_in("alice").await;
    let response = app.get_as(&alice, "/").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.text().await.unwrap().contains("cargo xtask web"));
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_and_a_quiet_connection_is_kept() {
    let app =
        App::start_with(|config| config.timing.head_within = Duration::from_millis(300)).await;
    for start in ["", "GET / HTTP/1.1\r\nHost: loc"] {
        let mut stream = TcpStream::connect(app.addr).await.unwrap();
        let started = Instant::now();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .unwrap()
            .ok();
        assert!(
            started.elapsed() >= Duration::from_millis(280),
            "{start:?}: {:?}",
            started.elapsed()
        );
    }
    let mut stream = TcpStream::connect(app.addr).await.unwrap();
    let request = format!("GET /auth/methods HTTP/1.1\r\nHost: {}\r\n\r\n", app.addr);
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let count = timeout(PATIENCE, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(buffer[..count].starts_with(b"HTTP/1.1 200"));
        // Twice as long as a head may take: the connection is idle, not slow.
        assert!(
            timeout(Duration::from_millis(600), stream.read(&mut buffer))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn health_figures_and_version_are_on_the_admin_listener_only() {
    let app = App::start().await;
    let admin = |path: &str| app.client.get(format!("http://{}{path}", app.admin)).send();
    assert_eq!(
        admin("/health/live").await.unwrap().status(),
        StatusCode::OK
    );
    let ready = admin("/health/ready").await.unwrap();
    assert_eq!(
        ready.status(),
        StatusCode::OK,
        "{}",
        ready.text().await.unwrap()
    );
    let version: serde_json::Value = admin("/version").await.unwrap().json().await.unwrap();
    assert_eq!(version["node"], "gateway-1");
    app.sign_in("alice").await;
    app.login("nobody").await;
    let metrics = app.metrics().await;
    for line in [
        "qd_gateway_sessions_created_total 1",
        "qd_gateway_sign_in_failures_total{method=\"dev\",reason=\"unknown_user\"} 1",
        "qd_gateway_sockets 0",
        "qd_bus_up 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    app.execution.stop();
    crate::app::eventually("not ready without the execution side", || async {
        let ready = admin("/health/ready").await.unwrap();
        (ready.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_of_an_answer_does_not_keep_its_place() {
    let app = App::start_with(|config| {
        config.timing.slow_after = Duration::from_millis(100);
        config.timing.tick = Duration::from_millis(50);
    })
    .await;
    let alice = app.sign_in("alice").await;
    let answer: &'static str = "x".repeat(2 * 1024 * 1024).leak();
    app.execution
        .set_mood(Mood::Says(200, "application/json", answer));
    let base = app.gateway.counts().tasks;
    let mut stream = TcpStream::connect(app.addr).await.unwrap();
    let request = format!(
        "GET /api/v1/positions HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n",
        app.addr, alice.cookie
    );
    stream
        // More answers than the kernel takes for one connection.
        .write_all(request.repeat(16).as_bytes())
        .await
        .unwrap();
    eventually("the connection is served", || async {
        (app.gateway.counts().tasks > base).then_some(())
    })
    .await;
    // Limit, ticks and grace: a little more than five seconds.
    eventually("the place is free again", || async {
        (app.gateway.counts().tasks <= base).then_some(())
    })
    .await;
    drop(stream);
}
