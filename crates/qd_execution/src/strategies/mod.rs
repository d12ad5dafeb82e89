//! Small seeded programs that keep the demo desk alive: they trade around a base stake and never run away from it.
//!
//! They decide and nothing else: what they want goes through the same accepting step as an order by hand. No claim is
//! made that any of them earns money.

mod habits;
mod member;

use std::collections::BTreeMap;

use qd_types::{AccountId, StrategyId, Symbol, UtcMicros};

pub use self::member::Strategy;
use crate::ledger::{Ledger, OrderKey, OrderRequest};
use crate::market::Market;

/// What a strategy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Quiet for a minute or two, then a volley of twenty to forty orders within a second or two.
    Burst,
    /// Buys one of two symbols and sells the other when they drift apart; wants exactly two.
    Pairs,
    /// Works a larger intention over minutes in small orders, then the other way.
    Slicer,
    /// Holds its stake with a stop or a stop-limit under it, drawn after the market.
    Guard,
    /// Takes what is shown with immediate-or-cancel and fill-or-kill orders.
    Sniper,
    /// Good-till-cancelled limits well away from the market, for minutes and hours.
    Swing,
    /// Rides what moves, and goes flat in the last quarter of an hour, as often as it acts then.
    DayTrader,
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
