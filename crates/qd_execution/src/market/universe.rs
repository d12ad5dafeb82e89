//! The symbols of the simulated market with the figures that shape their walk. No state, no prices after the first.

/// What moves together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sector {
    /// Hardware, software, semiconductors.
    Technology,
    /// Retail and cars.
    Consumer,
    /// Banks, cards, insurance.
    Finance,
    /// Oil and gas.
    Energy,
    /// Drugs and care.
    Health,
    /// What is bought in any weather.
    Staples,
    /// Search, social, film.
    Media,
}

/// How many sectors there are: one factor each.
pub(crate) const NUM_SECTORS: usize = 7;

/// One symbol's shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// The ticker.
    pub(crate) symbol: &'static str,
    /// What it moves with.
    pub(crate) sector: Sector,
    /// Where the walk starts and is pulled back to, in cents.
    pub(crate) base_cents: i64,
    /// Sensitivity to the market's factor.
    pub(crate) beta: f64,
    /// Own deviation per tick, in millionths of the price.
    pub(crate) own_ppm: f64,
    /// Half the spread, in millionths of the price.
    pub(crate) half_spread_ppm: f64,
    /// Most lots of twenty shares shown on a side.
    pub(crate) max_lots: u32,
}

const fn listing(
    symbol: &'static str,
    sector: Sector,
    base_cents: i64,
    beta: f64,
    own_ppm: f64,
    half_spread_ppm: f64,
    max_lots: u32,
) -> Listing {
    Listing {
        symbol,
        sector,
        base_cents,
        beta,
        own_ppm,
        half_spread_ppm,
        max_lots,
    }
}

/// Every symbol that can be traded, sorted.
pub(crate) const LISTINGS: &[Listing] = &[
    listing("AAPL", Sector::Technology, 26_805, 1.1, 110.0, 45.0, 18),
    listing("AMD", Sector::Technology, 20_378, 1.7, 210.0, 70.0, 16),
    listing("AMZN", Sector::Consumer, 22_069, 1.2, 130.0, 50.0, 16),
    listing("BAC", Sector::Finance, 5_156, 1.1, 110.0, 100.0, 40),
    listing("BRK.B", Sector::Finance, 50_391, 0.7, 60.0, 80.0, 6),
    listing("CVX", Sector::Energy, 15_006, 0.8, 110.0, 70.0, 12),
    listing("DIS", Sector::Media, 10_428, 1.0, 110.0, 80.0, 14),
    listing("GOOG", Sector::Media, 29_965, 1.1, 130.0, 50.0, 14),
    listing("HD", Sector::Consumer, 34_329, 1.0, 90.0, 80.0, 8),
    listing("JNJ", Sector::Health, 20_390, 0.5, 70.0, 70.0, 10),
    listing("JPM", Sector::Finance, 29_802, 1.0, 90.0, 60.0, 12),
    listing("KO", Sector::Staples, 7_296, 0.4, 60.0, 80.0, 30),
    listing("LLY", Sector::Health, 105_970, 0.6, 140.0, 150.0, 4),
    listing("MA", Sector::Finance, 53_425, 0.9, 80.0, 90.0, 6),
    listing("META", Sector::Media, 59_425, 1.2, 140.0, 60.0, 8),
    listing("MSFT", Sector::Technology, 47_212, 1.0, 90.0, 40.0, 12),
    listing("NFLX", Sector::Media, 10_431, 1.1, 150.0, 90.0, 12),
    listing("NVDA", Sector::Technology, 17_888, 1.8, 190.0, 50.0, 30),
    listing("PG", Sector::Staples, 15_023, 0.4, 60.0, 70.0, 14),
    listing("TSLA", Sector::Consumer, 39_109, 1.9, 240.0, 70.0, 14),
    listing("UNH", Sector::Health, 31_935, 0.6, 120.0, 90.0, 8),
    listing("V", Sector::Finance, 32_798, 0.9, 80.0, 70.0, 10),
    listing("WMT", Sector::Staples, 10_530, 0.5, 70.0, 70.0, 22),
    listing("XOM", Sector::Energy, 11_708, 0.8, 110.0, 70.0, 24),
];
