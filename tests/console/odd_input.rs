//! The oddest desk on the whole screen: figures that are none, names without end, words from right to left.
//!
//! The bytes go through the feed's own reader; that nothing of it makes a wrong sum is tested there.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_feed::offline;
use qd_tests::desk::SampleDesk;
use qd_types::{OrderStatus, Role, StreamName};

use crate::{Console, start};

const NAMES: [&str; 4] = [
    "\u{202e}kcab eht ot thgir eht morf",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd} \u{627}\u{644}\u{633}\u{644}\u{627}\u{645}",
    "\u{1f680}\u{200d}\u{1f525} to the moon \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "line\nbreak\ttab\u{0}zero",
];

fn row(symbol: &str, qty: &str, price: &str, value: &str) -> String {
    format!(
        r#"{{"account":"main","strategy":"manual","symbol":"{symbol}","qty":{qty},"avg_entry_price":"1","current_price":{price},"price_at":"{at}","unrealized_pl":{value},"market_value":{value}}}"#,
        at = start().to_rfc3339()
    )
}

/// A live desk that heard the oddest of words.
fn odd_desk() -> SampleDesk {
    let mut desk = SampleDesk::live(Role::Trader, start());
    let ((positions, place), (orders, _)) = desk.places();
    let at = start().to_rfc3339();
    let head = format!(
        r#""v":1,"stream":"{positions}","epoch":"{}","seq":{},"kind":"snapshot","made_at":"{at}","published_at":"{at}""#,
        place.epoch,
        place.seq.0 + 1
    );
    let rows = [
        row("AAPL", "\"NaN\"", "1", "1"),
        row(
            "HUGE",
            "999999999999",
            "999999999999.99",
            "999999999999999999999999",
        ),
        row(
            "TINY",
            "\"0.000000000001\"",
            "\"0.0000000000001\"",
            "-0.0000000000000001",
        ),
        row("NEG", "-999999999999", "-5", "-999999999999999999999999"),
        row("LATE", "1", "1", "1e400"),
        row("BARE", "7", "null", "null"),
        "7".to_owned(),
    ];
    let text = format!(
        r#"{{{head},"total_unrealized_pl":"Infinity","total_positions":-1,"realized_pl_today":"NaN","buying_power":[],"margin_used":{{}},"positions":[{}]}}"#,
        rows.join(",")
    );
    for event in offline::message(&positions, text.as_bytes(), start()) {
        desk.apply(event);
    }
    let long = "x".repeat(10_000);
    let halt = format!(
        r#"{{"state":"upside_down","reason":"{}{long}","at":"{at}"}}"#,
        NAMES[1]
    );
    for event in offline::message(&StreamName::KillSwitch, halt.as_bytes(), start()) {
        desk.apply(event);
    }
    for (index, name) in NAMES.iter().copied().chain([long.as_str()]).enumerate() {
        let name = name
            .replace('\n', "\\n")
            .replace('\t', "\\t")
            .replace('\u{0}', "\\u0000");
        let order = format!(
            r#"{{"account":"main","client_order_id":"odd-{index}","symbol":"AAPL","side":"buy","qty":"1","status":"rejected","reason_code":"{name}","source":"{name}","updated_at":"{at}","created_at":"9999-12-31T23:59:59Z"}}"#
        );
        for event in offline::message(&orders, order.as_bytes(), start()) {
            desk.apply(event);
        }
    }
    let held = r#"{"account":"main","client_order_id":"held","symbol":"MSFT","side":"sell","qty":"999999999999","status":"held_by_exchange"}"#;
    let head = format!(
        r#""v":1,"stream":"{orders}","epoch":"{}","seq":{},"kind":"event","made_at":"{at}","published_at":"{at}""#,
        place.epoch, 9_118
    );
    let numbered = format!("{{{head},\"order\":{held}}}");
    for event in offline::message(&orders, numbered.as_bytes(), start()) {
        desk.apply(event);
    }
    desk
}

// covers: DB-3
// covers: DB-5
#[test]
fn the_oddest_desk_is_shown_as_what_it_is_on_wide_and_narrow_screens() {
    for size in [egui::vec2(1440.0, 900.0), egui::vec2(420.0, 900.0)] {
        let mut console = Console::sized(odd_desk(), size);
        assert!(
            console.says("unreadable: "),
            "{size}: the reason stands at the row"
        );
        assert!(
            console.says("3 rows unreadable"),
            "{size}: and the seal counts them"
        );
        assert!(
            console.says("incomplete: 3 rows unreadable, 1 price unknown"),
            "{size}: the total says what it lacks"
        );
        assert!(
            console.says("HALT STATE UNKNOWN"),
            "{size}: an unknown word is no leave to trade"
        );
        for painted in console.all_painted() {
            let seen = painted.rect.intersect(painted.clip);
            assert!(
                seen.width() <= size.x + 0.5 && painted.text.chars().count() <= 1_000,
                "{size}: {} characters at {:?}",
                painted.text.chars().count(),
                painted.rect
            );
            assert!(
                !painted.text.contains(['\u{202e}', '\u{0}']),
                "{size}: {:?}",
                painted.text
            );
        }
        // Time goes on, and so does the screen.
        for millis in [31_000, 3_600_000, 8 * 3_600_000] {
            console.desk.advance_millis(millis);
            console.show();
        }
    }
}

// covers: DB-4
#[test]
fn a_row_that_cannot_be_read_can_be_closed_and_the_question_promises_nothing() {
    let mut console = Console::new(odd_desk());
    let name = "Close AAPL";
    let node = console.harness.query_all_by_label_contains(name).next();
    let node = node.expect("the row has its button");
    assert!(
        !node.accesskit_node().is_disabled(),
        "what lowers risk stays"
    );
    node.click();
    console.harness.run();
    assert!(console.says("Closes whatever the server holds in it, and only reduces."));
    assert!(console.says("shares and money are unknown"));
    assert!(!console.says("estimated proceeds"), "nothing is made up");
}

// covers: DB-5
#[test]
fn an_order_of_an_unknown_status_has_the_badge_unknown() {
    let mut desk = SampleDesk::live(Role::Trader, start());
    let (_, (orders, place)) = desk.places();
    let at = start().to_rfc3339();
    let text = format!(
        r#"{{"v":1,"stream":"{orders}","epoch":"{}","seq":{},"kind":"event","made_at":"{at}","published_at":"{at}","order":{{"account":"main","client_order_id":"held","symbol":"QQQ","side":"sell","qty":"5","type":"market","status":"held_by_exchange"}}}}"#,
        place.epoch,
        place.seq.0 + 1
    );
    for event in offline::message(&orders, text.as_bytes(), start()) {
        desk.apply(event);
    }
    let snapshot = desk.snapshot();
    let row = snapshot
        .orders
        .rows
        .iter()
        .find(|row| row.client_order_id.as_str() == "held")
        .unwrap();
    assert_eq!(row.order.status, OrderStatus::Unknown);
    let console = Console::new(desk);
    assert!(
        console.says("held_by_exchange"),
        "the word itself is at the row"
    );
    assert!(console.says("1 order unreadable"));
}
