//! The same test bodies against the embedded bus and against a real redis-server: one type, one behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use qd_bus::{
    AppendOutcome, AppendRequest, Bus, EventPublisher, LogEntry, LogPage, Routed, StatePublisher,
    StateSource, fresh_epoch,
};
use qd_types::{
    Clock as _, Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos, UtcMicros,
};
use qd_wire::head::{Body, Head, write_message};
use serde_json::json;
use support::{
    PATIENCE, Recorder, Rig, Rows, WallClock, body, clock, json_of, orders, positions, until,
};

on_both!(
    an_append_checks_number_and_epoch,
    logs_keep_their_bounds,
    a_log_is_read_by_pages,
    a_refilled_log_goes_on,
    keys_live_as_long_as_they_are_told,
    events_reach_every_sink_once_and_in_order,
    a_sink_that_leaves_unsubscribes,
    fifteen_hundred_channels_at_once,
    foreign_messages_never_stop_a_stream,
    rows_are_conflated_and_the_last_value_always_goes_out,
    a_halt_goes_out_at_once_and_whole,
    a_snapshot_that_is_too_large_goes_out_as_refetch,
    a_lost_store_is_written_anew,
);

fn entry(stream: &StreamName, epoch: &Epoch, seq: u64, size: usize) -> LogEntry {
    let kind = match stream.class() {
        StreamClass::Event => MessageKind::Event,
        StreamClass::State if seq == 1 => MessageKind::Snapshot,
        StreamClass::State => MessageKind::Delta,
    };
    let head = Head {
        stream: stream.clone(),
        epoch: epoch.clone(),
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: WallClock.now(),
        published_at: WallClock.now(),
    };
    let bytes = write_message(&head, &body(&json!({ "n": seq, "pad": "x".repeat(size) })));
    LogEntry {
        head,
        bytes: Bytes::from(bytes),
    }
}

fn at(epoch: &Epoch, seq: u64) -> StreamPos {
    StreamPos {
        epoch: epoch.clone(),
        seq: Seq(seq),
    }
}

async fn append(bus: &Bus, expected: Option<StreamPos>, entry: LogEntry) -> AppendOutcome {
    let reset = entry.head.kind == MessageKind::Snapshot;
    bus.append(&AppendRequest {
        stream: entry.head.stream.clone(),
        expected,
        head: entry.head,
        bytes: entry.bytes,
        reset,
    })
    .await
    .unwrap()
}

fn numbers(page: &LogPage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.head.seq.0).collect()
}

async fn an_append_checks_number_and_epoch(rig: Rig) {
    let (bus, stream) = (&rig.bus, positions("alice"));
    let (first, second) = (fresh_epoch(), fresh_epoch());
    assert_eq!(bus.position(&stream).await.unwrap(), None);
    let nothing = bus.read_log(&stream, None, 10, 1000).await.unwrap();
    assert_eq!(
        (nothing.head, nothing.base, nothing.entries.len()),
        (None, Seq(0), 0)
    );

    // Something is expected where there is nothing.
    let outcome = append(bus, Some(at(&first, 4)), entry(&stream, &first, 5, 0)).await;
    assert_eq!(outcome, AppendOutcome::Mismatch { holds: None });
    assert_eq!(bus.position(&stream).await.unwrap(), None);

    let outcome = append(bus, None, entry(&stream, &first, 1, 0)).await;
    assert_eq!(outcome, AppendOutcome::Appended);
    let outcome = append(bus, Some(at(&first, 1)), entry(&stream, &first, 2, 0)).await;
    assert_eq!(outcome, AppendOutcome::Appended);
    // The same number again, a number too far, and another epoch.
    for expected in [at(&first, 1), at(&first, 3), at(&second, 2)] {
        let outcome = append(bus, Some(expected), entry(&stream, &first, 2, 0)).await;
        let holds = Some(at(&first, 2));
        assert_eq!(outcome, AppendOutcome::Mismatch { holds });
    }
    assert_eq!(bus.position(&stream).await.unwrap(), Some(at(&first, 2)));
    // A snapshot within the epoch cuts the log and keeps counting.
    let mut snapshot = entry(&stream, &first, 3, 0);
    snapshot.head.kind = MessageKind::Snapshot;
    snapshot.head.base_seq = None;
    snapshot.bytes = Bytes::from(write_message(&snapshot.head, &body(&json!({}))));
    let outcome = append(bus, Some(at(&first, 2)), snapshot).await;
    assert_eq!(outcome, AppendOutcome::Appended);
    let page = bus.read_log(&stream, None, 10, 100_000).await.unwrap();
    assert_eq!((numbers(&page), page.base), (vec![3], Seq(3)));
    // A new epoch takes over whatever there is.
    append(bus, None, entry(&stream, &second, 1, 0)).await;
    let page = bus
        .read_log(&stream, Some(&at(&first, 3)), 10, 100_000)
        .await
        .unwrap();
    assert_eq!(
        (page.head.clone(), numbers(&page)),
        (Some(at(&second, 1)), vec![1])
    );
    let both = [stream, orders("alice")];
    assert_eq!(
        bus.positions(&both).await.unwrap(),
        [Some(at(&second, 1)), None]
    );
    let counts = bus.counts();
    assert_eq!((counts.published, counts.mismatches), (4, 4));
}

async fn logs_keep_their_bounds(rig: Rig) {
    let bus = &rig.bus;
    let epoch = fresh_epoch();
    // By count: small entries.
    let stream = orders("small");
    bus.refill(&stream, at(&epoch, 0), Vec::new())
        .await
        .unwrap();
    for seq in 1..=1010 {
        append(
            bus,
            Some(at(&epoch, seq - 1)),
            entry(&stream, &epoch, seq, 0),
        )
        .await;
    }
    let page = bus.read_log(&stream, None, 5000, 10_000_000).await.unwrap();
    assert_eq!(
        (page.base, page.entries.len(), page.more),
        (Seq(11), 1000, false)
    );
    assert_eq!(numbers(&page), (11..=1010).collect::<Vec<_>>());
    // By bytes: large entries.
    let stream = orders("large");
    bus.refill(&stream, at(&epoch, 0), Vec::new())
        .await
        .unwrap();
    for seq in 1..=40 {
        append(
            bus,
            Some(at(&epoch, seq - 1)),
            entry(&stream, &epoch, seq, 15_000),
        )
        .await;
    }
    let page = bus.read_log(&stream, None, 5000, 10_000_000).await.unwrap();
    let bytes: usize = page.entries.iter().map(|entry| entry.bytes.len()).sum();
    assert!(bytes <= qd_bus::EVENT_LOG_MAX_BYTES, "{bytes}");
    assert_eq!(page.entries.len(), qd_bus::EVENT_LOG_MAX_BYTES / 15_240);
    assert_eq!(numbers(&page).last(), Some(&40));
    // A state log is cut by its snapshots and by nothing else.
    let stream = positions("alice");
    append(bus, None, entry(&stream, &epoch, 1, 700_000)).await;
    for seq in 2..=20 {
        append(
            bus,
            Some(at(&epoch, seq - 1)),
            entry(&stream, &epoch, seq, 3000),
        )
        .await;
    }
    let page = bus.read_log(&stream, None, 5000, 10_000_000).await.unwrap();
    assert_eq!((page.base, page.entries.len()), (Seq(1), 20));
}

async fn a_log_is_read_by_pages(rig: Rig) {
    let (bus, stream, epoch) = (&rig.bus, orders("alice"), fresh_epoch());
    bus.refill(&stream, at(&epoch, 0), Vec::new())
        .await
        .unwrap();
    for seq in 1..=25 {
        append(
            bus,
            Some(at(&epoch, seq - 1)),
            entry(&stream, &epoch, seq, 1000),
        )
        .await;
    }
    let read = async |after: Option<StreamPos>, max_messages, max_bytes| {
        let page = bus
            .read_log(&stream, after.as_ref(), max_messages, max_bytes)
            .await
            .unwrap();
        assert_eq!(page.head, Some(at(&epoch, 25)));
        (numbers(&page), page.more)
    };
    assert_eq!(read(None, 3, 100_000).await, (vec![1, 2, 3], true));
    assert_eq!(
        read(Some(at(&epoch, 3)), 3, 100_000).await,
        (vec![4, 5, 6], true)
    );
    // By bytes, but one at least.
    assert_eq!(
        read(Some(at(&epoch, 3)), 100, 3000).await,
        (vec![4, 5], true)
    );
    assert_eq!(read(Some(at(&epoch, 3)), 100, 1).await, (vec![4], true));
    assert_eq!(
        read(Some(at(&epoch, 22)), 3, 100_000).await,
        (vec![23, 24, 25], false)
    );
    assert_eq!(
        read(Some(at(&epoch, 25)), 3, 100_000).await,
        (vec![], false)
    );
    assert_eq!(
        read(Some(at(&epoch, 99)), 3, 100_000).await,
        (vec![], false)
    );
    // Another epoch's number says nothing about this one.
    assert_eq!(
        read(Some(at(&fresh_epoch(), 24)), 2, 100_000).await,
        (vec![1, 2], true)
    );
}

async fn a_refilled_log_goes_on(rig: Rig) {
    let (bus, stream, epoch) = (&rig.bus, orders("alice"), fresh_epoch());
    bus.refill(&stream, at(&epoch, 7), Vec::new())
        .await
        .unwrap();
    let page = bus.read_log(&stream, None, 10, 10_000).await.unwrap();
    assert_eq!((page.head, page.base), (Some(at(&epoch, 7)), Seq(8)));
    let entries = (5..=7).map(|seq| entry(&stream, &epoch, seq, 0)).collect();
    bus.refill(&stream, at(&epoch, 7), entries).await.unwrap();
    let outcome = append(bus, Some(at(&epoch, 7)), entry(&stream, &epoch, 8, 0)).await;
    assert_eq!(outcome, AppendOutcome::Appended);
    let page = bus
        .read_log(&stream, Some(&at(&epoch, 2)), 10, 10_000)
        .await
        .unwrap();
    assert_eq!((numbers(&page), page.base), (vec![5, 6, 7, 8], Seq(5)));
    assert_eq!(page.entries.last().unwrap().head.seq, Seq(8));
    assert_eq!(json_of(&page.entries.last().unwrap().bytes)["n"], 8);
}

async fn keys_live_as_long_as_they_are_told(rig: Rig) {
    let bus = &rig.bus;
    assert_eq!(bus.kv_get("k").await.unwrap(), None);
    bus.kv_set("k", "one", 60_000).await.unwrap();
    assert_eq!(
        bus.kv_get("k").await.unwrap().as_deref(),
        Some(b"one".as_slice())
    );
    assert!(!bus.kv_add_if_absent("k", "two", 60_000).await.unwrap());
    assert!(
        !bus.kv_compare_and_set("k", b"two", "three", 60_000)
            .await
            .unwrap()
    );
    assert!(
        bus.kv_compare_and_set("k", b"one", "three", 60_000)
            .await
            .unwrap()
    );
    assert!(bus.kv_delete("k").await.unwrap());
    assert!(!bus.kv_delete("k").await.unwrap());
    assert!(
        !bus.kv_compare_and_set("k", b"three", "four", 60_000)
            .await
            .unwrap()
    );
    assert!(!bus.kv_expire("k", 60_000).await.unwrap());
    assert!(
        bus.kv_add_if_absent("k", vec![0, 159, 255], 60_000)
            .await
            .unwrap()
    );
    assert_eq!(
        bus.kv_get("k").await.unwrap().as_deref(),
        Some([0, 159, 255].as_slice())
    );

    let started = Instant::now();
    bus.kv_set("short", "x", 150).await.unwrap();
    bus.kv_set("kept", "x", 150).await.unwrap();
    assert!(bus.kv_expire("kept", 60_000).await.unwrap());
    until("the key expires", async || {
        bus.kv_get("short").await.unwrap().is_none()
    })
    .await;
    assert!(started.elapsed() >= Duration::from_millis(149));
    assert!(bus.kv_get("kept").await.unwrap().is_some());
    assert!(
        bus.kv_add_if_absent("short", "again", 60_000)
            .await
            .unwrap()
    );
}

async fn events_reach_every_sink_once_and_in_order(rig: Rig) {
    let stream = orders("alice");
    let publisher = EventPublisher::new(rig.bus.clone(), stream.clone(), clock());
    let publish = |range: std::ops::RangeInclusive<u64>| {
        for n in range {
            let position = publisher
                .publish(body(&json!({ "n": n })), WallClock.now())
                .unwrap();
            assert_eq!(position.seq, Seq(n));
        }
    };
    publish(1..=50);
    publisher.drained().await;
    let hub = rig.hub();
    let early = Recorder::new();
    let _early = hub.subscribe(stream.clone(), early.clone());
    early.wait_for_event(50).await;
    publish(51..=300);
    let late = Recorder::new();
    let _late = hub.subscribe(stream.clone(), late.clone());
    publish(301..=500);
    early.wait_for_event(500).await;
    late.wait_for_event(500).await;
    assert_eq!(early.numbers(), (1..=500).collect::<Vec<_>>());
    let numbers = late.numbers();
    let first = *numbers.first().unwrap();
    assert_eq!(numbers, (first..=500).collect::<Vec<_>>());
    for routed in early.routed() {
        assert_eq!(
            json_of(&routed.bytes)["n"],
            routed.head.as_ref().unwrap().seq.0
        );
        assert_eq!(routed.stream, stream);
    }
    // What every sink was handed is one buffer.
    assert!(Arc::ptr_eq(
        early.routed().last().unwrap(),
        late.routed().last().unwrap()
    ));
    until("the hub's position is the publisher's", async || {
        hub.position(&stream) == Some(publisher.position())
    })
    .await;
    let counts = hub.channel_counts(&stream).unwrap();
    assert!(counts.adds_up(), "{counts:?}");
    assert_eq!((counts.delivered, counts.gaps, counts.queued), (500, 0, 0));
    assert_eq!(rig.bus.counts().routed, 500);
}

async fn a_sink_that_leaves_unsubscribes(rig: Rig) {
    let (bus, stream) = (&rig.bus, orders("alice"));
    let hub = rig.hub();
    let other_node = rig.hub();
    let guards = [
        hub.subscribe(stream.clone(), Recorder::new()),
        hub.subscribe(stream.clone(), Recorder::new()),
    ];
    let guard = other_node.subscribe(stream.clone(), Recorder::new());
    until("both nodes are subscribed", async || {
        bus.num_subscribers(&stream).await.unwrap() == 2
    })
    .await;
    let [first, second] = guards;
    drop(first);
    drop(guard);
    until("one node is left", async || {
        bus.num_subscribers(&stream).await.unwrap() == 1
    })
    .await;
    drop(second);
    until("nobody is left", async || {
        bus.num_subscribers(&stream).await.unwrap() == 0
    })
    .await;
    assert_eq!(hub.position(&stream), None);
    // And back again.
    let publisher = EventPublisher::new(bus.clone(), stream.clone(), clock());
    publisher
        .publish(body(&json!({})), WallClock.now())
        .unwrap();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream.clone(), recorder.clone());
    recorder.wait_for_event(1).await;
}

async fn fifteen_hundred_channels_at_once(rig: Rig) {
    let hub = rig.hub();
    let recorder = Recorder::new();
    let streams: Vec<_> = (0..1500).map(|n| orders(&format!("user{n}"))).collect();
    let _guards: Vec<_> = streams
        .iter()
        .map(|stream| hub.subscribe(stream.clone(), recorder.clone()))
        .collect();
    let last = streams.last().unwrap();
    until("the last channel is subscribed", async || {
        rig.bus.num_subscribers(last).await.unwrap() == 1
    })
    .await;
    let epoch = fresh_epoch();
    for stream in &streams {
        append(&rig.bus, None, entry(stream, &epoch, 1, 0)).await;
    }
    recorder
        .wait("every channel has its message", |routed| {
            routed.len() == 1500
        })
        .await;
    until("every channel is verified", async || {
        streams
            .iter()
            .all(|stream| hub.position(stream) == Some(at(&epoch, 1)))
    })
    .await;
}

async fn foreign_messages_never_stop_a_stream(rig: Rig) {
    let stream = orders("alice");
    let channel = stream.to_string();
    let publisher = EventPublisher::new(rig.bus.clone(), stream.clone(), clock());
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream.clone(), recorder.clone());
    until("the channel is live", async || {
        hub.position(&stream) == Some(publisher.position())
    })
    .await;

    let elsewhere = entry(&orders("mallory"), &fresh_epoch(), 1, 0);
    let oversized = format!(
        r#"{{"pad":"{}"}}"#,
        "x".repeat(qd_wire::head::MAX_MESSAGE_BYTES)
    );
    let bad: Vec<Bytes> = vec![
        Bytes::from_static(b""),
        Bytes::from_static(b"{not json"),
        Bytes::from_static(b"[1,2]"),
        Bytes::from_static(b"\xff\xfe"),
        Bytes::from_static(br#"{"v":1,"stream":"orders:alice","epoch":"e","seq":"one"}"#),
        elsewhere.bytes,
        Bytes::from(oversized),
    ];
    let num_bad = bad.len() as u64;
    for bytes in bad {
        publisher
            .publish(body(&json!({ "between": true })), WallClock.now())
            .unwrap();
        rig.bus.publish_raw(&channel, bytes).await.unwrap();
    }
    rig.bus
        .publish_raw(&channel, r#"{"order":{"unnumbered":true}}"#)
        .await
        .unwrap();
    let last = publisher
        .publish(body(&json!({ "last": true })), WallClock.now())
        .unwrap();
    recorder.wait_for_event(last.seq.0).await;
    recorder
        .wait("the unnumbered message is routed", |routed| {
            routed.iter().any(|routed| routed.head.is_none())
        })
        .await;
    until("everything bad is counted", async || {
        hub.channel_counts(&stream)
            .is_some_and(|counts| counts.unreadable == num_bad)
    })
    .await;
    assert_eq!(recorder.numbers(), (1..=last.seq.0).collect::<Vec<_>>());
    let counts = rig.bus.counts();
    assert_eq!(
        (counts.unreadable, counts.routed_unnumbered, counts.gaps),
        (num_bad, 1, 0)
    );
}

/// Applies what was routed, as a reader does.
fn view(routed: &[Arc<Routed>]) -> Option<(Epoch, serde_json::Map<String, serde_json::Value>)> {
    let mut view: Option<(Epoch, serde_json::Map<_, _>)> = None;
    for routed in routed {
        let head = routed.head.as_ref().unwrap();
        let message = json_of(&routed.bytes);
        if head.kind == MessageKind::Snapshot {
            view = Some((
                head.epoch.clone(),
                message["rows"].as_object().unwrap().clone(),
            ));
        } else {
            let (epoch, rows) = view.as_mut().expect("a snapshot comes first");
            assert_eq!(*epoch, head.epoch);
            rows.extend(message["changed"].as_object().unwrap().clone());
        }
    }
    view
}

async fn rows_are_conflated_and_the_last_value_always_goes_out(rig: Rig) {
    let stream = positions("alice");
    let rows = Arc::new(Rows::default());
    rows.set("AAPL", 0);
    let publisher = StatePublisher::new(rig.bus.clone(), stream.clone(), rows.clone(), clock());
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream.clone(), recorder.clone());
    let started = Instant::now();
    let mut value = 0;
    while started.elapsed() < Duration::from_millis(650) {
        value += 1;
        for symbol in ["AAPL", "MSFT", "NVDA"] {
            rows.set(symbol, value);
            publisher.mark(symbol);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = started.elapsed();
    recorder
        .wait("the last value is routed", |routed| {
            view(routed).is_some_and(|(_, rows)| {
                ["AAPL", "MSFT", "NVDA"]
                    .iter()
                    .all(|symbol| rows.get(*symbol) == Some(&json!(value)))
            })
        })
        .await;
    let most = elapsed.as_millis() / 100 + 3;
    let num = recorder.routed().len();
    assert!(
        (3..=most).contains(&(num as u128)),
        "{num} messages in {elapsed:?}"
    );
    until("the publisher knows that it is through", async || {
        publisher.counts().queued == 0
    })
    .await;
    let counts = publisher.counts();
    assert!(counts.adds_up() && counts.conflated > 0, "{counts:?}");
    assert_eq!((counts.snapshots, counts.epochs), (1, 1), "{counts:?}");
    assert_eq!(
        publisher.position().as_ref().map(|pos| pos.seq),
        Some(Seq(num as u64))
    );
}

async fn a_halt_goes_out_at_once_and_whole(rig: Rig) {
    let stream = StreamName::KillSwitch;
    let rows = Arc::new(Rows::default());
    let publisher = StatePublisher::new(rig.bus.clone(), stream.clone(), rows.clone(), clock());
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream, recorder.clone());
    recorder
        .wait("the first picture is there", |routed| !routed.is_empty())
        .await;
    let started = Instant::now();
    for value in 1..=20 {
        rows.set("state", value);
        publisher.mark("state");
        recorder
            .wait("the change is there", |routed| {
                json_of(&routed.last().unwrap().bytes)["rows"]["state"] == value
            })
            .await;
    }
    // Twenty changes one after the other: throttled, they would take two seconds.
    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
    assert!(
        recorder
            .routed()
            .iter()
            .all(|routed| routed.head.as_ref().unwrap().kind == MessageKind::Snapshot)
    );
}

/// A state whose picture fits a body but no message, and whose changes fill half a log.
struct Whale;

impl StateSource for Whale {
    fn snapshot(&self) -> (Body, UtcMicros) {
        let pad = "x".repeat(qd_bus::SNAPSHOT_MAX_BYTES - 100);
        (body(&json!({ "pad": pad })), WallClock.now())
    }

    fn delta(&self, _keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let pad = "x".repeat(qd_bus::STATE_LOG_MAX_DELTA_BYTES / 2);
        (body(&json!({ "pad": pad })), WallClock.now())
    }
}

async fn a_snapshot_that_is_too_large_goes_out_as_refetch(rig: Rig) {
    let stream = positions("whale");
    let publisher = StatePublisher::new(rig.bus.clone(), stream.clone(), Arc::new(Whale), clock());
    let mut position = publisher.positions();
    for seq in 1..=3 {
        publisher.mark("row");
        support::wait_for("the next number", &mut position, |pos| {
            pos.as_ref().is_some_and(|pos| pos.seq >= Seq(seq))
        })
        .await;
        let page = rig
            .bus
            .read_log(&stream, None, 10, 10_000_000)
            .await
            .unwrap();
        let kinds: Vec<_> = page.entries.iter().map(|entry| entry.head.kind).collect();
        match seq {
            1 => {
                assert_eq!(kinds.first(), Some(&MessageKind::Refetch));
                assert!(page.entries.first().unwrap().bytes.len() < 1000);
            }
            2 => assert_eq!(kinds, [MessageKind::Refetch, MessageKind::Delta]),
            // The second delta would have gone over the log's bound: a whole picture instead.
            _ => assert_eq!((kinds, page.base), (vec![MessageKind::Refetch], Seq(3))),
        }
    }
}

async fn a_lost_store_is_written_anew(rig: Rig) {
    let (state, events) = (positions("alice"), orders("alice"));
    let rows = Arc::new(Rows::default());
    rows.set("AAPL", 1);
    let state_publisher = StatePublisher::new(rig.bus.clone(), state.clone(), rows, clock());
    let event_publisher = EventPublisher::new(rig.bus.clone(), events.clone(), clock());
    let hub = rig.hub();
    let (state_sink, event_sink) = (Recorder::new(), Recorder::new());
    let _guards = [
        hub.subscribe(state.clone(), state_sink.clone()),
        hub.subscribe(events.clone(), event_sink.clone()),
    ];
    let epoch = event_publisher.position().epoch;
    for n in 1..=20 {
        event_publisher
            .publish(body(&json!({ "n": n })), WallClock.now())
            .unwrap();
    }
    event_sink.wait_for_event(20).await;
    state_sink
        .wait("the snapshot is there", |routed| !routed.is_empty())
        .await;
    let first_epoch = state_publisher.position().unwrap().epoch;

    // Nobody changes anything: the publishers have to look by themselves.
    rig.lose_store().await;
    until("both logs are there again", async || {
        rig.bus.position(&events).await.unwrap() == Some(at(&epoch, 20))
            && rig.bus.position(&state).await.unwrap().is_some()
    })
    .await;
    let page = rig.bus.read_log(&events, None, 100, 100_000).await.unwrap();
    assert_eq!(numbers(&page), (1..=20).collect::<Vec<_>>());
    state_sink
        .wait("the new epoch's snapshot is routed", |routed| {
            let head = routed.last().unwrap().head.clone().unwrap();
            head.epoch != first_epoch && head.kind == MessageKind::Snapshot && head.seq == Seq(1)
        })
        .await;
    // And on it goes, in the events' old epoch and the state's new one.
    event_publisher
        .publish(body(&json!({ "n": 21 })), WallClock.now())
        .unwrap();
    event_sink.wait_for_event(21).await;
    assert_eq!(event_sink.numbers(), (1..=21).collect::<Vec<_>>());
    tokio::time::timeout(PATIENCE, event_publisher.drained())
        .await
        .unwrap();
    assert!(rig.bus.counts().refills >= 2);
}
