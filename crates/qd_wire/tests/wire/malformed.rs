//! What cannot be read: a table, and every cut of every golden file.

use qd_types::{MessageKind, StreamName};
use qd_wire::message::{alert_body, lift_event, positions_snapshot_body};
use qd_wire::salvage::{Salvage, salvage};
use qd_wire::{
    Body, MAX_EVENT_BYTES, MAX_MESSAGE_BYTES, WireError, decode, read_head, write_message,
};

use crate::golden;
use crate::samples as s;

fn positions() -> StreamName {
    StreamName::Positions(s::user())
}

/// The golden snapshot with `from` replaced by `to`.
#[track_caller]
fn snapshot_with(from: &str, to: &str) -> String {
    let text = golden::read("positions_snapshot.json");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn heads_that_break_the_contract() {
    for (from, to) in [
        (r#""seq": 18402"#, r#""seq": 0"#),
        (r#""seq": 18402"#, r#""seq": -1"#),
        (r#""seq": 18402"#, r#""seq": 1.0"#),
        (r#""seq": 18402"#, r#""seq": "18402""#),
        (r#""seq": 18402"#, r#""seq": 18446744073709551616"#),
        (r#""seq": 18402"#, r#""seq": 18402, "seq": 18403"#),
        (r#""epoch": "01JD4Q7Z""#, r#""epoch": """#),
        (r#""epoch": "01JD4Q7Z""#, r#""epoch": 7"#),
        (r#""epoch": "01JD4Q7Z""#, r#""epoch": "a b""#),
        (
            r#""stream": "positions:alice""#,
            r#""stream": "positions:*""#,
        ),
        (
            r#""stream": "positions:alice""#,
            r#""stream": "gossip:alice""#,
        ),
        (r#""stream": "positions:alice","#, ""),
        (r#""kind": "snapshot""#, r#""kind": "event""#),
        (r#""kind": "snapshot""#, r#""kind": "delta""#),
        (r#""kind": "snapshot""#, r#""kind": "poem""#),
        (
            r#""kind": "snapshot""#,
            r#""kind": "snapshot", "base_seq": 18401"#,
        ),
        (r#""kind": "snapshot","#, ""),
        (r#""made_at": "2026-"#, r#""made_at": "yesterday-"#),
        (r#""published_at": "2026-11-20T14:38:16.206000Z","#, ""),
    ] {
        let text = snapshot_with(from, to);
        let head = read_head(text.as_bytes());
        assert!(
            matches!(head, Err(WireError::Malformed { .. })),
            "{to}: {head:?}"
        );
        assert!(decode(&positions(), text.as_bytes()).is_err(), "{to}");
    }
    let text = snapshot_with(r#""v": 1"#, r#""v": 2"#);
    assert_eq!(
        read_head(text.as_bytes()),
        Err(WireError::Version {
            found: "2".to_owned()
        })
    );
    let delta = golden::read("positions_delta.json");
    for base in ["18401", "18403", "null"] {
        let text = delta.replacen(r#""base_seq": 18402"#, &format!(r#""base_seq": {base}"#), 1);
        assert_ne!(text, delta);
        assert!(read_head(text.as_bytes()).is_err(), "base {base}");
    }
}

#[test]
fn rows_that_cannot_be_read() {
    for (from, to, says) in [
        (r#""symbol": "AAPL""#, r#""symbol": "aapl""#, "symbol"),
        (r#""symbol": "AAPL","#, "", "symbol"),
        (r#""qty": "82""#, r#""qty": null"#, "quantity"),
        (r#""qty": "82""#, r#""qty": "eighty""#, "quantity"),
        (r#""qty": "82""#, r#""qty": true"#, "quantity"),
        (r#""qty": "82""#, r#""qty": 1e13"#, "out of range"),
        (
            r#""current_price": "217.19""#,
            r#""current_price": "NaN""#,
            "price",
        ),
        (
            r#""market_value": "17809.58""#,
            r#""market_value": 1e25"#,
            "out of range",
        ),
        (r#""account": "main""#, r#""account": "a/b""#, "account"),
        (r#""account": "main""#, r#""account": 5"#, "text"),
        (
            r#""price_at": "2026-11-20"#,
            r#""price_at": "2026-02-30"#,
            "instant",
        ),
        (r#""total_positions": 2"#, r#""total_positions": -2"#, "u32"),
    ] {
        let text = snapshot_with(from, to);
        let Err(WireError::Malformed { detail, .. }) = decode(&positions(), text.as_bytes()) else {
            panic!("{to} should be refused");
        };
        assert!(detail.contains(says), "{to}: {detail}");
        assert!(
            read_head(text.as_bytes()).is_ok(),
            "{to}: the head can be read without the rows"
        );
        // The other row stands, and what is wrong is named.
        let Some((Some(_), Salvage::Positions(rest))) = salvage(&positions(), text.as_bytes())
        else {
            panic!("{to}: the rest can be read");
        };
        let named = rest.unreadable.iter().map(|row| &row.reason);
        let named: Vec<_> = named
            .chain(rest.figures.iter().map(|figure| &figure.reason))
            .collect();
        assert!(
            matches!(&*named, [reason] if reason.contains(says)),
            "{to}: {named:?}"
        );
        assert_eq!(rest.rows.len() + rest.unreadable.len(), 2, "{to}");
    }
    let text = snapshot_with(
        r#""account": "main",
      "strategy": "manual""#,
        r#""account": "a/b",
      "strategy": "manual""#,
    );
    let err = decode(&positions(), text.as_bytes())
        .unwrap_err()
        .to_string();
    assert!(err.contains("positions[1]"), "the place is said: {err}");
}

#[test]
fn a_delta_without_its_lists_or_figures_is_refused() {
    let delta = golden::read("positions_delta.json");
    for field in [
        "changed",
        "removed",
        "total_unrealized_pl",
        "total_positions",
        "realized_pl_today",
    ] {
        let text = delta.replacen(&format!("\"{field}\""), "\"renamed\"", 1);
        let err = decode(&positions(), text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(err.contains(field), "{err}");
    }
}

#[test]
fn a_message_of_another_stream_is_refused() {
    let text = golden::read("positions_snapshot.json");
    let bob = StreamName::parse("positions:bob").unwrap();
    assert_eq!(
        decode(&bob, text.as_bytes()),
        Err(WireError::WrongStream {
            expected: "positions:bob".to_owned(),
            found: "positions:alice".to_owned(),
        })
    );
    assert!(decode(&StreamName::KillSwitch, text.as_bytes()).is_err());
}

#[test]
fn sizes_are_bounded() {
    let pad = |text: &str, bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
    let snapshot = golden::read("positions_snapshot.json");
    assert!(decode(&positions(), pad(&snapshot, MAX_MESSAGE_BYTES).as_bytes()).is_ok());
    let large = pad(&snapshot, MAX_MESSAGE_BYTES + 1);
    for result in [
        read_head(large.as_bytes()).map(|_| ()),
        decode(&positions(), large.as_bytes()).map(|_| ()),
        lift_event(large.as_bytes()).map(|_| ()),
    ] {
        assert!(matches!(
            result,
            Err(WireError::TooLarge {
                what: "message",
                ..
            })
        ));
    }
    let event = golden::read("order_fill.json");
    let orders = StreamName::Orders(s::user());
    assert!(decode(&orders, pad(&event, MAX_EVENT_BYTES).as_bytes()).is_ok());
    let large = pad(&event, MAX_EVENT_BYTES + 1);
    for result in [
        read_head(large.as_bytes()).map(|_| ()),
        decode(&orders, large.as_bytes()).map(|_| ()),
    ] {
        assert!(matches!(
            result,
            Err(WireError::TooLarge { what: "event", .. })
        ));
    }
}

#[test]
fn every_cut_of_every_message_is_refused_and_nothing_panics() {
    for (name, stream) in [
        ("positions_snapshot.json", positions()),
        ("positions_delta.json", positions()),
        ("foreign_positions.json", positions()),
        ("order_fill.json", StreamName::Orders(s::user())),
        ("kill_switch.json", StreamName::KillSwitch),
        ("circuit_breakers.json", StreamName::CircuitBreakers),
        ("alert.json", StreamName::Alerts(s::user())),
    ] {
        let text = golden::read(name);
        let text = text.trim_end();
        for cut in 0..text.len() {
            let part = &text.as_bytes()[..cut];
            assert!(read_head(part).is_err(), "{name} cut at {cut}");
            assert!(decode(&stream, part).is_err(), "{name} cut at {cut}");
            assert!(salvage(&stream, part).is_none(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn bytes_that_are_no_object_are_refused() {
    for bytes in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"[null,null,null]",
        b"7",
        b"\"text\"",
        b"{} {}",
        b"{'v':1}",
        b"\xff\xfe{}",
        b"{\"a\":\"\xc3\x28\"}",
        b"{\"a\":NaN}",
    ] {
        assert!(read_head(bytes).is_err(), "{bytes:?}");
        assert!(Body::from_bytes(bytes).is_err(), "{bytes:?}");
        for stream in [
            positions(),
            StreamName::KillSwitch,
            StreamName::CircuitBreakers,
        ] {
            assert!(decode(&stream, bytes).is_err(), "{bytes:?}");
        }
    }
}

#[test]
fn errors_are_short_enough_to_log() {
    let long = "x".repeat(10_000);
    for text in [
        format!(r#"{{"epoch":"e","seq":1,"stream":"{long}"}}"#),
        format!(r#"{{"epoch":"e","seq":1,"v":"{long}"}}"#),
        format!(r#"{{"positions":[{{"symbol":"{long}","qty":1}}]}}"#),
        format!(r#"{{"positions":[{{"symbol":"A","qty":"{long}"}}]}}"#),
    ] {
        let err = decode(&positions(), text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(err.len() < 400, "{} bytes: {err}", err.len());
    }
}

#[test]
fn text_with_quotes_and_controls_survives() {
    let mut alert = s::alert();
    alert.title = "\"quoted\" \\ back\u{0}\n\u{2028} ünï".to_owned();
    let head = s::head(StreamName::Alerts(s::user()), MessageKind::Event, 1);
    let bytes = write_message(&head, &alert_body(&alert));
    let message = decode(&head.stream, &bytes).unwrap();
    assert_eq!(message.payload, qd_wire::Payload::Alert(alert));
    let body = positions_snapshot_body(&s::totals(), &[]);
    assert!(!body.is_empty() && body.len() > 2);
}
