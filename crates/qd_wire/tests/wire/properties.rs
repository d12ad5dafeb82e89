//! Random values come back as they went, and random bytes panic nobody.

use proptest::prelude::*;
use qd_types::{
    AccountId, Decimal, Epoch, MessageKind, Money, Position, PositionKey, Price, Qty, Ratio, Seq,
    StrategyId, StreamName, Symbol, UserId, UtcMicros,
};
use qd_wire::frame::{ClientFrame, ServerFrame, batch_frame};
use qd_wire::message::{
    PositionTotals, PositionsBody, PositionsDeltaBody, lift_event, positions_delta_body,
    positions_snapshot_body,
};
use qd_wire::rest::{
    BootstrapResponse, CancelOrder, ClosePosition, PlaceOrder, Problem, from_json,
};
use qd_wire::{Head, Payload, RawJson, decode, read_head, write_message};

use crate::golden;

/// Decimals of up to 12 digits before the point and any number after it.
fn small() -> impl Strategy<Value = Decimal> {
    (-999_999_999_999_i64..=999_999_999_999, 0_u32..=16)
        .prop_map(|(units, scale)| Decimal::new(units, scale))
}

fn money() -> impl Strategy<Value = Money> {
    (any::<i64>(), 0_u32..=12).prop_map(|(units, scale)| Money::from_units(units, scale))
}

/// Year 1 to 9999.
fn instant() -> impl Strategy<Value = UtcMicros> {
    (-62_135_596_800_000_000_i64..253_402_000_000_000_000).prop_map(UtcMicros)
}

fn symbol() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9.-]{1,12}".prop_map(|text| Symbol::new(&text).unwrap())
}

fn key() -> impl Strategy<Value = PositionKey> {
    ("[A-Za-z0-9_-]{1,64}", "[a-z]{1,3}", symbol()).prop_map(|(account, strategy, symbol)| {
        PositionKey {
            account: AccountId::new(&account).unwrap(),
            strategy: StrategyId::new(&strategy).unwrap(),
            symbol,
        }
    })
}

fn position() -> impl Strategy<Value = Position> {
    (
        (key(), small(), small()),
        (prop::option::of(small()), prop::option::of(instant())),
        (
            money(),
            prop::option::of(small()),
            money(),
            money(),
            instant(),
        ),
    )
        .prop_map(
            |((key, qty, entry), (price, price_at), (pl, plpc, value, realized, updated_at))| {
                Position {
                    account: key.account,
                    strategy: key.strategy,
                    symbol: key.symbol,
                    qty: Qty::new(qty),
                    avg_entry_price: Price::new(entry),
                    current_price: price.map(Price::new),
                    price_at,
                    unrealized_pl: pl,
                    unrealized_plpc: plpc.map(Ratio::new),
                    market_value: value,
                    realized_pl_today: realized,
                    updated_at,
                }
            },
        )
}

fn totals() -> impl Strategy<Value = PositionTotals> {
    (
        money(),
        any::<u32>(),
        money(),
        prop::option::of(money()),
        prop::option::of(money()),
    )
        .prop_map(
            |(unrealized_pl, num_positions, realized_pl_today, buying_power, margin_used)| {
                PositionTotals {
                    unrealized_pl,
                    num_positions,
                    realized_pl_today,
                    buying_power,
                    margin_used,
                }
            },
        )
}

fn head(kind: MessageKind) -> impl Strategy<Value = Head> {
    (
        "[A-Za-z0-9_-]{1,64}",
        "[A-Za-z0-9_-]{1,64}",
        1_u64..,
        instant(),
        instant(),
    )
        .prop_map(move |(user, epoch, seq, made_at, published_at)| Head {
            stream: StreamName::Positions(UserId::new(&user).unwrap()),
            epoch: Epoch::new(&epoch).unwrap(),
            seq: Seq(seq),
            base_seq: (kind == MessageKind::Delta).then_some(Seq(seq - 1)),
            kind,
            made_at,
            published_at,
        })
}

/// Everything that reads bytes; none may panic, whatever comes.
fn read_with_everything(bytes: &[u8]) {
    let streams = [
        "positions:a",
        "orders:a",
        "alerts:a",
        "kill_switch:state",
        "circuit_breaker:state",
    ];
    for stream in streams {
        decode(&StreamName::parse(stream).unwrap(), bytes).ok();
    }
    read_head(bytes).ok();
    lift_event(bytes).ok();
    RawJson::from_bytes(bytes).ok();
    let text = String::from_utf8_lossy(bytes);
    ServerFrame::decode(&text).ok();
    ClientFrame::decode(&text).ok();
    from_json::<BootstrapResponse>(bytes).ok();
    Problem::from_answer(500, bytes);
    for err in [
        PlaceOrder::parse(bytes).err(),
        CancelOrder::parse(bytes).err(),
        ClosePosition::parse(bytes).err(),
    ]
    .into_iter()
    .flatten()
    {
        err.to_problem();
    }
}

/// A golden file to be damaged.
fn golden_text() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "positions_snapshot.json",
        "positions_delta.json",
        "foreign_positions.json",
        "order_fill.json",
        "kill_switch.json",
        "circuit_breakers.json",
        "alert.json",
        "frame_welcome.json",
        "frame_batch.json",
        "frame_beat.json",
        "client_hello.json",
        "client_stats.json",
        "rest_bootstrap.json",
        "command_place_order.json",
        "problem.json",
    ])
    .prop_map(golden::read)
}

proptest! {
    #[test]
    fn prop_snapshots_come_back(head in head(MessageKind::Snapshot), totals in totals(), positions in prop::collection::vec(position(), 0..6)) {
        let bytes = write_message(&head, &positions_snapshot_body(&totals, &positions));
        prop_assert_eq!(read_head(&bytes), Ok(Some(head.clone())));
        let message = decode(&head.stream, &bytes).unwrap();
        prop_assert_eq!(message.payload, Payload::PositionsSnapshot(PositionsBody { totals, positions }));
        prop_assert_eq!(message.head, Some(head));
    }

    #[test]
    fn prop_deltas_come_back_through_a_frame(head in head(MessageKind::Delta), totals in totals(), changed in prop::collection::vec(position(), 0..4), removed in prop::collection::vec(key(), 0..4)) {
        let bytes = write_message(&head, &positions_delta_body(&totals, &changed, &removed));
        let frame = batch_frame(&head.stream, head.published_at, &[&bytes, &bytes]);
        let Ok(ServerFrame::Batch { msgs, .. }) = ServerFrame::decode(&frame) else {
            return Err(TestCaseError::fail(frame));
        };
        prop_assert_eq!(msgs.len(), 2);
        for raw in msgs {
            prop_assert_eq!(raw.as_bytes(), bytes.as_slice());
            let message = decode(&head.stream, raw.as_bytes()).unwrap();
            let body = PositionsDeltaBody { totals, changed: changed.clone(), removed: removed.clone() };
            prop_assert_eq!(message.payload, Payload::PositionsDelta(body));
        }
    }

    /// A number is the decimal that its text says, in whatever way it is written.
    #[test]
    fn prop_numbers_are_their_text(units in -999_999_999_999_i64..=999_999_999_999, scale in 0_u32..=12, exponent in -6_i32..=6) {
        let value = Decimal::new(units, scale);
        let positions = |number: &str| {
            let text = format!(r#"{{"positions":[{{"symbol":"A","qty":1,"market_value":{number}}}]}}"#);
            match decode(&StreamName::parse("positions:a").unwrap(), text.as_bytes()).unwrap().payload {
                Payload::PositionsSnapshot(body) => body.positions[0].market_value.get(),
                other => panic!("{other:?}"),
            }
        };
        prop_assert_eq!(positions(&value.to_string()), value);
        prop_assert_eq!(positions(&format!("\"{value}\"")), value);
        let power = Decimal::TEN.powi_exact(exponent);
        prop_assert_eq!(positions(&format!("{value}e{exponent}")), value * power);
    }

    #[test]
    fn prop_random_bytes_panic_nobody(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_with_everything(&bytes);
    }

    #[test]
    fn prop_random_json_panics_nobody(text in r#"(\{|\}|\[|\]|,|:|"[a-z_]{0,8}"|-?[0-9]{1,30}(\.[0-9]{1,40})?(e-?[0-9]{1,3})?|true|null| ){0,40}"#) {
        read_with_everything(text.as_bytes());
    }

    /// Messages and bodies with a few bytes changed, cut or doubled.
    #[test]
    fn prop_damaged_messages_panic_nobody(
        text in golden_text(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let mut bytes = text.into_bytes();
        for (index, byte, kind) in damage {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        read_with_everything(&bytes);
    }

    /// Numbers at and beyond every bound, where arithmetic could overflow.
    #[test]
    fn prop_large_numbers_panic_nobody(qty in "-?[1-9][0-9]{0,35}", price in "-?[0-9]{1,13}(\\.[0-9]{1,35})?", entry in "[0-9]{1,13}(\\.[0-9]{1,35})?") {
        let text = format!(r#"{{"positions":[{{"symbol":"A","qty":{qty},"current_price":{price},"avg_entry_price":{entry}}},{{"symbol":"B","qty":{qty},"current_price":{price}}}]}}"#);
        read_with_everything(text.as_bytes());
    }
}

/// Ten to an exponent, exactly.
trait PowiExact {
    fn powi_exact(self, exponent: i32) -> Self;
}

impl PowiExact for Decimal {
    fn powi_exact(self, exponent: i32) -> Self {
        let step = |acc: Self, _| if exponent < 0 { acc / self } else { acc * self };
        (0..exponent.abs()).fold(Self::ONE, step)
    }
}
