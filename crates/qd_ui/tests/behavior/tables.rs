//! The data table: nodes, sort requests, clicks that do not get in each other's way, virtual rows, any width.

use egui::accesskit::{Role, Toggled};
use egui::{Key, Modifiers, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_types::Tone;
use qd_ui::table::view::CursorMove;
use qd_ui::table::{
    CellUi, CursorStep, DataTable, FlashDir, SortDir, SortState, TableColumn, TableResponse,
    TableRows,
};
use qd_ui::{DesignTokens, UiCtx, testing};

const COLUMNS: [TableColumn; 4] = [
    TableColumn::new("symbol", "Symbol", 50.0, 80.0).pin_left(),
    TableColumn::new("qty", "Qty", 60.0, 60.0).right(),
    TableColumn::new("pl", "P&L ($)", 90.0, 100.0).right(),
    TableColumn::new("close", "", 70.0, 70.0)
        .pin_right()
        .unsortable()
        .grow(0.0),
];

/// Numbered rows; remembers which button was pressed and how many cells were painted.
#[derive(Default)]
struct Rows {
    count: usize,
    selected: Vec<u64>,
    closed: Option<usize>,
    painted: usize,
    /// Column and place of each cell painted.
    places: Vec<(&'static str, egui::Rect)>,
    /// The text of the money cells, when it is another one.
    money: Option<&'static str>,
    /// How often a row was asked whether it is selected.
    num_asked: std::cell::Cell<usize>,
}

impl TableRows for Rows {
    fn num_rows(&self) -> usize {
        self.count
    }
    fn row_key(&self, row: usize) -> u64 {
        row as u64
    }
    fn row_name(&self, row: usize) -> String {
        format!("SYM{row}")
    }
    fn row_summary(&self, row: usize) -> String {
        format!("SYM{row}, quantity {}", row * 10)
    }
    fn num_selected(&self) -> usize {
        self.selected.len()
    }
    fn is_selected(&self, row: usize) -> bool {
        self.num_asked.set(self.num_asked.get() + 1);
        self.selected.contains(&(row as u64))
    }
    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        self.painted += 1;
        self.places.push((cell.column().column_id, cell.rect()));
        match cell.column().column_id {
            "symbol" => cell.strong(&format!("SYM{row}")),
            "qty" => {
                cell.flash(FlashDir::Up, 100);
                cell.number(&format!("{}", row * 10));
            }
            "pl" => cell.trend(self.money.unwrap_or("+$1.00"), Tone::Gain),
            _ => {
                if cell.button("Close", &format!("Close SYM{row}")).clicked() {
                    self.closed = Some(row);
                }
            }
        }
    }
}

struct TableState {
    rows: Rows,
    sort: SortState,
    last: Option<TableResponse>,
    requested: Vec<SortState>,
    toggled: Vec<usize>,
    all_toggled: u32,
    clicked: Vec<usize>,
    /// The row of the keyboard, and whether it is to be scrolled to.
    cursor: Option<usize>,
    moved: bool,
    activated: Vec<usize>,
    resized: Vec<(&'static str, Option<f32>)>,
    asked: Vec<&'static str>,
}

impl TableState {
    /// What a view does with a step, in small.
    fn step(&mut self, moved: CursorStep, first: usize) {
        let last = self.rows.count - 1;
        let from = moved.from_row.or(self.cursor);
        self.cursor = Some(match (moved.step, from) {
            (CursorMove::ToFirst, _) => 0,
            (CursorMove::ToLast, _) => last,
            (CursorMove::By(_), None) => first,
            (CursorMove::By(by), Some(from)) => from
                .saturating_add_signed(isize::try_from(by).expect("a step on a screen"))
                .min(last),
        });
        self.moved = true;
        if moved.extends {
            self.asked.push("extend");
        }
    }
}

fn table_harness(size: Vec2, count: usize) -> Harness<'static, TableState> {
    let tokens = DesignTokens::dark();
    let state = TableState {
        rows: Rows {
            count,
            ..Rows::default()
        },
        sort: SortState::NATURAL,
        last: None,
        requested: Vec::new(),
        toggled: Vec::new(),
        all_toggled: 0,
        clicked: Vec::new(),
        cursor: None,
        moved: false,
        activated: Vec::new(),
        resized: Vec::new(),
        asked: Vec::new(),
    };
    Harness::builder()
        .with_size(size)
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui_state(
            move |ui, state: &mut TableState| {
                let cx = UiCtx {
                    tokens: &tokens,
                    motion_interval: qd_ui::paint::MOTION_INTERVAL,
                    now_ms: testing::NOW_MS,
                    is_test: true,
                };
                state.rows.painted = 0;
                state.rows.places.clear();
                state.rows.num_asked.set(0);
                let response = DataTable::new("Positions", &COLUMNS)
                    .sort(state.sort)
                    .check_boxes()
                    .cursor(state.cursor)
                    .scroll_to_row(state.cursor.filter(|_| std::mem::take(&mut state.moved)))
                    .show(ui, &cx, &mut state.rows);
                if let Some(moved) = response.cursor_moved {
                    state.step(moved, response.visible_rows.start);
                }
                state.activated.extend(response.row_activated);
                state.resized.extend(response.column_resized);
                for (is_asked, what) in [
                    (response.all_selected, "all"),
                    (response.selection_cleared, "clear"),
                    (response.copy_requested, "copy"),
                ] {
                    state.asked.extend(is_asked.then_some(what));
                }
                if let Some(sort) = response.sort_requested {
                    state.sort = sort;
                    state.requested.push(sort);
                }
                state.toggled.extend(response.row_toggled);
                state.all_toggled += u32::from(response.all_toggled);
                state
                    .clicked
                    .extend(response.row_clicked.map(|(row, _)| row));
                state.last = Some(response);
            },
            state,
        )
}

#[test]
fn a_row_is_one_node_with_a_summary() {
    let harness = table_harness(vec2(500.0, 300.0), 3);
    harness.get_by_role_and_label(Role::Table, "Positions");
    let row = harness.get_by_role_and_label(Role::Row, "SYM2, quantity 20");
    assert!(
        row.rect().width() > 400.0,
        "the node covers the row, sticky part included: {:?}",
        row.rect()
    );
    assert_eq!(harness.get_all_by_role(Role::Row).count(), 3);
}

#[test]
fn a_click_on_a_header_asks_for_the_three_sorts_in_turn() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    for _ in 0..3 {
        harness
            .get_by_role_and_label(Role::Button, "P&L ($)")
            .click();
        harness.run();
    }
    let expected = [
        SortState::by("pl", SortDir::Descending),
        SortState::by("pl", SortDir::Ascending),
        SortState::NATURAL,
    ];
    assert_eq!(harness.state().requested, expected);
}

#[test]
fn a_header_is_sorted_from_the_keyboard_too() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness
        .get_by_role_and_label(Role::Button, "Symbol")
        .focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(
        harness.state().requested,
        [SortState::by("symbol", SortDir::Ascending)]
    );
}

#[test]
fn buttons_check_boxes_and_rows_do_not_take_each_others_clicks() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.get_by_label("Close SYM1").click();
    harness.run();
    assert_eq!(harness.state().rows.closed, Some(1));
    assert_eq!(
        harness.state().clicked,
        Vec::<usize>::new(),
        "the row took the button's click"
    );

    harness.get_by_label("Select SYM0").click();
    harness.run();
    assert_eq!(harness.state().toggled, [0]);

    harness.get_by_label("Select all").click();
    harness.run();
    assert_eq!(harness.state().all_toggled, 1);

    harness.get_by_label("SYM2, quantity 20").click();
    harness.run();
    assert_eq!(harness.state().clicked, [2]);
}

#[test]
fn a_selected_row_is_checked_and_follows_its_key() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.state_mut().rows.selected = vec![1];
    harness.run();
    assert_eq!(
        harness
            .get_by_label("Select SYM1")
            .accesskit_node()
            .toggled(),
        Some(Toggled::True)
    );
    assert_eq!(
        harness
            .get_by_label("Select SYM0")
            .accesskit_node()
            .toggled(),
        Some(Toggled::False)
    );
    assert_eq!(
        harness
            .get_by_label("Select all")
            .accesskit_node()
            .toggled(),
        Some(Toggled::Mixed)
    );
}

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
fn the_keyboard_walks_through_a_table_that_has_the_focus() {
    let mut harness = table_harness(vec2(500.0, 300.0), 100);
    harness.run();
    harness.key_press(Key::PageDown);
    harness.run();
    assert_eq!(harness.state().cursor, None, "without focus nothing moves");

    harness
        .get_by_role_and_label(Role::Button, "Symbol")
        .focus();
    harness.run();
    for (key, fits) in [
        (Key::ArrowDown, (|row| row == 0) as fn(usize) -> bool),
        (Key::ArrowDown, |row| row == 1),
        (Key::ArrowUp, |row| row == 0),
        (Key::PageDown, |row| (6..10).contains(&row)),
        (Key::PageDown, |row| (12..20).contains(&row)),
        (Key::PageUp, |row| (6..10).contains(&row)),
        (Key::End, |row| row == 99),
        (Key::Home, |row| row == 0),
    ] {
        harness.key_press(key);
        harness.run();
        let state = harness.state();
        let row = state.cursor.expect("the keyboard is at a row");
        assert!(fits(row), "{key:?} led to row {row}");
        let visible = &state.last.as_ref().expect("shown").visible_rows;
        assert!(
            visible.contains(&row),
            "{key:?}: {row} is not in {visible:?}"
        );
    }

    // From a row's button: it leaves the screen, the keys stay with the table.
    harness.get_by_label("Close SYM1").focus();
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().cursor, Some(2), "from the button's row");
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(harness.state().cursor, Some(99));
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(harness.state().cursor, Some(0));
}

#[test]
fn keys_mark_extend_open_and_copy_while_the_keyboard_is_at_a_row() {
    let mut harness = table_harness(vec2(500.0, 300.0), 10);
    harness.run();
    // A click brings the keyboard to the table.
    harness.get_by_label("SYM2, quantity 20").click();
    harness.run();
    harness.state_mut().cursor = Some(2);
    harness.run();
    harness.key_press(Key::Space);
    harness.run();
    assert_eq!(harness.state().toggled, [2]);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().activated, [2]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    assert_eq!(
        harness.state().asked,
        ["extend", "all", "copy"],
        "nothing was selected: Escape left the table"
    );

    harness.get_by_label("SYM2, quantity 20").click();
    harness.state_mut().rows.selected = vec![1];
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    harness.event(egui::Event::Copy);
    harness.run();
    assert_eq!(
        harness.state().asked[3..],
        ["clear", "copy"],
        "Escape left the selection and not the table"
    );
    // On a button they are the button's.
    harness.get_by_label("Close SYM1").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().rows.closed, Some(1));
    assert_eq!(harness.state().activated, [2]);
}

#[test]
fn a_column_is_dragged_wider_at_the_edge_of_its_header() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.run();
    let header = harness.get_by_role_and_label(Role::Button, "Qty").rect();
    let edge = egui::pos2(header.right() - 1.0, header.center().y);
    harness.drag_at(edge);
    harness.hover_at(edge + vec2(30.0, 0.0));
    harness.run();
    harness.drop_at(edge + vec2(30.0, 0.0));
    harness.run();
    let state = harness.state();
    let (column, width) = state.resized.last().expect("it was dragged");
    assert_eq!(*column, "qty");
    let width = width.expect("a width");
    assert!((width - header.width() - 29.0).abs() < 2.0, "{width}");
    assert!(
        state.requested.is_empty(),
        "a drag is no click on the header"
    );
}

#[test]
fn a_table_without_rows_is_drawn() {
    let mut harness = table_harness(vec2(500.0, 300.0), 0);
    harness.run();
    assert_eq!(
        harness.state().last.as_ref().expect("shown").visible_rows,
        0..0
    );
    harness.get_by_role_and_label(Role::Button, "Qty");
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
fn the_pointer_over_the_rows_is_reported() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.hover_at(egui::pos2(250.0, 60.0));
    harness.run();
    assert!(harness.state().last.as_ref().expect("shown").body_hovered);
    harness.hover_at(egui::pos2(250.0, 250.0));
    harness.run();
    assert!(
        !harness.state().last.as_ref().expect("shown").body_hovered,
        "below the last row"
    );
    harness.hover_at(egui::pos2(250.0, 15.0));
    harness.run();
    assert!(
        !harness.state().last.as_ref().expect("shown").body_hovered,
        "over the header"
    );
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
                        motion_interval: qd_ui::paint::MOTION_INTERVAL,
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
