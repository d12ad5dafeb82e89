//! Why a gateway does not start: each names the thing, the place and the way out.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a gateway could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The fixed users would be open to the network.
    #[error(
        "the dev sign-in has users without passwords and serves loopback addresses only, not {listen}: listen on 127.0.0.1 or [::1]"
    )]
    DevSignInElsewhere {
        /// Where it was told to listen.
        listen: SocketAddr,
    },
    /// The program was built without the fixed users.
    #[error(
        "the dev sign-in is not part of this build: build with the feature `dev-auth`, or configure another sign-in"
    )]
    DevSignInNotBuilt,
    /// Nothing says which origins are ours.
    #[error(
        "listening on {listen} needs public_origins, the addresses people type, such as https://desk.example"
    )]
    NoPublicOrigin {
        /// Where it was told to listen.
        listen: SocketAddr,
    },
    /// An origin that is none.
    #[error(
        "public_origins holds {origin:?}, which is no origin: write scheme and host, such as https://desk.example"
    )]
    BadPublicOrigin {
        /// What was written.
        origin: String,
    },
    /// The address cannot be had.
    #[error("cannot listen on {listen}: {source}; is another program using the port?")]
    Bind {
        /// Where it was told to listen.
        listen: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("cannot use {path} for TLS: {reason}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The execution side's address cannot be used.
    #[error("execution_url {url:?} cannot be used: {reason}; write it as http://host:port")]
    BadExecutionUrl {
        /// What was written.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key that signs identities is too short.
    #[error("the identity key needs at least 32 bytes, this one has {0}")]
    ShortIdentityKey(usize),
}
