//! What a socket may not do, what happens to one that does not read, and that leaving leaves nothing behind.

use std::time::Duration;

use futures_util::SinkExt as _;
use qd_types::MessageKind;
use qd_wire::frame::ClientFrame;
use tokio_tungstenite::tungstenite::Message;

use crate::app::{App, eventually};
use crate::ws::{Ws, pos, stream};

#[tokio::test]
async fn a_hundred_visits_leave_nothing_behind() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let positions = stream("positions:alice");
    app.publish(&positions, "e", 1, MessageKind::Snapshot, "{}")
        .await;
    let base = app.gateway.counts();
    assert_eq!((base.sockets, base.subscriptions), (0, 0));
    for visit in 0..100 {
        let (mut ws, _) = Ws::open(&app, &alice, &[]).await;
        ws.beat(&positions, &pos("e", 1)).await;
        // Half of them say goodbye, half just go.
        if visit % 2 == 0 {
            ws.socket.close(None).await.unwrap();
        }
    }
    let counts = eventually("everything is given back", || async {
        let counts = app.gateway.counts();
        (counts.sockets == 0 && counts.subscriptions == 0 && counts.tasks <= base.tasks)
            .then_some(counts)
    })
    .await;
    assert!(counts.lanes.balances(), "{counts:?}");
    assert_eq!(counts.lanes.queued, 0);
    assert!(counts.lanes.delivered >= 100);
    eventually("the hub has let go of the channels", || async {
        (app.bus.num_subscribers(&positions).await.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_takes_nothing_loses_its_socket_and_nobody_else_does() {
    let app = App::start_with(|config| config.timing.slow_after = Duration::from_millis(500)).await;
    let alice = app.sign_in("alice").await;
    let halts = stream("kill_switch:state");
    let (stuck, _) = Ws::open(&app, &alice, &[&halts]).await;
    let (mut reads, _) = Ws::open(&app, &alice, &[&halts]).await;
    let big = format!(r#"{{"reason":"{}"}}"#, "x".repeat(900 * 1024));
    let reader = tokio::spawn(async move {
        let mut last = 0;
        while last < 40 {
            if let qd_wire::frame::ServerFrame::Snapshot { seq, .. } = reads.frame().await {
                last = seq.0;
            }
        }
        reads
    });
    // More than any socket buffer takes; `stuck` reads nothing of it.
    for seq in 1..=40 {
        app.publish(&halts, "e", seq, MessageKind::Snapshot, &big)
            .await;
        tokio::task::yield_now().await;
    }
    eventually("the stuck socket is closed as too slow", || async {
        app.metrics()
            .await
            .contains("qd_gateway_socket_closes_total{code=\"4008\"} 1")
            .then_some(())
    })
    .await;
    let reads = reader.await.unwrap();
    eventually("one socket is left", || async {
        (app.gateway.counts().sockets == 1).then_some(())
    })
    .await;
    assert!(app.gateway.counts().lanes.balances());
    drop((stuck, reads));
}

#[tokio::test]
async fn a_peer_that_does_not_answer_pings_is_gone() {
    let app = App::start_with(|config| {
        config.timing.ping_every = Duration::from_millis(50);
        config.timing.pong_within = Duration::from_millis(200);
    })
    .await;
    let alice = app.sign_in("alice").await;
    let (mut alive, _) = Ws::open(&app, &alice, &[]).await;
    // A pong is only ever sent by reading: this one is left alone.
    let (_deaf, _) = Ws::open(&app, &alice, &[]).await;
    eventually("the deaf one is closed", async || {
        // The answers to pings go out while the other one is read.
        tokio::time::timeout(Duration::from_millis(20), alive.next())
            .await
            .ok();
        (app.gateway.counts().sockets == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn too_many_sockets_of_a_session_are_turned_away() {
    let app = App::start_with(|config| config.limits.max_sockets_per_session = 2).await;
    let (alice, bob) = (app.sign_in("alice").await, app.sign_in("bob").await);
    let _one = Ws::open(&app, &alice, &[]).await;
    let _two = Ws::open(&app, &alice, &[]).await;
    assert_eq!(Ws::connect(&app, &alice).await.closed().await.0, 4429);
    let _other = Ws::open(&app, &bob, &[]).await;
}

#[tokio::test]
async fn a_full_node_says_so() {
    let app = App::start_with(|config| config.limits.max_sockets = 1).await;
    let (alice, bob) = (app.sign_in("alice").await, app.sign_in("bob").await);
    let (one, _) = Ws::open(&app, &alice, &[]).await;
    let mut turned_away = Ws::connect(&app, &bob).await;
    let bye = turned_away.next().await.unwrap();
    assert!(
        bye.contains("\"bye\"") && bye.contains("retry_after_ms"),
        "{bye}"
    );
    assert_eq!(turned_away.closed().await.0, 4429);
    drop(one);
    eventually("the place is free again", || async {
        (app.gateway.counts().sockets == 0).then_some(())
    })
    .await;
    let _two = Ws::open(&app, &bob, &[]).await;
}

#[tokio::test]
async fn floods_and_nonsense_cost_the_socket() {
    let app = App::start().await;
    let alice = app.sign_in("alice").await;
    let (mut flood, _) = Ws::open(&app, &alice, &[]).await;
    for _ in 0..200 {
        if flood
            .socket
            .send(Message::text(ClientFrame::Active.encode()))
            .await
            .is_err()
        {
            break;
        }
    }
    assert_eq!(flood.closed().await.0, 4429);

    let (mut nonsense, _) = Ws::open(&app, &alice, &[]).await;
    for _ in 0..11 {
        nonsense.send_text("{}".to_owned()).await;
    }
    assert_eq!(nonsense.closed().await.0, 1002);

    // A kind of a newer console is no nonsense.
    let (mut newer, _) = Ws::open(&app, &alice, &[]).await;
    for _ in 0..20 {
        newer.send_text(r#"{"t":"telepathy"}"#.to_owned()).await;
    }
    newer
        .send(&ClientFrame::Clock {
            t0: qd_types::UtcMicros(1),
        })
        .await;
    newer
        .find(|frame| matches!(frame, qd_wire::frame::ServerFrame::Clock { .. }).then_some(()))
        .await;

    let (mut big, _) = Ws::open(&app, &alice, &[]).await;
    big.socket
        .send(Message::text("x".repeat(65 * 1024)))
        .await
        .ok();
    while big.next().await.is_ok() {}
}

#[tokio::test]
async fn somebody_who_never_says_hello_is_not_waited_for() {
    let app =
        App::start_with(|config| config.timing.hello_within = Duration::from_millis(100)).await;
    let alice = app.sign_in("alice").await;
    assert_eq!(Ws::connect(&app, &alice).await.closed().await.0, 4408);
}

#[tokio::test]
async fn beats_come_at_their_time_and_carry_the_hubs_number() {
    let app = App::start_with(|config| config.timing.beat_every = Duration::from_millis(50)).await;
    let alice = app.sign_in("alice").await;
    let halts = stream("kill_switch:state");
    app.publish(&halts, "e", 1, MessageKind::Snapshot, "{}")
        .await;
    let (mut ws, welcome) = Ws::open(&app, &alice, &[&halts]).await;
    assert_eq!(welcome.limits.beat_every_ms, 50);
    for seq in 2..=4 {
        ws.beat(&halts, &pos("e", seq - 1)).await;
        app.publish(&halts, "e", seq, MessageKind::Snapshot, "{}")
            .await;
    }
    ws.beat(&halts, &pos("e", 4)).await;
}

#[tokio::test]
async fn a_ping_that_waits_behind_a_slow_peer_is_not_held_against_it() {
    let ping_every = Duration::from_secs(2);
    let app = App::start_with(|config| {
        config.timing.tick = Duration::from_millis(50);
        config.timing.ping_every = ping_every;
        config.timing.pong_within = Duration::from_millis(200);
    })
    .await;
    let alice = app.sign_in("alice").await;
    let halts = stream("kill_switch:state");
    let (mut slow, _) = Ws::open(&app, &alice, &[&halts]).await;
    let opened = tokio::time::Instant::now();
    // More than any socket buffer takes, before the first ping is due.
    let big = format!(r#"{{"reason":"{}"}}"#, "x".repeat(900 * 1024));
    for seq in 1..=40 {
        app.publish(&halts, "e", seq, MessageKind::Snapshot, &big)
            .await;
        tokio::task::yield_now().await;
    }
    assert!(opened.elapsed() < ping_every, "this machine is too slow");
    tokio::time::sleep_until(opened + ping_every + Duration::from_millis(600)).await;
    assert_eq!(app.gateway.counts().sockets, 1);
    // Whoever takes it all at last has lost nothing.
    slow.find(|frame| match frame {
        qd_wire::frame::ServerFrame::Snapshot { seq, .. } => (seq.0 == 40).then_some(()),
        _ => None,
    })
    .await;
}
