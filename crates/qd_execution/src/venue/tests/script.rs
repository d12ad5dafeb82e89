//! A case as a script: what happens before each step, and what the venue then says.

use super::*;

/// What happens before a step.
pub(super) enum Do {
    Send(VenueOrder),
    Cancel(u32),
    /// The order's number; all its shares, its limit, its trigger.
    Change(u32, i64, Option<i64>, Option<i64>),
    /// `(bid, shares)`, `(ask, shares)`, last.
    Quote((i64, i64), (i64, i64), i64),
    /// What traded, as `(cents, shares)`.
    Traded(&'static [(i64, i64)]),
    Hours(Hours),
    EndDay,
    Halt,
    /// The first quote after a halt.
    Reopen((i64, i64), (i64, i64), i64),
    /// What the row holds, for reduce-only orders.
    Hold(i64),
    Nothing,
}
pub(super) use Do::{Cancel, Change, EndDay, Halt, Hold, Nothing, Reopen, Send, Traded};

pub(super) type Case = (&'static str, Vec<(Do, &'static [&'static str])>);

pub(super) fn buy(number: u32, qty: i64, limit: i64) -> VenueOrder {
    order(number, Side::Buy, qty, Some(limit), None)
}

pub(super) fn sell(number: u32, qty: i64, limit: i64) -> VenueOrder {
    order(number, Side::Sell, qty, Some(limit), None)
}

pub(super) fn market(number: u32, side: Side, qty: i64) -> VenueOrder {
    order(number, side, qty, None, None)
}

pub(super) fn lasting(time_in_force: TimeInForce, order: VenueOrder) -> VenueOrder {
    VenueOrder {
        time_in_force,
        ..order
    }
}

pub(super) fn closing(order: VenueOrder) -> VenueOrder {
    VenueOrder {
        reduce_only: true,
        ..order
    }
}

pub(super) const SAME: Do = Do::Quote((9_990, 100), (10_010, 100), 10_000);

#[track_caller]
pub(super) fn play(cases: Vec<Case>) {
    for (name, steps) in cases {
        let mut stage = Stage::new();
        for (i, (what, expected)) in steps.into_iter().enumerate() {
            let mut said = Vec::new();
            match what {
                Send(order) => stage.send(order),
                Cancel(number) => stage.venue.cancel(&key(number), stage.now),
                Change(number, qty, limit, stop) => {
                    let terms = terms(qty, limit, stop);
                    stage.venue.replace(&key(number), terms, stage.now);
                }
                Do::Quote(bid, ask, last) => stage.tick(Some(quote(bid, ask, last)), &[]),
                Traded(all) => stage.tick(None, all),
                Do::Hours(hours) => stage.hours = hours,
                EndDay => said.extend(stage.venue.end_day()),
                Halt => stage.halt(true),
                Reopen(bid, ask, last) => {
                    stage.halt(false);
                    stage.tick(Some(quote(bid, ask, last)), &[]);
                }
                Hold(qty) => stage.held = shares(qty),
                Nothing => {}
            }
            said.extend(stage.step());
            let said: Vec<String> = said.iter().filter_map(words).collect();
            assert_eq!(said, expected, "{name}, step {i}");
        }
    }
}
