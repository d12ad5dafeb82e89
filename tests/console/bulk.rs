//! What is done to many at once: cancel all, and close what is selected.

use egui::Key;
use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_state::{CommandId, CommandOutcome, CommandRequested, Event, RowKey};
use qd_tests::desk::{SampleDesk, position_of};
use qd_types::{AccountId, HaltScope, OrderStatus, OrderType, Role, StrategyId, Symbol};
use qd_ui::testing::{DESK, LAPTOP, PHONE};

use crate::{Console, start};

impl Console {
    fn press(&mut self, name: &str) {
        self.harness
            .get_by_role_and_label(NodeRole::Button, name)
            .click();
        self.harness.run();
    }

    fn choose(&mut self, words: &str) {
        self.harness.get_by_label_contains(words).click();
        self.harness.run();
    }

    fn is_off(&self, button: &str) -> bool {
        self.harness
            .get_by_role_and_label(NodeRole::Button, button)
            .accesskit_node()
            .is_disabled()
    }

    /// The command is on its way, as the feed says it.
    fn requested(&mut self, command_id: CommandId, row: RowKey, label: &str) {
        self.desk.apply(Event::CommandRequested(CommandRequested {
            command_id,
            row,
            label: label.to_owned(),
            client_order_id: None,
        }));
        self.show();
    }
}

const CANCEL_ALL: &str = "Cancel all\u{2026}";

// covers: DB-6, OC-6
#[test]
fn cancel_all_asks_with_orders_symbols_and_money_and_is_sent_once() {
    let mut console = Console::live(Role::Trader);
    console.press(CANCEL_ALL);
    assert!(console.says("Cancel all open orders?"));
    assert!(console.says("6 open orders in 6 symbols: AAPL, GOOG, NVDA, TSLA, V, XOM."));
    // 300 at 126.86, 214 at 106.98, 110 at 297.21, 220 at 197.45, 60 at 302.75, 360 at 210.53.
    assert!(
        console.says("Open value $231,039.62."),
        "what is filled does not count"
    );
    assert!(console.says("each of them may still fill"));
    assert!(console.says("1 order has a cancel on its way already."));
    assert!(console.says("The state of 1 order is unknown; it is cancelled too."));
    assert_eq!(console.asked(), [], "a question sends nothing");
    let focused = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Keep them");
    assert!(focused.accesskit_node().is_focused(), "Enter does no harm");

    console.press("Cancel 6 orders");
    let asked = console.asked();
    let [
        Command::CancelAll {
            command_id,
            decision_id,
            scope: HaltScope::Firm,
        },
    ] = asked.as_slice()
    else {
        panic!("expected one cancel of all, got {asked:?}");
    };
    assert_eq!(
        decision_id.as_str(),
        "test-1",
        "fixed when the question opened"
    );
    assert!(
        !console.says("Cancel all open orders?"),
        "the question is gone"
    );

    // On its way: off. Unknown: said where the orders are, off. Refused: said there, and on again.
    let command_id = *command_id;
    console.requested(command_id, RowKey::AllOrders, "cancel all");
    assert!(console.is_off(CANCEL_ALL));
    assert!(
        !console
            .all_painted()
            .iter()
            .any(|painted| painted.text.contains("cancel all sent")),
        "the rows stay where they are for the blink of an answer"
    );
    console.desk.apply(Event::CommandAnswered {
        command_id,
        outcome: CommandOutcome::Unknown {
            detail: "no answer within 10 s".to_owned(),
        },
    });
    console.show();
    assert!(
        !console.is_off(CANCEL_ALL),
        "one without an answer keeps nobody from another"
    );
    let unknown = "cancel all unknown: resolving. no answer within 10 s";
    assert!(
        console.painted(unknown).is_some(),
        "said where the orders are"
    );
    console
        .desk
        .refuse(command_id, "not_received", "it did not arrive");
    console.show();
    let refused = "cancel all refused: not received. it did not arrive";
    assert!(console.painted(refused).is_some());
    assert!(!console.is_off(CANCEL_ALL));
}

/// Orders on two accounts and of two strategies, one of them at the market.
fn varied() -> Console {
    let mut console = Console::live(Role::Trader);
    let of = |console: &Console, id: &str| {
        let rows = &console.harness.state().snapshot.orders.rows;
        let row = rows.iter().find(|row| row.client_order_id.as_str() == id);
        (*row.unwrap().order).clone()
    };
    let mut elsewhere = of(&console, "o1");
    elsewhere.account = AccountId::new("PAPER-2").unwrap();
    console.desk.publish_order(elsewhere);
    let mut by_hand = of(&console, "o5");
    by_hand.client_order_id = qd_types::ClientOrderId::new("h1").unwrap();
    by_hand.strategy = StrategyId::new("manual").unwrap();
    by_hand.order_type = OrderType::Market;
    by_hand.limit_price = None;
    by_hand.status = OrderStatus::Working;
    console.desk.publish_order(by_hand);
    console.show();
    console
}

// covers: DB-6, OC-6
#[test]
fn the_scope_is_chosen_among_what_there_is_and_the_words_follow() {
    let mut console = varied();
    console.press(CANCEL_ALL);
    assert!(console.says("8 open orders in 6 symbols"));
    for choice in [
        "Everything you may see, 8 orders",
        "Account PAPER-1, 7 orders",
        "Account PAPER-2, 1 order",
        "Strategy manual, 1 order",
    ] {
        assert!(console.says(choice), "no choice {choice}");
    }
    console.choose("Strategy manual");
    assert!(console.says("Cancel all open orders of manual?"));
    // 60 XOM at the market: what it would bring is its mark.
    assert!(console.says("1 open order in XOM."));
    assert!(console.says("Open value $26,907.60."));
    console.press("Cancel 1 order");
    let asked = console.asked();
    let [Command::CancelAll { scope, .. }] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(scope.to_string(), "strategy:manual");

    // What was chosen ends: it stays chosen, and there is nothing to confirm while others are open.
    console.press(CANCEL_ALL);
    console.choose("Strategy manual");
    let rows = std::sync::Arc::clone(&console.harness.state().snapshot.orders.rows);
    let by_hand = rows.iter().find(|row| row.client_order_id.as_str() == "h1");
    let mut ended = (*by_hand.unwrap().order).clone();
    ended.status = OrderStatus::Cancelled;
    console.desk.publish_order(ended);
    console.show();
    assert!(console.says("Strategy manual, 0 orders"));
    assert!(console.is_off("Cancel 0 orders"));
    assert!(console.says("Everything you may see, 7 orders"));
}

// covers: DB-6
#[test]
fn cancel_all_says_why_it_is_off_and_escape_leaves_it() {
    let viewer = Console::live(Role::Viewer);
    assert!(viewer.is_off(CANCEL_ALL));

    let mut console = Console::live(Role::Trader);
    console.press(CANCEL_ALL);
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert!(!console.says("Cancel all open orders?"));
    assert_eq!(console.asked(), []);
    assert!(
        console
            .harness
            .get_by_role_and_label(NodeRole::Button, CANCEL_ALL)
            .accesskit_node()
            .is_focused(),
        "the keyboard is back where it was"
    );

    // The orders end while the question stands: there is nothing to confirm, and then nothing to ask.
    console.press(CANCEL_ALL);
    let rows = std::sync::Arc::clone(&console.harness.state().snapshot.orders.rows);
    for row in rows.iter() {
        let mut order = (*row.order).clone();
        order.status = OrderStatus::Cancelled;
        console.desk.publish_order(order);
    }
    console.show();
    assert!(console.says("No order is open there any more."));
    assert!(console.is_off("Cancel 0 orders"));
    console.press("Keep them");
    assert!(console.is_off(CANCEL_ALL));

    let phone = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    phone
        .harness
        .get_by_role_and_label(NodeRole::Button, CANCEL_ALL);
}

fn select(console: &mut Console, symbols: &[&str]) {
    for symbol in symbols {
        console
            .harness
            .get_by_label(&format!("Select {symbol}"))
            .click();
        console.harness.run();
    }
}

fn close_of(command: &Command) -> (&str, &str) {
    match command {
        Command::ClosePosition {
            client_order_id,
            symbol,
            ..
        } => (symbol.as_str(), client_order_id.as_str()),
        other => panic!("no close: {other:?}"),
    }
}

// covers: DB-3, DB-4, OC-6
#[test]
fn the_selected_positions_are_closed_each_by_an_order_of_its_own_after_one_question() {
    let mut console = Console::live(Role::Trader);
    assert!(!console.says("selected"));
    select(&mut console, &["AAPL", "HD", "MSFT"]);
    console.press("Close 3\u{2026} selected");
    assert!(console.says("Close 3 positions?"));
    assert!(console.says("AAPL: sell 82, estimated proceeds $17,809.58, position after 0"));
    assert!(console.says("HD: buy back 171, estimated cost $63,410.22, position after 0"));
    assert!(console.says(
        "Together: estimated proceeds $55,091.09, cost $63,410.22. Realizes about \u{2212}$1,195.92."
    ));
    assert!(console.says("1 open order in these symbols stays: cancel it separately."));
    assert_eq!(console.asked(), [], "a question sends nothing");
    console.press("Close 3 positions");
    let asked = console.asked();
    let closes: Vec<_> = asked.iter().map(close_of).collect();
    assert_eq!(
        closes,
        [("AAPL", "test-1"), ("HD", "test-2"), ("MSFT", "test-3")]
    );

    // An error stands at its own row, and the others go on.
    let Command::ClosePosition { command_id, .. } = asked[1] else {
        unreachable!()
    };
    let row = RowKey::Position(Symbol::new("HD").unwrap());
    console.requested(command_id, row, "close HD");
    assert!(console.is_off("Close HD") && !console.is_off("Close AAPL"));
    console
        .desk
        .refuse(command_id, "no_position", "Nothing is held.");
    console.show();
    assert!(console.says("HD, quantity \u{2212}171"));
    assert!(console.says("close HD refused: no position. Nothing is held."));
}

// covers: DB-4, OC-6
#[test]
fn what_went_flat_or_is_being_closed_is_named_and_left_out() {
    let mut console = Console::live(Role::Trader);
    select(&mut console, &["AAPL", "HD", "MSFT"]);
    console.press("Close 3\u{2026} selected");
    console.requested(
        CommandId(900),
        RowKey::Position(Symbol::new("HD").unwrap()),
        "close HD",
    );
    console.desk.publish_removed("AAPL");
    console.show();
    assert!(console.says("Close 1 position?"));
    assert!(console.says("AAPL: left out, already flat"));
    assert!(console.says("HD: left out, its close is on its way already"));
    console.press("Close 1 position");
    let asked = console.asked();
    let closes: Vec<_> = asked.iter().map(close_of).collect();
    assert_eq!(
        closes,
        [("MSFT", "test-3")],
        "with the id it had from the start"
    );

    console.press("Close 2\u{2026} selected");
    console.desk.publish_removed("MSFT");
    console.show();
    assert!(console.says("Nothing of what was selected is left to close."));
    assert!(console.is_off("Close 0 positions"));
    console.harness.key_press(Key::Escape);
    console.harness.run();
    assert_eq!(console.asked(), []);
}

// covers: DB-4
#[test]
fn warnings_of_many_are_merged_into_three_with_the_worst_first() {
    let now = start();
    let old = position_of(
        "momentum",
        "AAPL",
        10,
        "100",
        "101",
        now.plus_millis(-60_000),
    );
    let mut unpriced = position_of("momentum", "KO", 10, "100", "101", now);
    unpriced.current_price = None;
    unpriced.price_at = None;
    let fine = position_of("momentum", "XOM", -10, "100", "101", now);
    let desk = SampleDesk::holding(Role::Trader, now, vec![old, unpriced, fine]);
    let mut console = Console::new(desk);
    console.desk.lose_message();
    console.show();
    select(&mut console, &["AAPL", "KO", "XOM"]);
    console.press("Close 3\u{2026} selected");
    let top = |console: &Console, words: &str| {
        let painted = console.all_painted();
        let found = painted.iter().find(|painted| painted.text.contains(words));
        found.unwrap_or_else(|| panic!("{words}")).rect.top()
    };
    let unpriced = top(&console, "No price for KO");
    let old = top(&console, "Prices older than 15 s: AAPL.");
    let unverified = top(&console, "Positions unverified");
    assert!(unpriced < old && old < unverified);
    let merged = console.all_painted();
    let last = merged
        .iter()
        .find(|painted| painted.text.contains("Positions unverified"))
        .unwrap();
    assert!(
        last.text.contains("2 open orders in these symbols stay"),
        "what is left over stands in the last: {}",
        last.text
    );
}

// covers: DB-4
#[test]
fn many_selected_positions_scroll_and_what_the_filter_hides_is_said() {
    let mut console = Console::new(SampleDesk::large(60, start()));
    console.harness.get_by_label("Select all").click();
    console.harness.run();
    console.harness.get_by_label("Filter positions").focus();
    console.harness.run();
    console
        .harness
        .get_by_label("Filter positions")
        .type_text("aaa");
    console.harness.run();
    let num_shown = console.harness.state().snapshot.positions.rows.iter();
    let num_shown = num_shown
        .filter(|row| row.symbol.as_str().contains("AAA"))
        .count();
    console.press("Close 60\u{2026} selected");
    assert!(console.says(&format!(
        "{} of them are hidden by the filter.",
        60 - num_shown
    )));
    let listed = console
        .harness
        .query_all_by_label_contains("position after 0")
        .count();
    assert!((4..20).contains(&listed), "{listed} rows at once");
    console.press("Close 60 positions");
    let asked = console.asked();
    let ids: std::collections::BTreeSet<_> =
        asked.iter().map(|command| close_of(command).1).collect();
    assert_eq!(ids.len(), 60, "an id each");
}

#[test]
fn no_question_covers_header_or_footer_not_even_in_a_low_window() {
    for size in [DESK, LAPTOP, PHONE, egui::vec2(520.0, 480.0)] {
        let page =
            egui::Rect::from_min_max(egui::pos2(0.0, 48.0), egui::pos2(size.x, size.y - 26.0));
        let mut console = Console::live(Role::Trader);
        // The parts at the edges, with the margin that lies around them.
        for (opener, first, last, margin) in [
            (
                CANCEL_ALL,
                "Cancel all open orders?",
                "Cancel 6 orders",
                19.0,
            ),
            ("History: last 5 of 31 today", "History", "Close", 5.0),
        ] {
            console.press(opener);
            console.harness.set_size(size);
            console.harness.run();
            let title = console.painted(first).unwrap().rect;
            let button = console
                .harness
                .get_all_by_role_and_label(NodeRole::Button, last)
                .last()
                .unwrap()
                .rect();
            for rect in [title, button] {
                let whole = rect.expand(margin);
                assert!(page.contains_rect(whole), "{first} {whole:?} at {size}");
            }
            console.harness.key_press(Key::Escape);
            console.harness.set_size(DESK);
            console.harness.run();
            console.asked();
        }
    }
}
