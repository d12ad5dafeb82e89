//! One account: cash, rows and what they are worth.
//!
//! Knows fills and marks, not orders. Totals are sums over the rows, made from them each time they are asked for.

use std::collections::BTreeMap;

use qd_types::{
    AccountId, AccountTotals, Exposure, Money, Position, PositionKey, PositionMath, Price, Qty,
    Ratio, Side, Symbol, UtcMicros,
};

use crate::config::{AccountConfig, Holding};

#[derive(Clone, Debug)]
struct Row {
    math: PositionMath,
    /// Of `math.realized_pl`, what was realized before this trading day.
    realized_before: Money,
    position: Position,
}

impl Row {
    fn new(key: &PositionKey, at: UtcMicros) -> Self {
        Self {
            math: PositionMath::default(),
            realized_before: Money::ZERO,
            position: Position {
                account: key.account.clone(),
                strategy: key.strategy.clone(),
                symbol: key.symbol,
                qty: Qty::ZERO,
                avg_entry_price: Price::ZERO,
                current_price: None,
                price_at: None,
                unrealized_pl: Money::ZERO,
                unrealized_plpc: None,
                market_value: Money::ZERO,
                realized_pl_today: Money::ZERO,
                updated_at: at,
            },
        }
    }

    fn refresh(&mut self, price: Price, price_at: UtcMicros, now: UtcMicros) {
        self.position.qty = self.math.qty;
        self.position.avg_entry_price = self.math.avg_entry_price;
        self.position.realized_pl_today = self.math.realized_pl - self.realized_before;
        self.position.mark(price, price_at);
        self.position.updated_at = now;
    }
}

/// What happened on an account since the trading day began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCounts {
    /// Orders recorded, refused ones included.
    pub num_orders: u64,
    /// Fills booked.
    pub num_fills: u64,
    /// Fills and final states, for the activity list's "of so many today".
    pub num_activity: u64,
    /// Commissions.
    pub fees: Money,
    /// Sum of price times shares over all fills.
    pub turnover: Money,
}

/// Cash and rows of one account.
#[derive(Clone, Debug)]
pub struct Book {
    account: AccountId,
    cash: Money,
    rows: BTreeMap<PositionKey, Row>,
    /// The figures of the trading day so far.
    pub day: DayCounts,
}

impl Book {
    /// An account that begins with what the configuration says, entries marked at their own price.
    pub(super) fn new(config: &AccountConfig, now: UtcMicros) -> Self {
        let mut book = Self {
            account: config.account.clone(),
            cash: config.opening_cash,
            rows: BTreeMap::new(),
            day: DayCounts::default(),
        };
        for holding in &config.holdings {
            book.carry_in(holding, now);
        }
        book
    }

    fn carry_in(&mut self, holding: &Holding, now: UtcMicros) {
        let key = PositionKey {
            account: self.account.clone(),
            strategy: holding.strategy.clone(),
            symbol: holding.symbol,
        };
        let side = if holding.qty.is_negative() {
            Side::Sell
        } else {
            Side::Buy
        };
        let row = self
            .rows
            .entry(key.clone())
            .or_insert_with(|| Row::new(&key, now));
        row.math
            .apply_fill(side, holding.qty.abs(), holding.avg_entry_price);
        row.refresh(holding.avg_entry_price, now, now);
    }

    /// Books a fill and returns what it realized.
    pub(super) fn apply_fill(
        &mut self,
        key: &PositionKey,
        side: Side,
        qty: Qty,
        price: Price,
        fee: Money,
        now: UtcMicros,
    ) -> Money {
        let row = self
            .rows
            .entry(key.clone())
            .or_insert_with(|| Row::new(key, now));
        let realized = row.math.apply_fill(side, qty, price);
        let (mark, mark_at) = match (row.position.current_price, row.position.price_at) {
            (Some(mark), Some(at)) => (mark, at),
            _ => (price, now),
        };
        row.refresh(mark, mark_at, now);
        self.cash -= price.times(side.signed(qty)) + fee;
        self.day.num_fills += 1;
        self.day.fees += fee;
        self.day.turnover += price.times(qty);
        realized
    }

    /// Marks every row of `symbol`, and names the ones that changed. Flat rows are marked too, without a word: one that
    /// opens again must not be worth what it was when it closed.
    pub(super) fn mark(
        &mut self,
        symbol: Symbol,
        price: Price,
        at: UtcMicros,
        touched: &mut impl Extend<PositionKey>,
    ) {
        for (key, row) in &mut self.rows {
            if key.symbol != symbol {
                continue;
            }
            row.refresh(price, at, at);
            if !row.math.qty.is_zero() {
                touched.extend([key.clone()]);
            }
        }
    }

    /// Begins a trading day: nothing realized yet, flat rows forgotten.
    pub(super) fn start_day(&mut self, now: UtcMicros) {
        self.rows.retain(|_, row| !row.math.qty.is_zero());
        for row in self.rows.values_mut() {
            row.realized_before = row.math.realized_pl;
            row.position.realized_pl_today = Money::ZERO;
            row.position.updated_at = now;
        }
        self.day = DayCounts::default();
    }

    /// Whose it is.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Cash, below zero when borrowed.
    pub fn cash(&self) -> Money {
        self.cash
    }

    /// Signed shares of a row; zero when there is none.
    pub fn held(&self, key: &PositionKey) -> Qty {
        self.rows.get(key).map_or(Qty::ZERO, |row| row.math.qty)
    }

    /// One row, unless it is flat.
    pub fn position(&self, key: &PositionKey) -> Option<&Position> {
        let row = self.rows.get(key)?;
        (!row.math.qty.is_zero()).then_some(&row.position)
    }

    /// Rows that are not flat, sorted by key.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.rows
            .values()
            .filter(|row| !row.math.qty.is_zero())
            .map(|row| &row.position)
    }

    /// Cash and market value together.
    pub fn equity(&self) -> Money {
        self.cash + self.positions().map(|position| position.market_value).sum()
    }

    /// The cards' figures: sums over the rows, margin at `margin_rate` of the gross exposure.
    ///
    /// What was realized in rows that are flat by now still counts for the day.
    pub fn totals(&self, margin_rate: Ratio, as_of: UtcMicros) -> AccountTotals {
        let mut totals = AccountTotals {
            as_of,
            ..AccountTotals::default()
        };
        for row in self.rows.values() {
            totals.realized_pl_today += row.math.realized_pl - row.realized_before;
        }
        for position in self.positions() {
            totals.num_positions += 1;
            totals.unrealized_pl += position.unrealized_pl;
            totals.exposure.gross += position.market_value.abs();
            totals.exposure.net += position.market_value;
        }
        let margin = Money::new(totals.exposure.gross.get() * margin_rate.get()).round(2);
        let excess = (self.cash + totals.exposure.net - margin).max(Money::ZERO);
        totals.margin_used = Some(margin);
        totals.buying_power = excess
            .get()
            .checked_div(margin_rate.get())
            .map(|power| Money::new(power).round(2));
        totals
    }
}

/// Adds the figures of several accounts; a figure that one account does not know is not known for all.
pub fn add_totals(all: impl IntoIterator<Item = AccountTotals>, as_of: UtcMicros) -> AccountTotals {
    let zero = AccountTotals {
        buying_power: Some(Money::ZERO),
        margin_used: Some(Money::ZERO),
        as_of,
        ..AccountTotals::default()
    };
    let both = |a: Option<Money>, b: Option<Money>| Some(a? + b?);
    all.into_iter().fold(zero, |sum, one| AccountTotals {
        unrealized_pl: sum.unrealized_pl + one.unrealized_pl,
        realized_pl_today: sum.realized_pl_today + one.realized_pl_today,
        num_positions: sum.num_positions + one.num_positions,
        buying_power: both(sum.buying_power, one.buying_power),
        margin_used: both(sum.margin_used, one.margin_used),
        exposure: Exposure {
            gross: sum.exposure.gross + one.exposure.gross,
            net: sum.exposure.net + one.exposure.net,
        },
        as_of,
    })
}
