//! The demo desk over a whole virtual day: twelve habits, each seen at work, and nothing that grows or runs away.

use super::*;
use crate::strategies::StrategyKind;

/// Venue, market and strategies all move together, every so many milliseconds.
fn coarse(seed: u64, step_millis: u32) -> ExecutionConfig {
    ExecutionConfig {
        step_millis,
        steps_per_tick: 1,
        warmup_ticks: 0,
        ..ExecutionConfig::demo(seed).unwrap()
    }
}

fn coarse_at(step: i64) -> UtcMicros {
    START.plus_millis(200 * step)
}

/// What one strategy did.
#[derive(Debug, Default)]
struct Deeds {
    orders: u64,
    final_orders: BTreeMap<&'static str, u64>,
    /// Orders per step of the busiest two seconds.
    in_two_seconds: std::collections::VecDeque<i64>,
    busiest: usize,
    kinds: std::collections::BTreeSet<(OrderType, TimeInForce)>,
}

/// What a desk did.
struct Life {
    config: ExecutionConfig,
    deeds: BTreeMap<String, Deeds>,
    num_fills: u64,
    /// Fewest and most rows.
    rows: (usize, usize),
    /// Open orders, on average and at most.
    open: (usize, usize),
    num_halts: usize,
}

impl Life {
    fn of(&self, kind: StrategyKind) -> &Deeds {
        let mut all = self.config.strategies.iter();
        let strategy = all.find(|one| one.kind == kind).unwrap();
        &self.deeds[strategy.strategy.as_str()]
    }

    fn num_orders(&self) -> u64 {
        self.deeds.values().map(|deed| deed.orders).sum()
    }
}

/// Lets the demo desk live and holds it to its bounds all the time.
fn live(seed: u64, step_millis: u32, hours: i64) -> Life {
    let steps = hours * 3_600_000 / i64::from(step_millis);
    let config = coarse(seed, step_millis);
    let mut desk = Desk::new(&config, START);
    let mut deeds: BTreeMap<String, Deeds> = BTreeMap::new();
    let mut bases: BTreeMap<(String, Symbol), i64> = BTreeMap::new();
    for strategy in &config.strategies {
        for &(symbol, base) in &strategy.symbols {
            bases.insert((strategy.strategy.to_string(), symbol), base);
        }
    }
    let mut taken = BTreeMap::new();
    let (mut most_open, mut open_sum) = (0, 0);
    let mut rows = (usize::MAX, 0);
    let mut halted = std::collections::BTreeSet::new();
    let mut num_halts = 0;
    for step in 0..steps {
        let now = START.plus_millis(i64::from(step_millis) * step);
        desk.step(now);
        let changes = desk.take_changes().orders;
        check_fills(&desk, &changes, true, &mut taken);
        for OrderChange { order, fill } in changes {
            let deed = deeds.entry(order.source.clone()).or_default();
            if order.status == OrderStatus::Accepted {
                deed.orders += 1;
                deed.kinds.insert((order.order_type, order.time_in_force));
                deed.in_two_seconds.push_back(step);
                let two_seconds = 2_000 / i64::from(step_millis);
                deed.in_two_seconds.retain(|one| *one > step - two_seconds);
                deed.busiest = deed.busiest.max(deed.in_two_seconds.len());
            }
            if !order.status.is_open() && (fill.is_none() || order.remaining().is_zero()) {
                *deed.final_orders.entry(order.status.as_str()).or_default() += 1;
            }
        }
        let now_halted = desk.market().halted().clone();
        num_halts += now_halted.difference(&halted).count();
        assert!(now_halted.is_empty() || now >= START.plus_millis(CALM_MILLIS));
        halted = now_halted;
        let num_open = desk.ledger().open_orders().count();
        most_open = most_open.max(num_open);
        open_sum += num_open;
        let book = desk.ledger().books().next().unwrap();
        let num_rows = book.positions().count();
        rows = (rows.0.min(num_rows), rows.1.max(num_rows));
        let totals = book.totals(desk.ledger().rails().margin_rate, now);
        assert!(totals.exposure.gross < desk.ledger().rails().max_gross_exposure);
        assert!(
            totals.buying_power.unwrap().to_f64_lossy() > 20_000.0,
            "{:?} at step {step}",
            totals.buying_power
        );
        for position in book.positions() {
            let base = bases[&(position.strategy.to_string(), position.symbol)];
            let away = position.qty - Qty::from_units(base, 0);
            // Three usual orders and the prices' own moves; a guard that was stopped out is away by its whole stake.
            let worth = position.current_price.unwrap().times(away.abs());
            let most = if position.strategy.as_str() == "guard" {
                50_000
            } else {
                12_000
            };
            assert!(
                worth < Money::from_units(most, 0),
                "{position:?} ran away from {base} at step {step}"
            );
        }
    }
    assert_eq!(desk.ledger().counters().anomalies, 0);
    assert_eq!(deeds.len(), config.strategies.len());
    // What is kept per order is bounded by the ledger; what the venue keeps is what is open.
    assert!(desk.venue().num_orders() <= most_open);
    assert!(rows.0 >= 13 && rows.1 <= 20, "{rows:?} rows");
    check_books(&config, &desk);
    let num_fills = desk.ledger().books().next().unwrap().day.num_fills;
    Life {
        config,
        deeds,
        num_fills,
        rows,
        open: (open_sum / usize::try_from(steps).unwrap(), most_open),
        num_halts,
    }
}

#[test]
fn eight_hours_of_the_desk_stay_within_their_rails() {
    let life = live(42, 1_000, 8);
    assert!(
        (2..40).contains(&life.num_halts),
        "{} halts",
        life.num_halts
    );
}

#[test]
fn in_an_hour_every_habit_is_seen_and_the_flow_stays_readable() {
    let life = live(7, 200, 1);
    let per_minute = life.num_orders() / 60;
    println!(
        "{per_minute} orders and {} fills a minute, rows {:?}, open {:?}, {} halts",
        life.num_fills / 60,
        life.rows,
        life.open,
        life.num_halts
    );
    for (name, deed) in &life.deeds {
        println!(
            "{name}: {} orders, {:?}, busiest {}, {:?}",
            deed.orders, deed.final_orders, deed.busiest, deed.kinds
        );
    }
    assert!(
        (25..100).contains(&per_minute),
        "{per_minute} orders a minute"
    );
    assert!(
        (5..=25).contains(&life.open.0),
        "{:?} open orders",
        life.open
    );
    let probe = life.of(StrategyKind::Probe);
    assert!(probe.final_orders["rejected"] > 10, "{probe:?}");
    let burst = life.of(StrategyKind::Burst);
    assert!((20..=40).contains(&burst.busiest), "{burst:?}");
    let (stop, limit) = (OrderType::Stop, OrderType::Limit);
    for (kind, wanted) in [
        (StrategyKind::Guard, (stop, TimeInForce::Gtc)),
        (
            StrategyKind::Guard,
            (OrderType::StopLimit, TimeInForce::Gtc),
        ),
        (StrategyKind::Sniper, (limit, TimeInForce::Ioc)),
        (StrategyKind::Sniper, (limit, TimeInForce::Fok)),
        (StrategyKind::Swing, (limit, TimeInForce::Gtc)),
        (StrategyKind::Burst, (limit, TimeInForce::Ioc)),
        (StrategyKind::Maker, (limit, TimeInForce::Day)),
    ] {
        let kinds = &life.of(kind).kinds;
        assert!(kinds.contains(&wanted), "{kind:?}: {kinds:?}");
    }
    for kind in [
        StrategyKind::Maker,
        StrategyKind::Momentum,
        StrategyKind::Slicer,
    ] {
        assert!(
            life.of(kind).orders > 60,
            "{kind:?} fell silent: {:?}",
            life.of(kind)
        );
    }
}

#[test]
fn without_strategies_the_desk_keeps_its_positions_and_its_market_and_nothing_trades() {
    let config = coarse(5, 200).without_strategies();
    let mut desk = Desk::new(&config, START);
    let first = desk
        .market()
        .quote(Symbol::new("AAPL").unwrap())
        .unwrap()
        .price;
    for step in 0..1_500 {
        desk.step(coarse_at(step));
    }
    let changes = desk.take_changes();
    assert!(changes.orders.is_empty(), "{:?}", changes.orders);
    assert_eq!(
        desk.ledger().books().next().unwrap().positions().count(),
        14
    );
    assert_ne!(
        desk.market()
            .quote(Symbol::new("AAPL").unwrap())
            .unwrap()
            .price,
        first
    );
    let placed = desk.place(
        by_hand(&desk, "alone", coarse_at(1_499)),
        &Author::Hand(UserId::new("alice").unwrap()),
        coarse_at(1_499),
    );
    assert!(matches!(placed, PlaceOutcome::Recorded(_)), "{placed:?}");
    for step in 1_500..1_600 {
        desk.step(coarse_at(step));
    }
    assert_eq!(desk.ledger().fills().len(), 1);
}

/// Five shares of AAPL at the market, in the strategy that holds it.
fn by_hand(desk: &Desk, id: &str, now: UtcMicros) -> OrderRequest {
    let symbol = Symbol::new("AAPL").unwrap();
    OrderRequest {
        account: AccountId::new("PAPER-1").unwrap(),
        strategy: StrategyId::new("momentum").unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol,
        side: Side::Buy,
        qty: Qty::from_units(5, 0),
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "a hand on a quiet desk".to_owned(),
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen {
            value: desk.market().quote(symbol).unwrap().price,
            at: now,
        }),
    }
}

#[test]
fn in_a_halted_symbol_strategies_are_silent_hands_are_refused_and_a_close_is_told_why() {
    let mut desk = Desk::new(&coarse(5, 200), START);
    for step in 0..300 {
        desk.step(coarse_at(step));
    }
    desk.take_changes();
    let symbol = Symbol::new("AAPL").unwrap();
    // One that a hand closes, and one in which a strategy would send every few seconds.
    let other = Symbol::new("KO").unwrap();
    desk.market.stage_halt(symbol, true);
    desk.market.stage_halt(other, true);
    let hand = Author::Hand(UserId::new("alice").unwrap());
    let now = coarse_at(300);
    let PlaceOutcome::Blocked(record) = desk.place(by_hand(&desk, "into-it", now), &hand, now)
    else {
        panic!("taken in a halt");
    };
    assert_eq!(record.refused_by.unwrap().rule, "symbol_halted");
    let close = CloseRequest {
        symbol,
        account: None,
        strategy: None,
        client_order_id: ClientOrderId::new("close-it").unwrap(),
        qty: None,
        reason: "get out".to_owned(),
    };
    let closed = desk.close(&close, &[AccountId::new("PAPER-1").unwrap()], &hand, now);
    assert!(matches!(closed, CloseOutcome::Recorded(_)), "{closed:?}");
    let mut ends = Vec::new();
    for step in 300..600 {
        desk.run_venue(coarse_at(step), Hours::Open);
        let strategies = desk
            .strategies
            .decide(&desk.market, &desk.ledger, coarse_at(step));
        let into = strategies.iter().any(
            |(_, intent)| matches!(intent, Intent::Place(request) if request.symbol == symbol || request.symbol == other),
        );
        assert!(!into, "a strategy sent into a halted symbol");
        for OrderChange { order, fill } in desk.take_changes().orders {
            assert!(
                fill.is_none() || order.symbol != symbol,
                "{order:?} filled in a halt"
            );
            if order.client_order_id.as_str() == "close-it" && !order.status.is_open() {
                ends.push((order.status, order.reason_code));
            }
        }
    }
    assert_eq!(
        ends,
        [(OrderStatus::Rejected, Some("symbol_halted".to_owned()))]
    );
}
