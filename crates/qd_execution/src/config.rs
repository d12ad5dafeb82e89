//! What an execution gateway is started with, and the demo desk's own configuration.
//!
//! Reads no files and no environment: the server binary does, and hands the values over.

use qd_types::{
    AccountId, Environment, Money, ParseError, Price, Qty, Ratio, StrategyId, Symbol, UserId,
};

use crate::ledger::Rails;
use crate::market::Session;
use crate::strategies::{StrategyConfig, StrategyKind};

/// Everything [`crate::Execution::start`] needs beside a bus and a clock.
#[derive(Clone, Debug)]
pub struct ExecutionConfig {
    /// What the market, the venue and the strategies draw their chances from.
    pub seed: u64,
    /// Which hours the market keeps.
    pub session: Session,
    /// Shown in the console's header.
    pub environment: Environment,
    /// The accounts that may be traded, each named once.
    pub accounts: Vec<AccountConfig>,
    /// Who gets streams of their own, over which accounts.
    pub users: Vec<UserConfig>,
    /// What no order may exceed.
    pub rails: Rails,
    /// What trading costs.
    pub fees: FeeConfig,
    /// How the paper venue behaves.
    pub venue: VenueConfig,
    /// The programs that keep the desk alive; may be empty.
    pub strategies: Vec<StrategyConfig>,
    /// Milliseconds between two steps of the venue.
    pub step_millis: u32,
    /// Steps of the venue per tick of the market.
    pub steps_per_tick: u32,
    /// Ticks simulated before the start, so that the first screen shows a day with a past.
    pub warmup_ticks: u32,
    /// Version shown by `/version` and the health page.
    pub version: String,
}

/// One account and what it begins with.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// Its name.
    pub account: AccountId,
    /// Cash beside the holdings.
    pub opening_cash: Money,
    /// Positions carried in from before.
    pub holdings: Vec<Holding>,
}

/// A position carried in from before the ledger began.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Whose idea.
    pub strategy: StrategyId,
    /// In what.
    pub symbol: Symbol,
    /// Signed shares, not zero.
    pub qty: Qty,
    /// What they cost per share.
    pub avg_entry_price: Price,
}

/// A user who has streams.
#[derive(Clone, Debug)]
pub struct UserConfig {
    /// Tail of the channel names.
    pub user_id: UserId,
    /// Accounts whose rows go into the streams.
    pub accounts: Vec<AccountId>,
}

/// Commission: so much a share, but not less than a minimum for each fill.
#[derive(Clone, Copy, Debug)]
pub struct FeeConfig {
    /// Dollars a share.
    pub per_share: Price,
    /// Least dollars a fill.
    pub minimum: Money,
}

impl FeeConfig {
    /// What a fill of `qty` shares costs, in whole cents.
    pub fn of(&self, qty: Qty) -> Money {
        self.per_share.times(qty).round(2).max(self.minimum)
    }
}

/// How slow and how forgetful the paper venue is.
#[derive(Clone, Copy, Debug)]
pub struct VenueConfig {
    /// Least and most milliseconds until an order is acknowledged.
    pub ack_millis: (u32, u32),
    /// Least and most milliseconds until a cancel arrives; the order may fill meanwhile.
    pub cancel_millis: (u32, u32),
    /// How many acknowledgements in a thousand get lost: those orders turn `unknown` until they are asked for.
    pub lost_acks_per_mille: u32,
    /// Limit prices further from the market than this are rejected.
    pub price_band: Ratio,
    /// How long an answer may be missing before an order is `unknown`.
    pub answer_due_millis: i64,
}

impl Default for VenueConfig {
    fn default() -> Self {
        Self {
            ack_millis: (10, 140),
            cancel_millis: (120, 700),
            lost_acks_per_mille: 4,
            price_band: Ratio::from_units(8, 2),
            answer_due_millis: 2_000,
        }
    }
}

/// Symbol, strategy, shares, and average entry against the first price in thousandths.
const DEMO_HOLDINGS: &[(&str, &str, i64, i64)] = &[
    ("AAPL", "momentum", 82, 1_031),
    ("MSFT", "guard", 53, 990),
    ("NVDA", "momentum", 146, 972),
    ("AMZN", "reversion", 140, 961),
    ("GOOG", "momentum", 59, 1_004),
    ("META", "momentum", 57, 955),
    ("TSLA", "momentum", -57, 1_018),
    ("JPM", "slicer", 69, 948),
    ("XOM", "reversion", 227, 966),
    ("UNH", "reversion", -50, 1_024),
    ("V", "pairs", 60, 975),
    ("MA", "pairs", 33, 1_038),
    ("HD", "maker", -41, 991),
    ("KO", "maker", 250, 1_002),
];

impl ExecutionConfig {
    /// The demo desk: one paper account, twelve strategies, four users.
    ///
    /// # Errors
    /// [`ParseError`] never in practice: the names are constants that a test reads.
    pub fn demo(seed: u64) -> Result<Self, ParseError> {
        let account = AccountId::new("PAPER-1")?;
        let mut holdings = Vec::with_capacity(DEMO_HOLDINGS.len());
        for &(symbol, strategy, shares, entry_per_mille) in DEMO_HOLDINGS {
            let symbol = Symbol::new(symbol)?;
            let first = crate::market::first_cents(symbol).unwrap_or_default();
            holdings.push(Holding {
                strategy: StrategyId::new(strategy)?,
                symbol,
                qty: Qty::from_units(shares, 0),
                avg_entry_price: Price::from_units(first * entry_per_mille / 1000, 2),
            });
        }
        let base = |names: &[(&str, i64)]| {
            names
                .iter()
                .map(|&(symbol, shares)| Ok((Symbol::new(symbol)?, shares)))
                .collect::<Result<Vec<_>, ParseError>>()
        };
        let held_by = |strategy: &str| {
            let names: Vec<_> = DEMO_HOLDINGS
                .iter()
                .filter(|(_, holder, ..)| *holder == strategy)
                .map(|&(symbol, _, shares, _)| (symbol, shares))
                .collect();
            base(&names)
        };
        let strategies = [
            ("momentum", StrategyKind::Momentum, held_by("momentum")?),
            ("reversion", StrategyKind::Reversion, held_by("reversion")?),
            ("maker", StrategyKind::Maker, held_by("maker")?),
            (
                "scalper",
                StrategyKind::Scalper,
                base(&[("AMD", 0), ("BAC", 0)])?,
            ),
            ("pairs", StrategyKind::Pairs, held_by("pairs")?),
            ("slicer", StrategyKind::Slicer, held_by("slicer")?),
            ("guard", StrategyKind::Guard, held_by("guard")?),
            ("burst", StrategyKind::Burst, base(&[("WMT", 0)])?),
            ("sniper", StrategyKind::Sniper, base(&[("CVX", 0)])?),
            ("swing", StrategyKind::Swing, base(&[("NFLX", 0)])?),
            ("day-trader", StrategyKind::DayTrader, base(&[("JNJ", 0)])?),
            (
                "probe",
                StrategyKind::Probe,
                base(&[("DIS", 0), ("LLY", 0)])?,
            ),
        ];
        let strategies = strategies
            .into_iter()
            .map(|(name, kind, symbols)| {
                Ok(StrategyConfig {
                    account: account.clone(),
                    strategy: StrategyId::new(name)?,
                    kind,
                    symbols,
                })
            })
            .collect::<Result<Vec<_>, ParseError>>()?;
        let users = ["alice", "bob", "olivia", "adam"]
            .into_iter()
            .map(|name| {
                Ok(UserConfig {
                    user_id: UserId::new(name)?,
                    accounts: vec![account.clone()],
                })
            })
            .collect::<Result<Vec<_>, ParseError>>()?;
        Ok(Self {
            seed,
            session: Session::AlwaysOpen,
            environment: Environment::Paper,
            accounts: vec![AccountConfig {
                account,
                opening_cash: Money::from_units(44_000, 0),
                holdings,
            }],
            users,
            rails: Rails::default(),
            fees: FeeConfig {
                per_share: Price::from_units(5, 3),
                minimum: Money::from_units(35, 2),
            },
            venue: VenueConfig::default(),
            strategies,
            step_millis: 50,
            steps_per_tick: 4,
            warmup_ticks: 3_000,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// The same desk without its programs: it keeps what it holds, and hands trade alone.
    #[must_use]
    pub fn without_strategies(self) -> Self {
        Self {
            strategies: Vec::new(),
            ..self
        }
    }

    /// The desk of a replay: one account without positions, and those strategies over the tape's symbols that need
    /// neither a stake nor a certain pair.
    ///
    /// # Errors
    /// As [`Self::demo`].
    pub fn replay(
        seed: u64,
        symbols: impl IntoIterator<Item = Symbol>,
    ) -> Result<Self, ParseError> {
        let mut config = Self::demo(seed)?;
        let stakes: Vec<(Symbol, i64)> = symbols.into_iter().map(|symbol| (symbol, 0)).collect();
        for account in &mut config.accounts {
            account.opening_cash = Money::from_units(250_000, 0);
            account.holdings.clear();
        }
        config.strategies.retain(|strategy| {
            !matches!(
                strategy.kind,
                StrategyKind::Probe | StrategyKind::Pairs | StrategyKind::Guard
            )
        });
        for strategy in &mut config.strategies {
            strategy.symbols.clone_from(&stakes);
        }
        config.environment = Environment::Replay;
        config.warmup_ticks = 0;
        // Quotes of a quiet symbol stand for long on a tape; they are the market all the same.
        config.rails.quote_max_age_millis = 600_000;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_desk_holds_fourteen_positions_on_listed_symbols() {
        let config = ExecutionConfig::demo(1).unwrap();
        let holdings = &config.accounts[0].holdings;
        assert_eq!(holdings.len(), 14);
        assert_eq!(
            holdings
                .iter()
                .filter(|holding| holding.qty.is_negative())
                .count(),
            3
        );
        assert!(
            holdings
                .iter()
                .all(|holding| holding.avg_entry_price.is_positive())
        );
        for strategy in &config.strategies {
            assert!(!strategy.symbols.is_empty());
            for (symbol, _) in &strategy.symbols {
                assert!(
                    crate::market::first_cents(*symbol).is_some(),
                    "{symbol} is not listed"
                );
            }
        }
    }

    #[test]
    fn fees_have_a_minimum_and_whole_cents() {
        let fees = ExecutionConfig::demo(1).unwrap().fees;
        assert_eq!(fees.of(Qty::from_units(1, 0)), Money::from_units(35, 2));
        assert_eq!(fees.of(Qty::from_units(101, 0)), Money::from_units(50, 2));
        assert_eq!(fees.of(Qty::from_units(1000, 0)), Money::from_units(5, 0));
    }
}
