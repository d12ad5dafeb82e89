//! What the screen says of its own trustworthiness.

use egui::accesskit::Role as NodeRole;
use egui_kittest::kittest::Queryable as _;
use qd_state::{Event, Hop};
use qd_tests::desk::SampleDesk;
use qd_types::Role;

use crate::{Console, start};

// covers: BX-1
#[test]
fn the_seal_names_its_number_turns_on_a_hole_and_comes_back() {
    let mut console = Console::live(Role::Trader);
    assert!(console.says("verified to #18,402"));
    console.desk.lose_message();
    console.show();
    assert!(console.says("resyncing"), "a hole shows in the next frame");
    console.desk.publish_snapshot();
    console.desk.beat();
    console.show();
    assert!(console.says("verified to #18,405"));
}

// covers: DB-1
#[test]
fn nothing_is_invented_before_the_first_word() {
    let console = Console::new(SampleDesk::silent(start()));
    assert!(!console.says("$0.00"), "an unknown amount is not zero");
    assert!(console.says("Halt state: HALT STATE UNKNOWN"));
    assert!(
        !console.says("No positions"),
        "an empty table means no positions only when somebody said so"
    );
}

// covers: DB-1
#[test]
fn a_card_fades_at_30_warns_at_60_and_offers_a_refresh_past_120_seconds() {
    let mut console = Console::live(Role::Trader);
    assert!(!console.says("stale"));
    let value = console.desk.snapshot().cards.unrealized.value.clone();
    let value = value.unwrap();
    let fresh = console.painted(&value).unwrap().color;
    console.desk.advance_millis(30_000);
    console.show();
    assert_eq!(console.painted(&value).unwrap().color, fresh, "at 30 s");
    console.desk.advance_millis(1_000);
    console.show();
    assert_eq!(
        console.painted(&value).unwrap().color,
        fresh.gamma_multiply(0.5),
        "past 30 s"
    );
    assert!(!console.says("data may be stale"), "not yet at 31 s");
    console.desk.advance_millis(30_000);
    console.show();
    assert!(console.says("data may be stale"), "past 60 s");
    let offer = "Refresh Unrealized P&L";
    assert!(!console.says(offer), "not yet at 61 s");
    console.desk.advance_millis(60_000);
    console.show();
    assert!(console.says(offer), "past 120 s");
}

// covers: DB-8
#[test]
fn card_and_rows_of_one_quantity_agree_in_every_frame() {
    let mut console = Console::live(Role::Trader);
    for (symbol, mark) in [("AAPL", "230.01"), ("UNH", "477.77"), ("V", "0.01")] {
        console.desk.publish_mark(symbol, mark);
        let snapshot = console.desk.snapshot();
        let rows: qd_types::Money = snapshot
            .positions
            .rows
            .iter()
            .map(|row| row.figures.unrealized_pl)
            .sum();
        assert_eq!(snapshot.positions.totals.unrealized_pl, rows);
        console.show();
        let card = qd_types::fmt::signed_money(rows);
        assert!(
            console.says(&card),
            "the card says {card} after {symbol} at {mark}"
        );
    }
}

// covers: BX-3, RT-7
#[test]
fn behind_a_number_stand_its_age_and_where_its_time_went() {
    let mut console = Console::live(Role::Trader);
    console.desk.publish_mark("AAPL", "230.01");
    console.desk.advance_millis(4_000);
    console.show();
    let row = console
        .harness
        .get_by_label_contains("AAPL, quantity ")
        .rect();
    console.harness.hover_at(row.center());
    console.harness.run_steps(2);
    // The pointer rests: what is behind the number is shown.
    console.harness.run_steps(120);
    for words in [
        "AAPL: price 4.0 s old",
        "received 4.0 s ago",
        "made→published",
    ] {
        let painted = console.all_painted();
        let is_there = painted.iter().any(|painted| painted.text.contains(words));
        assert!(is_there, "{words}");
    }
}

// covers: OB-3
#[test]
fn the_footer_shows_what_the_last_frames_cost() {
    let mut console = Console::live(Role::Trader);
    assert!(!console.says("Frames: "), "nothing was measured yet");
    let stats = &mut console.harness.state_mut().state.frame_stats;
    for millis in [2.0, 2.0, 40.0] {
        stats.push(millis);
    }
    stats.count_passes(3, 4);
    console.harness.run();
    let strip = "Frames: p50 2.0 ms, p99 40.0 ms, longest 40.0 ms \u{b7} 1.33 passes per frame";
    console
        .harness
        .get_by_role_and_label(NodeRole::Image, strip);

    // The age is that of the server's newest word, and grows while nothing comes.
    let version = qd_types::fmt::count(console.harness.state().snapshot.version);
    console
        .harness
        .get_by_label(&format!("snapshot #{version} \u{b7} age 0.0 s"));
    console.desk.advance_millis(7_000);
    console.show();
    let version = qd_types::fmt::count(console.harness.state().snapshot.version);
    console
        .harness
        .get_by_label(&format!("snapshot #{version} \u{b7} age 7.0 s"));
    console.harness.get_by_label(strip).hover();
    console.harness.run_steps(120);
    let tip = format!("Picture #{version}, 7.0 s old");
    let is_told = |console: &Console, words: &str| {
        let painted = console.all_painted();
        painted.iter().any(|painted| painted.text.contains(words))
    };
    assert!(is_told(&console, &tip), "{tip}");
    assert!(is_told(&console, "CPU time of the last frames"));
}

// covers: DB-8
#[test]
fn the_close_dialog_tells_what_its_row_tells_while_prices_move() {
    let mut console = Console::live(Role::Trader);
    console.harness.get_by_label_contains("Close AAPL").click();
    console.harness.run();
    for mark in ["217.19", "230.01", "199.99", "0.01"] {
        console.desk.publish_mark("AAPL", mark);
        console.show();
        let snapshot = &console.harness.state().snapshot;
        let row = snapshot
            .positions
            .rows
            .iter()
            .find(|row| row.symbol.as_str() == "AAPL")
            .unwrap();
        let profit = qd_types::fmt::signed_money(row.figures.unrealized_pl);
        let proceeds = qd_types::fmt::money(row.figures.market_value);
        assert_eq!(*row.pl.text, *profit, "the row");
        assert!(
            console.says(&format!("Realizes about {profit}")),
            "the dialog at {mark}"
        );
        assert!(
            console.says(&format!("estimated proceeds {proceeds}")),
            "the dialog at {mark}"
        );
        let total: qd_types::Money = snapshot
            .positions
            .rows
            .iter()
            .map(|row| row.figures.unrealized_pl)
            .sum();
        let total = qd_types::fmt::signed_money(total);
        assert_eq!(snapshot.cards.unrealized.value.as_deref(), Some(&*total));
        assert_eq!(*snapshot.positions.totals.pl.text, *total);
    }
}

// covers: RT-4, RT-7
#[test]
fn the_footer_counts_what_was_dropped_and_times_every_stretch_of_the_way() {
    let mut console = Console::live(Role::Trader);
    assert!(console.says("dropped 0") && !console.says("publish\u{2192}paint"));
    let (positions, _) = console.desk.places();
    console.desk.apply(Event::QueueDropped {
        stream: positions.0,
        pos: None,
        num_messages: 3,
    });
    for step in 0..4 {
        console.desk.publish_moved(step);
        let version = console.desk.snapshot().version;
        console.desk.apply(Event::Painted {
            version,
            at: console.desk.now().plus_micros(12_000),
            frame_micros: Some(2_000),
        });
        // Figures are made once a second.
        console.desk.advance_millis(1_000);
    }
    console.show();
    assert!(console.says("dropped 3"));
    assert!(console.says("publish\u{2192}paint p50"));
    console
        .harness
        .get_by_label_contains("publish\u{2192}paint p50")
        .hover();
    console.harness.run_steps(120);
    for hop in Hop::ALL {
        let line = format!("{}: p50 ", hop.as_str());
        let painted = console.all_painted();
        let is_there = painted
            .iter()
            .any(|painted| painted.text.contains(&line) && painted.text.contains(", p99 "));
        assert!(is_there, "{line}");
    }
}
