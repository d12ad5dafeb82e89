//! Changes of an order in place: one case for every row of their rules, and their races with fills and cancels.

use super::script::{
    Cancel, Change, Do, EndDay, Halt, Hold, Nothing, SAME, Send, Traded, buy, closing, lasting,
    market, play, sell,
};
use super::*;

// covers: OC-8
#[test]
fn fewer_shares_keep_the_place_in_the_queue_and_anything_else_gives_it_up() {
    play(vec![
        (
            "fewer shares at the same price: its time and those ahead stay",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Traded(&[(9_990, 60)]), &[]),
                (
                    Change(1, 30, Some(9_990), None),
                    &["o-1 has 30, limit 99.9"],
                ),
                (Traded(&[(9_990, 60)]), &["o-1 fills 20 at 99.9"]),
                (Traded(&[(9_990, 60)]), &["o-1 fills 10 at 99.9"]),
            ],
        ),
        (
            "it stays before an order of ours that came after it",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Send(buy(2, 50, 10_000)), &[]),
                (
                    Change(1, 40, Some(10_000), None),
                    &["o-1 has 40, limit 100"],
                ),
                (
                    Traded(&[(10_000, 60)]),
                    &["o-1 fills 40 at 100", "o-2 fills 20 at 100"],
                ),
            ],
        ),
        (
            "more shares come anew: behind all that is shown, and behind ours",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Send(buy(2, 50, 10_000)), &[]),
                (
                    Change(1, 60, Some(10_000), None),
                    &["o-1 has 60, limit 100"],
                ),
                (
                    Traded(&[(10_000, 60)]),
                    &["o-2 fills 50 at 100", "o-1 fills 10 at 100"],
                ),
            ],
        ),
        (
            "another price comes anew, with fewer shares too",
            vec![
                (Send(buy(1, 50, 9_990)), &[]),
                (Traded(&[(9_990, 90)]), &[]),
                (
                    Change(1, 40, Some(9_985), None),
                    &["o-1 has 40, limit 99.85"],
                ),
                (
                    Change(1, 40, Some(9_990), None),
                    &["o-1 has 40, limit 99.9"],
                ),
                (Traded(&[(9_990, 90)]), &[]),
                (Traded(&[(9_990, 20)]), &["o-1 fills 10 at 99.9"]),
            ],
        ),
        (
            "a price that the quote is good for takes at the quote",
            vec![
                (Send(sell(1, 150, 10_010)), &[]),
                (
                    Change(1, 150, Some(9_950), None),
                    &["o-1 has 150, limit 99.5", "o-1 fills 100 at 99.9"],
                ),
            ],
        ),
    ]);
}

// covers: OC-8
#[test]
fn a_change_that_fills_have_overtaken_leaves_what_was_filled() {
    play(vec![
        (
            "as many as are filled, or fewer: the rest goes, and it is done with what it has",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Traded(&[(10_000, 30)]), &["o-1 fills 30 at 100"]),
                (Change(1, 20, Some(9_999), None), &["o-1 has 30, limit 100"]),
                (Traded(&[(10_000, 100), (9_000, 100)]), &[]),
                (Change(1, 20, Some(9_999), None), &["o-1 stays: order_gone"]),
            ],
        ),
        (
            "exactly as many as are filled",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Traded(&[(10_000, 30)]), &["o-1 fills 30 at 100"]),
                (
                    Change(1, 30, Some(10_001), None),
                    &["o-1 has 30, limit 100"],
                ),
                (Cancel(1), &[]),
            ],
        ),
        (
            "more than are filled: only what is above them is open",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (Traded(&[(10_000, 30)]), &["o-1 fills 30 at 100"]),
                (
                    Change(1, 35, Some(10_000), None),
                    &["o-1 has 35, limit 100"],
                ),
                (Traded(&[(10_000, 100)]), &["o-1 fills 5 at 100"]),
            ],
        ),
        (
            "an order that is filled, cancelled, expired or unknown is not changed",
            vec![
                (Send(market(1, Side::Buy, 10)), &["o-1 fills 10 at 100.1"]),
                (Change(1, 20, None, None), &["o-1 stays: order_gone"]),
                (Send(buy(2, 10, 9_990)), &[]),
                (Cancel(2), &["o-2 ends: requested"]),
                (Change(2, 20, Some(9_990), None), &["o-2 stays: order_gone"]),
                (Send(buy(3, 10, 9_990)), &[]),
                (EndDay, &["o-3 ends: expired"]),
                (Change(3, 20, Some(9_990), None), &["o-3 stays: order_gone"]),
                (Change(4, 20, Some(9_990), None), &["o-4 stays: order_gone"]),
            ],
        ),
    ]);
}

#[test]
fn what_would_not_come_onto_the_book_is_not_changed_into() {
    play(vec![
        (
            "a limit outside the band",
            vec![
                (Send(buy(1, 50, 10_000)), &[]),
                (
                    Change(1, 50, Some(5_000), None),
                    &["o-1 stays: price_outside_band"],
                ),
                (Traded(&[(10_000, 50)]), &["o-1 fills 50 at 100"]),
            ],
        ),
        (
            "more of what cannot wait, while its symbol is halted or the session is over; fewer always can",
            vec![
                (Send(market(1, Side::Buy, 150)), &["o-1 fills 100 at 100.1"]),
                (Halt, &[]),
                (Change(1, 200, None, None), &["o-1 stays: symbol_halted"]),
                (Change(1, 140, None, None), &["o-1 has 140"]),
                (Do::Hours(Hours::Closed), &[]),
                (Change(1, 200, None, None), &["o-1 stays: market_closed"]),
                (Change(1, 130, None, None), &["o-1 has 130"]),
            ],
        ),
    ]);
}

#[test]
fn a_stop_waits_for_its_new_trigger_and_a_triggered_one_keeps_the_old() {
    let stop = |number, qty, stop| {
        let stop = order(number, Side::Sell, qty, None, Some(stop));
        Send(lasting(TimeInForce::Gtc, stop))
    };
    play(vec![
        (
            "a nearer trigger, which the last trade has reached",
            vec![
                (stop(1, 10, 9_900), &[]),
                (
                    Change(1, 10, None, Some(10_005)),
                    &["o-1 has 10, stop 100.05", "o-1 fills 10 at 99.9"],
                ),
            ],
        ),
        (
            "a farther one: what traded at the old one is nothing to it, nor what traded before the change",
            vec![
                (stop(1, 10, 9_900), &[]),
                (Change(1, 10, None, Some(9_800)), &["o-1 has 10, stop 98"]),
                (Traded(&[(9_850, 5)]), &[]),
                (Traded(&[(9_800, 5)]), &["o-1 fills 10 at 99.9"]),
            ],
        ),
        (
            "a triggered stop stays triggered: its shares can be changed, its trigger cannot",
            vec![
                (stop(1, 150, 9_900), &[]),
                (Traded(&[(9_890, 5)]), &["o-1 fills 100 at 99.9"]),
                (
                    Change(1, 150, None, Some(9_500)),
                    &["o-1 stays: already_triggered"],
                ),
                (Change(1, 160, None, Some(9_900)), &["o-1 has 160, stop 99"]),
                (SAME, &["o-1 fills 60 at 99.9"]),
            ],
        ),
    ]);
}

// covers: OC-8
#[test]
fn a_larger_close_still_stops_at_flat() {
    play(vec![(
        "what the row holds is the cap of the changed order too",
        vec![
            (Hold(120), &[]),
            (
                Send(closing(market(1, Side::Sell, 110))),
                &["o-1 fills 100 at 99.9"],
            ),
            (Change(1, 500, None, None), &["o-1 has 500"]),
            (SAME, &["o-1 fills 20 at 99.9"]),
            (Nothing, &["o-1 ends: nothing_left_to_reduce"]),
        ],
    )]);
}

#[test]
fn a_change_is_late_as_a_cancel_is_and_overtakes_nothing() {
    let config = VenueConfig {
        ack_millis: (500, 500),
        cancel_millis: (120, 120),
        lost_acks_per_mille: 0,
        ..VenueConfig::default()
    };
    let mut stage = Stage::new();
    stage.venue = PaperVenue::new(1, config, "t");
    stage.venue.refresh(&stage.market);
    stage.send(buy(1, 50, 9_990));
    stage
        .venue
        .replace(&key(1), terms(40, Some(9_990), None), stage.now);
    let mut said = Vec::new();
    for step in 1..=13 {
        let now: Vec<String> = stage.step().iter().filter_map(words).collect();
        said.extend(now.into_iter().map(|words| (step, words)));
        if step == 10 {
            stage
                .venue
                .replace(&key(1), terms(30, Some(9_990), None), stage.now);
        }
    }
    let has = |step, qty| (step, format!("o-1 has {qty}, limit 99.9"));
    assert_eq!(said, [has(10, 40), has(13, 30)]);
}
