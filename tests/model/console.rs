//! The client's side: the real queue and state machine per stream, with a console's way of connecting and asking REST.
//!
//! It mimics the feed: frames are read at once into bounded queues, taken in the order of arrival, and what a full queue
//! pushed out is told before anything newer is taken.

use std::collections::{BTreeMap, VecDeque};

use qd_queue::{Receiver, Sender, bounded};
use qd_state::{
    Ask, BEAT_GRACE_MILLIS, ClientState, HoleReason, MessageHead, SILENCE_MILLIS, StreamClient,
    Verdict,
};
use qd_types::{Epoch, Seq, StreamClass, StreamName, StreamPos, UtcMicros};
use qd_wire::RawJson;
use qd_wire::frame::ServerFrame;
use qd_wire::head::read_head;
use serde_json::Value;

use crate::channel::{Content, event_key};

const WELCOME_MILLIS: i64 = 15_000;

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Down {
        retry_at: UtcMicros,
    },
    /// The hello is sent at this instant.
    Opening {
        done_at: UtcMicros,
    },
    Waiting {
        until: UtcMicros,
    },
    Up,
}

#[derive(Debug)]
enum What {
    Messages {
        routed_at: UtcMicros,
        messages: Vec<RawJson>,
    },
    Gone(StreamPos),
}

#[derive(Debug)]
enum Control {
    Welcome,
    Beat(Vec<(StreamName, StreamPos)>, UtcMicros),
}

/// What one stream of the client did, for the oracle.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) channel: usize,
    pub(crate) pos: Option<StreamPos>,
    /// The whole state, not a part of it.
    pub(crate) is_snapshot: bool,
    /// What the client holds after it, for state streams.
    pub(crate) content: Option<Content>,
}

/// What came of one thing that the client took.
pub(crate) struct Taken {
    pub(crate) applied: Vec<Applied>,
    /// By channel.
    pub(crate) asks: Vec<(usize, Ask)>,
}

/// One stream of the client.
pub(crate) struct ClientStream {
    pub(crate) name: StreamName,
    pub(crate) client: StreamClient,
    pub(crate) content: Content,
    sender: Sender<(u64, What)>,
    receiver: Receiver<(u64, What)>,
    head: Option<(u64, What)>,
    dropped: Option<(Option<StreamPos>, u64)>,
    pub(crate) is_asking: bool,
    pub(crate) seen: Seen,
}

/// What the client was shown of a stream's numbers, kept apart from what it makes of it.
#[derive(Default)]
pub(crate) struct Seen {
    /// The highest number per epoch that a message, a drop or `gone` named.
    by_messages: BTreeMap<Epoch, Seq>,
    /// The highest number per epoch that anything named.
    by_all: BTreeMap<Epoch, Seq>,
    /// A beat was further than what was applied, and nothing came since.
    ahead_since: Option<UtcMicros>,
    was_verified: bool,
}

impl Seen {
    fn note(&mut self, pos: &StreamPos) {
        for seen in [&mut self.by_messages, &mut self.by_all] {
            let highest = seen.entry(pos.epoch.clone()).or_default();
            *highest = pos.seq.max(*highest);
        }
    }

    fn note_beat(&mut self, pos: &StreamPos) {
        let highest = self.by_all.entry(pos.epoch.clone()).or_default();
        *highest = pos.seq.max(*highest);
    }

    /// What the contract says of a seal at any time, checked after everything that the client is told.
    fn check(&mut self, name: &StreamName, client: &StreamClient) {
        let ClientState::Verified { pos } = client.state() else {
            self.was_verified = false;
            self.ahead_since = None;
            return;
        };
        let highest =
            |seen: &BTreeMap<Epoch, Seq>| seen.get(&pos.epoch).copied().unwrap_or_default();
        assert!(
            pos.seq >= highest(&self.by_messages),
            "{name}: verified to {pos:?} with {:?} seen",
            highest(&self.by_messages)
        );
        assert!(
            self.was_verified || pos.seq >= highest(&self.by_all),
            "{name}: verified anew to {pos:?} with {:?} seen",
            highest(&self.by_all)
        );
        self.was_verified = true;
    }
}

/// The client.
pub(crate) struct Console {
    pub(crate) link: Link,
    pub(crate) streams: Vec<ClientStream>,
    newest_stamp: UtcMicros,
    control: VecDeque<(u64, Control)>,
    num_arrived: u64,
    /// The program does not run before.
    pub(crate) paused_until: UtcMicros,
    pub(crate) num_queue_dropped: u64,
}

impl Console {
    pub(crate) fn new(streams: &[StreamName], capacity: usize, now: UtcMicros) -> Self {
        Self {
            link: Link::Down { retry_at: now },
            streams: streams
                .iter()
                .map(|name| {
                    let (sender, receiver) = bounded(capacity);
                    ClientStream {
                        name: name.clone(),
                        client: StreamClient::new(name.class()),
                        content: Content::new(),
                        sender,
                        receiver,
                        head: None,
                        dropped: None,
                        is_asking: false,
                        seen: Seen::default(),
                    }
                })
                .collect(),
            newest_stamp: now,
            control: VecDeque::new(),
            num_arrived: 0,
            paused_until: now,
            num_queue_dropped: 0,
        }
    }

    pub(crate) fn due(&self) -> UtcMicros {
        let clients = self
            .streams
            .iter()
            .filter_map(|stream| stream.client.next_deadline());
        let link = match self.link {
            Link::Down { retry_at } => retry_at,
            Link::Opening { done_at } => done_at,
            Link::Waiting { until } => until,
            Link::Up => self.newest_stamp.plus_millis(SILENCE_MILLIS),
        };
        let due = clients.fold(link, UtcMicros::min);
        let is_waiting = !self.control.is_empty()
            || self
                .streams
                .iter()
                .any(|stream| stream.head.is_some() || !stream.receiver.is_empty());
        if is_waiting {
            self.paused_until
        } else {
            due.max(self.paused_until)
        }
    }

    /// The places that a hello resumes from.
    pub(crate) fn resume(&self) -> Vec<Option<StreamPos>> {
        self.streams
            .iter()
            .map(|stream| stream.client.pos().cloned())
            .collect()
    }

    /// The hello is sent.
    pub(crate) fn said_hello(&mut self, now: UtcMicros) {
        self.link = Link::Waiting {
            until: now.plus_millis(WELCOME_MILLIS),
        };
    }

    /// The socket is gone: what of it waits is not looked at any more.
    pub(crate) fn disconnected(&mut self, reason: HoleReason, retry_at: UtcMicros, now: UtcMicros) {
        self.link = Link::Down { retry_at };
        self.control.clear();
        for stream in &mut self.streams {
            stream.head = None;
            while stream.receiver.pop().is_some() {}
            stream.dropped = None;
            stream.client.link_down(reason, now);
        }
    }

    /// The reader takes a frame off the socket: never waits.
    pub(crate) fn read(&mut self, text: &str) {
        let frame = ServerFrame::decode(text).unwrap();
        let (stream, what) = match frame {
            ServerFrame::Snapshot {
                stream,
                routed_at,
                d,
                ..
            } => (
                stream,
                What::Messages {
                    routed_at,
                    messages: vec![d],
                },
            ),
            ServerFrame::Batch {
                stream,
                routed_at,
                msgs,
            } => (
                stream,
                What::Messages {
                    routed_at,
                    messages: msgs,
                },
            ),
            ServerFrame::Msg {
                stream,
                routed_at,
                d,
                ..
            } => (
                stream.unwrap(),
                What::Messages {
                    routed_at,
                    messages: vec![d],
                },
            ),
            ServerFrame::Gone { stream, pos } => (stream, What::Gone(pos)),
            ServerFrame::Beat { streams, at } => {
                self.num_arrived += 1;
                self.control
                    .push_back((self.num_arrived, Control::Beat(streams, at)));
                return;
            }
            other => panic!("the model sends no {other:?}"),
        };
        self.num_arrived += 1;
        let arrival = self.num_arrived;
        let stream = self.streams.iter_mut().find(|s| s.name == stream).unwrap();
        if let Some((_, displaced)) = stream.sender.push((arrival, what)) {
            let (pos, num) = match displaced {
                What::Messages { messages, .. } => {
                    let newest = messages.last().unwrap();
                    let head = read_head(newest.as_bytes()).unwrap();
                    (head.map(|head| head.pos()), messages.len() as u64)
                }
                What::Gone(pos) => (Some(pos), 0),
            };
            let (before, num_before) = stream.dropped.take().unwrap_or_default();
            stream.dropped = Some((pos.or(before), num_before + num));
            self.num_queue_dropped += num;
        }
        let counters = stream.sender.counters();
        assert_eq!(
            counters.received,
            counters.delivered + counters.dropped + counters.queued,
            "{counters:?}"
        );
    }

    /// The server's welcome came.
    pub(crate) fn welcomed(&mut self) {
        self.num_arrived += 1;
        self.control.push_back((self.num_arrived, Control::Welcome));
    }

    /// Time passed and the clients were told: checks that no seal stands behind a beat for longer than its grace.
    pub(crate) fn check_beats(&self, now: UtcMicros) {
        for stream in self.streams.iter().filter(|s| s.client.is_verified()) {
            if let Some(since) = stream.seen.ahead_since {
                assert!(
                    now.millis_since(since) < BEAT_GRACE_MILLIS,
                    "{}: verified, {} ms behind a beat",
                    stream.name,
                    now.millis_since(since)
                );
            }
        }
    }

    /// Whether the server has been silent for too long.
    pub(crate) fn is_silent(&self, now: UtcMicros) -> bool {
        match self.link {
            Link::Up => now.millis_since(self.newest_stamp) >= SILENCE_MILLIS,
            Link::Waiting { until } => until <= now,
            Link::Down { .. } | Link::Opening { .. } => false,
        }
    }

    /// Takes the oldest thing that waits; gives what was applied and what is asked for. None when nothing waits.
    pub(crate) fn take(&mut self, now: UtcMicros) -> Option<Taken> {
        if now < self.paused_until {
            return None;
        }
        let mut asks = Vec::new();
        for (i, stream) in self.streams.iter_mut().enumerate() {
            if let Some((pos, num)) = stream.dropped.take() {
                if let Some(pos) = &pos {
                    stream.seen.note(pos);
                }
                let ask = stream.client.queue_dropped(pos.as_ref(), num, now);
                stream.seen.check(&stream.name, &stream.client);
                asks.extend(ask.map(|ask| (i, ask)));
            }
            if stream.head.is_none() {
                stream.head = stream.receiver.pop();
            }
        }
        let oldest = self
            .streams
            .iter()
            .enumerate()
            .filter_map(|(i, stream)| Some((stream.head.as_ref()?.0, i)))
            .min();
        let control = self.control.front().map(|(arrival, _)| *arrival);
        let mut applied = Vec::new();
        match (oldest, control) {
            (None, None) if asks.is_empty() => return None,
            (None, None) => {}
            (Some((arrival, i)), control) if control.is_none_or(|control| arrival < control) => {
                if let Some((_, what)) = self.streams[i].head.take() {
                    self.apply(i, what, now, &mut applied, &mut asks);
                }
            }
            (_, _) => {
                if let Some((_, control)) = self.control.pop_front() {
                    self.apply_control(control, now, &mut asks);
                }
            }
        }
        Some(Taken { applied, asks })
    }

    fn apply_control(&mut self, control: Control, now: UtcMicros, asks: &mut Vec<(usize, Ask)>) {
        match control {
            Control::Welcome => {
                self.link = Link::Up;
                self.newest_stamp = now;
                for (i, stream) in self.streams.iter_mut().enumerate() {
                    asks.extend(stream.client.link_up(now).map(|ask| (i, ask)));
                }
            }
            Control::Beat(places, at) => {
                self.newest_stamp = self.newest_stamp.max(at);
                for (name, pos) in places {
                    let i = self.streams.iter().position(|s| s.name == name).unwrap();
                    let stream = &mut self.streams[i];
                    let ask = stream.client.beat(&pos, at, now);
                    asks.extend(ask.map(|ask| (i, ask)));
                    stream.seen.note_beat(&pos);
                    let is_behind = |own: &StreamPos| own.epoch != pos.epoch || own.seq < pos.seq;
                    if !stream.client.pos().is_some_and(is_behind) {
                        stream.seen.ahead_since = None;
                    } else if stream.seen.ahead_since.is_none() {
                        stream.seen.ahead_since = Some(now);
                    }
                    stream.seen.check(&stream.name, &stream.client);
                }
            }
        }
    }

    fn apply(
        &mut self,
        channel: usize,
        what: What,
        now: UtcMicros,
        applied: &mut Vec<Applied>,
        asks: &mut Vec<(usize, Ask)>,
    ) {
        let stream = &mut self.streams[channel];
        let mut ask_for = |ask: Option<Ask>| asks.extend(ask.map(|ask| (channel, ask)));
        let (routed_at, messages) = match what {
            What::Gone(pos) => {
                ask_for(stream.client.gone(&pos, now));
                assert!(!stream.client.is_verified(), "gone is a hole");
                return;
            }
            What::Messages {
                routed_at,
                messages,
            } => (routed_at, messages),
        };
        self.newest_stamp = self.newest_stamp.max(routed_at);
        for message in messages {
            let head = read_head(message.as_bytes()).unwrap();
            let head = head.map(|head| MessageHead {
                pos: head.pos(),
                base_seq: head.base_seq,
                kind: head.kind,
            });
            let body: Value = serde_json::from_slice(message.as_bytes()).unwrap();
            let pos = head.as_ref().map(|head| head.pos.clone());
            if let Some(pos) = &pos {
                stream.seen.note(pos);
            }
            if body.get("broken").and_then(Value::as_bool) == Some(true) {
                ask_for(stream.client.unreadable(pos.as_ref(), now));
                stream.seen.check(&stream.name, &stream.client);
                continue;
            }
            let (verdict, ask) = stream.client.message(head.as_ref(), routed_at, now);
            ask_for(ask);
            match verdict {
                Verdict::Apply => stream.seen.ahead_since = None,
                Verdict::Duplicate => {}
                Verdict::SetAside => assert!(
                    !stream.client.is_verified(),
                    "{}: verified although {pos:?} was set aside",
                    stream.name
                ),
            }
            stream.seen.check(&stream.name, &stream.client);
            let counted = stream.client.counters();
            assert_eq!(
                counted.received,
                counted.applied + counted.duplicates + counted.set_aside + counted.unreadable
            );
            if verdict == Verdict::Apply {
                let is_snapshot = apply_body(&mut stream.content, &body);
                let is_state = stream.name.class() == StreamClass::State;
                applied.push(Applied {
                    channel,
                    pos,
                    is_snapshot,
                    content: is_state.then(|| stream.content.clone()),
                });
            }
        }
    }
}

/// Takes over what a message says; whether it was the whole state.
fn apply_body(content: &mut Content, body: &Value) -> bool {
    if let Some(rows) = body.get("rows").and_then(Value::as_object) {
        *content = rows
            .iter()
            .map(|(key, value)| (key.clone(), value.as_u64().unwrap()))
            .collect();
        return true;
    }
    if let Some(rows) = body.get("changed").and_then(Value::as_object) {
        for (key, value) in rows {
            match value.as_u64() {
                Some(value) => content.insert(key.clone(), value),
                None => content.remove(key),
            };
        }
    }
    if let Some(n) = body.get("n").and_then(Value::as_u64) {
        content.insert(event_key(n), n);
    }
    false
}
