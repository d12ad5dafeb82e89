//! What the rest of the console may ask of the dashboard: to take the keyboard somewhere, to put a question. It answers nothing.
//!
//! A question is the dashboard's own, with everything that it says and checks; whoever asks for it has decided nothing.

use egui::Context;
use qd_state::{OrderRow, PositionRow};
use qd_types::{AccountId, ClientOrderId, OrderStatus, Permission, Symbol};
use qd_ui::field::field_id;
use qd_ui::table;

use super::DashboardState;
use super::dialogs::OpenDialog;
use super::row_parts::command_refusal;
use crate::PageCtx;

/// A table of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DashboardTable {
    /// Positions.
    Positions,
    /// Open orders.
    Orders,
    /// Activity.
    Activity,
}

impl DashboardTable {
    /// As its panel is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Positions => "Positions",
            Self::Orders => "Open orders",
            Self::Activity => "Activity",
        }
    }

    /// What its filter is called; absent where there is none.
    fn filter_name(self) -> Option<&'static str> {
        match self {
            Self::Positions => Some("Filter positions"),
            Self::Orders => Some("Filter orders"),
            Self::Activity => None,
        }
    }
}

/// One thing asked of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DashboardRequest {
    /// Give the keyboard to a table.
    FocusTable(DashboardTable),
    /// Give the keyboard to a table's filter.
    FocusFilter(DashboardTable),
    /// Put the question before closing what is held in a symbol.
    Close(Symbol),
    /// Put the question before cancelling an order.
    Cancel(AccountId, ClientOrderId),
    /// Put the question what to change of an order.
    Change(AccountId, ClientOrderId),
}

/// Why a position cannot be closed now; absent when the question may be put.
pub(crate) fn close_refusal(cx: &PageCtx<'_>, row: &PositionRow) -> Option<&'static str> {
    cx.refusal(Permission::PositionsClose)
        .or_else(|| command_refusal(row.command.as_ref()))
}

/// Why an order cannot be cancelled now; absent when the question may be put.
pub(crate) fn cancel_refusal(cx: &PageCtx<'_>, row: &OrderRow) -> Option<&'static str> {
    let already = (row.order.status == OrderStatus::CancelSent)
        .then_some("A cancel is on its way; the order may still fill.");
    cx.refusal(Permission::OrdersCancel)
        .or(already)
        .or_else(|| command_refusal(row.command.as_ref()))
}

/// Why an order cannot be changed now; absent when the question may be put.
pub(crate) fn modify_refusal(cx: &PageCtx<'_>, row: &OrderRow) -> Option<&'static str> {
    let under_way = row.order.reason_code.as_deref() == Some("change_sent");
    let state = match row.order.status {
        _ if row.problem.is_some() => {
            Some("The newest word on it cannot be read: what it asks for is not known.")
        }
        OrderStatus::Unknown => Some("Its state is unknown: being resolved by its id."),
        OrderStatus::Accepted | OrderStatus::Sent => {
            Some("The venue has not confirmed it yet; it can be changed then.")
        }
        OrderStatus::CancelSent => Some("A cancel is on its way; the order may still fill."),
        OrderStatus::ReplaceSent => Some(CHANGE_UNDER_WAY),
        OrderStatus::PartiallyFilled if under_way => Some(CHANGE_UNDER_WAY),
        _ => None,
    };
    cx.refusal(Permission::OrdersModify)
        .or(state)
        .or_else(|| command_refusal(row.command.as_ref()))
}

const CHANGE_UNDER_WAY: &str =
    "A change is on its way; until the venue answers the order may fill at the old terms.";

impl DashboardState {
    /// Asks for something; done when the dashboard is drawn next. What is not there any more is not done.
    pub fn ask(&mut self, request: DashboardRequest) {
        self.request = Some(request);
    }

    /// Does what was asked for, before anything is drawn.
    pub(super) fn take_request(&mut self, ctx: &Context, cx: &PageCtx<'_>) {
        let Some(request) = self.request.take() else {
            return;
        };
        let focus = |id| ctx.memory_mut(|memory| memory.request_focus(id));
        match request {
            DashboardRequest::FocusTable(table) => focus(table::focus_id(table.name())),
            DashboardRequest::FocusFilter(table) => {
                if let Some(name) = table.filter_name() {
                    focus(field_id(name));
                }
            }
            DashboardRequest::Close(symbol) => {
                let rows = &cx.snapshot.positions.rows;
                let row = rows.iter().find(|row| row.symbol == symbol);
                if let Some(row) = row.filter(|row| close_refusal(cx, row).is_none()) {
                    let opener = table::focus_id(DashboardTable::Positions.name());
                    self.dialog = Some(OpenDialog::close(cx, row, opener));
                }
            }
            DashboardRequest::Cancel(account, order) => {
                let rows = &cx.snapshot.orders.rows;
                let row = rows
                    .iter()
                    .find(|row| row.account == account && row.client_order_id == order);
                if let Some(row) = row.filter(|row| cancel_refusal(cx, row).is_none()) {
                    let opener = table::focus_id(DashboardTable::Orders.name());
                    self.dialog = Some(OpenDialog::cancel(cx, row, opener));
                }
            }
            DashboardRequest::Change(account, order) => {
                let rows = &cx.snapshot.orders.rows;
                let row = rows
                    .iter()
                    .find(|row| row.account == account && row.client_order_id == order);
                if let Some(row) = row.filter(|row| modify_refusal(cx, row).is_none()) {
                    let opener = table::focus_id(DashboardTable::Orders.name());
                    self.dialog = Some(OpenDialog::modify(cx, row, opener));
                }
            }
        }
        ctx.request_repaint();
    }
}
