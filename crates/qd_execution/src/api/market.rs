//! Prices, the day's lines and the market clock.

use axum::extract::State;
use qd_types::{Permission, TapeAction, UtcMicros};
use qd_wire::rest::{
    ControlTape, MarketClockResponse, PriceQuote, PriceSeries, PricesResponse, ReplayClock,
    SeriesResponse,
};

use super::Api;
use super::identity::{Caller, CommandBody};
use super::problem::ApiError;
use super::query::Params;
use super::reads::{Answer, json};
use crate::desk::Desk;
use crate::engine::Lane;
use crate::market::{MAX_POINTS, ReplayRefusal};

pub(super) async fn prices(State(api): State<Api>, caller: Caller, mut params: Params) -> Answer {
    caller.must(Permission::MarketView)?;
    let symbols = params.symbols()?;
    params.finish()?;
    let prices = api
        .handle
        .read(move |desk, _| {
            let source = match desk.market().replay() {
                Some(_) => "replay",
                None => "sim",
            };
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
                    source: source.to_owned(),
                    halted: quote.is_halted,
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
    let response = api.handle.read(clock_of).await.map_err(ApiError::of_read)?;
    Ok(json(200, &response))
}

fn clock_of(desk: &Desk, now: UtcMicros) -> MarketClockResponse {
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
                paused: status.is_paused,
                over: status.is_over,
                day: status.day,
                num_days: status.num_days,
                until: replay.until(),
            }
        }),
    }
}

/// Tells the tape something; the answer is the clock as it then stands, so that who told it sees at once.
pub(super) async fn control_tape(
    State(api): State<Api>,
    caller: Caller,
    params: Params,
    CommandBody(body): CommandBody,
) -> Answer {
    caller.must(Permission::OrdersPlace)?;
    params.finish()?;
    let action = ControlTape::parse(&body)?;
    let user = caller.user().clone();
    let answered = api
        .handle
        .change(Lane::Normal, move |desk, now| {
            let replay = desk.market_mut().replay_mut()?;
            let told = match action {
                TapeAction::Pause => replay.pause(now),
                TapeAction::Resume => replay.resume(now),
                TapeAction::Step => replay.step(),
                TapeAction::SetSpeed(speed) => replay.set_speed(speed, now),
            };
            tracing::info!(%user, ?action, ?told, "the tape was told");
            Some(told.map(|()| clock_of(desk, now)))
        })
        .await
        .map_err(|err| ApiError::of_command(err, "the tape"))?;
    match answered {
        Some(Ok(response)) => Ok(json(200, &response)),
        Some(Err(refusal)) => {
            let (status, code) = match refusal {
                ReplayRefusal::Playing => (409, "tape_playing"),
                ReplayRefusal::Over => (409, "tape_over"),
                ReplayRefusal::Speed => (422, "speed_out_of_range"),
            };
            Err(ApiError::new(status, code, refusal.to_string()))
        }
        None => Err(ApiError::new(
            404,
            "no_tape",
            "nothing is replayed on this desk",
        )),
    }
}
