//! What is asked for by REST while the socket lives: prices of what is held, and pages of open orders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qd_feed::FeedCommand;
use qd_types::OrderStatus;
use qd_wire::frame::ClientFrame;
use qd_wire::rest::to_json;

use crate::order;
use crate::support::{FakeGateway, Watched, bootstrap, now};

// covers: RT-2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_ask_for_what_is_held_and_keep_the_last_good_answer() {
    let num_asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&num_asked);
    let mut gateway = FakeGateway::start(move |asked| {
        if !asked.path.starts_with("/api/v1/market/prices") {
            return None;
        }
        if counter.fetch_add(1, Ordering::SeqCst) > 0 {
            return Some((503, Vec::new()));
        }
        let quote = qd_wire::rest::PriceQuote {
            halted: false,
            symbol: qd_types::Symbol::new("AAPL").unwrap(),
            price: qd_types::Price::from_units(12_345, 2),
            bid: None,
            ask: None,
            at: now(),
            source: "test".to_owned(),
        };
        Some((
            200,
            to_json(&qd_wire::rest::PricesResponse {
                prices: vec![quote],
            }),
        ))
    })
    .await;
    let console = Watched::start(&gateway.url);
    let (_socket, _) = gateway.greeted().await;
    let is_polled = |snapshot: &qd_state::Snapshot| {
        snapshot
            .positions
            .rows
            .first()
            .is_some_and(|row| &*row.current.text == "123.45")
    };
    console.until("the polled price", is_polled).await;
    assert!(
        gateway
            .asked()
            .iter()
            .any(|asked| asked.path == "/api/v1/market/prices?symbols=AAPL")
    );
    // Hidden, nothing is asked; shown again, what is overdue is asked at once.
    console.feed.send(FeedCommand::Visible(false)).unwrap();
    console
        .feed
        .send(FeedCommand::Refresh(qd_state::Poll::Prices))
        .unwrap();
    console.feed.send(FeedCommand::Visible(true)).unwrap();
    let failed = console
        .until("the failed poll", |snapshot| {
            snapshot.positions.last_price_error.is_some()
        })
        .await;
    assert!(is_polled(&failed), "the last good price stays");

    // Off the screen nothing is asked either, not even on demand; what is shown still is.
    let asked = |gateway: &FakeGateway, path: &str| {
        let asked = gateway.asked();
        asked
            .iter()
            .filter(|one| one.path.starts_with(path))
            .count()
    };
    let only_stats = qd_state::PollSet::NONE.with(qd_state::Poll::Stats);
    let num_stats = asked(&gateway, "/api/v1/dashboard/stats");
    console.feed.send(FeedCommand::Wanted(only_stats)).unwrap();
    let num_prices = asked(&gateway, "/api/v1/market/prices");
    for poll in [qd_state::Poll::Prices, qd_state::Poll::Stats] {
        console.feed.send(FeedCommand::Refresh(poll)).unwrap();
    }
    while asked(&gateway, "/api/v1/dashboard/stats") == num_stats {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked(&gateway, "/api/v1/market/prices"), num_prices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_page_of_open_orders_is_not_taken_for_all_of_them() {
    let mut gateway = FakeGateway::start(|asked| {
        if asked.path != "/api/v1/bootstrap" {
            return None;
        }
        let mut answer = bootstrap();
        answer.orders.orders = vec![order(OrderStatus::Working)];
        answer.orders.next = Some("b-1".to_owned());
        Some((200, to_json(&answer)))
    })
    .await;
    let console = Watched::start(&gateway.url);
    let first = console
        .until("the first answer", |snapshot| snapshot.positions.is_loaded)
        .await;
    assert!(first.orders.rows.is_empty(), "nothing rather than a part");
    let (_socket, hello) = gateway.greeted().await;
    let ClientFrame::Hello { resume, .. } = hello else {
        unreachable!()
    };
    let is_orders = |stream: &qd_types::StreamName| stream.to_string().starts_with("orders:");
    assert!(!resume.iter().any(|(stream, _)| is_orders(stream)));
    gateway
        .asked_times("GET", "/api/v1/orders?status=open&limit=500", 1)
        .await;
}
