//! Cancelling one order: which one, how much of it is filled, and that it may still fill.

use egui::{Context, Rect};
use qd_state::{CommandId, OrderRow};
use qd_types::{AccountId, ClientOrderId, Permission, Symbol, fmt};
use qd_ui::dialog::{Dialog, DialogOutcome};

use crate::{Command, PageCtx};

/// The question before an order is cancelled.
pub(super) struct CancelOne {
    command_id: CommandId,
    client_order_id: ClientOrderId,
    account: AccountId,
    symbol: Symbol,
    side: &'static str,
    /// "106/320", for when the order has ended since.
    asked: String,
}

impl CancelOne {
    pub(super) fn new(cx: &PageCtx<'_>, row: &OrderRow) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: row.client_order_id.clone(),
            account: row.account.clone(),
            symbol: row.symbol,
            side: row.order.side.label(),
            asked: row.filled.text.to_string(),
        }
    }

    pub(super) fn send(self, cx: &PageCtx<'_>) {
        cx.commands.send(Command::CancelOrder {
            command_id: self.command_id,
            account: self.account,
            client_order_id: self.client_order_id,
            symbol: self.symbol,
        });
    }

    pub(super) fn ui(&self, ctx: &Context, cx: &PageCtx<'_>, page_rect: Rect) -> DialogOutcome {
        let Self {
            command_id: _,
            client_order_id,
            account,
            symbol,
            side,
            asked,
        } = self;
        let row = cx
            .snapshot
            .orders
            .rows
            .iter()
            .find(|row| row.account == *account && row.client_order_id == *client_order_id);
        let title = format!("Cancel {side} {symbol}?");
        let first = match row {
            Some(row) => format!(
                "{} {} {symbol} {} at {}, {} filled so far.",
                side,
                fmt::qty(row.order.qty),
                row.order_type.text,
                row.price.text,
                fmt::qty(row.order.filled_qty)
            ),
            None => format!("The order ({asked}) has ended since; the venue will say so."),
        };
        Dialog::new(
            &title,
            &[&first, "Until the venue answers it may still fill."],
            "Cancel order",
        )
        .decline("Keep order")
        .disabled_because(cx.refusal(Permission::OrdersCancel))
        .over(page_rect)
        .show(ctx, &cx.ui, "cancel_order")
    }
}
