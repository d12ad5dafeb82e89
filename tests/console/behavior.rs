//! What the keys and the pointer do on the dashboard.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_state::{CommandRequested, Event, RowKey};
use qd_tests::desk::SampleDesk;
use qd_types::{HaltState, Role, Symbol};
use qd_ui::testing::{LAPTOP, PHONE};

use crate::{Console, start};

// covers: DB-1, DB-2, DB-3, DB-5, DB-7
#[test]
fn everything_of_the_dashboard_can_be_found_by_name() {
    let console = Console::live(Role::Trader);
    let harness = &console.harness;
    for card in [
        "Unrealized P&L",
        "Realized today",
        "Positions",
        "Buying power",
        "Exposure",
    ] {
        assert!(
            harness.query_all_by_label_contains(card).next().is_some(),
            "no card {card}"
        );
    }
    harness.get_by_label("Halt state: TRADING ACTIVE");
    assert!(
        harness
            .query_all_by_label_contains("Connection: ")
            .next()
            .is_some()
    );
    harness.get_by_label_contains("AAPL, quantity 82, average 229.52, current 217.19");
    harness.get_by_role_and_label(NodeRole::Button, "Close AAPL");
    harness.get_by_label_contains("NVDA SELL 106/320 limit at 106.98, partly filled");
    harness.get_by_role_and_label(NodeRole::Button, "Cancel BUY AAPL");
    harness.get_by_label_contains("AAPL SELL 400 at 153.41, filled");
    assert!(
        harness
            .query_all_by_label_contains("of 31 today")
            .next()
            .is_some()
    );
}

// covers: DB-4
#[test]
fn a_position_is_closed_once_after_a_question_that_names_the_money() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close AAPL")
        .click();
    console.harness.run();
    assert!(
        console
            .harness
            .query_all_by_label("Close AAPL?")
            .next()
            .is_some()
    );
    console
        .harness
        .get_by_label_contains("Sells 82 AAPL at market, estimated proceeds $17,809.58");
    console.harness.get_by_label_contains("Position after: 0.");
    assert_eq!(console.asked(), [], "a question sends nothing");
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Sell 82 AAPL")
        .click();
    console.harness.run();
    let asked = console.asked();
    let [
        Command::ClosePosition {
            symbol,
            client_order_id,
            command_id,
            part: None,
        },
    ] = asked.as_slice()
    else {
        panic!("expected one close, got {asked:?}");
    };
    assert_eq!(
        (symbol.as_str(), client_order_id.as_str()),
        ("AAPL", "test-1")
    );
    assert!(
        console
            .harness
            .query_all_by_label("Close AAPL?")
            .next()
            .is_none(),
        "the question is gone"
    );

    // On its way: the row's button is off. Refused: the reason stands at the row, and the button is back.
    let row = RowKey::Position(Symbol::new("AAPL").unwrap());
    let command_id = *command_id;
    console
        .desk
        .apply(Event::CommandRequested(CommandRequested {
            command_id,
            row,
            label: "close AAPL".to_owned(),
            client_order_id: Some(client_order_id.clone()),
        }));
    console.show();
    assert!(
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close AAPL")
            .accesskit_node()
            .is_disabled()
    );
    console
        .desk
        .refuse(command_id, "no_position", "Nothing is held in AAPL.");
    console.show();
    console
        .harness
        .get_by_label_contains("refused: no position");
    assert!(
        !console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close AAPL")
            .accesskit_node()
            .is_disabled()
    );
}

#[test]
fn escape_leaves_a_question_and_enter_does_not_answer_it() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close MSFT")
        .click();
    console.harness.run();
    console.harness.key_press(Key::Enter);
    console.harness.run();
    assert_eq!(console.asked(), []);
    if console
        .harness
        .query_all_by_label("Close MSFT?")
        .next()
        .is_none()
    {
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close MSFT")
            .click();
        console.harness.run();
    }
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(
        console
            .harness
            .query_all_by_label("Close MSFT?")
            .next()
            .is_none()
    );
    assert_eq!(console.asked(), []);
}

// covers: DB-6
#[test]
fn an_order_is_cancelled_after_a_question_and_a_sent_cancel_is_not_offered_again() {
    let mut console = Console::live(Role::Trader);
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Cancel SELL NVDA")
        .click();
    console.harness.run();
    console.harness.get_by_label_contains("106 filled so far");
    console.harness.get_by_label_contains("it may still fill");
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Cancel order")
        .click();
    console.harness.run();
    let asked = console.asked();
    let [
        Command::CancelOrder {
            client_order_id, ..
        },
    ] = asked.as_slice()
    else {
        panic!("expected one cancel, got {asked:?}");
    };
    assert_eq!(client_order_id.as_str(), "o2");
    let sent = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Cancel SELL TSLA");
    assert!(
        sent.accesskit_node().is_disabled(),
        "a cancel is on its way already"
    );
    console
        .harness
        .get_by_label_contains("TSLA SELL 0/220 limit at 197.45, cancel sent: may still fill");
}

#[test]
fn a_viewer_may_look_and_is_told_why_nothing_can_be_pressed() {
    let console = Console::live(Role::Viewer);
    assert!(
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close AAPL")
            .accesskit_node()
            .is_disabled()
    );
    assert!(
        console
            .harness
            .query_all_by_label_contains("Read-only")
            .next()
            .is_some()
    );
}

// covers: RT-6
#[test]
fn a_lost_connection_is_said_and_nothing_can_be_sent() {
    let mut console = Console::live(Role::Trader);
    console.desk.lose_connection(3_000);
    console.show();
    assert!(
        console
            .harness
            .query_all_by_label_contains("Connection lost")
            .next()
            .is_some()
    );
    assert!(
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "Close AAPL")
            .accesskit_node()
            .is_disabled()
    );
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Retry now")
        .click();
    console.harness.run();
    assert_eq!(console.asked(), [Command::RetryConnection]);
    assert!(
        console
            .harness
            .query_all_by_label_contains("AAPL, quantity 82")
            .next()
            .is_some(),
        "the values are kept, with their age"
    );
}

#[test]
fn an_engaged_kill_switch_stands_in_badge_and_banner_with_its_reason() {
    let mut console = Console::live(Role::Trader);
    console.desk.publish_halt(HaltState::Halted, Some("drill"));
    console.show();
    console
        .harness
        .get_by_label("Halt state: KILL SWITCH ENGAGED");
    assert!(
        console
            .harness
            .query_all_by_label_contains("Kill switch engaged")
            .next()
            .is_some()
    );
    assert!(
        console
            .harness
            .query_all_by_label_contains("drill")
            .next()
            .is_some()
    );
    // Closing by hand lowers risk: it stays.
    let close = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close AAPL");
    assert!(!close.accesskit_node().is_disabled());
}

#[test]
fn a_filter_hides_and_says_how_many() {
    let mut console = Console::live(Role::Trader);
    console.harness.get_by_label("Filter positions").focus();
    console.harness.run();
    console
        .harness
        .get_by_label("Filter positions")
        .type_text("ms");
    console.harness.run();
    assert!(
        console
            .harness
            .query_all_by_label_contains("15 hidden by filter")
            .next()
            .is_some()
    );
    assert!(console.harness.query_by_label("Close AAPL").is_none());
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close MSFT");
}

#[test]
fn a_header_click_sorts_by_money_and_the_third_click_undoes_it() {
    let mut console = Console::live(Role::Trader);
    let first_row = |console: &Console| {
        console
            .harness
            .query_all_by_label_contains(", quantity ")
            .min_by(|a, b| a.rect().top().total_cmp(&b.rect().top()))
            .and_then(|node| node.accesskit_node().label())
            .unwrap()
    };
    assert!(first_row(&console).starts_with("AAPL"));
    for expected in ["META", "MA", "AAPL"] {
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, "P&L ($)")
            .click();
        console.harness.run();
        assert!(
            first_row(&console).starts_with(expected),
            "expected {expected}, got {}",
            first_row(&console)
        );
    }
}

#[test]
fn the_halt_state_and_the_connection_are_there_at_every_width() {
    for size in [LAPTOP, PHONE] {
        let console = Console::sized(SampleDesk::live(Role::Trader, start()), size);
        let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        for label in ["Halt state: TRADING ACTIVE", "Engage kill switch"] {
            let node = console.harness.get_by_label(label);
            assert!(
                screen.contains_rect(node.rect()),
                "{label} at {size:?}: {:?}",
                node.rect()
            );
        }
        let connection = console.harness.get_by_label_contains("Connection: ");
        assert!(
            screen.contains_rect(connection.rect()),
            "connection at {size:?}: {:?}",
            connection.rect()
        );
    }
}

// covers: RT-6
#[test]
fn after_five_failures_a_reload_is_offered_beside_the_retry() {
    let mut console = Console::live(Role::Trader);
    for num_failed in 0..=5 {
        console.desk.lose_connection(3_000);
        console.show();
        let reload = console
            .harness
            .query_by_role_and_label(NodeRole::Button, "Reload")
            .is_some();
        let retry = console
            .harness
            .query_by_role_and_label(NodeRole::Button, "Retry now")
            .is_some();
        assert_eq!(
            (retry, reload),
            (true, num_failed >= 5),
            "{num_failed} failed"
        );
    }
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Reload")
        .click();
    console.harness.run();
    assert_eq!(console.asked(), [Command::Reload]);
}
