//! Which faults a schedule has, and when.
//!
//! Each schedule switches whole classes of faults on and off, so that rare combinations get room of their own.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// One thing that happens to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    /// Rows change.
    ChangeRows,
    /// A few events.
    Events,
    /// Many events at once.
    Burst,
    /// The halt machine changes its word.
    Halt,
    /// Live messages on their way to a hub are lost, doubled, or change places.
    WireDrop,
    WireDouble,
    WireReorder,
    /// A hub's connection breaks and it knows.
    HubCut,
    /// A hub's connection breaks, it does not know for a while, and its commands fail too.
    Partition,
    /// The publishers cannot reach the store.
    StoreAway,
    /// The store comes back empty.
    StoreLoss,
    /// A copy of the store is made; the store is set back to it.
    BackUp,
    SetBack,
    /// A publisher's process ends and comes back; with or without its outbox.
    Restart,
    RestartForgetful,
    /// The socket breaks; or dies without anybody knowing; or stands still.
    Break,
    HalfOpen,
    Stall,
    /// The client's program stands still while its queues fill.
    Pause,
    /// REST fails for a while.
    RestDown,
    /// Another producer speaks, without numbers.
    Foreign,
    /// Something that nobody can read is published.
    Garbage,
    /// An event with a number and a body that nobody can read.
    Broken,
    /// Rows grow until snapshots exceed what the bus takes; or deltas until lanes overflow.
    Fat,
    Wide,
}

/// What happens at all in a schedule, with weights.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    weights: Vec<(Op, u32)>,
    total: u32,
    /// The longest way of one message, in milliseconds.
    pub(crate) max_latency_millis: i64,
    /// Mean time between two things, in milliseconds.
    pub(crate) mean_gap_millis: i64,
    /// How long faults go on, in milliseconds.
    pub(crate) chaos_millis: i64,
    /// Frames that the client's queue holds.
    pub(crate) queue_capacity: usize,
    /// No fault at all: then no hole may ever show.
    pub(crate) is_faultless: bool,
    /// One in so many commands to the store loses its answer; zero: none.
    pub(crate) one_unanswered_in: u32,
}

const WORK: [(Op, u32); 4] = [
    (Op::ChangeRows, 40),
    (Op::Events, 25),
    (Op::Halt, 4),
    (Op::Burst, 1),
];

const FAULTS: [(Op, u32); 21] = [
    (Op::WireDrop, 14),
    (Op::WireDouble, 6),
    (Op::WireReorder, 6),
    (Op::HubCut, 4),
    (Op::Partition, 3),
    (Op::StoreAway, 3),
    (Op::StoreLoss, 3),
    (Op::BackUp, 3),
    (Op::SetBack, 3),
    (Op::Restart, 4),
    (Op::RestartForgetful, 3),
    (Op::Break, 5),
    (Op::HalfOpen, 2),
    (Op::Stall, 5),
    (Op::Pause, 6),
    (Op::RestDown, 4),
    (Op::Foreign, 2),
    (Op::Garbage, 3),
    (Op::Broken, 2),
    (Op::Fat, 1),
    (Op::Wide, 3),
];

impl Profile {
    /// A profile for one schedule.
    pub(crate) fn pick(rng: &mut ChaCha8Rng) -> Self {
        let is_faultless = rng.random_range(0..12) == 0;
        let share = rng.random_range(1..8);
        let mut weights = WORK.to_vec();
        if !is_faultless {
            weights.extend(FAULTS.iter().filter(|_| rng.random_range(0..10) < share));
        }
        // Some go on for so long that a double fault has the time to show.
        let is_long = rng.random_range(0..4) == 0;
        let has_unanswered = !is_faultless && rng.random_range(0..3) == 0;
        Self {
            total: weights.iter().map(|(_, weight)| weight).sum(),
            weights,
            max_latency_millis: rng.random_range(2..120),
            mean_gap_millis: if is_long {
                rng.random_range(600..3_000)
            } else {
                rng.random_range(40..700)
            },
            chaos_millis: if is_long {
                rng.random_range(40_000..90_000)
            } else {
                rng.random_range(4_000..40_000)
            },
            queue_capacity: match rng.random_range(0..4) {
                0 => 2,
                1 => 8,
                _ => 100,
            },
            is_faultless,
            one_unanswered_in: if has_unanswered {
                rng.random_range(4..40)
            } else {
                0
            },
        }
    }

    /// What happens next.
    pub(crate) fn next(&self, rng: &mut ChaCha8Rng) -> Op {
        let mut at = rng.random_range(0..self.total);
        for (op, weight) in &self.weights {
            if at < *weight {
                return *op;
            }
            at -= weight;
        }
        Op::ChangeRows
    }
}
