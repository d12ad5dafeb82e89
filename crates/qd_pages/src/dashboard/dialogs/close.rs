//! Closing one position: what is sold or bought back, for about how much, and what is left.
//!
//! It estimates; what is held and what it brings is the server's to say.

use std::sync::Arc;

use egui::{Context, Rect};
use qd_state::{CommandId, PositionRow, SealState};
use qd_types::{
    ClientOrderId, HaltState, Money, Permission, PositionKey, Price, Qty, Symbol, Tone, fmt,
};
use qd_ui::dialog::{Dialog, DialogOutcome, Warning};

use crate::{Command, PageCtx};

/// A price older than this is worth a warning before a market order.
pub(super) const OLD_PRICE_MS: i64 = 15_000;

/// The question before a position is closed.
pub(super) struct CloseOne {
    command_id: CommandId,
    client_order_id: ClientOrderId,
    symbol: Symbol,
    /// One stake alone; absent for all that is held in the symbol.
    part: Option<PositionKey>,
}

impl CloseOne {
    pub(super) fn new(cx: &PageCtx<'_>, row: &PositionRow) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            client_order_id: cx.commands.new_order_id(),
            symbol: row.symbol,
            part: None,
        }
    }

    /// Of a row that is one stake.
    pub(super) fn stake(cx: &PageCtx<'_>, row: &PositionRow) -> Self {
        Self {
            part: row.parts.first().map(|part| part.key.clone()),
            ..Self::new(cx, row)
        }
    }

    /// What is asked about, as it is now.
    fn row<'s>(&self, cx: &PageCtx<'s>) -> Option<&'s Arc<PositionRow>> {
        let positions = &cx.snapshot.positions;
        match &self.part {
            None => positions.rows.iter().find(|row| row.symbol == self.symbol),
            Some(key) => positions
                .unfolded
                .iter()
                .find(|row| row.parts.first().is_some_and(|part| part.key == *key)),
        }
    }

    pub(super) fn send(self, cx: &PageCtx<'_>) {
        cx.commands.send(Command::ClosePosition {
            command_id: self.command_id,
            client_order_id: self.client_order_id,
            symbol: self.symbol,
            part: self.part,
        });
    }

    pub(super) fn ui(&self, ctx: &Context, cx: &PageCtx<'_>, page_rect: Rect) -> DialogOutcome {
        let symbol = self.symbol;
        let row = self.row(cx);
        if row.is_some_and(|row| row.problem.is_some()) {
            // What lowers risk is never kept back: the server knows what it holds, and only reduces.
            let title = format!("Close {symbol}?");
            let lines = ["Closes whatever the server holds in it, and only reduces."];
            let warnings = [Warning {
                tone: Tone::Danger,
                text: "The server's word on this position cannot be read here: shares and money are unknown.",
            }];
            let confirm = format!("Close {symbol}");
            return Dialog::new(&title, &lines, &confirm)
                .danger()
                .warnings(&warnings)
                .disabled_because(cx.refusal(Permission::PositionsClose))
                .over(page_rect)
                .show(ctx, &cx.ui, "close_position");
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
        let title = match &self.part {
            None => format!("Close {symbol}?"),
            Some(key) => format!("Close {symbol} of {} on {}?", key.strategy, key.account),
        };
        let estimate = CloseEstimate::of(row);
        let order = estimate.sentence(symbol);
        let confirm = capitalized(&format!("{} {symbol}", estimate.verbs()));
        let after = match figures.current_price {
            Some(_) => format!(
                "Position after: {}. Realizes about {} at the last price.",
                fmt::qty(Qty::ZERO),
                fmt::signed_money(figures.unrealized_pl)
            ),
            None => format!("Position after: {}.", fmt::qty(Qty::ZERO)),
        };
        let parts = parts_words(row);
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
        Dialog::new(&title, &lines, &confirm)
            .danger()
            .warnings(&warnings)
            .disabled_because(cx.refusal(Permission::PositionsClose))
            .over(page_rect)
            .show(ctx, &cx.ui, "close_position")
    }
}

/// What closing a row means: the server closes each part on its own side, whatever the parts' sum.
pub(super) struct CloseEstimate {
    /// Shares sold, over the parts above zero.
    pub(super) sells: Qty,
    /// Shares bought back, over the parts below zero.
    pub(super) buys: Qty,
    /// The last price; absent before the first.
    price: Option<Price>,
}

impl CloseEstimate {
    pub(super) fn of(row: &PositionRow) -> Self {
        let sum = |wanted: fn(&Qty) -> bool| -> Qty {
            let each = row.parts.iter().map(|part| part.qty).filter(wanted);
            each.fold(Qty::ZERO, |sum, qty| sum + qty).abs()
        };
        Self {
            sells: sum(|qty| qty.is_positive()),
            buys: sum(|qty| qty.is_negative()),
            price: row.figures.current_price,
        }
    }

    /// What the sold shares bring; absent without a price.
    pub(super) fn proceeds(&self) -> Option<Money> {
        self.price.map(|price| price.times(self.sells))
    }

    /// What the shares bought back cost; absent without a price.
    pub(super) fn cost(&self) -> Option<Money> {
        self.price.map(|price| price.times(self.buys))
    }

    /// "sell 227, buy back 9"
    pub(super) fn verbs(&self) -> String {
        let mut verbs = Vec::new();
        if !self.sells.is_zero() {
            verbs.push(format!("sell {}", fmt::qty(self.sells)));
        }
        if !self.buys.is_zero() {
            verbs.push(format!("buy back {}", fmt::qty(self.buys)));
        }
        verbs.join(", ")
    }

    /// "Sells 227 and buys back 9 AAPL at market, estimated proceeds $…, estimated cost $…."
    fn sentence(&self, symbol: Symbol) -> String {
        let mut orders = Vec::new();
        if !self.sells.is_zero() {
            orders.push(format!("sells {}", fmt::qty(self.sells)));
        }
        if !self.buys.is_zero() {
            orders.push(format!("buys back {}", fmt::qty(self.buys)));
        }
        capitalized(&format!(
            "{} {symbol} at market, {}.",
            orders.join(" and "),
            self.money_words()
        ))
    }

    /// "estimated proceeds $…, estimated cost $…"
    pub(super) fn money_words(&self) -> String {
        let money = |word: &str, value: Option<Money>| match value {
            Some(value) => format!("estimated {word} {}", fmt::money(value)),
            None => format!("{word} unknown"),
        };
        let mut sums = Vec::new();
        if !self.sells.is_zero() {
            sums.push(money("proceeds", self.proceeds()));
        }
        if !self.buys.is_zero() {
            sums.push(money("cost", self.cost()));
        }
        sums.join(", ")
    }
}

pub(super) fn capitalized(words: &str) -> String {
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
pub(super) fn halt_words(state: HaltState) -> Option<&'static str> {
    match state {
        HaltState::Active => None,
        HaltState::ReduceOnly => Some("Only reducing is allowed now: closing is."),
        HaltState::Halted => Some("The kill switch is engaged; closing by hand is still allowed."),
        HaltState::Unknown => Some(
            "The halt state is unknown and treated as halted; closing by hand is still allowed.",
        ),
    }
}
