//! Virtual time and everything in it: channels, two gateway nodes, one client, and the faults between them.
//!
//! Whatever is due at an instant is done until nothing is; then time jumps to the next thing that is due.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use qd_state::{Ask, ClientState, HoleReason, UNVERIFIED_POLL_MILLIS, Verdict};
use qd_types::{StreamName, StreamPos, UserId, UtcMicros};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::channel::{Channel, Content, Fate, Producer};
use crate::chaos::{Op, Profile};
use crate::console::{Console, Link};
use crate::node::{Node, Subscription};
use crate::oracle::Watched;
use crate::socket::{Frame, Socket};

const NUM_NODES: usize = 2;
/// Everything works again: how long it may take until every seal says so.
const SETTLE_MILLIS: i64 = 32_000;
/// A seal that holds for so long is not one that a late watchdog or check will still take away.
const SETTLED_FOR_MILLIS: i64 = 14_000;
const CALM_MILLIS: i64 = 25_000;
const SILENCE_MILLIS: i64 = 12_000;

type Trace = Arc<Mutex<Vec<String>>>;

/// What a schedule came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) num_published: u64,
    pub(crate) num_applied: u64,
    pub(crate) num_duplicates: u64,
    pub(crate) num_set_aside: u64,
    pub(crate) num_unreadable: u64,
    pub(crate) num_queue_dropped: u64,
    pub(crate) num_gaps: u64,
    pub(crate) num_resyncs: u64,
    pub(crate) num_refetches: u64,
    pub(crate) num_missing_ranges: u64,
    pub(crate) num_unverified: u64,
    pub(crate) num_sockets: u64,
    pub(crate) num_slow_closes: u64,
    pub(crate) num_silent: u64,
    pub(crate) num_lane_overflows: u64,
    pub(crate) num_told_skipped: u64,
    pub(crate) num_told_gone: u64,
    pub(crate) num_faultless: u64,
    pub(crate) longest_settle_millis: i64,
}

impl Summary {
    /// Adds another schedule's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.num_published += other.num_published;
        self.num_applied += other.num_applied;
        self.num_duplicates += other.num_duplicates;
        self.num_set_aside += other.num_set_aside;
        self.num_unreadable += other.num_unreadable;
        self.num_queue_dropped += other.num_queue_dropped;
        self.num_gaps += other.num_gaps;
        self.num_resyncs += other.num_resyncs;
        self.num_refetches += other.num_refetches;
        self.num_missing_ranges += other.num_missing_ranges;
        self.num_unverified += other.num_unverified;
        self.num_sockets += other.num_sockets;
        self.num_slow_closes += other.num_slow_closes;
        self.num_silent += other.num_silent;
        self.num_lane_overflows += other.num_lane_overflows;
        self.num_told_skipped += other.num_told_skipped;
        self.num_told_gone += other.num_told_gone;
        self.num_faultless += other.num_faultless;
        self.longest_settle_millis = self.longest_settle_millis.max(other.longest_settle_millis);
    }

    /// A model in which nothing goes wrong proves nothing.
    pub(crate) fn assert_that_faults_happened(&self, num_schedules: u64) {
        if num_schedules < 500 {
            return;
        }
        for (what, num) in [
            ("duplicates", self.num_duplicates),
            ("set aside", self.num_set_aside),
            ("unreadable", self.num_unreadable),
            ("queue dropped", self.num_queue_dropped),
            ("gaps", self.num_gaps),
            ("resyncs", self.num_resyncs),
            ("refetches", self.num_refetches),
            ("missing ranges", self.num_missing_ranges),
            ("unverified", self.num_unverified),
            ("slow closes", self.num_slow_closes),
            ("silent", self.num_silent),
            ("lane overflows", self.num_lane_overflows),
            ("told skipped", self.num_told_skipped),
            ("told gone", self.num_told_gone),
            ("faultless", self.num_faultless),
        ] {
            assert!(num > 0, "no schedule had any {what}");
        }
    }
}

struct PendingRest {
    channel: usize,
    pos_at: UtcMicros,
    rows_at: UtcMicros,
    arrives_at: UtcMicros,
    pos: Option<Option<StreamPos>>,
    rows: Option<(Content, Option<StreamPos>)>,
    is_failed: bool,
}

/// Everything.
pub(crate) struct World {
    now: UtcMicros,
    rng: ChaCha8Rng,
    profile: Profile,
    channels: Vec<Channel>,
    nodes: Vec<Node>,
    socket: Option<Socket>,
    console: Console,
    watched: Vec<Watched>,
    rests: Vec<PendingRest>,
    /// Per stream, since when REST should have been asked about a producer without numbers.
    unverified_since: Vec<Option<UtcMicros>>,
    rest_down_until: UtcMicros,
    store_away_until: UtcMicros,
    next_op_at: UtcMicros,
    is_chaos: bool,
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
        for (i, watched) in self.watched.iter().enumerate() {
            watched.check_equal(&self.console.streams[i], &self.channels[i]);
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

    fn note(&self, line: impl FnOnce(&Self) -> String) {
        if let Some(trace) = &self.trace {
            let at = self.now.millis_since(UtcMicros::from_millis(1_000_000));
            trace.lock().push(format!("{at:>7} {}", line(self)));
        }
    }

    fn latency(&mut self) -> i64 {
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
    fn deliver(&mut self, channel: usize, bytes: &Bytes) {
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
        while let Some((applied, asks)) = self.console.take(self.now) {
            has_moved = true;
            for applied in applied {
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
            for (channel, ask) in asks {
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

    fn ask(&mut self, channel: usize, ask: Ask) {
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
                    pos: None,
                    rows: None,
                    is_failed: false,
                });
            }
        }
    }

    fn answer_rest(&mut self) -> bool {
        let mut has_moved = false;
        let is_down = self.now < self.rest_down_until;
        for rest in &mut self.rests {
            let channel = &self.channels[rest.channel];
            if rest.pos.is_none() && rest.pos_at <= self.now {
                rest.is_failed |= is_down || !channel.is_up();
                rest.pos = Some(channel.position());
            }
            if rest.rows.is_none() && rest.rows_at <= self.now {
                rest.is_failed |= is_down || !channel.is_up();
                rest.rows = Some((channel.facts(), channel.stored.log.position()));
            }
        }
        let now = self.now;
        let is_here = |rest: &PendingRest| rest.rows.is_some() && rest.arrives_at <= now;
        while let Some(i) = self.rests.iter().position(is_here) {
            has_moved = true;
            let rest = self.rests.remove(i);
            let stream = &mut self.console.streams[rest.channel];
            stream.is_asking = false;
            let (Some(pos), Some((rows, stored)), false) = (rest.pos, rest.rows, rest.is_failed)
            else {
                stream.client.rest_failed(self.now);
                continue;
            };
            let before = match stream.client.state() {
                ClientState::Refetch { last, .. } | ClientState::Unverified { last, .. } => {
                    last.clone()
                }
                ClientState::Empty | ClientState::Verified { .. } | ClientState::Hole { .. } => {
                    None
                }
            };
            let missing = stream.client.missing().to_vec();
            let (verdict, ask) = stream.client.rest_loaded(pos.as_ref(), self.now);
            if verdict == Verdict::Apply {
                stream.content = rows;
                let channel = &self.channels[rest.channel];
                self.watched[rest.channel].rest_applied(
                    (before, &missing),
                    self.console.streams[rest.channel].client.missing(),
                    pos.as_ref(),
                    stored,
                    channel,
                );
            }
            self.note(|world| {
                let stream = &world.console.streams[rest.channel];
                format!(
                    "REST {} {pos:?} {verdict:?}: {:?}",
                    stream.name,
                    stream.client.state()
                )
            });
            if let Some(ask) = ask {
                self.ask(rest.channel, ask);
            }
        }
        has_moved
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

    fn disconnect(&mut self, reason: HoleReason) {
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

    fn perform(&mut self, op: Op) {
        let millis = self.rng.random_range(100..12_000);
        let until = self.now.plus_millis(millis);
        let node = self.rng.random_range(0..NUM_NODES);
        let channel = self.rng.random_range(0..self.channels.len());
        let (halts, orders, positions) = (0, 1, 2);
        match op {
            Op::ChangeRows => {
                for _ in 0..self.rng.random_range(1..5) {
                    let key = self.rng.random_range(0..8);
                    self.channels[positions].change_row(key);
                }
            }
            Op::Halt => self.channels[halts].change_row(0),
            Op::Events => {
                let num = self.rng.random_range(1..6);
                self.channels[orders].make_events(num, 0, false);
            }
            Op::Burst => {
                // More than the log keeps is a hole that nobody can fill: a fault.
                let (num, pad) = match self.rng.random_range(0..6) {
                    0 if !self.profile.is_faultless => (1_100, 0),
                    1 if !self.profile.is_faultless => (40, 8_000),
                    _ => (150, 0),
                };
                self.channels[orders].make_events(num, pad, false);
            }
            Op::WireDrop | Op::WireDouble | Op::WireReorder => {
                let busy: Vec<(usize, usize)> = (0..NUM_NODES * self.channels.len())
                    .map(|i| (i % NUM_NODES, i / NUM_NODES))
                    .filter(|(n, c)| !self.nodes[*n].channels[*c].wire.is_empty())
                    .collect();
                if busy.is_empty() {
                    return;
                }
                let (node, channel) = busy[self.rng.random_range(0..busy.len())];
                let wire = &mut self.nodes[node].channels[channel].wire;
                let num = wire.len();
                let i = self.rng.random_range(0..num);
                match op {
                    Op::WireDrop => drop(wire.remove(i)),
                    Op::WireDouble => {
                        if let Some(message) = wire.get(i).cloned() {
                            wire.insert(i, message);
                        }
                    }
                    _ => {
                        // The instants stay in order, the messages change places.
                        let j = self.rng.random_range(0..num);
                        let (a, b) = (wire[i].1.clone(), wire[j].1.clone());
                        (wire[i].1, wire[j].1) = (b, a);
                    }
                }
            }
            Op::HubCut => {
                let acknowledged_at = self.now.plus_millis(millis / 4);
                self.nodes[node].cut(Subscription::Down { acknowledged_at });
            }
            Op::Partition => {
                let noticed_at = self.now.plus_millis(self.rng.random_range(500..1_000));
                let factor = if self.rng.random_range(0..2) == 0 {
                    1
                } else {
                    5
                };
                self.nodes[node].cut_until = self.now.plus_millis(millis * factor);
                self.nodes[node].cut(Subscription::Deaf { noticed_at });
            }
            Op::StoreAway => self.store_away_until = until,
            Op::StoreLoss => self.channels.iter_mut().for_each(|c| c.stored.lose()),
            Op::BackUp => self.channels.iter_mut().for_each(|c| c.stored.back_up()),
            Op::SetBack => self.channels.iter_mut().for_each(|c| c.stored.set_back()),
            Op::Restart => self.channels[channel].stop(self.now.plus_millis(millis / 3), false),
            Op::RestartForgetful => {
                self.channels[channel].stop(self.now.plus_millis(millis / 3), true);
            }
            Op::Break => {
                if self.socket.is_some() {
                    self.disconnect(HoleReason::Disconnected);
                }
            }
            Op::HalfOpen => {
                if let Some(socket) = &mut self.socket {
                    socket.is_half_open = true;
                }
            }
            Op::Stall => {
                if let Some(socket) = &mut self.socket {
                    socket.stall_until(self.now.plus_millis(millis * 3 / 2));
                }
            }
            Op::Pause => self.console.paused_until = self.now.plus_millis(millis / 12),
            Op::RestDown => self.rest_down_until = until,
            Op::Foreign => {
                let text: &[u8] = match channel {
                    1 => br#"{"order":"foreign"}"#,
                    _ => br#"{"rows":{"foreign":1}}"#,
                };
                self.deliver(channel, &Bytes::from_static(text));
            }
            Op::Garbage => {
                let text: &[u8] = match millis % 3 {
                    0 => b"{not json",
                    1 => br#"{"v":1,"stream":"positions:bob","epoch":"x","seq":1,"kind":"snapshot","made_at":"2026-01-05T14:30:00Z","published_at":"2026-01-05T14:30:00Z"}"#,
                    _ => b"[]",
                };
                self.deliver(channel, &Bytes::from_static(text));
            }
            Op::Broken => self.channels[orders].make_events(1, 0, true),
            Op::Fat | Op::Wide => {
                if let Producer::State { rows, .. } = &self.channels[positions].producer {
                    let is_on = self.rng.random_range(0..2) == 0;
                    if op == Op::Fat {
                        *rows.is_fat.lock() = is_on;
                    } else {
                        *rows.row_pad.lock() = if is_on { 9_000 } else { 0 };
                    }
                }
            }
        }
    }

    /// From here on everything works; what is broken is noticed by those whom it concerns.
    fn end_faults(&mut self) {
        self.note(|_| "the faults end".to_owned());
        self.is_chaos = false;
        self.store_away_until = self.now;
        self.rest_down_until = self.now;
        self.console.paused_until = self.now;
        for node in &mut self.nodes {
            node.cut_until = self.now;
            if let Subscription::Down { acknowledged_at } = &mut node.subscription {
                // The hub's own wait between attempts.
                *acknowledged_at = (*acknowledged_at).min(self.now.plus_millis(2_000));
            }
        }
        for channel in &mut self.channels {
            if let Some(back_at) = &mut channel.back_at {
                *back_at = (*back_at).min(self.now.plus_millis(500));
            }
            if let Producer::State { rows, .. } = &channel.producer {
                *rows.is_fat.lock() = false;
                *rows.row_pad.lock() = 0;
            }
        }
        if let Some(socket) = &mut self.socket {
            socket.end_stall(self.now);
        }
    }
}

impl PendingRest {
    fn due(&self) -> UtcMicros {
        if self.pos.is_none() {
            self.pos_at
        } else if self.rows.is_none() {
            self.rows_at
        } else {
            self.arrives_at
        }
    }
}
