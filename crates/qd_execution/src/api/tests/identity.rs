//! Who may ask what, and the one form of every refusal.

use super::*;

// covers: ID-1
#[tokio::test(start_paused = true)]
async fn nothing_but_health_metrics_and_version_answers_without_a_fitting_identity() {
    let app = App::new().await;
    let target = "/api/v1/orders?status=open";
    let good = |app: &App| app.claims("alice", Role::Trader, "GET", target, b"");
    let signed = |claims: &IdentityClaims| sign(KEY_ID, KEY, claims);
    let old = IdentityClaims {
        iat: app.handle.now().plus_millis(-60_001),
        ..good(&app)
    };
    let early = IdentityClaims {
        iat: app.handle.now().plus_millis(60_001),
        ..good(&app)
    };
    let tampered = {
        let mut text = signed(&good(&app));
        let other = if text.ends_with('A') { "B" } else { "A" };
        text.truncate(text.len() - 1);
        text.push_str(other);
        text
    };
    let cases = [
        ("none", String::new()),
        ("garbage", "v1.k1.x".to_owned()),
        ("wrong key", sign(KEY_ID, b"another key", &good(&app))),
        ("unknown key id", sign("k9", KEY, &good(&app))),
        ("old", signed(&old)),
        ("from the future", signed(&early)),
        ("tampered", tampered),
        (
            "other path",
            signed(&app.claims(
                "alice",
                Role::Trader,
                "GET",
                "/api/v1/positions?status=open",
                b"",
            )),
        ),
        (
            "other query",
            signed(&app.claims(
                "alice",
                Role::Trader,
                "GET",
                "/api/v1/orders?status=all",
                b"",
            )),
        ),
        (
            "other method",
            signed(&app.claims("alice", Role::Trader, "POST", target, b"")),
        ),
        (
            "other body",
            signed(&app.claims("alice", Role::Trader, "GET", target, b"{}")),
        ),
    ];
    for (what, identity) in cases {
        let answer = app.send(App::request("GET", target, b"", &identity)).await;
        assert_eq!(answer.status, 401, "{what}");
        answer.problem(401, "identity_required");
    }
    for path in [
        "/api/v1/nowhere",
        "/",
        "/api/v1/positions/KO/close",
        "/api/v1/streams/kill_switch:state",
    ] {
        app.send(App::request("GET", path, b"", ""))
            .await
            .problem(401, "identity_required");
    }
    for path in ["/health/live", "/health/ready", "/metrics", "/version"] {
        assert_eq!(
            app.send(App::request("GET", path, b"", "")).await.status,
            200,
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_counts_once_and_for_its_own_body() {
    let app = App::new().await;
    let body = to_json(&app.order("once").await);
    let claims = app.claims("alice", Role::Trader, "POST", "/api/v1/orders", &body);
    let identity = sign(KEY_ID, KEY, &claims);
    let altered = to_json(&PlaceOrder {
        qty: Qty::from_units(6, 0),
        ..app.order("once").await
    });
    let answer = app
        .send(App::request("POST", "/api/v1/orders", &altered, &identity))
        .await;
    answer.problem(401, "identity_required");
    assert_eq!(app.num_orders().await, 0);
    let answer = app
        .send(App::request("POST", "/api/v1/orders", &body, &identity))
        .await;
    assert_eq!(answer.status, 201);
    let answer = app
        .send(App::request("POST", "/api/v1/orders", &body, &identity))
        .await;
    answer.problem(401, "identity_required");
    assert_eq!(app.num_orders().await, 1);
}

#[tokio::test(start_paused = true)]
async fn roles_permissions_and_grants_are_all_checked() {
    let app = App::new().await;
    let body = to_json(&app.order("denied").await);
    let close = br#"{"client_order_id":"c","reason":"over"}"#;
    for (target, body) in [
        ("/api/v1/orders", body.as_slice()),
        ("/api/v1/orders/denied/cancel", b"{}"),
        ("/api/v1/positions/KO/close", close),
        ("/api/v1/market/tape", br#"{"action":"pause"}"#),
    ] {
        let answer = app.as_user("bob", Role::Viewer, "POST", target, body).await;
        answer.problem(403, "permission_denied");
        // A list that says more than the role does not help.
        let claims = IdentityClaims {
            permissions: Role::Admin.permissions(),
            ..app.claims("bob", Role::Viewer, "POST", target, body)
        };
        let answer = app
            .send(App::request(
                "POST",
                target,
                body,
                &sign(KEY_ID, KEY, &claims),
            ))
            .await;
        answer.problem(403, "permission_denied");
        // Nor does a role whose list was cut.
        let claims = IdentityClaims {
            permissions: vec![Permission::PositionsView],
            ..app.claims("alice", Role::Trader, "POST", target, body)
        };
        let answer = app
            .send(App::request(
                "POST",
                target,
                body,
                &sign(KEY_ID, KEY, &claims),
            ))
            .await;
        answer.problem(403, "permission_denied");
    }
    let claims = IdentityClaims {
        accounts: vec![],
        ..app.claims("alice", Role::Trader, "POST", "/api/v1/orders", &body)
    };
    let answer = app
        .send(App::request(
            "POST",
            "/api/v1/orders",
            &body,
            &sign(KEY_ID, KEY, &claims),
        ))
        .await;
    answer.problem(403, "account_not_granted");
    let claims = IdentityClaims {
        accounts: vec![AccountId::new("OTHER").unwrap()],
        ..app.claims("alice", Role::Trader, "GET", "/api/v1/positions", b"")
    };
    let answer = app
        .send(App::request(
            "GET",
            "/api/v1/positions",
            b"",
            &sign(KEY_ID, KEY, &claims),
        ))
        .await;
    let nothing: PositionsResponse = answer.read(200);
    assert!(nothing.positions.is_empty());
    assert_eq!(app.num_orders().await, 0);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_of_the_framework_has_the_one_body_too() {
    let app = App::new().await;
    app.get("/api/v1/nowhere")
        .await
        .problem(404, "no_such_route");
    app.as_user("alice", Role::Trader, "DELETE", "/api/v1/orders", b"")
        .await
        .problem(405, "method_not_allowed");
    app.send(App::request("POST", "/health/live", b"", ""))
        .await
        .problem(405, "method_not_allowed");
    let large = vec![b' '; MAX_BODY_BYTES + 1];
    app.post("/api/v1/orders", &large)
        .await
        .problem(413, "body_too_large");
    let claims = app.claims("alice", Role::Trader, "POST", "/api/v1/orders", b"hello");
    let mut request = App::request(
        "POST",
        "/api/v1/orders",
        b"hello",
        &sign(KEY_ID, KEY, &claims),
    );
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    app.send(request)
        .await
        .problem(415, "unsupported_media_type");
    for query in [
        "limit=x",
        "status=maybe",
        "surprise=1",
        "status=open&status=all",
        "symbol=ko",
    ] {
        let answer = app.get(&format!("/api/v1/orders?{query}")).await;
        answer.problem(400, "bad_query");
    }
    let mut request = App::request("GET", "/nowhere", b"", "");
    request
        .headers_mut()
        .insert("x-request-id", "abc-123".parse().unwrap());
    let answer = app.send(request).await;
    assert_eq!(answer.headers["x-request-id"], "abc-123");
    let mut request = App::request("GET", "/nowhere", b"", "");
    request
        .headers_mut()
        .insert("x-request-id", "not an id".parse().unwrap());
    assert_eq!(app.send(request).await.headers["x-request-id"].len(), 16);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_handler_is_a_500_with_the_one_body() {
    async fn broken() -> StatusCode {
        panic!("a mistake in a handler")
    }
    let router: Router = Router::new()
        .route("/broken", get(broken))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(problem::finish));
    let request = Request::builder()
        .uri("/broken")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let problem: Problem = from_json(&body).unwrap();
    assert_eq!(problem.code, "internal_error");
    assert!(
        !problem.detail.contains("mistake"),
        "what broke stays in the log"
    );
}

#[tokio::test]
async fn the_accept_loop_serves_over_a_socket_and_ends_when_told() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let app = App::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let server = tokio::spawn(serve(listener, app.router.clone(), shutdown.clone()));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket
        .write_all(b"GET /version HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 4096];
    let length = socket.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    shutdown.cancel();
    // The idle connection is closed and the loop ends without waiting for its patience to run out.
    tokio::time::timeout(std::time::Duration::from_secs(2), server)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(socket.read(&mut answer).await.unwrap(), 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// Each kind of request remembers its own: a flood of one never uses up the room of another.
#[tokio::test(start_paused = true)]
async fn orders_cancels_and_reads_remember_their_nonces_apart() {
    let app = App::new().await;
    let order = to_json(&app.order("apart").await);
    let cancel = "/api/v1/orders/apart/cancel";
    let mut nonce = None;
    for (method, target, body, status) in [
        ("POST", "/api/v1/orders", order.as_slice(), 201),
        ("POST", cancel, b"{}".as_slice(), 202),
        ("GET", "/api/v1/orders", b"".as_slice(), 200),
        // The same kind again: this one is a replay.
        ("POST", cancel, b"{}".as_slice(), 401),
    ] {
        let mut claims = app.claims("alice", Role::Trader, method, target, body);
        let nonce = nonce.get_or_insert_with(|| claims.nonce.clone());
        claims.nonce.clone_from(nonce);
        let identity = sign(KEY_ID, KEY, &claims);
        let answer = app
            .send(App::request(method, target, body, &identity))
            .await;
        assert_eq!(answer.status, status, "{method} {target}");
    }
}
