//! What a page asks for while it shows it, and what came of it: one order's story, the history of fills and ends.
//!
//! Asked once per wish of the user, never by a clock; the store bounds what it keeps and forgets it with the page.

use std::sync::Arc;

use qd_types::{AccountId, ClientOrderId, Fill, Money, Order, OrderStatus, UserId, UtcMicros};

use super::OrderChange;

/// A wish of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageAsk {
    /// The story of one order, or the same again.
    Order {
        /// Whose money.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// The story is off the screen.
    OrderClosed,
    /// The newest page of the history, or all of it anew.
    History,
    /// The page behind the oldest entry that is shown.
    OlderHistory,
    /// The history is off the screen.
    HistoryClosed,
}

/// A question to the server; the answer carries the [`PageQuestionId`] back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageQuestion {
    /// One order with its transitions and fills.
    Order {
        /// Whose money.
        account: AccountId,
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// Entries of the history.
    History {
        /// The cursor of the page; the newest page when absent.
        before: Option<Arc<str>>,
    },
}

/// Names a question; an answer to one that nobody waits for any more changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageQuestionId(pub u64);

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageAnswer {
    /// The order's story.
    Order(Box<OrderStory>),
    /// The order never reached the gateway, or is not the user's to see.
    NoSuchOrder,
    /// A page of the history.
    History(HistoryPage),
    /// The server has started anew: what was read before and what it has now do not fit together.
    OtherRun,
    /// No answer, or a refusal.
    Failed {
        /// Why, for the reader.
        detail: String,
    },
}

/// An order with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStory {
    /// As execution has it.
    pub order: Order,
    /// Oldest first.
    pub steps: Vec<OrderStep>,
    /// Its executions with what each cost, oldest first; the fee is absent when nobody says.
    pub fills: Vec<(Fill, Option<Money>)>,
}

/// One step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStep {
    /// What it became.
    pub status: OrderStatus,
    /// When, server's clock.
    pub at: UtcMicros,
    /// Why: stable `snake_case`; absent when the status says it all.
    pub reason_code: Option<String>,
    /// What proves it; empty when there is nothing to add.
    pub evidence: String,
    /// Who asked for it; absent when it was the venue or the machine.
    pub by: Option<UserId>,
}

/// A page of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub entries: Vec<OrderChange>,
    /// How many there were since the trading day began.
    pub total_today: u64,
    /// The cursor of the page behind; absent on the last.
    pub next: Option<String>,
}
