//! Closed events in, immutable snapshots out: the one reducer of the console.
