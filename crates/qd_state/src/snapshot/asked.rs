//! What pages asked for: one order's story and the whole history. Absent while no page shows it.

use std::sync::Arc;

use qd_types::{AccountId, ClientOrderId, Order, Tone};

use super::ActivityRow;

/// How far a question is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AskPhase {
    /// On its way.
    #[default]
    Loading,
    /// Answered.
    Loaded,
    /// There is no such thing, or it is not the user's to see.
    NotFound,
    /// No answer, or a refusal; what was loaded before stays.
    Failed {
        /// Why, for the reader.
        detail: Arc<str>,
    },
}

/// One order's story as far as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDetailView {
    /// Whose order.
    pub account: AccountId,
    /// Which order.
    pub client_order_id: ClientOrderId,
    /// How far the question is.
    pub phase: AskPhase,
    /// The last answer; absent before the first.
    pub story: Option<Arc<OrderStoryView>>,
    /// The order has changed since the answer: asking again tells more.
    pub is_outdated: bool,
}

/// An order with its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStoryView {
    /// The order when it was asked for.
    pub order: Arc<Order>,
    /// What there is to say of it, by name, in a fixed order; what is absent is left out.
    pub facts: Arc<[(&'static str, Arc<str>)]>,
    /// Its life, oldest first.
    pub steps: Arc<[StepRow]>,
    /// Its executions, oldest first.
    pub fills: Arc<[FillRow]>,
    /// What all of them cost; absent when nobody says, or there are none.
    pub fees: Option<Arc<str>>,
}

/// One step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// "10:39:31.629".
    pub time: Arc<str>,
    /// The badge's words.
    pub status: &'static str,
    /// The badge's tone.
    pub tone: Tone,
    /// Who, why and by what proof: "alice: news", "max order qty; …". Empty when there is nothing to add.
    pub words: Arc<str>,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillRow {
    /// "10:39:31.629".
    pub time: Arc<str>,
    /// Shares.
    pub qty: Arc<str>,
    /// Dollars per share.
    pub price: Arc<str>,
    /// Commission; "\u{2013}" when nobody says.
    pub fee: Arc<str>,
    /// What it realized; empty when it only opened.
    pub realized: Arc<str>,
    /// The tone of what it realized.
    pub realized_tone: Tone,
    /// The venue's id of it.
    pub fill_id: Arc<str>,
}

/// The history of fills and ends, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryView {
    /// Newest first, each once; also what has happened since it was opened.
    pub rows: Arc<[Arc<ActivityRow>]>,
    /// Of these, how many are of today.
    pub num_today: usize,
    /// All of today, shown or not: the same as in the activity list.
    pub total_today: u64,
    /// "100 of 312 today".
    pub text: Arc<str>,
    /// How far the newest question is.
    pub phase: AskPhase,
    /// What is behind the last row.
    pub end: HistoryEnd,
    /// Something may be missing since it was opened: loading it anew shows all.
    pub is_outdated: bool,
}

/// What is behind the last row of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryEnd {
    /// More, when it is asked for.
    #[default]
    More,
    /// Nothing that the server still has.
    All,
    /// More than this console keeps.
    Full,
}
