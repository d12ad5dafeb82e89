//! Behavior of the widgets as a screen reader and a keyboard meet them: labels, roles, clicks, keys. No pictures here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use egui::accesskit::{Role, Toggled};
use egui::{Key, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use qd_types::Tone;
use qd_ui::UiCtx;
use qd_ui::banner::Banner;
use qd_ui::button::Button;
use qd_ui::card::{MetricCard, StaleMark};
use qd_ui::dialog::{Dialog, DialogOutcome, DialogStatus, Warning};
use qd_ui::nav::{NavGroup, NavItem, nav_ui};
use qd_ui::seal::Seal;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{CellUi, DataTable, FlashDir, SortDir, SortState, TableColumn, TableResponse, TableRows};
use qd_ui::testing::{self, GalleryState, gallery_ui};
use qd_ui::toast::Toasts;
use qd_ui::tokens::DesignTokens;

/// A harness whose closure gets the context of a test that stands still.
fn harness<'a>(size: Vec2, mut draw: impl FnMut(&mut egui::Ui, &UiCtx<'_>) + 'a) -> Harness<'a> {
    let tokens = DesignTokens::dark();
    Harness::builder().with_size(size).with_context_setup(testing::setup(tokens.clone())).build_ui(move |ui| {
        let cx = UiCtx { tokens: &tokens, now_ms: testing::NOW_MS, is_test: true };
        draw(ui, &cx);
    })
}

#[test]
fn a_card_is_one_node_with_its_value() {
    let harness = harness(vec2(240.0, 120.0), |ui, cx| {
        MetricCard::new("Unrealized P&L", Some("+$12,481.36")).money(Tone::Gain).context("14 positions").ui(ui, cx);
    });
    let card = harness.get_by_label("Unrealized P&L: +$12,481.36");
    assert_eq!(card.accesskit_node().role(), Role::Group);
}

#[test]
fn a_card_without_a_value_says_that_it_waits() {
    let harness = harness(vec2(240.0, 120.0), |ui, cx| {
        MetricCard::new("Exposure", None).ui(ui, cx);
    });
    harness.get_by_label("Exposure: waiting for the first value");
}

#[test]
fn a_card_says_its_age_past_thirty_sixty_and_a_hundred_and_twenty_seconds() {
    assert_eq!(StaleMark::from_age_ms(30_000), StaleMark::Fresh);
    assert_eq!(StaleMark::from_age_ms(30_001), StaleMark::Faded);
    assert_eq!(StaleMark::from_age_ms(60_001), StaleMark::Doubtful);
    assert_eq!(StaleMark::from_age_ms(120_001), StaleMark::Refresh);
    assert_eq!(StaleMark::from_age_ms(-5), StaleMark::Fresh, "a clock that is ahead makes nothing old");

    for (age_ms, says_stale, offers_refresh) in [(31_000, false, false), (61_000, true, false), (121_000, true, true)] {
        let refreshed = Rc::new(Cell::new(false));
        let seen = Rc::clone(&refreshed);
        let mut harness = harness(vec2(240.0, 120.0), move |ui, cx| {
            let card = MetricCard::new("Positions", Some("14")).stale(StaleMark::from_age_ms(age_ms));
            if card.ui(ui, cx).refresh_clicked {
                seen.set(true);
            }
        });
        assert_eq!(harness.query_by_label_contains("data may be stale").is_some(), says_stale, "{age_ms}");
        assert_eq!(harness.query_by_label("Refresh Positions").is_some(), offers_refresh, "{age_ms}");
        if offers_refresh {
            harness.get_by_label("Refresh Positions").click();
            harness.run();
            assert!(refreshed.get());
        }
    }
}

const COLUMNS: [TableColumn; 4] = [
    TableColumn::new("symbol", "Symbol", 50.0, 80.0).pin_left(),
    TableColumn::new("qty", "Qty", 60.0, 60.0).right(),
    TableColumn::new("pl", "P&L ($)", 90.0, 100.0).right(),
    TableColumn::new("close", "", 70.0, 70.0).pin_right().unsortable().grow(0.0),
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
        rows: Rows { count, ..Rows::default() },
        sort: SortState::NATURAL,
        last: None,
        requested: Vec::new(),
        toggled: Vec::new(),
        all_toggled: 0,
        clicked: Vec::new(),
    };
    Harness::builder().with_size(size).with_context_setup(testing::setup(tokens.clone())).build_ui_state(
        move |ui, state: &mut TableState| {
            let cx = UiCtx { tokens: &tokens, now_ms: testing::NOW_MS, is_test: true };
            state.rows.painted = 0;
            let response = DataTable::new("Positions", &COLUMNS).sort(state.sort).check_boxes().show(ui, &cx, &mut state.rows);
            if let Some(sort) = response.sort_requested {
                state.sort = sort;
                state.requested.push(sort);
            }
            state.toggled.extend(response.row_toggled);
            state.all_toggled += u32::from(response.all_toggled);
            state.clicked.extend(response.row_clicked.map(|(row, _)| row));
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
    assert!(row.rect().width() > 400.0, "the node covers the row, sticky part included: {:?}", row.rect());
    assert_eq!(harness.get_all_by_role(Role::Row).count(), 3);
}

#[test]
fn a_click_on_a_header_asks_for_the_three_sorts_in_turn() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    for _ in 0..3 {
        harness.get_by_role_and_label(Role::Button, "P&L ($)").click();
        harness.run();
    }
    let expected = [SortState::by("pl", SortDir::Descending), SortState::by("pl", SortDir::Ascending), SortState::NATURAL];
    assert_eq!(harness.state().requested, expected);
}

#[test]
fn a_header_is_sorted_from_the_keyboard_too() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.get_by_role_and_label(Role::Button, "Symbol").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().requested, [SortState::by("symbol", SortDir::Ascending)]);
}

#[test]
fn buttons_check_boxes_and_rows_do_not_take_each_others_clicks() {
    let mut harness = table_harness(vec2(500.0, 300.0), 3);
    harness.get_by_label("Close SYM1").click();
    harness.run();
    assert_eq!(harness.state().rows.closed, Some(1));
    assert_eq!(harness.state().clicked, Vec::<usize>::new(), "the row took the button's click");

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
    assert_eq!(harness.get_by_label("Select SYM1").accesskit_node().toggled(), Some(Toggled::True));
    assert_eq!(harness.get_by_label("Select SYM0").accesskit_node().toggled(), Some(Toggled::False));
    assert_eq!(harness.get_by_label("Select all").accesskit_node().toggled(), Some(Toggled::Mixed));
}

#[test]
fn only_visible_rows_are_painted() {
    let mut harness = table_harness(vec2(500.0, 300.0), 100_000);
    harness.run();
    let state = harness.state();
    let visible = state.last.as_ref().expect("shown").visible_rows.clone();
    assert!(visible.len() < 15, "{visible:?}");
    assert!(state.rows.painted <= 15 * COLUMNS.len(), "{} cells", state.rows.painted);
    harness.get_by_label("SYM3, quantity 30");
    assert!(harness.query_by_label("SYM900, quantity 9000").is_none());
}

#[test]
fn a_table_without_rows_is_drawn() {
    let mut harness = table_harness(vec2(500.0, 300.0), 0);
    harness.run();
    assert_eq!(harness.state().last.as_ref().expect("shown").visible_rows, 0..0);
    harness.get_by_role_and_label(Role::Button, "Qty");
}

#[test]
fn the_column_of_buttons_stays_in_view_at_any_width() {
    for width in [900.0, 400.0, 330.0, 260.0, 200.0] {
        let mut harness = table_harness(vec2(width, 300.0), 3);
        harness.run();
        let button = harness.get_by_label("Close SYM1").rect();
        let table = harness.state().last.as_ref().expect("shown").rect;
        assert!(button.right() <= table.right() && button.left() >= table.left(), "{width}: {button:?} outside {table:?}");
        assert_eq!(harness.state().last.as_ref().expect("shown").scrolls_sideways, width < 300.0, "{width}");
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
    assert!(!harness.state().last.as_ref().expect("shown").body_hovered, "below the last row");
    harness.hover_at(egui::pos2(250.0, 15.0));
    harness.run();
    assert!(!harness.state().last.as_ref().expect("shown").body_hovered, "over the header");
}

/// A dialog under test: what it was last asked and what came back.
struct DialogCase {
    danger: bool,
    status: DialogStatus<'static>,
    outcomes: Rc<RefCell<Vec<DialogOutcome>>>,
}

fn dialog_harness(case: &DialogCase) -> Harness<'static> {
    let (danger, status, outcomes) = (case.danger, case.status, Rc::clone(&case.outcomes));
    harness(vec2(900.0, 600.0), move |ui, cx| {
        Button::new("Behind").ui(ui, cx);
        let warnings = [Warning { tone: Tone::Warn, text: "The price is 42 s old." }];
        let mut dialog = Dialog::new("Close 82 AAPL?", &["Sells 82 at market."], "Close AAPL").warnings(&warnings).status(status);
        if danger {
            dialog = dialog.danger();
        }
        let outcome = dialog.show(ui.ctx(), cx, "close");
        if outcome != DialogOutcome::Open {
            outcomes.borrow_mut().push(outcome);
        }
    })
}

fn dialog_case(danger: bool, status: DialogStatus<'static>) -> DialogCase {
    DialogCase { danger, status, outcomes: Rc::default() }
}

#[test]
fn escape_cancels_a_dialog() {
    let case = dialog_case(true, DialogStatus::Ready);
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_role_and_label(Role::AlertDialog, "Close 82 AAPL?");
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Cancelled]);
}

#[test]
fn enter_never_confirms_by_habit() {
    for danger in [true, false] {
        let case = dialog_case(danger, DialogStatus::Ready);
        let mut harness = dialog_harness(&case);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        assert!(!case.outcomes.borrow().contains(&DialogOutcome::Confirmed), "danger: {danger}");
        assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Cancelled], "the keyboard starts on Cancel");
    }
}

#[test]
fn a_dialog_is_confirmed_by_its_button() {
    let case = dialog_case(true, DialogStatus::Ready);
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_label("The price is 42 s old.");
    harness.get_by_role_and_label(Role::Button, "Close AAPL").click();
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Confirmed]);
}

#[test]
fn a_dialog_in_flight_takes_nothing_and_a_refused_one_comes_back() {
    let case = dialog_case(true, DialogStatus::InFlight);
    let mut harness = dialog_harness(&case);
    harness.run();
    assert!(harness.get_by_role_and_label(Role::Button, "Sending…").accesskit_node().is_disabled());
    assert!(harness.get_by_role_and_label(Role::Button, "Cancel").accesskit_node().is_disabled());
    harness.key_press(Key::Escape);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(*case.outcomes.borrow(), []);

    let case = dialog_case(true, DialogStatus::Failed("The breaker “daily loss” is tripped."));
    let mut harness = dialog_harness(&case);
    harness.run();
    harness.get_by_label("The breaker “daily loss” is tripped.");
    harness.get_by_role_and_label(Role::Button, "Close AAPL").click();
    harness.run();
    assert_eq!(*case.outcomes.borrow(), [DialogOutcome::Confirmed]);
}

#[test]
fn a_toast_is_an_alert_that_can_be_dismissed() {
    let tokens = DesignTokens::dark();
    let mut toasts = Toasts::default();
    toasts.push(Tone::Danger, "Order NVDA rejected", testing::NOW_MS);
    let mut harness = Harness::builder().with_size(vec2(600.0, 400.0)).with_context_setup(testing::setup(tokens.clone())).build_ui_state(
        move |ui, toasts: &mut Toasts| {
            let cx = UiCtx { tokens: &tokens, now_ms: testing::NOW_MS + 1_000, is_test: true };
            toasts.ui(ui.ctx(), &cx);
        },
        toasts,
    );
    harness.run();
    harness.get_by_role_and_label(Role::Alert, "Order NVDA rejected");
    harness.get_by_label("Dismiss").click();
    harness.run();
    assert!(harness.query_by_role(Role::Alert).is_none());
    assert_eq!(harness.state().history().count(), 1);
}

#[test]
fn seals_banners_and_states_say_themselves() {
    let retried = Rc::new(Cell::new(0));
    let seen = Rc::clone(&retried);
    let mut harness = harness(vec2(900.0, 400.0), move |ui, cx| {
        Seal::Verified { seq: "18,402", at: "10:38:16.204" }.ui(ui, cx);
        Seal::Resyncing.ui(ui, cx);
        if Banner::new(Tone::Danger, "Connection lost").detail("since 10:38:02").action("Retry now").ui(ui, cx) {
            seen.set(seen.get() + 1);
        }
        if StateBlock::error("Orders could not be read", &["No answer since 10:38:02."]).action("Retry").ui(ui, cx) {
            seen.set(seen.get() + 10);
        }
    });
    harness.get_by_label("✓ verified to #18,402 · 10:38:16.204");
    harness.get_by_label("resyncing…");
    harness.get_by_role_and_label(Role::Alert, "Connection lost: since 10:38:02");
    harness.get_by_role_and_label(Role::Alert, "Orders could not be read. No answer since 10:38:02.");
    harness.get_by_label("Retry now").click();
    harness.run();
    harness.get_by_label("Retry").click();
    harness.run();
    assert_eq!(retried.get(), 11);
}

#[test]
fn the_navigation_returns_what_was_chosen_and_refuses_what_is_disabled() {
    let chosen = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&chosen);
    let mut harness = harness(vec2(184.0, 400.0), move |ui, cx| {
        let items = [NavItem::new(0, "Dashboard"), NavItem::new(1, "Positions"), NavItem::disabled(2, "Backtests", "Not built yet.")];
        seen.borrow_mut().extend(nav_ui(ui, cx, &[NavGroup { title: "TRADE", items: &items }], 0));
    });
    assert_eq!(harness.get_by_label("Dashboard").accesskit_node().toggled(), Some(Toggled::True));
    harness.get_by_label("Positions").click();
    harness.run();
    harness.get_by_label("Backtests").click();
    harness.run();
    assert_eq!(*chosen.borrow(), [1]);
}

#[test]
fn the_console_does_not_end_on_a_shortcut_and_labels_leave_clicks_alone() {
    let harness = harness(vec2(100.0, 100.0), |_, _| {});
    assert!(harness.ctx.options(|options| options.quit_shortcuts.is_empty()));
    assert!(!harness.ctx.global_style().interaction.selectable_labels);
}

#[test]
fn the_gallery_settles_at_every_size() {
    for size in [testing::DESK, testing::LAPTOP, testing::PHONE] {
        for show_parts in [false, true] {
            let tokens = DesignTokens::dark();
            let state = GalleryState { show_parts, ..GalleryState::default() };
            let mut harness = Harness::builder().with_size(size).with_context_setup(testing::setup(tokens.clone())).build_ui_state(
                move |ui, state: &mut GalleryState| gallery_ui(ui, &UiCtx { tokens: &tokens, now_ms: testing::NOW_MS, is_test: true }, state),
                state,
            );
            harness.run();
            harness.get_by_label("Unrealized P&L: +$12,481.36");
            if !show_parts && size == testing::DESK {
                harness.get_by_label("Close AAPL").click();
                harness.run();
                harness.get_by_role_and_label(Role::AlertDialog, "Close AAPL?");
            }
        }
    }
}
