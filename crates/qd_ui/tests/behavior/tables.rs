//! The data table: nodes, sort requests, clicks that do not get in each other's way, virtual rows, any width.

use egui::accesskit::{Role, Toggled};
use egui::{Key, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_types::Tone;
use qd_ui::table::{
    CellUi, DataTable, FlashDir, SortDir, SortState, TableColumn, TableResponse, TableRows,
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
    fn is_selected(&self, row: usize) -> bool {
        self.selected.contains(&(row as u64))
    }
    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        self.painted += 1;
        match cell.column().column_id {
            "symbol" => cell.strong(&format!("SYM{row}")),
            "qty" => {
                cell.flash(FlashDir::Up, 100);
                cell.number(&format!("{}", row * 10));
            }
            "pl" => cell.trend("+$1.00", Tone::Gain),
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
    };
    Harness::builder()
        .with_size(size)
        .with_context_setup(testing::setup(tokens.clone()))
        .build_ui_state(
            move |ui, state: &mut TableState| {
                let cx = UiCtx {
                    tokens: &tokens,
                    now_ms: testing::NOW_MS,
                    is_test: true,
                };
                state.rows.painted = 0;
                let response = DataTable::new("Positions", &COLUMNS)
                    .sort(state.sort)
                    .check_boxes()
                    .show(ui, &cx, &mut state.rows);
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
