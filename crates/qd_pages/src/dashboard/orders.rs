//! The open orders: where each one is in its life, and the way to change or cancel it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::OrderRow;
use qd_types::{AccountId, ClientOrderId, OrderStatus, Price, fmt};
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::view::{CellValue, ColumnLayout, FilterKind, Shown, TableModel, TableView};
use qd_ui::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, TableColumn, TableRows, focus_id};

use super::DashboardState;
use super::all_orders;
use super::dialogs::OpenDialog;
use super::request::{cancel_refusal, modify_refusal};
use super::row_parts::{command_words, key_of, new_row_age_ms, number_cell, seal_ui};
use super::table_tools::TableTools;
use crate::PageCtx;
use crate::provenance::way_of;

const COLUMNS: [TableColumn; 9] = [
    TableColumn::new("symbol", "Symbol", 58.0, 62.0).pin_left(),
    TableColumn::new("side", "Side", 50.0, 52.0).filter(FilterKind::Choice(&["BUY", "SELL"])),
    TableColumn::new("filled", "Filled / qty", 78.0, 96.0).right(),
    TableColumn::new("type", "Type", 98.0, 98.0).filter(FilterKind::Choice(&[
        "market",
        "limit",
        "stop",
        "stop limit",
    ])),
    TableColumn::new("price", "Price", 76.0, 80.0).right(),
    TableColumn::new("status", "Status", 182.0, 182.0),
    TableColumn::new("time", "Time", 104.0, 106.0)
        .right()
        .filter(FilterKind::None),
    TableColumn::new("change", "", 74.0, 76.0)
        .grow(0.0)
        .right()
        .without_values(),
    TableColumn::new("cancel", "", 72.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .without_values(),
];

/// What the table remembers between frames.
pub(crate) struct OrdersState {
    view: TableView<OrderTable>,
}

impl OrdersState {
    /// What the user made of the columns, as text.
    pub(super) fn layout(&self) -> String {
        self.view.layout().encode()
    }

    /// Takes a layout that was kept.
    pub(super) fn set_layout(&mut self, line: &str) {
        self.view.set_layout(ColumnLayout::decode(line, &COLUMNS));
    }
}

impl Default for OrdersState {
    fn default() -> Self {
        Self {
            view: TableView::new(&COLUMNS),
        }
    }
}

/// The table of open orders.
pub(crate) struct OrderTable;

impl TableModel for OrderTable {
    type Row = OrderRow;
    type Key = (AccountId, ClientOrderId);

    const WORDS: &'static [&'static str] = &["symbol", "side", "type", "status"];

    fn key(row: &OrderRow) -> Self::Key {
        (row.account.clone(), row.client_order_id.clone())
    }

    fn value<'r>(row: &'r OrderRow, column_id: &str) -> CellValue<'r> {
        let order = &row.order;
        match column_id {
            "symbol" => CellValue::text(row.symbol.as_str()),
            "side" => CellValue::text(order.side.label()),
            "filled" => CellValue::Number(order.filled_qty.get()),
            "type" => CellValue::text(order.order_type.label()),
            "price" => CellValue::number(order.limit_price.or(order.stop_price).map(Price::get)),
            "status" => CellValue::text(&row.status.text),
            "time" => CellValue::Time(order.created_at),
            _ => CellValue::Empty,
        }
    }
}

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    shown: Shown<OrderRow>,
    selected: Arc<BTreeSet<(AccountId, ClientOrderId)>>,
    num_selected: usize,
    change_clicked: Option<(Arc<OrderRow>, Id)>,
    cancel_clicked: Option<(Arc<OrderRow>, Id)>,
    detail_wanted: Option<(Arc<OrderRow>, Option<Id>)>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<OrderRow>> {
        self.shown.at(row)
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.shown.len()
    }

    fn row_key(&self, row: usize) -> u64 {
        self.at(row)
            .map_or(0, |row| key_of((&row.account, &row.client_order_id)))
    }

    fn row_name(&self, row: usize) -> String {
        self.at(row)
            .map(|row| format!("{} {}", row.symbol, row.side.text))
            .unwrap_or_default()
    }

    fn row_summary(&self, row: usize) -> String {
        let Some(row) = self.at(row) else {
            return String::new();
        };
        let mut summary = format!(
            "{} {} {} {} at {}, {}, {}",
            row.symbol,
            row.side.text,
            row.filled.text,
            row.order_type.text,
            row.price.text,
            row.status.text,
            row.time.text
        );
        if let Some(problem) = &row.problem {
            write!(summary, ", {problem}").ok();
        }
        if let Some(words) = command_words(row.command.as_ref()) {
            write!(summary, ", {}", words.full).ok();
        }
        summary
    }

    fn row_hover(&self, row: usize) -> Option<String> {
        let row = self.at(row)?;
        let age = self.cx.server_now().millis_since(row.order.updated_at);
        let way = way_of(self.cx, &self.cx.snapshot.orders.seal);
        Some(format!(
            "{} {}: changed {} ago, {} {}\n{way}",
            row.side.text,
            row.symbol,
            fmt::age(age.max(0)),
            row.order.strategy,
            row.order.client_order_id
        ))
    }

    fn num_selected(&self) -> usize {
        self.num_selected
    }

    fn is_selected(&self, row: usize) -> bool {
        self.at(row)
            .is_some_and(|row| self.selected.contains(&OrderTable::key(row)))
    }

    fn row_age_ms(&self, row: usize) -> Option<u32> {
        new_row_age_ms(self.cx, self.at(row)?.appeared_at)
    }

    fn cell(&mut self, row: usize, cell: &mut CellUi<'_, '_>) {
        let Some(row) = self.at(row).map(Arc::clone) else {
            return;
        };
        match cell.column().column_id {
            "symbol" => {
                let name = format!(
                    "Details of {} {} {}",
                    row.side.text, row.symbol, row.client_order_id
                );
                let response = cell.link(row.symbol.as_str(), &name);
                if response.clicked() {
                    self.detail_wanted = Some((row, Some(response.id)));
                }
            }
            "side" => cell.toned(&row.side.text, row.side.tone),
            "filled" => number_cell(self.cx, cell, &row.filled),
            "type" => cell.text(&row.order_type.text),
            "price" => cell.number(&row.price.text),
            "status" => match command_words(row.command.as_ref()) {
                Some(words) => {
                    let badge = format!("{} {}", words.verb, words.short);
                    cell.badge_explained(&badge, words.tone, &words.full);
                }
                None => match row.problem.as_deref().or_else(|| change_words(&row)) {
                    Some(problem) => {
                        cell.badge_explained(&row.status.text, row.status.tone, problem);
                    }
                    None => cell.badge(&row.status.text, row.status.tone),
                },
            },
            "time" => cell.number(&row.time.text),
            "change" => {
                let reason = modify_refusal(self.cx, &row);
                let name = format!("Change {} {}", row.side.text, row.symbol);
                let response = cell.button_unless("Change", &name, reason);
                if response.clicked() && reason.is_none() {
                    self.change_clicked = Some((row, response.id));
                }
            }
            _ => {
                let reason = cancel_refusal(self.cx, &row);
                let name = format!("Cancel {} {}", row.side.text, row.symbol);
                let response = cell.button_unless("Cancel", &name, reason);
                if response.clicked() && reason.is_none() {
                    self.cancel_clicked = Some((row, response.id));
                }
            }
        }
    }
}

/// What the badge of an order cannot say about its change; absent when there is nothing to say.
fn change_words(row: &OrderRow) -> Option<&'static str> {
    match (row.order.status, row.order.reason_code.as_deref()?) {
        (OrderStatus::PartiallyFilled, "change_sent") => Some(
            "A change is on its way; until the venue answers the order may fill at the old terms.",
        ),
        (_, "change_rejected") => {
            Some("The venue refused the last change: the order is as it was.")
        }
        _ => None,
    }
}

/// Draws the panel.
pub(crate) fn orders_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    profiling::function_scope!();
    let orders = &cx.snapshot.orders;
    let view = &mut state.orders.view;
    let shown = view.settle(&orders.rows);
    let mut rows = Rows {
        cx,
        shown: shown.clone(),
        selected: Arc::clone(view.selection().keys()),
        num_selected: view.num_selected_shown(),
        change_clicked: None,
        cancel_clicked: None,
        detail_wanted: None,
    };
    let names = ("Open orders", "Filter…", "Filter orders");
    // Beside the title or above the rows, wherever there is room.
    let cancel_all = Cell::new(None);
    let actions = |ui: &mut Ui| cancel_all.set(all_orders::button_ui(ui, cx));
    let tools = TableTools::new(ui, names, view, shown.clone());
    let activated = Panel::new("Open orders").show(
        ui,
        &cx.ui,
        |ui| tools.left_ui(ui, cx, actions),
        |ui| {
            tools.menu_ui(ui, cx, &orders.seal, |_| {});
            seal_ui(ui, cx, &orders.seal);
        },
        |ui| {
            tools.narrow_ui(ui, cx, true, actions);
            all_orders::note_ui(ui, cx);
            if shown.is_empty() && orders.is_loaded {
                if shown.num_hidden() > 0 {
                    tools.no_match_ui(ui, cx);
                    return None;
                }
                StateBlock::empty(
                    "No open orders",
                    &["Orders appear here until they fill, end or are cancelled."],
                )
                .ui(ui, &cx.ui);
                return None;
            }
            let mut view = tools.view.borrow_mut();
            let response = view.show(ui, &cx.ui, &shown, &mut rows, |columns| {
                DataTable::new("Open orders", columns).row_height(COMPACT_ROW_HEIGHT - 1.0)
            });
            response.row_activated
        },
    );
    let activated = activated
        .and_then(|place| Some((Arc::clone(shown.at(place)?), Some(focus_id("Open orders")))));
    let detail_wanted = rows.detail_wanted.or(activated);
    if let Some((row, opener)) = rows.change_clicked {
        state.dialog = Some(OpenDialog::modify(cx, &row, opener));
    }
    if let Some((row, opener)) = rows.cancel_clicked {
        state.dialog = Some(OpenDialog::cancel(cx, &row, opener));
    }
    if let Some((row, opener)) = detail_wanted {
        state.sheets.open_detail(cx, &row.order, opener);
    }
    if let Some(opener) = cancel_all.get() {
        state.dialog = Some(OpenDialog::cancel_all(cx, opener));
    }
}
