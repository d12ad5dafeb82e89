//! The simulated market: correlated walks of some well-known symbols, from a seed, with calm and wild hours, jumps of
//! single symbols and trading halts after the large ones.
//!
//! Does not know orders: nobody's trading moves it. Floats drive the walk; what is published is exact cents, with the
//! bid below the ask and the price between them.

use qd_types::{Price, Qty, Symbol, UtcMicros};

use super::board::Board;
use super::universe::{LISTINGS, Listing, NUM_SECTORS};
use super::{Quote, Session, calendar};
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

/// One tick in so many some symbol jumps: at five ticks a second about every three minutes.
const TICKS_PER_JUMP: u32 = 900;
/// One jump in so many is a large one, after which the exchange stops trading in the symbol.
const JUMPS_PER_HALT: u32 = 6;
/// Least and most of a usual jump, and of a large one, in millionths of the price.
const JUMP_PPM: (u32, u32) = (3_000, 9_000);
const LARGE_JUMP_PPM: (u32, u32) = (20_000, 35_000);
/// Least and most seconds of a halt.
pub(super) const HALT_SECONDS: (u32, u32) = (60, 120);

#[derive(Clone, Debug)]
struct Walk {
    listing: &'static Listing,
    symbol: Symbol,
    /// Present middle over base; kept in [0.5, 2].
    level: f64,
    /// A slow wind that momentum can find.
    drift: f64,
    /// When the exchange lets it trade again; absent while it trades.
    halted_until: Option<UtcMicros>,
}

/// What is drawn for a symbol in a tick, whether it is used or not: the tape must not depend on what was published.
#[derive(Clone, Copy, Debug)]
struct Draw {
    width: f64,
    tone: u32,
    bid_lots: u32,
    ask_lots: u32,
    traded_lots: u32,
    speaks: bool,
}

/// The clockwork that moves all symbols.
#[derive(Clone, Debug)]
pub(super) struct Simulation {
    walks: Vec<Walk>,
    chance: Chance,
    /// A lane of its own for what is rare.
    events: Chance,
    session: Session,
    num_ticks: u64,
    /// No halt begins before.
    calm_until: UtcMicros,
}

impl Simulation {
    /// The clockwork of `seed`; every symbol's first quote goes onto `board`.
    pub(super) fn new(seed: u64, session: Session, board: &mut Board, now: UtcMicros) -> Self {
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
                is_halted: false,
            });
            walks.push(Walk {
                listing,
                symbol,
                level: 1.0,
                drift: 0.0,
                halted_until: None,
            });
        }
        Self {
            walks,
            chance: Chance::new(seed, 1),
            events: Chance::new(seed, 3),
            session,
            num_ticks: 0,
            calm_until: now,
        }
    }

    /// Begins no halt before `at`.
    pub(super) fn keep_calm_until(&mut self, at: UtcMicros) {
        self.calm_until = at;
    }

    /// Moves every price by one tick; one symbol in five publishes a new quote.
    pub(super) fn tick(&mut self, board: &mut Board, now: UtcMicros) {
        self.num_ticks += 1;
        let wildness = calendar::wildness(self.session, now);
        let market = self.chance.bell() * MARKET_PPM;
        let mut sectors = [0.0; NUM_SECTORS];
        for sector in &mut sectors {
            *sector = self.chance.bell() * SECTOR_PPM;
        }
        let jump = self.draw_jump();
        for (i, walk) in self.walks.iter_mut().enumerate() {
            let own = self.chance.bell() * walk.listing.own_ppm;
            walk.drift = walk.drift * 0.99 + self.chance.bell() * walk.listing.own_ppm * 0.02;
            let sector = sectors
                .get(walk.listing.sector as usize)
                .copied()
                .unwrap_or_default();
            let step = wildness * (walk.listing.beta * market + sector + own + walk.drift) / 1e6;
            walk.shift(step - PULL * (walk.level - 1.0));
            let most = walk.listing.max_lots;
            let draw = Draw {
                width: (0.6 + self.chance.unit()) * (0.5 + 0.5 * wildness),
                tone: self.chance.below(10),
                bid_lots: self.chance.between(1, most),
                ask_lots: self.chance.between(1, most),
                traded_lots: self.chance.between(1, most),
                speaks: self.chance.hits(SPEAKS_PER_MILLE),
            };
            let jumps = jump.filter(|jump| jump.walk == i && walk.halted_until.is_none());
            if let Some(jump) = jumps {
                walk.shift(jump.ppm / 1e6);
            }
            let reopens = walk.halted_until.is_some_and(|until| until <= now);
            if reopens {
                walk.halted_until = None;
                board.set_halted(walk.symbol, false);
            }
            let is_first = self.num_ticks == 1;
            let has_news = draw.speaks || is_first || reopens || jumps.is_some();
            if !has_news || walk.halted_until.is_some() {
                continue;
            }
            let quote = next_quote(walk, draw, now);
            board.put(quote);
            board.note_traded(
                walk.symbol,
                quote.price,
                Qty::from_units(i64::from(draw.traded_lots) * LOT, 0),
            );
            // The jump itself is seen; then the symbol stands still.
            if let Some(seconds) = jumps.and_then(|jump| jump.halt_seconds)
                && now >= self.calm_until
            {
                walk.halted_until = Some(now.plus_millis(i64::from(seconds) * 1_000));
                board.set_halted(walk.symbol, true);
            }
        }
    }

    /// Whether a symbol jumps in this tick, and how.
    fn draw_jump(&mut self) -> Option<Jump> {
        if self.events.below(TICKS_PER_JUMP) > 0 {
            return None;
        }
        let count = u32::try_from(self.walks.len()).unwrap_or(u32::MAX);
        let walk = self.events.below(count) as usize;
        let is_large = self.events.below(JUMPS_PER_HALT) == 0;
        let (least, most) = if is_large { LARGE_JUMP_PPM } else { JUMP_PPM };
        let size = f64::from(self.events.between(least, most));
        let ppm = if self.events.hits(500) { size } else { -size };
        let (least, most) = HALT_SECONDS;
        let seconds = self.events.between(least, most);
        Some(Jump {
            walk,
            ppm,
            halt_seconds: is_large.then_some(seconds),
        })
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

/// A price that jumps, bid and ask at once.
#[derive(Clone, Copy, Debug)]
struct Jump {
    walk: usize,
    /// Up or down, in millionths of the price.
    ppm: f64,
    /// How long the exchange stops trading in it, when it does.
    halt_seconds: Option<u32>,
}

impl Walk {
    fn shift(&mut self, by: f64) {
        self.level = (self.level * (1.0 + by)).clamp(0.5, 2.0);
    }
}

fn next_quote(walk: &Walk, draw: Draw, now: UtcMicros) -> Quote {
    let mid = walk.listing.base_cents as f64 * walk.level;
    let half = mid * walk.listing.half_spread_ppm * draw.width / 1e6;
    let bid = whole_cents((mid - half).floor()).max(1);
    let ask = whole_cents((mid + half).ceil()).max(bid + 1);
    let last = match draw.tone {
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
        bid_size: Qty::from_units(i64::from(draw.bid_lots) * LOT, 0),
        ask_size: Qty::from_units(i64::from(draw.ask_lots) * LOT, 0),
        at: now,
        quoted_at: now,
        is_halted: false,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of cents far below 2^53: the level is clamped"
)]
fn whole_cents(cents: f64) -> i64 {
    cents as i64
}
