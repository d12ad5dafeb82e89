//! What the desk hands to its alerts: when quotes are expected, which orders nobody knows, which changes were refused.

use super::*;
use crate::market::{Quote, ReplayEnd};
use crate::tape::{DayFiles, Resolution};

/// A quiet desk: nothing trades but by hand.
fn quiet() -> ExecutionConfig {
    demo(5).without_strategies()
}

/// Takes what changed and gives what the alerts say of it, a line each.
fn told(desk: &mut Desk, now: UtcMicros) -> Vec<String> {
    let changes = desk.take_changes();
    let told = desk.watch(&changes, now).into_iter();
    told.map(|record| {
        let alert = record.alert;
        format!("{} {}: {}", alert.state, alert.rule, alert.detail)
    })
    .collect()
}

/// Moves the desk through `millis` from `from` on, hands `meanwhile` the milliseconds before each step, and gives what
/// was told.
fn live(
    desk: &mut Desk,
    from: UtcMicros,
    millis: std::ops::Range<i64>,
    mut meanwhile: impl FnMut(&mut Desk, i64),
) -> Vec<String> {
    let mut all = Vec::new();
    for at in millis.step_by(50) {
        let now = from.plus_millis(at);
        meanwhile(desk, at);
        desk.step(now);
        all.extend(told(desk, now));
    }
    all
}

const NOTHING: [&str; 0] = [];

#[test]
fn between_the_open_and_its_first_tick_no_quote_is_too_old() {
    let config = ExecutionConfig {
        session: Session::Exchange,
        ..quiet()
    };
    let open = UtcMicros::parse_rfc3339("2026-11-23T14:30:00Z").unwrap();
    // The open comes two steps after a tick, and in that step the alerts look at the desk.
    let start = open.plus_millis(-60_100);
    let mut desk = Desk::new(&config, start);
    desk.step(start);
    desk.step(start.plus_millis(50));
    let all = live(&mut desk, start, 100..90_000, |_, _| {});
    assert_eq!(all, NOTHING);
    let phase = desk.market_clock(start.plus_millis(90_000)).phase;
    assert_eq!(phase, MarketPhase::Open);
}

#[test]
fn a_machine_that_slept_finds_no_quote_too_old() {
    let mut desk = Desk::new(&quiet(), START);
    assert_eq!(live(&mut desk, START, 0..10_050, |_, _| {}), NOTHING);
    // An hour later, with a step that is no tick.
    let woken = START.plus_millis(3_600_000);
    assert_eq!(live(&mut desk, woken, 0..10_000, |_, _| {}), NOTHING);
    // Nor where the first ticks behind it bring none yet.
    let mut desk = on_tape(Resolution::Second, 1);
    stage(&mut desk, START);
    assert_eq!(live(&mut desk, START, 0..10_050, |_, _| {}), NOTHING);
    assert_eq!(live(&mut desk, woken, 0..10_000, |_, _| {}), NOTHING);
}

/// A desk on a tape without rows, whose quotes are staged by hand.
fn on_tape(resolution: Resolution, speed: u32) -> Desk {
    let day = DayFiles {
        date: 20_131_007,
        resolution,
        files: Vec::new(),
    };
    let replay = Replay::new(vec![day], speed, ReplayEnd::Stop).unwrap();
    Desk::replaying(&quiet(), replay, START)
}

fn stage(desk: &mut Desk, quoted_at: UtcMicros) {
    let price = Price::from_units(100, 0);
    let quote = Quote {
        symbol: Symbol::new("SPY").unwrap(),
        price,
        bid: price,
        ask: price,
        bid_size: Qty::ZERO,
        ask_size: Qty::ZERO,
        at: quoted_at,
        quoted_at,
        is_halted: false,
    };
    desk.market.stage(&[quote], &[]);
}

#[test]
fn quotes_of_a_tape_are_too_old_by_the_rhythm_of_its_rows() {
    // A bar a minute, for ten of them; then none.
    let mut desk = on_tape(Resolution::Minute, 1);
    let bars = |desk: &mut Desk, at: i64| {
        if at % 60_000 == 0 && at <= 600_000 {
            stage(desk, START.plus_millis(at));
        }
    };
    assert_eq!(live(&mut desk, START, 0..719_000, bars), NOTHING);
    let all = live(&mut desk, START, 719_000..722_000, bars);
    let stale = "firing market_data_stale: the newest quote is 2 min old";
    assert_eq!(all, [stale]);
    // Played sixty times as fast it is the desk's own limit that counts, and by seconds too.
    for (resolution, speed) in [(Resolution::Minute, 60), (Resolution::Second, 1)] {
        let mut desk = on_tape(resolution, speed);
        stage(&mut desk, START);
        assert_eq!(live(&mut desk, START, 0..14_000, |_, _| {}), NOTHING);
        assert_eq!(live(&mut desk, START, 14_000..17_000, |_, _| {}).len(), 1);
    }
}

#[test]
fn a_tape_of_trades_alone_has_no_quote_that_could_be_too_old() {
    let mut desk = on_tape(Resolution::Second, 1);
    let trades = |desk: &mut Desk, _| stage(desk, UtcMicros::default());
    assert_eq!(live(&mut desk, START, 0..60_000, trades), NOTHING);
}

#[test]
fn a_tape_that_was_stopped_for_long_goes_on_without_an_alert() {
    let mut desk = on_tape(Resolution::Second, 1);
    let all = live(&mut desk, START, 0..120_000, |desk, at| {
        let now = START.plus_millis(at);
        let tape = desk.market_mut().replay_mut().unwrap();
        match at {
            5_000 => tape.pause(now).unwrap(),
            100_000 => tape.resume(now).unwrap(),
            _ => {}
        }
        if at == 0 || at >= 110_000 {
            stage(desk, now);
        }
    });
    assert_eq!(all, NOTHING);
}

const HAND: &str = "alice";

/// Five shares of KO far below the market, until they are taken off.
fn resting(desk: &Desk, now: UtcMicros) -> OrderRequest {
    let symbol = Symbol::new("KO").unwrap();
    let value = desk.market().quote(symbol).unwrap().price;
    OrderRequest {
        account: AccountId::new("PAPER-1").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new("rests").unwrap(),
        symbol,
        side: Side::Buy,
        qty: Qty::from_units(5, 0),
        order_type: OrderType::Limit,
        limit_price: Some(value - Price::from_units(300, 2)),
        stop_price: None,
        time_in_force: TimeInForce::Gtc,
        reason: "rests for a while".to_owned(),
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen { value, at: now }),
    }
}

#[test]
fn a_cancel_makes_an_unknown_order_no_better_known_and_it_is_asked_for_until_the_venue_says() {
    let demo = quiet();
    let config = ExecutionConfig {
        venue: VenueConfig {
            answer_due_millis: 30_000,
            ..demo.venue
        },
        ..demo
    };
    let hand = Author::Hand(UserId::new(HAND).unwrap());
    let mut desk = Desk::new(&config, START);
    desk.step(START);
    let request = resting(&desk, START);
    let key = OrderKey {
        account: request.account.clone(),
        client_order_id: request.client_order_id.clone(),
    };
    // It is lost on its way: the venue never hears of it.
    let quote = desk.market.quote(request.symbol).copied();
    let placed = desk.ledger.place(request, &hand, quote.as_ref(), START);
    assert!(matches!(placed, PlaceOutcome::Recorded(_)), "{placed:?}");
    desk.ledger.mark_sent(&key, START);
    desk.ledger.mark_unknown(&key, START);
    let cancel = |desk: &mut Desk, at: i64| {
        if at == 5_000 {
            let now = START.plus_millis(at);
            let outcome = desk.cancel(&key, &hand, "away with it", now);
            assert!(matches!(outcome, CancelOutcome::Recorded(_)), "{outcome:?}");
        }
    };
    assert_eq!(live(&mut desk, START, 50..9_900, cancel), NOTHING);
    // Counted from when nobody knew of it, not from the cancel.
    assert_eq!(
        live(&mut desk, START, 9_900..12_000, cancel),
        ["firing order_unknown: BUY 5 KO (rests)"]
    );
    assert_eq!(live(&mut desk, START, 12_000..34_000, cancel), NOTHING);
    assert_eq!(
        live(&mut desk, START, 34_000..40_000, cancel),
        [
            "firing order_rejected: BUY 5 KO: never_reached_venue",
            "resolved order_unknown: BUY 5 KO (rests)",
        ]
    );
}

#[test]
fn a_change_that_a_rail_refuses_is_a_refused_order_and_asked_for_again_it_is_none_more() {
    let hand = Author::Hand(UserId::new(HAND).unwrap());
    let mut desk = Desk::new(
        &ExecutionConfig {
            venue: VenueConfig {
                lost_acks_per_mille: 0,
                ..quiet().venue
            },
            ..quiet()
        },
        START,
    );
    desk.step(START);
    let request = resting(&desk, START);
    let key = OrderKey {
        account: request.account.clone(),
        client_order_id: request.client_order_id.clone(),
    };
    desk.place(request, &hand, START);
    assert_eq!(live(&mut desk, START, 50..2_000, |_, _| {}), NOTHING);
    let raise = ChangeRequest {
        idempotency_key: "far-too-many".to_owned(),
        qty: Some(Qty::from_units(20_000, 0)),
        limit_price: None,
        stop_price: None,
    };
    let all = live(&mut desk, START, 2_000..80_000, |desk, at| {
        if [2_000, 3_000, 4_000].contains(&at) {
            let now = START.plus_millis(at);
            let outcome = desk.modify(&key, &raise, &hand, now);
            assert!(matches!(outcome, ModifyOutcome::Blocked(..)), "{outcome:?}");
        }
    });
    let words = "order_blocked: a change of BUY 5 KO: max_order_qty";
    assert_eq!(
        all,
        [format!("firing {words}"), format!("resolved {words}")]
    );
}
