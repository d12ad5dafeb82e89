//! What the feed is told at its start. It is decided once, by the shell, and never changes.

use std::sync::Arc;

#[cfg(not(target_arch = "wasm32"))]
use qd_types::UserId;

#[cfg(target_arch = "wasm32")]
use crate::socket::EarlySocket;

/// Where everything comes from.
#[derive(Clone, Debug)]
pub enum FeedSource {
    /// A gateway: socket and REST, native and in the browser.
    Gateway(GatewaySource),
    /// A Redis bus, read only: no REST, no commands.
    #[cfg(not(target_arch = "wasm32"))]
    Redis {
        /// `redis://host:port`.
        url: String,
        /// Whose streams.
        user: UserId,
        /// Where the desk trades: the bus does not say, and the header must.
        environment: qd_types::Environment,
    },
}

impl FeedSource {
    /// The gateway, when there is one.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(clippy::unnecessary_wraps, reason = "the desktop has other sources")
    )]
    pub(crate) fn gateway(&self) -> Option<&GatewaySource> {
        match self {
            Self::Gateway(gateway) => Some(gateway),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Redis { .. } => None,
        }
    }

    /// The gateway, to take what is there once.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(clippy::unnecessary_wraps, reason = "the desktop has other sources")
    )]
    pub(crate) fn gateway_mut(&mut self) -> Option<&mut GatewaySource> {
        match self {
            Self::Gateway(gateway) => Some(gateway),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Redis { .. } => None,
        }
    }
}

/// A gateway and who we are there.
#[derive(Clone, Debug)]
pub struct GatewaySource {
    /// `http://host:port` or `https://host:port`, without a path: also the `Origin`.
    pub url: String,
    /// How the session begins.
    pub sign_in: SignIn,
    /// The answer of `GET /api/v1/bootstrap` if somebody has it already: the loader of the web page fetches it early.
    pub bootstrap: Option<Vec<u8>>,
    /// The socket of the first connection if somebody has opened it already. One that broke since is not missed.
    #[cfg(target_arch = "wasm32")]
    pub early_socket: Option<EarlySocket>,
}

/// How the session begins.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// The browser holds the cookie; without one the page goes back to the sign-in.
    Browser,
    /// A development gateway on this machine takes a user's name for granted.
    #[cfg(not(target_arch = "wasm32"))]
    Dev {
        /// Which user.
        user: UserId,
    },
}

/// What the feed is told at its start.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// Where everything comes from.
    pub source: FeedSource,
    /// `native` or `web`: told to the server, for its log.
    pub client_kind: Arc<str>,
    /// This program's version: told to the server, for its log.
    pub client_version: Arc<str>,
}
