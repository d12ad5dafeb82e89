//! What the shell may ask of the feed, and the port it asks through. It sends nothing itself.

use qd_state::{CommandId, PageAsk, Poll, PollSet};
use qd_types::{
    AccountId, ClientOrderId, HaltScope, Price, Qty, StrategyId, Symbol, TapeAction, UtcMicros,
    ZoneChoice,
};
use thiserror::Error;

/// One ask of the shell. Ids and keys are fixed by whoever decides, before the first send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedCommand {
    /// Ask the venue to take an order off the book.
    CancelOrder {
        /// Names the command from here to its answer; also the idempotency key's seed.
        command_id: CommandId,
        /// The same for every send of this decision.
        idempotency_key: String,
        /// Whose order.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
        /// Why, for the audit; absent when the user gave none.
        reason: Option<String>,
    },
    /// Ask the venue to change an open order; what is absent stays as it is.
    ModifyOrder {
        /// Names the command from here to its answer.
        command_id: CommandId,
        /// Fixed when the dialog opened; the same for every send of this decision.
        idempotency_key: ClientOrderId,
        /// Whose order.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
        /// All its shares, those that are filled included.
        qty: Option<Qty>,
        /// Its limit.
        limit_price: Option<Price>,
        /// Its trigger.
        stop_price: Option<Price>,
    },
    /// Ask the venue to take every open order of a scope off the book.
    CancelAll {
        /// Names the command from here to its answer.
        command_id: CommandId,
        /// The same for every send of this decision.
        idempotency_key: String,
        /// Which orders.
        scope: HaltScope,
        /// Why, for the audit.
        reason: String,
    },
    /// Close a position, or a part of it; reduce-only.
    ClosePosition {
        /// Names the command from here to its answer.
        command_id: CommandId,
        /// The id of the closing order; the same for every send of this decision.
        client_order_id: ClientOrderId,
        /// Whose position; absent when the row folds several accounts.
        account: Option<AccountId>,
        /// Of which strategy; absent when the row folds several.
        strategy: Option<StrategyId>,
        /// Of what.
        symbol: Symbol,
        /// How much; all of it when absent.
        qty: Option<Qty>,
        /// Why, for the audit.
        reason: String,
    },
    /// Stop, step or speed the tape that plays as the market.
    ControlTape(TapeAction),
    /// A page wants something, or shows it no more.
    Page(PageAsk),
    /// Poll now instead of when it is due.
    Refresh(Poll),
    /// What the console shows from now on: no other poll is asked for.
    Wanted(PollSet),
    /// Connect now instead of when the wait is over.
    RetryNow,
    /// Give the connection up, whatever it seems to do, and resume every stream on a new one.
    Reconnect,
    /// End the session.
    SignOut,
    /// The user touched something: extends the idle time, at most once a minute.
    Active,
    /// Show times in this zone from now on.
    ShowIn(ZoneChoice),
    /// The console is on screen, or hidden.
    Visible(bool),
    /// A snapshot was on screen: the animation frame after the first present that had it.
    Painted {
        /// The snapshot's version.
        version: u64,
        /// When.
        at: UtcMicros,
        /// What the frame took to make, when measured.
        frame_micros: Option<u32>,
    },
}

/// Why an ask was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PortError {
    /// As many asks as there is room for wait already; nothing was sent.
    #[error("too many requests wait already; nothing was sent")]
    Full,
    /// The feed has ended.
    #[error("the feed has ended")]
    Closed,
}
