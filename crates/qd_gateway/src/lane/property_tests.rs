//! Random schedules over a real log, a hub that may lose messages, and a reader that checks every frame.
//!
//! Whatever happens, the reader must see no hole it was not told of, end where the store ends, and the figures must add up at every step.

use std::collections::VecDeque;

use proptest::prelude::*;
use qd_bus::{AppendOutcome, AppendRequest, LogEntry, StreamLog};
use qd_types::{MessageKind, Seq};

use super::tests::{entry, orders, pos, positions, routed};
use super::*;

#[derive(Clone, Debug)]
enum Op {
    Publish { len: usize, snapshot: bool },
    NewEpoch,
    StoreLoss,
    Route,
    LoseLive,
    Unnumbered,
    Poll,
    AnswerRead,
    FailRead,
    Rewind { by: u64 },
    Beat,
    Pass { millis: i64 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (1..20_000usize, prop::bool::weighted(0.1))
            .prop_map(|(len, snapshot)| Op::Publish { len, snapshot }),
        1 => Just(Op::NewEpoch),
        1 => Just(Op::StoreLoss),
        8 => Just(Op::Route),
        1 => Just(Op::LoseLive),
        1 => Just(Op::Unnumbered),
        6 => Just(Op::Poll),
        4 => Just(Op::AnswerRead),
        1 => Just(Op::FailRead),
        1 => (0..6u64).prop_map(|by| Op::Rewind { by }),
        1 => Just(Op::Beat),
        3 => (1..300i64).prop_map(|millis| Op::Pass { millis }),
    ]
}

struct World {
    stream: StreamName,
    log: StreamLog,
    epoch: u32,
    seq: u64,
    on_the_way: VecDeque<LogEntry>,
    hub: Option<StreamPos>,
    lane: Lane,
    asked: Option<LogRead>,
    reader: Option<StreamPos>,
    /// The reader was told that it cannot go on and has not asked anew yet.
    is_gone: bool,
    is_live_frame_rate: VecDeque<UtcMicros>,
    now: UtcMicros,
}

impl World {
    fn new(stream: StreamName) -> Self {
        let mut world = Self {
            log: StreamLog::new(stream.class()),
            epoch: 0,
            seq: 0,
            on_the_way: VecDeque::new(),
            hub: None,
            lane: Lane::new(stream.clone()),
            asked: None,
            reader: None,
            is_gone: false,
            is_live_frame_rate: VecDeque::new(),
            now: UtcMicros::from_millis(1_000_000),
            stream,
        };
        world.lane.open(None);
        world
    }

    fn is_state(&self) -> bool {
        self.stream.class() == StreamClass::State
    }

    fn publish(&mut self, len: usize, snapshot: bool) {
        let expected = (self.seq > 0).then(|| pos(&format!("e{}", self.epoch), self.seq));
        self.seq += 1;
        let kind = match self.stream.class() {
            StreamClass::Event => MessageKind::Event,
            StreamClass::State if snapshot || expected.is_none() => MessageKind::Snapshot,
            StreamClass::State => MessageKind::Delta,
        };
        let entry = entry(
            &self.stream,
            &format!("e{}", self.epoch),
            self.seq,
            kind,
            len,
        );
        let request = AppendRequest {
            stream: self.stream.clone(),
            expected,
            head: entry.head.clone(),
            bytes: entry.bytes.clone(),
            reset: kind == MessageKind::Snapshot,
        };
        match self.log.append(&request) {
            AppendOutcome::Appended => self.on_the_way.push_back(entry),
            AppendOutcome::Mismatch { .. } => {
                // What a publisher does after a store loss.
                self.epoch += 1;
                self.seq = 0;
                self.publish(len, true);
            }
        }
    }

    fn route(&mut self) {
        let Some(entry) = self.on_the_way.pop_front() else {
            return;
        };
        // The hub reads the log when numbers jump, so that a lane sees them in order again.
        if let Some(hub) = &self.hub
            && hub.epoch == entry.head.epoch
            && entry.head.seq.0 > hub.seq.0 + 1
        {
            let page = self.log.read(Some(&hub.clone()), 10_000, usize::MAX);
            for missed in page.entries {
                if missed.head.epoch == entry.head.epoch && missed.head.seq < entry.head.seq {
                    self.lane.on_routed(&routed(&missed, self.now));
                }
            }
        }
        self.hub = Some(entry.head.pos());
        self.lane.on_routed(&routed(&entry, self.now));
    }

    /// Does what the owner of a lane does; says whether anything happened.
    fn poll(&mut self) -> bool {
        let was_live = self.lane.is_live();
        match self.lane.poll(self.now) {
            LaneStep::Send(frame) => {
                self.check(&frame, was_live);
                true
            }
            LaneStep::Read(read) => {
                assert!(self.asked.is_none(), "two questions at once");
                self.asked = Some(read);
                true
            }
            LaneStep::Wait(_) => false,
        }
    }

    fn answer(&mut self) -> bool {
        let Some(read) = self.asked.take() else {
            return false;
        };
        assert!(read.max_messages <= MAX_PAGE_MESSAGES && read.max_bytes <= MAX_PAGE_BYTES);
        let page = self
            .log
            .read(read.after.as_ref(), read.max_messages, read.max_bytes);
        self.lane.on_page(read.read_id, page, self.now);
        true
    }

    fn check(&mut self, frame: &LaneFrame, was_live: bool) {
        if was_live && self.stream.is_throttled() && frame.num_messages() > 0 {
            self.is_live_frame_rate.push_back(self.now);
            if self.is_live_frame_rate.len() > MAX_FRAMES_PER_SECOND {
                let oldest = self.is_live_frame_rate.pop_front().unwrap();
                assert!(
                    self.now.millis_since(oldest) >= 1000,
                    "more than ten frames in a second"
                );
            }
        }
        match frame {
            LaneFrame::Snapshot { head, skipped, .. } => {
                assert!(self.is_state());
                let told = skipped.unwrap_or(0);
                if let Some(reader) = &self.reader {
                    let from = if reader.epoch == head.epoch {
                        reader.seq.0
                    } else {
                        0
                    };
                    assert!(head.seq.0 > from, "a snapshot behind the reader");
                    assert_eq!(told, head.seq.0 - from - 1, "what was skipped must be said");
                }
                self.reader = Some(head.pos());
            }
            LaneFrame::Batch { msgs, last, .. } => {
                assert!(!msgs.is_empty());
                for bytes in msgs {
                    let text = std::str::from_utf8(bytes).unwrap().trim();
                    let (epoch, seq) = text.split_once(':').unwrap();
                    let at = pos(epoch, seq.parse().unwrap());
                    // An event reader that has no place yet, or was told gone, waits for one.
                    if !self.is_gone && (self.reader.is_some() || self.is_state()) {
                        match &self.reader {
                            Some(reader) => {
                                assert_eq!(reader.epoch, at.epoch, "another epoch without a word");
                                assert_eq!(reader.seq.0 + 1, at.seq.0, "a hole without a word");
                            }
                            None => assert_eq!(at.seq.0, 1, "a stream began in its middle"),
                        }
                        self.reader = Some(at);
                    }
                }
                if !self.is_gone && self.reader.is_some() {
                    assert_eq!(self.reader.as_ref(), Some(last));
                }
            }
            LaneFrame::Gone { .. } => {
                assert!(
                    !self.is_state(),
                    "the log of a state stream begins with a snapshot"
                );
                self.is_gone = true;
            }
            LaneFrame::Beat { pos, .. } => {
                if self.is_gone || (self.reader.is_none() && !self.is_state()) {
                    // Events: REST gives the present number, and a resync from there follows.
                    self.is_gone = false;
                    self.reader = Some(pos.clone());
                    self.lane.resync(pos.clone());
                }
                let reader = self.reader.as_ref().unwrap();
                // A lost store may stand below the reader until its publisher is back.
                assert!(
                    reader.epoch != pos.epoch || reader.seq >= pos.seq,
                    "an answer ended before its end: {reader:?} {pos:?}"
                );
            }
            LaneFrame::Unnumbered { .. } => {}
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Publish { len, snapshot } => self.publish(*len, *snapshot),
            Op::NewEpoch => {
                self.epoch += 1;
                self.seq = 0;
                self.publish(10, true);
            }
            Op::StoreLoss if self.is_state() => {
                self.log.clear();
                self.epoch += 1;
                self.seq = 0;
                self.publish(10, true);
            }
            // The publisher of events keeps them and fills the log again: nothing changes for a lane.
            Op::StoreLoss => {}
            Op::Route => self.route(),
            Op::LoseLive => {
                self.on_the_way.pop_front();
            }
            Op::Unnumbered => {
                self.lane.on_routed(&Routed {
                    stream: self.stream.clone(),
                    head: None,
                    bytes: "{}".into(),
                    routed_at: self.now,
                });
            }
            Op::Poll => {
                self.poll();
            }
            Op::AnswerRead => {
                self.answer();
            }
            Op::FailRead => {
                if let Some(read) = self.asked.take() {
                    self.lane.on_page_failed(read.read_id, self.now);
                }
            }
            Op::Rewind { by } => {
                // The reader lost what it had in its own queue and asks again from before.
                if let Some(reader) = &mut self.reader
                    && !self.is_gone
                {
                    reader.seq = Seq(reader.seq.0.saturating_sub(*by));
                    self.lane.resync(reader.clone());
                }
            }
            Op::Beat => {
                let hub = self.hub.clone();
                self.lane.on_beat_due(hub.as_ref());
            }
            Op::Pass { millis } => self.now = self.now.plus_millis(*millis),
        }
        let counters = self.lane.counters();
        assert!(counters.balances(), "{counters:?}");
        assert!(self.lane.queue_bytes <= MAX_WAITING_BYTES);
        assert!(self.lane.queue.len() <= MAX_WAITING_MESSAGES);
    }

    /// Lets everything come to rest, with the hub's check and a beat as every five seconds.
    fn settle(&mut self) {
        for _ in 0..8 {
            while !self.on_the_way.is_empty() {
                self.route();
            }
            for _ in 0..20_000 {
                self.now = self.now.plus_millis(101);
                if !self.poll() && !self.answer() && self.lane.counters().queued == 0 {
                    break;
                }
            }
            self.hub = self.log.position();
            let hub = self.hub.clone();
            self.lane.on_beat_due(hub.as_ref());
            if self.reader.is_none()
                && !self.is_state()
                && let Some(present) = self.log.position()
            {
                // REST answered meanwhile.
                self.reader = Some(present.clone());
                self.lane.resync(present);
            }
        }
    }
}

fn check(stream: StreamName, ops: &[Op]) {
    let mut world = World::new(stream);
    for op in ops {
        world.apply(op);
    }
    world.settle();
    assert!(world.lane.is_live() && world.lane.is_answered());
    assert_eq!(world.lane.counters().queued, 0);
    assert!(world.lane.counters().balances());
    assert_eq!(
        world.reader,
        world.log.position(),
        "the reader ends where the store ends"
    );
    world.lane.close();
    assert!(world.lane.counters().balances());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn prop_a_state_reader_ends_where_the_store_ends(ops in prop::collection::vec(op(), 1..250)) {
        check(positions(), &ops);
    }

    #[test]
    fn prop_halts_follow_the_same_law(ops in prop::collection::vec(op(), 1..150)) {
        check(StreamName::KillSwitch, &ops);
    }

    #[test]
    fn prop_an_event_reader_ends_where_the_store_ends(ops in prop::collection::vec(op(), 1..250)) {
        check(orders(), &ops);
    }
}
