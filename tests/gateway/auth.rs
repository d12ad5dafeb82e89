//! Signing in and out, and the cookie.

use reqwest::StatusCode;
use reqwest::header::SET_COOKIE;

use crate::app::{App, cookie_of, problem_code};

#[tokio::test]
async fn the_cookie_is_what_its_prefix_demands_and_leads_home() {
    let app = App::start().await;
    let response = app.login("alice").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/");
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies.len(), 1);
    let cookie = cookies[0].to_str().unwrap();
    let mut parts = cookie.split("; ");
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    assert_eq!(name, "__Host-qd_sid");
    let fields: Vec<_> = value.split('.').collect();
    assert_eq!((fields.len(), fields[0], fields[1]), (4, "v1", "t"));
    assert_eq!(
        (fields[2].len(), fields[3].len()),
        (43, 43),
        "32 bytes each in base64url"
    );
    let mut attributes: Vec<_> = parts.collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert!(cookie.len() < 200);
}

#[tokio::test]
async fn the_page_lists_the_users_and_needs_no_script() {
    let app = App::start().await;
    let page = app
        .get("/auth/sign_in")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for user in ["alice", "bob", "olivia", "adam"] {
        assert!(
            page.contains(&format!("value=\"{user}\"")),
            "{user} in {page}"
        );
    }
    assert!(page.contains("method=\"post\" action=\"/auth/login\""));
    assert!(!page.contains("<script") && !page.contains("style="));
    let css = app.get("/auth/sign_in.css").send().await.unwrap();
    assert_eq!(css.headers()["content-type"], "text/css; charset=utf-8");
    let methods = app
        .get("/auth/methods")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(methods, r#"{"methods":["dev"]}"#);
}

#[tokio::test]
async fn a_cookie_that_was_touched_is_no_session_and_is_taken_away() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (name, value) = alice.cookie.split_once('=').unwrap();
    let fields: Vec<_> = value.split('.').collect();
    let zeros = "A".repeat(43);
    let twisted = [
        format!("v1.t.{}.{zeros}", fields[2]),
        format!("v1.t.{zeros}.{}", fields[3]),
        format!("v1.u.{}.{}", fields[2], fields[3]),
        format!("v2.t.{}.{}", fields[2], fields[3]),
        format!("v1.t.{}", fields[2]),
        "junk".to_owned(),
    ];
    for value in twisted {
        let cookie = format!("{name}={value}");
        let response = app
            .get("/auth/session")
            .header("cookie", &cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{cookie}");
        assert!(
            response.headers()[SET_COOKIE]
                .to_str()
                .unwrap()
                .contains("Max-Age=0"),
            "{cookie}"
        );
        assert_eq!(problem_code(response).await, "no_session");
    }
    // Two different ones: somebody planted one, and neither is believed.
    let both = format!("{}; {name}=v1.t.{zeros}.{zeros}", alice.cookie);
    let response = app
        .get("/auth/session")
        .header("cookie", both)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let response = app.get_as(&alice, "/auth/session").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn signing_out_kills_the_cookie_for_good() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let other = app.sign_in("alice").await;
    let response = app
        .post_as(&alice, "/auth/logout", "")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(cookie_of(response.headers()), None);
    assert!(
        response.headers()[SET_COOKIE]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    let response = app.get_as(&alice, "/auth/session").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let response = app.get_as(&other, "/auth/session").send().await.unwrap();
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "her other session lives on"
    );
}

#[tokio::test]
async fn signing_in_again_ends_the_session_that_the_browser_had() {
    let app = App::start().await;
    let first = app.sign_in("alice").await;
    let response = app
        .post("/auth/login")
        .header("cookie", &first.cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("user=bob")
        .send()
        .await
        .unwrap();
    let second = cookie_of(response.headers()).unwrap();
    assert_ne!(first.cookie, second);
    let response = app.get_as(&first, "/auth/session").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_our_own_page_can_sign_somebody_in() {
    let app = App::start().await;
    let own = app.origin();
    let cases: &[(&[(&str, &str)], u16)] = &[
        (&[("origin", &own)], 303),
        (&[("sec-fetch-site", "same-origin")], 303),
        (&[("sec-fetch-site", "none")], 303),
        (&[], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "http://evil.example")], 403),
        (
            &[
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            403,
        ),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
    ];
    for (headers, status) in cases {
        let mut request = app
            .client
            .post(app.url("/auth/login"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("user=alice");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), *status, "{headers:?}");
        assert_eq!(
            cookie_of(response.headers()).is_some(),
            *status == 303,
            "{headers:?}"
        );
    }
    let json = app
        .post("/auth/login")
        .header("content-type", "application/json")
        .body("{}")
        .send();
    assert_eq!(
        json.await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    for body in [
        "",
        "user=",
        "user=nobody",
        "name=alice",
        "user=alice%00",
        "user=ALICE",
    ] {
        let response = app
            .post("/auth/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{body}");
        assert_eq!(problem_code(response).await, "unknown_user");
    }
}

#[tokio::test]
async fn the_store_holds_no_usable_cookie() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let id = alice.cookie.split('.').nth(2).unwrap();
    // The only key that leads to the session is a hash of the id, which no cookie holds.
    assert_eq!(
        app.bus.kv_get(&format!("qd:sess:{id}")).await.unwrap(),
        None
    );
    let session_id = qd_auth::read_cookie(&crate::app::keys(), [alice.cookie.as_str()]).unwrap();
    let record = app
        .bus
        .kv_get(&session_id.store_key())
        .await
        .unwrap()
        .unwrap();
    let record = String::from_utf8(record.to_vec()).unwrap();
    assert!(
        record.contains("\"alice\"") && record.contains("\"v\":1"),
        "{record}"
    );
    assert!(!record.contains(id));
}
