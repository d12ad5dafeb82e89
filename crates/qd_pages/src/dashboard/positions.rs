//! The positions grid: one row per symbol, sorted, filtered and selected by its own view state.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::PositionRow;
use qd_types::{Permission, Symbol, Tone, fmt};
use qd_ui::field::text_field;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{CellUi, DataTable, TableColumn, TableRows};
use qd_ui::tokens::space;

use super::DashboardState;
use super::dialogs::OpenDialog;
use super::row_order::{OrderedRow, RowOrder};
use super::row_parts::{
    WIDTH_FOR_NOTE, command_refusal, command_words, key_of, new_row_age_ms, note_ui, number_cell,
    priced_cell, seal_ui,
};
use super::selected;
use crate::PageCtx;

const COLUMNS: [TableColumn; 9] = [
    TableColumn::new("symbol", "Symbol", 58.0, 70.0).pin_left(),
    TableColumn::new("qty", "Qty", 62.0, 74.0).right(),
    TableColumn::new("avg", "Avg entry", 70.0, 84.0).right(),
    TableColumn::new("current", "Current", 62.0, 72.0).right(),
    TableColumn::new("pl", "P&L ($)", 118.0, 132.0).right(),
    TableColumn::new("plpc", "P&L (%)", 66.0, 76.0).right(),
    TableColumn::new("value", "Value", 112.0, 120.0).right(),
    TableColumn::new("today", "Today", 72.0, 94.0)
        .center()
        .gives_way()
        .unsortable(),
    TableColumn::new("close", "", 70.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .unsortable(),
];

/// With less room than this only two columns or three are seen at once: the money comes first.
const WIDTH_FOR_ALL: f32 = 560.0;
const NARROW_COLUMNS: [TableColumn; 9] = {
    let [symbol, qty, avg, current, pl, plpc, value, today, close] = COLUMNS;
    [symbol, pl, qty, current, plpc, value, avg, today, close]
};

/// Not our halt: the desk may trade, this symbol may not.
const HALTED: &str =
    "The exchange has stopped trading in this symbol. Nothing fills until it reopens.";

/// What the grid remembers between frames.
#[derive(Default)]
pub(crate) struct PositionsState {
    order: RowOrder<PositionRow>,
    selection: Selection,
}

/// The selected rows, by symbol, and how many of them are on screen: counted when something changed, not per frame.
#[derive(Default)]
struct Selection {
    symbols: BTreeSet<Symbol>,
    counted: Option<Counted>,
}

/// A count, and what it was counted over.
struct Counted {
    rows: Arc<[Arc<PositionRow>]>,
    indices: Arc<[usize]>,
    num_shown: usize,
}

impl Selection {
    /// How many of the rows at `indices` are selected. Rows that are gone are forgotten.
    fn settle(&mut self, rows: &Arc<[Arc<PositionRow>]>, indices: &Arc<[usize]>) -> usize {
        if let Some(counted) = &self.counted
            && Arc::ptr_eq(&counted.rows, rows)
            && Arc::ptr_eq(&counted.indices, indices)
        {
            return counted.num_shown;
        }
        if !self.symbols.is_empty() {
            self.symbols
                .retain(|symbol| rows.binary_search_by(|row| row.symbol.cmp(symbol)).is_ok());
        }
        let num_shown = if self.symbols.is_empty() {
            0
        } else if indices.len() == rows.len() {
            self.symbols.len()
        } else {
            let shown = indices.iter().filter_map(|i| rows.get(*i));
            shown
                .filter(|row| self.symbols.contains(&row.symbol))
                .count()
        };
        self.counted = Some(Counted {
            rows: Arc::clone(rows),
            indices: Arc::clone(indices),
            num_shown,
        });
        num_shown
    }

    fn toggle(&mut self, symbol: Symbol) {
        self.counted = None;
        if !self.symbols.remove(&symbol) {
            self.symbols.insert(symbol);
        }
    }

    /// Selects all of these, or none of them when all are.
    fn toggle_all(&mut self, all: BTreeSet<Symbol>) {
        self.counted = None;
        if all.is_subset(&self.symbols) {
            self.symbols.retain(|symbol| !all.contains(symbol));
        } else {
            self.symbols.extend(all);
        }
    }
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
    num_selected: usize,
    refusal: Option<&'static str>,
    close_clicked: Option<(Symbol, Id)>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<PositionRow>> {
        self.indices.get(row).and_then(|i| self.rows.get(*i))
    }

    /// What is wrong with a row's price; absent while nothing is.
    fn price_words(&self, row: &PositionRow) -> Option<String> {
        let age = self.age_words(row);
        if !row.is_halted {
            return age;
        }
        let halted = "trading halted by the exchange".to_owned();
        Some(age.map_or_else(|| halted.clone(), |age| format!("{halted}, {age}")))
    }

    fn age_words(&self, row: &PositionRow) -> Option<String> {
        match row.figures.price_at {
            Some(at) if row.price_is_stale => {
                let age = self.cx.server_now().millis_since(at).max(0);
                Some(format!("price {} old", fmt::age(age)))
            }
            Some(_) => None,
            None => Some("no price yet".to_owned()),
        }
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
        if let Some(words) = self.price_words(row) {
            write!(summary, ", {words}").ok();
        }
        if let Some(words) = command_words(row.command.as_ref()) {
            write!(summary, ", {}", words.full).ok();
        }
        summary
    }

    fn row_hover(&self, row: usize) -> Option<String> {
        let row = self.at(row)?;
        let words = self.price_words(row)?;
        Some(format!(
            "{}: {words}. P&L and value are made of it.",
            row.symbol
        ))
    }

    fn num_selected(&self) -> usize {
        self.num_selected
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
            "current" => priced_cell(self.cx, cell, &row.current, row.price_is_stale),
            "pl" if row.price_is_stale => cell.trend_stale(&row.pl.text, row.pl.tone),
            "pl" => cell.trend(&row.pl.text, row.pl.tone),
            "plpc" if row.price_is_stale => cell.number_stale(&row.pl_percent.text),
            "plpc" => cell.number_toned(&row.pl_percent.text, row.pl_percent.tone),
            "value" if row.price_is_stale => cell.number_stale(&row.value.text),
            "value" => cell.number(&row.value.text),
            // An error belongs where its row is; the day's line gives it its place.
            "today" => match command_words(row.command.as_ref()) {
                Some(words) => cell.badge_explained(words.short, words.tone, &words.full),
                None if row.is_halted => cell.badge_explained("HALTED", Tone::Warn, HALTED),
                None => cell.spark(&row.day_line, row.pl.tone),
            },
            _ => {
                let reason = self
                    .refusal
                    .or_else(|| command_refusal(row.command.as_ref()));
                let name = format!("Close {}", row.symbol);
                let response = cell.button_unless("Close", &name, reason);
                if response.clicked() && reason.is_none() {
                    self.close_clicked = Some((row.symbol, response.id));
                }
            }
        }
    }
}

/// Draws the panel.
pub(crate) fn positions_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    let view = &cx.snapshot.positions;
    let positions = &mut state.positions;
    let indices = positions.order.indices(&view.rows);
    let num_shown_selected = positions.selection.settle(&view.rows, &indices);
    let num_hidden = view.rows.len() - indices.len().min(view.rows.len());
    let mut filter = std::mem::take(&mut positions.order.filter);
    let mut rows = Rows {
        cx,
        rows: &view.rows,
        indices: &indices,
        selected: &positions.selection.symbols,
        num_selected: num_shown_selected,
        refusal: cx.refusal(Permission::PositionsClose),
        close_clicked: None,
    };
    let mut clear_filter = false;
    // Beside the title or above the rows, wherever there is room.
    let close_selected = Cell::new(None);
    let is_wide = ui.available_width() >= WIDTH_FOR_NOTE;
    let num_selected = positions.selection.symbols.len();
    let note = match (num_hidden, num_selected) {
        (0, 0) => String::new(),
        (0, selected) => format!("{selected} selected"),
        (hidden, 0) => format!("{hidden} hidden by filter"),
        (hidden, selected) => format!("{selected} selected · {hidden} hidden by filter"),
    };
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
            if is_wide {
                close_selected.set(selected::close_button_ui(ui, cx, num_selected));
                note_ui(ui, cx, &note);
            }
        },
        |ui| seal_ui(ui, cx, &view.seal),
        |ui| {
            if !is_wide && !note.is_empty() {
                ui.horizontal(|ui| {
                    ui.add_space(space::S);
                    close_selected.set(selected::close_button_ui(ui, cx, num_selected));
                    note_ui(ui, cx, &note);
                });
            }
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
            let columns = if ui.available_width() < WIDTH_FOR_ALL {
                &NARROW_COLUMNS
            } else {
                &COLUMNS
            };
            let table = DataTable::new("Positions", columns)
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
        if let Some(symbol) = toggled.and_then(symbol_at) {
            positions.selection.toggle(symbol);
        }
        if response.all_toggled {
            let all = (0..indices.len()).filter_map(symbol_at).collect();
            positions.selection.toggle_all(all);
        }
    }
    if let Some(opener) = close_selected.get() {
        let symbols = positions.selection.symbols.iter().copied();
        let num_hidden = num_selected.saturating_sub(num_shown_selected);
        state.dialog = Some(OpenDialog::close_selected(cx, symbols, num_hidden, opener));
    }
    if let Some((symbol, opener)) = close_clicked
        && let Some(row) = view.rows.iter().find(|row| row.symbol == symbol)
    {
        state.dialog = Some(OpenDialog::close(cx, row, opener));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(symbol: &str) -> Arc<PositionRow> {
        let cell = qd_state::Cell::default;
        Arc::new(PositionRow {
            symbol: Symbol::new(symbol).unwrap(),
            qty: cell(),
            avg_entry: cell(),
            current: cell(),
            pl: cell(),
            pl_percent: cell(),
            value: cell(),
            figures: qd_state::PositionFigures::default(),
            parts: Arc::default(),
            day_line: Arc::default(),
            price_is_stale: false,
            is_halted: false,
            appeared_at: qd_types::UtcMicros::default(),
            command: None,
        })
    }

    #[test]
    fn selected_rows_are_counted_where_they_are_shown_and_forgotten_when_they_go() {
        let rows: Arc<[Arc<PositionRow>]> = ["AAPL", "MSFT", "XOM"].map(row).into();
        let all: Arc<[usize]> = [0, 1, 2].into();
        let filtered: Arc<[usize]> = [1].into();
        let mut selection = Selection::default();
        assert_eq!(selection.settle(&rows, &all), 0);
        selection.toggle(rows[0].symbol);
        selection.toggle(rows[1].symbol);
        assert_eq!(selection.settle(&rows, &all), 2);
        assert_eq!(selection.settle(&rows, &filtered), 1, "one is hidden");
        selection.toggle_all([rows[1].symbol].into());
        assert_eq!(selection.settle(&rows, &filtered), 0);
        assert_eq!(selection.settle(&rows, &all), 1, "the hidden one stays");

        let fewer: Arc<[Arc<PositionRow>]> = ["MSFT", "XOM"].map(row).into();
        assert_eq!(selection.settle(&fewer, &[0, 1].into()), 0);
        assert!(selection.symbols.is_empty());
    }
}
