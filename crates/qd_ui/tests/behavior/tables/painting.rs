//! What of a data table is painted: rows in view only, whole numbers or none, the column of buttons at any width.

use std::collections::BTreeSet;

use egui::accesskit::{Role, Toggled};
use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_ui::table::{CellUi, DataTable, TableColumn, TableRows};
use qd_ui::{DesignTokens, UiCtx, testing};

use super::{COLUMNS, Rows, TableState, table_harness};

#[test]
fn only_visible_rows_are_painted() {
    let mut harness = table_harness(vec2(500.0, 300.0), 100_000);
    harness.run();
    let state = harness.state();
    let visible = state.last.as_ref().expect("shown").visible_rows.clone();
    assert!(visible.len() < 15, "{visible:?}");
    assert!(
        state.rows.painted <= 15 * COLUMNS.len(),
        "{} cells",
        state.rows.painted
    );
    harness.get_by_label("SYM3, quantity 30");
    assert!(harness.query_by_label("SYM900, quantity 9000").is_none());
}

/// A table wider than any screen.
#[derive(Default)]
struct Wide {
    painted: Vec<&'static str>,
}

const NUM_COLUMNS: usize = 80;
const MIDDLE: [&str; NUM_COLUMNS - 2] = {
    // Two digits each, cut out of one text: names have to be static.
    const DIGITS: &str = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849505152535455565758596061626364656667686970717273747576777879";
    let mut names = [""; NUM_COLUMNS - 2];
    let mut i = 0;
    while i < names.len() {
        names[i] = DIGITS.split_at(2 * i).1.split_at(2).0;
        i += 1;
    }
    names
};

impl TableRows for Wide {
    fn num_rows(&self) -> usize {
        10
    }
    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }
    fn row_name(&self, row: usize) -> String {
        format!("SYM{row}")
    }
    fn row_summary(&self, row: usize) -> String {
        format!("SYM{row}")
    }
    fn num_selected(&self) -> usize {
        0
    }
    fn is_selected(&self, _row: usize) -> bool {
        false
    }
    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        self.painted.push(cell.column().column_id);
        cell.number(&format!("{row}"));
    }
}

#[test]
fn only_visible_columns_are_painted() {
    let mut columns = vec![TableColumn::new("symbol", "Symbol", 50.0, 80.0).pin_left()];
    columns.extend(MIDDLE.map(|id| TableColumn::new(id, id, 60.0, 60.0).right().grow(0.0)));
    columns.push(
        TableColumn::new("close", "", 70.0, 70.0)
            .pin_right()
            .unsortable()
            .grow(0.0),
    );
    let tokens = DesignTokens::dark();
    let mut harness = Harness::builder()
        .with_size(vec2(600.0, 400.0))
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui_state(
            move |ui, rows: &mut Wide| {
                let cx = UiCtx {
                    tokens: &tokens,
                    now_ms: testing::NOW_MS,
                    is_test: true,
                };
                rows.painted.clear();
                DataTable::new("Wide", &columns).show(ui, &cx, rows);
            },
            Wide::default(),
        );
    harness.run();
    let painted = |harness: &Harness<'_, Wide>| -> BTreeSet<&'static str> {
        harness.state().painted.iter().copied().collect()
    };
    let at_left = painted(&harness);
    assert!(
        at_left.contains("00") && !at_left.contains("40"),
        "{at_left:?}"
    );
    assert!(at_left.contains("symbol") && at_left.contains("close"));
    assert!(
        at_left.len() <= 13 && harness.state().painted.len() <= 130,
        "{} cells of {at_left:?}",
        harness.state().painted.len()
    );

    // The keyboard goes to a column far to the right: the table follows, and as few are painted there.
    harness.get_by_role_and_label(Role::Button, "05").focus();
    harness.run();
    for _ in 0..40 {
        harness.key_press(egui::Key::Tab);
        harness.run();
    }
    let on_the_way = painted(&harness);
    assert!(!on_the_way.contains("00"), "{on_the_way:?}");
    assert!(on_the_way.contains("symbol") && on_the_way.contains("close"));
    assert!(on_the_way.len() <= 13, "{on_the_way:?}");
}

#[test]
fn selected_rows_are_not_counted_anew_in_every_frame() {
    let mut harness = table_harness(vec2(500.0, 300.0), 100_000);
    harness.state_mut().rows.selected = vec![3, 50_000];
    harness.run();
    let num_asked = harness.state().rows.num_asked.get();
    assert!(num_asked < 50, "{num_asked} rows were asked");
    assert_eq!(
        harness
            .get_by_label("Select all")
            .accesskit_node()
            .toggled(),
        Some(Toggled::Mixed)
    );
}

/// Every text on screen: the text, where it stands, what it is clipped to, and whether it was cut.
fn texts(output: &egui::FullOutput) -> Vec<(String, egui::Rect, egui::Rect, bool)> {
    fn take(
        shape: &egui::Shape,
        clip: egui::Rect,
        out: &mut Vec<(String, egui::Rect, egui::Rect, bool)>,
    ) {
        match shape {
            egui::Shape::Text(text) => out.push((
                text.galley.text().to_owned(),
                text.visual_bounding_rect(),
                clip,
                text.galley.elided,
            )),
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| take(shape, clip, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for clipped in &output.shapes {
        take(&clipped.shape, clipped.clip_rect, &mut out);
    }
    out
}

#[test]
fn a_number_is_whole_or_not_there_at_all() {
    // Under the pinned buttons, at every width.
    for width in (190..330).step_by(7) {
        let mut harness = table_harness(vec2(width as f32, 300.0), 3);
        harness.run();
        let places = harness.state().rows.places.clone();
        let button = places
            .iter()
            .find(|(column, _)| *column == "close")
            .map(|(_, rect)| *rect)
            .expect("the pinned column is painted");
        for (column, rect) in &places {
            assert!(
                *column == "close" || rect.right() <= button.left() + 8.0,
                "{width}: {column} at {rect:?} is covered by {button:?}"
            );
        }
    }
    // Too long for its column, on the other side.
    let mut harness = table_harness(vec2(400.0, 300.0), 3);
    harness.state_mut().rows.money = Some("+$123,456,789,012.34");
    harness.run();
    let texts = texts(harness.output());
    assert!(
        !texts.iter().any(|(text, _, _, _)| text.starts_with("+$1")),
        "a cut number was painted"
    );
    assert!(texts.iter().any(|(text, _, _, _)| text == "\u{2026}"));
}

#[test]
fn numbers_scrolled_half_out_of_sight_are_not_painted() {
    let mut harness = table_harness(vec2(260.0, 300.0), 3);
    harness.run();
    let place = |harness: &Harness<'_, TableState>, wanted: &str| {
        let places = &harness.state().rows.places;
        let found = places.iter().find(|(column, _)| *column == wanted);
        found.map(|(_, rect)| *rect)
    };
    assert!(place(&harness, "qty").is_some());
    assert_eq!(place(&harness, "pl"), None, "half under the buttons");
    // The keyboard brings the money into sight, and half of the shares out of it.
    harness
        .get_by_role_and_label(Role::Button, "P&L ($)")
        .focus();
    harness.run();
    let money = place(&harness, "pl").expect("the money is in sight");
    let button = place(&harness, "close").expect("the buttons are");
    assert!(
        money.left() > 85.0 && (money.right() - button.left()).abs() < 2.0,
        "{money:?} beside {button:?}"
    );
    assert_eq!(place(&harness, "qty"), None, "half under the symbols");
}

#[test]
fn the_column_of_buttons_stays_in_view_at_any_width() {
    for width in [900.0, 400.0, 330.0, 260.0, 200.0] {
        let mut harness = table_harness(vec2(width, 300.0), 3);
        harness.run();
        let button = harness.get_by_label("Close SYM1").rect();
        let table = harness.state().last.as_ref().expect("shown").rect;
        assert!(
            button.right() <= table.right() && button.left() >= table.left(),
            "{width}: {button:?} outside {table:?}"
        );
        assert_eq!(
            harness
                .state()
                .last
                .as_ref()
                .expect("shown")
                .scrolls_sideways,
            width < 300.0,
            "{width}"
        );
        harness.get_by_label("Close SYM1").click();
        harness.run();
        assert_eq!(harness.state().rows.closed, Some(1), "{width}");
    }
}

#[test]
fn a_flash_asks_for_later_frames_and_lets_the_console_settle() {
    let tokens = DesignTokens::dark();
    let build = |is_test: bool| {
        let tokens = tokens.clone();
        let rows = Rows {
            count: 3,
            ..Rows::default()
        };
        let mut harness = Harness::builder()
            .with_size(vec2(500.0, 300.0))
            .with_context_setup(testing::setup(tokens.clone()))
            .build_ui_state(
                move |ui, rows: &mut Rows| {
                    let cx = UiCtx {
                        tokens: &tokens,
                        now_ms: testing::NOW_MS,
                        is_test,
                    };
                    DataTable::new("Positions", &COLUMNS).show(ui, &cx, rows);
                },
                rows,
            );
        // Panics when something asks for the next frame at once, without end.
        harness.run();
        let viewport = harness.output().viewport_output.values().next();
        viewport.map(|viewport| viewport.repaint_delay)
    };
    assert_eq!(build(false), Some(qd_ui::paint::MOTION_INTERVAL));
    assert!(
        build(true) > Some(std::time::Duration::from_secs(1)),
        "a test stands still"
    );
}
