//! What pages asked for: one order's story, and the history of fills and ends, page behind page.
//!
//! A question is asked once per wish. What the stream tells meanwhile joins the history at its top, so that a page read
//! later neither repeats nor misses anything; what may have been missed is said, not guessed.

use std::collections::HashSet;
use std::sync::Arc;

use qd_types::{AccountId, ClientOrderId, Money, Order, OrderType, ZoneChoice, fmt};

use super::Ctx;
use super::activity::{day_of, make_row};
use super::orders::{is_news, price_text, type_text};
use crate::event::{
    HistoryPage, OrderChange, OrderStep, OrderStory, PageAnswer, PageAsk, PageQuestion,
    PageQuestionId,
};
use crate::snapshot::{
    ActivityRow, ActivityView, AskPhase, FillRow, HistoryEnd, HistoryView, OrderDetailView,
    OrderStoryView, StepRow,
};

/// More entries of the history are not kept here.
const MAX_HISTORY: usize = 5_000;

/// What is open.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    last_id: u64,
    order: Option<AskedOrder>,
    history: Option<AskedHistory>,
}

#[derive(Debug)]
struct AskedOrder {
    account: AccountId,
    client_order_id: ClientOrderId,
    /// The question that is on its way.
    waiting: Option<PageQuestionId>,
    phase: AskPhase,
    story: Option<OrderStory>,
    /// The newest word of the stream since it was opened.
    heard: Option<Order>,
    view: Option<Arc<OrderDetailView>>,
}

#[derive(Debug, Default)]
struct AskedHistory {
    waiting: Option<PageQuestionId>,
    phase: AskPhase,
    /// Newest first.
    rows: Vec<Arc<ActivityRow>>,
    known: HashSet<Arc<str>>,
    /// The cursor of the page behind the last row.
    next: Option<Arc<str>>,
    /// The newest page is here.
    is_loaded: bool,
    is_outdated: bool,
    view: Option<Arc<HistoryView>>,
}

impl Asked {
    /// A page wants something; gives the question that must be asked.
    pub(crate) fn ask(&mut self, ask: PageAsk) -> Option<(PageQuestionId, PageQuestion)> {
        match ask {
            PageAsk::OrderClosed => {
                self.order = None;
                None
            }
            PageAsk::HistoryClosed => {
                self.history = None;
                None
            }
            PageAsk::Order {
                account,
                client_order_id,
            } => {
                let question_id = self.new_id();
                let same = self.order.take().filter(|open| {
                    open.account == account && open.client_order_id == client_order_id
                });
                self.order = Some(AskedOrder {
                    account: account.clone(),
                    client_order_id: client_order_id.clone(),
                    waiting: Some(question_id),
                    phase: AskPhase::Loading,
                    // Asked again: what is known stays on screen until the answer.
                    heard: same.as_ref().and_then(|open| open.heard.clone()),
                    story: same.and_then(|open| open.story),
                    view: None,
                });
                let question = PageQuestion::Order {
                    account,
                    client_order_id,
                };
                Some((question_id, question))
            }
            PageAsk::History => {
                let question_id = self.new_id();
                self.history = Some(AskedHistory {
                    waiting: Some(question_id),
                    ..AskedHistory::default()
                });
                Some((question_id, PageQuestion::History { before: None }))
            }
            PageAsk::OlderHistory => {
                let question_id = self.new_id();
                let history = self.history.as_mut()?;
                let is_free = history.waiting.is_none() && history.end() == HistoryEnd::More;
                let before = history.next.clone().filter(|_| is_free)?;
                history.waiting = Some(question_id);
                history.phase = AskPhase::Loading;
                history.view = None;
                let before = Some(before);
                Some((question_id, PageQuestion::History { before }))
            }
        }
    }

    /// What came of a question; one that nobody waits for any more changes nothing. Gives back the newest page of the
    /// history when it is that, for whoever else counts by it.
    pub(crate) fn answer(
        &mut self,
        question_id: PageQuestionId,
        answer: PageAnswer,
        ctx: &Ctx,
    ) -> Option<HistoryPage> {
        if let Some(order) = &mut self.order
            && order.waiting == Some(question_id)
        {
            order.waiting = None;
            order.view = None;
            order.phase = match answer {
                PageAnswer::Order(story) => {
                    order.story = Some(*story);
                    AskPhase::Loaded
                }
                PageAnswer::NoSuchOrder => AskPhase::NotFound,
                PageAnswer::Failed { detail } => failed(&detail),
                PageAnswer::History(_) | PageAnswer::OtherRun => {
                    failed("the answer is to another question")
                }
            };
            return None;
        }
        let history = self.history.as_mut()?;
        if history.waiting != Some(question_id) {
            return None;
        }
        history.waiting = None;
        history.view = None;
        match answer {
            PageAnswer::History(page) => {
                history.phase = AskPhase::Loaded;
                let was_loaded = std::mem::replace(&mut history.is_loaded, true);
                history.append(&page, ctx);
                return (!was_loaded).then_some(page);
            }
            PageAnswer::Failed { detail } => history.phase = failed(&detail),
            PageAnswer::OtherRun => {
                history.phase = failed("the server has started anew since this was opened");
                history.is_outdated = true;
            }
            PageAnswer::Order(_) | PageAnswer::NoSuchOrder => {
                history.phase = failed("the answer is to another question");
            }
        }
        None
    }

    /// The stream told of an order.
    pub(crate) fn order_heard(&mut self, change: &OrderChange, ctx: &Ctx) {
        let order = &change.order;
        if let Some(open) = &mut self.order
            && open.account == order.account
            && open.client_order_id == order.client_order_id
        {
            open.heard = Some(order.clone());
            open.view = None;
        }
        if let Some(history) = &mut self.history
            && let Some(row) = make_row(change, ctx)
        {
            history.insert(row);
        }
    }

    /// The open orders were read anew: of what ended in between, the stream has told nothing.
    pub(crate) fn stream_was_refetched(&mut self) {
        if let Some(history) = &mut self.history {
            history.is_outdated = true;
            history.view = None;
        }
        if let Some(order) = &mut self.order {
            order.view = None;
        }
    }

    /// Makes every time again, in another zone.
    pub(crate) fn show_in(&mut self, zone: ZoneChoice) {
        if let Some(order) = &mut self.order {
            order.view = None;
        }
        if let Some(history) = &mut self.history {
            for row in &mut history.rows {
                let row = Arc::make_mut(row);
                row.time = Arc::from(fmt::time_millis(row.at, zone));
            }
            history.view = None;
        }
    }

    /// The story that is on screen, made again only when something of it changed.
    pub(crate) fn order_view(&mut self, ctx: &Ctx) -> Option<Arc<OrderDetailView>> {
        let order = self.order.as_mut()?;
        if order.view.is_none() {
            let is_outdated = order
                .story
                .as_ref()
                .zip(order.heard.as_ref())
                .is_some_and(|(story, heard)| is_news(&story.order, heard));
            order.view = Some(Arc::new(OrderDetailView {
                account: order.account.clone(),
                client_order_id: order.client_order_id.clone(),
                phase: order.phase.clone(),
                story: order
                    .story
                    .as_ref()
                    .map(|story| Arc::new(story_view(story, ctx.zone))),
                is_outdated,
            }));
        }
        order.view.clone()
    }

    /// The history that is on screen, made again only when something of it changed. It counts today as the list does.
    pub(crate) fn history_view(
        &mut self,
        activity: &ActivityView,
        ctx: &Ctx,
    ) -> Option<Arc<HistoryView>> {
        let history = self.history.as_mut()?;
        let total_today = activity.total_today;
        if history
            .view
            .as_ref()
            .is_none_or(|view| view.total_today != total_today)
        {
            let today = day_of(ctx.now_on_server());
            // Newest first: those of today come before all others.
            let num_today = history.rows.partition_point(|row| day_of(row.at) >= today);
            let text = match history.rows.len() - num_today {
                _ if !history.is_loaded => String::new(),
                0 => format!(
                    "{} of {} today",
                    fmt::count(num_today as u64),
                    fmt::count(total_today)
                ),
                before => format!(
                    "{} of {} today, {} from before",
                    fmt::count(num_today as u64),
                    fmt::count(total_today),
                    fmt::count(before as u64)
                ),
            };
            history.view = Some(Arc::new(HistoryView {
                rows: history.rows.iter().map(Arc::clone).collect(),
                num_today,
                total_today,
                text: Arc::from(text),
                phase: history.phase.clone(),
                end: history.end(),
                is_outdated: history.is_outdated,
            }));
        }
        history.view.clone()
    }

    fn new_id(&mut self) -> PageQuestionId {
        self.last_id += 1;
        PageQuestionId(self.last_id)
    }
}

impl AskedHistory {
    fn end(&self) -> HistoryEnd {
        if self.rows.len() >= MAX_HISTORY {
            HistoryEnd::Full
        } else if self.is_loaded && self.next.is_none() {
            HistoryEnd::All
        } else {
            HistoryEnd::More
        }
    }

    /// Puts a page behind what is there, without what is there already. The newest page may know of something newer than
    /// what the stream has told: that goes to its place.
    fn append(&mut self, page: &HistoryPage, ctx: &Ctx) {
        for row in page.entries.iter().filter_map(|entry| make_row(entry, ctx)) {
            if self.rows.len() >= MAX_HISTORY || !self.known.insert(Arc::clone(&row.row_id)) {
                continue;
            }
            let is_behind = self.rows.last().is_none_or(|last| last.at >= row.at);
            let i = if is_behind {
                self.rows.len()
            } else {
                self.rows.partition_point(|known| known.at >= row.at)
            };
            self.rows.insert(i, Arc::new(row));
        }
        self.next = page.next.as_deref().map(Arc::from);
    }

    /// Puts in its place what has just happened.
    fn insert(&mut self, row: ActivityRow) {
        let i = self.rows.partition_point(|known| known.at > row.at);
        // Behind the last row the pages go on: it comes with its own.
        let is_in_reach = i < self.rows.len() || self.next.is_none();
        if !is_in_reach || !self.known.insert(Arc::clone(&row.row_id)) {
            return;
        }
        self.rows.insert(i, Arc::new(row));
        if self.rows.len() > MAX_HISTORY
            && let Some(last) = self.rows.pop()
        {
            self.known.remove(&last.row_id);
        }
        self.view = None;
    }
}

fn failed(detail: &str) -> AskPhase {
    AskPhase::Failed {
        detail: Arc::from(detail),
    }
}

fn story_view(story: &OrderStory, zone: ZoneChoice) -> OrderStoryView {
    let fees: Option<Money> = story.fills.iter().map(|(_, fee)| *fee).sum();
    OrderStoryView {
        order: Arc::new(story.order.clone()),
        facts: facts(&story.order, zone),
        steps: story
            .steps
            .iter()
            .map(|step| step_row(step, zone))
            .collect(),
        fills: story
            .fills
            .iter()
            .map(|(fill, fee)| FillRow {
                time: Arc::from(fmt::time_millis(fill.at, zone)),
                qty: Arc::from(fmt::qty(fill.qty)),
                price: Arc::from(fmt::price(fill.price)),
                fee: Arc::from(fee.map_or_else(|| "\u{2013}".to_owned(), fmt::money)),
                realized: if fill.realized_pl.is_zero() {
                    Arc::default()
                } else {
                    Arc::from(fmt::signed_money(fill.realized_pl))
                },
                realized_tone: fmt::pl_tone(fill.realized_pl),
                fill_id: Arc::from(fill.fill_id.as_str()),
            })
            .collect(),
        fees: fees
            .filter(|_| !story.fills.is_empty())
            .map(|fees| Arc::from(fmt::money(fees))),
    }
}

fn facts(order: &Order, zone: ZoneChoice) -> Arc<[(&'static str, Arc<str>)]> {
    let filled = match order.filled_avg_price {
        Some(price) => format!(
            "{} of {} at {} on average",
            fmt::qty(order.filled_qty),
            fmt::qty(order.qty),
            fmt::price(price)
        ),
        None => format!("{} of {}", fmt::qty(order.filled_qty), fmt::qty(order.qty)),
    };
    let price = match order.order_type {
        OrderType::Market => String::new(),
        OrderType::Limit | OrderType::Stop | OrderType::StopLimit => {
            format!(" at {}", price_text(order))
        }
    };
    let kind = format!("{}{price}, {}", type_text(order), order.time_in_force);
    let when = |at| {
        let (date, time) = (fmt::date(at, zone), fmt::time_millis(at, zone));
        Some(format!("{date} {time}"))
    };
    let facts = [
        ("Filled", Some(filled)),
        ("Order", Some(kind)),
        ("Account", Some(order.account.to_string())),
        ("Strategy", Some(order.strategy.to_string())),
        ("Source", Some(order.source.clone())),
        ("Order id", Some(order.client_order_id.to_string())),
        (
            "Venue id",
            order.venue_order_id.as_ref().map(ToString::to_string),
        ),
        ("Part of", order.parent_id.as_ref().map(ToString::to_string)),
        (
            "Reason",
            order
                .reason_code
                .as_ref()
                .map(|code| code.replace('_', " ")),
        ),
        ("Created", when(order.created_at)),
        ("Changed", when(order.updated_at)),
    ];
    facts
        .into_iter()
        .filter_map(|(name, text)| Some((name, Arc::from(text?))))
        .collect()
}

fn step_row(step: &OrderStep, zone: ZoneChoice) -> StepRow {
    let reason = step
        .reason_code
        .as_deref()
        .map(|code| code.replace('_', " "));
    let words: Vec<&str> = [reason.as_deref(), Some(step.evidence.as_str())]
        .into_iter()
        .flatten()
        .filter(|words| !words.is_empty())
        .collect();
    let mut words = words.join(" \u{b7} ");
    if let Some(by) = &step.by
        && !step.evidence.starts_with(by.as_str())
    {
        words = format!("{by}: {words}");
    }
    StepRow {
        time: Arc::from(fmt::time_millis(step.at, zone)),
        status: step.status.badge(),
        tone: step.status.tone(),
        words: Arc::from(words),
    }
}
