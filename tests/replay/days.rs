//! A tape that is told to stand still, to step and to go on, and tapes of several days one after the other.

use std::collections::BTreeSet;

use qd_execution::config::ExecutionConfig;
use qd_execution::desk::Desk;
use qd_execution::ledger::{Author, OrderRequest, PriceSeen};
use qd_execution::tape::{DayFiles, Selection, Tape, choose_days, find};
use qd_execution::{Replay, ReplayEnd, ReplayRefusal};
use qd_types::{
    AccountId, ClientOrderId, MarketPhase, Money, OrderStatus, OrderType, Qty, Side, StrategyId,
    Symbol, TimeInForce, UserId, UtcMicros, ZoneChoice,
};

use crate::made_up;

const START: UtcMicros = UtcMicros(1_763_821_096_204_000);
const STEP_MILLIS: i64 = 50;

/// The days of a folder, at `speed`, on a desk that moves twenty times a second.
fn desk(days: Vec<DayFiles>, speed: u32, end: ReplayEnd) -> Desk {
    let replay = Replay::new(days, speed, end).unwrap();
    let config = ExecutionConfig {
        step_millis: u32::try_from(STEP_MILLIS).unwrap(),
        steps_per_tick: 1,
        ..ExecutionConfig::replay(7, replay.symbols()).unwrap()
    };
    Desk::replaying(&config, replay, START)
}

fn days(folder: &made_up::Folder, num: usize) -> Vec<DayFiles> {
    choose_days(&find(folder.path()).unwrap(), &Selection::default(), num).unwrap()
}

fn replay(desk: &mut Desk) -> &mut Replay {
    desk.market_mut().replay_mut().unwrap()
}

fn quotes(desk: &Desk) -> Vec<String> {
    desk.market()
        .quotes()
        .map(|quote| format!("{quote:?}"))
        .collect()
}

fn order(desk: &Desk, id: &str, now: UtcMicros) -> OrderRequest {
    let symbol = Symbol::new("SPY").unwrap();
    OrderRequest {
        account: AccountId::new("PAPER-1").unwrap(),
        strategy: StrategyId::new("manual").unwrap(),
        client_order_id: ClientOrderId::new(id).unwrap(),
        symbol,
        side: Side::Buy,
        qty: Qty::from_units(10, 0),
        order_type: OrderType::Market,
        limit_price: None,
        stop_price: None,
        time_in_force: TimeInForce::Day,
        reason: "a paused tape".to_owned(),
        halt_epoch_seen: None,
        price_seen: Some(PriceSeen {
            value: desk.market().quote(symbol).unwrap().price,
            at: now,
        }),
    }
}

/// A desk whose clock a test moves.
struct Running {
    desk: Desk,
    now: UtcMicros,
}

impl Running {
    fn run(&mut self, num_steps: u32) {
        for _ in 0..num_steps {
            self.now = self.now.plus_millis(STEP_MILLIS);
            self.desk.step(self.now);
        }
    }

    fn tape_time(&self) -> UtcMicros {
        self.desk.market().time(self.now)
    }

    fn status_of(&self, id: &str) -> OrderStatus {
        let orders = self.desk.ledger().orders_newest_first();
        let id = ClientOrderId::new(id).unwrap();
        orders
            .map(|record| &record.order)
            .find(|order| order.client_order_id == id)
            .unwrap()
            .status
    }
}

#[test]
fn a_paused_tape_trades_nothing_steps_by_instants_and_goes_on_where_it_stood() {
    let folder = made_up::Folder::new("pause");
    made_up::day(folder.path());
    let mut running = Running {
        desk: desk(days(&folder, 1), 60, ReplayEnd::Stop),
        now: START,
    };
    running.run(100);
    assert_eq!(
        replay(&mut running.desk).step(),
        Err(ReplayRefusal::Playing),
        "a step wants a tape that stands"
    );
    // Just before the market's next tick: what the tape holds up to here has not been played yet, and is not now.
    let (now, played_to) = (running.now.plus_millis(49), running.tape_time());
    replay(&mut running.desk).pause(now).unwrap();
    replay(&mut running.desk).pause(now).unwrap();
    let (stood_at, stood) = (running.tape_time(), quotes(&running.desk));
    assert_eq!(stood_at, played_to, "the time of the prices on the board");
    let num_rows = replay(&mut running.desk).status(now).num_rows;

    let request = order(&running.desk, "while-paused", now);
    let alice = Author::Hand(UserId::new("alice").unwrap());
    running.desk.place(request, &alice, now);
    let num_orders = running.desk.ledger().orders_newest_first().count();
    running.run(400);
    assert_eq!(running.tape_time(), stood_at);
    assert_eq!(quotes(&running.desk), stood);
    assert_eq!(
        replay(&mut running.desk).status(running.now).num_rows,
        num_rows,
        "no row behind the pause"
    );
    assert_eq!(
        running.desk.ledger().orders_newest_first().count(),
        num_orders,
        "no strategy goes on by itself"
    );
    assert_eq!(
        running.status_of("while-paused"),
        OrderStatus::Working,
        "the venue answers, and fills nothing"
    );

    // The tape alone says which rows come next, and when.
    let mut alone = Tape::open(replay(&mut running.desk).day());
    for _ in 0..num_rows {
        alone.take().unwrap();
    }
    let midnight = UtcMicros::exchange_midnight(20_131_007).unwrap();
    for _ in 0..5 {
        let at = alone.next_at().unwrap();
        let mut expected = replay(&mut running.desk).status(running.now).num_rows;
        while alone.next_at() == Some(at) {
            alone.take().unwrap();
            expected += 1;
        }
        replay(&mut running.desk).step().unwrap();
        running.run(20);
        let status = replay(&mut running.desk).status(running.now);
        assert_eq!(status.num_rows, expected, "one instant and no more");
        assert_eq!(status.at, midnight.plus_millis(i64::from(at)));
        assert!(status.is_paused);
    }
    assert_eq!(
        running.status_of("while-paused"),
        OrderStatus::Filled,
        "a step trades"
    );

    let (stood_at, now) = (running.tape_time(), running.now);
    replay(&mut running.desk).resume(now).unwrap();
    running.run(20);
    assert_eq!(running.tape_time(), stood_at.plus_millis(60_000));
    // Faster from here on, and not from the beginning.
    let (stood_at, now) = (running.tape_time(), running.now);
    replay(&mut running.desk).set_speed(600, now).unwrap();
    running.run(20);
    assert_eq!(running.tape_time(), stood_at.plus_millis(600_000));
    assert_eq!(
        replay(&mut running.desk).set_speed(0, now),
        Err(ReplayRefusal::Speed)
    );
}

#[test]
fn a_step_behind_the_last_row_ends_the_day_and_nothing_moves_a_tape_that_is_over() {
    let folder = made_up::Folder::new("step-to-the-end");
    made_up::day(folder.path());
    let mut running = Running {
        desk: desk(days(&folder, 1), 3_600, ReplayEnd::Stop),
        now: START,
    };
    let close = UtcMicros::exchange_midnight(20_131_007)
        .unwrap()
        .plus_millis(16 * 3_600_000);
    while running.tape_time() < close.plus_millis(-1_000_000) {
        running.run(1);
    }
    let now = running.now;
    replay(&mut running.desk).pause(now).unwrap();
    let mut num_steps = 0;
    while !replay(&mut running.desk).status(running.now).is_over {
        replay(&mut running.desk).step().unwrap();
        running.run(1);
        num_steps += 1;
        assert!(num_steps < 2_000, "a step that moves nothing");
    }
    assert!(num_steps > 100, "{num_steps} instants in the last quarter");
    let now = running.now;
    assert_eq!(
        running.desk.market_clock(now).phase,
        MarketPhase::AfterHours
    );
    let tape = replay(&mut running.desk);
    assert_eq!(tape.step(), Err(ReplayRefusal::Over));
    assert_eq!(tape.pause(now), Err(ReplayRefusal::Over));
    assert_eq!(tape.resume(now), Err(ReplayRefusal::Over));
}

#[test]
fn several_days_play_one_after_the_other_and_each_is_a_trading_day_of_its_own() {
    let folder = made_up::Folder::new("days");
    let dates: [u32; 3] = [20_131_007, 20_131_009, 20_131_011];
    for date in dates {
        made_up::day_of(folder.path(), u64::from(date));
    }
    // A day between them lacks a symbol: what is held could not be sold on it.
    made_up::day_of(folder.path(), 20_131_010);
    std::fs::remove_dir_all(folder.path().join("second/aig")).unwrap();
    for date in dates {
        made_up::write(
            &folder.path().join(format!("second/aig/{date}_quote.zip")),
            "34200000,490000,490000,490000,490000,100,490100,490100,490100,490100,100\n",
        );
    }
    made_up::write(
        &folder.path().join("second/aig/20131007_trade.zip"),
        "34200000,490000,490000,490000,490000,100\nrubbish\n",
    );
    let num_rows: u64 = days(&folder, 3)
        .iter()
        .map(|day| {
            let mut tape = Tape::open(day);
            while tape.next_at().is_some_and(|at| at <= 16 * 3_600_000) {
                tape.take().unwrap();
            }
            tape.num_rows()
        })
        .sum();
    for end in [ReplayEnd::Stop, ReplayEnd::Loop] {
        let mut running = Running {
            desk: desk(days(&folder, 3), 3_600, end),
            now: START,
        };
        let mut seen = Vec::new();
        let mut traded = 0;
        for _ in 0..700 {
            running.run(1);
            let status = replay(&mut running.desk).status(running.now);
            let date = status.at.day_number(ZoneChoice::Exchange);
            assert_eq!(u32::try_from(date).unwrap(), status.date);
            if seen.last() != Some(&status.date) {
                let books = running.desk.ledger();
                let book = books.book(&AccountId::new("PAPER-1").unwrap()).unwrap();
                let today: Money = book.positions().map(|row| row.realized_pl_today).sum();
                assert_eq!(today, Money::ZERO, "the morning of {}", status.date);
                assert_eq!(books.fills().len(), 0, "the morning of {}", status.date);
                seen.push(status.date);
                if seen.len() == 5 {
                    break;
                }
            }
            traded = traded.max(running.desk.ledger().fills().len());
        }
        assert!(traded > 20, "{traded} fills on the liveliest day");
        let status = replay(&mut running.desk).status(running.now);
        match end {
            ReplayEnd::Stop => {
                assert_eq!(seen, dates);
                assert!(status.is_over);
                assert_eq!((status.day, status.num_days), (3, 3));
                assert_eq!(status.num_rows, num_rows, "every row of every day, once");
            }
            ReplayEnd::Loop => assert_eq!(seen, [dates[0], dates[1], dates[2], dates[0], dates[1]]),
        }
        assert_eq!(status.num_problems, 1, "told once, however often it plays");
    }
}

#[test]
fn days_that_are_not_there_are_said_with_those_that_are() {
    let folder = made_up::Folder::new("too-few");
    for date in [20_131_007, 20_131_009] {
        made_up::day_of(folder.path(), date);
    }
    let files = find(folder.path()).unwrap();
    let err = choose_days(&files, &Selection::default(), 3).unwrap_err();
    assert_eq!(
        err.to_string(),
        "no tape of 3 days of AIG BAC IBM SPY; there are 20131007, 20131009"
    );
    let only = Selection {
        date: Some(20_131_009),
        symbols: BTreeSet::from([Symbol::new("SPY").unwrap()]),
        resolution: None,
    };
    let chosen = choose_days(&files, &only, 1).unwrap();
    assert_eq!((chosen.len(), chosen[0].date), (1, 20_131_009));
    assert_eq!(chosen[0].symbols(), only.symbols);
    assert!(
        choose_days(&files, &only, 2).is_err(),
        "none comes behind it"
    );
}

#[test]
fn however_fast_a_tape_plays_its_last_prices_are_marked_and_its_day_ends() {
    let folder = made_up::Folder::new("close");
    made_up::day(folder.path());
    let days = days(&folder, 1);
    let mut last = std::collections::BTreeMap::new();
    let mut tape = Tape::open(&days[0]);
    while tape.next_at().is_some_and(|at| at <= 16 * 3_600_000) {
        let (symbol, row) = tape.take().unwrap();
        if let qd_execution::tape::Print::Trade(level) = row.print {
            last.insert(symbol, level.price);
        }
    }
    let mut running = Running {
        // 170 tape seconds a step: none falls between the close and the end of the minute behind it.
        desk: desk(days, 3_400, ReplayEnd::Loop),
        now: START,
    };
    // To the first step at which the close is behind.
    let close = UtcMicros::exchange_midnight(20_131_007)
        .unwrap()
        .plus_millis(16 * 3_600_000);
    let mut num_steps = 0;
    while running.tape_time() < close {
        running.run(1);
        num_steps += 1;
        assert!(num_steps < 200, "the close was never on the board");
    }
    let account = AccountId::new("PAPER-1").unwrap();
    let book = running.desk.ledger().book(&account).unwrap();
    let mut num_held = 0;
    // Also what a fill of this very step has opened.
    for position in book.positions() {
        assert_eq!(
            position.current_price,
            Some(last[&position.symbol]),
            "{} at the close",
            position.symbol
        );
        num_held += 1;
    }
    assert!(num_held > 0, "nothing was held at the close");
    running.run(1);
    let mut open = running.desk.ledger().open_orders();
    assert!(
        open.all(|record| record.order.time_in_force != TimeInForce::Day),
        "day orders end with their day"
    );
}
