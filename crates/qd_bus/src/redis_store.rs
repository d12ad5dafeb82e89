//! What the bus asks of a Redis server, as scripts and commands; every atomic step is one script.
//!
//! The scripts follow `log::StreamLog`, which is the reference. Connections are `redis_link`'s.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_types::{Clock, Epoch, Seq, StreamClass, StreamName, StreamPos};
use qd_wire::head::{Head, read_head};
use redis::Script;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::counters::{BusCounters, add};
use crate::error::BusError;
use crate::link::LinkState;
use crate::log::{
    AppendOutcome, AppendRequest, EVENT_LOG_MAX_BYTES, EVENT_LOG_MAX_ENTRIES, LogEntry, LogPage,
};
use crate::redis_link::{RedisConfig, RedisLink};
use crate::redis_subscriber::RedisSubscriber;

const SAMPLE_EVERY: Duration = Duration::from_secs(10);

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

/// The store behind a Redis address.
pub(crate) struct RedisStore {
    link: RedisLink,
    scripts: Scripts,
    counters: Arc<BusCounters>,
    sampled: Mutex<Sampled>,
}

/// When an unreadable entry was last logged, and how many were not since.
#[derive(Default)]
struct Sampled {
    at: Option<Instant>,
    num_unlogged: u64,
}

impl RedisStore {
    pub(crate) async fn connect(
        config: RedisConfig,
        clock: Arc<dyn Clock>,
        counters: Arc<BusCounters>,
    ) -> Result<Self, BusError> {
        Ok(Self {
            link: RedisLink::connect(config, clock, Arc::clone(&counters)).await?,
            scripts: Scripts::new(),
            counters,
            sampled: Mutex::default(),
        })
    }

    pub(crate) fn link(&self) -> watch::Receiver<LinkState> {
        self.link.state()
    }

    pub(crate) async fn open_subscriber(&self) -> Result<RedisSubscriber, BusError> {
        self.link.open_subscriber().await
    }

    pub(crate) async fn append(&self, request: &AppendRequest) -> Result<AppendOutcome, BusError> {
        let channel = request.stream.to_string();
        let is_event = request.stream.class() == StreamClass::Event;
        let (max_entries, max_bytes) = if is_event {
            (EVENT_LOG_MAX_ENTRIES, EVENT_LOG_MAX_BYTES)
        } else {
            (0, 0)
        };
        let mut call = self.scripts.append.prepare_invoke();
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
            .link
            .run("append", async |connection| {
                call.invoke_async(connection).await
            })
            .await?;
        match answer.as_slice() {
            [Some(done), ..] if done == "1" => Ok(AppendOutcome::Appended),
            [_, epoch, seq] => Ok(AppendOutcome::Mismatch {
                holds: held(epoch.as_deref(), seq.as_deref()),
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
            .map_or_else(|| position.seq.next(), |first| first.head.seq);
        let mut call = self.scripts.refill.prepare_invoke();
        call.key(log_key(&channel))
            .key(meta_key(&channel))
            .arg(position.epoch.as_str())
            .arg(position.seq.0)
            .arg(base.0);
        for entry in entries {
            call.arg(&entry.bytes[..]);
        }
        self.link
            .run("refill", async |connection| {
                call.invoke_async(connection).await
            })
            .await
    }

    /// What cannot be read is left out: a hole in the numbers, which readers find and say.
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
        let mut after = after.cloned();
        loop {
            let mut call = self.scripts.read.prepare_invoke();
            call.key(log_key(&channel)).key(meta_key(&channel));
            match &after {
                Some(after) => call.arg(after.epoch.as_str()).arg(after.seq.0),
                None => call.arg("").arg(0),
            };
            call.arg(max_messages).arg(max_bytes);
            let (epoch, seq, base, more, messages): Answer = self
                .link
                .run("read_log", async |connection| {
                    call.invoke_async(connection).await
                })
                .await?;
            let Some(head) = held(epoch.as_deref(), seq.as_deref()) else {
                return Ok(LogPage::default());
            };
            let base = Seq(base.unwrap_or(0));
            let more = more == 1;
            let num_messages = messages.len() as u64;
            let mut entries = Vec::with_capacity(messages.len());
            for message in messages {
                match readable(stream, &message) {
                    Ok(head) => entries.push(LogEntry {
                        head,
                        bytes: Bytes::from(message),
                    }),
                    Err(reason) => self.pass_over(&channel, &reason, &message),
                }
            }
            if more && entries.is_empty() && num_messages > 0 {
                // A whole page of rubbish: a reader finds its way by numbers, and here are none. Entries are dense.
                let first = match &after {
                    Some(after) if after.epoch == head.epoch => after.seq.next().max(base),
                    _ => base,
                };
                let last = Seq(first.0.saturating_add(num_messages - 1));
                after = Some(StreamPos {
                    epoch: head.epoch,
                    seq: last,
                });
                continue;
            }
            return Ok(LogPage {
                head: Some(head),
                base,
                entries,
                more,
            });
        }
    }

    /// Counts an unreadable entry, and logs one in ten seconds.
    fn pass_over(&self, channel: &str, reason: &str, bytes: &[u8]) {
        add(&self.counters.unreadable, 1);
        let num_unlogged = {
            let mut sampled = self.sampled.lock();
            if sampled.at.is_some_and(|at| at.elapsed() < SAMPLE_EVERY) {
                sampled.num_unlogged += 1;
                return;
            }
            sampled.at = Some(Instant::now());
            std::mem::take(&mut sampled.num_unlogged)
        };
        let start = bytes.get(..bytes.len().min(200)).unwrap_or_default();
        tracing::warn!(
            channel,
            reason,
            num_bytes = bytes.len(),
            num_unlogged,
            sample = ?String::from_utf8_lossy(start),
            "an unreadable entry of a log was passed over"
        );
    }

    pub(crate) async fn positions(
        &self,
        streams: &[StreamName],
    ) -> Result<Vec<Option<StreamPos>>, BusError> {
        let mut positions = Vec::with_capacity(streams.len());
        // In portions: a script holds up everybody else while it runs.
        for portion in streams.chunks(200) {
            let mut call = self.scripts.positions.prepare_invoke();
            for stream in portion {
                let channel = stream.to_string();
                call.key(log_key(&channel)).key(meta_key(&channel));
            }
            let answer: Vec<Option<String>> = self
                .link
                .run("positions", async |connection| {
                    call.invoke_async(connection).await
                })
                .await?;
            for (_, pair) in portion.iter().zip(answer.chunks(2)) {
                positions.push(match pair {
                    [epoch, seq] => held(epoch.as_deref(), seq.as_deref()),
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
            .link
            .run("num_subscribers", async |c| command.query_async(c).await)
            .await?;
        Ok(num)
    }

    pub(crate) async fn publish_raw(&self, channel: &str, bytes: &[u8]) -> Result<(), BusError> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(bytes);
        self.link
            .run("publish", async |c| command.query_async(c).await)
            .await
    }

    pub(crate) async fn kv_get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let value: Option<Vec<u8>> = self
            .link
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
        self.link
            .run("kv_set", async |c| command.query_async(c).await)
            .await
    }

    pub(crate) async fn kv_delete(&self, key: &str) -> Result<bool, BusError> {
        let mut command = redis::cmd("DEL");
        command.arg(key);
        self.link
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
            .link
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
        let mut call = self.scripts.compare_and_set.prepare_invoke();
        call.key(key)
            .arg(expected)
            .arg(bytes)
            .arg(ttl_millis.max(1));
        self.link
            .run("kv_compare_and_set", async |c| call.invoke_async(c).await)
            .await
    }

    pub(crate) async fn kv_expire(&self, key: &str, ttl_millis: u64) -> Result<bool, BusError> {
        let mut command = redis::cmd("PEXPIRE");
        command.arg(key).arg(ttl_millis.max(1));
        self.link
            .run("kv_expire", async |c| command.query_async(c).await)
            .await
    }
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

/// The head of an entry that belongs to `stream`.
fn readable(stream: &StreamName, bytes: &[u8]) -> Result<Head, String> {
    match read_head(bytes) {
        Ok(Some(head)) if head.stream == *stream => Ok(head),
        Ok(Some(head)) => Err(format!("it says it belongs to {}", head.stream)),
        Ok(None) => Err("a message without numbers".to_owned()),
        Err(err) => Err(err.to_string()),
    }
}

/// What the store holds. An epoch or a number that is none counts as nothing, as everything that does not fit together:
/// its publisher writes it anew.
fn held(epoch: Option<&str>, seq: Option<&str>) -> Option<StreamPos> {
    Some(StreamPos {
        epoch: Epoch::new(epoch?).ok()?,
        seq: Seq(seq?.parse().ok()?),
    })
}
