//! What a panic costs: of a source, of a publisher's task, of the hub's task. Never a stream that stands still.
#![expect(
    clippy::clone_on_ref_ptr,
    reason = "a sink is cloned into a trait object"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qd_bus::{EventPublisher, Hub, StatePublisher, StateSource};
use qd_types::{Clock, MessageKind, UtcMicros};
use qd_wire::head::Body;
use serde_json::json;
use support::{Recorder, Rig, Rows, WallClock, body, clock, json_of, orders, positions, until};

/// Panics once whenever it is told to.
#[derive(Default)]
struct Panics(AtomicBool);

impl Panics {
    fn arm(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_armed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn go_off(&self) {
        assert!(
            !self.0.swap(false, Ordering::SeqCst),
            "as the test asked for"
        );
    }
}

/// Rows whose reading may panic.
#[derive(Default)]
struct Source {
    rows: Rows,
    panics: Panics,
}

impl StateSource for Source {
    fn snapshot(&self) -> (Body, UtcMicros) {
        self.rows.snapshot()
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        self.panics.go_off();
        self.rows.delta(keys)
    }
}

#[derive(Default)]
struct PanickingClock(Panics);

impl Clock for PanickingClock {
    fn now(&self) -> UtcMicros {
        self.0.go_off();
        WallClock.now()
    }
}

#[tokio::test]
async fn a_source_that_panics_ends_no_publisher() {
    let rig = Rig::embedded();
    let stream = positions("alice");
    let source = Arc::new(Source::default());
    let publisher = StatePublisher::new(rig.bus.clone(), stream.clone(), source.clone(), clock());
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream, recorder.clone());
    recorder.wait_for_event(1).await;
    source.panics.arm();
    source.rows.set("AAPL", 7);
    publisher.mark("AAPL");
    recorder
        .wait("a new epoch has the row", |routed| {
            routed.last().is_some_and(|routed| {
                let kind = routed.head.as_ref().map(|head| head.kind);
                kind == Some(MessageKind::Snapshot) && json_of(&routed.bytes)["rows"]["AAPL"] == 7
            })
        })
        .await;
    source.rows.set("AAPL", 8);
    publisher.mark("AAPL");
    recorder
        .wait("deltas go on", |routed| {
            routed
                .last()
                .is_some_and(|routed| json_of(&routed.bytes)["changed"]["AAPL"] == 8)
        })
        .await;
    let counts = publisher.counts();
    assert!(counts.adds_up() && counts.epochs == 2, "{counts:?}");
}

#[tokio::test]
async fn a_panic_in_an_outboxs_task_loses_no_event() {
    let rig = Rig::embedded();
    let stream = orders("alice");
    let clock = Arc::new(PanickingClock::default());
    let publisher = EventPublisher::new(rig.bus.clone(), stream.clone(), clock.clone());
    let hub = rig.hub();
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream, recorder.clone());
    for n in 1..=3 {
        clock.0.arm();
        publisher
            .publish(body(&json!({ "n": n })), WallClock.now())
            .unwrap();
        until("the panic", async || !clock.0.is_armed()).await;
        recorder.wait_for_event(n).await;
    }
    publisher.drained().await;
    assert_eq!(recorder.numbers(), [1, 2, 3]);
}

#[tokio::test]
async fn a_panic_in_the_hubs_task_is_a_lost_connection_and_no_more() {
    let rig = Rig::embedded();
    let stream = orders("alice");
    let publisher = EventPublisher::new(rig.bus.clone(), stream.clone(), clock());
    let panicking = Arc::new(PanickingClock::default());
    let hub = Hub::new(rig.bus.clone(), panicking.clone());
    let recorder = Recorder::new();
    let _guard = hub.subscribe(stream.clone(), recorder.clone());
    let publish = || {
        let event = body(&json!({}));
        publisher.publish(event, WallClock.now()).unwrap()
    };
    publish();
    recorder.wait_for_event(1).await;
    panicking.0.arm();
    let last = publish();
    recorder.wait_for_event(last.seq.0).await;
    until("the hub stands by its number again", async || {
        hub.position(&stream) == Some(last.clone())
    })
    .await;
    let last = publish();
    recorder.wait_for_event(last.seq.0).await;
    assert!(hub.link().borrow().is_up());
}
