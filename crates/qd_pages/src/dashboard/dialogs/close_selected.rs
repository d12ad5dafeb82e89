//! Closing the selected positions: what happens to each of them, and to all of them together.
//!
//! Each goes out as an ordinary close with an id of its own. A row that became flat meanwhile, or whose close is on its
//! way already, is named and left out.

use std::collections::BTreeSet;

use egui::{Context, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use qd_state::{CommandId, PositionRow, SealState};
use qd_types::{ClientOrderId, Money, Permission, Symbol, Tone, fmt};
use qd_ui::dialog::{Dialog, DialogOutcome, Warning};
use qd_ui::text::{self, HAlign};
use qd_ui::tokens::space;

use super::super::row_parts::command_refusal;
use super::close::{CloseEstimate, OLD_PRICE_MS, halt_words};
use crate::{Command, PageCtx};

const ROW_HEIGHT: f32 = 22.0;
/// Rows that are seen at once; the others scroll.
const ROWS_SEEN: f32 = 8.0;
/// Symbols that a warning names before "and N more".
const NAMED: usize = 4;

/// The question before the selected positions are closed.
pub(super) struct CloseSelected {
    closes: Vec<OneClose>,
    num_hidden: usize,
}

/// A close with the ids that it keeps however often it is sent.
struct OneClose {
    command_id: CommandId,
    client_order_id: ClientOrderId,
    symbol: Symbol,
}

/// What one of them means now.
enum Standing<'a> {
    Closes(&'a PositionRow, CloseEstimate),
    /// Its close is on its way, or nobody knows.
    Busy,
    /// What closing would do is unknown.
    Unreadable,
    Flat,
}

impl CloseSelected {
    pub(super) fn new(
        cx: &PageCtx<'_>,
        symbols: impl IntoIterator<Item = Symbol>,
        num_hidden: usize,
    ) -> Self {
        let closes = symbols.into_iter().map(|symbol| OneClose {
            command_id: cx.commands.new_command_id(),
            client_order_id: cx.commands.new_order_id(),
            symbol,
        });
        Self {
            closes: closes.collect(),
            num_hidden,
        }
    }

    pub(super) fn send(self, cx: &PageCtx<'_>) {
        for close in self.closes {
            if matches!(standing(cx, close.symbol), Standing::Closes(..)) {
                cx.commands.send(Command::ClosePosition {
                    command_id: close.command_id,
                    client_order_id: close.client_order_id,
                    symbol: close.symbol,
                    part: None,
                });
            }
        }
    }

    pub(super) fn ui(&self, ctx: &Context, cx: &PageCtx<'_>, page_rect: Rect) -> DialogOutcome {
        let all = All::of(cx, &self.closes);
        let num = all.num_closing();
        let title = match num {
            1 => "Close 1 position?".to_owned(),
            num => format!("Close {} positions?", fmt::count(num as u64)),
        };
        let mut lines = vec![match num {
            0 => "Nothing of what was selected is left to close.".to_owned(),
            _ => {
                "Each is closed at market, by an order of its own that can only reduce.".to_owned()
            }
        }];
        lines.extend(all.totals_words());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let warnings = all.warnings(cx, self.num_hidden);
        let warnings: Vec<Warning<'_>> = warnings
            .iter()
            .map(|(tone, text)| Warning { tone: *tone, text })
            .collect();
        let confirm = match num {
            1 => "Close 1 position".to_owned(),
            num => format!("Close {} positions", fmt::count(num as u64)),
        };
        let nothing = (num == 0).then_some("There is nothing left to close.");
        Dialog::new(&title, &lines, &confirm)
            .danger()
            .warnings(&warnings)
            .disabled_because(cx.refusal(Permission::PositionsClose).or(nothing))
            .over(page_rect)
            .show_with(ctx, &cx.ui, "close_selected", |ui| {
                ui.add_space(space::S);
                ui.spacing_mut().item_spacing.y = 0.0;
                ScrollArea::vertical()
                    .id_salt("closes")
                    .max_height(ROWS_SEEN * ROW_HEIGHT)
                    .auto_shrink([false, true])
                    .show_rows(ui, ROW_HEIGHT, all.rows.len(), |ui, range| {
                        for (symbol, standing) in all.rows.get(range).unwrap_or_default() {
                            row_ui(ui, cx, *symbol, standing);
                        }
                    });
                ui.add_space(space::XS);
            })
    }
}

fn standing<'a>(cx: &PageCtx<'a>, symbol: Symbol) -> Standing<'a> {
    let rows = &cx.snapshot.positions.rows;
    let row = rows
        .binary_search_by(|row| row.symbol.cmp(&symbol))
        .ok()
        .and_then(|i| rows.get(i));
    match row {
        Some(row) if row.problem.is_some() => Standing::Unreadable,
        Some(row) if row.parts.is_empty() => Standing::Flat,
        Some(row) if command_refusal(row.command.as_ref()).is_some() => Standing::Busy,
        Some(row) => Standing::Closes(row, CloseEstimate::of(row)),
        None => Standing::Flat,
    }
}

/// One line: "AAPL  sell 82  proceeds $17,809.58, leaves 0".
fn row_ui(ui: &mut Ui, cx: &PageCtx<'_>, symbol: Symbol, standing: &Standing<'_>) {
    let tokens = cx.ui.tokens;
    let fonts = &tokens.fonts;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT), Sense::hover());
    let (verbs, money) = match standing {
        Standing::Closes(_, estimate) => (estimate.verbs(), estimate.money_words()),
        Standing::Busy => (
            "left out".to_owned(),
            "its close is on its way already".to_owned(),
        ),
        Standing::Unreadable => (
            "left out".to_owned(),
            "it cannot be read; close it by itself".to_owned(),
        ),
        Standing::Flat => ("left out".to_owned(), "already flat".to_owned()),
    };
    let closes = matches!(standing, Standing::Closes(..));
    response.widget_info(|| {
        let after = if closes { ", position after 0" } else { "" };
        WidgetInfo::labeled(
            Role::Label,
            true,
            format!("{symbol}: {verbs}, {money}{after}"),
        )
    });
    let painter = ui.painter();
    let words = if closes {
        tokens.text_primary
    } else {
        tokens.text_hint
    };
    text::paint(
        painter,
        rect.with_max_x(rect.left() + 64.0),
        symbol.as_str(),
        &fonts.strong,
        if closes { tokens.text_strong } else { words },
        HAlign::Left,
    );
    text::paint(
        painter,
        rect.with_min_x(rect.left() + 68.0)
            .with_max_x(rect.left() + 190.0),
        &verbs,
        &fonts.body,
        words,
        HAlign::Left,
    );
    let after = if closes { ", leaves 0" } else { "" };
    text::paint(
        painter,
        rect.with_min_x(rect.left() + 194.0)
            .with_max_x(rect.right() - space::S),
        &format!("{}{after}", money.replace("estimated ", "")),
        &fonts.label,
        tokens.text_secondary,
        HAlign::Right,
    );
}

/// All of them with what they mean now.
struct All<'a> {
    rows: Vec<(Symbol, Standing<'a>)>,
}

impl<'a> All<'a> {
    fn of(cx: &PageCtx<'a>, closes: &[OneClose]) -> Self {
        Self {
            rows: closes
                .iter()
                .map(|close| (close.symbol, standing(cx, close.symbol)))
                .collect(),
        }
    }

    fn closing(&self) -> impl Iterator<Item = (&'a PositionRow, &CloseEstimate)> {
        self.rows.iter().filter_map(|(_, standing)| match standing {
            Standing::Closes(row, estimate) => Some((*row, estimate)),
            Standing::Busy | Standing::Unreadable | Standing::Flat => None,
        })
    }

    fn num_closing(&self) -> usize {
        self.closing().count()
    }

    /// "Estimated proceeds $…, estimated cost $…. Realizes about …" as far as there are prices.
    fn totals_words(&self) -> Option<String> {
        let mut proceeds = Money::ZERO;
        let mut cost = Money::ZERO;
        let mut realized = Money::ZERO;
        let (mut num_priced, mut num_sold, mut num_bought) = (0, 0, 0);
        for (row, estimate) in self.closing() {
            num_sold += usize::from(!estimate.sells.is_zero());
            num_bought += usize::from(!estimate.buys.is_zero());
            if let (Some(in_money), Some(out_money)) = (estimate.proceeds(), estimate.cost()) {
                num_priced += 1;
                proceeds += in_money;
                cost += out_money;
                realized += row.figures.unrealized_pl;
            }
        }
        if num_sold + num_bought == 0 {
            return None;
        }
        if num_priced == 0 {
            return Some("Proceeds and cost unknown: there is no price.".to_owned());
        }
        let mut sums = Vec::new();
        if num_sold > 0 {
            sums.push(format!("proceeds {}", fmt::money(proceeds)));
        }
        if num_bought > 0 {
            sums.push(format!("cost {}", fmt::money(cost)));
        }
        let without = self.num_closing() - num_priced;
        let without = match without {
            0 => String::new(),
            num => format!(" Without the {num} that have no price."),
        };
        Some(format!(
            "Together: estimated {}. Realizes about {}.{without}",
            sums.join(", "),
            fmt::signed_money(realized)
        ))
    }

    fn named(&self, wanted: impl Fn(&PositionRow) -> bool) -> Option<String> {
        let symbols: Vec<&str> = self
            .closing()
            .filter(|(row, _)| wanted(row))
            .map(|(row, _)| row.symbol.as_str())
            .collect();
        let (named, more) = symbols.split_at(symbols.len().min(NAMED));
        match (named, more.len()) {
            ([], _) => None,
            (named, 0) => Some(named.join(", ")),
            (named, more) => Some(format!("{} and {more} more", named.join(", "))),
        }
    }

    fn warnings(&self, cx: &PageCtx<'_>, num_hidden: usize) -> Vec<(Tone, String)> {
        let mut warnings = Vec::new();
        let now = cx.server_now();
        if let Some(names) = self.named(|row| row.figures.price_at.is_none()) {
            let text = format!("No price for {names}: the money above is not all of it.");
            warnings.push((Tone::Danger, text));
        }
        let is_old = |row: &PositionRow| {
            let at = row.figures.price_at;
            at.is_some_and(|at| now.millis_since(at) > OLD_PRICE_MS)
        };
        if let Some(names) = self.named(is_old) {
            let text = format!("Prices older than 15 s: {names}.");
            warnings.push((Tone::Danger, text));
        }
        if let Some(names) = self.named(|row| row.is_halted) {
            let text = format!("The exchange has halted {names}: nothing fills until it reopens.");
            warnings.push((Tone::Warn, text));
        }
        if !matches!(cx.snapshot.positions.seal.state, SealState::Verified { .. }) {
            let text = "Positions unverified: the server closes what is really held.";
            warnings.push((Tone::Warn, text.to_owned()));
        }
        if num_hidden > 0 {
            let text = match num_hidden {
                1 => "1 of them is hidden by the filter.".to_owned(),
                num => format!("{num} of them are hidden by the filter."),
            };
            warnings.push((Tone::Warn, text));
        }
        if let Some(text) = halt_words(cx.snapshot.halt.state) {
            warnings.push((Tone::Info, text.to_owned()));
        }
        let symbols: BTreeSet<Symbol> = self.closing().map(|(row, _)| row.symbol).collect();
        let orders = cx.snapshot.orders.rows.iter();
        let num_open = orders
            .filter(|order| symbols.contains(&order.symbol))
            .count();
        if num_open > 0 {
            let text = match num_open {
                1 => "1 open order in these symbols stays: cancel it separately.".to_owned(),
                num => format!("{num} open orders in these symbols stay: cancel them separately."),
            };
            warnings.push((Tone::Info, text));
        }
        warnings
    }
}
