//! Publishers and hub: the same test bodies against the embedded bus and a real redis-server; one type, one behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::clone_on_ref_ptr,
    reason = "a sink is cloned into a trait object"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use qd_bus::{EventPublisher, Routed, StatePublisher, StateSource, fresh_epoch};
use qd_types::{Clock as _, Epoch, MessageKind, Seq, StreamName, UtcMicros};
use qd_wire::head::Body;
use serde_json::json;
use support::{
    PATIENCE, Recorder, Rig, Rows, WallClock, append, at, body, clock, entry, json_of, numbers,
    orders, positions, until,
};
use tokio::time::Instant;

on_both!(
    events_reach_every_sink_once_and_in_order,
    a_sink_that_leaves_unsubscribes,
    fifteen_hundred_channels_at_once,
    foreign_messages_never_stop_a_stream,
    rows_are_conflated_and_the_last_value_always_goes_out,
    a_halt_goes_out_at_once_and_whole,
    a_snapshot_that_is_too_large_goes_out_as_refetch,
    a_lost_store_is_written_anew,
);

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
