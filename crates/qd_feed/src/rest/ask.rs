//! What is asked by REST and how its answer becomes an event. Every question here is a GET: asking twice is harmless.

use qd_state::{Poll, PollAnswer, RestAnswer, RestAsk};
use qd_types::Symbol;
use qd_wire::rest::{
    BootstrapResponse, BreakersResponse, HaltResponse, HealthResponse, HistoryResponse,
    MarketClockResponse, OrdersResponse, PositionsResponse, PricesResponse, RealtimePnlResponse,
    SeriesResponse, StatsResponse, from_json,
};
use serde::de::DeserializeOwned;

use super::{RestClient, RestError};
use crate::translate;

/// Orders on one page of the answer.
const ORDERS_PER_PAGE: usize = 500;

/// More open orders than on this many pages are not fetched: the screen could not show them either.
const MAX_ORDER_PAGES: usize = 20;

/// Lines of the activity list that are asked for at the start; it shows 20.
const HISTORY_ENTRIES: usize = 50;

/// Symbols in one question, so that the address stays short.
const MAX_SYMBOLS: usize = 200;

/// Points of a day's line.
const SERIES_POINTS: usize = 60;

impl RestClient {
    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let body = self.get(path).await?;
        from_json(&body).map_err(|err| RestError::Unreadable(err.to_string()))
    }

    /// The one answer that the first paint needs.
    pub(crate) async fn bootstrap(&self) -> Result<BootstrapResponse, RestError> {
        self.read("/api/v1/bootstrap").await
    }

    /// Asks what the store wants to know.
    pub(crate) async fn ask(&self, ask: RestAsk) -> Result<RestAnswer, RestError> {
        Ok(match ask {
            RestAsk::Positions => {
                translate::positions(self.read::<PositionsResponse>("/api/v1/positions").await?)
            }
            RestAsk::Orders => translate::orders(self.open_orders().await?),
            RestAsk::History => {
                let path = format!("/api/v1/orders/history?limit={HISTORY_ENTRIES}");
                translate::history(self.read::<HistoryResponse>(&path).await?)
            }
            RestAsk::Pnl => translate::pnl(
                &self
                    .read::<RealtimePnlResponse>("/api/v1/realtime_pnl")
                    .await?,
            ),
            RestAsk::Halt => translate::halt(
                self.read::<HaltResponse>("/api/v1/kill_switch_status")
                    .await?,
            ),
            RestAsk::Breakers => translate::breakers(
                self.read::<BreakersResponse>("/api/v1/circuit_breakers")
                    .await?,
            ),
            RestAsk::Alerts => {
                // The list is a page's own question; here only the place counts.
                #[derive(serde::Deserialize)]
                struct AlertsPlace {
                    #[serde(default)]
                    stream: Option<PlaceWire>,
                }
                #[derive(serde::Deserialize)]
                struct PlaceWire {
                    epoch: String,
                    seq: u64,
                }
                let answer: AlertsPlace = self.read("/api/v1/alerts?state=firing").await?;
                let pos = answer
                    .stream
                    .map(|place| {
                        qd_types::Epoch::new(&place.epoch).map(|epoch| qd_types::StreamPos {
                            epoch,
                            seq: qd_types::Seq(place.seq),
                        })
                    })
                    .transpose()
                    .map_err(|err| RestError::Unreadable(err.to_string()))?;
                RestAnswer::Alerts { pos }
            }
        })
    }

    /// All open orders, page by page; the place is that of the first page, which was read before all rows.
    async fn open_orders(&self) -> Result<OrdersResponse, RestError> {
        let first = format!("/api/v1/orders?status=open&limit={ORDERS_PER_PAGE}");
        let mut answer: OrdersResponse = self.read(&first).await?;
        let mut next = answer.next.take();
        for _ in 1..MAX_ORDER_PAGES {
            let Some(before) = next.filter(|cursor| is_plain(cursor)) else {
                break;
            };
            let page: OrdersResponse = self.read(&format!("{first}&before={before}")).await?;
            answer.orders.extend(page.orders);
            next = page.next;
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
                translate::prices(self.read::<PricesResponse>(&path).await?)
            }
            Poll::Series => {
                let symbols = listed(symbols);
                let path =
                    format!("/api/v1/market/series?symbols={symbols}&points={SERIES_POINTS}");
                translate::series(self.read::<SeriesResponse>(&path).await?)
            }
            Poll::MarketClock => translate::market_clock(
                &self
                    .read::<MarketClockResponse>("/api/v1/market/clock")
                    .await?,
            ),
            Poll::Health => {
                translate::health(self.read::<HealthResponse>("/api/v1/system/health").await?)
            }
            Poll::Stats => translate::stats(
                self.read::<StatsResponse>("/api/v1/dashboard/stats")
                    .await?,
            ),
        })
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

/// A cursor that can stand in a query as it is; another backend's odd one ends the paging instead.
fn is_plain(cursor: &str) -> bool {
    cursor.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':')
    })
}
