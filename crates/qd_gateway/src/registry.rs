//! Every open socket of this node: for the limits, for ending sockets with their session, and for the figures.
//!
//! It closes nothing itself: it cancels a token, and the socket's task does the rest within its next moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::config::GatewayLimits;
use crate::lane::LaneCounters;
use crate::shared_lane::SharedLane;

#[derive(Default)]
struct Inner {
    last_socket_id: u64,
    sockets: BTreeMap<u64, Entry>,
    /// Lanes of sockets that are gone.
    closed: LaneCounters,
}

struct Entry {
    store_key: String,
    revoked: CancellationToken,
    lanes: Vec<Arc<SharedLane>>,
}

/// The open sockets of this node.
#[derive(Default)]
pub(crate) struct SocketRegistry {
    inner: Mutex<Inner>,
}

/// Why a socket is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    Node,
    Session,
}

/// A socket's place; dropping it gives the place back and drops what its lanes still held.
pub(crate) struct Registered {
    registry: Arc<SocketRegistry>,
    socket_id: u64,
    /// Cancelled when the session was ended on this node.
    pub(crate) revoked: CancellationToken,
}

impl SocketRegistry {
    pub(crate) fn register(
        self: &Arc<Self>,
        store_key: &str,
        limits: &GatewayLimits,
    ) -> Result<Registered, TooMany> {
        let mut inner = self.inner.lock();
        if inner.sockets.len() >= limits.max_sockets {
            return Err(TooMany::Node);
        }
        let of_session = inner
            .sockets
            .values()
            .filter(|entry| entry.store_key == store_key)
            .count();
        if of_session >= limits.max_sockets_per_session {
            return Err(TooMany::Session);
        }
        inner.last_socket_id += 1;
        let socket_id = inner.last_socket_id;
        let revoked = CancellationToken::new();
        inner.sockets.insert(
            socket_id,
            Entry {
                store_key: store_key.to_owned(),
                revoked: revoked.clone(),
                lanes: Vec::new(),
            },
        );
        Ok(Registered {
            registry: Arc::clone(self),
            socket_id,
            revoked,
        })
    }

    /// Ends every socket of a session on this node and says how many there were.
    pub(crate) fn revoke(&self, store_key: &str) -> usize {
        let inner = self.inner.lock();
        let of_session = inner
            .sockets
            .values()
            .filter(|entry| entry.store_key == store_key);
        of_session.map(|entry| entry.revoked.cancel()).count()
    }

    pub(crate) fn num_sockets(&self) -> usize {
        self.inner.lock().sockets.len()
    }

    /// The number of open lanes, and the figures of all lanes that are and were.
    pub(crate) fn lanes(&self) -> (usize, LaneCounters) {
        let inner = self.inner.lock();
        let mut total = inner.closed;
        let mut num_open = 0;
        for lane in inner.sockets.values().flat_map(|entry| &entry.lanes) {
            num_open += 1;
            total.add(&lane.with(|lane| lane.counters()));
        }
        (num_open, total)
    }
}

impl Registered {
    /// Says which lanes the socket has, for the figures.
    pub(crate) fn set_lanes(&self, lanes: Vec<Arc<SharedLane>>) {
        if let Some(entry) = self.registry.inner.lock().sockets.get_mut(&self.socket_id) {
            entry.lanes = lanes;
        }
    }

    pub(crate) fn socket_id(&self) -> u64 {
        self.socket_id
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut inner = self.registry.inner.lock();
        let Some(entry) = inner.sockets.remove(&self.socket_id) else {
            return;
        };
        for lane in entry.lanes {
            let counters = lane.with(|lane| {
                lane.close();
                lane.counters()
            });
            inner.closed.add(&counters);
        }
    }
}
