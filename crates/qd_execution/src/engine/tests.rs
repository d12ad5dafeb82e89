//! The engine over an embedded bus in virtual time: what is published, and what happens when it must not go on.

use std::collections::BTreeMap;

use qd_bus::{Hub, RouteSink, Routed};
use qd_types::{
    AccountId, Alert, AlertState, BreakerState, ClientOrderId, HaltScope, HaltState, Money,
    OrderType, Position, PositionKey, Qty, Seq, Side, StrategyId, Symbol, TimeInForce,
};
use qd_wire::{Message, Payload, decode};

use super::*;
use crate::ledger::{Author, OrderRequest, PlaceOutcome};
use crate::testing::{VirtualClock, start};

/// Keeps every message of its stream.
#[derive(Default)]
struct Tape(Mutex<Vec<Arc<Routed>>>);

impl RouteSink for Tape {
    fn route(&self, routed: &Arc<Routed>) {
        self.0.lock().push(Arc::clone(routed));
    }
}

impl Tape {
    fn messages(&self) -> Vec<Message> {
        let routed = self.0.lock().clone();
        routed
            .iter()
            .map(|one| decode(&one.stream, &one.bytes).unwrap())
            .collect()
    }
}

fn stream(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}

// covers: RT-1
// covers: RT-3
#[tokio::test(start_paused = true)]
async fn every_published_message_has_totals_that_are_the_sums_of_its_rows() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = start(&bus, &clock);
    let hub = Hub::new(bus.clone(), Arc::clone(&clock));
    let (positions, orders) = (Arc::new(Tape::default()), Arc::new(Tape::default()));
    let _guards = (
        hub.subscribe(
            stream("positions:alice"),
            Arc::clone(&positions) as Arc<dyn RouteSink>,
        ),
        hub.subscribe(
            stream("orders:alice"),
            Arc::clone(&orders) as Arc<dyn RouteSink>,
        ),
    );
    // Before the first step nothing has changed yet: these are the rows that the fills are booked on.
    let mut held: BTreeMap<PositionKey, Qty> = handle
        .read(|desk, _| {
            let books = desk.ledger().books();
            books
                .flat_map(|book| book.positions())
                .map(|row| (row.key(), row.qty))
                .collect()
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(20_017)).await;
    // As a REST answer does: the number first, then the rows.
    let stand = handle.position(&stream("positions:alice")).unwrap();
    let mut rest: BTreeMap<PositionKey, Position> = handle
        .read(|desk, _| {
            let books = desk.ledger().books();
            books
                .flat_map(|book| book.positions())
                .map(|row| (row.key(), row.clone()))
                .collect()
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(40)).await;
    handle.stop(Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let mut rows = BTreeMap::new();
    let mut last = None;
    let (mut num_deltas, mut num_removed) = (0, 0);
    for message in positions.messages() {
        let head = message.head.unwrap();
        if let Some(before) = last.replace(head.clone()) {
            assert_eq!((&head.epoch, head.seq), (&before.epoch, before.seq.next()));
            let apart = head.published_at.millis_since(before.published_at);
            assert!(apart >= 100, "two messages {apart} ms apart");
        }
        let totals = match message.payload {
            Payload::PositionsSnapshot(body) => {
                let fresh: BTreeMap<_, _> = body
                    .positions
                    .into_iter()
                    .map(|row| (row.key(), row))
                    .collect();
                if !rows.is_empty() {
                    assert_eq!(
                        rows.len(),
                        fresh.len(),
                        "a snapshot differs from what the deltas said"
                    );
                }
                rows = fresh;
                body.totals
            }
            Payload::PositionsDelta(body) => {
                num_deltas += 1;
                num_removed += body.removed.len();
                for key in &body.removed {
                    rows.remove(key);
                }
                if head.seq > stand.seq {
                    rest.retain(|key, _| !body.removed.contains(key));
                    rest.extend(body.changed.iter().map(|row| (row.key(), row.clone())));
                }
                rows.extend(body.changed.into_iter().map(|row| (row.key(), row)));
                body.totals
            }
            other => panic!("{other:?} on positions"),
        };
        let unrealized: Money = rows.values().map(|row| row.unrealized_pl).sum();
        assert_eq!(totals.unrealized_pl, unrealized, "at {}", head.seq);
        assert_eq!(totals.num_positions as usize, rows.len(), "at {}", head.seq);
        assert!(totals.buying_power.is_some() && totals.margin_used.is_some());
    }
    assert_eq!(
        rest, rows,
        "an answer and the deltas behind its number make the published state"
    );
    assert!(num_deltas > 100, "{num_deltas} deltas");
    assert!(num_removed > 0, "no row ever went");

    let mut expected = Seq(0);
    let mut num_fills = 0;
    for message in orders.messages() {
        let head = message.head.unwrap();
        expected = expected.next();
        assert_eq!(head.seq, expected, "events are dense");
        let Payload::Order(event) = message.payload else {
            panic!("no order event")
        };
        let Some(fill) = event.fill else { continue };
        num_fills += 1;
        let order = event.order;
        let key = PositionKey {
            account: order.account,
            strategy: order.strategy,
            symbol: order.symbol,
        };
        *held.entry(key).or_default() += order.side.signed(fill.qty);
    }
    assert!(num_fills > 10, "{num_fills} fills in a minute");
    held.retain(|_, qty| !qty.is_zero());
    let published: BTreeMap<_, _> = rows
        .iter()
        .map(|(key, row)| (key.clone(), row.qty))
        .collect();
    assert_eq!(published, held, "rows are the fold of the fills");
    assert_eq!(
        handle.position(&stream("orders:alice")).unwrap().seq,
        expected
    );
}

#[tokio::test(start_paused = true)]
async fn halts_and_breakers_are_published_at_once() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = start(&bus, &clock);
    let hub = Hub::new(bus.clone(), Arc::clone(&clock));
    let (halts, breakers) = (Arc::new(Tape::default()), Arc::new(Tape::default()));
    let _guards = (
        hub.subscribe(
            stream("kill_switch:state"),
            Arc::clone(&halts) as Arc<dyn RouteSink>,
        ),
        hub.subscribe(
            stream("circuit_breaker:state"),
            Arc::clone(&breakers) as Arc<dyn RouteSink>,
        ),
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    let now = clock.now();
    handle
        .change(Lane::Safety, |desk, now| {
            desk.ledger_mut()
                .set_halt(HaltState::Halted, None, "a drill", now);
            desk.ledger_mut().set_breaker(
                "drawdown",
                qd_types::BreakerState::Tripped,
                "a drill",
                now,
            );
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let last = halts.messages().pop().unwrap();
    assert!(last.head.unwrap().published_at.millis_since(now) < 50);
    match last.payload {
        Payload::Halt(status) => {
            assert_eq!((status.state, status.halt_epoch), (HaltState::Halted, 2));
        }
        other => panic!("{other:?}"),
    }
    match breakers.messages().pop().unwrap().payload {
        Payload::Breakers(all) => {
            assert_eq!(
                all.iter()
                    .map(|breaker| breaker.trip_count_today)
                    .sum::<u32>(),
                1
            );
        }
        other => panic!("{other:?}"),
    }
}

/// The demo desk without programs, with a second account that only carol has.
fn two_desks(bus: &Bus, clock: &Arc<dyn Clock>) -> ExecutionHandle {
    let mut config = ExecutionConfig {
        warmup_ticks: 0,
        ..ExecutionConfig::demo(7).unwrap().without_strategies()
    };
    let other = AccountId::new("OTHER").unwrap();
    config.accounts.push(crate::AccountConfig {
        account: other.clone(),
        opening_cash: Money::from_units(1_000, 0),
        holdings: Vec::new(),
    });
    config.users.push(crate::UserConfig {
        user_id: UserId::new("carol").unwrap(),
        accounts: vec![other],
    });
    Execution::start(&config, bus.clone(), Arc::clone(clock)).unwrap()
}

// covers: RT-1
#[tokio::test(start_paused = true)]
async fn a_refused_order_is_one_message_to_those_who_have_the_account_and_a_halt_one_to_everybody()
{
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = two_desks(&bus, &clock);
    let hub = Hub::new(bus.clone(), Arc::clone(&clock));
    let hear = |name: &str| {
        let tape = Arc::new(Tape::default());
        let guard = hub.subscribe(stream(name), Arc::clone(&tape) as Arc<dyn RouteSink>);
        (tape, guard)
    };
    let (alice, bob, carol) = (
        hear("alerts:alice"),
        hear("alerts:bob"),
        hear("alerts:carol"),
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    // What stands on the numbers is read after them.
    assert_eq!(
        handle.position(&stream("alerts:alice")).unwrap().seq,
        Seq(0)
    );
    handle
        .change(Lane::Normal, |desk, now| {
            let author = Author::Hand(UserId::new("alice").unwrap());
            for number in 0..3 {
                let request = OrderRequest {
                    account: AccountId::new("PAPER-1").unwrap(),
                    strategy: StrategyId::new("manual").unwrap(),
                    client_order_id: ClientOrderId::new(&format!("o-{number}")).unwrap(),
                    symbol: Symbol::new("KO").unwrap(),
                    side: Side::Buy,
                    qty: Qty::from_units(20_000, 0),
                    order_type: OrderType::Market,
                    limit_price: None,
                    stop_price: None,
                    time_in_force: TimeInForce::Day,
                    reason: "far too large for any desk".to_owned(),
                    halt_epoch_seen: None,
                    price_seen: None,
                };
                let outcome = desk.place(request, &author, now);
                assert!(matches!(outcome, PlaceOutcome::Blocked(_)), "{outcome:?}");
            }
        })
        .await
        .unwrap();
    let told = |tape: &Tape| -> Vec<(u64, Alert)> {
        let messages = tape.messages().into_iter();
        messages
            .map(|message| match message.payload {
                Payload::Alert(alert) => (message.head.unwrap().seq.0, alert),
                other => panic!("{other:?} on alerts"),
            })
            .collect()
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    let first = told(&alice.0);
    assert_eq!(first.len(), 1, "{first:?}");
    let (seq, alert) = &first[0];
    assert_eq!((*seq, alert.rule.as_str()), (1, "order_blocked"));
    assert_eq!(alert.state, AlertState::Firing);
    assert!(alert.detail.contains("max_order_qty"), "{}", alert.detail);
    assert_eq!(told(&bob.0), first);
    assert_eq!(told(&carol.0), []);

    handle
        .change(Lane::Safety, |desk, now| {
            let halt = HaltState::Halted;
            desk.ledger_mut().set_halt(halt, None, "a drill", now);
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    for (tape, seq) in [(&alice.0, 2), (&bob.0, 2), (&carol.0, 1)] {
        let (last, alert) = told(tape).pop().unwrap();
        assert_eq!((last, alert.rule.as_str()), (seq, "halt_not_active"));
    }
    // The other two refusals are told as a count with the end of it, a minute later; then nothing more.
    tokio::time::sleep(Duration::from_secs(90)).await;
    let all = told(&alice.0);
    let states: Vec<_> = all
        .iter()
        .filter(|(_, alert)| alert.rule == "order_blocked")
        .map(|(_, alert)| (alert.state, alert.detail.starts_with("3 orders")))
        .collect();
    use AlertState::{Firing, Resolved};
    assert_eq!(states, [(Firing, false), (Resolved, true)]);
    let stand = handle.position(&stream("alerts:alice")).unwrap();
    assert_eq!(stand.seq.0, all.len() as u64);
    let kept = handle
        .read(|desk, _| {
            let mine = [AccountId::new("PAPER-1").unwrap()];
            let alerts = desk.alerts().of(&mine, None, 9);
            alerts.into_iter().cloned().collect::<Vec<_>>()
        })
        .await
        .unwrap();
    let ends: Vec<_> = kept
        .iter()
        .map(|alert| (alert.rule.as_str(), alert.state))
        .collect();
    assert_eq!(
        ends,
        [("halt_not_active", Firing), ("order_blocked", Resolved)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_of_alerts_always_has_what_stands() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = two_desks(&bus, &clock);
    let scope = HaltScope::Account(AccountId::new("PAPER-1").unwrap());
    handle
        .change(Lane::Safety, move |desk, now| {
            let state = HaltState::Halted;
            desk.ledger_mut().set_scoped_halt(scope, state, now);
        })
        .await
        .unwrap();
    for round in 0..1_200 {
        let state = if round % 2 == 0 {
            BreakerState::Tripped
        } else {
            BreakerState::Open
        };
        handle
            .change(Lane::Safety, move |desk, now| {
                desk.ledger_mut().set_breaker("drawdown", state, "", now);
            })
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let name = stream("alerts:alice");
    let page = bus
        .read_log(&name, None, usize::MAX, usize::MAX)
        .await
        .unwrap();
    let num_given = handle.position(&name).unwrap().seq.0;
    assert!(num_given > 1_200);
    assert!((page.entries.len() as u64) < num_given, "the log is full");
    let stands = page
        .entries
        .iter()
        .any(|entry| String::from_utf8_lossy(&entry.bytes).contains("scoped_halt"));
    assert!(stands, "a console that reads the log misses the halt");
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_leaves_the_engine_going_and_a_failed_change_ends_it() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = start(&bus, &clock);
    let failed = handle.read(|_, _| panic!("a mistake in a read")).await;
    assert_eq!(failed, Err::<(), _>(EngineError::NoAnswer));
    assert_eq!(handle.read(|_, _| 7).await, Ok(7));
    let failed = handle
        .change(Lane::Normal, |_, _| panic!("a mistake in a change"))
        .await;
    assert_eq!(failed, Err::<(), _>(EngineError::NoAnswer));
    assert_eq!(handle.read(|_, _| 7).await, Err(EngineError::Stopped));
    assert!(!handle.is_running());
}

#[tokio::test(start_paused = true)]
async fn the_lane_for_cancels_passes_a_full_lane_of_reads() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = start(&bus, &clock);
    let mut waiting = Vec::new();
    // Nothing is taken up while this task does not wait: the lane fills.
    for _ in 0..LANE_CAPACITY {
        let job: Job = Box::new(|_, _| Box::new(|| {}));
        waiting.push(handle.shared.normal.try_send(job).is_ok());
    }
    assert!(waiting.iter().all(|sent| *sent));
    assert_eq!(handle.read(|_, _| ()).await, Err(EngineError::Busy));
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |word: &'static str| {
        let order = Arc::clone(&order);
        move |_: &mut Desk, _| order.lock().push(word)
    };
    let queued = handle.change(Lane::Safety, note("safety")).await;
    assert_eq!(queued, Ok(()));
    // The reads ahead of it in the other lane were still waiting when it was done.
    assert!(handle.shared.normal.capacity() < LANE_CAPACITY);
}

#[tokio::test(start_paused = true)]
async fn the_engine_ends_with_its_last_handle() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let handle = start(&bus, &clock);
    let task = handle.shared.task.lock().take().unwrap();
    let other = handle.clone();
    drop(handle);
    assert_eq!(other.read(|_, _| 1).await, Ok(1));
    drop(other);
    tokio::time::timeout(Duration::from_secs(1), task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_contradicts_itself_is_refused_with_the_name() {
    let clock = VirtualClock::shared();
    let bus = Bus::embedded(Arc::clone(&clock));
    let refused = |change: fn(&mut ExecutionConfig)| {
        let mut config = ExecutionConfig::demo(1).unwrap();
        change(&mut config);
        Execution::start(&config, bus.clone(), Arc::clone(&clock))
            .unwrap_err()
            .to_string()
    };
    for (change, words) in [
        (
            (|config| config.users.push(config.users[0].clone())) as fn(&mut ExecutionConfig),
            r#"user "alice" is there twice"#,
        ),
        (
            |config| {
                config.users[0]
                    .accounts
                    .push(AccountId::new("GHOST").unwrap());
            },
            r#"user's account "GHOST" does not exist"#,
        ),
        (
            |config| config.accounts[0].holdings[0].symbol = Symbol::new("ZZZZ").unwrap(),
            r#"holding "ZZZZ" is not listed"#,
        ),
        (
            |config| config.strategies[0].account = AccountId::new("GHOST").unwrap(),
            r#"strategy's account "GHOST" does not exist"#,
        ),
    ] {
        let text = refused(change);
        assert!(text.contains(words), "{text}");
    }
}
