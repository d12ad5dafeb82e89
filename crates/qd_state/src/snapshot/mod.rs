//! The picture that everybody else reads: immutable, in parts behind `Arc` that are shared while unchanged.
//!
//! Every text is made once per change; drawing formats nothing but ages and countdowns, from the instants given here.
//! Instants are on the client's clock unless a field says otherwise.

mod alerts;
mod asked;
mod feed;
mod late;
mod tables;
mod urgency;

use std::sync::Arc;

use qd_types::{
    BreakerState, Environment, HaltState, MarketPhase, Money, ScopedHalt, Seq, Tone, UserId,
    UtcMicros, ZoneChoice,
};

pub use self::alerts::{AlertRow, AlertsView};
pub use self::asked::{
    AskPhase, FillRow, HistoryEnd, HistoryView, OrderDetailView, OrderStoryView, StepRow,
};
pub use self::feed::{ConnectionState, ConnectionView, FeedView, Hop, HopLatency, ProgramUpdate};
pub use self::tables::{
    ActivityRow, ActivityView, Cell, Direction, Flash, OrderRow, OrdersView, PositionFigures,
    PositionPart, PositionRow, PositionsView, TotalsView,
};
pub use self::urgency::Urgency;
use crate::event::{
    CommandId, MessageStamps, RowKey, ServiceHealth, ServiceStatus, Session, TapeMotion,
};
use crate::freshness::Freshness;
use crate::stream_client::{HoleReason, MissingRange};
use qd_types::StreamPos;

/// One instant of the console. Load it once per frame and pass it down.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Counts up by one with every publication; zero before the first.
    pub version: u64,
    /// When it was made.
    pub as_of: UtcMicros,
    /// The zone of the times in the texts.
    pub zone: ZoneChoice,
    /// Server's clock minus client's clock in microseconds; absent before the first measurement.
    pub clock_offset_micros: Option<i64>,
    /// Who is signed in; absent before the first answer and after sign-out.
    pub session: Option<Arc<Session>>,
    /// Where the desk trades; absent before the first welcome.
    pub environment: Option<Environment>,
    /// The socket.
    pub connection: Arc<ConnectionView>,
    /// The halt machine.
    pub halt: Arc<HaltView>,
    /// The circuit breakers.
    pub breakers: Arc<BreakersView>,
    /// The five cards.
    pub cards: Arc<CardsView>,
    /// The positions table.
    pub positions: Arc<PositionsView>,
    /// The open orders table.
    pub orders: Arc<OrdersView>,
    /// What fires, and what did.
    pub alerts: Arc<AlertsView>,
    /// Fills and final states.
    pub activity: Arc<ActivityView>,
    /// The order whose story is on screen; absent while none is.
    pub order_detail: Option<Arc<OrderDetailView>>,
    /// The whole history; absent while it is not on screen.
    pub history: Option<Arc<HistoryView>>,
    /// The market's clock.
    pub market: Arc<MarketView>,
    /// System health.
    pub health: Arc<HealthView>,
    /// The day so far.
    pub stats: Arc<StatsView>,
    /// Counters and latencies.
    pub feed: Arc<FeedView>,
    /// Commands that are on their way, unknown, or failed; sorted by place.
    pub commands: Arc<[Arc<CommandView>]>,
    /// The last things worth saying, newest first, at most 20.
    pub notices: Arc<[Arc<Notice>]>,
}

impl Snapshot {
    /// What is shown before anything is known: skeletons, and halt state unknown.
    pub fn empty() -> Self {
        Self {
            version: 0,
            as_of: UtcMicros::default(),
            zone: ZoneChoice::default(),
            clock_offset_micros: None,
            session: None,
            environment: None,
            connection: Arc::default(),
            halt: Arc::default(),
            breakers: Arc::default(),
            cards: Arc::default(),
            positions: Arc::default(),
            orders: Arc::default(),
            alerts: Arc::default(),
            activity: Arc::default(),
            order_detail: None,
            history: None,
            market: Arc::default(),
            health: Arc::default(),
            stats: Arc::default(),
            feed: Arc::default(),
            commands: Arc::default(),
            notices: Arc::default(),
        }
    }

    /// The command shown at `row`, when there is one.
    pub fn command_at(&self, row: &RowKey) -> Option<&Arc<CommandView>> {
        self.commands
            .binary_search_by(|command| command.row.cmp(row))
            .ok()
            .and_then(|i| self.commands.get(i))
    }

    /// An instant of the server's clock on the client's clock, for ages and countdowns.
    pub fn to_client_clock(&self, server: UtcMicros) -> UtcMicros {
        server.plus_micros(-self.clock_offset_micros.unwrap_or(0))
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::empty()
    }
}

/// Whether a table can be trusted, and to which number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The state.
    pub state: SealState,
    /// "✓ verified to #18,402 · 10:38:16.204", "resyncing…", "unverified", "waiting for data…".
    pub text: Arc<str>,
    /// The tone of the text.
    pub tone: Tone,
    /// Events that were jumped over and never seen, oldest first; always empty for state streams.
    pub missing: Arc<[MissingRange]>,
    /// How many states the last jump of the lane left out, and when; absent when none did.
    pub last_skipped: Option<(u64, UtcMicros)>,
    /// The message that was applied last, and where its time went; absent while all of it came by asking.
    pub last_message: Option<LastMessage>,
}

/// The way of a stream's last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// Its number; absent when its producer gives none.
    pub seq: Option<Seq>,
    /// When it was made, published, sent on and received, each by its own clock.
    pub stamps: MessageStamps,
    /// When it was applied, client's clock.
    pub applied_at: UtcMicros,
}

/// A hop that took less than nothing, or longer than this, was timed by clocks that disagree, or is of a message that was
/// read from the log long after: neither is a latency.
pub(crate) const PLAUSIBLE_MICROS: std::ops::RangeInclusive<i64> = -1_000_000..=600_000_000;

impl LastMessage {
    /// How long each stretch of its way took, in microseconds; absent where a station did not say or no clock can be
    /// believed. The third crosses
    /// from the server's clock to this one, which is `clock_offset_micros` behind it.
    pub fn hops(&self, clock_offset_micros: i64) -> [(Hop, Option<i64>); 4] {
        let stamps = &self.stamps;
        let between = |from: Option<UtcMicros>, to: Option<UtcMicros>| {
            let micros = from.zip(to).map(|(from, to)| to.micros_since(from));
            micros.filter(|micros| PLAUSIBLE_MICROS.contains(micros))
        };
        let routed_here = stamps
            .routed_at
            .map(|at| at.plus_micros(-clock_offset_micros));
        let received_at = Some(stamps.received_at);
        [
            (
                Hop::MadeToPublished,
                between(stamps.made_at, stamps.published_at),
            ),
            (
                Hop::PublishedToRouted,
                between(stamps.published_at, stamps.routed_at),
            ),
            (Hop::RoutedToReceived, between(routed_here, received_at)),
            (
                Hop::ReceivedToApplied,
                between(received_at, Some(self.applied_at)),
            ),
        ]
    }
}

/// The states of a seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealState {
    /// Nothing yet.
    Loading,
    /// Everything up to `pos` is here.
    Verified {
        /// The last place applied.
        pos: StreamPos,
        /// When that was last proven.
        at: UtcMicros,
    },
    /// Something is missing and being fetched; the values are kept with their age.
    Resyncing {
        /// Since when.
        since: UtcMicros,
        /// What showed the hole.
        reason: HoleReason,
    },
    /// The producer does not number its messages.
    Unverified {
        /// Since when.
        since: UtcMicros,
    },
}

impl SealState {
    /// Whether the values are known to be the newest.
    pub fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

impl Default for Seal {
    fn default() -> Self {
        Self {
            state: SealState::Loading,
            text: Arc::from("waiting for data\u{2026}"),
            tone: Tone::Faint,
            missing: Arc::default(),
            last_skipped: None,
            last_message: None,
        }
    }
}

/// The header's halt badge and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltView {
    /// The firm's state; unknown until the machine has spoken.
    pub state: HaltState,
    /// The badge's words.
    pub text: &'static str,
    /// The badge's tone.
    pub tone: Tone,
    /// When it changed last, server's clock.
    pub since: Option<UtcMicros>,
    /// Who changed it last.
    pub by: Option<UserId>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// Narrower halts.
    pub scopes: Arc<[ScopedHalt]>,
    /// Counts every change; an order carries the one its author saw.
    pub halt_epoch: u64,
    /// Whether the word can be trusted.
    pub seal: Arc<Seal>,
    /// How old the word is.
    pub freshness: Freshness,
    /// When it was last known to hold.
    pub confirmed_at: Option<UtcMicros>,
}

impl HaltView {
    /// Whether the console offers what raises risk: active, and proven so. The server checks again.
    pub fn allows_risk(&self) -> bool {
        self.state.allows_risk()
            && matches!(
                self.seal.state,
                SealState::Verified { .. } | SealState::Unverified { .. }
            )
    }

    /// Whether the word is as new as it can be and nothing after it is known to be missing. When not, it is what was,
    /// not what is.
    pub fn is_current(&self) -> bool {
        self.freshness == Freshness::Fresh
            && !matches!(self.seal.state, SealState::Resyncing { .. })
    }
}

impl Default for HaltView {
    fn default() -> Self {
        let state = HaltState::Unknown;
        Self {
            state,
            text: state.badge(),
            tone: state.tone(),
            since: None,
            by: None,
            reason: None,
            scopes: Arc::default(),
            halt_epoch: 0,
            seal: Arc::default(),
            freshness: Freshness::Unknown,
            confirmed_at: None,
        }
    }
}

/// All circuit breakers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakersView {
    /// By name.
    pub rows: Arc<[BreakerRow]>,
    /// How many are not in their normal state.
    pub num_tripped: usize,
    /// Whether the list can be trusted.
    pub seal: Arc<Seal>,
    /// How old it is.
    pub freshness: Freshness,
}

/// One circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerRow {
    /// Its name.
    pub name: Arc<str>,
    /// Its state.
    pub state: BreakerState,
    /// The badge's words.
    pub text: &'static str,
    /// The badge's tone.
    pub tone: Tone,
    /// Why it tripped.
    pub reason: Option<Arc<str>>,
    /// Since when, server's clock.
    pub at: Option<UtcMicros>,
    /// Trips today.
    pub trip_count_today: u32,
}

/// The cards on top of the dashboard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardsView {
    /// Over all rows of the positions table, to the cent the table's total.
    pub unrealized: Card,
    /// Since the trading day began.
    pub realized: Card,
    /// How many positions; the number of rows of the positions table.
    pub count: Card,
    /// What may still be bought.
    pub buying_power: Card,
    /// What is held.
    pub exposure: Card,
}

/// One card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The large text; absent before the first value: draw a skeleton.
    pub value: Option<Arc<str>>,
    /// The tone of the value.
    pub tone: Tone,
    /// The arrow beside it, for P&L that is not zero.
    pub arrow: Option<Direction>,
    /// The line below, without ages.
    pub context: Arc<str>,
    /// When set, the page begins the line with "marked 0.3 s ago", the age of this.
    pub marked_at: Option<UtcMicros>,
    /// The value over the last minutes, oldest first, for painting only.
    pub points: Arc<[f32]>,
    /// When the text last changed.
    pub changed_at: Option<UtcMicros>,
    /// The last change of sign: the color fades from there.
    pub sign_changed: Option<SignChange>,
    /// When the value was last known to hold: the age that dims it at 30 s, 60 s and 120 s.
    pub confirmed_at: Option<UtcMicros>,
    /// How old that is.
    pub freshness: Freshness,
}

/// A value that changed sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignChange {
    /// When.
    pub at: UtcMicros,
    /// The tone that it had before.
    pub from: Tone,
}

impl Default for Card {
    fn default() -> Self {
        Self {
            value: None,
            tone: Tone::Neutral,
            arrow: None,
            context: Arc::default(),
            marked_at: None,
            points: Arc::default(),
            changed_at: None,
            sign_changed: None,
            confirmed_at: None,
            freshness: Freshness::Unknown,
        }
    }
}

/// A tape that plays as the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeView {
    /// Its time at `read_at`.
    pub at: UtcMicros,
    /// When that was read.
    pub read_at: UtcMicros,
    /// Tape seconds per second while it plays.
    pub speed: u32,
    /// Whether it plays.
    pub motion: TapeMotion,
    /// Which of the days is played, counted from one.
    pub day: u32,
    /// How many days are played one after the other.
    pub num_days: u32,
    /// Where it stops or begins again; nobody here knows which.
    pub until: UtcMicros,
}

impl TapeView {
    /// Its time at `now`.
    pub fn time(&self, now: UtcMicros) -> UtcMicros {
        if self.motion != TapeMotion::Plays {
            return self.at;
        }
        let passed = now.micros_since(self.read_at).max(0);
        self.at
            .plus_micros(passed.saturating_mul(i64::from(self.speed)))
            .min(self.until)
    }
}

/// The market's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketView {
    /// The tape, in a replay.
    pub tape: Option<TapeView>,
    /// What the market is doing; absent before the first answer.
    pub phase: Option<MarketPhase>,
    /// "NYSE open", "NYSE closed"…; "market clock unknown" before the first answer.
    pub text: Arc<str>,
    /// "closes in", "opens in": goes before the countdown to [`Self::next_change_at`].
    pub countdown_label: &'static str,
    /// When the phase changes, server's clock.
    pub next_change_at: Option<UtcMicros>,
    /// When the answer came.
    pub loaded_at: Option<UtcMicros>,
    /// How old it is.
    pub freshness: Freshness,
}

/// System health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthView {
    /// The worst of all; unknown before the first answer and when the poll fails for long.
    pub status: ServiceStatus,
    /// Every service.
    pub services: Arc<[ServiceHealth]>,
    /// When the answer came.
    pub loaded_at: Option<UtcMicros>,
    /// Why the last poll failed; absent when it did not.
    pub last_error: Option<Arc<str>>,
    /// How old the answer is.
    pub freshness: Freshness,
}

impl Default for HealthView {
    fn default() -> Self {
        Self {
            status: ServiceStatus::Unknown,
            services: Arc::default(),
            loaded_at: None,
            last_error: None,
            freshness: Freshness::Unknown,
        }
    }
}

/// The day so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsView {
    /// Orders recorded.
    pub orders_today: u64,
    /// Executions.
    pub fills_today: u64,
    /// Fees paid.
    pub fees_today: Money,
    /// Money that changed hands.
    pub turnover_today: Money,
    /// When the answer came; the figures mean nothing while it is absent.
    pub loaded_at: Option<UtcMicros>,
    /// Why the last poll failed; absent when it did not.
    pub last_error: Option<Arc<str>>,
    /// How old the answer is.
    pub freshness: Freshness,
}

/// A command as its place on screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandView {
    /// Its name.
    pub command_id: CommandId,
    /// Where it belongs.
    pub row: RowKey,
    /// What it does: "close AAPL".
    pub label: Arc<str>,
    /// How far it is.
    pub phase: CommandPhase,
    /// When it was asked for, or answered.
    pub since: UtcMicros,
}

/// How far a command is. An accepted one is gone from its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandPhase {
    /// On its way: the button is disabled.
    InFlight,
    /// No answer came: "unknown: resolving", until an event of its order settles it.
    Unknown {
        /// What is known.
        detail: Arc<str>,
    },
    /// Refused: the error stands at its place for a minute, or until the next command there.
    Failed {
        /// Stable `snake_case`.
        code: Arc<str>,
        /// Why.
        detail: Arc<str>,
    },
}

/// Something worth saying once; the console makes toasts of new ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Counts up: greater is newer.
    pub notice_id: u64,
    /// When.
    pub at: UtcMicros,
    /// How bad.
    pub tone: Tone,
    /// One line.
    pub text: Arc<str>,
    /// The place it belongs to, where the error shows too.
    pub row: Option<RowKey>,
}
