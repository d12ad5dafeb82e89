//! The positions grid: one row per symbol, sorted, filtered and selected by its own view state.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::Ui;
use qd_state::{CommandPhase, PositionRow};
use qd_types::{Permission, Symbol};
use qd_ui::field::text_field;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{CellUi, DataTable, TableColumn, TableRows};
use qd_ui::text;

use super::DashboardState;
use super::dialogs::OpenDialog;
use super::row_order::{OrderedRow, RowOrder};
use super::row_parts::{
    command_badge, command_refusal, key_of, new_row_age_ms, number_cell, seal_ui,
};
use crate::PageCtx;

const COLUMNS: [TableColumn; 9] = [
    TableColumn::new("symbol", "Symbol", 58.0, 70.0).pin_left(),
    TableColumn::new("qty", "Qty", 46.0, 58.0).right(),
    TableColumn::new("avg", "Avg entry", 70.0, 84.0).right(),
    TableColumn::new("current", "Current", 62.0, 72.0).right(),
    TableColumn::new("pl", "P&L ($)", 98.0, 112.0).right(),
    TableColumn::new("plpc", "P&L (%)", 66.0, 76.0).right(),
    TableColumn::new("value", "Value", 102.0, 120.0).right(),
    TableColumn::new("today", "Today", 64.0, 94.0)
        .center()
        .unsortable(),
    TableColumn::new("close", "", 70.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .unsortable(),
];

/// What the grid remembers between frames.
#[derive(Default)]
pub(crate) struct PositionsState {
    order: RowOrder<PositionRow>,
    selected: BTreeSet<Symbol>,
}

impl OrderedRow for PositionRow {
    type Key = Symbol;

    fn key(&self) -> Symbol {
        self.symbol
    }

    fn is_found_by(&self, text: &str) -> bool {
        self.symbol.as_str().to_lowercase().contains(text)
    }

    fn compare(&self, other: &Self, column_id: &str) -> Ordering {
        let (l, r) = (&self.figures, &other.figures);
        match column_id {
            "qty" => l.qty.cmp(&r.qty),
            "avg" => l.avg_entry_price.cmp(&r.avg_entry_price),
            "current" => l.current_price.cmp(&r.current_price),
            "pl" => l.unrealized_pl.cmp(&r.unrealized_pl),
            "plpc" => l.unrealized_plpc.cmp(&r.unrealized_plpc),
            "value" => l.market_value.cmp(&r.market_value),
            _ => self.symbol.cmp(&other.symbol),
        }
    }
}

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    rows: &'a [Arc<PositionRow>],
    indices: &'a [usize],
    selected: &'a BTreeSet<Symbol>,
    refusal: Option<&'static str>,
    close_clicked: Option<Symbol>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<PositionRow>> {
        self.indices.get(row).and_then(|i| self.rows.get(*i))
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.indices.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.at(row).map_or(0, |row| key_of(row.symbol))
    }

    fn row_name(&self, row: usize) -> String {
        self.at(row)
            .map(|row| row.symbol.to_string())
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        let Some(row) = self.at(row) else {
            return String::new();
        };
        let mut summary = format!(
            "{}, quantity {}, average {}, current {}, P&L {} {}, value {}",
            row.symbol,
            row.qty.text,
            row.avg_entry.text,
            row.current.text,
            row.pl.text,
            row.pl_percent.text,
            row.value.text
        );
        if let Some((words, _)) = row.command.as_deref().and_then(command_badge) {
            write!(summary, ", {words}").ok();
        }
        summary
    }

    fn is_selected(&self, row: usize) -> bool {
        self.at(row)
            .is_some_and(|row| self.selected.contains(&row.symbol))
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        new_row_age_ms(self.cx, self.at(row)?.appeared_at)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(row) = self.at(row).map(Arc::clone) else {
            return;
        };
        match cell.column().column_id {
            "symbol" => cell.strong(row.symbol.as_str()),
            "qty" => number_cell(self.cx, cell, &row.qty),
            "avg" => cell.number(&row.avg_entry.text),
            "current" if row.price_is_stale => cell.number_stale(&row.current.text),
            "current" => number_cell(self.cx, cell, &row.current),
            "pl" => cell.trend(&row.pl.text, row.pl.tone),
            "plpc" => cell.number_toned(&row.pl_percent.text, row.pl_percent.tone),
            "value" => cell.number(&row.value.text),
            // An error belongs where its row is; the day's line gives it its place.
            "today" => match row.command.as_deref().and_then(command_badge) {
                Some((words, tone)) => cell.badge(&words, tone),
                None => cell.spark(&row.day_line, row.pl.tone),
            },
            _ => {
                let reason = self
                    .refusal
                    .or_else(|| command_refusal(row.command.as_ref()));
                let name = format!("Close {}", row.symbol);
                let response = cell.button_unless("Close", &name, reason);
                let response = match row.command.as_deref().map(|command| &command.phase) {
                    Some(
                        CommandPhase::Failed { detail, .. } | CommandPhase::Unknown { detail },
                    ) => response.on_hover_text(&**detail),
                    _ => response,
                };
                if response.clicked() && reason.is_none() {
                    self.close_clicked = Some(row.symbol);
                }
            }
        }
    }
}

/// Draws the panel.
pub(crate) fn positions_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    let view = &cx.snapshot.positions;
    let positions = &mut state.positions;
    positions.selected.retain(|symbol| {
        view.rows
            .binary_search_by(|row| row.symbol.cmp(symbol))
            .is_ok()
    });
    let indices = positions.order.indices(&view.rows);
    let num_hidden = view.rows.len() - indices.len().min(view.rows.len());
    let mut filter = std::mem::take(&mut positions.order.filter);
    let mut rows = Rows {
        cx,
        rows: &view.rows,
        indices: &indices,
        selected: &positions.selected,
        refusal: cx.refusal(Permission::PositionsClose),
        close_clicked: None,
    };
    let mut clear_filter = false;
    let response = Panel::new("Positions").show(
        ui,
        &cx.ui,
        |ui| {
            let width = (ui.available_width() - 120.0).clamp(80.0, 170.0);
            text_field(
                ui,
                &cx.ui,
                &mut filter,
                "Filter symbol…",
                "Filter positions",
                width,
            );
            let tokens = cx.ui.tokens;
            let num_selected = positions.selected.len();
            let words = match (num_hidden, num_selected) {
                (0, 0) => String::new(),
                (0, selected) => format!("{selected} selected"),
                (hidden, 0) => format!("{hidden} hidden by filter"),
                (hidden, selected) => format!("{selected} selected · {hidden} hidden by filter"),
            };
            if !words.is_empty() {
                text::label(ui, &words, &tokens.fonts.body, tokens.text_secondary);
            }
        },
        |ui| seal_ui(ui, cx, &view.seal),
        |ui| {
            if indices.is_empty() && view.is_loaded {
                if num_hidden > 0 {
                    let line = format!("{num_hidden} hidden by the filter.");
                    clear_filter = StateBlock::empty("No match", &[&line])
                        .action("Clear filter")
                        .ui(ui, &cx.ui);
                } else {
                    StateBlock::empty(
                        "No positions",
                        &["A position appears here with its first fill."],
                    )
                    .ui(ui, &cx.ui);
                }
                return None;
            }
            let table = DataTable::new("Positions", &COLUMNS)
                .sort(positions.order.sort())
                .check_boxes();
            Some(table.show(ui, &cx.ui, &mut rows))
        },
    );
    let close_clicked = rows.close_clicked;
    if clear_filter {
        filter.clear();
    }
    positions.order.filter = filter;
    if let Some(response) = response {
        positions
            .order
            .follow(response.body_hovered, response.sort_requested);
        let symbol_at = |row: usize| {
            indices
                .get(row)
                .and_then(|i| view.rows.get(*i))
                .map(|row| row.symbol)
        };
        let toggled = response
            .row_toggled
            .or_else(|| response.row_clicked.map(|(row, _)| row));
        if let Some(symbol) = toggled.and_then(symbol_at)
            && !positions.selected.remove(&symbol)
        {
            positions.selected.insert(symbol);
        }
        if response.all_toggled {
            let all: BTreeSet<Symbol> = (0..indices.len()).filter_map(symbol_at).collect();
            positions.selected = if all.is_subset(&positions.selected) {
                BTreeSet::new()
            } else {
                all
            };
        }
    }
    if let Some(symbol) = close_clicked
        && let Some(row) = view.rows.iter().find(|row| row.symbol == symbol)
    {
        state.dialog = Some(OpenDialog::close(cx, row));
    }
}
