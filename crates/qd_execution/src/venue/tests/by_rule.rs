//! One case for every row of the rules about fills, queues and stops, named by its row.

use super::script::{
    Do, Hold, Nothing, SAME, Send, Traded, buy, closing, lasting, market, play, sell,
};
use super::*;

#[test]
fn what_takes_gets_the_quote_and_no_more_than_it_shows() {
    play(vec![
        (
            "a market order takes what is shown, and goes on with the next quote",
            vec![
                (Send(market(1, Side::Buy, 150)), &["o-1 fills 100 at 100.1"]),
                (Nothing, &[]),
                (
                    Do::Quote((9_995, 100), (10_020, 30), 10_000),
                    &["o-1 fills 30 at 100.2"],
                ),
                (
                    Do::Quote((9_995, 100), (10_020, 30), 10_000),
                    &["o-1 fills 20 at 100.2"],
                ),
            ],
        ),
        (
            "a limit that takes gets the quote, which may be better than it asked for",
            vec![
                (Send(buy(1, 50, 10_050)), &["o-1 fills 50 at 100.1"]),
                (Send(sell(2, 50, 9_950)), &["o-2 fills 50 at 99.9"]),
            ],
        ),
        (
            "what a limit could not take it takes of the next quote, still at the quote",
            vec![
                (Send(buy(1, 120, 10_050)), &["o-1 fills 100 at 100.1"]),
                (
                    Do::Quote((9_990, 100), (10_020, 100), 10_000),
                    &["o-1 fills 20 at 100.2"],
                ),
            ],
        ),
        (
            "two of ours share what one quote shows; the side is theirs, not the other's",
            vec![
                (Send(market(1, Side::Buy, 60)), &["o-1 fills 60 at 100.1"]),
                (Send(market(2, Side::Buy, 60)), &["o-2 fills 40 at 100.1"]),
                (Send(market(3, Side::Sell, 60)), &["o-3 fills 60 at 99.9"]),
                (SAME, &["o-2 fills 20 at 100.1"]),
            ],
        ),
        (
            "a trade renews no quote: what was taken stays taken",
            vec![
                (Send(market(1, Side::Buy, 150)), &["o-1 fills 100 at 100.1"]),
                (Traded(&[(10_010, 500)]), &[]),
            ],
        ),
        (
            "an empty side trades nothing and says nothing about the market",
            vec![
                (Do::Quote((9_990, 100), (10_000, 0), 10_000), &[]),
                (Send(market(1, Side::Buy, 10)), &[]),
                (Send(buy(2, 10, 10_050)), &[]),
                (
                    Do::Quote((9_990, 100), (10_020, 100), 10_000),
                    &["o-1 fills 10 at 100.2", "o-2 fills 10 at 100.2"],
                ),
            ],
        ),
    ]);
}

#[test]
fn what_rests_stands_in_the_queue_and_fills_at_its_own_limit() {
    play(vec![
        (
            "at the touch it stands behind everybody shown there",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Traded(&[(9_990, 60)]), &[]),
                (Traded(&[(9_990, 60)]), &["o-1 fills 20 at 99.9"]),
                (Traded(&[(9_990, 100)]), &["o-1 fills 30 at 99.9"]),
            ],
        ),
        (
            "the queue shrinks with the shown size and never grows",
            vec![
                (Send(sell(1, 50, 10_010)), &[]),
                (Do::Quote((9_990, 100), (10_010, 20), 10_000), &[]),
                (Do::Quote((9_990, 100), (10_010, 900), 10_000), &[]),
                (Traded(&[(10_010, 30)]), &["o-1 fills 10 at 100.1"]),
            ],
        ),
        (
            "inside the spread it is alone and first",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Traded(&[(10_000, 30)]), &["o-1 fills 30 at 100"]),
            ],
        ),
        (
            "behind the touch its place is unknown until the touch comes to it",
            vec![
                (Send(buy(1, 50, 9_980)), &[]),
                (Traded(&[(9_980, 500)]), &[]),
                (Do::Quote((9_980, 70), (10_000, 100), 9_990), &[]),
                (Traded(&[(9_980, 90)]), &["o-1 fills 20 at 99.8"]),
            ],
        ),
        (
            "a touch that falls below it leaves it first",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Do::Quote((9_985, 100), (10_000, 100), 9_990), &[]),
                (Traded(&[(9_990, 5)]), &["o-1 fills 5 at 99.9"]),
            ],
        ),
        (
            "a trade through it fills it, at most what traded, at its limit",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Traded(&[(9_989, 20)]), &["o-1 fills 20 at 99.9"]),
                (Traded(&[(9_970, 500)]), &["o-1 fills 30 at 99.9"]),
            ],
        ),
        (
            "a quote through it fills it, at most what it shows, at its limit",
            vec![
                (Send(sell(1, 150, 10_010)), &[]),
                (
                    Do::Quote((10_020, 80), (10_030, 100), 10_020),
                    &["o-1 fills 80 at 100.1"],
                ),
                (Nothing, &[]),
                (
                    Do::Quote((10_015, 100), (10_030, 100), 10_020),
                    &["o-1 fills 70 at 100.1"],
                ),
            ],
        ),
        (
            "a quote that comes to its price serves those ahead of it first",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (
                    Do::Quote((9_990, 100), (9_990, 120), 9_990),
                    &["o-1 fills 20 at 99.9"],
                ),
                (Nothing, &[]),
                (
                    Do::Quote((9_990, 100), (9_990, 120), 9_990),
                    &["o-1 fills 30 at 99.9"],
                ),
            ],
        ),
        (
            "ours among themselves: the better price first, then who came first",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Send(buy(2, 50, 9_990)), &[]),
                (Send(buy(3, 50, 9_991)), &[]),
                (Traded(&[(9_990, 90)]), &["o-3 fills 50 at 99.91"]),
                (
                    Traded(&[(9_989, 70)]),
                    &["o-1 fills 50 at 99.9", "o-2 fills 20 at 99.9"],
                ),
            ],
        ),
        (
            "one trade is not sold twice",
            vec![
                (Send(buy(1, 60, 9_995)), &[]),
                (Send(buy(2, 60, 9_994)), &[]),
                (
                    Traded(&[(9_990, 100)]),
                    &["o-1 fills 60 at 99.95", "o-2 fills 40 at 99.94"],
                ),
            ],
        ),
        (
            "what traded before it came is not for it",
            vec![
                (Do::Traded(&[(9_990, 900)]), &[]),
                (Send(buy(1, 50, 9_990)), &[]),
                (Nothing, &[]),
            ],
        ),
        (
            "what is left of a taker rests once the quote is beyond its limit",
            vec![
                (Send(buy(1, 120, 10_010)), &["o-1 fills 100 at 100.1"]),
                (Do::Quote((10_010, 40), (10_020, 100), 10_020), &[]),
                (Traded(&[(10_010, 50)]), &["o-1 fills 10 at 100.1"]),
                (
                    Do::Quote((9_990, 40), (10_000, 100), 10_000),
                    &["o-1 fills 10 at 100.1"],
                ),
            ],
        ),
    ]);
}

#[test]
fn stops_wait_for_a_trade_at_their_trigger_and_then_arrive() {
    play(vec![
        (
            "a trade triggers, a quote does not; then it takes like a market order, for good",
            vec![
                (Send(order(1, Side::Buy, 50, None, Some(10_100))), &[]),
                (Do::Quote((10_100, 100), (10_120, 100), 10_099), &[]),
                (
                    Do::Quote((10_100, 100), (10_120, 30), 10_100),
                    &["o-1 fills 30 at 101.2"],
                ),
                (SAME, &["o-1 fills 20 at 100.1"]),
            ],
        ),
        (
            "a trade within the tick triggers even when a later one is away again",
            vec![
                (Send(order(1, Side::Sell, 50, None, Some(9_900))), &[]),
                (Traded(&[(9_899, 10)]), &["o-1 fills 50 at 99.9"]),
            ],
        ),
        (
            "a stop whose trigger is behind the last trade arrives at once",
            vec![(
                Send(order(1, Side::Sell, 50, None, Some(10_000))),
                &["o-1 fills 50 at 99.9"],
            )],
        ),
        (
            "a stop-limit that is triggered is a limit: beyond its limit it rests",
            vec![
                (
                    Send(order(1, Side::Sell, 50, Some(9_895), Some(9_900))),
                    &[],
                ),
                (Do::Quote((9_880, 100), (9_900, 100), 9_890), &[]),
                (Traded(&[(9_895, 20)]), &["o-1 fills 20 at 98.95"]),
                (
                    Do::Quote((9_897, 100), (9_905, 100), 9_900),
                    &["o-1 fills 30 at 98.95"],
                ),
            ],
        ),
        (
            "a stop that is triggered comes behind what was there before",
            vec![
                (Send(order(1, Side::Buy, 80, None, Some(10_005))), &[]),
                (Send(market(2, Side::Buy, 140)), &["o-2 fills 100 at 100.1"]),
                (
                    Do::Quote((9_990, 100), (10_010, 60), 10_005),
                    &["o-2 fills 40 at 100.1", "o-1 fills 20 at 100.1"],
                ),
            ],
        ),
        (
            "the time of a stop is its trigger",
            vec![
                (
                    Send(order(1, Side::Buy, 80, Some(10_020), Some(10_005))),
                    &[],
                ),
                (Send(market(2, Side::Sell, 1)), &["o-2 fills 1 at 99.9"]),
                (Do::Quote((9_990, 100), (10_030, 100), 10_000), &[]),
                (Send(buy(3, 80, 10_020)), &[]),
                (Do::Quote((9_990, 100), (10_030, 100), 10_005), &[]),
                (
                    Traded(&[(10_019, 100)]),
                    &["o-3 fills 80 at 100.2", "o-1 fills 20 at 100.2"],
                ),
            ],
        ),
    ]);
}

#[test]
fn what_traded_in_the_step_of_its_arrival_came_before_it() {
    let mut stage = Stage::new();
    stage.send(buy(1, 50, 9_995));
    stage.send(order(2, Side::Sell, 50, None, Some(9_900)));
    // All three are due in the next step: the trades of the tick are older than the orders.
    stage.tick(None, &[(9_890, 500)]);
    let said: Vec<String> = stage.step().iter().filter_map(words).collect();
    assert_eq!(said, [""; 0]);
    stage.tick(None, &[(9_890, 30)]);
    let said: Vec<String> = stage.step().iter().filter_map(words).collect();
    assert_eq!(said, ["o-1 fills 30 at 99.95", "o-2 fills 50 at 99.9"]);
}

#[test]
fn an_immediate_order_has_one_moment() {
    let ioc = |order| lasting(TimeInForce::Ioc, order);
    let fok = |order| lasting(TimeInForce::Fok, order);
    play(vec![
        (
            "ioc: what is shown now, the rest goes in the same step",
            vec![(
                Send(ioc(buy(1, 150, 10_010))),
                &["o-1 fills 100 at 100.1", "o-1 ends: immediate_rest"],
            )],
        ),
        (
            "ioc: filled whole, nothing more is said",
            vec![
                (
                    Send(ioc(market(1, Side::Sell, 100))),
                    &["o-1 fills 100 at 99.9"],
                ),
                (SAME, &[]),
            ],
        ),
        (
            "ioc: nothing at its limit",
            vec![(Send(ioc(buy(1, 50, 10_009))), &["o-1 ends: immediate_rest"])],
        ),
        (
            "fok: everything or nothing",
            vec![
                (
                    Send(fok(buy(1, 101, 10_010))),
                    &["o-1 ends: not_all_at_once"],
                ),
                (Send(fok(buy(2, 100, 10_010))), &["o-2 fills 100 at 100.1"]),
                (Send(fok(buy(3, 1, 10_010))), &["o-3 ends: not_all_at_once"]),
            ],
        ),
        (
            "fok: a cap that allows only a part allows nothing",
            vec![
                (Hold(30), &[]),
                (
                    Send(closing(fok(market(1, Side::Sell, 40)))),
                    &["o-1 ends: not_all_at_once"],
                ),
            ],
        ),
    ]);
}
