//! Everything that can happen to the console, as closed enums of domain values.
//!
//! No bytes, no serde, no clock: the feed decodes, stamps and hands over; [`crate::Store::apply`] decides.

mod commands;
mod page_ask;
mod polled;
mod salvaged;

use qd_types::{
    AccountId, Alert, Breaker, Environment, Fill, HaltStatus, MessageKind, Money, Order,
    Permission, Position, PositionKey, Role, Seq, StreamName, StreamPos, UserId, UtcMicros,
    ZoneChoice,
};

pub use self::commands::{CommandId, CommandOutcome, CommandRequested, RowKey};
pub use self::page_ask::{
    HistoryPage, OrderStep, OrderStory, PageAnswer, PageAsk, PageQuestion, PageQuestionId,
};
pub use self::polled::{
    DayStats, LimitUse, MarketClock, Poll, PollAnswer, PollSet, PriceQuote, PriceSeries,
    ServiceHealth, ServiceStatus, TapeClock, TapeMotion,
};
pub use self::salvaged::{Figure, SalvagedOrder, SalvagedPositions, UnreadableRow};
use crate::effect::RestAsk;

/// One thing that happened. The instant of arrival goes beside it into [`crate::Store::apply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Who is signed in became known (bootstrap or sign-in), before any socket.
    SessionLoaded(Session),
    /// Signed out, or the session was proven absent: every value is forgotten.
    SessionEnded {
        /// Why, for the reader.
        reason: String,
    },
    /// The server did not confirm a sign-out: the session may live on, and stays on screen.
    SignOutFailed {
        /// Why, for the reader.
        detail: String,
    },
    /// The tape did not do as it was told.
    TapeRefused {
        /// Why, for the reader.
        detail: String,
    },
    /// A socket (or the bus connection) is open; nothing is known of it yet.
    SocketOpened,
    /// The server answered the hello: from here on frames count.
    SessionWelcomed(Welcome),
    /// The socket closed, or could not be opened.
    SocketClosed(SocketClosed),
    /// A message of a stream came, numbered or foreign.
    MessageReceived(StreamMessage),
    /// The lane said that its log no longer holds what was asked for.
    GoneReceived {
        /// Which stream.
        stream: StreamName,
        /// The place the lane named.
        pos: StreamPos,
    },
    /// The gateway said how far its hub is.
    BeatReceived {
        /// One place per stream that the hub has checked; others are absent.
        positions: Vec<(StreamName, StreamPos)>,
        /// The server's clock when it was sent.
        at: UtcMicros,
    },
    /// The server said that a part of it does not work.
    DegradedReceived {
        /// Which part, as the server calls it.
        what: String,
        /// Since when, server's clock.
        since: UtcMicros,
    },
    /// The server said that a part of it works again.
    DegradedEnded {
        /// Which part, as in [`Self::DegradedReceived`].
        what: String,
    },
    /// The feed's own queue pushed out messages that nobody will see; the newest place in what was dropped.
    QueueDropped {
        /// Which stream.
        stream: StreamName,
        /// The highest place dropped; absent for foreign messages.
        pos: Option<StreamPos>,
        /// How many messages went (a batch counts its messages).
        num_messages: u64,
    },
    /// A message could not be read.
    MessageUnreadable {
        /// Which stream, when at least that was readable.
        stream: Option<StreamName>,
        /// Its place, when the head was readable.
        pos: Option<StreamPos>,
        /// What was wrong, short enough for a tooltip.
        detail: String,
    },
    /// A REST answer came.
    RestLoaded(RestAnswer),
    /// A REST question failed; the store asks again by itself when it needs to.
    RestFailed {
        /// What was asked.
        ask: RestAsk,
        /// Why, for the reader.
        detail: String,
    },
    /// A poll came back.
    PollLoaded(PollAnswer),
    /// A poll failed; the last good value stays, with its age.
    PollFailed {
        /// Which poller.
        poll: Poll,
        /// Why, for the reader.
        detail: String,
        /// When the poller tries again, client's clock.
        retry_at: Option<UtcMicros>,
    },
    /// A page wants something, or shows it no more.
    PageAsked(PageAsk),
    /// What a page asked for was answered.
    PageAnswered {
        /// Which question.
        question_id: PageQuestionId,
        /// What came of it.
        answer: PageAnswer,
    },
    /// The user asked for something that the server must decide.
    CommandRequested(CommandRequested),
    /// The server decided, or nobody knows.
    CommandAnswered {
        /// Which command.
        command_id: CommandId,
        /// What came of it.
        outcome: CommandOutcome,
    },
    /// The exchange of stamps gave the server's clock.
    ClockMeasured(ClockOffset),
    /// A snapshot was on screen: the animation frame after the first present that had it.
    Painted {
        /// The snapshot's version.
        version: u64,
        /// When, client's clock.
        at: UtcMicros,
        /// What the frame took to make, when measured.
        frame_micros: Option<u32>,
    },
    /// The user chose the zone of the times on screen.
    ZoneChosen(ZoneChoice),
    /// Nothing happened but time: due at [`crate::Store::next_wake_at`], and once a second.
    Ticked,
}

/// Who is signed in and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user_id: UserId,
    /// Name for the header.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// What the roles allow, as the server says.
    pub permissions: Vec<Permission>,
    /// The accounts granted to them.
    pub accounts: Vec<AccountId>,
    /// When the session ends without input; absent when the server does not say.
    pub idle_at: Option<UtcMicros>,
    /// When the session ends in any case; absent when the server does not say.
    pub absolute_at: Option<UtcMicros>,
}

impl Session {
    /// Whether `permission` was granted; a courtesy, the server decides.
    pub fn allows(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// The server's answer to the hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Who is signed in.
    pub session: Session,
    /// Where the desk trades.
    pub environment: Environment,
    /// The server's version, for the about box.
    pub server_version: String,
    /// Which node answered.
    pub node: String,
    /// The server's clock when it answered.
    pub server_time: UtcMicros,
    /// The build of the program that browsers get there; absent where this program came from elsewhere.
    pub served: Option<ServedProgram>,
}

/// The program that a server gives to browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedProgram {
    /// Differs from build to build.
    pub build: String,
    /// Another build is loaded without asking.
    pub auto_reload: bool,
}

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketClosed {
    /// The close code; absent when it never opened or broke without one.
    pub code: Option<u16>,
    /// Why, for the reader.
    pub reason: String,
    /// When the feed tries again, client's clock; absent when it will not.
    pub retry_at: Option<UtcMicros>,
}

/// The numbered part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageHead {
    /// Its place in the stream.
    pub pos: StreamPos,
    /// The number a delta applies on.
    pub base_seq: Option<Seq>,
    /// What it carries.
    pub kind: MessageKind,
}

/// When a message passed each station; absent where the station did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageStamps {
    /// The facts were made; producer's clock.
    pub made_at: Option<UtcMicros>,
    /// It was appended and published; publisher's clock.
    pub published_at: Option<UtcMicros>,
    /// The gateway sent it on; gateway's clock.
    pub routed_at: Option<UtcMicros>,
    /// It came out of the socket; client's clock.
    pub received_at: UtcMicros,
}

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamMessage {
    /// Which stream.
    pub stream: StreamName,
    /// Its number; absent for another producer's message.
    pub head: Option<MessageHead>,
    /// When it passed each station.
    pub stamps: MessageStamps,
    /// How many messages the lane left out before this one; said in snapshot frames only.
    pub skipped: Option<u64>,
    /// What it says.
    pub payload: StreamPayload,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamPayload {
    /// All positions.
    PositionsReplaced(PositionsPicture),
    /// Some positions.
    PositionsChanged(PositionsChange),
    /// All positions, some of them unreadable.
    PositionsSalvaged(Box<SalvagedPositions>),
    /// Some positions, some of them unreadable.
    PositionsChangeSalvaged(Box<SalvagedPositions>),
    /// One order changed, perhaps by a fill.
    OrderChanged(Box<OrderChange>),
    /// One order changed into something that cannot be read.
    OrderSalvaged(Box<SalvagedOrder>),
    /// The halt machine's word.
    HaltChanged(HaltStatus),
    /// All breakers.
    BreakersReplaced(Vec<Breaker>),
    /// One alert changed.
    AlertChanged(Box<Alert>),
    /// A number without rows: ask by REST.
    RefetchAsked,
}

/// The figures of an account that rows alone do not give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionTotals {
    /// Over all rows, as the producer summed it.
    pub unrealized_pl: Money,
    /// Rows that are not flat, as the producer counted them.
    pub num_positions: u32,
    /// Since the trading day began; closed positions included.
    pub realized_pl_today: Money,
    /// What may still be bought; absent when the producer does not say.
    pub buying_power: Option<Money>,
    /// What is tied up; absent when the producer does not say.
    pub margin_used: Option<Money>,
}

/// All positions with their totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionsPicture {
    /// The account's figures.
    pub totals: PositionTotals,
    /// Every row, in any order.
    pub positions: Vec<Position>,
}

/// Changed and removed rows with the totals after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PositionsChange {
    /// The account's figures.
    pub totals: PositionTotals,
    /// Whole rows that are new or changed.
    pub changed: Vec<Position>,
    /// Rows that are gone.
    pub removed: Vec<PositionKey>,
}

/// One change of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderChange {
    /// The order after the change.
    pub order: Order,
    /// The execution that changed it, when one did.
    pub fill: Option<Fill>,
}

/// A REST answer; `pos` is the stream's number read before the rows, absent from backends without numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestAnswer {
    /// All positions. Buying power and margin come with [`Self::Pnl`].
    Positions {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// Every row.
        positions: Vec<Position>,
        /// Since the trading day began.
        realized_pl_today: Money,
    },
    /// All open orders.
    Orders {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// Every open order, in any order.
        orders: Vec<Order>,
    },
    /// All positions, some of them unreadable.
    PositionsSalvaged {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// The rows; buying power and margin come with [`Self::Pnl`].
        salvaged: Box<SalvagedPositions>,
    },
    /// All open orders, some of them unreadable.
    OrdersSalvaged {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// Every open order that could be read, in any order.
        orders: Vec<Order>,
        /// Those of which something could not be read.
        unreadable: Vec<SalvagedOrder>,
        /// What is wrong with those that do not even say who they are.
        nameless: Vec<String>,
    },
    /// No orders, only where the log of their stream begins: a bus without a gateway knows no more. Orders from before
    /// it may be open, and nobody here can tell.
    OrdersLog {
        /// The place before the log's first entry.
        pos: StreamPos,
    },
    /// The newest fills and final states.
    History {
        /// In any order.
        entries: Vec<OrderChange>,
        /// How many there were since the trading day began.
        total_today: u64,
    },
    /// The account's figures.
    Pnl(PositionTotals),
    /// The halt machine's word.
    Halt {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// Its word.
        status: HaltStatus,
    },
    /// All breakers.
    Breakers {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// All of them.
        breakers: Vec<Breaker>,
    },
    /// The alerts as they stand, and as many of those that are over as the backend gives.
    Alerts {
        /// The stream's place.
        pos: Option<StreamPos>,
        /// In any order.
        alerts: Vec<Alert>,
    },
    /// No alerts, only where the log of their stream begins, as [`Self::OrdersLog`].
    AlertsLog {
        /// The place before the log's first entry.
        pos: StreamPos,
    },
}

/// The server's clock against ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Server's clock minus client's clock, in microseconds.
    pub offset_micros: i64,
    /// How wrong that may be, either way, in microseconds.
    pub error_micros: i64,
}
