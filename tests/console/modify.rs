//! Changing an open order: what the question says, what it lets through, and what is sent.

use egui::accesskit::Role as NodeRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_state::{CommandOutcome, CommandRequested, Event, RowKey};
use qd_tests::desk::SampleDesk;
use qd_types::{HaltState, Order, OrderStatus, OrderType, Price, Qty, Role};

use crate::{Console, click, is_disabled, start};

const CONFIRM: &str = "Change order";

/// Replaces what stands in a field.
fn fill(console: &mut Console, field: &str, text: &str) {
    console
        .harness
        .get_by_role_and_label(NodeRole::TextInput, field)
        .focus();
    console.harness.run();
    console
        .harness
        .key_press_modifiers(Modifiers::COMMAND, Key::A);
    console.harness.run();
    if text.is_empty() {
        console.harness.key_press(Key::Backspace);
    } else {
        console.harness.event(egui::Event::Text(text.to_owned()));
    }
    console.harness.run();
}

/// The order of the sample desk with this id, changed and told again.
fn publish(console: &mut Console, id: &str, change: impl FnOnce(&mut Order)) {
    let snapshot = console.desk.snapshot();
    let mut rows = snapshot.orders.rows.iter();
    let row = rows.find(|row| row.client_order_id.as_str() == id).unwrap();
    let mut order = Order::clone(&row.order);
    console.desk.advance_millis(10);
    order.updated_at = console.desk.now();
    change(&mut order);
    console.desk.publish_order(order);
    console.show();
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

// covers: DB-5, OC-8
#[test]
fn an_order_is_changed_after_a_question_that_says_what_it_will_mean() {
    let mut console = Console::live(Role::Trader);
    click(&mut console, "Change SELL NVDA");
    assert!(console.says("Change SELL NVDA?"));
    assert!(console.says("SELL NVDA limit at 106.98, 106 of 320 filled so far."));
    assert!(console.says("Until the venue answers it may fill at the old terms."));
    assert!(is_disabled(&console, CONFIRM), "nothing is changed yet");
    // The fields hold what is; the kind of order says which there are.
    for (field, value) in [("New quantity", "320"), ("New limit price", "106.98")] {
        let node = console
            .harness
            .get_by_role_and_label(NodeRole::TextInput, field);
        assert_eq!(node.accesskit_node().value().as_deref(), Some(value));
    }
    assert!(!console.says("New stop price"));

    fill(&mut console, "New quantity", "206");
    fill(&mut console, "New limit price", "107.5");
    // 214 open at 106.98, then 100 at 107.50.
    assert!(
        console.says("Open value $22,893.72 \u{2192} $10,750.00; 100 of 206 shares would be open.")
    );
    assert!(console.says("It gives up its place in the queue."));
    assert!(console.asked().is_empty(), "typing sends nothing");
    click(&mut console, CONFIRM);
    let asked = console.asked();
    let [
        Command::ModifyOrder {
            command_id,
            decision_id,
            client_order_id,
            account,
            qty,
            limit_price,
            stop_price,
        },
    ] = asked.as_slice()
    else {
        panic!("expected one change, got {asked:?}");
    };
    assert_eq!(
        (client_order_id.as_str(), decision_id.as_str()),
        ("o2", "test-1")
    );
    assert_eq!(
        (*qty, *limit_price, *stop_price),
        (Some(Qty::from_units(206, 0)), Some(price("107.5")), None)
    );
    assert!(
        !console.says("Change SELL NVDA?"),
        "the question is answered"
    );

    // On its way, unknown, refused: all of it at the order's row, and no second one meanwhile.
    let row = RowKey::Order(account.clone(), client_order_id.clone());
    console
        .desk
        .apply(Event::CommandRequested(CommandRequested {
            command_id: *command_id,
            row,
            label: "change SELL NVDA".to_owned(),
            client_order_id: None,
        }));
    console.show();
    assert!(is_disabled(&console, "Change SELL NVDA"));
    assert!(console.painted("change sent").is_some());
    console.desk.apply(Event::CommandAnswered {
        command_id: *command_id,
        outcome: CommandOutcome::Unknown {
            detail: "no answer".to_owned(),
        },
    });
    console.show();
    assert!(is_disabled(&console, "Change SELL NVDA"), "being resolved");
    publish(&mut console, "o2", |order| {
        order.filled_qty += Qty::from_units(1, 0);
    });
    assert!(
        console.painted("change unknown").is_some(),
        "a fill does not say that the change arrived"
    );
    console
        .desk
        .refuse(*command_id, "already_filled", "already filled: 210 of 320");
    console.show();
    assert!(!console.painted("change refused").unwrap().is_cut);
    assert!(console.says("change SELL NVDA refused: already filled. already filled: 210 of 320"));
    assert!(!is_disabled(&console, "Change SELL NVDA"));
    assert!(
        console.asked().is_empty(),
        "nothing is sent again by itself"
    );
}

// covers: OC-8
#[test]
fn what_cannot_be_is_said_under_its_field_and_cannot_be_confirmed() {
    let mut console = Console::live(Role::Trader);
    click(&mut console, "Change SELL NVDA");
    for (field, typed, words) in [
        ("New quantity", "ten", "whole shares in digits, like 250."),
        ("New quantity", "", "whole shares in digits, like 250."),
        ("New quantity", "200.5", "whole shares only."),
        (
            "New quantity",
            "-5",
            "above zero; to take the order off, cancel it.",
        ),
        ("New quantity", "106", "106 are filled already"),
        ("New quantity", "1e6", "whole shares in digits, like 250."),
        (
            "New quantity",
            "1000000001",
            "at most 1,000,000,000 shares.",
        ),
        (
            "New quantity",
            "9999999999999999999999999999",
            "at most 1,000,000,000 shares.",
        ),
        (
            "New limit price",
            "9999999999999999999999999999",
            "at most 10,000,000.",
        ),
        ("New limit price", "1o7", "dollars and cents, like 126.86."),
        ("New limit price", "0", "above zero."),
        ("New limit price", "107.005", "whole cents only."),
    ] {
        fill(&mut console, field, typed);
        assert!(
            console.painted(words).is_some() || console.says(words),
            "{typed:?}: {words}"
        );
        assert!(is_disabled(&console, CONFIRM), "{typed:?}");
        // Enter in the field is a press of a button that is off.
        console.harness.key_press(Key::Enter);
        console.harness.run();
        assert!(console.says("Change SELL NVDA?"));
        let right = if field == "New quantity" {
            "320"
        } else {
            "106.98"
        };
        fill(&mut console, field, right);
        assert!(!console.says(words), "{words}");
        assert!(is_disabled(&console, CONFIRM), "as it is is no change");
    }
    // A space around a number is nobody's meaning.
    fill(&mut console, "New quantity", " 107 ");
    assert!(!is_disabled(&console, CONFIRM));
    // Filled meanwhile: what was typed is too few now.
    publish(&mut console, "o2", |order| {
        order.filled_qty = Qty::from_units(107, 0);
    });
    assert!(console.says("107 are filled already"));
    assert!(is_disabled(&console, CONFIRM));
    assert!(console.asked().is_empty());
}

// covers: OC-8
#[test]
fn the_keyboard_alone_changes_an_order_and_escape_keeps_it() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Change BUY AAPL")
        .focus();
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    let focused = |console: &Console, field: &str| {
        console
            .harness
            .get_by_role_and_label(NodeRole::TextInput, field)
            .accesskit_node()
            .is_focused()
    };
    assert!(focused(&console, "New quantity"), "the first field");
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(!console.says("Change BUY AAPL?"));
    assert!(console.asked().is_empty());

    click(&mut console, "Change BUY AAPL");
    console.harness.key_press(Key::Tab);
    console.harness.run();
    assert!(focused(&console, "New limit price"));
    fill(&mut console, "New limit price", "126.5");
    console.harness.key_press(Key::Enter);
    console.harness.run();
    let asked = console.asked();
    assert!(
        matches!(
            asked.as_slice(),
            [Command::ModifyOrder { qty: None, limit_price: Some(limit), .. }] if *limit == price("126.5")
        ),
        "only what is changed: {asked:?}"
    );
    assert!(!console.says("Change BUY AAPL?"));
}

// covers: OC-8, HS-1
#[test]
fn while_risk_may_not_grow_only_what_lowers_it_can_be_confirmed() {
    for state in [HaltState::ReduceOnly, HaltState::Halted, HaltState::Unknown] {
        let mut console = Console::live(Role::Trader);
        console.desk.publish_halt(state, Some("drill"));
        console.show();
        click(&mut console, "Change BUY AAPL");
        for (field, raised, as_it_is) in [
            ("New quantity", "301", "300"),
            ("New limit price", "126.87", "126.86"),
        ] {
            fill(&mut console, field, raised);
            assert!(is_disabled(&console, CONFIRM), "{state}: {raised}");
            fill(&mut console, field, as_it_is);
        }
        fill(&mut console, "New quantity", "299");
        assert!(!is_disabled(&console, CONFIRM), "{state}: fewer");
        fill(&mut console, "New limit price", "126.85");
        assert!(
            !is_disabled(&console, CONFIRM),
            "{state}: fewer, and cheaper"
        );
    }
}

/// Makes a desk that is sure of itself less so.
type Doubt = fn(&mut SampleDesk);

// covers: OC-8, HS-1
#[test]
fn a_console_that_is_not_sure_lowers_an_order_and_raises_none() {
    let unsure: [(&str, Doubt); 3] = [
        ("a hole in the positions", SampleDesk::lose_message),
        ("a stale price", |desk| {
            for _ in 0..9 {
                desk.advance_millis(5_000);
                desk.beat();
            }
        }),
        ("a beat without the positions", |desk| {
            desk.advance_millis(4_000);
            desk.beat_without_positions();
            desk.advance_millis(4_000);
            desk.beat_without_positions();
            desk.advance_millis(6_000);
            desk.beat_without_positions();
        }),
    ];
    for (why, doubt) in unsure {
        let mut console = Console::live(Role::Trader);
        click(&mut console, "Change BUY AAPL");
        fill(&mut console, "New quantity", "301");
        assert!(!is_disabled(&console, CONFIRM), "while it is sure");
        doubt(&mut console.desk);
        console.show();
        assert!(is_disabled(&console, CONFIRM), "{why}");
        fill(&mut console, "New quantity", "299");
        assert!(!is_disabled(&console, CONFIRM), "{why}: fewer");
    }
}

// covers: OC-8, DB-5
#[test]
fn an_order_that_cannot_be_changed_now_says_why() {
    let console = Console::live(Role::Trader);
    for (order, may) in [
        ("BUY AAPL", true),
        ("SELL NVDA", true),
        ("BUY GOOG", false),
        ("SELL TSLA", false),
        ("SELL XOM", true),
        ("SELL V", false),
    ] {
        assert_eq!(
            !is_disabled(&console, &format!("Change {order}")),
            may,
            "{order}"
        );
    }
    let viewer = Console::live(Role::Viewer);
    assert!(is_disabled(&viewer, "Change BUY AAPL"));
    let mut lost = Console::live(Role::Trader);
    click(&mut lost, "Change BUY AAPL");
    fill(&mut lost, "New quantity", "200");
    assert!(!is_disabled(&lost, CONFIRM));
    lost.desk.lose_connection(60_000);
    lost.show();
    assert!(is_disabled(&lost, CONFIRM), "nothing can be sent");
    assert!(is_disabled(&lost, "Change BUY AAPL"));

    // While the venue has not answered, and after it has refused.
    let mut console = Console::live(Role::Trader);
    publish(&mut console, "o1", |order| {
        order.status = OrderStatus::ReplaceSent;
        order.reason_code = Some("change_sent".to_owned());
    });
    assert!(console.painted("change sent").is_some());
    assert!(is_disabled(&console, "Change BUY AAPL"));
    assert!(
        !is_disabled(&console, "Cancel BUY AAPL"),
        "a cancel may follow"
    );
    publish(&mut console, "o2", |order| {
        order.reason_code = Some("change_sent".to_owned());
    });
    assert!(
        is_disabled(&console, "Change SELL NVDA"),
        "partly filled too"
    );
    publish(&mut console, "o1", |order| {
        order.status = OrderStatus::Working;
        order.reason_code = None;
        order.limit_price = Some(price("126.5"));
        order.qty = Qty::from_units(250, 0);
    });
    assert!(console.says("AAPL BUY 0/250 limit at 126.50, working"));
    assert!(!is_disabled(&console, "Change BUY AAPL"));
    publish(&mut console, "o1", |order| {
        order.reason_code = Some("change_rejected".to_owned());
    });
    assert!(console.says("BUY 250 AAPL: change refused by the venue, it stays working"));
    assert!(!is_disabled(&console, "Change BUY AAPL"));
}

// covers: OC-8
#[test]
fn a_question_about_an_order_that_moved_on_is_not_answered() {
    let mut console = Console::live(Role::Trader);
    click(&mut console, "Change BUY AAPL");
    fill(&mut console, "New limit price", "126");
    assert!(!is_disabled(&console, CONFIRM));
    publish(&mut console, "o1", |order| {
        order.qty = Qty::from_units(200, 0);
    });
    assert!(
        is_disabled(&console, CONFIRM),
        "somebody changed it meanwhile: what is typed was meant for what it was"
    );
    publish(&mut console, "o1", |order| {
        order.filled_qty = order.qty;
        order.status = OrderStatus::Filled;
    });
    assert!(console.says("The order has ended since"));
    assert!(is_disabled(&console, CONFIRM));
    click(&mut console, "Close");
    assert!(console.asked().is_empty());
}

/// Each kind has the fields of its prices, and no other.
#[test]
fn a_stop_limit_has_both_prices_and_a_market_order_none() {
    let mut console = Console::live(Role::Trader);
    publish(&mut console, "o1", |order| {
        order.order_type = OrderType::StopLimit;
        order.stop_price = Some(price("126.5"));
    });
    click(&mut console, "Change BUY AAPL");
    fill(&mut console, "New stop price", "126.6");
    click(&mut console, CONFIRM);
    let asked = console.asked();
    assert!(
        matches!(
            asked.as_slice(),
            [Command::ModifyOrder { qty: None, limit_price: None, stop_price: Some(stop), .. }] if *stop == price("126.6")
        ),
        "{asked:?}"
    );
    let mut console = Console::new(SampleDesk::live(Role::Trader, start()));
    publish(&mut console, "o5", |order| {
        order.order_type = OrderType::Market;
        order.limit_price = None;
    });
    click(&mut console, "Change SELL XOM");
    assert!(!console.says("New limit price") && !console.says("New stop price"));
    fill(&mut console, "New quantity", "50");
    // At the last price: 60, then 50 of 448.46.
    assert!(
        console.says("Open value $26,907.60 \u{2192} $22,423.00; 50 of 50 shares would be open.")
    );
    assert!(!console.says("gives up its place"), "fewer shares keep it");
}
