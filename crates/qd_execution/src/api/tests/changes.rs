//! Changes over the router: which order is meant, and what is told of those that were decided.

use super::*;

// covers: OC-3, OC-8
#[tokio::test(start_paused = true)]
async fn what_became_of_a_change_is_told_by_its_key() {
    let app = App::new().await;
    const PATH: &str = "/api/v1/orders/rest";
    let _: OrderResponse = app.place(&app.resting("rest").await).await.read(201);
    let told = async || {
        let detail: OrderDetailResponse = app.get(PATH).await.read(200);
        let changes = detail.changes.unwrap().into_iter();
        changes
            .map(|one| (one.idempotency_key, one.outcome, one.code, one.detail))
            .collect::<Vec<_>>()
    };
    let fewer = r#"{"idempotency_key":"k-1","qty":"3"}"#;
    app.patch(PATH, fewer)
        .await
        .problem(409, "not_acknowledged");
    assert_eq!(told().await, [], "a 409 decides nothing");
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let _: OrderResponse = app.patch(PATH, fewer).await.read(202);
    let first = |outcome| ("k-1".to_owned(), outcome, None, String::new());
    assert_eq!(told().await, [first(ChangeOutcome::Sent)]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let large = r#"{"idempotency_key":"k-2","qty":"10001"}"#;
    app.patch(PATH, large).await.problem(422, "blocked_rail");
    let second = (
        "k-2".to_owned(),
        ChangeOutcome::Blocked,
        Some("blocked_rail".to_owned()),
        "max_order_qty: 10001 shares, allowed 10000".to_owned(),
    );
    assert_eq!(told().await, [first(ChangeOutcome::Made), second]);
    // An order that ends first takes its change with it, and what was refused is forgotten.
    let third = r#"{"idempotency_key":"k-3","qty":"2"}"#;
    let _: OrderResponse = app.patch(PATH, third).await.read(202);
    let ended = app.handle.change(Lane::Safety, |desk, now| {
        desk.ledger_mut().apply(
            &crate::venue::VenueEvent::Cancelled {
                key: crate::ledger::OrderKey {
                    account: AccountId::new("PAPER-1").unwrap(),
                    client_order_id: ClientOrderId::new("rest").unwrap(),
                },
                reason: "requested",
            },
            now,
        );
    });
    ended.await.unwrap();
    let late = (
        "k-3".to_owned(),
        ChangeOutcome::Rejected,
        Some("order_final".to_owned()),
        "the order was cancelled before the venue could change it".to_owned(),
    );
    assert_eq!(told().await, [first(ChangeOutcome::Made), late]);
}

// covers: OC-8
#[tokio::test(start_paused = true)]
async fn a_command_without_an_account_guesses_no_order() {
    let app = App::with_two_accounts().await;
    let [one, two] = ["PAPER-1", "PAPER-2"].map(|name| AccountId::new(name).unwrap());
    let both = [one.clone(), two.clone()];
    let order = app.resting("twin").await;
    for account in &both {
        let order = PlaceOrder {
            account: account.clone(),
            ..order.clone()
        };
        let body = to_json(&order);
        let answer = app
            .on_accounts(&both, "POST", "/api/v1/orders", &body)
            .await;
        let _: OrderResponse = answer.read(201);
    }
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let change = br#"{"idempotency_key":"k-1","qty":"3"}"#;
    const PATH: &str = "/api/v1/orders/twin";
    const CANCEL: &str = "/api/v1/orders/twin/cancel";
    let problem = app
        .on_accounts(&both, "PATCH", PATH, change)
        .await
        .problem(409, "ambiguous_order");
    assert!(
        problem.detail.contains("PAPER-1 and on PAPER-2"),
        "{}",
        problem.detail
    );
    app.on_accounts(&both, "POST", CANCEL, b"")
        .await
        .problem(409, "ambiguous_order");
    // Who has one of the accounts means the order on it.
    let changed: OrderResponse = app
        .on_accounts(&both[1..], "PATCH", PATH, change)
        .await
        .read(202);
    assert_eq!(changed.order.account, two);
    let named = br#"{"account":"PAPER-1"}"#;
    let sent: OrderResponse = app
        .on_accounts(&both, "POST", CANCEL, named)
        .await
        .read(202);
    assert_eq!(
        (sent.order.account, sent.order.status),
        (one, OrderStatus::CancelSent)
    );
}
