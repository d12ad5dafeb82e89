//! Orders, cancels and closes over the router.

use super::*;

// covers: OC-4
#[tokio::test(start_paused = true)]
async fn an_order_is_placed_once_fills_and_tells_its_story() {
    let app = App::new().await;
    let order = app.order("mine-1").await;
    let placed: OrderResponse = app.place(&order).await.read(201);
    assert_eq!(placed.order.status, OrderStatus::Sent);
    assert_eq!(
        (placed.order.strategy.as_str(), &*placed.order.source),
        ("manual", "manual")
    );
    let again: OrderResponse = app.place(&order).await.read(200);
    assert_eq!(again.order.created_at, placed.order.created_at);
    let other = PlaceOrder {
        qty: Qty::from_units(6, 0),
        ..order
    };
    let conflict = app
        .place(&other)
        .await
        .problem(409, "client_order_id_conflict");
    assert_eq!(conflict.order.unwrap().qty, Qty::from_units(5, 0));
    assert_eq!(app.num_orders().await, 1);
    let filled = app.until_final("mine-1").await;
    assert_eq!(
        (filled.status, filled.filled_qty),
        (OrderStatus::Filled, Qty::from_units(5, 0))
    );
    let detail: OrderDetailResponse = app.get("/api/v1/orders/mine-1").await.read(200);
    assert_eq!(
        detail.transitions[0].by,
        Some(UserId::new("alice").unwrap())
    );
    assert_eq!(
        detail.fills.iter().map(|one| one.fill.qty).sum::<Qty>(),
        filled.qty
    );
    let fees: Option<qd_types::Money> = detail.fills.iter().map(|one| one.fee).sum();
    assert!(fees.unwrap().is_positive(), "each fill says what it cost");
    assert!(detail.order.venue_order_id.is_some());
    let lived: Vec<OrderStatus> = detail.transitions.iter().map(|step| step.status).collect();
    assert_eq!(lived[..2], [OrderStatus::Accepted, OrderStatus::Sent]);
    assert_eq!(lived.last(), Some(&OrderStatus::Filled));
    assert!(detail.transitions.is_sorted_by_key(|step| step.at));
    let positions: PositionsResponse = app.get("/api/v1/positions").await.read(200);
    assert!(
        positions
            .positions
            .iter()
            .any(|row| row.strategy.as_str() == "manual")
    );
    app.get("/api/v1/orders/never-seen")
        .await
        .problem(404, "order_not_found");
}

#[tokio::test(start_paused = true)]
async fn bad_orders_name_their_field_and_store_nothing() {
    let app = App::new().await;
    let good: String = String::from_utf8(to_json(&app.order("bad").await)).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replace(from, to)
    };
    let cases = [
        (with(r#""symbol":"KO""#, r#""symbol":"ko""#), "symbol"),
        (with(r#""symbol":"KO""#, r#""symbol":"ZZZZ""#), "symbol"),
        (with(r#""qty":"5""#, r#""qty":"0""#), "qty"),
        (with(r#""qty":"5""#, r#""qty":"-5""#), "qty"),
        (with(r#""qty":"5""#, r#""qty":"0.5""#), "qty"),
        (with(r#""qty":"5""#, r#""qty":"lots""#), "qty"),
        (with(r#""side":"buy""#, r#""side":"hold""#), "side"),
        (
            with(
                r#""type":"market","limit_price":null"#,
                r#""type":"limit","limit_price":"-3""#,
            ),
            "limit_price",
        ),
        (
            with(
                r#""type":"market","limit_price":null"#,
                r#""type":"limit","limit_price":null"#,
            ),
            "limit_price",
        ),
        (with("as the plan of the day says", "short"), "reason"),
        (
            with(
                r#""price_seen":{"value":"#,
                r#""price_seen":{"other":1,"value":"#,
            ),
            "price_seen.other",
        ),
    ];
    for (body, field) in cases {
        let answer = app.post("/api/v1/orders", body.as_bytes()).await;
        assert!(
            matches!(answer.status, 400 | 422),
            "{body}: {}",
            answer.status
        );
        let problem: Problem = from_json(&answer.body).unwrap();
        let fields: Vec<_> = problem.fields.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(fields, [field], "{body}");
    }
    for body in ["", "{", "[]", "null", r#"{"surprise":1}"#, "\u{0}"] {
        let answer = app.post("/api/v1/orders", body.as_bytes()).await;
        assert!(
            matches!(answer.status, 400 | 422),
            "{body:?}: {}",
            answer.status
        );
    }
    assert_eq!(app.num_orders().await, 0);
}

// covers: OC-5
// covers: HS-1
#[tokio::test(start_paused = true)]
async fn what_a_rail_or_a_halt_refuses_is_kept_and_answered_with_the_order_and_the_limit() {
    let app = App::new().await;
    let large = PlaceOrder {
        qty: Qty::from_units(10_001, 0),
        ..app.order("large").await
    };
    let problem = app.place(&large).await.problem(422, "blocked_rail");
    let limit = problem.limit.unwrap();
    assert_eq!(
        (&*limit.rule, limit.value.to_string()),
        ("max_order_qty", "10001".to_owned())
    );
    assert_eq!(problem.order.unwrap().status, OrderStatus::BlockedRail);
    app.place(&large).await.problem(422, "blocked_rail");
    let detail: OrderDetailResponse = app.get("/api/v1/orders/large").await.read(200);
    assert!(
        detail.transitions[0].evidence.contains("max_order_qty"),
        "{:?}",
        detail.transitions
    );
    app.handle
        .change(Lane::Safety, |desk, now| {
            desk.ledger_mut()
                .set_halt(HaltState::Halted, None, "a drill", now);
        })
        .await
        .unwrap();
    let order = PlaceOrder {
        halt_epoch_seen: 2,
        ..app.order("halted").await
    };
    let problem = app.place(&order).await.problem(422, "blocked_halt");
    assert!(problem.detail.contains("ENGAGED"), "{}", problem.detail);
    assert_eq!(
        problem.order.unwrap().reason_code.as_deref(),
        Some("halt_state")
    );
    let close = br#"{"client_order_id":"out","reason":"over"}"#;
    let closed: OrderResponse = app
        .post("/api/v1/positions/META/close", close)
        .await
        .read(201);
    assert!(closed.order.status.is_open());
    assert_eq!(app.until_final("out").await.status, OrderStatus::Filled);
}

// covers: DB-4
#[tokio::test(start_paused = true)]
async fn a_position_is_closed_once_and_never_twice() {
    let app = App::new().await;
    let body = |id: &str, qty| {
        to_json(&ClosePosition {
            account: None,
            strategy: None,
            client_order_id: ClientOrderId::new(id).unwrap(),
            qty,
            reason: "done with it".to_owned(),
        })
    };
    let target = "/api/v1/positions/UNH/close";
    let first: OrderResponse = app.post(target, &body("c-1", None)).await.read(201);
    assert_eq!(
        (first.order.side, &*first.order.source),
        (Side::Buy, "close")
    );
    let again: OrderResponse = app.post(target, &body("c-1", None)).await.read(200);
    assert_eq!(again.order.client_order_id, first.order.client_order_id);
    app.post(target, &body("c-1", Some(Qty::from_units(1, 0))))
        .await
        .problem(409, "client_order_id_conflict");
    app.post(target, &body("c-2", None))
        .await
        .problem(422, "nothing_left_to_close");
    assert_eq!(app.until_final("c-1").await.status, OrderStatus::Filled);
    assert_eq!(app.num_orders().await, 1);
    app.post("/api/v1/positions/WMT/close", &body("c-3", None))
        .await
        .problem(404, "position_not_found");
    let problem = app
        .post("/api/v1/positions/wmt/close", &body("c-3", None))
        .await
        .problem(422, "invalid_fields");
    assert_eq!(problem.fields[0].name, "symbol");
    let problem = app
        .post(
            target,
            br#"{"client_order_id":"c-4","qty":"-1","reason":"x"}"#,
        )
        .await
        .problem(422, "invalid_fields");
    assert_eq!(problem.fields[0].name, "qty");
}

// covers: DB-6
#[tokio::test(start_paused = true)]
async fn a_cancel_is_sent_repeats_and_comes_too_late() {
    let app = App::new().await;
    let limit = app.order("rest").await;
    let far = limit.price_seen.unwrap().value - qd_types::Price::from_units(200, 2);
    let resting = PlaceOrder {
        order_type: OrderType::Limit,
        limit_price: Some(far),
        ..limit
    };
    let _: OrderResponse = app.place(&resting).await.read(201);
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let detail: OrderDetailResponse = app.get("/api/v1/orders/rest").await.read(200);
    assert!(matches!(
        detail.order.status,
        OrderStatus::Working | OrderStatus::Sent
    ));
    let sent: OrderResponse = app.post("/api/v1/orders/rest/cancel", b"").await.read(202);
    assert_eq!(sent.order.status, OrderStatus::CancelSent);
    let _: OrderResponse = app
        .post("/api/v1/orders/rest/cancel", br#"{"reason":"again"}"#)
        .await
        .read(202);
    assert_eq!(app.until_final("rest").await.status, OrderStatus::Cancelled);
    let _: OrderResponse = app.post("/api/v1/orders/rest/cancel", b"").await.read(202);
    app.post("/api/v1/orders/nobody/cancel", b"")
        .await
        .problem(404, "order_not_found");
    let _: OrderResponse = app.place(&app.order("gone").await).await.read(201);
    app.until_final("gone").await;
    let problem = app
        .post("/api/v1/orders/gone/cancel", b"")
        .await
        .problem(409, "order_final");
    assert_eq!(problem.order.unwrap().status, OrderStatus::Filled);
}

// covers: OC-8
#[tokio::test(start_paused = true)]
async fn an_open_order_is_changed_once_and_has_its_new_terms_with_the_venues_word() {
    let app = App::new().await;
    let resting = app.resting("rest").await;
    let far = resting.limit_price.unwrap();
    let placed: OrderResponse = app.place(&resting).await.read(201);
    const PATH: &str = "/api/v1/orders/rest";
    let fewer = r#"{"account":"PAPER-1","idempotency_key":"k-1","qty":"3"}"#;
    assert_eq!(placed.order.status, OrderStatus::Sent);
    app.patch(PATH, fewer)
        .await
        .problem(409, "not_acknowledged");
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;

    let sent: OrderResponse = app.patch(PATH, fewer).await.read(202);
    assert_eq!(
        (sent.order.status, sent.order.qty),
        (OrderStatus::ReplaceSent, resting.qty)
    );
    let again: OrderResponse = app.patch(PATH, fewer).await.read(202);
    assert_eq!(again.order.status, OrderStatus::ReplaceSent);
    app.patch(PATH, r#"{"idempotency_key":"k-1","qty":"4"}"#)
        .await
        .problem(409, "idempotency_key_conflict");
    app.patch(PATH, r#"{"idempotency_key":"k-2","qty":"4"}"#)
        .await
        .problem(409, "change_under_way");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let detail: OrderDetailResponse = app.get(PATH).await.read(200);
    assert_eq!(
        (
            detail.order.status,
            detail.order.qty,
            detail.order.limit_price
        ),
        (OrderStatus::Working, Qty::from_units(3, 0), Some(far))
    );
    let told = detail.transitions.iter().rev().take(2);
    let told: Vec<_> = told
        .map(|step| (step.status, &step.by, &*step.evidence))
        .collect();
    let alice = Some(UserId::new("alice").unwrap());
    assert_eq!(
        told,
        [
            (
                OrderStatus::Working,
                &None,
                "venue has changed it: 5 \u{2192} 3 shares"
            ),
            (
                OrderStatus::ReplaceSent,
                &alice,
                "alice: 5 \u{2192} 3 shares"
            ),
        ]
    );

    // What would raise is held to the rails, and answered with the order as it stands.
    let large = r#"{"idempotency_key":"k-3","qty":"10001"}"#;
    let problem = app.patch(PATH, large).await.problem(422, "blocked_rail");
    assert_eq!(&*problem.limit.unwrap().rule, "max_order_qty");
    assert_eq!(problem.order.unwrap().qty, Qty::from_units(3, 0));
    let wrong = r#"{"idempotency_key":"k-4","stop_price":"10"}"#;
    let problem = app.patch(PATH, wrong).await.problem(422, "invalid_fields");
    assert_eq!(
        (&*problem.fields[0].name, &*problem.fields[0].code),
        ("stop_price", "not_allowed")
    );
    for (body, status, code) in [
        ("{}", 422, "invalid_fields"),
        (
            r#"{"idempotency_key":"k","qty":"2","x":1}"#,
            400,
            "malformed_body",
        ),
        (
            r#"{"idempotency_key":"k","qty":"2","account":"PAPER-9"}"#,
            403,
            "account_not_granted",
        ),
    ] {
        app.patch(PATH, body).await.problem(status, code);
    }
    app.as_user("victor", Role::Viewer, "PATCH", PATH, fewer.as_bytes())
        .await
        .problem(403, "permission_denied");
    app.patch("/api/v1/orders/nobody", fewer)
        .await
        .problem(404, "order_not_found");
    let _: OrderResponse = app.post("/api/v1/orders/rest/cancel", b"").await.read(202);
    let late = r#"{"idempotency_key":"k-5","qty":"2"}"#;
    app.patch(PATH, late).await.problem(409, "cancel_under_way");
    app.until_final("rest").await;
    app.patch(PATH, late).await.problem(409, "order_final");
    let known: OrderResponse = app.patch(PATH, fewer).await.read(202);
    assert_eq!(
        known.order.status,
        OrderStatus::Cancelled,
        "a repeat, however late"
    );
}

// covers: DB-6, OC-6
#[tokio::test(start_paused = true)]
async fn cancel_all_takes_off_what_is_open_within_its_scope_and_its_authors_accounts() {
    const PATH: &str = "/api/v1/orders/cancel_all";
    let app = App::new().await;
    let near = app.order("x").await;
    for id in ["rest-1", "rest-2"] {
        let far = near.price_seen.unwrap().value - qd_types::Price::from_units(200, 2);
        let resting = PlaceOrder {
            client_order_id: ClientOrderId::new(id).unwrap(),
            order_type: OrderType::Limit,
            limit_price: Some(far),
            ..app.order(id).await
        };
        let _: OrderResponse = app.place(&resting).await.read(201);
    }
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;

    for (body, status, code) in [
        (&b"{}"[..], 422, "invalid_fields"),
        (
            br#"{"scope":"firm","reason":"r","x":1}"#,
            400,
            "malformed_body",
        ),
        (
            br#"{"scope":"account:PAPER-9","reason":"r"}"#,
            403,
            "account_not_granted",
        ),
    ] {
        app.post(PATH, body).await.problem(status, code);
    }
    let body = br#"{"scope":"strategy:manual","reason":"news"}"#;
    app.as_user("victor", Role::Viewer, "POST", PATH, body)
        .await
        .problem(403, "permission_denied");

    let answer: CancelAllResponse = app.post(PATH, body).await.read(202);
    let asked: Vec<_> = answer
        .asked
        .orders
        .iter()
        .map(|met| (met.client_order_id.as_str(), met.status))
        .collect();
    let sent = OrderStatus::CancelSent;
    assert_eq!(asked, [("rest-1", sent), ("rest-2", sent)]);
    assert_eq!((answer.already.count, answer.left.count), (0, 0));
    let again: CancelAllResponse = app.post(PATH, body).await.read(202);
    assert_eq!((again.asked.count, again.already.count), (0, 2));
    for id in ["rest-1", "rest-2"] {
        assert_eq!(app.until_final(id).await.status, OrderStatus::Cancelled);
    }
    let empty: CancelAllResponse = app.post(PATH, body).await.read(200);
    assert_eq!((empty.asked.count, empty.already.count), (0, 0));
}
