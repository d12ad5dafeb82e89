//! The confirmations of the dashboard: they say what will happen in money and position, then send one command.
//!
//! The ids are fixed when a dialog opens, so a doubled key or a second pass of the frame is the same command.

use egui::{Context, Rect};
use qd_state::{CommandId, OrderRow, PositionRow, SealState};
use qd_types::{AccountId, ClientOrderId, Qty, Side, Symbol, Tone, fmt};
use qd_ui::dialog::{Dialog, DialogOutcome, Warning};

use super::DashboardState;
use crate::{Command, PageCtx};

/// A price older than this is worth a warning before a market order.
const OLD_PRICE_MS: i64 = 15_000;

/// A question on screen.
pub(crate) struct OpenDialog {
    command_id: CommandId,
    client_order_id: ClientOrderId,
    kind: Kind,
}

enum Kind {
    Close {
        symbol: Symbol,
    },
    Cancel {
        account: AccountId,
        symbol: Symbol,
        side: &'static str,
        asked: String,
    },
}

impl OpenDialog {
    /// Asks before a position is closed.
    pub(crate) fn close(cx: &PageCtx<'_>, row: &PositionRow) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: cx.commands.new_order_id(),
            kind: Kind::Close { symbol: row.symbol },
        }
    }

    /// Asks before an order is cancelled.
    pub(crate) fn cancel(cx: &PageCtx<'_>, row: &OrderRow) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: row.client_order_id.clone(),
            kind: Kind::Cancel {
                account: row.account.clone(),
                symbol: row.symbol,
                side: row.order.side.label(),
                asked: row.filled.text.to_string(),
            },
        }
    }
}

/// Draws the open question, if there is one, over `page_rect`.
pub(crate) fn dialog_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    state: &mut DashboardState,
    page_rect: Rect,
) {
    let Some(open) = &state.dialog else { return };
    let outcome = match &open.kind {
        Kind::Close { symbol } => close_ui(ctx, cx, *symbol, page_rect),
        Kind::Cancel {
            symbol,
            side,
            asked,
            ..
        } => cancel_ui(ctx, cx, open, *symbol, side, asked, page_rect),
    };
    match outcome {
        DialogOutcome::Open => {}
        DialogOutcome::Cancelled => state.dialog = None,
        DialogOutcome::Confirmed => {
            // Taken out first: a second pass of this frame finds nothing to send.
            if let Some(OpenDialog {
                command_id,
                client_order_id,
                kind,
            }) = state.dialog.take()
            {
                cx.commands.send(match kind {
                    Kind::Close { symbol } => Command::ClosePosition {
                        command_id,
                        client_order_id,
                        symbol,
                    },
                    Kind::Cancel {
                        account, symbol, ..
                    } => Command::CancelOrder {
                        command_id,
                        account,
                        client_order_id,
                        symbol,
                    },
                });
            }
        }
    }
}

fn close_ui(ctx: &Context, cx: &PageCtx<'_>, symbol: Symbol, page_rect: Rect) -> DialogOutcome {
    let row = cx
        .snapshot
        .positions
        .rows
        .iter()
        .find(|row| row.symbol == symbol);
    let Some(row) = row.filter(|row| !row.figures.qty.is_zero()) else {
        // It was closed while the question stood there.
        let title = format!("{symbol} is already flat");
        let outcome = Dialog::new(
            &title,
            &["There is nothing left to close."],
            "Close position",
        )
        .over(page_rect)
        .show(ctx, &cx.ui, "close_position");
        return match outcome {
            DialogOutcome::Open => DialogOutcome::Open,
            DialogOutcome::Cancelled | DialogOutcome::Confirmed => DialogOutcome::Cancelled,
        };
    };
    let figures = &row.figures;
    let side = if figures.qty.is_positive() {
        Side::Sell
    } else {
        Side::Buy
    };
    let title = format!("Close {symbol}?");
    let verb = if side == Side::Sell {
        "Sells"
    } else {
        "Buys back"
    };
    let money = match side {
        Side::Sell => format!(
            "estimated proceeds {}",
            fmt::money(figures.market_value.abs())
        ),
        Side::Buy => format!("estimated cost {}", fmt::money(figures.market_value.abs())),
    };
    let order = format!(
        "{verb} {} {symbol} at market, {money}.",
        fmt::qty(figures.qty.abs())
    );
    let after = format!(
        "Position after: {}. Realizes about {} at the last price.",
        fmt::qty(Qty::ZERO),
        fmt::signed_money(figures.unrealized_pl)
    );
    let parts = (row.parts.len() > 1).then(|| {
        let names: Vec<&str> = row
            .parts
            .iter()
            .map(|part| part.strategy.as_str())
            .collect();
        format!("Held by {}: each part is closed.", names.join(", "))
    });
    let mut lines = vec![order.as_str(), after.as_str()];
    lines.extend(parts.as_deref());

    let price_age = figures
        .price_at
        .map(|at| cx.server_now().millis_since(at).max(0));
    let old_price = match price_age {
        Some(age) if age > OLD_PRICE_MS => Some(format!("The price is {} old.", fmt::age(age))),
        Some(_) => None,
        None => Some("There is no price: the money above is unknown.".to_owned()),
    };
    let mut warnings = Vec::new();
    if let Some(text) = &old_price {
        warnings.push(Warning {
            tone: Tone::Danger,
            text,
        });
    }
    if !matches!(cx.snapshot.positions.seal.state, SealState::Verified { .. }) {
        warnings.push(Warning {
            tone: Tone::Warn,
            text: "Positions unverified: the server closes what is really held.",
        });
    }
    if !cx.snapshot.halt.state.allows_risk() {
        warnings.push(Warning {
            tone: Tone::Info,
            text: "Trading is halted; closing by hand is still allowed.",
        });
    }
    let num_open = cx
        .snapshot
        .orders
        .rows
        .iter()
        .filter(|order| order.symbol == symbol)
        .count();
    let open_orders = (num_open > 0).then(|| {
        format!(
            "{num_open} open {} in {symbol} stay: cancel them separately.",
            if num_open == 1 { "order" } else { "orders" }
        )
    });
    if let Some(text) = &open_orders {
        warnings.push(Warning {
            tone: Tone::Info,
            text,
        });
    }
    let order_verb = if side == Side::Sell {
        "Sell"
    } else {
        "Buy back"
    };
    let confirm = format!("{order_verb} {} {symbol}", fmt::qty(figures.qty.abs()));
    Dialog::new(&title, &lines, &confirm)
        .danger()
        .warnings(&warnings)
        .over(page_rect)
        .show(ctx, &cx.ui, "close_position")
}

fn cancel_ui(
    ctx: &Context,
    cx: &PageCtx<'_>,
    open: &OpenDialog,
    symbol: Symbol,
    side: &str,
    asked: &str,
    page_rect: Rect,
) -> DialogOutcome {
    let row = cx
        .snapshot
        .orders
        .rows
        .iter()
        .find(|row| row.client_order_id == open.client_order_id);
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
    .over(page_rect)
    .show(ctx, &cx.ui, "cancel_order")
}
