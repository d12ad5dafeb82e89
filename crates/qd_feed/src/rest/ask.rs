//! What is asked by REST and how its answer becomes an event. Asking any of it twice is harmless: all but what a tape is
//! told are GETs, and that is asked once.

use qd_state::{Poll, PollAnswer, RestAnswer, RestAsk};
use qd_types::{Symbol, TapeAction};
use qd_wire::WireError;
use qd_wire::rest::{
    AlertsResponse, BreakersResponse, ControlTape, HaltResponse, HealthResponse, HistoryResponse,
    MarketClockResponse, RealtimePnlResponse, SeriesResponse, StatsResponse, from_json, to_json,
};
use qd_wire::salvage::{self, BootstrapAnswer, OrdersAnswer};

use super::{RestClient, RestError};
use crate::rt::decision_id;
use crate::translate;

/// Orders on one page of the answer.
const ORDERS_PER_PAGE: usize = 500;

/// More open orders than on this many pages are not fetched, and then none are shown as all.
const MAX_ORDER_PAGES: usize = 20;

/// Lines of the activity list that are asked for at the start; it shows 20.
const HISTORY_ENTRIES: usize = 50;

/// Alerts that are asked for: as many as the store keeps.
const ALERTS: usize = 200;

/// Symbols in one question, so that the address stays short.
const MAX_SYMBOLS: usize = 200;

/// Points of a day's line.
const SERIES_POINTS: usize = 60;

impl RestClient {
    pub(super) async fn read<T>(
        &self,
        path: &str,
        parse: fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, RestError> {
        let body = self.get(path).await?;
        parse(&body).map_err(|err| RestError::Unreadable(err.to_string()))
    }

    /// The one answer that the first paint needs.
    pub(crate) async fn bootstrap(&self) -> Result<BootstrapAnswer, RestError> {
        self.read("/api/v1/bootstrap", salvage::bootstrap_answer)
            .await
    }

    /// Asks what the store wants to know.
    pub(crate) async fn ask(&self, ask: RestAsk) -> Result<RestAnswer, RestError> {
        Ok(match ask {
            RestAsk::Positions => {
                let answer = self.read("/api/v1/positions", salvage::positions_answer);
                translate::positions(answer.await?)
            }
            RestAsk::Orders => translate::orders(self.open_orders().await?),
            RestAsk::History => {
                let path = format!("/api/v1/orders/history?limit={HISTORY_ENTRIES}");
                translate::history(self.read(&path, from_json::<HistoryResponse>).await?)
            }
            RestAsk::Pnl => {
                let answer = self.read("/api/v1/realtime_pnl", from_json::<RealtimePnlResponse>);
                translate::pnl(&answer.await?)
            }
            RestAsk::Halt => {
                let answer = self.read("/api/v1/kill_switch_status", from_json::<HaltResponse>);
                translate::halt(answer.await?)
            }
            RestAsk::Breakers => {
                let answer = self.read("/api/v1/circuit_breakers", from_json::<BreakersResponse>);
                translate::breakers(answer.await?)
            }
            RestAsk::Alerts => {
                let path = format!("/api/v1/alerts?state=all&limit={ALERTS}");
                translate::alerts(self.read(&path, from_json::<AlertsResponse>).await?)
            }
        })
    }

    /// All open orders, page by page; the place is that of the first page, which was read before all rows.
    pub(super) async fn open_orders(&self) -> Result<OrdersAnswer, RestError> {
        let first = format!("/api/v1/orders?status=open&limit={ORDERS_PER_PAGE}");
        let mut answer = self.read(&first, salvage::orders_answer).await?;
        let mut next = answer.next.take();
        let mut num_pages = 1;
        while let Some(before) = next_page(next, num_pages)? {
            let path = format!("{first}&before={before}");
            let page = self.read(&path, salvage::orders_answer).await?;
            answer.orders.extend(page.orders);
            answer.unreadable.extend(page.unreadable);
            answer.nameless.extend(page.nameless);
            next = page.next;
            num_pages += 1;
        }
        Ok(answer)
    }

    /// Polls.
    pub(crate) async fn poll(
        &self,
        poll: Poll,
        symbols: &[Symbol],
    ) -> Result<PollAnswer, RestError> {
        Ok(match poll {
            Poll::Prices => {
                let path = format!("/api/v1/market/prices?symbols={}", listed(symbols));
                let (prices, odd) = self.read(&path, salvage::prices_answer).await?;
                translate::prices(prices, &odd)
            }
            Poll::Series => {
                let symbols = listed(symbols);
                let path =
                    format!("/api/v1/market/series?symbols={symbols}&points={SERIES_POINTS}");
                translate::series(self.read(&path, from_json::<SeriesResponse>).await?)
            }
            Poll::MarketClock => {
                let answer = self.read("/api/v1/market/clock", from_json::<MarketClockResponse>);
                translate::market_clock(&answer.await?)
            }
            Poll::Health => {
                let answer = self.read("/api/v1/system/health", from_json::<HealthResponse>);
                translate::health(answer.await?)
            }
            Poll::Stats => {
                let answer = self.read("/api/v1/dashboard/stats", from_json::<StatsResponse>);
                translate::stats(answer.await?)
            }
        })
    }
}

impl RestClient {
    /// Tells the tape something; the answer is the market's clock as it then stands.
    pub(crate) async fn control_tape(&self, action: TapeAction) -> Result<PollAnswer, RestError> {
        let body = to_json(&ControlTape::new(action));
        let path = "/api/v1/market/tape";
        let answer = self.post_json(path, &decision_id(), body).await?;
        let clock = from_json::<MarketClockResponse>(&answer)
            .map_err(|err| RestError::Unreadable(err.to_string()))?;
        Ok(translate::market_clock(&clock))
    }
}

/// Symbols for a query: their alphabet needs no escapes.
fn listed(symbols: &[Symbol]) -> String {
    let mut list = String::with_capacity(symbols.len() * 6);
    for (i, symbol) in symbols.iter().take(MAX_SYMBOLS).enumerate() {
        if i > 0 {
            list.push(',');
        }
        list.push_str(symbol.as_str());
    }
    list
}

/// Where the page after the first `num_pages` begins; none behind the last. What is left over makes the whole answer an
/// error: a part of the open orders must not pass for all of them.
fn next_page(next: Option<String>, num_pages: usize) -> Result<Option<String>, RestError> {
    match next {
        Some(_) if num_pages >= MAX_ORDER_PAGES => Err(RestError::Unreadable(format!(
            "open orders on more than {MAX_ORDER_PAGES} pages"
        ))),
        Some(cursor) if !is_plain(&cursor) => Err(RestError::Unreadable(
            "a page of open orders with a cursor that is none".to_owned(),
        )),
        next => Ok(next),
    }
}

/// A cursor that can stand in a query as it is; another backend's odd one cannot.
pub(super) fn is_plain(cursor: &str) -> bool {
    cursor.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_left_over_are_an_error_and_no_end() {
        let cursor = || Some("2026-11-22:7".to_owned());
        assert_eq!(next_page(None, 1).unwrap(), None);
        assert_eq!(next_page(cursor(), 1).unwrap(), cursor());
        assert_eq!(next_page(None, MAX_ORDER_PAGES).unwrap(), None);
        let left_over = next_page(cursor(), MAX_ORDER_PAGES);
        assert!(matches!(left_over, Err(RestError::Unreadable(_))));
        let odd = next_page(Some("a&status=closed".to_owned()), 1);
        assert!(matches!(odd, Err(RestError::Unreadable(_))));
    }
}
