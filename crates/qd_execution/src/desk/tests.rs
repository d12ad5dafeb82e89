//! The whole desk under its strategies: alive, bounded, exact and repeatable.

use std::collections::BTreeMap;

use qd_types::*;

use super::*;
use crate::config::ExecutionConfig;

const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

#[test]
fn look() {
    let mut config = ExecutionConfig::demo(7).unwrap();
    config.warmup_ticks = 3000;
    let mut desk = Desk::new(&config, START);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for i in 0..20_000i64 {
        let now = START.plus_millis(50 * i);
        desk.step(now);
        for change in desk.take_changes().orders {
            *seen.entry(change.order.status.to_string()).or_default() += 1;
        }
        if i % 2000 == 0 {
            let book = desk.ledger().books().next().unwrap();
            let totals = book.totals(desk.ledger().rails().margin_rate, now);
            println!(
                "{i} {:?} open {} day {:?} eq {}",
                totals,
                desk.ledger().open_orders().count(),
                book.day,
                book.equity()
            );
        }
    }
    for p in desk.ledger().books().next().unwrap().positions() {
        println!(
            "{} {} {} @{} now {:?} upl {} real {}",
            p.strategy,
            p.symbol,
            p.qty,
            p.avg_entry_price,
            p.current_price,
            p.unrealized_pl,
            p.realized_pl_today
        );
    }
    println!(
        "{seen:?} {:?} {:?}",
        desk.ledger().counters(),
        desk.strategies().num_intents()
    );
    for r in desk.ledger().open_orders() {
        println!("{:?}", r.order);
    }
}
