//! What a gateway holds at the moment, for tests that leaving cleans up and for benches.

use crate::lane::LaneCounters;

/// Everything that must return to where it was when everybody has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayCounts {
    /// Open sockets.
    pub sockets: usize,
    /// Lanes with a subscription at the hub.
    pub subscriptions: usize,
    /// Running connection and socket tasks.
    pub tasks: usize,
    /// All lanes there are and were, added up.
    pub lanes: LaneCounters,
}
