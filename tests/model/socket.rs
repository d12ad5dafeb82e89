//! One open socket: the real lanes on the gateway's side, and the frames on their way to the client.
//!
//! It mimics the gateway's socket task (one frame at a time while there is room, a beat every 5 s, the slow closed
//! after 10 s) and the network's ways to fail: stalls, breaks, and half-open connections that nobody notices.

use std::collections::VecDeque;

use qd_bus::Routed;
use qd_gateway::lane::{Lane, LaneCounters, LaneStep, LogRead};
use qd_types::{StreamName, StreamPos, UtcMicros};
use qd_wire::frame::beat_frame;

use crate::channel::Channel;
use crate::node::{Handed, Node, Reading};

const ROOM_FRAMES: usize = 3;
const BEAT_MILLIS: i64 = 5_000;
const SLOW_MILLIS: i64 = 10_000;

/// What is on its way to the client.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// The hello is answered.
    Welcome,
    /// As the socket carries it.
    Text(String),
    /// The gateway closed.
    Closed,
}

/// The socket.
pub(crate) struct Socket {
    pub(crate) node: usize,
    lanes: Vec<Lane>,
    reads: Vec<(usize, Reading<LogRead>)>,
    out: VecDeque<(UtcMicros, Frame)>,
    requests: VecDeque<(UtcMicros, usize, StreamPos)>,
    beat_at: UtcMicros,
    lane_due: Option<UtcMicros>,
    /// Nothing moves before.
    stalled_until: UtcMicros,
    full_since: Option<UtcMicros>,
    /// What is sent is lost, and neither side knows.
    pub(crate) is_half_open: bool,
    pub(crate) is_closed: bool,
    /// The gateway closed it because nothing was taken.
    pub(crate) was_slow: bool,
}

impl Socket {
    pub(crate) fn open(
        node: usize,
        streams: &[StreamName],
        resume: &[Option<StreamPos>],
        now: UtcMicros,
        latency: i64,
    ) -> Self {
        let lanes = streams.iter().zip(resume).map(|(stream, from)| {
            let mut lane = Lane::new(stream.clone());
            lane.open(from.clone());
            lane
        });
        Self {
            node,
            lanes: lanes.collect(),
            reads: Vec::new(),
            out: VecDeque::from([(now.plus_millis(latency), Frame::Welcome)]),
            requests: VecDeque::new(),
            beat_at: now.plus_millis(BEAT_MILLIS),
            lane_due: Some(now),
            stalled_until: now,
            full_since: None,
            is_half_open: false,
            is_closed: false,
            was_slow: false,
        }
    }

    pub(crate) fn due(&self) -> UtcMicros {
        let mut due = UtcMicros(i64::MAX);
        if let Some((at, _)) = self.out.front() {
            due = due.min((*at).max(self.stalled_until));
        }
        if self.is_closed {
            return due;
        }
        due = due.min(self.beat_at);
        if let Some((at, _, _)) = self.requests.front() {
            due = due.min(*at);
        }
        if let Some(at) = self.reads.iter().map(|(_, reading)| reading.due()).min() {
            due = due.min(at);
        }
        if let Some(since) = self.full_since {
            due = due.min(since.plus_millis(SLOW_MILLIS));
        }
        self.lane_due.map_or(due, |at| due.min(at))
    }

    pub(crate) fn stall_until(&mut self, until: UtcMicros) {
        self.stalled_until = self.stalled_until.max(until);
    }

    /// What stood still moves again.
    pub(crate) fn end_stall(&mut self, now: UtcMicros) {
        self.stalled_until = self.stalled_until.min(now);
    }

    /// The client sent a `resync`.
    pub(crate) fn ask(&mut self, channel: usize, pos: StreamPos, at: UtcMicros) {
        self.requests.push_back((at, channel, pos));
    }

    /// The node's hub hands on a message.
    pub(crate) fn route(&mut self, handed: &Handed, now: UtcMicros) {
        if self.is_closed {
            return;
        }
        let lane = &mut self.lanes[handed.channel];
        lane.on_routed(&Routed {
            stream: lane.stream().clone(),
            head: handed.head.clone(),
            bytes: handed.bytes.clone(),
            routed_at: now,
        });
        check(lane);
        self.lane_due = Some(now);
    }

    /// The gateway's side does what is due.
    pub(crate) fn step(
        &mut self,
        now: UtcMicros,
        node: &Node,
        stores: &[Channel],
        mut latency: impl FnMut() -> i64,
    ) {
        if self.is_closed {
            return;
        }
        let is_cut = now < node.cut_until;
        while self.requests.front().is_some_and(|(at, _, _)| *at <= now) {
            if let Some((_, channel, pos)) = self.requests.pop_front() {
                self.lanes[channel].resync(pos);
                check(&self.lanes[channel]);
                self.lane_due = Some(now);
            }
        }
        for (channel, reading) in &mut self.reads {
            if reading.page.is_none() && reading.read_at <= now {
                let read = &reading.what;
                let log = &stores[*channel].stored.log;
                reading.page = Some(if is_cut {
                    Err(())
                } else {
                    Ok(log.read(read.after.as_ref(), read.max_messages, read.max_bytes))
                });
            }
        }
        while let Some(i) = self
            .reads
            .iter()
            .position(|(_, reading)| reading.page.is_some() && reading.arrives_at <= now)
        {
            let (channel, reading) = self.reads.remove(i);
            let lane = &mut self.lanes[channel];
            match reading.page {
                Some(Ok(page)) => lane.on_page(reading.what.read_id, page, now),
                Some(Err(())) | None => lane.on_page_failed(reading.what.read_id, now),
            }
            check(lane);
            self.lane_due = Some(now);
        }
        if now >= self.beat_at {
            self.beat_at = now.plus_millis(BEAT_MILLIS);
            let mut places = Vec::new();
            for (lane, hub) in self.lanes.iter_mut().zip(&node.channels) {
                if let Some(pos) = lane.on_beat_due(hub.core.verified()) {
                    places.push((lane.stream().clone(), pos));
                }
                check(lane);
            }
            self.lane_due = Some(now);
            self.send(Frame::Text(beat_frame(&places, now)), now, latency());
        }
        if self.lane_due.is_some_and(|at| at <= now) {
            self.poll_lanes(now, &mut latency);
        }
        if self
            .full_since
            .is_some_and(|since| now.millis_since(since) >= SLOW_MILLIS)
        {
            self.was_slow = true;
            self.close();
            self.out.clear();
            self.out.push_back((now, Frame::Closed));
        }
    }

    /// What reaches the client now.
    pub(crate) fn take(&mut self, now: UtcMicros) -> Option<Frame> {
        if now < self.stalled_until || self.out.front().is_none_or(|(at, _)| now < *at) {
            return None;
        }
        let (_, frame) = self.out.pop_front()?;
        self.full_since = None;
        self.lane_due = Some(now);
        Some(frame)
    }

    /// The socket is gone: what waited in its lanes is dropped, and counted.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.full_since = None;
        self.lane_due = None;
        self.reads.clear();
        for lane in &mut self.lanes {
            lane.close();
            check(lane);
        }
    }

    /// The figures of all lanes.
    pub(crate) fn counters(&self) -> LaneCounters {
        let mut sum = LaneCounters::default();
        for lane in &self.lanes {
            sum.add(&lane.counters());
        }
        sum
    }

    fn poll_lanes(&mut self, now: UtcMicros, latency: &mut impl FnMut() -> i64) {
        self.lane_due = None;
        for i in 0..self.lanes.len() {
            loop {
                if self.out.len() >= ROOM_FRAMES {
                    // Asked again when the client took something.
                    self.full_since.get_or_insert(now);
                    return;
                }
                let step = self.lanes[i].poll(now);
                check(&self.lanes[i]);
                match step {
                    LaneStep::Send(frame) => self.send(Frame::Text(frame.render()), now, latency()),
                    LaneStep::Read(read) => {
                        let read_at = now.plus_millis(latency());
                        let reading = Reading {
                            what: read,
                            read_at,
                            arrives_at: read_at.plus_millis(latency()),
                            page: None,
                        };
                        self.reads.push((i, reading));
                    }
                    LaneStep::Wait(until) => {
                        self.lane_due = match (self.lane_due, until) {
                            (Some(due), Some(until)) => Some(due.min(until)),
                            (due, until) => due.or(until),
                        };
                        break;
                    }
                }
            }
        }
    }

    fn send(&mut self, frame: Frame, now: UtcMicros, latency: i64) {
        if self.is_half_open {
            return;
        }
        // One connection: nothing overtakes.
        let after = self.out.back().map_or(now, |(at, _)| *at);
        self.out
            .push_back((now.plus_millis(latency).max(after), frame));
    }
}

fn check(lane: &Lane) {
    let counters = lane.counters();
    assert!(counters.balances(), "{counters:?}");
}
