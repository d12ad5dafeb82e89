//! Random orders, changes, quotes, trades, halts and hours, watched by a referee that knows the rules but not the venue.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Send {
        is_buy: bool,
        qty: i64,
        limit: Option<i64>,
        stop: Option<i64>,
        tif: TimeInForce,
    },
    Cancel(u32),
    Change {
        number: u32,
        qty: i64,
        limit: i64,
        stop: Option<i64>,
    },
    Quote {
        mid: i64,
        half: i64,
        bid_size: i64,
        ask_size: i64,
    },
    Traded(Vec<(i64, i64)>),
    Halt,
    Reopen,
    Hours(Hours),
    Step,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let tif = prop_oneof![
        5 => Just(TimeInForce::Day),
        2 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
    ];
    let hours = prop_oneof![
        4 => Just(Hours::Open),
        1 => Just(Hours::Closed),
        1 => Just(Hours::StandsStill),
    ];
    let limit = prop::option::weighted(0.8, 9_980..10_020_i64);
    let stop = prop::option::weighted(0.2, 9_985..10_015_i64);
    let one = prop_oneof![
        8 => (any::<bool>(), 1..200_i64, limit, stop, tif)
            .prop_map(|(is_buy, qty, limit, stop, tif)| Move::Send { is_buy, qty, limit, stop, tif }),
        2 => (0..30_u32).prop_map(Move::Cancel),
        6 => (0..12_u32, 1..200_i64, 9_980..10_020_i64, prop::option::of(9_985..10_015_i64))
            .prop_map(|(number, qty, limit, stop)| Move::Change { number, qty, limit, stop }),
        8 => (9_985..10_015_i64, 0..6_i64, 0..150_i64, 0..150_i64)
            .prop_map(|(mid, half, bid_size, ask_size)| Move::Quote { mid, half, bid_size, ask_size }),
        8 => prop::collection::vec((9_980..10_020_i64, 1..200_i64), 1..4).prop_map(Move::Traded),
        1 => Just(Move::Halt),
        3 => Just(Move::Reopen),
        2 => hours.prop_map(Move::Hours),
        3 => Just(Move::Step),
    ];
    prop::collection::vec(one, 1..80)
}

/// What the referee knows of an order.
struct Known {
    order: VenueOrder,
    filled: Qty,
    is_over: bool,
    was_triggered: bool,
    /// The first step at whose end it was on the book with nothing left to take.
    rests_since: Option<usize>,
}

impl Known {
    /// From here on it is held to its new terms; only with fewer shares, and nothing else, it keeps its place.
    fn change(&mut self, to: OrderTerms, last: Price, trades: bool) {
        let from = OrderTerms {
            qty: self.order.qty,
            limit_price: self.order.limit_price,
            stop_price: self.order.stop_price,
        };
        let keeps_place = to.qty <= from.qty
            && (to.limit_price, to.stop_price) == (from.limit_price, from.stop_price);
        if !keeps_place {
            self.rests_since = None;
        }
        if to.stop_price != from.stop_price {
            // Only one that waits gets another trigger.
            self.was_triggered = trades
                && to.stop_price.is_none_or(|stop| match self.order.side {
                    Side::Buy => last >= stop,
                    Side::Sell => last <= stop,
                });
        }
        self.order.qty = to.qty;
        self.order.limit_price = to.limit_price;
        self.order.stop_price = to.stop_price;
        self.is_over |= self.filled == to.qty;
    }
}

#[derive(Default)]
struct Referee {
    known: BTreeMap<String, Known>,
    /// Per side: shares gone of the present quote.
    taken: BTreeMap<Side, Qty>,
    log: Vec<String>,
}

impl Referee {
    /// Holds everything that was said in one step against what the market showed.
    fn judge(
        &mut self,
        number: usize,
        said: &[VenueEvent],
        stage: &Stage,
        traded: &[(i64, i64)],
        is_new_quote: bool,
    ) -> Result<(), TestCaseError> {
        let quote = *stage.market.quote(symbol()).unwrap();
        let trades = stage.hours == Hours::Open && !stage.market.is_halted(symbol());
        if is_new_quote {
            self.taken.clear();
        }
        let printed: Qty = traded.iter().map(|(_, qty)| shares(*qty)).sum();
        // What traded as far as it was for ours, and how much of it they had.
        let mut by_side: BTreeMap<Side, (Qty, Qty)> = BTreeMap::new();
        let mut passive = Qty::ZERO;
        for known in self.known.values_mut().filter(|_| trades) {
            let hits = |price: Price| match (known.order.side, known.order.stop_price) {
                (_, None) => true,
                (Side::Buy, Some(stop)) => price >= stop,
                (Side::Sell, Some(stop)) => price <= stop,
            };
            known.was_triggered |=
                hits(quote.price) || traded.iter().any(|(price, _)| hits(cents(*price)));
        }
        for event in said {
            self.log.push(format!("{event:?}"));
            let id = event.key().client_order_id.to_string();
            match event {
                // Of an order that is over too, or that never was.
                VenueEvent::ReplaceRejected { .. } => continue,
                VenueEvent::Replaced { terms, .. } => {
                    let known = self.known.get_mut(&id).unwrap();
                    prop_assert!(!known.is_over, "{id} is changed after its end");
                    prop_assert!(terms.qty >= known.filled, "{id} loses fills");
                    known.change(*terms, quote.price, trades);
                    continue;
                }
                _ => {}
            }
            let (order, was_resting) = {
                let known = self.known.get_mut(&id).unwrap();
                prop_assert!(!known.is_over, "{id} speaks after its end");
                (
                    known.order.clone(),
                    known.rests_since.is_some_and(|since| since < number),
                )
            };
            let VenueEvent::Filled { qty, price, .. } = event else {
                if !matches!(event, VenueEvent::Acknowledged { .. }) {
                    self.known.get_mut(&id).unwrap().is_over = true;
                }
                continue;
            };
            prop_assert!(trades, "{id} filled while nothing trades");
            prop_assert!(qty.is_positive());
            let is_buy = order.side == Side::Buy;
            let is_no_worse =
                |price: Price, than: Price| if is_buy { price <= than } else { price >= than };
            let (touch, shown) = if is_buy {
                (quote.ask, quote.ask_size)
            } else {
                (quote.bid, quote.bid_size)
            };
            // Never through the limit, never before the trigger.
            prop_assert!(
                order
                    .limit_price
                    .is_none_or(|limit| is_no_worse(*price, limit)),
                "{id} filled beyond its limit"
            );
            prop_assert!(
                order.stop_price.is_none() || self.known[&id].was_triggered,
                "{id} filled before its trigger"
            );
            let limit = order.limit_price;
            // At its own limit it may be part of what traded just now, at that price or beyond, if it had a place.
            let traded_for_it: Qty = traded
                .iter()
                .filter(|(one, _)| {
                    was_resting && Some(*price) == limit && is_no_worse(cents(*one), *price)
                })
                .map(|(_, qty)| shares(*qty))
                .sum();
            let (most, used) = by_side.entry(order.side).or_default();
            *most = traded_for_it.max(*most);
            let by_trade = (*qty).min(traded_for_it).min(*most - *used);
            *used += by_trade;
            passive += by_trade;
            let rest = *qty - by_trade;
            if !rest.is_zero() {
                // The rest is of the quote: at its price, or at the limit that it has just come to.
                let came = is_new_quote
                    && was_resting
                    && Some(*price) == limit
                    && is_no_worse(touch, *price);
                prop_assert!(
                    *price == touch || came,
                    "{id} filled neither at the quote nor at its limit"
                );
                let taken = self.taken.entry(order.side).or_default();
                *taken += rest;
                prop_assert!(*taken <= shown, "{id} took {taken} of {shown}");
            }
            prop_assert!(passive <= printed, "more than traded");
            let known = self.known.get_mut(&id).unwrap();
            known.filled += *qty;
            prop_assert!(known.filled <= order.qty, "{id} filled beyond its size");
            known.is_over |= known.filled == order.qty;
            // Whoever rested before it at a price as good or better has been served first.
            if was_resting {
                let since = self.known[&id].rests_since;
                for (other_id, other) in &self.known {
                    let is_ahead = !other.is_over
                        && other.order.side == order.side
                        && other.rests_since.is_some_and(|rests| Some(rests) < since)
                        && other
                            .order
                            .limit_price
                            .is_some_and(|theirs| is_no_worse(limit.unwrap(), theirs));
                    prop_assert!(!is_ahead, "{id} filled before {other_id}");
                }
            }
        }
        Ok(())
    }

    /// Who rests from here on: a limit that the quote leaves untouched at the end of a step.
    fn note_resting(&mut self, number: usize, stage: &Stage) {
        let quote = stage.market.quote(symbol()).unwrap();
        if stage.hours != Hours::Open || stage.market.is_halted(symbol()) {
            return;
        }
        for known in self.known.values_mut() {
            let Some(limit) = known.order.limit_price else {
                continue;
            };
            let is_away = match known.order.side {
                Side::Buy => quote.ask > limit && quote.ask_size.is_positive(),
                Side::Sell => quote.bid < limit && quote.bid_size.is_positive(),
            };
            if is_away && known.was_triggered && !known.is_over && known.rests_since.is_none() {
                known.rests_since = Some(number);
            }
        }
    }
}

fn play(moves: &[Move]) -> Result<Vec<String>, TestCaseError> {
    let mut stage = Stage::new();
    let mut referee = Referee::default();
    let mut next = 0;
    for (number, one) in moves.iter().enumerate() {
        let mut traded: Vec<(i64, i64)> = Vec::new();
        let mut is_new_quote = false;
        // A halted symbol has no new quotes, and a tape that stands still brings nothing at all.
        let moves_on = stage.hours != Hours::StandsStill;
        match one {
            Move::Send {
                is_buy,
                qty,
                limit,
                stop,
                tif,
            } => {
                let side = if *is_buy { Side::Buy } else { Side::Sell };
                let tif = if stop.is_some() {
                    TimeInForce::Gtc
                } else {
                    *tif
                };
                let order = VenueOrder {
                    time_in_force: tif,
                    ..order(next, side, *qty, *limit, *stop)
                };
                next += 1;
                referee.known.insert(
                    order.key.client_order_id.to_string(),
                    Known {
                        order: order.clone(),
                        filled: Qty::ZERO,
                        is_over: false,
                        was_triggered: false,
                        rests_since: None,
                    },
                );
                stage.send(order);
            }
            Move::Cancel(number) => stage.venue.cancel(&key(*number), stage.now),
            Move::Change {
                number,
                qty,
                limit,
                stop,
            } => {
                let known = referee.known.get(&format!("o-{number}"));
                // Of the prices those that its kind has.
                let order = known.map(|known| &known.order);
                let limit = order.and_then(|order| order.limit_price.map(|_| cents(*limit)));
                let stop = order.and_then(|order| {
                    let old = order.stop_price?;
                    Some(stop.map_or(old, cents))
                });
                let terms = OrderTerms {
                    qty: shares(*qty),
                    limit_price: limit,
                    stop_price: stop,
                };
                stage.venue.replace(&key(*number), terms, stage.now);
            }
            Move::Quote {
                mid,
                half,
                bid_size,
                ask_size,
            } if moves_on && !stage.market.is_halted(symbol()) => {
                stage.tick(
                    Some(quote(
                        (mid - half, *bid_size),
                        (mid + half, *ask_size),
                        *mid,
                    )),
                    &[],
                );
                is_new_quote = true;
            }
            Move::Traded(all) if moves_on => {
                stage.tick(None, all);
                traded.clone_from(all);
            }
            Move::Halt => stage.halt(true),
            Move::Reopen => {
                if stage.market.is_halted(symbol()) {
                    stage.halt(false);
                    // Everything arrives anew: places in the queues are given up.
                    for known in referee.known.values_mut() {
                        known.rests_since = None;
                    }
                }
            }
            Move::Hours(hours) => {
                if *hours == Hours::Open && !stage.venue.was_open {
                    for known in referee.known.values_mut() {
                        known.rests_since = None;
                    }
                }
                stage.hours = *hours;
            }
            Move::Quote { .. } | Move::Traded(_) | Move::Step => {}
        }
        let said = stage.step();
        referee.judge(number, &said, &stage, &traded, is_new_quote)?;
        referee.note_resting(number, &stage);
    }
    Ok(referee.log)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn prop_fills_are_covered_by_the_market_and_served_by_price_and_time(moves in moves()) {
        let log = play(&moves)?;
        prop_assert_eq!(log, play(&moves)?, "the same again");
    }
}
