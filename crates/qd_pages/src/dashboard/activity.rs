//! The last fills and ends of orders, newest on top.

use egui::Ui;
use qd_state::ActivityRow;
use qd_types::Tone;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, TableColumn, TableRows};
use qd_ui::text;

use super::row_parts::{key_of, new_row_age_ms};
use crate::PageCtx;

const COLUMNS: [TableColumn; 6] = [
    TableColumn::new("time", "Time", 104.0, 106.0)
        .grow(0.0)
        .unsortable(),
    TableColumn::new("symbol", "Symbol", 52.0, 54.0).unsortable(),
    TableColumn::new("side", "Side", 50.0, 50.0).unsortable(),
    TableColumn::new("qty", "Qty", 54.0, 54.0)
        .right()
        .unsortable(),
    TableColumn::new("price", "Price", 80.0, 80.0)
        .right()
        .unsortable(),
    TableColumn::new("status", "Status", 84.0, 86.0)
        .grow(0.0)
        .right()
        .unsortable(),
];

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    rows: &'a [std::sync::Arc<ActivityRow>],
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
            "symbol" => cell.strong(line.symbol.as_str()),
            "side" => cell.toned(line.side, line.side_tone),
            "qty" => cell.number(&line.qty),
            "price" => cell.number(&line.price),
            _ => cell.badge(line.status, line.status_tone),
        }
    }
}

/// Draws the panel.
pub(crate) fn activity_ui(ui: &mut Ui, cx: &PageCtx<'_>) {
    let activity = &cx.snapshot.activity;
    Panel::new("Activity").show(
        ui,
        &cx.ui,
        |_| {},
        |ui| {
            let tokens = cx.ui.tokens;
            text::label(
                ui,
                &activity.text,
                &tokens.fonts.label,
                tokens.text_secondary,
            );
        },
        |ui| {
            if activity.rows.is_empty() && activity.is_loaded {
                StateBlock::empty(
                    "Nothing yet today",
                    &["Fills and finished orders appear here, newest on top."],
                )
                .ui(ui, &cx.ui);
                return;
            }
            let mut rows = Rows {
                cx,
                rows: &activity.rows,
            };
            DataTable::new("Activity", &COLUMNS)
                .row_height(COMPACT_ROW_HEIGHT - 1.0)
                .show(ui, &cx.ui, &mut rows);
        },
    );
}
