//! A native console under flood: 5,000 order messages a second from a real Redis, and what each of its frames costs.
//!
//! Publishers, Redis, hub, queues, reducer and pages are the shipped ones; the frame is laid out and tessellated on a
//! thread of its own, sixty times a second, as the window's is, but not sent to a screen. A frame's cost is the time
//! that its thread had the processor: who else uses the two cores does not count. Open loop: events are made on a
//! schedule that waits for nobody.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints and measures real time, and a broken fixture fails loudly"
)]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use egui::{Pos2, RawInput, Rect};
use parking_lot::Mutex;
use qd_benches::Percentiles;
use qd_bus::{Bus, EventPublisher, RedisConfig, StatePublisher, StateSource};
use qd_feed::{Feed, FeedCommand, FeedConfig, FeedSource, Rt};
use qd_pages::{CommandSender, DeskState, PageCtx, desk_ui};
use qd_state::{SnapshotCell, Store, StoreConfig};
use qd_tests::desk::numbered_position;
use qd_types::{
    AccountId, ClientOrderId, Clock, Environment, HaltState, HaltStatus, Money, Order, OrderStatus,
    OrderType, Position, Price, Qty, Side, StrategyId, StreamName, Symbol, TimeInForce, UserId,
    UtcMicros,
};
use qd_ui::testing::{self, DESK};
use qd_ui::{DesignTokens, UiCtx};
use qd_wire::Body;
use qd_wire::message::{
    PositionTotals, halt_body, order_body, positions_delta_body, positions_snapshot_body,
};

const MESSAGES_PER_SECOND: u64 = 5_000;
const NUM_ROWS: usize = 100;
const NUM_ORDERS: u64 = 200;
/// Events are made in lumps of this many milliseconds' worth.
const LUMP_MILLIS: u64 = 5;
const FRAME: Duration = Duration::from_micros(16_667);
const WARM_UP: Duration = Duration::from_secs(4);

#[derive(Clone, Copy)]
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> UtcMicros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        UtcMicros(i64::try_from(since.as_micros()).unwrap())
    }
}

/// A redis-server on a free port, ended with the bench.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let port_text = port.to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port_text, "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::yield_now();
        }
        Self { child, port }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Rows(Mutex<Vec<Position>>);

impl Rows {
    fn totals(rows: &[Position]) -> PositionTotals {
        PositionTotals {
            unrealized_pl: rows.iter().map(|row| row.unrealized_pl).sum(),
            num_positions: u32::try_from(rows.len()).unwrap(),
            realized_pl_today: Money::ZERO,
            buying_power: None,
            margin_used: None,
        }
    }
}

impl StateSource for Rows {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let rows = self.0.lock();
        (
            positions_snapshot_body(&Self::totals(&rows), &rows),
            WallClock.now(),
        )
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let rows = self.0.lock();
        let changed: Vec<Position> = rows
            .iter()
            .filter(|row| keys.contains(row.symbol.as_str()))
            .cloned()
            .collect();
        (
            positions_delta_body(&Self::totals(&rows), &changed, &[]),
            WallClock.now(),
        )
    }
}

struct Halt;

impl StateSource for Halt {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let status = HaltStatus {
            state: HaltState::Active,
            scopes: Vec::new(),
            halt_epoch: 1,
            by: None,
            at: None,
            reason: None,
        };
        (halt_body(&status), WallClock.now())
    }

    fn delta(&self, _keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        self.snapshot()
    }
}

/// An order that its number alone decides, with so many of its hundred shares filled.
fn order(number: u64, filled: i64, now: UtcMicros) -> Order {
    let price = Price::from_units(10_000 + i64::try_from(number).unwrap(), 2);
    let is_partial = filled > 0;
    Order {
        account: AccountId::new("PAPER-1").unwrap(),
        strategy: StrategyId::new("momentum").unwrap(),
        client_order_id: ClientOrderId::new(&format!("o-{number}")).unwrap(),
        venue_order_id: None,
        symbol: Symbol::new(&format!("S{number}")).unwrap(),
        side: Side::Buy,
        qty: Qty::from_units(100, 0),
        filled_qty: Qty::from_units(filled, 0),
        filled_avg_price: is_partial.then_some(price),
        order_type: OrderType::Limit,
        limit_price: Some(price),
        stop_price: None,
        time_in_force: TimeInForce::Day,
        status: if is_partial {
            OrderStatus::PartiallyFilled
        } else {
            OrderStatus::Working
        },
        status_since: now,
        reason_code: None,
        created_at: now,
        updated_at: now,
        source: "bench".to_owned(),
        parent_id: None,
    }
}

/// Every row moves ten times a second, and orders change on their schedule, until `until`.
async fn publish(url: String, user: UserId, until: Instant) {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let bus = Bus::redis(RedisConfig::new(&url), Arc::clone(&clock))
        .await
        .unwrap();
    let rows: Vec<_> = (0..NUM_ROWS)
        .map(|i| numbered_position(i, 0, WallClock.now()))
        .collect();
    let rows = Arc::new(Rows(Mutex::new(rows)));
    let positions = StatePublisher::new(
        bus.clone(),
        StreamName::Positions(user.clone()),
        Arc::<Rows>::clone(&rows),
        Arc::clone(&clock),
    );
    let _halt = StatePublisher::new(
        bus.clone(),
        StreamName::KillSwitch,
        Arc::new(Halt),
        Arc::clone(&clock),
    );
    let orders = EventPublisher::new(bus, StreamName::Orders(user), clock);

    let mut ticks = tokio::time::interval(Duration::from_millis(LUMP_MILLIS));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut number = 0;
    let mut lump = 0_i64;
    while Instant::now() < until {
        ticks.tick().await;
        lump += 1;
        for _ in 0..MESSAGES_PER_SECOND * LUMP_MILLIS / 1_000 {
            number += 1;
            let now = WallClock.now();
            let filled = i64::try_from(number / NUM_ORDERS % 90).unwrap();
            let order = order(number % NUM_ORDERS, filled, now);
            orders.publish(order_body(&order, None), now).unwrap();
        }
        if lump % 20 == 0 {
            let mut rows = rows.0.lock();
            for (i, row) in rows.iter_mut().enumerate() {
                *row = numbered_position(i, lump / 20 % 97, WallClock.now());
                positions.mark(row.symbol.as_str());
            }
        }
    }
}

/// Processor time of the calling thread.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}

fn main() {
    // `cargo bench` and `cargo test` pass flags of the harness that this is not.
    let is_test = std::env::args().any(|argument| argument == "--test");
    let duration = Duration::from_secs(if is_test { 1 } else { 20 });
    let redis = Redis::start();
    let url = format!("redis://127.0.0.1:{}", redis.port);
    let user = UserId::new("alice").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let until = Instant::now() + WARM_UP + duration;
    let published = runtime.spawn(publish(url.clone(), user.clone(), until));

    let cell = Arc::<SnapshotCell>::default();
    let config = FeedConfig {
        source: FeedSource::Redis {
            url,
            user,
            environment: Environment::Paper,
        },
        client_kind: Arc::from("native"),
        client_version: Arc::from("bench"),
    };
    let feed = Feed::start(
        config,
        Store::new(StoreConfig::default()),
        Arc::clone(&cell),
        Rt::new(runtime.handle().clone()),
    );

    let tokens = DesignTokens::dark();
    let ctx = egui::Context::default();
    testing::setup(tokens.clone())(&ctx);
    let commands = CommandSender::new(|| ClientOrderId::new("bench").unwrap());
    let mut state = DeskState::default();
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    let mut counted_from = None;
    let mut next = Instant::now();
    let warm_at = Instant::now() + WARM_UP;
    while Instant::now() < until {
        next += FRAME;
        let (cpu_before, began) = (thread_cpu(), Instant::now());
        let now = WallClock.now();
        let snapshot = cell.load_for_frame().looked_at(now);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, DESK)),
            ..RawInput::default()
        };
        let mut output = ctx.run_ui(input, |ui| {
            let cx = PageCtx {
                ui: UiCtx::new(&tokens, now.as_millis()),
                snapshot: &snapshot,
                commands: &commands,
            };
            desk_ui(ui, &cx, &mut state);
        });
        std::hint::black_box(
            ctx.tessellate(std::mem::take(&mut output.shapes), output.pixels_per_point),
        );
        output.drop_without_applying_deltas();
        commands.drain();
        let (cpu_after, ended) = (thread_cpu(), Instant::now());
        feed.send(FeedCommand::Painted {
            version: snapshot.version,
            at: WallClock.now(),
            frame_micros: None,
        })
        .ok();
        if began >= warm_at {
            counted_from.get_or_insert_with(|| (began, snapshot.feed.num_received));
            let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap();
            cpu.push(micros(cpu_after.saturating_sub(cpu_before)));
            wall.push(micros(ended.duration_since(began)));
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let last = cell.load();
    let (from, received_before) = counted_from.unwrap();
    let per_second =
        (last.feed.num_received - received_before) as f64 / from.elapsed().as_secs_f64();
    runtime.block_on(published).unwrap();
    drop(feed);
    assert!(
        per_second > 100.0,
        "{per_second:.0} messages a second reached the console: nothing was measured"
    );
    let cpu = Percentiles::new(cpu);
    println!(
        "{per_second:.0} messages a second from Redis ({} open orders, {} rows): frame, CPU of its thread: {cpu}",
        last.orders.rows.len(),
        last.positions.rows.len()
    );
    println!("{}", last.feed.latency_text);
    println!(
        "the same frames by the clock on the wall: {}",
        Percentiles::new(wall)
    );
    println!(
        "positions {}, orders {}; dropped {}, skipped {}, gaps {}, resyncs {}, unreadable {}",
        last.positions.seal.text,
        last.orders.seal.text,
        last.feed.num_dropped,
        last.feed.num_skipped,
        last.feed.num_gaps,
        last.feed.num_resyncs,
        last.feed.num_unreadable
    );
}
