//! Starting the feed and talking to it. The handle is the feed's life: dropping it ends socket, timers and tasks.

use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use parking_lot::Mutex;
use qd_state::{SnapshotCell, Store};

use crate::command::{FeedCommand, PortError};
use crate::config::FeedConfig;
use crate::ingest::{Ingest, IngestParts};
use crate::meter::FeedMeter;
use crate::paint_log::PaintLog;
use crate::rt::{Rt, TaskGuard};
use crate::signal::Signal;

/// Asks that may wait for the ingest task: also when a few hundred selected positions are closed in one frame.
const COMMANDS: usize = 1024;

/// The feed; a name to start it by.
#[derive(Debug)]
pub struct Feed;

impl Feed {
    /// Starts the ingest task, which from now on is the only one to write `store` and to publish into `cell`.
    #[must_use = "dropping the handle ends the feed"]
    pub fn start(config: FeedConfig, store: Store, cell: Arc<SnapshotCell>, rt: Rt) -> FeedHandle {
        #[cfg(not(target_arch = "wasm32"))]
        if rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
        {
            tracing::debug!("the shell chose the crypto provider already");
        }
        let (port, commands) = crossbeam_channel::bounded(COMMANDS);
        let signal = Arc::<Signal>::default();
        let meter = Arc::<FeedMeter>::default();
        let paint_log = Arc::<Mutex<PaintLog>>::default();
        let ingest = Ingest::new(IngestParts {
            config,
            store,
            cell,
            rt: rt.clone(),
            commands,
            signal: Arc::clone(&signal),
            meter: Arc::clone(&meter),
            paint_log: Arc::clone(&paint_log),
        });
        let task = rt.spawn(ingest.run());
        FeedHandle {
            port,
            signal,
            meter,
            paint_log,
            rt,
            _task: task,
        }
    }
}

/// The shell's end of the feed.
#[derive(Debug)]
pub struct FeedHandle {
    port: Sender<FeedCommand>,
    signal: Arc<Signal>,
    meter: Arc<FeedMeter>,
    paint_log: Arc<Mutex<PaintLog>>,
    rt: Rt,
    _task: TaskGuard,
}

impl FeedHandle {
    /// Asks for something; never waits.
    ///
    /// # Errors
    /// [`PortError`] when it was not taken: nothing was sent then, and the caller must say so.
    pub fn send(&self, command: FeedCommand) -> Result<(), PortError> {
        let sent = self.port.try_send(command);
        self.signal.notify();
        sent.map_err(|err| match err {
            TrySendError::Full(_) => PortError::Full,
            TrySendError::Disconnected(_) => PortError::Closed,
        })
    }

    /// What the feed counts about itself.
    pub fn meter(&self) -> &Arc<FeedMeter> {
        &self.meter
    }

    /// Which numbers were on screen, and when.
    pub fn paint_log(&self) -> &Arc<Mutex<PaintLog>> {
        &self.paint_log
    }

    /// Where the feed's tasks run and where its time comes from.
    pub fn rt(&self) -> &Rt {
        &self.rt
    }
}
