//! Cancelling everything: how many orders, in what, worth how much, and of which part of the desk.
//!
//! It counts what this console knows. The server takes off what is open when it decides, and answers with what that was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use egui::{Context, Rect, ScrollArea};
use qd_state::{CommandId, OrderRow, SealState};
use qd_types::{ClientOrderId, HaltScope, Money, OrderStatus, Symbol, Tone, fmt};
use qd_ui::choice_row::{self, ChoiceRow};
use qd_ui::dialog::{Dialog, DialogOutcome, Warning};
use qd_ui::tokens::space;

use super::super::all_orders;
use crate::{Command, PageCtx};

/// Symbols that are named before "and N more".
const NAMED_SYMBOLS: usize = 8;
/// Rows of the choice that are seen at once; half of one says that there are more below.
const CHOICES_SEEN: f32 = 5.5;
/// What the dialog takes beside them, with every warning there is, in points.
const HEIGHT_WITHOUT_CHOICES: f32 = 320.0;

/// The question before all open orders are cancelled.
pub(super) struct CancelAll {
    command_id: CommandId,
    decision_id: ClientOrderId,
    scope: HaltScope,
    /// What can be chosen, with its words: fixed, so that nothing moves under the pointer while orders end.
    choices: Vec<(String, HaltScope)>,
}

impl CancelAll {
    pub(super) fn new(cx: &PageCtx<'_>) -> Self {
        Self {
            command_id: cx.commands.new_command_id(),
            decision_id: cx.commands.new_order_id(),
            scope: HaltScope::Firm,
            choices: choices(&cx.snapshot.orders.rows),
        }
    }

    pub(super) fn send(self, cx: &PageCtx<'_>) {
        cx.commands.send(Command::CancelAll {
            command_id: self.command_id,
            decision_id: self.decision_id,
            scope: self.scope,
        });
    }

    pub(super) fn ui(&mut self, ctx: &Context, cx: &PageCtx<'_>, page_rect: Rect) -> DialogOutcome {
        let met = Met::of(cx, &self.scope);
        let counts = counts(&cx.snapshot.orders.rows);
        let choices = &self.choices;
        let title = match &self.scope {
            HaltScope::Firm => "Cancel all open orders?".to_owned(),
            scope => format!("Cancel all open orders {}?", scope_words(scope)),
        };
        let what = met.what_words();
        let value = met.value_words();
        let mut lines = vec![what.as_str()];
        lines.extend(value.as_deref());
        lines.push("Until the venue answers, each of them may still fill.");

        let mut warnings = Vec::new();
        if !matches!(cx.snapshot.orders.seal.state, SealState::Verified { .. }) {
            warnings.push(Warning {
                tone: Tone::Warn,
                text: "Orders unverified: the server cancels what is really open.",
            });
        }
        let unknown = met.unknown_words();
        warnings.extend(unknown.as_deref().map(|text| Warning {
            tone: Tone::Warn,
            text,
        }));
        let sent = met.sent_words();
        warnings.extend(sent.as_deref().map(|text| Warning {
            tone: Tone::Info,
            text,
        }));
        if met.has_strategies {
            warnings.push(Warning {
                tone: Tone::Info,
                text: "Orders of strategies are cancelled too; a strategy may place new ones.",
            });
        }
        let confirm = match met.num {
            0 if !all_orders::is_known_whole(cx) => "Cancel what is open".to_owned(),
            1 => "Cancel 1 order".to_owned(),
            num => format!("Cancel {} orders", fmt::count(num as u64)),
        };
        let nothing = (met.num == 0 && all_orders::is_known_whole(cx))
            .then_some("There is nothing open to cancel.");
        let scope = &mut self.scope;
        Dialog::new(&title, &lines, &confirm)
            .danger()
            .decline("Keep them")
            .warnings(&warnings)
            .disabled_because(all_orders::refusal(cx).or(nothing))
            .over(page_rect)
            .show_with(ctx, &cx.ui, "cancel_all", |ui| {
                if choices.len() < 2 {
                    return;
                }
                ui.add_space(space::S);
                ui.spacing_mut().item_spacing.y = 0.0;
                ScrollArea::vertical()
                    .id_salt("scopes")
                    .max_height(choices_seen(page_rect) * choice_row::ROW_HEIGHT)
                    .auto_shrink([false, true])
                    .show_rows(ui, choice_row::ROW_HEIGHT, choices.len(), |ui, range| {
                        for (label, wanted) in choices.get(range).unwrap_or_default() {
                            let detail = match counts.get(wanted).copied().unwrap_or(0) {
                                1 => "1 order".to_owned(),
                                num => format!("{} orders", fmt::count(num)),
                            };
                            let is_on = *scope == *wanted;
                            if ChoiceRow::new(label, &detail, is_on)
                                .ui(ui, &cx.ui)
                                .clicked()
                            {
                                *scope = wanted.clone();
                            }
                        }
                    });
            })
    }
}

/// Fewer rows in a low window: the dialog must not grow over header and footer. Half a row says that there are more.
fn choices_seen(page_rect: Rect) -> f32 {
    let room = page_rect.height() - HEIGHT_WITHOUT_CHOICES;
    ((room / choice_row::ROW_HEIGHT).floor() - 0.5).clamp(1.5, CHOICES_SEEN)
}

/// "on PAPER-1", "of momentum", "in AAPL".
fn scope_words(scope: &HaltScope) -> String {
    match scope {
        HaltScope::Firm => "of yours".to_owned(),
        HaltScope::Account(account) => format!("on {account}"),
        HaltScope::Strategy(strategy) => format!("of {strategy}"),
        HaltScope::Symbol(symbol) => format!("in {symbol}"),
    }
}

fn is_within(scope: &HaltScope, row: &OrderRow) -> bool {
    scope.covers(&row.account, &row.order.strategy, row.symbol)
}

/// How many open orders there are in each scope.
fn counts(rows: &[Arc<OrderRow>]) -> BTreeMap<HaltScope, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        for scope in [
            HaltScope::Firm,
            HaltScope::Account(row.account.clone()),
            HaltScope::Strategy(row.order.strategy.clone()),
            HaltScope::Symbol(row.symbol),
        ] {
            *counts.entry(scope).or_insert(0) += 1;
        }
    }
    counts
}

/// What may be chosen: everything, then by account, strategy and symbol wherever there is more than one.
fn choices(rows: &[Arc<OrderRow>]) -> Vec<(String, HaltScope)> {
    let counts = counts(rows);
    let mut choices = vec![("Everything you may see".to_owned(), HaltScope::Firm)];
    for word in ["Account", "Strategy", "Symbol"] {
        let is_of = |scope: &&HaltScope| match scope {
            HaltScope::Firm => false,
            HaltScope::Account(_) => word == "Account",
            HaltScope::Strategy(_) => word == "Strategy",
            HaltScope::Symbol(_) => word == "Symbol",
        };
        let group: Vec<&HaltScope> = counts.keys().filter(is_of).collect();
        if group.len() < 2 {
            continue;
        }
        choices.extend(group.into_iter().map(|scope| {
            let name = scope.to_string();
            let name = name.split_once(':').map_or(name.as_str(), |(_, name)| name);
            (format!("{word} {name}"), scope.clone())
        }));
    }
    choices
}

/// The open orders of a scope, added up.
#[derive(Default)]
struct Met {
    num: usize,
    symbols: BTreeSet<Symbol>,
    /// Of those that have a price.
    value: Money,
    num_unpriced: usize,
    num_sent: usize,
    num_unknown: usize,
    /// Some are the work of a program, which may go on.
    has_strategies: bool,
}

impl Met {
    fn of(cx: &PageCtx<'_>, scope: &HaltScope) -> Self {
        let positions = &cx.snapshot.positions.rows;
        let mark = |symbol: Symbol| {
            let i = positions
                .binary_search_by(|row| row.symbol.cmp(&symbol))
                .ok()?;
            positions.get(i)?.figures.current_price
        };
        let mut met = Self::default();
        let rows = cx.snapshot.orders.rows.iter();
        for row in rows.filter(|row| is_within(scope, row)) {
            met.num += 1;
            met.symbols.insert(row.symbol);
            match row.order.open_value(mark(row.symbol)) {
                Some(value) => met.value += value,
                None => met.num_unpriced += 1,
            }
            met.num_sent += usize::from(row.order.status == OrderStatus::CancelSent);
            met.has_strategies |= !matches!(&*row.order.source, "manual" | "close");
            met.num_unknown += usize::from(row.order.status == OrderStatus::Unknown);
        }
        met
    }

    /// "6 open orders in AAPL, GOOG, NVDA, TSLA, V and XOM."
    fn what_words(&self) -> String {
        let orders = match self.num {
            0 => return "No order is open there any more.".to_owned(),
            1 => "1 open order".to_owned(),
            num => format!("{} open orders", fmt::count(num as u64)),
        };
        let named: Vec<&str> = self
            .symbols
            .iter()
            .take(NAMED_SYMBOLS)
            .map(Symbol::as_str)
            .collect();
        let more = self.symbols.len() - named.len();
        let symbols = match (self.symbols.len(), more) {
            (1, _) => named.join(""),
            (num, 0) => format!("{num} symbols: {}", named.join(", ")),
            (num, more) => format!("{num} symbols: {} and {more} more", named.join(", ")),
        };
        format!("{orders} in {symbols}.")
    }

    /// "Open value $123,456.00." Absent when nothing is open.
    fn value_words(&self) -> Option<String> {
        let value = fmt::money(self.value);
        match (self.num, self.num_unpriced) {
            (0, _) => None,
            (_, 0) => Some(format!("Open value {value}.")),
            (num, unpriced) if num == unpriced => {
                Some("Open value unknown: there is no price.".to_owned())
            }
            (_, unpriced) => Some(format!(
                "Open value {value}, and {unpriced} at a price nobody knows."
            )),
        }
    }

    fn sent_words(&self) -> Option<String> {
        match self.num_sent {
            0 => None,
            1 => Some("1 order has a cancel on its way already.".to_owned()),
            num => Some(format!("{num} orders have a cancel on their way already.")),
        }
    }

    fn unknown_words(&self) -> Option<String> {
        match self.num_unknown {
            0 => None,
            1 => Some("The state of 1 order is unknown; it is cancelled too.".to_owned()),
            num => Some(format!(
                "The state of {num} orders is unknown; they are cancelled too."
            )),
        }
    }
}
