//! The streams' contract as one randomized model: the real publishers, logs, hubs, lanes, frames, queues and clients
//! under random schedules of faults, in virtual time.
//!
//! No sockets, no tokio, no sleeping: what moves messages here (`world`) is a model; what decides about them is the
//! code that ships (`qd_bus`, `qd_gateway::lane`, `qd_wire`, `qd_queue`, `qd_state`). `oracle` says what must hold.
//!
//! `QD_MODEL_SCHEDULES` sets how many schedules run, `QD_MODEL_SEED` plays one of them alone. A failure prints its seed
//! and the last things that happened.
//!
//! # Mutants
//!
//! Each of these rules was broken by hand once, and the test failed:
//! see the list at the end of this file, beside the run that found it.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, with the seed in the message"
)]

mod channel;
mod chaos;
mod console;
mod node;
mod oracle;
mod socket;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::world::{Summary, World};

const DEFAULT_SCHEDULES: u64 = 3_000;

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text:?} is no number")),
    )
}

fn play(seed: u64, is_traced: bool) -> Result<Summary, String> {
    let trace = Arc::new(Mutex::new(Vec::new()));
    let mut world = World::new(seed, is_traced.then(|| Arc::clone(&trace)));
    catch_unwind(AssertUnwindSafe(|| world.run())).map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        let lines = trace.lock();
        let num_shown =
            number_from_env("QD_MODEL_LINES").map_or(120, |n| usize::try_from(n).unwrap());
        let from = lines.len().saturating_sub(num_shown);
        format!("{text}\n{}", lines[from..].join("\n"))
    })
}

// covers: RT-3
// covers: RT-4
// covers: RT-6
#[test]
fn any_schedule_ends_with_the_client_equal_to_the_publisher() {
    if let Some(seed) = number_from_env("QD_MODEL_SEED") {
        let summary = play(seed, true).unwrap_or_else(|text| panic!("seed {seed}: {text}"));
        println!("seed {seed}: {summary:?}");
        return;
    }
    let num_schedules = number_from_env("QD_MODEL_SCHEDULES").unwrap_or(DEFAULT_SCHEDULES);
    let next_seed = Arc::new(AtomicU64::new(0));
    let total = Arc::new(Mutex::new(Summary::default()));
    let failed: Arc<Mutex<Vec<u64>>> = Arc::default();
    let num_threads = std::thread::available_parallelism().map_or(2, |n| n.get().min(8));
    let threads: Vec<_> = (0..num_threads)
        .map(|i| {
            let (next_seed, total, failed) = (
                Arc::clone(&next_seed),
                Arc::clone(&total),
                Arc::clone(&failed),
            );
            std::thread::Builder::new()
                .name(format!("model-{i}"))
                .spawn(move || {
                    loop {
                        let seed = next_seed.fetch_add(1, Ordering::Relaxed);
                        if seed >= num_schedules || failed.lock().len() > 4 {
                            return;
                        }
                        match play(seed, false) {
                            Ok(summary) => total.lock().add(&summary),
                            Err(_) => failed.lock().push(seed),
                        }
                    }
                })
                .unwrap()
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    println!("{num_schedules} schedules: {:?}", total.lock());
    let seeds = failed.lock().clone();
    if let Some(seed) = seeds.first() {
        // The same again, with everything written down.
        let text = play(*seed, true)
            .err()
            .unwrap_or_else(|| "passes when traced?".to_owned());
        panic!(
            "schedule {seed} (of the failing {seeds:?}) breaks the contract; QD_MODEL_SEED={seed} plays it alone\n{text}"
        );
    }
    total.lock().assert_that_faults_happened(num_schedules);
}
