//! A real server to break, a sink that remembers, and waits that end: what the bus's tests share.
//! Nothing here sleeps to let something happen: every wait watches for its condition and has an end.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "each test binary uses its own part"
)]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use parking_lot::Mutex;
use qd_bus::{
    AppendOutcome, AppendRequest, Bus, Hub, HubConfig, LogEntry, LogPage, RedisConfig, RouteSink,
    Routed, StateSource,
};
use qd_types::{
    Clock, Epoch, MessageKind, Seq, StreamClass, StreamName, StreamPos, UserId, UtcMicros,
};
use qd_wire::head::{Body, Head, write_message};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest wait for anything: far more than it takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct WallClock;

impl Clock for WallClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where these tests take the time from"
    )]
    fn now(&self) -> UtcMicros {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        UtcMicros(i64::try_from(since.as_micros()).unwrap())
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(WallClock)
}

/// A redis-server of our own in a folder of its own; killed when dropped.
pub struct RedisServer {
    pub port: u16,
    folder: PathBuf,
    process: Option<Child>,
}

impl RedisServer {
    pub async fn start() -> Self {
        static NUM: AtomicU64 = AtomicU64::new(0);
        let folder = std::env::temp_dir().join(format!(
            "qd-bus-{}-{}",
            std::process::id(),
            NUM.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut server = Self {
            port,
            folder,
            process: None,
        };
        server.run().await;
        server
    }

    /// Starts the process, empty, on the same port, and waits until it answers.
    pub async fn run(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.process = Some(process);
        let url = self.url();
        until("the server answers", async || {
            let client = redis::Client::open(url.as_str()).unwrap();
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
                return false;
            };
            redis::cmd("PING")
                .query_async::<()>(&mut connection)
                .await
                .is_ok()
        })
        .await;
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, with everything it held.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(
            // Built into every shell; a program of that name a small system lacks.
            Command::new("sh")
                .args(["-c", "kill \"$0\" \"$1\"", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// One raw command, as an operator's.
    pub async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A bus of either kind, and the server behind it if there is one.
pub struct Rig {
    pub bus: Bus,
    pub server: Option<RedisServer>,
}

impl Rig {
    pub fn embedded() -> Self {
        Self {
            bus: Bus::embedded(clock()),
            server: None,
        }
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await;
        let config = RedisConfig {
            // These tests are about meaning, not about time: a busy machine must not look like a broken server.
            command_timeout: Duration::from_secs(5),
            ..RedisConfig::new(server.url())
        };
        let bus = Bus::redis(config, clock()).await.unwrap();
        Self {
            bus,
            server: Some(server),
        }
    }

    pub fn server(&mut self) -> &mut RedisServer {
        self.server.as_mut().unwrap()
    }

    /// A hub that takes a busy machine's delays for what they are.
    pub fn hub(&self) -> Hub {
        let config = HubConfig {
            check_every: Duration::from_millis(300),
            ping_deadline: Duration::from_secs(5),
            ..HubConfig::default()
        };
        Hub::with_config(self.bus.clone(), clock(), config)
    }

    /// Everything stored is gone, connections stay.
    pub async fn lose_store(&self) {
        match &self.server {
            Some(server) => server.command::<()>(&["FLUSHALL"]).await,
            None => self.bus.lose_embedded_store(),
        }
    }
}

/// Waits until `condition` holds; fails after [`PATIENCE`].
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a value of `receiver` that fits; fails after [`PATIENCE`].
pub async fn wait_for<T: Clone>(
    what: &str,
    receiver: &mut watch::Receiver<T>,
    fits: impl FnMut(&T) -> bool,
) -> T {
    match tokio::time::timeout(PATIENCE, receiver.wait_for(fits)).await {
        Ok(value) => value.unwrap().clone(),
        Err(elapsed) => panic!("waited in vain for {what}: {elapsed}"),
    }
}

/// A sink that keeps what it is handed.
pub struct Recorder {
    routed: Mutex<Vec<Arc<Routed>>>,
    num: watch::Sender<usize>,
}

impl RouteSink for Recorder {
    fn route(&self, routed: &Arc<Routed>) {
        self.routed.lock().push(Arc::clone(routed));
        self.num.send_modify(|num| *num += 1);
    }
}

impl Recorder {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            routed: Mutex::default(),
            num: watch::channel(0).0,
        })
    }

    pub fn routed(&self) -> Vec<Arc<Routed>> {
        self.routed.lock().clone()
    }

    /// Waits until what was routed fits.
    pub async fn wait(&self, what: &str, mut fits: impl FnMut(&[Arc<Routed>]) -> bool) {
        let mut num = self.num.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            while !fits(&self.routed.lock()) {
                num.changed().await.unwrap();
            }
        });
        if found.await.is_err() {
            let heads: Vec<_> = self.routed().iter().map(|r| position(r)).collect();
            panic!("waited in vain until {what}; routed: {heads:?}");
        }
    }

    /// Waits for the event with number `last`.
    pub async fn wait_for_event(&self, last: u64) {
        self.wait(&format!("event {last} is routed"), |routed| {
            routed
                .iter()
                .any(|r| r.head.as_ref().is_some_and(|head| head.seq == Seq(last)))
        })
        .await;
    }

    /// The numbers routed, without the messages that have none.
    pub fn numbers(&self) -> Vec<u64> {
        self.routed()
            .iter()
            .filter_map(|routed| Some(routed.head.as_ref()?.seq.0))
            .collect()
    }
}

fn position(routed: &Routed) -> Option<StreamPos> {
    routed.head.as_ref().map(Head::pos)
}

/// Rows that a test changes and a publisher reads.
#[derive(Default)]
pub struct Rows(pub Mutex<std::collections::BTreeMap<String, u64>>);

impl Rows {
    pub fn set(&self, key: &str, value: u64) {
        self.0.lock().insert(key.to_owned(), value);
    }
}

impl StateSource for Rows {
    fn snapshot(&self) -> (Body, UtcMicros) {
        (body(&json!({ "rows": *self.0.lock() })), WallClock.now())
    }

    fn delta(&self, keys: &BTreeSet<String>) -> (Body, UtcMicros) {
        let rows = self.0.lock();
        let changed: serde_json::Map<_, _> = keys
            .iter()
            .map(|key| (key.clone(), json!(rows.get(key))))
            .collect();
        (body(&json!({ "changed": changed })), WallClock.now())
    }
}

pub fn body(value: &Value) -> Body {
    Body::from_bytes(value.to_string().as_bytes()).unwrap()
}

pub fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub fn orders(name: &str) -> StreamName {
    StreamName::Orders(user(name))
}

pub fn positions(name: &str) -> StreamName {
    StreamName::Positions(user(name))
}

/// A message as a publisher writes it, with `size` bytes of padding.
pub fn entry(stream: &StreamName, epoch: &Epoch, seq: u64, size: usize) -> LogEntry {
    let kind = match stream.class() {
        StreamClass::Event => MessageKind::Event,
        StreamClass::State if seq == 1 => MessageKind::Snapshot,
        StreamClass::State => MessageKind::Delta,
    };
    let head = Head {
        stream: stream.clone(),
        epoch: epoch.clone(),
        seq: Seq(seq),
        base_seq: (kind == MessageKind::Delta).then(|| Seq(seq - 1)),
        kind,
        made_at: WallClock.now(),
        published_at: WallClock.now(),
    };
    let bytes = write_message(&head, &body(&json!({ "n": seq, "pad": "x".repeat(size) })));
    LogEntry {
        head,
        bytes: Bytes::from(bytes),
    }
}

pub fn at(epoch: &Epoch, seq: u64) -> StreamPos {
    StreamPos {
        epoch: epoch.clone(),
        seq: Seq(seq),
    }
}

pub async fn append(bus: &Bus, expected: Option<StreamPos>, entry: LogEntry) -> AppendOutcome {
    let reset = entry.head.kind == MessageKind::Snapshot;
    bus.append(&AppendRequest {
        stream: entry.head.stream.clone(),
        expected,
        head: entry.head,
        bytes: entry.bytes,
        reset,
    })
    .await
    .unwrap()
}

pub fn numbers(page: &LogPage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.head.seq.0).collect()
}

/// The same body against both kinds of bus.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Rig::embedded()).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::Rig::redis().await).await;
            })*
        }
    };
}
