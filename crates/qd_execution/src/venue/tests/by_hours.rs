//! One case for every row of the rules about hours, halts, caps and what is rejected, named by its row.

use super::script::{
    Cancel, Do, EndDay, Halt, Hold, Nothing, Reopen, SAME, Send, Traded, buy, closing, lasting,
    market, play, sell,
};
use super::*;

#[test]
fn outside_the_session_nothing_trades_and_what_cannot_wait_is_rejected() {
    let gtc = |order| lasting(TimeInForce::Gtc, order);
    let ioc = |order| lasting(TimeInForce::Ioc, order);
    let fok = |order| lasting(TimeInForce::Fok, order);
    play(vec![
        (
            "market, ioc and fok are rejected, limits and stops wait for the open",
            vec![
                (Do::Hours(Hours::Closed), &[]),
                (Send(market(1, Side::Buy, 10)), &["o-1 ends: market_closed"]),
                (
                    Send(gtc(market(2, Side::Buy, 10))),
                    &["o-2 ends: market_closed"],
                ),
                (Send(ioc(buy(3, 10, 10_010))), &["o-3 ends: market_closed"]),
                (Send(fok(buy(4, 10, 10_010))), &["o-4 ends: market_closed"]),
                (Send(buy(5, 10, 10_010)), &[]),
                (Send(order(6, Side::Sell, 10, None, Some(10_000))), &[]),
                (SAME, &[]),
                (
                    Do::Hours(Hours::Open),
                    &["o-5 fills 10 at 100.1", "o-6 fills 10 at 99.9"],
                ),
            ],
        ),
        (
            "the close takes day orders off, wherever they stand; gtc stays",
            vec![
                (Send(buy(1, 10, 9_990)), &[]),
                (Send(gtc(buy(2, 10, 9_990))), &[]),
                (Send(market(3, Side::Buy, 130)), &["o-3 fills 100 at 100.1"]),
                (Send(order(4, Side::Sell, 10, None, Some(9_000))), &[]),
                (Do::Hours(Hours::Closed), &[]),
                (
                    EndDay,
                    &[
                        "o-1 ends: expired",
                        "o-3 ends: expired",
                        "o-4 ends: expired",
                    ],
                ),
                (Cancel(2), &["o-2 ends: requested"]),
            ],
        ),
        (
            "at the open what stayed takes the first quote, like an order that arrives",
            vec![
                (Send(gtc(buy(1, 60, 9_990))), &[]),
                (Send(gtc(buy(2, 60, 9_991))), &[]),
                (Do::Hours(Hours::Closed), &[]),
                (Do::Quote((9_960, 100), (9_980, 100), 9_970), &[]),
                (
                    Do::Hours(Hours::Open),
                    &["o-2 fills 60 at 99.8", "o-1 fills 40 at 99.8"],
                ),
                (
                    Do::Quote((9_960, 100), (9_985, 100), 9_970),
                    &["o-1 fills 20 at 99.85"],
                ),
            ],
        ),
        (
            "what traded at night is nobody's",
            vec![
                (Send(gtc(buy(1, 60, 9_990))), &[]),
                (Do::Hours(Hours::Closed), &[]),
                (Traded(&[(9_900, 500)]), &[]),
                (Do::Hours(Hours::Open), &[]),
            ],
        ),
        (
            "a tape that stands still takes orders and does nothing with them",
            vec![
                (Do::Hours(Hours::StandsStill), &[]),
                (Send(market(1, Side::Buy, 10)), &[]),
                (Send(ioc(buy(2, 10, 10_010))), &[]),
                (
                    Do::Hours(Hours::Open),
                    &["o-1 fills 10 at 100.1", "o-2 fills 10 at 100.1"],
                ),
            ],
        ),
        (
            "a pause is neither a close nor an open: a queue keeps its places",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Do::Quote((9_990, 10), (10_010, 100), 10_000), &[]),
                (Do::Quote((9_990, 500), (10_010, 100), 10_000), &[]),
                (Do::Hours(Hours::StandsStill), &[]),
                (Do::Hours(Hours::Open), &[]),
                (Traded(&[(9_990, 30)]), &["o-1 fills 20 at 99.9"]),
            ],
        ),
    ]);
}

#[test]
fn in_a_halted_symbol_nothing_trades_until_it_reopens() {
    let ioc = |order| lasting(TimeInForce::Ioc, order);
    let fok = |order| lasting(TimeInForce::Fok, order);
    play(vec![
        (
            "market, ioc and fok are rejected, closes too; limits and stops wait, cancels work",
            vec![
                (Hold(50), &[]),
                (Halt, &[]),
                (Send(market(1, Side::Buy, 10)), &["o-1 ends: symbol_halted"]),
                (Send(ioc(buy(2, 10, 10_010))), &["o-2 ends: symbol_halted"]),
                (Send(fok(buy(3, 10, 10_010))), &["o-3 ends: symbol_halted"]),
                (
                    Send(closing(market(4, Side::Sell, 10))),
                    &["o-4 ends: symbol_halted"],
                ),
                (Send(buy(5, 10, 10_010)), &[]),
                (Send(buy(6, 10, 10_010)), &[]),
                (Send(order(7, Side::Sell, 10, None, Some(10_000))), &[]),
                (Nothing, &[]),
                (Cancel(5), &["o-5 ends: requested"]),
                (
                    Reopen((10_000, 100), (10_005, 100), 10_000),
                    &["o-6 fills 10 at 100.05", "o-7 fills 10 at 100"],
                ),
            ],
        ),
        (
            "what was being worked when it halted is held, and goes on at the reopening's quote",
            vec![
                (Send(market(1, Side::Buy, 130)), &["o-1 fills 100 at 100.1"]),
                (Send(buy(2, 40, 9_990)), &[]),
                (Halt, &[]),
                (Traded(&[(9_900, 500)]), &[]),
                (Nothing, &[]),
                (
                    Reopen((9_950, 100), (9_960, 100), 9_955),
                    &["o-1 fills 30 at 99.6", "o-2 fills 40 at 99.6"],
                ),
            ],
        ),
    ]);
}

#[test]
fn a_reduce_only_order_never_goes_through_flat() {
    play(vec![
        (
            "it fills what is held and goes when nothing is",
            vec![
                (Hold(70), &[]),
                (
                    Send(closing(market(1, Side::Sell, 150))),
                    &["o-1 fills 70 at 99.9"],
                ),
                (Nothing, &["o-1 ends: nothing_left_to_reduce"]),
            ],
        ),
        (
            "two of them: the second sees what the first has done",
            vec![
                (Hold(70), &[]),
                (Send(closing(sell(1, 70, 10_010))), &[]),
                (Send(closing(sell(2, 70, 10_010))), &[]),
                (
                    Do::Quote((10_020, 90), (10_030, 100), 10_020),
                    &["o-1 fills 70 at 100.1", "o-2 ends: nothing_left_to_reduce"],
                ),
            ],
        ),
        (
            "on the side that would add it goes at once",
            vec![
                (Hold(70), &[]),
                (
                    Send(closing(market(1, Side::Buy, 10))),
                    &["o-1 ends: nothing_left_to_reduce"],
                ),
            ],
        ),
    ]);
}

#[test]
fn what_never_comes_onto_the_book_says_why() {
    let elsewhere = VenueOrder {
        position: PositionKey {
            symbol: Symbol::new("ZZZZ").unwrap(),
            ..order(1, Side::Buy, 1, None, None).position
        },
        ..market(1, Side::Buy, 10)
    };
    play(vec![
        (
            "a symbol that is not listed",
            vec![(Send(elsewhere), &["o-1 ends: unknown_symbol"])],
        ),
        (
            "a limit far from the market; a stop's is measured at its trigger",
            vec![
                (Send(buy(1, 10, 9_199)), &["o-1 ends: price_outside_band"]),
                (Send(sell(2, 10, 10_801)), &["o-2 ends: price_outside_band"]),
                (Send(buy(3, 10, 9_200)), &[]),
                (
                    Send(order(4, Side::Sell, 10, Some(7_990), Some(8_000))),
                    &[],
                ),
            ],
        ),
    ]);
}

#[test]
fn a_cancel_races_its_order_and_never_overtakes_it() {
    let config = VenueConfig {
        ack_millis: (200, 200),
        cancel_millis: (10, 10),
        lost_acks_per_mille: 0,
        ..VenueConfig::default()
    };
    let late = |cancel_millis| {
        let mut stage = Stage::new();
        stage.venue = PaperVenue::new(
            1,
            VenueConfig {
                cancel_millis,
                ..config
            },
            "t",
        );
        stage.send(buy(1, 150, 10_010));
        stage.venue.cancel(&key(1), stage.now);
        let mut said = Vec::new();
        for _ in 0..10 {
            said.extend(stage.step().iter().filter_map(words));
        }
        said
    };
    // Both are due at once: the order came first, then the cancel, and only then is anything matched.
    assert_eq!(late((10, 10)), ["o-1 ends: requested"]);
    assert_eq!(
        late((300, 300)),
        ["o-1 fills 100 at 100.1", "o-1 ends: requested"]
    );
}
