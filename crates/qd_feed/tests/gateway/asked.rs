//! What a person asks for over the port: cancel all, one order's story, the whole history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qd_feed::FeedCommand;
use qd_state::{AskPhase, CommandId, CommandPhase, HistoryEnd, PageAsk, RowKey};
use qd_types::{Fill, FillId, HaltScope, Money, OrderStatus, Price, Qty};
use qd_wire::rest::{
    BootstrapResponse, HistoryEntry, HistoryResponse, OrdersResponse, Problem, to_json,
};

use crate::order;
use crate::support::{FakeGateway, Watched, account, bootstrap, now};

// covers: DB-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_cancel_all_stays_unknown_until_the_open_orders_say_what_came_of_it() {
    let with_order = |status| OrdersResponse {
        orders: vec![order(status)],
        ..bootstrap().orders
    };
    let questions = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&questions);
    let mut gateway = FakeGateway::start(move |asked| match asked.path.as_str() {
        "/api/v1/bootstrap" => {
            let answer = BootstrapResponse {
                orders: with_order(OrderStatus::Working),
                ..bootstrap()
            };
            Some((200, to_json(&answer)))
        }
        "/api/v1/orders/cancel_all" => {
            counter.store(1, Ordering::SeqCst);
            Some((504, Vec::new()))
        }
        path if path.starts_with("/api/v1/orders?status=open") => {
            // Only what is asked after the command is about the command.
            let asked_since = match counter.load(Ordering::SeqCst) {
                0 => 0,
                _ => counter.fetch_add(1, Ordering::SeqCst),
            };
            let status = match asked_since {
                0 | 1 => OrderStatus::Working,
                _ => OrderStatus::CancelSent,
            };
            Some((200, to_json(&with_order(status))))
        }
        _ => None,
    })
    .await;
    let console = Watched::start(&gateway.url);
    let (_socket, _) = gateway.greeted().await;
    console
        .until("the open order", |snapshot| {
            snapshot.environment.is_some() && snapshot.orders.rows.len() == 1
        })
        .await;
    let command = FeedCommand::CancelAll {
        command_id: CommandId(8),
        idempotency_key: "key-8".to_owned(),
        scope: HaltScope::Account(account()),
        reason: "news".to_owned(),
    };
    console.feed.send(command).unwrap();
    let at = |snapshot: &qd_state::Snapshot| snapshot.command_at(&RowKey::AllOrders).cloned();
    let unknown = console
        .until("unknown", |snapshot| {
            at(snapshot).is_some_and(|c| matches!(c.phase, CommandPhase::Unknown { .. }))
        })
        .await;
    let label = format!("cancel all on {}", account());
    assert_eq!(*at(&unknown).unwrap().label, *label);
    let settled = console
        .until("settled", |snapshot| at(snapshot).is_none())
        .await;
    let notice = settled.notices.first().unwrap();
    assert!(
        notice.text.ends_with("accepted, 1 may still fill"),
        "{notice:?}"
    );
    let asked = gateway.asked();
    let sent: Vec<_> = asked
        .iter()
        .filter(|asked| asked.method == "POST")
        .collect();
    let [_login, sent] = sent.as_slice() else {
        panic!("sent once, whatever came of it: {sent:?}");
    };
    assert_eq!(
        sent.body,
        format!(r#"{{"scope":"account:{}","reason":"news"}}"#, account())
    );
    assert!(sent.headers.contains("idempotency-key: key-8"));
}

// covers: DB-7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stories_and_pages_are_asked_for_once_per_wish_and_with_the_servers_cursor() {
    let entry = |n: i64| HistoryEntry {
        at: now(),
        order: order(OrderStatus::Filled),
        fill: Some(Fill {
            fill_id: FillId::new(&format!("F{n}")).unwrap(),
            qty: Qty::from_units(n, 0),
            price: Price::from_units(100, 0),
            at: now().plus_millis(n),
            realized_pl: Money::ZERO,
        }),
    };
    let page = move |numbers: [i64; 2], next: Option<&str>| HistoryResponse {
        entries: numbers.map(entry).into(),
        total_today: 4,
        next: next.map(str::to_owned),
        as_of: now(),
        stream: None,
    };
    let mut gateway = FakeGateway::start(move |asked| match asked.path.as_str() {
        "/api/v1/orders/history?limit=100" => Some((200, to_json(&page([4, 3], Some("run1.3"))))),
        "/api/v1/orders/history?limit=100&before=run1.3" => {
            Some((200, to_json(&page([2, 1], None))))
        }
        path if path.starts_with("/api/v1/orders/o-1?account=") => {
            let problem = Problem::new(404, "order_not_found", "never reached this gateway");
            Some((404, problem.to_json()))
        }
        _ => None,
    })
    .await;
    let console = Watched::start(&gateway.url);
    let (_socket, _) = gateway.greeted().await;
    console
        .until("live", |snapshot| snapshot.environment.is_some())
        .await;
    let ask = |ask| console.feed.send(FeedCommand::Page(ask)).unwrap();
    ask(PageAsk::History);
    console
        .until("the newest page", |snapshot| {
            let history = snapshot.history.as_ref();
            history.is_some_and(|view| view.rows.len() == 2 && view.phase == AskPhase::Loaded)
        })
        .await;
    ask(PageAsk::OlderHistory);
    ask(PageAsk::OlderHistory);
    let all = console
        .until("the page behind", |snapshot| {
            let history = snapshot.history.as_ref();
            history.is_some_and(|view| view.end == HistoryEnd::All)
        })
        .await;
    assert_eq!(all.history.as_ref().unwrap().rows.len(), 4);
    ask(PageAsk::Order {
        account: account(),
        client_order_id: order(OrderStatus::Working).client_order_id,
    });
    console
        .until("the word on the order", |snapshot| {
            let detail = snapshot.order_detail.as_ref();
            detail.is_some_and(|view| view.phase == AskPhase::NotFound)
        })
        .await;
    ask(PageAsk::OrderClosed);
    ask(PageAsk::HistoryClosed);
    console
        .until("nothing asked for is kept", |snapshot| {
            snapshot.history.is_none() && snapshot.order_detail.is_none()
        })
        .await;
    let asked = gateway.asked();
    let asked: Vec<_> = asked
        .iter()
        .map(|asked| asked.path.trim_start_matches("/api/v1/orders/"))
        .filter(|path| path.starts_with("history?limit=100") || path.starts_with("o-1"))
        .collect();
    assert_eq!(
        asked,
        [
            "history?limit=100".to_owned(),
            "history?limit=100&before=run1.3".to_owned(),
            format!("o-1?account={}", account()),
        ]
    );
}
