//! The log behind a channel as a plain value: what is kept, what an append checks, what a reader gets.
//!
//! This is the embedded store's log and the reference for the Redis scripts; it knows no locks, no time and no IO.
//! It does not publish and it does not number: the publishers' cores do.

use std::collections::VecDeque;

use bytes::Bytes;
use qd_types::{Seq, StreamClass, StreamName, StreamPos};
use qd_wire::head::Head;

/// Most entries an event stream's log keeps.
pub const EVENT_LOG_MAX_ENTRIES: usize = 1000;
/// Most bytes an event stream's log keeps; the newest entry stays whatever its size.
pub const EVENT_LOG_MAX_BYTES: usize = 256 * 1024;
/// Most bytes of deltas behind a state stream's snapshot; the publisher sends a snapshot before it is exceeded.
pub const STATE_LOG_MAX_DELTA_BYTES: usize = 64 * 1024;
/// Largest snapshot that is published; a larger one goes out as `refetch`.
pub const SNAPSHOT_MAX_BYTES: usize = 1024 * 1024;

/// One numbered message as the log keeps it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// The envelope's head, read once.
    pub head: Head,
    /// The whole message, shared with everybody it is routed to.
    pub bytes: Bytes,
}

/// One atomic read of a log.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// The newest number at the moment of the read; absent when the store holds nothing.
    pub head: Option<StreamPos>,
    /// The first number still kept, or the next one when none is; zero when the store holds nothing.
    pub base: Seq,
    /// Entries in order, all of the head's epoch.
    pub entries: Vec<LogEntry>,
    /// Whether the log goes on behind the last entry: read again after it.
    pub more: bool,
}

/// What the atomic step is asked to do.
#[derive(Clone, Debug)]
pub struct AppendRequest {
    /// The channel.
    pub stream: StreamName,
    /// What the store must hold; absent takes over whatever it holds and starts the log anew.
    pub expected: Option<StreamPos>,
    /// The message's head: the number after `expected`, or the first of a new epoch.
    pub head: Head,
    /// The message.
    pub bytes: Bytes,
    /// Whether the log starts anew with this message: snapshots and `refetch` do.
    pub reset: bool,
}

impl AppendRequest {
    /// Whether what the log held before is dropped.
    pub fn starts_log_anew(&self) -> bool {
        self.reset
            || self
                .expected
                .as_ref()
                .is_none_or(|expected| expected.epoch != self.head.epoch)
    }
}

/// What the atomic step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Checked, appended and published.
    Appended,
    /// The store holds something else; nothing was appended or published.
    Mismatch {
        /// What it holds; absent when nothing.
        holds: Option<StreamPos>,
    },
}

/// A channel's log in memory.
#[derive(Clone, Debug)]
pub struct StreamLog {
    class: StreamClass,
    position: Option<StreamPos>,
    entries: VecDeque<LogEntry>,
    bytes: usize,
}

impl StreamLog {
    /// An empty log with the bounds of `class`.
    pub fn new(class: StreamClass) -> Self {
        Self {
            class,
            position: None,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The newest number; absent when nothing is held.
    pub fn position(&self) -> Option<StreamPos> {
        self.position.clone()
    }

    /// The first number kept, or the next one when none is; zero when nothing is held.
    pub fn base(&self) -> Seq {
        match (self.entries.front(), &self.position) {
            (Some(first), _) => first.head.seq,
            (None, Some(position)) => position.seq.next(),
            (None, None) => Seq(0),
        }
    }

    /// Bytes kept, the snapshot included.
    pub fn num_bytes(&self) -> usize {
        self.bytes
    }

    /// Entries kept.
    pub fn num_entries(&self) -> usize {
        self.entries.len()
    }

    /// Checks `request` against what is held and appends; publishing is the caller's, under the same lock.
    pub fn append(&mut self, request: &AppendRequest) -> AppendOutcome {
        if let Some(expected) = &request.expected {
            let holds = self.position();
            if holds.as_ref() != Some(expected) {
                return AppendOutcome::Mismatch { holds };
            }
        }
        if request.starts_log_anew() {
            self.clear();
        }
        self.push(LogEntry {
            head: request.head.clone(),
            bytes: request.bytes.clone(),
        });
        AppendOutcome::Appended
    }

    /// Replaces everything by `entries`, consecutive numbers up to `position`; without any, only the number is known.
    pub fn refill(&mut self, position: StreamPos, entries: Vec<LogEntry>) {
        self.clear();
        for entry in entries {
            debug_assert_eq!(entry.head.epoch, position.epoch, "entries of one epoch");
            self.push(entry);
        }
        debug_assert!(
            self.position.is_none() || self.position.as_ref() == Some(&position),
            "the last entry has the position's number"
        );
        self.position = Some(position);
    }

    /// Forgets everything, as a lost store does.
    pub fn clear(&mut self) {
        self.position = None;
        self.entries.clear();
        self.bytes = 0;
    }

    /// What is kept behind `after`: at most `max_messages` and `max_bytes`, but one entry at least if there is one.
    ///
    /// `after` of another epoch, or older than the log, reads from the log's start.
    pub fn read(
        &self,
        after: Option<&StreamPos>,
        max_messages: usize,
        max_bytes: usize,
    ) -> LogPage {
        let base = self.base();
        let from = match after {
            Some(after)
                if self
                    .position
                    .as_ref()
                    .is_some_and(|pos| pos.epoch == after.epoch) =>
            {
                after.seq.next()
            }
            _ => base,
        };
        let skip = usize::try_from(from.0.saturating_sub(base.0)).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut more = false;
        for entry in self.entries.iter().skip(skip) {
            bytes += entry.bytes.len();
            if !entries.is_empty() && (entries.len() >= max_messages || bytes > max_bytes) {
                more = true;
                break;
            }
            entries.push(entry.clone());
        }
        LogPage {
            head: self.position(),
            base,
            entries,
            more,
        }
    }

    fn push(&mut self, entry: LogEntry) {
        self.position = Some(entry.head.pos());
        self.bytes += entry.bytes.len();
        self.entries.push_back(entry);
        // A state log is cut by its snapshots only: what is left of a trimmed one could not be applied by anybody.
        if self.class == StreamClass::Event {
            while self.entries.len() > EVENT_LOG_MAX_ENTRIES
                || (self.bytes > EVENT_LOG_MAX_BYTES && self.entries.len() > 1)
            {
                let Some(gone) = self.entries.pop_front() else {
                    break;
                };
                self.bytes -= gone.bytes.len();
            }
        }
    }
}
