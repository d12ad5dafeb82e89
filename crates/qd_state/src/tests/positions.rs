//! Positions, cards and prices: one mark per row, totals that are the sum of the rows, cells made once per change.
//!
//! Sequence rules are not tested here.

use std::sync::Arc;

use qd_types::{MarketPhase, Money, Price, Tone};

use super::fixtures::*;
use super::truth::assert_agrees;
use crate::{
    DayStats, Event, Freshness, LimitUse, MarketClock, Poll, PollAnswer, PriceSeries, RestAnswer,
    SignChange, Snapshot,
};

#[test]
fn before_the_first_answer_there_are_skeletons() {
    insta::assert_snapshot!(check([]), @r"
    PAPER | HALT STATE UNKNOWN | Live
    unrealized: (skeleton) Neutral | 0 positions | Unknown
    realized: (skeleton) Neutral |  | Unknown
    positions: (skeleton) Neutral | 0 long · 0 short | Unknown
    buying power: (skeleton) Neutral |  | Unknown
    exposure: (skeleton) Neutral | net $0 | Unknown
    positions [waiting for data…] Unknown
      total
    orders [waiting for data…]
    activity []
    ");
}

// covers: DB-1
// covers: DB-3
#[test]
fn a_snapshot_and_a_delta_become_cards_and_rows() {
    let text = check([
        positions_snapshot(
            18_401,
            vec![
                held("MSFT", 153, "241.19", "243.67"),
                held("AAPL", 82, "229.52", "217.19"),
                held("TSLA", -57, "40.11", "38.49"),
            ],
        ),
        Event::PollLoaded(PollAnswer::Stats(DayStats {
            fills_today: 31,
            fees_today: Money::parse("18.4").unwrap(),
            limit_use: vec![LimitUse {
                rule: "gross_exposure".to_owned(),
                value: Money::ZERO,
                limit: Money::from_units(100_000, 0),
            }],
            ..DayStats::default()
        })),
        positions_delta(
            18_402,
            vec![
                held("NVDA", 46, "315.72", "318.34"),
                held("AAPL", 82, "229.52", "217.20"),
            ],
            &[&held("MSFT", 1, "1", "1")],
        ),
    ]);
    insta::assert_snapshot!(text, @r"
    PAPER | HALT STATE UNKNOWN | Live
    unrealized: −$797.38 Loss | 3 positions | Fresh
    realized: −$1,204.10 Loss | 31 fills · fees $18.40 | Fresh
    positions: 3 Neutral | 2 long · 1 short | Fresh
    buying power: $187,220.54 Neutral | margin used 38 % | Fresh
    exposure: $34,647.97 Neutral | net +$30k · gross 35 % of limit | Fresh
    positions [✓ verified to #18,402 · 10:38:16.000] Fresh
      AAPL 82 229.52 217.20*Up −$1,010.24*Up −5.37% $17,810.40*Up
      NVDA 46 315.72 318.34 +$120.52 +0.83% $14,643.64
      TSLA −57 40.11 38.49 +$92.34 +4.04% −$2,193.93
      total −$797.38 −2.24% $30,260.11
    orders [waiting for data…]
    activity []
    ");
}

#[test]
fn strategies_and_accounts_fold_into_one_row_at_the_newest_mark() {
    let text = check([positions_snapshot(
        1,
        vec![
            held_by("alpha", "AAPL", 100, "10", "12", 0),
            held_by("beta", "AAPL", -40, "11", "12.5", 500),
            held_by("beta", "MSFT", 10, "20", "20", 0),
        ],
    )]);
    insta::assert_snapshot!(text, @r"
    PAPER | HALT STATE UNKNOWN | Live
    unrealized: +$190.00 Gain | 2 positions | Fresh
    realized: −$1,204.10 Loss |  | Fresh
    positions: 2 Neutral | 2 long · 0 short | Fresh
    buying power: $187,220.54 Neutral | margin used 38 % | Fresh
    exposure: $1,950.00 Neutral | net +$950 | Fresh
    positions [✓ verified to #1 · 10:38:16.000] Fresh
      AAPL 60 mixed 12.50 +$190.00 +13.19% $750.00
      MSFT 10 20.00 20.00 $0.00 0.00% $200.00
      total +$190.00 +11.59% $950.00
    orders [waiting for data…]
    activity []
    ");
}

// covers: DB-8
#[test]
fn a_price_poll_moves_price_profit_value_and_totals_together() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(
        1,
        vec![
            held("AAPL", 100, "10", "12"),
            held_by("manual", "MSFT", 10, "20", "20", 9_000),
        ],
    )]);
    desk.snapshot();
    desk.wait(5_000)
        .play([Event::PollLoaded(PollAnswer::Prices(vec![
            quote("AAPL", "12.5", 4_000),
            // Older than the push: loses.
            quote("MSFT", "99", 8_999),
            quote("TSLA", "40", 4_000),
        ]))]);
    insta::assert_snapshot!(picture(&desk.snapshot()), @r"
    PAPER | HALT STATE UNKNOWN | Live
    unrealized: +$250.00 Gain | 2 positions | Fresh
    realized: −$1,204.10 Loss |  | Fresh
    positions: 2 Neutral | 2 long · 0 short | Fresh
    buying power: $187,220.54 Neutral | margin used 38 % | Fresh
    exposure: $1,450.00 Neutral | net +$1k | Fresh
    positions [✓ verified to #1 · 10:38:16.000] Fresh
      AAPL 100 10.00 12.50*Up +$250.00*Up +25.00%*Up $1,250.00*Up
      MSFT 10 20.00 20.00 $0.00 0.00% $200.00
      total +$250.00*Up +20.83% $1,450.00*Up
    orders [waiting for data…]
    activity []
    ");
    // A push whose mark is older than the poll's keeps the poll's; its shares count all the same.
    desk.play([positions_delta(
        2,
        vec![held_by("manual", "AAPL", 200, "11", "11", 3_999)],
        &[],
    )]);
    let snapshot = desk.snapshot();
    let row = &snapshot.positions.rows[0];
    assert_eq!(&*row.current.text, "12.50");
    assert_eq!(&*row.pl.text, "+$300.00");
    // A newer one wins.
    desk.play([positions_delta(
        3,
        vec![held_by("manual", "AAPL", 200, "11", "11", 4_001)],
        &[],
    )]);
    assert_eq!(&*desk.snapshot().positions.rows[0].current.text, "11.00");
}

#[test]
fn rows_that_did_not_change_are_the_same_and_parts_that_did_not_change_are_shared() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(
        1,
        vec![held("AAPL", 100, "10", "12"), held("MSFT", 10, "20", "20")],
    )]);
    let before = desk.snapshot();
    desk.play([positions_delta(
        2,
        vec![held("MSFT", 10, "20", "20.5")],
        &[],
    )]);
    let after = desk.snapshot();
    assert!(Arc::ptr_eq(
        &before.positions.rows[0],
        &after.positions.rows[0]
    ));
    assert!(!Arc::ptr_eq(
        &before.positions.rows[1],
        &after.positions.rows[1]
    ));
    let (old, new) = (&before.positions.rows[1], &after.positions.rows[1]);
    assert!(
        Arc::ptr_eq(&old.qty.text, &new.qty.text),
        "made once per change"
    );
    assert!(Arc::ptr_eq(&before.orders, &after.orders));
    assert!(Arc::ptr_eq(&before.halt, &after.halt));
    assert_eq!(after.version, before.version + 1);
    assert!(
        desk.store.snapshot_if_changed(desk.now).is_none(),
        "nothing changed, nothing is published"
    );
}

#[test]
fn zero_profit_is_neutral_and_a_change_of_sign_is_dated() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(
        1,
        vec![held("AAPL", 100, "10", "10.00001")],
    )]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.positions.rows[0].pl.tone, Tone::Neutral);
    assert_eq!(snapshot.cards.unrealized.tone, Tone::Neutral);
    assert_eq!(snapshot.cards.unrealized.sign_changed, None);
    desk.wait(100)
        .play([positions_delta(2, vec![held("AAPL", 100, "10", "9")], &[])]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.positions.rows[0].pl_percent.tone, Tone::Loss);
    let sign_changed = SignChange {
        at: at(100),
        from: Tone::Neutral,
    };
    assert_eq!(snapshot.cards.unrealized.sign_changed, Some(sign_changed));
    assert_eq!(snapshot.cards.unrealized.changed_at, Some(at(100)));
}

// covers: RT-8
#[test]
fn old_marks_are_stale_in_an_open_market_and_quiet_in_a_closed_one() {
    let mut desk = Desk::connected();
    let clock = |phase| {
        Event::PollLoaded(PollAnswer::MarketClock(MarketClock {
            phase,
            next_change_at: None,
            tape: None,
        }))
    };
    desk.play([
        clock(MarketPhase::Open),
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
    ]);
    assert!(!desk.snapshot().positions.rows[0].price_is_stale);
    desk.wait(31_000);
    assert!(desk.snapshot().positions.rows[0].price_is_stale);
    desk.play([clock(MarketPhase::Closed)]).wait(0);
    assert!(!desk.snapshot().positions.rows[0].price_is_stale);
}

// covers: DB-1
#[test]
fn cards_age_from_the_last_proof_not_from_the_last_change() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, vec![held("AAPL", 100, "10", "12")])]);
    let beat = |at| Event::BeatReceived {
        positions: vec![(positions(), pos(1))],
        at,
    };
    for _ in 0..20 {
        desk.wait(5_000);
        let now = desk.now;
        desk.play([beat(now)]);
    }
    let freshness = |snapshot: &Snapshot| snapshot.cards.unrealized.freshness;
    assert_eq!(freshness(&desk.snapshot()), Freshness::Fresh);
    desk.wait(31_000);
    assert_eq!(freshness(&desk.snapshot()), Freshness::Aging);
    desk.wait(30_000);
    let snapshot = desk.snapshot();
    assert_eq!(freshness(&snapshot), Freshness::Stale);
    assert_eq!(snapshot.cards.unrealized.confirmed_at, Some(at(100_000)));
}

#[test]
fn totals_that_do_not_tie_out_are_counted() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, vec![held("AAPL", 100, "10", "12")])]);
    assert_eq!(desk.snapshot().positions.num_tie_out_breaks, 0);
    let Event::MessageReceived(mut message) =
        positions_snapshot(2, vec![held("AAPL", 100, "10", "12")])
    else {
        panic!("a message");
    };
    if let crate::StreamPayload::PositionsReplaced(picture) = &mut message.payload {
        picture.totals.num_positions = 2;
    }
    desk.play([Event::MessageReceived(message)]);
    assert_eq!(desk.snapshot().positions.num_tie_out_breaks, 1);
}

#[test]
fn the_first_paint_needs_rest_only() {
    let mut desk = Desk::new();
    let rows = vec![held("AAPL", 100, "10", "12")];
    desk.play([
        Event::SessionLoaded(session("alice")),
        Event::RestLoaded(RestAnswer::Positions {
            pos: Some(pos(7)),
            positions: rows.clone(),
            realized_pl_today: Money::ZERO,
        }),
        Event::RestLoaded(RestAnswer::Pnl(totals_of(&rows))),
    ]);
    let snapshot = desk.snapshot();
    assert_eq!(snapshot.positions.rows.len(), 1);
    assert_eq!(
        snapshot.cards.buying_power.value.as_deref(),
        Some("$187,220.54")
    );
    assert_eq!(&*snapshot.positions.seal.text, "resyncing\u{2026}");
    assert_eq!(desk.store.resume(), [(positions(), pos(7))]);
    assert_eq!(desk.asked(), "", "nothing is sent without a socket");
    desk.play([
        welcomed(),
        Event::BeatReceived {
            positions: vec![(positions(), pos(7))],
            at: start(),
        },
    ]);
    assert!(desk.snapshot().positions.seal.state.is_verified());
}

#[test]
fn a_failed_price_poll_keeps_the_prices_and_says_why() {
    let mut desk = Desk::connected();
    desk.play([
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
        Event::PollFailed {
            poll: Poll::Prices,
            detail: "503 from the gateway".to_owned(),
            retry_at: None,
        },
    ]);
    let snapshot = desk.snapshot();
    assert_eq!(&*snapshot.positions.rows[0].current.text, "12.00");
    assert_eq!(
        snapshot.positions.last_price_error.as_deref(),
        Some("503 from the gateway")
    );
    desk.play([Event::PollLoaded(PollAnswer::Prices(Vec::new()))]);
    assert_eq!(desk.snapshot().positions.last_price_error, None);
}

#[test]
fn day_lines_wait_for_their_row() {
    let mut desk = Desk::connected();
    let line = PriceSeries {
        symbol: sym("AAPL"),
        points: vec![Price::from_units(105, 1), Price::from_units(11, 0)],
    };
    desk.play([
        Event::PollLoaded(PollAnswer::Series(vec![line])),
        positions_snapshot(1, vec![held("AAPL", 100, "10", "12")]),
    ]);
    assert_eq!(*desk.snapshot().positions.rows[0].day_line, [10.5, 11.0]);
}

#[test]
fn a_halt_a_command_and_an_old_price_are_at_every_part_of_the_symbol() {
    let mut desk = Desk::connected();
    let parts = vec![
        held_by("alpha", "AAPL", 100, "10", "12", 0),
        held_by("beta", "AAPL", -40, "11", "12", 0),
    ];
    desk.play([positions_snapshot(1, parts)]);
    assert_eq!(desk.snapshot().positions.unfolded.len(), 2);
    desk.play([Event::PollLoaded(PollAnswer::Prices(vec![
        crate::PriceQuote {
            is_halted: true,
            ..quote("AAPL", "12.5", 1)
        },
    ]))]);
    assert_agrees(&desk.snapshot());
    assert!(desk.snapshot().positions.unfolded[1].is_halted);
    desk.wait(120_000);
    assert_agrees(&desk.snapshot());
    assert!(desk.snapshot().positions.unfolded[0].price_is_stale);
    // One part goes: the other is the row itself again.
    let gone = held_by("alpha", "AAPL", 100, "10", "12", 0);
    desk.play([positions_delta(2, Vec::new(), &[&gone])]);
    assert_agrees(&desk.snapshot());
    assert_eq!(desk.snapshot().positions.unfolded.len(), 1);
}

#[test]
fn a_symbol_that_the_exchange_has_halted_is_marked_until_it_trades_again() {
    let mut desk = Desk::connected();
    desk.play([positions_snapshot(1, vec![held("AAPL", 100, "10", "12")])]);
    let halted = |desk: &mut Desk, is_halted| {
        // The very same price: only the halt is news.
        desk.play([Event::PollLoaded(PollAnswer::Prices(vec![
            crate::PriceQuote {
                is_halted,
                ..quote("AAPL", "12", 0)
            },
        ]))]);
        desk.snapshot().positions.rows[0].is_halted
    };
    assert!(!halted(&mut desk, false));
    assert!(halted(&mut desk, true));
    // A row that goes and comes back meanwhile.
    let gone = held("AAPL", 100, "10", "12");
    desk.play([
        positions_delta(2, Vec::new(), &[&gone]),
        positions_delta(3, vec![held("AAPL", 50, "12", "12")], &[]),
    ]);
    assert!(desk.snapshot().positions.rows[0].is_halted);
    assert!(!halted(&mut desk, false));
}
