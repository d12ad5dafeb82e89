//! What a bus operation can fail with, told apart by what the caller may conclude about the store.
//! Not here: unreadable messages, which are counted and passed over (see `hub`).

use thiserror::Error;

/// Why a bus operation did not do what it was asked.
#[derive(Clone, Debug, Error)]
pub enum BusError {
    /// The address is no address of a Redis server.
    #[error(
        "{url} is no Redis address: {reason}; write it as redis://host:port/database, with user:password@ before the host if the server asks for one"
    )]
    BadAddress {
        /// The address without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The first connection did not work; nothing was started.
    #[error(
        "no Redis answers at {url}: {reason}; start the server, correct the address, or leave the address out to run embedded"
    )]
    Unreachable {
        /// The address without its password.
        url: String,
        /// What the attempt ended with.
        reason: String,
    },
    /// There is no connection at present and nothing was sent; a reconnect is under way.
    #[error("the bus is away: {last_error}")]
    Away {
        /// What the connection, or the last attempt to make one, ended with.
        last_error: String,
    },
    /// The request was sent and no answer came: it may or may not have been carried out.
    #[error("no answer to {operation}: {reason}")]
    NoAnswer {
        /// The operation.
        operation: &'static str,
        /// A timeout or the connection's end.
        reason: String,
    },
    /// The server answered with an error; nothing was carried out.
    #[error("the server refused {operation}: {reason}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// The server's words.
        reason: String,
    },
    /// The store holds something that no publisher of ours wrote.
    #[error("the log of {stream} is unreadable: {reason}")]
    UnreadableLog {
        /// The channel.
        stream: String,
        /// What was found.
        reason: String,
    },
}

impl BusError {
    /// Whether the request may have been carried out although it failed here.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::NoAnswer { .. })
    }
}
