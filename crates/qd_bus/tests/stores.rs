//! Logs and keys: the same test bodies against the embedded bus and a real redis-server; one type, one behaviour.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use qd_bus::{AppendOutcome, fresh_epoch};
use qd_types::{MessageKind, Seq, StreamPos};
use qd_wire::head::write_message;
use serde_json::json;
use support::{Rig, append, at, body, entry, json_of, numbers, orders, positions, until};
use tokio::time::Instant;

on_both!(
    an_append_checks_number_and_epoch,
    logs_keep_their_bounds,
    a_log_is_read_by_pages,
    a_refilled_log_goes_on,
    keys_live_as_long_as_they_are_told,
);

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
