//! The first paint's one answer: every part as the endpoints give it, beside the session.

use qd_types::Environment;
use serde::{Deserialize, Serialize};

use super::{
    BreakersResponse, HaltResponse, HistoryResponse, MarketClockResponse, OrdersResponse,
    PositionsResponse, RealtimePnlResponse, StatsResponse, to_json,
};
use crate::error::WireError;
use crate::frame::{ServerInfo, SessionInfo};
use crate::raw::RawJson;

/// `GET /api/v1/bootstrap`, as the console reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapResponse {
    /// Who is signed in, with the CSRF token.
    pub session: SessionInfo,
    /// Where the desk trades.
    #[serde(with = "crate::codec")]
    pub environment: Environment,
    /// The node that answered.
    pub server: ServerInfo,
    /// As `GET /api/v1/positions`.
    pub positions: PositionsResponse,
    /// As `GET /api/v1/orders?status=open`.
    pub orders: OrdersResponse,
    /// As `GET /api/v1/realtime_pnl`.
    pub pnl: RealtimePnlResponse,
    /// As `GET /api/v1/kill_switch_status`.
    pub halt: HaltResponse,
    /// As `GET /api/v1/circuit_breakers`.
    pub breakers: BreakersResponse,
    /// As `GET /api/v1/market/clock`.
    pub clock: MarketClockResponse,
    /// As `GET /api/v1/dashboard/stats`.
    pub stats: StatsResponse,
    /// As `GET /api/v1/orders/history`.
    pub history: HistoryResponse,
}

/// The execution side's answers, as the gateway got them.
#[derive(Clone, Copy, Debug)]
pub struct BootstrapParts<'a> {
    /// Body of `GET /api/v1/positions`.
    pub positions: &'a [u8],
    /// Body of `GET /api/v1/orders?status=open`.
    pub orders: &'a [u8],
    /// Body of `GET /api/v1/realtime_pnl`.
    pub pnl: &'a [u8],
    /// Body of `GET /api/v1/kill_switch_status`.
    pub halt: &'a [u8],
    /// Body of `GET /api/v1/circuit_breakers`.
    pub breakers: &'a [u8],
    /// Body of `GET /api/v1/market/clock`.
    pub clock: &'a [u8],
    /// Body of `GET /api/v1/dashboard/stats`.
    pub stats: &'a [u8],
    /// Body of `GET /api/v1/orders/history`.
    pub history: &'a [u8],
}

/// The bootstrap answer made of the execution side's answers, without reading them.
///
/// # Errors
/// [`WireError`] when one of the parts is no JSON.
pub fn bootstrap_json(
    session: &SessionInfo,
    environment: Environment,
    server: &ServerInfo,
    parts: &BootstrapParts<'_>,
) -> Result<Vec<u8>, WireError> {
    #[derive(Serialize)]
    struct BootstrapWire<'a> {
        session: &'a SessionInfo,
        #[serde(with = "crate::codec")]
        environment: Environment,
        server: &'a ServerInfo,
        positions: RawJson,
        orders: RawJson,
        pnl: RawJson,
        halt: RawJson,
        breakers: RawJson,
        clock: RawJson,
        stats: RawJson,
        history: RawJson,
    }

    Ok(to_json(&BootstrapWire {
        session,
        environment,
        server,
        positions: RawJson::from_bytes(parts.positions)?,
        orders: RawJson::from_bytes(parts.orders)?,
        pnl: RawJson::from_bytes(parts.pnl)?,
        halt: RawJson::from_bytes(parts.halt)?,
        breakers: RawJson::from_bytes(parts.breakers)?,
        clock: RawJson::from_bytes(parts.clock)?,
        stats: RawJson::from_bytes(parts.stats)?,
        history: RawJson::from_bytes(parts.history)?,
    }))
}
