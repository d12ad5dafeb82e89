//! Market, venue, ledger and strategies on one table, moved step by step: the whole desk without a thread or a socket.
//!
//! Reads no clock and does no IO: instants are handed in, [`Changes`] are handed out. The same seed, steps and commands
//! give the same desk, to the last digit.

use qd_types::{AccountId, HaltScope, MarketPhase, OrderStatus, UtcMicros};

use crate::alerts::{AlertRecord, Alerts, Quoting, gather};
use crate::config::ExecutionConfig;
use crate::ledger::{
    Author, CancelAllOutcome, CancelOutcome, ChangeRequest, Changes, CloseOutcome, CloseRequest,
    Ledger, ModifyOutcome, OrderKey, OrderRecord, OrderRequest, PlaceOutcome, is_unknown,
};
use crate::market::{Market, MarketClock, Replay, Session};
use crate::strategies::{Intent, Strategies};
use crate::venue::{Hours, PaperVenue, VenueEvent, VenueOrder};

/// A desk that has just begun sees no symbol halted for so long: whoever looks for the first time sees it trade.
const CALM_MILLIS: i64 = 120_000;

/// Everything that trades.
#[derive(Debug)]
pub struct Desk {
    /// Tells this run of the desk from others, whose orders and activity were numbered anew.
    run: String,
    session: Session,
    steps_per_tick: u32,
    answer_due_millis: i64,
    num_steps: u64,
    was_open: bool,
    /// The session is over and its last prices are being traded on; its orders end with the next tick.
    day_must_end: bool,
    market: Market,
    venue: PaperVenue,
    ledger: Ledger,
    strategies: Strategies,
    alerts: Alerts,
    /// As the market's last tick found it; absent outside the session, and while a tape stands still.
    quoting: Option<Quoting>,
    ticked_at: Option<UtcMicros>,
}

impl Desk {
    /// A desk on the simulated market at `now`, with a past of `warmup_ticks` behind it.
    pub fn new(config: &ExecutionConfig, now: UtcMicros) -> Self {
        let tick_millis =
            i64::from(config.step_millis.max(1)) * i64::from(config.steps_per_tick.max(1));
        let start = now.plus_millis(-tick_millis * i64::from(config.warmup_ticks));
        let mut market = Market::new(config.seed, config.session, start);
        market.keep_calm_until(now.plus_millis(CALM_MILLIS));
        let mut desk = Self::on(config, market, start, now);
        if MarketClock::at(config.session, now).phase != MarketPhase::Open {
            // A desk that starts outside its hours still had a day before: marks, a line, a past.
            desk.session = Session::AlwaysOpen;
        }
        let step_millis = i64::from(config.step_millis.max(1));
        let num_steps = i64::from(config.warmup_ticks) * i64::from(desk.steps_per_tick);
        for step in 0..num_steps {
            desk.step(start.plus_millis(step * step_millis));
        }
        desk.session = config.session;
        desk.ledger.take_changes();
        desk
    }

    /// A desk on a market that plays a tape from `now` on. It has no past, and trades when the tape's exchange does.
    pub fn replaying(config: &ExecutionConfig, replay: Replay, now: UtcMicros) -> Self {
        Self {
            session: Session::Exchange,
            ..Self::on(config, Market::replayed(replay, now), now, now)
        }
    }

    fn on(config: &ExecutionConfig, market: Market, start: UtcMicros, now: UtcMicros) -> Self {
        // Seconds suffice: two starts within one second share no ledger.
        let run = format!("{:x}", now.as_millis() / 1000);
        Self {
            session: config.session,
            steps_per_tick: config.steps_per_tick.max(1),
            answer_due_millis: config.venue.answer_due_millis,
            num_steps: 0,
            was_open: false,
            day_must_end: false,
            market,
            venue: PaperVenue::new(config.seed, config.venue, &run),
            ledger: Ledger::new(
                &config.accounts,
                config.strategies.iter().map(|one| one.strategy.clone()),
                config.rails,
                config.fees,
                start,
            ),
            strategies: Strategies::new(&config.strategies, config.seed, &run),
            alerts: Alerts::new(&run),
            quoting: None,
            ticked_at: None,
            run,
        }
    }

    /// Moves everything to `now`: the venue every time, the market and the strategies every few steps.
    pub fn step(&mut self, now: UtcMicros) {
        let is_tick = self
            .num_steps
            .is_multiple_of(u64::from(self.steps_per_tick));
        self.num_steps += 1;
        let is_open = self.market_clock(now).phase == MarketPhase::Open;
        if is_tick {
            self.tick(now, is_open);
        }
        // The tick in which a tape crosses its close brings the session's last prices.
        let hours = match (is_open || self.day_must_end, self.market.is_moving()) {
            (false, _) => Hours::Closed,
            // On a paused tape nothing trades; the venue answers all the same.
            (true, false) => Hours::StandsStill,
            (true, true) => Hours::Open,
        };
        self.run_venue(now, hours);
        self.resolve_unanswered(now);
    }

    fn tick(&mut self, now: UtcMicros, is_open: bool) {
        profiling::function_scope!();
        self.roll_day(now);
        if self.day_must_end {
            self.end_day(now);
        }
        if std::mem::replace(&mut self.was_open, is_open) && !is_open {
            if self.market.replay().is_some() {
                self.day_must_end = true;
            } else {
                self.end_day(now);
            }
        }
        // A tape moves at any hour: its last rows come with the close, and after it a day may begin.
        if is_open || self.market.replay().is_some() {
            self.market.tick(now);
            // With a tape's turn to another day; nothing of the new day may be booked on the old one.
            self.roll_day(now);
            self.venue.refresh(&self.market);
            for symbol in self.market.changed() {
                if let Some(quote) = self.market.quote(*symbol) {
                    self.ledger.mark(*symbol, quote.price, quote.at);
                }
            }
        }
        let is_trading = is_open && self.market.is_moving();
        self.note_quoting(is_trading, now);
        if !is_trading {
            return;
        }
        for (strategy, intent) in self.strategies.decide(&self.market, &self.ledger, now) {
            let author = Author::Strategy(strategy);
            match intent {
                Intent::Place(request) => {
                    let symbol = request.symbol;
                    if let PlaceOutcome::Malformed(problems) = self.place(request, &author, now) {
                        tracing::error!(?author, %symbol, ?problems, "a strategy made a malformed order");
                    }
                }
                Intent::Cancel(key) => {
                    self.cancel(&key, &author, "rested long enough", now);
                }
            }
        }
    }

    /// Keeps since when quotes are expected. Not asked of the clock: between the open and the first tick behind it all
    /// that stands is of yesterday.
    fn note_quoting(&mut self, is_trading: bool, now: UtcMicros) {
        let passed = self.ticked_at.map(|at| now.millis_since(at));
        self.ticked_at = Some(now);
        // A machine that slept, or a clock that was set, has missed quotes that nobody failed to send.
        let is_gapless = 0..=self.ledger.rails().quote_max_age_millis;
        let since = self
            .quoting
            .filter(|_| passed.is_some_and(|millis| is_gapless.contains(&millis)))
            .map_or(now, |quoting| quoting.since);
        self.quoting = is_trading.then_some(Quoting { since, until: now });
    }

    /// Begins the market's trading day in the books, if it is a new one.
    fn roll_day(&mut self, now: UtcMicros) {
        if !self.ledger.roll_day(self.market.trading_day(now), now) {
            return;
        }
        self.market.start_day();
        // Over a night that nobody saw: a machine that slept from one session into the next.
        let was_open = std::mem::take(&mut self.was_open);
        if was_open || self.day_must_end {
            if self.session == Session::Exchange {
                // For the venue too that night was one: what rests there comes to the new open.
                self.venue.begin_step(Hours::Closed, &self.market);
            }
            self.end_day(now);
        }
    }

    fn end_day(&mut self, now: UtcMicros) {
        self.day_must_end = false;
        for event in self.venue.end_day() {
            self.ledger.apply(&event, now);
        }
    }

    fn run_venue(&mut self, now: UtcMicros, hours: Hours) {
        profiling::function_scope!();
        self.venue.begin_step(hours, &self.market);
        while let Some(event) = self.venue.next_event(now, &self.market, |key| {
            self.ledger
                .book(&key.account)
                .map(|book| book.held(key))
                .unwrap_or_default()
        }) {
            self.ledger.apply(&event, now);
            // A row that a fill has opened is worth what its symbol trades at, not what it cost.
            if let VenueEvent::Filled { key, .. } = &event
                && let Some(order) = self.ledger.order(key)
                && let Some(quote) = self.market.quote(order.order.symbol)
            {
                self.ledger.mark(quote.symbol, quote.price, quote.at);
            }
        }
    }

    /// An answer that is overdue makes an order unknown; an unknown order is asked for by its id until it is found.
    fn resolve_unanswered(&mut self, now: UtcMicros) {
        let overdue: Vec<(OrderKey, OrderStatus)> = self
            .ledger
            .open_orders()
            .filter(|record| {
                (record.order.status == OrderStatus::Sent || is_unknown(&record.order))
                    && now.millis_since(record.order.updated_at) >= self.answer_due_millis
            })
            .map(|record| (record.key(), record.order.status))
            .collect();
        for (key, status) in overdue {
            if status == OrderStatus::Sent {
                self.ledger.mark_unknown(&key, now);
            } else {
                self.ledger.note_asked(&key, now);
            }
            self.venue.ask(&key, now);
        }
    }

    /// Accepts an order and sends it.
    pub fn place(
        &mut self,
        request: OrderRequest,
        author: &Author,
        now: UtcMicros,
    ) -> PlaceOutcome {
        let quote = self.market.quote(request.symbol).copied();
        let outcome = self.ledger.place(request, author, quote.as_ref(), now);
        match outcome {
            PlaceOutcome::Recorded(record) => {
                PlaceOutcome::Recorded(Box::new(self.send(*record, now)))
            }
            other => other,
        }
    }

    /// Accepts a change of an open order and sends it.
    pub fn modify(
        &mut self,
        key: &OrderKey,
        request: &ChangeRequest,
        author: &Author,
        now: UtcMicros,
    ) -> ModifyOutcome {
        let record = self.ledger.order(key);
        let is_repeat = record.is_some_and(|record| {
            let mut decided = record.decided_changes.iter();
            decided.any(|one| one.request.idempotency_key == request.idempotency_key)
        });
        let symbol = record.map(|record| record.order.symbol);
        let quote = symbol.and_then(|symbol| self.market.quote(symbol).copied());
        let outcome = self
            .ledger
            .modify(key, request, author, quote.as_ref(), now);
        if let ModifyOutcome::Recorded(_, to) = &outcome {
            self.venue.replace(key, *to, now);
        }
        // The order stays as it is, so no change of it tells the watch.
        if let ModifyOutcome::Blocked(order, (OrderStatus::BlockedRail, evidence)) = &outcome
            && !is_repeat
        {
            self.alerts.change_refused(order, evidence.rule, now);
        }
        outcome
    }

    /// Sends a cancel.
    pub fn cancel(
        &mut self,
        key: &OrderKey,
        author: &Author,
        reason: &str,
        now: UtcMicros,
    ) -> CancelOutcome {
        let who = match author {
            Author::Hand(user) => user.as_str(),
            Author::Strategy(strategy) => strategy.as_str(),
        };
        let outcome = self.ledger.cancel(key, &format!("{who}: {reason}"), now);
        if let CancelOutcome::Recorded(_) = outcome {
            self.venue.cancel(key, now);
        }
        outcome
    }

    /// Sends a cancel for every open order that `accounts` have within `scope`. What has one on its way is left alone.
    pub fn cancel_all(
        &mut self,
        scope: &HaltScope,
        accounts: &[AccountId],
        author: &Author,
        reason: &str,
        now: UtcMicros,
    ) -> CancelAllOutcome {
        let open: Vec<OrderKey> = self
            .ledger
            .open_orders()
            .filter(|record| accounts.contains(&record.order.account))
            .filter(|record| scope.covers_row(&record.position_key()))
            .map(OrderRecord::key)
            .collect();
        let mut met = CancelAllOutcome::default();
        for key in open {
            match self.cancel(&key, author, reason, now) {
                CancelOutcome::Recorded(record) => met.asked.push(record.order),
                CancelOutcome::Repeated(record) => met.already.push(record.order),
                CancelOutcome::TooLate(record) => met.left.push(record.order),
                // It was open a moment ago, and nobody else has the ledger.
                CancelOutcome::NotFound => {}
            }
        }
        met
    }

    /// Closes what `accounts` hold in a symbol.
    pub fn close(
        &mut self,
        request: &CloseRequest,
        accounts: &[AccountId],
        author: &Author,
        now: UtcMicros,
    ) -> CloseOutcome {
        match self.ledger.close(request, accounts, author, now) {
            CloseOutcome::Recorded(records) => CloseOutcome::Recorded(
                records
                    .into_iter()
                    .map(|record| self.send(record, now))
                    .collect(),
            ),
            other => other,
        }
    }

    /// Hands a recorded order to the venue and returns it as it then stands.
    fn send(&mut self, record: OrderRecord, now: UtcMicros) -> OrderRecord {
        let key = record.key();
        self.venue.submit(
            VenueOrder {
                position: record.position_key(),
                key: key.clone(),
                side: record.order.side,
                qty: record.order.qty,
                order_type: record.order.order_type,
                limit_price: record.order.limit_price,
                stop_price: record.order.stop_price,
                time_in_force: record.order.time_in_force,
                reduce_only: record.reduce_only,
            },
            now,
        );
        self.ledger.mark_sent(&key, now);
        self.ledger.order(&key).cloned().unwrap_or(record)
    }

    /// Takes what changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        self.ledger.take_changes()
    }

    /// Looks after the alerts, and takes what changed of them; `changes` are those that were taken last.
    pub fn watch(&mut self, changes: &Changes, now: UtcMicros) -> Vec<AlertRecord> {
        self.alerts.look(changes, &self.ledger, now, || {
            // A tape may have been stopped since its last tick.
            let quoting = self.quoting.filter(|_| self.market.is_moving());
            gather(&self.ledger, &self.market, quoting, now)
        });
        self.alerts.take_changes()
    }

    /// The alerts of this run.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// What tells this run of the desk from others.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The prices.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The market, for what is told to a tape.
    pub fn market_mut(&mut self) -> &mut Market {
        &mut self.market
    }

    /// The books.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The books, for halts and breakers.
    pub fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// The venue.
    pub fn venue(&self) -> &PaperVenue {
        &self.venue
    }

    /// The programs.
    pub fn strategies(&self) -> &Strategies {
        &self.strategies
    }

    /// What the market is doing.
    pub fn market_clock(&self, now: UtcMicros) -> MarketClock {
        MarketClock::at(self.session, self.market.time(now))
    }
}

#[cfg(test)]
mod tests;
