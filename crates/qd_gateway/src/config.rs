//! What a gateway is told before it starts; it reads no file and no environment variable, the binary does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use qd_auth::{Identity, KeyRing, SessionRules};
use qd_types::Environment;

/// Everything a gateway needs to know.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where the console is served; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where health, metrics and version are served; absent: nowhere.
    pub admin_listen: Option<SocketAddr>,
    /// The folder with `index.html` and `app/`; absent, or without them: a page says so.
    pub app_dir: Option<PathBuf>,
    /// Pages with another build load themselves anew without asking: for developers.
    pub app_auto_reload: bool,
    /// The execution side, `http://host:port`.
    pub execution_url: String,
    /// The name of the key that signs identities for the execution side.
    pub identity_key_id: String,
    /// The key itself; at least 32 bytes.
    pub identity_key: Vec<u8>,
    /// The keys of the session cookie and of the anti-forgery token.
    pub cookie_keys: KeyRing,
    /// Certificate and key; absent: plain HTTP, for loopback or behind a proxy that speaks TLS.
    pub tls: Option<TlsFiles>,
    /// How people prove who they are.
    pub sign_in: SignIn,
    /// The origins that the console is reached under, `https://desk.example`; may be empty on a loopback address, where every loopback name is taken.
    pub public_origins: Vec<String>,
    /// Where the desk trades.
    pub environment: Environment,
    /// This node's name.
    pub node: String,
    /// The program's version, for `welcome` and `/version`.
    pub version: String,
    /// How long sessions live.
    pub session_rules: SessionRules,
    /// How much is let in.
    pub limits: GatewayLimits,
    /// How long things may take.
    pub timing: GatewayTiming,
}

impl GatewayConfig {
    /// A gateway on `listen` with the defaults of the specification and the `dev` sign-in's fixed users.
    pub fn new(
        listen: SocketAddr,
        execution_url: impl Into<String>,
        identity_key_id: impl Into<String>,
        identity_key: impl Into<Vec<u8>>,
        cookie_keys: KeyRing,
    ) -> Self {
        Self {
            listen,
            admin_listen: None,
            app_dir: None,
            app_auto_reload: false,
            execution_url: execution_url.into(),
            identity_key_id: identity_key_id.into(),
            identity_key: identity_key.into(),
            cookie_keys,
            tls: None,
            sign_in: SignIn::Dev {
                users: qd_auth::dev_users(),
            },
            public_origins: Vec::new(),
            environment: Environment::Paper,
            node: "gateway-1".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            session_rules: SessionRules::default(),
            limits: GatewayLimits::default(),
            timing: GatewayTiming::default(),
        }
    }
}

/// How people prove who they are. The other three ways are not built yet.
#[derive(Clone, Debug)]
pub enum SignIn {
    /// Fixed users without a password: loopback addresses only, and only in a build with the feature `dev-auth`.
    Dev {
        /// Who may be chosen, in the order of the page.
        users: Vec<Identity>,
    },
}

/// Where certificate and key are, both PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The leaf's private key.
    pub key: PathBuf,
}

/// How much is let in.
#[derive(Clone, Copy, Debug)]
pub struct GatewayLimits {
    /// Open connections; further ones wait in the kernel.
    pub max_connections: usize,
    /// Open sockets of the node; further ones are closed with 4429.
    pub max_sockets: usize,
    /// Open sockets of one session; further ones are closed with 4429.
    pub max_sockets_per_session: usize,
    /// Frames a second that a client may send; more closes with 4429.
    pub max_client_frames_per_second: u32,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_sockets: 1000,
            max_sockets_per_session: 16,
            max_client_frames_per_second: 50,
        }
    }
}

/// How long things may take. The defaults are the specification's; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct GatewayTiming {
    /// The first byte of a connection, the TLS handshake, and the head of a request each.
    pub head_within: Duration,
    /// A kept-alive connection without a request.
    pub idle_connection: Duration,
    /// The body of a request.
    pub body_within: Duration,
    /// The client's `hello` after the upgrade.
    pub hello_within: Duration,
    /// Between two beats.
    pub beat_every: Duration,
    /// Between two pings.
    pub ping_every: Duration,
    /// A ping's answer.
    pub pong_within: Duration,
    /// A socket that takes nothing for so long is closed.
    pub slow_after: Duration,
    /// Between two looks at the session of a socket.
    pub session_check_every: Duration,
    /// How often a socket looks at the clock for all of these.
    pub tick: Duration,
    /// From the order to stop to the last connection's end.
    pub drain_within: Duration,
}

impl Default for GatewayTiming {
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(5),
            idle_connection: Duration::from_mins(1),
            body_within: Duration::from_secs(10),
            hello_within: Duration::from_secs(10),
            beat_every: Duration::from_secs(5),
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(10),
            slow_after: Duration::from_secs(10),
            session_check_every: Duration::from_secs(5),
            tick: Duration::from_millis(500),
            drain_within: Duration::from_secs(5),
        }
    }
}
