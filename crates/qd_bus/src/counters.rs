//! Counters of a bus and its hubs, readable at any time without a lock.
//! Not here: the counting law of one channel, which its core keeps and tests.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The live counters; shared by everything that uses one bus.
        #[derive(Debug, Default)]
        pub(crate) struct BusCounters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl BusCounters {
            pub(crate) fn read(&self) -> BusCounts {
                BusCounts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        /// The counters at one moment; all of them only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct BusCounts {
            $($(#[$doc])* pub $name: u64,)*
        }
    };
}

counters!(
    /// Messages appended and published by this process.
    published,
    /// Appends that found another number in the store.
    mismatches,
    /// Event logs filled again after the store lost them.
    refills,
    /// Operations that ended in an error.
    failed_operations,
    /// Messages that arrived at this process's hubs from the bus, unreadable ones included.
    received,
    /// Messages that hubs read from logs.
    log_messages_read,
    /// Messages routed to sinks, numbered or not; one per message, however many sinks.
    routed,
    /// Messages without numbers among the routed.
    routed_unnumbered,
    /// Messages passed over because their number had been routed already.
    duplicates,
    /// Live messages let go because the log has them: overflow of what is held, a cut connection, a former epoch.
    dropped,
    /// Holes that a log could not fill: numbers nobody behind the hub will see.
    gaps,
    /// Acknowledged subscriptions, first ones included.
    resubscribes,
    /// Log reads begun by hubs.
    log_reads,
    /// Times the command connection was made anew after a loss.
    reconnects,
    /// Times the subscribing connection was made anew after a loss.
    hub_reconnects,
    /// Messages that could not be read or were too large.
    unreadable,
);

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
