//! A strategy at work: watches its stakes, throws its dice, keeps to its band, and names its orders.
//!
//! What it wants is in `habits`. The dice are thrown whatever the books say, so that the draws of a seed do not depend
//! on fills.

use qd_types::{ClientOrderId, OrderStatus, PositionKey, Qty, Side, Symbol, UtcMicros, ZoneChoice};

use super::habits::{self, Dice, View, Wish};
use super::{Intent, StrategyConfig, StrategyKind};
use crate::chance::Chance;
use crate::ledger::{Ledger, OrderRequest};
use crate::market::Market;

/// Dollars a usual order is worth.
const LOT_USD: f64 = 4_000.0;
/// Weight of one tick in the average.
const SMOOTHING: f64 = 0.02;
/// A protective order further from the market than this, in thousandths, is drawn after it.
const TRAIL_PER_MILLE: f64 = 20.0;
/// When a day trader goes home: minutes of the exchange's day.
const LATE_MINUTES: std::ops::Range<i64> = (15 * 60 + 45)..(16 * 60);

#[derive(Clone, Debug)]
struct Stake {
    symbol: Symbol,
    base: i64,
    /// Slow average of the price, in dollars; what fast and high mean is measured against it.
    average: f64,
}

/// What those that follow a plan are about.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// When it goes on.
    next_at: UtcMicros,
    /// Orders that are left of it.
    left: u32,
    side: Side,
}

/// One strategy, its stakes and its dice.
#[derive(Clone, Debug)]
pub struct Strategy {
    pub(super) config: StrategyConfig,
    stakes: Vec<Stake>,
    chance: Chance,
    run: String,
    num_orders: u64,
    plan: Option<Plan>,
}

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
            plan: None,
        }
    }

    /// What it wants now: cancels of what has rested for long, and seldom more than one order.
    pub fn decide(&mut self, market: &Market, ledger: &Ledger, now: UtcMicros) -> Vec<Intent> {
        let mut intents = Vec::new();
        self.watch(market);
        self.take_off_old(market, ledger, now, &mut intents);
        match self.config.kind {
            StrategyKind::Burst => self.volley(market, ledger, now, &mut intents),
            StrategyKind::Slicer => self.slice(market, ledger, now, &mut intents),
            StrategyKind::Pairs => self.pair(market, ledger, now, &mut intents),
            kind => {
                let (acts, pick, dice) = self.throw(kind.habit().per_mille);
                if acts {
                    let wish = |view: &View<'_>| habits::wish(kind, view, dice);
                    intents.extend(self.want(pick, market, ledger, now, wish));
                }
            }
        }
        intents
    }

    fn throw(&mut self, per_mille: u32) -> (bool, usize, Dice) {
        let num_stakes = u32::try_from(self.stakes.len()).unwrap_or(u32::MAX);
        let acts = self.chance.hits(per_mille);
        let pick = self.chance.below(num_stakes) as usize;
        let dice = Dice {
            percent: self.chance.between(40, 120),
            whim: self.chance.below(1000),
        };
        (acts, pick, dice)
    }

    /// Quiet for a minute or two, then twenty to forty orders in a second or two.
    fn volley(&mut self, market: &Market, ledger: &Ledger, now: UtcMicros, to: &mut Vec<Intent>) {
        let throws: Vec<_> = (0..6).map(|_| self.throw(1000)).collect();
        let plan = match self.plan {
            Some(plan) if plan.left > 0 => plan,
            Some(plan) if now < plan.next_at => return,
            before => {
                let plan = Plan {
                    next_at: now.plus_millis(1_000 * i64::from(60 + throws[0].2.percent) + 2_000),
                    left: 20 + throws[0].2.whim % 21,
                    side: Side::Buy,
                };
                // The first minute or two are quiet too.
                let left = if before.is_none() { 0 } else { plan.left };
                self.plan = Some(Plan { left, ..plan });
                return;
            }
        };
        let mut left = plan.left;
        for (_, pick, dice) in throws.into_iter().take(left as usize) {
            let wish = |view: &View<'_>| habits::wish(StrategyKind::Burst, view, dice);
            to.extend(self.want(pick, market, ledger, now, wish));
            left -= 1;
        }
        self.plan = Some(Plan { left, ..plan });
    }

    /// An intention for some minutes, worked in small orders; then the other way.
    fn slice(&mut self, market: &Market, ledger: &Ledger, now: UtcMicros, to: &mut Vec<Intent>) {
        let (_, pick, dice) = self.throw(1000);
        let plan = self.plan.unwrap_or(Plan {
            next_at: now,
            left: 10,
            side: Side::Buy,
        });
        if now < plan.next_at {
            self.plan = Some(plan);
            return;
        }
        if plan.left == 0 {
            let other = match plan.side {
                Side::Buy => Side::Sell,
                Side::Sell => Side::Buy,
            };
            self.plan = Some(Plan {
                next_at: now.plus_millis(1_000 * i64::from(dice.percent)),
                left: 8 + dice.whim % 8,
                side: other,
            });
            return;
        }
        to.extend(self.want(pick, market, ledger, now, |view| {
            Some(habits::child(view, plan.side, dice))
        }));
        self.plan = Some(Plan {
            next_at: now.plus_millis(100 * i64::from(100 + dice.percent)),
            left: plan.left - 1,
            side: plan.side,
        });
    }

    /// Both legs at once: away from home when the two have drifted apart, home when they have come together.
    fn pair(&mut self, market: &Market, ledger: &Ledger, now: UtcMicros, to: &mut Vec<Intent>) {
        let (acts, _, dice) = self.throw(StrategyKind::Pairs.habit().per_mille);
        let [one, other] = self.stakes.as_slice() else {
            return;
        };
        if !acts {
            return;
        }
        let rich = |stake: &Stake| {
            let price = market.quote(stake.symbol)?.price.to_f64_lossy();
            Some(price / stake.average - 1.0)
        };
        let (Some(one), Some(other)) = (rich(one), rich(other)) else {
            return;
        };
        let apart = one - other;
        for i in 0..2 {
            let is_rich = (apart > 0.0) == (i == 0);
            let side = if is_rich { Side::Sell } else { Side::Buy };
            to.extend(self.want(i, market, ledger, now, |view| {
                if apart.abs() > 0.0004 {
                    Some(habits::leg(view, side, dice))
                } else {
                    habits::wish(StrategyKind::Pairs, view, dice)
                }
            }));
        }
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

    /// The order that `wish` makes of a stake, cut to the band; none in a halted symbol or a row closed by hand.
    fn want(
        &mut self,
        pick: usize,
        market: &Market,
        ledger: &Ledger,
        now: UtcMicros,
        wish: impl FnOnce(&View<'_>) -> Option<Wish>,
    ) -> Option<Intent> {
        let stake = self.stakes.get(pick)?;
        let quote = market
            .quote(stake.symbol)
            .filter(|quote| !quote.is_halted)?;
        let row = PositionKey {
            account: self.config.account.clone(),
            strategy: self.config.strategy.clone(),
            symbol: stake.symbol,
        };
        // What a hand has closed stays closed for the day.
        if ledger.was_closed(&row) {
            return None;
        }
        let mut open = (0, 0);
        let mut crowd = 0;
        for record in ledger.open_orders() {
            if record.position_key() != row {
                continue;
            }
            crowd += 1;
            let left = whole(record.order.remaining());
            match record.order.side {
                Side::Buy => open.0 += left,
                Side::Sell => open.1 += left,
            }
        }
        let habit = self.config.kind.habit();
        if crowd >= habit.crowd {
            return None;
        }
        let lot = shares(LOT_USD / quote.price.to_f64_lossy());
        let (hour, minute, ..) = market.time(now).time_of_day(ZoneChoice::Exchange);
        let view = View {
            quote,
            held: ledger
                .book(&row.account)
                .map_or(0, |book| whole(book.held(&row))),
            base: stake.base,
            average: stake.average,
            lot,
            open,
            is_late: LATE_MINUTES.contains(&(i64::from(hour) * 60 + i64::from(minute))),
        };
        let wish = wish(&view)?;
        // What is on its way counts: a stake never leaves its band, however the orders fill.
        let band = lot * habit.band_lots;
        let away = view.held - stake.base;
        let room = match wish.side {
            _ if wish.is_protective() => view.held.abs(),
            Side::Buy => band - away - open.0,
            Side::Sell => band + away - open.1,
        };
        let qty = wish.qty.min(room);
        (qty > 0).then_some(())?;
        self.num_orders += 1;
        let id = format!("{}-{}-{}", self.config.strategy, self.run, self.num_orders);
        Some(Intent::Place(OrderRequest {
            account: row.account,
            strategy: row.strategy,
            client_order_id: ClientOrderId::new(&id).ok()?,
            symbol: row.symbol,
            side: wish.side,
            qty: Qty::from_units(qty, 0),
            order_type: wish.order_type,
            limit_price: wish.limit,
            stop_price: wish.stop,
            time_in_force: wish.tif,
            reason: format!("{:?}", self.config.kind).to_lowercase(),
            halt_epoch_seen: None,
            price_seen: None,
        }))
    }

    /// Takes off what has rested for long enough, protection that the market has left behind, and what stands in a row
    /// closed by hand.
    fn take_off_old(
        &self,
        market: &Market,
        ledger: &Ledger,
        now: UtcMicros,
        intents: &mut Vec<Intent>,
    ) {
        let patience = self.config.kind.habit().patience;
        for record in ledger.open_orders() {
            let order = &record.order;
            // By who made it: people may trade in a strategy's rows, and their orders are theirs.
            let is_mine = order.source == self.config.strategy.as_str()
                && order.account == self.config.account
                && order.status != OrderStatus::CancelSent;
            if !is_mine {
                continue;
            }
            let grade = i64::try_from(record.number % 7).unwrap_or(0);
            let is_old = patience.is_some_and(|(least, step)| {
                now.millis_since(order.created_at) > (least + grade * step) * 1_000
            });
            let is_far = order.stop_price.is_some_and(|stop| {
                market.quote(order.symbol).is_some_and(|quote| {
                    let ratio = stop.to_f64_lossy() / quote.price.to_f64_lossy();
                    (ratio - 1.0).abs() * 1_000.0 > TRAIL_PER_MILLE
                })
            });
            if is_old || is_far || ledger.was_closed(&record.position_key()) {
                intents.push(Intent::Cancel(record.key()));
            }
        }
    }
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
