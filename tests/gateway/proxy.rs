//! The way to the execution side: signature, permissions, forgery checks, and what its silence means.

use qd_gateway::ROUTES;
use qd_types::{Permission, Role};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::app::{App, SignedIn, problem_code};
use crate::fake_execution::Mood;

const ORDER: &str = r#"{"account":"PAPER-1","client_order_id":"o-1","weird":  1}"#;

fn filled(path: &str, user: &str) -> String {
    path.replace("{client_order_id}", "o-1")
        .replace("{symbol}", "BRK.B")
        .replace("{stream}", &format!("orders:{user}"))
}

async fn call(app: &App, who: &SignedIn, method: &Method, path: &str) -> reqwest::Response {
    let request = match *method {
        Method::GET => app.get_as(who, path),
        Method::PATCH => app.patch_as(who, path, "{}"),
        _ => app.post_as(who, path, "{}"),
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_request_arrives_signed_for_exactly_what_it_is() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let response = app
        .get_as(&alice, "/api/v1/orders?status=all&symbol=BRK.B&limit=10%20")
        .header("x-request-id", "trace-0123456789")
        .header("x-qd-identity", "v1.forged")
        .header("x-forwarded-for", "10.1.1.1")
        .header("x-user-id", "bob")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-request-id"], "trace-0123456789");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["query"], "status=all&symbol=BRK.B&limit=10%20");

    let response = app
        .post_as(&alice, "/api/v1/orders", ORDER)
        .header("idempotency-key", "k-1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    let asked = app.execution.asked();
    assert_eq!(asked.len(), 2);
    let get = &asked[0];
    assert_eq!(
        (get.method.as_str(), get.path.as_str()),
        ("GET", "/api/v1/orders")
    );
    assert_eq!(get.query, "status=all&symbol=BRK.B&limit=10%20");
    assert_eq!(get.claims.sub.as_str(), "alice");
    assert_eq!(get.claims.roles, [Role::Trader]);
    assert_eq!(get.claims.permissions, Role::Trader.permissions());
    assert_eq!(
        get.claims
            .accounts
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["PAPER-1"]
    );
    assert_eq!(get.claims.request_id, "trace-0123456789");
    assert_eq!(get.headers["x-request-id"], "trace-0123456789");
    for name in [
        "cookie",
        "x-forwarded-for",
        "x-user-id",
        "x-csrf-token",
        "origin",
    ] {
        assert!(!get.headers.contains_key(name), "{name} was passed on");
    }
    let post = &asked[1];
    assert_eq!(post.body, ORDER, "not a byte is changed");
    assert_eq!(post.headers["idempotency-key"], "k-1");
    assert_eq!(post.headers["content-type"], "application/json");
    // The session is named for the audit, by something that opens no door.
    assert!(!alice.cookie.contains(&post.claims.session));
    assert_ne!(get.claims.nonce, post.claims.nonce);
}

#[tokio::test]
async fn every_role_gets_exactly_what_the_table_says() {
    let app = App::start().await;
    for (user, role) in [
        ("bob", Role::Viewer),
        ("alice", Role::Trader),
        ("olivia", Role::Operator),
        ("adam", Role::Admin),
    ] {
        let who = app.sign_in(user).await;
        for route in ROUTES {
            let path = filled(route.path, user);
            let response = call(&app, &who, &route.method(), &path).await;
            let allowed = role.allows(route.operation.permission());
            let expected = if allowed {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(
                response.status(),
                expected,
                "{user} {} {path}",
                route.method()
            );
            if allowed {
                let body: serde_json::Value = response.json().await.unwrap();
                assert_eq!(body["path"], path, "{user}");
                assert_eq!(body["method"], route.method().as_str());
            } else {
                assert_eq!(problem_code(response).await, "forbidden");
            }
        }
    }
    assert!(Role::Trader.allows(Permission::OrdersPlace));
}

#[tokio::test]
async fn without_a_session_no_route_answers() {
    let app = App::start().await;
    for route in ROUTES {
        let path = filled(route.path, "alice");
        let request = app
            .client
            .request(route.method(), app.url(&path))
            .header("origin", app.origin());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(problem_code(response).await, "no_session");
    }
    assert!(app.execution.asked().is_empty());
}

#[tokio::test]
async fn a_command_needs_our_page_and_the_sessions_token() {
    let app = App::start().await;
    let (alice, other) = (app.sign_in("alice").await, app.sign_in("alice").await);
    let own = app.origin();
    let json = "application/json";
    let cases: &[(&str, &str, &str, &str)] = &[
        ("", &alice.csrf, json, "foreign_origin"),
        ("http://evil.example", &alice.csrf, json, "foreign_origin"),
        ("null", &alice.csrf, json, "foreign_origin"),
        (&own, "", json, "bad_csrf_token"),
        (&own, "x", json, "bad_csrf_token"),
        (&own, &other.csrf, json, "bad_csrf_token"),
        (&own, &alice.csrf, "text/plain", "json_wanted"),
        (&own, &alice.csrf, "", "json_wanted"),
    ];
    for (method, path) in [
        (Method::POST, "/api/v1/orders"),
        (Method::PATCH, "/api/v1/orders/o-1"),
        (Method::POST, "/api/v1/orders/o-1/cancel"),
        (Method::POST, "/api/v1/orders/cancel_all"),
        (Method::POST, "/api/v1/positions/AAPL/close"),
    ] {
        for (origin, token, media_type, code) in cases {
            let mut request = app
                .client
                .request(method.clone(), app.url(path))
                .header("cookie", &alice.cookie)
                .body("{}");
            for (name, value) in [
                ("origin", origin),
                ("x-csrf-token", token),
                ("content-type", media_type),
            ] {
                if !value.is_empty() {
                    request = request.header(name, *value);
                }
            }
            let response = request.send().await.unwrap();
            assert_eq!(
                problem_code(response).await,
                *code,
                "{path} {origin:?} {token:?} {media_type:?}"
            );
        }
    }
    let request = app
        .client
        .post(app.url("/auth/logout"))
        .header("cookie", &alice.cookie);
    assert_eq!(
        problem_code(request.send().await.unwrap()).await,
        "foreign_origin"
    );
    assert!(app.execution.asked().is_empty(), "nothing was passed on");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_it_goes_anywhere() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    for (path, status, code) in [
        ("/api/v1/orders/a%20b", 404, "not_found"),
        ("/api/v1/orders/..%2f..", 404, "not_found"),
        ("/api/v1/streams/positions:bob", 403, "forbidden"),
        ("/api/v1/streams/price.updated.AAPL", 404, "not_found"),
        ("/api/v1/nothing", 404, "not_found"),
    ] {
        let response = app.get_as(&alice, path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(problem_code(response).await, code, "{path}");
    }
    let long = format!("/api/v1/orders?x={}", "y".repeat(2100));
    assert_eq!(
        problem_code(app.get_as(&alice, &long).send().await.unwrap()).await,
        "query_too_long"
    );
    let big = "x".repeat(64 * 1024 + 1);
    let response = app
        .post_as(&alice, "/api/v1/orders", &big)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(problem_code(response).await, "body_too_large");
    let lower = app
        .post_as(&alice, "/api/v1/positions/aapl/close", "{}")
        .send()
        .await
        .unwrap();
    assert_eq!(lower.status(), StatusCode::NOT_FOUND);
    assert!(app.execution.asked().is_empty());
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_is() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let blocked = r#"{"code":"blocked_halt","order":{"status":"blocked_halt"}}"#;
    app.execution
        .set_mood(Mood::Says(422, "application/problem+json", blocked));
    let response = app
        .post_as(&alice, "/api/v1/orders", ORDER)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.text().await.unwrap(), blocked);
}

#[tokio::test]
async fn silence_after_a_command_is_an_unknown_outcome_and_nothing_is_sent_twice() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    app.execution.set_mood(Mood::HangsUp);
    let response = app
        .post_as(&alice, "/api/v1/orders", ORDER)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(problem_code(response).await, "outcome_unknown");
    assert_eq!(app.execution.asked().len(), 1);
    let response = app
        .get_as(&alice, "/api/v1/positions")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(problem_code(response).await, "execution_silent");

    app.execution.set_mood(Mood::Silent);
    for request in [
        app.post_as(&alice, "/api/v1/orders/o-1/cancel", "{}"),
        app.patch_as(&alice, "/api/v1/orders/o-1", "{}"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(problem_code(response).await, "outcome_unknown");
    }
    assert_eq!(app.execution.asked().len(), 4);
}

#[tokio::test]
async fn an_execution_side_that_is_away_is_503_and_nothing_was_sent() {
    // A port that was free a moment ago and that nobody listens on.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let app = App::start_with(|config| config.execution_url = format!("http://{gone}")).await;
    let alice = app.sign_in("alice").await;
    for request in [
        app.post_as(&alice, "/api/v1/orders", ORDER),
        app.get_as(&alice, "/api/v1/positions"),
        app.get_as(&alice, "/api/v1/bootstrap"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        assert!(!response.headers().contains_key("set-cookie"));
        assert_eq!(problem_code(response).await, "execution_unavailable");
    }
}

#[tokio::test]
async fn a_refused_signature_signs_nobody_out_and_a_redirect_leads_nowhere() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    for status in [401, 307] {
        app.execution.set_mood(Mood::Says(status, "text/plain", ""));
        let response = app
            .get_as(&alice, "/api/v1/positions")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{status}");
        assert!(!response.headers().contains_key("set-cookie"));
        assert!(!response.headers().contains_key("location"));
        assert_eq!(problem_code(response).await, "execution_bad_answer");
        let response = app
            .post_as(&alice, "/api/v1/orders", ORDER)
            .send()
            .await
            .unwrap();
        assert_eq!(problem_code(response).await, "outcome_unknown", "{status}");
    }
}

#[tokio::test]
async fn the_first_paint_needs_one_request() {
    let app = App::start().await;
    let bob = app.sign_in("bob").await;
    let response = app.get_as(&bob, "/api/v1/bootstrap").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["session"]["user_id"], "bob");
    assert_eq!(body["session"]["csrf"], bob.csrf);
    assert_eq!(body["environment"], "PAPER");
    for (part, path) in [
        ("positions", "/api/v1/positions"),
        ("orders", "/api/v1/orders"),
        ("pnl", "/api/v1/realtime_pnl"),
        ("halt", "/api/v1/kill_switch_status"),
        ("breakers", "/api/v1/circuit_breakers"),
        ("clock", "/api/v1/market/clock"),
        ("stats", "/api/v1/dashboard/stats"),
        ("history", "/api/v1/orders/history"),
    ] {
        assert_eq!(body[part]["path"], path, "{part}");
    }
    assert_eq!(body["orders"]["query"], "status=open");
    app.execution
        .set_mood(Mood::Says(200, "application/json", "not json"));
    let response = app.get_as(&bob, "/api/v1/bootstrap").send().await.unwrap();
    assert_eq!(problem_code(response).await, "execution_bad_answer");
}

#[tokio::test]
async fn a_symbol_of_dots_leads_to_no_other_path() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    for symbol in ["..", "."] {
        // A client library would write the path as something else.
        let request = format!(
            "POST /api/v1/positions/{symbol}/close HTTP/1.1\r\nhost: {}\r\norigin: {}\r\ncookie: {}\r\n\
             x-csrf-token: {}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
             connection: close\r\n\r\n{{}}",
            app.addr,
            app.origin(),
            alice.cookie,
            alice.csrf,
        );
        let mut stream = tokio::net::TcpStream::connect(app.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    assert!(app.execution.asked().is_empty());
}

#[tokio::test]
async fn a_key_that_cannot_be_passed_on_is_refused_and_not_left_out() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let order = |key: &[u8]| {
        let key = reqwest::header::HeaderValue::from_bytes(key).unwrap();
        app.post_as(&alice, "/api/v1/orders", ORDER)
            .header("idempotency-key", key)
            .send()
    };
    for key in [
        "k".repeat(129).as_bytes(),
        b"k\xff",
        "schl\u{fc}ssel".as_bytes(),
    ] {
        let response = order(key).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(problem_code(response).await, "bad_idempotency_key");
    }
    assert!(app.execution.asked().is_empty());
    let longest = "k".repeat(128);
    let response = order(longest.as_bytes()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let asked = app.execution.asked().remove(0);
    assert_eq!(asked.headers["idempotency-key"], longest.as_str());
}
