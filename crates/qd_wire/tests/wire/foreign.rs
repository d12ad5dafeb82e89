//! Messages of other producers: read, not refused.

use qd_types::{BreakerState, HaltState, OrderStatus, OrderType, StreamName, TimeInForce};
use qd_wire::message::lift_event;
use qd_wire::{Message, Payload, WireError, decode, read_head};

use crate::golden;
use crate::samples as s;

#[track_caller]
fn foreign(stream: &StreamName, text: &str) -> Message {
    assert_eq!(read_head(text.as_bytes()), Ok(None), "no numbers, no head");
    let message = decode(stream, text.as_bytes()).unwrap();
    assert_eq!(message.head, None);
    message
}

fn positions() -> StreamName {
    StreamName::Positions(s::user())
}

// covers: RT-1
#[test]
fn a_positions_message_with_numbers_offsets_gaps_and_an_event() {
    let text = golden::read("foreign_positions.json");
    let message = foreign(&positions(), &text);
    let Payload::PositionsSnapshot(body) = message.payload else {
        panic!("{:?}", message.payload);
    };
    let [full, sparse] = body.positions.as_slice() else {
        panic!("{:?}", body.positions);
    };
    // A float's text is kept digit by digit, never read as a float.
    assert_eq!(full.unrealized_pl, s::money("0.30000000000000004"));
    assert_eq!(full.avg_entry_price, s::price("229.52"));
    assert_eq!(full.price_at, Some(s::at("2026-11-20T14:38:16.180Z")));
    assert_eq!(full.updated_at, s::at("2026-11-20T14:38:16.180Z"));
    // What is left out is made by the house formula, or stands for nothing.
    assert_eq!(
        (sparse.account.as_str(), sparse.strategy.as_str()),
        ("default", "manual")
    );
    assert_eq!(sparse.unrealized_pl, s::money("-20"));
    assert_eq!(sparse.market_value, s::money("-120"));
    assert_eq!(sparse.unrealized_plpc.unwrap().to_canonical(), "-0.2");
    assert_eq!(
        sparse.updated_at,
        s::at("2026-11-20T14:38:16.204Z"),
        "the message's own time"
    );
    assert_eq!(body.totals.unrealized_pl, s::money("-19.69999999999999996"));
    assert_eq!(
        (body.totals.num_positions, body.totals.buying_power),
        (2, None)
    );

    let lifted = message.lifted.unwrap();
    assert_eq!(lifted.order.status, OrderStatus::Filled);
    assert_eq!(lifted.fill.unwrap().price, s::price("12"));
    let event = lift_event(text.as_bytes()).unwrap().unwrap();
    let lane = decode(&StreamName::Orders(s::user()), &event).unwrap();
    assert_eq!(lane.head, None);
    assert!(matches!(lane.payload, Payload::Order(event) if event.order == lifted.order));
}

#[test]
fn an_embedded_event_that_cannot_be_read_does_not_cost_the_rows() {
    for event in ["7", "{}", r#"{"order":{"symbol":"aapl"}}"#] {
        let text = format!(r#"{{"positions":[],"event":{event}}}"#);
        let message = foreign(&positions(), &text);
        assert!(matches!(message.payload, Payload::PositionsSnapshot(_)));
        assert_eq!(message.lifted, None, "{event}");
        assert!(message.lift_error.is_some(), "{event}");
    }
    let large = format!(
        r#"{{"positions":[],"event":{{"x":"{}"}}}}"#,
        "x".repeat(16 * 1024)
    );
    assert!(matches!(
        lift_event(large.as_bytes()),
        Err(WireError::TooLarge { what: "event", .. })
    ));
    let message = foreign(&positions(), &large);
    assert!(matches!(
        message.lift_error,
        Some(WireError::TooLarge { .. })
    ));
    assert_eq!(lift_event(br#"{"positions":[],"event":null}"#), Ok(None));
    let half_numbered = br#"{"seq":4,"positions":[],"event":{"symbol":"A"}}"#;
    assert!(matches!(lift_event(half_numbered), Ok(Some(_))));
}

#[test]
fn our_own_numbered_messages_never_have_an_event_lifted() {
    let text = golden::read("positions_snapshot.json").replacen(
        r#""v": 1"#,
        r#""event":{"symbol":"AAPL"},"v": 1"#,
        1,
    );
    assert_eq!(lift_event(text.as_bytes()), Ok(None));
    let message = decode(&positions(), text.as_bytes()).unwrap();
    assert_eq!((message.lifted, message.lift_error), (None, None));
}

#[test]
fn a_message_without_the_list_of_rows_is_not_an_empty_list() {
    for text in [
        "{}",
        r#"{"total_positions":3}"#,
        r#"{"positions":null}"#,
        r#"{"changed":[]}"#,
    ] {
        assert!(decode(&positions(), text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn no_entry_price_means_no_profit_is_made_up() {
    let text = r#"{"positions":[{"symbol":"AAPL","qty":10,"current_price":5}]}"#;
    let Payload::PositionsSnapshot(body) = foreign(&positions(), text).payload else {
        panic!("a snapshot");
    };
    let row = &body.positions[0];
    assert_eq!(
        (row.unrealized_pl, row.unrealized_plpc),
        (s::money("0"), None)
    );
    assert_eq!(row.market_value, s::money("50"));
}

#[test]
fn numbers_are_needed_both_or_the_message_has_none() {
    for text in [
        r#"{"seq":4,"positions":[]}"#,
        r#"{"epoch":"e","positions":[]}"#,
        r#"{"epoch":null,"seq":null,"positions":[]}"#,
        r#"{"seq":"four","kind":5,"stream":{},"v":"x","made_at":0,"positions":[]}"#,
    ] {
        foreign(&positions(), text);
    }
}

#[test]
fn one_breaker_by_itself() {
    let message = foreign(
        &StreamName::CircuitBreakers,
        &golden::read("foreign_breaker.json"),
    );
    let Payload::Breakers(breakers) = message.payload else {
        panic!("{:?}", message.payload);
    };
    assert_eq!(breakers.len(), 1);
    assert_eq!(breakers[0].name, "daily_loss");
    assert_eq!(breakers[0].state, BreakerState::QuietPeriod);
    assert_eq!(breakers[0].by, None, "no user id of ours");
    assert_eq!(breakers[0].trip_count_today, 0);
}

#[test]
fn an_unknown_halt_word_is_never_leave_to_trade() {
    for (text, state) in [
        (r#"{"state":"ACTIVE"}"#, HaltState::Active),
        (
            r#"{"state":"ENGAGED","by":"ops@desk","at":"2026-11-20T14:38:16+00:00"}"#,
            HaltState::Halted,
        ),
        (r#"{"state":"PAUSED"}"#, HaltState::Unknown),
    ] {
        let message = foreign(&StreamName::KillSwitch, text);
        assert!(
            matches!(&message.payload, Payload::Halt(halt) if halt.state == state && halt.by.is_none()),
            "{text}: {:?}",
            message.payload
        );
    }
    assert!(decode(&StreamName::KillSwitch, b"{}").is_err());
}

#[test]
fn an_order_by_itself_with_what_can_be_left_out_left_out() {
    let text = golden::read("foreign_order.json");
    let Payload::Order(event) = foreign(&StreamName::Orders(s::user()), &text).payload else {
        panic!("an order");
    };
    assert_eq!(
        event.order.order_type,
        OrderType::Limit,
        "there is a limit price"
    );
    assert_eq!(event.order.time_in_force, TimeInForce::Day);
    assert_eq!(event.order.updated_at, s::at("2026-11-20T14:38:16.204Z"));
    assert_eq!(event.order.qty, s::qty("300"));
    assert_eq!(event.order.source, "unknown");
    assert_eq!(event.fill, None);
}
