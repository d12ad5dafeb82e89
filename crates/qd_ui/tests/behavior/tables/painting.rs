//! What of a data table is painted: rows in view only, whole numbers or none, the column of buttons at any width.

use egui::accesskit::{Role, Toggled};
use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_ui::table::DataTable;
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
