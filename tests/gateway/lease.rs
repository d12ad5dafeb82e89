//! How long sessions and their sockets live.

use std::time::Duration;

use qd_wire::frame::ClientFrame;
use reqwest::StatusCode;

use crate::app::{App, eventually};
use crate::ws::Ws;

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn looking_does_not_keep_a_session_and_acting_does() {
    let app = App::start().await;
    let (looks, acts) = (app.sign_in("alice").await, app.sign_in("alice").await);
    for _ in 0..2 {
        app.clock.advance_millis(7 * MINUTE);
        let response = app
            .get_as(&looks, "/api/v1/positions")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let response = app
            .post_as(&acts, "/api/v1/orders", "{}")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    app.clock.advance_millis(MINUTE);
    let response = app
        .get_as(&looks, "/api/v1/positions")
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.status(),
        StatusCode::UNAUTHORIZED,
        "fifteen minutes without an action"
    );
    let response = app.get_as(&acts, "/api/v1/positions").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_idle_socket_is_closed_with_4408_and_an_active_one_is_not() {
    let app = App::start().await;
    let (idle, active) = (app.sign_in("alice").await, app.sign_in("alice").await);
    let (mut idle, _) = Ws::open(&app, &idle, &[]).await;
    let (mut active_ws, welcome) = Ws::open(&app, &active, &[]).await;
    app.clock.advance_millis(14 * MINUTE);
    active_ws.send(&ClientFrame::Active).await;
    eventually("the action is noted", || async {
        let session: serde_json::Value = app
            .get_as(&active, "/auth/session")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        (session["idle_at"].as_str().unwrap() > welcome.session.idle_at.to_rfc3339().as_str())
            .then_some(())
    })
    .await;
    app.clock.advance_millis(MINUTE);
    let (code, took) = idle.closed().await;
    assert_eq!(code, 4408);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let t0 = qd_types::UtcMicros(1);
    active_ws.send(&ClientFrame::Clock { t0 }).await;
    active_ws
        .find(|frame| matches!(frame, qd_wire::frame::ServerFrame::Clock { .. }).then_some(()))
        .await;
}

#[tokio::test]
async fn after_four_hours_even_the_busiest_socket_ends() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (mut ws, _) = Ws::open(&app, &alice, &[]).await;
    for _ in 0..23 {
        app.clock.advance_millis(10 * MINUTE);
        let response = app
            .post_as(&alice, "/api/v1/orders", "{}")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    app.clock.advance_millis(10 * MINUTE);
    let (code, took) = ws.closed().await;
    assert_eq!(code, 4401);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let response = app.get_as(&alice, "/auth/session").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_closes_every_socket_of_the_session_within_a_second_and_no_other() {
    let app = App::start().await;
    let (alice, other) = (app.sign_in("alice").await, app.sign_in("alice").await);
    let (mut one, _) = Ws::open(&app, &alice, &[]).await;
    let (mut two, _) = Ws::open(&app, &alice, &[]).await;
    let (mut stays, _) = Ws::open(&app, &other, &[]).await;
    let response = app
        .post_as(&alice, "/auth/logout", "")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for ws in [&mut one, &mut two] {
        let (code, took) = ws.closed().await;
        assert_eq!(code, 4401);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    stays
        .send(&ClientFrame::Clock {
            t0: qd_types::UtcMicros(1),
        })
        .await;
    stays
        .find(|frame| matches!(frame, qd_wire::frame::ServerFrame::Clock { .. }).then_some(()))
        .await;
}

#[tokio::test]
async fn a_session_that_ended_on_another_node_takes_its_sockets_along() {
    let app =
        App::start_with(|config| config.timing.session_check_every = Duration::from_millis(100))
            .await;
    let alice = app.sign_in("alice").await;
    let (mut ws, _) = Ws::open(&app, &alice, &[]).await;
    let session_id = qd_auth::read_cookie(&crate::app::keys(), [alice.cookie.as_str()]).unwrap();
    assert!(app.bus.kv_delete(&session_id.store_key()).await.unwrap());
    assert_eq!(ws.closed().await.0, 4401);
}

#[tokio::test]
async fn a_session_that_ends_between_the_upgrade_and_the_hello_is_not_welcomed() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let mut ws = Ws::connect(&app, &alice).await;
    let session_id = qd_auth::read_cookie(&crate::app::keys(), [alice.cookie.as_str()]).unwrap();
    assert!(app.bus.kv_delete(&session_id.store_key()).await.unwrap());
    ws.send(&crate::ws::hello(&[], &[])).await;
    let text = ws.next().await.unwrap();
    assert!(!text.contains("welcome"), "{text}");
    assert_eq!(ws.closed().await.0, 4401);
}
