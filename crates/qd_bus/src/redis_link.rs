//! The connection that commands to a Redis server go over: kept, watched, made anew for ever, with deadlines.
//!
//! The stock connection manager is not used, for measured reasons: it does not reconnect after a timeout or a READONLY,
//! and gives up after a few tries. Here a keeper task makes the connection anew; while there is none, commands fail at
//! once instead of queueing up. Which commands there are is `redis_store`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use qd_types::Clock;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo as _, ProtocolVersion, RedisError, ServerErrorKind,
};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::counters::{BusCounters, add};
use crate::error::BusError;
use crate::link::{Backoff, LinkState};
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

enum Slot {
    Connected(u64, MultiplexedConnection),
    Away(String),
}

struct Shared {
    info: ConnectionInfo,
    client: Client,
    config: RedisConfig,
    clock: Arc<dyn Clock>,
    counters: Arc<BusCounters>,
    slot: Mutex<Slot>,
    /// Unanswered commands since the last answer.
    num_timeouts: AtomicU32,
    /// The present connection is no good any more.
    is_bad: Notify,
    link: watch::Sender<LinkState>,
}

/// A kept connection.
pub(crate) struct RedisLink {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

impl Drop for RedisLink {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl RedisLink {
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

    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
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

    /// Runs one command with its deadline and draws the conclusions about the connection.
    pub(crate) async fn run<T>(
        &self,
        operation: &'static str,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, BusError> {
        self.shared.run(operation, command).await
    }
}

impl Shared {
    /// Connects and waits for a first answer, within the deadline.
    async fn dial(&self) -> Result<MultiplexedConnection, String> {
        let settings = AsyncConnectionConfig::new()
            // One deadline over everything, below.
            .set_connection_timeout(None)
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
