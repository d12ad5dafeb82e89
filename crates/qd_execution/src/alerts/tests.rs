//! The rules by script: what fires, what is told again and when, what resolves; who hears it, and what is forgotten.

use qd_types::{
    BreakerState, ClientOrderId, Decimal, HaltScope, HaltState, Money, Order, OrderStatus,
    OrderType, Qty, Side, StrategyId, Symbol, TimeInForce, UserId,
};
use qd_wire::rest::LimitUse;

use super::facts::{AccountFacts, Facts, UnknownOrder};
use super::rules::limit_severity;
use super::*;
use crate::config::{AccountConfig, ExecutionConfig};
use crate::ledger::{Changes, Ledger, OrderChange, Rails};
use crate::testing::START;

fn account(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

/// Alerts over an empty ledger of one account, second by second.
struct Watch {
    alerts: Alerts,
    ledger: Ledger,
    now: UtcMicros,
    facts: Facts,
}

impl Watch {
    fn new() -> Self {
        let config = AccountConfig {
            account: account("A"),
            opening_cash: Money::from_units(1_000, 0),
            holdings: Vec::new(),
        };
        let fees = ExecutionConfig::demo(1).unwrap().fees;
        Self {
            alerts: Alerts::new("run"),
            ledger: Ledger::new(&[config], [], Rails::default(), fees, START),
            now: START,
            facts: Facts {
                quote_max_age_millis: 15_000,
                ..Facts::default()
            },
        }
    }

    /// Takes up what the ledger and `orders` say at `second`, and gives what is told, a line each.
    fn at(&mut self, second: i64, orders: Vec<Order>) -> Vec<String> {
        self.at_millis(second * 1_000, orders)
    }

    fn at_millis(&mut self, millis: i64, orders: Vec<Order>) -> Vec<String> {
        self.now = START.plus_millis(millis);
        let mut changes: Changes = self.ledger.take_changes();
        changes.orders = orders
            .into_iter()
            .map(|order| OrderChange { order, fill: None })
            .collect();
        let facts = self.facts.clone();
        self.alerts.look(&changes, &self.ledger, self.now, || facts);
        let told = self.alerts.take_changes();
        told.iter()
            .map(|record| {
                let alert = &record.alert;
                let line = format!(
                    "{} {} {}: {} | {}",
                    alert.state, alert.severity, alert.rule, alert.title, alert.detail
                );
                line.trim_end_matches([' ', '|']).to_owned()
            })
            .collect()
    }

    fn limits(&mut self, limits: Vec<LimitUse>) {
        self.facts.accounts = vec![AccountFacts {
            account: account("A"),
            num_unknown: 0,
            oldest_unknown: None,
            limits,
        }];
    }
}

fn used(rule: &str, value: i64, limit: i64) -> LimitUse {
    LimitUse {
        rule: rule.to_owned(),
        value: Decimal::from(value),
        limit: Decimal::from(limit),
        unit: "usd".to_owned(),
    }
}

fn order(name: &str, id: &str, status: OrderStatus, at: UtcMicros) -> Order {
    Order {
        account: account(name),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        venue_order_id: None,
        symbol: Symbol::new("KO").unwrap(),
        side: Side::Buy,
        qty: Qty::from_units(5, 0),
        filled_qty: Qty::ZERO,
        filled_avg_price: None,
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status,
        status_since: at,
        reason_code: Some("price_band".to_owned()),
        created_at: at,
        updated_at: at,
        source: "manual".to_owned(),
        parent_id: None,
    }
}

const NOTHING: [&str; 0] = [];

// covers: RT-1
#[test]
fn a_limit_warns_at_its_percent_rises_falls_and_resolves_below_a_lower_one() {
    use AlertSeverity::{Critical, Warning};
    // Percent used, what stood before, what stands then.
    for (value, before, after) in [
        (79, None, None),
        (80, None, Some(Warning)),
        (94, None, Some(Warning)),
        (95, None, Some(Critical)),
        (79, Some(Warning), Some(Warning)),
        (75, Some(Warning), Some(Warning)),
        (74, Some(Warning), None),
        (95, Some(Warning), Some(Critical)),
        (92, Some(Critical), Some(Critical)),
        (91, Some(Critical), Some(Warning)),
        (75, Some(Critical), Some(Warning)),
        (74, Some(Critical), None),
    ] {
        let limit = used("margin", value, 100);
        let is = limit_severity(&limit, before);
        assert_eq!(is, after, "{value} % after {before:?}");
    }
    let mut orders = used("open_orders", 81, 100);
    orders.unit = "orders".to_owned();
    let mut watch = Watch::new();
    watch.limits(vec![orders]);
    assert!(watch.at(0, Vec::new())[0].ends_with("its open orders or more | 81 of 100 orders"));
    // Nothing to use, or less than nothing: any use is too much, and none is none.
    assert_eq!(limit_severity(&used("margin", 1, 0), None), Some(Critical));
    assert_eq!(limit_severity(&used("margin", 1, -5), None), Some(Critical));
    assert_eq!(limit_severity(&used("margin", 0, -5), None), None);

    let mut watch = Watch::new();
    let mut see = |second, value| {
        watch.limits(vec![used("margin", value, 100)]);
        watch.at(second, Vec::new())
    };
    let warns = "warning limit_margin: A uses 80 % of its margin or more";
    let critical = "critical limit_margin: A uses 95 % of its margin or more";
    assert_eq!(see(0, 70), NOTHING);
    assert_eq!(see(1, 81), [format!("firing {warns} | $81.00 of $100.00")]);
    // Around the limit: one alert. Its figures are told once a minute.
    for second in 2..=60 {
        assert_eq!(see(second, 78 + second % 4), NOTHING, "at {second} s");
    }
    assert_eq!(see(61, 82), [format!("firing {warns} | $82.00 of $100.00")]);
    assert_eq!(
        see(62, 96),
        [format!("firing {critical} | $96.00 of $100.00")]
    );
    assert_eq!(see(63, 90), [format!("firing {warns} | $90.00 of $100.00")]);
    assert_eq!(see(64, 76), NOTHING);
    // The last figures that it stood with.
    assert_eq!(
        see(65, 74),
        [format!("resolved {warns} | $76.00 of $100.00")]
    );
    assert_eq!(see(66, 76), NOTHING);
    let again = see(67, 80);
    assert_eq!(again.len(), 1);
    let ids: Vec<&str> = watch
        .alerts
        .records
        .values()
        .map(|record| record.alert.alert_id.as_str())
        .collect();
    assert_eq!(ids, ["al-run-1", "al-run-2"]);
}

#[test]
fn a_limit_whose_use_hardly_moves_is_not_told_of_again() {
    let mut watch = Watch::new();
    let mut see = |second, cents| {
        watch.limits(vec![used("margin", cents, 10_000)]);
        watch.at(second, Vec::new()).len()
    };
    assert_eq!(see(0, 8_500), 1);
    // Half an hour of figures that are each another one.
    let told: usize = (1..1_800).map(|at| see(at, 8_405 + at % 190)).sum();
    assert_eq!(told, 0);
    // A whole percent less, and slowly a whole one more.
    assert_eq!(see(1_800, 8_400), 1);
    let told: Vec<i64> = (0..200)
        .filter(|step| see(1_801 + step, 8_400 + step) > 0)
        .collect();
    assert_eq!(told, [100]);
}

#[test]
fn another_person_or_reason_of_a_halt_or_a_breaker_is_told_within_two_seconds() {
    let mut watch = Watch::new();
    watch.at(0, Vec::new());
    let now = watch.now;
    let halt = |watch: &mut Watch, user: &str, reason: &str| {
        let by = UserId::new(user).ok();
        watch.ledger.set_halt(HaltState::Halted, by, reason, now);
    };
    let trip = |watch: &mut Watch, reason: &str| {
        let state = BreakerState::Tripped;
        watch.ledger.set_breaker("drawdown", state, reason, now);
    };
    halt(&mut watch, "olivia", "a drill");
    trip(&mut watch, "5 %");
    assert_eq!(watch.at_millis(1_100, Vec::new()).len(), 2);
    // The halt machine tells of it once, and too soon behind the first word.
    halt(&mut watch, "omar", "no drill");
    trip(&mut watch, "6 %");
    let told: Vec<String> = (12..=31)
        .flat_map(|tenth| watch.at_millis(tenth * 100, Vec::new()))
        .collect();
    assert_eq!(
        told,
        [
            "firing critical halt_not_active: Trading is halted | omar: no drill",
            "firing critical breaker_not_normal: Breaker drawdown has tripped | 6 %",
        ]
    );
}

#[test]
fn halts_and_breakers_are_told_at_once_and_once() {
    let mut watch = Watch::new();
    let by = UserId::new("olivia").ok();
    assert_eq!(watch.at(0, Vec::new()), NOTHING);
    let now = watch.now;
    watch
        .ledger
        .set_halt(HaltState::ReduceOnly, by.clone(), "a drill", now);
    let reduce = "critical halt_not_active: Trading is reduce-only | olivia: a drill";
    assert_eq!(
        watch.at_millis(10, Vec::new()),
        [format!("firing {reduce}")]
    );
    watch
        .ledger
        .set_halt(HaltState::Halted, by.clone(), "a drill", now);
    let halted = "critical halt_not_active: Trading is halted | olivia: a drill";
    assert_eq!(
        watch.at_millis(20, Vec::new()),
        [format!("firing {halted}")]
    );
    let scope = HaltScope::Account(account("A"));
    watch
        .ledger
        .set_scoped_halt(scope.clone(), HaltState::Halted, now);
    let scoped = "critical scoped_halt: KILL SWITCH ENGAGED for account:A";
    assert_eq!(
        watch.at_millis(30, Vec::new()),
        [format!("firing {scoped}")]
    );
    watch.ledger.set_halt(HaltState::Active, by, "over", now);
    assert_eq!(
        watch.at_millis(40, Vec::new()),
        [format!("resolved {halted}")]
    );
    watch.ledger.set_scoped_halt(scope, HaltState::Active, now);
    assert_eq!(
        watch.at_millis(50, Vec::new()),
        [format!("resolved {scoped}")]
    );

    for name in ["drawdown", "daily_loss"] {
        watch
            .ledger
            .set_breaker(name, BreakerState::Tripped, "too much", now);
    }
    assert_eq!(
        watch.at_millis(60, Vec::new()),
        [
            "firing critical breaker_not_normal: Breaker daily_loss has tripped | too much",
            "firing critical breaker_not_normal: Breaker drawdown has tripped | too much"
        ]
    );
    watch
        .ledger
        .set_breaker("drawdown", BreakerState::QuietPeriod, "wait", now);
    let quiet = "critical breaker_not_normal: Breaker drawdown is in its quiet period | wait";
    assert_eq!(watch.at_millis(70, Vec::new()), [format!("firing {quiet}")]);
    watch
        .ledger
        .set_breaker("drawdown", BreakerState::Open, "reset", now);
    assert_eq!(
        watch.at_millis(80, Vec::new()),
        [format!("resolved {quiet}")]
    );
    let standing = watch.alerts.of(&[], Some(AlertState::Firing), 10);
    assert_eq!(standing.len(), 1);
    assert_eq!(standing[0].title, "Breaker daily_loss has tripped");
}

#[test]
fn refused_orders_of_an_account_are_one_alert_until_there_was_none_for_a_minute() {
    let mut watch = Watch::new();
    let refused = |watch: &mut Watch, second: i64, statuses: &[OrderStatus]| {
        let at = START.plus_millis(second * 1_000);
        let orders = statuses
            .iter()
            .map(|status| order("A", &format!("o-{second}"), *status, at))
            .collect();
        watch.at(second, orders)
    };
    use OrderStatus::{BlockedHalt, BlockedRail, Cancelled, Rejected};
    let rejects = "warning order_rejected: The venue rejects orders of A";
    let blocks = "warning order_blocked: A limit refuses orders of A";
    assert_eq!(
        refused(&mut watch, 0, &[Rejected, Cancelled, BlockedHalt]),
        [format!("firing {rejects} | BUY 5 KO: price_band")]
    );
    assert_eq!(
        refused(&mut watch, 1, &[BlockedRail]),
        [format!("firing {blocks} | BUY 5 KO: price_band")]
    );
    // Thousands more are counted, and told of every minute.
    let mut told = Vec::new();
    for second in 2..140 {
        told.extend(refused(&mut watch, second, &[Rejected; 25]));
    }
    assert_eq!(
        told,
        [
            format!("firing {rejects} | 1,452 orders, the last: BUY 5 KO: price_band"),
            format!("resolved {blocks} | BUY 5 KO: price_band"),
            format!("firing {rejects} | 2,952 orders, the last: BUY 5 KO: price_band"),
        ]
    );
    let told: Vec<String> = (140..220)
        .flat_map(|second| refused(&mut watch, second, &[]))
        .collect();
    let last = "3,451 orders, the last: BUY 5 KO: price_band";
    assert_eq!(
        told,
        [
            format!("firing {rejects} | {last}"),
            format!("resolved {rejects} | {last}"),
        ]
    );
    // The next is another alert, and counts from one.
    assert_eq!(
        refused(&mut watch, 230, &[Rejected]),
        [format!("firing {rejects} | BUY 5 KO: price_band")]
    );
    // A late word about an order that had ended is none.
    let mut late = order("A", "late", Rejected, START);
    late.updated_at = START.plus_millis(5);
    assert_eq!(
        watch.at(300, vec![late])[0],
        format!("resolved {rejects} | BUY 5 KO: price_band")
    );
}

#[test]
fn an_unknown_order_is_told_of_when_asking_did_not_find_it() {
    let mut watch = Watch::new();
    let mut see = |second, since: Option<i64>, num_unknown| {
        watch.limits(Vec::new());
        watch.facts.accounts[0].num_unknown = num_unknown;
        watch.facts.accounts[0].oldest_unknown = since.map(|since| UnknownOrder {
            since: START.plus_millis(since * 1_000),
            words: format!("o-{since}"),
        });
        watch.at(second, Vec::new())
    };
    let unknown = "critical order_unknown: An order of A is unknown";
    assert_eq!(see(5, Some(0), 1), NOTHING);
    assert_eq!(see(9, Some(0), 1), NOTHING);
    assert_eq!(see(10, Some(0), 1), [format!("firing {unknown} | o-0")]);
    // The one is found, a younger one is not: the same alert.
    assert_eq!(see(12, Some(8), 2), NOTHING);
    assert_eq!(
        see(70, Some(8), 2),
        [format!("firing {unknown} | 2 orders, the oldest: o-8")]
    );
    assert_eq!(
        see(71, None, 0),
        [format!("resolved {unknown} | 2 orders, the oldest: o-8")]
    );
}

#[test]
fn quotes_that_stand_still_are_told_of_while_the_market_is_open() {
    let mut watch = Watch::new();
    let mut see = |second, age: Option<i64>| {
        watch.facts.quote_age_millis = age;
        watch.at(second, Vec::new())
    };
    let stale = "warning market_data_stale: Market data is stale";
    assert_eq!(see(0, None), NOTHING);
    assert_eq!(see(1, Some(14_999)), NOTHING);
    assert_eq!(
        see(2, Some(15_000)),
        [format!("firing {stale} | the newest quote is 15 s old")]
    );
    // One quote every sixteen seconds is one alert, and not one for each of them.
    for second in 3..96 {
        let age = second * 1_000 % 16_000;
        let told = see(second, Some(age)).join("");
        assert!(!told.contains("resolved"), "at {second} s: {told}");
    }
    // Resolved when they have come for a while.
    for second in 96..126 {
        assert_eq!(see(second, Some(14_999)), NOTHING, "at {second} s");
    }
    assert_eq!(
        see(126, Some(0)),
        [format!("resolved {stale} | the newest quote is 15 s old")]
    );
    assert_eq!(see(131, Some(20_000)).len(), 1);
    // For as long as it goes on, a word a minute.
    let told: Vec<i64> = (132..400)
        .filter(|at| !see(*at, Some((*at - 111) * 1_000)).is_empty())
        .collect();
    assert_eq!(told, [191, 251, 311, 371]);
    // Nothing is expected of a closed market.
    assert_eq!(see(400, None).len(), 1);
    assert_eq!(watch.alerts.of(&[], Some(AlertState::Firing), 9).len(), 0);
}

// covers: RT-1
#[test]
fn an_account_is_told_to_those_who_have_it_and_the_firm_to_everybody() {
    let mut watch = Watch::new();
    let at = watch.now;
    watch
        .ledger
        .set_halt(HaltState::Halted, None, "a drill", at);
    watch.at(0, vec![order("A", "o", OrderStatus::Rejected, at)]);
    let rules = |accounts: &[AccountId]| {
        let alerts = watch.alerts.of(accounts, None, 10);
        let mut rules: Vec<&str> = alerts.iter().map(|alert| alert.rule.as_str()).collect();
        rules.sort_unstable();
        rules.join(" ")
    };
    assert_eq!(
        rules(&[account("B"), account("A")]),
        "halt_not_active order_rejected"
    );
    assert_eq!(rules(&[account("B")]), "halt_not_active");
    assert_eq!(rules(&[]), "halt_not_active");
}

#[test]
fn memory_is_bounded_and_what_stands_is_never_forgotten() {
    let mut watch = Watch::new();
    watch.limits(vec![used("margin", 90, 100)]);
    watch.at(0, Vec::new());
    let mut num_told = 0;
    for round in 0..1_500_i64 {
        let now = watch.now;
        let state = if round % 2 == 0 {
            BreakerState::Tripped
        } else {
            BreakerState::Open
        };
        watch.ledger.set_breaker("drawdown", state, "", now);
        let told = watch.at_millis(round + 1, Vec::new());
        num_told += told.iter().filter(|line| line.contains("breaker")).count();
    }
    assert_eq!(num_told, 1_500);
    for round in 0..1_500_i64 {
        let now = watch.now;
        for state in [BreakerState::Tripped, BreakerState::Open] {
            watch.ledger.set_breaker("drawdown", state, "", now);
            watch.at_millis(2_000 + round, Vec::new());
        }
    }
    assert_eq!(watch.alerts.num_kept(), MAX_ALERTS);
    let alerts = watch.alerts.of(&[account("A")], None, 3);
    let states: Vec<AlertState> = alerts.iter().map(|alert| alert.state).collect();
    use AlertState::{Firing, Resolved};
    assert_eq!(states, [Firing, Resolved, Resolved]);
    assert!(alerts[1].at >= alerts[2].at);
    let resolved = watch.alerts.of(&[], Some(Resolved), usize::MAX);
    assert_eq!(resolved.len(), MAX_ALERTS - 1);
}

#[test]
fn what_stands_is_said_again_before_a_log_has_forgotten_it() {
    let mut watch = Watch::new();
    watch.limits(vec![used("margin", 90, 100)]);
    let first = watch.at(0, Vec::new());
    // The newest so many messages of the shortest log that there is, one of the longest words.
    let mut log = std::collections::VecDeque::from(first.clone());
    for round in 0..5_000_i64 {
        let now = watch.now;
        let state = if round % 2 == 0 {
            BreakerState::Tripped
        } else {
            BreakerState::Open
        };
        watch.ledger.set_breaker("drawdown", state, "", now);
        log.extend(watch.at_millis(round + 1, Vec::new()));
        while log.len() > 200 {
            log.pop_front();
        }
        assert!(log.contains(&first[0]), "forgotten at {round}");
    }
    // The same word, not a newer one; and no more of them than it takes.
    let standing = watch
        .alerts
        .of(&[account("A")], Some(AlertState::Firing), 9);
    assert_eq!(standing[0].at, START);
    assert!(log.iter().filter(|line| **line == first[0]).count() <= 2);
}

#[test]
fn a_clock_that_goes_back_neither_stops_the_watch_nor_an_alert() {
    let mut watch = Watch::new();
    watch.limits(vec![used("margin", 90, 100)]);
    assert_eq!(watch.at(100, Vec::new()).len(), 1);
    watch.limits(vec![used("margin", 10, 100)]);
    assert_eq!(watch.at(50, Vec::new()).len(), 1);
    let alert = watch.alerts.of(&[account("A")], None, 1)[0];
    assert_eq!(alert.state, AlertState::Resolved);
    assert_eq!(alert.at, START.plus_millis(100_000), "it never goes back");
}
