//! What the tests of this crate share: a clock that follows tokio's virtual time, and the small desk they start.

use std::sync::Arc;

use qd_bus::Bus;
use qd_types::{Clock, UtcMicros};
use tokio::time::Instant;

use crate::{Execution, ExecutionConfig, ExecutionHandle};

/// Where virtual time starts.
pub(crate) const START: UtcMicros = UtcMicros(1_763_821_096_204_000);

/// Shows virtual time: it moves only when every task waits.
pub(crate) struct VirtualClock(Instant);

impl VirtualClock {
    pub(crate) fn shared() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> UtcMicros {
        START.plus_micros(i64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

/// A running demo desk with a short past.
pub(crate) fn start(bus: &Bus, clock: &Arc<dyn Clock>) -> ExecutionHandle {
    let config = ExecutionConfig {
        warmup_ticks: 300,
        ..ExecutionConfig::demo(7).unwrap()
    };
    Execution::start(&config, bus.clone(), Arc::clone(clock)).unwrap()
}
