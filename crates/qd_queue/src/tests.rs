//! The queue against a model, and the counting law under threads. Nothing here measures time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use proptest::prelude::*;

use super::*;

fn assert_law(counters: Counters) {
    assert_eq!(
        counters.received,
        counters.delivered + counters.dropped + counters.queued,
        "{counters:?}"
    );
}

// covers: RT-4
#[test]
fn a_full_queue_gives_back_its_oldest() {
    let (tx, rx) = bounded(2);
    assert_eq!(tx.push(1), None);
    assert_eq!(tx.push(2), None);
    assert_eq!(tx.push(3), Some(1));
    assert_eq!(rx.drain().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(rx.pop(), None);
    assert_eq!(
        tx.counters(),
        Counters {
            received: 3,
            delivered: 2,
            dropped: 1,
            queued: 0,
            high_water: 2,
        }
    );
}

#[test]
fn a_queue_holds_at_least_one() {
    let (tx, rx) = bounded(0);
    assert_eq!((tx.push("a"), tx.push("b")), (None, Some("a")));
    assert_eq!(rx.pop(), Some("b"));
}

#[test]
fn closing_drops_what_waits_and_hands_back_what_comes_later() {
    let (tx, rx) = bounded(4);
    let witness = Arc::new(());
    for _ in 0..3 {
        assert!(tx.push(Arc::clone(&witness)).is_none());
    }
    assert!(rx.pop().is_some());
    drop(rx);
    assert_eq!(Arc::strong_count(&witness), 1, "what waited is freed");
    assert!(tx.is_closed());
    assert!(tx.push(Arc::clone(&witness)).is_some());
    let counters = tx.counters();
    assert_eq!(
        (
            counters.received,
            counters.delivered,
            counters.dropped,
            counters.queued
        ),
        (4, 1, 3, 0)
    );
}

#[test]
fn the_reader_is_woken_by_every_push_and_by_the_last_farewell() {
    let (tx, rx) = bounded(1);
    let wakes = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&wakes);
    tx.set_waker(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    tx.push(1);
    tx.push(2);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
    let other = tx.clone();
    drop(tx);
    assert_eq!(wakes.load(Ordering::SeqCst), 2, "one sender is left");
    assert!(!rx.is_finished());
    drop(other);
    assert_eq!(wakes.load(Ordering::SeqCst), 3);
    assert!(!rx.is_finished(), "an item waits");
    assert_eq!(rx.pop(), Some(2));
    assert!(rx.is_finished());
}

#[test]
fn a_waker_may_use_the_queue() {
    let (tx, rx) = bounded(4);
    let inner = tx.clone();
    tx.set_waker(move || {
        if inner.counters().received < 3 {
            inner.push(0);
        }
    });
    tx.push(1);
    assert_eq!(rx.len(), 3);
    // The waker holds a sender of its own queue: break the circle.
    rx.set_waker(|| {});
}

/// One step of the model test.
#[derive(Clone, Debug)]
enum Step {
    Push,
    Pop,
    Drain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![5 => Just(Step::Push), 3 => Just(Step::Pop), 1 => Just(Step::Drain)];
    prop::collection::vec(step, 0..400)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the law must hold between threads, and scoped ones cannot be left behind"
)]
mod property_tests {
    use super::*;

    proptest! {
        /// Any run of pushes and pops is what a list with an eye on its length would do, and the counters say so.
        #[test]
        fn prop_the_queue_is_a_bounded_list(capacity in 1_usize..20, steps in steps()) {
            let (tx, rx) = bounded(capacity);
            let mut oracle = VecDeque::new();
            let mut expected = Counters::default();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        expected.received += 1;
                        oracle.push_back(number);
                        let displaced = (oracle.len() > capacity).then(|| oracle.pop_front()).flatten();
                        expected.dropped += u64::from(displaced.is_some());
                        expected.high_water = expected.high_water.max(oracle.len() as u64);
                        prop_assert_eq!(tx.push(number), displaced);
                    }
                    Step::Pop => {
                        let oldest = oracle.pop_front();
                        expected.delivered += u64::from(oldest.is_some());
                        prop_assert_eq!(rx.pop(), oldest);
                    }
                    Step::Drain => {
                        expected.delivered += oracle.len() as u64;
                        prop_assert_eq!(rx.drain().collect::<Vec<_>>(), oracle.drain(..).collect::<Vec<_>>());
                    }
                }
                expected.queued = oracle.len() as u64;
                prop_assert_eq!(rx.counters(), expected);
                prop_assert_eq!(rx.len(), oracle.len());
            }
            drop(rx);
            expected.dropped += expected.queued;
            expected.queued = 0;
            prop_assert_eq!(tx.counters(), expected);
        }

        /// With senders and a reader racing, every item ends in exactly one place, each sender's items come out in
        /// order, and nobody ever sees counters that do not add up.
        #[test]
        fn prop_the_law_holds_under_threads(
            capacity in 1_usize..8,
            num_senders in 1_u64..4,
            per_sender in 1_u64..300,
            pops in 0_usize..600,
            close_early in any::<bool>(),
        ) {
            let (tx, rx) = bounded(capacity);
            let start = Barrier::new(usize::try_from(num_senders).unwrap() + 1);
            let (delivered, mut seen) = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..num_senders)
                    .map(|sender| {
                        let (tx, start) = (tx.clone(), &start);
                        scope.spawn(move || {
                            start.wait();
                            let mut displaced = Vec::new();
                            for number in 0..per_sender {
                                displaced.extend(tx.push((sender, number)));
                                assert_law(tx.counters());
                            }
                            displaced
                        })
                    })
                    .collect();
                let start = &start;
                let reader = scope.spawn(move || {
                    start.wait();
                    let mut delivered = Vec::new();
                    for _ in 0..pops {
                        delivered.extend(rx.pop());
                        assert_law(rx.counters());
                    }
                    (delivered, (!close_early).then_some(rx))
                });
                let (delivered, rx) = reader.join().unwrap();
                let mut seen = Vec::new();
                for writer in writers {
                    seen.extend(writer.join().unwrap());
                }
                if let Some(rx) = &rx {
                    assert_eq!(rx.counters().queued, rx.len() as u64, "at rest nothing is between hands");
                }
                let left: Vec<_> = rx.iter().flat_map(Receiver::drain).collect();
                seen.extend(left);
                (delivered, seen)
            });
            for sender in 0..num_senders {
                let order: Vec<_> = delivered.iter().filter(|(by, _)| *by == sender).collect();
                prop_assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "out of order");
            }
            seen.extend(delivered);
            seen.sort_unstable();
            seen.dedup();
            let counters = tx.counters();
            let total = num_senders * per_sender;
            prop_assert_eq!(counters.received, total);
            prop_assert_eq!(counters.queued, 0);
            prop_assert!(counters.high_water <= capacity as u64);
            // Closed early, what waited at that moment is freed without being seen, but it is counted.
            let unseen = total - seen.len() as u64;
            let may_be_unseen = if close_early { capacity as u64 } else { 0 };
            prop_assert!(unseen <= may_be_unseen);
            assert_law(counters);
        }
    }
}
