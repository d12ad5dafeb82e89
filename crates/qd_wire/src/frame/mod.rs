//! Socket frames, subprotocol `quarterdeck.v1`: written by the gateway, read by the console, and the other way round.
//!
//! Bus messages go into frames as they are, by splicing text; they are never parsed on the way. It holds no socket and
//! no lane, and does not close anything: the close codes are only named here.

mod client;
mod server;

use qd_types::{Epoch, Seq, StreamName, StreamPos};
use serde::{Deserialize, Serialize};

pub use self::client::{ClientFrame, ClientInfo, ClientStats, HopStats};
pub use self::server::{
    ServedApp, ServerFrame, ServerInfo, SessionInfo, SocketLimits, Welcome, batch_frame,
    beat_frame, bye_frame, clock_frame, degraded_frame, gone_frame, msg_frame, snapshot_frame,
    unnumbered_frame, welcome_frame,
};
use crate::error::WireError;

/// The subprotocol's name in the upgrade.
pub const SUBPROTOCOL: &str = "quarterdeck.v1";

/// The gateway reads no larger frame from a client.
pub const MAX_CLIENT_FRAME_BYTES: usize = 64 * 1024;

/// Why a socket was closed.
pub mod close_code {
    /// The server is restarting; come back after the `bye` frame's time.
    pub const RESTARTING: u16 = 1012;
    /// The socket took nothing for 10 s.
    pub const TOO_SLOW: u16 = 4008;
    /// No session, or it has ended.
    pub const NO_SESSION: u16 = 4401;
    /// Not allowed.
    pub const FORBIDDEN: u16 = 4403;
    /// No user input for too long.
    pub const IDLE: u16 = 4408;
    /// Too many sockets or frames.
    pub const TOO_MANY: u16 = 4429;
}

/// A stream and a place in it; `{stream, epoch, seq}` on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlaceWire {
    #[serde(with = "crate::codec")]
    stream: StreamName,
    #[serde(with = "crate::codec")]
    epoch: Epoch,
    #[serde(with = "crate::codec")]
    seq: Seq,
}

impl PlaceWire {
    fn new(stream: &StreamName, pos: &StreamPos) -> Self {
        Self {
            stream: stream.clone(),
            epoch: pos.epoch.clone(),
            seq: pos.seq,
        }
    }

    fn into_place(self) -> (StreamName, StreamPos) {
        let pos = StreamPos {
            epoch: self.epoch,
            seq: self.seq,
        };
        (self.stream, pos)
    }
}

const WHAT: &str = "frame";

fn need<T>(name: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or_else(|| WireError::malformed(WHAT, format_args!("no {name}")))
}

/// `fields` with `t` before them.
fn tagged(t: &'static str, fields: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        t: &'static str,
        #[serde(flatten)]
        fields: &'a T,
    }

    // Text keys and finite numbers only: writing into memory cannot fail.
    serde_json::to_string(&Tagged { t, fields }).unwrap_or_default()
}
