//! The market that the desk trades on: quotes and the day's lines, simulated from a seed or replayed from a tape.
//!
//! Does not know orders: nobody's trading moves it.

mod board;
mod calendar;
mod line;
mod replay;
mod simulation;
mod universe;

use qd_types::{Price, Qty, Symbol, UtcMicros, ZoneChoice};

use self::board::Board;
pub use self::calendar::{MarketClock, Session};
pub use self::line::MAX_POINTS;
pub use self::replay::{MAX_SPEED, Replay, ReplayEnd, ReplayRefusal, ReplayStatus};
use self::simulation::Simulation;
use self::universe::LISTINGS;

/// What a symbol trades at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The ticker.
    pub symbol: Symbol,
    /// The last trade; on the simulated market never below the bid nor above the ask.
    pub price: Price,
    /// Best price to sell at.
    pub bid: Price,
    /// Best price to buy at, above the bid.
    pub ask: Price,
    /// Shares wanted at the bid; zero when nobody bids.
    pub bid_size: Qty,
    /// Shares offered at the ask; zero when nobody offers.
    pub ask_size: Qty,
    /// When anything of it was new, the last trade included: the age of a mark.
    pub at: UtcMicros,
    /// When bid and ask were new: the age of what can be traded.
    pub quoted_at: UtcMicros,
    /// The exchange has stopped trading in the symbol: what stands here stands still, and nothing fills.
    pub is_halted: bool,
}

/// Shares that changed hands on the market within one tick, at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traded {
    /// The ticker.
    pub symbol: Symbol,
    /// Dollars per share.
    pub price: Price,
    /// Shares, above zero.
    pub qty: Qty,
}

/// Who moves the board.
#[derive(Debug)]
enum Driver {
    Simulated(Box<Simulation>),
    Replayed(Box<Replay>),
}

/// All symbols and what moves them.
#[derive(Debug)]
pub struct Market {
    board: Board,
    driver: Driver,
}

impl Market {
    /// The simulated market of `seed` as it stands at `now`, with the moods of `session`'s hours.
    pub fn new(seed: u64, session: Session, now: UtcMicros) -> Self {
        let mut board = Board::default();
        let simulation = Simulation::new(seed, session, &mut board, now);
        Self {
            board,
            driver: Driver::Simulated(Box::new(simulation)),
        }
    }

    /// Lets the simulation stop trading in no symbol before `at`; tapes have no such halts.
    pub fn keep_calm_until(&mut self, at: UtcMicros) {
        if let Driver::Simulated(simulation) = &mut self.driver {
            simulation.keep_calm_until(at);
        }
    }

    /// A market that plays a tape, from `now` on.
    pub fn replayed(mut replay: Replay, now: UtcMicros) -> Self {
        let mut board = Board::default();
        replay.begin(&mut board, now);
        Self {
            board,
            driver: Driver::Replayed(Box::new(replay)),
        }
    }

    /// Moves every price to `now`.
    pub fn tick(&mut self, now: UtcMicros) {
        self.board.begin_tick();
        match &mut self.driver {
            Driver::Simulated(simulation) => simulation.tick(&mut self.board, now),
            Driver::Replayed(replay) => replay.advance(&mut self.board, now),
        }
        self.board.end_tick();
    }

    /// The market's own time at `now`: the tape's, or the clock's.
    pub fn time(&self, now: UtcMicros) -> UtcMicros {
        match &self.driver {
            Driver::Simulated(_) => now,
            Driver::Replayed(replay) => replay.time(now),
        }
    }

    /// Whether the market trades on tape; and where the tape stands.
    pub fn replay(&self) -> Option<&Replay> {
        match &self.driver {
            Driver::Simulated(_) => None,
            Driver::Replayed(replay) => Some(replay),
        }
    }

    /// The tape, to stop it, to let it go on, to step it.
    pub fn replay_mut(&mut self) -> Option<&mut Replay> {
        match &mut self.driver {
            Driver::Simulated(_) => None,
            Driver::Replayed(replay) => Some(replay),
        }
    }

    /// Whether the last tick could have brought something: only a paused tape brings nothing.
    pub fn is_moving(&self) -> bool {
        self.replay().is_none_or(Replay::is_moving)
    }

    /// How far apart the data's own rhythm puts new quotes, in milliseconds of the desk's clock; zero where they come as
    /// they happen.
    pub fn quote_period_millis(&self) -> i64 {
        self.replay().map_or(0, Replay::row_period_millis)
    }

    /// Which trading day it is: grows by one or more with each. A tape's day counts each time it begins.
    pub fn trading_day(&self, now: UtcMicros) -> i64 {
        match &self.driver {
            Driver::Simulated(_) => i64::from(now.day_number(ZoneChoice::Exchange)),
            Driver::Replayed(replay) => i64::from(replay.num_begun()),
        }
    }

    /// The present quote, or `None` for a symbol that is not listed.
    pub fn quote(&self, symbol: Symbol) -> Option<&Quote> {
        self.board.quote(symbol)
    }

    /// Every quote, sorted by symbol.
    pub fn quotes(&self) -> impl Iterator<Item = &Quote> {
        self.board.quotes()
    }

    /// Symbols whose quote the last tick changed, sorted.
    pub fn changed(&self) -> &[Symbol] {
        self.board.changed()
    }

    /// Symbols whose bid and ask the last tick renewed, sorted: what they show may be taken anew.
    pub fn requoted(&self) -> &[Symbol] {
        self.board.requoted()
    }

    /// What traded on the market in the last tick, sorted by symbol and price; the desk's own fills are not among it.
    pub fn traded(&self) -> impl Iterator<Item = Traded> {
        self.board.traded()
    }

    /// Symbols in which the exchange has stopped trading: their quotes stand still and nothing fills.
    pub fn halted(&self) -> &std::collections::BTreeSet<Symbol> {
        self.board.halted()
    }

    /// Whether the exchange has stopped trading in `symbol`.
    pub fn is_halted(&self, symbol: Symbol) -> bool {
        self.halted().contains(&symbol)
    }

    /// The day's line, at most `max_points` (and never more than [`MAX_POINTS`]), ending with the present price.
    pub fn series(&self, symbol: Symbol, max_points: usize) -> Option<Vec<Price>> {
        self.board.series(symbol, max_points)
    }

    /// Begins the day's lines anew.
    pub fn start_day(&mut self) {
        self.board.start_day();
    }

    /// Makes a tick by hand: these quotes are new, and these shares traded.
    #[cfg(test)]
    pub(crate) fn stage(&mut self, quotes: &[Quote], traded: &[Traded]) {
        self.board.begin_tick();
        for &quote in quotes {
            self.board.put(quote);
        }
        for one in traded {
            self.board.note_traded(one.symbol, one.price, one.qty);
        }
        self.board.end_tick();
    }

    /// Stops trading in a symbol by hand, or lets it go on.
    #[cfg(test)]
    pub(crate) fn stage_halt(&mut self, symbol: Symbol, is_halted: bool) {
        self.board.set_halted(symbol, is_halted);
    }

    #[cfg(test)]
    fn simulated(&self) -> &Simulation {
        match &self.driver {
            Driver::Simulated(simulation) => simulation,
            Driver::Replayed(_) => panic!("not simulated"),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::simulation::SPEAKS_PER_MILLE;
    use super::*;

    const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

    fn tape(seed: u64, num_ticks: i64) -> Vec<Quote> {
        let mut market = Market::new(seed, Session::AlwaysOpen, START);
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
    fn the_market_has_wild_and_calm_hours() {
        let at = |text: &str| UtcMicros::parse_rfc3339(text).unwrap();
        let of = |session, text: &str| calendar::wildness(session, at(text));
        // A Monday in New York: just after the open, noon, just before the close.
        let (open, noon, close) = (
            of(Session::Exchange, "2026-11-23T14:31:00Z"),
            of(Session::Exchange, "2026-11-23T17:45:00Z"),
            of(Session::Exchange, "2026-11-23T20:59:00Z"),
        );
        assert!(
            open > 1.7 && noon < 0.8 && close > 1.4 && close < open,
            "{open} {noon} {close}"
        );
        let tide: Vec<f64> = (0..40)
            .map(|minute| {
                calendar::wildness(Session::AlwaysOpen, START.plus_millis(minute * 60_000))
            })
            .collect();
        let (low, high) = tide.iter().fold((9.0_f64, 0.0_f64), |(low, high), one| {
            (low.min(*one), high.max(*one))
        });
        assert!(
            (0.7..0.75).contains(&low) && (1.45..=1.5).contains(&high),
            "{low} {high}"
        );
        // And it is seen in the prices: the same market at two times of the day.
        let spread = |text: &str| {
            let mut market = Market::new(3, Session::Exchange, at(text));
            let (mut sum, mut last) = (0.0, BTreeMap::new());
            for i in 0..600 {
                market.tick(at(text).plus_millis(200 * i));
                for listing in LISTINGS {
                    let level = market
                        .simulated()
                        .level(Symbol::new(listing.symbol).unwrap());
                    if let Some(before) = last.insert(listing.symbol, level) {
                        sum += (level / before - 1.0).abs();
                    }
                }
            }
            sum
        };
        let (wild, calm) = (
            spread("2026-11-23T14:31:00Z"),
            spread("2026-11-23T17:45:00Z"),
        );
        assert!(wild > 2.0 * calm, "{wild} against {calm}");
    }

    #[test]
    fn symbols_jump_and_after_a_large_jump_stand_still_for_a_while() {
        let play = |calm_minutes: i64| {
            let mut market = Market::new(9, Session::AlwaysOpen, START);
            market.keep_calm_until(START.plus_millis(calm_minutes * 60_000));
            let mut since: BTreeMap<Symbol, (i64, Quote)> = BTreeMap::new();
            let (mut halts, mut jumps) = (Vec::new(), 0);
            let mut last: BTreeMap<Symbol, Quote> = BTreeMap::new();
            for i in 0..2 * 3_600 * 5_i64 {
                market.tick(START.plus_millis(200 * i));
                let of_interest: std::collections::BTreeSet<Symbol> = market
                    .changed()
                    .iter()
                    .chain(market.halted())
                    .copied()
                    .collect();
                for symbol in of_interest {
                    let quote = market.quote(symbol).unwrap();
                    let before = last.insert(quote.symbol, *quote).unwrap_or(*quote);
                    // More than any walk makes of one quote to the next: both sides went at once.
                    let apart = |one: Price, other: Price| {
                        (one.to_f64_lossy() / other.to_f64_lossy() - 1.0).abs()
                    };
                    let jumped =
                        apart(quote.bid, before.bid).min(apart(quote.ask, before.ask)) > 0.015;
                    jumps += usize::from(jumped);
                    match since.get(&quote.symbol) {
                        None if quote.is_halted => {
                            assert!(jumped, "{quote:?} halted without a jump from {before:?}");
                            since.insert(quote.symbol, (i, *quote));
                        }
                        Some((_, stood)) if quote.is_halted => {
                            assert_eq!(quote, stood, "a halted symbol stands still");
                            assert!(
                                !market.requoted().contains(&quote.symbol)
                                    || quote.quoted_at == START.plus_millis(200 * i)
                            );
                        }
                        Some((from, _)) => {
                            assert!(
                                market.requoted().contains(&quote.symbol),
                                "it reopens with a quote"
                            );
                            let seconds = (i - from) / 5;
                            assert!((60..=120).contains(&seconds), "halted for {seconds} s");
                            halts.push((*from, i, quote.symbol));
                            since.remove(&quote.symbol);
                        }
                        None => {}
                    }
                    assert_eq!(quote.is_halted, market.is_halted(quote.symbol));
                }
            }
            (halts, jumps)
        };
        let (halts, jumps) = play(2);
        assert!((2..20).contains(&halts.len()), "{halts:?} in two hours");
        assert!(jumps >= halts.len());
        assert!(halts.iter().all(|(from, ..)| *from >= 600), "{halts:?}");
        // The same again with a calm first hour: what comes after it is the same.
        let is_later = |halt: &(i64, i64, Symbol)| halt.0 >= 3_600 * 5;
        assert!(halts.iter().any(|halt| !is_later(halt)), "{halts:?}");
        let later: Vec<_> = halts.into_iter().filter(is_later).collect();
        assert_eq!(play(60).0, later);
    }

    #[test]
    fn symbols_of_a_sector_move_together_more_than_strangers() {
        let mut market = Market::new(11, Session::AlwaysOpen, START);
        let mut moves: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let names = ["V", "MA", "KO"];
        let mut last = BTreeMap::new();
        for i in 0..12_000_i64 {
            market.tick(START.plus_millis(200 * i));
            if i % 20 != 0 {
                continue;
            }
            for name in names {
                let mid = market.simulated().level(Symbol::new(name).unwrap());
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
        let mut market = Market::new(1, Session::AlwaysOpen, START);
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
