//! Changing an order over the port: sent once as a PATCH, and without an answer asked after by the order's id.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qd_feed::FeedCommand;
use qd_state::{CommandId, CommandPhase, CommandView, RowKey, Snapshot};
use qd_types::{ClientOrderId, MessageKind, Order, OrderStatus, OrderType, Price, Qty, StreamName};
use qd_wire::Head;
use qd_wire::rest::{
    BootstrapResponse, ModifyOrder, OrderDetailResponse, OrderResponse, OrderTransition,
    OrdersResponse, Problem, to_json,
};

use crate::order;
use crate::support::{FakeGateway, Watched, account, bootstrap, now, pos, user};

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

/// Ten shares at 100.
fn resting(status: OrderStatus) -> Order {
    Order {
        order_type: OrderType::Limit,
        limit_price: Some(price("100")),
        ..order(status)
    }
}

fn row() -> RowKey {
    RowKey::Order(account(), ClientOrderId::new("o-1").unwrap())
}

fn at(snapshot: &Snapshot) -> Option<Arc<CommandView>> {
    snapshot.command_at(&row()).cloned()
}

fn change() -> FeedCommand {
    FeedCommand::ModifyOrder {
        command_id: CommandId(9),
        idempotency_key: ClientOrderId::new("key-9").unwrap(),
        account: account(),
        client_order_id: ClientOrderId::new("o-1").unwrap(),
        qty: Some(Qty::from_units(8, 0)),
        limit_price: Some(price("99.5")),
        stop_price: None,
    }
}

fn with_order() -> Vec<u8> {
    to_json(&BootstrapResponse {
        orders: OrdersResponse {
            orders: vec![resting(OrderStatus::Working)],
            ..bootstrap().orders
        },
        ..bootstrap()
    })
}

/// What the order's history says at each question about it, from the first on; the last repeats.
///
/// Before the first of them is asked, a fill of the order is heard: it says nothing about the change.
async fn asked_after(
    answers: Vec<(Order, Option<&'static str>)>,
    until: impl Fn(&Snapshot) -> bool,
) -> (Arc<Snapshot>, usize) {
    let num_asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&num_asked);
    let mut gateway =
        FakeGateway::start(
            move |asked| match (asked.method.as_str(), asked.path.as_str()) {
                (_, "/api/v1/bootstrap") => Some((200, with_order())),
                ("PATCH", "/api/v1/orders/o-1") => Some((504, Vec::new())),
                ("GET", "/api/v1/orders/o-1") => {
                    let i = counter.fetch_add(1, Ordering::SeqCst);
                    let (order, reason) = answers.get(i).or_else(|| answers.last())?.clone();
                    let transitions = reason.map(|reason| OrderTransition {
                        status: order.status,
                        at: order.updated_at.plus_millis(500),
                        reason_code: Some(reason.to_owned()),
                        evidence: "as the venue says".to_owned(),
                        by: None,
                    });
                    let answer = OrderDetailResponse {
                        order,
                        transitions: transitions.into_iter().collect(),
                        fills: Vec::new(),
                    };
                    Some((200, to_json(&answer)))
                }
                _ => None,
            },
        )
        .await;
    let console = Watched::start(&gateway.url);
    let (mut socket, _) = gateway.greeted().await;
    console
        .until("the open order", |snapshot| {
            snapshot.environment.is_some() && snapshot.orders.rows.len() == 1
        })
        .await;
    console.feed.send(change()).unwrap();
    let unknown = console
        .until("unknown", |snapshot| {
            at(snapshot).is_some_and(|c| matches!(c.phase, CommandPhase::Unknown { .. }))
        })
        .await;
    assert_eq!(&*at(&unknown).unwrap().label, "change BUY AAPL");
    let mut filled = resting(OrderStatus::PartiallyFilled);
    filled.filled_qty = Qty::from_units(1, 0);
    let head = Head {
        stream: StreamName::Orders(user()),
        epoch: pos(1).epoch,
        seq: pos(1).seq,
        base_seq: None,
        kind: MessageKind::Event,
        made_at: now(),
        published_at: now(),
    };
    let body = qd_wire::message::order_body(&filled, None);
    let message = qd_wire::write_message(&head, &body);
    socket
        .send(qd_wire::frame::msg_frame(&head.stream, now(), &message))
        .await;
    let heard = console
        .until("the fill", |snapshot| {
            let mut rows = snapshot.orders.rows.iter();
            rows.any(|row| &*row.filled.text == "1/10")
        })
        .await;
    let phase = at(&heard).map(|command| command.phase.clone());
    assert!(
        matches!(phase, Some(CommandPhase::Unknown { .. })),
        "{phase:?}"
    );
    let settled = console.until("settled", until).await;
    let asked = gateway.asked();
    let sent: Vec<_> = asked.iter().filter(|one| one.method == "PATCH").collect();
    assert_eq!(sent.len(), 1, "sent once, whatever came of it");
    assert!(
        sent[0].headers.contains("idempotency-key: key-9"),
        "{}",
        sent[0].headers
    );
    assert!(sent[0].headers.contains("x-csrf-token: csrf-token"));
    let wanted = ModifyOrder {
        account: Some(account()),
        idempotency_key: "key-9".to_owned(),
        qty: Some(Qty::from_units(8, 0)),
        limit_price: Some(price("99.5")),
        stop_price: None,
    };
    assert_eq!(ModifyOrder::parse(sent[0].body.as_bytes()), Ok(wanted));
    (settled, num_asked.load(Ordering::SeqCst))
}

// covers: OC-3, OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_change_is_unknown_until_the_orders_history_shows_it() {
    let answers = vec![
        (resting(OrderStatus::Working), None),
        (resting(OrderStatus::ReplaceSent), Some("change_sent")),
    ];
    let (settled, num_asked) = asked_after(answers, |snapshot| at(snapshot).is_none()).await;
    assert_eq!(num_asked, 2);
    let notice = settled.notices.first().unwrap();
    assert!(notice.text.ends_with("accepted, change sent"), "{notice:?}");
}

// covers: OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_the_venue_refused_meanwhile_is_refused_at_its_row() {
    let answers = vec![(resting(OrderStatus::Working), Some("change_rejected"))];
    let (settled, num_asked) = asked_after(answers, |snapshot| {
        at(snapshot).is_some_and(|c| matches!(c.phase, CommandPhase::Failed { .. }))
    })
    .await;
    assert_eq!(num_asked, 1);
    let CommandPhase::Failed { code, detail } = at(&settled).unwrap().phase.clone() else {
        panic!("refused");
    };
    assert_eq!((&*code, &*detail), ("change_rejected", "as the venue says"));
}

// covers: OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_or_refused_in_words() {
    let mut gateway = FakeGateway::start(|asked| match (&*asked.method, &*asked.path) {
        (_, "/api/v1/bootstrap") => Some((200, with_order())),
        ("PATCH", _) if asked.body.contains("\"8\"") => {
            let order = resting(OrderStatus::ReplaceSent);
            Some((202, to_json(&OrderResponse { order })))
        }
        ("PATCH", _) => {
            let problem = Problem::new(409, "already_filled", "already filled: 9 of 10");
            Some((409, to_json(&problem)))
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
    console.feed.send(change()).unwrap();
    console
        .until("accepted", |snapshot| {
            let notice = snapshot.notices.first();
            notice.is_some_and(|notice| &*notice.text == "change BUY AAPL: accepted, change sent")
        })
        .await;
    let FeedCommand::ModifyOrder {
        account,
        client_order_id,
        ..
    } = change()
    else {
        return;
    };
    console
        .feed
        .send(FeedCommand::ModifyOrder {
            command_id: CommandId(10),
            idempotency_key: ClientOrderId::new("key-10").unwrap(),
            account,
            client_order_id,
            qty: Some(Qty::from_units(9, 0)),
            limit_price: None,
            stop_price: None,
        })
        .unwrap();
    let refused = console
        .until("refused", |snapshot| {
            at(snapshot).is_some_and(|c| matches!(c.phase, CommandPhase::Failed { .. }))
        })
        .await;
    let CommandPhase::Failed { code, .. } = at(&refused).unwrap().phase.clone() else {
        panic!("refused");
    };
    assert_eq!(&*code, "already_filled");
}
