//! What the screen must not claim: that something is flat, active, young, whole or sendable when it is not.

use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_pages::Command;
use qd_state::{CommandRequested, Event, MarketClock, Poll, PollAnswer, RowKey};
use qd_tests::desk::{SampleDesk, position_of};
use qd_types::{
    AccountId, ClientOrderId, HaltState, MarketPhase, Order, OrderStatus, OrderType, Price, Qty,
    Role, Side, StrategyId, Symbol, TimeInForce, Tone,
};
use qd_ui::testing::{DESK, PHONE};

use crate::{Console, click, is_disabled, start};

/// Time passes in steps, and the gateway proves everything on the way.
fn wait_with_beats(console: &mut Console, millis: i64) {
    for _ in 0..millis / 3_000 {
        console.desk.advance_millis(3_000);
        console.desk.beat();
    }
    console.show();
}

// covers: DB-4
#[test]
fn a_row_of_both_signs_is_closed_on_both_sides_and_is_not_flat_when_they_cancel_out() {
    let holdings = |long: i64| {
        vec![
            position_of("momentum", "AAPL", long, "200", "217.19", start()),
            position_of("hedge", "AAPL", -9, "220", "217.19", start()),
        ]
    };
    let mut console = Console::new(SampleDesk::holding(Role::Trader, start(), holdings(227)));
    click(&mut console, "Close AAPL");
    console.harness.get_by_label_contains(
        "Sells 227 and buys back 9 AAPL at market, estimated proceeds $49,302.13, estimated cost $1,954.71.",
    );
    console
        .harness
        .get_by_label_contains("Held by hedge \u{2212}9, momentum 227: each part is closed");
    console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Sell 227, buy back 9 AAPL");

    let mut console = Console::new(SampleDesk::holding(Role::Trader, start(), holdings(9)));
    click(&mut console, "Close AAPL");
    assert!(!console.says("already flat"), "18 shares are held");
    click(&mut console, "Sell 9, buy back 9 AAPL");
    assert!(matches!(
        console.asked().as_slice(),
        [Command::ClosePosition { .. }]
    ));
}

#[test]
fn a_halt_state_nobody_vouches_for_is_what_was() {
    let mut console = Console::live(Role::Trader);
    let tokens = console.harness.state().tokens.clone();
    let badge = console.painted("TRADING ACTIVE").unwrap();
    assert_eq!(badge.color, tokens.badge(Tone::Gain).text);

    console.desk.lose_connection(60_000);
    console.desk.advance_millis(3_000);
    console.show();
    console
        .harness
        .get_by_label("Halt state: WAS ACTIVE · 3.0 s ago");
    let badge = console.painted("WAS ACTIVE · 3.0 s ago").unwrap();
    assert_eq!(badge.color, tokens.badge(Tone::Warn).text);
    assert!(console.painted("TRADING ACTIVE").is_none());

    // Connected, and the kill switch's stream alone is silent.
    let mut console = Console::live(Role::Trader);
    for _ in 0..40 {
        console.desk.advance_millis(3_000);
        let (positions, orders) = console.desk.places();
        let now = console.desk.now();
        console.desk.apply(Event::BeatReceived {
            positions: vec![positions, orders],
            at: now,
        });
    }
    console.show();
    console
        .harness
        .get_by_label("Halt state: WAS ACTIVE · 2 min ago");
    assert!(console.says("Halt state unconfirmed"));
}

#[test]
fn a_row_with_an_old_price_says_so_in_every_figure_made_of_it() {
    let mut console = Console::live(Role::Trader);
    let tokens = console.harness.state().tokens.clone();
    wait_with_beats(&mut console, 42_000);
    assert!(console.says("AAPL, quantity 82"));
    assert!(console.says("price 42 s old"));
    let snapshot = console.desk.snapshot();
    let row = &snapshot.positions.rows[0];
    for text in [
        &row.current.text,
        &row.pl.text,
        &row.pl_percent.text,
        &row.value.text,
    ] {
        let painted = console.painted(text).unwrap();
        assert_eq!(painted.color, tokens.stale, "{text}");
    }
}

#[test]
fn a_failed_price_poll_is_said_although_the_stream_is_fresh() {
    let mut console = Console::live(Role::Trader);
    console.desk.apply(Event::PollFailed {
        poll: Poll::Prices,
        detail: "503 from the gateway".to_owned(),
        retry_at: None,
    });
    console.show();
    assert!(console.says("Prices cannot be polled: 503 from the gateway."));
    click(&mut console, "Try again");
    assert_eq!(console.asked(), [Command::RefreshPoll(Poll::Prices)]);
}

/// The titles of the banners on screen, from top to bottom: they reach the edge of the window, which nothing else does.
fn banners(console: &Console, width: f32) -> Vec<String> {
    let nodes = [NodeRole::Alert, NodeRole::Status].into_iter();
    let nodes = nodes.flat_map(|role| console.harness.query_all_by_role(role));
    let mut banners: Vec<(f32, String)> = nodes
        .filter(|node| node.rect().right() >= width - 1.0)
        .map(|node| {
            let name = node.accesskit_node().label().unwrap();
            let title = name.split(':').next().unwrap_or_default();
            (node.rect().top(), title.to_owned())
        })
        .collect();
    banners.sort_by(|a, b| a.0.total_cmp(&b.0));
    let header = console.harness.get_by_label_contains("Halt state: ").rect();
    assert!(banners.iter().all(|(top, _)| *top >= header.bottom()));
    banners.into_iter().map(|(_, title)| title).collect()
}

// covers: DB-2, RT-6
#[test]
fn several_banners_stand_in_the_order_of_their_weight() {
    for size in [DESK, PHONE] {
        let mut desk = SampleDesk::live(Role::Viewer, start());
        desk.publish_halt(HaltState::Halted, Some("a drill"));
        desk.apply(Event::PollFailed {
            poll: Poll::Prices,
            detail: "503 from the gateway".to_owned(),
            retry_at: None,
        });
        desk.apply(Event::DegradedReceived {
            what: "execution".to_owned(),
            since: start(),
        });
        // The halt machine and the orders are heard of, the positions are not.
        for _ in 0..45 {
            desk.advance_millis(3_000);
            desk.beat_without_positions();
        }
        let mut console = Console::sized(desk, size);
        assert_eq!(
            banners(&console, size.x),
            [
                "Kill switch engaged",
                "The server reports trouble",
                "Read-only",
                "Data may be stale",
                "Prices cannot be polled",
            ],
            "{size}"
        );
        // Without a connection that comes first, and its banner says that everything is old.
        for _ in 0..6 {
            console.desk.lose_connection(60_000);
            console.desk.apply(Event::SocketOpened);
        }
        console.desk.lose_connection(60_000);
        console.show();
        assert_eq!(
            banners(&console, size.x),
            [
                "Connection lost",
                "Still not connected",
                "Kill switch engaged",
                "The server reports trouble",
                "Read-only",
            ],
            "{size}"
        );
    }
}

// covers: DB-1
#[test]
fn the_card_is_as_old_as_the_oldest_price_and_says_that_first() {
    let mut console = Console::live(Role::Trader);
    wait_with_beats(&mut console, 9_000);
    console.desk.publish_mark("AAPL", "217.2");
    console.show();
    assert!(console.painted("marked 9.0 s ago · 16 positions").is_some());
}

#[test]
fn an_open_question_cannot_be_answered_when_nothing_can_be_sent() {
    for (opener, confirm) in [
        ("Close AAPL", "Sell 82 AAPL"),
        ("Cancel BUY AAPL", "Cancel order"),
    ] {
        let mut console = Console::live(Role::Trader);
        click(&mut console, opener);
        assert!(!is_disabled(&console, confirm));
        console.desk.lose_connection(60_000);
        console.show();
        assert!(is_disabled(&console, confirm), "{confirm}");
    }
}

#[test]
fn the_question_says_what_the_halt_state_really_is() {
    for (state, words) in [
        (HaltState::ReduceOnly, "Only reducing is allowed now"),
        (HaltState::Halted, "The kill switch is engaged"),
        (HaltState::Unknown, "The halt state is unknown"),
    ] {
        let mut console = Console::live(Role::Trader);
        console.desk.publish_halt(state, Some("drill"));
        console.show();
        click(&mut console, "Close AAPL");
        assert!(console.says(words), "{words}");
        assert!(!console.says("Trading is halted"));
    }
}

#[test]
fn the_question_before_a_cancel_is_about_this_account_s_order() {
    let mut console = Console::live(Role::Trader);
    let snapshot = console.desk.snapshot();
    let row = &snapshot.orders.rows[0];
    let mut other = qd_types::Order::clone(&row.order);
    other.account = AccountId::new("A-FIRST").unwrap();
    other.qty = Qty::from_units(7, 0);
    other.side = Side::Sell;
    other.created_at = other.created_at.plus_millis(-60_000);
    console.desk.publish_order(other);
    console.show();
    assert!(console.says("AAPL SELL 0/7"), "both are open");
    click(&mut console, "Cancel BUY AAPL");
    assert!(console.says("BUY 300 AAPL limit at 126.86"));
}

#[test]
fn a_market_clock_shows_no_countdown_it_cannot_know() {
    let mut console = Console::live(Role::Trader);
    assert!(console.says("Simulated market open · closes in"));
    wait_with_beats(&mut console, 240_000);
    assert!(console.says("Simulated market open 4 min ago"));
    assert!(!console.says("closes in"));

    let mut console = Console::live(Role::Trader);
    let change_at = console.desk.now().plus_millis(6_000);
    console
        .desk
        .apply(Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase: MarketPhase::Open,
            next_change_at: Some(change_at),
            tape: None,
        })));
    wait_with_beats(&mut console, 9_000);
    assert!(console.says("Simulated market open until 3.0 s ago"));
    assert!(!console.says("closes in"));
}

// covers: DB-1
#[test]
fn refresh_asks_for_what_can_refresh() {
    let mut console = Console::live(Role::Trader);
    for _ in 0..45 {
        console.desk.advance_millis(3_000);
        console.desk.beat_without_positions();
    }
    console.show();
    assert!(console.says("Data may be stale"));
    for label in ["Refresh", "Refresh Unrealized P&L"] {
        click(&mut console, label);
        assert_eq!(console.asked(), [Command::RefreshStreams], "{label}");
    }
}

#[test]
fn a_command_s_word_fits_its_row_and_the_sentence_is_behind_it() {
    let mut console = Console::live(Role::Trader);
    click(&mut console, "Close AAPL");
    click(&mut console, "Sell 82 AAPL");
    let asked = console.asked();
    let [
        Command::ClosePosition {
            command_id,
            client_order_id,
            ..
        },
    ] = asked.as_slice()
    else {
        panic!("expected one close, got {asked:?}");
    };
    console
        .desk
        .apply(Event::CommandRequested(CommandRequested {
            command_id: *command_id,
            row: RowKey::Position(Symbol::new("AAPL").unwrap()),
            label: "close AAPL".to_owned(),
            client_order_id: Some(client_order_id.clone()),
        }));
    console.show();
    assert!(!console.painted("sent").unwrap().is_cut);
    console
        .desk
        .refuse(*command_id, "no_position", "Nothing is held in AAPL.");
    console.show();
    assert!(!console.painted("refused").unwrap().is_cut);
    console
        .harness
        .get_by_label_contains("close AAPL refused: no position. Nothing is held in AAPL.");
}

#[test]
fn prices_of_four_digits_and_both_prices_of_a_stop_limit_are_never_cut() {
    let mut console = Console::live(Role::Trader);
    let dear = Order {
        account: AccountId::new("main").unwrap(),
        strategy: StrategyId::new("momentum").unwrap(),
        client_order_id: ClientOrderId::new("dear").unwrap(),
        venue_order_id: None,
        symbol: Symbol::new("LLY").unwrap(),
        side: Side::Sell,
        qty: Qty::from_units(1_200, 0),
        filled_qty: Qty::ZERO,
        filled_avg_price: None,
        order_type: OrderType::StopLimit,
        limit_price: Some(Price::from_units(103_452, 2)),
        stop_price: Some(Price::from_units(103_512, 2)),
        time_in_force: TimeInForce::Day,
        status: OrderStatus::Working,
        status_since: start(),
        reason_code: None,
        created_at: start(),
        updated_at: start(),
        source: "momentum".to_owned(),
        parent_id: None,
    };
    let rejected = Order {
        client_order_id: ClientOrderId::new("dear-2").unwrap(),
        order_type: OrderType::Limit,
        stop_price: None,
        status: OrderStatus::Rejected,
        ..dear.clone()
    };
    console.desk.publish_order(dear);
    console.desk.publish_order(rejected);
    console.show();
    for text in [
        "stop 1,035.12",
        "1,034.52",
        "0/1,200",
        "1,200",
        "SELL",
        "sent, not acknowledged",
        "cancel sent: may still fill",
    ] {
        let all = console.all_painted();
        let mut painted = all.iter().filter(|painted| painted.text == text).peekable();
        assert!(painted.peek().is_some(), "{text} is not painted");
        assert!(painted.all(|painted| !painted.is_cut), "{text} is cut");
    }
}

#[test]
fn on_a_phone_nothing_that_counts_is_cut() {
    let mut console = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, PHONE);
    let pl = console.harness.state().snapshot.positions.rows[0]
        .pl
        .clone();
    let painted = console.painted(&pl.text).expect("P&L is in sight");
    assert!(screen.contains_rect(painted.rect), "{painted:?}");
    console.harness.get_by_label("Select AAPL").click();
    console.harness.run();
    let note = console.painted("1 selected").unwrap();
    assert!(note.clip.contains_rect(note.rect), "{note:?}");
    for painted in console.all_painted() {
        let is_money = painted.text.starts_with(['+', '\u{2212}', '$']);
        assert!(!is_money || !painted.is_cut, "{painted:?}");
    }

    console.desk.lose_connection(60_000);
    console.desk.advance_millis(14_000);
    console.show();
    let detail = console
        .all_painted()
        .into_iter()
        .find(|painted| painted.text.contains("nothing can be sent"))
        .unwrap();
    assert!(
        !detail.is_cut && screen.contains_rect(detail.rect),
        "{detail:?}"
    );
    let mut places: Vec<egui::Rect> = Vec::new();
    for label in [
        "Halt state: WAS ACTIVE · 14 s ago",
        "Connection: Reconnecting",
        "Engage kill switch",
        "User: alice · trader",
    ] {
        let rect = console.harness.get_by_label(label).rect();
        assert!(screen.contains_rect(rect), "{label}: {rect:?}");
        assert!(
            places.iter().all(|other| !other.intersects(rect)),
            "{label} covers another: {rect:?}"
        );
        places.push(rect);
    }
}

// covers: DB-3
#[test]
fn a_symbol_halted_by_the_exchange_says_so_and_can_still_be_closed() {
    let mut console = Console::live(Role::Trader);
    console.desk.tell_symbol_halt("AAPL", true);
    console.show();
    assert!(console.says("AAPL, quantity 82"));
    assert!(console.says("trading halted by the exchange"));
    assert!(
        console
            .all_painted()
            .iter()
            .any(|painted| painted.text == "HALTED")
    );
    // What lowers risk is never taken away on the word of a poll: the venue answers.
    let close = console
        .harness
        .get_by_role_and_label(NodeRole::Button, "Close AAPL");
    assert!(!close.accesskit_node().is_disabled());
    console.desk.tell_symbol_halt("AAPL", false);
    console.show();
    assert!(!console.says("trading halted by the exchange"));
}
