//! The feed against a gateway that misbehaves on purpose: holes, floods, lost answers, frames that cannot be read.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

#[path = "gateway/asked.rs"]
mod asked;
#[path = "gateway/changed.rs"]
mod changed;
#[path = "gateway/polls.rs"]
mod polls;
#[path = "gateway/reconnect.rs"]
mod reconnect;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qd_feed::FeedCommand;
use qd_state::{CommandId, CommandPhase, RowKey, SealState};
use qd_types::{ClientOrderId, MessageKind, Order, OrderStatus, OrderType, Side, TimeInForce};
use qd_wire::frame::ClientFrame;
use qd_wire::rest::{OrderDetailResponse, to_json};
use support::{
    FakeGateway, LIMIT, Watched, account, delta_body, now, pos, position, positions_stream,
    snapshot_body, within,
};

fn is_verified_to(snapshot: &qd_state::Snapshot, seq: u64) -> bool {
    matches!(&snapshot.positions.seal.state, SealState::Verified { pos, .. } if pos.seq.0 == seq)
}

// covers: RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_in_paints_the_first_answer_and_goes_live() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let first = console
        .until("the first answer", |snapshot| snapshot.positions.is_loaded)
        .await;
    assert_eq!(first.positions.rows.len(), 1);
    let (mut socket, hello) = gateway.greeted().await;
    let ClientFrame::Hello {
        want,
        resume,
        client,
    } = hello
    else {
        unreachable!()
    };
    assert!(want.contains(&positions_stream()), "{want:?}");
    assert!(
        resume.contains(&(positions_stream(), pos(0))),
        "goes on from the first answer: {resume:?}"
    );
    assert_eq!(client.kind, "native");
    let login = &gateway.asked()[0];
    assert_eq!(
        (login.method.as_str(), login.body.as_str()),
        ("POST", "user=alice")
    );
    let upgrade = gateway.upgrades().remove(0).to_ascii_lowercase();
    assert!(
        upgrade.contains(&format!("origin: {}", gateway.url)),
        "{upgrade}"
    );
    assert!(
        upgrade.contains("cookie: __host-qd_sid=v1.test"),
        "{upgrade}"
    );
    assert!(
        upgrade.contains("sec-websocket-protocol: quarterdeck.v1"),
        "{upgrade}"
    );

    let rows = [position("AAPL", 10), position("MSFT", -5)];
    socket
        .publish(1, MessageKind::Snapshot, &snapshot_body(&rows))
        .await;
    socket
        .publish(
            2,
            MessageKind::Delta,
            &delta_body(&rows, &[position("MSFT", -7)]),
        )
        .await;
    // What answers a hello that resumes ends with a beat.
    socket.beat(2).await;
    let live = console
        .until("number 2", |snapshot| is_verified_to(snapshot, 2))
        .await;
    let msft = live
        .positions
        .rows
        .iter()
        .find(|row| row.symbol.as_str() == "MSFT")
        .unwrap();
    assert_eq!(&*msft.qty.text, "\u{2212}7");
    // A number is painted when somebody says that the snapshot which has it was on screen.
    console
        .feed
        .send(FeedCommand::Painted {
            version: live.version,
            at: now(),
            frame_micros: Some(900),
        })
        .unwrap();
    let painted = async {
        while console
            .feed
            .paint_log()
            .lock()
            .painted()
            .get(&positions_stream())
            .is_none_or(|p| p.pos.seq.0 < 2)
        {
            tokio::task::yield_now().await;
        }
    };
    within("the painted number", painted).await;
    let log = console.feed.paint_log().lock().painted()[&positions_stream()].clone();
    assert!(
        log.points
            .iter()
            .all(|point| point.painted_at >= point.published_at)
    );
}

// covers: RT-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_is_shown_asked_after_and_closed() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    let rows = [position("AAPL", 10)];
    socket
        .publish(1, MessageKind::Snapshot, &snapshot_body(&rows))
        .await;
    socket.beat(1).await;
    console
        .until("number 1", |snapshot| is_verified_to(snapshot, 1))
        .await;
    socket
        .publish(3, MessageKind::Delta, &delta_body(&rows, &rows))
        .await;
    let is_hole = |snapshot: &qd_state::Snapshot| {
        matches!(snapshot.positions.seal.state, SealState::Resyncing { .. })
    };
    let hole = console.until("the hole on screen", is_hole).await;
    assert_eq!(hole.positions.rows.len(), 1, "the values stay");
    let resync = socket
        .next_frame("resync", |frame| {
            matches!(frame, ClientFrame::Resync { .. })
        })
        .await;
    assert_eq!(
        resync,
        ClientFrame::Resync {
            stream: positions_stream(),
            pos: pos(1)
        }
    );
    socket
        .publish(2, MessageKind::Delta, &delta_body(&rows, &rows))
        .await;
    let filled = [position("AAPL", 12)];
    socket
        .publish(3, MessageKind::Delta, &delta_body(&rows, &filled))
        .await;
    let level = console
        .until("number 3 applied", |snapshot| {
            &*snapshot.positions.rows[0].qty.text == "12"
        })
        .await;
    assert!(is_hole(&level), "an answer without its end proves nothing");
    socket.beat(3).await;
    console
        .until("the hole closed", |snapshot| is_verified_to(snapshot, 3))
        .await;
}

fn cancel(command: u64) -> FeedCommand {
    FeedCommand::CancelOrder {
        command_id: CommandId(command),
        idempotency_key: format!("key-{command}"),
        account: account(),
        client_order_id: ClientOrderId::new("o-1").unwrap(),
        reason: None,
    }
}

fn order(status: OrderStatus) -> Order {
    Order {
        account: account(),
        strategy: qd_types::StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new("o-1").unwrap(),
        venue_order_id: None,
        symbol: qd_types::Symbol::new("AAPL").unwrap(),
        side: Side::Buy,
        qty: qd_types::Qty::from_units(10, 0),
        filled_qty: qd_types::Qty::ZERO,
        filled_avg_price: None,
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status,
        status_since: now(),
        reason_code: None,
        created_at: now(),
        updated_at: now(),
        source: "console".to_owned(),
        parent_id: None,
    }
}

// covers: OC-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_command_is_unknown_asked_after_by_id_and_never_sent_twice() {
    let inquiries = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&inquiries);
    let mut gateway = FakeGateway::start(move |asked| match asked.path.as_str() {
        "/api/v1/orders/o-1/cancel" => Some((504, Vec::new())),
        "/api/v1/orders/o-1?account=paper-1" => {
            let status = match counter.fetch_add(1, Ordering::SeqCst) {
                0 => OrderStatus::Working,
                _ => OrderStatus::CancelSent,
            };
            let answer = OrderDetailResponse {
                order: order(status),
                transitions: Vec::new(),
                fills: Vec::new(),
                changes: None,
            };
            Some((200, to_json(&answer)))
        }
        _ => None,
    })
    .await;
    let console = Watched::start(&gateway.url);
    let (_socket, _) = gateway.greeted().await;
    console
        .until("live", |snapshot| snapshot.environment.is_some())
        .await;
    console.feed.send(cancel(7)).unwrap();
    let row = RowKey::Order(account(), ClientOrderId::new("o-1").unwrap());
    console
        .until("unknown", |snapshot| {
            snapshot
                .command_at(&row)
                .is_some_and(|c| matches!(c.phase, CommandPhase::Unknown { .. }))
        })
        .await;
    console
        .until("settled", |snapshot| snapshot.command_at(&row).is_none())
        .await;
    let asked = gateway.asked();
    let sent: Vec<_> = asked
        .iter()
        .filter(|asked| asked.method == "POST" && asked.path.contains("cancel"))
        .collect();
    assert_eq!(sent.len(), 1, "sent once, whatever came of it");
    assert!(
        sent[0].headers.contains("idempotency-key: key-7"),
        "{}",
        sent[0].headers
    );
    assert!(
        sent[0].headers.contains("x-csrf-token: csrf-token"),
        "{}",
        sent[0].headers
    );
    assert_eq!(inquiries.load(Ordering::SeqCst), 2);
    assert!(
        LIMIT.as_secs() >= 10,
        "the first two questions come after 1 s and 2 s"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_frames_are_counted_and_the_stream_goes_on() {
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    for bad in [
        "{",
        "[]",
        r#"{"t":"batch"}"#,
        r#"{"t":"msg","routed_at":"2026-01-05T14:30:00Z","stream":"positions:mallory","d":{}}"#,
    ] {
        socket.send(bad.to_owned()).await;
    }
    socket
        .send(r#"{"t":"of_a_newer_gateway"}"#.to_owned())
        .await;
    let stream = positions_stream();
    let odd = format!(
        r#"{{"t":"msg","stream":"{stream}","routed_at":"2026-01-05T14:30:00Z","d":{{"positions":7}}}}"#
    );
    socket.send(odd).await;
    socket
        .publish(
            1,
            MessageKind::Snapshot,
            &snapshot_body(&[position("AAPL", 10)]),
        )
        .await;
    socket.beat(1).await;
    console
        .until("number 1", |snapshot| is_verified_to(snapshot, 1))
        .await;
    let counted = console
        .until("the count", |snapshot| snapshot.feed.num_unreadable >= 5)
        .await;
    assert_eq!(
        counted.feed.num_unreadable, 5,
        "a kind of a newer gateway is no mistake"
    );
}

// covers: RT-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_bounded_and_ends_verified_with_every_frame_counted() {
    const NUM: u64 = 3_000;
    let mut gateway = FakeGateway::start(|_| None).await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    let rows = [position("AAPL", 10)];
    socket
        .publish(1, MessageKind::Snapshot, &snapshot_body(&rows))
        .await;
    for seq in 2..=NUM {
        socket
            .publish(seq, MessageKind::Delta, &delta_body(&rows, &rows))
            .await;
    }
    // Whether the queue dropped something is a matter of speed; if it did, the console must ask and heal.
    socket
        .publish(
            NUM + 1,
            MessageKind::Snapshot,
            &snapshot_body(&[position("AAPL", 77)]),
        )
        .await;
    socket.beat(NUM + 1).await;
    let done = console
        .until("the last number", |snapshot| {
            is_verified_to(snapshot, NUM + 1)
        })
        .await;
    assert_eq!(&*done.positions.rows[0].qty.text, "77");
    for (stream, counters) in console.feed.meter().queues() {
        let out = counters.delivered + counters.dropped + counters.queued;
        assert_eq!(counters.received, out, "{stream}: {counters:?}");
        assert!(counters.high_water <= 100, "{stream}: {counters:?}");
        if stream == positions_stream() {
            assert_eq!(counters.received, NUM + 1);
        }
    }
    let footer = console
        .until("the footer", |snapshot| {
            let feed = &snapshot.feed;
            feed.num_applied + feed.num_duplicates + feed.num_dropped > NUM
        })
        .await;
    let feed = &footer.feed;
    assert_eq!(
        feed.num_applied + feed.num_duplicates + feed.num_dropped,
        NUM + 1,
        "{feed:?}"
    );
}
