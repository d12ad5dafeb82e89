//! The socket from upgrade to beat: who gets in, what arrives, and that it is the bus's own bytes.

use qd_types::{MessageKind, StreamName};
use qd_wire::frame::{ClientFrame, SUBPROTOCOL, ServerFrame};

use crate::app::{App, eventually};
use crate::ws::{Refused, Ws, hello, pos, stream};

const SNAPSHOT: &str =
    r#"{"total_unrealized_pl":"1.5","total_positions":0,"positions":[],"weird":[1, 2,  3]}"#;
const DELTA: &str =
    r#"{"total_unrealized_pl":"2.5","total_positions":0,"changed":[],"removed":[]}"#;
const EVENT: &str = r#"{"order":{"client_order_id":"o-1"}}"#;

#[tokio::test]
async fn a_foreign_origin_is_refused_before_the_upgrade() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let own = app.origin();
    let port = app.addr.port();
    let localhost = format!("http://localhost:{port}");
    let tls = own.replace("http:", "https:");
    let longer = format!("{own}0");
    let evil_tail = format!("{own}.evil.example");
    for origin in [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1",
        localhost.as_str(),
        tls.as_str(),
        longer.as_str(),
        evil_tail.as_str(),
        "file://",
    ] {
        let headers = [
            ("origin", origin),
            ("cookie", alice.cookie.as_str()),
            ("sec-websocket-protocol", SUBPROTOCOL),
        ];
        assert_eq!(
            Ws::upgrade(&app, &headers).await.err(),
            Some(Refused(403)),
            "{origin}"
        );
    }
    let without = [
        ("cookie", alice.cookie.as_str()),
        ("sec-websocket-protocol", SUBPROTOCOL),
    ];
    assert_eq!(Ws::upgrade(&app, &without).await.err(), Some(Refused(403)));
    let twice = [
        ("origin", own.as_str()),
        ("origin", "http://evil.example"),
        ("cookie", alice.cookie.as_str()),
        ("sec-websocket-protocol", SUBPROTOCOL),
    ];
    assert_eq!(Ws::upgrade(&app, &twice).await.err(), Some(Refused(403)));
    let other_language = [
        ("origin", own.as_str()),
        ("sec-websocket-protocol", "graphql-ws"),
    ];
    assert_eq!(
        Ws::upgrade(&app, &other_language).await.err(),
        Some(Refused(400))
    );
    let good = [
        ("origin", own.as_str()),
        ("cookie", alice.cookie.as_str()),
        ("sec-websocket-protocol", SUBPROTOCOL),
    ];
    assert!(Ws::upgrade(&app, &good).await.is_ok());
}

#[tokio::test]
async fn without_a_session_the_close_code_says_so_after_the_upgrade() {
    let app = App::start().await;
    let own = app.origin();
    let alice = app.sign_in("alice").await;
    let ended = app.sign_in("bob").await;
    app.post_as(&ended, "/auth/logout", "")
        .send()
        .await
        .unwrap();
    let twisted = format!("{}A", alice.cookie);
    for cookie in [
        "",
        "__Host-qd_sid=junk",
        twisted.as_str(),
        ended.cookie.as_str(),
    ] {
        let headers = [
            ("origin", own.as_str()),
            ("cookie", cookie),
            ("sec-websocket-protocol", SUBPROTOCOL),
        ];
        let mut ws = Ws::upgrade(&app, &headers).await.unwrap();
        assert_eq!(ws.closed().await.0, 4401, "{cookie:?}");
    }
}

#[tokio::test]
async fn welcome_then_the_logs_snapshot_then_a_beat_then_live_and_every_byte_is_the_buss() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let positions = stream("positions:alice");
    let snapshot = app
        .publish(&positions, "e", 1, MessageKind::Snapshot, SNAPSHOT)
        .await;
    let delta = app
        .publish(&positions, "e", 2, MessageKind::Delta, DELTA)
        .await;
    let (mut ws, welcome) = Ws::open(&app, &alice, &[&positions]).await;
    assert_eq!(welcome.session.user_id.as_str(), "alice");
    assert_eq!(welcome.session.csrf, alice.csrf);
    assert_eq!(welcome.server.node, "gateway-1");

    match ws.frame().await {
        ServerFrame::Snapshot {
            stream,
            epoch,
            seq,
            skipped,
            d,
            ..
        } => {
            assert_eq!(
                (stream, epoch.as_str(), seq.0, skipped),
                (positions.clone(), "e", 1, None)
            );
            assert_eq!(d.as_bytes(), &snapshot[..]);
        }
        other => panic!("{other:?}"),
    }
    match ws.frame().await {
        ServerFrame::Msg { d, unnumbered, .. } => {
            assert_eq!((d.as_bytes(), unnumbered), (&delta[..], false));
        }
        other => panic!("{other:?}"),
    }
    match ws.frame().await {
        ServerFrame::Beat { streams, .. } => {
            assert_eq!(streams, [(positions.clone(), pos("e", 2))]);
        }
        other => panic!("{other:?}"),
    }
    let live = app
        .publish(&positions, "e", 3, MessageKind::Delta, DELTA)
        .await;
    let text = ws.next().await.unwrap();
    assert!(text.contains(std::str::from_utf8(&live).unwrap()), "{text}");
}

#[tokio::test]
async fn everything_of_ones_own_is_opened_when_nothing_is_asked_for() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    for (name, kind, fields) in [
        ("positions:alice", MessageKind::Snapshot, SNAPSHOT),
        (
            "kill_switch:state",
            MessageKind::Snapshot,
            r#"{"state":"ACTIVE"}"#,
        ),
        (
            "circuit_breaker:state",
            MessageKind::Snapshot,
            r#"{"breakers":[]}"#,
        ),
        ("orders:alice", MessageKind::Event, EVENT),
        ("alerts:alice", MessageKind::Event, "{}"),
        ("positions:bob", MessageKind::Snapshot, SNAPSHOT),
    ] {
        app.publish(&stream(name), "e", 1, kind, fields).await;
    }
    let (mut ws, _) = Ws::open(&app, &alice, &[]).await;
    let mut beats = std::collections::BTreeSet::new();
    while beats.len() < 5 {
        let text = ws.next().await.unwrap();
        assert!(!text.contains("bob"), "{text}");
        if let ServerFrame::Beat { streams, .. } = ServerFrame::decode(&text).unwrap() {
            beats.extend(streams.into_iter().map(|(stream, _)| stream.to_string()));
        }
    }
    assert_eq!(app.gateway.counts().subscriptions, 5);
}

#[tokio::test]
async fn a_resume_goes_on_where_the_client_stands() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (positions, orders) = (stream("positions:alice"), stream("orders:alice"));
    app.publish(&positions, "e", 1, MessageKind::Snapshot, SNAPSHOT)
        .await;
    for seq in 2..=4 {
        app.publish(&positions, "e", seq, MessageKind::Delta, DELTA)
            .await;
    }
    for seq in 1..=4 {
        app.publish(&orders, "e", seq, MessageKind::Event, EVENT)
            .await;
    }
    let from = [
        (positions.clone(), pos("e", 2)),
        (orders.clone(), pos("e", 3)),
    ];
    let (mut ws, _) = Ws::resume(&app, &alice, &[&positions, &orders], &from).await;
    let (mut num_deltas, mut num_events) = (0, 0);
    let mut beats = 0;
    while beats < 2 {
        match ws.frame().await {
            ServerFrame::Batch { stream, msgs, .. } if stream == positions => {
                num_deltas += msgs.len();
            }
            ServerFrame::Msg {
                stream: Some(stream),
                ..
            } if stream == orders => num_events += 1,
            ServerFrame::Beat { .. } => beats += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((num_deltas, num_events), (2, 1));

    // Another epoch, of which nothing is known any more.
    let from = [(orders.clone(), pos("lost", 17))];
    let (mut ws, _) = Ws::resume(&app, &alice, &[&orders], &from).await;
    match ws.frame().await {
        ServerFrame::Gone { stream, .. } => assert_eq!(stream, orders),
        other => panic!("{other:?}"),
    }
    ws.beat(&orders, &pos("e", 4)).await;
    ws.send(&ClientFrame::Resync {
        stream: orders.clone(),
        pos: pos("e", 1),
    })
    .await;
    match ws.frame().await {
        ServerFrame::Batch { msgs, .. } => assert_eq!(msgs.len(), 3),
        other => panic!("{other:?}"),
    }
    ws.beat(&orders, &pos("e", 4)).await;
}

#[tokio::test]
async fn somebody_elses_stream_costs_the_socket() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (own, foreign) = (stream("positions:alice"), stream("positions:bob"));
    let place = [(foreign.clone(), pos("e", 1))];
    for frame in [
        hello(&[&own, &foreign], &[]),
        hello(&[&own], &place),
        ClientFrame::Active,
    ] {
        let mut ws = Ws::connect(&app, &alice).await;
        ws.send(&frame).await;
        assert_eq!(ws.closed().await.0, 4403, "{frame:?}");
    }
    for text in [
        r#"{"t":"hello","want":["positions:*"],"client":{"kind":"x","version":"1"}}"#,
        r#"{"t":"hello","want":["price.updated.AAPL"],"client":{"kind":"x","version":"1"}}"#,
        "not json",
    ] {
        let mut ws = Ws::connect(&app, &alice).await;
        ws.send_text(text.to_owned()).await;
        assert_eq!(ws.closed().await.0, 4403, "{text}");
    }
    let (mut ws, _) = Ws::open(&app, &alice, &[&own]).await;
    ws.send(&ClientFrame::Resync {
        stream: foreign.clone(),
        pos: pos("e", 1),
    })
    .await;
    assert_eq!(ws.closed().await.0, 4403);
    eventually("nobody listens to bob", || async {
        (app.bus.num_subscribers(&foreign).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_message_without_numbers_is_marked_and_its_displaced_event_is_not_lost() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (positions, orders) = (stream("positions:alice"), stream("orders:alice"));
    let (mut ws, _) = Ws::open(&app, &alice, &[&positions, &orders]).await;
    eventually("both are subscribed", || async {
        let both = app.bus.num_subscribers(&positions).await.unwrap()
            + app.bus.num_subscribers(&orders).await.unwrap();
        (both == 2).then_some(())
    })
    .await;
    let foreign = r#"{"positions":[],"total_positions":0}"#;
    app.bus
        .publish_raw("positions:alice", foreign)
        .await
        .unwrap();
    ws.find(|frame| match frame {
        ServerFrame::Msg {
            stream: Some(StreamName::Positions(_)),
            unnumbered: true,
            d,
            ..
        } => {
            assert_eq!(d.as_str(), foreign);
            Some(())
        }
        _ => None,
    })
    .await;

    // A burst that no socket can take one by one: whatever is displaced gives its event to the orders.
    const NUM_MESSAGES: usize = 200;
    for number in 0..NUM_MESSAGES {
        let text =
            format!(r#"{{"positions":[],"event":{{"order":{{"client_order_id":"o-{number}"}}}}}}"#);
        app.bus.publish_raw("positions:alice", text).await.unwrap();
    }
    let mut events = std::collections::BTreeSet::new();
    while events.len() < NUM_MESSAGES {
        let text = ws.next().await.unwrap();
        let mut rest = text.as_str();
        while let Some((_, tail)) = rest.split_once("client_order_id\":\"") {
            let (id, tail) = tail.split_once('"').unwrap();
            assert!(events.insert(id.to_owned()), "{id} came twice");
            rest = tail;
        }
    }
}

#[tokio::test]
async fn the_clock_is_answered_and_reports_become_figures() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (mut ws, _) = Ws::open(&app, &alice, &[]).await;
    let t0 = qd_types::UtcMicros(1_000_000);
    ws.send(&ClientFrame::Clock { t0 }).await;
    let (echoed, t1, t2) = ws
        .find(|frame| match frame {
            ServerFrame::Clock { t0, t1, t2 } => Some((t0, t1, t2)),
            _ => None,
        })
        .await;
    assert_eq!(echoed, t0);
    assert!(t1 <= t2);
    ws.send_text(
        r#"{"t":"stats","hops":[{"stream":"positions:alice","p50_ms":10,"p99_ms":30,"error_ms":1}],"dropped":3,"skipped":2,"gaps":0,"resyncs":0,"frame_ms_p99":2}"#.to_owned(),
    )
    .await;
    eventually("the report is counted", || async {
        let metrics = app.metrics().await;
        (metrics.contains("qd_queue_dropped_total{queue=\"client\"} 3")
            && metrics.contains("qd_push_seconds_count{hop=\"published_to_painted\"} 1"))
        .then_some(())
    })
    .await;
    assert!(
        !app.metrics().await.contains("alice"),
        "no label names a person"
    );
}
