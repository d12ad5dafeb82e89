//! Prices, the day's lines and the market clock.

use axum::extract::State;
use qd_types::Permission;
use qd_wire::rest::{
    MarketClockResponse, PriceQuote, PriceSeries, PricesResponse, ReplayClock, SeriesResponse,
};

use super::Api;
use super::identity::Caller;
use super::problem::ApiError;
use super::query::Params;
use super::reads::{Answer, json};
use crate::market::MAX_POINTS;

pub(super) async fn prices(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::MarketView)?;
    let symbols = params.symbols()?;
    params.finish()?;
    let prices = api
        .handle
        .read(move |desk, _| {
            desk.market()
                .quotes()
                .filter(|quote| {
                    symbols
                        .as_ref()
                        .is_none_or(|wanted| wanted.contains(&quote.symbol))
                })
                .map(|quote| PriceQuote {
                    symbol: quote.symbol,
                    price: quote.price,
                    bid: Some(quote.bid),
                    ask: Some(quote.ask),
                    at: quote.at,
                    source: "sim".to_owned(),
                })
                .collect()
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &PricesResponse { prices }))
}

pub(super) async fn series(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::MarketView)?;
    let symbols = params.symbols()?;
    let points = params.number("points")?;
    params.finish()?;
    let max_points = points.map_or(MAX_POINTS, |points| {
        usize::try_from(points)
            .unwrap_or(MAX_POINTS)
            .clamp(2, MAX_POINTS)
    });
    let series = api
        .handle
        .read(move |desk, _| {
            desk.market()
                .quotes()
                .map(|quote| quote.symbol)
                .filter(|symbol| {
                    symbols
                        .as_ref()
                        .is_none_or(|wanted| wanted.contains(symbol))
                })
                .filter_map(|symbol| {
                    let points = desk.market().series(symbol, max_points)?;
                    Some(PriceSeries { symbol, points })
                })
                .collect()
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &SeriesResponse { series }))
}

pub(super) async fn clock(State(api): State<Api>, caller: Caller, params: Params) -> Answer {
    caller.must(Permission::MarketView)?;
    params.finish()?;
    let response = api
        .handle
        .read(|desk, now| {
            let clock = desk.market_clock(now);
            MarketClockResponse {
                phase: clock.phase,
                next_change_at: clock.next_change_at,
                zone: "America/New_York".to_owned(),
                // In a replay the tape's own.
                now: desk.market().time(now),
                replay: desk.market().replay().map(|replay| {
                    let status = replay.status(now);
                    ReplayClock {
                        speed: status.speed,
                        over: status.is_over,
                        until: replay.until(),
                    }
                }),
            }
        })
        .await
        .map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}
