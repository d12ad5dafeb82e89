//! Changing one order: its shares and the prices that its kind has, and what that makes of what is open.
//!
//! It reads what was typed and says what is wrong with it; whether the change may be is the server's to say, and whether it
//! was made the venue's.

use egui::{Context, Key, Rect, Ui, vec2};
use qd_state::{CommandId, ConnectionState, OrderRow, Seal, SealState};
use qd_types::{
    AccountId, ClientOrderId, HaltState, Order, OrderTerms, Price, Qty, Symbol, Tone, fmt,
};
use qd_ui::dialog::{Dialog, DialogOutcome, Warning};
use qd_ui::field::text_field;
use qd_ui::text;
use qd_ui::tokens::space;

use crate::dashboard::request::modify_refusal;
use crate::{Command, PageCtx};

/// Points of a field's name and of the field.
const NAME_WIDTH: f32 = 96.0;
const FIELD_WIDTH: f32 = 150.0;
/// The server's own bounds; what is beyond them is a slip of the hand.
const MOST_SHARES: i64 = 1_000_000_000;
const MOST_DOLLARS: i64 = 10_000_000;

/// The question what to change of an order.
pub(super) struct ModifyOne {
    command_id: CommandId,
    /// The same for every send of this decision.
    decision_id: ClientOrderId,
    client_order_id: ClientOrderId,
    account: AccountId,
    symbol: Symbol,
    side: &'static str,
    /// What it asked for when the question was put: only what differs from that is changed.
    from: OrderTerms,
    typed: Typed,
}

/// The texts of the fields; absent where the order's kind has none.
struct Typed {
    qty: String,
    limit: Option<String>,
    stop: Option<String>,
    /// Nothing was drawn yet: the keyboard starts in the first field.
    is_new: bool,
}

/// What the fields say, or in words why one cannot be read.
struct Wanted {
    qty: Result<Qty, String>,
    limit: Option<Result<Price, String>>,
    stop: Option<Result<Price, String>>,
}

impl ModifyOne {
    pub(super) fn new(cx: &PageCtx<'_>, row: &OrderRow) -> Self {
        let from = row.order.terms();
        Self {
            command_id: cx.commands.new_command_id(),
            decision_id: cx.commands.new_order_id(),
            client_order_id: row.client_order_id.clone(),
            account: row.account.clone(),
            symbol: row.symbol,
            side: row.order.side.label(),
            from,
            typed: Typed {
                qty: from.qty.to_canonical(),
                limit: from.limit_price.map(Price::to_canonical),
                stop: from.stop_price.map(Price::to_canonical),
                is_new: true,
            },
        }
    }

    pub(super) fn send(self, cx: &PageCtx<'_>) {
        let Some(row) = self.row(cx) else { return };
        let Some(to) = self.typed.read(&row.order).terms() else {
            return;
        };
        let (from, to) = (self.from, to);
        cx.commands.send(Command::ModifyOrder {
            command_id: self.command_id,
            decision_id: self.decision_id,
            account: self.account,
            client_order_id: self.client_order_id,
            qty: (to.qty != from.qty).then_some(to.qty),
            limit_price: to
                .limit_price
                .filter(|_| to.limit_price != from.limit_price),
            stop_price: to.stop_price.filter(|_| to.stop_price != from.stop_price),
        });
    }

    fn row<'s>(&self, cx: &PageCtx<'s>) -> Option<&'s OrderRow> {
        let mut rows = cx.snapshot.orders.rows.iter();
        rows.find(|row| row.account == self.account && row.client_order_id == self.client_order_id)
            .map(|row| &**row)
    }

    pub(super) fn ui(&mut self, ctx: &Context, cx: &PageCtx<'_>, page_rect: Rect) -> DialogOutcome {
        let title = format!("Change {} {}?", self.side, self.symbol);
        let Some(row) = self.row(cx) else {
            let lines = ["The order has ended since: there is nothing left to change."];
            let outcome = Dialog::new(&title, &lines, "Change order")
                .decline("Close")
                .disabled_because(Some("The order has ended."))
                .over(page_rect)
                .show(ctx, &cx.ui, "modify_order");
            return match outcome {
                DialogOutcome::Open => DialogOutcome::Open,
                DialogOutcome::Cancelled | DialogOutcome::Confirmed => DialogOutcome::Cancelled,
            };
        };
        let order = &*row.order;
        let first = format!(
            "{} {} {} at {}, {} of {} filled so far.",
            self.side,
            self.symbol,
            row.order_type.text,
            row.price.text,
            fmt::qty(order.filled_qty),
            fmt::qty(order.qty)
        );
        let wanted = self.typed.read(order);
        let to = wanted.terms();
        let reason = self.refusal(cx, row, &wanted);
        let meaning = to.map(|to| meaning_words(cx, order, to));
        let warnings = to.map_or_else(Vec::new, |to| warnings(cx, order, to));

        let typed = &mut self.typed;
        let mut wants_to_confirm = false;
        let outcome = Dialog::new(&title, &[&first], "Change order")
            .decline("Keep as it is")
            .warnings(&warnings)
            .disabled_because(reason.as_deref())
            .over(page_rect)
            .show_with(ctx, &cx.ui, "modify_order", |ui| {
                ui.add_space(space::S);
                wants_to_confirm = fields_ui(ui, cx, typed, &wanted, reason.is_none());
                ui.add_space(space::S);
                let words = meaning
                    .as_deref()
                    .unwrap_or("What it would mean is not known yet.");
                let tokens = cx.ui.tokens;
                text::label(ui, words, &tokens.fonts.body, tokens.text_primary);
            });
        match outcome {
            DialogOutcome::Open if wants_to_confirm => DialogOutcome::Confirmed,
            outcome => outcome,
        }
    }

    /// Why it cannot be confirmed now; absent when it can.
    fn refusal(&self, cx: &PageCtx<'_>, row: &OrderRow, wanted: &Wanted) -> Option<String> {
        if let Some(reason) = modify_refusal(cx, row) {
            return Some(reason.to_owned());
        }
        let order = &*row.order;
        if order.terms() != self.from {
            let words = "The order was changed meanwhile: keep it as it is, and look at it again.";
            return Some(words.to_owned());
        }
        if let Some(problem) = wanted.problem() {
            return Some(problem);
        }
        let to = wanted.terms()?;
        if to == self.from {
            return Some("Nothing is changed yet.".to_owned());
        }
        if !order.is_raised_by(to) || may_only_reduce(cx, order) {
            return None;
        }
        let state = raise_refusal(cx, order.symbol)?;
        Some(format!(
            "{state}: an order can only be made smaller, or harder to reach."
        ))
    }
}

/// Why risk may not grow now, as far as this console can know; absent when it may. A raise stands on figures that are
/// proven and new: the command carries none that the server could look at.
fn raise_refusal(cx: &PageCtx<'_>, symbol: Symbol) -> Option<&'static str> {
    let snapshot = cx.snapshot;
    let is_verified = |seal: &Seal| matches!(seal.state, SealState::Verified { .. });
    match snapshot.halt.state {
        HaltState::Unknown => return Some("The halt state is unknown"),
        HaltState::ReduceOnly => return Some("Only reducing is allowed now"),
        HaltState::Halted => return Some("The kill switch is engaged"),
        HaltState::Active if !snapshot.halt.allows_risk() => {
            return Some("The halt state is not confirmed");
        }
        HaltState::Active => {}
    }
    if snapshot.connection.state != ConnectionState::Live {
        return Some("The console is resyncing");
    }
    if !is_verified(&snapshot.orders.seal) || !is_verified(&snapshot.positions.seal) {
        return Some("Orders and positions are not verified");
    }
    let mut rows = snapshot.positions.rows.iter();
    rows.any(|row| row.symbol == symbol && row.price_is_stale)
        .then_some("The price is stale")
}

impl Typed {
    fn read(&self, order: &Order) -> Wanted {
        Wanted {
            qty: read_qty(&self.qty, order),
            limit: self.limit.as_deref().map(read_price),
            stop: self.stop.as_deref().map(read_price),
        }
    }
}

impl Wanted {
    /// The order's terms after the change; absent while a field cannot be read.
    fn terms(&self) -> Option<OrderTerms> {
        let read = |price: &Option<Result<Price, String>>| match price {
            None => Some(None),
            Some(Ok(price)) => Some(Some(*price)),
            Some(Err(_)) => None,
        };
        Some(OrderTerms {
            qty: *self.qty.as_ref().ok()?,
            limit_price: read(&self.limit)?,
            stop_price: read(&self.stop)?,
        })
    }

    /// "Quantity: whole shares only."
    fn problem(&self) -> Option<String> {
        let prices = [("Limit price", &self.limit), ("Stop price", &self.stop)];
        let qty = self.qty.as_ref().err().map(|words| ("Quantity", words));
        let prices = prices
            .into_iter()
            .filter_map(|(name, price)| Some((name, price.as_ref()?.as_ref().err()?)));
        let (name, words) = qty.into_iter().chain(prices).next()?;
        Some(format!("{name}: {words}"))
    }
}

/// Nobody types an exponent on purpose.
fn is_plain(typed: &str) -> bool {
    let mut letters = typed.trim().chars();
    letters.all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-'))
}

fn read_qty(typed: &str, order: &Order) -> Result<Qty, String> {
    let qty = Qty::parse(typed.trim())
        .ok()
        .filter(|_| is_plain(typed))
        .ok_or_else(|| "whole shares in digits, like 250.".to_owned())?;
    if qty > Qty::from_units(MOST_SHARES, 0) {
        return Err("at most 1,000,000,000 shares.".to_owned());
    }
    if !qty.get().fract().is_zero() {
        return Err("whole shares only.".to_owned());
    }
    if !qty.is_positive() {
        return Err("above zero; to take the order off, cancel it.".to_owned());
    }
    if qty <= order.filled_qty {
        let filled = fmt::qty(order.filled_qty);
        return Err(format!(
            "{filled} are filled already: it counts these too and must be above them."
        ));
    }
    Ok(qty)
}

fn read_price(typed: &str) -> Result<Price, String> {
    let price = Price::parse(typed.trim())
        .ok()
        .filter(|_| is_plain(typed))
        .ok_or_else(|| "dollars and cents, like 126.86.".to_owned())?;
    if price > Price::from_units(MOST_DOLLARS, 0) {
        return Err("at most 10,000,000.".to_owned());
    }
    if !price.is_positive() {
        return Err("above zero.".to_owned());
    }
    if price.round(2) != price {
        return Err("whole cents only.".to_owned());
    }
    Ok(price)
}

/// Draws the fields with what is wrong with each below it; says whether Enter in one of them confirms.
fn fields_ui(
    ui: &mut Ui,
    cx: &PageCtx<'_>,
    typed: &mut Typed,
    wanted: &Wanted,
    is_valid: bool,
) -> bool {
    let tokens = cx.ui.tokens;
    let mut wants_to_confirm = false;
    let fields = [
        (
            "Quantity",
            "New quantity",
            Some(&mut typed.qty),
            wanted.qty.as_ref().err(),
        ),
        (
            "Limit price",
            "New limit price",
            typed.limit.as_mut(),
            wanted.limit.as_ref().and_then(|limit| limit.as_ref().err()),
        ),
        (
            "Stop price",
            "New stop price",
            typed.stop.as_mut(),
            wanted.stop.as_ref().and_then(|stop| stop.as_ref().err()),
        ),
    ];
    for (words, name, value, problem) in fields {
        let Some(value) = value else { continue };
        let response = ui
            .horizontal(|ui| {
                ui.allocate_ui(vec2(NAME_WIDTH, ui.spacing().interact_size.y), |ui| {
                    ui.set_width(NAME_WIDTH);
                    text::label(ui, words, &tokens.fonts.body, tokens.text_secondary);
                });
                text_field(ui, &cx.ui, value, "", name, FIELD_WIDTH)
            })
            .inner;
        if std::mem::take(&mut typed.is_new) {
            response.request_focus();
        }
        // What it means and whether it can be confirmed are read before the fields are drawn.
        if response.changed() {
            ui.ctx().request_repaint();
        }
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            if is_valid {
                wants_to_confirm = true;
            } else {
                response.request_focus();
            }
        }
        if let Some(problem) = problem {
            text::label(ui, problem, &tokens.fonts.body, tokens.danger);
        }
    }
    wants_to_confirm
}

/// The last price of a symbol, as far as the desk holds it.
fn mark_of(cx: &PageCtx<'_>, symbol: Symbol) -> Option<Price> {
    let mut positions = cx.snapshot.positions.rows.iter();
    positions
        .find(|row| row.symbol == symbol)?
        .figures
        .current_price
}

/// "Open value $38,058.00 → $31,715.00; 250 of 250 shares would be open."
fn meaning_words(cx: &PageCtx<'_>, order: &Order, to: OrderTerms) -> String {
    let mark = mark_of(cx, order.symbol);
    let changed = Order {
        qty: to.qty,
        limit_price: to.limit_price,
        stop_price: to.stop_price,
        ..order.clone()
    };
    let open = format!(
        "{} of {} shares would be open",
        fmt::qty(changed.remaining()),
        fmt::qty(changed.qty)
    );
    match (order.open_value(mark), changed.open_value(mark)) {
        (Some(before), Some(after)) => format!(
            "Open value {} \u{2192} {}; {open}.",
            fmt::money(before),
            fmt::money(after)
        ),
        _ => format!("Open value unknown: there is no price; {open}."),
    }
}

/// Whether the server may know that the order can only reduce: it closes, or what is held lies on its other side.
fn may_only_reduce(cx: &PageCtx<'_>, order: &Order) -> bool {
    let parts = cx
        .snapshot
        .positions
        .rows
        .iter()
        .flat_map(|row| &*row.parts);
    let opposes = |held: Qty| {
        !held.is_zero() && held.is_negative() != order.side.signed(order.qty).is_negative()
    };
    order.source == "close"
        || parts
            .filter(|part| {
                let key = &part.key;
                (&key.account, &key.strategy, key.symbol)
                    == (&order.account, &order.strategy, order.symbol)
            })
            .any(|part| opposes(part.qty))
}

fn warnings(cx: &PageCtx<'_>, order: &Order, to: OrderTerms) -> Vec<Warning<'static>> {
    let mut warnings = vec![Warning {
        tone: Tone::Info,
        text: "Until the venue answers it may fill at the old terms.",
    }];
    let mut warn = |tone, text| warnings.push(Warning { tone, text });
    if !matches!(cx.snapshot.orders.seal.state, SealState::Verified { .. }) {
        warn(
            Tone::Warn,
            "Orders unverified: more of it may be filled than is shown.",
        );
    }
    let from = order.terms();
    let keeps_place = OrderTerms {
        qty: from.qty,
        ..to
    } == from
        && to.qty <= from.qty;
    if !keeps_place {
        warn(Tone::Info, "It gives up its place in the queue.");
    }
    if cx.snapshot.halt.state != HaltState::Active && order.is_raised_by(to) {
        warn(
            Tone::Warn,
            "Risk may not grow now: the server takes this only if the order can only reduce.",
        );
    }
    warnings
}
