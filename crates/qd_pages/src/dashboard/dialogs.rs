//! The confirmations of the dashboard: they say what will happen in money and position, then send one command.
//!
//! The ids are fixed when a dialog opens, so a doubled key or a second pass of the frame is the same command.

use egui::{Context, Id, Rect};
use qd_state::{CommandId, OrderRow, PositionRow, SealState};
use qd_types::{AccountId, ClientOrderId, HaltState, Permission, Qty, Symbol, Tone, fmt};
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
    /// The button that asked: the keyboard goes back there.
    opener: Id,
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
    pub(crate) fn close(cx: &PageCtx<'_>, row: &PositionRow, opener: Id) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: cx.commands.new_order_id(),
            kind: Kind::Close { symbol: row.symbol },
            opener,
        }
    }

    /// Asks before an order is cancelled.
    pub(crate) fn cancel(cx: &PageCtx<'_>, row: &OrderRow, opener: Id) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: row.client_order_id.clone(),
            kind: Kind::Cancel {
                account: row.account.clone(),
                symbol: row.symbol,
                side: row.order.side.label(),
                asked: row.filled.text.to_string(),
            },
            opener,
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
    let Some(open) = &state.dialog else {
        // While the dialog was on screen in the frame before, nothing behind it can have the focus.
        if state.return_focus.is_some() {
            if ctx.memory(|memory| memory.top_modal_layer().is_none())
                && let Some(opener) = state.return_focus.take()
            {
                ctx.memory_mut(|memory| memory.request_focus(opener));
            }
            ctx.request_repaint();
        }
        return;
    };
    let opener = open.opener;
    let outcome = match &open.kind {
        Kind::Close { symbol } => close_ui(ctx, cx, *symbol, page_rect),
        Kind::Cancel { .. } => cancel_ui(ctx, cx, open, page_rect),
    };
    if outcome != DialogOutcome::Open {
        state.return_focus = Some(opener);
        ctx.request_repaint();
    }
    match outcome {
        DialogOutcome::Open => {}
        DialogOutcome::Cancelled => state.dialog = None,
        DialogOutcome::Confirmed => {
            // Taken out first: a second pass of this frame finds nothing to send.
            if let Some(OpenDialog {
                command_id,
                client_order_id,
                kind,
                opener: _,
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

/// What closing a row means: the server closes each part on its own side, whatever the parts' sum.
struct CloseWords {
    /// "Sells 227 and buys back 9 AAPL at market, estimated proceeds $…, estimated cost $…."
    order: String,
    /// "Sell 227, buy back 9 AAPL"
    confirm: String,
}

impl CloseWords {
    fn of(row: &PositionRow) -> Self {
        let symbol = row.symbol;
        let sum = |wanted: fn(&Qty) -> bool| -> Qty {
            let each = row.parts.iter().map(|part| part.qty).filter(wanted);
            each.fold(Qty::ZERO, |sum, qty| sum + qty).abs()
        };
        let (sells, buys) = (sum(|qty| qty.is_positive()), sum(|qty| qty.is_negative()));
        let money = |word: &str, qty: Qty| match row.figures.current_price {
            Some(price) => format!("estimated {word} {}", fmt::money(price.times(qty))),
            None => format!("{word} unknown"),
        };
        let mut orders = Vec::new();
        let mut verbs = Vec::new();
        let mut sums = Vec::new();
        if !sells.is_zero() {
            orders.push(format!("sells {}", fmt::qty(sells)));
            verbs.push(format!("sell {}", fmt::qty(sells)));
            sums.push(money("proceeds", sells));
        }
        if !buys.is_zero() {
            orders.push(format!("buys back {}", fmt::qty(buys)));
            verbs.push(format!("buy back {}", fmt::qty(buys)));
            sums.push(money("cost", buys));
        }
        Self {
            order: capitalized(&format!(
                "{} {symbol} at market, {}.",
                orders.join(" and "),
                sums.join(", ")
            )),
            confirm: capitalized(&format!("{} {symbol}", verbs.join(", "))),
        }
    }
}

fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Which stakes are closed, when there are several.
fn parts_words(row: &PositionRow) -> Option<String> {
    let [first, _, ..] = &*row.parts else {
        return None;
    };
    let is_one_account = row
        .parts
        .iter()
        .all(|part| part.key.account == first.key.account);
    let names: Vec<String> = row
        .parts
        .iter()
        .map(|part| {
            let qty = fmt::qty(part.qty);
            if is_one_account {
                format!("{} {qty}", part.key.strategy)
            } else {
                format!("{}/{} {qty}", part.key.account, part.key.strategy)
            }
        })
        .collect();
    Some(format!(
        "Held by {}: each part is closed on its own side.",
        names.join(", ")
    ))
}

/// What the halt state means for closing by hand; absent while it means nothing.
fn halt_words(state: HaltState) -> Option<&'static str> {
    match state {
        HaltState::Active => None,
        HaltState::ReduceOnly => Some("Only reducing is allowed now: closing is."),
        HaltState::Halted => Some("The kill switch is engaged; closing by hand is still allowed."),
        HaltState::Unknown => Some(
            "The halt state is unknown and treated as halted; closing by hand is still allowed.",
        ),
    }
}

fn close_ui(ctx: &Context, cx: &PageCtx<'_>, symbol: Symbol, page_rect: Rect) -> DialogOutcome {
    let row = cx
        .snapshot
        .positions
        .rows
        .iter()
        .find(|row| row.symbol == symbol);
    if row.is_some_and(|row| row.problem.is_some()) {
        // It became so while the question stood there.
        let title = format!("{symbol} cannot be read");
        let lines = [
            "The server's word on this position cannot be read here: what closing would do is unknown.",
        ];
        let outcome = Dialog::new(&title, &lines, "Close position")
            .disabled_because(Some("What it would do is unknown."))
            .over(page_rect)
            .show(ctx, &cx.ui, "close_position");
        return match outcome {
            DialogOutcome::Open => DialogOutcome::Open,
            DialogOutcome::Cancelled | DialogOutcome::Confirmed => DialogOutcome::Cancelled,
        };
    }
    // Parts that cancel out are not flat: each of them is closed.
    let Some(row) = row.filter(|row| !row.parts.is_empty()) else {
        // It was closed while the question stood there.
        let title = format!("{symbol} is already flat");
        let outcome = Dialog::new(
            &title,
            &["There is nothing left to close."],
            "Close position",
        )
        .disabled_because(Some("There is nothing left to close."))
        .over(page_rect)
        .show(ctx, &cx.ui, "close_position");
        return match outcome {
            DialogOutcome::Open => DialogOutcome::Open,
            DialogOutcome::Cancelled | DialogOutcome::Confirmed => DialogOutcome::Cancelled,
        };
    };
    let figures = &row.figures;
    let title = format!("Close {symbol}?");
    let words = CloseWords::of(row);
    let after = match figures.current_price {
        Some(_) => format!(
            "Position after: {}. Realizes about {} at the last price.",
            fmt::qty(Qty::ZERO),
            fmt::signed_money(figures.unrealized_pl)
        ),
        None => format!("Position after: {}.", fmt::qty(Qty::ZERO)),
    };
    let parts = parts_words(row);
    let mut lines = vec![words.order.as_str(), after.as_str()];
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
    if let Some(text) = halt_words(cx.snapshot.halt.state) {
        warnings.push(Warning {
            tone: Tone::Info,
            text,
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
        if num_open == 1 {
            format!("1 open order in {symbol} stays: cancel it separately.")
        } else {
            format!("{num_open} open orders in {symbol} stay: cancel them separately.")
        }
    });
    if let Some(text) = &open_orders {
        warnings.push(Warning {
            tone: Tone::Info,
            text,
        });
    }
    Dialog::new(&title, &lines, &words.confirm)
        .danger()
        .warnings(&warnings)
        .disabled_because(cx.refusal(Permission::PositionsClose))
        .over(page_rect)
        .show(ctx, &cx.ui, "close_position")
}

fn cancel_ui(ctx: &Context, cx: &PageCtx<'_>, open: &OpenDialog, page_rect: Rect) -> DialogOutcome {
    let Kind::Cancel {
        account,
        symbol,
        side,
        asked,
    } = &open.kind
    else {
        return DialogOutcome::Cancelled;
    };
    let row = cx
        .snapshot
        .orders
        .rows
        .iter()
        .find(|row| row.account == *account && row.client_order_id == open.client_order_id);
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
    .disabled_because(cx.refusal(Permission::OrdersCancel))
    .over(page_rect)
    .show(ctx, &cx.ui, "cancel_order")
}
