//! Messages in at a real redis-server, a snapshot out at the console: publishers, hub, queues, decoder, reducer as shipped.
//!
//! The server is started by the test on a free port and killed without warning. No gateway and no window here.
//! Every wait is for a state, with a bound.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop here"
)]

mod channels;
mod desk;
mod redis_server;
mod scripted;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use qd_feed::{Feed, FeedConfig, FeedHandle, FeedSource, Rt};
use qd_state::{ConnectionState, Seal, SealState, Snapshot, SnapshotCell, Store, StoreConfig};
use qd_types::{Clock, Environment, Money, Price, StreamName, StreamPos, fmt};
use tokio::sync::Notify;

use crate::desk::{Desk, position, symbol, totals, user};
use crate::redis_server::RedisServer;

/// How long a console may rest between two frames.
const CLOCK_FRAME: Duration = Duration::from_secs(1);

/// Longer than the 10 s between two snapshots of a publisher, which some states wait for.
const LIMIT: Duration = Duration::from_secs(25);

/// Fails the test when `task` takes longer than [`LIMIT`].
async fn within<T>(what: &str, task: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(LIMIT, task).await else {
        panic!("not within {} s: {what}", LIMIT.as_secs())
    };
    value
}

/// A console without a window.
struct Console {
    feed: FeedHandle,
    cell: Arc<SnapshotCell>,
    published: Arc<Notify>,
}

impl Console {
    fn start(url: &str) -> Self {
        Self::start_on(url, rt())
    }

    fn start_on(url: &str, rt: Rt) -> Self {
        let cell = Arc::<SnapshotCell>::default();
        let published = Arc::<Notify>::default();
        let waker = Arc::clone(&published);
        cell.set_waker(move || waker.notify_one());
        let config = FeedConfig {
            source: FeedSource::Redis {
                url: url.to_owned(),
                user: user(),
                environment: Environment::Paper,
            },
            client_kind: Arc::from("native"),
            client_version: Arc::from("test"),
        };
        let store = Store::new(StoreConfig::default());
        let feed = Feed::start(config, store, Arc::clone(&cell), rt);
        Self {
            feed,
            cell,
            published,
        }
    }

    /// Waits until a snapshot fits, and gives it.
    async fn until(&self, what: &str, fits: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let wait = async {
            loop {
                let snapshot = self.cell.load_for_frame();
                if fits(&snapshot) {
                    return snapshot;
                }
                // A snapshot that only counts wakes nobody; the clock's frame sees it within a second.
                tokio::time::timeout(CLOCK_FRAME, self.published.notified())
                    .await
                    .ok();
            }
        };
        let Ok(snapshot) = tokio::time::timeout(LIMIT, wait).await else {
            let last = self.cell.load();
            panic!(
                "not within {} s: {what}\nconnection {:?}\npositions {:?}\norders {:?}\nfeed {:?}",
                LIMIT.as_secs(),
                last.connection,
                last.positions.seal,
                last.orders.seal,
                last.feed
            )
        };
        snapshot
    }

    /// Frames in every queue: `received = delivered + dropped + queued`.
    fn assert_queues_add_up(&self) {
        let queues = self.feed.meter().queues();
        assert!(!queues.is_empty());
        for (stream, counters) in queues {
            let out = counters.delivered + counters.dropped + counters.queued;
            assert_eq!(counters.received, out, "{stream}: {counters:?}");
        }
    }
}

fn rt() -> Rt {
    Rt::new(tokio::runtime::Handle::current())
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(rt())
}

fn verified_pos(seal: &Seal) -> Option<&StreamPos> {
    match &seal.state {
        SealState::Verified { pos, .. } => Some(pos),
        SealState::Loading | SealState::Resyncing { .. } | SealState::Unverified { .. } => None,
    }
}

/// The table is sealed at the publisher's place, which there must be.
fn is_at(seal: &Seal, pos: Option<&StreamPos>) -> bool {
    pos.is_some() && verified_pos(seal) == pos
}

/// Both tables are sealed at exactly what the publishers have sent.
fn has_all_of(desk: &Desk) -> impl Fn(&Snapshot) -> bool {
    |snapshot| {
        is_at(&snapshot.positions.seal, desk.positions.position().as_ref())
            && verified_pos(&snapshot.orders.seal) == Some(&desk.orders.position())
            && snapshot.positions.totals.unrealized_pl == desk.unrealized_pl()
    }
}

/// Every message is somewhere: applied, seen twice, unreadable, or set aside; the own queue dropped none.
fn assert_messages_add_up(snapshot: &Snapshot) {
    let feed = &snapshot.feed;
    assert_eq!(
        feed.num_received,
        feed.num_applied + feed.num_duplicates + feed.num_dropped + feed.num_unreadable,
        "{feed:?}"
    );
}

// covers: RT-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_arrives_and_every_counter_adds_up() {
    let redis = RedisServer::start().await;
    let desk = Desk::start(&redis.url(), 20, clock()).await;
    let console = Console::start(&redis.url());
    let first = console.until("the first picture", has_all_of(&desk)).await;
    assert_eq!(first.connection.state, ConnectionState::Live);
    assert_eq!(first.environment, Some(Environment::Paper));

    for step in 0_u64..200 {
        let index = usize::try_from(step % 20).unwrap();
        desk.mark(index, 11_000 + i64::try_from(step).unwrap());
        if step % 4 == 0 {
            desk.fill(step);
        }
        tokio::task::yield_now().await;
    }
    within("everything sent", desk.orders.drained()).await;
    // The last rows go out with the throttle's next beat.
    let done = console.until("all of it", has_all_of(&desk)).await;
    assert_eq!(done.positions.rows.len(), 20);
    let last = done
        .positions
        .rows
        .iter()
        .find(|row| row.symbol == symbol(19))
        .unwrap();
    assert_eq!(
        &*last.current.text,
        fmt::price(Price::from_units(11_199, 2))
    );
    assert_eq!(done.activity.total_today, 50, "one line per fill");
    assert!(done.orders.seal.missing.is_empty());

    let settled = console
        .until("the footer", |snapshot| {
            snapshot.feed.num_applied >= 50 && snapshot.feed.num_gaps == 0
        })
        .await;
    assert_messages_add_up(&settled);
    console.assert_queues_add_up();
    assert!(desk.positions.counts().adds_up());
    let orders = desk.orders.counts();
    assert_eq!((orders.given, orders.sent, orders.queued), (50, 50, 0));
    assert_eq!(settled.feed.num_unreadable, 0);
}

// covers: RT-6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_holes_that_are_shown_and_closed() {
    let mut redis = RedisServer::start().await;
    let desk = Desk::start(&redis.url(), 5, clock()).await;
    let console = Console::start(&redis.url());
    (0..10).for_each(|index| desk.fill(index));
    let before = console.until("the first picture", has_all_of(&desk)).await;
    let epoch_before = verified_pos(&before.positions.seal).unwrap().epoch.clone();
    let orders_before = verified_pos(&before.orders.seal).unwrap().clone();

    redis.kill();
    let down = console
        .until("the outage on screen", |snapshot| {
            snapshot.connection.state == ConnectionState::Reconnecting
                && matches!(snapshot.positions.seal.state, SealState::Resyncing { .. })
                && matches!(snapshot.orders.seal.state, SealState::Resyncing { .. })
        })
        .await;
    assert_eq!(
        down.positions.rows.len(),
        5,
        "the last values stay, with their age"
    );
    // The desk goes on while nobody can hear it.
    desk.mark(3, 12_345);
    (10..30).for_each(|index| desk.fill(index));

    redis.start_again().await;
    let after = console.until("all of it again", has_all_of(&desk)).await;
    assert_eq!(after.connection.state, ConnectionState::Live);
    let orders_after = verified_pos(&after.orders.seal).unwrap();
    assert_eq!(
        orders_after.epoch, orders_before.epoch,
        "a store loss starts no epoch of events"
    );
    assert_eq!(orders_after.seq.0, 30);
    assert!(
        after.orders.seal.missing.is_empty(),
        "{:?}",
        after.orders.seal.missing
    );
    assert_eq!(after.activity.total_today, 30, "every fill once");
    assert_ne!(
        verified_pos(&after.positions.seal).unwrap().epoch,
        epoch_before
    );
    let row = after
        .positions
        .rows
        .iter()
        .find(|row| row.symbol == symbol(3))
        .unwrap();
    assert_eq!(&*row.current.text, "123.45");
    console.assert_queues_add_up();
}

// covers: RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_on_the_bus_is_counted_and_the_stream_goes_on() {
    let redis = RedisServer::start().await;
    let desk = Desk::start(&redis.url(), 3, clock()).await;
    let console = Console::start(&redis.url());
    console.until("the first picture", has_all_of(&desk)).await;
    let channel = StreamName::Positions(user()).to_string();
    let oversized = format!(
        r#"{{"positions":[],"padding":"{}"}}"#,
        "x".repeat(1_100_000)
    );
    let wrong_head = format!(
        r#"{{"v":1,"stream":"{channel}","epoch":"e","seq":0,"kind":"snapshot","made_at":"2026-01-05T14:30:00Z","published_at":"2026-01-05T14:30:00Z"}}"#
    );
    let rubbish = [
        "",
        "{",
        "null",
        "\u{0}\u{1}",
        r#"{"positions":"many"}"#,
        &oversized,
        &wrong_head,
    ]
    .map(str::to_owned);
    for text in &rubbish {
        desk.bus.publish_raw(&channel, text.clone()).await.unwrap();
    }
    desk.mark(1, 12_100);
    let num_rubbish = rubbish.len() as u64;
    let counted = console
        .until("the rubbish counted", |snapshot| {
            snapshot.feed.num_unreadable >= num_rubbish
        })
        .await;
    assert_eq!(counted.feed.num_unreadable, num_rubbish);
    let after = console
        .until("the stream going on", has_all_of(&desk))
        .await;
    let row = after
        .positions
        .rows
        .iter()
        .find(|row| row.symbol == symbol(1))
        .unwrap();
    assert_eq!(&*row.current.text, "121.00");
}

// covers: RT-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_without_numbers_is_shown_as_unverified_and_newest_wins() {
    let redis = RedisServer::start().await;
    let console = Console::start(&redis.url());
    let publisher = qd_bus::Bus::redis(qd_bus::RedisConfig::new(redis.url()), clock())
        .await
        .unwrap();
    let channel = StreamName::Positions(user()).to_string();
    let message = |price: &str| {
        format!(
            r#"{{"total_unrealized_pl":{price},"total_positions":1,"realized_pl_today":-1.25,"timestamp":"2026-01-05T14:30:00+00:00","unknown_field":[1,2],
            "positions":[{{"account":"paper-1","symbol":"AAPL","qty":10,"avg_entry_price":100.0,"current_price":{price},"unrealized_pl":{price},"market_value":1000}}]}}"#
        )
    };
    // Nobody hears a plain publish before the subscription: it is said until it was heard.
    let heard = async {
        loop {
            publisher
                .publish_raw(&channel, message("110.5"))
                .await
                .unwrap();
            let is_there = |snapshot: &Snapshot| !snapshot.positions.rows.is_empty();
            if is_there(&console.cell.load()) {
                return;
            }
            tokio::time::timeout(Duration::from_millis(100), console.published.notified())
                .await
                .ok();
        }
    };
    within("the first plain message", heard).await;
    publisher
        .publish_raw(&channel, message("111.25"))
        .await
        .unwrap();
    let shown = console
        .until("the newest", |snapshot| {
            snapshot
                .positions
                .rows
                .first()
                .is_some_and(|row| &*row.current.text == "111.25")
        })
        .await;
    assert!(
        matches!(shown.positions.seal.state, SealState::Unverified { .. }),
        "{:?}",
        shown.positions.seal
    );
    assert!(
        shown.positions.seal.text.contains("unverified"),
        "{}",
        shown.positions.seal.text
    );
    assert_eq!(
        shown.positions.rows[0].figures.unrealized_pl,
        Money::parse("111.25").unwrap()
    );

    // A numbering publisher takes over: verified from its first snapshot on.
    let desk = Desk::start(&redis.url(), 2, clock()).await;
    let after = console
        .until("the numbers", |snapshot| {
            is_at(&snapshot.positions.seal, desk.positions.position().as_ref())
        })
        .await;
    assert_eq!(after.positions.rows.len(), 2);
    assert_eq!(
        after.positions.totals.unrealized_pl,
        totals(&[position(0, 11_000), position(1, 11_000)]).unrealized_pl
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreadable_entry_of_a_log_is_shown_as_missing_and_passed() {
    let redis = RedisServer::start().await;
    let bus = qd_bus::Bus::redis(qd_bus::RedisConfig::new(redis.url()), clock())
        .await
        .unwrap();
    let stream = StreamName::Orders(user());
    let now = clock().now();
    let at = |seq: u64| StreamPos {
        epoch: qd_types::Epoch::new("e").unwrap(),
        seq: qd_types::Seq(seq),
    };
    let append = async |seq: u64, is_readable: bool| {
        let head = qd_wire::Head {
            stream: stream.clone(),
            epoch: at(seq).epoch,
            seq: at(seq).seq,
            base_seq: None,
            kind: qd_types::MessageKind::Event,
            made_at: now,
            published_at: now,
        };
        let bytes = if is_readable {
            qd_wire::write_message(&head, &desk::order_event(seq, now))
        } else {
            b"{rubbish".to_vec()
        };
        let request = qd_bus::AppendRequest {
            stream: stream.clone(),
            expected: (seq > 1).then(|| at(seq - 1)),
            head,
            bytes: bytes.into(),
            reset: false,
        };
        assert_eq!(
            bus.append(&request).await.unwrap(),
            qd_bus::AppendOutcome::Appended
        );
    };
    for seq in 1..=5 {
        append(seq, seq != 3).await;
    }
    let console = Console::start(&redis.url());
    let shown = console
        .until("the log's end", |snapshot| {
            is_at(&snapshot.orders.seal, Some(&at(5)))
        })
        .await;
    assert_eq!(
        shown.orders.seal.missing.len(),
        1,
        "{:?}",
        shown.orders.seal
    );
    // And while it is looked at: the newest entry, then one before readable ones.
    append(6, false).await;
    append(7, true).await;
    append(8, true).await;
    console
        .until("the end again", |snapshot| {
            is_at(&snapshot.orders.seal, Some(&at(8)))
        })
        .await;
}
