//! Our own messages: written as the golden files say, read back to the same values.

use qd_types::{MessageKind, StreamName};
use qd_wire::message::{
    PositionsBody, PositionsDeltaBody, alert_body, breakers_body, halt_body, order_body,
    positions_delta_body, positions_snapshot_body, refetch_body,
};
use qd_wire::{Body, Head, OrderEvent, Payload, decode, read_head, write_message};

use crate::golden;
use crate::samples as s;

/// Written, it is the golden file; the golden file, read, is the head and the payload; the head alone is the head.
#[track_caller]
fn check(name: &str, head: &Head, body: &Body, payload: &Payload) {
    let bytes = write_message(head, body);
    golden::assert_written(name, &bytes);
    let golden = golden::read(name);
    for bytes in [bytes.as_slice(), golden.as_bytes()] {
        assert_eq!(read_head(bytes).as_ref(), Ok(&Some(head.clone())), "{name}");
        let message = decode(&head.stream, bytes).unwrap();
        assert_eq!(message.head.as_ref(), Some(head), "{name}");
        assert_eq!(&message.payload, payload, "{name}");
        assert_eq!((message.lifted, message.lift_error), (None, None));
    }
    assert_eq!(Body::from_bytes(body.as_bytes()).as_ref(), Ok(body));
}

#[test]
fn positions_snapshot() {
    let positions = vec![s::long(), s::short()];
    check(
        "positions_snapshot.json",
        &s::head(
            StreamName::Positions(s::user()),
            MessageKind::Snapshot,
            18_402,
        ),
        &positions_snapshot_body(&s::totals(), &positions),
        &Payload::PositionsSnapshot(PositionsBody {
            totals: s::totals(),
            positions,
        }),
    );
}

#[test]
fn positions_snapshot_without_rows() {
    check(
        "positions_snapshot_empty.json",
        &s::head(StreamName::Positions(s::user()), MessageKind::Snapshot, 1),
        &positions_snapshot_body(&Default::default(), &[]),
        &Payload::PositionsSnapshot(PositionsBody::default()),
    );
}

#[test]
fn positions_delta() {
    check(
        "positions_delta.json",
        &s::head(StreamName::Positions(s::user()), MessageKind::Delta, 18_403),
        &positions_delta_body(&s::totals(), &[s::long()], &[s::gone_key()]),
        &Payload::PositionsDelta(PositionsDeltaBody {
            totals: s::totals(),
            changed: vec![s::long()],
            removed: vec![s::gone_key()],
        }),
    );
}

#[test]
fn refetch_is_a_number_without_rows_on_every_state_stream() {
    check(
        "positions_refetch.json",
        &s::head(
            StreamName::Positions(s::user()),
            MessageKind::Refetch,
            18_404,
        ),
        &refetch_body(),
        &Payload::Refetch,
    );
    let head = s::head(StreamName::CircuitBreakers, MessageKind::Refetch, 2);
    let bytes = write_message(&head, &refetch_body());
    assert_eq!(
        decode(&head.stream, &bytes).unwrap().payload,
        Payload::Refetch
    );
}

#[test]
fn order_with_and_without_its_fill() {
    let stream = StreamName::Orders(s::user());
    check(
        "order_fill.json",
        &s::head(stream.clone(), MessageKind::Event, 9_117),
        &order_body(&s::order(), Some(&s::fill())),
        &Payload::Order(OrderEvent {
            order: s::order(),
            fill: Some(s::fill()),
        }),
    );
    check(
        "order_change.json",
        &s::head(stream, MessageKind::Event, 9_118),
        &order_body(&s::order(), None),
        &Payload::Order(OrderEvent {
            order: s::order(),
            fill: None,
        }),
    );
}

#[test]
fn halt() {
    check(
        "kill_switch.json",
        &s::head(StreamName::KillSwitch, MessageKind::Snapshot, 3),
        &halt_body(&s::halt()),
        &Payload::Halt(s::halt()),
    );
}

#[test]
fn breakers() {
    check(
        "circuit_breakers.json",
        &s::head(StreamName::CircuitBreakers, MessageKind::Snapshot, 12),
        &breakers_body(&s::breakers()),
        &Payload::Breakers(s::breakers()),
    );
}

#[test]
fn alert() {
    check(
        "alert.json",
        &s::head(StreamName::Alerts(s::user()), MessageKind::Event, 5),
        &alert_body(&s::alert()),
        &Payload::Alert(s::alert()),
    );
}

#[test]
fn unknown_fields_are_ignored_and_every_level_may_have_them() {
    let head = s::head(StreamName::Positions(s::user()), MessageKind::Snapshot, 7);
    let text = String::from_utf8(write_message(
        &head,
        &positions_snapshot_body(&s::totals(), &[s::long()]),
    ))
    .unwrap();
    let newer = text
        .replacen(r#"{"v":1"#, r#"{"future":{"a":[1,"]"]},"v":1"#, 1)
        .replacen(r#""symbol":"#, r#""venue":null,"symbol":"#, 1);
    assert_ne!(newer, text);
    assert_eq!(
        decode(&head.stream, newer.as_bytes()),
        decode(&head.stream, text.as_bytes())
    );
    assert_eq!(read_head(newer.as_bytes()), Ok(Some(head)));
}
