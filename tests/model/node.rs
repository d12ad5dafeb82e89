//! One gateway node: the real hub cores behind a modeled connection to the store.
//!
//! It mimics the hub's driver (reads, retries every 250 ms, checks every 5 s, a watchdog on the subscribing
//! connection) and decides nothing about channels.

use std::collections::VecDeque;

use bytes::Bytes;
use qd_bus::{HubAction, HubChannelCore, LogPage};
use qd_types::{StreamName, StreamPos, UtcMicros};
use qd_wire::head::{Head, read_head};

use crate::channel::Channel;

const RETRY_MILLIS: i64 = 250;
const CHECK_MILLIS: i64 = 5_000;

/// The subscribing connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// Messages come.
    Up,
    /// Messages are lost, and nobody has noticed yet.
    Deaf { noticed_at: UtcMicros },
    /// Being made anew.
    Down { acknowledged_at: UtcMicros },
}

/// A read of a log on its way: the page is read at one instant and arrives at another.
pub(crate) struct Reading<R> {
    pub(crate) what: R,
    pub(crate) read_at: UtcMicros,
    pub(crate) arrives_at: UtcMicros,
    pub(crate) page: Option<Result<LogPage, ()>>,
}

impl<R> Reading<R> {
    pub(crate) fn due(&self) -> UtcMicros {
        if self.page.is_none() {
            self.read_at
        } else {
            self.arrives_at
        }
    }
}

/// One channel of the node's hub.
pub(crate) struct HubChannel {
    pub(crate) core: HubChannelCore,
    /// Live messages on their way to the hub.
    pub(crate) wire: VecDeque<(UtcMicros, Bytes)>,
    reads: Vec<Reading<(u64, Option<StreamPos>)>>,
    retry_at: UtcMicros,
    checked: Option<(UtcMicros, Option<StreamPos>)>,
}

/// A message that the hub hands to the sockets.
pub(crate) struct Handed {
    pub(crate) channel: usize,
    pub(crate) head: Option<Head>,
    pub(crate) bytes: Bytes,
}

/// The node.
pub(crate) struct Node {
    pub(crate) subscription: Subscription,
    /// Commands to the store fail until then.
    pub(crate) cut_until: UtcMicros,
    pub(crate) channels: Vec<HubChannel>,
    check_at: UtcMicros,
}

impl Node {
    pub(crate) fn new(streams: &[StreamName], now: UtcMicros) -> Self {
        Self {
            subscription: Subscription::Down {
                acknowledged_at: now,
            },
            cut_until: now,
            channels: streams
                .iter()
                .map(|stream| HubChannel {
                    core: HubChannelCore::new(stream.clone()),
                    wire: VecDeque::new(),
                    reads: Vec::new(),
                    retry_at: now,
                    checked: None,
                })
                .collect(),
            check_at: now.plus_millis(CHECK_MILLIS),
        }
    }

    /// Whether a message published now reaches the node's connection.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscription == Subscription::Up
    }

    /// When something is due.
    pub(crate) fn due(&self) -> UtcMicros {
        let mut due = self.check_at;
        match self.subscription {
            Subscription::Up => {}
            Subscription::Deaf { noticed_at } => due = due.min(noticed_at),
            Subscription::Down { acknowledged_at } => due = due.min(acknowledged_at),
        }
        for channel in &self.channels {
            if let Some((at, _)) = channel.wire.front() {
                due = due.min(*at);
            }
            if let Some(at) = channel.reads.iter().map(Reading::due).min() {
                due = due.min(at);
            }
            if channel.core.awaits_retry() {
                due = due.min(channel.retry_at);
            }
            if let Some((at, _)) = &channel.checked {
                due = due.min(*at);
            }
        }
        due
    }

    /// The connection breaks: at once, or without anybody noticing for a while.
    pub(crate) fn cut(&mut self, subscription: Subscription) {
        self.subscription = subscription;
        for channel in &mut self.channels {
            channel.wire.clear();
        }
        if let Subscription::Down { .. } = subscription {
            self.disconnected();
        }
    }

    fn disconnected(&mut self) {
        for channel in &mut self.channels {
            channel.wire.clear();
            channel.reads.clear();
            channel.core.on_disconnected();
            assert!(channel.core.counts().adds_up());
        }
    }

    /// Does what is due; gives what is handed to the sockets.
    pub(crate) fn step(
        &mut self,
        now: UtcMicros,
        stores: &[Channel],
        mut latency: impl FnMut() -> i64,
    ) -> Vec<Handed> {
        let mut handed = Vec::new();
        let is_cut = now < self.cut_until;
        match self.subscription {
            Subscription::Deaf { noticed_at } if noticed_at <= now => {
                self.subscription = Subscription::Down {
                    acknowledged_at: self.cut_until.max(now).plus_millis(latency()),
                };
                self.disconnected();
            }
            Subscription::Down { acknowledged_at } if acknowledged_at <= now => {
                self.subscription = Subscription::Up;
                for i in 0..self.channels.len() {
                    let actions = self.channels[i].core.on_subscribed();
                    self.perform(i, actions, now, &mut latency, &mut handed);
                }
            }
            Subscription::Up | Subscription::Deaf { .. } | Subscription::Down { .. } => {}
        }
        let is_check = now >= self.check_at;
        if is_check {
            self.check_at = now.plus_millis(CHECK_MILLIS);
        }
        for (i, store) in stores.iter().enumerate() {
            while self.channels[i]
                .wire
                .front()
                .is_some_and(|(at, _)| *at <= now)
            {
                let Some((_, bytes)) = self.channels[i].wire.pop_front() else {
                    break;
                };
                let core = &mut self.channels[i].core;
                let actions = match read_head(&bytes) {
                    Ok(head) if head.as_ref().is_none_or(|h| h.stream == store.stream) => {
                        core.on_message(head, bytes)
                    }
                    Ok(_) | Err(_) => {
                        core.on_unreadable();
                        Vec::new()
                    }
                };
                self.perform(i, actions, now, &mut latency, &mut handed);
            }
            if is_check && !is_cut && self.channels[i].core.is_live() {
                let at = now.plus_millis(latency());
                self.channels[i].checked = Some((at, store.stored.log.position()));
            }
            if let Some((_, holds)) = self.channels[i].checked.take_if(|(at, _)| *at <= now) {
                let actions = self.channels[i].core.on_store_position(holds.as_ref());
                self.perform(i, actions, now, &mut latency, &mut handed);
            }
            if self.channels[i].core.awaits_retry() && now >= self.channels[i].retry_at {
                self.channels[i].retry_at = now.plus_millis(RETRY_MILLIS);
                let actions = self.channels[i].core.retry();
                self.perform(i, actions, now, &mut latency, &mut handed);
            }
            for reading in &mut self.channels[i].reads {
                if reading.page.is_none() && reading.read_at <= now {
                    let after = reading.what.1.as_ref();
                    reading.page = Some(if is_cut {
                        Err(())
                    } else {
                        Ok(store.stored.log.read(after, 256, 256 * 1024))
                    });
                }
            }
            while let Some(j) = self.channels[i]
                .reads
                .iter()
                .position(|reading| reading.page.is_some() && reading.arrives_at <= now)
            {
                let reading = self.channels[i].reads.remove(j);
                let (read_id, _) = reading.what;
                let core = &mut self.channels[i].core;
                let actions = if let Some(Ok(page)) = reading.page {
                    core.on_log_page(read_id, page)
                } else {
                    core.on_log_failed(read_id);
                    Vec::new()
                };
                self.perform(i, actions, now, &mut latency, &mut handed);
            }
        }
        handed
    }

    fn perform(
        &mut self,
        channel: usize,
        actions: Vec<HubAction>,
        now: UtcMicros,
        latency: &mut impl FnMut() -> i64,
        handed: &mut Vec<Handed>,
    ) {
        for action in actions {
            match action {
                HubAction::ReadLog { read_id, after } => {
                    let read_at = now.plus_millis(latency());
                    self.channels[channel].reads.push(Reading {
                        what: (read_id, after),
                        read_at,
                        arrives_at: read_at.plus_millis(latency()),
                        page: None,
                    });
                }
                HubAction::Route { head, bytes } => handed.push(Handed {
                    channel,
                    head,
                    bytes,
                }),
            }
        }
        let channel = &mut self.channels[channel];
        if channel.core.awaits_retry() && channel.retry_at <= now {
            channel.retry_at = now.plus_millis(RETRY_MILLIS);
        }
        let counts = channel.core.counts();
        assert!(counts.adds_up(), "{counts:?}");
    }
}
