//! The one table of settings: file, environment, flags and help text are all made from it.

/// What kind of text a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `127.0.0.1:8080`; port 0 asks the system for a free one.
    IpPort,
    /// A whole number.
    Number,
    /// A whole number within bounds, both included.
    Between(u64, u64),
    /// A port on loopback; its flag alone, without a value, means this one.
    LoopbackPort(&'static str),
    /// A path to a file that must be readable.
    File,
    /// A path to a folder.
    Folder,
    /// `redis://[user:password@]host:port[/db]`.
    RedisUrl,
    /// `http://host:port`.
    HttpUrl,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// What tracing's `EnvFilter` reads.
    LogFilter,
    /// Any text.
    Text,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.name`, as in the file.
    pub(crate) path: &'static str,
    /// The environment variable.
    pub(crate) env: &'static str,
    /// The long flag, without dashes.
    pub(crate) flag: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// Used when nobody says anything; `None` means "off" or "decided at start".
    pub(crate) default: Option<&'static str>,
    /// One line for `--help` and the configuration reference.
    pub(crate) help: &'static str,
    /// The subcommands it belongs to.
    pub(crate) commands: &'static [&'static str],
    /// Whether its value may be printed.
    pub(crate) is_secret: bool,
}

const ALL: &[&str] = &["demo", "gateway", "execution"];

/// Every setting there is.
pub(crate) const KEYS: &[Key] = &[
    Key {
        path: "gateway.listen",
        env: "QD_GATEWAY_LISTEN_IP_PORT",
        flag: "listen",
        kind: Kind::IpPort,
        default: Some("127.0.0.1:8080"),
        help: "where browsers and consoles connect",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.admin_listen",
        env: "QD_GATEWAY_ADMIN_LISTEN_IP_PORT",
        flag: "admin-listen",
        kind: Kind::IpPort,
        default: None,
        help: "where health, readiness, version and metrics are served; off by default",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.app_dir",
        env: "QD_GATEWAY_APP_DIR",
        flag: "app-dir",
        kind: Kind::Folder,
        default: None,
        help: "the folder that `cargo xtask web` made: index.html and app/",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.tls_certificate_file",
        env: "QD_GATEWAY_TLS_CERTIFICATE_FILE",
        flag: "tls-certificate-file",
        kind: Kind::File,
        default: None,
        help: "certificate chain in PEM; with tls_key_file it turns TLS on",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.tls_key_file",
        env: "QD_GATEWAY_TLS_KEY_FILE",
        flag: "tls-key-file",
        kind: Kind::File,
        default: None,
        help: "private key in PEM",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.app_reload",
        env: "QD_GATEWAY_APP_RELOAD",
        flag: "app-reload",
        kind: Kind::OneOf(&["ask", "auto"]),
        default: Some("ask"),
        help: "when another console is served than a page has loaded: ask whoever sits there, or load it at once (for development)",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.cookie_key_file",
        env: "QD_GATEWAY_COOKIE_KEY_FILE",
        flag: "cookie-key-file",
        kind: Kind::File,
        default: None,
        help: "at least 32 bytes that seal session cookies; without it a new key is made at every start",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.execution_url",
        env: "QD_GATEWAY_EXECUTION_URL",
        flag: "execution-url",
        kind: Kind::HttpUrl,
        default: Some("http://127.0.0.1:8090"),
        help: "where the execution gateway listens",
        commands: &["gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.public_origins",
        env: "QD_GATEWAY_PUBLIC_ORIGINS",
        flag: "public-origins",
        kind: Kind::Text,
        default: None,
        help: "addresses that people type, separated by commas, such as https://desk.example; needed off loopback",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.node",
        env: "QD_GATEWAY_NODE",
        flag: "node",
        kind: Kind::Text,
        default: Some("gateway-1"),
        help: "this node's name, shown to consoles and in metrics",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.environment",
        env: "QD_GATEWAY_ENVIRONMENT",
        flag: "environment",
        kind: Kind::OneOf(&["PAPER", "LIVE", "REPLAY"]),
        default: Some("PAPER"),
        help: "where the desk behind this gateway trades, as every header says it; `demo` knows by itself",
        commands: &["gateway"],
        is_secret: false,
    },
    Key {
        path: "gateway.sign_in",
        env: "QD_GATEWAY_SIGN_IN",
        flag: "sign-in",
        kind: Kind::OneOf(&["dev"]),
        default: Some("dev"),
        help: "how people sign in; so far only `dev`: fixed users, loopback only, in builds with the dev-auth feature",
        commands: &["demo", "gateway"],
        is_secret: false,
    },
    Key {
        path: "execution.listen",
        env: "QD_EXECUTION_LISTEN_IP_PORT",
        flag: "execution-listen",
        kind: Kind::IpPort,
        default: Some("127.0.0.1:8090"),
        help: "where the auth gateway reaches execution; `demo` picks a free port unless told",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.seed",
        env: "QD_EXECUTION_SEED",
        flag: "seed",
        kind: Kind::Number,
        default: Some("42"),
        help: "seed of the simulated market, the paper venue and the demo strategies",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.session",
        env: "QD_EXECUTION_SESSION",
        flag: "session",
        kind: Kind::OneOf(&["always_open", "exchange", "closed"]),
        default: Some("always_open"),
        help: "when the simulated market trades: always_open, exchange (regular New York hours) or closed (nothing moves)",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.strategies",
        env: "QD_EXECUTION_STRATEGIES",
        flag: "strategies",
        kind: Kind::OneOf(&["on", "off"]),
        default: Some("on"),
        help: "whether the demo strategies trade; off leaves the desk its positions, its market and what hands do",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_dir",
        env: "QD_EXECUTION_REPLAY_DIR",
        flag: "replay",
        kind: Kind::Folder,
        default: None,
        help: "a folder with recorded days in the LEAN format; the desk then trades the tape instead of a simulation",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_date",
        env: "QD_EXECUTION_REPLAY_DATE",
        flag: "replay-date",
        kind: Kind::Between(19_700_101, 29_991_231),
        default: None,
        help: "which day of the tapes, such as 20131007; by default seconds before minutes before ticks, then the day with the most symbols",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_days",
        env: "QD_EXECUTION_REPLAY_DAYS",
        flag: "replay-days",
        kind: Kind::Between(1, 366),
        default: Some("1"),
        help: "how many days of the tapes play one after the other, from the date on or from the first that has them all",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_resolution",
        env: "QD_EXECUTION_REPLAY_RESOLUTION",
        flag: "replay-resolution",
        kind: Kind::OneOf(&["tick", "second", "minute"]),
        default: None,
        help: "how fine the tapes are; by default seconds before minutes before ticks",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_symbols",
        env: "QD_EXECUTION_REPLAY_SYMBOLS",
        flag: "replay-symbols",
        kind: Kind::Text,
        default: None,
        help: "symbols of the tapes, such as SPY,IBM; by default all of the day",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_speed",
        env: "QD_EXECUTION_REPLAY_SPEED",
        flag: "speed",
        kind: Kind::Between(1, qd_execution::MAX_SPEED as u64),
        default: Some("1"),
        help: "how many times faster than life a tape plays, 1 to 3600",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "execution.replay_end",
        env: "QD_EXECUTION_REPLAY_END",
        flag: "replay-end",
        kind: Kind::OneOf(&["loop", "stop"]),
        default: Some("loop"),
        help: "what comes after a tape's close: the day again, or a closed market",
        commands: &["execution", "demo"],
        is_secret: false,
    },
    Key {
        path: "identity.key_file",
        env: "QD_IDENTITY_KEY_FILE",
        flag: "identity-key-file",
        kind: Kind::File,
        default: None,
        help: "at least 32 bytes shared by gateway and execution to sign who asks; `demo` makes its own",
        commands: ALL,
        is_secret: false,
    },
    Key {
        path: "bus.redis_url",
        env: "QD_BUS_REDIS_URL",
        flag: "redis",
        kind: Kind::RedisUrl,
        default: None,
        help: "Redis server; without it `demo` uses the embedded bus",
        commands: ALL,
        is_secret: true,
    },
    Key {
        path: "log.format",
        env: "QD_LOG_FORMAT",
        flag: "log-format",
        kind: Kind::OneOf(&["text", "json"]),
        default: Some("text"),
        help: "text or json",
        commands: ALL,
        is_secret: false,
    },
    Key {
        path: "log.filter",
        env: "QD_LOG_FILTER",
        flag: "log-filter",
        kind: Kind::LogFilter,
        default: Some("info"),
        help: "which events are logged, in the syntax of tracing's EnvFilter",
        commands: ALL,
        is_secret: false,
    },
    Key {
        path: "profile.port",
        env: "QD_PROFILE_PORT",
        flag: "profile",
        kind: Kind::LoopbackPort("8586"),
        default: None,
        help: "turns profiling on and serves it to puffin_viewer at this port of 127.0.0.1, never elsewhere; `--profile` alone means 8586, and everybody on this machine may look",
        commands: ALL,
        is_secret: false,
    },
];

/// The key of a path that is known to be in [`KEYS`].
pub(crate) fn key(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}
