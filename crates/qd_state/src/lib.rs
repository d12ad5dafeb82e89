//! Closed events in, immutable snapshots out: the one reducer of the console.
//!
//! **Owns**: what every event means ([`Store::apply`]), the client's half of the stream contract ([`StreamClient`]),
//! freshness, latency figures, the tie-out of totals, and the picture that the screen shows ([`Snapshot`]).
//! **Does not own**: bytes (`qd_wire`), sockets, timers and retries of connections (`qd_feed`), drawing (`qd_ui`).
//! **Threading**: one writer, the ingest task, holds the [`Store`]; everybody else loads from the [`SnapshotCell`].
//! **Failure**: nothing here fails. What went wrong arrives as an event and is shown where it belongs: at the row, at
//! the table's seal, in the header, or as a notice; what must be asked again leaves as an [`Effect`].
//! Time comes from events only, so a recorded run replays to the same pictures.

mod cell;
mod effect;
mod event;
mod freshness;
mod snapshot;
mod store;
mod stream_client;
#[cfg(test)]
mod tests;

pub use self::cell::{SnapshotCell, Waker};
pub use self::effect::{Effect, ReconnectReason, RestAsk};
pub use self::event::{
    ClockOffset, CommandId, CommandOutcome, CommandRequested, DayStats, Event, Figure, HistoryPage,
    LimitUse, MarketClock, MessageHead, MessageStamps, OrderChange, OrderStep, OrderStory,
    PageAnswer, PageAsk, PageQuestion, PageQuestionId, Poll, PollAnswer, PollSet, PositionTotals,
    PositionsChange, PositionsPicture, PriceQuote, PriceSeries, RestAnswer, RowKey, SalvagedOrder,
    SalvagedPositions, ServedProgram, ServiceHealth, ServiceStatus, Session, SocketClosed,
    StreamMessage, StreamPayload, TapeClock, TapeMotion, UnreadableRow, Welcome,
};
pub use self::freshness::{Freshness, FreshnessRule};
pub use self::snapshot::{
    ActivityRow, ActivityView, AlertRow, AlertsView, AskPhase, BreakerRow, BreakersView, Card,
    CardsView, Cell, CommandPhase, CommandView, ConnectionState, ConnectionView, Direction,
    FeedView, FillRow, Flash, HaltView, HealthView, HistoryEnd, HistoryView, Hop, HopLatency,
    LastMessage, MarketView, Notice, OrderDetailView, OrderRow, OrderStoryView, OrdersView,
    PositionFigures, PositionPart, PositionRow, PositionsView, ProgramUpdate, Seal, SealState,
    SignChange, Snapshot, StatsView, StepRow, TapeView, TotalsView, Urgency,
};
pub use self::store::{Store, StoreConfig};
pub use self::stream_client::{
    Ask, BEAT_GRACE_MILLIS, ClientCounters, ClientState, EMPTY_GRACE_MILLIS, HoleReason,
    LAST_WAIT_MILLIS, MissingRange, REST_RETRY_MILLIS, REST_TIMEOUT_MILLIS, RESYNC_WAITS_MILLIS,
    SILENCE_MILLIS, StreamClient, UNVERIFIED_POLL_MILLIS, Verdict,
};
