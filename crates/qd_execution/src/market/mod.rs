//! The simulated market: quotes and the day's lines of some well-known symbols, from a seed.
//!
//! Does not know orders: nobody's trading moves it. Floats drive the walk; what is published is exact cents, with the
//! bid below the ask and the price between them.

mod calendar;
mod line;
mod universe;

use std::collections::BTreeMap;

use qd_types::{Price, Qty, Symbol, UtcMicros};

pub use self::calendar::{MarketClock, Session};
use self::line::DayLine;
pub use self::line::MAX_POINTS;
use self::universe::{LISTINGS, Listing, NUM_SECTORS};
use crate::chance::Chance;

/// Shares in one displayed lot.
const LOT: i64 = 20;
/// Deviation of the common factor per tick, in millionths.
const MARKET_PPM: f64 = 70.0;
/// Deviation of a sector's factor per tick, in millionths.
const SECTOR_PPM: f64 = 60.0;
/// How many symbols in a thousand quote anew in a tick: a desk that lives, not one that flickers.
const SPEAKS_PER_MILLE: u32 = 200;
/// How strongly a price is pulled back to its base per tick, so that no desk drifts off to infinity.
const PULL: f64 = 0.00002;
/// Ticks between two samples of a fresh day's line.
const LINE_EVERY: u32 = 10;

/// What a symbol trades at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The ticker.
    pub symbol: Symbol,
    /// The last trade: never below the bid nor above the ask.
    pub price: Price,
    /// Best price to sell at.
    pub bid: Price,
    /// Best price to buy at, above the bid.
    pub ask: Price,
    /// Shares wanted at the bid, above zero.
    pub bid_size: Qty,
    /// Shares offered at the ask, above zero.
    pub ask_size: Qty,
    /// When the quote was made.
    pub at: UtcMicros,
}

#[derive(Clone, Debug)]
struct Walk {
    listing: &'static Listing,
    /// Present middle over base; kept in [0.5, 2].
    level: f64,
    /// A slow wind that momentum can find.
    drift: f64,
    quote: Quote,
    line: DayLine,
}

/// All symbols and the clockwork that moves them.
#[derive(Clone, Debug)]
pub struct Market {
    walks: Vec<Walk>,
    index: BTreeMap<Symbol, usize>,
    chance: Chance,
    num_ticks: u64,
    changed: Vec<Symbol>,
}

impl Market {
    /// The market of `seed` as it stands at `now`.
    pub fn new(seed: u64, now: UtcMicros) -> Self {
        let mut walks = Vec::with_capacity(LISTINGS.len());
        let mut index = BTreeMap::new();
        for listing in LISTINGS {
            let Ok(symbol) = Symbol::new(listing.symbol) else {
                debug_assert!(false, "{} is no symbol", listing.symbol);
                continue;
            };
            let price = Price::from_units(listing.base_cents, 2);
            index.insert(symbol, walks.len());
            walks.push(Walk {
                listing,
                level: 1.0,
                drift: 0.0,
                quote: Quote {
                    symbol,
                    price,
                    bid: price,
                    ask: Price::from_units(listing.base_cents + 1, 2),
                    bid_size: Qty::from_units(LOT, 0),
                    ask_size: Qty::from_units(LOT, 0),
                    at: now,
                },
                line: DayLine::new(LINE_EVERY),
            });
        }
        Self {
            walks,
            index,
            chance: Chance::new(seed, 1),
            num_ticks: 0,
            changed: Vec::new(),
        }
    }

    /// Moves every price by one tick; roughly two of three symbols publish a new quote.
    pub fn tick(&mut self, now: UtcMicros) {
        self.num_ticks += 1;
        self.changed.clear();
        let market = self.chance.bell() * MARKET_PPM;
        let mut sectors = [0.0; NUM_SECTORS];
        for sector in &mut sectors {
            *sector = self.chance.bell() * SECTOR_PPM;
        }
        for walk in &mut self.walks {
            let own = self.chance.bell() * walk.listing.own_ppm;
            walk.drift = walk.drift * 0.99 + self.chance.bell() * walk.listing.own_ppm * 0.02;
            let sector = sectors
                .get(walk.listing.sector as usize)
                .copied()
                .unwrap_or_default();
            let step = (walk.listing.beta * market + sector + own + walk.drift) / 1e6;
            walk.level *= 1.0 + step - PULL * (walk.level - 1.0);
            walk.level = walk.level.clamp(0.5, 2.0);
            // Drawn whether used or not: the tape must not depend on what was published.
            let (width, tone, bid_lots, ask_lots, speaks) = (
                0.6 + self.chance.unit(),
                self.chance.below(10),
                self.chance.between(1, walk.listing.max_lots),
                self.chance.between(1, walk.listing.max_lots),
                self.chance.hits(SPEAKS_PER_MILLE),
            );
            if speaks || self.num_ticks == 1 {
                walk.quote = next_quote(walk, width, tone, bid_lots, ask_lots, now);
                self.changed.push(walk.quote.symbol);
            }
            walk.line.push(walk.quote.price);
        }
    }

    /// The present quote, or `None` for a symbol that is not listed.
    pub fn quote(&self, symbol: Symbol) -> Option<&Quote> {
        let walk = self.walks.get(*self.index.get(&symbol)?)?;
        Some(&walk.quote)
    }

    /// Every quote, sorted by symbol.
    pub fn quotes(&self) -> impl Iterator<Item = &Quote> {
        self.walks.iter().map(|walk| &walk.quote)
    }

    /// Symbols whose quote the last tick changed, sorted.
    pub fn changed(&self) -> &[Symbol] {
        &self.changed
    }

    /// The day's line, at most `max_points` (and never more than [`MAX_POINTS`]), ending with the present price.
    pub fn series(&self, symbol: Symbol, max_points: usize) -> Option<Vec<Price>> {
        let walk = self.walks.get(*self.index.get(&symbol)?)?;
        Some(walk.line.read(walk.quote.price, max_points))
    }

    /// Begins the day's lines anew.
    pub fn start_day(&mut self) {
        for walk in &mut self.walks {
            walk.line.clear(LINE_EVERY);
        }
    }
}

/// Where the walk of a listed symbol starts, in cents.
pub fn first_cents(symbol: Symbol) -> Option<i64> {
    let listing = LISTINGS
        .iter()
        .find(|listing| listing.symbol == symbol.as_str())?;
    Some(listing.base_cents)
}

fn next_quote(
    walk: &Walk,
    width: f64,
    tone: u32,
    bid_lots: u32,
    ask_lots: u32,
    now: UtcMicros,
) -> Quote {
    let mid = walk.listing.base_cents as f64 * walk.level;
    let half = mid * walk.listing.half_spread_ppm * width / 1e6;
    let bid = whole_cents((mid - half).floor()).max(1);
    let ask = whole_cents((mid + half).ceil()).max(bid + 1);
    let last = match tone {
        0..4 => bid,
        4..8 => ask,
        _ => whole_cents(mid.round()).clamp(bid, ask),
    };
    let cents = |cents| Price::from_units(cents, 2);
    Quote {
        symbol: walk.quote.symbol,
        price: cents(last),
        bid: cents(bid),
        ask: cents(ask),
        bid_size: Qty::from_units(i64::from(bid_lots) * LOT, 0),
        ask_size: Qty::from_units(i64::from(ask_lots) * LOT, 0),
        at: now,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of cents far below 2^53: the level is clamped"
)]
fn whole_cents(cents: f64) -> i64 {
    cents as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

    fn tape(seed: u64, num_ticks: i64) -> Vec<Quote> {
        let mut market = Market::new(seed, START);
        let mut tape = Vec::new();
        for i in 0..num_ticks {
            market.tick(START.plus_millis(200 * i));
            let symbols = market.changed().to_vec();
            tape.extend(symbols.iter().filter_map(|symbol| market.quote(*symbol)));
        }
        tape
    }

    #[test]
    fn the_same_seed_gives_the_same_tape_and_another_seed_another() {
        assert_eq!(tape(7, 400), tape(7, 400));
        assert_ne!(tape(7, 400), tape(8, 400));
    }

    #[test]
    fn quotes_are_whole_cents_with_the_price_inside_and_stay_near_their_base() {
        let mut changed = 0;
        for quote in tape(3, 5_000) {
            assert!(quote.bid < quote.ask, "{quote:?}");
            assert!(
                quote.bid <= quote.price && quote.price <= quote.ask,
                "{quote:?}"
            );
            assert!(quote.bid_size.is_positive() && quote.ask_size.is_positive());
            for price in [quote.bid, quote.ask, quote.price] {
                assert_eq!(price.round(2), price, "{quote:?}");
            }
            let base = LISTINGS
                .iter()
                .find(|listing| listing.symbol == quote.symbol.as_str())
                .unwrap()
                .base_cents;
            let ratio = quote.price.to_f64_lossy() * 100.0 / base as f64;
            assert!(
                (0.5..2.0).contains(&ratio),
                "{quote:?} is {ratio} of its base"
            );
            changed += 1;
        }
        let expected = 5_000 * LISTINGS.len() * SPEAKS_PER_MILLE as usize / 1000;
        assert!(changed > expected * 9 / 10 && changed < expected * 11 / 10);
    }

    #[test]
    fn symbols_of_a_sector_move_together_more_than_strangers() {
        let mut market = Market::new(11, START);
        let mut moves: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let names = ["V", "MA", "KO"];
        let mut last = BTreeMap::new();
        for i in 0..12_000_i64 {
            market.tick(START.plus_millis(200 * i));
            if i % 20 != 0 {
                continue;
            }
            for name in names {
                let mid = market.walks[market.index[&Symbol::new(name).unwrap()]].level;
                if let Some(before) = last.insert(name, mid) {
                    moves.entry(name).or_default().push(mid / before - 1.0);
                }
            }
        }
        let correlation = |a: &str, b: &str| {
            let (a, b) = (&moves[a], &moves[b]);
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let (same, other) = (correlation("V", "MA"), correlation("V", "KO"));
        assert!(same > 0.35, "V and MA: {same}");
        assert!(
            other > 0.03 && other < same,
            "V and KO: {other}, V and MA: {same}"
        );
    }

    #[test]
    fn listings_are_sorted_and_lines_are_bounded() {
        assert!(LISTINGS.is_sorted_by(|a, b| a.symbol < b.symbol));
        let mut market = Market::new(1, START);
        for i in 0..3_000 {
            market.tick(START.plus_millis(200 * i));
        }
        let aapl = Symbol::new("AAPL").unwrap();
        let line = market.series(aapl, 500).unwrap();
        assert!(
            (60..=MAX_POINTS).contains(&line.len()),
            "{} points",
            line.len()
        );
        assert_eq!(line.last(), Some(&market.quote(aapl).unwrap().price));
        assert!(market.series(Symbol::new("ZZZZ").unwrap(), 10).is_none());
        market.start_day();
        assert_eq!(market.series(aapl, 500).unwrap().len(), 1);
    }
}
