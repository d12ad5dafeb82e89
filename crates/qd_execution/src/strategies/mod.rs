//! Small seeded programs that keep the demo desk alive: they trade around a base stake and never run away from it.
//!
//! They decide and nothing else: what they want goes through the same accepting step as an order by hand. No claim is
//! made that any of them earns money.

use std::collections::BTreeMap;

use qd_types::{
    AccountId, ClientOrderId, OrderStatus, OrderType, PositionKey, Price, Qty, Side, StrategyId,
    Symbol, TimeInForce, UtcMicros,
};

use crate::chance::Chance;
use crate::ledger::{Ledger, OrderKey, OrderRequest};
use crate::market::{Market, Quote};

/// What a strategy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategyKind {
    /// Buys what rises, sells what falls.
    Momentum,
    /// Sells what has risen, buys what has fallen.
    Reversion,
    /// Goes in and out with small market orders; often flat.
    Scalper,
    /// Keeps limit orders resting on both sides and takes them off again.
    Maker,
    /// Sends limits far from the market, most of which the venue rejects.
    Probe,
}

/// One strategy and its stakes.
#[derive(Clone, Debug)]
pub struct StrategyConfig {
    /// Whose money.
    pub account: AccountId,
    /// Its name, also the row it trades in.
    pub strategy: StrategyId,
    /// What it does.
    pub kind: StrategyKind,
    /// Its symbols, each with the shares around which it trades.
    pub symbols: Vec<(Symbol, i64)>,
}

/// What a strategy wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Place this.
    Place(OrderRequest),
    /// Cancel this.
    Cancel(OrderKey),
}

#[derive(Clone, Debug)]
struct Stake {
    symbol: Symbol,
    base: i64,
    /// Slow average of the price, in dollars; what fast and high mean is measured against it.
    average: f64,
}

/// A strategy at work.
#[derive(Clone, Debug)]
pub struct Strategy {
    config: StrategyConfig,
    stakes: Vec<Stake>,
    chance: Chance,
    run: String,
    num_orders: u64,
}

/// Dollars a usual order is worth.
const LOT_USD: f64 = 4_000.0;
/// How far a stake may move from its base, in usual orders.
const BAND_LOTS: i64 = 2;
/// Weight of one tick in the average.
const SMOOTHING: f64 = 0.02;

impl Strategy {
    /// The `index`th strategy of the desk; `run` is part of every order id.
    pub fn new(config: StrategyConfig, seed: u64, index: u64, run: &str) -> Self {
        let stakes = config
            .symbols
            .iter()
            .map(|&(symbol, base)| Stake {
                symbol,
                base,
                average: 0.0,
            })
            .collect();
        Self {
            config,
            stakes,
            chance: Chance::new(seed, 100 + index),
            run: run.to_owned(),
            num_orders: 0,
        }
    }

    /// What it wants now: at most one order and some cancels per tick.
    pub fn decide(&mut self, market: &Market, ledger: &Ledger, now: UtcMicros) -> Vec<Intent> {
        let mut intents = Vec::new();
        self.watch(market);
        self.take_off_old(ledger, now, &mut intents);
        let per_mille = match self.config.kind {
            StrategyKind::Momentum | StrategyKind::Reversion => 60,
            StrategyKind::Scalper => 40,
            StrategyKind::Maker => 90,
            StrategyKind::Probe => 3,
        };
        let num_stakes = u32::try_from(self.stakes.len()).unwrap_or(u32::MAX);
        // Drawn in any case, so that the tape of draws does not depend on the books.
        let (acts, pick, size, whim) = (
            self.chance.hits(per_mille),
            self.chance.below(num_stakes),
            self.chance.between(40, 120),
            self.chance.below(1000),
        );
        if !acts {
            return intents;
        }
        let Some(stake) = self.stakes.get(pick as usize).cloned() else {
            return intents;
        };
        let Some(quote) = market.quote(stake.symbol) else {
            return intents;
        };
        intents.extend(
            self.order(&stake, quote, ledger, size, whim)
                .map(Intent::Place),
        );
        intents
    }

    fn watch(&mut self, market: &Market) {
        for stake in &mut self.stakes {
            if let Some(quote) = market.quote(stake.symbol) {
                let price = quote.price.to_f64_lossy();
                if stake.average == 0.0 {
                    stake.average = price;
                } else {
                    stake.average += SMOOTHING * (price - stake.average);
                }
            }
        }
    }

    fn order(
        &mut self,
        stake: &Stake,
        quote: &Quote,
        ledger: &Ledger,
        size_percent: u32,
        whim: u32,
    ) -> Option<OrderRequest> {
        let row = PositionKey {
            account: self.config.account.clone(),
            strategy: self.config.strategy.clone(),
            symbol: stake.symbol,
        };
        // What a hand has closed stays closed for the day.
        if ledger.was_closed(&row) {
            return None;
        }
        let open = |side: Side| -> i64 {
            ledger
                .open_orders()
                .filter(|record| record.order.side == side && record.position_key() == row)
                .map(|record| whole(record.order.remaining()))
                .sum()
        };
        let held = ledger
            .book(&row.account)
            .map_or(0, |book| whole(book.held(&row)));
        let price = quote.price.to_f64_lossy();
        let lot = shares(LOT_USD / price);
        let qty = (lot * i64::from(size_percent) / 100).max(1);
        let band = lot * BAND_LOTS;
        let away = held - stake.base;
        let is_high = price > stake.average;
        let (side, order_type, limit_price) = match self.config.kind {
            StrategyKind::Momentum | StrategyKind::Reversion => {
                let rides = self.config.kind == StrategyKind::Momentum;
                let side = if is_high == rides {
                    Side::Buy
                } else {
                    Side::Sell
                };
                if whim < 250 {
                    // Sometimes it waits for a better price.
                    (
                        side,
                        OrderType::Limit,
                        Some(behind(quote, side, 2 + i64::from(whim % 20))),
                    )
                } else {
                    (side, OrderType::Market, None)
                }
            }
            StrategyKind::Scalper => {
                let side = match away {
                    0 if whim < 500 => Side::Buy,
                    0.. => Side::Sell,
                    _ => Side::Buy,
                };
                let qty = if away == 0 { qty } else { away.abs() };
                return self.request(&row, side, qty.min(band), OrderType::Market, None, ledger);
            }
            StrategyKind::Maker => {
                let side = if open(Side::Buy) <= open(Side::Sell) {
                    Side::Buy
                } else {
                    Side::Sell
                };
                (
                    side,
                    OrderType::Limit,
                    Some(behind(quote, side, 1 + i64::from(whim % 40))),
                )
            }
            StrategyKind::Probe => {
                let side = if whim < 500 { Side::Buy } else { Side::Sell };
                let cents = whole_cents(quote.price);
                let off = cents * i64::from(85 + whim % 10) / 1000;
                let limit = match side {
                    Side::Buy => cents - off,
                    Side::Sell => cents + off,
                };
                (side, OrderType::Limit, Some(Price::from_units(limit, 2)))
            }
        };
        // What is on its way counts: a stake never leaves its band, however the orders fill.
        let room = match side {
            Side::Buy => band - away - open(Side::Buy),
            Side::Sell => band + away - open(Side::Sell),
        };
        (room > 0).then_some(())?;
        self.request(&row, side, qty.min(room), order_type, limit_price, ledger)
    }

    fn request(
        &mut self,
        row: &PositionKey,
        side: Side,
        qty: i64,
        order_type: OrderType,
        limit_price: Option<Price>,
        ledger: &Ledger,
    ) -> Option<OrderRequest> {
        let crowd = ledger
            .open_orders()
            .filter(|record| record.position_key() == *row)
            .count();
        // One order at a time for those that cross the spread; a maker rests on both sides.
        let most = if self.config.kind == StrategyKind::Maker {
            2
        } else {
            1
        };
        if qty <= 0 || crowd >= most {
            return None;
        }
        self.num_orders += 1;
        let id = format!("{}-{}-{}", self.config.strategy, self.run, self.num_orders);
        Some(OrderRequest {
            account: row.account.clone(),
            strategy: row.strategy.clone(),
            client_order_id: ClientOrderId::new(&id).ok()?,
            symbol: row.symbol,
            side,
            qty: Qty::from_units(qty, 0),
            order_type,
            limit_price,
            stop_price: None,
            time_in_force: TimeInForce::Day,
            reason: format!("{:?}", self.config.kind).to_lowercase(),
            halt_epoch_seen: None,
            price_seen: None,
        })
    }

    /// Takes off what has rested for long enough (20 to 80 seconds, by the order's number) or in a row closed by hand.
    fn take_off_old(&self, ledger: &Ledger, now: UtcMicros, intents: &mut Vec<Intent>) {
        for record in ledger.open_orders() {
            let order = &record.order;
            // By who made it: people may trade in a strategy's rows, and their orders are theirs.
            let is_mine = order.source == self.config.strategy.as_str()
                && order.account == self.config.account
                && order.status != OrderStatus::CancelSent;
            let patience = 20_000 + i64::try_from(record.number % 7).unwrap_or(0) * 10_000;
            let is_over = now.millis_since(order.created_at) > patience
                || ledger.was_closed(&record.position_key());
            if is_mine && is_over {
                intents.push(Intent::Cancel(record.key()));
            }
        }
    }
}

/// All strategies of a desk, with their intents in a fixed order.
#[derive(Clone, Debug, Default)]
pub struct Strategies {
    members: Vec<Strategy>,
    num_intents: BTreeMap<StrategyId, u64>,
}

impl Strategies {
    /// Builds the desk's strategies.
    pub fn new(configs: &[StrategyConfig], seed: u64, run: &str) -> Self {
        let members = (0..)
            .zip(configs)
            .map(|(index, config)| Strategy::new(config.clone(), seed, index, run))
            .collect();
        Self {
            members,
            num_intents: BTreeMap::new(),
        }
    }

    /// What all of them want now, each with its name.
    pub fn decide(
        &mut self,
        market: &Market,
        ledger: &Ledger,
        now: UtcMicros,
    ) -> Vec<(StrategyId, Intent)> {
        let mut all = Vec::new();
        for member in &mut self.members {
            let name = member.config.strategy.clone();
            for intent in member.decide(market, ledger, now) {
                *self.num_intents.entry(name.clone()).or_default() += 1;
                all.push((name.clone(), intent));
            }
        }
        all
    }

    /// How many intents each had so far.
    pub fn num_intents(&self) -> &BTreeMap<StrategyId, u64> {
        &self.num_intents
    }
}

/// A limit `cents` behind the best price of its own side, at least one cent.
fn behind(quote: &Quote, side: Side, cents: i64) -> Price {
    let cents = match side {
        Side::Buy => whole_cents(quote.bid) - cents,
        Side::Sell => whole_cents(quote.ask) + cents,
    };
    Price::from_units(cents.max(1), 2)
}

fn whole_cents(price: Price) -> i64 {
    use qd_types::Decimal;
    i64::try_from((price.get() * Decimal::ONE_HUNDRED).trunc()).unwrap_or(i64::MAX)
}

fn whole(qty: Qty) -> i64 {
    i64::try_from(qty.get().trunc()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a few thousand shares at most: prices are at least a cent"
)]
fn shares(count: f64) -> i64 {
    (count as i64).max(1)
}
