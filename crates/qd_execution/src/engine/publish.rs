//! The streams of the gateway: per user positions, orders and alerts, for all halts and breakers.
//!
//! Numbering, throttling and retries are the bus's. What is kept here is the newest picture, because a publisher asks
//! for its rows at the moment of sending, from a task of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use qd_bus::{Bus, EventPublisher, StatePublisher, StateSource};
use qd_types::{
    AccountId, AccountTotals, Breaker, Clock, HaltStatus, Position, PositionKey, StreamName,
    StreamPos, UserId, UtcMicros,
};
use qd_wire::Body;
use qd_wire::message::{
    PositionTotals, alert_body, breakers_body, halt_body, order_body, positions_delta_body,
    positions_snapshot_body,
};

use crate::alerts::AlertRecord;
use crate::config::UserConfig;
use crate::desk::Desk;
use crate::ledger::{Changes, add_totals};

/// One user's rows and totals as of one instant.
#[derive(Default)]
struct PositionsPicture {
    rows: BTreeMap<PositionKey, Position>,
    /// Every row that was ever announced, by its name on the publisher's list.
    names: BTreeMap<String, PositionKey>,
    /// Rows that changed since the last message was built. They go into the next one even when their mark has not
    /// reached the publisher yet: else its totals would speak of changes that its rows do not show.
    unsent: BTreeSet<PositionKey>,
    totals: PositionTotals,
    made_at: UtcMicros,
}

#[derive(Default)]
struct PositionsSource(Mutex<PositionsPicture>);

impl PositionsSource {
    /// Takes up the present figures of `keys` and returns the rows' names.
    fn update(
        &self,
        desk: &Desk,
        accounts: &[AccountId],
        keys: &BTreeSet<PositionKey>,
        now: UtcMicros,
    ) -> Vec<String> {
        let mut picture = self.0.lock();
        let mut names = Vec::with_capacity(keys.len());
        for key in keys.iter().filter(|key| accounts.contains(&key.account)) {
            let name = format!("{}/{}/{}", key.account, key.strategy, key.symbol);
            let row = desk
                .ledger()
                .book(&key.account)
                .and_then(|book| book.position(key));
            match row {
                Some(row) => picture.rows.insert(key.clone(), row.clone()),
                None => picture.rows.remove(key),
            };
            picture.unsent.insert(key.clone());
            picture.names.insert(name.clone(), key.clone());
            names.push(name);
        }
        picture.totals = position_totals(&totals_of(desk, accounts, now));
        picture.made_at = now;
        names
    }
}

/// The figures of several accounts together.
pub(crate) fn totals_of(desk: &Desk, accounts: &[AccountId], now: UtcMicros) -> AccountTotals {
    let rate = desk.ledger().rails().margin_rate;
    let books = accounts
        .iter()
        .filter_map(|account| desk.ledger().book(account));
    add_totals(books.map(|book| book.totals(rate, now)), now)
}

fn position_totals(totals: &AccountTotals) -> PositionTotals {
    PositionTotals {
        unrealized_pl: totals.unrealized_pl,
        num_positions: totals.num_positions,
        realized_pl_today: totals.realized_pl_today,
        buying_power: totals.buying_power,
        margin_used: totals.margin_used,
    }
}

impl StateSource for PositionsSource {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let mut picture = self.0.lock();
        picture.unsent.clear();
        let rows: Vec<Position> = picture.rows.values().cloned().collect();
        (
            positions_snapshot_body(&picture.totals, &rows),
            picture.made_at,
        )
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        profiling::function_scope!();
        let mut picture = self.0.lock();
        let mut wanted = std::mem::take(&mut picture.unsent);
        wanted.extend(
            keys.iter()
                .filter_map(|name| picture.names.get(name).cloned()),
        );
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        for key in wanted {
            match picture.rows.get(&key) {
                Some(row) => changed.push(row.clone()),
                None => removed.push(key),
            }
        }
        (
            positions_delta_body(&picture.totals, &changed, &removed),
            picture.made_at,
        )
    }
}

struct HaltSource(Mutex<(HaltStatus, UtcMicros)>);

impl StateSource for HaltSource {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let (status, made_at) = &*self.0.lock();
        (halt_body(status), *made_at)
    }

    fn delta(&self, _keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        self.snapshot()
    }
}

struct BreakersSource(Mutex<(Vec<Breaker>, UtcMicros)>);

impl StateSource for BreakersSource {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let (breakers, made_at) = &*self.0.lock();
        (breakers_body(breakers), *made_at)
    }

    fn delta(&self, _keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        self.snapshot()
    }
}

struct UserStreams {
    accounts: Vec<AccountId>,
    source: Arc<PositionsSource>,
    positions: StatePublisher,
    orders: EventPublisher,
    alerts: EventPublisher,
}

impl UserStreams {
    fn events(&self) -> [&EventPublisher; 2] {
        [&self.orders, &self.alerts]
    }
}

/// Every stream that this gateway publishes.
pub(super) struct Streams {
    users: BTreeMap<UserId, UserStreams>,
    halt_source: Arc<HaltSource>,
    halt: StatePublisher,
    breakers_source: Arc<BreakersSource>,
    breakers: StatePublisher,
}

impl Streams {
    /// Starts one publisher per stream, each with the desk's present picture.
    pub(super) fn start(
        desk: &Desk,
        users: &[UserConfig],
        bus: &Bus,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let now = clock.now();
        let state = |stream: StreamName, source: Arc<dyn StateSource>| {
            StatePublisher::new(bus.clone(), stream, source, Arc::clone(clock))
        };
        let everything: BTreeSet<PositionKey> = desk
            .ledger()
            .books()
            .flat_map(|book| book.positions())
            .map(Position::key)
            .collect();
        let users = users
            .iter()
            .map(|user| {
                let source = Arc::new(PositionsSource::default());
                source.update(desk, &user.accounts, &everything, now);
                let positions = StreamName::Positions(user.user_id.clone());
                let events = |stream| EventPublisher::new(bus.clone(), stream, Arc::clone(clock));
                let streams = UserStreams {
                    accounts: user.accounts.clone(),
                    positions: state(positions, Arc::clone(&source) as Arc<dyn StateSource>),
                    source,
                    orders: events(StreamName::Orders(user.user_id.clone())),
                    alerts: events(StreamName::Alerts(user.user_id.clone())),
                };
                (user.user_id.clone(), streams)
            })
            .collect();
        let halt_source = Arc::new(HaltSource(Mutex::new((desk.ledger().halt().clone(), now))));
        let breakers = desk.ledger().breakers().to_vec();
        let breakers_source = Arc::new(BreakersSource(Mutex::new((breakers, now))));
        Self {
            users,
            halt: state(
                StreamName::KillSwitch,
                Arc::clone(&halt_source) as Arc<dyn StateSource>,
            ),
            halt_source,
            breakers: state(
                StreamName::CircuitBreakers,
                Arc::clone(&breakers_source) as Arc<dyn StateSource>,
            ),
            breakers_source,
        }
    }

    /// Announces what changed: pictures first, then marks and numbers.
    pub(super) fn publish(&self, desk: &Desk, changes: &Changes, now: UtcMicros) {
        profiling::function_scope!();
        if changes.halt {
            *self.halt_source.0.lock() = (desk.ledger().halt().clone(), now);
            self.halt.mark("state");
        }
        if changes.breakers {
            *self.breakers_source.0.lock() = (desk.ledger().breakers().to_vec(), now);
            self.breakers.mark("state");
        }
        if !changes.rows.is_empty() || changes.day {
            for streams in self.users.values() {
                if changes.day {
                    // No row of this name: a delta with the totals alone.
                    streams.positions.mark("totals");
                }
                let names = streams
                    .source
                    .update(desk, &streams.accounts, &changes.rows, now);
                for name in names {
                    streams.positions.mark(name);
                }
            }
        }
        for change in &changes.orders {
            let body = order_body(&change.order, change.fill.as_ref());
            for streams in self.users.values() {
                if !streams.accounts.contains(&change.order.account) {
                    continue;
                }
                if let Err(err) = streams.orders.publish(body.clone(), now) {
                    tracing::error!(order = %change.order.client_order_id, error = %err, "an order event is too large to publish");
                }
            }
        }
    }

    /// Tells each change of an alert to those whom it concerns.
    pub(super) fn publish_alerts(&self, changes: &[AlertRecord], now: UtcMicros) {
        for AlertRecord { alert, audience } in changes {
            let body = alert_body(alert);
            for streams in self.users.values() {
                if !audience.includes(&streams.accounts) {
                    continue;
                }
                if let Err(err) = streams.alerts.publish(body.clone(), now) {
                    tracing::error!(alert = %alert.alert_id, error = %err, "an alert is too large to publish");
                }
            }
        }
    }

    pub(super) fn has(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    pub(super) fn position(&self, stream: &StreamName) -> Option<StreamPos> {
        match stream {
            StreamName::Positions(user) => self.users.get(user)?.positions.position(),
            StreamName::Orders(user) => Some(self.users.get(user)?.orders.position()),
            StreamName::Alerts(user) => Some(self.users.get(user)?.alerts.position()),
            StreamName::KillSwitch => self.halt.position(),
            StreamName::CircuitBreakers => self.breakers.position(),
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let states = self
            .users
            .values()
            .map(|streams| &streams.positions)
            .chain([&self.halt, &self.breakers]);
        let (mut marked, mut conflated, mut rows, mut snapshots, mut deltas, mut waiting) =
            (0, 0, 0, 0, 0, 0);
        for counts in states.map(StatePublisher::counts) {
            marked += counts.marked;
            conflated += counts.conflated;
            rows += counts.sent;
            snapshots += counts.snapshots;
            deltas += counts.deltas;
            waiting += counts.queued;
        }
        let (mut given, mut sent, mut pushed_out) = (0, 0, 0);
        let events = self.users.values().flat_map(UserStreams::events);
        for counts in events.map(EventPublisher::counts) {
            given += counts.given;
            sent += counts.sent;
            pushed_out += counts.pushed_out;
        }
        vec![
            ("rows_marked", marked),
            ("rows_conflated", conflated),
            ("rows_sent", rows),
            ("rows_waiting", waiting),
            ("snapshots", snapshots),
            ("deltas", deltas),
            ("events_numbered", given),
            ("events_sent", sent),
            ("events_pushed_out", pushed_out),
        ]
    }

    /// Waits until every event is in the store.
    pub(super) async fn drained(&self) {
        for events in self.users.values().flat_map(UserStreams::events) {
            events.drained().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use qd_types::Money;
    use qd_wire::{Head, Payload, decode, write_message};

    use super::*;
    use crate::config::ExecutionConfig;
    use crate::testing::START;

    #[test]
    fn a_delta_shows_every_row_that_its_totals_count_even_before_the_rows_are_marked() {
        let config = ExecutionConfig {
            warmup_ticks: 0,
            ..ExecutionConfig::demo(1).unwrap()
        };
        let mut desk = Desk::new(&config, START);
        let accounts = &config.users[0].accounts;
        let source = PositionsSource::default();
        let all: BTreeSet<PositionKey> = desk
            .ledger()
            .books()
            .flat_map(|book| book.positions())
            .map(Position::key)
            .collect();
        source.update(&desk, accounts, &all, START);
        source.snapshot();
        desk.step(START);
        let changed = desk.take_changes().rows;
        assert!(changed.len() > 1);
        let names = source.update(&desk, accounts, &changed, START);
        // Only the first mark has reached the publisher when it builds its message.
        let (body, _) = source.delta(&BTreeSet::from([names[0].clone()]));
        let stream = StreamName::Positions(config.users[0].user_id.clone());
        let head = Head {
            stream: stream.clone(),
            epoch: qd_types::Epoch::new("e").unwrap(),
            seq: qd_types::Seq(2),
            base_seq: Some(qd_types::Seq(1)),
            kind: qd_types::MessageKind::Delta,
            made_at: START,
            published_at: START,
        };
        let Payload::PositionsDelta(delta) = decode(&stream, &write_message(&head, &body))
            .unwrap()
            .payload
        else {
            panic!("no delta");
        };
        let shown: BTreeSet<PositionKey> = delta.changed.iter().map(Position::key).collect();
        assert_eq!(shown, changed);
        let mut rows: BTreeMap<PositionKey, Money> = desk
            .ledger()
            .books()
            .flat_map(|book| book.positions())
            .map(|row| (row.key(), row.unrealized_pl))
            .collect();
        rows.extend(
            delta
                .changed
                .iter()
                .map(|row| (row.key(), row.unrealized_pl)),
        );
        assert_eq!(delta.totals.unrealized_pl, rows.into_values().sum());
    }
}
