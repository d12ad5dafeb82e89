//! The positions grid: one row per symbol, or one per account and strategy, as its user has it.

mod rows;

use std::cell::Cell;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::{Poll, PositionRow};
use qd_types::{PositionKey, Price, Ratio, Symbol};
use qd_ui::check::check_ui;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::view::{CellValue, ColumnLayout, TableModel, TableView};
use qd_ui::table::{DataTable, TableColumn};

use self::rows::Rows;
use super::DashboardState;
use super::dialogs::OpenDialog;
use super::row_parts::seal_ui;
use super::selected;
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

/// Room for the words of the menu's own choice.
const FOLD_WIDTH: f32 = 150.0;

/// With less room than this only two columns or three are seen at once: the money comes first.
const WIDTH_FOR_ALL: f32 = 560.0;
const NARROW_COLUMNS: [TableColumn; 9] = {
    let [symbol, qty, avg, current, pl, plpc, value, today, close] = COLUMNS;
    [symbol, pl, qty, current, plpc, value, avg, today, close]
};

/// The same with whose each stake is, between symbol and quantity.
const UNFOLDED_COLUMNS: [TableColumn; 11] = {
    let [symbol, qty, avg, current, pl, plpc, value, today, close] = COLUMNS;
    let account = TableColumn::new("account", "Account", 76.0, 84.0);
    let strategy = TableColumn::new("strategy", "Strategy", 92.0, 112.0);
    [
        symbol, account, strategy, qty, avg, current, pl, plpc, value, today, close,
    ]
};

/// What the grid remembers between frames.
pub(crate) struct PositionsState {
    folded: TableView<PositionTable>,
    unfolded: TableView<StakeTable>,
    is_unfolded: bool,
}

impl PositionsState {
    /// What the user made of the columns, as text: of the folded table and of the other.
    pub(super) fn layouts(&self) -> [String; 2] {
        [
            self.folded.layout().encode(),
            self.unfolded.layout().encode(),
        ]
    }

    /// Takes a layout of the folded table that was kept.
    pub(super) fn set_layout(&mut self, line: &str) {
        self.folded.set_layout(ColumnLayout::decode(line, &COLUMNS));
    }

    /// Takes a layout of the other table that was kept.
    pub(super) fn set_unfolded_layout(&mut self, line: &str) {
        let layout = ColumnLayout::decode(line, &UNFOLDED_COLUMNS);
        self.unfolded.set_layout(layout);
    }
}

impl Default for PositionsState {
    fn default() -> Self {
        Self {
            folded: TableView::new(&COLUMNS),
            unfolded: TableView::new(&UNFOLDED_COLUMNS),
            is_unfolded: false,
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
            _ if row.problem.is_some() => CellValue::Empty,
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

/// The table of stakes: what one strategy holds on one account.
pub(crate) struct StakeTable;

impl TableModel for StakeTable {
    type Row = PositionRow;
    /// A row that cannot be read has no stake.
    type Key = (Symbol, Option<PositionKey>);

    const WORDS: &'static [&'static str] = &["symbol", "account", "strategy"];

    fn key(row: &PositionRow) -> Self::Key {
        let part = row.parts.first().filter(|_| row.problem.is_none());
        (row.symbol, part.map(|part| part.key.clone()))
    }

    fn value<'r>(row: &'r PositionRow, column_id: &str) -> CellValue<'r> {
        let part = row.parts.first().map(|part| &part.key);
        match (column_id, part) {
            ("account", Some(key)) => CellValue::text(key.account.as_str()),
            ("strategy", Some(key)) => CellValue::text(key.strategy.as_str()),
            _ => PositionTable::value(row, column_id),
        }
    }
}

/// What was clicked in the grid.
#[derive(Default)]
struct Clicked {
    close: Option<(Arc<PositionRow>, Id)>,
    close_selected: Option<Id>,
    fold: bool,
}

/// Draws the panel.
pub(crate) fn positions_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    profiling::function_scope!();
    let PositionsState {
        folded,
        unfolded,
        is_unfolded,
    } = &mut state.positions;
    let clicked = if *is_unfolded {
        table_ui(ui, cx, unfolded, true)
    } else {
        folded.set_columns(if ui.available_width() < WIDTH_FOR_ALL {
            &NARROW_COLUMNS
        } else {
            &COLUMNS
        });
        table_ui(ui, cx, folded, false)
    };
    let was_unfolded = *is_unfolded;
    *is_unfolded ^= clicked.fold;
    if let Some(opener) = clicked.close_selected {
        let view = &state.positions.folded;
        let selected: Vec<Symbol> = view.selection().keys().iter().copied().collect();
        let num_hidden = selected.len() - view.num_selected_shown().min(selected.len());
        state.dialog = Some(OpenDialog::close_selected(cx, selected, num_hidden, opener));
    }
    if let Some((row, opener)) = clicked.close {
        state.dialog = Some(if was_unfolded {
            OpenDialog::close_stake(cx, &row, opener)
        } else {
            OpenDialog::close(cx, &row, opener)
        });
    }
}

fn table_ui<M: TableModel<Row = PositionRow>>(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    view: &mut TableView<M>,
    is_unfolded: bool,
) -> Clicked {
    cx.commands.shows(Poll::Prices);
    cx.commands.shows(Poll::Series);
    let positions = &cx.snapshot.positions;
    let shown = view.settle(if is_unfolded {
        &positions.unfolded
    } else {
        &positions.rows
    });
    let mut rows = Rows::<M> {
        cx,
        shown: shown.clone(),
        selected: Arc::clone(view.selection().keys()),
        num_selected: view.num_selected_shown(),
        is_unfolded,
        close_clicked: None,
    };
    // Stakes are closed one by one.
    let num_selected = if is_unfolded {
        0
    } else {
        view.selection().keys().len()
    };
    let names = ("Positions", "Filter symbol…", "Filter positions");
    // Beside the title or above the rows, wherever there is room.
    let close_selected = Cell::new(None);
    let actions = |ui: &mut Ui| {
        close_selected.set(selected::close_button_ui(ui, cx, num_selected));
    };
    let fold = Cell::new(false);
    let tools = TableTools::new(ui, names, view, shown.clone());
    Panel::new("Positions").show(
        ui,
        &cx.ui,
        |ui| tools.left_ui(ui, cx, actions),
        |ui| {
            tools.menu_ui(ui, cx, &positions.seal, |ui| {
                let words = ("Fold by symbol", "Fold by symbol");
                let answer = check_ui(ui, &cx.ui, words, !is_unfolded, FOLD_WIDTH, None);
                fold.set(answer.clicked());
            });
            seal_ui(ui, cx, &positions.seal);
        },
        |ui| {
            tools.narrow_ui(ui, cx, num_selected > 0, actions);
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
                let table = DataTable::new("Positions", columns);
                if is_unfolded {
                    table
                } else {
                    table.check_boxes()
                }
            });
        },
    );
    Clicked {
        close: rows.close_clicked,
        close_selected: close_selected.get(),
        fold: fold.get(),
    }
}
