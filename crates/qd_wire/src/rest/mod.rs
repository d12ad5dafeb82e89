//! REST bodies, both ways: answers with the numbers they stand on, commands with strict fields, the one error body.
//!
//! Fields are domain values of `qd_types`. It holds no routes and no status decisions beyond [`Problem`]'s own.

mod answers;
mod bootstrap;
mod cancel_all;
mod commands;
mod dashboard;
mod problem;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::answers::{
    AlertsResponse, BreakersResponse, ChangeOutcome, DecidedChange, ExposureBody, FillDetail,
    HaltResponse, HistoryEntry, HistoryResponse, OrderDetailResponse, OrderResponse,
    OrderTransition, OrdersResponse, PositionsResponse, PositionsSummary, RealtimePnlResponse,
    StreamLogResponse, StreamRef,
};
pub use self::bootstrap::{BootstrapParts, BootstrapResponse, bootstrap_json};
pub use self::cancel_all::{CancelAll, CancelAllResponse, MetOrder, MetOrders};
pub use self::commands::{
    CancelOrder, ClosePosition, CommandError, ControlTape, ModifyOrder, PlaceOrder, PriceSeen,
};
pub use self::dashboard::{
    FeedCounter, HealthResponse, LimitUse, MarketClockResponse, PriceQuote, PriceSeries,
    PricesResponse, ReplayClock, SeriesResponse, ServiceHealth, ServiceStatus, StatsResponse,
};
pub use self::problem::{FieldError, LimitBreach, Problem};
use crate::error::{WireError, object_text};

/// The media type of [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// A body's JSON text.
pub fn to_json<T: Serialize + ?Sized>(body: &T) -> Vec<u8> {
    // The types of this crate have text keys and finite numbers only: writing them into memory cannot fail.
    serde_json::to_vec(body).unwrap_or_default()
}

/// Reads a body; unknown fields are ignored. Commands have their own strict readers.
///
/// # Errors
/// [`WireError::Malformed`] with the place of the first mistake.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    serde_json::from_str(object_text("body", bytes)?)
        .map_err(|err| WireError::malformed("body", err))
}
