//! REST answers and the error body: golden and read back.

use qd_types::{
    AccountTotals, Decimal, Environment, Exposure, HaltScope, MarketPhase, MessageKind,
    OrderStatus, StreamName,
};
use qd_wire::message::order_body;
use qd_wire::rest::{
    AlertsResponse, BootstrapParts, BootstrapResponse, BreakersResponse, CancelAllResponse,
    ChangeOutcome, DecidedChange, FeedCounter, FieldError, FillDetail, HaltResponse,
    HealthResponse, HistoryEntry, HistoryResponse, LimitBreach, LimitUse, MarketClockResponse,
    MetOrders, OrderDetailResponse, OrderResponse, OrderTransition, OrdersResponse,
    PositionsResponse, PositionsSummary, PriceQuote, PriceSeries, PricesResponse, Problem,
    RealtimePnlResponse, ReplayClock, SeriesResponse, ServiceHealth, ServiceStatus, StatsResponse,
    StreamLogResponse, StreamRef, bootstrap_json, from_json, to_json,
};
use qd_wire::write_message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples as s;
use crate::{frames, golden};

#[track_caller]
fn check<T>(name: &str, body: &T) -> Vec<u8>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = to_json(body);
    golden::assert_written(name, &bytes);
    assert_eq!(from_json::<T>(&bytes).as_ref(), Ok(body), "{name}");
    let golden: T = from_json(golden::read(name).as_bytes()).unwrap();
    golden::assert_written(name, &to_json(&golden));
    bytes
}

fn stream(name: StreamName, seq: u64) -> StreamRef {
    StreamRef {
        name,
        pos: s::pos(seq),
    }
}

fn decimal(text: &str) -> Decimal {
    s::money(text).get()
}

fn positions() -> PositionsResponse {
    PositionsResponse {
        positions: vec![s::long(), s::short()],
        totals: PositionsSummary {
            unrealized_pl: s::money("-1011.06"),
            realized_pl_today: s::money("-1204.1"),
            market_value: s::money("17809.58"),
            count: 2,
        },
        as_of: s::moment(210),
        stream: Some(stream(StreamName::Positions(s::user()), 18_402)),
    }
}

fn orders() -> OrdersResponse {
    OrdersResponse {
        orders: vec![s::order()],
        next: Some("b-9016".to_owned()),
        as_of: s::moment(210),
        stream: Some(stream(StreamName::Orders(s::user()), 9_117)),
    }
}

fn history() -> HistoryResponse {
    let mut cancelled = s::order();
    cancelled.status = OrderStatus::Cancelled;
    HistoryResponse {
        entries: vec![
            HistoryEntry {
                at: s::moment(1),
                order: s::order(),
                fill: Some(s::fill()),
            },
            HistoryEntry {
                at: s::moment(0),
                order: cancelled,
                fill: None,
            },
        ],
        total_today: 31,
        next: Some("6920f3a1.412".to_owned()),
        as_of: s::moment(210),
        stream: Some(stream(StreamName::Orders(s::user()), 9_117)),
    }
}

fn account_totals() -> AccountTotals {
    AccountTotals {
        unrealized_pl: s::money("12481.36"),
        realized_pl_today: s::money("-1204.1"),
        num_positions: 14,
        buying_power: Some(s::money("187220.54")),
        margin_used: None,
        exposure: Exposure {
            gross: s::money("312904"),
            net: s::money("208000"),
        },
        as_of: s::moment(210),
    }
}

fn pnl() -> RealtimePnlResponse {
    RealtimePnlResponse::new(
        &account_totals(),
        Some(stream(StreamName::Positions(s::user()), 18_402)),
    )
}

fn halt() -> HaltResponse {
    HaltResponse {
        status: s::halt(),
        stream: Some(stream(StreamName::KillSwitch, 3)),
    }
}

fn breakers() -> BreakersResponse {
    BreakersResponse {
        breakers: s::breakers(),
        stream: Some(stream(StreamName::CircuitBreakers, 12)),
    }
}

fn alerts() -> AlertsResponse {
    AlertsResponse {
        alerts: vec![s::alert()],
        stream: Some(stream(StreamName::Alerts(s::user()), 19)),
    }
}

fn clock() -> MarketClockResponse {
    MarketClockResponse {
        phase: MarketPhase::Open,
        next_change_at: Some(s::at("2026-11-20T21:00:00Z")),
        zone: "America/New_York".to_owned(),
        now: s::moment(210),
        replay: None,
    }
}

fn stats() -> StatsResponse {
    StatsResponse {
        orders_today: 44,
        fills_today: 31,
        fees_today: s::money("18.4"),
        turnover_today: s::money("1204331.72"),
        limit_use: vec![LimitUse {
            rule: "gross_exposure".to_owned(),
            value: decimal("312904"),
            limit: decimal("500000"),
            unit: "usd".to_owned(),
        }],
        as_of: s::moment(210),
    }
}

#[test]
fn account_answers() {
    check("rest_positions.json", &positions());
    check("rest_orders.json", &orders());
    check("rest_history.json", &history());
    check("rest_realtime_pnl.json", &pnl());
    assert_eq!(pnl().totals(), account_totals());
    check("rest_order.json", &OrderResponse { order: s::order() });
    check(
        "rest_order_detail.json",
        &OrderDetailResponse {
            order: s::order(),
            transitions: vec![
                OrderTransition {
                    status: OrderStatus::Accepted,
                    at: s::moment(-45_000),
                    reason_code: None,
                    evidence: String::new(),
                    by: Some(s::user()),
                },
                OrderTransition {
                    status: OrderStatus::Working,
                    at: s::moment(-44_990),
                    reason_code: None,
                    evidence: "venue acknowledged paper-4711".to_owned(),
                    by: None,
                },
            ],
            fills: vec![FillDetail {
                fill: s::fill(),
                fee: Some(s::money("0.35")),
            }],
            changes: Some(vec![
                DecidedChange {
                    idempotency_key: "qd-7f3a-0003".to_owned(),
                    outcome: ChangeOutcome::Blocked,
                    code: Some("blocked_rail".to_owned()),
                    detail: "max_order_qty: 20000 shares, allowed 10000".to_owned(),
                },
                DecidedChange {
                    idempotency_key: "qd-7f3a-0004".to_owned(),
                    outcome: ChangeOutcome::Made,
                    code: None,
                    detail: String::new(),
                },
            ]),
        },
    );
    // Another backend says nothing of changes: that is not the same as none.
    let whole = golden::read("rest_order_detail.json");
    let mut body: serde_json::Value = serde_json::from_str(&whole).unwrap();
    body.as_object_mut().unwrap().remove("changes");
    let older: OrderDetailResponse = from_json(body.to_string().as_bytes()).unwrap();
    assert_eq!(older.changes, None);
}

#[test]
fn cancel_all_answers_with_progress_and_with_what_is_left() {
    let mut sent = s::order();
    sent.status = OrderStatus::CancelSent;
    let many = vec![sent.clone(); MetOrders::MAX_LISTED + 50];
    let cut = MetOrders::of(many.iter());
    assert_eq!(
        (cut.count, cut.orders.len()),
        (250, MetOrders::MAX_LISTED),
        "counted whole, listed in part"
    );
    check(
        "rest_cancel_all.json",
        &CancelAllResponse {
            scope: HaltScope::Firm,
            asked: MetOrders::of([sent].iter()),
            already: MetOrders::default(),
            left: MetOrders::of([s::order()].iter()),
            as_of: s::moment(210),
        },
    );
}

#[test]
fn risk_answers() {
    check("rest_kill_switch_status.json", &halt());
    check("rest_circuit_breakers.json", &breakers());
    check("rest_alerts.json", &alerts());
}

#[test]
fn market_answers() {
    check(
        "rest_prices.json",
        &PricesResponse {
            prices: vec![PriceQuote {
                halted: false,
                symbol: s::symbol("AAPL"),
                price: s::price("217.19"),
                bid: Some(s::price("217.18")),
                ask: None,
                at: s::moment(180),
                source: "sim".to_owned(),
            }],
        },
    );
    check(
        "rest_series.json",
        &SeriesResponse {
            series: vec![PriceSeries {
                symbol: s::symbol("AAPL"),
                points: vec![s::price("216.5"), s::price("217.19")],
            }],
        },
    );
    check("rest_market_clock.json", &clock());
    let tape = MarketClockResponse {
        replay: Some(ReplayClock {
            speed: 60,
            paused: true,
            over: false,
            day: 2,
            num_days: 5,
            until: s::at("2026-11-20T21:01:00Z"),
        }),
        ..clock()
    };
    check("rest_market_clock_replay.json", &tape);
}

#[test]
fn system_answers() {
    check(
        "rest_health.json",
        &HealthResponse {
            services: vec![
                ServiceHealth {
                    name: "execution".to_owned(),
                    status: ServiceStatus::Ok,
                    detail: String::new(),
                    latency_micros: Some(212),
                },
                ServiceHealth {
                    name: "bus".to_owned(),
                    status: ServiceStatus::Degraded,
                    detail: "reconnecting, attempt 3".to_owned(),
                    latency_micros: None,
                },
            ],
            feed: vec![FeedCounter {
                name: "published".to_owned(),
                value: 88_120,
            }],
            as_of: s::moment(210),
        },
    );
    check("rest_stats.json", &stats());
    let newer: ServiceHealth = from_json(br#"{"name":"x","status":"on_fire"}"#).unwrap();
    assert_eq!(newer.status, ServiceStatus::Unknown);
}

#[test]
fn the_log_behind_a_channel() {
    let name = StreamName::Orders(s::user());
    let message = write_message(
        &s::head(name.clone(), MessageKind::Event, 9_117),
        &order_body(&s::order(), None),
    );
    let body = StreamLogResponse {
        stream: Some(stream(name, 9_117)),
        base: qd_types::Seq(8_118),
        messages: StreamLogResponse::messages_from([message.as_slice()]).unwrap(),
        more: false,
    };
    check("rest_stream_log.json", &body);
    assert_eq!(
        body.messages[0].as_bytes(),
        message,
        "passed through as it is"
    );
    assert!(StreamLogResponse::messages_from([b"{".as_slice()]).is_err());
}

#[test]
fn bootstrap_is_the_answers_side_by_side() {
    let whole = BootstrapResponse {
        session: frames::session(),
        environment: Environment::Paper,
        server: frames::server(),
        positions: positions(),
        orders: orders(),
        pnl: pnl(),
        halt: halt(),
        breakers: breakers(),
        clock: clock(),
        stats: stats(),
        history: history(),
    };
    let bytes = check("rest_bootstrap.json", &whole);
    let bodies = [
        to_json(&positions()),
        to_json(&orders()),
        to_json(&pnl()),
        to_json(&halt()),
        to_json(&breakers()),
        to_json(&clock()),
        to_json(&stats()),
        to_json(&history()),
    ];
    let [
        positions,
        orders,
        pnl,
        halt,
        breakers,
        clock,
        stats,
        history,
    ] = &bodies;
    let parts = BootstrapParts {
        positions,
        orders,
        pnl,
        halt,
        breakers,
        clock,
        stats,
        history,
    };
    let spliced =
        bootstrap_json(&whole.session, Environment::Paper, &whole.server, &parts).unwrap();
    assert_eq!(spliced, bytes);
    let broken = BootstrapParts {
        pnl: b"upstream timed out",
        ..parts
    };
    assert!(bootstrap_json(&whole.session, Environment::Paper, &whole.server, &broken).is_err());
}

#[test]
fn an_answer_of_a_backend_that_does_not_number_has_no_stream() {
    let text = r#"{"breakers":[]}"#;
    let body: BreakersResponse = from_json(text.as_bytes()).unwrap();
    assert_eq!(body.stream, None);
    assert_eq!(to_json(&body), br#"{"breakers":[],"stream":null}"#);
}

#[test]
fn the_error_body() {
    let problem = Problem::new(
        422,
        "limit_exceeded",
        "Gross exposure would be 512,904 of 500,000.",
    )
    .with_request_id("01JD4Q7ZREQ")
    .with_retry_after_ms(2_000)
    .with_fields(vec![FieldError::new("qty", "out_of_range", "at most 40")])
    .with_limit(LimitBreach {
        rule: "gross_exposure".to_owned(),
        value: decimal("512904"),
        limit: decimal("500000"),
        unit: "usd".to_owned(),
    })
    .with_order(s::order());
    check("problem.json", &problem);
    assert_eq!(Problem::from_answer(422, &problem.to_json()), problem);

    let plain = Problem::new(503, "dependency_down", "The bus is away.");
    assert_eq!(
        String::from_utf8(plain.to_json()).unwrap(),
        r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The bus is away.","code":"dependency_down","request_id":null}"#
    );
    for page in [b"<html>502</html>".as_slice(), b"", b"{}", b"[]", b"null"] {
        let problem = Problem::from_answer(502, page);
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (502, "unreadable_answer")
        );
    }
}
