//! The last fills and ends of orders, newest on top.

use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::ActivityRow;
use qd_types::{Order, Tone, fmt};
use qd_ui::button::Button;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, TableColumn, TableResponse, TableRows};

use super::DashboardState;
use super::row_parts::{key_of, new_row_age_ms};
use crate::PageCtx;

const COLUMNS: [TableColumn; 6] = [
    TableColumn::new("time", "Time", 103.0, 104.0)
        .grow(0.0)
        .unsortable(),
    TableColumn::new("symbol", "Symbol", 52.0, 53.0).unsortable(),
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

/// Lines of activity as rows of a table, here and in the history.
pub(super) struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    rows: &'a [Arc<ActivityRow>],
    /// The line whose symbol was pressed, and the control itself.
    pressed: Option<(usize, Id)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(cx: &'a PageCtx<'a>, rows: &'a [Arc<ActivityRow>]) -> Self {
        Self {
            cx,
            rows,
            pressed: None,
        }
    }

    /// The order whose story is wanted: a line was clicked, or its symbol was pressed.
    pub(super) fn wanted(&self, response: &TableResponse) -> Option<(Arc<Order>, Option<Id>)> {
        let clicked = response.row_clicked.map(|(row, _)| (row, None));
        let pressed = self.pressed.map(|(row, id)| (row, Some(id)));
        let (row, id) = pressed.or(clicked)?;
        Some((Arc::clone(&self.rows.get(row)?.order), id))
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.rows.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.rows.get(row).map_or(0, |line| key_of(&line.row_id))
    }

    fn row_name(&self, row: usize) -> String {
        self.rows
            .get(row)
            .map(|line| line.symbol.to_string())
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        self.rows
            .get(row)
            .map(|line| {
                format!(
                    "{} {} {} {} at {}, {}",
                    line.time, line.symbol, line.side, line.qty, line.price, line.status
                )
            })
            .unwrap_or_default()
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        new_row_age_ms(self.cx, self.rows.get(row)?.appeared_at)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(line) = self.rows.get(row) else {
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
            let mut rows = Rows::new(cx, &activity.rows);
            let response = DataTable::new("Activity", &COLUMNS)
                .row_height(COMPACT_ROW_HEIGHT - 1.0)
                .show(ui, &cx.ui, &mut rows);
            rows.wanted(&response)
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
