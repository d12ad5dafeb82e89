//! A real redis-server that is killed, frozen, cut off and filled with nonsense, under the default deadlines.
//!
//! Whatever happens to it, the contract holds: every event once and in order, a state that ends as its publisher has it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::clone_on_ref_ptr,
    reason = "a sink is cloned into a trait object"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use qd_bus::{
    Bus, BusError, EventPublisher, Hub, LinkState, RedisConfig, StatePublisher, fresh_epoch,
};
use qd_types::{Clock as _, MessageKind, Seq, StreamName};
use serde_json::json;
use support::{
    Recorder, RedisServer, Rig, Rows, WallClock, append, at, body, clock, entry, json_of, numbers,
    orders, positions, until, wait_for,
};
use tokio::time::{Instant, timeout};

/// A desk on one server: two publishers on a bus of their own, a hub on another.
struct Desk {
    server: RedisServer,
    publishing: Bus,
    hub: Hub,
    events: StreamName,
    state: StreamName,
    rows: Arc<Rows>,
    event_publisher: EventPublisher,
    state_publisher: StatePublisher,
    event_sink: Arc<Recorder>,
    state_sink: Arc<Recorder>,
    _guards: [qd_bus::SubscriptionGuard; 2],
}

impl Desk {
    async fn open() -> Self {
        let server = RedisServer::start().await;
        let publishing = Bus::redis(RedisConfig::new(server.url()), clock())
            .await
            .unwrap();
        let listening = Bus::redis(RedisConfig::new(server.url()), clock())
            .await
            .unwrap();
        let hub = Hub::new(listening, clock());
        let (events, state) = (orders("alice"), positions("alice"));
        let rows = Arc::new(Rows::default());
        rows.set("AAPL", 1);
        let (event_sink, state_sink) = (Recorder::new(), Recorder::new());
        Self {
            event_publisher: EventPublisher::new(publishing.clone(), events.clone(), clock()),
            state_publisher: StatePublisher::new(
                publishing.clone(),
                state.clone(),
                rows.clone(),
                clock(),
            ),
            _guards: [
                hub.subscribe(events.clone(), event_sink.clone()),
                hub.subscribe(state.clone(), state_sink.clone()),
            ],
            event_sink,
            state_sink,
            server,
            publishing,
            hub,
            events,
            state,
            rows,
        }
    }

    fn publish_event(&self) -> u64 {
        let position = self
            .event_publisher
            .publish(body(&json!({})), WallClock.now())
            .unwrap();
        position.seq.0
    }

    fn set_row(&self, value: u64) {
        self.rows.set("AAPL", value);
        self.state_publisher.mark("AAPL");
    }

    async fn wait_for_row(&self, value: u64) {
        self.state_sink
            .wait(&format!("row value {value} is routed"), |routed| {
                routed.last().is_some_and(|routed| {
                    let message = json_of(&routed.bytes);
                    message["rows"]["AAPL"] == value || message["changed"]["AAPL"] == value
                })
            })
            .await;
    }

    /// Every event once and in order, and every delta on what came before it.
    fn verify(&self, last_event: u64) {
        assert_eq!(
            self.event_sink.numbers(),
            (1..=last_event).collect::<Vec<_>>()
        );
        let mut before: Option<qd_types::StreamPos> = None;
        for routed in self.state_sink.routed() {
            let head = routed.head.clone().unwrap();
            match (&before, head.kind) {
                (_, MessageKind::Snapshot) => {}
                (Some(before), MessageKind::Delta) => {
                    assert_eq!(
                        (&before.epoch, Some(before.seq)),
                        (&head.epoch, head.base_seq)
                    );
                }
                _ => panic!("{head:?} after {before:?}"),
            }
            before = Some(head.pos());
        }
        assert_eq!(before, self.state_publisher.position());
    }
}

#[tokio::test]
async fn a_killed_server_comes_back_empty_and_everything_goes_on() {
    let mut desk = Desk::open().await;
    let epoch = desk.event_publisher.position().epoch;
    for value in 1..=30 {
        desk.publish_event();
        desk.set_row(value);
    }
    desk.event_sink.wait_for_event(30).await;
    desk.wait_for_row(30).await;
    let first_epoch = desk.state_publisher.position().unwrap().epoch;
    let (mut link, mut hub_link) = (desk.publishing.link(), desk.hub.link());

    desk.server.kill();
    let down = wait_for("the bus says it is down", &mut link, |state| !state.is_up()).await;
    assert!(matches!(&down, LinkState::Down { last_error, .. } if !last_error.is_empty()));
    wait_for("the hub says it is down", &mut hub_link, |state| {
        !state.is_up()
    })
    .await;
    assert_eq!(
        desk.hub.position(&desk.events),
        None,
        "nothing is verified without a connection"
    );
    // Nobody waits for what cannot be: commands fail at once.
    let started = Instant::now();
    let err = desk.publishing.kv_get("k").await.unwrap_err();
    assert!(matches!(err, BusError::Away { .. }), "{err}");
    assert!(!err.is_outcome_unknown());
    assert!(started.elapsed() < Duration::from_millis(100));
    // Life goes on meanwhile.
    for value in 31..=60 {
        desk.publish_event();
        desk.set_row(value);
    }
    wait_for(
        "attempts are counted",
        &mut link,
        |state| matches!(state, LinkState::Down { attempts, .. } if *attempts >= 2),
    )
    .await;

    desk.server.run().await;
    wait_for("the bus is up again", &mut link, LinkState::is_up).await;
    wait_for("the hub is up again", &mut hub_link, LinkState::is_up).await;
    desk.event_sink.wait_for_event(60).await;
    desk.wait_for_row(60).await;
    desk.verify(60);
    assert_eq!(
        desk.event_publisher.position().epoch,
        epoch,
        "a lost store begins no event epoch"
    );
    let second_epoch = desk.state_publisher.position().unwrap().epoch;
    assert_ne!(first_epoch, second_epoch);
    let first_of_second = desk
        .state_sink
        .routed()
        .iter()
        .find_map(|routed| {
            routed
                .head
                .clone()
                .filter(|head| head.epoch == second_epoch)
        })
        .unwrap();
    assert_eq!(
        (first_of_second.kind, first_of_second.seq),
        (MessageKind::Snapshot, Seq(1))
    );
    // The log is whole again, also for those who were not there.
    let page = desk
        .publishing
        .read_log(&desk.events, None, 1000, 1 << 20)
        .await
        .unwrap();
    assert_eq!((page.base, page.entries.len()), (Seq(1), 60));
    until("the hub has verified both", async || {
        desk.hub.position(&desk.events) == Some(desk.event_publisher.position())
            && desk.hub.position(&desk.state) == desk.state_publisher.position()
    })
    .await;
    assert!(desk.publishing.counts().reconnects >= 1);
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_forgiven() {
    let desk = Desk::open().await;
    desk.publish_event();
    desk.event_sink.wait_for_event(1).await;
    let (mut link, mut hub_link) = (desk.publishing.link(), desk.hub.link());

    desk.server.freeze();
    let started = Instant::now();
    // The deadline, not the connection, ends the wait; whether it was carried out nobody can say.
    let err = desk.publishing.kv_set("k", "v", 1000).await.unwrap_err();
    assert!(err.is_outcome_unknown(), "{err}");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    wait_for("the bus notices", &mut link, |state| !state.is_up()).await;
    wait_for("the hub notices", &mut hub_link, |state| !state.is_up()).await;
    // Deadlines of 500 ms, twice for commands; far from the half minute of the stock client.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    for value in 2..=20 {
        desk.publish_event();
        desk.set_row(value);
    }

    desk.server.thaw();
    wait_for("the bus is up again", &mut link, LinkState::is_up).await;
    desk.event_sink.wait_for_event(20).await;
    desk.wait_for_row(20).await;
    desk.verify(20);
}

#[tokio::test]
async fn cut_subscriptions_lose_nothing() {
    let desk = Desk::open().await;
    let mut last = 0;
    for round in 1..=5 {
        for value in 0..200 {
            last = desk.publish_event();
            desk.set_row(round * 1000 + value);
        }
        let _: i64 = desk
            .server
            .command(&["CLIENT", "KILL", "TYPE", "pubsub"])
            .await;
        for _ in 0..50 {
            last = desk.publish_event();
        }
        desk.event_sink.wait_for_event(last).await;
    }
    desk.wait_for_row(5199).await;
    desk.verify(last);
    let counts = desk.hub.bus().counts();
    assert!(counts.hub_reconnects >= 1 && counts.gaps == 0, "{counts:?}");
}

#[tokio::test]
async fn cut_commands_lose_nothing() {
    let desk = Desk::open().await;
    let mut last = 0;
    for round in 1..=5 {
        for value in 0..100 {
            last = desk.publish_event();
            desk.set_row(round * 1000 + value);
        }
        let _: i64 = desk
            .server
            .command(&["CLIENT", "KILL", "TYPE", "normal"])
            .await;
    }
    desk.event_sink.wait_for_event(last).await;
    desk.wait_for_row(5099).await;
    desk.verify(last);
}

#[tokio::test]
async fn a_message_without_end_costs_the_connection_and_nothing_else() {
    let desk = Desk::open().await;
    desk.publish_event();
    desk.event_sink.wait_for_event(1).await;
    let channel = desk.events.to_string();
    // Read in portions by a reader that holds at most 4 MiB, refused by size.
    let large = "x".repeat(9 << 20);
    let _: i64 = desk.server.command(&["PUBLISH", &channel, &large]).await;
    until("the large message is counted", async || {
        desk.hub
            .channel_counts(&desk.events)
            .is_some_and(|counts| counts.unreadable == 1)
    })
    .await;
    // Not even read to its end.
    let endless = "x".repeat(40 << 20);
    let _: i64 = desk.server.command(&["PUBLISH", &channel, &endless]).await;
    until("the connection was made anew", async || {
        desk.hub.bus().counts().hub_reconnects >= 1
    })
    .await;
    let last = desk.publish_event();
    desk.event_sink.wait_for_event(last).await;
    desk.verify(last);
}

#[tokio::test]
async fn nonsense_under_our_keys_is_overwritten() {
    let desk = Desk::open().await;
    desk.publish_event();
    desk.set_row(7);
    desk.event_sink.wait_for_event(1).await;
    desk.wait_for_row(7).await;
    for stream in [&desk.events, &desk.state] {
        let (log, meta) = (format!("qd:stream:{stream}"), format!("qd:meta:{stream}"));
        let _: () = desk.server.command(&["SET", &log, "nonsense"]).await;
        let _: () = desk.server.command(&["SET", &meta, "nonsense"]).await;
    }
    let _: () = desk.server.command(&["SCRIPT", "FLUSH"]).await;
    desk.publish_event();
    desk.set_row(8);
    desk.event_sink.wait_for_event(2).await;
    desk.wait_for_row(8).await;
    // An entry of somebody else's in our log, and a log without its number.
    let log = format!("qd:stream:{}", desk.events);
    let _: String = desk
        .server
        .command(&["XADD", &log, "99-0", "m", "nonsense"])
        .await;
    let meta = format!("qd:meta:{}", desk.state);
    let _: i64 = desk.server.command(&["DEL", &meta]).await;
    assert_eq!(desk.publishing.position(&desk.events).await.unwrap(), None);
    assert_eq!(desk.publishing.position(&desk.state).await.unwrap(), None);
    desk.publish_event();
    desk.set_row(9);
    desk.event_sink.wait_for_event(3).await;
    desk.wait_for_row(9).await;
    let page = desk
        .publishing
        .read_log(&desk.events, None, 10, 100_000)
        .await
        .unwrap();
    assert_eq!((page.base, page.entries.len()), (Seq(1), 3));
    desk.verify(3);
}

#[tokio::test]
async fn the_keys_are_those_of_the_contract() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.publish_event();
    }
    desk.event_sink.wait_for_event(3).await;
    type Entries = Vec<(String, Vec<(String, String)>)>;
    let entries: Entries = desk
        .server
        .command(&["XRANGE", "qd:stream:orders:alice", "-", "+"])
        .await;
    let ids: Vec<_> = entries
        .iter()
        .map(|(entry_id, _)| entry_id.as_str())
        .collect();
    assert_eq!(ids, ["1-0", "2-0", "3-0"]);
    let meta: Vec<String> = desk
        .server
        .command(&["HMGET", "qd:meta:orders:alice", "epoch", "seq", "base"])
        .await;
    let epoch = desk.event_publisher.position().epoch.to_string();
    assert_eq!(meta, [epoch.as_str(), "3", "1"]);
}

#[tokio::test]
async fn the_first_connection_must_work_and_says_what_is_wrong() {
    for (url, says) in [
        ("127.0.0.1:6379", "redis://"),
        ("http://:geheim@127.0.0.1:6379", "redis://"),
        ("rediss://:geheim@127.0.0.1:6379", "redis://"),
    ] {
        let err = Bus::redis(RedisConfig::new(url), clock())
            .await
            .unwrap_err();
        assert!(matches!(err, BusError::BadAddress { .. }), "{err}");
        assert!(
            err.to_string().contains(says) && !err.to_string().contains("geheim"),
            "{err}"
        );
    }
    let mut server = RedisServer::start().await;
    server.kill();
    let url = format!("redis://:geheim@127.0.0.1:{}", server.port);
    let err = Bus::redis(RedisConfig::new(&url), clock())
        .await
        .unwrap_err();
    assert!(matches!(err, BusError::Unreachable { .. }), "{err}");
    let text = err.to_string();
    let shown = format!("redis://***@127.0.0.1:{}", server.port);
    assert!(text.contains(&shown) && !text.contains("geheim"), "{text}");
    assert!(text.contains("start the server"), "{text}");
    // A server that does not answer is refused in time.
    server.run().await;
    server.freeze();
    let config = RedisConfig {
        connect_timeout: Duration::from_millis(300),
        ..RedisConfig::new(server.url())
    };
    let attempt = timeout(Duration::from_secs(5), Bus::redis(config, clock())).await;
    let err = attempt.expect("the attempt has a deadline").unwrap_err();
    assert!(err.to_string().contains("no answer within 300 ms"), "{err}");
    server.thaw();
}

#[tokio::test]
async fn an_unreadable_entry_of_a_log_is_a_hole_and_not_the_end() {
    let mut rig = Rig::redis().await;
    let (bus, stream, epoch) = (rig.bus.clone(), orders("alice"), fresh_epoch());
    append(&bus, None, entry(&stream, &epoch, 1, 0)).await;
    let foreign = entry(&orders("mallory"), &epoch, 3, 0).bytes;
    for (seq, rubbish) in [
        (2, "{nonsense"),
        (3, std::str::from_utf8(&foreign).unwrap()),
        (4, r#"{"no":"numbers"}"#),
    ] {
        let (id, seq) = (format!("{seq}-0"), seq.to_string());
        let log = format!("qd:stream:{stream}");
        let meta = format!("qd:meta:{stream}");
        let server = rig.server();
        let _: String = server.command(&["XADD", &log, &id, "m", rubbish]).await;
        let _: i64 = server.command(&["HSET", &meta, "seq", &seq]).await;
    }
    append(&bus, Some(at(&epoch, 4)), entry(&stream, &epoch, 5, 0)).await;
    let page = bus.read_log(&stream, None, 10, 100_000).await.unwrap();
    assert_eq!(
        (numbers(&page), page.head),
        (vec![1, 5], Some(at(&epoch, 5)))
    );
    // Page by page, too: a page of nothing but rubbish does not end the reading.
    let page = bus
        .read_log(&stream, Some(&at(&epoch, 1)), 1, 1)
        .await
        .unwrap();
    assert_eq!((numbers(&page), page.more), (vec![5], false));
    assert!(bus.counts().unreadable >= 6);
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream.clone(), recorder.clone());
    recorder.wait_for_event(5).await;
    append(&bus, Some(at(&epoch, 5)), entry(&stream, &epoch, 6, 0)).await;
    recorder.wait_for_event(6).await;
    assert_eq!(recorder.numbers(), [1, 5, 6]);
    assert_eq!(hub.channel_counts(&stream).unwrap().gaps, 1);
}

#[tokio::test]
async fn a_number_that_is_none_counts_as_a_loss_and_is_written_anew() {
    let desk = Desk::open().await;
    desk.publish_event();
    desk.event_sink.wait_for_event(1).await;
    let meta = format!("qd:meta:{}", desk.state);
    let _: i64 = desk
        .server
        .command(&["HSET", &meta, "epoch", "no epoch!"])
        .await;
    assert_eq!(desk.publishing.position(&desk.state).await.unwrap(), None);
    desk.set_row(2);
    desk.wait_for_row(2).await;
    desk.verify(1);
}

#[tokio::test]
async fn a_hub_that_cannot_check_says_no_number() {
    let mut rig = Rig::redis().await;
    let (bus, stream, epoch) = (rig.bus.clone(), orders("alice"), fresh_epoch());
    append(&bus, None, entry(&stream, &epoch, 1, 0)).await;
    let hub = rig.hub();
    let _guard = hub.subscribe(stream.clone(), Recorder::new());
    let says = async |what: &str, position: Option<qd_types::StreamPos>| {
        until(what, async || hub.position(&stream) == position).await;
    };
    says("the channel is verified", Some(at(&epoch, 1))).await;
    // Its subscription lives, and the server refuses every look.
    let scripts = |sign: &str| [format!("{sign}eval"), format!("{sign}evalsha")];
    let server = rig.server();
    let [eval, evalsha] = scripts("-");
    let _: String = server
        .command(&["ACL", "SETUSER", "default", &eval, &evalsha])
        .await;
    says("nothing is said", None).await;
    assert!(hub.link().borrow().is_up());
    let [eval, evalsha] = scripts("+");
    let _: String = server
        .command(&["ACL", "SETUSER", "default", &eval, &evalsha])
        .await;
    says("it is verified again", Some(at(&epoch, 1))).await;
}
