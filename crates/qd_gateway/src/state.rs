//! What every handler and socket shares: built once, never exchanged.
//!
//! It holds no rule; each part has its own file.

use std::sync::Arc;

use qd_bus::{Bus, Hub};
use qd_types::{Clock, UtcMicros};
use qd_wire::frame::{ServedApp, ServerInfo};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::ExecutionBackend;
use crate::config::GatewayConfig;
use crate::counts::GatewayCounts;
use crate::finish::Origins;
use crate::metrics::Metrics;
use crate::registry::SocketRegistry;
use crate::sessions::SessionStore;
use crate::static_app::StaticApp;

/// The gateway's parts.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bus: Bus,
    pub(crate) hub: Hub,
    pub(crate) backend: Arc<dyn ExecutionBackend>,
    pub(crate) sessions: SessionStore,
    pub(crate) sockets: Arc<SocketRegistry>,
    pub(crate) metrics: Metrics,
    pub(crate) app: StaticApp,
    pub(crate) origins: Origins,
    /// Cancelled when the node begins to stop.
    pub(crate) draining: CancellationToken,
    /// Every task that must end before the node has stopped.
    pub(crate) tasks: TaskTracker,
}

/// The parts, shared.
pub(crate) type AppState = Arc<Shared>;

impl Shared {
    pub(crate) fn now(&self) -> UtcMicros {
        self.clock.now()
    }

    pub(crate) fn server_info(&self) -> ServerInfo {
        ServerInfo {
            version: self.config.version.clone(),
            node: self.config.node.clone(),
            time: self.now(),
            app: self.app.build().map(|build| ServedApp {
                build: build.to_owned(),
                auto_reload: self.config.app_auto_reload,
            }),
        }
    }

    pub(crate) fn counts(&self) -> GatewayCounts {
        let (subscriptions, lanes) = self.sockets.lanes();
        GatewayCounts {
            sockets: self.sockets.num_sockets(),
            subscriptions,
            tasks: self.tasks.len(),
            lanes,
        }
    }
}
