//! One WebSocket to the gateway, the same on both targets: texts out, texts and one end in.
//!
//! It knows no frames and never reconnects: `ingest` does.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use self::native::{SocketReader, SocketWriter, connect};
#[cfg(target_arch = "wasm32")]
pub use self::web::EarlySocket;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::web::{SocketReader, SocketWriter, connect};

/// The version of the socket's language.
pub(crate) const SUBPROTOCOL: &str = "quarterdeck.v1";

/// The code that a browser reports for a socket that broke without a close frame.
const ABNORMAL: u16 = 1006;

/// Where to connect and as whom.
#[derive(Clone, Debug)]
pub(crate) struct SocketRequest {
    /// `ws://…/ws` or `wss://…/ws`.
    pub(crate) url: String,
    /// What a browser would send by itself; unused in one.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) origin: String,
    /// Text of the `Cookie` header; the browser has its own.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) cookie: Option<String>,
    /// One that is open already, or opening; absent for every connection but the first.
    #[cfg(target_arch = "wasm32")]
    pub(crate) early_socket: Option<EarlySocket>,
}

/// How a socket ended, or why it never opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketEnd {
    /// Close code; `None` when it never opened.
    pub(crate) code: Option<u16>,
    /// Why, for the log and the reader.
    pub(crate) reason: String,
    /// Status of the answer that refused the upgrade; only the desktop sees it.
    pub(crate) refused_status: Option<u16>,
}

impl SocketEnd {
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self {
            code: Some(ABNORMAL),
            reason: reason.into(),
            refused_status: None,
        }
    }

    fn not_opened(reason: impl Into<String>) -> Self {
        Self {
            code: None,
            reason: reason.into(),
            refused_status: None,
        }
    }
}

/// What comes out of a socket.
#[derive(Debug)]
pub(crate) enum SocketItem {
    /// A text frame.
    Text(String),
    /// The end; nothing comes after it.
    End(SocketEnd),
}
