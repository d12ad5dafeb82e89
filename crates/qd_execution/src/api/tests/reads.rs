//! What can be read, what it stands on, and what health says.

use super::*;

// covers: DB-1
// covers: DB-3
#[tokio::test(start_paused = true)]
async fn everything_that_the_dashboard_reads_is_there_with_its_number() {
    let app = App::new().await;
    let positions: PositionsResponse = app.get("/api/v1/positions").await.read(200);
    assert!(positions.positions.len() > 9);
    let unrealized = positions
        .positions
        .iter()
        .map(|row| row.unrealized_pl)
        .sum();
    assert_eq!(positions.totals.unrealized_pl, unrealized);
    assert_eq!(positions.totals.count as usize, positions.positions.len());
    let stream = positions.stream.unwrap();
    assert_eq!(stream.name, StreamName::parse("positions:alice").unwrap());
    assert!(stream.pos.seq.0 >= 1);
    let pnl: RealtimePnlResponse = app.get("/api/v1/realtime_pnl").await.read(200);
    assert!(pnl.buying_power.unwrap().is_positive() && pnl.exposure.gross.is_positive());
    assert_eq!(pnl.stream.unwrap().name, stream.name);
    let orders: OrdersResponse = app.get("/api/v1/orders?status=open").await.read(200);
    assert!(orders.orders.iter().all(|order| order.status.is_open()));
    assert_eq!(
        orders.stream.unwrap().name,
        StreamName::parse("orders:alice").unwrap()
    );
    let halt: HaltResponse = app.get("/api/v1/kill_switch_status").await.read(200);
    assert_eq!(
        (halt.status.state, halt.status.halt_epoch),
        (HaltState::Active, 1)
    );
    assert!(halt.stream.is_some());
    let breakers: BreakersResponse = app.get("/api/v1/circuit_breakers").await.read(200);
    assert_eq!(breakers.breakers.len(), 5);
    assert!(breakers.stream.is_some());
    let prices: PricesResponse = app
        .get("/api/v1/market/prices?symbols=KO,BRK.B,ZZZZ")
        .await
        .read(200);
    let names: Vec<_> = prices
        .prices
        .iter()
        .map(|one| one.symbol.to_string())
        .collect();
    assert_eq!(names, ["BRK.B", "KO"]);
    assert!(
        prices
            .prices
            .iter()
            .all(|one| one.bid.unwrap() <= one.price && one.price <= one.ask.unwrap())
    );
    let all: PricesResponse = app.get("/api/v1/market/prices").await.read(200);
    assert_eq!(all.prices.len(), 24);
    let series: SeriesResponse = app
        .get("/api/v1/market/series?symbols=KO&points=12")
        .await
        .read(200);
    assert_eq!(series.series[0].points.len(), 12);
    let clock: MarketClockResponse = app.get("/api/v1/market/clock").await.read(200);
    assert_eq!(
        (clock.phase, &*clock.zone),
        (MarketPhase::Open, "America/New_York")
    );
    assert!(clock.next_change_at.unwrap() > clock.now);
    let stats: StatsResponse = app.get("/api/v1/dashboard/stats").await.read(200);
    assert!(stats.fills_today > 0 && stats.orders_today >= stats.fills_today / 5);
    assert!(stats.fees_today.is_positive() && stats.turnover_today.is_positive());
    let gross = &stats.limit_use[0];
    assert_eq!(gross.rule, "gross_exposure");
    assert!(gross.value < gross.limit);
    assert_eq!(app.get("/api/v1/account").await.status, 200);
}

// covers: RT-1
#[tokio::test(start_paused = true)]
async fn alerts_are_read_by_state_with_the_number_they_stand_on() {
    let app = App::new().await;
    let read = async |query: &str| -> AlertsResponse {
        app.get(&format!("/api/v1/alerts{query}")).await.read(200)
    };
    let before = read("?state=firing").await;
    assert_eq!(before.alerts, []);
    app.handle
        .change(Lane::Safety, |desk, now| {
            let halt = HaltState::ReduceOnly;
            desk.ledger_mut().set_halt(halt, None, "a drill", now);
            desk.ledger_mut()
                .set_breaker("drawdown", BreakerState::Tripped, "a drill", now);
        })
        .await
        .unwrap();
    let firing = read("?state=firing").await;
    let rules = |answer: &AlertsResponse| -> Vec<String> {
        let alerts = answer.alerts.iter();
        alerts.map(|alert| alert.rule.clone()).collect()
    };
    assert_eq!(rules(&firing), ["breaker_not_normal", "halt_not_active"]);
    let stream = firing.stream.unwrap();
    assert_eq!(stream.name, StreamName::parse("alerts:alice").unwrap());
    assert_eq!(stream.pos.seq.0, before.stream.unwrap().pos.seq.0 + 2);
    app.handle
        .change(Lane::Safety, |desk, now| {
            let halt = HaltState::Active;
            desk.ledger_mut().set_halt(halt, None, "over", now);
        })
        .await
        .unwrap();
    assert_eq!(rules(&read("?state=firing").await), ["breaker_not_normal"]);
    assert_eq!(rules(&read("?state=resolved&limit=1").await).len(), 1);
    assert_eq!(rules(&read("?state=acknowledged").await).len(), 0);
    for all in ["", "?state=all"] {
        assert_eq!(rules(&read(all).await)[0], "breaker_not_normal");
    }
    for odd in ["?state=loud", "?limit=x", "?since=1"] {
        app.get(&format!("/api/v1/alerts{odd}"))
            .await
            .problem(400, "bad_query");
    }
    let claims = IdentityClaims {
        permissions: vec![Permission::OrdersView],
        ..app.claims("alice", Role::Trader, "GET", "/api/v1/alerts", b"")
    };
    let identity = sign(KEY_ID, KEY, &claims);
    let refused = app.send(App::request("GET", "/api/v1/alerts", b"", &identity));
    assert_eq!(refused.await.status, 403);
}

// covers: DB-7
#[tokio::test(start_paused = true)]
async fn lists_page_backwards_without_holes_or_repeats() {
    let app = App::new().await;
    let first: HistoryResponse = app.get("/api/v1/orders/history?limit=5").await.read(200);
    assert_eq!(first.entries.len(), 5);
    assert!(first.total_today > 10);
    assert!(first.entries.is_sorted_by(|a, b| a.at >= b.at));
    let mut seen = 0;
    let mut next = Some(String::new());
    let mut fills = BTreeSet::new();
    while let Some(before) = next {
        let page: HistoryResponse = app
            .get(&format!("/api/v1/orders/history?limit=7&before={before}"))
            .await
            .read(200);
        seen += page.entries.len() as u64;
        for fill in page.entries.iter().filter_map(|entry| entry.fill.as_ref()) {
            assert!(fills.insert(fill.fill_id.to_string()), "{fill:?} twice");
        }
        next = page.next;
        if next.is_none() {
            assert!(seen >= page.total_today - 2 && seen <= page.total_today + 2);
        }
    }
    let foreign = "/api/v1/orders/history?before=1234.5";
    app.get(foreign).await.problem(409, "other_run");
    for odd in ["5", "x.y", "1.-2"] {
        app.get(&format!("/api/v1/orders/history?before={odd}"))
            .await
            .problem(400, "bad_query");
    }
    let page: OrdersResponse = app.get("/api/v1/orders?limit=3").await.read(200);
    let next = page.next.unwrap();
    let second: OrdersResponse = app
        .get(&format!("/api/v1/orders?limit=3&before={next}"))
        .await
        .read(200);
    let ids = |page: &[Order]| -> BTreeSet<String> {
        page.iter()
            .map(|order| order.client_order_id.to_string())
            .collect()
    };
    assert!(ids(&page.orders).is_disjoint(&ids(&second.orders)));
    let one: OrdersResponse = app.get("/api/v1/orders?symbol=TSLA").await.read(200);
    assert!(
        one.orders
            .iter()
            .all(|order| order.symbol.as_str() == "TSLA")
    );
}

// covers: PG-4
#[tokio::test(start_paused = true)]
async fn health_follows_the_evidence_and_not_a_wish() {
    let app = App::new().await;
    let health: HealthResponse = app.get("/api/v1/system/health").await.read(200);
    let names: Vec<_> = health
        .services
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["execution", "market_data", "venue", "bus"]);
    for service in &health.services {
        assert_eq!(service.status, ServiceStatus::Ok, "{service:?}");
        assert!(!service.detail.is_empty());
    }
    assert!(
        health
            .feed
            .iter()
            .any(|one| one.name == "published" && one.value > 0)
    );
    let page = app.send(App::request("GET", "/metrics", b"", "")).await;
    let page = String::from_utf8(page.body).unwrap();
    for line in [
        "qd_execution_unknown_orders 0",
        r#"qd_halt_state{scope="firm"} 0"#,
        "qd_tie_out_breaks 0",
        "# EOF",
    ] {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
    assert!(
        page.contains(
            r#"qd_execution_request_seconds_count{route="/api/v1/system/health",status="200"} 1"#
        ),
        "{page}"
    );
    app.handle.stop(std::time::Duration::from_secs(1)).await;
    app.send(App::request("GET", "/health/ready", b"", ""))
        .await
        .problem(503, "not_ready");
    assert_eq!(
        app.send(App::request("GET", "/health/live", b"", ""))
            .await
            .status,
        200
    );
    let answer = app.get("/api/v1/positions").await;
    let problem = answer.problem(503, "engine_down");
    assert_eq!(problem.retry_after_ms, Some(1000));
    assert_eq!(answer.headers["retry-after"], "1");
    let health: HealthResponse = app.get("/api/v1/system/health").await.read(200);
    let verdicts: Vec<_> = health.services.iter().map(|one| one.status).collect();
    assert_eq!(
        verdicts,
        [
            ServiceStatus::Down,
            ServiceStatus::Unknown,
            ServiceStatus::Unknown,
            ServiceStatus::Ok
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_behind_a_stream_is_read_by_its_owner_only() {
    let app = App::new().await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let log: StreamLogResponse = app
        .get("/api/v1/streams/orders:alice?limit=3")
        .await
        .read(200);
    assert_eq!((log.messages.len(), log.more), (3, true));
    let stream = log.stream.unwrap();
    let target = format!(
        "/api/v1/streams/orders:alice?epoch={}&after=2&limit=1",
        stream.pos.epoch
    );
    let next: StreamLogResponse = app.get(&target).await.read(200);
    let head = qd_wire::read_head(next.messages[0].as_bytes())
        .unwrap()
        .unwrap();
    assert_eq!(head.seq.0, 3);
    app.get("/api/v1/streams/orders:bob")
        .await
        .problem(404, "no_such_stream");
    app.get("/api/v1/streams/orders:*")
        .await
        .problem(404, "no_such_stream");
    app.get("/api/v1/streams/orders:alice?after=3")
        .await
        .problem(400, "bad_query");
    let halt: StreamLogResponse = app
        .get("/api/v1/streams/kill_switch%3Astate")
        .await
        .read(200);
    assert_eq!(halt.messages.len(), 1);
}

// covers: DB-7
#[tokio::test(start_paused = true)]
async fn a_cursor_of_the_history_stands_still_while_new_entries_come() {
    let app = App::new().await;
    let path = "/api/v1/orders/history?limit=5";
    let first: HistoryResponse = app.get(path).await.read(200);
    let older = format!("{path}&before={}", first.next.unwrap());
    let before: HistoryResponse = app.get(&older).await.read(200);
    let _: OrderResponse = app.place(&app.order("mine").await).await.read(201);
    app.until_final("mine").await;
    let newest: HistoryResponse = app.get(path).await.read(200);
    assert_ne!(newest.entries, first.entries, "something new has come");
    let after: HistoryResponse = app.get(&older).await.read(200);
    assert_eq!(after.entries, before.entries);
    assert_eq!(after.next, before.next);
}
