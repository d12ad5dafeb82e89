//! The simulated market: correlated walks of some well-known symbols, from a seed.
//!
//! Does not know orders: nobody's trading moves it. Floats drive the walk; what is published is exact cents, with the
//! bid below the ask and the price between them.

use qd_types::{Price, Qty, Symbol, UtcMicros};

use super::Quote;
use super::board::Board;
use super::universe::{LISTINGS, Listing, NUM_SECTORS};
use crate::chance::Chance;

/// Shares in one displayed lot.
const LOT: i64 = 20;
/// Deviation of the common factor per tick, in millionths.
const MARKET_PPM: f64 = 70.0;
/// Deviation of a sector's factor per tick, in millionths.
const SECTOR_PPM: f64 = 60.0;
/// How many symbols in a thousand quote anew in a tick: a desk that lives, not one that flickers.
pub(super) const SPEAKS_PER_MILLE: u32 = 200;
/// How strongly a price is pulled back to its base per tick, so that no desk drifts off to infinity.
const PULL: f64 = 0.00002;

#[derive(Clone, Debug)]
struct Walk {
    listing: &'static Listing,
    symbol: Symbol,
    /// Present middle over base; kept in [0.5, 2].
    level: f64,
    /// A slow wind that momentum can find.
    drift: f64,
}

/// The clockwork that moves all symbols.
#[derive(Clone, Debug)]
pub(super) struct Simulation {
    walks: Vec<Walk>,
    chance: Chance,
    num_ticks: u64,
}

impl Simulation {
    /// The clockwork of `seed`; every symbol's first quote goes onto `board`.
    pub(super) fn new(seed: u64, board: &mut Board, now: UtcMicros) -> Self {
        let mut walks = Vec::with_capacity(LISTINGS.len());
        for listing in LISTINGS {
            let Ok(symbol) = Symbol::new(listing.symbol) else {
                debug_assert!(false, "{} is no symbol", listing.symbol);
                continue;
            };
            let price = Price::from_units(listing.base_cents, 2);
            board.put(Quote {
                symbol,
                price,
                bid: price,
                ask: Price::from_units(listing.base_cents + 1, 2),
                bid_size: Qty::from_units(LOT, 0),
                ask_size: Qty::from_units(LOT, 0),
                at: now,
                quoted_at: now,
            });
            walks.push(Walk {
                listing,
                symbol,
                level: 1.0,
                drift: 0.0,
            });
        }
        Self {
            walks,
            chance: Chance::new(seed, 1),
            num_ticks: 0,
        }
    }

    /// Moves every price by one tick; one symbol in five publishes a new quote.
    pub(super) fn tick(&mut self, board: &mut Board, now: UtcMicros) {
        self.num_ticks += 1;
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
                board.put(next_quote(walk, width, tone, bid_lots, ask_lots, now));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn level(&self, symbol: Symbol) -> f64 {
        self.walks
            .iter()
            .find(|walk| walk.symbol == symbol)
            .map(|walk| walk.level)
            .unwrap_or_default()
    }
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
        symbol: walk.symbol,
        price: cents(last),
        bid: cents(bid),
        ask: cents(ask),
        bid_size: Qty::from_units(i64::from(bid_lots) * LOT, 0),
        ask_size: Qty::from_units(i64::from(ask_lots) * LOT, 0),
        at: now,
        quoted_at: now,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of cents far below 2^53: the level is clamped"
)]
fn whole_cents(cents: f64) -> i64 {
    cents as i64
}
