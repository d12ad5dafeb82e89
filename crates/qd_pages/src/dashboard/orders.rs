//! The open orders: where each one is in its life, and the way to cancel it.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Id, Ui};
use qd_state::OrderRow;
use qd_types::{AccountId, ClientOrderId, OrderStatus, Permission};
use qd_ui::field::text_field;
use qd_ui::panel::Panel;
use qd_ui::state_block::StateBlock;
use qd_ui::table::{COMPACT_ROW_HEIGHT, CellUi, DataTable, TableColumn, TableRows};
use qd_ui::tokens::space;

use super::DashboardState;
use super::all_orders;
use super::dialogs::OpenDialog;
use super::row_order::{OrderedRow, RowOrder};
use super::row_parts::{
    WIDTH_FOR_NOTE, command_refusal, command_words, key_of, new_row_age_ms, note_ui, number_cell,
    seal_ui,
};
use crate::PageCtx;

const COLUMNS: [TableColumn; 8] = [
    TableColumn::new("symbol", "Symbol", 58.0, 62.0).pin_left(),
    TableColumn::new("side", "Side", 50.0, 52.0),
    TableColumn::new("filled", "Filled / qty", 78.0, 96.0).right(),
    TableColumn::new("type", "Type", 98.0, 98.0),
    TableColumn::new("price", "Price", 76.0, 80.0).right(),
    TableColumn::new("status", "Status", 182.0, 182.0),
    TableColumn::new("time", "Time", 104.0, 106.0).right(),
    TableColumn::new("cancel", "", 72.0, 74.0)
        .pin_right()
        .grow(0.0)
        .right()
        .unsortable(),
];

/// What the table remembers between frames.
#[derive(Default)]
pub(crate) struct OrdersState {
    order: RowOrder<OrderRow>,
}

impl OrderedRow for OrderRow {
    type Key = (AccountId, ClientOrderId);

    fn key(&self) -> Self::Key {
        (self.account.clone(), self.client_order_id.clone())
    }

    fn is_found_by(&self, text: &str) -> bool {
        self.symbol.as_str().to_lowercase().contains(text)
            || [&self.side, &self.order_type, &self.status]
                .iter()
                .any(|cell| cell.text.to_lowercase().contains(text))
    }

    fn compare(&self, other: &Self, column_id: &str) -> Ordering {
        let (l, r) = (&self.order, &other.order);
        match column_id {
            "side" => l.side.cmp(&r.side),
            "filled" => l.filled_qty.cmp(&r.filled_qty).then(l.qty.cmp(&r.qty)),
            "type" => l.order_type.cmp(&r.order_type),
            "price" => l.limit_price.cmp(&r.limit_price),
            "status" => l.status.cmp(&r.status),
            "time" => l.created_at.cmp(&r.created_at),
            _ => self.symbol.cmp(&other.symbol),
        }
    }
}

struct Rows<'a> {
    cx: &'a PageCtx<'a>,
    rows: &'a [Arc<OrderRow>],
    indices: &'a [usize],
    refusal: Option<&'static str>,
    cancel_clicked: Option<(Arc<OrderRow>, Id)>,
    detail_wanted: Option<(Arc<OrderRow>, Option<Id>)>,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Option<&Arc<OrderRow>> {
        self.indices.get(row).and_then(|i| self.rows.get(*i))
    }
}

impl TableRows for Rows<'_> {
    fn num_rows(&self) -> usize {
        self.indices.len()
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
        if let Some(words) = command_words(row.command.as_ref()) {
            write!(summary, ", {}", words.full).ok();
        }
        summary
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
                    let badge = format!("cancel {}", words.short);
                    cell.badge_explained(&badge, words.tone, &words.full);
                }
                None => cell.badge(&row.status.text, row.status.tone),
            },
            "time" => cell.number(&row.time.text),
            _ => {
                let already = (row.order.status == OrderStatus::CancelSent)
                    .then_some("A cancel is on its way; the order may still fill.");
                let reason = self
                    .refusal
                    .or(already)
                    .or_else(|| command_refusal(row.command.as_ref()));
                let name = format!("Cancel {} {}", row.side.text, row.symbol);
                let response = cell.button_unless("Cancel", &name, reason);
                if response.clicked() && reason.is_none() {
                    self.cancel_clicked = Some((row, response.id));
                }
            }
        }
    }
}

/// Draws the panel.
pub(crate) fn orders_ui(ui: &mut Ui, cx: &PageCtx<'_>, state: &mut DashboardState) {
    let view = &cx.snapshot.orders;
    let order = &mut state.orders.order;
    let indices = order.indices(&view.rows);
    let num_hidden = view.rows.len() - indices.len().min(view.rows.len());
    let mut filter = std::mem::take(&mut order.filter);
    let mut rows = Rows {
        cx,
        rows: &view.rows,
        indices: &indices,
        refusal: cx.refusal(Permission::OrdersCancel),
        cancel_clicked: None,
        detail_wanted: None,
    };
    let mut clear_filter = false;
    // Beside the title or above the rows, wherever there is room.
    let cancel_all = Cell::new(None);
    let is_wide = ui.available_width() >= WIDTH_FOR_NOTE;
    let note = if num_hidden > 0 {
        format!("{num_hidden} hidden by filter")
    } else {
        String::new()
    };
    let response = Panel::new("Open orders").show(
        ui,
        &cx.ui,
        |ui| {
            let width = (ui.available_width() - 120.0).clamp(80.0, 170.0);
            text_field(ui, &cx.ui, &mut filter, "Filter…", "Filter orders", width);
            if is_wide {
                cancel_all.set(all_orders::button_ui(ui, cx));
                note_ui(ui, cx, &note);
            }
        },
        |ui| seal_ui(ui, cx, &view.seal),
        |ui| {
            if !is_wide {
                ui.horizontal(|ui| {
                    ui.add_space(space::S);
                    cancel_all.set(all_orders::button_ui(ui, cx));
                    note_ui(ui, cx, &note);
                });
            }
            all_orders::note_ui(ui, cx);
            if indices.is_empty() && view.is_loaded {
                if num_hidden > 0 {
                    let line = format!("{num_hidden} hidden by the filter.");
                    clear_filter = StateBlock::empty("No match", &[&line])
                        .action("Clear filter")
                        .ui(ui, &cx.ui);
                } else {
                    StateBlock::empty(
                        "No open orders",
                        &["Orders appear here until they fill, end or are cancelled."],
                    )
                    .ui(ui, &cx.ui);
                }
                return None;
            }
            let table = DataTable::new("Open orders", &COLUMNS)
                .sort(order.sort())
                .row_height(COMPACT_ROW_HEIGHT - 1.0);
            Some(table.show(ui, &cx.ui, &mut rows))
        },
    );
    let activated = response
        .as_ref()
        .and_then(|response| response.row_activated);
    let activated = activated.and_then(|row| Some((Arc::clone(rows.at(row)?), None)));
    let detail_wanted = rows.detail_wanted.or(activated);
    let cancel_clicked = rows.cancel_clicked;
    if clear_filter {
        filter.clear();
    }
    order.filter = filter;
    if let Some(response) = response {
        order.follow(response.body_hovered, response.sort_requested);
    }
    if let Some((row, opener)) = cancel_clicked {
        state.dialog = Some(OpenDialog::cancel(cx, &row, opener));
    }
    if let Some((row, opener)) = detail_wanted {
        state.sheets.open_detail(cx, &row.order, opener);
    }
    if let Some(opener) = cancel_all.get() {
        state.dialog = Some(OpenDialog::cancel_all(cx, opener));
    }
}
