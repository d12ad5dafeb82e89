//! The bus side by itself: silence, and waking after a sleep.
//!
//! A real server is `tests/pipeline`'s.

use std::time::Duration;

use futures_util::FutureExt as _;
use qd_state::{ConnectionState, SnapshotCell, Store, StoreConfig};
use qd_types::Environment;

use super::super::IngestParts;
use super::*;
use crate::config::FeedConfig;

fn ingest(rt: &Rt) -> Ingest {
    let source = FeedSource::Redis {
        url: "redis://127.0.0.1:1".to_owned(),
        user: UserId::new("alice").unwrap(),
        environment: Environment::Paper,
    };
    let (_port, commands) = crossbeam_channel::bounded(1);
    Ingest::new(IngestParts {
        config: FeedConfig {
            source,
            client_kind: Arc::from("native"),
            client_version: Arc::from("test"),
        },
        store: Store::new(StoreConfig::default()),
        cell: Arc::<SnapshotCell>::default(),
        rt: rt.clone(),
        commands,
        signal: Arc::default(),
        meter: Arc::default(),
        paint_log: Arc::default(),
    })
}

fn state(ingest: &mut Ingest) -> ConnectionState {
    let now = ingest.rt.now();
    ingest.store.snapshot_if_changed(now);
    ingest.store.last_snapshot().connection.state
}

/// A place and a message at it.
async fn append(bus: &Bus, stream: StreamName, kind: qd_types::MessageKind, body: &qd_wire::Body) {
    let at = UtcMicros(1_000_000);
    let head = qd_wire::Head {
        stream: stream.clone(),
        epoch: qd_types::Epoch::new("e").unwrap(),
        seq: qd_types::Seq(1),
        base_seq: None,
        kind,
        made_at: at,
        published_at: at,
    };
    let request = qd_bus::AppendRequest {
        stream,
        expected: None,
        bytes: qd_wire::write_message(&head, body).into(),
        head,
        reset: true,
    };
    bus.append(&request).await.unwrap();
}

fn positions_verified(ingest: &mut Ingest) -> bool {
    let now = ingest.rt.now();
    ingest.store.snapshot_if_changed(now);
    let snapshot = ingest.store.last_snapshot();
    snapshot.positions.seal.state.is_verified()
}

// covers: RT-6
// covers: RT-8
#[tokio::test]
async fn a_feed_that_wakes_is_dark_at_once_and_green_only_when_the_log_has_answered() {
    let wall = Arc::new(qd_types::ManualClock::new(UtcMicros::from_millis(
        1_000_000,
    )));
    let clock: Arc<dyn Clock> = Arc::clone(&wall) as Arc<dyn Clock>;
    let rt = Rt::with_clock(tokio::runtime::Handle::current(), clock);
    for slept_millis in [180_000, 8 * 3_600_000] {
        let mut ingest = ingest(&rt);
        let bus = Bus::embedded(Arc::new(rt.clone()));
        let stream = StreamName::Positions(UserId::new("alice").unwrap());
        let body = qd_wire::message::positions_snapshot_body(
            &qd_wire::message::PositionTotals::default(),
            &[],
        );
        append(&bus, stream, qd_types::MessageKind::Snapshot, &body).await;
        ingest.bus_connected(Ok(bus));
        while !positions_verified(&mut ingest) {
            ingest.turn();
            if let Some(Some(job)) = futures_util::StreamExt::next(&mut ingest.jobs).now_or_never()
            {
                ingest.job_done(job);
            }
            wall.advance_millis(1);
            tokio::task::yield_now().await;
        }
        // Every task of ours stood still; only the wall clock went on.
        wall.advance_millis(slept_millis);
        let jobs_before = ingest.jobs.len();
        ingest.turn();
        assert!(
            !positions_verified(&mut ingest),
            "{slept_millis}: dark at once"
        );
        assert!(ingest.jobs.len() > jobs_before, "the log is asked");
        for _ in 0..50 {
            wall.advance_millis(20);
            ingest.turn();
            assert!(
                !positions_verified(&mut ingest),
                "{slept_millis}: no beat of the hub's own memory may prove anything"
            );
        }
        while !positions_verified(&mut ingest) {
            if let Some(Some(job)) = futures_util::StreamExt::next(&mut ingest.jobs).now_or_never()
            {
                ingest.job_done(job);
            }
            wall.advance_millis(1);
            tokio::task::yield_now().await;
            ingest.turn();
        }
    }
}

#[tokio::test]
async fn after_a_silence_the_bus_is_greeted_anew() {
    let rt = Rt::new(tokio::runtime::Handle::current());
    let mut ingest = ingest(&rt);
    ingest.bus_connected(Ok(Bus::embedded(Arc::new(rt.clone()))));
    let turn = |ingest: &mut Ingest| ingest.advance_bus(rt.monotonic_micros());
    while state(&mut ingest) == ConnectionState::Connecting {
        turn(&mut ingest);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The machine slept: the next look at the clock finds no word for too long.
    let later = rt.now().plus_millis(13_000);
    let effects = ingest.store.apply(Event::Ticked, later);
    assert_eq!(state(&mut ingest), ConnectionState::Reconnecting);
    for effect in effects {
        ingest.effect(effect);
    }
    turn(&mut ingest);
    assert!(matches!(
        state(&mut ingest),
        ConnectionState::Live | ConnectionState::Resyncing
    ));
}
