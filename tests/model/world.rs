//! Virtual time and everything in it: channels, two gateway nodes, one client, and the faults between them.
//!
//! Whatever is due at an instant is done until nothing is; then time jumps to the next thing that is due.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_state::{Ask, ClientState, HoleReason, UNVERIFIED_POLL_MILLIS};
use qd_types::{StreamName, UserId, UtcMicros};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::channel::{Channel, Fate};
use crate::chaos::{Op, Profile};
use crate::console::{Console, Link};
use crate::node::Node;
use crate::oracle::{Watched, check_equal};
use crate::rest::{PendingRest, PosRead};
use crate::socket::{Frame, Socket};
use crate::summary::Summary;

pub(crate) const NUM_NODES: usize = 2;
/// Everything works again: how long it may take until every seal says so.
const SETTLE_MILLIS: i64 = 32_000;
/// A seal that holds for so long is not one that a late watchdog or check will still take away.
const SETTLED_FOR_MILLIS: i64 = 14_000;
const CALM_MILLIS: i64 = 25_000;
const SILENCE_MILLIS: i64 = 12_000;

type Trace = Arc<Mutex<Vec<String>>>;

/// Everything.
pub(crate) struct World {
    pub(crate) now: UtcMicros,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) profile: Profile,
    pub(crate) channels: Vec<Channel>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) socket: Option<Socket>,
    pub(crate) console: Console,
    pub(crate) watched: Vec<Watched>,
    pub(crate) rests: Vec<PendingRest>,
    /// Per stream, since when REST should have been asked about a producer without numbers.
    unverified_since: Vec<Option<UtcMicros>>,
    pub(crate) rest_down_until: UtcMicros,
    pub(crate) store_away_until: UtcMicros,
    next_op_at: UtcMicros,
    pub(crate) is_chaos: bool,
    summary: Summary,
    trace: Option<Trace>,
}

impl World {
    pub(crate) fn new(seed: u64, trace: Option<Trace>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let profile = Profile::pick(&mut rng);
        let now = UtcMicros::from_millis(1_000_000);
        let user = UserId::new("alice").unwrap();
        let streams = [
            StreamName::KillSwitch,
            StreamName::Orders(user.clone()),
            StreamName::Positions(user),
        ];
        Self {
            now,
            channels: streams.iter().cloned().map(Channel::new).collect(),
            nodes: (0..NUM_NODES).map(|_| Node::new(&streams, now)).collect(),
            socket: None,
            console: Console::new(&streams, profile.queue_capacity, now),
            watched: streams.iter().map(|_| Watched::default()).collect(),
            rests: Vec::new(),
            unverified_since: vec![None; streams.len()],
            rest_down_until: now,
            store_away_until: now,
            next_op_at: now,
            is_chaos: true,
            summary: Summary {
                num_faultless: u64::from(profile.is_faultless),
                ..Summary::default()
            },
            trace,
            rng,
            profile,
        }
    }

    /// Plays the schedule to its end.
    pub(crate) fn run(&mut self) -> Summary {
        self.note(|world| format!("{:?}", world.profile));
        self.advance_to(self.now.plus_millis(self.profile.chaos_millis));
        self.end_faults();
        let ended_at = self.now;
        let mut settled_at = ended_at;
        while self.now.millis_since(settled_at) < SETTLED_FOR_MILLIS {
            self.advance_to(self.now.plus_millis(500));
            for stream in &self.console.streams {
                if !stream.client.is_verified() {
                    settled_at = self.now;
                    assert!(
                        self.now.millis_since(ended_at) < SETTLE_MILLIS,
                        "{}: {:?}, {SETTLE_MILLIS} ms after the last fault",
                        stream.name,
                        stream.client.state()
                    );
                }
            }
        }
        let settle_millis = settled_at.millis_since(ended_at);
        self.note(|_| "calm".to_owned());
        let before = self.asks();
        self.advance_to(self.now.plus_millis(CALM_MILLIS));
        // Nothing changes any more: everything that was said has arrived.
        self.next_op_at = UtcMicros(i64::MAX);
        self.advance_to(self.now.plus_millis(SILENCE_MILLIS));
        // A state stream repeats its snapshot every 10 s: wait for one that is on its way.
        for _ in 0..60 {
            let is_equal = |i: usize| {
                self.console.streams[i].client.pos() == self.channels[i].position().as_ref()
            };
            if (0..self.channels.len()).all(is_equal) {
                break;
            }
            self.advance_to(self.now.plus_millis(50));
        }
        assert_eq!(
            self.asks(),
            before,
            "without a fault there is no hole and nothing is asked"
        );
        for (stream, channel) in self.console.streams.iter().zip(&self.channels) {
            check_equal(stream, channel);
        }
        if self.profile.is_faultless {
            let num_gaps: u64 = self.gaps();
            assert_eq!(num_gaps, 0, "a hole was shown that was not there");
        }
        self.close_socket();
        for stream in &self.console.streams {
            let counters = stream.client.counters();
            let summary = &mut self.summary;
            summary.num_applied += counters.applied;
            summary.num_duplicates += counters.duplicates;
            summary.num_set_aside += counters.set_aside;
            summary.num_unreadable += counters.unreadable;
            summary.num_gaps += counters.gaps;
            summary.num_resyncs += counters.resyncs;
            summary.num_refetches += counters.refetches;
            summary.num_missing_ranges += stream.client.missing().len() as u64;
        }
        self.summary.num_queue_dropped = self.console.num_queue_dropped;
        self.summary.longest_settle_millis = settle_millis;
        self.summary.clone()
    }

    fn gaps(&self) -> u64 {
        let streams = self.console.streams.iter();
        streams.map(|s| s.client.counters().gaps).sum()
    }

    /// Holes and questions so far.
    fn asks(&self) -> (u64, u64) {
        let streams = self.console.streams.iter();
        let counters = streams.map(|s| s.client.counters());
        (self.gaps(), counters.map(|c| c.resyncs + c.refetches).sum())
    }

    pub(crate) fn note(&self, line: impl FnOnce(&Self) -> String) {
        if let Some(trace) = &self.trace {
            let at = self.now.millis_since(UtcMicros::from_millis(1_000_000));
            trace.lock().push(format!("{at:>7} {}", line(self)));
        }
    }

    pub(crate) fn latency(&mut self) -> i64 {
        self.rng.random_range(1..=self.profile.max_latency_millis)
    }

    fn advance_to(&mut self, end: UtcMicros) {
        loop {
            self.settle_now();
            let due = self.due();
            assert!(
                due > self.now,
                "time stands still: console {:?}, nodes {:?}, socket {:?}, now {:?}",
                self.console.due(),
                self.nodes.iter().map(Node::due).collect::<Vec<_>>(),
                self.socket.as_ref().map(Socket::due),
                self.now
            );
            if due > end {
                self.now = end;
                return;
            }
            self.now = due;
        }
    }

    /// The next instant at which something happens.
    fn due(&self) -> UtcMicros {
        let mut due = self.next_op_at.min(self.console.due());
        for node in &self.nodes {
            due = due.min(node.due());
        }
        if let Some(socket) = &self.socket {
            due = due.min(socket.due());
        }
        for channel in &self.channels {
            for at in [channel.wake_at, channel.back_at].into_iter().flatten() {
                due = due.min(at);
            }
        }
        for rest in &self.rests {
            due = due.min(rest.due());
        }
        due
    }

    /// Does everything that is due now, until nothing is.
    fn settle_now(&mut self) {
        for _ in 0..10_000 {
            let is_quiet = !self.happen()
                & !self.publish()
                & !self.route()
                & !self.serve()
                & !self.answer_rest()
                & !self.consume();
            if is_quiet {
                for (i, watched) in self.watched.iter_mut().enumerate() {
                    watched.check_shown(self.now, &self.console.streams[i], &self.channels[i]);
                }
                return;
            }
        }
        panic!("something happens for ever at one instant");
    }

    fn publish(&mut self) -> bool {
        let mut has_published = false;
        for i in 0..self.channels.len() {
            if self.channels[i].back_at.is_some_and(|at| at <= self.now) {
                self.channels[i].start();
                let name = self.channels[i].stream.clone();
                self.note(|_| format!("{name} is back"));
            }
            let num_subscribers = self.nodes.iter().filter(|n| n.is_subscribed()).count();
            let is_away = self.now < self.store_away_until;
            let one_in = if self.is_chaos {
                self.profile.one_unanswered_in
            } else {
                0
            };
            let rng = &mut self.rng;
            let fate = || match one_in {
                _ if is_away => Fate::Away,
                0 => Fate::Fine,
                one_in => match rng.random_range(0..one_in * 2) {
                    0 => Fate::AnswerLost,
                    1 => Fate::RequestLost,
                    _ => Fate::Fine,
                },
            };
            let published = self.channels[i].pump(self.now, num_subscribers, fate);
            for bytes in published {
                has_published = true;
                self.summary.num_published += 1;
                self.note(|world| {
                    let pos = world.channels[i].stored.log.position();
                    format!("published {} up to {pos:?}", world.channels[i].stream)
                });
                self.deliver(i, &bytes);
            }
        }
        has_published
    }

    /// Puts a message on its way to every subscribed node.
    pub(crate) fn deliver(&mut self, channel: usize, bytes: &Bytes) {
        for n in 0..self.nodes.len() {
            if self.nodes[n].is_subscribed() {
                let at = self.now.plus_millis(self.latency());
                let wire = &mut self.nodes[n].channels[channel].wire;
                let at = wire.back().map_or(at, |(before, _)| at.max(*before));
                wire.push_back((at, bytes.clone()));
            }
        }
    }

    fn route(&mut self) -> bool {
        let mut has_routed = false;
        for n in 0..self.nodes.len() {
            let (rng, max) = (&mut self.rng, self.profile.max_latency_millis);
            let latency = || rng.random_range(1..=max);
            let handed = self.nodes[n].step(self.now, &self.channels, latency);
            for message in handed {
                has_routed = true;
                if let Some(socket) = self.socket.as_mut().filter(|socket| socket.node == n) {
                    socket.route(&message, self.now);
                }
            }
        }
        has_routed
    }

    fn serve(&mut self) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        let (rng, max) = (&mut self.rng, self.profile.max_latency_millis);
        let latency = || rng.random_range(1..=max);
        socket.step(self.now, &self.nodes[socket.node], &self.channels, latency);
        // One at a time: between two frames a program that is not paused has its turn.
        let Some(frame) = self
            .socket
            .as_mut()
            .and_then(|socket| socket.take(self.now))
        else {
            return false;
        };
        match frame {
            Frame::Welcome => self.console.welcomed(),
            Frame::Text(text) => {
                self.note(|_| format!("  frame {}", text.chars().take(170).collect::<String>()));
                self.summary.num_told_gone += u64::from(text.starts_with(r#"{"t":"gone""#));
                self.console.read(&text);
            }
            Frame::Closed => self.disconnect(HoleReason::Disconnected),
        }
        true
    }

    fn consume(&mut self) -> bool {
        let mut has_moved = false;
        match self.console.link {
            Link::Down { retry_at } if retry_at <= self.now => {
                let done_at = self.now.plus_millis(self.latency());
                self.console.link = Link::Opening { done_at };
            }
            Link::Opening { done_at } if done_at <= self.now => {
                let node = self.rng.random_range(0..NUM_NODES);
                let latency = self.latency();
                let streams: Vec<_> = self.channels.iter().map(|c| c.stream.clone()).collect();
                let resume = self.console.resume();
                self.note(|_| format!("hello to node {node}: {resume:?}"));
                self.socket = Some(Socket::open(node, &streams, &resume, self.now, latency));
                self.console.said_hello(self.now);
                self.summary.num_sockets += 1;
                has_moved = true;
            }
            Link::Down { .. } | Link::Opening { .. } | Link::Waiting { .. } | Link::Up => {}
        }
        while let Some(taken) = self.console.take(self.now) {
            has_moved = true;
            for applied in taken.applied {
                self.note(|world| {
                    let stream = &world.console.streams[applied.channel];
                    format!(
                        "applied {} {:?}: {:?}",
                        stream.name,
                        applied.pos,
                        stream.client.state()
                    )
                });
                if applied.pos.is_none() {
                    self.summary.num_unverified += 1;
                }
                let channel = applied.channel;
                self.watched[channel].applied(&applied, &self.channels[channel]);
            }
            for (channel, ask) in taken.asks {
                self.ask(channel, ask);
            }
        }
        if self.now < self.console.paused_until {
            return has_moved;
        }
        for i in 0..self.console.streams.len() {
            let before = self.console.streams[i].client.next_deadline();
            if before.is_some_and(|at| at <= self.now)
                && let Some(ask) = self.console.streams[i].client.tick(self.now)
            {
                has_moved = true;
                self.ask(i, ask);
            }
        }
        self.console.check_beats(self.now);
        self.check_unverified();
        if self.console.is_silent(self.now) {
            has_moved = true;
            self.summary.num_silent += 1;
            self.disconnect(HoleReason::Silent);
        }
        has_moved
    }

    /// While a producer does not number, REST is asked every 10 s.
    fn check_unverified(&mut self) {
        for (i, stream) in self.console.streams.iter().enumerate() {
            let is_unverified = matches!(stream.client.state(), ClientState::Unverified { .. });
            if !is_unverified || self.console.link != Link::Up || stream.is_asking {
                self.unverified_since[i] = None;
                continue;
            }
            let since = *self.unverified_since[i].get_or_insert(self.now);
            assert!(
                self.now.millis_since(since) <= UNVERIFIED_POLL_MILLIS,
                "{}: unverified, and REST is not asked",
                stream.name
            );
        }
    }

    pub(crate) fn ask(&mut self, channel: usize, ask: Ask) {
        self.note(|world| {
            let stream = &world.console.streams[channel];
            format!("asks {} {ask:?}: {:?}", stream.name, stream.client.state())
        });
        assert_eq!(
            self.console.link,
            Link::Up,
            "nothing is asked without a socket"
        );
        match ask {
            Ask::Resync(pos) => {
                let at = self.now.plus_millis(self.latency());
                if let Some(socket) = self.socket.as_mut().filter(|s| !s.is_half_open) {
                    socket.ask(channel, pos, at);
                }
            }
            Ask::Rest => {
                if std::mem::replace(&mut self.console.streams[channel].is_asking, true) {
                    return;
                }
                let pos_at = self.now.plus_millis(self.latency());
                let rows_at = pos_at.plus_millis(self.rng.random_range(0..40));
                let arrives_at = rows_at.plus_millis(self.latency());
                self.rests.push(PendingRest {
                    channel,
                    pos_at,
                    rows_at,
                    arrives_at,
                    pos: PosRead::NotYet,
                    rows: None,
                    is_failed: false,
                });
            }
        }
    }

    fn close_socket(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            if !socket.is_closed {
                socket.close();
            }
            let counters = socket.counters();
            assert!(counters.balances() && counters.queued == 0, "{counters:?}");
            self.summary.num_slow_closes += u64::from(socket.was_slow);
            self.summary.num_lane_overflows += counters.overflows;
            self.summary.num_told_skipped += counters.told_skipped;
        }
    }

    pub(crate) fn disconnect(&mut self, reason: HoleReason) {
        self.note(|_| format!("the socket ends: {reason:?}"));
        self.close_socket();
        let retry_at = self.now.plus_millis(self.rng.random_range(250..2_000));
        self.console.disconnected(reason, retry_at, self.now);
    }

    /// One thing happens, if it is time.
    fn happen(&mut self) -> bool {
        if self.now < self.next_op_at {
            return false;
        }
        let op = if self.is_chaos {
            let gap = self.rng.random_range(1..=self.profile.mean_gap_millis * 2);
            self.next_op_at = self.now.plus_millis(gap);
            self.profile.next(&mut self.rng)
        } else {
            let gap = self.rng.random_range(500..3_000);
            self.next_op_at = self.now.plus_millis(gap);
            [Op::ChangeRows, Op::Events, Op::Halt][self.rng.random_range(0..3)]
        };
        self.note(|_| format!("# {op:?}"));
        self.perform(op);
        true
    }
}
