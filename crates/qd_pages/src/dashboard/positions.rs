//! The positions grid: one row per symbol, sorted, filtered and selected by its own view state.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::PositionRow;
use qd_types::{Permission, Price, Ratio, Symbol, Tone, fmt};
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::view::{CellValue, Shown, TableModel, TableView};
use qd_ui::table::{CellUi, DataTable, TableColumn, TableRows};

use super::DashboardState;
use super::dialogs::OpenDialog;
use super::row_parts::{
    command_refusal, command_words, key_of, new_row_age_ms, number_cell, priced_cell, seal_ui,
};
use super::table_tools::TableTools;
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
        .without_values(),
    TableColumn::new("close", "", 70.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .without_values(),
];

/// With less room than this only two columns or three are seen at once: the money comes first.
const WIDTH_FOR_ALL: f32 = 560.0;
const NARROW_COLUMNS: [TableColumn; 9] = {
    let [symbol, qty, avg, current, pl, plpc, value, today, close] = COLUMNS;
    [symbol, pl, qty, current, plpc, value, avg, today, close]
};

/// The row is there, and what it says is not to be read: the reason stands at the row.
const UNREADABLE: &str = "The server's word on this position cannot be read here.";

/// Not our halt: the desk may trade, this symbol may not.
const HALTED: &str =
    "The exchange has stopped trading in this symbol. Nothing fills until it reopens.";

/// What the grid remembers between frames.
pub(crate) struct PositionsState {
    view: TableView<PositionTable>,
}

impl Default for PositionsState {
    fn default() -> Self {
        Self {
            view: TableView::new(&COLUMNS),
        }
    }
}

/// The table of positions, one row per symbol.
pub(crate) struct PositionTable;

impl TableModel for PositionTable {
    type Row = PositionRow;
    type Key = Symbol;

    const WORDS: &'static [&'static str] = &["symbol"];

    fn key(row: &PositionRow) -> Symbol {
        row.symbol
    }

    fn value<'r>(row: &'r PositionRow, column_id: &str) -> CellValue<'r> {
        let figures = &row.figures;
        match column_id {
            "symbol" => CellValue::text(row.symbol.as_str()),
            _ if row.problem.is_some() && column_id != "symbol" => CellValue::Empty,
            "qty" => CellValue::Number(figures.qty.get()),
            "avg" => CellValue::number(figures.avg_entry_price.map(Price::get)),
            "current" => CellValue::number(figures.current_price.map(Price::get)),
            "pl" if figures.current_price.is_some() => {
                CellValue::Number(figures.unrealized_pl.get())
            }
            "plpc" => CellValue::number(figures.unrealized_plpc.map(Ratio::percent)),
            "value" if figures.current_price.is_some() => {
                CellValue::Number(figures.market_value.get())
            }
            _ => CellValue::Empty,
        }
    }
}

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    shown: Shown<PositionRow>,
    selected: Arc<BTreeSet<Symbol>>,
    num_selected: usize,
    refusal: Option<&'static str>,
    close_clicked: Option<(Symbol, Id)>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<PositionRow>> {
        self.shown.at(row)
    }

    /// What is wrong with a row's price; absent while nothing is.
    fn price_words(&self, row: &PositionRow) -> Option<String> {
        if let Some(problem) = &row.problem {
            return Some(format!("unreadable: {problem}"));
        }
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
                let age = self.cx.server_now().millis_since(at);
                Some(if age < 0 {
                    format!("price of {} from now: a clock is wrong", fmt::age(-age))
                } else {
                    format!("price {} old", fmt::age(age))
                })
            }
            Some(_) => None,
            None => Some("no price yet".to_owned()),
        }
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.shown.len()
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
            "{}: {words}. {}",
            row.symbol,
            if row.problem.is_some() {
                "It is in no total."
            } else {
                "P&L and value are made of it."
            }
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

    fn totals_summary(&self) -> Option<String> {
        let totals = &self.cx.snapshot.positions.totals;
        let num_rows = self.cx.snapshot.positions.rows.len();
        (num_rows > 0).then(|| {
            let lacks = totals
                .incomplete
                .as_ref()
                .map_or_else(String::new, |lacks| format!(", incomplete: {lacks}"));
            format!(
                "Total of all {num_rows} positions, P&L {} {}, value {}{lacks}",
                totals.pl.text, totals.pl_percent.text, totals.value.text
            )
        })
    }

    fn total_cell(&mut self, cell: &mut CellUi<'_, '_>) {
        let totals = &self.cx.snapshot.positions.totals;
        match cell.column().column_id {
            "symbol" if totals.incomplete.is_some() => cell.strong("Total of some"),
            "symbol" => cell.strong("Total"),
            "pl" => cell.trend(&totals.pl.text, totals.pl.tone),
            "plpc" => cell.number_toned(&totals.pl_percent.text, totals.pl_percent.tone),
            "value" => cell.number(&totals.value.text),
            _ => {}
        }
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
                None if row.problem.is_some() => {
                    cell.badge_explained("UNREADABLE", Tone::Warn, UNREADABLE);
                }
                None if row.is_halted => cell.badge_explained("HALTED", Tone::Warn, HALTED),
                None => cell.spark(&row.day_line, row.pl.tone),
            },
            _ => {
                let unreadable = row.problem.as_ref().map(|_| UNREADABLE);
                let reason = self
                    .refusal
                    .or(unreadable)
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
    let positions = &cx.snapshot.positions;
    let view = &mut state.positions.view;
    view.set_columns(if ui.available_width() < WIDTH_FOR_ALL {
        &NARROW_COLUMNS
    } else {
        &COLUMNS
    });
    let shown = view.settle(&positions.rows);
    let mut rows = Rows {
        cx,
        shown: shown.clone(),
        selected: Arc::clone(view.selection().keys()),
        num_selected: view.num_selected_shown(),
        refusal: cx.refusal(Permission::PositionsClose),
        close_clicked: None,
    };
    let names = ("Positions", "Filter symbol…", "Filter positions");
    let tools = TableTools::new(ui, names, view, shown.clone());
    Panel::new("Positions").show(
        ui,
        &cx.ui,
        |ui| tools.left_ui(ui, cx),
        |ui| {
            tools.menu_ui(ui, cx, &positions.seal);
            seal_ui(ui, cx, &positions.seal);
        },
        |ui| {
            tools.narrow_note_ui(ui, cx);
            if shown.is_empty() && positions.is_loaded {
                if shown.num_hidden() > 0 {
                    return tools.no_match_ui(ui, cx);
                }
                StateBlock::empty(
                    "No positions",
                    &["A position appears here with its first fill."],
                )
                .ui(ui, &cx.ui);
                return;
            }
            let mut view = tools.view.borrow_mut();
            view.show(ui, &cx.ui, &shown, &mut rows, |columns| {
                DataTable::new("Positions", columns).check_boxes()
            });
        },
    );
    if let Some((symbol, opener)) = rows.close_clicked
        && let Some(row) = positions.rows.iter().find(|row| row.symbol == symbol)
    {
        state.dialog = Some(OpenDialog::close(cx, row, opener));
    }
}
