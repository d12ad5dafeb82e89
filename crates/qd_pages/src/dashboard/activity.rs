//! The last fills and ends of orders, newest on top.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::ActivityRow;
use qd_types::{Order, Price, Tone, fmt};
use qd_ui::button::Button;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::view::{CellValue, Shown, TableModel, TableView};
use qd_ui::table::{self, COMPACT_ROW_HEIGHT, CellUi, DataTable, TableColumn, TableRows};

use super::DashboardState;
use super::row_parts::{key_of, new_row_age_ms};
use crate::PageCtx;

const COLUMNS: [TableColumn; 6] = [
    TableColumn::new("time", "Time", 102.0, 103.0)
        .grow(0.0)
        .unsortable(),
    TableColumn::new("symbol", "Symbol", 54.0, 54.0).unsortable(),
    TableColumn::new("side", "Side", 48.0, 48.0).unsortable(),
    TableColumn::new("qty", "Qty", 52.0, 52.0)
        .right()
        .unsortable(),
    TableColumn::new("price", "Price", 74.0, 75.0)
        .right()
        .unsortable(),
    TableColumn::new("status", "Status", 97.0, 98.0)
        .grow(0.0)
        .right()
        .unsortable(),
];

/// The list of fills and ends, here and in the history.
pub(super) struct ActivityTable;

impl TableModel for ActivityTable {
    type Row = ActivityRow;
    type Key = Arc<str>;

    const WORDS: &'static [&'static str] = &["symbol", "side", "strategy", "status"];

    fn key(row: &ActivityRow) -> Arc<str> {
        Arc::clone(&row.row_id)
    }

    fn value<'r>(row: &'r ActivityRow, column_id: &str) -> CellValue<'r> {
        let fill = row.fill.as_ref();
        match column_id {
            "time" => CellValue::Time(row.at),
            "symbol" => CellValue::text(row.symbol.as_str()),
            "side" => CellValue::text(row.side),
            "qty" => CellValue::Number(fill.map_or(row.order.qty, |fill| fill.qty).get()),
            "price" => {
                let price = fill.map(|fill| fill.price).or(row.order.limit_price);
                CellValue::number(price.map(Price::get))
            }
            "realized" => CellValue::number(fill.map(|fill| fill.realized_pl.get())),
            "strategy" => CellValue::text(row.order.strategy.as_str()),
            "status" => CellValue::text(row.status),
            _ => CellValue::Empty,
        }
    }
}

/// What the list remembers between frames.
pub(crate) struct ActivityState {
    view: TableView<ActivityTable>,
}

impl Default for ActivityState {
    fn default() -> Self {
        Self {
            view: TableView::new(&COLUMNS),
        }
    }
}

/// Draws a list of lines as its user has it; gives back the order whose story is wanted and what asked for it: a line
/// was clicked or opened with Enter, or its symbol was pressed.
pub(super) fn lines_ui(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    name: &'static str,
    view: &mut TableView<ActivityTable>,
    lines: &Arc<[Arc<ActivityRow>]>,
) -> Option<(Arc<Order>, Option<Id>)> {
    let shown = view.settle(lines);
    let mut rows = Rows {
        cx,
        shown: shown.clone(),
        selected: Arc::clone(view.selection().keys()),
        num_selected: view.num_selected_shown(),
        pressed: None,
    };
    let response = view.show(ui, &cx.ui, &shown, &mut rows, |columns| {
        DataTable::new(name, columns).row_height(COMPACT_ROW_HEIGHT - 1.0)
    });
    // With Ctrl or Shift it is the selection that is meant.
    let clicked = response.row_clicked.filter(|(_, held)| !held.any());
    let opened = response
        .row_activated
        .or_else(|| clicked.map(|(row, _)| row));
    let opened = opened.map(|row| (row, table::focus_id(name)));
    let (row, id) = rows.pressed.or(opened)?;
    Some((Arc::clone(&shown.at(row)?.order), Some(id)))
}

/// Lines of activity as rows of a table.
struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    shown: Shown<ActivityRow>,
    selected: Arc<BTreeSet<Arc<str>>>,
    num_selected: usize,
    /// The line whose symbol was pressed, and the control itself.
    pressed: Option<(usize, Id)>,
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.shown.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.shown.at(row).map_or(0, |line| key_of(&line.row_id))
    }

    fn row_name(&self, row: usize) -> String {
        self.shown
            .at(row)
            .map(|line| line.symbol.to_string())
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        self.shown
            .at(row)
            .map(|line| {
                format!(
                    "{} {} {} {} at {}, {}",
                    line.time, line.symbol, line.side, line.qty, line.price, line.status
                )
            })
            .unwrap_or_default()
    }

    fn num_selected(&self) -> usize {
        self.num_selected
    }

    fn is_selected(&self, row: usize) -> bool {
        self.shown
            .at(row)
            .is_some_and(|line| self.selected.contains(&line.row_id))
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        new_row_age_ms(self.cx, self.shown.at(row)?.appeared_at)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(line) = self.shown.at(row) else {
            return;
        };
        match cell.column().column_id {
            "time" => cell.number_toned(&line.time, Tone::Faint),
            "symbol" => {
                let name = format!("Details of {} {} {}", line.side, line.qty, line.symbol);
                let response = cell.link(line.symbol.as_str(), &name);
                if response.clicked() {
                    self.pressed = Some((row, response.id));
                }
            }
            "side" => cell.toned(line.side, line.side_tone),
            "qty" => cell.number(&line.qty),
            "price" => cell.number(&line.price),
            "strategy" => cell.text(line.order.strategy.as_str()),
            "realized" => {
                let realized = line.fill.as_ref().map(|fill| fill.realized_pl);
                if let Some(realized) = realized.filter(|realized| !realized.is_zero()) {
                    cell.number_toned(&fmt::signed_money(realized), fmt::pl_tone(realized));
                }
            }
            _ => cell.badge(line.status, line.status_tone),
        }
    }
}

/// Draws the panel.
pub(crate) fn activity_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    profiling::function_scope!();
    let activity = &cx.snapshot.activity;
    let mut history = None;
    let detail = Panel::new("Activity").show(
        ui,
        &cx.ui,
        |_| {},
        |ui| {
            if !activity.is_loaded {
                return;
            }
            let button = Button::quiet(&activity.text);
            let name = format!("History: {}", activity.text);
            let response = button.name(&name).ui(ui, &cx.ui);
            let response = response.on_hover_text("All of today, page by page");
            if response.clicked() {
                history = Some(response.id);
            }
        },
        |ui| {
            if activity.rows.is_empty() && activity.is_loaded {
                StateBlock::empty(
                    "Nothing yet today",
                    &["Fills and finished orders appear here, newest on top."],
                )
                .ui(ui, &cx.ui);
                return None;
            }
            let view = &mut state.activity.view;
            lines_ui(ui, cx, "Activity", view, &activity.rows)
        },
    );
    if let Some((order, opener)) = detail {
        state.sheets.open_detail(cx, &order, opener);
    }
    if let Some(opener) = history {
        state.sheets.open_history(cx, Some(opener));
    }
}

#[cfg(test)]
mod tests {
    use qd_types::OrderStatus;
    use qd_ui::paint::CELL_PADDING;
    use qd_ui::{DesignTokens, badge, testing};

    use super::*;

    #[test]
    fn every_end_and_every_fill_fits_its_badge() {
        let tokens = DesignTokens::dark();
        let ctx = egui::Context::default();
        testing::setup(tokens.clone())(&ctx);
        let status = COLUMNS.last().map_or(0.0, |column| column.min);
        let mut widest = (0.0, "");
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            for status in OrderStatus::ALL.iter().filter(|status| !status.is_open()) {
                let words = status.badge();
                let width = badge::badge_width(ui.painter(), words, &tokens);
                // The reason behind a block stands in the detail.
                if !words.starts_with("blocked") && width > widest.0 {
                    widest = (width, words);
                }
            }
            let partly = OrderStatus::PartiallyFilled.badge();
            let width = badge::badge_width(ui.painter(), partly, &tokens);
            if width > widest.0 {
                widest = (width, partly);
            }
        });
        output.drop_without_applying_deltas();
        let (width, words) = widest;
        assert!(
            width > 40.0 && width + 2.0 * CELL_PADDING <= status,
            "{words:?} needs {width} points and has {status} with its padding"
        );
    }
}
