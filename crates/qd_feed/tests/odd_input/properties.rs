//! Odd values of every kind in every field, in any order: no panic, no wrong sum, every oddity shown as what it is.

use proptest::prelude::*;
use qd_feed::offline;
use qd_state::Event;
use qd_types::StreamName;

use crate::{
    Desk, FIGURES, NOW, alice, assert_honest, head, order, orders, positions, row, snapshot,
};

fn odd_json() -> impl Strategy<Value = Option<String>> {
    let long = "x".repeat(10_000);
    let fixed = [
        "\"NaN\"",
        "1e400",
        "-1e400",
        "\"Infinity\"",
        "1e24",
        "-1e24",
        "1e25",
        "1e-400",
        "-0",
        "999999999999.999999999999",
        "-999999999999",
        "1000000000001",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"\u{661}\u{662}\"",
        "\"\u{202e}abc\"",
        "\"\u{1f680}\u{200d}\u{1f525}\"",
        "\"\u{5e9}\u{5dc}\"",
        "\"held_by_exchange\"",
        "\"cancelled\"",
        "\"filled\"",
        "\"AAPL\"",
        "\"main\"",
        "\"2\"",
        "\"-3\"",
        "\"9999-12-31T23:59:59Z\"",
        "\"0001-01-01T00:00:00Z\"",
        "\"2026-11-23T16:38:16Z\"",
        "\"2026-11-23T14:38:16Z\"",
        "\"yesterday\"",
        "\"line\\nbreak\"",
    ];
    let mut all: Vec<Option<String>> = fixed.iter().map(|text| Some((*text).to_owned())).collect();
    all.push(Some(format!("\"{long}\"")));
    all.push(None);
    prop::sample::select(all)
}

const ROW_FIELDS: [&str; 12] = [
    "account",
    "strategy",
    "symbol",
    "qty",
    "avg_entry_price",
    "current_price",
    "price_at",
    "unrealized_pl",
    "unrealized_plpc",
    "market_value",
    "realized_pl_today",
    "updated_at",
];
const ORDER_FIELDS: [&str; 13] = [
    "account",
    "client_order_id",
    "symbol",
    "side",
    "qty",
    "filled_qty",
    "type",
    "limit_price",
    "status",
    "created_at",
    "updated_at",
    "reason_code",
    "source",
];

type Swaps = Vec<(&'static str, Option<String>)>;

fn swaps(names: &'static [&'static str]) -> impl Strategy<Value = Swaps> {
    prop::collection::vec((prop::sample::select(names), odd_json()), 0..3)
}

#[derive(Clone, Debug)]
enum Step {
    Snapshot(Vec<(usize, Swaps)>),
    Delta(Vec<(usize, Swaps)>),
    Foreign(Vec<(usize, Swaps)>),
    RestPositions(Vec<(usize, Swaps)>),
    Order(usize, Swaps),
    RestOrders(Vec<(usize, Swaps)>),
    Price(usize, Option<String>, Option<String>),
    Halt(Option<String>, Option<String>),
    Breaker(Option<String>, Option<String>),
    Alert(Option<String>, Option<String>),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rows = || prop::collection::vec((0..4_usize, swaps(&ROW_FIELDS)), 0..5);
    let list = || prop::collection::vec((0..4_usize, swaps(&ORDER_FIELDS)), 0..5);
    let two = || (odd_json(), odd_json());
    let step = prop_oneof![
        3 => rows().prop_map(Step::Snapshot),
        3 => rows().prop_map(Step::Delta),
        1 => rows().prop_map(Step::Foreign),
        1 => rows().prop_map(Step::RestPositions),
        3 => (0..4_usize, swaps(&ORDER_FIELDS)).prop_map(|(i, swaps)| Step::Order(i, swaps)),
        1 => list().prop_map(Step::RestOrders),
        2 => (0..4_usize, odd_json(), odd_json()).prop_map(|(i, price, at)| Step::Price(i, price, at)),
        1 => two().prop_map(|(state, reason)| Step::Halt(state, reason)),
        1 => two().prop_map(|(name, state)| Step::Breaker(name, state)),
        1 => two().prop_map(|(title, detail)| Step::Alert(title, detail)),
        1 => (0..120_000_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..25)
}

const SYMBOLS: [&str; 4] = ["AAPL", "MSFT", "TSLA", "BRK.B"];

fn swapped(swaps: &Swaps) -> Vec<(&str, Option<&str>)> {
    swaps
        .iter()
        .map(|(name, value)| (*name, value.as_deref()))
        .collect()
}

fn rows_of(rows: &[(usize, Swaps)]) -> Vec<String> {
    rows.iter()
        .map(|(i, swaps)| row(SYMBOLS[*i], &swapped(swaps)))
        .collect()
}

fn orders_of(list: &[(usize, Swaps)]) -> Vec<String> {
    list.iter()
        .map(|(i, swaps)| order(&format!("o-{i}"), &swapped(swaps)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // covers: DB-8
    /// Whatever is sent, in any order: no panic, no wrong sum, every oddity shown as what it is.
    #[test]
    fn prop_odd_input_is_shown_as_what_it_is(steps in steps()) {
        let mut desk = Desk::connected();
        let mut seq = 0;
        let mut order_seq = 0;
        let mut other_seq = 0;
        desk.apply([offline::orders(
            format!(r#"{{"orders":[],"as_of":"{NOW}","stream":{{"name":"{}","epoch":"e","seq":0}}}}"#, orders()).as_bytes(),
        )]);
        for step in steps {
            match step {
                Step::Snapshot(rows) => {
                    seq += 1;
                    desk.hear(&positions(), &snapshot(seq, &rows_of(&rows), FIGURES));
                }
                Step::Delta(rows) => {
                    seq += 1;
                    if seq == 1 {
                        desk.hear(&positions(), &snapshot(seq, &[], FIGURES));
                        continue;
                    }
                    let head = head(&positions(), "delta", seq);
                    let changed = rows_of(&rows).join(",");
                    desk.hear(&positions(), &format!("{{{head}{FIGURES},\"changed\":[{changed}],\"removed\":[]}}"));
                }
                Step::Foreign(rows) => {
                    let rows = rows_of(&rows).join(",");
                    desk.hear(&positions(), &format!("{{\"positions\":[{rows}],\"event\":{}}}", order("o-9", &[])));
                }
                Step::RestPositions(rows) => {
                    let rows = rows_of(&rows).join(",");
                    let text = format!(r#"{{"positions":[{rows}],"totals":{{}},"as_of":"{NOW}","stream":{{"name":"{}","epoch":"e","seq":{seq}}}}}"#, positions());
                    desk.apply([offline::positions(text.as_bytes())]);
                }
                Step::Order(i, swaps) => {
                    order_seq += 1;
                    let head = head(&orders(), "event", order_seq);
                    let order = order(&format!("o-{i}"), &swapped(&swaps));
                    desk.hear(&orders(), &format!("{{{head},\"order\":{order}}}"));
                }
                Step::RestOrders(list) => {
                    let list = orders_of(&list).join(",");
                    let text = format!(r#"{{"orders":[{list}],"as_of":"{NOW}","stream":{{"name":"{}","epoch":"e","seq":{order_seq}}}}}"#, orders());
                    desk.apply([offline::orders(text.as_bytes())]);
                }
                Step::Price(i, price, at) => {
                    let (price, at) = (price.unwrap_or_else(|| "\"111\"".to_owned()), at.unwrap_or_else(|| format!("\"{NOW}\"")));
                    let text = format!(r#"{{"prices":[{{"symbol":"{}","price":{price},"at":{at},"source":"t"}}]}}"#, SYMBOLS[i]);
                    desk.apply(offline::prices(text.as_bytes()));
                }
                Step::Halt(state, reason) => {
                    other_seq += 1;
                    let (state, reason) = (state.unwrap_or_else(|| "\"active\"".to_owned()), reason.unwrap_or_else(|| "null".to_owned()));
                    let head = head(&StreamName::KillSwitch, "snapshot", other_seq);
                    desk.hear(&StreamName::KillSwitch, &format!("{{{head},\"state\":{state},\"reason\":{reason}}}"));
                }
                Step::Breaker(name, state) => {
                    other_seq += 1;
                    let (name, state) = (name.unwrap_or_else(|| "\"b\"".to_owned()), state.unwrap_or_else(|| "\"open\"".to_owned()));
                    let head = head(&StreamName::CircuitBreakers, "snapshot", other_seq);
                    desk.hear(&StreamName::CircuitBreakers, &format!("{{{head},\"breakers\":[{{\"name\":{name},\"state\":{state}}}]}}"));
                }
                Step::Alert(title, detail) => {
                    let (title, detail) = (title.unwrap_or_else(|| "\"t\"".to_owned()), detail.unwrap_or_else(|| "null".to_owned()));
                    let stream = StreamName::Alerts(alice());
                    desk.hear(&stream, &format!("{{\"alert_id\":\"a\",\"rule\":\"r\",\"title\":{title},\"detail\":{detail},\"state\":\"open\",\"at\":\"{NOW}\"}}"));
                }
                Step::Wait(millis) => {
                    desk.clock.advance_millis(millis);
                    desk.apply([Event::Ticked]);
                }
            }
            assert_honest(&desk.picture());
        }
    }
}
