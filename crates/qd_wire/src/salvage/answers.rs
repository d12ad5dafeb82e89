//! REST answers read part by part and row by row, where they cannot be read as a whole.
//!
//! Which questions are asked, and what an answer means, is said elsewhere.

use qd_types::{Order, Symbol, UtcMicros};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    MAX_NAMED, SalvagedOrder, SalvagedPositions, fields, figure, odd_order, order, reason_of, rows,
    scalar,
};
use crate::error::{WireError, object_text};
use crate::frame::SessionInfo;
use crate::message::PositionTotals;
use crate::rest::{
    BreakersResponse, HaltResponse, HistoryResponse, MarketClockResponse, OrdersResponse,
    PositionsResponse, PriceQuote, PricesResponse, RealtimePnlResponse, StatsResponse, StreamRef,
    from_json,
};

/// The first answer, part by part; absent is what could not be read, and is asked for by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapAnswer {
    /// Who is signed in; without it there is nothing to begin with.
    pub session: SessionInfo,
    /// All positions.
    pub positions: Option<PositionsAnswer>,
    /// The first page of open orders.
    pub orders: Option<OrdersAnswer>,
    /// The account's figures.
    pub pnl: Option<RealtimePnlResponse>,
    /// The halt machine's word.
    pub halt: Option<HaltResponse>,
    /// All breakers.
    pub breakers: Option<BreakersResponse>,
    /// The market's clock.
    pub clock: Option<MarketClockResponse>,
    /// The day so far.
    pub stats: Option<StatsResponse>,
    /// The newest fills and ends.
    pub history: Option<HistoryResponse>,
}

/// Reads `GET /api/v1/bootstrap` part by part, and rows one by one where a part cannot be read as a whole.
///
/// # Errors
/// [`WireError`] when the session cannot be read.
pub fn bootstrap_answer(bytes: &[u8]) -> Result<BootstrapAnswer, WireError> {
    #[derive(Deserialize)]
    struct AnswerWire<'a> {
        session: SessionInfo,
        #[serde(borrow, default)]
        positions: Option<&'a RawValue>,
        #[serde(borrow, default)]
        orders: Option<&'a RawValue>,
        #[serde(borrow, default)]
        pnl: Option<&'a RawValue>,
        #[serde(borrow, default)]
        halt: Option<&'a RawValue>,
        #[serde(borrow, default)]
        breakers: Option<&'a RawValue>,
        #[serde(borrow, default)]
        clock: Option<&'a RawValue>,
        #[serde(borrow, default)]
        stats: Option<&'a RawValue>,
        #[serde(borrow, default)]
        history: Option<&'a RawValue>,
    }

    fn part<T>(
        raw: Option<&RawValue>,
        read: impl FnOnce(&[u8]) -> Result<T, WireError>,
    ) -> Option<T> {
        read(raw?.get().as_bytes()).ok()
    }

    let wire: AnswerWire<'_> = serde_json::from_str(object_text("body", bytes)?)
        .map_err(|err| WireError::malformed("body", err))?;
    Ok(BootstrapAnswer {
        session: wire.session,
        positions: part(wire.positions, positions_answer),
        orders: part(wire.orders, orders_answer),
        pnl: part(wire.pnl, from_json),
        halt: part(wire.halt, from_json),
        breakers: part(wire.breakers, from_json),
        clock: part(wire.clock, from_json),
        stats: part(wire.stats, from_json),
        history: part(wire.history, from_json),
    })
}

/// All positions with the place that they stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionsAnswer {
    /// The rows, and what could not be read.
    pub positions: SalvagedPositions,
    /// The place they stand on.
    pub stream: Option<StreamRef>,
}

/// Reads `GET /api/v1/positions` row by row when it cannot be read as a whole.
///
/// # Errors
/// [`WireError`] when there are no rows to read, or the place they stand on is unreadable.
pub fn positions_answer(bytes: &[u8]) -> Result<PositionsAnswer, WireError> {
    #[derive(Deserialize)]
    struct AnswerWire<'a> {
        #[serde(borrow)]
        positions: Vec<&'a RawValue>,
        #[serde(borrow, default)]
        totals: Option<&'a RawValue>,
        #[serde(default, with = "crate::codec")]
        as_of: Option<UtcMicros>,
        #[serde(default, with = "crate::codec")]
        stream: Option<StreamRef>,
    }
    #[derive(Deserialize)]
    struct TotalsWire<'a> {
        #[serde(borrow, default)]
        realized_pl_today: Option<&'a RawValue>,
    }

    let err = match from_json::<PositionsResponse>(bytes) {
        Ok(answer) => {
            return Ok(PositionsAnswer {
                positions: SalvagedPositions {
                    totals: PositionTotals {
                        unrealized_pl: answer.positions.iter().map(|p| p.unrealized_pl).sum(),
                        realized_pl_today: answer.totals.realized_pl_today,
                        ..PositionTotals::default()
                    },
                    rows: answer.positions,
                    ..SalvagedPositions::default()
                },
                stream: answer.stream,
            });
        }
        Err(err) => err,
    };
    let text = object_text("body", bytes)?;
    let Ok(wire) = serde_json::from_str::<AnswerWire<'_>>(text) else {
        return Err(err);
    };
    let mut salvaged = SalvagedPositions::default();
    rows(
        &wire.positions,
        wire.as_of.unwrap_or_default(),
        &mut salvaged,
    );
    if salvaged.num_unnamed > 0 {
        // Rows that nobody counts would be missing from every total.
        return Err(err);
    }
    let realized = wire
        .totals
        .and_then(|raw| serde_json::from_str::<TotalsWire<'_>>(raw.get()).ok())
        .and_then(|totals| totals.realized_pl_today);
    match figure(realized) {
        Ok(Some(money)) => salvaged.totals.realized_pl_today = money,
        Ok(None) => salvaged.note("realized_pl_today", "it is not there".to_owned()),
        Err(reason) => salvaged.note("realized_pl_today", reason),
    }
    Ok(PositionsAnswer {
        positions: salvaged,
        stream: wire.stream,
    })
}

/// A page of open orders with those that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersAnswer {
    /// Orders that could be read.
    pub orders: Vec<Order>,
    /// Orders of which something could not be read.
    pub unreadable: Vec<SalvagedOrder>,
    /// What is wrong with orders that do not even say who they are.
    pub nameless: Vec<String>,
    /// For `before=` of the next page; absent on the last.
    pub next: Option<String>,
    /// The place they stand on.
    pub stream: Option<StreamRef>,
}

/// Reads `GET /api/v1/orders` order by order when it cannot be read as a whole.
///
/// # Errors
/// [`WireError`] when there are no orders to read, or the place they stand on or the next page is unreadable.
pub fn orders_answer(bytes: &[u8]) -> Result<OrdersAnswer, WireError> {
    #[derive(Deserialize)]
    struct AnswerWire<'a> {
        #[serde(borrow)]
        orders: Vec<&'a RawValue>,
        #[serde(default)]
        next: Option<String>,
        #[serde(default, with = "crate::codec")]
        as_of: Option<UtcMicros>,
        #[serde(default, with = "crate::codec")]
        stream: Option<StreamRef>,
    }

    let err = match from_json::<OrdersResponse>(bytes) {
        Ok(answer) => {
            return Ok(OrdersAnswer {
                orders: answer.orders,
                unreadable: Vec::new(),
                nameless: Vec::new(),
                next: answer.next,
                stream: answer.stream,
            });
        }
        Err(err) => err,
    };
    let text = object_text("body", bytes)?;
    let Ok(wire) = serde_json::from_str::<AnswerWire<'_>>(text) else {
        return Err(err);
    };
    let as_of = wire.as_of.unwrap_or_default();
    let mut answer = OrdersAnswer {
        orders: Vec::with_capacity(wire.orders.len()),
        unreadable: Vec::new(),
        nameless: Vec::new(),
        next: wire.next,
        stream: wire.stream,
    };
    for raw in wire.orders {
        match order(raw.get(), as_of) {
            Ok(order) => answer.orders.push(order),
            Err(reason) => match odd_order(raw.get(), reason.clone(), as_of) {
                Some(odd) => answer.unreadable.push(odd),
                None if answer.nameless.len() < MAX_NAMED => answer.nameless.push(reason),
                None => {}
            },
        }
    }
    Ok(answer)
}

/// Reads `GET /api/v1/market/prices` price by price: the good ones, and what is wrong with the others.
///
/// A price of nothing or less is none of a share.
///
/// # Errors
/// [`WireError`] when there are no prices to read.
pub fn prices_answer(bytes: &[u8]) -> Result<(Vec<PriceQuote>, Vec<String>), WireError> {
    #[derive(Deserialize)]
    struct AnswerWire<'a> {
        #[serde(borrow)]
        prices: Vec<&'a RawValue>,
    }

    let (quotes, mut odd) = match from_json::<PricesResponse>(bytes) {
        Ok(answer) => (answer.prices, Vec::new()),
        Err(err) => {
            let text = object_text("body", bytes)?;
            let Ok(wire) = serde_json::from_str::<AnswerWire<'_>>(text) else {
                return Err(err);
            };
            let mut quotes = Vec::with_capacity(wire.prices.len());
            let mut odd = Vec::new();
            for raw in wire.prices {
                match serde_json::from_str::<PriceQuote>(raw.get()) {
                    Ok(quote) => quotes.push(quote),
                    Err(err) if odd.len() < MAX_NAMED => {
                        let symbol = fields(raw.get()).and_then(|f| scalar::<Symbol>(&f, "symbol"));
                        odd.push(named(symbol, &reason_of(&err)));
                    }
                    Err(_) => {}
                }
            }
            (quotes, odd)
        }
    };
    let (good, bad): (Vec<_>, Vec<_>) = quotes
        .into_iter()
        .partition(|quote| quote.price.is_positive());
    odd.extend(bad.iter().map(|quote| {
        let reason = format!("a price of {} is none", quote.price);
        named(Some(quote.symbol), &reason)
    }));
    Ok((good, odd))
}

fn named(symbol: Option<Symbol>, reason: &str) -> String {
    symbol.map_or_else(|| reason.to_owned(), |symbol| format!("{symbol}: {reason}"))
}
