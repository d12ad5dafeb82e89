//! The data table: nodes, sort requests, and clicks that do not get in each other's way.

mod keys;
mod painting;

use egui::accesskit::{Role, Toggled};
use egui::{Vec2, vec2};
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
