//! The page beside the picture it was drawn after: the same regions, the same words, in the same order, at 1440 × 900.

use egui::Rect;
use qd_types::Role;
use qd_ui::testing::DESK;

use crate::{Console, Painted};

/// The first text in `region` that begins like this.
fn find<'p>(painted: &'p [Painted], region: Rect, words: &str) -> &'p Painted {
    painted
        .iter()
        .find(|text| region.contains(text.rect.center()) && text.text.starts_with(words))
        .unwrap_or_else(|| panic!("no {words:?} in {region:?}"))
}

/// All of them stand in `region`, from left to right.
#[track_caller]
fn assert_row(painted: &[Painted], region: Rect, words: &[&str]) {
    let mut last = f32::NEG_INFINITY;
    for word in words {
        let text = find(painted, region, word);
        assert!(
            text.rect.left() > last,
            "{word:?} stands left of what it should follow"
        );
        assert!(!text.is_cut, "{word:?} is cut");
        last = text.rect.left();
    }
}

/// All of them stand in `region`, from top to bottom.
#[track_caller]
fn assert_column(painted: &[Painted], region: Rect, words: &[&str]) {
    let mut last = f32::NEG_INFINITY;
    for word in words {
        let top = find(painted, region, word).rect.top();
        assert!(top > last, "{word:?} stands above what it should follow");
        last = top;
    }
}

fn region(left: f32, top: f32, right: f32, bottom: f32) -> Rect {
    Rect::from_min_max(egui::pos2(left, top), egui::pos2(right, bottom))
}

// covers: DB-1, DB-2, DB-3, DB-5, DB-7
#[test]
fn regions_and_labels_are_those_of_the_drawing() {
    assert_eq!(DESK, egui::vec2(1_440.0, 900.0));
    let console = Console::live(Role::Trader);
    let painted = console.all_painted();
    let header = region(0.0, 0.0, 1_440.0, 47.0);
    assert_row(
        &painted,
        header,
        &[
            "Quarterdeck",
            "PAPER",
            "Simulated market open · closes in",
            "09:38:16 New York · 14:38:16 UTC",
            "TRADING ACTIVE",
            "Live",
            "alice · trader",
            "Engage kill switch",
        ],
    );
    let navigation = region(0.0, 47.0, 184.0, 870.0);
    assert_column(
        &painted,
        navigation,
        &[
            "TRADE",
            "Dashboard",
            "Order entry",
            "Positions",
            "Kill switch",
            "Circuit breakers",
            "ANALYSE",
            "Performance",
            "Risk",
            "Backtests",
            "OPERATE",
            "System health",
            "Alerts",
            "Data",
            "Audit log",
            "Administration",
        ],
    );
    let cards = region(184.0, 47.0, 1_440.0, 160.0);
    assert_row(
        &painted,
        cards,
        &[
            "Unrealized P&L",
            "Realized today",
            "Positions",
            "Buying power",
            "Exposure",
        ],
    );
    let positions = region(184.0, 160.0, 990.0, 625.0);
    assert_row(&painted, positions, &["Positions", "Filter symbol"]);
    find(&painted, positions, "verified to #18,402");
    assert_row(
        &painted,
        positions,
        &[
            "Symbol",
            "Qty",
            "Avg entry",
            "Current",
            "P&L ($)",
            "P&L (%)",
            "Value",
            "Today",
        ],
    );
    find(&painted, positions, "Close");
    let orders = region(184.0, 625.0, 990.0, 870.0);
    assert_row(&painted, orders, &["Open orders", "Filter"]);
    assert_row(
        &painted,
        orders,
        &[
            "Symbol",
            "Side",
            "Filled / qty",
            "Type",
            "Price",
            "Status",
            "Time",
        ],
    );
    find(&painted, orders, "Cancel");
    let activity = region(990.0, 160.0, 1_440.0, 870.0);
    assert_row(&painted, activity, &["Activity", "last "]);
    let footer = region(0.0, 870.0, 1_440.0, 900.0);
    assert_row(
        &painted,
        footer,
        &["push", "conflated", "dropped", "resyncs", "snapshot #"],
    );
}
