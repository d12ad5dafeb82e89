//! Changing an order over the port: sent once as a PATCH, and without an answer asked after by the change's key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qd_feed::FeedCommand;
use qd_state::{CommandId, CommandPhase, CommandView, RowKey, Snapshot};
use qd_types::{ClientOrderId, MessageKind, Order, OrderStatus, OrderType, Price, Qty, StreamName};
use qd_wire::Head;
use qd_wire::rest::{
    BootstrapResponse, ChangeOutcome, DecidedChange, ModifyOrder, OrderDetailResponse,
    OrderResponse, OrderTransition, OrdersResponse, Problem, to_json,
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

fn decided(key: &str, outcome: ChangeOutcome) -> DecidedChange {
    let (code, detail) = match outcome {
        ChangeOutcome::Sent | ChangeOutcome::Made => (None, ""),
        ChangeOutcome::Rejected => (Some("price_outside_band"), "as the venue says"),
        ChangeOutcome::Blocked => (Some("blocked_rail"), "as the rail says"),
    };
    DecidedChange {
        idempotency_key: key.to_owned(),
        outcome,
        code: code.map(str::to_owned),
        detail: detail.to_owned(),
    }
}

/// What is said of the order's changes at each question, from the first on; the last repeats. Its history is always that
/// of somebody else's change, and its terms are what was asked for.
///
/// Before the first of them is asked, a fill of the order is heard: it says nothing about the change.
async fn asked_after(
    answers: Vec<Option<Vec<DecidedChange>>>,
    until: impl Fn(&Snapshot) -> bool,
) -> (Arc<Snapshot>, usize) {
    let num_asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&num_asked);
    let mut gateway =
        FakeGateway::start(
            move |asked| match (asked.method.as_str(), asked.path.as_str()) {
                (_, "/api/v1/bootstrap") => Some((200, with_order())),
                ("PATCH", "/api/v1/orders/o-1") => Some((504, Vec::new())),
                ("GET", "/api/v1/orders/o-1?account=paper-1") => {
                    let i = counter.fetch_add(1, Ordering::SeqCst);
                    let changes = answers.get(i).or_else(|| answers.last())?.clone();
                    let order = Order {
                        qty: Qty::from_units(8, 0),
                        limit_price: Some(price("99.5")),
                        ..resting(OrderStatus::Working)
                    };
                    let others = ["change_sent", "change_rejected", "change_met_fills"];
                    let transitions = others.map(|reason| OrderTransition {
                        status: order.status,
                        at: order.updated_at.plus_millis(500),
                        reason_code: Some(reason.to_owned()),
                        evidence: "of another change".to_owned(),
                        by: None,
                    });
                    let answer = OrderDetailResponse {
                        order,
                        transitions: transitions.into(),
                        fills: Vec::new(),
                        changes,
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

/// The words in which an unanswered change ends: accepted, or refused with its code.
async fn ends(answers: Vec<Option<Vec<DecidedChange>>>) -> (String, usize) {
    let is_settled = |snapshot: &Snapshot| {
        at(snapshot).is_none_or(|c| matches!(c.phase, CommandPhase::Failed { .. }))
    };
    let (settled, num_asked) = asked_after(answers, is_settled).await;
    let words = match at(&settled).map(|command| command.phase.clone()) {
        Some(CommandPhase::Failed { code, detail }) => format!("{code}: {detail}"),
        Some(other) => panic!("{other:?}"),
        None => settled.notices.first().unwrap().text.to_string(),
    };
    (words, num_asked)
}

// covers: OC-3, OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_change_is_unknown_until_its_key_is_known() {
    let theirs = || decided("key-of-another", ChangeOutcome::Made);
    let answers = vec![
        Some(vec![theirs()]),
        Some(vec![theirs(), decided("key-9", ChangeOutcome::Sent)]),
    ];
    let (words, num_asked) = ends(answers).await;
    assert_eq!(
        (&*words, num_asked),
        ("change BUY AAPL: accepted, change sent", 2)
    );
    // A backend that says nothing of changes proves nothing.
    let answers = vec![None, Some(vec![decided("key-9", ChangeOutcome::Made)])];
    let (words, num_asked) = ends(answers).await;
    assert_eq!(
        (&*words, num_asked),
        ("change BUY AAPL: accepted, changed", 2)
    );
}

// covers: OC-3, OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_refused_meanwhile_is_refused_at_its_row() {
    let theirs = || decided("key-of-another", ChangeOutcome::Sent);
    for (outcome, expected) in [
        (
            ChangeOutcome::Rejected,
            "price_outside_band: as the venue says",
        ),
        (ChangeOutcome::Blocked, "blocked_rail: as the rail says"),
    ] {
        let answers = vec![Some(vec![theirs(), decided("key-9", outcome)])];
        let (words, num_asked) = ends(answers).await;
        assert_eq!((&*words, num_asked), (expected, 1));
    }
}

// covers: OC-3, OC-8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_key_nobody_knows_did_not_arrive_whoever_else_changed_the_order() {
    let theirs = decided("key-of-another", ChangeOutcome::Made);
    let (words, num_asked) = ends(vec![Some(vec![theirs])]).await;
    assert_eq!(
        (&*words, num_asked),
        ("not_received: it did not arrive; the order is working", 3)
    );
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
