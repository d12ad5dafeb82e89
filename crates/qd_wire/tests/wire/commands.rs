//! Commands: strict, and all mistakes at once.

use qd_types::{
    AccountId, ClientOrderId, HaltScope, OrderType, Side, StrategyId, TapeAction, TimeInForce,
};
use qd_wire::rest::{
    CancelAll, CancelOrder, ClosePosition, CommandError, ControlTape, ModifyOrder, PlaceOrder,
    PriceSeen, to_json,
};

use crate::golden;
use crate::samples as s;

fn place() -> PlaceOrder {
    PlaceOrder {
        account: AccountId::new("main").unwrap(),
        strategy: Some(StrategyId::new("manual").unwrap()),
        client_order_id: ClientOrderId::new("qd-7f3a-0002").unwrap(),
        symbol: s::symbol("AAPL"),
        side: Side::Buy,
        qty: s::qty("100"),
        order_type: OrderType::Limit,
        limit_price: Some(s::price("126.86")),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "add to the winner".to_owned(),
        halt_epoch_seen: 7,
        price_seen: Some(PriceSeen {
            value: s::price("127"),
            at: s::moment(180),
        }),
    }
}

/// The golden order as compact text, with `from` replaced by `to`.
#[track_caller]
fn order_with(from: &str, to: &str) -> String {
    let text = String::from_utf8(to_json(&place())).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// `name:code` of every field that was refused, and the status of the answer.
fn refused<T: std::fmt::Debug>(result: Result<T, CommandError>) -> (u16, Vec<String>) {
    let problem = result.unwrap_err().to_problem();
    let fields = problem
        .fields
        .iter()
        .map(|field| format!("{}:{}", field.name, field.code))
        .collect();
    (problem.status, fields)
}

#[test]
fn commands_are_as_the_golden_files_say() {
    let place = place();
    golden::assert_written("command_place_order.json", &to_json(&place));
    assert_eq!(PlaceOrder::parse(&to_json(&place)), Ok(place));

    let cancel = CancelOrder {
        account: Some(AccountId::new("main").unwrap()),
        reason: Some("changed my mind".to_owned()),
    };
    golden::assert_written("command_cancel_order.json", &to_json(&cancel));
    assert_eq!(CancelOrder::parse(&to_json(&cancel)), Ok(cancel));

    let all = CancelAll {
        scope: HaltScope::Symbol(s::symbol("BRK.B")),
        reason: "news after the close".to_owned(),
    };
    golden::assert_written("command_cancel_all.json", &to_json(&all));
    assert_eq!(CancelAll::parse(&to_json(&all)), Ok(all));

    let modify = ModifyOrder {
        account: Some(AccountId::new("main").unwrap()),
        idempotency_key: "qd-7f3a-0004".to_owned(),
        qty: Some(s::qty("80")),
        limit_price: Some(s::price("126.5")),
        stop_price: None,
    };
    golden::assert_written("command_modify_order.json", &to_json(&modify));
    assert_eq!(ModifyOrder::parse(&to_json(&modify)), Ok(modify));

    let close = ClosePosition {
        account: Some(AccountId::new("main").unwrap()),
        strategy: None,
        client_order_id: ClientOrderId::new("qd-7f3a-0003").unwrap(),
        qty: None,
        reason: "stop loss by hand".to_owned(),
    };
    golden::assert_written("command_close_position.json", &to_json(&close));
    assert_eq!(ClosePosition::parse(&to_json(&close)), Ok(close));
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    assert_eq!(CancelOrder::parse(b""), Ok(CancelOrder::default()));
    assert_eq!(CancelOrder::parse(b"{}"), Ok(CancelOrder::default()));
    let text = r#"{"account":"main","client_order_id":"a","symbol":"BRK.B","side":"sell","qty":1.5,
        "type":"market","time_in_force":"ioc","reason":" x ","halt_epoch_seen":0}"#;
    let order = PlaceOrder::parse(text.as_bytes()).unwrap();
    assert_eq!((order.strategy, order.price_seen), (None, None));
    assert_eq!((order.qty, order.reason.as_str()), (s::qty("1.5"), "x"));
}

#[test]
fn one_wrong_field_is_named() {
    for (from, to, expected) in [
        (r#""symbol":"AAPL""#, r#""symbol":"aapl""#, "symbol:invalid"),
        (r#""symbol":"AAPL""#, r#""symbol":5"#, "symbol:invalid"),
        (r#""symbol":"AAPL","#, "", "symbol:missing"),
        (r#""symbol":"AAPL""#, r#""symbol":null"#, "symbol:missing"),
        (r#""qty":"100""#, r#""qty":"0""#, "qty:out_of_range"),
        (r#""qty":"100""#, r#""qty":-0.0"#, "qty:out_of_range"),
        (r#""qty":"100""#, r#""qty":"-5""#, "qty:out_of_range"),
        (r#""qty":"100""#, r#""qty":"1e15""#, "qty:invalid"),
        (r#""qty":"100""#, r#""qty":"ten""#, "qty:invalid"),
        (r#""qty":"100""#, r#""qty":[1]"#, "qty:invalid"),
        (
            r#""limit_price":"126.86""#,
            r#""limit_price":"-1""#,
            "limit_price:out_of_range",
        ),
        (
            r#""limit_price":"126.86""#,
            r#""limit_price":null"#,
            "limit_price:missing",
        ),
        (
            r#""stop_price":null"#,
            r#""stop_price":"1""#,
            "stop_price:not_allowed",
        ),
        (r#""side":"buy""#, r#""side":"BUY""#, "side:invalid"),
        (r#""type":"limit""#, r#""type":"iceberg""#, "type:invalid"),
        (
            r#""time_in_force":"day""#,
            r#""time_in_force":"week""#,
            "time_in_force:invalid",
        ),
        (
            r#""reason":"add to the winner""#,
            r#""reason":"  ""#,
            "reason:out_of_range",
        ),
        (
            r#""halt_epoch_seen":7"#,
            r#""halt_epoch_seen":"7""#,
            "halt_epoch_seen:invalid",
        ),
        (
            r#""halt_epoch_seen":7"#,
            r#""halt_epoch_seen":-7"#,
            "halt_epoch_seen:invalid",
        ),
        (
            r#""account":"main""#,
            r#""account":"a b""#,
            "account:invalid",
        ),
        (
            r#""client_order_id":"qd-7f3a-0002""#,
            r#""client_order_id":"""#,
            "client_order_id:invalid",
        ),
        (
            r#""value":"127""#,
            r#""value":"0""#,
            "price_seen.value:out_of_range",
        ),
        (r#""value":"127","#, "", "price_seen.value:missing"),
        (r#""at":"2026"#, r#""at":"x2026"#, "price_seen.at:invalid"),
    ] {
        let text = order_with(from, to);
        assert_eq!(
            refused(PlaceOrder::parse(text.as_bytes())),
            (422, vec![expected.to_owned()]),
            "{from} -> {to}"
        );
    }
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let text = r#"{"symbol":"aapl","qty":"0","type":"limit","limit_price":"-1","price_seen":7}"#;
    let (status, fields) = refused(PlaceOrder::parse(text.as_bytes()));
    assert_eq!(status, 422);
    assert_eq!(
        fields,
        [
            "account:missing",
            "client_order_id:missing",
            "symbol:invalid",
            "side:missing",
            "qty:out_of_range",
            "limit_price:out_of_range",
            "time_in_force:missing",
            "reason:missing",
            "halt_epoch_seen:missing",
            "price_seen:invalid",
        ]
    );
    assert_eq!(
        refused(ClosePosition::parse(b"{}")),
        (
            422,
            vec![
                "client_order_id:missing".to_owned(),
                "reason:missing".to_owned()
            ]
        )
    );
}

#[test]
fn what_is_no_command_is_400() {
    for text in [
        "",
        "nonsense",
        "[]",
        "null",
        "7",
        "{",
        r#"{"reason":"a"} x"#,
        r#"{"reason":"a","reason":"b"}"#,
    ] {
        let (status, fields) = refused(ClosePosition::parse(text.as_bytes()));
        assert_eq!((status, fields.len()), (400, 0), "{text}");
    }
    assert_eq!(refused(PlaceOrder::parse(&[0xff, 0xfe])).0, 400);
    let large = format!(r#"{{"reason":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(refused(CancelOrder::parse(large.as_bytes())).0, 400);
    // An unknown field outranks the wrong ones: the sender speaks another language.
    let text = order_with(r#""qty":"100""#, r#""qty":"0","quantity":"5""#);
    assert_eq!(
        refused(PlaceOrder::parse(text.as_bytes())),
        (400, vec!["quantity:unknown_field".to_owned()])
    );
    let text = order_with(r#""value":"127""#, r#""value":"127","by":"me""#);
    assert_eq!(
        refused(PlaceOrder::parse(text.as_bytes())),
        (400, vec!["price_seen.by:unknown_field".to_owned()])
    );
}

#[test]
fn a_tape_is_told_one_thing_at_a_time() {
    for (action, text) in [
        (TapeAction::Pause, r#"{"action":"pause"}"#),
        (TapeAction::Resume, r#"{"action":"resume"}"#),
        (TapeAction::Step, r#"{"action":"step"}"#),
        (TapeAction::SetSpeed(60), r#"{"action":"speed","speed":60}"#),
    ] {
        assert_eq!(to_json(&ControlTape::new(action)), text.as_bytes());
        assert_eq!(ControlTape::parse(text.as_bytes()), Ok(action));
    }
    for (text, status, field) in [
        ("{}", 422, "action:missing"),
        (r#"{"action":"rewind"}"#, 422, "action:invalid"),
        (r#"{"action":"speed"}"#, 422, "speed:missing"),
        (r#"{"action":"speed","speed":"fast"}"#, 422, "speed:invalid"),
        (r#"{"action":"speed","speed":-1}"#, 422, "speed:invalid"),
        (r#"{"action":"pause","speed":2}"#, 422, "speed:not_allowed"),
        (r#"{"action":"pause","now":true}"#, 400, "now:unknown_field"),
    ] {
        let (was, fields) = refused(ControlTape::parse(text.as_bytes()));
        assert_eq!(was, status, "{text}");
        assert!(fields.iter().any(|is| is == field), "{text}: {fields:?}");
    }
}

#[test]
fn a_change_names_its_key_and_at_least_one_new_term() {
    let least = ModifyOrder::parse(br#"{"idempotency_key":"k-1","stop_price":9.5}"#).unwrap();
    let expected = ModifyOrder {
        account: None,
        idempotency_key: "k-1".to_owned(),
        qty: None,
        limit_price: None,
        stop_price: Some(s::price("9.5")),
    };
    assert_eq!(least, expected);
    for (body, status, expected) in [
        (r"{}", 422, &["idempotency_key:missing", "qty:missing"][..]),
        (r#"{"idempotency_key":"k"}"#, 422, &["qty:missing"]),
        (
            r#"{"idempotency_key":"k","qty":null,"limit_price":null}"#,
            422,
            &["qty:missing"],
        ),
        (
            r#"{"idempotency_key":"a b","qty":"1"}"#,
            422,
            &["idempotency_key:invalid"],
        ),
        (
            r#"{"idempotency_key":"k","qty":"0","limit_price":"-1","stop_price":"x"}"#,
            422,
            &[
                "qty:out_of_range",
                "limit_price:out_of_range",
                "stop_price:invalid",
            ],
        ),
        (
            r#"{"idempotency_key":"k","qty":"5","side":"sell"}"#,
            400,
            &["side:unknown_field"],
        ),
    ] {
        let wanted = (status, expected.iter().map(ToString::to_string).collect());
        assert_eq!(
            refused(ModifyOrder::parse(body.as_bytes())),
            wanted,
            "{body}"
        );
    }
}

#[test]
fn cancel_all_wants_a_scope_that_exists_and_a_reason() {
    for (scope, expected) in [
        ("firm", HaltScope::Firm),
        (
            "account:PAPER-1",
            HaltScope::Account(AccountId::new("PAPER-1").unwrap()),
        ),
        (
            "strategy:momentum",
            HaltScope::Strategy(StrategyId::new("momentum").unwrap()),
        ),
        ("symbol:BRK.B", HaltScope::Symbol(s::symbol("BRK.B"))),
    ] {
        let body = format!(r#"{{"scope":"{scope}","reason":" r "}}"#);
        let all = CancelAll::parse(body.as_bytes()).unwrap();
        assert_eq!((all.scope, all.reason.as_str()), (expected, "r"));
    }
    for (body, status, expected) in [
        (r"{}", 422, &["scope:missing", "reason:missing"][..]),
        (
            r#"{"scope":"all","reason":""}"#,
            422,
            &["scope:invalid", "reason:out_of_range"],
        ),
        (
            r#"{"scope":"symbol:aapl","reason":"r"}"#,
            422,
            &["scope:invalid"],
        ),
        (
            r#"{"scope":{"symbol":"AAPL"},"reason":"r"}"#,
            422,
            &["scope:invalid"],
        ),
        (
            r#"{"scope":"firm","reason":"r","orders":[]}"#,
            400,
            &["orders:unknown_field"],
        ),
    ] {
        let wanted = (status, expected.iter().map(ToString::to_string).collect());
        assert_eq!(refused(CancelAll::parse(body.as_bytes())), wanted, "{body}");
    }
}
