//! What each kind of strategy wants when it acts: side, shares, type and prices. One small function per habit.
//!
//! Sees one row and some dice; whether there is room in the band, and the order's name, are not decided here.

use qd_types::{OrderType, Price, Side, TimeInForce};

use super::StrategyKind;
use crate::market::Quote;

/// How a kind behaves, in figures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habit {
    /// How many ticks in a thousand it acts in; zero for those that follow a plan of their own.
    pub(super) per_mille: u32,
    /// Most orders it has open in one row.
    pub(super) crowd: usize,
    /// How far a stake may move from its base, in usual orders.
    pub(super) band_lots: i64,
    /// Seconds after which an order that rests is taken off: at least, and the step of six more grades; none for those
    /// that leave theirs.
    pub(super) patience: Option<(i64, i64)>,
}

impl StrategyKind {
    pub(super) fn habit(self) -> Habit {
        let habit = |per_mille, crowd, band_lots, patience| Habit {
            per_mille,
            crowd,
            band_lots,
            patience,
        };
        match self {
            Self::Momentum => habit(45, 1, 2, Some((20, 10))),
            Self::Reversion => habit(35, 1, 2, Some((20, 10))),
            Self::Scalper => habit(30, 1, 2, Some((20, 10))),
            Self::Maker => habit(80, 4, 3, Some((20, 10))),
            Self::Probe => habit(3, 1, 2, Some((20, 10))),
            Self::Burst => habit(0, 40, 1, Some((5, 1))),
            Self::Pairs => habit(6, 1, 2, Some((30, 5))),
            Self::Slicer => habit(0, 2, 2, Some((12, 1))),
            Self::Guard => habit(20, 1, 1, None),
            Self::Sniper => habit(12, 1, 1, Some((20, 10))),
            Self::Swing => habit(6, 3, 2, Some((300, 60))),
            Self::DayTrader => habit(10, 1, 1, Some((20, 10))),
        }
    }
}

/// A row as a habit sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) quote: &'a Quote,
    /// Signed shares.
    pub(super) held: i64,
    /// Shares around which it trades.
    pub(super) base: i64,
    /// Slow average of the price, in dollars.
    pub(super) average: f64,
    /// Shares of a usual order.
    pub(super) lot: i64,
    /// Shares of open orders that buy, and that sell.
    pub(super) open: (i64, i64),
    /// The session is about to end.
    pub(super) is_late: bool,
}

/// What a throw of the dice brought: a size in percent of a usual order, and a whim below a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice {
    pub(super) percent: u32,
    pub(super) whim: u32,
}

/// An order without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) side: Side,
    pub(super) qty: i64,
    pub(super) order_type: OrderType,
    pub(super) limit: Option<Price>,
    pub(super) stop: Option<Price>,
    pub(super) tif: TimeInForce,
}

impl Wish {
    fn market(side: Side, qty: i64) -> Self {
        Self {
            side,
            qty,
            order_type: OrderType::Market,
            limit: None,
            stop: None,
            tif: TimeInForce::Day,
        }
    }

    fn limit(side: Side, qty: i64, limit: Price, tif: TimeInForce) -> Self {
        Self {
            order_type: OrderType::Limit,
            limit: Some(limit),
            tif,
            ..Self::market(side, qty)
        }
    }

    /// It protects what is held, and cannot leave the band.
    pub(super) fn is_protective(&self) -> bool {
        self.stop.is_some()
    }
}

impl View<'_> {
    fn price(&self) -> f64 {
        self.quote.price.to_f64_lossy()
    }

    fn away(&self) -> i64 {
        self.held - self.base
    }

    fn sized(&self, dice: Dice) -> i64 {
        (self.lot * i64::from(dice.percent) / 100).max(1)
    }
}

/// What `kind` wants in this row.
pub(super) fn wish(kind: StrategyKind, view: &View<'_>, dice: Dice) -> Option<Wish> {
    match kind {
        StrategyKind::Momentum => Some(trend(view, dice, true)),
        StrategyKind::Reversion => Some(trend(view, dice, false)),
        StrategyKind::Scalper => Some(scalp(view, dice)),
        StrategyKind::Maker => Some(make(view, dice)),
        StrategyKind::Probe => Some(probe(view, dice)),
        StrategyKind::Burst => Some(volley(view, dice)),
        StrategyKind::Pairs => Some(back_to_base(view, dice)),
        StrategyKind::Slicer => None,
        StrategyKind::Guard => guard(view, dice),
        StrategyKind::Sniper => snipe(view, dice),
        StrategyKind::Swing => Some(swing(view, dice)),
        StrategyKind::DayTrader => day_trade(view, dice),
    }
}

/// With what moves or against it; sometimes it waits for a better price.
fn trend(view: &View<'_>, dice: Dice, rides: bool) -> Wish {
    let is_high = view.price() > view.average;
    let side = if is_high == rides {
        Side::Buy
    } else {
        Side::Sell
    };
    let qty = view.sized(dice);
    // Who goes against the market has more time than who runs after it.
    if dice.whim < if rides { 250 } else { 600 } {
        let limit = behind(view.quote, side, 2 + i64::from(dice.whim % 20));
        Wish::limit(side, qty, limit, TimeInForce::Day)
    } else {
        Wish::market(side, qty)
    }
}

/// In and out with everything it has; often flat.
fn scalp(view: &View<'_>, dice: Dice) -> Wish {
    let away = view.away();
    let side = match away {
        0 if dice.whim < 500 => Side::Buy,
        0.. => Side::Sell,
        _ => Side::Buy,
    };
    let qty = if away == 0 {
        view.sized(dice)
    } else {
        away.abs()
    };
    Wish::market(side, qty)
}

/// Rests on both sides, first on the one where less would be held away from its base if everything filled.
fn make(view: &View<'_>, dice: Dice) -> Wish {
    let side = if view.away() + view.open.0 <= view.open.1 - view.away() {
        Side::Buy
    } else {
        Side::Sell
    };
    let limit = behind(view.quote, side, 1 + i64::from(dice.whim % 40));
    Wish::limit(side, view.sized(dice), limit, TimeInForce::Day)
}

/// Far from the market, most of it beyond the venue's band.
fn probe(view: &View<'_>, dice: Dice) -> Wish {
    let side = if dice.whim < 500 {
        Side::Buy
    } else {
        Side::Sell
    };
    let limit = off(view.quote.price, side, 85 + i64::from(dice.whim % 10));
    Wish::limit(side, view.sized(dice), limit, TimeInForce::Day)
}

/// One of a volley: a few shares at the touch or a cent beyond, now or never; toward the base when it is off it.
fn volley(view: &View<'_>, dice: Dice) -> Wish {
    let side = match view.away() {
        0 if dice.whim.is_multiple_of(2) => Side::Buy,
        0.. => Side::Sell,
        _ => Side::Buy,
    };
    let touch = match side {
        Side::Buy => whole_cents(view.quote.ask) - i64::from(dice.whim % 3),
        Side::Sell => whole_cents(view.quote.bid) + i64::from(dice.whim % 3),
    };
    Wish::limit(
        side,
        1 + i64::from(dice.whim % 4),
        cents(touch),
        TimeInForce::Ioc,
    )
}

/// One leg of a pair, going home.
fn back_to_base(view: &View<'_>, dice: Dice) -> Wish {
    let side = if view.away() > 0 {
        Side::Sell
    } else {
        Side::Buy
    };
    Wish::market(side, view.sized(dice).min(view.away().abs()))
}

/// Keeps a stop under what it holds, or above what it is short of; buys back what a stop has sold.
fn guard(view: &View<'_>, dice: Dice) -> Option<Wish> {
    if view.held == 0 || view.away() != 0 {
        // After a while, or it would chase its own stop.
        let side = if view.away() < 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        return (view.away() != 0 && dice.whim < 100)
            .then(|| Wish::market(side, view.away().abs()));
    }
    let side = if view.held > 0 { Side::Sell } else { Side::Buy };
    let stop = away_by(view.quote.price, side, 8 + i64::from(dice.whim % 5));
    let mut wish = Wish {
        order_type: OrderType::Stop,
        stop: Some(stop),
        tif: TimeInForce::Gtc,
        ..Wish::market(side, view.held.abs())
    };
    if dice.whim.is_multiple_of(2) {
        wish.order_type = OrderType::StopLimit;
        wish.limit = Some(away_by(stop, side, 4));
    }
    Some(wish)
}

/// A small one at the touch, everything or at least something at once, when the price is off its average.
fn snipe(view: &View<'_>, dice: Dice) -> Option<Wish> {
    let gap = view.price() / view.average - 1.0;
    let side = match view.away() {
        0 if gap < -0.0003 => Side::Buy,
        1.. => Side::Sell,
        _ => return None,
    };
    let limit = match side {
        Side::Buy => view.quote.ask,
        Side::Sell => view.quote.bid,
    };
    let tif = if dice.whim.is_multiple_of(3) {
        TimeInForce::Fok
    } else {
        TimeInForce::Ioc
    };
    Some(Wish::limit(
        side,
        if side == Side::Sell {
            view.away()
        } else {
            view.sized(dice)
        },
        limit,
        tif,
    ))
}

/// Waits for hours, half a percent and more away, over the night when it must.
fn swing(view: &View<'_>, dice: Dice) -> Wish {
    let side = if view.away() <= 0 {
        Side::Buy
    } else {
        Side::Sell
    };
    let limit = off(view.quote.price, side, 2 + i64::from(dice.whim % 5));
    let qty = match side {
        Side::Buy => view.sized(dice),
        Side::Sell => (view.away() / 2).max(1),
    };
    Wish::limit(side, qty, limit, TimeInForce::Gtc)
}

/// Like momentum by day; goes home flat.
fn day_trade(view: &View<'_>, dice: Dice) -> Option<Wish> {
    if !view.is_late {
        return Some(trend(view, dice, true));
    }
    let side = if view.held > 0 { Side::Sell } else { Side::Buy };
    (view.held != 0).then(|| Wish::market(side, view.held.abs()))
}

/// A child of a larger intention: at the touch when it has time, across the spread when not.
pub(super) fn child(view: &View<'_>, side: Side, dice: Dice) -> Wish {
    let qty = (view.lot / 4).max(1);
    if dice.whim < 500 {
        let touch = match side {
            Side::Buy => view.quote.bid,
            Side::Sell => view.quote.ask,
        };
        Wish::limit(side, qty, touch, TimeInForce::Day)
    } else {
        Wish::market(side, qty)
    }
}

/// A leg of a pair, leaving home.
pub(super) fn leg(view: &View<'_>, side: Side, dice: Dice) -> Wish {
    Wish::market(side, view.sized(dice))
}

/// A limit `count` cents behind the best price of its own side, at least one cent.
fn behind(quote: &Quote, side: Side, count: i64) -> Price {
    cents(match side {
        Side::Buy => whole_cents(quote.bid) - count,
        Side::Sell => whole_cents(quote.ask) + count,
    })
}

/// A price that is `per_mille` better for `side` than `price`: below it for a buyer.
fn off(price: Price, side: Side, per_mille: i64) -> Price {
    let by = whole_cents(price) * per_mille / 1_000;
    cents(match side {
        Side::Buy => whole_cents(price) - by,
        Side::Sell => whole_cents(price) + by,
    })
}

/// A price that is `per_mille` worse for `side` than `price`: below it for a seller.
fn away_by(price: Price, side: Side, per_mille: i64) -> Price {
    let other = match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    };
    off(price, other, per_mille)
}

fn cents(count: i64) -> Price {
    Price::from_units(count.max(1), 2)
}

fn whole_cents(price: Price) -> i64 {
    use qd_types::Decimal;
    i64::try_from((price.get() * Decimal::ONE_HUNDRED).trunc()).unwrap_or(i64::MAX)
}
