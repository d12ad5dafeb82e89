//! The command side of a Redis server: scripts for every atomic step, deadlines on everything, one kept connection.
//!
//! The stock connection manager is not used, for measured reasons: it does not reconnect after a timeout or a READONLY,
//! and gives up after a few tries. Here a keeper task makes the connection anew for ever; while there is none, commands
//! fail at once instead of queueing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_types::{Clock, Epoch, Seq, StreamClass, StreamName, StreamPos};
use qd_wire::head::read_head;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo as _, ProtocolVersion, RedisError, Script, ServerErrorKind,
};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::counters::{BusCounters, add};
use crate::error::BusError;
use crate::link::{Backoff, LinkState};
use crate::log::{
    AppendOutcome, AppendRequest, EVENT_LOG_MAX_BYTES, EVENT_LOG_MAX_ENTRIES, LogEntry, LogPage,
};
use crate::redis_subscriber::RedisSubscriber;

/// Time between signs of life on an otherwise idle command connection.
const PING_EVERY: Duration = Duration::from_millis(500);
/// Unanswered commands in a row after which a connection counts as dead.
const MAX_TIMEOUTS: u32 = 2;
const KEEPALIVE: Duration = Duration::from_secs(10);
const USER_TIMEOUT: Duration = Duration::from_secs(3);

/// How to reach a Redis server.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port[/database]`, or `redis+unix:///path`.
    pub url: String,
    /// How long one attempt to connect may take, the first answer included.
    pub connect_timeout: Duration,
    /// How long one command may take before its outcome counts as unknown.
    pub command_timeout: Duration,
}

impl RedisConfig {
    /// The default deadlines: 2 s to connect, 500 ms for a command.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_millis(500),
        }
    }
}

/// The address without what stands before the host.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // A bare `user:password@host` is no address, but its password is one all the same.
        return url
            .rsplit_once('@')
            .map_or_else(|| url.to_owned(), |(_, host)| format!("***@{host}"));
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => url.to_owned(),
    }
}

struct Scripts {
    append: Script,
    refill: Script,
    read: Script,
    positions: Script,
    compare_and_set: Script,
}

impl Scripts {
    fn new() -> Self {
        const HOLDS: &str = include_str!("lua/holds.lua");
        let with_holds = |script: &str| Script::new(&format!("{HOLDS}\n{script}"));
        Self {
            append: with_holds(include_str!("lua/append.lua")),
            refill: Script::new(include_str!("lua/refill.lua")),
            read: with_holds(include_str!("lua/read.lua")),
            positions: with_holds(include_str!("lua/positions.lua")),
            compare_and_set: Script::new(include_str!("lua/compare_and_set.lua")),
        }
    }
}

enum Slot {
    Connected(u64, MultiplexedConnection),
    Away(String),
}

struct Shared {
    info: ConnectionInfo,
    client: Client,
    config: RedisConfig,
    scripts: Scripts,
    clock: Arc<dyn Clock>,
    counters: Arc<BusCounters>,
    slot: Mutex<Slot>,
    /// Unanswered commands since the last answer.
    num_timeouts: AtomicU32,
    /// The present connection is no good any more.
    is_bad: Notify,
    link: watch::Sender<LinkState>,
}

/// The store behind a Redis address.
pub(crate) struct RedisStore {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl RedisStore {
    pub(crate) async fn connect(
        config: RedisConfig,
        clock: Arc<dyn Clock>,
        counters: Arc<BusCounters>,
    ) -> Result<Self, BusError> {
        let (info, client) = open(&config)?;
        let since = clock.now();
        let shared = Arc::new(Shared {
            info,
            client,
            config,
            scripts: Scripts::new(),
            clock,
            counters,
            slot: Mutex::new(Slot::Away("not connected yet".to_owned())),
            num_timeouts: AtomicU32::new(0),
            is_bad: Notify::new(),
            link: watch::channel(LinkState::Up { since }).0,
        });
        let connection = shared
            .dial()
            .await
            .map_err(|reason| BusError::Unreachable {
                url: without_password(&shared.config.url),
                reason,
            })?;
        *shared.slot.lock() = Slot::Connected(0, connection);
        let keeper = tokio::spawn(keep(Arc::clone(&shared)));
        Ok(Self { shared, keeper })
    }

    pub(crate) fn link(&self) -> watch::Receiver<LinkState> {
        self.shared.link.subscribe()
    }

    pub(crate) async fn open_subscriber(&self) -> Result<RedisSubscriber, BusError> {
        let shared = &self.shared;
        let opening = RedisSubscriber::open(&shared.info, KEEPALIVE, USER_TIMEOUT);
        match timeout(shared.config.connect_timeout, opening).await {
            Ok(Ok(subscriber)) => Ok(subscriber),
            Ok(Err(reason)) => Err(BusError::Away { last_error: reason }),
            Err(_) => Err(BusError::Away {
                last_error: no_answer_within(shared.config.connect_timeout),
            }),
        }
    }

    pub(crate) async fn append(&self, request: &AppendRequest) -> Result<AppendOutcome, BusError> {
        let channel = request.stream.to_string();
        let is_event = request.stream.class() == StreamClass::Event;
        let (max_entries, max_bytes) = if is_event {
            (EVENT_LOG_MAX_ENTRIES, EVENT_LOG_MAX_BYTES)
        } else {
            (0, 0)
        };
        let mut call = self.shared.scripts.append.prepare_invoke();
        call.key(log_key(&channel))
            .key(meta_key(&channel))
            .arg(&channel);
        match &request.expected {
            Some(expected) => call.arg(expected.epoch.as_str()).arg(expected.seq.0),
            None => call.arg("").arg(0),
        };
        call.arg(request.head.epoch.as_str())
            .arg(request.head.seq.0)
            .arg(u8::from(request.starts_log_anew()))
            .arg(&request.bytes[..])
            .arg(max_entries)
            .arg(max_bytes);
        let answer: Vec<Option<String>> = self
            .shared
            .run("append", async |connection| {
                call.invoke_async(connection).await
            })
            .await?;
        match answer.as_slice() {
            [Some(done), ..] if done == "1" => Ok(AppendOutcome::Appended),
            [_, epoch, seq] => Ok(AppendOutcome::Mismatch {
                holds: held(&channel, epoch.as_deref(), seq.as_deref())?,
            }),
            _ => Err(unreadable(&channel, "the script's answer")),
        }
    }

    pub(crate) async fn refill(
        &self,
        stream: &StreamName,
        position: &StreamPos,
        entries: &[LogEntry],
    ) -> Result<(), BusError> {
        let channel = stream.to_string();
        let base = entries
            .first()
            .map_or(position.seq.next(), |first| first.head.seq);
        let mut call = self.shared.scripts.refill.prepare_invoke();
        call.key(log_key(&channel))
            .key(meta_key(&channel))
            .arg(position.epoch.as_str())
            .arg(position.seq.0)
            .arg(base.0);
        for entry in entries {
            call.arg(&entry.bytes[..]);
        }
        self.shared
            .run("refill", async |connection| {
                call.invoke_async(connection).await
            })
            .await
    }

    pub(crate) async fn read_log(
        &self,
        stream: &StreamName,
        after: Option<&StreamPos>,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<LogPage, BusError> {
        type Answer = (
            Option<String>,
            Option<String>,
            Option<u64>,
            u8,
            Vec<Vec<u8>>,
        );
        let channel = stream.to_string();
        let mut call = self.shared.scripts.read.prepare_invoke();
        call.key(log_key(&channel)).key(meta_key(&channel));
        match after {
            Some(after) => call.arg(after.epoch.as_str()).arg(after.seq.0),
            None => call.arg("").arg(0),
        };
        call.arg(max_messages).arg(max_bytes);
        let (epoch, seq, base, more, messages): Answer = self
            .shared
            .run("read_log", async |connection| {
                call.invoke_async(connection).await
            })
            .await?;
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            match read_head(&message) {
                Ok(Some(head)) => entries.push(LogEntry {
                    head,
                    bytes: Bytes::from(message),
                }),
                Ok(None) => return Err(unreadable(&channel, "a message without numbers")),
                Err(err) => return Err(unreadable(&channel, &err.to_string())),
            }
        }
        Ok(LogPage {
            head: held(&channel, epoch.as_deref(), seq.as_deref())?,
            base: Seq(base.unwrap_or(0)),
            entries,
            more: more == 1,
        })
    }

    pub(crate) async fn positions(
        &self,
        streams: &[StreamName],
    ) -> Result<Vec<Option<StreamPos>>, BusError> {
        let mut positions = Vec::with_capacity(streams.len());
        // In portions: a script holds up everybody else while it runs.
        for portion in streams.chunks(200) {
            let mut call = self.shared.scripts.positions.prepare_invoke();
            for stream in portion {
                let channel = stream.to_string();
                call.key(log_key(&channel)).key(meta_key(&channel));
            }
            let answer: Vec<Option<String>> = self
                .shared
                .run("positions", async |connection| {
                    call.invoke_async(connection).await
                })
                .await?;
            for (stream, pair) in portion.iter().zip(answer.chunks(2)) {
                positions.push(match pair {
                    [epoch, seq] => held(&stream.to_string(), epoch.as_deref(), seq.as_deref())?,
                    _ => None,
                });
            }
        }
        Ok(positions)
    }

    pub(crate) async fn num_subscribers(&self, channel: &str) -> Result<usize, BusError> {
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(channel);
        let (_, num): (String, usize) = self
            .shared
            .run("num_subscribers", async |c| command.query_async(c).await)
            .await?;
        Ok(num)
    }

    pub(crate) async fn publish_raw(&self, channel: &str, bytes: &[u8]) -> Result<(), BusError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(bytes);
        self.shared
            .run("publish", async |c| command.query_async(c).await)
            .await
    }

    pub(crate) async fn kv_get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let value: Option<Vec<u8>> = self
            .shared
            .run("kv_get", async |c| command.query_async(c).await)
            .await?;
        Ok(value.map(Bytes::from))
    }

    pub(crate) async fn kv_set(
        &self,
        key: &str,
        bytes: &[u8],
        ttl_millis: u64,
    ) -> Result<(), BusError> {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(bytes).arg("PX").arg(ttl_millis.max(1));
        self.shared
            .run("kv_set", async |c| command.query_async(c).await)
            .await
    }

    pub(crate) async fn kv_delete(&self, key: &str) -> Result<bool, BusError> {
        let mut command = redis::cmd("DEL");
        command.arg(key);
        self.shared
            .run("kv_delete", async |c| command.query_async(c).await)
            .await
    }

    pub(crate) async fn kv_add_if_absent(
        &self,
        key: &str,
        bytes: &[u8],
        ttl_millis: u64,
    ) -> Result<bool, BusError> {
        let mut command = redis::cmd("SET");
        command
            .arg(key)
            .arg(bytes)
            .arg("NX")
            .arg("PX")
            .arg(ttl_millis.max(1));
        let done: Option<String> = self
            .shared
            .run("kv_add_if_absent", async |c| command.query_async(c).await)
            .await?;
        Ok(done.is_some())
    }

    pub(crate) async fn kv_compare_and_set(
        &self,
        key: &str,
        expected: &[u8],
        bytes: &[u8],
        ttl_millis: u64,
    ) -> Result<bool, BusError> {
        let mut call = self.shared.scripts.compare_and_set.prepare_invoke();
        call.key(key)
            .arg(expected)
            .arg(bytes)
            .arg(ttl_millis.max(1));
        self.shared
            .run("kv_compare_and_set", async |c| call.invoke_async(c).await)
            .await
    }

    pub(crate) async fn kv_expire(&self, key: &str, ttl_millis: u64) -> Result<bool, BusError> {
        let mut command = redis::cmd("PEXPIRE");
        command.arg(key).arg(ttl_millis.max(1));
        self.shared
            .run("kv_expire", async |c| command.query_async(c).await)
            .await
    }
}

impl Shared {
    /// Connects and waits for a first answer, within the deadline.
    async fn dial(&self) -> Result<MultiplexedConnection, String> {
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.config.connect_timeout))
            .set_response_timeout(Some(self.config.command_timeout));
        let dialing = async {
            let mut connection = self
                .client
                .get_multiplexed_async_connection_with_config(&settings)
                .await?;
            // A server that still loads its data, or wants a password, says so here.
            redis::cmd("PING")
                .query_async::<()>(&mut connection)
                .await?;
            Ok::<_, RedisError>(connection)
        };
        match timeout(self.config.connect_timeout, dialing).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(err)) => Err(err.to_string()),
            Err(_) => Err(no_answer_within(self.config.connect_timeout)),
        }
    }

    /// Runs one command with its deadline and draws the conclusions about the connection.
    async fn run<T>(
        &self,
        operation: &'static str,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, BusError> {
        let (generation, mut connection) = match &*self.slot.lock() {
            Slot::Connected(generation, connection) => (*generation, connection.clone()),
            Slot::Away(last_error) => {
                return Err(BusError::Away {
                    last_error: last_error.clone(),
                });
            }
        };
        // The crate's own deadline does not cover the wait for a place in its queue.
        let result = timeout(self.config.command_timeout, command(&mut connection)).await;
        let err = match result {
            Ok(Ok(value)) => {
                self.num_timeouts.store(0, Ordering::Relaxed);
                return Ok(value);
            }
            Ok(Err(err)) => err,
            Err(_) => {
                self.count_timeout(generation);
                return Err(BusError::NoAnswer {
                    operation,
                    reason: no_answer_within(self.config.command_timeout),
                });
            }
        };
        let reason = err.to_string();
        if err.is_timeout() {
            self.count_timeout(generation);
            return Err(BusError::NoAnswer { operation, reason });
        }
        match err.kind() {
            ErrorKind::Server(kind) => {
                // The server lives but cannot serve: another connection may meet it in a better state.
                if matches!(
                    kind,
                    ServerErrorKind::ReadOnly
                        | ServerErrorKind::MasterDown
                        | ServerErrorKind::BusyLoading
                ) {
                    self.give_up(generation, &reason);
                }
                Err(BusError::Refused { operation, reason })
            }
            ErrorKind::Extension => {
                if err.code() == Some("NOREPLICAS") {
                    self.give_up(generation, &reason);
                }
                Err(BusError::Refused { operation, reason })
            }
            _ => {
                // The connection's end, or an answer that makes no sense on it.
                self.give_up(generation, &reason);
                Err(BusError::NoAnswer { operation, reason })
            }
        }
    }

    fn count_timeout(&self, generation: u64) {
        if self.num_timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TIMEOUTS {
            self.give_up(generation, &no_answer_within(self.config.command_timeout));
        }
    }

    /// Lets go of a connection and wakes the keeper; nothing if it was let go of before.
    fn give_up(&self, generation: u64, reason: &str) {
        let mut slot = self.slot.lock();
        if matches!(&*slot, Slot::Connected(current, _) if *current == generation) {
            *slot = Slot::Away(reason.to_owned());
            drop(slot);
            self.is_bad.notify_one();
        }
    }
}

/// Watches the present connection and makes a new one when it is lost, for ever.
#[expect(
    clippy::infinite_loop,
    reason = "the task runs until the store is dropped, which aborts it"
)]
async fn keep(shared: Arc<Shared>) {
    let mut generation = 0;
    let mut backoff = Backoff::new();
    loop {
        watch_connection(&shared).await;
        let since = shared.clock.now();
        let mut last_error = match &*shared.slot.lock() {
            Slot::Away(reason) => reason.clone(),
            Slot::Connected(..) => continue,
        };
        tracing::warn!(
            url = %without_password(&shared.config.url),
            reason = %last_error,
            "the connection to Redis is lost and is made anew"
        );
        loop {
            let wait = backoff.next_wait();
            shared.link.send_replace(LinkState::Down {
                since,
                attempts: backoff.attempts() - 1,
                last_error: last_error.clone(),
            });
            sleep(wait).await;
            match shared.dial().await {
                Ok(connection) => {
                    generation += 1;
                    shared.num_timeouts.store(0, Ordering::Relaxed);
                    *shared.slot.lock() = Slot::Connected(generation, connection);
                    break;
                }
                Err(reason) => {
                    *shared.slot.lock() = Slot::Away(reason.clone());
                    last_error = reason;
                }
            }
        }
        add(&shared.counters.reconnects, 1);
        tracing::info!(
            url = %without_password(&shared.config.url),
            attempts = backoff.attempts(),
            "connected to Redis again"
        );
        backoff.reset();
        shared.link.send_replace(LinkState::Up {
            since: shared.clock.now(),
        });
    }
}

/// Returns when the present connection was given up; pings it, so that this does not wait for a user.
async fn watch_connection(shared: &Shared) {
    let given_up = shared.is_bad.notified();
    tokio::pin!(given_up);
    loop {
        tokio::select! {
            () = &mut given_up => return,
            () = sleep(PING_EVERY) => {}
        }
        let ping = redis::cmd("PING");
        // Its failure is counted like any other's.
        if let Err(err) = shared
            .run::<()>("ping", async |c| ping.query_async(c).await)
            .await
        {
            tracing::debug!(error = %err, "no sign of life from Redis");
        }
    }
}

fn open(config: &RedisConfig) -> Result<(ConnectionInfo, Client), BusError> {
    let bad = |reason: String| BusError::BadAddress {
        url: without_password(&config.url),
        reason,
    };
    let info = config
        .url
        .as_str()
        .into_connection_info()
        .map_err(|err| bad(err.to_string()))?;
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Err(bad("TLS to Redis is not built in".to_owned()));
    }
    let protocol = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP2);
    let info = info.set_redis_settings(protocol).set_tcp_settings(
        TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE))
            .set_user_timeout(USER_TIMEOUT),
    );
    let client = Client::open(info.clone()).map_err(|err| bad(err.to_string()))?;
    Ok((info, client))
}

fn no_answer_within(deadline: Duration) -> String {
    format!("no answer within {} ms", deadline.as_millis())
}

fn log_key(channel: &str) -> String {
    format!("qd:stream:{channel}")
}

fn meta_key(channel: &str) -> String {
    format!("qd:meta:{channel}")
}

fn unreadable(channel: &str, reason: &str) -> BusError {
    BusError::UnreadableLog {
        stream: channel.to_owned(),
        reason: reason.to_owned(),
    }
}

fn held(
    channel: &str,
    epoch: Option<&str>,
    seq: Option<&str>,
) -> Result<Option<StreamPos>, BusError> {
    let (Some(epoch), Some(seq)) = (epoch, seq) else {
        return Ok(None);
    };
    match (Epoch::new(epoch), seq.parse()) {
        (Ok(epoch), Ok(seq)) => Ok(Some(StreamPos {
            epoch,
            seq: Seq(seq),
        })),
        _ => Err(unreadable(channel, "an epoch or a number that is none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_show() {
        for (url, shown) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://:geheim@host:1/2", "redis://***@host:1/2"),
            ("redis://user:ge@heim@host:1/2", "redis://***@host:1/2"),
            ("user:geheim@host", "***@host"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
