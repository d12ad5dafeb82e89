//! One quantity, one value: whatever happens in whatever order, all views of it in one snapshot are equal.

use std::sync::Arc;

use proptest::prelude::*;
use qd_types::{Money, Price, Qty};

use super::fixtures::*;
use crate::{DayStats, Event, Poll, PollAnswer, PriceSeries, RestAnswer, Snapshot};

/// In one snapshot every quantity has one value: rows, totals and cards agree to the last digit.
#[track_caller]
pub(crate) fn assert_agrees(snapshot: &Snapshot) {
    let rows = &snapshot.positions.rows;
    let totals = &snapshot.positions.totals;
    let sum = |of: &dyn Fn(&crate::PositionRow) -> Money| rows.iter().map(|row| of(row)).sum();
    let unrealized: Money = sum(&|row| row.figures.unrealized_pl);
    assert_eq!(totals.unrealized_pl, unrealized);
    assert_eq!(totals.net_value, sum(&|row| row.figures.market_value));
    assert_eq!(totals.gross_value, sum(&|row| row.figures.gross_value));
    assert_eq!(
        &*totals.pl.text,
        qd_types::fmt::signed_money(unrealized).as_str()
    );
    assert_eq!(
        snapshot.cards.unrealized.value.as_deref(),
        Some(&*totals.pl.text)
    );
    let count = rows.len().to_string();
    assert_eq!(snapshot.cards.count.value.as_deref(), Some(count.as_str()));
    let gross = qd_types::fmt::money(totals.gross_value);
    assert_eq!(
        snapshot.cards.exposure.value.as_deref(),
        Some(gross.as_str())
    );
    let net = qd_types::fmt::short_signed_money(totals.net_value);
    assert!(snapshot.cards.exposure.context.contains(&net));
    assert_eq!(
        &*totals.value.text,
        qd_types::fmt::money(totals.net_value).as_str()
    );
    let num_signed = totals.num_long + totals.num_short;
    let num_netted = rows.iter().filter(|row| row.figures.qty.is_zero()).count();
    assert_eq!(num_signed + num_netted, rows.len());
    let context = format!("{} long \u{b7} {} short", totals.num_long, totals.num_short);
    assert_eq!(*snapshot.cards.count.context, *context);
    // The oldest mark of the table is the card's.
    let oldest = rows.iter().map(|row| row.figures.price_at).min().flatten();
    assert_eq!(snapshot.positions.marked_at, oldest);
    assert_eq!(snapshot.cards.unrealized.marked_at, oldest);
    for row in rows.iter() {
        let figures = &row.figures;
        if let (Some(price), [_]) = (figures.current_price, &*row.parts) {
            assert_eq!(figures.market_value, price.times(figures.qty));
            let gain = (price - figures.avg_entry_price.unwrap()).times(figures.qty);
            assert_eq!(figures.unrealized_pl, gain);
        }
        assert_eq!(
            &*row.pl.text,
            qd_types::fmt::signed_money(figures.unrealized_pl).as_str()
        );
        assert_eq!(
            &*row.value.text,
            qd_types::fmt::money(figures.market_value).as_str()
        );
        assert_eq!(&*row.qty.text, qd_types::fmt::qty(figures.qty).as_str());
        let price = figures.current_price.map(qd_types::fmt::price);
        assert_eq!(Some(&*row.current.text), price.as_deref());
        // What a close would do is made of the parts: they are the row's shares.
        let shares = row.parts.iter().fold(Qty::ZERO, |sum, part| sum + part.qty);
        assert_eq!(shares, figures.qty);
    }
    assert!(rows.windows(2).all(|pair| pair[0].symbol < pair[1].symbol));
    assert_unfolds(snapshot);
}

/// The rows by account and strategy are the folded ones taken apart, to the last share and cent.
#[track_caller]
fn assert_unfolds(snapshot: &Snapshot) {
    let mut unfolded = snapshot.positions.unfolded.iter();
    for row in snapshot.positions.rows.iter() {
        if row.problem.is_some() {
            let whole = unfolded.next().expect("it is one row");
            assert!(Arc::ptr_eq(whole, row), "nobody knows what it is made of");
            continue;
        }
        let parts: Vec<_> = unfolded.by_ref().take(row.parts.len()).collect();
        let keys: Vec<_> = parts.iter().map(|part| &part.parts[0].key).collect();
        assert!(row.parts.iter().map(|part| &part.key).eq(keys));
        assert!(parts.iter().all(|part| part.parts.len() == 1));
        if let [part] = parts.as_slice() {
            assert!(Arc::ptr_eq(part, row), "not folded: the same row");
        }
        let sum = |of: fn(&crate::PositionFigures) -> Money| -> Money {
            parts.iter().map(|part| of(&part.figures)).sum()
        };
        assert_eq!(sum(|f| f.unrealized_pl), row.figures.unrealized_pl);
        assert_eq!(sum(|f| f.market_value), row.figures.market_value);
        for part in &parts {
            assert_eq!(part.figures.current_price, row.figures.current_price);
            let text = qd_types::fmt::signed_money(part.figures.unrealized_pl);
            assert_eq!(&*part.pl.text, text.as_str());
            assert_eq!(
                &*part.qty.text,
                qd_types::fmt::qty(part.figures.qty).as_str()
            );
            let is_marked_alike = part.is_halted == row.is_halted
                && part.price_is_stale == row.price_is_stale
                && part.command == row.command
                && part.day_line == row.day_line;
            assert!(is_marked_alike, "{part:?} against {row:?}");
        }
    }
    assert!(unfolded.next().is_none());
}

const SYMBOLS: [&str; 4] = ["AAPL", "MSFT", "TSLA", "BRK.B"];

#[derive(Clone, Debug)]
enum Step {
    Snapshot(Vec<(usize, bool, i64, i64, i64)>),
    Delta(Vec<(usize, bool, i64, i64, i64)>),
    Prices(Vec<(usize, i64, i64)>),
    Removed(usize, bool),
    Rest(Vec<(usize, bool, i64, i64, i64)>),
    Series(usize, i64),
    Order(i64, bool),
    History(u64),
    Stats(u64),
    PriceFailed,
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let row = (
        0..4_usize,
        any::<bool>(),
        -200_i64..200,
        1_i64..100_000,
        0_i64..50,
    );
    let rows = prop::collection::vec(row, 0..6);
    let rows_again = rows.clone();
    let price = (0..4_usize, 1_i64..100_000, 0_i64..50);
    let step = prop_oneof![
        rows.clone().prop_map(Step::Snapshot),
        rows.prop_map(Step::Delta),
        prop::collection::vec(price, 0..5).prop_map(Step::Prices),
        (0..4_usize, any::<bool>()).prop_map(|(i, is_alpha)| Step::Removed(i, is_alpha)),
        rows_again.prop_map(Step::Rest),
        (0..4_usize, 1_i64..100_000).prop_map(|(i, cents)| Step::Series(i, cents)),
        (0..320_i64, any::<bool>()).prop_map(|(filled, ends)| Step::Order(filled, ends)),
        (0..40_u64).prop_map(Step::History),
        (0..40_u64).prop_map(Step::Stats),
        Just(Step::PriceFailed),
        (1..40_000_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    // covers: DB-8
    /// Pushes and polls in any order, old and new: rows, totals and cards of one snapshot never disagree, and a
    /// row never shows a price older than one it has shown for the same shares. A published snapshot never changes.
    #[test]
    fn prop_views_of_one_quantity_agree(steps in steps()) {
        let mut desk = Desk::connected();
        let mut seq = 0;
        let mut order_seq = 0;
        let mut is_loaded = false;
        desk.play([Event::RestLoaded(RestAnswer::Orders { pos: Some(pos(0)), orders: Vec::new() })]);
        let rows_of = |rows: &[(usize, bool, i64, i64, i64)]| {
            let mut made = Vec::new();
            for &(i, is_alpha, qty, cents, millis) in rows {
                let strategy = if is_alpha { "alpha" } else { "beta" };
                let mut row = held_by(strategy, SYMBOLS[i], qty, "123.45", "1", millis);
                row.mark(Price::from_units(cents, 2), at(millis));
                made.retain(|known: &qd_types::Position| known.key() != row.key());
                made.push(row);
            }
            made
        };
        let mut published = Vec::new();
        for step in steps {
            if is_loaded {
                assert_agrees(&desk.snapshot());
            }
            let before = desk.snapshot();
            published.push((picture(&before), before.clone()));
            let event = match step {
                Step::Snapshot(rows) => {
                    seq += 1;
                    is_loaded = true;
                    positions_snapshot(seq, rows_of(&rows))
                }
                Step::Delta(rows) => {
                    seq += 1;
                    if !is_loaded {
                        seq = 0;
                        continue;
                    }
                    positions_delta(seq, rows_of(&rows), &[])
                }
                Step::Removed(i, is_alpha) => {
                    seq += 1;
                    if !is_loaded {
                        seq = 0;
                        continue;
                    }
                    let strategy = if is_alpha { "alpha" } else { "beta" };
                    let gone = held_by(strategy, SYMBOLS[i], 1, "1", "1", 0);
                    positions_delta(seq, Vec::new(), &[&gone])
                }
                Step::Rest(rows) => {
                    // Late or early, and mostly behind the stream: then it changes nothing.
                    is_loaded |= seq == 0;
                    Event::RestLoaded(RestAnswer::Positions {
                        pos: Some(pos(seq)),
                        positions: rows_of(&rows),
                        realized_pl_today: Money::ZERO,
                    })
                }
                Step::Series(i, cents) => Event::PollLoaded(PollAnswer::Series(vec![PriceSeries {
                    symbol: sym(SYMBOLS[i]),
                    points: vec![Price::from_units(cents, 2)],
                }])),
                Step::Order(filled, ends) => {
                    order_seq += 1;
                    let status = if ends { qd_types::OrderStatus::Filled } else { qd_types::OrderStatus::Working };
                    let fill = fill(&format!("f-{order_seq}"), filled, filled);
                    order_event(order_seq, order(&format!("o-{}", filled % 5), "AAPL", status, filled), Some(fill))
                }
                Step::History(total_today) => Event::RestLoaded(RestAnswer::History { entries: Vec::new(), total_today }),
                Step::Stats(fills_today) => Event::PollLoaded(PollAnswer::Stats(DayStats { fills_today, ..DayStats::default() })),
                Step::PriceFailed => Event::PollFailed { poll: Poll::Prices, detail: "503".to_owned(), retry_at: None },
                Step::Wait(millis) => {
                    desk.wait(millis);
                    let after = desk.snapshot();
                    for row in after.positions.rows.iter() {
                        // Nobody knows the market's phase: every mark past half a minute is old, and said so at once.
                        let age = row.figures.price_at.map(|at| desk.now.millis_since(at));
                        prop_assert_eq!(Some(row.price_is_stale), age.map(|age| age > 30_000));
                    }
                    continue;
                }
                Step::Prices(prices) => {
                    let quotes = prices.iter().map(|&(i, cents, millis)| crate::PriceQuote {
                        is_halted: false,
                        symbol: sym(SYMBOLS[i]),
                        price: Price::from_units(cents, 2),
                        at: at(millis),
                    });
                    let quotes: Vec<_> = quotes.collect();
                    desk.play([Event::PollLoaded(PollAnswer::Prices(quotes))]);
                    let after = desk.snapshot();
                    for row in before.positions.rows.iter() {
                        let now = after.positions.rows.iter().find(|r| r.symbol == row.symbol);
                        prop_assert!(now.is_some_and(|n| n.figures.price_at >= row.figures.price_at));
                    }
                    if is_loaded {
                        assert_agrees(&after);
                    }
                    continue;
                }
            };
            desk.play([event]);
            if is_loaded {
                assert_agrees(&desk.snapshot());
            }
        }
        for (text, snapshot) in &published {
            prop_assert_eq!(text, &picture(snapshot), "a published snapshot changed");
        }
        let flat = Qty::ZERO;
        let snapshot = desk.snapshot();
        for row in snapshot.positions.rows.iter() {
            prop_assert!(!row.parts.is_empty());
            prop_assert!(row.parts.len() > 1 || row.figures.qty != flat, "flat rows are gone");
        }
    }
}
