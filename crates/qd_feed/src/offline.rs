//! What the feed makes of bytes, without a feed: for tests, replays and tools that drive a store by hand.
//!
//! It is the way of every byte in `ingest`, and nothing of its own.

use qd_state::{Event, RestAsk};
use qd_types::{StreamName, UtcMicros};
use qd_wire::salvage;

use crate::translate::{self, Arrival};

/// The events that a message of `stream` makes, received and routed at `at`.
pub fn message(stream: &StreamName, bytes: &[u8], at: UtcMicros) -> Vec<Event> {
    let arrival = Arrival {
        received_at: at,
        routed_at: at,
        skipped: None,
    };
    translate::message_events(stream, bytes, arrival).0
}

/// What the answer of `GET /api/v1/positions` makes.
pub fn positions(bytes: &[u8]) -> Event {
    match salvage::positions_answer(bytes) {
        Ok(answer) => Event::RestLoaded(translate::positions(answer)),
        Err(err) => failed(RestAsk::Positions, &err),
    }
}

/// What the answer of `GET /api/v1/orders` makes.
pub fn orders(bytes: &[u8]) -> Event {
    match salvage::orders_answer(bytes) {
        Ok(answer) => Event::RestLoaded(translate::orders(answer)),
        Err(err) => failed(RestAsk::Orders, &err),
    }
}

/// What the answer of `GET /api/v1/market/prices` makes; nothing when there is none in it.
pub fn prices(bytes: &[u8]) -> Option<Event> {
    let (prices, odd) = salvage::prices_answer(bytes).ok()?;
    Some(Event::PollLoaded(translate::prices(prices, &odd)))
}

/// What the first answer makes; nothing when not even the session can be read.
pub fn bootstrap(bytes: &[u8]) -> Vec<Event> {
    salvage::bootstrap_answer(bytes)
        .map(translate::bootstrap)
        .unwrap_or_default()
}

fn failed(ask: RestAsk, err: &qd_wire::WireError) -> Event {
    Event::RestFailed {
        ask,
        detail: translate::words(&err.to_string()),
    }
}
