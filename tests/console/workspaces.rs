//! The dashboard's tables in the layouts that a user opens, drags and keeps.

use egui::{Rect, pos2, vec2};
use egui_kittest::kittest::Queryable as _;
use qd_tests::desk::SampleDesk;
use qd_types::Role;
use qd_ui::testing::PHONE;

use crate::{Console, click, start};

fn open(console: &mut Console, from: &str, to: &str) {
    click(console, &format!("Workspace: {from}"));
    click(console, &format!("Open workspace {to}"));
}

fn place(console: &Console, table: &str) -> Option<Rect> {
    let rows = format!("Rows of {table}");
    console
        .harness
        .query_by_label(&rows)
        .map(|rows| rows.rect())
}

// covers: DB-3, DB-5, DB-7
#[test]
fn a_workspace_puts_every_table_where_it_says_and_the_desk_comes_back() {
    let mut console = Console::live(Role::Trader);
    let as_made = ["Positions", "Open orders", "Activity"].map(|table| place(&console, table));
    open(&mut console, "Desk", "Columns");
    let [positions, orders, activity] =
        ["Positions", "Open orders", "Activity"].map(|table| place(&console, table).unwrap());
    assert!(positions.right() <= orders.left() && orders.right() <= activity.left());
    assert!((positions.top() - activity.top()).abs() < 1.0);

    open(&mut console, "Columns", "Tabs");
    assert!(place(&console, "Positions").is_some());
    assert_eq!(place(&console, "Open orders"), None, "behind the first");
    click(&mut console, "Open orders");
    assert!(place(&console, "Open orders").is_some());

    open(&mut console, "Tabs", "Desk");
    let again = ["Positions", "Open orders", "Activity"].map(|table| place(&console, table));
    assert_eq!(again, as_made);
    // What never moves: the halt badge and the kill button above, the counters below.
    assert!(console.says("TRADING ACTIVE"));
}

// covers: DB-3
#[test]
fn a_table_is_dragged_by_its_title_and_the_layout_is_kept_under_a_name() {
    let mut console = Console::live(Role::Trader);
    let activity = place(&console, "Activity").unwrap();
    let orders = place(&console, "Open orders").unwrap();
    // Its title stands above its first header.
    let title = activity.left_top() + vec2(20.0, -18.0);
    console.harness.drag_at(title);
    console.harness.run();
    let below = pos2(orders.center().x, orders.bottom() - 8.0);
    for step in [0.3_f32, 0.7, 1.0] {
        console.harness.hover_at(title.lerp(below, step));
        console.harness.run();
    }
    console.harness.drop_at(below);
    console.harness.run();
    let moved = place(&console, "Activity").unwrap();
    assert!(
        moved.left() < orders.right(),
        "{moved:?} has left its column"
    );

    click(&mut console, "Workspace: Desk");
    console
        .harness
        .get_by_label("Name of the workspace")
        .focus();
    console.harness.run();
    console
        .harness
        .get_by_label("Name of the workspace")
        .type_text("Morning");
    console.harness.run();
    click(&mut console, "Save workspace");
    open(&mut console, "Morning", "Desk");
    assert_eq!(place(&console, "Activity"), Some(activity));
    open(&mut console, "Desk", "Morning");
    let again = place(&console, "Activity").unwrap();
    let is_near = |a: egui::Pos2, b: egui::Pos2| a.distance(b) < 2.0;
    assert!(
        is_near(again.min, moved.min) && is_near(again.max, moved.max),
        "{again:?} is not {moved:?}"
    );
}

// covers: DB-1, DB-3
#[test]
fn on_a_phone_the_tables_stand_in_one_column_whatever_the_workspace() {
    let console = Console::sized(SampleDesk::live(Role::Trader, start()), PHONE);
    let positions = place(&console, "Positions").unwrap();
    let orders = place(&console, "Open orders").unwrap();
    assert!(positions.bottom() <= orders.top());
    assert!((positions.left() - orders.left()).abs() < 1.0);
}
